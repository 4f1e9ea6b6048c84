"""Issuers that an authority accredits on chain: made, ended, read, now and in the past."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from eth_hash.auto import keccak

from ethr_did.chain.rpc import Chain
from ethr_did.core.changes import AddDelegate, ChangeOwner, RevokeDelegate, deactivate
from ethr_did.core.erc1056 import encode_name
from ethr_did.core.keys import ZERO_ADDRESS, Address, to_checksum_address
from ethr_did.core.status_list import Authority
from ethr_did.credentials.accreditations import (
    Accreditation,
    AuthorityHistory,
    accredit,
    accreditation_type,
    accreditations,
    read_accreditations,
    withdraw,
)
from ethr_did.errors import (
    HistoryMissing,
    InvalidChange,
    InvalidTrustList,
    InvalidValidity,
    NodeUnreachable,
    NotAuthorized,
    NotFoundError,
)
from support.events import BOB, CAROL, IDENTITY, ZERO, Story, time_of
from support.status_node import StatusNode

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from support.issuing import Office

DAY = 86_400
DIPLOMA, CARD = "DiplomaCredential", "LibraryCard"
VC = "VerifiableCredential"


def address(account: LocalAccount) -> Address:
    return Address(account.address_bytes)


def read(office: Office, *authorities: LocalAccount, block: int | None = None) -> Any:
    """The histories of some authorities."""
    asked = [address(one) for one in authorities]
    return office.door.run(read_accreditations(office.network, asked, block=block))


def history(office: Office, authority: LocalAccount, block: int | None = None) -> AuthorityHistory:
    found = read(office, authority, block=block)[address(authority)]
    assert isinstance(found, AuthorityHistory)
    return found


def code(
    office: Office,
    authority: LocalAccount,
    issuer: LocalAccount,
    *types: str,
    at: int | None = None,
) -> str:
    """What an authority says about an issuer, by the newest block unless a time is named."""
    found = history(office, authority)
    moment = found.read_at.block_timestamp if at is None else at
    return found.find(address(issuer), types or (VC, DIPLOMA), at=moment).reason.name


# -- the form ------------------------------------------------------------------------------------


def test_the_type_of_a_kind_is_what_the_decision_says() -> None:
    name = b"credTrust" + bytes(23)
    assert accreditation_type(DIPLOMA) == keccak(name + keccak(DIPLOMA.encode()))
    assert accreditation_type("*") == keccak(name + keccak(b"*"))
    assert accreditation_type("Zeugnis Ä") == keccak(name + keccak("Zeugnis Ä".encode()))


@pytest.mark.parametrize("kind", [VC, "", "a\n"])
def test_nobody_is_accredited_for_what_is_no_kind(kind: str) -> None:
    for make in (
        accreditation_type,
        lambda kind: accredit(BOB, kind, validity=1),
        lambda kind: withdraw(BOB, kind),
    ):
        with pytest.raises(InvalidTrustList):
            make(kind)


def test_an_accreditation_is_a_change_of_the_authority() -> None:
    kind = accreditation_type(DIPLOMA)
    added = AddDelegate(delegate_type=kind, delegate=BOB, validity=DAY)
    assert accredit(BOB, DIPLOMA, validity=DAY) == added
    assert withdraw(BOB, DIPLOMA) == RevokeDelegate(delegate_type=kind, delegate=BOB)
    with pytest.raises(InvalidValidity):
        accredit(BOB, DIPLOMA, validity=0)
    with pytest.raises(InvalidChange):
        accredit(ZERO_ADDRESS, DIPLOMA, validity=DAY)


# -- histories as values -------------------------------------------------------------------------


def found_in(story: Story, at: int | None = None) -> tuple[Accreditation, ...]:
    return accreditations(story.events, at=story.now if at is None else at, kinds=[DIPLOMA])


def test_accreditations_are_told_by_the_kinds_that_are_named() -> None:
    story = (
        Story()
        .delegate(accreditation_type(DIPLOMA), BOB)
        .delegate(accreditation_type("*"), CAROL)
        .delegate(accreditation_type(CARD), BOB)
        .delegate("veriKey", BOB)
        .delegate("credStatus", BOB)
    )
    found = found_in(story)
    assert [(one.issuer, one.kind, one.since_block) for one in found] == [
        (BOB, DIPLOMA, 1),
        (CAROL, "*", 2),
        (BOB, None, 3),
    ]
    assert [one.name for one in found[:2]] == [DIPLOMA, "any credential"]
    assert "not known here" in found[2].name
    assert found[2].withdrawal() == withdraw(BOB, CARD)
    assert found[0].to_dict() == {
        "issuer": to_checksum_address(BOB),
        "type": DIPLOMA,
        "delegateType": "0x" + accreditation_type(DIPLOMA).hex(),
        "validTo": "2001-09-20T15:50:00Z",
        "valid": True,
        "sinceBlock": 1,
        "sinceTime": "1970-01-12T14:03:20Z",
        "survived": False,
    }


def test_what_came_later_is_left_out() -> None:
    story = Story().delegate(accreditation_type(DIPLOMA), BOB).at(5)
    story.delegate(accreditation_type(DIPLOMA), BOB, valid_to=time_of(5))
    assert [one.valid for one in found_in(story, time_of(4))] == [True]
    assert [one.valid for one in found_in(story, time_of(5))] == [False]
    assert found_in(story, time_of(1) - 1) == ()


def test_nobody_is_accredited_by_an_authority_that_was_given_up() -> None:
    story = Story().delegate(accreditation_type(DIPLOMA), BOB).owner(ZERO)
    # The contract gives control back to the first key; what it does then does not count.
    story.owner(IDENTITY).delegate(accreditation_type(DIPLOMA), CAROL)
    (bob,) = found_in(story)
    assert (bob.issuer, bob.valid) == (BOB, False)
    assert [one.valid for one in found_in(story, time_of(1))] == [True]


def test_a_time_of_block_that_is_not_known_is_told_as_such() -> None:
    (event,) = Story().delegate(accreditation_type(DIPLOMA), BOB).events
    (found,) = accreditations([replace(event, block_timestamp=None)], at=1, kinds=[DIPLOMA])
    assert found.to_dict()["sinceTime"] is None


# -- on chain ------------------------------------------------------------------------------------


def test_an_accredited_issuer_is_trusted_for_its_kind_only(
    office: Office, alice: LocalAccount, bob: LocalAccount, carol: LocalAccount
) -> None:
    office.change(alice, accredit(address(bob), DIPLOMA, validity=DAY))
    assert code(office, alice, bob) == "TRUSTED"
    assert code(office, alice, bob, VC, CARD) == "UNKNOWN"
    assert code(office, alice, bob, VC, DIPLOMA, CARD) == "WRONG_TYPE"
    assert code(office, alice, carol) == "UNKNOWN"
    assert code(office, alice, bob, VC) == "UNKNOWN"


def test_an_answer_names_its_block(office: Office, alice: LocalAccount, bob: LocalAccount) -> None:
    office.change(alice, accredit(address(bob), DIPLOMA, validity=DAY))
    found = history(office, alice)
    said = found.find(address(bob), (DIPLOMA,), at=found.read_at.block_timestamp)
    assert said.read_at == found.read_at
    assert found.read_at.block_number == office.chain.head.number
    assert said.to_dict()["readAt"]["blockNumber"] == office.chain.head.number
    assert bob.address in said.message


def test_an_issuer_that_is_accredited_for_any_kind_is_trusted_for_all(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    office.change(alice, accredit(address(bob), "*", validity=DAY))
    assert code(office, alice, bob, VC) == "TRUSTED"
    assert code(office, alice, bob, VC, DIPLOMA, "odd\nkind") == "TRUSTED"


@pytest.mark.parametrize("kind", ["*", "odd\nkind", "", "x" * 2000])
def test_a_kind_that_nobody_can_be_accredited_for_is_not_covered(
    office: Office, alice: LocalAccount, bob: LocalAccount, kind: str
) -> None:
    office.change(alice, accredit(address(bob), DIPLOMA, validity=DAY))
    assert code(office, alice, bob, VC, DIPLOMA, kind) == "WRONG_TYPE"


def test_an_accreditation_ends_with_its_time(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    office.change(alice, accredit(address(bob), DIPLOMA, validity=100))
    end = office.chain.head.timestamp + 100
    assert code(office, alice, bob, at=end - 1) == "TRUSTED"
    assert code(office, alice, bob, at=end) == "NO_LONGER"
    office.pass_time(101)
    assert code(office, alice, bob) == "NO_LONGER"


def test_a_withdrawn_accreditation_counts_in_the_past_only(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    before = office.chain.head.timestamp
    office.change(alice, accredit(address(bob), DIPLOMA, validity=DAY))
    accredited = office.chain.head
    office.pass_time(1000)
    office.change(alice, withdraw(address(bob), DIPLOMA))

    assert code(office, alice, bob) == "NO_LONGER"
    assert code(office, alice, bob, at=accredited.timestamp + 500) == "TRUSTED"
    assert code(office, alice, bob, at=before) == "UNKNOWN"
    past = history(office, alice, accredited.number)
    assert past.read_at.block_number == accredited.number
    said = past.find(address(bob), (DIPLOMA,), at=past.read_at.block_timestamp)
    assert said.reason.name == "TRUSTED"


def test_an_accreditation_survives_a_change_of_owner_and_says_so(
    office: Office, alice: LocalAccount, bob: LocalAccount, carol: LocalAccount
) -> None:
    office.change(alice, accredit(address(bob), DIPLOMA, validity=DAY))
    office.give(alice, address(carol))
    assert code(office, alice, bob) == "TRUSTED"
    (found,) = history(office, alice).accreditations(office.chain.head.timestamp, [DIPLOMA])
    assert (found.valid, found.survived) == (True, True)
    # The new owner can end it, and the old one can make no more.
    with pytest.raises(NotAuthorized):
        office.change(alice, accredit(address(carol), DIPLOMA, validity=DAY))
    office.change(alice, found.withdrawal(), by=carol)
    assert code(office, alice, bob) == "NO_LONGER"


def test_a_deactivated_authority_accredits_nobody(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    office.change(alice, accredit(address(bob), DIPLOMA, validity=DAY))
    earlier = office.chain.head.timestamp
    office.pass_time(10)
    office.change(alice, deactivate())
    office.change(alice, accredit(address(bob), CARD, validity=DAY))
    assert code(office, alice, bob) == code(office, alice, bob, VC, CARD) == "DEACTIVATED"
    assert code(office, alice, bob, at=earlier) == "TRUSTED"


def test_nobody_can_accredit_in_the_name_of_another(
    office: Office, alice: LocalAccount, mallory: LocalAccount
) -> None:
    with pytest.raises(NotAuthorized):
        office.change(alice, accredit(address(mallory), DIPLOMA, validity=DAY), by=mallory)
    office.change(mallory, accredit(address(mallory), DIPLOMA, validity=DAY))
    assert code(office, alice, mallory) == "UNKNOWN"
    assert code(office, mallory, mallory) == "TRUSTED"


def test_other_delegates_of_the_authority_are_not_accredited(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    key = AddDelegate(delegate_type=encode_name("veriKey"), delegate=address(bob), validity=DAY)
    office.change(alice, key)
    office.grant(alice, bob, Authority.ALL_LISTS)
    assert code(office, alice, bob) == "UNKNOWN"


def test_an_accredited_issuer_is_no_key_of_the_authority(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    from ethr_did.resolver import Resolver

    office.change(alice, accredit(address(bob), DIPLOMA, validity=DAY))
    with Resolver([office.network], retries=0) as resolver:
        document = resolver.resolve(office.did(alice).text).require_document()
    assert [method.id for method in document.verification_method] == [
        f"{office.did(alice).text}#controller"
    ]


# -- reading -------------------------------------------------------------------------------------


def test_several_authorities_are_read_in_one_round_trip(
    office: Office, alice: LocalAccount, bob: LocalAccount, carol: LocalAccount
) -> None:
    office.change(alice, accredit(address(carol), DIPLOMA, validity=DAY))
    office.change(bob, accredit(address(carol), CARD, validity=DAY))
    before = office.door.round_trips

    found = read(office, alice, bob)

    assert office.door.round_trips - before == 1
    at = office.chain.head.timestamp
    assert found[address(alice)].find(address(carol), (DIPLOMA,), at=at).is_trusted
    assert found[address(bob)].find(address(carol), (CARD,), at=at).is_trusted


def test_an_authority_that_was_never_touched_accredits_nobody(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    assert code(office, alice, bob) == "UNKNOWN"


def test_a_history_that_cannot_be_read_does_not_take_the_others_along(
    office: Office, alice: LocalAccount, bob: LocalAccount, carol: LocalAccount
) -> None:
    office.change(alice, accredit(address(carol), DIPLOMA, validity=DAY))
    office.change(bob, accredit(address(carol), DIPLOMA, validity=DAY))
    node = StatusNode(office.chain)
    hidden = alice.address[2:].lower()
    node.rewrite["eth_getLogs"] = lambda _, logs: [
        log for log in logs if hidden not in log["topics"][1]
    ]
    door = Chain([node], chain_id=office.network.chain_id, retries=0)

    found = door.run(read_accreditations(office.network, [address(alice), address(bob)]))

    assert isinstance(found[address(alice)], HistoryMissing)
    assert isinstance(found[address(bob)], AuthorityHistory)


def test_a_dead_node_is_an_error(office: Office, alice: LocalAccount) -> None:
    node = StatusNode(office.chain)
    node.dead = ConnectionError("gone")
    door = Chain([node], chain_id=office.network.chain_id, retries=0)
    with pytest.raises(NodeUnreachable):
        door.run(read_accreditations(office.network, [address(alice)]))


def test_a_block_that_is_not_mined_yet_is_not_there(office: Office, alice: LocalAccount) -> None:
    with pytest.raises(NotFoundError):
        read(office, alice, block=office.chain.head.number + 1)


def test_an_owner_may_change_and_accredit_in_one_block(
    office: Office, alice: LocalAccount, bob: LocalAccount, carol: LocalAccount
) -> None:
    identity, sender = office.identity(alice), office.sender(alice)
    identity.apply(
        [accredit(address(bob), DIPLOMA, validity=DAY), ChangeOwner(owner=address(carol))], sender
    )
    (found,) = history(office, alice).accreditations(office.chain.head.timestamp)
    assert (found.valid, found.survived) == (True, True)

"""Status changes that one signs and another submits: whose count, until when, and how often."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data

from ethr_did.chain.artifacts import ContractName
from ethr_did.chain.journal import Journal, State
from ethr_did.chain.local import LocalChain
from ethr_did.chain.local_signer import LocalSigner
from ethr_did.chain.transactions import Intent, Sender
from ethr_did.core.keys import Address
from ethr_did.core.signed_status import Publish, SetKeys, SetStatus, UpdateLists
from ethr_did.core.status_calls import NO_HEADER, Publication
from ethr_did.core.status_delegates import add_status_delegate, revoke_status_delegate
from ethr_did.core.status_list import (
    ANY_WORD,
    INVALID,
    SUSPENDED,
    VALID,
    Authority,
    Flag,
    ListId,
)
from ethr_did.core.status_message import StatusRelayMessage, recover_status_signer
from ethr_did.errors import (
    DeactivatedError,
    InvalidChange,
    InvalidFile,
    InvalidOption,
    InvalidStatusEntry,
    NotAuthorized,
    Reverted,
    SignerError,
    StatusConflict,
)
from ethr_did.status.issuing import StatusIssuer
from support.evm import load_test_artifact
from support.issuing import FINAL, FINAL_LIFE, LIFE, OWNERS, PLAIN, Office, a_list, record, wish
from support.status import ORDER
from support.status_chain import create, deploy_status
from support.writing import deploy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ethr_did.chain.local import LocalAccount
    from ethr_did.core.status_wishes import RecordWish, Wish

    Wanted = Wish | RecordWish

KEY, OTHER_KEY = b"\1" * 32, b"\2" * 32
ANCHORED = a_list(9, flags=Flag.ANCHORED)
HOUR = 3600


def sign(
    office: Office, whose: LocalAccount, wishes: Sequence[Wanted], by: LocalAccount, **options: Any
) -> StatusRelayMessage:
    """The only message of some wishes."""
    (message,) = office.issuer(whose).sign(wishes, office.signer(by), **options)
    return message


# -- signed and submitted ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wishes", "kind"),
    [
        ([wish(FINAL, 300, INVALID)], SetStatus),
        ([wish(LIFE, 300, SUSPENDED)], SetStatus),
        ([wish(FINAL, 1, INVALID), wish(FINAL, 2, INVALID)], UpdateLists),
        ([wish(FINAL, 1, INVALID), wish(LIFE, 2, 3)], UpdateLists),
        ([record(KEY, INVALID)], SetKeys),
        ([record(KEY, SUSPENDED), record(OTHER_KEY, SUSPENDED)], SetKeys),
    ],
)
def test_a_message_has_the_effect_of_the_change_and_the_relayer_pays(
    *,
    office: Office,
    alice: LocalAccount,
    relayer: LocalAccount,
    wishes: list[Wanted],
    kind: type,
) -> None:
    before = office.chain.nonce(alice.address_bytes)

    message = sign(office, alice, wishes, alice)
    receipt = office.issuer(alice).submit(message, office.sender(relayer))

    assert isinstance(message.change, kind)
    assert receipt.succeeded
    assert office.chain.nonce(alice.address_bytes) == before
    again = office.issuer(alice).sign(wishes, office.signer(alice))
    assert again == ()  # all is so already


def test_one_wish_for_each_value_is_one_message_for_each(
    office: Office, alice: LocalAccount, relayer: LocalAccount
) -> None:
    wishes: list[Wanted] = [
        wish(LIFE, 1, SUSPENDED),
        wish(FINAL, 1, INVALID),
        record(KEY, INVALID),
        record(OTHER_KEY, 3),
    ]
    issuer = office.issuer(alice)
    messages = issuer.sign(wishes, office.signer(alice))

    for message in reversed(messages):  # in any order
        issuer.submit(message, office.sender(relayer))

    assert len(messages) == 3
    assert (office.value(alice, LIFE, 1), office.value(alice, FINAL, 1)) == (2, 1)
    assert [office.record(alice, key).value for key in (KEY, OTHER_KEY)] == [1, 3]


def test_signing_takes_one_round_trip_and_submitting_four(
    office: Office, alice: LocalAccount, relayer: LocalAccount
) -> None:
    sender = office.sender(relayer)
    before = office.door.round_trips
    message = sign(office, alice, [wish(LIFE, 1, SUSPENDED)], alice)
    assert office.door.round_trips - before == 1

    office.issuer(alice).submit(message, sender)

    assert office.door.round_trips - before == 2
    assert sender.chain.round_trips == 3  # type: ignore[attr-defined]


def test_what_submitting_costs_is_told_before(
    office: Office, alice: LocalAccount, relayer: LocalAccount
) -> None:
    issuer, sender = office.issuer(alice), office.sender(relayer)
    message = sign(office, alice, [wish(LIFE, 1, SUSPENDED)], alice)
    head = office.chain.head.number

    plan = issuer.plan_submit(message, sender)

    assert office.chain.head.number == head
    found = plan.to_dict()
    assert (found["signer"], found["sender"]) == (alice.address, relayer.address)
    assert "relayed: set entry 1" in found["purpose"]
    assert issuer.submit(message, sender).gas_used <= found["estimatedGas"]


def test_a_message_goes_through_a_file(
    office: Office, alice: LocalAccount, relayer: LocalAccount
) -> None:
    message = sign(office, alice, [wish(FINAL, 1, INVALID), wish(LIFE, 2, 3)], alice)
    again = StatusRelayMessage.from_dict(json.loads(json.dumps(message.to_dict())))
    office.issuer(alice).submit(again, office.sender(relayer))
    assert office.value(alice, LIFE, 2) == 3


def test_a_message_is_good_for_an_hour_and_for_a_day_at_most(
    office: Office, alice: LocalAccount
) -> None:
    wishes = [wish(FINAL, 1, INVALID)]
    now = office.chain.head.timestamp
    assert sign(office, alice, wishes, alice).deadline == now + HOUR
    assert sign(office, alice, wishes, alice, lifetime=60).deadline == now + 60
    assert sign(office, alice, wishes, alice, deadline=now + 70).deadline == now + 70
    with pytest.raises(InvalidOption, match="cannot be withdrawn"):
        sign(office, alice, wishes, alice, lifetime=25 * HOUR)
    forced = sign(office, alice, wishes, alice, lifetime=25 * HOUR, force=True)
    assert forced.deadline == now + 25 * HOUR


# -- who may sign --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authority", "list_id", "wishes"),
    [
        (Authority.ALL_LISTS, None, [wish(LIFE, 1, SUSPENDED)]),
        (Authority.ALL_LISTS, None, [record(KEY, SUSPENDED)]),
        (Authority.ONE_LIST, LIFE, [wish(LIFE, 1, SUSPENDED)]),
        (Authority.REVOCATION_ONLY, None, [wish(LIFE, 1, INVALID)]),
        (Authority.REVOCATION_ONLY, None, [record(KEY, INVALID)]),
    ],
)
def test_a_status_key_signs_by_the_right_it_has(
    *,
    office: Office,
    alice: LocalAccount,
    bob: LocalAccount,
    relayer: LocalAccount,
    authority: Authority,
    list_id: ListId | None,
    wishes: list[Wanted],
) -> None:
    office.grant(alice, bob, authority, list_id=list_id)
    message = sign(office, alice, wishes, bob)
    office.issuer(alice).submit(message, office.sender(relayer))
    assert message.signer == bob.address_bytes
    assert len(office.events()) == 1


@pytest.mark.parametrize(
    "wanted", [wish(LIFE, 1, SUSPENDED), wish(OWNERS, 1, INVALID), record(KEY, SUSPENDED)]
)
def test_nobody_signs_beyond_a_right(
    office: Office, alice: LocalAccount, bob: LocalAccount, wanted: Wanted
) -> None:
    office.grant(alice, bob, Authority.REVOCATION_ONLY)
    with pytest.raises(NotAuthorized, match="has no right"):
        sign(office, alice, [wanted], bob)


def test_wishes_that_cannot_be_fulfilled_are_not_signed(
    office: Office, alice: LocalAccount
) -> None:
    office.issuer(alice).apply([wish(FINAL, 1, INVALID)], office.sender(alice))
    with pytest.raises(InvalidStatusEntry, match="final in this list"):
        sign(office, alice, [wish(FINAL, 1, VALID)], alice)


def test_a_signer_that_signs_something_else_is_found_out(
    office: Office, alice: LocalAccount, mallory: LocalAccount
) -> None:
    class Liar(LocalSigner):
        __slots__ = ()

        def sign_typed_data(self, message: Any) -> bytes:
            return office.signer(mallory).sign_typed_data(message)

    with pytest.raises(SignerError, match="not one of"):
        office.issuer(alice).sign([wish(FINAL, 1, 1)], Liar.from_key(alice.key))


def wallet_of(office: Office, key: LocalAccount) -> Address:
    """A contract that accepts a key's signatures, in a form of its own."""
    code = load_test_artifact("KeyWallet").init_code + encode(["address"], [key.address])
    return deploy(office.sender(key), code)


def in_its_form(message: StatusRelayMessage) -> StatusRelayMessage:
    r, s, v = message.signature[:32], message.signature[32:64], message.signature[64]
    return replace(message, signature=encode(["bytes32", "bytes32", "uint8"], [r, s, v]))


def test_a_contract_that_owns_the_identity_judges_signatures_itself(
    office: Office, alice: LocalAccount, bob: LocalAccount, relayer: LocalAccount
) -> None:
    wallet = wallet_of(office, bob)
    office.give(alice, wallet)
    issuer, sender = office.issuer(alice), office.sender(relayer)

    message = sign(office, alice, [wish(LIFE, 1, SUSPENDED)], bob)

    assert message.signer == wallet
    with pytest.raises(Reverted, match="InvalidSignature"):
        issuer.submit(message, sender)
    issuer.submit(in_its_form(message), sender)
    assert office.value(alice, LIFE, 1) == SUSPENDED


def test_a_contract_may_be_a_status_key(
    office: Office, alice: LocalAccount, bob: LocalAccount, relayer: LocalAccount
) -> None:
    wallet = wallet_of(office, bob)
    office.change(alice, add_status_delegate(wallet))
    message = sign(office, alice, [record(KEY, SUSPENDED)], bob, account=wallet)
    office.issuer(alice).submit(in_its_form(message), office.sender(relayer))
    assert office.record(alice, KEY).value == SUSPENDED


def test_a_contract_without_the_right_is_not_signed_for(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    with pytest.raises(NotAuthorized):
        sign(office, alice, [record(KEY, 1)], bob, account=wallet_of(office, bob))


def test_an_account_with_borrowed_code_signs_with_its_key(
    office: Office, alice: LocalAccount, bob: LocalAccount, relayer: LocalAccount
) -> None:
    """EIP-7702: there is code at the signer's address, which knows nothing of its key."""
    key = Account.from_key(alice.key)
    authorization = key.sign_authorization(
        {
            "chainId": office.chain.chain_id,
            "address": office.network.status_registry,
            "nonce": office.chain.nonce(alice.address_bytes),
        }
    )
    carrier = Account.from_key(bob.key).sign_transaction(
        {
            "type": 4,
            "chainId": office.chain.chain_id,
            "nonce": office.chain.nonce(bob.address_bytes),
            "gas": 200_000,
            "maxFeePerGas": 10**10,
            "maxPriorityFeePerGas": 10**9,
            "to": bob.address,
            "value": 0,
            "data": b"",
            "authorizationList": [authorization],
        }
    )
    office.chain.submit(bytes(carrier.raw_transaction))

    message = sign(office, alice, [wish(LIFE, 1, SUSPENDED)], alice)
    office.issuer(alice).submit(message, office.sender(relayer))

    assert office.value(alice, LIFE, 1) == SUSPENDED


def test_the_short_form_of_a_signature_is_taken(
    office: Office, alice: LocalAccount, relayer: LocalAccount
) -> None:
    message = sign(office, alice, [wish(LIFE, 1, SUSPENDED)], alice)
    s = int.from_bytes(message.signature[32:64]) | (message.signature[64] - 27) << 255
    short = replace(message, signature=message.signature[:32] + s.to_bytes(32))
    office.issuer(alice).submit(short, office.sender(relayer))
    assert office.value(alice, LIFE, 1) == SUSPENDED


# -- attacks -------------------------------------------------------------------------------------


def forced(office: Office, message: StatusRelayMessage, by: LocalAccount) -> None:
    """Submits a message without asking our client."""
    intent = Intent(
        to=message.contract,
        data=message.call(),
        purpose="forced",
        tag=str(office.chain.head.number),
    )
    office.sender(by).send(intent)


def test_a_message_works_once(office: Office, alice: LocalAccount, mallory: LocalAccount) -> None:
    issuer = office.issuer(alice)
    message = sign(office, alice, [wish(LIFE, 1, SUSPENDED)], alice)
    issuer.submit(message, office.sender(mallory))

    with pytest.raises(StatusConflict, match="submitted already"):
        issuer.submit(message, office.sender(mallory))
    # Reinstated since: the message would suspend it again, if it could.
    issuer.apply([wish(LIFE, 1, VALID)], office.sender(alice))
    with pytest.raises(StatusConflict, match="too late"):
        issuer.submit(message, office.sender(mallory))
    with pytest.raises(Reverted, match="StaleWord"):
        forced(office, message, mallory)
    assert office.value(alice, LIFE, 1) == VALID


def test_a_final_revocation_s_message_does_nothing_the_second_time(
    office: Office, alice: LocalAccount, mallory: LocalAccount
) -> None:
    wishes = [wish(FINAL_LIFE, 1, INVALID), wish(FINAL_LIFE, 2, INVALID)]
    message = sign(office, alice, wishes, alice)
    office.issuer(alice).submit(message, office.sender(mallory))
    word = office.words(alice, FINAL_LIFE)[0]

    office.issuer(alice).submit(message, office.sender(mallory))

    assert office.words(alice, FINAL_LIFE)[0] == word
    assert len(office.events()) == 1


def test_a_message_of_one_chain_is_worthless_on_another(
    office: Office, alice: LocalAccount, mallory: LocalAccount
) -> None:
    """Another chain with the same contracts at the same addresses, under the same name."""
    fork = LocalChain(chain_id=31338)
    network = deploy_status(fork)
    message = sign(office, alice, [wish(LIFE, 1, SUSPENDED)], alice)
    door = network.chain(retries=0)
    elsewhere = Office(chain=fork, network=network, door=door, root=office.root)
    issuer = StatusIssuer(network, office.did(alice), chain=door)

    with pytest.raises(InvalidChange, match="on chain 31337; that contract of network dev is"):
        issuer.plan_submit(message, elsewhere_sender(elsewhere, mallory))
    # Also if the message is made to say otherwise: its signature is over the chain.
    moved = replace(message, chain_id=31338, contract=issuer.reader.address)
    with pytest.raises(NotAuthorized, match="its signature is by 0x"):
        issuer.plan_submit(moved, elsewhere_sender(elsewhere, mallory))
    assert recover_status_signer(moved) != alice.address_bytes


def elsewhere_sender(office: Office, account: LocalAccount) -> Sender:
    signer = LocalSigner.from_key(account.key)
    chain_id = office.chain.chain_id
    journal = Journal(office.root, chain_id=chain_id, sender=signer.address)
    return Sender(office.door, chain_id=chain_id, signer=signer, journal=journal)


def test_a_message_for_one_contract_is_worthless_in_another(
    office: Office, alice: LocalAccount, mallory: LocalAccount
) -> None:
    did_registry = Address(bytes.fromhex(office.network.did_registry[2:]))
    twin = create(office.chain, ContractName.CREDENTIAL_STATUS_REGISTRY, did_registry=did_registry)
    message = sign(office, alice, [wish(LIFE, 1, SUSPENDED)], alice)
    with pytest.raises(Reverted, match="InvalidSignature"):
        forced(office, replace(message, contract=twin), mallory)
    with pytest.raises(InvalidChange, match="that contract of network dev is"):
        office.issuer(alice).submit(replace(message, contract=twin), office.sender(mallory))


def test_a_message_is_not_sent_when_it_ends_soon_or_has_ended(
    office: Office, alice: LocalAccount, mallory: LocalAccount
) -> None:
    issuer = office.issuer(alice)
    message = sign(office, alice, [wish(FINAL, 1, INVALID)], alice, lifetime=100)

    office.pass_time(70)
    with pytest.raises(InvalidChange, match=r"is in \d+ seconds"):
        issuer.submit(message, office.sender(mallory))
    office.pass_time(70)
    with pytest.raises(InvalidChange, match=r"is \d+ seconds ago"):
        issuer.submit(message, office.sender(mallory))
    with pytest.raises(Reverted, match="DeadlineExpired"):
        forced(office, message, mallory)
    longer = replace(message, deadline=message.deadline + HOUR)
    with pytest.raises(NotAuthorized, match="its signature is by 0x"):
        issuer.submit(longer, office.sender(mallory))
    assert office.value(alice, FINAL, 1) == VALID


def test_a_message_cannot_be_made_to_say_more(
    office: Office, alice: LocalAccount, mallory: LocalAccount
) -> None:
    """Surplus keys or expectations, other values: each is another message, or none at all."""
    message = sign(office, alice, [record(KEY, SUSPENDED)], alice)
    assert isinstance(message.change, SetKeys)
    update = message.change.update

    with pytest.raises(InvalidChange, match="2 keys, and 1 records expected"):
        SetKeys(update=replace(update, keys=(KEY, OTHER_KEY)))
    with pytest.raises(InvalidChange, match="1 keys, and 2 records expected"):
        SetKeys(update=replace(update, expected=(0, 0)))
    for more in (
        replace(update, keys=(KEY, OTHER_KEY), expected=(0, 0)),
        replace(update, keys=(OTHER_KEY,)),
        replace(update, value=3),
    ):
        changed = replace(message, change=SetKeys(update=more))
        with pytest.raises(NotAuthorized, match="its signature is by"):
            office.issuer(alice).submit(changed, office.sender(mallory))
        with pytest.raises(Reverted, match="InvalidSignature"):
            forced(office, changed, mallory)


def test_a_file_with_surplus_members_is_refused(office: Office, alice: LocalAccount) -> None:
    data = sign(office, alice, [record(KEY, SUSPENDED)], alice).to_dict()
    data["change"]["expected"].append("0x" + "00" * 32)
    with pytest.raises(InvalidFile, match="1 keys, and 2 records expected"):
        StatusRelayMessage.from_dict(data)


def test_a_message_that_could_be_repeated_with_effect_is_not_even_built(
    office: Office, alice: LocalAccount
) -> None:
    message = sign(office, alice, [wish(LIFE, 1, SUSPENDED)], alice)
    assert isinstance(message.change, SetStatus)
    assert message.change.expected_word == 0
    with pytest.raises(InvalidChange, match="only final revocations"):
        replace(message.change, expected_word=ANY_WORD)


@pytest.mark.parametrize(
    "turned",
    [
        lambda sig: (
            sig[:32] + (ORDER - int.from_bytes(sig[32:64])).to_bytes(32) + bytes([55 - sig[64]])
        ),
        lambda sig: bytes([sig[0] ^ 1]) + sig[1:],
        lambda sig: sig + b"\0",
    ],
    ids=["high s", "another r", "a byte more"],
)
def test_a_turned_signature_is_none(
    office: Office,
    alice: LocalAccount,
    mallory: LocalAccount,
    turned: Callable[[bytes], bytes],
) -> None:
    message = sign(office, alice, [wish(LIFE, 1, SUSPENDED)], alice)
    changed = replace(message, signature=turned(message.signature))
    with pytest.raises(NotAuthorized, match="its signature is by"):
        office.issuer(alice).submit(changed, office.sender(mallory))
    with pytest.raises(Reverted, match="InvalidSignature"):
        forced(office, changed, mallory)


def test_a_stranger_s_message_is_worthless(
    office: Office, alice: LocalAccount, mallory: LocalAccount
) -> None:
    message = sign(office, mallory, [wish(LIFE, 1, SUSPENDED)], mallory)
    assert isinstance(message.change, SetStatus)
    stolen = replace(message, change=replace(message.change, identity=office.did(alice).address))
    signature = office.signer(mallory).sign_typed_data(stolen.typed_data())
    stolen = replace(stolen, signature=signature)

    with pytest.raises(NotAuthorized, match="by the right owner, and has it not"):
        office.issuer(alice).submit(stolen, office.sender(mallory))
    with pytest.raises(NotAuthorized, match="the contract refuses this"):
        forced(office, stolen, mallory)
    with pytest.raises(InvalidChange, match="changes statuses of"):
        office.issuer(alice).submit(message, office.sender(mallory))


def test_a_message_ends_with_the_right_behind_it(
    office: Office, alice: LocalAccount, bob: LocalAccount, relayer: LocalAccount
) -> None:
    office.grant(alice, bob, Authority.ONE_LIST, list_id=LIFE)
    message = sign(office, alice, [wish(LIFE, 1, SUSPENDED)], bob)
    key = Address(bob.address_bytes)
    office.change(alice, revoke_status_delegate(key, Authority.ONE_LIST, list_id=LIFE))

    with pytest.raises(NotAuthorized, match="by the right one_list, and has it not"):
        office.issuer(alice).submit(message, office.sender(relayer))


def test_a_message_of_the_old_owner_is_worthless(
    office: Office, alice: LocalAccount, bob: LocalAccount, relayer: LocalAccount
) -> None:
    message = sign(office, alice, [wish(FINAL, 1, INVALID)], alice)
    office.give(alice, Address(bob.address_bytes))
    with pytest.raises(NotAuthorized, match="by the right owner, and has it not"):
        office.issuer(alice).submit(message, office.sender(relayer))


def test_nothing_is_signed_or_submitted_for_a_deactivated_identity(
    office: Office, alice: LocalAccount, relayer: LocalAccount
) -> None:
    message = sign(office, alice, [wish(FINAL, 1, INVALID)], alice)
    office.give(alice, Address(bytes(20)))

    with pytest.raises(DeactivatedError):
        sign(office, alice, [wish(FINAL, 2, INVALID)], alice)
    with pytest.raises(DeactivatedError):
        office.issuer(alice).submit(message, office.sender(relayer))
    # The contract takes it: the zero owner is not final there.
    forced(office, message, relayer)
    assert office.value(alice, FINAL, 1) == INVALID


# -- what a message expects ----------------------------------------------------------------------


def test_a_message_whose_word_changed_meanwhile_has_to_be_signed_again(
    office: Office, alice: LocalAccount, relayer: LocalAccount
) -> None:
    message = sign(office, alice, [wish(PLAIN, 1, 1)], alice)
    office.issuer(alice).apply([wish(PLAIN, 2, 1)], office.sender(alice))
    with pytest.raises(StatusConflict, match=r"word 0 of list .* it is too late") as caught:
        office.issuer(alice).submit(message, office.sender(relayer))
    assert caught.value.facts["expected"] == "0x0"


def test_a_message_whose_record_changed_meanwhile_has_to_be_signed_again(
    office: Office, alice: LocalAccount, relayer: LocalAccount
) -> None:
    message = sign(office, alice, [record(KEY, SUSPENDED)], alice)
    office.issuer(alice).apply([record(KEY, 3)], office.sender(alice))
    with pytest.raises(StatusConflict, match=r"record 0x0101.* it is too late"):
        office.issuer(alice).submit(message, office.sender(relayer))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ([wish(LIFE, 1, SUSPENDED)], [wish(LIFE, 1, VALID)]),
        ([record(KEY, SUSPENDED)], [record(KEY, VALID)]),
    ],
)
def test_what_was_written_in_the_newest_block_waits_for_the_next(
    *,
    office: Office,
    alice: LocalAccount,
    relayer: LocalAccount,
    first: list[Wanted],
    second: list[Wanted],
) -> None:
    issuer = office.issuer(alice)
    issuer.apply(first, office.sender(alice))
    message = sign(office, alice, second, alice)

    with pytest.raises(InvalidChange, match="the newest one") as caught:
        issuer.submit(message, office.sender(relayer))
    assert "next block" in caught.value.hint
    office.chain.mine()
    issuer.submit(message, office.sender(relayer))
    assert len(office.events()) == 2


def test_a_message_that_an_interrupted_run_sent_is_taken_up(
    office: Office, alice: LocalAccount, relayer: LocalAccount
) -> None:
    sender = office.sender(relayer)
    message = sign(office, alice, [wish(LIFE, 1, SUSPENDED)], alice)
    sender.submit([Intent(to=message.contract, data=message.call(), purpose="as before")])

    receipt = office.issuer(alice).submit(message, office.sender(relayer))

    assert receipt.resumed
    assert len(office.events()) == 1
    assert {entry.state for entry in sender.journal.entries()} == {State.MINED}


# -- publications --------------------------------------------------------------------------------


def published(office: Office, alice: LocalAccount, previous: Any = NO_HEADER) -> StatusRelayMessage:
    anchors = Address(bytes.fromhex(str(office.network.anchor_registry)[2:]))
    unsigned = StatusRelayMessage(
        chain_id=office.chain.chain_id,
        contract=anchors,
        change=Publish(
            publication=Publication(
                identity=office.did(alice).address,
                authority=Authority.OWNER,
                list_id=ANCHORED,
                previous=previous,
                content_digest=b"\x01" * 32,
                bitmap_root=b"\x02" * 32,
                valid_until=office.chain.head.timestamp + 86_400,
            )
        ),
        signer=Address(alice.address_bytes),
        deadline=office.chain.head.timestamp + HOUR,
        signature=b"",
    )
    return replace(unsigned, signature=office.signer(alice).sign_typed_data(unsigned.typed_data()))


def test_a_publication_is_relayed_and_works_once(
    office: Office, alice: LocalAccount, relayer: LocalAccount
) -> None:
    issuer, sender = office.issuer(alice), office.sender(relayer)
    message = published(office, alice)

    assert issuer.submit(message, sender).succeeded

    with pytest.raises(StatusConflict, match="follows the version with head 0x00"):
        issuer.submit(message, sender)
    with pytest.raises(Reverted, match="StaleHeader"):
        forced(office, message, relayer)


def test_a_publication_needs_an_anchor_registry(
    office: Office, alice: LocalAccount, relayer: LocalAccount
) -> None:
    bare = replace(office.network, anchor_registry=None)
    issuer = StatusIssuer(bare, office.did(alice), chain=office.door)
    with pytest.raises(InvalidChange, match="is none on chain 31337"):
        issuer.submit(published(office, alice), office.sender(relayer))


def test_the_typed_data_is_what_every_wallet_signs(office: Office, alice: LocalAccount) -> None:
    message = sign(office, alice, [wish(LIFE, 1, SUSPENDED), wish(FINAL, 5, 1)], alice)
    encoded = encode_typed_data(full_message=message.typed_data())
    assert Account.recover_message(encoded, signature=message.signature) == alice.address
    assert message.contract == office.issuer(alice).reader.address
    assert message.signer == alice.address_bytes

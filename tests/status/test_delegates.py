"""Status keys: granted, listed, revoked, and what a change of owner leaves behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ethr_did.core.changes import MAX_CHANGES, AddDelegate, ChangeOwner
from ethr_did.core.erc1056 import encode_name
from ethr_did.core.keys import Address
from ethr_did.core.status_delegates import is_status_type
from ethr_did.core.status_list import INVALID, Authority, delegate_type_of_list
from ethr_did.errors import InvalidValidity, NotAuthorized
from ethr_did.status.delegates import (
    DEFAULT_STATUS_VALIDITY,
    MAX_STATUS_VALIDITY,
    add_status_delegate,
    list_status_delegates,
    revocations,
    revoke_status_delegate,
)
from support.issuing import FINAL, LIFE, Office, wish

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount

DAY = 86_400


def address(account: LocalAccount) -> Address:
    return Address(account.address_bytes)


def may_revoke(office: Office, alice: LocalAccount, by: LocalAccount, index: int) -> bool:
    try:
        office.issuer(alice).apply([wish(FINAL, index, INVALID)], office.sender(by))
    except NotAuthorized:
        return False
    return True


# -- granted, listed, revoked --------------------------------------------------------------------


def test_a_key_is_granted_for_thirty_days_and_listed(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    identity = office.identity(alice)
    identity.apply([add_status_delegate(address(bob))], office.sender(alice))

    before = office.door.round_trips
    found = list_status_delegates(identity)

    assert office.door.round_trips - before == 1
    (key,) = found.valid
    assert (key.delegate, key.authority) == (address(bob), Authority.ALL_LISTS)
    assert key.valid_to == office.chain.head.timestamp + DEFAULT_STATUS_VALIDITY
    assert (key.since_block, key.since_time) == (
        office.chain.head.number,
        office.chain.head.timestamp,
    )
    assert found.survivors == ()
    assert found.to_dict()["delegates"] == [key.to_dict()]
    assert may_revoke(office, alice, bob, 1)


def test_a_revoked_key_is_listed_as_ended_and_writes_nothing_more(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    identity, sender = office.identity(alice), office.sender(alice)
    identity.apply([add_status_delegate(address(bob), Authority.REVOCATION_ONLY)], sender)
    identity.apply([revoke_status_delegate(address(bob), Authority.REVOCATION_ONLY)], sender)
    office.chain.mine()

    found = list_status_delegates(identity)

    assert found.valid == ()
    assert [key.name for key in found.keys] == ["credRevoke"]
    assert not may_revoke(office, alice, bob, 1)


def test_the_key_for_one_list_is_told_by_the_list_s_id(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    identity = office.identity(alice)
    grant = add_status_delegate(address(bob), Authority.ONE_LIST, list_id=LIFE)
    identity.apply([grant], office.sender(alice))

    (known,) = list_status_delegates(identity, [FINAL, LIFE]).keys
    (unknown,) = list_status_delegates(identity, [FINAL]).keys

    assert (known.authority, known.list_id) == (Authority.ONE_LIST, LIFE)
    assert (unknown.authority, unknown.delegate_type) == (None, delegate_type_of_list(LIFE))
    # It can be ended all the same.
    identity.apply([unknown.revocation()], office.sender(alice))
    assert list_status_delegates(identity, [LIFE]).valid == ()


def test_keys_of_the_document_are_none_for_statuses(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    identity = office.identity(alice)
    veri_key = AddDelegate(
        delegate_type=encode_name("veriKey"), delegate=address(bob), validity=DAY
    )
    identity.apply([veri_key], office.sender(alice))

    assert list_status_delegates(identity).keys == ()
    assert not may_revoke(office, alice, bob, 1)


def test_more_than_ninety_days_are_forced_and_warned_of(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    with pytest.raises(InvalidValidity, match="for 91 days"):
        add_status_delegate(address(bob), validity=91 * DAY)
    identity, sender = office.identity(alice), office.sender(alice)
    longest = add_status_delegate(address(bob), validity=MAX_STATUS_VALIDITY)
    forced = add_status_delegate(address(bob), validity=91 * DAY, force=True)

    assert identity.plan([longest], sender).warnings == ()
    (warning,) = identity.plan([forced], sender).warnings
    assert "may write statuses for 91 days, whoever owns the identity by then" in warning
    other = AddDelegate(delegate_type=encode_name("veriKey"), delegate=address(bob), validity=2**40)
    assert identity.plan([other], sender).warnings == ()


# -- changes of owner ----------------------------------------------------------------------------


def test_a_change_of_owner_warns_of_every_key_that_stays(
    office: Office, alice: LocalAccount, bob: LocalAccount, carol: LocalAccount
) -> None:
    identity, sender = office.identity(alice), office.sender(alice)
    hand_over = ChangeOwner(owner=address(bob))
    assert identity.plan([hand_over], sender).warnings == ()
    office.grant(alice, carol)
    office.grant(alice, bob, Authority.ONE_LIST, list_id=LIFE)
    office.grant(alice, carol, Authority.REVOCATION_ONLY, validity=10)
    office.pass_time(11)

    warnings = identity.plan([hand_over], sender).warnings

    assert len(warnings) == 2
    assert carol.address in warnings[0]
    assert "(credStatus)" in warnings[0]
    assert "perhaps of a list" in warnings[1]
    # Revoked in the same transaction, they are no matter any more.
    ends = [key.revocation() for key in list_status_delegates(identity).valid]
    assert identity.plan([*ends, hand_over], sender).warnings == ()


def test_what_survives_a_change_of_owner_is_revoked_in_one_transaction(
    *,
    office: Office,
    alice: LocalAccount,
    bob: LocalAccount,
    carol: LocalAccount,
    mallory: LocalAccount,
) -> None:
    office.grant(alice, mallory)
    office.grant(alice, mallory, Authority.ONE_LIST, list_id=LIFE)
    office.grant(alice, carol, Authority.REVOCATION_ONLY)
    office.give(alice, address(bob))
    identity, sender = office.identity(alice), office.sender(bob)
    office.grant(alice, carol, by=bob)  # the new owner's own
    assert may_revoke(office, alice, mallory, 1)  # the danger is real

    found = list_status_delegates(identity, [LIFE])
    (batch,) = revocations(found.survivors)
    plan = identity.plan(batch, sender)
    receipts = identity.apply(batch, sender)

    assert {(key.delegate, key.authority) for key in found.survivors} == {
        (address(mallory), Authority.ALL_LISTS),
        (address(mallory), Authority.ONE_LIST),
        (address(carol), Authority.REVOCATION_ONLY),
    }
    assert plan.warnings == ()
    assert len(receipts) == 1
    after = list_status_delegates(identity, [LIFE])
    assert after.survivors == ()
    assert [key.delegate for key in after.valid] == [address(carol)]
    office.chain.mine()
    assert not may_revoke(office, alice, mallory, 2)
    assert may_revoke(office, alice, carol, 3)


def test_very_many_keys_are_revoked_in_several_batches(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    office.grant(alice, bob)
    (key,) = list_status_delegates(office.identity(alice)).keys
    batches = revocations([key] * (MAX_CHANGES + 1))
    assert [len(batch) for batch in batches] == [MAX_CHANGES, 1]
    assert revocations([]) == []


def test_the_types_of_status_keys_are_none_that_a_document_shows() -> None:
    assert not is_status_type(encode_name("veriKey"))
    assert not is_status_type(encode_name("sigAuth"))

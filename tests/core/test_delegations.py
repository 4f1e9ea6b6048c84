"""Delegates whose types are no keys, from a history: what lists of statuses and trust have in common."""

from __future__ import annotations

import pytest

from ethr_did.core.delegations import delegations_in, is_hash, until
from ethr_did.core.keys import Address
from support.events import BOB, CAROL, IDENTITY, ZERO, Story, b32, time_of

KIND = b"\xff" * 32


def story() -> Story:
    return Story().at(1).delegate(KIND, BOB, valid_to=time_of(50))


def test_the_last_word_about_a_type_and_an_account_counts() -> None:
    events = (
        story().at(2).delegate(KIND, BOB, valid_to=time_of(9)).at(3).delegate(KIND, CAROL).events
    )
    bob, carol = delegations_in(events, at=time_of(9), is_wanted=is_hash)
    assert (bob.delegate, bob.valid_to, bob.valid) == (BOB, time_of(9), False)
    assert (bob.since_block, bob.since_time) == (2, time_of(2))
    assert carol.delegate == CAROL


@pytest.mark.parametrize(("at", "valid"), [(time_of(50) - 1, True), (time_of(50), False)])
def test_a_delegation_ends_in_the_second_that_is_named(at: int, *, valid: bool) -> None:
    (found,) = delegations_in(story().events, at=at, is_wanted=is_hash)
    assert found.valid is valid


def test_types_that_nobody_asks_for_are_left_out() -> None:
    events = story().at(2).delegate("veriKey", BOB).at(3).owner(CAROL).events
    assert len(delegations_in(events, at=0, is_wanted=is_hash)) == 1
    assert delegations_in(events, at=0, is_wanted=lambda _: False) == ()


def test_the_zero_address_is_nobody() -> None:
    events = Story().delegate(KIND, Address(bytes(20))).events
    assert delegations_in(events, at=0, is_wanted=is_hash) == ()


def test_what_an_earlier_owner_granted_has_survived() -> None:
    events = story().at(2).owner(CAROL).at(3).delegate(KIND, CAROL).events
    bob, carol = delegations_in(events, at=0, is_wanted=is_hash)
    assert (bob.survived, carol.survived) == (True, False)


def test_an_owner_who_is_named_again_is_no_other_one() -> None:
    events = story().at(2).owner(IDENTITY).events
    (bob,) = delegations_in(events, at=0, is_wanted=is_hash)
    assert not bob.survived


def test_giving_up_is_a_change_of_owner() -> None:
    events = story().at(2).owner(ZERO).events
    (bob,) = delegations_in(events, at=0, is_wanted=is_hash)
    assert bob.survived


def test_the_past_is_what_had_happened_by_then() -> None:
    events = story().at(5).owner(CAROL).events
    assert until(events, time=time_of(1) - 1) == ()
    assert until(events, time=time_of(1)) == tuple(events[:1])
    assert until(events, time=time_of(5)) == tuple(events)


def test_a_hash_is_no_name_that_somebody_typed() -> None:
    assert is_hash(KIND)
    assert is_hash(b"\x01".rjust(32, b"a"))
    assert not is_hash(b32("veriKey"))

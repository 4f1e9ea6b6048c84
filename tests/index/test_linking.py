"""Chains of events: whole, broken where something is missing, or contradictory."""

from __future__ import annotations

import pytest

from ethr_did.errors import IndexBroken
from ethr_did.index.entries import Entry, Kind
from ethr_did.index.linking import find_gaps, tips_after

ALICE = b"\xa1" * 20
BOB = b"\xb0" * 20


def number(block: int) -> bytes:
    return block.to_bytes(8) if block else b""


def change(block: int, before: int, *, key: bytes = ALICE, log_index: int = 0) -> Entry:
    """A change of an identity, and the block of the one before."""
    return Entry(
        *(Kind.IDENTITY, key, 0, b"", number(before), number(block), before, block, log_index),
        *(b"\x01" * 32, b"\x02" * 32, 1000),
    )


def tips(entry: Entry) -> dict[tuple[int, bytes], bytes]:
    return tips_after([entry])


def test_a_chain_from_nothing_is_whole() -> None:
    assert find_gaps([change(3, 0), change(5, 3)], {}) == []


def test_a_chain_goes_on_from_what_is_held() -> None:
    assert find_gaps([change(5, 3)], tips(change(3, 0))) == []


def test_events_of_one_block_follow_each_other() -> None:
    assert find_gaps([change(3, 0), change(3, 3, log_index=1)], {}) == []


def test_the_chains_of_subjects_are_apart() -> None:
    assert find_gaps([change(3, 0), change(4, 0, key=BOB), change(5, 3)], {}) == []


def test_what_is_missing_between_two_events_is_named() -> None:
    (gap,) = find_gaps([change(3, 0), change(9, 5)], {})
    assert (gap.subject, gap.block_number) == ((1, ALICE), 5)
    assert gap.follower.block_number == 9


def test_what_is_missing_after_the_tip_is_named() -> None:
    (gap,) = find_gaps([change(9, 5)], tips(change(3, 0)))
    assert gap.block_number == 5


def test_of_each_subject_the_first_gap_is_named() -> None:
    entries = [change(9, 5), change(10, 6, key=BOB), change(20, 15)]
    assert [gap.block_number for gap in find_gaps(entries, {})] == [5, 6]


def test_the_first_event_of_a_block_may_be_the_one_that_is_missing() -> None:
    (gap,) = find_gaps([change(9, 9, log_index=1)], {})
    assert gap.block_number == 9


def test_an_event_that_denies_what_is_held_is_a_contradiction() -> None:
    with pytest.raises(IndexBroken, match="nothing came before it"):
        find_gaps([change(9, 0)], tips(change(3, 0)))


def test_an_event_that_names_a_later_one_as_the_one_before_is_a_contradiction() -> None:
    with pytest.raises(IndexBroken):
        find_gaps([change(9, 10)], tips(change(3, 0)))


def test_a_gap_that_nobody_can_fill_names_block_and_follower() -> None:
    (gap,) = find_gaps([change(9, 5)], {})
    error = gap.error()
    assert error.message == (
        "the event 0 of block 9 says that one of block 5 came before it, and no node has that one"
    )
    assert "first_block" in error.hint


def test_a_tip_is_what_the_last_event_leaves() -> None:
    entries = [change(3, 0), change(4, 0, key=BOB), change(5, 3)]
    assert tips_after(entries) == {(1, ALICE): number(5), (1, BOB): number(4)}

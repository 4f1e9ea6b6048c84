"""The order of entries: every one once, all over the page, and nobody's guess."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.core.status_list import Flag, ListId, Purpose
from ethr_did.status.placement import PAGE_WORDS, SEED_LENGTH, Placement, permuted

SEED = bytes(range(SEED_LENGTH))


def a_list(bits: int = 1, capacity: int = 2**17, flags: Flag | None = None) -> ListId:
    return ListId.build(
        purpose=Purpose.LIFECYCLE,
        bits=bits,
        capacity=capacity,
        random=bytes(27),
        flags=flags or Flag(0),
    )


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 700), st.binary(min_size=32, max_size=32))
def test_every_number_has_one_place(size: int, key: bytes) -> None:
    assert sorted(permuted(place, size, key) for place in range(size)) == list(range(size))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_pages_on_chain_are_filled_one_after_the_other(bits: int) -> None:
    placement = Placement(a_list(bits), SEED)
    size = PAGE_WORDS * 208 // bits
    assert placement.page_size == size
    for page in (0, 1):
        positions = range(page * size, (page + 1) * size)
        indexes = {placement.index_at(position) for position in positions}
        assert indexes == set(positions)


@pytest.mark.parametrize("capacity", [1, 2, 64, 4096, 8192])
def test_the_last_page_may_be_short(capacity: int) -> None:
    placement = Placement(a_list(capacity=capacity), SEED)
    indexes = [placement.index_at(position) for position in range(capacity)]
    assert sorted(indexes) == list(range(capacity))


def test_lists_kept_off_chain_are_filled_all_over() -> None:
    capacity = 2**17
    placement = Placement(a_list(flags=Flag.ANCHORED), SEED)
    assert placement.page_size == capacity
    indexes = [placement.index_at(position) for position in range(2000)]
    assert len(set(indexes)) == 2000
    quarters = [sum(index * 4 // capacity == quarter for index in indexes) for quarter in range(4)]
    assert min(quarters) > 400


def test_the_largest_list_can_be_filled() -> None:
    placement = Placement(a_list(capacity=2**31, flags=Flag.ANCHORED), SEED)
    indexes = {placement.index_at(position) for position in (0, 1, 2**30, 2**31 - 1)}
    assert len(indexes) == 4
    assert all(0 <= index < 2**31 for index in indexes)


def test_another_seed_is_another_order() -> None:
    orders = [
        [Placement(a_list(), seed).index_at(position) for position in range(50)]
        for seed in (SEED, SEED[::-1])
    ]
    assert orders[0] != orders[1]


def test_another_page_is_another_order() -> None:
    placement = Placement(a_list(), SEED)
    size = placement.page_size
    first = [placement.index_at(position) for position in range(50)]
    second = [placement.index_at(size + position) - size for position in range(50)]
    assert first != second


def test_neighbours_in_time_are_not_neighbours_in_the_list() -> None:
    placement = Placement(a_list(), SEED)
    indexes = [placement.index_at(position) for position in range(1000)]
    steps = [abs(a - b) for a, b in pairwise(indexes)]
    assert sum(steps) / len(steps) == pytest.approx(placement.page_size / 3, rel=0.1)


def test_every_word_of_a_page_is_as_likely_as_the_others() -> None:
    seeds = [bytes([at]) * SEED_LENGTH for at in range(250)]
    counts = [0] * PAGE_WORDS
    for seed in seeds:
        for position in range(20):
            counts[Placement(a_list(), seed).index_at(position) // 208] += 1
    # 250 on average; chi-squared of 19 degrees of freedom is above 50 once in 10,000.
    assert sum((count - 250) ** 2 / 250 for count in counts) < 50


def test_a_seed_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="a seed has 32 bytes"):
        Placement(a_list(), b"short")

"""All entries of a word at once, against entries one by one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.core.status_fields import invalid, non_zero, places
from ethr_did.core.status_list import INVALID, PAYLOAD_BITS

words = st.integers(0, (1 << PAYLOAD_BITS) - 1)
widths = st.sampled_from([1, 2, 4, 8])


def entries(word: int, bits: int) -> list[int]:
    return [word >> at & ((1 << bits) - 1) for at in range(0, PAYLOAD_BITS, bits)]


@settings(deadline=None)
@given(words, widths)
def test_entries_that_are_not_zero_are_found(word: int, bits: int) -> None:
    expected = [at for at, value in enumerate(entries(word, bits)) if value]
    assert list(places(non_zero(word, bits), bits)) == expected


@settings(deadline=None)
@given(words, widths)
def test_entries_that_are_invalid_are_found(word: int, bits: int) -> None:
    expected = [at for at, value in enumerate(entries(word, bits)) if value == INVALID]
    assert list(places(invalid(word, bits), bits)) == expected


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_of_a_full_word_every_entry_is_found(bits: int) -> None:
    full = (1 << PAYLOAD_BITS) - 1
    assert list(places(non_zero(full, bits), bits)) == list(range(PAYLOAD_BITS // bits))


def test_nothing_is_found_in_an_empty_word() -> None:
    assert list(places(0, 4)) == []

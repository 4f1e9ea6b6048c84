"""Status lists: what is written is read again, in both formats, and proofs prove their word only."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.core.bitstring import (
    BitOrder,
    Bitstring,
    decode_2021,
    decode_ietf,
    decode_w3c,
    encode_ietf,
    encode_w3c,
    ietf_from_dict,
    ietf_to_dict,
)
from ethr_did.core.status_tree import is_proven, tree_proof, tree_root
from ethr_did.errors import InvalidStatusList
from support.status import PAYLOAD_BITS, Tree
from support.strategies import json_values

if TYPE_CHECKING:
    from collections.abc import Callable

widths = st.sampled_from([1, 2, 4, 8])
orders = st.sampled_from(BitOrder)
bitstrings = st.builds(
    lambda data, bits, order: Bitstring(data=data, bits=bits, order=order),
    st.binary(min_size=1, max_size=600),
    widths,
    orders,
)


def read_slowly(data: bytes, index: int, bits: int, order: BitOrder) -> int:
    """An entry, bit by bit, as the formats describe it."""
    found = 0
    for offset in range(bits):
        byte, place = divmod(index * bits + offset, 8)
        if order is BitOrder.MSB_FIRST:
            found = found << 1 | data[byte] >> (7 - place) & 1
        else:
            found |= (data[byte] >> place & 1) << offset
    return found


@given(bitstrings)
def test_entries_are_those_of_the_plain_reading(one: Bitstring) -> None:
    plain = [
        read_slowly(one.data, index, one.bits, one.order)
        for index in range(len(one.data) * 8 // one.bits)
    ]
    assert list(one.values()) == plain
    assert [one.value_at(index) for index in range(len(one))] == plain


@given(bitstrings)
def test_values_can_be_packed_again(one: Bitstring) -> None:
    bits, capacity, order = one.bits, len(one), one.order
    for values in (one.values(), dict(enumerate(one.values()))):
        assert Bitstring.of_values(values, bits=bits, capacity=capacity, order=order) == one


@given(bitstrings, orders)
def test_the_order_is_not_part_of_the_statuses(one: Bitstring, order: BitOrder) -> None:
    other = one.in_order(order)
    assert other.values() == one.values()
    assert other.in_order(one.order) == one


@given(bitstrings, st.data())
def test_changes_are_those_of_a_plain_list(one: Bitstring, data: st.DataObject) -> None:
    index, value = st.integers(0, len(one) - 1), st.integers(0, (1 << one.bits) - 1)
    changes = data.draw(st.dictionaries(index, value, max_size=20))
    plain = list(one.values())
    for at, to in changes.items():
        plain[at] = to
    assert list(one.replaced(changes).values()) == plain


@given(bitstrings)
def test_both_formats_are_read_as_they_were_written(one: Bitstring) -> None:
    w3c, ietf = one.in_order(BitOrder.MSB_FIRST), one.in_order(BitOrder.LSB_FIRST)
    assert decode_w3c(encode_w3c(one), bits=one.bits, least=0) == w3c
    assert decode_w3c(encode_w3c(one), bits=one.bits, entries=len(one), least=0) == w3c
    assert decode_ietf(encode_ietf(one), bits=one.bits) == ietf
    assert ietf_from_dict(ietf_to_dict(one), entries=len(one)) == ietf


@given(st.binary(min_size=1, max_size=600))
def test_the_predecessor_s_list_is_a_w3c_list_without_its_letter(data: bytes) -> None:
    one = Bitstring(data=data, bits=1, order=BitOrder.MSB_FIRST)
    assert decode_2021(encode_w3c(one)[1:], least=0) == one


words = st.integers(0, 2**256 - 1)


@settings(max_examples=50, deadline=None)
@given(st.data(), widths, orders, st.integers(0, 11))
def test_words_are_those_of_a_plain_list(
    data: st.DataObject, bits: int, order: BitOrder, capacity_log: int
) -> None:
    capacity, per_word = 1 << capacity_log, PAYLOAD_BITS // bits
    count = -(-capacity // per_word)
    stored = data.draw(st.lists(words, min_size=count, max_size=count))
    found = Bitstring.of_words(stored, bits=bits, capacity=capacity, order=order)
    plain = [
        stored[index // per_word] >> index % per_word * bits & ((1 << bits) - 1)
        for index in range(capacity)
    ]
    assert list(found.values())[:capacity] == plain
    assert not any(found.values()[capacity:])


@st.composite
def lists(draw: st.DrawFn) -> tuple[bytes, int]:
    """A list and the number of its words: few different ones, so that equal subtrees occur."""
    leaves = 1 << draw(st.integers(0, 5))
    some = st.sampled_from([bytes(32), b"\1" + bytes(31), b"\xff" * 32])
    return b"".join(draw(st.lists(some, min_size=leaves, max_size=leaves))), leaves


@settings(deadline=None)
@given(lists(), st.data())
def test_every_word_is_proven_at_its_place(listed: tuple[bytes, int], data: st.DataObject) -> None:
    content, leaves = listed
    root = tree_root(content, leaves)
    assert root == Tree(content).root
    proof = tree_proof(content, data.draw(st.integers(0, leaves - 1)), leaves)
    assert is_proven(proof, root=root, leaves=leaves)


@settings(deadline=None)
@given(lists(), st.data())
def test_what_is_proven_at_a_place_is_the_word_there(
    listed: tuple[bytes, int], data: st.DataObject
) -> None:
    content, leaves = listed
    places = st.integers(0, leaves - 1)
    honest = tree_proof(content, data.draw(places), leaves)
    other = tree_proof(content, data.draw(places), leaves)
    forged = data.draw(
        st.sampled_from(
            [
                replace(honest, position=other.position),
                replace(honest, word=other.word),
                replace(honest, siblings=other.siblings),
                replace(honest, siblings=honest.siblings[::-1]),
            ]
        )
    )
    if is_proven(forged, root=tree_root(content, leaves), leaves=leaves):
        at = forged.position * 32
        assert forged.word == content[at : at + 32]


pieces = st.sampled_from(
    ["u", "H4sIAAAAAAAAA", "eNrb", "eNrbuRgAAhcBXQ", "-", "_", "=", "+", "A", "é"]
)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40) | st.lists(pieces, max_size=8).map("".join) | json_values, widths)
def test_whatever_comes_in_only_our_error_comes_out(text: object, bits: int) -> None:
    readers: tuple[Callable[[], object], ...] = (
        lambda: decode_w3c(text, bits=bits, least=0),
        lambda: decode_2021(text, least=0),
        lambda: decode_ietf(text, bits=bits),
        lambda: ietf_from_dict(text),
        lambda: ietf_from_dict({"bits": text, "lst": "eNrbuRgAAhcBXQ"}),
    )
    for read in readers:
        with suppress(InvalidStatusList):
            read()


@settings(max_examples=200, deadline=None)
@given(bitstrings, st.data())
def test_a_letter_changed_gives_an_error_and_never_other_statuses(
    one: Bitstring, data: st.DataObject
) -> None:
    text = encode_ietf(one)
    at = data.draw(st.integers(0, len(text) - 1))
    letter = data.draw(st.sampled_from("ABCwxyz019-_"))
    changed = text[:at] + letter + text[at + 1 :]
    with suppress(InvalidStatusList):
        assert decode_ietf(changed, bits=one.bits) == one.in_order(BitOrder.LSB_FIRST)

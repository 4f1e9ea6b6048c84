"""Status lists on chain: ids, words, records, keys, slots; and what is none of them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.core.status_list import (
    ALL_LISTS,
    ANY_WORD,
    PAYLOAD_BITS,
    REVOCATION_ONLY,
    Authority,
    Flag,
    ListId,
    Purpose,
    StatusRecord,
    StatusWord,
    delegate_type_of,
    delegate_type_of_list,
    parse_index,
    parse_key,
    parse_list_id,
    record_slot,
    status_key,
    word_slot,
)
from ethr_did.errors import InvalidStatusEntry, InvalidStatusList
from support import status as specified

IDENTITY = "0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa"
RANDOM = bytes(range(27))
NO_FLAGS = Flag(0)


def build(**rules: object) -> ListId:
    usual = {"purpose": Purpose.LIFECYCLE, "bits": 2, "capacity": 2**17, "random": RANDOM}
    return ListId.build(**{**usual, **rules})  # type: ignore[arg-type]


def a_list(bits: int, capacity_log: int = 17) -> ListId:
    return build(bits=bits, capacity=1 << capacity_log)


# -- ids -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize("bits_log", range(4))
@pytest.mark.parametrize(
    "flags", [0, 1, 2, 3, 4, 5, 4 | 8, 1 | 2 | 4 | 8], ids=lambda flags: f"flags{flags}"
)
def test_ids_are_as_the_specification_says(purpose: Purpose, bits_log: int, flags: int) -> None:
    made = build(purpose=purpose, bits=1 << bits_log, flags=Flag(flags))
    assert made.value == specified.list_id(
        purpose, width_log=bits_log, flags=flags, capacity_log=17, salt=RANDOM
    )
    assert (made.purpose, made.bits, made.flags) == (purpose, 1 << bits_log, Flag(flags))
    assert made.is_terminal is bool(flags & specified.TERMINAL)
    assert made.is_anchored is bool(flags & specified.ANCHORED)


@pytest.mark.parametrize("capacity_log", [0, 1, 17, 31])
def test_capacities_are_powers_of_two(capacity_log: int) -> None:
    assert a_list(1, capacity_log).capacity == 1 << capacity_log


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"bits": 0}, "an entry has 1, 2, 4 or 8 bits, not 0"),
        ({"bits": 3}, "an entry has 1, 2, 4 or 8 bits, not 3"),
        ({"bits": 16}, "an entry has 1, 2, 4 or 8 bits, not 16"),
        ({"capacity": 0}, r"a power of two up to 2\^31, not 0"),
        ({"capacity": -1}, r"a power of two up to 2\^31, not -1"),
        ({"capacity": 131_073}, "not 131073"),
        ({"capacity": 2**32}, "not 4294967296"),
        ({"random": bytes(26)}, "27 random bytes, not 26"),
        ({"random": bytes(28)}, "27 random bytes, not 28"),
        ({"flags": Flag.LSB_FIRST}, "only anchored lists have a bit order of their own"),
        ({"flags": Flag(16)}, "flags 16 are not known"),
    ],
)
def test_rules_out_of_range_are_refused(rules: dict[str, object], message: str) -> None:
    with pytest.raises(InvalidStatusList, match=message):
        build(**rules)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (b"", "it has 0 bytes, not 32"),
        (bytes(31), "it has 31 bytes, not 32"),
        (bytes(33), "it has 33 bytes, not 32"),
        (specified.list_id(layout=0), "layout 0 is not known"),
        (specified.list_id(layout=2), "layout 2 is not known"),
        (specified.list_id(purpose=5), "purpose 5 is not known"),
        (specified.list_id(purpose=255), "purpose 255 is not known"),
        (specified.list_id(width_log=4), r"2\^4 bits for each entry are too many"),
        (specified.list_id(flags=8), "only anchored lists have a bit order of their own"),
        (specified.list_id(flags=16), "flags 16 are not known"),
        (specified.list_id(flags=128 | 4), "flags 132 are not known"),
        (specified.list_id(capacity_log=32), r"2\^32 entries are too many"),
    ],
)
def test_what_is_no_id_is_refused(value: bytes, message: str) -> None:
    with pytest.raises(InvalidStatusList, match=message) as caught:
        ListId(value)
    assert "Copy the whole listId" in caught.value.hint


def test_all_faults_of_an_id_are_named() -> None:
    with pytest.raises(InvalidStatusList, match=r"layout 0 .*; purpose 9 .*; 2\^40 entries"):
        ListId(specified.list_id(purpose=9, layout=0, capacity_log=40))


def test_ids_come_back_from_their_text() -> None:
    made = build()
    assert parse_list_id(made.text) == made
    assert parse_list_id("0x" + made.value.hex().upper()) == made
    assert made.text == "0x0104010011" + RANDOM.hex()


@pytest.mark.parametrize(
    "text",
    [
        *("", "0x", "0104010011" + RANDOM.hex(), "0x0104", "0X0104010011" + RANDOM.hex()),
        *(build().text + "0", build().text[:-1] + "g", f" {build().text}", f"{build().text}\n"),
        *(None, 7, build().value, [build().text]),
    ],
)
def test_what_is_no_text_of_an_id_is_refused(text: object) -> None:
    with pytest.raises(InvalidStatusList, match="not a list id"):
        parse_list_id(text)


def test_ids_are_ordered_by_their_bytes() -> None:
    lists = [build(random=bytes([at]) * 27) for at in (3, 1, 2)]
    assert [found.value[5] for found in sorted(lists)] == [1, 2, 3]


# -- purposes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("purpose", Purpose)
def test_purposes_come_back_from_their_names(purpose: Purpose) -> None:
    assert Purpose.parse(purpose.text) is purpose
    assert purpose.text == purpose.name.lower()


@pytest.mark.parametrize("text", ["", "Revocation", "revoked", " revocation", None, 0, ["message"]])
def test_what_is_no_purpose_is_refused(text: object) -> None:
    with pytest.raises(InvalidStatusEntry, match="not a status purpose") as caught:
        Purpose.parse(text)
    assert caught.value.hint == ("Known: revocation, suspension, refresh, message, lifecycle.")


# -- places --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("bits", "per_word", "words", "leaves"),
    [(1, 208, 631, 512), (2, 104, 1261, 1024), (4, 52, 2521, 2048), (8, 26, 5042, 4096)],
)
def test_lists_are_cut_into_words_and_leaves(
    bits: int, per_word: int, words: int, leaves: int
) -> None:
    made = a_list(bits)
    assert (made.entries_per_word, made.word_count, made.leaf_count) == (per_word, words, leaves)


def test_the_smallest_list_has_one_word_and_one_leaf() -> None:
    made = a_list(1, 0)
    assert (made.word_count, made.leaf_count) == (1, 1)


@settings(deadline=None)
@given(st.sampled_from([1, 2, 4, 8]), st.integers(0, 2**17 - 1))
def test_every_entry_has_its_place(bits: int, index: int) -> None:
    word, shift = a_list(bits).position_of(index)
    assert word * (208 // bits) + shift // bits == index
    assert 0 <= shift <= PAYLOAD_BITS - bits
    assert shift % bits == 0


@pytest.mark.parametrize("index", [-1, 131_072, 2**32])
def test_entries_behind_the_end_have_none(index: int) -> None:
    with pytest.raises(InvalidStatusEntry, match=f"index {index} is not in a list of 131072"):
        a_list(1).position_of(index)


@pytest.mark.parametrize(("bits", "most"), [(1, 1), (2, 3), (4, 15), (8, 255)])
def test_values_fit_into_their_bits(bits: int, most: int) -> None:
    for value in (0, most):
        a_list(bits).check_value(value)
    for value in (-1, most + 1):
        with pytest.raises(InvalidStatusEntry, match=f"status {value} does not fit into {bits}"):
            a_list(bits).check_value(value)


# -- indexes and keys ----------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 7, 10, 94567, 2**32 - 1, 9_999_999_999])
def test_indexes_are_plain_decimal_digits(number: int) -> None:
    assert parse_index(str(number)) == number


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "1e3", "01", "00", "+1", "-1", "-0", "1.0", "1.", ".1", "0x1", "1_000", "1,000"),
        *(" 1", "1 ", "1\n", "94567abc", "\u0661", "\u00b2", "1" * 11, "NaN", "Infinity"),
        *(None, 1, 1.0, True, b"1", ["1"], {}),
    ],
)
def test_an_index_written_in_any_other_way_is_none(text: object) -> None:
    with pytest.raises(InvalidStatusEntry, match="not an index"):
        parse_index(text)


def test_keys_come_back_from_their_text() -> None:
    assert parse_key("0x" + "aB" * 32) == b"\xab" * 32


@pytest.mark.parametrize("text", ["", "0x", "ab" * 32, "0x" + "ab" * 31, "0x" + "ab" * 33, None, 7])
def test_what_is_no_key_is_refused(text: object) -> None:
    with pytest.raises(InvalidStatusEntry, match="not 32 bytes"):
        parse_key(text)


# -- words and records ---------------------------------------------------------------------------


@settings(deadline=None)
@given(st.integers(0, 2**208 - 1), st.integers(0, 2**48 - 1), st.sampled_from([1, 2, 4, 8]))
def test_words_hold_statuses_and_their_block(payload: int, block: int, bits: int) -> None:
    word = StatusWord(block << 208 | payload)
    assert (word.payload, word.changed_block) == (payload, block)
    values = [word.value_at(at, bits=bits) for at in range(0, 208, bits)]
    assert sum(value << at * bits for at, value in enumerate(values)) == payload


def test_entries_of_a_word_are_where_the_specification_puts_them() -> None:
    set_bits, _, _ = specified.update([(0, 1), (103, 2)], width_log=1)
    word = StatusWord(set_bits)
    assert [word.value_at(a_list(2).position_of(at)[1], bits=2) for at in (0, 1, 103)] == [1, 0, 2]


@settings(deadline=None)
@given(
    st.integers(0, 255),
    st.integers(0, 2**40 - 1),
    st.integers(0, 2**48 - 1),
    st.integers(0, 2**48 - 1),
)
def test_records_hold_value_time_and_blocks(value: int, time: int, block: int, before: int) -> None:
    record = StatusRecord(value | time << 8 | block << 48 | before << 96)
    assert (record.value, record.changed_at) == (value, time)
    assert (record.changed_block, record.previous_block) == (block, before)


def test_no_word_is_the_one_that_stands_for_any() -> None:
    assert ANY_WORD == specified.ANY
    assert StatusWord(ANY_WORD).changed_block == 0


# -- hashes --------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", [0, 1, 630, 2**40])
def test_words_are_stored_where_the_specification_says(word: int) -> None:
    listed = build()
    identity = bytes.fromhex(IDENTITY[2:])
    assert word_slot(identity, listed, word) == specified.word_slot(IDENTITY, listed.value, word)


def test_the_first_word_is_meant_unless_another_is() -> None:
    listed = build()
    identity = bytes.fromhex(IDENTITY[2:])
    assert word_slot(identity, listed) == word_slot(identity, listed, 0)


def test_records_are_stored_where_the_specification_says() -> None:
    key = b"\x11" * 32
    identity = bytes.fromhex(IDENTITY[2:])
    assert record_slot(identity, key) == specified.record_slot(IDENTITY, key)


def test_delegate_types_are_those_of_the_specification() -> None:
    listed = build()
    assert delegate_type_of_list(listed) == specified.type_of_list(listed.value)
    for authority in (Authority.ALL_LISTS, Authority.REVOCATION_ONLY, Authority.ONE_LIST):
        expected = specified.delegate_type(authority, listed.value)
        assert delegate_type_of(authority, listed) == expected
    assert delegate_type_of(Authority.ALL_LISTS) == ALL_LISTS == b"credStatus" + bytes(22)
    assert (
        delegate_type_of(Authority.REVOCATION_ONLY) == REVOCATION_ONLY == b"credRevoke" + bytes(22)
    )


@pytest.mark.parametrize("authority", [Authority.OWNER, Authority.ONE_LIST])
def test_who_is_no_delegate_has_no_type(authority: Authority) -> None:
    with pytest.raises(InvalidStatusEntry, match=f"belongs to {authority.name.lower()}"):
        delegate_type_of(authority)


def test_the_key_of_a_record_is_the_hash_of_tag_salt_and_digest() -> None:
    from eth_abi.abi import encode
    from eth_hash.auto import keccak

    salt, digest = b"\x01" * 32, b"\x02" * 32
    parts = (b"ethr-did/status-key/1", salt, digest)
    assert status_key(salt, digest) == keccak(encode(("bytes32",) * 3, parts))


@pytest.mark.parametrize(("salt", "digest"), [(31, 32), (32, 31), (33, 32), (0, 0)])
def test_salt_and_digest_have_32_bytes(salt: int, digest: int) -> None:
    with pytest.raises(InvalidStatusEntry, match=f"have 32 bytes, not {salt} and {digest}"):
        status_key(bytes(salt), bytes(digest))

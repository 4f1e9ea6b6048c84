"""Wishes: each entry once, all faults at once."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.core.status_list import Flag, ListId, Purpose
from ethr_did.core.status_wishes import (
    RECORD_BITS,
    STATUS_WORDS,
    Faults,
    RecordWish,
    Wish,
    Wishes,
    WishSet,
    gather,
    parse_status,
)
from ethr_did.errors import InvalidFile, InvalidStatusEntry

PLAIN = Flag(0)


def a_list(bits: int = 1, *, capacity: int = 1024, flags: Flag = PLAIN, salt: int = 0) -> ListId:
    return ListId.build(
        purpose=Purpose.LIFECYCLE,
        bits=bits,
        capacity=capacity,
        random=salt.to_bytes(27),
        flags=flags,
    )


ONE_BIT, TWO_BITS, EIGHT_BITS = (a_list(bits) for bits in (1, 2, 8))
ANCHORED = a_list(2, flags=Flag.ANCHORED)
KEY = b"\x11" * 32


def wish(list_id: ListId, index: int, value: int = 1) -> Wish:
    return Wish(list_id=list_id, index=index, value=value)


def faults_of(*wishes: Wish | RecordWish) -> list[str]:
    with pytest.raises(InvalidStatusEntry) as caught:
        gather(wishes)
    faults: list[str] = caught.value.facts["faults"]
    return faults


# -- gathering -----------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    st.sampled_from([ONE_BIT, TWO_BITS, EIGHT_BITS, ANCHORED]),
    st.data(),
)
def test_wishes_come_back_as_they_were_given(list_id: ListId, data: st.DataObject) -> None:
    values = st.integers(0, (1 << list_id.bits) - 1)
    wanted = data.draw(st.dictionaries(st.integers(0, list_id.capacity - 1), values))
    gathered = gather(wish(list_id, index, value) for index, value in wanted.items())
    assert dict(gathered.entries(list_id)) == wanted
    assert [index for index, _ in gathered.entries(list_id)] == sorted(wanted)
    assert gathered.count == len(wanted)


def test_wishes_of_one_word_are_one_pair_of_masks() -> None:
    gathered = gather([wish(TWO_BITS, 0, 2), wish(TWO_BITS, 1, 0), wish(TWO_BITS, 104, 3)])
    assert gathered.lists == {TWO_BITS: {0: (0b1111, 0b0010), 1: (0b11, 0b11)}}


def test_the_same_wish_twice_is_one() -> None:
    record = RecordWish(key=KEY, value=2)
    assert gather([wish(ONE_BIT, 7), wish(ONE_BIT, 7), record, record]).count == 2


def test_different_wishes_for_one_entry_are_a_fault() -> None:
    assert faults_of(wish(TWO_BITS, 7, 1), wish(TWO_BITS, 7, 2)) == [
        f"row 2: entry 7 of {TWO_BITS.text} is to become 2, and 1 in an earlier row"
    ]


def test_the_same_index_of_another_list_is_another_entry() -> None:
    gathered = gather([wish(ONE_BIT, 7, 1), wish(a_list(salt=1), 7, 0)])
    assert gathered.count == 2


def test_different_wishes_for_one_record_are_a_fault() -> None:
    wishes = RecordWish(key=KEY, value=1), RecordWish(key=KEY, value=2)
    assert faults_of(*wishes) == [
        f"row 2: record 0x{KEY.hex()} is to become 2, and 1 in an earlier row"
    ]


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (wish(ONE_BIT, -1), "row 1: index -1 is not in a list of 1024 entries"),
        (wish(ONE_BIT, 1024), "row 1: index 1024 is not in a list of 1024 entries"),
        (wish(ONE_BIT, 0, 2), "row 1: status 2 does not fit into 1 bit"),
        (wish(TWO_BITS, 0, 4), "row 1: status 4 does not fit into 2 bits"),
        (wish(EIGHT_BITS, 0, -1), "row 1: status -1 does not fit into 8 bits"),
        (RecordWish(key=KEY, value=256), "row 1: status 256 does not fit into 8 bits"),
        (RecordWish(key=KEY, value=-1), "row 1: status -1 does not fit into 8 bits"),
        (RecordWish(key=KEY[1:], value=1), "row 1: a key has 32 bytes, not 31"),
    ],
)
def test_what_no_list_can_hold_is_a_fault(bad: Wish | RecordWish, fault: str) -> None:
    assert faults_of(bad) == [fault]


def test_all_faults_are_named_with_their_rows() -> None:
    good = wish(ONE_BIT, 1)
    faults = faults_of(
        wish(ONE_BIT, 5000), good, wish(ONE_BIT, 2, 9), good, RecordWish(key=b"", value=1)
    )
    assert [fault.partition(":")[0] for fault in faults] == ["row 1", "row 3", "row 5"]


def test_of_very_many_faults_some_are_shown_and_all_counted() -> None:
    with pytest.raises(
        InvalidStatusEntry, match=r"1500 faults: row 1: .*; and 1490 more$"
    ) as caught:
        gather(wish(ONE_BIT, 5000 + at) for at in range(1500))
    assert caught.value.facts["fault_count"] == 1500
    assert len(caught.value.facts["faults"]) == 1000


def test_a_reader_of_files_adds_its_own_faults_and_names_the_file() -> None:
    wishes = Wishes()
    wishes.of(ONE_BIT).add(3, 1, "line 3")
    wishes.faults.add("line 4", "not JSON")
    with pytest.raises(InvalidFile, match=r"^a\.csv cannot be used, 1 fault: line 4: not JSON$"):
        wishes.finish("a.csv", kind=InvalidFile)


def test_no_faults_are_no_error() -> None:
    Faults().check("nothing")


def test_wishes_part_into_those_on_chain_and_those_kept_off_chain() -> None:
    gathered = gather([wish(ONE_BIT, 1), wish(ANCHORED, 2), RecordWish(key=KEY, value=1)])
    assert (set(gathered.on_chain.lists), gathered.on_chain.count) == ({ONE_BIT}, 2)
    assert (set(gathered.anchored.lists), gathered.anchored.count) == ({ANCHORED}, 1)


def test_a_list_without_wishes_is_left_out() -> None:
    wishes = Wishes()
    wishes.of(ONE_BIT)
    assert wishes.finish() == WishSet(lists={}, records={})
    assert list(wishes.finish().entries(ONE_BIT)) == []


# -- words for statuses --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "purpose", "bits", "value"),
    [
        ("valid", Purpose.REVOCATION, 1, 0),
        ("reinstated", Purpose.SUSPENSION, 1, 0),
        ("revoked", Purpose.REVOCATION, 1, 1),
        ("revoked", Purpose.LIFECYCLE, 1, 1),
        ("revoked", Purpose.LIFECYCLE, RECORD_BITS, 1),
        ("suspended", Purpose.SUSPENSION, 1, 1),
        ("suspended", Purpose.LIFECYCLE, 2, 2),
        ("valid", Purpose.MESSAGE, 8, 0),
        ("0", Purpose.MESSAGE, 8, 0),
        ("255", Purpose.MESSAGE, 8, 255),
        (3, Purpose.LIFECYCLE, 2, 3),
    ],
)
def test_words_and_numbers_stand_for_values(
    text: object, purpose: Purpose, bits: int, value: int
) -> None:
    assert parse_status(text, purpose=purpose, bits=bits) == value


@pytest.mark.parametrize(
    ("text", "purpose", "bits"),
    [
        ("suspended", Purpose.REVOCATION, 1),
        ("suspended", Purpose.LIFECYCLE, 1),
        ("revoked", Purpose.SUSPENSION, 1),
        ("revoked", Purpose.MESSAGE, 8),
        ("suspended", Purpose.REFRESH, 1),
    ],
)
def test_what_a_list_cannot_say_is_refused(text: str, purpose: Purpose, bits: int) -> None:
    with pytest.raises(InvalidStatusEntry, match=rf"{purpose.text} with {bits} bits? .* '{text}'"):
        parse_status(text, purpose=purpose, bits=bits)


@pytest.mark.parametrize(
    "text",
    [
        *("", "Revoked", "revoke", " 1", "01", "+1", "-1", "1e0", "1.0", "0x1", "1000", "1\n"),
        *("\u0661", None, True, 1.0, b"1", ["1"]),
    ],
)
def test_other_spellings_of_a_status_are_refused(text: object) -> None:
    with pytest.raises(InvalidStatusEntry, match="not a status"):
        parse_status(text, purpose=Purpose.LIFECYCLE, bits=8)


def test_a_misspelt_status_gets_a_hint() -> None:
    with pytest.raises(InvalidStatusEntry) as caught:
        parse_status("suspend", purpose=Purpose.LIFECYCLE, bits=8)
    assert caught.value.hint == "Did you mean suspended? Or a number."


def test_every_word_means_something_in_a_lifecycle_list() -> None:
    values = [parse_status(text, purpose=Purpose.LIFECYCLE, bits=2) for text in STATUS_WORDS]
    assert values == [0, 0, 1, 2]

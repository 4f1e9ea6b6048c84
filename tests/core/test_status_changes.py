"""Plans: what the contract would do, word by word, and what it would refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.core.keys import Address
from ethr_did.core.status_calls import ListUpdate, WordUpdate
from ethr_did.core.status_changes import (
    ChangePlan,
    Conflict,
    RecordUpdate,
    merge,
    merge_records,
    plan_changes,
)
from ethr_did.core.status_list import (
    ANY_WORD,
    INVALID,
    PAYLOAD_BITS,
    Authority,
    Flag,
    ListId,
    Purpose,
    StatusWord,
)
from ethr_did.core.status_wishes import RecordWish, Wish, WishSet, gather
from ethr_did.errors import InvalidStatusEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

Place: TypeAlias = tuple[ListId, int]

IDENTITY = Address(bytes.fromhex("aa" * 20))
PLAIN = Flag(0)
BLOCK = 7 << PAYLOAD_BITS
KEY, OTHER_KEY = b"\x11" * 32, b"\x22" * 32


def a_list(bits: int = 1, flags: Flag = PLAIN) -> ListId:
    return ListId.build(
        purpose=Purpose.LIFECYCLE, bits=bits, capacity=4096, random=bytes(27), flags=flags
    )


ONE_BIT, TWO_BITS = a_list(), a_list(2)
FINAL, FINAL_TWO_BITS = a_list(1, Flag.TERMINAL), a_list(2, Flag.TERMINAL)
OWNER_ONLY = a_list(1, Flag.OWNER_ONLY)
ANCHORED = a_list(1, Flag.ANCHORED)
LISTS = [a_list(bits, flags) for bits in (1, 2, 4, 8) for flags in (PLAIN, Flag.TERMINAL)]


def wishes(list_id: ListId, **values: int) -> WishSet:
    """Wishes by ``e<index>=value``."""
    return gather(
        Wish(list_id=list_id, index=int(name[1:]), value=value) for name, value in values.items()
    )


def plan(
    wanted: WishSet,
    words: Mapping[Place, int] | int = 0,
    *,
    records: Mapping[bytes, int] | None = None,
    authority: Authority = Authority.OWNER,
) -> ChangePlan:
    """The plan; a number stands for every word."""
    if isinstance(words, int):
        words = {(found, word): words for found, named in wanted.lists.items() for word in named}
    return plan_changes(
        wanted, words=words, records=records, identity=IDENTITY, authority=authority
    )


def faults_of(
    wanted: WishSet, words: int = 0, *, authority: Authority = Authority.OWNER
) -> list[str]:
    with pytest.raises(InvalidStatusEntry) as caught:
        plan(wanted, words, authority=authority)
    faults: list[str] = caught.value.facts["faults"]
    return faults


def only(done: ChangePlan) -> WordUpdate:
    ((update,),) = [list_update.words for list_update in done.updates]
    return update


def applied(stored: int, update: WordUpdate, *, block: int = 9) -> int:
    """The word after the update, as the contract writes it."""
    assert update.expected in (ANY_WORD, stored)
    word = stored & ~update.clear | update.set
    payload = word & ((1 << PAYLOAD_BITS) - 1)
    return stored if word == stored else block << PAYLOAD_BITS | payload


# -- words ---------------------------------------------------------------------------------------


def test_wishes_of_one_list_are_one_update_with_words_in_order() -> None:
    done = plan(wishes(ONE_BIT, e500=1, e3=1, e4=1))
    assert done.updates == (
        ListUpdate(
            identity=IDENTITY,
            authority=Authority.OWNER,
            list_id=ONE_BIT,
            words=(
                WordUpdate(word=0, set=0b11000, clear=0, expected=0),
                WordUpdate(word=2, set=1 << 84, clear=0, expected=0),
            ),
        ),
    )
    assert (done.changes, done.unchanged, done.word_count) == (3, 0, 2)


@settings(deadline=None)
@given(st.sampled_from(LISTS), st.data())
def test_after_the_plan_every_entry_is_as_wished_and_no_other_has_changed(
    list_id: ListId, data: st.DataObject
) -> None:
    bits, count = list_id.bits, list_id.entries_per_word
    values = st.lists(st.integers(0, (1 << bits) - 1), min_size=count, max_size=count)
    before = data.draw(values)
    final = list_id.is_terminal
    wanted = {
        index: INVALID if final and before[index] == INVALID else value
        for index, value in data.draw(
            st.dictionaries(st.integers(0, count - 1), st.integers(0, (1 << bits) - 1), min_size=1)
        ).items()
    }
    stored = BLOCK | sum(value << at * bits for at, value in enumerate(before))
    done = plan(
        gather(Wish(list_id=list_id, index=index, value=v) for index, v in wanted.items()), stored
    )
    changed = [index for index, value in wanted.items() if before[index] != value]
    assert (done.changes, done.unchanged) == (len(changed), len(wanted) - len(changed))
    after = applied(stored, only(done)) if done.updates else stored
    found = [StatusWord(after).value_at(at * bits, bits=bits) for at in range(count)]
    assert found == [wanted.get(at, value) for at, value in enumerate(before)]


def test_what_is_as_wished_already_is_left_alone() -> None:
    done = plan(wishes(TWO_BITS, e0=2, e1=1), BLOCK | 0b0010)
    assert only(done) == WordUpdate(word=0, set=0b0100, clear=0b1000, expected=BLOCK | 0b0010)
    assert (done.changes, done.unchanged) == (1, 1)


def test_a_plan_of_nothing_is_empty() -> None:
    done = plan(wishes(TWO_BITS, e0=2), BLOCK | 2)
    assert (done.updates, done.records) == ((), ())
    assert (done.changes, done.unchanged, done.new_words) == (0, 1, frozenset())


def test_words_that_were_never_written_are_known() -> None:
    wanted = wishes(ONE_BIT, e0=1, e208=1)
    done = plan(wanted, {(ONE_BIT, 0): 0, (ONE_BIT, 1): BLOCK})
    assert done.new_words == {(ONE_BIT, 0)}


def test_lists_come_in_the_order_of_their_ids() -> None:
    wanted = gather(Wish(list_id=found, index=0, value=1) for found in reversed(LISTS))
    assert [update.list_id for update in plan(wanted).updates] == sorted(LISTS)


def test_a_word_that_was_not_read_is_no_word() -> None:
    with pytest.raises(KeyError):
        plan(wishes(ONE_BIT, e0=1), {})


# -- what is expected ----------------------------------------------------------------------------


@pytest.mark.parametrize("list_id", [FINAL, FINAL_TWO_BITS])
def test_a_revocation_that_is_final_expects_nothing(list_id: ListId) -> None:
    update = only(plan(wishes(list_id, e0=1, e1=1), BLOCK))
    assert update.expected == ANY_WORD


@pytest.mark.parametrize("list_id", [ONE_BIT, TWO_BITS])
def test_a_revocation_that_can_be_undone_expects_the_word(list_id: ListId) -> None:
    assert only(plan(wishes(list_id, e0=1), BLOCK | 8)).expected == BLOCK | 8


def test_a_revocation_beside_a_suspension_expects_the_word() -> None:
    assert only(plan(wishes(FINAL_TWO_BITS, e0=1, e1=2), BLOCK)).expected == BLOCK


def test_a_suspension_that_is_there_already_does_not_matter() -> None:
    update = only(plan(wishes(FINAL_TWO_BITS, e0=1, e1=2), BLOCK | 0b1000))
    assert update == WordUpdate(word=0, set=1, clear=2, expected=ANY_WORD)


def test_a_word_that_was_never_used_is_expected_so() -> None:
    assert only(plan(wishes(ONE_BIT, e0=1), 0)).expected == 0


@settings(deadline=None)
@given(st.sampled_from([FINAL, FINAL_TWO_BITS, a_list(8, Flag.TERMINAL)]), st.data())
def test_updates_without_expectation_replace_whole_entries_by_invalid(
    list_id: ListId, data: st.DataObject
) -> None:
    """The contract takes a message without an expectation in this form only."""
    indexes = data.draw(st.sets(st.integers(0, 20), min_size=1))
    wanted = gather(Wish(list_id=list_id, index=index, value=INVALID) for index in indexes)
    update = only(plan(wanted, BLOCK))
    top = (1 << list_id.bits) - 1
    assert update.set == sum(1 << index * list_id.bits for index in indexes)
    assert update.set | update.clear == sum(top << index * list_id.bits for index in indexes)


# -- what the contract would refuse --------------------------------------------------------------


def test_what_is_final_cannot_be_undone() -> None:
    assert faults_of(wishes(FINAL_TWO_BITS, e0=0, e2=1, e3=1), BLOCK | 0b010001) == [
        f"entry 0 of {FINAL_TWO_BITS.text}: it is INVALID, which is final in this list",
    ]


def test_what_is_final_may_be_wished_again() -> None:
    assert plan(wishes(FINAL, e0=1), BLOCK | 1).updates == ()


def test_a_key_for_revocations_does_nothing_else() -> None:
    wanted = wishes(TWO_BITS, e0=2, e1=1, e2=0, e300=3)
    words = {(TWO_BITS, 0): BLOCK | 0b010000, (TWO_BITS, 2): BLOCK}
    with pytest.raises(InvalidStatusEntry) as caught:
        plan(wanted, words, authority=Authority.REVOCATION_ONLY)
    assert caught.value.facts["faults"] == [
        f"entry {index} of {TWO_BITS.text}: a key for revocations can make it INVALID only"
        for index in (0, 2, 300)
    ]


def test_a_fault_is_named_once_though_two_rules_are_broken() -> None:
    wanted = wishes(FINAL_TWO_BITS, e0=0)
    (fault,) = faults_of(wanted, BLOCK | 1, authority=Authority.REVOCATION_ONLY)
    assert "which is final" in fault


def test_a_key_for_revocations_revokes() -> None:
    done = plan(wishes(TWO_BITS, e0=1), BLOCK | 2, authority=Authority.REVOCATION_ONLY)
    assert only(done) == WordUpdate(word=0, set=1, clear=2, expected=BLOCK | 2)


def test_delegates_have_no_right_in_the_owners_lists() -> None:
    faults = faults_of(wishes(OWNER_ONLY, e0=1), authority=Authority.ALL_LISTS)
    assert faults == [f"list {OWNER_ONLY.text}: only the owner may change it"]
    assert plan(wishes(OWNER_ONLY, e0=1)).changes == 1


def test_lists_kept_off_chain_are_published_instead() -> None:
    (fault,) = faults_of(wishes(ANCHORED, e0=1))
    assert fault == f"list {ANCHORED.text}: it is kept off chain; publish its next version instead"


def test_faults_of_all_lists_are_named_together() -> None:
    wanted = gather(Wish(list_id=found, index=0, value=0) for found in (FINAL, FINAL_TWO_BITS))
    assert len(faults_of(wanted, BLOCK | 1)) == 2


# -- records -------------------------------------------------------------------------------------


def record_wishes(**values: int) -> WishSet:
    """Wishes by ``k<byte in hex>=value``."""
    return gather(
        RecordWish(key=bytes.fromhex(name[1:]) * 32, value=value) for name, value in values.items()
    )


def test_records_are_grouped_by_value() -> None:
    stored = {bytes([byte]) * 32: 0 for byte in (0x11, 0x22, 0x33)}
    stored[b"\x33" * 32] = 9 << 48 | 5
    done = plan(record_wishes(k11=1, k22=2, k33=2), records=stored)
    first, second = done.records
    assert (first.value, first.keys, first.expected) == (1, (KEY,), ())
    assert (second.value, second.keys) == (2, (OTHER_KEY, b"\x33" * 32))
    assert second.expected == (0, 9 << 48 | 5)
    assert {first.identity, second.identity} == {IDENTITY}
    assert done.new_records == {KEY, OTHER_KEY}
    assert (done.changes, done.unchanged) == (3, 0)


def test_a_record_that_is_as_wished_is_left_alone() -> None:
    done = plan(record_wishes(k11=2), records={KEY: 9 << 48 | 2})
    assert (done.records, done.changes, done.unchanged) == ((), 0, 1)


def test_a_revoked_record_stays_so() -> None:
    with pytest.raises(InvalidStatusEntry, match=f"record 0x{KEY.hex()}: it is INVALID"):
        plan(record_wishes(k11=2), records={KEY: 9 << 48 | 1})


def test_a_key_for_revocations_revokes_records_only() -> None:
    records = {KEY: 0, OTHER_KEY: 0}
    by = Authority.REVOCATION_ONLY
    assert plan(record_wishes(k11=1, k22=1), records=records, authority=by).changes == 2
    with pytest.raises(InvalidStatusEntry, match=f"record 0x{KEY.hex()}: a key for revocations"):
        plan(record_wishes(k11=2, k22=1), records=records, authority=by)


def test_a_key_for_one_list_has_no_right_in_records() -> None:
    with pytest.raises(InvalidStatusEntry, match="a key for one list cannot change them"):
        plan(record_wishes(k11=1), records={KEY: 0}, authority=Authority.ONE_LIST)


# -- somebody else was faster --------------------------------------------------------------------

NOW = 8 << PAYLOAD_BITS


def conflict(before: int, found: int, wanted: int, *, index: int = 0) -> Conflict:
    return Conflict(
        list_id=TWO_BITS, index=index, key=b"", before=before, found=found, wanted=wanted
    )


def test_a_change_of_a_neighbour_is_merged() -> None:
    ours = WordUpdate(word=0, set=0b10, clear=0b01, expected=BLOCK)
    done = merge(TWO_BITS, ours, NOW | 0b1100)
    assert done.update == replace(ours, expected=NOW | 0b1100)
    assert done.conflicts == ()


def test_a_change_of_the_same_entry_is_a_conflict() -> None:
    ours = WordUpdate(word=1, set=0b10, clear=0b01, expected=BLOCK)
    done = merge(TWO_BITS, ours, NOW | 0b01)
    assert (done.update, done.conflicts) == (None, (conflict(0, 1, 2, index=104),))


def test_the_same_change_by_another_is_no_conflict() -> None:
    ours = WordUpdate(word=0, set=0b10, clear=0b01, expected=BLOCK)
    done = merge(TWO_BITS, ours, NOW | 0b10)
    assert (done.update, done.conflicts) == (None, ())


def test_beside_a_conflict_the_other_entries_are_kept() -> None:
    ours = WordUpdate(word=0, set=0b1010, clear=0b0101, expected=BLOCK)
    done = merge(TWO_BITS, ours, NOW | 0b01)
    assert done.update == WordUpdate(word=0, set=0b1000, clear=0b0100, expected=NOW | 0b01)
    assert done.conflicts == (conflict(0, 1, 2),)


def test_what_needs_no_expectation_needs_no_merging() -> None:
    ours = WordUpdate(word=0, set=1, clear=2, expected=ANY_WORD)
    assert merge(FINAL_TWO_BITS, ours, NOW | 2).update == ours


@settings(deadline=None)
@given(st.sampled_from(LISTS), st.data())
def test_nobodys_change_is_lost_by_merging(list_id: ListId, data: st.DataObject) -> None:
    """Ours, theirs and the rest: each entry ends as whoever alone changed it wanted it."""
    bits, count = list_id.bits, 8
    value = st.integers(0, (1 << bits) - 1)
    before = data.draw(st.lists(value, min_size=count, max_size=count))
    ours = data.draw(st.dictionaries(st.integers(0, count - 1), value))
    theirs = data.draw(st.dictionaries(st.integers(0, count - 1), value))
    stored = BLOCK | sum(v << at * bits for at, v in enumerate(before))
    plain = ListId(list_id.value[:3] + b"\0" + list_id.value[4:])
    wanted = gather(Wish(list_id=plain, index=at, value=v) for at, v in ours.items())
    planned = plan(wanted, stored)
    if not planned.updates:
        return
    there = [theirs.get(at, v) for at, v in enumerate(before)]
    actual = NOW | sum(v << at * bits for at, v in enumerate(there))
    done = merge(plain, only(planned), actual)
    conflicts = {found.index: found for found in done.conflicts}
    after = applied(actual, done.update) if done.update else actual
    for at in range(count):
        result = StatusWord(after).value_at(at * bits, bits=bits)
        we_changed = at in ours and ours[at] != before[at]
        they_changed = there[at] != before[at]
        if we_changed and they_changed and ours[at] != there[at]:
            assert result == there[at]
            assert conflicts.pop(at) == Conflict(
                list_id=plain,
                index=at,
                key=b"",
                before=before[at],
                found=there[at],
                wanted=ours[at],
            )
        else:
            assert result == (ours[at] if we_changed else there[at])
    assert conflicts == {}


def records_update(value: int, *expected: int) -> RecordUpdate:
    return RecordUpdate(
        identity=IDENTITY,
        authority=Authority.OWNER,
        value=value,
        keys=(KEY, OTHER_KEY),
        expected=expected,
    )


def test_records_that_nobody_touched_are_kept() -> None:
    ours = records_update(2, 0, 0)
    done = merge_records(ours, {KEY: 9 << 48 | 3, OTHER_KEY: 9 << 48})
    assert done.update == replace(ours, keys=(OTHER_KEY,), expected=(9 << 48,))
    assert done.conflicts == (
        Conflict(list_id=None, index=0, key=KEY, before=0, found=3, wanted=2),
    )


def test_records_that_somebody_else_made_the_same_are_done() -> None:
    done = merge_records(records_update(2, 0, 0), {KEY: 9 << 48 | 2, OTHER_KEY: 9 << 48 | 2})
    assert (done.update, done.conflicts) == (None, ())


def test_revocations_of_records_expect_nothing_still() -> None:
    done = merge_records(records_update(1), {KEY: 9 << 48 | 1, OTHER_KEY: 9 << 48 | 2})
    assert done.update == replace(records_update(1), keys=(OTHER_KEY,))
    assert done.conflicts == ()


def test_conflicts_are_told() -> None:
    entry = conflict(0, 1, 2, index=7)
    assert entry.describe() == (
        f"entry 7 of {TWO_BITS.text} was 0, was to become 2, and somebody else made it 1"
    )
    assert entry.to_dict() == {
        "listId": TWO_BITS.text,
        "index": 7,
        "before": 0,
        "found": 1,
        "wanted": 2,
    }
    record = Conflict(list_id=None, index=0, key=KEY, before=0, found=1, wanted=2)
    assert record.describe().startswith(f"record 0x{KEY.hex()} was 0")
    assert record.to_dict()["key"] == "0x" + KEY.hex()

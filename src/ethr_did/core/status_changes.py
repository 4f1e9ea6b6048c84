"""What has to be written so that wishes about statuses are fulfilled.

Rules:
  1. What has the wished value already is left alone: a plan that is made again after it was
     carried out is empty.
  2. An update names the word that it expects, so that nobody's change is overwritten unseen. One
     case needs no expectation: entries of a terminal list that become INVALID. Nobody can have
     given them a value that would have lasted. The same goes for records.
  3. What the contract would refuse is refused here: undoing what is final, other values than
     INVALID by a key for revocations, anything by delegates where the list is the owner's alone.
  4. After somebody else changed a word, the wishes about entries that he did not touch hold for
     the new word. The others are conflicts, unless he wrote what was wished.

Spec: docs/credential-status.md, "`CredentialStatusRegistry`".
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ethr_did.core.status_calls import ListUpdate, WordUpdate
from ethr_did.core.status_fields import invalid, non_zero, places
from ethr_did.core.status_list import (
    ANY_WORD,
    INVALID,
    PAYLOAD_BITS,
    Authority,
    Flag,
    ListId,
    StatusRecord,
)
from ethr_did.core.status_wishes import Faults

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethr_did.core.keys import Address
    from ethr_did.core.status_wishes import WishSet, WordWishes

__all__ = [
    "ChangePlan",
    "Conflict",
    "Merged",
    "MergedRecords",
    "RecordUpdate",
    "merge",
    "merge_records",
    "plan_changes",
]

_PAYLOAD = (1 << PAYLOAD_BITS) - 1


# -- the plan ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordUpdate:
    """Records that get one value."""

    identity: Address
    authority: Authority
    value: int
    keys: tuple[bytes, ...]
    expected: tuple[int, ...] = ()
    """Each record as it is stored before; empty where it does not matter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangePlan:
    """What has to be written under one identity so that the wishes are fulfilled."""

    updates: tuple[ListUpdate, ...]
    """One for each list in which something changes; words by number."""
    records: tuple[RecordUpdate, ...]
    """One for each value."""
    new_words: frozenset[tuple[ListId, int]]
    """List and number of words that were never written: they cost more, once."""
    new_records: frozenset[bytes]
    """Keys of records that were never written."""
    changes: int
    """Entries and records that get another value."""
    unchanged: int
    """Those that have theirs already."""

    @property
    def word_count(self) -> int:
        """Words that change."""
        return sum(len(update.words) for update in self.updates)


def plan_changes(
    wishes: WishSet,
    *,
    words: Mapping[tuple[ListId, int], int],
    records: Mapping[bytes, int] | None = None,
    identity: Address,
    authority: Authority,
) -> ChangePlan:
    """What to write so that the wishes are fulfilled.

    Args:
        wishes: about lists on chain and records.
        words: each word of ``wishes.lists`` as it is stored, by list and number; 0: never written.
        records: each record of ``wishes.records`` as it is stored.
        identity: whose statuses they are.
        authority: by which right they are changed.

    Raises:
        InvalidStatusEntry: the contract would refuse some of it; each entry is named.
    """
    faults = Faults()
    lists = [
        _ListPlan(list_id, authority, faults).plan(wanted, words)
        for list_id, wanted in sorted(wishes.lists.items())
    ]
    planned = _plan_records(wishes.records, records or {}, authority, faults)
    faults.check("the change")
    changes = sum(done.changes for done in lists) + sum(len(keys) for keys, _ in planned.values())
    return ChangePlan(
        updates=tuple(
            ListUpdate(
                identity=identity,
                authority=authority,
                list_id=done.list_id,
                words=tuple(done.updates),
            )
            for done in lists
            if done.updates
        ),
        records=tuple(
            RecordUpdate(
                identity=identity,
                authority=authority,
                value=value,
                keys=tuple(keys),
                expected=tuple(expected),
            )
            for value, (keys, expected) in sorted(planned.items())
        ),
        new_words=frozenset((done.list_id, word) for done in lists for word in done.new_words),
        new_records=frozenset(key for key in wishes.records if not (records or {})[key]),
        changes=changes,
        unchanged=wishes.count - changes,
    )


class _ListPlan:
    """The words of one list, all entries of a word at once."""

    def __init__(self, list_id: ListId, authority: Authority, faults: Faults) -> None:
        self.list_id = list_id
        self.updates: list[WordUpdate] = []
        self.new_words: list[int] = []
        self.changes = 0
        self._bits = list_id.bits
        self._top = (1 << list_id.bits) - 1
        self._is_terminal = list_id.is_terminal
        self._revokes_only = authority is Authority.REVOCATION_ONLY
        self._faults = faults
        self._check_list(authority)

    def _check_list(self, authority: Authority) -> None:
        if self.list_id.is_anchored:
            self._faults.add(
                f"list {self.list_id.text}",
                "it is kept off chain; publish its next version instead",
            )
        if Flag.OWNER_ONLY in self.list_id.flags and authority is not Authority.OWNER:
            self._faults.add(f"list {self.list_id.text}", "only the owner may change it")

    def plan(self, wanted: WordWishes, words: Mapping[tuple[ListId, int], int]) -> _ListPlan:
        """Itself, with an update for each word in which something changes."""
        for word, (mask, value) in sorted(wanted.items()):
            self._plan_word(word, mask, value, words[self.list_id, word])
        return self

    def _plan_word(self, word: int, mask: int, value: int, stored: int) -> None:
        old = stored & _PAYLOAD
        new = old & ~mask | value
        if new == old:
            return
        changed = non_zero(old ^ new, self._bits)
        becomes_invalid = invalid(new, self._bits)
        if self._is_terminal or self._revokes_only:
            self._check_rules(word, changed, invalid(old, self._bits), becomes_invalid)
        touched = changed * self._top
        is_final = self._is_terminal and not changed & ~becomes_invalid
        self.updates.append(
            WordUpdate(
                word=word,
                set=value & touched,
                clear=touched & ~value,
                expected=ANY_WORD if is_final else stored,
            )
        )
        self.changes += changed.bit_count()
        if not stored:
            self.new_words.append(word)

    def _check_rules(self, word: int, changed: int, was_invalid: int, becomes_invalid: int) -> None:
        """The rules of the contract's ``_checkRules``, for the entries that would change."""
        other = changed & ~becomes_invalid
        undone = was_invalid & other if self._is_terminal else 0
        self._refuse(word, undone, "it is INVALID, which is final in this list")
        if self._revokes_only:
            self._refuse(word, other & ~undone, "a key for revocations can make it INVALID only")

    def _refuse(self, word: int, fields: int, why: str) -> None:
        first = word * self.list_id.entries_per_word
        for place in places(fields, self._bits):
            self._faults.add(f"entry {first + place} of {self.list_id.text}", why)


def _plan_records(
    wanted: Mapping[bytes, int],
    stored: Mapping[bytes, int],
    authority: Authority,
    faults: Faults,
) -> dict[int, tuple[list[bytes], list[int]]]:
    """Value to the keys that get it, and the records expected there."""
    planned: dict[int, tuple[list[bytes], list[int]]] = {}
    if wanted and authority is Authority.ONE_LIST:
        faults.add("records", "a key for one list cannot change them")
    for key, value in sorted(wanted.items()):
        before = StatusRecord(stored[key])
        if before.value == value:
            continue
        if before.value == INVALID:
            faults.add(f"record 0x{key.hex()}", "it is INVALID, which is final")
        elif authority is Authority.REVOCATION_ONLY and value != INVALID:
            faults.add(f"record 0x{key.hex()}", "a key for revocations can make it INVALID only")
        keys, expected = planned.setdefault(value, ([], []))
        keys.append(key)
        if value != INVALID:
            expected.append(before.stored)
    return planned


# -- somebody else was faster --------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """An entry or a record that somebody else changed since it was read."""

    list_id: ListId | None
    """None for a record."""
    index: int
    """Of the entry; 0 for a record."""
    key: bytes
    """Of the record; empty for an entry."""
    before: int
    """Value that was read."""
    found: int
    """Value that is there now."""
    wanted: int
    """Value that we were about to write."""

    def describe(self) -> str:
        """The conflict in a sentence."""
        name = (
            f"entry {self.index} of {self.list_id.text}"
            if self.list_id
            else f"record 0x{self.key.hex()}"
        )
        return (
            f"{name} was {self.before}, was to become {self.wanted}, and somebody else made it "
            f"{self.found}"
        )

    def to_dict(self) -> dict[str, Any]:
        """The conflict as JSON."""
        name: dict[str, Any] = (
            {"listId": self.list_id.text, "index": self.index}
            if self.list_id
            else {"key": "0x" + self.key.hex()}
        )
        return {**name, "before": self.before, "found": self.found, "wanted": self.wanted}


@dataclass(frozen=True, slots=True, kw_only=True)
class Merged:
    """What is left of an update after the word was read again."""

    update: WordUpdate | None
    """For the entries that nobody else touched; None if there are none."""
    conflicts: tuple[Conflict, ...]
    """The other entries, unless they have the wished value now."""


def merge(list_id: ListId, update: WordUpdate, actual: int) -> Merged:
    """The same wishes on the word as it is now.

    Args:
        list_id: of the list.
        update: that was refused with ``StaleWord``.
        actual: the word as it is stored now.

    Example:
        >>> from ethr_did.core.status_list import Purpose
        >>> statuses = ListId.build(purpose=Purpose.SUSPENSION, bits=1, capacity=256, random=bytes(27))
        >>> ours = WordUpdate(word=0, set=0b01, clear=0, expected=7 << 208)
        >>> merge(statuses, ours, 8 << 208 | 0b10).update == replace(ours, expected=8 << 208 | 0b10)
        True
    """
    if update.expected == ANY_WORD:
        return Merged(update=update, conflicts=())
    bits, top = list_id.bits, (1 << list_id.bits) - 1
    ours = update.set | update.clear
    theirs = non_zero((update.expected ^ actual) & _PAYLOAD, bits) * top & ours
    left = non_zero((actual ^ update.set) & ours & ~theirs, bits) * top
    first = update.word * list_id.entries_per_word
    conflicts = tuple(
        Conflict(
            list_id=list_id,
            index=first + place,
            key=b"",
            before=update.expected >> place * bits & top,
            found=actual >> place * bits & top,
            wanted=update.set >> place * bits & top,
        )
        for place in places(non_zero((actual ^ update.set) & theirs, bits), bits)
    )
    kept = replace(update, set=update.set & left, clear=update.clear & left, expected=actual)
    return Merged(update=kept if left else None, conflicts=conflicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedRecords:
    """What is left of an update after the records were read again."""

    update: RecordUpdate | None
    conflicts: tuple[Conflict, ...]


def merge_records(update: RecordUpdate, actual: Mapping[bytes, int]) -> MergedRecords:
    """The same wishes on the records as they are now.

    Args:
        update: that was refused with ``StaleRecord``, or with ``RecordIsFinal``.
        actual: each of its records as it is stored now.
    """
    before = dict(zip(update.keys, update.expected, strict=True)) if update.expected else actual
    left: list[bytes] = []
    conflicts: list[Conflict] = []
    for key in update.keys:
        was, found = StatusRecord(before[key]).value, StatusRecord(actual[key]).value
        if found == was != update.value:
            left.append(key)
        elif found != update.value:
            conflicts.append(
                Conflict(
                    list_id=None, index=0, key=key, before=was, found=found, wanted=update.value
                )
            )
    expected = tuple(actual[key] for key in left) if update.expected else ()
    kept = replace(update, keys=tuple(left), expected=expected)
    return MergedRecords(update=kept if left else None, conflicts=tuple(conflicts))

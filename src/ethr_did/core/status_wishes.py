"""Wishes about statuses: checked all at once, and packed by words while they come in.

Rules:
  * With one fault among the wishes none of them counts, and all faults are named.
  * The same wish twice is one. Two different wishes for one entry are a fault.
  * What is kept is two numbers for each word, whatever the number of wishes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeAlias

from ethr_did.core.status_answer import StatusKind, kind_of
from ethr_did.core.status_fields import non_zero, places
from ethr_did.errors import InvalidStatusEntry, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ethr_did.core.status_list import ListId, Purpose
    from ethr_did.errors import InvalidInput

__all__ = [
    "RECORD_BITS",
    "STATUS_WORDS",
    "Faults",
    "ListWishes",
    "RecordWish",
    "Wish",
    "WishSet",
    "Wishes",
    "WordWishes",
    "gather",
    "parse_status",
]

RECORD_BITS: Final = 8
"""Bits of a record's value."""

_KEY_LENGTH = 32
_VALUE = re.compile(r"0|[1-9][0-9]{0,2}")
_MAX_FAULTS = 1000
_SHOWN_FAULTS = 10

_KINDS = {
    "valid": StatusKind.VALID,
    "reinstated": StatusKind.VALID,
    "revoked": StatusKind.REVOKED,
    "suspended": StatusKind.SUSPENDED,
}
STATUS_WORDS: Final = tuple(_KINDS)
"""What may be said in place of a number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """An entry of a list is to get a value."""

    list_id: ListId
    index: int
    value: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordWish:
    """A record is to get a value."""

    key: bytes
    """32 bytes."""
    value: int


class Faults:
    """What is wrong with many rows: the first thousand in words, the others counted."""

    def __init__(self) -> None:
        self.count = 0
        self.texts: list[str] = []
        self.row = "row"
        """What stands before the number of a row, such as the name of a file."""

    def add(self, where: str | int, what: str) -> None:
        """Takes note of one.

        Args:
            where: the number of a row, or something else in words.
            what: is wrong.
        """
        self.count += 1
        if len(self.texts) < _MAX_FAULTS:
            place = f"{self.row} {where}" if isinstance(where, int) else where
            self.texts.append(f"{place}: {what}")

    def check(self, subject: str, *, kind: type[InvalidInput] = InvalidStatusEntry) -> None:
        """Raises an error that names them, unless there is none."""
        if not self.count:
            return
        text = "; ".join(self.texts[:_SHOWN_FAULTS])
        more = f"; and {self.count - _SHOWN_FAULTS} more" if self.count > _SHOWN_FAULTS else ""
        raise kind(
            f"{subject} cannot be used, {self.count} fault{'s' * (self.count > 1)}: {text}{more}",
            hint="Nothing was changed. Correct all of them, and do the same again.",
            faults=list(self.texts),
            fault_count=self.count,
        )


class ListWishes:
    """Wishes about one list, packed by words while they come in."""

    def __init__(self, list_id: ListId, faults: Faults) -> None:
        self.list_id = list_id
        self.masks: dict[int, int] = {}
        """Word to the bits of the entries that were named."""
        self.values: dict[int, int] = {}
        """Word to what those bits are to be."""
        self._faults = faults
        self._bits = list_id.bits
        self._top = (1 << list_id.bits) - 1
        self._per_word = list_id.entries_per_word
        self._capacity = list_id.capacity

    def add(self, index: int, value: int, where: str | int) -> None:
        """Takes one wish, or takes note of what is wrong with it.

        Args:
            index: of the entry.
            value: that it is to get.
            where: the row that says so, by its number or in words.
        """
        if not (0 <= index < self._capacity and 0 <= value <= self._top):
            self._refuse(index, value, where)
            return
        word, place = divmod(index, self._per_word)
        shift = place * self._bits
        field = self._top << shift
        mask = self.masks.get(word, 0)
        if mask & field:
            self._compare(word, shift, index, value, where)
            return
        self.masks[word] = mask | field
        self.values[word] = self.values.get(word, 0) | value << shift

    def _refuse(self, index: int, value: int, where: str | int) -> None:
        try:
            self.list_id.check_index(index)
            self.list_id.check_value(value)
        except InvalidStatusEntry as fault:
            self._faults.add(where, fault.message)

    def _compare(self, word: int, shift: int, index: int, value: int, where: str | int) -> None:
        before = self.values[word] >> shift & self._top
        if before != value:
            self._faults.add(
                where,
                f"entry {index} of {self.list_id.text} is to become {value}, and {before} in an "
                "earlier row",
            )


class Wishes:
    """Takes wishes one by one; ``finish`` tells whether all of them are good.

    Example:
        >>> from ethr_did.core.status_list import ListId, Purpose
        >>> statuses = ListId.build(purpose=Purpose.REVOCATION, bits=1, capacity=256, random=bytes(27))
        >>> wishes = Wishes()
        >>> wishes.of(statuses).add(7, 1, "row 1")
        >>> wishes.of(statuses).add(300, 1, "row 2")
        >>> wishes.finish("today.csv")
        Traceback (most recent call last):
            ...
        ethr_did.errors.InvalidStatusEntry: today.csv cannot be used, 1 fault: row 2: index 300 is not in a list of 256 entries
    """

    def __init__(self) -> None:
        self.faults = Faults()
        """For whoever finds more of them, such as the reader of a file."""
        self._lists: dict[ListId, ListWishes] = {}
        self._records: dict[bytes, int] = {}

    def of(self, list_id: ListId) -> ListWishes:
        """What is wished for one list; the same object each time."""
        found = self._lists.get(list_id)
        if found is None:
            found = self._lists[list_id] = ListWishes(list_id, self.faults)
        return found

    def add_record(self, key: bytes, value: int, where: str | int) -> None:
        """Takes a wish about a record, or takes note of what is wrong with it."""
        if len(key) != _KEY_LENGTH:
            self.faults.add(where, f"a key has 32 bytes, not {len(key)}")
        elif not 0 <= value < 1 << RECORD_BITS:
            self.faults.add(where, f"status {value} does not fit into {RECORD_BITS} bits")
        elif self._records.setdefault(key, value) != value:
            self.faults.add(
                where,
                f"record 0x{key.hex()} is to become {value}, and {self._records[key]} in an "
                "earlier row",
            )

    def finish(
        self, subject: str = "the list of changes", *, kind: type[InvalidInput] = InvalidStatusEntry
    ) -> WishSet:
        """All of them.

        Args:
            subject: what they were read from, for the error.
            kind: of that error.

        Raises:
            InvalidStatusEntry: or ``kind``, with all faults, if there is one.
        """
        self.faults.check(subject, kind=kind)
        return WishSet(
            lists={
                list_id: {word: (mask, wishes.values[word]) for word, mask in wishes.masks.items()}
                for list_id, wishes in self._lists.items()
                if wishes.masks
            },
            records=dict(self._records),
        )


WordWishes: TypeAlias = "Mapping[int, tuple[int, int]]"
"""Number of a word to the bits of the entries that were named, and what they are to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WishSet:
    """Wishes without fault; each entry and each record once."""

    lists: Mapping[ListId, WordWishes]
    records: Mapping[bytes, int]
    """Key to value."""

    @property
    def count(self) -> int:
        """Entries and records."""
        bits = (
            mask.bit_count() // list_id.bits
            for list_id, words in self.lists.items()
            for mask, _ in words.values()
        )
        return sum(bits) + len(self.records)

    @property
    def on_chain(self) -> WishSet:
        """Those that a transaction fulfils."""
        kept = {found: words for found, words in self.lists.items() if not found.is_anchored}
        return WishSet(lists=kept, records=self.records)

    @property
    def anchored(self) -> WishSet:
        """Those about lists kept off chain: the next version fulfils them."""
        kept = {found: words for found, words in self.lists.items() if found.is_anchored}
        return WishSet(lists=kept, records={})

    def entries(self, list_id: ListId) -> Iterator[tuple[int, int]]:
        """Index and value of each entry of a list that was named, by index."""
        bits, top = list_id.bits, (1 << list_id.bits) - 1
        for word, (mask, value) in sorted(self.lists.get(list_id, {}).items()):
            first = word * list_id.entries_per_word
            for place in places(non_zero(mask, bits), bits):
                yield first + place, value >> place * bits & top


def gather(wishes: Iterable[Wish | RecordWish]) -> WishSet:
    """The wishes, checked and packed by words.

    Raises:
        InvalidStatusEntry: with all their faults, each by the number of its row, from 1.

    Example:
        >>> from ethr_did.core.status_list import ListId, Purpose
        >>> statuses = ListId.build(purpose=Purpose.REVOCATION, bits=1, capacity=256, random=bytes(27))
        >>> gather([Wish(list_id=statuses, index=index, value=1) for index in (7, 8, 7)]).count
        2
    """
    gathered = Wishes()
    for row, wish in enumerate(wishes, start=1):
        if isinstance(wish, RecordWish):
            gathered.add_record(wish.key, wish.value, row)
        else:
            gathered.of(wish.list_id).add(wish.index, wish.value, row)
    return gathered.finish()


def parse_status(text: object, *, purpose: Purpose, bits: int) -> int:
    """The value that a status stands for in a list, from a word or a number.

    Args:
        text: one of ``STATUS_WORDS``, or a number in plain decimal digits.
        purpose: of the list; a record's is ``LIFECYCLE``.
        bits: of an entry; ``RECORD_BITS`` for a record.

    Raises:
        InvalidStatusEntry: it is neither, or the list cannot say it.

    Example:
        >>> from ethr_did.core.status_list import Purpose
        >>> parse_status("suspended", purpose=Purpose.LIFECYCLE, bits=2)
        2
        >>> parse_status("suspended", purpose=Purpose.SUSPENSION, bits=1)
        1
    """
    if isinstance(text, int) and not isinstance(text, bool):
        return text
    if isinstance(text, str) and _VALUE.fullmatch(text):
        return int(text)
    kind = _KINDS.get(text) if isinstance(text, str) else None
    if kind is None:
        known = nearest(text, STATUS_WORDS) if isinstance(text, str) else ""
        raise InvalidStatusEntry(
            f"not a status: {shown(text)}", hint=f"{known} Or a number.".strip()
        )
    for value in range(min(1 << bits, 3)):
        if kind_of(value, purpose=purpose, bits=bits) is kind:
            return value
    raise InvalidStatusEntry(
        f"a list for {purpose.text} with {bits} bit{'s' * (bits > 1)} for each entry cannot say "
        f"{text!r}"
    )

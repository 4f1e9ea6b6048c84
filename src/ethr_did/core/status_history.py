"""The changes of a status, newest first: which block to look at next, and where to stop.

Rules:
  1. A word names the block of its last change, and every event of a word the word before it. So
     do records, by the block of the change before. What is asked for is always one block.
  2. Several events of a word in one block are links of the same chain: each begins where the one
     before it ended, the first one in an earlier block, and the last one ends with what is stored.
     A link that is missing, or does not fit, is an error; nothing is guessed across it.
  3. Which changes count is said by a place: the first (block, log index) that does not count. At
     block T that is the beginning of the block after it; for an issuer who gave up its identity,
     the event by which it did. Logs of all contracts of a block are numbered together.
  4. Or by a time: changes of later blocks do not count. No block has to be searched for it, since
     every block that is looked at says its time.
  5. Neighbours share a word: that a word changed says nothing about the entry, unless its own
     value changed as well.

Spec: docs/credential-status.md, "Words" and "Records".
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self, TypeAlias, TypeVar

from ethr_did.core.status_events import ListAnchored, RecordChanged, StatusEvent, WordChanged
from ethr_did.core.status_list import PAYLOAD_BITS, VALID, ListId
from ethr_did.errors import HistoryMissing, NodeInconsistent

__all__ = [
    "BlockSeen",
    "Change",
    "Found",
    "Limit",
    "Point",
    "entry_changes",
    "follow_back",
    "list_all",
    "record_changes",
    "version_before",
    "word_changes",
]

T = TypeVar("T")
Placed = TypeVar("Placed", WordChanged, RecordChanged, ListAnchored)


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSeen:
    """A block that was looked at: its time, and its events of one list or record."""

    number: int
    timestamp: int
    """Unix seconds."""
    events: tuple[StatusEvent, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of an entry or record."""

    value: int
    """Afterwards."""
    previous: int | None
    """Before; None: not known, of the first change of a record in a block."""
    stored: int
    """Word or record afterwards, as it is stored."""
    block_number: int
    block_hash: bytes
    timestamp: int
    """Unix seconds of the block."""
    log_index: int
    """Position in the block."""
    tx_hash: bytes
    counts: bool = True
    """False: the issuer had given up its identity."""

    @property
    def is_own(self) -> bool:
        """Whether the entry itself changed, and not only a neighbour."""
        return self.value != self.previous

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "value": self.value,
            "previousValue": self.previous,
            "blockNumber": self.block_number,
            "blockTimestamp": self.timestamp,
            "blockHash": "0x" + self.block_hash.hex(),
            "logIndex": self.log_index,
            "transactionHash": "0x" + self.tx_hash.hex(),
            "counts": self.counts,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Up to where changes count; without a member, all do.

    Example:
        >>> Limit.of_block(7).counts(7, 99, timestamp=0), Limit.of_block(7).counts(8, 0, timestamp=0)
        (True, False)
    """

    place: tuple[int, int] | None = None
    """Block and log index of the first that does not count."""
    time: int | None = None
    """Unix seconds of the last block that counts."""

    @classmethod
    def of_block(cls, number: int) -> Self:
        """All changes up to the end of a block."""
        return cls(place=(number + 1, 0))

    def or_before(self, place: tuple[int, int] | None) -> Self:
        """The same limit, or that place if it is earlier."""
        places = [one for one in (self.place, place) if one is not None]
        return replace(self, place=min(places, default=None))

    def contains(self, block: int) -> bool:
        """Whether all changes of a block count, as far as its number tells; False: look."""
        return self.time is None and (self.place is None or block < self.place[0])

    def counts(self, block: int, log_index: int, *, timestamp: int) -> bool:
        """Whether a change counts."""
        in_time = self.time is None or timestamp <= self.time
        return in_time and (self.place is None or (block, log_index) < self.place)


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """What is known of a status after some block."""

    block: int
    """Of the last change of its word or record; 0: none."""
    value: int | None
    """None: the block has to be looked at."""
    stored: int | None = None
    """The whole word or record; None: not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A status as it counts, and since when."""

    value: int
    changed_block: int | None
    """None: never changed."""
    changed_at: int | None = None
    """Unix seconds of that block; None: not known."""
    exact: bool = False
    """Whether the entry itself changed there."""


Changes: TypeAlias = Callable[[BlockSeen], tuple[tuple[Change, ...], Point]]
"""Reads a block: the changes in it, in order, and what was before them."""

Trail: TypeAlias = Generator[int, BlockSeen, T]
"""Yields the number of the block to look at next, is sent what is there, returns what it means."""


def follow_back(changes: Changes, start: Point, limit: Limit, *, exact: bool) -> Trail[Found]:
    """The status as it counts up to a limit.

    Args:
        changes: reads the blocks of this status.
        start: what the contract says now.
        limit: up to where changes count.
        exact: look for the block in which the entry itself changed.

    Raises:
        HistoryMissing: a change is not there.
        NodeInconsistent: the changes do not fit together.
    """
    point, found = _begin(start), None
    while point.block:
        if found is None and not exact and point.value is not None and limit.contains(point.block):
            return Found(value=point.value, changed_block=point.block)
        time, made, before = yield from _look(changes, point)
        counted = [c for c in made if limit.counts(c.block_number, c.log_index, timestamp=time)]
        if counted and found is None:
            found = Found(value=counted[-1].value, changed_block=point.block, changed_at=time)
            if not exact:
                return found
        if found is not None and any(change.is_own for change in counted):
            return replace(found, changed_block=point.block, changed_at=time, exact=True)
        point = before
    return Found(value=VALID, changed_block=None, exact=True)


def list_all(changes: Changes, start: Point) -> Trail[tuple[Change, ...]]:
    """Every change of an entry or record itself, oldest first.

    Raises:
        HistoryMissing: a change is not there.
        NodeInconsistent: the changes do not fit together.
    """
    point, found = _begin(start), list[Change]()
    while point.block:
        _, made, before = yield from _look(changes, point)
        found += [change for change in reversed(made) if change.is_own]
        point = before
    return tuple(reversed(found))


def _begin(start: Point) -> Point:
    if start.block == 0 and start.value != VALID:
        raise _does_not_fit(0)  # what was never written is VALID
    return start


def _look(changes: Changes, point: Point) -> Trail[tuple[int, tuple[Change, ...], Point]]:
    """Time and changes of the next block, which must end with what is known."""
    seen = yield point.block
    made, before = changes(seen)
    last = made[-1]
    if point.value not in (None, last.value) or point.stored not in (None, last.stored):
        raise _does_not_fit(point.block)
    if before.block >= point.block or (before.block == 0 and before.value != VALID):
        raise _does_not_fit(point.block)
    return seen.timestamp, made, before


def entry_changes(list_id: ListId, index: int) -> Changes:
    """Reads the changes of one entry of a list."""
    word, shift = list_id.position_of(index)
    return _field_changes(word, shift, list_id.bits)


def word_changes(word: int) -> Changes:
    """Reads the changes of a whole word; its value is all of its statuses."""
    return _field_changes(word, 0, PAYLOAD_BITS)


def _field_changes(word: int, shift: int, bits: int) -> Changes:
    def read(seen: BlockSeen) -> tuple[tuple[Change, ...], Point]:
        events = [e for e in _of_block(seen, WordChanged) if e.word == word]
        first = _first(events, seen.number).previous_word
        if first.changed_block >= seen.number:
            raise _missing(seen.number)
        before, made = first, list[Change]()
        for event in events:
            if event.previous_word != before:
                raise _missing(seen.number)
            previous = before.value_at(shift, bits=bits)
            before = event.stored
            value = before.value_at(shift, bits=bits)
            made.append(_change(event, value, previous, before.stored, seen))
        value = first.value_at(shift, bits=bits)
        return tuple(made), Point(block=first.changed_block, value=value, stored=first.stored)

    return read


def record_changes(key: bytes) -> Changes:
    """Reads the changes of one record."""

    def read(seen: BlockSeen) -> tuple[tuple[Change, ...], Point]:
        events = [e for e in _of_block(seen, RecordChanged) if e.key == key]
        earlier = _first(events, seen.number).record.previous_block
        if earlier >= seen.number:
            raise _missing(seen.number)
        expected, previous, made = earlier, None if earlier else VALID, list[Change]()
        for event in events:
            record = event.record
            follows = record.previous_block == expected and record.changed_block == seen.number
            if not follows or record.value == previous:
                raise _missing(seen.number)  # no change changes nothing
            made.append(_change(event, record.value, previous, record.stored, seen))
            expected, previous = seen.number, record.value
        return tuple(made), Point(block=earlier, value=None if earlier else VALID)

    return read


def version_before(newest: ListAnchored, limit: Limit) -> Trail[ListAnchored | None]:
    """The version of an anchored list that counts up to a limit; None if there was none yet.

    Args:
        newest: the event of the current version, its time included.
        limit: up to where versions count.

    Raises:
        HistoryMissing: a version is not there.
        NodeInconsistent: the versions do not fit together.
    """
    version = newest
    while not _version_counts(version, limit):
        if version.version == 1:
            return None
        if version.previous_block > version.block_number or not version.previous_block:
            raise _does_not_fit(version.block_number)
        seen = yield version.previous_block
        wanted = version.version - 1
        events = [e for e in _of_block(seen, ListAnchored) if e.version == wanted]
        version = replace(_first(events, seen.number), block_timestamp=seen.timestamp)
    return version


def _version_counts(version: ListAnchored, limit: Limit) -> bool:
    timestamp = version.block_timestamp
    assert timestamp is not None  # noqa: S101 - see version_before
    return limit.counts(version.block_number, version.log_index, timestamp=timestamp)


def _of_block(seen: BlockSeen, kind: type[Placed]) -> list[Placed]:
    found = [e for e in seen.events if isinstance(e, kind) and e.block_number == seen.number]
    return sorted(found, key=lambda event: event.log_index)


def _first(events: Sequence[Placed], block: int) -> Placed:
    if not events:
        raise _missing(block)
    return events[0]


def _change(
    event: WordChanged | RecordChanged,
    value: int,
    previous: int | None,
    stored: int,
    seen: BlockSeen,
) -> Change:
    return Change(
        value=value,
        previous=previous,
        stored=stored,
        block_number=event.block_number,
        block_hash=event.block_hash,
        timestamp=seen.timestamp,
        log_index=event.log_index,
        tx_hash=event.tx_hash,
    )


def _missing(block: int) -> HistoryMissing:
    return HistoryMissing(
        f"the status changed in block {block}, but the node has not all events of it there",
        hint="The node has pruned or not indexed its logs. Use an archive node.",
        block_number=block,
    )


def _does_not_fit(block: int) -> NodeInconsistent:
    return NodeInconsistent(
        f"the events of block {block} do not lead to what the contract has stored",
        hint="Ask another node.",
        block_number=block,
    )

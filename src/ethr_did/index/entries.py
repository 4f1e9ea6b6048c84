"""Events as the index keeps them: between the logs of a node and the rows of a table.

Rules:
  * The core decodes every log, strictly; what it refuses is never kept. The data is kept as it was
    emitted, so that what is read from the index is decoded by the same code once more.
  * Where a list is said to be is kept whatever it is: a publisher may write any bytes there, and
    must not be able to stop those who follow.
  * A subject is what events form a chain about: an identity, a word of a list, a record, a list
    kept off chain. Where a list is said to be is a hint without a chain.
  * Each event says what came before it. ``before`` and ``after`` are what the subject's tip must be
    when the event is added, and what it is then.

Spec: ERC-1056, "Events"; docs/credential-status.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from ethr_did.chain.answer import data_of
from ethr_did.core.erc1056 import TOPICS, check_log
from ethr_did.core.status_events import (
    ANCHORED_TOPIC,
    LOCATED_TOPIC,
    RECORD_TOPIC,
    WORD_TOPIC,
    ListAnchored,
    ListLocated,
    RecordChanged,
    WordChanged,
    decode_status_log,
)
from ethr_did.errors import InvalidAnswer, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethr_did.core.keys import Address
    from ethr_did.core.status_events import StatusEvent

__all__ = [
    "EVENT_TOPICS",
    "Contracts",
    "Entry",
    "Kind",
    "Place",
    "entry_of",
    "list_prefix",
    "log_of",
    "word_key",
    "word_number",
]

EVENT_TOPICS: tuple[str, ...] = (
    *TOPICS,
    *("0x" + topic.hex() for topic in (WORD_TOPIC, RECORD_TOPIC, ANCHORED_TOPIC, LOCATED_TOPIC)),
)
"""The first topic of each kind of event; an event is kept with its place in this list."""

_NUMBER_OF = {topic: number for number, topic in enumerate(EVENT_TOPICS)}
_WORD_EVENT, _RECORD_EVENT, _ANCHORED_EVENT, _LOCATED_EVENT = range(3, 7)
_IDENTITY_LENGTH = 20
_WORD = 32
_WORD_NUMBER = 6
_NO_TIP = b""
_LARGEST = (1 << 63) - 1
_LARGEST_INDEX = (1 << 31) - 1
_NO_PLACE = "0x" + (_WORD.to_bytes(_WORD) + bytes(_WORD)).hex()
"""The encoding of an empty string, decoded in place of what a publisher wrote."""


class Kind(IntEnum):
    """What a subject is."""

    IDENTITY = 1
    WORD = 2
    RECORD = 3
    ANCHOR = 4
    LOCATION = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Contracts:
    """The contracts of a network whose events are kept."""

    did_registry: Address
    status_registry: Address | None = None
    anchor_registry: Address | None = None

    @property
    def addresses(self) -> tuple[Address, ...]:
        """Those that there are."""
        found = (self.did_registry, self.status_registry, self.anchor_registry)
        return tuple(address for address in found if address is not None)

    @property
    def stored(self) -> bytes:
        """60 bytes that tell them from all others."""
        none = bytes(_IDENTITY_LENGTH)
        return self.did_registry + (self.status_registry or none) + (self.anchor_registry or none)

    def of_kind(self, kind: int) -> Address | None:
        """The contract that emits events about subjects of a kind; None: there is none."""
        match kind:
            case Kind.IDENTITY:
                return self.did_registry
            case Kind.WORD | Kind.RECORD:
                return self.status_registry
            case _:
                return self.anchor_registry


class Entry(NamedTuple):
    """An event on its way into the index; a tuple, because millions are made at a time."""

    kind: Kind
    key: bytes
    topic: int
    """Place in ``EVENT_TOPICS``."""
    data: bytes
    before: bytes
    """What the subject's tip must be."""
    after: bytes
    """What it is then."""
    missing: int
    """Block of the event that must be there, if the tip is another."""
    block_number: int
    log_index: int
    block_hash: bytes
    tx_hash: bytes
    block_timestamp: int | None
    """Unix seconds; None where the node did not report it with the log."""

    @property
    def place(self) -> tuple[int, int]:
        """Block and position in it; no two events share it."""
        return self.block_number, self.log_index


@dataclass(frozen=True, slots=True)
class Place:
    """Where on the chain an event that is kept was emitted."""

    block_number: int
    log_index: int
    block_hash: bytes
    block_timestamp: int
    tx_hash: bytes


def entry_of(log: Mapping[str, Any], contracts: Contracts) -> Entry:
    """One entry of an ``eth_getLogs`` answer.

    Raises:
        InvalidAnswer: it is no event of these contracts.
    """
    return _in_range(log, _any_entry(log, contracts))


def _any_entry(log: Mapping[str, Any], contracts: Contracts) -> Entry:
    address = _address_of(log)
    try:
        if address == contracts.did_registry:
            return _identity_entry(log)
        event, data = _status_event(log)
        if address != getattr(contracts, _EMITTERS[type(event)]):
            raise InvalidAnswer(f"the node returned a log nobody asked for: {shown(log)}")
        return _status_entry(event, data)
    except OverflowError as cause:
        raise InvalidAnswer(f"a number in this log is of no block: {shown(log)}") from cause


def _in_range(log: Mapping[str, Any], entry: Entry) -> Entry:
    """The entry, if its numbers are such as a chain can have and a database can hold."""
    numbers = (entry.block_number, entry.missing, entry.block_timestamp or 0)
    if max(numbers) > _LARGEST or entry.log_index > _LARGEST_INDEX:
        raise InvalidAnswer(f"a number in this log is of no block: {shown(log)}")
    return entry


def _status_event(log: Mapping[str, Any]) -> tuple[StatusEvent, bytes]:
    """The event, and the data of its log."""
    try:
        is_located = bytes.fromhex(log["topics"][0][2:]) == LOCATED_TOPIC
        data = data_of(log["data"])
    except (KeyError, TypeError, ValueError, IndexError) as cause:
        raise InvalidAnswer(f"the node returned what is no log: {shown(log)}") from cause
    return decode_status_log({**log, "data": _NO_PLACE} if is_located else log), data


_EMITTERS = {
    WordChanged: "status_registry",
    RecordChanged: "status_registry",
    ListAnchored: "anchor_registry",
    ListLocated: "anchor_registry",
}


def _status_entry(event: StatusEvent, data: bytes) -> Entry:
    match event:
        case WordChanged():
            subject = (Kind.WORD, word_key(event.identity, event.list_id.value, event.word))
            links = (_stored(event.previous_word.stored), _stored(event.stored.stored))
            before = event.previous_word.changed_block
            return _entry(event, subject, (_WORD_EVENT, data), links, before)
        case RecordChanged():
            before = event.record.previous_block
            links = (_number(before), _number(event.block_number))
            subject = (Kind.RECORD, event.identity + event.key)
            return _entry(event, subject, (_RECORD_EVENT, data), links, before)
        case ListAnchored():
            data = event.version.to_bytes(_WORD) + data
            before = event.previous_block
            links = (
                _version(event.version - 1, before),
                _version(event.version, event.block_number),
            )
            subject = (Kind.ANCHOR, event.identity + event.list_id.value)
            return _entry(event, subject, (_ANCHORED_EVENT, data), links, before)
        case ListLocated():  # pragma: no branch - there is no other kind
            subject = (Kind.LOCATION, event.identity + event.list_id.value)
            return _entry(event, subject, (_LOCATED_EVENT, data), (_NO_TIP, _NO_TIP), 0)


def log_of(
    contracts: Contracts, subject: tuple[int, bytes], topic: int, data: bytes, place: Place
) -> dict[str, Any]:
    """The log as a node gives it, from what is kept."""
    kind, key = subject
    contract = contracts.of_kind(kind)
    assert contract is not None  # noqa: S101 - the event came from it
    topics = [EVENT_TOPICS[topic], "0x" + key[:_IDENTITY_LENGTH].rjust(_WORD, b"\0").hex()]
    if kind != Kind.IDENTITY:
        topics.append("0x" + key[_IDENTITY_LENGTH : _IDENTITY_LENGTH + _WORD].hex())
    if kind == Kind.ANCHOR:
        topics.append("0x" + data[:_WORD].hex())
        data = data[_WORD:]
    return {
        "address": "0x" + contract.hex(),
        "topics": topics,
        "data": "0x" + data.hex(),
        "blockNumber": hex(place.block_number),
        "blockHash": "0x" + place.block_hash.hex(),
        "blockTimestamp": hex(place.block_timestamp),
        "logIndex": hex(place.log_index),
        "transactionHash": "0x" + place.tx_hash.hex(),
        "removed": False,
    }


def list_prefix(identity: bytes, list_id: bytes) -> bytes:
    """What the keys of all words of a list begin with."""
    return identity + list_id


def word_key(identity: bytes, list_id: bytes, word: int) -> bytes:
    """The key of a word; those of one list are in the order of their numbers."""
    return identity + list_id + word.to_bytes(_WORD_NUMBER)


def word_number(key: bytes) -> int:
    """The number of a word in its list, from its key."""
    return int.from_bytes(key[-_WORD_NUMBER:])


def _identity_entry(log: Mapping[str, Any]) -> Entry:
    checked = check_log(log)
    return Entry(
        Kind.IDENTITY,
        checked.identity,
        _NUMBER_OF[checked.topic],
        checked.data,
        _number(checked.previous_change),
        _number(checked.block_number),
        checked.previous_change,
        checked.block_number,
        checked.log_index,
        checked.block_hash,
        checked.tx_hash,
        checked.block_timestamp,
    )


def _entry(
    event: StatusEvent,
    subject: tuple[Kind, bytes],
    said: tuple[int, bytes],
    links: tuple[bytes, bytes],
    missing: int,
) -> Entry:
    return Entry(
        *subject,
        *said,
        *links,
        missing,
        event.block_number,
        event.log_index,
        event.block_hash,
        event.tx_hash,
        event.block_timestamp,
    )


def _address_of(log: Mapping[str, Any]) -> bytes:
    try:
        return bytes.fromhex(log["address"][2:])
    except (KeyError, TypeError, ValueError) as cause:
        raise InvalidAnswer(f"the node returned a log without address: {shown(log)}") from cause


def _number(block: int) -> bytes:
    """The tip of a subject whose events name the block of the one before; empty: there is none."""
    return block.to_bytes(8) if block else _NO_TIP


def _stored(word: int) -> bytes:
    return word.to_bytes(_WORD) if word else _NO_TIP


def _version(version: int, block: int) -> bytes:
    return version.to_bytes(8) + block.to_bytes(8) if version else _NO_TIP

"""Events of the status contracts, read strictly.

Rules:
  * All events of a word form a list: each one's ``previous_word`` is what the one before it left.
    A record's events lead from block to block, a list version's as well.
  * A log that nobody asked for makes the whole answer worthless.

Spec: docs/credential-status.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from eth_hash.auto import keccak

from ethr_did.core.keys import Address
from ethr_did.core.status_calls import Header
from ethr_did.core.status_list import PAYLOAD_BITS, ListId, StatusRecord, StatusWord
from ethr_did.errors import InvalidAnswer, InvalidStatusList, NodeInconsistent, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

__all__ = [
    "ANCHORED_TOPIC",
    "LOCATED_TOPIC",
    "RECORD_TOPIC",
    "WORD_TOPIC",
    "ListAnchored",
    "ListLocated",
    "RecordChanged",
    "StatusEvent",
    "WordChanged",
    "decode_status_log",
    "decode_status_logs",
]

WORD_TOPIC = keccak(b"StatusWordChanged(address,bytes32,uint256,uint256)")
RECORD_TOPIC = keccak(b"StatusRecordChanged(address,bytes32,uint256)")
ANCHORED_TOPIC = keccak(
    b"StatusListAnchored(address,bytes32,uint256,bytes32,bytes32,uint256,uint256)"
)
LOCATED_TOPIC = keccak(b"StatusListLocated(address,bytes32,string)")

_WORD = 32
_PAYLOAD = (1 << PAYLOAD_BITS) - 1
_MAX_URI = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class _Placed:
    """What every event carries."""

    contract: Address
    identity: Address
    block_number: int
    block_hash: bytes
    log_index: int
    """Position in the block; orders events of one block."""
    tx_hash: bytes
    block_timestamp: int | None = None
    """Unix seconds; None where the node did not report it with the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WordChanged(_Placed):
    """``StatusWordChanged``."""

    list_id: ListId
    word: int
    """Its number in the list."""
    payload: int
    """The statuses afterwards."""
    previous_word: StatusWord
    """The word before, as it was stored."""

    @property
    def stored(self) -> StatusWord:
        """The word afterwards, as it was stored."""
        return StatusWord(self.block_number << PAYLOAD_BITS | self.payload)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordChanged(_Placed):
    """``StatusRecordChanged``."""

    key: bytes
    record: StatusRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class ListAnchored(_Placed):
    """``StatusListAnchored``: with the time of its block it is the header."""

    list_id: ListId
    version: int
    content_digest: bytes
    bitmap_root: bytes
    valid_until: int
    previous_block: int
    """Block of the version before; 0: none."""

    @property
    def header(self) -> Header:
        """What the contract commits to.

        Raises:
            InvalidAnswer: the time of the block is not known.
        """
        if self.block_timestamp is None:
            raise InvalidAnswer(f"a version of block {self.block_number} without its time")
        return Header(
            content_digest=self.content_digest,
            bitmap_root=self.bitmap_root,
            version=self.version,
            published_at=self.block_timestamp,
            valid_until=self.valid_until,
            block_number=self.block_number,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListLocated(_Placed):
    """``StatusListLocated``: a hint where the list is."""

    list_id: ListId
    uri: str


StatusEvent: TypeAlias = WordChanged | RecordChanged | ListAnchored | ListLocated


def decode_status_logs(
    logs: object, *, contract: Address, places: Collection[tuple[Address, bytes]]
) -> tuple[StatusEvent, ...]:
    """The events in an ``eth_getLogs`` answer.

    Args:
        logs: the answer.
        contract: that was asked about.
        places: identities, and list ids or keys, that were asked about.

    Raises:
        InvalidAnswer: it is no list, or a log in it is none of the four events.
        NodeInconsistent: nobody asked for one of them.
    """
    if not isinstance(logs, list):
        raise InvalidAnswer(f"eth_getLogs did not return a list: {shown(logs)}")
    events = tuple(decode_status_log(log) for log in logs)
    for event, log in zip(events, logs, strict=True):
        id_ = event.key if isinstance(event, RecordChanged) else event.list_id.value
        if event.contract != contract or (event.identity, id_) not in places:
            raise NodeInconsistent(f"the node returned a log nobody asked for: {shown(log)}")
    return events


def decode_status_log(log: Mapping[str, Any]) -> StatusEvent:
    """The event in one entry of an ``eth_getLogs`` answer.

    Raises:
        InvalidAnswer: a field is missing or malformed, or the log is not one of the four events.
    """
    try:
        topic, identity, *rest = (_bytes(text, _WORD) for text in log["topics"])
        place = {
            "contract": Address(_bytes(log["address"], 20)),
            "identity": _address(identity),
            "block_number": _quantity(log["blockNumber"]),
            "block_hash": _bytes(log["blockHash"], _WORD),
            "log_index": _quantity(log["logIndex"]),
            "tx_hash": _bytes(log["transactionHash"], _WORD),
            "block_timestamp": _optional_quantity(log.get("blockTimestamp")),
        }
        return _DECODERS[topic](rest, _bytes(log["data"]), place)
    except (KeyError, TypeError, ValueError, AttributeError, InvalidStatusList) as cause:
        raise InvalidAnswer(
            f"the node returned a log that is no event of a status contract: {shown(log)}",
            hint="Is the address of the contract right? Otherwise ask another node.",
        ) from cause


def _word_changed(topics: list[bytes], data: bytes, place: Mapping[str, Any]) -> StatusEvent:
    (listed,) = topics
    update, previous = _numbers(data, 2)
    return WordChanged(
        list_id=ListId(listed),
        word=update >> PAYLOAD_BITS,
        payload=update & _PAYLOAD,
        previous_word=StatusWord(previous),
        **place,
    )


def _record_changed(topics: list[bytes], data: bytes, place: Mapping[str, Any]) -> StatusEvent:
    (key,) = topics
    (record,) = _numbers(data, 1)
    return RecordChanged(key=key, record=StatusRecord(record), **place)


def _anchored(topics: list[bytes], data: bytes, place: Mapping[str, Any]) -> StatusEvent:
    listed, version = topics
    _, _, valid_until, previous_block = _numbers(data, 4)
    return ListAnchored(
        list_id=ListId(listed),
        version=int.from_bytes(version),
        content_digest=data[:32],
        bitmap_root=data[32:64],
        valid_until=valid_until,
        previous_block=previous_block,
        **place,
    )


def _located(topics: list[bytes], data: bytes, place: Mapping[str, Any]) -> StatusEvent:
    (listed,) = topics
    size = int.from_bytes(data[32:64])
    end = 64 + size
    padded = -(-size // _WORD) * _WORD
    if data[:32] != _WORD.to_bytes(_WORD) or len(data) != 64 + padded or size > _MAX_URI:
        raise ValueError("not the encoding of one string")
    return ListLocated(list_id=ListId(listed), uri=data[64:end].decode(), **place)


_DECODERS = {
    WORD_TOPIC: _word_changed,
    RECORD_TOPIC: _record_changed,
    ANCHORED_TOPIC: _anchored,
    LOCATED_TOPIC: _located,
}


def _numbers(data: bytes, count: int) -> list[int]:
    if len(data) != count * _WORD:
        raise ValueError(f"{len(data)} bytes where {count} words were expected")
    return [int.from_bytes(data[at : at + _WORD]) for at in range(0, len(data), _WORD)]


def _address(word: bytes) -> Address:
    if word[:12] != bytes(12):
        raise ValueError("an address argument is wider than 20 bytes")
    return Address(word[12:])


def _bytes(text: str, length: int | None = None) -> bytes:
    if not text.startswith("0x"):
        raise ValueError("hex without 0x")
    data = bytes.fromhex(text[2:])
    if length is not None and len(data) != length:
        raise ValueError(f"{len(data)} bytes where {length} were expected")
    return data


def _optional_quantity(text: str | None) -> int | None:
    return None if text is None else _quantity(text)


def _quantity(text: str) -> int:
    if not text.startswith("0x") or not text[2:].isascii() or not text[2:].isalnum():
        raise ValueError("not a quantity in hex")
    return int(text, 16)

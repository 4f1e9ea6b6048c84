"""ERC-1056 events: decoding logs, attribute names, the order of a history.

Rules:
  * Three events; ``identity`` is their only indexed argument (ERC-1056, "Events").
  * ``previous_change`` is the block of the identity's event before this one, 0 for the first. For
    the second and later events of one block it is that same block.
  * ``bytes32`` names are UTF-8 padded with zero bytes. What is no UTF-8 is some other use of the
    registry: it links the chain, and says nothing about the document.

Logs are decoded by hand and strictly: the three layouts are fixed, a general ABI decoder is ten
times slower, and accepts encodings the contract never produces.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, NewType

from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.errors import InvalidAnswer, InvalidAttribute, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "MAX_NAME_LENGTH",
    "TOPICS",
    "AttributeChanged",
    "AttributeName",
    "ChangeEvent",
    "CheckedLog",
    "DelegateChanged",
    "Event",
    "OwnerChanged",
    "check_log",
    "decode_log",
    "decode_name",
    "encode_name",
    "event_to_dict",
    "identity_topic",
    "parse_attribute_name",
]

OWNER_TOPIC = "0x38a5a6e68f30ed1ab45860a4afb34bcb2fc00f22ca462d249b8a8d40cda6f7a3"
DELEGATE_TOPIC = "0x5a5084339536bcab65f20799fcc58724588145ca054bd2be626174b27ba156f7"
ATTRIBUTE_TOPIC = "0x18ab6b2ae3d64306c00ce663125f2bd680e441a098de1635bd7ad8b0d44965e4"
TOPICS = (OWNER_TOPIC, DELEGATE_TOPIC, ATTRIBUTE_TOPIC)
"""keccak-256 of the event signatures, in hex."""

MAX_NAME_LENGTH = 32
"""Bytes of an attribute name or delegate type."""

_WORD = 32
_NO_WIDER = bytes(12)
"""What stands before the 20 bytes of an address in a word."""
_VALUE_OFFSET = (4 * _WORD).to_bytes(_WORD)
"""Where the value of an attribute starts: after the four words of the head."""
_LONGEST_QUANTITY = len("0x") + 16
_ATTRIBUTE_NAME = re.compile(
    r"did/(pub|svc)/([A-Za-z0-9_]+)(?:/([A-Za-z0-9_]+))?(?:/([A-Za-z0-9_]+))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEvent:
    """What every event of the registry carries."""

    identity: Address
    """The identity that changed, 20 bytes."""
    previous_change: int
    """Block number of the identity's event before this one; 0 for none."""
    block_number: int
    block_hash: bytes
    log_index: int
    """Position in the block; orders events of one block."""
    tx_hash: bytes
    block_timestamp: int | None = None
    """Unix seconds; None where the node did not report it with the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerChanged(ChangeEvent):
    """``DIDOwnerChanged``."""

    owner: Address
    """The new owner; the zero address deactivates."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DelegateChanged(ChangeEvent):
    """``DIDDelegateChanged``."""

    delegate_type: bytes
    """32 bytes as emitted."""
    delegate: Address
    valid_to: int
    """Unix seconds; valid while strictly later than the time asked about."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeChanged(ChangeEvent):
    """``DIDAttributeChanged``."""

    name: bytes
    """32 bytes as emitted."""
    value: bytes
    valid_to: int
    """Unix seconds; 0 when revoked."""


Event = OwnerChanged | DelegateChanged | AttributeChanged

DecodedName = NewType("DecodedName", str)
"""A ``bytes32`` that was UTF-8, without its padding."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AttributeName:
    """The parts of ``did/pub/…`` or ``did/svc/…``."""

    section: str
    """``pub`` or ``svc``."""
    kind: str
    """Key algorithm or service type."""
    purpose: str | None
    """``veriKey``, ``sigAuth``, ``enc``, anything else, or None."""
    encoding: str | None
    """``hex``, ``base64``, ``base58``, anything else, or None."""


@functools.lru_cache(maxsize=1024)
def decode_name(name: bytes) -> DecodedName | None:
    """The text of a ``bytes32`` name, or None where it is not UTF-8.

    Example:
        >>> decode_name(b"veriKey".ljust(32, bytes(1)))
        'veriKey'
    """
    try:
        return DecodedName(name.decode().rstrip("\0"))
    except UnicodeDecodeError:
        return None


def encode_name(text: str) -> bytes:
    """The ``bytes32`` of an attribute name or delegate type.

    Raises:
        InvalidAttribute: empty, longer than 32 bytes of UTF-8, with a zero byte in it, or with
            half a surrogate pair, which UTF-8 does not have.
    """
    try:
        data = text.encode()
    except UnicodeEncodeError as cause:
        raise InvalidAttribute(f"{shown(text)} cannot be written as UTF-8") from cause
    if not data or b"\0" in data:
        raise InvalidAttribute(f"a name is not empty and holds no zero byte: {shown(text)}")
    if len(data) > MAX_NAME_LENGTH:
        raise InvalidAttribute(
            f"{shown(text)} has {len(data)} bytes; a name on chain has at most {MAX_NAME_LENGTH}",
            hint="Shorten it: other tools would cut it off, and revoking it would then fail.",
            value=text,
        )
    return data.ljust(MAX_NAME_LENGTH, b"\0")


@functools.lru_cache(maxsize=1024)
def parse_attribute_name(text: str) -> AttributeName | None:
    """The parts of an attribute name, or None where it names neither key nor service.

    Example:
        >>> parse_attribute_name("did/pub/Ed25519/veriKey/base64").encoding
        'base64'
        >>> parse_attribute_name("did/pub/Ed-25519/veriKey") is None
        True
    """
    match = _ATTRIBUTE_NAME.fullmatch(text)
    if match is None:
        return None
    section, kind, purpose, encoding = match.groups()
    return AttributeName(section=section, kind=kind, purpose=purpose, encoding=encoding)


def event_to_dict(event: Event) -> dict[str, Any]:
    """An event as JSON: what happened, and where on the chain."""
    place = {
        "blockNumber": event.block_number,
        "blockTimestamp": event.block_timestamp,
        "blockHash": "0x" + event.block_hash.hex(),
        "logIndex": event.log_index,
        "transactionHash": "0x" + event.tx_hash.hex(),
        "previousChange": event.previous_change,
    }
    match event:
        case OwnerChanged():
            what = {"event": "DIDOwnerChanged", "owner": to_checksum_address(event.owner)}
        case DelegateChanged():
            what = {
                "event": "DIDDelegateChanged",
                "delegateType": _text_or_hex(event.delegate_type),
                "delegate": to_checksum_address(event.delegate),
                "validTo": str(event.valid_to),
            }
        case AttributeChanged():  # pragma: no branch - there is no other kind
            what = {
                "event": "DIDAttributeChanged",
                "name": _text_or_hex(event.name),
                "value": "0x" + event.value.hex(),
                "validTo": str(event.valid_to),
            }
    return {**what, **place}


def _text_or_hex(name: bytes) -> str:
    text = decode_name(name)
    return "0x" + name.hex() if text is None else text


def identity_topic(identity: bytes) -> str:
    """The indexed ``identity`` argument as a log topic, in hex."""
    return "0x" + identity.rjust(_WORD, b"\0").hex()


class CheckedLog(NamedTuple):
    """A log of the registry that was read strictly, and is not yet an event.

    A tuple, because the index makes millions of them, and needs no events.
    """

    topic: str
    """One of ``TOPICS``."""
    identity: Address
    data: bytes
    previous_change: int
    block_number: int
    block_hash: bytes
    log_index: int
    tx_hash: bytes
    block_timestamp: int | None


def check_log(log: Mapping[str, Any]) -> CheckedLog:
    """One entry of an ``eth_getLogs`` answer, every byte of which is as the contract emits it.

    Args:
        log: the JSON object, quantities and data in hex.

    Raises:
        InvalidAnswer: a field is missing or malformed, or the log is not one of the three events.

    Spec: ERC-1056, "Events"; Ethereum JSON-RPC, ``eth_getLogs``.
    """
    try:
        topic, identity = log["topics"]
        topic = topic.lower()
        data = _bytes(log["data"])
        return CheckedLog(
            topic,
            Address(_identity_of(identity)),
            data,
            _PREVIOUS_CHANGES[topic](data),
            _quantity(log["blockNumber"]),
            _bytes(log["blockHash"], _WORD),
            _quantity(log["logIndex"]),
            _bytes(log["transactionHash"], _WORD),
            _optional_quantity(log.get("blockTimestamp")),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as cause:
        raise InvalidAnswer(
            f"the node returned a log that is no ERC-1056 event: {shown(log)}",
            hint="Is the registry address right? Otherwise ask another node.",
        ) from cause


def decode_log(log: Mapping[str, Any]) -> Event:
    """The event in one entry of an ``eth_getLogs`` answer.

    Args and errors: as ``check_log``.
    """
    topic, identity, data, previous, number, block_hash, index, tx_hash, time = check_log(log)
    place = {
        "identity": identity,
        "previous_change": previous,
        "block_number": number,
        "block_hash": block_hash,
        "log_index": index,
        "tx_hash": tx_hash,
        "block_timestamp": time,
    }
    return _DECODERS[topic](data, place)


def _previous_of_owner(data: bytes) -> int:
    _check_length(data, 2)
    _address(data[:32])
    return _int(data[32:64])


def _previous_of_delegate(data: bytes) -> int:
    _check_length(data, 4)
    _address(data[32:64])
    return _int(data[96:128])


def _previous_of_attribute(data: bytes) -> int:
    end = 160 + _int(data[128:160])
    is_whole = len(data) == end + -end % _WORD
    if data[32:64] != _VALUE_OFFSET or not is_whole or data[end:].strip(b"\0"):
        raise ValueError("not the encoding of one bytes argument")
    return _int(data[96:128])


_PREVIOUS_CHANGES = {
    OWNER_TOPIC: _previous_of_owner,
    DELEGATE_TOPIC: _previous_of_delegate,
    ATTRIBUTE_TOPIC: _previous_of_attribute,
}
"""Checks the data of a kind of event, and says which block it names as that of the event before."""


def _owner_changed(data: bytes, place: Mapping[str, Any]) -> Event:
    return OwnerChanged(owner=_address(data[:32]), **place)


def _delegate_changed(data: bytes, place: Mapping[str, Any]) -> Event:
    return DelegateChanged(
        delegate_type=data[:32],
        delegate=_address(data[32:64]),
        valid_to=_int(data[64:96]),
        **place,
    )


def _attribute_changed(data: bytes, place: Mapping[str, Any]) -> Event:
    return AttributeChanged(
        name=data[:32],
        value=data[160 : 160 + _int(data[128:160])],
        valid_to=_int(data[64:96]),
        **place,
    )


_DECODERS = {
    OWNER_TOPIC: _owner_changed,
    DELEGATE_TOPIC: _delegate_changed,
    ATTRIBUTE_TOPIC: _attribute_changed,
}


def _check_length(data: bytes, words: int) -> None:
    if len(data) != words * _WORD:
        raise ValueError(f"{len(data)} bytes where {words} words were expected")


def _int(word: bytes) -> int:
    return int.from_bytes(word)


def _address(word: bytes) -> Address:
    if word[:12] != _NO_WIDER:
        raise ValueError("an address argument is wider than 20 bytes")
    return Address(word[12:])


@functools.lru_cache(maxsize=1024)
def _identity_of(topic: str) -> bytes:
    return _address(_bytes(topic, _WORD))


def _bytes(text: str, length: int | None = None) -> bytes:
    if not text.startswith("0x"):
        raise ValueError("hex without 0x")
    data = bytes.fromhex(text[2:])
    if length is not None and len(data) != length:
        raise ValueError(f"{len(data)} bytes where {length} were expected")
    return data


def _quantity(text: str) -> int:
    digits = text[2:]
    # int() alone would also take underscores, spaces and the digits of other scripts.
    if not (text.startswith("0x") and digits.isascii() and digits.isalnum()):
        raise ValueError("not a quantity in hex")
    if len(text) > _LONGEST_QUANTITY:
        raise ValueError("not a quantity of at most 64 bits")
    return int(text, 16)


def _optional_quantity(text: str | None) -> int | None:
    return None if text is None else _quantity(text)

"""What all messages that somebody else submits have in common: digest, signer, deadline, members.

Rules:
  * A signature of a key is 65 bytes: r, s and v (27 or 28). What else a signature may be, the
    contract that takes the message says.
  * A file is read strictly, and all its faults are reported at once, each by its member.

Spec: EIP-191 version 0x01; EIP-712.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from eth_hash.auto import keccak

from ethr_did.core.keys import Address
from ethr_did.errors import InvalidFile, InvalidInput, InvalidOption, shown

__all__ = [
    "DEFAULT_LIFETIME",
    "MAX_SIGNATURE",
    "Readers",
    "SignedMessage",
    "choose_deadline",
    "list_reader",
    "read_members",
    "read_number",
    "read_signature",
    "recover_account",
    "recover_signer",
    "typed_digest",
]

DEFAULT_LIFETIME = 3600
"""Seconds that a message is good for."""

MAX_SIGNATURE = 8192
"""Bytes: contracts that sign may want several signatures and more."""

_SIGNATURE_LENGTH = 65

Reader = Callable[[Any], Any]
"""Makes a value of a member; raises ``InvalidInput``."""

Readers = Mapping[str, tuple[str, Reader]]
"""For each member the field that it fills, and what reads it."""


class SignedMessage(Protocol):
    """Whatever has a digest and a signature over it."""

    @property
    def digest(self) -> bytes:
        """The 32 bytes that the signature is over."""

    @property
    def signature(self) -> bytes:
        """As the contract gets it."""


def typed_digest(typed_data: Mapping[str, Any]) -> bytes:
    """The 32 bytes that a signature of EIP-712 typed data is over."""
    from eth_account.messages import encode_typed_data  # 0.4 s, needed only by those who sign

    message = encode_typed_data(full_message=dict(typed_data))
    return keccak(b"\x19" + message.version + message.header + message.body)


def recover_signer(message: SignedMessage) -> Address | None:
    """The account whose key made the signature; None where it is no signature of a key."""
    return recover_account(message.digest, message.signature)


def recover_account(digest: bytes, signature: bytes) -> Address | None:
    """The account whose key made a signature of 65 bytes; None where it is none."""
    from eth_keys.datatypes import Signature  # 0.3 s, needed only by those who sign
    from eth_keys.exceptions import BadSignature

    if len(signature) != _SIGNATURE_LENGTH or signature[64] not in (27, 28):
        return None
    try:
        parsed = Signature(signature[:64] + bytes([signature[64] - 27]))
        key = parsed.recover_public_key_from_msg_hash(digest)
    except (BadSignature, ValueError):
        return None
    return Address(key.to_canonical_address())


def choose_deadline(now: int, *, deadline: int | None = None, lifetime: int | None = None) -> int:
    """Unix seconds of the last block that may take a message; an hour from now if none is named.

    Args:
        now: Unix seconds of the newest block.
        deadline: Unix seconds.
        lifetime: instead, seconds from now.

    Raises:
        InvalidOption: both are given, or the deadline has passed.
    """
    if lifetime is not None:
        if deadline is not None or lifetime < 1:
            raise InvalidOption("a message has a deadline or a lifetime from one second, not both")
        return now + lifetime
    if deadline is not None and deadline <= now:
        raise InvalidOption(
            f"the deadline {deadline} has passed: the newest block is of {now}",
            hint="A deadline is in Unix seconds.",
        )
    return now + DEFAULT_LIFETIME if deadline is None else deadline


# -- files ---------------------------------------------------------------------------------------


def read_members(data: object, readers: Readers, *, also: Sequence[str] = ()) -> dict[str, Any]:
    """The values of an object's members, by field.

    Args:
        data: decoded JSON.
        readers: of the members; all of them must be there.
        also: members that may be there and are not read.

    Raises:
        InvalidFile: with every fault in ``facts["faults"]``, each by the path of its member.
    """
    if not isinstance(data, Mapping):
        raise InvalidFile(f"not an object: {shown(data)}")
    values: dict[str, Any] = {}
    faults = [f"{name} is not known" for name in sorted(map(str, {*data} - {*readers} - {*also}))]
    for member, (field, read) in readers.items():
        if member not in data:
            faults.append(f"{member} is missing")
            continue
        try:
            values[field] = read(data[member])
        except InvalidInput as error:
            faults += _faults_at(member, error)
    _raise_all(faults)
    return values


def list_reader(read: Reader, *, limit: int) -> Reader:
    """A reader of a list, item by item, into a tuple.

    Args:
        read: of one item.
        limit: most items.
    """

    def read_all(data: object) -> tuple[Any, ...]:
        if not isinstance(data, list) or len(data) > limit:
            raise InvalidFile(f"not a list of at most {limit}: {shown(data)}")
        values: list[Any] = []
        faults: list[str] = []
        for place, item in enumerate(data):
            try:
                values.append(read(item))
            except InvalidInput as error:
                faults += _faults_at(f"[{place}]", error)
        _raise_all(faults)
        return tuple(values)

    return read_all


def read_number(value: object) -> int:
    """A whole number of at most 256 bits.

    Raises:
        InvalidFile: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**256:
        raise InvalidFile(f"not a whole number: {shown(value)}")
    return value


def read_signature(value: object) -> bytes:
    """A signature in hex.

    Raises:
        InvalidFile: it is none, or too long.
    """
    if not isinstance(value, str) or not re.fullmatch(r"0x(?:[0-9a-fA-F]{2})+", value):
        raise InvalidFile(f"not bytes in hex: {shown(value)}")
    if len(value) > 2 + 2 * MAX_SIGNATURE:
        raise InvalidFile(f"longer than {MAX_SIGNATURE} bytes")
    return bytes.fromhex(value[2:])


def _faults_at(place: str, error: InvalidInput) -> list[str]:
    """The faults of an error, each with the place where it was found before it."""
    inner = error.facts.get("faults")
    if not isinstance(inner, list):
        return [f"{place}: {error.message}"]
    return [f"{place}{'' if fault.startswith('[') else '.'}{fault}" for fault in inner]


def _raise_all(faults: Sequence[str]) -> None:
    if faults:
        raise InvalidFile("; ".join(faults), faults=list(faults))

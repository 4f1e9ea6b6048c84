"""A change that its owner signed and somebody else pays for, as a value and as a file.

Two kinds, see ``calls``: ``eip712`` names chain and deadline and takes several changes;
``erc1056`` holds one change, names neither, and is what every registry takes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from eth_hash.auto import keccak

from ethr_did.core.calls import (
    apply_changes_signed_call,
    change_digest,
    change_signed_call,
    typed_changes,
)
from ethr_did.core.changes import Change, changes_from_list, check_batch
from ethr_did.core.keys import Address, parse_address, to_checksum_address
from ethr_did.errors import InvalidChange, InvalidFile, InvalidInput, shown

__all__ = ["RelayKind", "RelayMessage", "recover_signer"]

_FORMAT = "ethr-did/relay/1"
_SIGNATURE_LENGTH = 65
_MAX_SIGNATURE = 8192
"""Bytes: contracts that own identities may want several signatures and more."""


class RelayKind(StrEnum):
    """The form in which a change is signed."""

    EIP712 = "eip712"
    ERC1056 = "erc1056"


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayMessage:
    """Changes with the owner's signature."""

    kind: RelayKind
    chain_id: int
    """Part of what is signed in ``eip712``; only stated in ``erc1056``."""
    registry: Address
    identity: Address
    owner: Address
    """Who signed, or whose contract accepts the signature."""
    changes: tuple[Change, ...]
    nonce: int
    """Of the registry; the message is good while it is next in turn."""
    deadline: int | None
    """Unix seconds of the last block that may take it; None in ``erc1056``: it never ends."""
    signature: bytes
    """r, s and v (27 or 28); another form only where a contract is to judge it. Empty before it is
    signed."""

    def __post_init__(self) -> None:
        check_batch(self.changes)
        if self.kind is RelayKind.EIP712:
            if self.deadline is None:
                raise InvalidChange("an eip712 message needs a deadline")
        elif self.deadline is not None:
            raise InvalidChange(
                "an erc1056 message cannot carry a deadline: the registry would not keep it",
                hint="Leave it out, or sign an eip712 message where the registry takes them.",
            )
        elif len(self.changes) != 1:
            raise InvalidChange(
                f"an erc1056 message holds one change, not {len(self.changes)}",
                hint="Sign one message for each change, with nonces in a row.",
            )
        elif len(self.signature) not in (0, _SIGNATURE_LENGTH):
            raise InvalidChange(
                f"the signature of an erc1056 message has 65 bytes, not {len(self.signature)}"
            )

    @property
    def digest(self) -> bytes:
        """The 32 bytes that the signature is over."""
        if self.kind is RelayKind.ERC1056:
            return change_digest(self.registry, self.nonce, self.identity, self.changes[0])
        from eth_account.messages import encode_typed_data  # 0.4 s, needed only by those who sign

        message = encode_typed_data(full_message=self.typed_data())
        return keccak(b"\x19" + message.version + message.header + message.body)

    def typed_data(self) -> dict[str, Any]:
        """The EIP-712 typed data of an ``eip712`` message."""
        return typed_changes(
            chain_id=self.chain_id,
            registry=self.registry,
            identity=self.identity,
            owner=self.owner,
            changes=self.changes,
            nonce=self.nonce,
            deadline=self.deadline or 0,
        )

    def call(self) -> bytes:
        """Calldata that makes the changes; anyone may send it."""
        if self.kind is RelayKind.ERC1056:
            return change_signed_call(self.identity, self.changes[0], self.signature)
        return apply_changes_signed_call(
            self.identity,
            self.changes,
            nonce=self.nonce,
            deadline=self.deadline or 0,
            signature=self.signature,
        )

    def to_dict(self) -> dict[str, Any]:
        """The message as JSON."""
        return {
            "format": _FORMAT,
            "kind": self.kind.value,
            "chainId": self.chain_id,
            "registry": to_checksum_address(self.registry),
            "identity": to_checksum_address(self.identity),
            "owner": to_checksum_address(self.owner),
            "changes": [change.to_dict() for change in self.changes],
            "nonce": self.nonce,
            "deadline": self.deadline,
            "signature": "0x" + self.signature.hex(),
        }

    @classmethod
    def from_dict(cls, data: object) -> RelayMessage:
        """The message in a JSON object.

        Raises:
            InvalidFile: it is none; with every fault, each by its member.
        """
        if not isinstance(data, Mapping) or data.get("format") != _FORMAT:
            raise InvalidFile(
                f"not a relay message: {shown(data)}", hint=f'Its "format" must be "{_FORMAT}".'
            )
        values, faults = _read_members(data)
        if faults:
            raise InvalidFile("a broken relay message: " + "; ".join(faults), faults=faults)
        try:
            return cls(**values)
        except InvalidInput as cause:
            raise InvalidFile(
                f"a broken relay message: {cause.message}", hint=cause.hint
            ) from cause


def recover_signer(message: RelayMessage) -> Address | None:
    """The account whose key made the signature; None where it is no signature of a key."""
    from eth_keys.datatypes import Signature  # 0.3 s, needed only by those who sign
    from eth_keys.exceptions import BadSignature

    signature = message.signature
    if len(signature) != _SIGNATURE_LENGTH or signature[64] not in (27, 28):
        return None
    try:
        parsed = Signature(signature[:64] + bytes([signature[64] - 27]))
        key = parsed.recover_public_key_from_msg_hash(message.digest)
    except (BadSignature, ValueError):
        return None
    return Address(key.to_canonical_address())


def _read_members(data: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    values: dict[str, Any] = {}
    faults = [f"{name} is not known" for name in sorted(set(data) - set(_READERS) - {"format"})]
    for member, (field, read) in _READERS.items():
        if member not in data:
            faults.append(f"{member} is missing")
            continue
        try:
            values[field] = read(data[member])
        except InvalidInput as error:
            faults.append(f"{member}: {error.message}")
    return values, faults


def _kind(value: object) -> RelayKind:
    if value not in list(RelayKind):
        raise InvalidFile(f"{shown(value)} is neither eip712 nor erc1056")
    return RelayKind(str(value))


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**256:
        raise InvalidFile(f"not a whole number: {shown(value)}")
    return value


def _deadline(value: object) -> int | None:
    return None if value is None else _number(value)


def _signature(value: object) -> bytes:
    if not isinstance(value, str) or not re.fullmatch(r"0x(?:[0-9a-fA-F]{2})+", value):
        raise InvalidFile(f"not bytes in hex: {shown(value)}")
    if len(value) > 2 + 2 * _MAX_SIGNATURE:
        raise InvalidFile(f"longer than {_MAX_SIGNATURE} bytes")
    return bytes.fromhex(value[2:])


def _address(value: Any) -> Address:
    return parse_address(value)


_READERS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "kind": ("kind", _kind),
    "chainId": ("chain_id", _number),
    "registry": ("registry", _address),
    "identity": ("identity", _address),
    "owner": ("owner", _address),
    "changes": ("changes", changes_from_list),
    "nonce": ("nonce", _number),
    "deadline": ("deadline", _deadline),
    "signature": ("signature", _signature),
}

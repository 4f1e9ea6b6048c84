"""A change that its owner signed and somebody else pays for, as a value and as a file.

Two kinds, see ``calls``: ``eip712`` names chain and deadline and takes several changes;
``erc1056`` holds one change, names neither, and is what every registry takes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ethr_did.core.calls import (
    apply_changes_signed_call,
    change_digest,
    change_signed_call,
    typed_changes,
)
from ethr_did.core.changes import Change, changes_from_list, check_batch
from ethr_did.core.keys import Address, parse_address, to_checksum_address
from ethr_did.core.signed_message import (
    Readers,
    read_members,
    read_number,
    read_signature,
    recover_signer,
    typed_digest,
)
from ethr_did.errors import InvalidChange, InvalidFile, InvalidInput, shown

__all__ = ["RelayKind", "RelayMessage", "recover_signer"]

_FORMAT = "ethr-did/relay/1"
_SIGNATURE_LENGTH = 65


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
        return typed_digest(self.typed_data())

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
        try:
            return cls(**read_members(data, _READERS, also=["format"]))
        except InvalidInput as cause:
            raise InvalidFile(
                f"a broken relay message: {cause.message}", hint=cause.hint, **cause.facts
            ) from cause


def _kind(value: object) -> RelayKind:
    if value not in list(RelayKind):
        raise InvalidFile(f"{shown(value)} is neither eip712 nor erc1056")
    return RelayKind(str(value))


def _deadline(value: object) -> int | None:
    return None if value is None else read_number(value)


_READERS: Readers = {
    "kind": ("kind", _kind),
    "chainId": ("chain_id", read_number),
    "registry": ("registry", parse_address),
    "identity": ("identity", parse_address),
    "owner": ("owner", parse_address),
    "changes": ("changes", changes_from_list),
    "nonce": ("nonce", read_number),
    "deadline": ("deadline", _deadline),
    "signature": ("signature", read_signature),
}

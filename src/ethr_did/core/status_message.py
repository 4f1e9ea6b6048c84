"""A status change that its issuer signed and somebody else submits, as a value and as a file.

Rules:
  * Chain, contract, signer and deadline are part of what is signed. There is no value for "no
    deadline": a message cannot be withdrawn.
  * There are no nonces: messages may be submitted in any order. What keeps each from working twice
    is what it expects, see ``signed_status``.
  * A signature of a key is 65 bytes, or 64 after ERC-2098, with low s. Any other one may still be
    what the signer's contract accepts.

Spec: docs/credential-status.md, "Messages"; EIP-712; EIP-2; ERC-2098.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ethr_did.core.keys import ZERO_ADDRESS, Address, parse_address, to_checksum_address
from ethr_did.core.signed_message import (
    Readers,
    choose_deadline,
    read_members,
    read_number,
    read_signature,
    recover_account,
    typed_digest,
)
from ethr_did.core.signed_status import (
    SIGNED_CHANGES,
    Publish,
    SetKeys,
    SetStatus,
    SignedChange,
    UpdateLists,
)
from ethr_did.core.status_calls import Consent
from ethr_did.errors import InvalidChange, InvalidFile, InvalidInput, InvalidOption, shown

__all__ = [
    "MAX_LIFETIME",
    "Publish",
    "SetKeys",
    "SetStatus",
    "SignedChange",
    "StatusRelayMessage",
    "UpdateLists",
    "choose_status_deadline",
    "recover_status_signer",
]

MAX_LIFETIME = 86_400
"""Seconds that a message is good for at most, unless more is asked for by name."""

_FORMAT = "ethr-did/status-relay/1"
_VERSION = "1"
_COMPACT_LENGTH = 64
_FULL_LENGTH = 65
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Of secp256k1: with a higher s it is the second form of another signature."""

_DOMAIN = [
    {"name": "name", "type": "string"},
    {"name": "version", "type": "string"},
    {"name": "chainId", "type": "uint256"},
    {"name": "verifyingContract", "type": "address"},
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusRelayMessage:
    """A status change with the signature of whoever has the right to it."""

    chain_id: int
    contract: Address
    """The status registry; for a publication the anchor registry."""
    change: SignedChange
    signer: Address
    """Who signed, or whose contract accepts the signature."""
    deadline: int
    """Unix seconds of the last block that may take it."""
    signature: bytes
    """As the contract gets it. Empty before it is signed."""

    def __post_init__(self) -> None:
        """Raises ``InvalidChange`` for what no block would take."""
        if self.deadline < 1:
            raise InvalidChange("a status message needs a deadline", hint="In Unix seconds.")
        if self.signer == ZERO_ADDRESS:
            raise InvalidChange("nobody can sign for the zero address")

    @property
    def digest(self) -> bytes:
        """The 32 bytes that the signature is over."""
        return typed_digest(self.typed_data())

    def typed_data(self) -> dict[str, Any]:
        """The EIP-712 typed data, as every wallet takes it."""
        return {
            "types": {"EIP712Domain": _DOMAIN, **self.change.types},
            "primaryType": self.change.kind,
            "domain": {
                "name": self.change.contract_name,
                "version": _VERSION,
                "chainId": self.chain_id,
                "verifyingContract": to_checksum_address(self.contract),
            },
            "message": {
                **self.change.members(),
                "signer": to_checksum_address(self.signer),
                "deadline": self.deadline,
            },
        }

    def call(self) -> bytes:
        """Calldata that makes the change; anyone may send it."""
        consent = Consent(signer=self.signer, deadline=self.deadline, signature=self.signature)
        return self.change.call(consent)

    def to_dict(self) -> dict[str, Any]:
        """The message as JSON."""
        return {
            "format": _FORMAT,
            "kind": self.change.kind,
            "chainId": self.chain_id,
            "contract": to_checksum_address(self.contract),
            "change": self.change.to_dict(),
            "signer": to_checksum_address(self.signer),
            "deadline": self.deadline,
            "signature": "0x" + self.signature.hex(),
        }

    @classmethod
    def from_dict(cls, data: object) -> StatusRelayMessage:
        """The message in a JSON object.

        Raises:
            InvalidFile: it is none; with every fault, each by its member.
        """
        if not isinstance(data, Mapping) or data.get("format") != _FORMAT:
            raise InvalidFile(
                f"not a status message: {shown(data)}", hint=f'Its "format" must be "{_FORMAT}".'
            )
        try:
            return cls(**read_members(data, _readers(data.get("kind")), also=["format", "kind"]))
        except InvalidInput as cause:
            raise InvalidFile(
                f"a broken status message: {cause.message}", hint=cause.hint, **cause.facts
            ) from cause


def recover_status_signer(message: StatusRelayMessage) -> Address | None:
    """The account whose key made the signature; None where the contracts take it for none.

    Spec: EIP-2 (low s); ERC-2098.
    """
    signature = message.signature
    if len(signature) == _COMPACT_LENGTH:
        # The parity stands in the bit that a low s does not need.
        low = bytes([signature[32] & 0x7F]) + signature[33:]
        signature = signature[:32] + low + bytes([27 + (signature[32] >> 7)])
    if len(signature) != _FULL_LENGTH or int.from_bytes(signature[32:64]) > _HALF_ORDER:
        return None
    return recover_account(message.digest, signature)


def choose_status_deadline(
    now: int, *, deadline: int | None = None, lifetime: int | None = None, force: bool = False
) -> int:
    """Unix seconds of the last block that may take a message; an hour from now if none is named.

    Args:
        now: Unix seconds of the newest block.
        deadline: Unix seconds.
        lifetime: instead, seconds from now.
        force: take more than a day.

    Raises:
        InvalidOption: both are given, or it has passed, or it is more than a day away.

    Example:
        >>> choose_status_deadline(1_800_000_000)
        1800003600
    """
    chosen = choose_deadline(now, deadline=deadline, lifetime=lifetime)
    if chosen > now + MAX_LIFETIME and not force:
        raise InvalidOption(
            f"the deadline is {chosen - now} seconds away, and a message cannot be withdrawn",
            hint=f"At most {MAX_LIFETIME} seconds, unless it is forced.",
            deadline=chosen,
        )
    return chosen


def _readers(kind: object) -> Readers:
    found = SIGNED_CHANGES.get(kind) if isinstance(kind, str) else None

    def refuse(_data: object) -> SignedChange:
        raise InvalidFile(f"of the unknown kind {shown(kind)}; known: {', '.join(SIGNED_CHANGES)}")

    return {**_READERS, "change": ("change", refuse if found is None else found.from_dict)}


_READERS: Readers = {
    "chainId": ("chain_id", read_number),
    "contract": ("contract", parse_address),
    "signer": ("signer", parse_address),
    "deadline": ("deadline", read_number),
    "signature": ("signature", read_signature),
}

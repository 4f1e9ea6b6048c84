"""Calldata of the registry, and the messages that an owner signs for a relayer.

Two kinds of message:
  * ERC-1056's own: keccak-256 over ``0x1900``, registry, nonce, identity, method name and packed
    arguments. It names no chain and never expires: the same registry address on two chains means
    that a message can be replayed on the other one. Every deployed registry takes it.
  * Ours: EIP-712 typed data with chain id, contract, nonce and deadline, for one or more changes.
    Only registries with ``applyChangesSigned`` take it.

Spec: ERC-1056, "Signed"; EIP-191 version 0x00; EIP-712.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from ethr_did.core.changes import (
    AddDelegate,
    Change,
    ChangeOwner,
    RevokeAttribute,
    RevokeDelegate,
    SetAttribute,
    check_batch,
)
from ethr_did.core.keys import to_checksum_address

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.core.keys import Address

__all__ = [
    "DOMAIN_NAME",
    "DOMAIN_VERSION",
    "apply_changes_call",
    "apply_changes_signed_call",
    "change_call",
    "change_digest",
    "change_signed_call",
    "changed_call",
    "identity_owner_call",
    "invalidate_nonce_call",
    "nonce_call",
    "selector",
    "typed_changes",
]

DOMAIN_NAME = "EthereumDIDRegistry"
DOMAIN_VERSION = "1"

_CHANGES = "(uint8,bytes32,bytes,uint256)[]"

_EIP712_TYPES = {
    "EIP712Domain": [
        {"name": "name", "type": "string"},
        {"name": "version", "type": "string"},
        {"name": "chainId", "type": "uint256"},
        {"name": "verifyingContract", "type": "address"},
    ],
    "Change": [
        {"name": "kind", "type": "uint8"},
        {"name": "name", "type": "bytes32"},
        {"name": "value", "type": "bytes"},
        {"name": "validity", "type": "uint256"},
    ],
    "ApplyChanges": [
        {"name": "identity", "type": "address"},
        {"name": "owner", "type": "address"},
        {"name": "changes", "type": "Change[]"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
    ],
}


def selector(signature: str) -> bytes:
    """The four bytes that choose a function.

    Example:
        >>> selector("changed(address)").hex()
        'f96d0f9f'
    """
    return keccak(signature.encode())[:4]


def changed_call(identity: Address) -> bytes:
    """Calldata of ``changed(identity)``; the answer is a block number."""
    return selector("changed(address)") + identity.rjust(32, b"\0")


def identity_owner_call(identity: Address) -> bytes:
    """Calldata of ``identityOwner(identity)``; the answer is an address."""
    return selector("identityOwner(address)") + identity.rjust(32, b"\0")


def nonce_call(signer: Address) -> bytes:
    """Calldata of ``nonce(signer)``; the answer is a number."""
    return selector("nonce(address)") + signer.rjust(32, b"\0")


def invalidate_nonce_call() -> bytes:
    """Calldata of ``invalidateNonce()``."""
    return selector("invalidateNonce()")


def change_call(identity: Address, change: Change) -> bytes:
    """Calldata that makes one change, sent by the owner; every ERC-1056 registry takes it."""
    method, kinds, values = _arguments(change)
    return _encode(method, ("address", *kinds), (identity, *values))


def change_signed_call(identity: Address, change: Change, signature: bytes) -> bytes:
    """Calldata that makes one change, signed by the owner, sent by anyone.

    Args:
        identity: what changes.
        change: as it was signed.
        signature: r, s and v, 65 bytes, v 27 or 28, over ``change_digest``.
    """
    method, kinds, values = _arguments(change)
    r, s, v = signature[:32], signature[32:64], signature[64]
    return _encode(
        f"{method}Signed",
        ("address", "uint8", "bytes32", "bytes32", *kinds),
        (identity, v, r, s, *values),
    )


def change_digest(registry: Address, nonce: int, identity: Address, change: Change) -> bytes:
    """The 32 bytes that the owner signs for ``change_signed_call``, without any prefix.

    Args:
        registry: where it will be submitted.
        nonce: the registry's ``nonce``; of the owner, or as the legacy rule of the network has it.
        identity: what changes.
        change: the change.

    Spec: ERC-1056; EIP-191 version 0x00.
    """
    method, kinds, values = _arguments(change)
    packed = b"".join(map(_pack, kinds, values))
    head = b"\x19\x00" + registry + nonce.to_bytes(32) + identity
    return keccak(head + method.encode() + packed)


def apply_changes_call(identity: Address, changes: Sequence[Change]) -> bytes:
    """Calldata that makes several changes, sent by the owner."""
    check_batch(changes)
    return _encode("applyChanges", ("address", _CHANGES), (identity, _structs(changes)))


def apply_changes_signed_call(
    identity: Address,
    changes: Sequence[Change],
    *,
    nonce: int,
    deadline: int,
    signature: bytes,
) -> bytes:
    """Calldata that makes several changes, signed by the owner, sent by anyone.

    Args:
        identity: what changes.
        changes: as they were signed.
        nonce: of the owner in the registry.
        deadline: Unix seconds of the last block that may take it.
        signature: over ``typed_changes``; 65 bytes, or what the owner's contract understands.
    """
    check_batch(changes)
    return _encode(
        "applyChangesSigned",
        ("address", _CHANGES, "uint256", "uint256", "bytes"),
        (identity, _structs(changes), nonce, deadline, signature),
    )


def typed_changes(
    *,
    chain_id: int,
    registry: Address,
    identity: Address,
    owner: Address,
    changes: Sequence[Change],
    nonce: int,
    deadline: int,
) -> dict[str, Any]:
    """The EIP-712 typed data for ``apply_changes_signed_call``, as every wallet takes it."""
    check_batch(changes)
    return {
        "types": _EIP712_TYPES,
        "primaryType": "ApplyChanges",
        "domain": {
            "name": DOMAIN_NAME,
            "version": DOMAIN_VERSION,
            "chainId": chain_id,
            "verifyingContract": to_checksum_address(registry),
        },
        "message": {
            "identity": to_checksum_address(identity),
            "owner": to_checksum_address(owner),
            "changes": [
                {
                    "kind": kind,
                    "name": "0x" + name.hex(),
                    "value": "0x" + value.hex(),
                    "validity": validity,
                }
                for kind, name, value, validity in _structs(changes)
            ],
            "nonce": nonce,
            "deadline": deadline,
        },
    }


def _arguments(change: Change) -> tuple[str, tuple[str, ...], tuple[Any, ...]]:
    """Method name, argument types and values that follow the identity."""
    match change:
        case ChangeOwner():
            return "changeOwner", ("address",), (change.owner,)
        case AddDelegate():
            return (
                "addDelegate",
                ("bytes32", "address", "uint256"),
                (change.delegate_type, change.delegate, change.validity),
            )
        case RevokeDelegate():
            return (
                "revokeDelegate",
                ("bytes32", "address"),
                (change.delegate_type, change.delegate),
            )
        case SetAttribute():
            return (
                "setAttribute",
                ("bytes32", "bytes", "uint256"),
                (change.name, change.value, change.validity),
            )
        case RevokeAttribute():  # pragma: no branch - there is no other kind
            return "revokeAttribute", ("bytes32", "bytes"), (change.name, change.value)


def _structs(changes: Sequence[Change]) -> list[tuple[int, bytes, bytes, int]]:
    """The changes as the contract's ``Change`` structs."""
    return [_struct(change) for change in changes]


def _struct(change: Change) -> tuple[int, bytes, bytes, int]:
    match change:
        case ChangeOwner():
            return 0, bytes(32), change.owner, 0
        case AddDelegate():
            return 1, change.delegate_type, change.delegate, change.validity
        case RevokeDelegate():
            return 2, change.delegate_type, change.delegate, 0
        case SetAttribute():
            return 3, change.name, change.value, change.validity
        case RevokeAttribute():  # pragma: no branch - there is no other kind
            return 4, change.name, change.value, 0


def _pack(kind: str, value: Any) -> bytes:
    """One argument as ``abi.encodePacked`` has it."""
    if kind == "uint256":
        packed: bytes = value.to_bytes(32)
        return packed
    return bytes(value)


def _encode(method: str, kinds: Sequence[str], values: Sequence[Any]) -> bytes:
    from eth_abi.abi import encode

    data: bytes = encode(kinds, values)
    return selector(f"{method}({','.join(kinds)})") + data

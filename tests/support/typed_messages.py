"""The registry's EIP-712 messages, signed with eth-account's own reading of the standard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth_account.messages import encode_typed_data

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eth_account.messages import SignableMessage
    from eth_account.signers.local import LocalAccount

TYPES = {
    "ApplyChanges": [
        {"name": "identity", "type": "address"},
        {"name": "owner", "type": "address"},
        {"name": "changes", "type": "Change[]"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
    ],
    "Change": [
        {"name": "kind", "type": "uint8"},
        {"name": "name", "type": "bytes32"},
        {"name": "value", "type": "bytes"},
        {"name": "validity", "type": "uint256"},
    ],
}


def typed_message(
    *,
    registry: str,
    chain_id: int,
    identity: str,
    owner: str | None = None,
    changes: Sequence[tuple[int, bytes, bytes, int]],
    nonce: int,
    deadline: int,
) -> SignableMessage:
    """The message of a batch; its owner is the identity itself unless another one is named."""
    domain: dict[str, Any] = {
        "name": "EthereumDIDRegistry",
        "version": "1",
        "chainId": chain_id,
        "verifyingContract": registry,
    }
    members = ("kind", "name", "value", "validity")
    message = {
        "identity": identity,
        "owner": owner or identity,
        "changes": [dict(zip(members, change, strict=True)) for change in changes],
        "nonce": nonce,
        "deadline": deadline,
    }
    return encode_typed_data(domain, TYPES, message)


def sign_typed(key: LocalAccount, message: SignableMessage) -> bytes:
    """r, s and v in 65 bytes."""
    return bytes(key.sign_message(message).signature)

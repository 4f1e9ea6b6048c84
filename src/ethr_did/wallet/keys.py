"""Keys as a wallet keeps them, known by their public half.

Rules:
  1. Three kinds: secp256k1, P-256, Ed25519. A wallet holds keys, so that an account, which is only
     the digest of one, is no kind of its own.
  2. The id of a key is taken from its public half: one key has one id, in every wallet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.keys import to_checksum_address
from ethr_did.credentials.keys import KeyKind, PublicKey

if TYPE_CHECKING:
    from ethr_did.chain.local_signer import Secret

__all__ = ["KINDS", "StoredKey", "WalletKey"]

KINDS: Final = (KeyKind.SECP256K1, KeyKind.P256, KeyKind.ED25519)
"""What a wallet keeps."""

_ID_LENGTH = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class WalletKey:
    """What may be shown of a key.

    Example:
        >>> public = PublicKey(KeyKind.ED25519, bytes(32))
        >>> WalletKey(label="home", public=public, created_at=0).id
        '70f9480e692d00ff'
    """

    label: str
    public: PublicKey
    created_at: int
    """Unix seconds: when it came into the wallet."""
    imported_from: str = ""
    """What it was taken from; empty if it was made here."""
    id: str = field(init=False)
    """Sixteen hex digits."""

    def __post_init__(self) -> None:
        """Fills in the id."""
        digest = sha256(self.public.kind.value.encode() + b"\0" + self.public.data)
        object.__setattr__(self, "id", digest.hexdigest()[:_ID_LENGTH])

    @property
    def kind(self) -> KeyKind:
        """On which curve it is."""
        return self.public.kind

    def to_dict(self) -> dict[str, Any]:
        """The key as JSON, without its secret half."""
        address = self.public.address
        return {
            "id": self.id,
            "label": self.label,
            "kind": self.kind.value,
            "publicKeyMultibase": self.public.to_multikey(),
            "publicKeyJwk": self.public.to_jwk(),
            "address": None if address is None else to_checksum_address(address),
            "createdAt": self.created_at,
            "importedFrom": self.imported_from or None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredKey:
    """A key with its secret half."""

    key: WalletKey
    secret: Secret = field(repr=False)

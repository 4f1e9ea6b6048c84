"""A signer that holds its key in this process.

Rules:
  * The key leaves the object only to sign: not by ``repr``, ``str``, ``vars``, pickling, copying,
    an error or a log line.
  * Signatures are deterministic (RFC 6979) with the low s (EIP-2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.errors import InvalidKey, SignerError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["LocalSigner", "Secret"]

_KEY_LENGTH = 32
_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of the secp256k1 group (SEC 2, section 2.4.1)."""


class Secret:
    """Thirty-two bytes that show themselves only when asked by name.

    Local variables are printed by test runners and crash reporters; this prints as a placeholder.
    """

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def reveal(self) -> bytes:
        """The bytes."""
        return self._value

    def __repr__(self) -> str:
        return "<secret>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled or copied")


class LocalSigner:
    """Signs with a private key in memory. For tests, and behind the key files."""

    __slots__ = ("_key", "address")

    address: Address
    """The account that signs, 20 bytes."""

    def __init__(self, key: Secret) -> None:
        self._key = key
        self.address = _address_of(key)

    @classmethod
    def from_key(cls, key: bytes) -> LocalSigner:
        r"""The signer of a private key.

        Args:
            key: 32 bytes.

        Raises:
            InvalidKey: another length, or not a number between 1 and the order of the curve.

        Example:
            >>> LocalSigner.from_key(bytes(31) + b"\x01")
            LocalSigner(0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf)
        """
        return cls(Secret(key))

    def sign_transaction(self, tx: Mapping[str, Any]) -> bytes:
        """The signed transaction as it goes over the wire; see ``Signer``."""
        from eth_account import Account  # 0.4 s, needed only by those who sign

        try:
            signed = Account.sign_transaction(dict(tx), self._key.reveal())
        except (TypeError, ValueError) as cause:
            raise SignerError(f"this is no transaction that can be signed: {cause}") from cause
        return bytes(signed.raw_transaction)

    def sign_digest(self, digest: bytes) -> bytes:
        """The signature of 32 bytes as they are; see ``Signer``."""
        from eth_keys.datatypes import PrivateKey

        if len(digest) != _KEY_LENGTH:
            raise SignerError(f"a digest is 32 bytes, not {len(digest)}")
        signature = PrivateKey(self._key.reveal()).sign_msg_hash(digest).to_bytes()
        return signature[:64] + bytes([signature[64] + 27])

    def sign_typed_data(self, message: Mapping[str, Any]) -> bytes:
        """The signature of EIP-712 typed data; see ``Signer``."""
        from eth_account import Account

        try:
            signed = Account.sign_typed_data(self._key.reveal(), full_message=dict(message))
        except (TypeError, ValueError, KeyError) as cause:
            raise SignerError(f"this is no typed data that can be signed: {cause}") from cause
        return bytes(signed.signature)

    def __repr__(self) -> str:
        return f"LocalSigner({to_checksum_address(self.address)})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signer holds a key and cannot be pickled or copied")


def _address_of(key: Secret) -> Address:
    from eth_keys.datatypes import PrivateKey

    value = key.reveal()
    # Nothing of the value goes into these sentences, and no cause that could hold it.
    if len(value) != _KEY_LENGTH:
        raise InvalidKey(f"a private key is 32 bytes, not {len(value)}")
    if not 0 < int.from_bytes(value) < _ORDER:
        raise InvalidKey("the private key is zero or beyond the order of secp256k1")
    return Address(PrivateKey(value).public_key.to_canonical_address())

"""Private keys that sign credentials and presentations.

Rules:
  * Keys are named by where they are, never typed: whatever ``open_signer`` knows, and
    ``jwkfile:PATH`` for a private JWK in a file that only its owner can read (RFC 7517).
  * A key leaves its object only to sign: not by ``repr``, pickling, an error or a log line.
  * Signatures are deterministic (RFC 6979, RFC 8032): what a crash interrupted is signed again to
    the same bytes. Those on secp256k1 have the low s.
"""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, TypeAlias

from ethr_did.chain.local_signer import LocalSigner, Secret
from ethr_did.chain.secret_files import read_private_file, write_new_file
from ethr_did.chain.signer import open_signer
from ethr_did.core.base64url import decode_base64url, encode_base64url
from ethr_did.core.strict_json import read_json
from ethr_did.credentials.keys import Algorithm, KeyKind, PublicKey
from ethr_did.errors import InvalidInput, InvalidKey, SignerError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ethr_did.chain.signer import AskPassword, Signer

__all__ = [
    "AccountKey",
    "LocalKey",
    "SigningKey",
    "TypedDataKey",
    "new_key_file",
    "new_secret",
    "open_signing_key",
]

_SCHEME = "jwkfile"
_MAX_FILE = 4096
_LENGTH = 32
_MEMBERS = {"kty", "crv", "x", "y", "d"}


class SigningKey(Protocol):
    """Whatever can sign for one key."""

    @property
    def public(self) -> PublicKey:
        """The public key, or the account where only that is known. Needs no password."""

    def sign(self, algorithm: Algorithm, data: bytes) -> bytes:
        """The signature of some bytes, in the form of JOSE.

        Args:
            algorithm: one of those of the public key.
            data: unhashed.

        Raises:
            SignerError: it was not signed.
        """


class TypedDataKey(SigningKey, Protocol):
    """One that signs EIP-712 typed data as well."""

    def sign_typed_data(self, message: Mapping[str, Any]) -> bytes:
        """The signature of typed data: r, s and v (27 or 28), 65 bytes.

        Raises:
            SignerError: it was not signed.
        """


class AccountKey:
    r"""Signs through the signer of an Ethereum account.

    Example:
        >>> key = AccountKey(LocalSigner.from_key(bytes(31) + b"\x01"))
        >>> str(key.public), len(key.sign(Algorithm.ES256K_R, b"data"))
        ('0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf', 65)
    """

    __slots__ = ("_signer", "public")

    public: PublicKey

    def __init__(self, signer: Signer) -> None:
        """A key of the signer's account."""
        self._signer = signer
        self.public = PublicKey(KeyKind.ACCOUNT, signer.address)

    def sign(self, algorithm: Algorithm, data: bytes) -> bytes:
        """See ``SigningKey``."""
        _check_use(self.public, algorithm)
        signature = self._signer.sign_digest(sha256(data).digest())
        return _in_jose_form(signature, algorithm)

    def sign_typed_data(self, message: Mapping[str, Any]) -> bytes:
        """See ``TypedDataKey``."""
        return self._signer.sign_typed_data(message)

    def __repr__(self) -> str:
        return f"AccountKey({self.public})"


class LocalKey:
    """Signs with a private key in memory, on any of the three curves."""

    __slots__ = ("_private", "public")

    public: PublicKey

    def __init__(self, kind: KeyKind, secret: Secret) -> None:
        """A key.

        Args:
            kind: the curve.
            secret: 32 bytes.

        Raises:
            InvalidKey: not a key of that curve.
        """
        self._private = _loaded(kind, secret)
        self.public = PublicKey(kind, self._private.public)

    @classmethod
    def generate(cls, kind: KeyKind, random: Callable[[int], bytes]) -> LocalKey:
        """A new key.

        Args:
            kind: the curve.
            random: as many secret random bytes as it is asked for: ``secrets.token_bytes``.
        """
        return cls(kind, new_secret(kind, random))

    def sign(self, algorithm: Algorithm, data: bytes) -> bytes:
        """See ``SigningKey``."""
        _check_use(self.public, algorithm)
        return self._private.sign(algorithm, data)

    def sign_typed_data(self, message: Mapping[str, Any]) -> bytes:
        """See ``TypedDataKey``.

        Raises:
            SignerError: the key is on another curve than Ethereum's.
        """
        if not isinstance(self._private, _Secp256k1):
            raise SignerError(f"keys on {self.public.kind.value} do not sign EIP-712 typed data")
        return self._private.signer.sign_typed_data(message)

    def __repr__(self) -> str:
        return f"LocalKey({self.public})"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a key cannot be pickled or copied")


def new_secret(kind: KeyKind, random: Callable[[int], bytes]) -> Secret:
    """A new private key, 32 bytes.

    Args:
        kind: the curve.
        random: as many secret random bytes as it is asked for.
    """
    while True:
        secret = Secret(random(_LENGTH))
        try:
            _loaded(kind, secret)
        except InvalidKey:  # beyond the order of the curve, about once in 2^32
            continue
        return secret


def open_signing_key(
    uri: str, *, ask_password: AskPassword, password_file: Path | None = None
) -> AccountKey | LocalKey:
    """The key of that name.

    Args:
        uri: as for ``open_signer``, or ``jwkfile:PATH``.
        ask_password: asks a person for the password of a keystore.
        password_file: holds the password instead.

    Raises:
        InvalidConfiguration: not such a name.
        SignerError: a file that cannot be used.
    """
    scheme, _, rest = uri.partition(":")
    if scheme == _SCHEME and rest:
        return _open_jwk_file(Path(rest).expanduser())
    return AccountKey(open_signer(uri, ask_password=ask_password, password_file=password_file))


def new_key_file(path: Path, kind: KeyKind, *, random: Callable[[int], bytes]) -> PublicKey:
    """The public key of a new file that holds a private JWK; its mode is 0600.

    Raises:
        SignerError: there is such a file, or it cannot be written.
    """
    secret = new_secret(kind, random)
    public = LocalKey(kind, secret).public
    jwk = {**public.to_jwk(), "d": encode_base64url(secret.reveal())}
    write_new_file(path, json.dumps(jwk, indent=2).encode() + b"\n")
    return public


def _open_jwk_file(path: Path) -> LocalKey:
    data = read_private_file(path, limit=_MAX_FILE)
    fault = "it is not JSON"
    try:
        jwk = read_json(data)
        fault = "not a private JWK of secp256k1, P-256 or Ed25519"
        if isinstance(jwk, dict) and isinstance(jwk.get("d"), str):
            stated = PublicKey.from_jwk(
                {name: jwk[name] for name in _MEMBERS - {"d"} if name in jwk}
            )
            key = LocalKey(stated.kind, Secret(decode_base64url(jwk["d"])))
            if key.public == stated:
                return key
            fault = "its private key is not that of its public key"
    except InvalidInput:
        pass  # the reason could repeat what is in the file
    raise SignerError(
        f"{path} cannot be used as a key: {fault}",
        hint="`ethr-did credential key new` makes such files.",
        path=str(path),
    )


def _check_use(key: PublicKey, algorithm: Algorithm) -> None:
    if algorithm not in key.algorithms:
        raise SignerError(f"a {key.kind.value} key does not sign with {algorithm.value}")


def _in_jose_form(signature: bytes, algorithm: Algorithm) -> bytes:
    """r, s and v (27 or 28) as ES256K or ES256K-R has them."""
    numbers, v = signature[:64], signature[64]
    return numbers if algorithm is Algorithm.ES256K else numbers + bytes([v - 27])


# -- curves --------------------------------------------------------------------------------------


class _Secp256k1:
    """A key on Ethereum's curve."""

    def __init__(self, secret: Secret) -> None:
        from eth_keys.datatypes import PrivateKey

        self.signer = LocalSigner(secret)
        self.public: bytes = PrivateKey(secret.reveal()).public_key.to_compressed_bytes()

    def sign(self, algorithm: Algorithm, data: bytes) -> bytes:
        return _in_jose_form(self.signer.sign_digest(sha256(data).digest()), algorithm)


class _P256:
    """A key on P-256."""

    def __init__(self, secret: Secret) -> None:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, derive_private_key
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

        self._key = derive_private_key(int.from_bytes(secret.reveal()), SECP256R1())
        self.public: bytes = self._key.public_key().public_bytes(
            Encoding.X962, PublicFormat.CompressedPoint
        )

    def sign(self, _algorithm: Algorithm, data: bytes) -> bytes:
        from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
        from cryptography.hazmat.primitives.hashes import SHA256

        how = ECDSA(SHA256(), deterministic_signing=True)
        r, s = decode_dss_signature(self._key.sign(data, how))
        return r.to_bytes(_LENGTH) + s.to_bytes(_LENGTH)


class _Ed25519:
    """A key on Ed25519."""

    def __init__(self, secret: Secret) -> None:
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

        self._key = Ed25519PrivateKey.from_private_bytes(secret.reveal())
        self.public: bytes = self._key.public_key().public_bytes_raw()

    def sign(self, _algorithm: Algorithm, data: bytes) -> bytes:
        return self._key.sign(data)


_Private: TypeAlias = _Secp256k1 | _P256 | _Ed25519

_CURVES: Mapping[KeyKind, Callable[[Secret], _Private]] = {
    KeyKind.SECP256K1: _Secp256k1,
    KeyKind.P256: _P256,
    KeyKind.ED25519: _Ed25519,
}


def _loaded(kind: KeyKind, secret: Secret) -> _Private:
    length = len(secret.reveal())
    # Nothing of the value goes into these sentences, and no cause that could hold it.
    if kind not in _CURVES:
        raise InvalidKey(f"{kind.value} is no curve that a key could be on")
    if length != _LENGTH:
        raise InvalidKey(f"a private key is {_LENGTH} bytes, not {length}")
    try:
        return _CURVES[kind](secret)
    except ValueError:
        pass
    raise InvalidKey(f"not a private key of {kind.value}")

"""Public keys that credentials are signed with.

Rules:
  1. Four kinds of keys, four algorithms, and no others. Which algorithms a key can be used with
     follows from the key, never from a token.

     ==============  ==================================  ======================
     kind            bytes                               algorithms
     ==============  ==================================  ======================
     ``secp256k1``   33, a compressed point              ES256K, ES256K-R
     ``account``     20, an Ethereum address             ES256K-R, ES256K
     ``P-256``       33, a compressed point              ES256
     ``Ed25519``     32                                  EdDSA
     ==============  ==================================  ======================

  2. A verification method holds one key, in one member; with two it could be read in two ways.

Spec: RFC 7518 section 6.2; RFC 8812; RFC 8037; Controlled Identifiers section 2.2.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ethr_did.core.base64url import decode_base64url, encode_base64url
from ethr_did.core.keys import (
    ED25519_PUB,
    P256_PUB,
    SECP256K1_PUB,
    address_of_key,
    decompress_secp256k1,
    format_multibase,
    parse_address,
    parse_multibase,
    secp256k1_jwk,
    to_checksum_address,
)
from ethr_did.errors import InvalidInput, InvalidKey, shown

if TYPE_CHECKING:
    from ethr_did.core.document import VerificationMethod

__all__ = ["ALGORITHMS", "Algorithm", "KeyKind", "PublicKey"]


class Algorithm(StrEnum):
    """How something is signed, by its name in JOSE."""

    ES256K = "ES256K"
    ES256K_R = "ES256K-R"
    ES256 = "ES256"
    EDDSA = "EdDSA"


ALGORITHMS: Final = frozenset(Algorithm)
"""All that are ever accepted."""


class KeyKind(StrEnum):
    """On which curve a key is, or that only its account is known."""

    SECP256K1 = "secp256k1"
    ACCOUNT = "account"
    P256 = "P-256"
    ED25519 = "Ed25519"


_USES = {
    KeyKind.SECP256K1: (Algorithm.ES256K, Algorithm.ES256K_R),
    KeyKind.ACCOUNT: (Algorithm.ES256K_R, Algorithm.ES256K),
    KeyKind.P256: (Algorithm.ES256,),
    KeyKind.ED25519: (Algorithm.EDDSA,),
}
_LENGTHS = {KeyKind.SECP256K1: 33, KeyKind.ACCOUNT: 20, KeyKind.P256: 33, KeyKind.ED25519: 32}
_PREFIXES = {
    SECP256K1_PUB: KeyKind.SECP256K1,
    P256_PUB: KeyKind.P256,
    ED25519_PUB: KeyKind.ED25519,
}
_P256_FIELD = 2**256 - 2**224 + 2**192 + 2**96 - 1
_P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B
_ACCOUNT = re.compile(r"eip155:([1-9][0-9]{0,77}):(0x[0-9a-fA-F]{40})")
_HEX = re.compile(r"[0-9a-fA-F]{64,130}")
_WIDTH = 32


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A public key, or the account of one.

    Example:
        >>> key = PublicKey.from_multikey("zQ3shZtr1sUnrETvXPDa4gYSNE3gpJhdTkVmpYoWBuAiBsJ4G")
        >>> key.kind.value, key.algorithms[0].value
        ('secp256k1', 'ES256K')
        >>> to_checksum_address(key.address)
        '0xC662e6c5F91B9FcD22D7FcafC80Cf8b640aed247'
    """

    kind: KeyKind
    data: bytes
    """See rule 1."""

    def __post_init__(self) -> None:
        """Raises ``InvalidKey`` for bytes that are no key of the kind."""
        if len(self.data) != _LENGTHS[self.kind]:
            raise InvalidKey(
                f"a key of the kind {self.kind.value} has {_LENGTHS[self.kind]} bytes, not "
                f"{len(self.data)}"
            )
        match self.kind:
            case KeyKind.SECP256K1:
                decompress_secp256k1(self.data)
            case KeyKind.P256:
                _p256_point(self.data)
            case KeyKind.ED25519 | KeyKind.ACCOUNT:  # pragma: no branch - there is no other
                pass

    @property
    def algorithms(self) -> tuple[Algorithm, ...]:
        """How it can be used, the usual way first."""
        return _USES[self.kind]

    @property
    def address(self) -> bytes | None:
        """The Ethereum account; None on other curves."""
        if self.kind is KeyKind.ACCOUNT:
            return self.data
        return address_of_key(self.data) if self.kind is KeyKind.SECP256K1 else None

    def is_same(self, other: PublicKey) -> bool:
        """Whether both are one key, as far as an account tells."""
        if self == other:
            return True
        accounts = KeyKind.ACCOUNT in (self.kind, other.kind)
        return accounts and self.address is not None and self.address == other.address

    # -- forms -----------------------------------------------------------------------------------

    def to_jwk(self) -> dict[str, str]:
        """The key as a JWK.

        Raises:
            InvalidKey: it is an account.

        Spec: RFC 7517; RFC 8037 section 2; RFC 8812 section 3.1.
        """
        match self.kind:
            case KeyKind.SECP256K1:
                return secp256k1_jwk(self.data)
            case KeyKind.P256:
                x, y = _p256_point(self.data)
                return {
                    "kty": "EC",
                    "crv": "P-256",
                    "x": encode_base64url(x.to_bytes(_WIDTH)),
                    "y": encode_base64url(y.to_bytes(_WIDTH)),
                }
            case KeyKind.ED25519:
                return {"kty": "OKP", "crv": "Ed25519", "x": encode_base64url(self.data)}
            case KeyKind.ACCOUNT:  # pragma: no branch - there is no other
                raise InvalidKey(
                    f"of the account {to_checksum_address(self.data)} no key is known",
                    hint="Publish the key itself: `ethr-did key add DID Secp256k1 0x…`.",
                )

    def to_multikey(self) -> str:
        """The key as a Multikey, ``z…``.

        Raises:
            InvalidKey: it is an account.
        """
        prefix = next((one for one, kind in _PREFIXES.items() if kind is self.kind), None)
        if prefix is None:
            raise InvalidKey("an account has no Multikey form")
        return format_multibase(self.data, prefix)

    @classmethod
    def from_jwk(cls, jwk: object) -> PublicKey:
        """The key in a public JWK.

        Raises:
            InvalidKey: of another type or curve, not on it, or with a private member.
        """
        if not isinstance(jwk, Mapping):
            raise InvalidKey(f"not a JWK: {shown(jwk)}")
        if "d" in jwk:
            raise InvalidKey("a JWK that should be public holds a private key")
        return _key_in_jwk(*(_text(jwk.get(name)) for name in ("kty", "crv", "x", "y")))

    @classmethod
    def from_multikey(cls, text: object) -> PublicKey:
        """The key in a Multikey.

        Raises:
            InvalidKey: no multibase, or of another kind.
        """
        if not isinstance(text, str):
            raise _not_a_multikey(text)
        return _key_in_multikey(text)

    @classmethod
    def from_method(cls, method: VerificationMethod) -> PublicKey:
        """The key of a verification method.

        Raises:
            InvalidKey: none that is used here, or more than one.

        Spec: Controlled Identifiers section 2.2; did:ethr, "Public Keys".
        """
        found = [(name, value) for name, value in method.material.items() if name in _MEMBERS]
        if len(found) != 1:
            raise InvalidKey(f"{shown(method.id)} holds {len(found) or 'no'} keys in known forms")
        ((name, value),) = found
        if method.type not in _MEMBERS[name][0]:
            raise InvalidKey(
                f"{shown(method.id)}: {shown(method.type)} with {name} is not used for signatures "
                "here"
            )
        try:
            key = _MEMBERS[name][1](value)
        except InvalidInput as cause:
            raise InvalidKey(f"{shown(method.id)}: {cause.message}", hint=cause.hint) from cause
        expected = _KIND_OF_TYPE.get(method.type)
        if expected is not None and key.kind not in expected:
            raise InvalidKey(f"{shown(method.id)}: the key is {key.kind.value}, its type another")
        return key

    def __str__(self) -> str:
        """For people: the account, or the Multikey."""
        return _text_of(self)


# -- reading keys --------------------------------------------------------------------------------


@functools.lru_cache(maxsize=4096)
def _text_of(key: PublicKey) -> str:
    if key.kind is KeyKind.ACCOUNT:
        return str(to_checksum_address(key.data))
    return key.to_multikey()


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


# Both are kept: a verifier meets few keys, and reading one takes as long as a signature.


@functools.lru_cache(maxsize=4096)
def _key_in_jwk(kind: str, curve: str, x: str, y: str) -> PublicKey:
    read = _JWKS.get((kind, curve))
    if read is None:
        raise InvalidKey(
            f"keys of this kind are not used here: {shown(kind)}, {shown(curve)}",
            hint="secp256k1, P-256 and Ed25519 are.",
        )
    return PublicKey(*read({"x": x, "y": y}))


@functools.lru_cache(maxsize=4096)
def _key_in_multikey(text: str) -> PublicKey:
    data = parse_multibase(text)
    kind = _PREFIXES.get(data[:2])
    if kind is None:
        raise _not_a_multikey(text)
    return PublicKey(kind, data[2:])


def _not_a_multikey(value: object) -> InvalidKey:
    return InvalidKey(
        f"not a Multikey that is used here: {shown(value, 60)}",
        hint="secp256k1, P-256 and Ed25519 are.",
    )


def _coordinate(jwk: Mapping[str, str], name: str) -> bytes:
    try:
        data = decode_base64url(jwk[name])
    except InvalidInput as cause:
        raise InvalidKey(f"{name} of a JWK is {cause.message}") from cause
    if len(data) != _WIDTH:
        raise InvalidKey(f"{name} of a JWK is not {_WIDTH} bytes in base64url")
    return data


def _compressed(jwk: Mapping[str, str]) -> tuple[bytes, bytes]:
    """The compressed point, and its y to compare with."""
    x, y = _coordinate(jwk, "x"), _coordinate(jwk, "y")
    return bytes([2 + y[-1] % 2]) + x, y


def _read_secp256k1(jwk: Mapping[str, str]) -> tuple[KeyKind, bytes]:
    key, y = _compressed(jwk)
    if decompress_secp256k1(key)[_WIDTH:] != y:
        raise InvalidKey("x and y of a JWK are not a point of secp256k1")
    return KeyKind.SECP256K1, key


def _read_p256(jwk: Mapping[str, str]) -> tuple[KeyKind, bytes]:
    key, y = _compressed(jwk)
    if _p256_point(key)[1] != int.from_bytes(y):
        raise InvalidKey("x and y of a JWK are not a point of P-256")
    return KeyKind.P256, key


def _read_ed25519(jwk: Mapping[str, str]) -> tuple[KeyKind, bytes]:
    return KeyKind.ED25519, _coordinate(jwk, "x")


_JWKS: Mapping[tuple[object, object], Callable[[Mapping[str, str]], tuple[KeyKind, bytes]]] = {
    ("EC", "secp256k1"): _read_secp256k1,
    ("EC", "P-256"): _read_p256,
    ("OKP", "Ed25519"): _read_ed25519,
}


def _read_hex(value: object) -> PublicKey:
    if not isinstance(value, str) or not _HEX.fullmatch(value) or len(value) % 2:
        raise InvalidKey(f"not a public key in hex: {shown(value)}")
    point = decompress_secp256k1(bytes.fromhex(value))
    return PublicKey(KeyKind.SECP256K1, bytes([2 + point[-1] % 2]) + point[:_WIDTH])


def _read_account(value: object) -> PublicKey:
    match = _ACCOUNT.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        raise InvalidKey(f"not an account of an Ethereum chain: {shown(value)}")
    return PublicKey(KeyKind.ACCOUNT, parse_address(match[2]))


def _read_base58(value: object) -> PublicKey:
    data = parse_multibase(f"z{value}") if isinstance(value, str) else b""
    if len(data) == _LENGTHS[KeyKind.ED25519]:
        return PublicKey(KeyKind.ED25519, data)
    return PublicKey(KeyKind.SECP256K1, data)


_JSON_WEB_KEYS = ("JsonWebKey2020", "JsonWebKey")
_SECP256K1_TYPES = ("EcdsaSecp256k1VerificationKey2019", "EcdsaSecp256k1RecoveryMethod2020")
_MULTIKEYS = ("Multikey", "Ed25519VerificationKey2020")

_MEMBERS: Mapping[str, tuple[tuple[str, ...], Callable[[object], PublicKey]]] = {
    "publicKeyJwk": ((*_JSON_WEB_KEYS, *_SECP256K1_TYPES), PublicKey.from_jwk),
    "publicKeyMultibase": (_MULTIKEYS, PublicKey.from_multikey),
    "publicKeyHex": (_SECP256K1_TYPES, _read_hex),
    "publicKeyBase58": (("Ed25519VerificationKey2018", _SECP256K1_TYPES[0]), _read_base58),
    "blockchainAccountId": (_SECP256K1_TYPES[1:], _read_account),
}
"""Members that hold keys: with which types, and how they are read."""

_KIND_OF_TYPE: Mapping[str, tuple[KeyKind, ...]] = {
    **dict.fromkeys(_SECP256K1_TYPES, (KeyKind.SECP256K1, KeyKind.ACCOUNT)),
    "Ed25519VerificationKey2018": (KeyKind.ED25519,),
    "Ed25519VerificationKey2020": (KeyKind.ED25519,),
}


@functools.lru_cache(maxsize=4096)
def _p256_point(key: bytes) -> tuple[int, int]:
    """The coordinates of a compressed point; it is public, so plain integers will do."""
    x = int.from_bytes(key[1:])
    squared = (x**3 - 3 * x + _P256_B) % _P256_FIELD
    root = pow(squared, (_P256_FIELD + 1) // 4, _P256_FIELD)
    if key[0] not in (2, 3) or x >= _P256_FIELD or root * root % _P256_FIELD != squared:
        raise InvalidKey(f"not a point of P-256: 0x{key.hex()}")
    return x, root if root % 2 == key[0] % 2 else _P256_FIELD - root

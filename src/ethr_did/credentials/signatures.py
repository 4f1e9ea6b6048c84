"""Whether a signature is a key's.

Rules:
  1. ES256K-R is ES256K with the recovery number, 0 or 1, behind it, over SHA-256 of what is signed
     and not over keccak. An account has no key to compare with: the key is recovered, and its
     address compared. ES256K against an account is tried with both numbers.
  2. Signatures on secp256k1 have the low s (BIP 62): the other form of one is a second token for the
     same credential. Tokens of the older kind are read with either.

Spec: RFC 7518 section 3.4; RFC 8812 section 3.2; RFC 8037 section 3.1; the ES256K-R of did-jwt,
which no standard names.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ethr_did.core.keys import address_of_key
from ethr_did.credentials.keys import Algorithm, KeyKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.credentials.keys import PublicKey

__all__ = ["is_signed_by"]

_ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
"""Of the secp256k1 group (SEC 2, section 2.4.1)."""
_WIDTH = 32
_SIGNATURE, _RECOVERABLE = 64, 65


def is_signed_by(
    key: PublicKey,
    signature: bytes,
    data: bytes,
    *,
    algorithm: Algorithm,
    any_s: bool = False,
) -> bool:
    """Whether a signature is the key's.

    Args:
        key: whose it should be.
        signature: r and s, 64 bytes, with the recovery number behind them for ES256K-R; 64 bytes
            for EdDSA.
        data: what is signed, unhashed.
        algorithm: which; one that the key has not gives False.
        any_s: whether a high s will do, on secp256k1.
    """
    if algorithm not in key.algorithms:
        return False
    match algorithm:
        case Algorithm.ES256K | Algorithm.ES256K_R:
            return _is_secp256k1(key, signature, data, algorithm=algorithm, any_s=any_s)
        case Algorithm.ES256:
            return _is_p256(key.data, signature, data)
        case Algorithm.EDDSA:  # pragma: no branch - there is no other
            return _is_ed25519(key.data, signature, data)


def _is_secp256k1(
    key: PublicKey, signature: bytes, data: bytes, *, algorithm: Algorithm, any_s: bool
) -> bool:
    recoverable = algorithm is Algorithm.ES256K_R
    if len(signature) != (_RECOVERABLE if recoverable else _SIGNATURE):
        return False
    numbers, recovery = signature[:_SIGNATURE], [*signature[_SIGNATURE:]] or [0, 1]
    s = int.from_bytes(numbers[_WIDTH:])
    if s > _ORDER // 2:
        if not any_s or s >= _ORDER:
            return False
        numbers = numbers[:_WIDTH] + (_ORDER - s).to_bytes(_WIDTH)
        recovery = [one ^ 1 for one in recovery]
    digest = sha256(data).digest()
    if not recoverable and key.kind is KeyKind.SECP256K1:
        return _backend().verify(key.data, numbers, digest)
    if not set(recovery) <= {0, 1}:
        return False
    found = (_backend().recover(numbers, one, digest) for one in recovery)
    wanted = key.address
    return any(one is not None and address_of_key(one) == wanted for one in found)


@dataclass(frozen=True, slots=True)
class _Backend:
    """What does the arithmetic of secp256k1."""

    verify: Callable[[bytes, bytes, bytes], bool]
    """Key, numbers with a low s, digest."""
    recover: Callable[[bytes, int, bytes], bytes | None]
    """Numbers, recovery number, digest; the point, None if there is none."""


@functools.cache
def _backend() -> _Backend:
    try:
        return _coincurve_backend()
    except ImportError:
        return _plain_backend()


def _coincurve_backend() -> _Backend:
    from coincurve import PublicKey as Point
    from coincurve.ecdsa import cdata_to_der, deserialize_compact

    point_of = functools.lru_cache(maxsize=4096)(Point)

    def verify(key: bytes, numbers: bytes, digest: bytes) -> bool:
        try:
            der = cdata_to_der(deserialize_compact(numbers))
            return bool(point_of(key).verify(der, digest, hasher=None))
        except ValueError:  # r or s beyond the order
            return False

    def recover(numbers: bytes, recovery: int, digest: bytes) -> bytes | None:
        try:
            found = Point.from_signature_and_message(
                numbers + bytes([recovery]), digest, hasher=None
            )
        except Exception:  # noqa: BLE001 - coincurve raises plain ones where no point fits
            return None
        return bytes(found.format(compressed=False))

    return _Backend(verify=verify, recover=recover)


def _plain_backend() -> _Backend:
    """Without coincurve: OpenSSL verifies, and eth-keys recovers, some hundred times slower."""

    def verify(key: bytes, numbers: bytes, digest: bytes) -> bool:
        from cryptography.hazmat.primitives.asymmetric.ec import SECP256K1

        return _verify_on_curve(_curve_key(SECP256K1, key), numbers, digest)

    def recover(numbers: bytes, recovery: int, digest: bytes) -> bytes | None:
        from eth_keys.backends.native.main import NativeECCBackend
        from eth_keys.datatypes import Signature

        try:
            signature = Signature(numbers + bytes([recovery]), backend=NativeECCBackend())
            found = signature.recover_public_key_from_msg_hash(digest)
        except Exception:  # noqa: BLE001 - several kinds where no point fits
            return None
        return b"\x04" + bytes(found.to_bytes())

    return _Backend(verify=verify, recover=recover)


@functools.lru_cache(maxsize=4096)
def _curve_key(curve: Callable[[], Any], key: bytes) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

    return EllipticCurvePublicKey.from_encoded_point(curve(), key)


def _verify_on_curve(key: Any, numbers: bytes, digest: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ec import ECDSA
    from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
    from cryptography.hazmat.primitives.hashes import SHA256

    r, s = int.from_bytes(numbers[:_WIDTH]), int.from_bytes(numbers[_WIDTH:])
    try:
        key.verify(encode_dss_signature(r, s), digest, ECDSA(Prehashed(SHA256())))
    except InvalidSignature:
        return False
    return True


def _is_p256(key: bytes, signature: bytes, data: bytes) -> bool:
    from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1

    if len(signature) != _SIGNATURE:
        return False
    return _verify_on_curve(_curve_key(SECP256R1, key), signature, sha256(data).digest())


@functools.lru_cache(maxsize=4096)
def _ed25519_key(key: bytes) -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    return Ed25519PublicKey.from_public_bytes(key)


def _is_ed25519(key: bytes, signature: bytes, data: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature

    try:
        _ed25519_key(key).verify(signature, data)
    except InvalidSignature:
        return False
    return True

"""Points that DIDs may be made of: whether bytes are a public key of a curve.

Rules:
  * Three curves, which are those of the signatures that are verified here.
  * A key that is on no curve makes no DID: it could verify nothing, and libraries disagree about
    what they do with it.
  * An Ed25519 key is the one encoding of its point: y is below the prime of the field.

Spec: SEC 1 section 2.3.4; RFC 8032 section 5.1.3.
"""

from __future__ import annotations

from enum import StrEnum

from ethr_did.core.keys import decompress_secp256k1
from ethr_did.errors import InvalidKey

__all__ = ["Curve", "check_key"]

_ED25519_FIELD = 2**255 - 19
_ED25519_D = -121665 * pow(121666, -1, _ED25519_FIELD)
_ED25519_LENGTH = 32


class Curve(StrEnum):
    """A curve, by its name in JOSE."""

    SECP256K1 = "secp256k1"
    P256 = "P-256"
    ED25519 = "Ed25519"


def check_key(curve: Curve, key: bytes) -> None:
    """Nothing, for bytes that are a public key.

    Args:
        curve: on which it must be.
        key: 33 bytes compressed or 65 uncompressed; 32 for Ed25519.

    Raises:
        InvalidKey: of another length or prefix, or not on the curve.
    """
    match curve:
        case Curve.SECP256K1:
            decompress_secp256k1(key)
        case Curve.P256:
            _check_p256(key)
        case Curve.ED25519:  # pragma: no branch - there is no other
            _check_ed25519(key)


def _check_p256(key: bytes) -> None:
    from cryptography.hazmat.primitives.asymmetric import ec

    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), key)
    except ValueError as cause:
        raise InvalidKey(f"not a public key of P-256: 0x{key.hex()}") from cause


def _check_ed25519(key: bytes) -> None:
    y = int.from_bytes(key, "little") & (1 << 255) - 1
    if len(key) != _ED25519_LENGTH or y >= _ED25519_FIELD or not _has_x(y, odd=key[-1] > 127):  # noqa: PLR2004 - the top bit is the lowest of x
        raise InvalidKey(f"not a public key of Ed25519: 0x{key.hex()}")


def _has_x(y: int, *, odd: bool) -> bool:
    """Whether there is a point of that y, and of that sign. Keys are public: integers will do."""
    p = _ED25519_FIELD
    squared = (y * y - 1) * pow(_ED25519_D * y * y + 1, -1, p) % p
    if squared == 0:
        return not odd
    return pow(squared, (p - 1) // 2, p) == 1

"""What is a public key of which curve."""

from __future__ import annotations

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.did_methods.curves import Curve, check_key
from ethr_did.errors import InvalidKey

P = 2**255 - 19
CURVES = {Curve.SECP256K1: ec.SECP256K1(), Curve.P256: ec.SECP256R1()}


def encoded(y: int, *, odd: bool = False) -> bytes:
    """An Ed25519 key."""
    return (y | odd << 255).to_bytes(32, "little")


@given(st.sampled_from(list(CURVES)), st.integers(1, 2**255))
def test_every_point_of_the_curve_is_a_key(curve: Curve, secret: int) -> None:
    key = ec.derive_private_key(secret, CURVES[curve]).public_key()
    for form in (PublicFormat.CompressedPoint, PublicFormat.UncompressedPoint):
        check_key(curve, key.public_bytes(Encoding.X962, form))


@given(st.binary(min_size=32, max_size=32))
def test_every_ed25519_public_key_is_one(secret: bytes) -> None:
    check_key(
        Curve.ED25519, Ed25519PrivateKey.from_private_bytes(secret).public_key().public_bytes_raw()
    )


def test_key_of_one_curve_is_none_of_another() -> None:
    numbers = ec.derive_private_key(7, ec.SECP256K1()).public_key()
    point = numbers.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    with pytest.raises(InvalidKey, match="not a public key of P-256: 0x04") as caught:
        check_key(Curve.P256, point)
    assert isinstance(caught.value.__cause__, ValueError)
    with pytest.raises(InvalidKey):
        check_key(Curve.SECP256K1, point[:-1] + b"\0")


@pytest.mark.parametrize("key", [b"", b"\0", b"\2" + bytes(31), b"\6" + bytes(64), b"\4" * 65])
def test_bytes_that_are_no_point_of_p256_are_refused(key: bytes) -> None:
    with pytest.raises(InvalidKey, match="not a public key of P-256"):
        check_key(Curve.P256, key)


@pytest.mark.parametrize(
    "key",
    [
        b"",
        bytes(31),
        bytes(33),
        encoded(2),  # no x for this y
        encoded(P + 1),  # RFC 8032, section 5.1.3: y must be below p
        encoded(1, odd=True),  # x is 0, which has no other sign
    ],
    ids=bytes.hex,
)
def test_bytes_that_are_no_ed25519_key_are_refused(key: bytes) -> None:
    with pytest.raises(InvalidKey, match="not a public key of Ed25519"):
        check_key(Curve.ED25519, key)


def test_point_with_x_of_zero_is_encoded_in_one_way() -> None:
    check_key(Curve.ED25519, encoded(1))
    check_key(Curve.ED25519, encoded(P - 1))

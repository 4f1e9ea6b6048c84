"""Signatures: whose they are, by coincurve and without it."""

from __future__ import annotations

import sys
from hashlib import sha256
from typing import Any

import pytest
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.core.keys import decompress_secp256k1
from ethr_did.credentials import signatures
from ethr_did.credentials.keys import ALGORITHMS, Algorithm, KeyKind, PublicKey
from ethr_did.credentials.signatures import is_signed_by
from support.offline import somebody
from support.triangle import key_of_kind

SECP256K1, P256, ED25519 = (
    key_of_kind(kind).public for kind in (KeyKind.SECP256K1, KeyKind.P256, KeyKind.ED25519)
)
ACCOUNT = PublicKey(KeyKind.ACCOUNT, SECP256K1.address or b"")
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
POINT = decompress_secp256k1(SECP256K1.data)
DATA = b"what is signed"

KINDS = {
    Algorithm.ES256K: somebody("one", KeyKind.SECP256K1),
    Algorithm.ES256K_R: somebody("one", KeyKind.SECP256K1),
    Algorithm.ES256: somebody("one", KeyKind.P256),
    Algorithm.EDDSA: somebody("one", KeyKind.ED25519),
}
every_algorithm = pytest.mark.parametrize("algorithm", Algorithm)


@every_algorithm
def test_signature_is_its_key_s_and_of_its_data(algorithm: Algorithm) -> None:
    key = KINDS[algorithm].key
    signature = key.sign(algorithm, DATA)
    assert is_signed_by(key.public, signature, DATA, algorithm=algorithm)
    assert not is_signed_by(key.public, signature, DATA + b"!", algorithm=algorithm)
    other = key_of_kind(key.public.kind, "another").public
    assert not is_signed_by(other, signature, DATA, algorithm=algorithm)


@every_algorithm
def test_signature_with_any_bit_turned_is_no_signature(algorithm: Algorithm) -> None:
    key = KINDS[algorithm].key
    signature = key.sign(algorithm, DATA)
    for place in range(len(signature)):
        turned = signature[:place] + bytes([signature[place] ^ 1]) + signature[place + 1 :]
        assert not is_signed_by(key.public, turned, DATA, algorithm=algorithm), place


@every_algorithm
def test_signature_of_another_length_is_no_signature(algorithm: Algorithm) -> None:
    key = KINDS[algorithm].key
    signature = key.sign(algorithm, DATA)
    for other in (b"", signature[:-1], signature + b"\0", b"\0" + signature, signature * 2):
        assert not is_signed_by(key.public, other, DATA, algorithm=algorithm)


@pytest.mark.parametrize("key", [SECP256K1, ACCOUNT, P256, ED25519], ids=lambda k: k.kind.value)
def test_algorithm_that_the_key_has_not_is_no_signature(key: PublicKey) -> None:
    for algorithm in ALGORITHMS - set(key.algorithms):
        signature = KINDS[algorithm].key.sign(algorithm, DATA)
        assert not is_signed_by(key, signature, DATA, algorithm=algorithm)


@pytest.mark.parametrize("number", range(8))
def test_account_is_recovered_from_either_algorithm(number: int) -> None:
    # Of eight messages, some have the one recovery number and some the other.
    key, data = key_of_kind(KeyKind.SECP256K1), DATA + bytes([number])
    for algorithm in (Algorithm.ES256K, Algorithm.ES256K_R):
        signature = key.sign(algorithm, data)
        assert is_signed_by(ACCOUNT, signature, data, algorithm=algorithm)
        assert is_signed_by(key.public, signature, data, algorithm=algorithm)
        assert not is_signed_by(ACCOUNT, signature, DATA, algorithm=algorithm)


@pytest.mark.parametrize("number", [2, 3, 26, 27, 28, 255])
def test_recovery_number_is_0_or_1(number: int) -> None:
    signature = key_of_kind(KeyKind.SECP256K1).sign(Algorithm.ES256K_R, DATA)
    for key in (SECP256K1, ACCOUNT):
        for any_s in (False, True):
            changed = signature[:64] + bytes([number])
            assert not is_signed_by(key, changed, DATA, algorithm=Algorithm.ES256K_R, any_s=any_s)


def test_es256k_r_is_over_sha_256_and_not_over_keccak() -> None:
    secret = sha256(b"a key").digest()
    for digest, expected in ((sha256(DATA).digest(), True), (keccak(DATA), False)):
        signature = PrivateKey(secret).sign_msg_hash(digest).to_bytes()
        found = is_signed_by(SECP256K1, signature, DATA, algorithm=Algorithm.ES256K_R)
        assert found is expected


def mirrored(signature: bytes) -> bytes:
    """The other signature of the same: with n - s, and with the other recovery number."""
    s = ORDER - int.from_bytes(signature[32:64])
    return signature[:32] + s.to_bytes(32) + bytes(one ^ 1 for one in signature[64:])


@pytest.mark.parametrize("key", [SECP256K1, ACCOUNT], ids=lambda k: k.kind.value)
@pytest.mark.parametrize("algorithm", [Algorithm.ES256K, Algorithm.ES256K_R])
def test_high_s_is_a_signature_only_where_any_s_will_do(
    key: PublicKey, algorithm: Algorithm
) -> None:
    signature = mirrored(key_of_kind(KeyKind.SECP256K1).sign(algorithm, DATA))
    assert not is_signed_by(key, signature, DATA, algorithm=algorithm)
    assert is_signed_by(key, signature, DATA, algorithm=algorithm, any_s=True)
    assert not is_signed_by(key, signature, DATA + b"!", algorithm=algorithm, any_s=True)


def check_no_signatures(r: int, s: int) -> None:
    """Numbers that are the signature of no key at all."""
    numbers = r.to_bytes(32) + s.to_bytes(32)
    for key in (SECP256K1, ACCOUNT):
        for algorithm, rest in ((Algorithm.ES256K, b""), (Algorithm.ES256K_R, b"\0")):
            for any_s in (False, True):
                given = numbers + rest
                assert not is_signed_by(key, given, DATA, algorithm=algorithm, any_s=any_s)


no_signatures = pytest.mark.parametrize(
    ("r", "s"), [(0, 1), (1, 0), (0, 0), (ORDER, 1), (2**256 - 1, 1), (1, ORDER), (1, 2**256 - 1)]
)


@no_signatures
def test_numbers_beyond_the_order_and_zero_are_no_signature(r: int, s: int) -> None:
    check_no_signatures(r, s)


# -- without coincurve ---------------------------------------------------------------------------


@pytest.fixture
def without_coincurve(monkeypatch: pytest.MonkeyPatch) -> Any:
    """As on a Python for which coincurve has no wheel."""
    monkeypatch.setitem(sys.modules, "coincurve", None)
    signatures._backend.cache_clear()
    yield
    signatures._backend.cache_clear()


@no_signatures
@pytest.mark.usefixtures("without_coincurve")
def test_numbers_beyond_the_order_are_no_signature_without_coincurve(r: int, s: int) -> None:
    check_no_signatures(r, s)


@pytest.mark.usefixtures("without_coincurve")
@pytest.mark.parametrize("key", [SECP256K1, ACCOUNT], ids=lambda k: k.kind.value)
def test_signatures_are_verified_without_coincurve(key: PublicKey) -> None:
    for algorithm in key.algorithms:
        signature = key_of_kind(KeyKind.SECP256K1).sign(algorithm, DATA)
        assert is_signed_by(key, signature, DATA, algorithm=algorithm)
        assert not is_signed_by(key, signature, DATA + b"!", algorithm=algorithm)


numbers = st.integers(0, 2**256 - 1) | st.sampled_from([0, 1, ORDER - 1, ORDER, ORDER + 1])
digests = st.binary(min_size=32, max_size=32)


@settings(max_examples=10, deadline=None)
@given(digests, st.integers(0, 1))
def test_both_ways_to_calculate_agree_about_a_signature(digest: bytes, recovery: int) -> None:
    made = PrivateKey(sha256(b"a key").digest()).sign_msg_hash(digest).to_bytes()
    points = set()
    for backend in (signatures._coincurve_backend(), signatures._plain_backend()):
        assert backend.verify(SECP256K1.data, made[:64], digest)
        assert not backend.verify(SECP256K1.data, made[:64], sha256(digest).digest())
        points.add(backend.recover(made[:64], recovery, digest))
    (point,) = points
    assert (point == b"\4" + POINT) == (recovery == made[64])


@settings(max_examples=15, deadline=None)
@given(digests, st.integers(0, 1), numbers, numbers)
def test_both_ways_to_calculate_agree_about_any_numbers(
    digest: bytes, recovery: int, r: int, s: int
) -> None:
    fast, plain = signatures._coincurve_backend(), signatures._plain_backend()
    given = r.to_bytes(32) + min(s, ORDER // 2).to_bytes(32)
    found = fast.recover(given, recovery, digest)
    assert plain.recover(given, recovery, digest) == found
    key = SECP256K1.data if found is None else bytes([2 + found[-1] % 2]) + found[1:33]
    for backend in (fast, plain):
        assert backend.verify(key, given, digest) is (found is not None)

"""Public keys: how they are read and written, and the check of one signature."""

from __future__ import annotations

import sys
from hashlib import sha256
from typing import Any

import pytest
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.core.base64url import encode_base64url
from ethr_did.core.document import VerificationMethod
from ethr_did.core.keys import X25519_PUB, decompress_secp256k1, format_multibase
from ethr_did.credentials import keys
from ethr_did.credentials.keys import ALGORITHMS, Algorithm, KeyKind, PublicKey, is_signed_by
from ethr_did.errors import InvalidKey
from support.offline import somebody
from support.triangle import key_of_kind

SECP256K1, P256, ED25519 = (
    key_of_kind(kind).public for kind in (KeyKind.SECP256K1, KeyKind.P256, KeyKind.ED25519)
)
ACCOUNT = PublicKey(KeyKind.ACCOUNT, SECP256K1.address or b"")
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
DATA = b"what is signed"
every_curve = pytest.mark.parametrize("key", [SECP256K1, P256, ED25519], ids=lambda k: k.kind.value)


def refused(make: Any, *given: Any) -> InvalidKey:
    """Why it is no key."""
    with pytest.raises(InvalidKey) as caught:
        make(*given)
    return caught.value


# -- keys as values ------------------------------------------------------------------------------


def test_algorithms_follow_from_the_kind() -> None:
    assert {one.kind: one.algorithms for one in (SECP256K1, ACCOUNT, P256, ED25519)} == {
        KeyKind.SECP256K1: (Algorithm.ES256K, Algorithm.ES256K_R),
        KeyKind.ACCOUNT: (Algorithm.ES256K_R, Algorithm.ES256K),
        KeyKind.P256: (Algorithm.ES256,),
        KeyKind.ED25519: (Algorithm.EDDSA,),
    }
    assert {"ES256K", "ES256K-R", "ES256", "EdDSA"} == ALGORITHMS


@pytest.mark.parametrize("kind", KeyKind)
@pytest.mark.parametrize("length", [0, 19, 21, 31, 34, 64, 65])
def test_key_of_another_length_is_refused(kind: KeyKind, length: int) -> None:
    assert f"not {length}" in refused(PublicKey, kind, bytes(length)).message


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        (KeyKind.SECP256K1, b"\4" + bytes(31) + b"\1"),
        (KeyKind.SECP256K1, b"\2" + bytes(31) + b"\5"),
        (KeyKind.P256, b"\4" + P256.data[1:]),
        (KeyKind.P256, b"\0" + P256.data[1:]),
        (KeyKind.P256, b"\2" + bytes(31) + b"\1"),
        # Five, written as more than the prime of the field.
        (KeyKind.P256, b"\2" + (2**256 - 2**224 + 2**192 + 2**96 - 1 + 5).to_bytes(32)),
    ],
)
def test_bytes_that_are_no_point_are_refused(kind: KeyKind, data: bytes) -> None:
    assert "point" in (message := refused(PublicKey, kind, data).message) or "prefix" in message


def test_address_is_that_of_the_key_where_there_is_one() -> None:
    assert SECP256K1.address == ACCOUNT.address == ACCOUNT.data
    assert P256.address is None
    assert ED25519.address is None


def test_account_is_the_same_as_its_key_and_nothing_else_is() -> None:
    other = key_of_kind(KeyKind.SECP256K1, "another").public
    assert SECP256K1.is_same(ACCOUNT)
    assert ACCOUNT.is_same(SECP256K1)
    assert P256.is_same(PublicKey(KeyKind.P256, P256.data))
    assert not ACCOUNT.is_same(other)
    assert not SECP256K1.is_same(other)
    assert not ACCOUNT.is_same(P256)
    assert not P256.is_same(ACCOUNT)


def test_text_is_the_account_or_the_multikey() -> None:
    assert str(ACCOUNT).startswith("0x")
    assert [str(one)[:4] for one in (SECP256K1, P256, ED25519)] == ["zQ3s", "zDna", "z6Mk"]


# -- JWKs ----------------------------------------------------------------------------------------


@every_curve
def test_key_survives_its_jwk(key: PublicKey) -> None:
    assert PublicKey.from_jwk({**key.to_jwk(), "kid": "1", "use": "sig"}) == key


def test_keys_of_the_standards_are_read() -> None:
    # RFC 8037, appendix A.2; RFC 7515, appendix A.3.1.
    ed = {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }
    ec = {
        "kty": "EC",
        "crv": "P-256",
        "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
        "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
    }
    assert (PublicKey.from_jwk(ed).to_jwk(), PublicKey.from_jwk(ec).to_jwk()) == (ed, ec)


def test_account_has_no_jwk_and_no_multikey() -> None:
    fault = refused(ACCOUNT.to_jwk)
    assert f"of the account {ACCOUNT} no key is known" in fault.message
    assert "key add" in fault.hint
    assert "no Multikey" in refused(ACCOUNT.to_multikey).message


@pytest.mark.parametrize("value", [None, "z6Mk", [], 1])
def test_what_is_no_object_is_no_jwk(value: object) -> None:
    assert "not a JWK" in refused(PublicKey.from_jwk, value).message


def test_private_jwk_is_refused_and_not_repeated() -> None:
    fault = refused(PublicKey.from_jwk, {**P256.to_jwk(), "d": "c2VjcmV0"})
    assert "holds a private key" in fault.message
    assert "c2VjcmV0" not in str(fault)


@pytest.mark.parametrize(
    ("kty", "crv"),
    [
        ("EC", "P-384"),
        ("OKP", "X25519"),
        ("OKP", "P-256"),
        ("RSA", None),
        ("oct", None),
        (None, None),
        (["EC"], "P-256"),
        ("EC", {"P-256": 1}),
    ],
)
def test_jwk_of_another_kind_is_refused(kty: object, crv: object) -> None:
    fault = refused(PublicKey.from_jwk, {**P256.to_jwk(), "kty": kty, "crv": crv})
    assert "keys of this kind are not used here" in fault.message
    assert fault.hint == "secp256k1, P-256 and Ed25519 are."


@every_curve
@pytest.mark.parametrize(
    "value", [None, 1, "", "AAAA", encode_base64url(bytes(33)), encode_base64url(bytes(31))]
)
def test_coordinate_of_another_length_is_refused(key: PublicKey, value: object) -> None:
    fault = refused(PublicKey.from_jwk, {**key.to_jwk(), "x": value})
    assert "x of a JWK is not 32 bytes in base64url" in fault.message


@every_curve
def test_coordinate_that_is_no_base64url_is_refused(key: PublicKey) -> None:
    fault = refused(PublicKey.from_jwk, {**key.to_jwk(), "x": key.to_jwk()["x"] + "="})
    assert "x of a JWK is not base64url" in fault.message


@pytest.mark.parametrize("key", [SECP256K1, P256], ids=lambda k: k.kind.value)
def test_coordinates_that_are_of_two_points_are_refused(key: PublicKey) -> None:
    other = key_of_kind(key.kind, "another").public.to_jwk()
    # Of the same parity, so that only the comparison can tell.
    y = int.from_bytes(keys._coordinate(key.to_jwk(), "y")) ^ 2
    for changed in (other["y"], encode_base64url(y.to_bytes(32))):
        fault = refused(PublicKey.from_jwk, {**key.to_jwk(), "y": changed})
        assert "x and y of a JWK are not a point" in fault.message
    assert "y of a JWK" in refused(PublicKey.from_jwk, {**key.to_jwk(), "y": None}).message


# -- Multikeys -----------------------------------------------------------------------------------


@every_curve
def test_key_survives_its_multikey(key: PublicKey) -> None:
    assert PublicKey.from_multikey(key.to_multikey()) == key


@pytest.mark.parametrize(
    "text",
    [format_multibase(bytes(32), X25519_PUB), format_multibase(b"\x12\x00" + bytes(33)), "z"],
)
def test_multikey_of_another_kind_is_refused(text: str) -> None:
    fault = refused(PublicKey.from_multikey, text)
    assert "not a Multikey that is used here" in fault.message
    assert fault.hint == "secp256k1, P-256 and Ed25519 are."


@pytest.mark.parametrize("value", [None, 7, ["z6Mk"]])
def test_what_is_no_text_is_no_multikey(value: object) -> None:
    assert "not a Multikey" in refused(PublicKey.from_multikey, value).message


# -- verification methods ------------------------------------------------------------------------


def method(kind: str, **material: Any) -> VerificationMethod:
    return VerificationMethod(
        id="did:example:1#key", type=kind, controller="did:example:1", material=material
    )


POINT = decompress_secp256k1(SECP256K1.data)
RECOVERY = "EcdsaSecp256k1RecoveryMethod2020"
VERIFICATION = "EcdsaSecp256k1VerificationKey2019"
BASE58_ED25519 = format_multibase(ED25519.data)[1:]
BASE58_SECP256K1 = format_multibase(SECP256K1.data)[1:]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (method("Multikey", publicKeyMultibase=P256.to_multikey()), P256),
        (method("Multikey", publicKeyMultibase=SECP256K1.to_multikey()), SECP256K1),
        (method("Ed25519VerificationKey2020", publicKeyMultibase=ED25519.to_multikey()), ED25519),
        (method("JsonWebKey2020", publicKeyJwk=P256.to_jwk()), P256),
        (method("JsonWebKey", publicKeyJwk=ED25519.to_jwk()), ED25519),
        (method(VERIFICATION, publicKeyJwk=SECP256K1.to_jwk()), SECP256K1),
        (method(RECOVERY, publicKeyJwk=SECP256K1.to_jwk()), SECP256K1),
        (method(VERIFICATION, publicKeyHex=SECP256K1.data.hex()), SECP256K1),
        (method(VERIFICATION, publicKeyHex=POINT.hex().upper()), SECP256K1),
        (method(RECOVERY, publicKeyHex=f"04{POINT.hex()}"), SECP256K1),
        (method("Ed25519VerificationKey2018", publicKeyBase58=BASE58_ED25519), ED25519),
        (method(VERIFICATION, publicKeyBase58=BASE58_SECP256K1), SECP256K1),
        (method(RECOVERY, blockchainAccountId=f"eip155:1:{ACCOUNT}"), ACCOUNT),
        (method(RECOVERY, blockchainAccountId=f"eip155:11155111:{ACCOUNT}".lower()), ACCOUNT),
        (method("Multikey", publicKeyMultibase=P256.to_multikey(), comment="kept"), P256),
    ],
)
def test_key_of_a_verification_method_is_read(
    given: VerificationMethod, expected: PublicKey
) -> None:
    assert PublicKey.from_method(given) == expected


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (method("Multikey"), "holds no keys in known forms"),
        # The form of did:ethr before its version 1.0.
        (method(RECOVERY, ethereumAddress=str(ACCOUNT)), "holds no keys in known forms"),
        (
            method(RECOVERY, publicKeyHex=POINT.hex(), blockchainAccountId=f"eip155:1:{ACCOUNT}"),
            "holds 2 keys in known forms",
        ),
        (method("X25519KeyAgreementKey2020", publicKeyMultibase="z6LS"), "not used for signatures"),
        (
            method("JsonWebKey2020", publicKeyMultibase=P256.to_multikey()),
            "not used for signatures",
        ),
        (method("Multikey", publicKeyHex=SECP256K1.data.hex()), "not used for signatures"),
        (
            method(VERIFICATION, blockchainAccountId=f"eip155:1:{ACCOUNT}"),
            "not used for signatures",
        ),
        (method(VERIFICATION, publicKeyJwk=P256.to_jwk()), "the key is P-256, its type another"),
        (
            method("Ed25519VerificationKey2020", publicKeyMultibase=P256.to_multikey()),
            "the key is P-256, its type another",
        ),
        (
            method("Ed25519VerificationKey2018", publicKeyBase58=BASE58_SECP256K1),
            "the key is secp256k1, its type another",
        ),
        (
            method(VERIFICATION, publicKeyBase58=BASE58_ED25519),
            "the key is Ed25519, its type another",
        ),
        (method(VERIFICATION, publicKeyBase58=7), "33 bytes, not 0"),
        (method(VERIFICATION, publicKeyBase58="0OIl"), "not multibase"),
        (method(VERIFICATION, publicKeyHex=f"0x{POINT.hex()}"), "not a public key in hex"),
        (method(VERIFICATION, publicKeyHex=SECP256K1.data.hex()[1:]), "not a public key in hex"),
        (method(VERIFICATION, publicKeyHex=[POINT.hex()]), "not a public key in hex"),
        (method(VERIFICATION, publicKeyHex="06" + POINT.hex()), "prefix 06"),
        (method(RECOVERY, blockchainAccountId=f"{ACCOUNT}@eip155:1"), "not an account"),
        (method(RECOVERY, blockchainAccountId=f"eip155:0:{ACCOUNT}"), "not an account"),
        (method(RECOVERY, blockchainAccountId=f"eip155:1:{ACCOUNT}\n"), "not an account"),
        (method(RECOVERY, blockchainAccountId={"eip155": 1}), "not an account"),
        (
            method(RECOVERY, blockchainAccountId="eip155:1:0x" + str(ACCOUNT)[2:].swapcase()),
            "checksum",
        ),
        (method("JsonWebKey2020", publicKeyJwk="EC"), "not a JWK"),
        (method("JsonWebKey2020", publicKeyJwk={"kty": ["EC"]}), "keys of this kind"),
        (method("JsonWebKey2020", publicKeyJwk={**P256.to_jwk(), "x": 5}), "x of a JWK"),
        (method("JsonWebKey2020", publicKeyJwk={**P256.to_jwk(), "d": "AA"}), "private key"),
    ],
)
def test_verification_method_without_one_good_key_is_refused(
    given: VerificationMethod, fault: str
) -> None:
    message = refused(PublicKey.from_method, given).message
    assert fault in message
    assert given.id in message


# -- signatures ----------------------------------------------------------------------------------

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
    keys._backend.cache_clear()
    yield
    keys._backend.cache_clear()


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
    for backend in (keys._coincurve_backend(), keys._plain_backend()):
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
    fast, plain = keys._coincurve_backend(), keys._plain_backend()
    given = r.to_bytes(32) + min(s, ORDER // 2).to_bytes(32)
    found = fast.recover(given, recovery, digest)
    assert plain.recover(given, recovery, digest) == found
    key = SECP256K1.data if found is None else bytes([2 + found[-1] % 2]) + found[1:33]
    for backend in (fast, plain):
        assert backend.verify(key, given, digest) is (found is not None)

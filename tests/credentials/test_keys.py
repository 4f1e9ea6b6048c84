"""Public keys: how they are read and written."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.core.base64url import encode_base64url
from ethr_did.core.document import VerificationMethod
from ethr_did.core.keys import X25519_PUB, decompress_secp256k1, format_multibase
from ethr_did.credentials import keys
from ethr_did.credentials.keys import ALGORITHMS, Algorithm, KeyKind, PublicKey
from ethr_did.errors import InvalidKey
from support.triangle import key_of_kind

SECP256K1, P256, ED25519 = (
    key_of_kind(kind).public for kind in (KeyKind.SECP256K1, KeyKind.P256, KeyKind.ED25519)
)
ACCOUNT = PublicKey(KeyKind.ACCOUNT, SECP256K1.address or b"")
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

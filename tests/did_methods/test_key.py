"""did:key."""

from __future__ import annotations

from typing import Any

import base58
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from ethr_did.core.base64url import encode_base64url
from ethr_did.core.keys import (
    ED25519_PUB,
    P256_PUB,
    SECP256K1_PUB,
    format_multibase,
    parse_multibase,
)
from ethr_did.did_methods.key import resolve_key
from ethr_did.errors import InvalidDID, InvalidKey
from support.vectors import load_vectors, vectors

PREFIXES = {"Ed25519": ED25519_PUB, "P-256": P256_PUB, "secp256k1": SECP256K1_PUB}
EXAMPLE = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK"


def raw_key(vector: dict[str, Any]) -> bytes:
    """The key that a vector names by other words than its multibase."""
    if "base58" in vector:
        return base58.b58decode(vector["base58"])
    return parse_multibase(vector["did"].rpartition(":")[2])[2:]


@vectors("did_methods", "key")
def test_document_has_the_key_and_what_it_is_for(vector: dict[str, Any]) -> None:
    did = vector["did"]
    multikey = did.removeprefix("did:key:")
    method = f"{did}#{multikey}"
    assert resolve_key(did).to_dict() == {
        "@context": ["https://www.w3.org/ns/did/v1", "https://w3id.org/security/multikey/v1"],
        "id": did,
        "verificationMethod": [
            {
                "id": method,
                "type": "Multikey",
                "controller": did,
                "publicKeyMultibase": format_multibase(raw_key(vector), PREFIXES[vector["curve"]]),
            }
        ],
        "authentication": [method],
        "assertionMethod": [method],
        "capabilityInvocation": [method],
        "capabilityDelegation": [method],
    }


@pytest.mark.parametrize(
    "vector", [v for v in load_vectors("did_methods", "key") if "x" in v], ids=lambda v: v["id"]
)
def test_p256_key_is_the_published_point(vector: dict[str, Any]) -> None:
    method = resolve_key(vector["did"]).verification_method[0]
    data = parse_multibase(method.material["publicKeyMultibase"])[2:]
    point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), data).public_numbers()
    found = [encode_base64url(number.to_bytes(32)) for number in (point.x, point.y)]
    assert found == [vector["x"], vector["y"]]


@vectors("did_methods", "key-unused")
def test_other_kinds_of_keys_are_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidDID, match="not a key of a kind that is used here") as caught:
        resolve_key(vector["did"])
    assert caught.value.hint == "secp256k1, P-256 and Ed25519 are."
    assert isinstance(caught.value.__cause__, InvalidKey)


@pytest.mark.parametrize(
    ("key", "words"),
    [
        (ED25519_PUB + bytes(31), "a key of Ed25519 has 32 bytes here, not 31"),
        (ED25519_PUB + bytes(33), "a key of Ed25519 has 32 bytes here, not 33"),
        (SECP256K1_PUB + b"\4" + bytes(64), "a key of secp256k1 has 33 bytes here, not 65"),
        (P256_PUB, "a key of P-256 has 33 bytes here, not 0"),
        (SECP256K1_PUB + b"\2" + bytes(31) + b"\5", "not a point of secp256k1"),
        (P256_PUB + b"\2" + b"\xff" * 32, "not a public key of P-256"),
        (ED25519_PUB + b"\2" + bytes(31), "not a public key of Ed25519"),
        # A varint has one spelling.
        (b"\xed\x81\x00" + bytes(32), "multicodec 0xed81"),
        (b"", "multicodec 0x"),
    ],
)
def test_bytes_that_are_no_key_are_refused(key: bytes, words: str) -> None:
    did = "did:key:" + format_multibase(key)
    with pytest.raises(InvalidDID, match=words) as caught:
        resolve_key(did)
    assert did[:60] in caught.value.message


@pytest.mark.parametrize(
    "did",
    [
        "did:key:6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "did:key:1:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK",
        "did:key:zO",
        "did:key:uAAAA",
        "did:key:z%41",
    ],
)
def test_text_that_is_no_multibase_is_refused(did: str) -> None:
    with pytest.raises(InvalidDID, match="not multibase in base58btc"):
        resolve_key(did)


@pytest.mark.parametrize("did", [f"{EXAMPLE}#z6Mk", EXAMPLE.replace("key", "jwk"), "key", ""])
def test_what_is_no_did_key_is_refused(did: str) -> None:
    with pytest.raises(InvalidDID):
        resolve_key(did)

"""did:jwk."""

from __future__ import annotations

import base64
import json
import traceback
from typing import Any

import pytest

from ethr_did.did_methods.jwk import resolve_jwk
from ethr_did.errors import InvalidDID
from support.vectors import load_vectors, vectors

# RFC 8037, appendix A.2
ED25519 = {
    "kty": "OKP",
    "crv": "Ed25519",
    "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
}
P256 = load_vectors("did_methods", "jwk")[0]["document"]["verificationMethod"][0]["publicKeyJwk"]
_SECP256K1 = load_vectors("keys", "secp256k1")[0]
SECP256K1 = {"kty": "EC", "crv": "secp256k1", "x": _SECP256K1["x"], "y": _SECP256K1["y"]}
SIGNING = {"authentication", "assertionMethod", "capabilityInvocation", "capabilityDelegation"}


def did_of(jwk: object) -> str:
    """The did:jwk of JSON, or of bytes that may be none."""
    data = jwk if isinstance(jwk, bytes) else json.dumps(jwk).encode()
    return "did:jwk:" + base64.urlsafe_b64encode(data).decode().rstrip("=")


def refusal(did: str) -> InvalidDID:
    with pytest.raises(InvalidDID) as caught:
        resolve_jwk(did)
    return caught.value


@vectors("did_methods", "jwk")
def test_document_is_that_of_the_specification(vector: dict[str, Any]) -> None:
    assert resolve_jwk(vector["did"]).to_dict() == vector["document"]


@pytest.mark.parametrize("jwk", [P256, SECP256K1, ED25519], ids=lambda jwk: jwk["crv"])
def test_key_is_for_everything_unless_it_says_otherwise(jwk: dict[str, Any]) -> None:
    did = did_of(jwk)
    document = resolve_jwk(did).to_dict()
    assert {name for name in document if document[name] == [f"{did}#0"]} == {
        *SIGNING,
        "keyAgreement",
    }
    assert document["verificationMethod"][0]["publicKeyJwk"] == jwk


@pytest.mark.parametrize(("use", "purposes"), [("sig", SIGNING), ("enc", {"keyAgreement"})])
def test_use_decides_what_the_key_is_for(use: str, purposes: set[str]) -> None:
    did = did_of({**P256, "use": use})
    document = resolve_jwk(did).to_dict()
    assert {name for name in document if document[name] == [f"{did}#0"]} == purposes


@pytest.mark.parametrize("use", ["", "Sig", "tls", None, 1, ["sig"], {}])
def test_another_use_is_refused(use: object) -> None:
    assert "use is neither sig nor enc" in refusal(did_of({**P256, "use": use})).message


def test_further_members_are_kept_and_change_nothing() -> None:
    jwk = {**SECP256K1, "kid": "other", "alg": "ES256K", "https://a.example/b": [1]}
    method = resolve_jwk(did_of(jwk)).verification_method[0]
    assert method.id == did_of(jwk) + "#0"
    assert method.material == {"publicKeyJwk": jwk}


# -- secrets -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["d", "dp", "dq", "k", "oth", "p", "priv", "q", "qi"])
@pytest.mark.parametrize("value", ["secret", "", None], ids=str)
def test_private_key_is_refused(name: str, value: object) -> None:
    error = refusal(did_of({**ED25519, name: value}))
    assert "holds a private or symmetric key" in error.message
    assert "must not be used any more" in error.hint


@pytest.mark.parametrize(
    "jwk",
    [
        {"d": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A", **ED25519},
        b'{"d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"',
        b'"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"',
        {"kty": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"},
        {**ED25519, "x": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A!"},
        {**ED25519, "use": "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"},
        {**P256, "x": P256["y"]},
    ],
)
def test_no_error_repeats_what_may_be_secret(jwk: object) -> None:
    did = did_of(jwk)
    error = refusal(did)
    said = "".join(traceback.format_exception(error)) + repr(error.to_dict())
    assert "nWGxne" not in said
    assert did[8:20] not in said
    assert P256["y"][:6] not in said


# -- other refusals ------------------------------------------------------------------------------


@vectors("did_methods", "jwk-unused")
def test_key_that_signs_nothing_is_refused(vector: dict[str, Any]) -> None:
    error = refusal(vector["did"])
    assert "a kind that is not used here" in error.message
    assert "Ed25519" in error.hint


@pytest.mark.parametrize(
    "jwk",
    [
        {},
        {"kty": "EC"},
        {"kty": "RSA", "n": "AQAB", "e": "AQAB"},
        {"kty": "oct"},
        {**P256, "crv": "P-384"},
        {**P256, "kty": "OKP"},
        {**ED25519, "kty": "EC"},
        {**ED25519, "crv": "X25519"},
        {**P256, "kty": ["EC"]},
        {**P256, "kty": "ec"},
        {**P256, "crv": None},
    ],
)
def test_other_kinds_of_keys_are_refused(jwk: dict[str, Any]) -> None:
    assert "a kind that is not used here" in refusal(did_of(jwk)).message


@pytest.mark.parametrize("name", ["x", "y"])
@pytest.mark.parametrize(
    "value", [None, 7, "", "AA", "A" * 44, P256["x"] + "=", P256["x"] + " ", "+" * 43]
)
def test_coordinate_is_32_bytes_in_base64url(name: str, value: object) -> None:
    error = refusal(did_of({**P256, name: value}))
    assert error.message == f"{name} of a did:jwk is not 32 bytes in base64url"


@pytest.mark.parametrize("missing", ["x", "y"])
def test_coordinate_must_be_there(missing: str) -> None:
    jwk = {name: value for name, value in P256.items() if name != missing}
    assert f"{missing} of a did:jwk" in refusal(did_of(jwk)).message


@pytest.mark.parametrize(
    "jwk",
    [
        {**P256, "y": P256["x"]},
        {**SECP256K1, "crv": "P-256"},
        {**P256, "crv": "secp256k1"},
        {**ED25519, "x": "Ag" + "A" * 41},
    ],
)
def test_key_that_is_not_on_its_curve_is_refused(jwk: dict[str, Any]) -> None:
    assert refusal(did_of(jwk)).message == f"a did:jwk whose key is not on {jwk['crv']}"


def test_key_of_ed25519_has_no_y() -> None:
    assert "with a y" in refusal(did_of({**ED25519, "y": ED25519["x"]})).message


@pytest.mark.parametrize(
    "did",
    [
        did_of(b""),
        did_of(b"[]"),
        did_of(b"null"),
        did_of(b"\xff"),
        did_of(b'{"kty":"OKP","kty":"EC"}'),
        did_of(b"{} {}"),
        did_of(b"[" * 1000),
        did_of(ED25519) + "A",
        did_of(ED25519)[:-1],
        "did:jwk:e30.",
        "did:jwk:e30%3D",
        "did:jwk:e31",  # {} with a spare bit
        "did:jwk:e30:e30",
    ],
    ids=lambda did: did[:24],
)
def test_what_is_no_json_object_in_base64url_is_refused(did: str) -> None:
    with pytest.raises(InvalidDID):
        resolve_jwk(did)


def test_longest_did_is_bounded() -> None:
    assert "not a DID" in refusal(did_of({**ED25519, "a": "a" * 4096})).message

"""Tokens that others publish: which are accepted, and for each of the others why it is not.

What is signed well and refused all the same marks where this implementation is narrower than the
source: issuers are DIDs, ``kid`` is a DID URL, times are numbers, and a key is listed for its
purpose.
"""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.core.document import DIDDocument, VerificationMethod
from ethr_did.credentials.jose import check_signature, parse_token
from ethr_did.credentials.keys import PublicKey
from ethr_did.credentials.policy import HolderRule, Policy
from ethr_did.credentials.report import CheckName, Outcome, Report, Verdict
from ethr_did.errors import InvalidCredential, InvalidKey
from support.offline import Documents, check_of, verifier
from support.vectors import load_vectors, vectors

VECTORS = load_vectors("vc_jwt_embedded")
HOLDERS_ASIDE = Policy(unbound=True, holder=HolderRule.ANYBODY)


def vector_of(id_: str) -> dict[str, Any]:
    (found,) = [one for one in VECTORS if one["id"] == id_]
    return found


def method_in(vector: dict[str, Any]) -> VerificationMethod:
    """The method that made the signature, in the form that DID documents have today."""
    given = dict(vector["verificationMethod"])
    if "ethereumAddress" in given:
        # Until 2020 did:ethr wrote the address so; CAIP-10 accounts have taken its place.
        given["blockchainAccountId"] = f"eip155:1:{given.pop('ethereumAddress')}"
    return VerificationMethod.from_dict(given)


def legacy(vector: dict[str, Any]) -> DIDDocument:
    """The document as the source has it: before DID Core 1.0 keys stood in ``publicKey``."""
    return DIDDocument.from_dict(vector["didDocument"])


def modern(vector: dict[str, Any]) -> DIDDocument:
    """The same document as resolvers make it today."""
    document = legacy(vector)
    if "publicKey" not in document.extra:
        return document
    method = method_in(vector)
    return DIDDocument(
        id=document.id,
        verification_method=(method,),
        assertion_method=(method.id,),
        authentication=(method.id,),
    )


def judged(
    vector: dict[str, Any], *documents: DIDDocument, policy: Policy = HOLDERS_ASIDE
) -> Report:
    """What is said about a vector by whoever has these documents."""
    now = vector.get("now", 1_700_000_000)
    return verifier(Documents(*documents), now=now).verify(vector["jwt"], policy)


def faults(report: Report) -> set[tuple[str, str]]:
    """The checks that did not pass, with their codes."""
    bad = (Outcome.FAILED, Outcome.UNDETERMINED)
    return {(one.name.value, one.code) for one in report.all_checks if one.outcome in bad}


# -- accepted ------------------------------------------------------------------------------------


@pytest.mark.parametrize("id_", ["vc-es256k-r", "vc-eddsa-did-key", "vc-eddsa-did-peer"])
def test_credential_of_1_1_is_verified(id_: str) -> None:
    vector = vector_of(id_)
    report = judged(vector, modern(vector))
    assert report.verdict is Verdict.VALID, report.to_dict()
    (credential,) = report.credentials
    assert credential.format == "jwt_vc"
    assert credential.issuer == vector["payload"]["iss"]
    assert check_of(report, CheckName.SIGNATURE).outcome is Outcome.PASSED


def test_presentation_of_1_1_is_verified_together_with_its_credential() -> None:
    # The presentation spells the DID with the checksum, the credential without.
    vp, vc = vector_of("vp-es256k-r"), vector_of("vc-es256k-r")
    report = judged(vp, modern(vp), modern(vc))
    assert report.verdict is Verdict.VALID, report.to_dict()
    assert report.holder == vp["payload"]["iss"]
    # Its credential is about somebody else: did-jwt-vc does not look.
    strict = judged(vp, modern(vp), modern(vc), policy=Policy(unbound=True))
    assert faults(strict) == {("holder", "holder_mismatch")}


@pytest.mark.parametrize("id_", ["vc-es256k-r", "vp-es256k-r", "vc-eddsa-did-key"])
def test_document_of_before_did_core_has_no_keys(id_: str) -> None:
    vector = vector_of(id_)
    inner = [modern(vector_of("vc-es256k-r"))] if id_.startswith("vp") else []
    report = judged(vector, legacy(vector), *inner)
    assert faults(report) == {("key", "key_missing")}


# -- refused -------------------------------------------------------------------------------------


REFUSED = {
    # No credentials: plain tokens, and what came before credentials.
    "vc-legacy-attestation": "typ of the token is 'jwt', not vc+jwt",
    "not-a-credential": "typ of the token is 'jwt', not vc+jwt",
    "not-a-jwt": "not a token",
    "vp-wrong-type": "type does not name VerifiablePresentation",
    # Issuers that are no DIDs. Their kid is a thumbprint, and iat a date: each would be enough.
    "jose-es256": "issuer is not a DID",
    "jose-eddsa": "issuer is not a DID",
    "jose-bad-signature": "issuer is not a DID",
    "draft-vc-1-1": "issuer is not a DID",
    "jose-bad-media-type": "typ of the token is 'bad+typ', not vc+jwt",
    "jose-vc-vp-claims": "the claim vp is not an object",
    "jose-presentation-bad-credential": "holder is not a DID",
    # Curves that are not used here.
    "jose-es512": "alg 'ES512' is not accepted",
    "jose-presentation": "alg 'ES384' is not accepted",
    "sd-jwt-es384": "alg 'ES384' is not accepted",
    "sd-jwt-es512-nested": "alg 'ES512' is not accepted",
    "sd-jwt-bad-signature": "alg 'ES384' is not accepted",
    "sd-jwt-bad-media-type": "typ of the token is 'bad+typ', not dc+sd-jwt",
    # Drafts.
    "draft-vc-ld-jwt": "typ of the token is 'vc+ld+jwt', not vc+jwt",
    "draft-vp-ld-jwt": "typ of the token is 'vp+ld+jwt', not vc+jwt",
}


@pytest.mark.parametrize("id_", REFUSED)
def test_token_of_another_kind_is_refused(id_: str) -> None:
    report = judged(vector_of(id_))
    assert faults(report) == {("format", "malformed")}
    assert REFUSED[id_] in check_of(report, CheckName.FORMAT).message


@pytest.mark.parametrize(
    ("id_", "name", "expected"),
    [("vp-challenge-missing", "nonce", "challenge"), ("vp-domain-missing", "audience", "domain")],
)
def test_presentation_without_what_was_asked_for_is_refused(
    id_: str, name: str, expected: str
) -> None:
    vector = vector_of(id_)
    policy = Policy(holder=HolderRule.ANYBODY, **{name: vector["options"][expected]})
    report = judged(vector, modern(vector), modern(vector_of("vc-es256k-r")), policy=policy)
    other = {"nonce": "audience", "audience": "nonce"}[name]
    assert faults(report) == {(name, f"{name}_mismatch"), (other, f"{other}_unknown")}


@vectors("vc_jwt_embedded")
def test_what_is_not_signed_well_is_never_valid(vector: dict[str, Any]) -> None:
    known = [DIDDocument.from_dict(vector["didDocument"])] if vector.get("didDocument") else []
    is_valid = judged(vector, *known).is_valid
    assert vector["signatureValid"] or not is_valid
    # Nor is anything that its source expects to be refused.
    assert vector["valid"] or not is_valid


def test_every_vector_has_its_test() -> None:
    accepted = {"vc-es256k-r", "vc-eddsa-did-key", "vc-eddsa-did-peer", "vp-es256k-r"}
    asked = {"vp-challenge-missing", "vp-domain-missing"}
    tokens = {one["id"] for one in VECTORS if one["kind"] == "token"}
    assert {one["id"] for one in VECTORS} == accepted | asked | tokens | set(REFUSED)


# -- signatures alone ----------------------------------------------------------------------------

USABLE = [
    one
    for one in VECTORS
    if (
        one.get("header", {}).get("alg") in ("ES256K", "ES256K-R", "ES256", "EdDSA")
        and "publicKeyHex" not in one["verificationMethod"]
    )
    or one["id"].startswith("jwt-es256k")
]


@pytest.mark.parametrize("vector", USABLE, ids=[one["id"] for one in USABLE])
def test_signature_is_good_where_the_source_says_so(vector: dict[str, Any]) -> None:
    token = parse_token(vector["jwt"].partition("~")[0])
    assert (token.header, token.claims) == (vector["header"], vector["payload"])
    key = PublicKey.from_method(method_in(vector))
    if vector["signatureValid"]:
        check_signature(token, key, any_s=True)
    else:
        with pytest.raises(InvalidCredential, match="not that of the key"):
            check_signature(token, key, any_s=True)


def test_older_signatures_have_the_high_s_as_often_as_the_low_one() -> None:
    # Of 2018 and 2019: why tokens of 1.1 are read with either.
    high = []
    for vector in USABLE:
        token = parse_token(vector["jwt"].partition("~")[0])
        try:
            check_signature(token, PublicKey.from_method(method_in(vector)))
        except InvalidCredential:
            high.append(vector["id"])
    assert {"vc-es256k-r", "vp-es256k-r", "jwt-es256k"} < set(high)


@pytest.mark.parametrize(
    ("id_", "fault"),
    [
        ("jwt-es256", "'EcdsaSecp256r1VerificationKey2019' with publicKeyHex is not used"),
        ("jose-es512", "keys of this kind are not used here: 'EC', 'P-521'"),
        ("sd-jwt-es384", "keys of this kind are not used here: 'EC', 'P-384'"),
    ],
)
def test_key_of_another_form_or_curve_is_refused(id_: str, fault: str) -> None:
    with pytest.raises(InvalidKey) as caught:
        PublicKey.from_method(method_in(vector_of(id_)))
    assert fault in caught.value.message

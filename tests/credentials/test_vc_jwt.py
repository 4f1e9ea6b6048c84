"""Credentials as JWTs: of the Data Model 2.0 signed and read, of 1.1 read."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.core.base64url import encode_base64url
from ethr_did.credentials.credential import Credential, CredentialFormat
from ethr_did.credentials.data_model import CONTEXT_1, CONTEXT_2
from ethr_did.credentials.jose import parse_token, sign_token
from ethr_did.credentials.keys import Algorithm, KeyKind
from ethr_did.credentials.vc_jwt import claim_window, read_vc_jwt, sign_vc_jwt
from ethr_did.errors import InvalidCredential, SignerError
from support.offline import NOW, credential_document, somebody, vc_jwt
from support.signed_documents import DELETE, changed

ISSUER = somebody("issuer", KeyKind.SECP256K1)
STUDENT = "did:example:student"
DOCUMENT = credential_document(ISSUER.did)
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
OLD: dict[str, Any] = {
    "@context": [CONTEXT_1],
    "type": ["VerifiableCredential", "Degree"],
    "credentialSubject": {"degree": "Law"},
}


def token(claims: Any, **header: Any) -> str:
    """A token of the issuer that says anything."""
    given = {"alg": "ES256K", "typ": "vc+jwt", "kid": ISSUER.method_id, **header}
    made = {name: value for name, value in given.items() if value is not DELETE}
    return sign_token(made, claims, ISSUER.key)


def old(vc: Any = OLD, *, header: Any = None, **claims: Any) -> str:
    """A token of the Data Model 1.1, as did-jwt-vc writes it."""
    given = {"iss": ISSUER.did, "sub": STUDENT, "nbf": NOW, "vc": vc, **claims}
    made = {name: value for name, value in given.items() if value is not DELETE}
    return token(made, **{"typ": "JWT", "kid": DELETE, **(header or {})})


def read(text: str) -> Credential:
    return read_vc_jwt(text)


def refused(text: str) -> str:
    """Why it is no credential."""
    with pytest.raises(InvalidCredential) as caught:
        read_vc_jwt(text)
    return caught.value.message


# -- 2.0, signed ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KeyKind)
def test_credential_is_read_as_it_was_signed(kind: KeyKind) -> None:
    issuer = somebody("issuer", kind)
    found = read(vc_jwt(issuer))
    assert found.format is CredentialFormat.VC_JWT
    assert (found.claims, found.issuer) == (credential_document(issuer.did), issuer.did)
    assert found.types == ("VerifiableCredential", "DegreeCredential")
    assert found.subjects == (STUDENT,)
    assert (found.valid_from, found.valid_until) == (NOW, 1_798_761_600)
    assert (found.proof.algorithm, found.proof.method_id) == (issuer.algorithm, issuer.method_id)
    found.proof.check(issuer.key.public)
    assert found.secured == str(found.raw).encode()


def test_header_is_what_the_standard_wants() -> None:
    header = parse_token(vc_jwt(ISSUER)).header
    assert header == {"alg": "ES256K", "typ": "vc+jwt", "kid": ISSUER.method_id}


def test_key_may_be_named_by_its_fragment() -> None:
    text = sign_vc_jwt(DOCUMENT, ISSUER.key, algorithm=Algorithm.ES256K, method_id="#key")
    assert parse_token(text).kid == ISSUER.method_id


def test_key_of_another_did_is_not_used() -> None:
    with pytest.raises(InvalidCredential, match="is not a key of"):
        sign_vc_jwt(DOCUMENT, ISSUER.key, algorithm=Algorithm.ES256K, method_id=f"{STUDENT}#key")


def test_algorithm_of_another_key_is_not_used() -> None:
    with pytest.raises(SignerError, match="does not sign with ES256"):
        sign_vc_jwt(DOCUMENT, ISSUER.key, algorithm=Algorithm.ES256, method_id=ISSUER.method_id)


@pytest.mark.parametrize(
    ("members", "fault"),
    [
        ({"exp": "2027-01-01T00:00:00Z"}, "exp is not a number of seconds"),
        ({"vp": {}}, "the claim vp has no place"),
        ({"vc": {**OLD, "issuanceDate": "2026-01-01T00:00:00Z"}}, "the claim vc has no place"),
        ({"cnf": "#key"}, "cnf is not an object"),
        ({"sub": ISSUER.did}, "sub is"),
        ({"credentialStatus": [{}] * 33}, "33 status entries"),
    ],
)
def test_what_nobody_would_read_is_not_given_out(members: dict[str, Any], fault: str) -> None:
    with pytest.raises(InvalidCredential) as caught:
        vc_jwt(ISSUER, **members)
    assert fault in caught.value.message


def test_what_is_no_credential_is_not_signed() -> None:
    homeless = {**DOCUMENT, "issuer": "https://university.example"}
    with pytest.raises(InvalidCredential, match="issuer is not a DID"):
        sign_vc_jwt(homeless, ISSUER.key, **ISSUER.signing)
    old_document = {**DOCUMENT, "@context": [CONTEXT_1], "issuanceDate": "2026-01-01T00:00:00Z"}
    with pytest.raises(InvalidCredential, match=r"1\.1 are read, and not issued"):
        sign_vc_jwt(old_document, ISSUER.key, **ISSUER.signing)
    with pytest.raises(InvalidCredential, match="at most 300 are read"):
        sign_vc_jwt(DOCUMENT, ISSUER.key, **ISSUER.signing, most=300)


# -- 2.0, read -----------------------------------------------------------------------------------


def test_claims_of_the_token_say_what_the_credential_says() -> None:
    same = {"iss": ISSUER.did, "sub": STUDENT, "jti": DOCUMENT["id"]}
    assert read(token({**DOCUMENT, **same})).issuer == ISSUER.did


@pytest.mark.parametrize(
    ("claim", "value"),
    [
        *(("iss", STUDENT), ("iss", None), ("iss", {"id": ISSUER.did})),
        *(("sub", ISSUER.did), ("sub", None), ("jti", "urn:uuid:other"), ("jti", 7)),
    ],
)
def test_claim_that_says_something_else_is_refused(claim: str, value: object) -> None:
    assert f"{claim} is {value!r}, and the credential says" in refused(
        token({**DOCUMENT, claim: value})
    )


def test_sub_is_that_of_the_only_subject() -> None:
    several = {**DOCUMENT, "credentialSubject": [{"id": STUDENT}, {"id": "did:example:2"}]}
    assert read(token(several)).subjects == (STUDENT, "did:example:2")
    assert "sub is" in refused(token({**several, "sub": STUDENT}))
    nameless = changed(DOCUMENT, ("credentialSubject", "id"), DELETE)
    assert read(token(nameless)).subjects == ()
    assert "sub is" in refused(token({**nameless, "sub": STUDENT}))


def test_jti_without_an_id_is_refused() -> None:
    assert "jti is" in refused(token({**changed(DOCUMENT, ("id",), DELETE), "jti": "urn:1"}))


@pytest.mark.parametrize(
    "typ", [DELETE, "JWT", "vp+jwt", "dc+sd-jwt", "kb+jwt", "vc+ld+jwt", "vc+sd-jwt"]
)
def test_type_of_something_else_is_refused(typ: object) -> None:
    assert "typ of the token is" in (message := refused(token(DOCUMENT, typ=typ)))
    assert message.endswith("not vc+jwt")


def test_type_may_be_written_as_a_whole_media_type() -> None:
    assert read(token(DOCUMENT, typ="application/VC+JWT")).issuer == ISSUER.did


@pytest.mark.parametrize(
    "kid", [DELETE, "73voMXFNmNlOEpuYCSJlh8eN0dscykoO6gBukgRS1uU", "key", ISSUER.did]
)
def test_kid_that_is_no_did_url_is_refused(kid: object) -> None:
    # A thumbprint names a key, and says nothing about whose it is.
    assert "names no verification method" in refused(token(DOCUMENT, kid=kid))


@pytest.mark.parametrize("kid", [f"{STUDENT}#key", "#", f"{ISSUER.did}#"])
def test_kid_of_somebody_else_is_refused(kid: str) -> None:
    assert "is not a key of" in refused(token(DOCUMENT, kid=kid))


@pytest.mark.parametrize("name", ["iat", "nbf", "exp"])
@pytest.mark.parametrize(
    "value", ["2010-01-01T19:23:24Z", "1", None, True, [1], -1, 2**53, -0.5, 1e300]
)
def test_time_that_is_no_number_of_seconds_is_refused(name: str, value: object) -> None:
    assert f"{name} is not a number of seconds" in refused(token({**DOCUMENT, name: value}))


def test_claim_vp_has_no_place_in_a_credential() -> None:
    assert "the claim vp has no place" in refused(token({**DOCUMENT, "vp": {}}))


def test_credential_of_1_1_stands_in_the_claim_vc() -> None:
    document = {**DOCUMENT, "@context": [CONTEXT_1], "issuanceDate": "2026-01-01T00:00:00Z"}
    assert "stands in the claim vc" in refused(token(document))


@pytest.mark.parametrize("value", ["#key", [], 7, False])
def test_confirmation_is_an_object(value: object) -> None:
    assert "cnf is not an object" in refused(token({**DOCUMENT, "cnf": value}))
    given = {"jwk": ISSUER.key.public.to_jwk()}
    assert read(token({**DOCUMENT, "cnf": given})).confirmation == given
    assert read(token({**DOCUMENT, "cnf": None})).confirmation is None


@pytest.mark.parametrize("count", [32, 33])
def test_status_entries_of_a_token_are_not_many(count: int) -> None:
    # One of them is the entry of a Token Status List, which stands beside the others.
    status = {"credentialStatus": [{"id": "urn:1"}] * (count - 1), "status": {"status_list": {}}}
    text = token({**DOCUMENT, **status})
    if count == 32:
        assert len(read(text).status) == 32
    else:
        assert "33 status entries; at most 32 are read" in refused(text)


# -- windows -------------------------------------------------------------------------------------


def test_window_is_the_narrower_of_both() -> None:
    # The document: from NOW to 1_798_761_600, that second included.
    end = 1_798_761_600
    for claims, expected in (
        ({}, (NOW, end)),
        ({"nbf": NOW - 1, "exp": end + 2}, (NOW, end)),
        ({"nbf": NOW + 1, "exp": end + 1}, (NOW + 1, end)),
        ({"nbf": NOW + 0.5, "exp": end}, (NOW + 1, end - 1)),
    ):
        found = read(token({**DOCUMENT, **claims}))
        assert (found.valid_from, found.valid_until) == expected


def test_window_of_the_token_counts_where_the_document_has_none() -> None:
    bare = changed(changed(DOCUMENT, ("validFrom",), DELETE), ("validUntil",), DELETE)
    found = read(token({**bare, "nbf": 5, "exp": 9, "iat": 7.9}))
    assert (found.valid_from, found.valid_until, found.issued_at) == (5, 8, 7)
    found = read(token(bare))
    assert (found.valid_from, found.valid_until, found.issued_at) == (None, None, None)


def test_fractions_of_a_second_narrow_the_window() -> None:
    assert claim_window({"nbf": 10.1, "exp": 20.9, "iat": 10.9}) == (11, 20, 10)
    assert claim_window({"nbf": 10, "exp": 20}) == (10, 19, None)
    assert claim_window({}) == (None, None, None)


# -- 1.1 -----------------------------------------------------------------------------------------


def test_credential_of_1_1_has_the_claims_of_its_token_in_it() -> None:
    found = read(old(jti="urn:uuid:1", exp=NOW + 10, iat=NOW - 5))
    assert found.format is CredentialFormat.VC_JWT_1
    assert found.claims == {
        **OLD,
        "issuer": ISSUER.did,
        "id": "urn:uuid:1",
        "issuanceDate": "2026-01-01T00:00:00Z",
        "credentialSubject": {"id": STUDENT, "degree": "Law"},
    }
    assert (found.issuer, found.subjects) == (ISSUER.did, (STUDENT,))
    assert (found.valid_from, found.valid_until, found.issued_at) == (NOW, NOW + 9, NOW - 5)
    assert found.proof.method_id is None
    found.proof.check(ISSUER.key.public)


def test_what_stands_twice_in_1_1_is_the_same() -> None:
    whole = {
        **OLD,
        "issuer": ISSUER.did,
        "id": "urn:uuid:1",
        "issuanceDate": "2026-01-01T00:00:00Z",
        "expirationDate": "2026-01-01T00:01:00Z",
        "credentialSubject": {"id": STUDENT, "degree": "Law"},
    }
    found = read(old(whole, jti="urn:uuid:1", exp=NOW + 30))
    assert (found.valid_from, found.valid_until) == (NOW, NOW + 29)
    assert read(old(whole, jti=DELETE, sub=DELETE, nbf=DELETE)).valid_until == NOW + 60


@pytest.mark.parametrize(
    ("vc", "message"),
    [
        ({"issuer": STUDENT}, "iss is 'did:example:issuer', issuer is another"),
        ({"issuer": {"id": STUDENT}}, "iss is 'did:example:issuer', and the credential says"),
        ({"issuer": {"name": "University"}}, "iss is 'did:example:issuer', and the credential"),
        ({"id": "urn:uuid:2"}, "jti is 'urn:uuid:1', id is another"),
        ({"credentialSubject": {"id": ISSUER.did}}, "sub is 'did:example:student', id is another"),
        (
            {"credentialSubject": [{"id": STUDENT}, {"id": ISSUER.did}]},
            "sub is 'did:example:student', and the credential says None",
        ),
        ({"credentialSubject": "Ada"}, "not an object that says something"),
    ],
)
def test_what_stands_twice_in_1_1_and_is_not_the_same_is_refused(vc: Any, message: str) -> None:
    assert message in refused(old({**OLD, **vc}, jti="urn:uuid:1"))


def test_issuer_of_1_1_may_be_an_object_or_in_the_token_only() -> None:
    named = {"id": ISSUER.did, "name": "University"}
    found = read(old({**OLD, "issuer": named}))
    assert (found.issuer, found.claims["issuer"]) == (ISSUER.did, named)
    assert read(old({**OLD, "issuer": ISSUER.did}, iss=DELETE)).issuer == ISSUER.did
    assert "issuer is not a DID" in refused(old(iss=DELETE))


def test_only_subject_of_1_1_may_stand_in_a_list() -> None:
    listed = {**OLD, "credentialSubject": [{"degree": "Law"}]}
    assert read(old(listed)).subjects == (STUDENT,)
    assert read(old({**OLD, "credentialSubject": [{"id": STUDENT}]})).subjects == (STUDENT,)
    several = {**OLD, "credentialSubject": [{"id": STUDENT}, {"id": "did:example:2"}]}
    assert read(old(several, sub=DELETE)).subjects == (STUDENT, "did:example:2")


def test_date_of_1_1_is_that_of_the_token_if_there_is_no_other() -> None:
    assert read(old(nbf=NOW + 0.5)).claims["issuanceDate"] == "2026-01-01T00:00:01Z"
    assert "issuanceDate is missing" in refused(old(nbf=DELETE))
    assert "nbf is not a number of seconds" in refused(old(nbf="2026-01-01T00:00:00Z"))


def test_key_of_1_1_may_be_named_and_is_then_the_issuer_s() -> None:
    assert read(old(header={"kid": "#key"})).proof.method_id == ISSUER.method_id
    assert "is not a key of" in refused(old(header={"kid": f"{STUDENT}#key"}))


@pytest.mark.parametrize("typ", [DELETE, "JWT", "jwt", "application/jwt"])
def test_type_of_1_1_is_jwt_or_none(typ: object) -> None:
    assert read(old(header={"typ": typ})).issuer == ISSUER.did


@pytest.mark.parametrize("typ", ["vc+jwt", "vp+jwt", "kb+jwt", "dc+sd-jwt"])
def test_type_of_1_1_that_is_something_else_is_refused(typ: str) -> None:
    assert f"typ of the token is '{typ}', not JWT" in refused(old(header={"typ": typ}))


@pytest.mark.parametrize("vc", [None, "oops", [], 7])
def test_claim_vc_is_an_object(vc: object) -> None:
    assert "the claim vc is not an object" in refused(old(vc))


def test_credential_of_2_0_does_not_stand_in_a_claim() -> None:
    assert "does not stand in a claim vc" in refused(old({**OLD, "@context": [CONTEXT_2]}))


def test_high_s_is_taken_in_1_1_only() -> None:
    for text, is_taken in ((old(), True), (vc_jwt(ISSUER), False)):
        head, _, signature = text.rpartition(".")
        raw = parse_token(text).signature
        high = raw[:32] + (ORDER - int.from_bytes(raw[32:])).to_bytes(32)
        assert encode_base64url(high) != signature
        proof = read(f"{head}.{encode_base64url(high)}").proof
        if is_taken:
            proof.check(ISSUER.key.public)
        else:
            with pytest.raises(InvalidCredential, match="not that of the key"):
                proof.check(ISSUER.key.public)

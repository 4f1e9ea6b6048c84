"""What a credential is about, and which key a ``kid`` names."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest

from ethr_did.credentials.canonical_json import canonical_json
from ethr_did.credentials.credential import method_of, statement_digest
from ethr_did.credentials.eip712 import sign_eip712
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.reading import read_credential
from ethr_did.errors import InvalidCredential
from support.offline import NOW, credential_document, person_sd_jwt, somebody, vc_jwt

DID = "did:example:1"
ISSUER = somebody("issuer")


@pytest.mark.parametrize("kid", [f"{DID}#key-1", "#key-1"])
def test_kid_names_a_method_of_the_did(kid: str) -> None:
    assert method_of(kid, DID) == f"{DID}#key-1"


@pytest.mark.parametrize("kid", [None, "", 7, [f"{DID}#1"], DID, "key-1", "z6Mk"])
def test_kid_without_a_fragment_names_nothing(kid: object) -> None:
    with pytest.raises(InvalidCredential, match=r"kid .* names no verification method") as caught:
        method_of(kid, DID)
    assert "DID URL with a fragment" in caught.value.hint


@pytest.mark.parametrize(
    "kid", ["#", f"{DID}#", "did:example:2#1", "did:example:12#1", "urn:a#1", f"{DID}?a=b#1"]
)
def test_kid_of_somebody_else_is_refused(kid: str) -> None:
    with pytest.raises(InvalidCredential, match=f"is not a key of '{DID}'"):
        method_of(kid, DID)


def test_member_that_held_it_is_named() -> None:
    with pytest.raises(InvalidCredential, match="verificationMethod None names"):
        method_of(None, DID, member="verificationMethod")


def test_digest_is_of_what_the_issuer_gave_out() -> None:
    token = vc_jwt(ISSUER)
    assert read_credential(token).digest == sha256(token.encode()).digest()
    # Whatever the holder discloses, the issuer's part is the same.
    sd_jwt = person_sd_jwt(ISSUER)
    jwt = sd_jwt.partition("~")[0]
    for text in (sd_jwt, f"{jwt}~"):
        assert read_credential(text).digest == sha256(jwt.encode()).digest()


def test_token_is_what_was_signed_of_a_format_that_has_one() -> None:
    sd_jwt, token = person_sd_jwt(ISSUER), vc_jwt(ISSUER)
    assert read_credential(sd_jwt).token == sd_jwt.partition("~")[0]
    assert read_credential(token).token == token
    account = somebody("account", KeyKind.ACCOUNT)
    document = credential_document(account.did)
    signed = sign_eip712(document, account.key, method_id=account.method_id, now=NOW)  # type: ignore[arg-type]  # of an account
    assert read_credential(signed).token is None


def test_statement_is_known_before_it_is_signed_and_does_not_depend_on_what_is_disclosed() -> None:
    document = credential_document(ISSUER.did)
    expected = sha256(canonical_json(document)).digest()
    assert statement_digest(read_credential(vc_jwt(ISSUER))) == expected
    sd_jwt = person_sd_jwt(ISSUER)
    hidden = f"{sd_jwt.partition('~')[0]}~"
    digests = {statement_digest(read_credential(text)) for text in (sd_jwt, hidden)}
    assert len(digests) == 1


def test_statement_without_a_canonical_form_has_no_digest() -> None:
    read = read_credential(vc_jwt(ISSUER))
    for value in (2**53, "\ud800"):
        with pytest.raises(InvalidCredential, match=r"the credential: a (number|text) in it is"):
            statement_digest(replace(read, claims={"value": value}))

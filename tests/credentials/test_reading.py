"""Of which format something is; what is none of them is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ethr_did.core.strict_json import write_json
from ethr_did.credentials.credential import Credential, CredentialFormat, PresentationFormat
from ethr_did.credentials.data_integrity import sign_data_integrity
from ethr_did.credentials.data_model import CONTEXT_1
from ethr_did.credentials.eip712 import sign_eip712
from ethr_did.credentials.jose import MAX_TOKEN, sign_token
from ethr_did.credentials.keys import Algorithm, KeyKind
from ethr_did.credentials.reading import (
    Readable,
    read,
    read_credential,
    read_presentation,
    read_raw,
)
from ethr_did.credentials.sd_jwt import SDJWT
from ethr_did.credentials.sd_jwt_vc import SDJWTVC, add_key_binding
from ethr_did.errors import InvalidCredential
from support.offline import NOW, credential_document, person_sd_jwt, presented, somebody, vc_jwt
from support.triangle import NONCE, SHOP

ISSUER = somebody("issuer")
WALLET = somebody("wallet", KeyKind.ACCOUNT)
HOLDER = somebody("student")

TOKEN = vc_jwt(ISSUER)
SD_JWT = person_sd_jwt(ISSUER, cnf={"jwk": HOLDER.key.public.to_jwk()})
BOUND = add_key_binding(
    SDJWT.parse(SD_JWT),
    HOLDER.key,
    algorithm=Algorithm.ES256,
    nonce=NONCE,
    audience=SHOP,
    now=NOW,
)
EIP712 = sign_eip712(
    credential_document(WALLET.did),
    WALLET.key,  # type: ignore[arg-type]  # of an account
    method_id=WALLET.method_id,
    now=NOW,
)
INTEGRITY = sign_data_integrity(
    credential_document(ISSUER.did), ISSUER.key, method_id=ISSUER.method_id, now=NOW
)
PRESENTED = presented(HOLDER, TOKEN)
OLD_DOCUMENT = {
    "@context": [CONTEXT_1],
    "type": ["VerifiableCredential"],
    "credentialSubject": {"id": HOLDER.did},
}
OLD = sign_token({"alg": "ES256"}, {"iss": ISSUER.did, "nbf": NOW, "vc": OLD_DOCUMENT}, ISSUER.key)
OLD_PRESENTED = sign_token(
    {"alg": "ES256"},
    {
        "iss": HOLDER.did,
        "vp": {
            "@context": [CONTEXT_1],
            "type": ["VerifiablePresentation"],
            "verifiableCredential": [OLD],
        },
    },
    HOLDER.key,
)

CREDENTIALS: list[tuple[Any, CredentialFormat]] = [
    (TOKEN, CredentialFormat.VC_JWT),
    (OLD, CredentialFormat.VC_JWT_1),
    (SD_JWT, CredentialFormat.SD_JWT),
    (BOUND, CredentialFormat.SD_JWT),
    (EIP712, CredentialFormat.EIP712),
    (INTEGRITY, CredentialFormat.DATA_INTEGRITY),
]
PRESENTATIONS = [
    (PRESENTED, PresentationFormat.VP_JWT),
    (OLD_PRESENTED, PresentationFormat.VP_JWT_1),
    (BOUND, PresentationFormat.SD_JWT_KB),
]


def fault(raw: Any, make: Any = read) -> InvalidCredential:
    """Why it is not read."""
    with pytest.raises(InvalidCredential) as caught:
        make(raw)
    return caught.value


@pytest.mark.parametrize(("raw", "form"), CREDENTIALS, ids=[form for _, form in CREDENTIALS])
def test_form_decides_about_the_format(raw: Any, form: CredentialFormat) -> None:
    assert read_credential(raw).format is form
    forms: list[Any] = [raw if isinstance(raw, str) else json.dumps(raw)]
    forms += [forms[0].encode(), f" \n{forms[0]}\r\n", f"\t{forms[0]} ".encode()]
    for one in forms:
        assert read_credential(one) == read_credential(raw)


@pytest.mark.parametrize(("raw", "form"), PRESENTATIONS, ids=[form for _, form in PRESENTATIONS])
def test_presentation_is_read_whatever_its_format(raw: str, form: PresentationFormat) -> None:
    for one in (raw, raw.encode(), f" {raw}\n", json.dumps(raw), json.dumps(raw).encode()):
        assert read_presentation(one).format is form


def test_what_is_read_is_told_by_its_class() -> None:
    found: list[Readable] = [read(one) for one in (TOKEN, SD_JWT, BOUND, PRESENTED)]
    assert isinstance(found[0], Credential)
    assert isinstance(found[1], SDJWTVC)
    assert isinstance(found[2], SDJWTVC)
    assert found[3] == read_presentation(PRESENTED)


def test_type_without_the_claim_tells_a_presentation_and_the_other_way_round() -> None:
    # Each is read as what it says to be, and breaks a rule of that.
    named = sign_token({"alg": "ES256", "typ": "vp+jwt"}, {"vc": {}}, ISSUER.key)
    assert "the claim vc has no place in a presentation" in fault(named).message
    claimed = sign_token({"alg": "ES256", "typ": "vc+jwt"}, {"vp": {}}, ISSUER.key)
    assert "typ of the token is 'vc+jwt', not JWT" in fault(claimed).message


def test_credential_is_no_presentation_and_the_other_way_round() -> None:
    for raw in (TOKEN, SD_JWT, EIP712, INTEGRITY):
        error = fault(raw, read_presentation)
        assert "a credential, not a presentation" in error.message
        assert "No holder has signed for it" in error.hint
    assert "a presentation, not a credential" in fault(PRESENTED, read_credential).message


@pytest.mark.parametrize("members", [{}, {"proof": None}])
def test_object_without_a_proof_is_refused(members: dict[str, Any]) -> None:
    error = fault({**credential_document(ISSUER.did), **members})
    assert error.message == "the credential has no proof"
    assert "Anybody could have written it" in error.hint


@pytest.mark.parametrize(
    "proof", [7, "a", [], [INTEGRITY["proof"]], {}, {"type": "Ed25519Signature"}]
)
def test_proof_of_no_known_kind_is_refused(proof: object) -> None:
    assert "proof" in fault({**credential_document(ISSUER.did), "proof": proof}).message


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("", "not a token"),
        (b"", "not a token"),
        ("  ", "not a token"),
        ("{", "the credential is not JSON"),
        ('{"a":1,"a":2}', "the credential is not JSON"),
        ("{}{}", "the credential is not JSON"),
        ('"abc', "the credential is not JSON"),
        ('"abc"', "not a token"),
        ("[]", "not a token"),
        ("null", "not a token"),
        (b"\xff\xfe", "not a token"),
        ("{}", "the credential has no proof"),
        ("\ud800", "not a token"),
        ('{"a":"\ud800"}', "has no proof"),
    ],
)
def test_what_is_nothing_of_this_is_refused(raw: Any, message: str) -> None:
    assert message in fault(raw).message


@pytest.mark.parametrize("raw", ["a" * (MAX_TOKEN + 1), b"{" * (MAX_TOKEN + 1), "é" * 600_000])
def test_what_is_too_long_is_not_looked_at(raw: Any) -> None:
    assert "bytes are more than any credential that is read" in fault(raw).message


def test_raw_is_a_token_without_what_stands_around_it_or_an_object() -> None:
    assert read_raw(f" {TOKEN}\n") == read_raw(json.dumps(TOKEN)) == TOKEN
    assert read_raw(write_json(EIP712)) == EIP712
    assert read_raw(EIP712) is EIP712
    assert read_raw(f"a{TOKEN}é") == f"a{TOKEN}\ufffd\ufffd"

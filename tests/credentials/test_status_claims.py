"""Where a token may say something about its status: none of the places is passed over."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.credentials.jose import sign_token
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.vc_jwt import read_vc_jwt
from ethr_did.errors import InvalidCredential
from support.triangle import key_of_kind

KEY = key_of_kind(KeyKind.P256)
DID = "did:web:university.example"
LISTED = {"status_list": {"idx": 7, "uri": "https://lists.example/1"}}
ENTRY = {"type": "BitstringStatusListEntry", "statusListIndex": "7"}


def token(typ: str, claims: dict[str, Any]) -> str:
    header = {"alg": "ES256", "typ": typ, "kid": f"{DID}#1"}
    return sign_token(header, claims, KEY)


def two(**claims: Any) -> str:
    document = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": DID,
        "credentialSubject": {"degree": "Law"},
    }
    return token("vc+jwt", {**document, **claims})


def one(vc: dict[str, Any], **claims: Any) -> str:
    document = {
        "@context": ["https://www.w3.org/2018/credentials/v1"],
        "type": ["VerifiableCredential"],
        "credentialSubject": {"degree": "Law"},
    }
    return token("JWT", {"iss": DID, "nbf": 1, "vc": {**document, **vc}, **claims})


def test_a_credential_has_the_status_of_its_token() -> None:
    assert read_vc_jwt(two(status=LISTED)).status == (LISTED,)


def test_a_credential_has_its_own_status_and_that_of_its_token() -> None:
    assert read_vc_jwt(two(credentialStatus=ENTRY, status=LISTED)).status == (ENTRY, LISTED)


def test_a_credential_of_the_older_model_has_every_status_in_and_beside_it() -> None:
    found = read_vc_jwt(one({"credentialStatus": [ENTRY]}, credentialStatus=ENTRY, status=LISTED))
    assert found.status == (ENTRY, ENTRY, LISTED)


def test_more_statuses_than_are_ever_read_are_refused() -> None:
    with pytest.raises(InvalidCredential, match="34 status entries; at most 32 are read"):
        read_vc_jwt(one({"credentialStatus": [ENTRY] * 32}, credentialStatus=ENTRY, status=LISTED))

"""Keys as holders name them."""

from __future__ import annotations

import json

import pytest

from ethr_did.core.base64url import encode_base64url
from ethr_did.credentials.holder_keys import read_holder_key
from ethr_did.credentials.keys import KeyKind
from ethr_did.errors import InvalidInput
from support.triangle import key_of_kind

KEY = key_of_kind(KeyKind.P256).public
JWK = KEY.to_jwk()


@pytest.mark.parametrize(
    "value",
    [
        f"did:key:{KEY}",
        f"did:jwk:{encode_base64url(json.dumps(JWK).encode())}",
        JWK,
        json.dumps(JWK),
        {"id": "1", "publicKeyJwk": JWK},
        json.dumps({"publicKeyJwk": JWK}),
    ],
    ids=["did:key", "did:jwk", "jwk", "text", "method", "text of a method"],
)
def test_key_is_read_in_every_form(value: object) -> None:
    assert read_holder_key(value) == KEY


@pytest.mark.parametrize(
    "value",
    [
        "did:key:zzz",
        "did:web:a.example",
        "[]",
        "7",
        None,
        {},
        {**JWK, "d": "AA"},
        {"publicKeyJwk": None},
    ],
    ids=str,
)
def test_anything_else_is_refused(value: object) -> None:
    with pytest.raises(InvalidInput):
        read_holder_key(value)

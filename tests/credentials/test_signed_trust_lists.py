"""Signed lists of trusted issuers: read, refused, and whose they are."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from ethr_did.chain.networks import Networks
from ethr_did.core.base64url import decode_base64url, encode_base64url
from ethr_did.core.did import EthrDID
from ethr_did.core.history import default_view
from ethr_did.core.resolution import format_time
from ethr_did.credentials.jose import sign_token
from ethr_did.credentials.keys import Algorithm, KeyKind
from ethr_did.credentials.signed_trust_lists import (
    SignedTrustList,
    read_signed_trust_list,
    sign_trust_list,
)
from ethr_did.credentials.trust_lists import TrustEntry, TrustList
from ethr_did.did_methods.key import resolve_key
from ethr_did.errors import (
    InvalidCredential,
    InvalidTrustList,
    InvalidValidity,
)
from support.triangle import key_of_kind

NOW = 1_800_000_000
KEY = key_of_kind(KeyKind.ED25519)
SIGNER = f"did:key:{KEY.public.to_multikey()}"
KID = f"{SIGNER}#{KEY.public.to_multikey()}"
UNI = TrustEntry(issuer="did:web:uni.example", types=("DiplomaCredential",))
LIST = TrustList(entries=(UNI,), name="Universities", issuer=SIGNER)
DELETE = object()


def signed(trust_list: TrustList = LIST, *, expires_at: int = NOW + 100) -> str:
    return sign_trust_list(
        trust_list,
        KEY,
        algorithm=Algorithm.EDDSA,
        method_id=KID,
        issued_at=NOW,
        expires_at=expires_at,
    )


def read(token: str, signer: str = SIGNER) -> SignedTrustList:
    return read_signed_trust_list(token, signer=signer, networks=Networks())


def changed(header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A token with other members, signed with the right key all the same."""
    members = {"alg": "EdDSA", "typ": "trust-list+jwt", "kid": KID, **(header or {})}
    said = {"iss": SIGNER, "iat": NOW, "exp": NOW + 100, "trustList": LIST.to_dict(), **claims}
    kept = {name: value for name, value in said.items() if value is not DELETE}
    return sign_token(
        {name: value for name, value in members.items() if value is not DELETE}, kept, KEY
    )


def test_a_signed_list_is_read_and_is_its_signer_s() -> None:
    found = read(signed())
    assert found.trust_list == replace(LIST, valid_until=NOW + 99)
    assert (found.signer, found.issued_at) == (SIGNER, NOW)
    assert found.label == f"trust list 'Universities' of {SIGNER}"
    assert found.proof.method_id == KID
    found.check_signature(resolve_key(SIGNER))
    assert read(signed()).digest == found.digest != read(signed(expires_at=NOW + 7)).digest


def test_a_list_ends_with_its_token_or_before_it() -> None:
    early = replace(LIST, valid_until=NOW + 10)
    assert read(signed(early)).trust_list.valid_until == NOW + 10
    late = replace(LIST, valid_until=NOW + 1000)
    assert read(signed(late)).trust_list.valid_until == NOW + 99
    assert read(changed(exp=NOW + 0.5)).trust_list.valid_until == NOW


def test_the_owner_of_a_did_ethr_signs_with_its_account() -> None:
    key = key_of_kind(KeyKind.SECP256K1)
    assert key.public.address is not None
    did = EthrDID.build("0x" + key.public.address.hex())
    token = sign_trust_list(
        replace(LIST, issuer=did.text),
        key,
        algorithm=Algorithm.ES256K_R,
        method_id="#controller",
        issued_at=NOW,
        expires_at=NOW + 1,
    )
    document = default_view(did, 1).document
    assert document is not None
    # The verifier may write the DID in another way.
    found = read(token, signer=did.text.replace("did:ethr:", "did:ethr:0x1:"))
    found.check_signature(document)
    assert found.signer == did.text


# -- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "claims", "words"),
    [
        ({"typ": "JWT"}, {}, "typ of the token is 'jwt'"),
        ({"typ": DELETE}, {}, "typ of the token is None"),
        ({"typ": "vc+jwt"}, {}, "typ of the token is 'vc\\+jwt'"),
        ({"kid": DELETE}, {}, "kid None names no verification method"),
        ({"kid": "did:web:mill.example#1"}, {}, "is not a key of"),
        ({}, {"exp": DELETE}, "missing or not known: \\['exp'\\]"),
        ({}, {"iat": DELETE}, "missing or not known: \\['iat'\\]"),
        ({}, {"nbf": NOW}, "missing or not known: \\['nbf'\\]"),
        ({}, {"trustList": DELETE}, "missing or not known"),
        ({}, {"exp": "never"}, "exp is not a number"),
        ({}, {"exp": None}, "exp is not a number"),
        ({}, {"iat": True}, "iat is not a number"),
        ({}, {"exp": NOW}, "ends before it begins"),
        ({}, {"iss": "did:web:mill.example"}, "the list is that of 'did:web:mill.example'"),
        ({}, {"iss": 7}, "the list is that of 7"),
        ({}, {"trustList": []}, "a trust list is a JSON object"),
        ({}, {"trustList": TrustList(entries=()).to_dict()}, "the list says it is that of None"),
        (
            {},
            {"trustList": replace(LIST, issuer="did:web:a.example").to_dict()},
            "the list says it is that of 'did:web:a.example'",
        ),
        ({}, {"exp": 1 << 52}, "validUntil: not a time"),
    ],
)
def test_a_token_that_breaks_a_rule_is_refused(
    header: dict[str, Any], claims: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidTrustList, match=words):
        read(changed(header, **claims))


def test_a_list_of_somebody_else_is_refused_before_its_signature_is_looked_at() -> None:
    with pytest.raises(InvalidTrustList, match="not of 'did:web:authority"):
        read(signed(), signer="did:web:authority.example")


@pytest.mark.parametrize("text", ["", "a.b", "{}", "e30.e30.e30"])
def test_what_is_no_token_is_refused(text: str) -> None:
    with pytest.raises(InvalidTrustList, match="not a signed trust list"):
        read(text)


def test_a_token_without_a_signature_is_refused() -> None:
    header = encode_base64url(json.dumps({"alg": "none", "typ": "trust-list+jwt"}).encode())
    with pytest.raises(InvalidTrustList, match="alg 'none' is not accepted"):
        read(f"{header}.{signed().split('.')[1]}.")


# -- whose it is ---------------------------------------------------------------------------------


def test_an_issuer_that_was_added_afterwards_breaks_the_signature() -> None:
    header, payload, signature = signed().split(".")
    forged = decode_base64url(payload).replace(b"uni.example", b"bad.example")
    found = read(f"{header}.{encode_base64url(forged)}.{signature}")
    with pytest.raises(InvalidCredential, match="not that of the key"):
        found.check_signature(resolve_key(SIGNER))


def test_another_key_is_not_the_signer_s() -> None:
    other = key_of_kind(KeyKind.ED25519, "another")
    token = sign_trust_list(
        LIST, other, algorithm=Algorithm.EDDSA, method_id=KID, issued_at=NOW, expires_at=NOW + 1
    )
    with pytest.raises(InvalidCredential):
        read(token).check_signature(resolve_key(SIGNER))


def test_a_key_that_makes_no_assertions_signs_no_lists() -> None:
    document = replace(resolve_key(SIGNER), assertion_method=())
    with pytest.raises(InvalidCredential, match="but not for assertionMethod"):
        read(signed()).check_signature(document)


def test_a_key_that_was_removed_signs_no_lists() -> None:
    document = replace(resolve_key(SIGNER), assertion_method=(), verification_method=())
    with pytest.raises(InvalidCredential, match="has no"):
        read(signed()).check_signature(document)


@pytest.mark.parametrize("name", ["revoked", "expires"])
def test_a_key_whose_end_has_come_signs_no_lists(name: str) -> None:
    document = resolve_key(SIGNER)
    (method,) = document.verification_method
    ending = replace(method, material={**method.material, name: format_time(NOW)})
    document = replace(document, verification_method=(ending,))
    read(signed()).check_signature(document, now=NOW - 1)
    for now in (NOW, NOW + 1, None):
        with pytest.raises(InvalidCredential, match="not to be used any more"):
            read(signed()).check_signature(document, now=now)


def test_the_document_of_somebody_else_shows_nothing() -> None:
    other = f"did:key:{key_of_kind(KeyKind.ED25519, 'another').public.to_multikey()}"
    with pytest.raises(InvalidCredential, match="the document is that of"):
        read(signed()).check_signature(resolve_key(other))


# -- signing -------------------------------------------------------------------------------------


def test_a_list_of_nobody_is_not_signed() -> None:
    with pytest.raises(InvalidTrustList, match="names no issuer"):
        signed(replace(LIST, issuer=None))


@pytest.mark.parametrize("end", [NOW, NOW - 1, 253_402_300_801])
def test_a_list_that_is_never_good_is_not_signed(end: int) -> None:
    with pytest.raises(InvalidValidity):
        signed(expires_at=end)


def test_a_list_is_signed_with_a_key_of_its_issuer() -> None:
    with pytest.raises(InvalidCredential, match="not a key of"):
        signed(replace(LIST, issuer="did:web:a.example"))


def test_a_list_that_is_too_long_is_not_signed() -> None:
    long = replace(LIST, entries=(replace(UNI, note="n" * 500),) * 2000)
    with pytest.raises(InvalidTrustList, match="cannot be signed"):
        signed(long)

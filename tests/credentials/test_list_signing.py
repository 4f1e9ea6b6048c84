"""Status lists signed by their issuer."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.base64url import decode_base64url
from ethr_did.core.changes import add_key, revoked
from ethr_did.core.list_checks import read_document
from ethr_did.core.list_documents import DocumentForm
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.keys import Algorithm, KeyKind
from ethr_did.credentials.list_credentials import MAX_LIST_TOKEN, read_signed_list
from ethr_did.credentials.list_signing import Envelope, ListSigner
from ethr_did.credentials.reading import read_credential
from ethr_did.did_methods import DIDResolver
from ethr_did.errors import InvalidKey, InvalidStatusList, SignerError
from support.did_web import Web
from support.signed_lists import (
    IETF,
    NOW,
    URL,
    W3C,
    key_party,
    signed,
    spoiled,
    unsigned,
    web_party,
)
from support.triangle import key_of_kind

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from ethr_did.credentials.keys import PublicKey
    from support.triangle import Triangle

KINDS = [KeyKind.SECP256K1, KeyKind.P256, KeyKind.ED25519]
TYPES = {W3C: "vc+jwt", IETF: "statuslist+jwt"}


def header_of(content: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(decode_base64url(content.decode().partition(".")[0]))
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", DocumentForm)
def test_a_list_becomes_a_token_of_its_type(kind: KeyKind, form: DocumentForm) -> None:
    issuer = key_party(kind)
    served = ListSigner(key=issuer.key, **issuer.signing)(unsigned(issuer.did, form))
    assert served.media_type == f"application/{TYPES[form]}"
    assert header_of(served.content) == {
        "alg": issuer.algorithm.value,
        "typ": TYPES[form],
        "kid": issuer.method_id,
    }
    found = read_signed_list(served.content, form)
    found.proof.check(issuer.key.public)
    assert (found.signer, found.document.url) == (issuer.did, URL)
    assert read_document(served.content, form).is_signed


def test_what_is_signed_is_what_was_to_be_signed() -> None:
    issuer = key_party(KeyKind.ED25519)
    for form in DocumentForm:
        document = unsigned(issuer.did, form, {7: 1})
        payload = signed(issuer, document).split(b".")[1].decode()
        assert decode_base64url(payload) == document.payload


@pytest.mark.parametrize("kind", [KeyKind.P256, KeyKind.ED25519])
def test_a_w3c_list_can_have_a_data_integrity_proof(kind: KeyKind) -> None:
    issuer = key_party(kind)
    signer = ListSigner(key=issuer.key, **issuer.signing, envelope=Envelope.PROOF)
    served = signer(unsigned(issuer.did, W3C))
    assert served.media_type == "application/vc"
    credential = read_credential(served.content)
    credential.proof.check(issuer.key.public)
    assert credential.format is CredentialFormat.DATA_INTEGRITY
    assert credential.issued_at == credential.valid_from == NOW - 60
    assert signer(unsigned(issuer.did, IETF)).media_type == "application/statuslist+jwt"


def test_an_ethereum_key_makes_no_data_integrity_proof() -> None:
    issuer = key_party(KeyKind.SECP256K1)
    with pytest.raises(InvalidKey, match="makes no Data Integrity proof"):
        signed(issuer, unsigned(issuer.did, W3C), Envelope.PROOF)


@pytest.mark.parametrize("form", DocumentForm)
@pytest.mark.parametrize("envelope", Envelope)
def test_nobody_signs_the_list_of_somebody_else(form: DocumentForm, envelope: Envelope) -> None:
    issuer, other = (key_party(KeyKind.ED25519, seed) for seed in "ab")
    with pytest.raises(InvalidStatusList, match=r"cannot be signed: .* is not a key of"):
        signed(issuer, unsigned(other.did, form), envelope)


class Liar:
    """A remote signer that has another key than it says."""

    def __init__(self, public: PublicKey) -> None:
        self.public = public

    def sign(self, algorithm: Algorithm, data: bytes) -> bytes:
        return key_of_kind(self.public.kind, "another").sign(algorithm, data)


@pytest.mark.parametrize("envelope", Envelope)
def test_a_signature_with_another_key_is_not_given_out(envelope: Envelope) -> None:
    issuer = key_party(KeyKind.P256)
    liar = replace(issuer, key=Liar(issuer.key.public))
    with pytest.raises(SignerError, match="not one of"):
        signed(liar, unsigned(issuer.did, W3C), envelope)


def test_a_list_longer_than_a_credential_is_signed_and_read() -> None:
    issuer = key_party(KeyKind.P256)
    chance = random.Random(1).randbytes(1 << 20)  # noqa: S311 - no secret
    values = {i: byte & 1 for i, byte in enumerate(chance[:1000])}
    big = unsigned(issuer.did, IETF, values)
    listed = {**big.claims["status_list"], "lst": chance.hex()}
    content = signed(issuer, spoiled(big, status_list=listed))
    assert len(content) > 2 << 20
    read_signed_list(content, IETF).proof.check(issuer.key.public)


def test_a_list_that_nobody_would_read_is_not_signed() -> None:
    issuer = key_party(KeyKind.P256)
    document = unsigned(issuer.did, IETF)
    listed = {"bits": 1, "lst": "A" * MAX_LIST_TOKEN}
    with pytest.raises(InvalidStatusList, match=f"at most {MAX_LIST_TOKEN} are read"):
        signed(issuer, spoiled(document, status_list=listed))


# -- the method ----------------------------------------------------------------------------------


def test_the_method_is_found_by_the_key(triangle: Triangle, alice: LocalAccount) -> None:
    owner = triangle.owner(alice)
    other = triangle.with_key(alice, KeyKind.P256)
    document = triangle.resolver().resolve(owner.did).require_document()
    for party in (owner, other):
        found = ListSigner.of_document(document, party.key)
        assert (found.method_id, found.algorithm) == (party.method_id, party.algorithm)
        content = found(unsigned(owner.did, IETF)).content
        assert header_of(content)["kid"] == party.method_id


def test_a_key_that_was_removed_signs_no_more(triangle: Triangle, alice: LocalAccount) -> None:
    party = triangle.with_key(alice, KeyKind.ED25519)
    published = add_key("Multikey", b"\xed\x01" + party.key.public.data)
    triangle.office.change(alice, revoked(published))
    document = triangle.resolver().resolve(party.did).require_document()
    with pytest.raises(InvalidKey, match="is not in assertionMethod of"):
        ListSigner.of_document(document, party.key)


def test_a_key_for_other_purposes_does_not_sign() -> None:
    web = Web()
    party = web_party(web, purposes=("authentication",))
    document = DIDResolver(fetcher=web).resolve(party.did).require_document()
    with pytest.raises(InvalidKey, match="is not in assertionMethod of"):
        ListSigner.of_document(document, party.key)

"""Tokens of npm's jose and ours: each verifies the other's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.bitstring import BitOrder, Bitstring
from ethr_did.core.list_documents import DocumentForm, ListTerms, build_document
from ethr_did.core.status_list import Purpose
from ethr_did.credentials.keys import Algorithm, KeyKind, PublicKey
from ethr_did.credentials.list_signing import ListSigner
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.report import Verdict
from support.encounters import KeyPair, Shelf, tampered
from support.triangle import NONCE, SHOP

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from support.encounters import Encounter
    from support.triangle import Party, Triangle

pytestmark = [pytest.mark.interop, pytest.mark.xdist_group("credential peers")]

PAIRS = {kind: KeyPair.of(kind, "a key") for kind in (KeyKind.P256, KeyKind.ED25519)}
LIST = "https://lists.example/1"

each_kind = pytest.mark.parametrize("kind", PAIRS)


def with_key(triangle: Triangle, account: LocalAccount, kind: KeyKind, **options: Any) -> Party:
    """An identity that has published the key that both sides have."""
    triangle.publish_key(account, PAIRS[kind].key.public, **options)
    return triangle.with_newest(account, PAIRS[kind].key)


def expected(encounter: Encounter, party: Party, typ: str) -> dict[str, Any]:
    """What jose is told: the key of the DID document, the algorithm, the type."""
    document = encounter.triangle.resolver().resolve(party.did).require_document()
    (method,) = (one for one in document.verification_method if one.id == party.method_id)
    return {
        "jwk": PublicKey.from_method(method).to_jwk(),
        "alg": party.algorithm.value,
        "typ": typ,
    }


def sign(encounter: Encounter, party: Party, typ: str, claims: dict[str, Any]) -> str:
    """A token by jose."""
    header = {"alg": party.algorithm.value, "typ": typ, "kid": party.method_id}
    secret = PAIRS[party.key.public.kind].secret
    token: str = encounter.ask("signJose", header=header, claims=claims, secret=secret)
    return token


@each_kind
def test_jose_verifies_our_credentials_and_presentations(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount, kind: KeyKind
) -> None:
    triangle = encounter.triangle
    issuer = with_key(triangle, alice, kind)
    holder = with_key(triangle, bob, kind, purpose="sigAuth")
    token = triangle.vc_jwt(issuer, holder.did)
    question = expected(encounter, issuer, "vc+jwt")
    found = encounter.ask("verifyJose", token=token, **question)
    assert found["payload"]["credentialSubject"]["id"] == holder.did
    assert found["header"]["kid"] == issuer.method_id
    changed = tampered(token, id="urn:uuid:0")
    assert encounter.refusal("verifyJose", token=changed, **question) == (
        "signature verification failed"
    )
    shown = triangle.vp_jwt(holder, token)
    question = expected(encounter, holder, "vp+jwt")
    found = encounter.ask("verifyJose", token=shown, audience=SHOP, **question)
    assert found["payload"]["nonce"] == NONCE


@each_kind
def test_we_verify_credentials_and_presentations_that_jose_signed(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount, kind: KeyKind
) -> None:
    triangle = encounter.triangle
    issuer = with_key(triangle, alice, kind)
    holder = with_key(triangle, bob, kind, purpose="sigAuth")
    claims = triangle.document(issuer, holder.did)
    token = sign(encounter, issuer, "vc+jwt", claims)
    report = triangle.verifier().verify(token)
    assert (report.verdict, report.credentials[0].claims) == (Verdict.VALID, claims)
    changed = triangle.verifier().verify(tampered(token, id="urn:uuid:0"))
    assert "bad_signature" in {check.code for check in changed.all_checks}
    presentation = {
        "@context": claims["@context"],
        "type": ["VerifiablePresentation"],
        "holder": holder.did,
        "verifiableCredential": [
            {
                "@context": claims["@context"][0],
                "type": "EnvelopedVerifiableCredential",
                "id": f"data:application/vc+jwt,{token}",
            }
        ],
        "aud": SHOP,
        "nonce": NONCE,
        "iat": triangle.now,
    }
    shown = sign(encounter, holder, "vp+jwt", presentation)
    assert triangle.verifier().verify(shown, Policy(nonce=NONCE, audience=SHOP)).is_valid


def test_jose_has_no_signatures_on_the_curve_of_ethereum(
    encounter: Encounter, alice: LocalAccount, bob: LocalAccount
) -> None:
    triangle = encounter.triangle
    issuer = triangle.with_key(alice, KeyKind.SECP256K1)
    token = triangle.vc_jwt(issuer, triangle.owner(bob).did)
    question = expected(encounter, issuer, "vc+jwt")
    assert question["alg"] == Algorithm.ES256K
    refusal = encounter.refusal("verifyJose", token=token, **question)
    assert refusal == 'Invalid or unsupported JWK "alg" (Algorithm) Parameter value'


# -- status lists --------------------------------------------------------------------------------


def unsigned(issuer: Party, form: DocumentForm, now: int) -> Any:
    order = BitOrder.MSB_FIRST if form is DocumentForm.W3C else BitOrder.LSB_FIRST
    statuses = Bitstring.of_values({7: 1}, bits=1, capacity=131_072, order=order)
    terms = ListTerms(
        url=LIST,
        issuer=issuer.did,
        valid_from=now,
        valid_until=now + 3600,
        purpose=Purpose.REVOCATION,
    )
    return build_document(statuses, terms, form)


@each_kind
@pytest.mark.parametrize("form", DocumentForm)
def test_jose_verifies_our_status_lists(
    encounter: Encounter, alice: LocalAccount, kind: KeyKind, form: DocumentForm
) -> None:
    triangle = encounter.triangle
    issuer = with_key(triangle, alice, kind)
    document = unsigned(issuer, form, triangle.now)
    signer = ListSigner(key=issuer.key, method_id=issuer.method_id, algorithm=issuer.algorithm)
    token = signer(document).content.decode()
    question = expected(encounter, issuer, document.header["typ"])
    assert encounter.ask("verifyJose", token=token, **question)["payload"] == document.claims
    other = {**question, "typ": "kb+jwt"}
    assert encounter.refusal("verifyJose", token=token, **other) == (
        'unexpected "typ" JWT header value'
    )


@each_kind
@pytest.mark.parametrize("form", DocumentForm)
def test_we_believe_status_lists_that_jose_signed(
    encounter: Encounter,
    alice: LocalAccount,
    bob: LocalAccount,
    kind: KeyKind,
    form: DocumentForm,
) -> None:
    triangle = encounter.triangle
    issuer = with_key(triangle, alice, kind)
    document = unsigned(issuer, form, triangle.now)
    listed = sign(encounter, issuer, document.header["typ"], dict(document.claims))
    holder = triangle.owner(bob).did
    tokens = [triangle.vc_jwt(issuer, holder, **_status(form, index)) for index in (6, 7)]
    reports = triangle.verifier(fetcher=Shelf(listed)).verify_many(tokens)
    assert [report.verdict for report in reports] == [Verdict.VALID, Verdict.INVALID]
    forged = tampered(listed, id=LIST, sub=LIST, jti=LIST)
    report = triangle.verifier(fetcher=Shelf(forged)).verify(tokens[0])
    assert report.verdict is Verdict.UNDETERMINED


def _status(form: DocumentForm, index: int) -> dict[str, Any]:
    if form is DocumentForm.IETF:
        return {"status": {"status_list": {"idx": index, "uri": LIST}}}
    entry = {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": str(index),
        "statusListCredential": LIST,
    }
    return {"credentialStatus": entry}

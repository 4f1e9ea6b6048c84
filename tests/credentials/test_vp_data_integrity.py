"""Presentations as JSON objects with a proof in them: read, verified, refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.resolution import format_time
from ethr_did.credentials.credential import PresentationFormat
from ethr_did.credentials.data_integrity import sign_data_integrity
from ethr_did.credentials.data_model import CONTEXT_1, CONTEXT_2
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.reading import read, read_presentation
from ethr_did.credentials.vp_data_integrity import read_vp_data_integrity
from ethr_did.errors import InvalidCredential
from support.offline import (
    NOW,
    credential_document,
    document_of,
    person_sd_jwt,
    presented,
    proven_presentation,
    somebody,
    vc_jwt,
    verifier,
)
from support.signed_documents import DELETE, changed, mutations
from support.triangle import NONCE, SHOP
from support.verifying import AT_THE_SHOP, faults

if TYPE_CHECKING:
    from ethr_did.credentials.policy import Policy
    from ethr_did.credentials.report import Report

ISSUER = somebody("university", KeyKind.ED25519)
HOLDERS = {kind: somebody("student", kind) for kind in (KeyKind.ED25519, KeyKind.P256)}
HOLDER = HOLDERS[KeyKind.ED25519]
THIEF = somebody("thief", KeyKind.ED25519)
TOKEN = vc_jwt(ISSUER)
OBJECT = sign_data_integrity(
    credential_document(ISSUER.did), ISSUER.key, method_id=ISSUER.method_id, now=NOW
)
SHOWN = proven_presentation(HOLDER, TOKEN, OBJECT)


def judged(shown: Any, policy: Policy = AT_THE_SHOP, *known: Any) -> Report:
    """What the shop finds out."""
    return verifier(*(known or (ISSUER, HOLDER, THIEF))).verify(shown, policy)


def refusal(shown: Any) -> str:
    """Why it is not read."""
    with pytest.raises(InvalidCredential) as caught:
        read_presentation(shown)
    return caught.value.message


# -- reading -------------------------------------------------------------------------------------


def test_what_the_holder_has_signed_is_read() -> None:
    found = read_presentation(SHOWN)
    assert found.format is PresentationFormat.DATA_INTEGRITY
    assert (found.holder, found.nonce, found.audience) == (HOLDER.did, NONCE, (SHOP,))
    assert (found.issued_at, found.valid_from, found.valid_until) == (NOW, None, None)
    assert found.credentials == (TOKEN, OBJECT)
    assert found.proof.method_id == HOLDER.method_id
    assert read(SHOWN) == read_vp_data_integrity(SHOWN) == found


def test_whoever_signs_is_the_holder_where_none_is_named() -> None:
    shown = proven_presentation(HOLDER, TOKEN, members={"holder": None})
    assert read_presentation(shown).holder == HOLDER.did
    assert judged(shown).is_valid
    named = proven_presentation(HOLDER, TOKEN, members={"holder": {"id": HOLDER.did}})
    assert read_presentation(named).holder == HOLDER.did


def test_presentations_of_both_data_models_are_read() -> None:
    old = proven_presentation(HOLDER, TOKEN, members={"@context": [CONTEXT_1]})
    assert read_presentation(old).holder == HOLDER.did
    assert "@context of the presentation begins with 'urn:x'" in refusal(
        proven_presentation(HOLDER, TOKEN, members={"@context": ["urn:x"]})
    )


def test_several_domains_are_several_audiences() -> None:
    shown = proven_presentation(HOLDER, TOKEN, domain=["https://a.example", SHOP])
    assert read_presentation(shown).audience == ("https://a.example", SHOP)
    assert judged(shown).is_valid


@pytest.mark.parametrize(
    ("of_proof", "words"),
    [
        ({"proofPurpose": "assertionMethod"}, "not authentication"),
        ({"proofPurpose": None}, "proofPurpose is None"),
        ({"challenge": 7}, "challenge is not a text: 7"),
        ({"challenge": ""}, "challenge is not a text"),
        ({"challenge": "x" * 4097}, "challenge is not a text"),
        ({"domain": {}}, "domain is not a text"),
        ({"domain": ["a"] * 17}, "domain is not a text"),
        ({"domain": [SHOP, ""]}, "domain is not a text"),
        ({"previousProof": "urn:uuid:1"}, "after another proof only: previousProof"),
        ({"onlyFor": "friends"}, "not known: 'onlyFor'"),
        ({"cryptosuite": "eddsa-rdfc-2022"}, "'eddsa-rdfc-2022' is not accepted"),
        ({"verificationMethod": f"{THIEF.did}#key"}, "is not a key of"),
        ({"verificationMethod": "#key"}, "not a whole DID URL"),
        ({"created": "yesterday"}, "created of the proof is"),
    ],
)
def test_a_proof_that_is_something_else_is_refused(of_proof: dict[str, Any], words: str) -> None:
    assert words in refusal(proven_presentation(HOLDER, TOKEN, **of_proof))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"holder": THIEF.did}, "is not a key of"),
        ({"holder": "student"}, "holder is not a DID: 'student'"),
        ({"holder": {}}, "holder is not a DID"),
        ({"holder": {"name": "Erika"}}, "holder is not a DID"),
        ({"type": ["VerifiablePresentation", "VerifiableCredential"]}, "and a credential"),
        ({"verifiableCredential": None}, "holds no credential"),
        ({"verifiableCredential": []}, "holds no credential"),
        ({"verifiableCredential": [TOKEN] * 65}, "at most 64"),
        ({"verifiableCredential": [7]}, "not a credential: 7"),
    ],
)
def test_a_document_that_is_no_presentation_is_refused(members: dict[str, Any], words: str) -> None:
    assert words in refusal(proven_presentation(HOLDER, TOKEN, members=members))


def test_a_presentation_without_a_proof_or_with_several_is_refused() -> None:
    bare = changed(SHOWN, ("proof",), DELETE)
    assert refusal(bare) == "the presentation has no proof"
    several = {**bare, "proof": [SHOWN["proof"], SHOWN["proof"]]}
    assert "a list of 2 proofs" in refusal(several)


def test_who_signs_without_a_did_is_nobody() -> None:
    shown = proven_presentation(
        HOLDER, TOKEN, members={"holder": None}, verificationMethod="https://a.example#key"
    )
    assert "verificationMethod is not a DID" in refusal(shown)


# -- verifying -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", HOLDERS)
@pytest.mark.parametrize(
    "credential", [TOKEN, OBJECT, person_sd_jwt(ISSUER, sub=HOLDER.did)], ids=["jwt", "di", "sd"]
)
def test_credentials_of_every_format_are_presented(kind: KeyKind, credential: Any) -> None:
    holder = HOLDERS[kind]
    report = judged(proven_presentation(holder, credential), AT_THE_SHOP, ISSUER, holder)
    assert report.is_valid, report.to_dict()
    assert (report.presentation, report.holder) == ("DataIntegrityProof", HOLDER.did)
    assert [check.name.value for check in report.checks] == [
        *("format", "key", "signature", "nonce", "audience", "validity"),
    ]


def test_nothing_of_it_can_be_changed() -> None:
    assert judged(SHOWN).is_valid
    for _, mutated in mutations(SHOWN):
        assert not judged(mutated).is_valid, mutated


def test_a_thief_cannot_present_it() -> None:
    stolen = proven_presentation(THIEF, TOKEN)
    assert faults(judged(stolen)) == {("holder", "holder_mismatch")}
    # With the name of the holder, and a key of one's own.
    forged = proven_presentation(
        THIEF, TOKEN, members={"holder": HOLDER.did}, verificationMethod=HOLDER.method_id
    )
    assert ("signature", "bad_signature") in faults(judged(forged))


def test_a_credential_is_no_presentation_of_its_issuer() -> None:
    # The same key, the same bytes, another purpose.
    proof = {**OBJECT["proof"], "proofPurpose": "authentication"}
    assert not judged({**OBJECT, "proof": proof}).is_valid


def test_a_key_for_assertions_alone_presents_nothing() -> None:
    document = document_of(HOLDER, authentication=())
    assert ("key", "wrong_purpose") in faults(judged(SHOWN, AT_THE_SHOP, ISSUER, document))


@pytest.mark.parametrize(
    ("of_proof", "expected"),
    [
        ({"challenge": "other"}, ("nonce", "nonce_mismatch")),
        ({"challenge": None}, ("nonce", "nonce_mismatch")),
        ({"domain": "https://other.example"}, ("audience", "audience_mismatch")),
        ({"domain": None}, ("audience", "audience_mismatch")),
        ({"created": format_time(NOW - 361)}, ("validity", "presentation_too_old")),
        ({"created": format_time(NOW + 61)}, ("validity", "not_yet_valid")),
        ({"created": None}, ("validity", "age_unknown")),
        ({"expires": format_time(NOW - 61)}, ("validity", "expired")),
    ],
)
def test_it_is_for_one_verifier_one_question_and_now(
    of_proof: dict[str, Any], expected: tuple[str, str]
) -> None:
    assert faults(judged(proven_presentation(HOLDER, TOKEN, **of_proof))) == {expected}


def test_an_end_says_that_it_is_of_now() -> None:
    shown = proven_presentation(HOLDER, TOKEN, created=None, expires=format_time(NOW + 60))
    assert judged(shown).is_valid


def test_an_sd_jwt_in_it_has_no_key_binding_of_its_own() -> None:
    bound = person_sd_jwt(ISSUER) + presented(HOLDER, TOKEN)
    assert faults(judged(proven_presentation(HOLDER, bound))) == {("format", "malformed")}


def test_what_is_behind_the_signed_context_is_cut_off() -> None:
    signed: dict[str, Any] = {"@context": [CONTEXT_2]}
    shown = proven_presentation(HOLDER, TOKEN, **signed)
    longer = {**shown, "@context": [CONTEXT_2, "https://other.example/context"]}
    assert judged(longer).is_valid
    assert "does not begin with that of its proof" in refusal({**shown, "@context": ["urn:x"]})

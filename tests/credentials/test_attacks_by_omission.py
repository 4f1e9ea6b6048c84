"""Attacks on verifiers: what is left out, what is left open, and who pays for it.

| attack | what a naive verifier does | test |
|---|---|---|
| key binding taken off | takes whatever came for what was asked for | ``test_…_taken_off…`` |
| a claim that says no | looks whether it is there | ``test_claim_that_says_no…`` |
| part of a status withheld | reads what is left | ``test_status_…_withheld…`` |
| a schema that is not there | looks no further | ``test_schema_…`` |
| a presentation of nothing | finds nothing wrong with it | ``test_presentation_of_nothing…`` |
| key binding inside of a presentation | looks at one of both | ``test_key_binding_inside…`` |
| node down, while an anchor is looked for | takes silence for an answer | ``test_…_is_no_answer`` |
| thousands of servers to ask | asks them | ``test_…_too_many…`` |
| schemas that break a library | breaks with it | ``test_schema_that_breaks…`` |
"""

from __future__ import annotations

import time
import tracemalloc
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.networks import Networks
from ethr_did.core.base64url import encode_base64url
from ethr_did.core.resolution import format_time
from ethr_did.core.status_answer import Finality, FinalityPolicy, Moment
from ethr_did.core.status_entry import ContractId
from ethr_did.credentials.anchoring import Existence, ExistenceProof
from ethr_did.credentials.concealing import conceal
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.data_model import CONTEXT_1
from ethr_did.credentials.dcql import Query
from ethr_did.credentials.did_comparison import is_same_did
from ethr_did.credentials.jose import sign_token
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.policy import HolderRule, Policy
from ethr_did.credentials.questions import AskExistence, Outside, Question
from ethr_did.credentials.reading import read_credential, read_presentation
from ethr_did.credentials.report import CheckName, Outcome, Report, Verdict
from ethr_did.credentials.schema import Schema
from ethr_did.credentials.sd_jwt import SDJWT
from ethr_did.credentials.sd_jwt_vc import add_key_binding, read_sd_jwt_vc
from ethr_did.credentials.verification import Verifier
from ethr_did.did_methods.resolved import ResolvedDID
from ethr_did.errors import (
    InvalidCredential,
    InvalidDocument,
    InvalidInput,
    InvalidOption,
    NodeUnreachable,
    NotFoundError,
)
from support.command_line import CommandLine
from support.offline import (
    NOW,
    Documents,
    check_of,
    credential_document,
    document_of,
    method_of,
    person_sd_jwt,
    presented,
    somebody,
    vc_jwt,
    verifier,
)
from support.triangle import NONCE, SHOP, Chance, key_of_kind

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from ethr_did.core.document import DIDDocument
    from ethr_did.errors import EthrDIDError
    from support.triangle import Party

AT_THE_SHOP = Policy(nonce=NONCE, audience=SHOP)
ADA, BOB, EVE = somebody("ada"), somebody("bob"), somebody("eve")
KEY = key_of_kind(KeyKind.P256, "holder")
CARD = person_sd_jwt(ADA, cnf={"jwk": KEY.public.to_jwk()})


def judged(subject: Any, policy: Policy = AT_THE_SHOP) -> Report:
    return verifier(ADA, BOB, EVE).verify(subject, policy)


def found(report: Report, *outcomes: Outcome) -> set[tuple[str, str]]:
    """The checks that ended so, with their codes."""
    return {(c.name.value, c.code) for c in report.all_checks if c.outcome in outcomes}


def failed(report: Report) -> set[tuple[str, str]]:
    """The checks that failed, of a report that says so."""
    assert report.verdict is Verdict.INVALID, report.to_dict()
    return found(report, Outcome.FAILED)


def unknown(report: Report) -> set[tuple[str, str]]:
    """What could not be found out, of a report that says so."""
    assert report.verdict is Verdict.UNDETERMINED, report.to_dict()
    return found(report, Outcome.UNDETERMINED)


def shown(card: str, audience: str = SHOP) -> str:
    """A card presented with the key of its holder."""
    sd_jwt = read_sd_jwt_vc(card).sd_jwt
    algorithm = KEY.public.algorithms[0]
    return add_key_binding(
        sd_jwt, KEY, algorithm=algorithm, nonce=NONCE, audience=audience, now=NOW
    )


def without_binding(text: str) -> str:
    """What a thief makes of what was shown to him."""
    sd_jwt = SDJWT.parse(text)
    return SDJWT(jwt=sd_jwt.jwt, disclosures=sd_jwt.disclosures).text


def signed(payload: Mapping[str, Any], party: Party = ADA, **header: Any) -> str:
    """Any payload, signed as a person signs."""
    return sign_token({"alg": "ES256", "kid": party.method_id, **header}, dict(payload), party.key)


# -- who shows it --------------------------------------------------------------------------------


def test_key_binding_that_was_taken_off_is_missed() -> None:
    # RFC 9901, section 7.3: whether it is checked must not hang on whether it is there.
    good = shown(CARD)
    assert judged(good).is_valid
    stolen = without_binding(good)
    for policy in (AT_THE_SHOP, Policy(nonce=NONCE), Policy(audience=SHOP)):
        assert failed(judged(stolen, policy)) == {("holder", "not_presented")}
    # So is that of one that was read, which says no more about who shows it.
    assert failed(judged(read_credential(good))) == {("holder", "not_presented")}
    assert judged(read_presentation(good)).is_valid


def test_envelope_that_was_taken_off_is_missed() -> None:
    token = vc_jwt(ADA, credentialSubject={"id": BOB.did, "degree": "Law"})
    assert judged(presented(BOB, token)).is_valid
    assert failed(judged(token)) == {("holder", "not_presented")}


@pytest.mark.parametrize("is_asked_for", [True, False])
def test_query_says_whether_a_holder_must_sign(*, is_asked_for: bool) -> None:
    asked = {"id": "card", "format": "dc+sd-jwt", "meta": {}}
    query = Query.from_dict(
        {"credentials": [{**asked, "require_cryptographic_holder_binding": is_asked_for}]}
    )
    policy = replace(AT_THE_SHOP, query=query)
    report = verifier(ADA).verify_response({"card": [CARD]}, policy)
    assert report.is_valid is not is_asked_for
    assert judged(CARD, policy).is_valid is not is_asked_for
    assert verifier(ADA).verify_response({"card": [shown(CARD)]}, policy).is_valid


def test_rule_by_its_name_only_is_no_rule() -> None:
    # "presented" would be none of the rules, and let everybody through.
    for name, value in (("holder", "presented"), ("holder", None), ("finality", "finalized")):
        given: dict[str, Any] = {name: value}
        with pytest.raises(InvalidOption, match=f"{name} is {value!r}") as caught:
            Policy(**given)
        assert caught.value.hint.startswith("Give a member of ")
    assert Policy(holder=HolderRule.PRESENTED, finality=FinalityPolicy.FINALIZED).is_presented


def test_presentation_of_nothing_is_none() -> None:
    token = vc_jwt(ADA, credentialSubject={"id": BOB.did, "degree": "Law"})
    good = read_presentation(presented(BOB, token))
    assert judged(good).is_valid
    assert failed(judged(replace(good, credentials=()))) == {("format", "malformed")}


@pytest.mark.parametrize("audience", [SHOP, "https://elsewhere.example"])
def test_key_binding_inside_of_a_presentation_is_refused(audience: str) -> None:
    # Nobody compares what it is for, and for a verifier who takes it from anybody, nor the key.
    inner = shown(CARD, audience)
    for rule in HolderRule:
        report = judged(presented(EVE, inner), replace(AT_THE_SHOP, holder=rule))
        assert failed(report) == {("format", "malformed")}
    bare = presented(EVE, without_binding(inner))
    assert judged(bare, replace(AT_THE_SHOP, holder=HolderRule.ANYBODY)).is_valid


def test_presentation_of_the_older_kind_goes_with_such_credentials() -> None:
    # It may leave out its key and have a high s: who refuses the kind refuses all of it.
    token = vc_jwt(ADA, credentialSubject={"id": BOB.did, "degree": "Law"})
    vp = {"@context": [CONTEXT_1], "type": ["VerifiablePresentation"]}
    claims = {
        "iss": BOB.did,
        "vp": {**vp, "verifiableCredential": [token]},
        "nonce": NONCE,
        "aud": SHOP,
    }
    old = signed(claims, BOB)
    assert judged(old).is_valid
    formats = frozenset(CredentialFormat) - {CredentialFormat.VC_JWT_1}
    policy = replace(AT_THE_SHOP, formats=formats)
    assert failed(judged(old, policy)) == {("format", "format_refused")}
    assert judged(presented(BOB, token), policy).is_valid


# -- what it says --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "is_enough"),
    [
        (True, True),
        (0, True),
        ("", True),
        ("false", True),
        ({}, True),
        (False, False),
        (None, False),
    ],
)
def test_claim_that_says_no_is_not_the_one_that_is_required(value: Any, *, is_enough: bool) -> None:
    # The credential of a child says of each age whether it was reached, and is as genuine.
    policy = Policy(required=(("age_equal_or_over", "18"),))
    report = judged(person_sd_jwt(ADA, age_equal_or_over={"18": value}), policy)
    if is_enough:
        assert report.is_valid
    else:
        assert failed(report) == {("claims", "claims_missing")}


def test_one_of_several_claims_that_says_yes_will_do() -> None:
    policy = Policy(required=(("licences", None, "valid"),))
    for values, is_enough in (([False, True], True), ([False, None], False), ([], False)):
        card = person_sd_jwt(ADA, licences=[{"valid": value} for value in values])
        assert judged(card, policy).is_valid is is_enough


@pytest.mark.parametrize(
    ("name", "value", "path"),
    [
        ("credentialStatus", [{"type": "A"}, {"type": "B"}], ("credentialStatus", None)),
        ("credentialStatus", {"type": "A", "id": "b"}, ("credentialStatus", "id")),
        (
            "status",
            {"status_list": {"idx": 1, "uri": "https://a.example"}},
            ("status", "status_list"),
        ),
        ("cnf", {"jwk": KEY.public.to_jwk()}, ("cnf", "jwk")),
    ],
)
def test_part_of_a_status_or_key_that_is_withheld_is_missed(
    name: str, value: Any, path: Sequence[str | None]
) -> None:
    # Signed by an issuer whose software lets it: what is left would be no status at all.
    claims = {"iss": ADA.did, "vct": "urn:card", name: value}
    payload, _ = conceal(claims, [path], random=Chance())
    text = signed(payload, typ="dc+sd-jwt") + "~"
    assert failed(judged(text, Policy())) == {("format", "malformed")}
    with pytest.raises(InvalidCredential, match=f"a part of {name} is withheld"):
        read_sd_jwt_vc(text)


@pytest.mark.parametrize("name", ["validUntil", "expirationDate"])
@pytest.mark.parametrize("version", [1, 2])
def test_end_by_the_name_of_either_version_is_one(name: str, version: int) -> None:
    document = credential_document(ADA.did)
    del document["validUntil"]
    document[name] = "2001-01-01T00:00:00Z"
    token = signed(document, typ="vc+jwt")
    if version == 1:
        old = {**document, "@context": [CONTEXT_1], "issuanceDate": "2000-01-01T00:00:00Z"}
        token = signed({"vc": old, "iss": ADA.did})
    assert failed(judged(token, Policy())) == {("validity", "expired")}


# -- schemas -------------------------------------------------------------------------------------


def with_schemas(*entries: Any) -> str:
    return vc_jwt(ADA, credentialSchema=list(entries))


OURS = {"id": "urn:ours", "type": "JsonSchema"}
NOT_HERE = {"id": "urn:not-here", "type": "JsonSchema"}
STRICT = {"urn:ours": {"required": ["what is not there"]}}


@pytest.mark.parametrize(
    "entries", [(NOT_HERE, OURS), (OURS, NOT_HERE), ({"id": "urn:a", "type": "Unknown"}, OURS)]
)
def test_schema_that_is_not_there_hides_no_other(entries: Sequence[Any]) -> None:
    report = judged(with_schemas(*entries), Policy(schemas=STRICT))
    assert failed(report) == {("schema", "schema_mismatch")}


def test_schema_without_an_id_is_one_that_is_not_there() -> None:
    policy = Policy(schemas={"urn:ours": {}}, require_schema=True)
    assert judged(with_schemas(OURS), policy).is_valid
    for broken in ("urn:ours", {"type": "JsonSchema"}, {"id": 5}):
        report = judged(with_schemas(OURS, broken), policy)
        assert unknown(report) == {("schema", "schema_unusable")}
    report = judged(with_schemas(OURS, "urn:ours"), replace(policy, require_schema=False))
    assert check_of(report, CheckName.SCHEMA).outcome is Outcome.SKIPPED


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"multipleOf": 0.5}, 10**400),
        ({"multipleOf": 10**400}, 0.5),
        ({"$ref": "#/const", "const": 5}, 1),
        ({"$ref": "#/const", "const": ["minimum"]}, 1),
        ({"$ref": "#/const", "const": {"multipleOf": 0}}, 1),
        ({"$ref": "#/const", "const": {"type": "nonsense"}}, 1),
        ({"$ref": "#/const", "const": {"minLength": "5"}}, "text"),
        ({"$ref": "#/const", "const": {"$ref": 5}}, 1),
    ],
)
def test_schema_that_breaks_the_library_is_one_that_cannot_be_used(schema: Any, value: Any) -> None:
    with pytest.raises(InvalidInput, match="the schema cannot be used") as caught:
        Schema.read(schema).faults(value)
    assert caught.value.__cause__ is None


def test_schema_that_breaks_the_library_breaks_no_verifier() -> None:
    policy = Policy(schemas={"urn:ours": {"properties": {"number": {"multipleOf": 0.5}}}})
    token = vc_jwt(ADA, credentialSchema=OURS, number=10**400)
    assert unknown(judged(token, policy)) == {("schema", "schema_unusable")}


# -- keys ----------------------------------------------------------------------------------------


def ending(party: Party, **members: str) -> DIDDocument:
    """A document that leaves a key in, and says that it has an end; as those of did:web do."""
    method = method_of(party)
    ended = method_of(party, material={**method.material, **members})
    return document_of(party, verification_method=(ended,))


@pytest.mark.parametrize("name", ["revoked", "expires"])
def test_key_that_is_in_the_document_and_over_is_no_key(name: str) -> None:
    # Controlled Identifiers 1.0, section 2.2.
    token = vc_jwt(ADA, credentialSubject={"id": BOB.did, "degree": "Law"})
    without_kid = credential_document(ADA.did)
    old = {**without_kid, "@context": [CONTEXT_1], "issuanceDate": "2026-01-01T00:00:00Z"}
    header = {"alg": "ES256"}
    nameless = sign_token(header, {"vc": old, "iss": ADA.did}, ADA.key)
    for end, is_over in ((NOW, True), (NOW + 1, False)):
        ends = {name: format_time(end)}
        verifying = verifier(ending(ADA, **ends), BOB)
        for one in (token, nameless):
            report = verifying.verify(one)
            assert report.is_valid is not is_over
            assert found(report, Outcome.FAILED) == ({("key", "key_missing")} if is_over else set())
        # The holder's, too.
        report = verifier(ADA, ending(BOB, **ends)).verify(presented(BOB, token), AT_THE_SHOP)
        assert report.is_valid is not is_over
    report = verifier(ending(ADA, **{name: "some day"})).verify(token)
    assert failed(report) == {("key", "key_unusable")}


# -- what could not be found out -----------------------------------------------------------------

PROOF = ExistenceProof(registry=ContractId.parse("eip155:1:0x" + "5a" * 20), salt=bytes(32))
_MOMENT = Moment(chain_id=1, number=9, hash=bytes(32), timestamp=NOW)
EXISTED = Existence(
    block_number=7,
    block_hash=bytes(32),
    timestamp=NOW,
    tx_hash=bytes(32),
    read_at=_MOMENT,
    finality=Finality.FINAL,
)


class Anchored(Outside):
    """Says what it was told about anchors, and counts how often it was asked."""

    def __init__(self, documents: Documents, *answers: Existence | EthrDIDError) -> None:
        super().__init__(dids=documents)
        self.answers = answers
        self.asked = 0

    def answer(self, question: Question) -> Sequence[Any]:
        if isinstance(question, AskExistence):
            self.asked += len(question.asked)
            return [self.answers[n % len(self.answers)] for n in range(len(question.asked))]
        return super().answer(question)


def looked_back(now: Any, then: ResolvedDID | None, *answers: Existence | EthrDIDError) -> Report:
    """Of a credential of Ada's, whose document of today is another than that of the anchor."""
    documents = Documents(now)
    if then is not None:
        documents.put(then, version_id=EXISTED.block_number)
    verifying = Verifier(Anchored(documents, *answers), clock=lambda: NOW)
    return verifying.verify(vc_jwt(ADA), proofs=[PROOF] * len(answers))


ROTATED = document_of(replace(ADA, key=EVE.key))
REMOVED = document_of(ADA, verification_method=(), assertion_method=(), authentication=())
THEN = ResolvedDID(did=ADA.did, document=document_of(ADA))
DOWN = NodeUnreachable("the node does not answer")


@pytest.mark.parametrize("now", [ROTATED, REMOVED], ids=["rotated", "removed"])
def test_node_that_is_down_while_an_anchor_is_looked_for_is_no_answer(now: Any) -> None:
    report = looked_back(now, THEN, DOWN)
    assert unknown(report) == {("key", "node_unreachable")}
    message = check_of(report, CheckName.KEY).message
    assert message.endswith(f"could not be found out: {DOWN.message}")
    # One of several anchors is enough, whatever happened to the others.
    assert looked_back(now, THEN, DOWN, EXISTED).is_valid
    assert looked_back(now, THEN, EXISTED, DOWN).is_valid
    # That none fits is an answer.
    assert failed(looked_back(now, THEN, NotFoundError("no anchor on chain fits")))


@pytest.mark.parametrize("now", [ROTATED, REMOVED], ids=["rotated", "removed"])
@pytest.mark.parametrize("error", [DOWN, NotFoundError("block 7 is not mined yet")])
def test_document_of_the_anchor_that_cannot_be_had_is_no_answer(
    now: Any, error: EthrDIDError
) -> None:
    # Behind one address are several nodes, and one of them has not seen the block.
    report = looked_back(now, ResolvedDID(did=ADA.did, error=error), EXISTED)
    assert unknown(report) == {("key", error.code)}


def test_server_that_serves_something_else_is_no_answer() -> None:
    error = InvalidDocument("the document is not JSON as it is read here")
    report = verifier(ResolvedDID(did=ADA.did, error=error)).verify(vc_jwt(ADA))
    assert unknown(report) == {("key", "invalid_document")}


# -- who pays for it -----------------------------------------------------------------------------


def test_anchors_that_are_too_many_are_not_all_looked_for() -> None:
    forged = [vc_jwt(replace(ADA, key=EVE.key), id=f"urn:{n}") for n in range(64)]
    outside = Anchored(Documents(ADA, BOB), NotFoundError("no anchor on chain fits"))
    verifying = Verifier(outside, clock=lambda: NOW)
    report = verifying.verify(presented(BOB, *forged), AT_THE_SHOP, proofs=[PROOF] * 10)
    assert outside.asked == 256
    assert report.verdict is Verdict.INVALID
    assert ("key", "too_many_proofs") in found(report, Outcome.UNDETERMINED)


def test_answer_with_too_many_credentials_is_not_looked_at() -> None:
    # Each could name an issuer of its own, and each issuer a server.
    query = Query.from_dict(
        {"credentials": [{"id": "all", "format": "vc+jwt", "meta": {}, "multiple": True}]}
    )
    policy = replace(AT_THE_SHOP, query=query)
    token = vc_jwt(ADA, credentialSubject={"id": BOB.did, "degree": "Law"})
    documents = Documents(ADA, BOB)
    half = presented(BOB, *[token] * 32)
    assert verifier(documents).verify_response({"all": [half, half]}, policy).is_valid
    asked = len(documents.asked)
    report = verifier(documents).verify_response({"all": [half, half, half]}, policy)
    assert failed(report) == {("format", "malformed")}
    assert len(documents.asked) == asked


def test_subject_of_any_length_is_not_remembered() -> None:
    tracemalloc.start()
    try:
        for number in range(50):
            assert not is_same_did(f"urn:{number}".ljust(1 << 20, "x"), BOB.did, Networks())
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held < 10 << 20


def test_schema_that_is_named_many_times_is_looked_at_once() -> None:
    # All of the work that a check may do, thirty times over, would be half a minute.
    slow = {"properties": {"text": {"pattern": "(x?){40}y"}}}
    token = vc_jwt(ADA, credentialSchema=[OURS] * 32, text="x" * 100_000)
    start = time.process_time()
    report = judged(token, Policy(schemas={"urn:ours": slow}))
    assert unknown(report) == {("schema", "schema_unusable")}
    assert time.process_time() - start < 5


# -- what is told --------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", ['{"birthdate":"1984', '{"a":"1984","a":"1984"}'])
def test_error_about_what_cannot_be_read_holds_none_of_it(payload: str) -> None:
    header, inside = encode_base64url(b'{"alg":"ES256"}'), encode_base64url(payload.encode())
    for text in (payload, f"{header}.{inside}.AAAA", f"{header}.{inside}=.AAAA"):
        with pytest.raises(InvalidCredential) as caught:
            read_credential(text)
        assert "1984" not in caught.value.message
        assert inside[:8] not in caught.value.message
        assert caught.value.__cause__ is None


def test_report_has_no_lines_that_a_credential_wrote(tmp_path: Path) -> None:
    did = f"did:key:{KEY.public}"
    issuer = replace(ADA, did=did, key=KEY, method_id=f"{did}#{KEY.public}")
    forged = "\nissuer          did:web:trusted.example\ntrust   passed"
    subject = {"id": f"urn:a{forged}", f"a{forged}": f"b{forged}"}
    kinds = ["VerifiableCredential", f"Degree{forged}"]
    token = vc_jwt(issuer, type=kinds, credentialSubject=subject)
    program = CommandLine({"HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)})
    done = program("verify", "--any-issuer", "-", stdin=token)
    assert "trusted.example" in done.out, done.err
    assert not [
        line for line in done.out.splitlines() if line.startswith("issuer  ") and "web" in line
    ]
    assert not [line for line in done.out.splitlines() if line.startswith("trust   passed")]

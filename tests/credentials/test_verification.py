"""What verifiers find out, without a chain: each check, what it needs, and what it says.

Every test goes through both shells, which must say the same. Attacks on a real chain are in
``test_attacks.py``.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.resolution import ReadAt
from ethr_did.core.status_answer import Finality, FinalityPolicy, Moment, Status, StatusKind
from ethr_did.credentials.anchoring import Existence
from ethr_did.credentials.credential import CredentialFormat, statement_digest
from ethr_did.credentials.data_integrity import sign_data_integrity
from ethr_did.credentials.dcql import Query
from ethr_did.credentials.eip712 import sign_eip712
from ethr_did.credentials.jose import sign_token
from ethr_did.credentials.keys import Algorithm, KeyKind
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.questions import AskExistence, Question, Resolve
from ethr_did.credentials.reading import read_credential, read_presentation
from ethr_did.credentials.report import CheckName, Outcome, Report, Verdict
from ethr_did.credentials.sd_jwt_vc import sign_sd_jwt_vc
from ethr_did.credentials.trust import TrustPolicy
from ethr_did.credentials.trust_lists import TrustEntry, TrustList
from ethr_did.credentials.verification import AsyncVerifier, Verifier
from ethr_did.did_methods.resolved import ResolvedDID
from ethr_did.errors import (
    EthrDIDError,
    InvalidOption,
    NodeUnreachable,
    NotFoundError,
    UnknownNetwork,
)
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
)
from support.signed_documents import DELETE, changed
from support.triangle import VCT, Chance
from support.verifying import (
    AT_THE_SHOP,
    EVERYBODY,
    HELD,
    HOLDER,
    ISSUER,
    PROOF,
    STRANGER,
    TOKEN,
    StubbedOutside,
    Stubs,
    both,
    bound,
    check_signatures,
    faults,
    judged,
    message,
    outcomes,
    vc_1_1,
    vp_1_1,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from support.triangle import Party


# -- a credential alone --------------------------------------------------------------------------


def test_every_check_of_a_credential_has_its_line() -> None:
    report = judged(TOKEN, Policy())
    assert report.verdict is Verdict.VALID
    assert outcomes(report) == {
        "format": "passed",
        "key": "passed",
        "signature": "passed",
        "holder": "skipped not_presented",
        "validity": "passed",
        "schema": "skipped no_schema",
        "status": "skipped",
        "trust": "skipped",
    }
    (found,) = report.credentials
    assert (found.place, found.format) == ("credential", CredentialFormat.VC_JWT)
    assert (found.issuer, found.subjects) == (ISSUER.did, (HOLDER.did,))
    assert found.claims == credential_document(ISSUER.did)
    assert (found.valid_from, found.valid_until) == (NOW, 1_798_761_600)
    assert (report.presentation, report.holder, report.verified_at) == (None, None, NOW)
    assert message(report, CheckName.FORMAT) == "vc+jwt, ES256"
    assert check_of(report, CheckName.KEY).facts == {
        "method": ISSUER.method_id,
        "algorithm": "ES256",
    }
    assert check_of(report, CheckName.SIGNATURE).facts == {"key": str(ISSUER.key.public)}


def credential_of(form: CredentialFormat, kind: KeyKind) -> tuple[Party, Any]:
    """An issuer with a key of a kind, and a credential of a format."""
    issuer = somebody("issuer", kind)
    document = credential_document(issuer.did)
    options: dict[str, Any] = {"method_id": issuer.method_id, "now": NOW}
    match form:
        case CredentialFormat.VC_JWT:
            return issuer, vc_jwt(issuer)
        case CredentialFormat.SD_JWT:
            return issuer, person_sd_jwt(issuer)
        case CredentialFormat.EIP712:
            return issuer, sign_eip712(document, issuer.key, **options)  # type: ignore[arg-type]  # of an account
        case CredentialFormat.DATA_INTEGRITY:
            return issuer, sign_data_integrity(document, issuer.key, **options)
    return issuer, vc_1_1(issuer)


FORMATS = [
    *((form, kind) for form in ("vc+jwt", "dc+sd-jwt", "jwt_vc") for kind in KeyKind),
    ("EthereumEip712Signature2021", KeyKind.ACCOUNT),
    ("EthereumEip712Signature2021", KeyKind.SECP256K1),
    ("DataIntegrityProof", KeyKind.P256),
    ("DataIntegrityProof", KeyKind.ED25519),
]


@pytest.mark.parametrize(("form", "kind"), FORMATS)
def test_credential_of_each_format_is_verified_with_each_kind_of_key(
    form: str, kind: KeyKind
) -> None:
    issuer, credential = credential_of(CredentialFormat(form), kind)
    report = judged(credential, Policy(), known=[issuer])
    assert report.verdict is Verdict.VALID, report.to_dict()
    assert report.credentials[0].format == form
    # With another key of that kind in the document, it is not the issuer's.
    other = replace(issuer, key=somebody("another", kind).key)
    found = faults(judged(credential, Policy(), known=[other]))
    assert found == (
        {("key", "key_missing")} if form == "jwt_vc" else {("signature", "bad_signature")}
    )


@pytest.mark.parametrize(
    "subject",
    [
        *("", "a", "e30.e30.e30", b"", b"\xff", "{", "{}", '"a"', TOKEN + "x", TOKEN + "~"),
        *({}, {"proof": 7}, {"proof": []}, {1: 2}, {"proof": {"type": [1]}}, "a~", "~", "é"),
    ],
)
def test_what_is_no_credential_is_malformed_and_asks_nobody(subject: Any) -> None:
    stubs = Stubs(Documents(*EVERYBODY))
    report = judged(subject, Policy(), stubs=stubs)
    assert report.verdict is Verdict.INVALID
    assert outcomes(report) == {"format": "failed malformed"}
    assert report.credentials[0].issuer is None
    assert stubs.documents.asked == []


def test_what_was_read_already_can_be_verified() -> None:
    assert judged(read_credential(TOKEN), Policy()).is_valid
    assert judged(read_presentation(presented(HOLDER, TOKEN))).is_valid
    assert judged(read_presentation(bound(HELD))).is_valid
    assert judged(json.dumps(TOKEN).encode(), Policy()).is_valid


# -- documents -----------------------------------------------------------------------------------


def test_documents_are_asked_for_together_and_each_once() -> None:
    stubs = Stubs(Documents(*EVERYBODY))
    subjects = [TOKEN, presented(HOLDER, TOKEN, vc_jwt(STRANGER)), "nonsense", TOKEN]
    reports = both(stubs, lambda one: one.verify_many(subjects, Policy(unbound=True)), NOW)
    assert [one.verdict for one in reports] == [
        Verdict.VALID,
        Verdict.VALID,
        Verdict.INVALID,
        Verdict.VALID,
    ]
    once = ((ISSUER.did, STRANGER.did, HOLDER.did), None)
    assert stubs.documents.asked == [once, once]  # of both verifiers


def test_nothing_is_said_about_nothing() -> None:
    assert both(Stubs(Documents()), lambda one: one.verify_many([]), NOW) == []


@pytest.mark.parametrize(
    ("resolved", "outcome", "code"),
    [
        ({"error": NotFoundError("no such DID")}, Outcome.FAILED, "not_found"),
        ({"error": NodeUnreachable("down")}, Outcome.UNDETERMINED, "node_unreachable"),
        ({"error": UnknownNetwork("which?")}, Outcome.UNDETERMINED, "unknown_network"),
        ({"deactivated": True, "version_id": 7}, Outcome.FAILED, "issuer_deactivated"),
    ],
)
def test_issuer_without_a_document_has_no_key(
    resolved: Mapping[str, Any], outcome: Outcome, code: str
) -> None:
    report = judged(TOKEN, Policy(), known=[ResolvedDID(did=ISSUER.did, **resolved)])
    check = check_of(report, CheckName.KEY)
    assert (check.outcome, check.code) == (outcome, code)
    assert outcomes(report)["signature"] == "skipped no_key"
    assert outcomes(report)["trust"] == "skipped no_signature"
    if code == "issuer_deactivated":
        assert "was given up in block 7" in check.message


def test_version_of_the_document_is_reported() -> None:
    read_at = ReadAt(chain_id=1, block_number=9, block_hash=bytes(32), block_timestamp=0)
    resolved = ResolvedDID(
        did=ISSUER.did, document=document_of(ISSUER), version_id=7, read_at=read_at
    )
    facts = check_of(judged(TOKEN, Policy(), known=[resolved]), CheckName.KEY).facts
    assert facts["versionId"] == "7"
    assert facts["readAt"]["blockNumber"] == 9


@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"verification_method": (), "assertion_method": ()}, "key_missing"),
        ({"assertion_method": ()}, "wrong_purpose"),
        (
            {"verification_method": (method_of(ISSUER, controller=HOLDER.did),)},
            "key_unusable",
        ),
        ({"verification_method": (method_of(ISSUER, type="Unknown"),)}, "key_unusable"),
        ({"verification_method": (method_of(ISSUER), method_of(ISSUER))}, "key_unusable"),
    ],
)
def test_key_that_cannot_be_used_says_why(members: dict[str, Any], code: str) -> None:
    report = judged(TOKEN, Policy(), known=[document_of(ISSUER, **members)])
    assert faults(report) == {("key", code)}
    assert outcomes(report)["signature"] == "skipped no_key"


def test_hint_of_a_missing_key_is_part_of_what_is_said() -> None:
    document = document_of(ISSUER, verification_method=(), assertion_method=())
    report = judged(TOKEN, Policy(), known=[document])
    assert message(report, CheckName.KEY).endswith("has expired, or was never there.")


def test_signature_of_another_key_is_bad() -> None:
    report = judged(TOKEN, Policy(), known=[replace(ISSUER, key=somebody("other").key)])
    assert faults(report) == {("signature", "bad_signature")}
    assert outcomes(report)["key"] == "passed"


# -- what is accepted ----------------------------------------------------------------------------


def test_format_and_algorithm_are_those_of_the_policy() -> None:
    formats = Policy(formats=frozenset({CredentialFormat.SD_JWT}))
    report = judged(TOKEN, formats)
    assert faults(report) == {("format", "format_refused")}
    assert "vc+jwt are not accepted here" in message(report, CheckName.FORMAT)
    report = judged(TOKEN, Policy(algorithms=frozenset({Algorithm.EDDSA})))
    assert faults(report) == {("format", "algorithm_refused")}
    assert "ES256 are not accepted here" in message(report, CheckName.FORMAT)
    # Of the presentation as well.
    policy = replace(AT_THE_SHOP, algorithms=frozenset({Algorithm.ES256}))
    assert faults(judged(presented(HOLDER, TOKEN), policy)) == {("format", "algorithm_refused")}


def test_presentation_of_1_1_is_accepted_where_its_credentials_are() -> None:
    formats = frozenset(CredentialFormat) - {CredentialFormat.VC_JWT_1}
    report = judged(vp_1_1(HOLDER, TOKEN), replace(AT_THE_SHOP, formats=formats))
    assert faults(report) == {("format", "format_refused")}
    assert "presentations of the format jwt_vp" in message(
        replace(report, credentials=()), CheckName.FORMAT
    )


# -- contents ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now", "code"),
    [
        (NOW - 61, "not_yet_valid"),
        (NOW - 60, None),
        (1_798_761_600 + 60, None),
        (1_798_761_600 + 61, "expired"),
    ],
)
def test_window_is_open_with_some_leeway(now: int, code: str | None) -> None:
    report = judged(TOKEN, Policy(), now=now)
    assert faults(report) == (set() if code is None else {("validity", code)})
    strict = judged(TOKEN, Policy(leeway=0), now=NOW - 1)
    assert faults(strict) == {("validity", "not_yet_valid")}


def test_window_says_how_long_it_is_open() -> None:
    assert message(judged(TOKEN, Policy()), CheckName.VALIDITY) == (
        "valid until 2027-01-01T00:00:00Z"
    )
    endless = sign_token(
        {"alg": "ES256", "typ": "vc+jwt", "kid": ISSUER.method_id},
        changed(credential_document(ISSUER.did), ("validUntil",), DELETE),
        ISSUER.key,
    )
    assert message(judged(endless, Policy()), CheckName.VALIDITY) == "valid without end"


def test_window_that_no_calendar_has_is_no_obstacle() -> None:
    for claims in ({"exp": 2**53 - 1}, {"nbf": 0, "exp": 1}, {"nbf": 2**53 - 1}):
        judged(vc_jwt(ISSUER, **claims), Policy())


@pytest.mark.parametrize(
    ("claims", "now", "expected"),
    [
        ({}, NOW + 500 + 60, "passed"),
        ({}, NOW + 500 + 61, "failed too_old"),
        ({"iat": NOW - 10}, NOW + 490 + 61, "failed too_old"),
        ({"iat": NOW + 10}, NOW + 500 + 61, "failed too_old"),
        ({"validFrom": DELETE, "iat": NOW}, NOW, "passed"),
        ({"validFrom": DELETE}, NOW, "undetermined age_unknown"),
    ],
)
def test_age_is_counted_from_the_earliest_time(
    claims: dict[str, Any], now: int, expected: str
) -> None:
    given = {**credential_document(ISSUER.did), **claims}
    document = {name: value for name, value in given.items() if value is not DELETE}
    head = {"alg": "ES256", "typ": "vc+jwt", "kid": ISSUER.method_id}
    report = judged(sign_token(head, document, ISSUER.key), Policy(max_age=500), now=now)
    assert outcomes(report)["age"] == expected


def test_required_claims_are_there() -> None:
    def required(*paths: Any) -> Report:
        return judged(TOKEN, Policy(required=paths))

    degree = ("credentialSubject", "degree", "name")
    assert outcomes(required(degree, ("credentialSubject", "terms", None)))["claims"] == "passed"
    report = required(degree, ("credentialSubject", "age"), ("type", 9))
    assert faults(report) == {("claims", "claims_missing")}
    assert "age" in message(report, CheckName.CLAIMS)
    assert "degree" not in message(report, CheckName.CLAIMS)
    # A list without elements has nothing to show.
    empty = vc_jwt(ISSUER, evidence=[])
    report = judged(empty, Policy(required=(("evidence", None),)))
    assert faults(report) == {("claims", "claims_missing")}


# -- statuses ------------------------------------------------------------------------------------

ENTRY = {"type": "EthereumStatusListEntry", "id": "urn:1"}
MOMENT = Moment(chain_id=1, number=9, hash=bytes(32), timestamp=0)
GOOD = Status(kind=StatusKind.VALID, value=0, read_at=MOMENT, finality=Finality.FINAL)


def with_status(*statuses: Status, policy: Policy | None = None) -> tuple[Report, Stubs]:
    """What is said about a credential with status entries, and what was asked."""
    stubs = Stubs(Documents(*EVERYBODY), statuses)
    token = vc_jwt(ISSUER, credentialStatus=[ENTRY] * len(statuses))
    return judged(token, policy or Policy(), stubs=stubs), stubs


@pytest.mark.parametrize(
    ("status", "outcome", "words"),
    [
        (GOOD, "passed", "valid"),
        (replace(GOOD, finality=Finality.PENDING), "passed", "valid (pending)"),
        (
            Status(kind=StatusKind.UNDETERMINED),
            "undetermined status_undetermined",
            "it could not be found out",
        ),
        (
            Status(kind=StatusKind.UNDETERMINED, reason=NodeUnreachable("the node is down")),
            "undetermined node_unreachable",
            "the node is down",
        ),
        (Status(kind=StatusKind.REVOKED, value=1), "failed status_revoked", "revoked"),
        (
            Status(kind=StatusKind.SUSPENDED, value=2, changed_block=5),
            "failed status_suspended",
            "suspended, at block 5 or before",
        ),
        (
            Status(kind=StatusKind.OTHER, value=3, message="under review"),
            "failed status_other",
            "of status 3 (under review)",
        ),
    ],
)
def test_only_a_status_that_is_valid_passes(status: Status, outcome: str, words: str) -> None:
    report, stubs = with_status(status)
    assert outcomes(report)["status"] == outcome
    assert message(report, CheckName.STATUS) == words
    assert report.credentials[0].statuses == (status,)
    assert stubs.policies == [FinalityPolicy.STRICTEST]


def test_status_says_which_block_it_is_of() -> None:
    report, _ = with_status(GOOD)
    facts = check_of(report, CheckName.STATUS).facts
    assert facts["readAt"]["blockNumber"] == 9
    assert facts["finality"] == "final"
    report, _ = with_status(Status(kind=StatusKind.VALID, value=0))
    assert check_of(report, CheckName.STATUS).facts == {}


def test_worst_of_several_statuses_counts() -> None:
    unknown = Status(kind=StatusKind.UNDETERMINED)
    revoked = Status(kind=StatusKind.REVOKED, value=1)
    for statuses, expected in (
        ((GOOD, unknown), "undetermined status_undetermined"),
        ((revoked, GOOD), "failed status_revoked"),
        ((unknown, revoked, GOOD), "failed status_revoked"),
    ):
        report, _ = with_status(*statuses)
        assert outcomes(report)["status"] == expected


def test_statuses_are_asked_for_together_and_answered_in_place() -> None:
    revoked = Status(kind=StatusKind.REVOKED, value=1)
    stubs = Stubs(Documents(*EVERYBODY), [GOOD, GOOD, revoked])
    two = vc_jwt(ISSUER, credentialStatus=[ENTRY, ENTRY])
    one = vc_jwt(STRANGER, credentialStatus=ENTRY)
    reports = both(stubs, lambda v: v.verify_many([two, TOKEN, one], Policy()), NOW)
    assert [outcomes(report)["status"] for report in reports] == [
        "passed",
        "skipped",
        "failed status_revoked",
    ]
    assert [question.issuer for question in stubs.questions] == [ISSUER.did] * 2 + [STRANGER.did]
    assert [question.token for question in stubs.questions] == [two, two, one]


def test_status_policy_reaches_the_reader() -> None:
    _, stubs = with_status(GOOD, policy=Policy(finality=FinalityPolicy.LATEST))
    assert stubs.policies == [FinalityPolicy.LATEST]


def test_status_is_not_asked_for_what_no_trusted_issuer_wrote() -> None:
    stubs = Stubs(Documents(replace(ISSUER, key=somebody("other").key)))
    token = vc_jwt(ISSUER, credentialStatus=ENTRY)
    assert outcomes(judged(token, Policy(), stubs=stubs))["status"] == "skipped not_asked"
    entry = TrustEntry(issuer=STRANGER.did, types=("DegreeCredential",))
    trust = TrustPolicy(sources=(TrustList(entries=(entry,)),))
    report = judged(token, Policy(trust=trust), stubs=Stubs(Documents(*EVERYBODY)))
    assert outcomes(report)["trust"] == "failed issuer_not_trusted"
    assert outcomes(report)["status"] == "skipped not_asked"


def test_credential_without_a_status_is_refused_on_request() -> None:
    report = judged(TOKEN, Policy(require_status=True))
    assert faults(report) == {("status", "no_status")}
    assert message(report, CheckName.STATUS) == "it has none, and cannot be revoked"


def test_record_is_asked_for_by_the_digest_of_what_the_credential_says() -> None:
    stubs = Stubs(Documents(*EVERYBODY), [GOOD, GOOD])
    record = {"type": "EthereumStatusRecordEntry", "salt": "0x"}
    token = vc_jwt(ISSUER, credentialStatus=[record, ENTRY])
    judged(token, Policy(), stubs=stubs)
    expected = statement_digest(read_credential(token))
    assert [question.digest for question in stubs.questions] == [expected, None]


def test_record_of_what_has_no_digest_is_asked_for_without_one() -> None:
    # Whoever is asked says that it cannot be found: see ``StatusReader``.
    stubs = Stubs(Documents(*EVERYBODY), [Status(kind=StatusKind.UNDETERMINED)])
    record = {"type": "EthereumStatusRecordEntry", "salt": "0x"}
    token = vc_jwt(ISSUER, credentialStatus=record, number=2**60)
    report = judged(token, Policy(), stubs=stubs)
    assert report.verdict is Verdict.UNDETERMINED
    assert stubs.questions[0].digest is None


# -- existence before the key went ---------------------------------------------------------------


def existence(block: int) -> Existence:
    return Existence(
        block_number=block,
        block_hash=bytes(32),
        timestamp=0,
        tx_hash=bytes(32),
        read_at=MOMENT,
        finality=Finality.FINAL,
    )


GONE = document_of(ISSUER, verification_method=(), assertion_method=())


def looked_back(
    *answers: Existence | EthrDIDError, earlier: Mapping[int, Any], today: Any = GONE
) -> tuple[Report, Stubs]:
    """What is said of a credential whose key is gone, with a proof for each answer."""
    documents = Documents(today)
    for block, document in earlier.items():
        documents.put(document, version_id=block)
    stubs = Stubs(documents, existences=answers)
    return judged(TOKEN, Policy(), stubs=stubs, proofs=[PROOF] * len(answers)), stubs


@pytest.mark.parametrize(
    "today",
    [
        GONE,
        replace(ISSUER, key=somebody("other").key),
        ResolvedDID(did=ISSUER.did, deactivated=True, version_id=9),
    ],
)
def test_key_that_was_there_when_the_credential_existed_counts(today: Any) -> None:
    report, stubs = looked_back(existence(5), earlier={5: ISSUER}, today=today)
    assert report.verdict is Verdict.VALID, report.to_dict()
    key = check_of(report, CheckName.KEY)
    assert "was in the document when the credential existed already, at block 5" in key.message
    assert "; today: " in key.message
    assert key.facts["existence"]["blockNumber"] == 5
    assert stubs.documents.asked[:2] == [((ISSUER.did,), None), ((ISSUER.did,), 5)]


def test_earliest_of_several_proofs_counts() -> None:
    report, stubs = looked_back(existence(7), existence(5), existence(6), earlier={5: ISSUER})
    assert report.is_valid
    assert stubs.documents.asked[1] == ((ISSUER.did,), 5)


def test_key_that_was_not_there_then_does_not_count() -> None:
    for document in (GONE, replace(ISSUER, key=somebody("other").key)):
        report, _ = looked_back(existence(5), earlier={5: document})
        assert faults(report) == {("key", "key_missing")}


@pytest.mark.parametrize("today", [GONE, replace(ISSUER, key=somebody("other").key)])
@pytest.mark.parametrize("error", [NodeUnreachable("down"), NotFoundError("no such version")])
def test_document_of_then_that_could_not_be_read_is_no_answer(
    today: Any, error: EthrDIDError
) -> None:
    unread = ResolvedDID(did=ISSUER.did, error=error)
    report, _ = looked_back(existence(5), earlier={5: unread}, today=today)
    assert faults(report) == {("key", error.code)}
    assert message(report, CheckName.KEY).endswith(f"could not be found out: {error.message}")
    assert outcomes(report)["signature"] == "skipped no_key"


def test_proof_of_nothing_changes_nothing() -> None:
    report, stubs = looked_back(NotFoundError("no anchor"), earlier={})
    assert faults(report) == {("key", "key_missing")}
    assert [version for _, version in stubs.documents.asked] == [None, None]


def test_proof_that_could_not_be_checked_is_no_answer() -> None:
    report, _ = looked_back(NodeUnreachable("down"), earlier={})
    assert report.verdict is Verdict.UNDETERMINED
    assert faults(report) == {("key", "node_unreachable")}
    assert "whether it existed before could not be found out: down" in message(
        report, CheckName.KEY
    )
    # However many there are, it is said once.
    report, _ = looked_back(NodeUnreachable("down"), UnknownNetwork("which?"), earlier={})
    assert faults(report) == {("key", "node_unreachable")}
    # Another proof may do all the same.
    report, _ = looked_back(NodeUnreachable("down"), existence(5), earlier={5: ISSUER})
    assert report.is_valid


def test_number_of_proofs_is_bounded() -> None:
    answers: list[Existence | EthrDIDError] = [NotFoundError("no anchor")] * 256
    stubs = Stubs(Documents(GONE), existences=answers)
    report = judged(TOKEN, Policy(), stubs=stubs, proofs=[PROOF] * 257)
    assert faults(report) == {("key", "too_many_proofs")}
    assert message(report, CheckName.KEY).endswith("only 256 anchors are looked for")
    found = [existence(5), *answers[1:]]
    stubs = Stubs(Documents(GONE).put(ISSUER, version_id=5), existences=found)
    assert judged(TOKEN, Policy(), stubs=stubs, proofs=[PROOF] * 257).is_valid


def test_nobody_is_asked_about_a_credential_whose_key_is_there() -> None:
    stubs = Stubs(Documents(*EVERYBODY), existences=[existence(5)])
    assert judged(TOKEN, Policy(), stubs=stubs, proofs=[PROOF]).is_valid
    assert [version for _, version in stubs.documents.asked] == [None, None]
    wrong = document_of(ISSUER, assertion_method=())
    stubs = Stubs(Documents(wrong), existences=[existence(5)])
    report = judged(TOKEN, Policy(), stubs=stubs, proofs=[PROOF])
    assert faults(report) == {("key", "wrong_purpose")}


def test_question_about_existence_names_issuer_proof_and_digest() -> None:
    asked: list[Question] = []

    class Listening(StubbedOutside):
        def answer(self, question: Question) -> Sequence[Any]:
            asked.append(question)
            return super().answer(question)

    stubs = Stubs(Documents(GONE), existences=[NotFoundError("none")] * 2)
    verifier = Verifier(Listening(stubs), clock=lambda: NOW)
    other = replace(PROOF, salt=b"\1" * 32)
    verifier.verify(TOKEN, proofs=[PROOF, other])
    digest = read_credential(TOKEN).digest
    assert asked == [
        Resolve(dids=(ISSUER.did,)),
        AskExistence(asked=((ISSUER.did, PROOF, digest), (ISSUER.did, other, digest))),
    ]


# -- queries -------------------------------------------------------------------------------------

ADULT = {
    "id": "adult",
    "format": "dc+sd-jwt",
    "meta": {"vct_values": [VCT]},
    "claims": [{"path": ["age_equal_or_over", "18"], "values": [True]}],
}
QUERY = Query.from_dict({"credentials": [ADULT]})
ASKING = replace(AT_THE_SHOP, query=QUERY)


def responded(response: Any, policy: Policy = ASKING) -> Report:
    stubs = Stubs(Documents(*EVERYBODY))
    found: Report = both(stubs, lambda one: one.verify_response(response, policy), NOW)
    if found.is_valid:
        check_signatures(found)
    return found


def test_presentation_answers_the_query_of_the_policy() -> None:
    report = judged(bound(HELD), ASKING)
    assert report.verdict is Verdict.VALID, report.to_dict()
    assert report.checks[-1].name is CheckName.QUERY
    other = person_sd_jwt(
        ISSUER,
        cnf={"jwk": HOLDER.key.public.to_jwk()},
        age_equal_or_over={"18": False},
    )
    assert ("query", "claims_missing") in faults(judged(bound(other), ASKING))


def test_response_that_answers_the_query_is_valid() -> None:
    shown = bound(HELD)
    for response in ({"adult": [shown]}, json.dumps({"adult": [shown]}).encode()):
        report = responded(response)
        assert report.verdict is Verdict.VALID, report.to_dict()
        assert [part.presentation for part in report.parts] == ["dc+sd-jwt+kb"]
        assert [one.name for one in report.checks] == [CheckName.QUERY]


def test_response_without_what_was_asked_for_is_not_valid() -> None:
    report = responded({"other": [bound(HELD)]})
    assert report.verdict is Verdict.INVALID
    assert {name for name, _ in faults(report)} == {"query"}


def test_response_with_a_bad_presentation_is_not_valid() -> None:
    report = responded({"adult": [bound(HELD, STRANGER.key)]})
    assert ("signature", "bad_signature") in faults(report)


@pytest.mark.parametrize("response", [b"", b"[]", {}, {"adult": []}, {"adult": "a"}, b"{"])
def test_response_that_is_none_is_malformed(response: Any) -> None:
    assert faults(responded(response)) == {("format", "malformed")}


def test_response_does_not_hold_many_credentials() -> None:
    stubs = Stubs(Documents(*EVERYBODY))
    many = [presented(HOLDER, *[TOKEN] * 33), presented(HOLDER, *[TOKEN] * 32)]
    report = both(stubs, lambda one: one.verify_response({"adult": many}, ASKING), NOW)
    assert faults(report) == {("format", "malformed")}
    assert "65 credentials in one answer; at most 64" in message(report, CheckName.FORMAT)
    assert stubs.documents.asked == []


def test_response_without_a_query_is_a_mistake_of_the_verifier() -> None:
    stubs = Stubs(Documents())
    with pytest.raises(InvalidOption, match="no query in the policy"):
        Verifier(stubs.blocking()).verify_response({}, Policy())
    with pytest.raises(InvalidOption, match="no query in the policy"):
        asyncio.run(AsyncVerifier(stubs.awaited()).verify_response({}, Policy()))


def test_hidden_claim_that_is_not_shown_is_not_there() -> None:
    credential = sign_sd_jwt_vc(
        {
            "iss": ISSUER.did,
            "vct": VCT,
            "name": "Erika",
            "cnf": {"jwk": HOLDER.key.public.to_jwk()},
        },
        ISSUER.key,
        **ISSUER.signing,
        hidden=[("name",)],
        random=Chance(),
    )
    policy = replace(AT_THE_SHOP, required=(("name",),))
    assert judged(bound(credential), policy).is_valid
    less = f"{credential.partition('~')[0]}~"
    assert faults(judged(bound(less), policy)) == {("claims", "claims_missing")}

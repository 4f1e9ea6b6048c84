"""What checks amount to, for programs and for people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ethr_did import errors
from ethr_did.core.status_answer import Status, StatusKind
from ethr_did.credentials.credential import CredentialFormat, PresentationFormat
from ethr_did.credentials.report import (
    Check,
    CheckName,
    CredentialReport,
    Outcome,
    Report,
    Verdict,
    in_order,
    is_no,
    verdict_of,
)
from ethr_did.errors import CredentialNotValid, CredentialUndetermined, InvalidCredential

PASSED = Check.passed(CheckName.SIGNATURE, "made with it", key="z6Mk")
SKIPPED = Check.skipped(CheckName.SCHEMA, "it names none", code="no_schema")
UNKNOWN = Check.unknown(CheckName.STATUS, "node_unreachable", "the node is down")
FAILED = Check.failed(CheckName.VALIDITY, "expired", "valid until yesterday")


def report(*checks: Check, **members: Any) -> Report:
    """A report about one credential."""
    one = CredentialReport(place="credential", checks=checks)
    return Report(verified_at=0, credentials=(one,), **members)


# -- checks --------------------------------------------------------------------------------------


def test_check_says_how_it_ended() -> None:
    assert [one.outcome for one in (PASSED, SKIPPED, UNKNOWN, FAILED)] == [
        Outcome.PASSED,
        Outcome.SKIPPED,
        Outcome.UNDETERMINED,
        Outcome.FAILED,
    ]
    assert PASSED.to_dict() == {
        "check": "signature",
        "outcome": "passed",
        "message": "made with it",
        "key": "z6Mk",
    }
    assert FAILED.to_dict() == {
        "check": "validity",
        "outcome": "failed",
        "code": "expired",
        "message": "valid until yesterday",
    }
    assert Check.skipped(CheckName.TRUST, "nobody asked").to_dict()["outcome"] == "skipped"


def test_error_that_says_no_is_a_failure_with_its_own_code_or_another() -> None:
    error = InvalidCredential("the thing is broken", hint="Ask for another")
    check = Check.of_error(CheckName.FORMAT, error, "malformed")
    assert (check.outcome, check.code) == (Outcome.FAILED, "malformed")
    assert check.message == "the thing is broken. Ask for another"
    assert Check.of_error(CheckName.FORMAT, error).code == error.code
    assert Check.of_error(CheckName.FORMAT, InvalidCredential("broken")).message == "broken"


def test_error_that_says_nothing_is_undetermined_and_keeps_its_code() -> None:
    check = Check.of_error(CheckName.KEY, errors.NodeUnreachable("down"), "key_missing")
    assert (check.outcome, check.code) == (Outcome.UNDETERMINED, "node_unreachable")


@pytest.mark.parametrize(
    "kind",
    [
        *(errors.InvalidCredential, errors.InvalidDID),
        *(errors.NotFoundError, errors.DeactivatedError),
    ],
)
def test_what_is_wrong_is_a_no(kind: type[errors.EthrDIDError]) -> None:
    assert is_no(kind("something"))


@pytest.mark.parametrize(
    "kind",
    [
        *(errors.UnknownNetwork, errors.UnsupportedMethod, errors.InvalidConfiguration),
        *(errors.ChainError, errors.NodeUnreachable, errors.FetchError, errors.StatusUndetermined),
    ],
)
def test_what_could_not_be_found_out_is_never_a_no(kind: type[errors.EthrDIDError]) -> None:
    assert not is_no(kind("something"))


def test_checks_are_reported_in_the_order_of_their_names() -> None:
    checks = {one.name: one for one in (UNKNOWN, PASSED, FAILED, SKIPPED)}
    assert [one.name for one in in_order(checks)] == [
        CheckName.SIGNATURE,
        CheckName.VALIDITY,
        CheckName.SCHEMA,
        CheckName.STATUS,
    ]


# -- verdicts ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("checks", "verdict"),
    [
        ([], Verdict.UNDETERMINED),
        ([SKIPPED], Verdict.UNDETERMINED),
        ([PASSED], Verdict.VALID),
        ([PASSED, SKIPPED], Verdict.VALID),
        ([PASSED, UNKNOWN], Verdict.UNDETERMINED),
        ([UNKNOWN], Verdict.UNDETERMINED),
        ([FAILED], Verdict.INVALID),
        ([PASSED, SKIPPED, UNKNOWN, FAILED], Verdict.INVALID),
    ],
)
def test_verdict_is_that_of_the_worst_check(checks: list[Check], verdict: Verdict) -> None:
    assert verdict_of(checks) is verdict
    assert report(*checks).verdict is verdict
    assert report(*checks).credentials[0].verdict is verdict
    assert report(*checks).is_valid is (verdict is Verdict.VALID)


def test_presentation_is_as_bad_as_its_worst_credential_and_its_own_checks() -> None:
    good, bad = report(PASSED).credentials[0], report(FAILED).credentials[0]
    for whole in (
        Report(verified_at=0, credentials=(good, bad), checks=(PASSED,)),
        Report(verified_at=0, credentials=(good,), checks=(FAILED,)),
        Report(verified_at=0, credentials=(), parts=(report(PASSED), report(FAILED))),
    ):
        assert whole.verdict is Verdict.INVALID
        assert {PASSED.name, FAILED.name} >= {check.name for check in whole.all_checks}


def test_checks_of_a_presentation_come_before_those_of_its_credentials() -> None:
    credential = report(FAILED).credentials[0]
    part = Report(verified_at=0, credentials=(credential,), checks=(UNKNOWN,))
    whole = Report(verified_at=0, credentials=(), checks=(PASSED,), parts=(part,))
    assert whole.all_checks == (PASSED, UNKNOWN, FAILED)


def test_valid_report_is_given_back() -> None:
    good = report(PASSED)
    assert good.check() is good


def test_report_that_is_not_valid_is_an_error_with_every_reason() -> None:
    with pytest.raises(CredentialNotValid) as caught:
        report(PASSED, UNKNOWN, FAILED).check()
    error = caught.value
    assert error.message == "the credential is not valid: validity: valid until yesterday"
    assert error.hint == "Do not accept it."
    assert error.facts["codes"] == ("expired",)


def test_report_that_says_nothing_is_another_error() -> None:
    with pytest.raises(CredentialUndetermined) as caught:
        report(PASSED, UNKNOWN, presentation=PresentationFormat.VP_JWT).check()
    error = caught.value
    assert error.message == ("the presentation could not be verified: status: the node is down")
    assert error.hint == "Do not accept it; ask again."
    assert error.facts["codes"] == ("node_unreachable",)
    with pytest.raises(CredentialUndetermined, match="nothing was checked"):
        report().check()


# -- JSON ----------------------------------------------------------------------------------------


def test_report_is_json() -> None:
    one = CredentialReport(
        place="credential 1",
        checks=(PASSED,),
        format=CredentialFormat.VC_JWT,
        issuer="did:example:1",
        subjects=("did:example:2",),
        types=("Degree",),
        claims={"name": "Erika"},
        valid_from=0,
        valid_until=60,
        statuses=(Status(kind=StatusKind.VALID, value=0),),
    )
    whole = Report(
        verified_at=0,
        credentials=(one,),
        presentation=PresentationFormat.VP_JWT,
        holder="did:example:2",
        checks=(PASSED,),
    )
    made = json.loads(json.dumps(whole.to_dict()))
    assert made["verdict"] == "valid"
    assert made["valid"] is True
    assert made["verifiedAt"] == "1970-01-01T00:00:00Z"
    assert (made["presentation"], made["holder"]) == ("vp+jwt", "did:example:2")
    assert made["checks"] == [PASSED.to_dict()]
    credential = made["credentials"][0]
    assert credential["format"] == "vc+jwt"
    assert credential["statuses"][0]["status"] == "valid"
    assert (credential["validFrom"], credential["validUntil"]) == (
        "1970-01-01T00:00:00Z",
        "1970-01-01T00:01:00Z",
    )
    assert credential["claims"] == {"name": "Erika"}
    assert "Erika" not in repr(whole)


def test_what_is_not_known_is_left_out() -> None:
    assert report(FAILED).to_dict() == {
        "verdict": "invalid",
        "valid": False,
        "verifiedAt": "1970-01-01T00:00:00Z",
        "credentials": [{"verdict": "invalid", "checks": [FAILED.to_dict()]}],
    }
    whole = Report(verified_at=0, credentials=(), parts=(report(PASSED),))
    assert whole.to_dict()["presentations"] == [report(PASSED).to_dict()]
    assert "credentials" not in whole.to_dict()

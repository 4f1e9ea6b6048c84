"""What a report looks like in the shape of the VC API.

Rules:
  * ``verified`` is true for what is valid, and for nothing else. ``verdict`` tells apart what is
    wrong from what could not be found out.
  * ``problemDetails`` has a line for each check that failed or could not be made. The VC API calls
    a status or a time that is over a warning; here it is a problem: such a credential is not valid.
  * ``warnings`` says what was not looked at: whose credentials are accepted, if nobody was named.
  * ``report`` is the whole report, with every check and the blocks that were read.
  * Types of problems are those of the Data Model and of Bitstring Status List where they have one,
    else a URN that ends in our code.

Spec: VC API (VCALM) 0.9, "Error Handling", ``VerificationResult``; VC Data Model 2.0, section 7.2;
Bitstring Status List 1.0, section 3.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.resolution import format_time
from ethr_did.core.strict_json import write_json
from ethr_did.credentials.report import Check, CheckName, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ethr_did.credentials.report import CredentialReport, Report
    from ethr_did.service.verification_requests import Asked

__all__ = ["http_status", "result_of", "undetermined_result"]

_DATA_MODEL = "https://www.w3.org/TR/vc-data-model#"
_STATUS_LIST = "https://www.w3.org/ns/credentials/status-list#"
_OWN = "urn:ethr-did:check:"

_TYPES: Final = {
    CheckName.FORMAT: _DATA_MODEL + "MALFORMED_VALUE_ERROR",
    CheckName.KEY: _DATA_MODEL + "CRYPTOGRAPHIC_SECURITY_ERROR",
    CheckName.SIGNATURE: _DATA_MODEL + "CRYPTOGRAPHIC_SECURITY_ERROR",
    CheckName.VALIDITY: _DATA_MODEL + "RANGE_ERROR",
}

_NOT_SAID: Final = frozenset({"nonce_unknown", "audience_unknown"})
"""Codes of what whoever asks has to say, and did not."""

_BAD = (Outcome.FAILED, Outcome.UNDETERMINED)


def http_status(report: Report) -> int:
    """The status of the response.

    200 is for what is valid and nothing else, so that who looks at no more is never told a yes that
    is none; the W3C's test suites ask for 400 as well. 503 says that it was not found out. Where it
    was not found out because nonce or audience were not named, asking again as it is would not help:
    400.
    """
    if report.verdict is Verdict.UNDETERMINED:
        open_ = {one.code for one in report.all_checks if one.outcome is Outcome.UNDETERMINED}
        return 400 if open_ and open_ <= _NOT_SAID else 503
    return 200 if report.is_valid else 400


def result_of(report: Report, asked: Asked, member: str) -> bytes:
    """The body of the response, as JSON.

    Args:
        report: what was found out.
        asked: the request.
        member: by which what was asked about is given back.
    """
    options = asked.options
    result: dict[str, Any] = {"verified": report.is_valid, "verdict": report.verdict.value}
    if options.returns_problems:
        result["problemDetails"] = list(_problems(report))
        result["warnings"] = [_told(one, place) for one, place in _placed(report) if _warns(one)]
    if options.returns_subject:
        result[member] = asked.given
    if options.returns_results:
        result["results"] = _results(report)
    return write_json({**result, "report": report.to_dict()})


def undetermined_result(code: str, message: str) -> bytes:
    """The body of a response where there is not even a report."""
    problem = {"type": _OWN + code, "title": "not found out", "detail": message, "code": code}
    return write_json(
        {"verified": False, "verdict": Verdict.UNDETERMINED.value, "problemDetails": [problem]}
    )


# -- problems ------------------------------------------------------------------------------------


def _placed(report: Report) -> Iterator[tuple[Check, str]]:
    """Every check, with the place of the credential it is about."""
    for part in report.parts:
        yield from _placed(part)
    for check in report.checks:
        yield check, ""
    for one in report.credentials:
        for check in one.checks:
            yield check, one.place


def _problems(report: Report) -> Iterator[dict[str, str]]:
    for check, place in _placed(report):
        if check.outcome in _BAD:
            yield _told(check, place)


def _warns(check: Check) -> bool:
    """Whether a check that nobody asked for leaves something open that matters."""
    return check.name is CheckName.TRUST and check.outcome is Outcome.SKIPPED


def _told(check: Check, place: str) -> dict[str, str]:
    members = {
        "type": _type_of(check),
        "title": f"{check.name.value}: {check.outcome.value}",
        "detail": check.message,
        "code": check.code,
        "check": check.name.value,
        "credential": place,
    }
    return {name: value for name, value in members.items() if value}


def _type_of(check: Check) -> str:
    if check.name is CheckName.STATUS and check.outcome is Outcome.UNDETERMINED:
        return _STATUS_LIST + "STATUS_RETRIEVAL_ERROR"
    if check.name in _TYPES and check.outcome is Outcome.FAILED:
        return _TYPES[check.name]
    return _OWN + (check.code or check.name.value)


# -- results, step by step -----------------------------------------------------------------------


def _results(report: Report) -> dict[str, Any]:
    """Member ``results``: of a presentation, or of the one credential."""
    if report.parts:
        return {"presentations": [_results(part) for part in report.parts]}
    if report.presentation is None:
        return _of_credential(report.credentials[0]) if report.credentials else {}
    checks = {one.name: one for one in report.checks}
    told = {
        "challenge": _verified(checks, [CheckName.NONCE]),
        "domain": _verified(checks, [CheckName.AUDIENCE]),
        "holder": {**_verified(checks, [CheckName.KEY]), "input": report.holder},
        "proof": [_verified(checks, [CheckName.SIGNATURE])],
    }
    credentials = [
        {"verified": one.verdict is Verdict.VALID, "results": _of_credential(one)}
        for one in report.credentials
    ]
    return {"presentation": told, "credentials": credentials}


def _of_credential(one: CredentialReport) -> dict[str, Any]:
    checks = {check.name: check for check in one.checks}
    told: dict[str, Any] = {"proof": [_verified(checks, [CheckName.KEY, CheckName.SIGNATURE])]}
    for name, seconds in (("validFrom", one.valid_from), ("validUntil", one.valid_until)):
        if seconds is not None:
            told[name] = {**_verified(checks, [CheckName.VALIDITY]), "input": format_time(seconds)}
    told["credentialStatus"] = [
        {"verified": status.is_valid, "value": status.value, "status": status.kind.value}
        for status in one.statuses
    ]
    told["credentialSchema"] = [
        _verified(checks, [CheckName.SCHEMA])
        for check in one.checks
        if check.name is CheckName.SCHEMA and check.outcome is not Outcome.SKIPPED
    ]
    return told


def _verified(checks: dict[CheckName, Check], names: Sequence[CheckName]) -> dict[str, Any]:
    made: Iterable[Check | None] = [checks.get(name) for name in names]
    return {"verified": all(one is not None and one.outcome is Outcome.PASSED for one in made)}

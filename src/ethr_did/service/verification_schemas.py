"""What is sent to the verifying endpoints and what comes back, as JSON Schemas for OpenAPI."""

from __future__ import annotations

from typing import Any, Final

from ethr_did.core.status_answer import FinalityPolicy
from ethr_did.credentials.policy import HolderRule
from ethr_did.credentials.report import CheckName, Outcome, Verdict
from ethr_did.service.status_schemas import JSON, PROBLEM, parameter, problems

__all__ = [
    "ANYTHING",
    "CREDENTIAL_REQUEST",
    "OPTIONS",
    "PRESENTATION_REQUEST",
    "REPORTS",
    "RESULTS",
    "body",
]

_TEXT = {"type": "string", "minLength": 1, "maxLength": 2048}
_FLAG = {"type": "boolean"}
_PATHS = {"type": "array", "maxItems": 64, "items": {"type": "string", "maxLength": 2048}}
_SECONDS = {"type": "integer", "minimum": 0, "maximum": 2**40 - 1}
_HOLDER = {"type": "string", "enum": [one.value for one in HolderRule]}
_FINALITY = {"type": "string", "enum": [one.value for one in FinalityPolicy]}
_CHECKS = {
    "type": "array",
    "maxItems": 16,
    "items": {"type": "string", "maxLength": 2048},
    "description": "Of older drafts. All checks are made nevertheless.",
}

_COMMON: dict[str, Any] = {
    "checks": _CHECKS,
    "returnResults": _FLAG,
    "returnProblemDetails": _FLAG,
    "require": {**_PATHS, "description": "Claims that must be there, neither null nor false."},
    "maxAge": {**_SECONDS, "description": "Since it was issued."},
    "policy": {**_FINALITY, "description": "Which block counts for statuses."},
    "requireStatus": {**_FLAG, "description": "Refuse a credential without a status."},
    "holder": {**_HOLDER, "description": "Who may show a credential."},
    "existence": {
        "type": "array",
        "maxItems": 16,
        "items": {"type": "object"},
        "description": "Proofs that a credential existed while its key was there.",
    },
}


def _options(**more: Any) -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {**_COMMON, **more}}


_SUBJECT = {
    "oneOf": [{"type": "object"}, {"type": "string"}],
    "description": "A JSON object with its proof, a token, or an envelope around one.",
}

CREDENTIAL_REQUEST: Final[dict[str, Any]] = {
    "title": "VerifyCredentialRequest",
    "type": "object",
    "additionalProperties": False,
    "required": ["verifiableCredential"],
    "properties": {
        "verifiableCredential": _SUBJECT,
        "options": _options(returnCredential=_FLAG),
    },
}
PRESENTATION_REQUEST: Final[dict[str, Any]] = {
    "title": "VerifyPresentationRequest",
    "type": "object",
    "additionalProperties": False,
    "oneOf": [{"required": ["verifiablePresentation"]}, {"required": ["vpToken", "options"]}],
    "properties": {
        "verifiablePresentation": _SUBJECT,
        "vpToken": {
            "type": "object",
            "description": "The answer to `options.query`: presentations by the parts of the query.",
        },
        "options": _options(
            returnPresentation=_FLAG,
            challenge={**_TEXT, "description": "Nonce that it must be made for."},
            domain={**_TEXT, "description": "Who it must be made for."},
            unbound={**_FLAG, "description": "Do not compare challenge and domain."},
            query={"type": "object", "description": "DCQL request that must be answered."},
        ),
    },
}
ANYTHING: Final[dict[str, Any]] = {
    "type": "string",
    "description": "A token, or a JSON object with its proof.",
}
OPTIONS: Final = [
    parameter("challenge", "query", "Nonce that a presentation must be made for.", _TEXT),
    parameter("domain", "query", "Who it must be made for.", _TEXT),
    parameter("unbound", "query", "Do not compare challenge and domain.", _FLAG),
    parameter("holder", "query", "Who may show a credential.", _HOLDER),
    parameter(
        "require",
        "query",
        "A claim that must be there, neither null nor false; may be repeated.",
        _PATHS,
        style="form",
        explode=True,
    ),
    parameter("maxAge", "query", "Seconds since it was issued.", _SECONDS),
    parameter("policy", "query", "Which block counts for statuses.", _FINALITY),
    parameter("requireStatus", "query", "Refuse a credential without a status.", _FLAG),
]


def body(schema: dict[str, Any], media_type: str) -> dict[str, Any]:
    """The description of the body of a request."""
    return {"required": True, "content": {media_type: {"schema": schema}}}


_VERDICT = {"type": "string", "enum": [one.value for one in Verdict]}
_CHECK = {
    "type": "object",
    "required": ["check", "outcome", "message"],
    "properties": {
        "check": {"type": "string", "enum": [one.value for one in CheckName]},
        "outcome": {"type": "string", "enum": [one.value for one in Outcome]},
        "code": {"type": "string"},
        "message": {"type": "string"},
    },
}
_CREDENTIAL = {
    "type": "object",
    "required": ["verdict", "checks"],
    "properties": {"verdict": _VERDICT, "checks": {"type": "array", "items": _CHECK}},
}
REPORT: Final[dict[str, Any]] = {
    "title": "Report",
    "type": "object",
    "required": ["verdict", "valid", "verifiedAt"],
    "properties": {
        "verdict": _VERDICT,
        "valid": {"type": "boolean"},
        "verifiedAt": {"type": "string", "format": "date-time"},
        "presentation": {"type": "string"},
        "holder": {"type": "string"},
        "checks": {"type": "array", "items": _CHECK},
        "credentials": {"type": "array", "items": _CREDENTIAL},
        "presentations": {"type": "array", "items": {"type": "object"}},
    },
}
_PROBLEM_DETAILS = {
    "type": "array",
    "items": {
        "type": "object",
        "required": ["type", "title"],
        "properties": {"type": {"type": "string"}, "title": {"type": "string"}},
    },
}
RESULT: Final[dict[str, Any]] = {
    "title": "VerificationResult",
    "type": "object",
    "required": ["verified", "verdict"],
    "properties": {
        "verified": {"type": "boolean"},
        "verdict": _VERDICT,
        "problemDetails": _PROBLEM_DETAILS,
        "warnings": _PROBLEM_DETAILS,
        "results": {"type": "object"},
        "report": REPORT,
    },
}

_VALID, _INVALID, _UNKNOWN = 200, 400, 503


def _responses(schema: dict[str, Any], unknown: dict[str, Any]) -> dict[int | str, Any]:
    """Of the three verdicts; ``unknown`` where there may be no report."""
    refused = {JSON: {"schema": schema}, "application/problem+json": {"schema": PROBLEM}}
    return {
        _VALID: {"description": "It is valid.", "content": {JSON: {"schema": schema}}},
        _INVALID: {
            "description": "It is not valid, or the request is not as it must be.",
            "content": refused,
        },
        _UNKNOWN: {
            "description": "It was not found out whether it is valid.",
            "content": {JSON: {"schema": unknown}},
        },
        **problems(413),
    }


RESULTS: Final = _responses(RESULT, RESULT)
REPORTS: Final = _responses(REPORT, {"anyOf": [REPORT, RESULT]})

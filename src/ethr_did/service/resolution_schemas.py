"""What questions and answers of DID Resolution look like, for the OpenAPI description.

The binding has no framework around it that could describe it: this is written by hand, and a test
asks what is described here and compares.

Spec: DID Resolution v0.3 sections 9 to 12; OpenAPI 3.1.
"""

from __future__ import annotations

from typing import Any, Final

from ethr_did.service.negotiation import DEREFERENCING, DOCUMENTS, OLDER_RESOLUTION, RESOLUTION
from ethr_did.service.status_schemas import JSON, PROBLEM, described, parameter

__all__ = ["PATHS", "READ_AT"]

READ_AT: Final[dict[str, Any]] = {
    "title": "ReadAt",
    "description": "The block that an answer is of.",
    "type": "object",
    "required": ["chainId", "blockNumber", "blockHash", "blockTime"],
    "properties": {
        "chainId": {"type": "integer"},
        "blockNumber": {"type": "integer"},
        "blockHash": {"type": "string", "pattern": "^0x[0-9a-f]{64}$"},
        "blockTime": {"type": "string", "format": "date-time"},
    },
}

_ERROR: Final[dict[str, Any]] = {
    "title": "ResolutionError",
    "description": "RFC 9457; DID Resolution, section 11.",
    "type": "object",
    "required": ["type", "title", "detail", "code"],
    "properties": {
        "type": {"type": "string", "pattern": "^https://www\\.w3\\.org/ns/did#[A-Z_]+$"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable, for programs."},
        "hint": {"type": "string", "description": "What to do next."},
    },
}
_METADATA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "contentType": {"type": "string"},
        "readAt": READ_AT,
        "error": _ERROR,
        "errorName": {"type": "string", "description": "The older name of the error."},
    },
}
_ABOUT: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {
        "deactivated": {"const": True},
        "versionId": {"type": "string", "pattern": "^[0-9]+$"},
        "updated": {"type": "string", "format": "date-time"},
        "nextVersionId": {"type": "string", "pattern": "^[0-9]+$"},
        "nextUpdate": {"type": "string", "format": "date-time"},
    },
    "additionalProperties": False,
}
_DOCUMENT: Final[dict[str, Any]] = {
    "title": "Content",
    "description": "The DID document; or the verification method or service that a fragment names.",
    "type": "object",
    "required": ["id"],
    "properties": {"id": {"type": "string"}},
}
_RESULT: Final[dict[str, Any]] = {
    "title": "ResolutionResult",
    "type": "object",
    "required": ["didResolutionMetadata", "didDocument", "didDocumentMetadata"],
    "properties": {
        "didResolutionMetadata": _METADATA,
        "didDocument": {"type": ["object", "null"]},
        "didDocumentMetadata": _ABOUT,
    },
    "additionalProperties": False,
}
_DEREFERENCED: Final[dict[str, Any]] = {
    "title": "DereferencingResult",
    "type": "object",
    "required": ["dereferencingMetadata", "content", "contentMetadata"],
    "properties": {
        "dereferencingMetadata": _METADATA,
        "content": {"type": ["object", "string", "null"]},
        "contentMetadata": _ABOUT,
    },
    "additionalProperties": False,
}
_WHOLE: Final[dict[str, Any]] = {
    RESOLUTION: {"schema": _RESULT},
    OLDER_RESOLUTION: {"schema": _RESULT},
    DEREFERENCING: {"schema": _DEREFERENCED},
}
_CONTENT: Final[dict[str, Any]] = {
    **{media_type: {"schema": _DOCUMENT} for media_type in DOCUMENTS},
    # Readers of descriptions look at media types without their parameters.
    "application/ld+json": {"schema": {"oneOf": [_DOCUMENT, _RESULT]}},
    **_WHOLE,
}


def _header(words: str) -> dict[str, Any]:
    return {"description": words, "schema": {"type": "string"}}


_CACHE_CONTROL = _header(
    "Immutable only for a version that is final; at most until something in the document ends."
)
_RESPONSES: Final[dict[str, Any]] = {
    "200": {
        "description": "The document, the part of it that the DID URL names, or the whole result.",
        "content": _CONTENT,
        "headers": {
            "Cache-Control": _CACHE_CONTROL,
            "ETag": _header("Weak: of what is said about the identity."),
            "Vary": _header("Accept."),
        },
    },
    "303": {
        "description": "The URL of a service, for `text/uri-list`. The body is empty.",
        "headers": {"Location": _header("The first URL."), "Cache-Control": _CACHE_CONTROL},
    },
    **{
        status: {"description": words, "content": _WHOLE}
        for status, words in {
            "400": "`INVALID_DID`, `INVALID_DID_URL` or `INVALID_OPTIONS`.",
            "404": "`NOT_FOUND`: no such block, or nothing of that name in the document.",
            "406": "`REPRESENTATION_NOT_SUPPORTED`: nothing that is offered is accepted.",
            "410": "The identity was given up.",
            "500": "`INTERNAL_ERROR`: it could not be found out. Neither a yes nor a no.",
            "501": "`METHOD_NOT_SUPPORTED`, or `FEATURE_NOT_SUPPORTED`: an option that is not.",
        }.items()
    },
}
_NEGOTIATION: Final = (
    "`Accept` chooses between the document, which is what comes back if nothing is asked for, the "
    "whole result, and `text/uri-list`, which is answered with a redirect to a service."
)
_NOT_MODIFIED: Final = {"304": {"description": "It has not changed."}}
_PARAMETERS: Final[list[dict[str, Any]]] = [
    parameter(
        "identifier",
        "path",
        "A DID, or a DID URL, as it is or percent-encoded. As it is, the query of the request is "
        "its query.",
        {"type": "string", "minLength": 1},
        examples={
            "did": {"value": "did:ethr:sepolia:0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"},
            "key": {
                "value": "did:ethr:sepolia:0x7e5f4552091a69125d5dfcb7b8c2659029395bdf#controller"
            },
        },
    ),
    parameter(
        "versionId", "query", "Number of a block.", {"type": "string", "pattern": "^[0-9]+$"}
    ),
    parameter(
        "versionTime", "query", "UTC, to the second.", {"type": "string", "format": "date-time"}
    ),
    parameter("accept", "query", "As the header of that name.", {"type": "string"}),
    parameter(
        "expandRelativeUrls", "query", "Make relative DID URLs absolute.", {"type": "boolean"}
    ),
    parameter(
        "noCache", "query", "Ask anew. May not be allowed.", {"type": "boolean", "default": False}
    ),
]
_OPTIONS: Final[dict[str, Any]] = {
    "title": "ResolutionOptions",
    "type": "object",
    "properties": {
        "versionId": {"type": ["string", "integer", "null"]},
        "versionTime": {"type": ["string", "null"], "format": "date-time"},
        "accept": {"type": ["string", "null"]},
        "expandRelativeUrls": {"enum": [True, False, "true", "false", None]},
        "noCache": {"enum": [True, False, "true", "false", None]},
    },
    "additionalProperties": False,
}


def _plain(summary: str, operation: str, schema: dict[str, Any]) -> dict[str, Any]:
    told = described(summary, schema, JSON)
    return {
        "get": {
            "tags": ["identifiers"],
            "summary": summary,
            "operationId": operation,
            "responses": {"200": told},
        }
    }


PATHS: Final[dict[str, Any]] = {
    "/1.0/identifiers/{identifier}": {
        "get": {
            "tags": ["identifiers"],
            "summary": "Resolve a DID, or dereference a DID URL",
            "description": _NEGOTIATION,
            "operationId": "resolve",
            "parameters": _PARAMETERS,
            "responses": {**_RESPONSES, **_NOT_MODIFIED},
        },
        "post": {
            "tags": ["identifiers"],
            "summary": "The same, with the options in the body",
            "description": _NEGOTIATION,
            "operationId": "resolve_with_options",
            "parameters": _PARAMETERS,
            "requestBody": {"required": False, "content": {JSON: {"schema": _OPTIONS}}},
            "responses": {
                **_RESPONSES,
                "415": {
                    "description": "The options are not posted as JSON.",
                    "content": {"application/problem+json": {"schema": PROBLEM}},
                },
            },
        },
    },
    "/1.0/methods": _plain(
        "The DID methods that are resolved",
        "methods",
        {"type": "array", "items": {"type": "string"}},
    ),
    "/1.0/properties": _plain("What this resolver is, by method", "properties", {"type": "object"}),
    "/1.0/testIdentifiers": _plain(
        "DIDs to try, by method",
        "test_identifiers",
        {
            "type": "object",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
    ),
}
"""The paths that no framework describes."""

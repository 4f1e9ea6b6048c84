"""What answers about statuses and lists look like, as JSON Schemas for the OpenAPI description."""

from __future__ import annotations

from typing import Any, Final

from ethr_did.core.status_answer import Finality, FinalityPolicy, StatusKind

__all__ = [
    "AT_BLOCK",
    "AT_TIME",
    "BATCH",
    "BATCH_ANSWER",
    "EXACT_SINCE",
    "HISTORY",
    "INDEX",
    "ISSUER",
    "JSON",
    "KEY",
    "LIST_ID",
    "POLICY",
    "PROBLEM",
    "STATUS",
    "STATUS_AT",
    "TIMES",
    "described",
    "parameter",
    "problems",
]

JSON: Final = "application/json"

_HEX_WORD = "^0x[0-9a-fA-F]{64}$"
_WHOLE = {"type": "integer", "minimum": 0}

PROBLEM: Final[dict[str, Any]] = {
    "title": "Problem",
    "description": "RFC 9457.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "code": {"type": "string", "description": "Stable, for programs."},
        "hint": {"type": "string", "description": "What to do next."},
        "requestId": {"type": "string"},
    },
}

_PROBLEMS = {
    400: "The request is not as it must be.",
    404: "There is no such thing, or nothing is known here about the network of the issuer.",
    406: "Nothing that is offered is accepted.",
    413: "More is asked at once than is answered.",
    500: "A fault of the service.",
    501: "The service does not do this.",
    503: "It could not be found out; what was not found out is neither a yes nor a no.",
}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The descriptions of some problems, by their status."""
    content = {"application/problem+json": {"schema": PROBLEM}}
    return {one: {"description": _PROBLEMS[one], "content": content} for one in statuses}


def described(
    description: str, schema: dict[str, Any], *media_types: str, **headers: str
) -> dict[str, Any]:
    """The description of a response: JSON, unless media types are named."""
    told = {name.replace("_", "-"): words for name, words in headers.items()}
    return {
        "description": description,
        "content": {one: {"schema": schema} for one in media_types or (JSON,)},
        "headers": {
            name: {"description": words, "schema": {"type": "string"}}
            for name, words in told.items()
        },
    }


def parameter(
    name: str, place: str, description: str, schema: dict[str, Any], **more: Any
) -> dict[str, Any]:
    """The description of a parameter."""
    must = {"required": True} if place == "path" else {}
    return {
        "name": name,
        "in": place,
        "description": description,
        "schema": schema,
        **must,
        **more,
    }


ISSUER: Final = parameter(
    "issuer",
    "path",
    "DID of the issuer: whose statuses.",
    {
        "type": "string",
        "pattern": "^did:ethr:([A-Za-z0-9._-]+:)*0x[0-9a-f]{40}$",
        "examples": ["did:ethr:sepolia:0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"],
    },
)
LIST_ID: Final = parameter(
    "list_id", "path", "Id of a list on chain.", {"type": "string", "pattern": _HEX_WORD}
)
INDEX: Final = parameter(
    "index",
    "path",
    "Number of the entry, in decimal digits.",
    {"type": "string", "pattern": "^(0|[1-9][0-9]{0,8})$"},
)
KEY: Final = parameter(
    "key",
    "path",
    "Key of the record: what salt and contents of the credential amount to.",
    {"type": "string", "pattern": _HEX_WORD},
)
_BLOCK = {"type": "integer", "minimum": 0, "maximum": 2**53 - 1}
_TIME = {
    "oneOf": [
        {"type": "integer", "minimum": 0, "maximum": 2**53 - 1},
        {"type": "string", "format": "date-time"},
    ]
}
AT_BLOCK: Final = parameter("atBlock", "query", "After this block; not with `atTime`.", _BLOCK)
AT_TIME: Final = parameter(
    "atTime", "query", "At this time: Unix seconds, or with a time zone; not with `atBlock`.", _TIME
)
_POLICY = {"type": "string", "enum": [one.value for one in FinalityPolicy]}
POLICY: Final = parameter(
    "policy",
    "query",
    "Which block counts: of the newest and the last finalised one the stricter answer, or one of them.",
    _POLICY,
)
_FLAG = {"type": "boolean"}
EXACT_SINCE: Final = parameter(
    "exactSince", "query", "Find the change of the entry itself, however long ago.", _FLAG
)
TIMES: Final = parameter("times", "query", "Find out the time of the change.", _FLAG)

_MOMENT = {
    "type": "object",
    "required": ["chainId", "blockNumber", "blockHash", "blockTimestamp"],
    "properties": {
        "chainId": _WHOLE,
        "blockNumber": _WHOLE,
        "blockHash": {"type": "string", "pattern": _HEX_WORD},
        "blockTimestamp": _WHOLE,
    },
}

STATUS: Final[dict[str, Any]] = {
    "title": "Status",
    "description": "Only `valid` is valid. `undetermined` is neither a yes nor a no.",
    "type": "object",
    "required": ["status", "valid", "terminal", "finality"],
    "properties": {
        "status": {"type": "string", "enum": [one.value for one in StatusKind]},
        "valid": {"type": "boolean"},
        "value": _WHOLE,
        "message": {"type": "string"},
        "reason": {
            "description": "Why it could not be determined.",
            "type": "object",
            "required": ["code", "message"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        },
        "changedBlock": _WHOLE,
        "changedAt": _WHOLE,
        "sinceExact": {"type": "boolean"},
        "listVersion": _WHOLE,
        "terminal": {"type": "boolean"},
        "readAt": _MOMENT,
        "finality": {"type": "string", "enum": [one.value for one in Finality]},
        "issuerDeactivatedBlock": _WHOLE,
    },
}

_ABOUT = {
    "issuer": {"type": "string"},
    "entry": {"type": "object"},
    "record": {"type": "object"},
}
STATUS_AT: Final[dict[str, Any]] = {
    **STATUS,
    "title": "StatusOfEntry",
    "required": [*STATUS["required"], "issuer"],
    "properties": {**_ABOUT, **STATUS["properties"]},
}
HISTORY: Final[dict[str, Any]] = {
    "title": "StatusHistory",
    "type": "object",
    "required": ["issuer", "changes", "readAt"],
    "properties": {
        **_ABOUT,
        "changes": {"type": "array", "items": {"type": "object"}, "description": "Oldest first."},
        "readAt": _MOMENT,
        "finalBlock": _WHOLE,
    },
}
BATCH: Final[dict[str, Any]] = {
    "title": "StatusQuestions",
    "type": "object",
    "additionalProperties": False,
    "required": ["questions"],
    "properties": {
        "questions": {
            "type": "array",
            "minItems": 1,
            "maxItems": 256,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "required": ["entry", "issuer"],
                "properties": {
                    "entry": {
                        "type": "object",
                        "description": "The `credentialStatus` of a credential, or its claim `status`.",
                    },
                    "issuer": {"type": "string", "maxLength": 2048},
                    "digest": {
                        "type": "string",
                        "pattern": _HEX_WORD,
                        "description": "Of what the credential says; for records.",
                    },
                    "token": {
                        "type": "string",
                        "maxLength": 65536,
                        "description": "The credential as a JWT; for `EthrStatusRegistry2019`.",
                    },
                },
            },
        },
        "atBlock": _BLOCK,
        "atTime": _TIME,
        "policy": _POLICY,
        "exactSince": _FLAG,
        "times": _FLAG,
    },
}
BATCH_ANSWER: Final[dict[str, Any]] = {
    "title": "Statuses",
    "type": "object",
    "required": ["answers"],
    "properties": {"answers": {"type": "array", "items": STATUS}},
}

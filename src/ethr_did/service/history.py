"""``/v1/dids/{did}/history``: every change of an identity, with the document after it.

Rules:
  * All of an answer is as of one block, which it names. Pages are counted from the oldest change:
    only a reorganisation moves what stands before.
  * A page is bounded: each document is made from all events before it.
  * An identity that was never touched has no changes, and that is an answer.

Spec: docs/service.md.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from fastapi import APIRouter
from starlette.requests import Request  # noqa: TC002 - the framework reads the annotation
from starlette.responses import Response

from ethr_did.core.did import EthrDID
from ethr_did.core.strict_json import write_json
from ethr_did.errors import EthrDIDError, InvalidOption, shown
from ethr_did.service import status_schemas as described
from ethr_did.service.freshness import Fresh, Lifetime
from ethr_did.service.resolution_schemas import READ_AT
from ethr_did.service.status_requests import parameters_of
from ethr_did.service.statuses import refusal

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethr_did.resolver import History
    from ethr_did.service.backends import Backends

__all__ = ["MOST", "PATH", "USUAL", "router"]

PATH: Final = "/v1/dids/{did}/history"
USUAL: Final = 20
"""Changes on a page."""
MOST: Final = 100
"""Changes on a page at most."""

_LARGEST: Final = 10**10 - 1


def router(backends: Backends, *, seconds: float = 4.0) -> APIRouter:
    """The endpoint.

    Args:
        backends: what it asks.
        seconds: for which an answer may be given again; no longer than a block takes.
    """
    lifetime = Lifetime(int(seconds))

    async def answer(request: Request) -> Response:
        try:
            did = EthrDID.parse(request.path_params["did"])
            offset, limit = _page(parameters_of(request, "offset", "limit"))
            history = await backends.resolver.history(did.text)
            content = await asyncio.to_thread(_written, did, history, offset, limit)
        except EthrDIDError as error:
            return refusal(error)
        return Fresh.of(content, lifetime=lifetime).response(request)

    made = APIRouter(tags=["identifiers"])
    made.add_api_route(
        PATH,
        answer,
        methods=["GET"],
        summary="Every change of an identity, with the document after it",
        operation_id="v1_dids_did_history",
        response_class=Response,
        responses=_RESPONSES,
        openapi_extra={"parameters": _PARAMETERS},
    )
    made.add_api_route(PATH, answer, methods=["HEAD"], include_in_schema=False)
    return made


_PARAMETERS = [
    described.parameter(
        "did",
        "path",
        "The DID.",
        {
            "type": "string",
            "pattern": "^did:ethr:([A-Za-z0-9._-]+:)*0x([0-9a-f]{40}|[0-9a-f]{66})$",
            "examples": ["did:ethr:sepolia:0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"],
        },
    ),
    described.parameter(
        "offset",
        "query",
        "Changes to leave out, from the oldest.",
        {"type": "integer", "minimum": 0, "maximum": _LARGEST, "default": 0},
    ),
    described.parameter(
        "limit",
        "query",
        "Changes on a page.",
        {"type": "integer", "minimum": 1, "maximum": MOST, "default": USUAL},
    ),
]
_HISTORY = {
    "type": "object",
    "required": ["did", "readAt", "total", "offset", "changes", "next"],
    "properties": {
        "did": {"type": "string"},
        "readAt": READ_AT,
        "total": {"type": "integer", "minimum": 0, "description": "All changes there are."},
        "offset": {"type": "integer", "minimum": 0},
        "changes": {
            "type": "array",
            "description": "Oldest first.",
            "items": {
                "type": "object",
                "required": ["event", "blockNumber", "didDocument", "didDocumentMetadata"],
            },
        },
        "next": {"type": ["string", "null"], "description": "Path of the next page."},
    },
}
_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: described.described("One page of changes.", _HISTORY, ETag="Of these bytes."),
    304: {"description": "It has not changed."},
    **described.problems(400, 404, 501, 503),
}


def _page(parameters: Mapping[str, object]) -> tuple[int, int]:
    """Offset and limit."""
    offset = _bounded(parameters, "offset", 0, 0, _LARGEST)
    return offset, _bounded(parameters, "limit", USUAL, 1, MOST)


def _bounded(parameters: Mapping[str, object], name: str, usual: int, least: int, most: int) -> int:
    number = parameters.get(name, usual)
    if isinstance(number, bool) or not isinstance(number, int) or not least <= number <= most:
        raise InvalidOption(
            f"{name} is {shown(number)}, not a number of changes",
            hint=f"It is from {least} to {most}.",
        )
    return number


def _written(did: EthrDID, history: History, offset: int, limit: int) -> bytes:
    """The page as JSON."""
    total = len(history)
    following = offset + limit
    more = f"{_path(did)}?offset={following}&limit={limit}" if following < total else None
    page: dict[str, Any] = {
        "did": did.text,
        "readAt": history.read_at.to_dict(),
        "total": total,
        "offset": offset,
        "changes": [entry.to_dict() for entry in history.entries[offset:following]],
        "next": more,
    }
    return write_json(page)


def _path(did: EthrDID) -> str:
    return PATH.replace("{did}", quote(did.text, safe=":"))

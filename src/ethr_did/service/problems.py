"""Errors as they are told outside: one JSON object each, and no more than whoever asks may know.

Rules:
  * What HTTP itself refuses has the type ``about:blank`` and the title of its status. What this
    package refuses has a type of DID Resolution section 10, as in resolution metadata.
  * ``code`` is stable, for programs; ``detail`` and ``hint`` are for people; ``requestId`` finds
    the lines of the log.
  * Which nodes are asked is the business of who runs the service: they are not named. Nor is the
    trace of a fault: it goes to the log.
  * A problem is never kept by a cache.

Spec: RFC 9457; DID Resolution v0.3 section 10.
"""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeAlias

from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from ethr_did.core.resolution import error_to_dict
from ethr_did.errors import ChainError, EthrDIDError, outcome_of, shown
from ethr_did.service.request_ids import current_request_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from starlette.requests import Request

    Handler: TypeAlias = Callable[[Request, Exception], Awaitable[Response]]

__all__ = ["HANDLERS", "MEDIA_TYPE", "fault", "outside_words", "problem", "problem_of"]

MEDIA_TYPE = "application/problem+json"

_LATER = "Nothing is wrong with the request. Try again later."


def problem(
    status: int,
    code: str,
    detail: str,
    hint: str = "",
    *,
    headers: Mapping[str, str] | None = None,
    **more: Any,
) -> Response:
    """A response that tells of what HTTP itself refuses.

    Args:
        status: of HTTP, from 400.
        code: stable, lower-case, for programs.
        detail: what happened, with the value in it.
        hint: what to do next.
        headers: added to those of the response.
        more: further members.

    Example:
        >>> problem(429, "too_many_requests", "12 requests in a second").body
        b'{"type":"about:blank","title":"Too Many Requests","status":429,...}'
    """
    told = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "code": code,
        **({"hint": hint} if hint else {}),
        **more,
    }
    return _response(status, told, headers)


def problem_of(
    error: EthrDIDError, *, status: int | None = None, headers: Mapping[str, str] | None = None
) -> Response:
    """A response that tells of an error of this package.

    Args:
        error: what was raised.
        status: of HTTP; None for that of the table in ``errors``.
        headers: added to those of the response.
    """
    found = outcome_of(error).http_status if status is None else status
    detail, hint = outside_words(error)
    told = {**error_to_dict(error)["error"], "status": found, "detail": detail}
    told.pop("hint", None)
    if hint:
        told["hint"] = hint
    return _response(found, told, headers)


def outside_words(error: EthrDIDError) -> tuple[str, str]:
    """Message and hint of an error, without the nodes that the service asks.

    Example:
        >>> from ethr_did.errors import NodeBusy
        >>> outside_words(NodeBusy("http://10.0.0.7:8545 is busy", node="http://10.0.0.7:8545"))
        ('the node is busy', 'Nothing is wrong with the request. Try again later.')
    """
    if not isinstance(error, ChainError):
        return error.message, error.hint
    message = error.message
    for name in ("node", "nodes"):
        named = error.facts.get(name, ())
        for label in (named,) if isinstance(named, str) else named:
            message = message.replace(str(label), "the node")
    return message, _LATER


def fault() -> Response:
    """A response that tells of a fault of this program, and of nothing else."""
    return problem(
        500,
        "fault",
        "this is a fault of the service",
        "Please report it to who runs the service, with the request id.",
    )


def _response(status: int, told: dict[str, Any], headers: Mapping[str, str] | None) -> Response:
    request_id = current_request_id()
    if request_id:
        told["requestId"] = request_id
    body = json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode()
    return Response(
        body, status, {"Cache-Control": "no-store", **(headers or {})}, media_type=MEDIA_TYPE
    )


# -- what the framework raises -------------------------------------------------------------------

_CODES = {
    404: ("unknown_path", "there is nothing at this path", "What there is: /openapi.json"),
    405: ("method_not_allowed", "this path does not know that method", "See the Allow header."),
}


async def _of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - it is registered for these
    status = error.status_code
    usual = HTTPStatus(status).phrase
    code, detail, hint = _CODES.get(status, (usual.lower().replace(" ", "_"), usual, ""))
    if error.detail != usual:
        detail = error.detail
    _ = request
    return problem(status, code, detail, hint, headers=error.headers)


async def _of_validation(request: Request, error: Exception) -> Response:
    """All faults of a request, without its values: they may be credentials."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 - it is registered for these
    _ = request
    faults = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
    detail = shown("; ".join(faults), limit=1000)[1:-1]
    return problem(400, "invalid_input", detail, faults=faults[:_MOST_FAULTS])


_MOST_FAULTS = 20


async def _of_package(request: Request, error: Exception) -> Response:
    assert isinstance(error, EthrDIDError)  # noqa: S101 - it is registered for these
    _ = request
    return problem_of(error)


async def _of_fault(request: Request, error: Exception) -> Response:
    _ = request, error
    return fault()


HANDLERS: Mapping[type[Exception], Handler] = {
    HTTPException: _of_http,
    RequestValidationError: _of_validation,
    EthrDIDError: _of_package,
    Exception: _of_fault,
}
"""For ``exception_handlers`` of the application. A fault is raised on, to be logged outside."""

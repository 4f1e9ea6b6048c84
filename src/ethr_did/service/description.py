"""``/openapi.json``: what can be asked of the service, and what comes back.

Rules:
  * What the framework knows is taken from it; what it does not know is written by hand.
  * Bounds, keys and rates are around every path, so what they answer is described at every path.
  * It is made once, when it is first asked for.

Spec: OpenAPI 3.1.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final

from fastapi.openapi.utils import get_openapi
from starlette.responses import Response
from starlette.routing import Route

from ethr_did.core.strict_json import write_json
from ethr_did.service.resolution_schemas import PATHS
from ethr_did.service.status_schemas import PROBLEM

if TYPE_CHECKING:
    from fastapi import FastAPI
    from starlette.requests import Request
    from starlette.routing import BaseRoute

__all__ = ["PATH", "describe", "route"]

PATH: Final = "/openapi.json"

_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_AROUND: Final = {
    "401": "An API key is needed, or is not known.",
    "413": "The request is too large.",
    "414": "Path and query are too long.",
    "429": "Too many requests; `Retry-After` says when to ask again.",
    "503": "No room for one more request, or the service is being stopped.",
    "504": "There was no answer in time.",
}
"""Answers of what is around all paths."""


def describe(app: FastAPI) -> dict[str, Any]:
    """The description of an application."""
    found = get_openapi(
        title="ethr-did",
        version=version("ethr-did"),
        openapi_version="3.1.0",
        summary="DID Resolution, credential status and verification for did:ethr.",
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
        routes=app.routes,
    )
    paths = {**PATHS, **found.get("paths", {})}
    content = {"application/problem+json": {"schema": PROBLEM}}
    around = {
        status: {"description": words, "content": content} for status, words in _AROUND.items()
    }
    found["paths"] = {
        path: {
            name: {**told, "responses": {**around, **told["responses"]}}
            if name in _METHODS
            else told
            for name, told in item.items()
        }
        for path, item in paths.items()
    }
    return found


def route(app: FastAPI) -> BaseRoute:
    """The route of the description of an application."""
    made: list[bytes] = []

    async def answer(request: Request) -> Response:
        _ = request
        if not made:
            made.append(write_json(describe(app)))
        headers = {"Cache-Control": "public, max-age=3600"}
        return Response(made[0], headers=headers, media_type="application/json")

    return Route(PATH, answer, methods=["GET"], name="openapi", include_in_schema=False)

"""JSON-RPC 2.0 over the methods of the in-process chain.

Rules, by section of the JSON-RPC 2.0 specification:

- 4: a request is an object with ``jsonrpc: "2.0"`` and a method name; else -32600.
- 4.1: without an id it is a notification: carried out, never answered.
- 5: the answer has the id of the request; null where it could not be read.
- 6: a batch is answered by a list without the notifications, or by nothing; an empty one is an
  invalid request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ethr_did.chain.local.development import DEVELOPMENT
from ethr_did.chain.local.methods import METHODS
from ethr_did.chain.local.params import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    RpcError,
)

if TYPE_CHECKING:
    from ethr_did.chain.local.chain import LocalChain

__all__ = ["error_response", "handle"]

_MAX_BATCH = 1_000
"""Requests; geth's default."""


def handle(chain: LocalChain, request: object) -> object:
    """The response to a request or batch; ``None`` if none is due."""
    if not isinstance(request, list):
        return _answer(chain, request)
    if not request:
        return error_response(RpcError("empty batch", code=INVALID_REQUEST))
    if len(request) > _MAX_BATCH:
        return error_response(RpcError("batch too large", code=INVALID_REQUEST))
    responses = [_answer(chain, each) for each in request]
    return [each for each in responses if each is not None] or None


def error_response(error: RpcError, request_id: object = None) -> dict[str, Any]:
    """The response that carries an error."""
    return {"jsonrpc": "2.0", "id": request_id, "error": error.to_dict()}


def _answer(chain: LocalChain, request: object) -> dict[str, Any] | None:
    if not isinstance(request, dict):
        return error_response(RpcError("invalid request", code=INVALID_REQUEST))
    request_id = request.get("id")
    if not _is_valid(request):
        known = request_id if isinstance(request_id, (str, int, float)) else None
        return error_response(RpcError("invalid request", code=INVALID_REQUEST), known)
    response: dict[str, Any]
    try:
        result = _run(chain, request["method"], request.get("params"))
    except RpcError as error:
        response = error_response(error, request_id)
    else:
        response = {"jsonrpc": "2.0", "id": request_id, "result": result}
    return response if "id" in request else None


def _is_valid(request: dict[str, Any]) -> bool:
    request_id = request.get("id")
    return (
        request.get("jsonrpc") == "2.0"
        and isinstance(request.get("method"), str)
        and not isinstance(request_id, bool)
        and (request_id is None or isinstance(request_id, (str, int, float)))
    )


def _run(chain: LocalChain, name: str, params: object) -> Any:
    method = METHODS.get(name) or DEVELOPMENT.get(name)
    if method is None:
        raise RpcError(f"the method {name} does not exist/is not available", code=METHOD_NOT_FOUND)
    if params is None:
        params = []
    if not isinstance(params, list):
        raise RpcError("non-array args", code=INVALID_PARAMS)
    return method(chain, params)

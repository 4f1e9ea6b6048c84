"""A node on the in-process chain that says which block is final, and lies on request.

A web3 provider: everything from ``Chain`` upwards runs as it does in earnest.

Example:
    node = StatusNode(chain)
    node.final = chain.head.number - 2      # None: does not say
    node.rewrite["eth_getLogs"] = lambda params, logs: []
    node.before[3] = lambda: chain.mine()   # before the third request
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalChain

Rewrite = Callable[[Any, Any], Any]


class Refusal(Exception):
    """Raised by a rewrite: the request is refused."""

    def __init__(self, message: str, code: int = -32000, data: str | None = None) -> None:
        super().__init__(message)
        self.error: dict[str, Any] = {"code": code, "message": message}
        if data is not None:
            self.error["data"] = data


class StatusNode:
    """A node; attributes without underscore are the faults it has."""

    def __init__(self, chain: LocalChain) -> None:
        self._chain = chain
        self.rounds = 0
        """Round trips made."""
        self.requests: list[tuple[str, Any]] = []
        """All that was asked."""
        self.final: int | None = -1
        """Number of the last finalised block; -1: the newest; None: the node does not say."""
        self.rewrite: dict[str, Rewrite] = {}
        """What becomes of an answer, by method: given the parameters and the right result."""
        self.before: dict[int, Callable[[], object]] = {}
        """What happens before the n-th request, counted from 1."""
        self.after_round: dict[int, Callable[[], object]] = {}
        """What happens after the n-th round trip, counted from 1."""
        self.dead: Exception | None = None
        """What every round trip ends with."""
        self.remember = False
        """Whether a call of the same block is run once only; the chain must stand still."""
        self.remembered: dict[str, Any] = {}
        """The answers, by request."""

    def make_request(self, method: str, params: Any) -> Any:
        """The JSON-RPC response."""
        return self._round([(method, params)])[0]

    def make_batch_request(self, calls: Sequence[tuple[str, Any]]) -> list[Any]:
        """The JSON-RPC responses, in the order of the requests."""
        return self._round(calls)

    def methods(self) -> list[str]:
        """What was asked, by name."""
        return [method for method, _ in self.requests]

    def _round(self, calls: Sequence[tuple[str, Any]]) -> list[Any]:
        self.rounds += 1
        if self.dead is not None:
            raise self.dead
        answers = [
            self._respond(method, json.loads(json.dumps(params))) for method, params in calls
        ]
        if hook := self.after_round.pop(self.rounds, None):
            hook()
        return answers

    def _respond(self, method: str, params: Any) -> dict[str, Any]:
        self.requests.append((method, params))
        if hook := self.before.pop(len(self.requests), None):
            hook()
        head = {"jsonrpc": "2.0", "id": len(self.requests)}
        try:
            request = {**head, "method": method, "params": self._resolved(params)}
            answer = self._handle(request)
            assert isinstance(answer, dict)
            rewrite = self.rewrite.get(method)
            if rewrite is not None and "result" in answer:
                return {**head, "result": rewrite(params, answer["result"])}
        except Refusal as refusal:
            return {**head, "error": refusal.error}
        return answer

    def _handle(self, request: dict[str, Any]) -> Any:
        if not self.remember:
            return self._chain.handle(request)
        key = json.dumps([request["method"], request["params"]])
        if key not in self.remembered:
            self.remembered[key] = self._chain.handle(request)
        return self.remembered[key]

    def _resolved(self, params: Any) -> Any:
        """The parameters with the tag replaced by what this node calls final."""
        if "finalized" not in params or self.final == -1:
            return params
        if self.final is None:
            raise Refusal("finalized block not found")
        return [hex(self.final) if one == "finalized" else one for one in params]

"""What was answered: noted at once, counted and logged a moment later, many together.

Between two requests the processor has forgotten most of this code. Done for many at once, counting
and logging take a third of the time.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, NamedTuple

from ethr_did.service.api_keys import KEY
from ethr_did.service.route_names import name_of

if TYPE_CHECKING:
    from starlette.types import Scope

    from ethr_did.service.logs import RequestLog
    from ethr_did.service.metrics import Metrics

__all__ = ["Entry", "Ledger"]

_TOGETHER = 0.1
"""Seconds after which what was noted is counted and logged."""
_MOST = 1000
"""Entries after which it is, however soon."""
_METHODS = frozenset(("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"))
_OTHER = "other"
_GONE = 499
"""Of an answer that nobody waited for."""


class Entry(NamedTuple):
    """One request."""

    time: float
    """Unix seconds at its end."""
    request_id: str
    method: str
    """One of a few."""
    route: str
    """Template of its path."""
    status: int
    seconds: float
    """Until it was answered."""
    size: int
    """Bytes of the answer's body."""
    key: str | None
    """Name of the API key; None: none was shown."""
    path: str


class Ledger:
    """Notes requests.

    Args:
        metrics: count them.
        requests: logs them.
    """

    def __init__(self, metrics: Metrics, requests: RequestLog) -> None:
        self.metrics = metrics
        self._requests = requests
        self._noted: list[tuple[float, str, Scope, int, float, int]] = []

    def note(self, request_id: str, scope: Scope, status: int, started: float, size: int) -> None:
        """Nothing; the request is counted and logged in a moment.

        Args:
            request_id: plain.
            scope: of the request, with its route.
            status: of the answer; 0: nothing was sent.
            started: by ``time.perf_counter``.
            size: bytes of the answer's body.
        """
        if not self._noted:
            asyncio.get_running_loop().call_later(_TOGETHER, self.settle)
        self._noted.append((time.perf_counter(), request_id, scope, status, started, size))
        if len(self._noted) >= _MOST:
            self.settle()

    def settle(self) -> None:
        """Nothing; what was noted is counted and logged."""
        noted, self._noted = self._noted, []
        offset = time.time() - time.perf_counter()
        entries = [
            Entry(
                offset + ended,
                request_id,
                scope["method"] if scope["method"] in _METHODS else _OTHER,
                name_of(scope),
                status or _GONE,
                ended - started,
                size,
                scope.get(KEY),
                scope["path"],
            )
            for ended, request_id, scope, status, started, size in noted
        ]
        for entry in entries:
            self.metrics.note(entry.method, entry.route, entry.status, entry.seconds)
        if entries:
            self._requests.write(entries)

"""What was answered: noted at once, counted and logged a moment later."""

from __future__ import annotations

import asyncio
import io
import time
from typing import TYPE_CHECKING

from ethr_did.service.ledger import Ledger
from ethr_did.service.logs import RequestLog
from ethr_did.service.metrics import Metrics
from ethr_did.service.options import LogLevel

if TYPE_CHECKING:
    from starlette.types import Scope

SCOPE: Scope = {"type": "http", "method": "GET", "path": "/x"}


def ledger() -> tuple[Ledger, io.StringIO]:
    log = io.StringIO()
    return Ledger(Metrics(), RequestLog(LogLevel.INFO, log)), log


async def test_what_was_noted_is_logged_in_a_moment() -> None:
    noted, log = ledger()
    noted.note("a", SCOPE, 200, time.perf_counter(), 1)
    noted.note("b", SCOPE, 200, time.perf_counter(), 1)
    assert log.getvalue() == ""
    until = time.monotonic() + 5
    while not log.getvalue() and time.monotonic() < until:  # noqa: ASYNC110 - a log has no event
        await asyncio.sleep(0.01)
    assert log.getvalue().count("\n") == 2
    assert b'ethr_did_request_seconds_count{method="GET",route="-",status="200"} 2' in (
        noted.metrics.render()
    )


async def test_many_are_logged_at_once() -> None:
    noted, log = ledger()
    for _ in range(1000):
        noted.note("a", SCOPE, 200, time.perf_counter(), 1)
    assert log.getvalue().count("\n") == 1000


async def test_nothing_is_logged_twice() -> None:
    noted, log = ledger()
    noted.note("a", SCOPE, 200, time.perf_counter(), 1)
    noted.settle()
    noted.settle()
    assert log.getvalue().count("\n") == 1

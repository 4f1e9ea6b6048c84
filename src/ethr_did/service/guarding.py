"""What stands around the endpoints: each request gets an id and is bounded, admitted, watched, noted.

Rules:
  * Whatever happens, a request gets one answer: that of the application, or one problem. What the
    application raises is logged with its trace, and told as a fault.
  * In this order: what operators ask; the size of the request; browsers that ask whether they may
    ask; the rate; the key; how many requests are being answered.
  * Who is refused is refused at once: the service does not start what it has no room for.
  * One layer for all of it. Each layer of its own would take a frame, a closure and a wrapped
    ``send`` for every request.

Spec: RFC 9110; RFC 6585; draft-ietf-httpapi-ratelimit-headers-10.
"""

from __future__ import annotations

import asyncio
import math
import time
from typing import TYPE_CHECKING, Any, NoReturn

from starlette.requests import ClientDisconnect

from ethr_did.service.addresses import Proxies
from ethr_did.service.api_keys import KEY, APIKeys, shown_key
from ethr_did.service.bounds import (
    Body,
    Deadlines,
    body_refusal,
    has_body,
    head_refusal,
    host_refusal,
)
from ethr_did.service.browsers import HTML, OF_DATA, OF_PAGES, Browsers
from ethr_did.service.ledger import Ledger
from ethr_did.service.logs import RequestLog, open_log
from ethr_did.service.metrics import Metrics
from ethr_did.service.problems import fault, problem
from ethr_did.service.rates import MemoryCounts
from ethr_did.service.request_ids import HEADER, choose_request_id, set_request_id

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response
    from starlette.types import ASGIApp, Message, Receive, Scope, Send
    from structlog.typing import FilteringBoundLogger

    from ethr_did.service.options import Rate, ServiceOptions
    from ethr_did.service.rates import Counts

__all__ = ["Guard", "guarded"]

_READ = frozenset(
    (
        HEADER,
        b"access-control-request-method",
        b"authorization",
        b"content-length",
        b"host",
        b"origin",
        b"transfer-encoding",
        b"x-api-key",
        b"x-forwarded-for",
    )
)
"""Headers that are looked at here."""


def guarded(app: ASGIApp, options: ServiceOptions, **parts: Any) -> Guard:
    """The application with everything around it.

    Args:
        app: answers requests.
        options: the bounds.
        parts: as of ``Guard``.
    """
    return Guard(app, options, **parts)


class Guard:
    """An ASGI application around another one."""

    def __init__(
        self,
        app: ASGIApp,
        options: ServiceOptions,
        *,
        keys: APIKeys | None = None,
        counts: Counts | None = None,
        ledger: Ledger | None = None,
        log: FilteringBoundLogger | None = None,
        operations: Mapping[str, ASGIApp] | None = None,
    ) -> None:
        """A guard.

        Args:
            app: answers requests.
            options: the bounds.
            keys: that are known.
            counts: counts requests; None: in memory.
            ledger: told of each request.
            log: told of faults.
            operations: what is answered by path before anything else, and is not limited.
        """
        self._app = app
        self._options = options
        self._keys = keys or APIKeys()
        self._counts: Counts = counts or MemoryCounts()
        self._ledger = ledger or Ledger(Metrics(), RequestLog(options.log_level))
        self._log = log or open_log(options.log_level)
        self._operations = dict(operations or {})
        self._browsers = Browsers(options.cors_origins)
        self._proxies = Proxies(options.trusted_proxies)
        self._deadlines = Deadlines(options.request_seconds)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request, or the life of the application."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        headers, size = _headers_of(scope)
        request_id = choose_request_id(headers.get(HEADER))
        set_request_id(request_id)
        answer = _Answer(send, request_id, self._browsers.headers_for(headers.get(b"origin")))
        try:
            app = self._operations.get(scope["path"])
            if app is not None:
                scope["route"] = _Operation(scope["path"])
            else:
                refusal = self._misshapen(scope, headers, size)
                if refusal is None:
                    refusal = await self._not_admitted(scope, headers)
                app = refusal or self._app
            if has_body(headers):
                answer.body = receive = Body(receive, self._options)
            await self._run(app, scope, receive, answer)
        finally:
            self._ledger.note(request_id, scope, answer.status, started, answer.size)

    # -- who comes in ----------------------------------------------------------------------------

    def _misshapen(
        self, scope: Scope, headers: Mapping[bytes, bytes], size: int
    ) -> Response | None:
        """What is said to a request whatever it asks for; None: nothing."""
        refusal = head_refusal(scope, size, self._options) or host_refusal(scope, headers)
        if refusal is None and scope["method"] == "OPTIONS":
            refusal = self._browsers.preflight(headers)
        if refusal is None and has_body(headers):
            refusal = body_refusal(headers, self._options)
        return refusal

    async def _not_admitted(self, scope: Scope, headers: Mapping[bytes, bytes]) -> Response | None:
        """Why a request is not answered; None: it is. Notes whose it is."""
        options = self._options
        key = shown_key(headers)
        name = None if key is None else self._keys.name_of(key)
        if name is not None:
            scope[KEY] = name
            subject, rate = f"key:{name}", options.key_rate
        else:
            subject, rate = self._address_of(scope, headers), options.address_rate
        if rate is not None:
            wait = await self._counts.take(subject, rate)
            if wait > 0:
                return _too_many(subject, rate, wait)
        # After the rate of the address: nobody may try one key after the other.
        if name is None and (key is not None or options.require_key):
            return _unauthorized(key)
        if len(self._deadlines) >= options.max_requests:
            return _overloaded(options)
        return None

    def _address_of(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str:
        client = scope.get("client")
        peer = client[0] if client else None
        return f"address:{self._proxies.address_of(peer, headers.get(b'x-forwarded-for'))}"

    # -- who is answered -------------------------------------------------------------------------

    async def _run(self, app: ASGIApp, scope: Scope, receive: Receive, answer: _Answer) -> None:
        task: asyncio.Task[Any] = asyncio.current_task()  # type: ignore[assignment]  # there is one
        self._deadlines.start(task, answer)
        try:
            await app(scope, receive, answer)
        except asyncio.CancelledError:
            if not answer.expired:
                await answer.instead(_stopping(), scope)
                raise
            task.uncancel()
            await answer.instead(_too_slow(self._options), scope)
        except ClientDisconnect:
            pass  # nobody is there to be told
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not get outside
            # What the body's bounds have raised comes back here, as does a fault that is told.
            if answer.body is None or answer.body.refusal is None:
                self._log.error("fault", id=answer.request_id, error=error)
            await answer.instead(fault(), scope)
        finally:
            self._deadlines.end(task)


class _Operation:
    """What stands for the route of what operators ask."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path


class _Answer:
    """Sends an answer, once: with the headers of all answers, or a problem in place of it."""

    __slots__ = ("_headers", "_is_over", "_send", "body", "expired", "request_id", "size", "status")

    def __init__(
        self, send: Send, request_id: str, headers: tuple[tuple[bytes, bytes], ...]
    ) -> None:
        self._send = send
        self._headers = headers
        self._is_over = False
        self.request_id = request_id
        self.status = 0
        """0: nothing was sent."""
        self.size = 0
        self.body: Body | None = None
        self.expired = False

    async def __call__(self, message: Message) -> None:
        """Sends a part, unless something else was sent instead."""
        if message["type"] == "http.response.start":
            if self.body is not None and self.body.refusal is not None:
                await self.instead(self.body.refusal, {})
            if not self._is_over:
                await self._start(message)
        elif not self._is_over:
            self.size += len(message.get("body", b""))
            await self._send(message)

    async def instead(self, response: Response, scope: Scope) -> None:
        """Sends a problem, if nothing was sent yet; nothing else is sent after it."""
        if self._is_over or self.status:
            return
        if self.body is not None and self.body.refusal is not None:
            response = self.body.refusal
        self.body = None
        await response({"type": "http", **scope}, _nothing, self)
        self._is_over = True

    async def _start(self, message: Message) -> None:
        headers = [*message.get("headers", ()), *self._headers, (HEADER, self.request_id.encode())]
        headers += OF_PAGES if HTML in headers else OF_DATA
        self.status = message["status"]
        # A new message: an application may keep the old one, to send it again.
        await self._send({"type": "http.response.start", "status": self.status, "headers": headers})


async def _nothing() -> NoReturn:
    raise AssertionError("a problem has nothing to receive")


def _headers_of(scope: Scope) -> tuple[dict[bytes, bytes], int]:
    """Those that are looked at, repeated ones as one; and the bytes of all."""
    found: dict[bytes, bytes] = {}
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value) + 4  # ": " and the end of the line
        if name in _READ:
            found[name] = value if name not in found else found[name] + b", " + value
    return found, size


def _unauthorized(key: bytes | None) -> Response:
    code, detail = "unknown_key", "this API key is not known"
    if key is None:
        code, detail = "key_required", "this service answers to those with an API key"
    hint = "Show a key as X-API-Key, or as Authorization: Bearer."
    return problem(401, code, detail, hint, headers={"WWW-Authenticate": "Bearer"})


def _overloaded(options: ServiceOptions) -> Response:
    words = f"{options.max_requests} requests are being answered, which is all there is room for"
    hint = "Try again in a moment."
    return problem(503, "overloaded", words, hint, headers={"Retry-After": "1"})


def _too_many(subject: str, rate: Rate, wait: float) -> Response:
    kind = subject.partition(":")[0]
    seconds = math.ceil(wait)
    return problem(
        429,
        "too_many_requests",
        f"this {kind} may ask {rate.amount} times in {rate.seconds} s",
        f"Try again in {seconds} s.",
        headers={
            "Retry-After": str(seconds),
            "RateLimit-Policy": f'"{kind}";q={rate.amount};w={rate.seconds}',
            "RateLimit": f'"{kind}";r=0;t={seconds}',
        },
    )


def _too_slow(options: ServiceOptions) -> Response:
    words = f"there was no answer within {options.request_seconds:g} s"
    return problem(504, "too_slow", words, "Try again later.", headers={"Retry-After": "1"})


def _stopping() -> Response:
    return problem(
        503,
        "stopping",
        "the service is being stopped",
        "Try again.",
        headers={"Retry-After": "1", "Connection": "close"},
    )

"""Bounds of a request: its size, and the time that it may take.

Rules:
  * Too long a path or head is refused before anything is made of it; too large a body as soon as it
    is known, from its Content-Length or from what has come.
  * A body that does not come is not waited for, nor is an answer that does not get ready.
  * What may not go on is told to stop, and its task is cancelled; nothing goes on unseen.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

from starlette.exceptions import HTTPException

from ethr_did.service.problems import problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response
    from starlette.types import Message, Receive, Scope

    from ethr_did.service.options import ServiceOptions

__all__ = [
    "Body",
    "Deadlines",
    "Expiring",
    "body_refusal",
    "has_body",
    "head_refusal",
    "host_refusal",
]

_CLOSE = {"Connection": "close"}
_STEP = 0.25
"""Seconds between two looks at what has gone on for too long."""


def head_refusal(scope: Scope, size: int, options: ServiceOptions) -> Response | None:
    """Why the head of a request is too large; None: it is not.

    Args:
        scope: of the request.
        size: bytes of its headers.
        options: the bounds.
    """
    target = len(scope["raw_path"]) + len(scope["query_string"])
    if target > options.max_target_bytes:
        most = options.max_target_bytes
        return problem(
            414, "target_too_long", f"path and query have {target} bytes; {most} are allowed"
        )
    count = len(scope["headers"])
    if count > options.max_headers:
        most = options.max_headers
        return problem(431, "too_many_headers", f"{count} headers; {most} are allowed")
    if size > options.max_head_bytes:
        most = options.max_head_bytes
        return problem(431, "head_too_large", f"the headers have {size} bytes; {most} are allowed")
    return None


def host_refusal(scope: Scope, headers: Mapping[bytes, bytes]) -> Response | None:
    """Why it is not clear whom a request is for; None: it is. RFC 9112 section 3.2.

    Args:
        scope: of the request.
        headers: repeated ones as one.
    """
    host = headers.get(b"host")
    if (host is None and scope["http_version"] == "1.1") or (host is not None and b"," in host):
        return problem(400, "invalid_host", "a request has one Host header", headers=_CLOSE)
    return None


def has_body(headers: Mapping[bytes, bytes]) -> bool:
    """Whether a request has a body."""
    return b"content-length" in headers or b"transfer-encoding" in headers


def body_refusal(headers: Mapping[bytes, bytes], options: ServiceOptions) -> Response | None:
    """Why the body of a request is not read at all; None: it may be."""
    if headers.get(b"transfer-encoding", b"chunked").lower() != b"chunked":
        words = "a body comes as it is, or chunked; no other Transfer-Encoding is understood"
        return problem(501, "unknown_transfer_encoding", words, headers=_CLOSE)
    length = headers.get(b"content-length", b"0")
    # int() of thousands of digits would take its time.
    if not length.isdigit() or len(length) > len(str(1 << 64)):
        return problem(400, "invalid_length", "Content-Length is no number")
    return _too_large(options) if int(length) > options.max_body_bytes else None


def _too_large(options: ServiceOptions) -> Response:
    most = options.max_body_bytes
    return problem(413, "body_too_large", f"the body is larger than the {most} bytes allowed")


class Body:
    """Receives the body of a request within its bounds.

    Args:
        receive: of the server.
        options: the bounds.
    """

    def __init__(self, receive: Receive, options: ServiceOptions) -> None:
        self._receive = receive
        self._options = options
        self._size = 0
        self._whole = False
        self._deadline = asyncio.get_running_loop().time() + options.body_seconds
        self.refusal: Response | None = None
        """Why it was not read to its end."""

    async def __call__(self) -> Message:
        """The next part, as ASGI has it."""
        if self._whole:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as cause:
            words = f"the body did not come within {self._options.body_seconds:g} s"
            self.refusal = problem(408, "body_too_slow", words, headers=_CLOSE)
            raise HTTPException(408) from cause
        if message["type"] == "http.request":
            self._size += len(message.get("body", b""))
            self._whole = not message.get("more_body", False)
            if self._size > self._options.max_body_bytes:
                self.refusal = _too_large(self._options)
                raise HTTPException(413)
        return message


class Expiring(Protocol):
    """What has a time to end."""

    expired: bool


class Deadlines:
    """Ends what goes on for too long. One timer for all: a timer for each costs more than it saves.

    Args:
        seconds: for which each may go on.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._running: dict[asyncio.Task[object], tuple[float, Expiring]] = {}
        self._watched_by: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        """How many go on."""
        return len(self._running)

    def start(self, task: asyncio.Task[object], what: Expiring) -> None:
        """Nothing; from now on the task is cancelled when its time is over, and ``what`` knows."""
        loop = task.get_loop()
        self._running[task] = loop.time() + self._seconds, what
        if self._watched_by is not loop:
            self._watched_by = loop
            loop.call_later(min(_STEP, self._seconds), self._look, loop)

    def end(self, task: asyncio.Task[object]) -> None:
        """Nothing; the task is not watched any more."""
        self._running.pop(task, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        if not self._running:
            self._watched_by = None
            return
        now = loop.time()
        for task, (deadline, what) in list(self._running.items()):
            if deadline > now:
                break  # those that started later end later
            what.expired = True
            del self._running[task]
            task.cancel()
        loop.call_later(min(_STEP, self._seconds), self._look, loop)

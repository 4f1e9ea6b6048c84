"""Connections: HTTP/1.1 from strangers, within bounds that the server itself does not set.

Rules:
  * The head of a request is bounded while it comes: its bytes, and the time until it is whole. The
    server would keep as much of it as is sent, for as long as it takes.
  * So many connections and no more. Who comes later is told so, and let go.
  * After an answer, what is left of a request is read and dropped for a moment, so that whoever is
    still sending learns what was answered; then the connection ends.
  * Who does not read an answer does not keep the connection.
  * What stands behind a body, in trailers and extensions of chunks, is bounded as a head is, and is
    no header: a proxy would have looked at headers, and not at these.
  * So many requests wait for the one before them on their connection, and no more.
  * Refusals of this layer are problems, like all others.

Spec: RFC 9112.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from ethr_did.service.browsers import CSP
from ethr_did.service.problems import MEDIA_TYPE, problem
from ethr_did.service.request_ids import choose_request_id

if TYPE_CHECKING:
    import asyncio

    from starlette.responses import Response

    from ethr_did.service.options import ServiceOptions

__all__ = ["BoundedProtocol", "ServerConfig"]

_DROPPED = 1 << 22
"""Bytes of a request that are read after it was answered."""
_LINGER = 2.0
"""Seconds for which they are."""
_MOST_WAITING = 32
"""Requests that came before the one ahead of them on their connection was answered."""


class ServerConfig(uvicorn.Config):
    """The configuration of the server, with the bounds of its connections.

    Args:
        app: makes the application; importable, since workers are processes of their own.
        bounds: the options of the service.
        more: further arguments of ``uvicorn.Config``.
    """

    def __init__(self, app: Any, bounds: ServiceOptions, **more: Any) -> None:
        self.bounds = bounds
        super().__init__(
            app,
            http="ethr_did.service.connections:BoundedProtocol",
            ws="none",
            factory=True,
            lifespan="on",
            interface="asgi3",
            workers=bounds.workers,
            log_config=None,
            access_log=False,
            # Addresses are read by the guard: what it does not trust must not be believed before.
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=bounds.idle_seconds,
            timeout_graceful_shutdown=bounds.stop_seconds,
            **more,
        )


class BoundedProtocol(HttpToolsProtocol):
    """A connection."""

    def __init__(self, config: uvicorn.Config, *arguments: Any, **more: Any) -> None:
        super().__init__(config, *arguments, **more)
        self._bounds = cast("ServerConfig", config).bounds
        self._head_bytes = 0
        self._in_head = True
        self._bodiless_bytes = 0
        self._dropped = 0
        self._is_refused = False
        self._timer: asyncio.TimerHandle | None = None

    # -- a connection ----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        """A connection is there: it has a while to bring the head of its first request."""
        super().connection_made(transport)
        most = self._bounds.max_connections
        if len(self.connections) > most * 2:
            transport.abort()  # those that are being told are too many, too
        elif len(self.connections) > most:
            self._refuse(_no_room(self._bounds))
        else:
            self._time(self._bounds.head_seconds, self._on_slow_head)

    def connection_lost(self, exc: Exception | None) -> None:
        """It has gone."""
        self._stop_timing()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._is_refused or not self._in_head:
            self._count_dropped(len(data))
        if self._is_refused or self.transport.is_closing():
            return
        if self._in_head:
            self._head_bytes += len(data)
        else:
            self._bodiless_bytes += len(data)  # until some of it is seen to be of the body
        super().data_received(data)
        if self._in_head and self._head_bytes:
            self._check_head()
        elif self._bodiless_bytes > self._bounds.max_head_bytes:
            self._refuse(_large_trailers(self._bounds))

    def _check_head(self) -> None:
        """A part of a head has come, but not its end."""
        if self._head_bytes > self._bounds.max_head_bytes:
            self._refuse(_large_head(self._bounds))
        elif self._timer is None and not self._is_refused:
            self._time(self._bounds.head_seconds, self._on_slow_head)

    def _count_dropped(self, size: int) -> None:
        """Something has come that nobody reads any more, if that is so."""
        if not self._is_refused and not (self.cycle and self.cycle.response_complete):
            return
        if self._timer is None:
            self._time(_LINGER, self.transport.abort)
        self._dropped += size
        if self._dropped > _DROPPED:
            self.transport.abort()

    # -- a request -------------------------------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, or a trailer: those are not asked for, and left out."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """The head of a request is whole."""
        self._in_head = False
        self._head_bytes = self._bodiless_bytes = 0
        self._stop_timing()
        super().on_headers_complete()
        if len(self.pipeline) > _MOST_WAITING:
            raise _TooManyWaiting  # the parser stops, or it would make requests of all that has come

    def on_body(self, body: bytes) -> None:
        """A part of a body has come."""
        self._bodiless_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole; the next one may begin in the same bytes."""
        self._in_head = True
        self._bodiless_bytes = 0
        self._dropped = 0
        self._stop_timing()
        super().on_message_complete()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing was asked for a while."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()  # the answer was not read; closing would wait until it is
        else:
            super().timeout_keep_alive_handler()

    def _unsupported_upgrade_warning(self) -> None:
        """Another protocol was offered, and is not spoken. The request is answered, and is the last."""
        if self.cycle is not None:
            self.cycle.keep_alive = False

    # -- refusals --------------------------------------------------------------------------------

    def send_400_response(self, msg: str) -> None:
        """What came is not HTTP."""
        _ = msg
        self._refuse(problem(400, "invalid_http", "the request is not HTTP/1.1"))

    def _on_slow_head(self) -> None:
        if self._head_bytes == 0:
            self.transport.close()  # nothing was asked, so nothing is answered
        else:
            self._refuse(_slow_head(self._bounds))

    def _refuse(self, response: Response) -> None:
        """Nothing; a problem is sent, unless an answer is on its way, and the connection ends."""
        self._stop_timing()
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            if self.cycle.response_started or self.pipeline:
                self.transport.close()
                return
            # Whoever is reading the body learns that there is nobody any more.
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self._is_refused = True
        self.transport.write(_as_bytes(response))
        # Closing now, with bytes unread, would take the problem away from under its reader.
        self.transport.write_eof()
        self._time(_LINGER, self.transport.abort)

    # -- time ------------------------------------------------------------------------------------

    def _time(self, seconds: float, then: Any) -> None:
        self._stop_timing()
        self._timer = self.loop.call_later(seconds, then)

    def _stop_timing(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


class _TooManyWaiting(Exception):
    """More requests have come than are kept."""


def _as_bytes(response: Response) -> bytes:
    told = {**json.loads(bytes(response.body)), "requestId": choose_request_id(None)}
    body = json.dumps(told, separators=(",", ":")).encode()
    lines = (
        f"HTTP/1.1 {told['status']} {told['title']}",
        f"content-type: {MEDIA_TYPE}",
        f"content-length: {len(body)}",
        "cache-control: no-store",
        "connection: close",
        "x-content-type-options: nosniff",
        f"{CSP[0].decode()}: {CSP[1].decode()}",
        f"x-request-id: {told['requestId']}",
        *([f"retry-after: {response.headers['retry-after']}"] if told["status"] == _BUSY else []),
    )
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


_BUSY = 503


def _no_room(bounds: ServiceOptions) -> Response:
    return problem(
        _BUSY,
        "too_many_connections",
        f"{bounds.max_connections} connections are open, which is all there is room for",
        "Try again in a moment.",
        headers={"Retry-After": "1"},
    )


def _large_head(bounds: ServiceOptions) -> Response:
    return problem(431, "head_too_large", f"the head has more than {bounds.max_head_bytes} bytes")


def _large_trailers(bounds: ServiceOptions) -> Response:
    words = f"trailers, or extensions of chunks, have more than {bounds.max_head_bytes} bytes"
    return problem(431, "head_too_large", words)


def _slow_head(bounds: ServiceOptions) -> Response:
    words = f"the head of the request did not come within {bounds.head_seconds:g} s"
    return problem(408, "head_too_slow", words)

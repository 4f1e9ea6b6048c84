"""A JSON-RPC node over HTTP that misbehaves on request; real sockets, loopback only.

In front of anything that speaks JSON-RPC: a callable (``handle(json) -> json``, such as
``LocalChain.handle`` or ``answering({...})``) or the URL of a node::

    with FaultProxy(answering({"eth_chainId": "0x1"})) as proxy:
        proxy.next(Status(503), Delay(0.05))   # for the next HTTP requests, one each; None: pass
        proxy.always(BatchLimit(10))           # for every one; when=lambda batch: ... narrows it
        proxy.rewrite("eth_getLogs", lambda request, result: result[:-1])  # or raise RpcError
        Chain([proxy.url])
    proxy.round_trips      # HTTP requests so far
    proxy.calls            # Counter of JSON-RPC methods
    proxy.batches          # the methods of each HTTP request, in order
    proxy.connections      # TCP connections so far

A fault is any callable that is given an ``Exchange`` and changes it: what it sees is the batch
that came in and ``value``, the JSON that would go out; what it may set is ``value``, ``status``,
``headers``, ``body`` (bytes in place of the JSON), ``cut`` (close the connection after so many
bytes of the body) and ``hang`` (never answer). The classes below are the usual ones.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self, TypeAlias
from urllib.parse import urlsplit

Json: TypeAlias = Any
Handle: TypeAlias = Callable[[Json], Json]
Rewrite: TypeAlias = Callable[[dict[str, Any], Json], Json]


class RpcError(Exception):
    """Raised by a rewrite or an answer: the call is answered by a JSON-RPC error."""

    def __init__(self, code: int, message: str, data: Json = None) -> None:
        super().__init__(message)
        self.error = {"code": code, "message": message}
        if data is not None:
            self.error["data"] = data


def answering(answers: Mapping[str, Json]) -> Handle:
    """A node that answers each method with a value, or with what a function of params returns."""

    def one(call: dict[str, Any]) -> Json:
        head = {"jsonrpc": "2.0", "id": call["id"]}
        answer = answers.get(call["method"], RpcError(-32601, "the method does not exist"))
        try:
            if isinstance(answer, RpcError):
                raise answer
            return {**head, "result": answer(*call["params"]) if callable(answer) else answer}
        except RpcError as refused:
            return {**head, "error": refused.error}

    return lambda body: [one(call) for call in body] if isinstance(body, list) else one(body)


@dataclass(kw_only=True)
class Exchange:
    """One HTTP request and the response to be."""

    body_in: Json
    """An object or a list of them."""
    handle: Handle
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    cut: int | None = None
    hang: bool = False
    _value: Json = None

    @property
    def batch(self) -> list[dict[str, Any]]:
        """The calls, also if there is only one."""
        return self.body_in if isinstance(self.body_in, list) else [self.body_in]

    @property
    def value(self) -> Json:
        """The JSON that would go out; asks the node when it is first looked at."""
        if self._value is None:
            self._value = self.handle(self.body_in)
        return self._value

    @value.setter
    def value(self, value: Json) -> None:
        self._value = value

    def out(self) -> bytes:
        return json.dumps(self.value).encode() if self.body is None else self.body


Fault: TypeAlias = Callable[[Exchange], None]


@dataclass(frozen=True)
class Delay:
    """A slow line: the answer comes later by so many seconds."""

    seconds: float

    def __call__(self, _exchange: Exchange) -> None:
        time.sleep(self.seconds)


@dataclass(frozen=True)
class Hang:
    """The request is taken and never answered."""

    def __call__(self, exchange: Exchange) -> None:
        exchange.hang = True


@dataclass(frozen=True)
class Reset:
    """The connection breaks after so many bytes of the body."""

    after: int = 10

    def __call__(self, exchange: Exchange) -> None:
        exchange.cut = self.after


@dataclass(frozen=True)
class Status:
    """Another HTTP status, with headers and a body that is HTML unless given."""

    code: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"<html><body>Something went wrong</body></html>"

    def __call__(self, exchange: Exchange) -> None:
        exchange.status, exchange.body = self.code, self.body
        exchange.headers.update(self.headers)


@dataclass(frozen=True)
class Body:
    """These bytes in place of the answer."""

    body: bytes = b"<html>hello</html>"

    def __call__(self, exchange: Exchange) -> None:
        exchange.body = self.body


@dataclass(frozen=True)
class Truncate:
    """Well-formed HTTP around JSON that ends too early."""

    by: int = 2

    def __call__(self, exchange: Exchange) -> None:
        exchange.body = exchange.out()[: -self.by]


@dataclass(frozen=True)
class Entries:
    """The list of replies, changed by a function: shuffled, shortened, repeated, renumbered."""

    change: Callable[[list[Json]], Json]

    def __call__(self, exchange: Exchange) -> None:
        value = exchange.value
        changed = self.change(value if isinstance(value, list) else [value])
        single = not isinstance(value, list) and isinstance(changed, list) and len(changed) == 1
        exchange.value = changed[0] if single else changed


def wrong_ids(replies: list[Json]) -> list[Json]:
    """For ``Entries``: answers to questions that nobody asked."""
    return [{**reply, "id": 999_999_999} for reply in replies]


@dataclass(frozen=True)
class SingleError:
    """One error object, whatever was asked."""

    code: int = -32600
    message: str = "invalid request"
    status: int = 200

    def __call__(self, exchange: Exchange) -> None:
        error = {"code": self.code, "message": self.message}
        one = exchange.body_in["id"] if isinstance(exchange.body_in, dict) else None
        exchange.value = {"jsonrpc": "2.0", "id": one, "error": error}
        exchange.status = self.status


@dataclass(frozen=True)
class BatchLimit:
    """No batches of more than so many calls; 1 means none at all."""

    limit: int
    code: int = -32600
    message: str = "batch too large"
    status: int = 200

    def __call__(self, exchange: Exchange) -> None:
        if len(exchange.batch) > self.limit:
            SingleError(self.code, self.message, self.status)(exchange)


class FaultProxy:
    """See the module docstring."""

    def __init__(self, upstream: Handle | str) -> None:
        self._handle = _Upstream(upstream) if isinstance(upstream, str) else upstream
        self._queue: deque[Fault | None] = deque()
        self._standing: list[tuple[Callable[[list[dict[str, Any]]], bool], Fault]] = []
        self._rewrites: dict[str, Rewrite] = {}
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self.batches: list[list[str]] = []
        self.connections = 0
        self._server = _Server(self)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}
        )
        self._thread.start()

    @property
    def round_trips(self) -> int:
        return len(self.batches)

    @property
    def calls(self) -> Counter[str]:
        return Counter(method for batch in self.batches for method in batch)

    def next(self, *faults: Fault | None) -> FaultProxy:
        """For the next HTTP requests, one fault each."""
        self._queue.extend(faults)
        return self

    def always(
        self, fault: Fault, *, when: Callable[[list[dict[str, Any]]], bool] = bool
    ) -> FaultProxy:
        """For every HTTP request, or those whose calls the predicate accepts."""
        self._standing.append((when, fault))
        return self

    def rewrite(self, method: str, function: Rewrite) -> FaultProxy:
        """Every result of a method goes through a function of the call and the result."""
        self._rewrites[method] = function
        return self

    def clear(self) -> None:
        """No more faults."""
        self._queue.clear()
        self._standing.clear()
        self._rewrites.clear()

    def close(self) -> None:
        """Ends every connection and thread."""
        if self._closing.is_set():
            return
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.disconnect()
        self._server.server_close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def exchange(self, body: Json) -> Exchange:
        """What becomes of a request; called by the server."""
        exchange = Exchange(body_in=body, handle=self._answered)
        with self._lock:
            self.batches.append([call["method"] for call in exchange.batch])
            queued = self._queue.popleft() if self._queue else None
            standing = [fault for when, fault in self._standing if when(exchange.batch)]
        for fault in (*standing, queued):
            if fault is not None:
                fault(exchange)
        if exchange.hang:
            self._closing.wait()
        return exchange

    def _answered(self, body: Json) -> Json:
        value = self._handle(body)
        if not self._rewrites:
            return value
        if not isinstance(body, list):
            return self._rewritten(body, value)
        return [self._rewritten(call, reply) for call, reply in zip(body, value, strict=True)]

    def _rewritten(self, call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        function = self._rewrites.get(call["method"])
        if function is None or "result" not in reply:
            return reply
        try:
            return {**reply, "result": function(call, reply["result"])}
        except RpcError as refused:
            return {"jsonrpc": "2.0", "id": reply["id"], "error": refused.error}


class _Upstream:
    """A node at a URL."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)

    def __call__(self, body: Json) -> Json:
        parts = self._parts
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
        with contextlib.closing(connection):
            headers = {"Content-Type": "application/json"}
            connection.request("POST", parts.path or "/", json.dumps(body), headers)
            return json.loads(connection.getresponse().read())


class _Server(ThreadingHTTPServer):
    # The threads are joined in server_close, so that no test leaves a socket behind.
    daemon_threads = False
    block_on_close = True

    def __init__(self, proxy: FaultProxy) -> None:
        self.proxy = proxy
        self._open: set[socket.socket] = set()
        super().__init__(("127.0.0.1", 0), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.proxy.connections += 1
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def disconnect(self) -> None:
        for connection in list(self._open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are part of the game."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        exchange = self.server.proxy.exchange(json.loads(self.rfile.read(length)))
        if exchange.hang:
            self.close_connection = True
            return
        body = exchange.out()
        self.send_response(exchange.status)
        for name, value in {"Content-Type": "application/json", **exchange.headers}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if exchange.cut is None else body[: exchange.cut])
        self.wfile.flush()
        if exchange.cut is not None:
            self._reset()

    def _reset(self) -> None:
        # Linger 0: the kernel sends RST in place of FIN.
        linger = struct.pack("ii", 1, 0)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Nothing; tests speak for themselves."""

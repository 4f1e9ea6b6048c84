"""The in-process chain as a JSON-RPC server on loopback.

Threads of the standard library are enough: the chain answers one request at a time anyway.

Rules:

- Loopback addresses only, unless asked otherwise: the accounts are unlocked.
- The Host header must name the server, or a web page could reach it by a name of its own that
  resolves to loopback (DNS rebinding). Other origins are let in only when named.
- JSON-RPC errors travel with status 200; other statuses are about HTTP.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import socket
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import TCPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from ethr_did.chain.local.params import INTERNAL_ERROR, PARSE_ERROR, RpcError
from ethr_did.chain.local.rpc import error_response
from ethr_did.errors import InvalidOption

if TYPE_CHECKING:
    from types import TracebackType

    from ethr_did.chain.local.chain import LocalChain

__all__ = ["LocalServer", "serve"]

_MAX_BODY: Final = 5_000_000
"""Bytes; geth's default."""

_PATIENCE: Final = 4
"""How many times the limit is read, and thrown away, before it is refused."""

_MAX_DEPTH: Final = 500
"""Levels of lists and objects in a request."""

_BRACKET: Final = re.compile(rb"[\[\]{}]")

_IDLE: Final = 75
"""Seconds that a silent connection is kept."""

_SHUTDOWN_POLL: Final = 0.02
"""Seconds within which ``close`` is noticed."""

_log = logging.getLogger(__name__)


def serve(
    chain: LocalChain,
    host: str = "127.0.0.1",
    port: int = 8545,
    *,
    allow_remote: bool = False,
    cors_origin: str | None = None,
    max_body: int = _MAX_BODY,
) -> LocalServer:
    """A running server; a context manager that closes it.

    Args:
        chain: The chain to serve.
        host: Address to listen on.
        port: 0 for any free one; see ``LocalServer.url``.
        allow_remote: Whether ``host`` may be other than loopback.
        cors_origin: The one web origin that may call, or ``*``.
        max_body: Largest request in bytes.

    Raises:
        InvalidOption: Not a loopback address.
        OSError: The port is taken.
    """
    if not allow_remote and not _is_loopback(host):
        raise InvalidOption(
            f"{host} is not a loopback address, and the accounts of this chain are unlocked",
            hint="Listen on 127.0.0.1, or allow remote access explicitly.",
            host=host,
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    return LocalServer(
        _HTTPServer((host, port), family, chain, cors_origin=cors_origin, max_body=max_body)
    )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_depth(body: bytes) -> None:
    """Raises ``ValueError`` for what is nested too deep.

    py-evm raises the limit of recursion so far that the JSON decoder would end the process.
    """
    if body.count(b"[") + body.count(b"{") <= _MAX_DEPTH:
        return
    depth = 0
    for bracket in _BRACKET.finditer(body):
        depth += 1 if bracket.group() in b"[{" else -1
        if depth > _MAX_DEPTH:
            raise ValueError(f"nested more than {_MAX_DEPTH} deep")


class LocalServer:
    """A server that runs in threads of its own until it is closed."""

    def __init__(self, http: _HTTPServer) -> None:
        self._http = http
        self._thread = Thread(
            target=http.serve_forever, args=(_SHUTDOWN_POLL,), name="local-chain", daemon=True
        )
        self._thread.start()

    def __repr__(self) -> str:
        return f"LocalServer({self.url!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._http.server_address[:2]
        text = host if isinstance(host, str) else bytes(host).decode()
        return f"http://[{text}]:{port}" if ":" in text else f"http://{text}:{port}"

    def close(self) -> None:
        """Stop listening and hang up on everybody. May be called again."""
        self._http.shutdown()
        self._thread.join()
        self._http.hang_up()
        self._http.server_close()


class _HTTPServer(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(
        self,
        address: tuple[str, int],
        family: socket.AddressFamily,
        chain: LocalChain,
        *,
        cors_origin: str | None,
        max_body: int,
    ) -> None:
        self.address_family = family
        self.chain = chain
        self.cors_origin = cors_origin
        self.max_body = max_body
        self._open: set[socket.socket] = set()
        self._open_lock = Lock()
        super().__init__(address, _Handler)
        self.checks_host = _is_loopback(address[0])

    def server_bind(self) -> None:
        # Not HTTPServer's, which asks the DNS for a name of the address: seconds, at worst.
        TCPServer.server_bind(self)
        host, port = self.server_address[:2]
        self.server_name, self.server_port = str(host), port

    def process_request(self, request: Any, client_address: Any) -> None:
        with self._open_lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        with self._open_lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that clients keep open; their threads close the sockets."""
        with self._open_lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:  # the client was faster
                    continue

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ARG002 - given
        _log.debug("connection from %s ended", client_address, exc_info=True)


class _Handler(BaseHTTPRequestHandler):
    server: _HTTPServer
    protocol_version = "HTTP/1.1"
    server_version = "ethr-did"
    sys_version = ""
    timeout = _IDLE
    # Nagle's algorithm would hold an answer back 40 ms for the acknowledgement of the one before.
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        if not self._is_host_allowed():
            self._refuse(HTTPStatus.FORBIDDEN, "this host name is not served")
            return
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self._refuse(HTTPStatus.LENGTH_REQUIRED, "Content-Length is needed")
            return
        if int(length) > self.server.max_body:
            self._discard(int(length))
            self._refuse(
                HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"at most {self.server.max_body} bytes"
            )
            return
        self._answer(self.rfile.read(int(length)))

    def do_GET(self) -> None:
        self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "JSON-RPC is POSTed", Allow="POST")

    def do_OPTIONS(self) -> None:
        if self.server.cors_origin is None:
            self._refuse(HTTPStatus.METHOD_NOT_ALLOWED, "JSON-RPC is POSTed", Allow="POST")
            return
        self._send(
            HTTPStatus.NO_CONTENT,
            b"",
            {
                "Access-Control-Allow-Methods": "POST",
                "Access-Control-Allow-Headers": "Content-Type",
                "Access-Control-Max-Age": "600",
            },
        )

    def _discard(self, length: int) -> None:
        # A client that is still sending when the connection closes never reads why.
        left = min(length, _PATIENCE * self.server.max_body)
        while left > 0 and (chunk := self.rfile.read(min(left, 65_536))):
            left -= len(chunk)

    def _is_host_allowed(self) -> bool:
        if not self.server.checks_host:
            return True
        host = urlsplit("//" + self.headers.get("Host", "")).hostname
        return host is not None and _is_loopback(host)

    def _answer(self, body: bytes) -> None:
        try:
            _check_depth(body)
            request = json.loads(body)
        except ValueError:
            response: object = error_response(RpcError("parse error", code=PARSE_ERROR))
        else:
            response = self._handle(request)
        if response is None:  # notifications only
            self._send(HTTPStatus.NO_CONTENT, b"", {})
            return
        content = json.dumps(response, separators=(",", ":")).encode()
        self._send(HTTPStatus.OK, content, {"Content-Type": "application/json"})

    def _handle(self, request: object) -> object:
        try:
            return self.server.chain.handle(request)
        except Exception:  # noqa: BLE001 - whatever it was, the client waits for an answer
            # A fault of ours: the client is told that, the log has the rest.
            _log.exception("a request failed")
            return error_response(RpcError("internal error", code=INTERNAL_ERROR))

    def _refuse(self, status: HTTPStatus, reason: str, **headers: str) -> None:
        # What is left of the request would be taken for the next one.
        self.close_connection = True
        fields = {"Content-Type": "text/plain; charset=utf-8", "Connection": "close"} | headers
        self._send(status, reason.encode(), fields)

    def _send(self, status: HTTPStatus, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if self.server.cors_origin is not None:
            self.send_header("Access-Control-Allow-Origin", self.server.cors_origin)
        if status is not HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
        _log.debug(format, *args)

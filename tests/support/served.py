"""An application on a real socket, behind the guard and the connections of the service."""

from __future__ import annotations

import io
import json
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import uvicorn

from ethr_did.service.connections import ServerConfig
from ethr_did.service.guarding import Guard
from ethr_did.service.ledger import Ledger
from ethr_did.service.logs import RequestLog, open_log
from ethr_did.service.metrics import Metrics
from ethr_did.service.options import ServiceOptions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import ASGIApp, Receive, Scope, Send

__all__ = ["Reply", "Served", "read_reply", "served"]


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def problem(self) -> dict[str, Any]:
        """The one object that tells of an error."""
        assert self.headers["content-type"] == "application/problem+json"
        found: dict[str, Any] = json.loads(self.body)
        assert found["status"] == self.status
        assert found["requestId"] == self.headers["x-request-id"]
        return found


@dataclass
class Served:
    """A service that runs in a thread."""

    port: int
    server: uvicorn.Server
    guard: Guard
    log: io.StringIO = field(default_factory=io.StringIO)

    def connect(self) -> socket.socket:
        """A connection that gives up after a few seconds."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=5)

    def ask(self, data: bytes) -> Reply:
        """What comes back for these bytes."""
        with self.connect() as connection:
            connection.sendall(data)
            return read_reply(connection)

    def wait_for(self, what: str) -> None:
        """Returns as soon as the log holds that."""
        until = time.monotonic() + 5
        while what not in self.log.getvalue():
            assert time.monotonic() < until, self.log.getvalue()
            time.sleep(0.01)


def read_reply(connection: socket.socket) -> Reply:
    """The next answer on a connection."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        assert more, data
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
    while len(body) < int(headers.get("content-length", 0)):
        more = connection.recv(65536)
        assert more, body
        body += more
    return Reply(int(first.split()[1]), headers, body)


@contextmanager
def served(app: ASGIApp, **options: Any) -> Iterator[Served]:
    """The application on a free port of loopback."""
    bounds = ServiceOptions(**options)
    log = io.StringIO()
    guard = Guard(
        _alive(app),
        bounds,
        ledger=Ledger(Metrics(), RequestLog(bounds.log_level, log)),
        log=open_log(bounds.log_level, log),
    )
    server = uvicorn.Server(ServerConfig(lambda: guard, bounds))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        try:
            while not server.started:
                time.sleep(0.005)
            yield Served(listening.getsockname()[1], server, guard, log)
        finally:
            server.should_exit = True
            thread.join(10)
            assert not thread.is_alive()


def _alive(app: ASGIApp) -> ASGIApp:
    async def alive(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await app(scope, receive, send)
            return
        for _ in ("startup", "shutdown"):
            message = await receive()
            await send({"type": f"{message['type']}.complete"})

    return alive

"""A line to a node: counts what passes and makes it wait.

A process of its own, so that it takes no time from what is measured. What a URL asks for stands
in its path: ``/50`` adds 50 ms to each request, ``/50/untimed`` also takes the block times out of
the logs, as many nodes do not give any. ``GET /counts`` answers with requests and JSON-RPC calls by
path since the last time, and starts again from nothing.

Connections are kept alive; setting one up costs nothing extra, for either side.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_BLOCK_TIME = re.compile(rb',"blockTimestamp":"0x[0-9a-f]+"')


class Line:
    """A way to a node through the proxy."""

    def __init__(self, url: str) -> None:
        self._url = url

    def url(self, delay: int, *, timed: bool = True) -> str:
        """The node, further away by so many milliseconds."""
        return f"{self._url}/{delay}" if timed else f"{self._url}/{delay}/untimed"

    def counts(self) -> dict[str, tuple[int, int]]:
        """Requests and JSON-RPC calls since the last time, by URL."""
        answer = requests.get(f"{self._url}/counts", timeout=10).json()
        return {self._url + path: (trips, calls) for path, (trips, calls) in answer.items()}


@contextmanager
def open_line(node_url: str) -> Iterator[Line]:
    """A proxy in front of a node, for as long as the context lasts."""
    command = [sys.executable, __file__, node_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            yield Line(process.stdout.readline().strip())
        finally:
            process.terminate()


class _Proxy:
    def __init__(self, node_url: str) -> None:
        parts = urlsplit(node_url)
        self.host, self.port = parts.hostname or "127.0.0.1", parts.port or 80
        self.counts: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])

    async def serve(self) -> None:
        server = await asyncio.start_server(self.connected, "127.0.0.1", 0, limit=1 << 26)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()

    async def connected(self, down: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        up, to_node = await asyncio.open_connection(self.host, self.port, limit=1 << 26)
        try:
            while True:
                head, body = await read_message(down)
                method, path, _ = head.split(b" ", 2)
                if method == b"GET":
                    answer = self._told()
                else:
                    answer = await self._forwarded(path.decode(), body, up, to_node)
                out.write(answer)
                await out.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client is done
        finally:
            to_node.close()
            out.close()

    async def _forwarded(
        self, path: str, body: bytes, up: asyncio.StreamReader, to_node: asyncio.StreamWriter
    ) -> bytes:
        count = self.counts[path]
        count[0] += 1
        count[1] += body.count(b'"method"')
        _, delay, *untimed = path.split("/")
        if int(delay):
            await asyncio.sleep(int(delay) / 1000)
        to_node.write(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%s" % (len(body), body)
        )
        _, answer = await read_message(up)
        return write_response(_BLOCK_TIME.sub(b"", answer) if untimed else answer)

    def _told(self) -> bytes:
        told = json.dumps(self.counts).encode()
        self.counts.clear()
        return write_response(told)


def write_response(body: bytes) -> bytes:
    """An HTTP response with a JSON body."""
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
    return head % len(body) + body


async def read_message(stream: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Head and body of the next HTTP message."""
    head = await stream.readuntil(b"\r\n\r\n")
    length = _LENGTH.search(head)
    return head, await stream.readexactly(int(length[1])) if length else b""


if __name__ == "__main__":
    asyncio.run(_Proxy(sys.argv[1]).serve())

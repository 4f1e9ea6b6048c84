"""Load on a server, from a process of its own: at a rate, or as fast as answers come.

* At a rate, requests are due at random moments, whatever the server does. Their time counts from
  when they were due: a server that falls behind cannot hide it.
* Every answer is compared with the one that is right; only the block that it is of may differ.
* Connections are kept. One that ends without an answer has lost a request, and is opened anew.

``wrk`` takes less time from the server, but knows no rate and compares nothing: see wrk.py.
"""

from __future__ import annotations

import gc
import itertools
import json
import random
import re
import select
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

BLOCK = re.compile(rb'"readAt":\{[^}]*\}')
"""What may differ between two answers that are right."""
_STATUS = slice(9, 12)
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_REFUSALS = (429, 503)
_LATE = 30.0
"""Seconds after the end for which answers are waited for."""


_SEEDS = itertools.count(1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """A request, and what it must be answered with."""

    path: str
    accept: str = "application/did-resolution"
    etag: str | None = None
    """That the client has already; then the answer is 304."""
    moments: tuple[int, int] | None = None
    """Unix seconds between which a ``versionTime`` is chosen anew for each request."""
    right: str = ""
    """The body, without the block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A load."""

    port: int
    asks: tuple[Ask, ...]
    """Chosen from at random."""
    connections: int
    seconds: float
    rate: float | None = None
    """Requests a second; None: each connection asks again as soon as it is answered."""
    seed: int = field(default_factory=_SEEDS.__next__)
    """Of what is chosen at random: no load repeats another one."""

    def anew(self, **changes: Any) -> Plan:
        """The same load, with other choices, and in other ways as is said."""
        return replace(self, seed=next(_SEEDS), **changes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of it."""

    answered: int
    """Right answers."""
    refused: dict[str, int]
    """Refusals by their status: 429 and 503."""
    wrong: int
    """All other answers."""
    lost: int
    """Requests without any answer."""
    seconds: float
    p50: float
    """Milliseconds of those that were answered and not refused."""
    p99: float
    most: float

    @property
    def per_second(self) -> float:
        """Right answers a second."""
        return self.answered / self.seconds


def apply_load(plan: Plan) -> Outcome:
    """What came of a load, applied by another process."""
    done = subprocess.run(
        [sys.executable, __file__],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        check=True,
        timeout=plan.seconds + 2 * _LATE,
    )
    return Outcome(**json.loads(done.stdout))


# -- the other process ----------------------------------------------------------------------------


class _Prepared:
    """A request as bytes, and what it must be answered with."""

    def __init__(self, ask: Ask) -> None:
        path = ask.path if ask.moments is None else f"{ask.path}?versionTime=@"
        lines = [f"GET {path} HTTP/1.1", "Host: localhost", f"Accept: {ask.accept}"]
        lines += [f"If-None-Match: {ask.etag}"] if ask.etag else []
        self._bytes = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self._moments = ask.moments
        self._is_known = ask.etag is not None
        self._right = ask.right.encode()

    def request(self, chance: random.Random) -> bytes:
        """The next one."""
        if self._moments is None:
            return self._bytes
        return self._bytes.replace(b"@", _moment(chance.randint(*self._moments)))

    def is_right(self, status: int, body: bytes) -> bool:
        """Whether it may be answered so."""
        if self._is_known:
            return status == 304 and not body  # noqa: PLR2004 - not modified
        return status == 200 and BLOCK.sub(b"", body) == self._right  # noqa: PLR2004 - found


class _Connection:
    """One that is open, and what it waits for."""

    def __init__(self, port: int) -> None:
        self._port = port
        self.ask: _Prepared | None = None
        self.due = 0.0
        self.open()

    def open(self) -> None:
        self.socket = socket.create_connection(("127.0.0.1", self._port), timeout=_LATE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.data = b""
        self.total = 0

    def send(self, ask: _Prepared, request: bytes, due: float) -> None:
        self.ask, self.due, self.data, self.total = ask, due, b"", 0
        self.socket.sendall(request)

    def receive(self) -> bool:
        """Whether an answer is whole.

        Raises:
            OSError: there will be none.
        """
        data = self.socket.recv(1 << 16)
        if not data:
            raise ConnectionError
        self.data += data
        if not self.total:
            end = self.data.find(b"\r\n\r\n")
            if end < 0:
                return False
            length = _LENGTH.search(self.data, 0, end + 2)
            self.total = end + 4 + (int(length[1]) if length else 0)
        return len(self.data) >= self.total


class _Load:
    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.random = random.Random(plan.seed)  # noqa: S311 - nothing secret
        self.asks = [_Prepared(ask) for ask in plan.asks]
        self.refused: Counter[str] = Counter()
        self.times: list[float] = []
        self.wrong = self.lost = 0
        self.poll = select.epoll()
        self.open = {
            c.socket.fileno(): c for c in (self._connected() for _ in range(plan.connections))
        }
        self.idle = deque(self.open.values())

    def _connected(self) -> _Connection:
        connection = _Connection(self.plan.port)
        self.poll.register(connection.socket.fileno(), select.EPOLLIN)
        return connection

    def run(self) -> Outcome:
        start = time.perf_counter()
        end, rate = start + self.plan.seconds, self.plan.rate
        due: deque[float] = deque()
        upcoming = start
        while True:
            now = time.perf_counter()
            if rate is None:
                due.extend([now] * (len(self.idle) if now < end else 0))
            while rate is not None and upcoming <= min(now, end):
                due.append(upcoming)
                upcoming += self.random.expovariate(rate)
            while due and self.idle:
                self._ask(self.idle.popleft(), due.popleft())
            is_over = now >= end and not due and len(self.idle) == len(self.open)
            if is_over or now > end + _LATE:
                break
            wait = 0.05 if rate is None or now >= end else max(0.0, upcoming - now)
            for fd, _ in self.poll.poll(wait):
                self._on_answer(self.open[fd])
        self.lost += len(due) + len(self.open) - len(self.idle)
        return self._outcome(min(now, end) - start)

    def _ask(self, connection: _Connection, due: float) -> None:
        ask = self.random.choice(self.asks)
        try:
            connection.send(ask, ask.request(self.random), due)
        except OSError:
            self._lose(connection)

    def _on_answer(self, connection: _Connection) -> None:
        ask = connection.ask
        try:
            if not connection.receive():
                return
        except OSError:
            if ask is None:
                self._open_again(connection)  # it was idle, and may end
            else:
                self._lose(connection)
            return
        assert ask is not None  # noqa: S101 - nobody answers what nobody asked
        head, _, body = connection.data.partition(b"\r\n\r\n")
        status = int(head[_STATUS])
        if status in _REFUSALS:
            self.refused[str(status)] += 1
        elif ask.is_right(status, body):
            self.times.append(time.perf_counter() - connection.due)
        else:
            self.wrong += 1
        connection.ask = None
        self.idle.append(connection)
        if b"\r\nconnection: close" in head.lower():
            self._open_again(connection)

    def _lose(self, connection: _Connection) -> None:
        self.lost += 1
        connection.ask = None
        self._open_again(connection)
        self.idle.append(connection)

    def _open_again(self, connection: _Connection) -> None:
        del self.open[connection.socket.fileno()]
        connection.socket.close()
        connection.open()
        self.poll.register(connection.socket.fileno(), select.EPOLLIN)
        self.open[connection.socket.fileno()] = connection

    def _outcome(self, seconds: float) -> Outcome:
        ordered = sorted(self.times) or [0.0]

        def at(share: float) -> float:
            return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))] * 1000, 3)

        return Outcome(
            answered=len(self.times),
            refused=dict(self.refused),
            wrong=self.wrong,
            lost=self.lost,
            seconds=round(seconds, 3),
            p50=at(0.5),
            p99=at(0.99),
            most=at(1),
        )


def _moment(seconds: int) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds)).replace(":", "%3A").encode()


def main() -> None:
    """Nothing; applies the load that is described on standard input."""
    gc.disable()
    asked: dict[str, Any] = json.load(sys.stdin)
    asks: Sequence[dict[str, Any]] = asked.pop("asks")
    plan = Plan(
        asks=tuple(
            Ask(**{**one, "moments": tuple(one["moments"]) if one["moments"] else None})
            for one in asks
        ),
        **asked,
    )
    print(json.dumps(asdict(_Load(plan).run())))


if __name__ == "__main__":
    main()

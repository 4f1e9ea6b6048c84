"""How often an address or a key may ask."""

from __future__ import annotations

import io
import json
import shutil
import socket
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from ethr_did.service.logs import open_log
from ethr_did.service.options import LogLevel, Rate
from ethr_did.service.rates import MemoryCounts, RedisCounts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

RATE = Rate(10, 60)


class Hands:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def counts(clock: Hands) -> MemoryCounts:
    return MemoryCounts(clock)


async def taken(counts: MemoryCounts, subject: str, times: int) -> int:
    return [await counts.take(subject, RATE) for _ in range(times)].count(0.0)


async def test_so_many_requests_are_within_a_rate(counts: MemoryCounts) -> None:
    assert await taken(counts, "a", 15) == 10


async def test_each_is_counted_by_itself(counts: MemoryCounts) -> None:
    assert await taken(counts, "a", 10) == await taken(counts, "b", 10) == 10


async def test_the_end_of_a_window_lets_nobody_ask_twice_as_often(
    counts: MemoryCounts, clock: Hands
) -> None:
    clock.now = 59.0
    assert await taken(counts, "a", 15) == 10
    clock.now = 61.0
    assert await taken(counts, "a", 15) == 0
    clock.now = 90.0  # half of what was asked is still within the last minute
    assert await taken(counts, "a", 15) == 5


async def test_after_two_windows_all_is_forgotten(counts: MemoryCounts, clock: Hands) -> None:
    await taken(counts, "a", 15)
    clock.now = 120.0
    assert await taken(counts, "a", 15) == 10


@pytest.mark.parametrize(("rate", "asked"), [(RATE, 10), (Rate(1, 60), 1), (Rate(3, 1), 3)])
@pytest.mark.parametrize("begun", [0.0, 0.3, 0.9])
async def test_who_waits_as_long_as_told_is_within_it_and_not_before(
    clock: Hands, rate: Rate, asked: int, begun: float
) -> None:
    counts = MemoryCounts(clock)
    clock.now = begun * rate.seconds
    for _ in range(asked):
        assert await counts.take("a", rate) == 0
    wait = await counts.take("a", rate)
    assert wait > 0
    clock.now += wait - 1e-3
    assert await counts.take("a", rate) > 0
    clock.now += 2e-3
    assert await counts.take("a", rate) == 0


async def test_memory_is_bounded_and_the_oldest_is_forgotten(clock: Hands) -> None:
    counts = MemoryCounts(clock, most=3)
    for subject in "abcd":
        assert await taken(counts, subject, 10) == 10
    assert await taken(counts, "d", 1) == 0
    assert await taken(counts, "a", 1) == 1
    assert len(counts._windows) == 3


async def test_without_redis_each_worker_counts_by_itself() -> None:
    log = io.StringIO()
    counts = RedisCounts("redis://:secretsecret@127.0.0.1:1", open_log(LogLevel.INFO, log))
    try:
        assert [await counts.take("a", Rate(2, 60)) > 0 for _ in range(3)] == [False, False, True]
    finally:
        await counts.close()
    (line,) = log.getvalue().splitlines()
    assert json.loads(line)["event"] == "redis_unreachable"
    assert "secret" not in line


# --- with Redis


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A server that listens at a socket in the folder of the test."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    port = free_port()
    with subprocess.Popen(
        [program, "--port", str(port), "--save", "", "--dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
    ) as process:
        process.port = port  # type: ignore[attr-defined]  # where it listens
        wait_for(port)
        yield process
        process.kill()


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    until = time.monotonic() + 10
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < until
            time.sleep(0.02)
        else:
            return


async def test_workers_count_together_while_redis_answers(redis: subprocess.Popen[bytes]) -> None:
    log = io.StringIO()
    url = f"redis://127.0.0.1:{redis.port}"  # type: ignore[attr-defined]  # where it listens
    workers = [RedisCounts(url, open_log(LogLevel.INFO, log)) for _ in range(2)]
    try:
        waits = [await workers[n % 2].take("a", Rate(4, 60)) for n in range(6)]
        assert [wait > 0 for wait in waits] == [False] * 4 + [True] * 2
        assert 1 <= waits[-1] <= 120
        assert await workers[0].take("b", Rate(4, 60)) == 0
        assert log.getvalue() == ""
        redis.kill()
        redis.wait()
        assert await workers[0].take("a", Rate(4, 60)) == 0
        assert log.getvalue().count("redis_unreachable") == 1
    finally:
        for worker in workers:
            await worker.close()

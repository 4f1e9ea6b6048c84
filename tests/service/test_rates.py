"""How often an address or a key may ask."""

from __future__ import annotations

import io
import json

import pytest

from ethr_did.service.logs import open_log
from ethr_did.service.options import LogLevel, Rate
from ethr_did.service.rates import MemoryCounts, RedisCounts

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

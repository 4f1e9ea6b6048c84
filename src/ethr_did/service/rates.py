"""Rates: how often an address or a key may ask.

Rules:
  * A sliding window: what was asked in the window before counts as far as that is still within the
    last period. Refused requests are not counted.
  * Counted in the memory of each worker, or in Redis for all workers of all machines. While Redis
    does not answer, each worker counts by itself: a limit that is too wide for a while is better
    than no answers, and than none at all.
  * Memory is bounded: whoever was first seen longest ago is forgotten first.

The memory of ``limits`` starts a task for each hit that walks over all that is kept; with many
addresses that is the longest part of a request. So it is used for Redis only.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Protocol

from ethr_did.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Callable

    from structlog.typing import FilteringBoundLogger

    from ethr_did.service.options import Rate

__all__ = ["Counts", "MemoryCounts", "RedisCounts"]

_MOST = 100_000
"""Addresses and keys that are remembered."""
_PATIENCE = 0.5
"""Seconds for an answer of Redis."""
_PAUSE = 5.0
"""Seconds for which Redis is left alone after it did not answer."""


_NEVER = (-1, 0, 0)
"""Window, count and count before of whoever has not asked yet."""


class Counts(Protocol):
    """Counts requests."""

    async def take(self, subject: str, rate: Rate) -> float:
        """0 where a request is within the rate, which is counted; else seconds until one will be."""
        ...

    async def close(self) -> None:
        """Nothing; gives connections back."""
        ...


class MemoryCounts:
    """Counts in the memory of this process.

    Args:
        clock: seconds.
        most: subjects that are remembered.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, most: int = _MOST) -> None:
        self._clock = clock
        self._most = most
        self._windows: OrderedDict[str, tuple[int, int, int]] = OrderedDict()
        """Number of the window, count in it, count in the one before."""

    async def take(self, subject: str, rate: Rate) -> float:
        """As ``Counts.take``."""
        now = self._clock() / rate.seconds
        window = int(now)
        last, count, before = self._windows.get(subject, _NEVER)
        if last != window:
            before = count if last == window - 1 else 0
            count = 0
        passed = now - window
        if before * (1 - passed) + count + 1 > rate.amount:
            return _wait(rate, passed, count, before)
        if last < 0 and len(self._windows) >= self._most:
            self._windows.popitem(last=False)
        self._windows[subject] = window, count + 1, before
        return 0.0

    async def close(self) -> None:
        """Nothing."""


def _wait(rate: Rate, passed: float, count: int, before: int) -> float:
    """Seconds until one more is within the rate.

    Args:
        rate: that was reached.
        passed: part of the window.
        count: requests in the window.
        before: requests in the one before.
    """
    free = rate.amount - count - 1
    # Where there is none, in the next window, as soon as enough of this one has gone by.
    until = 1 - free / before if free >= 0 else 2 - (rate.amount - 1) / count
    return max(until - passed, 0.0) * rate.seconds


class RedisCounts:
    """Counts in Redis, for all workers.

    Args:
        url: ``redis://…`` or ``rediss://…``; may hold a password.
        log: told once for each time that Redis does not answer.
        clock: seconds.
    """

    def __init__(
        self, url: str, log: FilteringBoundLogger, clock: Callable[[], float] = time.monotonic
    ) -> None:
        try:
            import redis  # noqa: F401 - limits would not say which part is missing
        except ImportError as cause:
            raise MissingExtra(
                "counting in Redis needs the extra redis", hint="pip install 'ethr-did[redis]'"
            ) from cause
        from limits.aio.storage import RedisStorage
        from limits.aio.strategies import SlidingWindowCounterRateLimiter

        self._storage = RedisStorage(
            f"async+{url}",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix="ethr-did",
            socket_timeout=_PATIENCE,
            socket_connect_timeout=_PATIENCE,
        )
        self._limiter = SlidingWindowCounterRateLimiter(self._storage)
        self._own = MemoryCounts(clock)
        self._log = log
        self._clock = clock
        self._silent_until = 0.0

    async def take(self, subject: str, rate: Rate) -> float:
        """As ``Counts.take``."""
        from limits import RateLimitItemPerSecond
        from limits.errors import StorageError

        if self._clock() < self._silent_until:
            return await self._own.take(subject, rate)
        item = RateLimitItemPerSecond(rate.amount, rate.seconds)
        try:
            if await self._limiter.hit(item, subject):
                return 0.0
            stats = await self._limiter.get_window_stats(item, subject)
        except StorageError as error:
            self._silent_until = self._clock() + _PAUSE
            self._log.warning("redis_unreachable", reason=type(error.storage_error).__name__)
            return await self._own.take(subject, rate)
        return max(stats.reset_time - time.time(), 1.0)

    async def close(self) -> None:
        """Nothing; gives connections back."""
        client: Any = getattr(self._storage.bridge, "storage", None)
        if client is not None:  # pragma: no branch - until limits calls it something else
            await client.aclose()

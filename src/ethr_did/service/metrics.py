"""Prometheus metrics: requests by route, time and status; networks and nodes.

Rules:
  * Labels are route templates, methods and statuses of small sets. No path, DID, address or key.
  * Counting costs a lookup and an addition; what Prometheus wants is made when it asks.
  * Each worker writes down what it has counted, once a second, into a folder of its service. Whichever
    worker is asked tells the sum of all, those that have ended included.

Spec: Prometheus text format 0.0.4.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from bisect import bisect_left
from pathlib import Path
from typing import TYPE_CHECKING, Any

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.registry import Collector

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from prometheus_client import Metric

    from ethr_did.service.health import NetworkHealth

__all__ = ["BUCKETS", "CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = CONTENT_TYPE_LATEST
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Upper bounds, in seconds."""
_WRITE_SECONDS = 1.0

_Key = tuple[str, str, int]


class _Series:
    """How many requests of one kind, and how long they took."""

    __slots__ = ("buckets", "seconds")

    def __init__(self, seconds: float = 0.0, buckets: Sequence[int] = ()) -> None:
        self.seconds = seconds
        self.buckets = list(buckets) or [0] * (len(BUCKETS) + 1)

    def add(self, other: _Series) -> None:
        self.seconds += other.seconds
        self.buckets = [a + b for a, b in zip(self.buckets, other.buckets, strict=True)]


class Metrics:
    """What a worker has counted.

    Args:
        folder: where the workers of a service write down what they have counted; None: this one
            is alone.
        round_trips: HTTP requests made to nodes so far.
    """

    def __init__(
        self, folder: Path | None = None, round_trips: Callable[[], int] = lambda: 0
    ) -> None:
        self._folder = folder
        self._round_trips = round_trips
        self._series: dict[_Key, _Series] = {}
        self.pause = _WRITE_SECONDS
        """Seconds between two times that it writes down what it has counted."""

    def note(self, method: str, route: str, status: int, seconds: float) -> None:
        """Nothing; a request is counted.

        Args:
            method: of HTTP, one of a few.
            route: template of its path.
            status: of the answer.
            seconds: until it was sent.
        """
        key = (method, route, status)
        series = self._series.get(key)
        if series is None:
            series = self._series[key] = _Series()
        series.seconds += seconds
        series.buckets[bisect_left(BUCKETS, seconds)] += 1

    def render(self, networks: Iterable[NetworkHealth] = ()) -> bytes:
        """What Prometheus reads: the sum of all workers. Reads files.

        Args:
            networks: as they were found last.
        """
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Collected(*self._sum(), tuple(networks)))
        return generate_latest(registry)

    # -- several workers -------------------------------------------------------------------------

    async def write_down(self) -> None:
        """Nothing, ever; writes down what was counted, again and again, until it is cancelled."""
        with contextlib.suppress(OSError):  # the folder has gone: so has the service
            while self._folder is not None:
                await asyncio.sleep(self.pause)
                await asyncio.to_thread(self.write)

    def write(self) -> None:
        """Nothing; what was counted is on disk, for the other workers."""
        if self._folder is None:
            return
        path = self._own_file
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(self._plain(), separators=(",", ":")), "utf-8")
        draft.replace(path)

    @property
    def _own_file(self) -> Path:
        return (self._folder or Path()) / f"{os.getpid()}.json"

    def _plain(self) -> dict[str, Any]:
        return {
            "round_trips": self._round_trips(),
            "series": [
                [*key, series.seconds, series.buckets] for key, series in self._series.items()
            ],
        }

    def _sum(self) -> tuple[dict[_Key, _Series], int]:
        plain = [self._plain(), *self._others()]
        total: dict[_Key, _Series] = {}
        for method, route, status, seconds, buckets in (
            series for one in plain for series in one["series"]
        ):
            total.setdefault((method, route, status), _Series()).add(_Series(seconds, buckets))
        return total, sum(one["round_trips"] for one in plain)

    def _others(self) -> Iterator[dict[str, Any]]:
        for path in self._folder.glob("*.json") if self._folder is not None else ():
            if path != self._own_file:
                yield json.loads(path.read_text("utf-8"))


class _Collected(Collector):
    """What was counted, as Prometheus wants it."""

    def __init__(
        self, series: dict[_Key, _Series], round_trips: int, networks: Sequence[NetworkHealth]
    ) -> None:
        self._series = series
        self._round_trips = round_trips
        self._networks = networks

    def collect(self) -> Iterable[Metric]:
        """All metrics."""
        yield from self._of_requests()
        yield CounterMetricFamily(
            "ethr_did_node_round_trips", "HTTP requests made to nodes.", value=self._round_trips
        )
        yield from self._of_networks()

    def _of_requests(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(
            "ethr_did_request_seconds",
            "Requests, by the time until they were answered.",
            labels=("method", "route", "status"),
        )
        for (method, route, status), series in sorted(self._series.items()):
            counts, so_far = [], 0
            for bound, count in zip((*map(str, BUCKETS), "+Inf"), series.buckets, strict=True):
                so_far += count
                counts.append((bound, so_far))
            family.add_metric((method, route, str(status)), counts, series.seconds)
        yield family

    def _of_networks(self) -> Iterator[Metric]:
        for name, words, value_of in (
            ("ethr_did_network_ready", "Whether a network can be asked about.", _ready),
            ("ethr_did_head_age_seconds", "Age of the newest block of the node.", _head_age),
            ("ethr_did_index_lag_blocks", "Blocks that the index lacks.", _index_lag),
        ):
            family = GaugeMetricFamily(name, words, labels=("network",))
            for network in self._networks:
                value = value_of(network)
                if value is not None:
                    family.add_metric((network.name,), value)
            yield family


def _ready(network: NetworkHealth) -> float | None:
    return float(network.is_ready)


def _head_age(network: NetworkHealth) -> float | None:
    return network.head_age


def _index_lag(network: NetworkHealth) -> float | None:
    return network.index_lag

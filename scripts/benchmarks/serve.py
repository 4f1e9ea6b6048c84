"""The HTTP service, measured: ours beside npm's resolver behind Express, in one run, on one chain.

* Each side has the machine for itself in its turn, save for what loads it, the node, and one block
  a second. All of that is on the same cores, so what is told is less than a server could do alone.
* *Cached*: DIDs that were asked for before. *304*: the same, by clients that have the answer.
  *Uncached*: each request asks about another moment, so that nothing that was kept helps; what is
  done for it is a whole resolution from the index. *Mixed*: of ten requests seven, two and one.
* The peer keeps no answers. The library under it answers equal calls within 250 ms from memory.
* Saturation, of which 80 % are a load, is what the generator of that load gets out of the server at
  most: it takes more of the cores than ``wrk`` does. It is measured before the load and after it,
  since the speed of a shared machine changes within seconds, by half at times: what was 80 % before
  is more than the server can do then. A load that was not 75 to 85 % of the mean of both is applied
  anew, a few times at most; how often, and what it was in the end, is told.
* Right is what a resolver that asks the node says, byte for byte but for the block. At a rate and
  under overload each answer is compared, while ``wrk`` is at work a sample.
"""

from __future__ import annotations

import dataclasses
import random
import statistics
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support.peers import why_no_peers

from .load import BLOCK, Ask, Plan, apply_load
from .machine import describe_machine
from .serve_stage import PEERS, RESOLUTION, open_stage, ours, peer, why_no_peer
from .wrk import has_wrk, saturate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from .load import Outcome
    from .serve_stage import Server, Stage

    Tell = Callable[[str], None]

TARGETS = {"times_faster": 100, "paced_p99_ms": 20}
"""What was asked for: of DIDs with ten changes, and at 80 % of saturation."""
TEN = 10
"""Changes of the DIDs that sides are compared by."""
CONNECTIONS = 32
PACED = 0.8
"""Of what saturates."""
_NEAR = 0.05
"""How far from that a load may be, in the end."""
_TRIES = 5
"""How often one is applied until it is as near."""
CROWD = 600
"""Connections that overload: three times as many as a worker answers at once."""
PEER_CONNECTIONS = {100: 4}
"""A resolution with so many changes takes seconds: with more at once none would end in time."""
_WEIGHTS = {"cached": 7, "304": 2, "uncached": 1}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How long and how often."""

    rounds: int
    seconds: float
    """Of each load."""
    peer_seconds: float
    identities: Mapping[int, int]
    """How many DIDs there are, by their number of changes."""
    workers: tuple[int, ...]


QUICK = Pace(rounds=1, seconds=1, peer_seconds=2, identities={0: 3, TEN: 3}, workers=(1,))
FULL = Pace(
    rounds=3,
    seconds=3,
    peer_seconds=10,
    identities={0: 50, 1: 50, TEN: 50, 100: 5},
    workers=(1, 2),
)


def measure(*, quick: bool, tell: Tell) -> dict[str, Any]:
    """All figures as JSON."""
    missing = why_no_peers()
    if missing:
        tell(f"nothing is measured: {missing}")
        return {**_nothing(), "machine": describe_machine("none")}
    without_peer = why_no_peer()
    if without_peer:
        tell(f"without the peer: {without_peer}")
    if not has_wrk():
        tell("without wrk: our own generator loads the servers, and takes more of the cores")
    pace = QUICK if quick else FULL
    with tempfile.TemporaryDirectory(prefix="serve-") as folder:
        tell("writing the chain")
        with open_stage(pace.identities, Path(folder)) as stage:
            runs = _Runs(stage, pace, tell)
            for number in range(pace.rounds):
                tell(f"round {number + 1} of {pace.rounds}")
                runs.round(with_peer=without_peer is None)
            return {
                "subject": "serve",
                "targets": TARGETS,
                "load": "wrk" if has_wrk() else "our own generator",
                **runs.results(),
                "machine": describe_machine("anvil", peers=[] if without_peer else PEERS),
            }


def _nothing() -> dict[str, Any]:
    nothing: dict[str, Any] = {"saturated": [], "paced": [], "crowds": [], "sampled": 0}
    return {"subject": "serve", "targets": TARGETS, "load": "none", **nothing}


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class _Paced:
    """A load at a rate."""

    outcome: Outcome
    rate: float
    """Requests a second."""
    share: float
    """Of saturation before and after."""
    tries: int = 1

    @property
    def is_near(self) -> bool:
        """Whether it was what it was meant to be."""
        return abs(self.share - PACED) <= _NEAR


class _Runs:
    """All loads, and what came of them."""

    def __init__(self, stage: Stage, pace: Pace, tell: Tell) -> None:
        self._stage = stage
        self._pace = pace
        self._tell = tell
        self._saturated: dict[tuple[str, str, int | None], list[tuple[Outcome, float]]] = {}
        self._paced: dict[tuple[str, str], list[_Paced]] = {}
        self._crowds: dict[str, list[Outcome]] = {}
        self._sampled = 0

    def round(self, *, with_peer: bool) -> None:
        """Nothing; each side has had a turn."""
        for workers in self._pace.workers:
            side = "ours, one worker" if workers == 1 else f"ours, {workers} workers"
            with ours(self._stage, workers=workers) as server:
                self._ours(side, server, all_counts=workers == 1)
        with ours(self._stage, workers=1, rate="600/minute") as server:
            self._crowd("ours, one worker, 600 a minute for each address", server, "cached")
        if with_peer:
            with peer(self._stage) as server:
                self._peer(server)

    # -- ours

    def _ours(self, side: str, server: Server, *, all_counts: bool) -> None:
        traffics = {changes: self._traffics(server, changes) for changes in self._stage.identities}
        for changes in traffics if all_counts else (TEN,):
            for traffic, asks in traffics[changes].items():
                self._saturate(side, server, traffic, changes, asks)
        mixed = [
            ask
            for asks in traffics.values()
            for traffic, weight in _WEIGHTS.items()
            for ask in asks[traffic] * weight
        ]
        self._saturate(side, server, "mixed", None, mixed)
        for traffic, asks in {**traffics[TEN], "mixed": mixed}.items():
            self._at_a_rate(side, server, traffic, asks)
        self._crowd(side, server, "uncached")
        self._crowd(side, server, "mixed", mixed)

    def _traffics(self, server: Server, changes: int) -> dict[str, list[Ask]]:
        asks = self._stage.asks(server, changes)
        tags = [server.get(ask.path, Accept=RESOLUTION).headers["ETag"] for ask in asks]
        moments = self._stage.moments
        return {
            "cached": asks,
            "304": [
                dataclasses.replace(ask, etag=tag) for ask, tag in zip(asks, tags, strict=True)
            ],
            "uncached": [dataclasses.replace(ask, moments=moments) for ask in asks],
        }

    def _saturate(
        self, side: str, server: Server, traffic: str, changes: int | None, asks: Sequence[Ask]
    ) -> None:
        plan = Plan(
            port=server.port,
            asks=tuple(asks),
            connections=CONNECTIONS,
            seconds=self._pace.seconds,
        )
        self._tell(f"{side}: {traffic}, {'all' if changes is None else changes} changes")
        outcome, cpu = self._watched(server, plan)
        self._saturated.setdefault((side, traffic, changes), []).append((outcome, cpu))

    def _watched(self, server: Server, plan: Plan) -> tuple[Outcome, float]:
        """What came of a load, and the server's time for each answer in microseconds."""
        before = server.cpu_seconds()
        with self._sampling(server, plan.asks):
            outcome = _faultless(saturate(plan))
        spent = server.cpu_seconds() - before
        return outcome, spent / max(1, outcome.answered) * 1e6

    @contextmanager
    def _sampling(self, server: Server, asks: Sequence[Ask]) -> Iterator[None]:
        """Some twenty answers a second are compared with the right ones."""
        stop, wrong = threading.Event(), []
        chance = random.Random(1)  # noqa: S311 - the same ones each time

        def sample() -> None:
            while not stop.wait(0.05):
                ask = chance.choice(asks)
                answer = server.get(ask.path, Accept=ask.accept)
                self._sampled += 1
                if BLOCK.sub(b"", answer.content).decode() != ask.right:
                    wrong.append(ask.path)

        thread = threading.Thread(target=sample)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join()
        if wrong:
            raise AssertionError(f"wrong answers: {wrong}")

    def _at_a_rate(self, side: str, server: Server, traffic: str, asks: Sequence[Ask]) -> None:
        plan = Plan(
            port=server.port,
            asks=tuple(asks),
            connections=2 * CONNECTIONS,
            seconds=self._pace.seconds,
        )
        found = []
        for _ in range(_TRIES):
            before = self._saturation(plan)
            rate = before * PACED
            self._tell(f"{side}: {traffic} at {rate:,.0f} a second")
            outcome = _faultless(apply_load(plan.anew(rate=rate)))
            share = 2 * rate / (before + self._saturation(plan))
            found.append(_Paced(outcome=outcome, rate=rate, share=share))
            if found[-1].is_near:
                break
        nearest = min(found, key=lambda one: abs(one.share - PACED))
        tries = len(found)
        self._paced.setdefault((side, traffic), []).append(
            dataclasses.replace(nearest, tries=tries)
        )

    def _saturation(self, plan: Plan) -> float:
        """Answers a second."""
        return _faultless(apply_load(plan.anew(seconds=self._pace.seconds / 2))).per_second

    def _crowd(
        self, side: str, server: Server, traffic: str, asks: Sequence[Ask] | None = None
    ) -> None:
        self._tell(f"{side}: {CROWD} clients, {traffic}")
        chosen = asks or self._traffics(server, TEN)[traffic]
        plan = Plan(
            port=server.port,
            asks=tuple(chosen),
            connections=CROWD,
            seconds=self._pace.seconds,
        )
        outcome = apply_load(plan)
        self._crowds.setdefault(f"{side}: {traffic}", []).append(outcome)
        if "minute" not in side:
            # Afterwards it answers as before.
            _faultless(apply_load(plan.anew(connections=1, seconds=0.2)))

    # -- theirs

    def _peer(self, server: Server) -> None:
        for changes in self._stage.identities:
            self._tell(f"peer: {changes} changes")
            asks = [self._peer_ask(server, changes, path) for path in self._stage.paths(changes)]
            time.sleep(0.3)
            plan = Plan(
                port=server.port,
                asks=tuple(asks),
                connections=PEER_CONNECTIONS.get(changes, CONNECTIONS),
                seconds=self._pace.peer_seconds,
            )
            before = server.cpu_seconds()
            outcome = saturate(plan)
            spent = (server.cpu_seconds() - before) / max(1, outcome.answered) * 1e6
            self._saturated.setdefault(("peer", "each", changes), []).append((outcome, spent))

    def _peer_ask(self, server: Server, changes: int, path: str) -> Ask:
        answer = server.get(path)
        document = answer.json()["didDocument"]
        entries = len(document["verificationMethod"]) + len(document.get("service", ()))
        if entries != self._stage.entries(changes):
            raise AssertionError(f"the documents differ: {path}")
        return Ask(path=path, accept="*/*", right=answer.text)

    # -- what came of it

    def results(self) -> dict[str, Any]:
        """The medians of all rounds."""
        return {
            "saturated": [self._row(*key, found) for key, found in self._saturated.items()],
            "paced": [
                {"side": side, "traffic": traffic, **_paced_row(found)}
                for (side, traffic), found in self._paced.items()
            ],
            "crowds": [_crowd_row(name, found) for name, found in self._crowds.items()],
            "sampled": self._sampled,
        }

    def _row(
        self, side: str, traffic: str, changes: int | None, found: Sequence[tuple[Outcome, float]]
    ) -> dict[str, Any]:
        rates = [outcome.per_second for outcome, _ in found]
        row: dict[str, Any] = {
            "side": side,
            "traffic": traffic,
            "changes": changes,
            "per_second": round(statistics.median(rates), 1),
            "range": [round(min(rates), 1), round(max(rates), 1)],
            "cpu_us": round(statistics.median(cpu for _, cpu in found)),
            **_times([outcome for outcome, _ in found]),
        }
        theirs = self._saturated.get(("peer", "each", changes))
        if theirs and side != "peer":
            peers = statistics.median(outcome.per_second for outcome, _ in theirs)
            row["times_faster"] = round(row["per_second"] / peers) if peers else None
        return row


def _faultless(outcome: Outcome) -> Outcome:
    if outcome.wrong or outcome.lost or outcome.refused:
        raise AssertionError(f"not all was answered right: {outcome}")
    return outcome


def _times(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    return {
        "rounds": len(outcomes),
        "p50": round(statistics.median(outcome.p50 for outcome in outcomes), 2),
        "p99": round(statistics.median(outcome.p99 for outcome in outcomes), 2),
        "most": round(max(outcome.most for outcome in outcomes), 1),
    }


def _paced_row(found: Sequence[_Paced]) -> dict[str, Any]:
    p99 = [one.outcome.p99 for one in found]
    return {
        "rate": round(statistics.median(one.rate for one in found)),
        "share": round(statistics.median(one.share for one in found), 3),
        "again": sum(one.tries - 1 for one in found),
        "p99_range": [min(p99), max(p99)],
        **_times([one.outcome for one in found]),
    }


def _crowd_row(name: str, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    refused: dict[str, int] = {}
    for outcome in outcomes:
        for status, count in outcome.refused.items():
            refused[status] = refused.get(status, 0) + count
    return {
        "name": name,
        "clients": CROWD,
        "right": sum(outcome.answered for outcome in outcomes),
        "refused": refused,
        "wrong": sum(outcome.wrong for outcome in outcomes),
        "lost": sum(outcome.lost for outcome in outcomes),
        **_times(outcomes),
    }

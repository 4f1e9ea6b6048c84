"""The event index, measured: how fast it follows a chain, what it keeps, how fast it answers.

* Followed are a recorded chain (see recording.py), served from a process of its own, and anvil with
  the real contract. What is timed is all from an empty database to the last event in it: asking,
  decoding, checking that nothing is missing, writing through to the disk.
* Answers come from the whole ``Resolver``, from a DID to a document as JSON, without any node. The
  DIDs are picked at random; the file is in the memory of the machine as far as that goes.
"""

from __future__ import annotations

import asyncio
import random
import statistics
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ethr_did import Network, Resolver
from ethr_did.garbage import collecting_rarely
from ethr_did.index.followers import OBJECTS
from ethr_did.index.following import Follower
from ethr_did.index.index import Freshness, Index
from ethr_did.index.store import IndexDatabase
from ethr_did.index.writer import Writer
from support.anvil import Anvil, find_anvil
from support.peers import NODE_MODULES, why_no_peers
from support.postgres import Postgres, find_postgres

from .figures import figures
from .machine import describe_machine
from .node import AnvilNode
from .recording import Size, open_recording

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .recording import Recording

    Tell = Callable[[str], None]

TARGETS = {"events_per_second": 20_000, "resolution_ms": 1.0}
"""What was asked for: events from the recorded chain into SQLite, and the median of a resolution."""
FOLLOWED = 100_000
GROWTH = (10_000, 100_000, 1_000_000)
"""Events of the indexes that are read from, ten of each identity."""
FOLLOWED_QUICKLY = 20_000
FROM_ANVIL = 3_000
"""Identities with three events each."""
_ROUNDS = 5
_READ = 5_000
"""DIDs that are resolved from each index."""
_COUNTED = 50
"""DIDs whose changes are counted."""
_FINAL_AFTER = 100
"""Blocks, until anvil calls one final."""


def measure(*, quick: bool, tell: Tell) -> dict[str, Any]:
    """All figures as JSON."""
    with tempfile.TemporaryDirectory(prefix="index-") as folder:
        rounds = _Rounds(Path(folder), count=1 if quick else _ROUNDS, tell=tell)
        followed = FOLLOWED_QUICKLY if quick else FOLLOWED
        return {
            "subject": "index",
            "targets": TARGETS,
            "following": [
                *_from_recordings(rounds, followed, with_postgres=not quick),
                *_from_anvil(rounds, FROM_ANVIL // 10 if quick else FROM_ANVIL),
            ],
            "growth": [
                _grown(Path(folder), events, tell=tell)
                for events in ((followed,) if quick else GROWTH)
            ],
            "machine": describe_machine("see the tables"),
        }


# -- following ------------------------------------------------------------------------------------


class _Rounds:
    """Follows a chain several times, each time into an empty database."""

    def __init__(self, folder: Path, *, count: int, tell: Tell) -> None:
        self._folder = folder
        self._count = count
        self._tell = tell

    def row(
        self, chain: str, network: Network, events: int, *, server: Postgres | None = None
    ) -> dict[str, Any]:
        """The figures of one chain and one kind of database."""
        kind = "SQLite" if server is None else "PostgreSQL"
        self._tell(f"{events:,} events from {chain} into {kind}")
        spent = [self._once(network, events, server) for _ in range(self._count)]
        rates = [events / wall for wall, _ in spent]
        return {
            "chain": chain,
            "database": kind,
            "events": events,
            "per_second": round(statistics.median(rates)),
            "range": [round(min(rates)), round(max(rates))],
            "cpu_us": round(statistics.median(cpu for _, cpu in spent) / events * 1e6, 1),
            "rounds": len(rates),
        }

    def _once(self, network: Network, events: int, server: Postgres | None) -> tuple[float, float]:
        """Seconds on the clock, and of this process."""
        with self._empty(server) as url, IndexDatabase(url) as database:
            cpu, start = time.process_time(), time.perf_counter()
            follow(database, network)
            spent = time.perf_counter() - start, time.process_time() - cpu
            index = Index(database, clock=time.time)
            standing = index.standing(network)
            if standing is None or index.count_events(standing) != events:
                raise AssertionError("the index does not hold what the chain has")
            return spent

    @contextmanager
    def _empty(self, server: Postgres | None) -> Iterator[str]:
        if server is not None:
            with server.database() as url:
                yield url
            return
        with tempfile.TemporaryDirectory(dir=self._folder) as folder:
            yield f"sqlite:///{folder}/index.db"


def follow(database: IndexDatabase, network: Network) -> None:
    """Nothing; takes everything in that the node of a network has, as ``ethr-did index sync`` does."""
    writer = Writer.open(database)
    assert writer is not None  # noqa: S101 - nobody else knows the database

    async def run() -> None:
        follower = Follower(writer, network, clock=time.time)
        try:
            await follower.catch_up()
        finally:
            await follower.close()

    with writer, collecting_rarely(OBJECTS):
        asyncio.run(run())


def _from_recordings(rounds: _Rounds, events: int, *, with_postgres: bool) -> list[dict[str, Any]]:
    rows = []
    programs = find_postgres() if with_postgres else None
    with ExitStack() as stack:
        server = None if programs is None else stack.enter_context(Postgres(programs))
        for dense in (10, 1):
            size = Size(identities=events // 10, events_of_block=dense)
            recording = stack.enter_context(open_recording(size))
            name = f"recorded chain, {dense} to a block"
            rows.append(rounds.row(name, recording.network(), events))
            if server is not None and dense > 1:
                rows.append(rounds.row(name, recording.network(), events, server=server))
    return rows


def _from_anvil(rounds: _Rounds, identities: int) -> list[dict[str, Any]]:
    binary = None if why_no_peers() else find_anvil(NODE_MODULES)
    if binary is None:
        return []
    with Anvil(binary) as anvil:
        node = AnvilNode(anvil)
        events = 3 * len(node.write_many(identities))
        anvil.call("anvil_mine", hex(_FINAL_AFTER))
        network = Network(
            name="anvil", chain_id=node.chain_id, did_registry=node.registry, rpc_url=node.url
        )
        return [rounds.row("anvil, 100 to a block", network, events)]


# -- reading --------------------------------------------------------------------------------------


def _grown(folder: Path, events: int, *, tell: Tell) -> dict[str, Any]:
    """Size and speed of an index of so many events."""
    tell(f"an index of {events:,} events")
    file = folder / f"{events}.db"
    with open_recording(Size(identities=events // 10)) as recording:
        start = time.perf_counter()
        with IndexDatabase(f"sqlite:///{file}") as database:
            follow(database, recording.network())
        rate = events / (time.perf_counter() - start)
    size = file.stat().st_size
    with IndexDatabase(f"sqlite:///{file}") as database:
        times = _read(database, recording)
    file.unlink()
    return {
        "events": events,
        "identities": recording.size.identities,
        "per_second": round(rate),
        "bytes_each": round(size / events, 1),
        "megabytes": round(size / 1e6, 1),
        "ms": times,
    }


def _read(database: IndexDatabase, recording: Recording) -> dict[str, Any]:
    index = Index(database, clock=time.time, freshness=Freshness(max_age=1e9))
    network = replace(recording.network(), source=index.source(with_node=False))
    pick = random.Random(1)  # noqa: S311 - the same ones in each run
    numbers = [pick.randrange(recording.size.identities) for _ in range(_READ)]
    times = []
    with Resolver([network]) as resolver:
        for number in numbers[:_COUNTED]:
            _check(resolver, recording, number)
        begin = time.process_time()
        for number in numbers:
            did = recording.did(number)
            start = time.perf_counter()
            result = resolver.resolve(did)
            result.to_dict()
            times.append((time.perf_counter() - start) * 1000)
            if result.error is not None:
                raise result.error
        cpu = (time.process_time() - begin) * 1000
    ordered = sorted(times)
    p99 = ordered[int(0.99 * len(ordered))]
    return {**figures(times), "p99": round(p99, 3), "cpu": round(cpu / len(times), 3)}


def _check(resolver: Resolver, recording: Recording, number: int) -> None:
    """Raises unless every change of an identity is there, in the block that it belongs to."""
    size = recording.size
    found = [entry.event.block_number for entry in resolver.history(recording.did(number))]
    if found != [size.block_of(number, round_) for round_ in range(size.rounds)]:
        raise AssertionError(f"of identity {number} there are the changes {found}")

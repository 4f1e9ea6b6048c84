"""Processes, databases and nodes that die on the way: afterwards everything is there, once."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import select

from ethr_did.chain.networks import Network
from ethr_did.core.keys import to_checksum_address
from ethr_did.errors import StoreError
from ethr_did.index import tables
from ethr_did.index.store import IndexDatabase
from support.crashing_follower import Followers
from support.fake_chain import CHAIN_ID, REGISTRY, FakeChain, Person
from support.fault_proxy import FaultProxy, Reset
from support.indexing import Indexed, differing
from support.postgres import Postgres, find_postgres

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PEOPLE = [Person.named(f"person {number}") for number in range(8)]
PATIENCE = 60.0
"""Seconds within which an index must have caught up."""


class Town:
    """A made-up chain behind HTTP, on which people change their identities."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)  # noqa: S311 - tests repeat
        self.fake = FakeChain()
        self.fake.final_depth = 20
        self.fake.max_range = 9  # so that there are many steps
        self.lock = threading.Lock()
        self.proxy = FaultProxy(self._handle)
        self.live(60)

    def _handle(self, body: Any) -> Any:
        with self.lock:
            return [self._one(each) for each in body] if isinstance(body, list) else self._one(body)

    def _one(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = self.fake._respond(request["method"], request["params"])
        self.fake.requests.clear()
        return {**answer, "id": request["id"]}

    @property
    def network(self) -> Network:
        return Network(
            name="dev",
            chain_id=CHAIN_ID,
            did_registry=to_checksum_address(REGISTRY),
            rpc_url=self.proxy.url,
        )

    def live(self, blocks: int) -> None:
        """Some blocks with events, and perhaps others in place of the newest ones."""
        with self.lock:
            if self.random.random() < 0.3 and self.fake.head > 25:
                keep = self.random.random() < 0.5
                self.fake.reorganise(self.random.randint(1, 18), keep_logs=keep)
            for _ in range(blocks):
                with self.fake.one_block():
                    for who in self.random.sample(PEOPLE, self.random.randint(0, 3)):
                        self._change(who)

    def _change(self, who: Person) -> None:
        if self.random.random() < 0.2:
            self.fake.change_owner(who, self.random.choice(PEOPLE))
        else:
            kind = f"Hub{self.random.randrange(5)}"
            self.fake.add_service(who, kind, f"https://{self.random.randrange(99)}.example")

    def settle(self) -> None:
        """Two empty blocks: everything that was kept back before them is found."""
        with self.lock:
            self.fake.mine(2)


@pytest.fixture
def town(request: pytest.FixtureRequest) -> Iterator[Town]:
    made = Town(len(request.node.name))
    yield made
    made.proxy.close()


@pytest.fixture(scope="module")
def followers() -> Iterator[Followers]:
    with Followers() as started:
        yield started


class Running:
    """The followers of a test."""

    def __init__(self, followers: Followers, log: Path) -> None:
        self._followers = followers
        self._log = log
        self._processes: set[int] = set()

    def start(self, url: str, network: Network, **options: Any) -> int:
        """One more."""
        process = self._followers.start(url, network, log=self._log, **options)
        self._processes.add(process)
        return process

    def kill(self, process: int) -> None:
        """One less."""
        self._processes.discard(process)
        self._followers.kill(process)

    def kill_all(self) -> None:
        """None is left."""
        for process in list(self._processes):
            self.kill(process)


@pytest.fixture
def running(followers: Followers, tmp_path: Path) -> Iterator[Running]:
    """Starts followers; those that are left are killed in the end."""
    found = Running(followers, tmp_path / "follower.log")
    yield found
    found.kill_all()


def head_of(database: IndexDatabase) -> bytes | None:
    with database.reading() as connection:
        return connection.execute(select(tables.networks.c.head_hash)).scalar()


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def caught_up(database: IndexDatabase, town: Town) -> bool:
    try:
        found = head_of(database)
    except StoreError:
        return False
    return found is not None and bytes(found) == town.fake.ledger.head.hash


@contextmanager
def opened(url: str) -> Iterator[IndexDatabase]:
    with IndexDatabase(url) as database:
        yield database


def is_whole(url: str, town: Town, tmp_path: Path) -> bool:
    """Whether an index has what one that is made now has, and says what the node says."""
    with town.lock:
        town.fake.max_range = None
        with (
            Indexed(url, town.fake.network()) as found,
            Indexed(f"sqlite:///{tmp_path}/fresh.db", town.fake.network()) as fresh,
            town.fake.resolver() as node,
        ):
            fresh.follow()
            assert found.contents() == fresh.contents()
            found.follow()
            dids = [one.did for one in PEOPLE]
            assert differing(found, node, dids, now=town.fake.now) == []
            places = found.places()
            assert len(places) == len(set(places))
    return True


def finish(running: Running, url: str, town: Town) -> None:
    """Lets a follower come to the end."""
    town.settle()
    process = running.start(url, town.network)
    with opened(url) as database:
        wait_for(lambda: caught_up(database, town))
    running.kill(process)


# -- the process -------------------------------------------------------------------------------------


def test_after_kills_at_any_moment_everything_is_there_once(
    running: Running, index_url: str, town: Town, tmp_path: Path
) -> None:
    IndexDatabase(index_url).close()
    for _ in range(10):
        process = running.start(index_url, town.network)
        time.sleep(town.random.uniform(0.01, 0.12))
        town.live(town.random.randint(0, 12))
        time.sleep(town.random.uniform(0.0, 0.08))
        running.kill(process)
    finish(running, index_url, town)
    assert is_whole(index_url, town, tmp_path)


def test_a_kill_while_the_schema_is_made_is_no_hindrance(
    running: Running, town: Town, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/new.db"
    for number in range(4):
        process = running.start(url, town.network)
        time.sleep(0.03 * number)
        running.kill(process)
    finish(running, url, town)
    assert is_whole(url, town, tmp_path)


def test_of_two_one_follows_and_the_other_takes_over(
    running: Running, index_url: str, town: Town, tmp_path: Path
) -> None:
    IndexDatabase(index_url).close()
    first = running.start(index_url, town.network)
    with opened(index_url) as database:
        wait_for(lambda: caught_up(database, town))
        second = running.start(index_url, town.network)
        time.sleep(0.2)
        for process in (first, second):
            town.live(10)
            wait_for(lambda: caught_up(database, town))
            running.kill(process)
    finish(running, index_url, town)
    assert is_whole(index_url, town, tmp_path)


def test_one_that_was_asleep_while_another_took_over_spoils_nothing(
    running: Running, postgres_url: str, town: Town, tmp_path: Path
) -> None:
    """It has lost its session without knowing, and wakes up in the midst of a step."""
    sleeper = running.start(postgres_url, town.network)
    with opened(postgres_url) as database:
        wait_for(lambda: head_of(database) is not None)
        os.kill(sleeper, signal.SIGSTOP)
        with database.reading() as connection:
            connection.exec_driver_sql(
                "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'"
            )
        other = running.start(postgres_url, town.network)
        town.live(10)
        wait_for(lambda: caught_up(database, town))
        os.kill(sleeper, signal.SIGCONT)
        for _ in range(2):
            town.live(5)
            wait_for(lambda: caught_up(database, town))
        running.kill(other)
        town.live(5)
        wait_for(lambda: caught_up(database, town))
        running.kill(sleeper)
    finish(running, postgres_url, town)
    assert is_whole(postgres_url, town, tmp_path)


# -- the database ------------------------------------------------------------------------------------


@pytest.fixture
def fragile(postgres: Postgres) -> Iterator[Postgres]:
    """A server of its own, to be killed."""
    assert postgres is not None
    programs = find_postgres()
    assert programs is not None
    with Postgres(programs) as server:
        yield server


def test_after_kills_of_postgresql_everything_is_there_once(
    running: Running, fragile: Postgres, town: Town, tmp_path: Path
) -> None:
    with fragile.database() as url:
        process = running.start(url, town.network)
        with opened(url) as database:
            wait_for(lambda: head_of(database) is not None)
            for _ in range(2):
                town.live(12)
                time.sleep(town.random.uniform(0.0, 0.05))
                fragile.kill()
                town.live(5)
                fragile.start()
                wait_for(lambda: caught_up(database, town))
        running.kill(process)
        finish(running, url, town)
        assert is_whole(url, town, tmp_path)


@pytest.mark.parametrize("most", [150_000])
def test_when_the_disk_is_full_nothing_is_lost(
    running: Running, town: Town, tmp_path: Path, most: int
) -> None:
    """The limit of a file's size fails writes as a full disk does."""
    url = f"sqlite:///{tmp_path}/index.db"
    IndexDatabase(url).close()
    town.live(200)
    town.fake.max_range = 40
    process = running.start(url, town.network, most_bytes=most)
    log = tmp_path / "follower.log"
    wait_for(lambda: log.exists() and "cannot be written" in log.read_text("utf-8"))
    running.kill(process)
    with opened(url) as database:
        assert not caught_up(database, town)
    finish(running, url, town)
    assert is_whole(url, town, tmp_path)


def test_when_a_bounded_database_is_full_readers_go_on(town: Town, tmp_path: Path) -> None:
    """SQLite's own bound, in one process: the step fails, the next one works."""
    url = f"sqlite:///{tmp_path}/index.db"
    town.fake.max_range = None
    with Indexed(url, town.fake.network()) as indexed:
        indexed.follow()
        with indexed.database.reading() as connection:
            pages = connection.exec_driver_sql("pragma page_count").scalar_one()
        town.live(100)
        _bound(indexed, pages)
        with pytest.raises(StoreError) as caught:
            indexed.follow()
        assert "full" in caught.value.message
        assert caught.value.hint == "Make room, and do the same again."
        held = indexed.places()
        _bound(indexed, 1_000_000)
        indexed.follow()
        assert indexed.places()[: len(held)] == held
    assert is_whole(url, town, tmp_path)


def test_a_step_that_failed_at_its_end_has_left_nothing_behind(town: Town, tmp_path: Path) -> None:
    """Everybody is known, so nothing grows but the events, which are written last."""
    with Indexed(f"sqlite:///{tmp_path}/index.db", town.fake.network()) as indexed:
        before = indexed.follow()
        with indexed.database.reading() as connection:
            pages = connection.exec_driver_sql("pragma page_count").scalar_one()
        with town.fake.one_block():
            for number in range(200):
                town.fake.add_service(PEOPLE[0], f"Hub{number}", "https://hub.example")
        held = indexed.places()
        _bound(indexed, pages)
        with pytest.raises(StoreError, match="full"):
            indexed.follow()
        assert indexed.places() == held
        _bound(indexed, 1_000_000)
        after = indexed.follow()
        assert len(indexed.places()) == len(held) + 200
        # Nor was anything found to contradict itself, and read anew.
        assert after.revision == before.revision


def _bound(indexed: Indexed, pages: int) -> None:
    """The bound is of a connection, and the pool keeps one."""
    with indexed.database.reading() as connection:
        connection.exec_driver_sql(f"pragma max_page_count = {pages}")


# -- the node ----------------------------------------------------------------------------------------


def test_after_a_node_was_gone_everything_is_there_once(
    running: Running, town: Town, tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/index.db"
    process = running.start(url, town.network)
    with opened(url) as database:
        for _ in range(3):
            town.live(12)
            time.sleep(town.random.uniform(0.0, 0.1))
            town.proxy.always(Reset())
            time.sleep(0.1)
            town.live(3)
            town.proxy.clear()
            wait_for(lambda: caught_up(database, town))
    running.kill(process)
    finish(running, url, town)
    assert is_whole(url, town, tmp_path)

"""Following several networks in one process, for as long as it lives."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.index.followers import follow_all
from ethr_did.index.index import Index
from ethr_did.index.store import IndexDatabase
from ethr_did.index.writer import Writer
from support.fake_chain import FakeChain, Person

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ethr_did.chain.networks import Network

ALICE = Person.named("alice")


@pytest.fixture
def chains() -> list[FakeChain]:
    found = []
    for chain_id in (7, 8, 9):
        fake = FakeChain(chain_id=chain_id)
        fake.final_depth = 5
        for number in range(12):
            fake.add_service(ALICE, f"Hub{number}", "https://hub.example")
        fake.max_range = 3  # so that there are many steps
        found.append(fake)
    return found


@pytest.fixture
def networks(chains: list[FakeChain]) -> list[Network]:
    return [
        dataclasses.replace(fake.network(), name=f"dev{fake.chain_id}", chain_id=fake.chain_id)
        for fake in chains
    ]


@pytest.fixture
def database(index_url: str) -> Iterator[IndexDatabase]:
    with IndexDatabase(index_url, patience=5.0) as opened:
        yield opened


def heads(database: IndexDatabase) -> dict[int, int]:
    index = Index(database, clock=lambda: 0.0)
    return {one.chain_id: one.head.number for one in index.standings() if one.head is not None}


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110 - of a database, which tells nobody
            await asyncio.sleep(0.02)


def follow(
    database: IndexDatabase,
    networks: list[Network],
    meanwhile: Callable[[], Any],
) -> None:
    """Follows while something happens."""

    async def go() -> None:
        stop = asyncio.Event()
        following = asyncio.create_task(
            follow_all(
                database,
                networks,
                clock=lambda: 0.0,
                stop=stop,
                interval=0.02,
                take_over=0.05,
                retries=0,
            )
        )
        await meanwhile()
        stop.set()
        await following

    asyncio.run(go())


def caught_up(database: IndexDatabase, chains: list[FakeChain]) -> bool:
    return heads(database) == {fake.chain_id: fake.head for fake in chains}


def test_all_networks_are_followed_at_once(
    database: IndexDatabase, networks: list[Network], chains: list[FakeChain]
) -> None:
    async def meanwhile() -> None:
        await until(lambda: caught_up(database, chains))
        for fake in chains:
            fake.add_service(ALICE, "More", "https://hub.example")
        await until(lambda: caught_up(database, chains))

    follow(database, networks, meanwhile)


def test_a_network_that_fails_does_not_stop_the_others(
    database: IndexDatabase, networks: list[Network], chains: list[FakeChain]
) -> None:
    chains[1].dead = ConnectionError("gone")

    async def meanwhile() -> None:
        await until(lambda: caught_up(database, [chains[0], chains[2]]))

    follow(database, networks, meanwhile)


def test_one_network_under_two_names_is_followed(
    database: IndexDatabase, networks: list[Network], chains: list[FakeChain]
) -> None:
    again = dataclasses.replace(networks[0], name="another")

    async def meanwhile() -> None:
        for _ in range(5):
            chains[0].add_service(ALICE, "More", "https://hub.example")
            await until(lambda: caught_up(database, chains[:1]))

    follow(database, [networks[0], again], meanwhile)


def test_while_somebody_else_follows_it_stands_by(
    database: IndexDatabase,
    networks: list[Network],
    chains: list[FakeChain],
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = Writer.open(database)
    assert other is not None

    async def meanwhile() -> None:
        await asyncio.sleep(0.2)
        assert heads(database) == {}
        await asyncio.to_thread(other.close)
        await until(lambda: caught_up(database, chains))

    with caplog.at_level(logging.INFO, "ethr_did"):
        follow(database, networks, meanwhile)
    assert sum("standing by" in record.message for record in caplog.records) == 1


def test_when_it_stops_somebody_else_may_follow(
    database: IndexDatabase, networks: list[Network]
) -> None:
    async def meanwhile() -> None:
        await asyncio.sleep(0.1)

    follow(database, networks, meanwhile)
    writer = Writer.open(database)
    assert writer is not None
    writer.close()

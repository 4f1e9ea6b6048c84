"""Whether the service can answer."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.answer import Head
from ethr_did.errors import StoreError
from ethr_did.index.standing import Standing
from ethr_did.service.health import Readiness
from ethr_did.service.options import IndexUse, ServiceOptions
from support.fake_chain import FakeChain

if TYPE_CHECKING:
    from ethr_did.chain.networks import Network
    from ethr_did.service.health import NetworkHealth

OPTIONS = ServiceOptions(max_head_age=300.0, max_index_lag=50)


@dataclass
class Hands:
    now: float

    def __call__(self) -> float:
        return self.now


def at(
    head: Head | None, node_head: int | None, checked_at: float | None, fault: str | None = None
) -> Standing:
    """A standing."""
    return Standing(
        id=1,
        chain_id=31337,
        first_block=0,
        head=head,
        final=None,
        node_head=node_head,
        checked_at=checked_at,
        revision=0,
        fault=fault,
        code_hash=bytes(32),
        status_bound=b"",
        anchor_bound=b"",
    )


@dataclass
class Index:
    """Says what a test wants it to say."""

    found: Standing | Exception | None

    def standing(self, network: Network) -> Standing | None:
        assert network.name == "dev"
        if isinstance(self.found, Exception):
            raise self.found
        return self.found


def head(number: int, timestamp: float = 0) -> Head:
    return Head(number=number, hash=bytes(32), parent_hash=bytes(32), timestamp=int(timestamp))


@pytest.fixture
def fake() -> FakeChain:
    made = FakeChain(chain_id=1)  # not that of a development chain
    made.mine()
    return made


@pytest.fixture
def clock(fake: FakeChain) -> Hands:
    return Hands(fake.now + 12.0)


def readiness(
    fake: FakeChain, clock: Hands, options: ServiceOptions = OPTIONS, index: Index | None = None
) -> Readiness:
    network = replace(fake.network(), chain_id=1)
    return Readiness([network], options, clock, followed=index)


async def look(
    fake: FakeChain, clock: Hands, options: ServiceOptions = OPTIONS, index: Index | None = None
) -> NetworkHealth:
    asked = readiness(fake, clock, options, index)
    try:
        (found,) = await asked.look()
        assert asked.last == (found,)
        return found
    finally:
        await asked.close()


# --- the node


async def test_a_node_with_a_young_head_is_ready(fake: FakeChain, clock: Hands) -> None:
    found = await look(fake, clock)
    assert found.is_ready
    assert found.to_dict() == {
        "ready": True,
        "chainId": 1,
        "headNumber": fake.head,
        "headAge": 12.0,
    }


async def test_one_with_an_old_head_is_not(fake: FakeChain, clock: Hands) -> None:
    clock.now = fake.now + 301.0
    found = await look(fake, clock)
    assert found.faults == ("the newest block of the node is 301 s old; 300 are allowed",)
    assert found.to_dict()["headAge"] == 301.0
    assert (await look(fake, clock, replace(OPTIONS, max_head_age=0.0))).is_ready


async def test_a_development_chain_mines_when_it_is_asked_to(clock: Hands) -> None:
    development = FakeChain()
    clock.now = development.now + 1e6
    asked = Readiness([development.network()], OPTIONS, clock)
    (found,) = await asked.look()
    assert found.is_ready
    await asked.close()


async def test_a_node_that_is_not_reached_is_not_named(fake: FakeChain, clock: Hands) -> None:
    network = replace(fake.network(), provider=None, rpc_url="http://127.0.0.1:1/secretsecret")
    asked = Readiness([network], OPTIONS, clock)
    (found,) = await asked.look()
    await asked.close()
    assert not found.is_ready
    assert found.faults[0].startswith("the node cannot be reached")
    assert "127.0.0.1" not in str(found.to_dict())


async def test_a_node_of_another_chain_is_not_ready(fake: FakeChain, clock: Hands) -> None:
    fake.chain_id = 5
    found = await look(fake, clock)
    assert not found.is_ready
    assert "5" in found.faults[0]


async def test_one_network_does_not_take_the_others_along(fake: FakeChain, clock: Hands) -> None:
    other = replace(FakeChain(chain_id=7).network(), name="other", chain_id=8)
    asked = Readiness([replace(fake.network(), chain_id=1), other], OPTIONS, clock)
    found = await asked.look()
    await asked.close()
    assert [network.is_ready for network in found] == [True, False]


# --- how often it is asked


async def test_whoever_asks_within_a_second_gets_the_same_answer(
    fake: FakeChain, clock: Hands
) -> None:
    asked = readiness(fake, clock)
    await asyncio.gather(*(asked.look() for _ in range(50)))
    rounds = fake.rounds
    clock.now += 0.9
    await asked.look()
    assert fake.rounds == rounds
    clock.now += 0.2
    await asked.look()
    assert fake.rounds > rounds
    await asked.close()


async def test_whoever_goes_away_does_not_take_the_answer_along(
    fake: FakeChain, clock: Hands
) -> None:
    asked = readiness(fake, clock)
    first = asyncio.create_task(asked.look())
    second = asyncio.create_task(asked.look())
    await asyncio.sleep(0)
    first.cancel()
    (found,) = await second
    assert found.is_ready
    await asked.close()


# --- the index


async def test_an_index_close_to_the_node_is_ready(fake: FakeChain, clock: Hands) -> None:
    index = Index(at(head(100), 103, clock.now - 5))
    found = await look(fake, clock, index=index)
    assert found.is_ready
    assert (found.index_head, found.index_lag, found.index_age) == (100, 3, 5.0)


@pytest.mark.parametrize(
    ("standing", "fault"),
    [
        (at(head(100), 151, 0.0), "the index lacks 51 blocks; 50 are allowed"),
        (at(head(100), 100, -61.0), "the index was compared with the node 61 s ago"),
        (at(None, 100, 0.0), "the index holds nothing of this network yet"),
        (
            at(head(100), 100, 0.0, fault="did:ethr:dev:0x1 is odd"),
            "the index cannot go on; `ethr-did index status` says why",
        ),
    ],
)
async def test_an_index_that_is_not_where_it_should_be_is_not_ready(
    fake: FakeChain, clock: Hands, standing: Standing, fault: str
) -> None:
    assert standing.checked_at is not None
    moved = replace(standing, checked_at=clock.now + standing.checked_at)
    found = await look(fake, clock, index=Index(moved))
    assert found.faults == (fault,)


async def test_a_network_that_was_never_followed_is_not_ready(
    fake: FakeChain, clock: Hands
) -> None:
    found = await look(fake, clock, index=Index(None))
    assert found.faults == ("the index holds nothing of this network yet",)


async def test_an_index_that_cannot_be_read_is_not_ready(fake: FakeChain, clock: Hands) -> None:
    found = await look(fake, clock, index=Index(StoreError("no such file: /secret")))
    assert found.faults == ("the index cannot be read",)


async def test_where_only_the_index_counts_no_node_is_asked(fake: FakeChain, clock: Hands) -> None:
    fake.dead = ConnectionError("gone")
    index = Index(at(head(100), 100, clock.now))
    found = await look(fake, clock, replace(OPTIONS, index=IndexUse.ONLY), index)
    assert found.is_ready
    assert fake.rounds == 0

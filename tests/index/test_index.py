"""Reading from an index: fresh or refused, whole or from the node, never mixed."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from sqlalchemy import text, update

from ethr_did.chain.request import Request, attempt, block_number, get_block, get_code
from ethr_did.chain.request import call as eth_call
from ethr_did.core.erc1056 import TOPICS
from ethr_did.core.keys import Address
from ethr_did.core.status_events import ANCHORED_TOPIC, LOCATED_TOPIC, RECORD_TOPIC, WORD_TOPIC
from ethr_did.errors import (
    ChainError,
    IndexBehind,
    IndexBroken,
    NodeUnreachable,
    NotIndexed,
    StoreError,
)
from ethr_did.index import tables
from ethr_did.index.index import Freshness
from ethr_did.index.store import IndexDatabase
from ethr_did.resolver import AsyncResolver
from support.fake_chain import FakeChain, Person
from support.indexing import Indexed, said

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sqlalchemy import Connection

    from ethr_did.chain.request import Steps
    from ethr_did.core.resolution import ResolutionResult

ALICE, BOB = Person.named("alice"), Person.named("bob")


@pytest.fixture
def fake() -> FakeChain:
    """A chain on which Alice has a service."""
    fake = FakeChain()
    fake.final_depth = 5
    fake.mine(5)
    fake.add_service(ALICE, "Hub", "https://hub.example")
    fake.mine(20)
    return fake


@pytest.fixture
def followed(indexed: Indexed) -> Indexed:
    """An index that is up to date."""
    indexed.follow()
    return indexed


def resolved(indexed: Indexed, did: str = ALICE.did, **options: Any) -> ResolutionResult:
    with indexed.resolver(**options) as resolver:
        return resolver.resolve(did)


def lag(indexed: Indexed, behind: int) -> None:
    """The node has so many more blocks than the index."""
    networks = tables.networks
    with indexed.database.writing() as connection:
        connection.execute(update(networks).values(node_head=networks.c.head_number + behind))


# -- where it is answered ------------------------------------------------------------------------


def test_the_node_is_not_asked_while_the_index_can_answer(
    followed: Indexed, fake: FakeChain
) -> None:
    before = fake.rounds
    assert resolved(followed, with_node=True).error is None
    assert fake.rounds == before


def test_an_answer_says_how_many_blocks_came_after_it(followed: Indexed, fake: FakeChain) -> None:
    fake.mine(3)
    lag(followed, 3)
    found = resolved(followed).to_dict()["didResolutionMetadata"]["readAt"]
    assert (found["blockNumber"], found["blocksBehind"]) == (fake.head - 3, 3)


def test_of_what_it_does_not_hold_the_node_is_asked_the_whole(
    followed: Indexed, fake: FakeChain
) -> None:
    """The node has gone on meanwhile: an answer of both would be of no block at all."""
    fake.change_owner(ALICE, BOB)
    with followed.resolver(with_node=True) as ours, fake.resolver() as node:
        assert said(ours.resolve(ALICE.did, version_id=9)) == said(
            node.resolve(ALICE.did, version_id=9)
        )
        found = ours.resolve(ALICE.did, version_id=9).read_at
    assert found is not None
    assert found.block_number == fake.head


def test_without_a_node_what_it_does_not_hold_is_an_error(followed: Indexed) -> None:
    with followed.resolver() as resolver:
        error = resolver.resolve(ALICE.did, version_id=9).error
    assert isinstance(error, NotIndexed)
    assert "block 9" in error.message
    assert "rpc_url" in error.hint


def test_a_node_that_fails_as_well_is_what_is_said(followed: Indexed, fake: FakeChain) -> None:
    fake.dead = ConnectionError("gone")
    with followed.resolver(with_node=True) as resolver:
        assert isinstance(resolver.resolve(ALICE.did, version_id=9).error, NodeUnreachable)
        assert resolver.resolve(ALICE.did).error is None


def test_a_network_that_was_never_followed_is_asked_at_the_node(
    indexed: Indexed, fake: FakeChain
) -> None:
    assert isinstance(resolved(indexed).error, IndexBehind)
    with fake.resolver() as node:
        assert said(resolved(indexed, with_node=True)) == said(node.resolve(ALICE.did))


def test_a_block_that_is_not_mined_yet_is_not_found(followed: Indexed, fake: FakeChain) -> None:
    with followed.resolver() as ours, fake.resolver() as node:
        later = fake.head + 5
        assert said(ours.resolve(ALICE.did, version_id=later)) == said(
            node.resolve(ALICE.did, version_id=later)
        )


@pytest.mark.parametrize("number", [2**53, 2**63 - 1, 2**63, 2**64, 10**30])
def test_blocks_with_enormous_numbers_are_answered_as_by_a_node(
    followed: Indexed, fake: FakeChain, number: int
) -> None:
    with followed.resolver() as ours, fake.resolver() as node:
        mine, other = (one.resolve(ALICE.did, version_id=number) for one in (ours, node))
    assert type(mine.error) is type(other.error)


def test_awaited_it_is_the_same(followed: Indexed, fake: FakeChain) -> None:
    async def resolve() -> list[ResolutionResult]:
        async with AsyncResolver(
            [followed.served(with_node=True)], clock=lambda: 0.0, retries=0
        ) as ours:
            found = await ours.resolve_many([ALICE.did, BOB.did])
            return [*found, await ours.resolve(ALICE.did, version_id=9)]

    with fake.resolver() as node:
        expected = [*node.resolve_many([ALICE.did, BOB.did]), node.resolve(ALICE.did, version_id=9)]
    assert [*map(said, asyncio.run(resolve()))] == [*map(said, expected)]


def test_awaited_without_a_node_it_is_an_error(followed: Indexed) -> None:
    async def resolve() -> ResolutionResult:
        async with AsyncResolver([followed.served()], retries=0) as ours:
            return await ours.resolve(ALICE.did, version_id=9)

    assert isinstance(asyncio.run(resolve()).error, NotIndexed)


def test_while_the_database_does_not_answer_the_loop_goes_on(
    postgres_url: str, fake: FakeChain
) -> None:
    async def run(indexed: Indexed, other: Connection) -> ResolutionResult:
        async with AsyncResolver([indexed.served()], clock=lambda: fake.now, retries=0) as ours:
            task = asyncio.create_task(ours.resolve(ALICE.did))
            for _ in range(20):
                await asyncio.sleep(0.01)
            assert not task.done()
            other.rollback()
            return await task

    with Indexed(postgres_url, fake.network()) as indexed, IndexDatabase(postgres_url) as database:
        indexed.follow()
        with database.connect() as other:
            other.execute(text("lock table index_events in access exclusive mode"))
            assert asyncio.run(run(indexed, other)).error is None


# -- how old it is -----------------------------------------------------------------------------------


def test_an_index_that_was_not_compared_for_long_refuses(
    followed: Indexed, fake: FakeChain
) -> None:
    followed.now += 60
    assert resolved(followed).error is None
    followed.now += 1
    error = resolved(followed).error
    assert isinstance(error, IndexBehind)
    assert error.facts["age"] == 61
    before = fake.rounds
    assert resolved(followed, with_node=True).error is None
    assert fake.rounds == before + 1


def test_an_index_followed_by_a_clock_that_is_ahead_refuses(followed: Indexed) -> None:
    # By then it could be of any age.
    followed.now -= 60
    assert resolved(followed).error is None
    followed.now -= 1
    error = resolved(followed).error
    assert isinstance(error, IndexBehind)
    assert (error.facts["age"], "clocks" in error.hint) == (61, True)


def test_an_index_that_lacks_many_blocks_refuses(fake: FakeChain, tmp_path: Path) -> None:
    freshness = Freshness(max_blocks=4)
    url = f"sqlite:///{tmp_path}/i.db"
    with Indexed(url, fake.network(), freshness=freshness) as indexed:
        indexed.follow()
        for behind, kind in ((4, type(None)), (5, IndexBehind)):
            lag(indexed, behind)
            assert isinstance(resolved(indexed).error, kind)


def test_a_fault_is_said_with_its_reason(followed: Indexed, fake: FakeChain) -> None:
    fake.reorganise(26)
    with pytest.raises(IndexBroken) as caught:
        followed.follow()
    error = resolved(followed).error
    assert isinstance(error, IndexBroken)
    assert error.message == caught.value.message
    assert "verify" in error.hint


def test_a_database_that_fails_is_no_answer(followed: Indexed, fake: FakeChain) -> None:
    with followed.database.writing() as connection:
        connection.exec_driver_sql("alter table index_events rename to gone")
    assert isinstance(resolved(followed).error, StoreError)
    with fake.resolver() as node:
        assert said(resolved(followed, with_node=True)) == said(node.resolve(ALICE.did))


# -- readings of their own ---------------------------------------------------------------------------


def tries(steps: Any) -> Steps[Any]:
    """A reading that makes do with errors of the chain."""
    found = yield from attempt(steps)
    return "swallowed" if isinstance(found, ChainError) else found


def asks(*requests: Any) -> Steps[Any]:
    return (yield requests)


def test_what_is_not_indexed_ends_a_reading_that_makes_do_with_errors(followed: Indexed) -> None:
    """It would take "not in the index" for "not on the chain"."""
    with followed.served().chain() as chain, pytest.raises(NotIndexed):
        chain.run(tries(asks(get_block(9))))


UNKNOWN = Address(b"\x99" * 20)


@pytest.mark.parametrize(
    "request_",
    [
        get_block(9),
        get_block(b"\x99" * 32),
        get_block("pending"),
        get_code(UNKNOWN),
        eth_call(UNKNOWN, b"\1\2\3\4"),
        eth_call(UNKNOWN, b""),
        eth_call(None, b"\x60\x00"),
        eth_call(Address(bytes.fromhex("dca7ef03e98e0dc2b855be647c39abe984fcf21b")), b"\1\2\3\4"),
        eth_call(UNKNOWN, b"\1\2\3\4", 9),
    ],
    ids=lambda one: f"{one.method}-{one.params[0]}"[:40],
)
def test_what_the_index_does_not_hold_is_said_to_be_so(followed: Indexed, request_: Any) -> None:
    with followed.served().chain() as chain, pytest.raises(NotIndexed):
        chain.send([request_])


def logs_of(**query: Any) -> dict[str, Any]:
    known = {
        "address": "0xdca7ef03e98e0dc2b855be647c39abe984fcf21b",
        "fromBlock": "0x0",
        "toBlock": "latest",
        "topics": [list(TOPICS), ["0x" + ALICE.address.rjust(32, b"\0").hex()]],
    }
    return {name: value for name, value in {**known, **query}.items() if value is not None}


def test_logs_are_those_of_the_node(followed: Indexed, fake: FakeChain) -> None:
    asked = Request("eth_getLogs", (logs_of(),))
    with followed.served().chain() as index, fake.network().chain() as node:
        (mine,), (other,) = (list(one.send([asked])) for one in (index, node))
    assert mine == [{k: v for k, v in log.items() if k != "transactionIndex"} for log in other]
    assert len(mine) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"address": "0x" + "99" * 20},
        {"address": None},
        {"address": ["0x" + "99" * 20, "0x" + "98" * 20]},
        {"topics": []},
        {"topics": None},
        {"topics": [None, None]},
        {"topics": [["0x" + "99" * 32], ["0x" + "00" * 32]]},
        {"topics": [["0x" + "99" * 32], ["0x" + "00" * 32], ["0x" + "00" * 32]]},
        {"blockHash": "0x" + "99" * 32},
        {"toBlock": "0xffffff"},
        {"toBlock": "pending"},
        {"fromBlock": None},
    ],
    ids=str,
)
def test_other_log_queries_are_refused(followed: Indexed, change: dict[str, Any]) -> None:
    with followed.served().chain() as chain, pytest.raises(NotIndexed):
        chain.send([Request("eth_getLogs", (logs_of(**change),))])


@pytest.mark.parametrize("topic", [WORD_TOPIC, RECORD_TOPIC, ANCHORED_TOPIC, LOCATED_TOPIC])
def test_logs_of_status_contracts_that_are_not_followed_are_refused(
    followed: Indexed, topic: bytes
) -> None:
    from ethr_did.chain.request import Request

    topics = [["0x" + topic.hex()], logs_of()["topics"][1], ["0x" + "00" * 32]]
    query = logs_of(address="0x" + "99" * 20, topics=topics)
    with followed.served().chain() as chain, pytest.raises(NotIndexed):
        chain.send([Request("eth_getLogs", (query,))])


def test_it_does_not_send(followed: Indexed) -> None:
    with followed.served().chain() as chain, pytest.raises(NotIndexed):
        chain.send([Request("eth_sendRawTransaction", ("0x00",))])


def test_the_newest_block_is_the_one_that_it_ends_at(followed: Indexed, fake: FakeChain) -> None:
    with followed.served().chain() as chain:
        assert chain.send([block_number()]) == [hex(fake.head)]


# -- several networks ----------------------------------------------------------------------------------


@pytest.mark.parametrize("chain_id", [2**63, 2**64 + 7, 2**256 - 1])
def test_chains_with_enormous_ids_are_followed(
    fake: FakeChain, index_url: str, chain_id: int
) -> None:
    fake.chain_id = chain_id
    network = dataclasses.replace(fake.network(), chain_id=chain_id)
    with Indexed(index_url, network) as indexed:
        assert indexed.follow().chain_id == chain_id
        assert resolved(indexed).error is None


def test_chains_are_apart(index_url: str) -> None:
    found: list[FakeChain] = []
    for chain_id in (7, 8):
        fake = FakeChain(chain_id=chain_id)
        fake.mine(3)
        fake.add_service(ALICE, f"Hub{chain_id}", "https://hub.example")
        fake.mine(1)
        found.append(fake)
        network = dataclasses.replace(fake.network(), chain_id=chain_id)
        with Indexed(index_url, network) as indexed:
            indexed.follow()
            document = resolved(indexed).require_document()
            assert [one.type for one in document.service] == [f"Hub{chain_id}"]
    with Indexed(index_url, dataclasses.replace(found[0].network(), chain_id=7)) as indexed:
        found[0].reorganise(2, keep_logs=False)
        found[0].mine()
        indexed.follow()
        assert len(indexed.places()) == 1
        assert len(indexed.index.standings()) == 2


def test_other_contracts_of_a_chain_are_another_network(fake: FakeChain, index_url: str) -> None:
    """What was read for one registry says nothing about another one."""
    with Indexed(index_url, fake.network()) as indexed:
        indexed.follow()
    other = dataclasses.replace(fake.network(), did_registry="0x" + "ab" * 20)
    with Indexed(index_url, other) as indexed:
        assert isinstance(resolved(indexed).error, IndexBehind)
    with Indexed(index_url, fake.network(status_registry="0x" + "51" * 20)) as indexed:
        assert isinstance(resolved(indexed).error, IndexBehind)


# -- while it is written -------------------------------------------------------------------------------


@pytest.fixture
def both(fake: FakeChain, index_url: str) -> Iterator[Indexed]:
    with Indexed(index_url, fake.network()) as made:
        made.follow()
        yield made


def test_a_reading_sees_one_moment_while_the_index_goes_forth_and_back(
    both: Indexed, fake: FakeChain
) -> None:
    contracts = both.follower.contracts
    with both.index.snapshot(both.network, contracts) as before:
        head = before.head
        fake.change_owner(ALICE, BOB)
        both.follow()
        fake.reorganise(2, keep_logs=False)
        fake.mine()
        both.follow()
        (state,) = before.states([ALICE.address], head.number)
        assert state.owner == ALICE.address
        assert len(before.identity_logs([ALICE.address], 0, head.number)) == 1
        assert before.standing.revision == 0
    assert both.standing.revision == 1


def test_a_long_reading_does_not_stop_the_writer(both: Indexed, fake: FakeChain) -> None:
    with both.database.reading(steady=True) as connection:
        connection.exec_driver_sql("select count(*) from index_events").scalar()
        for number in range(5):
            fake.add_service(ALICE, f"Hub{number}", "https://hub.example")
            both.follow()
        seen = connection.exec_driver_sql("select count(*) from index_events").scalar()
    assert seen == 1
    assert len(both.places()) == 6

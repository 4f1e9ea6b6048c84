"""The ways to a node that is not ours: HTTP, IPC, WebSocket, and a list with a dead one in it."""

from __future__ import annotations

import socket
from dataclasses import replace
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from web3.providers import AsyncIPCProvider, IPCProvider, WebSocketProvider

from ethr_did import AsyncResolver, Resolver
from support.histories import make_life, write

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from support.anvil import Anvil
    from support.peers import Meeting

pytestmark = pytest.mark.interop


@pytest.fixture(scope="session")
def dids(anvil: Anvil, our_registry: Meeting) -> list[str]:
    """Some identities with a past."""
    lives = [make_life(Random(number)) for number in range(5)]  # noqa: S311 - made-up lives
    write(anvil, our_registry.registry, lives)
    return [our_registry.did(life.identifier) for life in lives]


@pytest.fixture(scope="session")
def expected(our_registry: Meeting, dids: list[str]) -> list[Any]:
    """What they resolve to over HTTP."""
    return results(our_registry.ours(*dids))


def results(resolved: list[dict[str, Any]]) -> list[Any]:
    """Documents and their metadata, without the block that was read."""
    return [(result["didDocument"], result["didDocumentMetadata"]) for result in resolved]


@pytest.fixture
def dead_url() -> Iterator[str]:
    """Where nobody listens."""
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{reserved.getsockname()[1]}"


@pytest.fixture
async def websocket(anvil: Anvil) -> AsyncIterator[WebSocketProvider]:
    provider = WebSocketProvider(anvil.url.replace("http", "ws"))
    yield provider
    await provider.disconnect()


@pytest.fixture
async def asynchronous_ipc(anvil: Anvil, ipc_path: Path) -> AsyncIterator[AsyncIPCProvider]:
    assert anvil
    provider = AsyncIPCProvider(ipc_path)
    yield provider
    await provider.disconnect()


def test_a_blocking_ipc_provider_reads_the_same(
    our_registry: Meeting, ipc_path: Path, dids: list[str], expected: list[Any]
) -> None:
    provider = IPCProvider(ipc_path)
    network = replace(our_registry.network, rpc_url=None, provider=provider)
    try:
        with Resolver([network]) as resolver:
            assert results([result.to_dict() for result in resolver.resolve_many(dids)]) == expected
            assert resolver.round_trips == 1
    finally:
        kept_open: Any = provider._socket  # which it never closes by itself
        kept_open.sock.close()


async def test_a_websocket_provider_reads_the_same(
    our_registry: Meeting, websocket: WebSocketProvider, dids: list[str], expected: list[Any]
) -> None:
    network = replace(our_registry.network, rpc_url=None, provider=websocket)
    async with AsyncResolver([network]) as resolver:
        found = [result.to_dict() for result in await resolver.resolve_many(dids)]
        assert results(found) == expected
        assert resolver.round_trips == 1


async def test_an_asynchronous_ipc_provider_reads_the_same(
    our_registry: Meeting, asynchronous_ipc: AsyncIPCProvider, dids: list[str], expected: list[Any]
) -> None:
    network = replace(our_registry.network, rpc_url=None, provider=asynchronous_ipc)
    async with AsyncResolver([network]) as resolver:
        found = [result.to_dict() for result in await resolver.resolve_many(dids)]
        assert results(found) == expected


def test_a_dead_node_in_the_list_costs_its_attempts_once(
    our_registry: Meeting, dead_url: str, dids: list[str], expected: list[Any]
) -> None:
    network = replace(our_registry.network, rpc_url=(dead_url, our_registry.url))
    with Resolver([network], retries=1, sleep=lambda _: None) as resolver:
        for number, did in enumerate(dids):
            assert results([resolver.resolve(did).to_dict()]) == expected[number : number + 1]
        assert resolver.round_trips == 2 + len(dids)


async def test_a_dead_node_is_passed_over_by_the_awaited_side_too(
    our_registry: Meeting, dead_url: str, dids: list[str], expected: list[Any]
) -> None:
    network = replace(our_registry.network, rpc_url=(dead_url, our_registry.url))
    async with AsyncResolver([network], retries=0) as resolver:
        found = [result.to_dict() for result in await resolver.resolve_many(dids)]
        assert results(found) == expected


def test_two_nodes_of_three_agree_while_one_is_dead(
    our_registry: Meeting, dead_url: str, dids: list[str], expected: list[Any]
) -> None:
    urls = (our_registry.url, dead_url, our_registry.url + "/?again")
    network = replace(our_registry.network, rpc_url=urls, quorum=2)
    with Resolver([network], retries=0) as resolver:
        assert results([result.to_dict() for result in resolver.resolve_many(dids)]) == expected


def test_when_all_nodes_are_dead_that_is_no_answer(
    our_registry: Meeting, dead_url: str, dids: list[str]
) -> None:
    with Resolver([replace(our_registry.network, rpc_url=dead_url)], retries=0) as resolver:
        result = resolver.resolve(dids[0])
    assert result.error is not None
    assert result.error.code == "node_unreachable"
    assert result.to_dict()["didResolutionMetadata"]["errorName"] == "internalError"

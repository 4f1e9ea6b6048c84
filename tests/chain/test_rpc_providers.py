"""Chains behind provider objects: ours, web3's, and anything of that shape."""

from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, Any

import pytest
import web3

from ethr_did.chain.local import LocalChain, LocalProvider
from ethr_did.chain.local.provider import AsyncLocalProvider
from ethr_did.chain.rpc import AsyncChain, Chain, Request, block_number, chain_id, get_block
from ethr_did.errors import (
    InvalidAnswer,
    InvalidConfiguration,
    NodeBusy,
    NodeRefused,
    NodeUnreachable,
)
from support.fault_proxy import BatchLimit, FaultProxy, Hang, Status, answering

if TYPE_CHECKING:
    from collections.abc import Callable

    from chain.conftest import Door

KEY = "0123456789abcdef0123456789abcdef"


def reply(result: Any) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "result": result}


class OneByOne:
    """The smallest provider."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def make_request(self, _method: str, _params: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class InBatches(OneByOne):
    def make_batch_request(self, calls: list[Any]) -> Any:
        if isinstance(self.answer, list):
            return self.answer
        return [self.make_request(*call) for call in calls]


def test_the_in_process_chain_is_read_without_a_socket(open_door: Callable[..., Door]) -> None:
    local = LocalChain()
    door = open_door(LocalProvider(local), chain_id=local.chain_id)
    number, block = door.send(block_number(), get_block(0))
    assert number == "0x0"
    assert block["number"] == "0x0"


def test_an_asynchronous_provider_is_awaited() -> None:
    async def read() -> Any:
        async with AsyncChain([AsyncLocalProvider(LocalChain())]) as chain:
            return await chain.send([block_number(), block_number()])

    assert asyncio.run(read()) == ["0x0", "0x0"]


def test_an_asynchronous_provider_needs_the_asynchronous_chain() -> None:
    with pytest.raises(InvalidConfiguration, match="asynchronous"):
        Chain([AsyncLocalProvider(LocalChain())])


def test_the_providers_of_web3_serve(open_door: Callable[..., Door]) -> None:
    with FaultProxy(answering({"eth_chainId": "0x1", "eth_blockNumber": "0x7"})) as proxy:
        door = open_door(web3.HTTPProvider(proxy.url), chain_id=1)
        assert door.send(block_number()) == ["0x7"]
        assert proxy.batches == [["eth_chainId", "eth_blockNumber"]]
        assert proxy.url in repr(door.chain)


def test_a_batch_refused_through_web3_is_halved(open_door: Callable[..., Door]) -> None:
    with FaultProxy(answering({"eth_blockNumber": "0x7"})) as proxy:
        proxy.always(BatchLimit(2))
        door = open_door(web3.HTTPProvider(proxy.url))
        assert door.send(*[block_number()] * 4) == ["0x7"] * 4


def test_a_busy_node_behind_web3_is_obeyed(open_door: Callable[..., Door]) -> None:
    with FaultProxy(answering({"eth_blockNumber": "0x7"})) as proxy:
        proxy.next(Status(429, {"Retry-After": "3"}))
        provider = web3.HTTPProvider(proxy.url, exception_retry_configuration=None)
        door = open_door(provider)
        assert door.send(block_number()) == ["0x7"]
        assert door.pauses == [3.0]


def test_the_tester_provider_of_web3_is_refused(open_door: Callable[..., Door]) -> None:
    class EthereumTesterProvider:
        __module__ = "web3.providers.eth_tester.main"

        def make_request(self, _method: str, _params: Any) -> Any: ...

    with pytest.raises(InvalidConfiguration, match="Python values"):
        open_door(EthereumTesterProvider())


def test_a_provider_without_batches_is_asked_one_by_one(open_door: Callable[..., Door]) -> None:
    assert open_door(OneByOne(reply("0x1"))).send(chain_id(), chain_id()) == ["0x1", "0x1"]


def test_an_error_object_from_a_provider_is_an_answer(open_door: Callable[..., Door]) -> None:
    error = {"jsonrpc": "2.0", "id": 1, "error": {"code": 3, "message": "x", "data": "0xab"}}
    (answer,) = open_door(OneByOne(error)).send(chain_id())
    assert type(answer) is NodeRefused
    assert answer.facts["data"] == "0xab"


@pytest.mark.parametrize("answer", [None, "0x1", 5, {"id": 1}])
def test_what_is_no_reply_is_an_invalid_answer(open_door: Callable[..., Door], answer: Any) -> None:
    with pytest.raises(InvalidAnswer):
        open_door(OneByOne(answer)).send(chain_id())


@pytest.mark.parametrize("answer", [[], [reply("0x1")], [reply("0x1")] * 3, [reply("0x1"), None]])
def test_a_provider_must_answer_every_request(open_door: Callable[..., Door], answer: Any) -> None:
    with pytest.raises(InvalidAnswer):
        open_door(InBatches(answer)).send(chain_id(), chain_id())


def test_what_a_provider_raises_is_an_unreachable_node(open_door: Callable[..., Door]) -> None:
    provider = InBatches(ConnectionError(f"https://n.example/v3/{KEY} is down"))
    door = open_door(provider, retries=1)
    with pytest.raises(NodeUnreachable) as caught:
        door.send(chain_id())
    assert door.round_trips == 2
    assert KEY not in "".join(traceback.format_exception(caught.value))


def test_a_refused_connection_of_a_provider_was_not_sent(open_door: Callable[..., Door]) -> None:
    door = open_door(OneByOne(ConnectionRefusedError(111, "refused")), retries=1)
    with pytest.raises(NodeUnreachable):
        door.send(Request("eth_sendRawTransaction", ("0x",)))
    assert door.round_trips == 2


def test_an_asynchronous_provider_is_bound_by_the_timeout() -> None:
    async def read(url: str) -> Any:
        provider = web3.AsyncHTTPProvider(url, exception_retry_configuration=None)
        try:
            async with AsyncChain([provider], timeout=1.0, retries=0) as chain:
                # web3 loses a session that it is still making when it is interrupted.
                await chain.send([chain_id()])
                await chain.send([chain_id()])
        finally:
            await provider.disconnect()

    with FaultProxy(answering({"eth_chainId": "0x1"})) as proxy:
        proxy.next(None, Hang())
        with pytest.raises(NodeUnreachable, match="did not answer within"):
            asyncio.run(read(proxy.url))


def test_a_busy_node_behind_an_asynchronous_provider_is_obeyed() -> None:
    async def read(url: str) -> Any:
        provider = web3.AsyncHTTPProvider(url, exception_retry_configuration=None)
        try:
            async with AsyncChain([provider], retries=0) as chain:
                await chain.send([chain_id()])
        finally:
            await provider.disconnect()

    with FaultProxy(answering({"eth_chainId": "0x1"})) as proxy:
        proxy.always(Status(429, {"Retry-After": "3"}))
        with pytest.raises(NodeBusy) as caught:
            asyncio.run(read(proxy.url))
    assert caught.value.facts["retry_after"] == 3.0


class Line:
    """A persistent connection, as web3's WebSocketProvider: one batch at a time."""

    is_async = True
    has_persistent_connection = True
    endpoint_uri = f"ws://n.example/v3/{KEY}"

    def __init__(self) -> None:
        self.connected = 0
        self.busy = False

    async def is_connected(self) -> bool:
        return bool(self.connected)

    async def connect(self) -> None:
        self.connected += 1

    async def make_batch_request(self, calls: list[Any]) -> list[Any]:
        assert not self.busy
        self.busy = True
        await asyncio.sleep(0.01)
        self.busy = False
        return [reply(call[0]) for call in calls]

    async def make_request(self, *call: Any) -> Any:
        return (await self.make_batch_request([call]))[0]


def test_a_persistent_connection_is_opened_once_and_shared_in_turn() -> None:
    line = Line()

    async def read() -> Any:
        async with AsyncChain([line]) as chain:
            assert repr(chain) == "AsyncChain(Line at ws://n.example/v3/…)"
            batch = [chain_id(), block_number()]
            return await asyncio.gather(chain.send(batch), chain.send(batch), chain.send(batch[:1]))

    both = ["eth_chainId", "eth_blockNumber"]
    assert asyncio.run(read()) == [both, both, both[:1]]
    assert line.connected == 1


def test_one_asynchronous_chain_may_serve_one_loop_after_another() -> None:
    with FaultProxy(answering({"eth_chainId": "0x1"})) as proxy:
        chain = AsyncChain([proxy.url])

        async def read() -> Any:
            answer = await chain.send([chain_id()])
            await chain.close()
            return answer

        assert [asyncio.run(read()), asyncio.run(read())] == [["0x1"], ["0x1"]]


def test_a_proxy_may_stand_before_a_node_at_a_url() -> None:
    with (
        FaultProxy(answering({"eth_chainId": "0x1"})) as inner,
        FaultProxy(inner.url) as outer,
        Chain([outer.url]) as chain,
    ):
        assert chain.send([chain_id()]) == ["0x1"]
        assert inner.round_trips == outer.round_trips == 1

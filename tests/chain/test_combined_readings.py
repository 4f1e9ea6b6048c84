"""Readings that share their round trips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.request import (
    Request,
    ask,
    attempt,
    block_number,
    chain_id,
    combine,
    get_block,
)
from ethr_did.chain.rpc import Chain
from ethr_did.errors import ChainError, NodeRefused, NodeUnreachable
from support.fault_proxy import FaultProxy, Reset, RpcError, answering

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ethr_did.chain.request import Steps


@pytest.fixture
def node() -> Iterator[FaultProxy]:
    """A node that counts what it is asked."""
    with FaultProxy(answering({"eth_chainId": "0x1", "eth_blockNumber": "0x2"})) as proxy:
        yield proxy


def again(request: Request, times: int) -> Steps[list[Any]]:
    """The answers to one request, asked so many times in a row."""
    found: list[Any] = []
    for _ in range(times):
        found += yield [request]
    return found


def test_readings_share_their_batches_as_long_as_they_go_on(node: FaultProxy) -> None:
    steps = combine(again(chain_id(), 1), again(block_number(), 3), again(chain_id(), 2))
    found = Chain([node.url], retries=0).run(steps)
    assert found == (["0x1"], ["0x2"] * 3, ["0x1"] * 2)
    assert node.round_trips == 3
    assert [len(batch) for batch in node.batches] == [3, 2, 1]


def test_answers_go_to_those_who_asked() -> None:
    steps = combine(ask(chain_id(), block_number()), ask(), ask(get_block(7)))
    batch = next(steps)
    assert [request.method for request in batch] == [
        "eth_chainId",
        "eth_blockNumber",
        "eth_getBlockByNumber",
    ]
    with pytest.raises(StopIteration) as done:
        steps.send(["one", "two", "three"])
    assert done.value.value == (["one", "two"], [], ["three"])


def test_nothing_to_ask_is_no_round_trip(node: FaultProxy) -> None:
    assert Chain([node.url], retries=0).run(combine()) == ()
    assert node.round_trips == 0


def test_readings_may_be_combined_again(node: FaultProxy) -> None:
    inner = combine(again(chain_id(), 2), again(block_number(), 1))
    found = Chain([node.url], retries=0).run(combine(inner, again(block_number(), 2)))
    assert found == ((["0x1"] * 2, ["0x2"]), ["0x2"] * 2)
    assert node.round_trips == 2


def test_batch_that_fails_fails_for_all_of_them(node: FaultProxy) -> None:
    node.always(Reset(0))
    chain = Chain([node.url], retries=0)
    with pytest.raises(NodeUnreachable):
        chain.run(combine(ask(chain_id()), ask(block_number())))
    one, two = chain.run(combine(attempt(ask(chain_id())), attempt(ask(block_number()))))
    assert isinstance(one, NodeUnreachable)
    assert isinstance(two, NodeUnreachable)


def test_reading_may_go_on_after_a_batch_that_failed(node: FaultProxy) -> None:
    def stubborn() -> Steps[Sequence[Any]]:
        try:
            return (yield [chain_id()])
        except ChainError:
            return (yield [block_number()])

    node.next(Reset(0))
    found = Chain([node.url], retries=0).run(combine(stubborn(), attempt(ask(chain_id()))))
    assert found[0] == ["0x2"]
    assert isinstance(found[1], NodeUnreachable)


def test_first_that_raises_ends_them_all() -> None:
    ended = []

    def patient() -> Steps[None]:
        try:
            yield [chain_id()]
            yield [chain_id()]
        finally:
            ended.append("patient")

    def hasty() -> Steps[None]:
        yield [block_number()]
        raise NodeRefused("no")

    steps = combine(patient(), hasty())
    next(steps)
    with pytest.raises(NodeRefused):
        steps.send(["0x1", "0x2"])
    assert ended == ["patient"]


def test_attempt_has_the_error_in_place_of_the_result(node: FaultProxy) -> None:
    def strict() -> Steps[str]:
        (answer,) = yield [get_block()]
        if isinstance(answer, ChainError):
            raise answer
        return "good"

    def refuse(*_: Any) -> Any:
        raise RpcError(-32000, "no")

    node.rewrite("eth_chainId", refuse)
    found, other = Chain([node.url], retries=0).run(
        combine(attempt(strict()), attempt(ask(block_number())))
    )
    assert isinstance(found, NodeRefused)
    assert other == ["0x2"]

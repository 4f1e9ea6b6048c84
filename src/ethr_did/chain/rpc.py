"""The one door to an EVM chain: batches of JSON-RPC requests, blocking (``Chain``) or awaited.

A use case is a generator that yields a batch of requests and is sent their answers; ``run``
drives it. The rules by which a batch gets its answers are in exchange.py and written once; the
two classes here send, sleep, and differ in nothing else.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ethr_did.chain.exchange import Exchange, Pause, Plan, Post, Route
from ethr_did.chain.nodes import AsyncNode, Node, open_async_node, open_node
from ethr_did.chain.quorum import Outcome
from ethr_did.chain.request import (
    Answer,
    Block,
    Request,
    Steps,
    block_number,
    call,
    chain_id,
    get_block,
    get_code,
    get_logs,
)
from ethr_did.chain.wire import BatchRefused
from ethr_did.errors import ChainError, EthrDIDError, WrongChain

if TYPE_CHECKING:
    import random
    from collections.abc import Awaitable, Callable, Sequence
    from types import TracebackType
    from typing import Self

__all__ = [
    "Answer",
    "AsyncChain",
    "Block",
    "Chain",
    "Request",
    "Steps",
    "block_number",
    "call",
    "chain_id",
    "get_block",
    "get_code",
    "get_logs",
]

T = TypeVar("T")


class Chain(Exchange[Node]):
    """A chain, read and written through one or more nodes, blocking.

    May be used from several threads.

    Example:
        >>> from ethr_did.chain.rpc import Chain, block_number
        >>> with Chain(["http://127.0.0.1:1"], retries=0) as chain:
        ...     chain.send([block_number()])
        Traceback (most recent call last):
        ...
        ethr_did.errors.NodeUnreachable: http://127.0.0.1:1 cannot be reached: Connection refused
    """

    def __init__(
        self,
        nodes: Sequence[str | object] | str,
        *,
        chain_id: int | None = None,
        quorum: int = 1,
        timeout: float = 20.0,
        retries: int = 3,
        batch_limit: int = 1000,
        max_bytes: int = 64 << 20,
        sleep: Callable[[float], object] = time.sleep,
        rng: random.Random | None = None,
    ) -> None:
        """A chain behind these nodes; nothing is sent yet.

        Args:
            nodes: RPC URLs and web3 providers, in the order of preference.
            chain_id: what each node must answer to ``eth_chainId``; None asks none.
            quorum: nodes that must agree, see ``agree``.
            timeout: seconds for one round trip.
            retries: further attempts at each node.
            batch_limit: requests in one round trip.
            max_bytes: longest answer taken, after decompression.
            sleep: waits for a number of seconds.
            rng: source of the jitter between attempts.

        Raises:
            InvalidConfiguration: no node, an impossible quorum, or not a URL or provider.
        """
        super().__init__(
            nodes,
            open_node,
            chain_id=chain_id,
            quorum=quorum,
            timeout=timeout,
            retries=retries,
            batch_limit=batch_limit,
            max_bytes=max_bytes,
            rng=rng,
        )
        self._sleep = sleep

    def run(self, steps: Steps[T]) -> T:
        """The result of a reading.

        Raises:
            ChainError: from ``send``, unless the reading catches it.
        """
        return self._run(steps, None)

    def send(self, batch: Sequence[Request]) -> list[Answer]:
        """One answer for each request, in order, by one round trip where the node allows.

        Raises:
            WrongChain: a node is on another chain.
            NodeUnreachable, NodeBusy, InvalidAnswer, NodeRefused: no node answered the batch.
        """
        return self._do(self.plan(batch, self.order()))

    def agree(self, make_steps: Callable[[int | None], Steps[T]]) -> T:
        """The result on which ``quorum`` nodes agree, each asked on its own at one block.

        Args:
            make_steps: makes the reading for a block number; is given None if the quorum is 1,
                which means no more than ``run``.

        Raises:
            QuorumFailed: too few nodes gave the same result.
        """
        if self.quorum == 1:
            return self.run(make_steps(None))
        plan = self.agreement(make_steps)
        try:
            todo = next(plan)
            while True:
                todo = plan.send([self._outcome(steps, route) for route, steps in todo])
        except StopIteration as done:
            return cast("T", done.value)

    def close(self) -> None:
        """Nothing; gives connections back."""
        for route in self._routes:
            route.node.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _run(self, steps: Steps[T], only: Route[Node] | None) -> T:
        try:
            batch = next(steps)
            while True:
                routes = (only,) if only else self.order()
                try:
                    answers = self._do(self.plan(batch, routes))
                except ChainError as failure:
                    batch = steps.throw(failure)
                else:
                    batch = steps.send(answers)
        except StopIteration as done:
            return cast("T", done.value)

    def _outcome(self, steps: Steps[T], route: Route[Node]) -> Outcome[T]:
        try:
            return Outcome(self._run(steps, route))
        except WrongChain:
            raise
        except EthrDIDError as error:
            return Outcome(error=error)

    def _do(self, plan: Plan[Node, T]) -> T:
        try:
            step = next(plan)
            while True:
                try:
                    done = self._act(step)
                except (ChainError, BatchRefused) as failure:
                    step = plan.throw(failure)
                else:
                    step = plan.send(done)
        except StopIteration as end:
            return cast("T", end.value)

    def _act(self, step: Post[Node] | Pause) -> Any:
        if isinstance(step, Pause):
            return self._sleep(step.seconds)
        self.count(step)
        return step.node.post(step.batch)


class AsyncChain(Exchange[AsyncNode]):
    """A chain, read and written through one or more nodes, awaited.

    Belongs to one event loop at a time; ``close`` it there.
    """

    def __init__(
        self,
        nodes: Sequence[str | object] | str,
        *,
        chain_id: int | None = None,
        quorum: int = 1,
        timeout: float = 20.0,
        retries: int = 3,
        batch_limit: int = 1000,
        max_bytes: int = 64 << 20,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        rng: random.Random | None = None,
    ) -> None:
        """A chain behind these nodes; nothing is sent yet. Arguments as for ``Chain``.

        Raises:
            InvalidConfiguration: no node, an impossible quorum, or not a URL or provider.
        """
        super().__init__(
            nodes,
            open_async_node,
            chain_id=chain_id,
            quorum=quorum,
            timeout=timeout,
            retries=retries,
            batch_limit=batch_limit,
            max_bytes=max_bytes,
            rng=rng,
        )
        self._sleep = sleep

    async def run(self, steps: Steps[T]) -> T:
        """The result of a reading, as ``Chain.run``."""
        return await self._run(steps, None)

    async def send(self, batch: Sequence[Request]) -> list[Answer]:
        """One answer for each request, in order, as ``Chain.send``."""
        return await self._do(self.plan(batch, self.order()))

    async def agree(self, make_steps: Callable[[int | None], Steps[T]]) -> T:
        """The result on which ``quorum`` nodes agree, as ``Chain.agree``; asks them at once."""
        if self.quorum == 1:
            return await self.run(make_steps(None))
        plan = self.agreement(make_steps)
        try:
            todo = next(plan)
            while True:
                readings = [self._outcome(steps, route) for route, steps in todo]
                todo = plan.send(await asyncio.gather(*readings))
        except StopIteration as done:
            return cast("T", done.value)

    async def close(self) -> None:
        """Nothing; gives connections back."""
        for route in self._routes:
            await route.node.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _run(self, steps: Steps[T], only: Route[AsyncNode] | None) -> T:
        try:
            batch = next(steps)
            while True:
                routes = (only,) if only else self.order()
                try:
                    answers = await self._do(self.plan(batch, routes))
                except ChainError as failure:
                    batch = steps.throw(failure)
                else:
                    batch = steps.send(answers)
        except StopIteration as done:
            return cast("T", done.value)

    async def _outcome(self, steps: Steps[T], route: Route[AsyncNode]) -> Outcome[T]:
        try:
            return Outcome(await self._run(steps, route))
        except WrongChain:
            raise
        except EthrDIDError as error:
            return Outcome(error=error)

    async def _do(self, plan: Plan[AsyncNode, T]) -> T:
        try:
            step = next(plan)
            while True:
                try:
                    done = await self._act(step)
                except (ChainError, BatchRefused) as failure:
                    step = plan.throw(failure)
                else:
                    step = plan.send(done)
        except StopIteration as end:
            return cast("T", end.value)

    async def _act(self, step: Post[AsyncNode] | Pause) -> Any:
        if isinstance(step, Pause):
            return await self._sleep(step.seconds)
        self.count(step)
        return await step.node.post(step.batch)

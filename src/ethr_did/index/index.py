"""The index as readings see it: fresh or refused, and a way to it for ``Network.source``.

Rules:
  * A reading is answered from one transaction: all of it is of one block.
  * An index that was not compared with its node for too long, or lacks too many of its blocks,
    refuses (``IndexBehind``). So does one that found a contradiction (``IndexBroken``).
  * Where the index cannot answer, and there is a node to ask, the node is asked the whole of it.
    Answers of two sources are never mixed.
"""

from __future__ import annotations

import asyncio
import dataclasses
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast

from ethr_did.errors import IndexBehind, IndexBroken, NotIndexed, StoreError
from ethr_did.index import store
from ethr_did.index.answers import answer_batch
from ethr_did.index.following import contracts_of
from ethr_did.index.snapshot import Snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Self

    from ethr_did.chain.networks import Network
    from ethr_did.chain.request import Answer, Request, Steps
    from ethr_did.chain.rpc import AsyncChain, Chain
    from ethr_did.index.entries import Contracts
    from ethr_did.index.standing import Standing
    from ethr_did.index.store import IndexDatabase

__all__ = ["AsyncIndexedChain", "Freshness", "Index", "IndexSource", "IndexedChain"]

T = TypeVar("T")

_ELSEWHERE = (IndexBehind, IndexBroken, NotIndexed, StoreError)
"""What a node may be asked after."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """How far an index may be behind and still answer."""

    max_age: float = 60.0
    """Seconds since it was last compared with its node."""
    max_blocks: int = 16
    """Blocks of the node that it lacks."""

    def check(self, standing: Standing, now: float, network: str) -> None:
        """Nothing.

        Raises:
            IndexBroken: the index and the chain contradict each other.
            IndexBehind: it is further behind.
        """
        if standing.head is None:
            raise _not_there(network)
        if standing.fault is not None:
            raise IndexBroken(
                standing.fault, hint="`ethr-did index verify` compares it with a node."
            )
        age, behind = standing.age(now), standing.blocks_behind
        if age is None or age > self.max_age or behind is None or behind > self.max_blocks:
            raise IndexBehind(
                f"the index of network {network} ends at block {standing.head.number}, {behind} "
                f"blocks behind, and was compared with its node {age:.0f} s ago",
                hint="Is it followed? `ethr-did index status` says how it stands. Are the clocks of "
                "both machines in step?",
                block_number=standing.head.number,
                blocks_behind=behind,
                age=age,
            )


class Index:
    """What was indexed, for reading.

    Args:
        database: of the index.
        clock: Unix seconds.
        freshness: how far it may be behind.
    """

    def __init__(
        self,
        database: IndexDatabase,
        *,
        clock: Callable[[], float],
        freshness: Freshness = Freshness(),
    ) -> None:
        self.database = database
        self.freshness = freshness
        self._clock = clock

    def source(self, *, with_node: bool = True) -> IndexSource:
        """What makes a network be read from the index: its ``source``.

        Args:
            with_node: whether the network's node is asked where the index cannot answer.
        """
        return IndexSource(self, with_node=with_node)

    def standing(self, network: Network) -> Standing | None:
        """How far a network is; None if it was never followed.

        Raises:
            StoreError: the database cannot be read.
        """
        with self.database.reading() as connection:
            return store.find_network(connection, network.chain_id, contracts_of(network))

    def standings(self) -> list[Standing]:
        """How far each network is.

        Raises:
            StoreError: the database cannot be read.
        """
        with self.database.reading() as connection:
            return store.read_standings(connection)

    def count_events(self, standing: Standing) -> int:
        """How many events of a network are here.

        Raises:
            StoreError: the database cannot be read.
        """
        with self.database.reading() as connection:
            return store.count_events(connection, standing)

    @contextmanager
    def snapshot(self, network: Network, contracts: Contracts) -> Iterator[Snapshot]:
        """One network as of one moment.

        Args:
            network: that is read.
            contracts: of it, see ``contracts_of``.

        Raises:
            IndexBehind, IndexBroken: it cannot be relied on.
            StoreError: the database cannot be read.
        """
        with self.holding(network, contracts) as snapshot:
            self.freshness.check(snapshot.standing, self._clock(), network.name)
            yield snapshot

    @contextmanager
    def holding(self, network: Network, contracts: Contracts) -> Iterator[Snapshot]:
        """One network as of one moment, however far it is behind. Arguments as of ``snapshot``.

        Raises:
            IndexBehind: it is not in the index yet.
            StoreError: the database cannot be read.
        """
        with self.database.reading(steady=True) as connection:
            standing = store.find_network(connection, network.chain_id, contracts)
            if standing is None or standing.head is None:
                raise _not_there(network.name)
            yield Snapshot(connection, contracts, standing, standing.head)

    def run(self, network: Network, contracts: Contracts, steps: Steps[T]) -> T:
        """The result of a reading, all of one block. Arguments as of ``snapshot``.

        Raises:
            IndexBehind, IndexBroken: the index cannot be relied on.
            NotIndexed: it does not hold what was asked for.
            StoreError: the database cannot be read.
        """
        with self.snapshot(network, contracts) as snapshot:
            try:
                batch = next(steps)
                while True:
                    batch = steps.send(answer_batch(snapshot, batch))
            except StopIteration as done:
                return cast("T", done.value)
            finally:
                # Errors of ours are no answers: the reading must not make something of them.
                steps.close()


@dataclass(frozen=True, slots=True)
class IndexSource:
    """The index as the ``source`` of a network."""

    index: Index
    with_node: bool = True

    def chain(self, network: Network, **options: Any) -> Chain:
        """What is read through, blocking; options as of ``Chain``, for the node."""
        node = _bare(network).chain(**options) if self._has_node(network) else None
        return cast("Chain", IndexedChain(self.index, network, node))

    def async_chain(self, network: Network, **options: Any) -> AsyncChain:
        """What is read through, awaited."""
        node = _bare(network).async_chain(**options) if self._has_node(network) else None
        return cast("AsyncChain", AsyncIndexedChain(self.index, network, node))

    def _has_node(self, network: Network) -> bool:
        return self.with_node and bool(network.rpc_urls or network.provider is not None)


def _not_there(network: str) -> IndexBehind:
    return IndexBehind(
        f"network {network} is not in the index yet",
        hint="Follow it: `ethr-did index sync`, or `ethr-did serve`.",
    )


def _bare(network: Network) -> Network:
    return dataclasses.replace(network, source=None)


class IndexedChain:
    """Reads a network from the index, and from its node where the index cannot answer; blocking.

    Offers the reading half of ``Chain``.
    """

    def __init__(self, index: Index, network: Network, node: Chain | None) -> None:
        self._index = index
        self._network = network
        self._contracts = contracts_of(network)
        self._node = node

    def run(self, steps: Steps[T]) -> T:
        """The result of a reading, from the index alone: it cannot begin again elsewhere.

        Raises:
            IndexBehind, IndexBroken, NotIndexed, StoreError: as ``Index.run``.
        """
        return self._index.run(self._network, self._contracts, steps)

    def agree(self, make_steps: Callable[[int | None], Steps[T]]) -> T:
        """The result of a reading, from the index or else from the node.

        Raises:
            ChainError, StoreError: neither could tell.
        """
        try:
            return self.run(make_steps(None))
        except _ELSEWHERE:
            if self._node is None:
                raise
            return self._node.agree(make_steps)

    def send(self, batch: Sequence[Request]) -> list[Answer]:
        """One answer for each request, in order, as ``agree``."""
        return list(self.agree(lambda _block: _asked(batch)))

    @property
    def round_trips(self) -> int:
        """HTTP requests made to the node so far."""
        return 0 if self._node is None else self._node.round_trips

    def close(self) -> None:
        """Nothing; gives connections back."""
        if self._node is not None:
            self._node.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class AsyncIndexedChain:
    """Reads a network from the index, awaited; otherwise as ``IndexedChain``."""

    def __init__(self, index: Index, network: Network, node: AsyncChain | None) -> None:
        self._index = index
        self._network = network
        self._contracts = contracts_of(network)
        self._node = node

    async def run(self, steps: Steps[T]) -> T:
        """As ``IndexedChain.run``."""
        return await asyncio.to_thread(self._index.run, self._network, self._contracts, steps)

    async def agree(self, make_steps: Callable[[int | None], Steps[T]]) -> T:
        """As ``IndexedChain.agree``."""
        try:
            return await self.run(make_steps(None))
        except _ELSEWHERE:
            if self._node is None:
                raise
            return await self._node.agree(make_steps)

    async def send(self, batch: Sequence[Request]) -> list[Answer]:
        """As ``IndexedChain.send``."""
        return list(await self.agree(lambda _block: _asked(batch)))

    @property
    def round_trips(self) -> int:
        """HTTP requests made to the node so far."""
        return 0 if self._node is None else self._node.round_trips

    async def close(self) -> None:
        """Nothing; gives connections back."""
        if self._node is not None:
            await self._node.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _asked(batch: Sequence[Request]) -> Steps[Sequence[Answer]]:
    return (yield batch)

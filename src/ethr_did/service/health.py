"""Whether the service lives, and whether it can answer.

Rules:
  * It lives as long as it answers at all.
  * It is ready if every network is: its node is reached, is on the right chain and has a young
    head; its index, where there is one, is not far behind and has no fault.
  * What was found out is kept for a second, and looked up once for all who ask: nobody can load a
    node by asking whether it is there.
  * Development chains mine when they are asked to: the age of their heads says nothing.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from ethr_did.chain.answer import parse_head, quantity_of
from ethr_did.chain.request import chain_id, get_block
from ethr_did.errors import EthrDIDError, WrongChain
from ethr_did.service.options import IndexUse
from ethr_did.service.problems import outside_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ethr_did.chain.answer import Head
    from ethr_did.chain.networks import Network
    from ethr_did.chain.request import Steps
    from ethr_did.chain.rpc import AsyncChain
    from ethr_did.index.standing import Standing
    from ethr_did.service.options import ServiceOptions

__all__ = ["DEVELOPMENT_CHAINS", "Followed", "NetworkHealth", "Readiness"]

_KEPT = 1.0
"""Seconds for which a look is good."""
_PATIENCE = 5.0
"""Seconds for a node to answer; whoever asks about health waits no longer."""
DEVELOPMENT_CHAINS = (1337, 31337)
"""Chain ids of ganache, and of hardhat, anvil and ``ethr-did devnet``."""


class Followed(Protocol):
    """Knows how far each network was followed. May block."""

    def standing(self, network: Network) -> Standing | None:
        """How far a network is; None if it was never followed."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkHealth:
    """Whether a network can be asked about."""

    name: str
    chain_id: int
    head_number: int | None = None
    """Of the newest block of the node; None: not asked, or not found out."""
    head_age: float | None = None
    """Seconds since that block."""
    index_head: int | None = None
    """Number of the block up to which everything is in the index; None: there is no index."""
    index_lag: int | None = None
    """Blocks that the index lacks."""
    index_age: float | None = None
    """Seconds since index and node were compared."""
    faults: tuple[str, ...] = ()
    """What stands in the way."""

    @property
    def is_ready(self) -> bool:
        """Whether nothing stands in the way."""
        return not self.faults

    def to_dict(self) -> dict[str, Any]:
        """The figures as JSON."""
        found = {
            "ready": self.is_ready,
            "chainId": self.chain_id,
            "headNumber": self.head_number,
            "headAge": _rounded(self.head_age),
            "indexHead": self.index_head,
            "indexLag": self.index_lag,
            "indexAge": _rounded(self.index_age),
            "faults": list(self.faults) or None,
        }
        return {name: value for name, value in found.items() if value is not None}


class Readiness:
    """Whether the networks can be asked about.

    Args:
        networks: that are served.
        options: the bounds.
        clock: Unix seconds.
        followed: the index; None: there is none.
        timeout: seconds for one round trip to a node.
    """

    def __init__(
        self,
        networks: Iterable[Network],
        options: ServiceOptions,
        clock: Callable[[], float],
        *,
        followed: Followed | None = None,
        timeout: float = _PATIENCE,
    ) -> None:
        self._options = options
        self._clock = clock
        self._followed = followed
        self._networks = tuple(networks)
        asks_nodes = options.index is not IndexUse.ONLY
        self._chains: Mapping[str, AsyncChain] = {
            # The node itself, not an index in its place.
            network.name: replace(network, source=None).async_chain(
                timeout=min(timeout, _PATIENCE), retries=0
            )
            for network in self._networks
            if asks_nodes
        }
        self._found: tuple[float, tuple[NetworkHealth, ...]] | None = None
        self._looking: asyncio.Task[tuple[NetworkHealth, ...]] | None = None

    async def look(self) -> tuple[NetworkHealth, ...]:
        """The state of each network, at most a second old."""
        if self._found is not None and 0 <= self._clock() - self._found[0] < _KEPT:
            return self._found[1]
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        # Whoever goes away does not take the answer of the others along.
        return await asyncio.shield(self._looking)

    @property
    def last(self) -> tuple[NetworkHealth, ...]:
        """The state of each network when it was last looked at; empty: never."""
        return self._found[1] if self._found is not None else ()

    async def close(self) -> None:
        """Nothing; gives connections back."""
        if self._looking is not None:
            await asyncio.gather(self._looking, return_exceptions=True)
        for chain in self._chains.values():
            await chain.close()

    @property
    def round_trips(self) -> int:
        """HTTP requests made so far."""
        return sum(chain.round_trips for chain in self._chains.values())

    async def _look(self) -> tuple[NetworkHealth, ...]:
        found = tuple(await asyncio.gather(*map(self._look_at, self._networks)))
        self._found = self._clock(), found
        return found

    async def _look_at(self, network: Network) -> NetworkHealth:
        faults: list[str] = []
        figures: dict[str, Any] = {}
        if network.name in self._chains:
            figures |= await self._of_node(network, faults)
        if self._followed is not None:
            figures |= await self._of_index(self._followed, network, faults)
        return NetworkHealth(
            name=network.name, chain_id=network.chain_id, faults=tuple(faults), **figures
        )

    async def _of_node(self, network: Network, faults: list[str]) -> dict[str, Any]:
        try:
            head = await self._chains[network.name].run(_read_head(network.chain_id))
        except EthrDIDError as error:
            faults.append(outside_words(error)[0])
            return {}
        age = max(0.0, self._clock() - head.timestamp)
        most = self._options.max_head_age
        if 0 < most < age and network.chain_id not in DEVELOPMENT_CHAINS:
            faults.append(f"the newest block of the node is {age:.0f} s old; {most:g} are allowed")
        return {"head_number": head.number, "head_age": age}

    async def _of_index(
        self, followed: Followed, network: Network, faults: list[str]
    ) -> dict[str, Any]:
        try:
            standing = await asyncio.to_thread(followed.standing, network)
        except EthrDIDError:
            faults.append("the index cannot be read")
            return {}
        age = None if standing is None else standing.age(self._clock())
        if standing is None or standing.head is None or standing.node_head is None or age is None:
            faults.append("the index holds nothing of this network yet")
            return {}
        if standing.fault is not None:
            faults.append("the index cannot go on; `ethr-did index status` says why")
        lag = max(0, standing.node_head - standing.head.number)
        # The bounds within which it answers: ready is who can.
        most, oldest = self._options.max_index_lag, self._options.max_index_age
        if lag > most:
            faults.append(f"the index lacks {lag} blocks; {most} are allowed")
        if age > oldest:
            faults.append(f"the index was compared with the node {age:.0f} s ago")
        return {"index_head": standing.head.number, "index_lag": lag, "index_age": age}


def _read_head(expected: int) -> Steps[Head]:
    found, head = yield [chain_id(), get_block("latest")]
    number = quantity_of(found)
    if number != expected:
        raise WrongChain(f"the node is on chain {number}, not {expected}")
    return parse_head(head)


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 1)

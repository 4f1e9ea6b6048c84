"""A made-up chain behind a service, and a client that asks it in this process."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from ethr_did.chain.networks import Networks
from ethr_did.credentials.questions import AsyncOutside
from ethr_did.credentials.verification import AsyncVerifier
from ethr_did.resolver import AsyncResolver
from ethr_did.service.backends import Backends
from ethr_did.status.reading import AsyncStatusReader
from support.fake_chain import FakeChain

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Hashable

    from ethr_did.chain.answer import Head
    from ethr_did.chain.networks import Network
    from ethr_did.core.keys import Address


@dataclass
class Hands:
    """A clock that stands still until a test moves it."""

    now: float

    def __call__(self) -> float:
        return self.now


@dataclass
class Lookout:
    """A watch that says what a test wants it to say."""

    current: dict[bytes, Hashable | None] = field(default_factory=dict)
    """Versions by address; those that are not here stay at 0."""
    newest: Head | None = None
    finalised: int | None = None

    def version(self, network: Network, identity: Address) -> Hashable | None:
        """As the test said."""
        _ = network
        return self.current.get(identity, 0)

    def head(self, network: Network) -> Head | None:
        """As the test said."""
        _ = network
        return self.newest

    def final(self, network: Network) -> int | None:
        """As the test said."""
        _ = network
        return self.finalised


def backends_on(
    *networks: Network, clock: Hands, watch: Lookout | None = None, **chain_options: Any
) -> Backends:
    """What endpoints ask, on any networks."""
    options = {"retries": 0, **chain_options}
    known = Networks(networks)
    resolver = AsyncResolver(known, clock=clock, **options)
    statuses = AsyncStatusReader(known, clock=clock, **options)
    outside = AsyncOutside.on(known, clock=clock, **options)
    return Backends(
        networks=known,
        resolver=resolver,
        statuses=statuses,
        verifier=AsyncVerifier(outside, clock=clock),
        watch=watch or Lookout(),
        clock=clock,
    )


def client_of(app: Any, **options: Any) -> httpx.AsyncClient:
    """A client of an ASGI app in this process; it follows no redirects."""
    transport = httpx.ASGITransport(app=app)
    return httpx.AsyncClient(transport=transport, base_url="http://service.example", **options)


@pytest.fixture
def fake() -> FakeChain:
    """A chain of a few empty blocks whose node has no faults yet."""
    fake = FakeChain()
    fake.mine(5)
    return fake


@pytest.fixture
def clock(fake: FakeChain) -> Hands:
    """Shows the time of the head as it was at the beginning."""
    return Hands(float(fake.now))


@pytest.fixture
def watch() -> Lookout:
    """Says that nothing changes, until a test has it say otherwise."""
    return Lookout()


@pytest.fixture
def backends(fake: FakeChain, clock: Hands, watch: Lookout) -> Backends:
    """What endpoints ask, on the made-up chain."""
    return backends_on(fake.network(), clock=clock, watch=watch)


@pytest.fixture
async def client(backends: Backends) -> AsyncIterator[httpx.AsyncClient]:
    """Asks the whole service."""
    from ethr_did.service.app import create_app

    async with client_of(create_app(backends)) as client:
        yield client

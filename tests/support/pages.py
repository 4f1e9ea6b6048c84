"""The page for people alone, and a client that asks it in this process."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import httpx
from starlette.applications import Starlette

from ethr_did.chain.networks import Networks
from ethr_did.credentials.questions import AsyncOutside
from ethr_did.credentials.verification import AsyncVerifier
from ethr_did.resolver import AsyncResolver
from ethr_did.service.backends import Backends
from ethr_did.service.pages import routes
from ethr_did.service.watch import SlotWatch
from ethr_did.status.reading import AsyncStatusReader

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from ethr_did.chain.networks import Network
    from ethr_did.service.credentials import VerifyRules


def page_on(
    clock: Callable[[], float],
    *networks: Network,
    rules: VerifyRules | None = None,
    verifier: Any = None,
) -> Starlette:
    """The page, on networks whose time a clock shows; with a verifier of one's own, if wished."""
    known = Networks(networks)
    outside = AsyncOutside.on(known, clock=clock, retries=0)
    backends = Backends(
        networks=known,
        resolver=AsyncResolver(known, clock=clock, retries=0),
        statuses=AsyncStatusReader(known, clock=clock, retries=0),
        verifier=verifier or AsyncVerifier(outside, clock=clock),
        watch=SlotWatch(clock, 0),
        clock=clock,
    )

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        for opened in (backends.resolver, backends.statuses, outside):
            await opened.close()

    return Starlette(routes=routes(backends, rules=rules), lifespan=lifespan)


@dataclass(frozen=True, slots=True)
class Client:
    """Asks the page in this process; it follows no redirects."""

    http: httpx.AsyncClient

    async def get(self, **parameters: object) -> httpx.Response:
        """The answer to a GET with a query."""
        given = {name: str(value) for name, value in parameters.items()}
        return await self.http.get("/", params=given)

    async def paste(self, text: str, **fields: str) -> httpx.Response:
        """The answer to what is pasted."""
        return await self.http.post("/", data={"text": text, **fields})


def client_of(app: Starlette) -> Client:
    """A client of the page."""
    transport = httpx.ASGITransport(app=app)
    return Client(httpx.AsyncClient(transport=transport, base_url="http://service.example"))


@asynccontextmanager
async def asking(app: Starlette) -> AsyncIterator[Client]:
    """A client of the page; connections to nodes are given back afterwards."""
    async with app.router.lifespan_context(app):
        yield client_of(app)

"""Endpoints about statuses and credentials, on a real chain, without the rest of the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
from fastapi import FastAPI

from ethr_did.chain.networks import Networks
from ethr_did.credentials.questions import AsyncOutside
from ethr_did.credentials.verification import AsyncVerifier
from ethr_did.did_methods import AsyncDIDResolver
from ethr_did.resolver import AsyncResolver
from ethr_did.service.backends import Backends
from ethr_did.service.problems import HANDLERS
from ethr_did.service.watch import SlotWatch
from ethr_did.status.reading import AsyncStatusReader

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from fastapi import APIRouter

    from ethr_did.chain.networks import Network
    from ethr_did.core.keys import Address

BASE = "http://service.example"


class Standing(SlotWatch):
    """A watch that says that nothing changes; None for the version: that nothing is known."""

    def __init__(self, version: Hashable | None = None) -> None:
        super().__init__(lambda: 0.0, 1)
        self.current = version

    def version(self, network: Network, identity: Address) -> Hashable | None:
        """As it was set."""
        _ = network, identity
        return self.current


def backends_of(
    *networks: Network,
    clock: Callable[[], float],
    watch: Standing | None = None,
    dids: Any = None,
    **outside: Any,
) -> Backends:
    """What endpoints ask; ``dids`` in place of the resolver of the chain."""
    known = Networks(networks)
    resolver = AsyncResolver(known, clock=clock, retries=0)
    statuses = AsyncStatusReader(known, clock=clock, retries=0)
    asked = AsyncOutside(
        dids=dids or AsyncDIDResolver(ethr=resolver),
        statuses=statuses,
        networks=known,
        retries=0,
        **outside,
    )
    return Backends(
        networks=known,
        resolver=resolver,
        statuses=statuses,
        verifier=AsyncVerifier(asked, clock=clock),
        watch=watch or Standing(),
        clock=clock,
    )


def client_of(*routers: APIRouter) -> httpx.AsyncClient:
    """A client of these endpoints, in this process."""
    handlers: Any = dict(HANDLERS)
    app = FastAPI(exception_handlers=handlers)
    for router in routers:
        app.include_router(router)
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url=BASE)

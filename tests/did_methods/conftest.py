"""A web in memory, and a web server; both for the blocking and for the awaited resolver."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from ethr_did.did_methods import AsyncDIDResolver, DIDResolver, ResolvedDID
from ethr_did.fetching import AsyncFetcher, Fetcher, FetchRules
from support.did_web import AsyncWeb, Web
from support.web_server import Authority, WebServer

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LOOPBACK = "127.0.0.1"


class Resolve(Protocol):
    """Resolves DIDs, blocking or awaited as the test's parameter says."""

    def __call__(
        self, *dids: str, version_id: int | None = None, **options: Any
    ) -> list[ResolvedDID]:
        """One result for each DID."""
        ...


@pytest.fixture
def web() -> Web:
    """A web without documents."""
    return Web()


@pytest.fixture(params=["blocking", "awaited"])
def resolve(request: pytest.FixtureRequest, web: Web) -> Resolve:
    """Resolves with a new resolver each time, did:web from the web in memory."""

    def run(*dids: str, version_id: int | None = None, **options: Any) -> list[ResolvedDID]:
        if request.param == "blocking":
            blocking = DIDResolver(**{"fetcher": web, **options})
            return blocking.resolve_many(dids, version_id=version_id)
        awaited = AsyncDIDResolver(**{"fetcher": AsyncWeb(web), **options})
        return asyncio.run(awaited.resolve_many(dids, version_id=version_id))

    return run


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The one that the fetchers trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority: Authority) -> Iterator[WebServer]:
    """shop.example and other.example, over https."""
    with WebServer(tls=authority.serving("shop.example", "other.example")) as running:
        yield running


@pytest.fixture(params=["blocking", "awaited"])
def over_https(request: pytest.FixtureRequest, authority: Authority) -> Resolve:
    """Resolves did:web over https; every host is at the server."""

    def run(*dids: str, version_id: int | None = None, **rules: Any) -> list[ResolvedDID]:
        reaching = {"allow_private": True, "ca_file": authority.ca_file, "timeout": 5, **rules}
        made = FetchRules(**reaching)
        if request.param == "blocking":
            blocking = DIDResolver(fetcher=Fetcher(made, resolve=_at_loopback))
            return blocking.resolve_many(dids, version_id=version_id)
        awaited = AsyncDIDResolver(fetcher=AsyncFetcher(made, resolve=_at_loopback))
        return asyncio.run(awaited.resolve_many(dids, version_id=version_id))

    return run


def _at_loopback(_host: str, _port: int) -> Sequence[str]:
    return [LOOPBACK]

"""A fetcher of each kind, and a server whose name is lists.example."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from ethr_did.fetching import AsyncFetcher, Fetched, Fetcher, FetchRules
from support.web_server import Authority, WebServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

LOOPBACK = "127.0.0.1"


class Fetch(Protocol):
    """Fetches from the server, blocking or awaited as the test's parameter says."""

    def __call__(
        self,
        path: str,
        *,
        accept: str = "*/*",
        most: int | None = None,
        resolve: Callable[[str, int], Sequence[str]] = ...,
        **rules: Any,
    ) -> Fetched:
        """The document at a path of lists.example, or at a whole URL."""
        ...


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The one that the fetchers trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def server(authority: Authority) -> Iterator[WebServer]:
    """lists.example, also other.example and 127.0.0.1, over https."""
    with WebServer(tls=authority.serving("lists.example", "other.example", LOOPBACK)) as running:
        yield running


@pytest.fixture
def plain_server() -> Iterator[WebServer]:
    """The same without TLS."""
    with WebServer() as running:
        yield running


def at_loopback(_host: str, _port: int) -> list[str]:
    """Every name is here."""
    return [LOOPBACK]


@pytest.fixture(params=["blocking", "awaited"])
def fetch(request: pytest.FixtureRequest, authority: Authority, server: WebServer) -> Fetch:
    """Fetches with rules that reach the server: private addresses allowed, its authority trusted."""

    def run(
        path: str,
        *,
        accept: str = "*/*",
        most: int | None = None,
        resolve: Callable[[str, int], Sequence[str]] = at_loopback,
        **rules: Any,
    ) -> Fetched:
        reaching = FetchRules(allow_private=True, ca_file=authority.ca_file, timeout=5)
        made = replace(reaching, **rules)
        url = path if "://" in path else f"https://lists.example:{server.port}{path}"
        if request.param == "blocking":
            return Fetcher(made, resolve=resolve).fetch(url, accept=accept, most=most)
        return asyncio.run(AsyncFetcher(made, resolve=resolve).fetch(url, accept=accept, most=most))

    return run

"""What every test may ask for: a real chain, a server on it, people with accounts, a database.

The chain lives as long as the session. A test that asks for it, directly or through another
fixture, finds it as the session fixtures left it: what it does is taken back afterwards.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING, Any, Protocol

import pytest

from ethr_did.chain.local import LocalAccount, LocalChain, LocalServer, serve
from support.postgres import Postgres, find_postgres
from support.status_chain import deploy_status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ethr_did.chain.networks import Network


class Rpc(Protocol):
    """Asks the chain, as a client would."""

    def __call__(self, method: str, *params: Any) -> Any:
        """The result; a JSON-RPC error fails the test."""
        ...

    def error(self, method: str, *params: Any) -> dict[str, Any]:
        """The error object; a result fails the test."""
        ...


class _Rpc:
    def __init__(self, chain: LocalChain) -> None:
        self._chain = chain

    def __call__(self, method: str, *params: Any) -> Any:
        response = self._ask(method, *params)
        assert "error" not in response, response["error"]
        return response["result"]

    def error(self, method: str, *params: Any) -> dict[str, Any]:
        response = self._ask(method, *params)
        assert "result" not in response, response["result"]
        error: dict[str, Any] = response["error"]
        return error

    def _ask(self, method: str, *params: Any) -> dict[str, Any]:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        response = self._chain.handle(request)
        assert isinstance(response, dict)
        return response


def pytest_configure() -> None:
    """Interruptions reach the processes that tests start, also where a shell runs all of it aside.

    What a script starts with ``&`` ignores them, and hands that on to its children.
    """
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


# -- the chain ---------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def chain() -> LocalChain:
    """The in-process chain."""
    return LocalChain()


@pytest.fixture(scope="session")
def server(chain: LocalChain) -> Iterator[LocalServer]:
    """The same chain over HTTP, on a free port."""
    with serve(chain, port=0) as running:
        yield running


@pytest.fixture
def rpc(chain: LocalChain) -> Rpc:
    """JSON-RPC to the chain."""
    return _Rpc(chain)


@pytest.fixture(autouse=True)
def _isolated(request: pytest.FixtureRequest) -> Iterator[None]:
    """Takes back what the test did to the chain; costs nothing for tests without one."""
    if "chain" not in request.fixturenames:
        yield
        return
    chain: LocalChain = request.getfixturevalue("chain")
    mark = chain.snapshot()
    yield
    chain.revert(mark)


# -- the registries ----------------------------------------------------------------------------
#
# Session fixtures that deploy go here. They run before the snapshot of the test that first asks
# for them, so that they stay. They create their contracts plainly and take them back at the end:
# tests of deployments find the addresses that the proxy gives free.


@pytest.fixture(scope="session")
def status_network(chain: LocalChain) -> Iterator[Network]:
    """The chain as the network ``dev``: our DID registry, and the status contracts bound to it."""
    mark = chain.snapshot()
    yield deploy_status(chain)
    chain.revert(mark)


# -- databases ---------------------------------------------------------------------------------
#
# Where there is no PostgreSQL those tests skip and say so; under CI they fail.


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A server of this test process."""
    programs = find_postgres()
    if programs is None:
        missing = "no PostgreSQL server here (apt-get install postgresql)"
        if os.environ.get("CI"):
            pytest.fail(f"{missing}; under CI these tests must run")
        pytest.skip(missing)
    with Postgres(programs) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path}/database.db"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.database() as url:
        yield url


# -- the people --------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def alice(chain: LocalChain) -> LocalAccount:
    """Has an identity, and rules it."""
    return chain.accounts[0]


@pytest.fixture(scope="session")
def bob(chain: LocalChain) -> LocalAccount:
    """Has another one."""
    return chain.accounts[1]


@pytest.fixture(scope="session")
def carol(chain: LocalChain) -> LocalAccount:
    """Gets what alice and bob pass on."""
    return chain.accounts[2]


@pytest.fixture(scope="session")
def relayer(chain: LocalChain) -> LocalAccount:
    """Pays the gas for what others signed."""
    return chain.accounts[3]


@pytest.fixture(scope="session")
def mallory(chain: LocalChain) -> LocalAccount:
    """Has no right to anything."""
    return chain.accounts[4]

"""The page alone, on a made-up chain and on a real one; a browser that looks at it.

Where there is no chromium those tests skip and say so; under CI they fail.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from playwright.async_api import async_playwright

from support.browser import find_chromium, launch, serving
from support.issuing import Office
from support.pages import Client, client_of, page_on
from support.triangle import Triangle

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path

    from playwright.async_api import Browser

    from ethr_did.chain.local import LocalChain
    from ethr_did.chain.networks import Network
    from support.fake_chain import FakeChain


# -- a made-up chain -----------------------------------------------------------------------------


@pytest.fixture
def client(fake: FakeChain) -> Client:
    """Asks the page on the made-up chain."""
    return client_of(page_on(lambda: fake.now, fake.network()))


# -- a real chain --------------------------------------------------------------------------------


@pytest.fixture
def triangle(chain: LocalChain, status_network: Network, tmp_path: Path) -> Triangle:
    """Issuers, holders and verifiers on the chain of the tests."""
    door = status_network.chain(retries=0)
    return Triangle(office=Office(chain=chain, network=status_network, door=door, root=tmp_path))


@pytest.fixture
def real(triangle: Triangle) -> Client:
    """Asks the page on the real chain."""
    return client_of(page_on(lambda: triangle.now, triangle.office.network))


# -- a browser -----------------------------------------------------------------------------------


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """One browser for all tests."""
    program = find_chromium()
    if program is None:
        missing = "no chromium here (apt-get install chromium)"
        if os.environ.get("CI"):
            pytest.fail(f"{missing}; under CI the page must be looked at")
        pytest.skip(missing)
    async with async_playwright() as playwright:
        running = await launch(playwright, program)
        yield running
        await running.close()


@pytest.fixture
def served(fake: FakeChain) -> Iterator[str]:
    """URL of the page on the made-up chain."""
    with serving(page_on(lambda: fake.now, fake.network())) as url:
        yield url


@pytest.fixture
def served_real(triangle: Triangle) -> Iterator[str]:
    """URL of the page on the real chain."""
    with serving(page_on(lambda: triangle.now, triangle.office.network)) as url:
        yield url

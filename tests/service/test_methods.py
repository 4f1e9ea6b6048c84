"""What a Universal Resolver asks a driver about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from starlette.applications import Starlette

from ethr_did.service.methods import routes
from service.conftest import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from ethr_did.service.backends import Backends

TRIED = "did:ethr:dev:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


@pytest.fixture
async def client(backends: Backends) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(Starlette(routes=routes(backends))) as client:
        yield client


async def test_method_is_ethr(client: httpx.AsyncClient) -> None:
    response = await client.get("/1.0/methods")
    assert response.json() == ["ethr"]
    assert response.headers["content-type"] == "application/json"


async def test_properties_are_those_of_networks_that_can_be_read(client: httpx.AsyncClient) -> None:
    assert (await client.get("/1.0/properties")).json() == {
        "ethr": {
            "networks": [
                {
                    "name": "dev",
                    "chainId": 1337,
                    "registry": "0xdCa7EF03e98e0DC2B855bE647C39ABe984fcF21B",
                }
            ]
        }
    }


async def test_there_is_a_did_to_try_on_each_network(client: httpx.AsyncClient) -> None:
    assert (await client.get("/1.0/testIdentifiers")).json() == {"ethr": [TRIED]}


async def test_did_to_try_resolves(backends: Backends) -> None:
    assert (await backends.resolver.resolve(TRIED)).error is None

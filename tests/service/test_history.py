"""The changes of an identity over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from fastapi import FastAPI

from ethr_did.service.history import MOST, router
from ethr_did.service.problems import HANDLERS
from service.conftest import client_of
from support.fake_chain import FakeChain, Person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from ethr_did.service.backends import Backends

ALICE, BOB = Person.named("alice"), Person.named("bob")
PATH = f"/v1/dids/{ALICE.did}/history"


@pytest.fixture
async def client(backends: Backends) -> AsyncIterator[httpx.AsyncClient]:
    app = FastAPI(exception_handlers=dict(HANDLERS))  # type: ignore[arg-type]
    app.include_router(router(backends))
    async with client_of(app) as client:
        yield client


def live(fake: FakeChain, changes: int) -> None:
    for number in range(changes):
        fake.add_service(ALICE, "Hub", f"https://h.example/{number}")


async def test_every_change_is_told_with_the_document_after_it(
    client: httpx.AsyncClient, fake: FakeChain
) -> None:
    fake.add_service(ALICE, "Hub", "https://h.example")
    fake.change_owner(ALICE, BOB)
    fake.deactivate(ALICE)
    found = (await client.get(PATH)).json()
    expected = fake.resolver().history(ALICE.did).to_dict()
    assert found["changes"] == expected["changes"]
    assert found["readAt"] == expected["readAt"]
    assert (found["did"], found["total"], found["next"]) == (ALICE.did, 3, None)
    assert found["changes"][-1]["didDocument"] is None


async def test_identity_never_touched_has_no_changes(client: httpx.AsyncClient) -> None:
    found = (await client.get(PATH)).json()
    assert (found["total"], found["changes"], found["next"]) == (0, [], None)


async def test_did_may_be_encoded(client: httpx.AsyncClient) -> None:
    response = await client.get(f"/v1/dids/{quote(ALICE.did, safe='')}/history")
    assert response.json()["did"] == ALICE.did


async def test_pages_follow_each_other(client: httpx.AsyncClient, fake: FakeChain) -> None:
    live(fake, 25)
    path: str | None = f"{PATH}?limit=10"
    pages = []
    while path is not None:
        page = (await client.get(path)).json()
        pages.append(page["changes"])
        path = page["next"]
    assert [len(page) for page in pages] == [10, 10, 5]
    blocks = [change["blockNumber"] for page in pages for change in page]
    assert blocks == sorted(set(blocks))


async def test_page_behind_the_end_is_empty(client: httpx.AsyncClient, fake: FakeChain) -> None:
    live(fake, 2)
    found = (await client.get(f"{PATH}?offset=2")).json()
    assert (found["changes"], found["total"], found["next"]) == ([], 2, None)


async def test_page_is_bounded(client: httpx.AsyncClient, fake: FakeChain) -> None:
    live(fake, 21)
    assert len((await client.get(PATH)).json()["changes"]) == 20


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        f"limit={MOST + 1}",
        "limit=-1",
        "limit=x",
        "limit=",
        "limit=01",
        "limit=1e3",
        f"limit={'9' * 5000}",
        "offset=-1",
        "offset=10000000000",
        "offset=1&offset=1",
        "page=1",
    ],
)
async def test_page_that_is_none_is_refused(client: httpx.AsyncClient, query: str) -> None:
    response = await client.get(f"{PATH}?{query}")
    assert response.status_code == 400
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("did", "status", "code"),
    [
        ("nonsense", 400, "invalid_did"),
        ("did:ethr:dev:0x12", 400, "invalid_did"),
        (f"{ALICE.did}%23controller", 400, "invalid_did"),
        ("did:web:example.com", 501, "unsupported_method"),
        (f"did:ethr:nowhere:{ALICE.account}", 404, "unknown_network"),
        (f"did:ethr:sepolia:{ALICE.account}", 404, "invalid_configuration"),
    ],
)
async def test_identity_that_cannot_be_asked_about_is_refused(
    client: httpx.AsyncClient, did: str, status: int, code: str
) -> None:
    response = await client.get(f"/v1/dids/{did}/history")
    assert (response.status_code, response.json()["code"]) == (status, code)


async def test_dead_node_is_no_answer(client: httpx.AsyncClient, fake: FakeChain) -> None:
    fake.dead = ConnectionError("refused")
    response = await client.get(PATH)
    assert response.status_code == 503
    assert response.headers["cache-control"] == "no-store"


async def test_what_is_known_is_not_sent_again(client: httpx.AsyncClient) -> None:
    first = await client.get(PATH)
    assert first.headers["cache-control"] == "max-age=4, must-revalidate"
    again = await client.get(PATH, headers={"if-none-match": first.headers["etag"]})
    assert again.status_code == 304


async def test_head_is_get_without_a_body(client: httpx.AsyncClient) -> None:
    head = await client.head(PATH)
    assert head.status_code == 200
    assert head.headers["etag"] == (await client.get(PATH)).headers["etag"]

"""The service as a whole."""

from __future__ import annotations

import asyncio
import json
import socket
from typing import TYPE_CHECKING

import pytest

from ethr_did.service.app import create_app
from service.conftest import client_of
from support.fake_chain import FakeChain, Person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx
    from starlette.types import Receive, Scope, Send

    from ethr_did.service.backends import Backends

ALICE = Person.named("alice")


@pytest.mark.parametrize(
    "path",
    [
        f"/1.0/identifiers/{ALICE.did}",
        "/1.0/methods",
        "/1.0/properties",
        "/1.0/testIdentifiers",
        f"/v1/dids/{ALICE.did}/history",
        "/openapi.json",
        "/",
    ],
)
async def test_everything_is_there(client: httpx.AsyncClient, path: str) -> None:
    assert (await client.get(path)).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/1.0",
        "/1.0/identifiers",
        "/1.0/methods/",
        "/1.0//methods",
        "//1.0/methods",
        "/docs",
        "/redoc",
        "/%00",
        "/%ff",
    ],
)
async def test_unknown_path_is_a_problem(client: httpx.AsyncClient, path: str) -> None:
    response = await client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["code"] == "unknown_path"


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/1.0/methods"), ("DELETE", "/v1/status"), ("PUT", "/openapi.json")],
)
async def test_unknown_method_is_a_problem(
    client: httpx.AsyncClient, method: str, path: str
) -> None:
    response = await client.request(method, path)
    assert response.status_code == 405
    assert response.headers["allow"]
    assert response.json()["code"] == "method_not_allowed"


async def test_nothing_is_redirected(client: httpx.AsyncClient) -> None:
    assert "location" not in (await client.get("/1.0/methods/")).headers


async def test_logs_know_the_path_of_an_identifier_by_its_template(backends: Backends) -> None:
    seen = []
    app = create_app(backends)

    async def watched(scope: Scope, receive: Receive, send: Send) -> None:
        await app(scope, receive, send)
        seen.append(scope["route"].path)

    async with client_of(watched) as client:
        await client.get(f"/1.0/identifiers/{ALICE.did}")
        await client.get("/1.0/methods")
        await client.get(f"/v1/dids/{ALICE.did}/history")
        await client.post("/1.0/methods")
    assert seen == [
        "/1.0/identifiers/{identifier}",
        "/1.0/methods",
        "/v1/dids/{did}/history",
        "/1.0/methods",
    ]


# -- over a socket ---------------------------------------------------------------------------------


@pytest.fixture
async def address(backends: Backends) -> AsyncIterator[tuple[str, int]]:
    """Of the service, on a port of this machine."""
    import uvicorn

    config = uvicorn.Config(
        create_app(backends), port=0, log_level="critical", http="httptools", lifespan="off"
    )
    server = uvicorn.Server(config)
    bound = socket.create_server(("127.0.0.1", 0))
    task = asyncio.create_task(server.serve([bound]))
    yield bound.getsockname()
    server.should_exit = True
    await task


async def exchange(address: tuple[str, int], target: bytes, more: bytes = b"") -> bytes:
    """What comes back for a request that is sent as it is."""
    reader, writer = await asyncio.open_connection(*address)
    writer.write(
        b"GET " + target + b" HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" + more + b"\r\n"
    )
    await writer.drain()
    found = await asyncio.wait_for(reader.read(), timeout=10)
    writer.close()
    await writer.wait_closed()
    return found


async def test_targets_are_read_as_they_are_sent(address: tuple[str, int], fake: FakeChain) -> None:
    did = ALICE.did.encode()
    prefix = b"/1.0/identifiers/"
    block = fake.add_service(ALICE, "Hub", "https://h.example")
    plain = await exchange(address, prefix + did)
    assert plain.startswith(b"HTTP/1.1 200 OK\r\n")
    document = plain.partition(b"\r\n\r\n")[2]
    assert json.loads(document)["id"] == ALICE.did
    encoded = did.replace(b":", b"%3A")
    for target in (encoded, encoded + b"?versionId=%d" % block, did + b"?versionId=%d" % block):
        assert (await exchange(address, prefix + target)).endswith(document)
    redirect = await exchange(
        address, prefix + did + b"?service=service-1", b"Accept: text/uri-list\r\n"
    )
    assert redirect.startswith(b"HTTP/1.1 303 See Other\r\n")
    assert b"\r\nlocation: https://h.example\r\n" in redirect
    assert b"\r\ncontent-length: 0\r\n" in redirect


@pytest.mark.parametrize("target", [b"", b"../methods", b"//", b"%00", b"%ff", b"%zz", b"did:x#y"])
async def test_hostile_targets_get_one_answer(address: tuple[str, int], target: bytes) -> None:
    found = await exchange(address, b"/1.0/identifiers/" + target)
    assert found.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    json.loads(found.partition(b"\r\n\r\n")[2] or b"{}")


async def test_end_of_an_identity_and_what_is_known_are_told(
    address: tuple[str, int], fake: FakeChain
) -> None:
    target = b"/1.0/identifiers/" + ALICE.did.encode()
    first = await exchange(address, target)
    etag = next(line for line in first.split(b"\r\n") if line.startswith(b"etag:"))
    known = await exchange(address, target, etag.replace(b"etag", b"If-None-Match") + b"\r\n")
    assert known.startswith(b"HTTP/1.1 304 Not Modified\r\n")
    assert known.endswith(b"\r\n\r\n")
    fake.deactivate(Person.named("bob"))
    gone = await exchange(address, b"/1.0/identifiers/" + Person.named("bob").did.encode())
    assert gone.startswith(b"HTTP/1.1 410 Gone\r\n")

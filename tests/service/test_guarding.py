"""What stands around the endpoints, in this process."""

from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from ethr_did.service.api_keys import APIKeys, key_name
from ethr_did.service.guarding import Guard, guarded
from ethr_did.service.ledger import Ledger
from ethr_did.service.logs import RequestLog, open_log
from ethr_did.service.metrics import Metrics
from ethr_did.service.options import Rate, ServiceOptions
from ethr_did.service.problems import HANDLERS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Message, Receive, Scope, Send

KEY = "k" * 32
DID = "did:ethr:dev:0xb9c5714089478a327f09197987f16f9e5d936e8a"


class Office:
    """An application with a few odd habits, behind a guard."""

    def __init__(self, **options: Any) -> None:
        self.log = io.StringIO()
        self.release = asyncio.Event()
        self.began = asyncio.Event()
        app = FastAPI(
            routes=[
                Route("/plain/{did}", self.plain),
                Route("/page", self.page),
                Route("/name", self.name),
                Route("/fault", self.fault),
                Route("/late_fault", self.late_fault),
                Route("/wait", self.wait),
                Route("/echo", self.echo, methods=["POST"]),
                Route("/stubborn", self.stubborn, methods=["POST"]),
                Route("/left", self.left),
            ],
            exception_handlers=dict(HANDLERS),  # type: ignore[arg-type]  # by kinds of exceptions
        )
        given = ServiceOptions(**options)
        self.ledger = Ledger(Metrics(), RequestLog(given.log_level, self.log))
        self.guard = guarded(
            app,
            given,
            keys=APIKeys.read(environment=f"shop={KEY}"),
            ledger=self.ledger,
            log=open_log(given.log_level, self.log),
            operations={"/health/live": PlainTextResponse("alive")},
        )

    async def plain(self, _request: Request) -> Response:
        return PlainTextResponse("plain")

    async def page(self, _request: Request) -> Response:
        return HTMLResponse("<p>", headers={"Content-Security-Policy": "default-src 'self'"})

    async def name(self, request: Request) -> Response:
        return PlainTextResponse(str(key_name(request.scope)))

    async def fault(self, _request: Request) -> Response:
        raise ZeroDivisionError(DID)

    async def late_fault(self, _request: Request) -> Response:
        async def parts() -> AsyncIterator[bytes]:
            yield b"first"
            raise ZeroDivisionError(DID)

        return StreamingResponse(parts())

    async def wait(self, _request: Request) -> Response:
        self.began.set()
        await self.release.wait()
        return PlainTextResponse("waited")

    async def echo(self, request: Request) -> Response:
        return Response(await request.body())

    async def stubborn(self, request: Request) -> Response:
        """Answers whatever happens to the body."""
        try:
            await request.body()
        except Exception:  # noqa: BLE001 - stubborn
            return PlainTextResponse("whatever")
        return PlainTextResponse("read")

    async def left(self, _request: Request) -> Response:
        raise ClientDisconnect

    async def ask(
        self, method: str, path: str, client: tuple[str, int] = ("192.0.2.1", 1), **more: Any
    ) -> httpx.Response:
        transport = httpx.ASGITransport(app=self.guard, client=client, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
            return await http.request(method, path, **more)

    def lines(self) -> list[dict[str, Any]]:
        self.ledger.settle()
        return [json.loads(line) for line in self.log.getvalue().splitlines()]


def told(response: httpx.Response) -> dict[str, Any]:
    """The problem, checked for what all have."""
    found: dict[str, Any] = response.json()
    assert response.headers["content-type"] == "application/problem+json"
    assert found["status"] == response.status_code
    assert found["requestId"] == response.headers["x-request-id"]
    assert response.headers["x-content-type-options"] == "nosniff"
    return found


# --- every answer


async def test_every_answer_has_an_id_and_the_headers_for_browsers() -> None:
    response = await Office().ask("GET", "/plain/x", headers={"X-Request-Id": "6f1c-7"})
    assert response.text == "plain"
    assert response.headers["x-request-id"] == "6f1c-7"
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["content-security-policy"].startswith("default-src 'none'")


async def test_a_page_keeps_its_own_policy() -> None:
    response = await Office().ask("GET", "/page")
    assert response.headers.get_list("content-security-policy") == ["default-src 'self'"]
    assert response.headers["referrer-policy"] == "no-referrer"
    assert response.headers["cross-origin-resource-policy"] == "same-origin"


async def test_only_an_origin_that_is_configured_is_named() -> None:
    office = Office(cors_origins=("https://app.example",))
    for origin, allowed in (
        ("https://app.example", "https://app.example"),
        ("https://other.example", None),
    ):
        response = await office.ask("GET", "/plain/x", headers={"Origin": origin})
        assert response.headers.get("access-control-allow-origin") == allowed
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "GET"}
    response = await office.ask("OPTIONS", "/plain/x", headers=asked)
    assert response.status_code == 204
    assert response.headers["access-control-allow-origin"] == "https://app.example"


async def test_the_same_message_may_be_sent_again() -> None:
    start = {"type": "http.response.start", "status": 200, "headers": []}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        _ = scope, receive
        await send(start)
        await send({"type": "http.response.body", "body": b""})

    transport = httpx.ASGITransport(app=Guard(app, ServiceOptions()))
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as http:
        for _ in range(2):
            assert len((await http.get("/")).headers) == 3
    assert start["headers"] == []


# --- faults


async def test_a_fault_is_one_problem_outside_and_a_trace_in_the_log() -> None:
    office = Office()
    response = await office.ask("GET", "/fault")
    assert told(response)["code"] == "fault"
    assert "ZeroDivision" not in response.text
    fault, request = office.lines()
    assert fault["event"] == "fault"
    assert fault["id"] == request["id"] == response.headers["x-request-id"]
    assert "ZeroDivisionError: did:ethr:…" in fault["trace"]
    assert (request["route"], request["status"]) == ("/fault", 500)


async def test_a_fault_after_the_beginning_of_an_answer_is_logged() -> None:
    office = Office()
    sent = await _raw(office.guard, _scope("/late_fault"))
    # The server ends the connection where there is no last part: nobody takes it for the whole.
    assert [message.get("more_body") for message in sent] == [None, True]
    assert [line["event"] for line in office.lines()] == ["fault", "request"]


async def test_whoever_has_left_is_no_fault() -> None:
    office = Office()
    await office.ask("GET", "/left")
    (line,) = office.lines()
    assert line["event"] == "request"


# --- size


@pytest.mark.parametrize(
    ("path", "headers", "status", "code"),
    [
        ("/" + "x" * 4097, {}, 414, "target_too_long"),
        ("/?" + "x" * 4097, {}, 414, "target_too_long"),
        ("/plain/x", {f"x-{n}": "" for n in range(65)}, 431, "too_many_headers"),
        ("/plain/x", {"x-large": "x" * 16384}, 431, "head_too_large"),
    ],
)
async def test_too_large_a_head_is_refused(
    path: str, headers: dict[str, str], status: int, code: str
) -> None:
    office = Office()
    response = await office.ask("GET", path, headers=headers)
    assert response.status_code == status
    assert told(response)["code"] == code
    assert office.lines()[0]["route"] == "-"


async def test_as_large_a_head_as_is_allowed_is_read() -> None:
    response = await Office().ask("GET", "/plain/" + "x" * 4089)
    assert response.status_code == 200


async def _parts(count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield b"x" * 1024


async def test_as_large_a_body_as_is_allowed_is_read() -> None:
    office = Office(max_body_bytes=4096)
    assert len((await office.ask("POST", "/echo", content=b"x" * 4096)).content) == 4096
    assert len((await office.ask("POST", "/echo", content=_parts(4))).content) == 4096


@pytest.mark.parametrize("path", ["/echo", "/stubborn"])
async def test_too_large_a_body_is_refused_whether_it_says_its_length_or_not(path: str) -> None:
    office = Office(max_body_bytes=4096)
    for content in (b"x" * 4097, _parts(5)):
        response = await office.ask("POST", path, content=content)
        assert response.status_code == 413
        assert told(response)["code"] == "body_too_large"
    assert [line["event"] for line in office.lines()] == ["request", "request"]


@pytest.mark.parametrize("length", ["x", "-1", "1e9", "9" * 5000, "²"])
async def test_a_length_that_is_none_is_refused(length: str) -> None:
    office = Office()
    scope = _scope("/echo", [(b"content-length", length.encode())], "POST")
    assert (await _raw(office.guard, scope))[0]["status"] in (400, 413)


async def test_a_body_that_does_not_come_is_not_waited_for() -> None:
    office = Office(body_seconds=0.05)

    async def slowly() -> AsyncIterator[bytes]:
        yield b"x"
        await asyncio.sleep(10)

    response = await asyncio.wait_for(office.ask("POST", "/echo", content=slowly()), 5)
    assert response.status_code == 408
    assert told(response)["code"] == "body_too_slow"


# --- time


async def test_what_takes_too_long_is_ended() -> None:
    office = Office(request_seconds=0.05)
    response = await asyncio.wait_for(office.ask("GET", "/wait"), 5)
    assert response.status_code == 504
    assert told(response)["code"] == "too_slow"
    assert len(office.guard._deadlines) == 0
    # The next one has its own time.
    office.release.set()
    assert (await office.ask("GET", "/wait")).text == "waited"


async def test_what_is_stopped_from_outside_says_so() -> None:
    office = Office()
    sent: list[Message] = []
    task = asyncio.create_task(_raw(office.guard, _scope("/wait"), sent))
    await office.began.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert sent[0]["status"] == 503
    assert json.loads(sent[1]["body"])["code"] == "stopping"


# --- how many


async def test_what_there_is_no_room_for_is_refused_at_once() -> None:
    office = Office(max_requests=2)
    waiting = [asyncio.create_task(office.ask("GET", "/wait")) for _ in range(2)]
    while len(office.guard._deadlines) < 2:  # noqa: ASYNC110 - both have to be there
        await asyncio.sleep(0)
    response = await office.ask("GET", "/plain/x")
    assert (response.status_code, response.headers["retry-after"]) == (503, "1")
    assert told(response)["code"] == "overloaded"
    assert (await office.ask("GET", "/health/live")).text == "alive"
    office.release.set()
    assert [(await one).text for one in waiting] == ["waited", "waited"]
    assert (await office.ask("GET", "/plain/x")).status_code == 200


async def test_an_address_may_ask_so_often() -> None:
    office = Office(address_rate=Rate(3, 60))
    asked = [await office.ask("GET", "/plain/x") for _ in range(4)]
    assert [response.status_code for response in asked] == [200, 200, 200, 429]
    refused = asked[3]
    assert told(refused)["code"] == "too_many_requests"
    seconds = int(refused.headers["retry-after"])
    assert 1 <= seconds <= 80
    assert refused.headers["ratelimit"] == f'"address";r=0;t={seconds}'
    assert refused.headers["ratelimit-policy"] == '"address";q=3;w=60'
    other = await office.ask("GET", "/plain/x", client=("192.0.2.2", 1))
    assert other.status_code == 200
    assert (await office.ask("GET", "/health/live")).status_code == 200


async def test_behind_a_proxy_the_address_is_that_of_who_asks() -> None:
    office = Office(address_rate=Rate(1, 60), trusted_proxies=("192.0.2.0/24",))
    asked = [
        await office.ask("GET", "/plain/x", headers={"X-Forwarded-For": address})
        for address in ("2001:db8::1", "198.51.100.1", "2001:db8::2")
    ]
    assert [response.status_code for response in asked] == [200, 200, 429]


# --- keys


async def test_a_key_has_a_rate_of_its_own_and_a_name() -> None:
    office = Office(address_rate=Rate(1, 60), key_rate=Rate(3, 60))
    asked = [await office.ask("GET", "/name", headers={"X-API-Key": KEY}) for _ in range(4)]
    assert [response.status_code for response in asked] == [200, 200, 200, 429]
    assert asked[0].text == "shop"
    assert (await office.ask("GET", "/name")).text == "None"
    assert [line.get("key") for line in office.lines()] == ["shop"] * 4 + [None]
    assert KEY not in office.log.getvalue()


@pytest.mark.parametrize(
    ("headers", "code"),
    [({}, "key_required"), ({"Authorization": "Bearer " + "x" * 32}, "unknown_key")],
)
async def test_where_keys_are_required_no_other_request_is_answered(
    headers: dict[str, str], code: str
) -> None:
    office = Office(require_key=True)
    response = await office.ask("GET", "/plain/x", headers=headers)
    assert (response.status_code, response.headers["www-authenticate"]) == (401, "Bearer")
    assert told(response)["code"] == code
    known = await office.ask("GET", "/plain/x", headers={"Authorization": f"Bearer {KEY}"})
    assert known.status_code == 200
    assert (await office.ask("GET", "/health/live")).status_code == 200


async def test_a_key_that_is_not_known_is_refused_even_where_none_is_required() -> None:
    response = await Office().ask("GET", "/plain/x", headers={"X-API-Key": "x" * 32})
    assert told(response)["code"] == "unknown_key"


async def test_nobody_may_try_one_key_after_the_other() -> None:
    office = Office(address_rate=Rate(3, 60))
    statuses = [
        (await office.ask("GET", "/plain/x", headers={"X-API-Key": f"{n:032}"})).status_code
        for n in range(5)
    ]
    assert statuses == [401, 401, 401, 429, 429]


# --- noted


async def test_requests_are_noted_by_their_route_and_never_by_their_path() -> None:
    office = Office()
    await office.ask("GET", f"/plain/{DID}")
    await office.ask("GET", f"/nothing/{DID}")
    await office.ask("BREW", f"/plain/{DID}")
    found = [(line["method"], line["route"], line["status"]) for line in office.lines()]
    assert found == [
        ("GET", "/plain/{did}", 200),
        ("GET", "-", 404),
        ("other", "/plain/{did}", 405),
    ]
    assert office.lines()[0]["bytes"] == 5
    assert DID not in office.log.getvalue()
    assert DID.encode() not in office.ledger.metrics.render()


async def test_an_answer_that_nobody_waited_for_is_noted_as_such() -> None:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        _ = scope, receive, send
        raise ClientDisconnect

    log = io.StringIO()
    options = ServiceOptions()
    ledger = Ledger(Metrics(), RequestLog(options.log_level, log))
    await _raw(Guard(app, options, ledger=ledger), _scope("/x"))
    ledger.settle()
    assert json.loads(log.getvalue())["status"] == 499


async def test_what_is_neither_http_nor_life_is_not_answered() -> None:
    sent: list[Message] = []
    await _raw(Office().guard, {"type": "websocket"}, sent)
    assert sent == []


def _scope(
    path: str, headers: list[tuple[bytes, bytes]] | None = None, method: str = "GET"
) -> Scope:
    return {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "root_path": "",
        "server": ("x", 80),
        "client": ("192.0.2.1", 1),
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"x"), *(headers or [])],
    }


async def _raw(guard: Guard, scope: Scope, sent: list[Message] | None = None) -> list[Message]:
    found = [] if sent is None else sent
    asked = iter((True,))

    async def receive() -> Message:
        if not next(asked, False):
            await asyncio.Event().wait()  # nothing else comes, and nobody leaves
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        found.append(message)

    await guard(scope, receive, send)
    return found


# -- whom a request is for, and how its body comes


@pytest.mark.parametrize(
    ("hosts", "version", "status"),
    [
        ((), "1.1", 400),
        ((), "1.0", 200),
        ((b"a",), "1.1", 200),
        ((b"a", b"b"), "1.1", 400),
        ((b"a", b"a"), "1.0", 400),
    ],
)
async def test_a_request_names_one_host(
    hosts: tuple[bytes, ...], version: str, status: int
) -> None:
    headers = [(b"host", host) for host in hosts]
    scope = {**_scope("/plain/x"), "http_version": version, "headers": headers}
    assert (await _raw(Office().guard, scope))[0]["status"] == status


@pytest.mark.parametrize(
    ("coding", "status"), [(b"chunked", 200), (b"Chunked", 200), (b"gzip, chunked", 501)]
)
async def test_a_body_that_was_coded_otherwise_is_not_taken_for_what_it_is(
    coding: bytes, status: int
) -> None:
    scope = _scope("/echo", [(b"transfer-encoding", coding)], "POST")
    assert (await _raw(Office().guard, scope))[0]["status"] == status

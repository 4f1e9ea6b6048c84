"""Errors as they are told outside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import FastAPI
from starlette.exceptions import HTTPException

from ethr_did.errors import (
    OUTCOMES,
    InvalidDID,
    NodeUnreachable,
    NotFoundError,
    QuorumFailed,
)
from ethr_did.service.problems import HANDLERS, fault, outside_words, problem, problem_of
from ethr_did.service.request_ids import set_request_id

if TYPE_CHECKING:
    from starlette.responses import Response


def told(response: Response) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bytes(response.body))
    assert response.headers["content-type"] == "application/problem+json"
    assert response.headers["cache-control"] == "no-store"
    return found


def test_a_problem_of_http_has_the_title_of_its_status() -> None:
    response = problem(413, "body_too_large", "too large", "Send less.", headers={"X-A": "1"})
    assert response.status_code == 413
    assert response.headers["x-a"] == "1"
    assert (
        told(response)
        == {
            "type": "about:blank",
            "title": "Content Too Large",
            "status": 413,
            "detail": "too large",
            "code": "body_too_large",
            "hint": "Send less.",
        }
        or told(response)["title"] == "Request Entity Too Large"
    )  # as Python 3.11 and 3.12 call it


def test_a_problem_of_the_package_has_the_type_of_did_resolution() -> None:
    response = problem_of(InvalidDID("'x' is no DID", hint="Begin with did:ethr:."))
    assert response.status_code == 400
    assert told(response) == {
        "type": "https://www.w3.org/ns/did#INVALID_DID",
        "title": "Invalid did",
        "status": 400,
        "detail": "'x' is no DID",
        "code": "invalid_did",
        "hint": "Begin with did:ethr:.",
    }


def test_another_status_may_be_asked_for() -> None:
    assert problem_of(NotFoundError("nothing there"), status=400).status_code == 400
    assert problem_of(NotFoundError("nothing there")).status_code == 404


@pytest.mark.parametrize("code", OUTCOMES)
def test_each_error_has_a_status_that_tells_of_one(code: str) -> None:
    assert OUTCOMES[code].http_status >= 400


def test_nodes_are_not_named() -> None:
    error = NodeUnreachable(
        "http://10.0.0.7:8545 did not answer",
        hint="Check the RPC URL.",
        node="http://10.0.0.7:8545",
    )
    found = told(problem_of(error))
    assert found["detail"] == "the node did not answer"
    assert found["hint"] == "Nothing is wrong with the request. Try again later."
    several = QuorumFailed("http://a and http://b differ", nodes=["http://a", "http://b"])
    assert outside_words(several)[0] == "the node and the node differ"


def test_a_fault_says_nothing_about_itself() -> None:
    assert "fault of the service" in told(fault())["detail"]


async def test_the_request_id_finds_the_lines_of_the_log() -> None:
    set_request_id("6f1c-7")
    assert told(problem(404, "unknown_path", "nothing"))["requestId"] == "6f1c-7"


# --- what the framework raises


@pytest.fixture
def app() -> FastAPI:
    made = FastAPI(exception_handlers=dict(HANDLERS))  # type: ignore[arg-type]  # by kinds

    @made.get("/number/{number}")
    async def number(number: int) -> int:
        return number

    @made.get("/package")
    async def package() -> None:
        raise InvalidDID("'x' is no DID")

    @made.get("/teapot")
    async def teapot() -> None:
        raise HTTPException(418, "short and stout", {"X-A": "1"})

    @made.get("/fault")
    async def broken() -> None:
        raise ZeroDivisionError("did:ethr:dev:0x1")

    return made


async def ask(app: FastAPI, method: str, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        return await client.request(method, path)


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/nothing", 404, "unknown_path"),
        ("DELETE", "/package", 405, "method_not_allowed"),
        ("GET", "/package", 400, "invalid_did"),
        ("GET", "/teapot", 418, "i'm_a_teapot"),
        ("GET", "/number/x", 400, "invalid_input"),
        ("GET", "/fault", 500, "fault"),
    ],
)
async def test_whatever_is_raised_is_one_problem(
    app: FastAPI, method: str, path: str, status: int, code: str
) -> None:
    response = await ask(app, method, path)
    found = response.json()
    assert response.status_code == found["status"] == status
    assert found["code"] == code
    assert response.headers["content-type"] == "application/problem+json"
    assert "did:ethr" not in response.text
    assert "Traceback" not in response.text


async def test_the_headers_of_an_exception_are_sent(app: FastAPI) -> None:
    assert (await ask(app, "DELETE", "/package")).headers["allow"] == "GET"
    assert (await ask(app, "GET", "/teapot")).headers["x-a"] == "1"


async def test_faults_of_input_name_their_place_and_not_their_value(app: FastAPI) -> None:
    found = (await ask(app, "GET", "/number/secret")).json()
    assert found["faults"][0].startswith("path.number: ")
    assert "secret" not in str(found)

"""The OpenAPI description is true: what it describes is asked, and what comes back is compared."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from jsonschema import Draft202012Validator

from ethr_did.service.app import create_app
from ethr_did.service.negotiation import DEREFERENCING, DOCUMENTS, OLDER_RESOLUTION, RESOLUTION
from service.conftest import Hands, backends_on
from support.fake_chain import DAY, FakeChain, Person

if TYPE_CHECKING:
    from collections.abc import Iterator

    import httpx

ALICE, BOB = Person.named("alice"), Person.named("bob")

CONFIG = schemathesis.Config.from_dict(
    {
        "checks": {
            # What a node or the configuration stands in the way of is 5xx, and described.
            "not_a_server_error": {"enabled": False},
            # Some rules no schema tells: two options that exclude each other.
            "positive_data_acceptance": {"enabled": False},
            "negative_data_rejection": {
                "expected-statuses": [400, 401, 404, 405, 406, 413, 415, "5xx"]
            },
        },
        # Every bound of every parameter takes a thousand requests: too long for each run.
        "phases": {"coverage": {"enabled": False}},
    }
)


def make_app() -> Any:
    fake = FakeChain()
    fake.add_service(ALICE, "Hub", "https://hub.example/", 100 * 365 * DAY)
    fake.deactivate(BOB)
    return create_app(backends_on(fake.network(), clock=Hands(time.time())))


schema = schemathesis.openapi.from_asgi("/openapi.json", make_app(), config=CONFIG)


@schema.hook
def map_path_parameters(
    _context: schemathesis.HookContext, path_parameters: dict[str, Any] | None
) -> dict[str, Any] | None:
    """Networks that nobody knows become the one that is there."""
    for name, value in (path_parameters or {}).items():
        if isinstance(value, str) and value.startswith("did:ethr:") and path_parameters:
            path_parameters[name] = f"did:ethr:dev:{value.rpartition(':')[2]}"
    return path_parameters


@schema.parametrize()
@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_what_comes_back_is_what_is_described(case: schemathesis.Case[Any]) -> None:
    case.call_and_validate()


# -- by hand ---------------------------------------------------------------------------------------

IDENTIFIERS = "/1.0/identifiers/{identifier}"


@pytest.mark.parametrize(
    ("identifier", "accept", "status"),
    [
        *((ALICE.did, accept, 200) for accept in (*DOCUMENTS, RESOLUTION, OLDER_RESOLUTION)),
        (ALICE.did, DEREFERENCING, 200),
        (f"{ALICE.did}#controller", "*/*", 200),
        (f"{ALICE.did}#controller", DEREFERENCING, 200),
        (f"{ALICE.did}?service=service-1", "text/uri-list", 303),
        (f"{ALICE.did}?service=service-1", f"{DEREFERENCING},text/uri-list", 200),
        ("did:ethr:dev:0x12", "*/*", 400),
        ("did:ethr:dev:0x12", DEREFERENCING, 400),
        (f"{ALICE.did}?versionId=99", RESOLUTION, 404),
        (ALICE.did, "text/html", 406),
        *((BOB.did, accept, 410) for accept in ("*/*", RESOLUTION, OLDER_RESOLUTION)),
        (BOB.did, DEREFERENCING, 410),
        (f"did:ethr:nowhere:{ALICE.account}", "*/*", 500),
        ("did:web:example.com", "*/*", 501),
    ],
)
def test_every_answer_of_the_binding_is_described(
    identifier: str, accept: str, status: int
) -> None:
    operation = schema[IDENTIFIERS]["GET"]
    case = operation.Case(path_parameters={"identifier": identifier})
    response = case.call(headers={"Accept": accept})
    assert response.status_code == status
    case.validate_response(response)
    assert str(status) in operation.definition.raw["responses"]


@pytest.mark.parametrize(
    ("body", "status"), [({"versionId": "1"}, 200), ({"a": 1}, 501), ([], 400)]
)
def test_what_may_be_posted_is_described(body: Any, status: int) -> None:
    case = schema[IDENTIFIERS]["POST"].Case(
        path_parameters={"identifier": ALICE.did}, body=body, media_type="application/json"
    )
    assert case.call().status_code == status


# -- the description itself ------------------------------------------------------------------------


async def test_description_is_openapi_and_loads_nothing(client: httpx.AsyncClient) -> None:
    response = await client.get("/openapi.json")
    assert response.headers["content-type"] == "application/json"
    found = response.json()
    assert found["openapi"] == "3.1.0"
    assert (await client.get("/openapi.json")).content == response.content


async def test_every_path_is_described(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    assert {
        IDENTIFIERS,
        "/1.0/methods",
        "/1.0/properties",
        "/1.0/testIdentifiers",
        "/v1/dids/{did}/history",
        "/v1/status",
        "/v1/status/lists/{issuer}/{list_id}",
        "/v1/status/lists/{issuer}/{list_id}/{index}",
        "/v1/status/records/{issuer}/{key}",
        "/v1/verify",
        "/credentials/verify",
        "/presentations/verify",
    } <= paths.keys()


async def test_names_of_operations_are_unique(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    names = [told["operationId"] for item in paths.values() for told in item.values()]
    assert len(set(names)) == len(names)


async def test_what_is_around_every_path_is_described(client: httpx.AsyncClient) -> None:
    paths = (await client.get("/openapi.json")).json()["paths"]
    for item in paths.values():
        for told in item.values():
            assert {"401", "414", "429", "503", "504"} <= told["responses"].keys()


async def test_schemas_are_schemas(client: httpx.AsyncClient) -> None:
    for one in set(schemas_in((await client.get("/openapi.json")).json())):
        Draft202012Validator.check_schema(json.loads(one))


def schemas_in(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, inner in value.items():
            if name == "schema":
                yield json.dumps(inner)
            else:
                yield from schemas_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from schemas_in(inner)

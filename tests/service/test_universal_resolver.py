"""A Universal Resolver that has this service as its driver.

Its ``HttpDriver`` puts the DID behind ``/1.0/identifiers/`` as it is (``$1``) or encoded as forms
encode (``$2``), accepts a whole result or the type of document that it was asked for, takes a body
for a whole result if its media type or its members say so, and reads the error from its metadata.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus, urlencode

import pytest

from support.fake_chain import FakeChain, Person

if TYPE_CHECKING:
    import httpx

ALICE, BOB = Person.named("alice"), Person.named("bob")
OLDER = 'application/ld+json;profile="https://w3id.org/did-resolution"'
NEWER = "application/did-resolution"


class Driver:
    """Asks as ``HttpDriver`` does."""

    def __init__(self, client: httpx.AsyncClient, template: str, result_type: str) -> None:
        self._client = client
        self._template = template
        self._result_type = result_type

    async def resolve(
        self, did: str, form: str = "application/did+ld+json", **options: str
    ) -> dict[str, Any]:
        """The result; an error as its name."""
        target = self._template.replace("$1", did).replace("$2", quote_plus(did))
        query = f"?{urlencode(options)}" if options else ""
        accept = f"{self._result_type},{form}"
        response = await self._client.get(target + query, headers={"accept": accept})
        whole: dict[str, Any] = response.json()
        media_type = response.headers["content-type"].partition(";")[0]
        assert media_type == self._result_type.partition(";")[0] or "didDocument" in whole
        if "error" in whole["didResolutionMetadata"]:
            return {"error": whole["didResolutionMetadata"]["errorName"]}
        return whole


@pytest.fixture(params=[("/1.0/identifiers/$1", OLDER), ("/1.0/identifiers/$2", NEWER)])
def driver(client: httpx.AsyncClient, request: pytest.FixtureRequest) -> Driver:
    return Driver(client, *request.param)


async def test_did_is_resolved(driver: Driver, fake: FakeChain) -> None:
    fake.change_owner(ALICE, BOB)
    assert await driver.resolve(ALICE.did) == fake.resolver().resolve(ALICE.did).to_dict()


@pytest.mark.parametrize(
    "form", ["application/did+ld+json", "application/did+json", "application/did"]
)
async def test_document_has_the_form_that_was_asked_for(driver: Driver, form: str) -> None:
    whole = await driver.resolve(ALICE.did, form)
    assert whole["didResolutionMetadata"]["contentType"] == form
    assert ("@context" in whole["didDocument"]) is (form != "application/did+json")


async def test_options_follow_an_encoded_did(client: httpx.AsyncClient, fake: FakeChain) -> None:
    block = fake.change_owner(ALICE, BOB)
    fake.change_owner(ALICE, ALICE)
    whole = await Driver(client, "/1.0/identifiers/$2", NEWER).resolve(
        ALICE.did, versionId=str(block)
    )
    assert whole["didDocumentMetadata"]["versionId"] == str(block)


async def test_error_is_read_from_the_result(driver: Driver) -> None:
    assert await driver.resolve("did:ethr:dev:0x12") == {"error": "invalidDid"}
    assert await driver.resolve("did:web:example.com") == {"error": "methodNotSupported"}


async def test_end_of_an_identity_is_no_error(driver: Driver, fake: FakeChain) -> None:
    fake.deactivate(ALICE)
    whole = await driver.resolve(ALICE.did)
    assert whole["didDocument"] is None
    assert whole["didDocumentMetadata"]["deactivated"] is True


async def test_its_own_list_of_dids_resolves(driver: Driver, client: httpx.AsyncClient) -> None:
    methods = (await client.get("/1.0/methods")).json()
    tried = (await client.get("/1.0/testIdentifiers")).json()
    assert (await client.get("/1.0/properties")).json().keys() == set(methods) == tried.keys()
    for did in tried["ethr"]:
        assert (await driver.resolve(did))["didDocument"]["id"] == did

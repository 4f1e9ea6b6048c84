"""The HTTP(S) binding of DID Resolution, row by row, and the cache behind it."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pytest

from ethr_did.chain.answer import Head
from ethr_did.service.identifiers import Identifiers
from service.conftest import backends_on, client_of
from support.fake_chain import DAY, FakeChain, Person

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

    from ethr_did.service.backends import Backends
    from service.conftest import Hands, Lookout

ALICE, BOB = Person.named("alice"), Person.named("bob")
RESULT = "application/did-resolution"
OLDER = 'application/ld+json;profile="https://w3id.org/did-resolution"'
PART = "application/did-url-dereferencing"
URIS = "text/uri-list"
DOCUMENTS = (
    "application/did+ld+json",
    "application/did",
    "application/did+json",
    "application/ld+json",
)
ERROR = "https://www.w3.org/ns/did#"
PREFIX = "/1.0/identifiers/"


def encoded(text: str) -> str:
    return quote(text, safe="")


async def get(
    client: httpx.AsyncClient, path: str = ALICE.did, accept: str | None = None, **headers: str
) -> httpx.Response:
    """The response to a question; httpx would accept anything by itself."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = client.build_request("GET", PREFIX + path, headers=named)
    del sent.headers["accept"]
    if accept is not None:
        sent.headers["accept"] = accept
    return await client.send(sent)


@pytest.fixture
async def client(backends: Backends) -> AsyncIterator[httpx.AsyncClient]:
    """Asks the binding, and nothing else: making the whole service takes longer than asking it."""
    async with client_of(Identifiers(backends, max_age=4)) as client:
        yield client


@pytest.fixture
def service(fake: FakeChain) -> int:
    """Block of a service of Alice."""
    return fake.add_service(ALICE, "Hub", "https://hub.example/a/")


# -- the content -----------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [None, "*/*", *DOCUMENTS])
async def test_document_is_sent_in_the_form_that_is_accepted(
    client: httpx.AsyncClient, accept: str | None
) -> None:
    response = await get(client, accept=accept)
    assert response.status_code == 200
    named = accept if accept in DOCUMENTS else DOCUMENTS[0]
    assert response.headers["content-type"] == named
    document = response.json()
    assert document["id"] == ALICE.did
    assert ("@context" in document) is (named != "application/did+json")


async def test_document_is_that_of_the_resolver(
    client: httpx.AsyncClient, fake: FakeChain, service: int
) -> None:
    expected = fake.resolver().resolve(ALICE.did).require_document()
    assert (await get(client)).json() == expected.to_dict()
    assert service


@pytest.mark.parametrize("accept", [RESULT, OLDER])
async def test_whole_result_is_sent(
    client: httpx.AsyncClient, fake: FakeChain, accept: str
) -> None:
    fake.change_owner(ALICE, BOB)
    response = await get(client, accept=accept)
    assert response.status_code == 200
    assert response.headers["content-type"] == accept
    assert response.json() == fake.resolver().resolve(ALICE.did).to_dict()


async def test_media_type_in_the_metadata_is_that_of_the_document(
    client: httpx.AsyncClient,
) -> None:
    for form in DOCUMENTS:
        whole = (await get(client, accept=f"{RESULT},{form}")).json()
        bare = await get(client, accept=form)
        assert whole["didResolutionMetadata"]["contentType"] == bare.headers["content-type"]
        assert whole["didDocument"] == bare.json()


async def test_did_that_is_dereferenced_gives_its_document(client: httpx.AsyncClient) -> None:
    response = await get(client, accept=PART)
    assert (response.status_code, response.headers["content-type"]) == (200, PART)
    whole, resolved = response.json(), (await get(client, accept=RESULT)).json()
    assert whole["content"] == resolved["didDocument"]
    assert whole["dereferencingMetadata"] == resolved["didResolutionMetadata"]
    assert whole["contentMetadata"] == resolved["didDocumentMetadata"]


async def test_id_is_the_did_as_it_was_asked_for(client: httpx.AsyncClient) -> None:
    for did in (ALICE.did, ALICE.did.lower()):
        assert (await get(client, did)).json()["id"] == did


# -- parts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", [f"{ALICE.did}%23controller", encoded(f"{ALICE.did}#controller")])
async def test_fragment_gives_the_entry(client: httpx.AsyncClient, path: str) -> None:
    response = await get(client, path)
    assert response.status_code == 200
    assert response.headers["content-type"] == DOCUMENTS[0]
    assert response.json()["id"] == f"{ALICE.did}#controller"
    whole = (await get(client, path, PART)).json()
    assert whole["content"] == response.json()
    assert whole["dereferencingMetadata"]["readAt"]["chainId"] == 1337


async def test_resolution_of_a_did_url_is_that_of_its_did(client: httpx.AsyncClient) -> None:
    whole = (await get(client, f"{ALICE.did}%23controller", RESULT)).json()
    assert whole["didDocument"]["id"] == ALICE.did


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize(
    "path",
    [
        f"{ALICE.did}?service=service-1&relativeRef=b%3Fc%3D1",
        f"{ALICE.did}?service=service-1&relativeRef=/a/b%3Fc%3D1",
        f"{ALICE.did}?serviceType=Hub&relativeRef=b%3Fc%3D1",
        encoded(f"{ALICE.did}?service=service-1&relativeRef=b%3Fc%3D1"),
        f"{ALICE.did}%3Fservice=service-1&relativeRef=b%3Fc%3D1",
    ],
)
async def test_url_of_a_service_is_a_redirect(client: httpx.AsyncClient, path: str) -> None:
    response = await get(client, path, URIS)
    assert response.status_code == 303
    assert response.headers["location"] == "https://hub.example/a/b?c=1"
    assert response.content == b""
    assert "content-type" not in response.headers


@pytest.mark.usefixtures("service")
async def test_redirect_takes_the_fragment_along(client: httpx.AsyncClient) -> None:
    path = encoded(f"{ALICE.did}?service=service-1#part")
    response = await get(client, path, URIS)
    assert response.headers["location"] == "https://hub.example/a/#part"


async def test_redirect_is_to_the_first_of_several(
    client: httpx.AsyncClient, fake: FakeChain
) -> None:
    fake.add_service(ALICE, "Hub", '["https://a.example", "https://b.example"]')
    path = f"{ALICE.did}?serviceType=Hub"
    assert (await get(client, path, URIS)).headers["location"] == "https://a.example"
    whole = (await get(client, path, f"{PART},{URIS}")).json()
    assert whole["content"] == "https://a.example\nhttps://b.example"
    assert whole["dereferencingMetadata"]["contentType"] == URIS


@pytest.mark.parametrize(
    ("endpoint", "location"),
    [
        ("https://a.example/\r\nSet-Cookie: a=1", "https://a.example/%0D"),
        ("https://a.example/\u00e9 b", "https://a.example/%C3%A9%20b"),
        ('https://a.example/"<>', "https://a.example/%22%3C%3E"),
        ("https://a.example/%zz\x00", "https://a.example/%zz%00"),
    ],
)
async def test_url_of_a_redirect_adds_no_header(
    client: httpx.AsyncClient, fake: FakeChain, endpoint: str, location: str
) -> None:
    fake.add_service(ALICE, "Hub", endpoint)
    response = await get(client, f"{ALICE.did}?service=service-1", URIS)
    assert response.status_code == 303
    assert response.headers["location"] == location
    assert "set-cookie" not in response.headers


@pytest.mark.usefixtures("service")
@pytest.mark.parametrize("accept", [None, "*/*", "application/did"])
async def test_service_is_selected_within_the_document(
    client: httpx.AsyncClient, fake: FakeChain, accept: str | None
) -> None:
    fake.add_service(ALICE, "Other", "https://other.example")
    document = (await get(client, f"{ALICE.did}?service=service-1", accept)).json()
    assert [one["id"] for one in document["service"]] == [f"{ALICE.did}#service-1"]


# -- versions and options --------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path",
    ["{did}?versionId={block}", "{encoded}?versionId={block}", "{did}%3FversionId={block}"],
)
async def test_version_is_asked_for_by_its_block(
    client: httpx.AsyncClient, fake: FakeChain, service: int, path: str
) -> None:
    fake.change_owner(ALICE, BOB)
    asked = path.format(did=ALICE.did, encoded=encoded(ALICE.did), block=service)
    whole = (await get(client, asked, RESULT)).json()
    assert whole["didDocumentMetadata"]["versionId"] == str(service)
    assert whole["didDocumentMetadata"]["nextVersionId"] == str(service + 1)


async def test_version_is_asked_for_by_its_time(
    client: httpx.AsyncClient, fake: FakeChain, service: int
) -> None:
    fake.change_owner(ALICE, BOB)
    whole = (await get(client, f"{ALICE.did}?versionTime=2023-11-14T22:14:32Z", RESULT)).json()
    assert fake.time_of(service) == 1_700_000_072
    assert whole["didDocumentMetadata"]["versionId"] == str(service)


async def test_options_may_be_posted(
    client: httpx.AsyncClient, fake: FakeChain, service: int
) -> None:
    fake.change_owner(ALICE, BOB)
    options = {"versionId": str(service), "accept": "application/did+json"}
    response = await client.post(PREFIX + ALICE.did, json=options, headers={"accept": RESULT})
    assert response.status_code == 200
    whole = response.json()
    assert whole["didDocumentMetadata"]["versionId"] == str(service)
    assert whole["didResolutionMetadata"]["contentType"] == "application/did+json"


@pytest.mark.usefixtures("service")
async def test_posted_options_leave_the_query_to_the_did_url(client: httpx.AsyncClient) -> None:
    response = await client.post(
        f"{PREFIX}{ALICE.did}?service=service-1&relativeRef=x",
        content=b'{"expandRelativeUrls": true}',
        headers={"accept": URIS},
    )
    assert response.headers["location"] == "https://hub.example/a/x"


async def test_nothing_need_be_posted(client: httpx.AsyncClient) -> None:
    response = await client.post(PREFIX + ALICE.did)
    assert response.json()["id"] == ALICE.did
    assert response.headers["cache-control"] == "no-store"


async def test_absolute_urls_stay_as_they_are(client: httpx.AsyncClient, service: int) -> None:
    assert service
    answers = [
        (await get(client, f"{encoded(ALICE.did)}?expandRelativeUrls={flag}", accept)).json()
        for flag in ("false", "true")
        for accept in (None, RESULT, PART)
    ]
    assert answers[:3] == answers[3:]


# -- errors ----------------------------------------------------------------------------------------

ROWS = [
    ("nonsense", 400, "INVALID_DID"),
    ("did:ethr:dev:0x12", 400, "INVALID_DID"),
    (ALICE.did[:-1] + "D", 400, "INVALID_DID"),
    (encoded(f"{ALICE.did}/a b"), 400, "INVALID_DID_URL"),
    (f"{ALICE.did}?service=a&service=b", 400, "INVALID_DID_URL"),
    (f"{ALICE.did}?versionId=1&versionId=1", 400, "INVALID_OPTIONS"),
    (f"{ALICE.did}?versionId=1&versionTime=2026-01-01T00:00:00Z", 400, "INVALID_OPTIONS"),
    (f"{ALICE.did}?versionId=x", 400, "INVALID_OPTIONS"),
    (f"{encoded(ALICE.did)}?versionTime=now", 400, "INVALID_OPTIONS"),
    (f"{ALICE.did}?versionId=1000000", 404, "NOT_FOUND"),
    ("did:web:example.com", 501, "METHOD_NOT_SUPPORTED"),
    (f"{encoded(ALICE.did)}?blockTag=5", 501, "FEATURE_NOT_SUPPORTED"),
    (f"{ALICE.did}?noCache=true", 501, "FEATURE_NOT_SUPPORTED"),
    (f"did:ethr:nowhere:{ALICE.account}", 500, "INTERNAL_ERROR"),
    (f"did:ethr:sepolia:{ALICE.account}", 500, "INTERNAL_ERROR"),
]
ROWS_OF_PARTS = [
    (f"{ALICE.did}?relativeRef=a", 400, "INVALID_DID_URL"),
    (f"{ALICE.did}%23nothing", 404, "NOT_FOUND"),
    (f"{ALICE.did}/path", 404, "NOT_FOUND"),
    (f"{ALICE.did}?service=none", 404, "NOT_FOUND"),
]


@pytest.mark.parametrize(
    ("path", "status", "error", "accept"),
    [
        *((*row, accept) for row in ROWS for accept in (None, RESULT, OLDER, PART, DOCUMENTS[1])),
        *((*row, accept) for row in ROWS_OF_PARTS for accept in (None, PART, DOCUMENTS[1])),
    ],
)
async def test_error_has_its_status_and_its_object(
    client: httpx.AsyncClient, path: str, status: int, error: str, accept: str | None
) -> None:
    response = await get(client, path, accept)
    assert response.status_code == status
    whole = response.json()
    if accept == PART:
        metadata, content = whole["dereferencingMetadata"], whole["content"]
        assert whole["contentMetadata"] == {}
    else:
        metadata, content = whole["didResolutionMetadata"], whole["didDocument"]
        assert whole["didDocumentMetadata"] == {}
    assert content is None
    assert metadata["error"]["type"] == ERROR + error
    assert metadata["error"]["title"]
    assert metadata["error"]["detail"]
    assert response.headers["content-type"] == (accept if accept in {OLDER, PART} else RESULT)
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "accept", ["text/html", "application/json", "nonsense", "application/did;q=0"]
)
async def test_what_is_not_offered_is_refused(client: httpx.AsyncClient, accept: str) -> None:
    response = await get(client, accept=accept)
    assert response.status_code == 406
    error = response.json()["didResolutionMetadata"]["error"]
    assert error["type"] == ERROR + "REPRESENTATION_NOT_SUPPORTED"


@pytest.mark.parametrize("path", [ALICE.did, f"{ALICE.did}%23controller"])
async def test_urls_are_only_those_of_services(client: httpx.AsyncClient, path: str) -> None:
    assert (await get(client, path, URIS)).status_code == 406


@pytest.mark.parametrize("accept", [None, *DOCUMENTS, RESULT, OLDER])
async def test_identity_that_was_given_up_is_gone(
    client: httpx.AsyncClient, fake: FakeChain, accept: str | None
) -> None:
    block = fake.deactivate(ALICE)
    response = await get(client, accept=accept)
    assert response.status_code == 410
    whole = response.json()
    assert whole["didDocument"] is None
    assert whole["didDocumentMetadata"]["deactivated"] is True
    assert whole["didDocumentMetadata"]["versionId"] == str(block)
    assert "error" not in whole["didResolutionMetadata"]


@pytest.mark.parametrize("part", ["", "%23controller", "?service=service-1"])
async def test_part_of_an_identity_that_was_given_up_is_gone(
    client: httpx.AsyncClient, fake: FakeChain, part: str
) -> None:
    fake.deactivate(ALICE)
    response = await get(client, ALICE.did + part, PART)
    assert response.status_code == 410
    whole = response.json()
    assert whole["content"] is None
    assert whole["contentMetadata"]["deactivated"] is True
    assert (await get(client, ALICE.did + part)).status_code == 410
    assert (await get(client, ALICE.did + part, URIS)).status_code == 410


async def test_version_before_the_end_is_there(client: httpx.AsyncClient, fake: FakeChain) -> None:
    fake.deactivate(ALICE)
    assert (await get(client, f"{ALICE.did}?versionId=1")).status_code == 200


async def test_dead_node_is_no_answer(client: httpx.AsyncClient, fake: FakeChain) -> None:
    fake.dead = ConnectionError("refused by 10.0.0.7")
    response = await get(client, accept=RESULT)
    assert response.status_code == 500
    error = response.json()["didResolutionMetadata"]["error"]
    assert error["type"] == ERROR + "INTERNAL_ERROR"
    fake.dead = None
    assert (await get(client, accept=RESULT)).status_code == 200


async def test_error_names_no_node(fake: FakeChain, clock: Hands, watch: Lookout) -> None:
    node = "http://127.0.0.1:9/secret-path"
    network = fake.network(provider=None, rpc_url=node)
    backends = backends_on(network, clock=clock, watch=watch)
    async with backends.resolver, client_of(Identifiers(backends)) as client:
        response = await get(client)
    assert response.status_code == 500
    assert "127.0.0.1" not in response.text
    assert "secret" not in response.text


# -- HTTP ------------------------------------------------------------------------------------------


async def test_head_is_get_without_a_body(client: httpx.AsyncClient) -> None:
    for accept in ("application/did", RESULT, "text/html"):
        headers = {"accept": accept}
        got = await client.get(PREFIX + ALICE.did, headers=headers)
        head = await client.head(PREFIX + ALICE.did, headers=headers)
        assert head.content == b""
        assert (head.status_code, head.headers) == (got.status_code, got.headers)


async def test_methods_are_told(client: httpx.AsyncClient) -> None:
    response = await client.options(PREFIX + ALICE.did)
    assert (response.status_code, response.content) == (204, b"")
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "NONSENSE"])
async def test_other_methods_are_refused(client: httpx.AsyncClient, method: str) -> None:
    response = await client.request(method, PREFIX + ALICE.did)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD, OPTIONS, POST"
    assert response.headers["content-type"] == "application/problem+json"


async def test_options_are_posted_as_json(client: httpx.AsyncClient) -> None:
    response = await client.post(PREFIX + ALICE.did, data={"versionId": "5"})
    assert response.status_code == 415
    assert response.json()["code"] == "unsupported_media_type"


async def test_more_options_than_there_are_are_not_read(client: httpx.AsyncClient) -> None:
    body = json.dumps({"accept": "a" * 10_000})
    response = await client.post(PREFIX + ALICE.did, content=body)
    assert response.status_code == 413
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    "body", [b"[]", b'{"a":1,"a":2}', b"[" * 1000, b"\xff", b'{"versionId":true}']
)
async def test_options_that_cannot_be_read_are_refused(
    client: httpx.AsyncClient, body: bytes
) -> None:
    response = await client.post(PREFIX + ALICE.did, content=body, headers={"accept": PART})
    assert response.status_code == 400
    error = response.json()["dereferencingMetadata"]["error"]
    assert error["type"] == ERROR + "INVALID_OPTIONS"


HOSTILE = [
    b"",
    b"/",
    b"//",
    b"..",
    b"../../etc/passwd",
    b"%2e%2e%2fmethods",
    b"%00",
    b"did%3Aethr%3A%00",
    b"%",
    b"%zz",
    b"%ff%fe",
    b"\xff\xfe",
    b"did:ethr:\xc3\xa9",
    b"did:ethr:dev:0x" + b"f" * 100,
    b"did:" + b"a" * 60_000,
    b"%41" * 20_000,
    b"did:ethr:" + b":" * 4000,
    b"did:ethr:" + b"%" * 4000,
    b"did:ethr:dev:" + b"0x" * 2000,
    ALICE.did.encode() + b";" * 3000,
    ALICE.did.encode() + b"/" * 4000,
    ALICE.did.encode() + b"%23" * 1000,
]


@pytest.mark.parametrize("path", HOSTILE)
@pytest.mark.parametrize("query", [b"", b"&&&", b"=", b"%", b"versionId=" + b"9" * 5000])
async def test_hostile_path_gives_one_error(
    client: httpx.AsyncClient, path: bytes, query: bytes
) -> None:
    status, headers, body = await raw(client, path, query)
    whole = json.loads(body)
    assert status in {400, 404, 501}
    assert headers[b"content-type"] == RESULT.encode()
    assert whole["didResolutionMetadata"]["error"]["type"].startswith(ERROR)
    assert len(body) < 10_000


async def raw(
    client: httpx.AsyncClient, path: bytes, query: bytes = b"", raw_path: bytes | None = None
) -> tuple[int, dict[bytes, bytes], bytes]:
    """What the application answers to a path that a client would not send."""
    sent: list[dict[str, Any]] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    full = PREFIX.encode() + path if raw_path is None else raw_path
    scope = {
        "type": "http",
        "method": "GET",
        "path": PREFIX + path.decode("latin-1"),
        "raw_path": full,
        "query_string": query,
        "headers": [],
    }
    app = client._transport.app  # type: ignore[attr-defined]  # that of ASGITransport
    await app(scope, receive, send)
    body = b"".join(message.get("body", b"") for message in sent)
    return sent[0]["status"], dict(sent[0]["headers"]), body


async def test_server_that_does_not_tell_the_path_as_sent_is_understood(
    client: httpx.AsyncClient,
) -> None:
    app = client._transport.app  # type: ignore[attr-defined]  # that of ASGITransport

    async def without(scope: Any, receive: Any, send: Any) -> None:
        await app({name: it for name, it in scope.items() if name != "raw_path"}, receive, send)

    async with client_of(without) as other:
        assert (await get(other)).json()["id"] == ALICE.did
        assert (await get(other, BOB.did)).json()["id"] == BOB.did


async def test_encoded_slash_before_the_did_is_no_prefix(client: httpx.AsyncClient) -> None:
    status, _, _ = await raw(client, ALICE.did.encode(), raw_path=b"/1.0%2Fidentifiers/x")
    assert status == 404


async def test_a_prefix_further_on_is_no_prefix(client: httpx.AsyncClient) -> None:
    path = f"/1%2E0/identifiers/{BOB.did}/1.0/identifiers/{ALICE.did}".encode()
    status, _, _ = await raw(client, ALICE.did.encode(), raw_path=path)
    assert status == 404


async def test_nothing_is_beyond_identifiers_unless_it_is_put_there(
    client: httpx.AsyncClient,
) -> None:
    response = await client.get("/1.0/methods")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_path")


async def test_life_of_a_server_is_nothing_to_it(backends: Backends) -> None:
    await Identifiers(backends)({"type": "lifespan"}, None, None)  # type: ignore[arg-type]


# -- caches ----------------------------------------------------------------------------------------


async def test_second_answer_asks_nobody(client: httpx.AsyncClient, fake: FakeChain) -> None:
    first = await get(client)
    rounds = fake.rounds
    second = await get(client)
    assert fake.rounds == rounds
    assert (second.content, second.headers) == (first.content, first.headers)


async def test_other_words_for_the_same_ask_nobody(
    client: httpx.AsyncClient, fake: FakeChain
) -> None:
    await get(client)
    rounds = fake.rounds
    assert (await get(client, encoded(ALICE.did), "*/*")).status_code == 200
    assert fake.rounds == rounds


async def test_changed_identity_is_asked_about_again(
    client: httpx.AsyncClient, fake: FakeChain, watch: Lookout
) -> None:
    await get(client)
    fake.add_service(ALICE, "Hub", "https://h.example")
    assert "service" not in (await get(client)).json()
    watch.current[ALICE.address] = 1
    assert "service" in (await get(client)).json()


async def test_change_while_it_is_asked_about_is_not_missed(
    client: httpx.AsyncClient, fake: FakeChain, watch: Lookout
) -> None:
    def change() -> None:
        watch.current[ALICE.address] = 1

    fake.before[len(fake.requests) + 1] = change
    await get(client)
    fake.add_service(ALICE, "Hub", "https://h.example")
    assert "service" in (await get(client)).json()


async def test_nothing_is_kept_while_nothing_is_known(
    client: httpx.AsyncClient, fake: FakeChain, watch: Lookout
) -> None:
    watch.current[ALICE.address] = None
    await get(client)
    rounds = fake.rounds
    await get(client)
    assert fake.rounds > rounds


async def test_what_ends_is_not_given_again(
    client: httpx.AsyncClient, fake: FakeChain, clock: Hands
) -> None:
    fake.add_service(ALICE, "Hub", "https://h.example", DAY)
    clock.now = fake.now + DAY - 1
    response = await get(client)
    assert "service" in response.json()
    assert response.headers["cache-control"] == "public, max-age=1, must-revalidate"
    clock.now += 1
    assert "service" not in (await get(client)).json()


async def test_later_block_is_named(
    client: httpx.AsyncClient, fake: FakeChain, watch: Lookout
) -> None:
    first = await get(client, accept=RESULT)
    watch.newest = Head(number=99, hash=b"\7" * 32, parent_hash=bytes(32), timestamp=fake.now + 12)
    rounds = fake.rounds
    second = await get(client, accept=RESULT)
    assert fake.rounds == rounds
    assert second.json()["didResolutionMetadata"]["readAt"]["blockNumber"] == 99
    assert second.json()["didDocument"] == first.json()["didDocument"]
    assert second.headers["etag"] == first.headers["etag"]
    assert int(second.headers["content-length"]) == len(second.content)


async def test_errors_of_the_chain_are_not_kept(client: httpx.AsyncClient, fake: FakeChain) -> None:
    fake.errors["eth_getLogs"] = (-32000, "broken")
    fake.change_owner(ALICE, BOB)
    assert (await get(client)).status_code == 500
    del fake.errors["eth_getLogs"]
    assert (await get(client)).status_code == 200


async def test_block_that_is_not_there_yet_is_asked_for_again(
    client: httpx.AsyncClient, fake: FakeChain
) -> None:
    path = f"{ALICE.did}?versionId={fake.head + 1}"
    assert (await get(client, path)).status_code == 404
    fake.mine()
    assert (await get(client, path)).status_code == 200


async def test_what_is_not_in_the_document_is_kept_here_only(
    client: httpx.AsyncClient, fake: FakeChain
) -> None:
    path = f"{ALICE.did}%23nothing"
    assert (await get(client, path)).headers["cache-control"] == "no-store"
    rounds = fake.rounds
    assert (await get(client, path)).status_code == 404
    assert fake.rounds == rounds


async def test_many_at_once_ask_once(client: httpx.AsyncClient, fake: FakeChain) -> None:
    await get(client, BOB.did)
    rounds = fake.rounds
    await get(client, Person.named("carol").did)
    once = fake.rounds - rounds
    found = await asyncio.gather(*(get(client) for _ in range(20)))
    assert {one.status_code for one in found} == {200}
    assert fake.rounds == rounds + 2 * once


async def test_final_version_is_kept_for_ever(
    client: httpx.AsyncClient, fake: FakeChain, watch: Lookout
) -> None:
    block = fake.change_owner(ALICE, BOB)
    watch.finalised = block
    response = await get(client, f"{ALICE.did}?versionId={block}")
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    watch.current[ALICE.address] = None
    rounds = fake.rounds
    assert (await get(client, f"{ALICE.did}?versionId={block}")).content == response.content
    assert fake.rounds == rounds


async def test_newest_version_is_kept_for_a_moment(client: httpx.AsyncClient) -> None:
    response = await get(client)
    assert response.headers["cache-control"] == "public, max-age=4, must-revalidate"
    assert response.headers["vary"] == "accept"


async def test_fresh_answer_is_for_whom_it_is_allowed(backends: Backends, fake: FakeChain) -> None:
    async with client_of(Identifiers(backends, allows_fresh=True)) as client:
        await get(client)
        fake.add_service(ALICE, "Hub", "https://h.example")
        assert "service" not in (await get(client)).json()
        for _ in range(2):
            rounds = fake.rounds
            fresh = await get(client, f"{encoded(ALICE.did)}?noCache=true")
            assert "service" in fresh.json()
            assert fake.rounds > rounds
        assert "service" in (await get(client)).json()


async def test_large_document_is_written_aside(client: httpx.AsyncClient, fake: FakeChain) -> None:
    with fake.one_block():
        for number in range(120):
            fake.add_service(ALICE, "Hub", f"https://h.example/{number}")
    assert len((await get(client)).json()["service"]) == 120


async def test_requests_that_are_remembered_are_bounded(
    backends: Backends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ethr_did.service.identifiers._MOST_READ", 3)
    app = Identifiers(backends)
    async with client_of(app) as client:
        for number in range(10):
            await get(client, f"{ALICE.did}?x={number}")
    assert len(app._read) == 3


async def test_long_requests_are_not_remembered(backends: Backends) -> None:
    app = Identifiers(backends)
    async with client_of(app) as client:
        assert (await get(client, f"{ALICE.did}?x={'a' * 2000}")).status_code == 200
    assert not app._read


# -- conditional requests --------------------------------------------------------------------------


@pytest.mark.parametrize("accept", [None, "application/did", RESULT, PART])
async def test_what_is_known_is_not_sent_again(
    client: httpx.AsyncClient, fake: FakeChain, accept: str | None
) -> None:
    first = await get(client, accept=accept)
    rounds = fake.rounds
    response = await get(client, accept=accept, if_none_match=first.headers["etag"])
    assert fake.rounds == rounds
    assert (response.status_code, response.content) == (304, b"")
    assert "content-type" not in response.headers
    for name in ("etag", "cache-control", "vary"):
        assert response.headers[name] == first.headers[name]


@pytest.mark.parametrize("form", ["{0}", "*", '"a", {0}', '{0} , W/"b"', "{1}", '"a,b",{1}'])
async def test_tag_is_found_among_others(client: httpx.AsyncClient, form: str) -> None:
    etag = (await get(client)).headers["etag"]
    known = form.format(etag, etag.removeprefix("W/"))
    assert (await get(client, if_none_match=known)).status_code == 304


@pytest.mark.parametrize("known", ['"a"', 'W/"539-0"', "", "nonsense", '"', ",,,"])
async def test_other_tags_are_no_match(client: httpx.AsyncClient, known: str) -> None:
    assert (await get(client, if_none_match=known)).status_code == 200


async def test_tag_of_another_form_is_no_match(client: httpx.AsyncClient) -> None:
    etag = (await get(client, accept="application/did")).headers["etag"]
    response = await get(client, accept="application/did+json", if_none_match=etag)
    assert response.status_code == 200


async def test_tag_does_not_outlive_a_change(
    client: httpx.AsyncClient, fake: FakeChain, watch: Lookout
) -> None:
    etag = (await get(client)).headers["etag"]
    fake.change_owner(ALICE, BOB)
    watch.current[ALICE.address] = 1
    assert (await get(client, if_none_match=etag)).status_code == 200


async def test_first_question_may_be_conditional(
    backends: Backends, client: httpx.AsyncClient
) -> None:
    etag = (await get(client)).headers["etag"]
    async with client_of(Identifiers(backends)) as other:
        assert (await get(other, if_none_match=etag)).status_code == 304


@pytest.mark.parametrize("known", ["*", "{0}"])
async def test_what_is_gone_is_no_match(
    client: httpx.AsyncClient, fake: FakeChain, known: str
) -> None:
    fake.deactivate(ALICE)
    response = await get(client, accept=RESULT, if_none_match=known)
    assert response.status_code == 410
    assert response.content


async def test_headers_given_twice_count_as_one(client: httpx.AsyncClient) -> None:
    first = await get(client, accept=RESULT)
    headers = [
        ("accept", "text/html"),
        ("accept", RESULT),
        ("if-none-match", '"a"'),
        ("if-none-match", first.headers["etag"]),
    ]
    assert (await client.get(PREFIX + ALICE.did, headers=headers)).status_code == 304

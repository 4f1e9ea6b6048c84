"""The two requests: their answers, their headers, and what goes wrong."""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any, NoReturn

import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from ethr_did.chain.networks import Network
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.trust import TrustPolicy
from ethr_did.credentials.trust_lists import TrustEntry, TrustList
from ethr_did.service.credentials import SMALL, VerifyRules
from ethr_did.service.pages.rendering import HEADERS, STYLESHEET_PATH
from ethr_did.service.pages.routes import MAX_BODY
from support.fake_chain import FakeChain, Person
from support.pages import asking, client_of, page_on

if TYPE_CHECKING:
    import httpx

    from support.pages import Client

ALICE = Person.named("alice")
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def title(response: httpx.Response) -> str:
    """What went wrong, as the page calls it."""
    found = re.search("<h1>(.*)</h1>", response.text)
    assert found is not None
    return found[1]


def is_kept(response: httpx.Response, text: str) -> bool:
    """Whether the field holds what was pasted."""
    return f'name="text" type="text" value="{text}"' in response.text


async def test_the_front_page_has_the_field_and_the_networks(client: Client) -> None:
    response = await client.get()
    assert response.status_code == 200
    assert is_kept(response, "")
    assert '<bdi class="value">dev</bdi>' in response.text


@pytest.mark.parametrize("path", ["/", "/?did=%20", f"/?did={ALICE.did}", "/?did=x"])
async def test_pages_may_load_nothing_but_their_stylesheet(client: Client, path: str) -> None:
    response = await client.http.get(path)
    for name, value in HEADERS.items():
        assert response.headers[name] == value
    assert "set-cookie" not in response.headers
    assert "<script" not in response.text
    assert "style=" not in response.text
    assert re.findall(r'(?:src|href)="(?!\./|#)', response.text) == []


async def test_the_stylesheet_is_small_and_kept_for_ever(client: Client) -> None:
    response = await client.http.get(STYLESHEET_PATH)
    assert response.headers["content-type"] == "text/css; charset=utf-8"
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert len(response.content) < 10_000
    assert b"url(" not in response.content
    assert b"@import" not in response.content


async def test_other_methods_are_refused(client: Client) -> None:
    assert (await client.http.put("/")).status_code == 405
    assert (await client.http.head("/")).status_code == 200


async def test_the_page_works_behind_a_prefix(fake: FakeChain) -> None:
    inner = page_on(lambda: fake.now, fake.network())
    client = client_of(Starlette(routes=[Mount("/did", app=inner)])).http
    text = (await client.get("/did/")).text
    assert f'href=".{STYLESHEET_PATH}"' in text
    assert 'action="./"' in text
    assert (await client.get(f"/did{STYLESHEET_PATH}")).status_code == 200


# -- what was pasted -----------------------------------------------------------------------------


async def test_a_did_that_is_posted_is_answered_with_its_own_address(client: Client) -> None:
    response = await client.paste(f" {ALICE.did} \n")
    assert response.status_code == 303
    assert response.headers["location"] == f"./?did={ALICE.did}"
    assert response.headers["cache-control"] == "no-store"


async def test_the_version_in_a_did_url_survives_the_redirection(client: Client) -> None:
    response = await client.paste(f"{ALICE.did}?versionId=1#controller")
    assert response.headers["location"] == f"./?did={ALICE.did}%3FversionId%3D1%23controller"


async def test_a_did_cannot_lead_elsewhere(client: Client) -> None:
    response = await client.paste("did:ethr:x\r\nLocation: https://evil.example")
    assert response.headers["location"].startswith("./?did=did:ethr:x%0D%0ALocation")


@pytest.mark.parametrize("text", ["", "lorem ipsum", "a.b.c", "{}", "[]", "{", "x" * 90_000])
async def test_what_cannot_be_read_is_an_error_that_nobody_keeps(client: Client, text: str) -> None:
    response = await client.paste(text)
    assert response.status_code == 400
    assert response.headers["cache-control"] == "no-store"
    assert is_kept(response, text)
    assert "What to do next" in response.text


async def test_what_is_kept_in_the_field_is_escaped(client: Client) -> None:
    text = (await client.paste("\"><script>alert('1')</script>")).text
    assert "<script" not in text
    assert "&#34;&gt;&lt;script&gt;" in text


async def test_what_is_too_long_for_the_field_does_not_come_back(client: Client) -> None:
    response = await client.paste("x" * 1_500_000)
    assert response.status_code == 400
    assert len(response.content) < 5000


async def test_a_body_without_an_end_is_not_read_to_it(client: Client) -> None:
    response = await client.http.post("/", content=b"text=" + b"x" * MAX_BODY, headers=FORM)
    assert (response.status_code, title(response)) == (413, "That is too long")


@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data; boundary=x", "text/x"])
async def test_another_form_is_refused(client: Client, kind: str) -> None:
    response = await client.http.post("/", content=b"text=x", headers={"Content-Type": kind})
    assert response.status_code == 415


@pytest.mark.parametrize(
    "body", [b"", b"&&&", b"text", b"text=%FF%FE", b"\xff\xfe", b"a=1&" * 100, b"text=%ED%A0%80"]
)
async def test_a_broken_body_is_an_error(client: Client, body: bytes) -> None:
    response = await client.http.post("/", content=body, headers=FORM)
    assert response.status_code == 400


# -- what goes wrong -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("did", "status", "heading"),
    [
        ("lorem ipsum", 400, "That is not a DID"),
        ("did:ethr:dev:0x12", 400, "That is not a DID"),
        ("did:ethr:dev:" + ALICE.account.swapcase(), 400, "That is not a DID"),
        ("did:ethr:dev:0x" + "1" * 5000, 400, "That is not a DID"),
        ("did:web:example.com", 501, "A DID of another method"),
        (f"did:ethr:nowhere:{ALICE.account}", 500, "This network is not known here"),
        (f"did:ethr:{ALICE.account}", 500, "This network is not served here"),
        (f"{ALICE.did}?versionId=1&versionTime=2026-01-01T00:00:00Z", 400, "That version cannot"),
    ],
)
async def test_each_kind_of_trouble_has_its_own_words(
    client: Client, did: str, status: int, heading: str
) -> None:
    response = await client.get(did=did)
    assert response.status_code == status
    assert title(response).startswith(heading)
    assert "What to do next" in response.text


async def test_an_unknown_network_comes_with_those_that_are_served(client: Client) -> None:
    response = await client.get(did=f"did:ethr:nowhere:{ALICE.account}")
    assert 'Networks served here: <bdi class="value">dev</bdi>' in response.text


@pytest.mark.parametrize(
    ("version", "status"),
    [
        ({"versionId": "99"}, 404),
        ({"versionId": "-1"}, 400),
        ({"versionId": "x"}, 400),
        ({"versionTime": "yesterday"}, 400),
        ({"versionTime": "2026-02-30T00:00"}, 400),
        ({"versionId": "1", "versionTime": "2026-01-01T00:00"}, 400),
    ],
)
async def test_a_version_that_is_none_is_an_error_and_stays_in_the_form(
    client: Client, version: dict[str, str], status: int
) -> None:
    response = await client.get(did=ALICE.did, **version)
    assert response.status_code == status
    assert is_kept(response, ALICE.did)
    assert f'name="did" value="{ALICE.did}"' in response.text
    for name, value in version.items():
        assert re.search(f'name="{name}"[^>]*value="{value}', response.text)


async def test_a_dead_node_says_nothing_about_the_identity(fake: FakeChain, client: Client) -> None:
    fake.dead = ConnectionError("http://10.0.0.7:8545 refused")
    response = await client.get(did=ALICE.did)
    assert (response.status_code, title(response)) == (500, "The chain could not be read")
    assert "This says nothing about what you asked for" in response.text
    assert is_kept(response, ALICE.did)


async def test_no_node_is_named() -> None:
    url = "http://user:secret@127.0.0.1:1"
    network = Network(name="dev", chain_id=1337, did_registry="0x" + "11" * 20, rpc_url=url)
    async with asking(page_on(lambda: 0, network)) as client:
        response = await client.get(did=ALICE.did)
    assert response.status_code == 500
    assert "127.0.0.1" not in response.text
    assert "secret" not in response.text


async def test_a_node_that_lies_is_not_believed(fake: FakeChain, client: Client) -> None:
    fake.missing_blocks = {fake.add_service(ALICE, "Hub", "https://hub.example.com")}
    response = await client.get(did=ALICE.did)
    assert (response.status_code, title(response)) == (500, "The chain could not be read")


async def test_an_old_block_is_called_old() -> None:
    fake = FakeChain(chain_id=100)
    client = client_of(page_on(lambda: fake.now + 7200, fake.network(chain_id=100)))
    text = (await client.get(did=ALICE.did)).text
    assert "There may be newer changes." in text
    assert "was made 2 hours ago" in text


async def test_development_chains_rest_between_changes(fake: FakeChain) -> None:
    client = client_of(page_on(lambda: fake.now + 7200, fake.network()))
    assert "There may be newer changes." not in (await client.get(did=ALICE.did)).text


# -- how credentials are verified


class Patient:
    """A verifier that notes how it is asked, and never comes to an end."""

    def __init__(self) -> None:
        self.in_thread: list[bool] = []
        self.policies: list[Policy] = []

    async def verify(self, _raw: object, policy: Policy, *, in_thread: bool = False) -> NoReturn:
        self.in_thread.append(in_thread)
        self.policies.append(policy)
        await asyncio.Event().wait()
        raise AssertionError


def credential(size: int) -> str:
    """Something that is read as a credential, of more than so many characters."""
    proof = {
        "type": "DataIntegrityProof",
        "cryptosuite": "eddsa-jcs-2022",
        "verificationMethod": f"{ALICE.did}#key",
        "proofPurpose": "assertionMethod",
        "proofValue": "z" + "1" * 64,
    }
    told: dict[str, Any] = {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": ALICE.did,
        "credentialSubject": {"name": "x" * size},
        "proof": proof,
    }
    return json.dumps(told)


async def test_verification_that_takes_too_long_is_not_known(fake: FakeChain) -> None:
    verifier, rules = Patient(), VerifyRules(seconds=0.01)
    app = page_on(lambda: fake.now, fake.network(), rules=rules, verifier=verifier)
    response = await client_of(app).paste(credential(1))
    assert response.status_code == 503
    assert title(response) == "It was not found out in time"
    assert response.headers["cache-control"] == "no-store"


async def test_large_credentials_are_computed_in_threads(fake: FakeChain) -> None:
    verifier, rules = Patient(), VerifyRules(seconds=0.01)
    client = client_of(page_on(lambda: fake.now, fake.network(), rules=rules, verifier=verifier))
    for size in (1, SMALL):
        await client.paste(credential(size))
    assert verifier.in_thread == [False, True]


async def test_whom_the_service_trusts_is_whom_the_page_trusts(fake: FakeChain) -> None:
    trust = TrustPolicy(sources=(TrustList(entries=(TrustEntry(issuer=ALICE.did, types=("*",)),)),))
    verifier, rules = Patient(), VerifyRules(policy=Policy(trust=trust), seconds=0.01)
    app = page_on(lambda: fake.now, fake.network(), rules=rules, verifier=verifier)
    await client_of(app).paste(credential(1))
    assert [policy.trust for policy in verifier.policies] == [trust]

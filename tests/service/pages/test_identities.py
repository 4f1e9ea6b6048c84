"""The page of an identity: what it shows, at which version, and of what block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.fake_chain import CHAIN_ID, DAY, FakeChain, Person

if TYPE_CHECKING:
    import httpx

    from support.pages import Client

ALICE, BOB, CAROL = (Person.named(name) for name in ("alice", "bob", "carol"))
KEY = bytes(range(32))


def words(response: httpx.Response) -> str:
    """What is to be read, in one line."""
    body = response.text.partition("<main")[2]
    body = re.sub(r"<[^>]*>", " ", body.partition("</main>")[0])
    return (
        re.sub(r" ([.,;:)])", r"\1", re.sub(r"\s+", " ", body))
        .replace("&#39;", "'")
        .replace("&#34;", '"')
    )


async def test_an_untouched_identity_has_its_own_key_and_no_history(client: Client) -> None:
    response = await client.get(did=ALICE.did)
    said = words(response)
    assert response.status_code == 200
    assert f"{ALICE.account} (the account in the DID itself)" in said
    assert f"#controller Account eip155:{CHAIN_ID}:{ALICE.account}" in said
    assert "nothing was ever written on chain" in said
    assert "Services 0 It names none." in said
    assert "History 0 Nothing was ever changed" in said


async def test_every_answer_names_network_block_hash_and_time(
    fake: FakeChain, client: Client
) -> None:
    said = words(await client.get(did=ALICE.did))
    assert f"As of block {fake.head} of dev, 2023-11-14 22:14:20 UTC (just now)." in said
    assert f"Network dev (chain {CHAIN_ID})" in said
    assert f"Hash of that block 0x{fake.ledger.head.hash.hex()}" in said


async def test_keys_have_their_kind_their_purposes_and_their_end(
    fake: FakeChain, client: Client
) -> None:
    fake.add_delegate(ALICE, "sigAuth", BOB, 2 * DAY)
    fake.set_attribute(ALICE, "did/pub/Ed25519/veriKey/base64", KEY, DAY)
    fake.set_attribute(ALICE, "did/pub/X25519/enc/base64", KEY, 3600)
    said = words(await client.get(did=ALICE.did))
    assert "Keys 4" in said
    assert re.search(r"#delegate-1 Account \S+ Type \S+ Used for Authentication, Assertions", said)
    assert re.search(
        r"#delegate-2 Key, multibase z6Mk\S+ Type Ed25519\S+ Used for Assertions", said
    )
    assert re.search(r"#delegate-3 Key, multibase z6LS\S+ Type X25519\S+ Used for Key agree", said)
    assert "Ends 2023-11-15 22:14:44 UTC (in 23 hours)" in said
    assert "(in 1 hour)" in said


async def test_ends_are_those_of_the_change_that_counts(fake: FakeChain, client: Client) -> None:
    fake.set_attribute(ALICE, b"\xff" * 32, b"some other use of the registry")
    fake.add_delegate(ALICE, "otherType", BOB, DAY)
    fake.set_attribute(ALICE, "did/pub/Ed25519/veriKey/base64", KEY, 2 * DAY)
    fake.set_attribute(ALICE, "did/pub/Ed25519/veriKey/base64", KEY, 5 * DAY)
    said = words(await client.get(did=ALICE.did))
    assert "#delegate-3 " in said
    assert "#delegate-2 " not in said
    assert "(in 5 days)" in said


async def test_a_service_on_the_web_is_a_link_that_tells_nothing(
    fake: FakeChain, client: Client
) -> None:
    fake.add_service(ALICE, "Hub", "https://hub.example.com/a?b=1&c=2")
    text = (await client.get(did=ALICE.did)).text
    link = '<a class="value" href="https://hub.example.com/a?b=1&amp;c=2" '
    assert link + 'rel="noopener noreferrer nofollow">' in text


async def test_a_new_owner_is_named(fake: FakeChain, client: Client) -> None:
    fake.change_owner(ALICE, BOB)
    said = words(await client.get(did=ALICE.did))
    assert f"Owner {BOB.account} (another account than that in the DID)" in said


async def test_a_deactivated_identity_is_gone_and_its_history_is_there(
    fake: FakeChain, client: Client
) -> None:
    fake.add_service(ALICE, "Hub", "https://hub.example.com")
    block = fake.deactivate(ALICE)
    response = await client.get(did=ALICE.did)
    said = words(response)
    assert response.status_code == 410
    assert f"Deactivated in block {block}." in said
    assert "Keys" not in said
    assert "Identity deactivated" in said
    assert "Service added" in said


async def test_an_earlier_version_of_a_deactivated_identity_says_that_it_is_gone(
    fake: FakeChain, client: Client
) -> None:
    before = fake.add_service(ALICE, "Hub", "https://hub.example.com")
    block = fake.deactivate(ALICE)
    response = await client.get(did=ALICE.did, versionId=before)
    assert response.status_code == 200
    assert f"It was given up for good in block {block}." in words(response)


async def test_a_version_is_chosen_by_block(fake: FakeChain, client: Client) -> None:
    block = fake.add_service(ALICE, "Hub", "https://hub.example.com")
    later = fake.change_owner(ALICE, BOB)
    said = words(await client.get(did=ALICE.did, versionId=block))
    assert f"An earlier version. This is how the identity was after block {block}." in said
    assert f"Owner {ALICE.account}" in said
    assert f"Next change block {later}" in said


@pytest.mark.parametrize("text", ["2023-11-14T22:14:44", "2023-11-14T22:14:44Z"])
async def test_a_version_is_chosen_by_time(fake: FakeChain, client: Client, text: str) -> None:
    fake.change_owner(ALICE, BOB)
    fake.change_owner(ALICE, CAROL)
    fake.change_owner(ALICE, BOB)
    response = await client.get(did=ALICE.did, versionTime=text, versionId="")
    said = words(response)
    assert "This is how the identity was at 2023-11-14 22:14:44 UTC." in said
    assert f"Owner {CAROL.account}" in said
    assert 'value="2023-11-14T22:14:44"' in response.text


async def test_a_time_without_seconds_is_a_time(client: Client) -> None:
    said = words(await client.get(did=ALICE.did, versionTime="2023-11-14T22:14"))
    assert "at 2023-11-14 22:14:00 UTC" in said


async def test_the_version_in_a_did_url_counts(fake: FakeChain, client: Client) -> None:
    block = fake.change_owner(ALICE, BOB)
    said = words(await client.get(did=f"{ALICE.did}?versionId={block - 1}"))
    assert f"Owner {ALICE.account}" in said


async def test_the_key_that_a_did_url_names_is_marked(client: Client) -> None:
    text = (await client.get(did=f"{ALICE.did}#controller")).text
    assert re.search(r'<li class="asked">\s*<h3><bdi>#controller</bdi>', text)


async def test_a_did_of_a_public_key_is_shown(client: Client) -> None:
    key = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
    said = words(await client.get(did=Person.with_key(key).did))
    assert "#controllerKey Key, JWK kty EC, crv secp256k1, x " in said


async def test_more_than_anybody_reads_is_cut_with_a_notice(
    fake: FakeChain, client: Client
) -> None:
    with fake.one_block():
        for number in range(100):
            fake.set_attribute(ALICE, "did/pub/Ed25519/veriKey", number.to_bytes(32))
        for number in range(60):
            fake.add_service(ALICE, "Hub", f"https://{number}.example")
        fake.add_service(ALICE, "Hub", "A" * 40_000)
    response = await client.get(did=ALICE.did)
    said = words(response)
    assert "The first 50 of 101 keys are shown." in said
    assert "The first 50 of 61 services are shown." in said
    assert "Changes 1 to 25 of 161, the newest first." in said
    assert "characters are left out here" in said
    assert len(response.content) < 200_000


@pytest.mark.parametrize(
    "endpoint",
    [
        "javascript:alert(1)",
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "https://good.example/" + chr(0x202E) + "gpj.exe",
        "data:text/html,<script>alert(1)</script>",
    ],
)
async def test_a_hostile_endpoint_is_text(fake: FakeChain, client: Client, endpoint: str) -> None:
    fake.add_service(ALICE, "Hub", endpoint)
    text = (await client.get(did=ALICE.did)).text
    assert "<script" not in text
    assert "<img" not in text
    assert chr(0x202E) not in text
    hrefs = re.findall(r'href="([^"]*)"', text)
    assert all(href.startswith(("./", "#")) for href in hrefs)

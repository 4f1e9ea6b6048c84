"""What a page says about credentials, presentations and statuses: never good unless valid."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.networks import Networks
from ethr_did.core.keys import parse_address
from ethr_did.core.status_answer import Finality, Status, StatusKind
from ethr_did.core.status_entry import ContractId, ListEntry
from ethr_did.core.status_list import INVALID
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.vc_jwt import sign_vc_jwt
from ethr_did.errors import NodeUnreachable
from ethr_did.service.pages.statuses import StatusView
from support.issuing import FINAL, wish
from support.pages import asking, page_on
from support.triangle import NONCE, SHOP

if TYPE_CHECKING:
    import httpx

    from ethr_did.chain.local import LocalAccount
    from support.pages import Client
    from support.triangle import Triangle


def entry(triangle: Triangle, index: int) -> dict[str, Any]:
    """A status entry in a list of the chain's."""
    network = triangle.office.network
    registry = ContractId(network.chain_id, parse_address(str(network.status_registry)))
    return ListEntry(registry=registry, list_id=FINAL, index=index).to_dict()


def revoke(triangle: Triangle, account: LocalAccount, index: int) -> None:
    """Revokes an entry."""
    triangle.office.issuer(account).apply(
        [wish(FINAL, index, INVALID)], triangle.office.sender(account)
    )


def verdict(response: httpx.Response) -> str:
    """The headline."""
    found = re.search(r'class="verdict (\w+)">.*?<strong>(.*?)</strong>', response.text, re.DOTALL)
    assert found is not None
    return f"{found[1]}: {found[2]}"


def checks(response: httpx.Response) -> dict[str, str]:
    """The outcome of each check."""
    rows = re.findall(
        r'<th scope="row">(\w+)</th><td><span class="mark \w+"><span [^>]*>.</span> ([^<]*)</span>',
        response.text,
    )
    return dict(rows)


async def test_a_good_credential_is_valid_for_who_trusts_its_issuer(
    triangle: Triangle, real: Client, alice: LocalAccount, bob: LocalAccount
) -> None:
    revoke(triangle, alice, 7)
    token = triangle.vc_jwt(
        triangle.owner(alice), triangle.owner(bob).did, credentialStatus=entry(triangle, 3)
    )
    response = await real.paste(token)
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    assert verdict(response) == "good: Valid, if you trust the issuer."
    assert checks(response) == {
        "Format": "passed",
        "Key": "passed",
        "Signature": "passed",
        "Holder": "not checked",
        "Validity": "passed",
        "Schema": "not checked",
        "Status": "passed",
        "Trust": "not checked",
    }
    assert f"As of block {triangle.office.chain.head.number} of dev" in response.text


async def test_the_issuer_is_a_link_to_its_page(
    triangle: Triangle, real: Client, alice: LocalAccount
) -> None:
    party = triangle.owner(alice)
    response = await real.paste(triangle.vc_jwt(party, None))
    assert f'href="./?did={party.did}"><bdi>{party.did}</bdi></a>' in response.text


async def test_a_revoked_credential_is_bad(
    triangle: Triangle, real: Client, alice: LocalAccount
) -> None:
    revoke(triangle, alice, 7)
    token = triangle.vc_jwt(triangle.owner(alice), None, credentialStatus=entry(triangle, 7))
    response = await real.paste(token)
    assert verdict(response) == "bad: Not valid."
    assert "<li><bdi>Status: revoked" in response.text
    assert checks(response)["Status"] == "failed"
    assert "</span> revoked</span>" in response.text
    assert "Not to be relied on:" in response.text


async def test_a_status_that_nobody_can_find_out_is_not_known(
    triangle: Triangle, real: Client, alice: LocalAccount
) -> None:
    elsewhere = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation"}
    elsewhere |= {"statusListIndex": "7", "statusListCredential": "https://lists.example/1"}
    token = triangle.vc_jwt(triangle.owner(alice), None, credentialStatus=elsewhere)
    response = await real.paste(token)
    assert verdict(response) == "unsure: Not known."
    assert checks(response)["Status"] == "not known"
    assert 'class="verdict good"' not in response.text


async def test_a_forged_credential_is_bad_and_says_why(
    triangle: Triangle, real: Client, alice: LocalAccount, mallory: LocalAccount
) -> None:
    victim, thief = triangle.owner(alice), triangle.owner(mallory)
    document = triangle.document(victim, None)
    signing = {**thief.signing, "method_id": victim.method_id}
    response = await real.paste(sign_vc_jwt(document, thief.key, **signing))
    assert verdict(response) == "bad: Not valid."
    assert re.search(r"<li><bdi>Signature: ", response.text)


@pytest.mark.parametrize("form", ["eip712", "data_integrity", "sd_jwt"])
async def test_every_format_is_read(
    triangle: Triangle, real: Client, alice: LocalAccount, form: str
) -> None:
    kind = KeyKind.ED25519 if form == "data_integrity" else KeyKind.P256
    party = triangle.owner(alice) if form == "eip712" else triangle.with_key(alice, kind)
    made = getattr(triangle, form)(party, None)
    response = await real.paste(made if isinstance(made, str) else json.dumps(made, indent=2))
    assert verdict(response) == "good: Valid, if you trust the issuer."


async def test_claims_are_shown_each_by_its_path(
    triangle: Triangle, real: Client, alice: LocalAccount
) -> None:
    response = await real.paste(triangle.sd_jwt(triangle.with_key(alice, KeyKind.P256), None))
    row = r"<bdi class=\"value\">{}</bdi></th><td><bdi class=\"value\">{}</bdi></td>"
    for path, value in (("address.locality", "Köln"), ("age_equal_or_over.18", "true")):
        assert re.search(row.format(re.escape(path), value), response.text)


async def test_a_presentation_says_that_it_can_be_repeated(
    triangle: Triangle, real: Client, alice: LocalAccount, bob: LocalAccount
) -> None:
    holder = triangle.owner(bob)
    token = triangle.vp_jwt(holder, triangle.vc_jwt(triangle.owner(alice), holder.did))
    response = await real.paste(token)
    assert "<h1>Presentation</h1>" in response.text
    assert verdict(response) == "good: Valid, if you trust the issuer."
    assert "whoever has seen a presentation can repeat it" in response.text
    assert checks(response)["Nonce"] == "not checked"


async def test_an_sd_jwt_with_key_binding_is_a_presentation(
    triangle: Triangle, real: Client, alice: LocalAccount, bob: LocalAccount
) -> None:
    holder = triangle.with_key(bob, KeyKind.P256)
    issuer = triangle.with_key(alice, KeyKind.P256)
    shown = triangle.shown(
        triangle.sd_jwt(issuer, holder.key.public), holder.key, nonce=NONCE, audience=SHOP
    )
    response = await real.paste(shown)
    assert "<h1>Presentation</h1>" in response.text
    assert "whoever has the key in the credential" in response.text


async def test_hostile_claims_are_text(
    triangle: Triangle, real: Client, alice: LocalAccount
) -> None:
    hostile = {
        "name": "<script>alert(1)</script>",
        "rtl": f"a{chr(0x202E)}b",
        "long": "x" * 5000,
        "link": "javascript:alert(1)",
        "many": list(range(300)),
    }
    token = triangle.vc_jwt(triangle.owner(alice), None, credentialSubject=hostile)
    text = (await real.paste(token)).text
    assert "<script" not in text
    assert "a[U+202E]b" in text
    assert "(cut: it has 5,000 characters)" in text
    assert "There are more claims; the first 100 are shown." in text
    assert 'href="javascript:' not in text


async def test_a_dead_node_makes_it_not_known(triangle: Triangle, alice: LocalAccount) -> None:
    token = triangle.vc_jwt(triangle.owner(alice), None)
    dead = replace(triangle.office.network, provider=None, rpc_url="http://127.0.0.1:1")
    async with asking(page_on(lambda: triangle.now, dead)) as client:
        response = await client.paste(token)
    assert response.status_code == 200
    assert verdict(response) == "unsure: Not known."
    assert "No chain was read for this answer." in response.text


# -- statuses alone ------------------------------------------------------------------------------


async def test_a_status_entry_asks_whose_it_is(triangle: Triangle, real: Client) -> None:
    text = json.dumps(entry(triangle, 7))
    response = await real.paste(text)
    assert response.status_code == 200
    assert "Whose credential is it?" in response.text
    assert "Read the status" in response.text


@pytest.mark.parametrize(("index", "mark"), [(7, "bad"), (8, "good")])
async def test_the_status_of_an_entry_is_told_and_nothing_else(
    triangle: Triangle, real: Client, alice: LocalAccount, index: int, mark: str
) -> None:
    revoke(triangle, alice, 7)
    triangle.office.chain.mine(70)
    issuer = triangle.owner(alice).did
    response = await real.paste(json.dumps(entry(triangle, index)), issuer=issuer)
    assert f'<p class="status-line"><span class="mark {mark}">' in response.text
    assert "The status alone." in response.text
    assert "for that, paste the whole credential" in response.text
    assert "Newest block read" in response.text


async def test_a_credential_without_a_proof_has_a_status_and_no_more(
    triangle: Triangle, real: Client, alice: LocalAccount
) -> None:
    document = triangle.document(triangle.owner(alice), None, credentialStatus=entry(triangle, 7))
    response = await real.paste(json.dumps(document))
    assert "anybody could have written it" in response.text
    assert 'class="verdict' not in response.text


@pytest.mark.parametrize("issuer", ["lorem", "did:web:x.example", "did:ethr:nowhere:0x12"])
async def test_the_status_of_nobody_is_not_known(
    triangle: Triangle, real: Client, issuer: str
) -> None:
    response = await real.paste(json.dumps(entry(triangle, 7)), issuer=issuer)
    assert '<span class="mark unsure">' in response.text
    assert '<span class="mark good">' not in response.text


@pytest.mark.parametrize("kind", [kind for kind in StatusKind if kind is not StatusKind.VALID])
def test_only_valid_looks_good(kind: StatusKind) -> None:
    status = Status(kind=kind, value=1, reason=NodeUnreachable("no answer"))
    assert StatusView.of(1, status, Networks(), 0).mark.tone in ("bad", "unsure")


def test_a_status_tells_all_that_is_known_of_it() -> None:
    status = Status(
        kind=StatusKind.REVOKED,
        value=1,
        message="lost",
        changed_block=5,
        changed_at=0,
        since_exact=True,
        list_version=3,
        terminal=True,
        finality=Finality.PENDING,
        issuer_deactivated=9,
    )
    assert StatusView.of(1, status, Networks(), 0).notes == (
        "The issuer says: lost",
        "Changed in block 5, 1970-01-01 00:00:00 UTC.",
        "Newer than the last final block: a reorganisation may take it back.",
        "The rules of its list keep it so for ever.",
        "Version 3 of the list.",
        "The issuer gave up its identity in block 9; this is the status of before.",
    )


async def test_more_credentials_than_anybody_reads_are_refused(
    triangle: Triangle, real: Client, alice: LocalAccount, bob: LocalAccount
) -> None:
    token = triangle.vc_jwt(triangle.owner(alice), None)
    response = await real.paste(triangle.vp_jwt(triangle.owner(bob), *[token] * 21))
    assert response.status_code == 400
    assert "there are 21 credentials in this presentation" in response.text.lower()
    assert "Paste them one by one." in response.text


async def test_an_issuer_who_is_given_is_shown_harmlessly(triangle: Triangle, real: Client) -> None:
    issuer = f"did:ethr:{chr(0x202E)}<b>"
    text = (await real.paste(json.dumps(entry(triangle, 7)), issuer=issuer)).text
    assert chr(0x202E) not in text
    assert "<b>" not in text

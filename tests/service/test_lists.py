"""Whole lists as the W3C and the IETF have them: rebuilt from a real chain, read by our own readers."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.bitstring import decode_w3c, ietf_from_dict
from ethr_did.core.list_checks import document_of_claims
from ethr_did.core.list_documents import DocumentForm
from ethr_did.core.resolution import format_time
from ethr_did.core.status_list import Flag, Purpose
from ethr_did.service.lists import READ_AT, router
from support.status_service import Standing, backends_of, client_of
from support.status_stage import LIST, StatusStage, list_id

if TYPE_CHECKING:
    import httpx

    from ethr_did.chain.local import LocalAccount, LocalChain
    from ethr_did.chain.networks import Network
    from ethr_did.core.status_list import ListId

W3C = {"Accept": "application/vc"}
IETF = {"Accept": "application/statuslist+json"}
SMALL = list_id(Purpose.LIFECYCLE, bits=2, capacity=2**10)
"""Read in no time. What the W3C calls a list takes the chain of these tests a second."""
CHANGES = {0: 1, 1: 2, 7: 1, 103: 3, 104: 2, 1023: 1}
URL = "https://status.example/v1/status/lists/"


@pytest.fixture
def stage(chain: LocalChain, status_network: Network) -> StatusStage:
    """The status contracts, and a node that has no faults yet."""
    return StatusStage(chain=chain, network=status_network)


@pytest.fixture
def watch() -> Standing:
    """Knows nothing, until a test has it say that nothing changes."""
    return Standing()


@pytest.fixture
def client(stage: StatusStage, watch: Standing) -> httpx.AsyncClient:
    """Asks the endpoint."""
    backends = backends_of(stage.asked(), clock=lambda: float(stage.now), watch=watch)
    return client_of(
        router(backends, seconds=4, base_url="https://status.example/", max_bits=1 << 18)
    )


def path_of(stage: StatusStage, issuer: LocalAccount, listed: ListId = SMALL) -> str:
    return f"/v1/status/lists/{stage.did(issuer).text}/{listed.text}"


# -- the two forms -------------------------------------------------------------------------------


async def test_the_w3c_form_says_the_same_as_the_chain(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    revoked = {0, 1, 7, 207, 208, 131_071}
    stage.set_values(alice, LIST, dict.fromkeys(revoked, 1))
    response = await client.get(path_of(stage, alice, LIST), headers=W3C)
    claims = response.json()
    document = document_of_claims(claims, DocumentForm.W3C, is_signed=False)
    subject = claims["credentialSubject"]
    found = decode_w3c(subject["encodedList"], bits=1, entries=2**17)
    assert {i for i, value in enumerate(found.values()) if value} == revoked
    assert found.data[0] == 0b1100_0001
    assert response.headers["content-type"] == "application/vc"
    assert claims["id"] == URL + f"{stage.did(alice).text}/{LIST.text}"
    assert claims["issuer"] == stage.did(alice).text
    assert subject["statusPurpose"] == "revocation"
    assert (document.valid_from, document.valid_until) == (stage.now, None)
    assert (subject["ttl"], document.ttl) == (4000, 4)


async def test_the_ietf_form_says_the_same_in_the_other_bit_order(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_values(alice, SMALL, CHANGES)
    response = await client.get(path_of(stage, alice), headers=IETF)
    claims = response.json()
    found = ietf_from_dict(claims["status_list"], entries=2**10)
    assert {i: v for i, v in enumerate(found.values()) if v} == CHANGES
    assert response.headers["content-type"] == "application/statuslist+json"
    assert (claims["iat"], claims["ttl"]) == (stage.now, 4)
    assert "exp" not in claims
    assert claims["sub"] == URL + f"{stage.did(alice).text}/{SMALL.text}"
    assert found.data[0] == 1 | 2 << 2


async def test_claims_say_that_they_are_not_signed_and_name_their_block(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    stage.node.final = stage.head
    block = stage.set_status(alice, SMALL, 1)
    response = await client.get(path_of(stage, alice), headers=IETF)
    assert f"chain=31337, block={block}, time={stage.now}, hash=" in response.headers[READ_AT]
    view = response.json()["view"]
    assert view["signed"] is False
    assert view["readAt"]["blockNumber"] == block
    assert view["registry"] == stage.registry.text
    assert view["finality"] == "pending"
    gone = stage.deactivate(alice)
    view = (await client.get(path_of(stage, alice), headers=IETF)).json()["view"]
    assert view["issuerDeactivatedBlock"] == gone


async def test_a_credential_says_that_it_is_not_signed_and_names_its_block(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    stage.node.final = stage.set_status(alice, LIST, 1)
    then = stage.now
    stage.set_status(alice, LIST, 1, 0)
    gone = stage.deactivate(alice)
    asked = {"timestamp": _stamp(then)}
    response = await client.get(path_of(stage, alice, LIST), headers=W3C, params=asked)
    claims = response.json()
    assert decode_w3c(claims["credentialSubject"]["encodedList"], bits=1).value_at(1) == 1
    assert claims["validFrom"] == claims["validUntil"] == _stamp(then)
    assert "proof" not in claims
    words = claims["description"]
    assert words.startswith(f"Not signed: a view of list {LIST.text} in the contract eip155:31337:")
    assert f"read at block {gone} (0x" in words
    assert f"As it was at {_stamp(then)}." in words
    assert words.endswith("Finality: final.")
    assert "ttl" not in claims["credentialSubject"]


async def test_without_an_address_of_its_own_the_service_names_lists_by_a_urn(
    stage: StatusStage, alice: LocalAccount
) -> None:
    backends = backends_of(stage.asked(), clock=lambda: float(stage.now))
    client = client_of(router(backends))
    headers = {**IETF, "Host": "evil.example"}
    claims = (await client.get(path_of(stage, alice), headers=headers)).json()
    assert claims["sub"] == (
        f"urn:ethr-did:list:{stage.registry.text}:{alice.address.lower()}:{SMALL.text}"
    )


async def test_the_form_is_negotiated(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount, watch: Standing
) -> None:
    watch.current = "as ever"
    client.headers.pop("accept")
    w3c, ietf, token = "application/vc", IETF["Accept"], "application/statuslist+jwt"
    for accept, form, media_type in (
        (None, None, w3c),
        ("*/*", None, w3c),
        ("application/json", None, "application/json"),
        ("application/json", "w3c", "application/json"),
        ("application/ld+json", None, "application/ld+json"),
        ("application/vc+ld+json", None, "application/vc+ld+json"),
        (f"application/vc+jwt, {w3c}, application/vc+ld+json;q=0.9", None, w3c),
        (ietf, None, ietf),
        (ietf, "ietf", ietf),
        ("*/*", "ietf", ietf),
        ("application/json", "ietf", "application/json"),
        (f"{token}, application/json;q=0.5", None, "application/json"),
    ):
        response = await client.get(
            path_of(stage, alice, LIST),
            headers={} if accept is None else {"Accept": accept},
            params={} if form is None else {"form": form},
        )
        assert response.status_code == 200, accept
        assert response.headers["content-type"] == media_type
        assert response.headers["vary"] == "Accept"
        is_ietf = form == "ietf" or (accept or "").find("statuslist") >= 0
        assert ("status_list" in response.json()) is is_ietf, accept


@pytest.mark.parametrize(
    "accept", ["application/statuslist+jwt", "application/statuslist+cwt", "application/vc+jwt"]
)
async def test_a_signature_that_is_not_the_issuer_s_is_not_made_up(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount, accept: str
) -> None:
    response = await client.get(path_of(stage, alice), headers={"Accept": accept})
    problem = response.json()
    assert (response.status_code, problem["code"]) == (406, "not_signed")
    assert "holds no keys" in problem["detail"]


async def test_nothing_is_made_up_for_other_media_types_either(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    for accept in ("text/html", "no media type", "application/vc;q=2"):
        response = await client.get(path_of(stage, alice), headers={"Accept": accept})
        assert (response.status_code, response.json()["code"]) == (
            406,
            "unsupported_representation",
        )


async def test_a_list_that_is_too_short_for_the_w3c_has_only_the_other_form(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    path = path_of(stage, alice)
    refused = await client.get(path, headers=W3C)
    assert refused.status_code == 406
    assert "131072" in refused.json()["detail"]
    assert (await client.get(path, headers=IETF)).status_code == 200


# -- the past ------------------------------------------------------------------------------------


async def test_the_past_is_asked_for_as_either_standard_has_it(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, SMALL, 3, 2)
    then = stage.now
    stage.set_status(alice, SMALL, 3, 1)
    assert _ietf(await client.get(path_of(stage, alice), headers=IETF))[3] == 1
    for when in ({"time": str(then)}, {"timestamp": _stamp(then)}):
        response = await client.get(path_of(stage, alice), headers=IETF, params=when)
        assert _ietf(response)[3] == 2, when


async def test_a_list_of_the_past_is_good_for_the_second_that_was_asked_about(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, SMALL, 3)
    then = stage.now
    stage.mine(2)
    asked = {"time": str(then)}
    claims = (await client.get(path_of(stage, alice), headers=IETF, params=asked)).json()
    assert claims["iat"] <= then < claims["exp"] == then + 1
    assert "ttl" not in claims


async def test_a_time_zone_and_a_fraction_are_understood_even_with_a_bare_plus(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    stage.mine(2)
    stamp = _stamp(stage.now - 1 + 7200).replace("Z", ".75+02:00")
    response = await client.get(path_of(stage, alice) + f"?timestamp={stamp}", headers=IETF)
    assert response.json()["iat"] == stage.now - 1


async def test_a_list_of_the_past_is_for_ever_once_it_is_final(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    block = stage.set_status(alice, SMALL, 3)
    asked = {"time": str(stage.now)}
    stage.mine(2)
    stage.node.final = block
    soon = await client.get(path_of(stage, alice), headers=IETF, params=asked)
    assert soon.headers["cache-control"] == "max-age=4, must-revalidate"
    stage.node.final = stage.head
    late = await client.get(path_of(stage, alice), headers=IETF, params=asked)
    assert late.headers["cache-control"] == "max-age=31536000, immutable"
    rounds = stage.node.rounds
    kept = await client.get(path_of(stage, alice), headers=IETF, params=asked)
    assert (kept.content, stage.node.rounds) == (late.content, rounds)


async def test_for_a_time_that_no_block_has_reached_there_is_no_list_yet(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    for when in ({"time": str(stage.now + 1)}, {"timestamp": "9999-01-01T00:00:00Z"}):
        response = await client.get(path_of(stage, alice), headers=IETF, params=when)
        assert response.status_code == 404
        assert response.json()["statusError"].endswith("#STATUS_RETRIEVAL_ERROR")
        assert response.headers["cache-control"] == "no-store"


async def test_before_the_first_change_everything_is_valid(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, SMALL, 3)
    response = await client.get(path_of(stage, alice), headers=IETF, params={"time": "0"})
    assert set(_ietf(response)) == {0}


# -- keeping -------------------------------------------------------------------------------------


async def test_while_nothing_changes_the_same_bytes_are_given_without_asking(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount, watch: Standing
) -> None:
    watch.current = 1
    first = await client.get(path_of(stage, alice), headers=IETF)
    rounds = stage.node.rounds
    same = {**IETF, "If-None-Match": first.headers["etag"]}
    again = await client.get(path_of(stage, alice), headers=same)
    assert (again.status_code, again.content, stage.node.rounds) == (304, b"", rounds)
    assert again.headers[READ_AT] == first.headers[READ_AT]
    watch.current = 2
    stage.set_status(alice, SMALL, 3)
    changed = await client.get(path_of(stage, alice), headers=same)
    assert (changed.status_code, _ietf(changed)[3]) == (200, 1)


async def test_kept_bytes_are_given_for_no_longer_than_a_block_takes(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount, watch: Standing
) -> None:
    watch.current = 1
    await client.get(path_of(stage, alice), headers=IETF)
    stage.set_status(alice, SMALL, 3)
    stage.chain.set_next_timestamp(stage.now + 5)
    stage.mine()
    assert _ietf(await client.get(path_of(stage, alice), headers=IETF))[3] == 1


async def test_where_nothing_is_known_about_changes_nothing_is_kept(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    await client.get(path_of(stage, alice), headers=IETF)
    stage.set_status(alice, SMALL, 3)
    assert _ietf(await client.get(path_of(stage, alice), headers=IETF))[3] == 1


async def test_what_is_asked_at_the_same_time_is_read_once(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    one = await client.get(path_of(stage, alice), headers=IETF)
    rounds = stage.node.rounds
    asked = [client.get(path_of(stage, alice), headers=IETF) for _ in range(20)]
    found = await asyncio.gather(*asked)
    assert {response.content for response in found} == {one.content}
    assert stage.node.rounds == 2 * rounds


# -- refusals ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("timestamp=2026-01-01T00:00:00Z&time=1", "invalid_option"),
        ("timestamp=2026-01-01T00:00:00", "invalid_option"),
        ("timestamp=2026-02-31T00:00:00Z", "invalid_option"),
        ("timestamp=1969-01-01T00:00:00Z", "invalid_option"),
        ("timestamp=1686925000", "invalid_option"),
        ("time=2026-01-01T00:00:00Z", "invalid_option"),
        ("time=-1", "invalid_option"),
        ("time=1e9", "invalid_option"),
        ("time=01", "invalid_option"),
        ("time=99999999999999999", "invalid_option"),
        ("time=1&time=2", "invalid_option"),
        ("form=w3", "invalid_option"),
        ("policy=best", "invalid_option"),
        ("timestmp=1", "invalid_option"),
    ],
)
async def test_a_query_that_is_wrong_is_refused(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount, query: str, code: str
) -> None:
    response = await client.get(f"{path_of(stage, alice)}?{query}")
    assert (response.status_code, response.json()["code"]) == (400, code)


async def test_a_list_that_is_too_large_to_be_served_whole_is_refused_before_it_is_read(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    for listed in (
        list_id(Purpose.LIFECYCLE, bits=4, capacity=2**17),
        list_id(capacity=2**31),
    ):
        response = await client.get(path_of(stage, alice, listed), headers=IETF)
        assert (response.status_code, response.json()["code"]) == (400, "invalid_status_list")
    assert stage.node.rounds == 0


async def test_a_list_kept_off_chain_is_not_here(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    anchored = list_id(flags=Flag.ANCHORED)
    response = await client.get(path_of(stage, alice, anchored))
    assert (response.status_code, response.json()["code"]) == (404, "not_found")


async def test_a_list_that_cannot_be_read_is_not_an_empty_one(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    stage.node.dead = ConnectionError("gone")
    path = path_of(stage, alice)
    response = await client.get(path, headers=IETF)
    assert (response.status_code, response.json()["code"]) == (503, "node_unreachable")
    stage.node.dead, stage.node.final = None, None
    response = await client.get(path, headers=IETF)
    assert (response.status_code, response.json()["code"]) == (503, "node_refused")
    for asked in ({"policy": "latest"}, {"policy": "latest", "time": "0"}):
        assert (await client.get(path, headers=IETF, params=asked)).status_code == 200


def _ietf(response: httpx.Response) -> bytes:
    assert response.status_code == 200, response.text
    claims: dict[str, Any] = response.json()
    return ietf_from_dict(claims["status_list"]).values()


def _stamp(seconds: int) -> str:
    return format_time(seconds)

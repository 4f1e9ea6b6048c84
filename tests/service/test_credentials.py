"""The verifying endpoints, in the shape of the VC API: what they take, say, refuse and bound."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.networks import Network
from ethr_did.core.status_entry import ListEntry
from ethr_did.credentials.data_integrity import sign_data_integrity
from ethr_did.credentials.data_model import CONTEXT_2
from ethr_did.credentials.jose import sign_token
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.sd_jwt import SDJWT
from ethr_did.credentials.sd_jwt_vc import add_key_binding, read_sd_jwt_vc
from ethr_did.credentials.trust import TrustPolicy
from ethr_did.credentials.trust_lists import TrustEntry, TrustList
from ethr_did.service.credentials import VerifyRules, router
from support.issuing import LIFE, Office, wish
from support.offline import (
    NOW,
    AsyncDocuments,
    Documents,
    credential_document,
    person_sd_jwt,
    presented,
    proven_presentation,
    somebody,
    vc_jwt,
)
from support.status_service import backends_of, client_of
from support.triangle import NONCE, SHOP, Triangle, key_of_kind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import httpx

    from ethr_did.chain.local import LocalAccount, LocalChain

ISSUER = somebody("issuer")
HOLDER = somebody("student", KeyKind.SECP256K1)
STRANGER = somebody("stranger", KeyKind.ED25519)
TOKEN = vc_jwt(ISSUER)
PRESENTED = presented(HOLDER, TOKEN)
FORGED = TOKEN[:-8] + ("AAAAAAAA" if TOKEN[-8:] != "AAAAAAAA" else "BBBBBBBB")
FOR_US = {"challenge": NONCE, "domain": SHOP}
SIGNED = dict(
    sign_data_integrity(
        credential_document(ISSUER.did), ISSUER.key, method_id=ISSUER.method_id, now=NOW
    )
)
VC, VP = "/credentials/verify", "/presentations/verify"


def client_with(dids: Any = None, **rules: Any) -> httpx.AsyncClient:
    """A client of a service that knows these people, and demands this."""
    known = dids or AsyncDocuments(Documents(ISSUER, HOLDER, STRANGER))
    backends = backends_of(clock=lambda: float(NOW), dids=known)
    return client_of(router(backends, rules=VerifyRules(**rules)))


@pytest.fixture
def client() -> httpx.AsyncClient:
    """Asks a service that demands nothing by itself."""
    return client_with()


async def verify(
    client: httpx.AsyncClient, subject: Any, path: str = VC, **options: Any
) -> tuple[int, dict[str, Any]]:
    """The status and the result."""
    member = "verifiableCredential" if path == VC else "verifiablePresentation"
    response = await client.post(path, json={member: subject, "options": options})
    assert response.headers["cache-control"] == "no-store"
    found: dict[str, Any] = response.json()
    return response.status_code, found


def codes(result: dict[str, Any]) -> set[str]:
    return {one["code"] for one in result["problemDetails"]}


def envelope(token: str, kind: str = "Credential", media: str = "vc+jwt") -> dict[str, Any]:
    return {
        "@context": CONTEXT_2,
        "type": f"EnvelopedVerifiable{kind}",
        "id": f"data:application/{media},{token}",
    }


# -- what is valid -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "subject",
    [
        pytest.param(TOKEN, id="token"),
        pytest.param(person_sd_jwt(ISSUER), id="sd-jwt"),
        pytest.param(SIGNED, id="object"),
        pytest.param(envelope(TOKEN), id="envelope"),
        pytest.param(envelope(person_sd_jwt(ISSUER), media="dc+sd-jwt"), id="sd-jwt in envelope"),
    ],
)
async def test_a_valid_credential_of_every_form_is_verified(
    client: httpx.AsyncClient, subject: Any
) -> None:
    status, result = await verify(client, subject)
    assert (status, result["verified"], result["verdict"]) == (200, True, "valid")
    assert result["problemDetails"] == []
    checks = {one["check"]: one["outcome"] for one in result["report"]["credentials"][0]["checks"]}
    assert checks["signature"] == checks["key"] == checks["validity"] == "passed"


@pytest.mark.parametrize(
    "subject", [PRESENTED, envelope(PRESENTED, "Presentation", "vp+jwt")], ids=["token", "envelope"]
)
async def test_a_valid_presentation_is_verified_with_all_credentials_in_it(
    client: httpx.AsyncClient, subject: Any
) -> None:
    status, result = await verify(client, subject, VP, **FOR_US)
    assert (status, result["verified"]) == (200, True)
    assert result["report"]["holder"] == HOLDER.did
    assert [one["verdict"] for one in result["report"]["credentials"]] == ["valid"]


async def test_an_object_with_a_proof_for_authentication_is_a_presentation() -> None:
    holder = somebody("student", KeyKind.ED25519)
    client = client_with(AsyncDocuments(Documents(ISSUER, holder)))
    shown = proven_presentation(holder, TOKEN)
    status, result = await verify(client, shown, VP, **FOR_US)
    assert (status, result["verified"]) == (200, True), result
    assert result["report"]["presentation"] == "DataIntegrityProof"

    other = {**FOR_US, "challenge": "another"}
    status, result = await verify(client, shown, VP, **other)
    assert (status, codes(result)) == (400, {"nonce_mismatch"})
    status, problem = await verify(client, shown)
    assert (status, problem["code"]) == (400, "invalid_option")


async def test_an_sd_jwt_with_key_binding_is_a_presentation(client: httpx.AsyncClient) -> None:
    key = key_of_kind(KeyKind.P256, "phone")
    read = read_sd_jwt_vc(person_sd_jwt(ISSUER, cnf={"jwk": key.public.to_jwk()})).sd_jwt
    bare = SDJWT(jwt=read.jwt, disclosures=read.disclosures)
    shown = add_key_binding(
        bare, key, algorithm=key.public.algorithms[0], nonce=NONCE, audience=SHOP, now=NOW
    )
    status, result = await verify(client, shown, VP, **FOR_US)
    assert (status, result["verified"]) == (200, True), result


async def test_without_trusted_issuers_the_answer_says_that_nobody_was_judged(
    client: httpx.AsyncClient,
) -> None:
    _, result = await verify(client, TOKEN)
    (warning,) = result["warnings"]
    assert warning["check"] == "trust"
    assert warning["detail"] == "nobody was named whose credentials are accepted"


async def test_the_service_trusts_whom_its_configuration_names() -> None:
    entry = TrustEntry(issuer=ISSUER.did, types=("DegreeCredential",))
    trust = TrustPolicy(sources=(TrustList(entries=(entry,)),))
    client = client_with(policy=Policy(trust=trust))
    status, result = await verify(client, TOKEN)
    assert (status, result["warnings"]) == (200, [])
    status, result = await verify(client, vc_jwt(STRANGER))
    assert (status, result["verified"]) == (400, False)
    assert {one["check"] for one in result["problemDetails"]} == {"trust"}


async def test_what_was_verified_and_single_results_come_back_if_asked_for(
    client: httpx.AsyncClient,
) -> None:
    _, result = await verify(client, SIGNED, returnCredential=True, returnResults=True)
    assert result["verifiableCredential"] == SIGNED
    results = result["results"]
    assert results["proof"] == [{"verified": True}]
    assert results["validUntil"] == {"verified": True, "input": "2027-01-01T00:00:00Z"}
    _, result = await verify(client, PRESENTED, VP, returnResults=True, **FOR_US)
    shown = result["results"]["presentation"]
    assert shown["challenge"] == shown["domain"] == {"verified": True}
    assert shown["holder"] == {"verified": True, "input": HOLDER.did}
    assert [one["verified"] for one in result["results"]["credentials"]] == [True]
    assert "verifiablePresentation" not in result
    _, result = await verify(client, TOKEN, returnProblemDetails=False)
    assert set(result) == {"verified", "verdict", "report"}


# -- what is not ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("subject", "code", "kind"),
    [
        (FORGED, "bad_signature", "CRYPTOGRAPHIC_SECURITY_ERROR"),
        ({**SIGNED, "id": "urn:another"}, "bad_signature", "CRYPTOGRAPHIC_SECURITY_ERROR"),
        (vc_jwt(ISSUER, validUntil="2025-12-31T00:00:00Z"), "expired", "RANGE_ERROR"),
        (vc_jwt(ISSUER, validFrom="2026-06-01T00:00:00Z"), "not_yet_valid", "RANGE_ERROR"),
        ({**SIGNED, "proof": None}, "malformed", "MALFORMED_VALUE_ERROR"),
        ({**SIGNED, "@context": []}, "malformed", "MALFORMED_VALUE_ERROR"),
        ("no token", "malformed", "MALFORMED_VALUE_ERROR"),
        ({}, "malformed", "MALFORMED_VALUE_ERROR"),
        (envelope(TOKEN) | {"type": ["VerifiableCredential"]}, "malformed", "MALFORMED_VALUE"),
    ],
)
async def test_what_is_not_valid_is_told_as_a_problem_and_no_success(
    client: httpx.AsyncClient, subject: Any, code: str, kind: str
) -> None:
    status, result = await verify(client, subject)
    assert (status, result["verified"], result["verdict"]) == (400, False, "invalid")
    assert code in codes(result)
    assert any(kind in one["type"] for one in result["problemDetails"])


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"challenge": "another", "domain": SHOP}, "nonce_mismatch"),
        ({"challenge": NONCE, "domain": "https://other.example"}, "audience_mismatch"),
        ({**FOR_US, "require": ["credentialSubject.age"]}, "claims_missing"),
        ({**FOR_US, "requireStatus": True}, "no_status"),
    ],
)
async def test_a_presentation_must_be_what_the_options_demand(
    client: httpx.AsyncClient, options: dict[str, Any], code: str
) -> None:
    status, result = await verify(client, PRESENTED, VP, **options)
    assert (status, code in codes(result)) == (400, True), result


async def test_a_credential_that_nobody_presents_is_no_presentation(
    client: httpx.AsyncClient,
) -> None:
    status, result = await verify(client, TOKEN, VP, **FOR_US)
    assert (status, codes(result)) == (400, {"not_presented"})


async def test_a_presentation_is_no_credential(client: httpx.AsyncClient) -> None:
    status, problem = await verify(client, PRESENTED)
    assert (status, problem["code"]) == (400, "invalid_option")
    assert "/presentations/verify" in problem["hint"]


async def test_one_bad_credential_spoils_a_presentation_and_is_named(
    client: httpx.AsyncClient,
) -> None:
    status, result = await verify(client, presented(HOLDER, TOKEN, FORGED), VP, **FOR_US)
    assert status == 400
    assert {one["credential"] for one in result["problemDetails"]} == {"credential 2"}


async def test_options_cannot_take_away_what_the_service_demands() -> None:
    client = client_with(policy=Policy(require_status=True, max_age=60))
    _, result = await verify(client, TOKEN, requireStatus=False, maxAge=10**9)
    assert codes(result) >= {"no_status"}


# -- what is not known ---------------------------------------------------------------------------


async def test_what_could_not_be_found_out_is_neither_valid_nor_invalid(
    client: httpx.AsyncClient,
) -> None:
    stranger = somebody("nobody")
    nowhere = {"type": "BitstringStatusListEntry", "statusPurpose": "revocation"} | {
        "statusListIndex": "7",
        "statusListCredential": "https://lists.example/1",
    }
    token = vc_jwt(ISSUER, credentialStatus=nowhere)
    status, result = await verify(client, token)
    assert (status, result["verified"], result["verdict"]) == (503, False, "undetermined")
    assert {one["type"].partition("#")[2] for one in result["problemDetails"]} == {
        "STATUS_RETRIEVAL_ERROR"
    }
    status, result = await verify(client, vc_jwt(stranger))
    assert (status, result["verdict"]) == (400, "invalid")  # the DID does not exist


async def test_a_presentation_without_a_challenge_asks_for_one(client: httpx.AsyncClient) -> None:
    status, result = await verify(client, PRESENTED, VP)
    assert (status, result["verdict"]) == (400, "undetermined")
    assert codes(result) == {"nonce_unknown", "audience_unknown"}
    status, result = await verify(client, PRESENTED, VP, unbound=True)
    assert (status, result["verified"]) == (200, True)


async def test_a_verification_that_takes_too_long_is_not_a_yes() -> None:
    class Slow:
        async def resolve_many(self, dids: Sequence[str], **_more: Any) -> list[Any]:
            _ = dids
            await asyncio.sleep(60)
            raise AssertionError

    for subject in (TOKEN, vc_jwt(ISSUER, text="x" * 5000)):
        status, result = await verify(client_with(Slow(), seconds=0.02), subject)
        assert (status, result["verified"], result["verdict"]) == (503, False, "undetermined")
        assert codes(result) == {"deadline"}


async def test_a_report_does_not_name_the_nodes_of_the_service() -> None:
    node = "http://127.0.0.1:1"
    dev = Network(name="dev", chain_id=31337, did_registry="0x" + "11" * 20, rpc_url=node)
    client = client_of(router(backends_of(dev, clock=lambda: float(NOW))))
    issuer = somebody("x", KeyKind.ACCOUNT)
    did = f"did:ethr:dev:{issuer.key.public}"
    token = vc_jwt(
        type(issuer)(
            did=did, key=issuer.key, method_id=f"{did}#controller", algorithm=issuer.algorithm
        )
    )
    response = await client.post(VC, json={"verifiableCredential": token})
    assert response.status_code == 503
    assert "127.0.0.1" not in response.text
    assert "the node" in response.text


# -- requests that are wrong ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        (VC, b"", "invalid_input"),
        (VC, b"nothing", "invalid_input"),
        (VC, b"[]", "invalid_option"),
        (VC, b"{}", "invalid_option"),
        (VC, b'{"verifiableCredential":7}', "invalid_option"),
        (VC, b'{"verifiableCredential":"x","verifiableCredential":"y"}', "invalid_input"),
        (VC, b'{"verifiableCredential":"\\ud800"}', "invalid_input"),
        (VC, b'{"verifiableCredential":"x","credential":"y"}', "invalid_option"),
        (VC, b'{"verifiableCredential":"x","options":[]}', "invalid_option"),
        (VC, b'{"verifiableCredential":"x","options":{"trust":"all"}}', "unknown_option"),
        (VC, b'{"verifiableCredential":"x","options":{"challenge":"n"}}', "unknown_option"),
        (VC, b'{"verifiableCredential":"x","options":{"policy":null}}', "invalid_option"),
        (VC, b'{"verifiableCredential":"x","options":{"checks":"proof"}}', "invalid_option"),
        (VC, b'{"verifiableCredential":"x","options":{"require":[1]}}', "invalid_option"),
        (VC, b'{"verifiableCredential":"x","options":{"maxAge":-1}}', "invalid_option"),
        (VC, b'{"verifiableCredential":"x","options":{"maxAge":true}}', "invalid_option"),
        (VC, b'{"verifiableCredential":"x","options":{"policy":{}}}', "invalid_option"),
        (VC, b'{"verifiableCredential":"x","options":{"holder":"me"}}', "invalid_option"),
        (VC, b'{"verifiableCredential":"x","options":{"requireStatus":1}}', "invalid_option"),
        (VC, b'{"verifiableCredential":"x","options":{"existence":[{}]}}', "invalid_credential"),
        (VC, b'{"verifiableCredential":"x","options":{"existence":{}}}', "invalid_option"),
        (VP, b'{"presentation":{}}', "invalid_option"),
        (VP, b'{"verifiablePresentation":"x","options":{"challenge":""}}', "invalid_option"),
        (VP, b'{"verifiablePresentation":"x","options":{"query":{}}}', "invalid_query"),
        (VP, b'{"verifiablePresentation":"x","vpToken":{}}', "invalid_option"),
        (VP, b'{"vpToken":{}}', "invalid_option"),
        (VC, b'{"verifiableCredential":' + b"[" * 99 + b"]" * 99 + b"}", "invalid_input"),
    ],
)
async def test_a_request_that_is_wrong_is_a_problem_and_no_result(
    client: httpx.AsyncClient, path: str, body: bytes, code: str
) -> None:
    response = await client.post(path, content=body)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (400, code)
    assert response.headers["content-type"] == "application/problem+json"
    if code == "unknown_option":
        assert problem["type"] == "https://www.w3.org/TR/vc-api#UNKNOWN_OPTION_PROVIDED"


@pytest.mark.parametrize(
    "broken",
    [
        {"@context": []},
        {"@context": "https://www.w3.org/ns/credentials/examples/v2"},
        {"@context": None},
        {"id": TOKEN},
        {"id": "data:text/html,hello"},
        {"id": 7},
    ],
)
async def test_a_broken_envelope_is_refused(
    client: httpx.AsyncClient, broken: dict[str, Any]
) -> None:
    for path, made in (
        (VC, envelope(TOKEN)),
        (VP, envelope(PRESENTED, "Presentation", "vp+jwt")),
    ):
        status, problem = await verify(client, {**made, **broken}, path)
        assert (status, problem["code"]) == (400, "invalid_credential")


async def test_types_of_any_shape_are_no_fault(client: httpx.AsyncClient) -> None:
    shapes: list[Any] = [[{}], {}, 7, [[]], None]
    for kinds in shapes:
        status, result = await verify(client, {**SIGNED, "type": kinds})
        assert (status, result["verified"]) == (400, False)


async def test_a_body_beyond_all_bounds_is_refused(client: httpx.AsyncClient) -> None:
    response = await client.post(VC, content=b" " * ((6 << 20) + 1))
    assert (response.status_code, response.json()["code"]) == (413, "too_large")


async def test_a_presentation_of_too_many_credentials_is_not_opened(
    client: httpx.AsyncClient,
) -> None:
    claims = {
        "@context": [CONTEXT_2],
        "type": ["VerifiablePresentation"],
        "holder": HOLDER.did,
        "verifiableCredential": [envelope("e30.e30.e30")] * 65,
    }
    header = {"alg": HOLDER.algorithm.value, "typ": "vp+jwt", "kid": HOLDER.method_id}
    many = sign_token(header, claims, HOLDER.key)
    status, result = await verify(client, many, VP, **FOR_US)
    assert (status, codes(result)) == (400, {"malformed"})


async def test_what_this_service_does_not_do_is_said(client: httpx.AsyncClient) -> None:
    for path in ("/credentials/issue", "/challenges"):
        response = await client.post(path, json={})
        assert (response.status_code, response.json()["code"]) == (501, "not_implemented")


# -- large ones ----------------------------------------------------------------------------------


async def test_the_loop_goes_on_while_a_large_one_is_verified(client: httpx.AsyncClient) -> None:
    claims = {f"k{i}": {"a": [1, 2, 3], "b": "x" * 10} for i in range(8000)}
    subject = credential_document(ISSUER.did, credentialSubject={"id": HOLDER.did, **claims})
    large = sign_data_integrity(subject, ISSUER.key, method_id=ISSUER.method_id, now=NOW)
    body = json.dumps({"verifiableCredential": large}).encode()
    task = asyncio.create_task(client.post(VC, content=body))
    turns = 0
    while not task.done():
        await asyncio.sleep(0.001)
        turns += 1
    assert (await task).status_code == 200
    assert turns > 10


async def test_large_and_small_ones_say_the_same(client: httpx.AsyncClient) -> None:
    small = await verify(client, TOKEN)
    padded = {"verifiableCredential": TOKEN, "options": {"checks": ["x" * 2000] * 3}}
    large = await client.post(VC, json=padded)
    assert (large.status_code, large.json()) == small


# -- any text ------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [TOKEN, json.dumps(SIGNED), f"\n {TOKEN}\n", json.dumps(TOKEN)])
async def test_the_text_of_anything_is_verified_as_it_is(
    client: httpx.AsyncClient, text: str
) -> None:
    response = await client.post("/v1/verify", content=text)
    assert (response.status_code, response.json()["verdict"]) == (200, "valid")


async def test_options_of_a_text_stand_in_the_query(client: httpx.AsyncClient) -> None:
    asked: list[tuple[str, str | int | float | bool | None]] = [
        *FOR_US.items(),
        ("require", "credentialSubject.degree"),
        ("maxAge", "9999999"),
    ]
    response = await client.post("/v1/verify", params=asked, content=PRESENTED)
    assert (response.status_code, response.json()["verdict"]) == (200, "valid")
    none = await client.post("/v1/verify", params=[("require", "nothing")], content=TOKEN)
    assert (none.status_code, none.json()["verdict"]) == (400, "invalid")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("nonce=1", "unknown_option"),
        ("challenge=1&challenge=2", "invalid_option"),
        ("maxAge=x", "invalid_option"),
        ("unbound=yes", "invalid_option"),
    ],
)
async def test_options_of_a_text_that_are_wrong_are_refused(
    client: httpx.AsyncClient, query: str, code: str
) -> None:
    response = await client.post(f"/v1/verify?{query}", content=TOKEN)
    assert (response.status_code, response.json()["code"]) == (400, code)


# -- queries -------------------------------------------------------------------------------------


async def test_the_answer_to_a_query_is_verified_as_a_whole(client: httpx.AsyncClient) -> None:
    query = {
        "credentials": [
            {
                "id": "degree",
                "format": "jwt_vc_json",
                "meta": {"type_values": [["DegreeCredential"]]},
            }
        ]
    }
    options = {**FOR_US, "query": query, "returnResults": True}
    body = {"vpToken": {"degree": [PRESENTED]}, "options": options}
    response = await client.post(VP, json=body)
    result = response.json()
    assert (response.status_code, result["verified"]) == (200, True), result
    assert len(result["results"]["presentations"]) == 1
    body = {"vpToken": {"another": [PRESENTED]}, "options": options}
    response = await client.post(VP, json=body)
    assert (response.status_code, response.json()["verified"]) == (400, False)
    body = {"vpToken": {"degree": 7}, "options": options}
    response = await client.post(VP, json=body)
    assert (response.status_code, response.json()["verified"]) == (400, False)


# -- on a real chain -----------------------------------------------------------------------------


async def test_on_a_real_chain_a_revocation_is_seen(
    chain: LocalChain,
    status_network: Network,
    alice: LocalAccount,
    bob: LocalAccount,
    tmp_path: Path,
) -> None:
    door = status_network.chain(retries=0)
    triangle = Triangle(
        office=Office(chain=chain, network=status_network, door=door, root=tmp_path)
    )
    issuer, holder = triangle.owner(alice), triangle.owner(bob)
    registry = triangle.office.issuer(alice).registry
    entry = ListEntry(registry=registry, list_id=LIFE, index=7)
    token = triangle.vc_jwt(issuer, holder.did, credentialStatus=entry.to_dict())
    shown = triangle.vp_jwt(holder, token)
    backends = backends_of(status_network, clock=lambda: float(triangle.now))
    client = client_of(router(backends))
    status, result = await verify(client, shown, VP, returnResults=True, **FOR_US)
    assert (status, result["verified"]) == (200, True), result
    (told,) = result["report"]["credentials"][0]["statuses"]
    assert told["readAt"]["blockNumber"] == chain.head.number
    triangle.office.issuer(alice).apply([wish(LIFE, 7, 1)], triangle.office.sender(alice))
    status, result = await verify(client, shown, VP, returnResults=True, **FOR_US)
    assert (status, codes(result)) == (400, {"status_revoked"})
    (entry_result,) = result["results"]["credentials"][0]["results"]["credentialStatus"]
    assert entry_result == {"verified": False, "value": 1, "status": "revoked"}

"""``/v1/status``: what is asked for, what comes back, how long it may be kept. On a real chain."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.status_entry import Anchor, BitstringEntry, ContractId, Registry2019Entry
from ethr_did.core.status_list import Flag, Purpose, status_key
from ethr_did.service.statuses import router
from support.status_node import Refusal
from support.status_service import Standing, backends_of, client_of
from support.status_stage import LIFECYCLE, LIST, StatusStage, list_id

if TYPE_CHECKING:
    import httpx

    from ethr_did.chain.local import LocalAccount, LocalChain
    from ethr_did.chain.networks import Network

DIGEST = b"\x0d" * 32
SALT = b"\x5a" * 32
ANCHORED = list_id(flags=Flag.ANCHORED)


@pytest.fixture
def stage(chain: LocalChain, status_network: Network) -> StatusStage:
    """The status contracts, and a node that has no faults yet."""
    return StatusStage(chain=chain, network=status_network)


@pytest.fixture
def client(stage: StatusStage) -> httpx.AsyncClient:
    """Asks the endpoints."""
    return client_on(stage)


def client_on(stage: StatusStage, **network: Any) -> httpx.AsyncClient:
    backends = backends_of(
        stage.asked(**network), clock=lambda: float(stage.now), watch=Standing("as ever")
    )
    return client_of(router(backends, seconds=4, most=8))


def question(stage: StatusStage, issuer: LocalAccount, entry: Any, **more: Any) -> dict[str, Any]:
    given = entry if isinstance(entry, dict) else entry.to_dict()
    return {"entry": given, "issuer": stage.did(issuer).text, **more}


async def ask(client: httpx.AsyncClient, *questions: Any, **more: Any) -> list[dict[str, Any]]:
    """The answers to a batch."""
    response = await client.post("/v1/status", json={"questions": list(questions), **more})
    assert response.status_code == 200, response.text
    assert response.headers["cache-control"] == "no-store"
    answers: list[dict[str, Any]] = response.json()["answers"]
    assert len(answers) == len(questions)
    return answers


def path_of(stage: StatusStage, issuer: LocalAccount, index: int | str = 7) -> str:
    return f"/v1/status/lists/{stage.did(issuer).text}/{LIST.text}/{index}"


def record_path(stage: StatusStage, issuer: LocalAccount) -> str:
    key = "0x" + status_key(SALT, DIGEST).hex()
    return f"/v1/status/records/{stage.did(issuer).text}/{key}"


# -- batches -------------------------------------------------------------------------------------


async def test_a_batch_has_one_answer_for_each_question_in_order(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount, bob: LocalAccount
) -> None:
    stage.set_status(alice, LIFECYCLE, 5, 2)
    stage.set_record(bob, SALT, DIGEST)
    answers = await ask(
        client,
        question(stage, alice, stage.entry(LIFECYCLE, 4)),
        question(stage, alice, stage.entry(LIFECYCLE, 5)),
        question(stage, bob, stage.record(SALT), digest="0x" + DIGEST.hex()),
    )
    assert [one["status"] for one in answers] == ["valid", "suspended", "revoked"]
    assert [one["valid"] for one in answers] == [True, False, False]
    assert {one["readAt"]["blockNumber"] for one in answers} == {stage.head}


async def test_what_cannot_be_found_out_is_an_answer_of_its_own_and_spoils_no_other(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    foreign = stage.entry(LIST, 1).to_dict() | {"registry": "eip155:31337:0x" + "11" * 20}
    anchored = BitstringEntry(
        list_url="https://lists.example/1",
        index=3,
        purpose=Purpose.REVOCATION,
        anchor=Anchor(registry=ContractId(31337, stage.anchors), list_id=ANCHORED),
    )
    legacy = Registry2019Entry(network="dev", registry=stage.statuses)
    answers = await ask(
        client,
        question(stage, alice, {"type": "SomethingElse"}),
        question(stage, alice, foreign),
        question(stage, alice, stage.record(SALT)),
        question(stage, alice, anchored),
        question(stage, alice, {"status_list": {"idx": 1, "uri": "https://lists.example/2"}}),
        question(stage, alice, legacy, token="e30.e30.e30"),
        {"entry": stage.entry(LIST, 1).to_dict(), "issuer": "did:web:uni.example"},
        question(stage, alice, stage.entry(LIST, 1)),
    )
    assert [one["status"] for one in answers] == [*["undetermined"] * 7, "valid"]
    assert [one["reason"]["code"] for one in answers[:-1]] == [
        "invalid_status_entry",
        "invalid_status_entry",
        "status_undetermined",
        "status_undetermined",
        "status_undetermined",
        "status_undetermined",
        "unsupported_method",
    ]


async def test_a_node_that_fails_makes_answers_undetermined_and_is_not_named(
    stage: StatusStage, alice: LocalAccount
) -> None:
    secret = "http://127.0.0.1:1"
    client = client_on(stage, provider=None, rpc_url=f"{secret}/v3/{'5a' * 16}")
    (answer,) = await ask(client, question(stage, alice, stage.entry(LIST, 1)))
    assert answer["status"] == "undetermined"
    assert answer["reason"]["code"] == "node_unreachable"
    assert "127.0.0.1" not in json.dumps(answer)
    assert "the node" in answer["reason"]["message"]


async def test_a_batch_can_ask_about_the_past(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    before = stage.mine()
    moment = stage.now
    stage.set_status(alice, LIST, 7)
    asked = question(stage, alice, stage.entry(LIST, 7))
    for when in ({"atBlock": before}, {"atTime": moment}, {"policy": "finalized"}):
        stage.node.final = before
        (answer,) = await ask(client, asked, **when)
        assert answer["status"] == "valid", when
    (now,) = await ask(client, asked, exactSince=True, times=True)
    assert (now["status"], now["changedAt"], now["sinceExact"]) == ("revoked", stage.now, True)


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 400, "invalid_input"),
        (b"[]", 400, "invalid_option"),
        (b"{}", 400, "invalid_option"),
        (b'{"questions":[]}', 400, "invalid_option"),
        (b'{"questions":[1]}', 400, "invalid_option"),
        (b'{"questions":[{"entry":1,"issuer":"did:ethr:0x"}]}', 400, "invalid_option"),
        (b'{"questions":[{"entry":{}}]}', 400, "invalid_option"),
        (b'{"questions":[{"entry":{},"issuer":"x","digest":"0x"}]}', 400, "invalid_status_entry"),
        (b'{"questions":[{"entry":{},"issuer":"x","token":7}]}', 400, "invalid_option"),
        (b'{"questions":[{"entry":{},"issuer":"x","isuer":"x"}]}', 400, "invalid_option"),
        (b'{"questions":[{"entry":{},"issuer":"x"}],"atBlok":1}', 400, "invalid_option"),
        (b'{"questions":[{"entry":{},"issuer":"x"}],"atBlock":-1}', 400, "invalid_option"),
        (b'{"questions":[{"entry":{},"issuer":"x"}],"atBlock":true}', 400, "invalid_option"),
        (b'{"questions":[{"entry":{},"issuer":"x"}],"atBlock":"1"}', 400, "invalid_option"),
        (b'{"questions":[{"entry":{},"issuer":"x"}],"atBlock":null}', 400, "invalid_option"),
        (b'{"questions":[{"entry":{},"issuer":"x","token":null}]}', 400, "invalid_option"),
        (b'{"questions":[{"entry":{},"issuer":"x"}],"atTime":"now"}', 400, "invalid_option"),
        (
            b'{"questions":[{"entry":{},"issuer":"x"}],"atTime":9007199254740992}',
            400,
            "invalid_option",
        ),
        (b'{"questions":[{"entry":{},"issuer":"x"}],"policy":"newest"}', 400, "invalid_option"),
        (b'{"questions":[{"entry":{},"issuer":"x"}],"times":1}', 400, "invalid_option"),
        (
            b'{"questions":[{"entry":{},"issuer":"x"}],"atTime":1,"atBlock":1}',
            400,
            "invalid_option",
        ),
        (b'{"questions":[],"questions":[]}', 400, "invalid_input"),
        (b"[" * 100_000, 400, "invalid_input"),
    ],
)
async def test_a_request_that_is_wrong_is_refused(
    client: httpx.AsyncClient, body: bytes, status: int, code: str
) -> None:
    response = await client.post("/v1/status", content=body)
    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.content) < 1000


async def test_more_questions_than_are_answered_at_once_are_refused(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    many = [question(stage, alice, stage.entry(LIST, i)) for i in range(9)]
    response = await client.post("/v1/status", json={"questions": many})
    assert (response.status_code, response.json()["code"]) == (400, "invalid_option")
    assert len(await ask(client, *many[:8])) == 8


# -- single ones ---------------------------------------------------------------------------------


async def test_one_entry_is_asked_for_by_its_path(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    block = stage.set_status(alice, LIST, 7)
    found = (await client.get(path_of(stage, alice), params={"times": "true"})).json()
    assert found["status"] == "revoked"
    assert found["changedBlock"] == block
    assert found["changedAt"] == stage.now
    assert found["issuer"] == stage.did(alice).text
    assert found["entry"] == stage.entry(LIST, 7).to_dict()
    encoded = path_of(stage, alice).replace(":", "%3A")
    assert (await client.get(encoded)).json()["status"] == "revoked"


async def test_one_record_is_asked_for_by_its_key(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    assert (await client.get(record_path(stage, alice))).json()["status"] == "valid"
    stage.set_record(alice, SALT, DIGEST)
    found = (await client.get(record_path(stage, alice))).json()
    assert (found["status"], found["terminal"], found["sinceExact"]) == ("revoked", True, True)
    assert found["record"]["key"] == "0x" + status_key(SALT, DIGEST).hex()


async def test_an_answer_about_now_may_be_kept_for_as_long_as_a_block_takes(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    first = await client.get(path_of(stage, alice))
    assert first.headers["cache-control"] == "max-age=4, must-revalidate"
    again = await client.get(
        path_of(stage, alice), headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]
    stage.set_status(alice, LIST, 7)
    weak = f'"other", W/{first.headers["etag"]}'
    changed = await client.get(path_of(stage, alice), headers={"If-None-Match": weak})
    assert (changed.status_code, changed.json()["status"]) == (200, "revoked")


async def test_only_an_answer_that_is_final_is_for_ever(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    block = stage.set_status(alice, LIST, 7)
    moment = stage.now
    stage.mine(3)
    path = path_of(stage, alice)
    for when in ({"atBlock": block}, {"atTime": moment}):
        stage.node.final = block - 1
        soon = await client.get(path, params=when)
        stage.node.final = stage.head
        late = await client.get(path, params=when)
        assert [one.json()["status"] for one in (soon, late)] == ["revoked", "revoked"]
        assert soon.headers["cache-control"] == "max-age=4, must-revalidate"
        assert late.headers["cache-control"] == "max-age=31536000, immutable"


async def test_the_time_of_the_final_block_itself_is_not_over_for_good(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    stage.node.final = stage.mine()
    asked = {"atTime": stage.now}
    response = await client.get(path_of(stage, alice), params=asked)
    assert response.headers["cache-control"] == "max-age=4, must-revalidate"


async def test_what_is_not_known_is_kept_nowhere(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    def refuse(_params: Any, _answer: Any) -> Any:
        raise Refusal("out of order")

    stage.node.rewrite["eth_call"] = refuse
    response = await client.get(path_of(stage, alice))
    assert (response.status_code, response.json()["status"]) == (200, "undetermined")
    assert response.headers["cache-control"] == "no-store"


async def test_a_block_still_to_come_is_not_known(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    response = await client.get(path_of(stage, alice), params={"atBlock": stage.head + 1})
    assert response.json()["reason"]["code"] == "not_found"
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("path", "refusal"),
    [
        ("lists/{did}/{list}/07", (400, "invalid_status_entry")),
        ("lists/{did}/{list}/131072", (404, "not_found")),
        ("lists/{did}/0x5a/7", (400, "invalid_status_list")),
        ("lists/{did}/{nonsense}/7", (404, "not_found")),
        ("lists/{did}/{anchored}/7", (404, "not_found")),
        ("lists/did:web:uni.example/{list}/7", (501, "unsupported_method")),
        ("lists/nobody/{list}/7", (400, "invalid_did")),
        ("lists/did:ethr:elsewhere:0x{zeros}/{list}/7", (404, "unknown_network")),
        ("lists/did:ethr:sepolia:0x{zeros}/{list}/7", (404, "invalid_configuration")),
        ("records/{did}/0x5a", (400, "invalid_status_entry")),
        ("lists/{did}/{list}/7?atBlock=x", (400, "invalid_option")),
        ("lists/{did}/{list}/7?atTime=9007199254740992", (400, "invalid_option")),
        ("lists/{did}/{list}/7?atBlock=1&atTime=1", (400, "invalid_option")),
        ("lists/{did}/{list}/7?atBlock=1&atBlock=2", (400, "invalid_option")),
        ("lists/{did}/{list}/7?atblock=1", (400, "invalid_option")),
        ("lists/{did}/{list}/7?policy=", (400, "invalid_option")),
        ("lists/{did}/{list}/7?times=yes", (400, "invalid_option")),
        ("lists/{did}/{list}/7/history?atBlock=1", (400, "invalid_option")),
        ("lists/{did}/{anchored}/7/history", (404, "not_found")),
    ],
)
async def test_a_path_that_is_wrong_is_refused(
    client: httpx.AsyncClient,
    stage: StatusStage,
    alice: LocalAccount,
    path: str,
    refusal: tuple[int, str],
) -> None:
    names = {
        "did": stage.did(alice).text,
        "list": LIST.text,
        "anchored": ANCHORED.text,
        "nonsense": "0x" + "ff" * 32,
        "zeros": "0" * 40,
    }
    response = await client.get("/v1/status/" + path.format(**names))
    assert (response.status_code, response.json()["code"]) == refusal
    assert response.headers["cache-control"] == "no-store"


# -- histories -----------------------------------------------------------------------------------


async def test_a_history_has_every_change_and_names_its_block(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    first = stage.set_status(alice, LIST, 7, 1)
    stage.set_status(alice, LIST, 8, 1)
    last = stage.set_status(alice, LIST, 7, 0)
    stage.node.final = first
    response = await client.get(path_of(stage, alice) + "/history")
    found = response.json()
    assert [(one["blockNumber"], one["value"]) for one in found["changes"]] == [
        (first, 1),
        (last, 0),
    ]
    assert found["readAt"]["blockNumber"] == stage.head
    assert found["finalBlock"] == first
    assert response.headers["cache-control"] == "max-age=4, must-revalidate"


async def test_a_record_has_a_history_too(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    block = stage.set_record(alice, SALT, DIGEST, 2)
    stage.node.final = None
    found = (await client.get(record_path(stage, alice) + "/history")).json()
    assert [(one["blockNumber"], one["value"]) for one in found["changes"]] == [(block, 2)]
    assert "finalBlock" not in found


async def test_a_history_that_cannot_be_read_is_a_problem_of_the_service(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 7)
    stage.node.rewrite["eth_getLogs"] = lambda _params, _logs: []
    response = await client.get(path_of(stage, alice) + "/history")
    assert response.status_code == 503
    assert response.json()["code"] == "history_missing"


# -- methods -------------------------------------------------------------------------------------


async def test_head_is_as_get_and_other_methods_are_refused(
    client: httpx.AsyncClient, stage: StatusStage, alice: LocalAccount
) -> None:
    got = await client.get(path_of(stage, alice))
    head = await client.head(path_of(stage, alice))
    assert (head.status_code, head.headers["etag"]) == (200, got.headers["etag"])
    assert (await client.delete(path_of(stage, alice))).status_code == 405
    assert (await client.get("/v1/status")).status_code == 405


def test_networks_without_status_contracts_are_no_fault(stage: StatusStage) -> None:
    bare = replace(stage.asked(), status_registry=None)
    assert router(backends_of(bare, clock=lambda: 0.0)).routes

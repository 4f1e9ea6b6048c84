"""Whatever credentials and nodes say, the answer is a status, and never "valid" by mistake."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ethr_did import Network
from ethr_did.chain.local import LocalChain
from ethr_did.core.status_answer import StatusKind
from ethr_did.errors import EthrDIDError
from ethr_did.status.reading import StatusQuestion, StatusReader
from support.status_chain import deploy_status
from support.status_node import StatusNode
from support.status_stage import LIFECYCLE, LIST, StatusStage
from support.strategies import json_values

if TYPE_CHECKING:
    from collections.abc import Mapping

REGISTRY = "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"
CONTRACT = f"eip155:31337:{REGISTRY}"
ISSUER = "did:ethr:dev:0x2b5ad5c4795c026514f8317c7a215e218dccd6cf"
WORD = "0x" + "11" * 32
LIST_TEXT = "0x01000000" + "11" + "5a" * 27
ANCHORED = "0x01000004" + "11" + "5a" * 27
ENTRIES: tuple[Mapping[str, Any], ...] = (
    {
        "type": "EthereumStatusListEntry",
        "registry": CONTRACT,
        "listId": LIST_TEXT,
        "statusListIndex": "94567",
        "statusPurpose": "revocation",
        "statusSize": 1,
    },
    {"type": "EthereumStatusRecordEntry", "registry": CONTRACT, "salt": WORD},
    {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "7",
        "statusListCredential": "https://example.com",
        "statusSize": 1,
        "statusMessage": [],
        "anchor": {"registry": CONTRACT, "listId": ANCHORED},
    },
    {"status_list": {"idx": 1, "uri": "https://example.com"}},
    {"type": "EthrStatusRegistry2019", "id": f"dev:{REGISTRY}"},
    {
        "type": "EthrRevocationRegistry2022",
        "chainId": "31337",
        "registry": REGISTRY,
        "namespace": REGISTRY,
        "revocationList": WORD,
        "revocationKey": WORD,
    },
)


@st.composite
def entries(draw: st.DrawFn) -> dict[str, Any]:
    """An entry with a member or two that are something else."""
    entry = dict(draw(st.sampled_from(ENTRIES)))
    for member in draw(st.lists(st.sampled_from(sorted(entry)), max_size=2)):
        entry[member] = draw(json_values)
    return entry


@settings(max_examples=300, deadline=None)
@given(
    issuer=st.just(ISSUER) | json_values,
    status=json_values | entries() | st.lists(json_values | entries(), max_size=3),
    other=json_values | entries(),
    token=st.none() | st.text(),
)
def test_credential_of_any_form_has_a_status_and_none_is_valid(
    issuer: Any, status: Any, other: Any, token: str | None
) -> None:
    network = Network(name="dev", chain_id=31337, did_registry=REGISTRY, status_registry=REGISTRY)
    credential = {"issuer": issuer, "credentialStatus": status, "vc": other, "status": other}
    found = StatusReader([network]).read_credential(credential, token=token)
    assert all(one.kind is StatusKind.UNDETERMINED for one in found)


REMEMBERED: dict[str, Any] = {}
"""What the chain answered; it stands still."""


@functools.cache
def stage() -> StatusStage:
    """A chain on which something happened."""
    chain = LocalChain()
    stage = StatusStage(chain=chain, network=deploy_status(chain))
    alice, bob = chain.accounts[:2]
    for value in (2, 0, 1):
        stage.set_status(alice, LIFECYCLE, 1, value)
    stage.set_status(alice, LIST, 1)
    stage.change_owner(alice, bob)
    stage.deactivate(alice, by=bob)
    stage.set_status(alice, LIST, 2)
    return stage


def setup_module() -> None:
    # py-evm raises the recursion limit when it is imported; Hypothesis objects if that happens
    # while it counts.
    stage()


@st.composite
def spoilt(draw: st.DrawFn, answer: Any) -> Any:
    """An answer with something wrong about it, or none."""
    match draw(st.sampled_from(["all", "inside", "shorter", "digit"])), answer:
        case "inside", dict():
            member = draw(st.sampled_from(sorted(answer)))
            return {**answer, member: draw(spoilt(answer[member]) | json_values)}
        case "inside", list() if answer:
            place = draw(st.integers(0, len(answer) - 1))
            return [*answer[:place], draw(spoilt(answer[place])), *answer[place + 1 :]]
        case "shorter", str() | list():
            return answer[: draw(st.integers(0, len(answer)))]
        case "digit", str() if len(answer) > 2:
            place = draw(st.integers(2, len(answer) - 1))
            digit = draw(st.sampled_from("0123456789abcdefg_"))
            return answer[:place] + digit + answer[place + 1 :]
        case _:
            return draw(json_values)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data(), past=st.booleans())
def test_node_that_says_anything_at_all_leads_to_an_answer(
    data: st.DataObject, *, past: bool
) -> None:
    made = stage()
    made.node = node = StatusNode(made.chain)
    node.remember, node.remembered = True, REMEMBERED
    wrong = data.draw(st.sets(st.integers(1, 40), min_size=1, max_size=3))

    def rewrite(_: Any, answer: Any) -> Any:
        return data.draw(spoilt(answer)) if len(node.requests) in wrong else answer

    for method in ("eth_call", "eth_getBlockByNumber", "eth_getLogs", "eth_chainId", "eth_getCode"):
        node.rewrite[method] = rewrite
    alice, bob = made.chain.accounts[:2]
    asked = [
        StatusQuestion(entry=made.entry(listed, index), issuer=made.did(who))
        for listed, index in ((LIST, 1), (LIST, 2), (LIFECYCLE, 1))
        for who in (alice, bob)
    ]
    reader = made.reader()
    found = reader.read_statuses(asked, exact_since=past, times=True)
    assert len(found) == len(asked)
    try:
        reader.read_list(LIST, made.did(alice), at_block=made.head - 2)
        reader.history(made.entry(LIST, 1), made.did(alice))
    except EthrDIDError:
        pass  # any of ours, and nothing else

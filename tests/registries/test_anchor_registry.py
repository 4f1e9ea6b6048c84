"""The anchor registry's reading client: heads, headers, and where a node refuses wide queries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.answer import Head, parse_head
from ethr_did.chain.rpc import Chain
from ethr_did.core.keys import Address, parse_address
from ethr_did.core.status_list import Authority, Flag
from ethr_did.errors import (
    ChainMoved,
    HistoryMissing,
    InvalidAnswer,
    NodeInconsistent,
    NodeRefused,
    RegistryMissing,
)
from ethr_did.registries import anchor_registry
from ethr_did.registries.anchor_registry import AnchorRegistry
from support.status_node import Refusal
from support.status_stage import list_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.chain.local import LocalAccount
    from ethr_did.chain.request import Steps
    from ethr_did.core.status_events import ListAnchored
    from support.status_stage import StatusStage

W3C, OTHER = list_id(flags=Flag.ANCHORED), list_id(flags=Flag.ANCHORED, salt=b"\x66")


def run(stage: StatusStage, steps: Steps[Any]) -> Any:
    """The result of a reading."""
    return Chain([stage.node], retries=0).run(steps)


@pytest.fixture
def registry(stage: StatusStage) -> AnchorRegistry:
    return AnchorRegistry(stage.anchors)


def newest(stage: StatusStage) -> Head:
    """The newest block."""
    return parse_head(stage.ask("eth_getBlockByNumber", "latest", False))


def find(
    stage: StatusStage, who: LocalAccount, head: bytes, *, first_block: int = 0
) -> ListAnchored:
    """The version behind a head, searched for."""
    registry = AnchorRegistry(stage.anchors, first_block=first_block)
    identity = parse_address(who.address)
    found: ListAnchored = run(
        stage, registry.find_version(identity, W3C, head=head, at=newest(stage))
    )
    return found


def narrow(stage: StatusStage, width: int, words: str) -> Callable[[Any, Any], Any]:
    """Refuses wider log queries."""

    def rewrite(params: Any, logs: Any) -> Any:
        query = params[0]
        last = stage.head if query["toBlock"] == "latest" else int(query["toBlock"], 16)
        if last - int(query["fromBlock"], 16) + 1 > width:
            raise Refusal(words)
        return logs

    return rewrite


def test_head_of_a_list(stage: StatusStage, registry: AnchorRegistry, alice: LocalAccount) -> None:
    identity = parse_address(alice.address)
    assert run(stage, registry.read_head(identity, W3C)) == bytes(32)
    header = stage.publish(alice, W3C)
    assert run(stage, registry.read_head(identity, W3C)) == header.head
    assert run(stage, registry.read_head(identity, W3C, stage.head - 1)) == bytes(32)


def test_header_is_current_until_it_expires(
    stage: StatusStage, registry: AnchorRegistry, alice: LocalAccount
) -> None:
    identity = parse_address(alice.address)
    header = stage.publish(alice, W3C, lifetime=100)
    assert run(stage, registry.is_current(identity, W3C, header)) is True
    assert run(stage, registry.is_current(identity, OTHER, header)) is False
    stage.chain.advance(200)
    stage.mine()
    assert run(stage, registry.is_current(identity, W3C, header)) is False


def test_rights(
    stage: StatusStage, registry: AnchorRegistry, alice: LocalAccount, bob: LocalAccount
) -> None:
    identity, other = parse_address(alice.address), parse_address(bob.address)
    assert run(stage, registry.is_authorized(identity, Authority.OWNER, W3C, identity)) is True
    assert run(stage, registry.is_authorized(identity, Authority.OWNER, W3C, other)) is False


def test_did_registry_is_that_of_the_network(stage: StatusStage, registry: AnchorRegistry) -> None:
    assert run(stage, registry.read_did_registry()) == parse_address(stage.network.did_registry)


def test_versions_of_several_lists_in_one_query(
    stage: StatusStage, registry: AnchorRegistry, alice: LocalAccount, bob: LocalAccount
) -> None:
    first = stage.publish(alice, W3C)
    second = stage.publish(bob, OTHER)
    third = stage.publish(alice, W3C, first)
    lists = [(parse_address(alice.address), W3C), (parse_address(bob.address), OTHER)]
    found = run(stage, registry.read_versions(lists, first=0, last="latest"))
    assert [version.header for version in found] == [first, second, third]
    assert stage.node.methods() == ["eth_getLogs"]
    block = third.block_number
    found = run(stage, registry.read_versions(lists, first=block, last=block))
    assert [version.header for version in found] == [third]


def test_version_behind_a_head_is_found(stage: StatusStage, alice: LocalAccount) -> None:
    first = stage.publish(alice, W3C)
    second = stage.publish(alice, W3C, first)
    stage.mine(30)
    assert find(stage, alice, second.head).header == second
    assert find(stage, alice, first.head).header == first


def test_version_is_picked_from_what_is_known(
    stage: StatusStage, registry: AnchorRegistry, alice: LocalAccount, bob: LocalAccount
) -> None:
    first = stage.publish(alice, W3C)
    stage.publish(bob, W3C)
    identity = parse_address(alice.address)
    lists = [(identity, W3C), (parse_address(bob.address), W3C)]
    known = run(stage, registry.read_versions(lists, first=0, last="latest"))
    rounds = stage.node.rounds
    search = registry.find_version(identity, W3C, head=first.head, at=newest(stage), known=known)
    assert run(stage, search).header == first
    assert stage.node.rounds == rounds
    missing = registry.find_version(identity, W3C, head=b"\x01" * 32, at=newest(stage), known=known)
    with pytest.raises(HistoryMissing):
        run(stage, missing)


@pytest.mark.parametrize("timed", [True, False])
def test_search_goes_back_in_windows(
    stage: StatusStage,
    alice: LocalAccount,
    monkeypatch: pytest.MonkeyPatch,
    timed: bool,  # noqa: FBT001 - parametrised
) -> None:
    monkeypatch.setattr(anchor_registry, "FIRST_WINDOW", 4)
    header = stage.publish(alice, W3C)
    stage.mine(40)

    def untimed(_: Any, logs: Any) -> Any:
        return [{k: v for k, v in log.items() if k != "blockTimestamp"} for log in logs]

    if not timed:
        stage.node.rewrite["eth_getLogs"] = untimed
    assert find(stage, alice, header.head).header == header
    # Windows of 4 blocks: 1, 2, 4 and then 8 of them at once.
    assert stage.node.rounds == (4 if timed else 5)


@pytest.mark.parametrize(
    ("width", "words"),
    [
        (100, "block range is too wide"),
        (7, "block range exceeds the limit of 7 blocks"),
        (1, "something that nobody has said so far"),
    ],
)
def test_search_is_as_narrow_as_the_node_wants_it(
    stage: StatusStage, alice: LocalAccount, width: int, words: str
) -> None:
    header = stage.publish(alice, W3C)
    stage.mine(20)
    stage.node.rewrite["eth_getLogs"] = narrow(stage, width, words)
    assert find(stage, alice, header.head).header == header


def test_refusal_of_a_single_block_is_an_error(stage: StatusStage, alice: LocalAccount) -> None:
    header = stage.publish(alice, W3C)
    stage.node.rewrite["eth_getLogs"] = narrow(stage, 0, "no")
    with pytest.raises(NodeRefused):
        find(stage, alice, header.head)


def test_search_ends_where_the_contract_was_deployed(
    stage: StatusStage, alice: LocalAccount
) -> None:
    header = stage.publish(alice, W3C)
    first = stage.mine(3)
    with pytest.raises(HistoryMissing):
        find(stage, alice, header.head, first_block=first)
    queries = [params[0] for method, params in stage.node.requests if method == "eth_getLogs"]
    assert {query["fromBlock"] for query in queries} == {hex(first)}


def test_search_ends_after_so_many_round_trips(
    stage: StatusStage, alice: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchor_registry, "FIRST_WINDOW", 1)
    monkeypatch.setattr(anchor_registry, "MAX_ROUNDS", 2)
    header = stage.publish(alice, W3C)
    stage.mine(20)
    with pytest.raises(HistoryMissing):
        find(stage, alice, header.head)
    assert stage.node.rounds == 2


def test_reorganisation_during_the_search_is_noticed(
    stage: StatusStage, alice: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchor_registry, "FIRST_WINDOW", 1)
    header = stage.publish(alice, W3C)
    mark = stage.chain.snapshot()
    stage.mine(5)

    def reorganise() -> None:
        stage.chain.revert(mark)
        stage.chain.advance(100)
        stage.mine(5)

    stage.node.after_round[1] = reorganise
    with pytest.raises(ChainMoved):
        find(stage, alice, header.head)


def test_chain_that_became_shorter_during_the_search_is_noticed(
    stage: StatusStage, alice: LocalAccount
) -> None:
    header = stage.publish(alice, W3C)
    stage.mine()
    stage.node.rewrite["eth_getBlockByNumber"] = lambda *_: None
    with pytest.raises(ChainMoved):
        find(stage, alice, header.head)


def test_block_of_an_event_that_the_node_does_not_know_is_an_error(
    stage: StatusStage, alice: LocalAccount
) -> None:
    header = stage.publish(alice, W3C)
    stage.mine()
    stage.node.rewrite["eth_getLogs"] = lambda _, logs: [
        {k: v for k, v in log.items() if k != "blockTimestamp"} for log in logs
    ]
    stage.node.rewrite["eth_getBlockByNumber"] = lambda params, block: (
        None if params[0] == hex(header.block_number) else block
    )
    with pytest.raises(NodeInconsistent):
        find(stage, alice, header.head)


@pytest.mark.parametrize("number", range(4))
def test_address_without_a_contract_is_no_answer(
    stage: StatusStage, alice: LocalAccount, number: int
) -> None:
    nobody, who = AnchorRegistry(Address(b"\x77" * 20)), parse_address(alice.address)
    calls = [
        nobody.read_did_registry(),
        nobody.read_head(who, W3C),
        nobody.is_current(who, W3C, stage.publish(alice, W3C)),
        nobody.is_authorized(who, Authority.OWNER, W3C, who),
    ]
    with pytest.raises(RegistryMissing, match="does not answer like an anchor registry"):
        run(stage, calls[number])


def test_head_of_another_length_is_none(
    stage: StatusStage, registry: AnchorRegistry, alice: LocalAccount
) -> None:
    stage.node.rewrite["eth_call"] = lambda *_: "0x" + "00" * 64
    with pytest.raises(InvalidAnswer):
        run(stage, registry.read_head(parse_address(alice.address), W3C))

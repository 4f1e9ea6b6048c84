"""Several nodes must agree on all that goes into an index, and on what is final."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.networks import Network
from ethr_did.core.keys import to_checksum_address
from ethr_did.errors import QuorumFailed
from support.fake_chain import CHAIN_ID, REGISTRY, FakeChain
from support.fault_proxy import FaultProxy
from support.indexing import ALICE, Indexed, agree

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def handle(fake: FakeChain) -> Any:
    """A made-up node as HTTP has it."""

    def one(request: dict[str, Any]) -> dict[str, Any]:
        return {**fake._respond(request["method"], request["params"]), "id": request["id"]}

    return lambda body: [one(each) for each in body] if isinstance(body, list) else one(body)


@pytest.fixture
def nodes(fake: FakeChain) -> list[FakeChain]:
    """Three nodes of one chain."""
    found = [fake, fake.sibling(), fake.sibling()]
    for node in found:
        node.final_depth = 5
    return found


@pytest.fixture
def network(nodes: list[FakeChain]) -> Iterator[Network]:
    """Of which two must agree."""
    with ExitStack() as stack:
        urls = [stack.enter_context(FaultProxy(handle(node))).url for node in nodes]
        yield Network(
            name="dev",
            chain_id=CHAIN_ID,
            did_registry=to_checksum_address(REGISTRY),
            rpc_url=urls,
            quorum=2,
        )


@pytest.fixture
def quorum(network: Network, tmp_path: Path) -> Iterator[Indexed]:
    with Indexed(f"sqlite:///{tmp_path}/index.db", network) as made:
        yield made


def test_what_all_say_is_taken_in(quorum: Indexed, fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", "https://hub.example")
    quorum.follow()
    assert agree(quorum, fake)


@pytest.mark.parametrize("liar", [0, 1, 2])
def test_what_one_node_keeps_back_is_taken_from_the_others(
    quorum: Indexed, nodes: list[FakeChain], liar: int
) -> None:
    """Also the newest event, whose absence nothing else would show."""
    lost = nodes[0].add_service(ALICE, "Hub", "https://hub.example")
    nodes[liar].missing_blocks = {lost}
    quorum.follow()
    assert agree(quorum, nodes[0].sibling())


def test_where_two_say_different_things_and_the_third_is_behind_nothing_is_taken_in(
    quorum: Indexed, nodes: list[FakeChain]
) -> None:
    quorum.follow()
    before = quorum.standing.head
    lost = nodes[0].add_service(ALICE, "Hub", "https://hub.example")
    nodes[0].missing_blocks, nodes[2].head_lag = {lost}, 1
    with pytest.raises(QuorumFailed):
        quorum.follow()
    assert quorum.standing.head == before
    nodes[2].head_lag = 0
    quorum.follow()
    assert agree(quorum, nodes[1])


@pytest.mark.parametrize("liar", [0, 1, 2])
def test_one_node_alone_cannot_make_a_block_final(
    quorum: Indexed, nodes: list[FakeChain], liar: int
) -> None:
    nodes[liar].final_depth = 0
    nodes[0].mine(20)
    quorum.follow()
    final = quorum.standing.final
    assert final is not None
    assert final.number <= nodes[0].head - 5
    nodes[liar].final_depth = 5
    nodes[0].reorganise(4)
    quorum.follow()
    assert quorum.standing.fault is None
    assert agree(quorum, nodes[0])


@pytest.mark.parametrize("liar", [0, 1, 2])
def test_one_node_on_another_fork_is_not_followed(
    quorum: Indexed, nodes: list[FakeChain], liar: int
) -> None:
    nodes[0].add_service(ALICE, "Hub", "https://hub.example")
    nodes[0].mine(3)
    quorum.follow()
    before, right = quorum.standing, list(nodes[0].ledger.blocks)
    fork = FakeChain()
    fork.ledger.blocks[:] = right
    fork.reorganise(3)
    fork.mine(4)
    nodes[liar].ledger = fork.ledger
    standing = quorum.follow()
    assert (standing.revision, standing.head) == (before.revision, before.head)


def test_while_nodes_learn_what_is_final_the_index_goes_on(
    quorum: Indexed, nodes: list[FakeChain]
) -> None:
    for depth, node in zip((5, 6, 7), nodes, strict=True):
        node.final_depth = depth
    nodes[0].add_service(ALICE, "Hub", "https://hub.example")
    standing = quorum.follow()
    assert standing.blocks_behind == 0
    assert agree(quorum, nodes[0])
    for node in nodes:
        node.final_depth = 5
    nodes[0].mine(9)
    final = quorum.follow().final
    assert final is not None
    assert final.number == nodes[0].head - 5


def test_one_dead_node_is_no_hindrance(quorum: Indexed, nodes: list[FakeChain]) -> None:
    nodes[0].add_service(ALICE, "Hub", "https://hub.example")
    nodes[1].errors = dict.fromkeys(nodes[1]._METHODS, (-32603, "internal error"))
    quorum.follow()
    assert agree(quorum, nodes[0])

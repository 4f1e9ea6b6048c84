"""Comparing an index with a node."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ethr_did.errors import IndexBehind, NodeInconsistent
from ethr_did.index.verifying import Comparison, compare
from support.fake_chain import FakeChain, Person

if TYPE_CHECKING:
    from support.indexing import Indexed

ALICE, BOB = Person.named("alice"), Person.named("bob")


def compared(indexed: Indexed, fake: FakeChain) -> Comparison:
    with fake.network().chain(retries=0) as chain:
        return compare(indexed.index, indexed.network, chain)


def test_an_index_that_is_right_does_not_differ(stored: Indexed, fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", "https://hub.example")
    fake.change_owner(BOB, ALICE)
    fake.deactivate(ALICE)
    fake.mine(3)
    stored.follow()
    found = compared(stored, fake)
    assert (found.compared, found.differences) == (2, ())
    assert (found.block_number, found.block_hash) == (fake.head, fake.ledger.head.hash)


def test_what_was_kept_back_without_a_trace_is_found(indexed: Indexed, fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", "https://hub.example")
    lost = fake.change_owner(ALICE, BOB)
    fake.mine(10)
    fake.missing_blocks = {lost}
    indexed.follow()
    found = compared(indexed, fake)
    assert [one.subject for one in found.differences] == [
        f"last change of {ALICE.account}",
        f"owner of {ALICE.account}",
    ]
    assert found.differences[1].node.endswith(BOB.address.hex())


def test_a_change_since_is_no_difference(indexed: Indexed, fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", "https://hub.example")
    indexed.follow()
    fake.change_owner(ALICE, BOB)
    assert compared(indexed, fake).differences == ()


def test_a_node_on_another_fork_is_no_witness(indexed: Indexed, fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", "https://hub.example")
    indexed.follow()
    fake.reorganise(2)
    with pytest.raises(NodeInconsistent):
        compared(indexed, fake)


def test_what_is_not_followed_cannot_be_compared(indexed: Indexed, fake: FakeChain) -> None:
    with pytest.raises(IndexBehind):
        compared(indexed, fake)


def test_an_index_without_events_is_compared(indexed: Indexed, fake: FakeChain) -> None:
    indexed.follow()
    assert compared(indexed, fake).compared == 0

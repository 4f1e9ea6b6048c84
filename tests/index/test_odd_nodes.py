"""Following nodes that refuse, keep back, are behind, or say what cannot be."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ethr_did.errors import (
    ChainError,
    IndexBroken,
    NodeInconsistent,
    NodeUnreachable,
    RegistryMissing,
    WrongChain,
)
from support.indexing import ALICE, BOB, PEOPLE, Indexed, agree, serve

if TYPE_CHECKING:
    from pathlib import Path

    from support.fake_chain import FakeChain

# -- what a node does not want to give at once -----------------------------------------------------


@pytest.mark.parametrize("most", [1, 7])
@pytest.mark.parametrize(
    "words",
    [
        "block range is too large",
        "exceed maximum block range: {most}",
        "something that no provider has said so far",
    ],
)
def test_wide_ranges_are_narrowed(indexed: Indexed, fake: FakeChain, most: int, words: str) -> None:
    for number in range(3):
        serve(fake, f"Hub{number}")
        fake.mine(10)
    fake.max_range, fake.range_error = most, (-32000, words.format(most=most))
    indexed.follow()
    assert agree_wide(indexed, fake)


def agree_wide(indexed: Indexed, fake: FakeChain) -> bool:
    """The same, with a node that has no bounds any more."""
    fake.max_range = fake.max_logs = None
    return agree(indexed, fake)


def test_a_limit_that_is_named_is_kept_to(indexed: Indexed, fake: FakeChain) -> None:
    fake.mine(1995)
    fake.max_range, fake.range_error = 300, (-32000, "exceed maximum block range: 300")
    indexed.follow()
    asked = [query[0] for method, query in fake.requests if method == "eth_getLogs"]
    widths = [int(one["toBlock"], 16) - int(one["fromBlock"], 16) + 1 for one in asked]
    refused = [width for width in widths if width > 300]
    assert refused == [1996], widths


@pytest.mark.parametrize("most", [1, 3, 10])
def test_ranges_with_many_events_are_narrowed(indexed: Indexed, fake: FakeChain, most: int) -> None:
    for number in range(40):
        serve(fake, f"Hub{number}", who=PEOPLE[number % 3])
    fake.max_logs = most
    indexed.follow()
    assert agree_wide(indexed, fake)


def test_what_is_too_much_in_a_single_block_ends_the_round(
    indexed: Indexed, fake: FakeChain
) -> None:
    fake.mine(3)
    indexed.follow()
    with fake.one_block():
        for number in range(5):
            serve(fake, f"Hub{number}")
    fake.max_logs = 4
    with pytest.raises(ChainError):
        indexed.follow()
    assert indexed.standing.head is not None
    assert indexed.standing.head.number < fake.head
    fake.max_logs = None
    indexed.follow()
    assert agree(indexed, fake)


# -- what a node keeps back and gives later ------------------------------------------------------------


def test_the_newest_event_that_was_left_out_is_found_by_the_next_block(
    stored: Indexed, fake: FakeChain
) -> None:
    lost = serve(fake)
    fake.missing_blocks = {lost}
    stored.follow()
    fake.missing_blocks = set()
    fake.mine()
    stored.follow()
    assert agree(stored, fake)


def test_an_event_that_was_left_out_is_found_before_it_is_final(
    fake: FakeChain, tmp_path: Path
) -> None:
    fake.final_depth = 40
    with Indexed(f"sqlite:///{tmp_path}/i.db", fake.network()) as indexed:
        lost = serve(fake)
        fake.missing_blocks = {lost}
        for _ in range(4):
            fake.mine(9)
            indexed.follow()
        fake.missing_blocks = set()
        fake.mine(9)
        final = indexed.follow().final
        assert final is not None
        assert final.number >= lost
        assert agree(indexed, fake)


def test_an_event_from_inside_a_block_that_was_left_out_is_found(
    indexed: Indexed, fake: FakeChain
) -> None:
    """Its neighbours do not miss it: both say that they follow an event of that block."""
    with fake.one_block():
        serve(fake, "One")
        fake.change_owner(ALICE, BOB)
        serve(fake, "Two")
    fake.missing_logs = {(fake.head, 1)}
    indexed.follow()
    fake.missing_logs = set()
    fake.mine()
    indexed.follow()
    assert agree(indexed, fake)


def test_what_is_final_is_asked_for_no_more(indexed: Indexed, fake: FakeChain) -> None:
    serve(fake)
    fake.mine(30)
    indexed.follow()
    final = indexed.follow().final
    assert final is not None
    fake.mine()
    fake.requests.clear()
    indexed.follow()
    asked = [query[0] for method, query in fake.requests if method == "eth_getLogs"]
    assert min(int(query["fromBlock"], 16) for query in asked) > final.number


# -- a node that is behind -----------------------------------------------------------------------------


def test_a_node_that_is_behind_is_waited_for(stored: Indexed, fake: FakeChain) -> None:
    for number in range(12):
        serve(fake, f"Hub{number}")
        stored.follow()
    before = stored.contents()
    for lag in (1, 3, 9, 17):
        fake.head_lag = lag
        standing = stored.follow()
        assert standing.head is not None
        assert standing.head.number == fake.head
    fake.head_lag = 0
    assert (stored.contents(), stored.standing.revision) == (before, 0)
    serve(fake, "More")
    stored.follow()
    assert agree(stored, fake)


def test_while_a_node_is_behind_the_index_grows_old(indexed: Indexed, fake: FakeChain) -> None:
    serve(fake)
    checked = indexed.follow().checked_at
    fake.head_lag = 2
    indexed.now += 1000
    assert indexed.follow().checked_at == checked


def test_a_node_on_another_fork_with_fewer_blocks_is_followed(
    stored: Indexed, fake: FakeChain
) -> None:
    for number in range(12):
        serve(fake, f"Hub{number}")
        stored.follow()
    fake.reorganise(4, keep_logs=False)
    fake.head_lag = 1
    standing = stored.follow()
    assert standing.head is not None
    assert standing.head.number == fake.head - 1
    fake.head_lag = 0
    stored.follow()
    assert agree(stored, fake)


# -- what a node says that cannot be ---------------------------------------------------------------------


def hostile_blocks() -> list[dict[str, object]]:
    return [
        {"number": hex(1 << 63)},
        {"timestamp": hex(1 << 63)},
        {"timestamp": hex(1 << 255)},
        {"hash": "0xab"},
        {"hash": "0x" + "ab" * 33},
        {"hash": None},
        {"number": "nonsense"},
    ]


@pytest.mark.parametrize("change", hostile_blocks(), ids=str)
@pytest.mark.parametrize("with_times", [True, False])
def test_blocks_that_cannot_be_are_refused(
    indexed: Indexed, fake: FakeChain, change: dict[str, object], *, with_times: bool
) -> None:
    serve(fake)
    indexed.follow()
    before = indexed.contents()
    serve(fake, "More")
    fake.with_times = with_times
    original = fake._get_block
    fake.answers["eth_getBlockByNumber"] = lambda params: {
        **(original(*params) or {}),
        **change,
    }
    with pytest.raises(ChainError):
        indexed.follow()
    assert indexed.contents() == before
    fake.answers.clear()
    indexed.follow()
    assert agree(indexed, fake)


def spoiled(fake: FakeChain, change: dict[str, object]) -> None:
    original = fake._get_logs
    fake.answers["eth_getLogs"] = lambda params: [{**log, **change} for log in original(params[0])]


@pytest.mark.parametrize(
    "change",
    [
        {"address": "0x" + "99" * 20},
        {"blockNumber": hex(1 << 63)},
        {"blockNumber": hex(1 << 64)},
        {"blockNumber": "0x1"},
        {"blockNumber": hex(10**6)},
        {"blockHash": "0x" + "99" * 32},
        {"logIndex": hex(1 << 31)},
        {"topics": ["0x" + "99" * 32]},
        {"data": "0x"},
    ],
    ids=str,
)
def test_logs_that_cannot_be_are_refused(
    indexed: Indexed, fake: FakeChain, change: dict[str, object]
) -> None:
    serve(fake)
    indexed.follow()
    before = indexed.contents()
    serve(fake, "More")
    spoiled(fake, change)
    with pytest.raises(ChainError):
        indexed.follow()
    assert indexed.contents() == before
    fake.answers.clear()
    indexed.follow()
    assert agree(indexed, fake)


def test_what_is_no_list_of_logs_is_refused(indexed: Indexed, fake: FakeChain) -> None:
    indexed.follow()
    fake.mine()
    wrong: tuple[object, ...] = (None, {}, "logs", [None], [5], 7)
    found = iter(wrong)
    fake.answers["eth_getLogs"] = lambda _params: next(found)
    for _ in range(6):
        with pytest.raises(ChainError):
            indexed.follow()


def test_two_events_of_one_place_are_refused(indexed: Indexed, fake: FakeChain) -> None:
    indexed.follow()
    serve(fake)
    original = fake._get_logs
    fake.answers["eth_getLogs"] = lambda params: original(params[0]) * 2
    with pytest.raises(NodeInconsistent, match="two events of one place"):
        indexed.follow()


def test_removed_logs_are_passed_over(indexed: Indexed, fake: FakeChain) -> None:
    serve(fake)
    original = fake._get_logs
    fake.answers["eth_getLogs"] = lambda params: [
        *original(params[0]),
        *({**log, "removed": True, "logIndex": "0x77"} for log in original(params[0])),
    ]
    indexed.follow()
    assert len(indexed.places()) == 1


@pytest.mark.parametrize("previous", [0, 4, 10**6])
def test_a_wrong_pointer_to_the_change_before_is_never_served(
    indexed: Indexed, fake: FakeChain, previous: int
) -> None:
    serve(fake)
    indexed.follow()
    number = serve(fake, "Later")
    block = fake.ledger.blocks[number]
    lie = replace(block.logs[0], previous_change=previous)
    fake.ledger.blocks[number] = replace(block, logs=(lie,))
    with pytest.raises(IndexBroken):
        indexed.follow()
    with indexed.resolver() as resolver:
        assert resolver.resolve(ALICE.did).error is not None
    fake.ledger.blocks[number] = block
    indexed.follow()
    assert agree(indexed, fake)


def test_a_node_of_another_chain_is_refused(indexed: Indexed, fake: FakeChain) -> None:
    fake.chain_id = 5
    with pytest.raises(WrongChain):
        indexed.follow()
    assert indexed.index.standing(indexed.network) is None


def test_a_node_without_the_registry_is_refused(indexed: Indexed, fake: FakeChain) -> None:
    fake.code = b""
    with pytest.raises(RegistryMissing, match="no code"):
        indexed.follow()


def test_status_contracts_that_are_not_there_yet_are_named(fake: FakeChain, tmp_path: Path) -> None:
    network = fake.network(status_registry="0x" + "51" * 20)
    fake.answers["eth_call"] = lambda _params: "0x"
    with (
        Indexed(f"sqlite:///{tmp_path}/i.db", network) as indexed,
        pytest.raises(RegistryMissing, match="no status contract"),
    ):
        indexed.follow()


def test_a_node_that_is_gone_is_an_error_and_changes_nothing(
    stored: Indexed, fake: FakeChain
) -> None:
    serve(fake)
    stored.follow()
    before = stored.contents()
    serve(fake, "More")
    fake.dead = ConnectionError("gone")
    with pytest.raises(NodeUnreachable):
        stored.follow()
    assert stored.contents() == before
    fake.dead = None
    stored.follow()
    assert agree(stored, fake)

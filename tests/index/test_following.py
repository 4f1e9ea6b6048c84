"""Following a made-up chain: forward, back, through everything that a node does wrong."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.errors import (
    ChainError,
    ChainMoved,
    IndexBroken,
    InvalidConfiguration,
    NodeInconsistent,
    NodeUnreachable,
    RegistryMissing,
    WrongChain,
)
from ethr_did.index.following import FINAL_DEPTH
from support.fake_chain import FakeChain, Person, _Refusal
from support.indexing import Indexed, differing, said

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALICE, BOB, CAROL = (Person.named(name) for name in ("alice", "bob", "carol"))
PEOPLE = (ALICE, BOB, CAROL)


def agree(indexed: Indexed, fake: FakeChain) -> bool:
    """Whether index and node say the same about everybody."""
    with fake.resolver() as node:
        found = differing(indexed, node, [one.did for one in PEOPLE], now=fake.now)
    assert found == []
    return True


def serve(fake: FakeChain, kind: str = "Hub", *, who: Person = ALICE) -> int:
    return fake.add_service(who, kind, f"https://{kind}.example")


# -- forward ---------------------------------------------------------------------------------------


def test_everything_up_to_the_head_is_taken_in(stored: Indexed, fake: FakeChain) -> None:
    serve(fake)
    fake.change_owner(BOB, CAROL)
    fake.mine(3)
    standing = stored.follow()
    assert standing.head is not None
    assert (standing.head.number, standing.head.hash) == (fake.head, fake.ledger.head.hash)
    assert standing.blocks_behind == 0
    assert agree(stored, fake)


def test_what_is_new_is_taken_in_by_the_next_round(stored: Indexed, fake: FakeChain) -> None:
    serve(fake)
    stored.follow()
    for number in range(10):
        serve(fake, f"Hub{number}")
        stored.follow()
        assert agree(stored, fake)


def test_a_round_without_news_only_looks(indexed: Indexed, fake: FakeChain) -> None:
    serve(fake)
    before = indexed.follow()
    rounds, indexed.now = fake.rounds, indexed.now + 50
    after = indexed.follow()
    assert fake.rounds - rounds == 1
    assert (after.head, after.checked_at) == (before.head, indexed.now)


def test_a_chain_without_events_is_followed(indexed: Indexed, fake: FakeChain) -> None:
    fake.mine(20)
    assert indexed.follow().blocks_behind == 0
    assert indexed.places() == []
    assert agree(indexed, fake)


def test_a_follower_that_begins_anew_goes_on_where_the_index_ends(
    indexed: Indexed, fake: FakeChain
) -> None:
    serve(fake)
    fake.mine(30)
    indexed.follow()
    indexed.restart()
    serve(fake, "More")
    fake.requests.clear()
    indexed.follow()
    asked = [query[0] for method, query in fake.requests if method == "eth_getLogs"]
    assert min(int(query["fromBlock"], 16) for query in asked) > 20
    assert agree(indexed, fake)


def test_steps_are_told(indexed: Indexed, fake: FakeChain) -> None:
    for number in range(20):
        serve(fake, f"Hub{number}")
    indexed.follow()
    assert [(step.block_number, step.events) for step in indexed.steps] == [(20, 15), (25, 20)]
    assert {(step.network, step.first, step.target) for step in indexed.steps} == {("dev", 0, 25)}


def test_blocks_with_many_events_are_whole(stored: Indexed, fake: FakeChain) -> None:
    for number in range(3):
        with fake.one_block():
            for place in range(40):
                serve(fake, f"Hub{number}x{place}", who=PEOPLE[place % 2])
            fake.change_owner(ALICE, PEOPLE[number])
    stored.follow()
    assert len(stored.places()) == 123
    assert agree(stored, fake)


def test_logs_without_times_get_those_of_their_blocks(stored: Indexed, fake: FakeChain) -> None:
    fake.with_times = False
    serve(fake)
    fake.mine(20)
    serve(fake, "More")
    stored.follow()
    assert agree(stored, fake)


def test_events_before_the_first_block_are_not_asked_for(fake: FakeChain, tmp_path: Path) -> None:
    fake.answers["eth_getCode"] = lambda p: (
        "0x" + fake.code.hex() if int(p[1] == "latest") else "0x"
    )
    fake.mine(20)
    serve(fake)
    network = fake.network(first_block=20)
    with Indexed(f"sqlite:///{tmp_path}/i.db", network) as indexed:
        indexed.follow()
        asked = [query[0] for method, query in fake.requests if method == "eth_getLogs"]
        assert min(int(query["fromBlock"], 16) for query in asked) == 20
        assert agree(indexed, fake)


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


# -- gaps ------------------------------------------------------------------------------------------


def test_what_wide_answers_leave_out_is_fetched_by_its_block(
    indexed: Indexed, fake: FakeChain
) -> None:
    for number in range(8):
        serve(fake, f"Hub{number}")
    fake.cut = None
    lie = fake.sibling()
    lie.final_depth = 5
    indexed_logs = lie._get_logs

    def left_out(params: list[dict[str, Any]]) -> list[dict[str, Any]]:
        (query,) = params
        found = indexed_logs(query)
        one_block = query["fromBlock"] == query["toBlock"]
        return found if one_block else found[-1:]

    fake.answers["eth_getLogs"] = left_out
    indexed.follow()
    fake.answers.clear()
    assert len(indexed.places()) == 8
    assert agree(indexed, fake)


def test_any_number_of_missing_events_is_fetched(indexed: Indexed, fake: FakeChain) -> None:
    for number in range(150):
        serve(fake, f"Hub{number}")
    fake.mine(10)
    honest = fake.sibling()
    fake.answers["eth_getLogs"] = lambda params: (
        honest._get_logs(params[0])
        if params[0]["fromBlock"] == params[0]["toBlock"]
        else honest._get_logs(params[0])[-1:]
    )
    indexed.follow()
    assert len(indexed.places()) == 150


def test_a_gap_that_nobody_can_fill_is_reported_and_never_served(
    stored: Indexed, fake: FakeChain
) -> None:
    lost = serve(fake)
    serve(fake, "Later")
    fake.mine(10)
    fake.missing_blocks = {lost}
    with pytest.raises(IndexBroken, match=f"one of block {lost} came before it"):
        stored.follow()
    with stored.resolver() as resolver:
        assert said(resolver.resolve(ALICE.did))[0] is not None
        assert resolver.resolve(ALICE.did).error is not None


def test_a_fault_is_noted_until_it_heals(stored: Indexed, fake: FakeChain) -> None:
    stored.follow()
    lost = serve(fake)
    serve(fake, "Later")
    fake.missing_blocks = {lost}
    for _ in range(2):
        with pytest.raises(IndexBroken):
            stored.follow()
        assert stored.standing.fault is not None
        assert f"block {lost}" in stored.standing.fault
        with stored.resolver() as resolver:
            assert isinstance(resolver.resolve(BOB.did).error, IndexBroken)
    fake.missing_blocks = set()
    stored.follow()
    assert stored.standing.fault is None
    assert agree(stored, fake)


def test_a_fault_stays_until_all_of_it_was_read(indexed: Indexed, fake: FakeChain) -> None:
    """Narrow steps before the one with the contradiction do not take it back."""
    indexed.follow()
    lost = serve(fake)
    fake.mine(3)
    serve(fake, "Later")
    fake.missing_blocks, fake.max_range = {lost}, 2
    for _ in range(3):
        with pytest.raises(IndexBroken):
            indexed.follow()
        with indexed.resolver() as resolver:
            assert isinstance(resolver.resolve(ALICE.did).error, IndexBroken)


def test_a_follower_that_begins_anew_notes_faults_too(indexed: Indexed, fake: FakeChain) -> None:
    fake.mine(20)
    serve(fake)
    indexed.follow()
    indexed.restart()
    fake.reorganise(20)
    with pytest.raises(IndexBroken, match="which was final"):
        indexed.follow()
    assert indexed.standing.fault is not None


def test_events_before_a_first_block_that_is_too_late_are_a_gap(
    fake: FakeChain, tmp_path: Path
) -> None:
    fake.errors["eth_getCode"] = (-32000, "missing trie node")
    early = serve(fake)
    fake.mine(10)
    serve(fake, "Later")
    with Indexed(f"sqlite:///{tmp_path}/i.db", fake.network(first_block=early + 1)) as indexed:
        fake.errors.clear()
        original = fake._get_code
        fake.answers["eth_getCode"] = lambda p: original(*p) if p[1] == "latest" else "0x"
        with pytest.raises(IndexBroken) as caught:
            indexed.follow()
    assert "first_block" in caught.value.hint


def test_a_first_block_before_which_the_contract_was_there_is_refused(
    fake: FakeChain, tmp_path: Path
) -> None:
    """Else identities that changed before it, and never again, would count as unchanged."""
    serve(fake)
    fake.mine(10)
    with Indexed(f"sqlite:///{tmp_path}/i.db", fake.network(first_block=10)) as indexed:
        with pytest.raises(InvalidConfiguration, match="first_block is 10"):
            indexed.follow()
        assert indexed.index.standing(indexed.network) is None


def test_a_node_without_old_state_is_believed_about_the_first_block(
    fake: FakeChain, tmp_path: Path
) -> None:
    fake.mine(10)
    serve(fake)
    original = fake._get_code
    fake.answers["eth_getCode"] = lambda p: original(*p) if p[1] == "latest" else refuse()

    def refuse() -> object:
        raise _Refusal(-32000, "missing trie node")

    with Indexed(f"sqlite:///{tmp_path}/i.db", fake.network(first_block=10)) as indexed:
        indexed.follow()
        assert agree(indexed, fake)


def test_an_index_that_begins_later_than_the_configuration_says_is_refused(
    fake: FakeChain, tmp_path: Path
) -> None:
    fake.mine(10)
    serve(fake)
    url = f"sqlite:///{tmp_path}/i.db"
    fake.answers["eth_getCode"] = lambda p: "0x" + fake.code.hex() if p[1] == "latest" else "0x"
    with Indexed(url, fake.network(first_block=9)) as indexed:
        indexed.follow()
    with Indexed(url, fake.network()) as indexed:
        with pytest.raises(IndexBroken, match="begins at block 9"):
            indexed.follow()
        with indexed.resolver() as resolver:
            assert isinstance(resolver.resolve(ALICE.did).error, IndexBroken)


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


# -- back ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [1, 3, 5])
@pytest.mark.parametrize("keep_logs", [False, True])
def test_a_reorganisation_is_undone_and_read_anew(
    stored: Indexed, fake: FakeChain, depth: int, *, keep_logs: bool
) -> None:
    fake.mine(5)
    for number in range(6):
        serve(fake, f"Hub{number}", who=PEOPLE[number % 2])
        stored.follow()
    fake.reorganise(depth, keep_logs=keep_logs)
    fake.mine()
    revision = stored.standing.revision
    stored.follow()
    assert stored.standing.revision > revision
    assert agree(stored, fake)
    serve(fake, "After")
    stored.follow()
    assert agree(stored, fake)


def test_after_going_back_the_index_is_as_if_it_had_never_been_there(
    stored: Indexed, fake: FakeChain, tmp_path: Path
) -> None:
    for number in range(4):
        with fake.one_block():
            serve(fake, f"Hub{number}")
            fake.change_owner(ALICE, BOB)
            serve(fake, f"Hub{number}", who=BOB)
    stored.follow()
    serve(fake, "Gone", who=CAROL)
    stored.follow()
    fake.reorganise(3, keep_logs=False)
    fake.mine(2)
    serve(fake, "New")
    stored.follow()
    with Indexed(f"sqlite:///{tmp_path}/other.db", fake.network()) as other:
        other.follow()
        assert stored.contents() == other.contents()


def test_a_reorganisation_to_fewer_blocks_is_undone(stored: Indexed, fake: FakeChain) -> None:
    fake.mine(5)
    serve(fake)
    stored.follow()
    serve(fake, "Gone")
    fake.mine(2)
    stored.follow()
    del fake.ledger.blocks[-3:]
    fake.reorganise(1)
    assert stored.follow().head is not None
    assert agree(stored, fake)


def test_a_chain_that_is_another_one_from_the_beginning_is_not_followed(
    indexed: Indexed, fake: FakeChain
) -> None:
    serve(fake)
    fake.mine(10)
    indexed.follow()
    fake.ledger.blocks[0] = replace(fake.ledger.blocks[0], salt=9)
    fake.reorganise(len(fake.ledger.blocks) - 1)
    before = indexed.contents()
    with pytest.raises(IndexBroken, match="which was final"):
        indexed.follow()
    assert indexed.contents() == before


def test_a_chain_that_moves_while_it_is_read_is_read_again(
    indexed: Indexed, fake: FakeChain
) -> None:
    fake.mine(5)
    serve(fake)
    indexed.follow()
    serve(fake, "More")
    fake.mine(2)
    count = len(fake.requests)
    for number in range(count + 4, count + 9):
        fake.before[number] = lambda: fake.reorganise(2)
    indexed.follow()
    indexed.follow()
    assert agree(indexed, fake)


def test_a_chain_that_never_holds_still_is_an_error(indexed: Indexed, fake: FakeChain) -> None:
    indexed.follow()
    original = fake._get_logs

    def moving(params: list[dict[str, object]]) -> object:
        fake.reorganise(2)
        return original(params[0])

    fake.answers["eth_getLogs"] = moving
    fake.mine(3)
    with pytest.raises(ChainMoved, match="did not hold still"):
        indexed.follow()
    fake.answers.clear()
    indexed.follow()
    assert agree(indexed, fake)


# -- what is final -----------------------------------------------------------------------------------


def final_number(indexed: Indexed) -> int:
    final = indexed.standing.final
    assert final is not None
    return final.number


def test_what_is_final_rises_with_the_node(indexed: Indexed, fake: FakeChain) -> None:
    indexed.follow()
    for _ in range(5):
        fake.mine(3)
        indexed.follow()
        assert final_number(indexed) == fake.head - 5


def test_what_is_final_rises_without_a_new_block(indexed: Indexed, fake: FakeChain) -> None:
    fake.mine(5)
    indexed.follow()
    fake.final_depth = 2
    indexed.follow()
    assert final_number(indexed) == fake.head - 2


def test_what_is_final_never_falls(indexed: Indexed, fake: FakeChain) -> None:
    fake.mine(20)
    indexed.follow()
    before = final_number(indexed)
    fake.final_depth = 15
    fake.mine()
    indexed.follow()
    assert final_number(indexed) == before


def test_what_is_final_is_not_replaced_by_a_block_of_the_same_number(
    indexed: Indexed, fake: FakeChain
) -> None:
    indexed.follow()
    before = indexed.standing.final
    assert before is not None
    other = {**(fake._get_block(hex(before.number), False) or {}), "hash": "0x" + "77" * 32}
    original = fake._get_block
    fake.answers["eth_getBlockByNumber"] = lambda params: (
        other if params[0] == "finalized" else original(*params)
    )
    indexed.follow()
    assert indexed.standing.final == before


def test_a_node_that_calls_everything_final_is_taken_at_its_word(
    indexed: Indexed, fake: FakeChain
) -> None:
    fake.final_depth = 0
    serve(fake)
    indexed.follow()
    assert final_number(indexed) == fake.head
    assert agree(indexed, fake)


def test_what_a_node_calls_final_beyond_its_head_is_final_up_to_there(
    indexed: Indexed, fake: FakeChain
) -> None:
    serve(fake)
    later = {**(fake._get_block("latest", False) or {}), "number": hex(fake.head + 3)}
    original = fake._get_block
    fake.answers["eth_getBlockByNumber"] = lambda params: (
        later if params[0] == "finalized" else original(*params)
    )
    indexed.follow()
    indexed.now += 5
    standing = indexed.follow()
    assert standing.final == standing.head
    assert standing.checked_at == indexed.now


def test_where_a_node_does_not_say_blocks_are_final_after_many_others(
    indexed: Indexed, fake: FakeChain
) -> None:
    fake.final_depth = None
    fake.mine(FINAL_DEPTH + 20)
    indexed.follow()
    assert final_number(indexed) == fake.head - FINAL_DEPTH


def test_a_node_that_fails_to_say_what_is_final_makes_nothing_final(
    indexed: Indexed, fake: FakeChain
) -> None:
    """On chains whose finality lags far behind, to guess would be to call what may still go final."""
    fake.mine(FINAL_DEPTH + 20)
    fake.final_depth = FINAL_DEPTH + 15
    indexed.follow()
    before = final_number(indexed)
    original = fake._get_block

    def says_of_final(nonsense: object) -> Callable[[Any], Any]:
        return lambda params: nonsense if params[0] == "finalized" else original(*params)

    wrong: tuple[object, ...] = ("busy", {}, 5)
    for nonsense in wrong:
        fake.answers["eth_getBlockByNumber"] = says_of_final(nonsense)
        fake.mine(3)
        with pytest.raises(ChainError):
            indexed.follow()
    assert final_number(indexed) == before


def test_finalised_events_are_never_touched(indexed: Indexed, fake: FakeChain) -> None:
    serve(fake)
    serve(fake, "More", who=BOB)
    fake.mine(10)
    indexed.follow()
    before = indexed.contents()
    fake.reorganise(11, keep_logs=False)
    for _ in range(3):
        with pytest.raises(IndexBroken, match="which was final"):
            indexed.follow()
        fake.mine()
    assert indexed.contents() == before
    with indexed.resolver() as resolver:
        assert isinstance(resolver.resolve(ALICE.did).error, IndexBroken)


def test_a_node_that_came_to_its_senses_is_followed_again(
    indexed: Indexed, fake: FakeChain
) -> None:
    serve(fake)
    fake.mine(10)
    indexed.follow()
    right = list(fake.ledger.blocks)
    fake.reorganise(11, keep_logs=False)
    with pytest.raises(IndexBroken):
        indexed.follow()
    fake.ledger.blocks[:] = right
    serve(fake, "More")
    indexed.follow()
    assert indexed.standing.fault is None
    assert agree(indexed, fake)


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

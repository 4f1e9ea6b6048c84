"""Following a made-up chain: forward, over gaps, back. Nodes that do wrong: test_odd_nodes.py."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.networks import Network
from ethr_did.core.keys import to_checksum_address
from ethr_did.errors import (
    ChainError,
    ChainMoved,
    IndexBroken,
    InvalidConfiguration,
)
from ethr_did.index.following import FINAL_DEPTH, IN_FLIGHT
from support.fake_chain import CHAIN_ID, REGISTRY, FakeChain, _Refusal
from support.fault_proxy import FaultProxy
from support.indexing import ALICE, BOB, CAROL, PEOPLE, Indexed, agree, said, serve

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

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


def test_several_finalised_spans_are_fetched_at_once(fake: FakeChain, tmp_path: Path) -> None:
    fake.mine(60)
    fake.max_range = 4
    lock, under_way, seen = threading.Lock(), Counter[str](), []

    def answer(request: dict[str, Any]) -> dict[str, Any]:
        with lock:
            return {**fake._respond(request["method"], request["params"]), "id": request["id"]}

    def handle(body: Any) -> Any:
        batch = body if isinstance(body, list) else [body]
        of_logs = any(request["method"] == "eth_getLogs" for request in batch)
        if of_logs:
            under_way["logs"] += 1
            seen.append(under_way["logs"])
            time.sleep(0.05)
        found = [answer(request) for request in batch]
        if of_logs:
            under_way["logs"] -= 1
        return found if isinstance(body, list) else found[0]

    with FaultProxy(handle) as proxy:
        network = Network(
            name="dev",
            chain_id=CHAIN_ID,
            did_registry=to_checksum_address(REGISTRY),
            rpc_url=proxy.url,
        )
        with Indexed(f"sqlite:///{tmp_path}/index.db", network) as indexed:
            indexed.follow()
            assert agree(indexed, fake)
    assert max(seen) == IN_FLIGHT


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

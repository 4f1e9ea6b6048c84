"""The status at an earlier block or time: gone back to block by block, without an archive node."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.status_answer import Finality, FinalityPolicy, StatusKind
from ethr_did.errors import (
    ChainMoved,
    HistoryMissing,
    InvalidAnswer,
    NodeInconsistent,
    NotFoundError,
    RegistryMissing,
    StatusUndetermined,
)
from ethr_did.status import trails
from ethr_did.status.reading import StatusQuestion, StatusReader
from ethr_did.status.snapshot import ATTEMPTS
from support.status_node import Refusal
from support.status_stage import LIFECYCLE, LIST, list_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.chain.local import LocalAccount
    from support.status_stage import StatusStage

DIGEST = b"\x0d" * 32
SALT = b"\x5a" * 32


def no_archive(params: Any, result: Any, stage: StatusStage, depth: int = 3) -> Any:
    """Refuses state that is older than some blocks."""
    at = params[-1]
    if isinstance(at, str) and at.startswith("0x") and int(at, 16) < stage.head - depth:
        raise Refusal("missing trie node")
    return result


def test_status_at_a_block_is_that_of_its_end(stage: StatusStage, alice: LocalAccount) -> None:
    first = stage.mine()
    suspended = stage.set_status(alice, LIFECYCLE, 1, 2)
    reinstated = stage.set_status(alice, LIFECYCLE, 1, 0)
    revoked = stage.set_status(alice, LIFECYCLE, 1, 1)
    stage.mine(10)
    stage.node.rewrite["eth_call"] = lambda params, result: no_archive(params, result, stage)
    found = {
        block: stage.reader().read_status(
            stage.entry(LIFECYCLE, 1), stage.did(alice), at_block=block
        )
        for block in (first, suspended, reinstated, revoked, stage.head)
    }
    assert [(one.kind, one.changed_block) for one in found.values()] == [
        (StatusKind.VALID, None),
        (StatusKind.SUSPENDED, suspended),
        (StatusKind.VALID, reinstated),
        (StatusKind.REVOKED, revoked),
        (StatusKind.REVOKED, revoked),
    ]
    assert {one.finality for one in found.values()} == {Finality.FINAL}
    assert {one.read_at.number for one in found.values() if one.read_at} == {stage.head}


def test_status_at_a_time_is_that_of_the_last_block_until_then(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.chain.advance(100)
    stage.mine()
    before = stage.now
    stage.chain.advance(100)
    stage.set_status(alice, LIFECYCLE, 1, 2)
    suspended = stage.now
    stage.chain.advance(100)
    stage.set_status(alice, LIFECYCLE, 1, 0)
    reinstated = stage.now
    stage.chain.advance(100)
    stage.mine()
    reader, entry, did = stage.reader(), stage.entry(LIFECYCLE, 1), stage.did(alice)
    found = [
        (status.kind, status.changed_at)
        for moment in (before, suspended - 1, suspended, reinstated - 1, reinstated, stage.now)
        if (status := reader.read_status(entry, did, at_time=moment))
    ]
    assert found == [
        (StatusKind.VALID, None),
        (StatusKind.VALID, None),
        (StatusKind.SUSPENDED, suspended),
        (StatusKind.SUSPENDED, suspended),
        (StatusKind.VALID, reinstated),
        (StatusKind.VALID, reinstated),
    ]


def test_record_at_a_block_is_that_of_its_end(stage: StatusStage, alice: LocalAccount) -> None:
    first = stage.mine()
    blocks = [stage.set_record(alice, SALT, DIGEST, value) for value in (2, 0, 7, 1)]
    stage.mine(10)
    stage.node.rewrite["eth_call"] = lambda params, result: no_archive(params, result, stage)
    found = [
        (status.value, status.changed_block, status.since_exact)
        for block in (first, *blocks, stage.head)
        if (
            status := stage.reader().read_status(
                stage.record(SALT), stage.did(alice), digest=DIGEST, at_block=block
            )
        )
    ]
    assert found == [
        (0, None, True),
        (2, blocks[0], True),
        (0, blocks[1], True),
        (7, blocks[2], True),
        (1, blocks[3], True),
        (1, blocks[3], True),
    ]


def test_changes_of_one_block_are_told_apart(stage: StatusStage, alice: LocalAccount) -> None:
    before = stage.mine()
    with stage.one_block():
        for value in (2, 0, 3):
            stage.set_status(alice, LIFECYCLE, 1, value)
            stage.set_record(alice, SALT, DIGEST, value)
        stage.mine()
    block = stage.head
    stage.set_status(alice, LIFECYCLE, 1, 1)
    stage.set_record(alice, SALT, DIGEST, 1)
    questions = [
        StatusQuestion(entry=entry, issuer=stage.did(alice), digest=DIGEST)
        for entry in (stage.entry(LIFECYCLE, 1), stage.record(SALT))
    ]
    reader = stage.reader()
    assert [one.value for one in reader.read_statuses(questions, at_block=block)] == [3, 3]
    assert [one.value for one in reader.read_statuses(questions, at_block=before)] == [0, 0]
    changes = reader.history(stage.entry(LIFECYCLE, 1), stage.did(alice))
    assert [(one.previous, one.value) for one in changes] == [(0, 2), (2, 0), (0, 3), (3, 1)]


def test_walk_takes_one_round_trip_for_each_later_change(
    stage: StatusStage, alice: LocalAccount
) -> None:
    block = stage.mine()
    for index in range(5):
        stage.set_status(alice, LIST, index)
    stage.reader().read_status(stage.entry(LIST, 0), stage.did(alice), at_block=block)
    assert stage.node.rounds == 1 + 5


def test_walks_of_many_statuses_share_their_round_trips(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount
) -> None:
    block = stage.mine()
    for index in range(5):
        stage.set_status(alice, LIST, index)
    for value in (2, 0):
        stage.set_status(bob, LIFECYCLE, 0, value)
    entries = [(LIST, i, alice) for i in range(5)] + [(LIFECYCLE, 0, bob)]
    questions = [
        StatusQuestion(entry=stage.entry(listed, index), issuer=stage.did(who))
        for listed, index, who in entries
    ]
    statuses = stage.reader().read_statuses(questions, at_block=block)
    assert all(status.is_valid for status in statuses)
    assert stage.node.rounds == 1 + 5
    # What entries of one word need is asked for once: five blocks of one list, two of the other,
    # and the history of the issuers.
    assert stage.node.methods().count("eth_getLogs") == 1 + 5 + 2


def test_walk_asks_for_single_blocks_only(stage: StatusStage, alice: LocalAccount) -> None:
    block = stage.mine()
    for value in (2, 0, 1):
        stage.set_status(alice, LIFECYCLE, 0, value)
    stage.reader().read_status(stage.entry(LIFECYCLE, 0), stage.did(alice), at_block=block)
    queries = [params[0] for method, params in stage.node.requests if method == "eth_getLogs"]
    _, *walked = queries  # the first is the issuer's history
    assert len(walked) == 3
    assert all(query["fromBlock"] == query["toBlock"] for query in walked)


def test_block_that_is_not_mined_has_no_status(stage: StatusStage, alice: LocalAccount) -> None:
    entry, did = stage.entry(LIST, 0), stage.did(alice)
    for options in ({"at_block": stage.head + 1}, {"at_time": stage.now + 1}):
        status = stage.reader().read_status(entry, did, **options)  # type: ignore[arg-type]
        assert status.kind is StatusKind.UNDETERMINED
        assert isinstance(status.reason, NotFoundError)


@pytest.mark.parametrize("policy", list(FinalityPolicy))
def test_past_of_a_block_that_is_not_final_is_judged_by_the_policy(
    stage: StatusStage, alice: LocalAccount, policy: FinalityPolicy
) -> None:
    stage.set_status(alice, LIFECYCLE, 1, 2)
    stage.node.final = stage.head
    reinstated = stage.set_status(alice, LIFECYCLE, 1, 0)
    stage.set_status(alice, LIFECYCLE, 1, 1)
    status = stage.reader(policy=policy).read_status(
        stage.entry(LIFECYCLE, 1), stage.did(alice), at_block=reinstated
    )
    latest = policy is FinalityPolicy.LATEST
    assert status.kind is (StatusKind.VALID if latest else StatusKind.SUSPENDED)
    assert status.finality is (Finality.PENDING if latest else Finality.FINAL)


def test_past_of_a_final_block_is_final(stage: StatusStage, alice: LocalAccount) -> None:
    block = stage.set_status(alice, LIFECYCLE, 1, 2)
    stage.node.final = stage.mine()
    stage.set_status(alice, LIFECYCLE, 1, 0)
    status = stage.reader().read_status(stage.entry(LIFECYCLE, 1), stage.did(alice), at_block=block)
    assert (status.kind, status.finality) == (StatusKind.SUSPENDED, Finality.FINAL)


def test_exact_since_in_the_past(stage: StatusStage, alice: LocalAccount) -> None:
    own = stage.set_status(alice, LIST, 1)
    stage.set_status(alice, LIST, 2)
    then = stage.set_status(alice, LIST, 3)
    stage.set_status(alice, LIST, 1, 0)
    status = stage.reader().read_status(
        stage.entry(LIST, 1), stage.did(alice), at_block=then, exact_since=True
    )
    assert (status.kind, status.changed_block, status.since_exact) == (
        StatusKind.REVOKED,
        own,
        True,
    )


# -- nodes that do not have it all ---------------------------------------------------------------


def test_missing_events_are_never_guessed(stage: StatusStage, alice: LocalAccount) -> None:
    block = stage.mine()
    stage.set_status(alice, LIST, 1)
    stage.node.rewrite["eth_getLogs"] = lambda *_: []
    status = stage.reader().read_status(stage.entry(LIST, 1), stage.did(alice), at_block=block)
    assert status.kind is StatusKind.UNDETERMINED
    assert isinstance(status.reason, HistoryMissing)


def test_pruned_events_spoil_only_the_statuses_that_need_them(
    stage: StatusStage, alice: LocalAccount
) -> None:
    first = stage.mine()
    changed = stage.set_status(alice, LIST, 1)

    def pruned(params: Any, logs: Any) -> Any:
        if params[0]["fromBlock"] == hex(changed):
            raise Refusal("pruned history unavailable")
        return logs

    stage.node.rewrite["eth_getLogs"] = pruned
    questions = [
        StatusQuestion(entry=stage.entry(listed, 1), issuer=stage.did(alice))
        for listed in (LIST, list_id(salt=b"\x66"))
    ]
    spoilt, whole = stage.reader().read_statuses(questions, at_block=first)
    assert spoilt.kind is StatusKind.UNDETERMINED
    assert whole.is_valid


@pytest.mark.parametrize("place", [0, 1, 2])
def test_event_of_a_word_that_is_left_out_is_noticed(
    stage: StatusStage, alice: LocalAccount, place: int
) -> None:
    block = stage.mine()
    with stage.one_block():
        for value in (2, 0, 1):
            stage.set_status(alice, LIFECYCLE, 1, value)
        stage.mine()
    stage.node.rewrite["eth_getLogs"] = lambda _, logs: logs[:place] + logs[place + 1 :]
    status = stage.reader().read_status(stage.entry(LIFECYCLE, 1), stage.did(alice), at_block=block)
    assert status.kind is StatusKind.UNDETERMINED


@pytest.mark.parametrize("place", [0, 2])
def test_first_or_last_event_of_a_record_that_is_left_out_is_noticed(
    stage: StatusStage, alice: LocalAccount, place: int
) -> None:
    block = stage.mine()
    with stage.one_block():
        for value in (2, 0, 1):
            stage.set_record(alice, SALT, DIGEST, value)
        stage.mine()
    stage.node.rewrite["eth_getLogs"] = lambda _, logs: logs[:place] + logs[place + 1 :]
    status = stage.reader().read_status(
        stage.record(SALT), stage.did(alice), digest=DIGEST, at_block=block
    )
    assert status.kind is StatusKind.UNDETERMINED


def test_node_that_dies_on_the_way_spoils_only_what_needed_the_way(
    stage: StatusStage, alice: LocalAccount
) -> None:
    block = stage.mine()
    stage.set_status(alice, LIST, 1)

    def die() -> None:
        stage.node.dead = TimeoutError("no answer")

    stage.node.after_round[1] = die
    questions = [
        StatusQuestion(entry=stage.entry(listed, 1), issuer=stage.did(alice))
        for listed in (LIST, list_id(salt=b"\x66"))
    ]
    spoilt, whole = stage.reader().read_statuses(questions, at_block=block)
    assert spoilt.kind is StatusKind.UNDETERMINED
    assert whole.is_valid


def test_word_that_changed_too_often_is_given_up(
    stage: StatusStage, alice: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trails, "MAX_STEPS", 3)
    block = stage.mine()
    for index in range(4):
        stage.set_status(alice, LIST, index)
    status = stage.reader().read_status(stage.entry(LIST, 0), stage.did(alice), at_block=block)
    assert isinstance(status.reason, InvalidAnswer)
    assert stage.node.rounds == 1 + 3


def test_block_of_an_event_that_the_node_does_not_know_is_an_error(
    stage: StatusStage, alice: LocalAccount
) -> None:
    block = stage.mine()
    changed = stage.set_status(alice, LIST, 0)
    stage.mine()
    stage.node.rewrite["eth_getBlockByNumber"] = lambda params, found: (
        None if params[0] == hex(changed) else found
    )
    status = stage.reader().read_status(stage.entry(LIST, 0), stage.did(alice), at_block=block)
    assert status.kind is StatusKind.UNDETERMINED


class Reorganiser:
    """Replaces what happened since a mark, each time by other blocks."""

    def __init__(self, stage: StatusStage, what: Callable[[], object]) -> None:
        self.stage = stage
        self.what = what
        self.times = 0
        self.mark = stage.chain.snapshot()

    def __call__(self) -> None:
        self.times += 1
        self.stage.chain.revert(self.mark)
        self.mark = self.stage.chain.snapshot()
        self.stage.chain.advance(100 * self.times)
        self.what()


def test_event_of_another_block_of_that_number_is_noticed(
    stage: StatusStage, alice: LocalAccount
) -> None:
    block = stage.mine()
    stage.set_status(alice, LIST, 0)
    stage.node.rewrite["eth_getLogs"] = lambda _, logs: [
        {**log, "blockHash": "0x" + "77" * 32} for log in logs
    ]
    status = stage.reader().read_status(stage.entry(LIST, 0), stage.did(alice), at_block=block)
    assert isinstance(status.reason, NodeInconsistent)


def test_chain_that_is_reorganised_on_the_way_is_read_again(
    stage: StatusStage, alice: LocalAccount
) -> None:
    def otherwise() -> None:
        stage.mine()
        stage.set_status(alice, LIST, 0)

    reorganise = Reorganiser(stage, otherwise)
    revoked = stage.set_status(alice, LIST, 0)
    stage.set_status(alice, LIST, 0, 0)
    stage.node.after_round[1] = reorganise
    status = stage.reader().read_status(stage.entry(LIST, 0), stage.did(alice), at_block=revoked)
    assert status.is_valid
    assert status.read_at is not None
    assert (
        "0x" + status.read_at.hash.hex()
        == stage.ask("eth_getBlockByNumber", "latest", False)["hash"]
    )


def test_chain_that_never_stands_still_is_undetermined(
    stage: StatusStage, alice: LocalAccount
) -> None:
    block = stage.mine()
    reorganise = Reorganiser(stage, lambda: stage.set_status(alice, LIST, 0))
    stage.set_status(alice, LIST, 0)
    stage.node.after_round = dict.fromkeys(range(1, 20), reorganise)
    status = stage.reader().read_status(stage.entry(LIST, 0), stage.did(alice), at_block=block)
    assert status.kind is StatusKind.UNDETERMINED
    assert isinstance(status.reason, ChainMoved)
    assert stage.node.rounds == 2 * ATTEMPTS


# -- the history of a status ---------------------------------------------------------------------


def test_history_has_every_change_of_the_entry_itself(
    stage: StatusStage, alice: LocalAccount
) -> None:
    first = stage.set_status(alice, LIST, 1)
    at = stage.now
    stage.set_status(alice, LIST, 2)
    second = stage.set_status(alice, LIST, 1, 0)
    changes = stage.reader().history(stage.entry(LIST, 1), stage.did(alice))
    assert [(one.block_number, one.previous, one.value) for one in changes] == [
        (first, 0, 1),
        (second, 1, 0),
    ]
    block = stage.ask("eth_getBlockByNumber", hex(first), False)
    assert changes[0].timestamp == at
    assert changes[0].to_dict() == {
        "value": 1,
        "previousValue": 0,
        "blockNumber": first,
        "blockTimestamp": at,
        "blockHash": block["hash"],
        "logIndex": 0,
        "transactionHash": block["transactions"][0],
        "counts": True,
    }


def test_history_of_a_record_has_all_its_changes(stage: StatusStage, alice: LocalAccount) -> None:
    blocks = [stage.set_record(alice, SALT, DIGEST, value) for value in (2, 1)]
    changes = stage.reader().history(stage.record(SALT), stage.did(alice), digest=DIGEST)
    assert [(one.block_number, one.value) for one in changes] == [(blocks[0], 2), (blocks[1], 1)]


def test_history_of_what_never_changed_is_empty(stage: StatusStage, alice: LocalAccount) -> None:
    assert stage.reader().history(stage.entry(LIST, 1), stage.did(alice)) == ()


def test_history_that_the_node_does_not_have_raises(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 1)
    stage.node.rewrite["eth_getLogs"] = lambda *_: []
    with pytest.raises(HistoryMissing):
        stage.reader().history(stage.entry(LIST, 1), stage.did(alice))


def test_history_is_read_again_where_the_chain_moves(
    stage: StatusStage, alice: LocalAccount
) -> None:
    reorganise = Reorganiser(stage, lambda: stage.set_status(alice, LIST, 1))
    stage.set_status(alice, LIST, 1)
    stage.node.after_round[1] = reorganise
    (change,) = stage.reader().history(stage.entry(LIST, 1), stage.did(alice))
    assert change.timestamp == stage.now
    stage.node.after_round = dict.fromkeys(range(1, 40), reorganise)
    with pytest.raises(ChainMoved):
        stage.reader().history(stage.entry(LIST, 1), stage.did(alice))


def test_history_without_a_registry_raises(stage: StatusStage, alice: LocalAccount) -> None:
    nowhere = "0x" + "77" * 20
    reader = StatusReader([stage.asked(status_registry=nowhere)], retries=0)
    entry = {**stage.entry(LIST, 1).to_dict(), "registry": f"eip155:31337:{nowhere}"}
    with pytest.raises(RegistryMissing):
        reader.history(entry, stage.did(alice))


def test_only_what_is_on_chain_has_a_history_there(stage: StatusStage, alice: LocalAccount) -> None:
    entry = {
        "type": "EthrRevocationRegistry2022",
        "chainId": str(stage.network.chain_id),
        "registry": "0x" + "11" * 20,
        "namespace": alice.address,
        "revocationList": "0x" + "22" * 32,
        "revocationKey": "0x" + "33" * 32,
    }
    reader = stage.reader(legacy_registries=[])
    with pytest.raises(StatusUndetermined, match="not one of those"):
        reader.history(entry, stage.did(alice))

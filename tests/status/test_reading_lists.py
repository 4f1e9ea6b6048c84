"""Whole lists on chain in one call, and what a reader of lists kept off chain is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.artifacts import ContractName
from ethr_did.core.bitstring import BitOrder
from ethr_did.core.keys import to_checksum_address
from ethr_did.core.status_answer import Finality, FinalityPolicy, Status, StatusKind
from ethr_did.core.status_calls import NO_HEADER, Header
from ethr_did.core.status_entry import Anchor, BitstringEntry, ContractId, TokenEntry
from ethr_did.core.status_list import Flag, Purpose
from ethr_did.errors import (
    ChainError,
    FetchError,
    HistoryMissing,
    InvalidAnswer,
    InvalidConfiguration,
    InvalidOption,
    InvalidStatusEntry,
    InvalidStatusList,
    NodeRefused,
    NotFoundError,
    RegistryMissing,
    StatusUndetermined,
)
from ethr_did.registries import anchor_registry, status_registry
from ethr_did.status.reading import AnchoredList, AnchorView, StatusQuestion, StatusReader
from support.status_chain import create
from support.status_node import Refusal
from support.status_stage import LIFECYCLE, LIST, list_id

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from ethr_did.core.bitstring import Bitstring
    from support.status_stage import StatusStage

W3C = list_id(flags=Flag.ANCHORED)
IETF = list_id(bits=2, purpose=Purpose.LIFECYCLE, flags=Flag.ANCHORED | Flag.LSB_FIRST)


def marked(statuses: Bitstring) -> dict[int, int]:
    """Entries that are not 0."""
    return {index: value for index, value in enumerate(statuses.values()) if value}


# -- lists on chain ------------------------------------------------------------------------------


def test_list_of_131072_entries_is_read_in_one_call(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_values(alice, LIST, {0: 1, 207: 1, 208: 1, 131_071: 1})
    found = stage.reader().read_list(LIST, stage.did(alice))
    assert len(found.statuses) == 131_072
    assert marked(found.statuses) == {0: 1, 207: 1, 208: 1, 131_071: 1}
    assert (found.finality, found.read_at.number) == (Finality.FINAL, stage.head)
    assert stage.node.rounds == 1
    sizes = [len(params[0]["data"]) for name, params in stage.node.requests if name == "eth_call"]
    assert len([size for size in sizes if size == 2 + 8 + 4 * 64]) == 2  # newest and final block


@pytest.mark.parametrize("order", list(BitOrder))
def test_list_has_the_bit_order_that_is_asked_for(
    stage: StatusStage, alice: LocalAccount, order: BitOrder
) -> None:
    stage.set_values(alice, LIFECYCLE, {0: 2, 1: 1, 104: 3})
    found = stage.reader().read_list(LIFECYCLE, stage.did(alice), order=order)
    assert found.statuses.order is order
    assert marked(found.statuses) == {0: 2, 1: 1, 104: 3}
    assert found.statuses.data[0] == (0b10010000 if order is BitOrder.MSB_FIRST else 0b0110)


def test_large_list_is_read_in_several_calls_of_one_batch(
    stage: StatusStage, alice: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_registry, "WORDS_CHUNK", 100)
    stage.set_values(alice, LIST, {99 * 208: 1, 100 * 208: 1, 130_000: 1})
    found = stage.reader().read_list(LIST, stage.did(alice))
    assert marked(found.statuses) == {99 * 208: 1, 100 * 208: 1, 130_000: 1}
    assert stage.node.rounds == 1


def test_list_that_is_too_large_to_be_read_whole_is_refused(
    stage: StatusStage, alice: LocalAccount
) -> None:
    huge = list_id(capacity=2**31)
    with pytest.raises(InvalidStatusList, match="at most 200000 are read at once"):
        stage.reader().read_list(huge, stage.did(alice))


def test_list_at_an_earlier_block(stage: StatusStage, alice: LocalAccount) -> None:
    stage.set_values(alice, LIST, {1: 1, 300: 1, 600: 1})
    then, moment = stage.head, stage.now
    stage.chain.advance(10)
    stage.set_values(alice, LIST, {1: 0, 2: 1})
    stage.set_values(alice, LIST, {300: 0, 1: 1})
    stage.set_values(alice, LIST, {900: 1})
    reader, did = stage.reader(), stage.did(alice)
    assert marked(reader.read_list(LIST, did, at_block=then).statuses) == {1: 1, 300: 1, 600: 1}
    assert stage.node.rounds == 1 + 2  # the word that changed most did so twice
    assert marked(reader.read_list(LIST, did, at_time=moment).statuses) == {1: 1, 300: 1, 600: 1}
    assert marked(reader.read_list(LIST, did, at_block=0).statuses) == {}
    assert set(marked(reader.read_list(LIST, did).statuses)) == {1, 2, 600, 900}


@pytest.mark.parametrize(
    ("policy", "expected", "finality"),
    [
        (FinalityPolicy.STRICTEST, {1: 2, 2: 1, 3: 1, 4: 2}, Finality.PENDING),
        (FinalityPolicy.LATEST, {1: 0, 2: 1, 3: 1, 4: 2}, Finality.PENDING),
        (FinalityPolicy.FINALIZED, {1: 2, 2: 2, 3: 0, 4: 2}, Finality.FINAL),
    ],
)
def test_of_two_views_of_a_list_each_entry_is_the_stricter_one(
    stage: StatusStage,
    alice: LocalAccount,
    policy: FinalityPolicy,
    expected: dict[int, int],
    finality: Finality,
) -> None:
    stage.set_values(alice, LIFECYCLE, {1: 2, 2: 2, 4: 2})
    stage.node.final = stage.head
    stage.set_values(alice, LIFECYCLE, {1: 0, 2: 1, 3: 1})
    found = stage.reader(policy=policy).read_list(LIFECYCLE, stage.did(alice))
    assert marked(found.statuses) == {at: value for at, value in expected.items() if value}
    assert found.finality is finality


def test_list_that_is_the_same_in_the_final_block_is_final(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_values(alice, LIST, {1: 1})
    stage.node.final = stage.head
    stage.mine(3)
    assert stage.reader().read_list(LIST, stage.did(alice)).finality is Finality.FINAL


def test_list_without_a_final_block_is_read_only_by_those_who_want_the_latest(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_values(alice, LIST, {1: 1})
    stage.node.final = None
    with pytest.raises(NodeRefused, match="which block is final"):
        stage.reader().read_list(LIST, stage.did(alice))
    found = stage.reader(policy=FinalityPolicy.LATEST).read_list(LIST, stage.did(alice))
    assert (marked(found.statuses), found.finality) == ({1: 1}, Finality.UNKNOWN)


def test_list_that_cannot_be_read_raises(stage: StatusStage, alice: LocalAccount) -> None:
    did = stage.did(alice)
    with pytest.raises(NotFoundError):
        stage.reader().read_list(LIST, did, at_block=stage.head + 1)
    with pytest.raises(InvalidStatusEntry):
        stage.reader().read_list(LIST, did, registry=ContractId(31337, stage.anchors))
    for wrong, error in (
        ({"status_registry": None}, InvalidConfiguration),
        ({"status_registry": "0x" + "77" * 20}, RegistryMissing),
        ({"did_registry": stage.network.anchor_registry}, RegistryMissing),
    ):
        reader = StatusReader([stage.asked(**wrong)], retries=0)
        with pytest.raises(error):
            reader.read_list(LIST, did)
    with pytest.raises(ChainError, match="older than"):
        stage.reader(max_age=1, clock=lambda: stage.now + 10).read_list(LIST, did)


def test_past_of_a_list_that_the_node_does_not_have_raises(
    stage: StatusStage, alice: LocalAccount
) -> None:
    then = stage.mine()
    stage.set_values(alice, LIST, {1: 1})
    stage.node.rewrite["eth_getLogs"] = lambda *_: []
    with pytest.raises(HistoryMissing):
        stage.reader().read_list(LIST, stage.did(alice), at_block=then)


@pytest.mark.parametrize("tag", ["latest", "finalized"])
def test_words_of_another_form_are_no_list(
    stage: StatusStage, alice: LocalAccount, tag: str
) -> None:
    stage.node.final = stage.head
    stage.mine()
    stage.node.rewrite["eth_call"] = lambda params, result: (
        "0x00" if params[1] == tag and len(result) > 40_000 else result
    )
    with pytest.raises(InvalidAnswer):
        stage.reader().read_list(LIST, stage.did(alice))
    if tag == "finalized":  # which does not matter to those who want the latest
        latest = stage.reader(policy=FinalityPolicy.LATEST)
        assert latest.read_list(LIST, stage.did(alice)).finality is Finality.UNKNOWN


# -- lists kept off chain ------------------------------------------------------------------------


class Shelf:
    """A reader of lists that says what it was told, and answers as it is asked to."""

    def __init__(self, answer: Status | Exception | None = None) -> None:
        self.answer = answer or Status(kind=StatusKind.VALID, value=0)
        self.told: list[tuple[BitstringEntry | TokenEntry, AnchoredList]] = []

    def read(self, entry: BitstringEntry | TokenEntry, anchored: AnchoredList) -> Status:
        self.told.append((entry, anchored))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    @property
    def headers(self) -> tuple[Header | ChainError, Header | ChainError]:
        """The headers it was told last: of the newest and of the last finalised block."""
        anchored = self.told[-1][1]
        assert isinstance(anchored.latest, AnchorView)
        assert isinstance(anchored.finalized, AnchorView)
        return anchored.latest.header, anchored.finalized.header


def w3c(stage: StatusStage, index: int = 7) -> BitstringEntry:
    """An entry of an anchored list."""
    anchor = Anchor(registry=ContractId(31337, stage.anchors), list_id=W3C)
    return BitstringEntry(
        list_url="https://example.com/1", index=index, purpose=Purpose.REVOCATION, anchor=anchor
    )


def ietf(stage: StatusStage, index: int = 7) -> TokenEntry:
    """An entry of an anchored list of the other kind."""
    anchor = Anchor(registry=ContractId(31337, stage.anchors), list_id=IETF)
    return TokenEntry(uri="https://example.com/2", index=index, anchor=anchor)


def test_reader_of_lists_is_told_the_current_header(
    stage: StatusStage, alice: LocalAccount
) -> None:
    header = stage.publish(alice, W3C)
    stage.mine(3)
    shelf = Shelf()
    status = stage.reader(lists=shelf).read_status(w3c(stage), stage.did(alice))
    assert status.is_valid
    ((entry, anchored),) = shelf.told
    assert entry == w3c(stage)
    assert shelf.headers == (header, header)
    assert isinstance(anchored.latest, AnchorView)
    assert anchored.latest.head == header.head
    assert anchored.latest.read_at.number == stage.head
    assert anchored.identity == stage.did(alice).address
    assert (anchored.at_time, anchored.issuer_deactivated) == (None, None)
    assert stage.node.rounds == 1


def test_lists_and_entries_on_chain_share_one_round_trip(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 1)
    stage.publish(alice, W3C)
    header = stage.publish(bob, IETF)
    shelf = Shelf()
    questions = [
        StatusQuestion(entry=stage.entry(LIST, 1), issuer=stage.did(alice)),
        StatusQuestion(entry=w3c(stage), issuer=stage.did(alice)),
        StatusQuestion(entry=ietf(stage), issuer=stage.did(bob)),
    ]
    found = stage.reader(lists=shelf).read_statuses(questions)
    assert [one.kind.value for one in found] == ["revoked", "valid", "valid"]
    assert shelf.headers == (header, header)
    assert stage.node.rounds == 1


def test_list_that_was_never_published_has_no_header(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount
) -> None:
    stage.publish(bob, W3C)
    shelf = Shelf()
    stage.reader(lists=shelf).read_status(w3c(stage), stage.did(alice))
    assert shelf.headers == (NO_HEADER, NO_HEADER)


def test_version_that_is_not_final_yet_stands_beside_the_final_one(
    stage: StatusStage, alice: LocalAccount
) -> None:
    first = stage.publish(alice, W3C)
    stage.node.final = stage.head
    second = stage.publish(alice, W3C, first, digest=b"\x07" * 32)
    shelf = Shelf()
    stage.reader(lists=shelf).read_status(w3c(stage), stage.did(alice))
    assert shelf.headers == (second, first)
    assert shelf.told[-1][1].policy is FinalityPolicy.STRICTEST
    assert stage.node.rounds == 1


def test_header_is_found_without_block_times_in_the_logs(
    stage: StatusStage, alice: LocalAccount
) -> None:
    header = stage.publish(alice, W3C)
    stage.node.rewrite["eth_getLogs"] = lambda _, logs: [
        {name: value for name, value in log.items() if name != "blockTimestamp"} for log in logs
    ]
    shelf = Shelf()
    stage.reader(lists=shelf).read_status(w3c(stage), stage.did(alice))
    assert shelf.headers == (header, header)
    assert stage.node.rounds == 2


@pytest.mark.parametrize("lag", [0, 3])
def test_header_is_found_where_wide_queries_are_refused(
    stage: StatusStage, alice: LocalAccount, lag: int
) -> None:
    first = stage.publish(alice, W3C)
    stage.mine(40)
    second = stage.publish(alice, W3C, first)
    stage.mine(20)
    stage.node.final = stage.head - lag

    def narrow(params: Any, logs: Any) -> Any:
        query = params[0]
        last = stage.head if query["toBlock"] == "latest" else int(query["toBlock"], 16)
        if last - int(query["fromBlock"], 16) + 1 > 10:
            raise Refusal("block range is too wide")
        return logs

    stage.node.rewrite["eth_getLogs"] = narrow
    shelf = Shelf()
    stage.reader(lists=shelf).read_status(w3c(stage), stage.did(alice))
    assert shelf.headers == (second, second)
    stage.node.final = second.block_number - 1
    stage.reader(lists=shelf).read_status(w3c(stage), stage.did(alice))
    assert shelf.headers == (second, first)


def test_header_that_cannot_be_found_is_an_error_in_its_place(
    stage: StatusStage, alice: LocalAccount
) -> None:
    header = stage.publish(alice, W3C)
    stage.node.rewrite["eth_getLogs"] = lambda *_: []
    shelf = Shelf()
    stage.reader(lists=shelf).read_status(w3c(stage), stage.did(alice))
    latest, _ = shelf.headers
    assert isinstance(latest, HistoryMissing)
    view = shelf.told[-1][1].latest
    assert isinstance(view, AnchorView)
    assert view.head == header.head  # who shows the header has shown it


def test_forged_event_makes_no_header(stage: StatusStage, alice: LocalAccount) -> None:
    stage.publish(alice, W3C)

    def forge(_: Any, logs: Any) -> Any:
        return [{**log, "data": "0x" + "99" * 32 + log["data"][66:]} for log in logs]

    stage.node.rewrite["eth_getLogs"] = forge
    shelf = Shelf()
    stage.reader(lists=shelf).read_status(w3c(stage), stage.did(alice))
    assert isinstance(shelf.headers[0], HistoryMissing)


def test_version_of_an_earlier_block_or_time(stage: StatusStage, alice: LocalAccount) -> None:
    before = stage.mine()
    first = stage.publish(alice, W3C)
    stage.chain.advance(100)
    second = stage.publish(alice, W3C, first)
    stage.chain.advance(100)
    third = stage.publish(alice, W3C, second)
    shelf = Shelf()
    reader, entry, did = stage.reader(lists=shelf), w3c(stage), stage.did(alice)
    for block, expected in (
        (before, NO_HEADER),
        (first.block_number, first),
        (second.block_number, second),
        (third.block_number, third),
    ):
        reader.read_status(entry, did, at_block=block)
        assert shelf.headers == (expected, expected)
        found = stage.ask("eth_getBlockByNumber", hex(block), False)
        assert shelf.told[-1][1].at_time == int(found["timestamp"], 16)
    reader.read_status(entry, did, at_time=second.published_at + 1)
    assert shelf.headers == (second, second)
    assert shelf.told[-1][1].at_time == second.published_at + 1


def test_chain_that_moves_while_a_header_is_searched_is_read_again(
    stage: StatusStage, alice: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(anchor_registry, "FIRST_WINDOW", 2)
    header = stage.publish(alice, W3C)
    mark = stage.chain.snapshot()
    stage.mine(6)

    def narrow(params: Any, logs: Any) -> Any:
        if params[0]["fromBlock"] != params[0]["toBlock"] and params[0]["toBlock"] == "latest":
            raise Refusal("block range is too wide")
        return logs

    def reorganise() -> None:
        stage.chain.revert(mark)
        stage.chain.advance(100)
        stage.mine(6)

    stage.node.rewrite["eth_getLogs"] = narrow
    shelf = Shelf()
    reader = stage.reader(lists=shelf)
    reader.read_status(w3c(stage), stage.did(alice))
    stage.node.after_round[stage.node.rounds + 2] = reorganise
    reader.read_status(w3c(stage), stage.did(alice))
    assert shelf.headers == (header, header)
    view = shelf.told[-1][1].latest
    assert isinstance(view, AnchorView)
    assert view.read_at.timestamp == stage.now


def test_list_kept_off_chain_has_no_history_on_it(stage: StatusStage, alice: LocalAccount) -> None:
    with pytest.raises(InvalidOption):
        stage.reader(lists=Shelf()).history(w3c(stage), stage.did(alice))


def test_version_that_was_published_after_the_issuer_gave_up_does_not_count(
    stage: StatusStage, alice: LocalAccount
) -> None:
    first = stage.publish(alice, W3C)
    given_up = stage.deactivate(alice)
    second = stage.publish(alice, W3C, first)
    shelf = Shelf()
    stage.reader(lists=shelf).read_status(w3c(stage), stage.did(alice))
    assert shelf.headers == (first, first)
    anchored = shelf.told[-1][1]
    assert anchored.issuer_deactivated == given_up
    assert isinstance(anchored.latest, AnchorView)
    assert anchored.latest.head == second.head


def test_version_before_that_the_node_does_not_have_is_an_error(
    stage: StatusStage, alice: LocalAccount
) -> None:
    first = stage.publish(alice, W3C)
    stage.publish(alice, W3C, first)
    stage.node.rewrite["eth_getLogs"] = lambda _, logs: [
        log for log in logs if int(log["blockNumber"], 16) > first.block_number
    ]
    shelf = Shelf()
    stage.reader(lists=shelf).read_status(w3c(stage), stage.did(alice), at_block=first.block_number)
    assert isinstance(shelf.headers[0], HistoryMissing)


def test_reader_of_lists_that_fails_leaves_the_status_undetermined(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.publish(alice, W3C)
    shelf = Shelf(FetchError("the list cannot be fetched"))
    status = stage.reader(lists=shelf).read_status(w3c(stage), stage.did(alice))
    assert status.kind is StatusKind.UNDETERMINED
    assert isinstance(status.reason, FetchError)


def test_without_a_reader_of_lists_their_entries_are_undetermined(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.publish(alice, W3C)
    status = stage.reader().read_status(w3c(stage), stage.did(alice))
    assert isinstance(status.reason, StatusUndetermined)
    assert stage.node.rounds == 0


def test_list_that_is_not_anchored_is_undetermined(stage: StatusStage, alice: LocalAccount) -> None:
    entry = {
        "type": "BitstringStatusListEntry",
        "statusPurpose": "revocation",
        "statusListIndex": "7",
        "statusListCredential": "https://example.com/1",
    }
    shelf = Shelf()
    status = stage.reader(lists=shelf).read_status(entry, stage.did(alice))
    assert isinstance(status.reason, StatusUndetermined)
    assert shelf.told == []


def test_anchor_in_a_contract_that_is_not_configured_is_undetermined(
    stage: StatusStage, alice: LocalAccount
) -> None:
    anchor = Anchor(registry=ContractId(31337, stage.statuses), list_id=W3C)
    entry = BitstringEntry(
        list_url="https://example.com/1", index=7, purpose=Purpose.REVOCATION, anchor=anchor
    )
    shelf = Shelf()
    status = stage.reader(lists=shelf).read_status(entry, stage.did(alice))
    assert isinstance(status.reason, InvalidStatusEntry)
    assert shelf.told == []


@pytest.mark.parametrize("lens", [True, False])
def test_anchor_registry_of_another_did_registry_is_told(
    stage: StatusStage,
    alice: LocalAccount,
    lens: bool,  # noqa: FBT001 - parametrised
) -> None:
    stage.publish(alice, W3C)
    more: dict[str, Any] = {} if lens else {"status_lens": None}
    theirs = create(stage.chain, ContractName.ETHEREUM_DID_REGISTRY)
    network = stage.asked(did_registry=to_checksum_address(theirs), **more)
    shelf = Shelf()
    with StatusReader([network], retries=0, lists=shelf) as reader:
        reader.read_status(w3c(stage), stage.did(alice))
    anchored = shelf.told[-1][1]
    assert isinstance(anchored.latest, RegistryMissing)
    assert isinstance(anchored.finalized, RegistryMissing)


def test_final_block_that_is_not_said_is_told_as_an_error(
    stage: StatusStage, alice: LocalAccount
) -> None:
    header = stage.publish(alice, W3C)
    stage.node.final = None
    shelf = Shelf()
    stage.reader(lists=shelf).read_status(w3c(stage), stage.did(alice))
    anchored = shelf.told[-1][1]
    assert isinstance(anchored.latest, AnchorView)
    assert anchored.latest.header == header
    assert isinstance(anchored.finalized, NodeRefused)

"""Events of the status contracts: real logs of the in-process chain, and logs that are none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from eth_hash.auto import keccak

from ethr_did.chain.artifacts import ContractName, load
from ethr_did.core.keys import Address, parse_address
from ethr_did.core.status_calls import locate_call
from ethr_did.core.status_events import (
    ANCHORED_TOPIC,
    LOCATED_TOPIC,
    RECORD_TOPIC,
    WORD_TOPIC,
    ListAnchored,
    ListLocated,
    RecordChanged,
    WordChanged,
    decode_status_log,
    decode_status_logs,
)
from ethr_did.core.status_list import Authority, Flag, StatusWord, status_key
from ethr_did.errors import InvalidAnswer, NodeInconsistent
from support.status_stage import LIFECYCLE, StatusStage, list_id

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount, LocalChain
    from ethr_did.chain.networks import Network
    from ethr_did.core.status_events import StatusEvent

DIGEST, SALT = b"\x0d" * 32, b"\x5a" * 32
W3C = list_id(flags=Flag.ANCHORED)
TOPICS = {
    WORD_TOPIC: "StatusWordChanged",
    RECORD_TOPIC: "StatusRecordChanged",
    ANCHORED_TOPIC: "StatusListAnchored",
    LOCATED_TOPIC: "StatusListLocated",
}


@pytest.fixture
def stage(chain: LocalChain, status_network: Network) -> StatusStage:
    return StatusStage(chain=chain, network=status_network)


def logs(stage: StatusStage, contract: Address, block: int) -> list[dict[str, Any]]:
    """The logs of a contract in one block."""
    query = {"address": "0x" + contract.hex(), "fromBlock": hex(block), "toBlock": hex(block)}
    found: list[dict[str, Any]] = stage.ask("eth_getLogs", query)
    return found


def one(stage: StatusStage, contract: Address, block: int) -> StatusEvent:
    """The only event of a block, decoded."""
    (log,) = logs(stage, contract, block)
    return decode_status_log(log)


def test_topics_are_those_of_the_abi() -> None:
    found = {}
    for name in (
        ContractName.CREDENTIAL_STATUS_REGISTRY,
        ContractName.STATUS_LIST_ANCHOR_REGISTRY,
    ):
        for entry in load(name).abi:
            if entry["type"] == "event":
                kinds = ",".join(argument["type"] for argument in entry["inputs"])
                found[keccak(f"{entry['name']}({kinds})".encode())] = entry["name"]
    assert found == TOPICS


def test_change_of_a_word_is_decoded(stage: StatusStage, alice: LocalAccount) -> None:
    first = stage.set_status(alice, LIFECYCLE, 300, 2)
    second = stage.set_status(alice, LIFECYCLE, 301, 3)
    event = one(stage, stage.statuses, second)
    assert isinstance(event, WordChanged)
    shift = (300 - 208) * 2
    before = StatusWord(first << 208 | 2 << shift)
    assert (event.list_id, event.word, event.previous_word) == (LIFECYCLE, 2, before)
    assert event.payload == 2 << shift | 3 << shift + 2
    assert event.stored == StatusWord(second << 208 | event.payload)
    assert (event.contract, event.identity) == (stage.statuses, parse_address(alice.address))
    block = stage.ask("eth_getBlockByNumber", hex(second), False)
    assert "0x" + event.block_hash.hex() == block["hash"]
    assert "0x" + event.tx_hash.hex() == block["transactions"][0]
    assert (event.block_number, event.log_index, event.block_timestamp) == (second, 0, stage.now)


def test_change_of_a_record_is_decoded(stage: StatusStage, alice: LocalAccount) -> None:
    first = stage.set_record(alice, SALT, DIGEST, 2)
    second = stage.set_record(alice, SALT, DIGEST, 1)
    event = one(stage, stage.statuses, second)
    assert isinstance(event, RecordChanged)
    assert event.key == status_key(SALT, DIGEST)
    assert (event.record.value, event.record.previous_block) == (1, first)
    assert (event.record.changed_block, event.record.changed_at) == (second, stage.now)


def test_version_of_a_list_is_decoded(stage: StatusStage, alice: LocalAccount) -> None:
    first = stage.publish(alice, W3C)
    second = stage.publish(alice, W3C, first, digest=b"\x07" * 32)
    event = one(stage, stage.anchors, second.block_number)
    assert isinstance(event, ListAnchored)
    assert (event.version, event.previous_block) == (2, first.block_number)
    assert event.header == second


def test_header_needs_the_time_of_its_block(stage: StatusStage, alice: LocalAccount) -> None:
    header = stage.publish(alice, W3C)
    (log,) = logs(stage, stage.anchors, header.block_number)
    del log["blockTimestamp"]
    event = decode_status_log(log)
    assert isinstance(event, ListAnchored)
    assert event.block_timestamp is None
    with pytest.raises(InvalidAnswer, match="without its time"):
        _ = event.header


@pytest.mark.parametrize("uri", ["https://example.com/ü", "", "x" * 32])
def test_place_of_a_list_is_decoded(stage: StatusStage, alice: LocalAccount, uri: str) -> None:
    data = locate_call(parse_address(alice.address), Authority.OWNER, W3C, uri)
    block = stage.send(alice, stage.anchors, data)
    event = one(stage, stage.anchors, block)
    assert isinstance(event, ListLocated)
    assert (event.list_id, event.uri) == (W3C, uri)


# -- answers of nodes ----------------------------------------------------------------------------


def test_logs_that_were_asked_for_are_decoded(stage: StatusStage, alice: LocalAccount) -> None:
    identity = parse_address(alice.address)
    word = stage.set_status(alice, LIFECYCLE, 0, 1)
    record = stage.set_record(alice, SALT, DIGEST)
    found = [*logs(stage, stage.statuses, word), *logs(stage, stage.statuses, record)]
    places = {(identity, LIFECYCLE.value), (identity, status_key(SALT, DIGEST))}
    events = decode_status_logs(found, contract=stage.statuses, places=places)
    assert [type(event) for event in events] == [WordChanged, RecordChanged]


@pytest.mark.parametrize("answer", [None, {}, "0x", 7])
def test_answer_that_is_no_list_is_none(answer: object) -> None:
    with pytest.raises(InvalidAnswer, match="did not return a list"):
        decode_status_logs(answer, contract=Address(bytes(20)), places=())


@pytest.mark.parametrize("what", ["contract", "identity", "list"])
def test_log_that_nobody_asked_for_is_refused(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount, what: str
) -> None:
    block = stage.set_status(alice, LIFECYCLE, 0, 1)
    contract = stage.anchors if what == "contract" else stage.statuses
    who = bob if what == "identity" else alice
    listed = W3C if what == "list" else LIFECYCLE
    places = {(parse_address(who.address), listed.value)}
    with pytest.raises(NodeInconsistent, match="nobody asked for"):
        decode_status_logs(logs(stage, stage.statuses, block), contract=contract, places=places)


def good_log() -> dict[str, Any]:
    """A change of a word."""
    return {
        "address": "0x" + "11" * 20,
        "topics": [
            "0x" + WORD_TOPIC.hex(),
            "0x" + "00" * 12 + "22" * 20,
            LIFECYCLE.text,
        ],
        "data": "0x" + "00" * 64,
        "blockNumber": "0x5",
        "blockHash": "0x" + "33" * 32,
        "logIndex": "0x0",
        "transactionHash": "0x" + "44" * 32,
    }


def located(offset: int, size: int, data: bytes) -> dict[str, Any]:
    """A log of where a list is."""
    topics = ["0x" + LOCATED_TOPIC.hex(), *good_log()["topics"][1:2], W3C.text]
    encoded = offset.to_bytes(32) + size.to_bytes(32) + data
    return {"topics": topics, "data": "0x" + encoded.hex()}


def test_log_that_the_broken_ones_are_made_of_is_good() -> None:
    assert isinstance(decode_status_log(good_log()), WordChanged)
    text = b"https://x".ljust(32, b"\0")
    event = decode_status_log({**good_log(), **located(32, 9, text)})
    assert isinstance(event, ListLocated)


@pytest.mark.parametrize(
    "wrong",
    [
        {"topics": []},
        {"topics": ["0x" + WORD_TOPIC.hex()]},
        {"topics": ["0x" + "99" * 32, *good_log()["topics"][1:]]},
        {"topics": [*good_log()["topics"][:2]]},
        {"topics": [*good_log()["topics"], "0x" + "00" * 32]},
        {"topics": [good_log()["topics"][0], "0x" + "22" * 32, LIFECYCLE.text]},
        {"topics": [*good_log()["topics"][:2], "0x" + "ff" * 32]},
        {"topics": [WORD_TOPIC.hex(), *good_log()["topics"][1:]]},
        {"topics": None},
        {"data": "0x"},
        {"data": "0x" + "00" * 63},
        {"data": "0x" + "00" * 96},
        {"data": "nonsense"},
        {"address": "0x11"},
        {"blockNumber": "5"},
        {"blockNumber": "0x"},
        {"blockNumber": 5},
        {"blockNumber": "0x5_0"},
        {"blockHash": None},
        {"blockHash": "0x" + "33" * 31},
        {"logIndex": None},
        {"transactionHash": "0x"},
        {"blockTimestamp": "yesterday"},
        located(64, 0, b""),
        located(32, 1, b""),
        located(32, 0, bytes(32)),
        located(32, 1, b"\xff" * 32),
        located(32, 4000, bytes(4000)),
    ],
    ids=str,
)
def test_log_that_no_status_contract_writes_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidAnswer, match="no event of a status contract"):
        decode_status_log({**good_log(), **wrong})


@pytest.mark.parametrize("log", [None, 7, [], "0x"])
def test_what_is_no_log_at_all_is_refused(log: Any) -> None:
    with pytest.raises(InvalidAnswer):
        decode_status_log(log)

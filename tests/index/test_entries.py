"""Logs on their way into the index: what is kept of them, and what is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.erc1056 import TOPICS
from ethr_did.core.keys import Address
from ethr_did.core.status_events import ANCHORED_TOPIC, LOCATED_TOPIC, RECORD_TOPIC, WORD_TOPIC
from ethr_did.errors import InvalidAnswer
from ethr_did.index.entries import Contracts, Entry, Kind, Place, entry_of, log_of
from support.fake_chain import REGISTRY, FakeChain, Person
from support.status import list_id

if TYPE_CHECKING:
    from collections.abc import Callable

ALICE = Person.named("alice")
STATUSES = Address(b"\x51" * 20)
ANCHORS = Address(b"\x52" * 20)
CONTRACTS = Contracts(did_registry=REGISTRY, status_registry=STATUSES, anchor_registry=ANCHORS)
LIST = list_id()
ANCHORED = list_id(flags=4)


def word(number: int) -> bytes:
    return number.to_bytes(32)


def status_log(topics: list[bytes], data: bytes, contract: Address = STATUSES) -> dict[str, Any]:
    """A log of a status contract, in block 9."""
    subject = [topics[0], ALICE.address.rjust(32, b"\0"), *topics[1:]]
    return {
        "address": "0x" + contract.hex(),
        "topics": ["0x" + topic.hex() for topic in subject],
        "data": "0x" + data.hex(),
        "blockNumber": "0x9",
        "blockHash": "0x" + "ab" * 32,
        "blockTimestamp": "0x65",
        "logIndex": "0x3",
        "transactionHash": "0x" + "cd" * 32,
        "removed": False,
    }


def identity_log() -> dict[str, Any]:
    fake = FakeChain()
    fake.add_service(ALICE, "Hub", "https://hub.example")
    query = {"fromBlock": "0x0", "toBlock": "latest", "topics": [list(TOPICS)]}
    (log,) = fake.make_request("eth_getLogs", [query])["result"]
    return dict(log)


def word_log(update: int = 7, previous: int = 0) -> dict[str, Any]:
    return status_log([WORD_TOPIC, LIST], word(update) + word(previous))


def record_log(previous_block: int = 0) -> dict[str, Any]:
    record = 1 | 100 << 8 | 9 << 72 | previous_block << 136
    return status_log([RECORD_TOPIC, b"\x0e" * 32], word(record))


def anchored_log(version: int = 1, previous_block: int = 0) -> dict[str, Any]:
    data = b"\x01" * 32 + b"\x02" * 32 + word(5000) + word(previous_block)
    return status_log([ANCHORED_TOPIC, ANCHORED, word(version)], data, ANCHORS)


def located_log(uri: bytes = b"https://lists.example/1") -> dict[str, Any]:
    padded = uri + bytes(-len(uri) % 32)
    data = word(32) + word(len(uri)) + padded
    return status_log([LOCATED_TOPIC, ANCHORED], data, ANCHORS)


LOGS: list[Callable[[], dict[str, Any]]] = [
    *(identity_log, word_log, record_log, anchored_log, located_log)
]
EVERY_LOG = pytest.mark.parametrize("make", LOGS, ids=lambda make: make.__name__)


def again(entry: Entry) -> dict[str, Any]:
    """The log, from what is kept of it."""
    place = Place(
        entry.block_number,
        entry.log_index,
        entry.block_hash,
        entry.block_timestamp or 0,
        entry.tx_hash,
    )
    return log_of(CONTRACTS, (entry.kind, entry.key), entry.topic, entry.data, place)


# -- what is kept --------------------------------------------------------------------------------


@EVERY_LOG
def test_a_log_can_be_written_again_from_what_is_kept(make: Callable[[], dict[str, Any]]) -> None:
    log = make()
    log.pop("transactionIndex", None)
    assert again(entry_of(log, CONTRACTS)) == log


def test_the_first_event_of_each_subject_has_nothing_before_it() -> None:
    assert [entry_of(make(), CONTRACTS).before for make in LOGS] == [b""] * 5


def test_an_event_of_an_identity_names_the_block_before() -> None:
    fake = FakeChain()
    first = fake.add_service(ALICE, "Hub", "https://one.example")
    second = fake.add_service(ALICE, "Hub", "https://two.example")
    query = {"fromBlock": "0x0", "toBlock": "latest", "topics": [list(TOPICS)]}
    one, two = (
        entry_of(log, CONTRACTS) for log in fake.make_request("eth_getLogs", [query])["result"]
    )
    assert two.before == one.after
    assert (two.missing, two.place) == (first, (second, 0))


def test_a_word_is_linked_by_what_was_stored_before() -> None:
    one = entry_of(word_log(update=7), CONTRACTS)
    stored = 9 << 208 | 7
    two = entry_of(word_log(update=5, previous=stored), CONTRACTS)
    assert one.after == two.before == word(stored)
    assert two.missing == 9


def test_a_version_is_linked_by_number_and_block() -> None:
    one = entry_of(anchored_log(), CONTRACTS)
    two = entry_of(anchored_log(version=2, previous_block=9), CONTRACTS)
    assert one.after == two.before
    assert two.missing == 9


def test_a_place_of_a_list_says_nothing_about_the_one_before() -> None:
    one = entry_of(located_log(), CONTRACTS)
    assert (one.kind, one.before, one.after) == (Kind.LOCATION, b"", b"")


# -- what anybody may write on chain must not stop it ------------------------------------------------


@pytest.mark.parametrize("uri", [b"", b"\xff\xfe no text", b"https://" + b"a" * 5000])
def test_whatever_a_publisher_calls_a_place_is_kept(uri: bytes) -> None:
    log = located_log(uri)
    assert again(entry_of(log, CONTRACTS)) == log


# -- what is refused -------------------------------------------------------------------------------


HUGE = 1 << 64


@pytest.mark.parametrize(
    "change",
    [
        {"blockNumber": hex(HUGE)},
        {"blockNumber": hex(1 << 63)},
        {"blockNumber": hex(1 << 255)},
        {"logIndex": hex(1 << 31)},
        {"logIndex": hex(HUGE)},
        {"blockTimestamp": hex(1 << 63)},
        {"blockTimestamp": hex(1 << 200)},
        {"blockNumber": 9},
        {"blockNumber": None},
        {"blockHash": "0xab"},
        {"transactionHash": "0x"},
        {"transactionHash": None},
        {"topics": []},
        {"topics": None},
        {"data": "zz"},
        {"data": None},
        {"address": None},
        {"address": 5},
        {"address": "0x"},
    ],
    ids=str,
)
@EVERY_LOG
def test_a_log_with_a_field_out_of_range_is_refused(
    make: Callable[[], dict[str, Any]], change: dict[str, Any]
) -> None:
    with pytest.raises(InvalidAnswer):
        entry_of({**make(), **change}, CONTRACTS)


@pytest.mark.parametrize("log", [None, 5, "log", [], {}, {"address": "0x" + REGISTRY.hex()}])
def test_what_is_no_log_is_refused(log: Any) -> None:
    with pytest.raises(InvalidAnswer):
        entry_of(log, CONTRACTS)


@pytest.mark.parametrize("make", [identity_log, word_log, record_log, anchored_log])
def test_a_log_with_data_of_another_form_is_refused(make: Callable[[], dict[str, Any]]) -> None:
    with pytest.raises(InvalidAnswer):
        entry_of({**make(), "data": "0x00"}, CONTRACTS)


@pytest.mark.parametrize("previous", [HUGE, 1 << 63, 1 << 255])
def test_an_event_that_names_a_block_that_cannot_be_is_refused(previous: int) -> None:
    log = identity_log()
    # did/svc/Hub: name, offset, validTo, previousChange, length and value.
    data = bytes.fromhex(log["data"][2:])
    log["data"] = "0x" + (data[:96] + word(previous) + data[128:]).hex()
    with pytest.raises(InvalidAnswer):
        entry_of(log, CONTRACTS)


@pytest.mark.parametrize("version", [0, HUGE, 1 << 255])
def test_a_version_that_cannot_be_is_refused(version: int) -> None:
    with pytest.raises(InvalidAnswer):
        entry_of(anchored_log(version=version), CONTRACTS)


@pytest.mark.parametrize("previous", [HUGE, 1 << 63, 1 << 255])
def test_a_version_before_in_a_block_that_cannot_be_is_refused(previous: int) -> None:
    with pytest.raises(InvalidAnswer):
        entry_of(anchored_log(version=2, previous_block=previous), CONTRACTS)


@EVERY_LOG
def test_a_log_of_a_foreign_contract_is_refused(make: Callable[[], dict[str, Any]]) -> None:
    with pytest.raises(InvalidAnswer):
        entry_of({**make(), "address": "0x" + "99" * 20}, CONTRACTS)


@pytest.mark.parametrize(
    ("make", "address"),
    [(word_log, ANCHORS), (anchored_log, STATUSES), (word_log, REGISTRY), (identity_log, STATUSES)],
)
def test_an_event_of_the_wrong_contract_is_refused(
    make: Callable[[], dict[str, Any]], address: Address
) -> None:
    with pytest.raises(InvalidAnswer):
        entry_of({**make(), "address": "0x" + address.hex()}, CONTRACTS)


def test_without_status_contracts_their_events_are_refused() -> None:
    with pytest.raises(InvalidAnswer):
        entry_of(word_log(), Contracts(did_registry=REGISTRY))

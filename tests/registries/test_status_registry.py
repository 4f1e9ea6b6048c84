"""The status registry's reading client, on the real contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.rpc import Chain
from ethr_did.core.keys import Address, parse_address
from ethr_did.core.status_events import RecordChanged, WordChanged
from ethr_did.core.status_list import Authority, Flag, status_key
from ethr_did.errors import (
    InvalidAnswer,
    InvalidStatusList,
    NodeInconsistent,
    NodeRefused,
    RegistryMissing,
)
from ethr_did.registries import status_registry
from ethr_did.registries.status_registry import StatusRegistry
from support.status_node import Refusal
from support.status_stage import LIFECYCLE, LIST, list_id

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from ethr_did.chain.request import Steps
    from support.status_stage import StatusStage

DIGEST, SALT = b"\x0d" * 32, b"\x5a" * 32
KEY = status_key(SALT, DIGEST)


def run(stage: StatusStage, steps: Steps[Any]) -> Any:
    """The result of a reading."""
    return Chain([stage.node], retries=0).run(steps)


@pytest.fixture
def registry(stage: StatusStage) -> StatusRegistry:
    return StatusRegistry(stage.statuses)


def test_did_registry_is_that_of_the_network(stage: StatusStage, registry: StatusRegistry) -> None:
    assert run(stage, registry.read_did_registry()) == parse_address(stage.network.did_registry)


def test_status_and_its_block(
    stage: StatusStage, registry: StatusRegistry, alice: LocalAccount
) -> None:
    identity = parse_address(alice.address)
    before = stage.mine()
    block = stage.set_status(alice, LIFECYCLE, 300, 2)
    assert run(stage, registry.read_status(identity, LIFECYCLE, 300)) == (2, block)
    assert run(stage, registry.read_status(identity, LIFECYCLE, 301)) == (0, block)
    assert run(stage, registry.read_status(identity, LIFECYCLE, 300, before)) == (0, 0)


def test_record(stage: StatusStage, registry: StatusRegistry, alice: LocalAccount) -> None:
    identity = parse_address(alice.address)
    block = stage.set_record(alice, SALT, DIGEST, 2)
    record = run(stage, registry.read_record(identity, KEY))
    assert (record.value, record.changed_block, record.changed_at) == (2, block, stage.now)


def test_records_in_the_order_of_their_keys(
    stage: StatusStage,
    registry: StatusRegistry,
    alice: LocalAccount,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status_registry, "RECORDS_CHUNK", 2)
    stage.set_record(alice, SALT, DIGEST, 2)
    keys = [bytes(32), KEY, b"\x01" * 32]
    found = run(stage, registry.read_records(parse_address(alice.address), keys))
    assert [record.value for record in found] == [0, 2, 0]
    assert stage.node.rounds == 1
    assert run(stage, registry.read_records(parse_address(alice.address), [])) == ()


def test_all_words_of_a_list(
    stage: StatusStage,
    registry: StatusRegistry,
    alice: LocalAccount,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(status_registry, "WORDS_CHUNK", 250)
    block = stage.set_values(alice, LIST, {0: 1, 131_071: 1})
    words = run(stage, registry.read_words(parse_address(alice.address), LIST))
    assert len(words) == LIST.word_count == 631
    assert (words[0].payload, words[0].changed_block) == (1, block)
    assert words[630].payload == 1 << 131_071 % 208
    assert {word.stored for word in words[1:630]} == {0}
    assert stage.node.rounds == 1


def test_huge_list_is_not_read_whole(stage: StatusStage, registry: StatusRegistry) -> None:
    with pytest.raises(InvalidStatusList):
        run(stage, registry.read_words(Address(bytes(20)), list_id(capacity=2**28)))
    assert stage.node.rounds == 0


def test_rights(
    stage: StatusStage, registry: StatusRegistry, alice: LocalAccount, bob: LocalAccount
) -> None:
    identity, other = parse_address(alice.address), parse_address(bob.address)
    stage.add_delegate(alice, bob, Authority.ONE_LIST, LIST)
    found = [
        run(stage, registry.is_authorized(identity, authority, listed, who))
        for authority, listed, who in (
            (Authority.OWNER, LIST, identity),
            (Authority.OWNER, None, identity),
            (Authority.OWNER, LIST, other),
            (Authority.ONE_LIST, LIST, other),
            (Authority.ONE_LIST, LIFECYCLE, other),
            (Authority.ALL_LISTS, None, other),
        )
    ]
    assert found == [True, True, False, True, False, False]


def test_events_of_one_block(
    stage: StatusStage, registry: StatusRegistry, alice: LocalAccount, bob: LocalAccount
) -> None:
    identity = parse_address(alice.address)
    with stage.one_block():
        stage.set_status(alice, LIST, 1)
        stage.set_status(alice, LIST, 500)
        stage.set_status(bob, LIST, 1)
        stage.set_status(alice, LIFECYCLE, 1)
        stage.set_record(alice, SALT, DIGEST)
        stage.mine()
    words = run(stage, registry.read_word_events(identity, LIST, stage.head))
    assert [(type(one), one.word) for one in words] == [(WordChanged, 0), (WordChanged, 2)]
    (record,) = run(stage, registry.read_record_events(identity, KEY, stage.head))
    assert isinstance(record, RecordChanged)
    assert run(stage, registry.read_word_events(identity, LIST, stage.head - 1)) == ()


# -- answers that are none -----------------------------------------------------------------------


def every_call(registry: StatusRegistry, who: Address) -> list[Steps[Any]]:
    """One of each call."""
    return [
        registry.read_did_registry(),
        registry.read_status(who, LIST, 1),
        registry.read_record(who, KEY),
        registry.read_records(who, [KEY]),
        registry.read_words(who, LIST),
        registry.is_authorized(who, Authority.OWNER, LIST, who),
    ]


@pytest.mark.parametrize("number", range(6))
def test_address_without_a_contract_is_no_answer(
    stage: StatusStage, alice: LocalAccount, number: int
) -> None:
    nobody = StatusRegistry(Address(b"\x77" * 20))
    with pytest.raises(RegistryMissing, match="does not answer like a status registry"):
        run(stage, every_call(nobody, parse_address(alice.address))[number])


@pytest.mark.parametrize("number", range(1, 5))
def test_contract_of_another_kind_is_no_answer(
    stage: StatusStage, alice: LocalAccount, number: int
) -> None:
    other = StatusRegistry(parse_address(stage.network.did_registry))
    with pytest.raises(RegistryMissing):
        run(stage, every_call(other, parse_address(alice.address))[number])


@pytest.mark.parametrize("number", range(6))
def test_answer_of_another_length_is_none(
    stage: StatusStage, registry: StatusRegistry, alice: LocalAccount, number: int
) -> None:
    stage.node.rewrite["eth_call"] = lambda *_: "0x" + "00" * 33
    with pytest.raises(InvalidAnswer):
        run(stage, every_call(registry, parse_address(alice.address))[number])


def test_list_that_is_refused_by_the_contract_is_no_answer(
    stage: StatusStage, registry: StatusRegistry, alice: LocalAccount
) -> None:
    anchored = list_id(flags=Flag.ANCHORED)
    with pytest.raises(RegistryMissing):
        run(stage, registry.read_status(parse_address(alice.address), anchored, 1))


def test_refusal_of_the_node_is_its_own_error(
    stage: StatusStage, registry: StatusRegistry, alice: LocalAccount
) -> None:
    def refuse(*_: Any) -> Any:
        raise Refusal("no")

    stage.node.rewrite = {"eth_getLogs": refuse, "eth_call": refuse}
    with pytest.raises(NodeRefused):
        run(stage, registry.read_word_events(parse_address(alice.address), LIST, 1))
    with pytest.raises(NodeRefused):
        run(stage, registry.read_did_registry())


def test_log_of_somebody_else_is_refused(
    stage: StatusStage, registry: StatusRegistry, alice: LocalAccount, bob: LocalAccount
) -> None:
    block = stage.set_status(bob, LIST, 1)
    query = {"fromBlock": hex(block), "toBlock": hex(block)}
    theirs = stage.ask("eth_getLogs", query)
    stage.node.rewrite["eth_getLogs"] = lambda *_: theirs
    with pytest.raises(NodeInconsistent):
        run(stage, registry.read_word_events(parse_address(alice.address), LIST, block))

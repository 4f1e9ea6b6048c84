"""The lens's reading client, on the real contract."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.rpc import Chain
from ethr_did.core.keys import Address, parse_address
from ethr_did.core.status_calls import LensKind, LensQuestion
from ethr_did.core.status_list import Flag, status_key
from ethr_did.errors import InvalidAnswer, NodeInconsistent, RegistryMissing
from ethr_did.registries import status_lens
from ethr_did.registries.status_lens import LensReading, StatusLens
from support.status_stage import LIFECYCLE, LIST, list_id

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from ethr_did.chain.request import Block
    from support.status_stage import StatusStage

DIGEST, SALT = b"\x0d" * 32, b"\x5a" * 32
W3C = list_id(flags=Flag.ANCHORED)


def read(
    stage: StatusStage,
    questions: list[LensQuestion],
    block: Block = "latest",
    lens: str | None = None,
) -> LensReading:
    client = StatusLens(parse_address(lens or stage.network.status_lens or ""))
    return Chain([stage.node], retries=0).run(client.read(questions, block))


def question(
    stage: StatusStage,
    who: LocalAccount,
    kind: LensKind = LensKind.ENTRY,
    id_: bytes = LIST.value,
    index: int = 0,
) -> LensQuestion:
    registry = stage.anchors if kind is LensKind.ANCHOR else stage.statuses
    return LensQuestion(
        registry=registry, kind=kind, identity=parse_address(who.address), id=id_, index=index
    )


def test_questions_of_every_kind_are_answered_as_of_one_block(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount
) -> None:
    status = stage.set_status(alice, LIFECYCLE, 9, 2)
    record = stage.set_record(bob, SALT, DIGEST)
    at = stage.now
    header = stage.publish(alice, W3C)
    stage.change_owner(alice, bob)
    asked = [
        question(stage, alice, LensKind.ENTRY, LIFECYCLE.value, 9),
        question(stage, bob, LensKind.RECORD, status_key(SALT, DIGEST)),
        question(stage, alice, LensKind.ANCHOR, W3C.value),
    ]
    reading = read(stage, asked)
    entry, of_bob, anchor = (reading.answers[one] for one in asked)
    assert (entry.value, entry.changed_block) == (2, status)
    assert entry.owner == parse_address(bob.address)
    assert (of_bob.value, of_bob.changed_block, of_bob.changed_at) == (1, record, at)
    assert anchor.head == header.head
    assert (reading.moment.chain_id, reading.moment.block_number) == (31337, stage.head)
    block = stage.ask("eth_getBlockByNumber", "latest", False)
    assert "0x" + reading.moment.parent_hash.hex() == block["parentHash"]
    assert stage.node.rounds == 1


def test_block_may_be_chosen(stage: StatusStage, alice: LocalAccount) -> None:
    before = stage.mine()
    stage.set_status(alice, LIST, 0)
    asked = question(stage, alice)
    assert read(stage, [asked], before).answers[asked].value == 0
    assert read(stage, [asked]).answers[asked].value == 1


def test_question_that_is_asked_twice_is_sent_once(stage: StatusStage, alice: LocalAccount) -> None:
    asked = question(stage, alice)
    reading = read(stage, [asked, asked])
    assert list(reading.answers) == [asked]


def test_many_questions_are_several_calls_of_one_batch(
    stage: StatusStage, alice: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_lens, "CHUNK", 3)
    stage.set_values(alice, LIST, {2: 1, 5: 1})
    asked = [question(stage, alice, index=index) for index in range(8)]
    reading = read(stage, asked)
    assert [reading.answers[one].value for one in asked] == [0, 0, 1, 0, 0, 1, 0, 0]
    assert stage.node.rounds == 1
    assert stage.node.methods().count("eth_call") == 3


def test_parts_of_different_blocks_are_no_answer(
    stage: StatusStage, alice: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_lens, "CHUNK", 1)
    stage.node.before[2] = stage.mine
    with pytest.raises(NodeInconsistent):
        read(stage, [question(stage, alice, index=index) for index in range(2)])


def test_registry_that_does_not_answer_disturbs_no_other_question(
    stage: StatusStage, alice: LocalAccount
) -> None:
    good = question(stage, alice)
    bad = LensQuestion(
        registry=Address(b"\x77" * 20), kind=LensKind.ENTRY, identity=good.identity, id=LIST.value
    )
    reading = read(stage, [bad, good])
    assert [reading.answers[one].answered for one in (bad, good)] == [False, True]


@pytest.mark.parametrize("lens", ["0x" + "77" * 20, "did registry"])
def test_address_without_a_lens_is_no_answer(
    stage: StatusStage, alice: LocalAccount, lens: str
) -> None:
    address = stage.network.did_registry if lens == "did registry" else lens
    with pytest.raises(RegistryMissing, match="does not answer like a status lens"):
        read(stage, [question(stage, alice)], lens=address)


def test_answer_of_another_form_is_none(stage: StatusStage, alice: LocalAccount) -> None:
    def cut(_: Any, result: str) -> str:
        return result[:-64]

    stage.node.rewrite["eth_call"] = cut
    with pytest.raises(InvalidAnswer):
        read(stage, [question(stage, alice)])

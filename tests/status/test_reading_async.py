"""The awaited reader says what the blocking one says, in as many round trips."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.status_answer import Status, StatusKind
from ethr_did.core.status_entry import Anchor, BitstringEntry, ContractId
from ethr_did.core.status_list import Flag, Purpose
from ethr_did.errors import HistoryMissing, StatusNotValid
from ethr_did.status.reading import AsyncStatusReader, StatusQuestion, StatusReader
from support.status_node import Refusal
from support.status_stage import LIFECYCLE, LIST, list_id

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from ethr_did.core.status_entry import TokenEntry
    from ethr_did.status.reading import AnchoredList, StatusOptions
    from support.status_stage import StatusStage

DIGEST = b"\x0d" * 32
SALT = b"\x5a" * 32
W3C = list_id(flags=Flag.ANCHORED)


class Shelf:
    """Says of every list that it is good, or nothing."""

    def read(self, entry: BitstringEntry | TokenEntry, anchored: AnchoredList) -> Status:
        if entry.index == 0:
            raise HistoryMissing("not there")
        return Status(kind=StatusKind.OTHER, value=anchored.network.chain_id)


class AwaitedShelf:
    """The same, awaited."""

    async def read(self, entry: BitstringEntry | TokenEntry, anchored: AnchoredList) -> Status:
        return Shelf().read(entry, anchored)


def both(stage: StatusStage) -> tuple[StatusReader, AsyncStatusReader]:
    networks = [stage.asked()]
    return (
        StatusReader(networks, retries=0, lists=Shelf()),
        AsyncStatusReader(networks, retries=0, lists=AwaitedShelf()),
    )


@pytest.fixture
def busy(stage: StatusStage, alice: LocalAccount, bob: LocalAccount) -> StatusStage:
    """A chain on which a lot happened."""
    for value in (2, 0, 1):
        stage.set_status(alice, LIFECYCLE, 1, value)
        stage.set_record(alice, SALT, DIGEST, value)
        stage.set_status(bob, LIST, value)
    stage.publish(alice, W3C)
    stage.deactivate(bob)
    stage.set_status(bob, LIST, 5)
    stage.node.final = stage.head - 3
    return stage


def questions(stage: StatusStage, alice: LocalAccount, bob: LocalAccount) -> list[StatusQuestion]:
    anchor = Anchor(registry=ContractId(31337, stage.anchors), list_id=W3C)
    entries: list[Any] = [
        stage.entry(LIFECYCLE, 1),
        stage.record(SALT),
        stage.entry(LIST, 5),
        {"type": "nonsense"},
    ]
    entries += [
        BitstringEntry(
            list_url="https://example.com", index=i, purpose=Purpose.REVOCATION, anchor=anchor
        )
        for i in (0, 1)
    ]
    return [
        StatusQuestion(entry=entry, issuer=stage.did(who), digest=DIGEST)
        for entry in entries
        for who in (alice, bob)
    ]


@pytest.mark.parametrize("fault", ["none", "dead", "logs", "no lens", "no final block"])
@pytest.mark.parametrize("options", [{}, {"at_block": 6}, {"exact_since": True}, {"times": True}])
async def test_statuses_are_the_same_whatever_the_node_does(
    busy: StatusStage, alice: LocalAccount, bob: LocalAccount, fault: str, options: StatusOptions
) -> None:
    def refuse(*_: Any) -> Any:
        raise Refusal("missing trie node")

    match fault:
        case "dead":
            busy.node.dead = TimeoutError("no answer")
        case "logs":
            busy.node.rewrite["eth_getLogs"] = refuse
        case "no lens":
            busy.network = busy.asked(status_lens=None)
        case "no final block":
            busy.node.final = None
    blocking, awaited = both(busy)
    asked = questions(busy, alice, bob)
    expected = blocking.read_statuses(asked, **options)
    rounds = busy.node.rounds
    async with awaited:
        assert await awaited.read_statuses(asked, **options) == expected
        assert awaited.round_trips == blocking.round_trips == rounds == busy.node.rounds - rounds


async def test_single_status_is_the_same(busy: StatusStage, alice: LocalAccount) -> None:
    blocking, awaited = both(busy)
    entry, did = busy.entry(LIFECYCLE, 1), busy.did(alice)
    assert await awaited.read_status(entry, did) == blocking.read_status(entry, did)
    with pytest.raises(StatusNotValid):
        await awaited.check_status(entry, did)


async def test_credential_is_the_same(busy: StatusStage, alice: LocalAccount) -> None:
    blocking, awaited = both(busy)
    credential = {
        "issuer": busy.did(alice).text,
        "credentialStatus": [busy.entry(LIFECYCLE, i).to_dict() for i in range(3)],
    }
    assert await awaited.read_credential(credential) == blocking.read_credential(credential)
    with pytest.raises(StatusNotValid):
        await awaited.check_credential(credential)


async def test_whole_list_is_the_same(busy: StatusStage, alice: LocalAccount) -> None:
    blocking, awaited = both(busy)
    did = busy.did(alice)
    assert await awaited.read_list(LIFECYCLE, did) == blocking.read_list(LIFECYCLE, did)


async def test_history_is_the_same(busy: StatusStage, alice: LocalAccount) -> None:
    blocking, awaited = both(busy)
    entry, did = busy.entry(LIFECYCLE, 1), busy.did(alice)
    assert await awaited.history(entry, did) == blocking.history(entry, did)
    busy.node.rewrite["eth_getLogs"] = lambda *_: []
    with pytest.raises(HistoryMissing):
        await awaited.history(entry, did)


async def test_networks_are_asked_apart(busy: StatusStage, alice: LocalAccount) -> None:
    """One network that fails leaves the other's answers alone."""
    other = busy.asked(name="other", chain_id=77, provider=None, rpc_url="http://127.0.0.1:1")
    entry = busy.entry(LIFECYCLE, 1)
    there = {**entry.to_dict(), "registry": f"eip155:77:0x{busy.statuses.hex()}"}
    asked = [
        StatusQuestion(entry=entry, issuer=busy.did(alice)),
        StatusQuestion(entry=there, issuer=f"did:ethr:other:{alice.address}"),
    ]
    async with AsyncStatusReader([busy.asked(), other], retries=0) as awaited:
        found = await awaited.read_statuses(asked)
    with StatusReader([busy.asked(), other], retries=0) as blocking:
        assert blocking.read_statuses(asked) == found
    assert [one.kind.value for one in found] == ["revoked", "undetermined"]

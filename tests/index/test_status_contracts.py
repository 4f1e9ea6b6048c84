"""Status contracts on a real chain: whatever anybody may write there does not stop the index."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from eth_abi.abi import encode

from ethr_did.core.calls import selector
from ethr_did.core.keys import parse_address
from ethr_did.core.status_list import Flag
from ethr_did.index.entries import Kind
from support.indexing import Indexed
from support.status_stage import LIST, StatusStage, list_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount, LocalChain
    from ethr_did.chain.networks import Network

ANCHORED = list_id(flags=Flag.ANCHORED)


@pytest.fixture
def stage(chain: LocalChain, status_network: Network) -> StatusStage:
    """The status contracts on the chain; nothing of it is final."""
    stage = StatusStage(chain=chain, network=status_network)
    stage.node.final = 0
    return stage


@pytest.fixture
def statuses(stage: StatusStage, tmp_path: Path) -> Iterator[Indexed]:
    with Indexed(f"sqlite:///{tmp_path}/index.db", stage.asked()) as made:
        yield made


def locate(stage: StatusStage, who: LocalAccount, uri: bytes) -> None:
    """What the contract takes as a string is any bytes."""
    kinds = ["address", "uint256", "bytes32", "bytes"]
    data = encode(kinds, [who.address, 0, ANCHORED.value, uri])
    call = selector("locate(address,uint256,bytes32,string)") + data
    stage.send(who, parse_address(stage.network.anchor_registry or ""), call)


@pytest.mark.parametrize("uri", [b"", b"\xff\xfe", b"https://" + b"a" * 4000], ids=len)
def test_a_place_that_is_no_text_is_passed_on_as_it_is(
    stage: StatusStage, statuses: Indexed, mallory: LocalAccount, alice: LocalAccount, uri: bytes
) -> None:
    locate(stage, mallory, uri)
    stage.set_status(alice, LIST, 5)
    statuses.follow()
    kinds = [kind for kind, *_ in statuses.contents()["events"]]
    assert kinds == [Kind.LOCATION, Kind.WORD]
    with statuses.statuses() as reader:
        assert reader.read_status(stage.entry(LIST, 5), stage.did(alice)).value == 1


def test_every_kind_of_event_is_taken_back_and_read_anew(
    stage: StatusStage, statuses: Indexed, alice: LocalAccount, tmp_path: Path
) -> None:
    header = stage.publish(alice, ANCHORED)
    stage.set_status(alice, LIST, 5)
    stage.set_record(alice, b"\x11" * 32, b"\x0d" * 32, 2)
    statuses.follow()
    mark = stage.chain.snapshot()
    stage.publish(alice, ANCHORED, header, digest=b"\x09" * 32)
    stage.set_status(alice, LIST, 5, 0)
    stage.set_status(alice, LIST, 900)
    stage.set_record(alice, b"\x11" * 32, b"\x0d" * 32, 3)
    locate(stage, alice, b"https://lists.example")
    statuses.follow()
    stage.chain.revert(mark)
    stage.set_status(alice, LIST, 6)
    header = stage.publish(alice, ANCHORED, header, digest=b"\x0a" * 32)
    stage.set_record(alice, b"\x11" * 32, b"\x0d" * 32, 0)
    statuses.follow()
    with Indexed(f"sqlite:///{tmp_path}/fresh.db", stage.asked()) as fresh:
        fresh.follow()
        assert statuses.contents() == fresh.contents()


def test_a_network_without_status_contracts_keeps_identities_only(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount, tmp_path: Path
) -> None:
    stage.set_status(alice, LIST, 5)
    stage.change_owner(alice, bob)
    without = stage.asked(status_registry=None, anchor_registry=None, status_lens=None)
    with Indexed(f"sqlite:///{tmp_path}/index.db", without) as indexed:
        indexed.follow()
        assert [kind for kind, *_ in indexed.contents()["subjects"]] == [Kind.IDENTITY]

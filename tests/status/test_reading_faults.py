"""Nodes that fail, lie or lag, contracts that are not the right ones: never "valid"."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.artifacts import ContractName
from ethr_did.chain.rpc import Chain
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.core.status_answer import StatusKind
from ethr_did.core.status_entry import ContractId, ListEntry
from ethr_did.errors import (
    ChainMoved,
    HistoryMissing,
    InvalidConfiguration,
    InvalidDID,
    InvalidStatusEntry,
    NodeInconsistent,
    NodeRefused,
    NodeUnreachable,
    NotFoundError,
    QuorumFailed,
    RegistryMissing,
    UnknownNetwork,
    UnsupportedMethod,
    WrongChain,
)
from ethr_did.registries import status_lens
from ethr_did.status.reading import StatusQuestion, StatusReader
from ethr_did.status.snapshot import Wanted, read_snapshot
from support.fault_proxy import Body, FaultProxy, Hang, Reset, Status, Truncate
from support.status_chain import create
from support.status_node import Refusal, StatusNode
from support.status_stage import LIFECYCLE, LIST, list_id

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did import Network
    from ethr_did.chain.local import LocalAccount
    from ethr_did.errors import EthrDIDError
    from support.fault_proxy import Fault
    from support.status_stage import StatusStage

OTHER = list_id(salt=b"\x66")


def reason_of(stage: StatusStage, who: LocalAccount, network: Network | None = None) -> Any:
    """Why the status of a good entry is not known."""
    reader = StatusReader([network or stage.asked()], retries=0)
    status = reader.read_status(stage.entry(LIST, 2), stage.did(who))
    assert status.kind is StatusKind.UNDETERMINED
    return status.reason


# -- nodes ---------------------------------------------------------------------------------------


def test_node_that_cannot_be_reached_leaves_the_status_undetermined(
    stage: StatusStage, alice: LocalAccount
) -> None:
    network = replace(stage.network, provider=None, rpc_url="http://127.0.0.1:1")
    assert isinstance(reason_of(stage, alice, network), NodeUnreachable)


@pytest.mark.parametrize(
    "fault",
    [Status(503), Status(500), Body(), Body(b"{}"), Truncate(), Reset(), Hang()],
    ids=lambda fault: repr(fault)[:24],
)
def test_line_that_fails_leaves_the_status_undetermined(
    stage: StatusStage, alice: LocalAccount, fault: Fault
) -> None:
    with FaultProxy(stage.chain.handle) as proxy:
        network = replace(stage.network, provider=None, rpc_url=proxy.url)
        proxy.always(fault)
        reader = StatusReader([network], retries=0, timeout=2)
        with reader:
            status = reader.read_status(stage.entry(LIST, 2), stage.did(alice))
            assert status.kind is StatusKind.UNDETERMINED


def test_network_without_a_node_is_undetermined(stage: StatusStage, alice: LocalAccount) -> None:
    network = replace(stage.network, provider=None)
    assert isinstance(reason_of(stage, alice, network), InvalidConfiguration)


def test_node_on_another_chain_is_undetermined(stage: StatusStage, alice: LocalAccount) -> None:
    network = stage.asked(chain_id=5)
    entry = ListEntry(registry=ContractId(5, stage.registry.address), list_id=LIST, index=1)
    status = StatusReader([network], retries=0).read_status(entry, stage.did(alice))
    assert isinstance(status.reason, WrongChain)


def test_node_that_changes_its_chain_is_undetermined(
    stage: StatusStage, alice: LocalAccount
) -> None:
    """``eth_chainId`` says one thing, the state that the contracts see another."""
    network = stage.asked(chain_id=5)
    entry = ListEntry(registry=ContractId(5, stage.registry.address), list_id=LIST, index=1)
    stage.node.rewrite["eth_chainId"] = lambda *_: "0x5"
    status = StatusReader([network], retries=0).read_status(entry, stage.did(alice))
    assert isinstance(status.reason, WrongChain)


def test_lens_that_sees_another_chain_is_undetermined(
    stage: StatusStage, alice: LocalAccount
) -> None:
    """A node that runs no init code in a call shows the chain by its lens at last."""

    def no_init_code(params: Any, result: Any) -> Any:
        if "to" not in params[0]:
            raise Refusal("invalid argument")
        return result

    stage.node.rewrite = {"eth_chainId": lambda *_: "0x5", "eth_call": no_init_code}
    entry = ListEntry(registry=ContractId(5, stage.registry.address), list_id=LIST, index=1)
    reader = StatusReader([stage.asked(chain_id=5)], retries=0)
    assert isinstance(reader.read_status(entry, stage.did(alice)).reason, WrongChain)


@pytest.mark.parametrize(
    "answer", ["0x", "0x00", "nonsense", None, 7, [], "0x" + "00" * 64, "0x" + "ff" * 640]
)
def test_nonsense_in_place_of_state_is_undetermined(
    stage: StatusStage, alice: LocalAccount, answer: Any
) -> None:
    stage.node.rewrite["eth_call"] = lambda *_: answer
    assert reason_of(stage, alice) is not None


def test_refusal_in_place_of_state_is_undetermined(stage: StatusStage, alice: LocalAccount) -> None:
    def refuse(*_: Any) -> Any:
        raise Refusal("no")

    stage.node.rewrite["eth_call"] = refuse
    assert isinstance(reason_of(stage, alice), NodeRefused)


def test_history_of_the_issuer_that_is_not_whole_is_undetermined(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount
) -> None:
    stage.change_owner(alice, bob)
    stage.node.rewrite["eth_getLogs"] = lambda *_: []
    assert isinstance(reason_of(stage, alice), HistoryMissing)


def test_issuer_whose_history_is_missing_takes_no_other_along(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount, carol: LocalAccount
) -> None:
    stage.change_owner(alice, carol)
    stage.set_status(bob, LIST, 1)
    topic = "0x" + alice.address[2:].lower().rjust(64, "0")
    stage.node.rewrite["eth_getLogs"] = lambda _, logs: [
        log for log in logs if topic not in log["topics"]
    ]
    questions = [
        StatusQuestion(entry=stage.entry(LIST, index), issuer=stage.did(who))
        for index in (1, 2)
        for who in (bob, alice, carol)
    ]
    kinds = [status.kind.value for status in stage.reader().read_statuses(questions)]
    unknown = "undetermined"
    assert kinds == ["revoked", unknown, "valid", "valid", unknown, "valid"]


def lagging(stage: StatusStage, lag: int) -> Callable[[Any, Any], Any]:
    """State calls that show an older block than they were asked about."""

    def rewrite(params: Any, _: Any) -> Any:
        number = stage.head if params[1] in ("latest", "finalized") else int(params[1], 16)
        return stage.ask("eth_call", params[0], hex(number - lag))

    return rewrite


@pytest.mark.parametrize("only_the_lens", [True, False])
def test_state_of_an_older_block_is_noticed_by_the_lens(
    stage: StatusStage,
    alice: LocalAccount,
    only_the_lens: bool,  # noqa: FBT001 - parametrised
) -> None:
    stage.mine(5)
    stage.set_status(alice, LIST, 2)
    stage.mine()
    lens = (stage.network.status_lens or "").lower()
    lag = lagging(stage, 3)
    stage.node.rewrite["eth_call"] = lambda params, result: (
        result if only_the_lens and params[0].get("to") != lens else lag(params, result)
    )
    assert isinstance(reason_of(stage, alice), NodeInconsistent)


def test_replica_that_catches_up_is_asked_again(stage: StatusStage, alice: LocalAccount) -> None:
    stage.mine(5)
    stage.set_status(alice, LIST, 2)
    stage.mine()
    stage.node.rewrite["eth_call"] = lagging(stage, 3)
    stage.node.after_round[2] = stage.node.rewrite.clear
    status = stage.reader().read_status(stage.entry(LIST, 2), stage.did(alice))
    assert status.kind is StatusKind.REVOKED


def test_node_that_runs_calls_as_if_in_the_next_block_is_understood(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 2)
    stage.mine(3)
    lens = (stage.network.status_lens or "").lower()

    def next_block(params: Any, result: Any) -> Any:
        if params[0].get("to") != lens:
            return result
        at = params[1] if params[1].startswith("0x") else hex(stage.head)
        block = stage.ask("eth_getBlockByNumber", at, False)
        number = f"{int(block['number'], 16) + 1:064x}"
        return result[:66] + number + f"{stage.now + 1:064x}" + block["hash"][2:] + result[258:]

    stage.node.rewrite["eth_call"] = next_block
    status = stage.reader().read_status(stage.entry(LIST, 2), stage.did(alice))
    assert status.kind is StatusKind.REVOKED
    assert stage.node.rounds == 2


# -- a chain that moves while it is read ---------------------------------------------------------


def requests_of_one_reading(stage: StatusStage, who: LocalAccount, network: Network) -> int:
    """How many requests a reading makes where nothing happens."""
    before = len(stage.node.requests)
    StatusReader([network], retries=0).read_status(stage.entry(LIST, 2), stage.did(who))
    return len(stage.node.requests) - before


@pytest.mark.parametrize("lens", [True, False])
def test_blocks_that_come_while_it_is_read_change_nothing(
    stage: StatusStage,
    alice: LocalAccount,
    lens: bool,  # noqa: FBT001 - parametrised
) -> None:
    network = stage.asked() if lens else stage.asked(status_lens=None)
    stage.set_status(alice, LIST, 2)
    count = requests_of_one_reading(stage, alice, network)
    assert count > 8
    for place in range(2, count + 1):
        stage.node = node = StatusNode(stage.chain)
        node.before[place] = stage.mine
        asked = replace(network, provider=node)
        status = StatusReader([asked], retries=0).read_status(
            stage.entry(LIST, 2), stage.did(alice)
        )
        assert status.kind is StatusKind.REVOKED, place
        assert node.rounds <= 2, place


@pytest.mark.parametrize("lens", [True, False])
def test_status_that_changes_while_it_is_read_is_that_of_its_block(
    stage: StatusStage,
    alice: LocalAccount,
    lens: bool,  # noqa: FBT001 - parametrised
) -> None:
    network = stage.asked() if lens else stage.asked(status_lens=None)
    count = requests_of_one_reading(stage, alice, network)
    first = stage.head
    for place in range(1, count + 1):
        mark = stage.chain.snapshot()
        node = StatusNode(stage.chain)
        node.before[place] = lambda: stage.set_status(alice, LIST, 2)
        asked = replace(network, provider=node)
        status = StatusReader([asked], retries=0).read_status(
            stage.entry(LIST, 2), stage.did(alice)
        )
        assert status.read_at is not None
        changed = status.read_at.number > first
        assert status.kind is (StatusKind.REVOKED if changed else StatusKind.VALID), place
        stage.chain.revert(mark)


@pytest.mark.parametrize("lens", [True, False])
def test_final_block_that_moves_on_while_it_is_read_is_one_block(
    stage: StatusStage,
    alice: LocalAccount,
    lens: bool,  # noqa: FBT001 - parametrised
) -> None:
    """Suspended at one final block, reinstated at the next: one of both, never a mixture."""
    network = stage.asked() if lens else stage.asked(status_lens=None)
    stage.set_status(alice, LIFECYCLE, 2, 2)
    old = stage.head
    stage.set_status(alice, LIFECYCLE, 2, 0)
    new = stage.head
    stage.mine(3)
    for place in range(1, 16):
        node = StatusNode(stage.chain)
        node.final = old

        def move(node: StatusNode = node) -> None:
            node.final = new

        node.before[place] = move
        asked = replace(network, provider=node)
        status = StatusReader([asked], retries=0).read_status(
            stage.entry(LIFECYCLE, 2), stage.did(alice)
        )
        assert status.read_at is not None
        seen = (status.kind, status.read_at.number)
        assert seen in {(StatusKind.SUSPENDED, old), (StatusKind.VALID, stage.head)}, place


def reorganise_forever() -> Callable[[Any, Any], Any]:
    """Block answers of a chain that is another one at each look."""
    looks = itertools.count(1)

    def rewrite(_: Any, block: Any) -> Any:
        return {**block, "hash": "0x" + f"{next(looks):064x}"}

    return rewrite


def test_chain_that_is_another_one_at_each_look_is_undetermined(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.node.rewrite["eth_getBlockByNumber"] = reorganise_forever()
    assert isinstance(reason_of(stage, alice), ChainMoved)


def test_reorganisation_between_requests_is_read_again(
    stage: StatusStage, alice: LocalAccount
) -> None:
    count = requests_of_one_reading(stage, alice, stage.asked())
    for place in range(1, count + 1):
        mark = stage.chain.snapshot()
        fork = stage.chain.snapshot()
        stage.set_status(alice, LIST, 2)
        node = StatusNode(stage.chain)

        def reorganise(fork: int = fork) -> None:
            stage.chain.revert(fork)
            stage.chain.advance(50)
            stage.mine(2)

        node.before[place] = reorganise
        asked = replace(stage.network, provider=node)
        status = StatusReader([asked], retries=0).read_status(
            stage.entry(LIST, 2), stage.did(alice)
        )
        assert status.is_valid, place  # on the chain that stands, nothing was revoked
        stage.chain.revert(mark)


def test_chain_that_became_shorter_is_read_at_its_new_head(
    stage: StatusStage, alice: LocalAccount
) -> None:
    mark = stage.chain.snapshot()
    stage.set_status(alice, LIST, 2)
    stage.node.before[3] = stage.mine  # the reading has to start again, at the block of before
    stage.node.after_round[1] = lambda: stage.chain.revert(mark)
    status = stage.reader().read_status(stage.entry(LIST, 2), stage.did(alice))
    assert status.is_valid
    assert status.read_at is not None
    assert status.read_at.number == stage.head
    assert stage.node.rounds == 3


def test_node_that_does_not_know_its_own_head_is_undetermined(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.node.before[3] = stage.mine
    stage.node.rewrite["eth_getBlockByNumber"] = lambda params, block: (
        None if params[0].startswith("0x") else block
    )
    assert isinstance(reason_of(stage, alice), ChainMoved)


def test_block_that_others_agree_on_must_be_there(stage: StatusStage) -> None:
    """With several nodes the block is named before anybody is asked about it."""
    wanted = Wanted(network=stage.asked(), identities=(Address(bytes(19) + b"\1"),))
    with pytest.raises(NotFoundError):
        Chain([stage.node], retries=0).run(read_snapshot(wanted, block=stage.head + 1))


def test_lens_whose_parts_are_of_different_blocks_is_asked_again(
    stage: StatusStage, alice: LocalAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(status_lens, "CHUNK", 1)
    stage.set_status(alice, LIST, 1)
    questions = [
        StatusQuestion(entry=stage.entry(LIST, index), issuer=stage.did(alice)) for index in (1, 2)
    ]
    # 1 chain id, 2 to 5 the history, 6 the final block, 7 and 8 the lens
    stage.node.before[8] = stage.mine
    found = stage.reader().read_statuses(questions)
    assert [one.kind.value for one in found] == ["revoked", "valid"]
    assert stage.node.rounds == 2


def test_node_that_dies_when_asked_for_times_leaves_the_answers(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 1)

    def die() -> None:
        stage.node.dead = TimeoutError("no answer")

    stage.node.after_round[1] = die
    status = stage.reader().read_status(stage.entry(LIST, 1), stage.did(alice), times=True)
    assert (status.kind, status.changed_at) == (StatusKind.REVOKED, None)


# -- contracts -----------------------------------------------------------------------------------


def test_lens_that_is_not_there_is_done_without(stage: StatusStage, alice: LocalAccount) -> None:
    stage.set_status(alice, LIST, 1)
    network = stage.asked(status_lens="0x" + "77" * 20)
    reader = StatusReader([network], retries=0)
    assert reader.read_status(stage.entry(LIST, 1), stage.did(alice)).kind is StatusKind.REVOKED
    assert stage.node.rounds == 2


def test_status_registry_that_is_not_there_is_undetermined(
    stage: StatusStage, alice: LocalAccount
) -> None:
    nowhere = "0x" + "77" * 20
    for lens in (stage.network.status_lens, None):
        network = stage.asked(status_registry=nowhere, status_lens=lens)
        entry = {**stage.entry(LIST, 1).to_dict(), "registry": f"eip155:31337:{nowhere}"}
        status = StatusReader([network], retries=0).read_status(entry, stage.did(alice))
        assert isinstance(status.reason, RegistryMissing)


def test_did_registry_that_is_not_there_is_undetermined(
    stage: StatusStage, alice: LocalAccount
) -> None:
    network = stage.asked(did_registry="0x" + "77" * 20)
    assert isinstance(reason_of(stage, alice, network), RegistryMissing)


@pytest.mark.parametrize("lens", [True, False])
def test_status_registry_of_another_did_registry_is_undetermined(
    stage: StatusStage,
    alice: LocalAccount,
    lens: bool,  # noqa: FBT001 - parametrised
) -> None:
    """In a stranger's DID registry anybody may own any identity."""
    theirs = create(stage.chain, ContractName.ETHEREUM_DID_REGISTRY)
    more: dict[str, Any] = {} if lens else {"status_lens": None}
    network = stage.asked(did_registry=to_checksum_address(theirs), **more)
    reason = reason_of(stage, alice, network)
    assert isinstance(reason, RegistryMissing)
    assert "belongs to the DID registry" in reason.message


def test_contract_that_is_not_configured_is_not_asked(
    stage: StatusStage, alice: LocalAccount
) -> None:
    twin = create(
        stage.chain,
        ContractName.CREDENTIAL_STATUS_REGISTRY,
        did_registry=bytes.fromhex(stage.network.did_registry[2:]),  # type: ignore[arg-type]
    )
    entry = ListEntry(registry=ContractId(31337, twin), list_id=LIST, index=1)
    status = stage.reader().read_status(entry, stage.did(alice))
    assert isinstance(status.reason, InvalidStatusEntry)
    assert stage.node.rounds == 0


def test_contract_on_another_chain_than_the_issuer_is_not_asked(
    stage: StatusStage, alice: LocalAccount
) -> None:
    entry = ListEntry(registry=ContractId(1, stage.registry.address), list_id=LIST, index=1)
    status = stage.reader().read_status(entry, stage.did(alice))
    assert isinstance(status.reason, InvalidStatusEntry)


def test_network_without_a_status_registry_is_undetermined(
    stage: StatusStage, alice: LocalAccount
) -> None:
    reason = reason_of(stage, alice, stage.asked(status_registry=None))
    assert isinstance(reason, InvalidConfiguration)


@pytest.mark.parametrize(
    ("issuer", "reason"),
    [
        ("did:web:example.com", UnsupportedMethod),
        ("nonsense", InvalidDID),
        ("", InvalidDID),
        ("did:ethr:elsewhere:0x" + "11" * 20, UnknownNetwork),
    ],
)
def test_issuer_that_is_no_identity_here_is_undetermined(
    stage: StatusStage, issuer: str, reason: type[EthrDIDError]
) -> None:
    status = stage.reader().read_status(stage.entry(LIST, 1), issuer)
    assert isinstance(status.reason, reason)


def test_issuer_on_another_network_is_undetermined(stage: StatusStage, alice: LocalAccount) -> None:
    status = stage.reader().read_status(stage.entry(LIST, 1), f"did:ethr:sepolia:{alice.address}")
    assert isinstance(status.reason, InvalidStatusEntry)


def test_bad_question_does_not_spoil_the_good_ones(stage: StatusStage, alice: LocalAccount) -> None:
    stage.set_status(alice, LIST, 1)
    good, did = stage.entry(LIST, 1), stage.did(alice)
    loose = {**good.to_dict(), "statusListIndex": "01"}
    questions = [
        StatusQuestion(entry=good, issuer="did:web:example.com"),
        StatusQuestion(entry=loose, issuer=did),
        StatusQuestion(entry=good, issuer=did),
        StatusQuestion(entry={"type": "Unknown"}, issuer=did),
        StatusQuestion(entry=stage.record(bytes(32)), issuer=did),
    ]
    kinds = [status.kind.value for status in stage.reader().read_statuses(questions)]
    unknown = "undetermined"
    assert kinds == [unknown, unknown, "revoked", unknown, unknown]


# -- several nodes -------------------------------------------------------------------------------


def test_nodes_that_must_agree_do(stage: StatusStage, alice: LocalAccount) -> None:
    stage.set_status(alice, LIST, 1)
    with FaultProxy(stage.chain.handle) as one, FaultProxy(stage.chain.handle) as two:
        network = replace(stage.network, provider=None, rpc_url=[one.url, two.url], quorum=2)
        with StatusReader([network], retries=0) as reader:
            revoked = reader.read_status(stage.entry(LIST, 1), stage.did(alice))
            valid = reader.read_status(stage.entry(LIST, 2), stage.did(alice))
            assert (revoked.kind, valid.kind) == (StatusKind.REVOKED, StatusKind.VALID)


def test_node_that_says_something_else_than_another_leaves_it_undetermined(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 1)
    lens = (stage.network.status_lens or "").lower()

    def lie(call: Any, result: Any) -> Any:
        """Every status is VALID."""
        if call["params"][0].get("to") != lens:
            return result
        words = [result[2:][at : at + 64] for at in range(0, len(result) - 2, 64)]
        words[8] = "0" * 64
        return "0x" + "".join(words)

    with FaultProxy(stage.chain.handle) as one, FaultProxy(stage.chain.handle) as two:
        two.rewrite("eth_call", lie)
        nodes = [one.url, two.url]
        network = replace(stage.network, provider=None, rpc_url=nodes, quorum=2)
        with StatusReader([network], retries=0) as reader:
            status = reader.read_status(stage.entry(LIST, 1), stage.did(alice))
            assert isinstance(status.reason, QuorumFailed)
        with StatusReader([replace(network, rpc_url=two.url, quorum=1)], retries=0) as reader:
            lied = reader.read_status(stage.entry(LIST, 1), stage.did(alice))
            assert lied.is_valid  # one node that lies about everything is believed


def test_one_unreadable_entry_does_not_break_the_agreement_about_the_others(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount, carol: LocalAccount
) -> None:
    stage.change_owner(alice, carol)
    topic = "0x" + alice.address[2:].lower().rjust(64, "0")

    def pruned(_: Any, logs: Any) -> Any:
        return [log for log in logs if topic not in log["topics"]]

    with FaultProxy(stage.chain.handle) as one, FaultProxy(stage.chain.handle) as two:
        for proxy in (one, two):
            proxy.rewrite("eth_getLogs", pruned)
        nodes = [one.url, two.url]
        network = replace(stage.network, provider=None, rpc_url=nodes, quorum=2)
        with StatusReader([network], retries=0) as reader:
            questions = [
                StatusQuestion(entry=stage.entry(LIST, 1), issuer=stage.did(who))
                for who in (alice, bob)
            ]
            unreadable, valid = reader.read_statuses(questions)
            assert unreadable.kind is StatusKind.UNDETERMINED
            assert valid.is_valid

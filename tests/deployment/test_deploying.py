"""Deploying sends what is missing, once, and records what is there."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.local.account import dev_accounts
from ethr_did.core.keys import to_checksum_address
from ethr_did.deployment import PROXY, create2_address, deploy, salt_of
from ethr_did.deployment.factory import KEYLESS_COST, KEYLESS_SIGNER, PROXY_CODE
from ethr_did.errors import (
    DeploymentError,
    InsufficientFunds,
    NodeBusy,
    NodeUnreachable,
    TransactionPending,
)
from support.fault_proxy import FaultProxy, RpcError

from .conftest import NETWORK, Operator, transactions_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ethr_did.chain.artifacts import Artifact
    from ethr_did.chain.local import LocalChain


def code(chain: LocalChain, address: bytes) -> bytes:
    request = {"jsonrpc": "2.0", "id": 1, "method": "eth_getCode"}
    answer: Any = chain.handle({**request, "params": ["0x" + address.hex(), "latest"]})
    return bytes.fromhex(answer["result"][2:])


# -- what comes out ------------------------------------------------------------------------------


def test_the_code_on_chain_is_the_artifacts(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    (record,) = operator.deploy(registry)
    assert code(chain, record.address) == registry.runtime_code
    assert record.code_hash == registry.code_hash


def test_the_address_is_the_same_on_chains_with_different_ids(
    operator_on: Callable[..., Operator], registry: Artifact
) -> None:
    records = [
        operator_on(chain_id=chain_id, account=account).deploy(registry)[0]
        for chain_id, account in ((31337, 0), (1729, 3))
    ]
    assert records[0].address == records[1].address
    assert records[0].deployer != records[1].deployer
    assert records[0].address == create2_address(registry.init_code, salt_of(registry.name))


def test_a_missing_proxy_is_put_there_first(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    assert not code(chain, PROXY)
    operator.deploy(registry)
    assert code(chain, PROXY) == PROXY_CODE
    assert transactions_of(operator) == 2  # the money for the keyless signer, and the contract


def test_the_keyless_signer_gets_just_what_it_lacks(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    chain.patch(KEYLESS_SIGNER, balance=KEYLESS_COST)
    operator.deploy(registry)
    assert transactions_of(operator) == 1


def test_several_contracts_are_deployed_in_one_go(
    operator: Operator, registry: Artifact, second: Artifact
) -> None:
    records = operator.deploy(registry, second)
    assert [one.contract_name for one in records] == ["EthereumDIDRegistry", "WritingWallet"]
    assert len({one.address for one in records}) == 2


def test_a_plain_deployment_needs_no_proxy(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    (record,) = operator.deploy(registry, plain=True)
    assert (record.factory, record.salt) == (None, None)
    assert code(chain, record.address) == registry.runtime_code
    assert not code(chain, PROXY)


def test_the_record_says_when_and_by_whom(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    (record,) = operator.deploy(registry)
    assert record.deployer == operator.sender.address
    assert (record.block_number, record.block_hash) == (chain.head.number, chain.head.hash)
    assert record.tx_hash == chain.head.transactions[0].transaction.hash


def test_each_step_is_told(operator: Operator, registry: Artifact) -> None:
    operator.deploy(registry)
    keyless = to_checksum_address(KEYLESS_SIGNER)
    assert operator.said[0] == f"sending 0.01 ETH to {keyless}, which creates the proxy"
    assert operator.said[1] == f"waiting for the proxy {to_checksum_address(PROXY)}"
    assert operator.said[2].startswith("deploying EthereumDIDRegistry, about ")
    assert operator.said[3].startswith("EthereumDIDRegistry at 0x")


# -- twice ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("plain", [False, True])
def test_a_second_run_sends_nothing_and_changes_no_file(
    operator: Operator, registry: Artifact, second: Artifact, *, plain: bool
) -> None:
    operator.deploy(registry, second, plain=plain)
    before, sent = _files(operator.folder.root), transactions_of(operator)
    operator.deploy(registry, second, plain=plain)
    assert (_files(operator.folder.root), transactions_of(operator)) == (before, sent)


def test_a_plain_run_finds_what_was_deployed_through_the_proxy(
    operator: Operator, registry: Artifact
) -> None:
    records, sent = operator.deploy(registry), transactions_of(operator)
    assert operator.deploy(registry, plain=True) == records
    assert transactions_of(operator) == sent


@pytest.mark.parametrize("plain", [False, True])
def test_a_run_that_stopped_before_its_record_is_taken_up_from_the_journal(
    operator: Operator, registry: Artifact, *, plain: bool
) -> None:
    operator.deploy(registry, plain=plain)
    path, sent = operator.folder.path(NETWORK) / f"{registry.name}.json", transactions_of(operator)
    before = path.read_bytes()
    path.unlink()
    operator.deploy(registry, plain=plain)
    assert (path.read_bytes(), transactions_of(operator)) == (before, sent)


def test_what_another_has_deployed_is_recorded_with_its_transaction(
    operator: Operator, chain: LocalChain, registry: Artifact, tmp_path: Path
) -> None:
    (theirs,) = operator.deploy(registry)
    chain.mine(40)
    other = Operator(
        node=chain.provider, chain_id=chain.chain_id, home=tmp_path / "other", account=5
    )
    (ours,) = other.deploy(registry)
    assert ours == theirs
    assert ours.deployer == operator.sender.address
    assert transactions_of(other) == 0


def test_without_old_states_the_origin_stays_unknown(
    operator: Operator, chain: LocalChain, registry: Artifact, tmp_path: Path
) -> None:
    operator.deploy(registry)
    chain.mine(40)

    def forgetful(request: dict[str, Any], result: Any) -> Any:
        if request["params"][1] != "latest":
            raise RpcError(-32000, "missing trie node")
        return result

    with FaultProxy(chain.handle) as node:
        node.rewrite("eth_getCode", forgetful)
        other = Operator(node=node.url, chain_id=chain.chain_id, home=tmp_path / "other", account=5)
        (record,) = other.deploy(registry)
    assert not record.is_complete
    assert record.block_number is None


def test_a_node_that_denies_old_code_does_not_make_up_a_first_block(
    operator: Operator, chain: LocalChain, registry: Artifact, tmp_path: Path
) -> None:
    operator.deploy(registry)
    chain.mine(40)

    def denying(request: dict[str, Any], result: Any) -> Any:
        block = request["params"][1]
        return "0x" if block != "latest" and int(block, 16) < chain.head.number - 5 else result

    with FaultProxy(chain.handle) as node:
        node.rewrite("eth_getCode", denying)
        other = Operator(node=node.url, chain_id=chain.chain_id, home=tmp_path / "other", account=5)
        (record,) = other.deploy(registry)
    assert record.block_number is None


def test_a_plain_deployment_is_made_anew_on_a_chain_that_began_anew(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    mark = chain.snapshot()
    operator.deploy(registry, plain=True)
    chain.revert(mark)
    chain.mine(3)
    (record,) = operator.deploy(registry, plain=True)
    assert code(chain, record.address) == registry.runtime_code
    assert record.block_number == chain.head.number


def test_a_plain_record_without_its_transaction_is_completed_from_the_chain(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    (complete,) = operator.deploy(registry, plain=True)
    chain.mine(40)
    nothing = {"tx_hash": None, "block_number": None, "block_hash": None, "deployer": None}
    bare = dataclasses.replace(complete, **nothing)  # type: ignore[arg-type]
    operator.folder.write(NETWORK, operator.chain_id, bare, registry)
    operator.account = 4  # whose journal is empty
    assert operator.deploy(registry, plain=True) == [complete]


# -- interrupted ---------------------------------------------------------------------------------


def test_a_run_interrupted_while_the_money_waits_sends_it_once(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    operator.patience, chain.automine = 0.2, False
    with pytest.raises(TransactionPending, match="fund the signer"):
        operator.deploy(registry)
    operator.patience, chain.automine = 1.0, True
    (record,) = operator.deploy(registry)
    assert code(chain, record.address) == registry.runtime_code
    assert transactions_of(operator) == 2


def test_a_run_interrupted_while_the_proxy_waits_goes_on_with_it(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    chain.patch(KEYLESS_SIGNER, balance=KEYLESS_COST)
    operator.patience, chain.automine = 0.2, False
    with pytest.raises(TransactionPending, match="creates the proxy"):
        operator.deploy(registry)
    operator.patience, chain.automine = 1.0, True
    operator.deploy(registry)
    assert code(chain, PROXY) == PROXY_CODE
    assert transactions_of(operator) == 1


def test_a_run_interrupted_while_the_contract_waits_takes_it_up(
    operator_on: Callable[..., Operator], registry: Artifact
) -> None:
    operator = operator_on(alloc={PROXY: PROXY_CODE}, patience=0.2)
    chain: LocalChain = operator.node._chain  # type: ignore[attr-defined]
    chain.automine = False
    with pytest.raises(TransactionPending):
        operator.deploy(registry)
    chain.automine = True
    (record,) = operator.deploy(registry)
    assert record.deployer == operator.sender.address
    assert transactions_of(operator) == 1


def test_code_that_a_lagging_node_does_not_have_yet_is_waited_for(
    operator_on: Callable[..., Operator], registry: Artifact
) -> None:
    operator = operator_on(alloc={PROXY: PROXY_CODE})
    chain: LocalChain = operator.node._chain  # type: ignore[attr-defined]
    seen: list[str] = []

    def lagging(request: dict[str, Any], result: Any) -> Any:
        if request["params"][0] == "0x" + PROXY.hex() or result == "0x":
            return result
        seen.append(result)
        return "0x" if len(seen) == 1 else result

    with FaultProxy(chain.handle) as node:
        node.rewrite("eth_getCode", lagging)
        operator.node = node.url
        (record,) = operator.deploy(registry)
    assert record.is_complete
    assert len(seen) == 2


def test_foreign_code_is_an_error_and_no_record(
    operator_on: Callable[..., Operator], registry: Artifact
) -> None:
    address = create2_address(registry.init_code, salt_of(registry.name))
    operator = operator_on(alloc={PROXY: PROXY_CODE, address: b"\x00"})
    with pytest.raises(DeploymentError, match="already holds code that is not"):
        operator.deploy(registry)
    assert operator.folder.networks() == []
    assert transactions_of(operator) == 0


def test_a_busy_node_is_not_a_chain_that_refuses(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    with FaultProxy(lambda body: _before(chain, _busy, body)) as node:
        operator.node = node.url
        with pytest.raises(NodeBusy):
            operator.deploy(registry)


def test_a_dead_node_is_not_an_empty_chain(operator: Operator, registry: Artifact) -> None:
    operator.node = "http://127.0.0.1:1"
    with pytest.raises(NodeUnreachable):
        operator.deploy(registry)


# -- refused -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("only replay-protected (EIP-155) transactions allowed over RPC", "without a chain id"),
        ("transaction underpriced: tip needed 1, tip permitted 0", "underpriced"),
        ("intrinsic gas too low: gas 100000, minimum needed 2000000", "intrinsic gas too low"),
    ],
)
def test_a_chain_that_refuses_the_proxy_says_so_before_any_money_is_sent(
    operator: Operator, chain: LocalChain, registry: Artifact, words: str, said: str
) -> None:
    def refusing(request: dict[str, Any], result: Any) -> Any:
        if request["params"][0].startswith("0xf8a5"):
            raise RpcError(-32000, words)
        return result

    with FaultProxy(lambda body: _before(chain, refusing, body)) as node:
        operator.node = node.url
        with pytest.raises(DeploymentError, match=said) as caught:
            operator.deploy(registry)
        assert "--plain" in caught.value.hint
    operator.node = chain.provider
    assert transactions_of(operator) == 0


def test_a_chain_that_refuses_the_paid_proxy_says_so(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    offers: list[str] = []

    def second_refused(request: dict[str, Any], _result: Any) -> None:
        if request["params"][0].startswith("0xf8a5"):
            offers.append(request["method"])
            if len(offers) > 1:
                raise RpcError(-32000, "sender is not allowed to deploy")

    with FaultProxy(lambda body: _before(chain, second_refused, body)) as node:
        operator.node = node.url
        with pytest.raises(DeploymentError, match="sender is not allowed to deploy"):
            operator.deploy(registry)


def test_a_failed_keyless_transaction_is_named(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    with FaultProxy(chain.handle) as node:
        node.rewrite("eth_getCode", lambda _request, _result: "0x")
        node.rewrite(
            "eth_getTransactionReceipt",
            lambda _request, result: result and {**result, "status": "0x0"},
        )
        operator.node = node.url
        chain.patch(KEYLESS_SIGNER, balance=KEYLESS_COST)
        with pytest.raises(DeploymentError, match="its gas is not enough on this chain"):
            operator.deploy(registry)


def test_other_code_than_the_artifacts_is_an_error_and_no_record(
    operator_on: Callable[..., Operator], registry: Artifact
) -> None:
    operator = operator_on(alloc={PROXY: PROXY_CODE})
    address = create2_address(registry.init_code, salt_of(registry.name))

    def other_evm(request: dict[str, Any], result: Any) -> Any:
        mine = request["params"][0] == "0x" + address.hex()
        return result.replace("6080", "6081", 1) if mine else result

    chain: LocalChain = operator.node._chain  # type: ignore[attr-defined]
    with FaultProxy(chain.handle) as node:
        node.rewrite("eth_getCode", other_evm)
        operator.node = node.url
        with pytest.raises(DeploymentError, match="its code there has the hash"):
            operator.deploy(registry)
    assert operator.folder.read_all(NETWORK) == []


def test_a_sender_without_means_sends_nothing(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    chain.patch(operator.sender.address, balance=10**16)
    with pytest.raises(InsufficientFunds):
        operator.deploy(registry)
    assert transactions_of(operator) == 0


def test_a_plan_is_for_its_own_sender(
    operator: Operator, chain: LocalChain, registry: Artifact, tmp_path: Path
) -> None:
    other = Operator(node=chain.provider, chain_id=31337, home=tmp_path, account=1)
    with pytest.raises(DeploymentError, match=dev_accounts(2)[1].address):
        deploy(operator.plan(registry), other.sender, network=NETWORK, folder=operator.folder)


def test_records_of_another_chain_are_not_overwritten(
    operator: Operator, operator_on: Callable[..., Operator], registry: Artifact
) -> None:
    operator.deploy(registry)
    other = operator_on(chain_id=5)
    other.home = operator.home
    with pytest.raises(DeploymentError, match="are of chain 31337, not of chain 5"):
        other.deploy(registry)
    assert transactions_of(other) == 0


def _before(chain: LocalChain, refuse: Callable[[dict[str, Any], Any], Any], body: Any) -> Any:
    """The chain behind a gate that refuses a call before it is made."""

    def one(call: dict[str, Any]) -> Any:
        if call["method"] == "eth_sendRawTransaction":
            try:
                refuse(call, None)
            except RpcError as refused:
                return {"jsonrpc": "2.0", "id": call["id"], "error": refused.error}
        return chain.handle(call)

    return [one(call) for call in body] if isinstance(body, list) else one(body)


def _busy(_request: dict[str, Any], _result: Any) -> Any:
    raise RpcError(-32005, "rate limit reached")


def _files(root: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path.relative_to(root)): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(root.rglob("*"))
        if path.is_file()
    }


def test_the_files_are_those_that_hardhat_users_know(
    operator: Operator, registry: Artifact
) -> None:
    operator.deploy(registry)
    source = f"solc-inputs/0x{registry.source_hash.hex()}.json"
    assert sorted(_files(operator.folder.root)) == [
        "dev/.chainId",
        "dev/EthereumDIDRegistry.json",
        source,
    ]
    record = json.loads((operator.folder.root / "dev/EthereumDIDRegistry.json").read_text())
    assert set(record) >= {"address", "abi", "transactionHash", "blockNumber", "deployer"}

"""Verifying compares chain, record and artifact; what is not known is never called ok."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.networks import Network
from ethr_did.chain.rpc import Chain
from ethr_did.core.keys import Address
from ethr_did.deployment import Outcome, create2_address, salt_of, verify_network
from ethr_did.deployment.factory import PROXY
from ethr_did.errors import DeploymentError
from support.fault_proxy import FaultProxy

from .conftest import NETWORK, Operator

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.chain.artifacts import Artifact
    from ethr_did.chain.local import LocalChain
    from ethr_did.deployment import Record, Verification


@pytest.fixture
def deployed(operator: Operator, registry: Artifact) -> Operator:
    operator.deploy(registry)
    return operator


@pytest.fixture
def tamper(deployed: Operator, registry: Artifact) -> Callable[..., Verification]:
    """Changes the record in its file, and reports on it."""

    def change(**changes: Any) -> Verification:
        (record,) = deployed.folder.read_all(NETWORK)
        changed = dataclasses.replace(record, **changes)
        deployed.folder.write(NETWORK, deployed.chain_id, changed, registry)
        return report(deployed)

    return change


def report(operator: Operator, **options: Any) -> Verification:
    (found,) = verify_network(operator.chain, operator.folder, NETWORK, **options)
    return found


def outcomes(found: Verification) -> dict[str, str]:
    return {check.name: check.outcome.value for check in found.checks}


def record_of(operator: Operator) -> Record:
    (record,) = operator.folder.read_all(NETWORK)
    return record


def test_a_sound_deployment_is_ok_in_every_check(deployed: Operator) -> None:
    found = report(deployed)
    assert outcomes(found) == dict.fromkeys(
        ("chain", "code", "address", "factory", "transaction", "artifact", "source"), "ok"
    )
    assert found.outcome is Outcome.OK


def test_a_plain_deployment_is_ok_without_a_factory(operator: Operator, registry: Artifact) -> None:
    operator.deploy(registry, plain=True)
    found = report(operator)
    assert found.outcome is Outcome.OK
    assert "factory" not in outcomes(found)


def test_all_contracts_of_a_network_take_one_round_trip(
    operator: Operator, registry: Artifact, second: Artifact
) -> None:
    operator.deploy(registry, second)
    with Chain([operator.node]) as chain:
        assert len(verify_network(chain, operator.folder, NETWORK)) == 2
        assert chain.round_trips == 1


# -- failed --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "failed"),
    [
        ({"code_hash": b"\x01" * 32}, {"code", "artifact"}),
        ({"init_code_hash": b"\x01" * 32}, {"address", "artifact"}),
        ({"salt": b"\x01" * 32}, {"address"}),
        ({"factory": Address(b"\x01" * 20)}, {"address", "factory"}),
        ({"address": Address(b"\x01" * 20)}, {"code", "address"}),
        ({"abi": ()}, {"artifact"}),
        ({"compiler": "0.8.1+commit.00000000"}, {"artifact"}),
        ({"block_number": 1}, {"transaction"}),
        ({"block_hash": b"\x01" * 32}, {"transaction"}),
        ({"tx_hash": b"\x01" * 32}, {"transaction"}),
        ({"tx_hash": b"\x01" * 32, "block_number": 10**6}, {"transaction"}),
        ({"source_hash": b"\x01" * 32}, {"artifact", "source"}),
    ],
)
def test_a_tampered_record_fails(
    tamper: Callable[..., Verification], changes: dict[str, Any], failed: set[str]
) -> None:
    found = tamper(**changes)
    assert {name for name, outcome in outcomes(found).items() if outcome == "failed"} == failed
    assert found.outcome is Outcome.FAILED


def test_a_plain_record_of_another_contract_fails(operator: Operator, registry: Artifact) -> None:
    operator.deploy(registry, plain=True)
    other = dataclasses.replace(record_of(operator), address=PROXY)
    operator.folder.write(NETWORK, operator.chain_id, other, registry)
    assert outcomes(report(operator))["address"] == "failed"


def test_missing_code_fails(deployed: Operator, chain: LocalChain) -> None:
    chain.patch(record_of(deployed).address, code=b"")
    found = report(deployed)
    assert outcomes(found)["code"] == "failed"
    assert "there is no code at 0x" in next(c.detail for c in found.checks if c.name == "code")


def test_foreign_code_fails(deployed: Operator, chain: LocalChain) -> None:
    chain.patch(record_of(deployed).address, code=b"\x00")
    assert outcomes(report(deployed))["code"] == "failed"


def test_a_proxy_with_other_code_fails(deployed: Operator, chain: LocalChain) -> None:
    chain.patch(PROXY, code=b"\x00")
    assert outcomes(report(deployed))["factory"] == "failed"


def test_a_compiler_input_that_was_edited_fails(deployed: Operator) -> None:
    (path,) = (deployed.folder.root / "solc-inputs").iterdir()
    data = json.loads(path.read_text("utf-8"))
    path.write_text(json.dumps(data, sort_keys=True, separators=(",", ":")) + " ", "utf-8")
    assert outcomes(report(deployed))["source"] == "failed"


def test_a_reverted_transaction_fails(deployed: Operator, chain: LocalChain) -> None:
    with FaultProxy(chain.handle) as node:
        node.rewrite("eth_getTransactionReceipt", lambda _, result: {**result, "status": "0x0"})
        deployed.node = node.url
        assert outcomes(report(deployed))["transaction"] == "failed"


# -- unknown -------------------------------------------------------------------------------------


def test_another_chain_fails_once_and_leaves_the_rest_unknown(
    deployed: Operator, operator_on: Callable[..., Operator]
) -> None:
    deployed.node = operator_on(chain_id=5).node
    assert outcomes(report(deployed)) == {
        "chain": "failed",
        **dict.fromkeys(("code", "address", "factory", "transaction"), "unknown"),
        "address": "ok",  # follows from the record alone
        "artifact": "ok",
        "source": "ok",
    }


def test_a_network_configured_for_another_chain_fails_as_well(deployed: Operator) -> None:
    network = Network(name="x", chain_id=5, did_registry="0x" + "11" * 20, provider=deployed.node)
    (found,) = verify_network(network.chain(), deployed.folder, NETWORK)
    assert outcomes(found)["chain"] == "failed"
    assert outcomes(found)["code"] == "unknown"


def test_a_dead_node_makes_everything_on_chain_unknown(deployed: Operator) -> None:
    deployed.node = "http://127.0.0.1:1"
    found = report(deployed)
    asked = ("chain", "code", "factory", "transaction")
    assert [outcomes(found)[name] for name in asked] == ["unknown"] * 4
    assert found.outcome is Outcome.UNKNOWN


def test_a_pruned_receipt_is_unknown_while_the_block_lists_the_transaction(
    deployed: Operator, chain: LocalChain
) -> None:
    with FaultProxy(chain.handle) as node:
        node.rewrite("eth_getTransactionReceipt", lambda _request, _result: None)
        deployed.node = node.url
        found = report(deployed)
    assert outcomes(found)["transaction"] == "unknown"
    assert found.outcome is Outcome.UNKNOWN


def test_a_record_without_a_transaction_is_unknown(tamper: Callable[..., Verification]) -> None:
    found = tamper(tx_hash=None, deployer=None, block_number=None, block_hash=None)
    assert outcomes(found)["transaction"] == "unknown"


def test_a_contract_that_this_release_does_not_have_is_unknown(deployed: Operator) -> None:
    assert outcomes(report(deployed, artifacts={}))["artifact"] == "unknown"


def test_failed_outweighs_unknown(deployed: Operator, chain: LocalChain) -> None:
    chain.patch(PROXY, code=b"\x00")
    found = report(deployed, artifacts={})
    assert set(outcomes(found).values()) == {"ok", "failed", "unknown"}
    assert found.outcome is Outcome.FAILED


def test_a_network_without_records_is_an_error_with_the_nearest_name(deployed: Operator) -> None:
    with pytest.raises(DeploymentError, match="no contract is recorded for dve") as caught:
        verify_network(deployed.chain, deployed.folder, "dve")
    assert caught.value.hint == "Did you mean dev?"


def test_a_report_is_json(deployed: Operator, registry: Artifact) -> None:
    found = report(deployed).to_dict()
    assert found["contract"] == "EthereumDIDRegistry"
    assert found["outcome"] == "ok"
    assert found["checks"][0] == {"check": "chain", "outcome": "ok", "detail": "chain id 31337"}
    assert record_of(deployed).address == create2_address(
        registry.init_code, salt_of(registry.name)
    )

"""A plan says in one round trip what would be done and what it costs; nothing is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from eth_hash.auto import keccak

from ethr_did.chain.artifacts import ContractName, load
from ethr_did.chain.rpc import Chain
from ethr_did.deployment import PROXY, Standing, create2_address, deployable, plan, salt_of
from ethr_did.deployment.factory import KEYLESS_COST, KEYLESS_SIGNER, PROXY_CODE
from ethr_did.errors import DeploymentError, InsufficientFunds

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.chain.artifacts import Artifact
    from ethr_did.chain.local import LocalChain

    from .conftest import Operator


def test_a_plan_takes_one_round_trip_for_all_contracts(
    operator: Operator, registry: Artifact, second: Artifact
) -> None:
    with Chain([operator.node]) as chain:
        plan(chain, [registry, second], sender=operator.sender.address)
        assert chain.round_trips == 1


def test_a_plan_sends_nothing(operator: Operator, chain: LocalChain, registry: Artifact) -> None:
    before = chain.head.number
    operator.plan(registry)
    assert chain.head.number == before


def test_a_plan_names_the_address_that_follows_from_salt_and_code(
    operator: Operator, registry: Artifact
) -> None:
    (one,) = operator.plan(registry).contracts
    assert one.salt == keccak(b"ethr-did/EthereumDIDRegistry/1") == salt_of(registry.name)
    assert one.factory == PROXY
    assert one.address == create2_address(registry.init_code, one.salt)
    assert one.init_code_hash == keccak(registry.init_code)
    assert one.standing is Standing.ABSENT


def test_a_plan_counts_the_proxy_where_it_is_missing(
    operator: Operator, registry: Artifact
) -> None:
    found = operator.plan(registry)
    assert found.needs_proxy
    assert found.proxy_funding == KEYLESS_COST == 10**16
    assert found.cost == found.proxy_cost + found.contracts[0].cost
    assert found.proxy_cost > KEYLESS_COST


def test_a_plan_counts_only_what_the_keyless_signer_lacks(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    chain.patch(KEYLESS_SIGNER, balance=KEYLESS_COST - 7)
    assert operator.plan(registry).proxy_funding == 7


def test_a_plan_for_a_chain_with_the_proxy_leaves_it_out(
    operator_on: Callable[..., Operator], registry: Artifact
) -> None:
    operator = operator_on(alloc={PROXY: PROXY_CODE})
    found = operator.plan(registry)
    assert (found.proxy, found.needs_proxy, found.proxy_funding) == (Standing.DEPLOYED, False, 0)
    assert found.cost == found.contracts[0].cost == found.contracts[0].gas * found.fee_per_gas


def test_the_estimate_without_the_proxy_is_close_to_the_one_with_it(
    operator: Operator, operator_on: Callable[..., Operator], registry: Artifact
) -> None:
    without = operator.plan(registry).contracts[0].gas
    through = operator_on(alloc={PROXY: PROXY_CODE}).plan(registry).contracts[0].gas
    assert abs(without - through) < through // 50


def test_a_plan_costs_nothing_where_all_is_there(operator: Operator, registry: Artifact) -> None:
    operator.deploy(registry)
    found = operator.plan(registry)
    assert [one.standing for one in found.contracts] == [Standing.DEPLOYED]
    assert (found.cost, found.highest_cost, found.waiting) == (0, 0, ())
    found.check()


def test_a_plain_plan_names_the_next_addresses_of_the_sender(
    operator: Operator, registry: Artifact, second: Artifact
) -> None:
    planned = [one.address for one in operator.plan(registry, second, plain=True).contracts]
    assert [one.address for one in operator.deploy(registry, second, plain=True)] == planned


def test_a_plan_that_the_sender_cannot_pay_says_what_is_missing(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    chain.patch(operator.sender.address, balance=10**15)
    found = operator.plan(registry)
    assert (found.balance, found.highest_cost > 10**15) == (10**15, True)
    with pytest.raises(InsufficientFunds, match=r"has 0\.001 ETH on chain 31337, and up to"):
        found.check()


def test_foreign_code_at_the_address_is_shown_and_refused(
    operator_on: Callable[..., Operator], registry: Artifact
) -> None:
    address = create2_address(registry.init_code, salt_of(registry.name))
    found = operator_on(alloc={address: b"\x60\x00"}).plan(registry)
    assert found.contracts[0].standing is Standing.FOREIGN
    with pytest.raises(DeploymentError, match="already holds code that is not Ethereum") as caught:
        found.check()
    assert caught.value.facts["found"] == "0x" + keccak(b"\x60\x00").hex()


def test_a_proxy_with_foreign_code_is_refused(
    operator_on: Callable[..., Operator], registry: Artifact
) -> None:
    found = operator_on(alloc={PROXY: PROXY_CODE + b"\x00"}).plan(registry)
    with pytest.raises(DeploymentError, match="other code than the deterministic") as caught:
        found.check()
    assert "--plain" in caught.value.hint


def test_a_spent_keyless_transaction_is_refused(
    operator: Operator, chain: LocalChain, registry: Artifact
) -> None:
    chain.patch(KEYLESS_SIGNER, nonce=1)
    with pytest.raises(DeploymentError, match="failed; it cannot be sent again"):
        operator.plan(registry).check()


def test_a_contract_with_immutables_is_refused(operator: Operator, registry: Artifact) -> None:
    data = registry.to_dict() | {"immutableReferences": {"1": [{"start": 0, "length": 32}]}}
    with pytest.raises(DeploymentError, match="has immutables"):
        operator.plan(type(registry).from_dict(data))


def test_a_contract_with_constructor_arguments_is_refused(operator: Operator) -> None:
    with pytest.raises(DeploymentError, match="DIDRegistryProbe takes constructor arguments"):
        operator.plan(load(ContractName.DID_REGISTRY_PROBE))


def test_the_did_registry_and_the_status_contracts_are_what_is_deployed() -> None:
    assert deployable() == (
        ContractName.ETHEREUM_DID_REGISTRY,
        ContractName.CREDENTIAL_STATUS_REGISTRY,
        ContractName.STATUS_LIST_ANCHOR_REGISTRY,
        ContractName.CREDENTIAL_STATUS_LENS,
    )


def test_a_plan_is_json_with_checksum_addresses(operator: Operator, registry: Artifact) -> None:
    found = operator.plan(registry).to_dict()
    assert found["sender"] == "0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266"
    assert found["contracts"][0]["factory"] == "0x4e59b44847b379578588920cA78FbF26c0B4956C"
    assert found["costWei"] <= found["highestCostWei"]

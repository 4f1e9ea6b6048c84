"""The status contracts are deployed for one DID registry, after it and bound to it."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest
from eth_hash.auto import keccak

from ethr_did.chain.rpc import Chain
from ethr_did.core.keys import Address, parse_address, to_checksum_address
from ethr_did.deployment import (
    PROXY,
    Outcome,
    Standing,
    create2_address,
    plan,
    salt_of,
    verify_network,
)
from ethr_did.deployment import deploy as carry_out
from ethr_did.deployment.factory import PROXY_CODE
from ethr_did.errors import DeploymentError, InsufficientFunds, NodeBusy, TransactionPending
from support.fault_proxy import FaultProxy, RpcError
from support.writing import deploy, world_registry

from .conftest import NETWORK, Operator, transactions_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.chain.artifacts import Artifact
    from ethr_did.chain.local import LocalChain
    from ethr_did.deployment import Record, Verification

NAMES = [
    "EthereumDIDRegistry",
    "CredentialStatusRegistry",
    "StatusListAnchorRegistry",
    "CredentialStatusLens",
]
BOUND = NAMES[1:3]
DID_REGISTRY_CALL = "0x" + keccak(b"didRegistry()")[:4].hex()


def ask(chain: LocalChain, method: str, *params: Any) -> Any:
    answer: Any = chain.handle({"jsonrpc": "2.0", "id": 1, "method": method, "params": [*params]})
    return answer["result"]


def did_registry_of(chain: LocalChain, address: Address) -> Address:
    call = {"to": "0x" + address.hex(), "data": DID_REGISTRY_CALL}
    return Address(bytes.fromhex(ask(chain, "eth_call", call, "latest")[2:])[12:])


def by_name(records: list[Record]) -> dict[str, Record]:
    return {record.contract_name: record for record in records}


@pytest.fixture(params=["legacy-2018", "1.3.0"])
def older(request: pytest.FixtureRequest, operator: Operator) -> Address:
    """A registry as others deployed it."""
    return deploy(operator.sender, world_registry(request.param))


# -- the plan ------------------------------------------------------------------------------------


def test_the_did_registry_comes_first_in_whatever_order_the_contracts_are_named(
    operator: Operator, everything: list[Artifact]
) -> None:
    found = operator.plan(*reversed(everything))
    assert [one.name for one in found.contracts] == [NAMES[0], *reversed(NAMES[1:])]


def test_all_contracts_are_planned_in_one_round_trip(
    operator: Operator, everything: list[Artifact]
) -> None:
    with Chain([operator.node]) as chain:
        plan(chain, everything, sender=operator.sender.address)
        assert chain.round_trips == 1


def test_the_addresses_follow_from_the_planned_registry_s(
    operator: Operator, everything: list[Artifact]
) -> None:
    found = operator.plan(*everything)
    registry = create2_address(everything[0].init_code, salt_of(NAMES[0]))
    assert found.did_registry == registry
    for one, artifact in zip(found.contracts[1:3], everything[1:3], strict=True):
        bound = artifact.bound(registry)
        assert one.artifact == bound
        assert one.address == create2_address(bound.init_code, salt_of(one.name))
    assert found.contracts[3].artifact.did_registry is None


@pytest.mark.parametrize("plain", [False, True])
@pytest.mark.parametrize("alloc", [{}, {PROXY: PROXY_CODE}])
def test_gas_that_no_node_can_estimate_yet_is_computed_and_marked(
    operator_on: Callable[..., Operator],
    everything: list[Artifact],
    alloc: dict[bytes, bytes],
    *,
    plain: bool,
) -> None:
    operator = operator_on(alloc=alloc)
    before = operator.plan(*everything, plain=plain)
    assert [one.awaits_registry for one in before.contracts] == [False, True, True, False]
    (registry,) = operator.deploy(everything[0], plain=plain)
    # The proxy is there by now: compare like with like.
    after = operator.plan(*everything, plain=plain, did_registry=registry.address)
    assert not any(one.awaits_registry for one in after.contracts)
    for one, two in zip(before.contracts[1:], after.contracts[1:], strict=True):
        assert abs(one.gas - two.gas) < two.gas // (200 if plain or alloc else 30)
        assert one.cost == one.gas * before.fee_per_gas


def test_the_plan_says_in_json_what_is_bound_to_what_and_which_gas_is_computed(
    operator: Operator, everything: list[Artifact]
) -> None:
    found = operator.plan(*everything).to_dict()
    registry = found["contracts"][0]["address"]
    assert found["didRegistry"] == registry
    assert [one["didRegistry"] for one in found["contracts"]] == [None, registry, registry, None]
    assert [one["gasIsComputed"] for one in found["contracts"]] == [False, True, True, False]


def test_without_a_did_registry_there_is_nothing_to_be_bound_to(
    operator: Operator, status_contracts: list[Artifact]
) -> None:
    with pytest.raises(
        DeploymentError, match="CredentialStatusRegistry serves the ident"
    ) as caught:
        operator.plan(*status_contracts)
    assert caught.value.hint.startswith("Deploy EthereumDIDRegistry with it")
    assert operator.plan(status_contracts[-1]).did_registry is None


def test_a_contract_that_is_bound_already_keeps_its_registry(
    operator: Operator, status_contracts: list[Artifact]
) -> None:
    registry = deploy(operator.sender)
    (one,) = operator.plan(status_contracts[0].bound(registry)).contracts
    assert one.artifact.did_registry == registry
    assert not one.awaits_registry


def test_foreign_code_in_place_of_the_did_registry_is_what_the_plan_says(
    operator_on: Callable[..., Operator], everything: list[Artifact]
) -> None:
    address = create2_address(everything[0].init_code, salt_of(NAMES[0]))
    found = operator_on(alloc={PROXY: PROXY_CODE, address: b"\x00"}).plan(*everything)
    assert [one.standing for one in found.contracts][:2] == [Standing.FOREIGN, Standing.ABSENT]
    with pytest.raises(DeploymentError, match="already holds code that is not EthereumDIDRegistry"):
        found.check()


# -- an older registry ---------------------------------------------------------------------------


def test_an_older_registry_is_served_without_another_one(
    operator: Operator, chain: LocalChain, status_contracts: list[Artifact], older: Address
) -> None:
    records = by_name(operator.deploy(*status_contracts, did_registry=older))
    assert list(records) == NAMES[1:]
    for name in BOUND:
        assert records[name].did_registry == older
        assert did_registry_of(chain, records[name].address) == older
    assert all(one.outcome is Outcome.OK for one in reports(operator).values())


def test_the_lens_is_the_same_for_all_registries_and_the_others_are_not(
    operator: Operator, everything: list[Artifact], older: Address
) -> None:
    ours = [one.address for one in operator.plan(*everything).contracts[1:]]
    theirs = [one.address for one in operator.plan(*everything[1:], did_registry=older).contracts]
    assert [one == two for one, two in zip(ours, theirs, strict=True)] == [False, False, True]


def test_what_is_no_registry_is_not_bound_to(
    operator: Operator, status_contracts: list[Artifact], second: Artifact
) -> None:
    other_contract = deploy(operator.sender, second.init_code)
    sent = transactions_of(operator)
    for nothing in (Address(b"\x11" * 20), operator.sender.address, other_contract):
        with pytest.raises(DeploymentError) as caught:
            operator.plan(*status_contracts, did_registry=nothing)
        address = to_checksum_address(nothing)
        assert caught.value.message == f"there is no ERC-1056 registry at {address}"
    assert transactions_of(operator) == sent


def test_a_node_that_does_not_say_is_not_a_missing_registry(
    operator: Operator, chain: LocalChain, status_contracts: list[Artifact]
) -> None:
    registry = deploy(operator.sender)

    def busy(_request: dict[str, Any], _result: Any) -> Any:
        raise RpcError(-32005, "rate limit reached")

    with FaultProxy(chain.handle) as node:
        node.rewrite("eth_call", busy)
        operator.node = node.url
        with pytest.raises(NodeBusy):
            operator.plan(*status_contracts, did_registry=registry)


# -- deploying -----------------------------------------------------------------------------------


@pytest.mark.parametrize("plain", [False, True])
def test_all_contracts_are_deployed_in_one_run_and_serve_one_registry(
    operator: Operator, chain: LocalChain, everything: list[Artifact], *, plain: bool
) -> None:
    records = by_name(operator.deploy(*everything, plain=plain))
    assert list(records) == NAMES
    registry = records[NAMES[0]].address
    for name, artifact in zip(NAMES, everything, strict=True):
        bound = artifact.bound(registry) if name in BOUND else artifact
        code = ask(chain, "eth_getCode", "0x" + records[name].address.hex(), "latest")
        assert code == "0x" + bound.runtime_code.hex()
        assert records[name].code_hash == bound.code_hash
        assert records[name].constructor_arguments == bound.constructor_arguments
        assert records[name].did_registry == (registry if name in BOUND else None)
    assert {did_registry_of(chain, records[name].address) for name in BOUND} == {registry}
    assert all(record.is_complete for record in records.values())


def test_a_plain_plan_names_the_addresses_that_a_plain_run_gives(
    operator: Operator, everything: list[Artifact]
) -> None:
    planned = [one.address for one in operator.plan(*everything, plain=True).contracts]
    assert [one.address for one in operator.deploy(*everything, plain=True)] == planned


@pytest.mark.parametrize("plain", [False, True])
def test_only_what_is_missing_is_deployed(
    operator: Operator, everything: list[Artifact], *, plain: bool
) -> None:
    (registry,) = operator.deploy(everything[0], plain=plain)
    sent = transactions_of(operator)
    records = operator.deploy(*everything, plain=plain)
    assert (records[0], transactions_of(operator)) == (registry, sent + 3)
    assert {one.did_registry for one in records[1:3]} == {registry.address}
    assert operator.deploy(*everything, plain=plain) == records
    assert transactions_of(operator) == sent + 3


def test_contracts_that_somebody_else_deployed_are_found_and_recorded(
    operator: Operator, chain: LocalChain, everything: list[Artifact]
) -> None:
    records = operator.deploy(*everything)
    other = Operator(
        node=chain.provider, chain_id=chain.chain_id, home=operator.home / "other", account=2
    )
    assert other.deploy(*everything) == records
    assert transactions_of(other) == 0


def test_lost_records_are_written_again(
    operator: Operator, everything: list[Artifact], chain: LocalChain
) -> None:
    records, head = operator.deploy(*everything), chain.head.number
    for path in operator.folder.path(NETWORK).glob("C*.json"):
        path.unlink()
    assert operator.deploy(*everything) == records
    assert chain.head.number == head


def test_a_plain_run_interrupted_at_the_registry_binds_to_where_it_really_is(
    operator: Operator, chain: LocalChain, everything: list[Artifact]
) -> None:
    operator.patience, chain.automine = 0.2, False
    with pytest.raises(TransactionPending):
        operator.deploy(*everything, plain=True)
    operator.patience, chain.automine = 1.0, True
    planned = operator.plan(*everything, plain=True)
    records = by_name(operator.deploy(*everything, plain=True))
    registry = records[NAMES[0]].address
    assert planned.contracts[0].address != registry
    assert {did_registry_of(chain, records[name].address) for name in BOUND} == {registry}
    assert transactions_of(operator) == len(NAMES)


@pytest.mark.parametrize("plain", [False, True])
def test_a_run_interrupted_after_the_registry_has_recorded_it_and_goes_on(
    operator_on: Callable[..., Operator], everything: list[Artifact], *, plain: bool
) -> None:
    operator = operator_on(alloc={PROXY: PROXY_CODE}, patience=0.2)
    chain: LocalChain = operator.node._chain  # type: ignore[attr-defined]
    planned, sender = operator.plan(*everything, plain=plain), operator.sender
    stop = _stopping(chain, after=NAMES[0])
    with pytest.raises(TransactionPending):
        carry_out(planned, sender, network=NETWORK, folder=operator.folder, tell=stop)
    assert [one.contract_name for one in operator.folder.read_all(NETWORK)] == NAMES[:1]
    chain.automine, operator.patience = True, 1.0
    records = by_name(operator.deploy(*everything, plain=plain))
    assert {records[name].did_registry for name in BOUND} == {records[NAMES[0]].address}
    assert transactions_of(operator) == len(NAMES)


def test_a_sender_without_means_for_all_of_it_sends_nothing(
    operator: Operator, chain: LocalChain, everything: list[Artifact]
) -> None:
    one, all_of_it = operator.plan(everything[0]), operator.plan(*everything)
    assert one.highest_cost < all_of_it.highest_cost - 1
    chain.patch(operator.sender.address, balance=all_of_it.highest_cost - 1)
    with pytest.raises(InsufficientFunds):
        operator.deploy(*everything)
    assert transactions_of(operator) == 0


def test_a_registry_that_a_lagging_node_does_not_have_yet_is_waited_for(
    operator_on: Callable[..., Operator], everything: list[Artifact]
) -> None:
    operator = operator_on(alloc={PROXY: PROXY_CODE})
    chain: LocalChain = operator.node._chain  # type: ignore[attr-defined]
    late: list[str] = []

    def lagging(request: dict[str, Any], result: Any) -> Any:
        if parse_address(request["params"][0]) == PROXY or result == "0x":
            return result
        late.append(result)
        return "0x" if len(late) == 1 else result

    with FaultProxy(chain.handle) as node:
        node.rewrite("eth_getCode", lagging)
        operator.node = node.url
        assert len(operator.deploy(*everything)) == len(NAMES)


def _stopping(chain: LocalChain, *, after: str) -> Callable[[str], None]:
    """Stops mining when a contract is told to be recorded."""

    def told(text: str) -> None:
        if text.startswith(f"{after} at 0x"):
            chain.automine = False

    return told


# -- verifying -----------------------------------------------------------------------------------


@pytest.fixture
def deployed(operator: Operator, everything: list[Artifact]) -> Operator:
    operator.deploy(*everything)
    return operator


def reports(operator: Operator) -> dict[str, Verification]:
    found = verify_network(operator.chain, operator.folder, NETWORK)
    return {one.record.contract_name: one for one in found}


def outcomes(found: Verification) -> dict[str, str]:
    return {check.name: check.outcome.value for check in found.checks}


def failed(found: Verification) -> set[str]:
    return {name for name, outcome in outcomes(found).items() if outcome == "failed"}


def test_sound_contracts_are_ok_and_those_that_are_bound_were_asked_to_what(
    deployed: Operator,
) -> None:
    with Chain([deployed.node]) as chain:
        found = verify_network(chain, deployed.folder, NETWORK)
        assert chain.round_trips == 1
    assert {one.outcome for one in found} == {Outcome.OK}
    asked = {one.record.contract_name for one in found if "registry" in outcomes(one)}
    assert asked == set(BOUND)


@pytest.mark.parametrize("plain", [False, True])
def test_plain_status_contracts_are_ok_too(
    operator: Operator, everything: list[Artifact], *, plain: bool
) -> None:
    operator.deploy(*everything, plain=plain)
    assert {one.outcome for one in reports(operator).values()} == {Outcome.OK}


def test_a_record_of_another_did_registry_fails(
    deployed: Operator, everything: list[Artifact]
) -> None:
    record = deployed.folder.read(NETWORK, BOUND[0])
    assert record is not None
    other = dataclasses.replace(record, constructor_arguments=(b"\x11" * 20).rjust(32, b"\0"))
    deployed.folder.write(NETWORK, deployed.chain_id, other, everything[1])
    found = reports(deployed)[BOUND[0]]
    assert failed(found) == {"registry", "artifact"}
    detail = next(check.detail for check in found.checks if check.name == "artifact")
    assert detail == "the record differs from this release in codeHash, initCodeHash"


def test_a_record_that_is_consistent_with_another_registry_fails_on_chain(
    deployed: Operator, everything: list[Artifact]
) -> None:
    record = deployed.folder.read(NETWORK, BOUND[0])
    assert record is not None
    bound = everything[1].bound(Address(b"\x11" * 20))
    other = dataclasses.replace(
        record,
        constructor_arguments=bound.constructor_arguments,
        code_hash=bound.code_hash,
        init_code_hash=bound.init_code_hash,
    )
    deployed.folder.write(NETWORK, deployed.chain_id, other, bound)
    assert failed(reports(deployed)[BOUND[0]]) == {"code", "registry", "address"}


def test_a_record_without_its_did_registry_fails(deployed: Operator) -> None:
    path = deployed.folder.path(NETWORK) / f"{BOUND[0]}.json"
    data = json.loads(path.read_text("utf-8"))
    del data["constructorArguments"]
    path.write_text(json.dumps(data), "utf-8")
    assert failed(reports(deployed)[BOUND[0]]) == {"artifact"}


def test_arguments_of_a_contract_that_takes_none_fail(
    deployed: Operator, everything: list[Artifact]
) -> None:
    record = deployed.folder.read(NETWORK, NAMES[3])
    assert record is not None
    other = dataclasses.replace(record, constructor_arguments=b"\x01")
    deployed.folder.write(NETWORK, deployed.chain_id, other, everything[3])
    assert failed(reports(deployed)[NAMES[3]]) == {"artifact"}


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        ("0x" + "00" * 12 + "11" * 20, "failed"),
        ("0x", "failed"),
        (RpcError(3, "execution reverted", "0x"), "failed"),
        (RpcError(-32000, "missing trie node"), "unknown"),
        (7, "unknown"),
    ],
)
def test_a_contract_that_names_another_registry_fails_and_silence_is_unknown(
    deployed: Operator, chain: LocalChain, answer: Any, outcome: str
) -> None:
    def said(_request: dict[str, Any], _result: Any) -> Any:
        if isinstance(answer, RpcError):
            raise answer
        return answer

    with FaultProxy(chain.handle) as node:
        node.rewrite("eth_call", said)
        deployed.node = node.url
        found = reports(deployed)
    assert {outcomes(found[name])["registry"] for name in BOUND} == {outcome}
    assert found[NAMES[0]].outcome is found[NAMES[3]].outcome is Outcome.OK

"""Carries out a plan: what is missing is sent, what is there is compared, all of it is recorded.

Rules:
  * Nothing is sent for a contract that is there: running twice costs nothing.
  * What is bound to the DID registry is sent when the registry is there, and no sooner: its
    constructor looks for code at that address.
  * An interrupted run is taken up: transactions by the sender's journal, records by what is on
    chain.
  * A record is written only for code that is the artifact's, byte for byte, and as soon as it is
    there: what a later contract meets does not lose the earlier one.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from ethr_did.chain.answer import data_of
from ethr_did.chain.artifacts import ContractName
from ethr_did.chain.request import get_code
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.deployment.keyless import place_proxy
from ethr_did.deployment.origins import Origin, journalled, locating, origin_of
from ethr_did.deployment.plans import Standing
from ethr_did.deployment.records import Record
from ethr_did.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ethr_did.chain.receipts import Receipt
    from ethr_did.chain.transactions import Sender
    from ethr_did.deployment.plans import DeploymentPlan, PlannedContract
    from ethr_did.deployment.records import RecordFolder

__all__ = ["deploy"]

_DID_REGISTRY = ContractName.ETHEREUM_DID_REGISTRY


def deploy(
    plan: DeploymentPlan,
    sender: Sender,
    *,
    network: str,
    folder: RecordFolder,
    tell: Callable[[str], object] = lambda _: None,
    sleep: Callable[[float], object] = time.sleep,
) -> list[Record]:
    """The records of all contracts of the plan, written to the folder.

    Args:
        plan: for that sender, made just before.
        sender: pays and signs; its journal makes the run resumable.
        network: name under which the records are kept.
        folder: of the records.
        tell: is told each step in words.
        sleep: waits for a number of seconds.

    Raises:
        DeploymentError: foreign code, a chain that refuses the proxy, a record of another chain.
        TransactionError, SignerError, ChainError: as ``Sender.send``; the same plan may be tried
            again.
    """
    if (plan.chain_id, plan.sender) != (sender.chain_id, sender.address):
        raise DeploymentError(
            f"the plan is for {to_checksum_address(plan.sender)} on chain {plan.chain_id}, the "
            f"sender is {to_checksum_address(sender.address)} on chain {sender.chain_id}",
            hint="Make a plan for this sender.",
        )
    folder.check_chain_id(network, plan.chain_id)
    before = {one.name: folder.read(network, one.name) for one in plan.contracts}
    contracts, sent = _recalled(plan, sender)
    if not plan.waiting or len(sent) < len(plan.waiting):
        plan.check()
    if plan.needs_proxy:
        place_proxy(sender, tell=tell, sleep=sleep)
    addresses: dict[str, Address] = {}
    records = []
    for part in _parts(contracts):
        stage = [one.rebound(addresses.get(_DID_REGISTRY)) for one in part]
        sent |= _send([one for one in stage if one.name not in sent], sender, tell)
        addresses |= {one.name: _final_address(one, sent.get(one.name)) for one in stage}
        _check_code(stage, addresses, sender, sleep)
        for one in stage:
            address, old = addresses[one.name], before[one.name]
            if one.name in sent:
                origin: Origin | None = origin_of(sent[one.name], sender.address)
            else:
                origin = _recorded(old, address) or _found(one, sender, head=plan.block_number)
            record = _record(one, address, origin)
            path = folder.write(network, plan.chain_id, record, one.artifact)
            tell(f"{one.name} at {to_checksum_address(record.address)}, recorded in {path}")
            records.append(record)
    return records


def _recalled(
    plan: DeploymentPlan, sender: Sender
) -> tuple[list[PlannedContract], dict[str, Receipt]]:
    """The contracts, and of the plain ones those that an interrupted run has sent, by name.

    Only the journal knows their addresses, that of the DID registry first; those of the proxy are
    found on chain.
    """
    contracts: list[PlannedContract] = []
    sent: dict[str, Receipt] = {}
    registry: Address | None = None
    for planned in plan.contracts:
        one = planned.rebound(registry)
        contracts.append(one)
        if one.factory is not None or one.standing is not Standing.ABSENT:
            continue
        if (receipt := journalled(sender, one.intent)) is not None:
            sent[one.name] = receipt
            if one.name == _DID_REGISTRY:
                registry = receipt.contract_address
    return contracts, sent


def _parts(contracts: Sequence[PlannedContract]) -> list[Sequence[PlannedContract]]:
    """Those that can be sent at once, and those that wait for the DID registry, in order."""
    first = next((at for at, one in enumerate(contracts) if one.awaits_registry), len(contracts))
    return [part for part in (contracts[:first], contracts[first:]) if part]


def _send(
    contracts: Sequence[PlannedContract], sender: Sender, tell: Callable[[str], object]
) -> dict[str, Receipt]:
    waiting = [one for one in contracts if one.standing is Standing.ABSENT]
    for one in waiting:
        tell(f"deploying {one.name}, about {one.gas:,} gas")
    receipts = sender.send_many([one.intent for one in waiting]) if waiting else []
    return {one.name: receipt for one, receipt in zip(waiting, receipts, strict=True)}


def _final_address(one: PlannedContract, receipt: Receipt | None) -> Address:
    """The address: planned, or for a creation by the sender what its receipt says."""
    if one.factory is None and receipt is not None and receipt.contract_address is not None:
        return receipt.contract_address
    return one.address


def _check_code(
    contracts: Sequence[PlannedContract],
    addresses: Mapping[str, Address],
    sender: Sender,
    sleep: Callable[[float], object],
) -> None:
    """Raises ``DeploymentError`` unless each contract's code is that of its artifact."""
    # Of several nodes behind one URL some are a block behind: the code is waited for.
    for look in range(max(1, int(sender.waiting.timeout / sender.waiting.poll))):
        if look:
            sleep(sender.waiting.poll)
        answers = sender.chain.send([get_code(addresses[one.name]) for one in contracts])
        codes = [data_of(answer) for answer in answers]
        if all(codes):
            break
    for one, code in zip(contracts, codes, strict=True):
        if code != one.artifact.runtime_code:
            address = to_checksum_address(addresses[one.name])
            raise DeploymentError(
                f"{one.name} was deployed at {address}, and its code there has the hash "
                f"0x{keccak(code).hex()}, not 0x{one.artifact.code_hash.hex()}",
                hint="Do not use that address. Is this chain an EVM?",
                address=address,
                contract=one.name,
            )


def _found(one: PlannedContract, sender: Sender, *, head: int) -> Origin | None:
    """The origin of a contract that was there already."""
    receipt = journalled(sender, one.intent)
    if receipt is not None and _final_address(one, receipt) == one.address:
        return origin_of(receipt, sender.address)
    found: Origin | None = sender.chain.run(locating(one.artifact, one.address, head=head))
    return found


def _recorded(record: Record | None, address: Address) -> Origin | None:
    if record is None or record.address != address:
        return None
    facts = (record.tx_hash, record.block_number, record.block_hash, record.deployer)
    tx_hash, block_number, block_hash, deployer = facts
    if tx_hash is None or block_number is None or block_hash is None or deployer is None:
        return None
    return Origin(
        tx_hash=tx_hash, block_number=block_number, block_hash=block_hash, deployer=deployer
    )


def _record(one: PlannedContract, address: Address, origin: Origin | None) -> Record:
    artifact = one.artifact
    return Record(
        contract_name=artifact.name,
        address=address,
        abi=tuple(dict(entry) for entry in artifact.abi),
        tx_hash=None if origin is None else origin.tx_hash,
        block_number=None if origin is None else origin.block_number,
        block_hash=None if origin is None else origin.block_hash,
        deployer=None if origin is None else origin.deployer,
        factory=one.factory,
        salt=one.salt,
        init_code_hash=one.init_code_hash,
        code_hash=artifact.code_hash,
        constructor_arguments=artifact.constructor_arguments,
        compiler=artifact.compiler,
        evm_version=artifact.evm_version,
        source_hash=artifact.source_hash,
    )

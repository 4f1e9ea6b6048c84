"""Whether a deployment is what its record says: chain against record against artifact.

Rules:
  * Each check is ``ok``, ``failed`` or ``unknown``. What could not be asked, or was not answered,
    is unknown: never ok, and never failed.
  * One round trip for all contracts of a network.
  * The code of a contract that is bound to a DID registry is compared with the registry's address
    filled in, and the contract is asked for that address itself.
  * A node on another chain has nothing to say about this one: all it says is unknown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from ethr_did.chain.answer import data_of, parse_head, quantity_of
from ethr_did.chain.artifacts import load
from ethr_did.chain.receipts import read_receipt
from ethr_did.chain.request import Request, call, chain_id, get_block, get_code
from ethr_did.chain.reverts import is_revert
from ethr_did.core.keys import to_checksum_address
from ethr_did.core.status_calls import did_registry_call
from ethr_did.deployment.factory import PROXY, PROXY_CODE, create2_address_of_hash
from ethr_did.deployment.plans import deployable
from ethr_did.errors import ChainError, DeploymentError, NotFoundError, WrongChain, nearest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.chain.artifacts import Artifact
    from ethr_did.chain.receipts import Receipt
    from ethr_did.chain.request import Answer, Steps
    from ethr_did.chain.rpc import Chain
    from ethr_did.core.keys import Address
    from ethr_did.deployment.records import Record, RecordFolder

__all__ = ["Check", "Outcome", "Verification", "verify", "verify_network", "verifying"]

_WORD = 32


class Outcome(StrEnum):
    """What a check found."""

    OK = "ok"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One line of a report."""

    name: str
    """``chain``, ``code``, ``registry``, ``address``, ``factory``, ``transaction``, ``artifact`` or
    ``source``."""
    outcome: Outcome
    detail: str
    """In words, with the values."""

    def to_dict(self) -> dict[str, str]:
        """The check as JSON."""
        return {"check": self.name, "outcome": self.outcome.value, "detail": self.detail}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """The report on one contract."""

    record: Record
    checks: tuple[Check, ...]

    @property
    def outcome(self) -> Outcome:
        """The worst of its checks; failed before unknown before ok."""
        found = {check.outcome for check in self.checks}
        for outcome in (Outcome.FAILED, Outcome.UNKNOWN):
            if outcome in found:
                return outcome
        return Outcome.OK

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "contract": self.record.contract_name,
            "address": to_checksum_address(self.record.address),
            "outcome": self.outcome.value,
            "checks": [check.to_dict() for check in self.checks],
        }


def verify_network(
    chain: Chain,
    folder: RecordFolder,
    network: str,
    *,
    artifacts: Mapping[str, Artifact] | None = None,
) -> tuple[Verification, ...]:
    """One report for each record of a network. Never raises for what a node says or does not say.

    Args:
        chain: the way to the nodes.
        folder: of the records.
        network: name of the network.
        artifacts: what the code should be, by name, bound or not; those of this release if not
            given.

    Raises:
        DeploymentError: nothing is recorded for the network.
        InvalidFile: a record has faults.
    """
    records, expected = folder.read_all(network), folder.read_chain_id(network)
    if not records or expected is None:
        missing = "chain id" if records else "contract"
        raise DeploymentError(
            f"no {missing} is recorded for {network} in {folder.root}",
            hint=nearest(network, folder.networks()),
            network=network,
        )
    if artifacts is None:
        artifacts = {name.value: load(name) for name in deployable()}
    inputs = {one.source_hash: folder.read_input(one.source_hash) for one in records}
    return verify(chain, records, expected_chain=expected, artifacts=artifacts, inputs=inputs)


def verify(
    chain: Chain,
    records: Sequence[Record],
    *,
    expected_chain: int,
    artifacts: Mapping[str, Artifact],
    inputs: Mapping[bytes, bytes | None],
) -> tuple[Verification, ...]:
    """One report for each record, in order, as ``verify_network``.

    Args:
        chain: the way to the nodes.
        records: of one network.
        expected_chain: chain id of that network.
        artifacts: what the code should be, by name of the contract.
        inputs: compiler inputs as they lie in the records' folder, by source hash.
    """
    reports = chain.run(verifying(records, expected_chain=expected_chain))
    return tuple(
        replace(report, checks=(*report.checks, *_check_files(report.record, artifacts, inputs)))
        for report in reports
    )


# -- what the chain says -------------------------------------------------------------------------


def verifying(records: Sequence[Record], *, expected_chain: int) -> Steps[tuple[Verification, ...]]:
    """What the chain says about the records, in one batch."""
    asked = [chain_id()]
    for record in records:
        asked += _requests(record)
    answers: Sequence[Answer]
    try:
        answers = yield asked
    except ChainError as failure:
        answers = [failure] * len(asked)
    on_chain = _check_chain(answers[0], expected_chain)
    replies = iter(answers[1:])
    if on_chain.outcome is not Outcome.OK:
        silence = ChainError(f"not asked: {on_chain.detail}")
        replies = iter([silence] * (len(asked) - 1))
    reports = []
    for record in records:
        mine = [next(replies) for _ in _requests(record)]
        reports.append(
            Verification(record=record, checks=(on_chain, *_check_chain_side(record, mine)))
        )
    return tuple(reports)


def _requests(record: Record) -> list[Request]:
    """Five, always: a question without an object is replaced by a harmless one."""
    tx_hash = "0x" + (record.tx_hash or bytes(32)).hex()
    return [
        get_code(record.address),
        get_code(record.factory or record.address),
        Request("eth_getTransactionReceipt", (tx_hash,)),
        get_block(record.block_number or 0),
        call(record.address, did_registry_call()) if record.did_registry else chain_id(),
    ]


def _check_chain(answer: Answer, expected: int) -> Check:
    if isinstance(answer, WrongChain):
        return _failed("chain", answer.message)
    try:
        found = quantity_of(answer)
    except ChainError as failure:
        return _unknown("chain", failure)
    if found != expected:
        return _failed(
            "chain", f"the node is on chain {found}, the records are of chain {expected}"
        )
    return _ok("chain", f"chain id {found}")


def _check_chain_side(record: Record, answers: Sequence[Answer]) -> list[Check]:
    code, factory, receipt, block, registry = answers
    found = _receipt(record, receipt)
    return [
        _check_code(record, code),
        *([] if record.did_registry is None else [_check_registry(record.did_registry, registry)]),
        _check_address(record, found),
        *([] if record.factory is None else [_check_factory(record, factory)]),
        _check_transaction(record, found, block),
    ]


def _check_code(record: Record, answer: Answer) -> Check:
    try:
        code = data_of(answer)
    except ChainError as failure:
        return _unknown("code", failure)
    if not code:
        return _failed("code", f"there is no code at {to_checksum_address(record.address)}")
    if (found := keccak(code)) != record.code_hash:
        return _failed(
            "code", f"code hash {_hex(found)} on chain, {_hex(record.code_hash)} recorded"
        )
    return _ok("code", f"code hash {_hex(found)}")


def _check_registry(expected: Address, answer: Answer) -> Check:
    """Whether ``didRegistry()`` is the recorded address."""
    if is_revert(answer):
        return _failed("registry", "there is no didRegistry()")
    try:
        word = data_of(answer)
    except ChainError as failure:
        return _unknown("registry", failure)
    if word != expected.rjust(_WORD, b"\0"):
        return _failed(
            "registry", f"didRegistry() is {_hex(word)}, not {to_checksum_address(expected)}"
        )
    return _ok("registry", f"bound to the DID registry {to_checksum_address(expected)}")


def _check_address(record: Record, receipt: Receipt | ChainError | None) -> Check:
    address = to_checksum_address(record.address)
    if record.factory is not None and record.salt is not None:
        made = create2_address_of_hash(record.init_code_hash, record.salt, record.factory)
        if made != record.address:
            made_text = to_checksum_address(made)
            return _failed(
                "address", f"factory, salt and init code give {made_text}, not {address}"
            )
        return _ok("address", f"{address} follows from factory, salt and init code")
    if receipt is None or isinstance(receipt, ChainError):
        return _unknown("address", "only the receipt says what a plain deployment created")
    if receipt.contract_address != record.address:
        return _failed("address", f"the recorded transaction did not create {address}")
    return _ok("address", f"{address} was created by the recorded transaction")


def _check_factory(record: Record, answer: Answer) -> Check:
    if record.factory != PROXY:
        return _failed("factory", f"{to_checksum_address(record.factory or b'')} is not known")
    try:
        code = data_of(answer)
    except ChainError as failure:
        return _unknown("factory", failure)
    if code != PROXY_CODE:
        return _failed("factory", f"{to_checksum_address(PROXY)} is not the known proxy")
    return _ok("factory", f"{to_checksum_address(PROXY)} is the deterministic-deployment proxy")


def _receipt(record: Record, answer: Answer) -> Receipt | ChainError | None:
    try:
        return None if record.tx_hash is None else read_receipt(answer, record.tx_hash)
    except ChainError as failure:
        return failure


def _check_transaction(
    record: Record, receipt: Receipt | ChainError | None, block: Answer
) -> Check:
    if record.tx_hash is None:
        return _unknown("transaction", "the record names none")
    if isinstance(receipt, ChainError):
        return _unknown("transaction", receipt)
    if receipt is None:
        return _check_in_block(record, block)
    name = f"transaction {_hex(record.tx_hash)}"
    if (receipt.block_number, receipt.block_hash) != (record.block_number, record.block_hash):
        where = f"block {receipt.block_number} ({_hex(receipt.block_hash)})"
        return _failed("transaction", f"{name} is in {where}, not in block {record.block_number}")
    if not receipt.succeeded:
        return _failed("transaction", f"{name} was reverted")
    return _ok("transaction", f"{name} in block {receipt.block_number}")


def _check_in_block(record: Record, answer: Answer) -> Check:
    """No receipt: a node may have dropped old ones, so the block is asked as well."""
    tx_hash = _hex(record.tx_hash or b"")
    try:
        head = parse_head(answer, record.block_number)
    except NotFoundError as failure:
        return _failed("transaction", failure.message)
    except ChainError as failure:
        return _unknown("transaction", failure)
    listed = answer.get("transactions") if isinstance(answer, Mapping) else None
    if head.hash != record.block_hash:
        return _failed("transaction", f"block {head.number} is {_hex(head.hash)} on this chain")
    if isinstance(listed, list) and tx_hash not in listed:
        return _failed("transaction", f"{tx_hash} is not in block {head.number}")
    return _unknown("transaction", f"the node has no receipt of {tx_hash}")


# -- what the files say --------------------------------------------------------------------------


def _check_files(
    record: Record, artifacts: Mapping[str, Artifact], inputs: Mapping[bytes, bytes | None]
) -> tuple[Check, Check]:
    return (
        _check_artifact(record, artifacts.get(record.contract_name)),
        _check_source(record, inputs.get(record.source_hash)),
    )


def _check_artifact(record: Record, artifact: Artifact | None) -> Check:
    if artifact is None:
        return _unknown("artifact", f"this release has no contract {record.contract_name}")
    if not artifact.is_complete:
        if record.did_registry is None:
            return _failed("artifact", "the record does not say which DID registry it is bound to")
        artifact = artifact.bound(record.did_registry)
    pairs = {
        "constructorArguments": (record.constructor_arguments, artifact.constructor_arguments),
        "codeHash": (record.code_hash, artifact.code_hash),
        "initCodeHash": (record.init_code_hash, artifact.init_code_hash),
        "abi": (list(record.abi), list(artifact.abi)),
        "compiler": (record.compiler, artifact.compiler),
        "evmVersion": (record.evm_version, artifact.evm_version),
        "sourceHash": (record.source_hash, artifact.source_hash),
    }
    other = [name for name, (one, two) in pairs.items() if one != two]
    if other:
        return _failed("artifact", f"the record differs from this release in {', '.join(other)}")
    return _ok("artifact", f"the code of this release, {record.compiler}")


def _check_source(record: Record, data: bytes | None) -> Check:
    name = f"solc-inputs/{_hex(record.source_hash)}.json"
    if data is None:
        return _failed("source", f"{name} is missing")
    if keccak(data) != record.source_hash:
        return _failed("source", f"{name} has the hash {_hex(keccak(data))}")
    return _ok("source", name)


# -- lines ---------------------------------------------------------------------------------------


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _ok(name: str, detail: str) -> Check:
    return Check(name=name, outcome=Outcome.OK, detail=detail)


def _failed(name: str, detail: str) -> Check:
    return Check(name=name, outcome=Outcome.FAILED, detail=detail)


def _unknown(name: str, why: ChainError | str) -> Check:
    detail = why if isinstance(why, str) else why.message
    return Check(name=name, outcome=Outcome.UNKNOWN, detail=detail)

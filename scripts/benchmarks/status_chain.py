"""anvil under the rules that are asked for, with the status contracts on it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ethr_did.chain.artifacts import ContractName, load
from ethr_did.core.keys import Address, parse_address
from ethr_did.core.status_batches import TRANSACTION_GAS_CAP
from support.anvil import Anvil, find_anvil, sending
from support.peers import NODE_MODULES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ethr_did.chain.artifacts import Artifact

ISSUER: Final = Address(bytes.fromhex("1d" * 20))
"""anvil lets every address send."""
CHAIN_ID: Final = 31337
_BLOCK = 250
"""Transactions to a block, where there are many."""
_SMALL = 1_000_000
"""Gas of each of those."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What one change cost, however many transactions it took."""

    gas: int
    transactions: int


class StatusChain:
    """A node with our contracts; every call of ``spend`` must succeed."""

    def __init__(self, anvil: Anvil) -> None:
        self.anvil = anvil
        self.url = anvil.url
        self.did_registry = self.deploy(load(ContractName.ETHEREUM_DID_REGISTRY).init_code)
        self.statuses = self._create(ContractName.CREDENTIAL_STATUS_REGISTRY)
        self.anchors = self._create(ContractName.STATUS_LIST_ANCHOR_REGISTRY)
        self.lens = self._create(ContractName.CREDENTIAL_STATUS_LENS)

    def _create(self, name: ContractName) -> Address:
        artifact: Artifact = load(name)
        if artifact.takes_did_registry:
            artifact = artifact.bound(self.did_registry)
        return self.deploy(artifact.init_code)

    def deploy(self, init_code: bytes) -> Address:
        """The address of a new contract."""
        return parse_address(self.anvil.deploy(init_code))

    def ask(self, to: Address, data: bytes) -> bytes:
        """The result of a call."""
        call = {"to": "0x" + to.hex(), "data": "0x" + data.hex(), "gas": hex(TRANSACTION_GAS_CAP)}
        return bytes.fromhex(self.anvil.call("eth_call", call, "latest")[2:])

    def try_once(self, to: Address, data: bytes, *, sender: Address = ISSUER) -> int | None:
        """Gas of one transaction; None if it needs more than a transaction may have."""
        call = sending(_hex(sender), _hex(to), data, gas=TRANSACTION_GAS_CAP)
        receipt = self.anvil.receipt(self.anvil.call(*call))
        return int(receipt["gasUsed"], 16) if receipt["status"] == "0x1" else None

    def spend(self, to: Address, calls: Sequence[bytes], *, sender: Address = ISSUER) -> Spent:
        """What the calls cost, one transaction each."""
        if len(calls) > 1 and max(map(len, calls)) < _SMALL // 1000:
            gas = sum(
                self._mine(to, calls[at : at + _BLOCK], sender)
                for at in range(0, len(calls), _BLOCK)
            )
            return Spent(gas=gas, transactions=len(calls))
        gas = 0
        for data in calls:
            used = self.try_once(to, data, sender=sender)
            if used is None:
                raise AssertionError(f"a transaction of {len(data)} bytes failed")
            gas += used
        return Spent(gas=gas, transactions=len(calls))

    def _mine(self, to: Address, calls: Sequence[bytes], sender: Address) -> int:
        """Gas of small transactions in one block."""
        anvil = self.anvil
        # With their numbers: anvil looks at the calls of a request side by side.
        first = int(anvil.call("eth_getTransactionCount", _hex(sender), "latest"), 16)
        anvil.call("evm_setAutomine", False)
        sent = []
        for nonce, data in enumerate(calls, start=first):
            method, fields = sending(_hex(sender), _hex(to), data, gas=_SMALL)
            sent.append((method, [{**fields, "nonce": hex(nonce)}]))
        hashes = anvil.batch(sent)
        anvil.call("evm_mine")
        anvil.call("evm_setAutomine", True)
        receipts = anvil.batch(("eth_getTransactionReceipt", [each]) for each in hashes)
        if any(receipt["status"] != "0x1" for receipt in receipts):
            raise AssertionError("a small transaction failed")
        return sum(int(receipt["gasUsed"], 16) for receipt in receipts)


def _hex(address: Address) -> str:
    return "0x" + address.hex()


@contextmanager
def open_chain(rules: str) -> Iterator[StatusChain]:
    """A new chain under the rules of a hard fork, for as long as the context lasts."""
    binary = find_anvil(NODE_MODULES)
    assert binary is not None  # noqa: S101 - whoever asks has looked
    # Without the second option anvil takes transactions that Osaka forbids.
    options = ["--hardfork", rules, "--enable-tx-gas-limit"]
    with Anvil(binary, options=options) as anvil:
        yield StatusChain(anvil)

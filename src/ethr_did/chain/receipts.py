"""What became of a transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ethr_did.chain.answer import data_of, quantity_of, result_of
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.errors import InvalidAnswer, shown

if TYPE_CHECKING:
    from ethr_did.chain.request import Answer

__all__ = ["Receipt", "read_receipt"]

_HASH_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """A mined transaction."""

    tx_hash: bytes
    block_number: int
    block_hash: bytes
    gas_used: int
    effective_gas_price: int
    """Wei for each unit of gas."""
    succeeded: bool
    """False where the contract reverted: the gas is paid, nothing else happened."""
    contract_address: Address | None = None
    """Of the contract that it deployed."""
    block_timestamp: int | None = None
    """Unix seconds."""
    resumed: bool = False
    """Whether an earlier run had already sent it."""

    @property
    def cost_wei(self) -> int:
        """What was paid for gas; rollups charge for data on top."""
        return self.gas_used * self.effective_gas_price

    def to_dict(self) -> dict[str, Any]:
        """The receipt as JSON."""
        contract = self.contract_address
        return {
            "txHash": "0x" + self.tx_hash.hex(),
            "blockNumber": self.block_number,
            "blockHash": "0x" + self.block_hash.hex(),
            "blockTimestamp": self.block_timestamp,
            "gasUsed": self.gas_used,
            "effectiveGasPrice": self.effective_gas_price,
            "costWei": self.cost_wei,
            "succeeded": self.succeeded,
            "contractAddress": None if contract is None else to_checksum_address(contract),
            "resumed": self.resumed,
        }


def read_receipt(answer: Answer, tx_hash: bytes) -> Receipt | None:
    """The receipt in an answer; None while there is none.

    Args:
        answer: of ``eth_getTransactionReceipt``.
        tx_hash: that was asked for.

    Raises:
        InvalidAnswer: it is no receipt, or that of another transaction.
        ChainError: the call failed by itself.
    """
    data = result_of(answer)
    # Some nodes know a transaction's receipt before its block, with null for the block.
    if data is None or (isinstance(data, Mapping) and data.get("blockHash") is None):
        return None
    if not isinstance(data, Mapping):
        raise InvalidAnswer(f"not a receipt: {shown(data)}")
    try:
        contract = data.get("contractAddress")
        receipt = Receipt(
            tx_hash=data_of(data["transactionHash"]),
            block_number=quantity_of(data["blockNumber"]),
            block_hash=data_of(data["blockHash"]),
            gas_used=quantity_of(data["gasUsed"]),
            effective_gas_price=quantity_of(data.get("effectiveGasPrice", "0x0")),
            succeeded=quantity_of(data["status"]) == 1,
            contract_address=None if contract is None else Address(data_of(contract)),
        )
    except KeyError as cause:
        raise InvalidAnswer(f"a receipt without {cause}: {shown(data)}") from cause
    if receipt.tx_hash != tx_hash or len(receipt.block_hash) != _HASH_LENGTH:
        raise InvalidAnswer(f"the receipt of another transaction than 0x{tx_hash.hex()}")
    return receipt

"""What the in-process chain is made of: transactions, their outcome, blocks, calls.

Pure values. Objects of py-evm are carried in fields typed ``Any``, so that nothing here imports it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["NO_ADDRESS", "Block", "Call", "Log", "Mined", "Outcome", "SignedTransaction"]

NO_ADDRESS = b""
"""``to`` of a transaction that creates a contract, as RLP writes it."""

_EIP_155_OFFSET = 35


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedTransaction:
    """A signed transaction as it was received."""

    raw: bytes
    """The transaction envelope, EIP-2718."""
    hash: bytes
    """Keccak-256 of ``raw``."""
    sender: bytes
    """Address recovered from the signature, 20 bytes."""
    body: Any
    """py-evm's transaction: nonce, gas, to, value, data, fees, signature."""

    @property
    def type_id(self) -> int:
        """The EIP-2718 type; 0 for a legacy transaction, which starts with an RLP list byte."""
        return self.raw[0] if self.raw[0] < 0x80 else 0  # noqa: PLR2004 - EIP-2718

    @property
    def chain_id(self) -> int | None:
        """The chain that was signed for; ``None`` if the signature is good on every chain."""
        if self.type_id:
            return int(self.body.chain_id)
        v = int(self.body.v)
        return (v - _EIP_155_OFFSET) // 2 if v >= _EIP_155_OFFSET else None

    @property
    def cost(self) -> int:
        """The most it can take from the sender, in wei."""
        return int(self.body.gas * self.body.max_fee_per_gas + self.body.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One event, as the contract wrote it."""

    address: bytes
    topics: tuple[bytes, ...]
    """32 bytes each."""
    data: bytes
    index: int
    """Position among all logs of the block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mined:
    """A transaction in its block, with what became of it."""

    transaction: SignedTransaction
    index: int
    """Position in the block."""
    receipt: Any
    """py-evm's receipt; its ``gas_used`` is cumulative over the block."""
    succeeded: bool
    gas_used: int
    """By this transaction alone."""
    effective_gas_price: int
    """Wei per gas, EIP-1559."""
    contract_address: bytes | None
    """Of the contract it created, or would have created."""
    logs: tuple[Log, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block and the state behind it."""

    header: Any
    """py-evm's Prague header."""
    transactions: tuple[Mined, ...]
    state_root: bytes
    """Of the state that the next block starts from.

    It is the header's, until somebody patches the state by hand (``anvil_setCode``).
    """
    header_rlp: bytes
    """The header, encoded: what the block hash is the hash of."""
    size: int
    """Bytes of the RLP encoding of the whole block."""

    @property
    def number(self) -> int:
        """The block number."""
        return int(self.header.block_number)

    @property
    def hash(self) -> bytes:
        """The block hash."""
        return bytes(self.header.hash)

    @property
    def timestamp(self) -> int:
        """Unix seconds."""
        return int(self.header.timestamp)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A transaction that is only tried: ``eth_call``, ``eth_estimateGas``."""

    sender: bytes
    to: bytes
    """``NO_ADDRESS``: run ``data`` as init code."""
    data: bytes
    value: int
    gas: int | None
    """``None``: as much as the node allows."""
    max_fee_per_gas: int
    """0: free of charge, and BASEFEE reads 0, as in geth."""
    max_priority_fee_per_gas: int
    access_list: tuple[tuple[bytes, tuple[int, ...]], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a call."""

    output: bytes
    """Returned or reverted data."""
    error: str | None
    """Why it failed, in geth's words; ``None`` if it did not."""
    reverted: bool
    """The contract refused, and ``output`` says why."""
    gas: int
    """The gas limit it needed: before refunds, not below the floor of EIP-7623."""

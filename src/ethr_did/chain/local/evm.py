"""The EVM under the in-process chain: py-evm under the Prague rules.

The only module that imports py-evm; it is itself imported when a chain is made.

State is a Merkle trie whose nodes are kept under their own hash and never deleted. A state root
is therefore all it takes to go back to any state: history, snapshots and "pending" cost nothing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import rlp
from eth.db.account import AccountDB
from eth.db.atomic import AtomicDB
from eth.db.backends.memory import MemoryDB
from eth.db.trie import make_trie_root_and_nodes
from eth.exceptions import Revert, UnrecognizedTransactionType
from eth.vm.chain_context import ChainContext
from eth.vm.forks.london.headers import calculate_expected_base_fee_per_gas
from eth.vm.forks.prague import PragueVM
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth.vm.forks.prague.receipts import PragueReceiptBuilder
from eth.vm.forks.prague.transactions import PragueTransactionBuilder
from eth.vm.forks.shanghai.constants import MAX_INITCODE_SIZE
from eth.vm.spoof import SpoofTransaction
from eth_keys.exceptions import BadSignature
from eth_utils.crypto import keccak
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException

from ethr_did.chain.local.block import (
    NO_ADDRESS,
    Block,
    Call,
    Log,
    Mined,
    Outcome,
    SignedTransaction,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = ["GAS_LIMIT", "Evm", "gas_floor"]

GAS_LIMIT = 30_000_000
"""Of every block."""

_CALL_GAS = 50_000_000
"""geth's default for ``--rpc.gascap``: init code that reads a lot needs more than a block has."""

_STIPEND = 2_300
"""What SSTORE wants to see left, and what a call with value is given on top."""

_BLOB_TRANSACTION = 3
_LAST_TYPE = 4
_UNKNOWN_TYPE = "transaction type not supported"

_WORDS = {
    "OutOfGas": "out of gas",
    "InsufficientStack": "stack underflow",
    "FullStack": "stack limit reached 1024 (1023)",
    "InvalidJumpDestination": "invalid jump destination",
    "InvalidInstruction": "invalid opcode",
    "InsufficientFunds": "insufficient balance for transfer",
    "StackDepthLimit": "max call depth exceeded",
    "ContractCreationCollision": "contract address collision",
    "WriteProtection": "write protection",
    "OutOfBoundsRead": "return data out of bounds",
    "ReservedBytesInCode": "invalid code: must not begin with 0xef",
}


def gas_floor(data: bytes) -> int:
    """The least gas limit for this much call data.

    Spec: EIP-7623, 10 gas per token, a non-zero byte being four tokens.
    """
    tokens = 4 * len(data) - 3 * data.count(0)
    return 21_000 + 10 * tokens


class Evm:
    """Executes blocks and calls, and reads accounts. Knows no chain: a parent is handed in."""

    gas_limit = GAS_LIMIT
    gas_floor = staticmethod(gas_floor)

    def __init__(self, chain_id: int, nodes: dict[bytes, bytes] | None = None) -> None:
        self.nodes: dict[bytes, bytes] = {} if nodes is None else nodes
        self._db = AtomicDB(MemoryDB(self.nodes))
        self._context = ChainContext(chain_id)

    # -- accounts ------------------------------------------------------------------------------

    def account(self, root: bytes) -> Any:
        """A reader of balance, nonce, code and storage in the state of that root."""
        return AccountDB(self._db, root)  # type: ignore[arg-type]  # bytes for Hash32

    def patch(
        self,
        root: bytes,
        address: bytes,
        *,
        balance: int | None = None,
        nonce: int | None = None,
        code: bytes | None = None,
        storage: Mapping[int, int] | None = None,
    ) -> bytes:
        """The root of the same state with one account changed."""
        accounts = self.account(root)
        if balance is not None:
            accounts.set_balance(address, balance)
        if nonce is not None:
            accounts.set_nonce(address, nonce)
        if code is not None:
            accounts.set_code(address, code)
        for slot, value in (storage or {}).items():
            accounts.set_storage(address, slot, value)
        accounts.persist()
        return bytes(accounts.state_root)

    # -- blocks --------------------------------------------------------------------------------

    def genesis(self, *, timestamp: int, state_root: bytes | None = None) -> Block:
        """Block 0, over the empty state if no root is given."""
        header = PragueVM.create_genesis_header(
            difficulty=0, gas_limit=GAS_LIMIT, timestamp=timestamp
        )
        if state_root is not None:
            header = header.copy(state_root=state_root)
        return _block(header, (), ())

    def build(
        self,
        parent: Block,
        candidates: Iterable[SignedTransaction],
        *,
        timestamp: int,
        ancestors: Iterable[bytes],
    ) -> Block:
        """The next block, with those candidates that are valid when their turn comes.

        Args:
            parent: The block to build on.
            candidates: In the order to execute.
            timestamp: Unix seconds, above the parent's.
            ancestors: Block hashes for BLOCKHASH, the parent's first.
        """
        header = self._header_after(parent, timestamp)
        state = PragueVM.build_state(self._db, header, self._context, ancestors)  # type: ignore[arg-type]
        included, receipts = [], []
        for candidate in candidates:
            if header.gas_used + candidate.body.gas > header.gas_limit:
                continue
            state.lock_changes()
            try:
                computation = state.apply_transaction(candidate.body)
            except ValidationError:  # unpaid, out of turn, below the base fee: it has to wait
                continue
            receipt = PragueVM.make_receipt(header, candidate.body, computation, state)
            header = header.copy(gas_used=receipt.gas_used, bloom=header.bloom | int(receipt.bloom))
            included.append(candidate)
            receipts.append(receipt)
        state.persist()
        roots = _roots(included, receipts)
        return _block(header.copy(state_root=state.state_root, **roots), included, receipts)

    def next_base_fee(self, block: Block) -> int:
        """The base fee of the block after that one, wei per gas."""
        return int(calculate_expected_base_fee_per_gas(block.header))

    def _header_after(self, parent: Block, timestamp: int) -> Any:
        header = PragueVM.create_header_from_parent(
            parent.header,
            timestamp=timestamp,
            gas_limit=GAS_LIMIT,
            mix_hash=keccak(parent.hash),  # PREVRANDAO: differs by block, the same on every run
        )
        return header.copy(state_root=parent.state_root)

    def restore(
        self, header: bytes, transactions: Sequence[bytes], receipts: Sequence[bytes]
    ) -> Block:
        """A block from its parts, as `save` wrote them.

        Raises:
            ValueError: The parts are not what the header commits to.
        """
        try:
            decoded = rlp.decode(header, sedes=PragueBlockHeader)
            outcomes = [PragueReceiptBuilder.decode(raw) for raw in receipts]
        except (RLPException, ValidationError, UnrecognizedTransactionType, IndexError) as cause:
            raise ValueError("a header or receipt cannot be decoded") from cause
        included = [self.decode(raw) for raw in transactions]
        for field, root in _roots(included, outcomes).items():
            if getattr(decoded, field) != root:
                msg = f"{field} does not match"
                raise ValueError(msg)
        return _block(decoded, included, outcomes)

    # -- transactions --------------------------------------------------------------------------

    def decode(self, raw: bytes) -> SignedTransaction:
        """The transaction in these bytes, with its sender.

        Raises:
            ValueError: Not a transaction, of a type not taken here, or badly signed.
        """
        if not raw:
            raise ValueError("typed transaction too short")  # geth's words for no bytes at all
        if raw[0] == _BLOB_TRANSACTION or _LAST_TYPE < raw[0] < 0x80:  # noqa: PLR2004 - EIP-2718
            raise ValueError(_UNKNOWN_TYPE)
        try:
            body = PragueTransactionBuilder.decode(raw)
        except UnrecognizedTransactionType as cause:
            raise ValueError(_UNKNOWN_TYPE) from cause
        except (RLPException, ValidationError, TypeError) as cause:
            raise ValueError("rlp: the bytes are not a signed transaction") from cause
        try:
            body.check_signature_validity()
            sender = bytes(body.sender)
        except (ValidationError, BadSignature) as cause:
            raise ValueError("invalid sender") from cause
        return SignedTransaction(raw=raw, hash=keccak(raw), sender=sender, body=body)

    # -- calls ---------------------------------------------------------------------------------

    def call(self, block: Block, call: Call, ancestors: Iterable[bytes]) -> Outcome:
        """What the call gives after that block, with the block's own number and time.

        NUMBER reads the block asked for, not the one after it, as in geth.
        """
        header = block.header.copy(state_root=block.state_root)
        if not call.max_fee_per_gas:
            header = header.copy(base_fee_per_gas=0)
        state = PragueVM.build_state(self._db, header, self._context, ancestors)  # type: ignore[arg-type]
        balance = state.get_balance(call.sender)  # type: ignore[arg-type]  # bytes for Address
        gas = _CALL_GAS if call.gas is None else min(call.gas, _CALL_GAS)
        transaction = self._spoof(call, gas, state.get_nonce(call.sender))  # type: ignore[arg-type]
        refusal = _refusal(call, transaction, balance=balance, base_fee=header.base_fee_per_gas)
        if refusal is not None:
            return Outcome(output=b"", error=refusal, reverted=False, gas=0)
        return _outcome(call, transaction, state.apply_transaction(transaction))

    def estimate(self, block: Block, call: Call, ancestors: Sequence[bytes]) -> int | Outcome:
        """The gas limit the call needs, or the outcome that shows why there is none.

        Exact for most: the gas it took is tried as the limit. Code that looks at the gas left
        (SSTORE does, EIP-2200), or hands out 63/64 of it (EIP-150), needs a search, which stops
        within 2%.
        """
        ceiling = self._affordable(block, call)
        first = self.call(block, replace(call, gas=ceiling), ancestors)
        if first.error is not None:
            return first
        low, high = first.gas, ceiling
        if self.call(block, replace(call, gas=low), ancestors).error is None:
            return low
        middle = (low + _STIPEND) * 64 // 63
        while (high - low) * 50 > high and low < middle < high:
            if self.call(block, replace(call, gas=middle), ancestors).error is None:
                high = middle
            else:
                low = middle
            # Most need little more than they used: do not go halfway to the block's limit.
            middle = min((low + high) // 2, 2 * low)
        return high

    def _affordable(self, block: Block, call: Call) -> int:
        ceiling = min(call.gas or GAS_LIMIT, GAS_LIMIT)
        if not call.max_fee_per_gas:
            return ceiling
        balance = self.account(block.state_root).get_balance(call.sender)
        return int(min(ceiling, max(0, balance - call.value) // call.max_fee_per_gas))

    def _spoof(self, call: Call, gas: int, nonce: int) -> Any:
        unsigned = PragueTransactionBuilder.new_unsigned_dynamic_fee_transaction(
            chain_id=self._context.chain_id,
            nonce=nonce,
            max_priority_fee_per_gas=call.max_priority_fee_per_gas,
            max_fee_per_gas=call.max_fee_per_gas,
            gas=gas,
            to=call.to,  # type: ignore[arg-type]  # bytes for Address
            value=call.value,
            data=call.data,
            access_list=call.access_list,  # type: ignore[arg-type]
        )
        return SpoofTransaction(unsigned, from_=call.sender)


def _refusal(call: Call, transaction: Any, *, balance: int, base_fee: int) -> str | None:
    """Why the call is not even started, in geth's words; py-evm's differ."""
    address = "0x" + call.sender.hex()
    needed = max(transaction.intrinsic_gas, gas_floor(call.data))
    if transaction.gas < needed:
        return f"intrinsic gas too low: have {transaction.gas}, want {needed}"
    if call.to == NO_ADDRESS and len(call.data) > MAX_INITCODE_SIZE:
        return f"max initcode size exceeded: code size {len(call.data)} limit {MAX_INITCODE_SIZE}"
    if call.max_fee_per_gas < base_fee:
        return (
            f"max fee per gas less than block base fee: address {address}, "
            f"maxFeePerGas: {call.max_fee_per_gas}, baseFee: {base_fee}"
        )
    cost = transaction.gas * call.max_fee_per_gas + call.value
    if balance < cost:
        return (
            f"insufficient funds for gas * price + value: address {address} "
            f"have {balance} want {cost}"
        )
    return None


def _outcome(call: Call, transaction: Any, computation: Any) -> Outcome:
    spent = transaction.gas - computation.get_gas_remaining()
    error = computation.error if computation.is_error else None
    reverted = isinstance(error, Revert)
    return Outcome(
        output=bytes(computation.output),
        error=None if error is None else _words(error),
        reverted=reverted,
        gas=max(spent, gas_floor(call.data)),
    )


def _words(error: Exception) -> str:
    if isinstance(error, Revert):
        return "execution reverted"
    name = type(error).__name__
    return _WORDS.get(name, name)


def _roots(included: Sequence[SignedTransaction], receipts: Sequence[Any]) -> dict[str, Any]:
    # The nodes of these two tries are not kept: blocks hold the transactions and receipts.
    transaction_root, _ = make_trie_root_and_nodes(tuple(each.body for each in included))
    receipt_root, _ = make_trie_root_and_nodes(tuple(receipts))
    return {"transaction_root": transaction_root, "receipt_root": receipt_root}


def _block(header: Any, included: Sequence[SignedTransaction], receipts: Sequence[Any]) -> Block:
    mined: list[Mined] = []
    gas_before = logs_before = 0
    for index, (transaction, receipt) in enumerate(zip(included, receipts, strict=True)):
        entry = _mined(
            header,
            transaction,
            receipt,
            index=index,
            gas_before=gas_before,
            logs_before=logs_before,
        )
        gas_before = receipt.gas_used
        logs_before += len(entry.logs)
        mined.append(entry)
    return Block(
        header=header,
        transactions=tuple(mined),
        state_root=bytes(header.state_root),
        header_rlp=rlp.encode(header),
        size=_size(header, included),
    )


def _mined(
    header: Any,
    transaction: SignedTransaction,
    receipt: Any,
    *,
    index: int,
    gas_before: int,
    logs_before: int,
) -> Mined:
    body = transaction.body
    creates = body.to == NO_ADDRESS
    return Mined(
        transaction=transaction,
        index=index,
        receipt=receipt,
        succeeded=receipt.state_root == b"\x01",  # EIP-658: the status took the root's place
        gas_used=receipt.gas_used - gas_before,
        effective_gas_price=min(
            body.max_fee_per_gas, header.base_fee_per_gas + body.max_priority_fee_per_gas
        ),
        contract_address=_created(transaction.sender, body.nonce) if creates else None,
        logs=tuple(
            Log(
                address=bytes(log.address),
                topics=tuple(topic.to_bytes(32, "big") for topic in log.topics),
                data=bytes(log.data),
                index=logs_before + position,
            )
            for position, log in enumerate(receipt.logs)
        ),
    )


def _created(sender: bytes, nonce: int) -> bytes:
    return keccak(rlp.encode([sender, nonce]))[12:]


def _size(header: Any, included: Sequence[SignedTransaction]) -> int:
    transactions = [PragueTransactionBuilder.serialize(each.body) for each in included]
    return len(rlp.encode([PragueBlockHeader.serialize(header), transactions, [], []]))

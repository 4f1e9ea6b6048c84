"""The JSON-RPC methods of the in-process chain: one small function each, and the table of them."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from eth_account import Account

from ethr_did.chain.local.border import (
    INVALID_PARAMS,
    RpcError,
    read_address,
    read_block,
    read_bool,
    read_call,
    read_data,
    read_hash,
    read_number,
    read_percentiles,
    read_quantity,
    read_sending,
    read_slot,
    read_wanted,
    write_block,
    write_data,
    write_log,
    write_receipt,
    write_revert,
    write_transaction,
)
from ethr_did.chain.local.filters import Filter
from ethr_did.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ethr_did.chain.local.block import Block, Call
    from ethr_did.chain.local.border import BlockRef, Sending
    from ethr_did.chain.local.chain import LocalChain
    from ethr_did.chain.local.ledger import FoundLog, LogFilter

__all__ = ["METHODS", "Method"]

_TIP: Final = 10**9
"""Wei per gas that the node suggests; what anvil and a quiet geth say."""

_MAX_FEE_HISTORY: Final = 1_024
"""Blocks."""

_SUGGESTED_BASE_FEES: Final = 2
"""``maxFeePerGas`` allows for this many times the base fee: six full blocks in a row."""


# -- looking up blocks -------------------------------------------------------------------------


def _find_block(chain: LocalChain, ref: BlockRef) -> Block | None:
    if isinstance(ref, bytes):
        return chain.ledger.by_hash(ref)
    if isinstance(ref, int):
        return chain.ledger.at(ref)
    if ref == "pending":
        return chain.pending()
    return chain.ledger.at(0) if ref == "earliest" else chain.head


def _block(chain: LocalChain, ref: BlockRef) -> Block:
    block = _find_block(chain, ref)
    if block is None:
        raise RpcError(
            "header for hash not found" if isinstance(ref, bytes) else "header not found"
        )
    return block


# -- the node ----------------------------------------------------------------------------------


def _client_version(_chain: LocalChain) -> str:
    return "ethr-did/local-chain"


def _net_version(chain: LocalChain) -> str:
    return str(chain.chain_id)


def _listening(_chain: LocalChain) -> bool:
    return True


def _chain_id(chain: LocalChain) -> str:
    return hex(chain.chain_id)


def _syncing(_chain: LocalChain) -> bool:
    return False


def _accounts(chain: LocalChain) -> list[str]:
    return [account.address.lower() for account in chain.accounts]


# -- blocks ------------------------------------------------------------------------------------


def _block_number(chain: LocalChain) -> str:
    return hex(chain.head.number)


def _get_block(chain: LocalChain, ref: BlockRef, full: bool = False) -> dict[str, Any] | None:  # noqa: FBT001, FBT002 - the method's own positional argument
    block = _find_block(chain, ref)
    if block is None:
        return None
    return write_block(block, full=full, pending=ref == "pending")


def _transaction_count_of_block(chain: LocalChain, ref: BlockRef) -> str | None:
    block = _find_block(chain, ref)
    return None if block is None else hex(len(block.transactions))


def _block_receipts(chain: LocalChain, ref: BlockRef) -> list[dict[str, Any]] | None:
    block = _find_block(chain, ref)
    if block is None:
        return None
    return [write_receipt(block, mined) for mined in block.transactions]


# -- transactions ------------------------------------------------------------------------------


def _transaction(chain: LocalChain, tx_hash: bytes) -> dict[str, Any] | None:
    place = chain.ledger.transaction(tx_hash)
    if place is not None:
        return write_transaction(place[1].transaction, place)
    waiting = chain.pool.find(tx_hash)
    return None if waiting is None else write_transaction(waiting, None)


def _receipt(chain: LocalChain, tx_hash: bytes) -> dict[str, Any] | None:
    place = chain.ledger.transaction(tx_hash)
    return None if place is None else write_receipt(*place)


def _send_raw_transaction(chain: LocalChain, raw: bytes) -> str:
    return write_data(chain.submit(raw))


def _send_transaction(chain: LocalChain, sending: Sending) -> str:
    return write_data(chain.submit(_signed(chain, sending)))


def _sign_transaction(chain: LocalChain, sending: Sending) -> dict[str, Any]:
    raw = _signed(chain, sending)
    return {"raw": write_data(raw), "tx": write_transaction(chain.evm.decode(raw), None)}


def _signed(chain: LocalChain, sending: Sending) -> bytes:
    """The transaction, completed and signed by the unlocked account it is from."""
    call = sending.call
    account = next((each for each in chain.accounts if each.address_bytes == call.sender), None)
    if account is None:
        raise RpcError("unknown account")
    gas = call.gas if call.gas is not None else int(_estimate_gas(chain, call), 16)
    nonce = sending.nonce if sending.nonce is not None else chain.next_nonce(call.sender)
    fields = {
        "chainId": chain.chain_id,
        "nonce": nonce,
        "gas": gas,
        "value": call.value,
        "data": call.data,
        **_fees(chain, sending),
    }
    if call.to:
        fields["to"] = call.to
    if call.access_list:
        fields["accessList"] = [
            {"address": address, "storageKeys": [slot.to_bytes(32, "big") for slot in slots]}
            for address, slots in call.access_list
        ]
    return bytes(Account.sign_transaction(fields, account.key).raw_transaction)


def _fees(chain: LocalChain, sending: Sending) -> dict[str, int]:
    if sending.gas_price is not None:
        return {"gasPrice": sending.gas_price}
    tip = sending.max_priority_fee if sending.max_priority_fee is not None else _TIP
    cap = sending.max_fee
    if cap is None:
        cap = _SUGGESTED_BASE_FEES * chain.evm.next_base_fee(chain.head) + tip
    elif sending.max_priority_fee is None:
        tip = min(tip, cap)
    return {"maxFeePerGas": cap, "maxPriorityFeePerGas": tip}


# -- accounts ----------------------------------------------------------------------------------


def _transaction_count(chain: LocalChain, address: bytes, ref: BlockRef = "latest") -> str:
    if ref == "pending":
        return hex(chain.next_nonce(address))
    return hex(_account_reader(chain, ref).get_nonce(address))


def _balance(chain: LocalChain, address: bytes, ref: BlockRef = "latest") -> str:
    return hex(_account_reader(chain, ref).get_balance(address))


def _code(chain: LocalChain, address: bytes, ref: BlockRef = "latest") -> str:
    return write_data(_account_reader(chain, ref).get_code(address))


def _storage_at(chain: LocalChain, address: bytes, slot: int, ref: BlockRef = "latest") -> str:
    word: int = _account_reader(chain, ref).get_storage(address, slot)
    return write_data(word.to_bytes(32, "big"))


def _account_reader(chain: LocalChain, ref: BlockRef) -> Any:
    return chain.evm.account(_block(chain, ref).state_root)


# -- calls -------------------------------------------------------------------------------------


def _call(chain: LocalChain, call: Call, ref: BlockRef = "latest") -> str:
    block = _block(chain, ref)
    outcome = chain.evm.call(block, call, chain.ledger.ancestors(block.number))
    if outcome.error is not None:
        raise write_revert(outcome)
    return write_data(outcome.output)


def _estimate_gas(chain: LocalChain, call: Call, ref: BlockRef = "pending") -> str:
    # Not "latest" as in geth: in the newest block's own number, a contract that keeps
    # block.number may write what is there already, and the estimate falls short of the next block.
    block = _block(chain, ref)
    estimate = chain.evm.estimate(block, call, chain.ledger.ancestors(block.number))
    if isinstance(estimate, int):
        return hex(estimate)
    if estimate.error == "out of gas":
        raise RpcError(f"gas required exceeds allowance ({call.gas or chain.evm.gas_limit})")
    raise write_revert(estimate)


# -- logs --------------------------------------------------------------------------------------


def _get_logs(
    chain: LocalChain, query: tuple[Mapping[str, BlockRef | None], LogFilter]
) -> list[dict[str, Any]]:
    blocks, wanted = query
    if blocks["blockHash"] is not None:
        block = _find_block(chain, blocks["blockHash"])
        if block is None:
            raise RpcError("unknown block")
        first = last = block.number
    else:
        first, last = _bounds(chain, blocks)
    return [write_log(found) for found in chain.ledger.logs(first, last, wanted)]


def _bounds(chain: LocalChain, blocks: Mapping[str, BlockRef | None]) -> tuple[int, int]:
    first, last = (_bound(chain, blocks[key]) for key in ("fromBlock", "toBlock"))
    if first > last:
        raise RpcError("invalid block range params", code=INVALID_PARAMS)
    return first, last


def _bound(chain: LocalChain, ref: BlockRef | None) -> int:
    if isinstance(ref, int):
        return ref
    if isinstance(ref, bytes):
        return _block(chain, ref).number
    return 0 if ref == "earliest" else chain.head.number


def _new_filter(chain: LocalChain, query: tuple[Mapping[str, BlockRef | None], LogFilter]) -> str:
    blocks, wanted = query
    head = chain.head.number
    first = _bound(chain, blocks["fromBlock"]) if blocks["fromBlock"] is not None else head + 1
    last = blocks["toBlock"] if isinstance(blocks["toBlock"], int) else None
    new = Filter(wanted=wanted, first=first, last=last, seen=max(head, first - 1))
    return hex(chain.filters.add(new))


def _new_block_filter(chain: LocalChain) -> str:
    head = chain.head.number
    return hex(chain.filters.add(Filter(wanted=None, first=head + 1, last=None, seen=head)))


def _filter_changes(chain: LocalChain, filter_id: int) -> list[Any]:
    kept = chain.filters.get(filter_id)
    # After a revert the head may lie behind what was reported.
    first = min(kept.seen, chain.head.number) + 1
    chain.filters.mark_seen(filter_id, chain.head.number)
    return _filtered(chain, kept, max(first, kept.first))


def _filter_logs(chain: LocalChain, filter_id: int) -> list[Any]:
    kept = chain.filters.get(filter_id)
    return _filtered(chain, kept, kept.first)


def _filtered(chain: LocalChain, kept: Filter, first: int) -> list[Any]:
    last = chain.head.number if kept.last is None else kept.last
    if kept.wanted is None:
        return [write_data(block.hash) for block in chain.ledger.blocks[first : last + 1]]
    found: list[FoundLog] = list(chain.ledger.logs(first, last, kept.wanted))
    return [write_log(each) for each in found]


def _remove_filter(chain: LocalChain, filter_id: int) -> bool:
    return chain.filters.remove(filter_id)


# -- fees --------------------------------------------------------------------------------------


def _gas_price(chain: LocalChain) -> str:
    return hex(chain.evm.next_base_fee(chain.head) + _TIP)


def _max_priority_fee(_chain: LocalChain) -> str:
    return hex(_TIP)


def _fee_history(
    chain: LocalChain, count: int, newest: BlockRef, percentiles: tuple[float, ...] = ()
) -> dict[str, Any]:
    last = _block(chain, "latest" if newest == "pending" else newest).number
    count = min(count, _MAX_FEE_HISTORY, last + 1)
    blocks = chain.ledger.blocks[last - count + 1 : last + 1]
    if not blocks:
        return {"oldestBlock": "0x0", "gasUsedRatio": []}
    base_fees = [block.header.base_fee_per_gas for block in blocks]
    history: dict[str, Any] = {
        "oldestBlock": hex(blocks[0].number),
        "baseFeePerGas": [hex(fee) for fee in (*base_fees, chain.evm.next_base_fee(blocks[-1]))],
        "gasUsedRatio": [block.header.gas_used / block.header.gas_limit for block in blocks],
        "baseFeePerBlobGas": ["0x1"] * (count + 1),
        "blobGasUsedRatio": [0.0] * count,
    }
    if percentiles:
        history["reward"] = [_rewards(block, percentiles) for block in blocks]
    return history


def _rewards(block: Block, percentiles: tuple[float, ...]) -> list[str]:
    """The tip at each percentile of the gas used, cheapest transactions first."""
    base_fee = block.header.base_fee_per_gas
    tips = sorted(
        (each.effective_gas_price - base_fee, each.gas_used) for each in block.transactions
    )
    return [hex(_tip_at(tips, block.header.gas_used * each / 100)) for each in percentiles]


def _tip_at(tips: list[tuple[int, int]], gas: float) -> int:
    covered = 0
    for tip, gas_used in tips:
        covered += gas_used
        if covered >= gas:
            return tip
    return 0


# -- development -------------------------------------------------------------------------------


def _snapshot(chain: LocalChain) -> str:
    return hex(chain.snapshot())


def _revert(chain: LocalChain, mark: int) -> bool:
    try:
        chain.revert(mark)
    except InvalidOption:
        return False
    return True


def _mine(chain: LocalChain, timestamp: int | None = None) -> str:
    if timestamp is not None:
        _set_next_timestamp(chain, timestamp)
    chain.mine()
    return "0x0"


def _mine_many(chain: LocalChain, count: int = 1) -> None:
    chain.mine(count)


def _increase_time(chain: LocalChain, seconds: int) -> int:
    return chain.advance(seconds)


def _set_next_timestamp(chain: LocalChain, timestamp: int) -> None:
    try:
        chain.set_next_timestamp(timestamp)
    except InvalidOption as cause:
        raise RpcError(cause.message, code=INVALID_PARAMS) from cause


def _set_automine(chain: LocalChain, on: bool) -> bool:  # noqa: FBT001 - positional by protocol
    chain.automine = on
    return True


def _get_automine(chain: LocalChain) -> bool:
    return chain.automine


def _set_balance(chain: LocalChain, address: bytes, balance: int) -> None:
    chain.patch(address, balance=balance)


def _set_nonce(chain: LocalChain, address: bytes, nonce: int) -> None:
    chain.patch(address, nonce=nonce)


def _set_code(chain: LocalChain, address: bytes, code: bytes) -> None:
    chain.patch(address, code=code)


def _set_storage_at(chain: LocalChain, address: bytes, slot: int, word: bytes) -> bool:
    chain.patch(address, storage={slot: int.from_bytes(word, "big")})
    return True


# -- the table ---------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Method:
    """A method and how its positional parameters are read."""

    run: Callable[..., Any]
    reads: tuple[Callable[[object], Any], ...] = ()
    optional: int = 0
    """How many of the last parameters may be left out or null."""

    def __call__(self, chain: LocalChain, params: list[object]) -> Any:
        """The result.

        Raises:
            RpcError: Parameters missing, superfluous or malformed; or the method's own refusal.
        """
        required = len(self.reads) - self.optional
        given = params[: len(self.reads)]
        while len(given) > required and given[-1] is None:
            given.pop()
        if len(given) < required:
            raise RpcError(f"missing value for required argument {len(given)}", code=INVALID_PARAMS)
        if len(params) > len(self.reads):
            raise RpcError(
                f"too many arguments, want at most {len(self.reads)}", code=INVALID_PARAMS
            )
        return self.run(chain, *map(_read, range(len(given)), self.reads, given))


def _read(position: int, read: Callable[[object], Any], value: object) -> Any:
    try:
        return read(value)
    except RpcError as error:
        message = f"invalid argument {position}: {error.message}"
        raise RpcError(message, code=error.code) from error


_READ_STATE = (read_address, read_block)

_SPECIFIED: Final = {
    "web3_clientVersion": Method(_client_version),
    "net_version": Method(_net_version),
    "net_listening": Method(_listening),
    "eth_chainId": Method(_chain_id),
    "eth_syncing": Method(_syncing),
    "eth_accounts": Method(_accounts),
    "eth_blockNumber": Method(_block_number),
    "eth_getBlockByNumber": Method(_get_block, (read_block, read_bool), 1),
    "eth_getBlockByHash": Method(_get_block, (read_hash, read_bool), 1),
    "eth_getBlockTransactionCountByNumber": Method(_transaction_count_of_block, (read_block,)),
    "eth_getBlockTransactionCountByHash": Method(_transaction_count_of_block, (read_hash,)),
    "eth_getBlockReceipts": Method(_block_receipts, (read_block,)),
    "eth_getTransactionByHash": Method(_transaction, (read_hash,)),
    "eth_getTransactionReceipt": Method(_receipt, (read_hash,)),
    "eth_sendRawTransaction": Method(_send_raw_transaction, (read_data,)),
    "eth_sendTransaction": Method(_send_transaction, (read_sending,)),
    "eth_signTransaction": Method(_sign_transaction, (read_sending,)),
    "eth_getTransactionCount": Method(_transaction_count, _READ_STATE, 1),
    "eth_getBalance": Method(_balance, _READ_STATE, 1),
    "eth_getCode": Method(_code, _READ_STATE, 1),
    "eth_getStorageAt": Method(_storage_at, (read_address, read_slot, read_block), 1),
    "eth_call": Method(_call, (read_call, read_block), 1),
    "eth_estimateGas": Method(_estimate_gas, (read_call, read_block), 1),
    "eth_getLogs": Method(_get_logs, (read_wanted,)),
    "eth_newFilter": Method(_new_filter, (read_wanted,)),
    "eth_newBlockFilter": Method(_new_block_filter),
    "eth_getFilterChanges": Method(_filter_changes, (read_quantity,)),
    "eth_getFilterLogs": Method(_filter_logs, (read_quantity,)),
    "eth_uninstallFilter": Method(_remove_filter, (read_quantity,)),
    "eth_gasPrice": Method(_gas_price),
    "eth_maxPriorityFeePerGas": Method(_max_priority_fee),
    "eth_feeHistory": Method(_fee_history, (read_number, read_block, read_percentiles), 1),
}

_DEVELOPMENT: Final = {
    "evm_snapshot": Method(_snapshot),
    "evm_revert": Method(_revert, (read_number,)),
    "evm_mine": Method(_mine, (read_number,), 1),
    "evm_increaseTime": Method(_increase_time, (read_number,)),
    "evm_setNextBlockTimestamp": Method(_set_next_timestamp, (read_number,)),
    "evm_setAutomine": Method(_set_automine, (read_bool,)),
}

_BOTH_NAMES: Final = {
    "mine": Method(_mine_many, (read_number,), 1),
    "getAutomine": Method(_get_automine),
    "setBalance": Method(_set_balance, (read_address, read_number)),
    "setNonce": Method(_set_nonce, (read_address, read_number)),
    "setCode": Method(_set_code, (read_address, read_data)),
    "setStorageAt": Method(_set_storage_at, (read_address, read_slot, read_hash)),
}
"""Development methods that anvil and hardhat prefix with their names."""

METHODS: Final = MappingProxyType(
    _SPECIFIED
    | _DEVELOPMENT
    | {f"{node}_{name}": m for node in ("anvil", "hardhat") for name, m in _BOTH_NAMES.items()}
)
"""Every method by its name."""

"""The JSON-RPC methods that read the in-process chain, and the table of all that are specified."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from ethr_did.chain.local.filters import Filter
from ethr_did.chain.local.method import Method
from ethr_did.chain.local.params import (
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
)
from ethr_did.chain.local.results import (
    write_block,
    write_data,
    write_log,
    write_receipt,
    write_revert,
    write_transaction,
)
from ethr_did.chain.local.sending import (
    TIP,
    estimate_gas,
    send_raw_transaction,
    send_transaction,
    sign_transaction,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethr_did.chain.local.block import Block, Call
    from ethr_did.chain.local.chain import LocalChain
    from ethr_did.chain.local.ledger import FoundLog, LogFilter
    from ethr_did.chain.local.params import BlockRef

__all__ = ["METHODS"]

_MAX_FEE_HISTORY: Final = 1_024
"""Blocks."""


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
    return hex(estimate_gas(chain, call, _block(chain, ref)))


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
    return hex(chain.evm.next_base_fee(chain.head) + TIP)


def _max_priority_fee(_chain: LocalChain) -> str:
    return hex(TIP)


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


# -- the table -------------------------------------------------------------------------------

_READ_STATE = (read_address, read_block)

METHODS: Final = MappingProxyType(
    {
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
        "eth_sendRawTransaction": Method(send_raw_transaction, (read_data,)),
        "eth_sendTransaction": Method(send_transaction, (read_sending,)),
        "eth_signTransaction": Method(sign_transaction, (read_sending,)),
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
)
"""Every method of the Ethereum JSON-RPC specification that is served, by its name."""

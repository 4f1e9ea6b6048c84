"""JSON-RPC results: blocks, transactions, receipts and logs as geth writes them."""

from __future__ import annotations

from typing import Any, Final

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from ethr_did.chain.local.block import NO_ADDRESS, Block, Mined, Outcome, SignedTransaction
from ethr_did.chain.local.ledger import FoundLog
from ethr_did.chain.local.params import RpcError

__all__ = [
    "write_block",
    "write_data",
    "write_log",
    "write_receipt",
    "write_revert",
    "write_transaction",
]

_REVERTED: Final = 3
"""geth's code for a call that the contract refused."""

_ERROR_SELECTOR = bytes.fromhex("08c379a0")
"""Of Solidity's ``Error(string)``."""

_WORD_BYTES = 32


def write_data(value: bytes) -> str:
    """``0x…`` with two digits per byte."""
    return "0x" + value.hex()


def write_revert(outcome: Outcome) -> RpcError:
    """The error object of a failed call, with the reason a contract gave."""
    message = outcome.error or "execution reverted"
    if not outcome.reverted:
        return RpcError(message)
    reason = _reason(outcome.output)
    if reason is not None:
        message += f": {reason}"
    return RpcError(message, code=_REVERTED, data=write_data(outcome.output))


def _reason(output: bytes) -> str | None:
    if output[:4] != _ERROR_SELECTOR:
        return None
    try:
        (reason,) = abi_decode(["string"], output[4:])
    except (DecodingError, UnicodeDecodeError):
        return None
    return str(reason)


def write_block(block: Block, *, full: bool, pending: bool = False) -> dict[str, Any]:
    """The block object, with transaction hashes or whole transactions.

    A pending block has no hash and no nonce yet, as in geth.
    """
    header = block.header
    written: dict[str, Any] = {
        "number": hex(block.number),
        "hash": None if pending else write_data(block.hash),
        "parentHash": write_data(header.parent_hash),
        "nonce": None if pending else write_data(header.nonce),
        "mixHash": write_data(header.mix_hash),
        "sha3Uncles": write_data(header.uncles_hash),
        "logsBloom": _bloom(header.bloom),
        "transactionsRoot": write_data(header.transaction_root),
        "stateRoot": write_data(header.state_root),
        "receiptsRoot": write_data(header.receipt_root),
        "miner": write_data(header.coinbase),
        "difficulty": hex(header.difficulty),
        "extraData": write_data(header.extra_data),
        "size": hex(block.size),
        "gasLimit": hex(header.gas_limit),
        "gasUsed": hex(header.gas_used),
        "timestamp": hex(block.timestamp),
        "baseFeePerGas": hex(header.base_fee_per_gas),
        "withdrawalsRoot": write_data(header.withdrawals_root),
        "withdrawals": [],
        "blobGasUsed": hex(header.blob_gas_used),
        "excessBlobGas": hex(header.excess_blob_gas),
        "parentBeaconBlockRoot": write_data(header.parent_beacon_block_root),
        "requestsHash": write_data(header.requests_hash),
        "uncles": [],
    }
    written["transactions"] = [
        write_transaction(each.transaction, None if pending else (block, each))
        if full
        else write_data(each.transaction.hash)
        for each in block.transactions
    ]
    return written


def write_transaction(
    transaction: SignedTransaction, place: tuple[Block, Mined] | None
) -> dict[str, Any]:
    """The transaction object; without a place it is still waiting."""
    body = transaction.body
    written: dict[str, Any] = {
        "type": hex(transaction.type_id),
        "hash": write_data(transaction.hash),
        "from": write_data(transaction.sender),
        "nonce": hex(body.nonce),
        "gas": hex(body.gas),
        "to": None if body.to == NO_ADDRESS else write_data(body.to),
        "value": hex(body.value),
        "input": write_data(body.data),
        "r": hex(body.r),
        "s": hex(body.s),
        "blockHash": None,
        "blockNumber": None,
        "transactionIndex": None,
    }
    if place is not None:
        block, mined = place
        written |= _place(block, mined) | {"blockTimestamp": hex(block.timestamp)}
    price = body.max_fee_per_gas if place is None else place[1].effective_gas_price
    return written | _envelope(transaction, price)


def _envelope(transaction: SignedTransaction, price: int) -> dict[str, Any]:
    """The fields that depend on the type of the transaction."""
    body, type_id = transaction.body, transaction.type_id
    if not type_id:
        chain_id = transaction.chain_id
        known = {} if chain_id is None else {"chainId": hex(chain_id)}
        return known | {"v": hex(body.v), "gasPrice": hex(body.gas_price)}
    fields: dict[str, Any] = {
        "chainId": hex(body.chain_id),
        "v": hex(body.y_parity),
        "yParity": hex(body.y_parity),
        "gasPrice": hex(price),
        "accessList": [_write_access(each) for each in body.access_list],
    }
    if type_id > 1:
        fields["maxFeePerGas"] = hex(body.max_fee_per_gas)
        fields["maxPriorityFeePerGas"] = hex(body.max_priority_fee_per_gas)
    if type_id == 4:  # noqa: PLR2004 - EIP-7702
        fields["authorizationList"] = [_write_authorization(a) for a in body.authorization_list]
    return fields


def _write_access(entry: Any) -> dict[str, Any]:
    keys = [write_data(key.to_bytes(_WORD_BYTES, "big")) for key in entry.storage_keys]
    return {"address": write_data(entry.account), "storageKeys": keys}


def _write_authorization(entry: Any) -> dict[str, str]:
    return {
        "chainId": hex(entry.chain_id),
        "address": write_data(entry.address),
        "nonce": hex(entry.nonce),
        "yParity": hex(entry.y_parity),
        "r": hex(entry.r),
        "s": hex(entry.s),
    }


def write_receipt(block: Block, mined: Mined) -> dict[str, Any]:
    """The receipt object."""
    body = mined.transaction.body
    created = mined.contract_address
    return {
        "type": hex(mined.transaction.type_id),
        "status": "0x1" if mined.succeeded else "0x0",
        "cumulativeGasUsed": hex(mined.receipt.gas_used),
        "logs": [write_log(FoundLog(block=block, mined=mined, log=log)) for log in mined.logs],
        "logsBloom": _bloom(int(mined.receipt.bloom)),
        "contractAddress": None if created is None else write_data(created),
        "gasUsed": hex(mined.gas_used),
        "effectiveGasPrice": hex(mined.effective_gas_price),
        "from": write_data(mined.transaction.sender),
        "to": None if body.to == NO_ADDRESS else write_data(body.to),
        "transactionHash": write_data(mined.transaction.hash),
    } | _place(block, mined)


def write_log(found: FoundLog) -> dict[str, Any]:
    """The log object, with the time of its block as geth 1.16 has it."""
    return {
        "address": write_data(found.log.address),
        "topics": [write_data(topic) for topic in found.log.topics],
        "data": write_data(found.log.data),
        "transactionHash": write_data(found.mined.transaction.hash),
        "blockTimestamp": hex(found.block.timestamp),
        "logIndex": hex(found.log.index),
        "removed": False,
    } | _place(found.block, found.mined)


def _place(block: Block, mined: Mined) -> dict[str, str]:
    return {
        "blockHash": write_data(block.hash),
        "blockNumber": hex(block.number),
        "transactionIndex": hex(mined.index),
    }


def _bloom(bloom: int) -> str:
    return write_data(int(bloom).to_bytes(256, "big"))

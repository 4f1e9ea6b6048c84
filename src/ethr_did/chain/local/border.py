"""The JSON-RPC border of the in-process chain: parameters in, results out, errors between.

Inside are ints and bytes, outside the hexadecimal of the Ethereum JSON-RPC specification:
quantities without leading zeros, data with two digits per byte. Refusals speak geth's words, since
clients recognise errors by them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from eth_abi.abi import decode as abi_decode
from eth_abi.exceptions import DecodingError

from ethr_did.chain.local.block import NO_ADDRESS, Block, Call, Mined, Outcome, SignedTransaction
from ethr_did.chain.local.ledger import FoundLog, LogFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = [
    "INTERNAL_ERROR",
    "INVALID_PARAMS",
    "INVALID_REQUEST",
    "METHOD_NOT_FOUND",
    "PARSE_ERROR",
    "BlockRef",
    "RpcError",
    "Sending",
    "read_address",
    "read_block",
    "read_bool",
    "read_call",
    "read_data",
    "read_hash",
    "read_number",
    "read_percentiles",
    "read_quantity",
    "read_sending",
    "read_slot",
    "read_wanted",
    "write_block",
    "write_data",
    "write_log",
    "write_receipt",
    "write_revert",
    "write_transaction",
]

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
_SERVER_ERROR: Final = -32000
_REVERTED: Final = 3
"""geth's code for a call that the contract refused."""

_ERROR_SELECTOR = bytes.fromhex("08c379a0")
"""Of Solidity's ``Error(string)``."""

_TAGS = frozenset({"latest", "pending", "safe", "finalized", "earliest"})
_QUANTITY = re.compile(r"0x(0|[1-9a-fA-F][0-9a-fA-F]*)")
_DATA = re.compile(r"0x([0-9a-fA-F]{2})*")
_WORD = re.compile(r"0x[0-9a-fA-F]{1,64}")
_MAX_TOPICS = 4
_WORD_BYTES = 32
_ADDRESS_BYTES = 20

_T = TypeVar("_T")

BlockRef: TypeAlias = int | str | bytes
"""A block: its number, a tag, or its hash."""


class RpcError(Exception):
    """A JSON-RPC error object.

    Attributes:
        code: as the specification or geth has it.
        data: the raw revert data in hex, if a contract refused.
    """

    def __init__(self, message: str, *, code: int = _SERVER_ERROR, data: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.data = data

    def to_dict(self) -> dict[str, Any]:
        """The error object."""
        error: dict[str, Any] = {"code": self.code, "message": self.message}
        if self.data is not None:
            error["data"] = self.data
        return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """A transaction that an unlocked account is to send; what is ``None`` the node fills in."""

    call: Call
    nonce: int | None
    gas_price: int | None
    """Wei per gas; a legacy transaction is wanted."""
    max_fee: int | None
    """Wei per gas, EIP-1559."""
    max_priority_fee: int | None
    """Wei per gas, EIP-1559."""


# -- parameters --------------------------------------------------------------------------------


def _invalid(message: str) -> RpcError:
    return RpcError(message, code=INVALID_PARAMS)


def read_quantity(value: object) -> int:
    """The number in ``0x…``, up to 256 bits."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise _invalid(f"not a quantity (0x-prefixed hex without leading zeros): {_shown(value)}")
    number = int(value, 16)
    if number >> 256:
        raise _invalid("hex number > 256 bits")
    return number


def read_number(value: object) -> int:
    """The number in ``0x…`` or as a JSON number, as development methods take both."""
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    return read_quantity(value)


def read_data(value: object) -> bytes:
    """The bytes in ``0x…``."""
    if not isinstance(value, str) or not _DATA.fullmatch(value):
        raise _invalid(f"not data (0x-prefixed hex, two digits per byte): {_shown(value)}")
    return bytes.fromhex(value[2:])


def read_address(value: object) -> bytes:
    """The 20 bytes of an address; its checksum is not looked at, as in geth."""
    return _sized(value, _ADDRESS_BYTES, "an address")


def read_hash(value: object) -> bytes:
    """The 32 bytes of a hash."""
    return _sized(value, _WORD_BYTES, "a hash")


def _sized(value: object, size: int, what: str) -> bytes:
    data = read_data(value)
    if len(data) != size:
        raise _invalid(f"{what} has {size} bytes, not {len(data)}: {_shown(value)}")
    return data


def read_slot(value: object) -> int:
    """A storage position: leading zeros are allowed, as in geth."""
    if not isinstance(value, str) or not _WORD.fullmatch(value):
        raise _invalid(f"not a storage position: {_shown(value)}")
    return int(value, 16)


def read_bool(value: object) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise _invalid(f"not true or false: {_shown(value)}")
    return value


def read_percentiles(value: object) -> tuple[float, ...]:
    """Rising percentiles between 0 and 100."""
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, (int, float)) for each in value):
        raise _invalid(f"not a list of percentiles: {_shown(value)}")
    if value != sorted(value) or any(not 0 <= each <= 100 for each in value):  # noqa: PLR2004
        raise _invalid(f"invalid reward percentile: {_shown(value)}")
    return tuple(value)


def read_block(value: object) -> BlockRef:
    """A block number, tag or hash.

    Spec: EIP-1898 for the object form. Every block here is canonical, so ``requireCanonical``
    is always met.
    """
    if isinstance(value, dict):
        return _read_block_object(value)
    if isinstance(value, str) and value in _TAGS:
        return value
    return read_quantity(value)


def _read_block_object(value: Mapping[str, object]) -> BlockRef:
    if "requireCanonical" in value:
        read_bool(value["requireCanonical"])
    given = [key for key in ("blockHash", "blockNumber") if value.get(key) is not None]
    if len(given) != 1:
        raise _invalid("give either blockHash or blockNumber")
    if given == ["blockHash"]:
        return read_hash(value["blockHash"])
    return read_block(value["blockNumber"])


def read_call(value: object) -> Call:
    """A transaction object that is to be tried; without fees it is free of charge."""
    return read_sending(value).call


def read_sending(value: object) -> Sending:
    """A transaction object that is to be sent."""
    if not isinstance(value, dict):
        raise _invalid(f"not a transaction object: {_shown(value)}")
    price = _optional(value, "gasPrice", read_quantity)
    max_fee = _optional(value, "maxFeePerGas", read_quantity)
    tip = _optional(value, "maxPriorityFeePerGas", read_quantity)
    if price is not None and (max_fee is not None or tip is not None):
        raise _invalid("both gasPrice and (maxFeePerGas or maxPriorityFeePerGas) specified")
    if max_fee is not None and tip is not None and tip > max_fee:
        raise _invalid(f"maxFeePerGas ({max_fee}) < maxPriorityFeePerGas ({tip})")
    cap = price if price is not None else (max_fee or 0)
    call = Call(
        sender=_optional(value, "from", read_address) or bytes(_ADDRESS_BYTES),
        to=_optional(value, "to", read_address) or NO_ADDRESS,
        data=_read_call_data(value),
        value=_optional(value, "value", read_quantity) or 0,
        gas=_optional(value, "gas", read_quantity),
        max_fee_per_gas=cap,
        max_priority_fee_per_gas=cap if price is not None else min(tip or 0, cap),
        access_list=_read_access_list(value.get("accessList")),
    )
    return Sending(
        call=call,
        nonce=_optional(value, "nonce", read_quantity),
        gas_price=price,
        max_fee=max_fee,
        max_priority_fee=tip,
    )


def _read_call_data(value: Mapping[str, object]) -> bytes:
    data = _optional(value, "data", read_data)
    payload = _optional(value, "input", read_data)
    if data is not None and payload is not None and data != payload:
        raise _invalid('both "data" and "input" are set and not equal. Please use "input"')
    return payload if payload is not None else (data or b"")


def _read_access_list(value: object) -> tuple[tuple[bytes, tuple[int, ...]], ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise _invalid(f"not an access list: {_shown(value)}")
    return tuple(
        (
            read_address(each.get("address")),
            tuple(int.from_bytes(read_hash(key), "big") for key in each.get("storageKeys", ())),
        )
        for each in value
    )


def read_wanted(value: object) -> tuple[Mapping[str, BlockRef | None], LogFilter]:
    """The blocks and the logs that a filter object asks for."""
    if not isinstance(value, dict):
        raise _invalid(f"not a filter object: {_shown(value)}")
    blocks: dict[str, BlockRef | None] = {
        "fromBlock": _optional(value, "fromBlock", read_block),
        "toBlock": _optional(value, "toBlock", read_block),
        "blockHash": _optional(value, "blockHash", read_hash),
    }
    if blocks["blockHash"] is not None and (
        blocks["fromBlock"] is not None or blocks["toBlock"] is not None
    ):
        raise _invalid("can't specify fromBlock/toBlock with blockHash")
    return blocks, LogFilter(
        addresses=_one_or_many(value.get("address"), read_address),
        topics=_read_topics(value.get("topics")),
    )


def _read_topics(value: object) -> tuple[frozenset[bytes] | None, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _MAX_TOPICS:
        raise _invalid(f"not a list of at most {_MAX_TOPICS} topics: {_shown(value)}")
    return tuple(_one_or_many(each, read_hash) for each in value)


def _one_or_many(value: object, read: Callable[[object], bytes]) -> frozenset[bytes] | None:
    """A set of what is wanted; nothing, or an empty list, wants anything."""
    if value is None or value == []:
        return None
    if not isinstance(value, list):
        return frozenset({read(value)})
    if None in value:  # geth: null among the alternatives is anything
        return None
    return frozenset(read(each) for each in value)


def _optional(value: Mapping[str, object], key: str, read: Callable[[object], _T]) -> _T | None:
    return None if value.get(key) is None else read(value[key])


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "..."  # noqa: PLR2004 - one line


# -- results -----------------------------------------------------------------------------------


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

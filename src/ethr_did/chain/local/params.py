"""JSON-RPC parameters: what clients write in hexadecimal, read into ints and bytes.

As strict as geth: quantities without leading zeros, data with two digits per byte. What a lenient
node lets pass fails later, on a real one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from ethr_did.chain.local.block import NO_ADDRESS, Call
from ethr_did.chain.local.ledger import LogFilter

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
]

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
_SERVER_ERROR: Final = -32000
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

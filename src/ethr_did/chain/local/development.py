"""JSON-RPC methods for tests: snapshots, time, mining, state by hand. As in anvil and hardhat."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from ethr_did.chain.local.method import Method
from ethr_did.chain.local.params import (
    INVALID_PARAMS,
    RpcError,
    read_address,
    read_bool,
    read_data,
    read_hash,
    read_number,
    read_slot,
)
from ethr_did.errors import InvalidOption

if TYPE_CHECKING:
    from ethr_did.chain.local.chain import LocalChain

__all__ = ["DEVELOPMENT"]


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


_UNDER_EVM: Final = {
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

DEVELOPMENT: Final = MappingProxyType(
    _UNDER_EVM
    | {f"{node}_{name}": m for node in ("anvil", "hardhat") for name, m in _BOTH_NAMES.items()}
)
"""Every development method by its name."""

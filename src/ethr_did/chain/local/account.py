"""The unlocked accounts of the in-process chain."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING

from eth_account.hdaccount import seed_from_mnemonic
from eth_account.hdaccount.deterministic import HDPath
from eth_keys.datatypes import PrivateKey

if TYPE_CHECKING:
    from eth_typing import ChecksumAddress

__all__ = ["LocalAccount", "dev_accounts"]

_MNEMONIC = "test test test test test test test test test test test junk"
"""Known to everybody: the accounts are those of anvil and hardhat, and worth nothing elsewhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalAccount:
    """An account that the chain was born with."""

    address: ChecksumAddress
    """With EIP-55 checksum."""
    key: bytes = field(repr=False)
    """The private key, 32 bytes. Not shown: habits formed on test keys are kept on others."""

    @property
    def address_bytes(self) -> bytes:
        """The address as 20 bytes."""
        return bytes.fromhex(self.address[2:])


@lru_cache(maxsize=8)
def dev_accounts(count: int) -> tuple[LocalAccount, ...]:
    """The first ``count`` accounts of the well-known development mnemonic."""
    seed = seed_from_mnemonic(_MNEMONIC, "")
    return tuple(_account(HDPath(f"m/44'/60'/0'/0/{index}").derive(seed)) for index in range(count))


def _account(key: bytes) -> LocalAccount:
    return LocalAccount(address=PrivateKey(key).public_key.to_checksum_address(), key=key)

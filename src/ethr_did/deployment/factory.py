"""Addresses that follow from the code: the deterministic-deployment proxy, and what it makes.

Rules:
  * The proxy takes a 32-byte salt followed by init code, and creates the contract with CREATE2: its
    address depends on the proxy, the salt and the init code, not on who pays or on which chain.
  * The proxy itself is put on a chain by one signed transaction without a chain id, whose key
    nobody knows: its signature was chosen, and the signer follows from it ("Nick's method"). It
    is the signer's first transaction, so the proxy has the same address everywhere.
  * The salt of a contract is ``keccak256("ethr-did/<Contract>/1")``. The number goes up when the
    same code has to be deployed a second time.

Spec: EIP-1014 (CREATE2); Yellow Paper, section 7 (CREATE).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from eth_hash.auto import keccak

from ethr_did.core.keys import Address

if TYPE_CHECKING:
    from ethr_did.chain.artifacts import Artifact

__all__ = [
    "KEYLESS_COST",
    "KEYLESS_GAS_PRICE",
    "KEYLESS_SIGNER",
    "KEYLESS_TRANSACTION",
    "PROXY",
    "PROXY_CODE",
    "create2_address",
    "create2_address_of_hash",
    "create_address",
    "deployment_call",
    "salt_of",
]

PROXY: Final = Address(bytes.fromhex("4e59b44847b379578588920ca78fbf26c0b4956c"))
"""The deterministic-deployment proxy."""

PROXY_CODE: Final = bytes.fromhex(
    "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffe03601600081602082378035828234"
    "f58015156039578182fd5b8082525050506014600cf3"
)
"""Its runtime code, 69 bytes: whatever else stands there is not trusted."""

KEYLESS_TRANSACTION: Final = bytes.fromhex(
    "f8a58085174876e800830186a08080b853604580600e600039806000f350fe"
    + PROXY_CODE.hex()
    + "1b"
    + "a0"
    + "22" * 32
    + "a0"
    + "22" * 32
)
"""The transaction that creates the proxy, from before EIP-155: it carries no chain id."""

KEYLESS_SIGNER: Final = Address(bytes.fromhex("3fab184622dc19b6109349b94811493bf2a45362"))
"""Who signed it. Nobody has the key; the account can do nothing else."""

KEYLESS_GAS_PRICE: Final = 100 * 10**9
"""Wei for each unit of gas, fixed by the signature."""

KEYLESS_COST: Final = 100_000 * KEYLESS_GAS_PRICE
"""Wei that the signer must hold: gas limit times gas price, 0.01 ether."""

_ONE_BYTE = 0x80
"""RLP: smaller numbers stand for themselves."""


def salt_of(contract: str) -> bytes:
    """The salt of a contract of this package.

    Example:
        >>> salt_of("EthereumDIDRegistry").hex()
        'e8782a25312cc78f682097f583df25b260dad6468cfe602b961d83682884f571'
    """
    return keccak(f"ethr-did/{contract}/1".encode())


def create2_address(init_code: bytes, salt: bytes, factory: Address = PROXY) -> Address:
    """Where the factory puts that code.

    Args:
        init_code: with constructor arguments, if any.
        salt: 32 bytes.
        factory: that runs CREATE2.
    """
    return create2_address_of_hash(keccak(init_code), salt, factory)


def create2_address_of_hash(init_code_hash: bytes, salt: bytes, factory: Address) -> Address:
    """The same, from keccak256 of the init code."""
    return Address(keccak(b"\xff" + factory + salt + init_code_hash)[12:])


def create_address(sender: Address, nonce: int) -> Address:
    """Where a transaction of the sender without ``to`` puts its code."""
    digits = nonce.to_bytes((nonce.bit_length() + 7) // 8)
    number = digits if 0 < nonce < _ONE_BYTE else bytes([_ONE_BYTE + len(digits)]) + digits
    body = bytes([_ONE_BYTE + len(sender)]) + sender + number
    return Address(keccak(bytes([0xC0 + len(body)]) + body)[12:])


def deployment_call(artifact: Artifact) -> bytes:
    """The call data by which the proxy deploys a contract: salt and init code."""
    return salt_of(artifact.name) + artifact.init_code

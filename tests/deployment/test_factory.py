"""The proxy's constants prove themselves; addresses follow the specifications."""

from __future__ import annotations

import rlp
from eth_account import Account
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.deployment.factory import (
    KEYLESS_COST,
    KEYLESS_SIGNER,
    KEYLESS_TRANSACTION,
    PROXY,
    PROXY_CODE,
    create2_address,
    create_address,
)


def test_the_keyless_transaction_recovers_to_its_signer() -> None:
    signer = Account.recover_transaction(KEYLESS_TRANSACTION)
    assert signer == to_checksum_address(KEYLESS_SIGNER)


def test_the_first_transaction_of_that_signer_creates_the_proxy() -> None:
    assert create_address(KEYLESS_SIGNER, 0) == PROXY
    assert to_checksum_address(PROXY) == "0x4e59b44847b379578588920cA78FbF26c0B4956C"


def test_the_keyless_transaction_has_no_chain_id_and_a_fixed_cost() -> None:
    nonce, price, gas, to, value, data, v, r, s = rlp.decode(KEYLESS_TRANSACTION)
    assert (nonce, to, value) == (b"", b"", b"")
    assert int.from_bytes(price) * int.from_bytes(gas) == KEYLESS_COST
    assert data.endswith(PROXY_CODE)
    assert v == b"\x1b"  # 27: from before EIP-155
    assert r == s == b"\x22" * 32


def test_create2_addresses_are_those_of_the_specification() -> None:
    # EIP-1014, examples 1 and 5
    zero = Address(bytes(20))
    assert (
        to_checksum_address(create2_address(b"\x00", bytes(32), zero))
        == "0x4D1A2e2bB4F88F0250f26Ffff098B0b30B26BF38"
    )
    factory = Address(bytes.fromhex("00000000000000000000000000000000deadbeef"))
    salt = bytes.fromhex("cafebabe".rjust(64, "0"))
    assert (
        to_checksum_address(create2_address(bytes.fromhex("deadbeef"), salt, factory))
        == "0x60f3f640a8508fC6a86d45DF051962668E1e8AC7"
    )


@given(st.binary(min_size=20, max_size=20), st.integers(min_value=0, max_value=2**64 - 1))
def test_create_addresses_are_the_hash_of_sender_and_nonce(sender: bytes, nonce: int) -> None:
    assert create_address(Address(sender), nonce) == keccak(rlp.encode([sender, nonce]))[12:]

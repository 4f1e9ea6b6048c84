"""Which transactions the in-process chain takes. Refusals are geth's, word by word."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ethr_did.chain.local.block import NO_ADDRESS
from ethr_did.chain.local.params import RpcError

if TYPE_CHECKING:
    from ethr_did.chain.local.block import SignedTransaction
    from ethr_did.chain.local.chain import LocalChain

__all__ = ["check_admissible"]

_MAX_INITCODE = 49_152
"""Bytes, EIP-3860."""


def check_admissible(chain: LocalChain, transaction: SignedTransaction) -> None:
    """Refuse what could never be mined.

    Raises:
        RpcError: Says why.
    """
    _check_chain(chain, transaction)
    _check_gas(chain, transaction)
    _check_fees(transaction)
    _check_sender(chain, transaction)
    # A real node lets a low fee wait for cheaper blocks. With automine, blocks come with
    # transactions only, so it would wait for ever; without, it does wait.
    if chain.automine:
        _check_base_fee(chain, transaction)


def _check_chain(chain: LocalChain, transaction: SignedTransaction) -> None:
    if transaction.chain_id not in (None, chain.chain_id):
        raise RpcError(
            f"invalid chain id for signer: have {transaction.chain_id} want {chain.chain_id}"
        )


def _check_gas(chain: LocalChain, transaction: SignedTransaction) -> None:
    body = transaction.body
    needed = max(body.intrinsic_gas, chain.evm.gas_floor(body.data))
    if body.gas > chain.evm.gas_limit:
        raise RpcError("exceeds block gas limit")
    if body.gas < needed:
        raise RpcError(f"intrinsic gas too low: gas {body.gas}, minimum needed {needed}")
    if body.to == NO_ADDRESS and len(body.data) > _MAX_INITCODE:
        raise RpcError(
            f"max initcode size exceeded: code size {len(body.data)}, limit {_MAX_INITCODE}"
        )


def _check_fees(transaction: SignedTransaction) -> None:
    body = transaction.body
    if body.max_priority_fee_per_gas > body.max_fee_per_gas:
        raise RpcError(
            "max priority fee per gas higher than max fee per gas: "
            f"address 0x{transaction.sender.hex()}, "
            f"maxPriorityFeePerGas: {body.max_priority_fee_per_gas}, "
            f"maxFeePerGas: {body.max_fee_per_gas}"
        )


def _check_sender(chain: LocalChain, transaction: SignedTransaction) -> None:
    account = chain.evm.account(chain.head.state_root)
    nonce = account.get_nonce(transaction.sender)
    if transaction.body.nonce < nonce:
        raise RpcError(f"nonce too low: next nonce {nonce}, tx nonce {transaction.body.nonce}")
    balance = account.get_balance(transaction.sender)
    if balance < transaction.cost:
        raise RpcError(
            f"insufficient funds for gas * price + value: balance {balance}, "
            f"tx cost {transaction.cost}, overshot {transaction.cost - balance}"
        )


def _check_base_fee(chain: LocalChain, transaction: SignedTransaction) -> None:
    base_fee = chain.evm.next_base_fee(chain.head)
    if transaction.body.max_fee_per_gas < base_fee:
        raise RpcError(
            "max fee per gas less than block base fee: "
            f"address 0x{transaction.sender.hex()}, "
            f"maxFeePerGas: {transaction.body.max_fee_per_gas}, baseFee: {base_fee}"
        )

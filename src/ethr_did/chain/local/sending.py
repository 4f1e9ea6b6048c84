"""JSON-RPC methods that send and sign transactions, and estimate the gas they need."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from eth_account import Account

from ethr_did.chain.local.params import RpcError
from ethr_did.chain.local.results import write_data, write_revert, write_transaction

if TYPE_CHECKING:
    from ethr_did.chain.local.block import Block, Call
    from ethr_did.chain.local.chain import LocalChain
    from ethr_did.chain.local.params import Sending

__all__ = ["TIP", "estimate_gas", "send_raw_transaction", "send_transaction", "sign_transaction"]

TIP: Final = 10**9
"""Wei per gas that the node suggests; what anvil and a quiet geth say."""

_SUGGESTED_BASE_FEES: Final = 2
"""``maxFeePerGas`` allows for this many times the base fee: six full blocks in a row."""


def send_raw_transaction(chain: LocalChain, raw: bytes) -> str:
    """The hash of a transaction that was signed elsewhere."""
    return write_data(chain.submit(raw))


def send_transaction(chain: LocalChain, sending: Sending) -> str:
    """The hash of a transaction that an unlocked account signed and sent."""
    return write_data(chain.submit(_signed(chain, sending)))


def sign_transaction(chain: LocalChain, sending: Sending) -> dict[str, Any]:
    """A transaction that an unlocked account signed, raw and readable. It is not sent."""
    raw = _signed(chain, sending)
    return {"raw": write_data(raw), "tx": write_transaction(chain.evm.decode(raw), None)}


def _signed(chain: LocalChain, sending: Sending) -> bytes:
    """The transaction, completed and signed by the unlocked account it is from."""
    call = sending.call
    account = next((each for each in chain.accounts if each.address_bytes == call.sender), None)
    if account is None:
        raise RpcError("unknown account")
    gas = call.gas if call.gas is not None else estimate_gas(chain, call)
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
            {
                "address": write_data(address),
                "storageKeys": [write_data(slot.to_bytes(32, "big")) for slot in slots],
            }
            for address, slots in call.access_list
        ]
    return bytes(Account.sign_transaction(fields, account.key).raw_transaction)


def _fees(chain: LocalChain, sending: Sending) -> dict[str, int]:
    if sending.gas_price is not None:
        # EIP-2930 is the type of a single price with an access list; eth-account does not guess.
        return {"gasPrice": sending.gas_price} | ({"type": 1} if sending.call.access_list else {})
    tip = sending.max_priority_fee if sending.max_priority_fee is not None else TIP
    cap = sending.max_fee
    if cap is None:
        cap = _SUGGESTED_BASE_FEES * chain.evm.next_base_fee(chain.head) + tip
    elif sending.max_priority_fee is None:
        tip = min(tip, cap)
    return {"maxFeePerGas": cap, "maxPriorityFeePerGas": tip}


def estimate_gas(chain: LocalChain, call: Call, block: Block | None = None) -> int:
    """The gas limit the call needs, in that block or else in the next one.

    Raises:
        RpcError: It fails whatever it is given.
    """
    # The next block and not the newest as in geth: in the newest block's own number, a contract
    # that keeps block.number may write what is there already, and the estimate falls short.
    block = chain.pending() if block is None else block
    estimate = chain.evm.estimate(block, call, chain.ledger.ancestors(block.number))
    if isinstance(estimate, int):
        return estimate
    if estimate.error == "out of gas":
        raise RpcError(f"gas required exceeds allowance ({call.gas or chain.evm.gas_limit})")
    raise write_revert(estimate)

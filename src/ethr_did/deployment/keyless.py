"""Puts the deterministic-deployment proxy on a chain that does not have it yet.

Rules:
  * The transaction is offered to the node before its signer gets any money: a chain that refuses
    transactions without a chain id says so first, and nothing is lost. What a willing node says
    is that the signer cannot pay.
  * The signer gets what it lacks of the fixed cost, to the wei: nobody can get anything back.
  * Every step looks at the chain first, so that an interrupted run is taken up where it stopped.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from ethr_did.chain.answer import data_of, quantity_of
from ethr_did.chain.fees import format_wei
from ethr_did.chain.pool_answers import Taken, read_taken
from ethr_did.chain.receipts import read_receipt
from ethr_did.chain.request import Request, get_code
from ethr_did.chain.transactions import Intent
from ethr_did.core.keys import to_checksum_address
from ethr_did.deployment.factory import (
    KEYLESS_COST,
    KEYLESS_SIGNER,
    KEYLESS_TRANSACTION,
    PROXY,
    PROXY_CODE,
)
from ethr_did.deployment.plans import PLAIN_HINT
from ethr_did.errors import ChainError, DeploymentError, NodeRefused, TransactionPending

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.chain.request import Answer
    from ethr_did.chain.transactions import Sender

__all__ = ["place_proxy"]

_HASH = keccak(KEYLESS_TRANSACTION)
_CANNOT_PAY = re.compile(r"insufficient|upfront cost|balance|not enough", re.IGNORECASE)
_NO_CHAIN_ID = re.compile(r"replay|eip-?155|unprotected|chain ?id", re.IGNORECASE)


def place_proxy(
    sender: Sender,
    *,
    tell: Callable[[str], object] = lambda _: None,
    sleep: Callable[[float], object] = time.sleep,
) -> None:
    """Nothing; the proxy is there, with the code it must have.

    Args:
        sender: pays for it.
        tell: is told each step.
        sleep: waits for a number of seconds.

    Raises:
        DeploymentError: the chain refuses the transaction, or it failed.
        TransactionPending: it was taken, and not mined in the sender's time.
        TransactionError, ChainError: as ``Sender.send``.
    """
    answer = _offer(sender)
    if not _is_taken(answer):
        _check_only_unpaid(answer)
        _fund(sender, tell)
        answer = _offer(sender)
        if not _is_taken(answer):
            raise _refused(answer)
    tell(f"waiting for the proxy {to_checksum_address(PROXY)}")
    _wait(sender, sleep)


def _offer(sender: Sender) -> Answer:
    try:
        (answer,) = sender.chain.send(
            [Request("eth_sendRawTransaction", ("0x" + KEYLESS_TRANSACTION.hex(),))]
        )
    except NodeRefused as refusal:
        return refusal
    return answer


def _is_taken(answer: Answer) -> bool:
    """Whether the node has it; a used nonce means that it, the signer's only one, was mined."""
    return read_taken(answer) in (Taken.YES, Taken.NONCE_USED)


def _check_only_unpaid(answer: ChainError) -> None:
    if not isinstance(answer, NodeRefused):
        raise answer
    if not _CANNOT_PAY.search(str(answer.facts.get("rpc_message", ""))):
        raise _refused(answer)


def _refused(answer: ChainError) -> ChainError | DeploymentError:
    if not isinstance(answer, NodeRefused):
        return answer
    words = str(answer.facts.get("rpc_message", answer.message))
    why = "it takes no transactions without a chain id" if _NO_CHAIN_ID.search(words) else words
    error = DeploymentError(
        "the node refuses the transaction that creates the deterministic-deployment proxy "
        f"{to_checksum_address(PROXY)}: {why}",
        hint=f"Another node of this chain may take it (geth: --rpc.allow-unprotected-txs). "
        f"{PLAIN_HINT}",
        rpc_message=words,
    )
    error.__cause__ = answer
    return error


def _fund(sender: Sender, tell: Callable[[str], object]) -> None:
    keyless = to_checksum_address(KEYLESS_SIGNER)
    (answer,) = sender.chain.send([Request("eth_getBalance", (keyless, "latest"))])
    missing = KEYLESS_COST - quantity_of(answer)
    if missing > 0:
        tell(f"sending {format_wei(missing)} to {keyless}, which creates the proxy")
        purpose = "fund the signer of the deterministic-deployment proxy"
        sender.send(Intent(to=KEYLESS_SIGNER, data=b"", value=missing, purpose=purpose))


def _wait(sender: Sender, sleep: Callable[[float], object]) -> None:
    looks = max(1, int(sender.waiting.timeout / sender.waiting.poll))
    tx_hash = "0x" + _HASH.hex()
    for look in range(looks):
        if look:
            sleep(sender.waiting.poll)
        receipt, code = sender.chain.send(
            [Request("eth_getTransactionReceipt", (tx_hash,)), get_code(PROXY)]
        )
        if data_of(code) == PROXY_CODE:
            return
        mined = read_receipt(receipt, _HASH)
        if mined is not None and not mined.succeeded:
            raise DeploymentError(
                f"the transaction that creates the proxy, {tx_hash}, failed in block "
                f"{mined.block_number}: its gas is not enough on this chain",
                hint=PLAIN_HINT,
                tx_hash=tx_hash,
            )
    raise TransactionPending(
        f"the transaction that creates the proxy, {tx_hash}, is not mined after "
        f"{sender.waiting.timeout:.0f} seconds",
        hint="It was taken and may still be mined. Deploy again later: nothing is paid twice.",
        tx_hash=tx_hash,
    )

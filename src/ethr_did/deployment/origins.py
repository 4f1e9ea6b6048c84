"""When and by whom a contract was deployed, where no record says so.

Rules:
  * The sender's own journal knows it, if an interrupted run sent the transaction.
  * Else the first block with code is searched for, and in it the transaction that put it there.
    That needs a node that has the old states; without one the origin stays unknown.
  * A block is believed only with the transaction in it: a node that answers "no code" for states
    it has forgotten would else name a block that hides the first changes from every reader.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ethr_did.chain.answer import data_of, quantity_of
from ethr_did.chain.receipts import Receipt, read_receipt
from ethr_did.chain.request import Request, get_code
from ethr_did.core.keys import Address
from ethr_did.deployment.factory import PROXY, create_address, deployment_call
from ethr_did.errors import ChainError

if TYPE_CHECKING:
    from ethr_did.chain.artifacts import Artifact
    from ethr_did.chain.request import Answer, Steps
    from ethr_did.chain.transactions import Intent, Sender

__all__ = ["Origin", "journalled", "locating", "origin_of"]

_PROBES = 16
"""States asked for in one round trip: six of them for a chain of sixteen million blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The transaction that deployed a contract."""

    tx_hash: bytes
    block_number: int
    block_hash: bytes
    deployer: Address


def origin_of(receipt: Receipt, deployer: Address) -> Origin:
    """The origin that a receipt proves."""
    return Origin(
        tx_hash=receipt.tx_hash,
        block_number=receipt.block_number,
        block_hash=receipt.block_hash,
        deployer=deployer,
    )


def journalled(sender: Sender, intent: Intent) -> Receipt | None:
    """The receipt of that intent, if it was sent before and its transaction is on the chain.

    A journal may be older than the chain: test chains begin anew with the same id.
    """
    key = intent.key(chain_id=sender.chain_id, sender=sender.address)
    hashes = [entry.tx_hash for entry in sender.journal.entries() if entry.intent == key]
    if not hashes:
        return None
    asked = [Request("eth_getTransactionReceipt", ("0x" + one.hex(),)) for one in hashes]
    answers = sender.chain.send(asked)
    found = [read_receipt(answer, one) for answer, one in zip(answers, hashes, strict=True)]
    # The newest: the last that was sent is the one that counts.
    return next((one for one in reversed(found) if one is not None and one.succeeded), None)


def locating(artifact: Artifact, address: Address, *, head: int) -> Steps[Origin | None]:
    """The origin of a contract that stands at ``address`` in block ``head``; None if not found."""
    low, high = 0, head
    while low < high:
        probes = range(low, high, max(1, (high - low) // _PROBES))
        try:
            answers = yield [get_code(address, number) for number in probes]
            present = [bool(data_of(answer)) for answer in answers]
        except ChainError:
            return None
        first = present.index(True) if True in present else len(probes)
        if first < len(probes):
            high = probes[first]
        if first:
            low = probes[first - 1] + 1
    try:
        (block,) = yield [Request("eth_getBlockByNumber", (hex(high), True))]
        return _in_block(block, artifact, address)
    except ChainError:
        return None


def _in_block(block: Answer, artifact: Artifact, address: Address) -> Origin | None:
    if not isinstance(block, Mapping) or not isinstance(block.get("transactions"), list):
        return None
    for tx in block["transactions"]:
        if isinstance(tx, Mapping) and _deploys(tx, artifact, address):
            return Origin(
                tx_hash=data_of(tx.get("hash")),
                block_number=quantity_of(block.get("number")),
                block_hash=data_of(block.get("hash")),
                deployer=Address(data_of(tx.get("from"))),
            )
    return None


def _deploys(tx: Mapping[str, Any], artifact: Artifact, address: Address) -> bool:
    data = data_of(tx.get("input"))
    if tx.get("to") is None:
        sender = Address(data_of(tx.get("from")))
        made = create_address(sender, quantity_of(tx.get("nonce")))
        return made == address and data == artifact.init_code
    return data_of(tx["to"]) == PROXY and data == deployment_call(artifact)

"""What becomes of transactions that were sent.

Rules:
  1. What a node says of a sent transaction is a hint; what counts is the receipt.
  2. A transaction is lost only when its nonce is mined and it has no receipt, at two looks: behind
     one URL there may be several nodes, one block apart.
  3. Of several transactions for one nonce at most one is mined. Where that is a replacement with
     the same purpose, its receipt is the answer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from ethr_did.chain.answer import quantity_of
from ethr_did.chain.journal import Entry, Journal, State
from ethr_did.chain.receipts import Receipt, read_receipt
from ethr_did.chain.request import Request, get_block
from ethr_did.chain.reverts import is_revert, revert_error
from ethr_did.core.keys import to_checksum_address
from ethr_did.errors import (
    ChainError,
    Reverted,
    TransactionError,
    TransactionPending,
    TransactionReplaced,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ethr_did.chain.request import Answer, Steps

__all__ = ["Door", "Progress", "Waiting", "Watch", "pending", "receipt_request"]


class Door(Protocol):
    """The part of ``Chain`` that is used here."""

    def run(self, steps: Steps[Any]) -> Any:
        """The result of a reading."""

    def send(self, batch: Sequence[Request]) -> Sequence[Answer]:
        """One answer for each request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """Where a transaction stands, for those who wait."""

    stage: str
    """``signed``, ``sent``, ``resumed``, ``waiting`` or ``mined``."""
    entry: Entry
    confirmations: int = 0
    """Blocks from the one that holds it to the newest, both counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How long to wait, and for what."""

    confirmations: int = 1
    """Blocks from the one that holds it to the newest, both counted."""
    timeout: float = 300.0
    """Seconds."""
    poll: float = 2.0
    """Seconds between two looks."""


class Watch:
    """Looks after the transactions of one journal."""

    def __init__(
        self,
        chain: Door,
        journal: Journal,
        *,
        waiting: Waiting,
        on_progress: Callable[[Progress], object] = lambda _: None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """A watch; nothing is asked yet.

        Args:
            chain: the way to the nodes.
            journal: of the transactions.
            waiting: how long, and for what.
            on_progress: is told where each transaction stands.
            clock: Unix seconds.
            sleep: waits for a number of seconds.
        """
        self.waiting = waiting
        self._chain = chain
        self._journal = journal
        self._account = to_checksum_address(journal.sender)
        self._tell = on_progress
        self._clock = clock
        self._sleep = sleep

    def wait(self, entry: Entry) -> Receipt:
        """The receipt of a transaction, with the confirmations asked for.

        Raises:
            Reverted, NotAuthorized: mined, and the contract refused.
            TransactionPending: not mined in time.
            TransactionReplaced: another transaction took its nonce.
        """
        deadline = self._clock() + self.waiting.timeout
        suspected, last = False, None
        while True:
            try:
                receipt, confirmations, used = self._look(entry)
            except ChainError as failure:
                receipt, confirmations, used, last = None, 0, False, failure
            if receipt is not None:
                self._tell(Progress(stage="mined", entry=entry, confirmations=confirmations))
                if confirmations >= self.waiting.confirmations:
                    return self._finished(entry, receipt)
            elif used and suspected:
                raise self._lost(entry)
            else:
                self._tell(Progress(stage="waiting", entry=entry))
            suspected = used and receipt is None
            if self._clock() >= deadline:
                raise pending(
                    entry, f"not mined within {self.waiting.timeout:.0f} seconds"
                ) from last
            self._sleep(self.waiting.poll)

    def _look(self, entry: Entry) -> tuple[Receipt | None, int, bool]:
        """Receipt, its confirmations, and whether the nonce is used; one round trip, often."""
        rivals = self._same_wish(entry)
        asked = [get_block("latest"), self.count_request(), *map(receipt_request, rivals)]
        head, count, *answers = self._chain.send(asked)
        used = quantity_of(count) > entry.nonce
        for rival, answer in zip(rivals, answers, strict=True):
            receipt = read_receipt(answer, rival.tx_hash)
            if receipt is not None:
                return self._timed(receipt, head)
        return None, 0, used

    def _timed(self, receipt: Receipt, newest: Answer) -> tuple[Receipt, int, bool]:
        block = newest
        if isinstance(newest, ChainError) or newest["hash"] != "0x" + receipt.block_hash.hex():
            (block,) = self._chain.send([get_block(receipt.block_hash)])
        number = receipt.block_number if isinstance(newest, ChainError) else newest["number"]
        head = number if isinstance(number, int) else quantity_of(number)
        if block is None or isinstance(block, ChainError):
            return receipt, max(head - receipt.block_number + 1, 1), True
        timed = replace(receipt, block_timestamp=quantity_of(block["timestamp"]))
        return timed, max(head - receipt.block_number + 1, 1), True

    def _same_wish(self, entry: Entry) -> list[Entry]:
        """The entry and what replaces it with the same purpose."""
        rivals = self.rivals(entry)
        return [entry, *(rival for rival in rivals if rival.intent == entry.intent)]

    def rivals(self, entry: Entry) -> list[Entry]:
        """What was signed for the same nonce."""
        found = self._journal.at_nonce(entry.nonce)
        return [other for other in found if other.tx_hash != entry.tx_hash]

    def _finished(self, entry: Entry, receipt: Receipt) -> Receipt:
        mined = entry
        for other in (entry, *self.rivals(entry)):
            if other.tx_hash == receipt.tx_hash:
                mined = self.mined(other, receipt)
            elif not other.state.is_final:
                note = f"0x{receipt.tx_hash.hex()} was mined"
                self._journal.write(other, state=State.REPLACED, note=note)
        if not receipt.succeeded:
            raise self._reverted(mined, receipt)
        return receipt

    def _lost(self, entry: Entry) -> TransactionReplaced:
        mined = self._mined_rival(entry)
        self._journal.write(entry, state=State.REPLACED, note="another transaction took its nonce")
        by = "a transaction that is not in this journal"
        if mined is not None:
            by = f"0x{mined.tx_hash.hex()} ({mined.purpose})"
        return TransactionReplaced(
            f"{entry.purpose}: nonce {entry.nonce} of {self._account} was used by {by}, not by "
            f"0x{entry.tx_hash.hex()}",
            hint="It did not happen. Check what was sent instead, then try again.",
            tx_hash="0x" + entry.tx_hash.hex(),
            nonce=entry.nonce,
            replaced_by=None if mined is None else "0x" + mined.tx_hash.hex(),
        )

    def _mined_rival(self, entry: Entry) -> Entry | None:
        rivals = self.rivals(entry)
        answers = self._chain.send([receipt_request(r) for r in rivals]) if rivals else []
        for rival, answer in zip(rivals, answers, strict=True):
            receipt = (
                None if isinstance(answer, ChainError) else read_receipt(answer, rival.tx_hash)
            )
            if receipt is not None:
                return self.mined(rival, receipt)
        return None

    def _reverted(self, entry: Entry, receipt: Receipt) -> TransactionError:
        """The error for a transaction that was mined and did nothing."""
        where = f"mined in block {receipt.block_number}, and reverted"
        facts: dict[str, Any] = {
            "tx_hash": "0x" + receipt.tx_hash.hex(),
            "block_number": receipt.block_number,
        }
        if receipt.gas_used >= entry.tx["gas"]:
            return Reverted(
                f"{entry.purpose}: {where}: it used up its {receipt.gas_used} gas",
                hint="Send it again with a higher gas margin.",
                **facts,
            )
        fields = {name: entry.tx[name] for name in ("to", "data") if name in entry.tx}
        fields |= {"from": self._account, "value": hex(entry.tx["value"])}
        # What it met is the state of the block before, changed by those ahead of it in the block.
        blocks = (receipt.block_number - 1, receipt.block_number)
        asked = [Request("eth_call", (fields, hex(number))) for number in blocks]
        try:
            answers = self._chain.send(asked)
        except ChainError:
            answers = []
        for answer in answers:
            if is_revert(answer):
                error = revert_error(answer, purpose=entry.purpose, sender=self._journal.sender)
                return type(error)(
                    f"{error.message} ({where})", hint=error.hint, **dict(error.facts), **facts
                )
        return Reverted(f"{entry.purpose}: {where}; why is not to be found out", **facts)

    def look_closer(self, entries: Sequence[Entry]) -> list[Entry]:
        """The entries whose nonce is said to be used: mined, replaced, or still open.

        A second look: behind one URL there may be several nodes, one block apart.
        """
        if not entries:
            return []
        asked = [self.count_request(), *(receipt_request(entry) for entry in entries)]
        count, *receipts = self._chain.send(asked)
        used = quantity_of(count)
        settled = []
        for entry, answer in zip(entries, receipts, strict=True):
            receipt = read_receipt(answer, entry.tx_hash)
            if receipt is not None:
                settled.append(self.mined(entry, receipt))
            elif entry.nonce < used:
                note = "another transaction took its nonce"
                settled.append(self._journal.write(entry, state=State.REPLACED, note=note))
            else:
                settled.append(entry)
        return settled

    def mined(self, entry: Entry, receipt: Receipt) -> Entry:
        """The entry as the receipt has it, in the journal."""
        state = State.MINED if receipt.succeeded else State.FAILED
        return self._journal.write(entry, state=state, block_number=receipt.block_number)

    def is_known(self, entry: Entry) -> bool:
        """Whether the node has the transaction, waiting or mined; no where it does not say."""
        try:
            (answer,) = self._chain.send([_by_hash(entry)])
        except ChainError:
            return False
        return answer is not None and not isinstance(answer, ChainError)

    def count_request(self) -> Request:
        """Asks how many transactions of the sender are mined."""
        return Request("eth_getTransactionCount", (self._account, "latest"))


def receipt_request(entry: Entry) -> Request:
    """Asks for the receipt of a transaction."""
    return Request("eth_getTransactionReceipt", ("0x" + entry.tx_hash.hex(),))


def _by_hash(entry: Entry) -> Request:
    return Request("eth_getTransactionByHash", ("0x" + entry.tx_hash.hex(),))


def pending(entry: Entry, what: str) -> TransactionPending:
    """The error for a transaction that may still be mined."""
    tx_hash = "0x" + entry.tx_hash.hex()
    return TransactionPending(
        f"{entry.purpose}: transaction {tx_hash}: {what}",
        hint="It is in the journal and may still be mined. Wait on it again, or do the same again: "
        "it is taken up, not repeated. To outbid it, replace it.",
        tx_hash=tx_hash,
        nonce=entry.nonce,
    )

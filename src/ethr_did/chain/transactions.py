"""Sends transactions, and stays with them until they are mined.

Rules:
  1. Everything that can be found out before gas is spent is found out in one batch.
  2. A nonce is chosen under the lock of chain and sender, and the signed transaction is in the
     journal before the lock is given back. Only then it is sent.
  3. The next nonce is the lowest that neither the node counts as used nor an open entry holds.
  4. The same wish is not sent twice: while its transaction is open, it is taken up again.
  5. A first refusal frees the nonce. A refusal of what an earlier run may have sent frees nothing:
     another node may have it.
  6. An error never says "not sent" of what may have been sent: that is ``TransactionPending``.

What becomes of them afterwards is in watching.py.

Round trips of a change that goes well: one to prepare, one to send, one for each look at whether
it is mined.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from ethr_did.chain.answer import quantity_of
from ethr_did.chain.fees import FeeRules, outbid, read_market
from ethr_did.chain.fees import market_requests as fee_requests
from ethr_did.chain.journal import Entry, Journal, State
from ethr_did.chain.pool_answers import Taken, read_taken
from ethr_did.chain.preparation import Intent, Prepared, Quote, prepare, quote_of, tx_fields
from ethr_did.chain.receipts import Receipt, read_receipt
from ethr_did.chain.request import Request
from ethr_did.chain.watching import Door, Progress, Waiting, Watch, pending, receipt_request
from ethr_did.core.keys import to_checksum_address
from ethr_did.errors import (
    ChainError,
    EthrDIDError,
    InsufficientFunds,
    InvalidInput,
    NodeInconsistent,
    TransactionError,
    TransactionPending,
    TransactionReplaced,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ethr_did.chain.request import Answer
    from ethr_did.chain.signer import Signer

__all__ = ["FeeRules", "Intent", "Progress", "Quote", "Receipt", "Sender", "Waiting"]

_ATTEMPTS = 3
"""With a new nonce each, where others send from the same account without this journal."""

Sent = tuple[Entry, EthrDIDError | None]
"""An entry after it was sent, and why it is not on its way, if so."""


class Sender:
    """Sends from one account on one chain.

    May be used by several threads and processes with the same journal.
    """

    def __init__(
        self,
        chain: Door,
        *,
        chain_id: int,
        signer: Signer,
        journal: Journal,
        rules: FeeRules | None = None,
        waiting: Waiting | None = None,
        on_progress: Callable[[Progress], object] = lambda _: None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """A sender; nothing is asked or sent yet.

        Args:
            chain: the way to the nodes.
            chain_id: that the nodes must be on.
            signer: of the account.
            journal: of this chain and account.
            rules: about fees.
            waiting: how long ``wait`` and its callers do.
            on_progress: is told where each transaction stands.
            clock: Unix seconds.
            sleep: waits for a number of seconds.
        """
        self.chain = chain
        self.chain_id = chain_id
        self.signer = signer
        self.address = signer.address
        self.journal = journal
        self.rules = rules or FeeRules()
        self._tell = on_progress
        self._clock = clock
        self.watch = Watch(
            chain,
            journal,
            waiting=waiting or Waiting(),
            on_progress=on_progress,
            clock=clock,
            sleep=sleep,
        )
        if (journal.chain_id, journal.sender) != (chain_id, self.address):
            raise TransactionError(
                f"the journal {journal.path} is not that of {self._account} on chain {chain_id}",
                hint="Each account has its own journal on each chain.",
            )

    # -- before ----------------------------------------------------------------------------------

    def quote(self, intents: Sequence[Intent]) -> Quote:
        """What the intents would cost; nothing is signed or sent. One round trip.

        Raises:
            NotAuthorized, Reverted: a contract refuses, in simulation.
            FeeTooHigh: a cap is too low.
            ChainError: it could not be found out.
        """
        prepared = self._prepare(intents, self.journal.open_entries())
        return quote_of(intents, prepared, sender=self.address, rules=self.rules)

    # -- sending ---------------------------------------------------------------------------------

    def send(self, intent: Intent) -> Receipt:
        """The receipt of a transaction that is mined and did not revert.

        Raises:
            NotAuthorized, Reverted: a contract refuses, in simulation or when mined.
            FeeTooHigh, InsufficientFunds: nothing was sent.
            TransactionPending: sent, or perhaps sent, and not mined in time.
            TransactionReplaced: another transaction took its nonce.
            SignerError: it was not signed.
            ChainError: the preparation could not be read; nothing was sent.
        """
        return self.send_many([intent])[0]

    def send_many(self, intents: Sequence[Intent]) -> list[Receipt]:
        """The receipts of several transactions in flight at once, mined in this order.

        Raises:
            TransactionError: as ``send``; those sent before the failure stay in the journal.
        """
        entries = self.submit(intents)
        resumed = {entry.tx_hash for entry, again in entries if again}
        receipts = [self.watch.wait(entry) for entry, _ in entries]
        return [
            replace(receipt, resumed=entry.tx_hash in resumed)
            for receipt, (entry, _) in zip(receipts, entries, strict=True)
        ]

    def submit(self, intents: Sequence[Intent]) -> list[tuple[Entry, bool]]:
        """The journal entries of what was sent, without waiting, in order.

        The second of each pair says whether an earlier run had sent it already.

        Raises:
            TransactionError, SignerError, ChainError: as ``send``.
        """
        placed: dict[int, tuple[Entry, bool]] = {}
        for _ in range(_ATTEMPTS):
            missing = [place for place in range(len(intents)) if place not in placed]
            found = self._submit_once([intents[place] for place in missing])
            lost = [entry for entry, _ in found if entry.state is State.REPLACED]
            placed |= {
                place: pair
                for place, pair in zip(missing, found, strict=True)
                if pair[0].state is not State.REPLACED
            }
            if not lost:
                return [placed[place] for place in range(len(intents))]
        raise TransactionReplaced(
            f"somebody else sends from {self._account} at the same time: {_ATTEMPTS} nonces in a "
            "row were taken before they could be used",
            hint="Send from one place at a time, or share one journal.",
        )

    def _submit_once(self, intents: Sequence[Intent]) -> list[tuple[Entry, bool]]:
        keys = self._keys(intents)
        with self.journal.lock():
            waiting = self.journal.open_entries()
            prepared = self._prepare(intents, waiting)
            still, unheard = self._settle(waiting, prepared)
            still = self._told(still, unheard, strict=True)
            known = {entry.intent: entry for entry in still}
            known |= self._done_before(keys, known)
            fresh = [place for place, key in enumerate(keys) if key not in known]
            new = self._sign(intents, fresh, prepared, still)
        for entry in (known[key] for key in keys if key in known):
            self._tell(Progress(stage="resumed", entry=entry))
        sent = self._broadcast(new)
        for _, failure in sent:
            if failure is not None:
                raise failure
        by_key = known | {entry.intent: entry for entry, _ in sent}
        return [(by_key[key], key in known) for key in keys]

    def is_open(self, intents: Sequence[Intent]) -> bool:
        """Whether an earlier run left one of them unfinished. Asks no node.

        If so, ``send_many`` takes them up: checks of what was true before do not apply.
        """
        keys = set(self._keys(intents))
        return any(entry.intent in keys for entry in self.journal.open_entries())

    def _done_before(
        self, keys: Sequence[bytes], known: Mapping[bytes, Entry]
    ) -> dict[bytes, Entry]:
        """What an earlier run finished of the same sequence, of which the rest is still open.

        A sequence is signed with nonces in a row, so its first part lies right before.
        """
        nonces = [known[key].nonce for key in keys if key in known]
        if not nonces or len(nonces) == len(keys):
            return {}
        near = range(max(min(nonces) - len(keys), 0), min(nonces))
        return {
            entry.intent: entry
            for nonce in near
            for entry in self.journal.at_nonce(nonce)
            if entry.state is State.MINED and entry.intent in keys
        }

    def _keys(self, intents: Sequence[Intent]) -> list[bytes]:
        keys = [intent.key(chain_id=self.chain_id, sender=self.address) for intent in intents]
        for place, key in enumerate(keys):
            if key in keys[:place]:
                raise InvalidInput(
                    f"{intents[place].purpose}: twice the same transaction",
                    hint="If it is meant to happen twice, give each its own tag.",
                )
        return keys

    def _sign(
        self,
        intents: Sequence[Intent],
        fresh: Sequence[int],
        prepared: Prepared,
        still: Sequence[Entry],
    ) -> list[Entry]:
        """New entries for the intents at those places, journalled; under the lock."""
        wanted = [intents[place] for place in fresh]
        chosen = replace(
            prepared,
            simulations=tuple(prepared.simulations[place] for place in fresh),
            estimates=tuple(prepared.estimates[place] for place in fresh),
        )
        quote = quote_of(wanted, chosen, sender=self.address, rules=self.rules)
        quote.check_funds()
        taken = {entry.nonce for entry in still}
        entries: list[Entry] = []
        for item in quote.items:
            nonce = _free_nonce(prepared.pending_nonce, taken)
            taken.add(nonce)
            tx = tx_fields(item, nonce=nonce, expected_chain=self.chain_id)
            key = item.intent.key(chain_id=self.chain_id, sender=self.address)
            entries.append(self._entry(tx, purpose=item.intent.purpose, intent=key))
        # All are signed before the first is written: a signer that refuses the third of five
        # leaves nothing half done.
        return [self._journalled(entry) for entry in entries]

    def _entry(
        self, tx: Mapping[str, Any], *, purpose: str, intent: bytes, replaces: bytes | None = None
    ) -> Entry:
        raw = self.signer.sign_transaction(tx)
        return Entry(
            chain_id=self.chain_id,
            sender=self.address,
            nonce=tx["nonce"],
            tx_hash=keccak(raw),
            raw=raw,
            tx=tx,
            purpose=purpose,
            intent=intent,
            created=int(self._clock()),
            replaces=replaces,
        )

    def _journalled(self, entry: Entry) -> Entry:
        entry = self.journal.write(entry)
        self._tell(Progress(stage="signed", entry=entry))
        return entry

    # -- sending the bytes -----------------------------------------------------------------------

    def _broadcast(self, entries: Sequence[Entry], *, again: bool = False) -> list[Sent]:
        """Each entry after it was sent, all in one round trip, with the error if it failed.

        Args:
            entries: to send.
            again: an earlier run may have sent them: a refusal now does not mean that no other
                node has them, so they stay open.
        """
        if not entries:
            return []
        batch = [Request("eth_sendRawTransaction", ("0x" + e.raw.hex(),)) for e in entries]
        answers: Sequence[Answer]
        try:
            answers = self.chain.send(batch)
        except ChainError as failure:
            answers = [failure] * len(entries)
        pairs = zip(entries, answers, strict=True)
        return [self._after_sending(entry, answer, again=again) for entry, answer in pairs]

    def _after_sending(self, entry: Entry, answer: Answer, *, again: bool) -> Sent:
        taken = read_taken(answer)
        if taken is Taken.NONCE_USED:
            return self.watch.look_closer([entry])[0], None
        if taken in (Taken.NO, Taken.NOT_SENT):
            return self._not_taken(entry, answer, again=again)
        if taken is Taken.YES or self.watch.is_known(entry):
            entry = self.journal.write(entry, state=State.SENT)
            self._tell(Progress(stage="sent", entry=entry))
            return entry, _other_hash(entry, answer)
        failure = pending(entry, f"it is not known whether a node has it: {answer.message}")
        failure.__cause__ = answer
        return entry, failure

    def _not_taken(self, entry: Entry, answer: ChainError, *, again: bool) -> Sent:
        if again:
            return self.journal.write(entry, note=answer.message), _blocked(entry, answer)
        never_left = read_taken(answer) is Taken.NOT_SENT
        failure = answer if never_left else _refused(entry, answer)
        return self.journal.write(entry, state=State.REFUSED, note=answer.message), failure

    # -- what became of them ---------------------------------------------------------------------

    def _prepare(self, intents: Sequence[Intent], open_entries: Sequence[Entry]) -> Prepared:
        steps = prepare(intents, open_entries, sender=self.address, expected_chain=self.chain_id)
        prepared: Prepared = self.chain.run(steps)
        return prepared

    def _settle(
        self, entries: Sequence[Entry], prepared: Prepared
    ) -> tuple[list[Entry], list[Entry]]:
        """Open entries with what the node knows of them, and those it has to be told of.

        Those that were replaced are left out: their wishes are free again.
        """
        looks = [
            (entry, read_receipt(receipt, entry.tx_hash), found)
            for entry, (receipt, found) in zip(entries, prepared.traces, strict=True)
        ]
        doubtful = [
            entry
            for entry, receipt, _ in looks
            if receipt is None and entry.nonce < prepared.latest_nonce
        ]
        after = {entry.tx_hash: entry for entry in self.watch.look_closer(doubtful)}
        still, unheard = [], []
        for entry, receipt, found in looks:
            if receipt is not None:
                still.append(self.watch.mined(entry, receipt))
            elif entry.tx_hash in after:
                if after[entry.tx_hash].state is not State.REPLACED:
                    still.append(after[entry.tx_hash])
            else:
                still.append(entry)
                if found is None:
                    unheard.append(entry)
        return still, unheard

    def _told(
        self, still: Sequence[Entry], unheard: Sequence[Entry], *, strict: bool = False
    ) -> list[Entry]:
        """The open entries, after those that the node had not heard of were sent again.

        Of those that bid for one nonce only the dearest is sent: pools refuse the others.

        Raises:
            TransactionPending: one is not taken, so that whatever came after would only wait for
                it; raised if ``strict``.
        """
        dearest: dict[int, Entry] = {}
        for entry in sorted(still, key=lambda entry: _fee_cap(entry.tx)):
            if not entry.state.is_final:
                dearest[entry.nonce] = entry
        sent = self._broadcast([e for e in unheard if dearest[e.nonce] is e], again=True)
        for _, failure in sent:
            if failure is not None and strict:
                raise failure
        after = {entry.tx_hash: entry for entry, _ in sent}
        told = [after.get(entry.tx_hash, entry) for entry in still]
        return [entry for entry in told if entry.state is not State.REPLACED]

    def recover(self) -> list[Entry]:
        """The open entries of the journal, with what became of them; lost ones are sent again.

        Call it after a crash. Nothing new is signed: what goes out are the very same bytes.

        Raises:
            ChainError: the node could not be asked; nothing has changed then.
        """
        with self.journal.lock():
            entries = self.journal.open_entries()
            if entries:
                self._told(*self._settle(entries, self._prepare([], entries)))
        return [self.journal.find(entry.tx_hash) for entry in entries]

    # -- waiting ---------------------------------------------------------------------------------

    def wait(self, tx_hash: bytes) -> Receipt:
        """The receipt of a transaction of the journal.

        If a replacement with the same purpose was mined instead, the receipt is that one's.

        Raises:
            NotFoundError: it is not in the journal.
            Reverted: mined, and the contract refused.
            TransactionPending: not mined in time.
            TransactionReplaced: another transaction took its nonce.
        """
        entry = self.journal.find(tx_hash)
        if entry.state is State.REFUSED:
            raise TransactionError(
                f"{entry.purpose}: no node took 0x{tx_hash.hex()}: {entry.note}",
                hint="Nothing was changed. Do it again: it gets a new transaction.",
            )
        return self.watch.wait(entry)

    # -- replacing -------------------------------------------------------------------------------

    def replace(self, tx_hash: bytes, *, bump_percent: float = 12.5) -> Entry:
        """The entry of the same transaction with higher fees, sent. ``wait`` on either.

        Args:
            tx_hash: of the one that waits.
            bump_percent: by how much the fees go up at least.

        Raises:
            NotFoundError: it is not in the journal.
            TransactionError: it is no longer waiting, or as ``send``.
        """
        return self._replace(tx_hash, {}, bump_percent=bump_percent)

    def cancel(self, tx_hash: bytes, *, bump_percent: float = 12.5) -> Entry:
        """The entry of a transaction that does nothing, sent to take the nonce of one that waits.

        The other one may still win: ``wait`` on it says which of them did. Arguments and errors
        as ``replace``.
        """
        nothing = {"to": str(self._account), "value": 0, "data": "0x", "gas": 21_000}
        return self._replace(tx_hash, nothing, bump_percent=bump_percent)

    def _replace(self, tx_hash: bytes, changes: Mapping[str, Any], *, bump_percent: float) -> Entry:
        with self.journal.lock():
            old = self.journal.find(tx_hash)
            if old.state.is_final:
                raise TransactionError(
                    f"0x{tx_hash.hex()} no longer waits: it is {old.state}",
                    hint="Only a transaction that waits can be replaced.",
                )
            count, receipt, *market = self.chain.send(
                [self.watch.count_request(), receipt_request(old), *fee_requests()]
            )
            if quantity_of(count) > old.nonce or read_receipt(receipt, tx_hash) is not None:
                raise TransactionError(
                    f"nonce {old.nonce} of {self._account} is used already",
                    hint="Wait on the transaction: it will say which one was mined.",
                )
            waiting = [e for e in (old, *self.watch.rivals(old)) if not e.state.is_final]
            dearest = max(waiting, key=lambda e: _fee_cap(e.tx))
            fees = outbid(dearest.tx, read_market(market), bump_percent=bump_percent)
            tx = {**old.tx, **fees.to_tx(), **changes}
            purpose, key = old.purpose, old.intent
            if changes:
                purpose, key = f"cancel: {old.purpose}", keccak(b"cancel" + old.intent)
            new = self._entry(tx, purpose=purpose, intent=key, replaces=tx_hash)
            new = self._journalled(new)
        ((entry, failure),) = self._broadcast([new])
        if failure is not None:
            raise failure
        return entry

    # -- small things ----------------------------------------------------------------------------

    @property
    def waiting(self) -> Waiting:
        """How long ``wait`` and its callers wait, and for what."""
        return self.watch.waiting

    @property
    def _account(self) -> str:
        return to_checksum_address(self.address)


def _free_nonce(first: int, taken: Iterable[int]) -> int:
    used = set(taken)
    while first in used:
        first += 1
    return first


def _fee_cap(tx: Mapping[str, Any]) -> int:
    fee: int = tx.get("maxFeePerGas", tx.get("gasPrice", 0))
    return fee


def _blocked(entry: Entry, answer: ChainError) -> TransactionPending:
    tx_hash = "0x" + entry.tx_hash.hex()
    error = TransactionPending(
        f"an earlier transaction, {tx_hash} ({entry.purpose}), is still open, and the node does "
        f"not take it now: {answer.message}",
        hint=f"Whatever comes after would wait for its nonce, {entry.nonce}. Put right what the "
        "node says, or replace or cancel it.",
        tx_hash=tx_hash,
        nonce=entry.nonce,
    )
    error.__cause__ = answer
    return error


def _refused(entry: Entry, answer: ChainError) -> TransactionError:
    words = answer.message
    kind = InsufficientFunds if "insufficient" in words.lower() else TransactionError
    error = kind(
        f"{entry.purpose}: no node takes the transaction: {words}",
        hint="Nothing was changed. Its nonce is free again.",
        tx_hash="0x" + entry.tx_hash.hex(),
        nonce=entry.nonce,
    )
    error.__cause__ = answer
    return error


def _other_hash(entry: Entry, answer: Answer) -> NodeInconsistent | None:
    """The error for a node that took a transaction and calls it by another hash."""
    expected = "0x" + entry.tx_hash.hex()
    if not isinstance(answer, str) or answer.lower() == expected:
        return None
    return NodeInconsistent(
        f"the node took {expected} and calls it {answer[:80]}",
        hint="Use another node. The transaction is in the journal and may be mined.",
        tx_hash=expected,
    )

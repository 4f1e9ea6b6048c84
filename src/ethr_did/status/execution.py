"""Carries out a job: a few transactions at a time, each change once, whoever else is writing.

Rules:
  1. Every transaction is noted in the job before it is signed.
  2. Where a word or record was not as expected, in simulation or when mined, it is read again.
     What nobody else touched is sent again; what somebody else changed to another value is a
     conflict.
  3. What is mined is noted at once, and never looked at again.
  4. Attempts in a row that change nothing come to an end; the job stays, and can be taken up.

Round trips for each few transactions that go well: one to prepare, one to send, and the looks at
whether they are mined.
"""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from ethr_did.chain.journal import State
from ethr_did.chain.preparation import Intent
from ethr_did.chain.receipts import Receipt, read_receipt
from ethr_did.chain.watching import receipt_request
from ethr_did.core.keys import to_checksum_address
from ethr_did.core.status_batches import Batch, Limits, pack
from ethr_did.core.status_changes import plan_changes
from ethr_did.core.status_work import by_right, left_of, only
from ethr_did.errors import (
    NotAuthorized,
    Reverted,
    StatusConflict,
    TransactionError,
    TransactionReplaced,
)
from ethr_did.status.jobs import Job, Part
from ethr_did.status.plans import StatusProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ethr_did.chain.journal import Entry
    from ethr_did.chain.request import Steps
    from ethr_did.chain.transactions import Sender
    from ethr_did.core.keys import Address
    from ethr_did.core.status_changes import ChangePlan, Conflict
    from ethr_did.core.status_list import ListId
    from ethr_did.core.status_wishes import WishSet
    from ethr_did.core.status_work import Place, Rights, Stored
    from ethr_did.status.current import IssuerReader

__all__ = ["ATTEMPTS", "Door", "Execution", "plan_by_right", "purpose_of", "settle_earlier"]

ATTEMPTS = 6
"""Attempts in a row that may change nothing."""

_RACES = ("", "StaleWord", "StaleRecord", "StatusIsFinal", "RecordIsFinal")
"""Errors that mean that somebody else was faster; or the node does not say which one it is."""

_LISTED = 1000
"""Entries that an error names."""


class Door(Protocol):
    """The part of ``Chain`` that is used here."""

    def run(self, steps: Steps[Any]) -> Any:
        """The result of a reading."""


def plan_by_right(
    wishes: WishSet, stored: Stored, rights: Rights, *, identity: Address, actor: Address
) -> tuple[ChangePlan, ...]:
    """What to write, one plan for each right that is used.

    Args:
        wishes: about lists on chain and records.
        stored: what is on chain.
        rights: of the actor.
        identity: whose statuses they are.
        actor: who writes them, or signs.

    Raises:
        NotAuthorized: the actor has no right to something of it.
        InvalidStatusEntry: the contract would refuse something of it.
    """
    found, missing = by_right(wishes, stored, rights)
    if missing:
        raise _without_right(missing, identity, actor)
    return tuple(
        plan_changes(
            part,
            words=stored.words,
            records=stored.records,
            identity=identity,
            authority=authority,
        )
        for authority, part in found.items()
    )


def _without_right(
    missing: Sequence[ListId | None], identity: Address, actor: Address
) -> NotAuthorized:
    names = ["the records" if one is None else f"list {one.text}" for one in missing]
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    who, whose = to_checksum_address(actor), to_checksum_address(identity)
    return NotAuthorized(
        f"{who} has no right to change {names[0]}{more} of {whose} in this way",
        hint="Use the owner's signer, or a status key with that right; a key for revocations does "
        "nothing else.",
        sender=who,
        identity=whose,
        missing=names,
    )


def purpose_of(batch: Batch, identity: Address) -> str:
    """What a transaction is for, in words."""
    what = "records" if batch.records is not None else "statuses"
    return f"{to_checksum_address(identity)}: change {batch.changes} {what}"


def settle_earlier(sender: Sender, registry: Address, job: Job | None) -> list[Receipt]:
    """The receipts of what an interrupted run of a job had left open, and is mined now.

    Whatever the sender has on its way to the registry is waited for: what is read afterwards
    holds it.

    Raises:
        TransactionPending: something is not mined in time; nothing new may be planned.
        ChainError: the node could not be asked.
    """
    to = to_checksum_address(registry)
    receipts: dict[bytes, Receipt] = {}
    for entry in sender.recover():
        if entry.tx.get("to") == to and (not entry.state.is_final or entry.state is State.MINED):
            try:
                receipts[entry.intent] = replace(sender.wait(entry.tx_hash), resumed=True)
            except (Reverted, NotAuthorized, TransactionReplaced):
                continue  # the journal knows; the wishes are planned again
    if job is None or not job.doubtful:
        return []
    mined = {entry.intent for entry in sender.journal.entries() if entry.state is State.MINED}
    for part in job.doubtful:
        job.settle(part, mined=part.intent in mined)
    return [receipts[part.intent] for part in job.parts if part.intent in receipts]


class Execution:
    """One job, carried out by one sender."""

    def __init__(
        self,
        reader: IssuerReader,
        door: Door,
        sender: Sender,
        *,
        job: Job,
        rights: Rights,
        limits: Limits,
        in_flight: int,
        on_progress: Callable[[StatusProgress], object],
        sleep: Callable[[float], object],
    ) -> None:
        """An execution; nothing is sent yet.

        Args:
            reader: of the issuer's statuses.
            door: the way to the nodes.
            sender: of the transactions.
            job: whose wishes are carried out.
            rights: of the sender.
            limits: of a transaction.
            in_flight: transactions on their way at once.
            on_progress: is told after each step.
            sleep: waits for a number of seconds.
        """
        self.receipts: list[Receipt] = []
        """Of what was mined."""
        self.reverted: list[Receipt] = []
        """Of what was mined too late."""
        self._reader = reader
        self._door = door
        self._sender = sender
        self._job = job
        self._rights = rights
        self._limits = limits
        self._in_flight = in_flight
        self._on_progress = on_progress
        self._sleep = sleep
        self._queue: deque[Batch] = deque()
        self._queued = 0
        """Changes in the queue."""
        self._conflicts: dict[Place | bytes, list[Conflict]] = {}
        self._fruitless = 0

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """What somebody else changed to another value."""
        return tuple(one for found in self._conflicts.values() for one in found)

    def plan(self, wishes: WishSet, now: Stored) -> tuple[Batch, ...]:
        """The transactions for wishes of the job that nobody has overruled; these are kept.

        Raises:
            NotAuthorized, InvalidStatusEntry: as ``plan_by_right``.
        """
        identity = self._reader.identity
        left, conflicts = left_of(wishes, before=self._job.before, now=now, identity=identity)
        for place in _places(wishes):
            self._conflicts.pop(place, None)
        for conflict in conflicts:
            self._conflicts.setdefault(_place_of(conflict), []).append(conflict)
        actor = self._sender.address
        plans = plan_by_right(left, now, self._rights, identity=identity, actor=actor)
        return pack(*plans, limits=self._limits)

    def run(self, batches: Iterable[Batch]) -> None:
        """Nothing; everything is mined, or in conflict.

        Raises:
            StatusConflict: others were faster again and again.
            TransactionError, SignerError, ChainError: as ``Sender.send_many``; the job stays.
        """
        self._put(batches)
        self._tell("planned")
        while self._queue:
            count = min(self._in_flight, len(self._queue))
            self._send([self._queue.popleft() for _ in range(count)])

    def _put(self, batches: Iterable[Batch]) -> None:
        """Puts batches in front of the queue."""
        found = list(batches)
        self._queue.extendleft(reversed(found))
        self._queued += sum(batch.changes for batch in found)

    # -- a few transactions ----------------------------------------------------------------------

    def _send(self, window: Sequence[Batch]) -> None:
        first = len(self._job.parts)
        intents = [self._intent(batch, first + place) for place, batch in enumerate(window)]
        parts = [
            self._part(batch, intent, first + place)
            for place, (batch, intent) in enumerate(zip(window, intents, strict=True))
        ]
        self._job.note(parts)
        self._queued -= sum(part.changes for part in parts)
        known = self._sender.journal.hashes()
        try:
            entries = [entry for entry, _ in self._sender.submit(intents)]
        except Reverted as failure:
            # In simulation: nothing of this attempt was sent. Of one before it, in which somebody
            # else took some of the nonces, the others may have been.
            journal = self._sender.journal
            self._settle(parts, map(journal.find, journal.hashes() - known), failure)
        else:
            self._tell("sent")
            self._settle(parts, entries, None)

    def _settle(
        self, parts: Sequence[Part], entries: Iterable[Entry], failure: TransactionError | None
    ) -> None:
        """Waits for the parts that were sent, and plans the others again."""
        sent = {entry.intent: entry for entry in entries if entry.state is not State.REPLACED}
        late: list[Part] = []
        for part in parts:
            entry = sent.get(part.intent)
            lost = failure if entry is None else self._await(entry)
            mined = entry is not None and lost is None
            self._job.settle(part, mined=mined)
            if mined:
                self._tell("mined")
            else:
                failure = lost
                late.append(part)
        if failure is not None and late:
            self._again(late, failure)

    def _await(self, entry: Entry) -> TransactionError | None:
        """The error of a transaction that came too late; None if it did what it was to do."""
        try:
            receipt = self._sender.wait(entry.tx_hash)
        except (Reverted, TransactionReplaced) as failure:
            (answer,) = self._sender.chain.send([receipt_request(entry)])
            late = read_receipt(answer, entry.tx_hash)
            self.reverted += [] if late is None else [late]
            return failure
        self.receipts.append(receipt)
        self._fruitless = 0
        return None

    def _intent(self, batch: Batch, number: int) -> Intent:
        return Intent(
            to=self._reader.address,
            data=batch.call(),
            purpose=purpose_of(batch, self._reader.identity),
            tag=f"{self._job.name}/{self._job.run}/{number}",
        )

    def _part(self, batch: Batch, intent: Intent, number: int) -> Part:
        words = ((one.list_id, word.word) for one in batch.updates for word in one.words)
        return Part(
            number=number,
            intent=intent.key(chain_id=self._sender.chain_id, sender=self._sender.address),
            words=tuple(words),
            keys=batch.records.keys if batch.records is not None else (),
            changes=batch.changes,
        )

    # -- somebody else was faster ----------------------------------------------------------------

    def _again(self, late: Sequence[Part], failure: TransactionError) -> None:
        """Plans parts again, from what is on chain now."""
        if failure.facts.get("error", "") not in _RACES:
            raise failure
        wishes = only(
            self._job.wishes,
            words=(place for part in late for place in part.words),
            keys=(key for part in late for key in part.keys),
        )
        self._fruitless += 1
        if self._fruitless > ATTEMPTS:
            raise self._given_up(wishes, failure) from failure
        if self._fruitless > 1:
            self._sleep(self._sender.waiting.poll)
        now: Stored = self._door.run(self._reader.read_stored(wishes))
        self._put(self.plan(wishes, now))
        self._tell("again")

    def _given_up(self, wishes: WishSet, failure: TransactionError) -> StatusConflict:
        names = [
            *(
                f"entry {index} of {one.text}"
                for one in wishes.lists
                for index, _ in wishes.entries(one)
            ),
            *("record 0x" + key.hex() for key in wishes.records),
        ]
        return StatusConflict(
            f"{wishes.count} statuses could not be changed in {ATTEMPTS} attempts, somebody else "
            f"was faster each time: {failure.message}",
            hint="Do the same again when the other writer is done: what was changed is not repeated.",
            entries=names[:_LISTED],
            changed=self._job.changes_done,
        )

    def _tell(self, stage: str) -> None:
        done, waiting = self._job.changes_done, sum(part.changes for part in self._job.doubtful)
        self._on_progress(
            StatusProgress(
                stage=stage,
                done=done,
                total=done + waiting + self._queued,
                transactions_done=len(self._job.done),
                transactions_left=len(self._queue),
            )
        )


def _places(wishes: WishSet) -> Iterable[Place | bytes]:
    yield from ((list_id, word) for list_id, words in wishes.lists.items() for word in words)
    yield from wishes.records


def _place_of(conflict: Conflict) -> Place | bytes:
    if conflict.list_id is None:
        return conflict.key
    return conflict.list_id, conflict.index // conflict.list_id.entries_per_word

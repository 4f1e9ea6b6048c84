"""Changing statuses as their issuer: planned, checked, sent in few transactions, or signed for others.

Rules:
  1. What can be known before gas is spent is checked before: the chain, both registries, the whole
     history of the identity, the right to each list, the words and records themselves. All of it
     is one batch.
  2. What has the wished value already is left alone. With one wish that the contract would refuse,
     none is carried out.
  3. Nothing is done twice: a job on disk tells what was decided on, and the journal what was sent.
     The same wishes, after a crash, go on where they stopped.
  4. Several writers lose nothing: every change names the word that it expects, but for revocations
     that are final. What others touched meanwhile is merged, or reported as a conflict.
  5. A deactivated identity has no statuses any more that count: changing them is refused.

Round trips: one for the checks, then those of ``Sender`` for every few transactions.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

from ethr_did.chain.preparation import Intent
from ethr_did.core.credential_wishes import wishes_of_credential
from ethr_did.core.did import DEFAULT_NETWORK, EthrDID
from ethr_did.core.keys import parse_address, to_checksum_address
from ethr_did.core.status_batches import Limits, pack
from ethr_did.core.status_delegates import status_delegates
from ethr_did.core.status_entry import ContractId, ListEntry, issuer_of
from ethr_did.core.status_list import Authority, Purpose
from ethr_did.core.status_wishes import RECORD_BITS, RecordWish, Wish, WishSet, gather, parse_status
from ethr_did.errors import InvalidOption, InvalidStatusEntry, NotFoundError, nearest
from ethr_did.status.current import Current, IssuerReader
from ethr_did.status.execution import Door, Execution, plan_by_right, purpose_of, settle_earlier
from ethr_did.status.jobs import Jobs
from ethr_did.status.plans import StatusPlan, StatusProgress, StatusReport
from ethr_did.status.relaying import StatusRelay, StatusSubmission

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from ethr_did.chain.networks import Network
    from ethr_did.chain.receipts import Receipt
    from ethr_did.chain.signer import Signer
    from ethr_did.chain.transactions import Sender
    from ethr_did.core.keys import Address
    from ethr_did.core.status_batches import Batch
    from ethr_did.core.status_changes import ChangePlan
    from ethr_did.core.status_message import StatusRelayMessage
    from ethr_did.status.jobs import Job

__all__ = ["StatusIssuer", "StatusPlan", "StatusProgress", "StatusReport", "StatusSubmission"]

_CHAIN_ID = re.compile(r"0x[0-9a-fA-F]+")

_QUOTED = 4
"""Transactions of a plan whose price is asked of the node; each is up to 260 KB of hex, twice."""

_IN_FLIGHT = 4
"""Transactions on their way at once: a block has room for three or four of them."""


class StatusIssuer:
    """The statuses of one identity on one network, and the ways to change them."""

    def __init__(
        self,
        network: Network,
        did: EthrDID,
        *,
        chain: Door | None = None,
        authority: Authority | None = None,
        in_flight: int = _IN_FLIGHT,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        """An issuer; nothing is asked yet.

        Args:
            network: where its identity and its statuses are.
            did: of the issuer.
            chain: the way to the nodes; None for that of the network.
            authority: the right that is claimed; None for the plainest one that serves.
            in_flight: transactions on their way at once.
            sleep: waits for a number of seconds.

        Raises:
            InvalidConfiguration: the network has no status registry.
        """
        self.network = network
        self.did = did
        self.identity = did.address
        self.reader = IssuerReader(network, did.address)
        self.registry = ContractId(network.chain_id, self.reader.address)
        self.door: Door = network.chain() if chain is None else chain
        self._authorities = list(Authority) if authority is None else [authority]
        self._relay = StatusRelay(network, self.reader, self.door)
        self._in_flight = in_flight
        self._sleep = sleep

    # -- wishes ----------------------------------------------------------------------------------

    def wishes(
        self, entries: Iterable[ListEntry | bytes], status: str | int
    ) -> tuple[Wish | RecordWish, ...]:
        """The wish that each entry gets a status.

        Args:
            entries: entries of lists on chain, and keys of records, 32 bytes.
            status: ``revoked``, ``suspended``, ``valid`` or a number.

        Raises:
            InvalidStatusEntry: an entry is another contract's, or its list cannot say that.
        """
        return tuple(self._wish(entry, status) for entry in entries)

    def _wish(self, entry: ListEntry | bytes, status: str | int) -> Wish | RecordWish:
        if isinstance(entry, bytes):
            value = parse_status(status, purpose=Purpose.LIFECYCLE, bits=RECORD_BITS)
            return RecordWish(key=entry, value=value)
        if entry.registry != self.registry:
            raise InvalidStatusEntry(
                f"the entry is of {entry.registry.text}, not of {self.registry.text}",
                hint="Choose the network that the credential names.",
            )
        value = parse_status(status, purpose=entry.list_id.purpose, bits=entry.list_id.bits)
        return Wish(list_id=entry.list_id, index=entry.index, value=value)

    def wishes_of(
        self, credential: Mapping[str, Any], status: str | int, *, digest: bytes | None = None
    ) -> tuple[Wish | RecordWish, ...]:
        """The wishes that give a credential of this issuer a status.

        Args:
            credential: its claims, see ``core.status_entry.entries_of``.
            status: ``revoked``, ``suspended``, ``valid`` or a number.
            digest: 32 bytes over what the credential says, for one with a record.

        Raises:
            InvalidInput: it is not this issuer's, has no status, or none that can say so.
        """
        issuer = EthrDID.parse(issuer_of(credential))
        if issuer.address != self.identity or not self._is_here(issuer.network):
            raise InvalidStatusEntry(
                f"the credential is {issuer.text}'s, not {self.did.text}'s",
                hint="Nobody else's key can change it.",
            )
        anchors = self.network.anchor_registry
        return wishes_of_credential(
            credential,
            status,
            statuses=self.registry,
            anchors=None
            if anchors is None
            else ContractId(self.network.chain_id, parse_address(anchors)),
            digest=digest,
        )

    def _is_here(self, network: str) -> bool:
        """Whether the network part of a DID means this network, by name or by chain id."""
        if _CHAIN_ID.fullmatch(network):
            return int(network, 16) == self.network.chain_id
        return (network or DEFAULT_NETWORK) in (self.network.name, self.did.network)

    def revoke(
        self, entries: Iterable[ListEntry | bytes], sender: Sender, *, job: str | None = None
    ) -> StatusReport:
        """The report of revoking entries and records; as ``apply``."""
        return self.apply(self.wishes(entries, "revoked"), sender, job=job)

    def suspend(
        self, entries: Iterable[ListEntry | bytes], sender: Sender, *, job: str | None = None
    ) -> StatusReport:
        """The report of suspending entries and records; as ``apply``."""
        return self.apply(self.wishes(entries, "suspended"), sender, job=job)

    def reinstate(
        self, entries: Iterable[ListEntry | bytes], sender: Sender, *, job: str | None = None
    ) -> StatusReport:
        """The report of making entries and records valid again; as ``apply``."""
        return self.apply(self.wishes(entries, "valid"), sender, job=job)

    def set_value(
        self,
        entries: Iterable[ListEntry | bytes],
        value: int,
        sender: Sender,
        *,
        job: str | None = None,
    ) -> StatusReport:
        """The report of giving entries and records any value; as ``apply``."""
        return self.apply(self.wishes(entries, value), sender, job=job)

    # -- before ----------------------------------------------------------------------------------

    def plan(self, wishes: Iterable[Wish | RecordWish] | WishSet, sender: Sender) -> StatusPlan:
        """What ``apply`` would send, and its cost. Two round trips.

        Raises:
            InvalidStatusEntry: some wishes cannot be fulfilled; all of them are named.
            NotAuthorized: the sender has no right to some of them.
            DeactivatedError: the identity was given up.
            Reverted, FeeTooHigh, ChainError: as ``Sender.quote``.
        """
        wanted = self._gathered(wishes)
        current = self.read(wanted, sender.address)
        changes = self._changes(wanted, current, sender.address)
        batches = pack(*changes, limits=_limits(current, sender))
        intents = [
            Intent(to=self.reader.address, data=one.call(), purpose=purpose_of(one, self.identity))
            for one in batches[:_QUOTED]
        ]
        return StatusPlan(
            current=current,
            changes=changes,
            batches=batches,
            unchanged=wanted.count - sum(plan.changes for plan in changes),
            quote=sender.quote(intents),
            warnings=tuple(self._warnings(wanted, current, sender)),
        )

    def read(self, wishes: WishSet, actor: Address) -> Current:
        """What the chain says; the identity is not given up. One round trip.

        Raises:
            InvalidStatusEntry: a list is kept off chain.
            DeactivatedError: the identity was given up.
            RegistryMissing, InvalidConfiguration, WrongChain, ChainError: it could not be found out.
        """
        current: Current = self.door.run(
            self.reader.read(wishes, actor=actor, authorities=self._authorities)
        )
        current.check_active()
        return current

    def _gathered(self, wishes: Iterable[Wish | RecordWish] | WishSet) -> WishSet:
        wanted = wishes if isinstance(wishes, WishSet) else gather(wishes)
        if not wanted.count:
            raise InvalidStatusEntry("there is nothing to change")
        for list_id in wanted.anchored.lists:
            raise InvalidStatusEntry(
                f"list {list_id.text} is kept off chain",
                hint="Publish its next version: `ethr-did status publish`.",
                list_id=list_id.text,
            )
        return wanted

    def _warnings(self, wishes: WishSet, current: Current, sender: Sender) -> Iterable[str]:
        keys = status_delegates(current.events, at=current.head.timestamp, list_ids=wishes.lists)
        for key in keys:
            if key.valid and key.survived:
                yield (
                    f"{to_checksum_address(key.delegate)} may still write statuses ({key.name}) by "
                    "the word of an earlier owner: revoke it"
                )
        jobs = self._jobs(sender)
        if jobs.name_of(wishes) in jobs.names():
            yield "a job with the same wishes was interrupted: it is taken up, not begun anew"

    # -- changing --------------------------------------------------------------------------------

    def apply(
        self,
        wishes: Iterable[Wish | RecordWish] | WishSet,
        sender: Sender,
        *,
        job: str | None = None,
        on_progress: Callable[[StatusProgress], object] = lambda _: None,
    ) -> StatusReport:
        """The report of a change, mined, in as few transactions as it takes.

        The same wishes that an earlier run left unfinished are taken up: what was mined is not
        repeated, and what somebody else changed since is not overwritten.

        Args:
            wishes: about lists on chain and records.
            sender: of the owner, or of a status key.
            job: a name to take it up by; None for one that follows from the wishes.
            on_progress: is told after each step.

        Raises:
            InvalidStatusEntry: some wishes cannot be fulfilled; all of them are named, none is.
            NotAuthorized: the sender has no right to some of them.
            DeactivatedError: the identity was given up.
            StatusConflict: others were faster again and again; the job can be taken up.
            TransactionError, SignerError, ChainError: as ``Sender.send_many``; the job can be
                taken up.
        """
        wanted = self._gathered(wishes)
        jobs = self._jobs(sender)
        name = job or jobs.name_of(wanted)
        held = jobs.find(name)
        if held is not None and held.wishes != wanted:
            held.close()
            raise InvalidOption(
                f"the job {name} is about other wishes",
                hint="Resume it first, or choose another name.",
                name=name,
            )
        return self._carry_out(wanted, sender, name=name, held=held, on_progress=on_progress)

    def resume(
        self,
        job: str,
        sender: Sender,
        *,
        on_progress: Callable[[StatusProgress], object] = lambda _: None,
    ) -> StatusReport:
        """The report of a job that was interrupted; errors as ``apply``.

        Raises:
            NotFoundError: there is no such job.
        """
        held = self._found(self._jobs(sender), job)
        return self._carry_out(held.wishes, sender, name=job, held=held, on_progress=on_progress)

    def abandon(self, job: str, sender: Sender) -> None:
        """Nothing; of a job that was interrupted no more is planned.

        What is signed already may be sent by anybody who has it: it is brought to its end first.

        Raises:
            NotFoundError: there is no such job.
            TransactionError: another process works on it, or a transaction is not mined in time.
        """
        held = self._found(self._jobs(sender), job)
        try:
            settle_earlier(sender, self.reader.address, held)
            held.finish()
        finally:
            held.close()

    def open_jobs(self, sender: Sender) -> list[str]:
        """The names of the sender's jobs that are not finished, those for other issuers included."""
        return self._jobs(sender).names()

    def _jobs(self, sender: Sender) -> Jobs:
        return Jobs(sender.journal, registry=self.reader.address, identity=self.identity)

    @staticmethod
    def _found(jobs: Jobs, name: str) -> Job:
        held = jobs.find(name)
        if held is None:
            raise NotFoundError(
                f"there is no unfinished job {name}",
                hint=nearest(name, jobs.names()),
                name=name,
            )
        return held

    def _carry_out(
        self,
        wishes: WishSet,
        sender: Sender,
        *,
        name: str,
        held: Job | None,
        on_progress: Callable[[StatusProgress], object],
    ) -> StatusReport:
        try:
            receipts = settle_earlier(sender, self.reader.address, held)
            current = self.read(wishes if held is None else held.left, sender.address)
            batches: tuple[Batch, ...] | None = None
            if held is None:
                batches = self._batches(wishes, current, sender)
                if not batches:
                    return StatusReport(
                        job=name, wished=wishes.count, changed=0, conflicts=(), receipts=()
                    )
                held = self._jobs(sender).create(name, wishes, current.stored)
            execution = self._execution(held, current, sender, on_progress)
            if batches is None:
                batches = execution.plan(held.left, current.stored)
            execution.run(batches)
            held.finish()
            return StatusReport(
                job=name,
                wished=wishes.count,
                changed=held.changes_done,
                conflicts=execution.conflicts,
                receipts=(*receipts, *execution.receipts),
                reverted=tuple(execution.reverted),
            )
        finally:
            if held is not None:
                held.close()

    def _batches(self, wishes: WishSet, current: Current, sender: Sender) -> tuple[Batch, ...]:
        changes = self._changes(wishes, current, sender.address)
        return pack(*changes, limits=_limits(current, sender))

    def _changes(self, wishes: WishSet, current: Current, actor: Address) -> tuple[ChangePlan, ...]:
        return plan_by_right(
            wishes, current.stored, current.rights, identity=self.identity, actor=actor
        )

    def _execution(
        self,
        job: Job,
        current: Current,
        sender: Sender,
        on_progress: Callable[[StatusProgress], object],
    ) -> Execution:
        return Execution(
            self.reader,
            self.door,
            sender,
            job=job,
            rights=current.rights,
            limits=_limits(current, sender),
            in_flight=self._in_flight,
            on_progress=on_progress,
            sleep=self._sleep,
        )

    # -- messages --------------------------------------------------------------------------------

    def sign(
        self,
        wishes: Iterable[Wish | RecordWish] | WishSet,
        signer: Signer,
        *,
        account: Address | None = None,
        deadline: int | None = None,
        lifetime: int | None = None,
        force: bool = False,
    ) -> tuple[StatusRelayMessage, ...]:
        """The wishes, signed for anyone to submit; no gas is needed. One round trip.

        They may be submitted in any order. A message that does more than final revocations is
        good while the words and records that it changes are as they are now.

        Args:
            wishes: about lists on chain and records.
            signer: of the owner, or of a status key.
            account: a contract that accepts the signer's signatures and has the right; None for
                the signer itself, or for the owner if that is a contract.
            deadline: Unix seconds of the last block that may take it.
            lifetime: instead, seconds from the newest block; an hour if neither is given.
            force: take a deadline more than a day away.

        Returns:
            One message for each transaction; none if all is so already.

        Raises:
            InvalidStatusEntry: some wishes cannot be fulfilled; all of them are named.
            InvalidOption: the deadline has passed, or is more than a day away.
            NotAuthorized: the signer has no right to some of them.
            DeactivatedError: the identity was given up.
            SignerError: it was not signed.
        """
        return self._relay.sign(
            self._gathered(wishes),
            signer,
            authorities=self._authorities,
            account=account,
            deadline=deadline,
            lifetime=lifetime,
            force=force,
        )

    def plan_submit(self, message: StatusRelayMessage, sender: Sender) -> StatusSubmission:
        """What ``submit`` would cost, with the same checks. Two round trips."""
        return self._relay.submission(message, sender)

    def submit(self, message: StatusRelayMessage, sender: Sender) -> Receipt:
        """The receipt of a change that was signed elsewhere; the sender pays.

        Everything in the message is checked against the chain first: one round trip.

        Raises:
            InvalidChange: for another chain, contract or identity; too late, or too early.
            DeactivatedError: the identity was given up.
            NotAuthorized: not signed by its signer, or the signer has not the right.
            StatusConflict: what it expects is not there any more.
            TransactionError, SignerError, ChainError: as ``Sender.send``.
        """
        intent = self._relay.intent(message)
        if not sender.is_open([intent]):
            self._relay.check(message)
        return sender.send(intent)


def _limits(current: Current, sender: Sender) -> Limits:
    return Limits.of_block(current.gas_limit, margin=sender.rules.gas_margin)

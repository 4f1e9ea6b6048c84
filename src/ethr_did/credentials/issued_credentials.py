"""Credentials after they were issued: looked up, revoked, anchored.

Rules:
  1. A credential is revoked by its reference: where its status is, the record says. Once is enough.
  2. Credentials are anchored when they were handed over, all that have no anchor yet under one. The
     proofs are kept before the anchor is written: nobody can make them again.
  3. For none of it the key that signed is needed, but for what changes on chain a sender with a right
     to it.

Spec: docs/decisions/0008-existence-anchors.md; docs/credential-status.md.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from ethr_did.core.did import EthrDID
from ethr_did.core.status_entry import ListEntry
from ethr_did.core.status_wishes import parse_status
from ethr_did.credentials.anchoring import (
    ANCHOR_VALUE,
    MAX_BATCH,
    ExistenceProof,
    plan_anchor,
)
from ethr_did.credentials.issued import Revocation
from ethr_did.credentials.records import Records, RecordState, issuer_label
from ethr_did.errors import (
    InvalidConfiguration,
    InvalidInput,
    InvalidOption,
    InvalidStatusEntry,
    NotFoundError,
    shown,
)
from ethr_did.status.issuing import StatusIssuer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ethr_did.chain.networks import Network
    from ethr_did.chain.transactions import Sender
    from ethr_did.credentials.records import IssuanceRecord
    from ethr_did.status.execution import Door
    from ethr_did.status.store import StatusStore

__all__ = ["IssuedCredentials"]


class IssuedCredentials:
    """The credentials of one issuer, in its database and on chain."""

    def __init__(
        self,
        did: str,
        *,
        random: Callable[[int], bytes],
        store: StatusStore | None,
        network: Network | None = None,
        chain: Door | None = None,
    ) -> None:
        """Access to them; nothing is asked yet.

        Args:
            did: of the issuer.
            random: as many secret random bytes as it is asked for: ``secrets.token_bytes``.
            store: the database; None: nothing is remembered.
            network: of the issuer, for statuses and anchors.
            chain: the way to its nodes; None for that of the network.
        """
        self.did = did
        self._random = random
        self._store = store
        self._records = None if store is None else Records(store, random=random)
        self._network = network
        self._door = chain

    def find(self, reference: str) -> IssuanceRecord:
        """The record of a credential of this issuer.

        Raises:
            NotFoundError: there is none.
        """
        return self._require_records().find(reference, issuer=issuer_label(self.did))

    def revoke(self, reference: str, sender: Sender | None, *, now: int) -> Revocation:
        """What became of revoking a credential; once is enough.

        Args:
            reference: of the credential.
            sender: of the owner or a status key; None does for a list kept off chain.
            now: Unix seconds.

        Raises:
            NotFoundError: there is no such credential.
            InvalidStatusEntry: it has no status, or one that cannot say "revoked".
            InvalidOption: its status is on chain, and there is no sender.
            TransactionError, SignerError, ChainError, DeactivatedError: as ``StatusIssuer.apply``.
        """
        record = self.find(reference)
        allocation = record.allocation
        if allocation is None:
            raise InvalidStatusEntry(
                f"the credential {shown(reference)} was issued without a status",
                hint="Nothing can revoke it but its expiry.",
            )
        list_id, stored = allocation.list.list_id, allocation.list
        value = parse_status("revoked", purpose=list_id.purpose, bits=list_id.bits)
        report = None
        if isinstance(allocation.entry, ListEntry):
            if sender is None:
                raise InvalidOption("the status is on chain: somebody has to send the change")
            report = self._status_issuer().revoke([allocation.entry], sender)
            report.check()
        else:
            self._require_store().set_values(stored, {allocation.index: value})
        self._require_records().note_revoked(record, now=now)
        return Revocation(reference=reference, report=report, to_publish=report is None)

    # -- anchors ---------------------------------------------------------------------------------

    def anchor(
        self, references: Sequence[str], sender: Sender, *, now: int
    ) -> dict[str, ExistenceProof]:
        """The proofs of existence of credentials, after their anchor is on chain.

        All that have none yet share one. Done again after a crash, the proofs are the same.

        Args:
            references: of credentials that were handed over.
            sender: of the owner or a status key.
            now: Unix seconds.

        Raises:
            NotFoundError: one of them is not in the database.
            InvalidOption: one of them was not handed over yet.
            TransactionError, SignerError, ChainError, DeactivatedError: as ``StatusIssuer.apply``.
        """
        records = self._require_records()
        issuer = self._status_issuer()
        found = self._confirmed(references)
        for part in _parts([one for one in found if one.proof is None]):
            digests = [one.digest for one in part if one.digest is not None]
            plan = plan_anchor(digests, registry=issuer.registry, random=self._random)
            records.keep_proofs(zip(part, plan.proofs, strict=True))
        found = self._confirmed(references)
        keys = {
            one.proof.key(one.digest)
            for one in found
            if one.proof is not None and one.digest is not None and one.anchored_at is None
        }
        if keys:
            issuer.set_value(sorted(keys), ANCHOR_VALUE, sender).check()
            records.note_anchored(found, now=now)
        return {one.reference: one.proof for one in found if one.proof is not None}

    def _confirmed(self, references: Sequence[str]) -> list[IssuanceRecord]:
        known = self._require_records().find_many(issuer_label(self.did), references)
        for reference in references:
            if reference not in known:
                raise NotFoundError(
                    f"the database has no credential {shown(reference)}",
                    hint="Only what was issued with it can be anchored.",
                )
            if known[reference].state in (RecordState.PREPARED, RecordState.SIGNED):
                raise InvalidOption(
                    f"the credential {shown(reference)} was not handed over yet",
                    hint="It could still be signed anew. Hand it over, and confirm it.",
                )
        return [known[reference] for reference in references]

    # -- parts -----------------------------------------------------------------------------------

    def _identity(self) -> EthrDID:
        try:
            return EthrDID.parse(self.did)
        except InvalidInput as cause:
            raise InvalidOption(
                f"statuses and anchors are of did:ethr identities, not of {shown(self.did)}"
            ) from cause

    def _status_issuer(self) -> StatusIssuer:
        return StatusIssuer(self._require_network(), self._identity(), chain=self._door)

    def _require_network(self) -> Network:
        if self._network is None:
            raise InvalidConfiguration("statuses and anchors need the network of the issuer")
        return self._network

    def _require_store(self) -> StatusStore:
        if self._store is None:
            raise InvalidConfiguration("without a database nothing is remembered")
        return self._store

    def _require_records(self) -> Records:
        self._require_store()
        return cast("Records", self._records)


def _parts(records: Sequence[IssuanceRecord]) -> Iterator[Sequence[IssuanceRecord]]:
    for start in range(0, len(records), MAX_BATCH):
        yield records[start : start + MAX_BATCH]

"""Issuing credentials: checked, recorded together with their status, signed, handed over, replaced.

Rules:
  1. Before anything is signed: the issuer's DID is resolved, and the key is one of its
     ``assertionMethod`` now; claims, holder and validity are as they have to be; the status entry is
     handed out in the transaction that makes the record.
  2. Nothing is done twice. What a crash interrupted is asked for again by its reference: the entry is
     the same, and so is what is signed, down to the salts of an SD-JWT. What was handed over is not
     signed again; who lost it gets another one, and the old one is revoked.
  3. A credential is read again, and its signature verified, before it is given out.
  4. Whoever gets a credential says so (``confirm``): then what could make it again is deleted.
  5. Without a database nothing is remembered: there is no status, and no second time.

Round trips: one to resolve the issuer for each credential, or for each hundred of a batch.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from ethr_did.credentials.composing import check_entry_form, compose
from ethr_did.credentials.issued import (
    Issued,
    IssueProgress,
    IssueReport,
    Reissued,
    Revocation,
)
from ethr_did.credentials.issued_credentials import IssuedCredentials
from ethr_did.credentials.issuer_keys import SigningMethod, find_signing_method
from ethr_did.credentials.records import Draft, RecordState, issuer_label, next_reference
from ethr_did.credentials.signing import Stream, check_key_kind, sign_request
from ethr_did.errors import InvalidOption, shown
from ethr_did.status.stored import ListForm

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ethr_did.chain.networks import Network
    from ethr_did.chain.transactions import Sender
    from ethr_did.credentials.credential import Raw
    from ethr_did.credentials.issue_request import IssueRequest
    from ethr_did.credentials.records import IssuanceRecord
    from ethr_did.credentials.signing_keys import SigningKey
    from ethr_did.did_methods import ResolvesDIDs
    from ethr_did.status.execution import Door
    from ethr_did.status.store import StatusStore
    from ethr_did.status.stored import StoredList

__all__ = [
    "CredentialIssuer",
    "IssueProgress",
    "IssueReport",
    "Issued",
    "Reissued",
    "Revocation",
]

_AT_ONCE: Final = 100
"""Credentials of a batch that are recorded and delivered together."""

_REFERENCE_LENGTH = 16


class CredentialIssuer(IssuedCredentials):
    """Issues credentials of one DID with one key, and takes care of them afterwards."""

    def __init__(
        self,
        did: str,
        key: SigningKey,
        dids: ResolvesDIDs,
        *,
        random: Callable[[int], bytes],
        store: StatusStore | None = None,
        statuses: StoredList | None = None,
        roll_over: bool = False,
        network: Network | None = None,
        chain: Door | None = None,
        method_id: str | None = None,
    ) -> None:
        """An issuer; nothing is asked yet.

        Args:
            did: of the issuer.
            key: that signs.
            dids: resolves the issuer's DID.
            random: as many secret random bytes as it is asked for: ``secrets.token_bytes``.
            store: the database; None: nothing is remembered.
            statuses: the list that statuses are handed out from; None: credentials have none.
            roll_over: whether a new list is made when that one is full.
            network: of the issuer, for statuses and anchors.
            chain: the way to its nodes; None for that of the network.
            method_id: the verification method to sign for; None: the one that has the key.

        Raises:
            InvalidOption: a list without a database, or of another issuer or network.
        """
        super().__init__(did, random=random, store=store, network=network, chain=chain)
        self.key = key
        self._dids = dids
        self._statuses = statuses
        self._roll_over = roll_over
        self._method_id = method_id
        if statuses is not None:
            self._check_list(statuses)

    def _check_list(self, statuses: StoredList) -> None:
        if self._store is None:
            raise InvalidOption("statuses are handed out by a database, and there is none")
        network = self._require_network()
        whose = (self._identity().address, network.chain_id)
        if (statuses.identity, statuses.contract.chain_id) != whose:
            raise InvalidOption(
                f"the list {statuses.list_id.text} is another issuer's, or on another chain",
                hint="Choose one of this issuer's: `ethr-did status list show --issuer DID`.",
            )

    # -- who -------------------------------------------------------------------------------------

    def method(self) -> SigningMethod:
        """The verification method that is signed for, as it is now. One round trip.

        Raises:
            InvalidKey: the key is not in the issuer's ``assertionMethod`` now.
            DeactivatedError: the issuer gave up its identity.
            NotFoundError, ChainError, FetchError: its document is not there, or was not read.
        """
        (resolved,) = self._dids.resolve_many([self.did])
        document = resolved.require_document()
        return find_signing_method(document, self.key.public, method_id=self._method_id)

    # -- issuing ---------------------------------------------------------------------------------

    def issue(self, request: IssueRequest, *, now: int) -> Issued:
        """A credential, signed.

        Hand it over, and then ``confirm`` it.

        Args:
            request: what is asked for.
            now: Unix seconds.

        Raises:
            InvalidClaims, InvalidValidity, InvalidOption: the request cannot be fulfilled; nothing
                was signed.
            InvalidOption: under this reference a credential was handed over already, or another one
                was signed.
            InvalidKey, DeactivatedError, NotFoundError, ChainError, FetchError: see ``method``.
            StoreError: the list is full, or the database cannot be used.
            SignerError: it was not signed.
        """
        done, skipped = self._issue([request], self.method(), now)
        if skipped:
            raise _handed_over(skipped[0])
        return done[0]

    def issue_many(
        self,
        requests: Sequence[IssueRequest],
        *,
        clock: Callable[[], int],
        deliver: Callable[[Sequence[Issued]], object],
        on_progress: Callable[[IssueProgress], object] = lambda _: None,
        at_once: int = _AT_ONCE,
    ) -> IssueReport:
        """The report of a batch. What was handed over before is left out; errors as ``issue``.

        After a crash, ``confirm`` what was delivered, and do the same again.

        Args:
            requests: each with a reference of its own.
            clock: Unix seconds.
            deliver: takes credentials, and returns when they cannot be lost any more.
            on_progress: is told after each delivery.
            at_once: how many are delivered together.
        """
        _check_references(requests)
        issued = skipped = 0
        for start in range(0, len(requests), at_once):
            part = requests[start : start + at_once]
            done, before = self._issue(part, self.method(), clock())
            deliver(done)
            self._note_issued([one.record for one in done if one.record is not None])
            issued, skipped = issued + len(done), skipped + len(before)
            on_progress(IssueProgress(done=start + len(part), total=len(requests)))
        return IssueReport(
            issued=issued,
            skipped=skipped,
            references=tuple(str(one.reference) for one in requests),
        )

    def confirm(self, *raws: Raw) -> int:
        """How many of these credentials were not known to be handed over.

        From now on nothing more is signed under their references, and what could make them again is
        deleted. Those that are not this database's are passed over.

        Raises:
            InvalidCredential: one of them is none.
        """
        from ethr_did.credentials.reading import read_credential

        digests = [read_credential(raw).digest for raw in raws]
        if self._records is None:
            return 0
        found = self._records.find_digests(digests)
        new = [one for one in found if one.state is RecordState.SIGNED]
        self._note_issued(new)
        return len(new)

    def _note_issued(self, records: Sequence[IssuanceRecord]) -> None:
        if self._records is not None and records:
            self._records.note_issued(records)

    def _issue(
        self, requests: Sequence[IssueRequest], method: SigningMethod, now: int
    ) -> tuple[list[Issued], list[IssuanceRecord]]:
        """What was signed, and the records of what had been handed over before."""
        for request in requests:
            self._check(request, method, now)
        if self._records is None:
            made = [self._signed(one, method, now, record=None) for one in requests]
            return made, []
        drafts = [self._draft(request, now) for request in requests]
        records = self._records.prepare(
            issuer_label(method.issuer),
            drafts,
            stored=self._statuses,
            now=now,
            roll_over=self._roll_over,
        )
        pairs = list(zip(requests, records, strict=True))
        open_ = [pair for pair in pairs if pair[1].seed is not None]
        made = [self._signed(one, method, record.issued_at, record) for one, record in open_]
        self._records.note_signed(
            (record, one.digest) for (_, record), one in zip(open_, made, strict=True)
        )
        return made, [record for _, record in pairs if record.seed is None]

    def _check(self, request: IssueRequest, method: SigningMethod, now: int) -> None:
        """Raises unless the request can be fulfilled."""
        check_key_kind(request.format, method.key)
        if self._statuses is not None:
            is_token = self._statuses.form is ListForm.TOKEN
            check_entry_form(request.format, is_token=is_token)
        compose(request, issuer=method.issuer, issued_at=now, entry=None)

    def _draft(self, request: IssueRequest, now: int) -> Draft:
        reference = request.reference
        return Draft(
            reference=self._random(_REFERENCE_LENGTH).hex() if reference is None else reference,
            format=request.format,
            type=request.type,
            content=request.content,
            valid_until=request.window(now)[1],
        )

    def _signed(
        self,
        request: IssueRequest,
        method: SigningMethod,
        issued_at: int,
        record: IssuanceRecord | None,
    ) -> Issued:
        allocation = None if record is None else record.allocation
        entry = None if allocation is None else allocation.entry
        seed = None if record is None else record.seed
        raw, digest = sign_request(
            request,
            self.key,
            method,
            issued_at=issued_at,
            entry=entry,
            random=self._random if seed is None else Stream(seed),
        )
        return Issued(
            reference=(request.reference or "") if record is None else record.reference,
            format=request.format,
            raw=raw,
            digest=digest,
            issued_at=issued_at,
            entry=entry,
            record=record,
        )

    # -- replacing -------------------------------------------------------------------------------

    def reissue(
        self,
        reference: str,
        request: IssueRequest,
        sender: Sender | None,
        *,
        now: int,
        deliver: Callable[[Issued], object],
    ) -> Reissued:
        """A credential in the place of another, which is revoked when the new one was handed over.

        Done again after a crash, it goes on where it stopped; errors as ``issue`` and ``revoke``.

        Args:
            reference: of the old one.
            request: for the new one; without a reference it gets the next one.
            sender: see ``revoke``.
            now: Unix seconds.
            deliver: takes the new one, and returns when it cannot be lost any more.
        """
        old = self.find(reference)
        new = old.replaced_by or request.reference or next_reference(reference)
        if request.reference not in (None, new):
            raise InvalidOption(f"the credential {shown(reference)} was replaced by {shown(new)}")
        done, skipped = self._issue([replace(request, reference=new)], self.method(), now)
        self._require_records().note_replaced(old, self.find(new))
        for one in done:
            deliver(one)
            self.confirm(one.raw)
        is_open = old.allocation is not None and old.state is not RecordState.REVOKED
        return Reissued(
            reference=new,
            issued=None if skipped else done[0],
            revocation=self.revoke(reference, sender, now=now) if is_open else None,
        )


def _handed_over(record: IssuanceRecord) -> InvalidOption:
    done = "revoked" if record.state is RecordState.REVOKED else "handed over"
    return InvalidOption(
        f"the credential {shown(record.reference)} was {done} already",
        hint="Its holder has lost it? Issue another one in its place: `ethr-did credential "
        "reissue`.",
        reference=record.reference,
    )


def _check_references(requests: Iterable[IssueRequest]) -> None:
    if any(one.reference is None for one in requests):
        raise InvalidOption(
            "a credential of a batch has no reference",
            hint="Without one nobody could tell after a crash which were issued.",
        )

"""Status lists that no chain vouches for: fetched, their signature verified, and read.

Rules:
  1. The list is one that ``list_credentials.py`` reads.
  2. It is signed by the issuer of the credential, and by nobody else, with a key that its document
     lists today for ``assertionMethod``.
  3. Address, issuer, time, purpose, entry size and length are checked as ``core/list_checks.py``
     says, each time a status is read.
  4. **An old list can be replayed until it expires.** No chain says which version is the current
     one, and no version is remembered: whoever serves the list, or holds a copy on the way, can
     show one from before a revocation. A list that names no end is therefore good for a week after
     its start, and one that names neither is not good at all. Issuers who want more anchor their
     lists.
  5. A list that was read is kept by its address, for as long as ``status/list_shelf.py`` says, and
     not beyond its end. Its key is looked for in the issuer's document each time.
  6. Whatever is wrong makes the status undetermined. A list that cannot be believed says neither
     "valid" nor "revoked".

Lists are fetched a few at a time, each once in a run. That the credential is its issuer's is a
matter of the caller, and comes first: the address of a list is the word of whoever wrote the entry.

Spec: Bitstring Status List 1.0, section 3.2; Token Status List, draft 21, sections 8.3 and 11.
"""

from __future__ import annotations

import itertools
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias, TypeVar

from ethr_did.core.bitstring import MAX_LIST_BYTES, MIN_W3C_ENTRIES, Bitstring
from ethr_did.core.list_checks import (
    CHECKS,
    Expected,
    ListDocument,
    expand,
    value_in,
)
from ethr_did.core.list_documents import (
    ACCEPT,
    DocumentForm,
    StatusError,
    check_length,
    list_error,
)
from ethr_did.core.status_answer import Status, kind_of, undetermined
from ethr_did.core.status_entry import (
    BitstringEntry,
    TokenEntry,
    entry_from_dict,
)
from ethr_did.core.status_list import Purpose as StatusPurpose
from ethr_did.credentials.did_comparison import is_same_did
from ethr_did.credentials.list_credentials import MAX_LIST_TOKEN, read_signed_list
from ethr_did.credentials.questions import Fetch, Question, Resolve
from ethr_did.credentials.verification_methods import Purpose, find_key
from ethr_did.errors import EthrDIDError, InvalidCredential, InvalidInput, InvalidStatusList, shown
from ethr_did.status.list_shelf import Shelf, seconds_to_keep

if TYPE_CHECKING:
    from ethr_did.chain.networks import Networks
    from ethr_did.credentials.credential import Proof
    from ethr_did.credentials.keys import Algorithm, PublicKey
    from ethr_did.credentials.policy import Policy
    from ethr_did.did_methods.resolved import ResolvedDID
    from ethr_did.fetching import Fetched

__all__ = ["MAX_AGE", "SignedEntry", "SignedLists", "unanchored_entry"]

T = TypeVar("T")

MAX_AGE: Final = 7 * 86_400
"""Seconds since its start for which a list counts that names no end."""

_AT_ONCE = 8
"""Lists that are fetched together, and then dropped but for their statuses."""

_Place: TypeAlias = tuple[DocumentForm, str]
"""Of which standard a list is, and where."""

_Steps: TypeAlias = Generator[Question, Any, T]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedEntry:
    """An entry of a list that only its signature vouches for."""

    entry: BitstringEntry | TokenEntry
    """Without an anchor."""
    issuer: str
    """Of the credential, a DID."""

    @property
    def place(self) -> _Place:
        """The list that it is in."""
        if isinstance(self.entry, BitstringEntry):
            return DocumentForm.W3C, self.entry.list_url
        return DocumentForm.IETF, self.entry.uri


def unanchored_entry(entry: object) -> BitstringEntry | TokenEntry | None:
    """The entry, if it is one of a list kept off chain that has no anchor; None for all others.

    Args:
        entry: as it stands in a credential.

    Example:
        >>> unanchored_entry({"status_list": {"idx": 7, "uri": "https://lists.example/1"}})
        TokenEntry(uri='https://lists.example/1', index=7, anchor=None)
        >>> unanchored_entry({"type": "EthereumStatusListEntry"})
    """
    try:
        found = entry_from_dict(entry)
    except InvalidInput:
        return None
    is_listed = isinstance(found, (BitstringEntry, TokenEntry)) and found.anchor is None
    return found if is_listed else None  # type: ignore[return-value]  # one of the two, then


@dataclass(frozen=True, slots=True, kw_only=True)
class _KnownProof:
    """A proof that was verified when the list was fetched."""

    algorithm: Algorithm
    method_id: str
    key: PublicKey

    def check(self, key: PublicKey) -> None:
        """See ``Proof``."""
        if key != self.key:
            raise InvalidCredential(f"{shown(self.method_id)} is another key than it was")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """A list that was fetched, its proof not verified."""

    signer: str
    """A DID."""
    document: ListDocument
    end: int
    """Last good Unix second."""
    proof: Proof
    seconds: int
    """For which it may be kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Believed:
    """A list that is its issuer's."""

    signer: str
    document: ListDocument
    """Without the compressed list."""
    proof: _KnownProof
    statuses: Bitstring


_Found: TypeAlias = _Read | _Believed | EthrDIDError


class SignedLists:
    """Reads statuses in signed lists, and keeps the lists for a while.

    May be used from several threads and tasks.
    """

    def __init__(self, *, most_bytes: int = MAX_LIST_BYTES, max_age: int = MAX_AGE) -> None:
        """A reader; nothing is asked yet.

        Args:
            most_bytes: that a list may hold, uncompressed.
            max_age: seconds since its start for which a list counts that names no end.
        """
        self.most_bytes = most_bytes
        self.max_age = max_age
        self.shelf: Shelf[_Place, _Believed] = Shelf()

    def read(
        self,
        asked: Sequence[SignedEntry],
        policy: Policy,
        *,
        networks: Networks,
        documents: Mapping[str, ResolvedDID],
        now: int,
    ) -> Generator[Question, Any, list[Status]]:
        """Yields what has to be fetched and resolved; returns the status of each entry, in order.

        Args:
            asked: the entries, of credentials whose signature is verified.
            policy: which algorithms are accepted, and how far clocks may differ.
            networks: that tell which DIDs are the same.
            documents: of DIDs that were resolved in this run.
            now: Unix seconds.
        """
        run = _Run(self, policy, networks=networks, documents=documents, now=now)
        by_place: dict[_Place, list[int]] = {}
        for i, one in enumerate(asked):
            by_place.setdefault(one.place, []).append(i)
        answers: dict[int, Status] = {}
        for places in _groups(by_place):
            issuers = {place: {asked[i].issuer for i in by_place[place]} for place in places}
            found = yield from run.lists(issuers)
            for place in places:
                answers |= {i: run.status(asked[i], found[place]) for i in by_place[place]}
        return [answers[i] for i in range(len(asked))]


def _groups(places: Iterable[_Place]) -> Iterable[tuple[_Place, ...]]:
    left = iter(places)
    while group := tuple(itertools.islice(left, _AT_ONCE)):
        yield group


class _Run:
    """One run over some entries."""

    def __init__(
        self,
        lists: SignedLists,
        policy: Policy,
        *,
        networks: Networks,
        documents: Mapping[str, ResolvedDID],
        now: int,
    ) -> None:
        self._lists = lists
        self._policy = policy
        self._networks = networks
        self._documents = dict(documents)
        self._now = now

    # -- lists -----------------------------------------------------------------------------------

    def lists(
        self, issuers: Mapping[_Place, set[str]]
    ) -> _Steps[Mapping[_Place, _Believed | EthrDIDError]]:
        """Each list, or why it cannot be believed.

        Args:
            issuers: for each list those who refer to it; one of them has to have signed it.
        """
        kept: dict[_Place, _Found] = {}
        for place in issuers:
            found = self._lists.shelf.find(place, self._now)
            if found is not None:
                kept[place] = found
        # One whose key has changed may have been published again since.
        good = {
            place: found
            for place, found in (yield from self._believed(kept, issuers)).items()
            if isinstance(found, _Believed)
        }
        fetched = yield from self._fetched([place for place in issuers if place not in good])
        return good | (yield from self._believed(fetched, issuers))

    def _fetched(self, places: Sequence[_Place]) -> _Steps[dict[_Place, _Found]]:
        found: dict[_Place, _Found] = {}
        for form in DocumentForm:
            urls = tuple(url for kind, url in places if kind is form)
            if not urls:
                continue
            answers: Sequence[Fetched | EthrDIDError]
            answers = yield Fetch(urls=urls, accept=ACCEPT[form], most=MAX_LIST_TOKEN)
            for url, answer in zip(urls, answers, strict=True):
                found[form, url] = (
                    answer if isinstance(answer, EthrDIDError) else self._read(form, answer)
                )
        return found

    def _read(self, form: DocumentForm, fetched: Fetched) -> _Read | EthrDIDError:
        try:
            signed = read_signed_list(fetched.content, form)
            end = self._end(signed.document)
        except InvalidInput as error:
            return _list_error(error)
        return _Read(
            signer=signed.signer,
            document=signed.document,
            end=end,
            proof=signed.proof,
            seconds=seconds_to_keep(signed.document, fetched),
        )

    def _end(self, document: ListDocument) -> int:
        """The last second at which the list is good."""
        if document.valid_until is not None:
            return document.valid_until
        if document.valid_from is None:
            raise list_error(
                StatusError.VERIFICATION,
                "the list says neither since when nor until when it is good",
                hint="Without an anchor it could be of any time.",
            )
        return document.valid_from + self._lists.max_age

    # -- whose they are --------------------------------------------------------------------------

    def _believed(
        self, found: Mapping[_Place, _Found], issuers: Mapping[_Place, set[str]]
    ) -> _Steps[dict[_Place, _Believed | EthrDIDError]]:
        """Each list whose proof is its issuer's, the issuer being one of those asked for."""
        ours: dict[_Place, _Read | _Believed] = {}
        answers: dict[_Place, _Believed | EthrDIDError] = {}
        for place, one in found.items():
            if isinstance(one, EthrDIDError):
                answers[place] = one
            elif not any(self._is_same(one.signer, issuer) for issuer in issuers[place]):
                answers[place] = _of_somebody_else(one.signer)
            else:
                ours[place] = one
        yield from self._resolve(one.signer for one in ours.values())
        return answers | {place: self._proven(place, one) for place, one in ours.items()}

    def _is_same(self, one: str, other: str) -> bool:
        return is_same_did(one, other, self._networks)

    def _resolve(self, dids: Iterable[str]) -> _Steps[None]:
        missing = tuple(dict.fromkeys(did for did in dids if did not in self._documents))
        if missing:
            found = yield Resolve(dids=missing)
            self._documents |= zip(missing, found, strict=True)

    def _proven(self, place: _Place, found: _Read | _Believed) -> _Believed | EthrDIDError:
        try:
            known = self._verified(found)
            if isinstance(found, _Believed):
                return found
            limits = Expected(now=self._now, most=self._lists.most_bytes)
            statuses = expand(found.document, limits)
        except EthrDIDError as error:
            return _list_error(error)
        believed = _Believed(
            signer=found.signer,
            document=replace(found.document, valid_until=found.end, encoded=""),
            proof=known,
            statuses=statuses,
        )
        until = min(found.end, self._now + found.seconds)
        self._lists.shelf.put(place, believed, size=len(statuses.data), until=until)
        return believed

    def _verified(self, found: _Read | _Believed) -> _KnownProof:
        """The proof, verified with a key that its issuer has today.

        Raises:
            EthrDIDError: it is none, or the issuer's document is not to be had.
        """
        proof = found.proof
        if proof.algorithm not in self._policy.algorithms:
            raise InvalidCredential(
                f"signatures with {proof.algorithm.value} are not accepted here"
            )
        document = self._documents[found.signer].require_document()
        method, key = find_key(document, proof, Purpose.ASSERTION, now=self._now)
        proof.check(key)
        return _KnownProof(
            algorithm=proof.algorithm, method_id=proof.method_id or method.id, key=key
        )

    # -- statuses --------------------------------------------------------------------------------

    def status(self, asked: SignedEntry, found: _Believed | EthrDIDError) -> Status:
        """The status of one entry."""
        if isinstance(found, EthrDIDError):
            return undetermined(found)
        entry = asked.entry
        try:
            self._check(asked, found.document)
            statuses = _of_width(found.statuses, entry)
            value = value_in(statuses, entry.index)
        except InvalidInput as error:
            return undetermined(error)
        if isinstance(entry, TokenEntry):
            # The values of the IETF are those of a life cycle.
            kind = kind_of(value, purpose=StatusPurpose.LIFECYCLE, bits=statuses.bits)
            return Status(kind=kind, value=value)
        kind = kind_of(value, purpose=entry.purpose, bits=statuses.bits)
        return Status(kind=kind, value=value, message=entry.message_of(value))

    def _check(self, asked: SignedEntry, document: ListDocument) -> None:
        expected = Expected(
            now=self._now,
            url=asked.place[1],
            is_issuer=lambda did: self._is_same(did, asked.issuer),
            skew=self._policy.leeway,
        )
        entry = asked.entry
        if isinstance(entry, BitstringEntry):
            expected = replace(expected, purpose=entry.purpose, bits=entry.bits)
        for check in CHECKS:
            check.run(document, expected)


def _of_width(statuses: Bitstring, entry: BitstringEntry | TokenEntry) -> Bitstring:
    """The statuses as the entry has them: a W3C list need not say how wide its entries are."""
    if isinstance(entry, TokenEntry) or entry.bits == statuses.bits:
        return statuses
    found = replace(statuses, bits=entry.bits)
    check_length(found, MIN_W3C_ENTRIES)
    return found


# -- errors --------------------------------------------------------------------------------------


def _list_error(error: EthrDIDError) -> EthrDIDError:
    """The error as one of the list; what could not be found out stays what it is."""
    if not isinstance(error, InvalidInput) or isinstance(error, InvalidStatusList):
        return error
    made = list_error(
        StatusError.VERIFICATION,
        f"the list cannot be believed: {error.message}",
        hint=error.hint or "Its issuer has to publish it again.",
    )
    made.__cause__ = error
    return made


def _of_somebody_else(signer: str) -> EthrDIDError:
    return list_error(
        StatusError.VERIFICATION,
        f"the list is issued by {shown(signer)}, not by the issuer of the credential",
        hint="Only who issues a credential says whether it is still good.",
    )

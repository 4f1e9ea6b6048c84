"""Lists kept off chain, for verifiers: fetched, compared with what the chain says, and read.

Rules:
  1. A list counts only if the SHA-256 of its bytes is the digest in the current header. Then it is
     the issuer's, whoever served it, and its signature says nothing more. Its statuses must be
     those that the header's root commits to.
  2. The header must not be past its time, nor older than the newest one ever seen, and the document
     must be good by its own words: address, issuer, time, purpose, entry size, length.
  3. Both views count, as for statuses on chain. If the last final version is another one, what it
     said is needed as well. It says the same if its root is the same. Else it is fetched, by its
     digest, from beside the current one. If it is nowhere, nothing positive is known until the
     newest version is final.
  4. A publication takes a moment to reach those who serve it. If what came is another version, the
     right one is looked for beside it, or else the same address is asked once more.
  5. What cannot be fetched is "undetermined". An issuer that withholds a list makes its credentials
     worthless, not valid.
  6. That a terminal list takes no revocation back is the word of its issuer: the contract sees a
     root. Where two versions show that the word was broken, "revoked" stays, by every policy.
  7. A list that was read is kept by its digest for as long as it says itself, at least a minute and
     at most a day; what the chain says is read each time.

The signature of the credential, and the trust in its issuer, are matters of the caller, and come
first: the address of a list is the word of whoever made the credential.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, TypeAlias, TypeVar
from weakref import WeakValueDictionary

from ethr_did.core.bitstring import MAX_LIST_BYTES, Bitstring
from ethr_did.core.list_checks import (
    CHECKS,
    Expected,
    ListDocument,
    expand,
    longest_document,
    read_document,
    value_in,
)
from ethr_did.core.list_documents import ACCEPT, StatusError, form_of, list_error, version_url
from ethr_did.core.status_answer import (
    Finality,
    FinalityPolicy,
    Status,
    StatusKind,
    choose,
    kind_of,
    undetermined,
)
from ethr_did.core.status_entry import BitstringEntry
from ethr_did.core.status_list import INVALID, ListId
from ethr_did.errors import (
    ChainError,
    EthrDIDError,
    FetchError,
    InvalidStatusList,
    StatusUndetermined,
)
from ethr_did.status.list_rules import (
    check_content,
    check_entry,
    check_root,
    check_seen,
    check_succession,
    check_time,
    expected_of,
    header_of,
    known_header,
)
from ethr_did.status.list_shelf import MAX_TTL, MIN_TTL, Shelf, seconds_to_keep

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from ethr_did.core.keys import Address
    from ethr_did.core.status_calls import Header
    from ethr_did.core.status_entry import ContractId
    from ethr_did.fetching import AsyncFetches, Fetched, Fetches
    from ethr_did.status.list_rules import AnchoredEntry
    from ethr_did.status.seen import SeenVersions
    from ethr_did.status.verdicts import AnchoredList, AnchorView

__all__ = [
    "MAX_TTL",
    "MIN_TTL",
    "AnchoredListReader",
    "AsyncAnchoredListReader",
]

T = TypeVar("T")

_Key: TypeAlias = tuple[ListId, bytes, bytes]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fetch:
    """To do: fetch what is at an address."""

    url: str
    accept: str


if TYPE_CHECKING:
    _Steps: TypeAlias = Generator[_Fetch, Fetched, T]
    """Yields what to fetch, is sent what came; a ``FetchError`` is thrown in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """A list that was read."""

    document: ListDocument
    statuses: Bitstring


class _Lists:
    """What both readers share: the rules."""

    def __init__(
        self,
        *,
        seen: SeenVersions,
        clock: Callable[[], float] = time.time,
        most_bytes: int = MAX_LIST_BYTES,
    ) -> None:
        """A reader; nothing is fetched yet.

        Args:
            seen: remembers the versions that were seen.
            clock: Unix seconds.
            most_bytes: that a list may hold, uncompressed.
        """
        self._seen = seen
        self._clock = clock
        self._most_bytes = most_bytes
        self._shelf: Shelf[_Key, _Kept] = Shelf()

    # -- both views ------------------------------------------------------------------------------

    def _read(self, entry: AnchoredEntry, anchored: AnchoredList) -> _Steps[Status]:
        check_entry(entry, anchored)
        self._check_versions(anchored)
        if anchored.policy is FinalityPolicy.FINALIZED:
            view = anchored.finalized
            status = yield from self._status(entry, anchored, view, self._now(anchored, view))
            self._note(anchored, view, status)
            return choose(anchored.policy, latest=status, finalized=status)
        view = anchored.latest
        latest = yield from self._status(entry, anchored, view, self._now(anchored, view))
        self._note(anchored, view, latest)
        finalized = yield from self._final_status(entry, anchored, latest)
        return _chosen(anchored, latest, finalized)

    def _final_status(
        self, entry: AnchoredEntry, anchored: AnchoredList, latest: Status
    ) -> _Steps[Status]:
        """What the last final version says, fetched only where it matters."""
        newest, final = anchored.latest, anchored.finalized
        if isinstance(final, ChainError):
            return undetermined(final)
        if not isinstance(newest, ChainError) and _agree(newest, final, latest):
            return replace(latest, read_at=final.read_at)
        if not _needs_final(anchored, latest):
            return undetermined(_unasked(), read_at=final.read_at)
        # It was good or not at its own block: that its time has run out since was the occasion to
        # publish the newest one.
        now = final.read_at.timestamp if anchored.at_time is None else anchored.at_time
        return (yield from self._status(entry, anchored, final, now))

    # -- one view --------------------------------------------------------------------------------

    def _status(
        self, entry: AnchoredEntry, anchored: AnchoredList, view: AnchorView | ChainError, now: int
    ) -> _Steps[Status]:
        if isinstance(view, ChainError):
            return undetermined(view)
        try:
            return (yield from self._found(entry, anchored, view, now))
        except EthrDIDError as error:
            return undetermined(error, read_at=view.read_at)

    def _found(
        self, entry: AnchoredEntry, anchored: AnchoredList, view: AnchorView, now: int
    ) -> _Steps[Status]:
        list_id = anchored.anchor.list_id
        header = header_of(view, list_id)
        check_time(header, list_id, now)
        statuses = yield from self._statuses(entry, anchored, header, now)
        value = value_in(statuses, entry.index)
        return Status(
            kind=kind_of(value, purpose=list_id.purpose, bits=list_id.bits),
            value=value,
            message=entry.message_of(value) if isinstance(entry, BitstringEntry) else "",
            changed_block=header.block_number,
            changed_at=header.published_at,
            list_version=header.version,
            terminal=list_id.is_terminal and value == INVALID,
            read_at=view.read_at,
            issuer_deactivated=anchored.issuer_deactivated,
        )

    def _statuses(
        self, entry: AnchoredEntry, anchored: AnchoredList, header: Header, now: int
    ) -> _Steps[Bitstring]:
        list_id = anchored.anchor.list_id
        expected = expected_of(list_id, anchored.identity, url=_url_of(entry), now=now)
        expected = replace(expected, most=self._most_bytes)
        key = (list_id, header.content_digest, header.bitmap_root)
        kept = self._shelf.find(key, self._clock())
        if kept is not None:
            _check(kept.document, expected)
            return kept.statuses
        fetched = yield from self._fetched(_url_of(entry), anchored, header)
        document = read_document(fetched.content, form_of(list_id))
        _check(document, expected)
        statuses = expand(document, expected)
        check_root(statuses, list_id, header)
        self._shelf.put(
            key,
            _Kept(document=document, statuses=statuses),
            size=len(statuses.data),
            until=self._clock() + seconds_to_keep(document, fetched),
        )
        return statuses

    def _fetched(self, url: str, anchored: AnchoredList, header: Header) -> _Steps[Fetched]:
        """The document of a version."""
        list_id = anchored.anchor.list_id
        self._check_size(list_id)
        accept = ACCEPT[form_of(list_id)]
        beside = version_url(url, header.content_digest)
        if not _is_current(anchored, header):
            if beside is None:
                raise _gone(list_id, header)
            return _checked(list_id, header, (yield _Fetch(url=beside, accept=accept)))
        fetched = yield _Fetch(url=url, accept=accept)
        if not _is_version(header, fetched):
            try:
                fetched = yield _Fetch(url=beside or url, accept=accept)
            except FetchError as cause:
                raise _other_content(list_id, header) from cause
        return _checked(list_id, header, fetched)

    def _check_size(self, list_id: ListId) -> None:
        size = list_id.capacity * list_id.bits // 8
        if size > self._most_bytes:
            raise InvalidStatusList(
                f"the list {list_id.text} has {size} bytes, more than the {self._most_bytes} "
                "allowed",
                hint="Raise the limit if you trust its issuer with that much memory.",
            )

    # -- versions --------------------------------------------------------------------------------

    def _now(self, anchored: AnchoredList, view: AnchorView | ChainError) -> int:
        if anchored.at_time is not None:
            return anchored.at_time
        block = 0 if isinstance(view, ChainError) else view.read_at.timestamp
        return max(int(self._clock()), block)

    def _check_versions(self, anchored: AnchoredList) -> None:
        list_id = anchored.anchor.list_id
        newest, final = (known_header(view) for view in (anchored.latest, anchored.finalized))
        if newest is not None and final is not None:
            check_succession(list_id, newest, final)
        if not _is_present(anchored):
            return
        place = _place(anchored)
        if newest is not None:
            check_seen(list_id, newest, self._seen.seen_version(*place))
        for header in filter(None, (newest, final)):
            check_content(list_id, header, self._seen.final_digest(*place, header.version))

    def _note(self, anchored: AnchoredList, view: AnchorView | ChainError, status: Status) -> None:
        """Remembers a version whose list was read. Not one that only a node speaks of."""
        header = known_header(view)
        if header is None or status.value is None or not _is_present(anchored):
            return
        place = _place(anchored)
        if header.version > self._seen.seen_version(*place):
            self._seen.note_seen_version(*place, header.version)
        is_final = header == known_header(anchored.finalized)
        if is_final and self._seen.final_digest(*place, header.version) is None:
            self._seen.note_final_version(*place, header.version, header.content_digest)


class AnchoredListReader(_Lists):
    """Reads lists kept off chain, blocking; a ``ListReader`` for ``StatusReader``.

    May be used from several threads.
    """

    def __init__(
        self,
        fetcher: Fetches,
        *,
        seen: SeenVersions,
        clock: Callable[[], float] = time.time,
        most_bytes: int = MAX_LIST_BYTES,
    ) -> None:
        """A reader; nothing is fetched yet.

        Args:
            fetcher: fetches documents.
            seen: remembers the versions that were seen.
            clock: Unix seconds.
            most_bytes: that a list may hold, uncompressed.
        """
        super().__init__(seen=seen, clock=clock, most_bytes=most_bytes)
        self._fetcher = fetcher

    def read(self, entry: AnchoredEntry, anchored: AnchoredList) -> Status:
        """The status of an entry, in the version of the list that the chain names.

        Args:
            entry: with an anchor.
            anchored: what the chain says about the list.

        Raises:
            EthrDIDError: it could not be found out; see also ``Status.reason``.
        """
        steps = self._read(entry, anchored)
        step, found = _advance(steps)
        while step is not None:
            try:
                outcome: Fetched | FetchError = self._fetcher.fetch(step.url, accept=step.accept)
            except FetchError as error:
                outcome = error
            step, found = _advance(steps, outcome)
        return _status(found)


class AsyncAnchoredListReader(_Lists):
    """Reads lists kept off chain, awaited; otherwise as ``AnchoredListReader``.

    Several entries of one list wait for each other, so that it is fetched once.
    """

    def __init__(
        self,
        fetcher: AsyncFetches,
        *,
        seen: SeenVersions,
        clock: Callable[[], float] = time.time,
        most_bytes: int = MAX_LIST_BYTES,
    ) -> None:
        """A reader; arguments as of ``AnchoredListReader``."""
        super().__init__(seen=seen, clock=clock, most_bytes=most_bytes)
        self._fetcher = fetcher
        self._waiting: WeakValueDictionary[ListId, asyncio.Lock] = WeakValueDictionary()

    async def read(self, entry: AnchoredEntry, anchored: AnchoredList) -> Status:
        """As ``AnchoredListReader.read``."""
        lock = self._waiting.setdefault(anchored.anchor.list_id, asyncio.Lock())
        async with lock:
            steps = self._read(entry, anchored)
            # Decoding takes a while, and so may the database of versions seen.
            step, found = await asyncio.to_thread(_advance, steps)
            while step is not None:
                try:
                    outcome: Fetched | FetchError = await self._fetcher.fetch(
                        step.url, accept=step.accept
                    )
                except FetchError as error:
                    outcome = error
                step, found = await asyncio.to_thread(_advance, steps, outcome)
        return _status(found)


def _advance(
    steps: _Steps[Status], outcome: Fetched | FetchError | None = None
) -> tuple[_Fetch | None, Status | None]:
    """What to fetch next, or the answer."""
    try:
        if isinstance(outcome, FetchError):
            return steps.throw(outcome), None
        return steps.send(outcome), None  # type: ignore[arg-type]  # None begins
    except StopIteration as done:
        return None, done.value


def _status(found: Status | None) -> Status:
    assert found is not None  # noqa: S101 - there is an answer once there is nothing to fetch
    return found


def _check(document: ListDocument, expected: Expected) -> None:
    for check in CHECKS:
        check.run(document, expected)


def _agree(newest: AnchorView, final: AnchorView, latest: Status) -> bool:
    """Whether the final version must say what the newest one says."""
    headers = [known_header(view) for view in (newest, final)]
    if headers[0] is None or headers[1] is None:
        return False
    if headers[0] == headers[1]:
        return True
    return latest.value is not None and headers[0].bitmap_root == headers[1].bitmap_root


def _needs_final(anchored: AnchoredList, latest: Status) -> bool:
    """Whether the answer may hang on the final version."""
    if latest.kind is StatusKind.REVOKED:
        return False
    # In a terminal list it may show that a revocation was taken back.
    return anchored.policy is not FinalityPolicy.LATEST or anchored.anchor.list_id.is_terminal


def _chosen(anchored: AnchoredList, latest: Status, finalized: Status) -> Status:
    """The view that counts."""
    was_undone = finalized.terminal and latest.value not in (None, finalized.value)
    policy = FinalityPolicy.STRICTEST if was_undone else anchored.policy
    chosen = choose(policy, latest=latest, finalized=finalized)
    # Whatever the final version says, the one that was read is not final.
    is_pending = chosen.finality is Finality.UNKNOWN and chosen.value is not None
    if is_pending and _is_newer(anchored):
        return replace(chosen, finality=Finality.PENDING)
    return chosen


def _is_newer(anchored: AnchoredList) -> bool:
    """Whether the newest version is known not to be the final one."""
    newest, final = (known_header(view) for view in (anchored.latest, anchored.finalized))
    return None not in (newest, final) and newest != final


def _place(anchored: AnchoredList) -> tuple[ContractId, Address, ListId]:
    """What the list is known by."""
    return anchored.anchor.registry, anchored.identity, anchored.anchor.list_id


def _is_current(anchored: AnchoredList, header: Header) -> bool:
    """Whether a version is the one that is served now."""
    newest = anchored.latest
    return isinstance(newest, ChainError) or newest.head == header.head


def _is_present(anchored: AnchoredList) -> bool:
    """Whether the versions are those of now, and not those of a time or of a former issuer."""
    return anchored.at_time is None and anchored.issuer_deactivated is None


def _url_of(entry: AnchoredEntry) -> str:
    return entry.list_url if isinstance(entry, BitstringEntry) else entry.uri


def _is_version(header: Header, fetched: Fetched) -> bool:
    return sha256(fetched.content).digest() == header.content_digest


def _checked(list_id: ListId, header: Header, fetched: Fetched) -> Fetched:
    if not _is_version(header, fetched):
        raise _other_content(list_id, header)
    longest = longest_document(list_id.capacity, list_id.bits)
    if len(fetched.content) > longest:
        raise list_error(
            StatusError.MALFORMED,
            f"the list has {len(fetched.content)} bytes, more than the {longest} it can need",
        )
    return fetched


def _other_content(list_id: ListId, header: Header) -> InvalidStatusList:
    return list_error(
        StatusError.VERIFICATION,
        f"what is served as list {list_id.text} is not version {header.version}, the one that the "
        "chain names: its SHA-256 is another one",
        hint="A new version may be on its way: ask again in a minute. If it stays so, an old or "
        "false list is served.",
    )


def _gone(list_id: ListId, header: Header) -> StatusUndetermined:
    return StatusUndetermined(
        f"version {header.version} of list {list_id.text} is not the current one, and its address "
        "says nothing about earlier ones",
        hint="Ask again when the newest version is final.",
        list_id=list_id.text,
        version=header.version,
    )


def _unasked() -> StatusUndetermined:
    return StatusUndetermined("nobody needed the last final version of the list")

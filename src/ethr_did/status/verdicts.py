"""From what the contracts of one network say to answers about credentials.

Rules:
  1. A status is followed back until a change that counts: up to the block or time that is asked
     about, and before the event by which the issuer gave up its identity.
  2. The newest block and the last finalised one are judged apart, and then by the policy.
  3. An identity whose history cannot be read takes no other along: they are read apart.
  4. Of a list kept off chain the version that counts is found here; reading it is the work of a
     ``ListReader``.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

from ethr_did.chain.answer import Head, parse_head
from ethr_did.chain.request import ask, attempt, combine, get_block
from ethr_did.core.erc1056 import Event, OwnerChanged
from ethr_did.core.keys import ZERO_ADDRESS, Address
from ethr_did.core.status_answer import (
    FinalityPolicy,
    Moment,
    Status,
    choose,
    kind_of,
    stricter,
    undetermined,
)
from ethr_did.core.status_calls import NO_HEADER, Header, LensAnswer, LensKind, LensQuestion
from ethr_did.core.status_entry import (
    Anchor,
    BitstringEntry,
    Entry,
    KeyedRecord,
    ListEntry,
    RecordEntry,
    Registry2019Entry,
    Registry2022Entry,
    TokenEntry,
)
from ethr_did.core.status_history import (
    Changes,
    Found,
    Limit,
    Point,
    Trail,
    entry_changes,
    follow_back,
    record_changes,
    version_before,
)
from ethr_did.core.status_list import INVALID, ListId, Purpose
from ethr_did.errors import (
    ChainError,
    ChainMoved,
    EthrDIDError,
    HistoryMissing,
    InvalidAnswer,
    NodeInconsistent,
    NotFoundError,
    RangeRefused,
)
from ethr_did.registries.anchor_registry import AnchorRegistry
from ethr_did.registries.status_registry import StatusRegistry
from ethr_did.status.legacy import Past, read_registry_2019, read_registry_2022
from ethr_did.status.snapshot import ATTEMPTS, Snapshot, View, Wanted, read_snapshot
from ethr_did.status.trails import Way, check_same, walk

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ethr_did.chain.networks import Network
    from ethr_did.chain.request import Steps
    from ethr_did.core.status_events import ListAnchored

__all__ = [
    "AnchorView",
    "AnchoredList",
    "Asking",
    "End",
    "Target",
    "Verdict",
    "aged",
    "changes_of",
    "deactivated_at",
    "end_of",
    "limit_of",
    "moment_of",
    "not_yet",
    "read_verdicts",
    "too_old",
    "way_of",
]

T = TypeVar("T")

_OF_ONE_IDENTITY = (HistoryMissing, NodeInconsistent, InvalidAnswer, RangeRefused)
"""Errors that may concern a single identity of a batch: the others are then asked for again."""

_LATEST, _FINALIZED = 0, 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """How statuses are asked for."""

    policy: FinalityPolicy = FinalityPolicy.STRICTEST
    limit: Limit = Limit()  # noqa: RUF009 - immutable
    """Up to where changes count."""
    at_block: int | None = None
    """Number of the block that is asked about; None: the newest, or a time."""
    exact_since: bool = False
    """Whether to find the change of the entry itself."""
    times: bool = False
    """Whether to find out the times of changes."""
    not_before: int | None = None
    """Unix seconds; the newest block must not be older for "valid" to count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One status that is asked for, on a network that is known."""

    entry: Entry | KeyedRecord
    identity: Address
    """Of the issuer."""
    question: LensQuestion | None = None
    """To the network's status contracts; None for the older registries."""
    digests: tuple[bytes, ...] = ()
    """Of the token, for ``EthrStatusRegistry2019``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorView:
    """The version of an anchored list that counts, as of one block."""

    read_at: Moment
    head: bytes
    """As the contract stores it at that block; zero: never published."""
    header: Header | ChainError
    """Of the version that counts, which is the one behind the head unless the past is asked about,
    or the issuer gave up its identity. ``NO_HEADER``: there was none. The error where its event
    could not be found; a header that somebody shows is then good if it hashes to the head."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchoredList:
    """What the chain says about a list kept off chain: all that is needed to judge what is served."""

    network: Network
    identity: Address
    """Of the issuer."""
    anchor: Anchor
    latest: AnchorView | ChainError
    """As of the newest block."""
    finalized: AnchorView | ChainError
    """As of the last finalised block."""
    policy: FinalityPolicy
    """How the two become one, see ``core.status_answer.choose``."""
    at_time: int | None
    """Unix seconds at which a version must have been good; None: now."""
    issuer_deactivated: int | None
    """Block in which the issuer gave up its identity: versions are those of before."""
    too_old: ChainError | None = None
    """Why the newest block says nothing about the present; ``StatusReader`` then calls nothing
    valid, whatever the list says."""


Verdict: TypeAlias = Status | AnchoredList


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The event by which an issuer gave up its identity."""

    place: tuple[int, int]
    """Block and log index."""
    time: int
    """Unix seconds of the block."""


def limit_of(asking: Asking, end: End | None) -> Limit:
    """Up to where the changes of an identity count."""
    return asking.limit.or_before(end.place if end else None)


def deactivated_at(asking: Asking, end: End | None, block: Head) -> int | None:
    """Block in which an identity was given up, if that is part of what is asked about."""
    if end is None or end.place[0] > block.number:
        return None
    counts = asking.limit.counts(*end.place, timestamp=end.time)
    return end.place[0] if counts else None


def end_of(events: Sequence[Event]) -> End | None:
    """The first event by which an identity was given up; what its key does later does not count."""
    for event in events:
        if isinstance(event, OwnerChanged) and event.owner == ZERO_ADDRESS:
            place = (event.block_number, event.log_index)
            return End(place=place, time=event.block_timestamp or 0)
    return None


def moment_of(network: Network, block: Head) -> Moment:
    """The block as answers name it."""
    return Moment(
        chain_id=network.chain_id,
        number=block.number,
        hash=block.hash,
        timestamp=block.timestamp,
        behind=block.behind,
    )


def read_verdicts(
    network: Network, targets: Sequence[Target], asking: Asking, block: int | None
) -> Steps[list[Verdict]]:
    """One answer for each target of a network.

    Args:
        network: of all targets.
        targets: at least one.
        asking: how they are asked for.
        block: number of the block that counts as the newest; None: the newest.

    Raises:
        ChainError: nothing could be found out about any of them.
    """
    try:
        return (yield from _read_together(network, targets, asking, block))
    except _OF_ONE_IDENTITY as error:
        identities = list(dict.fromkeys(target.identity for target in targets))
        if len(identities) == 1:
            return [undetermined(error)] * len(targets)
        some = set(identities[: len(identities) // 2])
    verdicts: dict[int, Verdict] = {}
    for chosen in (True, False):
        places = [i for i, one in enumerate(targets) if (one.identity in some) is chosen]
        part = [targets[place] for place in places]
        found = yield from read_verdicts(network, part, asking, block)
        verdicts |= zip(places, found, strict=True)
    return [verdicts[place] for place in range(len(targets))]


def _read_together(
    network: Network, targets: Sequence[Target], asking: Asking, block: int | None
) -> Steps[list[Verdict]]:
    wanted = Wanted(
        network=network,
        questions=tuple(one.question for one in targets if one.question is not None),
        identities=tuple(one.identity for one in targets),
    )
    attempt_number = 0
    while True:
        attempt_number += 1
        snapshot = yield from read_snapshot(wanted, block=block)
        try:
            return (yield from _Judge(network, targets, asking, snapshot).verdicts())
        except ChainMoved:
            if attempt_number == ATTEMPTS:
                raise


class _Judge:
    """Judges the targets of one snapshot."""

    def __init__(
        self, network: Network, targets: Sequence[Target], asking: Asking, snapshot: Snapshot
    ) -> None:
        self.network = network
        self.targets = targets
        self.asking = asking
        self.snapshot = snapshot
        self.head = snapshot.latest.block
        self.views: tuple[View | ChainError, View | ChainError]
        self.views = (snapshot.latest, snapshot.finalized)
        self.ends = {one: end_of(events) for one, events in snapshot.histories.items()}
        chosen = asking.policy is FinalityPolicy.FINALIZED
        self.places = [
            (i, which)
            for i in range(len(targets))
            for which in (_LATEST, _FINALIZED)
            if which == _FINALIZED or not chosen or _is_anchored(targets[i].entry)
        ]

    def verdicts(self) -> Steps[list[Verdict]]:
        """One answer for each target."""
        if (fault := not_yet(self.asking, self.head)) is not None:
            latest = moment_of(self.network, self.head)
            return [undetermined(fault, read_at=latest)] * len(self.targets)
        found, old, headers, past = yield from combine(
            walk(self._ways(), self.head),
            self._old_registries(),
            self._headers(),
            self._past_time(),
        )
        found |= old
        judged = [
            self._anchored(i, headers, past)
            if _is_anchored(target.entry)
            else self._status(i, found)
            for i, target in enumerate(self.targets)
        ]
        return (yield from self._timed(judged)) if self.asking.times else judged

    def _limit(self, identity: Address) -> Limit:
        return limit_of(self.asking, self.ends[identity])

    def _deactivated(self, identity: Address, block: Head) -> int | None:
        return deactivated_at(self.asking, self.ends[identity], block)

    # Statuses on chain

    def _ways(self) -> dict[tuple[int, int], Way[Found]]:
        ways = {}
        for i, which in self.places:
            target, view = self.targets[i], self.views[which]
            question = target.question
            if question is None or question.kind is LensKind.ANCHOR or isinstance(view, ChainError):
                continue
            answer = view.answers[question]
            if isinstance(answer, LensAnswer):
                trail = follow_back(
                    changes_of(question),
                    Point(block=answer.changed_block, value=answer.value),
                    self._limit(target.identity),
                    # Each change of a record is its own.
                    exact=self.asking.exact_since and question.kind is LensKind.ENTRY,
                )
                ways[i, which] = way_of(question, trail)
        return ways

    def _status(self, i: int, found: Mapping[tuple[int, int], Found | EthrDIDError]) -> Status:
        target = self.targets[i]
        statuses = [self._view_status(target, which, found.get((i, which))) for which in (0, 1)]
        chosen = choose(self.asking.policy, latest=statuses[0], finalized=statuses[1])
        return aged(chosen, too_old(self.asking, self.head))

    def _view_status(
        self, target: Target, which: int, found: Found | EthrDIDError | None
    ) -> Status:
        view = self.views[which]
        if isinstance(view, ChainError):
            return undetermined(view)
        moment = moment_of(self.network, view.block)
        answer = view.answers[target.question] if target.question else None
        if isinstance(answer, ChainError):
            return undetermined(answer, read_at=moment)
        if not isinstance(found, Found):
            return undetermined(found or _unasked(), read_at=moment)
        rules = _rules_of(target.entry)
        return Status(
            kind=kind_of(found.value, purpose=rules.purpose, bits=rules.bits),
            value=found.value,
            changed_block=found.changed_block,
            changed_at=found.changed_at or _time_said(found, answer),
            since_exact=found.exact or isinstance(target.entry, (RecordEntry, KeyedRecord)),
            terminal=rules.terminal and found.value == INVALID,
            read_at=moment,
            issuer_deactivated=self._deactivated(target.identity, view.block),
        )

    def _timed(self, judged: Sequence[Verdict]) -> Steps[list[Verdict]]:
        """The answers with the times of their changes."""
        numbers = sorted(
            {
                one.changed_block
                for one in judged
                if isinstance(one, Status) and one.changed_block and one.changed_at is None
            }
        )
        if not numbers:
            return list(judged)
        answers = yield from attempt(ask(*map(get_block, numbers), get_block(self.head.number)))
        if isinstance(answers, ChainError):
            return list(judged)
        check_same(self.head, answers[-1])
        times = dict(zip(numbers, map(_time_of, numbers, answers[:-1]), strict=True))
        return [
            replace(one, changed_at=times[one.changed_block])
            if isinstance(one, Status) and one.changed_at is None and one.changed_block
            else one
            for one in judged
        ]

    # The older registries

    def _old_registries(self) -> Steps[dict[tuple[int, int], Found | EthrDIDError]]:
        asked = {}
        for i, which in self.places:
            target, view = self.targets[i], self.views[which]
            if target.question is None and not isinstance(view, ChainError):
                asked[i, which] = _settled(self._old_registry(target, view))
        found = yield from combine(*asked.values())
        return dict(zip(asked, found, strict=True))

    def _old_registry(self, target: Target, view: View) -> Steps[Found]:
        past = Past(
            identity=target.identity,
            events=self.snapshot.histories[target.identity],
            limit=self._limit(target.identity),
            deactivated=self._deactivated(target.identity, view.block),
            at_block=self.asking.at_block,
        )
        if isinstance(target.entry, Registry2019Entry):
            registry = target.entry.registry
            return (yield from read_registry_2019(registry, target.digests, past, view.block))
        assert isinstance(target.entry, Registry2022Entry)  # noqa: S101 - the only other one
        return (yield from read_registry_2022(target.entry, past, view.block))

    # Lists kept off chain

    def _headers(self) -> Steps[dict[tuple[int, int], Header | ChainError]]:
        asked = {}
        for i, which in self.places:
            head = self._head(i, which)
            view = self.views[which]
            if head is not None and any(head) and isinstance(view, View):
                asked[i, which] = attempt(self._header(self.targets[i], head, view.block))
        found = yield from combine(*asked.values())
        for one in found:
            if isinstance(one, ChainMoved):
                raise one  # everything is read again
        return dict(zip(asked, found, strict=True))

    def _past_time(self) -> Steps[int | None]:
        """Unix seconds at which an anchored list must have been good; None: now."""
        number = self.asking.at_block
        if number is None or not any(_is_anchored(target.entry) for target in self.targets):
            return self.asking.limit.time
        (answer,) = yield from ask(get_block(number))
        return _time_of(number, answer)

    def _head(self, i: int, which: int) -> bytes | None:
        """The head of an anchored list; None for anything else."""
        question, view = self.targets[i].question, self.views[which]
        if question is None or question.kind is not LensKind.ANCHOR or isinstance(view, ChainError):
            return None
        answer = view.answers[question]
        return answer.head if isinstance(answer, LensAnswer) else None

    def _header(self, target: Target, head: bytes, block: Head) -> Steps[Header]:
        """The header of the version that counts."""
        question = target.question
        assert question is not None  # noqa: S101 - anchored entries have one
        place = (target.identity, ListId(question.id))
        registry = AnchorRegistry(question.registry, first_block=self.network.first_block)
        newest = yield from registry.find_version(
            *place, head=head, at=block, known=self.snapshot.versions
        )

        def events(number: int) -> Steps[tuple[ListAnchored, ...]]:
            return registry.read_versions([place], first=number, last=number)

        limit = self._limit(target.identity)
        way = Way(trail=version_before(newest, limit), subject=question, events=events)
        found = (yield from walk({0: way}, self.head))[0]
        if isinstance(found, ChainError):
            raise found
        return NO_HEADER if found is None else found.header

    def _anchored(
        self, i: int, headers: Mapping[tuple[int, int], Header | ChainError], past: int | None
    ) -> AnchoredList:
        target = self.targets[i]
        views = [self._anchor_view(i, which, headers.get((i, which))) for which in (0, 1)]
        entry = target.entry
        assert isinstance(entry, (BitstringEntry, TokenEntry))  # noqa: S101 - see _is_anchored
        assert entry.anchor is not None  # noqa: S101 - checked before it became a target
        return AnchoredList(
            network=self.network,
            identity=target.identity,
            anchor=entry.anchor,
            latest=views[_LATEST],
            finalized=views[_FINALIZED],
            policy=self.asking.policy,
            at_time=past,
            issuer_deactivated=self._deactivated(target.identity, self.head),
            too_old=too_old(self.asking, self.head),
        )

    def _anchor_view(
        self, i: int, which: int, header: Header | ChainError | None
    ) -> AnchorView | ChainError:
        view, question = self.views[which], self.targets[i].question
        assert question is not None  # noqa: S101 - anchored entries have one
        if isinstance(view, ChainError):
            return view
        answer = view.answers[question]
        if isinstance(answer, ChainError):
            return answer
        return AnchorView(
            read_at=moment_of(self.network, view.block),
            head=answer.head,
            header=NO_HEADER if header is None else header,
        )


def not_yet(asking: Asking, head: Head) -> NotFoundError | None:
    """The error if a block or time is asked about that is still to come."""
    block, moment = asking.at_block, asking.limit.time
    if block is not None and block > head.number:
        return NotFoundError(
            f"block {block} is not mined yet; the head is block {head.number}",
            block_number=block,
            head=head.number,
        )
    if moment is not None and moment > head.timestamp:
        return NotFoundError(
            f"there is no block of the time {moment} yet; that of the head is {head.timestamp}",
            hint="What is said for a time that is not over could still change.",
            time=moment,
            head=head.number,
        )
    return None


def too_old(asking: Asking, head: Head) -> ChainError | None:
    """The error if the newest block is too old to know the present by."""
    if asking.not_before is None or head.timestamp >= asking.not_before:
        return None
    return ChainError(
        f"the newest block of the node is of {head.timestamp}, older than {asking.not_before}",
        hint="The node is behind, or the chain stands still: ask another node.",
        block_number=head.number,
        block_timestamp=head.timestamp,
    )


def aged(status: Status, fault: ChainError | None) -> Status:
    """What is left of a status where the newest block is too old: nothing positive."""
    return status if fault is None else stricter(status, undetermined(fault))


def changes_of(question: LensQuestion) -> Changes:
    """Reads the changes of a status on chain."""
    if question.kind is LensKind.RECORD:
        return record_changes(question.id)
    return entry_changes(ListId(question.id), question.index)


def way_of(question: LensQuestion, trail: Trail[T]) -> Way[T]:
    """How a status on chain is followed."""
    registry, identity = StatusRegistry(question.registry), question.identity
    if question.kind is LensKind.RECORD:
        events = functools.partial(registry.read_record_events, identity, question.id)
    else:
        events = functools.partial(registry.read_word_events, identity, ListId(question.id))
    # Entries of one list share its events.
    return Way(trail=trail, subject=(question.kind, identity, question.id), events=events)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """What the values of an entry mean."""

    purpose: Purpose
    bits: int
    terminal: bool
    """Whether INVALID is final."""


_RECORDS = _Rules(purpose=Purpose.LIFECYCLE, bits=8, terminal=True)
_OF_2019 = _Rules(purpose=Purpose.REVOCATION, bits=1, terminal=True)
_OF_2022 = _Rules(purpose=Purpose.REVOCATION, bits=1, terminal=False)


def _rules_of(entry: Entry | KeyedRecord) -> _Rules:
    match entry:
        case ListEntry():
            rules = entry.list_id
            return _Rules(purpose=rules.purpose, bits=rules.bits, terminal=rules.is_terminal)
        case Registry2019Entry():
            return _OF_2019
        case Registry2022Entry():
            return _OF_2022
        case _:
            return _RECORDS


def _unasked() -> InvalidAnswer:
    """Of a view that the policy does not look at."""
    return InvalidAnswer("this block was not asked about")


def _time_said(found: Found, answer: LensAnswer | None) -> int | None:
    """Unix seconds of a change, as far as the contract itself says; records do."""
    if answer is None or found.changed_block != answer.changed_block:
        return None
    return answer.changed_at or None


def _is_anchored(entry: Entry | KeyedRecord) -> bool:
    return isinstance(entry, (BitstringEntry, TokenEntry))


def _time_of(number: int, answer: Any) -> int | None:
    """Unix seconds of a block; None where the node does not say: no answer hangs on it."""
    if answer is None or isinstance(answer, ChainError):
        return None
    return parse_head(answer, number).timestamp


def _settled(steps: Steps[T]) -> Steps[T | EthrDIDError]:
    """The result of a reading, or the error that it ended with."""
    try:
        return (yield from steps)
    except EthrDIDError as error:
        return error

"""A whole list as of one block, and every change of one status.

A list is read with all its words in one call (several calls of one batch where it is large), so
that nobody learns which entry was of interest. Words that changed after the block that is asked
about, or after the issuer gave up its identity, are followed back like single statuses.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from ethr_did.chain.request import combine
from ethr_did.core.bitstring import BitOrder, Bitstring
from ethr_did.core.status_answer import Finality, FinalityPolicy, Moment, stricter_value
from ethr_did.core.status_history import (
    Change,
    Found,
    Limit,
    Point,
    follow_back,
    list_all,
    word_changes,
)
from ethr_did.core.status_list import PAYLOAD_BITS, ListId, StatusWord
from ethr_did.errors import ChainError, ChainMoved
from ethr_did.registries.status_registry import StatusRegistry
from ethr_did.status.snapshot import ATTEMPTS, Snapshot, View, Wanted, read_snapshot
from ethr_did.status.trails import Way, walk
from ethr_did.status.verdicts import (
    Asking,
    changes_of,
    deactivated_at,
    end_of,
    limit_of,
    moment_of,
    not_yet,
    too_old,
    way_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ethr_did.chain.networks import Network
    from ethr_did.chain.request import Steps
    from ethr_did.core.status_calls import LensQuestion

__all__ = ["ListStatuses", "StatusHistory", "read_history", "read_list"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class ListStatuses:
    """All statuses of a list on chain."""

    list_id: ListId
    statuses: Bitstring
    """In the bit order that was asked for."""
    read_at: Moment
    finality: Finality
    """Whether all of them are the same in the last finalised block."""
    issuer_deactivated: int | None = None
    """Block in which the issuer gave up its identity: the statuses are those of before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusHistory:
    """All changes of one entry or record, as of one block."""

    changes: tuple[Change, ...]
    """Oldest first."""
    read_at: Moment
    final_block: int | None
    """Number of the last finalised block; None: the node does not say."""


def read_list(
    network: Network,
    question: LensQuestion,
    asking: Asking,
    block: int | None,
    *,
    order: BitOrder,
) -> Steps[ListStatuses]:
    """All statuses of a list.

    Args:
        network: whose status registry.
        question: about any entry of the list.
        asking: which block counts, up to where changes count.
        block: number of the block that counts as the newest; None: the newest.
        order: of the bits.

    Raises:
        InvalidStatusList: it is too large to be read whole.
        NotFoundError: a block or time is asked about that is still to come.
        ChainError: it could not be found out.
    """
    list_id = ListId(question.id)
    registry = StatusRegistry(question.registry)
    wanted = Wanted(
        network=network,
        identities=(question.identity,),
        contracts=(question.registry,),
        more=functools.partial(registry.read_words, question.identity, list_id),
    )

    def judge(snapshot: Snapshot) -> Steps[ListStatuses]:
        return _Listing(network, question, asking, snapshot).statuses(order)

    return (yield from _steadily(wanted, block, judge))


def read_history(
    network: Network, question: LensQuestion, block: int | None
) -> Steps[StatusHistory]:
    """Every change of an entry or record, and the blocks that it was read at.

    Args:
        network: whose status registry.
        question: about the entry or record.
        block: number of the block that counts as the newest; None: the newest.

    Raises:
        ChainError: it could not be found out.
    """

    def judge(snapshot: Snapshot) -> Steps[StatusHistory]:
        latest, final = snapshot.latest.block, snapshot.finalized
        return StatusHistory(
            changes=(yield from _changes(question, snapshot)),
            read_at=moment_of(network, latest),
            final_block=None if isinstance(final, ChainError) else final.block.number,
        )

    return (yield from _steadily(Wanted(network=network, questions=(question,)), block, judge))


def _steadily(wanted: Wanted, block: int | None, judge: Callable[[Snapshot], Steps[T]]) -> Steps[T]:
    """What comes of a snapshot, read again where the chain moves meanwhile."""
    attempt_number = 0
    while True:
        attempt_number += 1
        snapshot = yield from read_snapshot(wanted, block=block)
        try:
            return (yield from judge(snapshot))
        except ChainMoved:
            if attempt_number == ATTEMPTS:
                raise


def _changes(question: LensQuestion, snapshot: Snapshot) -> Steps[tuple[Change, ...]]:
    answer = snapshot.latest.answers[question]
    if isinstance(answer, ChainError):
        raise answer
    start = Point(block=answer.changed_block, value=answer.value)
    way = way_of(question, list_all(changes_of(question), start))
    found = (yield from walk({0: way}, snapshot.latest.block))[0]
    if isinstance(found, ChainError):
        raise found
    limit = limit_of(Asking(), end_of(snapshot.histories[question.identity]))
    return tuple(replace(change, counts=_counts(change, limit)) for change in found)


def _counts(change: Change, limit: Limit) -> bool:
    return limit.counts(change.block_number, change.log_index, timestamp=change.timestamp)


class _Listing:
    """Judges the words of one list."""

    def __init__(
        self, network: Network, question: LensQuestion, asking: Asking, snapshot: Snapshot
    ) -> None:
        self.network = network
        self.question = question
        self.list_id = ListId(question.id)
        self.asking = asking
        self.snapshot = snapshot
        self.end = end_of(snapshot.histories[question.identity])
        self.limit = limit_of(asking, self.end)

    def statuses(self, order: BitOrder) -> Steps[ListStatuses]:
        """All of them."""
        latest = self.snapshot.latest
        unread = self.snapshot.faults[self.question.registry]
        late = not_yet(self.asking, latest.block) or too_old(self.asking, latest.block)
        if fault := unread or late:
            raise fault
        finalized = self._finalized()
        now, then = yield from combine(self._payloads(latest), self._payloads(finalized))
        chosen = self._chosen(now, then)
        is_final = self.asking.policy is FinalityPolicy.FINALIZED
        block = finalized.block if finalized is not None and is_final else latest.block
        return ListStatuses(
            list_id=self.list_id,
            statuses=Bitstring.of_words(
                chosen, bits=self.list_id.bits, capacity=self.list_id.capacity, order=order
            ),
            read_at=moment_of(self.network, block),
            finality=self._finality(chosen, then),
            issuer_deactivated=deactivated_at(self.asking, self.end, block),
        )

    def _finalized(self) -> View | None:
        """The view of the last finalised block; None where the policy can do without."""
        view = self.snapshot.finalized
        if not isinstance(view, ChainError):
            return view
        if self.asking.policy is FinalityPolicy.LATEST:
            return None
        raise view

    def _payloads(self, view: View | None) -> Steps[list[int]]:
        """The statuses of each word, as they count."""
        if view is None:
            return []
        words: Sequence[StatusWord] = view.more
        ways = {n: self._way(n, word) for n, word in enumerate(words) if not self._is_old(word)}
        found = yield from walk(ways, self.snapshot.latest.block)
        return [self._payload(word, found.get(n)) for n, word in enumerate(words)]

    def _is_old(self, word: StatusWord) -> bool:
        return word.stored == 0 or self.limit.contains(word.changed_block)

    def _way(self, number: int, word: StatusWord) -> Way[Found]:
        start = Point(block=word.changed_block, value=word.payload, stored=word.stored)
        return way_of(
            self.question, follow_back(word_changes(number), start, self.limit, exact=False)
        )

    def _payload(self, word: StatusWord, found: Found | ChainError | None) -> int:
        if isinstance(found, ChainError):
            raise found
        return word.payload if found is None else found.value

    def _chosen(self, now: list[int], then: list[int]) -> list[int]:
        match self.asking.policy:
            case FinalityPolicy.LATEST:
                return now
            case FinalityPolicy.FINALIZED:
                return then
            case FinalityPolicy.STRICTEST:  # pragma: no branch - there is no other
                return [self._stricter(*pair) for pair in zip(now, then, strict=True)]

    def _stricter(self, now: int, then: int) -> int:
        """A word of the stricter of both entries at each place."""
        if now == then:
            return now
        bits, purpose = self.list_id.bits, self.list_id.purpose
        mask, word = (1 << bits) - 1, 0
        for shift in range(0, PAYLOAD_BITS, bits):
            values = (now >> shift & mask, then >> shift & mask)
            word |= stricter_value(*values, purpose=purpose, bits=bits) << shift
        return word

    def _finality(self, chosen: list[int], then: list[int]) -> Finality:
        if not then:
            return Finality.UNKNOWN
        return Finality.FINAL if chosen == then else Finality.PENDING

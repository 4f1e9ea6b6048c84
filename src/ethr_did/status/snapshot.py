"""What the contracts of one network say at its newest and its last finalised block, in one batch.

How a snapshot is read:
  1. One batch asks for the histories of the issuers, for all statuses at the newest block and at
     the last finalised one, for the DID registries behind the status contracts, for the versions
     of anchored lists, and for both blocks once more.
  2. The lens says which block it saw: that must be the block of the histories. Without a lens plain
     calls are made, and the block must be the same before and after them.
  3. Where blocks do not fit together the reading starts again, tied to block numbers; where the
     lens does not answer, with plain calls. A lens that goes on showing another block ends it:
     plain calls would show the same state, and not say so.

Where contracts count other blocks than the node does, as on some rollups, nothing fits together,
and every status is undetermined.

What cannot be found out about one status is an error in its place. What cannot be found out about
the block itself ends the reading.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ethr_did.chain.answer import Head, parse_head
from ethr_did.chain.request import ask, attempt, combine, get_block
from ethr_did.core.keys import ZERO_ADDRESS, Address, parse_address, to_checksum_address
from ethr_did.core.status_calls import LensAnswer, LensKind, LensMoment, LensQuestion
from ethr_did.core.status_list import ListId
from ethr_did.errors import (
    ChainError,
    ChainMoved,
    InvalidAnswer,
    NodeInconsistent,
    NodeRefused,
    NotFoundError,
    RegistryMissing,
    WrongChain,
)
from ethr_did.registries.anchor_registry import AnchorRegistry
from ethr_did.registries.did_registry import DIDRegistry
from ethr_did.registries.status_lens import StatusLens
from ethr_did.registries.status_registry import StatusRegistry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ethr_did.chain.networks import Network
    from ethr_did.chain.request import Answer, Block, Steps
    from ethr_did.core.erc1056 import Event
    from ethr_did.core.status_events import ListAnchored

__all__ = ["ATTEMPTS", "Answers", "Snapshot", "View", "Wanted", "read_snapshot"]

ATTEMPTS = 4
"""How often a reading starts again when blocks do not fit together."""

_LENS_FAULTS = (RegistryMissing, NodeRefused, InvalidAnswer)
"""After these the same is asked without the lens."""

Answers: TypeAlias = "Mapping[LensQuestion, LensAnswer | ChainError]"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the status contracts said at one block."""

    block: Head
    answers: Answers
    more: Any = None
    """What ``Wanted.more`` read there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One reading of a network."""

    latest: View
    finalized: View | ChainError
    """The error where the node does not say which block is final."""
    histories: Mapping[Address, tuple[Event, ...]]
    """Of the issuers, as of the newest block."""
    faults: Mapping[Address, ChainError | None]
    """Of each status contract: why it cannot be believed; None: it can."""
    versions: tuple[ListAnchored, ...] | None
    """Of the anchored lists, in order; None: they have to be searched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is asked of one network."""

    network: Network
    questions: tuple[LensQuestion, ...] = ()
    """For the status contracts of the network."""
    identities: tuple[Address, ...] = ()
    """Whose histories are wanted besides those of the questions."""
    contracts: tuple[Address, ...] = ()
    """Status contracts that are asked besides those of the questions."""
    more: Callable[[Block], Steps[Any]] | None = None
    """A reading of one batch that is made at both blocks as well; then the lens is not asked, so
    that everything has the same tie."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Tie:
    """What a reading is tied to; a number where it was tied, None for the tag."""

    latest: int | None = None
    finalized: int | None = None
    lens: bool = True
    """Whether the lens is asked."""


class _Again(Exception):
    """The reading has to start again; ``error`` is what it means if it cannot."""

    def __init__(self, error: ChainError, tie: _Tie) -> None:
        super().__init__(str(error))
        self.error = error
        self.tie = tie


def read_snapshot(wanted: Wanted, *, block: int | None = None) -> Steps[Snapshot]:
    """What the contracts say, as of one block and the last finalised one.

    Args:
        wanted: what is asked.
        block: number of the block that counts as the newest; None: the newest.

    Raises:
        NotFoundError: ``block`` is not mined yet.
        ChainError: of the class that says why nothing reliable can be said.
    """
    reader = _Reader(wanted)
    has_lens = wanted.network.status_lens is not None
    tie = _Tie(latest=block, lens=has_lens and bool(wanted.questions) and wanted.more is None)
    attempt_number = 0
    while True:
        attempt_number += 1
        try:
            return (yield from reader.read(tie))
        except _Again as again:
            if attempt_number == ATTEMPTS:
                raise again.error from again.error.__cause__
            tie = again.tie
        except NotFoundError as gone:
            if block is not None or tie.latest is None:
                raise
            # The node itself had called this block its head; nobody asked for it by number.
            if attempt_number == ATTEMPTS:
                raise _moved(tie.latest) from gone
            tie = replace(tie, latest=max(0, tie.latest - 1), finalized=None)


class _Reader:
    """The parts of one batch, and how they are put together."""

    def __init__(self, wanted: Wanted) -> None:
        self.network = network = wanted.network
        self.more = wanted.more
        self.questions = tuple(dict.fromkeys(wanted.questions))
        self.identities = (*wanted.identities, *(one.identity for one in self.questions))
        asked = (*wanted.contracts, *(one.registry for one in self.questions))
        self.contracts = tuple(dict.fromkeys(asked))
        self.did_registry = DIDRegistry(
            parse_address(network.did_registry),
            chain_id=network.chain_id,
            first_block=network.first_block,
        )
        self.lists = {
            (one.identity, ListId(one.id)): one.registry
            for one in self.questions
            if one.kind is LensKind.ANCHOR
        }

    def read(self, tie: _Tie) -> Steps[Snapshot]:
        """One attempt."""
        at: Any = "latest" if tie.latest is None else tie.latest
        final: Any = "finalized" if tie.finalized is None else tie.finalized
        reading, first, now, then, bound, versions, last = yield from combine(
            self.did_registry.read_histories(self.identities, block=tie.latest),
            ask(get_block(final)),
            attempt(self._answers(at, lens=tie.lens)),
            attempt(self._answers(final, lens=tie.lens)),
            self._bound(at),
            attempt(self._versions(at)),
            # Both blocks again, last: everything between two looks at one chain is of that chain.
            ask(get_block(final), get_block(at)),
        )
        head: Head = reading.head
        self._check_end(head, last[1], tie)
        latest = self._latest(head, now, tie)
        finalized = self._finalized(head, first[0], last[0], then, tie) or latest
        return Snapshot(
            latest=_trusted(latest, bound),
            finalized=finalized
            if isinstance(finalized, ChainError)
            else _trusted(finalized, bound),
            histories=reading.events,
            faults=bound,
            versions=None if isinstance(versions, ChainError) else versions,
        )

    # The questions

    def _answers(self, at: Block, *, lens: bool) -> Steps[_Answered]:
        if lens:
            address = parse_address(self.network.status_lens or "")
            reading = yield from StatusLens(address).read(self.questions, at)
            return _Answered(
                moment=reading.moment,
                answers={q: _answered(q, answer) for q, answer in reading.answers.items()},
            )
        *found, more = yield from combine(
            *(attempt(_plainly(one, at)) for one in self.questions),
            ask() if self.more is None else self.more(at),
        )
        answers = dict(zip(self.questions, found, strict=True))
        return _Answered(moment=None, answers=answers, more=more)

    def _bound(self, at: Block) -> Steps[Mapping[Address, ChainError | None]]:
        """For each status contract: None if it is bound to the DID registry of the network."""
        found = yield from combine(
            *(attempt(StatusRegistry(one).read_did_registry(at)) for one in self.contracts)
        )
        return {
            address: _check_bound(address, answer, self.did_registry.address)
            for address, answer in zip(self.contracts, found, strict=True)
        }

    def _versions(self, at: int | str) -> Steps[tuple[ListAnchored, ...]]:
        if not self.lists:
            return ()
        (registry,) = set(self.lists.values())
        anchors = AnchorRegistry(registry, first_block=self.network.first_block)
        found = yield from anchors.read_versions(
            list(self.lists), first=self.network.first_block, last=at
        )
        return found

    # The blocks

    def _check_end(self, head: Head, answer: Answer, tie: _Tie) -> None:
        """Raises unless the newest block stayed where it was while it was read."""
        again = parse_head(answer, tie.latest)
        # The lens says which block it saw; without it nothing may have been added either.
        same = again.hash == head.hash
        followed = tie.latest is None and tie.lens and again.parent_hash == head.hash
        if not same and not followed:
            raise _Again(_moved(head.number), replace(tie, latest=head.number))

    def _latest(self, head: Head, found: _Answered | ChainError, tie: _Tie) -> View:
        if isinstance(found, ChainError):
            raise self._after(found, head, tie)
        if found.moment is not None:
            self._check_chain(found.moment)
            if not _is_of(found.moment, head, tied=tie.latest is not None):
                raise _Again(_other_block(head), replace(tie, latest=head.number))
        return View(block=head, answers=found.answers, more=found.more)

    def _finalized(
        self, head: Head, first: Answer, last: Answer, found: _Answered | ChainError, tie: _Tie
    ) -> View | ChainError | None:
        """The view of the last finalised block; None if the newest one is final."""
        if isinstance(first, ChainError) or first is None:
            return _no_final_block(first)
        block = parse_head(first, tie.finalized)
        if block.number >= head.number:
            return None
        if isinstance(found, ChainError):
            again = self._after(found, head, tie)
            if isinstance(again, _Again):
                raise again
            return found
        tied = replace(tie, latest=head.number, finalized=block.number)
        if found.moment is None:
            if last is None or parse_head(last, tie.finalized).hash != block.hash:
                raise _Again(_other_block(block), tied)
        elif not _is_of(found.moment, block, tied=tie.finalized is not None):
            raise _Again(_other_block(block), tied)
        return View(block=block, answers=found.answers, more=found.more)

    def _after(self, error: ChainError, head: Head, tie: _Tie) -> Exception:
        tied = replace(tie, latest=head.number)
        if isinstance(error, NodeInconsistent):
            return _Again(error, tied)
        if tie.lens and isinstance(error, _LENS_FAULTS):
            return _Again(error, replace(tied, lens=False))
        return error

    def _check_chain(self, moment: LensMoment) -> None:
        expected = self.network.chain_id
        if moment.chain_id != expected:
            raise WrongChain(
                f"the node is on chain {moment.chain_id}, the network is chain {expected}",
                hint="Check the RPC URL of this network.",
                expected=expected,
                actual=moment.chain_id,
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Answered:
    """Answers, and the block that the lens saw; None without a lens."""

    moment: LensMoment | None
    answers: Answers
    more: Any = None


def _plainly(question: LensQuestion, at: Block) -> Steps[LensAnswer]:
    """The answer to one question, without the lens."""
    identity = question.identity
    if question.kind is LensKind.ANCHOR:
        anchors = AnchorRegistry(question.registry)
        head = yield from anchors.read_head(identity, ListId(question.id), at)
        return replace(_NOTHING, head=head)
    statuses = StatusRegistry(question.registry)
    if question.kind is LensKind.RECORD:
        record = yield from statuses.read_record(identity, question.id, at)
        return replace(
            _NOTHING,
            value=record.value,
            changed_block=record.changed_block,
            changed_at=record.changed_at,
        )
    value, block = yield from statuses.read_status(
        identity, ListId(question.id), question.index, at
    )
    return replace(_NOTHING, value=value, changed_block=block)


_NOTHING = LensAnswer(
    answered=True,
    found=False,
    value=0,
    changed_block=0,
    changed_at=0,
    owner=ZERO_ADDRESS,
    head=bytes(32),
)


def _answered(question: LensQuestion, answer: LensAnswer) -> LensAnswer | ChainError:
    if answer.answered:
        return answer
    address = to_checksum_address(question.registry)
    return RegistryMissing(
        f"the status contract {address} does not answer",
        hint="Check status_registry and anchor_registry of this network.",
        registry=address,
    )


def _check_bound(
    contract: Address, found: Address | ChainError, expected: Address
) -> ChainError | None:
    if isinstance(found, ChainError):
        return found
    if found == expected:
        return None
    address, other = to_checksum_address(contract), to_checksum_address(found)
    return RegistryMissing(
        f"the status contract {address} belongs to the DID registry {other}, "
        f"and this network's is {to_checksum_address(expected)}",
        hint="Anybody may write there under any identity. Check the addresses of this network.",
        registry=address,
        did_registry=other,
    )


def _trusted(view: View, bound: Mapping[Address, ChainError | None]) -> View:
    """The view without the answers of contracts that belong to another DID registry."""
    return replace(
        view,
        answers={
            question: bound[question.registry] or answer
            for question, answer in view.answers.items()
        },
    )


def _is_of(moment: LensMoment, block: Head, *, tied: bool) -> bool:
    """Whether the lens saw a block.

    Some nodes run calls as if in the block after it. Asked for a number, that is the state of the
    number; asked for a tag, it could be the next block itself.
    """
    seen = (moment.block_number, moment.parent_hash)
    if tied and seen == (block.number + 1, block.hash):
        return True
    return (*seen, moment.timestamp) == (block.number, block.parent_hash, block.timestamp)


def _no_final_block(answer: ChainError | None) -> ChainError:
    said = "" if answer is None else f": {answer.message}"
    error = NodeRefused(
        f"the node does not say which block is final{said}",
        hint="Ask a node that does, or accept what may still be taken back: policy latest.",
    )
    error.__cause__ = answer
    return error


def _other_block(block: Head) -> NodeInconsistent:
    return NodeInconsistent(
        f"the node shows the state of another block than {block.number}, which it was asked about",
        hint="Its replicas may be out of step: ask another node.",
        block_number=block.number,
    )


def _moved(number: int) -> ChainMoved:
    return ChainMoved(
        f"the chain was reorganised around block {number} at each of {ATTEMPTS} readings",
        hint="Try again in a moment, or ask for a finalised block.",
        block_number=number,
    )

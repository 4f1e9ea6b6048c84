"""Going back through the changes of many statuses side by side, one block of each at a time.

A step is one round trip for all of them: the blocks where they changed last, the events there, and
the head once more. What two of them need is asked for once.

No archive node is needed, and no log query is wider than one block.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from ethr_did.chain.answer import Head, parse_head
from ethr_did.chain.request import Answer, ask, attempt, combine, get_block
from ethr_did.core.status_history import BlockSeen
from ethr_did.errors import ChainError, ChainMoved, InvalidAnswer, NodeInconsistent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethr_did.chain.request import Steps
    from ethr_did.core.status_events import StatusEvent
    from ethr_did.core.status_history import Trail

__all__ = ["MAX_STEPS", "Way", "check_same", "walk"]

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)

MAX_STEPS = 5000
"""Most blocks that are gone back for one status."""

_Look: TypeAlias = "tuple[Hashable, int]"
"""The events of one list or record in one block."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Way(Generic[T]):
    """How one status is followed."""

    trail: Trail[T]
    """Which blocks, and what they mean."""
    subject: Hashable
    """Whose events; ways of one subject share what was read."""
    events: Callable[[int], Steps[tuple[StatusEvent, ...]]]
    """Reads the events of the subject in a block."""


def walk(ways: Mapping[K, Way[T]], head: Head) -> Steps[dict[K, T | ChainError]]:
    """What each way led to, or the error that it ended at; one does not spoil the others.

    Args:
        ways: by name.
        head: the block that was read; it must stay where it is.

    Raises:
        ChainMoved: the chain was reorganised meanwhile.
    """
    walker = _Walker(ways)
    for _ in range(MAX_STEPS):
        wanted = walker.wanted()
        if not wanted:
            return walker.results
        walker.seen |= yield from _look(wanted, ways, head)
    walker.give_up()
    return walker.results


class _Walker(Generic[K, T]):
    """The state of a walk: who waits for what, and what was seen."""

    def __init__(self, ways: Mapping[K, Way[T]]) -> None:
        self.results: dict[K, T | ChainError] = {}
        self.seen: dict[_Look, BlockSeen | ChainError] = {}
        self._ways = ways
        self._waiting: dict[K, int] = {}
        for name, way in ways.items():
            self._resume(name, way.trail.__next__)

    def wanted(self) -> dict[_Look, K]:
        """What has to be looked at next, and one who wants it; all go as far as they can before."""
        while ready := {n: self.seen[at] for n, at in self._places().items() if at in self.seen}:
            for name, seen in ready.items():
                if isinstance(seen, ChainError):
                    self._end(name, seen)
                else:
                    self._resume(name, self._ways[name].trail.send, seen)
        return {at: name for name, at in self._places().items()}

    def give_up(self) -> None:
        """Ends all that are still under way."""
        for name in list(self._waiting):
            error = InvalidAnswer(
                f"the status changed in more than {MAX_STEPS} blocks since",
                hint="Ask about a later block.",
            )
            self._end(name, error)

    def _places(self) -> dict[K, _Look]:
        return {name: (self._ways[name].subject, at) for name, at in self._waiting.items()}

    def _resume(self, name: K, step: Callable[..., int], *value: BlockSeen) -> None:
        try:
            self._waiting[name] = step(*value)
        except StopIteration as done:
            self._waiting.pop(name, None)
            self.results[name] = done.value
        except ChainError as error:
            self._end(name, error)

    def _end(self, name: K, error: ChainError) -> None:
        self._waiting.pop(name, None)
        self._ways[name].trail.close()
        self.results[name] = error


def _look(
    wanted: Mapping[_Look, K], ways: Mapping[K, Way[Any]], head: Head
) -> Steps[dict[_Look, BlockSeen | ChainError]]:
    """One round trip: blocks, events, and the head again."""
    numbers = sorted({number for _, number in wanted})
    reads = [attempt(ways[name].events(place[1])) for place, name in wanted.items()]
    round_trip = combine(ask(*map(get_block, numbers)), *reads, ask(get_block(head.number)))
    found = yield from attempt(round_trip)
    if isinstance(found, ChainError):
        return dict.fromkeys(wanted, found)
    answers, *events, again = found
    check_same(head, again[0])
    blocks = dict(zip(numbers, answers, strict=True))
    return {
        place: _seen(place[1], blocks[place[1]], one)
        for place, one in zip(wanted, events, strict=True)
    }


def _seen(
    number: int, answer: Answer, events: tuple[StatusEvent, ...] | ChainError
) -> BlockSeen | ChainError:
    if isinstance(events, ChainError):
        return events
    try:
        if answer is None:
            raise _foreign(number)
        block = parse_head(answer, number)
        if any(event.block_hash != block.hash for event in events):
            raise _foreign(number)
    except ChainError as error:
        return error
    return BlockSeen(number=number, timestamp=block.timestamp, events=events)


def _foreign(number: int) -> NodeInconsistent:
    return NodeInconsistent(
        f"the node shows events of block {number} that are not of that block",
        hint="Its replicas may be out of step, or it has dropped old blocks: ask another node.",
        block_number=number,
    )


def check_same(head: Head, again: Answer) -> None:
    """Raises ``ChainMoved`` unless a block is still what it was.

    Args:
        head: the block as it was read first.
        again: the answer for its number.
    """
    if again is None or parse_head(again, head.number).hash != head.hash:
        raise ChainMoved(
            f"the chain was reorganised around block {head.number} again and again",
            hint="Try again in a moment, or ask for a finalised block.",
            block_number=head.number,
        )

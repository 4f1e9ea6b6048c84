"""Reading spans of blocks from a node: every event in them, and proof of which chain they are of.

How a span is read:
  1. One batch asks for its last block, for the events, for the last block again and for the block
     before the span: when the two looks agree and the block before is the one that the index ends
     at, everything in between is of one chain.
  2. Blocks with events are asked for where the node did not say their times, and always above the
     last finalised block: their hashes must be those of the logs. Of finalised ones at least the
     newest is asked for, so that logs of another chain are not taken.

What a node refuses as too much is asked for in narrower spans (``Width``).
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING

from ethr_did.chain.answer import Head, parse_head, result_of
from ethr_did.chain.request import ask, get_block, get_logs
from ethr_did.errors import (
    ChainError,
    ChainMoved,
    InvalidAnswer,
    NodeInconsistent,
    NodeRefused,
    RangeRefused,
    shown,
)
from ethr_did.index.entries import EVENT_TOPICS, Contracts, Entry, entry_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ethr_did.chain.request import Answer, Request, Steps

__all__ = ["Span", "Width", "fill", "is_too_much", "parse_block", "read_span"]

_PLACE = attrgetter("block_number", "log_index")
"""``Entry.place``, in less time."""
_TOPICS = [bytes.fromhex(topic[2:]) for topic in EVENT_TOPICS]
_FEW = 2_000
"""Events of a span after which the next one may be twice as wide."""
_FIRST_WIDTH = 10_000
_WIDEST = 1_000_000
_LARGEST = (1 << 63) - 1
"""Number and time that a database can hold."""
_HASH_LENGTH = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Everything that happened from one block to another."""

    first: int
    head: Head
    """The last block."""
    entries: tuple[Entry, ...]
    """In the order of the chain, with the times of their blocks."""


class Width:
    """How many blocks are asked for at once: what the node bears, learnt by trying."""

    def __init__(self) -> None:
        self.blocks = _FIRST_WIDTH
        self._widest = _WIDEST

    def worked(self, span: Span) -> None:
        """Nothing; more next time, if there was little in a whole span."""
        if len(span.entries) < _FEW and span.head.number - span.first + 1 >= self.blocks:
            self.blocks = min(self._widest, self.blocks * 2)

    def refused(self, width: int, error: ChainError) -> None:
        """Nothing; less next time.

        Raises:
            ChainError: the error, if a single block was too much.
        """
        if width <= 1:
            raise error
        named = error.facts.get("max_blocks") if isinstance(error, RangeRefused) else None
        if isinstance(named, int) and 0 < named < width:
            self.blocks = self._widest = named
        else:
            self.blocks = max(1, width // 4)


def is_too_much(error: ChainError) -> bool:
    """Whether a narrower span may work: the node refused, or would have sent too many bytes."""
    return isinstance(error, NodeRefused) or bool(error.facts.get("max_bytes"))


def read_span(
    contracts: Contracts,
    *,
    first: int,
    last: int,
    before: Head | None,
    final: int | None,
) -> Steps[Span]:
    """Every event of the contracts in a span of blocks.

    Args:
        contracts: whose events are wanted.
        first: number of the first block.
        last: number of the last block.
        before: the block that the first one must follow; None: not compared.
        final: number of the last finalised block; None: nothing is final.

    Raises:
        ChainMoved: the chain was reorganised meanwhile, or the span is of another one.
        NodeRefused: it is too much for the node.
        ChainError: it could not be found out.
    """
    compared = [] if before is None else [get_block(before.number)]
    answers = yield from ask(
        get_block(last), _logs(contracts, first, last), get_block(last), *compared
    )
    head = parse_block(answers[0], last)
    if parse_block(answers[2], last).hash != head.hash:
        raise _moved(last)
    if before is not None and parse_block(answers[3], before.number).hash != before.hash:
        raise _moved(before.number)
    entries = _entries(answers[1], contracts, first, last)
    return Span(
        first=first, head=head, entries=(yield from _timed(entries, head=head, final=final))
    )


def fill(
    contracts: Contracts, blocks: Sequence[int], *, final: int | None
) -> Steps[tuple[Entry, ...]]:
    """Every event of some single blocks, for what was missing.

    Args:
        contracts: whose events are wanted.
        blocks: numbers.
        final: number of the last finalised block; None: nothing is final.

    Raises:
        ChainError: it could not be found out.
    """
    answers = yield from ask(*(_logs(contracts, number, number) for number in blocks))
    found = [
        entry
        for number, answer in zip(blocks, answers, strict=True)
        for entry in _entries(answer, contracts, number, number)
    ]
    return (yield from _timed(found, head=None, final=final))


def parse_block(answer: Answer, number: int | None = None) -> Head:
    """The block of an answer, which a node that knows later ones must have.

    Args:
        answer: the JSON object.
        number: that was asked for; None where it was a tag.

    Raises:
        ChainMoved: the node does not have it, any more or yet.
        InvalidAnswer: it is no block, or has numbers that no block has.
        ChainError: the call failed by itself.
    """
    if answer is None and number is not None:
        raise _moved(number)
    block = parse_head(answer, number)
    if max(block.number, block.timestamp) > _LARGEST or len(block.hash) != _HASH_LENGTH:
        raise InvalidAnswer(f"not a block: {shown(answer)}")
    return block


def _logs(contracts: Contracts, first: int, last: int) -> Request:
    return get_logs(address=contracts.addresses, topics=[_TOPICS], from_block=first, to_block=last)


def _entries(answer: Answer, contracts: Contracts, first: int, last: int) -> list[Entry]:
    logs = result_of(answer)
    if not isinstance(logs, list):
        raise InvalidAnswer(f"eth_getLogs did not return a list: {shown(logs)}")
    entries = [entry_of(log, contracts) for log in logs if not _is_removed(log)]
    entries.sort(key=_PLACE)
    if len(set(map(_PLACE, entries))) != len(entries):
        raise NodeInconsistent(
            "the node returned two events of one place", hint="Ask another node."
        )
    for entry in (*entries[:1], *entries[-1:]):
        if not first <= entry.block_number <= last:
            raise NodeInconsistent(
                f"the node returned an event of block {entry.block_number}, asked for {first} to "
                f"{last}",
                hint="Ask another node.",
            )
    return entries


def _is_removed(log: Mapping[str, Any]) -> bool:
    return isinstance(log, dict) and log.get("removed") is True


def _timed(
    entries: Sequence[Entry], *, head: Head | None, final: int | None
) -> Steps[tuple[Entry, ...]]:
    """The entries with the times of their blocks, and those above finality of the node's chain."""
    hashes: dict[int, bytes] = {}
    asked: set[int] = set()
    for entry in entries:
        number = entry.block_number
        if hashes.setdefault(number, entry.block_hash) != entry.block_hash:
            raise _moved(number)
        if entry.block_timestamp is None or final is None or number > final:
            asked.add(number)
    if hashes:
        asked.add(max(hashes))
    times = {}
    if head is not None and head.number in hashes:
        asked.discard(head.number)
        times[head.number] = _time(head, hashes)
    numbers = sorted(asked)
    answers = yield from ask(*map(get_block, numbers))
    for number, answer in zip(numbers, answers, strict=True):
        times[number] = _time(parse_block(answer, number), hashes)
    if not times:
        return tuple(entries)
    return tuple(
        entry._replace(block_timestamp=times[entry.block_number])
        if entry.block_number in times
        else entry
        for entry in entries
    )


def _time(block: Head, hashes: Mapping[int, bytes]) -> int:
    if block.hash != hashes[block.number]:
        raise _moved(block.number)
    return block.timestamp


def _moved(number: int) -> ChainMoved:
    return ChainMoved(
        f"the chain was reorganised around block {number} while it was read",
        hint="Try again in a moment.",
        block_number=number,
    )

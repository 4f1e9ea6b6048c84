"""Following a network: from the node's blocks to steps of the index, forward and back.

Rules:
  1. Each round compares the block that the index ends at with the node's block of that number. If
     they differ the index goes back to the newest block that both have, and forward again.
  2. A node that is behind the index, on the same chain, is waited for. Nothing is taken back.
  3. Up to the last finalised block, spans are fetched several at a time; above it one after the
     other, each tied to the block before it.
  4. What the events themselves say is missing is fetched block by block. What nobody has ends the
     round: the index stays where everything is there.
  5. A chain that contradicts what was final is not followed.

Where the node does not say what is final, blocks count as final after ``FINAL_DEPTH`` others.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from ethr_did.chain.answer import Head, data_of, parse_head
from ethr_did.chain.request import ask, call, get_block, get_code
from ethr_did.chain.reverts import is_revert
from ethr_did.core.keys import parse_address, to_checksum_address
from ethr_did.core.status_calls import did_registry_call, parse_address_result
from ethr_did.errors import (
    ChainError,
    ChainMoved,
    EthrDIDError,
    IndexBroken,
    RegistryMissing,
    StoreError,
)
from ethr_did.index import store
from ethr_did.index.entries import Contracts
from ethr_did.index.spans import Width, fill, is_too_much, read_span
from ethr_did.index.store import Overtaken, Step

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ethr_did.chain.networks import Network
    from ethr_did.chain.request import Answer, Steps
    from ethr_did.chain.rpc import AsyncChain
    from ethr_did.index.entries import Entry
    from ethr_did.index.linking import Gap
    from ethr_did.index.spans import Span
    from ethr_did.index.standing import Standing
    from ethr_did.index.writer import Writer

__all__ = ["FINAL_DEPTH", "Follower", "Progress", "contracts_of"]

_LOG = logging.getLogger("ethr_did")

FINAL_DEPTH = 512
"""Blocks on top of one that counts as final, on chains that do not say; as ethr-did-resolver has it."""

IN_FLIGHT = 4
"""Spans that are fetched at a time."""

_FILLS = 64
"""Round trips in which what is missing from a step must be found."""

_LOOK_BACK = 100
"""Blocks asked for at once to find where two chains part."""

_LONGEST_PAUSE = 60.0
"""Seconds between two rounds that failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far following has come."""

    network: str
    first: int
    """Number of the block where this round began."""
    block_number: int
    """Of the newest block in the index."""
    target: int
    """Number of the node's newest block."""
    events: int
    """Added in this round."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    """What the node said at the beginning of a round."""

    head: Head
    final: Head
    ours: Head | None
    """The node's block of the number that the index ends at."""
    at: float
    """Unix seconds."""


def contracts_of(network: Network) -> Contracts:
    """The contracts of a network whose events are kept."""

    def address(text: str | None) -> Any:
        return None if text is None else parse_address(text)

    return Contracts(
        did_registry=parse_address(network.did_registry),
        status_registry=address(network.status_registry),
        anchor_registry=address(network.anchor_registry),
    )


class Follower:
    """Follows one network.

    Args:
        writer: the right to write the index.
        network: with nodes; its quorum must agree on every span.
        clock: Unix seconds.
        tell: is told of every step.
        chain_options: further arguments of ``AsyncChain``, such as ``timeout``.
    """

    def __init__(
        self,
        writer: Writer,
        network: Network,
        *,
        clock: Callable[[], float],
        tell: Callable[[Progress], object] = lambda _: None,
        **chain_options: Any,
    ) -> None:
        self.network = network
        self.contracts = contracts_of(network)
        self._writer = writer
        self._clock = clock
        self._tell = tell
        self._chain: AsyncChain = dataclasses.replace(network, source=None).async_chain(
            **chain_options
        )
        self._width = Width()
        self._standing: Standing | None = None

    async def close(self) -> None:
        """Gives connections back."""
        await self._chain.close()

    async def follow(self, *, stop: asyncio.Event, interval: float) -> None:
        """Nothing; follows until it is told to stop. What the chain fails at is tried again.

        Args:
            stop: ends it after the step that is under way.
            interval: seconds from one round to the next.

        Raises:
            StoreError: the database could not be written.
        """
        failures = 0
        while not stop.is_set():
            try:
                await self.catch_up(stop=stop)
                failures = 0
            except StoreError:
                raise
            except EthrDIDError as error:
                failures += 1
                _LOG.warning("following %s: %s", self.network.name, error.message)
            pause = min(interval * 2 ** min(failures, 10), max(interval, _LONGEST_PAUSE))
            try:
                await asyncio.wait_for(stop.wait(), pause)
            except TimeoutError:
                continue

    async def catch_up(self, *, stop: asyncio.Event | None = None) -> Standing:
        """How far the network is, after everything up to the node's head was taken in.

        Args:
            stop: ends it after the step that is under way.

        Raises:
            IndexBroken: the node contradicts the index, or keeps events back.
            ChainError: it could not be found out.
            StoreError: the database could not be written.
        """
        for _ in range(_FILLS):
            try:
                return await self._round(stop)
            except Overtaken:
                self._standing = None
            except ChainMoved:
                continue
            except IndexBroken as error:
                await self._note_fault(error)
                raise
        raise ChainMoved(
            f"the chain of network {self.network.name} did not hold still to be read",
            hint="Try again in a moment.",
        )

    async def _round(self, stop: asyncio.Event | None) -> Standing:
        standing = self._standing or await self._begin()
        look = await self._chain.run(_look(standing, self._clock))
        settled = await self._settle(standing, look)
        if settled is None:  # the node is behind
            self._standing = standing
            return standing
        self._standing = standing = settled
        if standing.head is not None and standing.head.number >= look.head.number:
            self._standing = await asyncio.to_thread(self._note, standing, look)
            return self._standing
        return await self._forward(standing, look, stop)

    # -- the beginning -------------------------------------------------------------------------

    async def _begin(self) -> Standing:
        found = await asyncio.to_thread(self._find)
        if found is not None:
            return found
        code_hash, bound = await self._chain.run(_read_contracts(self.contracts))
        return await asyncio.to_thread(self._add, code_hash, bound)

    def _find(self) -> Standing | None:
        with self._writer.writing() as connection:
            return store.find_network(connection, self.network.chain_id, self.contracts)

    def _add(self, code_hash: bytes, bound: tuple[bytes, bytes]) -> Standing:
        with self._writer.writing() as connection:
            return store.add_network(
                connection,
                self.network.chain_id,
                self.contracts,
                first_block=self.network.first_block,
                code_hash=code_hash,
                bound=bound,
            )

    # -- back ----------------------------------------------------------------------------------

    async def _settle(self, standing: Standing, look: _Look) -> Standing | None:
        """The standing on the node's chain; None where the node is behind on the same chain."""
        if standing.head is None or _same(look.ours, standing.head):
            return standing
        points = await asyncio.to_thread(self._checkpoints, standing)
        if standing.final is not None:
            points.append((standing.final.number, standing.final.hash))
        below = [point for point in points if point[0] <= look.head.number]
        common = await self._common(below)
        newest = below[0] if below else None
        if look.ours is None and (newest is None or _is(common, newest)):
            _LOG.info("the node of %s is behind the index", self.network.name)
            return None
        _LOG.info(
            "%s was reorganised: from block %d back to %s",
            self.network.name,
            standing.head.number,
            common.number if common else "the beginning",
        )
        return await asyncio.to_thread(self._roll_back, standing, common)

    async def _common(self, points: Sequence[tuple[int, bytes]]) -> Head | None:
        """The newest of some blocks that the node has as well."""
        for start in range(0, len(points), _LOOK_BACK):
            part = points[start : start + _LOOK_BACK]
            answers = await self._chain.run(ask(*(get_block(number) for number, _ in part)))
            for point, answer in zip(part, answers, strict=True):
                found = None if answer is None else parse_head(answer, point[0])
                if _is(found, point):
                    return found
        return None

    def _checkpoints(self, standing: Standing) -> list[tuple[int, bytes]]:
        with self._writer.writing() as connection:
            return store.checkpoints(connection, standing)

    def _roll_back(self, standing: Standing, to: Head | None) -> Standing:
        with self._writer.writing() as connection:
            return store.roll_back(connection, standing, to, self.contracts)

    # -- forward -------------------------------------------------------------------------------

    async def _forward(
        self, standing: Standing, look: _Look, stop: asyncio.Event | None
    ) -> Standing:
        """The standing after all spans up to the node's head, or up to the step that was last."""
        first = standing.first_block if standing.head is None else standing.head.number + 1
        tally = _Tally(self, first=first, look=look)
        final = min(look.final.number, look.head.number)
        tasks: deque[asyncio.Task[list[Span]]] = deque()
        begin, before = first, standing.head
        try:
            while (tasks or begin <= final) and not _is_set(stop):
                while begin <= final and len(tasks) < IN_FLIGHT:
                    end = min(final, begin + self._width.blocks - 1)
                    fetching = self._fetch(begin, end, before=before, final=look.final.number)
                    tasks.append(asyncio.create_task(fetching))
                    begin, before = end + 1, None
                for span in await tasks.popleft():
                    standing = await self._take(standing, span, look, tally)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        while not _is_set(stop):
            begin = max(first, final + 1)
            if standing.head is not None:
                begin = max(begin, standing.head.number + 1)
            if begin > look.head.number:
                break
            end = min(look.head.number, begin + self._width.blocks - 1)
            spans = await self._fetch(begin, end, before=standing.head, final=look.final.number)
            for span in spans:
                standing = await self._take(standing, span, look, tally)
        return standing

    async def _fetch(self, first: int, last: int, *, before: Head | None, final: int) -> list[Span]:
        """The spans that cover a range of blocks, in as few parts as the node takes."""
        spans: list[Span] = []
        while first <= last:
            end = min(last, first + self._width.blocks - 1)
            try:
                span = await self._read(first, end, before=before, final=final)
            except ChainError as error:
                if not is_too_much(error):
                    raise
                self._width.refused(end - first + 1, error)
                continue
            self._width.worked(span)
            spans.append(span)
            first, before = end + 1, span.head
        return spans

    async def _read(self, first: int, last: int, *, before: Head | None, final: int) -> Span:
        def make_steps(_block: int | None) -> Steps[Span]:
            return read_span(self.contracts, first=first, last=last, before=before, final=final)

        return await self._chain.agree(make_steps)

    async def _take(self, standing: Standing, span: Span, look: _Look, tally: _Tally) -> Standing:
        """The standing after a span, with what was missing from it."""
        entries: tuple[Entry, ...] = span.entries
        for _ in range(_FILLS):
            step = Step(
                entries=entries,
                head=span.head,
                final=look.final,
                node_head=look.head.number,
                checked_at=look.at,
            )
            outcome = await asyncio.to_thread(self._append, standing, step)
            if not isinstance(outcome, list):
                self._standing = outcome
                tally.add(outcome, len(entries))
                return outcome
            entries = await self._filled(entries, outcome, final=look.final.number)
            gap = outcome[0]
        raise gap.error()

    async def _filled(
        self, entries: tuple[Entry, ...], gaps: Sequence[Gap], *, final: int
    ) -> tuple[Entry, ...]:
        """The entries with those that were missing."""
        first = self.network.first_block
        blocks = sorted({gap.block_number for gap in gaps if gap.block_number >= first})
        found = await self._chain.agree(lambda _block: fill(self.contracts, blocks, final=final))
        known = {entry.place: entry for entry in (*found, *entries)}
        if len(known) == len(entries):
            raise gaps[0].error()
        return tuple(known[place] for place in sorted(known))

    def _append(self, standing: Standing, step: Step) -> Standing | list[Gap]:
        with self._writer.writing() as connection:
            return store.append(connection, standing, step)

    def _note(self, standing: Standing, look: _Look) -> Standing:
        with self._writer.writing() as connection:
            return store.note(
                connection,
                standing,
                final=look.final,
                node_head=look.head.number,
                checked_at=look.at,
            )

    async def _note_fault(self, error: IndexBroken) -> None:
        standing = self._standing
        if standing is not None:
            self._standing = await asyncio.to_thread(self._write_fault, standing, error.message)

    def _write_fault(self, standing: Standing, fault: str) -> Standing:
        with self._writer.writing() as connection:
            return store.note_fault(connection, standing, fault)


class _Tally:
    """Tells of the steps of one round."""

    def __init__(self, follower: Follower, *, first: int, look: _Look) -> None:
        self._follower = follower
        self._first = first
        self._look = look
        self._events = 0

    def add(self, standing: Standing, events: int) -> None:
        """Nothing; tells of a step."""
        self._events += events
        assert standing.head is not None  # noqa: S101 - after a step there is one
        self._follower._tell(  # noqa: SLF001 - one module
            Progress(
                network=self._follower.network.name,
                first=self._first,
                block_number=standing.head.number,
                target=self._look.head.number,
                events=self._events,
            )
        )


def _look(standing: Standing, clock: Callable[[], float]) -> Steps[_Look]:
    """One batch, and a second one where the node does not say what is final."""
    at = clock()
    ours = [] if standing.head is None else [get_block(standing.head.number)]
    newest, final, *mine = yield from ask(get_block("latest"), get_block("finalized"), *ours)
    head = parse_head(newest)
    return _Look(
        head=head,
        final=(yield from _final_of(head, final)),
        ours=_known(mine[0]) if mine else None,
        at=at,
    )


def _final_of(head: Head, answer: Answer) -> Steps[Head]:
    if answer is not None and not isinstance(answer, ChainError):
        return parse_head(answer)
    number = max(0, head.number - FINAL_DEPTH)
    (block,) = yield from ask(get_block(number))
    return parse_head(block, number)


def _read_contracts(contracts: Contracts) -> Steps[tuple[bytes, tuple[bytes, bytes]]]:
    """The hash of the registry's code, and the DID registries that the status contracts ask."""
    others = (contracts.status_registry, contracts.anchor_registry)
    code, *found = yield from ask(
        get_code(contracts.did_registry),
        *(call(address, did_registry_call()) for address in others if address is not None),
    )
    if not (runtime := data_of(code)):
        raise _missing(contracts.did_registry, "no code")
    answers = iter(found)
    bound = [b"" if address is None else _bound_of(address, next(answers)) for address in others]
    return keccak(runtime), (bound[0], bound[1])


def _bound_of(contract: bytes, answer: Answer) -> bytes:
    data = b"" if is_revert(answer) else data_of(answer)
    if not data:
        raise _missing(contract, "no status contract")
    return parse_address_result(data)


def _missing(address: bytes, what: str) -> RegistryMissing:
    text = to_checksum_address(address)
    return RegistryMissing(
        f"at {text} there is {what}",
        hint="Check the addresses of this network, or deploy the contracts.",
        registry=text,
    )


def _known(answer: Answer) -> Head | None:
    return None if answer is None else parse_head(answer)


def _same(found: Head | None, expected: Head) -> bool:
    return found is not None and found.hash == expected.hash


def _is(found: Head | None, point: tuple[int, bytes]) -> bool:
    return found is not None and (found.number, found.hash) == point


def _is_set(stop: asyncio.Event | None) -> bool:
    return stop is not None and stop.is_set()

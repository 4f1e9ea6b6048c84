"""Following a network: from the node's blocks to steps of the index, forward and back.

Rules:
  1. Each round compares the block that the index ends at with the node's block of that number. If
     they differ the index goes back to the newest block that both have, and forward again.
  2. A node that is behind the index, on the same chain, is waited for. Nothing is taken back.
  3. Up to the last finalised block, spans are fetched several at a time; above it one after the
     other, each tied to the block before it.
  4. What the events themselves say is missing is fetched block by block. What nobody has ends the
     round: the index stays where everything is there.
  5. Events that nothing follows yet may be left out without a trace. So what becomes final is read
     once more before it counts as final, and the newest blocks are with each new one: the events of
     a node come after its blocks, where several machines answer.
  6. What contradicts itself above the last finalised block is read anew from there, once.
  7. A chain that contradicts what was final is not followed.

Where the node does not say what is final, blocks count as final after ``FINAL_DEPTH`` others.
"""

from __future__ import annotations

import asyncio
import dataclasses
import functools
import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from ethr_did.chain.answer import Head, data_of
from ethr_did.chain.request import ask, call, get_block, get_code
from ethr_did.chain.reverts import is_revert
from ethr_did.core.keys import parse_address, to_checksum_address
from ethr_did.core.status_calls import did_registry_call, parse_address_result
from ethr_did.errors import (
    ChainError,
    ChainMoved,
    EthrDIDError,
    IndexBroken,
    InvalidConfiguration,
    NodeRefused,
    QuorumFailed,
    RegistryMissing,
    StoreError,
)
from ethr_did.index import store
from ethr_did.index.entries import Contracts
from ethr_did.index.remembering import Remembered
from ethr_did.index.spans import Width, fill, is_too_much, parse_block, read_span
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

_ATTEMPTS = 64
"""How often a round begins again where the chain moves."""

_AGAIN = 8
"""Newest blocks that are read once more with the next one."""

_LOOK_BACK = 100
"""Blocks asked for at once to find where two chains part."""

_MOST_BYTES = 24 << 20
"""Longest answer of a node: more than the events of one full block, and several are in flight."""

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
    final: Head | None
    """None: nodes do not agree on it at the moment."""
    ours: Head | None
    """The node's block of the number that the index ends at."""
    at: float
    """Unix seconds."""

    def brings_new(self, head: Head, final: Head | None) -> bool:
        """Whether there are newer blocks than the index has, or some that have become final."""
        settled = min(_number(self.final), self.head.number)
        return self.head.number > head.number or settled > _number(final)


def contracts_of(network: Network) -> Contracts:
    """The contracts of a network whose events are kept."""
    return _contracts(network.did_registry, network.status_registry, network.anchor_registry)


@functools.lru_cache(maxsize=256)
def _contracts(did: str, status: str | None, anchor: str | None) -> Contracts:
    # Remembered: it is asked for whenever a kept answer is given again.
    return Contracts(
        did_registry=parse_address(did),
        status_registry=None if status is None else parse_address(status),
        anchor_registry=None if anchor is None else parse_address(anchor),
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
            **{"max_bytes": _MOST_BYTES, **chain_options}
        )
        self._width = Width()
        self._standing: Standing | None = None
        self._was_anew = False
        self._remembered = Remembered() if writer.is_alone else None

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
        self._was_anew = False
        for _ in range(_ATTEMPTS):
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
        self._standing = standing = self._standing or await self._begin()
        look = await self._look(standing)
        settled = await self._settle(standing, look)
        if settled is None:  # the node is behind
            return standing
        self._standing = standing = settled
        if standing.head is not None and not look.brings_new(standing.head, standing.final):
            self._standing = await asyncio.to_thread(self._note, standing, look)
            return self._standing
        try:
            return await self._forward(standing, look, stop)
        except IndexBroken:
            if self._was_anew or not await self._back_to_final():
                raise
        self._was_anew = True
        raise ChainMoved("what is not final yet is read anew")

    async def _look(self, standing: Standing) -> _Look:
        at = self._clock()
        try:
            return await self._chain.agree(lambda block: _read_look(standing, block, at=at))
        except QuorumFailed:
            # Nodes do not learn at the same moment what is final.
            return await self._chain.agree(
                lambda block: _read_look(standing, block, at=at, with_final=False)
            )

    # -- the beginning -------------------------------------------------------------------------

    async def _begin(self) -> Standing:
        found = await asyncio.to_thread(self._find)
        first = self.network.first_block
        if found is None:
            code_hash, bound = await self._chain.agree(
                lambda _block: _read_contracts(self.contracts, first)
            )
            return await asyncio.to_thread(self._add, code_hash, bound)
        if found.first_block > first:
            self._standing = found
            raise IndexBroken(
                f"the index begins at block {found.first_block}, and events of network "
                f"{self.network.name} may be in earlier ones, from block {first}",
                hint="Begin anew: `ethr-did index rebuild`.",
            )
        return found

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

    async def _back_to_final(self) -> bool:
        """Whether there was something that is not final; it is taken back."""
        standing = self._standing
        if standing is None or standing.head is None:
            return False
        final = standing.final
        if final is not None and standing.head.number <= final.number:
            return False
        _LOG.warning("%s contradicts itself: what is not final is read anew", self.network.name)
        self._standing = await asyncio.to_thread(self._roll_back, standing, final)
        return True

    async def _common(self, points: Sequence[tuple[int, bytes]]) -> Head | None:
        """The newest of some blocks that the node has as well."""
        for start in range(0, len(points), _LOOK_BACK):
            part = points[start : start + _LOOK_BACK]
            answers = await self._chain.run(ask(*(get_block(number) for number, _ in part)))
            for point, answer in zip(part, answers, strict=True):
                found = None if answer is None else parse_block(answer, point[0])
                if _is(found, point):
                    return found
        return None

    def _checkpoints(self, standing: Standing) -> list[tuple[int, bytes]]:
        with self._writer.writing() as connection:
            return store.checkpoints(connection, standing)

    def _roll_back(self, standing: Standing, to: Head | None) -> Standing:
        self._forget()
        with self._writer.writing() as connection:
            return store.roll_back(connection, standing, to, self.contracts)

    # -- forward -------------------------------------------------------------------------------

    async def _forward(
        self, standing: Standing, look: _Look, stop: asyncio.Event | None
    ) -> Standing:
        """The standing after all spans up to the node's head, or up to the step that was last."""
        tally = _Tally(self, standing, look)
        final = min(_number(look.final or standing.final), look.head.number)
        begin = standing.first_block
        if standing.head is not None and standing.final is not None:
            begin = standing.final.number + 1
        standing = await self._settled_spans(range(begin, final + 1), standing, look, tally, stop)
        begin = max(begin, final + 1, _number(standing.head) + 1 - _AGAIN)
        while begin <= look.head.number and not _is_set(stop):
            end = min(look.head.number, begin + self._width.blocks - 1)
            for span in await self._fetch(begin, end, before=standing.head, final=final):
                standing = await self._take(standing, span, look, tally)
            begin = end + 1
        return standing

    async def _settled_spans(
        self,
        blocks: range,
        standing: Standing,
        look: _Look,
        tally: _Tally,
        stop: asyncio.Event | None,
    ) -> Standing:
        """The standing after finalised blocks, of which several spans are fetched at a time."""
        if not blocks or _is_set(stop):
            return standing
        tasks: deque[asyncio.Task[list[Span]]] = deque()
        final = blocks.stop - 1
        # Alone: it shows how wide the others may be.
        before = standing.final or standing.head
        span = await self._fetch_one(blocks.start, final, before=before, final=final)
        standing = await self._take(standing, span, look, tally)
        begin = span.head.number + 1
        try:
            while (tasks or begin < blocks.stop) and not _is_set(stop):
                while begin < blocks.stop and len(tasks) < IN_FLIGHT:
                    end = min(blocks.stop, begin + self._width.blocks) - 1
                    fetching = self._fetch(begin, end, before=None, final=final)
                    tasks.append(asyncio.create_task(fetching))
                    begin = end + 1
                for span in await tasks.popleft():
                    standing = await self._take(standing, span, look, tally)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return standing

    async def _fetch(self, first: int, last: int, *, before: Head | None, final: int) -> list[Span]:
        """The spans that cover a range of blocks, in as few parts as the node takes."""
        spans: list[Span] = []
        while first <= last:
            span = await self._fetch_one(first, last, before=before, final=final)
            spans.append(span)
            first, before = span.head.number + 1, span.head
        return spans

    async def _fetch_one(self, first: int, last: int, *, before: Head | None, final: int) -> Span:
        """The span from a block on, as wide as the node takes it."""
        while True:
            end = min(last, first + self._width.blocks - 1)
            try:
                span = await self._read(first, end, before=before, final=final)
            except ChainError as error:
                if not is_too_much(error):
                    raise
                self._width.refused(end - first + 1, error)
                continue
            self._width.worked(span)
            return span

    async def _read(self, first: int, last: int, *, before: Head | None, final: int) -> Span:
        def make_steps(_block: int | None) -> Steps[Span]:
            return read_span(self.contracts, first=first, last=last, before=before, final=final)

        return await self._chain.agree(make_steps)

    async def _take(self, standing: Standing, span: Span, look: _Look, tally: _Tally) -> Standing:
        """The standing after a span, with what was missing from it."""
        entries: tuple[Entry, ...] = span.entries
        while True:
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
                tally.add(standing, outcome, entries)
                return outcome
            final = _number(look.final or standing.final)
            entries = await self._filled(entries, outcome, final=final)

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
        try:
            with self._writer.writing() as connection:
                return store.append(connection, standing, step, self._remembered)
        except BaseException:
            self._forget()
            raise

    def _forget(self) -> None:
        if self._remembered is not None:
            self._remembered.forget()

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

    def __init__(self, follower: Follower, standing: Standing, look: _Look) -> None:
        self._follower = follower
        head = standing.head
        self._first = standing.first_block if head is None else head.number + 1
        self._look = look
        self._events = 0

    def add(self, before: Standing, after: Standing, entries: Sequence[Entry]) -> None:
        """Nothing; tells of a step, unless it was a second look."""
        held = _number(before.head)
        if _number(after.head) == held:
            return
        self._events += sum(entry.block_number > held for entry in entries)
        assert after.head is not None  # noqa: S101 - after a step there is one
        self._follower._tell(  # noqa: SLF001 - one module
            Progress(
                network=self._follower.network.name,
                first=self._first,
                block_number=after.head.number,
                target=self._look.head.number,
                events=self._events,
            )
        )


def _read_look(
    standing: Standing, block: int | None, *, at: float, with_final: bool = True
) -> Steps[_Look]:
    """One batch, and a second one where the node does not say what is final."""
    ours = [] if standing.head is None else [get_block(standing.head.number)]
    tags = [get_block("finalized")] if with_final else []
    newest, *more = yield from ask(get_block("latest" if block is None else block), *ours, *tags)
    head = parse_block(newest, block)
    return _Look(
        head=head,
        final=(yield from _final_of(head, more[-1])) if with_final else None,
        ours=_known(more[0]) if ours else None,
        at=at,
    )


def _final_of(head: Head, answer: Answer) -> Steps[Head]:
    if answer is not None and not isinstance(answer, NodeRefused):
        return parse_block(answer)
    number = max(0, head.number - FINAL_DEPTH)
    (block,) = yield from ask(get_block(number))
    return parse_block(block, number)


def _read_contracts(
    contracts: Contracts, first_block: int
) -> Steps[tuple[bytes, tuple[bytes, bytes]]]:
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
    if first_block:
        yield from _check_first_block(contracts, first_block)
    return keccak(runtime), (bound[0], bound[1])


def _check_first_block(contracts: Contracts, first_block: int) -> Steps[None]:
    """Raises if a contract was there before; a node that keeps no old state cannot tell."""
    codes = yield from ask(*(get_code(address, first_block - 1) for address in contracts.addresses))
    for address, code in zip(contracts.addresses, codes, strict=True):
        if not isinstance(code, ChainError) and data_of(code):
            raise InvalidConfiguration(
                f"first_block is {first_block}, and the contract {to_checksum_address(address)} "
                "was there before",
                hint="Set first_block to the block of its deployment, or to 0.",
            )


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
    return None if answer is None else parse_block(answer)


def _number(block: Head | None) -> int:
    return -1 if block is None else block.number


def _same(found: Head | None, expected: Head) -> bool:
    return found is not None and found.hash == expected.hash


def _is(found: Head | None, point: tuple[int, bytes]) -> bool:
    return found is not None and (found.number, found.hash) == point


def _is_set(stop: asyncio.Event | None) -> bool:
    return stop is not None and stop.is_set()

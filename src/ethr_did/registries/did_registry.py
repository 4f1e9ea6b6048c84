"""The DID registry: what to ask a node for, and whether what it says can be believed.

How a reading works, for one identity or a thousand:
  1. One batch asks for the head, for the state of all identities (one ``eth_call`` that also says
     which block, chain and code it saw), for all their events, and for the head again. When the
     two heads are one chain, the state is of that head, and the events are linked from ``changed``
     down to nothing, the answer is whole and of one block: one round trip.
  2. Where block times are missing from the logs, one more batch brings the blocks, and their
     hashes must be those of the logs.
  3. Where the node refuses so wide a log query, or leaves something out, windows that end at the
     next missing event are asked for: every one brings at least one change.
  4. Where the chain moved while it was read, the reading starts again, tied to one block number.

A node that does not know is an error of its own class; it never shortens a history.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from eth_hash.auto import keccak

from ethr_did.chain import request as ask
from ethr_did.chain.answer import Head, data_of, parse_head, quantity_of, result_of
from ethr_did.core.calls import changed_call, identity_owner_call
from ethr_did.core.erc1056 import TOPICS, Event, OwnerChanged, decode_log
from ethr_did.core.history import find_gap, in_order
from ethr_did.core.keys import ZERO_ADDRESS, Address, to_checksum_address
from ethr_did.errors import (
    ChainError,
    ChainMoved,
    HistoryMissing,
    InvalidAnswer,
    NodeInconsistent,
    NodeRefused,
    NotFoundError,
    RangeRefused,
    RegistryMissing,
    WrongChain,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ethr_did.chain.request import Answer, Request, Steps

__all__ = ["DIDRegistry", "Reading"]

CHUNK = 400
"""Identities of one state call and one log query: 11 KB of answer, under every limit known."""

ATTEMPTS = 4
"""How often a reading starts again when the chain moves."""

FIRST_WINDOW = 10_000
"""Blocks of the first window when a node refuses the whole range without naming a limit."""

MAX_EVENTS = 100_000
"""Most events of one identity that are read."""

MAX_SPREAD = 16
"""Most windows asked for at once beyond the one that must hold an event."""

_At: TypeAlias = "int | Literal['latest']"
"""Where a reading is made: at a block number, or at the newest block."""

_TOPICS = [bytes.fromhex(topic[2:]) for topic in TOPICS]
_NO_CODE = (bytes(32), keccak(b""))
_TOO_MUCH = (NodeRefused, HistoryMissing)
"""Refusals of a log query that a narrower one may not meet: pruned nodes still have newer logs."""
_UNKNOWN = 2**64 - 1
_PROBE_HEADER = 113
_PROBE_ENTRY = 28


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """Whole histories, all as of one block."""

    head: Head
    """The block that the answer is of."""
    events: Mapping[Address, tuple[Event, ...]]
    """Of every identity asked about, in order, with block times; nothing later than the head."""
    times: Mapping[int, int | NotFoundError] = field(default_factory=dict)
    """Unix seconds of the further blocks asked about, by number; the error where not mined yet."""


@dataclass(frozen=True, slots=True)
class _State:
    """What the registry stores of an identity, and at which block that was seen."""

    changed: int
    owner: Address


@dataclass(frozen=True, slots=True)
class _Snapshot:
    """The states, and the block the node saw when it gave them."""

    number: int
    states: Mapping[Address, _State]


class _Retry(Exception):
    """The reading has to start again; ``error`` is what it means if it cannot."""

    def __init__(self, error: ChainError, head: Head, *, without_probe: bool = False) -> None:
        super().__init__(str(error))
        self.error = error
        self.head = head
        self.without_probe = without_probe


class DIDRegistry:
    """The reading client of one registry.

    Args:
        address: of the registry.
        chain_id: that the network has; another one is an error.
        first_block: block of its deployment, where log queries start.
    """

    def __init__(self, address: Address, *, chain_id: int, first_block: int = 0) -> None:
        self.address = address
        self.chain_id = chain_id
        self.first_block = first_block

    def read_histories(
        self,
        identities: Sequence[Address],
        *,
        block: int | None = None,
        times_of: Sequence[int] = (),
    ) -> Steps[Reading]:
        """The whole histories of some identities, as of one block.

        Args:
            identities: each once or more.
            block: number of the block to read at; None for the newest.
            times_of: numbers of further blocks whose time is wanted.

        Raises:
            NotFoundError: ``block`` is not mined yet.
            ChainError: of the class that says why nothing reliable can be said.
        """
        wanted = tuple(dict.fromkeys(identities))
        pinned, use_probe = block, True
        attempt = 0
        while True:
            attempt += 1
            try:
                return (yield from self._read(wanted, pinned, times_of, use_probe=use_probe))
            except _Retry as again:
                if attempt == ATTEMPTS:
                    raise again.error from again.error.__cause__
                pinned = again.head.number if block is None else block
                # A node that refuses the state call, or shows another block's state twice, is
                # asked in plain calls.
                use_probe = not again.without_probe and attempt < ATTEMPTS - 1 and use_probe
            except NotFoundError as gone:
                if block is not None or pinned is None:
                    raise
                # The node itself had called this block its head; nobody asked for it by number.
                if attempt == ATTEMPTS:
                    raise _moved(pinned) from gone
                pinned = max(0, pinned - 1)

    def _read(
        self,
        identities: tuple[Address, ...],
        pinned: int | None,
        times_of: Sequence[int],
        *,
        use_probe: bool,
    ) -> Steps[Reading]:
        at: _At = "latest" if pinned is None else pinned
        chunks = [identities[i : i + CHUNK] for i in range(0, len(identities), CHUNK)]
        questions = [self._state_requests(chunk, at, use_probe=use_probe) for chunk in chunks]
        batch = [ask.get_block(at)]
        for chunk, question in zip(chunks, questions, strict=True):
            batch += [*question, self._logs(chunk, self.first_block, at)]
        batch += [ask.get_block(number) for number in times_of]
        # The head once more, last: everything between two looks at one chain is of that chain.
        batch.append(ask.get_block(at))
        answers = list((yield batch))

        head = parse_head(answers[0], pinned)
        _check_same_chain(head, parse_head(answers[-1], pinned))
        start = len(answers) - 1 - len(times_of)
        times = {n: _time_of(n, answers[start + i], head) for i, n in enumerate(times_of)}
        events: dict[Address, tuple[Event, ...]] = {}
        place = 1
        for chunk, question in zip(chunks, questions, strict=True):
            end = place + len(question)
            snapshot = self._snapshot(chunk, answers[place:end], head, use_probe=use_probe)
            if snapshot.number != head.number and pinned is not None:
                raise _Retry(_other_block(snapshot.number, head), head, without_probe=True)
            events.update((yield from self._complete(snapshot, head, answers[end])))
            place = end + 1
        return Reading(head=head, events=(yield from _timed(events, head)), times=times)

    def _logs(self, identities: Sequence[Address], first: int, last: _At) -> Request:
        topics = [_TOPICS, [identity.rjust(32, b"\0") for identity in identities]]
        return ask.get_logs(address=self.address, topics=topics, from_block=first, to_block=last)

    # The state: one call that names its block, or plain calls tied to a number

    def _state_requests(
        self, identities: Sequence[Address], at: _At, *, use_probe: bool
    ) -> list[Request]:
        if use_probe:
            return [ask.call(None, _probe_code(self.address, identities), at)]
        requests = [ask.chain_id(), ask.get_code(self.address, at)]
        for identity in identities:
            requests.append(ask.call(self.address, changed_call(identity), at))
            requests.append(ask.call(self.address, identity_owner_call(identity), at))
        return requests

    def _snapshot(
        self,
        identities: Sequence[Address],
        answers: Sequence[Answer],
        head: Head,
        *,
        use_probe: bool,
    ) -> _Snapshot:
        if not use_probe:
            return self._plain_snapshot(identities, answers, head)
        try:
            return self._probe_snapshot(identities, answers[0], head)
        except (NodeRefused, InvalidAnswer) as error:
            # Some nodes run no init code in a call.
            raise _Retry(error, head, without_probe=True) from error

    def _probe_snapshot(
        self, identities: Sequence[Address], answer: Answer, head: Head
    ) -> _Snapshot:
        data = data_of(answer)
        if len(data) != _PROBE_HEADER + _PROBE_ENTRY * len(identities) or data[0] != 1:
            raise InvalidAnswer(f"the state call returned {len(data)} bytes of another form")
        number = int.from_bytes(data[1:9])
        self._check_chain_id(int.from_bytes(data[49:81]))
        self._check_code(data[81:113] not in _NO_CODE)
        if number < head.number:
            raise _Retry(_other_block(number, head), head)
        if number == head.number and data[17:49] != head.parent_hash:
            raise _Retry(_moved(head.number), head)
        states = {}
        for i, identity in enumerate(identities):
            entry = data[_PROBE_HEADER + _PROBE_ENTRY * i :][:_PROBE_ENTRY]
            changed = int.from_bytes(entry[:8])
            if changed == _UNKNOWN:
                raise self._no_registry("code that does not answer like an ERC-1056 registry")
            states[identity] = _State(changed, Address(entry[8:]))
        return _Snapshot(number, states)

    def _plain_snapshot(
        self, identities: Sequence[Address], answers: Sequence[Answer], head: Head
    ) -> _Snapshot:
        self._check_chain_id(quantity_of(answers[0]))
        self._check_code(bool(data_of(answers[1])))
        states = {}
        for i, identity in enumerate(identities):
            changed, owner = (self._word(a) for a in answers[2 + 2 * i : 4 + 2 * i])
            states[identity] = _State(int.from_bytes(changed), Address(owner[12:]))
        return _Snapshot(head.number, states)

    def _word(self, answer: Answer) -> bytes:
        data = data_of(answer)
        if len(data) != 32:  # noqa: PLR2004 - one ABI word
            raise self._no_registry("code that does not answer like an ERC-1056 registry")
        return data

    def _check_chain_id(self, actual: int) -> None:
        if actual != self.chain_id:
            raise WrongChain(
                f"the node is on chain {actual}, the network is chain {self.chain_id}",
                hint="Check the RPC URL of this network.",
                expected=self.chain_id,
                actual=actual,
            )

    def _check_code(self, has_code: bool) -> None:  # noqa: FBT001 - private, one question
        if not has_code:
            raise self._no_registry("no code")

    def _no_registry(self, what: str) -> RegistryMissing:
        address = to_checksum_address(self.address)
        return RegistryMissing(
            f"at the registry address {address} on chain {self.chain_id} there is {what}",
            hint="Check did_registry of this network, or deploy a registry.",
            registry=address,
            chain_id=self.chain_id,
        )

    # The events: one wide query where the node serves it, windows where it does not

    def _complete(
        self, snapshot: _Snapshot, head: Head, answer: Answer
    ) -> Steps[dict[Address, tuple[Event, ...]]]:
        events: dict[Address, list[Event]] = {identity: [] for identity in snapshot.states}
        window = FIRST_WINDOW
        if isinstance(answer, _TOO_MUCH):
            # Also refusals in words we do not know: a narrower query shows what they meant.
            window = _narrower(head.number + 1, answer)
        else:
            self._collect(events, answer, snapshot.number)
        try:
            yield from self._walk(events, snapshot, head, window)
            for identity, state in snapshot.states.items():
                _check_owner(identity, state, events[identity])
        except NodeInconsistent as error:
            raise _Retry(error, head) from error
        return {
            identity: tuple(event for event in found if event.block_number <= head.number)
            for identity, found in events.items()
        }

    def _collect(self, events: dict[Address, list[Event]], answer: Answer, last_block: int) -> None:
        """Adds the events of a log answer; what came after the state was read is left out."""
        logs = result_of(answer)
        if not isinstance(logs, list):
            raise InvalidAnswer(f"eth_getLogs did not return a list: {shown(logs)}")
        fresh: dict[Address, list[Event]] = {}
        for log in logs:
            event = decode_log(log)
            if event.identity not in events or not self._is_ours(log):
                raise NodeInconsistent(f"the node returned a log nobody asked for: {shown(log)}")
            if event.block_number <= last_block:
                fresh.setdefault(event.identity, []).append(event)
        for identity, new in fresh.items():
            if len(events[identity]) + len(new) > MAX_EVENTS:
                raise InvalidAnswer(
                    f"more than {MAX_EVENTS} events of {to_checksum_address(identity)}"
                )
            events[identity] = in_order([*events[identity], *new])

    def _is_ours(self, log: Mapping[str, Any]) -> bool:
        return str(log.get("address", "")).lower() == "0x" + self.address.hex()

    def _walk(
        self, events: dict[Address, list[Event]], snapshot: _Snapshot, head: Head, window: int
    ) -> Steps[None]:
        """Fills the gaps, newest first; returns when every chain of changes is whole."""
        width, spread = window, 1
        while gaps := _gaps(events, snapshot):
            plan = [
                (identity, first, last)
                for identity, gap in gaps.items()
                for first, last in self._windows(gap, width, spread if len(gaps) == 1 else 1)
            ]
            queries = [self._logs([identity], *span) for identity, *span in plan]
            # The head again, in the same round trip: windows of two chains must not mix.
            *answers, again = yield [*queries, ask.get_block(head.number)]
            if _block_below(head, head.number, again).hash != head.hash:
                raise _Retry(_moved(head.number), head)
            refusals = [answer for answer in answers if isinstance(answer, _TOO_MUCH)]
            for answer in answers:
                if not isinstance(answer, _TOO_MUCH):
                    self._collect(events, answer, snapshot.number)
            if refusals:
                if width == 1 and spread == 1:
                    raise refusals[0]
                window = width = _narrower(width, refusals[0])
                spread = 1
            elif stuck := _gaps(events, snapshot).items() & gaps.items():
                if width == 1:
                    raise self._missing(*min(stuck), snapshot, head)
                # Perhaps the answer was cut off: ask for that one block.
                width, spread = 1, 1
            else:
                width, spread = min(window, width * 10), min(MAX_SPREAD, spread * 2)

    def _windows(self, gap: int, width: int, count: int) -> list[tuple[int, int]]:
        """Ranges of blocks, the first of which ends at the gap, going back in time."""
        floor = self.first_block if gap >= self.first_block else 0
        lasts = range(gap, max(floor - 1, gap - count * width), -width)
        return [(max(floor, last - width + 1), last) for last in lasts]

    def _missing(
        self, identity: Address, gap: int, snapshot: _Snapshot, head: Head
    ) -> HistoryMissing | _Retry:
        if head.number < gap <= snapshot.number:
            # The state is of a block that the logs have not reached.
            return _Retry(_other_block(snapshot.number, head), head)
        return HistoryMissing(
            f"{to_checksum_address(identity)} changed in block {gap}, "
            "but the node has no event of it there",
            hint="The node has pruned or not indexed its logs. Use an archive node.",
            block_number=gap,
        )


def _gaps(events: Mapping[Address, list[Event]], snapshot: _Snapshot) -> dict[Address, int]:
    found = (
        (identity, find_gap(events[identity], state.changed))
        for identity, state in snapshot.states.items()
    )
    return {identity: gap for identity, gap in found if gap is not None}


def _check_owner(identity: Address, state: _State, events: Sequence[Event]) -> None:
    """The owner that the registry stores must be the one the events lead to.

    Pointers cannot show that an event in the middle of a block was left out; of the events that
    matter most, changes of owner, this does.
    """
    owners = [event.owner for event in events if isinstance(event, OwnerChanged)]
    expected = owners[-1] if owners and owners[-1] != ZERO_ADDRESS else identity
    if state.owner != expected:
        raise NodeInconsistent(
            f"the events of {to_checksum_address(identity)} lead to owner "
            f"{to_checksum_address(expected)}, the registry says {to_checksum_address(state.owner)}",
            hint="Ask another node.",
        )


def _timed(
    events: Mapping[Address, tuple[Event, ...]], head: Head
) -> Steps[dict[Address, tuple[Event, ...]]]:
    """The events with their block times, and their blocks shown to be of one chain."""
    hashes = {head.number: head.hash}
    untimed: set[int] = set()
    for event in (event for found in events.values() for event in found):
        if hashes.setdefault(event.block_number, event.block_hash) != event.block_hash:
            raise _Retry(_moved(head.number), head)
        if event.block_timestamp is None:
            untimed.add(event.block_number)
    if not untimed:
        return dict(events)
    numbers = sorted(untimed)
    answers = yield [ask.get_block(number) for number in numbers]
    times = {}
    for number, answer in zip(numbers, answers, strict=True):
        block = _block_below(head, number, answer)
        if block.hash != hashes[number]:
            raise _Retry(_moved(head.number), head)
        times[number] = block.timestamp
    return {
        identity: tuple(
            event
            if event.block_timestamp is not None
            else dataclasses.replace(event, block_timestamp=times[event.block_number])
            for event in found
        )
        for identity, found in events.items()
    }


def _check_same_chain(first: Head, second: Head) -> None:
    """Raises unless the second head is the first one or its child."""
    if first.hash in (second.hash, second.parent_hash):
        return
    raise _Retry(_moved(first.number), second)


def _moved(number: int) -> ChainMoved:
    return ChainMoved(
        f"the chain was reorganised around block {number} at each of {ATTEMPTS} readings",
        hint="Try again in a moment, or ask for a finalised block.",
        block_number=number,
    )


def _block_below(head: Head, number: int, answer: Answer) -> Head:
    """The block of an answer, which a node that has the head must know.

    That it does not is no "not found": the block is there.
    """
    if answer is None:
        error = NodeInconsistent(
            f"the node calls block {head.number} its head, and does not know block {number}",
            hint="Its replicas may be out of step, or it has dropped old blocks: ask another node.",
            block_number=number,
            head=head.number,
        )
        raise _Retry(error, head)
    return parse_head(answer, number)


def _other_block(number: int, head: Head) -> NodeInconsistent:
    return NodeInconsistent(
        f"the node shows the state of block {number} and calls block {head.number} its head",
        hint="Its replicas may be out of step: ask another node.",
        state_block=number,
        head=head.number,
    )


def _narrower(width: int, error: ChainError) -> int:
    """The width to try next after a refusal: what the node named, or a tenth."""
    named = error.facts.get("max_blocks") if isinstance(error, RangeRefused) else None
    if isinstance(named, int) and 0 < named < width:
        return named
    return max(1, min(FIRST_WINDOW, width // 10))


def _probe_code(registry: Address, identities: Sequence[Address]) -> bytes:
    from ethr_did.chain.artifacts import ContractName, load

    head = registry.rjust(32, b"\0") + (64).to_bytes(32) + len(identities).to_bytes(32)
    arguments = head + b"".join(identity.rjust(32, b"\0") for identity in identities)
    return load(ContractName.DID_REGISTRY_PROBE).init_code + arguments


def _time_of(number: int, answer: Answer, head: Head) -> int | NotFoundError:
    if number > head.number:
        return NotFoundError(
            f"block {number} is not mined yet; the head is block {head.number}",
            block_number=number,
            head=head.number,
        )
    block = _block_below(head, number, answer)
    if number == head.number and block.hash != head.hash:
        raise _Retry(_moved(head.number), head)
    return block.timestamp

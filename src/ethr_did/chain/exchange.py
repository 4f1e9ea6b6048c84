"""How a batch gets its answers: order of nodes, retries, splitting, checks, agreement.

Rules:
  * One batch is one round trip. It is split only where ``batch_limit`` or the node demands it,
    and answers come back in the order of the requests.
  * A request that fails by itself has an error as its answer. A batch that fails as a whole
    raises: first it is tried again, then the next node is asked, then the error names them all.
  * A transaction is never sent twice, unless the failure proves that it was not received.
  * A node on another chain is an error, not a reason to ask the next.
  * Nothing here sends or sleeps. The rules are generators that yield what to do (``Post``,
    ``Pause``); ``Chain`` and ``AsyncChain`` in rpc.py do it.
"""

from __future__ import annotations

import logging
import random
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeAlias, TypeVar, cast

import tenacity

from ethr_did.chain.node_errors import refusal
from ethr_did.chain.nodes import AsyncNode, Node, Reply
from ethr_did.chain.quorum import Outcome, Vote
from ethr_did.chain.request import Answer, Request, Steps, block_number, chain_id
from ethr_did.chain.wire import BatchRefused
from ethr_did.errors import (
    ChainError,
    EthrDIDError,
    InvalidAnswer,
    InvalidConfiguration,
    NodeBusy,
    NodeUnreachable,
    WrongChain,
    shown,
)

__all__ = ["Exchange", "Pause", "Plan", "Post", "Route"]

T = TypeVar("T")
N = TypeVar("N", bound=Node | AsyncNode)

_LOG = logging.getLogger("ethr_did")

_SENDING = ("eth_sendRawTransaction", "eth_sendTransaction")
_LONGEST_PAUSE = 30.0
"""Seconds; a node that asks for more is given up sooner."""
_FIRST_PAUSE = 0.25
_PATIENCE = 90.0
"""Seconds that one batch may spend at one node, pauses included."""


@dataclass(slots=True)
class Route(Generic[N]):
    """A node and what has been learnt about it."""

    node: N
    batch_limit: int
    """Requests it takes at once; shrinks when it refuses."""
    checked: bool = False
    """Whether it has named the right chain id."""


@dataclass(frozen=True, slots=True)
class Post(Generic[N]):
    """To do: one round trip. Answered by the replies."""

    node: N
    batch: Sequence[Request]


@dataclass(frozen=True, slots=True)
class Pause:
    """To do: wait. Answered by None."""

    seconds: float


Plan: TypeAlias = Generator["Post[N] | Pause", Any, T]


class Exchange(Generic[N]):
    """The nodes of a chain, what is known about them, and the rules for asking them."""

    def __init__(
        self,
        nodes: Sequence[str | object] | str,
        open_node: Callable[..., N],
        *,
        chain_id: int | None,
        quorum: int,
        timeout: float,
        retries: int,
        batch_limit: int,
        max_bytes: int,
        rng: random.Random | None,
    ) -> None:
        listed = [nodes] if isinstance(nodes, str) else list(nodes)
        if not 1 <= quorum <= max(1, len(listed)) or not listed:
            raise InvalidConfiguration(
                f"a quorum of {quorum} out of {len(listed)} nodes cannot be had",
                hint="Give at least one node, and at least as many as the quorum.",
            )
        self.chain_id = chain_id
        self.quorum = quorum
        self.round_trips = 0
        """Round trips made so far, retries included."""
        self._retries = retries
        # Jitter spreads clients that were turned away together; nothing secret hangs on it.
        self._rng = rng or random.Random()  # noqa: S311
        self._lock = threading.Lock()
        self._preferred = 0
        self._routes: tuple[Route[N], ...] = tuple(
            Route(open_node(source, timeout=timeout, max_bytes=max_bytes), batch_limit)
            for source in listed
        )

    def __repr__(self) -> str:
        labels = ", ".join(route.node.label for route in self._routes)
        return f"{type(self).__name__}({labels})"

    def order(self) -> Sequence[Route[N]]:
        """The nodes, the one that answered last first: a dead one costs its time-outs once."""
        first = self._preferred
        return (*self._routes[first:], *self._routes[:first])

    def plan(self, batch: Sequence[Request], routes: Sequence[Route[N]]) -> Plan[N, list[Answer]]:
        """One batch at the first node that answers it."""
        if not batch:
            return []
        failures: list[ChainError] = []
        for route in routes:
            try:
                answers = yield from self._at(route, batch)
            except WrongChain:
                raise
            except ChainError as failure:
                failures.append(failure)
                if _sends(batch) and not failure.facts.get("not_sent"):
                    raise
            else:
                self._preferred = self._routes.index(route)
                return answers
        raise _no_node(failures)

    def _at(self, route: Route[N], batch: Sequence[Request]) -> Plan[N, list[Answer]]:
        """One batch at one node, which is asked for its chain id along the way, once."""
        if self.chain_id is None or route.checked:
            return (yield from self._parts(route, batch))
        if _sends(batch):
            # Not in one batch: the transaction would be out before the answer is in.
            self._check_chain_id(route, (yield from self._parts(route, [chain_id()]))[0])
            return (yield from self._parts(route, batch))
        answers = yield from self._parts(route, [chain_id(), *batch])
        self._check_chain_id(route, answers[0])
        return answers[1:]

    def _parts(self, route: Route[N], batch: Sequence[Request]) -> Plan[N, list[Answer]]:
        """One batch at one node, in as few parts as it takes."""
        answers: list[Answer] = []
        while len(answers) < len(batch):
            part = batch[len(answers) : len(answers) + route.batch_limit]
            try:
                answers += yield from self._attempts(route, part)
            except BatchRefused as refused:
                route.batch_limit = refused.size or max(1, len(part) // 2)
                _LOG.debug("%s takes %d requests at once", route.node.label, route.batch_limit)
        return answers

    def _attempts(self, route: Route[N], part: Sequence[Request]) -> Plan[N, list[Answer]]:
        """One round trip, and again for what the node was too busy to answer."""
        # tenacity decides, as everywhere; its loop is unrolled here because the sleeping and the
        # sending are done by the caller of this generator.
        retrying = self._retrying(part)
        retrying.begin()
        state = tenacity.RetryCallState(retrying, None, (), {})
        answers: list[Answer] = [None] * len(part)
        open_places = list(range(len(part)))
        while True:
            step = retrying.iter(state)
            if isinstance(step, tenacity.DoAttempt):
                try:
                    replies = yield Post(route.node, [part[place] for place in open_places])
                    for place, reply in zip(open_places, replies, strict=True):
                        answers[place] = _answer(part[place], reply, route.node)
                    open_places = _busy_places(part, answers)
                    if open_places:
                        raise answers[open_places[0]]
                except ChainError:
                    state.set_exception(cast("Any", sys.exc_info()))
                else:
                    state.set_result(answers)
            elif isinstance(step, tenacity.DoSleep):
                state.prepare_for_next_attempt()
                yield Pause(float(step))
            else:
                return answers

    def _retrying(self, part: Sequence[Request]) -> tenacity.Retrying:
        def worth_it(failure: BaseException) -> bool:
            if not isinstance(failure, (NodeUnreachable, NodeBusy)):
                return False
            return not _sends(part) or bool(failure.facts.get("not_sent"))

        return tenacity.Retrying(
            retry=tenacity.retry_if_exception(worth_it),
            stop=tenacity.stop_after_attempt(self._retries + 1)
            | tenacity.stop_before_delay(_PATIENCE),
            wait=self._pause,
            reraise=True,
        )

    def _pause(self, state: tenacity.RetryCallState) -> float:
        """Seconds until the next attempt: what the node asks for, else twice as long each time."""
        failure = state.outcome.exception() if state.outcome else None
        asked = failure.facts.get("retry_after") if isinstance(failure, EthrDIDError) else None
        if asked is not None:
            return min(float(asked), _LONGEST_PAUSE)
        longest: float = _FIRST_PAUSE * 2 ** min(state.attempt_number - 1, 10)
        return min(longest, _LONGEST_PAUSE) * (0.5 + self._rng.random() / 2)

    def _check_chain_id(self, route: Route[N], answer: Answer) -> None:
        if isinstance(answer, ChainError):
            raise answer
        actual = _quantity(answer, "eth_chainId", route.node.label)
        if actual != self.chain_id:
            raise WrongChain(
                f"{route.node.label} is on chain {actual}, not on chain {self.chain_id}",
                hint="Check the RPC URL and the chain_id of this network.",
                node=route.node.label,
                actual=actual,
                expected=self.chain_id,
            )
        route.checked = True

    def count(self, post: Post[N]) -> None:
        """Nothing; counts and logs a round trip that is about to be made."""
        with self._lock:
            self.round_trips += 1
        if _LOG.isEnabledFor(logging.DEBUG):
            methods = ", ".join(sorted({one.method for one in post.batch}))
            _LOG.debug("%s: %d requests (%s)", post.node.label, len(post.batch), methods)

    def agreement(
        self, make_steps: Callable[[int | None], Steps[T]]
    ) -> Generator[Sequence[tuple[Route[N], Steps[Any]]], list[Outcome[Any]], T]:
        """The quorum rules: yields readings to make, each at its node; is sent their outcomes."""
        routes = self._routes
        heads = yield [(route, _head(route.node.label)) for route in routes]
        vote: Vote[T] = Vote([route.node.label for route in routes], heads, quorum=self.quorum)
        block = vote.block
        voters = [route for route, head in zip(routes, heads, strict=True) if vote.has(head)]
        outcomes = yield [(route, make_steps(block)) for route in voters]
        for route, outcome in zip(voters, outcomes, strict=True):
            vote.add(route.node.label, outcome)
        return vote.result()


def _sends(batch: Sequence[Request]) -> bool:
    return any(one.method in _SENDING for one in batch)


def _answer(asked: Request, reply: Reply, node: Node | AsyncNode) -> Answer:
    if reply.get("error") is not None:
        return refusal(asked, reply["error"], node=node.label, url=node.url)
    return reply.get("result")


def _busy_places(part: Sequence[Request], answers: Sequence[Answer]) -> list[int]:
    """The places to ask again; a transaction that met a busy node is for its sender to judge."""
    return [
        place
        for place, answer in enumerate(answers)
        if isinstance(answer, NodeBusy) and part[place].method not in _SENDING
    ]


def _no_node(failures: Sequence[ChainError]) -> ChainError:
    """The error for a batch that no node answered: the one failure, or all of them in one.

    Of several kinds, "busy" counts most, since waiting may help, then "unreachable".
    """
    if len(failures) == 1:
        return failures[0]
    said = "; ".join(failure.message for failure in failures)
    kinds = [type(failure) for failure in failures]
    kind = next((one for one in (NodeBusy, NodeUnreachable) if one in kinds), kinds[-1])
    return kind(
        f"none of {len(failures)} nodes answered: {said}",
        hint=next((one.hint for one in failures if isinstance(one, kind)), ""),
        said=tuple(failure.message for failure in failures),
        not_sent=all(failure.facts.get("not_sent") for failure in failures),
    )


def _quantity(answer: Answer, method: str, label: str) -> int:
    try:
        if isinstance(answer, str) and answer.startswith("0x"):
            return int(answer, 16)
    except ValueError:
        pass
    raise InvalidAnswer(f"{label} answered {method} with {shown(answer)}", node=label)


def _head(label: str) -> Steps[int]:
    (answer,) = yield [block_number()]
    if isinstance(answer, ChainError):
        raise answer
    return _quantity(answer, "eth_blockNumber", label)

"""An index in tests: followed round by round, and asked beside the node it follows."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import select

from ethr_did.index import tables
from ethr_did.index.following import Follower
from ethr_did.index.index import Freshness, Index
from ethr_did.index.store import IndexDatabase
from ethr_did.index.writer import Writer
from ethr_did.resolver import Resolver
from ethr_did.status.reading import StatusReader
from support.fake_chain import FakeChain, Person

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ethr_did.chain.networks import Network
    from ethr_did.core.resolution import ResolutionResult
    from ethr_did.index.following import Progress
    from ethr_did.index.standing import Standing

ALICE, BOB, CAROL = (Person.named(name) for name in ("alice", "bob", "carol"))
PEOPLE = (ALICE, BOB, CAROL)

NOW = 1_000_000.0
"""What the clock of an index shows, until a test says otherwise."""


class Indexed:
    """A network, and the index that follows it.

    Example:
        indexed = Indexed(url, fake.network())
        indexed.follow()
        indexed.resolver().resolve(alice.did)
    """

    def __init__(
        self,
        url: str,
        network: Network,
        *,
        freshness: Freshness = Freshness(),  # noqa: B008 - immutable
        patience: float = 5.0,
        **chain_options: Any,
    ) -> None:
        self.network = network
        self.now = NOW
        """Unix seconds, for the index; what is resolved has a clock of its own."""
        self.database = IndexDatabase(url, patience=patience)
        self.index = Index(self.database, clock=lambda: self.now, freshness=freshness)
        self.steps: list[Progress] = []
        """What was told of the steps so far."""
        self._options = {"retries": 0, **chain_options}
        self._writer: Writer | None = None
        self._follower: Follower | None = None
        self._loop = asyncio.Runner()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends everything; the right to write is given back."""
        self.restart()
        if self._writer is not None:
            self._writer.close()
        self._loop.close()
        self.database.close()

    # Following

    @property
    def writer(self) -> Writer:
        """The right to write, taken when it is first wanted."""
        if self._writer is None:
            self._writer = Writer.open(self.database)
            assert self._writer is not None, "somebody else follows"
        return self._writer

    @property
    def follower(self) -> Follower:
        """Follows the network; always the same one."""
        if self._follower is None:
            self._follower = Follower(
                self.writer,
                self.network,
                clock=lambda: self.now,
                tell=self.steps.append,
                **self._options,
            )
        return self._follower

    def follow(self) -> Standing:
        """How far the index is after one round."""
        return self._loop.run(self.follower.catch_up())

    def restart(self) -> None:
        """The next round is made by a follower that knows nothing."""
        if self._follower is not None:
            self._loop.run(self._follower.close())
            self._follower = None

    # Asking

    @property
    def standing(self) -> Standing:
        """How far the index is."""
        found = self.index.standing(self.network)
        assert found is not None
        return found

    def served(self, *, with_node: bool = False) -> Network:
        """The network as it is read from the index."""
        return dataclasses.replace(self.network, source=self.index.source(with_node=with_node))

    def resolver(self, *, now: float = 0.0, with_node: bool = False, **options: Any) -> Resolver:
        """Resolves from the index."""
        served = self.served(with_node=with_node)
        return Resolver([served], clock=lambda: now, retries=0, **options)

    def statuses(self, *, with_node: bool = False, **options: Any) -> StatusReader:
        """Reads statuses from the index."""
        return StatusReader([self.served(with_node=with_node)], retries=0, **options)

    # What is in it

    def places(self) -> list[tuple[int, int]]:
        """Block and log index of every event, in order."""
        events = tables.events.c
        with self.database.reading() as connection:
            rows = connection.execute(
                select(events.block, events.log_index).order_by(events.block, events.log_index)
            )
            return [(row.block, row.log_index) for row in rows]

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that a follower that began anew would have to find; without numbers of rows."""
        events, subjects, blocks = tables.events.c, tables.subjects.c, tables.blocks.c
        wanted = {
            "events": select(
                subjects.kind,
                subjects.key,
                *(events.block, events.log_index, events.topic, events.data, events.tx_hash),
            )
            .join_from(tables.events, tables.subjects, subjects.id == events.subject)
            .order_by(events.block, events.log_index),
            "subjects": select(subjects.kind, subjects.key, subjects.tip).order_by(
                subjects.kind, subjects.key
            ),
            "blocks": select(blocks.number, blocks.hash, blocks.time)
            .where(blocks.number.in_(select(events.block)))
            .order_by(blocks.number),
        }
        with self.database.reading(steady=True) as connection:
            return {
                name: [tuple(row) for row in connection.execute(statement)]
                for name, statement in wanted.items()
            }


def said(result: ResolutionResult) -> Any:
    """All that a result says, to compare it with another one; not who said it."""
    if result.error is not None:
        return type(result.error), result.error.message
    found = result.to_dict()
    found["didResolutionMetadata"]["readAt"].pop("blocksBehind", None)
    return found


def differing(
    indexed: Indexed, node: Resolver, dids: Iterable[str], *, now: float = 0.0, **options: Any
) -> list[str]:
    """The DIDs about which index and node do not say the same; the index has no node to ask."""
    asked = list(dids)
    with indexed.resolver(now=now) as resolver:
        ours = resolver.resolve_many(asked, **options)
    theirs = node.resolve_many(asked, **options)
    return [
        f"{did}: {said(mine)} is not {said(other)}"
        for did, mine, other in zip(asked, ours, theirs, strict=True)
        if said(mine) != said(other)
    ]


def agree(indexed: Indexed, fake: FakeChain) -> bool:
    """Whether index and node say the same about everybody."""
    with fake.resolver() as node:
        dids = [one.did for one in PEOPLE]
        assert differing(indexed, node, dids, now=fake.now) == []
    return True


def serve(fake: FakeChain, kind: str = "Hub", *, who: Person = ALICE) -> int:
    """Somebody publishes a service; the block."""
    return fake.add_service(who, kind, f"https://{kind}.example")

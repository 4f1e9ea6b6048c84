"""Whatever happens to identities, index and node say the same about them, at every block and time.

Made-up lives are written to a made-up chain side by side, several events to a block, with names
that nobody can read, owners that change, identities that are given up and go on. An index follows
in between, through reorganisations. Then both are asked the same.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from ethr_did.core.resolution import format_time
from ethr_did.errors import NotIndexed
from support.fake_chain import FakeChain, Person
from support.histories import Move, make_life
from support.indexing import Indexed, differing, said

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ethr_did.resolver import Resolver

SEEDS = range(4)
LIVES = 4
BLOCKS = 7


def apply(fake: FakeChain, who: Person, move: Move) -> None:
    """A move, as the registry emits it."""
    match move.method, move.arguments:
        case "changeOwner", (owner,):
            fake.change_owner(who, Person(bytes.fromhex(owner[2:])).address)  # type: ignore[arg-type]
        case "addDelegate", (kind, delegate, validity):
            fake._delegate(who, kind, _person(delegate), fake.ledger.now + validity)
        case "revokeDelegate", (kind, delegate):
            fake.revoke_delegate(who, kind, _person(delegate))
        case "setAttribute", (name, value, validity):
            fake.raw_attribute(who, name, value, fake.ledger.now + validity)
        case "revokeAttribute", (name, value):
            fake.revoke_attribute(who, name, value)
        case _:
            raise AssertionError(move)


def _person(address: str) -> Person:
    return Person(bytes.fromhex(address[2:]))  # type: ignore[arg-type]


class World:
    """A chain with some lives on it, and an index that has followed it all along."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)  # noqa: S311 - tests repeat
        self.fake = FakeChain()
        self.fake.with_times = bool(seed % 2)
        self.fake.final_depth = 6
        self.indexed = Indexed(f"sqlite:///{folder}/index.db", self.fake.network())
        self.lives = [make_life(self.random, blocks=BLOCKS) for _ in range(LIVES)]
        for place in range(BLOCKS):
            self._live(place)
            if self.random.random() < 0.5:
                self.indexed.follow()
            if self.fake.head > 6 and self.random.random() < 0.4:
                self.fake.reorganise(self.random.randint(1, 5))
        self.fake.mine(2)
        self.indexed.follow()

    def _live(self, place: int) -> None:
        with self.fake.one_block():
            for life in self.lives:
                for move in life.blocks[place]:
                    apply(self.fake, _person(life.identity), move)
        self.fake.mine(self.random.randint(0, 2))

    @property
    def dids(self) -> list[str]:
        """One of nobody, and one that is none, among them."""
        mine = [f"did:ethr:dev:{life.identifier}" for life in self.lives]
        return [*mine, Person.named("nobody").did, "did:ethr:dev:0x12", mine[0]]

    def known(self) -> set[int]:
        """Blocks that an index holds for sure: those with events, the newest, and the final one."""
        with_events = {block.number for block in self.fake.ledger.blocks if block.logs}
        return {*with_events, self.fake.head, self.fake.head - 6}


@pytest.fixture(scope="module", params=SEEDS)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    made = World(request.param, tmp_path_factory.mktemp("world"))
    yield made
    made.indexed.close()


@pytest.fixture
def node(world: World) -> Iterator[Resolver]:
    with world.fake.resolver() as resolver:
        yield resolver


def moments(world: World) -> Sequence[int]:
    times = [block.timestamp for block in world.fake.ledger.blocks]
    return sorted({time + step for time in times for step in (-1, 0)})


def test_now(world: World, node: Resolver) -> None:
    assert differing(world.indexed, node, world.dids, now=world.fake.now) == []


def test_one_by_one(world: World, node: Resolver) -> None:
    with world.indexed.resolver(now=world.fake.now) as ours:
        for did in world.dids:
            assert said(ours.resolve(did)) == said(node.resolve(did))


def test_at_every_block_that_the_index_holds(world: World, node: Resolver) -> None:
    for number in sorted(world.known()):
        found = differing(world.indexed, node, world.dids, now=world.fake.now, version_id=number)
        assert found == [], number


def test_at_other_blocks_the_index_alone_does_not_know(world: World, node: Resolver) -> None:
    """A block at which a step ended may be known as well; then the answer is the node's."""
    others = set(range(world.fake.head)) - world.known()
    assert others
    unknown = 0
    with world.indexed.resolver(now=world.fake.now) as ours:
        for number in others:
            for did in world.dids[:2]:
                found = ours.resolve(did, version_id=number)
                if isinstance(found.error, NotIndexed):
                    unknown += 1
                else:
                    assert said(found) == said(node.resolve(did, version_id=number))
    assert unknown


def test_at_every_block_with_a_node_to_ask(world: World, node: Resolver) -> None:
    with world.indexed.resolver(now=world.fake.now, with_node=True) as ours:
        for number in (*range(world.fake.head + 1), world.fake.head + 5):
            mine = ours.resolve_many(world.dids, version_id=number)
            theirs = node.resolve_many(world.dids, version_id=number)
            assert [*map(said, mine)] == [*map(said, theirs)], number


def test_at_every_time(world: World, node: Resolver) -> None:
    for moment in moments(world):
        text = format_time(moment)
        found = differing(world.indexed, node, world.dids, now=world.fake.now, version_time=text)
        assert found == [], text


def test_histories(world: World, node: Resolver) -> None:
    with world.indexed.resolver(now=world.fake.now) as ours:
        for did in world.dids[: LIVES + 1]:
            mine, theirs = ours.history(did).to_dict(), node.history(did).to_dict()
            mine["readAt"].pop("blocksBehind", None)
            assert mine == theirs


def test_what_did_urls_name(world: World, node: Resolver) -> None:
    paths = ["#controller", "#delegate-1", "#delegate-2", "#service-1", "?service=Hub", "#nothing"]
    block = min(number for number in world.known() if number)
    paths += [f"?versionId={block}#controller", f"?versionTime={format_time(world.fake.now)}"]
    with world.indexed.resolver(now=world.fake.now) as ours:
        for did in world.dids[:LIVES]:
            for path in paths:
                mine, theirs = ours.dereference(did + path), node.dereference(did + path)
                assert str(mine.error) == str(theirs.error)
                assert mine.content == theirs.content


def test_the_node_was_not_asked(world: World) -> None:
    before = world.fake.rounds
    with world.indexed.resolver(now=world.fake.now) as ours:
        ours.resolve_many(world.dids)
        ours.history(world.dids[0])
        assert ours.round_trips == 0
    assert world.fake.rounds == before

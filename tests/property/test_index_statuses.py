"""Whatever issuers do, index and node say the same about every status, at every block and time.

Random changes of two issuers, of their owners and delegates, of words, records and anchored lists,
several to a block, are written to a real chain; issuers give up their identity on the way and go
on. An index follows in between, through blocks that are taken back. Then both are asked the same.
"""

from __future__ import annotations

import dataclasses
import random
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.local import LocalChain
from ethr_did.core.bitstring import BitOrder
from ethr_did.core.keys import parse_address
from ethr_did.core.status_answer import FinalityPolicy, Status, undetermined
from ethr_did.core.status_calls import NO_HEADER, Header
from ethr_did.core.status_entry import Anchor, BitstringEntry
from ethr_did.core.status_list import Authority, Flag, ListId, Purpose, StatusWord
from ethr_did.errors import EthrDIDError, StatusUndetermined
from ethr_did.index.entries import Kind
from ethr_did.registries.status_registry import StatusRegistry
from ethr_did.status.reading import StatusQuestion, StatusReader
from support.indexing import Indexed
from support.status_chain import deploy_status
from support.status_stage import StatusStage, list_id

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount
    from ethr_did.status.reading import StatusOptions

SEEDS = range(2)
STEPS = 24
LISTS = [
    list_id(capacity=512),
    list_id(Purpose.LIFECYCLE, bits=2, capacity=512),
    list_id(Purpose.LIFECYCLE, bits=8, flags=Flag.TERMINAL, capacity=256),
]
ANCHORED = list_id(flags=Flag.ANCHORED, salt=b"\x77")
INDEXES = [0, 25, 26, 103, 207, 208]
SALTS = [b"\x11" * 32, b"\x22" * 32]
DIGEST = b"\x0d" * 32
DEPTH = 4
"""Blocks that are not final."""


class World:
    """A chain with statuses on it, and an index that has followed it all along."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = random.Random(seed)  # noqa: S311 - tests repeat
        chain = LocalChain()
        self.stage = StatusStage(chain=chain, network=deploy_status(chain))
        self.stage.node.final = 0
        self.indexed = Indexed(f"sqlite:///{folder}/index.db", self.stage.asked())
        self.owners = {0: 0, 1: 1}
        self.stored: dict[tuple[int, bytes, int], int] = {}
        self.versions: dict[int, Header] = {0: NO_HEADER, 1: NO_HEADER}
        for _ in range(STEPS):
            self._step()
        self._mined(1)
        self.stage.node.remember = True

    def _step(self) -> None:
        chance = self.random.random()
        if chance < 0.15:
            self._taken_back()
        elif chance < 0.3:
            self.stage.mine(self.random.randint(1, 3))
        elif chance < 0.45:
            self._publish(self.random.choice([0, 1]))
        elif chance < 0.9:
            with self.stage.one_block():
                for _ in range(self.random.randint(1, 5)):
                    self._change(self.random.choice([0, 1]))
                self.stage.chain.mine()
        else:
            issuer = self.random.choice([0, 1])
            self._hand_over(issuer)
        if self.random.random() < 0.5:
            self._mined(0)

    def _mined(self, count: int) -> None:
        self.stage.mine(count)
        self.stage.node.final = max(self.stage.node.final or 0, self.stage.head - DEPTH)
        self.indexed.follow()

    def _taken_back(self) -> None:
        """Blocks that the index has seen, and that never were."""
        mark = self.stage.chain.snapshot()
        kept = dict(self.stored), dict(self.owners), dict(self.versions)
        self._publish(0)
        self._change(1)
        final = self.stage.node.final
        self.indexed.follow()
        self.stage.chain.revert(mark)
        self.stored, self.owners, self.versions = kept
        self.stage.node.final = final
        self.stage.chain.advance(7)
        self.stage.mine()

    def account(self, number: int) -> LocalAccount:
        return self.stage.chain.accounts[number]

    def _change(self, issuer: int) -> None:
        who = self.account(issuer)
        kind = self.random.choice(["entry", "entry", "word", "record"])
        listed = self.random.choice(LISTS)
        if kind == "entry":
            self._entry(issuer, listed, self.random.choice(INDEXES))
        elif kind == "word" and self.owners[issuer] == issuer and not listed.is_terminal:
            values = {index: self.random.randrange(1 << listed.bits) for index in INDEXES[:3]}
            self.stage.set_values(who, listed, values)
        elif kind == "record" and self.owners[issuer] == issuer:
            salt = self.random.choice(SALTS)
            if self.stored.get((issuer, salt, 0)) != 1:
                value = self.random.randrange(4)
                self.stored[issuer, salt, 0] = value
                self.stage.set_record(who, salt, DIGEST, value)

    def _entry(self, issuer: int, listed: ListId, index: int) -> None:
        value = self.random.randrange(1 << min(listed.bits, 2))
        place = (issuer, listed.value, index)
        if listed.is_terminal and self.stored.get(place) == 1 and value != 1:
            return
        self.stored[place] = value
        by, who = self.account(self.owners[issuer]), self.account(issuer)
        self.stage.set_status(who, listed, index, value, by=by, authority=Authority.OWNER)

    def _publish(self, issuer: int) -> None:
        if self.owners[issuer] == issuer:
            digest = bytes([self.random.randrange(1, 256)]) * 32
            self.versions[issuer] = self.stage.publish(
                self.account(issuer), ANCHORED, self.versions[issuer], digest=digest
            )

    def _hand_over(self, issuer: int) -> None:
        who, by = self.account(issuer), self.account(self.owners[issuer])
        if self.random.random() < 0.3:
            self.stage.deactivate(who, by=by)
            self.owners[issuer] = issuer
        else:
            heir = self.random.choice([2, 3, issuer])
            self.stage.change_owner(who, self.account(heir), by=by)
            self.owners[issuer] = heir

    # Asking

    def questions(self) -> list[StatusQuestion]:
        """About everything that was written, and some that was not."""
        found = []
        for number in (0, 1, 4):
            issuer = self.stage.did(self.account(number))
            entries: list[Any] = [
                self.stage.entry(listed, index) for listed in LISTS for index in INDEXES
            ]
            entries += [self.stage.record(salt) for salt in (*SALTS, b"\x33" * 32)]
            found += [StatusQuestion(entry=one, issuer=issuer, digest=DIGEST) for one in entries]
        return found

    def node(self, **options: Any) -> StatusReader:
        return self.stage.reader(**options)


@pytest.fixture(scope="module", params=SEEDS)
def world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[World]:
    made = World(request.param, tmp_path_factory.mktemp("world"))
    yield made
    made.indexed.close()


def plain(status: Any) -> Any:
    """A status to compare: errors are equal if they say the same."""
    if isinstance(status, EthrDIDError):
        return type(status), status.message
    if isinstance(status, Status) and status.reason is not None:
        return dataclasses.replace(status, reason=None), plain(status.reason)
    return status


def same(world: World, **options: Any) -> bool:
    questions = world.questions()
    with world.indexed.statuses() as ours, world.node() as node:
        mine = ours.read_statuses(questions, **options)
        theirs = node.read_statuses(questions, **options)
    for question, one, other in zip(questions, mine, theirs, strict=True):
        assert plain(one) == plain(other), (question, options)
    return True


@pytest.mark.parametrize("policy", FinalityPolicy)
@pytest.mark.parametrize("exact", [False, True])
def test_now(world: World, policy: FinalityPolicy, *, exact: bool) -> None:
    assert same(world, policy=policy, exact_since=exact, times=exact)


def test_without_a_lens(world: World) -> None:
    network = dataclasses.replace(world.indexed.served(), status_lens=None)
    questions = world.questions()
    with StatusReader([network], retries=0) as ours, world.node() as node:
        mine, theirs = ours.read_statuses(questions), node.read_statuses(questions)
    assert [*map(plain, mine)] == [*map(plain, theirs)]


def test_at_blocks(world: World) -> None:
    for number in range(1, world.stage.head + 2, 5):
        policy = list(FinalityPolicy)[number % 2]
        assert same(world, at_block=number, policy=policy)


def test_at_times(world: World) -> None:
    blocks = range(1, world.stage.head + 1, 6)
    times = [
        int(world.stage.ask("eth_getBlockByNumber", hex(n), False)["timestamp"], 16) for n in blocks
    ]
    for time in times:
        assert same(world, at_time=time, exact_since=True, times=True)


def test_whole_lists(world: World) -> None:
    for policy in FinalityPolicy:
        for listed in LISTS:
            with world.indexed.statuses() as ours, world.node() as node:
                for number in (0, 1):
                    issuer = world.stage.did(world.account(number))
                    at = world.stage.head // 2 if number else None
                    found = [
                        read(reader, listed, issuer, policy=policy, at_block=at)
                        for reader in (ours, node)
                    ]
                    assert found[0] == found[1]


def read(reader: StatusReader, listed: ListId, issuer: Any, **options: Any) -> Any:
    try:
        return reader.read_list(listed, issuer, order=BitOrder.MSB_FIRST, **options)
    except EthrDIDError as error:
        return plain(error)


def test_histories(world: World) -> None:
    with world.indexed.statuses() as ours, world.node() as node:
        for question in world.questions():
            found = [
                reader.read_history(question.entry, question.issuer, digest=question.digest)
                for reader in (ours, node)
            ]
            assert found[0] == found[1]


def test_anchored_lists(world: World) -> None:
    class Shelf:
        """Keeps what it is asked about."""

        def __init__(self) -> None:
            self.seen: list[Any] = []

        def read(self, _entry: Any, anchored: Any) -> Any:
            self.seen.append(anchored)
            return _undetermined()

    anchor = Anchor(
        registry=dataclasses.replace(world.stage.registry, address=world.stage.anchors),
        list_id=ANCHORED,
    )
    entry = BitstringEntry(
        list_url="https://l.example/1", purpose=Purpose.REVOCATION, index=3, anchor=anchor
    )
    head = world.stage.head
    moments: list[StatusOptions] = [{}, {"at_block": head}, {"at_time": world.stage.now}]
    moments.append({"at_block": head // 2})
    # The index alone may not know the time of a block in the past.
    for options, with_node in zip(moments, (False, False, False, True), strict=True):
        seen, said = [], []
        for make in (partial(world.indexed.statuses, with_node=with_node), world.node):
            shelf = Shelf()
            with make(lists=shelf) as reader:
                for number in (0, 1, 4):
                    issuer = world.stage.did(world.account(number))
                    said.append(plain(reader.read_status(entry, issuer, **options)))
            seen.append([_plain_list(one) for one in shelf.seen])
        assert seen[0] == seen[1], options
        assert said[:3] == said[3:], options


def _plain_list(anchored: Any) -> Any:
    return dataclasses.replace(
        anchored,
        network=None,
        latest=plain(anchored.latest),
        finalized=plain(anchored.finalized),
        too_old=plain(anchored.too_old),
    )


def _undetermined() -> Status:
    return undetermined(StatusUndetermined("not read"))


def test_words_are_stored_as_the_contract_stores_them(world: World) -> None:
    """Straight from the storage of the chain, word by word."""
    network = world.stage.asked()
    identity = parse_address(world.account(0).address)
    with network.chain(retries=0) as chain, world.indexed.served().chain() as index:
        for listed in LISTS:
            for number in _known(world):
                found = [
                    one.run(
                        StatusRegistry(world.stage.statuses).read_words(identity, listed, number)
                    )
                    for one in (index, chain)
                ]
                assert found[0] == found[1]
                assert all(isinstance(word, StatusWord) for word in found[0])


def _known(world: World) -> set[int]:
    return {block for block, _ in world.indexed.places()} | {world.stage.head}


def test_the_node_was_not_asked(world: World) -> None:
    before = world.stage.node.rounds
    with world.indexed.statuses() as ours:
        ours.read_statuses(world.questions())
    assert world.stage.node.rounds == before
    assert {kind for kind, *_ in world.indexed.contents()["subjects"]} >= {Kind.WORD, Kind.IDENTITY}

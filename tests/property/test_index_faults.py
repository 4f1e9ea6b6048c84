"""Whatever a node does wrong, an index never says what is not so; afterwards it says all there is.

A random walk: people change, blocks are dropped, the node is behind, refuses, keeps back, lies. The
index follows after each step, or fails to. What it then says about somebody is an error, or what an
honest node says that ends at the same block. The newest events alone can be kept back without a
trace: where that was done, what it says was true at an earlier block.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.errors import EthrDIDError
from support.fake_chain import FakeChain, Ledger, Person
from support.indexing import Indexed, differing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

PEOPLE = [Person.named(f"person {number}") for number in range(4)]
DIDS = [one.did for one in PEOPLE]
FINAL = 10
STEPS = 45


class Walk:
    """A chain, its faulty node, and an index of it."""

    def __init__(self, seed: int, folder: Path, *, keeps_back: bool) -> None:
        self.random = random.Random(seed)  # noqa: S311 - tests repeat
        self.fake = FakeChain()
        self.fake.final_depth = FINAL
        self.fake.mine(FINAL + 3)
        self.kept_since: int | None = None
        """The first block that something may be kept back of."""
        self.indexed = Indexed(f"sqlite:///{folder}/index.db", self.fake.network())
        self.faults: list[Callable[[], object]] = [
            self.behind,
            self.narrow,
            self.untimed,
            self.wrong_hashes,
            self.wrong_pointer,
            self.moving,
            self.dead,
            self.half_dead,
        ]
        if keeps_back:
            self.faults += [self.lost_block, self.lost_event, self.cut] * 2
        self.failures: list[EthrDIDError] = []

    def step(self) -> None:
        """Something happens, and the index follows as well as it can."""
        if self.kept_since is not None and self.fake.head - self.kept_since > FINAL - 4:
            self.heal()  # what was kept back until it is final nobody finds
        chance = self.random.random()
        if chance < 0.5:
            self.live()
        elif chance < 0.6:
            self.reorganise(self.random.randint(1, FINAL - 2), keep_logs=chance < 0.55)
        elif chance < 0.85:
            self.random.choice(self.faults)()
        else:
            self.heal()
        if self.random.random() < 0.1:
            self.indexed.restart()
        try:
            self.indexed.follow()
        except EthrDIDError as error:
            self.failures.append(error)

    # What happens

    def live(self) -> None:
        for _ in range(self.random.randint(1, 3)):
            with self.fake.one_block():
                for who in self.random.choices(PEOPLE, k=self.random.randint(0, 3)):
                    if self.random.random() < 0.3:
                        self.fake.change_owner(who, self.random.choice(PEOPLE))
                    else:
                        kind = f"Hub{self.random.randrange(3)}"
                        self.fake.add_service(who, kind, f"https://{self.random.random()}.example")

    def reorganise(self, depth: int, *, keep_logs: bool = True) -> None:
        self.fake.reorganise(depth, keep_logs=keep_logs)
        if self.kept_since is not None:
            # All of it is read anew, and something kept back.
            self.kept_since = min(self.kept_since, self.fake.head - depth)

    def heal(self) -> None:
        fake = self.fake
        fake.head_lag, fake.max_range, fake.cut, fake.dead = 0, None, None, None
        fake.with_times = True
        fake.missing_blocks, fake.missing_logs = set(), set()
        fake.answers, fake.errors, fake.before = {}, {}, {}
        self.kept_since = None

    # What the node does wrong

    def behind(self) -> None:
        self.fake.head_lag = self.random.randint(1, 3)

    def narrow(self) -> None:
        self.fake.max_range = self.random.randint(1, 5)

    def untimed(self) -> None:
        self.fake.with_times = False

    def wrong_hashes(self) -> None:
        original = self.fake._get_logs
        self.fake.answers["eth_getLogs"] = lambda params: [
            {**log, "blockHash": "0x" + "77" * 32} for log in original(params[0])
        ]

    def wrong_pointer(self) -> None:
        """Of all events of one person, the pointers to the one before are gone."""
        original, who = self.fake._get_logs, self.random.choice(PEOPLE)
        topic = "0x" + who.address.rjust(32, b"\0").hex()

        def spoil(log: dict[str, Any]) -> dict[str, Any]:
            data = bytes.fromhex(log["data"][2:])
            at = 32 if len(data) == 64 else 96
            wrong = data[:at] + (2).to_bytes(32) + data[at + 32 :]
            return {**log, "data": "0x" + wrong.hex()} if log["topics"][1] == topic else log

        self.fake.answers["eth_getLogs"] = lambda params: [*map(spoil, original(params[0]))]

    def moving(self) -> None:
        """The chain is reorganised between two requests."""
        place = len(self.fake.requests) + self.random.randint(1, 12)
        self.fake.before[place] = lambda: self.reorganise(self.random.randint(1, 5))

    def dead(self) -> None:
        self.fake.dead = ConnectionError("gone")

    def half_dead(self) -> None:
        self.fake.errors["eth_getLogs"] = (-32603, "internal error")

    def keep_back(self) -> int:
        """The first block that something is kept back of from now on."""
        first = self.fake.head - 1
        if self.kept_since is None:
            self.kept_since = first
        return first

    def lost_block(self) -> None:
        first = self.keep_back()
        self.fake.missing_blocks = set(range(first, self.fake.head + 2))

    def lost_event(self) -> None:
        first = self.keep_back()
        self.fake.missing_logs = {(number, 1) for number in range(first, self.fake.head + 3)}

    def cut(self) -> None:
        self.keep_back()
        self.fake.cut = self.random.randint(0, 2)

    # What must hold

    def honest(self, length: int) -> FakeChain:
        """A node without faults, whose chain ends earlier."""
        return FakeChain(Ledger(blocks=self.fake.ledger.blocks[:length]))

    def check_exactly(self) -> None:
        """Of what is said, everything is so at the block that it is said to be of."""
        standing = self.indexed.index.standing(self.indexed.network)
        if standing is None or (head := standing.head) is None:
            return
        if head.number > self.fake.head:
            return
        if self.fake.ledger.blocks[head.number].hash != head.hash:
            return  # of a chain that was given up since; it says so by its hash
        with self.honest(head.number + 1).resolver() as node, self.indexed.resolver() as ours:
            theirs = node.resolve_many(DIDS)
            for mine, other in zip(ours.resolve_many(DIDS), theirs, strict=True):
                assert mine.error is not None or mine == other

    def end(self) -> None:
        """Everything heals, and what is open becomes final."""
        self.heal()
        for _ in range(3):
            self.fake.mine(FINAL // 2 + 1)
            self.indexed.follow()


def compare(walk: Walk, folder: Path) -> None:
    """The index says what a node says, and holds what an index has that is made now."""
    with walk.fake.resolver() as node:
        assert differing(walk.indexed, node, DIDS, now=walk.fake.now) == []
    with Indexed(f"sqlite:///{folder}/fresh.db", walk.fake.network()) as fresh:
        fresh.follow()
        assert walk.indexed.contents() == fresh.contents()
    assert walk.indexed.standing.fault is None


@pytest.mark.parametrize("seed", range(4))
def test_a_node_that_fails_makes_no_wrong_answers(seed: int, tmp_path: Path) -> None:
    walk = Walk(seed, tmp_path, keeps_back=False)
    try:
        for _ in range(STEPS):
            walk.step()
            walk.check_exactly()
        walk.end()
        compare(walk, tmp_path)
    finally:
        walk.indexed.close()


@pytest.mark.parametrize("seed", range(4))
def test_what_a_node_kept_back_is_there_in_the_end(seed: int, tmp_path: Path) -> None:
    walk = Walk(100 + seed, tmp_path, keeps_back=True)
    try:
        for _ in range(STEPS):
            walk.step()
        walk.end()
        compare(walk, tmp_path)
    finally:
        walk.indexed.close()

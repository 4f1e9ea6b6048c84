"""What changed since somebody looked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ethr_did.index.index import Freshness
from ethr_did.index.store import clear
from ethr_did.index.watching import IndexWatch
from support.fake_chain import FakeChain, Person
from support.indexing import Indexed

if TYPE_CHECKING:
    from pathlib import Path

ALICE, BOB = Person.named("alice"), Person.named("bob")
HUB = "https://hub.example"


@pytest.fixture
def watch(fake: FakeChain, stored: Indexed) -> IndexWatch:
    """Somebody who has looked at an index in which alice and bob are."""
    fake.add_service(ALICE, "Hub", HUB)
    fake.add_service(BOB, "Hub", HUB)
    stored.follow()
    made = IndexWatch(stored.index, [stored.network], clock=lambda: stored.now)
    made.look()
    return made


def versions(watch: IndexWatch, stored: Indexed) -> tuple[object, object]:
    return tuple(watch.version(stored.network, who.address) for who in (ALICE, BOB))  # type: ignore[return-value]


def test_what_has_not_changed_keeps_its_version(watch: IndexWatch, stored: Indexed) -> None:
    before = versions(watch, stored)
    assert None not in before
    watch.look()
    assert versions(watch, stored) == before


def test_a_change_is_of_one_identity(fake: FakeChain, watch: IndexWatch, stored: Indexed) -> None:
    alice, bob = versions(watch, stored)
    fake.add_service(ALICE, "Two", HUB)
    stored.follow()
    assert versions(watch, stored) == (alice, bob)  # nobody has looked
    watch.look()
    assert versions(watch, stored)[0] != alice
    assert versions(watch, stored)[1] == bob


def test_each_change_gives_another_version(
    fake: FakeChain, watch: IndexWatch, stored: Indexed
) -> None:
    seen = {versions(watch, stored)[0]}
    for number in range(3):
        fake.add_service(ALICE, f"S{number}", HUB)
        stored.follow()
        watch.look()
        seen.add(versions(watch, stored)[0])
    assert len(seen) == 4


def test_somebody_who_is_new_has_a_version_before_and_after(
    fake: FakeChain, watch: IndexWatch, stored: Indexed
) -> None:
    carol = Person.named("carol")
    before = watch.version(stored.network, carol.address)
    assert before is not None
    fake.add_service(carol, "Hub", HUB)
    stored.follow()
    watch.look()
    assert watch.version(stored.network, carol.address) != before


def test_the_head_is_that_of_the_last_look(
    fake: FakeChain, watch: IndexWatch, stored: Indexed
) -> None:
    head = watch.head(stored.network)
    assert head is not None
    assert (head.number, head.behind) == (fake.head, 0)
    assert watch.final(stored.network) == fake.head - 5
    fake.mine()
    stored.follow()
    assert watch.head(stored.network) == head
    watch.look()
    assert watch.head(stored.network) != head


def test_what_is_taken_back_changes_everything(
    fake: FakeChain, watch: IndexWatch, stored: Indexed
) -> None:
    before = versions(watch, stored)
    fake.reorganise(1)
    stored.follow()
    watch.look()
    assert set(versions(watch, stored)) & set(before) == set()


def test_a_network_that_is_read_anew_changes_everything(watch: IndexWatch, stored: Indexed) -> None:
    before = versions(watch, stored)
    with stored.writer.writing() as connection:
        clear(connection, stored.standing)
    stored.restart()
    watch.look()
    assert versions(watch, stored) == (None, None)
    assert watch.final(stored.network) is None
    stored.follow()
    watch.look()
    assert None not in versions(watch, stored)
    assert set(versions(watch, stored)) & set(before) == set()


def test_too_many_changes_are_forgotten_one_by_one(fake: FakeChain, stored: Indexed) -> None:
    fake.add_service(BOB, "Hub", HUB)
    stored.follow()
    watch = IndexWatch(stored.index, [stored.network], clock=lambda: stored.now, most_changed=1)
    watch.look()
    bob = versions(watch, stored)[1]
    for name in ("p", "q"):
        fake.add_service(Person.named(name), "Hub", HUB)
    stored.follow()
    watch.look()
    assert versions(watch, stored)[1] == bob
    watch.look()
    assert versions(watch, stored)[1] != bob


def test_a_network_that_is_read_anew_between_two_looks_changes_everything(
    watch: IndexWatch, stored: Indexed
) -> None:
    before = versions(watch, stored)
    with stored.writer.writing() as connection:
        clear(connection, stored.standing)
    stored.restart()
    stored.follow()
    watch.look()
    assert set(versions(watch, stored)) & set(before) == set()


def test_an_old_look_says_nothing(watch: IndexWatch, stored: Indexed) -> None:
    stored.now += Freshness().max_age + 1
    assert versions(watch, stored) == (None, None)
    assert watch.head(stored.network) is None
    assert watch.final(stored.network) is not None  # what is final stays so


def test_a_fault_says_nothing(fake: FakeChain, watch: IndexWatch, stored: Indexed) -> None:
    fake.reorganise(6)  # what was final
    fake.mine()
    with pytest.raises(Exception, match="was final"):
        stored.follow()
    watch.look()
    assert versions(watch, stored) == (None, None)
    assert watch.final(stored.network) is None


def test_nothing_is_said_before_the_first_look(fake: FakeChain, tmp_path: Path) -> None:
    with Indexed(f"sqlite:///{tmp_path}/index.db", fake.network()) as indexed:
        watch = IndexWatch(indexed.index, [indexed.network], clock=lambda: indexed.now)
        assert watch.version(indexed.network, ALICE.address) is None
        assert watch.head(indexed.network) is None
        watch.look()
        assert watch.version(indexed.network, ALICE.address) is None

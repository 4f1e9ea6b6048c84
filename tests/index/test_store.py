"""The database of an index: its schema, steps forward and back, and what they refuse."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import inspect

from ethr_did.chain.answer import Head
from ethr_did.core.keys import Address
from ethr_did.errors import IndexBroken, StoreError
from ethr_did.index import store
from ethr_did.index.entries import Contracts, Entry, Kind
from ethr_did.index.standing import Standing
from ethr_did.index.store import IndexDatabase, Overtaken, Step
from ethr_did.index.tables import SCHEMA, metadata
from support.fake_chain import REGISTRY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection

    from ethr_did.index.linking import Gap

CONTRACTS = Contracts(did_registry=REGISTRY)
ALICE, BOB = Address(b"\xa1" * 20), Address(b"\xb0" * 20)
_OWNER = 0


def block(number: int, fork: int = 0) -> Head:
    """A block of a chain, or of a fork of it."""
    return Head(
        number=number,
        hash=bytes([fork]) * 24 + number.to_bytes(8),
        parent_hash=bytes([fork]) * 24 + max(0, number - 1).to_bytes(8),
        timestamp=1000 + number,
    )


def tip(number: int) -> bytes:
    return number.to_bytes(8) if number else b""


def change(
    number: int, before: int, *, key: Address = ALICE, log_index: int = 0, fork: int = 0
) -> Entry:
    """A change of owner, and the block of the one before."""
    data = bytes(12) + key + before.to_bytes(32)
    return Entry(
        *(Kind.IDENTITY, key, _OWNER, data, tip(before), tip(number), before, number, log_index),
        *(block(number, fork).hash, b"\x02" * 32, 1000 + number),
    )


def step(*entries: Entry, head: int, final: int | None = None, fork: int = 0) -> Step:
    return Step(
        entries=entries,
        head=block(head, fork),
        final=None if final is None else block(final),
        node_head=head,
        checked_at=5.0,
    )


@pytest.fixture
def database(index_url: str) -> Iterator[IndexDatabase]:
    with IndexDatabase(index_url) as opened:
        yield opened


class Ledger:
    """Steps, each a transaction of its own."""

    def __init__(self, database: IndexDatabase) -> None:
        self.database = database
        with database.writing() as connection:
            self.standing = self._add(connection)

    def _add(self, connection: Connection) -> Standing:
        return store.add_network(
            connection, 7, CONTRACTS, first_block=1, code_hash=b"\xcc" * 32, bound=(b"", b"")
        )

    def take(self, step: Step) -> Standing | list[Gap]:
        with self.database.writing() as connection:
            outcome = store.append(connection, self.standing, step)
        if isinstance(outcome, Standing):
            self.standing = outcome
        return outcome

    def back(self, to: Head | None) -> Standing:
        with self.database.writing() as connection:
            self.standing = store.roll_back(connection, self.standing, to, CONTRACTS)
        return self.standing

    def checkpoints(self) -> list[int]:
        with self.database.reading() as connection:
            return [number for number, _ in store.checkpoints(connection, self.standing)]

    def count(self) -> int:
        with self.database.reading() as connection:
            return store.count_events(connection, self.standing)

    def stored(self) -> Standing:
        with self.database.reading() as connection:
            (found,) = store.read_standings(connection)
            return found


@pytest.fixture
def ledger(database: IndexDatabase) -> Ledger:
    return Ledger(database)


# -- the schema ------------------------------------------------------------------------------------


def test_the_migrations_make_the_tables_that_the_program_uses(database_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with IndexDatabase(database_url) as database, database.reading() as connection:
        options = {"version_table": SCHEMA.version_table, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []
        names = set(inspect(connection).get_table_names())
    assert names == {*metadata.tables, SCHEMA.version_table}


def test_a_database_of_a_newer_program_is_left_alone(database_url: str) -> None:
    with IndexDatabase(database_url) as database, database.writing() as connection:
        connection.exec_driver_sql("update index_schema set version_num = '9999'")
    with pytest.raises(StoreError, match="has schema 9999"):
        IndexDatabase(database_url)


def test_it_may_share_a_database_with_the_issuer_s(database_url: str) -> None:
    from ethr_did.status.store import StatusStore

    with StatusStore(database_url), IndexDatabase(database_url) as database:
        assert Ledger(database).take(step(change(3, 0), head=3))


# -- forward ---------------------------------------------------------------------------------------


def test_a_step_is_stored_with_head_and_final_block(ledger: Ledger) -> None:
    standing = ledger.take(step(change(3, 0), change(5, 3), head=6, final=4))
    assert standing == ledger.stored()
    assert (ledger.standing.head, ledger.standing.final) == (block(6), block(4))
    assert ledger.count() == 2


def test_a_step_with_a_gap_writes_nothing(ledger: Ledger) -> None:
    outcome = ledger.take(step(change(3, 0), change(9, 5), head=9))
    assert isinstance(outcome, list)
    assert [gap.block_number for gap in outcome] == [5]
    assert (ledger.count(), ledger.stored().head) == (0, None)


def test_a_step_with_a_contradiction_writes_nothing(ledger: Ledger) -> None:
    ledger.take(step(change(3, 0), head=4))
    with pytest.raises(IndexBroken):
        ledger.take(step(change(6, 0), head=6))
    assert (ledger.count(), ledger.stored().head) == (1, block(4))


def test_a_step_from_elsewhere_is_refused(ledger: Ledger) -> None:
    before = ledger.standing
    ledger.take(step(change(3, 0), head=4))
    ledger.standing = before
    with pytest.raises(Overtaken):
        ledger.take(step(change(3, 0), head=4))
    assert ledger.count() == 1


def test_a_step_after_somebody_went_back_and_forth_is_refused(ledger: Ledger) -> None:
    ledger.take(step(change(3, 0), head=4))
    before = ledger.standing
    ledger.back(None)
    ledger.take(step(change(3, 0), head=4))
    ledger.standing = before
    with pytest.raises(Overtaken):
        ledger.take(step(head=5))


def test_a_step_of_a_network_that_is_gone_is_refused(ledger: Ledger) -> None:
    with ledger.database.writing() as connection:
        store.clear(connection, ledger.standing)
    with pytest.raises(Overtaken):
        ledger.take(step(head=5))


def test_an_event_that_is_there_is_not_there_twice(ledger: Ledger) -> None:
    ledger.take(step(change(3, 0), change(3, 3, log_index=4), head=4))
    ledger.take(step(change(3, 0), change(3, 3, log_index=4), change(5, 3), head=5))
    assert ledger.count() == 3


def test_an_event_that_was_kept_back_is_added(ledger: Ledger) -> None:
    ledger.take(step(head=4))
    ledger.take(step(change(3, 0), head=5))
    assert ledger.count() == 1


def test_a_second_look_does_not_move_the_head(ledger: Ledger) -> None:
    ledger.take(step(change(3, 0), head=9, final=2))
    ledger.take(step(change(3, 0), change(5, 3), head=6, final=8))
    assert (ledger.standing.head, ledger.standing.final) == (block(9), block(6))
    assert ledger.count() == 2


def test_a_block_under_another_hash_is_refused(ledger: Ledger) -> None:
    ledger.take(step(change(3, 0), head=4))
    for late in (change(3, 0, fork=1), change(3, 3, log_index=7, fork=1)):
        with pytest.raises(IndexBroken, match="under another hash"):
            ledger.take(step(late, head=5))


def test_very_many_subjects_in_one_step(ledger: Ledger) -> None:
    people = [Address(number.to_bytes(20)) for number in range(1, 1501)]
    entries = [
        change(3 + number // 500, 0, key=key, log_index=number % 500)
        for number, key in enumerate(people)
    ]
    ledger.take(step(*entries, head=20, final=1))
    again = [change(30, 3 + n // 500, key=key, log_index=n) for n, key in enumerate(people)]
    ledger.take(step(*again, head=30, final=1))
    assert ledger.count() == 3000
    ledger.back(block(20))
    assert ledger.count() == 1500
    ledger.take(step(*again, head=30, final=1))
    assert ledger.count() == 3000


@pytest.mark.parametrize("number", [2**53 + 1, 2**62])
def test_blocks_with_enormous_numbers(ledger: Ledger, number: int) -> None:
    ledger.take(step(change(3, 0), change(number, 3), head=number, final=number - 1))
    assert (ledger.standing.head, ledger.stored().final) == (block(number), block(number - 1))
    assert ledger.count() == 2


# -- final -----------------------------------------------------------------------------------------


def test_what_is_final_is_not_later_than_the_step(ledger: Ledger) -> None:
    ledger.take(step(change(3, 0), head=4, final=100))
    assert ledger.standing.final == block(4)


def test_what_is_final_does_not_fall_or_change(ledger: Ledger) -> None:
    ledger.take(step(head=9, final=6))
    for final in (block(5), None, replace(block(6), hash=b"\x99" * 32)):
        ledger.take(replace(step(head=ledger.standing.head.number + 1), final=final))  # type: ignore[union-attr]
        assert ledger.standing.final == block(6)


def test_where_steps_ended_is_forgotten_once_it_is_final(ledger: Ledger) -> None:
    for number in range(3, 9):
        ledger.take(step(head=number, final=1))
    ledger.take(step(change(9, 0), head=9, final=1))
    assert ledger.checkpoints() == [9, 8, 7, 6, 5, 4, 3]
    ledger.take(step(head=10, final=6))
    assert ledger.checkpoints() == [10, 9, 8, 7]
    ledger.take(step(head=11, final=11))
    assert ledger.checkpoints() == []
    ledger.take(step(change(12, 9), head=12, final=11))
    assert ledger.checkpoints() == [12]


# -- back ------------------------------------------------------------------------------------------


def test_going_back_restores_what_was(ledger: Ledger) -> None:
    ledger.take(step(change(3, 0), change(4, 0, key=BOB), head=5, final=2))
    ledger.take(step(change(6, 3), change(6, 4, key=BOB, log_index=1), head=6, final=2))
    standing = ledger.back(block(5))
    assert (standing.head, standing.revision, ledger.count()) == (block(5), 1, 2)
    ledger.take(step(change(7, 3), change(8, 4, key=BOB), head=8, final=2, fork=0))
    assert ledger.count() == 4


def test_going_back_inside_a_block_with_several_events_is_by_block(ledger: Ledger) -> None:
    ledger.take(step(change(3, 0), change(3, 3, log_index=1), head=3, final=1))
    ledger.take(step(change(6, 3), change(6, 6, log_index=1), head=6, final=1))
    ledger.back(block(3))
    assert ledger.count() == 2
    ledger.take(step(change(7, 3), head=7, final=1))


def test_who_came_later_is_unknown_again(ledger: Ledger) -> None:
    ledger.take(step(change(3, 0), head=3, final=1))
    ledger.take(step(change(5, 0, key=BOB), head=5, final=1))
    ledger.back(block(3))
    ledger.take(step(change(6, 0, key=BOB), head=6, final=1))
    assert ledger.count() == 2


def test_everything_can_be_taken_back_while_nothing_is_final(ledger: Ledger) -> None:
    ledger.take(step(change(3, 0), head=4))
    standing = ledger.back(None)
    assert (standing.head, standing.final, ledger.count()) == (None, None, 0)
    ledger.take(step(change(2, 0, fork=1), head=4, fork=1))
    assert ledger.count() == 1


def test_what_is_final_is_not_taken_back(ledger: Ledger) -> None:
    ledger.take(step(change(3, 0), head=8, final=5))
    for to in (block(4), None):
        with pytest.raises(IndexBroken, match="before block 5, which was final"):
            ledger.back(to)
    assert (ledger.count(), ledger.stored().head) == (1, block(8))
    ledger.back(block(5))


def test_going_back_from_elsewhere_is_refused(ledger: Ledger) -> None:
    ledger.take(step(head=4))
    before = ledger.standing
    ledger.take(step(head=5))
    ledger.standing = before
    with pytest.raises(Overtaken):
        ledger.back(None)


# -- faults ----------------------------------------------------------------------------------------


def test_a_fault_stays_until_a_step_reaches_the_node_s_head(ledger: Ledger) -> None:
    ledger.take(step(head=4, final=1))
    with ledger.database.writing() as connection:
        ledger.standing = store.note_fault(connection, ledger.standing, "something is missing")
    ledger.take(replace(step(head=6, final=1), node_head=9))
    assert ledger.stored().fault == "something is missing"
    ledger.take(step(head=9, final=1))
    assert ledger.stored().fault is None


def test_a_look_that_brings_nothing_new_is_noted(ledger: Ledger) -> None:
    ledger.take(step(head=9, final=1))
    with ledger.database.writing() as connection:
        ledger.standing = store.note(
            connection, ledger.standing, final=block(4), node_head=11, checked_at=77.0
        )
    found = ledger.stored()
    assert (found.final, found.node_head, found.checked_at) == (block(4), 11, 77.0)
    assert found.blocks_behind == 2
    assert found.age(80.0) == 3.0


def test_a_look_from_elsewhere_is_refused(ledger: Ledger) -> None:
    before = ledger.standing
    ledger.take(step(head=9))
    with pytest.raises(Overtaken), ledger.database.writing() as connection:
        store.note(connection, before, final=None, node_head=9, checked_at=1.0)

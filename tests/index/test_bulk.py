"""Many rows in one statement, in each kind of database: as many as it takes, and no row twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import select

from ethr_did.errors import StoreError
from ethr_did.index import tables
from ethr_did.index.bulk import insert_rows, join_rows, update_rows
from ethr_did.index.store import IndexDatabase

if TYPE_CHECKING:
    from collections.abc import Iterator

MANY = 601
"""Two full statements, and a part of one."""


@pytest.fixture
def database(index_url: str) -> Iterator[IndexDatabase]:
    """An index with one network, 1."""
    with IndexDatabase(index_url) as opened:
        network = (1, "1", bytes(60), 0, b"", b"", b"", *[None] * 10, 0, None)
        with opened.writing() as connection:
            insert_rows(connection, tables.networks, [network])
        yield opened


def _subject(number: int) -> tuple[int, int, int, bytes, bytes]:
    return number, 1, 1, number.to_bytes(20), b"tip"


def _tips(database: IndexDatabase) -> dict[int, bytes]:
    columns = tables.subjects.c
    with database.reading() as connection:
        rows = connection.execute(select(columns.id, columns.tip))
        return {row.id: row.tip for row in rows}


def test_more_rows_than_one_statement_takes_are_all_added(database: IndexDatabase) -> None:
    with database.writing() as connection:
        insert_rows(connection, tables.subjects, [_subject(n) for n in range(MANY)])
    assert _tips(database) == dict.fromkeys(range(MANY), b"tip")


def test_no_rows_are_no_statement(database: IndexDatabase) -> None:
    with database.writing() as connection:
        insert_rows(connection, tables.subjects, [])
        update_rows(connection, tables.subjects, "tip", [])
        assert list(join_rows(connection, tables.subjects, ["id"], ["key"], [])) == []
    assert _tips(database) == {}


def test_a_row_that_is_there_is_refused(database: IndexDatabase) -> None:
    with database.writing() as connection:
        insert_rows(connection, tables.subjects, [_subject(1)])
    with pytest.raises(StoreError), database.writing() as connection:
        insert_rows(connection, tables.subjects, [_subject(2), _subject(1)])
    assert set(_tips(database)) == {1}


def test_rows_that_are_there_may_be_passed_over(database: IndexDatabase) -> None:
    blocks = [(1, number, b"a" * 32, 5) for number in range(MANY)]
    with database.writing() as connection:
        insert_rows(connection, tables.blocks, [(1, 7, b"b" * 32, 9)])
        insert_rows(connection, tables.blocks, blocks, or_ignore=True)
        found = connection.execute(select(tables.blocks.c.number, tables.blocks.c.hash)).all()
    assert {number: bytes(hash_) for number, hash_ in found} == {
        number: (b"b" if number == 7 else b"a") * 32 for number in range(MANY)
    }


def test_only_the_rows_that_are_named_are_written(database: IndexDatabase) -> None:
    new = [(number, number.to_bytes(8)) for number in range(1, MANY)]
    with database.writing() as connection:
        insert_rows(connection, tables.subjects, [_subject(n) for n in range(MANY)])
        update_rows(connection, tables.subjects, "tip", new)
    assert _tips(database) == {0: b"tip", **dict(new)}


def test_rows_are_found_by_all_the_values_that_are_wanted(database: IndexDatabase) -> None:
    wanted = [(1, 1, number.to_bytes(20)) for number in range(0, 2 * MANY, 2)]
    others = [(2, 1, bytes(20)), (1, 2, bytes(20))]
    with database.writing() as connection:
        insert_rows(connection, tables.subjects, [_subject(n) for n in range(MANY)])
        found = join_rows(
            connection,
            tables.subjects,
            ("id", "key"),
            ("network", "kind", "key"),
            [*others, *wanted],
        )
        keys = {id_: bytes(key) for id_, key in found}
    assert keys == {number: number.to_bytes(20) for number in range(0, MANY, 2)}

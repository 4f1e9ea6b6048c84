"""Many rows in one statement.

Rules:
  * One statement holds some hundred rows. Row by row, Python is woken for each of them, and on
    PostgreSQL each is a round trip.
  * The text is the same for SQLite and PostgreSQL, and for all full statements, which the drivers
    then prepare once.
"""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection, CursorResult, Table

__all__ = ["insert_rows", "join_rows", "update_rows"]

_ROWS = 250
"""Rows in one statement: eight columns stay far under the 32,766 values of SQLite."""


def insert_rows(
    connection: Connection,
    table: Table,
    rows: Sequence[tuple[Any, ...]],
    *,
    or_ignore: bool = False,
) -> None:
    """Nothing; adds rows.

    Args:
        connection: of a writing transaction.
        table: that they go into.
        rows: values of all its columns, in order.
        or_ignore: whether those that are there already are passed over, instead of being refused.
    """
    columns = ", ".join(column.name for column in table.columns)
    ending = " ON CONFLICT DO NOTHING" if or_ignore else ""
    for _ in _run(connection, f"INSERT INTO {table.name} ({columns}) VALUES {{}}{ending}", rows):  # noqa: S608 - names of ours
        continue


def update_rows(
    connection: Connection, table: Table, column: str, rows: Sequence[tuple[int, Any]]
) -> None:
    """Nothing; writes one column of some rows.

    Args:
        connection: of a writing transaction.
        table: with a column ``id``.
        column: that is written.
        rows: ids, each with the new value.
    """
    statement = (
        f"WITH new (id, value) AS (VALUES {{}}) UPDATE {table.name} SET {column} = new.value "  # noqa: S608 - names of ours
        f"FROM new WHERE {table.name}.id = new.id"
    )
    for _ in _run(connection, statement, rows, _casts(connection, table, ("id", column))):
        continue


def join_rows(
    connection: Connection,
    table: Table,
    columns: Sequence[str],
    on: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> Iterator[Any]:
    """Some columns of the rows of a table that have the values wanted.

    Args:
        connection: of a transaction.
        table: that is read.
        columns: wanted of each row.
        on: columns that are compared.
        rows: values of those columns, each once.
    """
    wanted = ", ".join(f"{table.name}.{column}" for column in columns)
    same = " AND ".join(f"{table.name}.{column} = wanted.{column}" for column in on)
    statement = (
        f"WITH wanted ({', '.join(on)}) AS (VALUES {{}}) "  # noqa: S608 - names of ours
        f"SELECT {wanted} FROM wanted JOIN {table.name} ON {same}"
    )
    for result in _run(connection, statement, rows, _casts(connection, table, on)):
        yield from result.all()


def _casts(connection: Connection, table: Table, columns: Sequence[str]) -> list[str]:
    """Placeholders for values that are in no table: PostgreSQL would take them for text."""
    mark = _mark(connection)
    if connection.dialect.name != "postgresql":
        return [mark] * len(columns)
    types = (table.columns[column].type.compile(connection.dialect) for column in columns)
    return [f"CAST({mark} AS {type_})" for type_ in types]


def _mark(connection: Connection) -> str:
    return "?" if connection.dialect.paramstyle == "qmark" else "%s"


def _run(
    connection: Connection,
    statement: str,
    rows: Sequence[tuple[Any, ...]],
    marks: Sequence[str] = (),
) -> Iterator[CursorResult[Any]]:
    """The results of a statement with the rows in place of its braces, a part of them at a time."""
    for start in range(0, len(rows), _ROWS):
        part = rows[start : start + _ROWS]
        row = f"({', '.join(marks or [_mark(connection)] * len(part[0]))})"
        text = statement.format(", ".join([row] * len(part)))
        yield connection.exec_driver_sql(text, tuple(chain.from_iterable(part)))

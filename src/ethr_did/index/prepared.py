"""Statements that are run for every reading, in little more time than the database takes.

On SQLite, SQLAlchemy's way from a statement to its rows takes several times as long as the query
itself. So the statement is spelled once, and then goes to the driver as it is. Values come back as
the driver gives them; of numbers, text and bytes those are the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Connection, Select

__all__ = ["Prepared"]


class Prepared:
    """A statement that reads.

    Args:
        statement: whose parameters are all named, and none of which stands for several values.
    """

    def __init__(self, statement: Select[Any]) -> None:
        self._statement = statement
        self._sqlite: tuple[str, Sequence[str]] | None = None

    def rows(self, connection: Connection, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """All rows, as tuples.

        Raises:
            sqlite3.Error, SQLAlchemyError: what ``Database.guarded`` turns into a ``StoreError``.
        """
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, parameters).all()
        text, order = self._sqlite or self._spelled(connection)
        driver: Any = connection.connection.driver_connection
        found: list[tuple[Any, ...]] = driver.execute(
            text, [parameters[name] for name in order]
        ).fetchall()
        return found

    def _spelled(self, connection: Connection) -> tuple[str, Sequence[str]]:
        compiled = self._statement.compile(dialect=connection.dialect)
        self._sqlite = str(compiled), compiled.positiontup or ()
        return self._sqlite

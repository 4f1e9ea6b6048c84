"""Who may write the index: one process, and another when it dies.

Rules:
  * On SQLite a lock on a file beside the database, on PostgreSQL an advisory lock. Both end with
    the process that holds them, however it ends.
  * On PostgreSQL everything is written through the connection that holds the lock: whoever has
    lost it without knowing can write nothing.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from sqlalchemy import text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from sqlalchemy import Connection

    from ethr_did.index.store import IndexDatabase

__all__ = ["Writer"]

_LOCK = 0x65746872_64696432
"""Names the follower's lock among the advisory locks of a PostgreSQL database: "ethrdid2"."""


class Writer:
    """The right to write an index; while one process has it, no other one does."""

    def __init__(self, database: IndexDatabase, hold: FileLock | Connection) -> None:
        self._database = database
        self._hold = hold

    @classmethod
    def open(cls, database: IndexDatabase) -> Self | None:
        """The right to write; None while somebody else has it.

        Raises:
            StoreError: the database cannot be used.
        """
        if database.is_file:
            # Taken in one thread, given back in another.
            lock = FileLock(f"{database.name}.follower", timeout=0, thread_local=False)
            try:
                lock.acquire()
            except Timeout:
                return None
            return cls(database, lock)
        connection = database.connect()
        try:
            held = connection.execute(
                text("select pg_try_advisory_lock(:key)"), {"key": _LOCK}
            ).scalar()
            connection.commit()
        except BaseException:
            connection.invalidate()
            connection.close()
            raise
        if not held:
            connection.close()
            return None
        return cls(database, connection)

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it happens at the end, or nothing if it raises.

        Raises:
            StoreError: the database could not be written.
        """
        if isinstance(self._hold, FileLock):
            with self._database.writing() as connection:
                yield connection
            return
        with self._database.guarded(), self._hold.begin():
            yield self._hold

    def close(self) -> None:
        """Nothing; lets somebody else write."""
        if isinstance(self._hold, FileLock):
            self._hold.release()
            return
        # The lock belongs to the session, which a pool would keep.
        self._hold.invalidate()
        self._hold.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

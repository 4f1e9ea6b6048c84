"""Who may write the index: one process, and another when it dies.

Rules:
  * On SQLite a lock on a file beside the database, on PostgreSQL an advisory lock. Both end with
    the process that holds them, however it ends.
  * On PostgreSQL everything is written through the connection that holds the lock, and each
    transaction begins by asking for it once more: a session that was lost is replaced without a
    word, and the new one has no lock. Whoever has lost it can write nothing, or has it again.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout
from sqlalchemy import text

from ethr_did.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Self

    from sqlalchemy import Connection

    from ethr_did.index.store import IndexDatabase

__all__ = ["Writer"]

_LONG_JOURNAL = 64 << 20
"""Bytes of SQLite's journal at which it is written into the file: some hundred of large steps."""

_LOCK = 0x65746872_64696432
"""Names the follower's lock among the advisory locks of a PostgreSQL database: "ethrdid2"."""


class Writer:
    """The right to write an index; while one process has it, no other one does."""

    def __init__(self, database: IndexDatabase, hold: FileLock | Connection) -> None:
        self._database = database
        self._hold = hold
        self._turn = Lock()
        self._bound = _LONG_JOURNAL

    @property
    def is_alone(self) -> bool:
        """Whether nobody else can have written since this was opened."""
        return isinstance(self._hold, FileLock)

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
            except OSError as cause:
                raise StoreError(
                    f"the lock of the database {database.name} cannot be had: "
                    f"{cause.strerror or cause}",
                    hint="Who follows writes a file beside the database: may you, there?",
                    database=database.name,
                ) from cause
            return cls(database, lock)
        connection = database.connect()
        try:
            held = _has_lock(connection)
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

        Threads wait for each other.

        Raises:
            StoreError: the database could not be written, or the right to write was lost.
        """
        if isinstance(self._hold, FileLock):
            with self._turn:
                with self._database.writing() as connection:
                    yield connection
                self._shorten_journal()
            return
        with self._turn, self._database.guarded(), self._hold.begin():
            if not _has_lock(self._hold):
                raise StoreError(
                    "another process follows for this index now",
                    hint="The connection to the database was lost meanwhile. Wait for your turn.",
                    database=self._database.name,
                )
            yield self._hold

    def _shorten_journal(self) -> None:
        """Nothing; where readers follow each other without a gap, only this ends its growth."""
        journal = Path(f"{self._database.name}-wal")
        if _size_of(journal) < self._bound:
            return
        self._database.shorten_journal()
        # Somebody may read for long: not tried again at once.
        self._bound = _size_of(journal) + _LONG_JOURNAL

    def close(self) -> None:
        """Nothing; lets somebody else write, after what is being written."""
        with self._turn:
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


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _has_lock(connection: Connection) -> bool:
    """Whether a session has the lock, from before or from now on."""
    found = connection.execute(text("select pg_try_advisory_lock(:key)"), {"key": _LOCK})
    return bool(found.scalar())

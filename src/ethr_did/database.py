"""A database of this package: opened, brought to the newest schema, used in transactions.

Rules:
  1. SQLite in a file, or PostgreSQL through a URL. Everything above is the same for both.
  2. One writer at a time where it matters: on SQLite a writing transaction begins with the lock, on
     PostgreSQL it locks the rows that it decides by.
  3. What was committed survives a crash: SQLite writes through (``synchronous=FULL``).
  4. The schema is brought up under a lock, in one transaction, however many processes open the
     database at once. A database of a newer version of this program is left alone.
  5. The file is readable by its owner only, and what is deleted from it is overwritten, where its
     schema says that it holds secrets. Neither it nor its journal may lie on a network file system.
  6. Passwords appear in no error.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, Self

from sqlalchemy import column as sql_column
from sqlalchemy import create_engine, event, inspect, select, table, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, OperationalError, SQLAlchemyError
from sqlalchemy.pool import NullPool, QueuePool

from ethr_did.chain.masking import mask_text, mask_url
from ethr_did.errors import InvalidConfiguration, MissingExtra, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Engine, Select
    from sqlalchemy.engine import ExceptionContext

__all__ = ["PATIENCE", "Database", "Schema"]

PATIENCE: Final = 30
"""Seconds that a writer waits for another one, unless more is asked for."""

_NETWORK_PATIENCE = 60
"""Seconds without a byte from PostgreSQL."""

_KEPT_KIBIBYTES = 8192
"""Of SQLite's file, in the memory of each connection that is kept: four times what it would."""

_SCHEMA_LOCK = 0x65746872_64696431
"""Names our lock among the advisory locks of a PostgreSQL database: "ethrdid1"."""

_ALEMBIC = Lock()
"""alembic keeps what it is doing in a module."""

_SSL_MODES = ("disable", "require", "verify-full")
_HERE = (None, "localhost", "127.0.0.1", "::1")

_HINTS = {
    "lock": "Another process has been writing for long. Wait for it, or end it.",
    "unable to open": "Does the folder exist, and may you write there?",
    "not a database": "The file is something else. Name another one.",
    "certificate": "?sslmode=require believes any certificate. Better give the server a good one.",
    "readonly": "Make file and folder writable.",
    "full": "Make room, and do the same again.",
    "password": "Check user and password in the URL.",
    "ssl": "Passwords go to other hosts encrypted, and to the right one: its certificate must name it. "
    "?sslmode=require believes any certificate, ?sslmode=disable does without.",
    "connect": "Is the server running there, and may you use it?",
}
"""Words of a driver to what can be done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The tables of one part of this package, as its newest migration leaves them."""

    package: str
    """Name of the package; its folder ``migrations`` is what alembic runs."""
    version_table: str
    """Table in which alembic notes how far it got; a database may hold several schemas."""
    newest: str
    """The newest migration."""
    secret: bool
    """Whether the tables hold what nobody else may read, or find in what was deleted."""


class Database:
    """An open database of the newest schema.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> from ethr_did.status.tables import SCHEMA
        >>> with TemporaryDirectory() as folder:
        ...     with Database(f"sqlite:///{folder}/status.db", SCHEMA) as database:
        ...         with database.reading() as connection:
        ...             connection.exec_driver_sql("select count(*) from status_lists").scalar()
        0
    """

    def __init__(
        self, url: str, schema: Schema, *, patience: float = PATIENCE, pooled: bool = False
    ) -> None:
        """Opens it; a new one is made where there is none.

        Args:
            schema: its tables.
            url: ``sqlite:///relative/path``, ``sqlite:////absolute/path`` or
                ``postgresql://user:password@host/name``. There ``?sslmode=`` may be ``disable``
                (what it is on this machine), ``require`` or ``verify-full`` (what it is to other
                hosts), and ``?host=/folder`` names a Unix socket.
            patience: seconds that a writer waits for another one.
            pooled: whether connections to SQLite are kept for the next transaction, for those who
                read often; such a database must not be taken into a child process.

        Raises:
            InvalidConfiguration: not such a URL.
            MissingExtra: the PostgreSQL driver is not installed.
            StoreError: it cannot be opened, or was made by a newer version.
        """
        self._url = url
        self._schema = schema
        self._patience = patience
        self._pooled = pooled
        parts = _parse(url)
        if parts.get_backend_name() == "sqlite":
            self.name = str(parts.database)
            self._engine = self._sqlite(Path(self.name))
        else:
            self.name = _place_of(parts)
            self._engine = self._postgresql(parts)
        try:
            self._bring_up()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes its connections."""
        self._engine.dispose()

    @property
    def _steady(self) -> Engine:
        if self.is_file:
            return self._engine
        return self._engine.execution_options(isolation_level="REPEATABLE READ")

    @property
    def is_file(self) -> bool:
        """Whether it is SQLite in a file, which is then called ``name``."""
        return self._engine.dialect.name == "sqlite"

    # -- transactions ----------------------------------------------------------------------------

    @contextmanager
    def reading(self, *, steady: bool = False) -> Iterator[Connection]:
        """A transaction that reads.

        Args:
            steady: whether all of it sees the database as it is at the first look; on SQLite it
                does in any case.

        Raises:
            StoreError: the database could not be read.
        """
        engine = self._steady if steady else self._engine
        with self.guarded(), engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that writes: all of it happens at the end, or nothing if it raises.

        Raises:
            StoreError: the database could not be written.
        """
        writer = self._engine.execution_options(writes=True)
        with self.guarded(), writer.begin() as connection:
            yield connection

    def shorten_journal(self) -> None:
        """Nothing; on SQLite, the journal is written into the file and begins anew.

        SQLite does so by itself in a moment without readers. Where there is none the journal grows
        for ever. This waits for those who read now.

        Raises:
            StoreError: the database could not be written.
        """
        if not self.is_file:
            return
        with self.guarded():
            connection = self._engine.raw_connection()
            try:
                connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
            finally:
                connection.close()

    def connect(self) -> Connection:
        """A connection of the caller's own, who closes it; see ``guarded``.

        Raises:
            StoreError: there is none to be had.
        """
        with self.guarded():
            return self._engine.connect()

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """What is done inside raises ``StoreError`` where the database raises an error of its own."""
        try:
            yield
        except (SQLAlchemyError, sqlite3.Error) as cause:
            raise self._error(cause) from cause

    def _error(self, cause: Exception) -> StoreError:
        said = mask_text(_words(cause), self._url)
        hints = (hint for words, hint in _HINTS.items() if words in said.lower())
        return StoreError(
            f"the database {self.name} cannot be used: {said}",
            hint=next(hints, "Nothing was changed."),
            database=self.name,
        )

    # -- the two kinds ---------------------------------------------------------------------------

    def _sqlite(self, path: Path) -> Engine:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            mode = 0o600 if self._schema.secret else 0o644
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, mode))
        except OSError as cause:
            raise StoreError(
                f"the database {path} cannot be used: {cause.strerror or cause}",
                hint=_HINTS["unable to open"],
                database=str(path),
            ) from cause
        engine = create_engine(
            URL.create("sqlite", database=str(path)),
            # A connection is cheap here, and one that is not kept cannot be taken into a child.
            poolclass=QueuePool if self._pooled else NullPool,
            hide_parameters=True,
            # The driver would begin transactions when it likes: we say BEGIN ourselves.
            connect_args={
                "timeout": self._patience,
                "isolation_level": None,
                "check_same_thread": False,  # the pool hands each to one thread at a time
            },
        )
        event.listen(engine, "connect", self._set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    def _postgresql(self, parts: URL) -> Engine:
        arguments = _connect_arguments(parts)
        try:
            engine = create_engine(
                parts.set(drivername="postgresql+pg8000", query={}),
                connect_args=arguments,
                hide_parameters=True,
                pool_pre_ping=True,
            )
        except ModuleNotFoundError as cause:
            raise MissingExtra(
                "the PostgreSQL driver is not installed",
                hint="pip install 'ethr-did[postgresql]'",
            ) from cause
        event.listen(engine, "connect", self._set_up_postgresql)
        event.listen(engine, "handle_error", _hung_up)
        return engine

    def _set_up_sqlite(self, connection: Any, _: object) -> None:
        pragmas = ["journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"]
        if self._schema.secret:
            pragmas.append("secure_delete=ON")
        if self._pooled:
            pragmas.append(f"cache_size=-{_KEPT_KIBIBYTES}")
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")

    def _set_up_postgresql(self, connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(f"SET lock_timeout = {int(self._patience * 1000)}")
        cursor.close()
        connection.commit()

    # -- the schema ------------------------------------------------------------------------------

    def _bring_up(self) -> None:
        with self.reading() as connection:
            if self._current(connection) == self._schema.newest:
                return
        with _ALEMBIC, self.writing() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(
                    text("select pg_advisory_xact_lock(:key)"), {"key": _SCHEMA_LOCK}
                )
            self._migrate(connection)

    def _migrate(self, connection: Connection) -> None:
        from alembic import command  # 0.2 s, once in the life of a database
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        config = Config()
        scripts = resources.files(self._schema.package) / "migrations"
        config.set_main_option("script_location", str(scripts).replace("%", "%%"))
        config.attributes["connection"] = connection
        known = {found.revision for found in ScriptDirectory.from_config(config).walk_revisions()}
        current = self._current(connection)
        if current is not None and current not in known:
            raise StoreError(
                f"the database {self.name} has schema {current}, and this program knows up to "
                f"{self._schema.newest}",
                hint="It was written by a newer version of ethr-did: install that one.",
                database=self.name,
                schema=current,
            )
        command.upgrade(config, "head")

    def _current(self, connection: Connection) -> str | None:
        """The migration that the database is at; None for a new one."""
        versions = self._schema.version_table
        if not inspect(connection).has_table(versions):
            return None
        statement: Select[Any] = select(sql_column("version_num")).select_from(table(versions))
        found: str | None = connection.execute(statement).scalar_one_or_none()
        return found


def _parse(url: str) -> URL:
    try:
        parts = make_url(url)
        backend = parts.get_backend_name()
    except (ArgumentError, ValueError) as cause:
        raise _not_a_url(mask_url(url)) from cause
    if backend == "postgres":
        parts, backend = parts.set(drivername="postgresql"), "postgresql"
    in_memory = backend == "sqlite" and parts.database in (None, "", ":memory:")
    if backend not in ("sqlite", "postgresql") or in_memory or not parts.database:
        raise _not_a_url(mask_url(url))
    return parts


def _not_a_url(url: str) -> InvalidConfiguration:
    return InvalidConfiguration(
        f"not the URL of a database: {url}",
        hint="sqlite:///PATH (three slashes, and a fourth before an absolute path), or "
        "postgresql://USER:PASSWORD@HOST/NAME. A database in memory would forget.",
    )


def _connect_arguments(parts: URL) -> dict[str, Any]:
    """What the driver takes in place of the usual parameters of a PostgreSQL URL."""
    arguments: dict[str, Any] = {"timeout": _NETWORK_PATIENCE, "application_name": "ethr-did"}
    query = dict(parts.query)
    socket = query.pop("host", None)
    is_here = socket is not None or parts.host in _HERE
    mode = query.pop("sslmode", "disable" if is_here else "verify-full")
    if query or mode not in _SSL_MODES or isinstance(socket, tuple):
        raise InvalidConfiguration(
            f"the database URL has parameters that are not known: {', '.join(query) or 'sslmode'}",
            hint=f"sslmode ({', '.join(_SSL_MODES)}) and host (a folder) are.",
        )
    if socket is not None:
        arguments["unix_sock"] = f"{socket}/.s.PGSQL.{parts.port or 5432}"
    if mode != "disable":
        arguments["ssl_context"] = _ssl_context(verified=mode == "verify-full")
    return arguments


def _ssl_context(*, verified: bool) -> Any:
    import ssl

    context = ssl.create_default_context()
    if not verified:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def _hung_up(context: ExceptionContext) -> SQLAlchemyError | None:
    """A broken line as an error of the database: the driver lets some through as they are."""
    broken = context.original_exception
    said = broken.args[0] if broken.args else None
    if isinstance(said, dict) and said.get("S") == "FATAL":
        context.is_disconnect = True  # the server's last word in a session
    if not isinstance(broken, OSError):
        return None
    context.is_disconnect = True
    return OperationalError("", {}, broken)


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    # Straight to the driver: through SQLAlchemy it takes as long as a short transaction.
    driver: Any = connection.connection.driver_connection
    driver.execute("BEGIN IMMEDIATE" if writes else "BEGIN")


def _place_of(parts: URL) -> str:
    """A PostgreSQL database without user and password."""
    socket = parts.query.get("host", "")
    port = f":{parts.port}" if parts.port else ""
    return f"postgresql://{parts.host or socket}{port}/{parts.database}"


def _words(cause: Exception) -> str:
    """What the driver said, without the statement."""
    said: BaseException = cause.orig if isinstance(cause, DBAPIError) and cause.orig else cause
    inner: BaseException | None = said
    while inner is not None:
        first = inner.args[0] if inner.args else ""
        if isinstance(first, dict):  # pg8000 hands on the fields of the protocol
            return f"{first.get('M', '')} ({first.get('C', '')})"
        # When the server hangs up, pg8000 says so in place of why it did.
        inner = inner.__cause__ or inner.__context__
    return str(said) or type(said).__name__

"""A PostgreSQL server of our own: private, on a Unix socket, gone afterwards."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Iterator

PASSWORD = "kept-out-of-errors"
START = 60.0
"""Seconds until the server must answer."""

_FOLDERS = "/usr/lib/postgresql/*/bin"
_USERS = ("postgres", "nobody")
_EMPTY = (
    (
        "select pg_terminate_backend(pid) from pg_stat_activity"
        " where datname = current_database() and pid <> pg_backend_pid()"
    ),
    "drop schema public cascade",
    "create schema public",
)
"""Whoever is still connected may hold locks; processes that were killed do."""
_OPTIONS = ("fsync=off", "listen_addresses=", "max_connections=40", "shared_buffers=16MB")


def find_postgres() -> Path | None:
    """The folder of the server's programs, the newest where there are several."""
    installed = sorted(Path("/").glob(_FOLDERS[1:]), key=lambda folder: folder.parent.name)
    on_path = shutil.which("initdb")
    folders = [*([Path(on_path).resolve().parent] if on_path else []), *reversed(installed)]
    return next((found for found in folders if (found / "postgres").exists()), None)


class Postgres:
    """A running server. It refuses to run as root, and then runs as somebody without rights."""

    def __init__(self, programs: Path) -> None:
        self._user = next((name for name in _USERS if _exists(name)), None) if _is_root() else None
        self.folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # sockets need short paths
        if self._user:
            shutil.chown(self.folder, self._user)
        (self.folder / "password").write_text(PASSWORD, "ascii")
        self._run(
            str(programs / "initdb"),
            *("-D", str(self.folder / "data"), "-U", "tester", "-E", "UTF8", "--locale=C"),
            *("--auth=scram-sha-256", f"--pwfile={self.folder / 'password'}", "--no-sync"),
        )
        self._programs = programs
        self._process = self._started()
        self._numbers = count()
        self._empty: list[str] = []
        """Names of databases that are there and hold nothing."""
        self._wait()

    def _started(self) -> subprocess.Popen[bytes]:
        options = [word for option in _OPTIONS for word in ("-c", option)]
        return subprocess.Popen(
            [
                str(self._programs / "postgres"),
                *("-D", str(self.folder / "data"), "-k", str(self.folder), *options),
            ],
            user=self._user,
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the server; nothing is left of it."""
        self._process.send_signal(signal.SIGINT)  # "fast": does not wait for clients
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def kill(self) -> None:
        """Ends the server and all its processes at once, as a power failure does."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def start(self) -> None:
        """The server runs again, after ``kill``; what was committed is there."""
        deadline = time.monotonic() + START
        while True:
            self._process = self._started()
            try:
                self._wait()
            except AssertionError:
                # Processes of the one before may take a moment to be gone.
                assert time.monotonic() < deadline, "the server does not start again"
                time.sleep(0.1)
            else:
                return

    def url(self, database: str, *, password: str = PASSWORD) -> str:
        """The URL of a database."""
        return f"postgresql://tester:{password}@/{database}?host={self.folder}"

    @contextmanager
    def database(self) -> Iterator[str]:
        """The URL of an empty database that nobody else uses.

        It is emptied and used again, unless the test fails: that takes a fifth of the time.
        """
        if self._empty:
            name = self._empty.pop()
        else:
            name = f"test_{os.getpid()}_{next(self._numbers)}"
            self._ask("postgres", f"create database {name}")
        yield self.url(name)
        self._ask(name, *_EMPTY)
        self._empty.append(name)

    def _ask(self, database: str, *statements: str) -> None:
        connection = self._connect(database)
        try:
            connection.autocommit = True
            for statement in statements:
                connection.cursor().execute(statement)
        finally:
            connection.close()

    def _connect(self, database: str = "postgres") -> Any:
        import pg8000.dbapi

        return pg8000.dbapi.connect(
            "tester",
            unix_sock=f"{self.folder}/.s.PGSQL.5432",
            database=database,
            password=PASSWORD,
        )

    def _run(self, *command: str) -> None:
        done = subprocess.run(
            command, user=self._user, cwd=self.folder, capture_output=True, check=False, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr

    def _wait(self) -> None:
        import pg8000.exceptions

        deadline = time.monotonic() + START
        while True:
            try:
                self._connect().close()
            except pg8000.exceptions.Error:
                assert self._process.poll() is None, "the server did not start"
                assert time.monotonic() < deadline, "the server does not answer"
                time.sleep(0.05)
            else:
                return


def _is_root() -> bool:
    return os.geteuid() == 0


def _exists(user: str) -> bool:
    try:
        pwd.getpwnam(user)
    except KeyError:
        return False
    return True

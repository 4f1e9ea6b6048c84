"""The database: opened safely, brought up once, used in transactions."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
import threading
from importlib import resources
from typing import TYPE_CHECKING

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, text

from ethr_did.database import Database, _connect_arguments, _parse
from ethr_did.errors import EthrDIDError, InvalidConfiguration, MissingExtra, StoreError
from ethr_did.status.store import StatusStore
from ethr_did.status.tables import SCHEMA, metadata
from support.postgres import PASSWORD

if TYPE_CHECKING:
    from pathlib import Path

    from support.postgres import Postgres


def tables(database: Database) -> set[str]:
    with database.reading() as connection:
        return set(inspect(connection).get_table_names())


def error_text(error: BaseException) -> str:
    """Everything that may be shown of it."""
    texts = []
    current: BaseException | None = error
    while current is not None:
        texts += [str(current), repr(current)]
        if isinstance(current, EthrDIDError):
            texts += [current.hint, str(current.facts)]
        current = current.__cause__
    return "\n".join(texts)


# -- opening -------------------------------------------------------------------------------------


def test_a_new_database_has_all_tables(database_url: str) -> None:
    with StatusStore(database_url) as database:
        assert tables(database) == {*metadata.tables, SCHEMA.version_table}


def test_what_was_written_is_there_when_it_is_opened_again(database_url: str) -> None:
    with StatusStore(database_url) as database, database.writing() as connection:
        connection.execute(text("create table mine (a int)"))
        connection.execute(text("insert into mine values (7)"))
    with StatusStore(database_url) as database, database.reading() as connection:
        assert connection.execute(text("select a from mine")).scalar() == 7


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "down" / "status.db"
    with StatusStore(f"sqlite:///{path}") as database, database.writing() as connection:
        connection.execute(text("create table mine (a int)"))
        files = [path, *path.parent.glob("status.db-*")]
        assert {stat.S_IMODE(found.stat().st_mode) for found in files} == {0o600}
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_sqlite_writes_through_and_checks_references(tmp_path: Path) -> None:
    with StatusStore(f"sqlite:///{tmp_path}/s.db") as database, database.reading() as connection:
        found = {
            pragma: connection.exec_driver_sql(f"pragma {pragma}").scalar()
            for pragma in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_many_threads_may_open_a_new_database_at_once(database_url: str) -> None:
    failures: list[Exception] = []
    barrier = threading.Barrier(6)

    def run() -> None:
        barrier.wait()
        try:
            StatusStore(database_url).close()
        except Exception as error:  # noqa: BLE001  # any failure is the test's
            failures.append(error)

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []


def test_many_processes_may_open_a_new_database_at_once(database_url: str) -> None:
    program = (
        "import sys; from ethr_did.status.store import StatusStore; sys.stdin.read(); "
        "StatusStore(sys.argv[1]).close()"
    )
    started = [
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", program, database_url],
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(5)
    ]
    for process in started:  # each waits until its input ends
        assert process.stdin
        process.stdin.close()
        process.stdin = None
    assert [process.communicate()[1] for process in started] == [""] * 5
    assert [process.returncode for process in started] == [0] * 5


# -- the schema ----------------------------------------------------------------------------------


def test_the_migrations_make_the_tables_that_the_program_uses(database_url: str) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with StatusStore(database_url) as database, database.reading() as connection:
        options = {"version_table": SCHEMA.version_table, "compare_type": True}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, metadata) == []


def test_the_newest_migration_is_the_one_the_program_asks_for(tmp_path: Path) -> None:
    with StatusStore(f"sqlite:///{tmp_path}/s.db") as database, database.reading() as connection:
        found = connection.execute(
            text(f"select version_num from {SCHEMA.version_table}")  # noqa: S608 - a name of ours
        ).scalar_one()
    assert found == SCHEMA.newest


def test_a_database_of_an_older_program_is_brought_up_with_what_is_in_it(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    _make_schema(url, "0001")
    with StatusStore(url) as database, database.reading() as connection:
        assert connection.execute(text("select url from status_lists")).scalar_one() == "kept"
    with StatusStore(url) as database:
        assert tables(database) == {*metadata.tables, SCHEMA.version_table}


def _make_schema(url: str, revision: str) -> None:
    """A database of an older schema, with a list in it."""
    config = Config()
    config.set_main_option(
        "script_location", str(resources.files("ethr_did.status") / "migrations")
    )
    engine = create_engine(url)
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
        connection.execute(
            text(
                "insert into status_lists values "
                "(1, 1, 1, x'00', x'00', x'00', 'w3c', 'kept', '[]', x'00', 0, 0, 0, 0)"
            )
        )
    engine.dispose()


def test_a_database_of_a_newer_program_is_left_alone(database_url: str) -> None:
    with StatusStore(database_url) as database, database.writing() as connection:
        connection.execute(text(f"update {SCHEMA.version_table} set version_num = '9999'"))  # noqa: S608 - a name of ours
    with pytest.raises(
        StoreError, match=f"has schema 9999, and this program knows up to {SCHEMA.newest}"
    ):
        StatusStore(database_url)


def test_opening_a_database_of_today_needs_no_migration_tool(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    StatusStore(url).close()
    program = (
        "import sys; from ethr_did.status.store import StatusStore; StatusStore(sys.argv[1]); "
        "print('alembic.command' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, url], capture_output=True, check=True, text=True
    )
    assert done.stdout == "False\n"


# -- transactions --------------------------------------------------------------------------------


def write_and_fail(database: Database) -> None:
    with database.writing() as connection:
        assert connection.execute(text("insert into mine values (7)")).rowcount == 1
        connection.execute(text("insert into nothing values (7)"))


def test_what_a_failed_transaction_did_is_undone(database_url: str) -> None:
    with StatusStore(database_url) as database:
        with database.writing() as connection:
            connection.execute(text("create table mine (a int)"))
        with pytest.raises(StoreError):
            write_and_fail(database)
        with database.reading() as connection:
            assert connection.execute(text("select count(*) from mine")).scalar() == 0


def test_a_writer_that_waits_too_long_is_told_why(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with StatusStore(url) as first, StatusStore(url, patience=0.1) as second:
        with first.writing(), pytest.raises(StoreError) as caught, second.writing():
            pass
        assert caught.value.hint.startswith("Another process has been writing for long")


def test_on_postgresql_as_well(postgres: Postgres) -> None:
    with (
        postgres.database() as url,
        StatusStore(url) as first,
        StatusStore(url, patience=0.1) as second,
    ):
        with first.writing() as holding:
            holding.execute(text("lock table status_lists"))
            with pytest.raises(StoreError) as caught, second.writing() as waiting:
                waiting.execute(text("lock table status_lists"))
        assert caught.value.hint.startswith("Another process has been writing for long")


def test_readers_do_not_wait_for_writers(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/s.db"
    with (
        StatusStore(url) as first,
        StatusStore(url, patience=0.1) as second,
        first.writing() as connection,
    ):
        connection.execute(text("create table mine (a int)"))
        assert "mine" not in tables(second)


def test_values_are_not_in_errors(database_url: str) -> None:
    with (
        StatusStore(database_url) as database,
        pytest.raises(StoreError) as caught,
        database.reading() as connection,
    ):
        connection.execute(text("select nothing where 'a' = :a"), {"a": "alice@example.com"})
    assert "alice" not in error_text(caught.value)


# -- what cannot be opened -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        *("", "status.db", "/var/lib/status.db", "sqlite://", "sqlite:///:memory:", "sqlite:///"),
        *("mysql://user:topsecret@host/name", "https://example.com", "postgresql://host"),
        *("postgresql://user:topsecret@host:port/name", "nonsense://"),
    ],
)
def test_what_is_no_database_url_is_refused(url: str) -> None:
    with pytest.raises(InvalidConfiguration, match="not the URL of a database") as caught:
        StatusStore(url)
    assert "topsecret" not in error_text(caught.value)
    assert "sqlite:///PATH" in caught.value.hint


@pytest.mark.parametrize("query", ["sslmode=prefer", "sslmode=require&sslmode=disable", "a=b"])
def test_unknown_parameters_are_refused(query: str) -> None:
    with pytest.raises(InvalidConfiguration, match="parameters that are not known"):
        StatusStore(f"postgresql://user:topsecret@localhost/name?{query}")


def test_a_file_that_is_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database " * 100, "ascii")
    with pytest.raises(StoreError, match="not a database") as caught:
        StatusStore(f"sqlite:///{path}")
    assert caught.value.hint == "The file is something else. Name another one."
    assert path.read_text("ascii").startswith("not a database")


def test_a_place_where_nothing_can_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match=r"file/status\.db cannot be used") as caught:
        StatusStore(f"sqlite:///{tmp_path}/file/status.db")
    assert "may you write there" in caught.value.hint


def test_a_wrong_password_is_not_repeated(postgres: Postgres) -> None:
    with pytest.raises(StoreError, match="password authentication failed") as caught:
        StatusStore(postgres.url("postgres", password="guessed-wrongly"))
    assert "guessed-wrongly" not in error_text(caught.value)
    assert caught.value.hint == "Check user and password in the URL."


def test_a_server_that_is_not_there_is_named_without_the_password() -> None:
    with pytest.raises(StoreError) as caught:
        StatusStore("postgresql://user:topsecret@localhost:1/name")
    assert "localhost:1" in caught.value.message
    assert "topsecret" not in error_text(caught.value)
    assert "Is the server running" in caught.value.hint


def test_errors_name_a_postgresql_database_without_its_password(postgres: Postgres) -> None:
    with postgres.database() as url, StatusStore(url) as database:
        assert PASSWORD not in database.name
        with pytest.raises(StoreError) as caught, database.reading() as connection:
            connection.execute(text("select nothing"))
        assert PASSWORD not in error_text(caught.value)


def test_without_the_driver_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pg8000", None)
    with pytest.raises(MissingExtra) as caught:
        StatusStore("postgresql://user@localhost/name")
    assert caught.value.hint == "pip install 'ethr-did[postgresql]'"


@pytest.mark.parametrize(
    ("url", "encrypted", "verified"),
    [
        ("postgresql://u@db.example/n", True, True),
        ("postgres://u@db.example/n?sslmode=verify-full", True, True),
        ("postgresql+pg8000://u@db.example/n?sslmode=require", True, False),
        ("postgresql://u@db.example/n?sslmode=disable", False, False),
        ("postgresql://u@localhost/n", False, False),
        ("postgresql://u@127.0.0.1/n", False, False),
        ("postgresql://u@/n?host=/run", False, False),
        ("postgresql://u@localhost/n?sslmode=verify-full", True, True),
    ],
)
def test_passwords_go_to_other_hosts_encrypted(
    url: str, *, encrypted: bool, verified: bool
) -> None:
    context = _connect_arguments(_parse(url)).get("ssl_context")
    assert (context is not None) is encrypted
    assert (context is not None and context.check_hostname) is verified


def test_a_unix_socket_is_named_by_its_folder() -> None:
    arguments = _connect_arguments(_parse("postgresql://u@:6543/n?host=/run/pg"))
    assert arguments["unix_sock"] == "/run/pg/.s.PGSQL.6543"


def test_the_store_works_where_the_package_is_installed_without_its_sources() -> None:
    """The migrations are files of the package; hatch packs whatever lies in it."""
    found = resources.files("ethr_did.status") / "migrations"
    assert (found / "env.py").is_file()
    assert [path.name for path in (found / "versions").iterdir() if path.name.endswith(".py")]


if os.name != "posix":
    pytest.skip("file modes and sockets as on Unix", allow_module_level=True)

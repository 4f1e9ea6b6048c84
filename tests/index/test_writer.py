"""The right to write: one has it, and who has lost it writes nothing."""

from __future__ import annotations

import threading
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from ethr_did.errors import StoreError
from ethr_did.index.store import IndexDatabase
from ethr_did.index.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def database(index_url: str) -> Iterator[IndexDatabase]:
    with IndexDatabase(index_url) as opened:
        with opened.writing() as connection:
            connection.execute(text("drop table if exists mine"))
        yield opened


def opened(database: IndexDatabase) -> Writer:
    writer = Writer.open(database)
    assert writer is not None
    return writer


def write(writer: Writer, number: int) -> None:
    with writer.writing() as connection:
        connection.execute(text("create table if not exists mine (a int)"))
        connection.execute(text("insert into mine values (:a)"), {"a": number})


def write_and_fail(writer: Writer) -> None:
    with writer.writing() as connection:
        connection.execute(text("insert into mine values (2)"))
        connection.execute(text("insert into nothing values (3)"))


def written(database: IndexDatabase) -> list[int]:
    with database.reading() as connection:
        return list(connection.execute(text("select a from mine order by a")).scalars())


def test_while_one_has_it_no_other_gets_it(database: IndexDatabase, index_url: str) -> None:
    with opened(database), IndexDatabase(index_url) as other:
        assert Writer.open(database) is None
        assert Writer.open(other) is None


def test_who_comes_after_it_was_given_back_gets_it(database: IndexDatabase, index_url: str) -> None:
    opened(database).close()
    with IndexDatabase(index_url) as other, opened(other):
        pass


def test_it_may_be_given_back_in_another_thread(database: IndexDatabase) -> None:
    found: list[Writer] = []
    taking = threading.Thread(target=lambda: found.append(opened(database)))
    taking.start()
    taking.join()
    giving = threading.Thread(target=found[0].close)
    giving.start()
    giving.join()
    opened(database).close()


def test_what_is_written_is_there(database: IndexDatabase) -> None:
    with opened(database) as writer:
        write(writer, 1)
        write(writer, 2)
    assert written(database) == [1, 2]


def test_of_a_transaction_that_fails_nothing_is_there(database: IndexDatabase) -> None:
    with opened(database) as writer:
        write(writer, 1)
        with pytest.raises(StoreError):
            write_and_fail(writer)
        write(writer, 4)
    assert written(database) == [1, 4]


def test_threads_of_its_holder_write_one_after_the_other(database: IndexDatabase) -> None:
    failures: list[Exception] = []
    with opened(database) as writer:
        write(writer, 0)

        def run(first: int) -> None:
            try:
                for number in range(first, first + 5):
                    write(writer, number)
            except Exception as error:  # noqa: BLE001 - any failure is the test's
                failures.append(error)

        threads = [threading.Thread(target=run, args=(10 * n,)) for n in range(1, 5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert len(written(database)) == 21


def test_a_lock_that_cannot_be_had_is_an_error_of_the_store(tmp_path: Path) -> None:
    with IndexDatabase(f"sqlite:///{tmp_path}/index.db") as database:
        (tmp_path / "index.db.follower").mkdir()
        with pytest.raises(StoreError, match="the lock of the database"):
            Writer.open(database)


# -- who has lost it -------------------------------------------------------------------------------


def end_session(database: IndexDatabase) -> None:
    """Ends every other session, as a failing network or an impatient server does."""
    with database.reading() as connection:
        connection.execute(
            text(
                "select pg_terminate_backend(pid) from pg_stat_activity where "
                "datname = current_database() and pid <> pg_backend_pid()"
            )
        )


@pytest.fixture
def url(postgres_url: str) -> str:
    with IndexDatabase(postgres_url) as opened, opened.writing() as connection:
        connection.execute(text("drop table if exists mine"))
    return postgres_url


def test_who_lost_the_session_can_write_nothing_while_another_one_has_the_right(url: str) -> None:
    with ExitStack() as stack:
        first, second = (stack.enter_context(IndexDatabase(url)) for _ in range(2))
        loser = stack.enter_context(opened(first))
        write(loser, 1)
        end_session(second)
        winner = stack.enter_context(opened(second))
        write(winner, 2)
        for number in range(3, 7):
            with pytest.raises(StoreError):
                write(loser, number)
        write(winner, 7)
        assert written(second) == [1, 2, 7]


def test_who_lost_the_session_gets_the_right_again_if_nobody_took_it(url: str) -> None:
    with IndexDatabase(url) as first, IndexDatabase(url) as second:
        with opened(first) as loser:
            write(loser, 1)
            end_session(second)
            with pytest.raises(StoreError):
                write(loser, 2)
            write(loser, 2)
            assert written(second) == [1, 2]
            assert Writer.open(second) is None
        opened(second).close()


def write_and_lose(loser: Writer, other: IndexDatabase) -> None:
    with loser.writing() as connection:
        connection.execute(text("insert into mine values (2)"))
        end_session(other)
        connection.execute(text("insert into mine values (3)"))


def test_a_session_that_ends_inside_a_transaction_leaves_nothing_of_it(url: str) -> None:
    with IndexDatabase(url) as first, IndexDatabase(url) as second, opened(first) as loser:
        write(loser, 1)
        with pytest.raises(StoreError):
            write_and_lose(loser, second)
        assert written(second) == [1]


# -- the journal of a file ---------------------------------------------------------------------------


def write_much(writer: Writer) -> None:
    with writer.writing() as connection:
        connection.execute(text("create table if not exists mine (a blob)"))
        connection.execute(text("insert into mine values (zeroblob(70000000))"))


def test_a_long_journal_is_written_into_the_file(tmp_path: Path) -> None:
    """Else it grows for ever where readers follow each other without a gap."""
    with IndexDatabase(f"sqlite:///{tmp_path}/index.db") as database, opened(database) as writer:
        write_much(writer)
        assert (tmp_path / "index.db-wal").stat().st_size == 0
        assert (tmp_path / "index.db").stat().st_size > 70_000_000


def test_who_reads_for_long_does_not_stop_the_writer(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/index.db"
    with (
        IndexDatabase(url, patience=0.1) as database,
        opened(database) as writer,
        database.reading() as connection,
    ):
        before = connection.execute(text("select count(*) from index_events")).scalar()
        write_much(writer)
        write_much(writer)
        assert connection.execute(text("select count(*) from index_events")).scalar() == before

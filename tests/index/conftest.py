"""A made-up chain whose newest blocks are not final, and an index that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from sqlalchemy import text

from ethr_did.index.store import IndexDatabase
from ethr_did.index.tables import metadata
from support.fake_chain import FakeChain
from support.indexing import Indexed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.postgres import Postgres

_OTHERS = (
    "select pg_terminate_backend(pid) from pg_stat_activity "
    "where datname = current_database() and pid <> pg_backend_pid()"
)
"""Processes that were killed may still hold locks."""


@pytest.fixture
def fake() -> FakeChain:
    """A chain of a few empty blocks, of which all but the newest five are final."""
    fake = FakeChain()
    fake.final_depth = 5
    fake.mine(5)
    return fake


@pytest.fixture(scope="session")
def _index_on_postgres(postgres: Postgres) -> Iterator[str]:
    """The URL of a database with the tables of the index."""
    with postgres.database() as url:
        IndexDatabase(url).close()
        yield url


@pytest.fixture
def postgres_url(_index_on_postgres: str) -> str:
    """The URL of a PostgreSQL database in whose index is nothing; the tables are there."""
    with IndexDatabase(_index_on_postgres) as database, database.writing() as connection:
        connection.execute(text(_OTHERS))
        connection.execute(text(f"truncate {', '.join(metadata.tables)}"))
    return _index_on_postgres


@pytest.fixture(params=["sqlite", "postgresql"])
def index_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an index of each kind, in which nothing is yet."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/index.db"
    found: str = request.getfixturevalue("postgres_url")
    return found


@pytest.fixture
def indexed(fake: FakeChain, tmp_path: Path) -> Iterator[Indexed]:
    """An index of the chain in a file, in which nothing is yet."""
    with Indexed(f"sqlite:///{tmp_path}/index.db", fake.network()) as made:
        yield made


@pytest.fixture
def stored(fake: FakeChain, index_url: str) -> Iterator[Indexed]:
    """The same, in each kind of database."""
    with Indexed(index_url, fake.network()) as made:
        yield made

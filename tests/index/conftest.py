"""A made-up chain whose newest blocks are not final, and an index that follows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.fake_chain import FakeChain
from support.indexing import Indexed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def fake() -> FakeChain:
    """A chain of a few empty blocks, of which all but the newest five are final."""
    fake = FakeChain()
    fake.final_depth = 5
    fake.mine(5)
    return fake


@pytest.fixture
def indexed(fake: FakeChain, tmp_path: Path) -> Iterator[Indexed]:
    """An index of it in a file, in which nothing is yet."""
    with Indexed(f"sqlite:///{tmp_path}/index.db", fake.network()) as made:
        yield made


@pytest.fixture
def stored(fake: FakeChain, database_url: str) -> Iterator[Indexed]:
    """The same, in each kind of database."""
    with Indexed(database_url, fake.network()) as made:
        yield made

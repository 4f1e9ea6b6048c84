"""A made-up chain, and people on it."""

from __future__ import annotations

import pytest

from support.fake_chain import FakeChain


@pytest.fixture
def fake() -> FakeChain:
    """A chain of a few empty blocks whose node has no faults yet."""
    fake = FakeChain()
    fake.mine(5)
    return fake

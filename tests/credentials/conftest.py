"""A chain with issuers, holders and verifiers on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.issuing import Office
from support.triangle import Triangle

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.chain.local import LocalChain
    from ethr_did.chain.networks import Network


@pytest.fixture
def office(chain: LocalChain, status_network: Network, tmp_path: Path) -> Office:
    """Issuers on the chain of the tests."""
    door = status_network.chain(retries=0)
    return Office(chain=chain, network=status_network, door=door, root=tmp_path)


@pytest.fixture
def triangle(office: Office) -> Triangle:
    """All three on that chain."""
    return Triangle(office=office)

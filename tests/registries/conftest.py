"""The status contracts on the chain, and a node on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.status_stage import StatusStage

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalChain
    from ethr_did.chain.networks import Network


@pytest.fixture
def stage(chain: LocalChain, status_network: Network) -> StatusStage:
    """The status contracts, and a node that has no faults yet."""
    return StatusStage(chain=chain, network=status_network)

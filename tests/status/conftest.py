"""A chain for verifiers, issuers on it, and a web server for lists kept off chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.issuing import Office
from support.press import Press
from support.status_stage import StatusStage
from support.web_server import Authority

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ethr_did.chain.local import LocalChain
    from ethr_did.chain.networks import Network


@pytest.fixture
def stage(chain: LocalChain, status_network: Network) -> StatusStage:
    """The status contracts on the chain, and a node on it that has no faults yet."""
    return StatusStage(chain=chain, network=status_network)


@pytest.fixture
def office(chain: LocalChain, status_network: Network, tmp_path: Path) -> Office:
    """Issuers on the chain of the tests."""
    door = status_network.chain(retries=0)
    return Office(chain=chain, network=status_network, door=door, root=tmp_path)


@pytest.fixture(scope="session")
def web_authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The one that verifiers trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def press(stage: StatusStage, web_authority: Authority, tmp_path: Path) -> Iterator[Press]:
    """Issuers who publish lists, and a web server for them."""
    made = Press(stage=stage, root=tmp_path, authority=web_authority)
    yield made
    made.close()

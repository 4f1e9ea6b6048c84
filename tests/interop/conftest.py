"""The peers, and a chain to meet them on.

Where node or the npm packages are missing, the tests are skipped and say so; where the
environment has ``CI`` set, they fail.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.artifacts import ContractName, load
from support.anvil import Anvil, find_anvil
from support.encounters import Encounter
from support.issuing import Office
from support.peers import NODE_MODULES, Meeting, Peer, peer_artifact, run_peer, why_no_peers
from support.triangle import Triangle

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ethr_did.chain.local import LocalChain, LocalServer
    from ethr_did.chain.networks import Network
    from support.peers import RunPeer


@pytest.fixture(scope="session")
def npm_peers() -> RunPeer:
    """Runs a script of the peers: JSON in, JSON out."""
    missing = why_no_peers()
    if missing and os.environ.get("CI"):
        pytest.fail(f"{missing}; under CI the interop tests must run")
    if missing:
        pytest.skip(missing)
    return run_peer


@pytest.fixture(scope="session")
def credential_peers(npm_peers: RunPeer) -> Iterator[Peer]:
    """did-jwt-vc, @sd-jwt, jose, Veramo and ethers in one process, which takes a while to start."""
    assert npm_peers is not None
    with Peer("credentials.mjs") as running:
        yield running


@pytest.fixture(scope="session")
def ipc_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where anvil listens besides HTTP and WebSocket."""
    return tmp_path_factory.mktemp("anvil") / "ipc"


@pytest.fixture(scope="session")
def anvil(npm_peers: RunPeer, ipc_path: Path) -> Iterator[Anvil]:
    """A node that is not ours."""
    assert npm_peers is not None
    binary = find_anvil(NODE_MODULES)
    assert binary is not None
    with Anvil(binary, ipc=ipc_path) as running:
        yield running


@pytest.fixture(scope="session")
def our_registry(anvil: Anvil) -> Meeting:
    """Our contract."""
    code = load(ContractName.ETHEREUM_DID_REGISTRY).init_code
    return Meeting(url=anvil.url, registry=anvil.deploy(code))


@pytest.fixture(scope="session")
def their_registry(anvil: Anvil) -> Meeting:
    """The contract of npm's ethr-did-registry, from its own bytecode."""
    code = bytes.fromhex(peer_artifact()["bytecode"].removeprefix("0x"))
    return Meeting(url=anvil.url, registry=anvil.deploy(code))


@pytest.fixture(params=["our_registry", "their_registry"])
def meeting(request: pytest.FixtureRequest) -> Meeting:
    """Each of the two."""
    found: Meeting = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def encounter(
    credential_peers: Peer,
    server: LocalServer,
    chain: LocalChain,
    status_network: Network,
    tmp_path: Path,
) -> Encounter:
    """Issuers, holders and verifiers of both sides on the in-process chain."""
    door = status_network.chain(retries=0)
    office = Office(chain=chain, network=status_network, door=door, root=tmp_path)
    meeting = Meeting(
        url=server.url,
        registry=str(status_network.did_registry),
        chain_id=status_network.chain_id,
        name=status_network.name,
    )
    return Encounter(triangle=Triangle(office=office), peer=credential_peers, meeting=meeting)

"""One chain for all tests of contracts; what a test does to it is undone after the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.artifacts import ContractName, load
from support.evm import Evm, actor

if TYPE_CHECKING:
    from collections.abc import Iterator

    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract


@pytest.fixture(scope="session")
def shared_evm() -> Evm:
    return Evm()


@pytest.fixture(scope="session")
def shared_registry(shared_evm: Evm) -> Contract:
    return shared_evm.deploy(load(ContractName.ETHEREUM_DID_REGISTRY))


@pytest.fixture
def evm(
    shared_evm: Evm,
    shared_registry: Contract,
    shared_statuses: Contract,
    shared_anchors: Contract,
) -> Iterator[Evm]:
    # Deployed before the mark that every test goes back to.
    assert all((shared_registry.address, shared_statuses.address, shared_anchors.address))
    with shared_evm.undone():
        yield shared_evm


@pytest.fixture
def registry(evm: Evm, shared_registry: Contract) -> Contract:
    assert evm.w3 is shared_registry.w3
    return shared_registry


@pytest.fixture(scope="session")
def owner() -> LocalAccount:
    """Owns itself: the identity of most tests."""
    return actor(1)


@pytest.fixture(scope="session")
def successor() -> LocalAccount:
    """Becomes owner or delegate."""
    return actor(2)


@pytest.fixture(scope="session")
def relayer() -> LocalAccount:
    """Pays for what others signed."""
    return actor(3)


@pytest.fixture(scope="session")
def stranger() -> LocalAccount:
    """Has no say in anything."""
    return actor(4)


@pytest.fixture(scope="session")
def shared_statuses(shared_evm: Evm, shared_registry: Contract) -> Contract:
    artifact = load(ContractName.CREDENTIAL_STATUS_REGISTRY)
    return shared_evm.deploy(artifact, shared_registry.address)


@pytest.fixture
def statuses(evm: Evm, shared_statuses: Contract) -> Contract:
    assert evm.w3 is shared_statuses.w3
    return shared_statuses


@pytest.fixture(scope="session")
def shared_anchors(shared_evm: Evm, shared_registry: Contract) -> Contract:
    artifact = load(ContractName.STATUS_LIST_ANCHOR_REGISTRY)
    return shared_evm.deploy(artifact, shared_registry.address)


@pytest.fixture
def anchors(evm: Evm, shared_anchors: Contract) -> Contract:
    assert evm.w3 is shared_anchors.w3
    return shared_anchors

"""An operator with money, on chains with and without the deterministic-deployment proxy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.artifacts import Artifact, ContractName, load
from ethr_did.chain.journal import Journal
from ethr_did.chain.local import LocalChain
from ethr_did.chain.local.account import dev_accounts
from ethr_did.chain.rpc import Chain
from ethr_did.chain.signer import LocalSigner
from ethr_did.chain.transactions import Sender, Waiting
from ethr_did.deployment import RecordFolder, deploy, deployable, plan
from support.evm import load_test_artifact

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from ethr_did.core.keys import Address
    from ethr_did.deployment import DeploymentPlan, Record

NETWORK = "dev"


@dataclass(kw_only=True)
class Operator:
    """Deploys from one account on one chain, and keeps records."""

    node: object
    """URL or provider."""
    chain_id: int
    home: Path
    account: int = 0
    """Number of the development account that pays."""
    patience: float = 1.0
    said: list[str] = field(default_factory=list)

    @property
    def chain(self) -> Chain:
        return Chain([self.node], retries=0)

    @property
    def folder(self) -> RecordFolder:
        return RecordFolder(self.home / "deployments")

    @property
    def sender(self) -> Sender:
        signer = LocalSigner.from_key(dev_accounts(10)[self.account].key)
        return Sender(
            self.chain,
            chain_id=self.chain_id,
            signer=signer,
            journal=Journal(self.home / "journal", chain_id=self.chain_id, sender=signer.address),
            waiting=Waiting(timeout=self.patience, poll=0.05),
        )

    def plan(
        self, *artifacts: Artifact, plain: bool = False, did_registry: Address | None = None
    ) -> DeploymentPlan:
        return plan(
            self.chain,
            artifacts,
            sender=self.sender.address,
            plain=plain,
            known={one.contract_name: one.address for one in self.folder.read_all(NETWORK)},
            did_registry=did_registry,
        )

    def deploy(
        self, *artifacts: Artifact, plain: bool = False, did_registry: Address | None = None
    ) -> list[Record]:
        return deploy(
            self.plan(*artifacts, plain=plain, did_registry=did_registry),
            self.sender,
            network=NETWORK,
            folder=self.folder,
            tell=self.said.append,
        )


@pytest.fixture(scope="session")
def registry() -> Artifact:
    return load(ContractName.ETHEREUM_DID_REGISTRY)


@pytest.fixture(scope="session")
def second() -> Artifact:
    """Another contract without constructor arguments."""
    return load_test_artifact("WritingWallet")


@pytest.fixture(scope="session")
def everything() -> list[Artifact]:
    """All contracts that are deployed, as they were compiled."""
    return [load(name) for name in deployable()]


@pytest.fixture(scope="session")
def status_contracts(everything: list[Artifact]) -> list[Artifact]:
    """Those that do not bring the DID registry."""
    return everything[1:]


@pytest.fixture
def operator(chain: LocalChain, tmp_path: Path) -> Operator:
    """On a chain that has nothing yet."""
    return Operator(node=chain.provider, chain_id=chain.chain_id, home=tmp_path)


@pytest.fixture
def operator_on(tmp_path: Path) -> Callable[..., Operator]:
    """On a chain of another id, or with code that was there before."""

    def make(
        *,
        chain_id: int = 31337,
        alloc: Mapping[str | bytes, str | bytes] | None = None,
        **more: Any,
    ) -> Operator:
        chain = LocalChain(chain_id=chain_id, alloc=alloc)
        home = tmp_path / f"operator-{chain_id}"
        return Operator(node=chain.provider, chain_id=chain_id, home=home, **more)

    return make


def transactions_of(operator: Operator) -> int:
    """How many transactions the operator has sent."""
    account = dev_accounts(10)[operator.account].address
    node: Any = operator.node
    return int(node.make_request("eth_getTransactionCount", [account, "latest"])["result"], 16)

"""Identities on each kind of registry that the world runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.local_signer import LocalSigner
from ethr_did.chain.networks import Network
from ethr_did.core.did import EthrDID
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.identity import Identity
from support.writing import CHAIN_ID, deploy, make_sender, world_registry

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount, LocalChain
    from ethr_did.chain.rpc import Chain
    from ethr_did.chain.transactions import Sender


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A registry on a chain, and what a test needs to act on it."""

    chain: LocalChain
    door: Chain
    network: Network
    root: Path
    """Of the journals."""

    def identity(self, whose: LocalAccount | str) -> Identity:
        """The identity of an account or public key."""
        text = whose if isinstance(whose, str) else whose.address
        return Identity(self.network, EthrDID.build(text, "dev"), chain=self.door)

    def sender(self, account: LocalAccount) -> Sender:
        """Sends from the account."""
        return make_sender(self.chain.provider, account.key, self.root)

    def signer(self, account: LocalAccount) -> LocalSigner:
        """Signs for the account."""
        return LocalSigner.from_key(account.key)


@pytest.fixture(scope="session")
def registries(
    chain: LocalChain, relayer: LocalAccount, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Address]]:
    """Ours, and those of others, by name."""
    mark = chain.snapshot()
    sender = make_sender(chain.provider, relayer.key, tmp_path_factory.mktemp("journal"))
    yield {
        "ours": deploy(sender),
        "legacy-2018": deploy(sender, world_registry("legacy-2018")),
        "1.3.0": deploy(sender, world_registry("1.3.0")),
    }
    chain.revert(mark)


def make_stage(chain: LocalChain, registries: dict[str, Address], root: Path, name: str) -> Stage:
    network = Network(
        name="dev",
        chain_id=CHAIN_ID,
        provider=chain.provider,
        did_registry=to_checksum_address(registries[name]),
        legacy_nonce=name == "legacy-2018",
    )
    return Stage(chain=chain, door=network.chain(retries=0), network=network, root=root)


@pytest.fixture
def stage(chain: LocalChain, registries: dict[str, Address], tmp_path: Path) -> Stage:
    """Our registry."""
    return make_stage(chain, registries, tmp_path, "ours")


@pytest.fixture
def plain_stage(chain: LocalChain, registries: dict[str, Address], tmp_path: Path) -> Stage:
    """A registry without batches: version 1.3.0."""
    return make_stage(chain, registries, tmp_path, "1.3.0")


@pytest.fixture
def legacy_stage(chain: LocalChain, registries: dict[str, Address], tmp_path: Path) -> Stage:
    """The registry of 2018."""
    return make_stage(chain, registries, tmp_path, "legacy-2018")


@pytest.fixture(params=["ours", "1.3.0", "legacy-2018"])
def any_stage(
    chain: LocalChain,
    registries: dict[str, Address],
    tmp_path: Path,
    request: pytest.FixtureRequest,
) -> Stage:
    """Each of them."""
    return make_stage(chain, registries, tmp_path, request.param)

"""Reorganisations of depth 1 to 64 on anvil, with an index following in between."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.artifacts import ContractName, load
from ethr_did.chain.networks import Network
from ethr_did.errors import IndexBroken
from ethr_did.resolver import Resolver
from support.anvil import Anvil, find_anvil
from support.histories import bytes32, call
from support.indexing import Indexed, differing
from support.peers import NODE_MODULES

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEPTHS = (1, 2, 3, 7, 16, 33, 50, 63, 64)
FINAL = 64
"""Blocks on top of the last one that anvil calls final."""
PEOPLE = 4
FAR = 10**9


@pytest.fixture(scope="module")
def anvil() -> Iterator[Anvil]:
    binary = find_anvil(NODE_MODULES)
    if binary is None and os.environ.get("CI"):
        pytest.fail("no anvil; under CI these tests must run (npm ci in tests/interop)")
    if binary is None:
        pytest.skip("no anvil here (npm ci in tests/interop)")
    with Anvil(binary) as running:
        yield running


class Town:
    """People on anvil, who change their identities."""

    def __init__(self, anvil: Anvil) -> None:
        self.anvil = anvil
        self.registry = anvil.deploy(load(ContractName.ETHEREUM_DID_REGISTRY).init_code)
        self.people: list[str] = anvil.call("eth_accounts")[:PEOPLE]
        self.count = 0
        self.network = Network(
            name="dev", chain_id=31337, did_registry=self.registry, rpc_url=anvil.url
        )

    @property
    def dids(self) -> list[str]:
        return [f"did:ethr:dev:{address}" for address in self.people]

    def live(self, *people: int) -> None:
        """One block, in which some people publish services."""
        changes = []
        for number in people:
            who = self.people[number]
            self.count += 1
            value = f"https://{self.count}.example".encode()
            kinds = ("address", "bytes32", "bytes", "uint256")
            data = call("setAttribute", kinds, (who, bytes32(b"did/svc/Hub"), value, FAR))
            changes.append((who, self.registry, data))
        self.anvil.mine(changes)

    def mine(self, count: int) -> None:
        self.anvil.call("anvil_mine", hex(count))

    def final(self) -> int:
        return int(self.anvil.call("eth_getBlockByNumber", "finalized", False)["number"], 16)


@pytest.fixture
def town(anvil: Anvil) -> Town:
    town = Town(anvil)
    for number in range(PEOPLE):
        town.live(number, 0)
    town.mine(FINAL + 6)
    return town


def is_right(indexed: Indexed, town: Town, folder: Path) -> bool:
    """Whether the index is as one that is made now, and says what anvil says."""
    with (
        Resolver([town.network], retries=0) as node,
        Indexed(f"sqlite:///{folder}/{town.count}.db", town.network) as fresh,
    ):
        fresh.follow()
        assert indexed.contents() == fresh.contents()
        assert differing(indexed, node, town.dids) == []
    return True


@pytest.mark.parametrize("index_url", ["sqlite", "postgresql"], indirect=True)
def test_reorganisations_of_every_depth_are_followed(
    town: Town, index_url: str, tmp_path: Path
) -> None:
    with Indexed(index_url, town.network) as indexed:
        indexed.follow()
        for depth in DEPTHS:
            # Events at both ends of what is going to be dropped, and before it.
            town.live(1)
            indexed.follow()
            town.live(2, 3)
            town.mine(max(0, depth - 2))
            town.live(0, 1)
            indexed.follow()
            assert town.final() <= town.anvil.block_number - depth
            town.anvil.call("anvil_reorg", depth, [])
            town.live(3)
            standing = indexed.follow()
            assert standing.revision > 0
            assert is_right(indexed, town, tmp_path)


def test_a_chain_that_goes_back_and_forth_is_followed(town: Town, tmp_path: Path) -> None:
    """Two branches, each of which is for a while the longer one."""
    with Indexed(f"sqlite:///{tmp_path}/index.db", town.network) as indexed:
        indexed.follow()
        for number in range(6):
            mark = town.anvil.call("evm_snapshot")
            town.live(number % PEOPLE, 1)
            town.mine(number)
            indexed.follow()
            town.anvil.call("evm_revert", mark)
            town.live((number + 1) % PEOPLE)
            indexed.follow()
            assert is_right(indexed, town, tmp_path)


def test_what_anvil_calls_final_is_not_taken_back(town: Town, tmp_path: Path) -> None:
    with Indexed(f"sqlite:///{tmp_path}/index.db", town.network) as indexed:
        mark = town.anvil.call("evm_snapshot")
        town.live(1)
        town.mine(FINAL + 2)
        indexed.follow()
        before = indexed.contents()
        town.anvil.call("evm_revert", mark)
        town.live(2)
        town.mine(FINAL + 4)
        with pytest.raises(IndexBroken, match="which was final"):
            indexed.follow()
        assert indexed.contents() == before
        with indexed.resolver() as resolver:
            assert isinstance(resolver.resolve(town.dids[0]).error, IndexBroken)

"""``statesOf`` and ``eip712Domain``; and that the code is the same on every chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.artifacts import ContractName, load
from support.evm import ZERO, Evm, b32

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract


def test_states_of_many_identities_come_in_order(
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    stranger: LocalAccount,
) -> None:
    changed = evm.send(registry.functions.changeOwner(owner.address, successor.address), owner)[
        "blockNumber"
    ]
    identities = [stranger.address, owner.address, owner.address, ZERO]
    assert registry.functions.statesOf(identities).call() == [
        (stranger.address, 0),
        (successor.address, changed),
        (successor.address, changed),
        (ZERO, 0),
    ]


def test_states_of_nobody_are_none(registry: Contract) -> None:
    assert registry.functions.statesOf([]).call() == []


def test_the_domain_is_described_as_erc_5267_says(evm: Evm, registry: Contract) -> None:
    assert registry.functions.eip712Domain().call() == [
        b"\x0f",
        "EthereumDIDRegistry",
        "1",
        evm.w3.eth.chain_id,
        registry.address,
        bytes(32),
        [],
    ]


@pytest.mark.parametrize("chain_id", [1, 11_155_111])
def test_the_code_is_the_artifact_s_on_every_chain(chain_id: int) -> None:
    artifact = load(ContractName.ETHEREUM_DID_REGISTRY)
    evm = Evm(chain_id=chain_id)
    registry = evm.deploy(artifact)
    code = bytes(evm.w3.eth.get_code(registry.address))
    assert code == artifact.runtime_code
    assert bytes(evm.w3.keccak(code)) == artifact.code_hash
    assert registry.functions.eip712Domain().call()[3] == chain_id


def test_a_change_shows_in_the_states_of_its_block_not_before(
    evm: Evm, registry: Contract, owner: LocalAccount
) -> None:
    before = evm.block_number
    evm.send(registry.functions.revokeAttribute(owner.address, b32("did/svc/X"), b""), owner)
    states = registry.functions.statesOf([owner.address])
    assert states.call(block_identifier=before) == [(owner.address, 0)]
    assert states.call(block_identifier=before + 1) == [(owner.address, before + 1)]

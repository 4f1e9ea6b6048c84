"""The package's trees and proofs, judged by the contract."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ethr_did.core.bitstring import BitOrder, Bitstring
from ethr_did.core.status_list import ListId
from ethr_did.core.status_tree import tree_proof, tree_root
from support.evm import Evm, Reverted
from support.status import (
    ANCHORED,
    FAR,
    LIFECYCLE,
    LSB_FIRST,
    NO_HEADER,
    OWNER,
    Header,
    dice,
    digest,
    list_id,
)

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract

CAPACITY_LOGS = (0, 3, 8, 9, 12)


def anchor(
    evm: Evm, anchors: Contract, owner: LocalAccount, listed: bytes, statuses: Bitstring
) -> Header:
    """The header of the list's first version."""
    root = tree_root(statuses.data, ListId(listed).leaf_count)
    content = digest(statuses.data)
    publication = (owner.address, OWNER, listed, NO_HEADER, content, root, FAR)
    evm.send(anchors.functions.publish(publication), owner)
    return content, root, 1, evm.timestamp, FAR, evm.block_number


@pytest.mark.parametrize("order", list(BitOrder))
@pytest.mark.parametrize("width_log", range(4))
@pytest.mark.parametrize("capacity_log", CAPACITY_LOGS)
def test_the_contract_reads_from_our_proof_what_we_wrote(
    *,
    evm: Evm,
    anchors: Contract,
    owner: LocalAccount,
    capacity_log: int,
    width_log: int,
    order: BitOrder,
) -> None:
    flags = ANCHORED | (LSB_FIRST if order is BitOrder.LSB_FIRST else 0)
    listed = list_id(LIFECYCLE, width_log=width_log, flags=flags, capacity_log=capacity_log)
    rules, rng = ListId(listed), dice(capacity_log * 4 + width_log)
    values = bytes(rng.randrange(1 << rules.bits) for _ in range(rules.capacity))
    statuses = Bitstring.of_values(values, bits=rules.bits, capacity=rules.capacity, order=order)
    header = anchor(evm, anchors, owner, listed, statuses)
    last = rules.capacity - 1
    for index in {0, last, *(rng.randint(0, last) for _ in range(4))}:
        proof = tree_proof(statuses.data, index * rules.bits // 256, rules.leaf_count)
        found = anchors.functions.statusFromProof(
            owner.address, listed, header, index, proof.word, proof.siblings
        ).call()
        assert found == values[index] == statuses.value_at(index)


def test_the_contract_refuses_our_proof_of_another_word(
    evm: Evm, anchors: Contract, owner: LocalAccount
) -> None:
    listed = list_id(flags=ANCHORED, capacity_log=10)
    data = dice(10).randbytes(128)
    statuses = Bitstring(data=data, bits=1, order=BitOrder.MSB_FIRST)
    header = anchor(evm, anchors, owner, listed, statuses)
    proof = tree_proof(data, 1, 4)
    call = anchors.functions.statusFromProof(
        owner.address, listed, header, 0, proof.word, proof.siblings
    )
    assert evm.failure(call, owner) == Reverted("InvalidProof")

"""The tree over a status list, against a plain one, and what its proofs do not prove."""

from __future__ import annotations

from dataclasses import replace

import pytest
from eth_hash.auto import keccak

from ethr_did.core.bitstring import BitOrder, Bitstring
from ethr_did.core.status_list import ListId, Purpose
from ethr_did.core.status_tree import (
    TreeProof,
    is_proven,
    root_of_proof,
    tree_proof,
    tree_proofs,
    tree_root,
)
from ethr_did.errors import InvalidStatusEntry, InvalidStatusList
from support.status import Tree, dice

every_size = pytest.mark.parametrize("leaves", [1, 2, 4, 64, 512])


def noise(leaves: int) -> bytes:
    return dice(leaves).randbytes(32 * leaves)


@every_size
def test_root_is_that_of_the_plain_tree(leaves: int) -> None:
    assert tree_root(noise(leaves), leaves) == Tree(noise(leaves)).root
    assert tree_root(bytes(32 * leaves), leaves) == Tree(bytes(32 * leaves)).root


@every_size
def test_proof_is_that_of_the_plain_tree(leaves: int) -> None:
    data, tree = noise(leaves), Tree(noise(leaves))
    for position in {0, 1 % leaves, leaves // 2, leaves - 1}:
        proof = tree_proof(data, position, leaves)
        assert (proof.word, list(proof.siblings)) == (tree.words[position], tree.proof(position))
        assert root_of_proof(proof) == tree.root
        assert is_proven(proof, root=tree.root, leaves=leaves)


@every_size
def test_all_proofs_at_once_are_those_made_one_by_one(leaves: int) -> None:
    data = noise(leaves)
    made = tree_proofs(data, leaves)
    assert len(made) == leaves
    for position in {0, 1 % leaves, leaves // 2, leaves - 1}:
        assert made[position] == tree_proof(data, position, leaves)


def test_leaves_and_nodes_begin_with_different_bytes() -> None:
    left, right = b"\1" * 32, b"\2" * 32
    assert tree_root(left, 1) == keccak(b"\0" + left)
    expected = keccak(b"\1" + keccak(b"\0" + left) + keccak(b"\0" + right))
    assert tree_root(left + right, 2) == expected


@pytest.mark.parametrize("size", [1, 2, 16, 31])
def test_a_list_of_less_than_a_word_is_filled_up_with_zeros(size: int) -> None:
    assert tree_root(b"\xff" * size, 1) == keccak(b"\0" + b"\xff" * size + bytes(32 - size))
    assert tree_proof(b"\xff" * size, 0, 1).word == b"\xff" * size + bytes(32 - size)


def test_a_list_of_a_million_entries_has_the_leaves_of_its_id() -> None:
    listed = ListId.build(purpose=Purpose.REVOCATION, bits=1, capacity=2**20, random=bytes(27))
    data = Bitstring.empty(2**20, bits=1, order=BitOrder.MSB_FIRST).data
    assert listed.leaf_count == 4096
    assert tree_root(data, listed.leaf_count) == Tree(data).root


def test_the_entry_is_read_from_the_word_of_its_proof() -> None:
    statuses = Bitstring.of_values({1000: 3}, bits=2, capacity=2**12, order=BitOrder.LSB_FIRST)
    position, bit = divmod(1000 * statuses.bits, 256)
    proof = tree_proof(statuses.data, position, 32)
    word = Bitstring(data=proof.word, bits=2, order=BitOrder.LSB_FIRST)
    assert word.value_at(bit // statuses.bits) == 3


# -- what is not proven --------------------------------------------------------------------------

PROOF = tree_proof(noise(64), 5, 64)
ROOT = tree_root(noise(64), 64)


def test_another_position_is_not_proven() -> None:
    # Where siblings are sorted, every word passes for every other.
    others = [replace(PROOF, position=position) for position in range(64) if position != 5]
    assert not any(is_proven(other, root=ROOT, leaves=64) for other in others)


def test_another_word_sibling_or_root_is_not_proven() -> None:
    other = tree_proof(noise(64), 6, 64)
    swapped = (PROOF.siblings[1], PROOF.siblings[0], *PROOF.siblings[2:])
    for wrong in (
        replace(PROOF, word=other.word),
        replace(PROOF, word=bytes(32)),
        replace(PROOF, siblings=other.siblings),
        replace(PROOF, siblings=swapped),
    ):
        assert not is_proven(wrong, root=ROOT, leaves=64)
    assert not is_proven(PROOF, root=tree_root(bytes(2048), 64), leaves=64)


def test_a_node_is_not_taken_for_a_word() -> None:
    node = Tree(noise(64)).levels[1][2]
    shorter = TreeProof(word=node, position=2, siblings=PROOF.siblings[1:])
    assert not is_proven(shorter, root=ROOT, leaves=64)
    assert not is_proven(shorter, root=ROOT, leaves=32)


def test_a_proof_of_another_length_is_of_another_tree() -> None:
    for leaves in (1, 32, 63, 65, 128):
        assert not is_proven(PROOF, root=ROOT, leaves=leaves)


# -- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize("leaves", [0, -1, 3, 12])
def test_the_number_of_words_is_a_power_of_two(leaves: int) -> None:
    with pytest.raises(InvalidStatusList, match=f"a power of two, not {leaves}"):
        tree_root(bytes(32 * max(leaves, 1)), leaves)


@pytest.mark.parametrize(
    ("size", "leaves"), [(0, 1), (33, 1), (32, 2), (63, 2), (65, 2), (16_383, 512), (16_385, 512)]
)
def test_what_is_missing_from_a_list_is_not_made_up_of_zeros(size: int, leaves: int) -> None:
    said = f"a list of {leaves} words of 32 bytes has not {size} bytes"
    with pytest.raises(InvalidStatusList, match=said):
        tree_root(bytes(size), leaves)


@pytest.mark.parametrize("position", [-1, 4, 2**40])
def test_there_is_no_proof_of_a_word_that_is_not_there(position: int) -> None:
    with pytest.raises(InvalidStatusEntry, match=f"word {position} is not in a list of 4"):
        tree_proof(noise(4), position, 4)


@pytest.mark.parametrize("position", [-1, 64, 69])
def test_a_proof_has_as_many_positions_as_its_length_allows(position: int) -> None:
    with pytest.raises(InvalidStatusEntry, match=f"6 siblings has no position {position}"):
        replace(PROOF, position=position)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_words_and_siblings_have_32_bytes(length: int) -> None:
    with pytest.raises(InvalidStatusEntry, match="32 bytes each"):
        replace(PROOF, word=bytes(length))
    with pytest.raises(InvalidStatusEntry, match="32 bytes each"):
        replace(PROOF, siblings=(*PROOF.siblings[:-1], bytes(length)))

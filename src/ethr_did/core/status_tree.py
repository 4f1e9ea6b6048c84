"""The tree over a status list: what its anchor on chain commits to, and proofs of single words.

Rules:
  * The uncompressed list is cut into words of 32 bytes. Their number is a power of two; only a
    list of fewer than 256 bits has a word that is filled up with zeros.
  * leaf = keccak256(0x00 ‖ word), node = keccak256(0x01 ‖ left ‖ right). The first byte keeps a
    node from being taken for a word.
  * Siblings stand where they are in the tree; bit i of the word's position says on which side the
    i-th one stands (0: right). Where they are sorted, as is common, a proof says that a word is
    somewhere in the list, and every word then passes for every other.

Spec: docs/credential-status.md, "StatusListAnchorRegistry".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from eth_hash.auto import keccak

from ethr_did.errors import InvalidStatusEntry, InvalidStatusList

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["TreeProof", "is_proven", "root_of_proof", "tree_proof", "tree_proofs", "tree_root"]

_WORD = 32
_LEAF, _NODE = b"\0", b"\1"


@dataclass(frozen=True, slots=True, kw_only=True)
class TreeProof:
    """A word of a list, and what leads from it to the root."""

    word: bytes
    """32 bytes."""
    position: int
    """Of the word in the list."""
    siblings: tuple[bytes, ...]
    """One hash for each level, those of the leaves first."""

    def __post_init__(self) -> None:
        if any(len(part) != _WORD for part in (self.word, *self.siblings)):
            raise InvalidStatusEntry("the word and the siblings of a proof have 32 bytes each")
        if not 0 <= self.position < 1 << len(self.siblings):
            raise InvalidStatusEntry(
                f"a proof with {len(self.siblings)} siblings has no position {self.position}",
                position=self.position,
            )


def tree_root(data: bytes, leaves: int) -> bytes:
    """The root over an uncompressed list, 32 bytes.

    Args:
        data: the whole list, in its own bit order.
        leaves: how many words it has, ``ListId.leaf_count``.

    Raises:
        InvalidStatusList: a list of so many words is longer or shorter.

    Example:
        >>> tree_root(bytes(16_384), 512).hex()
        'ff70f9215970a8beebb1c164c474e82438174c8eeb6fbc8cb4594b88c9448f1d'
    """
    return _levels(data, leaves)[-1][0]


def tree_proof(data: bytes, position: int, leaves: int) -> TreeProof:
    """The proof of one word.

    Args:
        data: the whole list, in its own bit order.
        position: of the word; entry i of b bits is in word i * b // 256.
        leaves: how many words there are, ``ListId.leaf_count``.

    Raises:
        InvalidStatusEntry: there is no such word.
        InvalidStatusList: a list of so many words is longer or shorter.
    """
    if not 0 <= position < leaves:
        raise InvalidStatusEntry(
            f"word {position} is not in a list of {leaves}", position=position, leaves=leaves
        )
    return _proof(data, _levels(data, leaves), position)


def tree_proofs(data: bytes, leaves: int) -> tuple[TreeProof, ...]:
    """The proofs of all words, in order; errors as ``tree_root``."""
    levels = _levels(data, leaves)
    return tuple(_proof(data, levels, position) for position in range(leaves))


def _proof(data: bytes, levels: list[list[bytes]], position: int) -> TreeProof:
    return TreeProof(
        word=_word_at(data, position),
        position=position,
        siblings=tuple(level[(position >> depth) ^ 1] for depth, level in enumerate(levels[:-1])),
    )


def root_of_proof(proof: TreeProof) -> bytes:
    """The root that a proof leads to."""
    found: bytes = keccak(_LEAF + proof.word)
    for depth, sibling in enumerate(proof.siblings):
        is_right = proof.position >> depth & 1
        found = keccak(_NODE + (sibling + found if is_right else found + sibling))
    return found


def is_proven(proof: TreeProof, *, root: bytes, leaves: int) -> bool:
    """Whether the word stands at its position in the list of that root.

    Args:
        proof: word, position and siblings.
        root: of the list, from its anchor.
        leaves: how many words the list has, ``ListId.leaf_count``; a proof of another length is
            of another tree.
    """
    return 1 << len(proof.siblings) == leaves and root_of_proof(proof) == root


def _word_at(data: bytes, position: int) -> bytes:
    return data[position * _WORD : (position + 1) * _WORD].ljust(_WORD, b"\0")


def _levels(data: bytes, leaves: int) -> list[list[bytes]]:
    """The hashes of the tree, level by level, leaves first."""
    if leaves < 1 or leaves & (leaves - 1):
        raise InvalidStatusList(f"the words of a list are a power of two, not {leaves}")
    # Zeros in place of what is missing would be statuses: valid ones.
    if -(-len(data) // _WORD) != leaves or (leaves > 1 and len(data) % _WORD):
        raise InvalidStatusList(
            f"a list of {leaves} words of 32 bytes has not {len(data)} bytes",
            expected=leaves * _WORD,
            actual=len(data),
        )
    levels = [_hashes(_LEAF + _word_at(data, at) for at in range(leaves))]
    while len(levels[-1]) > 1:
        below = levels[-1]
        levels.append(_hashes(_NODE + below[at] + below[at + 1] for at in range(0, len(below), 2)))
    return levels


def _hashes(preimages: Iterable[bytes]) -> list[bytes]:
    """The hash of each; equal ones are computed once, and most words of a list are zeros."""
    known: dict[bytes, bytes] = {}
    for preimage in (wanted := list(preimages)):
        if preimage not in known:
            known[preimage] = keccak(preimage)
    return [known[preimage] for preimage in wanted]

"""How far a network was followed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ethr_did.chain.answer import Head

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Standing"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One network of the index, as of one transaction."""

    id: int
    """Of its row."""
    chain_id: int
    first_block: int
    head: Head | None
    """The block up to which everything is here; None: nothing is."""
    final: Head | None
    """The last finalised block that was seen, not later than the head."""
    node_head: int | None
    """Number of the newest block of the node, when it was last asked."""
    checked_at: float | None
    """Unix seconds at which the index was last found to be of the node's chain."""
    revision: int
    """Counts how often something was taken back."""
    fault: str | None
    """Why the index cannot go on; None: it can."""
    code_hash: bytes
    """keccak-256 of the code at the DID registry."""
    status_bound: bytes
    """DID registry that the status registry asks; empty: there is none."""
    anchor_bound: bytes
    """DID registry that the anchor registry asks; empty: there is none."""

    @classmethod
    def of_row(cls, row: Sequence[Any]) -> Standing:
        """The standing that a row says, with all columns of the table in their order."""
        id_, chain_id, _, first_block, code_hash, status_bound, anchor_bound, *others = row
        *blocks, node_head, checked_at, revision, fault = others
        return cls(
            id=id_,
            chain_id=int(chain_id),
            first_block=first_block,
            head=_head(*blocks[:4]),
            final=_head(*blocks[4:]),
            node_head=node_head,
            checked_at=checked_at,
            revision=revision,
            fault=fault,
            code_hash=bytes(code_hash),
            status_bound=bytes(status_bound),
            anchor_bound=bytes(anchor_bound),
        )

    @property
    def blocks_behind(self) -> int | None:
        """Blocks of the node that are not here yet; None: nothing is known of them."""
        if self.head is None or self.node_head is None:
            return None
        return max(0, self.node_head - self.head.number)

    def age(self, now: float) -> float | None:
        """Seconds since the index was compared with the node; None: it never was.

        Where the clock of whoever compared them is ahead, the seconds by which it is: how old the
        index is, nobody can tell then.
        """
        return None if self.checked_at is None else abs(now - self.checked_at)


def _head(number: int | None, hash_: bytes, parent: bytes, time: int) -> Head | None:
    if number is None:
        return None
    return Head(number=number, hash=bytes(hash_), parent_hash=bytes(parent), timestamp=time)

"""Agreement among nodes: which block to compare at, and which result enough of them gave.

Rules:
  * Compared is at the highest block that at least ``quorum`` nodes have reached.
  * Results are equal if ``==`` says so. That the chain was read and said no (a ``NotFoundError``,
    say) is a result too; that it could not be read (a ``ChainError``) is none.
  * A quorum of more than half of the nodes is a majority. A smaller one may be met twice over by
    nodes that contradict each other; that too is a failure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from ethr_did.errors import ChainError, QuorumFailed, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.errors import EthrDIDError

__all__ = ["Outcome", "Vote"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Outcome(Generic[T]):
    """What came of a reading at one node."""

    value: T | None = None
    error: EthrDIDError | None = None
    """Set if the reading raised."""

    def said(self) -> str:
        """The outcome for people."""
        return shown(self.value) if self.error is None else self.error.message

    def equals(self, other: Outcome[Any]) -> bool:
        """Whether two nodes said the same."""
        if self.error is None or other.error is None:
            return self.error is other.error and self.value == other.value
        return type(self.error) is type(other.error) and self.error.message == other.error.message


class Vote(Generic[T]):
    """The count of what the nodes said."""

    def __init__(
        self, labels: Sequence[str], heads: Sequence[Outcome[int]], *, quorum: int
    ) -> None:
        """A vote at the highest block that enough nodes have reached.

        Args:
            labels: masked names of all nodes.
            heads: the latest block number of each.
            quorum: nodes that must agree.

        Raises:
            QuorumFailed: too few nodes named a block.
        """
        self._quorum = quorum
        self._said: list[tuple[str, str]] = []
        self._groups: list[list[Outcome[T]]] = []
        numbers = sorted((h.value for h in heads if h.value is not None), reverse=True)
        self.block = numbers[quorum - 1] if len(numbers) >= quorum else -1
        for label, head in zip(labels, heads, strict=True):
            if not self.has(head):
                words = head.said() if head.error else f"has only reached block {head.value}"
                self._said.append((label, words))
        if self.block < 0:
            raise self._failed("too few nodes answered")

    def has(self, head: Outcome[int]) -> bool:
        """Whether a node with this head has the block."""
        return head.value is not None and 0 <= self.block <= head.value

    def add(self, label: str, outcome: Outcome[T]) -> None:
        """Nothing; counts what a node said."""
        self._said.append((label, outcome.said()))
        if isinstance(outcome.error, ChainError):
            return
        for group in self._groups:
            if group[0].equals(outcome):
                group.append(outcome)
                return
        self._groups.append([outcome])

    def result(self) -> T:
        """What the quorum said.

        Raises:
            QuorumFailed: no result reached the quorum, or two did.
            EthrDIDError: the quorum agrees on it.
        """
        winners = [group for group in self._groups if len(group) >= self._quorum]
        if len(winners) != 1:
            raise self._failed("the nodes do not agree" if self._groups else "no node could tell")
        first = winners[0][0]
        if first.error is not None:
            raise first.error
        return first.value  # type: ignore[return-value]  # T may itself include None

    def _failed(self, problem: str) -> QuorumFailed:
        words = "; ".join(f"{label}: {said}" for label, said in self._said)
        return QuorumFailed(
            f"{problem}, {self._quorum} must: {words}",
            hint="Ask again, or remove the node that is behind or wrong.",
            quorum=self._quorum,
            block_number=self.block if self.block >= 0 else None,
            said=tuple(self._said),
        )

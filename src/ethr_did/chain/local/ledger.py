"""The blocks of the in-process chain, and what is looked up in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ethr_did.chain.local.block import Block, Log, Mined

__all__ = ["FoundLog", "Ledger", "LogFilter"]

_BLOCKHASH_WINDOW = 256
"""How far BLOCKHASH looks back, in blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogFilter:
    """Which logs are wanted."""

    addresses: frozenset[bytes] | None
    """``None``: of every contract."""
    topics: tuple[frozenset[bytes] | None, ...]
    """By position; ``None``: anything, but something."""

    def matches(self, log: Log) -> bool:
        """Whether the log is one of those."""
        if self.addresses is not None and log.address not in self.addresses:
            return False
        if len(log.topics) < len(self.topics):
            return False
        pairs = zip(self.topics, log.topics, strict=False)
        return all(wanted is None or topic in wanted for wanted, topic in pairs)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundLog:
    """A log and where it was found."""

    block: Block
    mined: Mined
    log: Log


class Ledger:
    """The canonical chain. There is no other: what is taken back is forgotten."""

    def __init__(self, genesis: Block) -> None:
        self._blocks: list[Block] = []
        self._numbers: dict[bytes, int] = {}
        self._places: dict[bytes, tuple[int, int]] = {}
        self._logs: list[tuple[tuple[Mined, Log], ...]] = []
        self.append(genesis)

    @property
    def head(self) -> Block:
        """The newest block."""
        return self._blocks[-1]

    @property
    def blocks(self) -> tuple[Block, ...]:
        """All blocks, genesis first."""
        return tuple(self._blocks)

    def append(self, block: Block) -> None:
        """Add the next block."""
        self._numbers[block.hash] = block.number
        for mined in block.transactions:
            self._places[mined.transaction.hash] = (block.number, mined.index)
        # Log queries go over thousands of blocks: most have none, and are then one empty tuple.
        self._logs.append(tuple((mined, log) for mined in block.transactions for log in mined.logs))
        self._blocks.append(block)

    def replace_head(self, block: Block) -> None:
        """Put the same block with another state in the head's place."""
        self._blocks[-1] = block

    def truncate(self, head: Block) -> None:
        """Forget what came after that block, and any patch of its state."""
        while self.head.number > head.number:
            dropped = self._blocks.pop()
            self._logs.pop()
            del self._numbers[dropped.hash]
            for mined in dropped.transactions:
                del self._places[mined.transaction.hash]
        self.replace_head(head)

    def at(self, number: int) -> Block | None:
        """The block of that number."""
        return self._blocks[number] if 0 <= number < len(self._blocks) else None

    def by_hash(self, block_hash: bytes) -> Block | None:
        """The block of that hash."""
        number = self._numbers.get(block_hash)
        return None if number is None else self._blocks[number]

    def transaction(self, tx_hash: bytes) -> tuple[Block, Mined] | None:
        """The mined transaction of that hash, and its block."""
        place = self._places.get(tx_hash)
        if place is None:
            return None
        block = self._blocks[place[0]]
        return block, block.transactions[place[1]]

    def ancestors(self, number: int) -> tuple[bytes, ...]:
        """Hashes of the blocks before that number, nearest first, as far as BLOCKHASH goes."""
        start = max(0, number - _BLOCKHASH_WINDOW)
        return tuple(block.hash for block in reversed(self._blocks[start:number]))

    def logs(self, first: int, last: int, wanted: LogFilter) -> Iterator[FoundLog]:
        """The wanted logs of the blocks from ``first`` to ``last``, both included, in order."""
        for number, entries in enumerate(self._logs[first : last + 1], first):
            for mined, log in entries:
                if wanted.matches(log):
                    yield FoundLog(block=self._blocks[number], mined=mined, log=log)

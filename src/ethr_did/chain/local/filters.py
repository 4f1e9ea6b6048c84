"""Filters that clients leave with the node and poll: ``eth_newFilter`` and its family."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ethr_did.chain.local.params import RpcError

if TYPE_CHECKING:
    from ethr_did.chain.local.ledger import LogFilter

__all__ = ["Filter", "Filters"]

_MAX_FILTERS = 1_000
"""Clients come and go without taking theirs back; the oldest make room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """One client's question, and how far it has been answered."""

    wanted: LogFilter | None
    """``None``: asks for block hashes."""
    first: int
    """Block number, the first of interest."""
    last: int | None
    """Block number; ``None``: no end."""
    seen: int
    """Block number up to which changes were reported."""


class Filters:
    """The filters that are left with one chain."""

    def __init__(self) -> None:
        self._filters: dict[int, Filter] = {}
        self._last_id = 0

    def add(self, new: Filter) -> int:
        """The id of the filter, now kept."""
        self._last_id += 1
        self._filters[self._last_id] = new
        while len(self._filters) > _MAX_FILTERS:
            del self._filters[next(iter(self._filters))]
        return self._last_id

    def get(self, filter_id: int) -> Filter:
        """The filter of that id.

        Raises:
            RpcError: There is none.
        """
        if filter_id not in self._filters:
            raise RpcError("filter not found")
        return self._filters[filter_id]

    def mark_seen(self, filter_id: int, number: int) -> None:
        """Report from the block after that number next time."""
        self._filters[filter_id] = replace(self.get(filter_id), seen=number)

    def remove(self, filter_id: int) -> bool:
        """Whether there was such a filter; there is none now."""
        return self._filters.pop(filter_id, None) is not None

"""Events as they are read from the index: one statement, one way back to a log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from sqlalchemy import and_, select

from ethr_did.index import tables
from ethr_did.index.entries import Place, log_of

if TYPE_CHECKING:
    from sqlalchemy import Select

    from ethr_did.index.entries import Contracts

__all__ = ["EVENT_ROW", "EventRow", "log_of_row"]

EventRow: TypeAlias = Any
"""A row of ``EVENT_ROW``: a tuple, whose columns a type checker cannot count."""

EVENT_ROW: Select[Any] = (
    select(
        tables.subjects.c.kind,
        tables.subjects.c.key,
        tables.events.c.topic,
        tables.events.c.data,
        tables.events.c.block,
        tables.events.c.log_index,
        tables.blocks.c.hash,
        tables.blocks.c.time,
        tables.events.c.tx_hash,
    )
    .select_from(tables.events)
    .join(tables.subjects, tables.subjects.c.id == tables.events.c.subject)
    .join(
        tables.blocks,
        and_(
            tables.blocks.c.network == tables.events.c.network,
            tables.blocks.c.number == tables.events.c.block,
        ),
    )
)
"""Everything that a log is made from."""


def log_of_row(contracts: Contracts, row: EventRow) -> dict[str, Any]:
    """The log that a row of ``EVENT_ROW`` says."""
    kind, key, topic, data, block, log_index, hash_, time, tx_hash = row[:9]
    place = Place(block, log_index, bytes(hash_), time, bytes(tx_hash))
    return log_of(contracts, (kind, bytes(key)), topic, bytes(data), place)

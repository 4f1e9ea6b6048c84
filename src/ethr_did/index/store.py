"""The database of the index: steps forward, steps back, and how far it is.

Rules:
  * A step is one transaction: its events, the tips they lead to, its blocks, and the head. After a
    crash the index is at the end of some step, with nothing missing and nothing twice.
  * A step begins where the index stands. If it stands elsewhere, somebody else has followed
    meanwhile, and the step is refused.
  * What is finalised is never touched again. An event that a node had kept back may be added.

The functions take the connection of a transaction: a writing one (see writer.py) or a reading one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import and_, bindparam, delete, func, insert, select, update

from ethr_did.database import PATIENCE, Database
from ethr_did.errors import IndexBroken
from ethr_did.index import tables
from ethr_did.index.bulk import insert_rows, join_rows, update_rows
from ethr_did.index.entries import entry_of
from ethr_did.index.linking import find_gaps, tips_after
from ethr_did.index.prepared import Prepared
from ethr_did.index.rows import EVENT_ROW, log_of_row
from ethr_did.index.standing import Standing

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Table

    from ethr_did.chain.answer import Head
    from ethr_did.index.entries import Contracts, Entry
    from ethr_did.index.linking import Gap, Subject
    from ethr_did.index.remembering import Known, Remembered

__all__ = [
    "IndexDatabase",
    "Overtaken",
    "Step",
    "add_network",
    "append",
    "checkpoints",
    "clear",
    "count_events",
    "find_network",
    "note",
    "note_fault",
    "read_standings",
    "roll_back",
]

T = TypeVar("T")

_CHUNK = 500
"""Values in one statement."""


class Overtaken(Exception):
    """Another process has moved the index meanwhile."""


class IndexDatabase(Database):
    """The database of the index."""

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        """Opens it, as ``Database``. Its connections are kept: it is read often."""
        super().__init__(url, tables.SCHEMA, patience=patience, pooled=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Everything that happened from one block to another."""

    entries: tuple[Entry, ...]
    """In the order of the chain, with the times of their blocks."""
    head: Head
    """The last block. Up to the one that the index ends at, it is a second look."""
    final: Head | None
    """The last finalised block, as far as it is known; may be later than the head."""
    node_head: int
    """Number of the newest block of the node."""
    checked_at: float
    """Unix seconds at which the node was asked."""


# -- networks ------------------------------------------------------------------------------------


def find_network(connection: Connection, chain_id: int, contracts: Contracts) -> Standing | None:
    """How far a network is; None if it was never followed."""
    found = _NETWORK.rows(connection, _identified(chain_id, contracts))
    return Standing.of_row(found[0]) if found else None


def add_network(
    connection: Connection,
    chain_id: int,
    contracts: Contracts,
    *,
    first_block: int,
    code_hash: bytes,
    bound: tuple[bytes, bytes],
) -> Standing:
    """A network that is new here.

    Args:
        connection: of a writing transaction.
        chain_id: of the network.
        contracts: that are followed.
        first_block: the first one that may hold events.
        code_hash: keccak-256 of the code of the DID registry.
        bound: DID registries that the status and the anchor registry ask; empty: there is none.
    """
    connection.execute(
        insert(tables.networks).values(
            **_identified(chain_id, contracts),
            first_block=first_block,
            code_hash=code_hash,
            status_bound=bound[0],
            anchor_bound=bound[1],
            revision=0,
        )
    )
    found = find_network(connection, chain_id, contracts)
    assert found is not None  # noqa: S101 - just written
    return found


def read_standings(connection: Connection) -> list[Standing]:
    """How far each network is."""
    rows = connection.execute(select(tables.networks).order_by(tables.networks.c.id))
    return [Standing.of_row(row) for row in rows]


def count_events(connection: Connection, standing: Standing) -> int:
    """How many events of a network are here."""
    events = tables.events.c
    counted = select(func.count()).where(events.network == standing.id)
    return int(connection.execute(counted).scalar_one())


def note(
    connection: Connection,
    standing: Standing,
    *,
    final: Head | None,
    node_head: int,
    checked_at: float,
) -> Standing:
    """The standing after a look at the node that brought nothing new."""
    _check_unmoved(connection, standing)
    known = _final(standing, final)
    _set(
        connection,
        standing,
        node_head=node_head,
        checked_at=checked_at,
        fault=None,
        **_columns("final", known),
    )
    _prune(connection, standing, known)
    return _again(connection, standing)


def note_fault(connection: Connection, standing: Standing, fault: str) -> Standing:
    """The standing with the reason why it cannot go on."""
    _set(connection, standing, fault=fault)
    return _again(connection, standing)


# -- steps ---------------------------------------------------------------------------------------


def append(
    connection: Connection, standing: Standing, step: Step, remembered: Remembered | None = None
) -> Standing | list[Gap]:
    """The standing after a step; or what is missing from it, and nothing is written.

    Args:
        connection: of a writing transaction.
        standing: how far the index is.
        step: from there on.
        remembered: what the database holds of the network, as far as that is known; whoever gives
            it forgets it when the transaction does not end well. None: nothing is.

    Raises:
        Overtaken: the index stands elsewhere.
        IndexBroken: the step contradicts what the index holds.
    """
    _check_unmoved(connection, standing)
    entries = _unknown(connection, standing, step.entries)
    known = _subjects(connection, standing, entries, remembered)
    if gaps := find_gaps(entries, {subject: tip for subject, (_, tip) in known.items()}):
        return gaps
    after = tips_after(entries)
    ids = _write_tips(connection, standing, after, known)
    if remembered is not None:
        remembered.note({subject: (ids[subject], tip) for subject, tip in after.items()})
    head = _later(standing.head, step.head)
    # Not the head: of what is read once more, only so much is final as was read.
    final = _final(standing, step.final, head=step.head)
    _write_blocks(connection, standing, entries, head, final)
    _write_events(connection, standing, entries, ids)
    _set(
        connection,
        standing,
        node_head=step.node_head,
        checked_at=step.checked_at,
        # Whatever it was, all of it has been read again.
        fault=None if head.number >= step.node_head else standing.fault,
        **_columns("head", head),
        **_columns("final", final),
    )
    _prune(connection, standing, final)
    return _again(connection, standing)


def _unknown(connection: Connection, standing: Standing, entries: Sequence[Entry]) -> list[Entry]:
    """The entries that are not here yet; those of earlier blocks may be."""
    last = -1 if standing.head is None else standing.head.number
    earlier = sorted({entry.block_number for entry in entries if entry.block_number <= last})
    if not earlier:
        return list(entries)
    events, blocks = tables.events.c, tables.blocks.c
    here = {
        (row.block, row.log_index): bytes(row.hash)
        for part in _parts(earlier)
        for row in connection.execute(
            select(events.block, events.log_index, blocks.hash)
            .join(
                tables.blocks, and_(blocks.network == events.network, blocks.number == events.block)
            )
            .where(events.network == standing.id, events.block.in_(part))
        )
    }
    for entry in entries:
        if here.get(entry.place, entry.block_hash) != entry.block_hash:
            raise _other_block(entry.block_number)
    return [entry for entry in entries if entry.place not in here]


def _other_block(number: int) -> IndexBroken:
    return IndexBroken(
        f"block {number} is in the index under another hash",
        hint="Another node was followed before. Begin anew: `ethr-did index rebuild`.",
        block_number=number,
    )


def _subjects(
    connection: Connection,
    standing: Standing,
    entries: Iterable[Entry],
    remembered: Remembered | None,
) -> dict[Subject, Known]:
    """Id and tip of the subjects that are known."""
    subjects = dict.fromkeys((int(entry.kind), entry.key) for entry in entries)
    known = {} if remembered is None else remembered.find(subjects)
    wanted = [(standing.id, *subject) for subject in subjects if subject not in known]
    found = join_rows(
        connection,
        tables.subjects,
        ("kind", "key", "id", "tip"),
        ("network", "kind", "key"),
        wanted,
    )
    known |= {(kind, bytes(key)): (id_, bytes(tip)) for kind, key, id_, tip in found}
    return known


def _write_tips(
    connection: Connection,
    standing: Standing,
    tips: Mapping[Subject, bytes],
    known: Mapping[Subject, Known],
) -> dict[Subject, int]:
    """Ids of the subjects; writes where their chains end now."""
    ids = {subject: id_ for subject, (id_, _) in known.items()}
    new, moved = [], []
    next_id = _next_id(connection, tables.subjects)
    for subject, tip in tips.items():
        if subject in ids:
            moved.append((ids[subject], tip))
            continue
        ids[subject] = next_id
        new.append((next_id, standing.id, *subject, tip))
        next_id += 1
    insert_rows(connection, tables.subjects, new)
    update_rows(connection, tables.subjects, "tip", moved)
    return ids


def _write_blocks(
    connection: Connection,
    standing: Standing,
    entries: Iterable[Entry],
    head: Head,
    final: Head | None,
) -> None:
    rows: dict[int, tuple[bytes, int | None]] = {
        entry.block_number: (entry.block_hash, entry.block_timestamp) for entry in entries
    }
    if final is None or head.number > final.number:
        rows[head.number] = (head.hash, head.timestamp)
    written = [(standing.id, number, *block) for number, block in sorted(rows.items())]
    insert_rows(connection, tables.blocks, written, or_ignore=True)
    _check_blocks(connection, standing, rows)


def _check_blocks(
    connection: Connection, standing: Standing, rows: Mapping[int, tuple[bytes, int | None]]
) -> None:
    """Raises if a block was here before under another hash."""
    last = -1 if standing.head is None else standing.head.number
    earlier = [number for number in rows if number <= last]
    for part in _parts(earlier):
        blocks = tables.blocks.c
        statement = select(blocks.number, blocks.hash).where(
            blocks.network == standing.id, blocks.number.in_(part)
        )
        for number, hash_ in connection.execute(statement):
            if bytes(hash_) != rows[number][0]:
                raise _other_block(number)


def _write_events(
    connection: Connection,
    standing: Standing,
    entries: Sequence[Entry],
    ids: Mapping[Subject, int],
) -> None:
    first = _next_id(connection, tables.events)
    rows = [
        (
            id_,
            standing.id,
            ids[int(entry.kind), entry.key],
            entry.block_number,
            entry.log_index,
            entry.topic,
            entry.data,
            entry.tx_hash,
        )
        for id_, entry in enumerate(entries, first)
    ]
    insert_rows(connection, tables.events, rows)


# -- steps back ----------------------------------------------------------------------------------


def checkpoints(connection: Connection, standing: Standing) -> list[tuple[int, bytes]]:
    """Numbers and hashes of the blocks above the last finalised one, newest first."""
    blocks = tables.blocks.c
    floor = -1 if standing.final is None else standing.final.number
    statement = (
        select(blocks.number, blocks.hash)
        .where(blocks.network == standing.id, blocks.number > floor)
        .order_by(blocks.number.desc())
    )
    return [(number, bytes(hash_)) for number, hash_ in connection.execute(statement)]


def roll_back(
    connection: Connection, standing: Standing, to: Head | None, contracts: Contracts
) -> Standing:
    """The standing after everything later than a block was taken back.

    Args:
        connection: of a writing transaction.
        standing: how far the index is.
        to: a block of the node's chain that is in the index; None: nothing is left.
        contracts: of the network.

    Raises:
        Overtaken: the index stands elsewhere.
        IndexBroken: the block is before the last finalised one.
    """
    _check_unmoved(connection, standing)
    last = -1 if to is None else to.number
    if standing.final is not None and last < standing.final.number:
        raise IndexBroken(
            f"the node's chain leaves that of the index before block {standing.final.number}, "
            "which was final",
            hint="Is it another node, or a chain that was begun anew? If you believe it, begin anew "
            "here too: `ethr-did index rebuild`.",
            block_number=standing.final.number,
        )
    events, blocks = tables.events, tables.blocks
    later = and_(events.c.network == standing.id, events.c.block > last)
    touched = list(connection.execute(select(events.c.subject).where(later).distinct()).scalars())
    connection.execute(delete(events).where(later))
    connection.execute(
        delete(blocks).where(blocks.c.network == standing.id, blocks.c.number > last)
    )
    for part in _parts(touched):
        _restore_tips(connection, part, contracts)
    _set(connection, standing, revision=standing.revision + 1, **_columns("head", to))
    return _again(connection, standing)


def clear(connection: Connection, standing: Standing) -> None:
    """Nothing; takes a network out of the index."""
    for table in (tables.events, tables.blocks, tables.subjects):
        connection.execute(delete(table).where(table.c.network == standing.id))
    connection.execute(delete(tables.networks).where(tables.networks.c.id == standing.id))


def _restore_tips(connection: Connection, ids: Sequence[int], contracts: Contracts) -> None:
    """The tips of subjects after their last events were taken back; those without any go."""
    events, subjects = tables.events, tables.subjects
    newest = (
        select(events.c.subject, func.max(events.c.block).label("block"))
        .where(events.c.subject.in_(ids))
        .group_by(events.c.subject)
        .subquery()
    )
    statement = (
        EVENT_ROW.join(
            newest,
            and_(events.c.subject == newest.c.subject, events.c.block == newest.c.block),
        )
        .add_columns(events.c.subject.label("subject_id"))
        .order_by(events.c.log_index)
    )
    tips = {
        row.subject_id: entry_of(log_of_row(contracts, row), contracts).after
        for row in connection.execute(statement)
    }
    gone = [id_ for id_ in ids if id_ not in tips]
    if gone:
        connection.execute(delete(subjects).where(subjects.c.id.in_(gone)))
    if tips:
        update_rows(connection, subjects, "tip", list(tips.items()))


# -- parts ---------------------------------------------------------------------------------------


_NETWORK = Prepared(
    select(tables.networks).where(
        tables.networks.c.chain_id == bindparam("chain_id"),
        tables.networks.c.contracts == bindparam("contracts"),
    )
)


def _identified(chain_id: int, contracts: Contracts) -> dict[str, Any]:
    return {"chain_id": str(chain_id), "contracts": contracts.stored}


def _check_unmoved(connection: Connection, standing: Standing) -> None:
    found = _again(connection, standing)
    if (found.head, found.revision) != (standing.head, standing.revision):
        raise Overtaken


def _again(connection: Connection, standing: Standing) -> Standing:
    networks = tables.networks
    row = connection.execute(select(networks).where(networks.c.id == standing.id)).one_or_none()
    if row is None:
        raise Overtaken
    return Standing.of_row(row)


def _set(connection: Connection, standing: Standing, **values: Any) -> None:
    networks = tables.networks
    connection.execute(update(networks).where(networks.c.id == standing.id).values(**values))


def _columns(name: str, head: Head | None) -> dict[str, Any]:
    return {
        f"{name}_number": head.number if head else None,
        f"{name}_hash": head.hash if head else None,
        f"{name}_parent": head.parent_hash if head else None,
        f"{name}_time": head.timestamp if head else None,
    }


def _final(standing: Standing, final: Head | None, head: Head | None = None) -> Head | None:
    """The last finalised block that is in the index: it only rises."""
    head = head or standing.head
    if final is None or head is None:
        return standing.final
    if final.number > head.number:
        final = head  # all blocks before a final one are final
    if standing.final is not None and final.number <= standing.final.number:
        return standing.final
    return final


def _later(known: Head | None, new: Head) -> Head:
    return new if known is None or new.number > known.number else known


def _prune(connection: Connection, standing: Standing, final: Head | None) -> None:
    """Forgets where steps ended, as far as that is final now."""
    if final is None:
        return
    blocks, events = tables.blocks, tables.events
    floor = -1 if standing.final is None else standing.final.number
    holds_events: ColumnElement[bool] = (
        select(events.c.id)
        .where(events.c.network == blocks.c.network, events.c.block == blocks.c.number)
        .exists()
    )
    connection.execute(
        delete(blocks).where(
            blocks.c.network == standing.id,
            blocks.c.number > floor,
            blocks.c.number <= final.number,
            ~holds_events,
        )
    )


def _next_id(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.max(table.c.id))).scalar() or 0) + 1


def _parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (values[start : start + _CHUNK] for start in range(0, len(values), _CHUNK))

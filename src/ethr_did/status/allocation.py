"""Indexes for credentials: each handed out once, in an order that nobody else can foresee.

Rules:
  1. An index that was handed out is never handed out again: neither by another process or thread,
     nor after a crash. It is committed before it is returned; what a crash keeps from the caller
     is lost, not free.
  2. With a reference, asking again gives the same index: after a crash ask for the same
     references. A reference stands for one credential in one row of lists, and is nobody's name,
     address or number.
  3. Lists on chain are filled page by page, lists kept off chain all over; see ``Placement``.
  4. A database that was restored from a backup has forgotten what was handed out since. Before it
     is used, ``skip`` at least as many entries as may have been handed out in the meantime: they
     are exactly the next ones. Or ``import_used`` those that are known. Two databases that hand out
     from one list would give the same indexes to different credentials.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, update

from ethr_did.core.status_answer import kind_of
from ethr_did.core.status_entry import MAX_URL, StatusMessage
from ethr_did.core.status_list import Flag, ListId, Purpose
from ethr_did.errors import (
    InvalidOption,
    InvalidStatusList,
    StoreError,
    shown,
)
from ethr_did.status import tables
from ethr_did.status.placement import SEED_LENGTH, Placement
from ethr_did.status.store import chunks, insert_list, list_of, lock_list
from ethr_did.status.stored import ListForm, NewList, StoredList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import Connection, Row

    from ethr_did.core.keys import Address
    from ethr_did.core.status_entry import BitstringEntry, ContractId, ListEntry, TokenEntry
    from ethr_did.status.store import StatusStore

__all__ = ["MIN_W3C_CAPACITY", "Allocation", "Allocator"]

MIN_W3C_CAPACITY: Final = 131_072
"""Entries that a Bitstring Status List has at least. Spec: Bitstring Status List section 2.2."""

_RANDOM_OF_ID = 27
_MAX_AT_ONCE = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation:
    """An entry that belongs to one credential."""

    list: StoredList
    index: int
    reference: str | None

    @property
    def entry(self) -> ListEntry | BitstringEntry | TokenEntry:
        """What the credential says about its status."""
        return self.list.entry(self.index)

    def to_dict(self) -> dict[str, Any]:
        """The allocation as JSON; ``entry`` goes into the credential as it is.

        It is its ``credentialStatus``, or for a ``TokenEntry`` its claim ``status``.
        """
        members = {
            "listId": self.list.list_id.text,
            "index": self.index,
            "reference": self.reference,
            "entry": self.entry.to_dict(),
        }
        return {name: value for name, value in members.items() if value is not None}


class Allocator:
    """Makes lists, and hands out their entries."""

    def __init__(self, store: StatusStore, *, random: Callable[[int], bytes]) -> None:
        """An allocator.

        Args:
            store: the database.
            random: as many secret random bytes as it is asked for: ``secrets.token_bytes``.
        """
        self._store = store
        self._random = random

    # -- lists -----------------------------------------------------------------------------------

    def create_list(
        self,
        *,
        contract: ContractId,
        identity: Address,
        purpose: Purpose,
        now: int,
        form: ListForm = ListForm.CHAIN,
        bits: int = 1,
        capacity: int = MIN_W3C_CAPACITY,
        terminal: bool = False,
        owner_only: bool = False,
        url: str = "",
        messages: Iterable[StatusMessage] = (),
    ) -> StoredList:
        """A new list, ready to hand out entries. On chain nothing is needed for it.

        Args:
            contract: the status registry; for a list kept off chain the anchor registry.
            identity: the issuer's.
            purpose: what the list is for.
            now: unix seconds.
            form: how its statuses get to verifiers.
            bits: for each entry: 1, 2, 4 or 8.
            capacity: entries; a power of two.
            terminal: whether INVALID is final.
            owner_only: whether delegates have no right.
            url: where a list kept off chain will be served.
            messages: what the values of a W3C list mean; without them, in one word each.

        Raises:
            InvalidStatusList: rules that cannot be, or that the form does not know.
            StoreError: the database cannot be written.
        """
        flags = Flag.TERMINAL * terminal | Flag.OWNER_ONLY * owner_only
        flags |= Flag.ANCHORED * (form is not ListForm.CHAIN)
        flags |= Flag.LSB_FIRST * (form is ListForm.TOKEN)
        list_id = ListId.build(
            purpose=purpose,
            bits=bits,
            capacity=capacity,
            random=self._random(_RANDOM_OF_ID),
            flags=Flag(flags),
        )
        return self.adopt_list(
            list_id,
            contract=contract,
            identity=identity,
            now=now,
            form=form,
            url=url,
            messages=messages,
        )

    def adopt_list(
        self,
        list_id: ListId,
        *,
        contract: ContractId,
        identity: Address,
        now: int,
        form: ListForm,
        url: str = "",
        messages: Iterable[StatusMessage] = (),
    ) -> StoredList:
        """A list whose id exists already, under a new secret order; see ``create_list``.

        What was handed out of it elsewhere has to be named with ``import_used``.

        Raises:
            InvalidStatusList: the form does not know these rules.
            StoreError: the database has it already, or cannot be written.
        """
        _check_form(list_id, form, url)
        new = NewList(
            contract=contract,
            identity=identity,
            list_id=list_id,
            form=form,
            url=url,
            messages=_messages(list_id, form, messages),
            seed=self._random(SEED_LENGTH),
            created_at=now,
        )
        return self._store.add_list(new)

    # -- entries ---------------------------------------------------------------------------------

    def allocate(
        self,
        stored: StoredList,
        count: int = 1,
        *,
        now: int,
        references: Sequence[str] | None = None,
        roll_over: bool = False,
    ) -> list[Allocation]:
        """Entries that nobody else has; one for each reference, in their order, if there are any.

        Args:
            stored: the list; when it is full, the lists that follow it.
            count: of entries; of the references if they are given.
            now: unix seconds.
            references: labels of the caller's, one for each credential. No personal data.
            roll_over: whether a new list of the same rules is made when the last one is full.

        Raises:
            InvalidOption: a count or reference that is none, or a reference given twice.
            StoreError: the list is full or closed, or the database cannot be written. Nothing was
                handed out then.
        """
        wanted: list[str | None] = list(references) if references is not None else [None] * count
        _check_wanted(wanted)
        with self._store.writing() as connection:
            return self._allocate(connection, stored, wanted, now=now, roll_over=roll_over)

    def allocate_in(
        self,
        connection: Connection,
        stored: StoredList,
        references: Sequence[str],
        *,
        now: int,
        roll_over: bool = False,
    ) -> list[Allocation]:
        """Entries for references, as ``allocate``, as a part of a transaction of the caller's.

        They are handed out when that transaction is committed, together with whatever else is in
        it, or not at all.

        Args:
            connection: of ``StatusStore.writing``.
            stored: the list; when it is full, the lists that follow it.
            references: labels of the caller's, one for each credential. No personal data.
            now: unix seconds.
            roll_over: whether a new list of the same rules is made when the last one is full.

        Raises:
            InvalidOption: no reference, or one that is none or is given twice.
            StoreError: the list is full or closed. The transaction has to be given up then.
        """
        _check_wanted(references)
        return self._allocate(connection, stored, references, now=now, roll_over=roll_over)

    def _allocate(
        self,
        connection: Connection,
        stored: StoredList,
        wanted: Sequence[str | None],
        *,
        now: int,
        roll_over: bool,
    ) -> list[Allocation]:
        # Whoever allocates from a row of lists holds the first of them.
        lock_list(connection, stored.series)
        known = _known(connection, stored.series, [ref for ref in wanted if ref is not None])
        missing = [ref for ref in wanted if ref is None or ref not in known]
        made = self._take(connection, stored, missing, now=now, roll_over=roll_over)
        fresh = iter(made)
        return [known[ref] if ref is not None and ref in known else next(fresh) for ref in wanted]

    def skip(self, stored: StoredList, count: int) -> None:
        """Leaves out the next entries of a list: somebody may have them.

        Raises:
            InvalidOption: there are not so many.
        """
        with self._store.writing() as connection:
            lock_list(connection, stored.series)
            row = lock_list(connection, stored.id)
            left = stored.list_id.capacity - row.position
            if not 0 <= count <= left:
                raise InvalidOption(
                    f"{count} entries of {stored.list_id.text} cannot be skipped: {left} are left"
                )
            _move(connection, stored.id, position=row.position + count)

    def import_used(self, stored: StoredList, indexes: Iterable[int], *, now: int) -> int:
        """How many entries were not known to be in use; none of them is handed out any more.

        Args:
            stored: the list.
            indexes: that credentials have.
            now: unix seconds.

        Raises:
            InvalidStatusEntry: the list has no such entry.
        """
        wanted = sorted(set(indexes))
        for index in wanted:
            stored.list_id.check_index(index)
        with self._store.writing() as connection:
            lock_list(connection, stored.series)
            row = lock_list(connection, stored.id)
            used = _used(connection, stored.id, wanted)
            new = [index for index in wanted if index not in used]
            _insert(connection, stored, [(index, None) for index in new], now=now)
            _move(connection, stored.id, imported=row.imported + len(new))
        return len(new)

    def find(self, stored: StoredList, reference: str) -> Allocation | None:
        """The entry that a reference was given, in the list or one that follows it."""
        with self._store.reading() as connection:
            return _known(connection, stored.series, [reference]).get(reference)

    def _take(
        self,
        connection: Connection,
        stored: StoredList,
        references: Sequence[str | None],
        *,
        now: int,
        roll_over: bool,
    ) -> list[Allocation]:
        """New entries for references, from as many lists as it needs."""
        made: list[Allocation] = []
        rows = _series(connection, stored.series)
        while len(made) < len(references):
            row = next((row for row in rows if _is_open(row)), None)
            if row is None:
                rows = [*rows, self._follow(connection, rows[-1], now=now, allowed=roll_over)]
                continue
            part = references[len(made) :]
            made += _take_from(connection, row, part, now=now)
            rows = _series(connection, stored.series)
        return made

    def _follow(
        self, connection: Connection, row: Row[Any], *, now: int, allowed: bool
    ) -> Row[Any]:
        """A list of the same rules as the last one of a row."""
        last = list_of(row)
        if not allowed:
            state = "closed" if last.closed else "full"
            raise StoreError(
                f"the list {last.list_id.text} is {state}",
                hint="Make a new list, or allow the next one to be made (roll_over, --roll-over).",
                list_id=last.list_id.text,
            )
        if last.form is not ListForm.CHAIN:
            raise StoreError(
                f"the list {last.list_id.text} is full, and the next one needs an address of its "
                "own",
                hint="Make a new list with its URL.",
                list_id=last.list_id.text,
            )
        rules = last.list_id.value[:-_RANDOM_OF_ID]
        made = insert_list(
            connection,
            NewList(
                contract=last.contract,
                identity=last.identity,
                list_id=ListId(rules + self._random(_RANDOM_OF_ID)),
                form=last.form,
                seed=self._random(SEED_LENGTH),
                created_at=now,
            ),
            series=last.series,
        )
        return lock_list(connection, made.id)


# -- rows ----------------------------------------------------------------------------------------


def _series(connection: Connection, series: int) -> list[Row[Any]]:
    statement = select(tables.lists).where(tables.lists.c.series == series)
    return list(connection.execute(statement.order_by(tables.lists.c.id)))


def _is_open(row: Row[Any]) -> bool:
    return list_of(row).free > 0


def _take_from(
    connection: Connection, row: Row[Any], references: Sequence[str | None], *, now: int
) -> list[Allocation]:
    """Entries of one list, as many as are wanted and there; its position moves behind them."""
    stored = list_of(row)
    placement = Placement(stored.list_id, bytes(row.seed))
    found: list[int] = []
    position = row.position
    while len(found) < len(references) and position < stored.list_id.capacity:
        end = min(position + len(references) - len(found), stored.list_id.capacity)
        indexes = [placement.index_at(at) for at in range(position, end)]
        used = _used(connection, stored.id, indexes) if row.imported else frozenset()
        found += [index for index in indexes if index not in used]
        position = end
    _insert(connection, stored, list(zip(found, references, strict=False)), now=now)
    _move(connection, stored.id, position=position)
    return [
        Allocation(list=stored, index=index, reference=reference)
        for index, reference in zip(found, references, strict=False)
    ]


def _move(connection: Connection, list_row: int, **columns: int) -> None:
    connection.execute(update(tables.lists).where(tables.lists.c.id == list_row).values(**columns))


def _insert(
    connection: Connection,
    stored: StoredList,
    entries: Sequence[tuple[int, str | None]],
    *,
    now: int,
) -> None:
    """New rows; the primary key refuses what was handed out before, whatever else went wrong."""
    if not entries:
        return
    rows = [
        {
            "list": stored.id,
            "entry": index,
            "series": stored.series,
            "reference": reference,
            "allocated_at": now,
        }
        for index, reference in entries
    ]
    # With a result asked for, many rows go in one statement: else PostgreSQL is asked row by row.
    insert = tables.allocations.insert().returning(tables.allocations.c.entry)
    connection.execute(insert, rows).all()


def _used(connection: Connection, list_row: int, indexes: Sequence[int]) -> frozenset[int]:
    """Those of the entries that are handed out."""
    columns = tables.allocations.c
    found: set[int] = set()
    for chunk in chunks(indexes):
        statement = select(columns.entry).where(columns.list == list_row, columns.entry.in_(chunk))
        found |= set(connection.execute(statement).scalars())
    return frozenset(found)


def _known(
    connection: Connection, series: int, references: Sequence[str]
) -> Mapping[str, Allocation]:
    """What references were given before."""
    columns = tables.allocations.c
    rows = [
        row
        for chunk in chunks(references)
        for row in connection.execute(
            select(columns.list, columns.entry, columns.reference).where(
                columns.series == series, columns.reference.in_(chunk)
            )
        )
    ]
    if not rows:
        return {}
    homes = {row.id: list_of(row) for row in _series(connection, series)}
    return {
        row.reference: Allocation(list=homes[row.list], index=row.entry, reference=row.reference)
        for row in rows
    }


# -- what may go into a list ---------------------------------------------------------------------


def _check_wanted(wanted: Sequence[str | None]) -> None:
    if not 1 <= len(wanted) <= _MAX_AT_ONCE:
        raise InvalidOption(
            f"{len(wanted)} entries cannot be handed out at once",
            hint=f"One at least, {_MAX_AT_ONCE:,} at most.",
        )
    references = [reference for reference in wanted if reference is not None]
    for reference in references:
        if not 0 < len(reference) <= tables.MAX_REFERENCE or not reference.isprintable():
            raise InvalidOption(
                f"not a reference: {shown(reference)}",
                hint=f"Up to {tables.MAX_REFERENCE} printable characters, and no personal data.",
            )
    if len(set(references)) < len(references):
        twice = next(ref for at, ref in enumerate(references) if ref in references[:at])
        raise InvalidOption(
            f"the reference {shown(twice)} is given twice",
            hint="Each credential needs one of its own.",
        )


def _check_form(list_id: ListId, form: ListForm, url: str) -> None:
    flags = list_id.flags & (Flag.ANCHORED | Flag.LSB_FIRST)
    wanted = {
        ListForm.CHAIN: Flag(0),
        ListForm.BITSTRING: Flag.ANCHORED,
        ListForm.TOKEN: Flag.ANCHORED | Flag.LSB_FIRST,
    }[form]
    if flags != wanted:
        raise InvalidStatusList(f"{list_id.text} is not the id of a list of the form {form.value}")
    if form is ListForm.BITSTRING and list_id.capacity < MIN_W3C_CAPACITY:
        raise InvalidStatusList(
            f"a W3C list has {MIN_W3C_CAPACITY:,} entries at least, not {list_id.capacity:,}",
            hint="Verifiers refuse a smaller one: it would not hide its holders.",
        )
    if form is ListForm.CHAIN and url:
        raise InvalidStatusList("a list on chain has no address to be fetched from")
    if form is not ListForm.CHAIN and not (url.startswith("https://") and len(url) <= MAX_URL):
        raise InvalidStatusList(
            f"not an address for a status list: {shown(url)}",
            hint="https://…: where verifiers will fetch it.",
        )


def _messages(
    list_id: ListId, form: ListForm, given: Iterable[StatusMessage]
) -> tuple[StatusMessage, ...]:
    """The messages of a list: one for each value where a W3C entry has several bits.

    Spec: Bitstring Status List section 2.1, ``statusMessage``.
    """
    messages = tuple(given)
    if form is not ListForm.BITSTRING:
        if messages:
            raise InvalidStatusList("only W3C lists carry messages")
        return ()
    values = range(1 << list_id.bits)
    if not messages and list_id.bits > 1:
        return tuple(StatusMessage(value=value, message=_word(list_id, value)) for value in values)
    if messages and sorted(message.value for message in messages) != list(values):
        raise InvalidStatusList(
            f"{len(messages)} messages do not say what each of the {len(values)} values means"
        )
    return messages


def _word(list_id: ListId, value: int) -> str:
    kind = kind_of(value, purpose=list_id.purpose, bits=list_id.bits).value
    return f"status {value}" if kind == "other" else kind

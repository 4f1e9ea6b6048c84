"""What an issuer remembers of its status lists, and a verifier of those that it read.

Rules:
  * A list is known by chain, registry, identity and list id. Its seed stays in the database.
  * Of a list kept off chain the database holds what each entry is to be; a version is a snapshot
    of that, with the bytes to serve. Versions are prepared, sent, and confirmed by the chain.
  * A version once seen makes all older ones unbelievable, for good.
  * No personal data: entries are numbers, and references are what the caller makes of them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.core.status_entry import ContractId, StatusMessage
from ethr_did.core.status_list import INVALID, VALID, ListId
from ethr_did.database import PATIENCE, Database
from ethr_did.errors import InvalidStatusEntry, NotFoundError, StatusUndetermined, StoreError
from ethr_did.status import tables
from ethr_did.status.stored import ListForm, ListVersion, NewList, StoredList, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Row, Select, Table

__all__ = ["StatusStore"]

T = TypeVar("T")

_CHUNK = 500
"""Values in one statement."""


class StatusStore(Database):
    """The database of an issuer, or of a verifier.

    Example:
        >>> from tempfile import TemporaryDirectory
        >>> with TemporaryDirectory() as folder, StatusStore(f"sqlite:///{folder}/s.db") as store:
        ...     store.lists()
        ()
    """

    def __init__(self, url: str, *, patience: float = PATIENCE) -> None:
        """Opens it, as ``Database``."""
        super().__init__(url, tables.SCHEMA, patience=patience)

    # -- lists -----------------------------------------------------------------------------------

    def add_list(self, new: NewList) -> StoredList:
        """A list that is new here. ``Allocator.create_list`` checks what goes into one.

        Raises:
            StoreError: it is here already.
        """
        with self.writing() as connection:
            return insert_list(connection, new)

    def find_list(self, contract: ContractId, identity: Address, list_id: ListId) -> StoredList:
        """A list as it is now.

        Raises:
            NotFoundError: it is not in the database.
        """
        with self.reading() as connection:
            row = connection.execute(
                select(tables.lists).where(_is_list(contract, identity, list_id))
            ).one_or_none()
        if row is None:
            raise NotFoundError(
                f"the list {list_id.text} of {to_checksum_address(identity)} is not in the "
                f"database {self.name}",
                hint="`ethr-did status list show` names those that are. Is it the right database?",
                list_id=list_id.text,
            )
        return list_of(row)

    def lists(
        self, *, identity: Address | None = None, contract: ContractId | None = None
    ) -> tuple[StoredList, ...]:
        """The lists of an identity, of a contract, or all; the oldest first."""
        statement = select(tables.lists).order_by(tables.lists.c.id)
        if identity is not None:
            statement = statement.where(tables.lists.c.identity == identity)
        if contract is not None:
            statement = statement.where(
                tables.lists.c.chain_id == contract.chain_id,
                tables.lists.c.registry == contract.address,
            )
        with self.reading() as connection:
            return tuple(list_of(row) for row in connection.execute(statement))

    def close_list(self, stored: StoredList) -> None:
        """Hands out nothing more from a list."""
        with self.writing() as connection:
            connection.execute(
                update(tables.lists).where(tables.lists.c.id == stored.id).values(closed=True)
            )

    # -- statuses of lists kept off chain --------------------------------------------------------

    def set_values(self, stored: StoredList, wanted: Mapping[int, int]) -> int:
        """How many entries change; the next version will say so.

        Args:
            stored: a list kept off chain.
            wanted: index to value.

        Raises:
            InvalidStatusEntry: an entry or value is not in the list, or would undo what is final;
                nothing was changed then.
        """
        with self.writing() as connection:
            lock_list(connection, stored.id)
            current = _values(connection, stored)
            changed = {
                index: value
                for index, value in wanted.items()
                if _is_change(stored.list_id, index, current.get(index, VALID), value)
            }
            rows = [
                {"list": stored.id, "entry": index, "value": value}
                for index, value in changed.items()
                if value != VALID
            ]
            if rows:
                keys = [tables.values.c.list, tables.values.c.entry]
                upsert(connection, tables.values, keys, rows)
            gone = [index for index, value in changed.items() if value == VALID]
            for chunk in chunks(gone):
                connection.execute(
                    delete(tables.values).where(
                        tables.values.c.list == stored.id, tables.values.c.entry.in_(chunk)
                    )
                )
        return len(changed)

    def values_of(self, stored: StoredList) -> dict[int, int]:
        """Index to value of all entries that are not VALID."""
        with self.reading() as connection:
            return _values(connection, stored)

    # -- versions --------------------------------------------------------------------------------

    def record_version(self, stored: StoredList, version: ListVersion) -> None:
        """Keeps a version, or what is new about it.

        A version is told apart by its number and its digest. Its state never goes back; what was
        prepared and not sent for the same number, is kept beside it.

        Raises:
            StoreError: the chain has another one of that number.
        """
        with self.writing() as connection:
            lock_list(connection, stored.id)
            rows = connection.execute(
                select(tables.versions.c.content_digest, tables.versions.c.state).where(
                    tables.versions.c.list == stored.id,
                    tables.versions.c.version == version.version,
                )
            )
            known = {row.content_digest: VersionState(row.state) for row in rows}
            _check_version(stored, version, known)
            _write_version(connection, stored, version, is_new=version.content_digest not in known)

    def versions(
        self, stored: StoredList, *, with_content: bool = False
    ) -> tuple[ListVersion, ...]:
        """All versions of a list, the oldest first."""
        with self.reading() as connection:
            rows = connection.execute(_version_query(stored, with_content=with_content))
            return tuple(_version_of(row) for row in rows)

    def latest_version(
        self, stored: StoredList, state: VersionState | None = VersionState.CONFIRMED
    ) -> ListVersion | None:
        """The newest version of a state, with its content; None if there is none.

        Args:
            stored: the list.
            state: None for any.
        """
        statement = _version_query(stored, with_content=True, newest_first=True)
        if state is not None:
            statement = statement.where(tables.versions.c.state == state.value)
        with self.reading() as connection:
            row = connection.execute(statement.limit(1)).one_or_none()
        return None if row is None else _version_of(row)

    # -- what a verifier has seen ----------------------------------------------------------------

    def seen_version(self, contract: ContractId, identity: Address, list_id: ListId) -> int:
        """The highest version of a list that was ever seen; 0: none."""
        with self.reading() as connection:
            return _seen(connection, _seen_key(contract, identity, list_id))

    def note_seen_version(
        self, contract: ContractId, identity: Address, list_id: ListId, version: int
    ) -> None:
        """Remembers that a version was seen.

        Raises:
            StatusUndetermined: a newer one was seen before.
        """
        key = _seen_key(contract, identity, list_id)
        with self.writing() as connection:
            # First the row, then its lock: two that see the list for the first time are in line.
            columns = [tables.seen.c[name] for name in key]
            connection.execute(
                insert_into(connection, tables.seen)
                .values(**key, version=version)
                .on_conflict_do_nothing(index_elements=columns)
            )
            same = _is_seen(key)
            highest = connection.execute(
                select(tables.seen.c.version).where(same).with_for_update()
            ).scalar_one()
            if version < highest:
                raise StatusUndetermined(
                    f"the list {list_id.text} has version {version}, and version {highest} was "
                    "seen before",
                    hint="Somebody serves an old list, or the node is behind. Ask another node.",
                    version=version,
                    seen=highest,
                )
            connection.execute(update(tables.seen).where(same).values(version=version))

    def final_digest(
        self, contract: ContractId, identity: Address, list_id: ListId, version: int
    ) -> bytes | None:
        """The digest of a version, if it was seen as the newest final one; None if it was not."""
        columns = tables.seen.c
        statement = select(columns.final_digest).where(
            _is_seen(_seen_key(contract, identity, list_id)), columns.final_version == version
        )
        with self.reading() as connection:
            return connection.execute(statement).scalar_one_or_none()

    def note_final_version(
        self, contract: ContractId, identity: Address, list_id: ListId, version: int, digest: bytes
    ) -> None:
        """Remembers the content of a version that was seen, and is final; older ones are let be."""
        columns = tables.seen.c
        newer = or_(columns.final_version.is_(None), columns.final_version < version)
        statement = update(tables.seen).where(
            _is_seen(_seen_key(contract, identity, list_id)), newer
        )
        with self.writing() as connection:
            connection.execute(statement.values(final_version=version, final_digest=digest))


# -- rows ----------------------------------------------------------------------------------------


def insert_list(connection: Connection, new: NewList, *, series: int | None = None) -> StoredList:
    """A new row; without a series it begins one of its own."""
    same = select(tables.lists.c.id).where(_is_list(new.contract, new.identity, new.list_id))
    if connection.execute(same).one_or_none() is not None:
        raise StoreError(
            f"the list {new.list_id.text} is in the database already",
            hint="Allocate from it, or make another one.",
            list_id=new.list_id.text,
        )
    row = {
        "series": series,
        "chain_id": new.contract.chain_id,
        "registry": new.contract.address,
        "identity": new.identity,
        "list_id": new.list_id.value,
        "form": new.form.value,
        "url": new.url,
        "messages": json.dumps([[message.value, message.message] for message in new.messages]),
        "seed": new.seed,
        "position": 0,
        "imported": 0,
        "closed": False,
        "created_at": new.created_at,
    }
    insert = tables.lists.insert().values(row).returning(tables.lists.c.id)
    made: int = connection.execute(insert).scalar_one()
    mine = tables.lists.c.id == made
    if series is None:
        connection.execute(update(tables.lists).where(mine).values(series=made))
    return list_of(connection.execute(select(tables.lists).where(mine)).one())


def list_of(row: Row[Any]) -> StoredList:
    """The list in a row of ``status_lists``."""
    return StoredList(
        id=row.id,
        series=row.series,
        contract=ContractId(row.chain_id, Address(bytes(row.registry))),
        identity=Address(bytes(row.identity)),
        list_id=ListId(bytes(row.list_id)),
        form=ListForm(row.form),
        url=row.url,
        messages=tuple(
            StatusMessage(value=value, message=message)
            for value, message in json.loads(row.messages)
        ),
        position=row.position,
        closed=row.closed,
        created_at=row.created_at,
    )


def lock_list(connection: Connection, list_row: int) -> Row[Any]:
    """The row of a list; nobody else changes it before this transaction ends."""
    statement = select(tables.lists).where(tables.lists.c.id == list_row)
    return connection.execute(statement.with_for_update()).one()


def upsert(
    connection: Connection,
    table: Table,
    keys: Sequence[ColumnElement[Any]],
    rows: Sequence[Mapping[str, Any]],
) -> None:
    """Writes rows over those of the same key."""
    names = {column.name for column in keys}
    insert = insert_into(connection, table)
    others = {name: insert.excluded[name] for name in rows[0] if name not in names}
    statement = insert.on_conflict_do_update(index_elements=keys, set_=others)
    # With a result asked for, many rows go in one statement: else PostgreSQL is asked row by row.
    connection.execute(statement.returning(*keys), list(rows)).all()


def chunks(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Few enough for one statement."""
    for at in range(0, len(items), _CHUNK):
        yield items[at : at + _CHUNK]


def insert_into(connection: Connection, table: Table) -> Any:
    """An insertion that can say what happens to rows that are there already."""
    kinds: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
    return kinds[connection.dialect.name](table)


def _is_list(contract: ContractId, identity: Address, list_id: ListId) -> ColumnElement[bool]:
    return and_(
        tables.lists.c.chain_id == contract.chain_id,
        tables.lists.c.registry == contract.address,
        tables.lists.c.identity == identity,
        tables.lists.c.list_id == list_id.value,
    )


def _values(connection: Connection, stored: StoredList) -> dict[int, int]:
    rows = connection.execute(
        select(tables.values.c.entry, tables.values.c.value).where(
            tables.values.c.list == stored.id
        )
    )
    return {row.entry: row.value for row in rows}


def _is_change(list_id: ListId, index: int, before: int, after: int) -> bool:
    """Whether an entry changes; raises where it must not."""
    list_id.check_index(index)
    list_id.check_value(after)
    if list_id.is_terminal and before == INVALID != after:
        raise InvalidStatusEntry(
            f"entry {index} of {list_id.text} is INVALID, which is final in this list",
            hint="Issue the credential again.",
            index=index,
        )
    return before != after


def _check_version(
    stored: StoredList, version: ListVersion, known: Mapping[bytes, VersionState]
) -> None:
    others = {digest for digest, state in known.items() if state is VersionState.CONFIRMED}
    if version.state is VersionState.CONFIRMED and others - {version.content_digest}:
        raise StoreError(
            f"version {version.version} of {stored.list_id.text} is on chain with another digest",
            hint="Read the head again; did somebody else publish this list?",
            version=version.version,
        )
    before = known.get(version.content_digest)
    if before is not None and version.state.rank < before.rank:
        raise StoreError(
            f"version {version.version} of {stored.list_id.text} is {before.value} already",
            hint="Read it again, and go on from there.",
            version=version.version,
        )


def _write_version(
    connection: Connection, stored: StoredList, version: ListVersion, *, is_new: bool
) -> None:
    news = {
        "state": version.state.value,
        "tx_hash": version.tx_hash,
        "published_at": version.published_at,
        "block_number": version.block_number,
    }
    columns = tables.versions.c
    if not is_new:
        connection.execute(
            update(tables.versions)
            .where(
                columns.list == stored.id,
                columns.version == version.version,
                columns.content_digest == version.content_digest,
            )
            .values(news)
        )
        return
    row = {
        "list": stored.id,
        "version": version.version,
        "content_digest": version.content_digest,
        "bitmap_root": version.bitmap_root,
        "content": version.content,
        "valid_until": version.valid_until,
        "prepared_at": version.prepared_at,
        **news,
    }
    connection.execute(tables.versions.insert().values(row))


def _version_query(
    stored: StoredList, *, with_content: bool, newest_first: bool = False
) -> Select[Any]:
    columns = tables.versions.c
    wanted = [column for column in columns if with_content or column is not columns.content]
    order = (columns.version, columns.prepared_at, columns.content_digest)
    return (
        select(*wanted)
        .where(columns.list == stored.id)
        .order_by(*(column.desc() if newest_first else column for column in order))
    )


def _version_of(row: Row[Any]) -> ListVersion:
    members = dict(row._mapping)  # noqa: SLF001  # the public way to a row's names
    del members["list"]
    return ListVersion(**{"content": b"", **members, "state": VersionState(row.state)})


def _seen_key(contract: ContractId, identity: Address, list_id: ListId) -> dict[str, Any]:
    return {
        "chain_id": contract.chain_id,
        "registry": bytes(contract.address),
        "identity": bytes(identity),
        "list_id": list_id.value,
    }


def _is_seen(key: Mapping[str, Any]) -> ColumnElement[bool]:
    return and_(*(tables.seen.c[name] == value for name, value in key.items()))


def _seen(connection: Connection, key: Mapping[str, Any]) -> int:
    found = connection.execute(
        select(tables.seen.c.version).where(_is_seen(key))
    ).scalar_one_or_none()
    return found or 0

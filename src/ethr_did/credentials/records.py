"""What an issuer remembers of the credentials that it issued.

Rules:
  1. No personal data. There is a label of the issuer's choice, what kind of credential it is, its
     status entry, the digest of what was given out, times. Neither claims nor holder, and no hash of
     them that could be guessed: what was given out has a signature in it.
  2. The status entry is handed out in the transaction that makes the record. After a crash the same
     reference has the same entry.
  3. While a credential is on its way to whoever asked for it, a secret seed and a digest of the
     request that is keyed with it are kept: to sign the same again, and nothing else. Both are
     deleted when the credential was handed over.

     ============  ===============================================================================
     state         what is known
     ============  ===============================================================================
     ``prepared``  nothing was given out; another content may take the place
     ``signed``    it may have been given out; the same content may be signed again
     ``issued``    it was given out; nothing more is signed under the reference
     ``revoked``   its issuer revoked it
     ============  ===============================================================================

  4. Of two processes that issue under one reference, one is told so before it gives anything out.
"""

from __future__ import annotations

import hmac
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, update

from ethr_did.core.did import EthrDID
from ethr_did.core.keys import to_checksum_address
from ethr_did.core.status_entry import ContractId
from ethr_did.credentials.anchoring import BatchPlace, ExistenceProof
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.errors import InvalidInput, InvalidOption, NotFoundError, StoreError, shown
from ethr_did.status import tables
from ethr_did.status.allocation import Allocation, Allocator
from ethr_did.status.store import chunks, insert_into, list_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from sqlalchemy import ColumnElement, Connection, Row

    from ethr_did.status.store import StatusStore
    from ethr_did.status.stored import StoredList

__all__ = [
    "Draft",
    "IssuanceRecord",
    "RecordState",
    "Records",
    "issuer_label",
    "next_reference",
]

SEED_LENGTH: Final = 32

_T = tables.credentials
_NEWER = _T.alias()
"""What took the place of a credential."""
_HASH = 32


class RecordState(StrEnum):
    """How far a credential has come; see the module."""

    PREPARED = "prepared"
    SIGNED = "signed"
    ISSUED = "issued"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A credential that is about to be issued."""

    reference: str
    """A label of the caller's, of one credential. No personal data."""
    format: CredentialFormat
    type: str
    content: bytes = field(repr=False)
    """All that was asked for. It is not kept."""
    valid_until: int | None = None
    """Unix seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuanceRecord:
    """What is kept of one credential."""

    id: int
    """Of the database."""
    issuer: str
    """A DID."""
    reference: str
    state: RecordState
    format: CredentialFormat
    type: str
    allocation: Allocation | None
    """Its status entry; None for a credential that cannot be revoked."""
    digest: bytes | None
    """``Credential.digest``; None while nothing was signed."""
    seed: bytes | None = field(repr=False)
    """What salts are derived from; None as soon as it was handed over."""
    issued_at: int
    """Unix seconds, as the credential says."""
    valid_until: int | None
    """Unix seconds."""
    revoked_at: int | None
    """Unix seconds."""
    replaced_by: str | None
    """The reference of the credential that took its place."""
    proof: ExistenceProof | None
    """Of its existence, whether the anchor is on chain yet or not."""
    anchored_at: int | None
    """Unix seconds; None: the anchor is not known to be on chain."""

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON."""
        members = {
            "reference": self.reference,
            "issuer": self.issuer,
            "state": self.state.value,
            "format": self.format.value,
            "type": self.type,
            "status": None if self.allocation is None else self.allocation.entry.to_dict(),
            "digest": None if self.digest is None else "0x" + self.digest.hex(),
            "issuedAt": self.issued_at,
            "validUntil": self.valid_until,
            "revokedAt": self.revoked_at,
            "replacedBy": self.replaced_by,
            "existenceProof": None
            if self.anchored_at is None
            else self.proof and self.proof.to_dict(),
        }
        return {name: value for name, value in members.items() if value is not None}


def issuer_label(did: str) -> str:
    """A DID as records name it: a did:ethr is the same however the case of its digits is.

    Example:
        >>> issuer_label("did:ethr:0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266")
        'did:ethr:0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266'
    """
    try:
        parsed = EthrDID.parse(did)
    except InvalidInput:
        return did
    key = parsed.public_key
    digits = to_checksum_address(parsed.address) if key is None else "0x" + key.hex()
    return EthrDID.build(digits, parsed.network).text


def next_reference(reference: str) -> str:
    """The reference of what takes the place of a credential, unless another is chosen.

    Example:
        >>> next_reference("card-7"), next_reference("card-7.2")
        ('card-7.2', 'card-7.3')
    """
    stem, point, number = reference.rpartition(".")
    if point and stem and number.isascii() and number.isdigit() and number[0] != "0":
        return f"{stem}.{int(number) + 1}"
    return f"{reference}.2"


class Records:
    """The records in an issuer's database."""

    def __init__(self, store: StatusStore, *, random: Callable[[int], bytes]) -> None:
        """Access to them.

        Args:
            store: the database.
            random: as many secret random bytes as it is asked for: ``secrets.token_bytes``.
        """
        self._store = store
        self._random = random
        self._allocator = Allocator(store, random=random)

    # -- on the way ------------------------------------------------------------------------------

    def prepare(
        self,
        issuer: str,
        drafts: Sequence[Draft],
        *,
        stored: StoredList | None,
        now: int,
        roll_over: bool = False,
    ) -> list[IssuanceRecord]:
        """The records of some credentials, in their order, each with its status entry.

        Those that are ``issued`` or ``revoked`` are as they were: nothing may be signed for them.

        Args:
            issuer: a DID.
            drafts: what is to be issued, each under a reference of its own.
            stored: the list of their statuses; None: they get none.
            now: unix seconds, of issuance.
            roll_over: whether a new list is made when the last one is full.

        Raises:
            InvalidOption: a reference that is none, is given twice, or stands for a credential with
                another content that was signed already. All of them are named; nothing is changed.
            StoreError: the list is full or closed, or the database cannot be written.
        """
        _check_references(issuer, [draft.reference for draft in drafts])
        with self._store.writing() as connection:
            self._insert(connection, issuer, drafts, now)
            rows = _rows(connection, issuer, [draft.reference for draft in drafts])
            _check_content(rows, drafts)
            new = [one for one in drafts if rows[one.reference].state == RecordState.PREPARED]
            if new:
                self._renew(connection, rows, new, stored=stored, now=now, roll_over=roll_over)
            found = _records(connection, (rows[draft.reference].id for draft in drafts))
        return [found[rows[draft.reference].id] for draft in drafts]

    def _insert(
        self, connection: Connection, issuer: str, drafts: Sequence[Draft], now: int
    ) -> None:
        """Makes rows where there are none. In one order: two processes would wait for each other."""
        rows = [
            {
                "issuer": issuer,
                "reference": draft.reference,
                "state": RecordState.PREPARED.value,
                "format": draft.format.value,
                "type": draft.type,
                "issued_at": now,
            }
            for draft in sorted(drafts, key=lambda one: one.reference)
        ]
        columns = [_T.c.issuer, _T.c.reference]
        insert = insert_into(connection, _T).on_conflict_do_nothing(index_elements=columns)
        for chunk in chunks(rows):
            connection.execute(insert.values(list(chunk)))

    def _renew(
        self,
        connection: Connection,
        rows: Mapping[str, Row[Any]],
        drafts: Sequence[Draft],
        *,
        stored: StoredList | None,
        now: int,
        roll_over: bool,
    ) -> None:
        entries: list[Allocation] = []
        if stored is not None:
            references = [draft.reference for draft in drafts]
            entries = self._allocator.allocate_in(
                connection, stored, references, now=now, roll_over=roll_over
            )
        places = {one.reference: one for one in entries}
        for draft in drafts:
            place = places.get(draft.reference)
            seed = self._random(SEED_LENGTH)
            values = {
                "format": draft.format.value,
                "type": draft.type,
                "list": None if place is None else place.list.id,
                "entry": None if place is None else place.index,
                "seed": seed,
                "content": _keyed(seed, draft.content),
                "issued_at": now,
                "valid_until": draft.valid_until,
            }
            mine = _T.c.id == rows[draft.reference].id
            connection.execute(update(_T).where(mine).values(values))

    def note_signed(self, signed: Iterable[tuple[IssuanceRecord, bytes]]) -> None:
        """Remembers that credentials were signed; before any of them is given out.

        Args:
            signed: records as ``prepare`` gave them, and the digests of the credentials.

        Raises:
            StoreError: another process has issued under one of the references meanwhile. None of
                them may be given out then.
        """
        with self._store.writing() as connection:
            for record, digest in sorted(signed, key=lambda one: one[0].reference):
                values = {"state": RecordState.SIGNED.value, "digest": digest}
                unchanged = _T.c.seed == record.seed
                _change(connection, record, unchanged, values, otherwise="is issued by others too")

    def note_issued(self, records: Iterable[IssuanceRecord]) -> None:
        """Remembers that credentials were handed over: from now on nobody can sign them again.

        Raises:
            StoreError: one of them is not signed.
        """
        with self._store.writing() as connection:
            for record in sorted(records, key=lambda one: one.reference):
                values = {"state": RecordState.ISSUED.value, "seed": None, "content": None}
                done = _T.c.state.in_((RecordState.SIGNED.value, RecordState.ISSUED.value))
                _change(connection, record, done, values, otherwise="is not signed, or revoked")

    # -- afterwards ------------------------------------------------------------------------------

    def note_revoked(self, record: IssuanceRecord, *, now: int) -> None:
        """Remembers that a credential was revoked."""
        values = {"state": RecordState.REVOKED.value, "revoked_at": now, "seed": None}
        self._write(record, {**values, "content": None})

    def note_replaced(self, record: IssuanceRecord, by: IssuanceRecord) -> None:
        """Remembers which credential took the place of another."""
        self._write(record, {"replaced_by": by.id})

    def keep_proofs(self, proofs: Iterable[tuple[IssuanceRecord, ExistenceProof]]) -> None:
        """Keeps proofs of existence; before the anchor is written, for nobody can make them again.

        Raises:
            StoreError: one of the credentials has a proof already.
        """
        with self._store.writing() as connection:
            for record, proof in sorted(proofs, key=lambda one: one[0].reference):
                place = proof.place
                values = {
                    "anchor_registry": proof.registry.text,
                    "anchor_salt": proof.salt,
                    "anchor_leaf_salt": None if place is None else place.leaf_salt,
                    "anchor_position": None if place is None else place.position,
                    "anchor_siblings": None if place is None else b"".join(place.siblings),
                }
                none = _T.c.anchor_salt.is_(None) & (_T.c.digest == record.digest)
                _change(connection, record, none, values, otherwise="has an anchor already")

    def note_anchored(self, records: Iterable[IssuanceRecord], *, now: int) -> None:
        """Remembers that the anchor of credentials is on chain."""
        with self._store.writing() as connection:
            for chunk in chunks(sorted(record.id for record in records)):
                statement = update(_T).where(_T.c.id.in_(chunk), _T.c.anchored_at.is_(None))
                connection.execute(statement.values(anchored_at=now))

    def _write(self, record: IssuanceRecord, values: Mapping[str, Any]) -> None:
        with self._store.writing() as connection:
            connection.execute(update(_T).where(_T.c.id == record.id).values(**values))

    # -- looking up ------------------------------------------------------------------------------

    def find(self, reference: str, *, issuer: str | None = None) -> IssuanceRecord:
        """The record of a reference.

        Args:
            reference: of one credential.
            issuer: a DID; None where the reference is of one issuer only.

        Raises:
            NotFoundError: there is none.
            InvalidOption: several issuers have one.
        """
        whose = [] if issuer is None else [_T.c.issuer == issuer]
        found = self._select(_T.c.reference == reference, *whose)
        if not found:
            raise NotFoundError(
                f"the database {self._store.name} has no credential {shown(reference)}",
                hint="Is it the right database, and the right reference?",
                reference=reference,
            )
        if len(found) > 1:
            raise InvalidOption(
                f"several issuers have a credential {shown(reference)}",
                hint=f"Say whose: {', '.join(one.issuer for one in found)}.",
                reference=reference,
            )
        return found[0]

    def find_many(self, issuer: str, references: Sequence[str]) -> dict[str, IssuanceRecord]:
        """The records of those references that there are."""
        with self._store.reading() as connection:
            rows = _rows(connection, issuer, references, locked=False)
            found = _records(connection, (row.id for row in rows.values()))
        return {record.reference: record for record in found.values()}

    def find_digests(self, digests: Sequence[bytes]) -> list[IssuanceRecord]:
        """The records of the credentials with those digests, of those that are the database's."""
        return [
            record for chunk in chunks(digests) for record in self._select(_T.c.digest.in_(chunk))
        ]

    def _select(self, *conditions: ColumnElement[bool]) -> list[IssuanceRecord]:
        with self._store.reading() as connection:
            statement = select(_T.c.id).where(*conditions).order_by(_T.c.id)
            found = _records(connection, connection.execute(statement).scalars().all())
        return list(found.values())


# -- rows ----------------------------------------------------------------------------------------


def _keyed(seed: bytes, content: bytes) -> bytes:
    return hmac.digest(seed, b"ethr-did/content/1" + content, "sha256")


def _change(
    connection: Connection,
    record: IssuanceRecord,
    condition: ColumnElement[bool],
    values: Mapping[str, Any],
    *,
    otherwise: str,
) -> None:
    """Changes a row for which a condition holds still."""
    statement = update(_T).where(_T.c.id == record.id, condition).values(**values)
    if connection.execute(statement.returning(_T.c.id)).one_or_none() is None:
        raise StoreError(
            f"the credential {shown(record.reference)} {otherwise}",
            hint="Another process was faster. Nothing was given out here.",
            reference=record.reference,
        )


def _check_references(issuer: str, references: Sequence[str]) -> None:
    if not references:
        raise InvalidOption("there is nothing to issue")
    if len(issuer) > tables.MAX_ISSUER:
        raise InvalidOption(f"an issuer of {len(issuer)} characters is not kept")
    bad = [
        one
        for one in references
        if not 0 < len(one) <= tables.MAX_REFERENCE or not one.isprintable()
    ]
    twice = [one for one, count in Counter(references).items() if count > 1]
    if bad or twice:
        what = "not a reference" if bad else "a reference that is given twice"
        raise InvalidOption(
            f"{what}: {shown((bad or twice)[0])}",
            hint=f"Up to {tables.MAX_REFERENCE} printable characters, no personal data, another one "
            "for each credential.",
        )


def _check_content(rows: Mapping[str, Row[Any]], drafts: Iterable[Draft]) -> None:
    """Raises for those that were signed with another content."""
    other = [
        draft.reference
        for draft in drafts
        if (row := rows[draft.reference]).state == RecordState.SIGNED
        and not hmac.compare_digest(bytes(row.content), _keyed(bytes(row.seed), draft.content))
    ]
    if other:
        raise InvalidOption(
            f"another credential was signed under {shown(other[0])}"
            + (f" and {len(other) - 1} more references" if len(other) > 1 else ""),
            hint="Ask for the same content to have it again, or issue anew: "
            "`ethr-did credential reissue`.",
            references=other,
        )


def _rows(
    connection: Connection, issuer: str, references: Sequence[str], *, locked: bool = True
) -> dict[str, Row[Any]]:
    """The rows of references, in one order; nobody else changes them before the transaction ends."""
    found: dict[str, Row[Any]] = {}
    for chunk in chunks(sorted(references)):
        statement = select(_T).where(_T.c.issuer == issuer, _T.c.reference.in_(chunk))
        statement = statement.order_by(_T.c.reference)
        statement = statement.with_for_update() if locked else statement
        found |= {row.reference: row for row in connection.execute(statement)}
    return found


def _records(connection: Connection, ids: Iterable[int]) -> dict[int, IssuanceRecord]:
    columns = (*_T.c, _NEWER.c.reference.label("newer"))
    joined = _T.outerjoin(_NEWER, _T.c.replaced_by == _NEWER.c.id)
    rows = [
        row
        for chunk in chunks(list(ids))
        for row in connection.execute(
            select(*columns).select_from(joined).where(_T.c.id.in_(chunk)).order_by(_T.c.id)
        )
    ]
    homes: dict[int, StoredList] = {}
    for chunk in chunks(sorted({row.list for row in rows if row.list is not None})):
        statement = select(tables.lists).where(tables.lists.c.id.in_(chunk))
        homes |= {row.id: list_of(row) for row in connection.execute(statement)}
    return {row.id: _record(row, homes.get(row.list)) for row in rows}


def _record(row: Row[Any], home: StoredList | None) -> IssuanceRecord:
    return IssuanceRecord(
        id=row.id,
        issuer=row.issuer,
        reference=row.reference,
        state=RecordState(row.state),
        format=CredentialFormat(row.format),
        type=row.type,
        allocation=None
        if home is None
        else Allocation(list=home, index=row.entry, reference=row.reference),
        digest=_bytes(row.digest),
        seed=_bytes(row.seed),
        issued_at=row.issued_at,
        valid_until=row.valid_until,
        revoked_at=row.revoked_at,
        replaced_by=row.newer,
        proof=_proof(row),
        anchored_at=row.anchored_at,
    )


def _bytes(value: Any) -> bytes | None:
    return None if value is None else bytes(value)


def _proof(row: Row[Any]) -> ExistenceProof | None:
    if row.anchor_salt is None:
        return None
    place = None
    if row.anchor_leaf_salt is not None:
        siblings = bytes(row.anchor_siblings)
        place = BatchPlace(
            leaf_salt=bytes(row.anchor_leaf_salt),
            position=row.anchor_position,
            siblings=tuple(siblings[at : at + _HASH] for at in range(0, len(siblings), _HASH)),
        )
    return ExistenceProof(
        registry=ContractId.parse(row.anchor_registry), salt=bytes(row.anchor_salt), place=place
    )

"""What the index holds, as of one transaction: events, and what the contracts stored after a block.

Rules:
  * State is never kept: it follows from the events, as the contracts make it. What they store at a
    block is what the last event up to that block says.
  * Everything is asked for once in a snapshot.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, func, select

from ethr_did.chain.answer import Head
from ethr_did.core.keys import ZERO_ADDRESS, Address
from ethr_did.index import tables
from ethr_did.index.entries import Kind, list_prefix, word_key, word_number
from ethr_did.index.prepared import Prepared
from ethr_did.index.rows import EVENT_ROW, EventRow, log_of_row

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection, Select

    from ethr_did.index.entries import Contracts
    from ethr_did.index.standing import Standing

__all__ = ["Snapshot", "State"]

_OWNER_EVENT = 0
"""Place of ``DIDOwnerChanged`` among the topics of entries.py."""
_WORD = 32
_LARGEST_WORD = (1 << 48) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What the DID registry stores of an identity."""

    changed: int
    owner: Address
    """As ``identityOwner`` gives it."""


@dataclass(slots=True)
class Snapshot:
    """The index of one network in one reading transaction."""

    connection: Connection
    contracts: Contracts
    standing: Standing
    head: Head
    """The newest block; everything up to it is here."""
    _events: dict[bytes, list[EventRow]] = field(default_factory=dict)

    # -- identities ----------------------------------------------------------------------------

    def states(self, identities: Sequence[bytes], last: int) -> list[State]:
        """What the DID registry stored of identities after a block."""
        self._load(identities)
        return [self._state(identity, last) for identity in identities]

    def identity_logs(
        self, identities: Sequence[bytes], first: int, last: int
    ) -> list[dict[str, Any]]:
        """The events of identities in a range of blocks, as logs, in order."""
        self._load(identities)
        rows = [row for one in dict.fromkeys(identities) for row in self._events[one]]
        chosen = [row for row in rows if first <= row[4] <= last]
        if len(identities) > 1:
            chosen.sort(key=_place)
        return [self._log(row) for row in chosen]

    def _state(self, identity: bytes, last: int) -> State:
        changed, owner = 0, identity
        for row in self._events[identity]:
            if row[4] > last:
                break
            changed = row[4]
            if row[2] == _OWNER_EVENT:
                owner = bytes(row[3])[12:32]
        # The contract: an owner of zero is no owner, and the identity rules itself.
        return State(changed=changed, owner=Address(identity if owner == ZERO_ADDRESS else owner))

    def _load(self, identities: Iterable[bytes]) -> None:
        new = [one for one in dict.fromkeys(identities) if one not in self._events]
        if not new:
            return
        self._events |= {one: [] for one in new}
        of_identity = {"network": self.standing.id, "kind": int(Kind.IDENTITY)}
        if len(new) == 1:
            # The usual case: a statement of its own, which need not be put together each time.
            self._events[new[0]] = list(
                _OF_KEY.rows(self.connection, {**of_identity, "key": new[0]})
            )
            return
        for part in _parts(new):
            for row in self.connection.execute(_OF_KEYS, {**of_identity, "keys": part}):
                self._events[bytes(row[1])].append(row)

    # -- statuses ------------------------------------------------------------------------------

    def word(self, identity: bytes, list_id: bytes, word: int, last: int) -> int:
        """A word as it was stored after a block; 0: never written."""
        row = self._newest(Kind.WORD, word_key(identity, list_id, word), last)
        return 0 if row is None else _stored_word(row)

    def words(
        self, identity: bytes, list_id: bytes, first: int, count: int, last: int
    ) -> list[int]:
        """Words of a list as they were stored after a block."""
        rows = self.connection.execute(
            _NEWEST_OF_RANGE,
            {
                "network": self.standing.id,
                "kind": int(Kind.WORD),
                "low": word_key(identity, list_id, first),
                "high": word_key(identity, list_id, min(first + count - 1, _LARGEST_WORD)),
                "last": last,
            },
        )
        stored = [0] * count
        for row in rows:
            stored[word_number(bytes(row[1])) - first] = _stored_word(row)
        return stored

    def record(self, identity: bytes, key: bytes, last: int) -> int:
        """A record as it was stored after a block; 0: never written."""
        row = self._newest(Kind.RECORD, identity + key, last)
        return 0 if row is None else int.from_bytes(bytes(row[3]))

    def version(self, identity: bytes, list_id: bytes, last: int) -> dict[str, Any] | None:
        """The log of the version of a list kept off chain that was current after a block."""
        row = self._newest(Kind.ANCHOR, identity + list_id, last)
        return None if row is None else self._log(row)

    def status_logs(
        self,
        kinds: Sequence[Kind],
        subjects: Sequence[tuple[bytes, bytes]],
        first: int,
        last: int,
    ) -> list[dict[str, Any]]:
        """The events of some lists or records in a range of blocks, as logs, in order.

        Args:
            kinds: of the subjects.
            subjects: identities, each with a list id or key.
            first: number of the first block.
            last: number of the last block.
        """
        found: list[EventRow] = []
        for kind in kinds:
            for identity, id_ in subjects:
                low = list_prefix(identity, id_)
                high = low + b"\xff" * 6 if kind is Kind.WORD else low
                found += self.connection.execute(
                    _OF_RANGE,
                    {
                        "network": self.standing.id,
                        "kind": int(kind),
                        "low": low,
                        "high": high,
                        "first": first,
                        "last": last,
                    },
                ).all()
        return [self._log(row) for row in sorted(found, key=_place)]

    # -- blocks --------------------------------------------------------------------------------

    def block(self, number: int) -> Head | None:
        """A block that is known; of its parent nothing is, unless it is the head or the final one."""
        for known in (self.head, self.standing.final):
            if known is not None and known.number == number:
                return known
        row = self.connection.execute(
            _BLOCK, {"network": self.standing.id, "number": number}
        ).one_or_none()
        if row is None:
            return None
        return Head(
            number=number, hash=bytes(row.hash), parent_hash=bytes(_WORD), timestamp=row.time
        )

    # -- parts ---------------------------------------------------------------------------------

    def _newest(self, kind: Kind, key: bytes, last: int) -> EventRow | None:
        return self.connection.execute(
            _NEWEST,
            {"network": self.standing.id, "kind": int(kind), "key": key, "last": last},
        ).first()

    def _log(self, row: EventRow) -> dict[str, Any]:
        return log_of_row(self.contracts, row)


_MOST_KEYS = 500


def _parts(keys: Sequence[bytes]) -> Iterable[Sequence[bytes]]:
    return (keys[start : start + _MOST_KEYS] for start in range(0, len(keys), _MOST_KEYS))


def _place(row: EventRow) -> tuple[int, int]:
    return int(row[4]), int(row[5])


def _stored_word(row: EventRow) -> int:
    """The word that an event leaves: its block above the statuses."""
    update = int.from_bytes(bytes(row[3])[:_WORD])
    return int(row[4]) << 208 | update & (1 << 208) - 1


_subjects, _events, _blocks = tables.subjects.c, tables.events.c, tables.blocks.c
_OF_NETWORK = and_(_subjects.network == bindparam("network"), _subjects.kind == bindparam("kind"))
_IN_ORDER = (_events.block, _events.log_index)
_OF_KEY = Prepared(
    EVENT_ROW.where(_OF_NETWORK, _subjects.key == bindparam("key")).order_by(*_IN_ORDER)
)
_OF_KEYS: Select[Any] = EVENT_ROW.where(
    _OF_NETWORK, _subjects.key.in_(bindparam("keys", expanding=True))
).order_by(*_IN_ORDER)
_NEWEST: Select[Any] = (
    EVENT_ROW.where(
        _OF_NETWORK, _subjects.key == bindparam("key"), _events.block <= bindparam("last")
    )
    .order_by(_events.block.desc(), _events.log_index.desc())
    .limit(1)
)
_BETWEEN = _subjects.key.between(bindparam("low"), bindparam("high"))
_OF_RANGE: Select[Any] = EVENT_ROW.where(
    _OF_NETWORK, _BETWEEN, _events.block.between(bindparam("first"), bindparam("last"))
)
_newest = (
    select(_events.subject, func.max(_events.id).label("id"))
    .select_from(tables.events)
    .join(tables.subjects, _subjects.id == _events.subject)
    .where(_OF_NETWORK, _BETWEEN, _events.block <= bindparam("last"))
    .group_by(_events.subject)
    .subquery()
)
_NEWEST_OF_RANGE: Select[Any] = EVENT_ROW.join(_newest, _events.id == _newest.c.id)
_BLOCK: Select[Any] = select(_blocks.hash, _blocks.time).where(
    _blocks.network == bindparam("network"), _blocks.number == bindparam("number")
)

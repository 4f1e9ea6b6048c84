"""Which identities changed since somebody looked: for those who keep answers.

Rules:
  * One look is one transaction: how far the index is, and whose events came since the last look.
    Until the next look everything else is as it was, as of the block that it ends at.
  * A version is compared for equality only. What was taken back or begun anew changes all of them.
  * Events of statuses count as changes of the issuer.
  * An index that cannot be relied on says nothing, see ``Freshness``.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sqlalchemy import func, select

from ethr_did.core.keys import Address
from ethr_did.errors import ChainError
from ethr_did.index import tables
from ethr_did.index.following import contracts_of
from ethr_did.index.store import find_network

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from sqlalchemy import Connection

    from ethr_did.chain.answer import Head
    from ethr_did.chain.networks import Network
    from ethr_did.index.index import Index
    from ethr_did.index.standing import Standing

__all__ = ["IndexWatch"]

_IDENTITY_LENGTH = 20


@dataclass(slots=True)
class _Seen:
    """One network as of the last look."""

    standing: Standing
    last_event: int
    epoch: int
    """Changes when everything must be read anew."""
    changed: dict[Address, int] = field(default_factory=dict)
    """The look at which an identity was last found changed."""


class IndexWatch:
    """Knows what changed in an index; asked from memory, brought up by ``look``.

    Args:
        index: that is watched.
        networks: of the index.
        clock: Unix seconds.
        most_changed: identities whose changes are remembered one by one; beyond, all count as
            changed.
    """

    def __init__(
        self,
        index: Index,
        networks: Sequence[Network],
        *,
        clock: Callable[[], float],
        most_changed: int = 100_000,
    ) -> None:
        self._index = index
        self._most_changed = most_changed
        self._networks = {_key(network): network for network in networks}
        self._clock = clock
        self._seen: dict[tuple[object, ...], _Seen] = {}
        self._looks = 0

    def look(self) -> None:
        """Nothing; takes in what has changed. Blocks: not for an event loop.

        Raises:
            StoreError: the database cannot be read; until it can, old versions stay, and grow old.
        """
        self._looks += 1
        with self._index.database.reading(steady=True) as connection:
            found = {key: self._look(connection, key) for key in self._networks}
        # In one go: others read while this goes on.
        self._seen = {key: seen for key, seen in found.items() if seen is not None}

    def version(self, network: Network, identity: Address) -> Hashable | None:
        """What must be the same for a kept answer to be good; None: nothing can be said."""
        seen = self._reliable(network)
        if seen is None:
            return None
        return seen.epoch, seen.changed.get(identity, 0)

    def head(self, network: Network) -> Head | None:
        """The block up to which versions tell of every change; None: not known."""
        seen = self._reliable(network)
        if seen is None or seen.standing.head is None:
            return None
        return dataclasses.replace(seen.standing.head, behind=seen.standing.blocks_behind)

    def final(self, network: Network) -> int | None:
        """Number of the last finalised block in the index; None: not known."""
        seen = self._seen.get(_key(network))
        # Growing old takes nothing from what is final; a contradiction does.
        if seen is None or seen.standing.final is None or seen.standing.fault is not None:
            return None
        return seen.standing.final.number

    def _reliable(self, network: Network) -> _Seen | None:
        seen = self._seen.get(_key(network))
        if seen is None:
            return None
        try:
            self._index.freshness.check(seen.standing, self._clock(), network.name)
        except ChainError:
            return None
        return seen

    def _look(self, connection: Connection, key: tuple[object, ...]) -> _Seen | None:
        network = self._networks[key]
        standing = find_network(connection, network.chain_id, contracts_of(network))
        if standing is None:
            return None
        last = int(connection.execute(_LAST_EVENT).scalar() or 0)
        before = self._seen.get(key)
        same = before is not None and (before.standing.id, before.standing.revision) == (
            standing.id,
            standing.revision,
        )
        if before is None or not same or len(before.changed) > self._most_changed:
            return _Seen(standing=standing, last_event=last, epoch=self._looks)
        events, subjects = tables.events.c, tables.subjects.c
        rows = connection.execute(
            select(subjects.key)
            .join(tables.events, events.subject == subjects.id)
            .where(events.id > before.last_event, events.network == standing.id)
            .distinct()
        )
        changed = {Address(bytes(row.key)[:_IDENTITY_LENGTH]): self._looks for row in rows}
        return _Seen(
            standing=standing,
            last_event=last,
            epoch=before.epoch,
            changed={**before.changed, **changed} if changed else before.changed,
        )


_LAST_EVENT = select(func.max(tables.events.c.id))


def _key(network: Network) -> tuple[object, ...]:
    return network.chain_id, contracts_of(network).stored

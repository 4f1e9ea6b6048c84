"""Status keys of an identity: who holds one, who kept one when the owner changed, how to end them.

Rules:
  1. Keys are granted and revoked as every other change of the identity: ``Identity.plan``,
     ``apply`` and ``sign_relay`` take what is built here.
  2. Who holds one is read from the whole history of the identity: one round trip.
  3. After a change of owner the keys of the earlier owners still count. All of them are revoked in
     one transaction where the registry takes several changes at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ethr_did.core.changes import MAX_CHANGES
from ethr_did.core.keys import to_checksum_address
from ethr_did.core.status_delegates import (
    DEFAULT_STATUS_VALIDITY,
    MAX_STATUS_VALIDITY,
    StatusDelegate,
    add_status_delegate,
    revoke_status_delegate,
    status_delegates,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ethr_did.core.changes import RevokeDelegate
    from ethr_did.core.status_list import ListId
    from ethr_did.identity import Identity, Standing

__all__ = [
    "DEFAULT_STATUS_VALIDITY",
    "MAX_STATUS_VALIDITY",
    "StatusDelegate",
    "StatusDelegates",
    "add_status_delegate",
    "list_status_delegates",
    "revocations",
    "revoke_status_delegate",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusDelegates:
    """The status keys of an identity, as of one block."""

    standing: Standing
    """The identity at that block."""
    keys: tuple[StatusDelegate, ...]
    """All that ever were, each with its last validity."""

    @property
    def valid(self) -> tuple[StatusDelegate, ...]:
        """Those that may write statuses now."""
        return tuple(key for key in self.keys if key.valid)

    @property
    def survivors(self) -> tuple[StatusDelegate, ...]:
        """Those that may write statuses now by the word of an earlier owner."""
        return tuple(key for key in self.valid if key.survived)

    def to_dict(self) -> dict[str, Any]:
        """The keys as JSON."""
        head = self.standing.head
        return {
            "identity": to_checksum_address(self.standing.identity),
            "owner": to_checksum_address(self.standing.owner),
            "blockNumber": head.number,
            "blockHash": "0x" + head.hash.hex(),
            "blockTimestamp": head.timestamp,
            "delegates": [key.to_dict() for key in self.keys],
        }


def list_status_delegates(identity: Identity, list_ids: Iterable[ListId] = ()) -> StatusDelegates:
    """The status keys of an identity. One round trip.

    Args:
        identity: whose statuses they write.
        list_ids: of its lists: a key for one list is told by the list's id only.

    Raises:
        RegistryMissing, WrongChain, ChainError: it could not be found out.
    """
    standing = identity.standing()
    keys = status_delegates(standing.events, at=standing.head.timestamp, list_ids=list_ids)
    return StatusDelegates(standing=standing, keys=keys)


def revocations(keys: Sequence[StatusDelegate]) -> list[tuple[RevokeDelegate, ...]]:
    """The changes that end status keys, in batches for ``Identity.plan`` and ``apply``.

    Args:
        keys: to end, such as ``StatusDelegates.survivors``.
    """
    changes = [key.revocation() for key in keys]
    return [
        tuple(changes[start : start + MAX_CHANGES]) for start in range(0, len(changes), MAX_CHANGES)
    ]

"""The issuer's database as commands open it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ethr_did.core.keys import Address
    from ethr_did.core.status_list import ListId
    from ethr_did.settings import Settings
    from ethr_did.status.store import StatusStore

__all__ = ["has_store", "known_lists", "open_store"]

_FILE = "sqlite:///"


def open_store(settings: Settings) -> StatusStore:
    """The database, made where there is none.

    Raises:
        StoreError: it cannot be used.
        MissingExtra: its driver is not installed.
    """
    from ethr_did.status.store import StatusStore  # 0.3 s

    return StatusStore(settings.status_database_url)


def has_store(settings: Settings) -> bool:
    """Whether there is one; of a server nobody knows before it is asked."""
    kind, _, path = settings.status_database_url.partition(_FILE)
    return bool(kind) or Path(path).exists()


def known_lists(settings: Settings, identity: Address) -> tuple[ListId, ...]:
    """The lists of an identity in the database; none where there is no database."""
    if not has_store(settings):
        return ()
    with open_store(settings) as store:
        return tuple(stored.list_id for stored in store.lists(identity=identity))

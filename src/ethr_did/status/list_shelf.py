"""Status lists that were read, kept for a while: those that were used last.

Rules:
  * A list is kept for as long as it says itself, else as long as its server says, at least a minute
    and at most a day.
  * All lists on a shelf together have a bounded size; those that nobody asked for give way first.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from ethr_did.core.list_checks import DEFAULT_TTL

if TYPE_CHECKING:
    from ethr_did.core.list_checks import ListDocument
    from ethr_did.fetching import Fetched

__all__ = ["MAX_TTL", "MIN_TTL", "Shelf", "seconds_to_keep"]

K = TypeVar("K")
T = TypeVar("T")

MIN_TTL: Final = 60
"""Seconds for which a list is kept at least."""

MAX_TTL: Final = 86_400
"""And at most."""

_KEPT_BYTES = 64 << 20
"""Of all lists that are kept, uncompressed."""


def seconds_to_keep(document: ListDocument, fetched: Fetched) -> int:
    """For how long a list is kept: what it says itself comes before what the server says."""
    said = (document.ttl, fetched.max_age, DEFAULT_TTL)
    return max(MIN_TTL, min(MAX_TTL, next(one for one in said if one is not None)))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept(Generic[T]):
    """Something on the shelf."""

    thing: T
    size: int
    until: float
    """Unix seconds until which nobody has to ask whether it is still served."""


class Shelf(Generic[K, T]):
    """What is kept. May be used from several threads."""

    def __init__(self, most_bytes: int = _KEPT_BYTES) -> None:
        """An empty one.

        Args:
            most_bytes: of all that is kept.
        """
        self._most = most_bytes
        self._kept: OrderedDict[K, _Kept[T]] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    def find(self, key: K, now: float) -> T | None:
        """What is kept by that name, if its time has not run out.

        Args:
            key: the name.
            now: Unix seconds.
        """
        with self._lock:
            found = self._kept.get(key)
            if found is None or now > found.until:
                return None
            self._kept.move_to_end(key)
            return found.thing

    def put(self, key: K, thing: T, *, size: int, until: float) -> None:
        """Nothing; the thing is kept, in the place of what had that name.

        Args:
            key: the name.
            thing: what is kept.
            size: of it, in bytes.
            until: the last good second, in Unix seconds.
        """
        with self._lock:
            self._drop(key)
            self._kept[key] = _Kept(thing=thing, size=size, until=until)
            self._size += size
            while self._size > self._most:
                self._drop(next(iter(self._kept)))

    def _drop(self, key: K) -> None:
        dropped = self._kept.pop(key, None)
        self._size -= 0 if dropped is None else dropped.size

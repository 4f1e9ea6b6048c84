"""DIDs that were resolved a moment ago.

Rules:
  * Only what was found out is kept: an error is asked about again.
  * What was used last is kept, so many at most, for so many seconds.
  * A key that was revoked on chain a second ago still counts for as long: nothing is kept unless
    somebody asks for it.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, TypeAlias

from ethr_did.errors import InvalidOption

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.did_methods.resolved import ResolvedDID

__all__ = ["Cache"]

_Key: TypeAlias = tuple[str, int | None]
"""A DID, and the version that was asked for."""


class Cache:
    """Keeps results for a while. May be used from several threads."""

    def __init__(self, *, seconds: float, entries: int, clock: Callable[[], float]) -> None:
        """An empty cache.

        Args:
            seconds: for which a result is kept; 0 for not at all.
            entries: at most so many.
            clock: seconds, from any beginning.

        Raises:
            InvalidOption: a limit that is none.
        """
        if not (math.isfinite(seconds) and seconds >= 0):
            hint = "Give a number of seconds from 0."
            raise InvalidOption(f"cache_seconds is {seconds!r}", hint=hint, option="cache_seconds")
        if entries < 1:
            words = f"cache_entries is {entries!r}"
            raise InvalidOption(words, hint="Give 1 or more.", option="cache_entries")
        self._seconds = seconds
        self._entries = entries
        self._clock = clock
        self._kept: OrderedDict[_Key, tuple[float, ResolvedDID]] = OrderedDict()
        self._lock = Lock()

    def find(self, did: str, version_id: int | None) -> ResolvedDID | None:
        """What is kept about a DID; None if there is nothing, or it is too old."""
        key = did, version_id
        with self._lock:
            until, found = self._kept.get(key, (-math.inf, None))
            if self._clock() >= until:
                self._kept.pop(key, None)
                return None
            self._kept.move_to_end(key)
            return found

    def put(self, result: ResolvedDID, version_id: int | None) -> None:
        """Keeps a result, unless it is an error."""
        if result.error is not None or self._seconds == 0:
            return
        key = result.did, version_id
        with self._lock:
            self._kept[key] = self._clock() + self._seconds, result
            self._kept.move_to_end(key)
            while len(self._kept) > self._entries:
                self._kept.popitem(last=False)

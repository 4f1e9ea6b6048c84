"""Where in a list the next credential goes: in a random order that nobody else can foresee.

Rules:
  * The order is a secret permutation of the positions 0, 1, 2, …: nothing but a counter has to be
    kept, no position comes twice, and none is tried in vain.
  * A list on chain is filled page by page, at random inside the page: later changes meet words
    that are in use already, and an entry hides among those of its page. A list kept off chain is
    filled at random as a whole: it costs the same, and hides better.
  * Without the seed the next index is as good as random. Who knows it learns the order in which
    credentials were issued.

The permutation is a Feistel network over pairs of numbers, walked on while it leads out of the
page. Spec: J. Black, P. Rogaway, "Ciphers with Arbitrary Finite Domains", CT-RSA 2002, section 5.
"""

from __future__ import annotations

import math
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ethr_did.core.status_list import ListId

__all__ = ["PAGE_WORDS", "SEED_LENGTH", "Placement"]

PAGE_WORDS: Final = 20
"""Words of a page."""

SEED_LENGTH: Final = 32
"""Bytes of the secret behind the order."""

_ROUNDS = 12


class Placement:
    """The order in which a list is filled.

    Example:
        >>> from ethr_did.core.status_list import ListId, Purpose
        >>> statuses = ListId.build(purpose=Purpose.REVOCATION, bits=1, capacity=8192, random=bytes(27))
        >>> placement = Placement(statuses, bytes(32))
        >>> max(placement.index_at(position) for position in range(4160))
        4159
    """

    def __init__(self, list_id: ListId, seed: bytes) -> None:
        """An order.

        Args:
            list_id: of the list.
            seed: ``SEED_LENGTH`` secret bytes.
        """
        if len(seed) != SEED_LENGTH:
            raise ValueError(f"a seed has {SEED_LENGTH} bytes")
        self._seed = seed
        self._capacity = list_id.capacity
        self.page_size = (
            list_id.capacity if list_id.is_anchored else PAGE_WORDS * list_id.entries_per_word
        )
        """Entries of a page."""

    def index_at(self, position: int) -> int:
        """The entry that is handed out at a position, counted from 0."""
        page, place = divmod(position, self.page_size)
        first = page * self.page_size
        size = min(self.page_size, self._capacity - first)
        return first + permuted(place, size, _key(self._seed, page))


@lru_cache(maxsize=64)
def _key(seed: bytes, page: int) -> bytes:
    """Each page has an order of its own."""
    return blake2b(page.to_bytes(8), key=seed, digest_size=32).digest()


def permuted(place: int, size: int, key: bytes) -> int:
    """The number that a permutation of 0 … size - 1 has in a place."""
    width = math.isqrt(size - 1) + 1
    height = -(-size // width)
    while True:
        place = _mixed(place, width, height, key)
        # A step that leads out of the page is followed by another: that is a permutation still.
        if place < size:
            return place


def _mixed(place: int, width: int, height: int, key: bytes) -> int:
    row, column = divmod(place, width)
    for step in range(0, _ROUNDS, 2):
        row = (row + _number(key, step, column)) % height
        column = (column + _number(key, step + 1, row)) % width
    return row * width + column


def _number(key: bytes, step: int, half: int) -> int:
    hashed = blake2b(half.to_bytes(4), key=key, digest_size=8, salt=step.to_bytes(16))
    return int.from_bytes(hashed.digest())

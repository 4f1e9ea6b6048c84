"""Answers that are kept as bytes, with their headers, and given again while they are true.

Rules:
  * An answer is true while the version of its identity is the one that was read before it was
    asked for, and nothing that is listed has ended since. One about a version at or below the last
    final block, whose next change is final too, or that tells of no next change, stays true.
  * ``max-age`` says how long others may believe it: no longer than a block takes, or than until
    something ends.
  * The tag is weak: it is of what is said about the identity, without the block it was read at.
    When a later block is known, and nothing changed, that block is put in place of the earlier.
  * Errors are kept only where they are about what was read: a fragment that is not there. Nobody
    else is to keep them.
  * What is asked at the same time, about the same version, is asked once.
  * All together they take so many bytes at most; what was not asked for longest goes first.

Spec: RFC 9110 sections 8.8.3 and 13; RFC 9111 section 5.2; RFC 8246.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import OrderedDict
from dataclasses import replace
from http import HTTPStatus
from typing import TYPE_CHECKING, Final, TypeAlias

from ethr_did.core.resolution import ReadAt
from ethr_did.core.strict_json import write_json

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from ethr_did.chain.answer import Head
    from ethr_did.service.answers import Answer
    from ethr_did.service.questions import Question
    from ethr_did.service.watch import Watch

__all__ = ["Bodies", "Headers", "Kept"]

Headers: TypeAlias = "tuple[tuple[bytes, bytes], ...]"

IMMUTABLE: Final = b"public, max-age=31536000, immutable"
NO_STORE: Final = b"no-store"

_GOOD: Final = frozenset({HTTPStatus.OK, HTTPStatus.SEE_OTHER, HTTPStatus.GONE})
_OVERHEAD: Final = 1500
"""Bytes that an answer takes besides its body and key."""


class Kept:
    """An answer in the form in which it is sent."""

    __slots__ = (
        "_answer",
        "_block",
        "_max_age",
        "body",
        "cache_control",
        "ends",
        "etag",
        "headers",
        "is_final",
        "size",
        "status",
        "unchanged",
        "version",
    )

    def __init__(
        self,
        answer: Answer,
        question: Question | None = None,
        *,
        version: Hashable | None = None,
        final: int | None = None,
        max_age: int = 0,
    ) -> None:
        """An answer that is kept.

        Args:
            answer: the answer.
            question: what it was given to; None where that could not be read.
            version: of the identity, as it was before the answer was read; None: not known.
            final: number of the last final block; None: not known.
            max_age: seconds for which others may keep it.
        """
        # Without the view: collecting garbage looks through all that is kept.
        self._answer = replace(answer, view=None)
        self._block = answer.read_at.block_number if answer.read_at else 0
        self._max_age = max_age
        self.version = version
        self.status = answer.status
        self.is_final = _is_final(answer, question, final)
        is_newest = question is not None and not question.is_fixed
        self.ends = answer.view.next_expiry if answer.view and is_newest else None
        self.etag = _tag(answer) if answer.status == HTTPStatus.OK else b""
        self.cache_control = self._cache_control()
        self.headers: Headers
        self.unchanged: Headers
        self._dress(answer.body)
        self.size = len(self.body) + _OVERHEAD
        """Bytes that it takes, more or less."""

    def _cache_control(self) -> bytes:
        if self.is_final:
            return IMMUTABLE
        return _fresh_for(self._max_age) if self.status in _GOOD else NO_STORE

    def _dress(self, body: bytes) -> None:
        answer = self._answer
        self.body = body
        shared = [(b"cache-control", self.cache_control), (b"vary", b"accept")]
        if self.etag:
            shared.append((b"etag", self.etag))
        own = [(b"content-length", b"%d" % len(body))]
        if answer.media_type:
            own.append((b"content-type", answer.media_type.encode("ascii")))
        if answer.location is not None:
            own.append((b"location", answer.location.encode("ascii")))
        self.headers = (*own, *shared)
        self.unchanged = tuple(shared)

    def is_true(self, question: Question, watch: Watch, now: float) -> bool:
        """Whether it may be given again; with the newest block in it, if so."""
        if self.is_final:
            return True
        # The head first: a look in between shows as another version, not as a head too new for it.
        head = watch.head(question.network)
        version = watch.version(question.network, question.url.did.address)
        if version is None or version != self.version:
            return False
        if self.ends is not None and now >= self.ends:
            return False
        if head is None or head.number <= self._block:
            return True
        if self.ends is not None and head.timestamp >= self.ends:
            return False
        self._move(head)
        return True

    def _move(self, head: Head) -> None:
        """The same answer, of a later block."""
        self._block = head.number
        answer = self._answer
        if answer.block and answer.read_at:
            read_at = ReadAt(
                chain_id=answer.read_at.chain_id,
                block_number=head.number,
                block_hash=head.hash,
                block_timestamp=head.timestamp,
                blocks_behind=head.behind,
            )
            self._dress(answer.head + write_json(read_at.to_dict()) + answer.tail)

    def headers_at(self, now: float, *, unchanged: bool = False) -> list[tuple[bytes, bytes]]:
        """The headers, for middleware to add to.

        Args:
            now: Unix seconds; what ends soon may not be kept for longer.
            unchanged: whether there is no body, since whoever asks has it.
        """
        headers = list(self.unchanged if unchanged else self.headers)
        if self.ends is None or self.ends - now >= self._max_age or self.status not in _GOOD:
            return headers
        soon = _fresh_for(max(0, int(self.ends - now)))
        return [(name, soon if name == b"cache-control" else value) for name, value in headers]


def _fresh_for(seconds: int) -> bytes:
    return b"public, max-age=%d, must-revalidate" % seconds


def _is_final(answer: Answer, question: Question | None, final: int | None) -> bool:
    view = answer.view
    if view is None or question is None or not question.is_fixed:
        return False
    if final is None or answer.status not in _GOOD:
        return False
    if view.next_version_id is not None and view.next_version_id <= final:
        # The next change is final, so that nothing can come before it any more.
        return True
    number = question.version.block_number
    is_past = number is not None and number <= final
    # Metadata names the next change as soon as there is one.
    return is_past and (view.deactivated or not answer.block)


def _tag(answer: Answer) -> bytes:
    said = hashlib.blake2b(digest_size=12)
    for part in (answer.media_type.encode(), answer.head, answer.tail):
        said.update(len(part).to_bytes(8))
        said.update(part)
    chain = answer.read_at.chain_id if answer.read_at else 0
    change = (answer.view.version_id if answer.view else None) or 0
    return b'W/"%x-%x-%s"' % (chain, change, said.hexdigest().encode())


class Bodies:
    """The answers that are kept.

    Args:
        limit: bytes that they may take together.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[str, Kept] = OrderedDict()
        self._flights: dict[tuple[str, Hashable], asyncio.Task[Kept]] = {}
        self.size = 0
        """Bytes that they take."""

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: str) -> Kept | None:
        """The answer to a question; None where none is kept."""
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)  # behind all others: the last to go
        return kept

    def keep(self, key: str, kept: Kept) -> None:
        """Nothing; the answer is kept, and others may have gone."""
        self.drop(key)
        if kept.size + len(key) > self._limit:
            return
        self._kept[key] = kept
        self.size += kept.size + len(key)
        while self.size > self._limit:
            self.drop(next(iter(self._kept)))

    def drop(self, key: str) -> None:
        """Nothing; the answer is not kept any more."""
        kept = self._kept.pop(key, None)
        if kept is not None:
            self.size -= kept.size + len(key)

    async def share(self, key: str, version: Hashable, make: Callable[[], Awaitable[Kept]]) -> Kept:
        """The answer that is being made, or a new one.

        Args:
            key: of the question.
            version: of the identity: after a change, what was begun before it is not shared.
            make: asks for the answer. Goes on when whoever asked first has gone.
        """
        flight = self._flights.get((key, version))
        if flight is None:
            flight = asyncio.ensure_future(make())
            self._flights[key, version] = flight
            flight.add_done_callback(lambda done: self._land(key, version, done))
        return await asyncio.shield(flight)

    def _land(self, key: str, version: Hashable, flight: asyncio.Task[Kept]) -> None:
        self._flights.pop((key, version), None)
        if not flight.cancelled():
            flight.exception()  # looked at: nobody may be there any more to see it

"""One request and its answer over a connection that somebody else holds.

Rules:
  1. The request says no more than it must: no cookies, no credentials, no referrer.
  2. Status 200 and nothing else is a document. No content coding: a digest is over the very bytes.
  3. The end of the body must be marked; one that was cut off would look whole otherwise.
  4. Every byte counts against a limit: heads, and the framing of chunks, have one as well.

h11 reads and writes HTTP, from bytes to events; it opens nothing and waits for nothing.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from ethr_did.fetching.failures import bad_status, broken, encoded, too_large

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence

    import h11

    from ethr_did.fetching.targets import Target

__all__ = ["Conversation", "Head", "Receive"]

_MOST_HEAD_BYTES = 1 << 16
_OK = 200
_LONGEST_AGE = 1 << 31  # RFC 9111, section 1.2.2

_MEDIA_TYPE = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+/[!#$%&'*+.^_`|~0-9a-z-]+")
_ENTITY_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e]*"')
_SECONDS = re.compile(r'"?([0-9]{1,15})"?')


@dataclass(frozen=True, slots=True, kw_only=True)
class Receive:
    """Asks for what has come from the target: bytes, none if the connection has ended."""

    target: Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Status and headers of an answer."""

    status: int
    headers: Sequence[tuple[str, str]]
    """Names in lower case."""

    def values(self, name: str) -> list[str]:
        """Every value of a header."""
        return [value for key, value in self.headers if key == name]

    @property
    def media_type(self) -> str | None:
        """``Content-Type`` without parameters, in lower case."""
        values = self.values("content-type")
        found = values[0].partition(";")[0].strip().lower() if len(values) == 1 else ""
        return found if _MEDIA_TYPE.fullmatch(found) else None

    @property
    def etag(self) -> str | None:
        """The entity tag, quotes included."""
        values = self.values("etag")
        return values[0] if len(values) == 1 and _ENTITY_TAG.fullmatch(values[0]) else None

    @property
    def max_age(self) -> int | None:
        """Seconds left to keep the answer, None if nothing is said; what is malformed counts as 0.

        Spec: RFC 9111, sections 4.2.1 and 5.2.2.
        """
        lines = ",".join(self.values("cache-control")).lower().split(",")
        directives = [line.strip().partition("=") for line in lines]
        if any(name in {"no-store", "no-cache"} for name, _, _ in directives):
            return 0
        ages = [_seconds(value) for name, _, value in directives if name == "max-age"]
        spent = max(map(_seconds, self.values("age")), default=0)
        return max(0, min(ages) - spent) if ages else None


class Conversation:
    """A GET and its answer, in steps."""

    def __init__(self, target: Target, *, accept: str) -> None:
        """A conversation about a target, before it begins.

        Args:
            target: what is asked for.
            accept: the media types, as the ``Accept`` header has them.
        """
        import h11

        self._target = target
        self._link = h11.Connection(h11.CLIENT, max_incomplete_event_size=_MOST_HEAD_BYTES)
        self._left = _MOST_HEAD_BYTES
        headers = [
            ("Host", target.netloc),
            ("Accept", accept),
            ("Accept-Encoding", "identity"),
            ("User-Agent", "ethr-did"),
            ("Connection", "close"),
        ]
        asking = h11.Request(method="GET", target=target.path, headers=headers)
        self.request: bytes = (self._link.send(asking) or b"") + (
            self._link.send(h11.EndOfMessage()) or b""
        )
        """What is to be sent once there is a connection."""

    def head(self) -> Generator[Receive, bytes, Head]:
        """Status and headers of the answer.

        Raises:
            FetchError: there is no proper answer.
        """
        import h11

        while True:
            event = yield from self._event()
            if isinstance(event, h11.Response):
                return Head(
                    status=event.status_code,
                    headers=[(k.decode("ascii"), v.decode("latin-1")) for k, v in event.headers],
                )

    def body(self, head: Head, *, limit: int) -> Generator[Receive, bytes, bytes]:
        """The whole body of an answer that is a document.

        Args:
            head: of the answer.
            limit: longest body in bytes.

        Raises:
            FetchError: rule 2, 3 or 4 is broken.
        """
        import h11

        self._check_head(head, limit)
        self._left += 2 * limit  # chunks of a few bytes each are mostly framing
        chunks: list[bytes] = []
        size = 0
        while not isinstance(event := (yield from self._event()), h11.EndOfMessage):
            data = bytes(cast("h11.Data", event).data)
            size += len(data)
            if size > limit:
                raise too_large(self._target, limit)
            chunks.append(data)
        return b"".join(chunks)

    def _event(self) -> Generator[Receive, bytes, h11.Event]:
        import h11

        while True:
            try:
                event = self._link.next_event()
            except h11.RemoteProtocolError as error:
                # Not the error itself, which repeats what was sent.
                words = "sent no whole answer"
                raise broken(self._target, words) from ConnectionError(type(error).__name__)
            if event is not h11.NEED_DATA:
                return cast("h11.Event", event)
            data = yield Receive(target=self._target)
            self._left -= len(data)
            if self._left < 0:
                raise broken(self._target, "sends without an end")
            self._link.receive_data(data)

    def _check_head(self, head: Head, limit: int) -> None:
        if head.status != _OK:
            raise bad_status(self._target, head.status)
        if {value.lower() for value in head.values("content-encoding")} - {"identity"}:
            raise encoded(self._target)
        lengths = head.values("content-length")
        if len(lengths) + len(head.values("transfer-encoding")) != 1:
            raise broken(self._target, "does not say clearly where its body ends")
        if lengths and int(lengths[0]) > limit:
            raise too_large(self._target, limit)


def _seconds(text: str) -> int:
    found = _SECONDS.fullmatch(text.strip())
    return min(int(found.group(1)), _LONGEST_AGE) if found else 0

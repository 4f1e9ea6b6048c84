"""How long caches may give an answer again, and how they ask whether it is still good.

Rules:
  * An answer about now is good for no longer than the service itself gives it again, and never once
    that is over: a status that was good a while ago may have been revoked.
  * What was asked about a block or time that no reorganisation can reach any more never changes.
  * What could not be found out is kept nowhere.
  * A validator is strong: it is of these bytes. ``If-None-Match`` compares it weakly, as proxies
    that compress make it weak.

Spec: RFC 9110 sections 8.8.3, 13.1.2 and 15.4.5; RFC 9111 section 5.2.2; RFC 8246.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

__all__ = ["FOREVER", "NEVER", "Fresh", "Lifetime"]

_TAG = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')
_MOST_TAGS = 64


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long an answer may be kept.

    Example:
        >>> Lifetime(4).text, NEVER.text
        ('max-age=4, must-revalidate', 'no-store')
    """

    seconds: int
    immutable: bool = False

    @property
    def text(self) -> str:
        """The value of ``Cache-Control``."""
        if self.immutable:
            return f"max-age={self.seconds}, immutable"
        return f"max-age={self.seconds}, must-revalidate" if self.seconds > 0 else "no-store"


NEVER: Final = Lifetime(0)
FOREVER: Final = Lifetime(31_536_000, immutable=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """An answer ready to be sent, as often as it is asked for."""

    content: bytes = field(repr=False)
    media_type: str
    etag: str
    lifetime: Lifetime
    headers: Mapping[str, str] = field(default_factory=dict)
    """Besides those that follow from the other members."""

    @classmethod
    def of(
        cls,
        content: bytes,
        *,
        media_type: str = "application/json",
        lifetime: Lifetime,
        headers: Mapping[str, str] | None = None,
    ) -> Self:
        """The answer of those bytes, with their validator."""
        return cls(
            content=content,
            media_type=media_type,
            etag=f'"{hashlib.sha256(media_type.encode() + bytes(1) + content).hexdigest()[:32]}"',
            lifetime=lifetime,
            headers=headers or {},
        )

    def response(self, request: Request) -> Response:
        """The bytes, or 304 for who has them already."""
        headers = {**self.headers, "ETag": self.etag, "Cache-Control": self.lifetime.text}
        if self.etag in _tags(request.headers.getlist("if-none-match")):
            return Response(status_code=304, headers=headers)
        # Not as ``media_type``: to that of a text a charset would be added.
        return Response(self.content, headers={**headers, "Content-Type": self.media_type})


def _tags(lines: list[str]) -> set[str]:
    """The validators that are named, each as if it were strong.

    ``*`` is for who wants to change something.
    """
    found = _TAG.findall(",".join(lines))[:_MOST_TAGS]
    return {tag.removeprefix("W/") for tag in found}

"""What browsers are told: which scripts may read answers, and what an answer may never become.

Rules:
  * Scripts of other origins read nothing, unless their origin is configured, exactly. Cookies are
    never asked for: there are none.
  * An answer is what its Content-Type says, is never shown in a frame, loads and runs nothing.
  * A page brings a Content-Security-Policy of its own. It does not tell others which DID was looked
    at, nor is it loaded by others.

Spec: Fetch, CORS protocol; CSP Level 3.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["CSP", "HTML", "OF_DATA", "OF_PAGES", "Browsers"]

Header = tuple[bytes, bytes]

HTML: Header = (b"content-type", b"text/html; charset=utf-8")
"""What makes an answer a page."""
CSP: Header = (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'")
# Each header costs the server as much as a lookup of ours; an answer to programs gets what counts.
OF_DATA: tuple[Header, ...] = (CSP,)
"""Headers of what is no page."""
OF_PAGES: tuple[Header, ...] = (
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
)
"""Headers of a page, besides its own."""
_ALWAYS: tuple[Header, ...] = ((b"x-content-type-options", b"nosniff"),)
_VARY: Header = (b"vary", b"Origin")
_EXPOSED: Header = (
    b"access-control-expose-headers",
    b"ETag, Location, Retry-After, X-Request-Id",
)
_METHODS = "GET, HEAD, POST"
_HEADERS = "Accept, Authorization, Content-Type, If-None-Match, X-API-Key, X-Request-Id"
_PREFLIGHT_SECONDS = "600"


class Browsers:
    """The headers for browsers.

    Args:
        origins: whose scripts may read answers.
    """

    def __init__(self, origins: Iterable[str] = ()) -> None:
        self._allowed: dict[bytes, tuple[Header, ...]] = {
            origin.encode(): (
                *_ALWAYS,
                _VARY,
                _EXPOSED,
                (b"access-control-allow-origin", origin.encode()),
            )
            for origin in origins
        }
        # Caches must know that answers differ, whoever asked first.
        self._others = (*_ALWAYS, _VARY) if self._allowed else _ALWAYS

    def headers_for(self, origin: bytes | None) -> tuple[Header, ...]:
        """The headers of every answer to a script of this origin; None: no script of another."""
        if origin is None:
            return self._others
        return self._allowed.get(origin, self._others)

    def preflight(self, headers: Mapping[bytes, bytes]) -> Response | None:
        """The answer to OPTIONS of a browser that asks whether it may ask; None: it does not."""
        if b"access-control-request-method" not in headers:
            return None
        if headers.get(b"origin") not in self._allowed:
            return Response(status_code=204)
        return Response(
            status_code=204,
            headers={
                "Access-Control-Allow-Methods": _METHODS,
                "Access-Control-Allow-Headers": _HEADERS,
                "Access-Control-Max-Age": _PREFLIGHT_SECONDS,
            },
        )

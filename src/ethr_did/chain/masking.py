"""URLs of nodes without what is secret in them.

Providers put API keys into the path, the query or the user info of the URL, and HTTP libraries
put the URL into their error texts. What is shown, logged or chained goes through here first.
"""

from __future__ import annotations

import os
import re
from urllib.parse import SplitResult, unquote, urlsplit

__all__ = ["causes", "innermost_words", "mask_text", "mask_url"]

_HIDDEN = "…"
# What is kept of a path must look like a word or a version, never like a key.
_PLAIN_SEGMENT = re.compile(r"(?:[A-Za-z]+(?:[-_][A-Za-z]+)*|v?\d{1,3})?")
_LONGEST_PLAIN_SEGMENT = 12
_SHORTEST_SECRET = 4
_MOST_LAYERS = 10
_URL = re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>)\]]+", re.IGNORECASE)


def mask_url(url: str) -> str:
    """The URL with user info, key-like path segments and query replaced by ``…``.

    Example:
        >>> mask_url("https://bob:pw@node.example:8545/v3/0123456789abcdef0123456789abcdef?k=1")
        'https://…@node.example:8545/v3/…?…'
    """
    parts = _split(url)
    if parts is None or not parts.hostname:
        return _HIDDEN
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    user = f"{_HIDDEN}@" if "@" in parts.netloc else ""
    port = f":{parts.port}" if parts.port is not None else ""
    path = "/".join(s if _is_plain(s) else _HIDDEN for s in parts.path.split("/"))
    query = f"?{_HIDDEN}" if parts.query else ""
    return f"{parts.scheme}://{user}{host}{port}{path}{query}"


def mask_text(text: str, url: str | None = None) -> str:
    """The text with every URL in it masked, and with every secret part of ``url`` removed."""
    masked = _URL.sub(lambda found: mask_url(found.group()), text)
    for secret in _secrets(url) if url else ():
        masked = masked.replace(secret, _HIDDEN)
    return masked


def innermost_words(error: BaseException) -> str:
    """What the operating system or the protocol said, below the layers that add the URL."""
    inner = causes(error)[-1]
    if isinstance(inner, OSError) and inner.errno and inner.errno > 0:
        # asyncio and ssl put words of their own, with the address, into strerror.
        return os.strerror(inner.errno)
    return (str(inner) or type(inner).__name__)[:200]


def causes(error: BaseException) -> list[BaseException]:
    """The error and what it wraps, outermost first.

    ``__context__`` is not followed: it also holds whatever the caller was handling at the time,
    and a transaction must not count as unsent because of somebody else's refused connection.
    """
    found = [error]
    while len(found) < _MOST_LAYERS:
        last = found[-1]
        inner = (last.__cause__, getattr(last, "reason", None), *last.args)
        below = next((one for one in inner if isinstance(one, BaseException)), None)
        if below is None:
            break
        found.append(below)
    return found


def _split(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises for a port that is no number
    except ValueError:
        return None
    return parts


def _is_plain(segment: str) -> bool:
    if len(segment) > _LONGEST_PLAIN_SEGMENT:
        return False
    return _PLAIN_SEGMENT.fullmatch(segment) is not None


def _secrets(url: str) -> list[str]:
    """The secret parts, longest first, so that no part of one is left by another."""
    parts = _split(url)
    if parts is None:
        return [url]
    found = [s for s in parts.path.split("/") if not _is_plain(s)]
    found += [pair.partition("=")[2] for pair in parts.query.split("&")]
    found += [parts.query, parts.username or "", parts.password or ""]
    if "@" in parts.netloc:
        found.append(parts.netloc.rpartition("@")[0])
    spelled = {*found, *(unquote(s) for s in found)}
    return sorted((s for s in spelled if len(s) >= _SHORTEST_SECRET), key=len, reverse=True)

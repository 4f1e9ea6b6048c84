"""What others wrote, made harmless to look at.

Rules:
  * Everything that is not printable is shown by its number: controls that turn the direction of
    writing, line ends, what has no width. Markup is the templates' business: they escape it.
  * What is long is cut, and the cut says how long it was.
  * A text is a link only if it is a plain web address: http or https, ASCII, with a host, without
    user or password, which pass for hosts.

Spec: Unicode Technical Report 36, section 2.7.
"""

from __future__ import annotations

import json
from typing import Any, Final
from urllib.parse import urlsplit

__all__ = ["MOST", "MOST_RAW", "harmless", "json_text", "web_address"]

MOST: Final = 300
"""Characters of a value that are shown."""

MOST_RAW: Final = 30_000
"""Characters of a JSON text that are shown."""

_LONGEST_ADDRESS: Final = 2048


def harmless(value: object, most: int = MOST) -> str:
    """A value as text that neither leads the eye astray nor fills the page.

    Args:
        value: a text, or anything else that JSON holds.
        most: characters of it that are shown.

    Example:
        >>> harmless(f"pay{chr(0x202E)}ecila")
        'pay[U+202E]ecila'
        >>> harmless("x" * 1000, 3)
        'xxx… (cut: it has 1,000 characters)'
    """
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    told = _readable(text[:most])
    return told if len(text) <= most else f"{told}… (cut: it has {len(text):,} characters)"


def _readable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else f"[U+{ord(char):04X}]" for char in text)


def json_text(data: Any, most: int = MOST_RAW) -> tuple[str, int]:
    """JSON in lines, harmless and still JSON; and how many characters were cut off its end.

    Example:
        >>> json_text("x" * 1000, 4)
        ('"xxx', 998)
    """
    text = json.dumps(data, indent=2, ensure_ascii=False, default=str)
    told = "".join(
        char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1]
        for char in text[:most]
    )
    return told, max(0, len(text) - most)


def web_address(text: object) -> str | None:
    """The address that a text may be a link to; None for everything else.

    Example:
        >>> web_address("https://hub.example.com/a?b=c")
        'https://hub.example.com/a?b=c'
        >>> web_address("javascript:alert(1)"), web_address("https://bank.example@evil.example/")
        (None, None)
    """
    if not isinstance(text, str) or len(text) > _LONGEST_ADDRESS:
        return None
    if not text.isascii() or not text.isprintable() or " " in text or "\\" in text:
        return None
    try:
        parts = urlsplit(text)
        _ = parts.port  # raises, where it is none
    except ValueError:
        return None
    is_plain = parts.scheme in ("http", "https") and parts.hostname and "@" not in parts.netloc
    return text if is_plain else None

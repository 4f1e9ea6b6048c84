"""JSON in its one canonical form: what is hashed and signed where a document is no token.

Rules:
  1. Members in the order of their names in UTF-16, no spaces, numbers as ECMAScript writes them.
  2. Numbers stay below 2^53, fractions or not. Beyond, two texts that differ would have one form,
     and readers would not agree about which number was signed.
  3. Values are those that JSON has, texts are Unicode, and depth and length are bounded: documents
     come as values here, and need not have gone through ``read_json``.
  4. What is refused is not repeated in the error: it may be about a person.

Spec: RFC 8785; RFC 7493 sections 2.1 and 2.2.
"""

from __future__ import annotations

from typing import Final

from ethr_did.core.strict_json import MAX_DEPTH
from ethr_did.errors import InvalidInput

__all__ = ["MAX_CANONICAL", "canonical_json"]

MAX_CANONICAL: Final = 1 << 20
"""Bytes of the longest form, as of the longest token."""

_LARGEST = 1 << 53


def canonical_json(value: object, *, limit: int = MAX_CANONICAL) -> bytes:
    r"""The canonical form of a JSON value.

    Args:
        value: as ``read_json`` returns it.
        limit: most bytes.

    Raises:
        InvalidInput: it has none, or a longer one.

    Example:
        >>> canonical_json({"b": 1.0, "a": ["\u20ac", None]})
        b'{"a":["\xe2\x82\xac",null],"b":1}'
    """
    from rfc8785 import dumps  # for those who sign or verify documents

    _check(value, levels=MAX_DEPTH)
    try:
        data = dumps(value)  # type: ignore[arg-type]  # checked above
    except ValueError:  # its own errors, and those of encoding; both hold what was given
        data = None
    if data is None:
        raise InvalidInput("a text in it is not Unicode: half of a surrogate pair stands alone")
    if len(data) > limit:
        raise InvalidInput(f"{len(data)} bytes in canonical form; at most {limit} are read")
    return data


def _check(value: object, *, levels: int) -> None:
    """Raises ``InvalidInput`` for what JSON has not, or has in more than one form."""
    match value:
        case None | bool() | str():
            return
        case int() | float():
            if not -_LARGEST < value < _LARGEST:
                raise InvalidInput("a number in it is not below 2^53", hint="Write it as a text.")
            return
        case dict() | list() if levels == 0:
            raise InvalidInput(f"it is nested deeper than {MAX_DEPTH} levels")
        case dict():
            if not all(isinstance(name, str) for name in value):
                raise InvalidInput("a member in it has a name that is no text")
            parts = list(value.values())
        case list():
            parts = value
        case _:
            raise InvalidInput(f"JSON has no {type(value).__name__}")
    for part in parts:
        _check(part, levels=levels - 1)

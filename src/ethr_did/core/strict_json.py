"""JSON from outside, read so that every reader sees the same.

Rules:
  * UTF-8 without a mark at its beginning, one value, nothing behind it.
  * No member twice: some readers take the first, others the last.
  * No NaN or Infinity, no number that becomes infinite.
  * No half of a surrogate pair: what is read could not be written again.
  * Nesting is bounded before it is parsed. Python's decoder relies on the recursion limit for that,
    and libraries raise the limit for the whole process.

Spec: RFC 8259; RFC 7493 sections 2.1 to 2.3.
"""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any, Final

from ethr_did.errors import InvalidInput, shown

__all__ = ["MAX_DEPTH", "read_json", "write_json"]

MAX_DEPTH: Final = 32
"""Levels of nesting."""

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")
_WHITE_SPACE = " \t\n\r"
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def read_json(data: bytes) -> Any:
    """The value in a JSON text.

    Raises:
        InvalidInput: it is none, or breaks one of the rules.

    Example:
        >>> read_json(b'{"sub": "https://example.com/1"}')
        {'sub': 'https://example.com/1'}
    """
    try:
        _check_depth(data)
        # Not ``decode``: it takes twice as long for a short text, to find the white space.
        text = data.decode("utf-8").strip(_WHITE_SPACE)
        value, end = _DECODER.raw_decode(text)
        if end != len(text):
            raise ValueError("more than one value")
        if _SURROGATE.search(data):
            _check_pairs(value)
    except ValueError as cause:
        # Not chained: the decoder's error holds the whole text.
        reason = cause.args[0] if type(cause) is ValueError else "another form"
    else:
        return value
    start = shown(data[:40].decode("utf-8", "replace"))
    raise InvalidInput(f"not JSON as it is read here ({reason}): {start}")


def write_json(value: Any) -> bytes:
    """The value as JSON: the same bytes every time, members in their order, no spaces."""
    return json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode(
        "utf-8"
    )


def _check_depth(data: bytes) -> None:
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return
    brackets = _STRING.sub(b"", data).translate(None, delete=_NO_BRACKETS)
    steps = (1 if one in b"[{" else -1 for one in brackets)
    if max(accumulate(steps), default=0) > MAX_DEPTH:
        raise ValueError("nested too deep")


def _check_pairs(value: Any) -> None:
    try:
        write_json(value)
    except UnicodeEncodeError:
        raise ValueError("half a surrogate pair") from None


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a member is there twice")
    return members


def _refuse(_name: str) -> Any:
    raise ValueError("NaN or Infinity")


def _finite(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise ValueError("a number beyond all bounds")
    return number


# Made once: that is a third of the time of a short text.
_DECODER = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_refuse, parse_float=_finite)

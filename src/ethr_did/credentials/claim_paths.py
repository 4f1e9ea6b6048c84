"""Paths that lead to claims in a credential.

Rules:
  * A step is the name of a member, the index of an element from 0, or None for every element.
  * A step to an element leads from arrays only, and a name from objects only: what leads from
    anything else is wrong, not merely absent.
  * Members and elements that are not there are left out, as long as another one is. A path that
    leads nowhere at all is wrong, with one exception: every element of an empty array is nothing.

Spec: OpenID for Verifiable Presentations 1.0, section 7 (claims path pointer).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, TypeAlias

from ethr_did.core.strict_json import MAX_DEPTH, read_json
from ethr_did.errors import InvalidInput, shown

__all__ = ["Path", "PathPattern", "find_paths", "leaves", "parse_path", "path_text", "value_at"]

Path: TypeAlias = tuple[str | int, ...]
"""To one claim."""

PathPattern: TypeAlias = Sequence[str | int | None]
"""To one or more claims."""

_MAX_TEXT: Final = 4096
_TEXT = re.compile(r"[^.\[\]]+(?:\.[^.\[\]]+|\[(?:\*|0|[1-9][0-9]{0,8})\])*")
_STEP = re.compile(r"\[(?P<element>[^\]]+)\]|(?P<name>[^.\[\]]+)")


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Everything in a value that holds nothing else, each with the path to it.

    Example:
        >>> list(leaves({"degree": {"type": "BSc", "marks": [1, 2]}, "more": []}))
        [(('degree', 'type'), 'BSc'), (('degree', 'marks', 0), 1), (('degree', 'marks', 1), 2), (('more',), [])]
    """
    if isinstance(value, (dict, list)) and value:
        pairs = value.items() if isinstance(value, dict) else enumerate(value)
        for step, inner in pairs:
            yield from leaves(inner, (*path, step))
    elif path:
        yield path, value


def find_paths(claims: dict[str, Any], pattern: PathPattern) -> list[Path]:
    """The paths of all claims that a pattern leads to.

    Raises:
        InvalidInput: it leads nowhere, or has no steps, or one that is none. That it finds nothing
            without being wrong happens with empty arrays only.

    Example:
        >>> find_paths({"degrees": [{"type": "BSc"}, {"type": "MSc"}]}, ("degrees", None, "type"))
        [('degrees', 0, 'type'), ('degrees', 1, 'type')]
    """
    if not pattern:
        raise InvalidInput("a path has at least one step")
    found: list[tuple[Path, Any]] = [((), claims)]
    for step in pattern:
        reached = [one for path, value in found for one in _stepped(path, value, step, pattern)]
        if not reached:
            if step is None:
                return []
            raise InvalidInput(f"there is no {shown(path_text(pattern))}", hint="Is it misspelled?")
        found = reached
    return [path for path, _ in found]


def _stepped(
    path: Path, value: Any, step: str | int | None, pattern: PathPattern
) -> list[tuple[Path, Any]]:
    """Where one step leads from one value."""
    match value, step:
        case dict(), str():
            return [((*path, step), value[step])] if step in value else []
        case list(), None:
            return [((*path, index), one) for index, one in enumerate(value)]
        case list(), bool():
            pass
        case list(), int() if step >= 0:
            return [((*path, step), value[step])] if step < len(value) else []
    raise InvalidInput(
        f"{shown(path_text(pattern))} is no path of these claims: {shown(step)} does not lead on"
        f" from {shown(path_text(path)) if path else 'their top'}",
        hint="Names lead into objects; indexes from 0, or every element, into arrays.",
    )


def path_text(pattern: PathPattern) -> str:
    """A path as people read it.

    Example:
        >>> path_text(("degrees", None, "type"))
        'degrees[*].type'
    """
    steps = (
        f".{step}" if isinstance(step, str) else f"[{'*' if step is None else step}]"
        for step in pattern
    )
    return "".join(steps).removeprefix(".")


def parse_path(text: str) -> tuple[str | int | None, ...]:
    """The path that people wrote: as ``path_text`` shows it, or as a JSON array.

    Names with dots or brackets in them can only be written as JSON.

    Raises:
        InvalidInput: it is no path.

    Example:
        >>> parse_path("degrees[*].type"), parse_path("age_equal_or_over.18")
        (('degrees', None, 'type'), ('age_equal_or_over', '18'))
        >>> parse_path('["a.b", 0]')
        ('a.b', 0)
    """
    if len(text) > _MAX_TEXT:
        raise InvalidInput(f"a path has {len(text)} characters, more than {_MAX_TEXT}")
    steps = _parsed(text)
    if steps is None or not 0 < len(steps) <= MAX_DEPTH:
        raise InvalidInput(
            f"not a path to a claim: {shown(text)}",
            hint="Write address.locality, nationalities[0], degrees[*].type, or a JSON array.",
        )
    return steps


def _parsed(text: str) -> tuple[str | int | None, ...] | None:
    if not text.startswith("["):
        if not _TEXT.fullmatch(text):
            return None
        return tuple(
            _element(found["element"]) if found["name"] is None else found["name"]
            for found in _STEP.finditer(text)
        )
    try:
        value = read_json(text.encode("utf-8", "replace"))
    except InvalidInput:
        return None
    is_path = isinstance(value, list) and all(_is_step(one) for one in value)
    return tuple(value) if is_path else None


def _element(text: str) -> int | None:
    return None if text == "*" else int(text)


def _is_step(value: object) -> bool:
    return value is None or isinstance(value, str) or (type(value) is int and value >= 0)


def value_at(claims: Any, path: Path) -> Any:
    """The claim at a path that ``find_paths`` found."""
    for step in path:
        claims = claims[step]
    return claims

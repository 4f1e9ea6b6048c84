"""Credentials with a proof inside, and everything that can be changed about one."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTEXT = "https://www.w3.org/ns/credentials/v2"
NOW = 1_767_225_600
CREATED = "2026-01-01T00:00:00Z"
DELETE = object()

Path = tuple[str | int, ...]


def document(issuer: str, /, **members: Any) -> dict[str, Any]:
    """A credential of the Data Model 2.0 that has a value of each kind."""
    return {
        "@context": [CONTEXT, "https://university.example/terms"],
        "id": "urn:uuid:58172aac-d8ba-11ed-83dd-0b3aef56cc33",
        "type": ["VerifiableCredential", "DegreeCredential"],
        "issuer": {"id": issuer, "name": "Universität"},
        "validFrom": "2026-01-01T00:00:00Z",
        "validUntil": "2027-01-01T00:00:00Z",
        "credentialSubject": {
            "id": "did:example:student",
            "degree": {"name": "Bachelor", "honours": True, "credits": 180},
            "terms": [1, 2, 3],
        },
        **members,
    }


def changed(value: Any, path: Path, new: object) -> Any:
    """The value with one part replaced, added or left out."""
    made = copy.deepcopy(value)
    inner = made
    for step in path[:-1]:
        inner = inner[step]
    if new is DELETE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = new
    return made


def mutations(value: Any) -> Iterator[tuple[Path, Any]]:
    """Every value that differs from this one in a single place, with that place."""
    for path, part in _parts(value):
        if path:
            yield path, changed(value, path, DELETE)
            for new in _others(part):
                yield path, changed(value, path, new)
        if isinstance(part, dict):
            yield (*path, "added"), changed(value, (*path, "added"), "by somebody")
        if isinstance(part, list):
            longer = [*part, part[-1] if part else "by somebody"]
            yield (*path, len(part)), changed(value, path, longer) if path else longer


def _parts(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, part in value.items():
            yield from _parts(part, (*path, name))
    if isinstance(value, list):
        for place, part in enumerate(value):
            yield from _parts(part, (*path, place))


def _others(part: Any) -> list[Any]:
    match part:
        case bool():
            return [not part, int(part), str(part).lower(), None]
        case int():
            return [part + 1, -part, part + 0.5, str(part), hex(part), None]
        case str():
            swapped = chr(ord(part[0]) ^ 1) + part[1:]
            others = {part + "x", part[:-1], swapped, part.swapcase(), part + "\0"}
            return [*sorted(others - {part}), [part], None, 65]
        case list():
            return [part[::-1]] if part != part[::-1] else []
        case _:
            return [None, [part], json.dumps(part)]


# -- by chance -----------------------------------------------------------------------------------

_texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_whole = st.integers(-(2**53) + 1, 2**53 - 1)
_fractions = st.floats(-(2.0**52), 2.0**52, allow_nan=False)
_scalars = st.none() | st.booleans() | _texts | _whole | _fractions

json_values: st.SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=12,
)
"""Whatever has a canonical form."""

_names = st.text("abcdefghijklmnopqrstuvwxyzABC:@_-é", min_size=1, max_size=6)
_typed_scalars = st.booleans() | _texts | st.integers(0, 2**53 - 1)
_typed_lists = (
    st.lists(st.booleans(), min_size=1, max_size=3)
    | st.lists(_texts, min_size=1, max_size=3)
    | st.lists(st.integers(0, 2**53 - 1), min_size=1, max_size=3)
)


@st.composite
def typed_objects(draw: st.DrawFn, depth: int = 3, stem: str = "") -> dict[str, Any]:
    """Objects that have EIP-712 types: no two structs in them have one name."""
    made: dict[str, Any] = draw(
        st.dictionaries(_names.map(lambda n: "v" + n), _typed_scalars | _typed_lists, max_size=3)
    )
    for place in range(draw(st.integers(0, 2)) if depth else 0):
        name = f"s{stem}{place}"
        made[name] = draw(typed_objects(depth - 1, f"{stem}{place}"))
    return made

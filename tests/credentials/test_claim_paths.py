"""Paths to claims: where they lead, and which lead nowhere."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.strict_json import MAX_DEPTH
from ethr_did.credentials.claim_paths import find_paths, parse_path, path_text, value_at
from ethr_did.errors import InvalidInput

if TYPE_CHECKING:
    from ethr_did.credentials.claim_paths import Path, PathPattern

CLAIMS: dict[str, Any] = {
    "name": "Arthur Dent",
    "address": {"street": "42 Market Street", "1": "one"},
    "degrees": [{"type": "BSc", "grade": 2}, {"type": "MSc"}, {"type": "PhD", "grade": 1}],
    "nationalities": ["British", "Betelgeusian"],
    "none": [],
    "nested": [[1, 2], [], [3]],
}


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        (("name",), [("name",)]),
        (("address",), [("address",)]),
        (("address", "1"), [("address", "1")]),
        (("nationalities", 1), [("nationalities", 1)]),
        (("nationalities", None), [("nationalities", 0), ("nationalities", 1)]),
        (("degrees", None, "grade"), [("degrees", 0, "grade"), ("degrees", 2, "grade")]),
        (("nested", None, 0), [("nested", 0, 0), ("nested", 2, 0)]),
        (("nested", None, None), [("nested", 0, 0), ("nested", 0, 1), ("nested", 2, 0)]),
        (("none", None), []),
        (("none", None, "type"), []),
        (["name"], [("name",)]),
    ],
)
def test_path_leads_to_claims(pattern: PathPattern, found: list[Path]) -> None:
    assert find_paths(CLAIMS, pattern) == found


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ((), "at least one step"),
        (("nobody",), "there is no 'nobody'"),
        (("nationalities", 2), r"there is no 'nationalities\[2\]'"),
        (("degrees", None, "year"), r"there is no 'degrees\[\*\].year'"),
        (("nested", None, 2), "there is no"),
        (("name", "first"), "'first' does not lead on from 'name'"),
        (("name", None), "None does not lead on from 'name'"),
        (("address", None), "None does not lead on from 'address'"),
        (("address", 1), "1 does not lead on from 'address'"),
        (("nationalities", "0"), "'0' does not lead on from 'nationalities'"),
        (("nationalities", -1), "-1 does not lead on from 'nationalities'"),
        (("nationalities", True), "True does not lead on from 'nationalities'"),
        (("nationalities", 1.0), "1.0 does not lead on from 'nationalities'"),
        ((0,), "0 does not lead on from their top"),
        ((None,), "None does not lead on from their top"),
    ],
)
def test_path_that_leads_nowhere_is_refused(pattern: Any, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        find_paths(CLAIMS, pattern)


def test_path_is_shown_as_people_write_it() -> None:
    assert path_text(("a", 0, None, "b")) == "a[0][*].b"
    assert path_text((0, "b")) == "[0].b"
    assert path_text(()) == ""


def test_long_path_is_cut_in_errors() -> None:
    with pytest.raises(InvalidInput) as caught:
        find_paths(CLAIMS, ("x" * 1000,))
    assert len(caught.value.message) < 200


# -- written by people ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("name", ("name",)),
        ("address.street", ("address", "street")),
        ("age_equal_or_over.18", ("age_equal_or_over", "18")),
        ("nationalities[0]", ("nationalities", 0)),
        ("degrees[*].type", ("degrees", None, "type")),
        ("nested[0][10]", ("nested", 0, 10)),
        ("given name", ("given name",)),
        ("Größe", ("Größe",)),
        ('["a.b", 0, null, "[x]", ""]', ("a.b", 0, None, "[x]", "")),
    ],
)
def test_path_is_read_as_people_write_it(text: str, path: Any) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize(
    "text",
    [
        *("", ".", "a.", ".a", "a..b", "a[", "a]", "a[]", "a[-1]", "a[01]", "a[x]", "a[0]b"),
        *("a[9999999999]", "[]", "[true]", "[-1]", "[1.0]", '[["a"]]', "["),
        *(".".join("a" * (MAX_DEPTH + 1)), "x" * 4097),
    ],
)
def test_text_that_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        parse_path(text)


@pytest.mark.parametrize(
    "path", [("name",), ("address", "1"), ("nationalities", 1), ("degrees", None, "type")]
)
def test_path_that_is_shown_is_read_again(path: PathPattern) -> None:
    assert parse_path(path_text(path)) == path


def test_value_is_found_where_the_path_leads() -> None:
    assert value_at(CLAIMS, ("degrees", 2, "grade")) == 1
    assert value_at(CLAIMS, ()) is CLAIMS

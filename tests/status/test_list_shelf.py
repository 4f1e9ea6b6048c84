"""What is kept of lists, and for how long."""

from __future__ import annotations

import pytest

from ethr_did.core.list_checks import read_document
from ethr_did.fetching import Fetched
from ethr_did.status.list_shelf import MAX_TTL, MIN_TTL, Shelf, seconds_to_keep
from support.signed_lists import IETF, unsigned


def test_what_is_kept_is_found_until_its_time_is_over() -> None:
    shelf: Shelf[str, str] = Shelf()
    shelf.put("a", "list", size=1, until=100)
    assert (shelf.find("a", 100), shelf.find("a", 100.5), shelf.find("b", 0)) == (
        "list",
        None,
        None,
    )
    shelf.put("a", "newer", size=1, until=200)
    assert shelf.find("a", 200) == "newer"


def test_what_nobody_asked_for_gives_way_first() -> None:
    shelf: Shelf[str, str] = Shelf(most_bytes=20)
    for key in "ab":
        shelf.put(key, key, size=10, until=1)
    assert shelf.find("a", 0) == "a"
    shelf.put("c", "c", size=10, until=1)
    assert [shelf.find(key, 0) for key in "abc"] == ["a", None, "c"]
    shelf.put("a", "large", size=30, until=1)
    assert [shelf.find(key, 0) for key in "abc"] == [None, None, None]
    shelf.put("d", "d", size=20, until=1)
    assert shelf.find("d", 0) == "d"


@pytest.mark.parametrize(
    ("ttl", "max_age", "kept"),
    [
        (600, 5, 600),
        (None, 400, 400),
        (None, None, 300),
        (1, None, MIN_TTL),
        (30 * MAX_TTL, None, MAX_TTL),
    ],
)
def test_the_list_says_how_long_it_is_kept(ttl: int | None, max_age: int | None, kept: int) -> None:
    document = read_document(unsigned("did:web:a.example", IETF, ttl=ttl).payload, IETF)
    fetched = Fetched(url="https://a.example", content=b"", max_age=max_age)
    assert seconds_to_keep(document, fetched) == kept

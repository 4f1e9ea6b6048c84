"""What the headers of an answer say; the rest of the conversation is in test_fetcher.py."""

from __future__ import annotations

import pytest

from ethr_did.fetching.conversation import Head


def answer(**headers: str | list[str]) -> Head:
    found = [
        (name.replace("_", "-"), value)
        for name, values in headers.items()
        for value in ([values] if isinstance(values, str) else values)
    ]
    return Head(status=200, headers=found)


@pytest.mark.parametrize(
    ("lines", "age", "seconds"),
    [
        ([], [], None),
        (["public"], [], None),
        (["s-maxage=9"], [], None),
        (["max-age=60"], [], 60),
        (["Public, MAX-AGE=60 , immutable"], [], 60),
        (['max-age="60"'], [], 60),
        (["max-age=60"], ["10"], 50),
        (["max-age=60"], ["100"], 0),
        (["max-age=60"], ["10", "20"], 40),
        (["max-age=60"], ["soon"], 60),
        (["max-age=60, max-age=30"], [], 30),
        (["max-age=60", "max-age=30"], [], 30),
        (["max-age=99999999999"], [], 1 << 31),
        (["max-age=-1"], [], 0),
        (["max-age=1.5"], [], 0),
        (["max-age=1e3"], [], 0),
        (["max-age"], [], 0),
        (["max-age=" + "9" * 100], [], 0),
        (["no-store"], [], 0),
        (["max-age=60, no-cache"], [], 0),
        (['no-cache="set-cookie", max-age=60'], [], 0),
    ],
)
def test_seconds_that_an_answer_may_be_kept(
    lines: list[str], age: list[str], seconds: int | None
) -> None:
    assert answer(cache_control=lines, age=age).max_age == seconds


@pytest.mark.parametrize(
    ("lines", "media_type"),
    [
        ([], None),
        (["application/vc+jwt"], "application/vc+jwt"),
        (["Application/JSON ; charset=utf-8"], "application/json"),
        (["json"], None),
        (["a/b/c"], None),
        (["text/html\x1b[2J"], None),
        ([""], None),
        (["a/b", "c/d"], None),
    ],
)
def test_media_type_of_an_answer(lines: list[str], media_type: str | None) -> None:
    assert answer(content_type=lines).media_type == media_type


@pytest.mark.parametrize(
    ("lines", "etag"),
    [
        ([], None),
        (['"a"'], '"a"'),
        (['W/"a"'], 'W/"a"'),
        (['""'], '""'),
        (["a"], None),
        (['"a b"'], None),
        (['"a"', '"b"'], None),
    ],
)
def test_entity_tag_of_an_answer(lines: list[str], etag: str | None) -> None:
    assert answer(etag=lines).etag == etag

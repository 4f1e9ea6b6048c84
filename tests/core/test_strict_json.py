"""JSON from outside."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.core.strict_json import MAX_DEPTH, read_json, write_json
from ethr_did.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text('abc[{\\"'), inner),
    max_leaves=10,
)


@pytest.fixture
def _without_recursion_limit() -> Iterator[None]:
    """As a library sets it for the whole process."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    yield
    sys.setrecursionlimit(before)


@given(VALUES)
def test_what_was_written_is_read_again(value: Any) -> None:
    assert read_json(write_json(value)) == value


def test_what_is_written_has_no_spaces_and_keeps_its_order() -> None:
    assert write_json({"b": ["ü", 1], "a": None}) == '{"b":["ü",1],"a":null}'.encode()


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"{} {}",
        b"{'a': 1}",
        b'{"a": 1, "a": 1}',
        b'[{"x": {"a": 1, "b": 2, "a": 3}}]',
        b"NaN",
        b"[-Infinity]",
        b"1e999",
        b"-1e999",
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        b'"\\ud800"',
        b'{"a": {"\\uDFFF": 1}}',
        b"9" * 5000,
        "{}".encode("utf-16"),
    ],
)
def test_what_readers_could_take_differently_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidInput, match="not JSON as it is read here"):
        read_json(text)


def test_whole_text_is_not_in_the_error() -> None:
    with pytest.raises(InvalidInput) as caught:
        read_json(b'{"secret": "' + b"x" * 10_000)
    assert len(caught.value.message) < 200
    assert caught.value.__cause__ is None
    assert caught.value.__context__ is None or caught.value.__suppress_context__


@pytest.mark.parametrize("kind", [b"[%s]", b'{"a":%s}', b'{"[":%s}'])
def test_nesting_is_bounded(kind: bytes) -> None:
    def nested(depth: int) -> bytes:
        text = b"1"
        for _ in range(depth):
            text = kind % text
        return text

    read_json(nested(MAX_DEPTH))
    with pytest.raises(InvalidInput, match="nested too deep"):
        read_json(nested(MAX_DEPTH + 1))


@pytest.mark.usefixtures("_without_recursion_limit")
def test_nesting_is_bounded_whatever_the_recursion_limit_is() -> None:
    with pytest.raises(InvalidInput, match="nested too deep"):
        read_json(b"[" * 200_000)


def test_brackets_in_texts_are_no_nesting() -> None:
    text = "[" * 10_000 + '\\"{'
    assert read_json(write_json([text, text])) == [text, text]

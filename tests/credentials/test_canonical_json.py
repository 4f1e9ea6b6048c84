"""The canonical form of JSON: that there is one, and what has none."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from ethr_did.core.strict_json import read_json
from ethr_did.credentials.canonical_json import MAX_CANONICAL, canonical_json
from ethr_did.errors import InvalidInput
from support.signed_documents import json_values


def test_order_of_members_and_spelling_of_numbers_do_not_matter() -> None:
    texts = b'{"b": 1.0, "a": [1e2, 0.10]}', b'{ "a":[100,1E-1],"b":1 }'
    assert {canonical_json(read_json(text)) for text in texts} == {b'{"a":[100,0.1],"b":1}'}


def test_members_are_in_the_order_of_utf16() -> None:
    # RFC 8785 section 3.2.3: a surrogate pair comes before U+FB33.
    assert canonical_json({"\ufb33": 1, "\U0001f600": 2}).startswith('{"\U0001f600"'.encode())


@given(json_values)
def test_canonical_form_says_the_same(value: Any) -> None:
    data = canonical_json(value)
    assert json.loads(data) == value
    assert canonical_json(json.loads(data)) == data


@pytest.mark.parametrize("number", [2**53 - 1, -(2**53) + 1, 2.0**52 + 0.5, 1e-300])
def test_numbers_below_2_to_the_53_are_taken(number: float) -> None:
    assert json.loads(canonical_json([number])) == [number]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (2**53, "a number in it is not below 2"),
        (-(2**53), "a number in it is not below 2"),
        (float(2**53), "a number in it is not below 2"),
        (1e21, "a number in it is not below 2"),
        (float("nan"), "a number in it is not below 2"),
        (float("inf"), "a number in it is not below 2"),
        ({1: 2}, "a name that is no text"),
        ((1, 2), "JSON has no tuple"),
        (b"bytes", "JSON has no bytes"),
        ("\ud800", "not Unicode"),
        ({"\ud800": 1}, "not Unicode"),
    ],
)
def test_what_has_no_canonical_form_is_refused(value: object, words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        canonical_json({"inside": [value]})


def nested(levels: int) -> Any:
    value: Any = []
    for _ in range(levels - 1):
        value = [value]
    return value


def test_depth_is_that_of_texts() -> None:
    assert read_json(canonical_json(nested(32))) == nested(32)
    with pytest.raises(InvalidInput, match="deeper than 32 levels"):
        canonical_json(nested(33))


def test_length_is_bounded() -> None:
    assert len(canonical_json("x" * (MAX_CANONICAL - 2))) == MAX_CANONICAL
    with pytest.raises(InvalidInput, match="at most 1048576 are read"):
        canonical_json("x" * (MAX_CANONICAL - 1))
    with pytest.raises(InvalidInput, match="12 bytes in canonical form; at most 11 are read"):
        canonical_json("x" * 10, limit=11)


def test_refused_text_is_not_repeated() -> None:
    with pytest.raises(InvalidInput) as caught:
        canonical_json({"name": "Arthur Dent \ud800"})
    error: BaseException | None = caught.value
    while error is not None:
        assert "Arthur" not in repr(error)
        error = error.__cause__ or error.__context__

"""Schemas: what they find, what is refused of them, and what they never say."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from ethr_did.credentials.schema import DIALECT, MAX_SCHEMA, Fault, Schema, check_faults, pointer
from ethr_did.errors import InvalidClaims, InvalidInput

SECRET = "Erika Mustermann"


def faults(schema: Any, claims: Any) -> list[tuple[str, str]]:
    return [(one.pointer, one.rule) for one in Schema.read(schema).faults(claims)]


# -- what is found -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "good", "bad", "rule"),
    [
        ({"type": "string"}, "x", 1, "it is no string"),
        ({"type": ["string", "null"]}, None, 1, "it is no string or null"),
        ({"const": 7}, 7, 8, "it is not 7"),
        ({"enum": ["a", "b"]}, "a", SECRET, "it is none of ['a', 'b']"),
        ({"pattern": "^a"}, "ab", SECRET, "it does not fit the pattern '^a'"),
        ({"format": "date"}, "2024-02-29", "2023-02-29", "it is no date"),
        ({"format": "date-time"}, "2024-02-29T00:00:00Z", "2024-02-29", "it is no date-time"),
        ({"format": "date-time"}, 7, "2024-02-30T00:00:00Z", "it is no date-time"),
        ({"format": "email"}, "a@b", SECRET, "it is no email"),
        ({"minLength": 2}, "ab", "a", "it is shorter than 2"),
        ({"maxLength": 2}, "ab", "abc", "it is longer than 2"),
        ({"minItems": 1}, [1], [], "it has fewer than 1 elements"),
        ({"maxItems": 1}, [1], [1, 2], "it has more than 1 elements"),
        ({"minProperties": 1}, {"a": 1}, {}, "it has fewer than 1 members"),
        ({"maxProperties": 1}, {"a": 1}, {"a": 1, "b": 2}, "it has more than 1 members"),
        ({"minimum": 1}, 1, 0, "it is less than 1"),
        ({"maximum": 1}, 1, 2, "it is more than 1"),
        ({"exclusiveMinimum": 1}, 2, 1, "it is not more than 1"),
        ({"exclusiveMaximum": 1}, 0, 1, "it is not less than 1"),
        ({"multipleOf": 2}, 4, 3, "it is no multiple of 2"),
        ({"uniqueItems": True}, [1, "1", True], [1, 1.0], "an element is there twice"),
        (
            {"uniqueItems": True},
            [[1], [2]],
            [{"a": [1]}, {"a": [1.0]}],
            "an element is there twice",
        ),
        ({"uniqueItems": False}, [1, 1], None, None),
        ({"contains": {"const": 1}}, [2, 1], [2], "it does not have the elements that are wanted"),
        (
            {"contains": {"const": 1}, "minContains": 2},
            [1, 1],
            [1],
            "it does not have the elements that are wanted",
        ),
        (
            {"contains": {"const": 1}, "maxContains": 1},
            [1],
            [1, 1],
            "it has too many of some elements",
        ),
        ({"anyOf": [{"const": 1}, {"const": 2}]}, 1, 3, "it fits none of 2 alternatives"),
        (
            {"oneOf": [{"type": "number"}, {"const": 2}]},
            1,
            2,
            "it does not fit exactly one of 2 alternatives",
        ),
        ({"not": {"const": 1}}, 2, 1, "it fits what it must not"),
        ({"required": ["a", "b"]}, {"a": 1, "b": 1}, {"b": 1}, "a is missing"),
        ({"dependentRequired": {"a": ["b", "c"]}}, {}, {"a": 1, "c": 1}, "b is missing"),
        (False, None, 1, "it is not allowed"),
        (
            {"properties": {"a": True}, "unevaluatedProperties": False},
            {"a": 1},
            {"b": SECRET},
            "it has members that are not allowed",
        ),
        ({"prefixItems": [True], "items": False}, [1], [1, 2], "it breaks the rule items"),
        ({"format": "uri"}, "not a uri", None, None),
        (
            {"$anchor": "x", "properties": {"a": {"$ref": "#x"}}, "type": "object"},
            {},
            1,
            "it is no object",
        ),
    ],
)
def test_each_rule_finds_what_breaks_it_and_nothing_else(
    schema: Any, good: Any, bad: Any, rule: str | None
) -> None:
    if good is not None:
        assert faults(schema, good) == []
    if rule is not None:
        assert faults(schema, bad) == [("", rule)]


def test_all_faults_are_told_at_once_each_at_its_place() -> None:
    schema = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "address": {"$ref": "#/$defs/address"},
            "a/b": {"type": "array", "items": {"type": "integer"}},
        },
        "required": ["name", "birthdate"],
        "additionalProperties": False,
        "$defs": {"address": {"required": ["country"], "properties": {"zip": {"maxLength": 5}}}},
    }
    claims = {"name": 7, "address": {"zip": "1234567"}, "a/b": [1, "x"], "extra": 1}
    assert faults(schema, claims) == [
        ("", "birthdate is missing"),
        ("/address", "country is missing"),
        ("/address/zip", "it is longer than 5"),
        ("/a~1b/1", "it is no integer"),
        ("/extra", "it is not allowed"),
        ("/name", "it is no string"),
    ]


def test_names_are_matched_by_patterns_of_the_schema() -> None:
    schema = {
        "patternProperties": {"^x-": {"type": "integer"}},
        "properties": {"a": True},
        "additionalProperties": {"type": "string"},
    }
    assert faults(schema, {"x-1": 1, "a": None, "b": "c"}) == []
    assert faults(schema, {"x-1": "1", "b": 1}) == [
        ("/b", "it is no string"),
        ("/x-1", "it is no integer"),
    ]
    assert faults(schema, 7) == []


def test_what_was_claimed_is_in_no_message() -> None:
    schema = {
        "properties": {
            "a": {"type": "integer"},
            "b": {"enum": ["x"]},
            "c": {"pattern": "^x"},
            "d": {"format": "date"},
            "e": {"anyOf": [False]},
            "f": {"not": {}},
            "g": False,
            "h": {"maxLength": 1},
            "i": {"const": 1},
        },
        "dependentSchemas": {"a": {"required": ["z"]}},
        "propertyNames": {"maxLength": 1},
    }
    with pytest.raises(InvalidClaims) as caught:
        Schema.read(schema).check(dict.fromkeys("abcdefghi", SECRET), subject="the diploma")
    error = caught.value
    assert error.message.startswith(
        "the diploma cannot be used, 10 faults: the whole: z is missing; "
    )
    for said in (str(error.to_dict()), repr(error), str(error.__cause__), str(error.__context__)):
        assert SECRET not in said


def test_more_faults_than_anybody_reads_are_counted() -> None:
    with pytest.raises(InvalidClaims, match="3 faults: /0: x") as caught:
        check_faults([Fault(pointer([n]), "x") for n in range(3)], "it")
    assert caught.value.facts["faults"] == ["/0: x", "/1: x", "/2: x"]
    with pytest.raises(InvalidClaims, match="and 2 more"):
        check_faults([Fault(pointer([n]), "x") for n in range(12)], "it")
    found = Schema.read({"items": False, "type": "array"}).faults([1])
    check_faults(found[:0], "it")


def test_faults_end_at_a_thousand() -> None:
    assert len(Schema.read({"items": {"type": "string"}}).faults([1] * 2000)) == 1000


def test_good_claims_pass() -> None:
    Schema.read({"$schema": DIALECT, "type": "object"}).check({"a": 1})


# -- what is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("schema", "why"),
    [
        ("object", "neither an object nor true or false"),
        ({"$schema": "http://json-schema.org/draft-07/schema#"}, "of the dialect"),
        ({"properties": {"a": {"$schema": "https://x.example/"}}}, "of the dialect"),
        ({"$ref": "https://x.example/schema"}, "leads elsewhere"),
        ({"items": {"$ref": "other.json"}}, "leads elsewhere"),
        ({"$dynamicRef": "https://x.example/#a"}, "leads elsewhere"),
        ({"type": "text"}, "is not as the draft has it"),
        ({"minLength": -1}, "is not as the draft has it"),
        ({"pattern": "(?=a)"}, "is not used"),
        ({"properties": {"a": {"patternProperties": {"(": True}}}}, "is not used"),
        (
            {"allOf": [{"patternProperties": {}}], "unevaluatedProperties": False},
            "both patternProperties and unevaluatedProperties",
        ),
        ({"description": "x" * MAX_SCHEMA}, "bytes, more than"),
        ({"const": {1, 2}}, "no JSON"),
    ],
)
def test_a_schema_that_is_none_or_wants_too_much_is_refused(schema: Any, why: str) -> None:
    with pytest.raises(InvalidInput, match=why) as caught:
        Schema.read(schema)
    assert not isinstance(caught.value, InvalidClaims)


def test_a_schema_that_is_nested_too_deep_is_refused() -> None:
    schema: dict[str, Any] = {}
    for _ in range(40):
        schema = {"not": schema}
    with pytest.raises(InvalidInput, match="nested too deep"):
        Schema.read(schema)


def doubling(levels: int) -> dict[str, Any]:
    """A schema of a few lines that is applied 2^levels times."""
    steps = {
        f"s{n}": {"allOf": [{"$ref": f"#/$defs/s{n + 1}"}, {"$ref": f"#/$defs/s{n + 1}"}]}
        for n in range(levels)
    }
    return {"$ref": "#/$defs/s0", "$defs": {**steps, f"s{levels}": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "claims", "why"),
    [
        ({"$ref": "#"}, 1, "too much work"),
        ({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}, 1, "too much work"),
        ({"anyOf": [{"$ref": "#"}, {"$ref": "#"}]}, 1, "too much work"),
        ({"$dynamicAnchor": "a", "$dynamicRef": "#a"}, 1, "too much work"),
        ({**doubling(30), "unevaluatedProperties": False}, {"a": 1}, "too much work"),
        (doubling(40), 1, "too much work"),
        ({"pattern": "(a?){900}b"}, "a" * 2000, "too much work"),
        ({"allOf": [{"uniqueItems": True}] * 30}, [*range(50_000)], "too much work"),
        ({"$ref": "#/$defs/none"}, 1, "leads nowhere"),
        ({"$ref": "#none"}, 1, "leads nowhere"),
        (True, "x" * (1 << 20), "bytes"),
        (True, object(), "no JSON"),
    ],
)
def test_what_would_take_too_long_or_cannot_be_found_out_is_neither_yes_nor_no(
    schema: Any, claims: Any, why: str
) -> None:
    read = Schema.read(schema)
    begun = time.process_time()
    with pytest.raises(InvalidInput, match=why) as caught:
        read.check(claims)
    assert not isinstance(caught.value, InvalidClaims)
    assert time.process_time() - begun < 5


def test_many_different_elements_take_no_longer() -> None:
    begun = time.process_time()
    assert faults({"uniqueItems": True}, [{"n": n} for n in range(20_000)]) == []
    assert time.process_time() - begun < 2


def test_a_schema_is_not_changed_from_outside() -> None:
    content: dict[str, Any] = {"type": "string"}
    schema = Schema.read(content)
    content["type"] = "integer"
    assert schema.faults("x") == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=1), inner),
    max_leaves=6,
)


@settings(max_examples=40)
@given(elements=st.lists(JSON, max_size=4))
def test_elements_are_the_same_as_the_library_says(elements: list[Any]) -> None:
    expected = Draft202012Validator({"uniqueItems": True}).is_valid(elements)
    assert (faults({"uniqueItems": True}, elements) == []) is expected

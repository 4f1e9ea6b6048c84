"""EIP-712 types of documents: as the specification makes them, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings

from ethr_did.credentials.typed_documents import check_types, generate_types
from ethr_did.errors import InvalidCredential
from support.signed_documents import typed_objects
from support.vectors import load_vectors

Field = dict[str, str]


def field(name: str, kind: str) -> Field:
    return {"name": name, "type": kind}


# -- made ----------------------------------------------------------------------------------------


def test_example_of_the_specification_is_made() -> None:
    document = {
        "@context": ["https://schema.org", "https://w3id.org/security/v2"],
        "@type": "Person",
        "name": {"first": "Jane", "last": "Doe"},
        "otherData": {"jobTitle": "Professor", "school": "University of ExampleLand"},
        "telephone": "(425) 123-4567",
        "email": "jane.doe@example.com",
    }
    assert generate_types(document, "Document") == {
        "Document": [
            field("@context", "string[]"),
            field("@type", "string"),
            field("email", "string"),
            field("name", "Name"),
            field("otherData", "OtherData"),
            field("telephone", "string"),
        ],
        "Name": [field("first", "string"), field("last", "string")],
        "OtherData": [field("jobTitle", "string"), field("school", "string")],
    }


@pytest.mark.parametrize(
    "vector",
    [
        vector
        for vector in load_vectors("eip712_credentials")
        if vector["id"] in ("basic-types-generated", "nested-types-uri", "nested-types-embedded")
    ],
    ids=lambda vector: vector["id"],
)
def test_published_types_are_made(vector: dict[str, Any]) -> None:
    data = vector["typedData"]
    expected = {name: one for name, one in data["types"].items() if name != "EIP712Domain"}
    assert generate_types(data["message"], data["primaryType"]) == expected


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (True, "bool"),
        (0, "uint256"),
        ("", "string"),
        ([False, True], "bool[]"),
        ([1, 2], "uint256[]"),
        (["a"], "string[]"),
    ],
)
def test_value_has_its_type(value: object, kind: str) -> None:
    assert generate_types({"x": value}, "Document") == {"Document": [field("x", kind)]}


def test_members_are_in_the_order_of_utf16() -> None:
    types = generate_types({"\ufb33": "", "\U0001f600": "", "b": "", "B": ""}, "D")
    assert [one["name"] for one in types["D"]] == ["B", "b", "\U0001f600", "\ufb33"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "'x': null has no type"),
        (0.5, "'x': a fraction has no type"),
        (1.0, "'x': a fraction has no type"),
        (-1, "'x': a negative number has no type"),
        ([], "'x': an empty list has no type"),
        (["a", 1], "'x': a list of lists or of values of several kinds has no type"),
        ([True, 1], "'x': a list of lists or of values of several kinds has no type"),
        ([["a"]], "'x': a list of lists or of values of several kinds has no type"),
        (["a", ["a"]], r"'x': a list of lists or of values of several kinds has no type"),
        ([{"a": 1}], r"'x\[0\]': an object in a list has no type"),
        (["a", None], r"'x\[1\]': null has no type"),
        ({"y": {"z": None}}, "'x.y.z': null has no type"),
        ({"x": {"y": 1}}, "'x.x': a second struct with the name 'X' has no type"),
        ({"document": {"y": 1}}, "'x.document': a second struct with the name 'Document'"),
    ],
)
def test_value_without_a_type_is_refused(value: object, words: str) -> None:
    with pytest.raises(InvalidCredential, match=words):
        generate_types({"x": value}, "Document")


def test_structs_of_one_name_are_refused_wherever_they_are() -> None:
    with pytest.raises(InvalidCredential, match=r"'b.name': a second struct with the name 'Name'"):
        generate_types({"a": {"name": {"x": 1}}, "b": {"name": {"x": 1}}}, "Document")


@settings(max_examples=50, deadline=None)
@given(typed_objects())
def test_types_that_are_made_cover_the_document(document: dict[str, Any]) -> None:
    types = generate_types(document, "Document")
    assert check_types(types, "Document", document) == types


# -- given ---------------------------------------------------------------------------------------


def check(value: object, kind: str, **structs: list[Field]) -> None:
    check_types({"D": [field("x", kind)], **structs}, "D", {"x": value})


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("text", "string"),
        (False, "bool"),
        (255, "uint8"),
        (-128, "int8"),
        (127, "int8"),
        (2**53 - 1, "uint256"),
        ([], "string[]"),
        ([[1], []], "uint16[][]"),
    ],
)
def test_value_of_its_type_is_taken(value: object, kind: str) -> None:
    check(value, kind)


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        # Encoders take each of these for something else that is of the type.
        (65, "string"),
        (None, "string"),
        (["a"], "string"),
        ("true", "bool"),
        (1, "bool"),
        (0, "bool"),
        (None, "bool"),
        ("1", "uint256"),
        ("0x1", "uint256"),
        (True, "uint256"),
        (1.0, "uint256"),
        (None, "uint256"),
        (256, "uint8"),
        (-1, "uint8"),
        (-129, "int8"),
        (128, "int8"),
        ("text", "string[]"),
        ([1], "string[]"),
        ({"0": "a"}, "string[]"),
        ([["a"]], "string[]"),
        (None, "S"),
        ("text", "S"),
        ([{"y": "text"}], "S"),
        ({"y": "text"}, "S[]"),
    ],
)
def test_value_of_another_type_is_refused(value: object, kind: str) -> None:
    with pytest.raises(InvalidCredential, match=r"'x(\[0\])?' is not a value of its type"):
        check(value, kind, **({"S": [field("y", "string")]} if kind.startswith("S") else {}))


@pytest.mark.parametrize(
    "kind",
    [
        *("address", "bytes", "bytes32", "uint", "int", "uint7", "uint264", "uint08", "fixed"),
        *("Nobody", "Nobody[]", "string[2]", "string[", "[]", "", "String"),
    ],
)
@pytest.mark.parametrize("value", ["0x41", []])
def test_type_with_several_spellings_or_none_is_refused(value: object, kind: str) -> None:
    with pytest.raises(InvalidCredential, match="there is no such type, or none that is read"):
        check(value, kind)


@pytest.mark.parametrize(
    ("types", "primary", "words"),
    [
        (None, "D", "not an object of at most 256 structs"),
        ([], "D", "not an object of at most 256 structs"),
        ({}, "D", "not an object of at most 256 structs"),
        ({f"T{n}": [] for n in range(257)}, "D", "not an object of at most 256 structs"),
        ({"D": [field("x", "string")]}, "E", "primaryType is none of the types: 'E'"),
        ({"D": [field("x", "string")]}, None, "primaryType is none of the types: None"),
        ({"D": [field("x", "string")]}, ["D"], "primaryType is none of the types"),
        ({"D": None}, "D", "the type 'D' is not a list of at most 1024 members"),
        ({"D": [field("x", "string")] * 1025}, "D", "is not a list of at most 1024 members"),
        ({"D": ["x"]}, "D", "a member of 'D' is not a name and a type"),
        ({"D": [{"name": "x"}]}, "D", "a member of 'D' is not a name and a type"),
        ({"D": [{**field("x", "string"), "note": ""}]}, "D", "is not a name and a type"),
        ({"D": [{"name": "x", "type": None}]}, "D", "a type is not a short text: None"),
        ({"D": [field("x", "S" * 161)]}, "D", "a type is not a short text"),
        ({"D": [field("x", "string"), field("x", "string")]}, "D", "the member 'x' twice"),
        ({"D": [field("x", "string")], "E": []}, "D", "a type is not used: 'E'"),
        ({"string": [field("x", "string")]}, "string", "named like a type of Solidity: 'string'"),
        ({"uint7": [field("x", "string")]}, "uint7", "named like a type of Solidity: 'uint7'"),
        ({"EIP712Domain": []}, "EIP712Domain", "named like a type of Solidity"),
        ({"D(string y)E": []}, "D", "not a name that can be signed"),
        ({"D[]": [field("x", "string")]}, "D[]", "not a name that can be signed"),
        ({"D": [field("x,string y", "string")]}, "D", "not a name that can be signed"),
        ({"D": [field("x y", "string")]}, "D", "not a name that can be signed"),
        ({"D": [field("", "string")]}, "D", "not a name that can be signed: ''"),
        ({"D": [field("x\0", "string")]}, "D", "not a name that can be signed"),
        ({"D": [field("x" * 129, "string")]}, "D", "not a name that can be signed"),
        ({"D": [{"name": 1, "type": "string"}]}, "D", "not a name that can be signed: 1"),
    ],
)
def test_types_that_break_a_rule_are_refused(types: object, primary: object, words: str) -> None:
    with pytest.raises(InvalidCredential, match=words):
        check_types(types, primary, {"x": "text"})


TYPES = {"D": [field("a", "S[]")], "S": [field("b", "string")]}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"a": [{"b": ""}], "c": 1}, "not covered by the signature: 'c'"),
        ({"a": [{"b": ""}, {"b": "", "c": 1}]}, r"not covered by the signature: 'a\[1\].c'"),
        ({}, "signed and not there: 'a'"),
        ({"a": [{"b": ""}, {}]}, r"signed and not there: 'a\[1\].b'"),
        ({"a": []}, "'a': an empty list of objects is not read"),
    ],
)
def test_document_and_types_cover_each_other(document: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidCredential, match=words):
        check_types(TYPES, "D", document)


def test_empty_list_of_lists_of_objects_is_refused_too() -> None:
    with pytest.raises(InvalidCredential, match="an empty list of objects is not read"):
        check([], "S[][]", S=[field("y", "string")])


def test_number_of_objects_is_bounded() -> None:
    check([{}] * 1023, "S[]", S=[])
    with pytest.raises(InvalidCredential, match="the document has more than 1024 objects"):
        check([{}] * 1024, "S[]", S=[])


def test_document_of_another_kind_is_refused() -> None:
    with pytest.raises(InvalidCredential, match="the document is not a value of its type 'D'"):
        check_types({"D": []}, "D", ["x"])  # type: ignore[arg-type]  # wrong on purpose


def test_only_the_value_of_the_proof_may_be_named_and_missing() -> None:
    types = {
        "D": [field("proof", "Proof"), field("inner", "Inner")],
        "Proof": [field("proofValue", "string")],
        "Inner": [field("proof", "Proof")],
    }
    with pytest.raises(InvalidCredential, match=r"signed and not there: 'inner.proof.proofValue'"):
        check_types(types, "D", {"proof": {}, "inner": {"proof": {}}})
    good = {"proof": {}, "inner": {"proof": {"proofValue": "x"}}}
    assert check_types(types, "D", good) == types

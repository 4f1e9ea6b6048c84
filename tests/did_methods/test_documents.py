"""DID documents of other people."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ethr_did.did_methods.documents import (
    MAX_DOCUMENT_BYTES,
    MAX_METHODS,
    MAX_REFERENCES,
    MAX_SERVICES,
    read_document,
    read_object,
)
from ethr_did.errors import FetchError, InvalidDocument, InvalidInput

DID = "did:web:shop.example"


def method(name: object = "#1", **members: Any) -> dict[str, Any]:
    return {"id": name, "type": "Multikey", "controller": DID, **members}


def methods(count: int) -> list[dict[str, Any]]:
    return [method(f"{DID}#{number}") for number in range(count)]


def refusal(data: object) -> str:
    with pytest.raises(InvalidDocument) as caught:
        read_document(data, DID)
    return caught.value.message


# -- bytes ---------------------------------------------------------------------------------------


def test_object_is_read() -> None:
    assert read_object(b'{"id": 1}', "it") == {"id": 1}


def test_longest_object_is_read_and_a_longer_one_is_not() -> None:
    content = b'{"a": 1}'.ljust(MAX_DOCUMENT_BYTES)
    assert read_object(content, "it") == {"a": 1}
    with pytest.raises(FetchError, match="it has 65537 bytes, more than 65536") as caught:
        read_object(content + b" ", "it")
    assert caught.value.facts["reason"] == "too_large"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"<html>",
        b'{"id": 1, "id": 2}',
        b'{"a": NaN}',
        b'{"a": 1e999}',
        b"\xef\xbb\xbf{}",
        b'{"a": "\xff"}',
        b'{"a":' + b"[" * 40 + b"]" * 40 + b"}",
        b"{} x",
    ],
)
def test_json_is_read_strictly(content: bytes) -> None:
    with pytest.raises(InvalidDocument, match="it is not JSON as it is read here") as caught:
        read_object(content, "it")
    assert isinstance(caught.value.__cause__, InvalidInput)


@pytest.mark.parametrize("content", [b"[]", b"null", b'"a"', b"7"])
def test_document_is_an_object(content: bytes) -> None:
    with pytest.raises(InvalidDocument, match="it is not a JSON object"):
        read_object(content, "it")


# -- whose ---------------------------------------------------------------------------------------


def test_document_is_read_and_kept() -> None:
    data = {
        "@context": ["https://www.w3.org/ns/did/v1"],
        "id": DID,
        "alsoKnownAs": ["https://shop.example"],
        "verificationMethod": [method(publicKeyMultibase="z6Mk")],
        "assertionMethod": ["#1"],
    }
    assert read_document(data, DID).to_dict() == data


@pytest.mark.parametrize(
    "id_",
    ["did:web:other.example", "did:web:Shop.example", f"{DID}#", f"{DID}:", "", None, 7, [DID]],
)
def test_document_of_another_did_is_refused(id_: object) -> None:
    assert "not of 'did:web:shop.example'" in refusal({"id": id_})


def test_document_without_id_is_refused() -> None:
    assert refusal({}) == "the document is that of None, not of 'did:web:shop.example'"


@pytest.mark.parametrize("data", [None, [], "a", 7])
def test_what_is_no_object_is_refused(data: object) -> None:
    assert "is not a JSON object" in refusal(data)


@pytest.mark.parametrize(
    "members",
    [
        {"verificationMethod": {}},
        {"verificationMethod": [{"id": "#1", "type": "Multikey"}]},
        {"verificationMethod": ["#1"]},
        {"assertionMethod": "#1"},
        {"assertionMethod": [7]},
        {"service": [{"id": "#s", "type": "Hub"}]},
    ],
)
def test_malformed_members_are_refused(members: dict[str, Any]) -> None:
    assert refusal({"id": DID, **members})


# -- bounds --------------------------------------------------------------------------------------


def test_most_methods_references_and_services_are_read() -> None:
    data = {
        "id": DID,
        "verificationMethod": methods(MAX_METHODS),
        "assertionMethod": ["#0"] * MAX_REFERENCES,
        "service": [
            {"id": f"#{n}", "type": "a", "serviceEndpoint": ""} for n in range(MAX_SERVICES)
        ],
    }
    assert len(read_document(data, DID).verification_method) == MAX_METHODS


def test_ten_thousand_methods_are_counted_and_not_read() -> None:
    data = {"id": DID, "verificationMethod": ["not even an object"] * 10_000}
    assert refusal(data) == "verificationMethod: 10000 in one document, more than 128"
    with pytest.raises(FetchError, match="more than 65536"):
        read_object(json.dumps(data).encode(), "it")


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("verificationMethod", MAX_METHODS),
        ("service", MAX_SERVICES),
        ("authentication", MAX_REFERENCES),
        ("assertionMethod", MAX_REFERENCES),
        ("keyAgreement", MAX_REFERENCES),
        ("capabilityInvocation", MAX_REFERENCES),
        ("capabilityDelegation", MAX_REFERENCES),
    ],
)
def test_too_many_entries_are_refused(name: str, most: int) -> None:
    data = {"id": DID, name: ["#1"] * (most + 1)}
    assert refusal(data) == f"{name}: {most + 1} in one document, more than {most}"


def test_embedded_methods_count() -> None:
    half = methods(MAX_METHODS + 1)
    data = {"id": DID, "verificationMethod": half[:100], "keyAgreement": half[100:]}
    assert refusal(data) == (
        "verification methods, embedded ones included: 129 in one document, more than 128"
    )


# -- one id, one method --------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["#1", f"{DID}#1"])
def test_two_methods_of_one_id_are_refused(other: str) -> None:
    data = {"id": DID, "verificationMethod": [method("#1"), method(other, publicKeyJwk={})]}
    assert refusal(data) == f"two verification methods have the id '{DID}#1'"


def test_embedded_method_may_not_take_the_id_of_another() -> None:
    data = {
        "id": DID,
        "verificationMethod": [method(f"{DID}#1", publicKeyMultibase="z1")],
        "assertionMethod": [method(f"{DID}#1", publicKeyMultibase="z2")],
    }
    assert "two verification methods have the id" in refusal(data)


def test_method_may_be_embedded_twice() -> None:
    data = {"id": DID, "assertionMethod": [method()], "authentication": [method()]}
    assert read_document(data, DID).find_verification_method("#1") is not None

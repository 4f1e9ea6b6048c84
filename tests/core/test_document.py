"""DID documents as values and as JSON."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ethr_did.core.document import DIDDocument, Service, VerificationMethod
from ethr_did.errors import InvalidDocument

DID = "did:example:123"
KEY = {"id": f"{DID}#key", "type": "Multikey", "controller": DID, "publicKeyMultibase": "z6"}
RELATIVE = {"id": "#relative", "type": "Multikey", "controller": DID}
HUB = {"id": f"{DID}#hub", "type": "Hub", "serviceEndpoint": "https://h.example"}
FULL: dict[str, Any] = {
    "@context": ["https://www.w3.org/ns/did/v1", {"x": "https://x.example"}],
    "id": DID,
    "alsoKnownAs": ["https://me.example"],
    "controller": [DID],
    "verificationMethod": [{**KEY, "expires": "2030-01-01T00:00:00Z"}, RELATIVE],
    "authentication": [f"{DID}#key", {**KEY, "id": f"{DID}#embedded"}],
    "assertionMethod": [],
    "keyAgreement": [f"{DID}#key"],
    "capabilityInvocation": [f"{DID}#key"],
    "capabilityDelegation": [f"{DID}#key"],
    "service": [
        {**HUB, "priority": 1},
        {"id": "#many", "type": ["A", "B"], "serviceEndpoint": [{"uri": "https://a.example"}]},
    ],
    "unknown": {"deep": [None, 1, {"x": []}]},
}


def test_document_survives_reading_and_writing() -> None:
    assert DIDDocument.from_dict(FULL).to_dict() == FULL


@pytest.mark.parametrize("name", [name for name in FULL if name != "id"])
def test_document_without_a_member_survives(name: str) -> None:
    data = {k: v for k, v in FULL.items() if k != name}
    assert DIDDocument.from_dict(data).to_dict() == data


@pytest.mark.parametrize(
    "name", ["verificationMethod", "service", "authentication", "keyAgreement", "alsoKnownAs"]
)
def test_empty_list_is_not_the_same_as_none(name: str) -> None:
    data = {"id": DID, name: []}
    assert DIDDocument.from_dict(data).to_dict() == data
    assert DIDDocument.from_dict({"id": DID}).to_dict() == {"id": DID}


def test_what_is_put_into_a_document_wins_over_what_it_held() -> None:
    document = DIDDocument.from_dict({"id": DID, "service": []})
    changed = dataclasses.replace(document, service=(Service.from_dict(HUB),))
    assert changed.to_dict()["service"] == [HUB]


def test_context_is_left_out_where_it_is_not_wanted() -> None:
    assert "@context" not in DIDDocument.from_dict(FULL).to_dict(with_context=False)


# -- finding -------------------------------------------------------------------------------------


@pytest.mark.parametrize("id_", [f"{DID}#key", "#key"])
def test_verification_method_is_found_by_its_id(id_: str) -> None:
    found = DIDDocument.from_dict(FULL).find_verification_method(id_)
    assert found is not None
    assert found.id == f"{DID}#key"


@pytest.mark.parametrize("id_", ["#embedded", "#relative", f"{DID}#relative"])
def test_embedded_and_relative_methods_are_found(id_: str) -> None:
    assert DIDDocument.from_dict(FULL).find_verification_method(id_) is not None


@pytest.mark.parametrize("id_", ["#no", "", DID, "key", "did:example:456#key"])
def test_method_that_is_not_there_is_none(id_: str) -> None:
    assert DIDDocument.from_dict(FULL).find_verification_method(id_) is None


@pytest.mark.parametrize("id_", ["#hub", f"{DID}#hub", "#many", f"{DID}#many"])
def test_service_is_found_by_its_id(id_: str) -> None:
    assert DIDDocument.from_dict(FULL).find_service(id_) is not None


def test_service_that_is_not_there_is_none() -> None:
    assert DIDDocument.from_dict(FULL).find_service("#key") is None


# -- malformed -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "path", "words"),
    [
        (None, "document", "document is not a JSON object"),
        ([], "document", "document is not a JSON object"),
        ({1: 2}, "document", "document is not a JSON object"),
        ({}, "document", "document.id is not a string: None"),
        ({"id": ""}, "document", "document.id is not a string: ''"),
        ({"id": 5}, "document", "document.id is not a string: 5"),
        ({"id": DID, "verificationMethod": {}}, "verificationMethod", "is not a list"),
        ({"id": DID, "verificationMethod": None}, "verificationMethod", "is not a list: None"),
        ({"id": DID, "verificationMethod": ["x"]}, "verificationMethod[0]", "no|not a JSON object"),
        ({"id": DID, "verificationMethod": [KEY, {}]}, "verificationMethod[1]", ".id is not"),
        ({"id": DID, "authentication": "x"}, "authentication", "authentication is not a list"),
        ({"id": DID, "authentication": [5]}, "authentication[0]", "not a JSON object: 5"),
        ({"id": DID, "service": 5}, "service", "service is not a list: 5"),
        ({"id": DID, "service": [{**HUB, "type": []}]}, "service[0]", "type is not a string"),
        ({"id": DID, "service": [{**HUB, "type": ["A", 5]}]}, "service[0]", "type is not a string"),
        (
            {"id": DID, "service": [{"id": "#a", "type": "A"}]},
            "service[0]",
            r"service\[0\].serviceEndpoint is missing",
        ),
    ],
)
def test_fault_is_named_by_its_path(data: object, path: str, words: str) -> None:
    with pytest.raises(InvalidDocument, match=words) as caught:
        DIDDocument.from_dict(data)
    assert (caught.value.facts["path"], caught.value.code) == (path, "invalid_document")


@pytest.mark.parametrize("missing", ["id", "type", "controller"])
def test_verification_method_needs(missing: str) -> None:
    with pytest.raises(InvalidDocument, match=f"verificationMethod.{missing} is not a string"):
        VerificationMethod.from_dict({k: v for k, v in KEY.items() if k != missing})


def test_endpoint_may_be_null() -> None:
    assert Service.from_dict({**HUB, "serviceEndpoint": None}).service_endpoint is None

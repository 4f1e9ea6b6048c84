"""Relative DID URLs made absolute."""

from __future__ import annotations

from ethr_did.service.relative_urls import expanded

DID = "did:example:1"


def test_ids_of_entries_are_made_absolute() -> None:
    document = {
        "id": DID,
        "verificationMethod": [{"id": "#a", "type": "Multikey", "controller": DID}],
        "service": [{"id": "#s", "serviceEndpoint": "#not-an-id"}, {"id": f"{DID}#t"}],
        "custom": [{"id": "?service=x"}, {"id": "/path"}, "#text", 5],
    }
    assert expanded(document, DID) == {
        "id": DID,
        "verificationMethod": [{"id": f"{DID}#a", "type": "Multikey", "controller": DID}],
        "service": [{"id": f"{DID}#s", "serviceEndpoint": "#not-an-id"}, {"id": f"{DID}#t"}],
        "custom": [{"id": f"{DID}?service=x"}, {"id": f"{DID}/path"}, "#text", 5],
    }


def test_references_of_relationships_are_made_absolute() -> None:
    document = {
        "id": DID,
        "authentication": ["#a", f"{DID}#b", {"id": "#c"}],
        "keyAgreement": ["#d"],
        "@context": ["#is-no-reference"],
    }
    assert expanded(document, DID) == {
        "id": DID,
        "authentication": [f"{DID}#a", f"{DID}#b", {"id": f"{DID}#c"}],
        "keyAgreement": [f"{DID}#d"],
        "@context": ["#is-no-reference"],
    }


def test_entry_by_itself_is_made_absolute() -> None:
    assert expanded({"id": "#a", "type": "Multikey"}, DID)["id"] == f"{DID}#a"


def test_what_is_absolute_stays() -> None:
    document = {"id": DID, "service": [{"id": f"{DID}#s"}, {"id": 5}], "authentication": ["x#y"]}
    assert expanded(document, DID) == document

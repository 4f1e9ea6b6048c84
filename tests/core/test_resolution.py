"""Options, results, metadata and errors of DID Resolution."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from ethr_did.core.did import EthrDID
from ethr_did.core.history import View, default_view
from ethr_did.core.resolution import (
    DereferencingResult,
    ReadAt,
    ResolutionResult,
    VersionQuery,
    choose_media_type,
    error_to_dict,
    format_time,
    metadata_to_dict,
    parse_time,
    parse_version,
)
from ethr_did.errors import (
    DeactivatedError,
    EthrDIDError,
    InvalidDID,
    InvalidOption,
    NodeUnreachable,
    NotFoundError,
    UnsupportedRepresentation,
)
from support.events import IDENTITY
from support.vectors import vectors

DID = EthrDID.parse(f"did:ethr:dev:0x{IDENTITY.hex()}")
VIEW = default_view(DID, 1337)
GONE = View(document=None, owner=IDENTITY, deactivated=True, version_id=7, updated=0)
READ_AT = ReadAt(chain_id=1337, block_number=9, block_hash=b"\xab" * 32, block_timestamp=60)


# -- versions ------------------------------------------------------------------------------------


@vectors("versions", "version")
def test_version_is_understood(vector: dict[str, Any]) -> None:
    found = parse_version(vector["parameters"], vector["versionId"], vector["versionTime"])
    assert found == VersionQuery(block_number=vector["block"], time=vector["time"])


@vectors("versions", "refused")
def test_unclear_version_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidOption) as caught:
        parse_version(vector["parameters"], vector["versionId"], vector["versionTime"])
    assert caught.value.code == "invalid_option"


def test_value_of_a_wrong_version_is_shown() -> None:
    with pytest.raises(InvalidOption, match="versionId '5abc' is not a block number") as caught:
        parse_version({"versionId": "5abc"})
    assert caught.value.facts["value"] == "'5abc'"


@pytest.mark.parametrize("seconds", [0, 1, 951_782_400, 1_767_225_600, 253_402_300_799])
def test_time_survives_writing_and_reading(seconds: int) -> None:
    assert parse_time(format_time(seconds)) == seconds


@pytest.mark.parametrize("seconds", [253_402_300_800, 2**53, 2**63, 2**64 - 1, 2**300])
def test_time_after_the_last_year_is_the_end_of_it(seconds: int) -> None:
    assert format_time(seconds) == "9999-12-31T23:59:59Z"


# -- accept --------------------------------------------------------------------------------------


@vectors("accept", "accepted")
def test_accept_chooses(vector: dict[str, Any]) -> None:
    assert choose_media_type(vector["accept"]) == vector["mediaType"]


@vectors("accept", "refused")
def test_accept_that_allows_nothing_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(UnsupportedRepresentation) as caught:
        choose_media_type(vector["accept"])
    assert caught.value.facts["value"] == vector["accept"]


@pytest.mark.parametrize("accept", [5, b"*/*", ["*/*"]])
def test_accept_is_text(accept: Any) -> None:
    with pytest.raises(UnsupportedRepresentation, match="is not a list of media types"):
        choose_media_type(accept)


def test_what_is_offered_is_said() -> None:
    with pytest.raises(UnsupportedRepresentation) as caught:
        choose_media_type("text/html", ("a/b", "c/d"))
    assert caught.value.hint == "Offered: a/b, c/d."


# -- errors --------------------------------------------------------------------------------------


def test_error_is_a_problem_with_the_older_name_beside_it() -> None:
    assert error_to_dict(InvalidDID("not a DID: 'x'", hint="Look again.")) == {
        "error": {
            "type": "https://www.w3.org/ns/did#INVALID_DID",
            "title": "Invalid did",
            "detail": "not a DID: 'x'",
            "code": "invalid_did",
            "hint": "Look again.",
        },
        "errorName": "invalidDid",
    }


@pytest.mark.parametrize(
    ("error", "type_", "name"),
    [
        (NotFoundError("x"), "NOT_FOUND", "notFound"),
        (NodeUnreachable("x"), "INTERNAL_ERROR", "internalError"),
        (InvalidOption("x"), "INVALID_OPTIONS", "invalidOptions"),
        (
            UnsupportedRepresentation("x"),
            "REPRESENTATION_NOT_SUPPORTED",
            "representationNotSupported",
        ),
    ],
)
def test_error_has_its_type(error: EthrDIDError, type_: str, name: str) -> None:
    found = error_to_dict(error)
    assert found["error"]["type"] == "https://www.w3.org/ns/did#" + type_
    assert found["errorName"] == name
    assert "hint" not in found["error"]


# -- results -------------------------------------------------------------------------------------


def test_result_as_json() -> None:
    assert VIEW.document is not None
    assert ResolutionResult(view=VIEW, read_at=READ_AT).to_dict() == {
        "didResolutionMetadata": {
            "contentType": "application/did+ld+json",
            "readAt": {
                "chainId": 1337,
                "blockNumber": 9,
                "blockHash": "0x" + "ab" * 32,
                "blockTime": "1970-01-01T00:01:00Z",
            },
        },
        "didDocument": VIEW.document.to_dict(),
        "didDocumentMetadata": {},
    }


def test_result_without_context_as_json() -> None:
    result = ResolutionResult(view=VIEW, read_at=READ_AT, media_type="application/did+json")
    assert "@context" not in result.to_dict()["didDocument"]


def test_deactivated_result_has_null_for_a_document() -> None:
    result = ResolutionResult(view=GONE, read_at=READ_AT).to_dict()
    assert result["didDocument"] is None
    assert result["didDocumentMetadata"] == {
        "deactivated": True,
        "versionId": "7",
        "updated": "1970-01-01T00:00:00Z",
    }


def test_failed_result_has_nothing_but_its_error() -> None:
    error = NotFoundError("block 9 is not mined yet")
    assert ResolutionResult(error=error).to_dict() == {
        "didResolutionMetadata": error_to_dict(error),
        "didDocument": None,
        "didDocumentMetadata": {},
    }


def test_empty_result_is_an_error_and_no_document() -> None:
    metadata = ResolutionResult().to_dict()["didResolutionMetadata"]
    assert metadata["error"]["type"].endswith("#INTERNAL_ERROR")


def test_required_document_is_the_document() -> None:
    assert ResolutionResult(view=VIEW).require_document() is VIEW.document


def test_required_document_of_a_failed_result_raises_its_error() -> None:
    error = NodeUnreachable("no answer")
    with pytest.raises(NodeUnreachable) as caught:
        ResolutionResult(error=error).require_document()
    assert caught.value is error


def test_required_document_of_a_deactivated_identity_raises() -> None:
    with pytest.raises(DeactivatedError, match="deactivated in block 7") as caught:
        ResolutionResult(view=GONE).require_document()
    assert caught.value.facts["block_number"] == 7


def test_required_document_of_an_empty_result_raises() -> None:
    with pytest.raises(DeactivatedError):
        ResolutionResult().require_document()


def test_results_that_say_the_same_are_equal() -> None:
    def failed(kind: type[EthrDIDError], words: str) -> ResolutionResult:
        return ResolutionResult(error=kind(words))

    assert failed(NotFoundError, "x") == failed(NotFoundError, "x")
    assert failed(NotFoundError, "x") != failed(NotFoundError, "y")
    assert failed(NotFoundError, "x") != failed(InvalidDID, "x")
    assert ResolutionResult(view=VIEW) == ResolutionResult(view=default_view(DID, 1337))
    assert ResolutionResult(view=VIEW) != ResolutionResult(view=default_view(DID, 1))
    assert ResolutionResult(view=VIEW) != ResolutionResult(view=VIEW, read_at=READ_AT)
    assert ResolutionResult() != "ResolutionResult()"


def test_metadata_of_an_older_version_names_the_next() -> None:
    view = dataclasses.replace(VIEW, version_id=1, updated=2, next_version_id=3, next_update=4)
    assert metadata_to_dict(view) == {
        "versionId": "1",
        "updated": "1970-01-01T00:00:02Z",
        "nextVersionId": "3",
        "nextUpdate": "1970-01-01T00:00:04Z",
    }


# -- dereferencing -------------------------------------------------------------------------------


def test_dereferenced_document_as_json() -> None:
    assert VIEW.document is not None
    result = DereferencingResult(
        content=VIEW.document, content_type="application/did+json", view=VIEW
    )
    assert result.to_dict() == {
        "dereferencingMetadata": {"contentType": "application/did+json"},
        "content": VIEW.document.to_dict(with_context=False),
        "contentMetadata": {},
    }


def test_dereferenced_entry_as_json() -> None:
    assert VIEW.document is not None
    method = VIEW.document.verification_method[0]
    result = DereferencingResult(content=method, content_type="application/did", view=VIEW)
    assert result.to_dict()["content"] == method.to_dict()


def test_dereferenced_urls_are_text() -> None:
    result = DereferencingResult(content="https://a.example", content_type="text/uri-list")
    assert result.to_dict() == {
        "dereferencingMetadata": {"contentType": "text/uri-list"},
        "content": "https://a.example",
        "contentMetadata": {},
    }


def test_failed_dereferencing_has_nothing_but_its_error() -> None:
    error = NotFoundError("no #x")
    assert DereferencingResult(error=error, view=VIEW).to_dict() == {
        "dereferencingMetadata": error_to_dict(error),
        "content": None,
        "contentMetadata": {},
    }

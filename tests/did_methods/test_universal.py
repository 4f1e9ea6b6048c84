"""Other methods, through a universal resolver."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.did_methods.documents import MAX_DOCUMENT_BYTES
from ethr_did.did_methods.universal import check_base, identifiers_url
from ethr_did.errors import (
    DeactivatedError,
    EthrDIDError,
    FetchError,
    InvalidDocument,
    InvalidOption,
    NotFoundError,
    UnsupportedMethod,
)

if TYPE_CHECKING:
    from did_methods.conftest import Resolve
    from ethr_did.did_methods import ResolvedDID
    from support.did_web import Web

BASE = "https://resolver.example"
DID = "did:ion:EiClkZMDxPKqC9c-umQfTkR8"
URL = f"{BASE}/1.0/identifiers/did%3Aion%3AEiClkZMDxPKqC9c-umQfTkR8"
DOCUMENT = {"id": DID, "assertionMethod": ["#1"]}


def answer(
    document: object = DOCUMENT, *, error: object = None, **metadata: object
) -> dict[str, Any]:
    """A resolution result."""
    told = {} if error is None else {"error": error}
    return {
        "didDocument": document,
        "didResolutionMetadata": told,
        "didDocumentMetadata": metadata,
    }


def ask(resolve: Resolve, did: str = DID, **options: Any) -> ResolvedDID:
    (found,) = resolve(did, **{"universal_url": BASE, **options})
    assert found.did == did
    return found


def error_of(resolve: Resolve, kind: type[EthrDIDError], did: str = DID) -> Any:
    found = ask(resolve, did)
    assert (found.document, found.deactivated) == (None, False)
    assert type(found.error) is kind
    return found.error


# -- asking --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "base"),
    [
        (BASE, BASE),
        (f"{BASE}/", BASE),
        (f"{BASE}/a/b//", f"{BASE}/a/b"),
        ("http://localhost:8080", "http://localhost:8080"),
    ],
)
def test_base_may_end_in_slashes(url: str, base: str) -> None:
    assert check_base(url) == base


@pytest.mark.parametrize(
    "url",
    [
        "",
        "resolver.example",
        "ftp://resolver.example",
        "https://",
        f"{BASE}?key=secret",
        f"{BASE}/#a",
        "https://user:secret@resolver.example",
        f"{BASE}/a b",
        f"{BASE}\n",
    ],
)
def test_base_that_is_none_is_refused(resolve: Resolve, url: str) -> None:
    with pytest.raises(InvalidOption, match="universal_url is no http or https URL") as caught:
        ask(resolve, universal_url=url)
    assert "secret" not in repr(caught.value.to_dict())


def test_did_is_percent_encoded() -> None:
    assert identifiers_url(BASE, "did:x:a%3Ab:c").endswith("/1.0/identifiers/did%3Ax%3Aa%253Ab%3Ac")


def test_document_is_asked_for(resolve: Resolve, web: Web) -> None:
    web.serve(URL, answer(created="2024-01-01T00:00:00Z", versionId="7"))
    found = ask(resolve)
    assert found.require_document().to_dict() == DOCUMENT
    assert (found.read_at, found.version_id, found.updated) == (None, None, None)
    assert (web.asked, web.most) == ([URL], [MAX_DOCUMENT_BYTES])
    assert web.accepted[0].startswith("application/did-resolution, application/ld+json;profile=")


@pytest.mark.parametrize("name", ["didResolutionMetadata", "didDocumentMetadata"])
@pytest.mark.parametrize("value", [None, "absent", {}])
def test_metadata_may_be_absent(resolve: Resolve, web: Web, name: str, value: object) -> None:
    result = answer()
    if value == "absent":
        del result[name]
    else:
        result[name] = value
    web.serve(URL, result)
    assert ask(resolve).require_document().id == DID


def test_it_is_off_unless_a_url_is_given(resolve: Resolve, web: Web) -> None:
    (found,) = resolve(DID)
    assert type(found.error) is UnsupportedMethod
    assert "universal_url" in found.error.hint
    assert web.asked == []


@pytest.mark.parametrize("did", ["did:ethr:0x1", "did:key:z1", "did:jwk:a", "did:pkh:a"])
def test_methods_that_are_known_here_never_go_there(resolve: Resolve, web: Web, did: str) -> None:
    assert ask(resolve, did).error is not None
    assert web.asked == []


# -- deactivated, absent, failed -----------------------------------------------------------------


@pytest.mark.parametrize("document", [None, DOCUMENT, {"id": DID}])
def test_deactivated_counts_whatever_the_document(
    resolve: Resolve, web: Web, document: object
) -> None:
    web.serve(URL, answer(document, deactivated=True))
    found = ask(resolve)
    assert (found.document, found.deactivated, found.error) == (None, True, None)
    with pytest.raises(DeactivatedError, match="was deactivated"):
        found.require_document()


def test_not_deactivated_may_be_said(resolve: Resolve, web: Web) -> None:
    web.serve(URL, answer(deactivated=False))
    assert ask(resolve).document is not None


@pytest.mark.parametrize("value", [None, "true", 1, 0, [], "false"])
def test_deactivated_is_true_or_false(resolve: Resolve, web: Web, value: object) -> None:
    web.serve(URL, answer(deactivated=value))
    assert "neither true nor false" in error_of(resolve, InvalidDocument).message


def test_410_is_deactivated(resolve: Resolve, web: Web) -> None:
    web.fail(URL, reason="status", status=410)
    found = ask(resolve)
    assert (found.document, found.deactivated, found.error) == (None, True, None)


def test_404_is_not_found(resolve: Resolve, web: Web) -> None:
    web.fail(URL, reason="status", status=404)
    error = error_of(resolve, NotFoundError)
    assert error.message == f"there is no '{DID}': {URL} answered 404"
    assert (error.hint, type(error.__cause__)) == ("Ask again.", FetchError)


@pytest.mark.parametrize(
    "facts",
    [
        {"reason": "status", "status": 400},
        {"reason": "status", "status": 500},
        {"reason": "status", "status": 501},
        {"reason": "unreachable"},
        {"reason": "timeout"},
    ],
)
def test_other_failures_are_not_found_out(
    resolve: Resolve, web: Web, facts: dict[str, Any]
) -> None:
    web.fail(URL, **facts)
    error = error_of(resolve, FetchError)
    assert error.facts["reason"] == facts["reason"]
    # In its URL there may be a key.
    assert "http" not in f"{error.message} {error.hint} {error.facts}"


@pytest.mark.parametrize(
    "error",
    [
        "notFound",
        "NOT_FOUND",
        {"type": "https://www.w3.org/ns/did#NOT_FOUND", "title": "Not found"},
        {"type": "NOT_FOUND"},
    ],
)
def test_error_not_found_is_not_found(resolve: Resolve, web: Web, error: object) -> None:
    web.serve(URL, answer(None, error=error))
    assert "says" in error_of(resolve, NotFoundError).message


@pytest.mark.parametrize(
    "error",
    [
        "invalidDid",
        "methodNotSupported",
        "internalError",
        "",
        {},
        7,
        ["notFound"],
        {"type": "https://www.w3.org/ns/did#INTERNAL_ERROR"},
        {"type": ["NOT_FOUND"]},
        False,
    ],
)
def test_other_errors_are_not_found_out(resolve: Resolve, web: Web, error: object) -> None:
    # A document beside an error is not believed.
    web.serve(URL, answer(DOCUMENT, error=error))
    found = error_of(resolve, FetchError)
    assert found.facts["reason"] == "resolver"
    assert found.hint == "Does it support the method?"


# -- hostile answers -----------------------------------------------------------------------------


def test_bare_document_is_refused(resolve: Resolve, web: Web) -> None:
    web.serve(URL, DOCUMENT)
    assert "is no resolution result" in error_of(resolve, InvalidDocument).message


@pytest.mark.parametrize(
    "result",
    [
        b"",
        b"[]",
        b'{"didDocument": null, "didDocument": {}}',
        answer(None),
        answer({}),
        answer({**DOCUMENT, "id": DID + "a"}),
        answer({**DOCUMENT, "verificationMethod": ["#1"] * 10_000}),
        {**answer(), "didDocumentMetadata": []},
        {**answer(), "didResolutionMetadata": "notFound"},
    ],
)
def test_hostile_answer_is_refused(resolve: Resolve, web: Web, result: object) -> None:
    web.serve(URL, result)
    error_of(resolve, InvalidDocument)


def test_long_answer_is_refused(resolve: Resolve, web: Web) -> None:
    web.serve(URL, answer(note="a" * MAX_DOCUMENT_BYTES))
    assert error_of(resolve, FetchError).facts["reason"] == "too_large"

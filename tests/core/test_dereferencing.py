"""What a DID URL names in a document."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.core.dereferencing import URI_LIST, offers, select
from ethr_did.core.did import DIDURL, EthrDID
from ethr_did.core.document import DIDDocument, Service, VerificationMethod
from ethr_did.core.history import default_view
from ethr_did.errors import (
    EthrDIDError,
    InvalidDIDURL,
    InvalidOption,
    NotFoundError,
    UnsupportedRepresentation,
)
from support.events import IDENTITY

DID = f"did:ethr:dev:0x{IDENTITY.hex()}"
VIEW = default_view(EthrDID.parse(DID), 1337)
KEY = VerificationMethod(id=f"{DID}#key", type="Multikey", controller=DID)


def service(number: int, endpoint: Any, kind: str | tuple[str, ...] = "Hub") -> Service:
    return Service(id=f"{DID}#service-{number}", type=kind, service_endpoint=endpoint)


HUB = service(1, "https://hub.example/a/b?c")
FILES = service(
    2, ["https://x.example", {"uri": "https://y.example"}, 5, {"no": 1}], ("Files", "X")
)
DATA = service(3, {"routing": []}, "Data")
IPFS = service(4, "ipfs://Qm123/a/b", "Ipfs")
MAIL = service(5, "mailto:me@example.com", "Mail")
FRAGMENT = service(6, "https://h.example/#top", "Fragment")
TEXT = service(7, "no uri at all", "Text")
BROKEN = service(8, "http://[::1", "Broken")
SERVICES = (HUB, FILES, DATA, IPFS, MAIL, FRAGMENT, TEXT, BROKEN)
DOCUMENT = DIDDocument(id=DID, verification_method=(KEY,), service=SERVICES)


def selected(tail: str, media_type: str | None = None) -> Any:
    return select(DIDURL.parse(DID + tail), DOCUMENT, VIEW, media_type)


def test_did_alone_names_the_document() -> None:
    result = selected("")
    assert (result.content, result.content_type) == (DOCUMENT, "application/did+ld+json")
    assert result.view is VIEW


@pytest.mark.parametrize(("tail", "first"), [("", False), ("?service=Hub", True)])
def test_urls_are_offered_first_where_a_service_is_named(tail: str, *, first: bool) -> None:
    assert (offers(DIDURL.parse(DID + tail))[0] == URI_LIST) is first


def test_asked_representation_is_kept() -> None:
    assert selected("", "application/did+json").content_type == "application/did+json"


@pytest.mark.parametrize(("tail", "expected"), [("#key", KEY), ("#service-1", HUB)])
def test_fragment_names_an_entry(tail: str, expected: object) -> None:
    assert selected(tail).content == expected


def test_fragment_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="the document holds no #nothing") as caught:
        selected("#nothing")
    assert caught.value.hint.startswith("It holds #key, #service-1, #service-2")


def test_path_means_nothing() -> None:
    with pytest.raises(NotFoundError, match="gives no meaning to the path /a"):
        selected("/a#key")


@pytest.mark.parametrize("name", ["service-1", f"{DID}%23service-1"])
def test_service_is_chosen_by_its_id(name: str) -> None:
    result = selected(f"?service={name}")
    assert (result.content, result.content_type) == ("https://hub.example/a/b?c", URI_LIST)


@pytest.mark.parametrize("kind", ["Files", "X"])
def test_service_is_chosen_by_its_type(kind: str) -> None:
    assert selected(f"?serviceType={kind}").content == "https://x.example\nhttps://y.example"


def test_service_must_be_of_both_id_and_type() -> None:
    assert selected("?service=service-1&serviceType=Hub").content == "https://hub.example/a/b?c"
    with pytest.raises(NotFoundError, match="no such service: service=service-1&serviceType=X"):
        selected("?service=service-1&serviceType=X")


def test_service_that_is_not_there_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="the document holds no such service: service=nothing"):
        selected("?service=nothing")


def test_document_asked_for_holds_the_chosen_service_only() -> None:
    result = selected("?service=service-1", "application/did+json")
    assert result.content.service == (HUB,)
    assert result.content.verification_method == (KEY,)


def test_endpoint_without_a_uri_is_not_found() -> None:
    with pytest.raises(NotFoundError, match=r"the endpoint of .*#service-3 holds no URI"):
        selected("?service=service-3")


@pytest.mark.parametrize(
    ("name", "reference", "expected"),
    [
        ("service-1", "x", "https://hub.example/a/x"),
        ("service-1", "../x%3Fy=1", "https://hub.example/x?y=1"),
        ("service-1", "/x", "https://hub.example/x"),
        ("service-1", "", "https://hub.example/a/b?c"),
        ("service-1", "%3Fd", "https://hub.example/a/b?d"),
        ("service-4", "x", "ipfs://Qm123/a/x"),
        ("service-4", "/x", "ipfs://Qm123/x"),
    ],
)
def test_reference_is_joined_to_the_endpoint(name: str, reference: str, expected: str) -> None:
    assert selected(f"?service={name}&relativeRef={reference}").content == expected


@pytest.mark.parametrize("name", ["service-1", "service-4"])
@pytest.mark.parametrize(
    "reference",
    [
        "//evil.example/x",
        "https://evil.example/x",
        "/%09/evil.example",
        "ftp://hub.example/",
        "x:y",
    ],
)
def test_reference_that_leads_away_is_refused(name: str, reference: str) -> None:
    with pytest.raises(InvalidOption, match="leads away from"):
        selected(f"?service={name}&relativeRef={reference}")


@pytest.mark.parametrize("name", ["service-5", "service-7", "service-8"])
def test_reference_cannot_be_joined_to_every_endpoint(name: str) -> None:
    with pytest.raises(InvalidOption, match="relativeRef x cannot be joined to"):
        selected(f"?service={name}&relativeRef=x")


def test_fragment_is_passed_on() -> None:
    assert selected("?service=service-1#top").content == "https://hub.example/a/b?c#top"


def test_two_fragments_contradict() -> None:
    with pytest.raises(InvalidDIDURL, match="both the DID URL and the service endpoint"):
        selected("?service=service-6#bottom")


@pytest.mark.parametrize(
    ("tail", "media_type", "kind"),
    [
        ("?relativeRef=x", None, InvalidDIDURL),
        ("#key", URI_LIST, UnsupportedRepresentation),
        ("", URI_LIST, UnsupportedRepresentation),
    ],
)
def test_contradictions_are_refused(
    tail: str, media_type: str | None, kind: type[EthrDIDError]
) -> None:
    with pytest.raises(kind):
        selected(tail, media_type)

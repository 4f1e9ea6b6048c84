"""did:web: from DIDs to URLs, and what is served there; over real TLS and in memory."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.did_methods.documents import MAX_DOCUMENT_BYTES
from ethr_did.did_methods.web import web_url
from ethr_did.errors import (
    EthrDIDError,
    FetchError,
    InvalidDID,
    InvalidDocument,
    NotFoundError,
)
from support.vectors import load_vectors, vectors
from support.web_server import RESET, head, redirect, whole

if TYPE_CHECKING:
    from did_methods.conftest import Resolve
    from support.did_web import Web
    from support.web_server import WebServer

DID = "did:web:shop.example"
URL = "https://shop.example/.well-known/did.json"
WELL_KNOWN = "/.well-known/did.json"


def document_of(did: str) -> dict[str, Any]:
    method = {"id": f"{did}#1", "type": "Multikey", "controller": did, "publicKeyMultibase": "z6Mk"}
    return {"id": did, "verificationMethod": [method], "assertionMethod": [method["id"]]}


def served(document: object, **headers: Any) -> bytes:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    return whole(body, **headers)


def error_of(resolve: Resolve, did: str, kind: type[EthrDIDError], **options: Any) -> Any:
    """The error of a DID that cannot be resolved; it is of exactly that class."""
    (found,) = resolve(did, **options)
    assert found.did == did
    assert found.document is None
    assert type(found.error) is kind
    return found.error


# -- URLs ----------------------------------------------------------------------------------------


@vectors("did_methods", "web")
def test_document_is_where_the_specification_says(vector: dict[str, Any]) -> None:
    assert web_url(vector["did"]) == vector["url"]


@pytest.mark.parametrize(
    ("identifier", "url"),
    [
        ("Shop.Example", "https://shop.example/.well-known/did.json"),
        ("shop.example%3a8443", "https://shop.example:8443/.well-known/did.json"),
        ("localhost%3A8443", "https://localhost:8443/.well-known/did.json"),
        ("xn--bcher-kva.example:a", "https://xn--bcher-kva.example/a/did.json"),
        ("a.b:C_d:1-2.e", "https://a.b/C_d/1-2.e/did.json"),
        ("a.b:%C3%A4:%20", "https://a.b/%C3%A4/%20/did.json"),
        ("1.a:...", "https://1.a/.../did.json"),
    ],
)
def test_did_is_made_into_a_url(identifier: str, url: str) -> None:
    assert web_url(f"did:web:{identifier}") == url


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "1",
        "0x7f.1",
        "10.0.0.0x1",
        "example.1",
        "%5B%3A%3A1%5D",
        "user%40example.com",
        "example.com%2Fpath",
        "example.com.",
        ".example.com",
        "a..b",
        "-a.b",
        "a-.b",
        "a_b.example",
        "%65xample.com",
        "a" * 64 + ".example",
        ".".join(["a" * 62] * 5),
        "%3A443",
    ],
)
def test_host_is_a_name_and_no_address(host: str) -> None:
    with pytest.raises(InvalidDID, match="a did:web without a host name"):
        web_url(f"did:web:{host}")


@pytest.mark.parametrize(
    "port", ["%3A", "%3A0", "%3A0443", "%3A65536", "%3A1%3A2", "%3Aa", "%3A-1"]
)
def test_port_is_a_number(port: str) -> None:
    with pytest.raises(InvalidDID, match="a did:web whose port is none"):
        web_url(f"{DID}{port}")


@pytest.mark.parametrize(
    "path",
    [":a", "..", ".", "a:..:b", "%2e%2E", "%2E", "a%2Fb", "a%5cb", "%252e", "a%00", "%7F", "%0A"],
)
def test_path_that_servers_read_differently_is_refused(path: str) -> None:
    with pytest.raises(InvalidDID, match="in its path") as caught:
        web_url(f"{DID}:{path}")
    assert "would not agree" in caught.value.hint


@pytest.mark.parametrize("did", ["did:web:", f"{DID}:", f"{DID}/a", "did:key:a", "shop.example"])
def test_what_is_no_did_web_is_refused(did: str) -> None:
    with pytest.raises(InvalidDID):
        web_url(did)


# -- over https ----------------------------------------------------------------------------------


def test_document_is_fetched(over_https: Resolve, server: WebServer) -> None:
    did = f"{DID}%3A{server.port}"
    server.on(WELL_KNOWN, served(document_of(did), content_type="text/plain"))
    (found,) = over_https(did)
    assert found.require_document().to_dict() == document_of(did)
    assert (found.read_at, found.version_id, found.updated, found.deactivated) == (
        None,
        None,
        None,
        False,
    )
    assert b"Accept: application/did, application/did+ld+json" in server.asked[0]


def test_document_at_a_path_is_fetched(over_https: Resolve, server: WebServer) -> None:
    did = f"{DID}%3A{server.port}:user:alice"
    server.on("/user/alice/did.json", served(document_of(did)))
    assert over_https(did)[0].require_document().id == did


def test_private_address_is_refused(over_https: Resolve, server: WebServer) -> None:
    error = error_of(over_https, f"{DID}%3A{server.port}", FetchError, allow_private=False)
    assert error.facts["reason"] == "forbidden"
    assert "loopback" in error.message
    assert server.connections == 0


def test_port_of_another_service_is_refused(over_https: Resolve) -> None:
    error = error_of(over_https, f"{DID}%3A22", FetchError)
    assert error.facts["reason"] == "forbidden"


def test_host_without_certificate_is_refused(over_https: Resolve, server: WebServer) -> None:
    error = error_of(over_https, f"did:web:third.example%3A{server.port}", FetchError)
    assert error.facts["reason"] == "tls"


def test_long_document_is_not_read_to_its_end(over_https: Resolve, server: WebServer) -> None:
    server.on(WELL_KNOWN, head(200, content_length=MAX_DOCUMENT_BYTES + 1))
    error = error_of(over_https, f"{DID}%3A{server.port}", FetchError)
    assert error.facts["reason"] == "too_large"


@pytest.mark.parametrize("status", [404, 410])
def test_document_that_is_gone_is_not_found(
    over_https: Resolve, server: WebServer, status: int
) -> None:
    did = f"{DID}%3A{server.port}"
    server.on(WELL_KNOWN, whole(b"", status=status))
    error = error_of(over_https, did, NotFoundError)
    assert error.message.startswith(f"there is no '{did}': ")
    assert error.hint
    assert error.__cause__.facts["status"] == status


@pytest.mark.parametrize("answer", [whole(b"", status=500), whole(b"", status=403), RESET])
def test_other_failures_are_not_found_out(
    over_https: Resolve, server: WebServer, answer: bytes | str
) -> None:
    server.on(WELL_KNOWN, answer)
    error_of(over_https, f"{DID}%3A{server.port}", FetchError)


def test_redirect_within_the_host_is_followed(over_https: Resolve, server: WebServer) -> None:
    did = f"{DID}%3A{server.port}"
    server.on(WELL_KNOWN, redirect("/did.json"))
    server.on("/did.json", served(document_of(did)))
    assert over_https(did)[0].require_document().id == did


def test_redirect_to_another_host_is_refused(over_https: Resolve, server: WebServer) -> None:
    did = f"{DID}%3A{server.port}"
    server.on(WELL_KNOWN, redirect(f"https://other.example:{server.port}/did.json"))
    server.on("/did.json", served(document_of(did)))
    error = error_of(over_https, did, FetchError)
    assert error.facts["reason"] == "redirect"
    assert f"leads to another host, other.example:{server.port}" in error.message


# -- in memory -----------------------------------------------------------------------------------


def test_default_port_may_be_named(resolve: Resolve, web: Web) -> None:
    did = f"{DID}%3A443"
    web.serve("https://shop.example:443/.well-known/did.json", document_of(did), url=URL)
    assert resolve(did)[0].error is None


@pytest.mark.parametrize(
    "members",
    [
        {"url": "https://shop.example:8443/did.json"},
        {"url": "http://shop.example/.well-known/did.json"},
        {"redirects": ("https://other.example/",)},
    ],
)
def test_document_from_or_through_elsewhere_is_refused(
    resolve: Resolve, web: Web, members: dict[str, Any]
) -> None:
    web.serve(URL, document_of(DID), **members)
    error_of(resolve, DID, FetchError)


def test_document_of_the_specification_is_read(resolve: Resolve, web: Web) -> None:
    (example,) = load_vectors("did_methods", "web-document")
    web.serve("https://example.com/.well-known/did.json", example["document"])
    (found,) = resolve("did:web:example.com")
    assert found.require_document().to_dict() == example["document"]


@pytest.mark.parametrize(
    "document",
    [
        document_of("did:web:other.example"),
        document_of("did:web:SHOP.example"),
        {"didDocument": document_of(DID)},
        b'{"id": "did:web:other.example", "id": "did:web:shop.example"}',
        b"<html>",
        {"id": DID, "verificationMethod": ["#1"] * 10_000},
        {"id": DID, "assertionMethod": {}},
    ],
)
def test_hostile_document_is_refused(resolve: Resolve, web: Web, document: object) -> None:
    web.serve(URL, document)
    error_of(resolve, DID, InvalidDocument)


def test_long_document_is_refused_whoever_let_it_pass(resolve: Resolve, web: Web) -> None:
    web.serve(URL, json.dumps(document_of(DID)).encode().ljust(MAX_DOCUMENT_BYTES + 1))
    assert error_of(resolve, DID, FetchError).facts["reason"] == "too_large"
    assert web.most == [MAX_DOCUMENT_BYTES]

"""From DID URLs to what they name."""

from __future__ import annotations

import pytest

from support.fake_chain import FakeChain, Person

ALICE, BOB = Person.named("alice"), Person.named("bob")


def test_fragment_names_a_verification_method(fake: FakeChain) -> None:
    fake.add_delegate(ALICE, "veriKey", BOB)
    result = fake.resolver().dereference(f"{ALICE.did}#delegate-1").to_dict()
    assert result["content"]["blockchainAccountId"] == f"eip155:1337:{BOB.account}"
    assert result["contentMetadata"]["versionId"] == str(fake.head)


def test_version_counts(fake: FakeChain) -> None:
    fake.add_delegate(ALICE, "veriKey", BOB)
    resolver = fake.resolver()
    for result in (
        resolver.dereference(f"{ALICE.did}?versionId=0#delegate-1"),
        resolver.dereference(f"{ALICE.did}#delegate-1", version_id=0),
        resolver.dereference(f"{ALICE.did}#delegate-1", version_time="1970-01-01T00:00:00Z"),
    ):
        assert result.error is not None
        assert result.error.code == "not_found"
        assert result.error.hint == "It holds #controller."


def test_service_gives_its_url(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", "https://h.example/a/")
    result = fake.resolver().dereference(
        f"{ALICE.did}?service=service-1&relativeRef=b%3Fc", accept="text/uri-list"
    )
    assert (result.content, result.content_type) == ("https://h.example/a/b?c", "text/uri-list")


@pytest.mark.parametrize("accept", [None, "", "*/*", "text/*", "text/uri-list"])
def test_a_service_is_for_its_urls_unless_a_document_is_asked_for(
    fake: FakeChain, accept: str | None
) -> None:
    fake.add_service(ALICE, "Hub", "https://hub.example", 10**9)
    result = fake.resolver().dereference(f"{ALICE.did}?service=service-1", accept=accept)
    assert (result.content, result.content_type) == ("https://hub.example", "text/uri-list")


@pytest.mark.parametrize(
    ("url", "accept", "code"),
    [
        ("did:ethr:nonsense#controller", None, "invalid_did"),
        (f"{ALICE.did}#controller", "text/html", "unsupported_representation"),
        (f"{ALICE.did}#nothing", None, "not_found"),
        (f"{ALICE.did}?relativeRef=x", None, "invalid_did_url"),
        (f"{ALICE.did}?versionId=x", None, "invalid_option"),
        (f"{ALICE.did}?versionId=99", None, "not_found"),
    ],
)
def test_what_cannot_be_dereferenced_is_an_error_in_the_result(
    fake: FakeChain, url: str, accept: str | None, code: str
) -> None:
    result = fake.resolver().dereference(url, accept=accept)
    assert result.error is not None
    assert result.error.code == code
    assert result.to_dict()["content"] is None


def test_endpoint_that_is_no_url_is_an_error_in_the_result(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", "http://[::1")
    result = fake.resolver().dereference(f"{ALICE.did}?service=service-1&relativeRef=x")
    assert result.error is not None
    assert result.error.code == "invalid_option"


def test_deactivated_identity_has_nothing_to_dereference(fake: FakeChain) -> None:
    block = fake.deactivate(ALICE)
    result = fake.resolver().dereference(f"{ALICE.did}#controller")
    assert result.error is not None
    assert result.error.code == "deactivated"
    assert result.error.facts["block_number"] == block


def test_dead_node_is_an_error_in_the_result(fake: FakeChain) -> None:
    fake.dead = TimeoutError("no answer")
    result = fake.resolver().dereference(f"{ALICE.did}#controller")
    assert result.error is not None
    assert result.error.code == "node_unreachable"

"""Which answer an Accept asks for."""

from __future__ import annotations

import pytest

from ethr_did.errors import UnsupportedRepresentation
from ethr_did.service.negotiation import (
    DEREFERENCING,
    DOCUMENTS,
    OLDER_RESOLUTION,
    RESOLUTION,
    Choice,
    Envelope,
    choose,
)

LD, DID, JSON, PLAIN_LD = DOCUMENTS
URIS = "text/uri-list"


def chosen(accept: str | None, option: str | None = None, *, is_part: bool = False) -> str:
    return choose(accept, option, is_part=is_part).media_type


@pytest.mark.parametrize(
    "accept", [None, "", "  ", ",", "*/*", "application/*", "text/html, */*;q=0.1"]
)
def test_document_is_for_whoever_does_not_ask(accept: str | None) -> None:
    assert choose(accept) == Choice(envelope=Envelope.NONE, media_type=LD, form=LD)


@pytest.mark.parametrize(
    "media_type", [*DOCUMENTS, URIS, RESOLUTION, OLDER_RESOLUTION, DEREFERENCING]
)
def test_what_is_named_is_chosen(media_type: str) -> None:
    assert chosen(media_type) == media_type


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (f"{JSON};q=0.9, {DID};q=0.8", JSON),
        (f"{JSON};q=0.8, {DID};q=0.9", DID),
        (f"{DID}, {JSON}", DID),
        (f"{JSON}, {DID}", DID),
        (f"{LD};q=0, */*", DID),
        (f"*/*;q=0.9, {JSON};q=0.8", LD),
        (f"application/*;q=0.2, */*;q=0.9, {JSON};q=0.1", LD),
        (f"{RESOLUTION}, {DID}", RESOLUTION),
        (f"{DID}, {RESOLUTION}", RESOLUTION),
        (f"{RESOLUTION};q=0.5, {DID}", DID),
        (f"{RESOLUTION};q=0.5, */*", LD),
        (f"{RESOLUTION}, */*", RESOLUTION),
        (f"{RESOLUTION};q=0, {DID}", DID),
        ("APPLICATION/DID-RESOLUTION", RESOLUTION),
        (f"{JSON};q=0.1, {JSON};q=0.9, {DID};q=0.5", JSON),
        ("application/did+json; charset=utf-8", JSON),
        ('application/did+json; note="a, b"; q=1.000', JSON),
    ],
)
def test_most_welcome_is_chosen(accept: str, expected: str) -> None:
    assert chosen(accept) == expected


@pytest.mark.parametrize(
    "accept",
    [
        "application/ld+json;profile=https://w3id.org/did-resolution",
        'application/ld+json; Profile="https://w3id.org/did-resolution"',
    ],
)
def test_older_name_of_a_result_is_known_by_its_profile(accept: str) -> None:
    if '"' in accept:
        assert choose(accept).envelope is Envelope.RESOLUTION
    else:  # a token has no colon
        with pytest.raises(UnsupportedRepresentation):
            choose(accept)


def test_json_ld_of_another_profile_is_a_document() -> None:
    assert (
        chosen('application/ld+json;profile="http://www.w3.org/ns/json-ld#compacted"') == PLAIN_LD
    )


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        (RESOLUTION, LD),
        (f"{RESOLUTION}, {JSON}", JSON),
        (f"{RESOLUTION}, {JSON};q=0.5, {DID};q=0.6", DID),
        (f"{RESOLUTION}, {JSON};q=0", LD),
        (f"{RESOLUTION}, {URIS}", LD),
        (f"{DEREFERENCING}, {URIS}", URIS),
        (f"{OLDER_RESOLUTION},{JSON}", JSON),
    ],
)
def test_document_in_a_result_has_the_form_that_is_named(accept: str, form: str) -> None:
    assert choose(accept).form == form


def test_result_fits_what_is_asked_about() -> None:
    both = f"{RESOLUTION}, {DEREFERENCING}"
    assert chosen(both) == RESOLUTION
    assert chosen(both, is_part=True) == DEREFERENCING


@pytest.mark.parametrize(
    ("accept", "option", "media_type", "form"),
    [
        (None, JSON, JSON, JSON),
        ("*/*", JSON, JSON, JSON),
        (DID, JSON, JSON, JSON),
        (None, RESOLUTION, RESOLUTION, LD),
        (RESOLUTION, JSON, RESOLUTION, JSON),
        (DEREFERENCING, URIS, DEREFERENCING, URIS),
    ],
)
def test_option_says_in_which_form_the_document_is(
    accept: str | None, option: str, media_type: str, form: str
) -> None:
    found = choose(accept, option)
    assert (found.media_type, found.form) == (media_type, form)


@pytest.mark.parametrize(
    "accept",
    [
        "text/html",
        "text/*",
        "application/json",
        f"{LD};q=0",
        "*/*;q=0",
        "application/did;q=2",
        "application/did;q=",
        "application/did;q=0.0001",
        "application/did;",
        "application",
        "application/did application/did",
        "*",
        "\xff",
        "\x00",
        'application/did;a="b',
        "a/b," * 300,
    ],
)
def test_anything_else_is_refused(accept: str) -> None:
    with pytest.raises(UnsupportedRepresentation):
        choose(accept)


def test_option_of_another_kind_is_refused() -> None:
    with pytest.raises(UnsupportedRepresentation, match="no representation"):
        choose(RESOLUTION, "text/html")

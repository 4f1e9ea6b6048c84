"""Documents that carry a status list: what is built."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ethr_did.core.bitstring import BitOrder, Bitstring, decode_ietf, decode_w3c
from ethr_did.core.list_documents import (
    ACCEPT,
    IETF_DRAFT,
    DocumentForm,
    ListTerms,
    Served,
    Unsigned,
    build_document,
    document_of_words,
    form_of,
    order_of,
    serve,
    version_url,
)
from ethr_did.core.status_entry import StatusMessage
from ethr_did.core.status_list import Flag, ListId, Purpose
from ethr_did.errors import InvalidStatusList
from support.vectors import load_vectors

URL = "https://lists.example/1"
ISSUER = "did:ethr:0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"
EMPTY = Bitstring.empty(131_072, bits=1, order=BitOrder.MSB_FIRST)
SMALL = Bitstring(data=bytes.fromhex("b9a3"), bits=1, order=BitOrder.LSB_FIRST)
MESSAGES = tuple(StatusMessage(value=n, message=f"meaning {n}") for n in range(4))
W3C, IETF = DocumentForm.W3C, DocumentForm.IETF


def terms(**more: Any) -> ListTerms:
    return ListTerms(**{"url": URL, "issuer": ISSUER, "valid_from": 1_767_225_600, **more})


def list_id(**more: Any) -> ListId:
    rules = {"purpose": Purpose.REVOCATION, "bits": 1, "capacity": 131_072, "random": bytes(27)}
    return ListId.build(**{**rules, **more})


# -- W3C -----------------------------------------------------------------------------------------


def test_credential_is_the_example_of_the_specification() -> None:
    (vector,) = (v for v in load_vectors("list_documents") if v["id"] == "w3c-credential")
    expected = vector["document"]
    made = build_document(
        EMPTY,
        terms(url=vector["url"], issuer=vector["issuer"], valid_from=vector["valid_from"]),
        W3C,
    )
    # The example's subject has an address of its own.
    expected["credentialSubject"]["id"] = "https://example.com/credentials/status/3#list"
    assert json.loads(made.payload) == expected
    assert list(made.claims) == list(expected)


def test_credential_says_how_long_it_is_good_and_may_be_kept() -> None:
    made = build_document(EMPTY, terms(valid_until=1_767_830_400, ttl=900), W3C).claims
    assert made["validFrom"] == "2026-01-01T00:00:00Z"
    assert made["validUntil"] == "2026-01-08T00:00:00Z"
    assert made["credentialSubject"]["ttl"] == 900_000


def test_credential_of_wide_entries_says_their_width_and_what_they_mean() -> None:
    wide = Bitstring.empty(131_072, bits=2, order=BitOrder.MSB_FIRST)
    made = build_document(wide, terms(purpose=Purpose.LIFECYCLE, messages=MESSAGES), W3C)
    subject = made.claims["credentialSubject"]
    assert (subject["statusPurpose"], subject["statusSize"]) == ("lifecycle", 2)
    assert subject["statusMessage"][3] == {"status": "0x3", "message": "meaning 3"}
    assert "statusMessage" not in build_document(wide, terms(), W3C).claims["credentialSubject"]


def test_credential_of_single_bits_may_have_messages_but_no_width() -> None:
    made = build_document(EMPTY, terms(messages=MESSAGES[:2]), W3C).claims["credentialSubject"]
    assert "statusSize" not in made
    assert len(made["statusMessage"]) == 2


def test_messages_for_some_values_only_are_refused() -> None:
    with pytest.raises(InvalidStatusList, match="has 2 messages or none, not 3") as caught:
        build_document(EMPTY, terms(messages=MESSAGES[:3]), W3C)
    assert caught.value.facts["status_error"] == "MALFORMED_VALUE_ERROR"


def test_credential_of_a_short_list_is_not_built() -> None:
    short = Bitstring.empty(65_536, bits=1, order=BitOrder.MSB_FIRST)
    with pytest.raises(InvalidStatusList, match="must have at least 131072") as caught:
        build_document(short, terms(), W3C)
    assert caught.value.facts["status_error"] == "STATUS_LIST_LENGTH_ERROR"


# -- IETF ----------------------------------------------------------------------------------------


def test_token_has_the_claims_of_the_example_of_the_draft() -> None:
    (vector,) = (v for v in load_vectors("list_documents") if v["id"] == "ietf-claims")
    made = build_document(
        SMALL,
        terms(
            url=vector["url"],
            valid_from=vector["valid_from"],
            valid_until=vector["valid_until"],
            ttl=vector["ttl"],
        ),
        IETF,
    )
    assert made.claims == {**vector["document"], "iss": ISSUER}
    assert made.header == {"typ": "statuslist+jwt"}


def test_token_without_terms_has_no_more_than_it_must() -> None:
    made = build_document(SMALL, terms(), IETF).claims
    assert set(made) == {"iss", "sub", "iat", "status_list"}
    assert set(made["status_list"]) == {"bits", "lst"}


def test_token_says_where_all_lists_of_the_issuer_are() -> None:
    made = build_document(SMALL, terms(aggregation_url="https://lists.example/all"), IETF)
    assert made.claims["status_list"]["aggregation_uri"] == "https://lists.example/all"


def test_draft_is_named_once() -> None:
    assert IETF_DRAFT == 21


# -- both ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", list(DocumentForm))
def test_same_list_gives_the_same_bytes(form: DocumentForm) -> None:
    first, second = (build_document(EMPTY, terms(ttl=60), form).payload for _ in range(2))
    assert first == second


@pytest.mark.parametrize("form", list(DocumentForm))
def test_bits_are_in_the_order_of_the_form_whatever_they_were_in(form: DocumentForm) -> None:
    wide = Bitstring.of_values({7: 3}, bits=2, capacity=131_072, order=BitOrder.LSB_FIRST)
    other = wide.in_order(BitOrder.MSB_FIRST)
    assert build_document(wide, terms(), form) == build_document(other, terms(), form)


def test_form_of_a_list_is_in_its_id() -> None:
    assert form_of(list_id(flags=Flag.ANCHORED)) is W3C
    assert form_of(list_id(flags=Flag.ANCHORED | Flag.LSB_FIRST)) is IETF
    assert [order_of(form) for form in (W3C, IETF)] == [BitOrder.MSB_FIRST, BitOrder.LSB_FIRST]


@pytest.mark.parametrize(
    ("form", "media_type"), [(W3C, "application/vc"), (IETF, "application/json")]
)
def test_without_a_signature_the_claims_are_served(form: DocumentForm, media_type: str) -> None:
    made = build_document(EMPTY, terms(), form)
    assert serve(made) == Served(content=made.payload, media_type=media_type)
    assert media_type in ACCEPT[form]


def test_signature_is_somebody_else_s_work() -> None:
    def sign(document: Unsigned, /) -> Served:
        kind = document.header["typ"]
        return Served(content=b"signed " + document.payload[:1], media_type=f"application/{kind}")

    served = serve(build_document(SMALL, terms(), IETF), sign)
    assert served == Served(content=b"signed {", media_type="application/statuslist+jwt")


# -- lists on chain ------------------------------------------------------------------------------


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
def test_list_on_chain_is_rebuilt_in_both_forms(bits: int) -> None:
    listed = list_id(purpose=Purpose.SUSPENSION, bits=bits)
    words = [0] * listed.word_count
    word, shift = listed.position_of(94_567)
    words[word] = 1 << shift | 77 << 208
    credential = document_of_words(words, listed, terms(), W3C).claims["credentialSubject"]
    claims = document_of_words(words, listed, terms(), IETF).claims["status_list"]
    assert credential["statusPurpose"] == "suspension"
    for found in (
        decode_w3c(credential["encodedList"], bits=bits, entries=131_072),
        decode_ietf(claims["lst"], bits=bits, entries=131_072),
    ):
        assert found.value_at(94_567) == 1
        assert sum(found.values()) == 1


def test_list_on_chain_with_a_word_missing_is_not_rebuilt() -> None:
    with pytest.raises(InvalidStatusList, match="has 631 words, not 630"):
        document_of_words([0] * 630, list_id(), terms(), IETF)


# -- where versions are --------------------------------------------------------------------------


def test_versions_are_beside_the_current_one_and_nowhere_else() -> None:
    name = "0e" * 32
    assert version_url("https://a.example/1/current", b"\x0e" * 32) == f"https://a.example/1/{name}"
    for url in ("https://a.example/1/list", "https://a.example/1/current/", "current.json"):
        assert version_url(url, b"\x0e" * 32) is None

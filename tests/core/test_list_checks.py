"""Documents that carry a status list: what is read of them, and what is refused."""

from __future__ import annotations

import base64
import json
import tracemalloc
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.core.bitstring import BitOrder, Bitstring, encode_w3c
from ethr_did.core.list_checks import (
    CHECKS,
    Expected,
    check_document,
    expand,
    longest_document,
    read_document,
    value_in,
)
from ethr_did.core.list_documents import DocumentForm, ListTerms, build_document, order_of
from ethr_did.core.status_list import Purpose
from ethr_did.errors import InvalidStatusList
from support.vectors import vectors

URL = "https://lists.example/1"
NOW = 1_767_225_600
W3C, IETF = DocumentForm.W3C, DocumentForm.IETF
EMPTY = Bitstring.empty(131_072, bits=1, order=BitOrder.MSB_FIRST)
TERMS = ListTerms(url=URL, issuer="did:example:1", valid_from=NOW, valid_until=NOW + 100)
every_form = pytest.mark.parametrize("form", list(DocumentForm))
DELETE = object()


def changed(claims: Any, path: str, value: object) -> Any:
    """The claims with one member changed, or without it."""
    made = json.loads(json.dumps(claims))
    *parents, last = path.split(".")
    inner = made
    for name in parents:
        inner = inner[name]
    if value is DELETE:
        del inner[last]
    else:
        inner[last] = value
    return made


def document(form: DocumentForm, path: str = "", value: object = None) -> bytes:
    """A good document, or one with a member that is not."""
    claims = build_document(EMPTY, TERMS, form).claims
    return json.dumps(changed(claims, path, value) if path else claims).encode()


def segment(value: object) -> str:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def token(form: DocumentForm, header: object, signature: bytes = b"signature") -> bytes:
    claims = build_document(EMPTY, TERMS, form).claims
    return ".".join([segment(header), segment(claims), segment(signature)]).encode()


def error_of(content: bytes, form: DocumentForm, **expected: Any) -> tuple[str, str]:
    """Name and words of what is wrong with a document."""
    with pytest.raises(InvalidStatusList) as caught:
        check_document(read_document(content, form), Expected(**{"now": NOW, **expected}))
    return caught.value.facts["status_error"], caught.value.message


# -- what others wrote ---------------------------------------------------------------------------


@vectors("list_documents")
def test_document_of_others_says_what_they_mean(vector: dict[str, Any]) -> None:
    content = vector["text"] if "text" in vector else json.dumps(vector["document"])
    form = DocumentForm(vector["kind"])
    found = read_document(content.encode(), form)
    assert {
        "url": found.url,
        "issuer": found.issuer,
        "purposes": list(found.purposes),
        "valid_from": found.valid_from,
        "valid_until": found.valid_until,
        "ttl": found.ttl,
        "bits": found.bits,
        "signed": found.is_signed,
    }.items() <= vector.items()
    bitstring = check_document(
        found,
        Expected(
            now=vector["valid_from"],
            url=vector["url"],
            purpose=Purpose.REVOCATION,
            bits=1,
            entries=vector["entries"],
        ),
    )
    values = {index: value for index, value in enumerate(bitstring.values()) if value}
    assert values == dict(vector["statuses"])


# -- round trip ----------------------------------------------------------------------------------


@every_form
@given(
    bits=st.sampled_from([1, 2, 4, 8]),
    entries=st.dictionaries(st.integers(0, 131_071), st.integers(0, 255), max_size=20),
    ttl=st.none() | st.integers(1, 10**6),
    end=st.none() | st.integers(NOW, NOW + 10**9),
)
def test_what_was_built_is_read_again(
    form: DocumentForm, bits: int, entries: dict[int, int], ttl: int | None, end: int | None
) -> None:
    values = {index: value % (1 << bits) for index, value in entries.items()}
    made = Bitstring.of_values(values, bits=bits, capacity=131_072, order=order_of(form))
    terms = ListTerms(url=URL, issuer="did:example:1", valid_from=NOW, valid_until=end, ttl=ttl)
    found = read_document(build_document(made, terms, form).payload, form)
    assert (found.url, found.issuer, found.is_signed) == (URL, "did:example:1", False)
    assert (found.valid_from, found.valid_until, found.ttl) == (NOW, end, ttl)
    expected = Expected(now=NOW, url=URL, purpose=Purpose.REVOCATION, bits=bits, entries=131_072)
    assert check_document(found, expected) == made
    assert len(build_document(made, terms, form).payload) < longest_document(131_072, bits)


# -- tokens --------------------------------------------------------------------------------------


def test_type_of_a_token_may_be_written_with_its_family() -> None:
    found = read_document(token(IETF, {"alg": "ES256", "typ": "application/StatusList+jwt"}), IETF)
    assert found.is_signed


@pytest.mark.parametrize("kind", ["vc+jwt", "vc+ld+jwt", "JWT", None])
def test_credential_may_be_served_as_a_token(kind: str | None) -> None:
    header = {"alg": "ES256", **({"typ": kind} if kind else {})}
    assert read_document(token(W3C, header), W3C).is_signed


@every_form
@pytest.mark.parametrize("algorithm", ["none", "None", "", None, 1, DELETE])
def test_token_that_only_looks_signed_is_refused(form: DocumentForm, algorithm: object) -> None:
    header = {"alg": algorithm, "typ": "statuslist+jwt" if form is IETF else "vc+jwt"}
    if algorithm is DELETE:
        del header["alg"]
    kind, words = error_of(token(form, header), form)
    assert kind == "STATUS_VERIFICATION_ERROR"
    assert "not signed" in words


def test_token_without_a_signature_is_refused() -> None:
    kind, words = error_of(token(IETF, {"alg": "ES256", "typ": "statuslist+jwt"}, b""), IETF)
    assert (kind, words) == ("STATUS_VERIFICATION_ERROR", "the token has no signature")


def test_token_that_asks_for_what_nobody_knows_is_refused() -> None:
    header = {"alg": "ES256", "typ": "statuslist+jwt", "crit": ["b64"], "b64": False}
    assert "crit is not understood" in error_of(token(IETF, header), IETF)[1]


@pytest.mark.parametrize(
    ("form", "kind"),
    [(IETF, "JWT"), (IETF, None), (IETF, 1), (IETF, "vc+jwt"), (W3C, "statuslist+jwt"), (W3C, [])],
)
def test_token_of_another_type_is_refused(form: DocumentForm, kind: object) -> None:
    assert "typ of the token is" in error_of(token(form, {"alg": "ES256", "typ": kind}), form)[1]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<html>",
        b"[]",
        b" {}",
        b"a.b",
        b"a.b.c.d",
        b"e30=.e30.e30",
        b"e30.e30.e30 ",
        b"e31.e30.e30",
        b"a.e30.e30",
        b"W10.e30.e30",
        b"e30.e30.e30",
        segment({"alg": "ES256", "x": "y" * 20_000}).encode() + b".e30.e30",
        b'{"sub": "a", "sub": "b"}',
        b"{" * 100,
    ],
)
@every_form
def test_what_is_no_document_is_refused(form: DocumentForm, content: bytes) -> None:
    with pytest.raises(InvalidStatusList) as caught:
        read_document(content, form)
    assert caught.value.facts["status_error"] in (
        "MALFORMED_VALUE_ERROR",
        "STATUS_VERIFICATION_ERROR",
    )


def test_payload_that_is_no_object_is_refused() -> None:
    header = segment({"alg": "ES256", "typ": "statuslist+jwt"})
    assert "not a JSON object" in error_of(f"{header}.W10.e30".encode(), IETF)[1]


# -- members -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("type", DELETE),
        ("type", "VerifiableCredential"),
        ("type", ["StatusList2021Credential"]),
        ("id", 1),
        ("issuer", DELETE),
        ("issuer", {"name": "Example"}),
        ("issuer", ""),
        ("validFrom", "2026-01-01"),
        ("validFrom", "2026-01-01T00:00:00"),
        ("validUntil", "2026-02-31T00:00:00Z"),
        ("validUntil", "2026-01-01T00:00:00+99:00"),
        ("validUntil", 1_767_225_600),
        ("credentialSubject", DELETE),
        ("credentialSubject", []),
        ("credentialSubject.type", "BitstringStatus"),
        ("credentialSubject.statusPurpose", DELETE),
        ("credentialSubject.statusPurpose", []),
        ("credentialSubject.statusPurpose", [1]),
        ("credentialSubject.statusPurpose", ["revocation"] * 17),
        ("credentialSubject.encodedList", DELETE),
        ("credentialSubject.encodedList", ["u"]),
        ("credentialSubject.encodedList", "uH4sI"),
        ("credentialSubject.encodedList", "H4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAA"),
        ("credentialSubject.statusSize", 0),
        ("credentialSubject.statusSize", 3),
        ("credentialSubject.statusSize", "1"),
        ("credentialSubject.statusSize", True),
        ("credentialSubject.ttl", -1),
        ("credentialSubject.ttl", 1.5),
        ("credentialSubject.ttl", "300"),
    ],
)
def test_malformed_member_of_a_credential_is_refused(path: str, value: object) -> None:
    assert error_of(document(W3C, path, value), W3C)[0] == "MALFORMED_VALUE_ERROR"


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("sub", DELETE),
        ("sub", ""),
        ("iss", 1),
        ("iat", DELETE),
        ("iat", "1686920170"),
        ("iat", True),
        ("iat", -1),
        ("iat", 2**60),
        ("exp", None),
        ("ttl", 0),
        ("ttl", -5),
        ("ttl", "60"),
        ("status_list", DELETE),
        ("status_list", []),
        ("status_list.bits", DELETE),
        ("status_list.bits", 0),
        ("status_list.bits", 3),
        ("status_list.bits", 16),
        ("status_list.bits", 1.0),
        ("status_list.bits", True),
        ("status_list.lst", DELETE),
        ("status_list.lst", "eNrbuRgAAhcBXQ=="),
        ("status_list.lst", "eNrbuRgAAhc"),
    ],
)
def test_malformed_member_of_a_token_is_refused(path: str, value: object) -> None:
    assert error_of(document(IETF, path, value), IETF)[0] == "MALFORMED_VALUE_ERROR"


def test_fractions_of_seconds_are_taken_as_the_stricter_second() -> None:
    made = changed(json.loads(document(IETF)), "iat", NOW + 0.5)
    found = read_document(json.dumps(changed(made, "exp", NOW + 9.5)).encode(), IETF)
    assert (found.valid_from, found.valid_until) == (NOW + 1, NOW + 9)


# -- what is compared ----------------------------------------------------------------------------


@every_form
def test_list_of_another_address_is_refused(form: DocumentForm) -> None:
    kind, words = error_of(document(form), form, url="https://lists.example/2")
    assert kind == "STATUS_VERIFICATION_ERROR"
    assert "'https://lists.example/1'" in words


def test_credential_may_leave_its_address_out() -> None:
    found = read_document(document(W3C, "id", DELETE), W3C)
    assert check_document(found, Expected(now=NOW, url=URL)) == EMPTY


@every_form
def test_list_of_another_issuer_is_refused(form: DocumentForm) -> None:
    expected = {"is_issuer": lambda issuer: issuer == "did:example:2"}
    assert "issued by 'did:example:1'" in error_of(document(form), form, **expected)[1]
    mine = Expected(now=NOW, is_issuer=lambda issuer: issuer == "did:example:1")
    assert check_document(read_document(document(form), form), mine).value_at(0) == 0


def test_token_need_not_name_an_issuer() -> None:
    found = read_document(document(IETF, "iss", DELETE), IETF)
    check_document(found, Expected(now=NOW, is_issuer=lambda _: False))


@every_form
@pytest.mark.parametrize(("now", "good"), [(-61, False), (-60, True), (100, True), (101, False)])
def test_list_is_good_in_its_time_only(form: DocumentForm, now: int, *, good: bool) -> None:
    found, expected = read_document(document(form), form), Expected(now=NOW + now)
    if good:
        check_document(found, expected)
    else:
        with pytest.raises(InvalidStatusList, match="valid") as caught:
            check_document(found, expected)
        assert caught.value.facts["status_error"] == "STATUS_VERIFICATION_ERROR"


def test_list_for_another_purpose_is_refused() -> None:
    kind, words = error_of(document(W3C), W3C, purpose=Purpose.SUSPENSION)
    assert kind == "STATUS_VERIFICATION_ERROR"
    assert words == "the list is for revocation, not for suspension"


@every_form
def test_list_of_another_width_is_refused(form: DocumentForm) -> None:
    member = "credentialSubject.statusSize" if form is W3C else "status_list.bits"
    kind, words = error_of(document(form, member, 2), form, bits=1)
    assert kind == "STATUS_VERIFICATION_ERROR"
    assert words == "the list has 2 bits for each entry, not 1"


def test_width_of_the_entry_counts_where_the_list_names_none() -> None:
    found = read_document(document(W3C), W3C)
    kind, _ = error_of(document(W3C), W3C, bits=2)
    assert kind == "STATUS_LIST_LENGTH_ERROR"
    assert expand(found, Expected(now=NOW, bits=2, least=65_536)).bits == 2


@every_form
def test_list_of_another_length_is_refused(form: DocumentForm) -> None:
    assert error_of(document(form), form, entries=262_144)[0] == "STATUS_LIST_LENGTH_ERROR"
    assert "holds more than" in error_of(document(form), form, entries=65_536, least=1)[1]


def test_list_too_short_to_hide_anybody_is_refused() -> None:
    short = Bitstring.empty(65_536, bits=1, order=BitOrder.MSB_FIRST)
    content = document(W3C, "credentialSubject.encodedList", encode_w3c(short))
    assert error_of(content, W3C)[0] == "STATUS_LIST_LENGTH_ERROR"


@every_form
def test_list_that_decompresses_into_too_much_costs_no_more_than_allowed(
    form: DocumentForm,
) -> None:
    bomb = zlib.compressobj(9, zlib.DEFLATED, 31 if form is W3C else 15)
    packed = b"".join(bomb.compress(bytes(1 << 20)) for _ in range(64)) + bomb.flush()
    member = "credentialSubject.encodedList" if form is W3C else "status_list.lst"
    text = ("u" if form is W3C else "") + segment(packed)
    content = document(form, member, text)
    tracemalloc.start()
    kind, words = error_of(content, form, bits=1, entries=131_072)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kind == "MALFORMED_VALUE_ERROR"
    assert "more than the" in words
    assert peak < 1 << 20


def test_checks_are_named_for_reports() -> None:
    names = ["address", "issuer", "validity", "purpose", "entry size"]
    assert [check.name for check in CHECKS] == names


def test_index_behind_the_end_is_a_range_error() -> None:
    assert value_in(EMPTY, 131_071) == 0
    with pytest.raises(InvalidStatusList) as caught:
        value_in(EMPTY, 131_072)
    assert caught.value.facts["status_error"] == "RANGE_ERROR"

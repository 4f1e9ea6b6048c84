"""Documents that carry a status list, read and checked.

Rules:
  * Signatures are not verified here; whether there is one is said. A list whose digest is the one
    on chain needs none.
  * ``alg: none`` is refused, as is a header with ``crit``: nobody here keeps what it asks for.
  * JSON is read strictly, lengths are bounded before anything is decoded.
  * Checks go in the order of the specifications: what the list says of itself, its time, its
    purpose, then the statuses. Time is a parameter; nothing is compared with a clock.
  * The member ``statusMessage`` of a list is not read: the issuer commits to messages in the entry.
  * Errors carry the name that the W3C gives them as the fact ``status_error``.

Spec: Bitstring Status List 1.0, sections 2.2 and 3.2; Token Status List, draft 21, sections 5.1 and
8.3; VC Data Model 2.0, section 4.9; Securing VCs using JOSE and COSE, section 3; RFC 7515.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.base64url import decode_base64url
from ethr_did.core.bitstring import (
    MAX_LIST_BYTES,
    MIN_W3C_ENTRIES,
    Bitstring,
    decode_ietf,
    decode_w3c,
)
from ethr_did.core.date_time import parse_date_time
from ethr_did.core.list_documents import (
    CREDENTIAL_TYPE,
    JWT_TYPES,
    SUBJECT_TYPE,
    DocumentForm,
    StatusError,
    check_length,
    list_error,
)
from ethr_did.core.strict_json import read_json
from ethr_did.errors import InvalidInput, InvalidStatusEntry, InvalidStatusList, shown

if TYPE_CHECKING:
    from ethr_did.core.status_list import Purpose

__all__ = [
    "CHECKS",
    "DEFAULT_TTL",
    "Check",
    "Expected",
    "ListDocument",
    "check_document",
    "document_of_claims",
    "expand",
    "longest_document",
    "read_document",
    "value_in",
]

DEFAULT_TTL: Final = 300
"""Seconds for a list that does not say; so the W3C, section 2.2."""

_OTHER_TYPES = ("vc+ld+jwt", "jwt", None)
"""``typ`` of credentials before the name was settled; it is optional there."""
_MAX_HEADER = 16_384
_MAX_MEMBERS = 65_536
"""Bytes for all of a document but its list; a proof with certificates has its place."""
_LARGEST_NUMBER = 1 << 53
_MAX_PURPOSES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class ListDocument:
    """What a document says; nothing of it was compared with anything yet."""

    form: DocumentForm
    is_signed: bool
    """Whether there is a signature or proof. It is not verified."""
    url: str | None
    """``id`` or ``sub``."""
    issuer: str | None
    purposes: tuple[str, ...]
    """None in IETF lists."""
    bits: int | None
    """Of each entry; None if it is not said, which is usual in W3C lists."""
    valid_from: int | None
    """Unix seconds."""
    valid_until: int | None
    """The last good one, Unix seconds."""
    ttl: int | None
    """Seconds; None if it is not said."""
    encoded: str = field(repr=False)
    """The compressed list."""


def longest_document(entries: int, bits: int) -> int:
    """Bytes that a document of a list may have, however badly it is compressed and wrapped."""
    packed = entries * bits // 8 * 9 // 8 + 1024
    return packed * 4 // 3 * 4 // 3 + _MAX_MEMBERS


def read_document(content: bytes, form: DocumentForm) -> ListDocument:
    """What a document says.

    Args:
        content: as it was served: JSON, or a token in compact form.
        form: of which standard it must be.

    Raises:
        InvalidStatusList: it is no such document, or a member has not the form it must have.
    """
    if content[:1] == b"{":
        claims = _read_object(content, "the list")
        return document_of_claims(claims, form, is_signed="proof" in claims)
    header, claims = _read_token(content)
    _check_header(header, form)
    return document_of_claims(claims, form, is_signed=True)


def document_of_claims(
    claims: Mapping[str, Any], form: DocumentForm, *, is_signed: bool
) -> ListDocument:
    """What the claims of a document say that was taken apart already.

    Args:
        claims: of the token, or the credential itself.
        form: of which standard it must be.
        is_signed: whether there was a signature or proof.

    Raises:
        InvalidStatusList: it is no such document, or a member has not the form it must have.
    """
    return _READERS[form](claims, is_signed=is_signed)


def _read_object(data: bytes, what: str) -> dict[str, Any]:
    try:
        value = read_json(data)
    except InvalidInput as cause:
        raise list_error(StatusError.MALFORMED, f"{what} is {cause.message}") from cause
    if not isinstance(value, dict):
        raise list_error(StatusError.MALFORMED, f"{what} is not a JSON object: {shown(value)}")
    return value


def _read_token(content: bytes) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a JWS in compact form.

    Spec: RFC 7515, sections 3.1 and 5.2.
    """
    parts = content.split(b".", 3)
    if len(parts) != 3:  # noqa: PLR2004 - header, payload, signature
        raise list_error(
            StatusError.MALFORMED,
            f"neither a JSON object nor a token: {shown(content[:40])}",
            hint="Is this the address of a status list?",
        )
    header, payload, signature = (_decoded(part) for part in parts)
    if not signature:
        raise list_error(StatusError.VERIFICATION, "the token has no signature")
    if len(header) > _MAX_HEADER:
        raise list_error(StatusError.MALFORMED, f"the header of the token has {len(header)} bytes")
    return _read_object(header, "the header of the token"), _read_object(payload, "the token")


def _decoded(part: bytes) -> bytes:
    try:
        return decode_base64url(part)
    except InvalidInput as cause:
        raise list_error(
            StatusError.MALFORMED, f"a part of the token is not base64url: {shown(part[:40])}"
        ) from cause


def _check_header(header: Mapping[str, Any], form: DocumentForm) -> None:
    """Raises unless the token is one of that form, and at least claims to be signed."""
    algorithm, kind = header.get("alg"), header.get("typ")
    if not isinstance(algorithm, str) or algorithm.lower() in ("", "none"):
        raise list_error(
            StatusError.VERIFICATION,
            f"the token is not signed: alg is {shown(algorithm)}",
            hint="A list without a signature is served as plain JSON, and needs an anchor.",
        )
    if "crit" in header:
        raise list_error(
            StatusError.VERIFICATION, f"crit is not understood: {shown(header['crit'])}"
        )
    name = kind.lower().removeprefix("application/") if isinstance(kind, str) else kind
    known = JWT_TYPES[form]
    if name != known and (form is DocumentForm.IETF or name not in _OTHER_TYPES):
        raise list_error(StatusError.MALFORMED, f"typ of the token is {shown(kind)}, not {known}")


def _read_credential(claims: Mapping[str, Any], *, is_signed: bool) -> ListDocument:
    _check_type(claims.get("type"), CREDENTIAL_TYPE, "type")
    subject = claims.get("credentialSubject")
    if not isinstance(subject, Mapping):
        raise list_error(
            StatusError.MALFORMED, f"credentialSubject is not one object: {shown(subject)}"
        )
    _check_type(subject.get("type"), SUBJECT_TYPE, "credentialSubject.type")
    bits = _optional(subject, "statusSize", _whole)
    ttl = _optional(subject, "ttl", _whole)
    start, end = (_optional(claims, name, _moment) for name in ("validFrom", "validUntil"))
    return ListDocument(
        form=DocumentForm.W3C,
        is_signed=is_signed,
        url=_optional(claims, "id", _text),
        issuer=_issuer(claims.get("issuer")),
        purposes=_purposes(subject.get("statusPurpose")),
        bits=bits,
        valid_from=None if start is None else math.ceil(start),
        valid_until=None if end is None else math.floor(end),
        ttl=None if ttl is None else ttl // 1000,
        encoded=_text(subject.get("encodedList"), "encodedList"),
    )


def _read_claims(claims: Mapping[str, Any], *, is_signed: bool) -> ListDocument:
    listed = claims.get("status_list")
    if not isinstance(listed, Mapping):
        raise list_error(StatusError.MALFORMED, f"status_list is not an object: {shown(listed)}")
    ttl = _optional(claims, "ttl", _number)
    if ttl is not None and ttl <= 0:
        raise list_error(StatusError.MALFORMED, f"ttl is not a positive number: {shown(ttl)}")
    end = _optional(claims, "exp", _number)
    return ListDocument(
        form=DocumentForm.IETF,
        is_signed=is_signed,
        url=_text(claims.get("sub"), "sub"),
        issuer=_optional(claims, "iss", _text),
        purposes=(),
        bits=_whole(listed.get("bits"), "status_list.bits"),
        valid_from=math.ceil(_number(claims.get("iat"), "iat")),
        valid_until=None if end is None else math.ceil(end) - 1,
        ttl=None if ttl is None else math.floor(ttl),
        encoded=_text(listed.get("lst"), "status_list.lst"),
    )


_READERS: dict[DocumentForm, Callable[..., ListDocument]] = {
    DocumentForm.W3C: _read_credential,
    DocumentForm.IETF: _read_claims,
}


def _optional(members: Mapping[str, Any], name: str, read: Callable[[object, str], Any]) -> Any:
    return read(members[name], name) if name in members else None


def _check_type(value: object, expected: str, name: str) -> None:
    if expected not in (value if isinstance(value, list) else [value]):
        raise list_error(StatusError.MALFORMED, f"{name} does not name {expected}: {shown(value)}")


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise list_error(StatusError.MALFORMED, f"{name} is not a text: {shown(value)}")
    return value


def _whole(value: object, name: str) -> int:
    if type(value) is not int or not 0 <= value < _LARGEST_NUMBER:
        raise list_error(
            StatusError.MALFORMED, f"{name} is not a whole number from 0: {shown(value)}"
        )
    return value


def _number(value: object, name: str) -> int | float:
    if type(value) not in (int, float) or not 0 <= value < _LARGEST_NUMBER:  # type: ignore[operator]  # a number by then
        raise list_error(
            StatusError.MALFORMED, f"{name} is not a number of seconds: {shown(value)}"
        )
    return value  # type: ignore[return-value]  # as above


def _moment(value: object, name: str) -> float:
    try:
        return parse_date_time(value)
    except InvalidInput as cause:
        raise list_error(
            StatusError.MALFORMED, f"{name} is {cause.message}", hint=cause.hint
        ) from cause


def _issuer(value: object) -> str:
    return _text(value.get("id") if isinstance(value, Mapping) else value, "issuer")


def _purposes(value: object) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    if not 0 < len(given) <= _MAX_PURPOSES:
        raise list_error(StatusError.MALFORMED, f"statusPurpose has {len(given)} values")
    return tuple(_text(item, "statusPurpose") for item in given)


# -- checking ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Expected:
    """What a document has to say for whoever reads it."""

    now: int
    """Unix seconds."""
    url: str | None = None
    """Of the entry; None if only the list is looked at."""
    purpose: Purpose | None = None
    """Of the entry or list id; None for any. W3C only."""
    bits: int | None = None
    """Of the entry or list id; None for what the document says."""
    entries: int | None = None
    """By the list id; the list then has exactly as many."""
    is_issuer: Callable[[str], bool] | None = None
    """Whether somebody may be the issuer of the list; None for anybody."""
    least: int = MIN_W3C_ENTRIES
    """Entries that a W3C list has at least."""
    most: int = MAX_LIST_BYTES
    """Bytes that the list may hold, uncompressed."""
    skew: int = 60
    """Seconds by which the issuer's clock may be ahead."""


@dataclass(frozen=True, slots=True)
class Check:
    """One thing to compare."""

    name: str
    """For reports."""
    run: Callable[[ListDocument, Expected], None]
    """Raises ``InvalidStatusList``."""


def check_document(document: ListDocument, expected: Expected) -> Bitstring:
    """The statuses, if everything is as it has to be.

    Raises:
        InvalidStatusList: it is not; the first thing that is wrong.
    """
    for check in CHECKS:
        check.run(document, expected)
    return expand(document, expected)


def _check_url(document: ListDocument, expected: Expected) -> None:
    # The W3C leaves the id out or has it match; the IETF wants it to be equal.
    if expected.url is not None and document.url not in (None, expected.url):
        raise list_error(
            StatusError.VERIFICATION,
            f"the list is that of {shown(document.url)}, not of {shown(expected.url)}",
        )


def _check_issuer(document: ListDocument, expected: Expected) -> None:
    if expected.is_issuer is None or document.issuer is None:
        return
    if not expected.is_issuer(document.issuer):
        raise list_error(
            StatusError.VERIFICATION,
            f"the list is issued by {shown(document.issuer)}, not by whom it should be",
        )


def _check_period(document: ListDocument, expected: Expected) -> None:
    start, end = document.valid_from, document.valid_until
    if start is not None and expected.now + expected.skew < start:
        raise list_error(
            StatusError.VERIFICATION,
            f"the list is not valid before {start}, and it is {expected.now}",
            hint="Is the clock right?",
        )
    if end is not None and expected.now > end:
        raise list_error(
            StatusError.VERIFICATION,
            f"the list was valid until {end}, and it is {expected.now}",
            hint="Its issuer has to publish it again.",
        )


def _check_purpose(document: ListDocument, expected: Expected) -> None:
    if document.form is DocumentForm.IETF or expected.purpose is None:
        return
    if expected.purpose.text not in document.purposes:
        raise list_error(
            StatusError.VERIFICATION,
            f"the list is for {', '.join(document.purposes)}, not for {expected.purpose.text}",
        )


def _check_width(document: ListDocument, expected: Expected) -> None:
    if None not in (document.bits, expected.bits) and document.bits != expected.bits:
        raise list_error(
            StatusError.VERIFICATION,
            f"the list has {document.bits} bits for each entry, not {expected.bits}",
        )


CHECKS: Final = (
    Check("address", _check_url),
    Check("issuer", _check_issuer),
    Check("validity", _check_period),
    Check("purpose", _check_purpose),
    Check("entry size", _check_width),
)
"""What is compared before the statuses are looked at, in order."""


def expand(document: ListDocument, expected: Expected) -> Bitstring:
    """The statuses of a document, decompressed within bounds.

    Raises:
        InvalidStatusList: broken, too long or too short.
    """
    said = 1 if document.bits is None else document.bits
    bits = said if expected.bits is None else expected.bits
    room = expected.most
    if expected.entries is not None:
        room = min(room, -(-expected.entries * bits // 8))
    try:
        if document.form is DocumentForm.W3C:
            found = decode_w3c(document.encoded, bits=bits, least=1, most=room)
        else:
            found = decode_ietf(document.encoded, bits=bits, most=room)
    except InvalidStatusList as cause:
        raise list_error(StatusError.MALFORMED, cause.message, hint=cause.hint) from cause
    if document.form is DocumentForm.W3C:
        check_length(found, expected.least)
    if expected.entries is not None and len(found.data) != -(-expected.entries * bits // 8):
        raise list_error(
            StatusError.LIST_LENGTH,
            f"the list has {len(found)} entries, and must have {expected.entries}",
        )
    return found


def value_in(bitstring: Bitstring, index: int) -> int:
    """One entry.

    Raises:
        InvalidStatusList: the list has no such entry.
    """
    try:
        return bitstring.value_at(index)
    except InvalidStatusEntry as cause:
        raise list_error(StatusError.RANGE, cause.message) from cause

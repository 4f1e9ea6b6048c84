"""Documents that carry a status list, built: W3C list credentials and IETF Status List Tokens.

Rules:
  * The exact bytes count: an anchor on chain holds their SHA-256. What is built here is the same
    every time.
  * Nothing is signed here. ``serve`` is the one place where a signature comes in; without one, a
    credential is served as it is, and a token as its claims in plain JSON. Never as a token with
    ``alg: none``: it looks signed to those who look fleetingly.
  * ``ttl`` is in milliseconds in W3C lists and in seconds in IETF ones; in values here always in
    seconds. ``exp`` is the first second that is too late, ``validUntil`` the last good one; in
    values here always the last good one.

Spec: Bitstring Status List 1.0, sections 2.2 and 3.1; Token Status List, draft 21, section 5.1.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Protocol

from ethr_did.core.bitstring import (
    MIN_W3C_ENTRIES,
    BitOrder,
    Bitstring,
    encode_w3c,
    ietf_to_dict,
)
from ethr_did.core.resolution import format_time
from ethr_did.core.status_list import Flag, ListId, Purpose
from ethr_did.core.strict_json import write_json
from ethr_did.errors import InvalidStatusList

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ethr_did.core.status_entry import StatusMessage

__all__ = [
    "ACCEPT",
    "CREDENTIAL_TYPE",
    "CURRENT_NAME",
    "IETF_DRAFT",
    "JWT_TYPES",
    "SUBJECT_TYPE",
    "DocumentForm",
    "ListTerms",
    "Served",
    "Sign",
    "StatusError",
    "Unsigned",
    "build_document",
    "check_length",
    "document_of_words",
    "form_of",
    "list_error",
    "order_of",
    "serve",
    "version_name",
    "version_url",
]

IETF_DRAFT: Final = 21
"""The draft of the Token Status List that is written and read here."""

CREDENTIAL_TYPE: Final = "BitstringStatusListCredential"
SUBJECT_TYPE: Final = "BitstringStatusList"

_VC_CONTEXT = "https://www.w3.org/ns/credentials/v2"


class DocumentForm(StrEnum):
    """The two standards."""

    W3C = "w3c"
    IETF = "ietf"


class StatusError(StrEnum):
    """The names of the W3C for what can be wrong with a list; used for both forms."""

    RETRIEVAL = "STATUS_RETRIEVAL_ERROR"
    VERIFICATION = "STATUS_VERIFICATION_ERROR"
    LIST_LENGTH = "STATUS_LIST_LENGTH_ERROR"
    RANGE = "RANGE_ERROR"
    MALFORMED = "MALFORMED_VALUE_ERROR"


ACCEPT: Final[Mapping[DocumentForm, str]] = MappingProxyType(
    {
        DocumentForm.W3C: "application/vc+jwt, application/vc, application/vc+ld+json;q=0.9,"
        " application/ld+json;q=0.8, application/json;q=0.7",
        DocumentForm.IETF: "application/statuslist+jwt, application/json;q=0.5",
    }
)
"""The media types to ask for."""

JWT_TYPES: Final[Mapping[DocumentForm, str]] = MappingProxyType(
    {DocumentForm.W3C: "vc+jwt", DocumentForm.IETF: "statuslist+jwt"}
)
"""``typ`` in the header of a token."""

_UNSIGNED_TYPES = {DocumentForm.W3C: "application/vc", DocumentForm.IETF: "application/json"}
_ORDERS = {DocumentForm.W3C: BitOrder.MSB_FIRST, DocumentForm.IETF: BitOrder.LSB_FIRST}


def list_error(kind: StatusError, message: str, *, hint: str = "") -> InvalidStatusList:
    """The error for a list that cannot be used; returned, not raised."""
    return InvalidStatusList(message, hint=hint, status_error=kind.value)


def form_of(list_id: ListId) -> DocumentForm:
    """The form of an anchored list; its bit order says it."""
    return DocumentForm.IETF if Flag.LSB_FIRST in list_id.flags else DocumentForm.W3C


def order_of(form: DocumentForm) -> BitOrder:
    """The bit order of a form."""
    return _ORDERS[form]


# -- building ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ListTerms:
    """What a document says beside the statuses."""

    url: str
    """Where the list is served; in the entries of its credentials."""
    issuer: str
    """A DID."""
    valid_from: int
    """Unix seconds."""
    valid_until: int | None = None
    """The last good one, Unix seconds."""
    purpose: Purpose = Purpose.REVOCATION
    """W3C only."""
    ttl: int | None = None
    """Seconds for which readers may keep the list."""
    messages: tuple[StatusMessage, ...] = ()
    """One for each value, or none. W3C only."""
    aggregation_url: str | None = None
    """Where the addresses of all lists of the issuer are. IETF only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsigned:
    """A document before it is signed."""

    form: DocumentForm
    header: Mapping[str, Any]
    """What the protected header of a token must hold."""
    claims: Mapping[str, Any] = field(repr=False)

    @property
    def payload(self) -> bytes:
        """The claims as JSON; the same bytes every time."""
        return write_json(self.claims)


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """What a web server gives out."""

    content: bytes = field(repr=False)
    media_type: str


class Sign(Protocol):
    """Makes of a document what is served: a token, or a credential with a proof in it."""

    def __call__(self, document: Unsigned, /) -> Served:
        """The document with its signature."""


def serve(document: Unsigned, sign: Sign | None = None) -> Served:
    """What is served of a document: signed, or the bare claims if there is nothing to sign with."""
    if sign is not None:
        return sign(document)
    return Served(content=document.payload, media_type=_UNSIGNED_TYPES[document.form])


def build_document(bitstring: Bitstring, terms: ListTerms, form: DocumentForm) -> Unsigned:
    """The document of a list.

    Args:
        bitstring: all statuses; in either order.
        terms: what else it says.
        form: of which standard.

    Raises:
        InvalidStatusList: W3C lists have 131,072 entries or more, and a message for each value or
            for none.

    Example:
        >>> two = Bitstring(data=bytes.fromhex("b9a3"), bits=1, order=BitOrder.LSB_FIRST)
        >>> terms = ListTerms(url="https://a.example/1", issuer="did:ethr:0x…", valid_from=1)
        >>> build_document(two, terms, DocumentForm.IETF).claims["status_list"]
        {'bits': 1, 'lst': 'eNrbuRgAAhcBXQ'}
    """
    if form is DocumentForm.IETF:
        return Unsigned(
            form=form, header={"typ": JWT_TYPES[form]}, claims=_token_claims(bitstring, terms)
        )
    check_length(bitstring, MIN_W3C_ENTRIES)
    if len(terms.messages) not in (0, 1 << bitstring.bits):
        raise list_error(
            StatusError.MALFORMED,
            f"a list with {bitstring.bits} bits for each entry has {1 << bitstring.bits} messages"
            f" or none, not {len(terms.messages)}",
        )
    return Unsigned(
        form=form, header={"typ": JWT_TYPES[form]}, claims=_credential(bitstring, terms)
    )


def document_of_words(
    words: Sequence[int], list_id: ListId, terms: ListTerms, form: DocumentForm
) -> Unsigned:
    """The document of a list on chain, so that readers of either standard can read it.

    Args:
        words: all of them, as the registry stores them.
        list_id: of the list.
        terms: what else the document says; the purpose is that of the list id.
        form: of which standard.

    Raises:
        InvalidStatusList: there are more or fewer words than the list has, or the list is too
            short for the W3C.
    """
    bitstring = Bitstring.of_words(
        words, bits=list_id.bits, capacity=list_id.capacity, order=order_of(form)
    )
    return build_document(bitstring, replace(terms, purpose=list_id.purpose), form)


def _credential(bitstring: Bitstring, terms: ListTerms) -> dict[str, Any]:
    """The claims of a list credential, in the order of the specification's example."""
    claims: dict[str, Any] = {
        "@context": [_VC_CONTEXT],
        "id": terms.url,
        "type": ["VerifiableCredential", CREDENTIAL_TYPE],
        "issuer": terms.issuer,
        "validFrom": format_time(terms.valid_from),
    }
    if terms.valid_until is not None:
        claims["validUntil"] = format_time(terms.valid_until)
    subject: dict[str, Any] = {
        "id": f"{terms.url}#list",
        "type": SUBJECT_TYPE,
        "statusPurpose": terms.purpose.text,
    }
    if terms.ttl is not None:
        subject["ttl"] = terms.ttl * 1000
    if bitstring.bits > 1:
        subject["statusSize"] = bitstring.bits
    if terms.messages:
        subject["statusMessage"] = [message.to_dict() for message in terms.messages]
    subject["encodedList"] = encode_w3c(bitstring)
    return {**claims, "credentialSubject": subject}


def _token_claims(bitstring: Bitstring, terms: ListTerms) -> dict[str, Any]:
    claims: dict[str, Any] = {"iss": terms.issuer, "sub": terms.url, "iat": terms.valid_from}
    if terms.valid_until is not None:
        claims["exp"] = terms.valid_until + 1
    if terms.ttl is not None:
        claims["ttl"] = terms.ttl
    listed = ietf_to_dict(bitstring)
    if terms.aggregation_url is not None:
        listed["aggregation_uri"] = terms.aggregation_url
    return {**claims, "status_list": listed}


def check_length(bitstring: Bitstring, least: int) -> None:
    """Raises ``InvalidStatusList`` for a list of fewer entries."""
    if len(bitstring) < least:
        raise list_error(
            StatusError.LIST_LENGTH,
            f"the list has {len(bitstring)} entries, and must have at least {least}",
            hint="Among fewer entries a holder is easily told from the others.",
        )


# -- where versions are --------------------------------------------------------------------------

CURRENT_NAME: Final = "current"
"""Last part of the address of a list whose other versions are beside it."""


def version_name(content_digest: bytes) -> str:
    """The name of a version: its digest, so that it never names another one."""
    return content_digest.hex()


def version_url(list_url: str, content_digest: bytes) -> str | None:
    """Where one version of a list is; None if the address of the list does not say.

    Args:
        list_url: of the current version.
        content_digest: of the version.

    Example:
        >>> version_url("https://a.example/1/current", bytes(32))[:30]
        'https://a.example/1/0000000000'
    """
    folder, slash, name = list_url.rpartition("/")
    if name != CURRENT_NAME:
        return None
    return folder + slash + version_name(content_digest)

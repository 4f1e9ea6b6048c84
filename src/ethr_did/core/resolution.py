"""The DID Resolution functions' inputs and outputs, as values.

Rules:
  * ``versionId`` is a decimal block number; ``versionTime`` is UTC, ``YYYY-MM-DDThh:mm:ssZ``.
    Anything else, and both at once, is an error: falling back to the newest version would answer
    another question than the one asked.
  * ``accept`` is what HTTP's Accept is (RFC 9110 section 12.5.1).
  * An error is an object as in RFC 9457 with a type of DID Resolution section 10; the older
    camel-case name stands beside it.
  * A deactivated identity has no document, and ``deactivated: true``.

Spec: DID Resolution v0.3 sections 4, 5 and 10; DID Core 1.0 section 7.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ethr_did.core.did import VERSION_PARAMETERS
from ethr_did.errors import (
    DeactivatedError,
    EthrDIDError,
    InvalidOption,
    UnsupportedRepresentation,
    outcome_of,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ethr_did.core.document import DIDDocument, Service, VerificationMethod
    from ethr_did.core.history import View

__all__ = [
    "DEFAULT_MEDIA_TYPE",
    "DereferencingResult",
    "ReadAt",
    "ResolutionResult",
    "VersionQuery",
    "choose_media_type",
    "error_to_dict",
    "format_time",
    "parse_time",
    "parse_version",
]

DEFAULT_MEDIA_TYPE = "application/did+ld+json"
"""The representation given when nothing is asked for, as the reference resolver does."""

WITHOUT_CONTEXT = "application/did+json"

DOCUMENT_TYPES = (DEFAULT_MEDIA_TYPE, "application/did", WITHOUT_CONTEXT)
"""Representations of a document, the preferred first."""

MEDIA_TYPES = (*DOCUMENT_TYPES, "application/did-resolution")
"""What ``accept`` may choose when resolving. The last stands for the whole result."""

ERROR_TYPE = "https://www.w3.org/ns/did#"

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_NUMBER = re.compile(r"0|[1-9][0-9]{0,15}", re.ASCII)
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_MEDIA_RANGE = re.compile(
    rf"\s*(?P<type>{_WORD}/{_WORD})(?P<parameters>(?:\s*;\s*{_WORD}=(?:{_WORD}|\"[^\"]*\"))*)\s*"
)
_QUALITY = re.compile(r";\s*[qQ]=(?P<value>[^;\s]+)")
_QVALUE = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


@dataclass(frozen=True, slots=True, kw_only=True)
class VersionQuery:
    """Which version of a document is asked for; neither member means the newest."""

    block_number: int | None = None
    """State after this block."""
    time: int | None = None
    """State at this Unix second."""


def parse_version(
    parameters: Mapping[str, str], version_id: object = None, version_time: object = None
) -> VersionQuery:
    """The version that DID parameters and resolution options ask for together.

    Args:
        parameters: of the DID URL.
        version_id: resolution option: block number as int or decimal text; None for none.
        version_time: resolution option: UTC ``YYYY-MM-DDThh:mm:ssZ``; None for none.

    Raises:
        InvalidOption: malformed, or more than one version is named.

    Spec: DID Core section 3.2.1; DID Resolution section 4.1.

    Example:
        >>> parse_version({"versionId": "7"})
        VersionQuery(block_number=7, time=None)
    """
    ids = [v for v in (parameters.get(VERSION_PARAMETERS[0]), version_id) if v is not None]
    times = [v for v in (parameters.get(VERSION_PARAMETERS[1]), version_time) if v is not None]
    if len(ids) + len(times) > 1:
        raise InvalidOption(
            "more than one of versionId and versionTime is given",
            hint="Ask for a version by block number or by time, once.",
        )
    if ids:
        return VersionQuery(block_number=_parse_block(ids[0]))
    if times:
        return VersionQuery(time=parse_time(times[0]))
    return VersionQuery()


def _parse_block(value: object) -> int:
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise InvalidOption(
            f"versionId {shown(value)} is not a block number",
            hint="It is decimal, without sign or leading zeros.",
            value=shown(value),
        )
    return int(text)


def parse_time(value: object) -> int:
    """The Unix seconds of a ``versionTime``.

    Raises:
        InvalidOption: not ``YYYY-MM-DDThh:mm:ssZ``, or no such day or time.

    Example:
        >>> parse_time("2026-01-01T00:00:00Z")
        1767225600
    """
    try:
        if not isinstance(value, str) or not _TIME.fullmatch(value):
            raise ValueError("another form")
        return int(datetime.fromisoformat(value).timestamp())
    except ValueError as cause:
        raise InvalidOption(
            f"versionTime {shown(value)} is not a UTC time",
            hint="Write it as 2026-01-31T23:59:59Z.",
            value=shown(value),
        ) from cause


def format_time(seconds: int) -> str:
    """A time as DID documents write it; the far future where a calendar ends.

    Example:
        >>> format_time(0)
        '1970-01-01T00:00:00Z'
    """
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    except (ValueError, OverflowError, OSError):
        return "9999-12-31T23:59:59Z"


def choose_media_type(accept: str | None, offers: Sequence[str] = MEDIA_TYPES) -> str:
    """The representation that an ``accept`` asks for.

    Args:
        accept: media ranges with qualities as in HTTP; None or empty for no preference.
        offers: media types to choose from, the preferred first.

    Raises:
        UnsupportedRepresentation: nothing that is offered, or not the syntax.

    Spec: RFC 9110 section 12.5.1; DID Resolution section 4.1, ``accept``.

    Example:
        >>> choose_media_type("application/did+json;q=0.9, text/html")
        'application/did+json'
    """
    if accept is not None and not isinstance(accept, str):
        raise UnsupportedRepresentation(f"accept {shown(accept)} is not a list of media types")
    if accept is None or not accept.strip():
        return offers[0]
    ranges = [_parse_range(part, accept) for part in accept.split(",") if part.strip()]
    best, place = max((_quality(offer, ranges), -i) for i, offer in enumerate(offers))
    if best <= 0:
        raise UnsupportedRepresentation(
            f"no representation for accept {shown(accept)}",
            hint=f"Offered: {', '.join(offers)}.",
            value=accept,
        )
    return offers[-place]


def _parse_range(part: str, accept: str) -> tuple[str, float]:
    match = _MEDIA_RANGE.fullmatch(part)
    quality = _QUALITY.search(match["parameters"]) if match else None
    try:
        if match is None:
            raise ValueError("not a media range")
        weight = quality["value"] if quality else "1"
        if not _QVALUE.fullmatch(weight):
            raise ValueError("not a quality")
        return match["type"].lower(), float(weight)
    except ValueError as cause:
        raise UnsupportedRepresentation(
            f"accept {shown(accept)} is not a list of media types", value=accept
        ) from cause


def _quality(offer: str, ranges: list[tuple[str, float]]) -> float:
    """What the most specific range that covers an offer gives it; 0 where none does."""
    for form in (offer, offer.split("/", maxsplit=1)[0] + "/*", "*/*"):
        found = [quality for range_, quality in ranges if range_ == form]
        if found:
            return max(found)
    return 0.0


def error_to_dict(error: EthrDIDError) -> dict[str, Any]:
    """The members of resolution metadata that tell of an error.

    Spec: DID Resolution section 10; RFC 9457. ``errorName`` is the older camel-case name.
    """
    name = outcome_of(error).did_error
    words = name.lower().split("_")
    problem: dict[str, Any] = {
        "type": ERROR_TYPE + name,
        "title": name.replace("_", " ").capitalize(),
        "detail": error.message,
        "code": error.code,
    }
    if error.hint:
        problem["hint"] = error.hint
    return {
        "error": problem,
        "errorName": words[0] + "".join(word.capitalize() for word in words[1:]),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAt:
    """The block that an answer is of."""

    chain_id: int
    block_number: int
    block_hash: bytes
    block_timestamp: int
    """Unix seconds."""
    blocks_behind: int | None = field(default=None, compare=False)
    """Newer blocks that were known to be there, where an index answered; None: a node did."""

    def to_dict(self) -> dict[str, Any]:
        """The block as JSON."""
        out = {
            "chainId": self.chain_id,
            "blockNumber": self.block_number,
            "blockHash": "0x" + self.block_hash.hex(),
            "blockTime": format_time(self.block_timestamp),
        }
        return out if self.blocks_behind is None else {**out, "blocksBehind": self.blocks_behind}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResolutionResult:
    """What resolving a DID gives: a view with the block it is of, or the error that stood in the way.

    Never both, never neither. Equal are results that say the same, so that nodes can agree on them.
    """

    view: View | None = None
    read_at: ReadAt | None = None
    media_type: str = DEFAULT_MEDIA_TYPE
    error: EthrDIDError | None = None

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ResolutionResult):
            return NotImplemented
        return self._said() == other._said()

    __hash__ = None  # type: ignore[assignment]  # documents hold dicts

    def _said(self) -> tuple[object, ...]:
        # Exceptions are equal only to themselves.
        error = self.error and (type(self.error), self.error.message)
        return self.view, self.read_at, self.media_type, error

    @property
    def did_document(self) -> DIDDocument | None:
        """The document; None after an error and for a deactivated identity."""
        return self.view.document if self.view else None

    def require_document(self) -> DIDDocument:
        """The document, or the reason why there is none as an exception.

        Raises:
            EthrDIDError: the error of the resolution.
            DeactivatedError: the identity was given up.
        """
        if self.error is not None:
            raise self.error
        if self.did_document is None:
            block = self.view.version_id if self.view else None
            raise DeactivatedError(
                f"the identity was deactivated in block {block}", block_number=block
            )
        return self.did_document

    def to_dict(self) -> dict[str, Any]:
        """The DID resolution result as JSON; DID Resolution section 4."""
        if self.error is not None or self.view is None or self.read_at is None:
            error = self.error or EthrDIDError("nothing was resolved")
            return {
                "didResolutionMetadata": error_to_dict(error),
                "didDocument": None,
                "didDocumentMetadata": {},
            }
        document, with_context = self.did_document, self.media_type != WITHOUT_CONTEXT
        return {
            "didResolutionMetadata": {
                "contentType": self.media_type,
                "readAt": self.read_at.to_dict(),
            },
            "didDocument": document.to_dict(with_context=with_context) if document else None,
            "didDocumentMetadata": metadata_to_dict(self.view),
        }


def metadata_to_dict(view: View) -> dict[str, Any]:
    """The DID document metadata of a view; DID Core section 7.1.3."""
    out: dict[str, Any] = {}
    if view.deactivated:
        out["deactivated"] = True
    if view.version_id is not None and view.updated is not None:
        out["versionId"] = str(view.version_id)
        out["updated"] = format_time(view.updated)
    if view.next_version_id is not None and view.next_update is not None:
        out["nextVersionId"] = str(view.next_version_id)
        out["nextUpdate"] = format_time(view.next_update)
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class DereferencingResult:
    """What dereferencing a DID URL gives; DID Resolution section 5."""

    content: DIDDocument | VerificationMethod | Service | str | None = None
    """A document, one entry of it, or the URLs of a service, one a line."""
    content_type: str | None = None
    view: View | None = None
    error: EthrDIDError | None = None

    def to_dict(self) -> dict[str, Any]:
        """The result as JSON; DID Resolution section 5."""
        if self.error is not None:
            return {
                "dereferencingMetadata": error_to_dict(self.error),
                "content": None,
                "contentMetadata": {},
            }
        content = self.content
        if content is not None and not isinstance(content, str):
            content = _content_to_dict(content, self.content_type)  # type: ignore[assignment]
        return {
            "dereferencingMetadata": {"contentType": self.content_type},
            "content": content,
            "contentMetadata": metadata_to_dict(self.view) if self.view else {},
        }


def _content_to_dict(
    content: DIDDocument | VerificationMethod | Service, content_type: str | None
) -> dict[str, Any]:
    from ethr_did.core.document import DIDDocument

    if isinstance(content, DIDDocument):
        return content.to_dict(with_context=content_type != WITHOUT_CONTEXT)
    return content.to_dict()

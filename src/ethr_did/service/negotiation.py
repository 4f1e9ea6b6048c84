"""What an ``Accept`` asks for: a document, a part of it, or the whole result.

Rules:
  * A whole result, and a redirect, are for those who name their media type. Whoever asks for
    nothing, or for anything, gets the document.
  * Of media types that are equally welcome, a whole result comes before a document: who names it
    can read it. With it a type of document may be named, for the document inside.
  * The option ``accept`` takes the place of the header, unless the header asks for a whole result:
    then it says in which form the document stands in it.
  * ``application/ld+json`` with the profile of DID Resolution is the older name of a whole result,
    which Universal Resolver sends; without it, it is a document.

Spec: DID Resolution v0.3 sections 4.1, 5.1 and 12.1; RFC 9110 section 12.5.1.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from ethr_did.core.dereferencing import URI_LIST
from ethr_did.core.resolution import DOCUMENT_TYPES, choose_media_type
from ethr_did.errors import UnsupportedRepresentation, shown

__all__ = [
    "DEREFERENCING",
    "DOCUMENTS",
    "OLDER_RESOLUTION",
    "RESOLUTION",
    "Choice",
    "Envelope",
    "choose",
]

RESOLUTION = "application/did-resolution"
OLDER_RESOLUTION = 'application/ld+json;profile="https://w3id.org/did-resolution"'
DEREFERENCING = "application/did-url-dereferencing"

DOCUMENTS = (*DOCUMENT_TYPES, "application/ld+json")
"""Media types of a document, the preferred first."""

_PROFILE = "https://w3id.org/did-resolution"
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER = rf"\s*;\s*(?P<name>{_WORD})=(?P<value>{_WORD}|\"[^\"\\]*\")"
_RANGE = re.compile(
    rf"\s*(?P<type>{_WORD}/{_WORD})"
    rf"(?P<parameters>(?:\s*;\s*{_WORD}=(?:{_WORD}|\"[^\"\\]*\"))*)\s*(?:,|$)"
)
_PARAMETERS = re.compile(_PARAMETER)
_QUALITY = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_EMPTY = re.compile(r"[\s,]*")
_LONGEST = 1024


class Envelope(Enum):
    """What is sent of a result."""

    NONE = "content"
    """The document, or the part of it that was asked for."""
    RESOLUTION = "resolution"
    """The result of resolving, with its metadata."""
    DEREFERENCING = "dereferencing"
    """The result of dereferencing, with its metadata."""


_ENVELOPES = {
    RESOLUTION: Envelope.RESOLUTION,
    OLDER_RESOLUTION: Envelope.RESOLUTION,
    DEREFERENCING: Envelope.DEREFERENCING,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """How a result is sent."""

    envelope: Envelope
    media_type: str
    """``Content-Type`` of the answer."""
    form: str
    """Media type of the content: the same, where there is no envelope."""


@lru_cache(maxsize=256)
def choose(accept: str | None, option: str | None = None, *, is_part: bool = False) -> Choice:
    """How to send the result of a request.

    Args:
        accept: the header; None where there is none.
        option: ``accept`` as an option of resolution; None where there is none.
        is_part: whether the DID URL names more than a document.

    Raises:
        UnsupportedRepresentation: nothing that is offered, or not the syntax.

    Example:
        >>> choose("application/did-resolution, application/did+json").form
        'application/did+json'
    """
    chosen = _choose(accept, is_part=is_part)
    if option is None:
        return chosen
    if chosen.envelope is Envelope.NONE:
        return _choose(option, is_part=is_part)
    offers = (*DOCUMENTS, URI_LIST) if chosen.envelope is Envelope.DEREFERENCING else DOCUMENTS
    form = choose_media_type(option, offers)
    return Choice(envelope=chosen.envelope, media_type=chosen.media_type, form=form)


def _choose(accept: str | None, *, is_part: bool) -> Choice:
    if accept is None or _EMPTY.fullmatch(accept):
        return Choice(envelope=Envelope.NONE, media_type=DOCUMENTS[0], form=DOCUMENTS[0])
    ranges = _read(accept)
    envelopes = (RESOLUTION, OLDER_RESOLUTION, DEREFERENCING)
    if is_part:
        envelopes = (DEREFERENCING, RESOLUTION, OLDER_RESOLUTION)
    best = _best(ranges, (*envelopes, URI_LIST, *DOCUMENTS))
    if best is None:
        raise UnsupportedRepresentation(
            f"no representation for accept {shown(accept)}",
            hint=f"Offered: {', '.join((*DOCUMENTS, RESOLUTION, DEREFERENCING))}.",
            value=shown(accept),
        )
    envelope = _ENVELOPES.get(best, Envelope.NONE)
    form = best
    if envelope is not Envelope.NONE:
        inside = (*DOCUMENTS, URI_LIST) if envelope is Envelope.DEREFERENCING else DOCUMENTS
        named = {name: weight for name, weight in ranges.items() if name in inside}
        form = _best(named, inside) or DOCUMENTS[0]
    return Choice(envelope=envelope, media_type=best, form=form)


def _best(ranges: dict[str, float], offers: tuple[str, ...]) -> str | None:
    """The offer that is most welcome; of several the one named outright, then the first."""
    weighed = [(*_weigh(offer, ranges), -place) for place, offer in enumerate(offers)]
    quality, _, place = max(weighed)
    return offers[-place] if quality > 0 else None


def _weigh(offer: str, ranges: dict[str, float]) -> tuple[float, int]:
    if offer in ranges:
        return ranges[offer], 2
    if offer in DOCUMENTS:
        for precision, name in ((1, "application/*"), (0, "*/*")):
            if name in ranges:
                return ranges[name], precision
    return 0.0, 0


def _read(accept: str) -> dict[str, float]:
    """The media ranges with their qualities; of one that is there twice, the higher."""
    found: dict[str, float] = {}
    place = 0
    while len(accept) <= _LONGEST and place < len(accept):
        gap = _EMPTY.match(accept, place)
        place = gap.end() if gap else place
        match = _RANGE.match(accept, place)
        if match is None:
            break
        name, quality = _one(match)
        found[name] = max(quality, found.get(name, 0.0))
        place = match.end()
    if place < len(accept):
        raise UnsupportedRepresentation(
            f"accept {shown(accept)} is not a list of media types", value=shown(accept)
        )
    return found


def _one(match: re.Match[str]) -> tuple[str, float]:
    name, quality = match["type"].lower(), 1.0
    for parameter in _PARAMETERS.finditer(match["parameters"]):
        value = parameter["value"].strip('"')
        if parameter["name"].lower() == "profile" and value == _PROFILE:
            name = OLDER_RESOLUTION if name == "application/ld+json" else name
        elif parameter["name"].lower() == "q":
            if not _QUALITY.fullmatch(value):
                raise UnsupportedRepresentation(f"{shown(value)} is no quality", value=shown(value))
            quality = float(value)
    return name, quality

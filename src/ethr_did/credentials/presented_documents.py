"""Presentations as documents: what they are, whatever proof is around them or in them.

Rules:
  1. ``type`` names ``VerifiablePresentation``, ``@context`` begins with that of the data model.
  2. Tokens stand in it enveloped, as ``data:`` URLs with their media type, in 1.1 also as they are;
     credentials with a proof of their own stand in it as they are.
  3. Nothing is looked at inside of the credentials here; each is read and verified by itself.

Spec: VC Data Model 2.0 sections 4.12 and 4.13.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from ethr_did.credentials.data_model import listed
from ethr_did.errors import InvalidCredential, shown

if TYPE_CHECKING:
    from ethr_did.credentials.credential import Raw

__all__ = [
    "ENVELOPED_TYPE",
    "MAX_CREDENTIALS",
    "PRESENTATION_TYPE",
    "audience_of",
    "check_presentation",
    "holder_in",
    "presented_credentials",
    "types_of",
]

MAX_CREDENTIALS: Final = 64
"""Most credentials of one presentation."""

PRESENTATION_TYPE: Final = "VerifiablePresentation"
ENVELOPED_TYPE: Final = "EnvelopedVerifiableCredential"

_CREDENTIAL_TYPE = "VerifiableCredential"
_DATA_URL = re.compile(
    r"data:application/(vc\+jwt|dc\+sd-jwt|jwt)(?:;[a-z0-9=;._-]*)?,(.+)", re.DOTALL
)
_MAX_AUDIENCE = 16


def check_presentation(document: Mapping[str, Any], *contexts: str) -> None:
    """Nothing; the document is a presentation.

    Args:
        document: of the data model.
        contexts: one of which it must begin with.

    Raises:
        InvalidCredential: it is none, or a credential besides.
    """
    given, kinds = document.get("@context"), types_of(document)
    first = given[0] if isinstance(given, list) and given else given
    if first not in contexts:
        raise InvalidCredential(f"@context of the presentation begins with {shown(first)}")
    if PRESENTATION_TYPE not in kinds:
        raise InvalidCredential(
            f"type does not name {PRESENTATION_TYPE}: {shown(document.get('type'))}"
        )
    if _CREDENTIAL_TYPE in kinds:
        raise InvalidCredential("it says that it is a presentation and a credential")


def types_of(document: Mapping[str, Any]) -> list[Any]:
    """What ``type`` says, one or several."""
    kinds = document.get("type")
    return kinds if isinstance(kinds, list) else [kinds]


def holder_in(document: Mapping[str, Any]) -> object:
    """What ``holder`` says, as it stands there; None: nothing."""
    holder = document.get("holder")
    return holder.get("id") if isinstance(holder, Mapping) else holder


def presented_credentials(document: Mapping[str, Any]) -> tuple[Raw, ...]:
    """The credentials of a presentation, each as it was issued.

    Raises:
        InvalidCredential: there are none or too many, or one of them cannot be a credential.
    """
    inside = listed(document, "verifiableCredential", most=MAX_CREDENTIALS)
    if not inside:
        raise InvalidCredential("the presentation holds no credential")
    return tuple(map(_opened, inside))


def audience_of(value: object, name: str) -> tuple[str, ...]:
    """For whom a presentation is: one or several texts, or nobody.

    Args:
        value: what stands there.
        name: where, for the error.

    Raises:
        InvalidCredential: it is none of these.
    """
    values = value if isinstance(value, list) else [] if value is None else [value]
    if len(values) > _MAX_AUDIENCE or not all(isinstance(one, str) and one for one in values):
        raise InvalidCredential(f"{name} is not a text or a list of texts: {shown(value)}")
    return tuple(values)


def _opened(value: object) -> Raw:
    """A credential of a presentation as it was issued."""
    if isinstance(value, str):
        return value  # as 1.1 has tokens
    if not isinstance(value, Mapping):
        raise InvalidCredential(f"not a credential: {shown(value, 60)}")
    if ENVELOPED_TYPE not in types_of(value):
        return value
    id_ = value.get("id")
    match = _DATA_URL.fullmatch(id_) if isinstance(id_, str) else None
    if match is None:
        raise InvalidCredential(
            f"an enveloped credential is no data: URL of a known kind: {shown(id_, 60)}",
            hint="Known: application/vc+jwt and application/dc+sd-jwt.",
        )
    return match[2]

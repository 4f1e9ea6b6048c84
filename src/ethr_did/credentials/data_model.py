"""Credentials of the W3C's data model, 2.0 and 1.1, as JSON objects: what must be there, and where.

Rules:
  1. The first ``@context`` tells the version. JSON-LD is not processed: the other contexts and terms
     mean what their readers agree on.
  2. ``type`` names ``VerifiableCredential``; the issuer is a DID; there is at least one subject.
  3. ``validFrom`` and ``validUntil`` (2.0), ``issuanceDate`` and ``expirationDate`` (1.1) are times
     with a time zone. Fractions of a second are cut so that the window never grows. A credential
    that has the other version's names too is good for as long as all of them say.
  4. Members that are not known are kept; those that are known have the right shape, or the whole is
     refused.

Spec: VC Data Model 2.0 section 4; VC Data Model 1.1 section 4.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from ethr_did.core.date_time import parse_date_time
from ethr_did.core.status_entry import status_members
from ethr_did.errors import InvalidCredential, InvalidInput, shown

__all__ = [
    "CONTEXT_1",
    "CONTEXT_2",
    "CREDENTIAL_TYPE",
    "DataModel",
    "check_did",
    "claim_status",
    "listed",
    "read_data_model",
]

CONTEXT_1: Final = "https://www.w3.org/2018/credentials/v1"
CONTEXT_2: Final = "https://www.w3.org/ns/credentials/v2"
CREDENTIAL_TYPE: Final = "VerifiableCredential"

MAX_SUBJECTS: Final = 256
_MAX_ENTRIES = 32
_MAX_TYPES = 32
_DID = re.compile(r"did:[a-z0-9]+:[A-Za-z0-9._:%-]*[A-Za-z0-9._%-]")
_MAX_DID = 2048


@dataclass(frozen=True, slots=True, kw_only=True)
class DataModel:
    """What a credential of the data model says about itself."""

    version: int
    """1 (for 1.1) or 2."""
    issuer: str
    subjects: tuple[str, ...]
    types: tuple[str, ...]
    valid_from: int | None
    """First good Unix second."""
    valid_until: int | None
    """Last good Unix second."""
    status: tuple[object, ...]
    schemas: tuple[object, ...]


_STARTS, _ENDS = ("validFrom", "issuanceDate"), ("validUntil", "expirationDate")


def read_data_model(document: Mapping[str, Any]) -> DataModel:
    """What a document says.

    Raises:
        InvalidCredential: it is no credential of the data model.
    """
    version = _version(document.get("@context"))
    types = _texts(document.get("type"), "type", most=_MAX_TYPES)
    if CREDENTIAL_TYPE not in types:
        raise InvalidCredential(f"type does not name {CREDENTIAL_TYPE}: {shown(list(types))}")
    if version == 1 and "issuanceDate" not in document:
        raise InvalidCredential("issuanceDate is missing")
    starts, ends = (_moments(document, names) for names in (_STARTS, _ENDS))
    return DataModel(
        version=version,
        issuer=_issuer(document.get("issuer")),
        subjects=_subjects(document.get("credentialSubject")),
        types=types,
        valid_from=max(map(math.ceil, starts), default=None),
        valid_until=min(map(math.floor, ends), default=None),
        status=claim_status(document),
        schemas=listed(document, "credentialSchema", most=_MAX_ENTRIES),
    )


def listed(document: Mapping[str, Any], name: str, *, most: int) -> tuple[object, ...]:
    """The values of a member that holds one or several.

    Raises:
        InvalidCredential: there are too many.
    """
    value = document.get(name)
    values = value if isinstance(value, list) else [] if value is None else [value]
    if len(values) > most:
        raise InvalidCredential(f"{name} has {len(values)} values; at most {most} are read")
    return tuple(values)


def claim_status(claims: Mapping[str, Any]) -> tuple[object, ...]:
    """What a credential says about its status, each entry as it stands there.

    A claim ``status`` counts in every format: whoever put it there meant it to be looked at.

    Raises:
        InvalidCredential: there are more than are ever read.
    """
    try:
        return status_members(claims)
    except InvalidInput as cause:
        raise InvalidCredential(cause.message, hint=cause.hint) from cause


def check_did(value: object, what: str) -> str:
    """The DID.

    Raises:
        InvalidCredential: it is none.
    """
    if not isinstance(value, str) or len(value) > _MAX_DID or not _DID.fullmatch(value):
        raise InvalidCredential(f"{what} is not a DID: {shown(value)}")
    return value


def _version(context: object) -> int:
    first = context[0] if isinstance(context, list) and context else context
    match first:
        case "https://www.w3.org/ns/credentials/v2":
            return 2
        case "https://www.w3.org/2018/credentials/v1":
            return 1
    raise InvalidCredential(
        f"@context begins with {shown(first)}",
        hint=f"Credentials begin with {CONTEXT_2} or {CONTEXT_1}.",
    )


def _texts(value: object, name: str, *, most: int) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not 0 < len(values) <= most or not all(isinstance(one, str) and one for one in values):
        raise InvalidCredential(f"{name} is not a text or a list of texts: {shown(value)}")
    return tuple(values)


def _moments(document: Mapping[str, Any], names: Iterable[str]) -> list[float]:
    found = []
    for name in names:
        if name not in document:
            continue
        try:
            found.append(parse_date_time(document[name]))
        except InvalidInput as cause:
            raise InvalidCredential(f"{name} is {cause.message}", hint=cause.hint) from cause
    return found


def _issuer(value: object) -> str:
    return check_did(value.get("id") if isinstance(value, Mapping) else value, "issuer")


def _subjects(value: object) -> tuple[str, ...]:
    values = value if isinstance(value, list) else [value]
    if not 0 < len(values) <= MAX_SUBJECTS:
        raise InvalidCredential(f"credentialSubject has {len(values)} values")
    ids = []
    for one in values:
        if not isinstance(one, Mapping) or not one:
            raise InvalidCredential("a credentialSubject is not an object that says something")
        if "id" in one:
            ids.append(_text(one["id"], "credentialSubject.id"))
    return tuple(ids)


def _text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value:
        raise InvalidCredential(f"{name} is not a text: {shown(value)}")
    return value

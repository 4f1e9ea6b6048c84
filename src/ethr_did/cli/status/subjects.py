"""Credentials and status entries as commands are given them: JSON, tokens, files, standard input.

Rules:
  * One argument may hold several: a JSON list, a line of JSON or a token each, a presentation as
    JSON or as a token. With one fault among them none is used, and all faults are named.
  * Nothing is never "all are valid": an empty list, or a presentation without credentials, is a
    fault. So is what may be read as a credential and as a presentation: one would hide the other.
  * Signatures are not verified here: whoever asks about a status has decided about the credential.
  * Standard input is read once.

Spec: VC Data Model 1.1 section 6.3.1 (claims ``vc`` and ``vp``); VC Data Model 2.0 section 4.13
(presentations, envelopes).
"""

from __future__ import annotations

import codecs
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ethr_did.core.base64url import decode_base64url
from ethr_did.core.status_wishes import Faults
from ethr_did.core.strict_json import read_json
from ethr_did.errors import InvalidFile, InvalidInput, InvalidStatusEntry, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["Subject", "read_bytes", "read_subjects"]

_MAX_FILE = 64 * 1024 * 1024
"""Bytes of a file that are read."""

_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*(?:~[A-Za-z0-9_.~-]*)?")
"""A JWT in compact form, or an SD-JWT with what is disclosed behind it."""

_CREDENTIAL = frozenset(
    {"@context", "credentialStatus", "credentialSubject", "issuer", "iss", "vc"}
)
"""Members that tell a credential from an entry."""

_NOT_PRESENTED = frozenset(
    {"credentialStatus", "credentialSubject", "issuer", "status", "vc", "vct"}
)
"""Members of credentials that no presentation and no envelope has."""

_ENVELOPES = frozenset({"EnvelopedVerifiableCredential", "EnvelopedVerifiablePresentation"})
_ENVELOPED = re.compile(
    r"data:application/(?:vc\+jwt|vc\+sd-jwt|dc\+sd-jwt|vp\+jwt|vp\+sd-jwt),(.*)", re.IGNORECASE
)
"""The id of an envelope."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """A credential, or an entry without one."""

    name: str
    """Where it came from."""
    claims: Mapping[str, Any] = field(repr=False)
    """Of the credential; of an entry, those that a credential with it would have."""
    is_entry: bool
    """Whether nothing but the entry is known."""
    token: str | None = field(default=None, repr=False)
    """The credential as it was issued, if that was a token."""


def read_subjects(arguments: Sequence[str]) -> list[Subject]:
    """What the arguments of a command hold, in order.

    Args:
        arguments: JSON, a token, the name of a file, or ``-`` for standard input.

    Raises:
        InvalidFile: one cannot be read; or all faults of what they hold.
    """
    found: list[Subject] = []
    faults = Faults()
    for argument in arguments:
        inline = argument.lstrip().startswith(("{", "[")) or _TOKEN.fullmatch(argument)
        name = "the argument" if inline else "standard input" if argument == "-" else argument
        data = argument.encode() if inline else read_bytes(Path(argument))
        found += _subjects(name, data, faults)
    faults.check("what was given", kind=InvalidFile)
    return found


def read_bytes(path: Path) -> bytes:
    """What a file holds, without a byte order mark; ``-`` is standard input.

    Raises:
        InvalidFile: it cannot be read, or is too large.
    """
    try:
        if str(path) == "-":
            data = sys.stdin.buffer.read(_MAX_FILE + 1)
        else:
            with path.open("rb") as source:
                data = source.read(_MAX_FILE + 1)
    except OSError as cause:
        raise InvalidFile(f"{path} cannot be read: {cause.strerror}", path=str(path)) from cause
    if len(data) > _MAX_FILE:
        raise InvalidFile(f"{path} is longer than {_MAX_FILE} bytes", path=str(path))
    return data.removeprefix(codecs.BOM_UTF8)


def _subjects(name: str, data: bytes, faults: Faults) -> Iterator[Subject]:
    lines = [line.strip() for line in data.split(b"\n")]
    rows = [(number, line) for number, line in enumerate(lines, start=1) if line]
    if not rows:
        faults.add(name, "there is nothing in it")
        return
    if not _is_line_by_line([line for _, line in rows]):
        yield from _read(name, data.strip(), faults)
        return
    for number, line in rows:
        place = name if len(rows) == 1 else f"{name}, line {number}"
        yield from _read(place, line, faults)


def _is_line_by_line(lines: Sequence[bytes]) -> bool:
    """Whether each line is a value of its own: the first one is whole, or no JSON at all."""
    first = lines[0]
    if not first.startswith((b"{", b"[")):
        return True
    try:
        read_json(first)
    except InvalidInput:
        # A row of JSON lines that is broken looks like the beginning of a long value.
        return len(lines) > 1 and first.endswith((b"}", b"]")) and lines[1].startswith(b"{")
    return True


def _read(name: str, data: bytes, faults: Faults) -> Iterator[Subject]:
    try:
        if data.startswith((b"{", b"[")):
            yield from _of_json(name, read_json(data))
        else:
            yield from _of_token(name, data.decode("ascii", "replace"))
    except InvalidInput as fault:
        faults.add(name, fault.message)


def _of_json(name: str, value: Any) -> Iterator[Subject]:
    if isinstance(value, list):
        if not value:
            raise InvalidStatusEntry("an empty list: there is nothing to ask about")
        for number, item in enumerate(value, start=1):
            yield from _of_json(f"{name}, item {number}", item)
    elif isinstance(value, str):
        yield from _of_token(name, value)
    elif isinstance(value, dict):
        yield from _of_object(name, value, token=None)
    else:
        raise InvalidStatusEntry(f"neither a credential nor a status entry: {shown(value)}")


def _of_object(name: str, value: dict[str, Any], *, token: str | None) -> Iterator[Subject]:
    kinds = _kinds_of(value)
    if {"verifiableCredential", "vp"} & set(value) or "VerifiablePresentation" in kinds:
        yield from _of_json(name, _presented(value))
    elif kinds & _ENVELOPES:
        yield from _of_token(name, _enveloped(value))
    elif token is not None or _CREDENTIAL & set(value) or isinstance(value.get("status"), dict):
        yield Subject(name=name, claims=value, is_entry=False, token=token)
    else:
        # What `status allocate` prints holds the entry.
        entry = value.get("entry", value)
        yield Subject(name=name, claims=_claims_of_entry(entry), is_entry=True)


def _kinds_of(value: dict[str, Any]) -> set[str]:
    given = value.get("type")
    return {
        kind for kind in (given if isinstance(given, list) else [given]) if isinstance(kind, str)
    }


def _presented(value: dict[str, Any]) -> Any:
    """What a presentation holds: JSON, or the claims of a token."""
    inner = value.get("vp", value)
    if not isinstance(inner, dict):
        raise InvalidStatusEntry(f"vp is not a presentation: {shown(inner)}")
    _check_presented(value)
    if inner is not value:
        _check_presented(inner)
        if "verifiableCredential" in value:
            raise InvalidStatusEntry("credentials in vp and beside it: which are presented?")
    found = inner.get("verifiableCredential")
    if found is None or found == []:
        raise InvalidStatusEntry(
            "a presentation without credentials: there is nothing to ask about"
        )
    return found


def _enveloped(value: dict[str, Any]) -> str:
    """The token in an envelope."""
    _check_presented(value)
    named = value.get("id")
    match = _ENVELOPED.fullmatch(named) if isinstance(named, str) else None
    if match is None:
        raise InvalidStatusEntry(
            f"the id of an envelope is not a data: URL of a token that is read here: {shown(named)}"
        )
    return match[1]


def _check_presented(value: dict[str, Any]) -> None:
    """Raises for what may be a credential itself: its own status would not be looked at."""
    both = sorted(_NOT_PRESENTED & set(value))
    if both:
        raise InvalidStatusEntry(
            f"holds credentials, and looks like one itself: it has {', '.join(both)}"
        )


def _claims_of_entry(entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict):
        raise InvalidStatusEntry(f"not a status entry: {shown(entry)}")
    return {"status" if "status_list" in entry else "credentialStatus": entry}


def _of_token(name: str, text: str) -> Iterator[Subject]:
    if not _TOKEN.fullmatch(text):
        raise InvalidStatusEntry(f"neither JSON nor a token: {shown(text, 60)}")
    token = text.partition("~")[0]
    part = token.split(".")[1]
    try:
        payload = decode_base64url(part)
    except InvalidInput as cause:
        raise InvalidStatusEntry("a token whose payload is not base64url") from cause
    claims = read_json(payload)
    if not isinstance(claims, dict):
        raise InvalidStatusEntry("a token whose payload is no JSON object")
    yield from _of_object(name, claims, token=token)

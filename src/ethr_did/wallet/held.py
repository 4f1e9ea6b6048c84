"""A credential as a wallet keeps it: as it was received, and what its holder noted beside it.

Rules:
  1. What was received is kept character by character: a signature is over it.
  2. The same credential twice is one: white space around a token, and between the members of a JSON
     object, makes no other credential of it.
  3. Format, issuer and types are the caller's summary, for lists. Nothing here relies on them.
  4. The proofs that a credential existed at some block are JSON objects; they come with it, or later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.strict_json import read_json, write_json
from ethr_did.errors import InvalidCredential, InvalidInput, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

__all__ = [
    "MAX_RAW",
    "HeldCredential",
    "check_anchors",
    "check_text",
    "ids_of",
    "is_same",
    "new_credential",
]

MAX_RAW: Final = 1 << 20
"""Bytes of one credential."""

_MAX_LABEL = 200
_MAX_FORMAT = 64
_MAX_ISSUER = 2048
_MAX_TYPES = 32
_MAX_TYPE = 512
_MAX_ANCHORS = 32
_MAX_ANCHOR = 1 << 16
"""Bytes."""
_ID_LENGTHS: Final = range(16, 65, 8)
"""Hex digits. The first will do, unless somebody spent a computing centre on two credentials."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldCredential:
    """A credential in the wallet."""

    id: str
    """Hex digits, taken from the credential: the same in every wallet."""
    label: str
    """The holder's word for it; may be empty."""
    format: str
    """What it is, by the caller's word: ``vc+jwt``, ``dc+sd-jwt`` …"""
    raw: str = field(repr=False)
    """As it was received: a token, or a JSON object."""
    key_id: str | None
    """The key of this wallet that it is bound to."""
    added_at: int
    """Unix seconds."""
    issuer: str
    types: tuple[str, ...]
    anchors: tuple[Mapping[str, Any], ...] = field(hash=False, repr=False)
    """Proofs that it existed at some block."""

    def to_dict(self) -> dict[str, Any]:
        """The credential as JSON, the credential itself included."""
        return {
            "id": self.id,
            "label": self.label,
            "format": self.format,
            "issuer": self.issuer,
            "types": list(self.types),
            "keyId": self.key_id,
            "addedAt": self.added_at,
            "anchors": [dict(anchor) for anchor in self.anchors],
            "raw": self.raw,
        }


def new_credential(
    raw: str,
    *,
    taken: Iterable[HeldCredential],
    format_name: str,
    label: str,
    key_id: str | None,
    now: int,
    issuer: str,
    types: Sequence[str],
    anchors: Sequence[Mapping[str, Any]],
) -> HeldCredential:
    """A credential as it goes into a wallet, and is not there yet.

    Args:
        raw: as it was received.
        taken: those of the wallet; the new one gets an id that none of them has.
        format_name: what it is.
        label: the holder's word for it.
        key_id: of the key that it is bound to.
        now: Unix seconds.
        issuer: who issued it.
        types: what it is of.
        anchors: proofs of its existence.

    Raises:
        InvalidCredential: it is empty, too long, or begins like JSON and is none.
        InvalidInput: something beside it is too long or not printable.
    """
    ids = {one.id for one in taken}
    if len(types) > _MAX_TYPES:
        raise InvalidInput(f"{len(types)} types, and {_MAX_TYPES} are the most")
    return HeldCredential(
        id=next(one for one in ids_of(raw) if one not in ids),
        label=check_text(label, "label"),
        format=check_text(format_name, "format", limit=_MAX_FORMAT),
        raw=raw.strip(),
        key_id=key_id,
        added_at=now,
        issuer=check_text(issuer, "issuer", limit=_MAX_ISSUER),
        types=tuple(check_text(one, "type", limit=_MAX_TYPE) for one in types),
        anchors=check_anchors(anchors),
    )


def ids_of(raw: str) -> tuple[str, ...]:
    """The ids that a credential may have in a wallet, the usual one first.

    Raises:
        InvalidCredential: it is empty, too long, or begins like JSON and is none.

    Example:
        >>> ids_of(" eyJ.e30.c2ln ") == ids_of("eyJ.e30.c2ln")
        True
        >>> ids_of('{"a": 1}') == ids_of('{"a":1}')
        True
    """
    digits = sha256(_normal(raw)).hexdigest()
    return tuple(digits[:length] for length in _ID_LENGTHS)


def is_same(one: str, other: str) -> bool:
    """Whether two texts are one credential; both were checked before."""
    return one == other or _normal(one) == _normal(other)


def check_text(text: str, name: str, *, limit: int = _MAX_LABEL) -> str:
    """The text.

    Args:
        text: a label, or a part of a summary.
        name: what it is.
        limit: characters.

    Raises:
        InvalidInput: too long, or with characters that cannot be printed.
    """
    if len(text) > limit or not text.isprintable():
        raise InvalidInput(
            f"{name} is not printable text of at most {limit} characters: {shown(text)}"
        )
    return text


def check_anchors(anchors: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    """The proofs, each once.

    Raises:
        InvalidInput: too many, too long, or not JSON objects.
    """
    kept: dict[bytes, Mapping[str, Any]] = {}
    for anchor in anchors:
        text = _anchor_text(anchor)
        kept[text] = read_json(text)
    if len(kept) > _MAX_ANCHORS:
        raise InvalidInput(f"{len(kept)} proofs of existence, and {_MAX_ANCHORS} are the most")
    return tuple(kept.values())


def _anchor_text(anchor: Mapping[str, Any]) -> bytes:
    try:
        text = write_json(dict(anchor))
    except (TypeError, ValueError) as cause:
        raise InvalidInput(f"a proof of existence is not a JSON object: {shown(anchor)}") from cause
    if len(text) > _MAX_ANCHOR:
        raise InvalidInput(
            f"a proof of existence has {len(text)} bytes, and {_MAX_ANCHOR} are the most"
        )
    return text


def _normal(raw: str) -> bytes:
    """The credential as it is compared with others."""
    try:
        data = raw.strip().encode("utf-8")
    except UnicodeEncodeError:
        # Not chained: the error holds the text.
        data = b""
    if not 0 < len(data) <= MAX_RAW:
        raise InvalidCredential(
            f"a credential is text of 1 to {MAX_RAW} bytes; this has {len(data)}",
            hint="Is it the right file?",
        )
    if not data.startswith(b"{"):
        return data
    try:
        return write_json(read_json(data))
    except InvalidInput as cause:
        raise InvalidCredential(f"the credential is {cause.message}") from cause

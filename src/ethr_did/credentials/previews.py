"""What a verifier will see, told to the holder before it is signed.

Rules:
  1. It is taken from the very disclosures that will be handed over: what is marked as shown is shown,
     and nothing else is.
  2. Every claim of the credential is in it: shown because it was chosen, shown always, or kept back.
  3. What makes two presentations recognisable as one credential's is named, whatever is kept back.
  4. A credential that is not valid now is shown if the holder insists, after a warning.

Spec: RFC 9901 section 10.1 (unlinkability); OpenID for Verifiable Presentations 1.0, section 15.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ethr_did.core.resolution import format_time
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.dcql_selection import is_in_force
from ethr_did.credentials.vc_jwt import TokenProof

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ethr_did.credentials.choices import Choice, Chosen
    from ethr_did.credentials.claim_paths import Path
    from ethr_did.credentials.credential import Credential

__all__ = ["ClaimPreview", "CredentialPreview", "Handle", "Preview", "Visibility", "preview"]


class Visibility(StrEnum):
    """Whether a verifier sees a claim."""

    SHOWN = "shown"
    """It was chosen, or stands around what was."""
    ALWAYS = "always"
    """It cannot be kept back."""
    HIDDEN = "hidden"


class Handle(StrEnum):
    """What is the same whenever a credential is shown, so that verifiers could tell."""

    SIGNATURE = "signature"
    """What the issuer signed, digests of what is kept back included."""
    KEY = "key"
    """``cnf``: the holder's key, or its DID."""
    SUBJECT = "subject"
    ID = "id"
    STATUS = "status"
    """The place of its status."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimPreview:
    """One claim that holds no others, or shows none of them."""

    path: Path
    """In the credential as its holder has it."""
    value: Any = field(repr=False)
    visibility: Visibility

    def to_dict(self) -> dict[str, Any]:
        """The claim as JSON; without its value, if that is kept back."""
        members = {"path": list(self.path), "visibility": self.visibility.value}
        return members if self.visibility is Visibility.HIDDEN else {**members, "value": self.value}


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialPreview:
    """What will be seen of one credential."""

    credential_id: str
    query_id: str | None
    """The credential query that it answers."""
    format: CredentialFormat
    issuer: str
    types: tuple[str, ...]
    is_bound: bool
    """Whether the holder signs."""
    claims: tuple[ClaimPreview, ...] = field(repr=False)
    """All that is in the credential, in its order."""
    disclosed: tuple[Path, ...]
    """What could be kept back and is not: a path for each disclosure."""
    handles: tuple[Handle, ...]
    warnings: tuple[str, ...]

    @property
    def can_hide(self) -> bool:
        """Whether the format lets its holder keep something back."""
        return self.format is CredentialFormat.SD_JWT

    def to_dict(self) -> dict[str, Any]:
        """The preview as JSON."""
        members = {
            "credentialId": self.credential_id,
            "queryId": self.query_id,
            "format": self.format.value,
            "issuer": self.issuer,
            "types": list(self.types),
            "signedByHolder": self.is_bound,
            "claims": [one.to_dict() for one in self.claims],
            "linkableBy": [one.value for one in self.handles],
            "warnings": list(self.warnings) or None,
        }
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """What will be seen of all that was chosen."""

    credentials: tuple[CredentialPreview, ...]
    optional: tuple[str, ...] = ()
    """Credential queries that could be answered as well, and are not."""

    def to_dict(self) -> dict[str, Any]:
        """The preview as JSON."""
        members: dict[str, Any] = {"credentials": [one.to_dict() for one in self.credentials]}
        return {**members, "optional": list(self.optional)} if self.optional else members


def preview(choice: Choice, *, now: int) -> Preview:
    """What a verifier will see if that is presented.

    Args:
        choice: what is to be shown.
        now: Unix seconds.
    """
    return Preview(
        credentials=tuple(_preview(part, now) for part in choice.parts), optional=choice.optional
    )


def _preview(chosen: Chosen, now: int) -> CredentialPreview:
    found = chosen.credential
    places = {} if chosen.sd_jwt is None else chosen.sd_jwt.processed.places
    disclosed = tuple(places[one] for one in chosen.disclosures)
    lines = _Lines(concealable=set(places.values()), disclosed=set(disclosed))
    claims = tuple(lines.of(_handed_over(found), (), Visibility.ALWAYS))
    return CredentialPreview(
        credential_id=chosen.credential_id,
        query_id=chosen.query_id,
        format=found.format,
        issuer=found.issuer,
        types=found.types,
        is_bound=chosen.is_bound,
        claims=claims,
        disclosed=disclosed,
        handles=tuple(_handles(found, claims)),
        warnings=tuple(_warnings(found, now)),
    )


class _Lines:
    """The claims of a credential, one by one."""

    def __init__(self, *, concealable: set[Path], disclosed: set[Path]) -> None:
        self._concealable = concealable
        self._disclosed = disclosed

    def of(self, value: Any, path: Path, around: Visibility) -> Iterator[ClaimPreview]:
        """A line for each claim in a value that stands in something visible, or not."""
        visibility = self._visibility(path, around)
        inner = [
            line
            for step, one in _members(value)
            for line in self.of(one, (*path, step), visibility)
        ]
        is_seen = visibility is not Visibility.HIDDEN
        if path and (not inner or (is_seen and _all_hidden(inner))):
            yield ClaimPreview(path=path, value=_seen(value, inner), visibility=visibility)
        yield from inner

    def _visibility(self, path: Path, around: Visibility) -> Visibility:
        if around is Visibility.HIDDEN or path not in self._concealable:
            return around
        return Visibility.SHOWN if path in self._disclosed else Visibility.HIDDEN


def _members(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []


def _all_hidden(lines: list[ClaimPreview]) -> bool:
    return all(one.visibility is Visibility.HIDDEN for one in lines)


def _seen(value: Any, inner: list[ClaimPreview]) -> Any:
    """What is seen of something whose parts are all kept back: that it is there."""
    return type(value)() if inner else value


def _handed_over(found: Credential) -> dict[str, Any]:
    """All that is in what is handed over: for some formats that is more than the claims."""
    if isinstance(found.raw, Mapping):
        return {name: value for name, value in found.raw.items() if name != "proof"}
    if found.format is CredentialFormat.SD_JWT or not isinstance(found.proof, TokenProof):
        return dict(found.claims)
    return dict(found.proof.token.claims)


def _handles(found: Credential, lines: tuple[ClaimPreview, ...]) -> Iterator[Handle]:
    seen = {line.path[0] for line in lines if line.visibility is not Visibility.HIDDEN}
    is_whole = found.format is not CredentialFormat.SD_JWT
    yield Handle.SIGNATURE
    if found.confirmation is not None:
        yield Handle.KEY
    if found.subjects and (is_whole or "sub" in seen):
        yield Handle.SUBJECT
    if seen & {"jti", "id"} or (is_whole and "id" in found.claims):
        yield Handle.ID
    if found.status:
        yield Handle.STATUS


def _warnings(found: Credential, now: int) -> Iterator[str]:
    if is_in_force(found, now):
        return
    if found.valid_until is not None and now > found.valid_until:
        yield f"it was valid until {format_time(found.valid_until)}"
    else:
        yield f"it is not valid before {format_time(found.valid_from or 0)}"

"""What a credential says, claim by claim, and which of it its holder can keep back.

Rules:
  1. Only in an SD-JWT can anything be kept back; every other credential is shown whole.
  2. A claim can be kept back if it, or something that it is in, has a disclosure of its own.
  3. Nothing is verified here: a wallet shows what it was given.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ethr_did.credentials.claim_paths import Path, path_text
from ethr_did.credentials.credential import Credential
from ethr_did.credentials.reading import read
from ethr_did.credentials.sd_jwt_vc import SDJWTVC
from ethr_did.errors import InvalidCredential

if TYPE_CHECKING:
    from collections.abc import Iterator


__all__ = ["ClaimLine", "Overview", "overview"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimLine:
    """One claim that holds no others."""

    path: Path
    value: Any = field(repr=False)
    """A text, a number, true, false, null, or an empty list or object."""
    can_be_hidden: bool
    """Whether a presentation may leave it out."""

    @property
    def name(self) -> str:
        """The path as people read it."""
        return path_text(self.path)


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A credential, for its holder."""

    credential: Credential
    lines: tuple[ClaimLine, ...] = field(repr=False)
    """Its claims, in their order."""


def overview(raw: str) -> Overview:
    """What a credential says.

    Args:
        raw: as the wallet holds it.

    Raises:
        InvalidCredential: it is none, or is a presentation.
    """
    found = read(raw)
    if isinstance(found, SDJWTVC) and found.binding is None:
        hidden = frozenset(found.processed.places.values())
        credential = found.credential
    elif isinstance(found, Credential):
        hidden, credential = frozenset(), found
    else:
        raise InvalidCredential(
            "this is a presentation, not a credential",
            hint="A wallet holds what its owner presents, not what others presented.",
        )
    lines = tuple(_lines(credential.claims, (), hidden, hideable=False))
    return Overview(credential=credential, lines=lines)


def _lines(
    value: Any, path: Path, hidden: frozenset[Path], *, hideable: bool
) -> Iterator[ClaimLine]:
    hideable = hideable or path in hidden
    if not isinstance(value, (dict, list)) or not value:
        yield ClaimLine(path=path, value=value, can_be_hidden=hideable)
        return
    steps = value.items() if isinstance(value, dict) else enumerate(value)
    for step, inner in steps:
        yield from _lines(inner, (*path, step), hidden, hideable=hideable)

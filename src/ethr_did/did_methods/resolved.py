"""What resolving a DID of any method gives.

Rules:
  * There is a document, or the identity was given up for good, or an error stood in the way: one of
    the three, always.
  * What could not be found out is a ``FetchError`` or a ``ChainError``; that a DID does not exist is
    a ``NotFoundError``. The one is never taken for the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from ethr_did.errors import DeactivatedError, EthrDIDError, NotFoundError, shown

if TYPE_CHECKING:
    from ethr_did.core.document import DIDDocument
    from ethr_did.core.resolution import ReadAt, ResolutionResult

__all__ = ["ResolvedDID"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ResolvedDID:
    """A DID with its document, or the reason why there is none. Equal are those that say the same."""

    did: str
    """As it was asked for."""
    document: DIDDocument | None = None
    deactivated: bool = False
    """Whether the identity was given up; there is no document then."""
    error: EthrDIDError | None = None
    """What stood in the way."""
    read_at: ReadAt | None = None
    """The block that the document is of; None for methods without a chain."""
    version_id: int | None = None
    """Block of the newest change that counts; None where there was none, or for other methods."""
    updated: int | None = None
    """Unix seconds of that block."""

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ResolvedDID):
            return NotImplemented
        return self._said() == other._said()

    __hash__ = None  # type: ignore[assignment]  # documents hold dicts

    def _said(self) -> tuple[object, ...]:
        # Exceptions are equal only to themselves.
        error = self.error and (type(self.error), self.error.message)
        found = (self.document, self.deactivated, error)
        return self.did, *found, self.read_at, self.version_id, self.updated

    @classmethod
    def from_result(cls, did: str, result: ResolutionResult) -> Self:
        """What the resolver of did:ethr says about a DID."""
        view = result.view
        if result.error is not None or view is None:
            return cls(did=did, error=result.error or NotFoundError(f"nothing about {shown(did)}"))
        return cls(
            did=did,
            document=view.document,
            deactivated=view.deactivated,
            read_at=result.read_at,
            version_id=view.version_id,
            updated=view.updated,
        )

    def require_document(self) -> DIDDocument:
        """The document, or the reason why there is none as an exception.

        Raises:
            EthrDIDError: the error.
            DeactivatedError: the identity was given up.
        """
        if self.error is not None:
            raise self.error
        if self.document is None:
            raise DeactivatedError(
                f"{shown(self.did)} was deactivated", block_number=self.version_id
            )
        return self.document

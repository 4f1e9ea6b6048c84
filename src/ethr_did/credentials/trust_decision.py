"""What one source says about an issuer: whether it is trusted for a credential, and if not, why.

Rules:
  * There is one reason for a yes. Everything else is a no, but for what could not be read, which is
    neither.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from ethr_did.core.resolution import ReadAt

__all__ = ["Issued", "TrustDecision", "TrustQuestion", "TrustReason"]


class TrustReason(StrEnum):
    """Why an issuer is trusted, or is not; from the strongest reason to the weakest."""

    TRUSTED = "issuer_trusted"
    NOT_READ = "trust_not_read"
    """The source could not be read, or its signature could not be checked: neither yes nor no."""
    NO_LONGER = "issuer_no_longer_trusted"
    NOT_YET = "issuer_not_yet_trusted"
    WRONG_TYPE = "issuer_not_trusted_for_type"
    DEACTIVATED = "trust_authority_deactivated"
    NOT_GENUINE = "trust_list_not_genuine"
    """The signature is not that of the signer."""
    EXPIRED = "trust_list_expired"
    UNKNOWN = "issuer_not_trusted"

    @property
    def strength(self) -> int:
        """Place among the reasons; the strongest is 0."""
        return list(TrustReason).index(self)


class Issued(Protocol):
    """The part of ``Credential`` that is judged."""

    @property
    def issuer(self) -> str:
        """A DID."""

    @property
    def types(self) -> tuple[str, ...]:
        """``type`` of a VC, ``vct`` of an SD-JWT."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustQuestion:
    """Whether an issuer may issue credentials of some types; an ``Issued`` without a credential."""

    issuer: str
    types: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustDecision:
    """What one source says."""

    source: str
    """Its name, for people."""
    reason: TrustReason
    message: str
    """For people."""
    read_at: ReadAt | None = None
    """The block that it is of; None for lists, and where nothing was read."""

    @property
    def is_trusted(self) -> bool:
        """Whether the source trusts the issuer."""
        return self.reason is TrustReason.TRUSTED

    def to_dict(self) -> dict[str, Any]:
        """The decision as JSON."""
        members: dict[str, Any] = {
            "source": self.source,
            "code": self.reason.value,
            "message": self.message,
            "readAt": None if self.read_at is None else self.read_at.to_dict(),
        }
        return {name: value for name, value in members.items() if value is not None}

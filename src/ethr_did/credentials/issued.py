"""What comes of issuing: credentials, and reports of batches, revocations and replacements."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ethr_did.core.status_entry import BitstringEntry, ListEntry, TokenEntry
    from ethr_did.credentials.credential import CredentialFormat, Raw
    from ethr_did.credentials.records import IssuanceRecord
    from ethr_did.status.plans import StatusReport

__all__ = ["IssueProgress", "IssueReport", "Issued", "Reissued", "Revocation"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Issued:
    """A credential that was signed."""

    reference: str
    format: CredentialFormat
    raw: Raw = field(repr=False)
    """What its holder gets."""
    digest: bytes
    """``Credential.digest``."""
    issued_at: int
    """Unix seconds."""
    entry: ListEntry | BitstringEntry | TokenEntry | None
    """Its status; None without."""
    record: IssuanceRecord | None
    """As it was when it was signed; None without a database."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueProgress:
    """How far a batch has come."""

    done: int
    """Credentials that were delivered, now or earlier."""
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueReport:
    """What became of a batch."""

    issued: int
    skipped: int
    """Had been handed over before."""
    references: tuple[str, ...]
    """Of all of them, in their order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Revocation:
    """What became of a revocation."""

    reference: str
    report: StatusReport | None
    """What was done on chain; None if nothing was to do there."""
    to_publish: bool
    """Whether verifiers see it only after the list's next version is published."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reissued:
    """A credential in the place of another."""

    reference: str
    """Of the new one."""
    issued: Issued | None
    """None: it had been handed over before."""
    revocation: Revocation | None
    """Of the old one; None: it was revoked before, or has no status."""

"""What a verifier learns about a credential's status.

Rules:
  * Five answers: valid, revoked, suspended, other, undetermined. Only ``valid`` is valid. What
    could not be found out is ``undetermined`` with its reason, never one of the others.
  * Of two views of one entry the stricter one counts, unless another policy is chosen. That a credential is revoked or suspended is
    worth knowing at once, though a reorganisation may take it back; that it is valid, or valid
    again, counts only where it cannot be taken back. ``undetermined`` is stricter than ``valid``
    and ``other``, and weaker than a "no" that was seen.

Spec: docs/credential-status.md, "Values"; Token Status List section 7; Bitstring Status List
section 2.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ethr_did.core.status_list import INVALID, SUSPENDED, VALID, Purpose
from ethr_did.errors import StatusNotValid, StatusUndetermined

if TYPE_CHECKING:
    from ethr_did.errors import EthrDIDError

__all__ = [
    "Finality",
    "FinalityPolicy",
    "Moment",
    "Status",
    "StatusKind",
    "choose",
    "kind_of",
    "stricter",
    "stricter_value",
    "undetermined",
    "with_finality",
]


class StatusKind(StrEnum):
    """The five answers."""

    VALID = "valid"
    OTHER = "other"
    """The issuer's own value, or one that does not take validity away (refresh, message)."""
    UNDETERMINED = "undetermined"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class Finality(StrEnum):
    """Whether what was read can still be taken back by a reorganisation."""

    FINAL = "final"
    """The same in the last finalised block."""
    PENDING = "pending"
    """Newer than the last finalised block; of a list kept off chain, the version that says so is."""
    UNKNOWN = "unknown"
    """Nobody asked, or the node did not say."""


class FinalityPolicy(StrEnum):
    """Which block counts."""

    STRICTEST = "strictest"
    """Of the newest and the last finalised one that with the stricter answer."""
    LATEST = "latest"
    """The newest: what it says may be taken back."""
    FINALIZED = "finalized"
    """The last finalised one: what happened since is not seen."""


_STRICTNESS = {kind: rank for rank, kind in enumerate(StatusKind)}
"""The members of ``StatusKind`` in their order, from the weakest to the strictest."""

_ONE_BIT = {
    Purpose.REVOCATION: StatusKind.REVOKED,
    Purpose.SUSPENSION: StatusKind.SUSPENDED,
    Purpose.LIFECYCLE: StatusKind.REVOKED,
    Purpose.REFRESH: StatusKind.OTHER,
    Purpose.MESSAGE: StatusKind.OTHER,
}
_WIDE = {INVALID: StatusKind.REVOKED, SUSPENDED: StatusKind.SUSPENDED}


def kind_of(value: int, *, purpose: Purpose, bits: int) -> StatusKind:
    """What a value means.

    Args:
        value: of the entry.
        purpose: of the list; a record's is ``LIFECYCLE``.
        bits: of an entry; a record has 8.

    Example:
        >>> kind_of(1, purpose=Purpose.SUSPENSION, bits=1).value
        'suspended'
        >>> kind_of(2, purpose=Purpose.LIFECYCLE, bits=2).value
        'suspended'
    """
    if value == VALID:
        return StatusKind.VALID
    if bits == 1 or purpose in (Purpose.REFRESH, Purpose.MESSAGE):
        return _ONE_BIT[purpose]
    return _WIDE.get(value, StatusKind.OTHER)


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """The block at which a status was read."""

    chain_id: int
    number: int
    hash: bytes
    timestamp: int
    """Unix seconds."""
    behind: int | None = field(default=None, compare=False)
    """Newer blocks that were known to be there, where an index answered; None: a node did."""

    def to_dict(self) -> dict[str, Any]:
        """The block as JSON."""
        out: dict[str, Any] = {
            "chainId": self.chain_id,
            "blockNumber": self.number,
            "blockHash": "0x" + self.hash.hex(),
            "blockTimestamp": self.timestamp,
        }
        return out if self.behind is None else {**out, "blocksBehind": self.behind}


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The status of one entry, and where it was seen."""

    kind: StatusKind
    value: int | None = None
    """As it is stored; None if undetermined."""
    message: str = ""
    """What the issuer says the value means."""
    reason: EthrDIDError | None = field(default=None, compare=False)
    """Why it could not be determined. Not compared: who do not know, for whatever reason, agree."""
    changed_block: int | None = None
    """Block since which the entry's word or record is as it is, or of the version of a list kept
    off chain; None: never written, or not known. It may have been so before: neighbours in the same
    word or list count, until ``since_exact`` says that they do not."""
    changed_at: int | None = None
    """Unix seconds of that block; None: not known."""
    since_exact: bool = False
    """Whether the entry itself changed in that block, and not only a neighbour."""
    list_version: int | None = None
    """Of the list, if it is kept off chain."""
    terminal: bool = False
    """Whether the rules of the list keep it so for ever. On chain the contract enforces them; for a
    list kept off chain they are the word of its issuer."""
    read_at: Moment | None = None
    """The block; None if no chain was read."""
    finality: Finality = Finality.UNKNOWN
    issuer_deactivated: int | None = None
    """Block in which the issuer gave up its identity: the status is that of before."""

    @property
    def is_valid(self) -> bool:
        """Whether it is good; False for everything else, the unknown included."""
        return self.kind is StatusKind.VALID

    def check(self) -> Status:
        """The status itself, if it is valid.

        Raises:
            StatusUndetermined: it could not be found out.
            StatusNotValid: it is revoked, suspended, or something else of the issuer's.
        """
        if self.kind is StatusKind.UNDETERMINED:
            why = self.reason.message if self.reason else "for no known reason"
            error = StatusUndetermined(
                f"the status of the credential could not be determined: {why}",
                hint=(self.reason.hint if self.reason else "") or "Do not accept it; ask again.",
                reason=self.reason.code if self.reason else "",
            )
            raise error from self.reason
        if not self.is_valid:
            raise StatusNotValid(
                f"the credential is {self.describe()}",
                hint="Do not accept it.",
                kind=self.kind.value,
                value=self.value,
                changed_block=self.changed_block,
            )
        return self

    def describe(self) -> str:
        """The answer in a few words, for people."""
        if self.kind is StatusKind.OTHER:
            words = f"of status {self.value}"
            return f"{words} ({self.message})" if self.message else words
        return self.kind.value

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON; members that are not known are left out."""
        members: dict[str, Any] = {
            "status": self.kind.value,
            "valid": self.is_valid,
            "value": self.value,
            "message": self.message or None,
            "reason": self.reason.to_dict() if self.reason else None,
            "changedBlock": self.changed_block,
            "changedAt": self.changed_at,
            "sinceExact": self.since_exact if self.changed_block is not None else None,
            "listVersion": self.list_version,
            "terminal": self.terminal,
            "readAt": self.read_at.to_dict() if self.read_at else None,
            "finality": self.finality.value,
            "issuerDeactivatedBlock": self.issuer_deactivated,
        }
        return {name: value for name, value in members.items() if value is not None}


def undetermined(reason: EthrDIDError, *, read_at: Moment | None = None) -> Status:
    """The answer that there is none."""
    return Status(kind=StatusKind.UNDETERMINED, reason=reason, read_at=read_at)


def with_finality(latest: Status, finalized: Status) -> Status:
    """The newest view, with what the last finalised one says about it."""
    kinds = (latest.kind, finalized.kind)
    if StatusKind.UNDETERMINED in kinds:
        return replace(latest, finality=Finality.UNKNOWN)
    same = (latest.kind, latest.value) == (finalized.kind, finalized.value)
    return replace(latest, finality=Finality.FINAL if same else Finality.PENDING)


def stricter(latest: Status, finalized: Status) -> Status:
    """The one of two views that counts, with what the other says about its finality.

    Args:
        latest: the entry in the newest block.
        finalized: the same entry in the last finalised block.
    """
    newest = with_finality(latest, finalized)
    if _STRICTNESS[latest.kind] > _STRICTNESS[finalized.kind]:
        return newest
    # Where neither is known, the newest block says best why. Where both are the same, it is final.
    if (
        newest.finality is Finality.FINAL
        or latest.kind is finalized.kind is StatusKind.UNDETERMINED
    ):
        return newest
    # Only what softens it is newer, and does not count yet.
    known = finalized.kind is not StatusKind.UNDETERMINED
    return replace(finalized, finality=Finality.FINAL if known else Finality.UNKNOWN)


def choose(policy: FinalityPolicy, *, latest: Status, finalized: Status) -> Status:
    """The view that counts."""
    match policy:
        case FinalityPolicy.LATEST:
            return with_finality(latest, finalized)
        case FinalityPolicy.FINALIZED:
            return with_finality(finalized, finalized)
        case FinalityPolicy.STRICTEST:  # pragma: no branch - there is no other
            return stricter(latest, finalized)


def stricter_value(latest: int, finalized: int, *, purpose: Purpose, bits: int) -> int:
    """The value that counts, as ``stricter`` has it.

    Example:
        >>> stricter_value(0, 2, purpose=Purpose.LIFECYCLE, bits=2)
        2
    """
    views = (
        Status(kind=kind_of(value, purpose=purpose, bits=bits), value=value)
        for value in (latest, finalized)
    )
    value = stricter(*views).value
    return latest if value is None else value

"""What a verifier finds out: a line for each check, and one verdict.

Rules:
  * A check has one of four outcomes. ``undetermined`` is neither a yes nor a no: a node or server
    did not answer, or there is nothing to compare with.
  * ``skipped`` says that nobody asked for the check, or that an earlier one makes it pointless.
    It never hides a failure: what makes a check pointless has failed itself.
  * The verdict is that of the worst check. Valid is only what has no failed and no undetermined one.
  * Reports hold what was disclosed. They are for the verifier, not for its log.
"""

from __future__ import annotations

import functools
import itertools
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ethr_did.core.resolution import format_time
from ethr_did.errors import (
    CredentialNotValid,
    CredentialUndetermined,
    DeactivatedError,
    EthrDIDError,
    InvalidConfiguration,
    InvalidDocument,
    InvalidInput,
    NotFoundError,
    UnknownNetwork,
    UnsupportedMethod,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ethr_did.core.status_answer import Status
    from ethr_did.credentials.claim_paths import Path
    from ethr_did.credentials.credential import CredentialFormat, PresentationFormat

__all__ = [
    "Check",
    "CheckName",
    "CredentialReport",
    "Outcome",
    "Report",
    "Verdict",
    "in_order",
    "is_no",
]


class Outcome(StrEnum):
    """How a check ended."""

    PASSED = "passed"
    SKIPPED = "skipped"
    UNDETERMINED = "undetermined"
    FAILED = "failed"


class Verdict(StrEnum):
    """What all checks amount to."""

    VALID = "valid"
    UNDETERMINED = "undetermined"
    INVALID = "invalid"


class CheckName(StrEnum):
    """What is checked, in this order."""

    FORMAT = "format"
    """It can be read, and is of an accepted format and algorithm."""
    KEY = "key"
    """The verification method is in the document, for this purpose."""
    SIGNATURE = "signature"
    NONCE = "nonce"
    AUDIENCE = "audience"
    HOLDER = "holder"
    """Who presents it is whom it was issued to."""
    VALIDITY = "validity"
    """The time is in its window."""
    AGE = "age"
    CLAIMS = "claims"
    """What the policy requires was disclosed."""
    SCHEMA = "schema"
    STATUS = "status"
    TRUST = "trust"
    """The issuer is accepted for this type."""
    QUERY = "query"
    """What was presented answers the request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One check."""

    name: CheckName
    outcome: Outcome
    message: str
    """For people."""
    code: str = ""
    """Why it did not pass, stable, for programs; empty where it passed."""
    facts: Mapping[str, Any] = field(default_factory=dict)
    """What was found out, as JSON."""

    def to_dict(self) -> dict[str, Any]:
        """The check as JSON."""
        members: dict[str, Any] = {
            "check": self.name.value,
            "outcome": self.outcome.value,
            "code": self.code or None,
            "message": self.message,
            **self.facts,
        }
        return {name: value for name, value in members.items() if value is not None}

    @classmethod
    def passed(cls, name: CheckName, message: str, **facts: Any) -> Check:
        """A check that passed."""
        if not facts:
            return _plain(name, Outcome.PASSED, message, "")
        return cls(name=name, outcome=Outcome.PASSED, message=message, facts=facts)

    @classmethod
    def failed(cls, name: CheckName, code: str, message: str, **facts: Any) -> Check:
        """A check that did not."""
        return cls(name=name, outcome=Outcome.FAILED, message=message, code=code, facts=facts)

    @classmethod
    def unknown(cls, name: CheckName, code: str, message: str, **facts: Any) -> Check:
        """A check that could not be made."""
        return cls(name=name, outcome=Outcome.UNDETERMINED, message=message, code=code, facts=facts)

    @classmethod
    def skipped(cls, name: CheckName, message: str, *, code: str = "") -> Check:
        """A check that nobody asked for, or that an earlier one makes pointless."""
        return _plain(name, Outcome.SKIPPED, message, code)

    @classmethod
    def of_error(cls, name: CheckName, error: EthrDIDError, code: str = "") -> Check:
        """A check that an error ended.

        Args:
            name: of the check.
            error: what ended it.
            code: in place of the error's own, where the error says "no".
        """
        message = error.message + (f". {error.hint}" if error.hint else "")
        if is_no(error):
            return cls.failed(name, code or error.code, message)
        return cls.unknown(name, error.code, message)


@functools.lru_cache(maxsize=256)
def _plain(name: CheckName, outcome: Outcome, message: str, code: str) -> Check:
    # Kept: most checks of most credentials say the same, and values are frozen.
    return Check(name=name, outcome=outcome, message=message, code=code)


_ORDER = tuple(CheckName)


def in_order(checks: Mapping[CheckName, Check]) -> tuple[Check, ...]:
    """Checks in the order in which they are reported."""
    return tuple([checks[name] for name in _ORDER if name in checks])


def is_no(error: EthrDIDError) -> bool:
    """Whether an error says that something is wrong, and not that it could not be found out.

    A network, method or contract that is not configured here may be good elsewhere. A server whose
    answer is no DID document has not answered.
    """
    if isinstance(
        error, (UnknownNetwork, UnsupportedMethod, InvalidConfiguration, InvalidDocument)
    ):
        return False
    return isinstance(error, (InvalidInput, NotFoundError, DeactivatedError))


def verdict_of(checks: Iterable[Check]) -> Verdict:
    """What checks amount to."""
    outcomes = {check.outcome for check in checks}
    if Outcome.FAILED in outcomes:
        return Verdict.INVALID
    # Of nothing at all, nothing is known.
    unknown = Outcome.UNDETERMINED in outcomes or Outcome.PASSED not in outcomes
    return Verdict.UNDETERMINED if unknown else Verdict.VALID


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialReport:
    """What was found out about one credential."""

    place: str
    """Where it was: ``credential``, or its number in a presentation."""
    checks: tuple[Check, ...]
    format: CredentialFormat | None = None
    """None if it could not be read, and then for the members below as well."""
    issuer: str | None = None
    subjects: tuple[str, ...] = ()
    types: tuple[str, ...] = ()
    claims: Mapping[str, Any] | None = field(default=None, repr=False)
    valid_from: int | None = None
    """First good Unix second."""
    valid_until: int | None = None
    """Last good Unix second."""
    statuses: tuple[Status, ...] = ()
    """One for each status entry, if they were asked for."""

    @property
    def verdict(self) -> Verdict:
        """That of the worst check."""
        return verdict_of(self.checks)

    def said(self) -> Iterator[tuple[Path, Any]]:
        """What the credential says about its subject, each claim with its path."""
        from ethr_did.credentials.claim_paths import leaves
        from ethr_did.credentials.credential import CredentialFormat
        from ethr_did.credentials.sd_jwt_vc import ALWAYS_SHOWN

        claims = self.claims or {}
        if self.format is CredentialFormat.SD_JWT:
            yield from leaves({n: value for n, value in claims.items() if n not in ALWAYS_SHOWN})
        else:
            yield from leaves(claims.get("credentialSubject", {}))

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        members: dict[str, Any] = {
            "verdict": self.verdict.value,
            "format": None if self.format is None else self.format.value,
            "issuer": self.issuer,
            "subjects": list(self.subjects) or None,
            "types": list(self.types) or None,
            "validFrom": None if self.valid_from is None else format_time(self.valid_from),
            "validUntil": None if self.valid_until is None else format_time(self.valid_until),
            "claims": self.claims,
            "statuses": [status.to_dict() for status in self.statuses] or None,
            "checks": [check.to_dict() for check in self.checks],
        }
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What was found out about a credential or a presentation."""

    verified_at: int
    """Unix seconds that "now" meant."""
    credentials: tuple[CredentialReport, ...]
    presentation: PresentationFormat | None = None
    """None for a credential that nobody presents."""
    holder: str | None = None
    """Who presents; None if nobody does, or only a key is known."""
    checks: tuple[Check, ...] = ()
    """Of the presentation; those of its credentials are theirs."""
    parts: tuple[Report, ...] = ()
    """Of an answer to a query: one for each presentation in it."""

    @property
    def all_checks(self) -> tuple[Check, ...]:
        """Every check, those of presentations before those of their credentials."""
        inside: Iterable[Check] = itertools.chain(
            (check for part in self.parts for check in part.all_checks),
            (check for one in self.credentials for check in one.checks),
        )
        return (*self.checks, *inside)

    @property
    def verdict(self) -> Verdict:
        """That of the worst check of all."""
        return verdict_of(self.all_checks)

    @property
    def is_valid(self) -> bool:
        """Whether it may be accepted; False for everything else, the unknown included."""
        return self.verdict is Verdict.VALID

    def check(self) -> Report:
        """The report itself, if it is valid.

        Raises:
            CredentialNotValid: a check failed.
            CredentialUndetermined: none failed, and one could not be made.
        """
        match self.verdict:
            case Verdict.VALID:
                return self
            case Verdict.INVALID:
                raise self._error(CredentialNotValid, Outcome.FAILED, "Do not accept it.")
            case Verdict.UNDETERMINED:  # pragma: no branch - there is no other
                raise self._error(
                    CredentialUndetermined, Outcome.UNDETERMINED, "Do not accept it; ask again."
                )

    def _error(self, kind: type[EthrDIDError], outcome: Outcome, hint: str) -> EthrDIDError:
        worst = [check for check in self.all_checks if check.outcome is outcome]
        words = "; ".join(f"{check.name.value}: {check.message}" for check in worst)
        what = "credential" if self.presentation is None else "presentation"
        state = "is not valid" if outcome is Outcome.FAILED else "could not be verified"
        return kind(
            f"the {what} {state}: {words or 'nothing was checked'}",
            hint=hint,
            codes=tuple(check.code for check in worst),
        )

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        members: dict[str, Any] = {
            "verdict": self.verdict.value,
            "valid": self.is_valid,
            "verifiedAt": format_time(self.verified_at),
            "presentation": None if self.presentation is None else self.presentation.value,
            "holder": self.holder,
            "checks": [check.to_dict() for check in self.checks] or None,
        }
        if self.parts:
            members["presentations"] = [part.to_dict() for part in self.parts]
        else:
            members["credentials"] = [one.to_dict() for one in self.credentials]
        return {name: value for name, value in members.items() if value is not None}

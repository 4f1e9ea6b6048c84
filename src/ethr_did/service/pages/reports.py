"""A verification report for people: one verdict, and a line for each check.

Rules:
  * What looks good is valid. Valid says for whom: nobody was named whose credentials are accepted,
    and nonce and audience of a presentation were not compared, since only who asked for it knows them.
  * What a credential says about its subject is shown as "not to be relied on" unless it is valid.
  * Every block that was read is named, each once.
  * Of more claims than anybody reads, the first are shown.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ethr_did.core.resolution import format_time, parse_time
from ethr_did.credentials.claim_paths import path_text
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.policy import Policy
from ethr_did.credentials.report import CheckName, Outcome, Verdict
from ethr_did.service.pages.moments import ReadBlock, in_words, network_name
from ethr_did.service.pages.statuses import Mark, StatusView
from ethr_did.service.pages.texts import harmless, json_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ethr_did.chain.networks import Networks
    from ethr_did.credentials.report import Check, CredentialReport, Report

__all__ = ["POLICY", "CheckView", "CredentialView", "ReportView"]

POLICY: Final = Policy(unbound=True)
"""What a stranger can demand of something that was not made for this page."""

_MOST_SUBJECTS: Final = 20
_MOST_CLAIMS: Final = 100
_MOST_MESSAGE: Final = 600
_MOST_REASONS: Final = 5

_OUTCOMES = {
    Outcome.PASSED: Mark("passed", "✓", "good"),
    Outcome.FAILED: Mark("failed", "✗", "bad"),
    Outcome.UNDETERMINED: Mark("not known", "?", "unsure"),
    Outcome.SKIPPED: Mark("not checked", "–", "quiet"),  # noqa: RUF001 - a dash is meant
}
_VERDICTS = {
    Verdict.VALID: (
        Mark("Valid, if you trust the issuer", "✓", "good"),
        "All that can be checked without knowing whom you trust was checked, and is right.",
    ),
    Verdict.INVALID: (
        Mark("Not valid", "✗", "bad"),
        "Do not accept it.",
    ),
    Verdict.UNDETERMINED: (
        Mark("Not known", "?", "unsure"),
        "Do not accept it yet: something could not be found out.",
    ),
}
_FORMATS = {
    CredentialFormat.VC_JWT: "VC-JWT",
    CredentialFormat.VC_JWT_1: "VC-JWT of the Data Model 1.1",
    CredentialFormat.SD_JWT: "SD-JWT VC",
    CredentialFormat.EIP712: "JSON with an EIP-712 proof",
    CredentialFormat.DATA_INTEGRITY: "JSON with a Data Integrity proof",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckView:
    """One check."""

    name: str
    mark: Mark
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialView:
    """One credential."""

    title: str
    facts: tuple[tuple[str, str], ...]
    """Format, type, times: each with its name."""
    issuer: str | None
    """Text of its DID."""
    subjects: tuple[str, ...]
    checks: tuple[CheckView, ...]
    statuses: tuple[StatusView, ...]
    claims: tuple[tuple[str, str], ...]
    """Path and value."""
    claims_cut: bool
    """Whether there are more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportView:
    """A whole report."""

    subject: str
    """What was verified: ``Credential`` or ``Presentation``."""
    verdict: Mark
    advice: str
    reasons: tuple[str, ...]
    """What stands in the way of valid, the first few."""
    is_valid: bool
    verified_at: str
    holder: str | None
    """Who presents it; empty for a key without a DID, None where nobody does."""
    checks: tuple[CheckView, ...]
    """Of the presentation."""
    credentials: tuple[CredentialView, ...]
    blocks: tuple[ReadBlock, ...]
    raw: str
    raw_cut: int

    @classmethod
    def of(cls, report: Report, networks: Networks) -> ReportView:
        """What there is to say about a report."""
        mark, advice = _VERDICTS[report.verdict]
        raw, raw_cut = json_text(report.to_dict())
        presented = report.presentation is not None
        return cls(
            subject="Presentation" if presented else "Credential",
            verdict=mark,
            advice=advice,
            reasons=tuple(_reasons(report)),
            is_valid=report.is_valid,
            verified_at=format_time(report.verified_at),
            holder=harmless(report.holder or "") if presented else None,
            checks=_checks(report.checks),
            credentials=tuple(
                _credential(one, networks, report.verified_at) for one in report.credentials
            ),
            blocks=tuple(_blocks(report, networks)),
            raw=raw,
            raw_cut=raw_cut,
        )


def _reasons(report: Report) -> Iterator[str]:
    worst = {Verdict.INVALID: Outcome.FAILED, Verdict.UNDETERMINED: Outcome.UNDETERMINED}
    outcome = worst.get(report.verdict)
    found = (check for check in report.all_checks if check.outcome is outcome)
    for check in itertools.islice(found, _MOST_REASONS):
        yield f"{_check_name(check)}: {harmless(check.message, _MOST_MESSAGE)}"


def _check_name(check: Check) -> str:
    return check.name.value.capitalize()


def _checks(checks: Sequence[Check]) -> tuple[CheckView, ...]:
    return tuple(
        CheckView(
            name=_check_name(check),
            mark=_OUTCOMES[check.outcome],
            message=harmless(check.message, _MOST_MESSAGE),
        )
        for check in checks
    )


def _credential(one: CredentialReport, networks: Networks, now: int) -> CredentialView:
    claims = [
        (harmless(path_text(path)), harmless(value))
        for path, value in itertools.islice(one.said(), _MOST_CLAIMS + 1)
    ]
    return CredentialView(
        title=one.place.capitalize(),
        facts=tuple(_facts(one)),
        issuer=None if one.issuer is None else harmless(one.issuer),
        subjects=tuple(harmless(subject) for subject in one.subjects[:_MOST_SUBJECTS]),
        checks=_checks(one.checks),
        statuses=tuple(
            StatusView.of(number, status, networks, now)
            for number, status in enumerate(one.statuses, start=1)
        ),
        claims=tuple(claims[:_MOST_CLAIMS]),
        claims_cut=len(claims) > _MOST_CLAIMS,
    )


def _facts(one: CredentialReport) -> Iterator[tuple[str, str]]:
    if one.types:
        yield "Type", harmless(", ".join(one.types))
    if one.format is not None:
        yield "Format", _FORMATS[one.format]
    if one.valid_from is not None:
        yield "Valid from", in_words(format_time(one.valid_from))
    if one.valid_until is not None:
        yield "Valid until", in_words(format_time(one.valid_until))


# -- blocks --------------------------------------------------------------------------------------


def _blocks(report: Report, networks: Networks) -> Iterator[ReadBlock]:
    """Every block that was read, each once, in their order."""
    places: dict[tuple[int, int, bytes], tuple[int, int | None]] = {}
    for one in report.credentials:
        for status in one.statuses:
            if (moment := status.read_at) is not None:
                places[moment.chain_id, moment.number, moment.hash] = moment.timestamp, None
    for check in report.all_checks:
        at = check.facts.get("readAt") if check.name is CheckName.KEY else None
        if at is not None:
            place = at["chainId"], at["blockNumber"], bytes.fromhex(at["blockHash"][2:])
            places[place] = parse_time(at["blockTime"]), at.get("blocksBehind")
    for (chain_id, number, digest), (timestamp, behind) in sorted(places.items()):
        yield ReadBlock(
            network=network_name(networks, chain_id),
            chain_id=chain_id,
            number=number,
            hash=digest,
            timestamp=timestamp,
            now=report.verified_at,
            blocks_behind=behind,
        )

"""The status of a credential for people: in words, with since when, and how far it can be relied on.

Rules:
  * Only "valid" looks good. What could not be found out has its reason beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethr_did.core.resolution import format_time
from ethr_did.core.status_answer import Finality, StatusKind
from ethr_did.service.pages.moments import ReadBlock, in_words, network_name
from ethr_did.service.pages.texts import harmless
from ethr_did.service.problems import outside_words

if TYPE_CHECKING:
    from ethr_did.chain.networks import Networks
    from ethr_did.core.status_answer import Status

__all__ = ["Mark", "StatusView"]


@dataclass(frozen=True, slots=True)
class Mark:
    """How an outcome looks: a word, a sign beside it, and a tone. Never the tone alone."""

    word: str
    sign: str
    tone: str
    """Class of the stylesheet: ``good``, ``bad``, ``unsure``, ``quiet``."""


_MARKS = {
    StatusKind.VALID: Mark("valid", "✓", "good"),
    StatusKind.REVOKED: Mark("revoked", "✗", "bad"),
    StatusKind.SUSPENDED: Mark("suspended", "✗", "bad"),
    StatusKind.OTHER: Mark("other", "!", "unsure"),
    StatusKind.UNDETERMINED: Mark("not known", "?", "unsure"),
}
_FINALITIES = {
    Finality.FINAL: "Final: it cannot be taken back by a reorganisation.",
    Finality.PENDING: "Newer than the last final block: a reorganisation may take it back.",
    Finality.UNKNOWN: "",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusView:
    """One status."""

    number: int
    """Of the entry, from 1."""
    mark: Mark
    notes: tuple[str, ...]
    """What else there is to say, a sentence each."""
    block: ReadBlock | None
    """None if no chain was read."""

    @classmethod
    def of(cls, number: int, status: Status, networks: Networks, now: int) -> StatusView:
        """What there is to say about a status."""
        at = status.read_at
        mark = _MARKS[status.kind]
        if status.kind is StatusKind.OTHER:
            mark = Mark(harmless(status.describe()), mark.sign, mark.tone)
        return cls(
            number=number,
            mark=mark,
            notes=tuple(_notes(status)),
            block=None
            if at is None
            else ReadBlock(
                network=network_name(networks, at.chain_id),
                chain_id=at.chain_id,
                number=at.number,
                hash=at.hash,
                timestamp=at.timestamp,
                now=now,
            ),
        )


def _notes(status: Status) -> list[str]:
    notes: list[str] = []
    if status.reason is not None:
        message, hint = outside_words(status.reason)
        notes += [_sentence(message), hint]
    if status.kind is StatusKind.OTHER:
        notes.append("The issuer gives it a meaning of its own.")
    elif status.message:
        notes.append(f"The issuer says: {harmless(status.message)}")
    notes += [_since(status), _FINALITIES[status.finality]]
    if status.terminal and status.kind is not StatusKind.VALID:
        notes.append("The rules of its list keep it so for ever.")
    if status.list_version is not None:
        notes.append(f"Version {status.list_version} of the list.")
    if status.issuer_deactivated is not None:
        notes.append(
            f"The issuer gave up its identity in block {status.issuer_deactivated}; "
            "this is the status of before."
        )
    return [note for note in notes if note]


def _since(status: Status) -> str:
    if status.changed_block is None:
        return ""
    at = "" if status.changed_at is None else f", {in_words(format_time(status.changed_at))}"
    words = "Changed in" if status.since_exact else "Not changed since"
    return f"{words} block {status.changed_block}{at}."


def _sentence(text: str) -> str:
    told = harmless(text, 600)
    return f"{told[:1].upper()}{told[1:]}."

"""What of a wallet answers a query: which credentials, and of each which claims.

Rules:
  1. A credential that does not match is as one that is not there.
  2. Without credential sets, all credential queries are answered. With them, each required set is
     answered by the first of its options that can be, with credentials that are valid now if there
     are; the other sets only if the holder wants it.
  3. Where several credentials match, those that are valid now come first, then those that have what
     the verifier prefers, then those that were there first.
  4. If one thing is missing that has to be there, nothing is shown at all, and the holder, not the
     verifier, is told why.

Spec: OpenID for Verifiable Presentations 1.0, sections 6.4.1 and 6.4.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from ethr_did.credentials.dcql_matching import Match, Mismatch, can_be_bound, match
from ethr_did.errors import InvalidQuery, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ethr_did.credentials.credential import Credential
    from ethr_did.credentials.dcql import CredentialQuery, Query, SetQuery
    from ethr_did.credentials.dcql_matching import Outcome

__all__ = ["Answer", "Answers", "find_answers", "is_in_force"]

_MOST_REASONS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A credential that answers a credential query."""

    credential_id: str
    match: Match
    is_in_force: bool
    """Whether it is valid now, as far as its own window goes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a wallet has for a query."""

    query: Query
    found: Mapping[str, tuple[Answer, ...]] = field(repr=False)
    """By the id of the credential query; what fits best comes first."""
    reasons: Mapping[str, str] = field(repr=False)
    """Why there is none, by the id of the credential query; for the holder only."""

    def is_answered(self, query_ids: Iterable[str]) -> bool:
        """Whether there is an answer to each of these credential queries."""
        return all(self.found[one] for one in query_ids)

    def needed(self) -> tuple[str, ...]:
        """The credential queries to answer, in their order.

        Raises:
            InvalidQuery: one that has to be answered cannot be.
        """
        if not self.query.sets:
            return self._checked([one.id for one in self.query.credentials])
        chosen = {name for one in self.query.sets if one.required for name in self._option(one)}
        return self._in_order(chosen)

    def optional(self) -> tuple[str, ...]:
        """Those that can be answered as well, in their order, and need not be."""
        needed = set(self.needed())
        more = {
            name
            for one in self.query.sets
            if not one.required
            for name in self._first_answered(one) or ()
        }
        return self._in_order(more - needed)

    def _in_order(self, chosen: set[str]) -> tuple[str, ...]:
        return tuple(one.id for one in self.query.credentials if one.id in chosen)

    def _first_answered(self, one: SetQuery) -> tuple[str, ...] | None:
        options = [option for option in one.options if self.is_answered(option)]
        good = (
            option for option in options if all(self._best(name).is_in_force for name in option)
        )
        return next(good, options[0] if options else None)

    def _best(self, query_id: str) -> Answer:
        return self.found[query_id][0]

    def _option(self, one: SetQuery) -> tuple[str, ...]:
        found = self._first_answered(one)
        return (
            self._checked(name for each in one.options for name in each) if found is None else found
        )

    def _checked(self, query_ids: Iterable[str]) -> tuple[str, ...]:
        """The ids, if there is an answer to each."""
        asked = tuple(dict.fromkeys(query_ids))
        missing = [one for one in asked if not self.found[one]]
        if missing:
            words = "; ".join(f"{shown(one)}: {self.reasons[one]}" for one in missing)
            raise InvalidQuery(
                f"nothing that is held answers {words}",
                hint="Nothing was shown. Ask the verifier for another way, or get the credential.",
                missing=tuple(missing),
            )
        return asked


def find_answers(query: Query, held: Mapping[str, Credential], *, now: int) -> Answers:
    """What answers a query.

    Args:
        query: the verifier's.
        held: credentials by their ids, with all claims that the holder can disclose.
        now: Unix seconds.
    """
    bindable = {name: can_be_bound(one) for name, one in held.items()}
    found: dict[str, tuple[Answer, ...]] = {}
    reasons: dict[str, str] = {}
    for asked in query.credentials:
        outcomes = {name: match(asked, one, is_bound=bindable[name]) for name, one in held.items()}
        matches = [
            Answer(credential_id=name, match=one, is_in_force=is_in_force(held[name], now))
            for name, one in outcomes.items()
            if isinstance(one, Match)
        ]
        matches.sort(key=lambda one: (not one.is_in_force, one.match.option))
        found[asked.id] = tuple(matches)
        if not matches:
            reasons[asked.id] = _reason(asked, outcomes)
    return Answers(query=query, found=found, reasons=reasons)


def is_in_force(credential: Credential, now: int) -> bool:
    """Whether the time is in the credential's window of validity."""
    start, end = credential.valid_from, credential.valid_until
    return (start is None or start <= now) and (end is None or now <= end)


def _reason(asked: CredentialQuery, outcomes: Mapping[str, Outcome]) -> str:
    """Why nothing matches: what is said of the credentials that came closest."""
    missed = {name: one for name, one in outcomes.items() if isinstance(one, Mismatch)}
    if not missed:
        return "no credential is held"
    closest = max(one.reason.place for one in missed.values())
    near = {name: one.message for name, one in missed.items() if one.reason.place == closest}
    if closest == 0:
        return f"no credential of the format {shown(asked.format)} is held"
    return _listed([f"{name}: {words}" for name, words in near.items()])


def _listed(reasons: Sequence[str]) -> str:
    more = len(reasons) - _MOST_REASONS
    return "; ".join(reasons[:_MOST_REASONS]) + (f"; and {more} more" if more > 0 else "")

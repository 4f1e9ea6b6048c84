"""What was presented for a query, checked by whoever asked: does it answer the query?

Rules:
  1. The verifier looks itself. What the query says about claims and credentials is not enforced by
     the wallet, whose word nobody has to take.
  2. A credential is judged by what it discloses here, and each credential that was presented must
     answer its query. More than was asked for is no fault.
  3. Whether it is genuine, current and presented by its holder is found out before: here it is
     believed, and ``is_bound`` says whether there is a holder at all.
  4. No fault holds the value of a claim.

Spec: OpenID for Verifiable Presentations 1.0, sections 8.1, 8.6 (steps 1, 2.2, 2.3 and 3) and 14.9.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.strict_json import read_json
from ethr_did.credentials.dcql import MAX_CREDENTIALS
from ethr_did.credentials.dcql_matching import Mismatch, match
from ethr_did.errors import InvalidCredential, InvalidInput, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ethr_did.credentials.credential import Credential, Raw
    from ethr_did.credentials.dcql import CredentialQuery, Query

__all__ = [
    "MAX_PRESENTATIONS",
    "Presented",
    "ResponseCode",
    "ResponseFault",
    "check_credentials",
    "check_response",
    "read_vp_token",
]

MAX_PRESENTATIONS: Final = 64
"""Most presentations in a VP token."""

MAX_VP_TOKEN: Final = 1 << 22
"""Bytes of a VP token."""


class ResponseCode(StrEnum):
    """What is wrong with a response, beside what a ``Shortfall`` says of one credential."""

    UNKNOWN_QUERY = "unknown_query"
    TOO_MANY = "too_many_presentations"
    NOT_ANSWERED = "query_not_answered"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presented:
    """A credential that was presented, verified."""

    credential: Credential
    is_bound: bool
    """Whether its holder has signed for this verifier: with key binding, or in a presentation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseFault:
    """Something that was asked for and is not there, or is not as it was asked for."""

    code: str
    """Stable, for programs: of ``ResponseCode`` or ``Shortfall``."""
    message: str
    """For people."""
    query_id: str | None = None
    """Of the credential query; None if it is about all of them."""


def check_response(
    query: Query, presented: Mapping[str, Sequence[Presented]]
) -> tuple[ResponseFault, ...]:
    """What is wrong with a response; nothing if it answers the query.

    Args:
        query: the verifier's own.
        presented: credentials by the ids of the credential queries that they were presented for.
    """
    faults: list[ResponseFault] = []
    for name, given in presented.items():
        asked = query.find(name)
        if asked is None:
            faults.append(_fault(ResponseCode.UNKNOWN_QUERY, "nobody asked for it", name))
            continue
        faults += _check_given(asked, given)
    wrong = {one.query_id for one in faults}
    answered = {name for name, given in presented.items() if given} - wrong
    missing = (one for one in _check_sets(query, answered) if one.query_id not in wrong)
    return (*faults, *missing)


def check_credentials(query: Query, presented: Sequence[Presented]) -> tuple[ResponseFault, ...]:
    """What is wrong with credentials that do not say which query they are for; nothing, if anything.

    Each must answer a credential query, and all of them together the whole. A credential may answer
    more than one.

    Args:
        query: the verifier's own.
        presented: credentials, such as those of one presentation.
    """
    faults: list[ResponseFault] = []
    answered: set[str] = set()
    for number, one in enumerate(presented, start=1):
        outcomes = {
            asked.id: match(asked, one.credential, is_bound=one.is_bound, is_shown=True)
            for asked in query.credentials
        }
        missed = [out for out in outcomes.values() if isinstance(out, Mismatch)]
        if len(missed) < len(outcomes):
            answered |= {name for name, out in outcomes.items() if not isinstance(out, Mismatch)}
            continue
        nearest = max(missed, key=lambda out: out.reason.place)
        words = f"credential {number} answers none of the queries: {nearest.message}"
        faults.append(ResponseFault(code=nearest.reason.value, message=words))
    return (*faults, *_check_sets(query, answered))


def read_vp_token(data: bytes | object) -> dict[str, tuple[Raw, ...]]:
    """The presentations of a VP token, by the ids of the credential queries; none is read yet.

    Args:
        data: JSON, or what it says.

    Raises:
        InvalidCredential: it is no VP token.

    Spec: section 8.1.

    Example:
        >>> read_vp_token(b'{"pid": ["eyJhbGciOi"]}')
        {'pid': ('eyJhbGciOi',)}
    """
    value = _read(data) if isinstance(data, bytes) else data
    if not isinstance(value, Mapping) or not 0 < len(value) <= MAX_CREDENTIALS:
        raise InvalidCredential(
            f"a VP token is an object of 1 to {MAX_CREDENTIALS} members",
            hint="Each is named by the id of a credential query, and holds an array.",
        )
    found = {str(name): _presentations(str(name), given) for name, given in value.items()}
    count = sum(map(len, found.values()))
    if count > MAX_PRESENTATIONS:
        raise InvalidCredential(
            f"a VP token has {count} presentations, and {MAX_PRESENTATIONS} are the most"
        )
    return found


def _read(data: bytes) -> Any:
    if len(data) > MAX_VP_TOKEN:
        raise InvalidCredential(f"a VP token has {len(data)} bytes, and may have {MAX_VP_TOKEN}")
    try:
        return read_json(data)
    except InvalidInput as cause:
        raise InvalidCredential(f"the VP token is {cause.message}") from cause


def _presentations(name: str, given: object) -> tuple[Raw, ...]:
    if not isinstance(given, list) or not given:
        raise InvalidCredential(f"what a VP token has for {shown(name)} is not an array with one")
    if not all(isinstance(one, (str, Mapping)) and one for one in given):
        raise InvalidCredential(f"a presentation for {shown(name)} is neither a text nor an object")
    return tuple(given)


# -- checks --------------------------------------------------------------------------------------


def _fault(code: ResponseCode, words: str, query_id: str | None = None) -> ResponseFault:
    about = "" if query_id is None else f"{shown(query_id)}: "
    return ResponseFault(code=code.value, message=f"{about}{words}", query_id=query_id)


def _check_given(asked: CredentialQuery, given: Sequence[Presented]) -> Iterable[ResponseFault]:
    if len(given) > 1 and not asked.multiple:
        yield _fault(ResponseCode.TOO_MANY, f"one was asked for, {len(given)} came", asked.id)
    for one in given:
        outcome = match(asked, one.credential, is_bound=one.is_bound, is_shown=True)
        if isinstance(outcome, Mismatch):
            yield ResponseFault(
                code=outcome.reason.value,
                message=f"{shown(asked.id)}: {outcome.message}",
                query_id=asked.id,
            )


def _check_sets(query: Query, answered: set[str]) -> Iterable[ResponseFault]:
    if not query.sets:
        for asked in query.credentials:
            if asked.id not in answered:
                yield _fault(ResponseCode.NOT_ANSWERED, "nothing answers it", asked.id)
        return
    for one in query.sets:
        if one.required and not any(answered.issuperset(option) for option in one.options):
            words = " or ".join(" and ".join(map(shown, option)) for option in one.options)
            yield _fault(ResponseCode.NOT_ANSWERED, f"nothing answers {words}")

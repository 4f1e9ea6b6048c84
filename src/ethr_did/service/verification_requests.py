"""What requests to verify something say: credentials, presentations, options.

Rules:
  * Bodies are those of the VC API. A credential or presentation is a JSON object with its proof, a
    token, or an envelope around a token.
  * "Implementations MUST throw an error if an endpoint receives data, options, or option values
    that it does not understand": whoever asks for a check that is not made must not be told that
    everything is well.
  * Options can demand more than the service does by itself, and say what only whoever asks can know:
    nonce, audience, required claims. Whom the service trusts is not for them to say.
  * ``checks`` is an option of older drafts. It is understood, and all checks are made nevertheless.
  * A number of things that decides how long it takes is bounded here, or by what reads them.

Spec: VC API (VCALM) 0.9, sections "Handling Unknown Options and Data", "Verify Credential" and
"Verify Presentation"; VC Data Model 2.0, sections 4.13.1 and 4.13.2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.status_answer import FinalityPolicy
from ethr_did.core.strict_json import read_json
from ethr_did.credentials.anchoring import ExistenceProof
from ethr_did.credentials.claim_paths import parse_path
from ethr_did.credentials.data_model import CONTEXT_2
from ethr_did.credentials.dcql import Query
from ethr_did.credentials.policy import HolderRule, Policy
from ethr_did.errors import InvalidCredential, InvalidOption, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ethr_did.credentials.credential import Raw

__all__ = ["Asked", "Subject", "UnknownOption", "VerifyOptions", "read_query", "read_request"]

_MAX_TEXT: Final = 2048
_MAX_PATHS: Final = 64
_MAX_PROOFS: Final = 16
_MAX_CHECKS: Final = 16

_ENVELOPES = {
    "EnvelopedVerifiableCredential": r"vc\+jwt|jwt|dc\+sd-jwt|vc\+sd-jwt",
    "EnvelopedVerifiablePresentation": r"vp\+jwt|jwt|dc\+sd-jwt|vc\+sd-jwt",
}


class UnknownOption(InvalidOption):
    """An option that nobody here knows."""


class Subject(Enum):
    """What is to be verified."""

    CREDENTIAL = "verifiableCredential"
    """Alone: nobody presents it."""
    PRESENTATION = "verifiablePresentation"
    """By its holder."""
    EITHER = "either"
    """Whichever it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifyOptions:
    """What whoever asks wants, beside what the service demands by itself."""

    nonce: str | None = None
    audience: str | None = None
    unbound: bool = False
    holder: HolderRule | None = None
    required: tuple[tuple[str | int | None, ...], ...] = ()
    query: Query | None = None
    max_age: int | None = None
    finality: FinalityPolicy | None = None
    require_status: bool = False
    proofs: tuple[ExistenceProof, ...] = ()
    returns_problems: bool = True
    returns_results: bool = False
    returns_subject: bool = False

    def policy(self, base: Policy, subject: Subject) -> Policy:
        """What is demanded.

        Args:
            base: by the service.
            subject: what is to be verified.
        """
        holder = self.holder or base.holder
        if subject is Subject.PRESENTATION and holder is HolderRule.BOUND and self.query is None:
            holder = HolderRule.PRESENTED
        ages = [age for age in (base.max_age, self.max_age) if age is not None]
        return replace(
            base,
            nonce=self.nonce if self.nonce is not None else base.nonce,
            audience=self.audience if self.audience is not None else base.audience,
            unbound=self.unbound or base.unbound,
            holder=holder,
            required=(*base.required, *self.required),
            query=self.query or base.query,
            max_age=min(ages, default=None),
            finality=self.finality or base.finality,
            require_status=self.require_status or base.require_status,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request."""

    subject: Raw | bytes = field(repr=False)
    given: Any = field(repr=False)
    """As it stood in the request."""
    options: VerifyOptions
    is_response: bool = False
    """Whether it is the answer to a query: presentations by the parts of the query."""


def read_request(body: bytes, subject: Subject) -> Asked:
    """The request in a body.

    Args:
        body: JSON.
        subject: what is to be verified.

    Raises:
        UnknownOption: an option is not known.
        InvalidInput: anything else is wrong with it.
    """
    given = read_json(body)
    if not isinstance(given, dict):
        raise InvalidOption(f"the body is not an object: {shown(given, 60)}")
    known = (subject.value, "options", *(("vpToken",) if subject is Subject.PRESENTATION else ()))
    for member in given:
        if member not in known:
            raise InvalidOption(
                f"the body has an unknown member {shown(member)}", hint=_hint(member, known)
            )
    options = _options(given.get("options", {}), subject)
    named = [name for name in known if name != "options" and name in given]
    if len(named) != 1:
        raise InvalidOption(
            f"one of {' and '.join(known[::2])} must be there",
            hint=f'{{"{subject.value}": …, "options": {{…}}}}',
        )
    found = given[named[0]]
    if named[0] == "vpToken":
        return _response(found, options)
    if not isinstance(found, (str, dict)):
        raise InvalidOption(f"{subject.value} is neither an object nor a token: {shown(found, 60)}")
    return Asked(subject=_opened(found), given=found, options=options)


def _hint(member: str, known: Sequence[str]) -> str:
    if member == "presentation":
        return "A presentation that nobody has signed cannot be verified."
    return nearest(member, known)


def _response(found: object, options: VerifyOptions) -> Asked:
    if options.query is None:
        raise InvalidOption("a vpToken is verified with its query", hint="Give options.query.")
    if not isinstance(found, dict):
        raise InvalidOption(f"vpToken is not an object: {shown(found, 60)}")
    return Asked(subject=found, given=found, options=options, is_response=True)


def _opened(value: Raw) -> Raw:
    """What is in an envelope, or the value itself.

    Raises:
        InvalidCredential: it is a broken envelope.
    """
    if isinstance(value, str):
        return value
    kind = _envelope_of(value.get("type"))
    if kind is None:
        return value
    contexts = value.get("@context")
    if CONTEXT_2 not in (contexts if isinstance(contexts, list) else [contexts]):
        raise InvalidCredential(
            f"@context of the envelope does not name {CONTEXT_2}: {shown(contexts, 60)}"
        )
    id_ = value.get("id")
    pattern = rf"data:application/(?:{_ENVELOPES[kind]})(?:;[a-z0-9=;._-]*)?,([^,\s]+)"
    match = re.fullmatch(pattern, id_) if isinstance(id_, str) else None
    if match is None:
        raise InvalidCredential(
            f"id of the envelope is no data: URL of a known kind: {shown(id_, 60)}",
            hint="As data:application/vc+jwt, and the token.",
        )
    return match[1]


def _envelope_of(kinds: object) -> str | None:
    """The kind of envelope among the types of an object; None if it is none."""
    for one in kinds if isinstance(kinds, list) else [kinds]:
        if isinstance(one, str) and one in _ENVELOPES:
            return one
    return None


# -- options -------------------------------------------------------------------------------------

_COMMON = (
    "checks",
    "returnResults",
    "returnProblemDetails",
    "require",
    "maxAge",
    "policy",
    "requireStatus",
    "holder",
    "existence",
)
_OF_CREDENTIAL = (*_COMMON, "returnCredential")
_OF_PRESENTATION = (*_COMMON, "returnPresentation", "challenge", "domain", "unbound", "query")


def _options(given: object, subject: Subject) -> VerifyOptions:
    if not isinstance(given, dict):
        raise InvalidOption(f"options is not an object: {shown(given, 60)}")
    known = _OF_CREDENTIAL if subject is Subject.CREDENTIAL else _OF_PRESENTATION
    for name in given:
        if name not in known:
            hint = nearest(name, known)
            if name in _OF_PRESENTATION:
                hint = "It is an option of /presentations/verify."
            raise UnknownOption(f"unknown option {shown(name)}", hint=hint)
        if given[name] is None:
            raise InvalidOption(f"the option {name} is null", hint="Leave it out.")
    _texts(given.get("checks", []), "checks", _MAX_CHECKS)
    query = given.get("query")
    return VerifyOptions(
        nonce=_text(given, "challenge"),
        audience=_text(given, "domain"),
        unbound=_flag(given, "unbound"),
        holder=_member(given, "holder", HolderRule),
        required=tuple(
            parse_path(path) for path in _texts(given.get("require", []), "require", _MAX_PATHS)
        ),
        query=None if query is None else Query.from_dict(query),
        max_age=_seconds(given.get("maxAge")),
        finality=_member(given, "policy", FinalityPolicy),
        require_status=_flag(given, "requireStatus"),
        proofs=_proofs(given.get("existence", [])),
        returns_problems=_flag(given, "returnProblemDetails", usual=True),
        returns_results=_flag(given, "returnResults"),
        returns_subject=_flag(given, "returnCredential") or _flag(given, "returnPresentation"),
    )


def read_query(given: Sequence[tuple[str, str]]) -> VerifyOptions:
    """The options in the query parameters of a request.

    Args:
        given: names and values; ``require`` may be there several times.

    Raises:
        UnknownOption: an option is not known.
        InvalidOption: one has no meaning as given, or is there twice.
    """
    known = (
        "challenge",
        "domain",
        "unbound",
        "holder",
        "require",
        "maxAge",
        "policy",
        "requireStatus",
    )
    members: dict[str, Any] = {}
    for name, value in given:
        if name not in known:
            raise UnknownOption(f"unknown option {shown(name)}", hint=nearest(name, known))
        if name == "require":
            members.setdefault(name, []).append(value)
        elif name in members:
            raise InvalidOption(f"the option {name} is there twice")
        elif name in ("unbound", "requireStatus"):
            members[name] = {"true": True, "false": False}.get(value, value)
        elif name == "maxAge":
            members[name] = int(value) if re.fullmatch(r"[0-9]{1,12}", value, re.ASCII) else value
        else:
            members[name] = value
    return _options(members, Subject.EITHER)


def _text(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is not None and (not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT):
        raise InvalidOption(
            f"{name} is not a text of at most {_MAX_TEXT} characters: {shown(value)}"
        )
    return value


def _texts(value: object, name: str, most: int) -> list[str]:
    if isinstance(value, list) and len(value) <= most and all(map(_is_text, value)):
        return value
    raise InvalidOption(f"{name} is not a list of at most {most} texts: {shown(value)}")


def _is_text(value: object) -> bool:
    return isinstance(value, str) and len(value) <= _MAX_TEXT


def _flag(given: Mapping[str, Any], name: str, *, usual: bool = False) -> bool:
    value = given.get(name, usual)
    if not isinstance(value, bool):
        raise InvalidOption(f"{name} is neither true nor false: {shown(value)}")
    return value


def _member(given: Mapping[str, Any], name: str, kind: Any) -> Any:
    value = given.get(name)
    names = [one.value for one in kind]
    if value is not None and value not in names:
        raise InvalidOption(f"{name} is {shown(value)}", hint=f"Known: {', '.join(names)}.")
    return None if value is None else kind(value)


def _seconds(value: object) -> int | None:
    if value is not None and (type(value) is not int or not 0 <= value < 1 << 40):
        raise InvalidOption(f"maxAge is {shown(value)}", hint="Give seconds, 0 or more.")
    return value


def _proofs(value: object) -> tuple[ExistenceProof, ...]:
    if not isinstance(value, list) or len(value) > _MAX_PROOFS:
        raise InvalidOption(f"existence is not a list of at most {_MAX_PROOFS} proofs")
    return tuple(ExistenceProof.from_dict(one) for one in value)

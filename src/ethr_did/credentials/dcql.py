"""Queries for credentials, as verifiers write them: DCQL, read strictly.

Rules:
  1. What the specification requires is there and has its form, or the whole is refused. Members
     that it does not know are passed over, as it demands.
  2. An id is letters, digits, ``_`` and ``-``, and is there once. What names an id names one that
     is there.
  3. A step of a path is a name, an index from 0, or None for every element; ``True`` is no index.
     A value that is asked for is a text, a whole number, true or false.
  4. Formats are asked for by these names. A query for another one is no fault: nothing answers it.

     ================  ==============================================================
     ``dc+sd-jwt``     SD-JWT VC
     ``jwt_vc_json``   VC-JWT, of both data models
     ``vc+jwt``        VC-JWT of the Data Model 2.0; no name of OpenID, the media type
     ``ldp_vc``        Data Integrity, and EthereumEip712Signature2021
     ================  ==============================================================

  5. Everything is bounded: a stranger wrote it.

Spec: OpenID for Verifiable Presentations 1.0, sections 6 to 6.3, B.1.1, B.3.5.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Self, TypeAlias, TypeVar

from ethr_did.core.strict_json import MAX_DEPTH, read_json
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.query_parts import MAX_TEXT, MAX_VALUES, Part
from ethr_did.errors import InvalidInput, InvalidQuery, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

__all__ = [
    "FORMATS",
    "MAX_CREDENTIALS",
    "MAX_QUERY",
    "AuthorityQuery",
    "ClaimQuery",
    "ClaimValue",
    "CredentialQuery",
    "Query",
    "SetQuery",
]

T = TypeVar("T")

FORMATS: Final[Mapping[str, frozenset[CredentialFormat]]] = MappingProxyType(
    {
        "dc+sd-jwt": frozenset({CredentialFormat.SD_JWT}),
        "jwt_vc_json": frozenset({CredentialFormat.VC_JWT, CredentialFormat.VC_JWT_1}),
        "vc+jwt": frozenset({CredentialFormat.VC_JWT}),
        "ldp_vc": frozenset({CredentialFormat.DATA_INTEGRITY, CredentialFormat.EIP712}),
    }
)
"""Names of formats in queries, and what answers them."""

MAX_QUERY: Final = 1 << 16
"""Bytes of a query."""

MAX_CREDENTIALS: Final = 32
"""Most credential queries, and most entries of what combines them."""

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}")

ClaimValue: TypeAlias = str | int | bool
"""What the value of a claim may be asked to be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimQuery:
    """A claim that is asked for.

    Raises:
        InvalidQuery: the path is none, or a value is none that can be asked for.

    Spec: section 6.3.
    """

    path: tuple[str | int | None, ...]
    """To one or more claims."""
    id: str | None = None
    values: tuple[ClaimValue, ...] = ()
    """One of these, in type and value; empty for any."""

    def __post_init__(self) -> None:
        """Raises ``InvalidQuery``."""
        if not 0 < len(self.path) <= MAX_DEPTH:
            raise InvalidQuery(f"a path has {len(self.path)} steps, not 1 to {MAX_DEPTH}")
        for step in self.path:
            if not (step is None or _is_text(step) or (type(step) is int and step >= 0)):
                raise InvalidQuery(
                    f"{shown(step)} is no step of a path",
                    hint="A step is a name, an index from 0, or null for every element.",
                )
        if self.id is not None:
            _check_id(self.id)
        for value in self.values:
            if type(value) not in (int, bool) and not _is_text(value, least=0):
                raise InvalidQuery(
                    f"{shown(value)} is no value that a claim is asked to have",
                    hint="It is a text, a whole number, true or false.",
                )

    def to_dict(self) -> dict[str, Any]:
        """The query as JSON."""
        return _present(id=self.id, path=list(self.path), values=list(self.values))


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityQuery:
    """Whom the issuer has to be certified by.

    Spec: section 6.1.1.
    """

    type: str
    values: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """The query as JSON."""
        return {"type": self.type, "values": list(self.values)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialQuery:
    """A credential that is asked for.

    Raises:
        InvalidQuery: ids are no ids, there twice, or not there.

    Spec: section 6.1.
    """

    id: str
    format: str
    """See rule 4."""
    multiple: bool = False
    """Whether more than one credential may answer it."""
    vct_values: tuple[str, ...] = ()
    """Types of an SD-JWT VC, one of which it has; empty for any."""
    type_values: tuple[tuple[str, ...], ...] = ()
    """Sets of types of a W3C credential, one of which it has; empty for any."""
    trusted_authorities: tuple[AuthorityQuery, ...] = ()
    """One of which certifies the issuer; empty for any."""
    holder_binding: bool = True
    """``require_cryptographic_holder_binding``."""
    claims: tuple[ClaimQuery, ...] = ()
    claim_sets: tuple[tuple[str, ...], ...] = ()
    """Ids of claims: alternatives, what is wanted most first."""

    def __post_init__(self) -> None:
        """Raises ``InvalidQuery``."""
        _check_id(self.id)
        ids = [one.id for one in self.claims if one.id is not None]
        _check_once(ids, "claim")
        if not self.claim_sets:
            return
        if len(ids) != len(self.claims) or not ids:
            raise InvalidQuery(
                "there are claim_sets, and not claims that have an id each",
                hint="claim_sets name claims by their ids.",
            )
        _check_known((one for each in self.claim_sets for one in each), ids, "claim")

    @property
    def options(self) -> tuple[tuple[ClaimQuery, ...], ...]:
        """The claims that are wanted: alternatives, what is wanted most first.

        What points to the same claim as an earlier one is left out: section 6.1, ``claims``.
        """
        if not self.claim_sets:
            return (_each_once(self.claims),)
        known = {one.id: one for one in self.claims}
        return tuple(_each_once(known[name] for name in names) for names in self.claim_sets)

    def to_dict(self) -> dict[str, Any]:
        """The query as JSON."""
        return _present(
            id=self.id,
            format=self.format,
            multiple=self.multiple or None,
            meta=_present(
                vct_values=list(self.vct_values),
                type_values=[list(one) for one in self.type_values],
            ),
            trusted_authorities=[one.to_dict() for one in self.trusted_authorities],
            require_cryptographic_holder_binding=None if self.holder_binding else False,
            claims=[one.to_dict() for one in self.claims],
            claim_sets=[list(one) for one in self.claim_sets],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SetQuery:
    """Credentials that belong together.

    Spec: section 6.2.
    """

    options: tuple[tuple[str, ...], ...]
    """Ids of credential queries: alternatives, each of which will do."""
    required: bool = True

    def to_dict(self) -> dict[str, Any]:
        """The query as JSON."""
        options = [list(one) for one in self.options]
        return _present(options=options, required=None if self.required else False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """What a verifier asks for.

    Raises:
        InvalidQuery: nothing is asked for, or ids are there twice or not there.

    Spec: section 6.

    Example:
        >>> query = Query.from_dict({"credentials": [{
        ...     "id": "adult", "format": "dc+sd-jwt", "meta": {},
        ...     "claims": [{"path": ["age_equal_or_over", "18"], "values": [True]}]}]})
        >>> query.credentials[0].claims[0].path
        ('age_equal_or_over', '18')
    """

    credentials: tuple[CredentialQuery, ...]
    sets: tuple[SetQuery, ...] = ()
    """``credential_sets``; empty if all credentials are asked for."""

    def __post_init__(self) -> None:
        """Raises ``InvalidQuery``."""
        if not self.credentials:
            raise InvalidQuery("the query asks for no credential")
        ids = [one.id for one in self.credentials]
        _check_once(ids, "credential")
        _check_known(
            (name for one in self.sets for names in one.options for name in names),
            ids,
            "credential",
        )

    def find(self, query_id: str) -> CredentialQuery | None:
        """The credential query of that id; None if there is none."""
        return next((one for one in self.credentials if one.id == query_id), None)

    def to_dict(self) -> dict[str, Any]:
        """The query as JSON; without what was passed over in it."""
        return _present(
            credentials=[one.to_dict() for one in self.credentials],
            credential_sets=[one.to_dict() for one in self.sets],
        )

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """The query in a JSON text.

        Raises:
            InvalidQuery: it is none.
        """
        if len(data) > MAX_QUERY:
            raise InvalidQuery(f"a query has {len(data)} bytes, and {MAX_QUERY} are the most")
        try:
            value = read_json(data)
        except InvalidInput as cause:
            raise InvalidQuery(f"the query is {cause.message}") from cause
        return cls.from_dict(value)

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """The query in a JSON object.

        Raises:
            InvalidQuery: it is none.
        """
        part = Part(where="the query", value=data)
        return part.build(cls, **_read_query(part))


# -- rules ---------------------------------------------------------------------------------------


def _is_text(value: object, *, least: int = 1) -> bool:
    return isinstance(value, str) and least <= len(value) <= MAX_TEXT


def _check_id(value: str) -> None:
    if not _ID.fullmatch(value):
        raise InvalidQuery(
            f"{shown(value)} is no id", hint="An id is letters, digits, _ and -, at most 128."
        )


def _check_once(ids: list[str], what: str) -> None:
    twice = next((one for place, one in enumerate(ids) if one in ids[:place]), None)
    if twice is not None:
        raise InvalidQuery(f"the {what} {shown(twice)} is there twice")


def _check_known(names: Iterable[str], ids: list[str], what: str) -> None:
    unknown = next((one for one in names if one not in ids), None)
    if unknown is not None:
        raise InvalidQuery(
            f"there is no {what} {shown(unknown)}", hint=f"There are: {', '.join(ids)}."
        )


def _each_once(claims: Iterable[ClaimQuery]) -> tuple[ClaimQuery, ...]:
    first: dict[tuple[str | int | None, ...], ClaimQuery] = {}
    for claim in claims:
        first.setdefault(claim.path, claim)
    return tuple(first.values())


def _present(**members: Any) -> dict[str, Any]:
    """The members that say something; ``meta`` says something when it is empty."""
    return {
        name: value
        for name, value in members.items()
        if name == "meta" or (value is not None and value != [])
    }


# -- reading -------------------------------------------------------------------------------------


def _all(read: Callable[[Part], T], most: int) -> Callable[[Part], tuple[T, ...]]:
    """What reads each element of an array."""
    return lambda part: tuple(read(one) for one in part.items(most=most))


def _read_query(part: Part) -> dict[str, Any]:
    part.check_object()
    return {
        "credentials": _credentials(part.required("credentials")),
        "sets": part.optional("credential_sets", _all(_read_set, MAX_CREDENTIALS)),
    }


def _read_credential(part: Part) -> CredentialQuery:
    part.check_object()
    meta = part.required("meta")
    meta.check_object()
    return part.build(
        CredentialQuery,
        id=part.required("id").text(),
        format=part.required("format").text(),
        multiple=part.flag("multiple", default=False),
        vct_values=meta.optional("vct_values", Part.texts),
        type_values=meta.optional("type_values", _all(Part.texts, MAX_CREDENTIALS)),
        trusted_authorities=part.optional(
            "trusted_authorities", _all(_read_authority, MAX_CREDENTIALS)
        ),
        holder_binding=part.flag("require_cryptographic_holder_binding", default=True),
        claims=part.optional("claims", _all(_read_claim, MAX_VALUES)),
        claim_sets=part.optional("claim_sets", _all(_claim_ids, MAX_CREDENTIALS)),
    )


def _claim_ids(part: Part) -> tuple[str, ...]:
    # Nothing says that an alternative has to ask for something.
    return part.texts(least=0)


def _read_authority(part: Part) -> AuthorityQuery:
    part.check_object()
    return AuthorityQuery(type=part.required("type").text(), values=part.required("values").texts())


def _read_claim(part: Part) -> ClaimQuery:
    part.check_object()
    id_ = part.member("id")
    return part.build(
        ClaimQuery,
        id=None if id_ is None else id_.text(),
        path=_values(part.required("path")),
        values=part.optional("values", _values),
    )


def _values(part: Part) -> tuple[Any, ...]:
    return tuple(one.value for one in part.items(most=MAX_VALUES))


def _read_set(part: Part) -> SetQuery:
    part.check_object()
    return SetQuery(
        options=_all(Part.texts, MAX_CREDENTIALS)(part.required("options")),
        required=part.flag("required", default=True),
    )


_credentials = _all(_read_credential, MAX_CREDENTIALS)

"""What a holder decides to show: of which credentials, and of each which claims.

Rules:
  1. A choice is made by a verifier's query, or by naming a credential and claims. Nothing is signed
     and nobody is asked by it.
  2. A claim is shown with all that is in it; to show less, its parts are named. What a claim stands
     in is shown as far as it cannot be kept back.
  3. Only of an SD-JWT VC can anything be kept back; of any other credential everything is shown.
  4. The holder signs wherever the credential says who that is. A query may waive it: then the
     credential is shown as it is.
  5. What is held and cannot be read answers nothing, and is no hindrance to what can.

Spec: OpenID for Verifiable Presentations 1.0, sections 6.4, B.1 and B.3; RFC 9901 section 7.2.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol, Self

from ethr_did.credentials.claim_paths import Path, find_paths, path_text
from ethr_did.credentials.credential import Credential, CredentialFormat, Raw
from ethr_did.credentials.dcql_selection import find_answers
from ethr_did.credentials.reading import read
from ethr_did.credentials.sd_jwt import SDJWT
from ethr_did.credentials.sd_jwt_vc import SDJWTVC
from ethr_did.errors import InvalidCredential, InvalidInput, InvalidQuery, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ethr_did.credentials.claim_paths import PathPattern
    from ethr_did.credentials.dcql import Query
    from ethr_did.credentials.dcql_selection import Answer

__all__ = ["Choice", "Chosen", "Held", "PlainCredential", "answer_query", "choose"]


class Held(Protocol):
    """A credential that somebody holds, in a wallet or elsewhere."""

    @property
    def id(self) -> str:
        """The holder's word for it: its id in the wallet, or the name of its file."""

    @property
    def raw(self) -> Raw:
        """As it was received."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlainCredential:
    """One that is in no wallet; a ``Held``."""

    id: str
    raw: Raw = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """One credential, and what of it is to be shown."""

    credential_id: str
    credential: Credential
    """With all claims that the holder can disclose."""
    sd_jwt: SDJWTVC | None = field(default=None, repr=False)
    """Its parts, if it is an SD-JWT VC."""
    paths: tuple[Path, ...] = ()
    """Of claims that are to be shown."""
    is_bound: bool
    """Whether the holder signs."""
    query_id: str | None = None
    """The credential query that it answers."""

    @property
    def disclosures(self) -> tuple[str, ...]:
        """What is disclosed; rule 2. Empty for what is no SD-JWT VC."""
        if self.sd_jwt is None:
            return ()
        processed = self.sd_jwt.processed
        whole = {inner for path in self.paths for inner in processed.within(path)}
        return processed.needed([*self.paths, *whole])

    @property
    def shown(self) -> SDJWT | None:
        """What is shown of an SD-JWT VC, without key binding."""
        if self.sd_jwt is None:
            return None
        return SDJWT(jwt=self.sd_jwt.sd_jwt.jwt, disclosures=self.disclosures)


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is to be shown, all of it."""

    parts: tuple[Chosen, ...]
    query: Query | None = None
    """That it answers."""
    optional: tuple[str, ...] = ()
    """Credential queries that could be answered as well, and are not."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A held credential, read."""

    credential: Credential
    sd_jwt: SDJWTVC | None

    @classmethod
    def of(cls, held: Held) -> Self:
        """Raises ``InvalidCredential``."""
        found = read(held.raw)
        if isinstance(found, SDJWTVC) and found.binding is None:
            return cls(credential=found.credential, sd_jwt=found)
        if isinstance(found, Credential):
            return cls(credential=found, sd_jwt=None)
        raise InvalidCredential(
            f"{shown(held.id)} is a presentation, not a credential",
            hint="Show the credential that it was made of.",
        )


def choose(held: Held, paths: Iterable[PathPattern] = ()) -> Choice:
    """One credential, and the claims that are named.

    Args:
        held: the credential.
        paths: of claims to show. Without any, an SD-JWT VC shows what it cannot keep back.

    Raises:
        InvalidCredential: it cannot be read.
        InvalidInput: a path leads nowhere.
    """
    opened = _Opened.of(held)
    wanted: dict[Path, None] = {}
    for pattern in paths:
        found = find_paths(dict(opened.credential.claims), pattern)
        if not found:
            raise InvalidInput(
                f"there is no {shown(path_text(pattern))}: no array there has elements"
            )
        wanted.update(dict.fromkeys(found))
    is_sd_jwt = opened.credential.format is CredentialFormat.SD_JWT
    return Choice(
        parts=(
            Chosen(
                credential_id=held.id,
                credential=opened.credential,
                sd_jwt=opened.sd_jwt,
                paths=tuple(wanted),
                is_bound=not is_sd_jwt or opened.credential.confirmation is not None,
            ),
        )
    )


def answer_query(
    query: Query,
    held: Iterable[Held],
    *,
    now: int,
    with_all: bool = False,
    with_optional: bool = False,
) -> Choice:
    """What answers a verifier's query, and no more.

    Args:
        query: the verifier's.
        held: credentials that may be shown.
        now: Unix seconds.
        with_all: whether, where a verifier takes several credentials, all that match are shown, and
            not the one that fits best.
        with_optional: whether what the verifier would like, and does not need, is shown as well.

    Raises:
        InvalidQuery: nothing answers it; the reason is for the holder only.
    """
    opened, unread = _open_all(held)
    answers = find_answers(query, {name: one.credential for name, one in opened.items()}, now=now)
    try:
        needed, optional = answers.needed(), answers.optional()
    except InvalidQuery as error:
        if not unread:
            raise
        raise InvalidQuery(
            f"{error.message}; {len(unread)} that are held could not be read: "
            f"{shown(', '.join(unread))}",
            hint=error.hint,
            **error.facts,
        ) from error
    chosen = {*needed, *(optional if with_optional else ())}
    parts = [
        _chosen(opened[one.credential_id], one, asked.id, is_bound=asked.holder_binding)
        for asked in query.credentials
        if asked.id in chosen
        for one in answers.found[asked.id][: None if asked.multiple and with_all else 1]
    ]
    if not parts:
        raise InvalidQuery(
            "the query requires nothing, and nothing is to be shown beyond that",
            hint=f"What could be shown: {', '.join(optional) or 'nothing'}.",
        )
    return Choice(
        parts=tuple(parts),
        query=query,
        optional=tuple(one for one in optional if one not in chosen),
    )


def _open_all(held: Iterable[Held]) -> tuple[Mapping[str, _Opened], list[str]]:
    opened: dict[str, _Opened] = {}
    unread: list[str] = []
    for one in held:
        try:
            opened[one.id] = _Opened.of(one)
        except InvalidCredential:
            unread.append(one.id)
    return opened, unread


def _chosen(opened: _Opened, answer: Answer, query_id: str, *, is_bound: bool) -> Chosen:
    return Chosen(
        credential_id=answer.credential_id,
        credential=opened.credential,
        sd_jwt=opened.sd_jwt,
        paths=answer.match.paths,
        is_bound=is_bound,
        query_id=query_id,
    )

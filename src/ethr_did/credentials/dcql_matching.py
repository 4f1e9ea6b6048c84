"""Whether a credential answers a query for one: the same rules for who has it and who is shown it.

Rules:
  1. Format, type, authority, holder binding and claims are looked at in this order; the first that
     is not as it is asked for is the reason.
  2. A type of an SD-JWT VC is its ``vct``, or one of its ``aka_vcts``. Types of W3C credentials are
     compared as they are written there: no ``@context`` is applied, but for that of
     ``VerifiableCredential``, which may be asked for by its IRI.
  3. Authorities are known by certificates or federations (``aki``, ``etsi_tl``,
     ``openid_federation``). Issuers that are DIDs have neither, and what other types mean is not
     known: such a condition is met by no credential.
  4. Of the alternatives for claims, the first that is whole counts. A claim whose value is not one of
     those asked for is as one that is not there; so, of several elements, those are left that have
     one of the values.
  5. Whoever is shown an SD-JWT sees an array without the elements that were kept back: what is left
     moved up, and is found at the index that is asked for or at an earlier one.
  6. No reason holds the value of a claim.

Spec: OpenID for Verifiable Presentations 1.0, sections 6.1, 6.1.1, 6.4.1, 7.1, B.1, B.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from ethr_did.credentials.claim_paths import Path, find_paths, path_text, value_at
from ethr_did.credentials.credential import CredentialFormat
from ethr_did.credentials.data_model import CREDENTIAL_TYPE
from ethr_did.credentials.dcql import FORMATS
from ethr_did.credentials.sd_jwt_vc import binding_key, binding_method
from ethr_did.errors import InvalidCredential, InvalidInput, shown

if TYPE_CHECKING:
    from ethr_did.credentials.claim_paths import PathPattern
    from ethr_did.credentials.credential import Credential
    from ethr_did.credentials.dcql import ClaimQuery, CredentialQuery

__all__ = ["Match", "Mismatch", "Shortfall", "can_be_bound", "match"]

_TYPE_IRI: Final = "https://www.w3.org/2018/credentials#VerifiableCredential"
"""What the contexts of both data models make of the type that all have."""


class Shortfall(StrEnum):
    """What keeps a credential from being an answer, in the order of rule 1."""

    FORMAT = "format_mismatch"
    TYPE = "type_mismatch"
    AUTHORITY = "authority_mismatch"
    BINDING = "holder_binding_missing"
    CLAIMS = "claims_missing"

    @property
    def place(self) -> int:
        """How much was right before."""
        return list(Shortfall).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """A credential is an answer."""

    paths: tuple[Path, ...]
    """Of the claims that are asked for, each once."""
    option: int = 0
    """Which of the alternatives for claims it is, from 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mismatch:
    """It is none."""

    reason: Shortfall
    message: str
    """For people."""


Outcome: TypeAlias = Match | Mismatch


def match(
    query: CredentialQuery, credential: Credential, *, is_bound: bool, is_shown: bool = False
) -> Outcome:
    """Whether a credential answers a query, and with which claims.

    Args:
        query: for one credential.
        credential: with the claims that are known to whoever asks.
        is_bound: whether its holder signs for it, or can; see ``can_be_bound``.
        is_shown: whether it was presented, and something of it may have been kept back.
    """
    if credential.format not in FORMATS.get(query.format, ()):
        words = f"its format is {credential.format.value}, not {shown(query.format)}"
        return Mismatch(reason=Shortfall.FORMAT, message=words)
    if not _has_type(query, credential):
        words = f"its type is {shown(', '.join(credential.types))}, which is not asked for"
        return Mismatch(reason=Shortfall.TYPE, message=words)
    if query.trusted_authorities:
        kinds = ", ".join(dict.fromkeys(shown(one.type) for one in query.trusted_authorities))
        words = f"its issuer is a DID, and is asked for by {kinds}"
        return Mismatch(reason=Shortfall.AUTHORITY, message=words)
    if query.holder_binding and not is_bound:
        words = "no holder signs for it, and one is asked for"
        return Mismatch(reason=Shortfall.BINDING, message=words)
    has_gaps = is_shown and credential.format is CredentialFormat.SD_JWT
    return _match_claims(query, credential, has_gaps=has_gaps)


def can_be_bound(credential: Credential) -> bool:
    """Whether a credential names a holder who can sign for it.

    Spec: sections B.1 and B.3: an SD-JWT VC by ``cnf``, others also by their subject.
    """
    if credential.confirmation is not None:
        try:
            return (
                binding_key(credential.confirmation) is not None
                or binding_method(credential.confirmation) is not None
            )
        except InvalidCredential:
            return False
    if credential.format is CredentialFormat.SD_JWT:
        return False
    return any(one.startswith("did:") for one in credential.subjects)


# -- types ---------------------------------------------------------------------------------------


def _has_type(query: CredentialQuery, credential: Credential) -> bool:
    if credential.format is CredentialFormat.SD_JWT:
        return not query.vct_values or any(one in query.vct_values for one in credential.types)
    has = set(credential.types)
    if CREDENTIAL_TYPE in has:
        has.add(_TYPE_IRI)
    return not query.type_values or any(has.issuperset(one) for one in query.type_values)


# -- claims --------------------------------------------------------------------------------------


def _match_claims(query: CredentialQuery, credential: Credential, *, has_gaps: bool) -> Outcome:
    claims = dict(credential.claims)
    missing: list[str] = []
    for number, option in enumerate(query.options):
        found = {claim: _find(claim, claims, has_gaps=has_gaps) for claim in option}
        if all(found.values()):
            paths = dict.fromkeys(path for one in found.values() for path in one)
            return Match(paths=tuple(paths), option=number)
        missing.append(", ".join(_lacking(claim) for claim, one in found.items() if not one))
    return Mismatch(
        reason=Shortfall.CLAIMS,
        message=f"what is asked for is not in it: {'; or '.join(dict.fromkeys(missing))}",
    )


def _find(claim: ClaimQuery, claims: dict[str, Any], *, has_gaps: bool) -> list[Path]:
    """The paths of the claims that are asked for; none if they are not as they are asked for."""
    paths = _existing(claims, claim.path)
    if has_gaps and any(type(step) is int for step in claim.path):
        every = _existing(claims, [None if type(one) is int else one for one in claim.path])
        paths += [path for path in every if path not in paths and _is_before(path, claim.path)]
    return [path for path in paths if _is_wanted(claim, value_at(claims, path))]


def _existing(claims: dict[str, Any], pattern: PathPattern) -> list[Path]:
    try:
        return find_paths(claims, pattern)
    except InvalidInput:
        return []


def _is_before(path: Path, pattern: PathPattern) -> bool:
    """Whether each index of a path is that of the pattern, or an earlier one."""
    return all(
        step <= asked
        for step, asked in zip(path, pattern, strict=True)
        if isinstance(step, int) and isinstance(asked, int)
    )


def _is_wanted(claim: ClaimQuery, value: object) -> bool:
    # In Python, True equals 1, and 1.0 as well: not so here.
    same = (type(value) is type(one) and value == one for one in claim.values)
    return not claim.values or any(same)


def _lacking(claim: ClaimQuery) -> str:
    values = " with one of the values" if claim.values else ""
    return f"{shown(path_text(claim.path))}{values}"

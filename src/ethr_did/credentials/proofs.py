"""JSON documents with a proof in them: taken apart, and what all their proofs have in common.

Rules:
  1. ``proof`` is one object. Of a set or a chain it would have to be known which of the proofs
     must be good; nobody here says so.
  2. ``proofPurpose`` is what the document needs: ``assertionMethod`` for a credential,
     ``authentication`` for a presentation. ``verificationMethod`` is a key of whoever signs, as a
     whole DID URL.
  3. ``created`` and ``expires`` are times with a time zone. ``expires`` narrows the window of
     validity and never widens it.
  4. A member of a proof that is not known is refused: it may restrict what the proof is good for,
     as ``domain`` and ``challenge`` do, which belong into presentations, and are read of those only.
  5. The whole has a canonical form, of bounded length; that form is what the issuer gave out.

Spec: Verifiable Credential Data Integrity 1.0 sections 2.1 and 4.4; VC Data Model 2.0 section 4.12.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.date_time import parse_date_time
from ethr_did.credentials.canonical_json import MAX_CANONICAL, canonical_json
from ethr_did.credentials.credential import Credential, CredentialFormat, Proof, method_of
from ethr_did.credentials.data_model import read_data_model
from ethr_did.credentials.verification_methods import Purpose
from ethr_did.errors import InvalidCredential, InvalidInput, shown

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

__all__ = [
    "PURPOSE",
    "ProvenDocument",
    "canonical",
    "check_issuable",
    "check_method",
    "credential_in",
    "take_apart",
]

PURPOSE: Final = Purpose.ASSERTION.value
"""What the proof of a credential is for."""

_COMMON: Final = frozenset(
    {
        *("@context", "id", "type", "created", "expires", "nonce"),
        *("verificationMethod", "proofPurpose", "proofValue"),
    }
)
"""Members that a proof of any type may have."""

_OF_PURPOSE: Final = {
    Purpose.ASSERTION: frozenset[str](),
    Purpose.AUTHENTICATION: frozenset({"challenge", "domain"}),
}
"""Members of proofs that are for something."""

_RESTRICTING: Final = ("domain", "challenge", "previousProof")
_MAX_TEXT = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenDocument:
    """A document and its proof, apart; nothing is verified."""

    document: Mapping[str, Any] = field(repr=False)
    """Without the proof."""
    proof: Mapping[str, Any] = field(repr=False)
    """As it stands there."""
    method: str
    """``verificationMethod``, as it stands there."""
    value: str
    """``proofValue``."""
    created: int | None
    """Unix second, by the signer's own word."""
    expires: int | None
    """The last good Unix second."""
    secured: bytes = field(repr=False)
    """The canonical form of the whole."""


def take_apart(
    signed: Mapping[str, Any],
    kind: str,
    *,
    members: AbstractSet[str],
    purpose: Purpose = Purpose.ASSERTION,
    limit: int = MAX_CANONICAL,
) -> ProvenDocument:
    """The document and its proof.

    Args:
        signed: the document with its proof.
        kind: the ``type`` that the proof must have.
        members: that proofs of this type have beside the common ones.
        purpose: what the proof must be for.
        limit: most bytes of the whole in canonical form.

    Raises:
        InvalidCredential: it breaks a rule.
    """
    proof = signed.get("proof")
    if isinstance(proof, list):
        raise InvalidCredential(
            f"the document has a list of {len(proof)} proofs",
            hint="Sets and chains of proofs are not read; one proof, as an object, is.",
        )
    if not isinstance(proof, Mapping):
        raise InvalidCredential("the document has no proof that is an object")
    secured = canonical(dict(signed), limit=limit)
    _check_members(proof, kind, purpose, known=_COMMON | _OF_PURPOSE[purpose] | members)
    created, expires = _moment(proof, "created"), _moment(proof, "expires")
    return ProvenDocument(
        document={name: value for name, value in signed.items() if name != "proof"},
        proof=proof,
        method=_text(proof, "verificationMethod"),
        value=_text(proof, "proofValue"),
        created=created,
        expires=expires,
        secured=secured,
    )


def credential_in(
    parts: ProvenDocument, proof: Proof, form: CredentialFormat, raw: Mapping[str, Any]
) -> Credential:
    """The credential that a document is; its proof is not verified.

    Args:
        parts: the document taken apart.
        proof: what it will be verified with.
        form: how it is secured.
        raw: as it was received.

    Raises:
        InvalidCredential: it is none of the data model, or the key is not its issuer's.
    """
    model = read_data_model(parts.document)
    check_method(parts.method, model.issuer)
    ends = (end for end in (model.valid_until, parts.expires) if end is not None)
    return Credential(
        format=form,
        raw=raw,
        claims=parts.document,
        issuer=model.issuer,
        subjects=model.subjects,
        types=model.types,
        valid_from=model.valid_from,
        valid_until=min(ends, default=None),
        issued_at=parts.created,
        status=model.status,
        schemas=model.schemas,
        proof=proof,
        secured=parts.secured,
    )


def check_issuable(document: Mapping[str, Any], *, method_id: str) -> None:
    """Nothing; the document can be given a proof by the verification method.

    Args:
        document: of the Data Model 2.0.
        method_id: of the issuer's document, a whole DID URL.

    Raises:
        InvalidCredential: it cannot.
    """
    if "proof" in document:
        raise InvalidCredential("the document has a proof already")
    model = read_data_model(document)
    if model.version == 1:
        raise InvalidCredential("credentials of the Data Model 1.1 are read, and not issued")
    check_method(method_id, model.issuer)


def canonical(value: object, *, limit: int = MAX_CANONICAL) -> bytes:
    """The canonical form of a document or a part of it.

    Raises:
        InvalidCredential: it has none, or a longer one.
    """
    try:
        return canonical_json(value, limit=limit)
    except InvalidInput as cause:
        raise InvalidCredential(f"the document: {cause.message}", hint=cause.hint) from cause


def _check_members(
    proof: Mapping[str, Any], kind: str, purpose: Purpose, *, known: AbstractSet[str]
) -> None:
    if proof.get("type") != kind:
        raise InvalidCredential(f"type of the proof is {shown(proof.get('type'))}, not {kind}")
    if proof.get("proofPurpose") != purpose.value:
        raise InvalidCredential(
            f"proofPurpose is {shown(proof.get('proofPurpose'))}, not {purpose.value}",
            hint="A credential is asserted, a presentation authenticates its holder; a proof made "
            "for something else says nothing about it.",
        )
    for name in sorted(proof.keys() - known):
        if name in _RESTRICTING:
            raise InvalidCredential(
                f"the proof is good for certain readers or after another proof only: {name}",
                hint="The proof of a credential has no such restriction.",
            )
        raise InvalidCredential(f"the proof has a member that is not known: {shown(name)}")


def check_method(method: str, did: str) -> None:
    """Nothing; the verification method is one of a DID, written as a whole DID URL.

    Raises:
        InvalidCredential: it is not.
    """
    if method_of(method, did, member="verificationMethod") != method:
        raise InvalidCredential(
            f"verificationMethod is not a whole DID URL: {shown(method)}",
            hint="In a proof it stands in full, such as did:ethr:…#controller.",
        )


def _text(proof: Mapping[str, Any], name: str) -> str:
    value = proof.get(name)
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_TEXT:
        raise InvalidCredential(f"{name} of the proof is not a text: {shown(value)}")
    return value


def _moment(proof: Mapping[str, Any], name: str) -> int | None:
    if name not in proof:
        return None
    try:
        return math.floor(parse_date_time(proof[name]))
    except InvalidInput as cause:
        raise InvalidCredential(
            f"{name} of the proof is {cause.message}", hint=cause.hint
        ) from cause

"""Which key of a DID document a proof is to be checked with.

Rules:
  * The verification method must be listed for the purpose: ``assertionMethod`` for what an issuer
    says, ``authentication`` for what a holder shows. That the document holds it is not enough.
  * Its id selects exactly one. A document with two of the same id is no use.
  * It is controlled by the DID itself.
  * A method that says that it was ``revoked``, or that it ``expires``, is there until then. Documents
    that are no chain's leave such keys in.
  * Tokens of the Data Model 1.1 may leave the id out. Then the method is the one, of those for the
    purpose, that the signature fits.

Spec: DID Core 1.0 section 5.3; Controlled Identifiers sections 2.2 and 3.3.
"""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Final

from ethr_did.core.date_time import parse_date_time
from ethr_did.core.document import DIDDocument, VerificationMethod
from ethr_did.credentials.keys import PublicKey
from ethr_did.errors import InvalidCredential, InvalidInput, InvalidKey, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ethr_did.credentials.credential import Proof

__all__ = ["KeyMissing", "Purpose", "WrongPurpose", "find_key", "key_of", "methods_for"]

_MOST_TRIED: Final = 64
"""Methods that a token without ``kid`` is tried with."""

_ENDS: Final = ("revoked", "expires")
"""Members of a method with the first moment at which it is of no use."""


class Purpose(StrEnum):
    """What a proof is for."""

    ASSERTION = "assertionMethod"
    AUTHENTICATION = "authentication"


class KeyMissing(InvalidCredential):
    """The document has no such verification method, at least not any more."""


class WrongPurpose(InvalidCredential):
    """The document has it, and not for this purpose."""


def methods_for(document: DIDDocument, purpose: Purpose) -> Iterator[VerificationMethod]:
    """The verification methods of a document that are listed for a purpose."""
    known: dict[str, list[VerificationMethod]] = {}
    for method in document.verification_method:
        known.setdefault(_absolute(document, method.id), []).append(method)
    for entry in _listed(document, purpose):
        if isinstance(entry, VerificationMethod):
            yield entry
            continue
        found = known.get(_absolute(document, entry), [])
        if len(found) > 1:
            raise InvalidCredential(f"{shown(document.id)} has {shown(entry)} more than once")
        yield from found


def _listed(document: DIDDocument, purpose: Purpose) -> Sequence[str | VerificationMethod]:
    return (
        document.assertion_method if purpose is Purpose.ASSERTION else document.authentication
    ) or ()


def _called(document: DIDDocument, id_: str, purpose: Purpose) -> list[VerificationMethod]:
    """The methods of a name that are listed for a purpose; as ``methods_for``, without the rest."""
    names = {id_, id_.removeprefix(document.id)} if id_.startswith(f"{document.id}#") else {id_}
    found = []
    for entry in _listed(document, purpose):
        if isinstance(entry, VerificationMethod):
            found += [entry] if entry.id in names else []
        elif entry in names:
            found += [method for method in document.verification_method if method.id in names]
    return found


def _absolute(document: DIDDocument, id_: str) -> str:
    return document.id + id_ if id_.startswith("#") else id_


def find_key(
    document: DIDDocument, proof: Proof, purpose: Purpose, *, now: int | None = None
) -> tuple[VerificationMethod, PublicKey]:
    """The method and the key that a proof is to be checked with.

    Args:
        document: of who made it.
        proof: to be checked.
        purpose: what it is for.
        now: Unix seconds; None: a method that has an end counts as over.

    Raises:
        KeyMissing: the document has no such method.
        WrongPurpose: it has it for something else.
        InvalidCredential: the key is of no use.
    """
    if proof.method_id is None:
        return _fitting(document, proof, purpose, now)
    listed = _called(document, proof.method_id, purpose)
    if len(listed) > 1:
        raise InvalidCredential(f"{shown(document.id)} lists {shown(proof.method_id)} twice")
    if listed:
        _check_in_force(listed[0], now)
        return listed[0], key_of(document, listed[0])
    if document.find_verification_method(proof.method_id) is not None:
        raise WrongPurpose(
            f"{shown(proof.method_id)} is in the document, but not for {purpose.value}",
            hint="It was published for something else.",
        )
    raise KeyMissing(
        f"the document of {shown(document.id)} has no {shown(proof.method_id)}",
        hint="The key was removed, has expired, or was never there.",
    )


def _fitting(
    document: DIDDocument, proof: Proof, purpose: Purpose, now: int | None
) -> tuple[VerificationMethod, PublicKey]:
    """The method, of those for the purpose, whose signature it is."""
    for number, method in enumerate(methods_for(document, purpose)):
        if number == _MOST_TRIED:
            break
        try:
            _check_in_force(method, now)
            key = key_of(document, method)
            proof.check(key)
        except InvalidCredential:
            continue
        return method, key
    raise KeyMissing(
        f"no key of {shown(document.id)} for {purpose.value} has signed this",
        hint="It was changed, or the key was removed.",
    )


def _check_in_force(method: VerificationMethod, now: int | None) -> None:
    """Raises unless no end that a method names has come."""
    for name in _ENDS:
        if name not in method.material:
            continue
        try:
            end = parse_date_time(method.material[name])
        except InvalidInput as cause:
            raise InvalidCredential(f"{name} of {shown(method.id)} is {cause.message}") from cause
        if now is None or now >= end:
            raise KeyMissing(
                f"{shown(method.id)} is in the document, and is not to be used any more: {name} is "
                f"{shown(method.material[name])}"
            )


def key_of(document: DIDDocument, method: VerificationMethod) -> PublicKey:
    """The key of a method of a document.

    Raises:
        InvalidCredential: it is of no use here.
    """
    if method.controller != document.id:
        raise InvalidCredential(
            f"{shown(method.id)} is controlled by {shown(method.controller)}, not by the DID itself"
        )
    try:
        return PublicKey.from_method(method)
    except InvalidKey as cause:
        raise InvalidCredential(cause.message, hint=cause.hint) from cause

"""The kinds of credentials that an issuer may be trusted for.

Rules:
  1. A kind is one of the ``type`` values of a W3C credential, or the ``vct`` of an SD-JWT VC; texts
     are compared character by character. ``*`` stands for any kind.
  2. ``VerifiableCredential`` is no kind: every W3C credential has it. Nobody is trusted for it, and
     a credential that has no other type needs ``*``.
  3. An issuer must be trusted for every kind that a credential claims to be. Were one enough, whoever
     is trusted for library cards could add ``DiplomaCredential`` to one.

Spec: VC Data Model 2.0 section 4.5; SD-JWT VC, "Type Claim".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ethr_did.credentials.data_model import CREDENTIAL_TYPE
from ethr_did.errors import InvalidTrustList, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

__all__ = ["ANY_TYPE", "check_type", "not_covered", "type_fault"]

ANY_TYPE: Final = "*"

MAX_LENGTH: Final = 1024
"""Characters; types may be URLs."""


def type_fault(value: object) -> str | None:
    """Why nobody can be trusted for a kind of credentials; None if somebody can.

    Example:
        >>> type_fault("DiplomaCredential") is None
        True
        >>> type_fault("VerifiableCredential")
        "every W3C credential is a 'VerifiableCredential'; write '*' if any kind is meant"
    """
    if value == CREDENTIAL_TYPE:
        return f"every W3C credential is a {value!r}; write {ANY_TYPE!r} if any kind is meant"
    good = isinstance(value, str) and 0 < len(value) <= MAX_LENGTH and value.isprintable()
    if not good or value != str(value).strip():
        return f"not a type of credentials: {shown(value)}"
    return None


def check_type(value: object) -> str:
    """The kind of credentials.

    Raises:
        InvalidTrustList: nobody can be trusted for it.
    """
    fault = type_fault(value)
    if fault:
        raise InvalidTrustList(
            fault, hint="Give one of the credential's types, or the vct of an SD-JWT VC."
        )
    return str(value)


def not_covered(types: Iterable[str], accepted: Collection[str]) -> tuple[str, ...]:
    """The types of a credential for which its issuer is not trusted; none if it is.

    Args:
        types: of the credential.
        accepted: kinds that its issuer is trusted for.

    Example:
        >>> not_covered(("VerifiableCredential", "LibraryCard", "Diploma"), {"LibraryCard"})
        ('Diploma',)
        >>> not_covered(("VerifiableCredential",), {"VerifiableCredential"})
        ('VerifiableCredential',)
    """
    if ANY_TYPE in accepted:
        return ()
    kinds = [one for one in types if one != CREDENTIAL_TYPE]
    if not kinds:
        return (CREDENTIAL_TYPE,)
    return tuple(one for one in kinds if one not in accepted)

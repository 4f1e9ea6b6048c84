"""Which verification method of an issuer a key signs for, and whether it may now.

Rules:
  1. The method is in ``assertionMethod`` of the issuer's document as it is now. A key that was
     removed, has expired, or is there for something else, signs nothing.
  2. Of several methods, one that has exactly the key that signs goes before one that shares its
     account. Then the first one counts, unless one is named.
  3. The algorithm is the first of the method's key.

Spec: DID Core 1.0 section 5.3.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethr_did.credentials.verification_methods import Purpose, key_of, methods_for
from ethr_did.errors import InvalidCredential, InvalidKey, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ethr_did.core.document import DIDDocument
    from ethr_did.credentials.keys import Algorithm, PublicKey

__all__ = ["SigningMethod", "find_signing_method"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningMethod:
    """What a signature is made for."""

    issuer: str
    """The DID, as its document writes it."""
    id: str
    """A DID URL."""
    key: PublicKey
    """As the document has it."""

    @property
    def algorithm(self) -> Algorithm:
        """How it is signed."""
        return self.key.algorithms[0]


def find_signing_method(
    document: DIDDocument, key: PublicKey, *, method_id: str | None = None
) -> SigningMethod:
    """The method that a key signs for.

    Args:
        document: of the issuer, as it is now.
        key: that signs.
        method_id: the one that is meant, a DID URL or its fragment with the number sign; None: see
            rule 2.

    Raises:
        InvalidKey: there is none.
    """
    wanted = None if method_id is None else _absolute(document, method_id)
    found = [
        one
        for one in _methods(document)
        if one.key.is_same(key) and (wanted is None or one.id == wanted)
    ]
    if not found:
        which = "" if wanted is None else f" as {shown(wanted)}"
        raise InvalidKey(
            f"the key {key} is not in assertionMethod of {shown(document.id)}{which}",
            hint="Publish it first: `ethr-did key add DID Multikey 0x…`, or `ethr-did delegate add`. "
            "`ethr-did resolve DID` shows what is there now.",
        )
    # The first of the smallest: False comes before True.
    return min(found, key=lambda one: one.key != key)


def _methods(document: DIDDocument) -> Iterator[SigningMethod]:
    for method in methods_for(document, Purpose.ASSERTION):
        try:
            key = key_of(document, method)
        except InvalidCredential:
            continue  # of a kind that signs nothing here
        yield SigningMethod(issuer=document.id, id=_absolute(document, method.id), key=key)


def _absolute(document: DIDDocument, id_: str) -> str:
    return document.id + id_ if id_.startswith("#") else id_

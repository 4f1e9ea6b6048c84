"""DIDs of any method, taken apart.

Rules:
  * A DID is asked for, not a DID URL: what follows a ``/``, ``?`` or ``#`` names something else than
    a document, and would be lost.
  * What may be a did:jwk is not shown in errors: some hold private keys.
  * The text is never canonicalised: a document's ``id`` must equal the DID that was asked for.

Spec: DID Core 1.0 section 3.1.
"""

from __future__ import annotations

import re

from ethr_did.core.did import MAX_LENGTH
from ethr_did.errors import InvalidDID, shown

__all__ = ["identifier_of", "split_did"]

_ID_CHAR = r"(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})"
_DID = re.compile(rf"did:([a-z0-9]+):((?:{_ID_CHAR}*:)*{_ID_CHAR}+)")


def split_did(did: str) -> tuple[str, str]:
    """The method of a DID, and its method-specific identifier.

    Raises:
        InvalidDID: it is no DID.

    Example:
        >>> split_did("did:web:example.com:user:alice")
        ('web', 'example.com:user:alice')
    """
    found = _DID.fullmatch(did) if isinstance(did, str) and len(did) <= MAX_LENGTH else None
    if found is None:
        hint = "A DID is did:METHOD:IDENTIFIER, without path, query and fragment."
        raise InvalidDID(f"not a DID: {_shown(did)}", hint=hint)
    method, identifier = found.groups()
    return method, identifier


def identifier_of(did: str, method: str) -> str:
    """The method-specific identifier of a DID that must be of a method.

    Raises:
        InvalidDID: it is no DID of that method.
    """
    found, identifier = split_did(did)
    if found != method:
        raise InvalidDID(f"a did:{found} is no did:{method}: {_shown(did)}")
    return identifier


def _shown(did: object) -> str:
    return "a did:jwk of another form" if "did:jwk" in str(did) else shown(did)

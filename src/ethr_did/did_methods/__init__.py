"""DIDs of several methods, resolved through one small protocol.

did:ethr is read from the chain; did:key, did:jwk and did:pkh are computed; did:web is fetched over
https; others go through a universal resolver, if one is configured.

``ResolvesDIDs`` and ``AsyncResolvesDIDs`` are the protocol; ``DIDResolver`` and ``AsyncDIDResolver``
do it.

Example:
    >>> resolver = DIDResolver()
    >>> found = resolver.resolve("did:pkh:eip155:1:0xb9c5714089478a327f09197987f16f9e5d936e8a")
    >>> found.require_document().verification_method[0].type
    'EcdsaSecp256k1RecoveryMethod2020'
    >>> resolver.resolve("did:ion:1234").error.code
    'unsupported_method'
"""

from __future__ import annotations

from ethr_did.did_methods.planning import LOCAL_METHODS
from ethr_did.did_methods.resolved import ResolvedDID
from ethr_did.did_methods.resolving import (
    AsyncDIDResolver,
    AsyncResolvesDIDs,
    DIDResolver,
    ResolvesDIDs,
)

__all__ = [
    "LOCAL_METHODS",
    "AsyncDIDResolver",
    "AsyncResolvesDIDs",
    "DIDResolver",
    "ResolvedDID",
    "ResolvesDIDs",
]

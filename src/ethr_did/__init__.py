"""did:ethr from contract to command line: deploy, manage and resolve identities on any EVM chain.

Names are imported when they are first used, so that ``import ethr_did`` costs nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ethr_did.chain.networks import Network, Networks
    from ethr_did.core.did import DIDURL, EthrDID
    from ethr_did.core.document import DIDDocument, Service, VerificationMethod
    from ethr_did.core.resolution import DereferencingResult, ResolutionResult
    from ethr_did.errors import EthrDIDError
    from ethr_did.resolver import AsyncResolver, History, HistoryEntry, Resolver

__all__ = [
    "DIDURL",
    "AsyncResolver",
    "DIDDocument",
    "DereferencingResult",
    "EthrDID",
    "EthrDIDError",
    "History",
    "HistoryEntry",
    "Network",
    "Networks",
    "ResolutionResult",
    "Resolver",
    "Service",
    "VerificationMethod",
]

_HOMES = {
    "DIDURL": "ethr_did.core.did",
    "AsyncResolver": "ethr_did.resolver",
    "DIDDocument": "ethr_did.core.document",
    "DereferencingResult": "ethr_did.core.resolution",
    "EthrDID": "ethr_did.core.did",
    "EthrDIDError": "ethr_did.errors",
    "History": "ethr_did.resolver",
    "HistoryEntry": "ethr_did.resolver",
    "Network": "ethr_did.chain.networks",
    "Networks": "ethr_did.chain.networks",
    "ResolutionResult": "ethr_did.core.resolution",
    "Resolver": "ethr_did.resolver",
    "Service": "ethr_did.core.document",
    "VerificationMethod": "ethr_did.core.document",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(importlib.import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'ethr_did' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

"""Verifiable credentials on DIDs: issued, held, presented, verified.

Names are imported when they are first used.

Example:
    >>> from ethr_did import Network
    >>> from ethr_did.credentials import Outside, Policy, Verifier
    >>> network = Network(
    ...     name="dev",
    ...     chain_id=31337,
    ...     rpc_url="http://127.0.0.1:1",
    ...     did_registry="0xdca7ef03e98e0dc2b855be647c39abe984fcf21b",
    ... )
    >>> with Outside.on([network], retries=0) as outside:
    ...     report = Verifier(outside).verify("not a credential", Policy())
    >>> report.is_valid, report.all_checks[0].message
    (False, "not a token: 'not a credential'. A token has three parts, set off by points.")
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ethr_did.credentials.anchoring import ExistenceProof
    from ethr_did.credentials.choices import answer_query, choose
    from ethr_did.credentials.credential import Credential, CredentialFormat, Presentation
    from ethr_did.credentials.dcql import Query
    from ethr_did.credentials.issue_request import IssueRequest
    from ethr_did.credentials.issuing import CredentialIssuer
    from ethr_did.credentials.policy import HolderRule, Policy
    from ethr_did.credentials.presenting import AsyncPresenter, KeyRing, Presenter
    from ethr_did.credentials.previews import preview
    from ethr_did.credentials.questions import AsyncOutside, Outside
    from ethr_did.credentials.reading import read, read_credential, read_presentation
    from ethr_did.credentials.report import Check, CredentialReport, Outcome, Report, Verdict
    from ethr_did.credentials.signing_keys import AccountKey, LocalKey, open_signing_key
    from ethr_did.credentials.templates import Template, find_template
    from ethr_did.credentials.trust import OnChainAuthority, TrustPolicy
    from ethr_did.credentials.trust_lists import TrustEntry, TrustList
    from ethr_did.credentials.verification import AsyncVerifier, Verifier

_HOMES = {
    "anchoring": ("ExistenceProof",),
    "choices": ("answer_query", "choose"),
    "credential": ("Credential", "CredentialFormat", "Presentation"),
    "dcql": ("Query",),
    "issue_request": ("IssueRequest",),
    "issuing": ("CredentialIssuer",),
    "policy": ("HolderRule", "Policy"),
    "presenting": ("AsyncPresenter", "KeyRing", "Presenter"),
    "previews": ("preview",),
    "questions": ("AsyncOutside", "Outside"),
    "reading": ("read", "read_credential", "read_presentation"),
    "report": ("Check", "CredentialReport", "Outcome", "Report", "Verdict"),
    "signing_keys": ("AccountKey", "LocalKey", "open_signing_key"),
    "templates": ("Template", "find_template"),
    "trust": ("OnChainAuthority", "TrustPolicy"),
    "trust_lists": ("TrustEntry", "TrustList"),
    "verification": ("AsyncVerifier", "Verifier"),
}

__all__ = [
    "AccountKey",
    "AsyncOutside",
    "AsyncPresenter",
    "AsyncVerifier",
    "Check",
    "Credential",
    "CredentialFormat",
    "CredentialIssuer",
    "CredentialReport",
    "ExistenceProof",
    "HolderRule",
    "IssueRequest",
    "KeyRing",
    "LocalKey",
    "OnChainAuthority",
    "Outcome",
    "Outside",
    "Policy",
    "Presentation",
    "Presenter",
    "Query",
    "Report",
    "Template",
    "TrustEntry",
    "TrustList",
    "TrustPolicy",
    "Verdict",
    "Verifier",
    "answer_query",
    "choose",
    "find_template",
    "open_signing_key",
    "preview",
    "read",
    "read_credential",
    "read_presentation",
]


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(importlib.import_module(f"ethr_did.credentials.{home}"), name)
    raise AttributeError(f"module 'ethr_did.credentials' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)

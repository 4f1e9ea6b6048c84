"""Other methods, through a universal resolver that somebody runs: only where one is configured.

Rules:
  1. ``GET <base>/1.0/identifiers/<DID>``, the DID percent-encoded. A resolution result is asked for,
     and nothing else is taken: a bare document does not say whether the identity was deactivated.
  2. The document must keep the rules of ``documents.py``; its id is the DID that was asked for.
  3. ``deactivated: true`` counts, whatever document comes with it. Another value than true or false
     is refused.
  4. 410 is "deactivated", 404 and the error ``NOT_FOUND`` are "no such DID", everything else is
     "could not be found out".
  5. No versions: what comes is the newest, and its metadata says so in words of each method.

Limits: whoever runs the resolver is believed, and learns which DIDs are asked for. Of answers other
than 200 only the status is read, and no body: a method that is not supported (501), a DID that is
malformed (400) and a driver that broke (500) all look alike here.

Spec: DID Resolution v0.3 sections 4, 10 and "HTTP(S) Binding".
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from ethr_did.did_methods.documents import read_document, read_object
from ethr_did.did_methods.resolved import ResolvedDID
from ethr_did.did_methods.web import GONE, not_found
from ethr_did.errors import EthrDIDError, FetchError, InvalidDocument, InvalidOption, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ethr_did.fetching import Fetched

__all__ = ["ACCEPT", "check_base", "identifiers_url", "read_universal"]

ACCEPT: Final = (
    "application/did-resolution, "
    'application/ld+json;profile="https://w3id.org/did-resolution";q=0.9'
)
"""The second is the name of older resolvers for the same."""

_ABSENT = 404
_BASE = re.compile(r"https?://[^/?#@\s]+(?:/[^?#@\s]*)?")


def check_base(url: str) -> str:
    """The base URL of a universal resolver, without a slash at its end.

    Raises:
        InvalidOption: it is no http or https URL, or has a query, fragment or user info.

    Example:
        >>> check_base("https://resolver.example/")
        'https://resolver.example'
    """
    if not _BASE.fullmatch(url):
        raise InvalidOption(
            "universal_url is no http or https URL without user info, query and fragment",
            hint="Give what stands before /1.0/identifiers/, such as https://resolver.example.",
            option="universal_url",
        )
    return url.rstrip("/")


def identifiers_url(base: str, did: str) -> str:
    """Where a universal resolver answers for a DID.

    Args:
        base: as ``check_base`` gives it.
        did: the DID.

    Example:
        >>> identifiers_url("https://resolver.example", "did:example:1")
        'https://resolver.example/1.0/identifiers/did%3Aexample%3A1'
    """
    return f"{base}/1.0/identifiers/{quote(did, safe='')}"


def read_universal(did: str, outcome: Fetched | EthrDIDError) -> ResolvedDID:
    """What a universal resolver says about a DID.

    Args:
        did: whose document it must be.
        outcome: what was fetched, or why nothing was.

    Raises:
        NotFoundError: there is no such DID.
        FetchError: that could not be found out.
        InvalidDocument: the answer is no resolution result, or not of that DID.
    """
    if isinstance(outcome, EthrDIDError):
        status = outcome.facts.get("status")
        if status == GONE:
            return ResolvedDID(did=did, deactivated=True)
        if status == _ABSENT:
            raise not_found(did, outcome.message, outcome.hint) from outcome
        raise _unasked(did, outcome) from outcome
    result = read_object(outcome.content, f"the resolution result of {shown(did)}")
    if "didDocument" not in result:
        raise InvalidDocument(
            f"what the universal resolver says about {shown(did)} is no resolution result",
            hint="It must answer with didDocument, didResolutionMetadata and didDocumentMetadata.",
        )
    _check_error(did, _members(result, "didResolutionMetadata").get("error"))
    deactivated = _members(result, "didDocumentMetadata").get("deactivated", False)
    if not isinstance(deactivated, bool):
        raise InvalidDocument(f"deactivated is neither true nor false: {shown(deactivated)}")
    if deactivated:
        return ResolvedDID(did=did, deactivated=True)
    return ResolvedDID(did=did, document=read_document(result["didDocument"], did))


def _unasked(did: str, outcome: EthrDIDError) -> EthrDIDError:
    """The error without the resolver's URL, in which there may be a key."""
    if not isinstance(outcome, FetchError):
        return outcome
    reason = str(outcome.facts.get("reason", "unknown")).replace("_", " ")
    facts = {name: fact for name, fact in outcome.facts.items() if name != "url"}
    return FetchError(
        f"the universal resolver gave no answer about {shown(did)}: {reason}",
        hint=outcome.hint,
        **facts,
    )


def _members(result: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = result.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise InvalidDocument(f"{name} is not an object: {shown(value)}")
    return value


def _check_error(did: str, error: object) -> None:
    """Raises for an error: a name, or an object whose type ends in one."""
    if error is None:
        return
    name = error.get("type") if isinstance(error, dict) else error
    words = f"the universal resolver says {shown(name)}"
    if isinstance(name, str) and _plain(name) == "notfound":
        raise not_found(did, words)
    raise FetchError(
        f"{shown(did)} could not be resolved: {words}",
        hint="Does it support the method?",
        reason="resolver",
    )


def _plain(name: str) -> str:
    return name.rpartition("#")[2].replace("_", "").lower()

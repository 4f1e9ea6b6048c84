"""Relative DID URLs in a document, made absolute.

Rules:
  * Services, verification methods and the entries of relationships are looked at, and any other
    member that holds such entries; of an object its ``id``, of a relationship the text itself.
  * What is relative starts with ``#``, ``?`` or ``/``; it is seen from the DID of the document.
  * Documents made from events are absolute already, and come back as they are.

Spec: DID Resolution v0.3 section 4.4, step 6; DID Core 1.0 section 3.2.2.
"""

from __future__ import annotations

from typing import Any

__all__ = ["expanded"]

_RELATIONSHIPS = frozenset(
    {
        "authentication",
        "assertionMethod",
        "keyAgreement",
        "capabilityInvocation",
        "capabilityDelegation",
    }
)


def expanded(content: dict[str, Any], did: str) -> dict[str, Any]:
    """The document, or the entry of one, with absolute DID URLs in place of relative ones.

    Args:
        content: as JSON.
        did: of the document.

    Example:
        >>> expanded({"id": "did:ex:1", "authentication": ["#key"]}, "did:ex:1")["authentication"]
        ['did:ex:1#key']
    """
    return {name: _member(name, value, did) for name, value in content.items()}


def _member(name: str, value: Any, did: str) -> Any:
    if name == "id" and isinstance(value, str):
        return _absolute(value, did)
    if not isinstance(value, list):
        return value
    is_reference = name in _RELATIONSHIPS
    return [_entry(one, did, is_reference=is_reference) for one in value]


def _entry(entry: Any, did: str, *, is_reference: bool) -> Any:
    if isinstance(entry, dict) and isinstance(entry.get("id"), str):
        return {**entry, "id": _absolute(entry["id"], did)}
    return _absolute(entry, did) if is_reference and isinstance(entry, str) else entry


def _absolute(text: str, did: str) -> str:
    return did + text if text.startswith(("#", "?", "/")) else text

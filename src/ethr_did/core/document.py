"""DID documents as values.

Rules:
  * camelCase lives in ``to_dict`` and ``from_dict`` only.
  * What a document of someone else holds beyond DID Core is kept, so that reading and writing
    again does not change it.
  * ``@context`` names only the suites that the document uses (did:ethr specification,
    "JSON-LD context"), and is absent from ``application/did+json`` (DID Core section 6.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ethr_did.errors import InvalidDocument, shown

__all__ = ["DIDDocument", "Relationship", "Service", "VerificationMethod", "build_context"]

DID_V1 = "https://www.w3.org/ns/did/v1"
RECOVERY_V2 = "https://w3id.org/security/suites/secp256k1recovery-2020/v2"
SECURITY_V2 = "https://w3id.org/security/v2"
ED25519_V1 = "https://w3id.org/security/suites/ed25519-2020/v1"
X25519_V1 = "https://w3id.org/security/suites/x25519-2020/v1"
MULTIKEY_V1 = "https://w3id.org/security/multikey/v1"

_SUITES = (
    ("Ed25519VerificationKey2020", ED25519_V1),
    ("X25519KeyAgreementKey2020", X25519_V1),
    ("Multikey", MULTIKEY_V1),
)
_INLINE_TERMS: tuple[tuple[str, Any], ...] = (
    ("publicKeyHex", "https://w3id.org/security#publicKeyHex"),
    ("publicKeyJwk", {"@id": "https://w3id.org/security#publicKeyJwk", "@type": "@json"}),
    ("publicKeyBase64", "https://w3id.org/security#publicKeyBase64"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class VerificationMethod:
    """A key or account that can prove something for the subject; DID Core section 5.2."""

    id: str
    type: str
    controller: str
    material: Mapping[str, Any] = field(default_factory=dict)
    """The key and whatever else the entry holds, by its JSON name: ``publicKeyJwk``, …"""

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON."""
        return {"id": self.id, "type": self.type, "controller": self.controller, **self.material}

    @classmethod
    def from_dict(cls, data: object, path: str = "verificationMethod") -> VerificationMethod:
        """The entry in a JSON object.

        Raises:
            InvalidDocument: ``id``, ``type`` or ``controller`` is missing or no string.
        """
        entry = _object(data, path)
        rest = {k: v for k, v in entry.items() if k not in {"id", "type", "controller"}}
        return cls(
            id=_string(entry, "id", path),
            type=_string(entry, "type", path),
            controller=_string(entry, "controller", path),
            material=rest,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A way to reach the subject; DID Core section 5.4."""

    id: str
    type: str | tuple[str, ...]
    service_endpoint: Any
    """What JSON can hold: a URI, an object, or a list; did:ethr passes on what is on chain."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Members beyond DID Core, kept."""

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON."""
        kind = list(self.type) if isinstance(self.type, tuple) else self.type
        return {
            "id": self.id,
            "type": kind,
            "serviceEndpoint": self.service_endpoint,
            **self.extra,
        }

    @classmethod
    def from_dict(cls, data: object, path: str = "service") -> Service:
        """The entry in a JSON object.

        Raises:
            InvalidDocument: ``id``, ``type`` or ``serviceEndpoint`` is missing or malformed.
        """
        entry = _object(data, path)
        kind = entry.get("type")
        if isinstance(kind, list) and kind and all(isinstance(item, str) for item in kind):
            type_: str | tuple[str, ...] = tuple(kind)
        else:
            type_ = _string(entry, "type", path)
        if "serviceEndpoint" not in entry:
            raise InvalidDocument(f"{path}.serviceEndpoint is missing", path=path)
        rest = {k: v for k, v in entry.items() if k not in {"id", "type", "serviceEndpoint"}}
        return cls(
            id=_string(entry, "id", path),
            type=type_,
            service_endpoint=entry["serviceEndpoint"],
            extra=rest,
        )


Relationship = tuple[str | VerificationMethod, ...]
"""References to verification methods, or the methods themselves; DID Core section 5.3."""

_RELATIONSHIPS = (
    ("authentication", "authentication"),
    ("assertion_method", "assertionMethod"),
    ("key_agreement", "keyAgreement"),
    ("capability_invocation", "capabilityInvocation"),
    ("capability_delegation", "capabilityDelegation"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DIDDocument:
    """A DID document; DID Core section 4."""

    id: str
    verification_method: tuple[VerificationMethod, ...] = ()
    authentication: Relationship | None = None
    """None where the member is absent, which JSON tells from an empty list."""
    assertion_method: Relationship | None = None
    key_agreement: Relationship | None = None
    capability_invocation: Relationship | None = None
    capability_delegation: Relationship | None = None
    service: tuple[Service, ...] = ()
    context: Any = None
    """``@context`` as JSON; None where absent."""
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Members beyond these, kept."""

    def to_dict(self, *, with_context: bool = True) -> dict[str, Any]:
        """The document as JSON.

        Args:
            with_context: False gives the ``application/did+json`` representation.
        """
        out: dict[str, Any] = {}
        if with_context and self.context is not None:
            out["@context"] = self.context
        out["id"] = self.id
        if self.verification_method:
            out["verificationMethod"] = [method.to_dict() for method in self.verification_method]
        for name, wire in _RELATIONSHIPS:
            entries: Relationship | None = getattr(self, name)
            if entries is not None:
                out[wire] = [e if isinstance(e, str) else e.to_dict() for e in entries]
        if self.service:
            out["service"] = [service.to_dict() for service in self.service]
        return {**out, **{name: value for name, value in self.extra.items() if name not in out}}

    @classmethod
    def from_dict(cls, data: object) -> DIDDocument:
        """The document in a JSON object; unknown members are kept.

        Raises:
            InvalidDocument: a member that DID Core defines is malformed; its path is named.

        Example:
            >>> DIDDocument.from_dict({"id": "did:example:1", "alsoKnownAs": []}).to_dict()
            {'id': 'did:example:1', 'alsoKnownAs': []}
        """
        entry = _object(data, "document")
        known = {"@context", "id", "verificationMethod", "service", *dict(_WIRE)}
        return cls(
            id=_string(entry, "id", "document"),
            verification_method=tuple(
                VerificationMethod.from_dict(item, f"verificationMethod[{i}]")
                for i, item in enumerate(_list(entry, "verificationMethod"))
            ),
            service=tuple(
                Service.from_dict(item, f"service[{i}]")
                for i, item in enumerate(_list(entry, "service"))
            ),
            context=entry.get("@context"),
            # An empty list is kept here: it is not the same JSON as no list.
            extra={k: v for k, v in entry.items() if k not in known or (k in _LISTS and v == [])},
            **{name: _relationship(entry, wire) for wire, name in _WIRE if wire in entry},
        )

    def find_verification_method(self, id_: str) -> VerificationMethod | None:
        """The verification method of that id, listed or embedded; None where there is none.

        Args:
            id_: the full DID URL, or the fragment with its number sign.
        """
        full = self.id + id_ if id_.startswith("#") else id_
        embedded = (
            entry
            for name, _ in _RELATIONSHIPS
            for entry in getattr(self, name) or ()
            if isinstance(entry, VerificationMethod)
        )
        for method in (*self.verification_method, *embedded):
            if _absolute(self.id, method.id) == full:
                return method
        return None

    def find_service(self, id_: str) -> Service | None:
        """The service of that id; None where there is none.

        Args:
            id_: the full DID URL, or the fragment with its number sign.
        """
        full = self.id + id_ if id_.startswith("#") else id_
        return next((s for s in self.service if _absolute(self.id, s.id) == full), None)


_WIRE = tuple((wire, name) for name, wire in _RELATIONSHIPS)
_LISTS = ("verificationMethod", "service")


def build_context(methods: tuple[VerificationMethod, ...]) -> list[Any]:
    """The ``@context`` of a did:ethr document with these verification methods.

    Spec: did:ethr method specification, "JSON-LD context"; order as the reference resolver's.
    """
    types = {method.type for method in methods}
    members = {name for method in methods for name in method.material}
    context: list[Any] = [DID_V1, RECOVERY_V2]
    if "EcdsaSecp256k1VerificationKey2019" in types or "publicKeyBase58" in members:
        context.append(SECURITY_V2)
    context += [suite for type_, suite in _SUITES if type_ in types]
    inline = {term: meaning for term, meaning in _INLINE_TERMS if term in members}
    return [*context, inline] if inline else context


def _absolute(did: str, id_: str) -> str:
    return did + id_ if id_.startswith("#") else id_


def _object(data: object, path: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping) or not all(isinstance(key, str) for key in data):
        raise InvalidDocument(f"{path} is not a JSON object: {shown(data)}", path=path)
    return data


def _string(entry: Mapping[str, Any], name: str, path: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidDocument(f"{path}.{name} is not a string: {shown(value)}", path=path)
    return value


def _list(entry: Mapping[str, Any], name: str) -> list[Any]:
    value = entry.get(name, [])
    if not isinstance(value, list):
        raise InvalidDocument(f"{name} is not a list: {shown(value)}", path=name)
    return value


def _relationship(entry: Mapping[str, Any], wire: str) -> Relationship:
    return tuple(
        item if isinstance(item, str) else VerificationMethod.from_dict(item, f"{wire}[{i}]")
        for i, item in enumerate(_list(entry, wire))
    )

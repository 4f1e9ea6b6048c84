"""DID documents that are not read from a chain: those made of one key, and those of other people.

Rules for documents of other people:
  1. JSON, read strictly, of at most ``MAX_DOCUMENT_BYTES``.
  2. The ``id`` is the DID that was asked for, letter by letter.
  3. At most ``MAX_METHODS`` verification methods, ``MAX_REFERENCES`` entries of each verification
     relationship, and ``MAX_SERVICES`` services. They are counted before any is read.
  4. No two verification methods of one id: a ``kid`` would select one here and another elsewhere.
     The same method, embedded twice, is one.
  5. ``@context`` is not processed: members mean what DID Core says, with or without JSON-LD.

Spec: DID Core 1.0 sections 5 and 6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.document import DID_V1, DIDDocument, VerificationMethod
from ethr_did.core.strict_json import read_json
from ethr_did.errors import FetchError, InvalidDocument, InvalidInput, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = [
    "MAX_DOCUMENT_BYTES",
    "MAX_METHODS",
    "MAX_REFERENCES",
    "MAX_SERVICES",
    "SIGNING",
    "build_document",
    "read_document",
    "read_object",
]

MAX_DOCUMENT_BYTES: Final = 64 << 10
"""Of a document, or of a resolution result with one in it."""

MAX_METHODS: Final = 128
"""Verification methods of a document, the embedded ones included."""

MAX_REFERENCES: Final = 256
"""Entries of one verification relationship."""

MAX_SERVICES: Final = 128

SIGNING: Final = (
    "authentication",
    "assertion_method",
    "capability_invocation",
    "capability_delegation",
)
"""Members of ``DIDDocument``: what a key that signs is for."""

_RELATIONSHIPS = (
    "authentication",
    "assertionMethod",
    "keyAgreement",
    "capabilityInvocation",
    "capabilityDelegation",
)


def build_document(
    did: str,
    *,
    fragment: str,
    kind: str,
    material: Mapping[str, Any],
    context: object,
    purposes: tuple[str, ...] = SIGNING,
) -> DIDDocument:
    """The document of a DID that is its own key.

    Args:
        did: the DID.
        fragment: of the verification method, without the number sign.
        kind: its type.
        material: its key, by the JSON name.
        context: what the type needs in ``@context`` besides DID Core's: one entry.
        purposes: members of ``DIDDocument`` that refer to it.
    """
    method = VerificationMethod(
        id=f"{did}#{fragment}", type=kind, controller=did, material=material
    )
    return DIDDocument(
        id=did,
        verification_method=(method,),
        context=[DID_V1, context],
        **dict.fromkeys(purposes, (method.id,)),  # type: ignore[arg-type]  # names of members
    )


def read_object(content: bytes, what: str) -> dict[str, Any]:
    """The JSON object in what was fetched.

    Raises:
        FetchError: it is too long, whoever let it pass.
        InvalidDocument: it is none, or not the strict JSON that is read here.
    """
    if len(content) > MAX_DOCUMENT_BYTES:
        raise FetchError(
            f"{what} has {len(content)} bytes, more than {MAX_DOCUMENT_BYTES}",
            hint="Documents of that size are not read.",
            reason="too_large",
        )
    try:
        value = read_json(content)
    except InvalidInput as cause:
        raise InvalidDocument(f"{what} is {cause.message}") from cause
    if not isinstance(value, dict):
        raise InvalidDocument(f"{what} is not a JSON object: {shown(value)}")
    return value


def read_document(data: object, did: str) -> DIDDocument:
    """The document of a DID in what somebody else says it is.

    Args:
        data: JSON, as ``read_json`` gives it.
        did: whose it must be.

    Raises:
        InvalidDocument: it is none, or breaks a rule of the module.
    """
    if not isinstance(data, dict):
        raise InvalidDocument(f"the document of {shown(did)} is not a JSON object: {shown(data)}")
    if data.get("id") != did:
        raise InvalidDocument(
            f"the document is that of {shown(data.get('id'))}, not of {shown(did)}",
            hint="The id of a document must be the DID, letter by letter.",
        )
    _check_counts(data)
    document = DIDDocument.from_dict(data)
    _check_ids(document)
    return document


def _check_counts(data: Mapping[str, Any]) -> None:
    relationships = {name: data.get(name) for name in _RELATIONSHIPS}
    for name, most, value in (
        ("verificationMethod", MAX_METHODS, data.get("verificationMethod")),
        ("service", MAX_SERVICES, data.get("service")),
        *((name, MAX_REFERENCES, value) for name, value in relationships.items()),
    ):
        if isinstance(value, list) and len(value) > most:
            raise _too_many(name, len(value), most)


def _check_ids(document: DIDDocument) -> None:
    seen: dict[str, VerificationMethod] = {}
    for count, method in enumerate(_methods(document), start=1):
        if count > MAX_METHODS:
            raise _too_many("verification methods, embedded ones included", count, MAX_METHODS)
        id_ = document.id + method.id if method.id.startswith("#") else method.id
        if seen.setdefault(id_, method) != method:
            raise InvalidDocument(
                f"two verification methods have the id {shown(id_)}",
                hint="Nobody can tell which one a signature names.",
            )


def _methods(document: DIDDocument) -> Iterator[VerificationMethod]:
    yield from document.verification_method
    for name in (*SIGNING, "key_agreement"):
        for entry in getattr(document, name) or ():
            if isinstance(entry, VerificationMethod):
                yield entry


def _too_many(name: str, count: int, most: int) -> InvalidDocument:
    return InvalidDocument(
        f"{name}: {count} in one document, more than {most}",
        hint="Documents of that size are not read.",
    )

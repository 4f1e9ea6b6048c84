"""The form of documents that ethr-did-resolver 11 writes, and ours: from the one to the other.

What differs, by name; docs/interop.md has the reasons. Whatever is not in this list must be equal.

  1. Context: the peer always writes the same three entries, we those of the suites in use.
  2. Suites: its 2018 and 2019 types and plain algorithm names become the 2020 types and Multikey,
     its bytes in hex, base64, base58 or PEM become JWK or multibase.
  3. RSA, and keys of no known algorithm: the type is the algorithm; what is named PEM on chain is
     ``value`` in hex here, as every other encoding that is not hex, base64 or base58.
  4. Bytes that are no secp256k1 key: the peer lists them, we do not.
  5. ``keyAgreement``: the peer keeps the reference to a key that is gone, and the first place of
     one that came back.
  6. Numbers: the peer does not count a valid entry whose name it cannot read, and counts it once
     it has expired. We count it always.
  7. Deactivated: the peer has a document of empty lists, we have none.
  8. In the very second in which an entry ends, the peer still lists it. Which second is asked about
     the document does not say: comparisons stay clear of it, and a test of its own shows it.
"""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import base58
from eth_keys.datatypes import PublicKey
from eth_utils.exceptions import ValidationError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

PEER_CONTEXT = [
    "https://www.w3.org/ns/did/v1",
    "https://w3id.org/security/suites/secp256k1recovery-2020/v2",
    "https://w3id.org/security/v3-unstable",
]
SUITES = "https://w3id.org/security/suites/"
RELATIONSHIPS = ("authentication", "assertionMethod", "keyAgreement")

ALGORITHMS = {
    "EcdsaSecp256k1VerificationKey2019": "Secp256k1",
    "Ed25519VerificationKey2018": "Ed25519",
    "X25519KeyAgreementKey2019": "X25519",
    "RSAVerificationKey2018": "RSA",
}
"""What the peer's types were on chain; a type that is not here is the algorithm itself."""

MULTIBASE = {
    "Ed25519": ("Ed25519VerificationKey2020", "ed01"),
    "X25519": ("X25519KeyAgreementKey2020", "ec01"),
    "Multikey": ("Multikey", ""),
}
"""Our types of the algorithms that are written in multibase, and their multicodec prefixes."""

_NAME = re.compile(r"did/(pub|svc)/\w+(/\w+)?(/\w+)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """What the numbering of entries depends on: one event of a delegate or an attribute."""

    name: str | None
    """Of an attribute; None for a delegate."""
    valid_to: int


def from_peer(
    document: Mapping[str, Any], numbers: Mapping[str, str] | None = None
) -> dict[str, Any] | None:
    """Our form of a document in the peer's form.

    Args:
        document: as ethr-did-resolver 11 wrote it, with its context or without.
        numbers: our fragment for each of the peer's, where they differ.
    """
    out = {key: value for key, value in document.items() if key != "@context"}
    with_context = "@context" in document
    assert not with_context or document["@context"] == PEER_CONTEXT
    if not out["verificationMethod"]:
        assert [value for value in out.values() if value] == [out["id"]]
        return None
    listed = [_method(method) for method in out["verificationMethod"]]
    out["verificationMethod"] = methods = [method for method in listed if method is not None]
    known = [method["id"] for method in methods]
    for relationship in RELATIONSHIPS:
        if relationship in out:
            out[relationship] = _references(relationship, out[relationship], known)
    if not out.get("keyAgreement", ["some"]):
        del out["keyAgreement"]
    if with_context:
        out["@context"] = _context(methods)
    return _renumbered(out, numbers or {})


def numbers_of(events: Iterable[Counted], now: int) -> dict[str, str]:
    """Our fragment for each fragment of the peer's document at a time, difference 6.

    Args:
        events: oldest first; owner changes and names that are not UTF-8 count for neither.
        now: the time the peer judges validity by, in Unix seconds.
    """
    theirs, ours = {"delegate": 0, "service": 0}, {"delegate": 0, "service": 0}
    numbers = {}
    for event in events:
        kind = _kind(event.name)
        if kind is None:
            continue
        ours[kind] += 1
        is_legible = event.name is None or _NAME.fullmatch(event.name) is not None
        is_valid = event.valid_to != 0 and event.valid_to >= now
        if is_legible or not is_valid:
            theirs[kind] += 1
        if is_legible and is_valid:
            numbers[f"{kind}-{theirs[kind]}"] = f"{kind}-{ours[kind]}"
    return numbers


def _kind(name: str | None) -> str | None:
    if name is None or name.startswith("did/pub/"):
        return "delegate"
    return "service" if name.startswith("did/svc/") else None


def _method(method: Mapping[str, Any]) -> dict[str, Any] | None:
    """Differences 2 to 4."""
    if "blockchainAccountId" in method:
        return dict(method)
    head = {key: method[key] for key in ("id", "controller")}
    (material,) = (key for key in method if key not in {"id", "type", "controller"})
    algorithm = ALGORITHMS.get(method["type"], method["type"])
    if algorithm == "Secp256k1":
        jwk = _jwk(_bytes(material, method[material]))
        kind = "EcdsaSecp256k1VerificationKey2019"
        return None if jwk is None else {**head, "type": kind, "publicKeyJwk": jwk}
    if algorithm in MULTIBASE:
        kind, prefix = MULTIBASE[algorithm]
        key = bytes.fromhex(prefix) + _bytes(material, method[material])
        encoded = "z" + base58.b58encode(key).decode()
        return {**head, "type": kind, "publicKeyMultibase": encoded}
    if material == "publicKeyPem":
        return {**head, "type": algorithm, "value": method[material].encode().hex()}
    return {**head, "type": algorithm, material: method[material]}


def _bytes(material: str, text: str) -> bytes:
    match material:
        case "publicKeyHex" | "value":
            return bytes.fromhex(text)
        case "publicKeyBase64":
            return base64.b64decode(text, validate=True)
        case "publicKeyBase58":
            return base58.b58decode(text)
        case "publicKeyPem":
            return text.encode()
    raise AssertionError(f"key material that the peer was not known to write: {material}")


def _jwk(key: bytes) -> dict[str, str] | None:
    try:
        if len(key) == 65 and key[0] == 4:
            point = PublicKey(key[1:]).to_bytes()
        else:
            point = PublicKey.from_compressed_bytes(key).to_bytes()
    except (ValueError, ValidationError):
        return None
    x, y = (
        base64.urlsafe_b64encode(half).decode().rstrip("=") for half in (point[:32], point[32:])
    )
    return {"kty": "EC", "crv": "secp256k1", "x": x, "y": y}


def _references(relationship: str, references: list[str], known: list[str]) -> list[str]:
    """Differences 4 and 5."""
    if relationship == "keyAgreement":
        return [id_ for id_ in known if id_ in references]
    return [id_ for id_ in references if id_ in known]


def _context(methods: list[dict[str, Any]]) -> list[Any]:
    """Difference 1."""
    types = {method["type"] for method in methods}
    members = {member for method in methods for member in method}
    needed = {
        "https://w3id.org/security/v2": "EcdsaSecp256k1VerificationKey2019" in types
        or "publicKeyBase58" in members,
        f"{SUITES}ed25519-2020/v1": "Ed25519VerificationKey2020" in types,
        f"{SUITES}x25519-2020/v1": "X25519KeyAgreementKey2020" in types,
        "https://w3id.org/security/multikey/v1": "Multikey" in types,
    }
    terms = {
        "publicKeyHex": "https://w3id.org/security#publicKeyHex",
        "publicKeyJwk": {"@id": "https://w3id.org/security#publicKeyJwk", "@type": "@json"},
        "publicKeyBase64": "https://w3id.org/security#publicKeyBase64",
    }
    inline = {term: meaning for term, meaning in terms.items() if term in members}
    context = [*PEER_CONTEXT[:2], *(url for url, is_needed in needed.items() if is_needed)]
    return [*context, inline] if inline else context


def _renumbered(document: dict[str, Any], numbers: Mapping[str, str]) -> dict[str, Any]:
    """Difference 6."""

    def moved(id_: str) -> str:
        did, _, fragment = id_.partition("#")
        return f"{did}#{numbers.get(fragment, fragment)}"

    out = dict(document)
    for entries in ("verificationMethod", "service"):
        if entries in out:
            out[entries] = [{**entry, "id": moved(entry["id"])} for entry in out[entries]]
    for relationship in RELATIONSHIPS:
        if relationship in out:
            out[relationship] = [moved(id_) for id_ in out[relationship]]
    return out

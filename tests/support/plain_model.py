"""did:ethr resolution once more, as plainly as it can be said, to compare the package with.

Written from the method's rules with dicts and lists only: each event is looked at from the end of
the story, nothing is kept between events but three numbers and two lists. Names are split by hand,
not by regular expressions; base58 and the curve are left to libraries the package does not use here.
"""

from __future__ import annotations

import base64
import string
from typing import TYPE_CHECKING, Any

import base58
from eth_utils.address import to_checksum_address

from ethr_did.core.erc1056 import AttributeChanged, DelegateChanged, Event, OwnerChanged

if TYPE_CHECKING:
    from collections.abc import Sequence

WORD = set(string.ascii_letters + string.digits + "_")
FIELD = 2**256 - 2**32 - 977
PREFIXES = {"Ed25519": "ed01", "X25519": "ec01", "Multikey": ""}
SUITES = {
    "Ed25519": "Ed25519VerificationKey2020",
    "X25519": "X25519KeyAgreementKey2020",
    "Multikey": "Multikey",
}


def text_of(name: bytes) -> str | None:
    """The name as text; None if it is none."""
    try:
        return name.decode("utf-8").rstrip("\0")
    except UnicodeDecodeError:
        return None


def plain_resolve(
    did: str, identity: bytes, events: Sequence[Event], *, now: int, limit: int | None = None
) -> dict[str, Any]:
    """Document, owner and versions, without context."""
    story = sorted(events, key=lambda event: (event.block_number, event.log_index))
    story = [event for event in story if legible(event)]
    past = [e for e in story if (e.block_timestamp or 0) <= now]
    past = [e for e in past if limit is None or e.block_number <= limit]
    later = [e for e in story if e not in past]
    ends = [e for e in past if isinstance(e, OwnerChanged) and not any(e.owner)]
    if ends:
        return {"document": None, "version": ends[0].block_number, "next": None}
    owners = [e.owner for e in past if isinstance(e, OwnerChanged)]
    return {
        "document": document(did, owners[-1] if owners else identity, past, now),
        "version": past[-1].block_number if past else None,
        "next": later[0].block_number if later else None,
    }


def legible(event: Event) -> bool:
    """Whether the event says anything about the document."""
    if isinstance(event, AttributeChanged):
        return text_of(event.name) is not None
    return not isinstance(event, DelegateChanged) or text_of(event.delegate_type) is not None


def document(did: str, owner: bytes, past: Sequence[Event], now: int) -> dict[str, Any]:
    """The document of somebody who is not deactivated."""
    keys: dict[Any, Any] = {}
    services: dict[Any, Any] = {}
    key_number = service_number = 0
    for event in past:
        if isinstance(event, DelegateChanged):
            key_number += 1
            slot: tuple[Any, ...] = ("delegate", event.delegate_type, event.delegate)
            put(keys, slot, delegate_entry(event, key_number), valid=event.valid_to > now)
        elif isinstance(event, AttributeChanged):
            name = text_of(event.name) or ""
            slot = ("attribute", name, event.value)
            if name.startswith("did/pub/"):
                key_number += 1
                put(
                    keys, slot, key_entry(name, event.value, key_number), valid=event.valid_to > now
                )
            if name.startswith("did/svc/"):
                service_number += 1
                entry = service_entry(name, event.value, service_number)
                put(services, slot, entry, valid=event.valid_to > now)
    shown = [entry for entry in keys.values() if entry["material"] is not None]
    controller = {"blockchainAccountId": f"eip155:1337:{to_checksum_address(owner)}"}
    methods = [("controller", "EcdsaSecp256k1RecoveryMethod2020", controller)]
    methods += [(f"delegate-{e['number']}", e["type"], e["material"]) for e in shown]
    ids = {
        use: [f"{did}#delegate-{e['number']}" for e in shown if use in e["uses"]] for use in USES
    }
    out: dict[str, Any] = {
        "id": did,
        "verificationMethod": [
            {"id": f"{did}#{name}", "type": kind, "controller": did, **material}
            for name, kind, material in methods
        ],
        "authentication": [f"{did}#controller", *ids["authentication"]],
        "assertionMethod": [f"{did}#controller", *ids["assertionMethod"]],
    }
    if ids["keyAgreement"]:
        out["keyAgreement"] = ids["keyAgreement"]
    if services:
        out["service"] = [
            {"id": f"{did}#service-{n}", "type": kind, "serviceEndpoint": endpoint}
            for n, kind, endpoint in services.values()
        ]
    return out


USES = ("authentication", "assertionMethod", "keyAgreement")


def put(entries: dict[Any, Any], slot: Any, entry: Any, *, valid: bool) -> None:
    """Lists, or takes off the list; entries that cannot be listed change nothing."""
    if not valid:
        entries.pop(slot, None)
    elif entry is not None:
        entries[slot] = entry


def uses_of(purpose: str) -> tuple[str, ...]:
    """The relationships of a purpose."""
    if purpose == "sigAuth":
        return ("authentication", "assertionMethod")
    return ("keyAgreement",) if purpose == "enc" else ("assertionMethod",)


def delegate_entry(event: DelegateChanged, number: int) -> dict[str, Any] | None:
    """A delegate in one of the two roles that documents know."""
    role = text_of(event.delegate_type)
    if role not in ("veriKey", "sigAuth"):
        return None
    return {
        "number": number,
        "type": "EcdsaSecp256k1RecoveryMethod2020",
        "material": {"blockchainAccountId": f"eip155:1337:{to_checksum_address(event.delegate)}"},
        "uses": uses_of(role),
    }


def parts_of(name: str) -> list[str] | None:
    """What follows did/pub/ or did/svc/; None if it is not one to three words."""
    parts = name.split("/")[2:]
    words = all(part and set(part) <= WORD for part in parts)
    return parts if words and 1 <= len(parts) <= 3 else None


def key_entry(name: str, value: bytes, number: int) -> dict[str, Any] | None:
    """A key; its material is None if the bytes are none."""
    parts = parts_of(name)
    if parts is None:
        return None
    kind, purpose, hint = [*parts, "", ""][:3]
    entry: dict[str, Any] = {"number": number, "type": kind, "uses": uses_of(purpose)}
    if kind == "Secp256k1":
        jwk = jwk_of(value)
        material: Any = jwk and {"publicKeyJwk": jwk}
        return {**entry, "type": "EcdsaSecp256k1VerificationKey2019", "material": material}
    if kind in SUITES:
        raw = bytes.fromhex(PREFIXES[kind]) + value
        multibase = "z" + base58.b58encode(raw).decode()
        return {**entry, "type": SUITES[kind], "material": {"publicKeyMultibase": multibase}}
    forms = {
        "": ("publicKeyHex", value.hex()),
        "hex": ("publicKeyHex", value.hex()),
        "base64": ("publicKeyBase64", base64.b64encode(value).decode()),
        "base58": ("publicKeyBase58", base58.b58encode(value).decode()),
    }
    member, text = forms.get(hint, ("value", value.hex()))
    return {**entry, "material": {member: text}}


def jwk_of(value: bytes) -> dict[str, str] | None:
    """The point of a key, by the equation of the curve."""
    if len(value) == 33 and value[0] in (2, 3):
        x = int.from_bytes(value[1:])
        y = pow(x**3 + 7, (FIELD + 1) // 4, FIELD)
        y = y if y % 2 == value[0] % 2 else FIELD - y
    elif len(value) == 64 or (len(value) == 65 and value[0] == 4):
        x, y = int.from_bytes(value[-64:-32]), int.from_bytes(value[-32:])
    else:
        return None
    if max(x, y) >= FIELD or (y * y - x**3 - 7) % FIELD:
        return None
    x_text, y_text = (
        base64.urlsafe_b64encode(n.to_bytes(32)).rstrip(b"=").decode() for n in (x, y)
    )
    return {"kty": "EC", "crv": "secp256k1", "x": x_text, "y": y_text}


def service_entry(name: str, value: bytes, number: int) -> tuple[int, str, str] | None:
    """A service with a plain text for an endpoint: the stories here hold no JSON."""
    parts, text = parts_of(name), text_of(value + b"\1")
    return None if parts is None or text is None else (number, parts[0], text[:-1])

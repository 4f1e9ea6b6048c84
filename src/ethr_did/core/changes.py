"""Changes to an identity, checked before gas is spent.

Rules:
  * A name has at most 32 bytes of UTF-8 (ERC-1056: ``bytes32``).
  * A key has the length of its algorithm and, on secp256k1, lies on the curve.
  * A service endpoint is a URI, an object, or a list of these (DID Core section 5.4).
  * ``validity`` is in whole seconds from the block that mines the change. It is kept below 2^52, so
    that every resolver, also one that counts in doubles, reads the same expiry.
  * In a batch the change of owner comes last: nobody may act after giving up the identity.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ethr_did.core.erc1056 import MAX_NAME_LENGTH, decode_name, encode_name
from ethr_did.core.keys import (
    ED25519_PUB,
    SECP256K1_PUB,
    X25519_PUB,
    ZERO_ADDRESS,
    Address,
    decompress_secp256k1,
    parse_address,
    to_checksum_address,
)
from ethr_did.errors import (
    InvalidAttribute,
    InvalidChange,
    InvalidInput,
    InvalidKey,
    InvalidService,
    InvalidValidity,
    nearest,
    shown,
)

__all__ = [
    "DEFAULT_VALIDITY",
    "MAX_CHANGES",
    "MAX_VALIDITY",
    "MAX_VALUE_LENGTH",
    "AddDelegate",
    "Change",
    "ChangeOwner",
    "RevokeAttribute",
    "RevokeDelegate",
    "SetAttribute",
    "add_key",
    "add_service",
    "change_from_dict",
    "changes_from_list",
    "check_batch",
    "deactivate",
    "revoked",
]

DEFAULT_VALIDITY = 10 * 365 * 24 * 60 * 60
"""Ten years, in seconds."""

MAX_VALIDITY = 2**52
"""Longest validity, in seconds."""

MAX_VALUE_LENGTH = 16 * 1024
"""Longest attribute value in bytes: some 300,000 gas."""

MAX_CHANGES = 200
"""Most changes of one batch: some 1.5 million gas with 33-byte keys."""

_DELEGATE_TYPES = ("sigAuth", "veriKey")
_SERVICE_TYPE = re.compile(r"[A-Za-z0-9_]+")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]+")
_KEY_LENGTHS = {"Ed25519": 32, "X25519": 32}
_KEY_TYPES = ("Ed25519", "Multikey", "Secp256k1", "X25519")
_PURPOSES = ("enc", "sigAuth", "veriKey")
_MULTIKEY_LENGTHS = {SECP256K1_PUB: 33, ED25519_PUB: 32, X25519_PUB: 32}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeOwner:
    """Hands the identity to a new owner; the zero address gives it up for good."""

    owner: Address

    def __post_init__(self) -> None:
        to_checksum_address(self.owner)  # the length

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return {"change": "changeOwner", "owner": to_checksum_address(self.owner)}


@dataclass(frozen=True, slots=True, kw_only=True)
class AddDelegate:
    """Lets another account act for the identity for a time."""

    delegate_type: bytes
    """32 bytes, see ``encode_name``."""
    delegate: Address
    validity: int
    """Seconds from the block that mines it."""

    def __post_init__(self) -> None:
        _check_name(self.delegate_type)
        _check_delegate(self.delegate)
        _check_validity(self.validity)

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "change": "addDelegate",
            "delegateType": _name_to_json(self.delegate_type),
            "delegate": to_checksum_address(self.delegate),
            "validity": self.validity,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeDelegate:
    """Ends a delegation now."""

    delegate_type: bytes
    """32 bytes, as when it was added."""
    delegate: Address

    def __post_init__(self) -> None:
        _check_name(self.delegate_type)
        _check_delegate(self.delegate)

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "change": "revokeDelegate",
            "delegateType": _name_to_json(self.delegate_type),
            "delegate": to_checksum_address(self.delegate),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class SetAttribute:
    """Publishes a key, a service or anything else under a name."""

    name: bytes
    """32 bytes, see ``encode_name``."""
    value: bytes
    validity: int
    """Seconds from the block that mines it."""

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_value(self.value)
        _check_validity(self.validity)

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "change": "setAttribute",
            "name": _name_to_json(self.name),
            "value": "0x" + self.value.hex(),
            "validity": self.validity,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class RevokeAttribute:
    """Withdraws an attribute; name and value must be repeated to the byte."""

    name: bytes
    value: bytes

    def __post_init__(self) -> None:
        _check_name(self.name)
        _check_value(self.value)

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "change": "revokeAttribute",
            "name": _name_to_json(self.name),
            "value": "0x" + self.value.hex(),
        }


Change = ChangeOwner | AddDelegate | RevokeDelegate | SetAttribute | RevokeAttribute


def deactivate() -> ChangeOwner:
    """The change that gives an identity up for good."""
    return ChangeOwner(owner=ZERO_ADDRESS)


def add_key(
    kind: str,
    key: bytes,
    *,
    purpose: str = "veriKey",
    validity: int = DEFAULT_VALIDITY,
) -> SetAttribute:
    """The change that publishes a key.

    Args:
        kind: ``Secp256k1``, ``Ed25519``, ``X25519`` or ``Multikey``.
        key: the raw public key; for ``Multikey`` with its multicodec prefix.
        purpose: ``veriKey`` (assertions), ``sigAuth`` (also authentication), ``enc``.
        validity: seconds.

    Raises:
        InvalidKey: unknown kind, or wrong length or form for it.
        InvalidAttribute: unknown purpose.

    Spec: did:ethr method specification, "Public Keys".
    """
    check_key(kind, key)
    if purpose not in _PURPOSES:
        raise InvalidAttribute(
            f"{shown(purpose)} is not a key purpose", hint=nearest(str(purpose), _PURPOSES)
        )
    return SetAttribute(name=encode_name(f"did/pub/{kind}/{purpose}"), value=key, validity=validity)


def check_key(kind: str, key: bytes) -> None:
    """Raises ``InvalidKey`` unless the bytes are a public key of that kind."""
    if kind not in _KEY_TYPES:
        raise InvalidKey(f"{shown(kind)} is not a key type", hint=nearest(str(kind), _KEY_TYPES))
    if kind == "Secp256k1":
        decompress_secp256k1(key)
        return
    if kind == "Multikey":
        _check_multikey(key)
        return
    if len(key) != _KEY_LENGTHS[kind]:
        raise InvalidKey(f"an {kind} key has {_KEY_LENGTHS[kind]} bytes, not {len(key)}")


def _check_multikey(key: bytes) -> None:
    prefix, raw = key[:2], key[2:]
    if len(key) < 4:  # noqa: PLR2004 - a varint prefix and something after it
        raise InvalidKey(f"{len(key)} bytes are too short for a multicodec prefix and a key")
    expected = _MULTIKEY_LENGTHS.get(prefix)
    if expected is not None and len(raw) != expected:
        raise InvalidKey(
            f"after the prefix {prefix.hex()} come {expected} bytes, not {len(raw)}",
            hint="A Multikey value is the multicodec prefix and the compressed key.",
        )
    if prefix == SECP256K1_PUB:
        decompress_secp256k1(raw)


def add_service(kind: str, endpoint: Any, *, validity: int = DEFAULT_VALIDITY) -> SetAttribute:
    """The change that publishes a service.

    Args:
        kind: its type: letters, digits and underscores, at most 24.
        endpoint: a URI, an object, or a list of these.
        validity: seconds.

    Raises:
        InvalidService: a type or endpoint that breaks DID Core section 5.4.

    Example:
        >>> add_service("HubService", "https://hub.example.com").value
        b'https://hub.example.com'
    """
    if not isinstance(kind, str) or not _SERVICE_TYPE.fullmatch(kind):
        raise InvalidService(
            f"{shown(kind)} cannot be a service type on chain",
            hint="Use letters, digits and underscores.",
        )
    if len(kind) > MAX_NAME_LENGTH - len("did/svc/"):
        raise InvalidService(f"the service type {kind} is longer than 24 characters")
    _check_endpoint(endpoint)
    value = endpoint.encode() if isinstance(endpoint, str) else _compact(endpoint)
    return SetAttribute(name=encode_name(f"did/svc/{kind}"), value=value, validity=validity)


def _check_endpoint(endpoint: Any) -> None:
    match endpoint:
        case str() if _URI.fullmatch(endpoint):
            return
        case Mapping() if endpoint:
            return
        case list() if endpoint and not any(isinstance(item, list) for item in endpoint):
            for item in endpoint:
                _check_endpoint(item)
            return
    raise InvalidService(
        f"{shown(endpoint)} is not a service endpoint",
        hint="Give a URI such as https://hub.example.com, a JSON object, or a list of these.",
    )


def _compact(value: Any) -> bytes:
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
        return text.encode()
    except (TypeError, ValueError, RecursionError) as cause:
        raise InvalidService(f"{shown(value)} cannot be written as JSON") from cause


def revoked(change: SetAttribute | AddDelegate) -> RevokeAttribute | RevokeDelegate:
    """The change that undoes another."""
    if isinstance(change, AddDelegate):
        return RevokeDelegate(delegate_type=change.delegate_type, delegate=change.delegate)
    return RevokeAttribute(name=change.name, value=change.value)


def check_batch(changes: Sequence[Change]) -> None:
    """Raises ``InvalidChange`` unless the changes may go into one transaction."""
    if not changes:
        raise InvalidChange("a batch needs at least one change")
    if len(changes) > MAX_CHANGES:
        raise InvalidChange(
            f"{len(changes)} changes are more than {MAX_CHANGES} in one transaction",
            hint="Split them into several batches.",
        )
    for index, change in enumerate(changes[:-1]):
        if isinstance(change, ChangeOwner):
            raise InvalidChange(
                f"change {index} hands the identity over, and {len(changes) - index - 1} follow it",
                hint="Put the change of owner last.",
            )


def changes_from_list(data: object) -> tuple[Change, ...]:
    """The changes in a JSON list, checked as a batch.

    Raises:
        InvalidChange: with every fault of the list, each by its index.
    """
    if not isinstance(data, list):
        raise InvalidChange(f"a batch is a JSON list of changes, not {shown(data)}")
    changes, faults = [], []
    for index, item in enumerate(data):
        try:
            changes.append(change_from_dict(item))
        except InvalidInput as error:
            faults.append(f"change {index}: {error.message}")
    if faults:
        raise InvalidChange("\n".join(faults), faults=faults)
    check_batch(changes)
    return tuple(changes)


def change_from_dict(data: object) -> Change:
    """The change in a JSON object.

    Args:
        data: ``change`` says which: ``changeOwner``, ``deactivate``, ``addDelegate``,
            ``revokeDelegate``, ``setAttribute``, ``revokeAttribute``, ``addKey``, ``revokeKey``,
            ``addService``, ``revokeService``; the other members are its arguments.

    Raises:
        InvalidInput: a member is missing, unknown or wrong; the rule is in the message.

    Example:
        >>> change_from_dict({"change": "addService", "type": "Hub", "endpoint": "https://h.io"})
        ... # doctest: +ELLIPSIS
        SetAttribute(name=b'did/svc/Hub...', value=b'https://h.io', validity=315360000)
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("change"), str):
        raise InvalidChange(f"not a change: {shown(data)}", hint='It needs a "change" member.')
    kind = data["change"]
    if kind not in _READERS:
        raise InvalidChange(f"unknown change {shown(kind)}", hint=nearest(kind, _READERS))
    required, optional = _MEMBERS[kind]
    members = set(data) - {"change"}
    missing, unknown = required - members, members - required - optional
    if missing or unknown:
        words = [f"{name} is missing" for name in sorted(missing)]
        words += [f"{name} is not known" for name in sorted(unknown)]
        raise InvalidChange(f"{kind}: {', '.join(words)}")
    return _READERS[kind](data)


def _read_delegate(data: Mapping[str, Any]) -> tuple[bytes, Address]:
    return _name_from_json(data["delegateType"]), parse_address(data["delegate"])


def _read_add_delegate(data: Mapping[str, Any]) -> Change:
    kind, delegate = _read_delegate(data)
    return AddDelegate(delegate_type=kind, delegate=delegate, validity=_validity(data))


def _read_revoke_delegate(data: Mapping[str, Any]) -> Change:
    kind, delegate = _read_delegate(data)
    return RevokeDelegate(delegate_type=kind, delegate=delegate)


def _read_set_attribute(data: Mapping[str, Any]) -> Change:
    return SetAttribute(
        name=_name_from_json(data["name"]), value=_bytes(data["value"]), validity=_validity(data)
    )


def _read_add_key(data: Mapping[str, Any]) -> SetAttribute:
    purpose = data.get("purpose", "veriKey")
    return add_key(
        data["type"], _bytes(data["publicKey"]), purpose=purpose, validity=_validity(data)
    )


def _read_add_service(data: Mapping[str, Any]) -> SetAttribute:
    return add_service(data["type"], data["endpoint"], validity=_validity(data))


_READERS: dict[str, Callable[[Mapping[str, Any]], Change]] = {
    "changeOwner": lambda data: ChangeOwner(owner=parse_address(data["owner"])),
    "deactivate": lambda _: deactivate(),
    "addDelegate": _read_add_delegate,
    "revokeDelegate": _read_revoke_delegate,
    "setAttribute": _read_set_attribute,
    "revokeAttribute": lambda data: RevokeAttribute(
        name=_name_from_json(data["name"]), value=_bytes(data["value"])
    ),
    "addKey": _read_add_key,
    "revokeKey": lambda data: revoked(_read_add_key(data)),
    "addService": _read_add_service,
    "revokeService": lambda data: revoked(_read_add_service(data)),
}

_MEMBERS: dict[str, tuple[set[str], set[str]]] = {
    "changeOwner": ({"owner"}, set()),
    "deactivate": (set(), set()),
    "addDelegate": ({"delegateType", "delegate"}, {"validity"}),
    "revokeDelegate": ({"delegateType", "delegate"}, set()),
    "setAttribute": ({"name", "value"}, {"validity"}),
    "revokeAttribute": ({"name", "value"}, set()),
    "addKey": ({"type", "publicKey"}, {"purpose", "validity"}),
    "revokeKey": ({"type", "publicKey"}, {"purpose"}),
    "addService": ({"type", "endpoint"}, {"validity"}),
    "revokeService": ({"type", "endpoint"}, set()),
}


def _check_name(name: bytes) -> None:
    if len(name) != MAX_NAME_LENGTH or not any(name):
        raise InvalidAttribute(f"a name on chain is 32 bytes, not all zero: 0x{name.hex()}")


def _check_value(value: bytes) -> None:
    if len(value) > MAX_VALUE_LENGTH:
        raise InvalidAttribute(
            f"the value has {len(value)} bytes, more than {MAX_VALUE_LENGTH}",
            hint="Publish a link to it instead.",
        )


def _check_delegate(delegate: Address) -> None:
    to_checksum_address(delegate)  # the length
    if delegate == ZERO_ADDRESS:
        raise InvalidChange("the zero address cannot be a delegate: nobody holds its key")


def _check_validity(validity: object) -> None:
    if isinstance(validity, bool) or not isinstance(validity, int):
        raise InvalidValidity(f"a validity is a whole number of seconds, not {shown(validity)}")
    if not 0 < validity <= MAX_VALIDITY:
        raise InvalidValidity(
            f"a validity of {validity} seconds is not between 1 and {MAX_VALIDITY}",
            hint="To end something now, revoke it.",
        )


def _validity(data: Mapping[str, Any]) -> int:
    validity = data.get("validity", DEFAULT_VALIDITY)
    _check_validity(validity)
    return int(validity)


def _bytes(text: object) -> bytes:
    if not isinstance(text, str) or not re.fullmatch(r"0x(?:[0-9a-fA-F]{2})*", text):
        raise InvalidAttribute(f"not bytes in hex: {shown(text)}", hint="0x and pairs of digits.")
    return bytes.fromhex(text[2:])


def _name_to_json(name: bytes) -> str:
    text = decode_name(name)
    if text is None or text.startswith("0x") or not text.isprintable() or _pad(text) != name:
        return "0x" + name.hex()
    return text


def _pad(text: str) -> bytes:
    return text.encode().ljust(MAX_NAME_LENGTH, b"\0")


def _name_from_json(text: object) -> bytes:
    if isinstance(text, str) and re.fullmatch(r"0x[0-9a-fA-F]{64}", text):
        return bytes.fromhex(text[2:])
    if not isinstance(text, str):
        raise InvalidAttribute(f"a name is a string, not {shown(text)}")
    return encode_name(text)

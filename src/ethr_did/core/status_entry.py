"""What a credential says about where its status is found.

=============================  ==================================================================
form                           where the status is
=============================  ==================================================================
``ListEntry``                  an entry of a list on chain: ours, ``EthereumStatusListEntry``
``RecordEntry``                a record of its own on chain: ours, ``EthereumStatusRecordEntry``
``BitstringEntry``             a W3C Bitstring Status List, ``BitstringStatusListEntry``
``TokenEntry``                 an IETF Token Status List, ``status.status_list``
``Registry2019Entry``          ``EthrStatusRegistry2019``, read only
``Registry2022Entry``          ``EthrRevocationRegistry2022``, read only
=============================  ==================================================================

Rules:
  * Whose statuses they are is never read from the entry: it is the identity of the credential's
    issuer. Else a holder could point at a list of his own.
  * A contract is named by chain and address (CAIP-10), and is believed only if it is the one that
    the verifier's configuration names.
  * Lists off chain carry an ``anchor``: the contract and list id under which the issuer commits to
    their current version.
  * Members that are not known are ignored; a type that is not known is an error, never "no status".

Spec: VC Data Model 2.0 section 4.10; Bitstring Status List section 2.1; Token Status List
section 6; docs/credential-status.md.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self, TypeAlias

from ethr_did.core.keys import Address, parse_address, to_checksum_address
from ethr_did.core.status_list import (
    Flag,
    ListId,
    Purpose,
    parse_index,
    parse_key,
    parse_list_id,
)
from ethr_did.errors import InvalidStatusEntry, shown

__all__ = [
    "Anchor",
    "BitstringEntry",
    "ContractId",
    "Entry",
    "KeyedRecord",
    "ListEntry",
    "RecordEntry",
    "Registry2019Entry",
    "Registry2022Entry",
    "StatusMessage",
    "TokenEntry",
    "entries_of",
    "entry_from_dict",
    "issuer_of",
    "status_members",
]

MAX_ENTRIES = 32
"""Most status entries of one credential."""

MAX_URL = 2048
"""Most characters of the address of a list."""

_MAX_MESSAGE = 512
_CAIP10 = re.compile(r"eip155:([1-9][0-9]{0,77}):(0x[0-9a-fA-F]{40})")
_HEX_VALUE = re.compile(r"0x[0-9a-fA-F]{1,2}")
_WIDTHS = (1, 2, 4, 8)


@dataclass(frozen=True, slots=True, order=True)
class ContractId:
    """A contract on a chain.

    Example:
        >>> ContractId.parse("eip155:1:0x03d5003bf0e79c5f5223588f347eba39afbc3818").chain_id
        1
    """

    chain_id: int
    address: Address

    @property
    def text(self) -> str:
        """In CAIP-10, with the EIP-55 checksum."""
        return f"eip155:{self.chain_id}:{to_checksum_address(self.address)}"

    @classmethod
    def parse(cls, text: object) -> Self:
        """The contract in a CAIP-10 text.

        Raises:
            InvalidStatusEntry: it is none.
        """
        match = _CAIP10.fullmatch(text) if isinstance(text, str) else None
        if match is None:
            raise InvalidStatusEntry(
                f"not a contract: {shown(text)}",
                hint="CAIP-10: eip155:<chain id>:<address>.",
            )
        return cls(int(match[1]), parse_address(match[2]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    """Where the chain says which version of a list is the current one."""

    registry: ContractId
    list_id: ListId

    def __post_init__(self) -> None:
        """Raises ``InvalidStatusEntry`` for the id of a list on chain."""
        if not self.list_id.is_anchored:
            raise InvalidStatusEntry(f"{self.list_id.text} is the id of a list on chain")

    def to_dict(self) -> dict[str, Any]:
        """The anchor as JSON."""
        return {"registry": self.registry.text, "listId": self.list_id.text}

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """The anchor in a JSON object.

        Raises:
            InvalidStatusEntry, InvalidStatusList: it is none.
        """
        members = _object(data, "anchor")
        return cls(
            registry=ContractId.parse(members.get("registry")),
            list_id=parse_list_id(members.get("listId")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ListEntry:
    """An entry of a list on chain."""

    registry: ContractId
    list_id: ListId
    index: int

    def __post_init__(self) -> None:
        """Raises ``InvalidStatusEntry`` for an index behind the end, or an anchored list."""
        if self.list_id.is_anchored:
            raise InvalidStatusEntry(f"{self.list_id.text} is the id of a list kept off chain")
        self.list_id.check_index(self.index)

    def to_dict(self) -> dict[str, Any]:
        """The member ``credentialStatus``."""
        return {
            "type": "EthereumStatusListEntry",
            "statusPurpose": self.list_id.purpose.text,
            "registry": self.registry.text,
            "listId": self.list_id.text,
            "statusListIndex": str(self.index),
            "statusSize": self.list_id.bits,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The entry; purpose and width, where they are given, must be those of the list id."""
        list_id = parse_list_id(data.get("listId"))
        _check_same(data, "statusPurpose", list_id.purpose.text)
        _check_same(data, "statusSize", list_id.bits)
        return cls(
            registry=ContractId.parse(data.get("registry")),
            list_id=list_id,
            index=parse_index(data.get("statusListIndex")),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordEntry:
    """A record on chain that belongs to one credential; its key follows from salt and contents."""

    registry: ContractId
    salt: bytes
    """32 random bytes."""

    def to_dict(self) -> dict[str, Any]:
        """The member ``credentialStatus``."""
        return {
            "type": "EthereumStatusRecordEntry",
            "statusPurpose": Purpose.LIFECYCLE.text,
            "registry": self.registry.text,
            "salt": "0x" + self.salt.hex(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The entry."""
        _check_same(data, "statusPurpose", Purpose.LIFECYCLE.text)
        return cls(
            registry=ContractId.parse(data.get("registry")), salt=parse_key(data.get("salt"))
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyedRecord:
    """A record on chain by the key that it is kept under: for those who have not the credential.

    No credential says it so: from salt and contents everybody computes the key for himself.
    """

    registry: ContractId
    key: bytes
    """32 bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusMessage:
    """What a value means, in the issuer's words."""

    value: int
    message: str

    def to_dict(self) -> dict[str, Any]:
        """The message as JSON."""
        return {"status": hex(self.value), "message": self.message}


@dataclass(frozen=True, slots=True, kw_only=True)
class BitstringEntry:
    """An entry of a W3C Bitstring Status List."""

    list_url: str
    index: int
    purpose: Purpose
    bits: int = 1
    messages: tuple[StatusMessage, ...] = ()
    anchor: Anchor | None = None

    def to_dict(self) -> dict[str, Any]:
        """The member ``credentialStatus``."""
        members: dict[str, Any] = {
            "type": "BitstringStatusListEntry",
            "statusPurpose": self.purpose.text,
            "statusListIndex": str(self.index),
            "statusListCredential": self.list_url,
        }
        if self.bits > 1 or self.messages:
            members["statusSize"] = self.bits
        if self.messages:
            members["statusMessage"] = [message.to_dict() for message in self.messages]
        if self.anchor is not None:
            members["anchor"] = self.anchor.to_dict()
        return members

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The entry.

        Spec: Bitstring Status List section 2.1.
        """
        url = _url(data.get("statusListCredential"), "statusListCredential")
        if data.get("id") == url:
            raise InvalidStatusEntry("the id of a status entry is the address of the list")
        bits = _width(data.get("statusSize", 1))
        index = parse_index(data.get("statusListIndex"))
        anchor = Anchor.from_dict(data["anchor"]) if "anchor" in data else None
        purpose = Purpose.parse(data.get("statusPurpose"))
        _check_anchored(anchor, index, bits, lsb_first=False)
        if anchor is not None:
            _check_same(data, "statusPurpose", anchor.list_id.purpose.text)
        return cls(
            list_url=url,
            index=index,
            purpose=purpose,
            bits=bits,
            messages=_messages(data, bits),
            anchor=anchor,
        )

    def message_of(self, value: int) -> str:
        """The issuer's words for a value; empty if there are none."""
        return next((item.message for item in self.messages if item.value == value), "")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEntry:
    """A reference to an IETF Token Status List."""

    uri: str
    index: int
    anchor: Anchor | None = None

    def to_dict(self) -> dict[str, Any]:
        """The claim ``status``."""
        members: dict[str, Any] = {"status_list": {"idx": self.index, "uri": self.uri}}
        if self.anchor is not None:
            members["anchor"] = self.anchor.to_dict()
        return members

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The reference in a claim ``status``.

        Spec: Token Status List section 6.2; ``idx`` is a non-negative JSON integer.
        """
        reference = _object(data.get("status_list"), "status_list")
        index = reference.get("idx")
        if isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < 2**32:
            raise InvalidStatusEntry(f"idx is not an index: {shown(index)}")
        anchor = Anchor.from_dict(data["anchor"]) if "anchor" in data else None
        if anchor is not None:
            _check_anchored(anchor, index, anchor.list_id.bits, lsb_first=True)
        return cls(uri=_url(reference.get("uri"), "uri"), index=index, anchor=anchor)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry2019Entry:
    """``EthrStatusRegistry2019``: revoked if the hash of the whole token is on a list."""

    network: str
    """Name or chain id in hex, as in a did:ethr; empty: that of the issuer."""
    registry: Address

    def to_dict(self) -> dict[str, Any]:
        """The member ``credentialStatus``."""
        address = to_checksum_address(self.registry)
        id_ = f"{self.network}:{address}" if self.network else str(address)
        return {"type": "EthrStatusRegistry2019", "id": id_}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The entry; its ``id`` is an address, with a network before it or none."""
        network, _, address = str(data.get("id")).rpartition(":")
        return cls(network=network, registry=parse_address(address))


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry2022Entry:
    """``EthrRevocationRegistry2022``, the contract of ERC-5539."""

    registry: ContractId
    namespace: Address
    list_id: bytes
    """32 bytes."""
    key: bytes
    """32 bytes."""

    def to_dict(self) -> dict[str, Any]:
        """The member ``credentialStatus``."""
        return {
            "type": "EthrRevocationRegistry2022",
            "chainId": str(self.registry.chain_id),
            "registry": str(to_checksum_address(self.registry.address)),
            "namespace": str(to_checksum_address(self.namespace)),
            "revocationList": "0x" + self.list_id.hex(),
            "revocationKey": "0x" + self.key.hex(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The entry."""
        chain_id = data.get("chainId")
        return cls(
            registry=ContractId.parse(f"eip155:{chain_id}:{data.get('registry')}"),
            namespace=parse_address(str(data.get("namespace"))),
            list_id=parse_key(data.get("revocationList")),
            key=parse_key(data.get("revocationKey")),
        )


Entry: TypeAlias = (
    ListEntry | RecordEntry | BitstringEntry | TokenEntry | Registry2019Entry | Registry2022Entry
)

_FORMS: dict[str, Callable[[Mapping[str, Any]], Entry]] = {
    "EthereumStatusListEntry": ListEntry.from_dict,
    "EthereumStatusRecordEntry": RecordEntry.from_dict,
    "BitstringStatusListEntry": BitstringEntry.from_dict,
    "EthrStatusRegistry2019": Registry2019Entry.from_dict,
    "EthrRevocationRegistry2022": Registry2022Entry.from_dict,
}


def entry_from_dict(data: object) -> Entry:
    """The entry in a member ``credentialStatus``, or in a claim ``status``.

    Raises:
        InvalidInput: of no known type, or broken.
    """
    members = _object(data, "credentialStatus")
    if "type" not in members and "status_list" in members:
        return TokenEntry.from_dict(members)
    kinds = members.get("type")
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if isinstance(kind, str) and kind in _FORMS:
            return _FORMS[kind](members)
    raise InvalidStatusEntry(
        f"not a known type of status: {shown(kinds)}",
        hint=f"Known: {', '.join(_FORMS)}, and status_list.",
    )


def status_members(credential: Mapping[str, Any]) -> tuple[object, ...]:
    """What a credential says about its status, each entry as it stands there, unread.

    Args:
        credential: as for ``entries_of``.

    Raises:
        InvalidStatusEntry: there are more than are ever read.
    """
    found: list[object] = []
    for claims in (credential, credential.get("vc")):
        status = claims.get("credentialStatus") if isinstance(claims, Mapping) else None
        found += status if isinstance(status, list) else [] if status is None else [status]
    if credential.get("status") is not None:
        found.append(credential["status"])
    if len(found) > MAX_ENTRIES:
        raise InvalidStatusEntry(f"{len(found)} status entries; at most {MAX_ENTRIES} are read")
    return tuple(found)


def entries_of(credential: Mapping[str, Any]) -> tuple[Entry, ...]:
    """All status entries of a credential; none if it has no status.

    Args:
        credential: its claims: a VC of the Data Model 1.1 or 2.0, the claims of a JWT that holds
            one in ``vc``, or the claims of an SD-JWT VC.

    Raises:
        InvalidInput: one of them is broken, or of no known type. None may be passed over.

    Example:
        >>> entries_of({"status": {"status_list": {"idx": 7, "uri": "https://example.com/1"}}})
        (TokenEntry(uri='https://example.com/1', index=7, anchor=None),)
    """
    return tuple(entry_from_dict(item) for item in status_members(credential))


def issuer_of(credential: Mapping[str, Any]) -> str:
    """The DID of a credential's issuer, unread.

    Args:
        credential: as for ``entries_of``.

    Raises:
        InvalidStatusEntry: it names none, or several.
    """
    inner = credential.get("vc")
    claims = (credential, inner if isinstance(inner, Mapping) else {})
    named = [credential.get("iss"), *(one.get("issuer") for one in claims)]
    named = [one.get("id") if isinstance(one, Mapping) else one for one in named]
    found = {one for one in named if isinstance(one, str)}
    if len(found) != 1 or any(one is not None and not isinstance(one, str) for one in named):
        raise InvalidStatusEntry(
            f"the credential names no single issuer: {shown(sorted(found))}",
            hint="Say whose credential it is.",
        )
    return found.pop()


def _object(data: object, name: str) -> Mapping[str, Any]:
    if not isinstance(data, Mapping):
        raise InvalidStatusEntry(f"{name} is not an object: {shown(data)}")
    return data


def _check_same(data: Mapping[str, Any], member: str, expected: object) -> None:
    # 1.0 and true are equal to 1, and are written otherwise.
    if member in data and (type(data[member]), data[member]) != (type(expected), expected):
        raise InvalidStatusEntry(
            f"{member} is {shown(data[member])}, and the list has {shown(expected)}"
        )


def _url(value: object, member: str) -> str:
    if not isinstance(value, str) or not value or len(value) > MAX_URL:
        raise InvalidStatusEntry(f"{member} is not the address of a list: {shown(value)}")
    return value


def _width(value: object) -> int:
    # 1.0 and true are equal to 1, and neither is a width.
    if type(value) is not int or value not in _WIDTHS:
        raise InvalidStatusEntry(
            f"statusSize is {shown(value)}", hint="Entries of 1, 2, 4 or 8 bits are read."
        )
    return value


def _messages(data: Mapping[str, Any], bits: int) -> tuple[StatusMessage, ...]:
    """The messages: one for each value where an entry has several bits.

    Spec: Bitstring Status List section 2.1, ``statusMessage``.
    """
    given = data.get("statusMessage", [])
    if not isinstance(given, list) or len(given) not in (0, 1 << bits):
        raise InvalidStatusEntry(f"statusMessage has not {1 << bits} members: {shown(given)}")
    messages = tuple(_message(item) for item in given)
    if messages and {message.value for message in messages} != set(range(1 << bits)):
        raise InvalidStatusEntry(f"statusMessage does not name each of the {1 << bits} values once")
    return messages


def _message(item: object) -> StatusMessage:
    members = _object(item, "statusMessage")
    value, message = members.get("status"), members.get("message")
    if not isinstance(value, str) or not _HEX_VALUE.fullmatch(value):
        raise InvalidStatusEntry(f"a statusMessage without its status: {shown(item)}")
    if not isinstance(message, str) or len(message) > _MAX_MESSAGE:
        raise InvalidStatusEntry(f"a statusMessage without its message: {shown(item)}")
    return StatusMessage(value=int(value, 16), message=message)


def _check_anchored(anchor: Anchor | None, index: int, bits: int, *, lsb_first: bool) -> None:
    """Raises unless entry and list id agree: else one of them reads another bit."""
    if anchor is None:
        return
    list_id = anchor.list_id
    list_id.check_index(index)
    if list_id.bits != bits:
        raise InvalidStatusEntry(f"statusSize is {bits}, and the list has {list_id.bits}")
    if (Flag.LSB_FIRST in list_id.flags) is not lsb_first:
        raise InvalidStatusEntry(
            f"the bits of {list_id.text} are in the order of the other kind of list"
        )

"""Identifiers: ``did:ethr`` DIDs and DID URLs.

Grammar obeyed (DID Core 1.0 sections 3.1 and 3.2; did:ethr method specification)::

    did-ethr  = "did:ethr:" [ network ":" ] ( address / public-key )
    network   = segment *( ":" segment )       ; a configured name, or 0x and a hex chain id
    address   = "0x" 40HEXDIG                  ; mixed case must be EIP-55
    public-key = "0x" 66HEXDIG                 ; compressed secp256k1, on the curve

  * The text is never canonicalised: the document's ``id`` must equal the DID that was asked for.
  * A wrong checksum and a forgotten colon make the DID invalid; that is no fault of the chain.
  * Matrix parameters (``;name=value``) are a leftover of DID drafts: read, and ignored.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NewType
from urllib.parse import unquote

from ethr_did.core.keys import Address, address_of_key, parse_address, parse_secp256k1
from ethr_did.errors import (
    InvalidAddress,
    InvalidDID,
    InvalidDIDURL,
    InvalidKey,
    InvalidOption,
    UnsupportedMethod,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["DEFAULT_NETWORK", "DIDURL", "MAX_LENGTH", "VERSION_PARAMETERS", "EthrDID", "Identifier"]

Identifier = NewType("Identifier", str)
"""Text that has passed ``EthrDID.parse``."""

DEFAULT_NETWORK = "mainnet"
"""What an absent network part means."""

VERSION_PARAMETERS = ("versionId", "versionTime")
"""DID parameters that choose a version, DID Core section 3.2.1."""

MAX_LENGTH = 4096
"""Longest DID or DID URL that is looked at, in characters."""

_ID_CHAR = r"(?:[A-Za-z0-9._-]|%[0-9A-Fa-f]{2})"
_DID = re.compile(rf"did:([a-z0-9]+):((?:{_ID_CHAR}*:)*{_ID_CHAR}+)")
_PCHAR = r"(?:[A-Za-z0-9._~!$&'()*+,;=:@-]|%[0-9A-Fa-f]{2})"
_DID_URL = re.compile(
    rf"(?P<did>{_DID.pattern})"
    r"(?P<matrix>(?:;[A-Za-z0-9_.:%-]+=[A-Za-z0-9_.:%-]*)*)"
    rf"(?P<path>(?:/{_PCHAR}*)*)"
    rf"(?:\?(?P<query>(?:{_PCHAR}|[/?])*))?"
    rf"(?:#(?P<fragment>(?:{_PCHAR}|[/?])*))?"
)
_ETHR_ID = re.compile(r"(?P<network>.*?)(?P<id>0x(?:[0-9a-fA-F]{66}|[0-9a-fA-F]{40}))", re.DOTALL)
_ADDRESS_LENGTH = 42


@dataclass(frozen=True, slots=True, kw_only=True)
class EthrDID:
    """A valid ``did:ethr``."""

    text: Identifier
    """As it was given, casing kept."""
    network: str
    """The network part as written: a name or a hex chain id; empty where it is absent."""
    address: Address
    """The identity on chain."""
    public_key: bytes | None = None
    """The compressed secp256k1 key where the DID names one (33 bytes)."""

    def __str__(self) -> str:
        return self.text

    @classmethod
    def parse(cls, text: str) -> EthrDID:
        """The DID in a string.

        Raises:
            InvalidDID: it breaks the grammar, a checksum or the curve.
            UnsupportedMethod: it is a DID of another method.

        Spec: DID Core 1.0 section 3.1; did:ethr, "Method Specific Identifier".

        Example:
            >>> did = EthrDID.parse("did:ethr:sepolia:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf")
            >>> did.network, did.address.hex()
            ('sepolia', '7e5f4552091a69125d5dfcb7b8c2659029395bdf')
        """
        match = _DID.fullmatch(text) if _is_short_text(text) else None
        if match is None:
            raise InvalidDID(
                f"not a DID: {shown(text)}",
                hint="A did:ethr looks like did:ethr:sepolia:0x followed by 40 or 66 hex digits.",
                value=shown(text),
            )
        method, identifier = match.groups()
        if method != "ethr":
            raise UnsupportedMethod(
                f"this resolves did:ethr, not did:{method}: {shown(text)}",
                hint="Use a resolver for that method.",
                method=method,
            )
        return cls._from_identifier(text, identifier)

    @classmethod
    def _from_identifier(cls, text: str, identifier: str) -> EthrDID:
        match = _ETHR_ID.fullmatch(identifier)
        if match is None:
            raise InvalidDID(
                f"{shown(text)} does not end in an address or a public key",
                hint="It must end in 0x (lower case) and 40 hex digits, or 66 for a compressed key.",
                value=text,
            )
        network, tail = match["network"], match["id"]
        if network and ("" in network.split(":")[:-1] or not network.endswith(":")):
            raise InvalidDID(
                f"the network part of {shown(text)} is not set off by a colon",
                hint="Write did:ethr:NETWORK:0x… or did:ethr:0x…",
                value=text,
            )
        try:
            if len(tail) == _ADDRESS_LENGTH:
                address, key = parse_address(tail), None
            else:
                key = parse_secp256k1(tail)
                address = address_of_key(key)
        except (InvalidAddress, InvalidKey) as cause:
            raise InvalidDID(f"{cause.message} (in {text})", hint=cause.hint, value=text) from cause
        return cls(text=Identifier(text), network=network[:-1], address=address, public_key=key)

    @classmethod
    def build(cls, identifier: str, network: str = "") -> EthrDID:
        """The DID of an address or public key on a network.

        Args:
            identifier: address or compressed public key, ``0x`` and hex.
            network: its name or hex chain id; empty for mainnet.

        Raises:
            InvalidDID: as ``parse``.

        Example:
            >>> str(EthrDID.build("0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", "sepolia"))
            'did:ethr:sepolia:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf'
        """
        middle = f"{network}:" if network and network != DEFAULT_NETWORK else ""
        return cls.parse(f"did:ethr:{middle}{identifier}")


@dataclass(frozen=True, slots=True, kw_only=True)
class DIDURL:
    """A DID with what may follow it."""

    text: str
    """As it was given."""
    did: EthrDID
    path: str = ""
    """With its leading slash; empty where absent."""
    query: str | None = None
    """Without the question mark; None where absent."""
    fragment: str | None = None
    """Without the number sign; None where absent."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """The query as names and values, percent-decoded."""

    @classmethod
    def parse(cls, text: str) -> DIDURL:
        """The DID URL in a string.

        Raises:
            InvalidDIDURL: it breaks the grammar, or a parameter is given twice.
            InvalidOption: ``versionId`` or ``versionTime`` is given twice.
            InvalidDID: the DID in it is wrong.
            UnsupportedMethod: the DID is of another method.

        Spec: DID Core 1.0 section 3.2; parameters: section 3.2.1.

        Example:
            >>> url = DIDURL.parse(
            ...     "did:ethr:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf?versionId=5#controller"
            ... )
            >>> url.parameters, url.fragment
            ({'versionId': '5'}, 'controller')
        """
        match = _DID_URL.fullmatch(text) if _is_short_text(text) else None
        if match is None:
            return cls._only_did(text)
        did = EthrDID.parse(match["did"])
        query = match["query"]
        return cls(
            text=text,
            did=did,
            path=match["path"],
            query=query,
            fragment=match["fragment"],
            parameters=_parameters(query, text),
        )

    @classmethod
    def _only_did(cls, text: str) -> DIDURL:
        """Says which of the two is wrong: the DID itself, or what follows it."""
        head = re.split(r"[/?#;]", text, maxsplit=1)[0] if _is_short_text(text) else text
        EthrDID.parse(head)
        raise InvalidDIDURL(
            f"not a DID URL: {shown(text)}",
            hint="After the DID: /path, ?query and #fragment, other characters percent-encoded.",
            value=shown(text),
        )


def _is_short_text(text: object) -> bool:
    return isinstance(text, str) and len(text) <= MAX_LENGTH


def _parameters(query: str | None, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for pair in (query or "").split("&"):
        if not pair:
            continue
        name, _, value = pair.partition("=")
        name = unquote(name)
        if name in found:
            # DID Core leaves duplicates undefined; choosing one would choose a version silently.
            kind = InvalidOption if name in VERSION_PARAMETERS else InvalidDIDURL
            raise kind(f"parameter {name} is given twice in {shown(text)}", name=name)
        found[name] = unquote(value)
    return found

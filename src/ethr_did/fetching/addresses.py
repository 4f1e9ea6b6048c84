"""Which addresses a foreign document may come from.

Rules:
  1. Globally reachable unicast addresses, by the IANA IPv4 and IPv6 Special-Purpose Address
     Registries (RFC 6890). The tables are written out here: what ``ipaddress`` calls global has
     changed between releases of Python.
  2. Loopback, private and shared (carrier-grade NAT) addresses only where that is allowed.
  3. Never, whatever is allowed: link-local, multicast, unspecified and reserved addresses, and
     those where cloud providers hand out credentials to anything that asks.
  4. An IPv4 address inside an IPv6 one (mapped, RFC 4291; NAT64, RFC 6052) is judged by itself.
     6to4 and Teredo hold one too; nobody serves documents from there, so those are reserved.

A network with a NAT64 prefix of its own makes its inside look public: only its firewall knows.
"""

from __future__ import annotations

import ipaddress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["IPAddress", "forbidden_kind", "is_opened_by_allow_private", "parse_ip_address"]

IPAddress: TypeAlias = IPv4Address | IPv6Address
_Network: TypeAlias = IPv4Network | IPv6Network


def _networks(*texts: str) -> tuple[_Network, ...]:
    return tuple(ipaddress.ip_network(text) for text in texts)


_PRIVATE: Mapping[str, tuple[_Network, ...]] = MappingProxyType(
    {
        "loopback": _networks("127.0.0.0/8", "::1/128"),
        "private": _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"),
        "shared": _networks("100.64.0.0/10"),
    }
)

_NEVER: Mapping[str, tuple[_Network, ...]] = MappingProxyType(
    {
        "link-local": _networks("169.254.0.0/16", "fe80::/10"),
        # Those of Azure, Alibaba, AWS, Google, Scaleway and Oracle that are not link-local.
        "metadata": _networks(
            "168.63.129.16/32",
            "100.100.100.200/32",
            "fd00:ec2::/32",
            "fd20:ce::/64",
            "fd00:42::42/128",
            "fd00:c1::a9fe:a9fe/128",
        ),
        "unspecified": _networks("0.0.0.0/8", "::/128"),
        "multicast": _networks("224.0.0.0/4", "ff00::/8"),
        "reserved": _networks(
            "192.0.0.0/24",
            "192.0.2.0/24",
            "192.88.99.0/24",
            "198.18.0.0/15",
            "198.51.100.0/24",
            "203.0.113.0/24",
            "240.0.0.0/4",
            "2001::/23",
            "2001:db8::/32",
            "2002::/16",
            "3fff::/20",
        ),
    }
)

_GLOBAL_UNICAST = IPv6Network("2000::/3")
_NAT64 = IPv6Network("64:ff9b::/96")
_LOW_32_BITS = 0xFFFFFFFF


def parse_ip_address(text: str) -> IPAddress:
    """An address in its one proper spelling, without a zone; a mapped one becomes IPv4.

    Raises:
        ValueError: anything else, such as ``127.1``, ``0x7f000001`` or ``fe80::1%eth0``.
    """
    address = ipaddress.ip_address(text)
    if isinstance(address, IPv4Address):
        return address
    if address.scope_id is not None:
        raise ValueError("an address with a zone")
    return address.ipv4_mapped or address


def forbidden_kind(address: IPAddress, *, allow_private: bool = False) -> str | None:
    """What kind of address it is if nothing may be fetched from there; None if it may.

    Example:
        >>> forbidden_kind(parse_ip_address("64:ff9b::10.0.0.1"))
        'private'
    """
    judged = _inner(address)
    never = _kind_in(_NEVER, judged)
    if never is not None:
        return never
    private = _kind_in(_PRIVATE, judged)
    if private is not None:
        return None if allow_private else private
    if isinstance(judged, IPv6Address) and judged not in _GLOBAL_UNICAST:
        return "reserved"
    return None


def is_opened_by_allow_private(kind: str) -> bool:
    """Whether ``allow_private`` would allow addresses of that kind."""
    return kind in _PRIVATE


def _inner(address: IPAddress) -> IPAddress:
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & _LOW_32_BITS)
    return address.ipv4_mapped or address


def _kind_in(table: Mapping[str, tuple[_Network, ...]], address: IPAddress) -> str | None:
    return next((kind for kind, nets in table.items() if any(address in n for n in nets)), None)

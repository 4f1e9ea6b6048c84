"""The address that a request counts for.

Rules:
  * It is that of the connection. ``X-Forwarded-For`` is read only where the connection is from a
    trusted proxy, from its end, as far as those who wrote it are trusted: what stands before was
    written by anybody.
  * An IPv6 address counts by its first 64 bits, which is what one customer is given.
"""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Proxies", "counted"]

_LONGEST = 64
"""Characters of an address with brackets and a port."""
_MOST_HOPS = 16
UNKNOWN = "unknown"
"""Where a connection has no address."""


class Proxies:
    """Whom to believe about addresses.

    Args:
        trusted: IP networks.
    """

    def __init__(self, trusted: Iterable[str] = ()) -> None:
        self._trusted = tuple(ip_network(one) for one in trusted)

    def address_of(self, peer: str | None, forwarded: bytes | None = None) -> str:
        """The address that a request counts for.

        Args:
            peer: other end of the connection; None: it has no address.
            forwarded: all of ``X-Forwarded-For``; None: there is none.
        """
        if not self._trusted or forwarded is None or peer is None:
            return UNKNOWN if peer is None else counted(peer)
        last = peer
        for word in reversed(forwarded.decode("latin-1").split(",")[-_MOST_HOPS:]):
            if not self._is_trusted(last):
                break
            found = _plain(word.strip())
            if found is None:
                break
            last = found
        return counted(last)

    def _is_trusted(self, text: str) -> bool:
        address = _parsed(text)
        return address is not None and any(address in one for one in self._trusted)


@lru_cache(maxsize=4096)
def counted(text: str) -> str:
    """An address as it is counted.

    Example:
        >>> counted("2001:db8:1:2:3:4:5:6"), counted("::ffff:192.0.2.1")
        ('2001:db8:1:2::/64', '192.0.2.1')
    """
    address = _parsed(text)
    if address is None:
        return UNKNOWN
    if isinstance(address, IPv4Address):
        return str(address)
    return str(IPv6Network((int(address) >> 64 << 64, 64)))


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _plain(word: str) -> str | None:
    """The address in a word, without brackets and port; None if there is none."""
    if len(word) > _LONGEST:
        return None
    if word.startswith("["):
        word = word[1:].partition("]")[0]
    elif word.count(":") == 1:
        word = word.partition(":")[0]
    return word if _parsed(word) is not None else None

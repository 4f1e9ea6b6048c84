"""The block that an answer is of, and how old it is: what no answer goes without.

Rules:
  * A block is named by its network, number, hash and time.
  * How far an answer is behind: an index says how many newer blocks there are; of a node nothing is
    known but the age of its newest block. From some minutes on the page says what that means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ethr_did.core.resolution import format_time
from ethr_did.errors import EthrDIDError
from ethr_did.service.health import DEVELOPMENT_CHAINS

if TYPE_CHECKING:
    from ethr_did.chain.networks import Networks

__all__ = ["ReadBlock", "ago", "in_words", "network_name", "span"]

_OLD: Final = 300
"""Seconds; no network that is well takes so long for a block that is seen everywhere."""

_UNITS = ((86_400, "day"), (3600, "hour"), (60, "minute"), (1, "second"))


def span(seconds: int) -> str:
    """A length of time in its largest whole unit.

    Example:
        >>> span(7200), span(1), span(-3)
        ('2 hours', '1 second', '0 seconds')
    """
    for size, unit in _UNITS:
        count = seconds // size
        if count >= 1:
            return f"{count:,} {unit}{'' if count == 1 else 's'}"
    return "0 seconds"


def ago(moment: int, now: int) -> str:
    """How long ago a moment was, or how far off it is.

    Example:
        >>> ago(0, 120), ago(120, 0), ago(5, 5)
        ('2 minutes ago', 'in 2 minutes', 'just now')
    """
    if moment == now:
        return "just now"
    return f"{span(now - moment)} ago" if moment < now else f"in {span(moment - now)}"


def in_words(time: str) -> str:
    """A time of a DID document as people write it.

    Example:
        >>> in_words("2026-01-31T23:59:59Z")
        '2026-01-31 23:59:59 UTC'
    """
    return time.replace("T", " ").replace("Z", " UTC")


def network_name(networks: Networks, chain_id: int) -> str:
    """What a chain is called here; ``chain`` and its id where it has no name."""
    try:
        return networks.find(hex(chain_id)).name
    except EthrDIDError:
        return f"chain {chain_id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadBlock:
    """A block that was read, and how old it was when the page was made."""

    network: str
    """Its name."""
    chain_id: int
    number: int
    hash: bytes
    timestamp: int
    """Unix seconds."""
    now: int
    """Unix seconds at which the page was made."""
    blocks_behind: int | None = None
    """Newer blocks that an index knows of and has not read; None where a node was asked."""

    @property
    def hash_text(self) -> str:
        """The hash in hex."""
        return "0x" + self.hash.hex()

    @property
    def time(self) -> str:
        """When it was made, in UTC."""
        return format_time(self.timestamp)

    @property
    def age(self) -> str:
        """How long ago that was."""
        return ago(self.timestamp, self.now)

    @property
    def lag(self) -> str:
        """How far the index is behind; empty where a node was asked."""
        if self.blocks_behind is None:
            return ""
        if self.blocks_behind == 0:
            return "the index is up to date"
        blocks = "block" if self.blocks_behind == 1 else "blocks"
        return f"the index is {self.blocks_behind:,} {blocks} behind"

    @property
    def is_old(self) -> bool:
        """Whether the page has to say that newer changes may be missing.

        Development chains mine when they are asked to: their age says nothing.
        """
        return self.now - self.timestamp > _OLD and self.chain_id not in DEVELOPMENT_CHAINS

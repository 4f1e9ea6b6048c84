"""How long an answer that was given stays true: what the endpoints ask before they give it again.

Rules:
  * A version is compared for equality only. While that of an identity stays the same, nothing that
    was read about it under that version has changed, but for what the passing of time ends.
  * None means that nothing can be said: what was kept must not be given.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from ethr_did.chain.answer import Head
    from ethr_did.chain.networks import Network
    from ethr_did.core.keys import Address

__all__ = ["SlotWatch", "Watch"]


class Watch(Protocol):
    """Knows whether identities have changed. Answers from memory, at once."""

    def version(self, network: Network, identity: Address) -> Hashable | None:
        """What must be the same for a kept answer to be good."""
        ...

    def head(self, network: Network) -> Head | None:
        """The block up to which versions tell of every change.

        None: not known; answers then name the block that they were read at.
        """
        ...

    def final(self, network: Network) -> int | None:
        """Number of the last finalised block; None: not known."""
        ...


class SlotWatch:
    """Of a node that is asked each time: answers are good for a few seconds, whatever happens.

    Args:
        clock: Unix seconds.
        seconds: how long; no longer than a block of the chain takes.
    """

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock = clock
        self._seconds = seconds

    def version(self, network: Network, identity: Address) -> Hashable | None:
        """Another one for each span of time."""
        _ = network, identity
        return int(self._clock() / self._seconds) if self._seconds > 0 else None

    def head(self, network: Network) -> Head | None:
        """Not known."""
        _ = network
        return None

    def final(self, network: Network) -> int | None:
        """Not known."""
        _ = network
        return None

"""What the endpoints ask: one of each for all requests of a process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.chain.networks import Networks
    from ethr_did.credentials.verification import AsyncVerifier
    from ethr_did.resolver import AsyncResolver
    from ethr_did.service.watch import Watch
    from ethr_did.status.reading import AsyncStatusReader

__all__ = ["Backends"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Backends:
    """Everything that answers come from. Networks with an index have it as their ``source``."""

    networks: Networks
    resolver: AsyncResolver
    statuses: AsyncStatusReader
    verifier: AsyncVerifier
    watch: Watch
    clock: Callable[[], float]
    """Unix seconds."""

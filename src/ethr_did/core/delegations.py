"""What the history of an identity says about delegates whose types are no keys of its document.

Rules:
  * For each type and account the newest event counts, whatever came before.
  * A delegation is valid while its time is later than the time asked about.
  * It survives a change of owner: what an earlier owner granted stays until it ends or is revoked.
  * The zero address is nobody, although some registries take it for a delegate.

Spec: ERC-1056, "Delegates".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethr_did.core.erc1056 import DelegateChanged, OwnerChanged, decode_name
from ethr_did.core.keys import ZERO_ADDRESS, Address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ethr_did.core.erc1056 import Event

__all__ = ["Delegation", "delegations_in", "is_hash", "until"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """The last word about an account and a type."""

    delegate: Address
    delegate_type: bytes
    """32 bytes, as on chain."""
    valid_to: int
    """Unix seconds; valid while strictly later than the block."""
    valid: bool
    """Whether it was so at the time asked about."""
    since_block: int
    """Of the change that set ``valid_to``."""
    since_time: int | None
    """Unix seconds of that block; None where it is not known."""
    survived: bool
    """Whether the identity was given to another owner since."""


def delegations_in(
    events: Sequence[Event], *, at: int, is_wanted: Callable[[bytes], bool]
) -> tuple[Delegation, ...]:
    """Every delegation that ever was, each with its last validity.

    Args:
        events: the whole history of the identity, in order.
        at: Unix seconds, for ``valid``.
        is_wanted: whether delegations of a type are asked for.
    """
    last_change = _last_change_of_owner(events)
    newest: dict[tuple[bytes, Address], tuple[int, DelegateChanged]] = {}
    for place, event in enumerate(events):
        if (
            isinstance(event, DelegateChanged)
            and is_wanted(event.delegate_type)
            and event.delegate != ZERO_ADDRESS
        ):
            newest[event.delegate_type, event.delegate] = place, event
    return tuple(
        Delegation(
            delegate=event.delegate,
            delegate_type=event.delegate_type,
            valid_to=event.valid_to,
            valid=event.valid_to > at,
            since_block=event.block_number,
            since_time=event.block_timestamp,
            survived=place < last_change,
        )
        for place, event in newest.values()
    )


def until(events: Sequence[Event], *, time: int) -> tuple[Event, ...]:
    """The events that had happened at a time, so that the past can be asked about.

    Args:
        events: in order, with the times of their blocks.
        time: Unix seconds; the block of that time is past.
    """
    return tuple(event for event in events if (event.block_timestamp or 0) <= time)


def is_hash(delegate_type: bytes) -> bool:
    """Whether a type is no name that somebody could have typed."""
    text = decode_name(delegate_type)
    return text is None or not text.isprintable()


def _last_change_of_owner(events: Sequence[Event]) -> int:
    """Where the identity was last given to somebody else; -1 where it never was."""
    owner, last = None, -1
    for place, event in enumerate(events):
        if isinstance(event, OwnerChanged):
            # The zero address gives it back to its own key.
            new = event.identity if event.owner == ZERO_ADDRESS else event.owner
            if new != (owner or event.identity) or event.owner == ZERO_ADDRESS:
                last = place
            owner = new
    return last

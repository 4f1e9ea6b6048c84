"""The history of an identity for people: what changed, when, in which block, and who owned it then.

Rules:
  * Newest first. Of a long history one page is shown, with the way to the next.
  * What the registry records after an identity was given up has no effect, and the page says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ethr_did.core.erc1056 import AttributeChanged, DelegateChanged, OwnerChanged, decode_name
from ethr_did.core.keys import ZERO_ADDRESS, to_checksum_address
from ethr_did.core.resolution import format_time
from ethr_did.service.pages.texts import harmless

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.core.erc1056 import Event
    from ethr_did.core.keys import Address

__all__ = ["PAGE", "ChangeView", "Timeline"]

PAGE: Final = 25
"""Changes on a page."""

_KINDS = {"did/pub/": "Key", "did/svc/": "Service"}
_DELEGATES = ("veriKey", "sigAuth")


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeView:
    """One change."""

    block: int
    time: str
    """Of the block, in UTC."""
    title: str
    """What kind of change it was."""
    what: str
    """Of what; empty where the title says it all."""
    until: str
    """How long it was to be valid, in UTC; empty where it does not end."""
    owner: str
    """Account that owned the identity afterwards; empty for none."""
    transaction: str
    """Hash in hex."""
    counts: bool
    """False after the identity was given up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """One page of a history."""

    changes: tuple[ChangeView, ...]
    """Newest first."""
    total: int
    """Changes in the whole history."""
    first: int
    """Number of the first change on the page, from 1 for the newest."""
    older: int | None
    """What to skip for the next page; None where there is none."""

    @classmethod
    def of(cls, identity: Address, events: Sequence[Event], skip: int = 0) -> Timeline:
        """A page of a history.

        Args:
            identity: whose it is.
            events: the whole history, in order.
            skip: how many of the newest changes are not shown.
        """
        total = len(events)
        skip = min(skip, max(0, total - 1))
        end = total - skip
        start = max(0, end - PAGE)
        owner, counts = _state(identity, events[:start])
        rows: list[ChangeView] = []
        for event in events[start:end]:
            # The change that gives an identity up counts itself.
            counted = counts
            if counts and isinstance(event, OwnerChanged):
                owner, counts = event.owner, event.owner != ZERO_ADDRESS
            rows.append(_change(event, owner if counts else None, counts=counted))
        return cls(
            changes=tuple(reversed(rows)),
            total=total,
            first=skip + 1,
            older=skip + PAGE if start > 0 else None,
        )

    @property
    def last(self) -> int:
        """Number of the last change on the page."""
        return self.first + len(self.changes) - 1


def _state(identity: Address, events: Sequence[Event]) -> tuple[Address, bool]:
    """Who owns an identity after some events, and whether later ones count."""
    owner = identity
    for event in events:
        if isinstance(event, OwnerChanged):
            owner = event.owner
            if owner == ZERO_ADDRESS:
                return owner, False
    return owner, True


def _change(event: Event, owner: Address | None, *, counts: bool) -> ChangeView:
    title, what, valid_to = _words(event)
    moment = event.block_timestamp or 0
    return ChangeView(
        block=event.block_number,
        time=format_time(moment),
        title=title,
        what=what,
        until=format_time(valid_to) if valid_to is not None and valid_to > moment else "",
        owner="" if owner is None else to_checksum_address(owner),
        transaction="0x" + event.tx_hash.hex(),
        counts=counts,
    )


def _words(event: Event) -> tuple[str, str, int | None]:
    """What kind of change, of what, and until when."""
    match event:
        case OwnerChanged(owner=owner) if owner == ZERO_ADDRESS:
            return "Identity deactivated", "", None
        case OwnerChanged(owner=owner):
            return "Owner changed", f"to {to_checksum_address(owner)}", None
        case DelegateChanged():
            return _delegate_words(event)
        case AttributeChanged():  # pragma: no branch - there is no other kind
            return _attribute_words(event)


def _verb(event: DelegateChanged | AttributeChanged) -> str:
    return "added" if event.valid_to > (event.block_timestamp or 0) else "revoked"


def _delegate_words(event: DelegateChanged) -> tuple[str, str, int]:
    name = decode_name(event.delegate_type)
    kind = "Delegate" if name in _DELEGATES else "Right of another kind"
    told = harmless(name) if name else "0x" + event.delegate_type.hex()
    return (
        f"{kind} {_verb(event)}",
        f"{told} {to_checksum_address(event.delegate)}",
        event.valid_to,
    )


def _attribute_words(event: AttributeChanged) -> tuple[str, str, int]:
    name = decode_name(event.name)
    kind = _KINDS.get((name or "")[:8], "Attribute")
    told = harmless(name) if name else "0x" + event.name.hex()
    return f"{kind} {_verb(event)}", f"{told} = {_value(event.value, kind)}", event.valid_to


def _value(value: bytes, kind: str) -> str:
    """Text where it is meant to be text, else hex."""
    try:
        text = "" if kind == "Key" else value.decode()
    except UnicodeDecodeError:
        text = ""
    if text and (kind == "Service" or text.isprintable()):
        return harmless(text)
    return harmless("0x" + value.hex())

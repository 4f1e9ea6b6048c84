"""Events as values, made without a chain: a history is written as one line for each event."""

from __future__ import annotations

from dataclasses import dataclass, field

from ethr_did.core.erc1056 import AttributeChanged, DelegateChanged, Event, OwnerChanged
from ethr_did.core.keys import Address

IDENTITY = Address(bytes(range(1, 21)))
BOB = Address(b"\xb0" * 20)
CAROL = Address(b"\xca" * 20)
ZERO = Address(bytes(20))
DAY = 86_400


def time_of(block: int) -> int:
    """The time of a block: a thousand seconds apart."""
    return 1_000_000 + 1000 * block


def b32(text: str | bytes) -> bytes:
    """Text as ERC-1056 writes it into 32 bytes."""
    return (text.encode() if isinstance(text, str) else text).ljust(32, b"\0")


@dataclass
class Story:
    """The events of one identity, linked as the registry links them."""

    events: list[Event] = field(default_factory=list)
    block: int = 0
    """Of the event to come."""

    def __post_init__(self) -> None:
        self.block = self.block or 1

    @property
    def changed(self) -> int:
        """The registry's ``changed``."""
        return self.events[-1].block_number if self.events else 0

    @property
    def now(self) -> int:
        """Time of the newest event."""
        return time_of(self.changed)

    def at(self, block: int) -> Story:
        """The same story; the next event is in this block."""
        self.block = block
        return self

    def owner(self, owner: Address) -> Story:
        """A change of owner."""
        self._add(OwnerChanged(owner=owner, **self._place()))  # type: ignore[arg-type]
        return self

    def delegate(
        self, kind: str | bytes, delegate: Address = BOB, *, valid_to: int | None = None
    ) -> Story:
        """A delegate, valid for a long time unless said otherwise."""
        end = time_of(self.block) + 10**9 if valid_to is None else valid_to
        self._add(
            DelegateChanged(
                delegate_type=b32(kind),
                delegate=delegate,
                valid_to=end,
                **self._place(),  # type: ignore[arg-type]
            )
        )
        return self

    def attribute(
        self, name: str | bytes, value: bytes | str = b"\1", *, valid_to: int | None = None
    ) -> Story:
        """An attribute, valid for a long time unless said otherwise."""
        end = time_of(self.block) + 10**9 if valid_to is None else valid_to
        data = value.encode() if isinstance(value, str) else value
        self._add(
            AttributeChanged(name=b32(name), value=data, valid_to=end, **self._place())  # type: ignore[arg-type]
        )
        return self

    def _place(self) -> dict[str, object]:
        index = sum(event.block_number == self.block for event in self.events)
        return {
            "identity": IDENTITY,
            "previous_change": self.changed,
            "block_number": self.block,
            "block_hash": self.block.to_bytes(32),
            "log_index": index,
            "tx_hash": bytes(32),
            "block_timestamp": time_of(self.block),
        }

    def _add(self, event: Event) -> None:
        self.events.append(event)
        self.block += 1

"""All entries of a status word at once: 208 bits as fields of 1, 2, 4 or 8.

Rules:
  * An answer has one bit for each field, at the field's lowest bit, as in the contract's
    ``StatusFields``. Times the highest value of a field it is the mask of the fields.

Spec: docs/credential-status.md, "Words".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ethr_did.core.status_list import PAYLOAD_BITS

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["invalid", "non_zero", "places"]

_PAYLOAD = (1 << PAYLOAD_BITS) - 1
_LOWEST = {bits: _PAYLOAD // ((1 << bits) - 1) for bits in (1, 2, 4, 8)}
"""Bits of a field to the lowest bit of every field."""


def non_zero(fields: int, bits: int) -> int:
    """Which fields are not zero.

    Example:
        >>> bin(non_zero(0b10_00_11, 2))
        '0b10001'
    """
    # The higher half is folded onto the lower one; what a neighbour shifts in stays above it.
    for half in (4, 2, 1):
        if half < bits:
            fields |= fields >> half
    return fields & _LOWEST[bits]


def invalid(fields: int, bits: int) -> int:
    """Which fields are 1, that is INVALID."""
    low = _LOWEST[bits]
    return non_zero(fields ^ low, bits) ^ low


def places(fields: int, bits: int) -> Iterator[int]:
    """The numbers of the fields that have their bit, from the lowest."""
    while fields:
        low = fields & -fields
        yield (low.bit_length() - 1) // bits
        fields ^= low

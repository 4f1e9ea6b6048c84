"""What a node answered: JSON values read strictly, blocks as values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ethr_did.errors import ChainError, InvalidAnswer, NotFoundError, shown

if TYPE_CHECKING:
    from ethr_did.chain.request import Answer

__all__ = ["BEHIND", "Head", "data_of", "parse_head", "quantity_of", "result_of"]


BEHIND = "ethr-did:behind"
"""Member of a block that an index answers with, see ``Head.behind``; no node has it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """A block by its place, name and time."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int
    """Unix seconds."""
    behind: int | None = field(default=None, compare=False)
    """Newer blocks that are known to be there, where an index answers; None: a node does."""


def result_of(answer: Answer) -> Any:
    """The JSON result; raises the error if the call failed by itself."""
    if isinstance(answer, ChainError):
        raise answer
    return answer


def data_of(answer: Answer) -> bytes:
    """The bytes of an answer in hex.

    Raises:
        InvalidAnswer: it is something else.
        ChainError: the call failed by itself.
    """
    text = result_of(answer)
    try:
        if not text.startswith("0x"):
            raise ValueError("no 0x")
        return bytes.fromhex(text[2:])
    except (AttributeError, TypeError, ValueError) as cause:
        raise InvalidAnswer(f"not data in hex: {shown(text)}") from cause


def quantity_of(answer: Answer) -> int:
    """The number of an answer in hex.

    Raises:
        InvalidAnswer: it is something else.
        ChainError: the call failed by itself.
    """
    text = result_of(answer)
    try:
        if not text.startswith("0x"):
            raise ValueError("no 0x")
        return int(text, 16)
    except (AttributeError, TypeError, ValueError) as cause:
        raise InvalidAnswer(f"not a quantity in hex: {shown(text)}") from cause


def parse_head(answer: Answer, number: int | None = None) -> Head:
    """The block of an ``eth_getBlockBy…`` answer.

    Args:
        answer: the JSON object.
        number: that was asked for; None where it was a tag or hash.

    Raises:
        NotFoundError: the node does not know that number.
        InvalidAnswer: no block, or another one.
        ChainError: the call failed by itself.
    """
    block = result_of(answer)
    if block is None and number is not None:
        raise NotFoundError(
            f"block {number} is not mined yet, or not known to this node", block_number=number
        )
    if not isinstance(block, Mapping):
        raise InvalidAnswer(f"not a block: {shown(block)}")
    try:
        head = Head(
            number=quantity_of(block["number"]),
            hash=data_of(block["hash"]),
            parent_hash=data_of(block["parentHash"]),
            timestamp=quantity_of(block["timestamp"]),
            behind=block[BEHIND] if type(block.get(BEHIND)) is int else None,
        )
    except KeyError as cause:
        raise InvalidAnswer(f"a block without {cause}: {shown(block)}") from cause
    if number is not None and head.number != number:
        raise InvalidAnswer(f"block {head.number} where block {number} was asked for")
    return head

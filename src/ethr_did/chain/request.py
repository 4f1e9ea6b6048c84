"""What may be asked of a node: one JSON-RPC call as a value, and the calls this package makes.

Rules:
  * Quantities are ``0x`` hex without leading zeros, data is ``0x`` and two digits per byte
    (Ethereum JSON-RPC, "Hex value encoding").
  * A block is a number, a tag, or 32 bytes: its hash. For state reads a hash becomes the
    EIP-1898 object with ``requireCanonical``, so that a block that a reorganisation has dropped
    gives an error and not a view of the past that never was.
  * Reading code is a generator: it yields batches of ``Request`` and is fed their answers.
    Readings that have nothing to do with each other share their batches (``combine``).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, TypeVar

from ethr_did.errors import ChainError, InvalidInput, shown

__all__ = [
    "Answer",
    "Block",
    "Request",
    "Steps",
    "ask",
    "attempt",
    "block_number",
    "call",
    "chain_id",
    "combine",
    "get_block",
    "get_code",
    "get_logs",
]

T = TypeVar("T")

Block: TypeAlias = "int | bytes | Literal['latest', 'finalized', 'safe', 'pending', 'earliest']"
"""A block number, a 32-byte block hash, or a tag."""

Answer: TypeAlias = Any
"""The ``result`` of a call as JSON, or an instance of ``ChainError`` if this call alone failed."""

_TAGS = ("latest", "finalized", "safe", "pending", "earliest")
_HASH_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Request:
    """One JSON-RPC call."""

    method: str
    """Name of the method, such as ``eth_call``."""
    params: tuple[Any, ...] = ()
    """JSON values, in order."""


Steps: TypeAlias = Generator[Sequence[Request], Sequence[Answer], T]
"""A reading in steps: yields a batch, is sent one answer for each request, returns the result."""


def ask(*requests: Request) -> Steps[Sequence[Answer]]:
    """The answers to some requests: a reading of one batch."""
    return (yield requests)


def attempt(steps: Steps[T]) -> Steps[T | ChainError]:
    """The result of a reading, or the error of the chain that it ended with."""
    try:
        return (yield from steps)
    except ChainError as error:
        return error


def combine(*readings: Steps[Any]) -> Steps[tuple[Any, ...]]:
    """The results of several readings that share their round trips.

    Each batch is theirs, one behind the other in the order given. A batch that fails as a whole
    fails for each of them; the first that raises ends them all.

    Example:
        >>> shared = combine(ask(chain_id()), ask(block_number()))
        >>> [request.method for request in next(shared)]
        ['eth_chainId', 'eth_blockNumber']
    """
    results: list[Any] = [None] * len(readings)
    batches: dict[int, Sequence[Request]] = {}

    def resume(place: int, step: Callable[..., Sequence[Request]], *value: Any) -> None:
        try:
            batches[place] = step(*value)
        except StopIteration as done:
            batches.pop(place, None)
            results[place] = done.value

    try:
        for place, reading in enumerate(readings):
            resume(place, reading.__next__)
        while batches:
            shared = dict(batches)
            try:
                answers = yield [request for batch in shared.values() for request in batch]
            except ChainError as failure:
                for place in shared:
                    resume(place, readings[place].throw, failure)
                continue
            start = 0
            for place, batch in shared.items():
                resume(place, readings[place].send, answers[start : start + len(batch)])
                start += len(batch)
    finally:
        for reading in readings:
            reading.close()
    return tuple(results)


def call(to: bytes | None, data: bytes, block: Block = "latest") -> Request:
    """An ``eth_call``.

    Args:
        to: 20-byte address; None runs ``data`` as init code and returns what it leaves.
        data: call data or init code.
        block: the state to run on.
    """
    fields = {"data": _hex(data)} if to is None else {"to": _hex(to), "data": _hex(data)}
    return Request("eth_call", (fields, _state(block)))


def get_code(address: bytes, block: Block = "latest") -> Request:
    """An ``eth_getCode``."""
    return Request("eth_getCode", (_hex(address), _state(block)))


def get_block(block: Block = "latest") -> Request:
    """The header of a block and the hashes of its transactions; answered by null if unknown."""
    if isinstance(block, bytes):
        return Request("eth_getBlockByHash", (_hex(_block_hash(block)), False))
    return Request("eth_getBlockByNumber", (_number_or_tag(block), False))


def get_logs(
    *,
    address: bytes | Sequence[bytes],
    topics: Sequence[bytes | Sequence[bytes] | None] = (),
    from_block: int | str | None = None,
    to_block: int | str | None = None,
    block_hash: bytes | None = None,
) -> Request:
    """An ``eth_getLogs`` over a range of blocks, ends included, or over one block by its hash.

    Args:
        address: 20-byte address of the contract, or several.
        topics: by position; None is any, a sequence is any of these.
        from_block: first block, number or tag.
        to_block: last block, number or tag.
        block_hash: 32 bytes; excludes the two above (EIP-234).
    """
    query: dict[str, Any] = {"address": _topic(address)}
    if topics:
        query["topics"] = [_topic(topic) for topic in topics]
    if block_hash is not None:
        if from_block is not None or to_block is not None:
            raise InvalidInput("a log query names either a range of blocks or a block hash")
        query["blockHash"] = _hex(_block_hash(block_hash))
    else:
        query["fromBlock"] = _number_or_tag("earliest" if from_block is None else from_block)
        query["toBlock"] = _number_or_tag("latest" if to_block is None else to_block)
    return Request("eth_getLogs", (query,))


def chain_id() -> Request:
    """An ``eth_chainId``."""
    return Request("eth_chainId")


def block_number() -> Request:
    """An ``eth_blockNumber``."""
    return Request("eth_blockNumber")


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _topic(topic: bytes | Sequence[bytes] | None) -> Any:
    if topic is None or isinstance(topic, bytes):
        return None if topic is None else _hex(topic)
    return [_hex(one) for one in topic]


def _block_hash(value: bytes) -> bytes:
    if len(value) != _HASH_LENGTH:
        raise InvalidInput(f"a block hash is 32 bytes, these are {len(value)}: {shown(value)}")
    return value


def _number_or_tag(block: int | str) -> str:
    if isinstance(block, str) and block in _TAGS:
        return block
    if isinstance(block, bool) or not isinstance(block, int) or block < 0:
        raise InvalidInput(
            f"not a block: {shown(block)}",
            hint=f"A block is a number or one of {', '.join(_TAGS)}.",
        )
    return hex(block)


def _state(block: Block) -> Any:
    if isinstance(block, bytes):
        return {"blockHash": _hex(_block_hash(block)), "requireCanonical": True}
    return _number_or_tag(block)

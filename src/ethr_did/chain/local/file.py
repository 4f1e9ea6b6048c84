"""The in-process chain in a file.

Gzipped JSON: the blocks as RLP, and the nodes of all state tries. A node's key is the hash of its
bytes and a block's parent is named by hash, so reading it back proves that nothing was changed.
"""

from __future__ import annotations

import gzip
import json
import os
import tempfile
import zlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from eth_utils.crypto import keccak

from ethr_did.errors import InvalidFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from os import PathLike

    from ethr_did.chain.local.block import Block
    from ethr_did.chain.local.evm import Evm

__all__ = ["Saved", "read", "write"]

_FORMAT: Final = "ethr-did local chain"
_VERSION: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """What is kept of a chain."""

    chain_id: int
    accounts: int
    """How many development accounts; their keys follow from that."""
    automine: bool
    offset: int
    """Seconds that the chain's clock is ahead."""
    next_timestamp: int | None
    blocks: tuple[Block, ...]
    """Genesis first."""
    waiting: tuple[bytes, ...]
    """Signed transactions that have no block yet."""
    nodes: dict[bytes, bytes]
    """Of the state tries, and code, by Keccak-256."""


def write(path: str | PathLike[str], saved: Saved) -> None:
    """Write the file, replacing an older one at once or not at all."""
    target = Path(path)
    content = gzip.compress(json.dumps(_to_dict(saved)).encode(), compresslevel=3, mtime=0)
    # In the same directory, since a rename is atomic only within one file system.
    handle, temporary = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        Path(temporary).replace(target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def read(path: str | PathLike[str], evm: Callable[[int, dict[bytes, bytes]], Evm]) -> Saved:
    """What `write` wrote.

    Args:
        path: The file.
        evm: Makes the EVM that decodes the blocks, of a chain id and trie nodes.

    Raises:
        InvalidFile: Missing, damaged or of another kind. It is left as it is.
    """
    try:
        content = json.loads(gzip.decompress(Path(path).read_bytes()))
        _check_kind(content)
        return _from_dict(content, evm)
    except FileNotFoundError as cause:
        raise InvalidFile(f"there is no chain file {path}", path=str(path)) from cause
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as cause:
        raise InvalidFile(
            f"the chain file {path} cannot be read: {cause}",
            hint="It was left as it is. Restore it from a copy, or move it away to start anew.",
            path=str(path),
        ) from cause


def _to_dict(saved: Saved) -> dict[str, Any]:
    return {
        "format": _FORMAT,
        "version": _VERSION,
        "chainId": saved.chain_id,
        "accounts": saved.accounts,
        "automine": saved.automine,
        "offset": saved.offset,
        "nextTimestamp": saved.next_timestamp,
        "blocks": [_block_to_dict(block) for block in saved.blocks],
        "waiting": [raw.hex() for raw in saved.waiting],
        "nodes": [node.hex() for node in saved.nodes.values()],
    }


def _block_to_dict(block: Block) -> dict[str, Any]:
    return {
        "header": block.header_rlp.hex(),
        "stateRoot": block.state_root.hex(),
        "transactions": [mined.transaction.raw.hex() for mined in block.transactions],
        "receipts": [mined.receipt.encode().hex() for mined in block.transactions],
    }


def _check_kind(content: Any) -> None:
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError("it holds something else")
    if content["version"] != _VERSION:
        msg = f"it has version {content['version']}, and only {_VERSION} is known"
        raise ValueError(msg)


def _from_dict(content: dict[str, Any], evm: Callable[[int, dict[bytes, bytes]], Evm]) -> Saved:
    nodes = {keccak(node): node for node in map(bytes.fromhex, content["nodes"])}
    reader = evm(content["chainId"], nodes)
    blocks = tuple(_block_from_dict(each, reader) for each in content["blocks"])
    _check_linked(blocks, nodes)
    return Saved(
        chain_id=content["chainId"],
        accounts=content["accounts"],
        automine=content["automine"],
        offset=content["offset"],
        next_timestamp=content["nextTimestamp"],
        blocks=blocks,
        waiting=tuple(bytes.fromhex(raw) for raw in content["waiting"]),
        nodes=nodes,
    )


def _block_from_dict(content: dict[str, Any], evm: Evm) -> Block:
    block = evm.restore(
        bytes.fromhex(content["header"]),
        [bytes.fromhex(raw) for raw in content["transactions"]],
        [bytes.fromhex(raw) for raw in content["receipts"]],
    )
    return replace(block, state_root=bytes.fromhex(content["stateRoot"]))


def _check_linked(blocks: tuple[Block, ...], nodes: dict[bytes, bytes]) -> None:
    if not blocks:
        raise ValueError("it has no blocks")
    for number, block in enumerate(blocks):
        if block.number != number:
            msg = f"block {number} is missing"
            raise ValueError(msg)
        if number and block.header.parent_hash != blocks[number - 1].hash:
            msg = f"block {number} does not follow block {number - 1}"
            raise ValueError(msg)
        if block.state_root not in nodes:
            msg = f"the state of block {number} is missing"
            raise ValueError(msg)

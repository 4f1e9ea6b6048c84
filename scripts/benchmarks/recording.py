"""A recorded chain: a node that serves the bytes of a history which was made up beforehand.

A process of its own, which joins pieces of JSON that are there already and costs nearly nothing:
what is measured is who reads. The same numbers give the same history, always.

The history is what registries see: services and keys with values of 33 to 60 bytes, one change in
ten a delegate, one in twenty an owner; in each round every identity changes once. Times of blocks
stand in the logs, all blocks but the newest are final, and like providers do the node refuses
answers of more than 10,000 events. No round has the identities in the order of another one.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from ethr_did import Network
from ethr_did.chain.artifacts import ContractName, load
from ethr_did.core.erc1056 import ATTRIBUTE_TOPIC, DELEGATE_TOPIC, OWNER_TOPIC, identity_topic
from ethr_did.core.keys import to_checksum_address

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import BinaryIO

CHAIN_ID = 1_000_001
REGISTRY = bytes.fromhex("dca7ef03e98e0dc2b855be647c39abe984fcf21b")
GENESIS, SPACING = 1_700_000_000, 2
FAR = 10**10
"""Until when everything is valid."""
MOST_LOGS = 10_000
_STRIDE = 7_919
"""A prime: steps of it lead past all identities before one comes again."""
MOST_BYTES = 1 << 26


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """How long the history is."""

    identities: int
    """Any number but multiples of 7,919."""
    rounds: int = 10
    """Changes of each identity."""
    events_of_block: int = 10

    @property
    def events(self) -> int:
        """All changes."""
        return self.identities * self.rounds

    @property
    def head(self) -> int:
        """Number of the newest block, an empty one."""
        return -(-self.events // self.events_of_block) + 1

    def turns(self, round_: int) -> int:
        """Whose turn comes next in a round: this many identities further."""
        return pow(_STRIDE, round_ + 1, self.identities)

    def block_of(self, number: int, round_: int) -> int:
        """The block in which an identity changes in a round; 0 before the first."""
        if round_ < 0:
            return 0
        turn = number * pow(self.turns(round_), -1, self.identities) % self.identities
        return (round_ * self.identities + turn) // self.events_of_block + 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """A node that serves a history."""

    url: str
    size: Size

    def network(self, **options: Any) -> Network:
        """The network that the history is of."""
        options = {"rpc_url": self.url, **options}
        registry = to_checksum_address(REGISTRY)
        return Network(name="rec", chain_id=CHAIN_ID, did_registry=registry, **options)

    def did(self, number: int) -> str:
        """The DID of the n-th identity, from 0."""
        return f"did:ethr:rec:0x{identity_of(number).hex()}"


@contextmanager
def open_recording(size: Size) -> Iterator[Recording]:
    """A node for as long as the context lasts."""
    command = [sys.executable, "-m", __name__]
    numbers = (size.identities, size.rounds, size.events_of_block)
    with subprocess.Popen(
        [*command, *map(str, numbers)],
        stdout=subprocess.PIPE,
        text=True,
        env=_environment(),
    ) as process:
        try:
            assert process.stdout is not None  # noqa: S101 - it is a pipe
            yield Recording(url=process.stdout.readline().strip(), size=size)
        finally:
            process.terminate()


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}


# -- the history ----------------------------------------------------------------------------------


def identity_of(number: int) -> bytes:
    """The address of the n-th identity."""
    return blake2b(b"identity %d" % number, digest_size=20).digest()


def _hash_of(what: bytes, number: int) -> str:
    return "0x" + blake2b(b"%s %d" % (what, number), digest_size=32).hexdigest()


def _word(number: int) -> bytes:
    return number.to_bytes(32)


def _change(number: int, round_: int, previous: int) -> tuple[str, bytes]:
    """Topic and data of one change of an identity."""
    seed = blake2b(b"change %d %d" % (number, round_), digest_size=33).digest()
    turn = (number + round_) % 20
    if turn == 0:
        return OWNER_TOPIC, seed[:20].rjust(32, b"\0") + _word(previous)
    if turn in (5, 15):
        kind = b"veriKey".ljust(32, b"\0")
        return DELEGATE_TOPIC, kind + seed[:20].rjust(32, b"\0") + _word(FAR) + _word(previous)
    if turn % 2:
        name, value = b"did/pub/Secp256k1/veriKey/hex", b"\x02" + seed[:32]
    else:
        name, value = b"did/svc/Hub", f"https://hub.example/{seed[: 6 + turn // 2].hex()}/".encode()
        value = value.ljust(40 + turn, b"x")
    head = name.ljust(32, b"\0") + _word(128) + _word(FAR) + _word(previous)
    return ATTRIBUTE_TOPIC, head + _word(len(value)) + value + bytes(-len(value) % 32)


def record(size: Size, file: BinaryIO) -> list[int]:
    """Writes the logs as JSON, a comma behind each; where those of each block begin, and the end."""
    begins = [0]
    for first in range(0, size.events, size.events_of_block):
        begins.append(file.tell())
        places = range(first, min(first + size.events_of_block, size.events))
        file.write(b"".join(_log(size, place) + b"," for place in places))
    file.flush()
    return [*begins, file.tell(), file.tell()]


def _log(size: Size, place: int) -> bytes:
    """The n-th event of the whole history."""
    round_, turn = divmod(place, size.identities)
    number = size.turns(round_) * turn % size.identities
    block, index = divmod(place, size.events_of_block)
    topic, data = _change(number, round_, size.block_of(number, round_ - 1))
    log = {
        "address": "0x" + REGISTRY.hex(),
        "topics": [topic, identity_topic(identity_of(number))],
        "data": "0x" + data.hex(),
        "blockHash": _hash_of(b"block", block + 1),
        "blockNumber": hex(block + 1),
        "blockTimestamp": hex(GENESIS + SPACING * (block + 1)),
        "transactionHash": _hash_of(b"transaction", place),
        "transactionIndex": hex(index),
        "logIndex": hex(index),
        "removed": False,
    }
    return json.dumps(log, separators=(",", ":")).encode()


def _block(number: int) -> bytes:
    block = {
        "number": hex(number),
        "hash": _hash_of(b"block", number),
        "parentHash": _hash_of(b"block", number - 1),
        "timestamp": hex(GENESIS + SPACING * number),
        "transactions": [],
    }
    return json.dumps(block).encode()


# -- the node -------------------------------------------------------------------------------------


class _Node:
    def __init__(self, size: Size, file: BinaryIO) -> None:
        self.size = size
        self.file = file.fileno()
        self.begins = record(size, file)
        self.code = json.dumps("0x" + load(ContractName.ETHEREUM_DID_REGISTRY).runtime_code.hex())

    async def serve(self) -> None:
        server = await asyncio.start_server(self.connected, "127.0.0.1", 0, limit=MOST_BYTES)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await server.serve_forever()

    async def connected(self, down: asyncio.StreamReader, out: asyncio.StreamWriter) -> None:
        from .proxy import read_message, write_response

        try:
            while True:
                _, body = await read_message(down)
                out.write(write_response(self.answer(body)))
                await out.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            return  # the client is done
        finally:
            out.close()

    def answer(self, body: bytes) -> bytes:
        question: Any = json.loads(body)
        if isinstance(question, dict):
            return self._reply(question)
        return b"[" + b",".join(map(self._reply, question)) + b"]"

    def _reply(self, question: dict[str, Any]) -> bytes:
        answer: Callable[..., bytes] = getattr(self, "_" + question["method"])
        try:
            return b'{"jsonrpc":"2.0","id":%d,"result":%s}' % (
                question["id"],
                answer(*question["params"]),
            )
        except _TooMuch:
            error = b'{"code":-32005,"message":"query returned more than %d results"}' % MOST_LOGS
            return b'{"jsonrpc":"2.0","id":%d,"error":%s}' % (question["id"], error)

    def _eth_chainId(self) -> bytes:  # noqa: N802 - as JSON-RPC has it
        return b'"%s"' % hex(CHAIN_ID).encode()

    def _eth_getCode(self, _address: str, _block: str) -> bytes:  # noqa: N802
        return self.code.encode()

    def _eth_getBlockByNumber(self, block: str, _full: bool) -> bytes:  # noqa: N802, FBT001
        head = self.size.head
        number = {"latest": head, "finalized": head - 1}.get(block)
        number = int(block, 16) if number is None else number
        return _block(number) if number <= head else b"null"

    def _eth_getLogs(self, query: dict[str, Any]) -> bytes:  # noqa: N802
        first, last = int(query["fromBlock"], 16), int(query["toBlock"], 16)
        if (last - first + 1) * self.size.events_of_block > MOST_LOGS:
            raise _TooMuch
        begin, end = self.begins[first], self.begins[last + 1]
        return b"[" + os.pread(self.file, max(0, end - begin - 1), begin) + b"]"


class _TooMuch(Exception):
    pass


def main(numbers: Sequence[str]) -> None:
    """Nothing; serves until it is told to stop."""
    identities, rounds, events_of_block = map(int, numbers)
    size = Size(identities=identities, rounds=rounds, events_of_block=events_of_block)
    with tempfile.TemporaryFile() as file:
        asyncio.run(_Node(size, file).serve())


if __name__ == "__main__":
    main(sys.argv[1:])

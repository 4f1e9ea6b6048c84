"""Made-up lives of identities: every kind of change, in any order, written without our encoder.

Lives of one seed are always the same. The names and values are those on which resolvers differ:
all algorithms, purposes and encodings, names that nobody can read, bytes that are no key.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey

from support.document_forms import Counted

if TYPE_CHECKING:
    from collections.abc import Sequence
    from random import Random

    from support.anvil import Anvil

ALGORITHMS = ("Secp256k1", "Ed25519", "X25519", "Multikey", "RSA", "Own_2")
PURPOSES = ("veriKey", "sigAuth", "enc", "foo", None)
ENCODINGS = ("hex", "base64", "base58", "pem", "jwk", None)
DELEGATE_TYPES = (b"veriKey", b"sigAuth", b"enc", b"own", b"\xff\xfe")
MALFORMED = (
    b"did/pub/Ed-25519/veriKey",
    b"did/pub/",
    b"did/pub/Multikey/a/b/c",
    b"did/svc/Linked-Domains",
    b"did/svc/a/b/c/d",
    "did/pub/Schlüssel".encode(),
    b"did/svc/\x80",
    b"did/other/Hub",
    b"DID/pub/Own/veriKey",
    b"something else",
    b"",
)
ENDPOINTS = (
    "https://hub.example/1",
    "",
    "null",
    "true",
    "5",
    '"str"',
    '{"uri":"https://hub.example","accept":["a/b"]}',
    '["https://one.example",{"uri":"https://two.example"}]',
    " [1, 2]\n",
    "{not JSON",
    "NaN",
    "Füße und 🔑",
)
TEXTS = (b"-----BEGIN KEY-----\nAA==\n", b"\0\0\x01", b"")
ZERO = "0x" + "00" * 20
STEP = 100
"""Seconds from one block of a life to the next."""
VALIDITIES = (10**9, 10**9, 10**9, STEP // 2, STEP, 3 * STEP // 2, 0, 2**200)
"""Far ahead, or ending between the blocks or on one; past for a clock that shows today."""

_KINDS = {
    "changeOwner": ("address",),
    "addDelegate": ("bytes32", "address", "uint256"),
    "revokeDelegate": ("bytes32", "address"),
    "setAttribute": ("bytes32", "bytes", "uint256"),
    "revokeAttribute": ("bytes32", "bytes"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One change, as the owner of the time sends it."""

    sender: str
    method: str
    arguments: tuple[Any, ...]

    def data(self, identity: str) -> bytes:
        """Calldata of the registry."""
        return call(self.method, ("address", *_KINDS[self.method]), (identity, *self.arguments))

    def valid_to(self, timestamp: int) -> int:
        """What the event says, mined at that time."""
        if self.method in {"addDelegate", "setAttribute"}:
            return timestamp + int(self.arguments[2])
        return timestamp if self.method == "revokeDelegate" else 0

    def counted(self, timestamp: int) -> Counted | None:
        """What the move does to the numbers of entries, mined at that time."""
        if self.method == "changeOwner":
            return None
        try:
            name = self.arguments[0].decode().rstrip("\0")
        except UnicodeDecodeError:
            return None
        is_delegate = self.method.endswith("Delegate")
        return Counted(name=None if is_delegate else name, valid_to=self.valid_to(timestamp))


def call(method: str, kinds: Sequence[str], values: Sequence[Any]) -> bytes:
    """Calldata of a method."""
    data: bytes = encode(kinds, values)
    return keccak(f"{method}({','.join(kinds)})".encode())[:4] + data


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """An identity and its blocks, each with one move or more."""

    identity: str
    identifier: str
    """Address or public key, as in the DID."""
    blocks: tuple[tuple[Move, ...], ...]


@dataclass(slots=True, kw_only=True)
class _Author:
    """Makes up one life; remembers what there is to revoke."""

    random: Random
    identity: str
    owner: str = ""
    keys: tuple[bytes, ...] = ()
    delegates: list[tuple[bytes, str]] = field(default_factory=list)
    attributes: list[tuple[bytes, bytes]] = field(default_factory=list)

    def move(self) -> Move:
        sender = self.owner or self.identity
        choose = self.random.choices(
            [self.attribute, self.revocation, self.delegate, self.change_owner], [8, 4, 4, 1]
        )[0]
        method, *arguments = choose()
        return Move(sender=sender, method=method, arguments=tuple(arguments))

    def attribute(self) -> tuple[Any, ...]:
        name, value = self.random.choice([self.key, self.key, self.service, self.malformed])()
        if self.attributes and self.random.random() < 0.2:
            name, value = self.random.choice(self.attributes)
        self.attributes.append((name, value))
        return "setAttribute", name, value, self.random.choice(VALIDITIES)

    def key(self) -> tuple[bytes, bytes]:
        algorithm = self.random.choice(ALGORITHMS)
        encoding = self.random.choice(ENCODINGS)
        name = key_name(algorithm, self.random.choice(PURPOSES), encoding)
        # Of a PEM that is no text the peer says nothing; a test of its own shows it.
        return name, self.random.choice(TEXTS if encoding == "pem" else self.keys)

    def service(self) -> tuple[bytes, bytes]:
        kind = self.random.choice(["Hub", "LinkedDomains", "Hub/x", "Hub/x/y"])
        value = self.random.choice([*(text.encode() for text in ENDPOINTS), b"\xff\xfe"])
        return bytes32(f"did/svc/{kind}".encode()), value

    def malformed(self) -> tuple[bytes, bytes]:
        return bytes32(self.random.choice(MALFORMED)), self.random.choice(self.keys)

    def delegate(self) -> tuple[Any, ...]:
        kind = bytes32(self.random.choice(DELEGATE_TYPES))
        address = "0x" + self.random.choice(["d1", "d2", "d3"]) * 20
        self.delegates.append((kind, address))
        return "addDelegate", kind, address, self.random.choice(VALIDITIES)

    def revocation(self) -> tuple[Any, ...]:
        """Of something that is there, or of something that never was."""
        if self.delegates and self.random.random() < 0.4:
            return "revokeDelegate", *self.random.choice(self.delegates)
        if self.attributes and self.random.random() < 0.9:
            return "revokeAttribute", *self.random.choice(self.attributes)
        return "revokeAttribute", *self.key()

    def change_owner(self) -> tuple[Any, ...]:
        new = self.random.choice([ZERO, self.identity, "0x" + "e1" * 20, "0x" + "e2" * 20])
        # On chain an identity without owner is its own owner again; resolvers must not believe it.
        self.owner = "" if new == ZERO else new
        return "changeOwner", new


def make_life(random: Random, *, blocks: int = 6) -> Life:
    """A life of so many blocks, of an address or of a public key."""
    key = PrivateKey(random.randbytes(32)).public_key
    address = key.to_checksum_address()
    point, compressed = key.to_bytes(), key.to_compressed_bytes()
    identifier = random.choice([address, address.lower(), "0x" + compressed.hex()])
    keys = (compressed, b"\x04" + point, point[:32], *TEXTS)
    author = _Author(random=random, identity=address.lower(), keys=keys)
    return Life(
        identity=address.lower(),
        identifier=identifier,
        blocks=tuple(
            tuple(author.move() for _ in range(random.choice([0, 1, 1, 2, 4])))
            for _ in range(blocks)
        ),
    )


def key_name(algorithm: str, purpose: str | None, encoding: str | None) -> bytes:
    """``did/pub/…``; an encoding needs a purpose before it."""
    parts = [algorithm] if purpose is None else [algorithm, purpose]
    if purpose is not None and encoding is not None:
        parts.append(encoding)
    return bytes32(f"did/pub/{'/'.join(parts)}".encode())


def bytes32(text: bytes) -> bytes:
    """Bytes padded as ERC-1056 has names."""
    assert len(text) <= 32, text
    return text.ljust(32, b"\0")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Where on the chain the lives went on."""

    blocks: tuple[int, ...]
    """Numbers, in order; each is followed by an empty block one second later."""
    timestamps: tuple[int, ...]

    def counted(self, life: Life, *, until: int) -> list[Counted]:
        """The events of a life up to a time."""
        return [
            counted
            for moves, timestamp in zip(life.blocks, self.timestamps, strict=True)
            if timestamp <= until
            for move in moves
            if (counted := move.counted(timestamp))
        ]


def write(anvil: Anvil, registry: str, lives: Sequence[Life]) -> Written:
    """Writes lives side by side: the n-th blocks of all of them are one block of the chain."""
    start = anvil.timestamp + 2
    numbers, times = [], []
    for place in range(len(lives[0].blocks)):
        times.append(start + place * STEP)
        transactions = [
            (move.sender, registry, move.data(life.identity))
            for life in lives
            for move in life.blocks[place]
        ]
        numbers.append(anvil.mine(transactions, timestamp=times[-1]))
        anvil.mine([], timestamp=times[-1] + 1)
    return Written(blocks=tuple(numbers), timestamps=tuple(times))


def describe(life: Life) -> str:
    """A life as text, to find a difference by."""
    moves = [
        [number, move.method, *map(_shown, move.arguments)]
        for number, block in enumerate(life.blocks)
        for move in block
    ]
    return "\n".join(json.dumps(move) for move in moves)


def _shown(argument: object) -> object:
    return str(argument.rstrip(b"\0")) if isinstance(argument, bytes) else argument

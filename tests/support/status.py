"""Credential status in tests: list ids, words, storage slots and EIP-712 messages, written from the
specification and not from the contracts."""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from support.evm import b32

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract

REVOCATION, SUSPENSION, REFRESH, MESSAGE, LIFECYCLE = range(5)
TERMINAL, OWNER_ONLY, ANCHORED, LSB_FIRST = 1, 2, 4, 8
OWNER, ALL_LISTS, REVOCATION_ONLY, ONE_LIST = range(4)
VALID, INVALID, SUSPENDED, OTHER = range(4)
ANY = 1
PAYLOAD_BITS = 208
PAYLOAD = (1 << PAYLOAD_BITS) - 1
FAR = 2**33
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141

Update = tuple[int, int, int]
ListUpdate = tuple[str, int, bytes, list[Update]]
Header = tuple[bytes, bytes, int, int, int, int]
Publication = tuple[str, int, bytes, Header, bytes, bytes, int]
NO_HEADER: Header = (bytes(32), bytes(32), 0, 0, 0, 0)


def dice(seed: int) -> random.Random:
    """Chance that repeats itself."""
    return random.Random(seed)  # noqa: S311  # tests repeat


def list_id(
    purpose: int = REVOCATION,
    *,
    width_log: int = 0,
    flags: int = 0,
    capacity_log: int = 17,
    layout: int = 1,
    salt: bytes = b"\x5a" * 27,
) -> bytes:
    """A list id of these rules."""
    return bytes([layout, purpose, width_log, flags, capacity_log]) + salt


def type_of_list(listed: bytes) -> bytes:
    """The delegate type for one list."""
    return keccak(encode(["bytes32", "bytes32"], [b32("credStatus"), listed]))


DELEGATE_TYPES = {ALL_LISTS: b32("credStatus"), REVOCATION_ONLY: b32("credRevoke")}


def delegate_type(authority: int, listed: bytes) -> bytes:
    """The delegate type of an authority."""
    return type_of_list(listed) if authority == ONE_LIST else DELEGATE_TYPES[authority]


def per_word(width_log: int) -> int:
    """Entries of a word."""
    return PAYLOAD_BITS >> width_log


def update(
    values: Iterable[tuple[int, int]], *, width_log: int = 0, word: int = 0, expected: int = ANY
) -> Update:
    """A word update that sets entries, counted inside the word, to values."""
    set_bits = clear_bits = 0
    for position, value in values:
        shift = position << width_log
        set_bits |= value << shift
        clear_bits |= ((1 << (1 << width_log)) - 1) << shift
    return word << PAYLOAD_BITS | set_bits, clear_bits, expected


def word_slot(identity: str, listed: bytes, word: int) -> int:
    """Where a word, or the head of an anchored list, is stored."""
    base = keccak(encode(["address", "bytes32"], [identity, listed]))
    return (int.from_bytes(base, "big") + word) % 2**256


def record_slot(identity: str, key: bytes) -> int:
    """Where a key record is stored."""
    return int.from_bytes(keccak(bytes.fromhex(identity[2:]) + key), "big")


_CONSENT = [{"name": "signer", "type": "address"}, {"name": "deadline", "type": "uint256"}]


def _members(text: str) -> list[dict[str, str]]:
    pairs = (member.split() for member in text.split(","))
    return [{"name": name, "type": kind} for kind, name in pairs]


TYPES: dict[str, list[dict[str, str]]] = {
    "SetStatus": [
        *_members(
            "address identity,uint256 authority,bytes32 listId,uint32 index,uint8 value,"
            "uint256 expectedWord"
        ),
        *_CONSENT,
    ],
    "UpdateLists": [*_members("ListUpdate[] lists"), *_CONSENT],
    "ListUpdate": _members("address identity,uint256 authority,bytes32 listId,WordUpdate[] words"),
    "WordUpdate": _members("uint256 set,uint256 clear,uint256 expected"),
    "SetKeys": [
        *_members(
            "address identity,uint256 authority,uint8 value,bytes32[] keys,uint256[] expected"
        ),
        *_CONSENT,
    ],
    "Publish": [
        *_members(
            "address identity,uint256 authority,bytes32 listId,bytes32 previousHead,"
            "bytes32 contentDigest,bytes32 bitmapRoot,uint256 validUntil"
        ),
        *_CONSENT,
    ],
}
NESTED = {"UpdateLists": ("ListUpdate", "WordUpdate")}


def names(kind: str) -> list[str]:
    """Names of a type's members before the signer and the deadline."""
    return [member["name"] for member in TYPES[kind][: -len(_CONSENT)]]


@dataclass(frozen=True, kw_only=True)
class Message:
    """An EIP-712 message of a status contract."""

    contract: Contract
    kind: str
    members: dict[str, Any]

    def consent(
        self,
        key: LocalAccount,
        *,
        signer: str | None = None,
        deadline: int = FAR,
        chain_id: int | None = None,
        contract: str | None = None,
    ) -> tuple[str, int, bytes]:
        """What a relayer hands in: the key signs for itself unless another signer is named."""
        domain = {
            "name": self.contract.functions.eip712Domain().call()[1],
            "version": "1",
            "chainId": chain_id or self.contract.w3.eth.chain_id,
            "verifyingContract": contract or self.contract.address,
        }
        types = {name: TYPES[name] for name in (self.kind, *NESTED.get(self.kind, ()))}
        who = signer or key.address
        message = {**self.members, "signer": who, "deadline": deadline}
        signed = key.sign_message(encode_typed_data(domain, types, message))
        return who, deadline, bytes(signed.signature)


def message(contract: Contract, kind: str, *members: Any) -> Message:
    """A message from its members in order."""
    return Message(
        contract=contract, kind=kind, members=dict(zip(names(kind), members, strict=True))
    )


def lists_message(contract: Contract, lists: Sequence[ListUpdate]) -> Message:
    """The message of several list updates."""
    return message(
        contract,
        "UpdateLists",
        [
            {
                "identity": identity,
                "authority": authority,
                "listId": listed,
                "words": [
                    dict(zip(("set", "clear", "expected"), word, strict=True)) for word in words
                ],
            }
            for identity, authority, listed, words in lists
        ],
    )


def head_of(header: Header) -> bytes:
    """What the slot of an anchored list holds."""
    if header == NO_HEADER:
        return bytes(32)
    kinds = ["bytes32", "bytes32", "uint256", "uint256", "uint256", "uint256"]
    return keccak(encode(kinds, header))


class Tree:
    """The positional Merkle tree over an uncompressed list."""

    def __init__(self, bits: bytes) -> None:
        count = max(1, -(-len(bits) // 32))
        while count & (count - 1):
            count += 1
        padded = bits.ljust(32 * count, b"\0")
        self.words = [padded[32 * at : 32 * at + 32] for at in range(count)]
        self.levels = [[keccak(b"\0" + word) for word in self.words]]
        while len(self.levels[-1]) > 1:
            below = self.levels[-1]
            self.levels.append(
                [keccak(b"\1" + below[at] + below[at + 1]) for at in range(0, len(below), 2)]
            )

    @property
    def root(self) -> bytes:
        """The root."""
        return self.levels[-1][0]

    def proof(self, position: int) -> list[bytes]:
        """The sibling at each level, leaves first."""
        return [level[(position >> at) ^ 1] for at, level in enumerate(self.levels[:-1])]


def digest(content: bytes) -> bytes:
    """SHA-256."""
    return hashlib.sha256(content).digest()

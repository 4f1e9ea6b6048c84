"""Calldata of the status contracts, and their results read strictly.

Rules:
  * A result of another length than the function can give is no answer.
  * The number of a word stands in the 48 bits above its statuses, in calls and in events.

Spec: docs/credential-status.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from ethr_did.core.calls import selector
from ethr_did.core.keys import Address
from ethr_did.core.status_list import PAYLOAD_BITS, Authority, ListId, StatusRecord
from ethr_did.errors import InvalidAnswer, InvalidStatusEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "NO_HEADER",
    "Consent",
    "Header",
    "LensAnswer",
    "LensKind",
    "LensMoment",
    "LensQuestion",
    "ListUpdate",
    "Publication",
    "WordUpdate",
    "did_registry_call",
    "domain_call",
    "head_call",
    "is_authorized_call",
    "is_current_call",
    "lens_call",
    "locate_call",
    "parse_address_result",
    "parse_bool_result",
    "parse_lens_result",
    "parse_list_result",
    "parse_record_result",
    "parse_status_result",
    "publish_by_sig_call",
    "publish_call",
    "publish_many_call",
    "record_call",
    "records_call",
    "revoke_key_call",
    "set_keys_by_sig_call",
    "set_keys_call",
    "set_status_by_sig_call",
    "set_status_call",
    "status_call",
    "status_from_proof_call",
    "statuses_call",
    "update_lists_by_sig_call",
    "update_lists_call",
    "update_words_call",
    "words_call",
]

_WORD = 32
_PAYLOAD = (1 << PAYLOAD_BITS) - 1
_WORDS = "(uint256,uint256,uint256)[]"
_LIST = f"(address,uint256,bytes32,{_WORDS})"
_CONSENT = "(address,uint256,bytes)"
_HEADER = "(bytes32,bytes32,uint256,uint256,uint256,uint256)"
_PUBLICATION = f"(address,uint256,bytes32,{_HEADER},bytes32,bytes32,uint256)"
_LENS_ANSWER = ("bool", "bool", "uint256", "uint256", "uint256", "address", "bytes32")
_MOMENT_WORDS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class WordUpdate:
    """A change of one word: bits that become 0, bits that become 1, what was there before."""

    word: int
    """Its number in the list, from 0."""
    set: int
    """Bits of the statuses that are 1 afterwards."""
    clear: int
    """Bits of the statuses that are 0 afterwards, unless set."""
    expected: int
    """The word as it is stored before, or ``ANY_WORD``."""

    def __post_init__(self) -> None:
        """Raises ``InvalidStatusEntry`` for bits outside the statuses."""
        if (self.set | self.clear) & ~_PAYLOAD or not 0 <= self.word < 1 << 48:
            raise InvalidStatusEntry(f"not a change of a word: {self}")

    @property
    def struct(self) -> tuple[int, int, int]:
        """As the contract takes it."""
        return self.word << PAYLOAD_BITS | self.set, self.clear, self.expected


@dataclass(frozen=True, slots=True, kw_only=True)
class ListUpdate:
    """Changes of words of one list."""

    identity: Address
    authority: Authority
    list_id: ListId
    words: tuple[WordUpdate, ...]

    @property
    def struct(self) -> tuple[bytes, int, bytes, list[tuple[int, int, int]]]:
        """As the contract takes it."""
        words = [word.struct for word in self.words]
        return self.identity, int(self.authority), self.list_id.value, words


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What the chain commits to about a version of an anchored list."""

    content_digest: bytes
    """SHA-256 of the bytes served."""
    bitmap_root: bytes
    """Of the positional Merkle tree over the uncompressed list."""
    version: int
    """From 1; 0 where there is none."""
    published_at: int
    """Unix seconds of the block."""
    valid_until: int
    """Unix seconds, the last good one."""
    block_number: int

    @property
    def struct(self) -> tuple[bytes, bytes, int, int, int, int]:
        """As the contract takes it."""
        return (
            self.content_digest,
            self.bitmap_root,
            self.version,
            self.published_at,
            self.valid_until,
            self.block_number,
        )

    @property
    def head(self) -> bytes:
        """What the contract stores: zero before the first version."""
        if self.version == 0:
            return bytes(_WORD)
        numbers = (self.version, self.published_at, self.valid_until, self.block_number)
        return keccak(
            self.content_digest + self.bitmap_root + b"".join(n.to_bytes(_WORD) for n in numbers)
        )


NO_HEADER = Header(
    content_digest=bytes(_WORD),
    bitmap_root=bytes(_WORD),
    version=0,
    published_at=0,
    valid_until=0,
    block_number=0,
)
"""Stands for "no version yet"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """The next version of an anchored list."""

    identity: Address
    authority: Authority
    list_id: ListId
    previous: Header
    """The current version, ``NO_HEADER`` before the first."""
    content_digest: bytes
    bitmap_root: bytes
    valid_until: int
    """Unix seconds."""

    @property
    def struct(self) -> tuple[Any, ...]:
        """As the contract takes it."""
        return (
            self.identity,
            int(self.authority),
            self.list_id.value,
            self.previous.struct,
            self.content_digest,
            self.bitmap_root,
            self.valid_until,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """The signature under a change that somebody else submits."""

    signer: Address
    deadline: int
    """Unix seconds of the last block that may take it."""
    signature: bytes

    @property
    def struct(self) -> tuple[bytes, int, bytes]:
        """As the contract takes it."""
        return self.signer, self.deadline, self.signature


# -- changes -------------------------------------------------------------------------------------


def set_status_call(
    identity: Address, authority: Authority, list_id: ListId, index: int, value: int
) -> bytes:
    """Calldata of ``setStatus``: one entry."""
    return _encode(
        "setStatus",
        ("address", "uint256", "bytes32", "uint32", "uint8"),
        (identity, authority, list_id.value, index, value),
    )


def update_words_call(update: ListUpdate) -> bytes:
    """Calldata of ``updateWords``: words of one list."""
    return selector(f"updateWords(address,uint256,bytes32,{_WORDS})") + _list_update(update)


def update_lists_call(updates: Sequence[ListUpdate]) -> bytes:
    """Calldata of ``updateLists``: words of several lists and issuers."""
    parts = [_list_update(update) for update in updates]
    offsets, offset = [], _WORD * len(parts)
    for part in parts:
        offsets.append(offset)
        offset += len(part)
    numbers = (_WORD, len(parts), *offsets)
    head = b"".join(number.to_bytes(_WORD) for number in numbers)
    return selector(f"updateLists({_LIST}[])") + head + b"".join(parts)


def _list_update(update: ListUpdate) -> bytes:
    """A ``ListUpdate`` in the ABI's form.

    By hand: a general encoder takes 40 microseconds for each word, and there may be many.
    """
    identity, authority, listed, words = update.struct
    head = identity.rjust(_WORD, b"\0") + authority.to_bytes(_WORD) + listed
    numbers = (4 * _WORD, len(words), *(number for word in words for number in word))
    return head + b"".join(number.to_bytes(_WORD) for number in numbers)


def revoke_key_call(identity: Address, authority: Authority, key: bytes) -> bytes:
    """Calldata of ``revokeKey``: one record becomes INVALID."""
    return _encode("revokeKey", ("address", "uint256", "bytes32"), (identity, authority, key))


def set_keys_call(
    identity: Address,
    authority: Authority,
    value: int,
    keys: Sequence[bytes],
    expected: Sequence[int] = (),
) -> bytes:
    """Calldata of ``setKeys``: records to one value.

    Args:
        identity: whose they are.
        authority: by which right.
        value: that all get.
        keys: of the records.
        expected: empty, or each record as it is stored before.
    """
    return _encode(
        "setKeys",
        ("address", "uint256", "uint8", "bytes32[]", "uint256[]"),
        (identity, authority, value, list(keys), list(expected)),
    )


def set_status_by_sig_call(
    identity: Address,
    authority: Authority,
    list_id: ListId,
    index: int,
    value: int,
    *,
    expected_word: int,
    consent: Consent,
) -> bytes:
    """Calldata of ``setStatusBySig``."""
    return _encode(
        "setStatusBySig",
        ("address", "uint256", "bytes32", "uint32", "uint8", "uint256", _CONSENT),
        (identity, authority, list_id.value, index, value, expected_word, consent.struct),
    )


def update_lists_by_sig_call(updates: Sequence[ListUpdate], consent: Consent) -> bytes:
    """Calldata of ``updateListsBySig``."""
    return _encode(
        "updateListsBySig",
        (f"{_LIST}[]", _CONSENT),
        ([update.struct for update in updates], consent.struct),
    )


def set_keys_by_sig_call(
    identity: Address,
    authority: Authority,
    value: int,
    keys: Sequence[bytes],
    expected: Sequence[int],
    *,
    consent: Consent,
) -> bytes:
    """Calldata of ``setKeysBySig``."""
    return _encode(
        "setKeysBySig",
        ("address", "uint256", "uint8", "bytes32[]", "uint256[]", _CONSENT),
        (identity, authority, value, list(keys), list(expected), consent.struct),
    )


def publish_call(publication: Publication) -> bytes:
    """Calldata of ``publish``: the next version of a list."""
    return _encode("publish", (_PUBLICATION,), (publication.struct,))


def publish_many_call(publications: Sequence[Publication]) -> bytes:
    """Calldata of ``publishMany``: the next versions of several lists."""
    return _encode("publishMany", (f"{_PUBLICATION}[]",), ([one.struct for one in publications],))


def publish_by_sig_call(publication: Publication, consent: Consent) -> bytes:
    """Calldata of ``publishBySig``."""
    return _encode("publishBySig", (_PUBLICATION, _CONSENT), (publication.struct, consent.struct))


def locate_call(identity: Address, authority: Authority, list_id: ListId, uri: str) -> bytes:
    """Calldata of ``locate``: an event that says where a list is."""
    return _encode(
        "locate",
        ("address", "uint256", "bytes32", "string"),
        (identity, authority, list_id.value, uri),
    )


# -- reading -------------------------------------------------------------------------------------


def did_registry_call() -> bytes:
    """Calldata of ``didRegistry()``; the answer is an address."""
    return selector("didRegistry()")


def domain_call() -> bytes:
    """Calldata of ``eip712Domain()``."""
    return selector("eip712Domain()")


def status_call(identity: Address, list_id: ListId, index: int) -> bytes:
    """Calldata of ``statusOf``; see ``parse_status_result``."""
    return _encode("statusOf", ("address", "bytes32", "uint256"), (identity, list_id.value, index))


def statuses_call(identity: Address, list_id: ListId, indexes: Sequence[int]) -> bytes:
    """Calldata of ``statusesOf``; the answer is ``bytes``, one for each."""
    return _encode(
        "statusesOf", ("address", "bytes32", "uint256[]"), (identity, list_id.value, list(indexes))
    )


def words_call(identity: Address, list_id: ListId, first: int, count: int) -> bytes:
    """Calldata of ``wordsOf``; see ``parse_list_result``."""
    return _encode(
        "wordsOf",
        ("address", "bytes32", "uint256", "uint256"),
        (identity, list_id.value, first, count),
    )


def record_call(identity: Address, key: bytes) -> bytes:
    """Calldata of ``recordOf``; see ``parse_record_result``."""
    return _encode("recordOf", ("address", "bytes32"), (identity, key))


def records_call(identity: Address, keys: Sequence[bytes]) -> bytes:
    """Calldata of ``recordsOf``; see ``parse_list_result``."""
    return _encode("recordsOf", ("address", "bytes32[]"), (identity, list(keys)))


def is_authorized_call(
    identity: Address, authority: Authority, list_id: ListId | None, actor: Address
) -> bytes:
    """Calldata of ``isAuthorized``; no list stands for records."""
    listed = bytes(_WORD) if list_id is None else list_id.value
    return _encode(
        "isAuthorized",
        ("address", "uint256", "bytes32", "address"),
        (identity, authority, listed, actor),
    )


def head_call(identity: Address, list_id: ListId) -> bytes:
    """Calldata of ``headOf``; the answer is 32 bytes, zero before the first version."""
    return _encode("headOf", ("address", "bytes32"), (identity, list_id.value))


def is_current_call(identity: Address, list_id: ListId, header: Header) -> bytes:
    """Calldata of ``isCurrent``."""
    return _encode(
        "isCurrent", ("address", "bytes32", _HEADER), (identity, list_id.value, header.struct)
    )


def status_from_proof_call(
    identity: Address,
    list_id: ListId,
    header: Header,
    index: int,
    *,
    word: bytes,
    siblings: Sequence[bytes],
) -> bytes:
    """Calldata of ``statusFromProof``; the answer is the value."""
    return _encode(
        "statusFromProof",
        ("address", "bytes32", _HEADER, "uint256", "bytes32", "bytes32[]"),
        (identity, list_id.value, header.struct, index, word, list(siblings)),
    )


# -- the lens ------------------------------------------------------------------------------------


class LensKind(IntEnum):
    """What a question is about."""

    ENTRY = 0
    RECORD = 1
    ANCHOR = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class LensQuestion:
    """One question to the lens."""

    registry: Address
    kind: LensKind
    identity: Address
    id: bytes
    """List id, or key."""
    index: int = 0
    """Of an entry."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LensMoment:
    """The block that the lens saw."""

    chain_id: int
    block_number: int
    timestamp: int
    parent_hash: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LensAnswer:
    """One answer of the lens; nothing in it means anything unless ``answered``."""

    answered: bool
    found: bool
    value: int
    changed_block: int
    changed_at: int
    owner: Address
    head: bytes


def lens_call(questions: Sequence[LensQuestion]) -> bytes:
    """Calldata of ``query``."""
    # By hand: all members have one size, and the general encoder takes seventy times as long.
    words = [_WORD.to_bytes(_WORD), len(questions).to_bytes(_WORD)]
    for one in questions:
        words += (one.registry.rjust(_WORD, b"\0"), int(one.kind).to_bytes(_WORD))
        words += (one.identity.rjust(_WORD, b"\0"), one.id, one.index.to_bytes(_WORD))
    return selector("query((address,uint8,address,bytes32,uint256)[])") + b"".join(words)


def parse_lens_result(data: bytes, count: int) -> tuple[LensMoment, tuple[LensAnswer, ...]]:
    """What the lens saw.

    Args:
        data: the result of ``query``.
        count: of the questions.

    Raises:
        InvalidAnswer: the result has another form.
    """
    fields = len(_LENS_ANSWER)
    words = _words(data, _MOMENT_WORDS + 2 + count * fields)
    if words[4] != (_MOMENT_WORDS + 1) * _WORD or words[5] != count:
        raise InvalidAnswer("the lens answered in another form")
    moment = LensMoment(
        chain_id=words[0],
        block_number=words[1],
        timestamp=words[2],
        parent_hash=words[3].to_bytes(_WORD),
    )
    first = _MOMENT_WORDS + 2
    rows = (words[at : at + fields] for at in range(first, len(words), fields))
    return moment, tuple(_lens_answer(row) for row in rows)


def _lens_answer(row: Sequence[int]) -> LensAnswer:
    return LensAnswer(
        answered=_bool(row[0]),
        found=_bool(row[1]),
        value=row[2],
        changed_block=row[3],
        changed_at=row[4],
        owner=_address(row[5]),
        head=row[6].to_bytes(_WORD),
    )


# -- results -------------------------------------------------------------------------------------


def parse_bool_result(data: bytes) -> bool:
    """Yes or no.

    Raises:
        InvalidAnswer: neither.
    """
    return _bool(*_words(data, 1))


def parse_address_result(data: bytes) -> Address:
    """An address.

    Raises:
        InvalidAnswer: it is none.
    """
    return _address(*_words(data, 1))


def parse_status_result(data: bytes) -> tuple[int, int]:
    """Value and block of the last change, from ``statusOf``.

    Raises:
        InvalidAnswer: the result has another form.
    """
    value, changed_block = _words(data, 2)
    return value, changed_block


def parse_record_result(data: bytes) -> StatusRecord:
    """A record, from ``recordOf``.

    Raises:
        InvalidAnswer: the result has another form.
    """
    value, changed_at, changed_block, previous_block = _words(data, 4)
    return StatusRecord(value | changed_at << 8 | changed_block << 48 | previous_block << 96)


def parse_list_result(data: bytes, count: int) -> tuple[int, ...]:
    """Words or records as stored, from ``wordsOf`` or ``recordsOf``.

    Raises:
        InvalidAnswer: the result has another form, or another count.
    """
    offset, length, *found = _words(data, 2 + count)
    if offset != _WORD or length != count:
        raise InvalidAnswer("the registry answered in another form")
    return tuple(found)


def _words(data: bytes, count: int) -> list[int]:
    if len(data) != count * _WORD:
        raise InvalidAnswer(f"{len(data)} bytes where {count * _WORD} were expected")
    return [int.from_bytes(data[at : at + _WORD]) for at in range(0, len(data), _WORD)]


def _bool(word: int) -> bool:
    if word > 1:
        raise InvalidAnswer("neither true nor false")
    return word == 1


def _address(word: int) -> Address:
    if word >> 160:
        raise InvalidAnswer("an address wider than 20 bytes")
    return Address(word.to_bytes(20))


def _encode(method: str, kinds: Sequence[str], values: Sequence[Any]) -> bytes:
    from eth_abi.abi import encode  # 0.3 s, needed only by those who ask or write

    data: bytes = encode(kinds, values)
    return selector(f"{method}({','.join(kinds)})") + data

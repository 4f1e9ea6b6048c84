"""The four status changes that an issuer can sign: their typed members, their JSON, their rules.

Rules:
  * What the contract would refuse whatever the chain says is refused here: entries outside the
    list, what undoes INVALID where that is final, what the right that is claimed does not cover.
  * Without an expected word or record a change must make everything it names INVALID, where that
    is final: repeating it does nothing. Any other one could be used twice.
  * The same word or key twice is a mistake, and refused.

Spec: docs/credential-status.md, "Messages".
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

from ethr_did.core.keys import Address, parse_address, to_checksum_address
from ethr_did.core.signed_message import Readers, list_reader, read_members, read_number
from ethr_did.core.status_calls import (
    NO_HEADER,
    Consent,
    Header,
    ListUpdate,
    Publication,
    WordUpdate,
    publish_by_sig_call,
    set_keys_by_sig_call,
    set_status_by_sig_call,
    update_lists_by_sig_call,
)
from ethr_did.core.status_changes import RecordUpdate
from ethr_did.core.status_fields import invalid, non_zero, places
from ethr_did.core.status_list import (
    ANY_WORD,
    INVALID,
    PAYLOAD_BITS,
    Authority,
    Flag,
    ListId,
    StatusRecord,
    StatusWord,
    parse_key,
    parse_list_id,
)
from ethr_did.errors import InvalidChange, InvalidFile

if TYPE_CHECKING:
    from ethr_did.core.status_batches import Batch

__all__ = [
    "MAX_PARTS",
    "SIGNED_CHANGES",
    "Publish",
    "SetKeys",
    "SetStatus",
    "SignedChange",
    "UpdateLists",
    "change_of",
]

MAX_PARTS = 4096
"""Most words or keys of a message: more than one transaction can change."""

_STATUSES = "CredentialStatusRegistry"
_ANCHORS = "StatusListAnchorRegistry"
_WORD = 32
_LARGEST_VALUE = 0xFF

Types = Mapping[str, list[dict[str, str]]]
"""Types of EIP-712, by name."""


def _type(*members: str) -> list[dict[str, str]]:
    pairs = (member.split() for member in members)
    return [{"name": name, "type": kind} for kind, name in pairs]


_CONSENT = ("address signer", "uint256 deadline")
_OF_LIST = ("address identity", "uint256 authority", "bytes32 listId")


@dataclass(frozen=True, slots=True, kw_only=True)
class SetStatus:
    """One entry of a list."""

    kind: ClassVar[str] = "SetStatus"
    contract_name: ClassVar[str] = _STATUSES
    types: ClassVar[Types] = {
        "SetStatus": _type(
            *_OF_LIST, "uint32 index", "uint8 value", "uint256 expectedWord", *_CONSENT
        )
    }

    identity: Address
    authority: Authority
    list_id: ListId
    index: int
    value: int
    expected_word: int
    """The word as it is stored before, or ``ANY_WORD``."""

    def __post_init__(self) -> None:
        """Raises ``InvalidInput`` for what the contract would refuse."""
        self.list_id.check_value(self.value)
        _check(_faults_of_list(self.as_update()))

    def as_update(self) -> ListUpdate:
        """The same change as a word of a list."""
        word, shift = self.list_id.position_of(self.index)
        top = (1 << self.list_id.bits) - 1
        update = WordUpdate(
            word=word,
            set=self.value << shift,
            clear=(top & ~self.value) << shift,
            expected=self.expected_word,
        )
        return ListUpdate(
            identity=self.identity,
            authority=self.authority,
            list_id=self.list_id,
            words=(update,),
        )

    def call(self, consent: Consent) -> bytes:
        """Calldata of ``setStatusBySig``."""
        return set_status_by_sig_call(
            self.identity,
            self.authority,
            self.list_id,
            self.index,
            self.value,
            expected_word=self.expected_word,
            consent=consent,
        )

    def members(self) -> dict[str, Any]:
        """The members of the typed message, without signer and deadline."""
        return {**self.to_dict(), "expectedWord": self.expected_word}

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "identity": to_checksum_address(self.identity),
            "authority": int(self.authority),
            "listId": self.list_id.text,
            "index": self.index,
            "value": self.value,
            "expectedWord": _hex_word(self.expected_word),
        }

    @classmethod
    def from_dict(cls, data: object) -> SetStatus:
        """The change in a JSON object; raises ``InvalidInput`` with all faults."""
        return cls(**read_members(data, _SET_STATUS))


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateLists:
    """Words of several lists, perhaps of several identities."""

    kind: ClassVar[str] = "UpdateLists"
    contract_name: ClassVar[str] = _STATUSES
    types: ClassVar[Types] = {
        "UpdateLists": _type("ListUpdate[] lists", *_CONSENT),
        "ListUpdate": _type(*_OF_LIST, "WordUpdate[] words"),
        "WordUpdate": _type("uint256 set", "uint256 clear", "uint256 expected"),
    }

    lists: tuple[ListUpdate, ...]

    def __post_init__(self) -> None:
        """Raises ``InvalidChange`` for what the contract would refuse."""
        _check(self._faults())

    def _faults(self) -> Iterator[str]:
        yield from _faults_of_count("word", sum(len(update.words) for update in self.lists))
        seen: set[tuple[Address, ListId, int]] = set()
        for update in self.lists:
            yield from _faults_of_list(update)
            if not update.words:
                yield f"list {update.list_id.text} has no word"
            for word in update.words:
                place = (update.identity, update.list_id, word.word)
                if place in seen:
                    yield f"word {word.word} of list {update.list_id.text} is there twice"
                seen.add(place)

    def call(self, consent: Consent) -> bytes:
        """Calldata of ``updateListsBySig``."""
        return update_lists_by_sig_call(self.lists, consent)

    def members(self) -> dict[str, Any]:
        """The members of the typed message, without signer and deadline."""
        names = ("set", "clear", "expected")
        return self._shaped(lambda word: dict(zip(names, word.struct, strict=True)))

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return self._shaped(_word_to_dict)

    def _shaped(self, shape: Any) -> dict[str, Any]:
        lists = [
            {
                "identity": to_checksum_address(update.identity),
                "authority": int(update.authority),
                "listId": update.list_id.text,
                "words": [shape(word) for word in update.words],
            }
            for update in self.lists
        ]
        return {"lists": lists}

    @classmethod
    def from_dict(cls, data: object) -> UpdateLists:
        """The change in a JSON object; raises ``InvalidInput`` with all faults."""
        return cls(**read_members(data, _UPDATE_LISTS))


@dataclass(frozen=True, slots=True, kw_only=True)
class SetKeys:
    """Records to one value."""

    kind: ClassVar[str] = "SetKeys"
    contract_name: ClassVar[str] = _STATUSES
    types: ClassVar[Types] = {
        "SetKeys": _type(
            "address identity",
            "uint256 authority",
            "uint8 value",
            "bytes32[] keys",
            "uint256[] expected",
            *_CONSENT,
        )
    }

    update: RecordUpdate

    def __post_init__(self) -> None:
        """Raises ``InvalidChange`` for what the contract would refuse."""
        _check(self._faults())

    def _faults(self) -> Iterator[str]:
        update = self.update
        yield from _faults_of_count("key", len(update.keys))
        if len(set(update.keys)) < len(update.keys):
            yield "a key is there twice"
        if any(len(key) != _WORD for key in update.keys):
            yield "a key has 32 bytes"
        if not 0 <= update.value <= _LARGEST_VALUE:
            yield f"status {update.value} does not fit into 8 bits"
        if update.authority is Authority.ONE_LIST:
            yield "a key for one list cannot change records"
        if update.authority is Authority.REVOCATION_ONLY and update.value != INVALID:
            yield f"a key for revocations may not write status {update.value}"
        yield from self._faults_of_expectations()

    def _faults_of_expectations(self) -> Iterator[str]:
        update = self.update
        if len(update.expected) not in (0, len(update.keys)):
            yield f"{len(update.keys)} keys, and {len(update.expected)} records expected"
        if update.value == INVALID:
            return
        if not update.expected:
            yield "only a revocation may leave out the records that it expects"
        for key, expected in zip(update.keys, update.expected, strict=False):
            if StatusRecord(expected).value == INVALID:
                yield f"record 0x{key.hex()} is INVALID, which is final"

    def call(self, consent: Consent) -> bytes:
        """Calldata of ``setKeysBySig``."""
        update = self.update
        return set_keys_by_sig_call(
            update.identity,
            update.authority,
            update.value,
            update.keys,
            update.expected,
            consent=consent,
        )

    def members(self) -> dict[str, Any]:
        """The members of the typed message, without signer and deadline."""
        return {**self.to_dict(), "expected": list(self.update.expected)}

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        return {
            "identity": to_checksum_address(self.update.identity),
            "authority": int(self.update.authority),
            "value": self.update.value,
            "keys": ["0x" + key.hex() for key in self.update.keys],
            "expected": [_hex_word(record) for record in self.update.expected],
        }

    @classmethod
    def from_dict(cls, data: object) -> SetKeys:
        """The change in a JSON object; raises ``InvalidInput`` with all faults."""
        return cls(update=RecordUpdate(**read_members(data, _SET_KEYS)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Publish:
    """The next version of an anchored list."""

    kind: ClassVar[str] = "Publish"
    contract_name: ClassVar[str] = _ANCHORS
    types: ClassVar[Types] = {
        "Publish": _type(
            *_OF_LIST,
            "bytes32 previousHead",
            "bytes32 contentDigest",
            "bytes32 bitmapRoot",
            "uint256 validUntil",
            *_CONSENT,
        )
    }

    publication: Publication

    def __post_init__(self) -> None:
        """Raises ``InvalidChange`` for what the contract would refuse."""
        _check(self._faults())

    def _faults(self) -> Iterator[str]:
        publication = self.publication
        yield from _faults_of_right(publication.list_id, publication.authority)
        if publication.authority is Authority.REVOCATION_ONLY:
            yield "a key for revocations may not publish lists"
        if not publication.list_id.is_anchored:
            yield f"{publication.list_id.text} is the id of a list on chain"
        if bytes(_WORD) in (publication.content_digest, publication.bitmap_root):
            yield "a digest or root of zeros stands for nothing"

    def call(self, consent: Consent) -> bytes:
        """Calldata of ``publishBySig``."""
        return publish_by_sig_call(self.publication, consent)

    def members(self) -> dict[str, Any]:
        """The members of the typed message, without signer and deadline."""
        members = self.to_dict()
        del members["previous"]
        return {**members, "previousHead": "0x" + self.publication.previous.head.hex()}

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON."""
        publication = self.publication
        return {
            "identity": to_checksum_address(publication.identity),
            "authority": int(publication.authority),
            "listId": publication.list_id.text,
            "previous": _header_to_dict(publication.previous),
            "contentDigest": "0x" + publication.content_digest.hex(),
            "bitmapRoot": "0x" + publication.bitmap_root.hex(),
            "validUntil": publication.valid_until,
        }

    @classmethod
    def from_dict(cls, data: object) -> Publish:
        """The change in a JSON object; raises ``InvalidInput`` with all faults."""
        return cls(publication=Publication(**read_members(data, _PUBLISH)))


SignedChange: TypeAlias = SetStatus | UpdateLists | SetKeys | Publish

SIGNED_CHANGES: Mapping[str, type[SignedChange]] = {
    kind.kind: kind for kind in (SetStatus, UpdateLists, SetKeys, Publish)
}
"""The changes by the name of their EIP-712 type."""


def change_of(batch: Batch) -> SignedChange:
    """What a transaction would do, as a change to sign: the plainest that does it."""
    if batch.records is not None:
        return SetKeys(update=batch.records)
    if batch.changes > 1:
        return UpdateLists(lists=batch.updates)
    (update,), (word,) = batch.updates, batch.updates[0].words
    bits = update.list_id.bits
    (place,) = places(non_zero(word.set | word.clear, bits), bits)
    return SetStatus(
        identity=update.identity,
        authority=update.authority,
        list_id=update.list_id,
        index=word.word * update.list_id.entries_per_word + place,
        value=word.set >> place * bits,
        expected_word=word.expected,
    )


# -- what the contracts refuse -------------------------------------------------------------------


def _check(faults: Iterable[str]) -> None:
    found = list(faults)
    if found:
        raise InvalidChange(
            "the contract would refuse this: " + "; ".join(found),
            hint="Make it again from what is on chain now.",
        )


def _faults_of_count(what: str, count: int) -> Iterator[str]:
    if count == 0:
        yield f"there is no {what}"
    if count > MAX_PARTS:
        yield f"{count} {what}s are more than {MAX_PARTS}"


def _faults_of_right(list_id: ListId, authority: Authority) -> Iterator[str]:
    if authority is not Authority.OWNER and Flag.OWNER_ONLY in list_id.flags:
        yield f"list {list_id.text} is the owner's alone"


def _faults_of_list(update: ListUpdate) -> Iterator[str]:
    if update.list_id.is_anchored:
        yield f"{update.list_id.text} is the id of a list kept off chain"
    yield from _faults_of_right(update.list_id, update.authority)
    for word in update.words:
        if fault := _fault_of_word(update, word):
            yield f"word {word.word}: {fault}"


def _fault_of_word(update: ListUpdate, word: WordUpdate) -> str:
    list_id = update.list_id
    left = min(list_id.capacity * list_id.bits - word.word * PAYLOAD_BITS, PAYLOAD_BITS)
    if left <= 0 or (word.set | word.clear) >> left:
        return f"not in a list of {list_id.capacity} entries"
    if word.expected == ANY_WORD:
        if list_id.is_terminal and _revokes_whole_entries(word, list_id.bits):
            return ""
        return "only final revocations may leave out the word that they expect"
    before = StatusWord(word.expected)
    if before.payload and not before.changed_block:
        return f"no word is ever 0x{word.expected:x}"
    return _fault_of_rules(update, word, before.payload)


def _revokes_whole_entries(word: WordUpdate, bits: int) -> bool:
    """Whether each entry that is named becomes INVALID, whatever it was."""
    touched = non_zero(word.set | word.clear, bits)
    return word.set == touched and word.set | word.clear == touched * ((1 << bits) - 1)


def _fault_of_rules(update: ListUpdate, word: WordUpdate, before: int) -> str:
    """The rules of list and right, on the word that is expected."""
    bits = update.list_id.bits
    after = before & ~word.clear | word.set
    wrong = non_zero(before ^ after, bits) & ~invalid(after, bits)
    first = word.word * update.list_id.entries_per_word
    if update.list_id.is_terminal:
        for place in places(invalid(before, bits) & wrong, bits):
            return f"entry {first + place} is INVALID, which is final in this list"
    if update.authority is Authority.REVOCATION_ONLY:
        for place in places(wrong, bits):
            return f"a key for revocations can make entry {first + place} INVALID only"
    return ""


# -- JSON ----------------------------------------------------------------------------------------


def _hex_word(word: int) -> str:
    return f"0x{word:064x}"


def _word_to_dict(word: WordUpdate) -> dict[str, Any]:
    return {
        "word": word.word,
        "set": _hex_word(word.set),
        "clear": _hex_word(word.clear),
        "expected": _hex_word(word.expected),
    }


def _header_to_dict(header: Header) -> dict[str, Any] | None:
    if header == NO_HEADER:
        return None
    return {
        "contentDigest": "0x" + header.content_digest.hex(),
        "bitmapRoot": "0x" + header.bitmap_root.hex(),
        "version": header.version,
        "publishedAt": header.published_at,
        "validUntil": header.valid_until,
        "blockNumber": header.block_number,
    }


def _read_word(value: object) -> int:
    return int.from_bytes(parse_key(value))


def _read_authority(value: object) -> Authority:
    number = read_number(value)
    if number not in list(Authority):
        raise InvalidFile(f"no authority has the number {number}")
    return Authority(number)


def _read_update(data: object) -> WordUpdate:
    return WordUpdate(**read_members(data, _UPDATE))


def _read_list(data: object) -> ListUpdate:
    return ListUpdate(**read_members(data, _LIST))


def _read_header(data: object) -> Header:
    return NO_HEADER if data is None else Header(**read_members(data, _HEADER))


_UPDATE: Readers = {
    "word": ("word", read_number),
    "set": ("set", _read_word),
    "clear": ("clear", _read_word),
    "expected": ("expected", _read_word),
}
_HEADER: Readers = {
    "contentDigest": ("content_digest", parse_key),
    "bitmapRoot": ("bitmap_root", parse_key),
    "version": ("version", read_number),
    "publishedAt": ("published_at", read_number),
    "validUntil": ("valid_until", read_number),
    "blockNumber": ("block_number", read_number),
}
_RIGHT: Readers = {
    "identity": ("identity", parse_address),
    "authority": ("authority", _read_authority),
}
_LISTED: Readers = {**_RIGHT, "listId": ("list_id", parse_list_id)}
_LIST: Readers = {**_LISTED, "words": ("words", list_reader(_read_update, limit=MAX_PARTS))}
_SET_STATUS: Readers = {
    **_LISTED,
    "index": ("index", read_number),
    "value": ("value", read_number),
    "expectedWord": ("expected_word", _read_word),
}
_UPDATE_LISTS: Readers = {"lists": ("lists", list_reader(_read_list, limit=MAX_PARTS))}
_SET_KEYS: Readers = {
    **_RIGHT,
    "value": ("value", read_number),
    "keys": ("keys", list_reader(parse_key, limit=MAX_PARTS)),
    "expected": ("expected", list_reader(_read_word, limit=MAX_PARTS)),
}
_PUBLISH: Readers = {
    **_LISTED,
    "previous": ("previous", _read_header),
    "contentDigest": ("content_digest", parse_key),
    "bitmapRoot": ("bitmap_root", parse_key),
    "validUntil": ("valid_until", read_number),
}

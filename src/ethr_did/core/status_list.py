"""Status lists on chain: what a list id says, how words and records are read, who may write.

Rules:
  * The id of a list holds its rules: purpose, bits per entry, flags, capacity. Bits that have no
    meaning are zero; an id that breaks this is none.
  * A word holds 208 bits of statuses, entry 0 in the least significant ones, and above them the
    number of the block of its last change. Zero: never written.
  * An index is written in decimal digits without sign, exponent, space or leading zero.
  * In a list with one bit per entry 1 means what the purpose says; in wider ones the values are
    those of the IETF: 0 valid, 1 invalid, 2 suspended, others are the issuer's.

Spec: docs/credential-status.md.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import IntEnum, IntFlag
from typing import Final, Self

from eth_hash.auto import keccak

from ethr_did.errors import InvalidStatusEntry, InvalidStatusList, shown

__all__ = [
    "ALL_LISTS",
    "ANY_WORD",
    "INVALID",
    "MAX_CAPACITY_LOG",
    "PAYLOAD_BITS",
    "REVOCATION_ONLY",
    "SUSPENDED",
    "VALID",
    "Authority",
    "Flag",
    "ListId",
    "Purpose",
    "StatusRecord",
    "StatusWord",
    "delegate_type_of",
    "delegate_type_of_list",
    "parse_index",
    "parse_key",
    "parse_list_id",
    "record_slot",
    "status_key",
    "word_slot",
]

VALID: Final = 0
INVALID: Final = 1
SUSPENDED: Final = 2

PAYLOAD_BITS: Final = 208
"""Bits of a word that hold statuses."""

ANY_WORD: Final = 1
"""In place of an expected word: whatever there is. No word is ever 1."""

MAX_CAPACITY_LOG: Final = 31

ALL_LISTS: Final = b"credStatus".ljust(32, b"\0")
"""ERC-1056 delegate type: may write all lists and records."""

REVOCATION_ONLY: Final = b"credRevoke".ljust(32, b"\0")
"""ERC-1056 delegate type: may make entries and records INVALID, nothing else."""

_LAYOUT = 1
_ID_LENGTH = 32
_RANDOM_LENGTH = 27
_MAX_BITS_LOG = 3
_KEY_TAG = b"ethr-did/status-key/1".ljust(32, b"\0")
_PAYLOAD = (1 << PAYLOAD_BITS) - 1
_HEX_WORD = re.compile(r"0x[0-9a-fA-F]{64}")
_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")


class Purpose(IntEnum):
    """What a list is for; byte 1 of its id."""

    REVOCATION = 0
    SUSPENSION = 1
    REFRESH = 2
    MESSAGE = 3
    LIFECYCLE = 4
    """Valid, revoked, suspended and more in one entry, with the values of the IETF."""

    @property
    def text(self) -> str:
        """The ``statusPurpose`` of credentials."""
        return self.name.lower()

    @classmethod
    def parse(cls, text: object) -> Self:
        """The purpose of that name.

        Raises:
            InvalidStatusEntry: there is none.
        """
        for purpose in cls:
            if purpose.text == text:
                return purpose
        raise InvalidStatusEntry(
            f"not a status purpose: {shown(text)}",
            hint=f"Known: {', '.join(purpose.text for purpose in cls)}.",
        )


class Flag(IntFlag):
    """Rules of a list; byte 3 of its id."""

    TERMINAL = 1
    """An entry that is INVALID stays INVALID."""
    OWNER_ONLY = 2
    """Delegates have no right here."""
    ANCHORED = 4
    """Kept off chain; the chain holds a commitment to it."""
    LSB_FIRST = 8
    """Entry 0 in the least significant bits (IETF); anchored lists only."""


class Authority(IntEnum):
    """The right that a writer claims."""

    OWNER = 0
    ALL_LISTS = 1
    REVOCATION_ONLY = 2
    ONE_LIST = 3


@dataclass(frozen=True, slots=True, order=True)
class ListId:
    """The id of a list, and with it the list's rules.

    Example:
        >>> made = ListId.build(purpose=Purpose.LIFECYCLE, bits=2, capacity=2**17, random=bytes(27))
        >>> made.bits, made.capacity, made.entries_per_word, made.word_count
        (2, 131072, 104, 1261)
    """

    value: bytes
    """32 bytes."""

    def __post_init__(self) -> None:
        """Raises ``InvalidStatusList`` unless every byte has a meaning."""
        fault = _fault_of_id(self.value)
        if fault:
            raise InvalidStatusList(
                f"not a list id: {shown('0x' + self.value.hex())}: {fault}",
                hint="Copy the whole listId of the credential, or make one with "
                "`ethr-did status list new`.",
            )

    @classmethod
    def build(
        cls,
        *,
        purpose: Purpose,
        bits: int,
        capacity: int,
        random: bytes,
        flags: Flag = Flag(0),  # noqa: B008  # immutable
    ) -> Self:
        """The id of a new list.

        Args:
            purpose: what it is for.
            bits: for each entry: 1, 2, 4 or 8.
            capacity: entries; a power of two up to 2^31.
            random: 27 bytes that nobody used before.
            flags: further rules.

        Raises:
            InvalidStatusList: a value is out of its range.
        """
        if bits not in (1, 2, 4, 8):
            raise InvalidStatusList(f"an entry has 1, 2, 4 or 8 bits, not {shown(bits)}")
        if capacity < 1 or capacity & (capacity - 1) or capacity > 1 << MAX_CAPACITY_LOG:
            raise InvalidStatusList(
                f"a list's capacity is a power of two up to 2^31, not {shown(capacity)}",
                hint="131072 is the least that hides one holder among many.",
            )
        if len(random) != _RANDOM_LENGTH:
            raise InvalidStatusList(f"a list id needs 27 random bytes, not {len(random)}")
        rules = [_LAYOUT, purpose, bits.bit_length() - 1, int(flags), capacity.bit_length() - 1]
        return cls(bytes(rules) + random)

    @property
    def text(self) -> str:
        """``0x`` and 64 digits."""
        return "0x" + self.value.hex()

    @property
    def purpose(self) -> Purpose:
        """What the list is for."""
        return Purpose(self.value[1])

    @property
    def bits(self) -> int:
        """Bits of an entry."""
        return 1 << self.value[2]

    @property
    def flags(self) -> Flag:
        """Further rules."""
        return Flag(self.value[3])

    @property
    def capacity(self) -> int:
        """Entries."""
        return 1 << self.value[4]

    @property
    def is_terminal(self) -> bool:
        """Whether INVALID is final."""
        return Flag.TERMINAL in self.flags

    @property
    def is_anchored(self) -> bool:
        """Whether the list is kept off chain."""
        return Flag.ANCHORED in self.flags

    @property
    def entries_per_word(self) -> int:
        """Entries of a word on chain."""
        return PAYLOAD_BITS // self.bits

    @property
    def word_count(self) -> int:
        """Words on chain that hold the whole list."""
        return -(-self.capacity // self.entries_per_word)

    @property
    def leaf_count(self) -> int:
        """Leaves of the tree over an anchored list."""
        return max(1, self.capacity * self.bits // 256)

    def position_of(self, index: int) -> tuple[int, int]:
        """The word that holds an entry, and the entry's place in it, counted in bits.

        Raises:
            InvalidStatusEntry: the list has no such entry.
        """
        self.check_index(index)
        word, place = divmod(index, self.entries_per_word)
        return word, place * self.bits

    def check_index(self, index: int) -> None:
        """Raises ``InvalidStatusEntry`` unless the list has that entry."""
        if not 0 <= index < self.capacity:
            raise InvalidStatusEntry(
                f"index {index} is not in a list of {self.capacity} entries", index=index
            )

    def check_value(self, value: int) -> None:
        """Raises ``InvalidStatusEntry`` unless an entry can hold that value."""
        if not 0 <= value < 1 << self.bits:
            raise InvalidStatusEntry(
                f"status {value} does not fit into {self.bits} bit{'s' * (self.bits > 1)}",
                hint="A list with more bits for each entry holds it.",
                value=value,
                bits=self.bits,
            )


def _fault_of_id(value: bytes) -> str:
    if len(value) != _ID_LENGTH:
        return f"it has {len(value)} bytes, not 32"
    layout, purpose, bits_log, flags, capacity_log = value[:5]
    order_without_anchor = Flag.LSB_FIRST in Flag(flags) and Flag.ANCHORED not in Flag(flags)
    faults = {
        f"layout {layout} is not known": layout != _LAYOUT,
        f"purpose {purpose} is not known": purpose > max(Purpose),
        f"2^{bits_log} bits for each entry are too many": bits_log > _MAX_BITS_LOG,
        f"flags {flags} are not known": flags > sum(Flag),
        f"2^{capacity_log} entries are too many": capacity_log > MAX_CAPACITY_LOG,
        "only anchored lists have a bit order of their own": order_without_anchor,
    }
    return "; ".join(fault for fault, applies in faults.items() if applies)


def parse_list_id(text: object) -> ListId:
    """The list id in a text.

    Raises:
        InvalidStatusList: it is none.
    """
    if not isinstance(text, str) or not _HEX_WORD.fullmatch(text):
        raise InvalidStatusList(
            f"not a list id: {shown(text)}", hint="It is 0x and 64 hexadecimal digits."
        )
    return ListId(bytes.fromhex(text[2:]))


def parse_key(text: object) -> bytes:
    """The 32 bytes that name a record.

    Raises:
        InvalidStatusEntry: they are not there.
    """
    if not isinstance(text, str) or not _HEX_WORD.fullmatch(text):
        raise InvalidStatusEntry(
            f"not 32 bytes: {shown(text)}", hint="It is 0x and 64 hexadecimal digits."
        )
    return bytes.fromhex(text[2:])


def parse_index(text: object) -> int:
    """The index in a text of plain decimal digits.

    Lenient readers take ``1e3``, ``01`` or ``94567abc`` for a number, and then for different ones.

    Raises:
        InvalidStatusEntry: it is written in any other way.

    Example:
        >>> parse_index("94567")
        94567
    """
    if not isinstance(text, str) or not _INDEX.fullmatch(text):
        raise InvalidStatusEntry(
            f"not an index: {shown(text)}",
            hint='Plain decimal digits without a leading zero, in quotes: "94567".',
        )
    return int(text)


@dataclass(frozen=True, slots=True)
class StatusWord:
    """A word as the chain stores it.

    Example:
        >>> word = StatusWord((7 << 208) | 0b100)
        >>> word.value_at(2, bits=1), word.changed_block
        (1, 7)
    """

    stored: int

    @property
    def payload(self) -> int:
        """The statuses."""
        return self.stored & _PAYLOAD

    @property
    def changed_block(self) -> int:
        """Block of the last change; 0: never."""
        return self.stored >> PAYLOAD_BITS

    def value_at(self, shift: int, *, bits: int) -> int:
        """The entry that begins at a bit."""
        return self.payload >> shift & ((1 << bits) - 1)


@dataclass(frozen=True, slots=True)
class StatusRecord:
    """The record of one credential as the chain stores it."""

    stored: int

    @property
    def value(self) -> int:
        """The status."""
        return self.stored & 0xFF

    @property
    def changed_at(self) -> int:
        """Unix seconds of the last change; 0: never."""
        return self.stored >> 8 & (1 << 40) - 1

    @property
    def changed_block(self) -> int:
        """Its block; 0: never."""
        return self.stored >> 48 & (1 << 48) - 1

    @property
    def previous_block(self) -> int:
        """Block of the change before; 0: none."""
        return self.stored >> 96 & (1 << 48) - 1


def status_key(salt: bytes, digest: bytes) -> bytes:
    """The key of a credential's record.

    Args:
        salt: 32 random bytes, kept in the credential; without them the key says nothing.
        digest: 32 bytes over what the credential says, never over its signature: a signature
            has more than one form, and the second one would be another key.
    """
    if len(salt) != _ID_LENGTH or len(digest) != _ID_LENGTH:
        raise InvalidStatusEntry(
            f"salt and digest have 32 bytes, not {len(salt)} and {len(digest)}"
        )
    return keccak(_KEY_TAG + salt + digest)


def delegate_type_of_list(list_id: ListId) -> bytes:
    """The ERC-1056 delegate type that may write one list, 32 bytes."""
    return keccak(ALL_LISTS + list_id.value)


def delegate_type_of(authority: Authority, list_id: ListId | None = None) -> bytes:
    """The ERC-1056 delegate type behind an authority.

    Raises:
        InvalidStatusEntry: the owner is no delegate; one list is not named.
    """
    match authority:
        case Authority.ALL_LISTS:
            return ALL_LISTS
        case Authority.REVOCATION_ONLY:
            return REVOCATION_ONLY
        case Authority.ONE_LIST if list_id is not None:
            return delegate_type_of_list(list_id)
        case _:
            raise InvalidStatusEntry(f"no delegate type belongs to {authority.name.lower()}")


def word_slot(identity: bytes, list_id: ListId, word: int = 0) -> int:
    """Where a word, or the head of an anchored list, is stored; for storage proofs (EIP-1186)."""
    first = int.from_bytes(keccak(identity.rjust(32, b"\0") + list_id.value))
    return (first + word) % 2**256


def record_slot(identity: bytes, key: bytes) -> int:
    """Where a record is stored; for storage proofs (EIP-1186)."""
    return int.from_bytes(keccak(identity + key))

"""Status bitstrings: many small statuses packed into bytes, and their W3C and IETF encodings.

Rules:
  * W3C (Bitstring Status List 1.0): entry 0 in the most significant bits of byte 0, GZIP, then
    multibase ``u``: base64url without padding. At least 131,072 entries.
  * StatusList2021, its predecessor: one bit for each entry, GZIP, base64 of either alphabet, with
    or without padding. Read, never written.
  * IETF (Token Status List, draft 21, section 4): entry 0 in the least significant bits of byte 0,
    ZLIB, base64url without padding. 1, 2, 4 or 8 bits for each entry; W3C lists may have others,
    which are not read here.
  * Within a byte the two orders mirror each other, and nothing in the bytes says which was meant:
    the format decides. Read in the wrong order, an index gives somebody else's status.
  * An entry is a whole number, most significant bit first, in either order.
  * A list from outside costs no more than it may hold: the text is measured before it is decoded,
    and decompression ends one byte behind the length allowed. It is one stream, whole, with the
    right checksum, and nothing follows it.
"""

from __future__ import annotations

import functools
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final, Self

from ethr_did.core.base64url import decode_base64url, encode_base64url
from ethr_did.core.status_list import PAYLOAD_BITS
from ethr_did.errors import InvalidInput, InvalidStatusEntry, InvalidStatusList, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "MAX_LIST_BYTES",
    "MIN_W3C_ENTRIES",
    "BitOrder",
    "Bitstring",
    "decode_2021",
    "decode_ietf",
    "decode_w3c",
    "encode_ietf",
    "encode_w3c",
    "ietf_from_dict",
    "ietf_to_dict",
]

MIN_W3C_ENTRIES: Final = 131_072
"""Bitstring Status List 1.0, section 3.2: enough that one holder is hidden among many."""

MAX_LIST_BYTES: Final = 16 * 1024 * 1024
"""How much a list may hold unless the reader says otherwise: 2^27 entries of one bit."""

_WIDTHS = (1, 2, 4, 8)
_WORD_BYTES = PAYLOAD_BITS // 8
_GZIP_HEADER = bytes.fromhex("1f8b08000000000000" + "03")
"""RFC 1952: deflate, no flags, no time, no hint, Unix. Written here, because libraries put the time
and their platform into it."""
_GZIP, _ZLIB, _DEFLATE = 31, 15, -15
"""What zlib calls ``wbits``."""
_LEVEL = 9
_MULTIBASE = "u"
_URL_SAFE = str.maketrans("+/", "-_")


class BitOrder(StrEnum):
    """Where in a byte its first entry is."""

    MSB_FIRST = "msb-first"
    """In the most significant bits: W3C."""
    LSB_FIRST = "lsb-first"
    """In the least significant bits: IETF."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bitstring:
    """Statuses, packed; its length is the number of entries.

    It is made of whole bytes: where a capacity does not fill the last one, the entries behind it
    are there and are 0.

    Example:
        >>> one = Bitstring.of_values({1: 1}, bits=1, capacity=16, order=BitOrder.MSB_FIRST)
        >>> one.data.hex(), one.in_order(BitOrder.LSB_FIRST).data.hex()
        ('4000', '0200')
        >>> len(one), one.value_at(1), one.replaced({1: 0, 2: 1}).values().hex()
        (16, 1, '00000100000000000000000000000000')
    """

    data: bytes = field(repr=False)
    """The uncompressed list."""
    bits: int
    """Of each entry: 1, 2, 4 or 8."""
    order: BitOrder
    """Of the entries within a byte."""

    def __post_init__(self) -> None:
        _check_bits(self.bits)

    def __len__(self) -> int:
        return len(self.data) * 8 // self.bits

    @classmethod
    def empty(cls, capacity: int, *, bits: int, order: BitOrder) -> Self:
        """A list of that many zeros."""
        return cls(data=bytes(_size_of(capacity, bits)), bits=bits, order=order)

    @classmethod
    def of_values(
        cls, values: Mapping[int, int] | bytes, *, bits: int, capacity: int, order: BitOrder
    ) -> Self:
        """A list with those statuses, and zeros elsewhere.

        Args:
            values: by index, or one byte for each entry from the first on.
            bits: of each entry.
            capacity: entries of the list.
            order: of the entries within a byte.

        Raises:
            InvalidStatusEntry: an index is behind the end, or a value does not fit.
            InvalidStatusList: there are no such lists.
        """
        if isinstance(values, Mapping):
            _check_values(values, entries=capacity, bits=bits)
            return cls.empty(capacity, bits=bits, order=order).replaced(values)
        return cls(data=_pack(values, bits, capacity, order), bits=bits, order=order)

    @classmethod
    def of_words(cls, words: Sequence[int], *, bits: int, capacity: int, order: BitOrder) -> Self:
        """The list that the status registry keeps in those words.

        Args:
            words: all of them, as they are stored; the block numbers in them do not matter.
            bits: of each entry.
            capacity: entries of the list; what the last word holds beyond them is cut off.
            order: the one wanted.

        Raises:
            InvalidStatusList: there are more or fewer words than the list has.

        Spec: docs/credential-status.md, "Words".
        """
        size = _size_of(capacity, bits)
        expected = -(-capacity * bits // PAYLOAD_BITS)
        if len(words) != expected:
            raise InvalidStatusList(
                f"a list of {capacity} entries of {bits} bits has {expected} words,"
                f" not {len(words)}",
                expected=expected,
                actual=len(words),
            )
        mask = (1 << PAYLOAD_BITS) - 1
        joined = b"".join((word & mask).to_bytes(_WORD_BYTES, "little") for word in words)
        statuses = int.from_bytes(joined, "little") & ((1 << capacity * bits) - 1)
        data = statuses.to_bytes(size, "little")
        return cls(data=data, bits=bits, order=BitOrder.LSB_FIRST).in_order(order)

    def value_at(self, index: int) -> int:
        """One entry.

        Raises:
            InvalidStatusEntry: the list has no such entry.
        """
        _check_index(index, len(self))
        byte, place = divmod(index, 8 // self.bits)
        return self.data[byte] >> _shifts(self.bits, self.order)[place] & ((1 << self.bits) - 1)

    def values(self) -> bytes:
        """All entries, one byte for each."""
        spread = bytearray(len(self))
        for place, table in enumerate(_unpacking(self.bits, self.order)):
            spread[place :: 8 // self.bits] = self.data.translate(table)
        return bytes(spread)

    def replaced(self, changes: Mapping[int, int]) -> Self:
        """The list with those entries changed.

        Args:
            changes: new values by index.

        Raises:
            InvalidStatusEntry: an index is behind the end, or a value does not fit.
        """
        _check_values(changes, entries=len(self), bits=self.bits)
        per_byte, mask = 8 // self.bits, (1 << self.bits) - 1
        shifts = _shifts(self.bits, self.order)
        data = bytearray(self.data)
        for index, value in changes.items():
            byte, place = divmod(index, per_byte)
            shift = shifts[place]
            data[byte] = data[byte] & ~(mask << shift) | value << shift
        return replace(self, data=bytes(data))

    def in_order(self, order: BitOrder) -> Self:
        """The same statuses, packed in that order."""
        if order == self.order:
            return self
        return replace(self, data=self.data.translate(_mirror(self.bits)), order=order)


# -- packing -------------------------------------------------------------------------------------


def _check_bits(bits: int) -> None:
    if bits not in _WIDTHS:
        raise InvalidStatusList(f"an entry has 1, 2, 4 or 8 bits, not {shown(bits)}", bits=bits)


def _size_of(capacity: int, bits: int) -> int:
    """Bytes of a list."""
    _check_bits(bits)
    if capacity < 1:
        raise InvalidStatusList(f"a list has one entry or more, not {capacity}", capacity=capacity)
    return -(-capacity * bits // 8)


def _check_index(index: int, entries: int) -> None:
    if not 0 <= index < entries:
        raise InvalidStatusEntry(
            f"index {index} is not in a list of {entries} entries", index=index, entries=entries
        )


def _check_values(values: Mapping[int, int], *, entries: int, bits: int) -> None:
    limit = 1 << bits
    for index, value in values.items():
        if not 0 <= index < entries:
            _check_index(index, entries)
        if not 0 <= value < limit:
            raise _does_not_fit(index, value, bits)


def _does_not_fit(index: int, value: int, bits: int) -> InvalidStatusEntry:
    return InvalidStatusEntry(
        f"status {value} of entry {index} does not fit into {bits} bit{'s' * (bits > 1)}",
        hint="A list with more bits for each entry holds it.",
        index=index,
        value=value,
        bits=bits,
    )


def _pack(values: bytes, bits: int, capacity: int, order: BitOrder) -> bytes:
    size = _size_of(capacity, bits)
    if len(values) > capacity:
        _check_index(len(values) - 1, capacity)
    foreign = values.translate(None, delete=bytes(range(1 << bits)))
    if foreign:
        raise _does_not_fit(values.index(foreign[:1]), foreign[0], bits)
    per_byte = 8 // bits
    spread = values.ljust(size * per_byte, b"\0")
    packed = 0
    for place, table in enumerate(_packing(bits, order)):
        packed |= int.from_bytes(spread[place::per_byte].translate(table))
    return packed.to_bytes(size)


@functools.cache
def _shifts(bits: int, order: BitOrder) -> tuple[int, ...]:
    """How far to the left each entry of a byte stands."""
    upward = range(0, 8, bits)
    return tuple(upward if order is BitOrder.LSB_FIRST else reversed(upward))


@functools.cache
def _unpacking(bits: int, order: BitOrder) -> tuple[bytes, ...]:
    """For each entry of a byte: a table from byte to entry."""
    mask = (1 << bits) - 1
    return tuple(
        bytes(byte >> shift & mask for byte in range(256)) for shift in _shifts(bits, order)
    )


@functools.cache
def _packing(bits: int, order: BitOrder) -> tuple[bytes, ...]:
    """For each entry of a byte: a table from entry to byte."""
    return tuple(
        bytes(value << shift & 0xFF for value in range(256)) for shift in _shifts(bits, order)
    )


@functools.cache
def _mirror(bits: int) -> bytes:
    """A table from byte to the byte with its entries in the other order."""
    mask = (1 << bits) - 1
    pairs = list(
        zip(_shifts(bits, BitOrder.LSB_FIRST), _shifts(bits, BitOrder.MSB_FIRST), strict=True)
    )
    return bytes(
        sum((byte >> here & mask) << there for here, there in pairs) for byte in range(256)
    )


# -- W3C -----------------------------------------------------------------------------------------


def encode_w3c(bitstring: Bitstring) -> str:
    """The ``encodedList`` of a W3C list, whichever order the bitstring has.

    Spec: Bitstring Status List 1.0, section 3.3.
    """
    data = bitstring.in_order(BitOrder.MSB_FIRST).data
    deflater = zlib.compressobj(_LEVEL, zlib.DEFLATED, _DEFLATE)
    packed = _GZIP_HEADER + deflater.compress(data) + deflater.flush()
    trailer = zlib.crc32(data).to_bytes(4, "little") + (len(data) % 2**32).to_bytes(4, "little")
    return _MULTIBASE + encode_base64url(packed + trailer)


def decode_w3c(
    text: object,
    *,
    bits: int,
    entries: int | None = None,
    least: int = MIN_W3C_ENTRIES,
    most: int = MAX_LIST_BYTES,
) -> Bitstring:
    """The list in an ``encodedList``.

    Args:
        text: as it is in the credential.
        bits: of each entry, the ``statusSize``.
        entries: of the list, where they are known; the list then has exactly as many.
        least: entries it has at least.
        most: bytes that it may hold.

    Raises:
        InvalidStatusList: it is none, is broken, too short or too long.

    Spec: Bitstring Status List 1.0, sections 3.2 and 3.4.

    Example:
        >>> text = "uH4sIAAAAAAAAA-3BMQEAAADCoPVPbQwfoAAAAAAAAAAAAAAAAAAAAIC3AYbSVKsAQAAA"
        >>> len(decode_w3c(text, bits=1))
        131072
    """
    if not isinstance(text, str) or not text.startswith(_MULTIBASE):
        raise InvalidStatusList(
            f"a W3C list is text that begins with u, not {shown(text)}",
            hint="u is multibase for base64url without padding. A list without it is a"
            " StatusList2021, and its credential says so.",
        )
    found = _decode(text[1:], _GZIP, bits=bits, entries=entries, most=most)
    return _long_enough(Bitstring(data=found, bits=bits, order=BitOrder.MSB_FIRST), least)


def decode_2021(
    text: object,
    *,
    order: BitOrder = BitOrder.MSB_FIRST,
    entries: int | None = None,
    least: int = MIN_W3C_ENTRIES,
    most: int = MAX_LIST_BYTES,
) -> Bitstring:
    """The list in the ``encodedList`` of a StatusList2021 credential: one bit for each entry.

    Args:
        text: as it is in the credential.
        order: the specification became clear late; early issuers wrote the other order.
        entries: of the list, where they are known; the list then has exactly as many.
        least: entries it has at least.
        most: bytes that it may hold.

    Raises:
        InvalidStatusList: it is none, is broken, too short or too long.
    """
    if not isinstance(text, str):
        raise InvalidStatusList(f"a status list is text, not {shown(text)}")
    padded = text.translate(_URL_SAFE)
    bare = padded.rstrip("=")
    if padded not in (bare, bare + "=" * (-len(bare) % 4)):
        raise InvalidStatusList(f"the padding of the list is wrong: {shown(text[-8:])}")
    found = _decode(bare, _GZIP, bits=1, entries=entries, most=most)
    return _long_enough(Bitstring(data=found, bits=1, order=order), least)


def _long_enough(bitstring: Bitstring, least: int) -> Bitstring:
    if len(bitstring) < least:
        raise InvalidStatusList(
            f"the list has {len(bitstring)} entries, and must have at least {least}",
            hint="Among fewer entries a holder is easily told from the others.",
            entries=len(bitstring),
            least=least,
        )
    return bitstring


# -- IETF ----------------------------------------------------------------------------------------


def encode_ietf(bitstring: Bitstring) -> str:
    """The ``lst`` of an IETF list, whichever order the bitstring has.

    Spec: Token Status List, draft 21, section 4.2.

    Example:
        >>> two = Bitstring(data=bytes.fromhex("b9a3"), bits=1, order=BitOrder.LSB_FIRST)
        >>> encode_ietf(two)
        'eNrbuRgAAhcBXQ'
    """
    return encode_base64url(zlib.compress(bitstring.in_order(BitOrder.LSB_FIRST).data, _LEVEL))


def decode_ietf(
    text: object, *, bits: int, entries: int | None = None, most: int = MAX_LIST_BYTES
) -> Bitstring:
    """The list in a ``lst``. There is no least number of entries.

    Args:
        text: as it is in the token.
        bits: of each entry.
        entries: of the list, where they are known; the list then has exactly as many.
        most: bytes that it may hold.

    Raises:
        InvalidStatusList: it is none, is broken, too short or too long.

    Spec: Token Status List, draft 21, section 4.2.
    """
    if not isinstance(text, str):
        raise InvalidStatusList(f"a status list is text, not {shown(text)}")
    found = _decode(text, _ZLIB, bits=bits, entries=entries, most=most)
    return Bitstring(data=found, bits=bits, order=BitOrder.LSB_FIRST)


def ietf_to_dict(bitstring: Bitstring) -> dict[str, Any]:
    """The ``status_list`` object of a Status List Token."""
    return {"bits": bitstring.bits, "lst": encode_ietf(bitstring)}


def ietf_from_dict(
    data: object, *, entries: int | None = None, most: int = MAX_LIST_BYTES
) -> Bitstring:
    """The list in the ``status_list`` object of a Status List Token; other members are ignored.

    Raises:
        InvalidStatusList: it is none, is broken, too short or too long.
    """
    if not isinstance(data, Mapping) or not {"bits", "lst"} <= set(data):
        raise InvalidStatusList(
            f"not a status_list: {shown(data)}", hint='It is an object with "bits" and "lst".'
        )
    bits = data["bits"]
    if type(bits) is not int:  # True is no width, nor is 1.0
        raise InvalidStatusList(f"status_list.bits is a number, not {shown(bits)}")
    return decode_ietf(data["lst"], bits=bits, entries=entries, most=most)


# -- reading what others wrote -------------------------------------------------------------------


def _decode(text: str, form: int, *, bits: int, entries: int | None, most: int) -> bytes:
    """The uncompressed list."""
    _check_bits(bits)
    room = most if entries is None else _size_of(entries, bits)
    if room > most:
        raise InvalidStatusList(
            f"a list of {entries} entries has {room} bytes, more than the {most} allowed",
            hint="Raise the limit if you trust its issuer with that much memory.",
            expected=room,
            most=most,
        )
    data = _inflate(_from_base64url(text, _longest_text(room)), form, room)
    if entries is not None and len(data) != room:
        raise InvalidStatusList(
            f"the list has {len(data)} bytes, and with {entries} entries must have {room}",
            expected=room,
            actual=len(data),
        )
    return data


def _longest_text(room: int) -> int:
    """Characters that a list of that many bytes can have, compressed as badly as may be.

    The clumsiest encoder, with the fixed codes of deflate, needs nine bits for a byte; the rest is
    for headers.
    """
    return (room * 9 // 8 + 1024) * 4 // 3


def _from_base64url(text: str, longest: int) -> bytes:
    if len(text) > longest:
        raise InvalidStatusList(
            f"the list has {len(text)} characters, more than the {longest} it can need",
            actual=len(text),
            most=longest,
        )
    try:
        return decode_base64url(text)
    except InvalidInput as cause:
        raise InvalidStatusList(
            f"the list is not base64url without padding: {shown(text, 60)}",
            hint="Only letters, digits, - and _, without spaces, line ends or = signs.",
        ) from cause


def _inflate(packed: bytes, form: int, room: int) -> bytes:
    inflater = zlib.decompressobj(form)
    try:
        data = inflater.decompress(packed, room + 1)
    except zlib.error as cause:
        raise InvalidStatusList(f"the list cannot be decompressed: {cause}") from cause
    if len(data) > room:
        raise InvalidStatusList(f"the list holds more than the {room} bytes allowed", most=room)
    if not inflater.eof:
        raise InvalidStatusList(
            f"the compressed list ends too early, after {len(packed)} bytes", actual=len(packed)
        )
    if inflater.unused_data:
        raise InvalidStatusList(
            f"{len(inflater.unused_data)} bytes follow the compressed list",
            hint="It is one stream and nothing else.",
            actual=len(inflater.unused_data),
        )
    return data

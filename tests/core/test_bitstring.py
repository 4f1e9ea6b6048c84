"""Status bitstrings: packing, both orders, the W3C and IETF encodings, and lists nobody should send."""

from __future__ import annotations

import base64
import gzip
import json
import tracemalloc
import zlib
from typing import TYPE_CHECKING, Any, Self

import pytest

from ethr_did.core.bitstring import (
    MAX_LIST_BYTES,
    MIN_W3C_ENTRIES,
    BitOrder,
    Bitstring,
    decode_2021,
    decode_ietf,
    decode_w3c,
    encode_ietf,
    encode_w3c,
    ietf_from_dict,
    ietf_to_dict,
)
from ethr_did.errors import InvalidStatusEntry, InvalidStatusList
from support.vectors import load_vectors, vectors

if TYPE_CHECKING:
    from collections.abc import Callable

MSB, LSB = BitOrder.MSB_FIRST, BitOrder.LSB_FIRST
MIB = 1024 * 1024
LISTS = load_vectors("status_lists")
every_width = pytest.mark.parametrize("bits", [1, 2, 4, 8])
every_order = pytest.mark.parametrize("order", list(BitOrder))


def decode(kind: str, text: object, *, bits: int = 1, **bounds: Any) -> Bitstring:
    """The list in a text of that kind; of any length unless the bounds say otherwise."""
    if kind == "ietf":
        return decode_ietf(text, bits=bits, **bounds)
    bounds = {"least": 0, **bounds}
    return decode_w3c(text, bits=bits, **bounds) if kind == "w3c" else decode_2021(text, **bounds)


def text_of(kind: str, packed: bytes) -> str:
    """Compressed bytes as that kind writes them."""
    bare = base64.urlsafe_b64encode(packed).rstrip(b"=").decode()
    return "u" + bare if kind == "w3c" else bare


def packed_as(kind: str, data: bytes) -> bytes:
    """A list as that kind compresses it, by other means than ours."""
    return zlib.compress(data) if kind == "ietf" else gzip.compress(data)


every_kind = pytest.mark.parametrize("kind", ["w3c", "2021", "ietf"])


# -- what others published -----------------------------------------------------------------------


@vectors("status_lists")
def test_list_of_others_has_the_statuses_they_say(vector: dict[str, Any]) -> None:
    found = decode(vector["kind"], vector["text"], bits=vector["bits"], entries=vector["entries"])
    expected = bytearray(vector["entries"])
    for index, value in vector["statuses"]:
        expected[index] = value
    assert len(found) == vector["entries"]
    assert found.values() == bytes(expected)
    assert all(found.value_at(index) == value for index, value in vector["statuses"])


@pytest.mark.parametrize("name", ["w3c-empty", "ietf-1", "ietf-2"])
def test_example_of_the_specification_is_written_to_the_letter(name: str) -> None:
    (vector,) = (vector for vector in LISTS if vector["id"] == name)
    order = MSB if vector["kind"] == "w3c" else LSB
    made = Bitstring.of_values(
        dict(vector["statuses"]), bits=vector["bits"], capacity=vector["entries"], order=order
    )
    encode = encode_w3c if vector["kind"] == "w3c" else encode_ietf
    assert encode(made) == vector["text"]


def test_the_bytes_of_the_examples_are_those_of_the_draft() -> None:
    assert decode_ietf("eNrbuRgAAhcBXQ", bits=1).data.hex() == "b9a3"
    assert decode_ietf("eNo76fITAAPfAgc", bits=2).data.hex() == "c944f9"


# -- packing -------------------------------------------------------------------------------------


def test_the_first_entry_is_in_the_most_significant_bits_for_w3c_and_the_least_for_ietf() -> None:
    assert Bitstring(data=b"\x80", bits=1, order=MSB).value_at(0) == 1
    assert Bitstring(data=b"\x01", bits=1, order=LSB).value_at(0) == 1


def test_a_value_of_several_bits_has_its_most_significant_bit_first_in_either_order() -> None:
    assert Bitstring(data=b"\x6c", bits=2, order=MSB).values() == bytes([1, 2, 3, 0])
    assert Bitstring(data=b"\x39", bits=2, order=LSB).values() == bytes([1, 2, 3, 0])
    assert Bitstring(data=b"\x1e", bits=4, order=MSB).values() == bytes([1, 14])
    assert Bitstring(data=b"\xe1", bits=4, order=LSB).values() == bytes([1, 14])


def test_read_in_the_wrong_order_an_index_gives_another_entry_s_status() -> None:
    # The bytes do not say in which order they were written: this reading goes unnoticed.
    revoked = Bitstring.of_values({4044: 1}, bits=1, capacity=MIN_W3C_ENTRIES, order=MSB)
    mirrored = Bitstring(data=revoked.data, bits=1, order=LSB)
    assert (revoked.value_at(4044), mirrored.value_at(4044)) == (1, 0)
    assert [index for index, value in enumerate(mirrored.values()) if value] == [4043]
    assert revoked.in_order(LSB).value_at(4044) == 1


@every_order
@every_width
def test_an_empty_list_has_zeros_only(bits: int, order: BitOrder) -> None:
    empty = Bitstring.empty(64, bits=bits, order=order)
    assert (len(empty), len(empty.data)) == (64, 8 * bits)
    assert empty.values() == bytes(64)


@every_order
@pytest.mark.parametrize(("capacity", "bits"), [(1, 1), (4, 1), (2, 2), (1, 4)])
def test_a_list_is_made_of_whole_bytes(capacity: int, bits: int, order: BitOrder) -> None:
    last, full = capacity - 1, (1 << bits) - 1
    by_index = Bitstring.of_values({last: full}, bits=bits, capacity=capacity, order=order)
    by_place = Bitstring.of_values(
        bytes(last) + bytes([full]), bits=bits, capacity=capacity, order=order
    )
    assert by_index == by_place
    assert by_index.values() == (bytes(last) + bytes([full])).ljust(8 // bits, b"\0")


def test_a_change_makes_a_new_list_and_touches_nothing_else() -> None:
    before = Bitstring.of_values(bytes([1, 2, 3, 0]), bits=2, capacity=4, order=MSB)
    after = before.replaced({1: 0, 3: 1})
    assert before.values() == bytes([1, 2, 3, 0])
    assert after.values() == bytes([1, 0, 3, 1])
    assert before.replaced({}) == before


def test_the_representation_does_not_show_all_bytes() -> None:
    assert len(repr(Bitstring.empty(2**17, bits=1, order=MSB))) < 100


@pytest.mark.parametrize("index", [-1, 8, 2**64])
def test_an_index_outside_the_list_is_refused(index: int) -> None:
    one = Bitstring(data=b"\xff", bits=1, order=MSB)
    asking: tuple[Callable[[], object], ...] = (
        lambda: one.value_at(index),
        lambda: one.replaced({0: 0, index: 0}),
    )
    for ask in asking:
        with pytest.raises(InvalidStatusEntry, match=f"index {index} is not in a list of 8") as no:
            ask()
        assert dict(no.value.facts) == {"index": index, "entries": 8}


def test_an_index_behind_the_capacity_is_refused_though_there_is_room_in_the_byte() -> None:
    with pytest.raises(InvalidStatusEntry, match="index 4 is not in a list of 4"):
        Bitstring.of_values({4: 1}, bits=1, capacity=4, order=MSB)
    with pytest.raises(InvalidStatusEntry, match="index 4 is not in a list of 4"):
        Bitstring.of_values(bytes(5), bits=1, capacity=4, order=MSB)


@pytest.mark.parametrize(("bits", "value"), [(1, 2), (2, 4), (4, 16), (1, 255)])
def test_a_value_that_does_not_fit_is_refused(bits: int, value: int) -> None:
    said = f"status {value} of entry 3 does not fit into {bits} bit"
    for values in ({3: value}, bytes([0, 1, 0, value, value])):
        with pytest.raises(InvalidStatusEntry, match=said):
            Bitstring.of_values(values, bits=bits, capacity=8, order=MSB)
    for wrong in (value, -1):
        with pytest.raises(InvalidStatusEntry, match=f"status {wrong} of entry 3"):
            Bitstring.empty(8, bits=bits, order=LSB).replaced({3: wrong})


@pytest.mark.parametrize("bits", [0, 3, 16, -1])
def test_a_width_that_does_not_divide_a_byte_is_refused(bits: int) -> None:
    makers: tuple[Callable[[], object], ...] = (
        lambda: Bitstring(data=b"", bits=bits, order=MSB),
        lambda: Bitstring.empty(8, bits=bits, order=MSB),
        lambda: decode_w3c("u", bits=bits),
        lambda: decode_ietf("", bits=bits),
    )
    for make in makers:
        with pytest.raises(InvalidStatusList, match=f"1, 2, 4 or 8 bits, not {bits}"):
            make()


@pytest.mark.parametrize("capacity", [0, -8])
def test_a_list_without_entries_is_refused(capacity: int) -> None:
    with pytest.raises(InvalidStatusList, match="one entry or more"):
        Bitstring.empty(capacity, bits=1, order=MSB)


# -- words of the chain --------------------------------------------------------------------------


def test_words_of_the_chain_become_one_list_without_their_block_numbers() -> None:
    block = 21_000_000 << 208
    words = [block | 1 | 1 << 207, 0, block | 1 << 3]
    found = Bitstring.of_words(words, bits=1, capacity=512, order=LSB)
    assert [index for index, value in enumerate(found.values()) if value] == [0, 207, 419]
    assert found.in_order(MSB) == Bitstring.of_words(words, bits=1, capacity=512, order=MSB)


def test_what_the_last_word_holds_behind_the_end_is_cut_off() -> None:
    everything = (1 << 256) - 1
    found = Bitstring.of_words([everything], bits=1, capacity=4, order=LSB)
    assert found.data == b"\x0f"
    found = Bitstring.of_words([everything] * 3, bits=8, capacity=64, order=MSB)
    assert found.values() == b"\xff" * 64


@pytest.mark.parametrize("count", [0, 630, 632])
def test_another_number_of_words_is_refused(count: int) -> None:
    with pytest.raises(InvalidStatusList, match=f"has 631 words, not {count}"):
        Bitstring.of_words([0] * count, bits=1, capacity=2**17, order=LSB)


# -- both formats --------------------------------------------------------------------------------


@every_width
def test_a_list_of_either_order_is_written_with_the_same_statuses(bits: int) -> None:
    one = Bitstring.of_values({0: 1, 9: 1}, bits=bits, capacity=16, order=MSB)
    other = one.in_order(LSB)
    assert encode_w3c(one) == encode_w3c(other)
    assert encode_ietf(one) == encode_ietf(other)
    assert decode_w3c(encode_w3c(other), bits=bits, least=0) == one
    assert decode_ietf(encode_ietf(one), bits=bits) == other


def test_what_is_written_can_be_read_by_the_usual_tools() -> None:
    one = Bitstring.of_values({5: 3}, bits=2, capacity=64, order=MSB)
    text = encode_w3c(one)
    padded = text[1:] + "=" * (-len(text[1:]) % 4)
    assert gzip.decompress(base64.urlsafe_b64decode(padded)) == one.data


def test_neither_time_nor_machine_is_in_what_is_written() -> None:
    head = base64.urlsafe_b64decode(encode_w3c(Bitstring.empty(8, bits=1, order=MSB))[1:17])
    assert head[:10].hex() == "1f8b0800000000000003"


def test_a_gzip_with_a_file_name_and_a_time_is_read() -> None:
    flags, name = b"\x08", b"list.bin\0"
    bare = gzip.compress(b"\xff" * 64, mtime=0)
    packed = bare[:3] + flags + b"\x01\x02\x03\x04" + bare[8:10] + name + bare[10:]
    assert decode_w3c(text_of("w3c", packed), bits=1, least=0).data == b"\xff" * 64


def test_the_object_of_a_status_list_token() -> None:
    two = Bitstring(data=bytes.fromhex("c944f9"), bits=2, order=LSB)
    assert ietf_to_dict(two) == {"bits": 2, "lst": "eNo76fITAAPfAgc"}
    received = json.loads('{"bits":2,"lst":"eNo76fITAAPfAgc","aggregation_uri":"https://a"}')
    assert ietf_from_dict(received) == two


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "not a status_list"),
        ([], "not a status_list"),
        ({"bits": 1}, "not a status_list"),
        ({"lst": "eNrbuRgAAhcBXQ"}, "not a status_list"),
        ({"bits": True, "lst": "eNrbuRgAAhcBXQ"}, "bits is a number, not True"),
        ({"bits": 1.0, "lst": "eNrbuRgAAhcBXQ"}, "bits is a number, not 1.0"),
        ({"bits": "1", "lst": "eNrbuRgAAhcBXQ"}, "bits is a number, not '1'"),
        ({"bits": 3, "lst": "eNrbuRgAAhcBXQ"}, "1, 2, 4 or 8 bits, not 3"),
        ({"bits": 1, "lst": 7}, "a status list is text, not 7"),
        ({"bits": 1, "lst": "eNrbuRgAAhcBXQ=="}, "not base64url"),
    ],
)
def test_another_object_is_refused(data: object, said: str) -> None:
    with pytest.raises(InvalidStatusList, match=said):
        ietf_from_dict(data)


# -- StatusList2021 ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [16, 17, 18, 600])
def test_the_predecessor_is_read_in_all_its_spellings(size: int) -> None:
    data = bytes(index * 37 % 256 for index in range(size))
    packed = gzip.compress(data)
    texts = [base64.b64encode(packed).decode(), base64.urlsafe_b64encode(packed).decode()]
    for text in (*texts, *(text.rstrip("=") for text in texts)):
        assert decode_2021(text, least=0) == Bitstring(data=data, bits=1, order=MSB)


def test_the_predecessor_s_early_lists_are_read_in_the_order_they_were_written() -> None:
    text = text_of("2021", gzip.compress(b"\x01" + bytes(16_383)))
    assert decode_2021(text).value_at(7) == 1
    assert decode_2021(text, order=LSB).value_at(0) == 1


@pytest.mark.parametrize("tail", ["=", "==", "===", "====", "=A=="])
def test_padding_that_does_not_fit_is_refused(tail: str) -> None:
    whole = next(
        bare
        for size in range(1, 9)
        if len(bare := text_of("2021", gzip.compress(bytes(range(size))))) % 4 == 0
    )
    decode_2021(whole, least=0)
    with pytest.raises(InvalidStatusList, match="padding"):
        decode_2021(whole + tail, least=0)


# -- length --------------------------------------------------------------------------------------


@every_width
def test_a_w3c_list_has_enough_entries_however_wide_they_are(bits: int) -> None:
    enough = Bitstring.empty(MIN_W3C_ENTRIES, bits=bits, order=MSB)
    assert decode_w3c(encode_w3c(enough), bits=bits) == enough
    few = encode_w3c(Bitstring.empty(MIN_W3C_ENTRIES - 8, bits=bits, order=MSB))
    with pytest.raises(InvalidStatusList, match="has 131064 entries") as no:
        decode_w3c(few, bits=bits)
    assert dict(no.value.facts) == {"entries": 131_064, "least": 131_072}
    assert len(decode_w3c(few, bits=bits, least=131_064)) == 131_064


def test_the_bytes_of_narrow_entries_are_not_enough_for_wide_ones() -> None:
    one_bit = encode_w3c(Bitstring.empty(MIN_W3C_ENTRIES, bits=1, order=MSB))
    with pytest.raises(InvalidStatusList, match="has 65536 entries"):
        decode_w3c(one_bit, bits=2)


def test_the_predecessor_s_lists_have_the_same_least_length() -> None:
    text = text_of("2021", gzip.compress(bytes(16_383)))
    with pytest.raises(InvalidStatusList, match="has 131064 entries"):
        decode_2021(text)


def test_an_ietf_list_has_no_least_length() -> None:
    assert len(decode_ietf(encode_ietf(Bitstring.empty(1, bits=8, order=LSB)), bits=8)) == 1


@every_kind
@pytest.mark.parametrize("size", [1023, 1025, 4096])
def test_a_list_of_another_length_than_it_must_have_is_refused(kind: str, size: int) -> None:
    text = text_of(kind, packed_as(kind, bytes(size)))
    said = "more than the 1024 bytes" if size > 1024 else f"has {size} bytes, and with 8192 entries"
    with pytest.raises(InvalidStatusList, match=said):
        decode(kind, text, entries=8192)
    assert len(decode(kind, text, entries=size * 8)) == size * 8


@every_kind
def test_a_list_that_must_be_larger_than_may_be_read_is_refused_at_once(kind: str) -> None:
    with pytest.raises(InvalidStatusList, match="more than the 16777216 allowed"):
        decode(kind, text_of(kind, b"whatever"), entries=2**31)


@every_kind
def test_a_reader_may_allow_more_or_less(kind: str) -> None:
    text = text_of(kind, packed_as(kind, bytes(2048)))
    assert len(decode(kind, text, most=2048).data) == 2048
    with pytest.raises(InvalidStatusList, match="more than the 2047 bytes allowed"):
        decode(kind, text, most=2047)


def deflated_badly(data: bytes) -> bytes:
    """As the simplest encoder would: fixed codes, nine bits for each byte above 143 (RFC 1951)."""
    codes = "".join(f"{0b110010000 + byte - 144:09b}" for byte in data)
    stream = "1" + "10" + codes + "0000000"
    octets = (stream[at : at + 8][::-1] for at in range(0, len(stream), 8))
    return bytes(int(octet, 2) for octet in octets)


def test_even_the_worst_compression_of_an_allowed_list_is_read() -> None:
    noise = bytes(144 + index * 7919 % 112 for index in range(16_384))
    body = deflated_badly(noise)
    assert len(body) > len(noise) * 9 // 8
    for kind in ("w3c", "2021", "ietf"):
        whole = packed_as(kind, noise)
        head, tail = (whole[:2], whole[-4:]) if kind == "ietf" else (whole[:10], whole[-8:])
        text = text_of(kind, head + body + tail)
        assert decode(kind, text, entries=131_072).data == noise


# -- broken lists --------------------------------------------------------------------------------


def spoiled(kind: str, spoil: Callable[[bytes], bytes]) -> str:
    """A text of that kind, with something wrong in its compressed bytes."""
    return text_of(kind, spoil(packed_as(kind, bytes(range(256)) * 64)))


def cut(packed: bytes) -> bytes:
    return packed[: len(packed) // 2]


def without_checksum(packed: bytes) -> bytes:
    return packed[:-4]


def one_byte_short(packed: bytes) -> bytes:
    return packed[:-1]


def followed(packed: bytes) -> bytes:
    return packed + b"\0"


def twice(packed: bytes) -> bytes:
    return packed + packed


def wrong_checksum(packed: bytes) -> bytes:
    at = -1 if packed[0] == 0x78 else -8
    changed = bytearray(packed)
    changed[at] ^= 1
    return bytes(changed)


@every_kind
@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (cut, "ends too early"),
        (without_checksum, "ends too early"),
        (one_byte_short, "ends too early"),
        (followed, "1 bytes follow"),
        (twice, "bytes follow"),
        (wrong_checksum, "cannot be decompressed: .*incorrect data check"),
        (lambda _: b"", "ends too early, after 0 bytes"),
        (lambda _: bytes(64), "cannot be decompressed"),
        (lambda packed: zlib.decompress(packed, 47), "cannot be decompressed"),
    ],
)
def test_a_broken_stream_is_refused(kind: str, spoil: Callable[[bytes], bytes], said: str) -> None:
    with pytest.raises(InvalidStatusList, match=said):
        decode(kind, spoiled(kind, spoil))


def test_a_wrong_length_in_a_gzip_is_refused() -> None:
    packed = gzip.compress(bytes(512))
    text = text_of("w3c", packed[:-4] + (513).to_bytes(4, "little"))
    with pytest.raises(InvalidStatusList, match="incorrect length check"):
        decode("w3c", text)


@every_kind
def test_the_compression_of_the_other_format_is_refused(kind: str) -> None:
    other = "w3c" if kind == "ietf" else "ietf"
    raw = zlib.compressobj(9, zlib.DEFLATED, -15)
    for packed in (packed_as(other, bytes(64)), raw.compress(bytes(64)) + raw.flush()):
        with pytest.raises(InvalidStatusList, match="cannot be decompressed"):
            decode(kind, text_of(kind, packed))


def test_a_dictionary_that_nobody_has_is_refused() -> None:
    deflater = zlib.compressobj(zdict=b"status list")
    packed = deflater.compress(bytes(64)) + deflater.flush()
    with pytest.raises(InvalidStatusList, match="cannot be decompressed"):
        decode_ietf(text_of("ietf", packed), bits=1)


@pytest.mark.parametrize("kind", ["w3c", "ietf"])
@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text + "=",
        lambda text: text + "==",
        lambda text: text + " ",
        lambda text: text + "\n",
        lambda text: text[:8] + "\n" + text[8:],
        lambda text: text[:8] + "+" + text[9:],
        lambda text: text[:8] + "/" + text[9:],
        lambda text: text[:8] + "é" + text[9:],
        lambda text: text[:8] + "\0" + text[9:],
        lambda text: text[:8] + "*" + text[8:],
        lambda text: text + "\ud800",
        lambda text: text + "A" * (5 - len(text.removeprefix("u")) % 4),
    ],
    ids=lambda spoil: str(spoil.__code__.co_consts[-1]),
)
def test_another_alphabet_is_refused(kind: str, spoil: Callable[[str], str]) -> None:
    text = text_of(kind, packed_as(kind, bytes(range(64))))
    with pytest.raises(InvalidStatusList, match="not base64url without padding"):
        decode(kind, spoil(text))


def test_spare_bits_of_the_last_letter_are_zero() -> None:
    assert decode_ietf("eNrbuRgAAhcBXQ", bits=1).data.hex() == "b9a3"
    with pytest.raises(InvalidStatusList, match="not base64url"):
        decode_ietf("eNrbuRgAAhcBXR", bits=1)


@pytest.mark.parametrize("text", [None, 5, b"uH4sI", ["uH4sI"], "", "H4sIAAAA", "mH4sIAAAA"])
def test_what_does_not_begin_with_its_multibase_letter_is_no_w3c_list(text: object) -> None:
    with pytest.raises(InvalidStatusList, match="begins with u"):
        decode_w3c(text, bits=1)


@pytest.mark.parametrize("text", [None, 5, b"H4sI", {"lst": ""}])
@pytest.mark.parametrize("kind", ["2021", "ietf"])
def test_what_is_no_text_is_no_list(kind: str, text: object) -> None:
    with pytest.raises(InvalidStatusList, match="a status list is text"):
        decode(kind, text)


# -- lists that grow -----------------------------------------------------------------------------


def bomb(kind: str, size: int) -> str:
    """As many MiB of zeros, well compressed and with the right checksum."""
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    zeros = bytes(MIB)
    # After a full flush the stream begins anew: the same piece can follow any number of times.
    piece = deflater.compress(zeros) + deflater.flush(zlib.Z_FULL_FLUSH)
    body = piece * size + b"\x03\x00"
    checksum = 1 if kind == "ietf" else 0
    for _ in range(size):
        checksum = (zlib.adler32 if kind == "ietf" else zlib.crc32)(zeros, checksum)
    if kind == "ietf":
        return text_of(kind, b"\x78\xda" + body + checksum.to_bytes(4))
    tail = checksum.to_bytes(4, "little") + (size * MIB).to_bytes(4, "little")
    return text_of(kind, b"\x1f\x8b\x08\0\0\0\0\0\0\x03" + body + tail)


class _Peak:
    """The most memory that was taken at a time."""

    def __enter__(self) -> Self:
        tracemalloc.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bytes = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()


@every_kind
def test_the_bombs_of_these_tests_are_good_lists_apart_from_their_size(kind: str) -> None:
    assert decode(kind, bomb(kind, 2), entries=2 * MIB * 8).data == bytes(2 * MIB)


@every_kind
def test_half_a_gigabyte_in_a_short_text_is_refused_without_taking_the_memory(kind: str) -> None:
    text = bomb(kind, 512)
    assert len(text) < 750_000
    with _Peak() as peak, pytest.raises(InvalidStatusList, match="more than the 16777216 bytes"):
        decode(kind, text)
    assert peak.bytes < 3 * MAX_LIST_BYTES


@every_kind
def test_a_bomb_for_a_list_of_known_length_is_refused_unread(kind: str) -> None:
    text = bomb(kind, 512)
    with _Peak() as peak, pytest.raises(InvalidStatusList, match="more than the 25941 it can need"):
        decode(kind, text, entries=MIN_W3C_ENTRIES)
    assert peak.bytes < 2 * MIB


@every_kind
def test_a_small_bomb_ends_one_byte_behind_the_expected_length(kind: str) -> None:
    text = bomb(kind, 16)
    assert len(text) < 25_941
    with _Peak() as peak, pytest.raises(InvalidStatusList, match="more than the 16384 bytes"):
        decode(kind, text, entries=MIN_W3C_ENTRIES)
    assert peak.bytes < MIB

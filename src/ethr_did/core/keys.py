"""Keys and addresses: secp256k1 points, EIP-55, JWK, multibase.

Rules:
  * An address is the last 20 bytes of keccak-256 over the 64-byte public key (Yellow Paper, 212).
  * Mixed-case hex must carry the EIP-55 checksum; all-lower and all-upper carry none.
  * A compressed secp256k1 key is 33 bytes with prefix 02 or 03 (SEC 1, 2.3.3).
  * ``publicKeyMultibase`` is ``z`` and base58btc over the multicodec prefix and the key (Multikey).
"""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING, NewType

from eth_hash.auto import keccak

from ethr_did.core.base64url import encode_base64url
from ethr_did.errors import InvalidAddress, InvalidKey, shown

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "ED25519_PUB",
    "MAX_KEY_LENGTH",
    "P256_PUB",
    "SECP256K1_PUB",
    "X25519_PUB",
    "ZERO_ADDRESS",
    "Address",
    "ChecksumAddress",
    "address_of_key",
    "decompress_secp256k1",
    "format_multibase",
    "parse_address",
    "parse_multibase",
    "parse_secp256k1",
    "secp256k1_jwk",
    "to_checksum_address",
]

Address = NewType("Address", bytes)
"""Twenty bytes."""

ChecksumAddress = NewType("ChecksumAddress", str)
"""``0x`` and forty hex digits whose case is the EIP-55 checksum."""

ZERO_ADDRESS = Address(bytes(20))

# Multicodec prefixes (varint), https://github.com/multiformats/multicodec table.csv
SECP256K1_PUB = bytes.fromhex("e701")
ED25519_PUB = bytes.fromhex("ed01")
X25519_PUB = bytes.fromhex("ec01")
P256_PUB = bytes.fromhex("8024")

MAX_KEY_LENGTH = 4096
"""Bytes: more than the largest signature key of FIPS 204 and 205 (2,592)."""

_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
_MULTIBASE = re.compile(rf"z[{_BASE58}]*")
_MAX_MULTIBASE = 5600
"""Characters: those of the longest key, with its prefix and the ``z``."""
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_POINT_LENGTHS = (33, 64, 65)
_FIELD = 2**256 - 2**32 - 977
"""The prime of secp256k1 (SEC 2, 2.4.1)."""


def to_checksum_address(address: bytes) -> ChecksumAddress:
    """The EIP-55 spelling of a 20-byte address.

    Example:
        >>> to_checksum_address(bytes.fromhex("7e5f4552091a69125d5dfcb7b8c2659029395bdf"))
        '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf'
    """
    if len(address) != len(ZERO_ADDRESS):
        raise InvalidAddress(f"an address is 20 bytes, these are {len(address)}: 0x{address.hex()}")
    return _checksummed(bytes(address))


@functools.lru_cache(maxsize=4096)
def _checksummed(address: bytes) -> ChecksumAddress:
    # The same few addresses are written again and again: registries, owners, delegates.
    digits = address.hex()
    marks = keccak(digits.encode()).hex()
    # EIP-55: a digit is upper case where the top bit of the mark's nibble is set.
    cased = (d.upper() if m in "89abcdef" else d for d, m in zip(digits, marks, strict=False))
    return ChecksumAddress("0x" + "".join(cased))


def parse_address(text: str) -> Address:
    """The twenty bytes of an address in hex.

    Args:
        text: ``0x`` and forty hex digits; where upper and lower case are mixed, EIP-55.

    Raises:
        InvalidAddress: wrong form, or a checksum that does not fit.
    """
    if not isinstance(text, str) or not _ADDRESS.fullmatch(text):
        raise InvalidAddress(
            f"not an Ethereum address: {shown(text)}",
            hint="An address is 0x and 40 hexadecimal digits.",
            value=str(text)[:120],
        )
    address = Address(bytes.fromhex(text[2:]))
    digits = text[2:]
    if digits not in (digits.lower(), digits.upper()):
        expected = to_checksum_address(address)
        if text != expected:
            raise InvalidAddress(
                f"the EIP-55 checksum of {text} does not fit",
                hint=f"Check for a typing error. If you are sure of the digits: {expected}",
                value=text,
                expected=expected,
            )
    return address


def decompress_secp256k1(key: bytes) -> bytes:
    """The 64 bytes x and y of a secp256k1 public key.

    Args:
        key: 33 bytes (02 or 03 and x), 65 bytes (04, x, y) or 64 bytes (x, y).

    Raises:
        InvalidKey: another length or prefix, or not a point of the curve.
    """
    if len(key) not in _POINT_LENGTHS:
        raise InvalidKey(
            f"a secp256k1 public key is 33 bytes compressed or 65 uncompressed, not {len(key)}",
            length=len(key),
        )
    full = b"\x04" + key if len(key) == 64 else key  # noqa: PLR2004 - the form without prefix
    prefixes = (2, 3) if len(key) == 33 else (4,)  # noqa: PLR2004 - see the docstring
    # libsecp256k1 also takes the hybrid prefixes 06 and 07, which no did:ethr tool does.
    if full[0] not in prefixes:
        raise InvalidKey(f"prefix {full[0]:02x} is not that of a secp256k1 public key")
    try:
        return _uncompressed(full)
    except Exception as cause:  # each backend has its own class for "not on the curve"
        raise InvalidKey(f"not a point of secp256k1: 0x{key.hex()}", value=key) from cause


def _coincurve_backend() -> Callable[[bytes], bytes]:
    from coincurve import PublicKey

    def uncompressed(key: bytes) -> bytes:
        raw: bytes = PublicKey(key).format(compressed=False)
        return raw[1:]

    return uncompressed


def _pure_backend() -> Callable[[bytes], bytes]:
    # Not eth-keys: it takes compressed keys that are on no curve. These bytes are public, so that
    # plain integers will do.
    def uncompressed(key: bytes) -> bytes:
        x = int.from_bytes(key[1:33])
        y_squared = (x**3 + 7) % _FIELD
        if len(key) == 33:  # noqa: PLR2004 - a compressed point
            root = pow(y_squared, (_FIELD + 1) // 4, _FIELD)
            y = root if root % 2 == key[0] % 2 else _FIELD - root
        else:
            y = int.from_bytes(key[33:])
        if x >= _FIELD or y >= _FIELD or y * y % _FIELD != y_squared:
            raise ValueError("not on the curve")
        return x.to_bytes(32) + y.to_bytes(32)

    return uncompressed


def _uncompressed(key: bytes) -> bytes:
    global _backend  # noqa: PLW0603 - a cache of which library is here, never configuration
    if _backend is None:
        try:
            _backend = _coincurve_backend()
        except ImportError:
            _backend = _pure_backend()
    return _backend(key)


_backend: Callable[[bytes], bytes] | None = None


def parse_secp256k1(text: str) -> bytes:
    """The 33 bytes of a compressed public key in hex, shown to be on the curve.

    Raises:
        InvalidKey: not ``0x`` and 66 hex digits, or not a point of secp256k1.
    """
    if not re.fullmatch(r"0x[0-9a-fA-F]{66}", text):
        raise InvalidKey(
            f"not a compressed secp256k1 public key: {shown(text)}",
            hint="It is 0x and 66 hexadecimal digits, of which the first two are 02 or 03.",
        )
    key = bytes.fromhex(text[2:])
    decompress_secp256k1(key)
    return key


def address_of_key(key: bytes) -> Address:
    """The address of a secp256k1 public key.

    Example:
        >>> key = "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
        >>> to_checksum_address(address_of_key(bytes.fromhex(key)))
        '0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf'
    """
    return Address(keccak(decompress_secp256k1(key))[-20:])


def secp256k1_jwk(key: bytes) -> dict[str, str]:
    """The public JWK of a secp256k1 key.

    Raises:
        InvalidKey: as ``decompress_secp256k1``.

    Spec: RFC 7517, RFC 8812 section 3.1.
    """
    point = decompress_secp256k1(key)
    return {
        "kty": "EC",
        "crv": "secp256k1",
        "x": encode_base64url(point[:32]),
        "y": encode_base64url(point[32:]),
    }


def format_multibase(key: bytes, prefix: bytes = b"") -> str:
    """``z`` and the base58btc of prefix and key.

    Args:
        key: the raw key, or with its multicodec prefix already in front.
        prefix: the multicodec prefix to put in front.

    Raises:
        InvalidKey: longer than any key. The time base58 takes grows with the square of the length:
            a value of 100 KB, which anybody can put on chain, would take seconds.

    Spec: W3C Controlled Identifiers section 2.4 (Multibase), Multikey.
    """
    if len(key) > MAX_KEY_LENGTH:
        raise InvalidKey(f"a key of {len(key)} bytes is longer than {MAX_KEY_LENGTH}")
    return "z" + _base58(prefix + key)


def _base58(data: bytes) -> str:
    # Four digits at a time: the base58 package goes digit by digit and takes three times as long,
    # which for a document of many keys is half of all its time. Tests compare the two.
    pairs = _base58_pairs()
    number, found = int.from_bytes(data), []
    while number:
        number, four = divmod(number, len(pairs) ** 2)
        found.append(pairs[four // len(pairs)] + pairs[four % len(pairs)])
    zeros = len(data) - len(data.lstrip(b"\0"))
    return "1" * zeros + "".join(reversed(found)).lstrip("1")


def parse_multibase(text: str) -> bytes:
    """The bytes of a multibase text: a multicodec prefix and a key, if it is a Multikey.

    Args:
        text: ``z`` and base58btc, which is all that a Multikey may be.

    Raises:
        InvalidKey: another base, a foreign character, or longer than any key.

    Spec: W3C Controlled Identifiers section 2.4 (Multibase), Multikey.

    Example:
        >>> parse_multibase("z115Q").hex()
        '0000ff'
    """
    if not isinstance(text, str) or len(text) > _MAX_MULTIBASE:
        raise InvalidKey(f"not a text of at most {_MAX_MULTIBASE} characters: {shown(text)}")
    if not _MULTIBASE.fullmatch(text):
        raise InvalidKey(
            f"not multibase in base58btc: {shown(text)}",
            hint="It is z, and then letters and digits without 0, O, I and l.",
        )
    digits = text[1:]
    number = _base58_number(digits)
    zeros = len(digits) - len(digits.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8)


def _base58_number(digits: str) -> int:
    # Ten digits at a time fit a machine word: the long number is touched a tenth as often.
    values, number = _base58_values(), 0
    for start in range(0, len(digits), 10):
        block, part = digits[start : start + 10], 0
        for digit in block:
            part = part * len(values) + values[digit]
        number = number * len(values) ** len(block) + part
    return number


@functools.cache
def _base58_values() -> dict[str, int]:
    return {digit: value for value, digit in enumerate(_BASE58)}


@functools.cache
def _base58_pairs() -> tuple[str, ...]:
    return tuple(first + second for first in _BASE58 for second in _BASE58)

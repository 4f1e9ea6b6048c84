"""Base64url without padding, of which every value has one spelling.

Rules:
  * No padding, no white space, no foreign characters, no spare bits: two spellings of one value
    would be two tokens with one signature.

Spec: RFC 4648 section 5; RFC 7515 section 2.
"""

from __future__ import annotations

import binascii

from ethr_did.errors import InvalidInput, shown

__all__ = ["decode_base64url", "encode_base64url"]

_URL_SAFE = bytes.maketrans(b"+/", b"-_")
_STANDARD = bytes.maketrans(b"-_", b"+/")


def encode_base64url(data: bytes) -> str:
    r"""The text of some bytes.

    Example:
        >>> encode_base64url(b"\xfb\xff")
        '-_8'
    """
    return binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=").decode()


def decode_base64url(text: str | bytes) -> bytes:
    """The bytes of a text.

    Raises:
        InvalidInput: it is not the one spelling of any bytes.

    Example:
        >>> decode_base64url("-_8").hex()
        'fbff'
    """
    given = text.encode("utf-8", "replace") if isinstance(text, str) else text
    try:
        data = binascii.a2b_base64(given.translate(_STANDARD) + b"=" * (-len(given) % 4))
    except binascii.Error:
        data = b""
    # The library skips foreign characters and spare bits: only what is written back as it was
    # read had none.
    if binascii.b2a_base64(data, newline=False).translate(_URL_SAFE, b"=") != given:
        raise InvalidInput(f"not base64url: {shown(text[:40])}")
    return data

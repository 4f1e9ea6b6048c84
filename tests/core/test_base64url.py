"""Base64url: one spelling for each value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.core.base64url import decode_base64url, encode_base64url
from ethr_did.errors import InvalidInput


@given(st.binary(max_size=99))
def test_what_is_written_is_read_again(data: bytes) -> None:
    text = encode_base64url(data)
    assert decode_base64url(text) == decode_base64url(text.encode()) == data


@pytest.mark.parametrize(
    "text",
    ["A", "QQ==", "QR", "Q Q", "QQ\n", "Q+", "Q/8", "QUJD=", "Ä", "Q.Q", "\ud800"],
    ids=ascii,
)
def test_other_spellings_are_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="not base64url"):
        decode_base64url(text)


def test_no_bytes_are_an_empty_text() -> None:
    assert (encode_base64url(b""), decode_base64url("")) == ("", b"")

"""An id for each request."""

from __future__ import annotations

import pytest

from ethr_did.service.request_ids import choose_request_id


@pytest.mark.parametrize("given", [b"a", b"6f1c-7", b"0" * 128, b"a.b_c~d+e/f="])
def test_a_plain_one_is_taken_over(given: bytes) -> None:
    assert choose_request_id(given) == given.decode()


@pytest.mark.parametrize(
    "given", [None, b"", b"0" * 129, b"a b", b'a"b', b"a\\b", b"a\nb", b"-a", "ü".encode(), b"a{b"]
)
def test_any_other_is_replaced_by_a_new_one(given: bytes | None) -> None:
    made = choose_request_id(given)
    assert made.isalnum()
    assert made != choose_request_id(given)

"""What the one who writes remembers of the database."""

from __future__ import annotations

from ethr_did.index.entries import Kind
from ethr_did.index.remembering import Remembered

KIND = int(Kind.IDENTITY)
A, B, C = ((KIND, bytes([number]) * 20) for number in range(3))


def test_what_was_written_is_found_and_nothing_else() -> None:
    remembered = Remembered()
    remembered.note({A: (1, b"tip"), B: (2, b"")})
    assert remembered.find([A, C]) == {A: (1, b"tip")}
    remembered.note({A: (1, b"next")})
    assert remembered.find([A, B]) == {A: (1, b"next"), B: (2, b"")}


def test_what_was_not_touched_for_longest_goes_first() -> None:
    remembered = Remembered(most=2)
    remembered.note({A: (1, b""), B: (2, b"")})
    remembered.note({A: (1, b"next")})
    remembered.note({C: (3, b"")})
    assert remembered.find([A, B, C]) == {A: (1, b"next"), C: (3, b"")}


def test_after_an_error_nothing_is_known() -> None:
    remembered = Remembered()
    remembered.note({A: (1, b"tip")})
    remembered.forget()
    assert remembered.find([A]) == {}

"""How often a process looks for garbage."""

from __future__ import annotations

import contextlib
import gc

from ethr_did.garbage import collecting_rarely


def test_afterwards_it_is_as_before_whatever_happened() -> None:
    before = gc.get_threshold()
    with contextlib.suppress(ZeroDivisionError), collecting_rarely(9_000):
        assert gc.get_threshold()[0] == 9_000
        1 / 0  # noqa: B018 - it raises
    assert gc.get_threshold() == before

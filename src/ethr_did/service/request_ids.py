"""An id for each request: in its answer, in its errors, in the log.

Rules:
  * One from outside is taken over if it is short and plain: it ends up in logs and headers.
    Otherwise one is made: that of no other request, but not one that nobody could guess.
"""

from __future__ import annotations

import itertools
import os
import re
from contextvars import ContextVar

__all__ = ["HEADER", "choose_request_id", "current_request_id", "set_request_id"]

HEADER = b"x-request-id"
"""Lower-case, as ASGI spells the names of headers."""

_PLAIN = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._~+/=-]{0,127}")
_own = os.urandom(12).hex()
"""Of this process."""
_count = itertools.count()
_current: ContextVar[str] = ContextVar("ethr_did_request_id", default="")


def choose_request_id(given: bytes | None) -> str:
    """The id of a request: the one given, if it is plain, or a new one.

    Args:
        given: the value of the header; None if there is none.

    Example:
        >>> choose_request_id(b"6f1c-7")
        '6f1c-7'
        >>> choose_request_id(b"6f1c 7") == choose_request_id(None)
        False
    """
    if given is not None and _PLAIN.fullmatch(given):
        return given.decode("ascii")
    return f"{_own}{next(_count):x}"


def current_request_id() -> str:
    """The id of the request that is being answered; empty outside of one."""
    return _current.get()


def set_request_id(request_id: str) -> None:
    """Nothing; the id belongs to this task, and to what it starts, from now on."""
    _current.set(request_id)

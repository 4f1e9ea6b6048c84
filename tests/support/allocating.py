"""An issuer that allocates until it is killed: run as a process of its own.

``python -m support.allocating URL LIST_ID AT_ONCE [PREFIX]`` prints every index that it was given,
and with a prefix asks for the references ``PREFIX0``, ``PREFIX1``, … in turn.
"""

from __future__ import annotations

import secrets
import sys
from itertools import count

from ethr_did.status.allocation import Allocator
from ethr_did.status.store import StatusStore


def main(url: str, list_id: str, at_once: str, prefix: str = "") -> None:
    """Does not come back."""
    with StatusStore(url) as store:
        (stored,) = [found for found in store.lists() if found.list_id.text == list_id]
        allocator = Allocator(store, random=secrets.token_bytes)
        size = int(at_once)
        for turn in count():
            numbers = range(turn * size, (turn + 1) * size)
            references = [f"{prefix}{number}" for number in numbers] if prefix else None
            made = allocator.allocate(stored, size, now=turn, references=references, roll_over=True)
            print(*(f"{found.list.list_id.text}/{found.index}" for found in made), flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Indexes handed out from a SQLite database on this machine's disk, each with a reference."""

from __future__ import annotations

import secrets
import time
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ethr_did.core.keys import Address
from ethr_did.core.status_entry import ContractId
from ethr_did.core.status_list import Purpose
from ethr_did.status.allocation import Allocator
from ethr_did.status.store import StatusStore

from .figures import figures
from .status_chain import CHAIN_ID, ISSUER

if TYPE_CHECKING:
    from ethr_did.status.stored import StoredList

AT_ONCE = ((10_000, 10_000), (10_000, 100), (1_000, 1))
"""Indexes, and how many of them each call hands out: a call is a transaction on the disk."""
_REGISTRY = ContractId(CHAIN_ID, Address(b"\x55" * 20))


def measure_allocation(*, quick: bool) -> list[dict[str, Any]]:
    """Times by indexes for each call."""
    share, runs = (10, 1) if quick else (1, 5)
    rows = []
    with TemporaryDirectory() as folder, StatusStore(f"sqlite:///{folder}/status.db") as store:
        allocator = Allocator(store, random=secrets.token_bytes)
        for all_indexes, all_at_once in AT_ONCE:
            indexes, size = all_indexes // share, max(1, all_at_once // share)
            taken = figures([_hand_out(allocator, indexes, size) for _ in range(runs)])
            rows.append(
                {
                    "indexes": indexes,
                    "each_call": size,
                    "ms": taken,
                    "per_second": round(indexes / taken["median"] * 1000),
                }
            )
    return rows


def _hand_out(allocator: Allocator, indexes: int, size: int) -> float:
    """Milliseconds."""
    stored: StoredList = allocator.create_list(
        contract=_REGISTRY, identity=ISSUER, purpose=Purpose.REVOCATION, now=0
    )
    references = [f"credential {number}" for number in range(indexes)]
    found: set[int] = set()
    start = time.perf_counter()
    for at in range(0, indexes, size):
        made = allocator.allocate(stored, now=0, references=references[at : at + size])
        found.update(one.index for one in made)
    elapsed = (time.perf_counter() - start) * 1000
    if len(found) != indexes:
        raise AssertionError(f"{indexes - len(found)} indexes were handed out twice")
    return elapsed

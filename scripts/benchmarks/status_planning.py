"""Status work that needs no node: changes planned and encoded, lists decoded."""

from __future__ import annotations

import gc
import itertools
import random
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ethr_did.core.bitstring import (
    BitOrder,
    Bitstring,
    decode_ietf,
    decode_w3c,
    encode_ietf,
    encode_w3c,
)
from ethr_did.core.status_batches import Limits, pack
from ethr_did.core.status_changes import plan_changes
from ethr_did.core.status_list import PAYLOAD_BITS, Authority, ListId, Purpose
from ethr_did.core.status_wishes import Wish, gather
from support.peers import NODE_MODULES, run_peer

from .figures import figures
from .status_chain import ISSUER

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Tell = Callable[[str], None]

CHANGES = 1_000_000
LISTS = (8, 80)
"""The fewest that hold a million entries, and ten times as many: more words for the same changes."""
CAPACITY = 2**17
BLOCK_GAS = 60_000_000
ENTRIES = 2**20
SET = 20
"""One of so many entries of a decoded list is not 0."""
KINDS = (("w3c", 1), ("ietf", 1), ("ietf", 2))
"""Format, and bits of an entry."""
PEERS = {
    "w3c": NODE_MODULES / "@digitalbazaar" / "vc-bitstring-status-list",
    "ietf": NODE_MODULES / "@sd-jwt" / "jwt-status-list",
}


# -- planning -------------------------------------------------------------------------------------


def measure_planning(*, runs: int, changes: int = CHANGES) -> list[dict[str, Any]]:
    """Times from wishes to call data, for few lists and for many."""
    return [_plan(lists, changes, runs) for lists in LISTS]


def _plan(lists: int, changes: int, runs: int) -> dict[str, Any]:
    # Suspensions can be undone: their words are read before and expected, which is more work.
    ids = [
        ListId.build(
            purpose=Purpose.SUSPENSION, bits=1, capacity=CAPACITY, random=bytes([number] * 27)
        )
        for number in range(lists)
    ]
    dice = random.Random(lists)  # noqa: S311 - the same changes in each run
    chosen = dice.sample(range(lists * CAPACITY), changes)
    stored = {
        (list_id, word): 7 << PAYLOAD_BITS for list_id in ids for word in range(ids[0].word_count)
    }
    taken: list[_Planned] = []
    for _ in range(runs):
        gc.collect()
        taken.append(_plan_once(ids, chosen, stored))
    stages = {name: figures([one.stages[name] for one in taken]) for name in taken[0].stages}
    return {
        "changes": changes,
        "lists": lists,
        "words": taken[0].words,
        "transactions": taken[0].transactions,
        "stages": stages,
        "ms": figures([sum(one.stages.values()) for one in taken]),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Planned:
    words: int
    transactions: int
    stages: dict[str, float]
    """Milliseconds."""


def _plan_once(
    ids: Sequence[ListId], chosen: Sequence[int], stored: dict[tuple[ListId, int], int]
) -> _Planned:
    marks = [time.perf_counter()]
    wishes = gather(
        Wish(list_id=ids[number >> 17], index=number & CAPACITY - 1, value=1) for number in chosen
    )
    marks.append(time.perf_counter())
    plan = plan_changes(wishes, words=stored, identity=ISSUER, authority=Authority.OWNER)
    marks.append(time.perf_counter())
    batches = pack(plan, limits=Limits.of_block(BLOCK_GAS))
    marks.append(time.perf_counter())
    calls = [batch.call() for batch in batches]
    marks.append(time.perf_counter())
    if plan.changes != len(chosen):
        raise AssertionError(f"{plan.changes} changes instead of {len(chosen)}")
    names = ("checking", "planning", "packing", "encoding")
    times = ((end - start) * 1000 for start, end in itertools.pairwise(marks))
    return _Planned(
        words=plan.word_count,
        transactions=len(calls),
        stages=dict(zip(names, times, strict=True)),
    )


# -- decoding -------------------------------------------------------------------------------------


def measure_decoding(*, runs: int, with_peers: bool) -> list[dict[str, Any]]:
    """Times from text to one entry, and to all of them."""
    lists = [_list(name, bits) for name, bits in KINDS]
    ours = [_decode(one, runs) for one in lists]
    question = {"runs": runs, "lists": lists}
    theirs = run_peer("bench_status_lists.mjs", question) if with_peers else [None] * len(lists)
    return [_row(*each) for each in zip(lists, ours, theirs, strict=True)]


def _row(
    asked: dict[str, Any], ours: dict[str, Any], theirs: dict[str, Any] | None
) -> dict[str, Any]:
    row = {
        "format": asked["format"],
        "bits": asked["bits"],
        "entries": ENTRIES,
        "characters": len(asked["text"]),
        "ours": _times(ours),
    }
    if theirs is not None:
        if any(ours[name] != theirs[name] for name in ("value", "set")):
            raise AssertionError(f"the {asked['format']} lists differ")
        row["peer"] = _times(theirs)
    return row


def _times(found: dict[str, Any]) -> dict[str, Any]:
    return {name: figures(found[name]) for name in ("one", "all")}


def _list(name: str, bits: int) -> dict[str, Any]:
    """A list as the peers' script takes it."""
    dice = random.Random(f"{name} {bits}")  # noqa: S311 - the same list in each run
    chosen = dice.sample(range(ENTRIES), ENTRIES // SET)
    values = {index: dice.randrange(1, 1 << bits) for index in chosen}
    order = BitOrder.MSB_FIRST if name == "w3c" else BitOrder.LSB_FIRST
    bitstring = Bitstring.of_values(values, bits=bits, capacity=ENTRIES, order=order)
    text = encode_w3c(bitstring) if name == "w3c" else encode_ietf(bitstring)
    return {"format": name, "bits": bits, "text": text, "index": max(chosen)}


def _decode(question: dict[str, Any], runs: int) -> dict[str, Any]:
    decode = decode_w3c if question["format"] == "w3c" else decode_ietf

    def one() -> int:
        return decode(question["text"], bits=question["bits"]).value_at(question["index"])

    def every() -> int:
        values = decode(question["text"], bits=question["bits"]).values()
        return len(values) - values.count(0)

    value, to_one = _timed(one, runs)
    count, to_all = _timed(every, runs)
    return {"value": value, "set": count, "one": to_one, "all": to_all}


def _timed(work: Callable[[], int], runs: int) -> tuple[int, list[float]]:
    result, times = work(), []
    gc.collect()
    for _ in range(runs):
        start = time.perf_counter()
        result = work()
        times.append((time.perf_counter() - start) * 1000)
    return result, times

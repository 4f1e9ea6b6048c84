"""Results that are kept for a while."""

from __future__ import annotations

import pytest

from ethr_did.core.document import DIDDocument
from ethr_did.did_methods import ResolvedDID
from ethr_did.did_methods.cache import Cache
from ethr_did.errors import FetchError, InvalidOption


class Clock:
    """Stands still unless it is told."""

    now = 0.0

    def __call__(self) -> float:
        """Seconds."""
        return self.now


def result(name: str) -> ResolvedDID:
    did = f"did:web:{name}.example"
    return ResolvedDID(did=did, document=DIDDocument(id=did))


A, B, C = map(result, "abc")


def kept(cache: Cache) -> list[ResolvedDID]:
    return [one for one in (A, B, C) if cache.find(one.did, None) is one]


def test_result_is_kept_for_its_seconds() -> None:
    clock = Clock()
    cache = Cache(seconds=10, entries=3, clock=clock)
    cache.put(A, None)
    clock.now = 9.9
    assert kept(cache) == [A]
    clock.now = 10
    assert kept(cache) == []
    clock.now = 9
    assert kept(cache) == []


def test_version_is_part_of_what_was_asked() -> None:
    cache = Cache(seconds=10, entries=3, clock=Clock())
    cache.put(A, 7)
    assert cache.find(A.did, 7) is A
    assert cache.find(A.did, None) is cache.find(A.did, 8) is None


def test_what_was_used_last_is_kept() -> None:
    cache = Cache(seconds=10, entries=2, clock=Clock())
    cache.put(A, None)
    cache.put(B, None)
    assert cache.find(A.did, None) is A
    cache.put(C, None)
    assert kept(cache) == [A, C]


def test_result_that_is_put_again_is_new() -> None:
    clock = Clock()
    cache = Cache(seconds=10, entries=2, clock=clock)
    cache.put(A, None)
    cache.put(B, None)
    clock.now = 5
    cache.put(A, None)
    cache.put(C, None)
    clock.now = 12
    assert kept(cache) == [A, C]


def test_errors_are_not_kept() -> None:
    cache = Cache(seconds=10, entries=2, clock=Clock())
    cache.put(ResolvedDID(did=A.did, error=FetchError("a")), None)
    assert cache.find(A.did, None) is None


def test_deactivated_is_kept() -> None:
    cache = Cache(seconds=10, entries=2, clock=Clock())
    gone = ResolvedDID(did=A.did, deactivated=True)
    cache.put(gone, None)
    assert cache.find(A.did, None) is gone


def test_nothing_is_kept_for_no_seconds() -> None:
    cache = Cache(seconds=0, entries=2, clock=Clock())
    cache.put(A, None)
    assert kept(cache) == []


@pytest.mark.parametrize("seconds", [-1, float("nan"), float("inf")])
def test_seconds_that_are_none_are_refused(seconds: float) -> None:
    with pytest.raises(InvalidOption, match="cache_seconds is"):
        Cache(seconds=seconds, entries=1, clock=Clock())


@pytest.mark.parametrize("entries", [0, -1])
def test_cache_of_no_entries_is_refused(entries: int) -> None:
    with pytest.raises(InvalidOption, match="cache_entries is"):
        Cache(seconds=1, entries=entries, clock=Clock())

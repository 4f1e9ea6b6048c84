"""Times of several runs in short."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence


class Figures(TypedDict):
    """Some runs of one thing; times in milliseconds."""

    runs: int
    median: float
    p95: float
    """The longest, of fewer than twenty runs."""
    least: float
    most: float


def figures(milliseconds: Sequence[float]) -> Figures:
    """The runs in short."""
    ordered = sorted(milliseconds)
    return {
        "runs": len(ordered),
        "median": round(statistics.median(ordered), 3),
        "p95": round(ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))], 3),
        "least": round(ordered[0], 3),
        "most": round(ordered[-1], 3),
    }

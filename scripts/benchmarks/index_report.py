"""The tables about the index."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .report import Table, number

if TYPE_CHECKING:
    from collections.abc import Mapping

TITLE = "Index"


def tables(results: Mapping[str, Any]) -> list[Table]:
    """All tables of the results."""
    targets = results["targets"]
    following = Table(
        f"Following, from an empty database (asked for: {targets['events_per_second']:,} events a "
        "second from the recorded chain into SQLite)",
        ("chain", "database", "events", "events a second", "µs of a core per event"),
        tuple(_followed(row) for row in results["following"]),
    )
    growth = Table(
        "Reading from SQLite, ten changes of each DID (asked for: a median under "
        f"{targets['resolution_ms']:g} ms from 1,000,000 events)",
        (
            "events",
            "DIDs",
            "MB",
            "bytes per event",
            "events a second while it was built",
            "resolution: median ms",
            "p95",
            "p99",
            "ms of a core",
        ),
        tuple(_grown(row) for row in results["growth"]),
    )
    return [following, growth]


def _followed(row: Mapping[str, Any]) -> tuple[str, ...]:
    least, most = row["range"]
    spread = "" if row["rounds"] == 1 else f" ({least:,}–{most:,}, n {row['rounds']})"  # noqa: RUF001 - a range
    return (
        row["chain"],
        row["database"],
        f"{row['events']:,}",
        f"{row['per_second']:,}{spread}",
        number(row["cpu_us"]),
    )


def _grown(row: Mapping[str, Any]) -> tuple[str, ...]:
    times = row["ms"]
    return (
        f"{row['events']:,}",
        f"{row['identities']:,}",
        number(row["megabytes"]),
        number(row["bytes_each"]),
        f"{row['per_second']:,}",
        *(f"{times[what]:.2f}" for what in ("median", "p95", "p99", "cpu")),
    )

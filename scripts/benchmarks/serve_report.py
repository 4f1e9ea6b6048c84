"""The tables about the service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .report import Table, number

if TYPE_CHECKING:
    from collections.abc import Mapping

TITLE = "Service"


def tables(results: Mapping[str, Any]) -> list[Table]:
    """All tables of the results."""
    targets = results["targets"]
    return [
        Table(
            f"As many requests as are answered, loaded by {results['load']} (asked for: "
            f"{targets['times_faster']} times the peer's with ten changes)",
            (
                "server",
                "traffic",
                "changes",
                "requests a second",
                "p50 ms",
                "p99 ms",
                "µs of a core per request",
                "times the peer's",
            ),
            tuple(_saturated(row) for row in results["saturated"]),
        ),
        Table(
            f"At 80 % of saturation, requests at random moments (asked for: p99 under "
            f"{targets['paced_p99_ms']} ms)",
            (
                "server",
                "traffic",
                "requests a second",
                "of saturation",
                "applied again",
                "p50 ms",
                "p99 ms",
                "longest ms",
            ),
            tuple(_paced(row) for row in results["paced"]),
        ),
        Table(
            "Overload: 600 clients that ask again at once (asked for: nothing wrong, nothing lost)",
            ("server and traffic", "right", "503", "429", "wrong", "lost", "p50 ms", "p99 ms"),
            tuple(_crowd(row) for row in results["crowds"]),
        ),
    ]


def _spread(row: Mapping[str, Any], what: str) -> str:
    """From least to most, where there were several rounds."""
    least, most = row[what]
    return "" if row["rounds"] == 1 else f" ({number(least)}–{number(most)}, n {row['rounds']})"  # noqa: RUF001 - a range


def _saturated(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["side"],
        row["traffic"],
        "all" if row["changes"] is None else f"{row['changes']}",
        number(row["per_second"]) + _spread(row, "range"),
        number(row["p50"]),
        number(row["p99"]),
        f"{row['cpu_us']:,}",
        "-" if row.get("times_faster") is None else f"{row['times_faster']:,}",
    )


def _paced(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["side"],
        row["traffic"],
        f"{row['rate']:,}",
        f"{row['share']:.0%}",
        f"{row['again']}",
        number(row["p50"]),
        number(row["p99"]) + _spread(row, "p99_range"),
        number(row["most"]),
    )


def _crowd(row: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        row["name"],
        f"{row['right']:,}",
        *(f"{row['refused'].get(status, 0):,}" for status in ("503", "429")),
        f"{row['wrong']:,}",
        f"{row['lost']:,}",
        number(row["p50"]),
        number(row["p99"]),
    )

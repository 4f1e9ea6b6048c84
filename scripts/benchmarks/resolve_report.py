"""The tables about resolving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .report import Table, ms, number

if TYPE_CHECKING:
    from collections.abc import Mapping

TITLE = "Resolving"


def tables(results: Mapping[str, Any]) -> list[Table]:
    """All tables of the results."""
    timed = [row for row in results["resolutions"] if row["block_times_in_logs"]]
    untimed = [row for row in results["resolutions"] if not row["block_times_in_logs"]]
    found = [
        _resolutions("One DID", timed),
        _resolutions("One DID, from a node that gives no block times in logs", untimed),
        Table(
            f"Decoding and folding {results['fold'][0]['events']:,} events, without a node",
            ("events", "ms"),
            tuple((row["kind"], ms(row["ms"])) for row in results["fold"]),
        ),
    ]
    if results["many"]:
        found.append(_many(results["many"]))
    rows = tuple((row["process"], ms(row["ms"])) for row in results["start"])
    return [*found, Table("Starting a process", ("process", "ms"), rows)]


def _resolutions(title: str, rows: list[dict[str, Any]]) -> Table:
    columns: tuple[str, ...] = ("changes", "RTT ms", "ours: trips / calls", "ours: ms")
    if rows and "peer" in rows[0]:
        columns += ("peer: trips / calls", "peer: ms", "times faster")
    return Table(title, columns, tuple(_resolution(row) for row in rows))


def _resolution(row: dict[str, Any]) -> tuple[str, ...]:
    cells = [f"{row['changes']:,}", str(row["rtt"])]
    for side in ("ours", "peer"):
        if side in row:
            cells += [
                f"{row[side]['round_trips']:,} / {row[side]['calls']:,}",
                ms(row[side]["ms"]),
            ]
    if "times_faster" in row:
        cells.append(number(row["times_faster"]))
    return tuple(cells)


def _many(many: dict[str, Any]) -> Table:
    rows = tuple(
        (str(row["rtt"]), f"{row['round_trips']} / {row['calls']}", ms(row["ms"]))
        for row in many["rows"]
    )
    title = f"{many['dids']:,} DIDs of {many['changes_each']} changes each, resolve_many"
    return Table(title, ("RTT ms", "trips / calls", "ms"), rows)

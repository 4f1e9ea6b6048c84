"""The tables about credential status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .report import Table, ms, number
from .status_costs import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Rows = Sequence[Mapping[str, Any]]

TITLE = "Credential status"


def tables(results: Mapping[str, Any]) -> list[Table]:
    """All tables of the results."""
    found = []
    if results["operations"]:
        found += [_operations(results["operations"]), *_batches(results["batches"])]
    if results["reading"]:
        found.append(_reading(results["reading"]))
    return [
        *found,
        _planning(results["planning"]),
        _allocation(results["allocation"]),
        _decoding(results["decoding"]),
    ]


# -- gas ------------------------------------------------------------------------------------------


def _operations(rows: Rows) -> Table:
    newer, older = ([row for row in rows if row["rules"] == rules] for rules in RULES)
    peers = _names(newer, "peers")
    cells = tuple(
        (
            row["operation"],
            *(f"{one['ours']:,}" for one in (row, before)),
            *(f"{row['peers'][name]:,}" if name in row["peers"] else "-" for name in peers),
        )
        for row, before in zip(newer, older, strict=True)
    )
    ours = tuple(f"ours, {rules}" for rules in RULES)
    return Table("Gas of one operation", ("operation", *ours, *peers), cells)


def _batches(rows: Rows) -> list[Table]:
    """One table; the older rules get one of their own where a figure differs."""
    newer, older = ([row for row in rows if row["rules"] == rules] for rules in RULES)
    is_same = [row["ours"] for row in newer] == [row["ours"] for row in older]
    title = "Gas of a revocation, by revocations at once"
    if is_same:
        return [_batch(f"{title}; ours are the same under {' and '.join(RULES)}", newer)]
    return [_batch(f"{title}, {row[0]['rules']}", row) for row in (newer, older)]


def _batch(title: str, rows: Rows) -> Table:
    ours, peers = _names(rows, "ours"), _names(rows, "peers")
    cells = tuple(
        (
            f"{row['count']:,}",
            *(_each(row["ours"][name]) for name in ours),
            *(_each(row["peers"][name]) for name in peers),
        )
        for row in rows
    )
    return Table(title, ("at once", *(f"ours, {name}" for name in ours), *peers), cells)


def _each(spent: Mapping[str, Any]) -> str:
    count = spent["transactions"]
    return f"{spent['each']:,.0f}" + (f" in {count:,} txs" if count > 1 else "")


def _names(rows: Rows, side: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for row in rows for name in row[side]))


# -- reading --------------------------------------------------------------------------------------


def _reading(rows: Rows) -> Table:
    cells = tuple(
        (
            f"{row['reader']}, {row['how']}",
            f"{row['statuses']:,}",
            f"{row['rtt']}",
            f"{row['round_trips']:,} / {row['calls']:,}",
            ms(row["ms"]),
            f"{row['per_second']:,}",
        )
        for row in rows
    )
    columns = ("reader", "statuses", "RTT ms", "trips / calls", "ms", "statuses per second")
    return Table("Reading statuses", columns, cells)


# -- without a node -------------------------------------------------------------------------------


def _planning(rows: Rows) -> Table:
    stages = tuple(rows[0]["stages"])
    cells = tuple(
        (
            f"{row['lists']}",
            f"{row['words']:,}",
            f"{row['transactions']:,}",
            *(number(row["stages"][stage]["median"]) for stage in stages),
            ms(row["ms"]),
        )
        for row in rows
    )
    columns = ("lists", "words", "transactions", *(f"{stage} ms" for stage in stages), "ms")
    return Table(f"{rows[0]['changes']:,} changes, from wishes to call data", columns, cells)


def _allocation(rows: Rows) -> Table:
    cells = tuple(
        (
            f"{row['indexes']:,}",
            f"{row['each_call']:,}",
            ms(row["ms"]),
            f"{row['per_second']:,}",
        )
        for row in rows
    )
    columns = ("indexes", "in each call", "ms", "indexes per second")
    return Table("Handing out indexes", columns, cells)


def _decoding(rows: Rows) -> Table:
    columns: tuple[str, ...] = ("list", "bits", "characters", "ours: one, ms", "ours: all, ms")
    if "peer" in rows[0]:
        columns += ("peer: one, ms", "peer: all, ms")
    cells = tuple(
        (
            row["format"],
            f"{row['bits']}",
            f"{row['characters']:,}",
            *(
                ms(row[side][what])
                for side in ("ours", "peer")
                if side in row
                for what in ("one", "all")
            ),
        )
        for row in rows
    )
    title = f"Lists of {rows[0]['entries']:,} entries, from text to one of them and to all"
    return Table(title, columns, cells)

"""The table about credentials."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .report import Table

if TYPE_CHECKING:
    from collections.abc import Mapping

TITLE = "Credentials"


def tables(results: Mapping[str, Any]) -> list[Table]:
    """All tables of the results."""
    rows = [_cells("ours", row, results["targets"]) for row in results["ours"]]
    rows += [_cells("peer", row, {}) for row in results["peers"]]
    columns = ("", "format", "issued", "verified", "asked for", "characters")
    return [Table("Credentials per second and core", columns, tuple(rows))]


def _cells(side: str, row: Mapping[str, Any], targets: Mapping[str, int]) -> tuple[str, ...]:
    target = targets.get(row["name"])
    return (
        side,
        row["name"],
        *(_rate(row, what) for what in ("issue", "verify")),
        "-" if target is None else f"{target:,}",
        f"{row['size']:,}" if "size" in row else "-",
    )


def _rate(row: Mapping[str, Any], what: str) -> str:
    least, most = row[f"{what}_range"]
    spread = "" if row["rounds"] == 1 else f" ({least:,}–{most:,}, n {row['rounds']})"  # noqa: RUF001 - a range
    return f"{row[what]:,}{spread}"

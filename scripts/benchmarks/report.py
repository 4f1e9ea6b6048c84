"""The figures as tables: on the terminal, and in the documentation."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    Results = Mapping[str, Any]


def tell(line: str) -> None:
    """What is being done, for who waits."""
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a title."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def show(results: Results) -> None:
    """Prints everything: as tables on a terminal, as plain text elsewhere."""
    machine = "; ".join(f"{key} {value}" for key, value in results["machine"].items())
    if not sys.stdout.isatty():
        print(machine)
        for table in tables(results):
            print(f"\n{table.title}\n\n{_markdown(table)}")
        return
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console()
    console.print(machine)
    for table in tables(results):
        shown = RichTable(*table.columns, title=table.title)
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)


def write(path: Path, results: Results) -> None:
    """Puts the figures into the document, between the marks that name the subject."""
    subject = results["subject"]
    begin, end = f"<!-- {subject}: written by scripts/bench -->", f"<!-- {subject}: end -->"
    text = path.read_text("utf-8") if path.exists() else "# Benchmarks\n"
    if begin not in text:
        text += f"\n{begin}\n{end}\n"
    section = f"{begin}\n{_section(results)}{end}"
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    text = re.sub(pattern, lambda _: section, text, flags=re.DOTALL)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    tell(f"written to {path}")


def _section(results: Results) -> str:
    lines = [f"- {key}: {value}" for key, value in results["machine"].items()]
    blocks = ["\n".join(lines)]
    for table in tables(results):
        blocks += [f"### {table.title}", _markdown(table)]
    return "\n\n".join(["## Resolving", *blocks]) + "\n"


def tables(results: Results) -> list[Table]:
    """All tables of the results."""
    timed = [row for row in results["resolutions"] if row["block_times_in_logs"]]
    untimed = [row for row in results["resolutions"] if not row["block_times_in_logs"]]
    found = [
        _resolutions("One DID", timed),
        _resolutions("One DID, from a node that gives no block times in logs", untimed),
        Table(
            f"Decoding and folding {results['fold'][0]['events']:,} events, without a node",
            ("events", "ms"),
            tuple((row["kind"], _ms(row["ms"])) for row in results["fold"]),
        ),
    ]
    if results["many"]:
        found.append(_many(results["many"]))
    rows = tuple((row["process"], _ms(row["ms"])) for row in results["start"])
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
                _ms(row[side]["ms"]),
            ]
    if "times_faster" in row:
        cells.append(_number(row["times_faster"]))
    return tuple(cells)


def _many(many: dict[str, Any]) -> Table:
    rows = tuple(
        (str(row["rtt"]), f"{row['round_trips']} / {row['calls']}", _ms(row["ms"]))
        for row in many["rows"]
    )
    title = f"{many['dids']:,} DIDs of {many['changes_each']} changes each, resolve_many"
    return Table(title, ("RTT ms", "trips / calls", "ms"), rows)


def _ms(figures: dict[str, Any]) -> str:
    """The median, and how the runs spread."""
    if figures["runs"] == 1:
        return f"{_number(figures['median'])} (one run)"
    last = "p95" if figures["runs"] >= 20 else "longest"  # noqa: PLR2004 - see Figures
    return f"{_number(figures['median'])} ({last} {_number(figures['p95'])}, n {figures['runs']})"


def _number(value: float) -> str:
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"  # noqa: PLR2004 - three digits say enough


def _markdown(table: Table) -> str:
    lines = [table.columns, tuple("---:" if i else "---" for i in range(len(table.columns)))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [*lines, *table.rows])

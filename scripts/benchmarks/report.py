"""Figures as tables: on the terminal, and in the documentation."""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .figures import Figures


def tell(line: str) -> None:
    """What is being done, for who waits."""
    print(line, file=sys.stderr, flush=True)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows under a title."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that is said about one subject."""

    subject: str
    """Names the section in the document."""
    title: str
    machine: Mapping[str, str]
    tables: Sequence[Table]


def show(report: Report) -> None:
    """Prints everything: as tables on a terminal, as plain text elsewhere."""
    machine = "; ".join(f"{key} {value}" for key, value in report.machine.items())
    if not sys.stdout.isatty():
        print(machine)
        for table in report.tables:
            print(f"\n{table.title}\n\n{_markdown(table)}")
        return
    from rich.console import Console
    from rich.table import Table as RichTable

    console = Console()
    console.print(machine)
    for table in report.tables:
        shown = RichTable(*table.columns, title=table.title)
        for row in table.rows:
            shown.add_row(*row)
        console.print(shown)


def write(path: Path, report: Report) -> None:
    """Puts the figures into the document, between the marks that name the subject."""
    subject = report.subject
    begin, end = f"<!-- {subject}: written by scripts/bench -->", f"<!-- {subject}: end -->"
    text = path.read_text("utf-8") if path.exists() else "# Benchmarks\n"
    if begin not in text:
        text += f"\n{begin}\n{end}\n"
    section = f"{begin}\n{_section(report)}{end}"
    pattern = re.escape(begin) + ".*?" + re.escape(end)
    text = re.sub(pattern, lambda _: section, text, flags=re.DOTALL)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    tell(f"written to {path}")


def _section(report: Report) -> str:
    blocks = ["\n".join(f"- {key}: {value}" for key, value in report.machine.items())]
    for table in report.tables:
        blocks += [f"### {table.title}", _markdown(table)]
    return "\n\n".join([f"## {report.title}", *blocks]) + "\n"


def ms(figures: Figures) -> str:
    """The median, and how the runs spread."""
    if figures["runs"] == 1:
        return f"{number(figures['median'])} (one run)"
    last = "p95" if figures["runs"] >= 20 else "longest"  # noqa: PLR2004 - see Figures
    return f"{number(figures['median'])} ({last} {number(figures['p95'])}, n {figures['runs']})"


def number(value: float) -> str:
    """As many digits as say something."""
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"  # noqa: PLR2004 - three digits say enough


def _markdown(table: Table) -> str:
    lines = [table.columns, tuple("---:" if i else "---" for i in range(len(table.columns)))]
    return "\n".join(f"| {' | '.join(row)} |" for row in [*lines, *table.rows])

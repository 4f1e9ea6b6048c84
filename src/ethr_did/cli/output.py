"""What commands print: JSON for programs, tables and colour for people, talk to stderr."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

__all__ = ["columns", "console", "describe_wei", "print_json", "say", "table", "working"]

_PIPE_WIDTH = 200
"""Columns of output that no terminal reads: enough not to break an address or a hash."""


def print_json(data: Any) -> None:
    """Nothing; prints JSON, in colour on a terminal."""
    text = json.dumps(data, indent=2, ensure_ascii=False, default=str)
    if sys.stdout.isatty():
        console().print_json(text, ensure_ascii=False)
    else:
        click.echo(text)


def say(text: str) -> None:
    """Nothing; tells a person something, on stderr."""
    click.echo(text, err=True)


def console(*, stderr: bool = False) -> Console:
    """A rich console that neither wraps nor colours what is piped."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def table(
    rows: Sequence[Sequence[object]], headings: Sequence[str], *, title: str | None = None
) -> None:
    """Nothing; prints a table: ruled on a terminal, plain columns in a pipe."""
    if not sys.stdout.isatty():
        for line in columns(rows, headings):
            click.echo(line)
        return
    from rich.table import Table
    from rich.text import Text

    out = Table(title=title, title_justify="left", header_style="bold")
    for heading in headings:
        out.add_column(heading, overflow="fold")
    for row in rows:
        out.add_row(*(Text(str(cell)) for cell in row))
    console().print(out)


def columns(rows: Sequence[Sequence[object]], headings: Sequence[str]) -> list[str]:
    """A table as lines of plain text, two spaces between its columns."""
    cells = [list(headings), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


@contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """A spinner on stderr while something long goes on; its argument changes the words."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with console(stderr=True).status(what) as status:
        yield status.update


def describe_wei(wei: int) -> str:
    """An amount of ether for people.

    Example:
        >>> describe_wei(1_500_000_000_000_000)
        '0.0015 ETH'
    """
    whole, rest = divmod(wei, 10**18)
    digits = f"{rest:018d}".rstrip("0")
    return f"{whole}.{digits} ETH" if digits else f"{whole} ETH"

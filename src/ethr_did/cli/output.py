"""What commands print: JSON for programs, tables and colour for people, talk to stderr.

Rules:
  * Addresses and hashes are never broken: they are copied from here.
  * What others wrote on chain, or a node said, cannot steer the terminal: whatever is not printable
    is shown as an escape.
  * A stream that cannot write a character writes its escape; JSON stays JSON.
"""

from __future__ import annotations

import io
import json
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import Console

__all__ = [
    "columns",
    "complain",
    "console",
    "fields",
    "prepare_streams",
    "print_json",
    "readable",
    "say",
    "table",
    "to_json",
    "working",
]

_PIPE_WIDTH = 200
_RULES = 3
"""Columns of the screen that a ruled table takes beside each cell."""


def prepare_streams() -> None:
    """Nothing; from here on no character that a stream lacks ends the program."""
    # A stream that was closed before the start is None.
    sys.stdout = sys.stdout or _nowhere()
    sys.stderr = sys.stderr or _nowhere()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _nowhere() -> TextIO:
    return open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123 - until the end


def to_json(data: Any) -> str:
    """JSON that stdout can write and a terminal can show."""
    plain = (sys.stdout.encoding or "").lower().replace("-", "") != "utf8"
    text = json.dumps(data, indent=2, ensure_ascii=plain, default=str)
    # Between the strings of JSON everything is printable; inside of them an escape is the same.
    return readable(text, lambda char: json.dumps(char)[1:-1])


def readable(text: str, escape: Callable[[str], str] = ascii) -> str:
    """The text with an escape for each character that is neither printable nor a line's end."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char == "\n" else escape(char).strip("'") for char in text
    )


def print_json(data: Any) -> None:
    """Nothing; prints JSON, in colour on a terminal."""
    if sys.stdout.isatty():
        console().print_json(to_json(data), ensure_ascii=False)
    else:
        click.echo(to_json(data))


def say(text: str) -> None:
    """Nothing; tells a person something, on stderr."""
    click.echo(readable(text), err=True)


def complain(message: str, hint: str = "") -> None:
    """Nothing; tells a person what went wrong and what to do next, on stderr."""
    lines = [("Error:", "bold red", message), ("Hint:", "cyan", hint)]
    for label, style, words in lines:
        if not words:
            continue
        if not sys.stderr.isatty():
            say(f"{label} {words}")
            continue
        from rich.text import Text

        line = Text.assemble((label, style), " ", readable(words))
        console(stderr=True).print(line, soft_wrap=True)


def console(*, stderr: bool = False) -> Console:
    """A rich console that neither wraps nor colours what is piped."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(stderr=stderr, width=width, highlight=False, soft_wrap=False)


def table(
    rows: Sequence[Sequence[object]], headings: Sequence[str], *, stderr: bool = False
) -> None:
    """Nothing; prints a table: plain columns in a pipe, ruled on a terminal.

    Where the terminal is too narrow, each row becomes a few lines of its own.
    """
    stream = sys.stderr if stderr else sys.stdout
    cells = [[readable(str(cell)) for cell in row] for row in rows]
    lines = columns(cells, headings)
    if not stream.isatty():
        click.echo("\n".join(lines), file=stream)
        return
    screen = console(stderr=stderr)
    if _width(cells, headings) > screen.width:
        _print_records(cells, headings, stream)
        return
    from rich.table import Table
    from rich.text import Text

    out = Table(header_style="bold")
    for heading in headings:
        out.add_column(heading, no_wrap=True)
    for row in cells:
        out.add_row(*map(Text, row))
    screen.print(out)


def _width(cells: Sequence[Sequence[str]], headings: Sequence[str]) -> int:
    """Columns of the screen that the ruled table needs."""
    longest = [max(map(len, column)) for column in zip(headings, *cells, strict=True)]
    return sum(longest) + _RULES * len(headings) + 1


def _print_records(cells: Sequence[Sequence[str]], headings: Sequence[str], stream: TextIO) -> None:
    margin = max(map(len, headings)) + 2
    for number, row in enumerate(cells):
        if number:
            click.echo(file=stream)
        for heading, cell in zip(headings, row, strict=True):
            if cell:
                click.echo(f"{heading.ljust(margin)}{cell}", file=stream)


def fields(rows: Sequence[tuple[str, object]]) -> None:
    """Nothing; prints what one thing is made of, a line for each name and value."""
    margin = max(len(name) for name, _ in rows) + 2
    for name, value in rows:
        click.echo(f"{name.ljust(margin)}{readable(str(value))}")


def columns(rows: Sequence[Sequence[object]], headings: Sequence[str]) -> list[str]:
    """A table as lines of plain text, two spaces between its columns."""
    cells = [list(headings), *([str(cell) for cell in row] for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(headings))]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    ]


@contextmanager
def working(what: str) -> Iterator[None]:
    """A spinner on the terminal while something long goes on."""
    if not sys.stderr.isatty():
        yield
        return
    with console(stderr=True).status(what):
        yield

"""The help of every command, frozen: python tests/support/help_texts.py writes the files anew."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.testing import CliRunner

from ethr_did.cli.main import cli, run

if TYPE_CHECKING:
    from collections.abc import Iterator

FROZEN = Path(__file__).parent.parent / "cli" / "help"


def commands() -> dict[str, click.Command]:
    """Every command by its words, groups included; the whole is the empty string."""
    return {"": cli, **dict(_below("", cli))}


def _below(words: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    with click.Context(group) as context:
        for name in group.list_commands(context):
            command = group.get_command(context, name)
            assert command is not None
            full = f"{words} {name}".strip()
            yield full, command
            if isinstance(command, click.Group):
                yield from _below(full, command)


def help_text(words: str) -> str:
    """What ``--help`` prints, 80 columns wide."""
    with CliRunner().isolation() as (out, _, _):
        assert run([*words.split(), "--help"]) == 0
        return out.getvalue().decode()


def parse(line: str) -> None:
    """Raises ``click.UsageError`` unless the command line would be understood; runs nothing.

    Args:
        line: begins with ``ethr-did``; what a shell does after ``|`` or ``>`` is left out.
    """
    words = shlex.split(re.split(r" [|>]", line)[0])[1:]
    context = cli.make_context("ethr-did", words)
    while isinstance(context.command, click.Group):
        rest = [*context._protected_args, *context.args]
        name, command, rest = context.command.resolve_command(context, rest)
        assert command is not None, line
        context = command.make_context(name, rest, parent=context)


def file_of(words: str) -> Path:
    """Where the help of a command is frozen."""
    return FROZEN / f"{'-'.join(['ethr-did', *words.split()])}.txt"


def main() -> None:
    """Writes all files, and removes those of commands that are gone."""
    FROZEN.mkdir(exist_ok=True)
    wanted = {file_of(words): help_text(words) for words in commands()}
    for path in set(FROZEN.glob("*.txt")) - set(wanted):
        path.unlink()
    for path, text in wanted.items():
        path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()

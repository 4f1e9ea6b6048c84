"""The command ``ethr-did``: the list of its commands, and how an error ends it.

Commands are imported when they are run, so that ``--help`` is quick.

Exit codes: 0 done; 1 a fault of this program; 2 wrong input; 3 not there, or deactivated; 4 the
chain could not be read; 5 a transaction was refused or is not known to be mined; 6 a key could not
be used; 7 wrong configuration; 8 a deployment is not what its record says; 9 a part is not
installed; 130 interrupted.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import click

from ethr_did.errors import EthrDIDError, outcome_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["cli", "main"]

INTERRUPTED = 130
BROKEN_PIPE = 141
FAULT = 1

_COMMANDS: Mapping[str, str] = {
    "resolve": "reading:resolve",
    "dereference": "reading:dereference",
    "history": "reading:history",
    "networks": "reading:networks",
    "create": "creating:create",
    "keystore": "creating:keystore",
    "key": "changing:key",
    "delegate": "changing:delegate",
    "service": "changing:service",
    "owner": "changing:owner",
    "deactivate": "changing:deactivate",
    "batch": "changing:batch",
    "relay": "relaying:relay",
    "transaction": "transactions:transaction",
    "deploy": "deploying:deploy",
    "deployments": "deploying:deployments",
    "devnet": "devnet:devnet",
    "demo": "demo:demo",
}
"""Name of each command, and the module and object below ``ethr_did.cli`` that it is."""

_SUMMARIES: Mapping[str, str] = {
    "resolve": "Print the DID resolution result of one or more DIDs.",
    "dereference": "Print the resource that a DID URL names.",
    "history": "Show every change of an identity.",
    "networks": "List the networks that are known.",
    "create": "Make a did:ethr; no transaction is needed.",
    "keystore": "Make, import and list encrypted key files.",
    "key": "Publish and revoke keys.",
    "delegate": "Add and revoke delegates.",
    "service": "Publish and revoke services.",
    "owner": "Show and change the owner of an identity.",
    "deactivate": "Give an identity up for good.",
    "batch": "Make several changes in one transaction.",
    "relay": "Sign changes here, let someone else submit and pay.",
    "transaction": "List, wait for, replace or cancel what was sent.",
    "deploy": "Deploy the registries to a network.",
    "deployments": "List deployments and verify them against the chain.",
    "devnet": "Serve a local chain with the registries deployed.",
    "demo": "Tell the whole story on a chain inside this process.",
}
"""What ``--help`` says of each command, without importing it; a test compares them."""


class _Commands(click.Group):
    """A group whose members are imported when they are needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        _ = ctx
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        _ = ctx
        if cmd_name not in _COMMANDS:
            return None
        module, _, name = _COMMANDS[cmd_name].partition(":")
        command: click.Command = getattr(importlib.import_module(f"ethr_did.cli.{module}"), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        _ = ctx
        with formatter.section("Commands"):
            formatter.write_dl(list(_SUMMARIES.items()))

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and args[0] not in _COMMANDS:
            from ethr_did.errors import nearest

            ctx.fail(f"No such command {args[0]!r}. {nearest(args[0], _COMMANDS)}")
        return super().resolve_command(ctx, args)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=(
        "Start with `ethr-did demo`, or `ethr-did devnet` in one terminal and "
        "`ethr-did create` in another. Shell completion: see docs/cli.md."
    ),
)
@click.version_option(package_name="ethr-did", prog_name="ethr-did")
def cli() -> None:
    """Deploy, manage and resolve did:ethr identities on any EVM chain."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Nothing; runs the command line and ends the process with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: Sequence[str]) -> int:
    """The exit code of a command line, its output written."""
    wants_json = "--json" in arguments
    try:
        status = cli.main(list(arguments), prog_name="ethr-did", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as done:
        return done.exit_code
    except click.ClickException as error:
        if wants_json:
            _print_json({"code": "usage", "message": error.format_message()})
        else:
            error.show()
        return error.exit_code
    except EthrDIDError as error:
        _report(error, wants_json=wants_json)
        return outcome_of(error).exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Interrupted.", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # The reader has gone. Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return status if isinstance(status, int) else 0


def _report(error: EthrDIDError, *, wants_json: bool) -> None:
    if wants_json:
        _print_json(error.to_dict())
        return
    click.echo(f"{click.style('Error:', fg='red', bold=True)} {error.message}", err=True)
    if error.hint:
        click.echo(f"{click.style('Hint:', fg='cyan')} {error.hint}", err=True)


def _print_json(error: dict[str, Any]) -> None:
    click.echo(json.dumps({"error": error}, indent=2, ensure_ascii=False, default=str))


def _on_terminate(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


# A service manager's SIGTERM ends a command as tidily as Ctrl-C does.
signal.signal(signal.SIGTERM, _on_terminate)

"""The command ``ethr-did``: the list of its commands, and how an error ends it.

Commands are imported when they are run, so that ``--help`` is quick.

Exit codes: 0 done; 1 a fault of this program or of the system below it; 2 wrong input; 3 not there,
or deactivated; 4 the chain could not be read; 5 a transaction was refused or is not known to be
mined; 6 a key could not be used; 7 wrong configuration; 8 a deployment is not what its record
says; 9 a part is not installed; 10 a credential or presentation is not valid, or its status is not; 11
the database of statuses could not be used; 12 the wallet could not be used; 130 interrupted, or not
confirmed; 141 the reader of the output has gone.
"""

from __future__ import annotations

import importlib
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["cli", "main"]

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
    "status": "status:status",
    "credential": "credential:credential",
    "presentation": "verifying:presentation",
    "verify": "verifying:verify",
    "trust": "trust:trust",
    "wallet": "wallet:wallet",
    "transaction": "transactions:transaction",
    "index": "indexing:index",
    "deploy": "deploying:deploy",
    "deployments": "deploying:deployments",
    "serve": "serving:serve",
    "devnet": "devnet:devnet",
    "demo": "demo:demo",
}
"""Name of each command, and the module and object below ``ethr_did.cli`` that it is."""

_SUMMARIES: Mapping[str, str] = {
    "resolve": "Resolve one or more DIDs.",
    "dereference": "Print what a DID URL names.",
    "history": "Show every change of an identity.",
    "networks": "List the networks that are known.",
    "create": "Make a did:ethr, with a new key or one that exists.",
    "keystore": "Make, import and list encrypted key files.",
    "key": "Publish and revoke keys.",
    "delegate": "Add and revoke delegates.",
    "service": "Publish and revoke services.",
    "owner": "Show and change the owner of an identity.",
    "deactivate": "Give an identity up for good.",
    "batch": "Make several changes in one transaction.",
    "relay": "Sign changes here, let someone else submit and pay.",
    "status": "Revoke, suspend, reinstate and check credentials.",
    "credential": "Issue, show, verify, revoke and replace credentials.",
    "presentation": "Verify what holders present.",
    "verify": "Verify credentials and presentations, whatever their format.",
    "trust": "Say whose credentials are accepted.",
    "wallet": "Keep keys and credentials in an encrypted file.",
    "transaction": "List, wait for, replace or cancel what was sent.",
    "index": "Keep the events of networks in a database.",
    "deploy": "Deploy the contracts to a network.",
    "deployments": "List deployments and verify them against the chain.",
    "serve": "Answer over HTTP: resolution, status, verification, and a page for people.",
    "devnet": "Serve a local chain with all contracts deployed.",
    "demo": "Tell the whole story on a chain inside this process.",
}
"""What ``--help`` says of each command, without importing it; a test compares them."""


class _ReaderGone(Exception):
    """Whoever read the output has closed it; click would make exit code 1 of it."""


@contextmanager
def _telling_of_reader() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as cause:
        raise _ReaderGone from cause


class _Commands(click.Group):
    """A group whose members are imported when they are needed."""

    def make_context(self, *arguments: Any, **extra: Any) -> click.Context:
        with _telling_of_reader():  # --help writes here
            return super().make_context(*arguments, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        with _telling_of_reader():
            return super().invoke(ctx)

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
    epilog="\b\n"
    "Start with `ethr-did demo`, or with `ethr-did devnet` in a terminal of its own.\n"
    "`ethr-did COMMAND --help` shows examples. Exit codes, shell completion: docs/cli.md",
)
@click.version_option(package_name="ethr-did", prog_name="ethr-did")
def cli() -> None:
    """Deploy, manage and resolve did:ethr identities on any EVM chain."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Nothing; runs the command line and ends the process with its exit code."""
    # A service manager's SIGTERM ends a command as tidily as Ctrl-C does.
    signal.signal(signal.SIGTERM, _on_terminate)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def _on_terminate(_number: int, _frame: object) -> None:
    raise KeyboardInterrupt


def run(arguments: Sequence[str]) -> int:
    """The exit code of a command line, its output written."""
    from ethr_did.cli.ending import BROKEN_PIPE, drop_stdout, end
    from ethr_did.cli.output import prepare_streams

    prepare_streams()
    try:
        try:
            status = cli.main(list(arguments), prog_name="ethr-did", standalone_mode=False)
            sys.stdout.flush()
        except (_ReaderGone, BrokenPipeError):
            raise
        except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - told there
            return end(error, as_json="--json" in arguments)
    except (_ReaderGone, BrokenPipeError):
        drop_stdout()
        return BROKEN_PIPE
    return status if isinstance(status, int) else 0

"""Options that several commands share, and how their help is written."""

from __future__ import annotations

import dataclasses
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ethr_did.chain.networks import Networks
    from ethr_did.resolver import Resolver
    from ethr_did.settings import Settings

__all__ = [
    "ask_password",
    "choices",
    "complete_network",
    "config_option",
    "examples",
    "index_option",
    "json_option",
    "load",
    "network_argument",
    "network_option",
    "open_resolver",
    "resolving",
    "signer_options",
    "with_options",
]

F = TypeVar("F", bound="Callable[..., Any]")


def examples(*lines: str) -> str:
    """The end of a help text: command lines as they are typed, never wrapped."""
    # click leaves the lines of a paragraph alone that starts with a backspace.
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


def with_options(
    function: F, options: Sequence[Callable[[Any], Any]], command: Callable[..., Any]
) -> F:
    """A command with more options than its function has parameters.

    Args:
        function: the command as it is written.
        options: that are added, in the order of the help text.
        command: is called with all options, and calls the function.
    """
    command.__doc__ = function.__doc__
    command.__name__ = function.__name__
    # Options that decorate the function itself come first in its help; click keeps them there.
    command.__click_params__ = getattr(function, "__click_params__", [])  # type: ignore[attr-defined]  # click's own
    decorated: Any = command
    for option in reversed(options):
        decorated = option(decorated)
    return decorated  # type: ignore[no-any-return]  # decorators of click say Any


def json_option(function: F) -> F:
    """Adds ``--json``."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON.")(function)


def config_option(function: F) -> F:
    """Adds ``--config``."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Configuration file; otherwise ETHR_DID_CONFIG or the user's configuration folder.",
    )(function)


def signer_options(*, required: bool = True) -> Callable[[F], F]:
    """Adds ``--signer`` and ``--password-file``."""

    def add(function: F) -> F:
        password = click.option(
            "--password-file",
            type=click.Path(path_type=Path, dir_okay=False),
            help="File whose first line is the password of the keystore; otherwise it is asked for.",
        )
        signer = click.option(
            "--signer",
            required=required,
            envvar="ETHR_DID_SIGNER",
            show_envvar=True,
            metavar="NAME",
            help="keystore:PATH, keyfile:PATH or remote:URL#0xADDRESS.",
            shell_complete=choices("keystore:", "keyfile:", "remote:"),
        )
        return signer(password(function))

    return add


def choices(*words: str) -> Callable[[click.Context, click.Parameter, str], list[str]]:
    """A completion by these words, where others are allowed too."""

    def complete(_ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
        return [word for word in words if word.startswith(incomplete)]

    return complete


def complete_network(ctx: click.Context, _param: click.Parameter, incomplete: str) -> list[str]:
    """The networks that are known, for the completion of the shell."""
    from ethr_did.errors import EthrDIDError

    try:
        known = load(ctx.params.get("config_file")).table()
    except EthrDIDError:
        return []  # the command itself will say what is wrong
    return [network.name for network in known if network.name.startswith(incomplete)]


network_argument = click.argument("network", shell_complete=complete_network)


def network_option(text: str, **attributes: Any) -> Callable[[F], F]:
    """Adds ``--network``."""
    return click.option(
        "--network", metavar="NAME", help=text, shell_complete=complete_network, **attributes
    )


def ask_password(words: str, *, confirm: bool = False) -> str:
    """What a person types at a prompt on the terminal, unseen."""
    if not sys.stdin.isatty():
        raise click.UsageError(
            "A password is needed and there is no terminal to ask at. Use --password-file."
        )
    answer: str = click.prompt(words, hide_input=True, confirmation_prompt=confirm, err=True)
    return answer


def load(config_file: Path | None) -> Settings:
    """The settings in force."""
    from ethr_did.settings import load_settings

    return load_settings(config_file)


index_option = click.option(
    "--index",
    "use_index",
    is_flag=True,
    help="Read from the index; the node is asked where the index cannot answer.",
)


def open_resolver(settings: Settings) -> Resolver:
    """A resolver of the networks in the settings."""
    from ethr_did.resolver import Resolver

    return Resolver(settings.table(), timeout=settings.timeout)


@contextmanager
def resolving(settings: Settings, *, use_index: bool) -> Iterator[Resolver]:
    """A resolver of the networks in the settings, which may read from the index."""
    from ethr_did.resolver import Resolver

    with ExitStack() as stack:
        networks: Networks = settings.table()
        if use_index:
            networks = stack.enter_context(_indexed(settings))
        yield stack.enter_context(Resolver(networks, timeout=settings.timeout))


@contextmanager
def _indexed(settings: Settings) -> Iterator[Networks]:
    """The networks in the settings, read from the index before their nodes."""
    from ethr_did.chain.networks import Networks
    from ethr_did.index.index import Index
    from ethr_did.index.store import IndexDatabase

    with IndexDatabase(settings.index_database_url) as database:
        source = Index(database, clock=time.time).source()
        yield Networks(dataclasses.replace(one, source=source) for one in settings.table())

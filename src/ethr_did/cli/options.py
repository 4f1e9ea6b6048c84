"""Options that several commands share."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.resolver import Resolver
    from ethr_did.settings import Settings

__all__ = [
    "ask_password",
    "config_option",
    "json_option",
    "load",
    "open_resolver",
    "signer_options",
]

F = TypeVar("F", bound="Callable[..., Any]")


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
            help="keystore:PATH, keyfile:PATH or remote:URL#0xADDRESS.",
        )
        return signer(password(function))

    return add


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


def open_resolver(settings: Settings) -> Resolver:
    """A resolver of the networks in the settings."""
    from ethr_did.resolver import Resolver

    return Resolver(settings.table(), timeout=settings.timeout)

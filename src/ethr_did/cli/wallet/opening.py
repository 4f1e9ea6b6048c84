"""What the wallet commands share: which wallet, its password, and opening it."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ethr_did.cli.options import ask_password
from ethr_did.cli.output import working

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.wallet.wallet import Wallet

__all__ = [
    "VARIABLE",
    "new_password",
    "open_wallet",
    "password_file_option",
    "password_of",
    "wallet_option",
    "wallet_options",
    "wallet_path",
]

F = TypeVar("F", bound="Callable[..., Any]")

VARIABLE = "ETHR_DID_WALLET"


def wallet_option(function: F) -> F:
    """Adds ``--wallet``."""
    return click.option(
        "--wallet",
        "wallet_file",
        type=click.Path(path_type=Path, dir_okay=False),
        envvar=VARIABLE,
        show_envvar=True,
        help="The file; otherwise wallet.json in the user's state folder.",
    )(function)


def password_file_option(
    text: str, name: str = "--password-file", **attributes: Any
) -> Callable[[F], F]:
    """Adds an option for a file that holds a password."""
    return click.option(
        name, type=click.Path(path_type=Path, dir_okay=False), help=text, **attributes
    )


def wallet_options(function: F) -> F:
    """Adds ``--wallet`` and ``--password-file``."""
    password = password_file_option(
        "File whose first line is the password of the wallet; otherwise it is asked for."
    )
    return wallet_option(password(function))


def wallet_path(wallet_file: Path | None) -> Path:
    """Where the wallet is."""
    from ethr_did.settings import state_folder

    return wallet_file or state_folder() / "wallet.json"


def password_of(path: Path, password_file: Path | None) -> str:
    """The password of a file: read, or asked for."""
    from ethr_did.chain.keystore import read_password_file

    if password_file is not None:
        return read_password_file(password_file)
    return ask_password(f"Password for {path}")


def new_password(password_file: Path | None) -> str:
    """A new password: read, or asked for twice."""
    from ethr_did.chain.keystore import read_password_file

    if password_file is not None:
        return read_password_file(password_file)
    return ask_password("New password for the wallet", confirm=True)


def open_wallet(wallet_file: Path | None, password_file: Path | None) -> Wallet:
    """The wallet, open; the password is asked for only if there is a file that it could open.

    Raises:
        WalletError: missing, damaged, or the password is wrong.
    """
    from ethr_did.wallet.storage import read_envelope
    from ethr_did.wallet.wallet import Wallet

    path = wallet_path(wallet_file)
    read_envelope(path)
    password = password_of(path, password_file)
    with working("Opening the wallet …"):
        return Wallet.open(path, password, random=secrets.token_bytes)

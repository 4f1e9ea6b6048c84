"""``wallet init``, ``backup``, ``restore`` and ``password``: the file as a whole."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ethr_did.cli.options import examples, json_option
from ethr_did.cli.output import print_json, say, working
from ethr_did.cli.wallet.opening import (
    new_password,
    open_wallet,
    password_file_option,
    password_of,
    wallet_option,
    wallet_options,
    wallet_path,
)

if TYPE_CHECKING:
    from ethr_did.wallet.derivation import KdfParameters

__all__ = ["backup", "change_password", "init", "restore"]

_file = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
_memory_option = click.option(
    "--memory",
    type=click.IntRange(16, 1024),
    default=256,
    show_default=True,
    metavar="MIB",
    help="What each guess of the password costs; less for small machines only.",
)


@click.command(
    epilog=examples(
        "ethr-did wallet init", "ethr-did wallet init --wallet work.json --password-file FILE"
    )
)
@wallet_option
@password_file_option("File whose first line is the new password; otherwise it is asked for.")
@_memory_option
@json_option
def init(wallet_file: Path | None, password_file: Path | None, memory: int, as_json: bool) -> None:
    """Make a new wallet.

    There is no way back from a forgotten password.
    """
    from ethr_did.wallet.storage import check_free
    from ethr_did.wallet.wallet import Wallet

    path = wallet_path(wallet_file)
    check_free(path)
    password = new_password(password_file)
    with working("Encrypting the new wallet …"):
        Wallet.create(path, password, random=secrets.token_bytes, kdf=_work(memory)).close()
    if as_json:
        print_json({"wallet": str(path)})
        return
    click.echo(str(path))
    say("Make a key with `ethr-did wallet key new`, and back the file up now and then:")
    say("`ethr-did wallet backup FILE`.")


@click.command(
    epilog=examples("ethr-did wallet backup /media/stick/wallet-2026-11.json"),
)
@_file
@wallet_options
@json_option
def backup(file: Path, wallet_file: Path | None, password_file: Path | None, as_json: bool) -> None:
    """Copy the wallet, and open the copy to see that it is whole.

    The copy opens with the password that the wallet has now. Nothing is overwritten.
    """
    with open_wallet(wallet_file, password_file) as held:
        held.backup(file)
        counts = {"keys": len(held.keys), "credentials": len(held.credentials)}
    if as_json:
        print_json({"backup": str(file), **counts})
        return
    click.echo(str(file))
    say(f"Read again and whole: {_counted(**counts)}.")


@click.command(
    epilog=examples(
        "ethr-did wallet restore /media/stick/wallet-2026-11.json",
        "ethr-did wallet restore backup.json --overwrite",
    )
)
@_file
@click.option(
    "--overwrite",
    is_flag=True,
    help="Even if there is a wallet; it is kept under another name beside it.",
)
@wallet_option
@password_file_option(
    "File whose first line is the password of the backup; otherwise it is asked for."
)
@json_option
def restore(
    file: Path,
    overwrite: bool,
    wallet_file: Path | None,
    password_file: Path | None,
    as_json: bool,
) -> None:
    """Bring a wallet back from a backup.

    The backup is opened before anything is touched, with the password that the wallet had when it
    was made.
    """
    from ethr_did.wallet.restoring import restore as bring_back
    from ethr_did.wallet.storage import check_free, read_backup

    path = wallet_path(wallet_file)
    read_backup(file)
    if not overwrite:
        check_free(
            path, hint="Keep it under another name with --overwrite, or name another --wallet."
        )
    password = password_of(file, password_file)
    with working("Opening the backup …"):
        restored = bring_back(file, path, password, overwrite=overwrite)
    counts = {"keys": restored.keys, "credentials": restored.credentials}
    if as_json:
        kept = None if restored.kept is None else str(restored.kept)
        print_json({"wallet": str(path), "kept": kept, **counts})
        return
    click.echo(str(path))
    say(f"Restored: {_counted(**counts)}.")
    if restored.kept is not None:
        say(f"What was there before is now {restored.kept}.")


@click.command(
    "password",
    epilog=examples(
        "ethr-did wallet password",
        "ethr-did wallet password --password-file OLD --new-password-file NEW",
    ),
)
@wallet_options
@password_file_option(
    "File whose first line is the new password; otherwise it is asked for.", "--new-password-file"
)
@_memory_option
@json_option
def change_password(
    wallet_file: Path | None,
    password_file: Path | None,
    new_password_file: Path | None,
    memory: int,
    as_json: bool,
) -> None:
    """Change the password.

    Backups, and every other copy, keep the password that they had.
    """
    from ethr_did.wallet.storage import read_envelope
    from ethr_did.wallet.wallet import Wallet

    path = wallet_path(wallet_file)
    read_envelope(path)
    old = password_of(path, password_file)
    with working("Opening the wallet …"):
        held = Wallet.open(path, old, random=secrets.token_bytes)
    with held:
        new = new_password(new_password_file)
        with working("Encrypting the wallet anew …"):
            held.change_password(old, new, kdf=_work(memory))
    if as_json:
        print_json({"wallet": str(path)})
        return
    click.echo(str(path))
    say("Changed. Backups made before still open with the old password: replace them.")


def _work(memory: int) -> KdfParameters:
    from ethr_did.wallet.derivation import KdfParameters

    return KdfParameters(memory=memory * 1024)


def _counted(*, keys: int, credentials: int) -> str:
    parts = ((keys, "key"), (credentials, "credential"))
    return " and ".join(f"{count} {what}{'' if count == 1 else 's'}" for count, what in parts)

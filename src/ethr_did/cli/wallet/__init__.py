"""``wallet``: keys and credentials of a holder."""

from __future__ import annotations

import click

from ethr_did.cli.wallet.holding import add, list_credentials, remove, show
from ethr_did.cli.wallet.keeping import backup, change_password, init, restore
from ethr_did.cli.wallet.keys import key
from ethr_did.cli.wallet.presenting import present

__all__ = ["wallet"]


@click.group()
def wallet() -> None:
    """Keep keys and credentials in an encrypted file.

    Every command asks for the password of the file, or reads it from --password-file. It is never
    on the command line or in the environment.
    """


for _command in (
    init,
    add,
    list_credentials,
    show,
    present,
    remove,
    key,
    backup,
    restore,
    change_password,
):
    wallet.add_command(_command)

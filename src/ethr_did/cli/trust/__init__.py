"""``trust``: whose credentials are accepted."""

from __future__ import annotations

import click

from ethr_did.cli.trust.accrediting import accredit, show, withdraw
from ethr_did.cli.trust.checking import check, sign
from ethr_did.cli.trust.editing import add, list_command, remove

__all__ = ["trust"]


@click.group()
def trust() -> None:
    """Say whose credentials are accepted."""


for _command in (add, list_command, remove, check, sign, accredit, withdraw, show):
    trust.add_command(_command)

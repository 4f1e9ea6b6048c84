"""``credential``: issue, show, revoke and replace credentials."""

from __future__ import annotations

import click

from ethr_did.cli.credential.issuing import issue, reissue
from ethr_did.cli.credential.keys import key
from ethr_did.cli.credential.revoking import revoke
from ethr_did.cli.credential.showing import show, templates
from ethr_did.cli.verifying import verify_credential

__all__ = ["credential"]


@click.group()
def credential() -> None:
    """Issue, show, verify, revoke and replace credentials."""


for _command in (issue, show, verify_credential, revoke, reissue, key, templates):
    credential.add_command(_command)

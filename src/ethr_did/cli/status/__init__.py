"""``status``: credential status for issuers and verifiers."""

from __future__ import annotations

import click

from ethr_did.cli.status.changing import reinstate, revoke, set_status, suspend
from ethr_did.cli.status.checking import check, history
from ethr_did.cli.status.delegates import delegate
from ethr_did.cli.status.lists import allocate, list_group
from ethr_did.cli.status.publishing import anchor, publish, verify_list
from ethr_did.cli.status.relaying import relay

__all__ = ["status"]


@click.group()
def status() -> None:
    """Revoke, suspend, reinstate and check credentials."""


for _command in (
    check,
    history,
    list_group,
    allocate,
    revoke,
    suspend,
    reinstate,
    set_status,
    publish,
    anchor,
    verify_list,
    delegate,
    relay,
):
    status.add_command(_command)

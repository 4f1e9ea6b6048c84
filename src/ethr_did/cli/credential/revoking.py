"""``credential revoke``."""

from __future__ import annotations

import secrets
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ethr_did.cli.changing import find_identity
from ethr_did.cli.options import examples
from ethr_did.cli.output import print_json, say
from ethr_did.cli.sending import Sending, confirm, sending_options
from ethr_did.cli.status.stores import open_store
from ethr_did.cli.status.subjects import read_bytes
from ethr_did.errors import NotFoundError

if TYPE_CHECKING:
    from ethr_did.credentials.issued import Revocation
    from ethr_did.credentials.records import IssuanceRecord, Records

__all__ = ["revoke"]


@click.command(
    epilog=examples(
        "ethr-did credential revoke diploma-2026-0041",
        "ethr-did credential revoke lost-card.sd-jwt",
    )
)
@click.argument("target", metavar="REFERENCE|FILE")
@click.option("--issuer", metavar="DID", help="Whose it is, where several issuers have it.")
@sending_options(plans=False, asks=True, needs_signer=False)
def revoke(target: str, issuer: str | None, sending: Sending) -> None:
    """Revoke a credential that was issued with this database.

    By its reference, or by a file that holds it. Others are revoked by their status:
    `ethr-did status revoke DID FILE`.
    """
    from ethr_did.credentials.issued_credentials import IssuedCredentials
    from ethr_did.credentials.records import Records

    settings = sending.settings()
    with ExitStack() as stack:
        store = stack.enter_context(open_store(settings))
        record = _find(Records(store, random=secrets.token_bytes), target, issuer)
        did, network = find_identity(record.issuer, settings)
        allocation = record.allocation
        sender = None
        if allocation is not None:
            if allocation.list.list_id.is_terminal:
                confirm(f"Revoke {record.reference}? This is final.", sending)
            if allocation.list.form.value == "chain":
                _, sender = stack.enter_context(sending.open(settings, network))
        door = stack.enter_context(network.chain(timeout=settings.timeout))
        issued = IssuedCredentials(
            did.text, random=secrets.token_bytes, store=store, network=network, chain=door
        )
        done = issued.revoke(record.reference, sender, now=int(time.time()))
    _tell(done, did.text, sending)


def _find(records: Records, target: str, issuer: str | None) -> IssuanceRecord:
    """The record that a reference or a file means."""
    from ethr_did.credentials.reading import read_credential
    from ethr_did.credentials.records import issuer_label

    whose = None if issuer is None else issuer_label(issuer)
    try:
        return records.find(target, issuer=whose)
    except NotFoundError:
        if target != "-" and not Path(target).is_file():
            raise
    credential = read_credential(read_bytes(Path(target)))
    found = records.find_digests([credential.digest])
    if not found:
        raise NotFoundError(
            f"the credential in {target} was not issued with this database",
            hint=f"Revoke it by its status: ethr-did status revoke {credential.issuer} {target}",
        )
    return found[0]


def _tell(done: Revocation, did: str, sending: Sending) -> None:
    if sending.as_json:
        report = None if done.report is None else done.report.to_dict()
        members = {"reference": done.reference, "toPublish": done.to_publish, "onChain": report}
        print_json(members)
        return
    click.echo(f"Revoked: {done.reference}")
    if done.to_publish:
        say(f"Verifiers see it after: ethr-did status publish {did}")

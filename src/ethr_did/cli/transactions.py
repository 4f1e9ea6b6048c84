"""``transaction``: what the journal knows, and what can be done about it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import click

from ethr_did.cli.output import print_json, table
from ethr_did.cli.sending import Sending, print_receipts, sending_options, waiting_spinner

if TYPE_CHECKING:
    from ethr_did.chain.journal import Entry

__all__ = ["transaction"]

_network = click.option("--network", required=True, help="Name or hex chain id.")
_hash = click.argument("tx_hash")


@click.group()
def transaction() -> None:
    """List, wait for, replace or cancel what was sent.

    Every transaction is written to a journal before it is sent, so that a crash neither loses nor
    repeats a change.
    """


@transaction.command("list")
@_network
@sending_options
def transaction_list(network: str, sending: Sending) -> None:
    """List the transactions of this signer, the open ones brought up to date."""
    settings = sending.settings()
    found = settings.table().find(network)
    with found.chain(timeout=settings.timeout) as chain:
        sender = sending.sender(settings, found, chain)
        sender.recover()
        entries = sender.journal.entries()
    if sending.as_json:
        print_json([_entry_to_dict(entry) for entry in entries])
        return
    rows = [
        (
            entry.nonce,
            entry.state.value,
            entry.block_number or "",
            time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(entry.created)),
            entry.purpose,
            "0x" + entry.tx_hash.hex(),
        )
        for entry in entries
    ]
    table(rows, ("nonce", "state", "block", "signed (UTC)", "purpose", "transaction"))


def _entry_to_dict(entry: Entry) -> dict[str, object]:
    out = entry.to_dict()
    out.pop("raw")  # whoever has it can send it
    return out


@transaction.command("wait")
@_hash
@_network
@sending_options
def transaction_wait(tx_hash: str, network: str, sending: Sending) -> None:
    """Wait for a transaction of this signer, sending it again if the node has forgotten it."""
    settings = sending.settings()
    found = settings.table().find(network)
    with found.chain(timeout=settings.timeout) as chain, waiting_spinner():
        sender = sending.sender(settings, found, chain)
        sender.recover()
        receipt = sender.wait(_parse_hash(tx_hash))
    print_receipts([receipt], as_json=sending.as_json)


@transaction.command("replace")
@_hash
@_network
@sending_options
def transaction_replace(tx_hash: str, network: str, sending: Sending) -> None:
    """Send a stuck transaction again with higher fees, and wait."""
    _supersede(tx_hash, network, sending, cancel=False)


@transaction.command("cancel")
@_hash
@_network
@sending_options
def transaction_cancel(tx_hash: str, network: str, sending: Sending) -> None:
    """Send nothing to yourself in place of a stuck transaction, and wait."""
    _supersede(tx_hash, network, sending, cancel=True)


def _supersede(tx_hash: str, network: str, sending: Sending, *, cancel: bool) -> None:
    settings = sending.settings()
    found = settings.table().find(network)
    with found.chain(timeout=settings.timeout) as chain, waiting_spinner():
        sender = sending.sender(settings, found, chain)
        supersede = sender.cancel if cancel else sender.replace
        entry = supersede(_parse_hash(tx_hash))
        receipt = sender.wait(entry.tx_hash)
    print_receipts([receipt], as_json=sending.as_json)


def _parse_hash(text: str) -> bytes:
    if not re.fullmatch(r"0x[0-9a-fA-F]{64}", text):
        raise click.BadParameter(f"{text!r} is not a transaction hash: 0x and 64 hex digits")
    return bytes.fromhex(text[2:])

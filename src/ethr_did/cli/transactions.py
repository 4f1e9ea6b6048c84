"""``transaction``: what the journal knows, and what can be done about it."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import click

from ethr_did.cli.options import examples, network_option
from ethr_did.cli.output import complain, print_json, say, table
from ethr_did.cli.sending import Sending, print_receipts, sending_options
from ethr_did.errors import ChainError, outcome_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.chain.journal import Entry

__all__ = ["transaction"]

_network = network_option("Name or hex chain id.", required=True)
_hash = click.argument("tx_hash")
_bump = click.option(
    "--bump",
    default=12.5,
    show_default=True,
    type=click.FloatRange(10, 1000),
    metavar="PERCENT",
    help="By how many percent the fees go up at least.",
)


@click.group()
def transaction() -> None:
    """List, wait for, replace or cancel what was sent.

    Every transaction is written to a journal before it is sent, so that a crash neither loses nor
    repeats a change.
    """


@transaction.command("list", epilog=examples("ethr-did transaction list --network sepolia"))
@_network
@sending_options(fees=False, waits=False, plans=False)
def transaction_list(network: str, sending: Sending) -> int:
    """List the transactions of this signer, the open ones brought up to date.

    If the node cannot be asked, they are listed as the journal knows them, and the exit code is 4.
    """
    settings = sending.settings()
    failure: ChainError | None = None
    with sending.open(settings, settings.table().find(network)) as (_, sender):
        try:
            sender.recover()
        except ChainError as error:
            failure = error
        entries = sender.journal.entries()
    if sending.as_json:
        print_json([_entry_to_dict(entry) for entry in entries])
    else:
        _print_entries(entries)
    if failure is None:
        return 0
    complain(f"not brought up to date: {failure.message}", failure.hint)
    return outcome_of(failure).exit_code


def _print_entries(entries: Sequence[Entry]) -> None:
    if not entries:
        say("Nothing was sent by this signer on this network.")
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


@transaction.command("wait", epilog=examples("ethr-did transaction wait 0xHASH --network sepolia"))
@_hash
@_network
@sending_options(fees=False, plans=False)
def transaction_wait(tx_hash: str, network: str, sending: Sending) -> None:
    """Wait for a transaction of this signer, sending it again if the node has forgotten it."""
    wanted = _parse_hash(tx_hash)
    settings = sending.settings()
    with sending.open(settings, settings.table().find(network)) as (_, sender):
        sender.recover()
        receipt = sender.wait(wanted)
    print_receipts([receipt], as_json=sending.as_json)


@transaction.command(
    "replace", epilog=examples("ethr-did transaction replace 0xHASH --network sepolia --bump 25")
)
@_hash
@_network
@_bump
@sending_options(fees=False, plans=False)
def transaction_replace(tx_hash: str, network: str, bump: float, sending: Sending) -> None:
    """Send a stuck transaction again with higher fees, and wait."""
    wanted = _parse_hash(tx_hash)
    settings = sending.settings()
    with sending.open(settings, settings.table().find(network)) as (_, sender):
        receipt = sender.wait(sender.replace(wanted, bump_percent=bump).tx_hash)
    print_receipts([receipt], as_json=sending.as_json)


@transaction.command(
    "cancel", epilog=examples("ethr-did transaction cancel 0xHASH --network sepolia")
)
@_hash
@_network
@_bump
@sending_options(fees=False, plans=False)
def transaction_cancel(tx_hash: str, network: str, bump: float, sending: Sending) -> None:
    """Send nothing to yourself in place of a stuck transaction, and wait."""
    wanted = _parse_hash(tx_hash)
    settings = sending.settings()
    with sending.open(settings, settings.table().find(network)) as (_, sender):
        receipt = sender.wait(sender.cancel(wanted, bump_percent=bump).tx_hash)
    print_receipts([receipt], as_json=sending.as_json)


def _parse_hash(text: str) -> bytes:
    if not re.fullmatch(r"0x[0-9a-fA-F]{64}", text):
        raise click.BadParameter(f"{text!r} is not a transaction hash: 0x and 64 hex digits")
    return bytes.fromhex(text[2:])

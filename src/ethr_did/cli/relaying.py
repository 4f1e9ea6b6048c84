"""``relay``: the owner signs here, someone else submits there and pays."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ethr_did.cli.changing import open_identity, parse_validity, read_changes, read_json
from ethr_did.cli.creating import open_signer_named
from ethr_did.cli.options import config_option, json_option, load, signer_options
from ethr_did.cli.output import print_json, say
from ethr_did.cli.sending import Sending, print_receipts, sending_options, waiting_spinner

if TYPE_CHECKING:
    from ethr_did.core.relay import RelayMessage

__all__ = ["relay"]


@click.group()
def relay() -> None:
    """Sign changes here, let someone else submit and pay.

    The message is a JSON file. Whoever has it can submit it, once, until its deadline, and can
    change nothing in it.
    """


@relay.command(
    "sign",
    epilog="Example: ethr-did relay sign DID changes.json --lifetime 2h --out message.json",
)
@click.argument("did")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option(
    "--lifetime", default="1h", show_default=True, help="How long it may be submitted; m, h, d, y."
)
@click.option(
    "--kind",
    type=click.Choice(["eip712", "erc1056"]),
    help="eip712 where the registry takes it, else erc1056.",
)
@click.option(
    "--nonce-offset",
    default=0,
    type=click.IntRange(0),
    help="Messages signed before this one that are not submitted yet.",
)
@click.option(
    "--allow-replay", is_flag=True, help="Sign also where a message could be used again and again."
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; otherwise stdout.",
)
@signer_options()
@json_option
@config_option
def relay_sign(
    did: str,
    file: Path,
    lifetime: str,
    kind: str | None,
    nonce_offset: int,
    allow_replay: bool,
    out: Path | None,
    signer: str,
    password_file: Path | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Sign the changes in FILE, a JSON list as for `batch`; no gas is needed."""
    from ethr_did.core.relay import RelayKind

    _ = as_json  # the message is JSON in any case
    changes = read_changes(file)
    seconds = parse_validity(lifetime)
    identity, chain = open_identity(did, load(config_file))
    chosen = RelayKind(kind) if kind else None
    with chain:
        message = identity.sign_relay(
            changes,
            open_signer_named(signer, password_file),
            deadline=None if chosen is RelayKind.ERC1056 else int(time.time()) + seconds,
            kind=chosen,
            nonce_offset=nonce_offset,
            allow_replay=allow_replay,
        )
    if out is None:
        print_json(message.to_dict())
        return
    _write(out, message)
    say(f"The message is in {out}. Submit it with: ethr-did relay submit {out}")


def _write(out: Path, message: RelayMessage) -> None:
    try:
        with out.open("x", encoding="utf-8") as file:
            json.dump(message.to_dict(), file, indent=2)
            file.write("\n")
    except OSError as cause:
        raise click.ClickException(f"{out} cannot be written: {cause.strerror}") from cause


@relay.command("submit", epilog="Example: ethr-did relay submit message.json")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--network", help="Name or hex chain id; otherwise by the chain id in the message.")
@sending_options
def relay_submit(file: Path, network: str | None, sending: Sending) -> None:
    """Submit what an owner signed, and pay for it. Everything in it is checked first."""
    from ethr_did.core.did import EthrDID
    from ethr_did.core.keys import to_checksum_address
    from ethr_did.core.relay import RelayMessage
    from ethr_did.identity import Identity

    message = RelayMessage.from_dict(read_json(file))
    settings = sending.settings()
    found = settings.table().find(network or hex(message.chain_id))
    did = EthrDID.build(to_checksum_address(message.identity), found.name)
    with found.chain(timeout=settings.timeout) as chain, waiting_spinner():
        sender = sending.sender(settings, found, chain)
        receipt = Identity(found, did, chain=chain).submit_relay(message, sender)
    print_receipts([receipt], as_json=sending.as_json)


@relay.command("withdraw", epilog="Example: ethr-did relay withdraw DID")
@click.argument("did")
@sending_options
def relay_withdraw(did: str, sending: Sending) -> None:
    """Make worthless what this signer signed and nobody has submitted yet."""
    settings = sending.settings()
    identity, chain = open_identity(did, settings)
    with chain, waiting_spinner():
        sender = sending.sender(settings, identity.network, chain)
        receipt = identity.withdraw_relays(sender)
    print_receipts([receipt], as_json=sending.as_json)

"""``relay``: the owner signs here, someone else submits there and pays."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ethr_did.cli.changing import find_identity, parse_validity, read_changes, read_json
from ethr_did.cli.creating import open_signer_named
from ethr_did.cli.options import (
    config_option,
    examples,
    json_option,
    load,
    network_option,
    signer_options,
)
from ethr_did.cli.output import print_json, say
from ethr_did.cli.sending import Sending, print_plan, print_receipts, sending_options
from ethr_did.errors import InvalidFile

if TYPE_CHECKING:
    from typing import Any

__all__ = ["check_new_file", "relay", "write_new_json"]


@click.group()
def relay() -> None:
    """Sign changes here, let someone else submit and pay.

    The message is a JSON file. Whoever has it can submit it, once, until its deadline, and can
    change nothing in it.
    """


@relay.command(
    "sign",
    epilog=examples(
        "ethr-did relay sign DID changes.json --lifetime 2h --out message.json",
        "ethr-did relay sign DID changes.json | ssh relayer ethr-did relay submit -",
    ),
)
@click.argument("did")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option(
    "--lifetime",
    metavar="TIME",
    help="How long it may be submitted: seconds, or a number with m, h, d or y; otherwise 1h.",
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
    metavar="NUMBER",
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
    lifetime: str | None,
    kind: str | None,
    nonce_offset: int,
    allow_replay: bool,
    out: Path | None,
    signer: str,
    password_file: Path | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Sign the changes in FILE; no gas is needed.

    FILE is a JSON list as for `ethr-did batch`; - reads standard input.
    """
    from ethr_did.core.relay import RelayKind
    from ethr_did.identity import Identity

    _ = as_json  # the message is JSON in any case
    changes = read_changes(file)
    seconds = None if lifetime is None else parse_validity(lifetime)
    if out is not None:
        check_new_file(out)
    settings = load(config_file)
    parsed, network = find_identity(did, settings)
    with network.chain(timeout=settings.timeout) as chain:
        message = Identity(network, parsed, chain=chain).sign_relay(
            changes,
            open_signer_named(signer, password_file),
            lifetime=seconds,
            kind=RelayKind(kind) if kind else None,
            nonce_offset=nonce_offset,
            allow_replay=allow_replay,
        )
    if out is None:
        print_json(message.to_dict())
        return
    write_new_json(out, message.to_dict())
    if as_json:
        print_json(message.to_dict())
    say(f"The message is in {out}. Submit it with: ethr-did relay submit {out}")


def check_new_file(out: Path) -> None:
    """Raises ``InvalidFile`` if a file that is to be written is there already."""
    if out.exists():
        raise _not_written(out, "it exists already")


def write_new_json(out: Path, data: Any) -> None:
    """Nothing; writes JSON to a file that is not there yet.

    Raises:
        InvalidFile: it cannot be written.
    """
    try:
        with out.open("x", encoding="utf-8") as file:
            json.dump(data, file, indent=2)
            file.write("\n")
    except OSError as cause:
        raise _not_written(out, cause.strerror or str(cause)) from cause


def _not_written(out: Path, why: str) -> InvalidFile:
    return InvalidFile(
        f"{out} cannot be written: {why}",
        hint="Name another file, or leave --out away: the message then goes to stdout.",
        path=str(out),
    )


@relay.command(
    "submit",
    epilog=examples(
        "ethr-did relay submit message.json --dry-run",
        "ethr-did relay submit message.json",
    ),
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@network_option("Name or hex chain id; otherwise by the chain id in the message.")
@sending_options()
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
    with sending.open(settings, found) as (chain, sender):
        identity = Identity(found, did, chain=chain)
        if sending.dry_run:
            print_plan(identity.plan_relay(message, sender), as_json=sending.as_json)
            return
        receipt = identity.submit_relay(message, sender)
    print_receipts([receipt], as_json=sending.as_json)


@relay.command("withdraw", epilog=examples("ethr-did relay withdraw DID"))
@click.argument("did")
@sending_options(plans=False)
def relay_withdraw(did: str, sending: Sending) -> None:
    """Make worthless what this signer signed and nobody has submitted yet."""
    from ethr_did.identity import Identity

    settings = sending.settings()
    parsed, network = find_identity(did, settings)
    with sending.open(settings, network) as (chain, sender):
        receipt = Identity(network, parsed, chain=chain).withdraw_relays(sender)
    print_receipts([receipt], as_json=sending.as_json)

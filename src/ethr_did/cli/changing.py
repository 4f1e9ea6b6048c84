"""``key``, ``delegate``, ``service``, ``owner``, ``deactivate`` and ``batch``: changes by the owner."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethr_did.cli.options import config_option, json_option, load
from ethr_did.cli.output import describe_wei, print_json, say, table
from ethr_did.cli.sending import (
    Sending,
    confirm,
    print_receipts,
    sending_options,
    waiting_spinner,
)
from ethr_did.core.changes import (
    DEFAULT_VALIDITY,
    AddDelegate,
    Change,
    ChangeOwner,
    RevokeDelegate,
    add_key,
    add_service,
    changes_from_list,
    revoked,
)
from ethr_did.core.changes import deactivate as deactivation
from ethr_did.core.erc1056 import encode_name
from ethr_did.core.keys import parse_address
from ethr_did.errors import InvalidFile, InvalidKey, InvalidService, InvalidValidity, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.identity import Identity, Plan

__all__ = ["batch", "deactivate", "delegate", "key", "owner", "read_changes", "service"]

_MAX_FILE = 4 * 1024 * 1024
"""Bytes of a batch file that are read."""

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "y": 365 * 86400}

_did = click.argument("did")
_validity = click.option(
    "--validity",
    default=f"{DEFAULT_VALIDITY // _UNITS['y']}y",
    show_default=True,
    metavar="TIME",
    help="How long it is valid: seconds, or a number with m, h, d or y.",
)
_purpose = click.option(
    "--purpose",
    default="veriKey",
    show_default=True,
    help="veriKey (assertions), sigAuth (also authentication) or enc (key agreement).",
)


def parse_validity(text: str) -> int:
    """Seconds of a time such as ``3600``, ``12h`` or ``10y``.

    Raises:
        InvalidValidity: neither.
    """
    match = re.fullmatch(r"([0-9]{1,18})([smhdy]?)", text)
    if match is None:
        raise InvalidValidity(
            f"{shown(text)} is not a time", hint="Give seconds, or a number with m, h, d or y."
        )
    return int(match[1]) * _UNITS[match[2] or "s"]


def _parse_key(text: str) -> bytes:
    if not re.fullmatch(r"0x(?:[0-9a-fA-F]{2})+", text):
        raise InvalidKey(
            f"not a public key in hex: {shown(text)}", hint="Write 0x and pairs of hex digits."
        )
    return bytes.fromhex(text[2:])


def _parse_endpoint(text: str) -> Any:
    """A URI as it is, anything that starts like JSON as JSON."""
    if not text.lstrip().startswith(("{", "[")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise InvalidService(f"{shown(text)} is not JSON: {cause}") from cause


@click.group()
def key() -> None:
    """Publish and revoke keys."""


@key.command("add", epilog="Example: ethr-did key add DID Ed25519 0x… --purpose sigAuth")
@_did
@click.argument("kind", metavar="TYPE")
@click.argument("public_key")
@_purpose
@_validity
@sending_options
def key_add(
    did: str, kind: str, public_key: str, purpose: str, validity: str, sending: Sending
) -> None:
    """Publish a key. TYPE is Secp256k1, Ed25519, X25519 or Multikey; PUBLIC_KEY is in hex."""
    change = add_key(
        kind, _parse_key(public_key), purpose=purpose, validity=parse_validity(validity)
    )
    make(did, [change], sending)


@key.command("revoke", epilog="Example: ethr-did key revoke DID Ed25519 0x… --purpose sigAuth")
@_did
@click.argument("kind", metavar="TYPE")
@click.argument("public_key")
@_purpose
@sending_options
def key_revoke(did: str, kind: str, public_key: str, purpose: str, sending: Sending) -> None:
    """Revoke a key: type, key and purpose as when it was added."""
    make(did, [revoked(add_key(kind, _parse_key(public_key), purpose=purpose))], sending)


@click.group()
def delegate() -> None:
    """Add and revoke delegates."""


_kind_option = click.option(
    "--type",
    "kind",
    default="veriKey",
    show_default=True,
    help="veriKey (assertions), sigAuth (also authentication), or a type of your own.",
)


@delegate.command("add", epilog="Example: ethr-did delegate add DID 0x… --validity 30d")
@_did
@click.argument("address")
@_kind_option
@_validity
@sending_options
def delegate_add(did: str, address: str, kind: str, validity: str, sending: Sending) -> None:
    """Let another account act for the identity for a time."""
    change = AddDelegate(
        delegate_type=encode_name(kind),
        delegate=parse_address(address),
        validity=parse_validity(validity),
    )
    make(did, [change], sending)


@delegate.command("revoke", epilog="Example: ethr-did delegate revoke DID 0x…")
@_did
@click.argument("address")
@_kind_option
@sending_options
def delegate_revoke(did: str, address: str, kind: str, sending: Sending) -> None:
    """End a delegation now."""
    change = RevokeDelegate(delegate_type=encode_name(kind), delegate=parse_address(address))
    make(did, [change], sending)


@click.group()
def service() -> None:
    """Publish and revoke services."""


@service.command(
    "add",
    epilog=(
        "Examples:\n\n"
        "  ethr-did service add DID HubService https://hub.example.com\n\n"
        """  ethr-did service add DID Messaging '{"uri": "https://m.example", "accept": ["v2"]}'"""
    ),
)
@_did
@click.argument("kind", metavar="TYPE")
@click.argument("endpoint")
@_validity
@sending_options
def service_add(did: str, kind: str, endpoint: str, validity: str, sending: Sending) -> None:
    """Publish a service. ENDPOINT is a URI, or a JSON object or list."""
    change = add_service(kind, _parse_endpoint(endpoint), validity=parse_validity(validity))
    make(did, [change], sending)


@service.command("revoke", epilog="Example: ethr-did service revoke DID HubService https://…")
@_did
@click.argument("kind", metavar="TYPE")
@click.argument("endpoint")
@sending_options
def service_revoke(did: str, kind: str, endpoint: str, sending: Sending) -> None:
    """Revoke a service: type and endpoint as when it was added."""
    make(did, [revoked(add_service(kind, _parse_endpoint(endpoint)))], sending)


@click.group()
def owner() -> None:
    """Show and change the owner of an identity."""


@owner.command("show")
@_did
@json_option
@config_option
def owner_show(did: str, as_json: bool, config_file: Path | None) -> None:
    """Show who may change the identity."""
    from ethr_did.core.keys import to_checksum_address

    settings = load(config_file)
    identity, chain = open_identity(did, settings)
    with chain:
        standing = identity.standing()
    shown_owner = None if standing.deactivated else to_checksum_address(standing.owner)
    if as_json:
        print_json(
            {
                "did": identity.did.text,
                "owner": shown_owner,
                "deactivated": standing.deactivated,
                "blockNumber": standing.head.number,
                "blockHash": "0x" + standing.head.hash.hex(),
            }
        )
    else:
        click.echo(shown_owner or "deactivated")


@owner.command("change", epilog="Example: ethr-did owner change DID 0xNEWOWNER")
@_did
@click.argument("address")
@sending_options
def owner_change(did: str, address: str, sending: Sending) -> None:
    """Hand the identity to a new owner. You cannot take it back."""
    new = parse_address(address)
    if not any(new):
        raise click.UsageError(
            "The zero address gives the identity up. If you mean that: ethr-did deactivate."
        )
    if not sending.dry_run:
        confirm(f"Hand {did} over to {address}?", sending)
    make(did, [ChangeOwner(owner=new)], sending)


@click.command(epilog="Example: ethr-did deactivate DID")
@_did
@sending_options
def deactivate(did: str, sending: Sending) -> None:
    """Give an identity up for good."""
    if not sending.dry_run:
        confirm(f"Deactivate {did}? This is final.", sending)
    make(did, [deactivation()], sending)


@click.command(
    epilog=(
        "The file holds a JSON list; docs/cli.md lists the changes. Example:\n\n"
        """  [{"change": "addService", "type": "Hub", "endpoint": "https://hub.example.com"},\n\n"""
        """   {"change": "addDelegate", "delegateType": "veriKey", "delegate": "0x…"}]"""
    )
)
@_did
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@sending_options
def batch(did: str, file: Path, sending: Sending) -> None:
    """Make several changes in one transaction. FILE is JSON; - reads standard input."""
    make(did, read_changes(file), sending)


def read_changes(file: Path) -> tuple[Change, ...]:
    """The changes in a JSON file; ``-`` is standard input.

    Raises:
        InvalidFile: it cannot be read, or is no JSON.
        InvalidChange: with every fault of the list.
    """
    return changes_from_list(read_json(file))


def read_json(file: Path) -> Any:
    """What a JSON file holds; ``-`` is standard input.

    Raises:
        InvalidFile: it cannot be read, is too large, or is no JSON.
    """
    try:
        if str(file) == "-":
            text = sys.stdin.read(_MAX_FILE + 1)
        else:
            with file.open(encoding="utf-8") as source:
                text = source.read(_MAX_FILE + 1)
    except OSError as cause:
        raise InvalidFile(f"{file} cannot be read: {cause.strerror}", path=str(file)) from cause
    except UnicodeDecodeError as cause:
        raise InvalidFile(f"{file} is not UTF-8", path=str(file)) from cause
    if len(text) > _MAX_FILE:
        raise InvalidFile(f"{file} is longer than {_MAX_FILE} characters", path=str(file))
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise InvalidFile(f"{file} is not JSON: {cause}", path=str(file)) from cause


def open_identity(did: str, settings: Any) -> tuple[Identity, Any]:
    """The identity of a DID, and the way to its chain, which the caller closes."""
    from ethr_did.core.did import EthrDID
    from ethr_did.identity import Identity

    parsed = EthrDID.parse(did)
    network = settings.table().find(parsed.network)
    chain = network.chain(timeout=settings.timeout)
    return Identity(network, parsed, chain=chain), chain


def make(did: str, changes: Sequence[Change], sending: Sending) -> None:
    """Nothing; makes changes and prints what became of them, or only what they would cost."""
    settings = sending.settings()
    identity, chain = open_identity(did, settings)
    with chain:
        sender = sending.sender(settings, identity.network, chain)
        if sending.dry_run:
            print_plan(identity.plan(changes, sender), as_json=sending.as_json)
            return
        with waiting_spinner():
            receipts = identity.apply(changes, sender)
    print_receipts(list(receipts), as_json=sending.as_json)


def print_plan(plan: Plan, *, as_json: bool) -> None:
    """Nothing; prints what would be sent and what it would cost."""
    if as_json:
        print_json(plan.to_dict())
        return
    rows = [
        (
            item.intent.purpose,
            item.estimated_gas,
            describe_wei(item.expected_cost),
            describe_wei(item.highest_cost),
        )
        for item in plan.quote.items
    ]
    table(rows, ("transaction", "gas", "expected cost", "highest cost"))
    for warning in plan.warnings:
        say(f"Note: {warning}")
    say(f"The sender has {describe_wei(plan.quote.balance)}. Nothing was sent.")

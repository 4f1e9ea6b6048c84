"""``key``, ``delegate``, ``service``, ``owner``, ``deactivate`` and ``batch``: changes by the owner."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethr_did.cli.options import choices, config_option, examples, json_option, load
from ethr_did.cli.output import print_json, working
from ethr_did.cli.sending import Sending, confirm, print_plan, print_receipts, sending_options
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

    from ethr_did.chain.networks import Network
    from ethr_did.core.did import EthrDID
    from ethr_did.settings import Settings

__all__ = [
    "batch",
    "deactivate",
    "delegate",
    "find_identity",
    "key",
    "owner",
    "parse_validity",
    "read_changes",
    "read_json",
    "service",
]

_MAX_FILE = 4 * 1024 * 1024
"""Bytes of a JSON file that are read."""

_ZERO = bytes(20)

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
    metavar="PURPOSE",
    default="veriKey",
    show_default=True,
    help="veriKey (assertions), sigAuth (also authentication) or enc (key agreement).",
    shell_complete=choices("veriKey", "sigAuth", "enc"),
)
_key_type = click.argument(
    "kind", metavar="TYPE", shell_complete=choices("Ed25519", "Multikey", "Secp256k1", "X25519")
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


@key.command(
    "add",
    epilog=examples(
        "ethr-did key add DID Ed25519 0xPUBLICKEY",
        "ethr-did key add DID Secp256k1 0x02… --purpose sigAuth --validity 2y",
    ),
)
@_did
@_key_type
@click.argument("public_key")
@_purpose
@_validity
@sending_options()
def key_add(
    did: str, kind: str, public_key: str, purpose: str, validity: str, sending: Sending
) -> None:
    """Publish a key. TYPE is Secp256k1, Ed25519, X25519 or Multikey; PUBLIC_KEY is in hex."""
    change = add_key(
        kind, _parse_key(public_key), purpose=purpose, validity=parse_validity(validity)
    )
    make(did, [change], sending)


@key.command(
    "revoke", epilog=examples("ethr-did key revoke DID Ed25519 0xPUBLICKEY --purpose sigAuth")
)
@_did
@_key_type
@click.argument("public_key")
@_purpose
@sending_options()
def key_revoke(did: str, kind: str, public_key: str, purpose: str, sending: Sending) -> None:
    """Revoke a key: type, key and purpose as when it was added."""
    make(did, [revoked(add_key(kind, _parse_key(public_key), purpose=purpose))], sending)


@click.group()
def delegate() -> None:
    """Add and revoke delegates."""


_kind_option = click.option(
    "--type",
    "kind",
    metavar="TYPE",
    default="veriKey",
    show_default=True,
    help="veriKey (assertions), sigAuth (also authentication), or a type of your own.",
    shell_complete=choices("veriKey", "sigAuth"),
)


@delegate.command(
    "add", epilog=examples("ethr-did delegate add DID 0xADDRESS --type sigAuth --validity 30d")
)
@_did
@click.argument("address")
@_kind_option
@_validity
@sending_options()
def delegate_add(did: str, address: str, kind: str, validity: str, sending: Sending) -> None:
    """Let another account act for the identity for a time."""
    change = AddDelegate(
        delegate_type=encode_name(kind),
        delegate=parse_address(address),
        validity=parse_validity(validity),
    )
    make(did, [change], sending)


@delegate.command("revoke", epilog=examples("ethr-did delegate revoke DID 0xADDRESS"))
@_did
@click.argument("address")
@_kind_option
@sending_options()
def delegate_revoke(did: str, address: str, kind: str, sending: Sending) -> None:
    """End a delegation now."""
    change = RevokeDelegate(delegate_type=encode_name(kind), delegate=parse_address(address))
    make(did, [change], sending)


@click.group()
def service() -> None:
    """Publish and revoke services."""


@service.command(
    "add",
    epilog=examples(
        "ethr-did service add DID Hub https://hub.example.com",
        """ethr-did service add DID Inbox '{"uri": "https://m.example", "accept": ["v2"]}'""",
    ),
)
@_did
@click.argument("kind", metavar="TYPE")
@click.argument("endpoint")
@_validity
@sending_options()
def service_add(did: str, kind: str, endpoint: str, validity: str, sending: Sending) -> None:
    """Publish a service. ENDPOINT is a URI, or a JSON object or list."""
    change = add_service(kind, _parse_endpoint(endpoint), validity=parse_validity(validity))
    make(did, [change], sending)


@service.command(
    "revoke", epilog=examples("ethr-did service revoke DID Hub https://hub.example.com")
)
@_did
@click.argument("kind", metavar="TYPE")
@click.argument("endpoint")
@sending_options()
def service_revoke(did: str, kind: str, endpoint: str, sending: Sending) -> None:
    """Revoke a service: type and endpoint as when it was added."""
    make(did, [revoked(add_service(kind, _parse_endpoint(endpoint)))], sending)


@click.group()
def owner() -> None:
    """Show and change the owner of an identity."""


@owner.command("show", epilog=examples("ethr-did owner show DID"))
@_did
@json_option
@config_option
def owner_show(did: str, as_json: bool, config_file: Path | None) -> None:
    """Show who may change the identity."""
    from ethr_did.core.keys import to_checksum_address
    from ethr_did.identity import Identity

    settings = load(config_file)
    parsed, network = find_identity(did, settings)
    with network.chain(timeout=settings.timeout) as chain, working("Reading the history …"):
        standing = Identity(network, parsed, chain=chain).standing()
    shown_owner = None if standing.deactivated else to_checksum_address(standing.owner)
    if as_json:
        print_json(
            {
                "did": parsed.text,
                "owner": shown_owner,
                "deactivated": standing.deactivated,
                "blockNumber": standing.head.number,
                "blockHash": "0x" + standing.head.hash.hex(),
            }
        )
    else:
        click.echo(shown_owner or "deactivated")


@owner.command("change", epilog=examples("ethr-did owner change DID 0xNEWOWNER"))
@_did
@click.argument("address")
@sending_options(asks=True)
def owner_change(did: str, address: str, sending: Sending) -> None:
    """Hand the identity to a new owner. You cannot take it back."""
    new = parse_address(address)
    if new == _ZERO:
        raise click.UsageError(
            "The zero address gives the identity up. If you mean that: ethr-did deactivate."
        )
    make(did, [ChangeOwner(owner=new)], sending)


@click.command(epilog=examples("ethr-did deactivate DID"))
@_did
@sending_options(asks=True)
def deactivate(did: str, sending: Sending) -> None:
    """Give an identity up for good."""
    make(did, [deactivation()], sending)


@click.command(
    epilog=examples(
        "ethr-did batch DID changes.json",
        "jq … | ethr-did batch DID -",
    )
    + "\n\n"
    + "\b\nThe file holds a JSON list; docs/cli.md lists the changes:\n"
    + """  [{"change": "addService", "type": "Hub", "endpoint": "https://hub.example.com"},\n"""
    + """   {"change": "addDelegate", "delegateType": "veriKey", "delegate": "0x…"}]"""
)
@_did
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@sending_options(asks=True)
def batch(did: str, file: Path, sending: Sending) -> None:
    """Make several changes in one transaction.

    FILE is JSON; - reads standard input. On registries that take one change at a time the changes
    are sent one after another; --dry-run tells.
    """
    make(did, read_changes(file), sending, is_list=True)


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
            data = sys.stdin.buffer.read(_MAX_FILE + 1)
        else:
            with file.open("rb") as source:
                data = source.read(_MAX_FILE + 1)
        text = data.decode()
    except OSError as cause:
        raise InvalidFile(f"{file} cannot be read: {cause.strerror}", path=str(file)) from cause
    except UnicodeDecodeError as cause:
        raise InvalidFile(f"{file} is not UTF-8", path=str(file)) from cause
    if len(data) > _MAX_FILE:
        raise InvalidFile(f"{file} is longer than {_MAX_FILE} bytes", path=str(file))
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as cause:
        raise InvalidFile(f"{file} is not JSON: {cause}", path=str(file)) from cause


def find_identity(did: str, settings: Settings) -> tuple[EthrDID, Network]:
    """The DID in a text, and the network that it names."""
    from ethr_did.core.did import EthrDID

    parsed = EthrDID.parse(did)
    return parsed, settings.table().find(parsed.network)


def make(did: str, changes: Sequence[Change], sending: Sending, *, is_list: bool = False) -> None:
    """Nothing; makes changes and prints what became of them, or only what they would cost."""
    from ethr_did.identity import Identity

    settings = sending.settings()
    parsed, network = find_identity(did, settings)
    with sending.open(settings, network) as (chain, sender):
        identity = Identity(network, parsed, chain=chain)
        if sending.dry_run:
            print_plan(identity.plan(changes, sender), as_json=sending.as_json)
            return
        _confirm_final(parsed, changes, sending)
        receipts = identity.apply(changes, sender)
    print_receipts(receipts, as_json=sending.as_json, is_list=is_list)


def _confirm_final(did: EthrDID, changes: Sequence[Change], sending: Sending) -> None:
    """Asks before a change that its owner could not take back."""
    from ethr_did.core.keys import to_checksum_address

    for change in changes:
        if isinstance(change, ChangeOwner):
            owner = to_checksum_address(change.owner)
            what = f"Hand {did.text} over to {owner}? You cannot take it back."
            if change.owner == _ZERO:
                what = f"Deactivate {did.text}? This is final."
            confirm(what, sending)

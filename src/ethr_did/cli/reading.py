"""``resolve``, ``dereference``, ``history`` and ``networks``."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ethr_did.cli.options import (
    config_option,
    examples,
    index_option,
    json_option,
    load,
    resolving,
)
from ethr_did.cli.output import print_json, say, table, working

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ethr_did.chain.networks import Network
    from ethr_did.core.erc1056 import Event
    from ethr_did.errors import EthrDIDError
    from ethr_did.resolver import History

__all__ = ["dereference", "history", "networks", "resolve"]

_version_id = click.option("--version-id", metavar="BLOCK", help="The state after this block.")
_version_time = click.option(
    "--version-time", metavar="TIME", help="The state at this UTC time, as 2026-01-31T23:59:59Z."
)
_GONE = 3


@click.command(
    epilog=examples(
        "ethr-did resolve did:ethr:sepolia:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
        "ethr-did resolve DID --version-time 2026-01-31T23:59:59Z",
    )
)
@click.argument("dids", metavar="DID...", nargs=-1, required=True)
@_version_id
@_version_time
@click.option("--accept", metavar="TYPES", help="Media types, as in HTTP's Accept.")
@index_option
@json_option
@config_option
def resolve(
    dids: tuple[str, ...],
    version_id: str | None,
    version_time: str | None,
    accept: str | None,
    use_index: bool,
    as_json: bool,
    config_file: Path | None,
) -> int:
    """Resolve one or more DIDs.

    Prints the DID resolution result as JSON, for several DIDs a list of them. A DID that is
    deactivated or cannot be resolved ends with the exit code of its error.
    """
    _ = as_json  # the result is JSON in any case
    with resolving(load(config_file), use_index=use_index) as resolver, working("Resolving …"):
        results = resolver.resolve_many(
            dids, version_id=version_id, version_time=version_time, accept=accept
        )
    printed = [result.to_dict() for result in results]
    print_json(printed[0] if len(dids) == 1 else printed)
    failed = next((result.error for result in results if result.error is not None), None)
    if failed is not None:
        return _exit_code(failed)
    return _GONE if any(result.did_document is None for result in results) else 0


def _exit_code(error: EthrDIDError) -> int:
    from ethr_did.errors import outcome_of

    return outcome_of(error).exit_code


@click.command(
    epilog=examples(
        "ethr-did dereference 'DID#delegate-1'",
        "ethr-did dereference 'DID?service=service-1&relativeRef=/inbox'",
    )
)
@click.argument("did_url")
@_version_id
@_version_time
@click.option("--accept", metavar="TYPES", help="Media types; text/uri-list for a service's URLs.")
@index_option
@json_option
@config_option
def dereference(
    did_url: str,
    version_id: str | None,
    version_time: str | None,
    accept: str | None,
    use_index: bool,
    as_json: bool,
    config_file: Path | None,
) -> int:
    """Print what a DID URL names.

    That is a document, a verification method, a service, or the URLs of a service. Quote it: shells
    give ? and & meanings of their own.
    """
    _ = as_json
    with resolving(load(config_file), use_index=use_index) as resolver, working("Resolving …"):
        result = resolver.dereference(
            did_url, version_id=version_id, version_time=version_time, accept=accept
        )
    print_json(result.to_dict())
    return 0 if result.error is None else _exit_code(result.error)


@click.command(epilog=examples("ethr-did history DID", "ethr-did history DID --json"))
@click.argument("did")
@index_option
@json_option
@config_option
def history(did: str, use_index: bool, as_json: bool, config_file: Path | None) -> None:
    """Show every change of an identity.

    With --json also the document after each change.
    """
    with (
        resolving(load(config_file), use_index=use_index) as resolver,
        working("Reading the history …"),
    ):
        found = resolver.history(did)
    if as_json:
        print_json(found.to_dict())
    else:
        print_history(found)


def print_history(found: History) -> None:
    """Nothing; prints a history as a table."""
    from ethr_did.core.resolution import format_time

    rows = [
        (
            entry.event.block_number,
            format_time(entry.event.block_timestamp or 0),
            *describe_event(entry.event),
            "0x" + entry.event.tx_hash.hex(),
        )
        for entry in found
    ]
    table(rows, ("block", "time", "change", "what", "valid until", "transaction"))
    at = found.read_at
    say(
        f"{len(rows)} {'change' if len(rows) == 1 else 'changes'} as of block {at.block_number} of chain {at.chain_id}, "
        f"{format_time(at.block_timestamp)}"
    )


def describe_event(event: Event) -> tuple[str, str, str]:
    """An event in words: what kind of change, of what, and until when it is valid."""
    from ethr_did.core.erc1056 import (
        AttributeChanged,
        DelegateChanged,
        OwnerChanged,
        decode_name,
    )
    from ethr_did.core.keys import ZERO_ADDRESS, to_checksum_address
    from ethr_did.core.resolution import format_time

    match event:
        case OwnerChanged(owner=owner) if owner == ZERO_ADDRESS:
            return "deactivated", "", ""
        case OwnerChanged(owner=owner):
            return "owner", to_checksum_address(owner), ""
        case DelegateChanged(delegate_type=kind, delegate=delegate, valid_to=valid_to):
            word = "delegate" if valid_to > (event.block_timestamp or 0) else "delegate revoked"
            what = f"{decode_name(kind) or '0x' + kind.hex()} {to_checksum_address(delegate)}"
            return word, what, format_time(valid_to)
        case AttributeChanged(name=name, value=value, valid_to=valid_to):
            word = "attribute" if valid_to > (event.block_timestamp or 0) else "attribute revoked"
            what = f"{decode_name(name) or '0x' + name.hex()} = {_describe_value(value)}"
            return word, what, format_time(valid_to) if valid_to else ""


def _describe_value(value: bytes, most: int = 70) -> str:
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = ""
    if not text or not text.isprintable():
        text = "0x" + value.hex()
    return text if len(text) <= most else text[: most - 1] + "…"


@click.command(epilog=examples("ethr-did networks"))
@json_option
@config_option
def networks(as_json: bool, config_file: Path | None) -> None:
    """List the networks that are known.

    Those without a node under RPC need one in the configuration file before they can be used.
    """
    from ethr_did.chain.masking import mask_url

    settings = load(config_file)
    known = [
        {
            "name": network.name,
            "chainId": network.chain_id,
            "didRegistry": network.did_registry,
            "statusRegistry": network.status_registry,
            "anchorRegistry": network.anchor_registry,
            "statusLens": network.status_lens,
            "rpcUrls": [mask_url(url) for url in network.rpc_urls],
            "legacyNonce": network.legacy_nonce,
        }
        for network in settings.table()
    ]
    if as_json:
        print_json({"source": str(settings.source) if settings.source else None, "networks": known})
        return
    headings = ("network", "chain id", "contract", "address", "RPC")
    table([row for network in settings.table() for row in _network_rows(network)], headings)
    source = settings.source or "none; see docs/configuration.md"
    say(f"Configuration: {source}")


def _network_rows(network: Network) -> Iterator[tuple[object, ...]]:
    """A row for the DID registry, and below it one for each status contract that is known."""
    from ethr_did.chain.masking import mask_url

    urls = ", ".join(mask_url(url) for url in network.rpc_urls) or "none"
    yield network.name, network.chain_id, "DID registry", network.did_registry, urls
    for contract, address in (
        ("status registry", network.status_registry),
        ("anchor registry", network.anchor_registry),
        ("status lens", network.status_lens),
    ):
        if address is not None:
            yield "", "", contract, address, ""

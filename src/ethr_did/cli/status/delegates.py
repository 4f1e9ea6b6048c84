"""``status delegate``: who may write statuses, granted, listed, ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ethr_did.cli.changing import find_identity, make, parse_validity
from ethr_did.cli.options import config_option, examples, json_option, load
from ethr_did.cli.output import print_json, say, table, working
from ethr_did.cli.sending import Sending, confirm, print_plan, print_receipts, sending_options
from ethr_did.cli.status.stores import known_lists

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any, TypeVar

    from ethr_did.core.status_list import Authority, ListId
    from ethr_did.status.delegates import StatusDelegate, StatusDelegates

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["delegate"]

_did = click.argument("did")


def _right_options(function: F) -> F:
    """Adds ``--revocation-only`` and ``--list``."""
    for option in (
        click.option("--list", "list_text", metavar="LIST_ID", help="Only this list; no records."),
        click.option("--revocation-only", is_flag=True, help="Only the right to revoke."),
    ):
        function = option(function)
    return function


@click.group()
def delegate() -> None:
    """Let other keys write statuses, and end that.

    A status key can sign neither credentials nor changes of the identity. It outlives a change of
    owner: `delegate list` tells which did.
    """


@delegate.command(
    "add",
    epilog=examples(
        "ethr-did status delegate add DID 0xADDRESS",
        "ethr-did status delegate add DID 0xADDRESS --revocation-only --validity 7d",
    ),
)
@_did
@click.argument("address")
@_right_options
@click.option(
    "--validity",
    default="30d",
    show_default=True,
    metavar="TIME",
    help="How long it is valid: seconds, or a number with m, h, d or y; 90d at most.",
)
@click.option("--force", is_flag=True, help="Allow more than 90 days.")
@sending_options()
def delegate_add(
    did: str,
    address: str,
    revocation_only: bool,
    list_text: str | None,
    validity: str,
    force: bool,
    sending: Sending,
) -> None:
    """Let another account write statuses for a time.

    In all lists and records, unless --revocation-only or --list says less.
    """
    from ethr_did.core.keys import parse_address
    from ethr_did.status.delegates import add_status_delegate

    authority, list_id = _right(list_text, revocation_only=revocation_only)
    change = add_status_delegate(
        parse_address(address),
        authority,
        list_id=list_id,
        validity=parse_validity(validity),
        force=force,
    )
    make(did, [change], sending)


@delegate.command(
    "list",
    epilog=examples("ethr-did status delegate list DID", "ethr-did status delegate list DID --all"),
)
@_did
@click.option(
    "--list",
    "list_texts",
    metavar="LIST_ID",
    multiple=True,
    help="A list whose keys are to be told by name; those of the database always are.",
)
@click.option("--all", "show_all", is_flag=True, help="Also those that have ended.")
@json_option
@config_option
def delegate_list(
    did: str,
    list_texts: tuple[str, ...],
    show_all: bool,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """List the keys that may write statuses.

    Also tells which of them an earlier owner left behind.
    """
    from ethr_did.core.status_list import parse_list_id
    from ethr_did.identity import Identity
    from ethr_did.status.delegates import list_status_delegates

    given = [parse_list_id(text) for text in list_texts]
    settings = load(config_file)
    parsed, network = find_identity(did, settings)
    lists = [*given, *known_lists(settings, parsed.address)]
    with network.chain(timeout=settings.timeout) as chain, working("Reading the history …"):
        found = list_status_delegates(Identity(network, parsed, chain=chain), lists)
    if as_json:
        print_json({"did": parsed.text, **found.to_dict()})
        return
    _print(found, found.keys if show_all else found.valid)
    if found.survivors:
        say(
            f"Granted by an earlier owner: {_count(found.survivors)}. To revoke what is not yours: "
            f"ethr-did status delegate revoke {parsed.text} --survivors"
        )


@delegate.command(
    "revoke",
    epilog=examples(
        "ethr-did status delegate revoke DID 0xADDRESS --revocation-only",
        "ethr-did status delegate revoke DID --survivors",
    ),
)
@_did
@click.argument("address", required=False)
@_right_options
@click.option(
    "--survivors", is_flag=True, help="All keys that an earlier owner granted and that still count."
)
@sending_options(asks=True)
def delegate_revoke(
    did: str,
    address: str | None,
    revocation_only: bool,
    list_text: str | None,
    survivors: bool,
    sending: Sending,
) -> None:
    """End the right of a status key now.

    It is named as it was added; or --survivors, all that an earlier owner left behind.
    """
    from ethr_did.core.keys import parse_address
    from ethr_did.status.delegates import revoke_status_delegate

    if survivors:
        if address is not None or revocation_only or list_text is not None:
            raise click.UsageError("--survivors stands alone: it finds them all by itself.")
        _revoke_survivors(did, sending)
        return
    if address is None:
        raise click.UsageError("Name the account of the key, or give --survivors.")
    authority, list_id = _right(list_text, revocation_only=revocation_only)
    change = revoke_status_delegate(parse_address(address), authority, list_id=list_id)
    make(did, [change], sending)


def _right(list_text: str | None, *, revocation_only: bool) -> tuple[Authority, ListId | None]:
    """The authority that options name, and its list."""
    from ethr_did.core.status_list import Authority, parse_list_id

    if list_text is not None:
        if revocation_only:
            raise click.UsageError("--revocation-only is for all lists: leave --list away.")
        return Authority.ONE_LIST, parse_list_id(list_text)
    return (Authority.REVOCATION_ONLY if revocation_only else Authority.ALL_LISTS), None


def _revoke_survivors(did: str, sending: Sending) -> None:
    from ethr_did.identity import Identity
    from ethr_did.status.delegates import list_status_delegates, revocations

    settings = sending.settings()
    parsed, network = find_identity(did, settings)
    lists = known_lists(settings, parsed.address)
    with sending.open(settings, network) as (chain, sender):
        identity = Identity(network, parsed, chain=chain)
        found = list_status_delegates(identity, lists)
        batches = revocations(found.survivors)
        if not batches:
            say("No status key was left behind by an earlier owner.")
            if sending.as_json:
                print_json([])
            return
        _print(found, found.survivors, stderr=True)
        if sending.dry_run:
            print_plan(identity.plan(batches[0], sender), as_json=sending.as_json)
            return
        confirm(f"Revoke {_count(found.survivors)}?", sending)
        receipts = [receipt for changes in batches for receipt in identity.apply(changes, sender)]
    print_receipts(receipts, as_json=sending.as_json, is_list=True)


def _count(keys: Sequence[StatusDelegate]) -> str:
    return "one status key" if len(keys) == 1 else f"{len(keys)} status keys"


def _print(found: StatusDelegates, keys: Sequence[StatusDelegate], *, stderr: bool = False) -> None:
    """Nothing; prints status keys as a table, those that still count first."""
    from ethr_did.core.keys import to_checksum_address
    from ethr_did.core.resolution import format_time

    rows = [
        (
            to_checksum_address(key.delegate),
            key.name,
            format_time(key.valid_to),
            _standing(key),
            key.since_block,
        )
        for key in sorted(keys, key=lambda key: (not key.valid, key.since_block))
    ]
    if rows:
        table(rows, ("account", "may write", "valid until", "granted by", "block"), stderr=stderr)
    if not stderr:
        head = found.standing.head
        say(
            f"{_count(keys) if keys else 'No status key'} as of block {head.number}, "
            f"{format_time(head.timestamp)}"
        )


def _standing(key: StatusDelegate) -> str:
    if not key.valid:
        return "ended"
    return "an earlier owner" if key.survived else "the owner"

"""``trust accredit``, ``withdraw`` and ``show``: issuers that an authority accredits on chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from ethr_did.cli.changing import find_identity, make, parse_validity
from ethr_did.cli.options import config_option, examples, json_option, load
from ethr_did.cli.output import print_json, say, table, working
from ethr_did.cli.sending import Sending, sending_options
from ethr_did.cli.trust.editing import issuer_argument, parse_moment, type_option

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ethr_did.chain.networks import Networks
    from ethr_did.core.did import EthrDID
    from ethr_did.core.keys import Address
    from ethr_did.credentials.accreditations import Accreditation, AuthorityHistory
    from ethr_did.settings import Settings

__all__ = ["accredit", "show", "withdraw"]

_authority = click.argument("authority", metavar="AUTHORITY_DID")


@click.command(
    epilog=examples(
        "ethr-did trust accredit AUTHORITY_DID ISSUER_DID --type DiplomaCredential --validity 2y",
        "ethr-did trust accredit AUTHORITY_DID ISSUER_DID --type '*' --dry-run",
    )
)
@_authority
@issuer_argument
@type_option(
    "A type of credentials, or the vct of an SD-JWT; '*' for any; may be repeated.", required=True
)
@click.option(
    "--validity",
    default="1y",
    show_default=True,
    metavar="TIME",
    help="How long it is valid: seconds, or a number with m, h, d or y.",
)
@sending_options()
def accredit(
    authority: str, issuer: str, kinds: tuple[str, ...], validity: str, sending: Sending
) -> None:
    """Accredit an issuer on chain, under your own identity.

    Verifiers who believe your identity accept the issuer's credentials of these types. The
    accreditation outlives a change of your identity's owner; withdraw ends it.
    """
    from ethr_did.credentials.accreditations import accredit as build

    address = _issuer_address(authority, issuer, sending.settings())
    seconds = parse_validity(validity)
    changes = [build(address, kind, validity=seconds) for kind in dict.fromkeys(kinds)]
    make(authority, changes, sending, is_list=True)


@click.command(
    epilog=examples(
        "ethr-did trust withdraw AUTHORITY_DID ISSUER_DID --type DiplomaCredential",
    )
)
@_authority
@issuer_argument
@type_option("As it was accredited; may be repeated.", required=True)
@sending_options()
def withdraw(authority: str, issuer: str, kinds: tuple[str, ...], sending: Sending) -> None:
    """End an accreditation on chain now."""
    from ethr_did.credentials.accreditations import withdraw as build

    address = _issuer_address(authority, issuer, sending.settings())
    changes = [build(address, kind) for kind in dict.fromkeys(kinds)]
    make(authority, changes, sending, is_list=True)


@click.command(
    epilog=examples(
        "ethr-did trust show AUTHORITY_DID --type DiplomaCredential",
        "ethr-did trust show AUTHORITY_DID --all --at-time 2026-01-31T23:59:59Z",
    )
)
@_authority
@type_option("A type that is to be told by its name; the chain holds hashes. May be repeated.")
@click.option("--at-time", metavar="TIME", help="As it was at that time.")
@click.option("--all", "show_all", is_flag=True, help="Also those that have ended.")
@json_option
@config_option
def show(
    authority: str,
    kinds: tuple[str, ...],
    at_time: str | None,
    show_all: bool,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """List the issuers that an authority accredits on chain."""
    settings = load(config_file)
    parsed, network = find_identity(authority, settings)
    moment = parse_moment(at_time)
    found = _read(parsed, settings)
    at = found.read_at.block_timestamp if moment is None else moment
    known = found.accreditations(at, kinds)
    if as_json:
        print_json(
            {
                "did": parsed.text,
                "network": network.name,
                "deactivated": found.is_deactivated(at),
                "readAt": found.read_at.to_dict(),
                "accreditations": [one.to_dict() for one in known],
            }
        )
        return
    if found.is_deactivated(at):
        say("The authority was deactivated: nobody is accredited by it.")
    _print([one for one in known if one.valid or show_all], found)


def _issuer_address(authority: str, issuer: str, settings: Settings) -> Address:
    """The identity of an issuer, which must be on the authority's network.

    Raises:
        InvalidOption: it is on another one.
    """
    from ethr_did.core.did import EthrDID
    from ethr_did.credentials.did_comparison import is_same_network
    from ethr_did.errors import InvalidOption

    networks: Networks = settings.table()
    parsed, other = EthrDID.parse(authority), EthrDID.parse(issuer)
    if not is_same_network(parsed.network, other.network, networks):
        raise InvalidOption(
            f"{issuer} is on another network than {authority}",
            hint="An accreditation holds on the authority's network. Use a list for other issuers.",
        )
    return other.address


def _read(authority: EthrDID, settings: Settings) -> AuthorityHistory:
    from ethr_did.credentials.accreditations import AuthorityHistory, read_accreditations

    network = settings.table().find(authority.network)
    with network.chain(timeout=settings.timeout) as chain, working("Reading the history …"):
        found = chain.agree(
            lambda block: read_accreditations(network, [authority.address], block=block)
        )[authority.address]
    if not isinstance(found, AuthorityHistory):
        raise found
    return found


def _print(known: Sequence[Accreditation], found: AuthorityHistory) -> None:
    """Nothing; prints accreditations as a table, those that are valid first."""
    from ethr_did.core.keys import to_checksum_address
    from ethr_did.core.resolution import format_time

    rows = [
        (
            to_checksum_address(one.issuer),
            one.name,
            format_time(one.valid_to),
            _standing(one),
            one.since_block,
        )
        for one in sorted(known, key=lambda one: (not one.valid, one.since_block))
    ]
    if rows:
        table(rows, ("issuer", "type", "valid until", "accredited by", "block"))
    if any(one.kind is None for one in known):
        say("The chain holds hashes of types: --type tells those that you name.")
    count = "one accreditation" if len(rows) == 1 else f"{len(rows) or 'no'} accreditations"
    head = found.read_at
    say(
        f"{count.capitalize()} as of block {head.block_number}, {format_time(head.block_timestamp)}"
    )


def _standing(one: Accreditation) -> str:
    if not one.valid:
        return "ended"
    return "an earlier owner" if one.survived else "the owner"

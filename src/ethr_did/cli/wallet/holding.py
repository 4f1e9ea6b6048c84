"""``wallet add``, ``list``, ``show`` and ``remove``: the credentials of a holder."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethr_did.cli.options import examples, json_option
from ethr_did.cli.output import fields, print_json, say, table
from ethr_did.cli.sending import NotConfirmed
from ethr_did.cli.status.subjects import read_bytes
from ethr_did.cli.wallet.opening import open_wallet, wallet_options
from ethr_did.errors import InvalidFile, InvalidInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ethr_did.wallet.held import HeldCredential
    from ethr_did.wallet.overview import ClaimLine, Overview
    from ethr_did.wallet.wallet import Wallet

__all__ = ["add", "list_credentials", "remove", "show"]

_id = click.argument("wanted", metavar="ID")
_LONGEST_VALUE = 60
_PLACE = {True: "may be hidden", False: "always shown"}


@click.command(
    epilog=examples(
        "ethr-did wallet add diploma.jwt --label diploma",
        "ethr-did wallet add card.sdjwt --key diploma --anchor existence.json",
        "ethr-did wallet add - --password-file FILE",
    )
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True))
@click.option("--label", default="", metavar="TEXT", help="Your word for the credential.")
@click.option(
    "--key",
    "key_name",
    metavar="ID",
    help="The key of the wallet that it is bound to, by id or label, if the credential does not "
    "say so itself.",
)
@click.option(
    "--anchor",
    "anchor_files",
    metavar="FILE",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="A proof that the credential existed at some block; a JSON object, or a list of them.",
)
@wallet_options
@json_option
def add(
    file: Path,
    label: str,
    key_name: str | None,
    anchor_files: tuple[Path, ...],
    wallet_file: Path | None,
    password_file: Path | None,
    as_json: bool,
) -> None:
    """Put a credential into the wallet.

    FILE holds one credential, a token or JSON; - is standard input. It is not verified: `ethr-did
    verify` does that. One that is there already is left as it is.
    """
    from ethr_did.credentials.reading import read_raw
    from ethr_did.wallet.binding import bound_key
    from ethr_did.wallet.overview import overview

    data = read_bytes(file)
    raw = read_raw(data)
    text = raw if isinstance(raw, str) else data.decode()
    credential = overview(text).credential
    anchors = [anchor for path in anchor_files for anchor in _read_anchors(path)]
    with open_wallet(wallet_file, password_file) as held:
        bound = bound_key(credential, held.keys)
        added = held.add_credential(
            text,
            format_name=credential.format.value,
            label=label,
            key_id=key_name or (None if bound is None else bound.id),
            issuer=credential.issuer,
            types=credential.types,
            anchors=anchors,
            now=int(time.time()),
        )
        found = added.credential
        if anchors and not added.is_new:
            found = held.add_anchors(found.id, anchors)
    if as_json:
        print_json({**_to_dict(found), "isNew": added.is_new})
        return
    click.echo(found.id)
    if not added.is_new:
        say("The wallet holds that credential already.")
    elif found.key_id is None:
        say("It is not known to be bound to a key of this wallet. If it is, name the key: --key")


def _read_anchors(path: Path) -> list[Mapping[str, Any]]:
    from ethr_did.core.strict_json import read_json

    try:
        value = read_json(read_bytes(path))
    except InvalidInput as cause:
        raise InvalidFile(f"{path}: {cause.message}", path=str(path)) from cause
    found = value if isinstance(value, list) else [value]
    if not all(isinstance(one, dict) for one in found):
        raise InvalidFile(f"{path} holds something else than JSON objects", path=str(path))
    return found


@click.command("list", epilog=examples("ethr-did wallet list", "ethr-did wallet list --json"))
@wallet_options
@json_option
def list_credentials(wallet_file: Path | None, password_file: Path | None, as_json: bool) -> None:
    """List the credentials."""
    with open_wallet(wallet_file, password_file) as held:
        found, keys = held.credentials, {one.id: one.label or one.id for one in held.keys}
    if as_json:
        print_json([_to_dict(one) for one in found])
        return
    if not found:
        say("The wallet holds no credentials. Put one in with `ethr-did wallet add FILE`.")
        return
    rows = [
        (one.id, one.label, _kind(one.types), one.issuer, keys.get(one.key_id or "", ""))
        for one in found
    ]
    table(rows, ("id", "label", "type", "issuer", "key"))


@click.command(
    epilog=examples(
        "ethr-did wallet show diploma",
        "ethr-did wallet show diploma --json",
        "ethr-did wallet show 4f2a91 --raw > diploma.jwt",
    )
)
@_id
@click.option("--raw", "as_raw", is_flag=True, help="Print the credential as it was received.")
@wallet_options
@json_option
def show(
    wanted: str,
    as_raw: bool,
    wallet_file: Path | None,
    password_file: Path | None,
    as_json: bool,
) -> None:
    """Show what a credential says, and what of it may be hidden.

    ID is an id, the beginning of one, or a label.
    """
    from ethr_did.wallet.overview import overview

    if as_raw and as_json:
        raise click.UsageError("--raw and --json exclude each other.")
    with open_wallet(wallet_file, password_file) as held:
        found = held.credential(wanted)
        key = _key_name(held, found)
    if as_raw:
        click.echo(found.raw)
        return
    seen = overview(found.raw)
    if as_json:
        print_json({**_to_dict(found), **_said(seen)})
        return
    _print_summary(found, seen, key)
    _print_claims(seen.lines)


@click.command(
    epilog=examples("ethr-did wallet remove diploma", "ethr-did wallet remove 4f2a91 --yes")
)
@_id
@click.option("--yes", is_flag=True, help="Do not ask.")
@wallet_options
@json_option
def remove(
    wanted: str, yes: bool, wallet_file: Path | None, password_file: Path | None, as_json: bool
) -> None:
    """Take a credential out of the wallet; its key stays.

    ID is an id, the beginning of one, or a label. Backups keep what they have.
    """
    with open_wallet(wallet_file, password_file) as held:
        found = held.credential(wanted)
        if not yes:
            _confirm(f"Remove {found.id} {found.label or _kind(found.types)}?")
        held.remove_credential(found.id)
    if as_json:
        print_json(_to_dict(found))
        return
    click.echo(found.id)
    say("Removed.")


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is no terminal to ask at: add --yes.")
    if not click.confirm(question, err=True):
        raise NotConfirmed("Not confirmed; nothing was removed.")


# -- what is printed -----------------------------------------------------------------------------


def _to_dict(found: HeldCredential) -> dict[str, Any]:
    """All but the credential itself."""
    made = found.to_dict()
    del made["raw"]
    return made


def _said(seen: Overview) -> dict[str, Any]:
    credential = seen.credential
    return {
        "subjects": list(credential.subjects),
        "validFrom": credential.valid_from,
        "validUntil": credential.valid_until,
        "claims": dict(credential.claims),
        "hideable": [list(line.path) for line in seen.lines if line.can_be_hidden],
    }


def _print_summary(found: HeldCredential, seen: Overview, key: str) -> None:
    credential = seen.credential
    rows = [
        ("credential", found.id),
        ("label", found.label),
        ("format", found.format),
        ("type", ", ".join(credential.types)),
        ("issuer", credential.issuer),
        ("subject", ", ".join(credential.subjects)),
        ("bound to", key),
        ("valid from", _moment(credential.valid_from)),
        ("valid until", _moment(credential.valid_until)),
        ("added", _moment(found.added_at)),
        ("proofs of existence", len(found.anchors) or ""),
    ]
    fields([(name, value) for name, value in rows if value])


def _print_claims(lines: Sequence[ClaimLine]) -> None:
    click.echo()
    table(
        [(line.name, _value(line.value), _PLACE[line.can_be_hidden]) for line in lines],
        ("claim", "value", "presented"),
    )
    if not any(line.can_be_hidden for line in lines):
        say("Whoever it is presented to sees all of it.")


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _kind(types: Sequence[str]) -> str:
    """The types that say something."""
    return ", ".join(one for one in types if one != "VerifiableCredential")


def _key_name(held: Wallet, found: HeldCredential) -> str:
    if found.key_id is None:
        return ""
    key = held.key(found.key_id)
    return f"{key.id} {key.label}".strip()


def _moment(seconds: int | None) -> str:
    from ethr_did.core.resolution import format_time

    return "" if seconds is None else format_time(seconds)

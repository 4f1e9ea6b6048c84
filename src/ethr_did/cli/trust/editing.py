"""``trust add``, ``trust list`` and ``trust remove``: a list of trusted issuers in a file."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from ethr_did.cli.options import config_option, examples, json_option, load
from ethr_did.cli.output import print_json, say, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.credentials.trust_files import TrustFile
    from ethr_did.credentials.trust_lists import TrustEntry, TrustList
    from ethr_did.settings import Settings

    F = TypeVar("F", bound=Callable[..., Any])

__all__ = ["add", "file_option", "list_command", "open_file", "parse_moment", "remove"]

issuer_argument = click.argument("issuer", metavar="ISSUER_DID")


def file_option(function: F) -> F:
    """Adds ``--file``."""
    return click.option(
        "--file",
        "file",
        type=click.Path(path_type=Path, dir_okay=False),
        help="The trust list; otherwise trusted-issuers.json in the user's state folder.",
    )(function)


def type_option(text: str, **attributes: Any) -> Callable[[F], F]:
    """Adds ``--type``, which may be given several times."""
    return click.option("--type", "kinds", metavar="TYPE", multiple=True, help=text, **attributes)


@click.command(
    "add",
    epilog=examples(
        "ethr-did trust add did:ethr:sepolia:0xADDRESS --type DiplomaCredential",
        "ethr-did trust add did:web:uni.example --type DiplomaCredential --type LibraryCard"
        " --valid-until 2027-12-31T23:59:59Z",
        "ethr-did trust add did:web:uni.example --type '*' --file partners.json",
    ),
)
@issuer_argument
@type_option(
    "A type of credentials, or the vct of an SD-JWT; '*' for any; may be repeated.", required=True
)
@click.option("--valid-from", metavar="TIME", help="First good second, as 2026-01-31T00:00:00Z.")
@click.option("--valid-until", metavar="TIME", help="Last good second; otherwise without end.")
@click.option("--note", default="", metavar="TEXT", help="A line for people.")
@file_option
@json_option
@config_option
def add(
    issuer: str,
    kinds: tuple[str, ...],
    valid_from: str | None,
    valid_until: str | None,
    note: str,
    file: Path | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Trust an issuer for some types of credentials.

    A credential is accepted if its issuer is trusted for all its types; VerifiableCredential, which
    all have, aside. What the list said about the same issuer and type is replaced.
    """
    from ethr_did.credentials.trust_edits import add_entry
    from ethr_did.credentials.trust_lists import TrustEntry

    entry = TrustEntry(
        issuer=issuer,
        types=tuple(dict.fromkeys(kinds)),
        valid_from=parse_moment(valid_from, is_start=True),
        valid_until=parse_moment(valid_until),
        note=note,
    )
    settings = load(config_file)
    opened = open_file(file, settings)
    table_ = settings.table()
    changed = opened.update(lambda before: add_entry(before, entry, table_))
    if as_json:
        print_json({"file": str(opened.path), **changed.to_dict()})
        return
    say(f"{issuer} is trusted for {_kinds(entry)} by {opened.path}, {_count(changed)}.")


@click.command(
    "list", epilog=examples("ethr-did trust list", "ethr-did trust list --file partners.json")
)
@file_option
@json_option
@config_option
def list_command(file: Path | None, as_json: bool, config_file: Path | None) -> None:
    """List the issuers that are trusted, and for what."""
    from ethr_did.credentials.trust_lists import TrustList

    opened = open_file(file, load(config_file))
    is_new = file is None and not opened.path.exists()
    found = TrustList(entries=()) if is_new else opened.read()
    if as_json:
        print_json({"file": str(opened.path), **found.to_dict()})
        return
    now = int(time.time())
    if found.entries:
        rows = [
            (entry.issuer, _kinds(entry), _standing(entry, now), *_window(entry), entry.note)
            for entry in found.entries
        ]
        table(rows, ("issuer", "types", "now", "from", "until", "note"))
    if found.valid_until is not None and now > found.valid_until:
        say("The time of the whole list is over: nobody is trusted by it.")
    say(f"{_count(found).capitalize()} in {opened.path}")


@click.command(
    "remove",
    epilog=examples(
        "ethr-did trust remove did:web:uni.example",
        "ethr-did trust remove did:web:uni.example --type LibraryCard --file partners.json",
    ),
)
@issuer_argument
@type_option("Only for this type of credentials; may be repeated.")
@file_option
@json_option
@config_option
def remove(
    issuer: str,
    kinds: tuple[str, ...],
    file: Path | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Trust an issuer no longer, or not for some types of credentials."""
    from ethr_did.credentials.trust_edits import remove_entries

    settings = load(config_file)
    opened = open_file(file, settings)
    table_ = settings.table()
    changed = opened.update(lambda before: remove_entries(before, issuer, kinds, table_))
    if as_json:
        print_json({"file": str(opened.path), **changed.to_dict()})
        return
    what = f" for {', '.join(kinds)}" if kinds else ""
    say(f"{issuer} is no longer trusted{what} by {opened.path}, {_count(changed)}.")


def open_file(file: Path | None, settings: Settings) -> TrustFile:
    """The trust list that a command is about."""
    from ethr_did.credentials.trust_files import DEFAULT_NAME, TrustFile

    return TrustFile(settings.state_dir / DEFAULT_NAME if file is None else file)


def parse_moment(text: str | None, *, is_start: bool = False) -> int | None:
    """The Unix second of a time; of one between two seconds, that which makes no window longer.

    Raises:
        InvalidInput: not a time with a time zone.
    """
    import math

    from ethr_did.core.date_time import parse_date_time

    if text is None:
        return None
    seconds = parse_date_time(text)
    return math.ceil(seconds) if is_start else math.floor(seconds)


def _kinds(entry: TrustEntry) -> str:
    return "any type" if entry.types == ("*",) else ", ".join(entry.types)


def _standing(entry: TrustEntry, now: int) -> str:
    if entry.is_before(now):
        return "not yet"
    return "over" if entry.is_after(now) else "trusted"


def _window(entry: TrustEntry) -> tuple[str, str]:
    from ethr_did.core.resolution import format_time

    start, end = entry.valid_from, entry.valid_until
    return (
        "" if start is None else format_time(start),
        "" if end is None else format_time(end),
    )


def _count(found: TrustList) -> str:
    count = len(found.entries)
    return "one entry" if count == 1 else f"{count or 'no'} entries"

"""``wallet present``: shown to the holder first, then asked, then signed."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethr_did.cli.options import config_option, examples, json_option, load, open_resolver
from ethr_did.cli.output import print_json, readable, say, table
from ethr_did.cli.relaying import check_new_file
from ethr_did.cli.sending import NotConfirmed
from ethr_did.cli.status.subjects import read_bytes
from ethr_did.cli.wallet.opening import open_wallet, wallet_options
from ethr_did.errors import InvalidFile

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.credentials.choices import Choice
    from ethr_did.credentials.dcql import Query
    from ethr_did.credentials.keys import PublicKey
    from ethr_did.credentials.presenting import Response
    from ethr_did.credentials.previews import CredentialPreview, Preview
    from ethr_did.credentials.signing_keys import LocalKey
    from ethr_did.did_methods import DIDResolver
    from ethr_did.settings import Settings
    from ethr_did.wallet.wallet import Wallet

__all__ = ["present"]

_LONGEST_VALUE = 60
_SEEN = {"always": "always shown", "hidden": "kept back", "shown": "shown"}
"""In this order: what is shown by choice stands above the question."""
_HANDLES = {
    "signature": "the issuer's signature",
    "key": "the holder's key",
    "subject": "the subject",
    "id": "the id",
    "status": "the place of the status",
}


@click.command(
    epilog=examples(
        "ethr-did wallet present --query request.json --nonce n-0S6_WzA2Mj"
        " --audience https://shop.example",
        "ethr-did wallet present --credential card --disclose age_equal_or_over.18"
        " --nonce n-0S6_WzA2Mj --audience https://shop.example --out shown.txt",
        "ethr-did wallet present --query request.json --dry-run",
    )
)
@click.option(
    "--query",
    "query_file",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    help="DCQL request of the verifier; - is standard input.",
)
@click.option(
    "--credential",
    "wanted",
    metavar="ID",
    multiple=True,
    help="The credential to show, by id or label. With --query, only those that are named are "
    "considered, and where the verifier takes several, all of them that fit are shown.",
)
@click.option(
    "--disclose",
    "paths",
    metavar="PATH",
    multiple=True,
    help="A claim to show, as address.locality or nationalities[0]; may be repeated.",
)
@click.option("--nonce", metavar="TEXT", help="That the verifier chose.")
@click.option("--audience", metavar="TEXT", help="Who the verifier is.")
@click.option(
    "--with-optional",
    is_flag=True,
    help="Show also what the verifier would like, and does not need.",
)
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File to write; otherwise stdout.",
)
@click.option("--dry-run", is_flag=True, help="Only tell what the verifier would see.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@wallet_options
@json_option
@config_option
def present(
    query_file: Path | None,
    wanted: tuple[str, ...],
    paths: tuple[str, ...],
    nonce: str | None,
    audience: str | None,
    with_optional: bool,
    out: Path | None,
    dry_run: bool,
    yes: bool,
    wallet_file: Path | None,
    password_file: Path | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Show a verifier what it asks for, and no more.

    Before anything is signed, you see what the verifier will see, and are asked. Claims that are
    not shown are kept back, as far as the credential allows it. With --query the result is a JSON
    object with the presentations for each part of the query.
    """
    from ethr_did.credentials.presenting import Presenter, check_addressed
    from ethr_did.credentials.previews import preview

    _check_usage(query_file, wanted, paths)
    query = None if query_file is None else _read_query(query_file)
    settings = load(config_file)
    if out is not None:
        check_new_file(out)
    now = int(time.time())
    with open_wallet(wallet_file, password_file) as held:
        if query is None:
            choice = _named(held, wanted[0], paths)
        else:
            choice = _asked(held, query, wanted, now=now, with_optional=with_optional)
        seen = preview(choice, now=now)
        if dry_run:
            _show(seen, as_json=as_json)
            return
        check_addressed(choice, nonce=nonce, audience=audience)
        if not (as_json and yes):
            _print_preview(seen, stderr=True)
        if not yes:
            _confirm(f"Show this to {readable(audience or 'the verifier')}?")
        response = Presenter(_resolver(settings)).present(
            choice, keys=_WalletKeys(held), now=now, nonce=nonce, audience=audience
        )
    _hand_over(response, seen, out, as_json=as_json)


def _check_usage(query_file: Path | None, wanted: Sequence[str], paths: Sequence[str]) -> None:
    if query_file is None and len(wanted) != 1:
        raise click.UsageError("Name a verifier's --query, or one --credential to show.")
    if query_file is not None and paths:
        raise click.UsageError("--disclose does not go with --query: the query says what is shown.")


def _read_query(path: Path) -> Query:
    from ethr_did.credentials.dcql import Query

    return Query.parse(read_bytes(path))


# -- what is shown -------------------------------------------------------------------------------


def _named(held: Wallet, wanted: str, paths: Sequence[str]) -> Choice:
    from ethr_did.credentials.choices import choose
    from ethr_did.credentials.claim_paths import parse_path

    return choose(held.credential(wanted), [parse_path(one) for one in paths])


def _asked(
    held: Wallet, query: Query, wanted: Sequence[str], *, now: int, with_optional: bool
) -> Choice:
    from ethr_did.credentials.choices import answer_query

    among = [held.credential(one) for one in wanted] if wanted else held.credentials
    return answer_query(query, among, now=now, with_all=bool(wanted), with_optional=with_optional)


class _WalletKeys:
    """The keys of a wallet; a ``HoldsKeys``."""

    def __init__(self, held: Wallet) -> None:
        self._held = held

    def find(self, public: PublicKey) -> LocalKey | None:
        """See ``HoldsKeys``."""
        key = self._held.key_of(public)
        return None if key is None else self._held.signing_key(key.id)


def _resolver(settings: Settings) -> DIDResolver:
    from ethr_did.did_methods import DIDResolver
    from ethr_did.fetching import Fetcher

    return DIDResolver(ethr=open_resolver(settings), fetcher=Fetcher())


def _confirm(question: str) -> None:
    if not sys.stdin.isatty():
        raise click.UsageError(f"{question} There is no terminal to ask at: add --yes.")
    if not click.confirm(question, err=True):
        raise NotConfirmed("Not confirmed; nothing was shown.")


# -- what is printed -----------------------------------------------------------------------------


def _show(seen: Preview, *, as_json: bool) -> None:
    if as_json:
        print_json(seen.to_dict())
        return
    _print_preview(seen, stderr=False)


def _print_preview(seen: Preview, *, stderr: bool) -> None:
    for one in seen.credentials:
        _print_credential(one, stderr=stderr)
    if seen.optional:
        names = ", ".join(seen.optional)
        say(f"Not shown, though the verifier would like it: {names}. Show it: --with-optional")


def _print_credential(one: CredentialPreview, *, stderr: bool) -> None:
    from ethr_did.credentials.claim_paths import path_text

    rows = [
        ("credential", one.credential_id),
        ("asked for as", one.query_id or ""),
        ("type", ", ".join(one.types)),
        ("issuer", one.issuer),
    ]
    margin = max(len(name) for name, _ in rows) + 2
    for name, value in rows:
        if value:
            click.echo(f"{name.ljust(margin)}{readable(value)}", err=stderr)
    click.echo(err=stderr)
    lines = [
        (path_text(line.path), _value(line.value), _SEEN[line.visibility.value])
        for visibility in _SEEN
        for line in one.claims
        if line.visibility.value == visibility
    ]
    table(lines, ("claim", "value", "seen by the verifier"), stderr=stderr)
    for words in _remarks(one):
        say(words)
    click.echo(err=stderr)


def _remarks(one: CredentialPreview) -> list[str]:
    handles = ", ".join(_HANDLES[handle.value] for handle in one.handles)
    remarks = [f"Warning: {words}." for words in one.warnings]
    if not one.can_hide:
        remarks.append("Nothing of it can be kept back.")
    if not one.is_bound:
        remarks.append("You do not sign for it: whoever sees it can show it as well.")
    return [*remarks, f"Verifiers who compare notes can recognise it by {handles}."]


def _value(value: Any) -> str:
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_VALUE else f"{text[: _LONGEST_VALUE - 1]}…"


def _hand_over(response: Response, seen: Preview, out: Path | None, *, as_json: bool) -> None:
    if out is not None:
        _write(out, f"{response.text}\n")
        if as_json:
            print_json({"out": str(out), "preview": seen.to_dict()})
        else:
            click.echo(str(out))
        return
    if not as_json:
        click.echo(response.text)
        return
    (first, *_) = response.parts
    made: dict[str, Any] = {"vp_token": response.vp_token}
    if first.query_id is None:
        made = {"presentation": first.presentation}
    print_json({**made, "preview": seen.to_dict()})


def _write(out: Path, text: str) -> None:
    """Nothing; writes a file that is not there yet, for its owner only.

    Raises:
        InvalidFile: it cannot be written.
    """
    try:
        with open(
            out, "x", encoding="utf-8", opener=lambda path, flags: os.open(path, flags, 0o600)
        ) as file:
            file.write(text)
    except OSError as cause:
        raise InvalidFile(f"{out} cannot be written: {cause.strerror}", path=str(out)) from cause

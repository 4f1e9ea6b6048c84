"""``wallet key``: the keys of a holder."""

from __future__ import annotations

import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ethr_did.cli.options import ask_password, examples, json_option
from ethr_did.cli.output import fields, print_json, say, table
from ethr_did.cli.wallet.opening import open_wallet, password_file_option, wallet_options

if TYPE_CHECKING:
    from ethr_did.wallet.keys import WalletKey
    from ethr_did.wallet.wallet import Wallet

__all__ = ["key", "key_to_dict"]

_KINDS = ("P-256", "secp256k1", "Ed25519")
_label_option = click.option(
    "--label", default="", metavar="TEXT", help="Your word for the key; commands find it by that."
)
_MAX_KEYSTORE = 16 * 1024


@click.group()
def key() -> None:
    """Make, import and list the keys that credentials are bound to.

    A key for each credential keeps verifiers from telling that two of them are one holder's.
    """


@key.command(
    "new",
    epilog=examples(
        "ethr-did wallet key new --label diploma", "ethr-did wallet key new --type secp256k1"
    ),
)
@click.option(
    "--type",
    "kind",
    type=click.Choice(_KINDS),
    default=_KINDS[0],
    show_default=True,
    help="The curve.",
)
@_label_option
@wallet_options
@json_option
def key_new(
    kind: str, label: str, wallet_file: Path | None, password_file: Path | None, as_json: bool
) -> None:
    """Make a new random key.

    Give its DID, or its JWK (--json), to whoever issues the credential.
    """
    from ethr_did.credentials.keys import KeyKind

    with open_wallet(wallet_file, password_file) as held:
        made = held.add_key(KeyKind(kind), label=label, now=int(time.time()))
    _print_key(made, as_json=as_json)


@key.command(
    "import",
    epilog=examples(
        "ethr-did wallet key import ~/.ethereum/keystore/UTC--2026-11-01T10-00-00Z--7e5f4552",
        "ethr-did wallet key import old-key.hex --type Ed25519 --label old",
    ),
)
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option(
    "--type",
    "kind",
    type=click.Choice(_KINDS),
    help="The curve of a key in the clear; secp256k1 if left out, and in every keystore.",
)
@_label_option
@wallet_options
@password_file_option(
    "File whose first line is the password of the keystore; otherwise it is asked for.",
    "--keystore-password-file",
)
@json_option
def key_import(
    file: Path,
    kind: str | None,
    label: str,
    wallet_file: Path | None,
    password_file: Path | None,
    keystore_password_file: Path | None,
    as_json: bool,
) -> None:
    """Take a key over from FILE, which is left as it is.

    FILE is an Ethereum keystore, as `ethr-did keystore` and geth make it, or holds 32 bytes in hex
    and is readable by its owner only.
    """
    from ethr_did.chain.keystore import read_key_file
    from ethr_did.credentials.keys import KeyKind

    is_keystore = _is_keystore(file)
    if not is_keystore:
        read_key_file(file)  # before any password is asked for
    elif kind not in (None, KeyKind.SECP256K1.value):
        raise click.UsageError(f"{file} is a keystore, whose key is on secp256k1.")
    now = int(time.time())
    with open_wallet(wallet_file, password_file) as held:
        if is_keystore:
            found = _import_keystore(held, file, keystore_password_file, label=label, now=now)
        else:
            chosen = KeyKind(kind or KeyKind.SECP256K1)
            found = held.import_key_file(file, kind=chosen, label=label, now=now)
    _print_key(found, as_json=as_json)
    if not is_keystore:
        say(f"{file} still holds the key in the clear; delete it once the wallet is backed up.")


def _is_keystore(file: Path) -> bool:
    """Whether a file is JSON; what cannot be read is not, and whoever reads it next says why."""
    from ethr_did.chain.secret_files import read_small_file
    from ethr_did.errors import SignerError

    try:
        return read_small_file(file, limit=_MAX_KEYSTORE).lstrip().startswith(b"{")
    except SignerError:
        return False


def _import_keystore(
    held: Wallet, file: Path, password_file: Path | None, *, label: str, now: int
) -> WalletKey:
    from ethr_did.chain.keystore import read_password_file

    password = (
        ask_password(f"Password for {file}")
        if password_file is None
        else read_password_file(password_file)
    )
    return held.import_keystore(file, password, label=label, now=now)


@key.command("list", epilog=examples("ethr-did wallet key list", "ethr-did wallet key list --json"))
@wallet_options
@json_option
def key_list(wallet_file: Path | None, password_file: Path | None, as_json: bool) -> None:
    """List the keys, and how many credentials are bound to each."""
    with open_wallet(wallet_file, password_file) as held:
        keys, credentials = held.keys, held.credentials
    uses = Counter(one.key_id for one in credentials)
    if as_json:
        print_json([{**key_to_dict(one), "credentials": uses[one.id]} for one in keys])
        return
    if not keys:
        say("The wallet holds no keys. Make one with `ethr-did wallet key new`.")
        return
    rows = [
        (one.id, one.label, one.kind.value, uses[one.id], key_to_dict(one)["did"]) for one in keys
    ]
    table(rows, ("id", "label", "kind", "credentials", "DID"))


def key_to_dict(found: WalletKey) -> dict[str, Any]:
    """A key as JSON, with the DID that is the key itself."""
    made = found.to_dict()
    return {"id": made.pop("id"), "did": f"did:key:{made['publicKeyMultibase']}", **made}


def _print_key(found: WalletKey, *, as_json: bool) -> None:
    made = key_to_dict(found)
    if as_json:
        print_json(made)
        return
    rows = [("key", found.id), ("label", found.label), ("kind", found.kind.value)]
    rows += [("DID", made["did"]), ("account", made["address"])]
    fields([(name, value) for name, value in rows if value])

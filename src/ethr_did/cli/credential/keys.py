"""``credential key``: keys that sign credentials."""

from __future__ import annotations

import secrets
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ethr_did.cli.options import examples, json_option
from ethr_did.cli.output import print_json, say

if TYPE_CHECKING:
    from ethr_did.credentials.keys import PublicKey

__all__ = ["key", "publishing_hint"]

_KINDS = ("P-256", "Ed25519", "secp256k1")


@click.group()
def key() -> None:
    """Make keys that sign credentials."""


@key.command(
    "new",
    epilog=examples(
        "ethr-did credential key new --out issuer.jwk",
        "ethr-did credential key new --did DID --type Ed25519 --out issuer.jwk",
    ),
)
@click.option(
    "--type",
    "kind",
    type=click.Choice(_KINDS),
    default="P-256",
    show_default=True,
    help="P-256 is what most wallets and the EU take.",
)
@click.option(
    "--out",
    "path",
    type=click.Path(path_type=Path, dir_okay=False),
    required=True,
    help="A new file for the private key; only you can read it.",
)
@click.option("--did", default="DID", help="Whose key it is to be, for the line that is printed.")
@json_option
def key_new(kind: str, path: Path, did: str, as_json: bool) -> None:
    """Make a key, and say how it is published.

    The file holds a private JWK. Other commands take it as jwkfile:FILE.
    """
    from ethr_did.credentials.keys import KeyKind
    from ethr_did.credentials.signing_keys import new_key_file

    public = new_key_file(path, KeyKind(kind), random=secrets.token_bytes)
    if as_json:
        multikey = public.to_multikey()
        print_json(
            {
                "file": str(path),
                "multikey": multikey,
                "jwk": public.to_jwk(),
                "publish": publishing_hint(public, did),
            }
        )
        return
    click.echo(publishing_hint(public, did))
    say(f"The private key is in {path}. The line above publishes its public key.")


def publishing_hint(public: PublicKey, did: str) -> str:
    """The command that puts a key into the document of a DID."""
    from ethr_did.core.keys import parse_multibase

    data = parse_multibase(public.to_multikey())
    return f"ethr-did key add {did} Multikey 0x{data.hex()}"

"""``create`` and ``keystore``: identities and keys, without a chain."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from ethr_did.cli.options import (
    ask_password,
    config_option,
    examples,
    json_option,
    load,
    network_option,
    signer_options,
)
from ethr_did.cli.output import print_json, say, table, working

if TYPE_CHECKING:
    from ethr_did.chain.keystore import KeystoreEntry
    from ethr_did.chain.signer import Signer

__all__ = ["create", "keystore"]

_directory_option = click.option(
    "--directory",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder of the key files; otherwise keystores in the user's state folder.",
)
_new_password_option = click.option(
    "--password-file",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File whose first line is the password; otherwise it is asked for.",
)


@click.command(
    epilog=examples(
        "ethr-did create --network sepolia",
        "ethr-did create --network sepolia --signer keystore:FILE --from-public-key",
        "ethr-did create --identifier 0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
    )
)
@network_option("Name or hex chain id; mainnet if left out.", default="")
@click.option(
    "--identifier", metavar="HEX", help="An address or compressed public key that exists already."
)
@click.option(
    "--from-public-key",
    is_flag=True,
    help="Name the DID by the public key, so that verifiers can use the key itself.",
)
@_directory_option
@signer_options(required=False)
@json_option
@config_option
@click.pass_context
def create(
    ctx: click.Context,
    network: str,
    identifier: str | None,
    from_public_key: bool,
    directory: Path | None,
    signer: str | None,
    password_file: Path | None,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Make a did:ethr, with a new key or one that exists.

    No transaction is needed: an identity begins with its key. Without --identifier or --signer a
    new key is made and kept in an encrypted file.
    """
    from ethr_did.core.did import EthrDID
    from ethr_did.core.keys import to_checksum_address

    if identifier is not None:
        # A signer of the environment is for other commands.
        is_typed = ctx.get_parameter_source("signer") is ParameterSource.COMMANDLINE
        if is_typed or from_public_key:
            raise click.UsageError("--identifier stands alone: it says all there is to say.")
        signer = None
    settings = load(config_file)
    found = settings.table().find(network)
    path: Path | None = None
    if identifier is None:
        if signer is None:
            entry = _new_keystore(directory or keystore_folder(), password_file)
            path, signer = entry.path, f"keystore:{entry.path}"
        holder = open_signer_named(signer, password_file)
        identifier = (
            "0x" + _public_key(holder).hex()
            if from_public_key
            else to_checksum_address(holder.address)
        )
    did = EthrDID.build(identifier, network)
    result = {
        "did": did.text,
        "network": found.name,
        "chainId": found.chain_id,
        "address": to_checksum_address(did.address),
        "publicKey": None if did.public_key is None else "0x" + did.public_key.hex(),
        "signer": signer,
    }
    if as_json:
        print_json(result)
        return
    click.echo(did.text)
    if path is not None:
        say(f"The key is in {path}. Back it up: whoever holds it is this identity.")
        say(f"Use it with --signer keystore:{path}")
    elif signer is not None:
        say(f"The key is that of {signer}.")


def keystore_folder() -> Path:
    """The folder where key files are kept."""
    from ethr_did.settings import state_folder

    return state_folder() / "keystores"


def open_signer_named(name: str, password_file: Path | None) -> Signer:
    """The signer of that name, its password asked late."""
    from ethr_did.chain.signer import open_signer

    return open_signer(name, ask_password=ask_password, password_file=password_file)


def _public_key(holder: Signer) -> bytes:
    """The compressed public key of any signer, recovered from a signature over a fixed text."""
    from eth_hash.auto import keccak
    from eth_keys.datatypes import Signature

    digest = keccak(b"ethr-did: show the public key of this account")
    r_s, v = (signature := holder.sign_digest(digest))[:64], signature[64]
    point = Signature(r_s + bytes([v - 27])).recover_public_key_from_msg_hash(digest)
    return point.to_compressed_bytes()


def _new_keystore(directory: Path, password_file: Path | None) -> KeystoreEntry:
    from ethr_did.chain.keystore import new_keystore

    password = new_password(password_file)
    with working("Encrypting the new key …"):
        return new_keystore(directory, password, now=int(time.time()))


def new_password(password_file: Path | None) -> str:
    """The password for a new key file, from a file or asked for twice."""
    from ethr_did.chain.keystore import read_password_file

    if password_file is not None:
        return read_password_file(password_file)
    return ask_password("Password for the new key file", confirm=True)


@click.group()
def keystore() -> None:
    """Make, import and list encrypted key files.

    They are Web3 secret storage, version 3, as geth and every wallet read it.
    """


@keystore.command(
    "new", epilog=examples("ethr-did keystore new", "ethr-did keystore new --password-file FILE")
)
@_directory_option
@_new_password_option
@json_option
def keystore_new(directory: Path | None, password_file: Path | None, as_json: bool) -> None:
    """Make a new random key in an encrypted file."""
    folder = directory or keystore_folder()
    _print_entry(_new_keystore(folder, password_file), as_json=as_json)


@keystore.command("import", epilog=examples("ethr-did keystore import old-key.hex"))
@click.argument("key_file", type=click.Path(path_type=Path, dir_okay=False))
@_directory_option
@_new_password_option
@json_option
def keystore_import(
    key_file: Path, directory: Path | None, password_file: Path | None, as_json: bool
) -> None:
    """Encrypt a raw key: KEY_FILE holds 32 bytes in hex and is readable by its owner only."""
    from ethr_did.chain.keystore import import_key_file

    folder = directory or keystore_folder()
    password = new_password(password_file)
    with working("Encrypting the key …"):
        entry = import_key_file(folder, key_file, password, now=int(time.time()))
    _print_entry(entry, as_json=as_json)
    say(f"{key_file} still holds the key in the clear; delete it once the new file works.")


@keystore.command("list", epilog=examples("ethr-did keystore list"))
@_directory_option
@json_option
def keystore_list(directory: Path | None, as_json: bool) -> None:
    """List the key files of a folder, damaged ones with the reason."""
    from ethr_did.chain.keystore import list_keystores

    folder = directory or keystore_folder()
    entries = list_keystores(folder)
    if as_json:
        print_json([_entry_to_dict(entry) for entry in entries])
        return
    if entries:
        rows = [(_address(entry) or entry.problem, entry.path.name) for entry in entries]
        table(rows, ("account", "file"))
    count = "one key file" if len(entries) == 1 else f"{len(entries) or 'no'} key files"
    say(f"{count.capitalize()} in {folder}")


def _address(entry: KeystoreEntry) -> str | None:
    from ethr_did.core.keys import to_checksum_address

    return None if entry.address is None else to_checksum_address(entry.address)


def _entry_to_dict(entry: KeystoreEntry) -> dict[str, object]:
    return {
        "address": _address(entry),
        "path": str(entry.path),
        "signer": f"keystore:{entry.path}",
        "problem": entry.problem or None,
    }


def _print_entry(entry: KeystoreEntry, *, as_json: bool) -> None:
    if as_json:
        print_json(_entry_to_dict(entry))
        return
    click.echo(_address(entry))
    say(f"Use it with --signer keystore:{entry.path}")

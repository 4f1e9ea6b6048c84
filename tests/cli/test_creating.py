"""``create`` and ``keystore``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ethr_did.core.did import EthrDID

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount
    from support.command_line import CommandLine

PUBLIC = "0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
RICH = "0x70997970C51812dc3A010C7d01b50e0d17dc79C8"
"""The second account of every test chain."""
ADDRESS = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """A password file."""
    path = tmp_path / "password"
    path.write_text("correct horse\nand nothing else\n")
    path.chmod(0o600)
    return path


def test_a_did_of_the_signer_needs_no_chain(ethr_did: CommandLine, alice: LocalAccount) -> None:
    done = ethr_did("create", "--network", "sepolia")
    assert (done.status, done.out) == (0, f"did:ethr:sepolia:{alice.address}\n")
    assert "keyfile:" in done.err


def test_a_did_by_public_key_means_the_same_address(
    ethr_did: CommandLine, alice: LocalAccount
) -> None:
    made = ethr_did("create", "--from-public-key", "--json").json
    assert made["did"].endswith(made["publicKey"])
    assert EthrDID.parse(made["did"]).address == alice.address_bytes
    assert (made["network"], made["chainId"], made["address"]) == ("mainnet", 1, alice.address)


@pytest.mark.parametrize("identifier", [ADDRESS, PUBLIC])
def test_an_identifier_stands_alone_even_where_a_signer_is_set(
    ethr_did: CommandLine, identifier: str
) -> None:
    made = ethr_did("create", "--network", "dev", "--identifier", identifier, "--json").json
    assert made["did"] == f"did:ethr:dev:{identifier}"
    assert (made["address"], made["signer"]) == (ADDRESS, None)
    typed = ethr_did("create", "--identifier", identifier, "--signer", "keyfile:x")
    assert (typed.status, "stands alone" in typed.err) == (2, True)


def test_an_unknown_network_is_found_out_before_a_key_is_made(
    ethr_did: CommandLine, tmp_path: Path, password: Path
) -> None:
    done = ethr_did("create", "--network", "dve", "--password-file", password, ETHR_DID_SIGNER="")
    assert (done.status, "Did you mean dev?" in done.err) == (7, True)
    assert not (tmp_path / "state").exists()


def test_a_new_identity_gets_a_key_file_that_works(
    ethr_did: CommandLine, tmp_path: Path, password: Path
) -> None:
    made = ethr_did(
        *("create", "--network", "dev", "--password-file", password, "--json"), ETHR_DID_SIGNER=""
    ).json
    (path,) = (tmp_path / "state" / "keystores").iterdir()
    assert made["signer"] == f"keystore:{path}"
    assert path.stat().st_mode & 0o777 == 0o600
    changes = json.dumps([{"change": "addService", "type": "Hub", "endpoint": "https://h.io"}])
    signing = ("relay", "sign", made["did"], "-", "--signer", made["signer"])
    signed = ethr_did(*signing, "--password-file", password, stdin=changes)
    assert signed.json["owner"] == made["address"]
    wrong = tmp_path / "wrong"
    wrong.write_text("wrong horse")
    wrong.chmod(0o600)
    refused = ethr_did(*signing, "--password-file", wrong, "--json", stdin=changes)
    assert (refused.status, refused.error["code"]) == (6, "signer_error")
    assert refused.error["message"].startswith("wrong password for ")
    assert "horse" not in refused.out + refused.err


def test_without_a_terminal_a_password_needs_a_file(ethr_did: CommandLine) -> None:
    done = ethr_did("keystore", "new")
    assert (done.status, done.out) == (2, "")
    assert "--password-file" in done.err


def test_a_password_is_asked_for_twice_and_not_shown(ethr_did: CommandLine) -> None:
    said = ("one\n", "two\n", "secret words\n", "secret words\n")
    prompts = ("Password for", "Repeat for") * 2
    done = ethr_did.typed("keystore", "new", answers=list(zip(prompts, said, strict=True)))
    assert done.status == 0
    assert "do not match" in done.out
    assert "secret words" not in done.out
    assert "Use it with --signer keystore:" in done.out


def test_an_imported_key_is_listed_and_not_imported_twice(
    ethr_did: CommandLine,
    signers: dict[str, str],
    bob: LocalAccount,
    tmp_path: Path,
    password: Path,
) -> None:
    key = signers[bob.address].removeprefix("keyfile:")
    importing = ("keystore", "import", key, "--directory", tmp_path / "keys")
    made = ethr_did(*importing, "--password-file", password, "--json")
    assert made.json["address"] == bob.address
    assert "still holds the key in the clear" in made.err
    again = ethr_did(*importing, "--password-file", password, "--json")
    assert (again.status, again.error["code"]) == (6, "signer_error")
    (tmp_path / "keys" / "damaged").write_text("{}")
    listed = ethr_did("keystore", "list", "--directory", tmp_path / "keys", "--json").json
    assert [entry["address"] for entry in listed] == [bob.address, None]
    assert "not of version 3" in listed[1]["problem"]
    shown = ethr_did("keystore", "list", "--directory", tmp_path / "keys")
    assert bob.address in shown.out
    assert "2 key files in" in shown.err


def test_an_empty_folder_of_keys_is_said_to_be_empty(ethr_did: CommandLine) -> None:
    done = ethr_did("keystore", "list")
    assert (done.status, done.out) == (0, "")
    assert done.err.startswith("No key files in ")
    assert ethr_did("keystore", "list", "--json").json == []


@pytest.mark.parametrize(
    ("signer", "status", "words"),
    [
        ("keyfile:missing", 6, "missing cannot be read: No such file"),
        ("keystore:missing", 6, "missing cannot be read: No such file"),
        ("keyfle:x", 7, "Did you mean keyfile?"),
        ("0x" + "77" * 32, 7, "keystore:PATH, keyfile:PATH or remote:"),
        ("keyfile:0x" + "77" * 32, 6, "looks like a private key"),
        ("keyfile:" + "77" * 32, 6, "looks like a private key"),
        ("remote:http://127.0.0.1:1", 7, "which account signs"),
        (f"remote:http://127.0.0.1:1#{RICH}", 6, "cannot be reached"),
    ],
)
def test_a_signer_that_cannot_be_used_is_told_without_its_secrets(
    ethr_did: CommandLine, signer: str, status: int, words: str
) -> None:
    did = f"did:ethr:dev:{RICH}"
    for options in ([], ["--json"]):
        done = ethr_did("delegate", "add", did, ADDRESS, "--signer", signer, *options)
        assert done.status == status
        assert words in done.out + done.err
        assert "77" * 32 not in done.out + done.err


def test_a_key_file_that_others_can_read_is_not_used(ethr_did: CommandLine, tmp_path: Path) -> None:
    key = tmp_path / "open.key"
    key.write_text("77" * 32)
    key.chmod(0o644)
    done = ethr_did("create", "--signer", f"keyfile:{key}")
    assert done.status == 6
    assert f"chmod 600 {key}" in done.err

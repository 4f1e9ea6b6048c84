"""``ethr-did wallet``: what a holder types, and what comes of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.keystore import import_key
from ethr_did.chain.local_signer import Secret
from ethr_did.chain.secret_files import write_new_file
from ethr_did.cli.wallet.keeping import init
from ethr_did.credentials.keys import KeyKind
from ethr_did.wallet.derivation import KdfParameters
from support.command_line import CommandLine
from support.wallets import (
    ISSUER,
    NOW,
    PASSWORD,
    data_integrity,
    make_wallet,
    open_wallet,
    sd_jwt,
    vc_jwt,
)

if TYPE_CHECKING:
    from pathlib import Path

KEY = bytes.fromhex("a285ab66393c5fdda46d6fbad9e27fafd438254ab72ad5acb681a0e9f20f5d7b")
ACCOUNT = "0x2036C6CD85692F0Fb2C26E6c6B2ECed9e4478Dfd"


@pytest.fixture
def password(tmp_path: Path) -> Path:
    """A file with the password."""
    path = tmp_path / "password"
    write_new_file(path, PASSWORD.encode())
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the wallet is if nothing else is said."""
    return tmp_path / "state" / "wallet.json"


@pytest.fixture
def bare(tmp_path: Path) -> CommandLine:
    """The command line of somebody without a wallet."""
    return CommandLine({"ETHR_DID_STATE_DIR": str(tmp_path / "state")})


@pytest.fixture
def holder(bare: CommandLine, path: Path) -> CommandLine:
    """The command line of a holder with an empty wallet."""
    make_wallet(path).close()
    return bare


@pytest.fixture
def card(tmp_path: Path) -> Path:
    """A file with a credential of which most can be hidden."""
    file = tmp_path / "card.sdjwt"
    file.write_text(sd_jwt() + "\n", "utf-8")
    return file


# -- init ----------------------------------------------------------------------------------------


def test_wallet_is_made_where_it_is_found_again(bare: CommandLine, path: Path) -> None:
    made = bare.typed(
        "wallet",
        "init",
        "--memory",
        16,
        answers=[("New password", f"{PASSWORD}\n"), ("Repeat", f"{PASSWORD}\n")],
    )
    assert made.status == 0, made.out
    assert PASSWORD not in made.out
    assert str(path) in made.out.replace("\n", "")
    with open_wallet(path) as wallet:
        assert wallet.keys == ()


def test_place_of_the_wallet_can_be_named(
    bare: CommandLine, password: Path, tmp_path: Path
) -> None:
    place = tmp_path / "named.json"
    make_wallet(place).close()
    for found in (
        bare("wallet", "list", "--wallet", place, "--password-file", password, "--json"),
        bare("wallet", "list", "--password-file", password, "--json", ETHR_DID_WALLET=str(place)),
    ):
        assert (found.status, found.json) == (0, [])


def test_wallet_is_made_for_programs(bare: CommandLine, path: Path, password: Path) -> None:
    options = ("--memory", 16, "--password-file", password, "--json")
    made = bare("wallet", "init", *options)
    assert (made.status, made.json) == (0, {"wallet": str(path)})
    assert json.loads(path.read_text())["kdf"]["memory"] == 16 * 1024


def test_new_wallet_says_what_comes_next(bare: CommandLine, password: Path, tmp_path: Path) -> None:
    options = ("--wallet", tmp_path / "a.json", "--memory", 16, "--password-file", password)
    made = bare("wallet", "init", *options)
    assert (made.status, made.out) == (0, f"{tmp_path / 'a.json'}\n")
    assert "wallet key new" in made.err


def test_wallet_that_is_there_is_not_made_anew(holder: CommandLine, path: Path) -> None:
    """Said before anybody is asked for a password."""
    before = path.read_bytes()
    made = holder("wallet", "init", "--json")
    assert made.status == 12
    assert made.error["code"] == "wallet_error"
    assert "exists already" in made.error["message"]
    assert path.read_bytes() == before


# -- passwords -----------------------------------------------------------------------------------


def test_missing_wallet_is_said_before_the_password_is_asked_for(bare: CommandLine) -> None:
    found = bare("wallet", "list", "--json")
    assert found.status == 12
    assert "there is no wallet" in found.error["message"]
    assert "ethr-did wallet init" in found.error["hint"]


def test_damaged_wallet_is_said_before_the_password_is_asked_for(
    holder: CommandLine, path: Path
) -> None:
    path.write_bytes(path.read_bytes()[:-9])
    found = holder("wallet", "list")
    assert found.status == 12
    assert "the wallet is damaged" in found.err


def test_password_is_asked_for_on_a_terminal_only(holder: CommandLine) -> None:
    found = holder("wallet", "list")
    assert found.status == 2
    assert "--password-file" in found.err


def test_wrong_password_is_said(holder: CommandLine, path: Path, tmp_path: Path) -> None:
    write_new_file(tmp_path / "wrong", b"wrong horse")
    before = path.read_bytes()
    found = holder("wallet", "list", "--password-file", tmp_path / "wrong")
    assert found.status == 12
    assert "wrong password" in found.err
    assert "wrong horse" not in found.err
    assert path.read_bytes() == before


def test_password_is_changed(
    holder: CommandLine, path: Path, password: Path, tmp_path: Path
) -> None:
    write_new_file(tmp_path / "new", b"battery staple")
    changed = holder(
        "wallet",
        "password",
        "--password-file",
        password,
        "--new-password-file",
        tmp_path / "new",
        "--memory",
        16,
    )
    assert changed.status == 0, changed.err
    assert changed.out == f"{path}\n"
    assert "Backups" in changed.err
    found = holder("wallet", "list", "--password-file", tmp_path / "new", "--json")
    assert found.json == []
    assert holder("wallet", "list", "--password-file", password).status == 12


def test_password_stays_where_the_new_one_is_none(
    holder: CommandLine, path: Path, password: Path, tmp_path: Path
) -> None:
    write_new_file(tmp_path / "new", b"\n")
    before = path.read_bytes()
    options = ("--password-file", password, "--new-password-file", tmp_path / "new", "--json")
    assert holder("wallet", "password", *options).error["code"] == "signer_error"
    assert path.read_bytes() == before


def test_changed_password_is_told_to_programs(
    holder: CommandLine, path: Path, password: Path
) -> None:
    options = ("--password-file", password, "--new-password-file", password, "--memory", 16)
    assert holder("wallet", "password", *options, "--json").json == {"wallet": str(path)}


def test_usual_work_is_that_of_the_library() -> None:
    usual = next(one for one in init.params if one.name == "memory").default
    assert usual == KdfParameters().memory // 1024


# -- credentials ---------------------------------------------------------------------------------


def test_credential_is_added_and_listed(
    holder: CommandLine, password: Path, card: Path, path: Path
) -> None:
    added = holder("wallet", "add", card, "--label", "id card", "--password-file", password)
    assert added.status == 0, added.err
    assert "not known to be bound" in added.err
    listed = holder("wallet", "list", "--password-file", password)
    assert added.out.strip() in listed.out
    assert "id card" in listed.out
    assert "https://credentials.example/person" in listed.out
    with open_wallet(path) as wallet:
        assert wallet.credential("id card").raw == card.read_text("utf-8").strip()


def test_credential_of_standard_input_is_added(holder: CommandLine, password: Path) -> None:
    text = vc_jwt()
    added = holder("wallet", "add", "-", "--password-file", password, "--json", stdin=text)
    assert added.status == 0, added.out
    assert added.json["isNew"] is True
    assert added.json["format"] == "vc+jwt"
    assert added.json["issuer"] == ISSUER
    assert added.json["types"] == ["VerifiableCredential", "DiplomaCredential"]
    assert "raw" not in added.json


def test_credential_as_json_is_kept_as_it_is_written(
    holder: CommandLine, password: Path, tmp_path: Path
) -> None:
    text = json.dumps(data_integrity(), indent=3)
    (tmp_path / "diploma.json").write_text(text, "utf-8")
    added = holder("wallet", "add", tmp_path / "diploma.json", "--password-file", password)
    shown = holder("wallet", "show", added.out.strip(), "--raw", "--password-file", password)
    assert shown.out == text + "\n"


def test_quoted_token_is_a_token(holder: CommandLine, password: Path, path: Path) -> None:
    text = vc_jwt()
    holder("wallet", "add", "-", "--password-file", password, stdin=json.dumps(text))
    with open_wallet(path) as wallet:
        assert wallet.credentials[0].raw == text


def test_same_credential_is_said_to_be_there(
    holder: CommandLine, password: Path, card: Path, tmp_path: Path
) -> None:
    (tmp_path / "anchor.json").write_text('[{"block": 7}]')
    first = holder("wallet", "add", card, "--password-file", password)
    options = ("--anchor", tmp_path / "anchor.json", "--password-file", password)
    second = holder("wallet", "add", card, *options)
    assert (second.status, second.out) == (0, first.out)
    assert "holds that credential already" in second.err
    found = holder("wallet", "list", "--password-file", password, "--json").json
    assert [one["anchors"] for one in found] == [[{"block": 7}]]


def test_credential_is_bound_to_the_key_that_it_names(holder: CommandLine, password: Path) -> None:
    options = ("--password-file", password)
    key = holder("wallet", "key", "new", "--label", "mine", *options, "--json").json
    text = sd_jwt(cnf={"jwk": key["publicKeyJwk"]})
    added = holder("wallet", "add", "-", *options, "--json", stdin=text)
    assert added.json["keyId"] == key["id"]
    other = holder("wallet", "add", "-", *options, stdin=vc_jwt(key["did"]))
    assert (other.status, other.err) == (0, "")
    assert all(
        line.endswith("mine") for line in holder("wallet", "list", *options).out.splitlines()[1:]
    )
    keys = holder("wallet", "key", "list", *options, "--json").json
    assert [one["credentials"] for one in keys] == [2]
    shown = holder("wallet", "show", added.json["id"], *options)
    assert f"{key['id']} mine" in shown.out


def test_key_of_a_credential_can_be_named(holder: CommandLine, password: Path) -> None:
    options = ("--password-file", password)
    key = holder("wallet", "key", "new", "--label", "mine", *options, "--json").json
    text = vc_jwt("did:web:example.com")
    added = holder("wallet", "add", "-", "--key", "mine", *options, "--json", stdin=text)
    assert added.json["keyId"] == key["id"]
    wrong = holder("wallet", "add", "-", "--key", "theirs", *options, "--json", stdin=sd_jwt())
    assert (wrong.status, wrong.error["code"]) == (3, "not_found")


@pytest.mark.parametrize(
    ("text", "code"),
    [("hello", "invalid_credential"), ("", "invalid_credential"), ("{}", "invalid_credential")],
)
def test_what_is_no_credential_is_not_added(
    holder: CommandLine, password: Path, text: str, code: str
) -> None:
    added = holder("wallet", "add", "-", "--password-file", password, "--json", stdin=text)
    assert (added.status, added.error["code"]) == (2, code)


@pytest.mark.parametrize("content", ["[1]", "7", "{", '{"a": 1, "a": 2}'])
def test_proof_of_existence_must_be_an_object(
    holder: CommandLine, password: Path, card: Path, tmp_path: Path, content: str
) -> None:
    (tmp_path / "anchor.json").write_text(content)
    options = ("--anchor", tmp_path / "anchor.json", "--password-file", password, "--json")
    added = holder("wallet", "add", card, *options)
    assert (added.status, added.error["code"]) == (2, "invalid_file")


def test_empty_wallet_says_what_to_do(holder: CommandLine, password: Path) -> None:
    found = holder("wallet", "list", "--password-file", password)
    assert (found.status, found.out) == (0, "")
    assert "ethr-did wallet add" in found.err
    keys = holder("wallet", "key", "list", "--password-file", password)
    assert "ethr-did wallet key new" in keys.err


def test_credential_shows_what_can_be_hidden(
    holder: CommandLine, password: Path, card: Path
) -> None:
    holder("wallet", "add", card, "--label", "card", "--password-file", password)
    shown = holder("wallet", "show", "card", "--password-file", password)
    assert shown.status == 0, shown.err
    lines = {tuple(line.split()[:2]): line for line in shown.out.splitlines()}
    assert lines["birthdate", "1984-01-26"].endswith("may be hidden")
    assert lines["age_equal_or_over.65", "false"].endswith("always shown")
    assert "issuer" in shown.out
    assert shown.err == ""


def test_credential_without_disclosures_is_said_to_be_shown_whole(
    holder: CommandLine, password: Path
) -> None:
    text = vc_jwt("did:web:example.com", description="x" * 100)
    holder("wallet", "add", "-", "--password-file", password, stdin=text)
    listed = holder("wallet", "list", "--password-file", password)
    name = listed.out.splitlines()[1].split()[0]
    assert "DiplomaCredential" in listed.out
    shown = holder("wallet", "show", name[:6], "--password-file", password)
    assert "sees all of it" in shown.err
    assert "2026-01-01T00:00:00Z" in shown.out
    assert f"{'x' * 59}…" in shown.out


def test_credential_is_shown_to_programs(holder: CommandLine, password: Path, card: Path) -> None:
    holder("wallet", "add", card, "--label", "card", "--password-file", password)
    found = holder("wallet", "show", "card", "--json", "--password-file", password).json
    assert found["claims"]["birthdate"] == "1984-01-26"
    assert ["address", "locality"] in found["hideable"]
    assert ["age_equal_or_over", "65"] not in found["hideable"]
    assert (found["validFrom"], found["validUntil"]) == (None, NOW + 86_399)
    assert "raw" not in found


def test_two_forms_at_once_are_refused(holder: CommandLine) -> None:
    assert holder("wallet", "show", "card", "--raw", "--json").status == 2


def test_what_is_not_there_is_said(holder: CommandLine, password: Path) -> None:
    for command in ("show", "remove"):
        found = holder("wallet", command, "card", "--password-file", password, "--json")
        assert (found.status, found.error["code"]) == (3, "not_found")


def test_credential_is_removed_when_it_was_agreed(
    holder: CommandLine, password: Path, card: Path, path: Path
) -> None:
    options = ("--password-file", password)
    holder("wallet", "add", card, "--label", "card", *options)
    assert holder("wallet", "remove", "card", *options).status == 2
    refused = holder.typed("wallet", "remove", "card", *options, answers=[("Remove", "n\n")])
    assert (refused.status, "nothing was removed" in refused.out) == (130, True)
    with open_wallet(path) as wallet:
        assert len(wallet.credentials) == 1
    removed = holder("wallet", "remove", "card", "--yes", *options)
    assert (removed.status, removed.err) == (0, "Removed.\n")
    with open_wallet(path) as wallet:
        assert wallet.credentials == ()


def test_removed_credential_is_told_to_programs(
    holder: CommandLine, password: Path, card: Path
) -> None:
    options = ("--password-file", password)
    holder("wallet", "add", card, "--label", "card", *options)
    removed = holder("wallet", "remove", "card", "--yes", "--json", *options)
    assert removed.json["label"] == "card"


# -- keys ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["P-256", "secp256k1", "Ed25519"])
def test_new_key_is_told_by_its_did(holder: CommandLine, password: Path, kind: str) -> None:
    made = holder(
        "wallet", "key", "new", "--type", kind, "--label", "one", "--password-file", password
    )
    assert made.status == 0, made.err
    assert "did:key:z" in made.out
    assert ("account" in made.out) is (kind == "secp256k1")
    listed = holder("wallet", "key", "list", "--password-file", password)
    assert made.out.split()[1] in listed.out


def test_keystore_is_imported(
    holder: CommandLine, password: Path, path: Path, tmp_path: Path
) -> None:
    entry = import_key(tmp_path / "keystores", KEY, "its own", now=NOW, scrypt_n=2)
    write_new_file(tmp_path / "its-password", b"its own")
    found = holder(
        "wallet",
        "key",
        "import",
        entry.path,
        "--keystore-password-file",
        tmp_path / "its-password",
        "--password-file",
        password,
        "--json",
    )
    assert found.status == 0, found.out
    assert found.json["address"] == ACCOUNT
    assert found.json["importedFrom"] == "a keystore"
    with open_wallet(path) as wallet:
        assert len(wallet.keys) == 1


def test_password_of_a_keystore_is_asked_for(
    holder: CommandLine, password: Path, tmp_path: Path
) -> None:
    entry = import_key(tmp_path / "keystores", KEY, "its own", now=NOW, scrypt_n=2)
    found = holder.typed(
        "wallet",
        "key",
        "import",
        entry.path,
        "--password-file",
        password,
        answers=[("Password for", "its own\n")],
        columns=200,
    )
    assert found.status == 0, found.out
    assert ACCOUNT in found.out


def test_key_file_is_imported(
    holder: CommandLine, password: Path, path: Path, tmp_path: Path
) -> None:
    write_new_file(tmp_path / "old.hex", KEY.hex().encode())
    options = ("--password-file", password)
    found = holder("wallet", "key", "import", tmp_path / "old.hex", "--label", "old", *options)
    assert found.status == 0, found.err
    assert ACCOUNT in found.out
    assert "in the clear" in found.err
    again = holder("wallet", "key", "import", tmp_path / "old.hex", *options, "--json")
    assert (again.status, again.error["code"]) == (12, "wallet_error")
    other = holder(
        "wallet", "key", "import", tmp_path / "old.hex", "--type", "Ed25519", *options, "--json"
    )
    assert other.json["kind"] == "Ed25519"
    with open_wallet(path) as wallet:
        assert wallet.key_of(wallet.signing_key("old").public) is not None


def test_kind_of_a_keystore_cannot_be_chosen(
    holder: CommandLine, password: Path, tmp_path: Path
) -> None:
    entry = import_key(tmp_path / "keystores", KEY, "its own", now=NOW, scrypt_n=2)
    options = ("--password-file", password)
    found = holder("wallet", "key", "import", entry.path, "--type", "P-256", *options)
    assert found.status == 2
    assert "keystore" in found.err


@pytest.mark.parametrize("there", [False, True])
def test_key_file_that_cannot_be_used_is_said_before_a_password_is_asked_for(
    holder: CommandLine, tmp_path: Path, *, there: bool
) -> None:
    if there:
        (tmp_path / "old.hex").write_text(KEY.hex())  # readable by others
    found = holder("wallet", "key", "import", tmp_path / "old.hex", "--json")
    assert (found.status, found.error["code"]) == (6, "signer_error")


def test_key_on_the_command_line_is_not_repeated(holder: CommandLine) -> None:
    found = holder("wallet", "key", "import", KEY.hex())
    assert found.status == 6
    assert KEY.hex() not in found.err
    assert "looks like a private key" in found.err


# -- the file ------------------------------------------------------------------------------------


def test_wallet_is_backed_up_and_restored(
    holder: CommandLine, password: Path, path: Path, tmp_path: Path
) -> None:
    with open_wallet(path) as wallet:
        wallet.import_key(KeyKind.SECP256K1, Secret(KEY), now=NOW)
    options = ("--password-file", password)
    copied = holder("wallet", "backup", tmp_path / "backup", *options)
    assert (copied.status, copied.out) == (0, f"{tmp_path / 'backup'}\n")
    assert "whole: 1 key and 0 credentials" in copied.err
    path.unlink()
    restored = holder("wallet", "restore", tmp_path / "backup", *options)
    assert (restored.status, restored.out) == (0, f"{path}\n")
    assert "Restored: 1 key and 0 credentials" in restored.err
    with open_wallet(path) as wallet:
        assert len(wallet.keys) == 1


def test_backup_and_restoring_are_told_to_programs(
    holder: CommandLine, password: Path, path: Path, tmp_path: Path
) -> None:
    options = ("--password-file", password, "--json")
    copied = holder("wallet", "backup", tmp_path / "backup", *options)
    counts = {"keys": 0, "credentials": 0}
    assert copied.json == {"backup": str(tmp_path / "backup"), **counts}
    again = holder("wallet", "backup", tmp_path / "backup", *options)
    assert (again.status, "not overwritten" in again.error["message"]) == (12, True)
    assert "--wallet" not in again.error["hint"]
    refused = holder("wallet", "restore", tmp_path / "backup", "--json")
    assert (refused.status, "not overwritten" in refused.error["message"]) == (12, True)
    assert "--overwrite" in refused.error["hint"]
    restored = holder("wallet", "restore", tmp_path / "backup", "--overwrite", *options)
    kept = f"{path}.before-restore-1"
    assert restored.json == {"wallet": str(path), "kept": kept, **counts}
    told = holder("wallet", "restore", tmp_path / "backup", "--overwrite", *options[:2])
    assert f"{path}.before-restore-2" in told.err


def test_nothing_secret_is_shown_by_any_command(
    holder: CommandLine, password: Path, card: Path, tmp_path: Path
) -> None:
    write_new_file(tmp_path / "old.hex", KEY.hex().encode())
    options = ("--password-file", password)
    said = ""
    for words in (
        ["key", "import", tmp_path / "old.hex", "--label", "old"],
        ["key", "import", tmp_path / "old.hex"],
        ["key", "list"],
        ["key", "list", "--json"],
        ["add", card, "--label", "card"],
        ["list", "--json"],
        ["show", "card", "--json"],
        ["backup", tmp_path / "backup"],
    ):
        found = holder("wallet", *words, *options)
        said += found.out + found.err
    for secret in (KEY.hex(), PASSWORD, card.read_text("utf-8").strip()):
        assert secret not in said

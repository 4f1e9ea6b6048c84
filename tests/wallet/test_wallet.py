"""An open wallet: what it keeps, what it signs, and what it never shows."""

from __future__ import annotations

import copy
import json
import pickle
import traceback
from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.keystore import import_key
from ethr_did.chain.local_signer import LocalSigner, Secret
from ethr_did.chain.secret_files import write_new_file
from ethr_did.credentials.keys import Algorithm, KeyKind, PublicKey
from ethr_did.credentials.signatures import is_signed_by
from ethr_did.credentials.signing_keys import LocalKey
from ethr_did.errors import InvalidInput, InvalidKey, NotFoundError, SignerError, WalletError
from ethr_did.wallet.keys import KINDS
from support.vectors import load_vectors
from support.wallets import NOW, PASSWORD, SMALL, add, make_wallet, open_wallet, token

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.wallet.wallet import Wallet

DAMAGED = r"damaged|not a wallet"
KEY = bytes.fromhex("a285ab66393c5fdda46d6fbad9e27fafd438254ab72ad5acb681a0e9f20f5d7b")
ALGORITHMS = {
    KeyKind.SECP256K1: Algorithm.ES256K,
    KeyKind.P256: Algorithm.ES256,
    KeyKind.ED25519: Algorithm.EDDSA,
}


def labels(wallet: Wallet) -> list[str]:
    """Those of its credentials, as this process knows them."""
    return [one.label for one in wallet.credentials]


# -- opening -------------------------------------------------------------------------------------


def test_new_wallet_is_empty_and_opens(wallet: Wallet, path: Path) -> None:
    assert (wallet.keys, wallet.credentials) == ((), ())
    with open_wallet(path) as again:
        assert (again.keys, again.credentials) == ((), ())
    assert repr(wallet) == f"Wallet({str(path)!r})"


def test_wrong_password_is_said_and_changes_nothing(wallet: Wallet, path: Path) -> None:
    add(wallet, 1)
    before, moment = path.read_bytes(), path.stat().st_mtime_ns
    with pytest.raises(WalletError) as caught:
        open_wallet(path, "wrong horse")
    assert caught.value.message == f"{path}: wrong password"
    assert caught.value.hint
    assert caught.value.facts == {"path": str(path)}
    assert "wrong horse" not in "".join(traceback.format_exception(caught.value)).replace(
        'open_wallet(path, "wrong horse")', ""
    )
    assert (path.read_bytes(), path.stat().st_mtime_ns) == (before, moment)


@pytest.mark.parametrize("place", [0, 60, 150, 300, 2000, -30, -3])
def test_damaged_file_is_said_and_left_alone(wallet: Wallet, path: Path, place: int) -> None:
    add(wallet, 1)
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(data)
    for attempt in (lambda: open_wallet(path), lambda: add(wallet, 2), wallet.reload):
        with pytest.raises(WalletError, match=DAMAGED) as caught:
            attempt()
        assert str(path) in caught.value.message
        assert "ethr-did wallet restore" in caught.value.hint
    with pytest.raises(WalletError, match=DAMAGED):
        wallet.change_password(PASSWORD, "new", kdf=SMALL)
    with pytest.raises(WalletError, match=DAMAGED):
        wallet.backup(path.with_name("backup"))
    assert not path.with_name("backup").exists()
    assert path.read_bytes() == bytes(data)


def test_password_must_be_one(path: Path) -> None:
    with pytest.raises(WalletError, match="an empty password"):
        make_wallet(path, "")
    assert not path.exists()


def test_closed_wallet_does_nothing(wallet: Wallet, path: Path) -> None:
    add(wallet, 1)
    wallet.close()
    with pytest.raises(WalletError, match="was closed"):
        _ = wallet.keys
    with pytest.raises(WalletError, match="was closed"):
        add(wallet, 2)
    assert len(open_wallet(path).credentials) == 1


def test_wallet_cannot_be_copied_or_pickled(wallet: Wallet) -> None:
    for attempt in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError, match="holds keys"):
            attempt(wallet)


def test_wallets_of_version_1_open(path: Path) -> None:
    """Written once and for all: what opens today must open in ten years."""
    (vector,) = load_vectors("wallets")
    write_new_file(path, vector["file"].encode())
    with open_wallet(path, vector["password"]) as wallet:
        keys = {
            key.label: wallet.signing_key(key.id).sign(ALGORITHMS[key.kind], b"data").hex()
            for key in wallet.keys
            if key.kind is not KeyKind.P256  # whose signatures are random
        }
        assert keys == vector["signatures"]
        assert [key.to_dict() for key in wallet.keys] == vector["keys"]
        assert [one.to_dict() for one in wallet.credentials] == vector["credentials"]
        add(wallet, 1)
    assert len(open_wallet(path, vector["password"]).credentials) == 2


# -- keys ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_new_key_signs_when_the_wallet_is_opened_again(path: Path, kind: KeyKind) -> None:
    with make_wallet(path) as wallet:
        key = wallet.add_key(kind, label="diploma", now=NOW)
    assert (key.kind, key.label, key.created_at, key.imported_from) == (kind, "diploma", NOW, "")
    with open_wallet(path) as wallet:
        assert wallet.keys == (key,)
        signer = wallet.signing_key("diploma")
    assert signer.public == key.public
    algorithm = ALGORITHMS[kind]
    signature = signer.sign(algorithm, b"data")
    assert is_signed_by(key.public, signature, b"data", algorithm=algorithm)


def test_each_new_key_is_another(wallet: Wallet) -> None:
    keys = [wallet.add_key(kind, now=NOW) for kind in KINDS * 2]
    assert len({key.id for key in keys}) == 6
    assert wallet.keys == tuple(keys)
    assert wallet.key(keys[3].id) == keys[3]


def test_an_account_is_no_key(wallet: Wallet) -> None:
    with pytest.raises(InvalidKey, match="no keys of the kind account"):
        wallet.add_key(KeyKind.ACCOUNT, now=NOW)
    with pytest.raises(InvalidKey, match="no keys of the kind account"):
        wallet.import_key(KeyKind.ACCOUNT, Secret(KEY), now=NOW)
    assert wallet.keys == ()


def test_key_is_found_by_its_public_half_or_account(wallet: Wallet) -> None:
    wallet.add_key(KeyKind.ED25519, now=NOW)
    key = wallet.import_key(KeyKind.SECP256K1, Secret(KEY), now=NOW)
    assert wallet.key_of(key.public) == key
    assert wallet.key_of(PublicKey(KeyKind.ACCOUNT, LocalSigner.from_key(KEY).address)) == key
    assert wallet.key_of(PublicKey(KeyKind.ACCOUNT, bytes(20))) is None


@pytest.mark.parametrize("value", [bytes(32), b"\xff" * 32, b"short"])
def test_what_is_no_private_key_is_refused_and_not_shown(wallet: Wallet, value: bytes) -> None:
    with pytest.raises(InvalidKey) as caught:
        wallet.import_key(KeyKind.SECP256K1, Secret(value), now=NOW)
    assert value.hex() not in str(caught.value)
    assert wallet.keys == ()


def test_label_of_a_key_is_bounded(wallet: Wallet) -> None:
    with pytest.raises(InvalidInput, match="label is not printable"):
        wallet.add_key(KeyKind.P256, label="x" * 201, now=NOW)


def test_ethereum_keystore_is_imported(wallet: Wallet, tmp_path: Path) -> None:
    entry = import_key(tmp_path / "keystores", KEY, "its own", now=NOW, scrypt_n=2)
    key = wallet.import_keystore(entry.path, "its own", label="main", now=NOW)
    assert key.public.address == entry.address
    assert (key.label, key.imported_from) == ("main", "a keystore")
    assert entry.path.exists()
    with open_wallet(wallet.path) as again:
        signature = again.signing_key("main").sign(Algorithm.ES256K_R, b"data")
    expected = LocalKey(KeyKind.SECP256K1, Secret(KEY)).sign(Algorithm.ES256K_R, b"data")
    assert signature == expected


def test_keystore_with_another_password_is_refused(wallet: Wallet, tmp_path: Path) -> None:
    entry = import_key(tmp_path / "keystores", KEY, "its own", now=NOW, scrypt_n=2)
    with pytest.raises(SignerError, match="wrong password"):
        wallet.import_keystore(entry.path, PASSWORD, now=NOW)
    assert wallet.keys == ()


def test_keystore_that_states_another_address_is_refused(wallet: Wallet, tmp_path: Path) -> None:
    entry = import_key(tmp_path / "keystores", KEY, "its own", now=NOW, scrypt_n=2)
    content = json.loads(entry.path.read_text())
    entry.path.write_text(json.dumps({**content, "address": "11" * 20}))
    with pytest.raises(SignerError, match="states the address"):
        wallet.import_keystore(entry.path, "its own", now=NOW)


@pytest.mark.parametrize("kind", KINDS)
def test_key_file_is_imported(wallet: Wallet, tmp_path: Path, kind: KeyKind) -> None:
    write_new_file(tmp_path / "key.hex", b"0x" + KEY.hex().encode() + b"\n")
    key = wallet.import_key_file(tmp_path / "key.hex", kind=kind, now=NOW)
    assert key.public == LocalKey(kind, Secret(KEY)).public
    assert key.imported_from == "a key file"


def test_key_file_that_others_may_read_is_refused(wallet: Wallet, tmp_path: Path) -> None:
    (tmp_path / "key.hex").write_text(KEY.hex())
    with pytest.raises(SignerError, match="read or written by others"):
        wallet.import_key_file(tmp_path / "key.hex", now=NOW)


def test_key_that_is_there_is_not_imported_again(wallet: Wallet) -> None:
    wallet.import_key(KeyKind.SECP256K1, Secret(KEY), label="first", now=NOW)
    with pytest.raises(WalletError, match="holds that key already"):
        wallet.import_key(KeyKind.SECP256K1, Secret(KEY), label="second", now=NOW)
    assert [key.label for key in wallet.keys] == ["first"]


# -- credentials ---------------------------------------------------------------------------------


def test_credential_comes_back_as_it_was_added(path: Path) -> None:
    with make_wallet(path) as wallet:
        key = wallet.add_key(KeyKind.P256, label="for it", now=NOW)
        added = wallet.add_credential(
            f"{token(1)}~disclosure~\n",
            format_name="dc+sd-jwt",
            label="diploma",
            key_id="for it",
            issuer="did:ethr:0x1",
            types=["https://example.com/diploma"],
            anchors=[{"block": 7}],
            now=NOW,
        )
    assert added.is_new
    with open_wallet(path) as wallet:
        assert wallet.credentials == (added.credential,)
        assert wallet.credential("diploma").to_dict() == {
            "id": added.credential.id,
            "label": "diploma",
            "format": "dc+sd-jwt",
            "issuer": "did:ethr:0x1",
            "types": ["https://example.com/diploma"],
            "keyId": key.id,
            "addedAt": NOW,
            "anchors": [{"block": 7}],
            "raw": f"{token(1)}~disclosure~",
        }


def test_same_credential_is_added_once(wallet: Wallet, path: Path) -> None:
    first = wallet.add_credential(token(1), format_name="vc+jwt", label="first", now=NOW)
    before = path.read_bytes()
    second = wallet.add_credential(f" {token(1)}\n", format_name="vc+jwt", label="2", now=NOW + 1)
    assert (second.is_new, second.credential) == (False, first.credential)
    assert path.read_bytes() == before


def test_credential_bound_to_a_key_that_is_not_here_is_refused(wallet: Wallet) -> None:
    with pytest.raises(NotFoundError, match="the wallet holds no key 'abc'"):
        wallet.add_credential(token(1), format_name="vc+jwt", key_id="abc", now=NOW)
    assert wallet.credentials == ()


def test_proofs_are_added_to_a_credential(wallet: Wallet, path: Path) -> None:
    name = add(wallet, 1)
    held = wallet.add_anchors(name, [{"block": 1}])
    assert held.anchors == ({"block": 1},)
    assert open_wallet(path).credential(name).anchors == ({"block": 1},)


def test_removed_credential_is_gone_from_the_file(wallet: Wallet, path: Path) -> None:
    name, other = add(wallet, 1), add(wallet, 2)
    assert wallet.remove_credential(name).id == name
    assert [one.id for one in open_wallet(path).credentials] == [other]
    with pytest.raises(NotFoundError):
        wallet.remove_credential(name)


def test_file_does_not_tell_how_much_is_in_it(wallet: Wallet, path: Path) -> None:
    before = path.stat().st_size
    wallet.add_key(KeyKind.P256, label="private", now=NOW)
    for number in range(5):
        add(wallet, number)
    data = path.read_bytes()
    assert len(data) == before
    assert b"private" not in data


# -- others write meanwhile ----------------------------------------------------------------------


def test_change_is_made_to_what_others_left(wallet: Wallet, path: Path) -> None:
    add(wallet, 1)
    with open_wallet(path) as other:
        add(wallet, 2)
        add(other, 3)
        other.add_key(KeyKind.P256, label="theirs", now=NOW)
        assert labels(other) == ["1", "2", "3"]
    assert labels(wallet) == ["1", "2"]
    wallet.reload()
    assert labels(wallet) == ["1", "2", "3"]
    added = wallet.add_credential(token(4), format_name="vc+jwt", key_id="theirs", now=NOW)
    assert added.credential.key_id == wallet.key("theirs").id


def test_what_another_process_added_is_reported_and_not_doubled(wallet: Wallet, path: Path) -> None:
    with open_wallet(path) as other:
        add(other, 1)
    again = wallet.add_credential(token(1), format_name="vc+jwt", now=NOW)
    assert not again.is_new
    assert len(wallet.credentials) == 1


def test_nothing_is_written_over_an_older_state(wallet: Wallet, path: Path) -> None:
    old = path.read_bytes()
    add(wallet, 1)
    path.write_bytes(old)
    with pytest.raises(WalletError, match="in an older state") as caught:
        add(wallet, 2)
    assert "Open it again" in caught.value.hint
    assert path.read_bytes() == old


def test_nothing_is_written_over_another_wallet(wallet: Wallet, path: Path) -> None:
    path.unlink()
    make_wallet(path)
    before = path.read_bytes()
    with pytest.raises(WalletError, match="has another key"):
        add(wallet, 1)
    assert path.read_bytes() == before


def test_wallet_that_was_taken_away_is_not_made_anew(wallet: Wallet, path: Path) -> None:
    path.unlink()
    with pytest.raises(WalletError, match="there is no wallet"):
        add(wallet, 1)
    assert not path.exists()


# -- the password --------------------------------------------------------------------------------


def test_password_is_changed(wallet: Wallet, path: Path) -> None:
    name = add(wallet, 1)
    wallet.change_password(PASSWORD, "new", kdf=SMALL)
    with pytest.raises(WalletError, match="wrong password"):
        open_wallet(path)
    with open_wallet(path, "new") as again:
        assert again.credential(name).label == "1"
    add(wallet, 2)
    assert len(open_wallet(path, "new").credentials) == 2


def test_changed_password_brings_a_new_key(wallet: Wallet, path: Path) -> None:
    """Who had the old file and password cannot open the new one by what they know."""
    old = wallet._file.key.reveal()
    wallet.change_password(PASSWORD, PASSWORD, kdf=SMALL)
    assert wallet._file.key.reveal() != old
    assert open_wallet(path)._file.key.reveal() == wallet._file.key.reveal()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [("wrong", "new", "wrong password"), ("", "new", "empty"), (PASSWORD, "", "empty")],
)
def test_password_is_not_changed_without_both(
    wallet: Wallet, path: Path, old: str, new: str, words: str
) -> None:
    before = path.read_bytes()
    with pytest.raises(WalletError, match=words):
        wallet.change_password(old, new, kdf=SMALL)
    assert path.read_bytes() == before
    add(wallet, 1)


def test_others_open_again_after_a_change_of_the_password(wallet: Wallet, path: Path) -> None:
    with open_wallet(path) as other:
        wallet.change_password(PASSWORD, "new", kdf=SMALL)
        with pytest.raises(WalletError, match="has another key than when it was opened") as caught:
            add(other, 1)
        assert "password was changed" in caught.value.hint

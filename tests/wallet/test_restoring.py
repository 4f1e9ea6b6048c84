"""Backups, and wallets brought back from them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ethr_did.credentials.keys import KeyKind
from ethr_did.errors import WalletError
from ethr_did.wallet.restoring import restore
from support.wallets import NOW, PASSWORD, SMALL, add, make_wallet, open_wallet

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.wallet.wallet import Wallet


@pytest.fixture
def backup(wallet: Wallet, tmp_path: Path) -> Path:
    """A backup of a wallet with a key and a credential; a second credential came later."""
    wallet.add_key(KeyKind.P256, now=NOW)
    add(wallet, "first")
    wallet.backup(tmp_path / "backup")
    add(wallet, "second")
    return tmp_path / "backup"


def labels(path: Path, password: str = PASSWORD) -> list[str]:
    """The credentials of a wallet."""
    with open_wallet(path, password) as wallet:
        return [one.label for one in wallet.credentials]


def test_backup_is_a_wallet_of_its_own(backup: Path) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600
    assert labels(backup) == ["first"]


def test_backup_holds_what_others_added(wallet: Wallet, path: Path, tmp_path: Path) -> None:
    with open_wallet(path) as other:
        add(other, "theirs")
    wallet.backup(tmp_path / "backup")
    assert labels(tmp_path / "backup") == ["theirs"]


def test_backup_overwrites_nothing(wallet: Wallet, backup: Path) -> None:
    before = backup.read_bytes()
    with pytest.raises(WalletError, match="exists already and is not overwritten"):
        wallet.backup(backup)
    assert backup.read_bytes() == before


def test_backup_makes_no_folder(wallet: Wallet, tmp_path: Path) -> None:
    """A memory stick that is not there must not become a folder of that name."""
    with pytest.raises(WalletError, match="cannot be written: No such file"):
        wallet.backup(tmp_path / "stick" / "backup")
    assert not (tmp_path / "stick").exists()


def test_lost_wallet_is_restored(wallet: Wallet, path: Path, backup: Path) -> None:
    path.unlink()
    restored = restore(backup, path, PASSWORD)
    assert (restored.keys, restored.credentials, restored.kept) == (1, 1, None)
    assert labels(path) == ["first"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert wallet.path == path


def test_wallet_is_restored_where_there_was_none(backup: Path, tmp_path: Path) -> None:
    path = tmp_path / "new" / "wallet.json"
    restore(backup, path, PASSWORD, overwrite=True)
    assert labels(path) == ["first"]


def test_backup_on_a_stick_may_be_read_by_others(path: Path, backup: Path) -> None:
    backup.chmod(0o644)
    path.unlink()
    restore(backup, path, PASSWORD)
    assert path.stat().st_mode & 0o777 == 0o600


def test_wallet_that_is_there_is_not_overwritten(path: Path, backup: Path) -> None:
    before = path.read_bytes()
    with pytest.raises(WalletError, match="exists already and is not overwritten"):
        restore(backup, path, PASSWORD)
    assert path.read_bytes() == before


def test_wallet_that_is_overwritten_is_kept_beside(path: Path, backup: Path) -> None:
    first = restore(backup, path, PASSWORD, overwrite=True)
    assert first.kept == path.with_name("wallet.json.before-restore-1")
    assert labels(first.kept) == ["first", "second"]
    assert labels(path) == ["first"]
    second = restore(backup, path, PASSWORD, overwrite=True)
    assert second.kept == path.with_name("wallet.json.before-restore-2")
    assert labels(first.kept) == ["first", "second"]


def test_damaged_wallet_is_restored_and_kept(path: Path, backup: Path) -> None:
    path.write_bytes(b"damaged")
    restored = restore(backup, path, PASSWORD, overwrite=True)
    assert restored.kept is not None
    assert restored.kept.read_bytes() == b"damaged"
    assert labels(path) == ["first"]


@pytest.mark.parametrize("there", ["folder", "link"])
def test_what_is_no_file_is_not_overwritten(path: Path, backup: Path, there: str) -> None:
    path.unlink()
    if there == "folder":
        path.mkdir()
    else:
        path.symlink_to(backup)
    with pytest.raises(WalletError, match="not a regular file"):
        restore(backup, path, PASSWORD, overwrite=True)
    assert path.is_dir() or path.is_symlink()


@pytest.mark.parametrize("overwrite", [False, True])
def test_wrong_password_restores_nothing(path: Path, backup: Path, *, overwrite: bool) -> None:
    before = path.read_bytes()
    with pytest.raises(WalletError, match="wrong password") as caught:
        restore(backup, path, "wrong", overwrite=overwrite)
    assert str(backup) in caught.value.message
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir() if "restore" in one.name] == []


def test_damaged_backup_restores_nothing(path: Path, backup: Path) -> None:
    before = path.read_bytes()
    backup.write_bytes(backup.read_bytes()[:-100])
    with pytest.raises(WalletError, match="damaged"):
        restore(backup, path, PASSWORD, overwrite=True)
    assert path.read_bytes() == before


def test_missing_backup_restores_nothing(path: Path, tmp_path: Path) -> None:
    with pytest.raises(WalletError, match="cannot be read: No such file"):
        restore(tmp_path / "none", path, PASSWORD)
    assert not path.exists()


def test_backup_keeps_the_password_that_it_had(wallet: Wallet, path: Path, backup: Path) -> None:
    wallet.change_password(PASSWORD, "new", kdf=SMALL)
    restore(backup, path, PASSWORD, overwrite=True)
    assert labels(path) == ["first"]


def test_open_wallet_does_not_write_over_a_restored_one(
    wallet: Wallet, path: Path, backup: Path
) -> None:
    restore(backup, path, PASSWORD, overwrite=True)
    with pytest.raises(WalletError, match="in an older state"):
        add(wallet, "third")
    assert labels(path) == ["first"]


def test_wallets_do_not_mix(path: Path, backup: Path, tmp_path: Path) -> None:
    with make_wallet(tmp_path / "other.json") as other:
        add(other, "mine")
    restored = restore(backup, tmp_path / "other.json", PASSWORD, overwrite=True)
    assert restored.kept is not None
    assert labels(restored.kept) == ["mine"]
    assert labels(path) == ["first", "second"]

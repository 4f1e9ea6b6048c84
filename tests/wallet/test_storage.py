"""The file: whose it is, who may write it, and what is left when it cannot be written."""

from __future__ import annotations

import os
import resource
import secrets
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from filelock import FileLock

from ethr_did.errors import WalletError
from ethr_did.wallet import storage
from ethr_did.wallet.envelope import MAX_FILE
from support.wallets import add, make_wallet, open_wallet

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ethr_did.wallet.wallet import Wallet

NOBODY = 65_534


def names(folder: Path) -> set[str]:
    """What is in a folder, but for the lock."""
    return {one.name for one in folder.iterdir() if not one.name.endswith(".lock")}


@contextmanager
def room_for(count: int) -> Iterator[None]:
    """A context in which no file grows beyond so many bytes, as if the disk were full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (count, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@contextmanager
def as_nobody() -> Iterator[None]:
    """A context in which rights of folders count, even for tests run by root."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


# -- whose file it is ----------------------------------------------------------------------------


def test_file_and_folder_are_for_their_owner_only(wallet: Wallet, path: Path) -> None:
    add(wallet, 1)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert (path.parent / ".wallet.json.lock").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_file_that_others_may_read_is_refused(wallet: Wallet, path: Path, mode: int) -> None:
    path.chmod(mode)
    with pytest.raises(WalletError, match="can be read or written by others") as caught:
        open_wallet(path)
    assert caught.value.hint == f"chmod 600 {path}"
    before = path.read_bytes()
    with pytest.raises(WalletError, match="can be read or written by others"):
        add(wallet, 1)
    assert path.read_bytes() == before


def test_link_is_refused(wallet: Wallet, path: Path) -> None:
    real = path.rename(path.with_name("real.json"))
    path.symlink_to(real)
    before = real.read_bytes()
    with pytest.raises(WalletError, match="symbolic link"):
        open_wallet(path)
    with pytest.raises(WalletError, match="symbolic link"):
        add(wallet, 1)
    assert path.is_symlink()
    assert real.read_bytes() == before


def test_folder_and_pipe_are_refused(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for other in (tmp_path, pipe):
        with pytest.raises(WalletError, match=r"not a regular file|Is a directory"):
            open_wallet(other)


def test_missing_file_is_said(path: Path) -> None:
    with pytest.raises(WalletError, match="there is no wallet") as caught:
        open_wallet(path)
    assert "ethr-did wallet init" in caught.value.hint
    assert not path.parent.exists()


def test_file_too_long_for_a_wallet_is_not_read(path: Path) -> None:
    path.parent.mkdir()
    with path.open("wb") as file:
        file.truncate(MAX_FILE + 1)
    path.chmod(0o600)
    with pytest.raises(WalletError, match="not such a file"):
        open_wallet(path)


@pytest.mark.parametrize("there", ["file", "dangling link", "folder"])
def test_nothing_is_overwritten_by_a_new_wallet(path: Path, there: str) -> None:
    path.parent.mkdir()
    if there == "file":
        path.write_text("mine")
    elif there == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    with pytest.raises(WalletError, match="exists already and is not overwritten"):
        make_wallet(path)
    assert not (path.parent / "nowhere").exists()


def test_wallet_that_appears_meanwhile_is_not_overwritten(wallet: Wallet, path: Path) -> None:
    """Two processes make the same wallet: the second finds that of the first."""
    before = path.read_bytes()
    with pytest.raises(WalletError, match="exists already"), storage.locked(path):
        storage.create_file(path, wallet._file.envelope)
    assert path.read_bytes() == before


# -- what cannot be written ----------------------------------------------------------------------


@pytest.mark.parametrize("room", [0, 1, 4096])
def test_full_disk_leaves_the_wallet_as_it_was(wallet: Wallet, path: Path, room: int) -> None:
    kept = add(wallet, 1)
    before, folder = path.read_bytes(), names(path.parent)
    with room_for(room), pytest.raises(WalletError, match="cannot be written: File too large"):
        add(wallet, 2)
    assert path.read_bytes() == before
    assert names(path.parent) == folder
    assert [one.id for one in wallet.credentials] == [kept]
    add(wallet, 2)
    assert len(open_wallet(path).credentials) == 2


def test_full_disk_leaves_no_half_of_a_new_wallet(path: Path) -> None:
    with room_for(100), pytest.raises(WalletError, match="cannot be written"):
        make_wallet(path)
    assert names(path.parent) == set()
    make_wallet(path)


def test_full_disk_leaves_no_half_of_a_backup(wallet: Wallet, tmp_path: Path) -> None:
    with room_for(100), pytest.raises(WalletError, match="cannot be written"):
        wallet.backup(tmp_path / "backup")
    assert not (tmp_path / "backup").exists()


def test_wallet_in_a_folder_that_cannot_be_written_is_read_and_not_changed() -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        with as_nobody():
            path = folder / "wallet.json"
            add(make_wallet(path), 1)
            (folder / ".wallet.json.lock").unlink()
            folder.chmod(0o500)
            wallet = open_wallet(path)
            assert len(wallet.credentials) == 1
            with pytest.raises(WalletError, match="cannot be written: Permission denied"):
                add(wallet, 2)
            with pytest.raises(WalletError, match="cannot be written: Permission denied"):
                make_wallet(folder / "other.json")
            with pytest.raises(WalletError, match="cannot be written: Permission denied"):
                wallet.backup(folder / "backup")
            assert names(folder) == {"wallet.json"}
            folder.chmod(0o700)


def test_folder_that_is_none_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(WalletError, match="cannot be written"):
        make_wallet(tmp_path / "file" / "wallet.json")
    with pytest.raises(WalletError, match="cannot be read: Not a directory"):
        open_wallet(tmp_path / "file" / "wallet.json")


def test_what_became_a_folder_meanwhile_is_not_replaced(wallet: Wallet, path: Path) -> None:
    envelope = wallet._file.envelope
    path.unlink()
    path.mkdir()
    with storage.locked(path), pytest.raises(WalletError, match="cannot be written"):
        storage.replace(path, envelope)
    assert names(path.parent) == {"wallet.json"}


# -- the lock ------------------------------------------------------------------------------------


def test_writer_waits_for_another_and_then_says_so(path: Path) -> None:
    path.parent.mkdir()
    with FileLock(path.parent / ".wallet.json.lock"):
        start = time.monotonic()
        with (
            pytest.raises(WalletError, match="another process has been writing to") as caught,
            storage.locked(path, patience=0.2),
        ):
            pass
    assert 0.2 <= time.monotonic() - start < 5
    assert "lsof" in caught.value.hint
    with storage.locked(path, patience=0.2):
        pass


def test_reader_does_not_wait(wallet: Wallet, path: Path) -> None:
    with FileLock(path.parent / ".wallet.json.lock"):
        assert open_wallet(path).keys == wallet.keys


def test_drafts_of_a_crash_are_removed_by_the_next_writer(wallet: Wallet, path: Path) -> None:
    drafts = [path.with_name(f".wallet.json.{secrets.token_hex(8)}") for _ in range(2)]
    others = [
        path.with_name(name)
        for name in (".wallet.json.mine", ".wallet.json0123456789abcdef", "x.0123456789abcdef")
    ]
    for one in (*drafts, *others):
        one.touch()
    add(wallet, 1)
    assert names(path.parent) == {"wallet.json", *(one.name for one in others)}


def test_path_may_hold_what_means_something_elsewhere(tmp_path: Path) -> None:
    path = tmp_path / "my [wallet]*.json"
    add(make_wallet(path), 1)
    assert names(tmp_path) == {path.name}

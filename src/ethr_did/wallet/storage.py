"""The file of a wallet: read whole, replaced whole, by one process at a time.

Rules:
  1. The file is its owner's: a regular file that nobody else can read or write, no link.
  2. A new state is written beside the file, flushed to disk, and renamed into its place. A crash at
     any moment leaves the old state or the new one.
  3. Whoever writes holds a lock from before he reads until his state is in place. Readers need
     none: what they open is whole.
  4. Drafts that a crash left behind are removed by the next writer. They are encrypted as well.
  5. There is no second copy of an older state: after a change of the password it would open with
     the old one. Backups are made by asking for them.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import contextmanager
from itertools import count
from typing import TYPE_CHECKING, Final

from ethr_did.chain.secret_files import (
    flush_directory,
    read_private_file,
    read_small_file,
    replace_file,
    write_draft,
    write_new_file,
)
from ethr_did.errors import SignerError, WalletError
from ethr_did.wallet.envelope import MAX_FILE, Envelope

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = [
    "PATIENCE",
    "about",
    "check_free",
    "create_file",
    "locked",
    "read_backup",
    "read_envelope",
    "replace",
    "set_aside",
    "write_copy",
]

PATIENCE: Final = 30.0
"""Seconds: a writer needs about one, where the password is changed."""

_DRAFT = re.compile(r"[0-9a-f]{16}")


@contextmanager
def about(path: Path) -> Iterator[None]:
    """A context whose errors are those of a wallet, and name its file."""
    try:
        yield
    except SignerError as error:
        raise WalletError(error.message, hint=error.hint, path=str(path)) from error.__cause__
    except WalletError as error:
        if "path" in error.facts:
            raise
        raise WalletError(
            f"{path}: {error.message}", hint=error.hint, path=str(path), **error.facts
        ) from error.__cause__


def read_envelope(path: Path) -> Envelope:
    """The wallet in a file, sealed.

    Raises:
        WalletError: missing, readable by others, damaged, or no wallet.
    """
    with about(path):
        try:
            data = read_private_file(path, limit=MAX_FILE)
        except SignerError as error:
            if not isinstance(error.__cause__, FileNotFoundError):
                raise
            raise WalletError(
                f"there is no wallet {path}",
                hint="Make one with `ethr-did wallet init`, or name another with --wallet.",
                path=str(path),
            ) from error.__cause__
        return Envelope.parse(data)


def read_backup(path: Path) -> Envelope:
    """The wallet in a backup, sealed; whoever may read it, as on a memory stick.

    Raises:
        WalletError: missing, damaged, or no wallet.
    """
    with about(path):
        return Envelope.parse(read_small_file(path, limit=MAX_FILE))


def check_free(path: Path, hint: str = "Name another file with --wallet.") -> None:
    """Raises unless nothing is there yet.

    Args:
        path: where something is to be written.
        hint: what to do if something is there.

    Raises:
        WalletError: something is; it is not overwritten.
    """
    if os.path.lexists(path):
        raise WalletError(
            f"{path} exists already and is not overwritten",
            hint=hint,
            path=str(path),
        )


def create_file(path: Path, envelope: Envelope) -> None:
    """Nothing; the wallet is on disk. To be called with the lock held.

    Raises:
        WalletError: there is such a file already, or it cannot be written.
    """
    with about(path):
        write_new_file(path, envelope.to_bytes())


def replace(path: Path, envelope: Envelope) -> None:
    """Nothing; the wallet is on disk, in place of its older state. Called with the lock held.

    Raises:
        WalletError: it cannot be written; the older state is there still.
    """
    with _writing(path):
        for other in path.parent.iterdir():
            prefix, _, rest = other.name.rpartition(".")
            if prefix == f".{path.name}" and _DRAFT.fullmatch(rest):
                other.unlink()
    with about(path):
        replace_file(path, envelope.to_bytes())


def write_copy(path: Path, data: bytes) -> None:
    """Nothing; a file that was not there is on disk. On memory sticks, too, which know no links.

    Raises:
        WalletError: there is such a file, there is no such folder, or it cannot be written.
    """
    check_free(path, hint="Name another file.")
    try:
        write_draft(path, data)
        flush_directory(path.parent)
    except OSError as cause:
        raise WalletError(
            f"{path} cannot be written: {cause.strerror or cause}",
            hint="Nothing was changed. Is there room, and such a folder?",
            path=str(path),
        ) from cause


def set_aside(path: Path) -> Path | None:
    """Under which name a file is kept that is about to be replaced; None if there is none.

    Raises:
        WalletError: it is a folder, a link or a pipe, or cannot be kept.
    """
    with _writing(path):
        try:
            status = path.lstat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(status.st_mode):
            raise WalletError(f"{path} is not a regular file", path=str(path))
        for number in count(1):  # pragma: no branch - some number is free
            name = path.with_name(f"{path.name}.before-restore-{number}")
            try:
                name.hardlink_to(path)
            except FileExistsError:
                continue
            break
        flush_directory(path.parent)
    return name


@contextmanager
def locked(path: Path, *, patience: float = PATIENCE) -> Iterator[None]:
    """A context in which no other process writes to the wallet.

    Args:
        path: of the wallet; its folder is made.
        patience: seconds to wait for another process.

    Raises:
        WalletError: another one is writing all the time, or the folder cannot be written to.
    """
    from filelock import FileLock, Timeout  # needed only by those who write

    place = path.with_name(f".{path.name}.lock")
    lock = FileLock(place, timeout=patience, mode=0o600)
    with _writing(path):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            lock.acquire()
        except Timeout as cause:  # an OSError, too
            raise WalletError(
                f"another process has been writing to {path} for {patience:.0f} seconds",
                hint=f"Nothing was changed. `lsof {place}` names the process: end it, or wait.",
                path=str(path),
            ) from cause
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as cause:
        raise WalletError(
            f"{path} cannot be written: {cause.strerror or cause}",
            hint="Nothing was changed. Make its folder writable, or make room.",
            path=str(path),
        ) from cause

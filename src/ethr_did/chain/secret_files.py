"""Files that hold something secret: how they are read, and how they come to be.

Rules:
  * What is secret in the clear is readable by its owner only, and is a regular file: neither a
    link nor a pipe, whose other end somebody else may hold.
  * Checks are made on the open file, so that it cannot be exchanged after it was checked.
  * A file is written beside its place with mode 0600, flushed to disk, and then linked into its
    place: it is there completely or not at all, and never takes the place of another. What is to
    take the place of another is renamed into it instead, which is as sudden.
"""

from __future__ import annotations

import os
import secrets
import stat
from typing import TYPE_CHECKING

from ethr_did.errors import SignerError

if TYPE_CHECKING:
    from pathlib import Path

__all__ = [
    "flush_directory",
    "read_private_file",
    "read_small_file",
    "replace_file",
    "write_draft",
    "write_new_file",
]

_OTHERS = stat.S_IRWXG | stat.S_IRWXO


def read_private_file(path: Path, *, limit: int) -> bytes:
    """The bytes of a file that nobody but its owner can read.

    Raises:
        SignerError: missing, a link, no regular file, readable by others, or longer than ``limit``.
    """
    return _read(path, limit=limit, private=True)


def read_small_file(path: Path, *, limit: int) -> bytes:
    """The bytes of a regular file, whoever may read it: its content is encrypted.

    Raises:
        SignerError: missing, no regular file, or longer than ``limit``.
    """
    return _read(path, limit=limit, private=False)


def _read(path: Path, *, limit: int, private: bool) -> bytes:
    # O_NONBLOCK: opening a pipe would wait for a writer, before it could be refused.
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (os.O_NOFOLLOW if private else 0)
    if private and os.path.islink(path):  # noqa: PTH114 - no error of its own
        raise SignerError(
            f"{path} is a symbolic link",
            hint="Name the file itself: whoever may change the link chooses what is read.",
            path=str(path),
        )
    try:
        with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 - the checked descriptor
            _check(os.fstat(file.fileno()), path, limit=limit, private=private)
            data = file.read(limit + 1)
    except OSError as cause:
        raise SignerError(
            f"{path} cannot be read: {cause.strerror or cause}", path=str(path)
        ) from cause
    if len(data) > limit:
        raise SignerError(f"{path} is longer than {limit} bytes", path=str(path))
    return data


def _check(status: os.stat_result, path: Path, *, limit: int, private: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise SignerError(f"{path} is not a regular file", path=str(path))
    if private and status.st_mode & _OTHERS:
        raise SignerError(
            f"{path} can be read or written by others (mode {stat.S_IMODE(status.st_mode):04o})",
            hint=f"chmod 600 {path}",
            path=str(path),
        )
    if private and status.st_uid not in (os.geteuid(), 0):
        raise SignerError(
            f"{path} belongs to another user (uid {status.st_uid})",
            hint="Use a file of your own: its owner can read and change it.",
            path=str(path),
        )
    if status.st_size > limit:
        raise SignerError(
            f"{path} has {status.st_size} bytes, more than {limit}: not such a file", path=str(path)
        )


def write_new_file(path: Path, data: bytes) -> None:
    """Nothing; the file is on disk, with mode 0600.

    Raises:
        SignerError: there is such a file already, or it cannot be written.
    """
    draft = _draft_of(path)
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_draft(draft, data)
        try:
            # Unlike a rename, a link does not replace what is there.
            os.link(draft, path)
        finally:
            draft.unlink()
        flush_directory(path.parent)
    except FileExistsError as cause:
        raise SignerError(
            f"{path} exists already and is not overwritten", path=str(path)
        ) from cause
    except OSError as cause:
        raise _unwritable(path, cause) from cause


def replace_file(path: Path, data: bytes) -> None:
    """Nothing; the file is on disk, with mode 0600, in place of the one that was there.

    Raises:
        SignerError: it cannot be written; the one that was there is there still.
    """
    draft = _draft_of(path)
    try:
        write_draft(draft, data)
        try:
            draft.replace(path)
        except OSError:
            draft.unlink()
            raise
        flush_directory(path.parent)
    except OSError as cause:
        raise _unwritable(path, cause) from cause


def write_draft(path: Path, data: bytes) -> None:
    """Nothing; a file that was not there is on disk, with mode 0600.

    It grows in its place: where the machine goes down meanwhile, a part of it may stay.

    Raises:
        OSError: it is there already, or cannot be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with open(os.open(path, flags, 0o600), "wb") as file:  # noqa: PTH123 - the mode from the start
        try:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        except BaseException:  # Ctrl-C, too
            path.unlink()
            raise


def _draft_of(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


def _unwritable(path: Path, cause: OSError) -> SignerError:
    return SignerError(f"{path} cannot be written: {cause.strerror or cause}", path=str(path))


def flush_directory(path: Path) -> None:
    """Nothing; names made in the directory outlive a power cut."""
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)

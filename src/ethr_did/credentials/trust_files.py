"""A file with a list of trusted issuers, read and edited.

Rules:
  * It is there whole or not at all: a new one is written beside it, flushed to disk, and renamed
    into its place. Two processes that edit it wait for each other.
  * Whoever could read it before can read it afterwards; a new one is for its owner only. Where the
    path is a link, the file that it leads to is edited.
"""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ethr_did.chain.secret_files import flush_directory
from ethr_did.credentials.trust_lists import MAX_BYTES, TrustList, read_trust_list, write_trust_list
from ethr_did.errors import InvalidFile, InvalidTrustList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

__all__ = ["DEFAULT_NAME", "TrustFile"]

DEFAULT_NAME = "trusted-issuers.json"
"""Of the file in the state folder."""

_LOCK_PATIENCE = 30.0


class TrustFile:
    """A list of trusted issuers in a file.

    Args:
        path: made when the first entry is added.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> TrustList:
        """The list.

        Raises:
            InvalidFile: there is no such file, or it cannot be read.
            InvalidTrustList: it is no trust list; every fault is named.
        """
        try:
            with self.path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as cause:
            raise self._unusable("read", cause) from cause
        try:
            return read_trust_list(data)
        except InvalidTrustList as cause:
            raise InvalidTrustList(
                f"{self.path}: {cause.message}", hint=cause.hint, path=str(self.path)
            ) from cause

    def update(self, change: Callable[[TrustList], TrustList]) -> TrustList:
        """The list, changed and on disk.

        Args:
            change: from what the file holds, an empty list if there is no file, to what it should
                hold. An error that it raises leaves the file as it is.

        Raises:
            InvalidFile: it cannot be read, written or locked.
            InvalidTrustList: it is no trust list, or would become too long.
        """
        with self._lock():
            before = self.read() if self.path.exists() else TrustList(entries=())
            after = change(before)
            self._write(write_trust_list(after))
        return after

    def _write(self, data: bytes) -> None:
        target = self.path.resolve()
        draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
        try:
            mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o600
            try:
                with draft.open("xb") as file:
                    os.fchmod(file.fileno(), mode)
                    file.write(data)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(target)
            finally:
                draft.unlink(missing_ok=True)
            flush_directory(target.parent)
        except OSError as cause:
            raise self._unusable("written", cause) from cause

    @contextmanager
    def _lock(self) -> Iterator[None]:
        from filelock import FileLock  # needed only by those who write

        target = self.path.resolve()
        lock = FileLock(target.with_name(f".{target.name}.lock"), timeout=_LOCK_PATIENCE)
        try:
            target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.acquire()
        except OSError as cause:  # the time-out, too
            raise self._unusable("locked", cause) from cause
        try:
            yield
        finally:
            lock.release()

    def _unusable(self, done: str, cause: OSError) -> InvalidFile:
        hint = "`ethr-did trust add` makes one." if isinstance(cause, FileNotFoundError) else ""
        return InvalidFile(
            f"the trust list {self.path} cannot be {done}: {cause.strerror or cause}",
            hint=hint,
            path=str(self.path),
        )

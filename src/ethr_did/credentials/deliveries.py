"""Files that issued credentials are written to: none is lost, and none is there twice.

Rules:
  1. What was delivered is on disk before the issuer hears of it. A crash in between leaves it in the
     file; whoever goes on reads what is there (``held``) and confirms it first.
  2. A file of lines is added to, one line of JSON for each credential. A last line without its end
     was cut off by a crash: it is taken away, and its credential is delivered again.
  3. In a folder each credential has a file of its own, named by its reference. No file takes the
     place of another.
  4. Credentials are personal: files are readable by their owner only.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Protocol, Self

from ethr_did.chain.secret_files import flush_directory, replace_file, write_draft
from ethr_did.core.strict_json import read_json, write_json
from ethr_did.credentials.credential import CredentialFormat, Raw
from ethr_did.errors import InvalidFile, InvalidInput, SignerError, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from io import FileIO
    from pathlib import Path

    from ethr_did.credentials.issued import Issued

__all__ = [
    "CredentialFolder",
    "CredentialLines",
    "Delivery",
    "file_text",
    "replace_with",
    "write_credential",
]

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_EXTENSIONS: Mapping[CredentialFormat, str] = {
    CredentialFormat.VC_JWT: ".jwt",
    CredentialFormat.SD_JWT: ".sd-jwt",
}
_OTHER_EXTENSION = ".json"
_MAX_LINE = 4 << 20
"""Bytes of a line that is read again."""


class Delivery(Protocol):
    """Where the credentials of a batch go."""

    def held(self) -> Iterator[Raw]:
        """What is there from earlier."""

    def deliver(self, part: Sequence[Issued]) -> None:
        """Nothing; the credentials are there, and stay there.

        Raises:
            InvalidFile: they could not be written.
        """


def file_text(raw: Raw) -> bytes:
    """A credential as a file has it."""
    if isinstance(raw, str):
        return raw.encode() + b"\n"
    return json.dumps(raw, indent=2, ensure_ascii=False).encode() + b"\n"


def write_credential(path: Path, raw: Raw) -> None:
    """Nothing; the credential is in a new file. Written again, it does no harm.

    Raises:
        InvalidFile: there is another file of that name, or it cannot be written.
    """
    data = file_text(raw)
    draft = path.with_name(f".{path.name}.new")
    try:
        draft.unlink(missing_ok=True)
        write_draft(draft, data)
        try:
            os.link(draft, path)  # does not replace what is there
        finally:
            draft.unlink()
        flush_directory(path.parent)
    except FileExistsError as cause:
        if path.is_file() and path.read_bytes() == data:
            return
        raise InvalidFile(
            f"{path} exists already and is not overwritten", path=str(path)
        ) from cause
    except OSError as cause:
        raise _unwritable(path, cause) from cause


def replace_with(path: Path, data: bytes) -> None:
    """Nothing; a file has these bytes, whatever it had before.

    Raises:
        InvalidFile: it cannot be written.
    """
    try:
        replace_file(path, data)
    except SignerError as cause:
        raise InvalidFile(cause.message, path=str(path)) from cause


class CredentialLines:
    """A file with a line of JSON for each credential: ``reference``, ``format``, ``credential``."""

    def __init__(self, path: Path) -> None:
        """Opens it, or makes it.

        Raises:
            InvalidFile: it cannot be written, is another file, or another process writes to it.
        """
        self.path = path
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            self._file: FileIO = open(os.open(path, flags, 0o600), "r+b", buffering=0)  # noqa: PTH123, SIM115 - mode; kept open
            flush_directory(path.parent)
        except OSError as cause:
            raise _unwritable(path, cause) from cause
        try:
            self._lock()
            self._cut()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Gives the file back."""
        self._file.close()

    def held(self) -> Iterator[Raw]:
        """See ``Delivery``.

        Raises:
            InvalidFile: a line is none of such a file.
        """
        with self.path.open("rb") as lines:
            for number, line in enumerate(iter(lambda: lines.readline(_MAX_LINE), b""), start=1):
                yield _read_line(line, f"{self.path} line {number}")

    def deliver(self, part: Sequence[Issued]) -> None:
        """See ``Delivery``."""
        start = os.fstat(self._file.fileno()).st_size
        data = b"".join(write_json(_line(one)) + b"\n" for one in part)
        try:
            while data:
                data = data[self._file.write(data) :]
            os.fsync(self._file.fileno())
        except OSError as cause:
            with suppress(OSError):
                self._file.truncate(start)
            raise _unwritable(self.path, cause) from cause

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as cause:
            raise InvalidFile(
                f"another process writes to {self.path}", hint="Wait until it is done."
            ) from cause

    def _cut(self) -> None:
        """Takes away a last line without its end."""
        size, tail = os.fstat(self._file.fileno()).st_size, b""
        start = size
        while start and b"\n" not in tail:
            step = min(start, 1 << 16)
            start -= step
            self._file.seek(start)
            tail = self._file.read(step) + tail
        whole = start + tail.rfind(b"\n") + 1
        if whole == size:
            return
        if not tail.startswith(b"{") and whole == 0:
            raise InvalidFile(f"{self.path} is another file", hint="Name a new one.")
        self._file.truncate(whole)


def _line(one: Issued) -> dict[str, Any]:
    return {"reference": one.reference, "format": one.format.value, "credential": one.raw}


def _read_line(line: bytes, where: str) -> Raw:
    try:
        members = read_json(line)
        raw = members["credential"]
        if isinstance(raw, (str, dict)):
            return raw
    except (InvalidInput, KeyError, TypeError):
        pass  # the reason could repeat a credential
    raise InvalidFile(f"{where} is no line with a credential", hint="Name a new file.")


class CredentialFolder:
    """A folder with a file for each credential, named by its reference."""

    def __init__(self, path: Path, references: Iterable[str]) -> None:
        """Makes it where there is none.

        Args:
            path: of the folder.
            references: of the credentials that it is for.

        Raises:
            InvalidFile: a reference is no name for a file, or the folder cannot be made.
        """
        self.path = path
        self._names = list(references)
        bad = [name for name in self._names if not _NAME.fullmatch(name)]
        if bad:
            raise InvalidFile(
                f"the reference {shown(bad[0])} is no name for a file",
                hint="Letters, digits, '.', '_' and '-', at most 100; or write lines to a file.",
            )
        try:
            path.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as cause:
            raise _unwritable(path, cause) from cause

    def held(self) -> Iterator[Raw]:
        """See ``Delivery``."""
        for name in self._names:
            for extension in (*_EXTENSIONS.values(), _OTHER_EXTENSION):
                path = self.path / f"{name}{extension}"
                if path.exists():
                    yield path.read_text("utf-8").strip()

    def deliver(self, part: Sequence[Issued]) -> None:
        """See ``Delivery``."""
        for one in part:
            write_credential(self.path_of(one), one.raw)

    def path_of(self, one: Issued) -> Path:
        """Where a credential is."""
        return self.path / f"{one.reference}{_EXTENSIONS.get(one.format, _OTHER_EXTENSION)}"


def _unwritable(path: Path, cause: OSError) -> InvalidFile:
    return InvalidFile(
        f"{path} cannot be written: {cause.strerror or cause}",
        hint="What was issued meanwhile is not lost: do the same again.",
        path=str(path),
    )

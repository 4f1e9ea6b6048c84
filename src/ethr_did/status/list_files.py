"""Status lists as files, for any web server to serve: the folder is the root of its documents.

For a list at ``https://lists.example/1/current``::

    <folder>/1/current       the version that the chain names
    <folder>/1/<digest>      each version, for good

Rules:
  * A version is there before the chain names it: whoever learns its digest finds it.
  * ``current`` changes after the chain has taken the version. Before that it would be wrong for as
    long as the transaction takes, and for good if it fails.
  * Versions are named by their digest. Two that were built for the same number differ in it, and no
    file but ``current`` ever gets another content.
  * An address that ends otherwise has no place for versions; then only the file itself is written.
  * Files are written beside their place and renamed: a reader sees the old one or the new one.
"""

from __future__ import annotations

import os
import re
import secrets
from hashlib import sha256
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from ethr_did.chain.secret_files import flush_directory
from ethr_did.core.list_documents import version_url
from ethr_did.errors import InvalidStatusList, StoreError, shown

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["ListFiles"]

_URL = re.compile(r"https?://[^/?#]+((?:/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+)")
"""No part begins with a dot: none leads out of the folder, none is hidden."""


class ListFiles:
    """A folder of status lists.

    Args:
        folder: made when the first list is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path_of(self, url: str) -> Path:
        """The file that is served at an address.

        Raises:
            InvalidStatusList: no file can be.
        """
        match = _URL.fullmatch(url)
        if match is None:
            raise InvalidStatusList(
                f"no file can be served at {shown(url)}",
                hint="Choose an address such as https://lists.example/1/current, without a query; "
                "letters, digits, '.', '_', '~' and '-' between slashes.",
                url=url,
            )
        return self.folder.joinpath(*PurePosixPath(match[1]).parts[1:])

    def current(self, url: str) -> bytes | None:
        """What is served at an address; None before the first version.

        Raises:
            StoreError: it cannot be read.
        """
        return _read(self.path_of(url))

    def keep(self, url: str, content: bytes) -> Path | None:
        """The file of a version; None if the address has no place for versions.

        Raises:
            InvalidStatusList: no file can be served at the address.
            StoreError: it cannot be written.
        """
        _make_folder(self.path_of(url))
        beside = version_url(url, sha256(content).digest())
        if beside is None:
            return None
        path = self.path_of(beside)
        if _read(path) != content:
            _write(path, content)
        return path

    def make_current(self, url: str, content: bytes) -> Path:
        """The file that is served at an address, now with this content.

        Raises:
            StoreError: it cannot be written.
        """
        self.keep(url, content)
        path = self.path_of(url)
        if _read(path) != content:
            _write(path, content)
        return path


def _make_folder(path: Path) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as cause:
        raise _unusable(path, "written", cause) from cause


def _read(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as cause:
        raise _unusable(path, "read", cause) from cause


def _write(path: Path, content: bytes) -> None:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        flush_directory(path.parent)
    except OSError as cause:
        raise _unusable(path, "written", cause) from cause


def _unusable(path: Path, done: str, cause: OSError) -> StoreError:
    return StoreError(
        f"{path} cannot be {done}: {cause.strerror or cause}",
        hint="Is there room, and may you write there?",
        path=str(path),
    )

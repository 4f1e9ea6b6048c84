"""Which versions of lists a verifier has seen: older ones are not believed any more, for good.

Rules:
  * The version of the newest block only rises. Who serves an older one, or a node that is behind,
    is found out.
  * A version that is final has one content. Another one of the same number is an equivocation:
    somebody shows different lists to different people.

``SeenFile`` keeps it in a file, ``StatusStore`` in a database; both may be used by several
processes at once.
"""

from __future__ import annotations

import json
import os
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from ethr_did.chain.secret_files import flush_directory
from ethr_did.core.keys import to_checksum_address
from ethr_did.errors import StatusUndetermined, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ethr_did.core.keys import Address
    from ethr_did.core.status_entry import ContractId
    from ethr_did.core.status_list import ListId

__all__ = ["SeenFile", "SeenVersions"]

_FORMAT = "ethr-did/seen-lists/1"
_LOCK_PATIENCE = 30.0


class SeenVersions(Protocol):
    """Remembers which versions of lists were seen."""

    def seen_version(self, contract: ContractId, identity: Address, list_id: ListId) -> int:
        """The highest version of a list that was ever seen; 0: none."""
        ...

    def note_seen_version(
        self, contract: ContractId, identity: Address, list_id: ListId, version: int
    ) -> None:
        """Remembers that a version was seen.

        Raises:
            StatusUndetermined: a newer one was seen before.
            StoreError: it cannot be kept.
        """
        ...

    def final_digest(
        self, contract: ContractId, identity: Address, list_id: ListId, version: int
    ) -> bytes | None:
        """The digest of a version, if it was seen as the newest final one; None if it was not."""
        ...

    def note_final_version(
        self, contract: ContractId, identity: Address, list_id: ListId, version: int, digest: bytes
    ) -> None:
        """Remembers the content of a version that was seen, and is final; older ones are let be.

        Raises:
            StoreError: it cannot be kept.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What was seen of one list."""

    version: int
    final_version: int = 0
    final_digest: bytes = b""

    def to_dict(self) -> dict[str, Any]:
        digest = "0x" + self.final_digest.hex()
        return {"version": self.version, "finalVersion": self.final_version, "finalDigest": digest}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> _Seen:
        """Raises ``ValueError`` and its kind for what ``to_dict`` did not write."""
        numbers = (data["version"], data["finalVersion"])
        if any(type(number) is not int or number < 0 for number in numbers):
            raise ValueError("not a version")
        digest = bytes.fromhex(data["finalDigest"].removeprefix("0x"))
        return cls(version=numbers[0], final_version=numbers[1], final_digest=digest)


_NOTHING = _Seen(version=0)


class SeenFile:
    """Versions seen, in a file.

    Args:
        path: made when the first version is noted.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def seen_version(self, contract: ContractId, identity: Address, list_id: ListId) -> int:
        """The highest version of a list that was ever seen; 0: none.

        Raises:
            StoreError: the file cannot be read, or is something else.
        """
        return self._read().get(_key(contract, identity, list_id), _NOTHING).version

    def note_seen_version(
        self, contract: ContractId, identity: Address, list_id: ListId, version: int
    ) -> None:
        """Remembers that a version was seen.

        Raises:
            StatusUndetermined: a newer one was seen before.
            StoreError: it cannot be kept.
        """
        with self._lock():
            seen = self._read()
            key = _key(contract, identity, list_id)
            before = seen.get(key, _NOTHING)
            if version < before.version:
                raise StatusUndetermined(
                    f"the list {list_id.text} has version {version}, and version {before.version} "
                    "was seen before",
                    hint="Somebody serves an old list, or the node is behind. Ask another node.",
                    version=version,
                    seen=before.version,
                )
            self._write({**seen, key: replace(before, version=version)})

    def final_digest(
        self, contract: ContractId, identity: Address, list_id: ListId, version: int
    ) -> bytes | None:
        """The digest of a version, if it was seen as the newest final one; None if it was not.

        Raises:
            StoreError: the file cannot be read, or is something else.
        """
        found = self._read().get(_key(contract, identity, list_id), _NOTHING)
        return found.final_digest if 0 < found.final_version == version else None

    def note_final_version(
        self, contract: ContractId, identity: Address, list_id: ListId, version: int, digest: bytes
    ) -> None:
        """Remembers the content of a version that was seen, and is final; older ones are let be.

        Raises:
            StoreError: it cannot be kept.
        """
        with self._lock():
            seen = self._read()
            key = _key(contract, identity, list_id)
            before = seen.get(key, _NOTHING)
            if version > before.final_version:
                after = replace(before, final_version=version, final_digest=digest)
                self._write({**seen, key: after})

    def _read(self) -> dict[str, _Seen]:
        try:
            data: Any = json.loads(self.path.read_text("utf-8"))
            if data["format"] != _FORMAT:
                raise ValueError("something else")
            return {key: _Seen.from_dict(one) for key, one in data["lists"].items()}
        except FileNotFoundError:
            return {}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as cause:
            raise self._unusable("read") from cause

    def _write(self, seen: dict[str, _Seen]) -> None:
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(8)}")
        lists = {key: one.to_dict() for key, one in seen.items()}
        text = json.dumps({"format": _FORMAT, "lists": lists}, indent=1)
        try:
            try:
                with draft.open("x", encoding="utf-8") as file:
                    file.write(text)
                    file.flush()
                    os.fsync(file.fileno())
                draft.replace(self.path)
            finally:
                draft.unlink(missing_ok=True)
            flush_directory(self.path.parent)
        except OSError as cause:
            raise self._unusable("written") from cause

    @contextmanager
    def _lock(self) -> Iterator[None]:
        from filelock import FileLock  # needed only by those who write

        lock = FileLock(self.path.with_name(f".{self.path.name}.lock"), timeout=_LOCK_PATIENCE)
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock.acquire()
        except OSError as cause:  # the time-out, too
            raise self._unusable("locked") from cause
        try:
            yield
        finally:
            lock.release()

    def _unusable(self, done: str) -> StoreError:
        return StoreError(
            f"the file of versions seen, {self.path}, cannot be {done}",
            hint="Without it nobody can tell an old list from the current one. Put it right, or "
            "remove it if you accept to begin anew.",
            path=str(self.path),
        )


def _key(contract: ContractId, identity: Address, list_id: ListId) -> str:
    return f"{contract.text}/{to_checksum_address(identity)}/{list_id.text}"

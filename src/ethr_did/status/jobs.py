"""Changes of statuses on their way, on disk beside the journal of their sender.

Rules:
  1. A job holds the wishes and what was on chain when they were decided, before anything is
     signed. After a crash what somebody else changed since is told apart from what the job did.
  2. What a transaction is going to change is noted before it is signed, under the key by which
     the journal knows it. If the journal calls it mined it is done, whatever the chain says now;
     else it has to be planned again.
  3. A job is a file of lines that is only added to, and flushed each time. A last line without
     its end was cut off by a crash; what it was about was not signed.
  4. Whoever works on a job holds its lock. A finished job's file is removed.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from ethr_did.chain.secret_files import flush_directory
from ethr_did.core.status_list import parse_key, parse_list_id
from ethr_did.core.status_wishes import WishSet
from ethr_did.core.status_work import Stored, without
from ethr_did.errors import InvalidFile, InvalidInput, InvalidOption, TransactionError, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import FileIO
    from pathlib import Path
    from typing import Self

    from ethr_did.chain.journal import Journal
    from ethr_did.core.keys import Address
    from ethr_did.core.status_list import ListId
    from ethr_did.core.status_work import Place

__all__ = ["Job", "Jobs", "Part"]

_FORMAT = "ethr-did/status-job/1"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_IN_LINE = 500
"""Words or records of a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What one transaction of a job changes."""

    number: int
    """From 0."""
    intent: bytes
    """Key of the transaction in the journal."""
    words: tuple[Place, ...] = ()
    keys: tuple[bytes, ...] = ()
    changes: int
    """Entries and records."""

    def to_dict(self) -> dict[str, Any]:
        """The part as JSON."""
        lists: dict[ListId, list[int]] = {}
        for list_id, word in self.words:
            lists.setdefault(list_id, []).append(word)
        return {
            "part": self.number,
            "intent": "0x" + self.intent.hex(),
            "words": [[list_id.text, words] for list_id, words in lists.items()],
            "keys": ["0x" + key.hex() for key in self.keys],
            "changes": self.changes,
        }

    @classmethod
    def from_dict(cls, data: Any) -> Self:
        """The part that ``to_dict`` wrote."""
        words = [
            (parse_list_id(text), int(word)) for text, numbers in data["words"] for word in numbers
        ]
        return cls(
            number=int(data["part"]),
            intent=parse_key(data["intent"]),
            words=tuple(words),
            keys=tuple(parse_key(key) for key in data["keys"]),
            changes=int(data["changes"]),
        )


@dataclass(slots=True, kw_only=True)
class Job:
    """A job that this process works on."""

    name: str
    run: str
    """Random: sets its transactions apart from those of an earlier job of that name."""
    wishes: WishSet
    """All of them."""
    before: Stored
    """What was on chain when they were decided."""
    parts: list[Part] = field(default_factory=list)
    done: set[int] = field(default_factory=set)
    """Numbers of the parts that were mined."""
    lost: set[int] = field(default_factory=set)
    """Numbers of those that will never be mined."""
    path: Path
    file: FileIO

    @property
    def left(self) -> WishSet:
        """The wishes but for those of the parts that were mined."""
        parts = [part for part in self.parts if part.number in self.done]
        return without(
            self.wishes,
            words={place for part in parts for place in part.words},
            keys={key for part in parts for key in part.keys},
        )

    @property
    def doubtful(self) -> list[Part]:
        """The parts of which it is not known whether they were mined."""
        return [part for part in self.parts if part.number not in self.done | self.lost]

    @property
    def changes_done(self) -> int:
        """Entries and records of the parts that were mined."""
        return sum(part.changes for part in self.parts if part.number in self.done)

    def note(self, parts: Iterable[Part]) -> None:
        """Takes down what is going to be signed; flushed to disk.

        Raises:
            TransactionError: it cannot be written; nothing may be signed then.
        """
        found = list(parts)
        self._add([part.to_dict() for part in found])
        self.parts += found

    def settle(self, part: Part, *, mined: bool) -> None:
        """Takes down what became of a part; raises as ``note``."""
        self._add([{"done" if mined else "lost": part.number}])
        (self.done if mined else self.lost).add(part.number)

    def finish(self) -> None:
        """Removes the file, and gives the lock back."""
        self.path.unlink(missing_ok=True)
        self.close()

    def close(self) -> None:
        """Gives the lock back; the job can be taken up again."""
        self.file.close()

    def _add(self, lines: Iterable[Any]) -> None:
        try:
            _write_lines(self.file, lines)
        except OSError as cause:
            raise _unwritable(self.path, cause) from cause


class Jobs:
    """The jobs of one sender for one issuer."""

    def __init__(self, journal: Journal, *, registry: Address, identity: Address) -> None:
        """The jobs; nothing is read or written yet.

        Args:
            journal: of the sender.
            registry: the status registry.
            identity: of the issuer.
        """
        self._head = {
            "format": _FORMAT,
            "registry": "0x" + registry.hex(),
            "identity": "0x" + identity.hex(),
        }
        self.folder = journal.path / "status-jobs"

    def name_of(self, wishes: WishSet) -> str:
        """The name of a job that was given none: the same for the same wishes."""
        lines = [json.dumps(self._head, sort_keys=True), *map(json.dumps, _wish_lines(wishes))]
        return keccak("\n".join(lines).encode()).hex()[:16]

    def names(self) -> list[str]:
        """Of the jobs that are not finished, of all issuers that this sender serves."""
        return sorted(path.stem for path in self.folder.glob("[!.]*.jsonl"))

    def find(self, name: str) -> Job | None:
        """The job of that name, with its lock; None where there is none.

        Raises:
            InvalidOption: not a name, or of another issuer's job.
            InvalidFile: it was damaged.
            TransactionError: another process works on it, or it cannot be opened.
        """
        path = self._path(name)
        try:
            file = path.open("r+b", buffering=0)
        except FileNotFoundError:
            return None
        except OSError as cause:
            raise _unwritable(path, cause) from cause
        try:
            _lock(file, path)
            if os.fstat(file.fileno()).st_nlink:
                return self._read(name, path, file)
        except BaseException:
            file.close()
            raise
        # Another process finished it after it was opened here; there may be a new one.
        file.close()
        return self.find(name)

    def create(self, name: str, wishes: WishSet, before: Stored) -> Job:
        """A new job of that name, with its lock; on disk.

        Raises:
            InvalidOption: not a name.
            TransactionError: there is one of that name, or it cannot be written.
        """
        path = self._path(name)
        run = secrets.token_hex(8)
        draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = open(os.open(draft, flags, 0o600), "r+b", buffering=0)  # noqa: PTH123, SIM115 - mode; kept open
            try:
                _lock(file, path)
                _write_lines(file, [{**self._head, "run": run}, *_wish_lines(wishes, before)])
                os.link(draft, path)  # does not replace what is there
                flush_directory(self.folder)
            except BaseException:
                file.close()
                raise
            finally:
                draft.unlink()
        except FileExistsError as cause:
            raise _busy(path) from cause
        except OSError as cause:
            raise _unwritable(path, cause) from cause
        return Job(name=name, run=run, wishes=wishes, before=before, path=path, file=file)

    def _path(self, name: str) -> Path:
        if not _NAME.fullmatch(name):
            raise InvalidOption(
                f"not a name for a job: {shown(name)}",
                hint="Letters, digits, '.', '_' and '-', at most 64.",
            )
        return self.folder / f"{name}.jsonl"

    def _read(self, name: str, path: Path, file: FileIO) -> Job:
        try:
            data = file.read()
            whole = data[: data.rfind(b"\n") + 1]
            if whole != data:  # the end of the last line was lost in a crash
                file.seek(file.truncate(len(whole)))
            head, *lines = map(json.loads, whole.splitlines())
            job = _parse_job(lines, name=name, run=str(head.pop("run")), path=path, file=file)
        except (OSError, LookupError, TypeError, ValueError, AttributeError, InvalidInput) as cause:
            raise InvalidFile(
                f"the job {path} cannot be used: {type(cause).__name__}: {cause}",
                hint="Look at the transactions in the journal, wait for those that are open, and "
                "remove the file; then do the same again: what is on chain is not repeated.",
                path=str(path),
            ) from cause
        if head != self._head:
            raise InvalidOption(
                f"the job {name} is another issuer's", hint="Choose another name.", name=name
            )
        return job


def _wish_lines(wishes: WishSet, before: Stored | None = None) -> Iterator[dict[str, Any]]:
    """The wishes as JSON, in an order of their own, with what was there before if it is given."""
    for list_id, words in sorted(wishes.lists.items()):
        rows = [
            [word, hex(mask), hex(value), *([hex(before.words[list_id, word])] if before else [])]
            for word, (mask, value) in sorted(words.items())
        ]
        for start in range(0, len(rows), _IN_LINE):
            yield {"list": list_id.text, "words": rows[start : start + _IN_LINE]}
    keys = [
        ["0x" + key.hex(), value, *([hex(before.records[key])] if before else [])]
        for key, value in sorted(wishes.records.items())
    ]
    for start in range(0, len(keys), _IN_LINE):
        yield {"records": keys[start : start + _IN_LINE]}


def _parse_job(lines: Iterable[Any], **about: Any) -> Job:
    lists: dict[ListId, dict[int, tuple[int, int]]] = {}
    records: dict[bytes, int] = {}
    words_before: dict[Place, int] = {}
    records_before: dict[bytes, int] = {}
    parts: list[Part] = []
    ends: dict[str, set[int]] = {"done": set(), "lost": set()}
    for line in lines:
        if "list" in line:
            list_id = parse_list_id(line["list"])
            wanted = lists.setdefault(list_id, {})
            for word, mask, value, before in line["words"]:
                wanted[word] = int(mask, 16), int(value, 16)
                words_before[list_id, word] = int(before, 16)
        elif "records" in line:
            for text, value, before in line["records"]:
                records[parse_key(text)] = value
                records_before[parse_key(text)] = int(before, 16)
        elif "part" in line:
            parts.append(Part.from_dict(line))
        else:
            ((end, number),) = line.items()
            ends[end].add(int(number))
    return Job(
        wishes=WishSet(lists=lists, records=records),
        before=Stored(words=words_before, records=records_before),
        parts=parts,
        done=ends["done"],
        lost=ends["lost"],
        **about,
    )


def _write_lines(file: FileIO, lines: Iterable[Any]) -> None:
    """Adds lines, all of them or none, and flushes them to disk."""
    start = file.tell()
    data = b"".join(json.dumps(line, separators=(",", ":")).encode() + b"\n" for line in lines)
    try:
        while data:
            data = data[file.write(data) :]
        os.fsync(file.fileno())
    except OSError:
        with suppress(OSError):
            file.seek(file.truncate(start))
        raise


def _lock(file: FileIO, path: Path) -> None:
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as cause:
        raise _busy(path) from cause


def _busy(path: Path) -> TransactionError:
    return TransactionError(
        f"another process works on the job {path.stem}",
        hint="Wait until it is done, or end it.",
        path=str(path),
    )


def _unwritable(path: Path, cause: OSError) -> TransactionError:
    return TransactionError(
        f"the job {path} cannot be written: {cause.strerror or cause}",
        hint="Nothing more is sent without it. Make it writable, or make room, and do the same "
        "again. ETHR_DID_STATE_DIR names its folder.",
        path=str(path),
    )

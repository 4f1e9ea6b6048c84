"""What was signed, on disk before it is sent.

Rules:
  1. A transaction is written here, and flushed to disk, before the first node sees it. After a
     crash at any point the very same bytes can be sent again; they cannot happen twice.
  2. States: ``signed`` (perhaps sent), ``sent`` (a node has taken it), and the final ones:
     ``mined``, ``failed`` (mined, reverted), ``replaced`` (another one took its nonce) and
     ``refused`` (no node took it; its nonce is free again).
  3. One file for each transaction, under ``CHAIN_ID/SENDER/open`` and then ``…/done``. A file is
     always replaced whole. Where both are there, ``done`` counts: a final state stays.
  4. Whoever chooses a nonce holds the lock of chain and sender until the choice is in the journal.
  5. Never a key in here; but a signed transaction can be sent by whoever reads it: mode 0600.
"""

from __future__ import annotations

import json
import os
import re
import secrets
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ethr_did.chain.secret_files import flush_directory
from ethr_did.core.keys import Address, parse_address, to_checksum_address
from ethr_did.errors import InvalidFile, InvalidInput, NotFoundError, TransactionError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

__all__ = ["Entry", "Journal", "State"]

_FORMAT = "ethr-did/transaction/1"
_FILE_NAME = re.compile(r"[0-9]{10,}-([0-9a-f]{64})\.json")
_LOCK_PATIENCE = 120.0
"""Seconds: the holder may be waiting for a person to confirm a signature."""


class State(StrEnum):
    """How far a transaction has come."""

    SIGNED = "signed"
    SENT = "sent"
    MINED = "mined"
    FAILED = "failed"
    REPLACED = "replaced"
    REFUSED = "refused"

    @property
    def is_final(self) -> bool:
        """Whether nothing more can come of it."""
        return self not in (State.SIGNED, State.SENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One signed transaction."""

    chain_id: int
    sender: Address
    nonce: int
    tx_hash: bytes
    raw: bytes = field(repr=False)
    """Signed, as it goes over the wire."""
    tx: Mapping[str, Any] = field(hash=False, repr=False)
    """What was signed, by the names of JSON-RPC, quantities as numbers."""
    purpose: str
    """What it is for, in words."""
    intent: bytes
    """32 bytes that are the same for the same wish, whatever its nonce and fees."""
    created: int
    """Unix seconds of the signature."""
    state: State = State.SIGNED
    replaces: bytes | None = None
    """Hash of the transaction whose nonce it takes over."""
    block_number: int | None = None
    """Where it was mined."""
    note: str = ""
    """What the node said, where it refused."""

    @property
    def place(self) -> tuple[int, bytes]:
        """Sorts by nonce."""
        return self.nonce, self.tx_hash

    def to_dict(self) -> dict[str, Any]:
        """The entry as JSON."""
        return {
            "format": _FORMAT,
            "state": self.state.value,
            "purpose": self.purpose,
            "chainId": self.chain_id,
            "sender": to_checksum_address(self.sender),
            "nonce": self.nonce,
            "txHash": "0x" + self.tx_hash.hex(),
            "created": self.created,
            "blockNumber": self.block_number,
            "replaces": None if self.replaces is None else "0x" + self.replaces.hex(),
            "note": self.note,
            "intent": "0x" + self.intent.hex(),
            "tx": dict(self.tx),
            "raw": "0x" + self.raw.hex(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Entry:
        """The entry that ``to_dict`` wrote.

        Raises:
            KeyError, TypeError, ValueError, InvalidInput: it did not.
        """
        if data["format"] != _FORMAT:
            raise ValueError(f"format {data['format']}")
        replaces, block = data["replaces"], data["blockNumber"]
        return cls(
            chain_id=int(data["chainId"]),
            sender=parse_address(data["sender"]),
            nonce=int(data["nonce"]),
            tx_hash=_bytes(data["txHash"]),
            raw=_bytes(data["raw"]),
            tx=dict(data["tx"]),
            purpose=str(data["purpose"]),
            intent=_bytes(data["intent"]),
            created=int(data["created"]),
            state=State(data["state"]),
            replaces=None if replaces is None else _bytes(replaces),
            block_number=None if block is None else int(block),
            note=str(data["note"]),
        )


class Journal:
    """The transactions of one sender on one chain."""

    def __init__(self, root: Path, *, chain_id: int, sender: Address) -> None:
        """A journal; nothing is read or written yet.

        Args:
            root: shared by all chains and senders.
            chain_id: of the chain.
            sender: who signs.
        """
        self.chain_id = chain_id
        self.sender = sender
        self.path = root / str(chain_id) / to_checksum_address(sender)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """A context in which no other process or thread chooses a nonce.

        Raises:
            TransactionError: another one holds it for two minutes, or it cannot be written.
        """
        from filelock import FileLock, Timeout  # needed only by those who send

        lock = FileLock(self.path / "lock", timeout=_LOCK_PATIENCE)
        try:
            self._make(self.path)
            lock.acquire()
        except Timeout as cause:  # an OSError, too
            raise TransactionError(
                f"another process has been sending from {to_checksum_address(self.sender)} on "
                f"chain {self.chain_id} for {_LOCK_PATIENCE:.0f} seconds",
                hint="It may be waiting for a confirmation on a device. End it, or wait.",
            ) from cause
        except OSError as cause:
            raise self._unwritable(cause) from cause
        try:
            yield
        finally:
            lock.release()

    def write(self, entry: Entry, **changes: Any) -> Entry:
        """The entry with those changes, on disk.

        Raises:
            TransactionError: it cannot be written; a new transaction is then not sent.
        """
        entry = replace(entry, **changes)
        try:
            self._write(entry)
        except OSError as cause:
            raise self._unwritable(cause) from cause
        return entry

    def _write(self, entry: Entry) -> None:
        folder = self.path / ("done" if entry.state.is_final else "open")
        self._make(folder)
        name = self._name(entry)
        draft = folder / f".{name}.{secrets.token_hex(8)}"
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            with open(os.open(draft, flags, 0o600), "w", encoding="utf-8") as file:  # noqa: PTH123 - mode
                json.dump(entry.to_dict(), file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(folder / name)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        flush_directory(folder)
        if entry.state.is_final:
            (self.path / "open" / name).unlink(missing_ok=True)

    def _unwritable(self, cause: OSError) -> TransactionError:
        return TransactionError(
            f"the journal {self.path} cannot be written: {cause.strerror or cause}",
            hint="Nothing is sent without it. Make it writable, or make room, and do the same "
            "again. ETHR_DID_STATE_DIR names its folder.",
            path=str(self.path),
        )

    def open_entries(self) -> list[Entry]:
        """Those whose end is not known, by nonce.

        Raises:
            InvalidFile: one was damaged; nothing may be sent before it is clear what it was.
        """
        found = []
        for path in self._paths("open"):
            if (self.path / "done" / path.name).exists():
                continue  # a crash, or another process, between the two steps of ``write``
            if (entry := self._read(path)) is not None:
                found.append(entry)
        return sorted(found, key=lambda entry: entry.place)

    def entries(self) -> list[Entry]:
        """All of them, by nonce."""
        done = [self._read(path) for path in self._paths("done")]
        found = [*(entry for entry in done if entry is not None), *self.open_entries()]
        return sorted(found, key=lambda entry: entry.place)

    def hashes(self) -> frozenset[bytes]:
        """The hashes of all transactions, by the names of their files; none is read."""
        names = (_FILE_NAME.fullmatch(path.name) for path in self.path.glob("*/[0-9]*.json"))
        return frozenset(bytes.fromhex(name[1]) for name in names if name)

    def at_nonce(self, nonce: int) -> list[Entry]:
        """Whatever was signed for that nonce."""
        found: dict[bytes, Entry] = {}
        for folder in ("open", "done"):  # what is in both is done
            for path in sorted((self.path / folder).glob(f"{nonce:010d}-*.json")):
                if (entry := self._read(path)) is not None:
                    found[entry.tx_hash] = entry
        return list(found.values())

    def find(self, tx_hash: bytes) -> Entry:
        """The entry of that hash.

        Raises:
            NotFoundError: it was not sent from here.
        """
        for folder in ("done", "open"):
            for path in self._paths(folder):
                if path.stem.endswith(tx_hash.hex()) and (entry := self._read(path)) is not None:
                    return entry
        raise NotFoundError(
            f"no transaction 0x{tx_hash.hex()} in the journal of "
            f"{to_checksum_address(self.sender)} on chain {self.chain_id}",
            hint="Only transactions sent with this journal can be continued or replaced.",
            journal=str(self.path),
        )

    def _paths(self, folder: str) -> list[Path]:
        return sorted((self.path / folder).glob("[0-9]*.json"))

    def _name(self, entry: Entry) -> str:
        return f"{entry.nonce:010d}-{entry.tx_hash.hex()}.json"

    def _make(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def _read(self, path: Path) -> Entry | None:
        try:
            entry = Entry.from_dict(json.loads(path.read_text("utf-8")))
            if (entry.chain_id, entry.sender) != (self.chain_id, self.sender):
                raise ValueError("of another chain or sender")
            if path.name != self._name(entry):
                raise ValueError("nonce or hash differ from the name of the file")
        except FileNotFoundError:
            return None  # finished by another process since the folder was listed
        except (OSError, KeyError, TypeError, ValueError, InvalidInput) as cause:
            raise InvalidFile(
                f"the journal file {path} cannot be used: {type(cause).__name__}: {cause}",
                hint="Its name holds nonce and hash. Look the hash up on chain; if it was mined or "
                "its nonce used, remove the file.",
                path=str(path),
            ) from cause
        return entry


def _bytes(text: str) -> bytes:
    if not text.startswith("0x"):
        raise ValueError("hex without 0x")
    return bytes.fromhex(text[2:])

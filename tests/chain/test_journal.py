"""The journal: what was signed is on disk, whole, and its final state stays."""

from __future__ import annotations

import json
import stat
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.journal import Entry, Journal, State
from ethr_did.core.keys import Address
from ethr_did.errors import InvalidFile, NotFoundError

if TYPE_CHECKING:
    from pathlib import Path

SENDER = Address(b"\x11" * 20)
NOW = 1_800_000_000


def entry(nonce: int = 0, number: int = 1) -> Entry:
    return Entry(
        chain_id=5,
        sender=SENDER,
        nonce=nonce,
        tx_hash=number.to_bytes(32),
        raw=b"\x02raw",
        tx={"nonce": nonce, "gas": 21_000},
        purpose="set did/svc/Hub",
        intent=bytes(32),
        created=NOW,
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path, chain_id=5, sender=SENDER)


def files(journal: Journal) -> dict[str, list[str]]:
    return {
        folder.name: sorted(path.name for path in folder.iterdir())
        for folder in journal.path.iterdir()
        if folder.is_dir()
    }


def test_what_is_written_is_read_again(journal: Journal) -> None:
    written = journal.write(replace(entry(), replaces=b"\x01" * 32, note="said"))

    assert journal.find(written.tx_hash) == written
    assert journal.open_entries() == [written]
    assert Entry.from_dict(json.loads(json.dumps(written.to_dict()))) == written


def test_open_entries_come_by_nonce(journal: Journal) -> None:
    for nonce in (11, 2, 0):
        journal.write(entry(nonce, number=nonce + 100))

    assert [found.nonce for found in journal.open_entries()] == [0, 2, 11]


@pytest.mark.parametrize(
    "state", [State.MINED, State.FAILED, State.REPLACED, State.REFUSED], ids=str
)
def test_a_final_state_closes_the_entry(journal: Journal, state: State) -> None:
    written = journal.write(entry())

    closed = journal.write(written, state=state, block_number=9)

    assert journal.open_entries() == []
    assert journal.entries() == [closed]
    assert [len(names) for names in files(journal).values()] in ([0, 1], [1, 0])


def test_a_final_state_stays_whatever_is_written_later(journal: Journal) -> None:
    written = journal.write(entry())
    closed = journal.write(written, state=State.MINED, block_number=9)

    journal.write(written, state=State.SENT)  # another process, a moment too late

    assert journal.open_entries() == []
    assert journal.find(written.tx_hash) == closed
    assert journal.at_nonce(0) == [closed]


def test_chains_and_senders_have_journals_of_their_own(tmp_path: Path, journal: Journal) -> None:
    journal.write(entry())

    assert Journal(tmp_path, chain_id=6, sender=SENDER).entries() == []
    assert Journal(tmp_path, chain_id=5, sender=Address(b"\x12" * 20)).entries() == []


def test_files_and_directories_are_for_their_owner_only(journal: Journal) -> None:
    journal.write(entry())

    (path,) = (journal.path / "open").iterdir()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_half_written_drafts_are_ignored(journal: Journal) -> None:
    journal.write(entry())
    (journal.path / "open" / ".0000000001-aa.json.1234").write_text("{")

    assert len(journal.open_entries()) == 1


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"format": "ethr-did/transaction/1"}'])
def test_a_damaged_entry_stops_everything_that_needs_to_know_it(
    journal: Journal, text: str
) -> None:
    journal.write(entry())
    (path,) = (journal.path / "open").iterdir()
    path.write_text(text)

    with pytest.raises(InvalidFile, match="cannot be used") as caught:
        journal.open_entries()

    assert str(path) in caught.value.message


def test_an_entry_under_another_name_or_of_another_sender_is_refused(journal: Journal) -> None:
    journal.write(entry())
    (path,) = (journal.path / "open").iterdir()
    path.rename(path.with_name("0000000007-" + path.name.partition("-")[2]))
    with pytest.raises(InvalidFile, match="differ from the name"):
        journal.open_entries()
    other = replace(entry(), sender=Address(b"\x12" * 20))
    next((journal.path / "open").iterdir()).write_text(json.dumps(other.to_dict()))
    with pytest.raises(InvalidFile, match="another chain or sender"):
        journal.open_entries()


def test_an_unknown_hash_is_not_found(journal: Journal) -> None:
    with pytest.raises(NotFoundError, match="no transaction 0x0000"):
        journal.find(bytes(32))


def test_the_lock_lets_one_in_at_a_time(journal: Journal) -> None:
    inside: list[int] = []
    most: list[int] = []

    def enter(number: int) -> None:
        with Journal(journal.path.parents[1], chain_id=5, sender=SENDER).lock():
            inside.append(number)
            most.append(len(inside))
            time.sleep(0.02)
            inside.remove(number)

    threads = [threading.Thread(target=enter, args=(number,)) for number in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert most == [1] * 5


def test_the_raw_transaction_does_not_clutter_logs() -> None:
    assert "raw" not in repr(entry())


def test_hashes_are_told_by_the_names_of_files_alone(journal: Journal) -> None:
    assert journal.hashes() == frozenset()
    journal.write(entry(0, 1), state=State.MINED)
    journal.write(entry(1, 2))
    (journal.path / "open" / "0000000009-damaged.json").write_text("{}")
    (journal.path / "lock").touch()

    assert journal.hashes() == {(1).to_bytes(32), (2).to_bytes(32)}

"""The file of trusted issuers."""

from __future__ import annotations

import os
import stat
import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ethr_did.credentials.trust_files import TrustFile
from ethr_did.credentials.trust_lists import MAX_BYTES, TrustEntry, TrustList
from ethr_did.errors import InvalidFile, InvalidTrustList

if TYPE_CHECKING:
    from pathlib import Path

ENTRY = TrustEntry(issuer="did:web:uni.example", types=("DiplomaCredential",))


def with_entry(trust_list: TrustList) -> TrustList:
    return replace(trust_list, entries=(*trust_list.entries, ENTRY))


@pytest.fixture
def file(tmp_path: Path) -> TrustFile:
    return TrustFile(tmp_path / "state" / "trusted.json")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_file_is_made_for_its_owner_with_the_first_entry(file: TrustFile) -> None:
    assert file.update(with_entry) == file.read() == TrustList(entries=(ENTRY,))
    assert mode(file.path) == 0o600
    assert file.path.read_text().endswith("}\n")


def test_those_who_could_read_it_can_go_on(file: TrustFile) -> None:
    file.update(with_entry)
    file.path.chmod(0o644)
    file.update(with_entry)
    assert mode(file.path) == 0o644
    assert len(file.read().entries) == 2


def test_a_link_stays_one(file: TrustFile, tmp_path: Path) -> None:
    file.update(with_entry)
    link = tmp_path / "link.json"
    link.symlink_to(file.path)
    TrustFile(link).update(with_entry)
    assert link.is_symlink()
    assert len(file.read().entries) == 2


def test_a_change_that_fails_leaves_the_file_as_it_is(file: TrustFile) -> None:
    file.update(with_entry)
    before = file.path.read_bytes()

    def fail(_: TrustList) -> TrustList:
        raise InvalidTrustList("no")

    with pytest.raises(InvalidTrustList):
        file.update(fail)
    with pytest.raises(InvalidTrustList):
        file.update(lambda one: replace(one, entries=(replace(ENTRY, note="n" * 500),) * 2500))
    assert file.path.read_bytes() == before
    assert {path.name for path in file.path.parent.iterdir()} <= {
        "trusted.json",
        ".trusted.json.lock",
    }


def test_a_damaged_file_is_not_written_over(file: TrustFile) -> None:
    file.path.parent.mkdir()
    file.path.write_text('{"format": "ethr-did/trust-list/1", "entries": [{}]}')
    with pytest.raises(InvalidTrustList, match=r"trusted\.json: the trust list has 2 faults"):
        file.update(with_entry)
    assert "[{}]" in file.path.read_text()


def test_a_file_that_is_not_there_or_no_file_is_named(file: TrustFile, tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="cannot be read: No such file") as caught:
        file.read()
    assert "trust add" in caught.value.hint
    with pytest.raises(InvalidFile, match="Is a directory"):
        TrustFile(tmp_path).read()


def test_a_file_that_is_too_long_is_not_read_whole(file: TrustFile) -> None:
    file.path.parent.mkdir()
    file.path.write_bytes(b" " * (MAX_BYTES + 100))
    with pytest.raises(InvalidTrustList, match=f"a trust list of {MAX_BYTES + 1} bytes"):
        file.read()


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("no folder")
    with pytest.raises(InvalidFile, match="cannot be locked"):
        TrustFile(tmp_path / "a" / "b" / "trusted.json").update(with_entry)


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is closed to root")
def test_a_folder_that_is_closed_is_named(file: TrustFile) -> None:
    file.update(with_entry)
    file.path.parent.chmod(0o500)
    try:
        with pytest.raises(InvalidFile, match="cannot be written"):
            file.update(with_entry)
    finally:
        file.path.parent.chmod(0o700)


def test_a_file_whose_place_is_taken_is_not_written(file: TrustFile) -> None:
    def take_the_place(before: TrustList) -> TrustList:
        (file.path / "inside").mkdir(parents=True)
        return with_entry(before)

    with pytest.raises(InvalidFile, match="cannot be written"):
        file.update(take_the_place)


def test_two_who_edit_it_wait_for_each_other(file: TrustFile) -> None:
    def add_many() -> None:
        for _ in range(10):
            file.update(with_entry)

    threads = [threading.Thread(target=add_many) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(file.read().entries) == 20

"""Files of issued credentials: whole, private, nothing twice."""

from __future__ import annotations

import json
import os
import stat
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.credentials.credential import CredentialFormat, Raw
from ethr_did.credentials.deliveries import (
    CredentialFolder,
    CredentialLines,
    file_text,
    replace_with,
    write_credential,
)
from ethr_did.credentials.issued import Issued
from ethr_did.errors import InvalidFile

if TYPE_CHECKING:
    from pathlib import Path


def issued(reference: str = "a", raw: Raw = "h.p.s~", **members: Any) -> Issued:
    usual: dict[str, Any] = {"format": CredentialFormat.SD_JWT, "digest": bytes(32)}
    usual |= {"issued_at": 0, "entry": None, "record": None}
    return Issued(reference=reference, raw=raw, **{**usual, **members})


OBJECT = {"type": ["VerifiableCredential"], "name": "Köln"}

# -- lines ---------------------------------------------------------------------------------------


def test_each_credential_is_a_line(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with CredentialLines(path) as lines:
        lines.deliver([issued("a"), issued("b", OBJECT, format=CredentialFormat.EIP712)])
        lines.deliver([issued("c")])
        assert list(lines.held()) == ["h.p.s~", OBJECT, "h.p.s~"]
    found = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert found[0] == {"reference": "a", "format": "dc+sd-jwt", "credential": "h.p.s~"}
    assert [one["reference"] for one in found] == ["a", "b", "c"]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_lines_are_added_to_those_that_are_there(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    for name in ("a", "b"):
        with CredentialLines(path) as lines:
            lines.deliver([issued(name)])
    with CredentialLines(path) as lines:
        assert len(list(lines.held())) == 2


@pytest.mark.parametrize("rest", [b"{", b'{"reference": "b', b"{" + b"x" * 200_000])
def test_a_line_that_was_cut_off_is_taken_away(tmp_path: Path, rest: bytes) -> None:
    path = tmp_path / "out.jsonl"
    with CredentialLines(path) as lines:
        lines.deliver([issued("a")])
    whole = path.read_bytes()
    path.write_bytes(whole + rest)
    with CredentialLines(path) as lines:
        assert path.read_bytes() == whole
        lines.deliver([issued("b")])
        assert len(list(lines.held())) == 2
    path.write_bytes(rest)
    with CredentialLines(path) as lines:
        assert list(lines.held()) == []


def test_another_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("notes without an end")
    with pytest.raises(InvalidFile, match="is another file"):
        CredentialLines(path)
    assert path.read_text() == "notes without an end"


@pytest.mark.parametrize("line", ["notes", "[]", "{}", '{"credential": 7}', '"x"'])
def test_a_line_without_a_credential_is_no_such_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(f"{line}\n")
    with CredentialLines(path) as lines, pytest.raises(InvalidFile, match="line 1 is no line"):
        list(lines.held())


def test_one_process_at_a_time_writes_to_a_file(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with CredentialLines(path), pytest.raises(InvalidFile, match="another process writes"):
        CredentialLines(path)
    CredentialLines(path).close()


def test_a_link_or_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("link", "none/out.jsonl"):
        with pytest.raises(InvalidFile, match="cannot be written"):
            CredentialLines(tmp_path / name)


def test_what_does_not_fit_leaves_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "out.jsonl"
    with CredentialLines(path) as lines:
        lines.deliver([issued("a")])
        before = path.read_bytes()
        reading = os.open(path, os.O_RDONLY)
        os.dup2(reading, lines._file.fileno())  # a disk that takes nothing more
        with pytest.raises(InvalidFile, match="cannot be written"):
            lines.deliver([issued("b")])
        os.close(reading)
    assert path.read_bytes() == before


# -- folders -------------------------------------------------------------------------------------


def test_each_credential_is_a_file(tmp_path: Path) -> None:
    folder = CredentialFolder(tmp_path / "new" / "out", ["a", "b", "c", "d"])
    made = [
        issued("a"),
        issued("b", "h.p.s", format=CredentialFormat.VC_JWT),
        issued("c", OBJECT, format=CredentialFormat.DATA_INTEGRITY),
    ]
    folder.deliver(made)
    names = sorted(path.name for path in folder.path.iterdir())
    assert names == ["a.sd-jwt", "b.jwt", "c.json"]
    assert folder.path_of(made[0]).read_text() == "h.p.s~\n"
    assert json.loads(folder.path_of(made[2]).read_bytes()) == OBJECT
    assert stat.S_IMODE(folder.path_of(made[0]).stat().st_mode) == 0o600
    assert [str(one)[:5] for one in folder.held()] == ["h.p.s", "h.p.s", '{\n  "']


def test_no_file_takes_the_place_of_another(tmp_path: Path) -> None:
    folder = CredentialFolder(tmp_path, ["a"])
    folder.deliver([issued("a")])
    folder.deliver([issued("a")])  # the same again is no other
    with pytest.raises(InvalidFile, match="exists already"):
        folder.deliver([issued("a", "x.y.z~")])
    assert folder.path_of(issued("a")).read_text() == "h.p.s~\n"
    assert [path.name for path in tmp_path.iterdir()] == ["a.sd-jwt"]


def test_what_a_crash_left_half_written_is_no_hindrance(tmp_path: Path) -> None:
    folder = CredentialFolder(tmp_path, ["a"])
    (tmp_path / ".a.sd-jwt.new").write_text("h.p")
    folder.deliver([issued("a")])
    assert [path.name for path in tmp_path.iterdir()] == ["a.sd-jwt"]


@pytest.mark.parametrize("name", ["", "../a", ".a", "a/b", "a b", "x" * 101])
def test_a_reference_that_is_no_name_is_refused_before_anything_is_issued(
    tmp_path: Path, name: str
) -> None:
    with pytest.raises(InvalidFile, match="is no name for a file"):
        CredentialFolder(tmp_path / "out", ["good", name])
    assert not (tmp_path / "out").exists()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InvalidFile, match="cannot be written"):
        CredentialFolder(tmp_path / "file", ["a"])


def test_a_file_is_written_once_and_a_proof_as_often_as_needed(tmp_path: Path) -> None:
    path = tmp_path / "one.jwt"
    write_credential(path, "h.p.s")
    write_credential(path, "h.p.s")
    with pytest.raises(InvalidFile, match="exists already"):
        write_credential(path, "x.y.z")
    with pytest.raises(InvalidFile, match="cannot be written"):
        write_credential(tmp_path / "none" / "one.jwt", "h.p.s")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InvalidFile, match="exists already"):
        write_credential(tmp_path / "folder", "h.p.s")
    for data in (b"1", b"2"):
        replace_with(path, data)
    assert path.read_bytes() == b"2"
    with pytest.raises(InvalidFile, match="cannot be written"):
        replace_with(tmp_path / "none" / "p.json", b"1")


def test_objects_are_written_to_be_read() -> None:
    assert file_text({"a": "ö"}) == '{\n  "a": "ö"\n}\n'.encode()

"""Batches whose process is killed, and processes that issue at the same time."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.status_entry import entries_of
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.reading import read_credential
from ethr_did.credentials.records import RecordState
from ethr_did.status.store import StatusStore
from support.crashing_credentials import CredentialCrashes
from support.credential_office import a_list, an_issuer, key_of

if TYPE_CHECKING:
    from collections.abc import Iterator

NAMES = [f"card-{number}" for number in range(7)]


@pytest.fixture(scope="module")
def crashes() -> Iterator[CredentialCrashes]:
    with CredentialCrashes() as running:
        yield running


@pytest.fixture
def plan(tmp_path: Path) -> dict[str, Any]:
    """A batch of seven, with a list that their statuses are from."""
    url = f"sqlite:///{tmp_path}/status.db"
    with StatusStore(url) as store:
        a_list(store)
    return {"database": url, "out": str(tmp_path / "out.jsonl"), "references": NAMES}


def lines_of(*outs: str) -> list[dict[str, Any]]:
    """What is in some files."""
    return [json.loads(line) for out in outs for line in Path(out).read_bytes().splitlines()]


def check_all_are_there_once(plan: dict[str, Any], *outs: str, names: list[str] = NAMES) -> None:
    """Each credential is in a file once, with an entry of its own that the database knows."""
    lines = lines_of(*(outs or [plan["out"]]))
    assert sorted(line["reference"] for line in lines) == sorted(names)
    found = {line["reference"]: read_credential(line["credential"]) for line in lines}
    entries = {
        name: entries_of({"credentialStatus": list(one.status)}) for name, one in found.items()
    }
    assert len({entry for (entry,) in entries.values()}) == len(names)
    with StatusStore(plan["database"]) as store:
        issuer = an_issuer(store, key=key_of(KeyKind.ED25519))
        for name, credential in found.items():
            record = issuer.find(name)
            assert (record.state, record.seed) == (RecordState.ISSUED, None)
            assert record.digest == credential.digest
            assert record.allocation is not None
            assert (record.allocation.entry,) == entries[name]


@pytest.mark.parametrize("part", [1, 2, 4])
@pytest.mark.parametrize("moment", ["signed", "written", "confirmed"])
def test_a_batch_that_was_killed_goes_on_and_nothing_is_issued_twice(
    crashes: CredentialCrashes, plan: dict[str, Any], moment: str, part: int
) -> None:
    (killed,) = crashes.run({**plan, "die_at": f"{moment}:{part}"})
    assert killed.killed
    (done,) = crashes.run({**plan, "late": 100_000})
    assert done.report is not None
    kept = part - (moment == "signed")
    assert done.report["skipped"] == min(2 * kept, len(NAMES))
    assert sum(done.report.values()) == len(NAMES)
    check_all_are_there_once(plan)


def test_a_batch_that_is_killed_at_any_moment_again_and_again_ends_well(
    crashes: CredentialCrashes, plan: dict[str, Any]
) -> None:
    names = [f"card-{number}" for number in range(40)]
    endings = [
        crashes.run({**plan, "references": names, "die_after": 0.02 + 0.03 * number})[0]
        for number in range(8)
    ]
    assert any(one.killed for one in endings)
    (done,) = crashes.run({**plan, "references": names})
    assert done.report is not None
    check_all_are_there_once(plan, names=names)


def test_processes_that_issue_at_the_same_time_never_share_an_entry(
    crashes: CredentialCrashes, plan: dict[str, Any], tmp_path: Path
) -> None:
    outs = [str(tmp_path / f"out-{number}.jsonl") for number in range(3)]
    names = [[f"{number}-{step}" for step in range(20)] for number in range(3)]
    plans = [
        {**plan, "out": out, "references": mine} for out, mine in zip(outs, names, strict=True)
    ]
    assert [one.error for one in crashes.run(*plans)] == [None] * 3
    check_all_are_there_once(plan, *outs, names=[name for mine in names for name in mine])


def test_of_processes_that_issue_the_same_each_credential_is_given_out_by_one(
    crashes: CredentialCrashes, plan: dict[str, Any], tmp_path: Path
) -> None:
    outs = [str(tmp_path / f"out-{number}.jsonl") for number in range(3)]
    endings = crashes.run(*({**plan, "out": out, "at_once": 1} for out in outs))
    # Whoever is told that another one was faster gives nothing out, and may try again.
    assert {one.error["code"] for one in endings if one.error} <= {"store_error"}
    (last,) = crashes.run({**plan, "out": outs[0]})
    assert last.report is not None
    lines = lines_of(*outs)
    found = {(line["reference"], line["credential"]) for line in lines}
    assert len(found) == len(NAMES)


def test_a_file_has_one_writer(crashes: CredentialCrashes, plan: dict[str, Any]) -> None:
    endings = crashes.run(plan, plan)
    refused = [one.error for one in endings if one.error]
    assert all(one["code"] == "invalid_file" for one in refused)
    crashes.run(plan)
    check_all_are_there_once(plan)

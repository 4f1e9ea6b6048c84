"""Processes that are killed, and processes that write at once: nothing is lost, nothing is half.

Not by an exception that could be caught, but by SIGKILL: before each of the file operations of an
action in turn, and at any moment.
"""

from __future__ import annotations

import random
import shutil
from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.secret_files import write_new_file
from support.crashing_wallet import Users
from support.wallets import PASSWORD, add, make_wallet, open_wallet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ethr_did.wallet.wallet import Wallet
    from support.crashing_wallet import Ending

MOST = 60
"""File operations that an action could take."""


@pytest.fixture(scope="module")
def users() -> Iterator[Users]:
    """Starts processes."""
    with Users() as started:
        yield started


def labels(path: Path, password: str = PASSWORD) -> list[str]:
    """The credentials in the file."""
    with open_wallet(path, password) as wallet:
        return [one.label for one in wallet.credentials]


def is_settled(path: Path) -> bool:
    """Whether nothing lies in the folder but the wallet, its lock, and the backup."""
    expected = {path.name, f".{path.name}.lock", "backup"}
    return {one.name for one in path.parent.iterdir()} <= expected


def each_crash(users: Users, **plan: object) -> Iterator[Ending]:
    """The endings of an action, killed a file operation later each time, until it is not killed."""
    for count in range(1, MOST):
        (ending,) = users.run({**plan, "die_before": count})
        yield ending
        if not ending.killed:
            assert count > 4, "there was nothing to be killed at"
            return
    raise AssertionError("the action does not end")


def test_adding_is_whole_or_not_at_all(users: Users, wallet: Wallet, path: Path) -> None:
    add(wallet, "before")
    known = ["before"]
    for number, ending in enumerate(
        each_crash(users, do="add", path=str(path), names=["new"]), start=1
    ):
        found = labels(path)
        assert found in (known, [*known, "new"])
        assert "new" in found or "new" not in ending.said
        if "new" in found:
            open_wallet(path).remove_credential("new")
        known = [*known, f"after {number}"]
        add(open_wallet(path), known[-1])
        assert is_settled(path)


def test_new_wallet_is_whole_or_not_at_all(users: Users, path: Path) -> None:
    for ending in each_crash(users, do="create", path=str(path)):
        if path.exists():
            assert labels(path) == []
            path.unlink()
        else:
            assert ending.said == ()
        with make_wallet(path) as wallet:
            add(wallet, 1)
        assert is_settled(path)
        shutil.rmtree(path.parent)


def test_password_is_the_old_or_the_new_one(users: Users, wallet: Wallet, path: Path) -> None:
    add(wallet, "before")
    first = path.read_bytes()
    seen = set()
    for ending in each_crash(users, do="change_password", path=str(path)):
        is_old = path.read_bytes() == first
        password = PASSWORD if is_old else "new"
        assert labels(path, password) == ["before"]
        assert not (is_old and ending.said)
        seen.add(password)
        add(open_wallet(path, password), "after")
        assert is_settled(path)
        path.write_bytes(first)
    assert seen == {PASSWORD, "new"}


def test_what_is_called_a_backup_is_one(users: Users, wallet: Wallet, path: Path) -> None:
    add(wallet, "before")
    backup = path.with_name("backup")
    for ending in each_crash(users, do="back_up", path=str(path), backup=str(backup)):
        assert labels(path) == ["before"]
        if ending.said:
            assert ending.said == ("backed up",)
            assert labels(backup) == ["before"]
        backup.unlink(missing_ok=True)


def test_restoring_leaves_the_old_or_the_restored_one(
    users: Users, wallet: Wallet, path: Path
) -> None:
    backup = path.with_name("backup")
    add(wallet, "first")
    wallet.backup(backup)
    add(wallet, "second")
    before = path.read_bytes()
    for ending in each_crash(users, do="restore", path=str(path), backup=str(backup)):
        found = labels(path)
        kept = [one for one in path.parent.iterdir() if "before-restore" in one.name]
        if found == ["first"]:
            assert [one.read_bytes() for one in kept] == [before]
        else:
            assert found == ["first", "second"]
            assert ending.said == ()
        for one in (path, *kept):
            one.unlink()
        write_new_file(path, before)


def test_process_killed_at_any_moment_loses_nothing(
    users: Users, wallet: Wallet, path: Path
) -> None:
    chance = random.Random(3)  # noqa: S311 - the same in every run
    known: list[str] = []
    killed = 0
    for turn in range(25):
        names = [f"{turn}.{number}" for number in range(50)]
        plan = {"do": "add", "path": str(path), "names": names}
        (ending,) = users.run({**plan, "die_after": chance.uniform(0.001, 0.03 + turn / 500)})
        said = list(ending.said[1:])
        found = labels(path)
        # One may be in the file whose process died before it could say so.
        assert found in ([*known, *said], [*known, *said, names[len(said)]])
        known = found
        killed += ending.killed
    assert killed > 12
    assert known
    add(wallet, "last")
    assert labels(path) == [*known, "last"]
    assert is_settled(path)


def test_processes_that_write_at_once_lose_nothing(
    users: Users, wallet: Wallet, path: Path
) -> None:
    plans = [
        {"do": "add", "path": str(path), "names": [f"{who}.{number}" for number in range(12)]}
        for who in range(3)
    ]
    keys = {"do": "add_keys", "path": str(path), "names": [f"key {n}" for n in range(12)]}
    same = {"do": "add", "path": str(path), "names": [f"0.{number}" for number in range(12)]}
    endings = users.run(*plans, keys, same)
    assert not any(ending.killed for ending in endings)
    expected = {name for plan in plans for name in plan["names"]}
    assert {name for ending in endings for name in ending.said} == {
        "open",
        *expected,
        *keys["names"],
    }
    wallet.reload()
    assert sorted(one.label for one in wallet.credentials) == sorted(expected)
    assert sorted(one.label for one in wallet.keys) == sorted(keys["names"])
    assert is_settled(path)


def test_change_of_the_password_stops_those_who_write_meanwhile(
    users: Users, wallet: Wallet, path: Path
) -> None:
    names = [f"{number}" for number in range(60)]
    adding, changing = users.run(
        {"do": "add", "path": str(path), "names": names},
        {"do": "change_password", "path": str(path)},
    )
    assert changing.said == ("changed",)
    done = [one for one in adding.said if one in names]
    refused = [one for one in adding.said if one.startswith("wallet_error")]
    assert labels(path, "new") == done
    assert len(done) == len(names) or "another key" in refused[0] or "wrong password" in refused[0]
    assert wallet.path == path


def test_only_one_of_many_makes_a_wallet(users: Users, path: Path) -> None:
    endings = users.run(*[{"do": "create", "path": str(path)} for _ in range(4)])
    said = sorted(ending.said[0].partition(":")[0] for ending in endings)
    assert said == ["created", *["wallet_error"] * 3]
    assert labels(path) == []

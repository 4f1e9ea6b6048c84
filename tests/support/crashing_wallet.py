"""Processes that use a wallet, several at once, or are killed on the way.

Each runs in a process of its own, which is forked from one that has everything imported: starting
Python for each would take seconds. A process is killed by SIGKILL, before the file operation that
the test counts to, or at any moment.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any

from ethr_did.credentials.keys import KeyKind
from ethr_did.errors import EthrDIDError
from ethr_did.wallet.restoring import restore
from support.forks import Forks
from support.wallets import NOW, SMALL, add, make_wallet, open_wallet

LATE = (
    "filelock",
    "cryptography.hazmat.primitives.ciphers.aead",
    "cryptography.hazmat.primitives.kdf.argon2",
    "cryptography.hazmat.primitives.asymmetric.ed25519",
)
OPERATIONS = ("open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.listdir", "os.scandir")
"""What the interpreter reports of a process's work on files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a process ended."""

    killed: bool
    said: tuple[str, ...]
    """What it had done, line by line."""


class Users(Forks):
    """Starts such processes."""

    def __init__(self) -> None:
        """The process that starts them."""
        super().__init__("crashing_wallet.py")

    def run(self, *plans: Mapping[str, Any]) -> list[Ending]:
        """How the processes ended, which ran side by side.

        Args:
            plans: ``do``: one of ``ACTIONS``; ``path``: of the wallet; ``die_before``: at which of
                its file operations a process is killed; ``die_after``: seconds, instead; and what
                the action needs.
        """
        found = self.ask(plans)
        return [Ending(killed=one["killed"], said=tuple(one["said"])) for one in found]


Say = Callable[[str], None]


def _add(plan: Mapping[str, Any], say: Say) -> None:
    """Credentials of those names, each said when it is in the wallet."""
    wallet = open_wallet(Path(plan["path"]))
    say("open")
    for name in plan["names"]:
        add(wallet, name)
        say(name)


def _add_keys(plan: Mapping[str, Any], say: Say) -> None:
    wallet = open_wallet(Path(plan["path"]))
    for name in plan["names"]:
        wallet.add_key(KeyKind.ED25519, label=name, now=NOW)
        say(name)


def _create(plan: Mapping[str, Any], say: Say) -> None:
    make_wallet(Path(plan["path"]))
    say("created")


def _change_password(plan: Mapping[str, Any], say: Say) -> None:
    wallet = open_wallet(Path(plan["path"]))
    wallet.change_password("correct horse", "new", kdf=SMALL)
    say("changed")


def _back_up(plan: Mapping[str, Any], say: Say) -> None:
    open_wallet(Path(plan["path"])).backup(Path(plan["backup"]))
    say("backed up")


def _restore(plan: Mapping[str, Any], say: Say) -> None:
    restore(Path(plan["backup"]), Path(plan["path"]), "correct horse", overwrite=True)
    say("restored")


ACTIONS: Mapping[str, Callable[[Mapping[str, Any], Say], None]] = {
    "add": _add,
    "add_keys": _add_keys,
    "create": _create,
    "change_password": _change_password,
    "back_up": _back_up,
    "restore": _restore,
}


def main() -> None:
    """Runs the processes of each line that comes in."""
    for late in LATE:
        import_module(late)  # once, and not in every child
    for line in sys.stdin:
        started = [_start(plan) for plan in json.loads(line)]
        found = []
        for child, answer in started:
            said = answer.read().splitlines()
            _, status = os.waitpid(child, 0)
            found.append({"killed": os.WIFSIGNALED(status), "said": said})
        print(json.dumps(found), flush=True)  # noqa: T201 - that is the answer


def _start(plan: dict[str, Any]) -> tuple[int, IO[str]]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w", buffering=1) as out:
            _use(plan, lambda words: print(words, file=out))
        os._exit(0)
    os.close(writing)
    return child, os.fdopen(reading)


def _use(plan: dict[str, Any], say: Say) -> None:
    if "die_after" in plan:
        # Nothing handles it: the process ends where it is, in the middle of whatever it does.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, plan["die_after"])
    if "die_before" in plan:
        _die_before(plan["die_before"])
    try:
        ACTIONS[plan["do"]](plan, say)
    except EthrDIDError as error:
        say(f"{error.code}: {error.message}")


def _die_before(count: int) -> None:
    left = [count]

    def hook(event: str, _arguments: tuple[Any, ...]) -> None:
        if event in OPERATIONS:
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


if __name__ == "__main__":
    main()

"""Processes that issue batches of credentials, and are killed on the way.

Not by an exception that could be caught, but by a signal, at the moment that the test names or at any
moment. Each runs in a process of its own, forked from one that has everything imported.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ethr_did.credentials.deliveries import CredentialLines
from ethr_did.credentials.keys import KeyKind
from ethr_did.errors import EthrDIDError
from ethr_did.status.store import StatusStore
from support.credential_office import NOW, a_request, an_issuer, key_of
from support.forks import Forks
from support.triangle import Chance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.credentials.issued import Issued


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchEnding:
    """How a process ended."""

    killed: bool
    report: dict[str, int] | None
    """How many were issued and skipped, where it was finished."""
    error: dict[str, Any] | None
    """Why it was refused, where it was."""


class CredentialCrashes(Forks):
    """Starts such processes, one after another or several at once."""

    def __init__(self) -> None:
        """The process that starts them."""
        super().__init__("crashing_credentials.py")

    def run(self, *plans: dict[str, Any]) -> list[BatchEnding]:
        """How batches ended that other processes issued, all at the same time.

        Args:
            plans: ``database``: its URL; ``out``: a file of lines; ``references``; ``at_once``;
                ``kind`` of the key; ``die_at``: ``signed``, ``written`` or ``confirmed``, of the
                part of that number, such as ``written:2``; ``die_after``: seconds, instead.
        """
        found: list[dict[str, Any]] = self.ask(plans)
        assert not any("trace" in one for one in found), found
        return [
            BatchEnding(killed=one["killed"], report=one.get("report"), error=one.get("error"))
            for one in found
        ]


def main() -> None:
    """Runs the batches that come in, each in a process of its own."""
    late_ones = (
        *("jsonschema", "joserfc.jws", "referencing", "eth_keys.datatypes"),
        *("ethr_did.credentials.reading", "cryptography.hazmat.primitives.asymmetric.ec"),
    )
    for late in late_ones:
        import_module(late)  # once, and not in every child
    for line in sys.stdin:
        children = [_start(plan) for plan in json.loads(line)]
        print(json.dumps([_ended(*child) for child in children]), flush=True)  # noqa: T201 - that is the answer


def _start(plan: dict[str, Any]) -> tuple[int, int]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(reading)
        with os.fdopen(writing, "w") as out:
            json.dump(_issue(plan), out)
        os._exit(0)
    os.close(writing)
    return child, reading


def _ended(child: int, reading: int) -> dict[str, Any]:
    with os.fdopen(reading) as answer:
        text = answer.read()
    _, status = os.waitpid(child, 0)
    found = json.loads(text) if text.endswith("}") else {}
    return {"killed": os.WIFSIGNALED(status), **found}


def _issue(plan: dict[str, Any]) -> dict[str, Any]:
    if plan.get("die_after"):
        # Nothing handles it: the process ends where it is, in the middle of whatever it does.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, plan["die_after"])
    try:
        return {"report": _batch(plan)}
    except EthrDIDError as error:
        return {"error": error.to_dict()}
    except Exception:  # noqa: BLE001 - the test is to see it
        return {"trace": traceback.format_exc()}


def _batch(plan: dict[str, Any]) -> dict[str, int]:
    parts = 0

    def reached(moment: str) -> None:
        if plan.get("die_at") == f"{moment}:{parts}":
            os.kill(os.getpid(), signal.SIGKILL)

    with StatusStore(plan["database"]) as store, CredentialLines(Path(plan["out"])) as lines:
        (statuses,) = store.lists()
        issuer = an_issuer(
            store,
            statuses=statuses,
            key=key_of(KeyKind(plan.get("kind", "Ed25519"))),
            random=os.urandom if plan.get("chance") is None else Chance(plan["chance"]),
        )
        issuer.confirm(*lines.held())

        def deliver(part: Sequence[Issued]) -> None:
            nonlocal parts
            parts += 1
            reached("signed")
            lines.deliver(part)
            reached("written")

        report = issuer.issue_many(
            [a_request(one) for one in plan["references"]],
            clock=lambda: NOW + int(plan.get("late", 0)),
            deliver=deliver,
            on_progress=lambda _: reached("confirmed"),
            at_once=plan.get("at_once", 2),
        )
    return {"issued": report.issued, "skipped": report.skipped}


if __name__ == "__main__":
    main()

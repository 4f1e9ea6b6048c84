"""Processes that hand out indexes or change statuses, and are killed on the way.

Not by an exception that could be caught, but by a signal, at the moment that the test names, or at
any moment. Each runs in a process of its own, which is forked from one that has everything
imported: starting Python for each would take seconds.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import sys
import traceback
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ethr_did.chain.artifacts import ContractName, load
from ethr_did.chain.networks import Network
from ethr_did.chain.rpc import Chain
from ethr_did.core.did import EthrDID
from ethr_did.core.status_list import parse_key, parse_list_id
from ethr_did.core.status_wishes import RecordWish, Wish
from ethr_did.errors import EthrDIDError
from ethr_did.status.allocation import Allocator
from ethr_did.status.issuing import StatusIssuer
from ethr_did.status.store import StatusStore
from support.forks import Forks
from support.writing import make_sender

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.chain.local import LocalAccount
    from ethr_did.chain.transactions import Progress
    from ethr_did.core.status_list import ListId
    from ethr_did.status.issuing import StatusProgress
    from support.issuing import Office


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a process ended."""

    killed: bool
    report: Any
    """What it was asked for, where it was finished."""
    error: dict[str, Any] | None
    """Why it was refused, where it was."""


class Crashes(Forks):
    """Starts such processes, one after another."""

    def __init__(self) -> None:
        """The process that starts them."""
        super().__init__("crashing_issuer.py")

    def run(
        self,
        office: Office,
        whose: LocalAccount,
        by: LocalAccount,
        wishes: Sequence[Wish | RecordWish],
        **options: Any,
    ) -> Ending:
        """How a change ended that another process made.

        Args:
            office: where; its ``node`` is a URL.
            whose: statuses.
            by: whom they are changed.
            wishes: what is to change.
            options: ``die_at``: ``issuer`` or ``sender``, a colon, and the stage of its progress;
                ``times``: how often that stage is reached until it is killed; ``die_after``:
                seconds, instead; ``job`` and ``in_flight``.
        """
        network = office.network
        return self._ask(
            kind="apply",
            url=office.node,
            network={
                "name": network.name,
                "chain_id": network.chain_id,
                "did_registry": network.did_registry,
                "status_registry": network.status_registry,
            },
            whose=whose.address,
            key=by.key.hex(),
            root=str(office.root),
            wishes=[_to_list(one) for one in wishes],
            **options,
        )

    def allocate(
        self, url: str, list_id: ListId, references: Sequence[str], *, die_after: float = 0
    ) -> Ending:
        """How it ended that another process asked for indexes; its report holds them.

        Args:
            url: of the database.
            list_id: of the list.
            references: one for each index.
            die_after: seconds until it is killed; 0: it lives.
        """
        return self._ask(
            kind="allocate",
            database=url,
            list_id=list_id.text,
            references=list(references),
            die_after=die_after,
        )

    def _ask(self, **plan: Any) -> Ending:
        found: dict[str, Any] = self.ask(plan)
        assert "trace" not in found, found["trace"]
        return Ending(killed=found["killed"], report=found.get("report"), error=found.get("error"))


def main() -> None:
    """Runs each change that comes in, in a process of its own."""
    late_ones = ("eth_abi.abi", "eth_account", "eth_keys.datatypes", "filelock", "requests")
    for late in late_ones:
        import_module(late)  # once, and not in every child
    load(ContractName.CREDENTIAL_STATUS_REGISTRY)
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(reading)
            with os.fdopen(writing, "w") as out:
                json.dump(_change(json.loads(line)), out)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as answer:
            text = answer.read()
        _, status = os.waitpid(child, 0)
        found = json.loads(text) if text.endswith("}") else {}
        print(json.dumps({"killed": os.WIFSIGNALED(status), **found}), flush=True)  # noqa: T201


def _change(plan: dict[str, Any]) -> dict[str, Any]:
    if plan.get("die_after"):
        # Nothing handles it: the process ends where it is, in the middle of whatever it does.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, plan["die_after"])
    try:
        return {"report": {"apply": _apply, "allocate": _allocate}[plan["kind"]](plan)}
    except EthrDIDError as error:
        return {"error": error.to_dict()}
    except Exception:  # noqa: BLE001 - the test is to see it
        return {"trace": traceback.format_exc()}


def _allocate(plan: dict[str, Any]) -> Any:
    with StatusStore(plan["database"]) as store:
        (stored,) = [one for one in store.lists() if one.list_id.text == plan["list_id"]]
        allocator = Allocator(store, random=secrets.token_bytes)
        made = allocator.allocate(stored, now=0, references=plan["references"])
    return [found.index for found in made]


def _apply(plan: dict[str, Any]) -> Any:
    wanted, stage = plan.get("die_at", ":").split(":")
    left = [plan.get("times", 1)]

    def die(where: str, progress: StatusProgress | Progress) -> None:
        if (where, progress.stage) == (wanted, stage):
            left[0] -= 1
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    network = Network(**plan["network"], rpc_url=plan["url"])
    issuer = StatusIssuer(
        network,
        EthrDID.build(plan["whose"], network.name),
        chain=Chain([plan["url"]], chain_id=network.chain_id, retries=0),
        in_flight=plan.get("in_flight", 4),
    )
    sender = make_sender(
        plan["url"],
        bytes.fromhex(plan["key"]),
        Path(plan["root"]),
        on_progress=lambda progress: die("sender", progress),
    )
    report = issuer.apply(
        [_from_list(one) for one in plan["wishes"]],
        sender,
        job=plan.get("job"),
        on_progress=lambda progress: die("issuer", progress),
    )
    return report.to_dict()


def _to_list(wish: Wish | RecordWish) -> list[Any]:
    if isinstance(wish, RecordWish):
        return ["0x" + wish.key.hex(), wish.value]
    return [wish.list_id.text, wish.index, wish.value]


def _from_list(found: list[Any]) -> Wish | RecordWish:
    if len(found) == 2:
        return RecordWish(key=parse_key(found[0]), value=found[1])
    return Wish(list_id=parse_list_id(found[0]), index=found[1], value=found[2])


if __name__ == "__main__":
    main()

"""Processes that follow a chain, and are killed on the way.

By SIGKILL from outside, at any moment. Each is forked from a process that has everything imported:
starting Python for each would take seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

from ethr_did.chain.networks import Network
from ethr_did.index.followers import follow_all
from ethr_did.index.store import IndexDatabase
from support.forks import Forks

if TYPE_CHECKING:
    from pathlib import Path


class Followers(Forks):
    """Starts such processes, and kills them."""

    def __init__(self) -> None:
        """The process that starts them."""
        super().__init__("crashing_follower.py")

    def start(
        self, url: str, network: Network, *, log: Path | None = None, most_bytes: int | None = None
    ) -> int:
        """The id of a process that follows a network, or stands by.

        Args:
            url: of the database.
            network: with RPC URLs.
            log: what it says goes there.
            most_bytes: of a file that it writes; beyond, writing fails as on a full disk.
        """
        fields = ("name", "chain_id", "did_registry", "rpc_url", "first_block", "quorum")
        found: int = self.ask(
            {
                "url": url,
                "network": {field: getattr(network, field) for field in fields},
                "log": str(log or os.devnull),
                "most_bytes": most_bytes,
            }
        )
        return found

    def kill(self, process: int, how: int = signal.SIGKILL) -> None:
        """Nothing; ends a process, and waits until it is gone."""
        self.ask({"kill": process, "how": int(how)})


def main() -> None:
    """Starts and kills, as each line says."""
    for line in sys.stdin:
        order = json.loads(line)
        if "kill" in order:
            os.kill(order["kill"], order["how"])
            os.waitpid(order["kill"], 0)
            answer: object = None
        else:
            answer = os.fork()
            if answer == 0:
                _follow(order)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def _follow(order: dict[str, Any]) -> None:
    """Does not return."""
    log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(log, stream)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    try:
        if order["most_bytes"] is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (order["most_bytes"],) * 2)
        asyncio.run(_follow_on(order["url"], Network(**order["network"])))
    except BaseException:  # noqa: BLE001 - of a process that ends here
        traceback.print_exc()
    finally:
        os._exit(1)


async def _follow_on(url: str, network: Network) -> None:
    with IndexDatabase(url, patience=5.0) as database:
        await follow_all(
            database,
            [network],
            clock=time.time,
            stop=asyncio.Event(),
            interval=0.01,
            take_over=0.05,
            retries=0,
        )


if __name__ == "__main__":
    main()

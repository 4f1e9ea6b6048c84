"""A process that sends one transaction and is killed on the way: python crashing_sender.py JSON.

Not by an exception that could be caught, but by SIGKILL at the stage that the JSON names.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ethr_did.chain.transactions import Intent, Progress
from ethr_did.core.keys import parse_address
from support.writing import make_sender

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str]) -> None:
    """Sends, and dies where it was told to."""
    plan = json.loads(arguments[0])

    def die(progress: Progress) -> None:
        if progress.stage == plan["die_at"]:
            os.kill(os.getpid(), signal.SIGKILL)

    sender = make_sender(
        plan["url"], bytes.fromhex(plan["key"]), Path(plan["root"]), on_progress=die
    )
    intents = [
        Intent(to=parse_address(plan["to"]), data=bytes.fromhex(data), purpose="a change")
        for data in plan["data"]
    ]
    for receipt in sender.send_many(intents):
        sys.stdout.write(f"{receipt.tx_hash.hex()}\n")


if __name__ == "__main__":
    main(sys.argv[1:])

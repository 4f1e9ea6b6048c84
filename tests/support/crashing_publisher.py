"""A process that publishes the lists of an issuer and is killed on the way.

``python -m support.crashing_publisher JSON``. Not by an exception that could be caught, but by
SIGKILL at the stage of the transaction that the JSON names.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from ethr_did.chain.networks import Network
from ethr_did.core.did import EthrDID
from ethr_did.status.list_files import ListFiles
from ethr_did.status.publishing import Publisher
from ethr_did.status.store import StatusStore
from support.writing import make_sender

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.chain.transactions import Progress


def main(arguments: Sequence[str]) -> None:
    """Publishes, and dies where it was told to."""
    plan = json.loads(arguments[0])

    def die(progress: Progress) -> None:
        if progress.stage == plan["die_at"]:
            os.kill(os.getpid(), signal.SIGKILL)

    sender = make_sender(
        plan["url"], bytes.fromhex(plan["key"]), Path(plan["journal"]), on_progress=die
    )
    with StatusStore(plan["database"]) as store:
        publisher = Publisher(
            Network(**plan["network"]),
            EthrDID.parse(plan["did"]),
            store,
            ListFiles(Path(plan["folder"])),
            clock=lambda: plan["now"],
        )
        publisher.publish(sender=sender)


if __name__ == "__main__":
    main(sys.argv[1:])

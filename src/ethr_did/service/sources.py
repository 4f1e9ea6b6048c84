"""Where the service reads: nodes, an index, or an index before nodes; and who follows for it.

Rules:
  * The index is followed in a process of its own: what it costs is not taken from those who answer.
    It is started anew when it ends, and ends with the service, however that ends.
  * Each worker looks at the index twice a second, and drops the answers it kept about identities
    that have changed. Blocks of the index are named in answers as far as was looked.
  * Where the index cannot be relied on, answers are kept as those of a node are, for a few seconds;
    without a node, not at all.
"""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethr_did.errors import StoreError
from ethr_did.index.index import Freshness, Index
from ethr_did.index.store import IndexDatabase
from ethr_did.index.watching import IndexWatch
from ethr_did.service.options import IndexUse
from ethr_did.service.watch import SlotWatch

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from contextlib import AsyncExitStack

    from ethr_did.chain.answer import Head
    from ethr_did.chain.networks import Network
    from ethr_did.core.keys import Address
    from ethr_did.service.health import Followed
    from ethr_did.service.options import ServiceOptions
    from ethr_did.service.watch import Watch
    from ethr_did.settings import Settings

__all__ = ["Sources", "open_sources", "start_following"]

_LOG = logging.getLogger("ethr_did")

_LOOK_EVERY = 0.5
"""Seconds from one look at the index to the next."""
_START_AGAIN = 3.0
"""Seconds after which a follower that ended is started anew."""
_LAST_STEP = 15.0
"""Seconds for a follower to finish its step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where a worker reads."""

    networks: tuple[Network, ...]
    """Those with an index have it as their ``source``."""
    watch: Watch
    followed: Followed | None = None
    """The index; None: there is none."""


def open_sources(
    settings: Settings,
    options: ServiceOptions,
    networks: Sequence[Network],
    stack: AsyncExitStack,
) -> Sources:
    """Where a worker reads. Called in its event loop.

    Args:
        settings: name the database.
        options: say whether the index is used.
        networks: that are served.
        stack: closes what was opened, when the worker ends.

    Raises:
        StoreError: the database cannot be opened.
    """
    slots = SlotWatch(time.time, options.answer_seconds)
    if options.index is IndexUse.OFF:
        return Sources(networks=tuple(networks), watch=slots)
    database = IndexDatabase(settings.index_database_url)
    stack.callback(database.close)
    freshness = Freshness(max_age=options.max_index_age, max_blocks=options.max_index_lag)
    index = Index(database, clock=time.time, freshness=freshness)
    with_node = options.index is not IndexUse.ONLY
    source = index.source(with_node=with_node)
    watch = IndexWatch(index, networks, clock=time.time)
    looking = asyncio.create_task(_look(watch))
    stack.callback(looking.cancel)
    return Sources(
        networks=tuple(dataclasses.replace(network, source=source) for network in networks),
        watch=_Either(watch, slots) if with_node else watch,
        followed=index,
    )


async def _look(watch: IndexWatch) -> None:
    while True:
        try:
            await asyncio.to_thread(watch.look)
        except StoreError as error:
            _LOG.warning("the index cannot be read: %s", error.message)
        await asyncio.sleep(_LOOK_EVERY)


class _Either:
    """Of an index, and of a node while the index says nothing."""

    def __init__(self, index: IndexWatch, node: SlotWatch) -> None:
        self._index = index
        self._node = node

    def version(self, network: Network, identity: Address) -> Hashable | None:
        """That of the index; another kind of version where it cannot be relied on."""
        found = self._index.version(network, identity)
        return self._node.version(network, identity) if found is None else found

    def head(self, network: Network) -> Head | None:
        """That of the index."""
        return self._index.head(network)

    def final(self, network: Network) -> int | None:
        """That of the index."""
        return self._index.final(network)


# -- following -----------------------------------------------------------------------------------


def start_following(
    settings: Settings, options: ServiceOptions, networks: Sequence[Network]
) -> Callable[[], None]:
    """What ends the following of the networks, which has begun.

    Args:
        settings: name the database.
        options: say whether there is an index.
        networks: that are served.
    """
    followed = [network.name for network in networks if network.rpc_urls]
    if options.index is IndexUse.OFF or not followed:
        return lambda: None
    command = [sys.executable, "-c", _FOLLOWER, "index", "sync", "--follow", "--until-eof"]
    if settings.source is not None:
        command += ["--config", str(settings.source)]
    following = _Following([*command, "--", *followed])
    following.start()
    return following.stop


_FOLLOWER = """
import gc
from ethr_did.cli.main import main
from ethr_did.service.logs import capture_logging, open_log
from ethr_did.service.options import LogLevel

capture_logging(LogLevel.INFO, open_log(LogLevel.INFO))
gc.freeze()
main()
"""
"""The command line, whose log has the form of the service's."""


class _Following:
    """Keeps a follower running. It holds the other end of a pipe, and ends when that does."""

    def __init__(self, command: Sequence[str]) -> None:
        self._command = command
        self._ending = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep, name="following", daemon=True)

    def start(self) -> None:
        """Nothing; the follower is started, again and again if need be."""
        self._thread.start()

    def stop(self) -> None:
        """Nothing; the follower has finished its step, and ended."""
        self._ending.set()
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.close()
            try:
                process.wait(_LAST_STEP)
            except subprocess.TimeoutExpired:
                process.kill()
        self._thread.join(_LAST_STEP)

    def _keep(self) -> None:
        while not self._ending.is_set():
            try:
                # A session of its own: Ctrl-C is for the service, which then ends its follower.
                self._process = subprocess.Popen(
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.DEVNULL,
                    start_new_session=True,
                )
                ended = f"ended with {self._process.wait()}"
            except OSError as error:  # no process or memory to be had
                ended = f"could not be started: {error.strerror}"
            if not self._ending.is_set():
                _LOG.warning("the follower of the index %s; it is started anew", ended)
                self._ending.wait(_START_AGAIN)

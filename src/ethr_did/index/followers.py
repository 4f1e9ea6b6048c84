"""Following all networks, for as long as the process lives: one process does, others stand by."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from ethr_did.errors import StoreError
from ethr_did.index.following import Follower, Progress
from ethr_did.index.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ethr_did.chain.networks import Network
    from ethr_did.index.store import IndexDatabase

__all__ = ["INTERVAL", "OBJECTS", "follow_all"]

_LOG = logging.getLogger("ethr_did")

INTERVAL = 2.0
"""Seconds from one look at a node to the next."""

TAKE_OVER = 3.0
"""Seconds from one attempt to become the one who follows to the next."""

OBJECTS = 50_000
"""New ones after which a process that does nothing but follow looks for garbage, see ``garbage.py``:
events are many, and hold no cycles. Looking for some takes a sixth of the time."""


async def follow_all(
    database: IndexDatabase,
    networks: Sequence[Network],
    *,
    clock: Callable[[], float],
    stop: asyncio.Event,
    interval: float = INTERVAL,
    take_over: float = TAKE_OVER,
    tell: Callable[[Progress], object] = lambda _: None,
    **chain_options: Any,
) -> None:
    """Nothing; follows networks until it is told to stop, or waits for its turn.

    Args:
        database: of the index.
        networks: with nodes.
        clock: Unix seconds.
        stop: ends it after the steps that are under way.
        interval: seconds from one look at a node to the next.
        take_over: seconds from one attempt to become the one who follows to the next.
        tell: is told of every step.
        chain_options: further arguments of ``AsyncChain``, such as ``timeout``.
    """
    waits = False
    while not stop.is_set():
        try:
            writer = await asyncio.to_thread(Writer.open, database)
        except StoreError as error:
            _LOG.warning("the index cannot be written: %s", error.message)
            writer = None
        if writer is None:
            if not waits:
                _LOG.info("another process follows the index of %s; standing by", database.name)
            waits = True
            await _pause(stop, take_over)
            continue
        waits = False
        _LOG.info("following %s", ", ".join(network.name for network in networks))
        followers = [
            Follower(writer, network, clock=clock, tell=tell, **chain_options)
            for network in networks
        ]
        try:
            await _together(followers, stop=stop, interval=interval)
        except StoreError as error:
            # The session that holds the right to write may be gone: begin with a new one.
            _LOG.warning("the index cannot be written: %s", error.message)
            await _pause(stop, take_over)
        finally:
            await asyncio.gather(*(follower.close() for follower in followers))
            await asyncio.to_thread(writer.close)


async def _together(followers: Sequence[Follower], *, stop: asyncio.Event, interval: float) -> None:
    """Nothing; follows until it is told to stop, or the database fails one of them."""
    tasks = [
        asyncio.create_task(follower.follow(stop=stop, interval=interval)) for follower in followers
    ]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        # What is being written in a thread is waited for: the right to write goes after it.
        await asyncio.gather(*tasks, return_exceptions=True)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return

"""``index``: follow networks into a database, see how it stands, compare it with a node."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from ethr_did.cli.options import (
    complete_network,
    config_option,
    examples,
    json_option,
    load,
    network_argument,
)
from ethr_did.cli.output import console, fields, print_json, say, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from ethr_did.chain.networks import Network
    from ethr_did.errors import EthrDIDError
    from ethr_did.index.following import Progress
    from ethr_did.index.standing import Standing
    from ethr_did.index.store import IndexDatabase
    from ethr_did.index.verifying import Comparison
    from ethr_did.index.writer import Writer
    from ethr_did.settings import Settings

__all__ = ["index"]

_DIFFERENT = 8
_TELL_EVERY = 5.0
"""Seconds between two lines of progress where there is no terminal."""

_networks_argument = click.argument(
    "names", metavar="[NETWORK...]", nargs=-1, shell_complete=complete_network
)


@click.group()
def index() -> None:
    """Keep the events of networks in a database.

    Resolving and status checks then need no node. The database is index.db in the state folder, or
    what ETHR_DID_DATABASE_URL or `database` in the configuration file names.
    """


@index.command(
    epilog=examples(
        "ethr-did index sync",
        "ethr-did index sync sepolia --follow",
    )
)
@_networks_argument
@click.option("--follow", is_flag=True, help="Go on until Ctrl-C, block by block.")
@click.option(
    "--interval",
    type=click.FloatRange(min=0.05, max=3600),
    default=2.0,
    show_default=True,
    help="Seconds from one look at the node to the next, with --follow.",
)
@click.option("--until-eof", is_flag=True, hidden=True, help="End with the input, too.")
@json_option
@config_option
def sync(
    names: tuple[str, ...],
    follow: bool,
    interval: float,
    until_eof: bool,
    as_json: bool,
    config_file: Path | None,
) -> None:
    """Bring the index up to the newest block of each network.

    Without names: every network of the configuration file that has a node. An interrupted run goes
    on where it was. Only one process writes an index; with --follow others wait for their turn.
    """
    settings = load(config_file)
    networks = _with_nodes(settings, names)
    with _following(settings) as (database, tell):
        if follow:
            asyncio.run(_follow(settings, database, networks, interval, tell, until_eof=until_eof))
        else:
            asyncio.run(_sync(settings, database, networks, tell))
    if not follow:
        _report(settings, networks, as_json=as_json)


@index.command(epilog=examples("ethr-did index status", "ethr-did index status --json"))
@_networks_argument
@json_option
@config_option
def status(names: tuple[str, ...], as_json: bool, config_file: Path | None) -> None:
    """Show how far the index is behind each network."""
    settings = load(config_file)
    networks = [settings.table().find(name) for name in names] or list(settings.networks)
    if not networks:
        raise _none_configured()
    _report(settings, networks, as_json=as_json)


@index.command(epilog=examples("ethr-did index verify sepolia"))
@network_argument
@json_option
@config_option
def verify(network: str, as_json: bool, config_file: Path | None) -> int:
    """Compare everything in the index with what the contracts store.

    Both are looked at after the block that the index ends at. Exit code 8 where they differ.
    """
    from ethr_did.index.index import Index
    from ethr_did.index.verifying import compare

    settings = load(config_file)
    found = settings.table().find(network)
    with (
        _open(settings) as database,
        found.chain(timeout=settings.timeout) as chain,
        _counting(f"Comparing {found.name} …") as tell,
    ):
        comparison = compare(Index(database, clock=time.time), found, chain, tell=tell)
    _show_comparison(found, comparison, as_json=as_json)
    return _DIFFERENT if comparison.differences else 0


@index.command(epilog=examples("ethr-did index rebuild sepolia"))
@network_argument
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@config_option
def rebuild(network: str, yes: bool, as_json: bool, config_file: Path | None) -> None:
    """Forget a network, and read it from its node anew.

    For a chain that was begun anew, or an index that contradicts its node.
    """
    from ethr_did.index.following import contracts_of
    from ethr_did.index.store import clear, find_network

    settings = load(config_file)
    found = _with_nodes(settings, (network,))[0]
    if not yes:
        click.confirm(f"Forget what the index holds of {found.name}?", abort=True, err=True)
    with _following(settings) as (database, tell):
        with _writer(database) as writer, writer.writing() as connection:
            standing = find_network(connection, found.chain_id, contracts_of(found))
            if standing is not None:
                clear(connection, standing)
        asyncio.run(_sync(settings, database, [found], tell))
    _report(settings, [found], as_json=as_json)


# -- following -----------------------------------------------------------------------------------


@contextmanager
def _following(settings: Settings) -> Iterator[tuple[IndexDatabase, Callable[[Progress], object]]]:
    """The database, and what is told of each step, in a process that follows."""
    from ethr_did.garbage import collecting_rarely
    from ethr_did.index.followers import OBJECTS

    with collecting_rarely(OBJECTS), _open(settings) as database, _progress() as tell:
        yield database, tell


async def _sync(
    settings: Settings,
    database: IndexDatabase,
    networks: Sequence[Network],
    tell: Callable[[Progress], object],
) -> None:
    from ethr_did.index.following import Follower

    with _writer(database) as writer:
        for network in networks:
            follower = Follower(
                writer, network, clock=time.time, tell=tell, timeout=settings.timeout
            )
            try:
                await follower.catch_up()
            finally:
                await follower.close()


async def _follow(
    settings: Settings,
    database: IndexDatabase,
    networks: Sequence[Network],
    interval: float,
    tell: Callable[[Progress], object],
    *,
    until_eof: bool,
) -> None:
    from ethr_did.index.followers import follow_all

    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if until_eof:
        loop.add_reader(sys.stdin.fileno(), _stop_at_end, stop)
        tell = _silently
    else:
        say(f"Following {', '.join(network.name for network in networks)}. Ctrl-C ends it.")
    await follow_all(
        database,
        networks,
        clock=time.time,
        stop=stop,
        interval=interval,
        tell=tell,
        timeout=settings.timeout,
    )


def _silently(_progress: Progress) -> None:
    """Whoever started this process looks at the index itself."""


def _stop_at_end(stop: asyncio.Event) -> None:
    """Whoever started this process holds the other end: when he dies, it closes."""
    if not os.read(sys.stdin.fileno(), 4096):
        stop.set()


@contextmanager
def _writer(database: IndexDatabase) -> Iterator[Writer]:
    """The right to write the index.

    Raises:
        StoreError: another process has it.
    """
    from ethr_did.errors import StoreError
    from ethr_did.index.writer import Writer

    found = Writer.open(database)
    if found is None:
        raise StoreError(
            f"another process follows the index in {database.name}",
            hint="End it first, or let it do the work: `ethr-did index status` shows how far it is.",
            database=database.name,
        )
    with found as writer:
        yield writer


def _open(settings: Settings) -> IndexDatabase:
    from ethr_did.index.store import IndexDatabase

    return IndexDatabase(settings.index_database_url)


def _with_nodes(settings: Settings, names: Sequence[str]) -> list[Network]:
    """The networks that are named, or all of the configuration file that have a node.

    Raises:
        InvalidConfiguration: one of them has no node, or there is none.
    """
    chosen = [settings.table().find(name) for name in names] or [
        network for network in settings.networks if network.rpc_urls
    ]
    if not chosen:
        raise _none_configured()
    for network in chosen:
        network.chain(timeout=settings.timeout).close()  # says what is missing
    return chosen


def _none_configured() -> EthrDIDError:
    from ethr_did.errors import InvalidConfiguration

    return InvalidConfiguration(
        "no network with a node is configured",
        hint='Add one to the configuration file: [networks.sepolia] rpc_url = "https://…"',
    )


# -- progress ------------------------------------------------------------------------------------


@contextmanager
def _progress() -> Iterator[Callable[[Progress], object]]:
    """Tells a person how far it has come: a bar on a terminal, else a line now and then."""
    if not sys.stderr.isatty():
        yield _Lines().tell
        return
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("blocks, {task.fields[events]} events"),
        TimeRemainingColumn(),
    )
    tasks: dict[str, Any] = {}
    with Bars(*columns, console=console(stderr=True), transient=True) as bars:

        def tell(progress: Progress) -> None:
            if progress.network not in tasks:
                tasks[progress.network] = bars.add_task(progress.network, events=0)
            bars.update(
                tasks[progress.network],
                total=progress.target - progress.first + 1,
                completed=progress.block_number - progress.first + 1,
                events=progress.events,
            )

        yield tell


class _Lines:
    """Progress in lines, not too many."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def tell(self, progress: Progress) -> None:
        """Nothing; says how far it is, if it was long ago that it did."""
        if time.monotonic() - self._last < _TELL_EVERY:
            return
        self._last = time.monotonic()
        say(
            f"{progress.network}: block {progress.block_number} of {progress.target}, "
            f"{progress.events} events"
        )


@contextmanager
def _counting(what: str) -> Iterator[Callable[[int], object]]:
    """A spinner on the terminal that counts."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with console(stderr=True).status(what) as spinner:
        yield lambda count: spinner.update(f"{what} {count}")


# -- printing ------------------------------------------------------------------------------------


def _report(settings: Settings, networks: Sequence[Network], *, as_json: bool) -> None:
    from ethr_did.index.index import Index

    with _open(settings) as database:
        found = Index(database, clock=time.time)
        rows = [(network, found.standing(network)) for network in networks]
        sizes = {one.id: found.count_events(one) for _, one in rows if one is not None}
    now = time.time()
    if as_json:
        print_json([_standing_to_dict(network, one, sizes, now) for network, one in rows])
        return
    table(
        [_standing_to_row(network, one, sizes, now) for network, one in rows],
        ("network", "block", "behind", "final", "events", "compared", "fault"),
    )


def _standing_to_dict(
    network: Network, standing: Standing | None, sizes: dict[int, int], now: float
) -> dict[str, Any]:
    if standing is None or standing.head is None:
        fault = None if standing is None else standing.fault
        return {"network": network.name, "chainId": network.chain_id, "head": None, "fault": fault}
    return {
        "network": network.name,
        "chainId": network.chain_id,
        "head": {
            "blockNumber": standing.head.number,
            "blockHash": "0x" + standing.head.hash.hex(),
            "blockTimestamp": standing.head.timestamp,
        },
        "final": standing.final.number if standing.final else None,
        "nodeHead": standing.node_head,
        "blocksBehind": standing.blocks_behind,
        "secondsSinceCompared": standing.age(now),
        "events": sizes[standing.id],
        "takenBack": standing.revision,
        "fault": standing.fault,
    }


def _standing_to_row(
    network: Network, standing: Standing | None, sizes: dict[int, int], now: float
) -> tuple[object, ...]:
    if standing is None or standing.head is None:
        fault = standing.fault if standing is not None and standing.fault else ""
        return network.name, "never followed", "", "", "", "", fault
    age = standing.age(now)
    return (
        network.name,
        standing.head.number,
        standing.blocks_behind,
        standing.final.number if standing.final else "",
        sizes[standing.id],
        "never" if age is None else f"{age:.0f} s ago",
        standing.fault or "",
    )


def _show_comparison(network: Network, comparison: Comparison, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "network": network.name,
                "blockNumber": comparison.block_number,
                "blockHash": "0x" + comparison.block_hash.hex(),
                "compared": comparison.compared,
                "differences": [
                    {"subject": one.subject, "index": one.index, "node": one.node}
                    for one in comparison.differences
                ],
            }
        )
        return
    fields(
        [
            ("network", network.name),
            ("block", comparison.block_number),
            ("compared", comparison.compared),
            ("different", len(comparison.differences)),
        ]
    )
    if comparison.differences:
        rows = [(one.subject, one.index, one.node) for one in comparison.differences]
        table(rows, ("what", "index", "node"))

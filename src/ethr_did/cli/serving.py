"""``serve``: the HTTP service."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from ethr_did.cli.options import (
    complete_network,
    config_option,
    examples,
    json_option,
    load,
)
from ethr_did.cli.output import print_json, say
from ethr_did.errors import MissingExtra

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from ethr_did.chain.networks import Network
    from ethr_did.service.options import ServiceOptions
    from ethr_did.settings import Settings

__all__ = ["serve"]


@click.command(
    epilog=examples(
        "ethr-did serve",
        "ethr-did serve --network sepolia --no-index --port 0 --json",
        "ethr-did serve --host 0.0.0.0 --workers 4",
    )
)
@click.option(
    "--host",
    metavar="ADDRESS",
    envvar="ETHR_DID_SERVE_HOST",
    show_envvar=True,
    help="To listen on; otherwise 127.0.0.1.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="PORT",
    envvar="ETHR_DID_SERVE_PORT",
    show_envvar=True,
    help="0 for any free one; otherwise 8080.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 128),
    metavar="NUMBER",
    envvar="ETHR_DID_SERVE_WORKERS",
    show_envvar=True,
    help="Processes that answer; otherwise 1.",
)
@click.option(
    "--network",
    "networks",
    metavar="NAME",
    multiple=True,
    shell_complete=complete_network,
    help="To serve; may be repeated. Otherwise all that have a node.",
)
@click.option(
    "--index/--no-index",
    "use_index",
    default=None,
    help="Whether to read from an index, and to keep it up to date.",
)
@click.option("--index-only", is_flag=True, help="Read from the index, and never from a node.")
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning"]),
    help="Of the log on stderr; debug shows DIDs.",
)
@config_option
@json_option
def serve(config_file: Path | None, as_json: bool, **given: Any) -> None:
    """Answer over HTTP: resolution, status, verification, and a page for people.

    It runs until Ctrl-C or SIGTERM, then finishes what it is answering. These options replace those
    of [service] in the configuration file, where all others are: docs/service.md.
    """
    serving, options_type = _imported()
    settings = load(config_file)
    options: ServiceOptions = options_type.read(settings, **_replaced(**given))
    serving.serve(settings, options, _Announcement(settings, options, as_json=as_json))
    say("Stopped.")


def _imported() -> tuple[Any, Any]:
    try:
        from ethr_did.service import serving
        from ethr_did.service.options import ServiceOptions
    except ModuleNotFoundError as cause:
        if (cause.name or "").startswith("ethr_did"):
            raise
        raise MissingExtra(
            f"the service needs the extra server: {cause.name} is not installed",
            hint="pip install 'ethr-did[server]'",
        ) from cause
    return serving, ServiceOptions


def _replaced(
    *, networks: Sequence[str], use_index: bool | None, index_only: bool, **others: Any
) -> dict[str, Any]:
    if index_only and use_index is not None:
        raise click.UsageError("--index-only goes with neither --index nor --no-index.")
    index = "only" if index_only else {None: None, True: "on", False: "off"}[use_index]
    return {**others, "networks": list(networks) or None, "index": index}


class _Announcement:
    """Says where the service listens."""

    def __init__(self, settings: Settings, options: ServiceOptions, *, as_json: bool) -> None:
        self._settings = settings
        self._options = options
        self._as_json = as_json

    def __call__(self, url: str, networks: Sequence[Network]) -> None:
        names = [network.name for network in networks]
        if self._as_json:
            print_json({"url": url, "networks": names, "workers": self._options.workers})
            return
        workers = self._options.workers
        count = "one worker" if workers == 1 else f"{workers} workers"
        click.echo(f"Listening on {url}, with {count}.")
        click.echo(f"Networks: {', '.join(names)}. Configuration: {self._settings.source}.")
        say("Ctrl-C ends it.")

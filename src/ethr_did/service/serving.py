"""The service as it runs: what a worker is made of, and the workers.

Rules:
  * What can be found out before anybody listens is: options, keys, networks, the port.
  * Workers are processes of their own. What they are made of is handed to them through a pipe:
    neither their command line nor their environment holds anything secret.
  * Workers end with whoever has started them, however that ends: nobody would stop them.
  * Told to stop, nothing new is taken, what is being answered is finished within its time, and the
    end is an orderly one.
"""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import signal
import socket
import sys
import tempfile
import time
from contextlib import AsyncExitStack, ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from uvicorn import Server
from uvicorn.config import STARTUP_FAILURE
from uvicorn.supervisors import Multiprocess

from ethr_did.chain.networks import Networks
from ethr_did.credentials.questions import AsyncOutside
from ethr_did.credentials.verification import AsyncVerifier
from ethr_did.did_methods import AsyncDIDResolver
from ethr_did.errors import EthrDIDError, InvalidConfiguration, InvalidOption
from ethr_did.fetching import AsyncFetcher, FetchRules
from ethr_did.garbage import collecting_rarely
from ethr_did.resolver import AsyncResolver
from ethr_did.service.api_keys import APIKeys, shown_key
from ethr_did.service.backends import Backends
from ethr_did.service.connections import ServerConfig
from ethr_did.service.guarding import Guard
from ethr_did.service.health import Readiness
from ethr_did.service.ledger import Ledger
from ethr_did.service.logs import RequestLog, capture_logging, open_log
from ethr_did.service.metrics import CONTENT_TYPE, Metrics
from ethr_did.service.options import IndexUse, MetricsAccess, ServiceOptions
from ethr_did.service.problems import problem
from ethr_did.service.rates import MemoryCounts, RedisCounts
from ethr_did.service.sources import open_sources, start_following
from ethr_did.service.tracing import Tracing
from ethr_did.status.lists import AsyncAnchoredListReader
from ethr_did.status.reading import AsyncStatusReader
from ethr_did.status.seen import SeenFile

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence

    from starlette.types import ASGIApp, Receive, Scope, Send
    from structlog.typing import FilteringBoundLogger

    from ethr_did.chain.networks import Network
    from ethr_did.service.health import NetworkHealth
    from ethr_did.service.sources import Sources
    from ethr_did.settings import Settings

__all__ = ["Worker", "serve", "served_networks"]

_BACKLOG = 2048
_TURN = 0.001
"""Seconds after which a thread that computes lets the others go on; requests whose answer is kept
would wait for Python's five milliseconds, each time."""
_OBJECTS = 5_000
"""New ones after which garbage is looked for. Answers that are kept are objects by the hundred
thousand: to look through all of them takes forty milliseconds."""
_GLANCE = 2.0
"""Seconds for which metrics wait for news of the networks."""


# -- a worker ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """What a worker is made of. Called in its process, it is the application."""

    settings: Settings
    options: ServiceOptions
    folder: Path | None = None
    """Where workers tell each other what they have counted; None: there is only this one."""

    def __call__(self) -> _Living:
        """The application; it is opened when the server starts it."""
        return _Living(self)


class _Living:
    """An ASGI application that is made when the server starts, and closed when it ends."""

    def __init__(self, worker: Worker) -> None:
        self._worker = worker
        self._guard: Guard | None = None
        self.failure: EthrDIDError | None = None
        """Why it could not be made."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif self._guard is not None:  # pragma: no branch - nothing is served before
            await self._guard(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        _end_with_parent()
        async with AsyncExitStack() as stack:
            try:
                self._guard = await _open(self._worker, stack)
                stack.enter_context(_as_server())
            except EthrDIDError as error:
                self.failure = error
                await send({"type": "lifespan.startup.failed", "message": error.message})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


@contextmanager
def _as_server() -> Iterator[None]:
    """Inside, Python does in this process what suits a server."""
    turn = sys.getswitchinterval()
    # What is there now stays: looking through it again and again takes a tenth of all time.
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(_TURN)
    try:
        with collecting_rarely(_OBJECTS):
            yield
    finally:
        sys.setswitchinterval(turn)
        gc.unfreeze()


def _end_with_parent() -> None:
    """Nothing; this worker ends, as if it was told to, when whoever has started it is no more."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        loop = asyncio.get_running_loop()

        def end() -> None:
            loop.remove_reader(parent.sentinel)
            signal.raise_signal(signal.SIGTERM)

        loop.add_reader(parent.sentinel, end)


async def _open(worker: Worker, stack: AsyncExitStack) -> Guard:
    """The application of a worker; what it holds is closed with the stack."""
    from ethr_did.service.app import create_app

    settings, options = worker.settings, worker.options
    log = open_log(options.log_level)
    capture_logging(options.log_level, log)
    sources = open_sources(settings, options, served_networks(settings, options), stack)
    backends = _backends(settings, options, sources, stack)
    readiness = Readiness(
        sources.networks,
        options,
        backends.clock,
        followed=sources.followed,
        timeout=settings.timeout,
    )
    stack.push_async_callback(readiness.close)
    metrics = Metrics(worker.folder, lambda: backends.resolver.round_trips + readiness.round_trips)
    writing = asyncio.create_task(metrics.write_down())
    stack.callback(writing.cancel)
    app: ASGIApp = create_app(backends, options)
    if options.tracing is not None:
        tracing = Tracing(options.tracing)
        stack.push_async_callback(asyncio.to_thread, tracing.close)
        app = tracing.around(app)
    keys = APIKeys.read(file=options.api_keys_file, environment=settings.api_keys)
    counts = _counts(options, log)
    stack.push_async_callback(counts.close)
    ledger = Ledger(metrics, RequestLog(options.log_level))
    stack.callback(ledger.settle)
    return Guard(
        app,
        options,
        keys=keys,
        counts=counts,
        ledger=ledger,
        log=log,
        operations=_operations(options, keys, readiness, ledger),
    )


def _backends(
    settings: Settings, options: ServiceOptions, sources: Sources, stack: AsyncExitStack
) -> Backends:
    # What is not served is not known: its name must not lead to a hint about the configuration.
    networks = Networks(sources.networks, built_in=())
    fetcher = AsyncFetcher(
        FetchRules(allow_private=options.allow_private_fetch, ca_file=options.ca_file)
    )
    lists = AsyncAnchoredListReader(fetcher, seen=SeenFile(settings.state_dir / "seen-lists.json"))
    resolver = AsyncResolver(networks, timeout=settings.timeout)
    statuses = AsyncStatusReader(networks, lists=lists, timeout=settings.timeout)
    outside = AsyncOutside(
        dids=AsyncDIDResolver(
            ethr=resolver,
            fetcher=fetcher,
            universal_url=options.universal_resolver,
            cache_seconds=options.answer_seconds,
        ),
        statuses=statuses,
        networks=networks,
        fetcher=fetcher,
        timeout=settings.timeout,
    )
    for part in (resolver, statuses, outside):
        stack.push_async_callback(part.close)
    return Backends(
        networks=networks,
        resolver=resolver,
        statuses=statuses,
        verifier=AsyncVerifier(outside),
        watch=sources.watch,
        clock=time.time,
    )


def _counts(options: ServiceOptions, log: FilteringBoundLogger) -> MemoryCounts | RedisCounts:
    if options.redis_url is None:
        return MemoryCounts()
    return RedisCounts(options.redis_url, log)


# -- what operators ask --------------------------------------------------------------------------


def _operations(
    options: ServiceOptions, keys: APIKeys, readiness: Readiness, ledger: Ledger
) -> dict[str, ASGIApp]:
    async def live(_request: Request) -> Response:
        return JSONResponse({"live": True}, headers=_FRESH)

    async def ready(_request: Request) -> Response:
        found = await readiness.look()
        is_ready = all(network.is_ready for network in found)
        told = {"ready": is_ready, "networks": {one.name: one.to_dict() for one in found}}
        return JSONResponse(told, 200 if is_ready else 503, headers=_FRESH)

    async def counted(request: Request) -> Response:
        headers = {name.lower(): value for name, value in request.headers.raw}
        key = shown_key(headers)
        if options.metrics is MetricsAccess.KEY and (key is None or keys.name_of(key) is None):
            return problem(401, "key_required", "metrics are shown to those with an API key")
        networks = await _glance(readiness)
        ledger.settle()
        content = await asyncio.to_thread(ledger.metrics.render, networks)
        return Response(content, media_type=CONTENT_TYPE, headers=_FRESH)

    found = {"/health/live": _operation(live), "/health/ready": _operation(ready)}
    if options.metrics is not MetricsAccess.OFF:
        found["/metrics"] = _operation(counted)
    return found


_FRESH = {"Cache-Control": "no-store"}


async def _glance(readiness: Readiness) -> tuple[NetworkHealth, ...]:
    """The state of the networks, as far as it is known soon."""
    with suppress(TimeoutError):
        return await asyncio.wait_for(readiness.look(), _GLANCE)
    return readiness.last


def _operation(answer: Callable[[Request], Awaitable[Response]]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] in ("GET", "HEAD"):
            response = await answer(Request(scope, receive))
        else:
            allowed = {"Allow": "GET, HEAD"}
            response = problem(405, "method_not_allowed", "this is only read", headers=allowed)
        await response(scope, receive, send)

    return app


# -- the workers ---------------------------------------------------------------------------------


def served_networks(settings: Settings, options: ServiceOptions) -> tuple[Network, ...]:
    """The networks that are served.

    Raises:
        UnknownNetwork: one that is named is not known.
        InvalidConfiguration: there is none, or one without a node.
    """
    table = settings.table()
    if not options.networks:
        found = tuple(network for network in settings.networks if _has_node(network))
        if not found:
            raise InvalidConfiguration(
                "no network has a node",
                hint="Name one in the configuration file: [networks.NAME] rpc_url = …",
            )
        return found
    found = tuple(table.find(name) for name in dict.fromkeys(options.networks))
    for network in found:
        if options.index is not IndexUse.ONLY and not _has_node(network):
            network.chain()  # raises, with the lines to write
    return found


def _has_node(network: Network) -> bool:
    return bool(network.rpc_urls) or network.provider is not None


def serve(
    settings: Settings,
    options: ServiceOptions,
    announce: Callable[[str, Sequence[Network]], None],
) -> None:
    """Nothing; the service has run, until it was told to stop.

    Args:
        settings: name networks and databases.
        options: of the service.
        announce: is told the URL, and what is served, as soon as connections are taken.

    Raises:
        InvalidConfiguration: something that it needs is wrong.
        InvalidOption: the address cannot be listened at.
        MissingExtra: an optional part is not installed.
    """
    networks = served_networks(settings, options)
    APIKeys.read(file=options.api_keys_file, environment=settings.api_keys)
    with ExitStack() as stack:
        listening = stack.enter_context(closing(_listen(options)))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ethr-did-serve-")))
        stack.callback(start_following(settings, options, networks))
        announce(_url_of(listening), networks)
        worker = Worker(settings=settings, options=options, folder=folder)
        config = ServerConfig(worker, options, backlog=_BACKLOG)
        with suppress(KeyboardInterrupt):  # how a signal comes back after an orderly end
            _run(config, listening)


def _run(config: ServerConfig, listening: socket.socket) -> None:
    log = open_log(config.bounds.log_level)
    capture_logging(config.bounds.log_level, log)
    if config.workers == 1:
        try:
            Server(config).run(sockets=[listening])
        except SystemExit:
            app: Any = config.loaded_app
            raise app.failure or _not_started() from None
        return
    workers = Multiprocess(config, sockets=[listening])
    workers.run()
    if any(process.exitcode == STARTUP_FAILURE for process in workers.processes):
        raise _not_started()


def _not_started() -> InvalidConfiguration:
    return InvalidConfiguration(
        "the service could not start", hint="The lines of the log above say why."
    )


def _listen(options: ServiceOptions) -> socket.socket:
    """A socket that takes connections."""
    host, port = options.host, options.port
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
        try:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
        except OSError:
            listening.close()
            raise
    except OSError as cause:
        raise InvalidOption(
            f"{host} port {port} cannot be listened at: {cause.strerror or cause}",
            hint="Choose another --port or --host, or stop what is listening there.",
            host=host,
            port=port,
        ) from cause
    return listening


def _url_of(listening: socket.socket) -> str:
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

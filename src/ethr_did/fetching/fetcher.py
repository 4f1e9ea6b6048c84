"""Fetching, blocking and awaited: the two shells around ``fetch_steps``.

Rules:
  * The socket is opened to the address that the rule book names. The host name appears in the
    server name of TLS and in the check of the certificate; it is not resolved again.
  * Each request has a connection of its own, which is dropped after it without a farewell: a peer
    that does not answer one would keep it open. Nothing is shared but the trusted certificates.
  * No proxies, no netrc, no cookies: there is nobody here to look for them.
"""

from __future__ import annotations

import asyncio
import functools
import socket
import ssl
import threading
import time
from abc import ABC, abstractmethod
from concurrent.futures import Future
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from ethr_did.errors import FetchError, InvalidFile
from ethr_did.fetching.rules import Connect, Fetched, FetchRules, Resolve, failure_of, fetch_steps

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self, TypeAlias

    from ethr_did.fetching.rules import Step
    from ethr_did.fetching.targets import Target

    ResolveHost: TypeAlias = Callable[[str, int], Sequence[str]]
    Done: TypeAlias = Sequence[str] | bytes | None

__all__ = ["AsyncFetcher", "AsyncFetches", "Fetcher", "Fetches", "resolve_host"]

_CHUNK = 1 << 16
_TICK = 0.02
"""Seconds by which the timers of sockets and event loops may be early."""


class Fetches(Protocol):
    """What fetches documents; use cases depend on no more."""

    def fetch(self, url: str, *, accept: str, most: int | None = None) -> Fetched:
        """The document, of at most so many bytes.

        Raises:
            FetchError: it could not be fetched.
        """


class AsyncFetches(Protocol):
    """The same, awaited."""

    async def fetch(self, url: str, *, accept: str, most: int | None = None) -> Fetched:
        """The document, of at most so many bytes.

        Raises:
            FetchError: it could not be fetched.
        """


def resolve_host(host: str, port: int) -> list[str]:
    """The addresses of a host in the order of preference, from the system's name service.

    Raises:
        OSError: it has none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(item[4][0]) for item in found))


class _Doors:
    """What both fetchers share: the rules, the resolver, the trusted certificates."""

    def __init__(
        self, rules: FetchRules | None = None, *, resolve: ResolveHost = resolve_host
    ) -> None:
        """A fetcher; nothing is opened yet.

        Args:
            rules: what is allowed.
            resolve: gives the addresses of a host name; is called in a thread of its own.

        Raises:
            InvalidFile: ``ca_file`` holds no certificates.
        """
        self.rules = FetchRules() if rules is None else rules
        self._resolve = resolve
        if self.rules.ca_file is not None:
            _ = self._tls  # a file that cannot be used is to be heard of now

    @functools.cached_property
    def _tls(self) -> ssl.SSLContext:
        return _trusting(self.rules.ca_file)

    def tls_for(self, target: Target) -> ssl.SSLContext | None:
        """What a connection is to be secured with."""
        return self._tls if target.scheme == "https" else None

    def resolving(self, target: Target) -> Future[Sequence[str]]:
        """The addresses to be."""
        return _started(lambda: self._resolve(target.host, target.port))


class Fetcher(_Doors):
    """Fetches documents, blocking. May be used from several threads.

    Example:
        >>> Fetcher().fetch("http://lists.example/1", accept="application/vc+jwt")
        Traceback (most recent call last):
        ...
        ethr_did.errors.FetchError: http://lists.example/1 is not https
    """

    def fetch(self, url: str, *, accept: str, most: int | None = None) -> Fetched:
        """The document at a URL.

        Args:
            url: where it is said to be.
            accept: the media types to ask for, as the ``Accept`` header has them.
            most: longest body in bytes; never more than the rules allow.

        Raises:
            FetchError: it could not be fetched, or may not be; ``facts["reason"]`` says why.
            InvalidOption: ``accept`` cannot be sent.
        """
        steps = fetch_steps(url, accept=accept, most=most, rules=self.rules)
        with _Line(self) as line:
            try:
                step = next(steps)
                while True:
                    try:
                        done = line.do(step)
                    except FetchError as failure:
                        step = steps.throw(failure)
                    else:
                        step = steps.send(done)
            except StopIteration as end:
                return cast("Fetched", end.value)


class AsyncFetcher(_Doors):
    """The same, awaited. May be used from several tasks, and from one event loop after another."""

    async def fetch(self, url: str, *, accept: str, most: int | None = None) -> Fetched:
        """The document at a URL; see ``Fetcher.fetch``."""
        steps = fetch_steps(url, accept=accept, most=most, rules=self.rules)
        with _AsyncLine(self) as line:
            try:
                step = next(steps)
                while True:
                    try:
                        done = await line.do(step)
                    except FetchError as failure:
                        step = steps.throw(failure)
                    else:
                        step = steps.send(done)
            except StopIteration as end:
                return cast("Fetched", end.value)


class _Deadline(ABC):
    """Does the steps of one fetch, until its deadline."""

    def __init__(self, doors: _Doors) -> None:
        self._doors = doors
        self._rules = doors.rules
        self._end = time.monotonic() + doors.rules.timeout

    def left(self, end: float | None = None) -> float:
        """Seconds until the deadline, or until an earlier end.

        Raises:
            TimeoutError: none.
        """
        left = min(self._end, self._end if end is None else end) - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left

    def failure(self, step: Step, error: BaseException) -> FetchError:
        """The error for a step that failed."""
        late = time.monotonic() >= self._end - _TICK
        return failure_of(step, error, rules=self._rules, late=late)

    @abstractmethod
    def drop(self) -> None:
        """Nothing; gives up the connection that is open."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.drop()


class _Line(_Deadline):
    """The blocking one."""

    _socket: socket.socket | None = None

    def do(self, step: Step) -> Done:
        """What the step asks for."""
        try:
            if isinstance(step, Resolve):
                return self._doors.resolving(step.target).result(self.left())
            if isinstance(step, Connect):
                self._connect(step)
                return None
            return self._receive()
        except (OSError, UnicodeError) as error:
            failure = self.failure(step, error)
        raise failure

    def _connect(self, step: Connect) -> None:
        self.drop()
        end = time.monotonic() + self._rules.connect_timeout
        place = (step.address, step.target.port)
        self._socket = socket.create_connection(place, self.left(end))
        context = self._doors.tls_for(step.target)
        if context is not None:
            self._socket.settimeout(self.left(end))
            self._socket = context.wrap_socket(self._socket, server_hostname=step.target.host)
        self._socket.settimeout(self.left(end))
        self._socket.sendall(step.data)

    def _receive(self) -> bytes:
        opened = cast("socket.socket", self._socket)
        # Before each read: the limit of a socket is for one read, a server that drips makes many.
        opened.settimeout(self.left())
        return opened.recv(_CHUNK)

    def drop(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None


class _AsyncLine(_Deadline):
    """The awaited one."""

    _streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def do(self, step: Step) -> Done:
        """What the step asks for."""
        try:
            async with asyncio.timeout(self.left()):
                if isinstance(step, Resolve):
                    return await asyncio.wrap_future(self._doors.resolving(step.target))
                return await (self._connect(step) if isinstance(step, Connect) else self._receive())
        except (OSError, UnicodeError) as error:
            failure = self.failure(step, error)
        raise failure

    async def _connect(self, step: Connect) -> None:
        self.drop()
        context = self._doors.tls_for(step.target)
        async with asyncio.timeout(self._rules.connect_timeout):
            _, writer = self._streams = await asyncio.open_connection(
                step.address,
                step.target.port,
                ssl=context,
                server_hostname=step.target.host if context else None,
            )
            writer.write(step.data)
            await writer.drain()

    async def _receive(self) -> bytes:
        reader, _ = cast("tuple[asyncio.StreamReader, asyncio.StreamWriter]", self._streams)
        return await reader.read(_CHUNK)

    def drop(self) -> None:
        if self._streams is not None:
            self._streams[1].transport.abort()
            self._streams = None


def _started(work: Callable[[], Sequence[str]]) -> Future[Sequence[str]]:
    """The result to be of work in a thread that nobody has to wait for.

    A name service can take minutes and cannot be interrupted. The threads of a pool would keep
    other fetches waiting, and the program at its end.
    """
    future: Future[Sequence[str]] = Future()
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            future.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where the result is awaited
            future.set_exception(error)

    threading.Thread(target=run, name="resolve", daemon=True).start()
    return future


def _trusting(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file or _spare_store())
    except OSError as error:
        raise InvalidFile(
            f"{ca_file} holds no certificates that could be trusted",
            hint="Give a file with the certificates of the authorities, in PEM.",
            path=str(ca_file),
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    return context


def _spare_store() -> str | None:
    """The certificates that come with requests, where the system has none; else None."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile or (paths.capath and any(Path(paths.capath).iterdir())):
        return None
    from requests.utils import DEFAULT_CA_BUNDLE_PATH

    return DEFAULT_CA_BUNDLE_PATH

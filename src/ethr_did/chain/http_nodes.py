"""A node at an RPC URL, blocking or awaited.

Rules:
  * Redirects are not followed, cookies not kept, answers not read beyond a limit.
  * Connections are kept open between round trips.
  * Nothing that is raised, and nothing chained to it, holds the URL; so errors of the libraries
    are dropped, not chained, and a ``ConnectionError`` with their words stands in as the cause.

Requests and aiohttp are the libraries under web3's own HTTP providers. Those providers are not
used: they follow redirects, read answers of any size, sort replies by ids they do not check, close
the connection after each asynchronous request, log the URL, and take over a second to import.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import itertools
import threading
import time
from typing import TYPE_CHECKING, Any

from ethr_did.chain.masking import causes, innermost_words, mask_text, mask_url
from ethr_did.chain.wire import HttpReply, encode_batch, read_http
from ethr_did.errors import InvalidAnswer, NodeUnreachable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import aiohttp
    import requests

    from ethr_did.chain.request import Request
    from ethr_did.errors import ChainError

__all__ = ["AsyncHttpNode", "HttpNode"]

_HEADERS = {"Content-Type": "application/json", "User-Agent": "ethr-did", "Accept": "*/*"}
_CHUNK = 1 << 16
_LARGE = 1 << 20
_CONNECTIONS = 32
_KEPT_HEADERS = ("Retry-After", "Date")


class _HttpBase:
    """What both HTTP nodes share: the address, the ids, the reading of a response."""

    def __init__(self, url: str, *, timeout: float, max_bytes: int) -> None:
        self.url: str | None = url
        self.label = mask_url(url)
        self._address = url
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._next_id = itertools.count(1)

    def _ids(self, batch: Sequence[Request]) -> range:
        # Ids are not used twice, so that a late answer cannot pass for a new one.
        first = next(self._next_id) << 20
        return range(first, first + len(batch))

    def _read(self, reply: HttpReply, ids: range) -> list[dict[str, Any]]:
        return read_http(reply, ids, node=self.label, url=self.url, now=time.time())

    def _too_large(self) -> InvalidAnswer:
        return InvalidAnswer(
            f"{self.label} sent more than {self._max_bytes} bytes",
            hint="Ask for less at once, or raise max_bytes.",
            node=self.label,
            max_bytes=self._max_bytes,
        )

    def _timed_out(self) -> NodeUnreachable:
        return NodeUnreachable(
            f"{self.label} did not answer within {self._timeout:g} s",
            hint="Check the network, or raise the time-out.",
            node=self.label,
            reason="timeout",
            not_sent=False,
        )

    def _unreachable(self, error: BaseException, *, not_sent: bool) -> NodeUnreachable:
        """The error for a failed exchange, with a cause that has the words but not the URL."""
        words = mask_text(innermost_words(error), self.url)
        failure = NodeUnreachable(
            f"{self.label} cannot be reached: {words}",
            hint="Check the RPC URL and that the node is running.",
            node=self.label,
            reason=words,
            not_sent=not_sent,
        )
        failure.__cause__ = ConnectionError(f"{type(error).__name__}: {words}")
        return failure


class HttpNode(_HttpBase):
    """A node at an RPC URL, through requests; may be used from several threads."""

    def __init__(self, url: str, *, timeout: float, max_bytes: int) -> None:
        super().__init__(url, timeout=timeout, max_bytes=max_bytes)
        self._session: requests.Session | None = None
        self._lock = threading.Lock()

    def post(self, batch: Sequence[Request]) -> list[dict[str, Any]]:
        """The replies in order."""
        ids = self._ids(batch)
        failure: ChainError
        import requests

        try:
            reply = self._exchange(encode_batch(batch, ids))
        except (requests.Timeout, TimeoutError) as error:
            failure = self._timed_out()
            if isinstance(error, requests.ConnectTimeout):
                failure = self._unreachable(error, not_sent=True)
        except (requests.RequestException, OSError) as error:
            failure = self._unreachable(error, not_sent=_was_not_sent(error))
        except _protocol_errors() as error:
            failure = self._unreachable(error, not_sent=False)
        else:
            return self._read(reply, ids)
        raise failure  # outside the handlers: the library's error holds the URL

    def _exchange(self, body: bytes) -> HttpReply:
        deadline = time.monotonic() + self._timeout
        session = self._session or self._opened()
        with session.post(
            self._address,
            data=body,
            headers=_HEADERS,
            timeout=self._timeout,
            stream=True,
            allow_redirects=False,
        ) as response:
            return HttpReply(
                status=response.status_code,
                headers=_kept(response.headers),
                body=self._body(response, deadline),
            )

    def _body(self, response: requests.Response, deadline: float) -> bytes:
        chunks: list[bytes] = []
        size = 0
        # read1 returns what is there; iter_content would wait for a full chunk, so that a node
        # that drips could outlive the deadline.
        while chunk := response.raw.read1(_CHUNK, decode_content=True):
            size += len(chunk)
            if size > self._max_bytes:
                response.close()
                raise self._too_large()
            if time.monotonic() > deadline:
                response.close()
                raise TimeoutError
            chunks.append(chunk)
        return b"".join(chunks)

    def _opened(self) -> requests.Session:
        import http.cookiejar

        import requests

        with self._lock:
            if self._session is None:
                session = requests.Session()
                session.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
                adapter = requests.adapters.HTTPAdapter(pool_maxsize=_CONNECTIONS)
                session.mount("https://", adapter)
                session.mount("http://", adapter)
                # Proxies and certificates of the environment are looked up here, once: requests
                # would do so for every request, which takes a third of the time of a local call.
                found = session.merge_environment_settings(self._address, {}, True, None, None)
                session.proxies.update(found["proxies"])
                session.verify, session.cert = found["verify"], found["cert"]
                session.trust_env = False
                self._session = session
            return self._session

    def close(self) -> None:
        """Nothing; gives connections back."""
        session, self._session = self._session, None
        if session is not None:
            session.close()


def _protocol_errors() -> tuple[type[BaseException], ...]:
    import urllib3.exceptions

    return (urllib3.exceptions.HTTPError,)


def _was_not_sent(error: BaseException) -> bool:
    """Whether the failure proves that the node received nothing: no connection came about."""
    import urllib3.exceptions

    proofs = (
        urllib3.exceptions.NewConnectionError,
        urllib3.exceptions.ConnectTimeoutError,
        ConnectionRefusedError,
    )
    return any(isinstance(one, proofs) for one in causes(error))


class AsyncHttpNode(_HttpBase):
    """A node at an RPC URL, through aiohttp; one session per event loop."""

    def __init__(self, url: str, *, timeout: float, max_bytes: int) -> None:
        super().__init__(url, timeout=timeout, max_bytes=max_bytes)
        self._session: aiohttp.ClientSession | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def post(self, batch: Sequence[Request]) -> list[dict[str, Any]]:
        """The replies in order."""
        ids = self._ids(batch)
        failure: ChainError
        import aiohttp

        try:
            reply = await self._exchange(encode_batch(batch, ids))
        except aiohttp.ConnectionTimeoutError as error:
            failure = self._unreachable(error, not_sent=True)
        except TimeoutError:
            failure = self._timed_out()
        except aiohttp.ClientConnectorError as error:
            failure = self._unreachable(error, not_sent=True)
        except (aiohttp.ClientError, OSError) as error:
            failure = self._unreachable(error, not_sent=False)
        else:
            return self._read(reply, ids)
        raise failure  # outside the handlers: the library's error holds the URL

    async def _exchange(self, body: bytes) -> HttpReply:
        session = await self._opened()
        # aiohttp warns of large bodies that are not a file: they would block the loop.
        data = body if len(body) < _LARGE else io.BytesIO(body)
        async with session.post(
            self._address, data=data, headers=_HEADERS, allow_redirects=False
        ) as response:
            return HttpReply(
                status=response.status,
                headers=_kept(response.headers),
                body=await self._body(response),
            )

    async def _body(self, response: aiohttp.ClientResponse) -> bytes:
        chunks: list[bytes] = []
        size = 0
        async for chunk in response.content.iter_any():
            size += len(chunk)
            if size > self._max_bytes:
                response.close()
                raise self._too_large()
            chunks.append(chunk)
        return b"".join(chunks)

    async def _opened(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            await self.close()
            import aiohttp

            self._loop = loop
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=True,  # as requests does: HTTPS_PROXY counts for both
            )
        return self._session

    async def close(self) -> None:
        """Nothing; gives connections back."""
        session, self._session = self._session, None
        await _let_go(session)


async def _let_go(session: aiohttp.ClientSession | None) -> None:
    if session is not None:
        # A session whose loop has ended cannot be closed any more; aiohttp then warns by itself.
        with contextlib.suppress(RuntimeError):
            await session.close()


def _kept(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): headers[name] for name in _KEPT_HEADERS if name in headers}

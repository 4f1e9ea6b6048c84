"""A node behind a web3 provider object, blocking or awaited.

Rules:
  * A provider is anything with ``make_request(method, params)`` or ``make_batch_request(calls)``
    that returns JSON-RPC response objects. It belongs to who made it and is not closed here.
  * Whatever it raises becomes ``NodeUnreachable``, or ``NodeBusy`` for HTTP status 429, without
    the URL that it may hold.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

from ethr_did.chain.masking import innermost_words, mask_text, mask_url
from ethr_did.chain.wire import BatchRefused, match_replies, refused_batch, retry_after
from ethr_did.errors import ChainError, InvalidAnswer, NodeBusy, NodeUnreachable, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.chain.request import Request

__all__ = ["AsyncProviderNode", "ProviderNode", "ThreadedNode"]

_TOO_MANY = 429


class ProviderNode:
    """A node behind a synchronous web3 provider, or anything with its two methods."""

    def __init__(self, provider: Any) -> None:
        self._provider = provider
        self.url = _endpoint(provider)
        self.label = _label(provider, self.url)

    def post(self, batch: Sequence[Request]) -> list[dict[str, Any]]:
        """The replies in order."""
        calls = _calls(batch)
        failure: ChainError
        try:
            if len(calls) > 1 and hasattr(self._provider, "make_batch_request"):
                value = self._provider.make_batch_request(calls)
            else:
                value = [self._provider.make_request(*one) for one in calls]
        except (ChainError, BatchRefused):
            raise
        except Exception as error:  # noqa: BLE001 - a provider may raise anything
            failure = _provider_failure(error, self.label, self.url)
        else:
            return _provider_replies(value, len(calls), self.label, self.url)
        raise failure  # outside the handler: the provider's error may hold the URL

    def close(self) -> None:
        """Nothing; the provider belongs to who made it."""


class ThreadedNode:
    """A synchronous provider, awaited: each round trip runs in a thread."""

    def __init__(self, node: ProviderNode) -> None:
        self._node = node
        self.url = node.url
        self.label = node.label

    async def post(self, batch: Sequence[Request]) -> list[dict[str, Any]]:
        """The replies in order."""
        return await asyncio.to_thread(self._node.post, batch)

    async def close(self) -> None:
        """Nothing; the provider belongs to who made it."""


class AsyncProviderNode:
    """A node behind an asynchronous web3 provider: HTTP, WebSocket or IPC."""

    def __init__(self, provider: Any, *, timeout: float) -> None:
        self._provider = provider
        self._timeout = timeout
        # web3's persistent connections can wait for one batch at a time.
        self._turn = asyncio.Lock()
        self.url = _endpoint(provider)
        self.label = _label(provider, self.url)

    async def post(self, batch: Sequence[Request]) -> list[dict[str, Any]]:
        """The replies in order."""
        failure: ChainError
        try:
            async with asyncio.timeout(self._timeout):
                value = await self._exchange(_calls(batch))
        except (ChainError, BatchRefused):
            raise
        except TimeoutError:
            failure = NodeUnreachable(
                f"{self.label} did not answer within {self._timeout:g} s",
                hint="Check the network, or raise the time-out.",
                node=self.label,
                reason="timeout",
                not_sent=False,
            )
        except Exception as error:  # noqa: BLE001 - a provider may raise anything
            failure = _provider_failure(error, self.label, self.url)
        else:
            return _provider_replies(value, len(batch), self.label, self.url)
        raise failure  # outside the handler: the provider's error may hold the URL

    async def _exchange(self, calls: list[tuple[str, Any]]) -> Any:
        if not getattr(self._provider, "has_persistent_connection", False):
            return await self._ask(calls)
        async with self._turn:
            if not await self._provider.is_connected():
                await self._provider.connect()
            return await self._ask(calls)

    async def _ask(self, calls: list[tuple[str, Any]]) -> Any:
        if len(calls) > 1 and hasattr(self._provider, "make_batch_request"):
            return await self._provider.make_batch_request(calls)
        return [await self._provider.make_request(*one) for one in calls]

    async def close(self) -> None:
        """Nothing; the provider belongs to who made it."""


def _calls(batch: Sequence[Request]) -> list[tuple[str, Any]]:
    return [(request.method, list(request.params)) for request in batch]


def _endpoint(provider: Any) -> str | None:
    uri = getattr(provider, "endpoint_uri", None)
    return str(uri) if uri is not None else None


def _label(provider: Any, url: str | None) -> str:
    return f"{type(provider).__name__} at {mask_url(url)}" if url else type(provider).__name__


def _provider_failure(error: Exception, label: str, url: str | None) -> ChainError:
    words = mask_text(innermost_words(error), url)
    not_sent = isinstance(error, ConnectionRefusedError)
    facts: dict[str, Any] = {"node": label, "reason": words, "not_sent": not_sent}
    # requests.HTTPError has the response; aiohttp.ClientResponseError is one, more or less.
    response = getattr(error, "response", None)
    response = error if response is None else response  # a response of 429 is false
    status = getattr(response, "status_code", None) or getattr(response, "status", None)
    failure: ChainError
    if status == _TOO_MANY:
        headers = {str(k).lower(): v for k, v in (getattr(response, "headers", None) or {}).items()}
        wait = retry_after(headers, time.time())
        failure = NodeBusy(f"{label} is busy: {words}", retry_after=wait, **facts)
    else:
        hint = "Check that the node is running."
        failure = NodeUnreachable(f"{label} failed: {words}", hint=hint, **facts)
    failure.__cause__ = ConnectionError(f"{type(error).__name__}: {words}")
    return failure


def _provider_replies(value: Any, size: int, label: str, url: str | None) -> list[dict[str, Any]]:
    """The replies of a provider, which keeps the ids to itself but the order of the requests.

    Raises:
        InvalidAnswer: too few, too many, or not JSON-RPC.
        BatchRefused: one error for the whole batch.
    """
    if isinstance(value, dict) and size > 1:
        raise refused_batch(value, size, node=label, url=url)
    if not isinstance(value, (list, tuple)) or len(value) != size:
        raise InvalidAnswer(f"{label} did not answer {size} requests: {shown(value)}", node=label)
    numbered = [
        {**reply, "id": number} if isinstance(reply, dict) else reply
        for number, reply in enumerate(value)
    ]
    return match_replies(numbered, range(size), node=label)

"""The ways to one node: an RPC URL or a web3 provider object, blocking or awaited.

A node does one thing: it sends one batch and returns its replies in order, or raises. It does not
retry, split, or judge what a reply means.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from ethr_did.chain.http_nodes import AsyncHttpNode, HttpNode
from ethr_did.chain.masking import mask_url
from ethr_did.chain.provider_nodes import AsyncProviderNode, ProviderNode, ThreadedNode
from ethr_did.errors import InvalidConfiguration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.chain.request import Request

__all__ = ["AsyncNode", "Node", "Reply", "open_async_node", "open_node"]

Reply: TypeAlias = dict[str, Any]
"""A JSON-RPC response object."""


class Node(Protocol):
    """A node that blocks."""

    label: str
    """Masked name, for people."""
    url: str | None
    """Unmasked, only to take its secrets out of texts."""

    def post(self, batch: Sequence[Request]) -> list[Reply]:
        """The replies in order, by one round trip."""

    def close(self) -> None:
        """Nothing; gives connections back."""


class AsyncNode(Protocol):
    """A node that is awaited."""

    label: str
    url: str | None

    async def post(self, batch: Sequence[Request]) -> list[Reply]:
        """The replies in order, by one round trip."""

    async def close(self) -> None:
        """Nothing; gives connections back."""


def open_node(source: str | object, *, timeout: float, max_bytes: int) -> Node:
    """The node behind a URL or a synchronous web3 provider.

    Raises:
        InvalidConfiguration: neither, or a kind that needs ``AsyncChain``.
    """
    if isinstance(source, str):
        return HttpNode(_checked_url(source), timeout=timeout, max_bytes=max_bytes)
    provider = _checked_provider(source)
    if getattr(provider, "is_async", False):
        raise InvalidConfiguration(
            f"{type(provider).__name__} is asynchronous", hint="Use it with AsyncChain."
        )
    return ProviderNode(provider)


def open_async_node(source: str | object, *, timeout: float, max_bytes: int) -> AsyncNode:
    """The node behind a URL or any web3 provider; a synchronous one runs in a thread.

    Raises:
        InvalidConfiguration: neither.
    """
    if isinstance(source, str):
        return AsyncHttpNode(_checked_url(source), timeout=timeout, max_bytes=max_bytes)
    provider = _checked_provider(source)
    if getattr(provider, "is_async", False):
        return AsyncProviderNode(provider, timeout=timeout)
    return ThreadedNode(ProviderNode(provider))


def _checked_url(url: str) -> str:
    scheme = url.partition("://")[0].lower()
    if scheme not in ("http", "https") or mask_url(url) == "…":
        hint = "An RPC URL starts with http:// or https://."
        if scheme in ("ws", "wss"):
            hint = "Pass a web3 WebSocketProvider to AsyncChain instead."
        raise InvalidConfiguration(f"not an RPC URL: {mask_url(url)}", hint=hint)
    return url


def _checked_provider(provider: Any) -> Any:
    if type(provider).__module__.startswith("web3.providers.eth_tester"):
        raise InvalidConfiguration(
            f"{type(provider).__name__} answers with Python values instead of JSON-RPC",
            hint="Use the LocalProvider of ethr_did.chain.local: the same EVM, speaking JSON-RPC.",
        )
    if not hasattr(provider, "make_request") and not hasattr(provider, "make_batch_request"):
        raise InvalidConfiguration(
            f"{type(provider).__name__} is neither an RPC URL nor a web3 provider",
            hint="A provider has the method make_request(method, params).",
        )
    return provider

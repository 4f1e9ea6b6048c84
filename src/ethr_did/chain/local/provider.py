"""The in-process chain as web3 providers, blocking and asynchronous.

Requests pass through real JSON on their way in, so that what works here works over HTTP.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from web3.providers.async_base import AsyncJSONBaseProvider
from web3.providers.base import JSONBaseProvider

if TYPE_CHECKING:
    from web3.types import RPCEndpoint, RPCResponse

    from ethr_did.chain.local.chain import LocalChain

__all__ = ["AsyncLocalProvider", "LocalProvider"]


class LocalProvider(JSONBaseProvider):
    """A web3 provider on a chain in this process."""

    def __init__(self, chain: LocalChain) -> None:
        super().__init__()
        self._chain = chain

    def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The JSON-RPC response."""
        request = json.loads(self.encode_rpc_request(method, params))
        return cast("RPCResponse", self._chain.handle(request))

    def make_batch_request(self, requests: list[tuple[RPCEndpoint, Any]]) -> list[RPCResponse]:
        """The JSON-RPC responses, in the order of the requests."""
        batch = json.loads(self.encode_batch_rpc_request(requests))
        return cast("list[RPCResponse]", self._chain.handle(batch))


class AsyncLocalProvider(AsyncJSONBaseProvider):
    """The same for asyncio. It answers at once, in the event loop: a call takes milliseconds."""

    def __init__(self, chain: LocalChain) -> None:
        super().__init__()
        self._chain = chain

    async def make_request(self, method: RPCEndpoint, params: Any) -> RPCResponse:
        """The JSON-RPC response."""
        request = json.loads(self.encode_rpc_request(method, params))
        return cast("RPCResponse", self._chain.handle(request))

    async def make_batch_request(
        self, requests: list[tuple[RPCEndpoint, Any]]
    ) -> list[RPCResponse]:
        """The JSON-RPC responses, in the order of the requests."""
        batch = json.loads(self.encode_batch_rpc_request(requests))
        return cast("list[RPCResponse]", self._chain.handle(batch))

"""An EVM chain in this process, for tests, demonstrations and the command line.

It runs py-evm under the Prague rules and speaks real JSON-RPC: as a web3 provider
(``LocalChain.provider``, ``.async_provider``), as a function (``LocalChain.handle``), and over
HTTP on loopback (``serve``). Needs the extra ``local``, and imports it when a chain is made.
"""

from __future__ import annotations

from ethr_did.chain.local.account import LocalAccount
from ethr_did.chain.local.chain import LocalChain
from ethr_did.chain.local.provider import AsyncLocalProvider, LocalProvider
from ethr_did.chain.local.server import LocalServer, serve

__all__ = [
    "AsyncLocalProvider",
    "LocalAccount",
    "LocalChain",
    "LocalProvider",
    "LocalServer",
    "serve",
]

"""What answers do not say: which nodes the service asks.

Reasons and reports speak of nodes by their names, in the middle of sentences. Who runs the service
reads them in its log; others see ``the node``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ethr_did.chain.masking import mask_url

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ethr_did.chain.networks import Network

__all__ = ["Discretion"]

_INSTEAD = b"the node"


class Discretion:
    """Takes the names of nodes out of JSON."""

    def __init__(self, networks: Iterable[Network]) -> None:
        """Of the nodes of all those networks."""
        urls = [url for network in networks for url in network.rpc_urls]
        names = {name for url in urls for name in (url, mask_url(url))}
        # The longest first: one may be the beginning of another.
        self._names = sorted(map(_in_json, names), key=len, reverse=True)

    def keep(self, content: bytes) -> bytes:
        """The JSON, without the names.

        Example:
            >>> from ethr_did.chain.networks import Network
            >>> node = "http://10.0.0.7:8545"
            >>> dev = Network(name="dev", chain_id=1, did_registry="0x" + "11" * 20, rpc_url=node)
            >>> Discretion([dev]).keep(b'{"message":"http://10.0.0.7:8545 is busy"}')
            b'{"message":"the node is busy"}'
        """
        for name in self._names:
            if name in content:
                content = content.replace(name, _INSTEAD)
        return content


def _in_json(name: str) -> bytes:
    return json.dumps(name, ensure_ascii=False)[1:-1].encode("utf-8")

"""What a Universal Resolver asks its drivers: the methods, their properties, DIDs to try.

Rules:
  * A DID to try belongs to nobody and needs no transaction: an address that was never used has a
    document on every network.
  * Nodes are not named, nor is anything else that only who runs the service needs to know.

Spec: Universal Resolver, ``/1.0/methods``, ``/1.0/properties`` and ``/1.0/testIdentifiers``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response
from starlette.routing import Route

from ethr_did.core.did import EthrDID
from ethr_did.core.strict_json import write_json

if TYPE_CHECKING:
    from collections.abc import Iterable

    from starlette.requests import Request
    from starlette.routing import BaseRoute

    from ethr_did.chain.networks import Network
    from ethr_did.service.backends import Backends

__all__ = ["TRIED", "routes", "served"]

TRIED: Final = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
"""The address whose key is 1."""

_HEADERS = {"Cache-Control": "public, max-age=3600"}


def served(networks: Iterable[Network]) -> list[Network]:
    """The networks that can be read."""
    return [one for one in networks if one.rpc_urls or one.provider or one.source]


def routes(backends: Backends) -> list[BaseRoute]:
    """The three routes."""
    networks = served(backends.networks)
    return [
        _route("/1.0/methods", ["ethr"]),
        _route("/1.0/properties", {"ethr": {"networks": [_described(one) for one in networks]}}),
        _route("/1.0/testIdentifiers", {"ethr": [_tried(one) for one in networks]}),
    ]


def _route(path: str, value: Any) -> BaseRoute:
    body = write_json(value)

    async def answer(_request: Request) -> Response:
        return Response(body, headers=_HEADERS, media_type="application/json")

    return Route(path, answer, methods=["GET"], include_in_schema=False)


def _described(network: Network) -> dict[str, Any]:
    return {
        "name": network.name,
        "chainId": network.chain_id,
        "registry": network.did_registry,
    }


def _tried(network: Network) -> str:
    return str(EthrDID.build(TRIED, network.name))

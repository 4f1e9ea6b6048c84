"""The whole service as one ASGI application, without what stands around it.

Rules:
  * Identifiers come before everything else: most requests are theirs, and no framework is in
    between.
  * No page is loaded from elsewhere: the framework's own pages of documentation are off.
  * A path is what it is: with a slash more it is another one, and there are no redirects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import FastAPI
from starlette.routing import BaseRoute, Match

from ethr_did.service import (
    credentials,
    description,
    history,
    lists,
    methods,
    pages,
    statuses,
)
from ethr_did.service.identifiers import Identifiers
from ethr_did.service.options import ServiceOptions
from ethr_did.service.problems import HANDLERS
from ethr_did.service.trusting import rules_of

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from ethr_did.service.backends import Backends

__all__ = ["create_app"]


def create_app(backends: Backends, options: ServiceOptions | None = None) -> ASGIApp:
    """The service.

    Args:
        backends: what it asks.
        options: how it runs; None for the usual ones.

    Raises:
        InvalidFile, InvalidTrustList, InvalidDID, UnknownNetwork: a source of trust that the options
            name cannot be used.
    """
    chosen = options or ServiceOptions()
    seconds = chosen.answer_seconds
    app = FastAPI(
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        exception_handlers=dict(HANDLERS),  # type: ignore[arg-type]  # keyed by kinds of exceptions
    )
    for router in (history.router, statuses.router):
        app.include_router(router(backends, seconds=seconds))
    app.include_router(lists.router(backends, seconds=seconds, base_url=chosen.public_url))
    rules = rules_of(chosen, backends.networks)
    app.include_router(credentials.router(backends, rules=rules))
    plain = [
        *methods.routes(backends),
        *pages.routes(backends, rules=rules),
        description.route(app),
    ]
    app.router.routes.extend(map(_Named, plain))
    return Identifiers(
        backends,
        max_age=int(seconds),
        cache_bytes=chosen.kept_mebibytes << 20,
        allows_fresh=chosen.no_cache,
        beyond=app,
    )


class _Named(BaseRoute):
    """A plain route that says who it is, as the framework's own do: logs and metrics want to know."""

    def __init__(self, route: BaseRoute) -> None:
        self._route = route

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        match, found = self._route.matches(scope)
        return match, {**found, "route": self._route}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._route.handle(scope, receive, send)

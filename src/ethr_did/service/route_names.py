"""What a request is called by in logs, metrics and traces: the template of its path, never the path."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import Scope

__all__ = ["UNNAMED", "name_of"]

UNNAMED = "-"
"""Where the path is none, or was not looked at."""


def name_of(scope: Scope) -> str:
    """The template of the path of a request that was answered.

    Args:
        scope: as the application has left it.
    """
    route = scope.get("route")
    if route is not None:
        return getattr(route, "path", UNNAMED)
    # FastAPI notes the routes of its own kind, and of others only what is called.
    endpoint = scope.get("endpoint")
    if endpoint is None:
        return UNNAMED
    for one in scope["app"].routes:
        if getattr(one, "endpoint", None) == endpoint:
            return str(one.path)
    return UNNAMED

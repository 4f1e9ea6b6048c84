"""A web in memory: documents by their URLs, and failures by theirs.

web = Web()
web.serve("https://shop.example/.well-known/did.json", {"id": "did:web:shop.example"})
web.fail("https://gone.example/.well-known/did.json", status=410)
DIDResolver(fetcher=web)
web.asked                                      # URLs, in order
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from ethr_did.errors import FetchError
from ethr_did.fetching import Fetched


class Web:
    """A ``Fetches``."""

    def __init__(self) -> None:
        self._served: dict[str, Fetched | FetchError] = {}
        self.asked: list[str] = []
        self.accepted: list[str] = []
        self.most: list[int | None] = []

    def serve(self, at: str, document: Any, **members: Any) -> None:
        """What is served at a URL: bytes, or JSON."""
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        self._served[at] = Fetched(**{"url": at, "content": content, **members})

    def fail(self, url: str, **facts: Any) -> None:
        """How a URL fails."""
        words = f"answered {facts['status']}" if "status" in facts else "cannot be reached"
        self._served[url] = FetchError(f"{url} {words}", hint="Ask again.", url=url, **facts)

    def fetch(self, url: str, *, accept: str, most: int | None = None) -> Fetched:
        """What is served; 404 if nothing is."""
        self.asked.append(url)
        self.accepted.append(accept)
        self.most.append(most)
        if url not in self._served:
            self.fail(url, reason="status", status=404)
        found = self._served[url]
        if isinstance(found, FetchError):
            raise found
        return found


class AsyncWeb:
    """An ``AsyncFetches``: the same web, awaited."""

    def __init__(self, web: Web) -> None:
        self._web = web
        self._open = 0
        self.most_at_once = 0
        """Fetches that were under way at the same time."""

    async def fetch(self, url: str, *, accept: str, most: int | None = None) -> Fetched:
        """What is served; 404 if nothing is."""
        self._open += 1
        self.most_at_once = max(self.most_at_once, self._open)
        try:
            await asyncio.sleep(0)
            return self._web.fetch(url, accept=accept, most=most)
        finally:
            self._open -= 1

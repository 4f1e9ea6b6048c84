"""The two resolvers of DIDs of several methods: blocking and awaited shells around ``planning.py``.

Rules:
  * The awaited resolver asks the chain and all web servers at the same time, so many at once.
  * What fetches did:web, whose hosts anybody may name, need not be what reaches the universal
    resolver, which may be on a private address.
  * A document is refused while it is read, not after it: its limit goes with the request.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol, cast

from ethr_did.core.resolution import ResolutionResult
from ethr_did.did_methods.cache import Cache
from ethr_did.did_methods.documents import MAX_DOCUMENT_BYTES
from ethr_did.did_methods.planning import Answers, Batch, Fetch, Rules
from ethr_did.errors import EthrDIDError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ethr_did.did_methods.resolved import ResolvedDID
    from ethr_did.fetching import AsyncFetches, Fetched, Fetches

__all__ = [
    "AsyncDIDResolver",
    "AsyncResolvesDIDs",
    "DIDResolver",
    "ResolvesDIDs",
]

_AT_ONCE = 16
"""Fetches that are under way at the same time."""


class ResolvesDIDs(Protocol):
    """What resolves DIDs of any method; use cases depend on no more."""

    def resolve_many(
        self, dids: Sequence[str], *, version_id: int | None = None
    ) -> list[ResolvedDID]:
        """One result for each DID, in order; errors are in the results."""
        ...


class AsyncResolvesDIDs(Protocol):
    """The same, awaited."""

    async def resolve_many(
        self, dids: Sequence[str], *, version_id: int | None = None
    ) -> list[ResolvedDID]:
        """One result for each DID, in order; errors are in the results."""
        ...


class ResolvesEthr(Protocol):
    """The part of ``ethr_did.resolver.Resolver`` that is used."""

    def resolve_many(
        self, dids: Iterable[str], *, version_id: int | str | None = None
    ) -> list[ResolutionResult]:
        """One result for each DID, in order."""
        ...


class AsyncResolvesEthr(Protocol):
    """The same, awaited."""

    async def resolve_many(
        self, dids: Iterable[str], *, version_id: int | str | None = None
    ) -> list[ResolutionResult]:
        """One result for each DID, in order."""
        ...


class DIDResolver(Rules):
    """Resolves DIDs of several methods, blocking; a ``ResolvesDIDs``.

    May be used from several threads if its parts may.

    Example:
        >>> did = "did:key:zQ3shokFTS3brHcDQrn82RUDfCZESWL1ZdCEJwekUDPQiYBme"
        >>> found, other = DIDResolver(methods=frozenset({"key"})).resolve_many([did, "did:web:a.b"])
        >>> found.document.verification_method[0].type
        'Multikey'
        >>> other.error.hint
        'Allowed: key.'
    """

    def __init__(
        self,
        *,
        ethr: ResolvesEthr | None = None,
        fetcher: Fetches | None = None,
        universal_url: str | None = None,
        universal_fetcher: Fetches | None = None,
        methods: frozenset[str] | None = None,
        cache_seconds: float = 0,
        cache_entries: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A resolver; nothing is asked yet.

        Args:
            ethr: resolves did:ethr, such as ``ethr_did.Resolver``; it is not closed here.
            fetcher: fetches did:web. Its rules decide which addresses may be asked.
            universal_url: what stands before ``/1.0/identifiers/``; None for no such resolver.
            universal_fetcher: asks the universal resolver; None for the fetcher of did:web.
            methods: those allowed, by their names; None for all that are configured.
            cache_seconds: for which a result from the chain or the web is kept; 0 for not at all.
            cache_entries: results that are kept at most.
            clock: seconds, from any beginning; for the cache.

        Raises:
            InvalidOption: something that cannot be used.
        """
        self._universal_fetcher = fetcher if universal_fetcher is None else universal_fetcher
        super().__init__(
            ethr=ethr,
            fetcher=fetcher,
            universal_url=universal_url,
            universal_fetcher=self._universal_fetcher,
            methods=methods,
            cache=Cache(seconds=cache_seconds, entries=cache_entries, clock=clock),
        )
        self._ethr = ethr
        self._fetcher = fetcher

    def resolve(self, did: str, *, version_id: int | None = None) -> ResolvedDID:
        """The document of a DID, or what stood in the way.

        Args:
            did: a DID; not a DID URL.
            version_id: block number whose state is wanted; did:ethr only.
        """
        return self.resolve_many([did], version_id=version_id)[0]

    def resolve_many(
        self, dids: Sequence[str], *, version_id: int | None = None
    ) -> list[ResolvedDID]:
        """One result for each DID, in order; errors are in the results.

        Args:
            dids: DIDs; not DID URLs.
            version_id: block number whose state is wanted; did:ethr only.
        """
        steps = self.steps(dids, version_id)
        try:
            batch = next(steps)
            while True:
                batch = steps.send(self._answers(batch))
        except StopIteration as done:
            return cast("list[ResolvedDID]", done.value)

    def _answers(self, batch: Batch) -> Answers:
        return Answers(
            on_chain=self._asked_on_chain(batch) if batch.on_chain else [],
            fetched=[self._fetched(one) for one in batch.fetches],
        )

    def _asked_on_chain(self, batch: Batch) -> list[ResolutionResult]:
        ethr = cast("ResolvesEthr", self._ethr)
        try:
            return ethr.resolve_many(batch.on_chain, version_id=batch.version_id)
        except EthrDIDError as error:
            return [ResolutionResult(error=error)] * len(batch.on_chain)

    def _fetched(self, fetch: Fetch) -> Fetched | EthrDIDError:
        fetcher = cast("Fetches", self._fetcher if fetch.is_web else self._universal_fetcher)
        try:
            return fetcher.fetch(fetch.url, accept=fetch.accept, most=MAX_DOCUMENT_BYTES)
        except EthrDIDError as error:
            return error


class AsyncDIDResolver(Rules):
    """The same, awaited; an ``AsyncResolvesDIDs``."""

    def __init__(
        self,
        *,
        ethr: AsyncResolvesEthr | None = None,
        fetcher: AsyncFetches | None = None,
        universal_url: str | None = None,
        universal_fetcher: AsyncFetches | None = None,
        methods: frozenset[str] | None = None,
        cache_seconds: float = 0,
        cache_entries: int = 1024,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """A resolver; arguments as of ``DIDResolver``."""
        self._universal_fetcher = fetcher if universal_fetcher is None else universal_fetcher
        super().__init__(
            ethr=ethr,
            fetcher=fetcher,
            universal_url=universal_url,
            universal_fetcher=self._universal_fetcher,
            methods=methods,
            cache=Cache(seconds=cache_seconds, entries=cache_entries, clock=clock),
        )
        self._ethr = ethr
        self._fetcher = fetcher

    async def resolve(self, did: str, *, version_id: int | None = None) -> ResolvedDID:
        """As ``DIDResolver.resolve``."""
        return (await self.resolve_many([did], version_id=version_id))[0]

    async def resolve_many(
        self, dids: Sequence[str], *, version_id: int | None = None
    ) -> list[ResolvedDID]:
        """As ``DIDResolver.resolve_many``."""
        steps = self.steps(dids, version_id)
        try:
            batch = next(steps)
            while True:
                batch = steps.send(await self._answers(batch))
        except StopIteration as done:
            return cast("list[ResolvedDID]", done.value)

    async def _answers(self, batch: Batch) -> Answers:
        gate = asyncio.Semaphore(_AT_ONCE)
        on_chain, fetched = await asyncio.gather(
            self._asked_on_chain(batch),
            asyncio.gather(*(self._fetched(one, gate) for one in batch.fetches)),
        )
        return Answers(on_chain=on_chain, fetched=fetched)

    async def _asked_on_chain(self, batch: Batch) -> list[ResolutionResult]:
        if not batch.on_chain:
            return []
        ethr = cast("AsyncResolvesEthr", self._ethr)
        try:
            return await ethr.resolve_many(batch.on_chain, version_id=batch.version_id)
        except EthrDIDError as error:
            return [ResolutionResult(error=error)] * len(batch.on_chain)

    async def _fetched(self, fetch: Fetch, gate: asyncio.Semaphore) -> Fetched | EthrDIDError:
        fetcher = cast("AsyncFetches", self._fetcher if fetch.is_web else self._universal_fetcher)
        async with gate:
            try:
                return await fetcher.fetch(fetch.url, accept=fetch.accept, most=MAX_DOCUMENT_BYTES)
            except EthrDIDError as error:
                return error

"""What a verification asks of the outside, and who answers.

Rules:
  * A question is answered in as few round trips as there are networks and servers involved.
  * Answers about single things are values or errors in their place: one that cannot be had does not
    take the others along.
  * Without a part of the outside, what it would answer is undetermined, and the answer says which
    part is missing.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from ethr_did.chain.networks import Networks
from ethr_did.core.did import EthrDID
from ethr_did.core.status_answer import FinalityPolicy, Status, undetermined
from ethr_did.credentials.anchoring import Existence, ExistenceProof, read_existence
from ethr_did.errors import EthrDIDError, FetchError, StatusUndetermined

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType
    from typing import Self

    from ethr_did.chain.networks import Network
    from ethr_did.chain.request import Steps
    from ethr_did.chain.rpc import AsyncChain, Chain
    from ethr_did.credentials.accreditations import Histories
    from ethr_did.credentials.trust import AuthorityReading
    from ethr_did.did_methods.resolving import AsyncResolvesDIDs, ResolvesDIDs
    from ethr_did.fetching import AsyncFetches, Fetched, Fetches
    from ethr_did.resolver import AsyncResolver, Resolver
    from ethr_did.status.reading import AsyncStatusReader, StatusQuestion, StatusReader
    from ethr_did.status.seen import SeenVersions

__all__ = [
    "AskExistence",
    "AskStatuses",
    "AsyncOutside",
    "Fetch",
    "Outside",
    "Question",
    "ReadAuthorities",
    "Resolve",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolve:
    """Documents of DIDs. Answer: a ``ResolvedDID`` for each."""

    dids: tuple[str, ...]
    version_id: int | None = None
    """Number of the block after which the documents are wanted; None: of now."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AskStatuses:
    """Statuses. Answer: a ``Status`` for each question."""

    questions: tuple[StatusQuestion, ...]
    finality: FinalityPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class AskExistence:
    """Since when credentials have existed. Answer: an ``Existence`` or an error for each."""

    asked: tuple[tuple[str, ExistenceProof, bytes], ...]
    """DID of the issuer, proof, digest of the credential."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetch:
    """Documents at URLs. Answer: a ``Fetched`` or a ``FetchError`` for each."""

    urls: tuple[str, ...]
    accept: str
    most: int | None = None
    """Bytes of each; never more than the fetcher takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadAuthorities:
    """Accreditations on chain. Answer: the histories or an error for each reading."""

    readings: tuple[AuthorityReading, ...]


Question: TypeAlias = Resolve | AskStatuses | AskExistence | Fetch | ReadAuthorities


def _no_reader() -> Status:
    error = StatusUndetermined(
        "this verifier has nobody to ask about statuses", hint="Give it a status reader."
    )
    return undetermined(error)


def _no_fetcher(url: str) -> FetchError:
    return FetchError(f"{url} is not fetched: this verifier fetches nothing", hint="Allow it to.")


def _existence_steps(
    networks: Networks, did: str, proof: ExistenceProof, digest: bytes
) -> tuple[Network, Callable[[int | None], Steps[Existence]]]:
    parsed = EthrDID.parse(did)
    network = networks.find(parsed.network)

    def make_steps(block: int | None) -> Steps[Existence]:
        return read_existence(network, parsed.address, proof, digest, block=block)

    return network, make_steps


class Outside:
    """Answers questions, blocking."""

    def __init__(
        self,
        *,
        dids: ResolvesDIDs,
        statuses: StatusReader | None = None,
        networks: Networks | Iterable[Network] = (),
        fetcher: Fetches | None = None,
        **chain_options: Any,
    ) -> None:
        """The outside; nothing is asked yet.

        Args:
            dids: resolves them.
            statuses: reads them; None: all of them stay undetermined.
            networks: where credentials are anchored.
            fetcher: fetches schemas and signed lists; None: nothing is fetched.
            chain_options: further arguments of ``Chain``, such as ``timeout``.
        """
        self._dids = dids
        self._statuses = statuses
        self.networks = networks if isinstance(networks, Networks) else Networks(networks)
        self._fetcher = fetcher
        self._options = chain_options
        self._chains: dict[Network, Chain] = {}
        self._owned: tuple[Resolver | StatusReader, ...] = ()

    @classmethod
    def on(
        cls,
        networks: Networks | Iterable[Network],
        *,
        fetcher: Fetches | None = None,
        seen: SeenVersions | None = None,
        universal_url: str | None = None,
        cache_seconds: float = 0,
        clock: Callable[[], float] = time.time,
        **chain_options: Any,
    ) -> Self:
        """The outside that the configured networks are.

        Args:
            networks: with nodes and contracts; see ``Settings.table``.
            fetcher: fetches did:web, lists and schemas; None: nothing is fetched.
            seen: remembers versions of lists kept off chain; None: those stay undetermined.
            universal_url: of a universal resolver, for DIDs of other methods; None for none.
            cache_seconds: for which DID documents are kept; 0 for not at all.
            clock: Unix seconds.
            chain_options: further arguments of ``Chain``, such as ``timeout``.
        """
        from ethr_did.did_methods import DIDResolver
        from ethr_did.resolver import Resolver
        from ethr_did.status.lists import AnchoredListReader
        from ethr_did.status.reading import StatusReader

        known = networks if isinstance(networks, Networks) else Networks(networks)
        lists = None
        if fetcher is not None and seen is not None:
            lists = AnchoredListReader(fetcher, seen=seen, clock=clock)
        ethr = Resolver(known, clock=clock, **chain_options)
        statuses = StatusReader(known, lists=lists, clock=clock, **chain_options)
        made = cls(
            dids=DIDResolver(
                ethr=ethr,
                fetcher=fetcher,
                universal_url=universal_url,
                cache_seconds=cache_seconds,
            ),
            statuses=statuses,
            networks=known,
            fetcher=fetcher,
            **chain_options,
        )
        made._owned = (ethr, statuses)
        return made

    def answer(self, question: Question) -> Sequence[Any]:
        """The answers, one for each thing that is asked about."""
        match question:
            case Resolve():
                return self._dids.resolve_many(question.dids, version_id=question.version_id)
            case AskStatuses():
                return self._read_statuses(question)
            case AskExistence():
                return [self._existence(*one) for one in question.asked]
            case ReadAuthorities():
                return [self._authorities(one) for one in question.readings]
            case Fetch():  # pragma: no branch - there is no other
                return [self._fetch(url, question) for url in question.urls]

    def _read_statuses(self, question: AskStatuses) -> list[Status]:
        if self._statuses is None:
            return [_no_reader() for _ in question.questions]
        return self._statuses.read_statuses(question.questions, policy=question.finality)

    def _existence(
        self, did: str, proof: ExistenceProof, digest: bytes
    ) -> Existence | EthrDIDError:
        try:
            network, make_steps = _existence_steps(self.networks, did, proof, digest)
            return self._chain(network).agree(make_steps)
        except EthrDIDError as error:
            return error

    def _authorities(self, reading: AuthorityReading) -> Histories | EthrDIDError:
        try:
            return self._chain(reading.network).agree(reading.steps)
        except EthrDIDError as error:
            return error

    def _chain(self, network: Network) -> Chain:
        if network not in self._chains:
            self._chains[network] = network.chain(**self._options)
        return self._chains[network]

    def _fetch(self, url: str, question: Fetch) -> Fetched | FetchError:
        if self._fetcher is None:
            return _no_fetcher(url)
        try:
            return self._fetcher.fetch(url, accept=question.accept, most=question.most)
        except FetchError as error:
            return error

    def close(self) -> None:
        """Gives connections back; a resolver or reader that was handed in is its maker's to close."""
        for one in (*self._chains.values(), *self._owned):
            one.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncOutside:
    """Answers questions, awaited; otherwise as ``Outside``."""

    def __init__(
        self,
        *,
        dids: AsyncResolvesDIDs,
        statuses: AsyncStatusReader | None = None,
        networks: Networks | Iterable[Network] = (),
        fetcher: AsyncFetches | None = None,
        **chain_options: Any,
    ) -> None:
        """The outside; arguments as of ``Outside``."""
        self._dids = dids
        self._statuses = statuses
        self.networks = networks if isinstance(networks, Networks) else Networks(networks)
        self._fetcher = fetcher
        self._options = chain_options
        self._chains: dict[Network, AsyncChain] = {}
        self._owned: tuple[AsyncResolver | AsyncStatusReader, ...] = ()

    @classmethod
    def on(
        cls,
        networks: Networks | Iterable[Network],
        *,
        fetcher: AsyncFetches | None = None,
        seen: SeenVersions | None = None,
        universal_url: str | None = None,
        cache_seconds: float = 0,
        clock: Callable[[], float] = time.time,
        **chain_options: Any,
    ) -> Self:
        """The outside that the configured networks are; arguments as of ``Outside.on``."""
        from ethr_did.did_methods import AsyncDIDResolver
        from ethr_did.resolver import AsyncResolver
        from ethr_did.status.lists import AsyncAnchoredListReader
        from ethr_did.status.reading import AsyncStatusReader

        known = networks if isinstance(networks, Networks) else Networks(networks)
        lists = None
        if fetcher is not None and seen is not None:
            lists = AsyncAnchoredListReader(fetcher, seen=seen, clock=clock)
        ethr = AsyncResolver(known, clock=clock, **chain_options)
        statuses = AsyncStatusReader(known, lists=lists, clock=clock, **chain_options)
        made = cls(
            dids=AsyncDIDResolver(
                ethr=ethr,
                fetcher=fetcher,
                universal_url=universal_url,
                cache_seconds=cache_seconds,
            ),
            statuses=statuses,
            networks=known,
            fetcher=fetcher,
            **chain_options,
        )
        made._owned = (ethr, statuses)
        return made

    async def answer(self, question: Question) -> Sequence[Any]:
        """As ``Outside.answer``."""
        match question:
            case Resolve():
                return await self._dids.resolve_many(question.dids, version_id=question.version_id)
            case AskStatuses():
                return await self._read_statuses(question)
            case AskExistence():
                return await asyncio.gather(*(self._existence(*one) for one in question.asked))
            case ReadAuthorities():
                return await asyncio.gather(*map(self._authorities, question.readings))
            case Fetch():  # pragma: no branch - there is no other
                return await asyncio.gather(*(self._fetch(url, question) for url in question.urls))

    async def _read_statuses(self, question: AskStatuses) -> list[Status]:
        if self._statuses is None:
            return [_no_reader() for _ in question.questions]
        return await self._statuses.read_statuses(question.questions, policy=question.finality)

    async def _existence(
        self, did: str, proof: ExistenceProof, digest: bytes
    ) -> Existence | EthrDIDError:
        try:
            network, make_steps = _existence_steps(self.networks, did, proof, digest)
            return await self._chain(network).agree(make_steps)
        except EthrDIDError as error:
            return error

    async def _authorities(self, reading: AuthorityReading) -> Histories | EthrDIDError:
        try:
            return await self._chain(reading.network).agree(reading.steps)
        except EthrDIDError as error:
            return error

    def _chain(self, network: Network) -> AsyncChain:
        if network not in self._chains:
            self._chains[network] = network.async_chain(**self._options)
        return self._chains[network]

    async def _fetch(self, url: str, question: Fetch) -> Fetched | FetchError:
        if self._fetcher is None:
            return _no_fetcher(url)
        try:
            return await self._fetcher.fetch(url, accept=question.accept, most=question.most)
        except FetchError as error:
            return error

    async def close(self) -> None:
        """As ``Outside.close``."""
        for one in (*self._chains.values(), *self._owned):
            await one.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

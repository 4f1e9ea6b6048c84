"""Resolving did:ethr: documents, versions, DID URLs, histories.

``Resolver`` blocks, ``AsyncResolver`` is awaited; both drive the same generators and differ in
nothing else. Answers that could not be found out come back as results with an ``error``: a dead
node is never a missing document, and never an exception from ``resolve``.

Spec: DID Resolution sections 4 and 5; did:ethr method specification.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias, cast

from ethr_did.chain.networks import Network, Networks
from ethr_did.core.dereferencing import offers, select
from ethr_did.core.did import DIDURL
from ethr_did.core.erc1056 import Event, event_to_dict
from ethr_did.core.history import View, fold
from ethr_did.core.keys import parse_address
from ethr_did.core.resolution import (
    DEFAULT_MEDIA_TYPE,
    MEDIA_TYPES,
    DereferencingResult,
    ReadAt,
    ResolutionResult,
    VersionQuery,
    choose_media_type,
    metadata_to_dict,
    parse_version,
)
from ethr_did.errors import (
    EthrDIDError,
    HistoryMissing,
    InvalidAnswer,
    NodeInconsistent,
    NotFoundError,
    RangeRefused,
)
from ethr_did.registries.did_registry import DIDRegistry, Reading

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from types import TracebackType
    from typing import Self

    from ethr_did.chain.request import Steps
    from ethr_did.chain.rpc import AsyncChain, Chain

__all__ = ["AsyncResolver", "History", "HistoryEntry", "Resolver"]

_OF_ONE_IDENTITY = (HistoryMissing, NodeInconsistent, InvalidAnswer, RangeRefused)
"""Errors that may concern a single identity of a batch: the others are then asked for again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Target:
    """One question: which DID, at which version, in which representation."""

    url: DIDURL
    network: Network
    version: VersionQuery
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryEntry:
    """One change of an identity."""

    event: Event
    history: tuple[Event, ...] = field(compare=False, repr=False)
    """The whole history it is of, which all its entries share."""
    place: int
    """Its number in there, from 0."""
    target: _Target

    @property
    def earlier(self) -> tuple[Event, ...]:
        """All that came before it."""
        return self.history[: self.place]

    @property
    def view(self) -> View:
        """The identity as it was right after this change."""
        now = self.event.block_timestamp
        events = self.history[: self.place + 1]
        return fold(self.target.url.did, self.target.network.chain_id, events, now=now or 0)

    def to_dict(self) -> dict[str, Any]:
        """The change as JSON, with the document after it."""
        view = self.view
        return {
            **event_to_dict(self.event),
            "didDocument": view.document.to_dict() if view.document else None,
            "didDocumentMetadata": metadata_to_dict(view),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """Every change of an identity, oldest first, as of one block."""

    entries: tuple[HistoryEntry, ...]
    read_at: ReadAt

    def __iter__(self) -> Iterator[HistoryEntry]:
        return iter(self.entries)

    def __len__(self) -> int:
        return len(self.entries)

    def to_dict(self) -> dict[str, Any]:
        """The history as JSON."""
        return {
            "readAt": self.read_at.to_dict(),
            "changes": [entry.to_dict() for entry in self.entries],
        }


_Make: TypeAlias = "Callable[[int | None], Steps[list[ResolutionResult]]]"
"""Makes a reading at a block number, or at the newest block."""

_Resolving: TypeAlias = "Generator[tuple[Network, _Make], list[ResolutionResult] | EthrDIDError, list[ResolutionResult]]"


class _Questions:
    """What both resolvers share: from text to targets, from readings to results."""

    def __init__(
        self,
        networks: Networks | Iterable[Network] = (),
        *,
        clock: Callable[[], float] = time.time,
        **chain_options: Any,
    ) -> None:
        self.networks = networks if isinstance(networks, Networks) else Networks(networks)
        self._clock = clock
        self._options = chain_options

    def _target(
        self, text: str, version_id: object, version_time: object, media_type: str
    ) -> _Target:
        url = DIDURL.parse(text)
        return _Target(
            url=url,
            version=parse_version(url.parameters, version_id, version_time),
            network=self.networks.find(url.did.network),
            media_type=media_type,
        )

    def _many(
        self,
        texts: Sequence[str],
        version_id: object,
        version_time: object,
        accept: str | None,
    ) -> _Resolving:
        """Yields each network with the reading to make there; is sent its results or its error."""
        results: list[ResolutionResult | None] = [None] * len(texts)
        groups: dict[Network, dict[int, _Target]] = {}
        for i, text in enumerate(texts):
            try:
                target = self._target(text, version_id, version_time, choose_media_type(accept))
            except EthrDIDError as error:
                results[i] = ResolutionResult(error=error)
            else:
                groups.setdefault(target.network, {})[i] = target
        now = int(self._clock())
        for network, targets in groups.items():
            make_steps = functools.partial(_resolve, list(targets.values()), now)
            found = yield network, make_steps
            if isinstance(found, EthrDIDError):
                found = [ResolutionResult(error=found)] * len(targets)
            for place, result in zip(targets, found, strict=True):
                results[place] = result
        return [result for result in results if result is not None]


def _registry(network: Network) -> DIDRegistry:
    return DIDRegistry(
        parse_address(network.did_registry),
        chain_id=network.chain_id,
        first_block=network.first_block,
    )


def _resolve(
    targets: Sequence[_Target], now: int, block: int | None
) -> Steps[list[ResolutionResult]]:
    """One result for each target; a fault of one identity does not take the others along."""
    network = targets[0].network
    times_of = {t.version.block_number for t in targets if t.version.block_number is not None}
    try:
        reading = yield from _registry(network).read_histories(
            [target.url.did.address for target in targets], block=block, times_of=sorted(times_of)
        )
    except _OF_ONE_IDENTITY as error:
        if len(targets) == 1:
            return [ResolutionResult(error=error)]
        half = len(targets) // 2
        first = yield from _resolve(targets[:half], now, block)
        return first + (yield from _resolve(targets[half:], now, block))
    return [_result(target, reading, now) for target in targets]


def _result(target: _Target, reading: Reading, now: int) -> ResolutionResult:
    version, head = target.version, reading.head
    if version.block_number is not None:
        moment = reading.times[version.block_number]
        if isinstance(moment, NotFoundError):
            return ResolutionResult(error=moment)
    elif version.time is not None:
        moment = version.time
    else:
        # A slow clock must not hide what is mined; a fast one may let entries expire.
        moment = max(head.timestamp, now)
    view = fold(
        target.url.did,
        target.network.chain_id,
        reading.events[target.url.did.address],
        now=moment,
        block_limit=version.block_number,
    )
    form = target.media_type if target.media_type != MEDIA_TYPES[-1] else DEFAULT_MEDIA_TYPE
    return ResolutionResult(view=view, read_at=_read_at(target.network, reading), media_type=form)


def _read_at(network: Network, reading: Reading) -> ReadAt:
    head = reading.head
    return ReadAt(
        chain_id=network.chain_id,
        block_number=head.number,
        block_hash=head.hash,
        block_timestamp=head.timestamp,
        blocks_behind=head.behind,
    )


def _read_history(target: _Target, block: int | None) -> Steps[History]:
    address = target.url.did.address
    reading = yield from _registry(target.network).read_histories([address], block=block)
    events = reading.events[address]
    entries = tuple(
        HistoryEntry(event=event, history=events, place=i, target=target)
        for i, event in enumerate(events)
    )
    return History(entries=entries, read_at=_read_at(target.network, reading))


def _dereferenced(
    url_text: str, accept: str | None, result: ResolutionResult
) -> DereferencingResult:
    """The resource that a DID URL names, once its document is known."""
    try:
        url = DIDURL.parse(url_text)
        form = choose_media_type(accept, offers(url))
        document = result.require_document()
        view = cast("View", result.view)  # where there is a document, there is a view
        return select(url, document, view, form)
    except EthrDIDError as error:
        return DereferencingResult(error=error, view=result.view)


class Resolver(_Questions):
    """Resolves did:ethr on the configured networks, blocking.

    Args:
        networks: where to look; the built-in live networks are known besides, without a node.
        clock: Unix seconds; for "valid now".
        chain_options: further arguments of ``Chain``, such as ``timeout``.

    Example:
        >>> from ethr_did import Network, Resolver
        >>> resolver = Resolver(
        ...     [
        ...         Network(
        ...             name="dev",
        ...             chain_id=31337,
        ...             rpc_url="http://127.0.0.1:1",
        ...             did_registry="0xdca7ef03e98e0dc2b855be647c39abe984fcf21b",
        ...         )
        ...     ],
        ...     retries=0,
        ... )
        >>> result = resolver.resolve("did:ethr:dev:0x7e5f4552091a69125d5dfcb7b8c2659029395bdf")
        >>> result.error.code
        'node_unreachable'
    """

    def __init__(
        self,
        networks: Networks | Iterable[Network] = (),
        *,
        clock: Callable[[], float] = time.time,
        **chain_options: Any,
    ) -> None:
        super().__init__(networks, clock=clock, **chain_options)
        self._chains: dict[Network, Chain] = {}

    def resolve(
        self,
        did: str,
        *,
        version_id: int | str | None = None,
        version_time: str | None = None,
        accept: str | None = None,
    ) -> ResolutionResult:
        """The document of a DID with its metadata, or the error that stood in the way.

        Args:
            did: a did:ethr, or a DID URL whose ``versionId`` or ``versionTime`` count.
            version_id: block number whose state is wanted.
            version_time: UTC time whose state is wanted, ``YYYY-MM-DDThh:mm:ssZ``.
            accept: media types as in HTTP's Accept; None for JSON-LD.

        Spec: DID Resolution section 4.
        """
        return self.resolve_many(
            [did], version_id=version_id, version_time=version_time, accept=accept
        )[0]

    def resolve_many(
        self,
        dids: Iterable[str],
        *,
        version_id: int | str | None = None,
        version_time: str | None = None,
        accept: str | None = None,
    ) -> list[ResolutionResult]:
        """One result for each DID, in order; each network is asked in a few round trips.

        Args: as ``resolve``.
        """
        plan = self._many(list(dids), version_id, version_time, accept)
        outcome: list[ResolutionResult] | EthrDIDError | None = None
        try:
            while True:
                network, make_steps = next(plan) if outcome is None else plan.send(outcome)
                try:
                    outcome = self._chain(network).agree(make_steps)
                except EthrDIDError as error:
                    outcome = error
        except StopIteration as done:
            return cast("list[ResolutionResult]", done.value)

    def dereference(
        self,
        did_url: str,
        *,
        version_id: int | str | None = None,
        version_time: str | None = None,
        accept: str | None = None,
    ) -> DereferencingResult:
        """The resource that a DID URL names: document, verification method, service or URLs.

        Args:
            did_url: with ``#fragment``, or ``?service=…&relativeRef=…``.
            version_id: as ``resolve``.
            version_time: as ``resolve``.
            accept: as ``resolve``, or ``text/uri-list`` for the URLs of a service.

        Spec: DID Resolution section 5.
        """
        result = self.resolve(did_url, version_id=version_id, version_time=version_time)
        return _dereferenced(did_url, accept, result)

    def history(self, did: str) -> History:
        """Every change of an identity.

        Raises:
            EthrDIDError: the DID is wrong, or the chain could not be read.
        """
        target = self._target(did, None, None, DEFAULT_MEDIA_TYPE)
        return self._chain(target.network).agree(functools.partial(_read_history, target))

    def _chain(self, network: Network) -> Chain:
        if network not in self._chains:
            self._chains[network] = network.chain(**self._options)
        return self._chains[network]

    @property
    def round_trips(self) -> int:
        """HTTP requests made so far, over all networks."""
        return sum(chain.round_trips for chain in self._chains.values())

    def close(self) -> None:
        """Gives connections back."""
        for chain in self._chains.values():
            chain.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


class AsyncResolver(_Questions):
    """Resolves did:ethr on the configured networks, awaited; otherwise as ``Resolver``."""

    def __init__(
        self,
        networks: Networks | Iterable[Network] = (),
        *,
        clock: Callable[[], float] = time.time,
        **chain_options: Any,
    ) -> None:
        super().__init__(networks, clock=clock, **chain_options)
        self._chains: dict[Network, AsyncChain] = {}

    async def resolve(
        self,
        did: str,
        *,
        version_id: int | str | None = None,
        version_time: str | None = None,
        accept: str | None = None,
    ) -> ResolutionResult:
        """As ``Resolver.resolve``."""
        results = await self.resolve_many(
            [did], version_id=version_id, version_time=version_time, accept=accept
        )
        return results[0]

    async def resolve_many(
        self,
        dids: Iterable[str],
        *,
        version_id: int | str | None = None,
        version_time: str | None = None,
        accept: str | None = None,
    ) -> list[ResolutionResult]:
        """As ``Resolver.resolve_many``."""
        plan = self._many(list(dids), version_id, version_time, accept)
        outcome: list[ResolutionResult] | EthrDIDError | None = None
        try:
            while True:
                network, make_steps = next(plan) if outcome is None else plan.send(outcome)
                try:
                    outcome = await self._chain(network).agree(make_steps)
                except EthrDIDError as error:
                    outcome = error
        except StopIteration as done:
            return cast("list[ResolutionResult]", done.value)

    async def dereference(
        self,
        did_url: str,
        *,
        version_id: int | str | None = None,
        version_time: str | None = None,
        accept: str | None = None,
    ) -> DereferencingResult:
        """As ``Resolver.dereference``."""
        result = await self.resolve(did_url, version_id=version_id, version_time=version_time)
        return _dereferenced(did_url, accept, result)

    async def history(self, did: str) -> History:
        """As ``Resolver.history``."""
        target = self._target(did, None, None, DEFAULT_MEDIA_TYPE)
        return await self._chain(target.network).agree(functools.partial(_read_history, target))

    def _chain(self, network: Network) -> AsyncChain:
        if network not in self._chains:
            self._chains[network] = network.async_chain(**self._options)
        return self._chains[network]

    @property
    def round_trips(self) -> int:
        """HTTP requests made so far, over all networks."""
        return sum(chain.round_trips for chain in self._chains.values())

    async def close(self) -> None:
        """Gives connections back."""
        for chain in self._chains.values():
            await chain.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

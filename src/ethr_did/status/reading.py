"""What a verifier asks: the status of credentials, now or in the past, one or many.

Rules:
  1. Only what was found out is an answer. Everything else is ``undetermined`` with its reason: a
     node that fails, a contract or chain that is not configured, an issuer that is no did:ethr, an
     entry that is broken. It is never "valid", and does not spoil the answers about other entries.
  2. The statuses are those of the credential's issuer, in the contracts that the configuration
     names for the issuer's network, bound to that network's DID registry.
  3. Of the newest block and the last finalised one the stricter answer counts, unless another
     policy is chosen. A node that does not say what is final cannot show that a status is valid.
  4. What was written after the issuer gave up its identity does not count. On chain its first key
     has control again; the answer is that of before.
  5. A status in the past is found by going back from the newest one, one block for each change; a
     time needs no block to be searched for, since each change says its time.

``StatusReader`` blocks, ``AsyncStatusReader`` is awaited; both drive the same generators.

Round trips: one for any number of statuses of one network; one more for each change gone back,
shared by all of them; one more for times, where they are asked for.

Spec: docs/credential-status.md.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, cast

from ethr_did.core.bitstring import BitOrder
from ethr_did.core.status_answer import FinalityPolicy, Status, StatusKind
from ethr_did.core.status_history import Change
from ethr_did.errors import EthrDIDError, StatusUndetermined
from ethr_did.status.listing import ListStatuses, StatusHistory
from ethr_did.status.questions import (
    AnyEntry,
    ChainJob,
    Job,
    Plan,
    Questions,
    StatusOptions,
    StatusQuestion,
)
from ethr_did.status.verdicts import AnchoredList, AnchorView

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from types import TracebackType
    from typing import Self, Unpack

    from ethr_did.chain.networks import Network, Networks
    from ethr_did.chain.rpc import AsyncChain, Chain
    from ethr_did.core.did import EthrDID
    from ethr_did.core.status_entry import BitstringEntry, ContractId, TokenEntry
    from ethr_did.core.status_list import ListId

__all__ = [
    "AnchorView",
    "AnchoredList",
    "AsyncListReader",
    "AsyncStatusReader",
    "Change",
    "ListReader",
    "ListStatuses",
    "StatusHistory",
    "StatusOptions",
    "StatusQuestion",
    "StatusReader",
]

T = TypeVar("T")


class ListReader(Protocol):
    """Reads lists kept off chain."""

    def read(self, entry: BitstringEntry | TokenEntry, anchored: AnchoredList) -> Status:
        """The status of an entry, in the version of the list that the chain names.

        Args:
            entry: with an anchor.
            anchored: what the chain says about the list.

        Raises:
            EthrDIDError: it could not be found out; the answer is then "undetermined".
        """
        ...


class AsyncListReader(Protocol):
    """Reads lists kept off chain, awaited."""

    async def read(self, entry: BitstringEntry | TokenEntry, anchored: AnchoredList) -> Status:
        """As ``ListReader.read``."""
        ...


def _check_all(found: tuple[Status, ...]) -> tuple[Status, ...]:
    """The statuses of a credential, if there are some and all are valid."""
    if not found:
        raise StatusUndetermined(
            "the credential says nothing about its status",
            hint="Nobody can tell whether it was revoked. Accept it only if it need not be revocable.",
        )
    # A "no" is worse than not knowing.
    for status in sorted(found, key=lambda one: one.kind is StatusKind.UNDETERMINED):
        status.check()
    return found


class StatusReader(Questions):
    """Reads the status of credentials on the configured networks, blocking.

    Args:
        networks: where issuers live; each with the addresses of its status contracts.
        policy: which block counts, unless a question says otherwise.
        lists: reads lists kept off chain; without it their entries are undetermined.
        legacy_registries: registries of the older kinds that are believed.
        max_age: seconds; where the newest block of a node is older, nothing is valid. None: as
            old as it may be.
        clock: Unix seconds; for ``max_age``.
        chain_options: further arguments of ``Chain``, such as ``timeout``.

    Example:
        >>> from ethr_did import Network
        >>> node = "http://127.0.0.1:1"
        >>> contracts = {
        ...     "did_registry": "0xdca7ef03e98e0dc2b855be647c39abe984fcf21b",
        ...     "status_registry": "0x7e5f4552091a69125d5dfcb7b8c2659029395bdf",
        ... }
        >>> network = Network(name="dev", chain_id=31337, rpc_url=node, **contracts)
        >>> entry = {
        ...     "type": "EthereumStatusListEntry",
        ...     "registry": "eip155:31337:0x7e5f4552091a69125d5dfcb7b8c2659029395bdf",
        ...     "listId": "0x01000000" + "11" + "5a" * 27,
        ...     "statusListIndex": "94567",
        ... }
        >>> issuer = "did:ethr:dev:0x2b5ad5c4795c026514f8317c7a215e218dccd6cf"
        >>> with StatusReader([network], retries=0) as reader:
        ...     status = reader.read_status(entry, issuer)
        >>> status.kind.value, status.reason.code, status.is_valid
        ('undetermined', 'node_unreachable', False)
    """

    def __init__(
        self,
        networks: Networks | Iterable[Network] = (),
        *,
        policy: FinalityPolicy = FinalityPolicy.STRICTEST,
        lists: ListReader | None = None,
        legacy_registries: Iterable[ContractId] = (),
        max_age: int | None = None,
        clock: Callable[[], float] = time.time,
        **chain_options: Any,
    ) -> None:
        super().__init__(
            networks,
            policy=policy,
            has_lists=lists is not None,
            legacy_registries=legacy_registries,
            max_age=max_age,
            clock=clock,
            **chain_options,
        )
        self._list_reader = lists
        self._chains: dict[Network, Chain] = {}

    def read_status(
        self,
        entry: AnyEntry,
        issuer: EthrDID | str,
        *,
        digest: bytes | None = None,
        token: str | None = None,
        **options: Unpack[StatusOptions],
    ) -> Status:
        """The status of one entry; "undetermined" with its reason where it is not found out.

        Args:
            entry: of the credential.
            issuer: DID of the credential's issuer.
            digest: 32 bytes over what the credential says, for records.
            token: the credential as a JWT, for ``EthrStatusRegistry2019``.
            options: see ``StatusOptions``.

        Raises:
            InvalidOption: the options contradict each other.
        """
        question = StatusQuestion(entry=entry, issuer=issuer, digest=digest, token=token)
        return self.read_statuses([question], **options)[0]

    def check_status(
        self,
        entry: AnyEntry,
        issuer: EthrDID | str,
        *,
        digest: bytes | None = None,
        token: str | None = None,
        **options: Unpack[StatusOptions],
    ) -> Status:
        """The status of one entry, if it is valid. Arguments as ``read_status``.

        Raises:
            StatusUndetermined: it could not be found out.
            StatusNotValid: it is anything else.
            InvalidOption: the options contradict each other.
        """
        return self.read_status(entry, issuer, digest=digest, token=token, **options).check()

    def read_statuses(
        self, questions: Iterable[StatusQuestion], **options: Unpack[StatusOptions]
    ) -> list[Status]:
        """One status for each question, in order; one round trip for each network.

        Raises:
            InvalidOption: the options contradict each other.
        """
        return self._drive(self._statuses(list(questions), self._asking(options)))

    def read_credential(
        self,
        credential: Mapping[str, Any],
        issuer: EthrDID | str | None = None,
        *,
        digest: bytes | None = None,
        token: str | None = None,
        **options: Unpack[StatusOptions],
    ) -> tuple[Status, ...]:
        """One status for each entry of a credential; none if it says nothing about its status.

        An empty answer is no "valid": ``all(...)`` over it is true. Whether a credential without a
        status is good enough is for the caller to say; ``check_credential`` refuses it.

        Args:
            credential: its claims, see ``core.status_entry.entries_of``.
            issuer: its DID; None: as the credential says.
            digest: as ``read_status``.
            token: as ``read_status``.
            options: see ``StatusOptions``.

        Raises:
            InvalidOption: the options contradict each other.
        """
        asking = self._asking(options)
        return self._drive(self._credential(credential, issuer, digest, token, asking))

    def check_credential(
        self,
        credential: Mapping[str, Any],
        issuer: EthrDID | str | None = None,
        *,
        digest: bytes | None = None,
        token: str | None = None,
        **options: Unpack[StatusOptions],
    ) -> tuple[Status, ...]:
        """The statuses of a credential, at least one, if all are valid.

        Arguments as ``read_credential``.

        Raises:
            StatusNotValid: one is anything else.
            StatusUndetermined: one could not be found out, or the credential says nothing about
                its status.
            InvalidOption: the options contradict each other.
        """
        return _check_all(
            self.read_credential(credential, issuer, digest=digest, token=token, **options)
        )

    def read_list(
        self,
        list_id: ListId,
        issuer: EthrDID | str,
        *,
        registry: ContractId | None = None,
        order: BitOrder = BitOrder.MSB_FIRST,
        **options: Unpack[StatusOptions],
    ) -> ListStatuses:
        """All statuses of a list on chain: nobody learns which one is of interest.

        Args:
            list_id: of the list.
            issuer: its DID.
            registry: the contract that an entry names; None: the configured one.
            order: of the bits: as the W3C or the IETF has them.
            options: see ``StatusOptions``; ``exact_since`` and ``times`` mean nothing here.

        Raises:
            InvalidInput: there is no such list, or it is too large.
            InvalidConfiguration: another registry is configured, or none.
            NotFoundError: a block or time is asked about that is still to come.
            ChainError: it could not be found out.
        """
        plan = self._list(list_id, issuer, registry, order, self._asking(options))
        return self._drive(plan)

    def history(
        self, entry: AnyEntry, issuer: EthrDID | str, *, digest: bytes | None = None
    ) -> tuple[Change, ...]:
        """Every change of an entry or record on chain, oldest first.

        One round trip for each block in which its word or record changed, and one to begin with.

        Args:
            entry: of the credential.
            issuer: its DID.
            digest: as ``read_status``.

        Raises:
            EthrDIDError: it could not be found out, or there is no such history.
        """
        return self.read_history(entry, issuer, digest=digest).changes

    def read_history(
        self, entry: AnyEntry, issuer: EthrDID | str, *, digest: bytes | None = None
    ) -> StatusHistory:
        """Every change, as ``history``, and the block that it was read at."""
        return self._drive(self._history(entry, issuer, digest))

    def _drive(self, plan: Plan[T]) -> T:
        try:
            jobs = next(plan)
            while True:
                jobs = plan.send([self._do(job) for job in jobs])
        except StopIteration as done:
            return cast("T", done.value)

    def _do(self, job: Job) -> Any:
        try:
            if isinstance(job, ChainJob):
                return self._chain(job.network).agree(job.make_steps)
            return cast("ListReader", self._list_reader).read(job.entry, job.anchored)
        except EthrDIDError as error:
            return error

    def _chain(self, network: Network) -> Chain:
        if network not in self._chains:
            self._chains[network] = network.chain(**self._options)
        return self._chains[network]

    @property
    def round_trips(self) -> int:
        """HTTP requests made to nodes so far, over all networks."""
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


class AsyncStatusReader(Questions):
    """Reads the status of credentials, awaited; otherwise as ``StatusReader``.

    Networks are asked at once, and so are lists kept off chain.
    """

    def __init__(
        self,
        networks: Networks | Iterable[Network] = (),
        *,
        policy: FinalityPolicy = FinalityPolicy.STRICTEST,
        lists: AsyncListReader | None = None,
        legacy_registries: Iterable[ContractId] = (),
        max_age: int | None = None,
        clock: Callable[[], float] = time.time,
        **chain_options: Any,
    ) -> None:
        super().__init__(
            networks,
            policy=policy,
            has_lists=lists is not None,
            legacy_registries=legacy_registries,
            max_age=max_age,
            clock=clock,
            **chain_options,
        )
        self._list_reader = lists
        self._chains: dict[Network, AsyncChain] = {}

    async def read_status(
        self,
        entry: AnyEntry,
        issuer: EthrDID | str,
        *,
        digest: bytes | None = None,
        token: str | None = None,
        **options: Unpack[StatusOptions],
    ) -> Status:
        """As ``StatusReader.read_status``."""
        question = StatusQuestion(entry=entry, issuer=issuer, digest=digest, token=token)
        return (await self.read_statuses([question], **options))[0]

    async def check_status(
        self,
        entry: AnyEntry,
        issuer: EthrDID | str,
        *,
        digest: bytes | None = None,
        token: str | None = None,
        **options: Unpack[StatusOptions],
    ) -> Status:
        """As ``StatusReader.check_status``."""
        found = await self.read_status(entry, issuer, digest=digest, token=token, **options)
        return found.check()

    async def read_statuses(
        self, questions: Iterable[StatusQuestion], **options: Unpack[StatusOptions]
    ) -> list[Status]:
        """As ``StatusReader.read_statuses``."""
        return await self._drive(self._statuses(list(questions), self._asking(options)))

    async def read_credential(
        self,
        credential: Mapping[str, Any],
        issuer: EthrDID | str | None = None,
        *,
        digest: bytes | None = None,
        token: str | None = None,
        **options: Unpack[StatusOptions],
    ) -> tuple[Status, ...]:
        """As ``StatusReader.read_credential``."""
        asking = self._asking(options)
        return await self._drive(self._credential(credential, issuer, digest, token, asking))

    async def check_credential(
        self,
        credential: Mapping[str, Any],
        issuer: EthrDID | str | None = None,
        *,
        digest: bytes | None = None,
        token: str | None = None,
        **options: Unpack[StatusOptions],
    ) -> tuple[Status, ...]:
        """As ``StatusReader.check_credential``."""
        found = await self.read_credential(
            credential, issuer, digest=digest, token=token, **options
        )
        return _check_all(found)

    async def read_list(
        self,
        list_id: ListId,
        issuer: EthrDID | str,
        *,
        registry: ContractId | None = None,
        order: BitOrder = BitOrder.MSB_FIRST,
        **options: Unpack[StatusOptions],
    ) -> ListStatuses:
        """As ``StatusReader.read_list``."""
        plan = self._list(list_id, issuer, registry, order, self._asking(options))
        return await self._drive(plan)

    async def history(
        self, entry: AnyEntry, issuer: EthrDID | str, *, digest: bytes | None = None
    ) -> tuple[Change, ...]:
        """As ``StatusReader.history``."""
        return (await self.read_history(entry, issuer, digest=digest)).changes

    async def read_history(
        self, entry: AnyEntry, issuer: EthrDID | str, *, digest: bytes | None = None
    ) -> StatusHistory:
        """As ``StatusReader.read_history``."""
        return await self._drive(self._history(entry, issuer, digest))

    async def _drive(self, plan: Plan[T]) -> T:
        try:
            jobs = next(plan)
            while True:
                jobs = plan.send(await asyncio.gather(*map(self._do, jobs)))
        except StopIteration as done:
            return cast("T", done.value)

    async def _do(self, job: Job) -> Any:
        try:
            if isinstance(job, ChainJob):
                return await self._chain(job.network).agree(job.make_steps)
            return await cast("AsyncListReader", self._list_reader).read(job.entry, job.anchored)
        except EthrDIDError as error:
            return error

    def _chain(self, network: Network) -> AsyncChain:
        if network not in self._chains:
            self._chains[network] = network.async_chain(**self._options)
        return self._chains[network]

    @property
    def round_trips(self) -> int:
        """HTTP requests made to nodes so far, over all networks."""
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

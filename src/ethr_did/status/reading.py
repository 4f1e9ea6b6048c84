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
import functools
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypedDict, TypeVar, cast

from ethr_did.chain.networks import Network, Networks
from ethr_did.core.bitstring import BitOrder
from ethr_did.core.did import EthrDID
from ethr_did.core.keys import parse_address, to_checksum_address
from ethr_did.core.status_answer import FinalityPolicy, Status, StatusKind, undetermined
from ethr_did.core.status_calls import LensKind, LensQuestion
from ethr_did.core.status_entry import (
    BitstringEntry,
    ContractId,
    Entry,
    KeyedRecord,
    ListEntry,
    RecordEntry,
    Registry2019Entry,
    Registry2022Entry,
    TokenEntry,
    entry_from_dict,
    issuer_of,
    status_members,
)
from ethr_did.core.status_history import Change, Limit
from ethr_did.core.status_list import ListId, status_key
from ethr_did.errors import (
    EthrDIDError,
    InvalidConfiguration,
    InvalidInput,
    InvalidOption,
    InvalidStatusEntry,
    StatusUndetermined,
    shown,
)
from ethr_did.status.legacy import digests_of
from ethr_did.status.listing import ListStatuses, StatusHistory, read_history, read_list
from ethr_did.status.verdicts import (
    AnchoredList,
    AnchorView,
    Asking,
    Target,
    Verdict,
    aged,
    read_verdicts,
)

if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self, Unpack

    from ethr_did.chain.request import Steps
    from ethr_did.chain.rpc import AsyncChain, Chain

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

_ENTRIES = (
    ListEntry,
    RecordEntry,
    KeyedRecord,
    BitstringEntry,
    TokenEntry,
    Registry2019Entry,
    Registry2022Entry,
)

AnyEntry: TypeAlias = Entry | KeyedRecord | Mapping[str, Any]
"""An entry, or the JSON object that a credential has for it."""


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


class StatusOptions(TypedDict, total=False):
    """How statuses are asked for."""

    at_block: int | None
    """Number of the block after which the status is wanted; None: the newest."""
    at_time: int | None
    """Unix seconds at which it is wanted, instead of a block."""
    policy: FinalityPolicy | None
    """Which block counts; None: as the reader was made."""
    exact_since: bool
    """Whether to find the change of the entry itself: words are shared by neighbours. One round
    trip for each change of its word back to there."""
    times: bool
    """Whether to find out the time of the change; one round trip more for lists."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusQuestion:
    """One status that is asked for."""

    entry: AnyEntry
    issuer: EthrDID | str
    """Whose credential it is."""
    digest: bytes | None = None
    """32 bytes over what the credential says, for records."""
    token: str | None = None
    """The credential as a JWT, for ``EthrStatusRegistry2019``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _ChainJob:
    """To do: a reading of one network."""

    network: Network
    make_steps: Callable[[int | None], Steps[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _ListJob:
    """To do: a list kept off chain."""

    entry: BitstringEntry | TokenEntry
    anchored: AnchoredList


_Job: TypeAlias = _ChainJob | _ListJob
_Plan: TypeAlias = Generator[Sequence[_Job], Sequence[Any], T]
"""Yields what to do, is sent results or errors."""


class _Questions:
    """What both readers share: from entries to targets, from readings to answers."""

    def __init__(
        self,
        networks: Networks | Iterable[Network] = (),
        *,
        policy: FinalityPolicy = FinalityPolicy.STRICTEST,
        has_lists: bool,
        legacy_registries: Iterable[ContractId] = (),
        max_age: int | None = None,
        clock: Callable[[], float] = time.time,
        **chain_options: Any,
    ) -> None:
        self.networks = networks if isinstance(networks, Networks) else Networks(networks)
        self.policy = policy
        self._has_lists = has_lists
        self._legacy = frozenset(legacy_registries)
        self._max_age = max_age
        self._clock = clock
        self._options = chain_options

    # What is asked

    def _asking(self, options: StatusOptions) -> Asking:
        block, moment = options.get("at_block"), options.get("at_time")
        if block is not None and moment is not None:
            raise InvalidOption("a status is asked for at a block or at a time, not both")
        for value in (block, moment):
            if value is not None and (isinstance(value, bool) or value < 0):
                raise InvalidOption(f"not a block or time: {shown(value)}")
        limit = Limit(time=moment) if block is None else Limit.of_block(block)
        now = self._max_age is not None and block is None and moment is None
        return Asking(
            policy=options.get("policy") or self.policy,
            limit=limit,
            at_block=block,
            exact_since=options.get("exact_since", False),
            times=options.get("times", False),
            not_before=int(self._clock()) - (self._max_age or 0) if now else None,
        )

    def _target(self, question: StatusQuestion) -> tuple[Network, Target]:
        """The network and the contract behind a question.

        Raises:
            EthrDIDError: there is none that can be asked.
        """
        entry = question.entry
        if not isinstance(entry, _ENTRIES):
            entry = entry_from_dict(entry)
        did = _did(question.issuer)
        network = self.networks.find(did.network)
        if isinstance(entry, (Registry2019Entry, Registry2022Entry)):
            digests = self._check_legacy(network, entry, question, did)
            return network, Target(entry=entry, identity=did.address, digests=digests)
        if isinstance(entry, (BitstringEntry, TokenEntry)):
            asked = self._anchor_question(network, entry, did)
        else:
            asked = _question_on_chain(network, entry, did, question.digest)
        return network, Target(entry=entry, identity=did.address, question=asked)

    def _anchor_question(
        self, network: Network, entry: BitstringEntry | TokenEntry, did: EthrDID
    ) -> LensQuestion:
        if entry.anchor is None:
            raise StatusUndetermined(
                "the list is not anchored on chain, and its signature is not verified here",
                hint="Verify the list credential, or ask the issuer to anchor its lists.",
            )
        if not self._has_lists:
            raise StatusUndetermined(
                "the entry is in a list kept off chain, and this reader has none to fetch it",
                hint="Give the reader a list reader.",
            )
        _check_contract(network, entry.anchor.registry, "anchor_registry")
        return LensQuestion(
            registry=entry.anchor.registry.address,
            kind=LensKind.ANCHOR,
            identity=did.address,
            id=entry.anchor.list_id.value,
        )

    def _check_legacy(
        self,
        network: Network,
        entry: Registry2019Entry | Registry2022Entry,
        question: StatusQuestion,
        did: EthrDID,
    ) -> tuple[bytes, ...]:
        """The digests of the token, where the registry goes by them."""
        if isinstance(entry, Registry2022Entry):
            contract = entry.registry
        else:
            named = self.networks.find(entry.network) if entry.network else network
            contract = ContractId(named.chain_id, entry.registry)
        _check_chain(network, contract)
        if contract not in self._legacy:
            raise StatusUndetermined(
                f"the registry {contract.text} is not one of those that this reader believes",
                hint="If you trust it, name it in legacy_registries.",
                registry=contract.text,
            )
        if isinstance(entry, Registry2022Entry):
            return ()
        if question.token is None:
            raise StatusUndetermined(
                "this registry goes by the text of the token, which is not here",
                hint="Give the credential as the JWT it was issued as.",
            )
        return digests_of(question.token, entry, did.address)

    # What is done

    def _statuses(self, questions: Sequence[StatusQuestion], asking: Asking) -> _Plan[list[Status]]:
        answers: dict[int, Verdict] = {}
        groups: dict[Network, dict[int, Target]] = {}
        for i, question in enumerate(questions):
            try:
                network, target = self._target(question)
            except EthrDIDError as error:
                answers[i] = undetermined(error)
            else:
                groups.setdefault(network, {})[i] = target
        jobs = [
            _ChainJob(
                network=network,
                make_steps=functools.partial(
                    read_verdicts, network, list(targets.values()), asking
                ),
            )
            for network, targets in groups.items()
        ]
        outcomes = (yield jobs) if jobs else ()
        for targets, outcome in zip(groups.values(), outcomes, strict=True):
            failed = isinstance(outcome, EthrDIDError)
            found = [undetermined(outcome)] * len(targets) if failed else outcome
            answers |= zip(targets, found, strict=True)
        targets = {i: target for group in groups.values() for i, target in group.items()}
        return (yield from self._lists(answers, targets))

    def _lists(
        self, answers: Mapping[int, Verdict], targets: Mapping[int, Target]
    ) -> _Plan[list[Status]]:
        jobs = {
            i: _ListJob(entry=cast("BitstringEntry", targets[i].entry), anchored=answer)
            for i, answer in answers.items()
            if isinstance(answer, AnchoredList)
        }
        outcomes = (yield list(jobs.values())) if jobs else ()
        found = dict(answers)
        for (i, job), outcome in zip(jobs.items(), outcomes, strict=True):
            read = undetermined(outcome) if isinstance(outcome, EthrDIDError) else outcome
            found[i] = aged(read, job.anchored.too_old)
        return [cast("Status", found[i]) for i in range(len(found))]

    def _credential(
        self,
        credential: Mapping[str, Any],
        issuer: EthrDID | str | None,
        digest: bytes | None,
        token: str | None,
        asking: Asking,
    ) -> _Plan[tuple[Status, ...]]:
        try:
            members = status_members(credential)
            named = issuer_of(credential) if issuer is None and members else issuer
        except InvalidInput as error:
            return (undetermined(error),)
        questions = [
            StatusQuestion(
                entry=cast("AnyEntry", member), issuer=named or "", digest=digest, token=token
            )
            for member in members
        ]
        return tuple((yield from self._statuses(questions, asking)))

    def _list(
        self,
        list_id: ListId,
        issuer: EthrDID | str,
        registry: ContractId | None,
        order: BitOrder,
        asking: Asking,
    ) -> _Plan[ListStatuses]:
        did = _did(issuer)
        network = self.networks.find(did.network)
        contract = registry or _configured(network, "status_registry")
        entry = ListEntry(registry=contract, list_id=list_id, index=0)
        question = _question_on_chain(network, entry, did, None)

        def make_steps(block: int | None) -> Steps[ListStatuses]:
            return read_list(network, question, asking, block, order=order)

        return (yield from _one(network, make_steps))

    def _history(
        self, entry: AnyEntry, issuer: EthrDID | str, digest: bytes | None
    ) -> _Plan[StatusHistory]:
        question = StatusQuestion(entry=entry, issuer=issuer, digest=digest)
        network, target = self._target(question)
        if not isinstance(target.entry, (ListEntry, RecordEntry, KeyedRecord)):
            raise InvalidOption(
                "only statuses that are kept on chain have a history of their changes there",
                hint="A list kept off chain has versions.",
            )
        steps = functools.partial(read_history, network, cast("LensQuestion", target.question))
        return (yield from _one(network, steps))


def _one(network: Network, make_steps: Callable[[int | None], Steps[T]]) -> _Plan[T]:
    """The result of one reading; raises its error."""
    (outcome,) = yield [_ChainJob(network=network, make_steps=make_steps)]
    if isinstance(outcome, EthrDIDError):
        raise outcome
    return cast("T", outcome)


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


def _did(issuer: EthrDID | str) -> EthrDID:
    return issuer if isinstance(issuer, EthrDID) else EthrDID.parse(issuer)


def _question_on_chain(
    network: Network,
    entry: ListEntry | RecordEntry | KeyedRecord,
    did: EthrDID,
    digest: bytes | None,
) -> LensQuestion:
    _check_contract(network, entry.registry, "status_registry")
    if isinstance(entry, ListEntry):
        return LensQuestion(
            registry=entry.registry.address,
            kind=LensKind.ENTRY,
            identity=did.address,
            id=entry.list_id.value,
            index=entry.index,
        )
    if isinstance(entry, KeyedRecord):
        return _question_about_record(entry.registry, did, entry.key)
    if digest is None:
        raise StatusUndetermined(
            "a record is found by the digest of the credential, which is not here",
            hint="Give the digest of what the credential says.",
        )
    return _question_about_record(entry.registry, did, status_key(entry.salt, digest))


def _question_about_record(registry: ContractId, did: EthrDID, key: bytes) -> LensQuestion:
    return LensQuestion(
        registry=registry.address, kind=LensKind.RECORD, identity=did.address, id=key
    )


def _configured(network: Network, field: str) -> ContractId:
    address = getattr(network, field)
    if address is None:
        raise InvalidConfiguration(
            f"network {network.name} has no {field}",
            hint="Name its address in the configuration.",
            network=network.name,
        )
    return ContractId(network.chain_id, parse_address(address))


def _check_contract(network: Network, named: ContractId, field: str) -> None:
    """Raises unless an entry names the contract that is configured."""
    _check_chain(network, named)
    expected = _configured(network, field)
    if named != expected:
        raise InvalidStatusEntry(
            f"the entry names the contract {to_checksum_address(named.address)}; the {field} of "
            f"network {network.name} is {to_checksum_address(expected.address)}",
            hint="Anybody can deploy a contract that says what he likes. If you trust this one, "
            "configure it.",
            registry=named.text,
        )


def _check_chain(network: Network, named: ContractId) -> None:
    if named.chain_id != network.chain_id:
        raise InvalidStatusEntry(
            f"the entry names a contract on chain {named.chain_id}; the issuer's identity is on "
            f"chain {network.chain_id}",
            hint="Statuses are kept where the identity of the issuer is.",
            registry=named.text,
        )


class StatusReader(_Questions):
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

    def _drive(self, plan: _Plan[T]) -> T:
        try:
            jobs = next(plan)
            while True:
                jobs = plan.send([self._do(job) for job in jobs])
        except StopIteration as done:
            return cast("T", done.value)

    def _do(self, job: _Job) -> Any:
        try:
            if isinstance(job, _ChainJob):
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


class AsyncStatusReader(_Questions):
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

    async def _drive(self, plan: _Plan[T]) -> T:
        try:
            jobs = next(plan)
            while True:
                jobs = plan.send(await asyncio.gather(*map(self._do, jobs)))
        except StopIteration as done:
            return cast("T", done.value)

    async def _do(self, job: _Job) -> Any:
        try:
            if isinstance(job, _ChainJob):
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

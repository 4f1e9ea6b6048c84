"""Questions about statuses: which contract of which network each is about, and what has to be read.

Rules:
  1. The statuses are those of the credential's issuer, in the contracts that the configuration
     names for the issuer's network. An entry that names another contract is refused: anybody can
     deploy one that says what he likes.
  2. What cannot be asked is answered at once, with its reason, and spoils no other question.
  3. Questions about one network are one reading. Lists kept off chain come after it, in the version
     that the chain names.

Nothing is read here: a plan yields what is to be done, and is sent what came of it. Both readers of
``reading.py`` drive the same plans.

Spec: docs/credential-status.md.
"""

from __future__ import annotations

import functools
import time
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, TypeVar, cast

from ethr_did.chain.networks import Network, Networks
from ethr_did.core.did import EthrDID
from ethr_did.core.keys import parse_address, to_checksum_address
from ethr_did.core.status_answer import FinalityPolicy, Status, undetermined
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
from ethr_did.core.status_history import Limit
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
from ethr_did.status.verdicts import AnchoredList, Asking, Target, Verdict, aged, read_verdicts

if TYPE_CHECKING:
    from ethr_did.chain.request import Steps
    from ethr_did.core.bitstring import BitOrder

__all__ = [
    "AnyEntry",
    "ChainJob",
    "Job",
    "ListJob",
    "Plan",
    "Questions",
    "StatusOptions",
    "StatusQuestion",
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
class ChainJob:
    """To do: a reading of one network."""

    network: Network
    make_steps: Callable[[int | None], Steps[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListJob:
    """To do: a list kept off chain."""

    entry: BitstringEntry | TokenEntry
    anchored: AnchoredList


Job: TypeAlias = ChainJob | ListJob
Plan: TypeAlias = Generator[Sequence[Job], Sequence[Any], T]
"""Yields what to do, is sent results or errors."""


class Questions:
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

    def _statuses(self, questions: Sequence[StatusQuestion], asking: Asking) -> Plan[list[Status]]:
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
            ChainJob(
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
    ) -> Plan[list[Status]]:
        jobs = {
            i: ListJob(entry=cast("BitstringEntry", targets[i].entry), anchored=answer)
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
    ) -> Plan[tuple[Status, ...]]:
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
    ) -> Plan[ListStatuses]:
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
    ) -> Plan[StatusHistory]:
        question = StatusQuestion(entry=entry, issuer=issuer, digest=digest)
        network, target = self._target(question)
        if not isinstance(target.entry, (ListEntry, RecordEntry, KeyedRecord)):
            raise InvalidOption(
                "only statuses that are kept on chain have a history of their changes there",
                hint="A list kept off chain has versions.",
            )
        steps = functools.partial(read_history, network, cast("LensQuestion", target.question))
        return (yield from _one(network, steps))


def _one(network: Network, make_steps: Callable[[int | None], Steps[T]]) -> Plan[T]:
    """The result of one reading; raises its error."""
    (outcome,) = yield [ChainJob(network=network, make_steps=make_steps)]
    if isinstance(outcome, EthrDIDError):
        raise outcome
    return cast("T", outcome)


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

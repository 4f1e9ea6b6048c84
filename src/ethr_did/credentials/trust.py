"""Whose credentials a verifier accepts: several sources, one verdict.

Rules:
  1. An issuer is accepted if any source trusts it for all kinds that the credential claims to be.
  2. A source that could not be read, or whose signature could not be checked, makes a "no" of the
     others undetermined; it never makes a "yes" of anything.
  3. A list whose time is over, and one that is not its signer's, say no.
  4. Nothing is asked that the answer does not hang on: no authority where a local list already says
     yes, no signature of a list that would say no.

How a verifier uses it::

    needs = policy.needs(credentials, now=now)     # what has to be found out
    state = TrustState(now=now)
    for signed in needs.proofs:                   # resolve signed.signer, then check_signature
        state = state.with_proof(signed, None)    # or the error
    for reading in needs.readings:                # reading.steps() is run on reading.network
        state = state.with_reading(reading, histories)    # or the error
    verdict = judge(policy, state, credential)
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from ethr_did.chain.networks import Network, Networks
from ethr_did.core.did import EthrDID
from ethr_did.credentials.accreditations import AuthorityHistory, Histories, read_accreditations
from ethr_did.credentials.did_comparison import is_same_network
from ethr_did.credentials.report import Outcome
from ethr_did.credentials.signed_trust_lists import SignedTrustList
from ethr_did.credentials.trust_decision import Issued, TrustDecision, TrustQuestion, TrustReason
from ethr_did.credentials.trust_lists import TrustList
from ethr_did.errors import (
    DeactivatedError,
    EthrDIDError,
    InvalidCredential,
    InvalidDID,
    InvalidInput,
    InvalidTrustList,
    NotFoundError,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ethr_did.chain.request import Steps
    from ethr_did.core.keys import Address

__all__ = [
    "AuthorityReading",
    "OnChainAuthority",
    "TrustNeeds",
    "TrustPolicy",
    "TrustQuestion",
    "TrustSource",
    "TrustState",
    "TrustVerdict",
    "UnreadSource",
    "judge",
]

_FORGED = (InvalidCredential, InvalidDID, NotFoundError, DeactivatedError)
"""Errors that show that nobody signed a list whom it names."""

_Place: TypeAlias = "tuple[int, str, Address]"
"""Chain, DID registry and identity."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OnChainAuthority:
    """An identity whose accreditations count."""

    did: EthrDID

    @classmethod
    def parse(cls, text: str) -> Self:
        """The authority with that did:ethr.

        Raises:
            InvalidDID, UnsupportedMethod: it is none.
        """
        return cls(did=EthrDID.parse(text))

    @property
    def label(self) -> str:
        """Its name in reports."""
        return f"authority {self.did.text}"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadSource:
    """A source that could not be read: a list that did not come, or cannot be used."""

    label: str
    """Its name in reports."""
    error: EthrDIDError


TrustSource: TypeAlias = TrustList | SignedTrustList | OnChainAuthority | UnreadSource


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityReading:
    """Authorities of one network whose histories have to be read."""

    network: Network
    authorities: tuple[Address, ...]

    def steps(self, block: int | None = None) -> Steps[Histories]:
        """The reading: ``chain.agree(reading.steps)``; see ``read_accreditations``."""
        return read_accreditations(self.network, self.authorities, block=block)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustNeeds:
    """What has to be found out before it can be judged."""

    proofs: tuple[SignedTrustList, ...] = ()
    """Lists whose signatures have to be checked."""
    readings: tuple[AuthorityReading, ...] = ()
    """One for each network."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustState:
    """What was found out."""

    now: int
    """Unix seconds."""
    proofs: Mapping[bytes, EthrDIDError | None] = field(default_factory=dict)
    """By digest of the list: None if it is genuine, else what stood in the way."""
    histories: Mapping[_Place, AuthorityHistory | EthrDIDError] = field(default_factory=dict)

    def with_proof(self, signed: SignedTrustList, error: EthrDIDError | None) -> TrustState:
        """The state with the signature of a list checked.

        Args:
            signed: the list.
            error: None if it is genuine, else what stood in the way.
        """
        return replace(self, proofs={**self.proofs, signed.digest: error})

    def with_reading(
        self, reading: AuthorityReading, found: Histories | EthrDIDError
    ) -> TrustState:
        """The state with a network read.

        Args:
            reading: what was asked.
            found: its result, or the error that it ended with.
        """
        new: dict[_Place, AuthorityHistory | EthrDIDError] = {
            _place(reading.network, one): found if isinstance(found, EthrDIDError) else found[one]
            for one in reading.authorities
        }
        return replace(self, histories={**self.histories, **new})


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustVerdict:
    """Whether an issuer is accepted for a credential."""

    outcome: Outcome
    """Passed, failed or undetermined."""
    reason: TrustReason
    message: str
    """For people."""
    decisions: tuple[TrustDecision, ...]
    """What each source said, in the order of the policy."""

    @property
    def code(self) -> str:
        """The reason, stable, for programs."""
        return self.reason.value

    def to_dict(self) -> dict[str, Any]:
        """The verdict as JSON."""
        return {
            "outcome": self.outcome.value,
            "code": self.code,
            "message": self.message,
            "sources": [decision.to_dict() for decision in self.decisions],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustPolicy:
    """The sources that a verifier believes.

    Example:
        >>> from ethr_did.credentials.trust_lists import TrustEntry
        >>> diploma = TrustEntry(issuer="did:web:uni.example", types=("DiplomaCredential",))
        >>> policy = TrustPolicy(sources=(TrustList(entries=(diploma,)),))
        >>> asked = TrustQuestion(issuer="did:web:uni.example", types=("DiplomaCredential",))
        >>> policy.needs([asked], now=1_800_000_000) == TrustNeeds()
        True
        >>> judge(policy, TrustState(now=1_800_000_000), asked).outcome.value
        'passed'
    """

    sources: tuple[TrustSource, ...]
    networks: Networks = field(default_factory=Networks, compare=False, repr=False)
    """That the networks of DIDs stand for."""

    def __post_init__(self) -> None:
        """Raises ``InvalidTrustList`` without a source, ``UnknownNetwork`` for an authority's."""
        if not self.sources:
            raise InvalidTrustList(
                "a policy without a source would accept nobody",
                hint="Name a list or an authority, or judge without a policy.",
            )
        for source in self.sources:
            if isinstance(source, OnChainAuthority):
                self.networks.find(source.did.network)

    def needs(
        self, credentials: Iterable[Issued], *, now: int, at: int | None = None
    ) -> TrustNeeds:
        """What has to be found out to judge some credentials.

        Args:
            credentials: or questions.
            now: Unix seconds, as of the ``TrustState``.
            at: as for ``judge``.
        """
        proofs: dict[bytes, SignedTrustList] = {}
        readings: dict[Network, dict[Address, None]] = {}
        for credential in credentials:
            if self._is_settled(credential, now, at):
                continue
            for source in self.sources:
                match source:
                    case SignedTrustList():
                        if self._find(source.trust_list, credential, now, at).is_trusted:
                            proofs[source.digest] = source
                    case OnChainAuthority():
                        if _identity_for(source, credential.issuer, self.networks) is not None:
                            network = self.networks.find(source.did.network)
                            readings.setdefault(network, {})[source.did.address] = None
                    case TrustList() | UnreadSource():  # pragma: no branch - there is no other
                        pass
        return TrustNeeds(
            proofs=tuple(proofs.values()),
            readings=tuple(
                AuthorityReading(network=network, authorities=tuple(authorities))
                for network, authorities in readings.items()
            ),
        )

    def _is_settled(self, credential: Issued, now: int, at: int | None) -> bool:
        lists = (source for source in self.sources if isinstance(source, TrustList))
        return any(self._find(one, credential, now, at).is_trusted for one in lists)

    def _find(
        self, trust_list: TrustList, credential: Issued, now: int, at: int | None
    ) -> TrustDecision:
        moment = now if at is None else at
        return trust_list.find(credential, at=moment, now=now, networks=self.networks)


def judge(
    policy: TrustPolicy, state: TrustState, credential: Issued, *, at: int | None = None
) -> TrustVerdict:
    """Whether the issuer of a credential is accepted.

    Args:
        policy: the sources.
        state: what ``policy.needs`` asked for.
        credential: or a question.
        at: Unix seconds at which the issuer must be trusted; None: now, and by the newest block
            that was read. Lists must be good now in any case.
    """
    decisions = tuple(_decide(policy, state, credential, source, at) for source in policy.sources)
    best = min(decisions, key=lambda decision: decision.reason.strength)
    match best.reason:
        case TrustReason.TRUSTED:
            outcome, told = Outcome.PASSED, [best]
        case TrustReason.NOT_READ:
            outcome, told = Outcome.UNDETERMINED, [one for one in decisions if _is_unread(one)]
        case _:
            outcome, told = Outcome.FAILED, list(decisions)
    return TrustVerdict(
        outcome=outcome,
        reason=best.reason,
        message="; ".join(f"{one.message} ({one.source})" for one in told),
        decisions=decisions,
    )


def _is_unread(decision: TrustDecision) -> bool:
    return decision.reason is TrustReason.NOT_READ


def _decide(
    policy: TrustPolicy,
    state: TrustState,
    credential: Issued,
    source: TrustSource,
    at: int | None,
) -> TrustDecision:
    """What one source says."""
    match source:
        case TrustList():
            return policy._find(source, credential, state.now, at)  # noqa: SLF001 - its own module
        case SignedTrustList():
            said = policy._find(source.trust_list, credential, state.now, at)  # noqa: SLF001 - of the same module
            return _if_genuine(source, replace(said, source=source.label), state)
        case OnChainAuthority():
            found = _accredited(source, credential, policy.networks, state, at)
            return replace(found, source=source.label)
        case UnreadSource():  # pragma: no branch - there is no other
            return _not_read(source.label, source.error.message)


def _if_genuine(source: SignedTrustList, said: TrustDecision, state: TrustState) -> TrustDecision:
    """What a signed list says, if it is its signer's; a "no" needs no signature."""
    if not said.is_trusted:
        return said
    if source.digest not in state.proofs:
        return _not_read(source.label, "the signature of the list was not checked")
    error = state.proofs[source.digest]
    if error is None:
        return said
    if isinstance(error, _FORGED):
        words = f"the list is not that of its signer: {error.message}"
        return replace(said, reason=TrustReason.NOT_GENUINE, message=words)
    return _not_read(source.label, error.message)


def _accredited(
    source: OnChainAuthority,
    credential: Issued,
    networks: Networks,
    state: TrustState,
    at: int | None,
) -> TrustDecision:
    """What an authority says on chain."""
    issuer = _identity_for(source, credential.issuer, networks)
    if issuer is None:
        words = f"{shown(credential.issuer)} is no identity on the authority's network"
        return TrustDecision(source=source.label, reason=TrustReason.UNKNOWN, message=words)
    found = state.histories.get(_place(networks.find(source.did.network), source.did.address))
    if not isinstance(found, AuthorityHistory):
        words = "the authority was not read" if found is None else found.message
        return _not_read(source.label, words)
    # A slow clock must not hide what is mined; a fast one may let accreditations expire.
    moment = max(state.now, found.read_at.block_timestamp) if at is None else at
    return found.find(issuer, credential.types, at=moment)


def _identity_for(authority: OnChainAuthority, issuer: str, networks: Networks) -> Address | None:
    """The identity of an issuer on the authority's network; None if it has none there."""
    try:
        did = EthrDID.parse(issuer)
    except InvalidInput:
        return None
    same = is_same_network(did.network, authority.did.network, networks)
    return did.address if same else None


def _not_read(label: str, words: str) -> TrustDecision:
    return TrustDecision(source=label, reason=TrustReason.NOT_READ, message=words)


def _place(network: Network, authority: Address) -> _Place:
    return network.chain_id, network.did_registry, authority

"""Issuers that an authority accredits on chain: ERC-1056 delegates of the authority's did:ethr.

Rules:
  1. The authority adds the issuer's identity as a delegate of the type
     ``keccak256(abi.encode(bytes32("credTrust"), keccak256(kind)))``, for each kind of credentials
     one, or one for ``*``. The name is padded with zero bytes on the right; the kind is UTF-8.
  2. It counts while its time is later than that of the block, and until it is revoked. It survives
     a change of the authority's owner: the new owner ends what it does not stand by.
  3. Nobody is accredited by an authority that was given up, nor by what happened to it afterwards.
  4. Only the authority's own history counts: what others write under their identities is theirs.
  5. An issuer is meant on the authority's network only: its address may be somebody else's
     elsewhere.
  6. No resolver turns these types into keys: an accredited issuer can do nothing in the name of the
     authority.

Spec: ERC-1056, "Delegates"; docs/decisions/0007-trusted-issuers.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from eth_hash.auto import keccak

from ethr_did.core.changes import AddDelegate, RevokeDelegate
from ethr_did.core.delegations import delegations_in, is_hash, until
from ethr_did.core.erc1056 import OwnerChanged
from ethr_did.core.keys import ZERO_ADDRESS, Address, parse_address, to_checksum_address
from ethr_did.core.resolution import ReadAt, format_time
from ethr_did.credentials.credential_types import ANY_TYPE, check_type, not_covered, type_fault
from ethr_did.credentials.trust_decision import TrustDecision, TrustReason
from ethr_did.errors import (
    ChainError,
    HistoryMissing,
    InvalidAnswer,
    NodeInconsistent,
    RangeRefused,
    shown,
)
from ethr_did.registries.did_registry import DIDRegistry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ethr_did.chain.networks import Network
    from ethr_did.chain.request import Steps
    from ethr_did.core.erc1056 import Event
    from ethr_did.registries.did_registry import Reading

__all__ = [
    "Accreditation",
    "AuthorityHistory",
    "Histories",
    "accredit",
    "accreditation_type",
    "accreditations",
    "read_accreditations",
    "withdraw",
]

_TAG: Final = b"credTrust".ljust(32, b"\0")

_OF_ONE_IDENTITY = (HistoryMissing, NodeInconsistent, InvalidAnswer, RangeRefused)
"""Errors that may concern a single authority of several: the others are then asked for again."""


def accreditation_type(kind: str) -> bytes:
    """The ERC-1056 delegate type for a kind of credentials, 32 bytes.

    Raises:
        InvalidTrustList: nobody can be trusted for that kind.

    Example:
        >>> accreditation_type("DiplomaCredential").hex()[:16]
        'b783e984df0778e0'
    """
    return keccak(_TAG + keccak(check_type(kind).encode()))


def accredit(issuer: Address, kind: str, *, validity: int) -> AddDelegate:
    """The change by which an authority accredits an issuer.

    Args:
        issuer: its identity, on the same network.
        kind: of credentials; ``*`` for any.
        validity: seconds from the block that mines it.

    Raises:
        InvalidTrustList: nobody can be trusted for that kind.
        InvalidValidity: out of range.
        InvalidChange: the zero address.

    Example:
        >>> accredit(Address(bytes([1]) * 20), "DiplomaCredential", validity=86400).validity
        86400
    """
    return AddDelegate(delegate_type=accreditation_type(kind), delegate=issuer, validity=validity)


def withdraw(issuer: Address, kind: str) -> RevokeDelegate:
    """The change by which an authority ends that now; arguments and errors as ``accredit``."""
    return RevokeDelegate(delegate_type=accreditation_type(kind), delegate=issuer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Accreditation:
    """The last word of an authority about an issuer and a kind of credentials."""

    issuer: Address
    kind: str | None
    """Of credentials; None for a hash of something not known: another kind, or a status list."""
    delegate_type: bytes
    """32 bytes, as on chain."""
    valid_to: int
    """Unix seconds; valid while strictly later than the block."""
    valid: bool
    """Whether it was so at the time asked about."""
    since_block: int
    """Of the change that set ``valid_to``."""
    since_time: int | None
    """Unix seconds of that block."""
    survived: bool
    """Whether the authority got another owner since."""

    @property
    def name(self) -> str:
        """The kind in words."""
        if self.kind is None:
            return f"0x{self.delegate_type.hex()} (of a kind that is not known here, or a list)"
        return "any credential" if self.kind == ANY_TYPE else self.kind

    def withdrawal(self) -> RevokeDelegate:
        """The change that ends it."""
        return RevokeDelegate(delegate_type=self.delegate_type, delegate=self.issuer)

    def to_dict(self) -> dict[str, Any]:
        """The accreditation as JSON."""
        return {
            "issuer": to_checksum_address(self.issuer),
            "type": self.kind,
            "delegateType": "0x" + self.delegate_type.hex(),
            "validTo": format_time(self.valid_to),
            "valid": self.valid,
            "sinceBlock": self.since_block,
            "sinceTime": None if self.since_time is None else format_time(self.since_time),
            "survived": self.survived,
        }


def accreditations(
    events: Sequence[Event], *, at: int, kinds: Iterable[str] = ()
) -> tuple[Accreditation, ...]:
    """Every accreditation by an authority that had ever been made, each with its last validity.

    Args:
        events: its whole history, in order; what came later than ``at`` is left out.
        at: Unix seconds.
        kinds: of credentials, which are to be told by name; ``*`` always is.
    """
    past = until(events, time=at)
    given_up = _given_up_in(past)
    if given_up is not None:
        past = past[:given_up]
    names = {accreditation_type(kind): kind for kind in (*kinds, ANY_TYPE)}
    return tuple(
        Accreditation(
            issuer=one.delegate,
            kind=names.get(one.delegate_type),
            delegate_type=one.delegate_type,
            valid_to=one.valid_to,
            valid=one.valid and given_up is None,
            since_block=one.since_block,
            since_time=one.since_time,
            survived=one.survived,
        )
        for one in delegations_in(
            past, at=at, is_wanted=lambda kind: kind in names or is_hash(kind)
        )
    )


def _given_up_in(events: Sequence[Event]) -> int | None:
    """The place of the event by which an identity was given up, which is final."""
    for place, event in enumerate(events):
        if isinstance(event, OwnerChanged) and event.owner == ZERO_ADDRESS:
            return place
    return None


# -- reading -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityHistory:
    """The whole history of an authority, as of one block."""

    authority: Address
    events: tuple[Event, ...]
    read_at: ReadAt
    """The block."""

    def is_deactivated(self, at: int) -> bool:
        """Whether the authority had been given up at a time, in Unix seconds."""
        return _given_up_in(until(self.events, time=at)) is not None

    def accreditations(self, at: int, kinds: Iterable[str] = ()) -> tuple[Accreditation, ...]:
        """As ``accreditations``."""
        return accreditations(self.events, at=at, kinds=kinds)

    def find(self, issuer: Address, types: Iterable[str], *, at: int) -> TrustDecision:
        """What the authority says about an issuer of its network.

        Args:
            issuer: its identity.
            types: of the credential.
            at: Unix seconds at which the issuer must be accredited.
        """
        asked = tuple(types)
        if self.is_deactivated(at):
            return self._decision(TrustReason.DEACTIVATED, "the authority was deactivated")
        # What no authority could name is not looked for, and not covered.
        kinds = [one for one in asked if type_fault(one) is None]
        mine = [one for one in self.accreditations(at, kinds) if one.issuer == issuer]
        valid = {one.kind for one in mine if one.valid and one.kind is not None}
        missing = not_covered(asked, valid)
        who, what = to_checksum_address(issuer), ", ".join(shown(one) for one in missing or asked)
        if not missing:
            return self._decision(TrustReason.TRUSTED, f"{who} is accredited for {what}")
        ever = {one.kind for one in mine if one.kind is not None}
        if not not_covered(missing, ever):
            return self._decision(
                TrustReason.NO_LONGER, f"{who} is no longer accredited for {what}"
            )
        reason = TrustReason.WRONG_TYPE if valid else TrustReason.UNKNOWN
        return self._decision(reason, f"{who} is not accredited for {what}")

    def _decision(self, reason: TrustReason, message: str) -> TrustDecision:
        source = f"authority {to_checksum_address(self.authority)}"
        return TrustDecision(source=source, reason=reason, message=message, read_at=self.read_at)


Histories: TypeAlias = "Mapping[Address, AuthorityHistory | ChainError]"
"""Of each authority; the error where it could not be read."""


def read_accreditations(
    network: Network, authorities: Sequence[Address], *, block: int | None = None
) -> Steps[Histories]:
    """The histories of some authorities, all in one round trip.

    Where one of them cannot be read, the others are asked for by themselves.

    Args:
        network: of their DIDs.
        authorities: their identities.
        block: number of the block to read at; None for the newest. What was so earlier is in the
            histories: an older block needs a node with old states.

    Raises:
        NotFoundError: ``block`` is not mined yet.
        ChainError: none of them can be read.
    """
    registry = DIDRegistry(
        parse_address(network.did_registry),
        chain_id=network.chain_id,
        first_block=network.first_block,
    )
    try:
        reading = yield from registry.read_histories(authorities, block=block)
    except _OF_ONE_IDENTITY as error:
        if len(authorities) == 1:
            return {authorities[0]: error}
        found: dict[Address, AuthorityHistory | ChainError] = {}
        for authority in authorities:
            found |= yield from read_accreditations(network, [authority], block=block)
        return found
    return {one: _history(network, one, reading) for one in authorities}


def _history(network: Network, authority: Address, reading: Reading) -> AuthorityHistory:
    return AuthorityHistory(
        authority=authority,
        events=reading.events[authority],
        read_at=ReadAt(
            chain_id=network.chain_id,
            block_number=reading.head.number,
            block_hash=reading.head.hash,
            block_timestamp=reading.head.timestamp,
        ),
    )

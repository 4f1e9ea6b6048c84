"""Keys that may write an identity's statuses: ERC-1056 delegates of types that name no key of a document.

Rules:
  * The types are ``credStatus`` (all lists and records), ``credRevoke`` (revocations only), and a
    hash for each list. A hash tells its list only to those who know the list's id.
  * A delegate is valid while its time is later than that of the block, whoever owns the identity:
    what an earlier owner granted stays until it ends or is revoked.
  * Thirty days unless said otherwise, ninety at most: whoever takes over an identity is rid of
    forgotten keys after a season.

Spec: ERC-1056, "Delegates"; docs/credential-status.md, "Authority".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ethr_did.core.changes import AddDelegate, RevokeDelegate
from ethr_did.core.delegations import delegations_in, is_hash
from ethr_did.core.erc1056 import decode_name
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.core.status_list import (
    ALL_LISTS,
    REVOCATION_ONLY,
    Authority,
    ListId,
    delegate_type_of,
    delegate_type_of_list,
)
from ethr_did.errors import InvalidValidity

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ethr_did.core.erc1056 import Event

__all__ = [
    "DEFAULT_STATUS_VALIDITY",
    "MAX_STATUS_VALIDITY",
    "StatusDelegate",
    "add_status_delegate",
    "is_status_type",
    "revoke_status_delegate",
    "status_delegates",
]

_DAY = 86_400

DEFAULT_STATUS_VALIDITY = 30 * _DAY
"""Seconds."""

MAX_STATUS_VALIDITY = 90 * _DAY
"""Seconds; more only where it is asked for by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusDelegate:
    """An account that may write statuses, and how it came to that."""

    delegate: Address
    delegate_type: bytes
    """32 bytes, as on chain."""
    authority: Authority | None
    """The right; None for a type that is a hash of something not known: perhaps of a list."""
    list_id: ListId | None
    """The list, for ``ONE_LIST``."""
    valid_to: int
    """Unix seconds; valid while strictly later than the block."""
    valid: bool
    """Whether it was so at the time asked about."""
    since_block: int
    """Of the change that set ``valid_to``."""
    since_time: int | None
    """Unix seconds of that block; None where it is not known."""
    survived: bool
    """Whether the identity was given to another owner since."""

    @property
    def name(self) -> str:
        """What it may do, in a word or two."""
        if self.authority is None:
            kind = self.delegate_type.hex()
            return f"0x{kind} (perhaps of a list that is not known here, perhaps no status key)"
        if self.list_id is not None:
            return f"credStatus of list {self.list_id.text}"
        return str(decode_name(self.delegate_type))

    def revocation(self) -> RevokeDelegate:
        """The change that ends it."""
        return RevokeDelegate(delegate_type=self.delegate_type, delegate=self.delegate)

    def to_dict(self) -> dict[str, Any]:
        """The delegate as JSON."""
        return {
            "delegate": to_checksum_address(self.delegate),
            "delegateType": "0x" + self.delegate_type.hex(),
            "authority": None if self.authority is None else self.authority.name.lower(),
            "listId": None if self.list_id is None else self.list_id.text,
            "validTo": self.valid_to,
            "valid": self.valid,
            "sinceBlock": self.since_block,
            "sinceTime": self.since_time,
            "survived": self.survived,
        }


def add_status_delegate(
    delegate: Address,
    authority: Authority = Authority.ALL_LISTS,
    *,
    list_id: ListId | None = None,
    validity: int = DEFAULT_STATUS_VALIDITY,
    force: bool = False,
) -> AddDelegate:
    """The change that lets an account write statuses for a time.

    Args:
        delegate: the account.
        authority: which right; any but the owner's.
        list_id: of the list, for ``ONE_LIST``.
        validity: seconds from the block that mines it.
        force: take more than ninety days.

    Raises:
        InvalidStatusEntry: the owner's right cannot be granted; a list is missing.
        InvalidValidity: too long.

    Example:
        >>> add_status_delegate(Address(bytes([1]) * 20), Authority.REVOCATION_ONLY).validity
        2592000
    """
    if validity > MAX_STATUS_VALIDITY and not force:
        raise InvalidValidity(
            f"a status key for {validity // _DAY} days outlives many changes of owner",
            hint=f"At most {MAX_STATUS_VALIDITY // _DAY} days, unless it is forced. Renew it "
            "instead.",
            validity=validity,
        )
    kind = delegate_type_of(authority, list_id)
    return AddDelegate(delegate_type=kind, delegate=delegate, validity=validity)


def revoke_status_delegate(
    delegate: Address,
    authority: Authority = Authority.ALL_LISTS,
    *,
    list_id: ListId | None = None,
) -> RevokeDelegate:
    """The change that ends such a right now; arguments and errors as ``add_status_delegate``."""
    return RevokeDelegate(delegate_type=delegate_type_of(authority, list_id), delegate=delegate)


def is_status_type(delegate_type: bytes) -> bool:
    """Whether delegates of that type may write statuses, or might: a hash could be that of a list."""
    return delegate_type in (ALL_LISTS, REVOCATION_ONLY) or is_hash(delegate_type)


def status_delegates(
    events: Sequence[Event], *, at: int, list_ids: Iterable[ListId] = ()
) -> tuple[StatusDelegate, ...]:
    """Everybody who could ever write statuses of an identity, each with its last validity.

    Args:
        events: the whole history of the identity, in order.
        at: Unix seconds, for ``valid``.
        list_ids: of the lists whose delegates are to be told by name.
    """
    names: dict[bytes, tuple[Authority, ListId | None]] = {
        ALL_LISTS: (Authority.ALL_LISTS, None),
        REVOCATION_ONLY: (Authority.REVOCATION_ONLY, None),
        **{delegate_type_of_list(one): (Authority.ONE_LIST, one) for one in list_ids},
    }
    found = []
    for one in delegations_in(events, at=at, is_wanted=is_status_type):
        authority, list_id = names.get(one.delegate_type, (None, None))
        found.append(
            StatusDelegate(
                delegate=one.delegate,
                delegate_type=one.delegate_type,
                authority=authority,
                list_id=list_id,
                valid_to=one.valid_to,
                valid=one.valid,
                since_block=one.since_block,
                since_time=one.since_time,
                survived=one.survived,
            )
        )
    return tuple(found)

"""What is to happen to a credential, from the credential itself.

Rules:
  * Of several entries those are meant that can say it: "revoked" is for the list of revocations,
    "suspended" for that of suspensions, "valid" for all of them. A number is meant for the only
    one there is.
  * Entries of other contracts than the issuer's are refused, and so are lists that nobody
    anchors: this package does not write them.

Spec: docs/credential-status.md; VC Data Model 2.0 section 4.10.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from ethr_did.core.status_entry import (
    Anchor,
    BitstringEntry,
    ContractId,
    Entry,
    ListEntry,
    RecordEntry,
    TokenEntry,
    entries_of,
)
from ethr_did.core.status_list import Purpose, status_key
from ethr_did.core.status_wishes import RECORD_BITS, RecordWish, Wish, parse_status
from ethr_did.errors import InvalidStatusEntry

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["wishes_of_credential"]

AnyWish: TypeAlias = Wish | RecordWish


def wishes_of_credential(
    credential: Mapping[str, Any],
    status: str | int,
    *,
    statuses: ContractId,
    anchors: ContractId | None = None,
    digest: bytes | None = None,
) -> tuple[AnyWish, ...]:
    """The wishes that give a credential a status.

    Args:
        credential: its claims, see ``entries_of``.
        status: ``revoked``, ``suspended``, ``valid`` or a number.
        statuses: the issuer's status registry.
        anchors: the issuer's anchor registry.
        digest: 32 bytes over what the credential says, for one with a record.

    Raises:
        InvalidInput: it has no status, or none that can say so; or one of another contract.
    """
    entries = entries_of(credential)
    if not entries:
        raise InvalidStatusEntry(
            "the credential has no status entry",
            hint="It was issued without: nothing can revoke it but its expiry.",
        )
    if isinstance(status, int) and len(entries) > 1:
        raise InvalidStatusEntry(
            f"the credential has {len(entries)} status entries, and {status} may mean another "
            "thing in each",
            hint="Say revoked, suspended or valid, or name the list and index.",
        )
    found: list[AnyWish] = []
    faults: list[str] = []
    for entry in entries:
        try:
            found.append(_wish(entry, status, statuses, anchors, digest))
        except _UnsayableError as unsayable:
            faults.append(unsayable.message)
    if not found:
        raise InvalidStatusEntry("; ".join(faults))
    return tuple(found)


class _UnsayableError(InvalidStatusEntry):
    """The list of an entry has no value for a status."""


def _wish(
    entry: Entry,
    status: str | int,
    statuses: ContractId,
    anchors: ContractId | None,
    digest: bytes | None,
) -> AnyWish:
    match entry:
        case ListEntry():
            _check_contract(entry.registry, statuses)
            list_id = entry.list_id
        case RecordEntry():
            _check_contract(entry.registry, statuses)
            return _record_wish(entry, status, digest)
        case BitstringEntry() | TokenEntry():
            anchor = _anchor_of(entry)
            _check_contract(anchor.registry, anchors)
            list_id = anchor.list_id
        case _:
            raise InvalidStatusEntry(
                f"statuses of {entry.to_dict()['type']} are read, and not written",
                hint="Use the tool that the credential was issued with.",
            )
    value = _value(status, list_id.purpose, list_id.bits)
    return Wish(list_id=list_id, index=entry.index, value=value)


def _record_wish(entry: RecordEntry, status: str | int, digest: bytes | None) -> RecordWish:
    if digest is None:
        raise InvalidStatusEntry(
            "a record is found by the digest of the credential, which is not here",
            hint="Give the digest of what the credential says.",
        )
    value = _value(status, Purpose.LIFECYCLE, RECORD_BITS)
    return RecordWish(key=status_key(entry.salt, digest), value=value)


def _anchor_of(entry: BitstringEntry | TokenEntry) -> Anchor:
    if entry.anchor is None:
        raise InvalidStatusEntry(
            "the list of the credential is anchored nowhere",
            hint="Change it where it is kept.",
        )
    return entry.anchor


def _check_contract(named: ContractId, ours: ContractId | None) -> None:
    if named != ours:
        raise InvalidStatusEntry(
            f"the status is kept in {named.text}, not in "
            f"{'the contract of this network' if ours is None else ours.text}",
            hint="Choose the network that the credential names.",
        )


def _value(status: str | int, purpose: Purpose, bits: int) -> int:
    try:
        return parse_status(status, purpose=purpose, bits=bits)
    except InvalidStatusEntry as cause:
        raise _UnsayableError(cause.message, hint=cause.hint) from cause

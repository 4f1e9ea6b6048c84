"""Status changes that one signs and another submits.

Rules:
  1. A message is signed over the words and records that are on chain now. It is good for an hour
     unless said otherwise, and for a day at most: it cannot be withdrawn.
  2. Whoever submits one asks first whether the chain would take it: chain, contract, identity,
     deadline, signature, right, and whether what it expects is still there. One batch.
  3. What an account with code accepts as its signature only its code can say: the simulation asks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias

from ethr_did.chain.answer import data_of
from ethr_did.chain.fees import format_wei
from ethr_did.chain.preparation import Intent, Quote
from ethr_did.chain.request import ask, call, combine
from ethr_did.core.keys import Address, parse_address, to_checksum_address
from ethr_did.core.signed_status import (
    Publish,
    SetKeys,
    SetStatus,
    SignedChange,
    UpdateLists,
    change_of,
)
from ethr_did.core.status_batches import Limits, pack
from ethr_did.core.status_calls import head_call
from ethr_did.core.status_list import (
    ANY_WORD,
    Authority,
    ListId,
    StatusRecord,
    StatusWord,
)
from ethr_did.core.status_message import (
    StatusRelayMessage,
    choose_status_deadline,
    recover_status_signer,
)
from ethr_did.core.status_wishes import WishSet
from ethr_did.core.status_work import by_right
from ethr_did.errors import InvalidChange, NotAuthorized, SignerError, StatusConflict
from ethr_did.status.execution import plan_by_right

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.chain.networks import Network
    from ethr_did.chain.signer import Signer
    from ethr_did.chain.transactions import Sender
    from ethr_did.core.status_calls import ListUpdate
    from ethr_did.status.current import Current, IssuerReader
    from ethr_did.status.execution import Door

__all__ = ["DEADLINE_MARGIN", "StatusRelay", "StatusSubmission"]

DEADLINE_MARGIN = 60
"""Seconds before its end at which a message is no longer sent: the next block has to take it."""

_NOTHING = WishSet(lists={}, records={})

StatusChange: TypeAlias = SetStatus | UpdateLists | SetKeys
"""What the status registry takes; the anchor registry takes a ``Publish``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSubmission:
    """What submitting a message would cost. Nothing was sent."""

    message: StatusRelayMessage
    current: Current
    intent: Intent
    quote: Quote

    def to_dict(self) -> dict[str, Any]:
        """The submission as JSON."""
        (item,) = self.quote.items
        return {
            "identity": to_checksum_address(self.current.identity),
            "signer": to_checksum_address(self.message.signer),
            "sender": to_checksum_address(self.quote.sender),
            "purpose": self.intent.purpose,
            "deadline": self.message.deadline,
            "blockNumber": self.current.head.number,
            "blockTimestamp": self.current.head.timestamp,
            "estimatedGas": item.estimated_gas,
            "expectedCostWei": self.quote.expected_cost,
            "expectedCost": format_wei(self.quote.expected_cost),
            "highestCostWei": self.quote.highest_cost,
            "highestCost": format_wei(self.quote.highest_cost),
            "balanceWei": self.quote.balance,
        }


class StatusRelay:
    """Signs changes of one issuer's statuses, and submits what was signed."""

    def __init__(self, network: Network, reader: IssuerReader, door: Door) -> None:
        """A relay; nothing is asked yet.

        Args:
            network: where the statuses are.
            reader: of the issuer.
            door: the way to the nodes.
        """
        self._network = network
        self._reader = reader
        self._door = door

    # -- signing ---------------------------------------------------------------------------------

    def sign(
        self,
        wishes: WishSet,
        signer: Signer,
        *,
        authorities: Sequence[Authority],
        account: Address | None,
        deadline: int | None,
        lifetime: int | None,
        force: bool,
    ) -> tuple[StatusRelayMessage, ...]:
        """The messages; see ``StatusIssuer.sign``."""
        current, who = self._read_right(wishes, signer, authorities, account)
        end = choose_status_deadline(
            current.head.timestamp, deadline=deadline, lifetime=lifetime, force=force
        )
        changes = plan_by_right(
            wishes, current.stored, current.rights, identity=current.identity, actor=who
        )
        unsigned = [
            StatusRelayMessage(
                chain_id=self._network.chain_id,
                contract=self._reader.address,
                change=change_of(batch),
                signer=who,
                deadline=end,
                signature=b"",
            )
            for batch in pack(*changes, limits=Limits.of_block(current.gas_limit, signed=True))
        ]
        return tuple(_signed(message, signer) for message in unsigned)

    def _read_right(
        self,
        wishes: WishSet,
        signer: Signer,
        authorities: Sequence[Authority],
        account: Address | None,
    ) -> tuple[Current, Address]:
        """The issuer, and the account that has the right: the signer's, or the owner's contract."""
        who = account or signer.address
        current = self._read(wishes, who, authorities)
        if account is None and current.owner != who and _lacks_right(wishes, current):
            of_owner = self._read(wishes, current.owner, authorities)
            if of_owner.actor_has_code:
                return of_owner, current.owner
        return current, who

    def _read(self, wishes: WishSet, actor: Address, authorities: Sequence[Authority]) -> Current:
        current: Current = self._door.run(
            self._reader.read(wishes, actor=actor, authorities=authorities)
        )
        current.check_active()
        return current

    # -- submitting ------------------------------------------------------------------------------

    def intent(self, message: StatusRelayMessage) -> Intent:
        """The transaction that submits a message.

        Raises:
            InvalidChange: it is for another chain, contract or identity.
        """
        self._check_place(message)
        identity = to_checksum_address(self._reader.identity)
        purpose = f"{identity}: relayed: {_in_short(message.change)}"
        return Intent(to=message.contract, data=message.call(), purpose=purpose)

    def check(self, message: StatusRelayMessage) -> Current:
        """What the chain says; raises unless it would take the message now. One round trip.

        Raises:
            InvalidChange: too late, or too early.
            DeactivatedError: the identity was given up.
            NotAuthorized: not signed by its signer, or the signer has not the right.
            StatusConflict: what it expects is not there any more.
        """
        self._check_place(message)
        wishes = _wishes_of(message.change)
        steps = combine(
            self._reader.read(wishes, actor=message.signer, authorities=list(Authority)),
            ask(*self._head_requests(message.change)),
        )
        current, heads = self._door.run(steps)
        current.check_active()
        _check_deadline(message, current)
        _check_signature(message, current)
        change = message.change
        if isinstance(change, Publish):
            _check_head(change, data_of(heads[0]))
        else:
            _check_right(change, message.signer, current)
            _check_expectations(change, current)
        found: Current = current
        return found

    def submission(self, message: StatusRelayMessage, sender: Sender) -> StatusSubmission:
        """What submitting a message would cost, with all checks. Two round trips."""
        intent = self.intent(message)
        current = self.check(message)
        return StatusSubmission(
            message=message, current=current, intent=intent, quote=sender.quote([intent])
        )

    def _check_place(self, message: StatusRelayMessage) -> None:
        contract: Address | None = self._reader.address
        if isinstance(message.change, Publish):
            known = self._network.anchor_registry
            contract = None if known is None else parse_address(known)
        if (message.chain_id, message.contract) != (self._network.chain_id, contract):
            here = "none" if contract is None else to_checksum_address(contract)
            raise InvalidChange(
                f"the message is for {to_checksum_address(message.contract)} on chain "
                f"{message.chain_id}; that contract of network {self._network.name} is {here} on "
                f"chain {self._network.chain_id}",
                hint="Choose the network that the message names.",
            )
        for identity in _identities_of(message.change):
            if identity != self._reader.identity:
                raise InvalidChange(
                    f"the message changes statuses of {to_checksum_address(identity)}, not of "
                    f"{to_checksum_address(self._reader.identity)}",
                    hint="Choose the identity that the message names.",
                )

    def _head_requests(self, change: SignedChange) -> list[Any]:
        if not isinstance(change, Publish):
            return []
        anchors = parse_address(str(self._network.anchor_registry))
        data = head_call(change.publication.identity, change.publication.list_id)
        return [call(anchors, data)]


# -- checks --------------------------------------------------------------------------------------


def _lacks_right(wishes: WishSet, current: Current) -> bool:
    _, missing = by_right(wishes, current.stored, current.rights)
    return bool(missing)


def _signed(message: StatusRelayMessage, signer: Signer) -> StatusRelayMessage:
    found = replace(message, signature=signer.sign_typed_data(message.typed_data()))
    if recover_status_signer(found) != signer.address:
        raise SignerError(
            f"the signature is not one of {to_checksum_address(signer.address)} over the message",
            hint="Check the signer: it used another key, or signed something else.",
        )
    return found


def _check_deadline(message: StatusRelayMessage, current: Current) -> None:
    left = message.deadline - current.head.timestamp
    if left < DEADLINE_MARGIN:
        said = f"{-left} seconds ago" if left < 0 else f"in {left} seconds"
        raise InvalidChange(
            f"the deadline of the message, {message.deadline}, is {said}",
            hint="Have it signed again with a later deadline.",
            deadline=message.deadline,
            block_timestamp=current.head.timestamp,
        )


def _check_signature(message: StatusRelayMessage, current: Current) -> None:
    signer = recover_status_signer(message)
    if signer != message.signer and not current.actor_has_code:
        by = "nobody" if signer is None else to_checksum_address(signer)
        raise NotAuthorized(
            f"the message says that {to_checksum_address(message.signer)} signed it; its "
            f"signature is by {by}",
            hint="It was changed after it was signed, or signed with another key.",
            signer=to_checksum_address(message.signer),
        )


def _check_right(change: StatusChange, signer: Address, current: Current) -> None:
    rights = current.rights
    for authority, list_id in _claims_of(change):
        has = (
            list_id in rights.lists
            if authority is Authority.ONE_LIST
            else (authority in rights.general)
        )
        if not has:
            who = to_checksum_address(signer)
            raise NotAuthorized(
                f"{who} signed the message by the right {authority.name.lower()}, and has it not "
                "(any more)",
                hint="The owner changed, or the status key ended. Have it signed again.",
                signer=who,
                authority=authority.name.lower(),
            )


def _check_expectations(change: StatusChange, current: Current) -> None:
    stored, newest = current.stored, current.head.number
    if isinstance(change, SetKeys):
        for key, expected in zip(change.update.keys, change.update.expected, strict=False):
            now = stored.records[key]
            _check_expected(f"record 0x{key.hex()}", expected, now, done=_is_set(change, now))
            _check_age(StatusRecord(expected).changed_block, newest)
        return
    for update in _updates_of(change):
        for word in update.words:
            if word.expected == ANY_WORD:
                continue
            now = stored.words[update.list_id, word.word]
            done = StatusWord(now).payload & (word.set | word.clear) == word.set
            name = f"word {word.word} of list {update.list_id.text}"
            _check_expected(name, word.expected, now, done=done)
            _check_age(StatusWord(word.expected).changed_block, newest)


def _check_expected(name: str, expected: int, actual: int, *, done: bool) -> None:
    if expected == actual:
        return
    said = "it was submitted already, or is so for another reason" if done else "it is too late"
    raise StatusConflict(
        f"the message expects {name} to be 0x{expected:x}, and it is 0x{actual:x}: {said}",
        hint="If it did not happen, have it signed again." if done else "Have it signed again.",
        expected=hex(expected),
        actual=hex(actual),
    )


def _is_set(change: SetKeys, record: int) -> bool:
    return StatusRecord(record).value == change.update.value


def _check_age(changed_block: int, newest: int) -> None:
    if changed_block >= newest > 0:
        raise InvalidChange(
            f"the message expects what was written in block {changed_block}, the newest one",
            hint="Submit it in the next block.",
            block_number=changed_block,
        )


def _check_head(change: Publish, head: bytes) -> None:
    expected = change.publication.previous.head
    if head != expected:
        raise StatusConflict(
            f"the message follows the version with head 0x{expected.hex()}, and the current one "
            f"has 0x{head.hex()}",
            hint="It was submitted already, or another version was. Look at the list again.",
            expected="0x" + expected.hex(),
            actual="0x" + head.hex(),
        )


# -- what a message is about ---------------------------------------------------------------------


def _updates_of(change: SetStatus | UpdateLists) -> tuple[ListUpdate, ...]:
    return change.lists if isinstance(change, UpdateLists) else (change.as_update(),)


def _identities_of(change: SignedChange) -> set[Address]:
    match change:
        case Publish():
            return {change.publication.identity}
        case SetKeys():
            return {change.update.identity}
        case _:
            return {update.identity for update in _updates_of(change)}


def _claims_of(change: StatusChange) -> list[tuple[Authority, ListId | None]]:
    """Rights that are claimed, each with its list."""
    if isinstance(change, SetKeys):
        return [(change.update.authority, None)]
    return [(update.authority, update.list_id) for update in _updates_of(change)]


def _wishes_of(change: SignedChange) -> WishSet:
    """Words and records of a change, for those who read them."""
    match change:
        case Publish():
            return _NOTHING
        case SetKeys():
            return WishSet(lists={}, records=dict.fromkeys(change.update.keys, change.update.value))
    lists: dict[ListId, dict[int, tuple[int, int]]] = {}
    for update in _updates_of(change):
        words = lists.setdefault(update.list_id, {})
        words |= {word.word: (word.set | word.clear, word.set) for word in update.words}
    return WishSet(lists=lists, records={})


def _in_short(change: SignedChange) -> str:
    match change:
        case Publish():
            return f"publish a version of {change.publication.list_id.text}"
        case SetKeys():
            return f"change {len(change.update.keys)} records"
        case SetStatus():
            return f"set entry {change.index} of {change.list_id.text} to {change.value}"
        case UpdateLists():
            return f"change {sum(len(update.words) for update in change.lists)} words"

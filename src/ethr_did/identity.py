"""Changing an identity: planned, checked, sent by its owner, or signed for somebody else to send.

Rules:
  1. What can be known before gas is spent is checked before: the chain, the registry, the whole
     history of the identity, its owner, the message to relay. All of it is one batch.
  2. Deactivated is final. The contract would let the first key take control again, and resolvers
     would ignore whatever it did: such changes are refused.
  3. One change is the plain ERC-1056 call. Several are one ``applyChanges`` where the registry has
     it; elsewhere they are single transactions in a row, and the plan says so.
  4. An ``erc1056`` message names no chain and never expires. On registries of 2018 some can be
     used again and again; those are signed only when that is asked for by name.

Round trips: one for the checks, then those of ``Sender``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

from ethr_did.chain.answer import data_of
from ethr_did.chain.fees import format_wei
from ethr_did.chain.preparation import Intent, Quote
from ethr_did.chain.request import ask, call, combine, get_code
from ethr_did.chain.reverts import is_revert
from ethr_did.core.calls import (
    DOMAIN_NAME,
    DOMAIN_VERSION,
    apply_changes_call,
    change_call,
    identity_owner_call,
    invalidate_nonce_call,
    nonce_call,
    selector,
)
from ethr_did.core.changes import (
    AddDelegate,
    Change,
    ChangeOwner,
    RevokeAttribute,
    RevokeDelegate,
    SetAttribute,
    check_batch,
)
from ethr_did.core.delegations import is_hash
from ethr_did.core.erc1056 import AttributeChanged, DelegateChanged, OwnerChanged, decode_name
from ethr_did.core.keys import ZERO_ADDRESS, Address, parse_address, to_checksum_address
from ethr_did.core.relay import RelayKind, RelayMessage, recover_signer
from ethr_did.core.signed_message import choose_deadline
from ethr_did.core.status_delegates import MAX_STATUS_VALIDITY, is_status_type, status_delegates
from ethr_did.errors import (
    ChainError,
    DeactivatedError,
    InvalidChange,
    InvalidOption,
    NotAuthorized,
    RegistryMissing,
    SignerError,
)
from ethr_did.registries.did_registry import DIDRegistry, Reading

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ethr_did.chain.answer import Head
    from ethr_did.chain.networks import Network
    from ethr_did.chain.receipts import Receipt
    from ethr_did.chain.request import Answer, Steps
    from ethr_did.chain.signer import Signer
    from ethr_did.chain.transactions import Sender
    from ethr_did.core.did import EthrDID
    from ethr_did.core.erc1056 import Event

__all__ = ["Identity", "Plan", "RelayKind", "RelayMessage", "Standing"]

DEADLINE_MARGIN = 60
"""Seconds before its end at which a message is no longer sent: the next block has to take it."""

_WORD = 32
_SHOWN = 3
"""Changes of a batch that its purpose names."""


class Door(Protocol):
    """The part of ``Chain`` that is used here."""

    def run(self, steps: Steps[Any]) -> Any:
        """The result of a reading."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What the chain says of an identity, as of one block."""

    head: Head
    """The block."""
    identity: Address
    owner: Address
    """Who may change it, as the contract sees it."""
    events: tuple[Event, ...]
    """Its whole history."""
    has_batches: bool
    """Whether the registry takes ``applyChanges`` and its signed form."""
    nonces: dict[Address, int]
    """Of the registry, for the accounts asked about."""
    has_code: dict[Address, bool]
    """Whether those accounts are contracts."""

    @property
    def deactivated(self) -> bool:
        """Whether it was given up, at any time: what came later does not count."""
        return any(isinstance(e, OwnerChanged) and e.owner == ZERO_ADDRESS for e in self.events)

    def is_listed(self, change: Change) -> bool:
        """Whether a delegate or attribute is valid at that block."""
        newest = [event for event in self.events if _is_about(event, change)][-1:]
        return any(_valid_to(event) > self.head.timestamp for event in newest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What would be sent, and what it would cost. Nothing was signed."""

    standing: Standing
    intents: tuple[Intent, ...]
    """One for each transaction."""
    quote: Quote
    warnings: tuple[str, ...]
    """What is allowed and perhaps not meant."""

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {
            "identity": to_checksum_address(self.standing.identity),
            "owner": to_checksum_address(self.standing.owner),
            "sender": to_checksum_address(self.quote.sender),
            "blockNumber": self.standing.head.number,
            "blockHash": "0x" + self.standing.head.hash.hex(),
            "transactions": [
                {
                    "purpose": item.intent.purpose,
                    "data": "0x" + item.intent.data.hex(),
                    "estimatedGas": item.estimated_gas,
                    "gas": item.gas,
                    "maxFeePerGas": item.fees.max_fee_per_gas,
                    "maxPriorityFeePerGas": item.fees.max_priority_fee_per_gas,
                    "expectedCostWei": item.expected_cost,
                    "highestCostWei": item.highest_cost,
                }
                for item in self.quote.items
            ],
            "expectedCostWei": self.quote.expected_cost,
            "expectedCost": format_wei(self.quote.expected_cost),
            "highestCostWei": self.quote.highest_cost,
            "highestCost": format_wei(self.quote.highest_cost),
            "balanceWei": self.quote.balance,
            "warnings": list(self.warnings),
        }


class Identity:
    """One identity on one network, and the ways to change it."""

    def __init__(self, network: Network, did: EthrDID, *, chain: Door | None = None) -> None:
        """An identity; nothing is asked yet.

        Args:
            network: where its registry is; that of the DID.
            did: a DID of a public key means the address of that key.
            chain: the way to the nodes; None for that of the network.
        """
        self.network = network
        self.did = did
        self.address = did.address
        self.registry = parse_address(network.did_registry)
        self._chain: Door = network.chain() if chain is None else chain
        self._reader = DIDRegistry(
            self.registry, chain_id=network.chain_id, first_block=network.first_block
        )

    # -- reading ---------------------------------------------------------------------------------

    def standing(self, accounts: Iterable[Address] = ()) -> Standing:
        """What the chain says of the identity. One round trip, more where nodes are limited.

        Args:
            accounts: whose nonces in the registry are wanted; the identity's always is.

        Raises:
            RegistryMissing, WrongChain, ChainError: it could not be found out.
        """
        wanted = list(dict.fromkeys([self.address, *accounts]))
        standing: Standing = self._chain.run(self._read_standing(wanted))
        return standing

    def _read_standing(self, accounts: Sequence[Address]) -> Steps[Standing]:
        asked = [
            call(self.registry, selector("eip712Domain()")),
            call(self.registry, identity_owner_call(self.address)),
            *(call(self.registry, nonce_call(account)) for account in accounts),
            *(get_code(account) for account in accounts),
        ]
        reading: Reading
        reading, answers = yield from combine(
            self._reader.read_histories([self.address]), ask(*asked)
        )
        domain, owner, *rest = answers
        count = len(accounts)
        return Standing(
            head=reading.head,
            identity=self.address,
            owner=Address(self._word(owner)[12:]),
            events=reading.events[self.address],
            has_batches=self._is_our_domain(domain),
            nonces={
                account: int.from_bytes(self._word(answer))
                for account, answer in zip(accounts, rest[:count], strict=True)
            },
            has_code={
                account: len(data_of(answer)) > 0
                for account, answer in zip(accounts, rest[count:], strict=True)
            },
        )

    def _word(self, answer: Answer) -> bytes:
        data = b"" if is_revert(answer) else data_of(answer)
        if len(data) != _WORD:
            raise RegistryMissing(
                f"{to_checksum_address(self.registry)} does not answer like an ERC-1056 registry",
                hint="Check did_registry of this network.",
                registry=to_checksum_address(self.registry),
            )
        return data

    def _is_our_domain(self, answer: Answer) -> bool:
        """Whether the registry is one with batches: it describes the domain that we sign for."""
        from eth_abi.abi import encode  # 0.3 s, needed only by those who write

        # A registry without the function reverts, or returns nothing; a failing node is an error.
        if isinstance(answer, ChainError):
            if is_revert(answer):
                return False
            raise answer
        kinds = ("bytes1", "string", "string", "uint256", "address", "bytes32", "uint256[]")
        registry = to_checksum_address(self.registry)
        values = (b"\x0f", DOMAIN_NAME, DOMAIN_VERSION, self.network.chain_id, registry)
        return data_of(answer) == encode(kinds, (*values, bytes(32), []))

    # -- changes by the owner --------------------------------------------------------------------

    def plan(self, changes: Sequence[Change], sender: Sender) -> Plan:
        """What ``apply`` would send, and its cost. Two round trips.

        Raises:
            InvalidChange: these changes do not go together.
            DeactivatedError: the identity was given up.
            NotAuthorized: the sender is not the owner.
            Reverted, FeeTooHigh, ChainError: as ``Sender.quote``.
        """
        check_batch(changes)
        standing = self.standing()
        self._check_may_change(standing, sender.address)
        intents = self._intents(changes, together=standing.has_batches)
        return Plan(
            standing=standing,
            intents=intents,
            quote=sender.quote(intents),
            warnings=self._warnings(changes, standing),
        )

    def apply(self, changes: Sequence[Change], sender: Sender) -> tuple[Receipt, ...]:
        """The receipts of the changes, mined: one, or one for each on registries without batches.

        The same changes that an earlier run left unfinished are taken up, not sent again.

        Raises:
            InvalidChange: these changes do not go together.
            DeactivatedError: the identity was given up.
            NotAuthorized: the sender is not the owner.
            TransactionError, SignerError, ChainError: as ``Sender.send_many``.
        """
        check_batch(changes)
        for together in (True, False):
            intents = self._intents(changes, together=together)
            if sender.is_open(intents):
                return tuple(sender.send_many(intents))
        standing = self.standing()
        self._check_may_change(standing, sender.address)
        return tuple(sender.send_many(self._intents(changes, together=standing.has_batches)))

    def _intents(self, changes: Sequence[Change], *, together: bool) -> tuple[Intent, ...]:
        if len(changes) > 1 and together:
            data = apply_changes_call(self.address, changes)
            return (self._intent(data, _in_short(changes)),)
        return tuple(
            self._intent(change_call(self.address, change), describe(change)) for change in changes
        )

    def _intent(self, data: bytes, what: str, *, tag: str = "") -> Intent:
        purpose = f"{to_checksum_address(self.address)}: {what}"
        return Intent(to=self.registry, data=data, purpose=purpose, tag=tag)

    def _check_may_change(self, standing: Standing, account: Address) -> None:
        self._check_active(standing)
        if standing.owner != account:
            owner, other = to_checksum_address(standing.owner), to_checksum_address(account)
            raise NotAuthorized(
                f"{self.did.text} is owned by {owner}; {other} may not change it",
                hint="Use the owner's signer, or have the owner sign and relay it.",
                owner=owner,
                sender=other,
            )

    def _check_active(self, standing: Standing) -> None:
        if standing.deactivated:
            raise DeactivatedError(
                f"{self.did.text} was deactivated; that is final",
                hint="Make a new identity. Resolvers ignore all later changes of this one.",
                did=self.did.text,
            )

    def _warnings(self, changes: Sequence[Change], standing: Standing) -> tuple[str, ...]:
        found = [text for change in changes for text in _warnings_of(change, standing)]
        if changes and isinstance(changes[-1], ChangeOwner):
            found += _survivors(changes, standing)
        if len(changes) > 1 and not standing.has_batches:
            found.append(
                f"this registry takes one change at a time: {len(changes)} transactions follow "
                "one another, and the first may be mined without the last"
            )
        return tuple(found)

    # -- changes for a relayer -------------------------------------------------------------------

    def sign_relay(
        self,
        changes: Sequence[Change],
        signer: Signer,
        *,
        deadline: int | None = None,
        lifetime: int | None = None,
        kind: RelayKind | None = None,
        nonce_offset: int = 0,
        allow_replay: bool = False,
    ) -> RelayMessage:
        """The changes, signed for anyone to send; no gas is needed. One round trip.

        Args:
            changes: as for ``apply``.
            signer: of the owner; or one that the owner, a contract, accepts.
            deadline: Unix seconds of the last block that may take it. Not for ``erc1056``.
            lifetime: instead, seconds from the newest block; an hour if neither is given.
            kind: None for ``eip712`` where the registry takes it, else ``erc1056``.
            nonce_offset: messages signed before this one that are not sent yet.
            allow_replay: sign an ``erc1056`` message also where it can be used more than once.

        Raises:
            InvalidChange: these changes do not go together, or could be replayed.
            InvalidOption: the deadline has passed, or is given for ``erc1056``; or the registry does
                not take that kind.
            DeactivatedError: the identity was given up.
            NotAuthorized: the signer is not the owner.
            SignerError: it was not signed.
        """
        check_batch(changes)
        standing = self.standing([signer.address])
        if standing.owner not in standing.nonces:
            # Somebody else's, or a contract's; only now it is known whose.
            standing = self.standing([signer.address, standing.owner])
        self._check_active(standing)
        if signer.address != standing.owner and not standing.has_code[standing.owner]:
            self._check_may_change(standing, signer.address)
        chosen = kind or (RelayKind.EIP712 if standing.has_batches else RelayKind.ERC1056)
        message = RelayMessage(
            kind=chosen,
            chain_id=self.network.chain_id,
            registry=self.registry,
            identity=self.address,
            owner=standing.owner,
            changes=tuple(changes),
            nonce=self._relay_nonce(changes, standing, chosen) + nonce_offset,
            deadline=_deadline(chosen, deadline, lifetime, standing),
            signature=b"",
        )
        self._check_kind(message, standing)
        if not allow_replay:
            self._check_replay(message)
        return _signed(message, signer)

    def submit_relay(self, message: RelayMessage, sender: Sender) -> Receipt:
        """The receipt of changes that their owner signed; the sender pays.

        Everything in the message is checked against the chain first: one round trip.

        Raises:
            InvalidChange: for another chain, registry or identity, out of turn, or too late.
            DeactivatedError: the identity was given up.
            NotAuthorized: not signed by the current owner.
            TransactionError, SignerError, ChainError: as ``Sender.send``.
        """
        self._check_place(message)
        intent = self._relay_intent(message)
        if not sender.is_open([intent]):
            self._check_message(message)
        return sender.send(intent)

    def plan_relay(self, message: RelayMessage, sender: Sender) -> Plan:
        """What ``submit_relay`` would send, and its cost, with the same checks. Two round trips."""
        self._check_place(message)
        intent = self._relay_intent(message)
        standing = self._check_message(message)
        return Plan(
            standing=standing,
            intents=(intent,),
            quote=sender.quote([intent]),
            warnings=self._warnings(message.changes, standing),
        )

    def _relay_intent(self, message: RelayMessage) -> Intent:
        return self._intent(message.call(), f"relayed: {_in_short(message.changes)}")

    def _check_message(self, message: RelayMessage) -> Standing:
        """How the identity stands; raises unless the registry would take the message now."""
        standing = self.standing([message.owner])
        self._check_active(standing)
        self._check_kind(message, standing)
        self._check_turn(message, standing)
        self._check_signature(message, standing)
        return standing

    def withdraw_relays(self, sender: Sender) -> Receipt:
        """The receipt of using up the sender's nonce: what it signed for it is worthless then.

        Messages signed ahead, for later nonces, take one call each.

        Raises:
            InvalidOption: the registry does not offer it.
            TransactionError, SignerError, ChainError: as ``Sender.send``.
        """
        standing = self.standing([sender.address])
        nonce = standing.nonces[sender.address]
        if not standing.has_batches:
            raise InvalidOption(
                "this registry cannot withdraw signed messages",
                hint="Change the owner, or relay another message with the same nonce.",
            )
        intent = self._intent(
            invalidate_nonce_call(), f"withdraw messages of nonce {nonce}", tag=str(nonce)
        )
        return sender.send(intent)

    def _relay_nonce(self, changes: Sequence[Change], standing: Standing, kind: RelayKind) -> int:
        """The nonce that the registry's next message of that kind must carry."""
        by_identity = self.network.legacy_nonce and kind is RelayKind.ERC1056
        if by_identity and isinstance(changes[0], (SetAttribute, RevokeAttribute)):
            return standing.nonces[self.address]
        return standing.nonces[standing.owner]

    def _check_kind(self, message: RelayMessage, standing: Standing) -> None:
        if message.kind is RelayKind.EIP712 and not standing.has_batches:
            raise InvalidOption(
                f"the registry {to_checksum_address(self.registry)} takes no eip712 messages",
                hint="Sign erc1056 messages, one for each change.",
            )

    def _check_replay(self, message: RelayMessage) -> None:
        attribute = isinstance(message.changes[0], (SetAttribute, RevokeAttribute))
        if (
            message.kind is RelayKind.ERC1056
            and self.network.legacy_nonce
            and message.owner != message.identity
            and not attribute
        ):
            raise InvalidChange(
                f"whoever sees this message could use it again and again: on the registry of 2018 "
                f"the nonce of {to_checksum_address(message.owner)} never moves for an identity "
                "that is not its own",
                hint="Send it from the owner's account instead, or allow it explicitly.",
            )

    def _check_place(self, message: RelayMessage) -> None:
        expected = (self.network.chain_id, self.registry, self.address)
        if (message.chain_id, message.registry, message.identity) != expected:
            raise InvalidChange(
                f"the message is for {to_checksum_address(message.identity)} in registry "
                f"{to_checksum_address(message.registry)} on chain {message.chain_id}; this is "
                f"{to_checksum_address(self.address)} in {to_checksum_address(self.registry)} on "
                f"chain {self.network.chain_id}",
                hint="Choose the network and identity that the message names.",
            )

    def _check_turn(self, message: RelayMessage, standing: Standing) -> None:
        if message.owner != standing.owner:
            owner = to_checksum_address(standing.owner)
            raise NotAuthorized(
                f"the message is signed by {to_checksum_address(message.owner)}, but {owner} owns "
                f"{self.did.text}",
                hint="The owner changed since. The new owner has to sign.",
                owner=owner,
                signer=to_checksum_address(message.owner),
            )
        expected = self._relay_nonce(message.changes, standing, message.kind)
        if message.nonce < expected:
            raise InvalidChange(
                f"the message has nonce {message.nonce}, and the next is {expected}: it was used "
                "or withdrawn",
                hint="If it did not happen, have it signed again.",
                expected=expected,
                actual=message.nonce,
            )
        if message.nonce > expected:
            raise InvalidChange(
                f"the message has nonce {message.nonce}, and the next is {expected}: "
                f"{message.nonce - expected} other messages come first",
                hint="Submit those first.",
                expected=expected,
                actual=message.nonce,
            )
        left = None if message.deadline is None else message.deadline - standing.head.timestamp
        if left is not None and left < DEADLINE_MARGIN:
            said = f"{-left} seconds ago" if left < 0 else f"in {left} seconds"
            raise InvalidChange(
                f"the deadline of the message, {message.deadline}, is {said}",
                hint="Have it signed again with a later deadline.",
                deadline=message.deadline,
                block_timestamp=standing.head.timestamp,
            )

    def _check_signature(self, message: RelayMessage, standing: Standing) -> None:
        signer = recover_signer(message)
        # What a contract accepts only the contract can say: the simulation asks it.
        judged_by_contract = standing.has_code[message.owner] and message.kind is RelayKind.EIP712
        if signer != message.owner and not judged_by_contract:
            by = "nobody" if signer is None else to_checksum_address(signer)
            raise NotAuthorized(
                f"the message says that {to_checksum_address(message.owner)} signed it; its "
                f"signature is by {by}",
                hint="It was changed after it was signed, or signed with another key.",
                owner=to_checksum_address(message.owner),
            )


def describe(change: Change) -> str:
    """The change in a few words."""
    match change:
        case ChangeOwner():
            if change.owner == ZERO_ADDRESS:
                return "deactivate"
            return f"change owner to {to_checksum_address(change.owner)}"
        case AddDelegate():
            name = _name(change.delegate_type)
            return f"add {name} delegate {to_checksum_address(change.delegate)}"
        case RevokeDelegate():
            name = _name(change.delegate_type)
            return f"revoke {name} delegate {to_checksum_address(change.delegate)}"
        case SetAttribute():
            return f"set {_name(change.name)}"
        case RevokeAttribute():
            return f"revoke {_name(change.name)}"


def _in_short(changes: Sequence[Change]) -> str:
    said = "; ".join(map(describe, changes[:_SHOWN]))
    return said if len(changes) <= _SHOWN else f"{said}; and {len(changes) - _SHOWN} more"


def _name(name: bytes) -> str:
    text = decode_name(name)
    return text if text is not None and text.isprintable() else "0x" + name.hex()


def _warnings_of(change: Change, standing: Standing) -> Iterator[str]:
    """What may not be meant with a change."""
    what = describe(change)
    match change:
        case ChangeOwner():
            if change.owner == ZERO_ADDRESS:
                yield f"{what}: this is final, nobody will be able to change the identity again"
            elif change.owner == standing.owner:
                yield f"{what}: that is its owner already"
        case AddDelegate() | SetAttribute():
            if standing.is_listed(change):
                yield f"{what}: it is listed already and will get a new id"
            if isinstance(change, AddDelegate) and _is_long_status_key(change):
                # A hash may be that of a list, or of a kind of credentials (accreditations).
                does = "it counts" if is_hash(change.delegate_type) else "it may write statuses"
                yield (
                    f"{what}: {does} for {change.validity // 86_400} days, whoever owns the "
                    "identity by then"
                )
        case RevokeDelegate() | RevokeAttribute():
            if not standing.is_listed(change):
                yield f"{what}: it is not listed now"


def _is_long_status_key(change: AddDelegate) -> bool:
    return is_status_type(change.delegate_type) and change.validity > MAX_STATUS_VALIDITY


def _survivors(changes: Sequence[Change], standing: Standing) -> Iterator[str]:
    """Status keys, and accreditations, that the new owner inherits."""
    for key in status_delegates(standing.events, at=standing.head.timestamp):
        if key.valid and key.revocation() not in changes:
            does = "may go on writing statuses" if key.authority is not None else "stays a delegate"
            yield (
                f"{describe(changes[-1])}: {to_checksum_address(key.delegate)} {does} ({key.name}), "
                f"until {key.valid_to} in Unix seconds; revoke it in the same transaction, or after "
                "it"
            )


def _is_about(event: Event, change: Change) -> bool:
    match event, change:
        case DelegateChanged(), AddDelegate() | RevokeDelegate():
            return (event.delegate_type, event.delegate) == (change.delegate_type, change.delegate)
        case AttributeChanged(), SetAttribute() | RevokeAttribute():
            return (event.name, event.value) == (change.name, change.value)
    return False


def _valid_to(event: Event) -> int:
    return 0 if isinstance(event, OwnerChanged) else event.valid_to


def _deadline(
    kind: RelayKind, deadline: int | None, lifetime: int | None, standing: Standing
) -> int | None:
    if kind is not RelayKind.ERC1056:
        return choose_deadline(standing.head.timestamp, deadline=deadline, lifetime=lifetime)
    if lifetime is not None:
        raise InvalidOption(
            "an erc1056 message never expires: it cannot have a lifetime",
            hint="Leave the lifetime out, or sign an eip712 message where the registry takes it.",
        )
    return deadline  # the message itself refuses one


def _signed(message: RelayMessage, signer: Signer) -> RelayMessage:
    if message.kind is RelayKind.EIP712:
        signature = signer.sign_typed_data(message.typed_data())
    else:
        signature = signer.sign_digest(message.digest)
    signed = replace(message, signature=signature)
    if recover_signer(signed) != signer.address:
        raise SignerError(
            f"the signature is not one of {to_checksum_address(signer.address)} over the message",
            hint="Check the signer: it used another key, or signed something else.",
        )
    return signed

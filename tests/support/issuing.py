"""Issuers for tests: real registries, real senders, and what is really on chain."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ethr_did.chain.local_signer import LocalSigner
from ethr_did.chain.rpc import Chain
from ethr_did.chain.transactions import Intent
from ethr_did.core.calls import change_call
from ethr_did.core.changes import ChangeOwner
from ethr_did.core.did import EthrDID
from ethr_did.core.keys import Address, parse_address
from ethr_did.core.status_delegates import add_status_delegate
from ethr_did.core.status_events import StatusEvent, WordChanged, decode_status_log
from ethr_did.core.status_list import Authority, Flag, ListId, Purpose, StatusRecord, StatusWord
from ethr_did.core.status_wishes import RecordWish, Wish
from ethr_did.identity import Identity
from ethr_did.registries.status_registry import StatusRegistry
from ethr_did.status.issuing import StatusIssuer
from support.fault_proxy import FaultProxy
from support.writing import make_sender

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount, LocalChain
    from ethr_did.chain.networks import Network
    from ethr_did.chain.transactions import Sender
    from ethr_did.core.changes import Change


def a_list(
    number: int = 0,
    *,
    bits: int = 1,
    capacity: int = 2**17,
    purpose: Purpose | None = None,
    flags: Flag = Flag(0),  # noqa: B008  # immutable
) -> ListId:
    """A list id; one of several bits is for life cycles, unless another purpose is named."""
    chosen = purpose or (Purpose.REVOCATION if bits == 1 else Purpose.LIFECYCLE)
    return ListId.build(
        purpose=chosen, bits=bits, capacity=capacity, random=bytes([number]) * 27, flags=flags
    )


PLAIN = a_list(1, purpose=Purpose.SUSPENSION)
FINAL = a_list(2, flags=Flag.TERMINAL)
LIFE = a_list(3, bits=2)
FINAL_LIFE = a_list(4, bits=2, flags=Flag.TERMINAL)
OWNERS = a_list(5, bits=2, flags=Flag.OWNER_ONLY)


def wish(list_id: ListId, index: int, value: int) -> Wish:
    """An entry is to get a value."""
    return Wish(list_id=list_id, index=index, value=value)


def record(key: bytes, value: int) -> RecordWish:
    """A record is to get a value."""
    return RecordWish(key=key, value=value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """A chain with the status contracts, and what a test needs to issue on it."""

    chain: LocalChain
    network: Network
    door: Chain
    root: Path
    """Of the journals."""
    node: object = None
    """Where senders send; None for the chain itself."""

    @contextmanager
    def small_blocks(self, gas_limit: int) -> Iterator[Office]:
        """The same office where a block holds less, so that changes take more transactions."""

        def shrink(_call: dict[str, Any], block: Any) -> Any:
            return block and {**block, "gasLimit": hex(gas_limit)}

        with FaultProxy(self.chain.handle) as proxy:
            proxy.rewrite("eth_getBlockByNumber", shrink)
            door = Chain([proxy.url], chain_id=self.chain.chain_id, retries=0)
            yield replace(self, door=door, node=proxy.url)

    def did(self, whose: LocalAccount) -> EthrDID:
        """The DID of an account's identity."""
        return EthrDID.build(whose.address, self.network.name)

    def issuer(self, whose: LocalAccount, **options: Any) -> StatusIssuer:
        """The issuer with the identity of an account."""
        options = {"chain": self.door, "sleep": lambda _: None, **options}
        return StatusIssuer(self.network, self.did(whose), **options)

    def identity(self, whose: LocalAccount) -> Identity:
        """The identity of an account."""
        return Identity(self.network, self.did(whose), chain=self.door)

    def sender(self, account: LocalAccount, **options: Any) -> Sender:
        """Sends from an account."""
        node = self.node or self.chain.provider
        return make_sender(node, account.key, self.root, **options)

    def signer(self, account: LocalAccount) -> LocalSigner:
        """Signs for an account."""
        return LocalSigner.from_key(account.key)

    # -- what happens on chain -------------------------------------------------------------------

    def change(self, whose: LocalAccount, *changes: Change, by: LocalAccount | None = None) -> None:
        """Changes an identity as its owner; the contract alone is asked whether that may be."""
        sender = self.sender(by or whose)
        for place, change in enumerate(changes):
            data = change_call(Address(whose.address_bytes), change)
            to = parse_address(self.network.did_registry)
            tag = f"{self.chain.head.number}/{place}"
            sender.send(Intent(to=to, data=data, purpose="a change of the identity", tag=tag))

    def give(self, whose: LocalAccount, taker: Address, *, by: LocalAccount | None = None) -> None:
        """Gives an identity to another owner."""
        self.change(whose, ChangeOwner(owner=taker), by=by)

    def grant(
        self,
        whose: LocalAccount,
        delegate: LocalAccount,
        authority: Authority = Authority.ALL_LISTS,
        *,
        list_id: ListId | None = None,
        by: LocalAccount | None = None,
        **options: Any,
    ) -> None:
        """Makes an account a status key."""
        key = Address(delegate.address_bytes)
        self.change(whose, add_status_delegate(key, authority, list_id=list_id, **options), by=by)

    def call(self, account: LocalAccount, data: bytes) -> None:
        """Sends a call to the status registry, whatever it does."""
        to = self.issuer(account).reader.address
        tag = str(self.chain.head.number)
        self.sender(account).send(Intent(to=to, data=data, purpose="a call", tag=tag))

    def pass_time(self, seconds: int = 0) -> None:
        """Mines a block that many seconds later."""
        if seconds:
            self.chain.set_next_timestamp(self.chain.head.timestamp + seconds)
        self.chain.mine()

    # -- what is on chain ------------------------------------------------------------------------

    def value(self, whose: LocalAccount, list_id: ListId, index: int) -> int:
        """The status of an entry."""
        value, _ = self.door.run(
            self._registry.read_status(Address(whose.address_bytes), list_id, index)
        )
        found: int = value
        return found

    def words(self, whose: LocalAccount, list_id: ListId) -> tuple[StatusWord, ...]:
        """All words of a list."""
        found: tuple[StatusWord, ...] = self.door.run(
            self._registry.read_words(Address(whose.address_bytes), list_id)
        )
        return found

    def record(self, whose: LocalAccount, key: bytes) -> StatusRecord:
        """A record."""
        found: StatusRecord = self.door.run(
            self._registry.read_record(Address(whose.address_bytes), key)
        )
        return found

    def events(self) -> list[StatusEvent]:
        """All events of the status registry, in order."""
        address = self._registry.address
        return [
            decode_status_log(
                {
                    "address": "0x" + log.address.hex(),
                    "topics": ["0x" + topic.hex() for topic in log.topics],
                    "data": "0x" + log.data.hex(),
                    "blockNumber": hex(block.number),
                    "blockHash": "0x" + block.hash.hex(),
                    "transactionHash": "0x" + bytes(32).hex(),
                    "logIndex": hex(log.index),
                }
            )
            for block in self.chain.ledger.blocks
            for mined in block.transactions
            for log in mined.logs
            if log.address == address
        ]

    def changes_of(self, list_id: ListId) -> list[WordChanged]:
        """The events of a list, in order."""
        return [
            event
            for event in self.events()
            if isinstance(event, WordChanged) and event.list_id == list_id
        ]

    @property
    def _registry(self) -> StatusRegistry:
        return StatusRegistry(parse_address(str(self.network.status_registry)))

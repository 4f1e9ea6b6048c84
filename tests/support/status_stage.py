"""Issuers, delegates and status contracts on a real chain, and readers of them."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ethr_did.core.calls import change_call
from ethr_did.core.changes import AddDelegate, ChangeOwner
from ethr_did.core.did import EthrDID
from ethr_did.core.keys import Address, parse_address
from ethr_did.core.status_calls import (
    NO_HEADER,
    Header,
    ListUpdate,
    Publication,
    WordUpdate,
    publish_call,
    set_keys_call,
    set_status_call,
    update_words_call,
)
from ethr_did.core.status_entry import ContractId, ListEntry, RecordEntry
from ethr_did.core.status_list import (
    ANY_WORD,
    Authority,
    Flag,
    ListId,
    Purpose,
    delegate_type_of,
    status_key,
)
from ethr_did.status.reading import StatusReader
from support.status_node import StatusNode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ethr_did.chain.local import LocalAccount, LocalChain
    from ethr_did.chain.networks import Network
    from ethr_did.core.changes import Change

GAS = 2_000_000
DAY = 86_400


def list_id(
    purpose: Purpose = Purpose.REVOCATION,
    *,
    bits: int = 1,
    flags: Flag = Flag(0),  # noqa: B008 - immutable
    capacity: int = 2**17,
    salt: bytes = b"\x5a",
) -> ListId:
    """A list id of these rules."""
    random = salt.ljust(27, salt[-1:])
    return ListId.build(purpose=purpose, bits=bits, capacity=capacity, random=random, flags=flags)


LIST = list_id()
LIFECYCLE = list_id(Purpose.LIFECYCLE, bits=2)


@dataclass(kw_only=True)
class StatusStage:
    """What a test needs to write and read statuses."""

    chain: LocalChain
    network: Network
    node: StatusNode = field(init=False)

    def __post_init__(self) -> None:
        self.node = StatusNode(self.chain)

    # Who and what

    @property
    def statuses(self) -> Address:
        """The status registry."""
        return parse_address(self.network.status_registry or "")

    @property
    def anchors(self) -> Address:
        """The anchor registry."""
        return parse_address(self.network.anchor_registry or "")

    @property
    def registry(self) -> ContractId:
        """The status registry, as entries name it."""
        return ContractId(self.network.chain_id, self.statuses)

    def did(self, account: LocalAccount) -> EthrDID:
        """The DID of an account."""
        return EthrDID.build(account.address, self.network.name)

    def entry(self, listed: ListId, index: int) -> ListEntry:
        """An entry of a list."""
        return ListEntry(registry=self.registry, list_id=listed, index=index)

    def record(self, salt: bytes) -> RecordEntry:
        """A record."""
        return RecordEntry(registry=self.registry, salt=salt)

    def reader(self, **options: Any) -> StatusReader:
        """A reader that asks this stage's node."""
        return StatusReader([self.asked()], retries=0, **options)

    def asked(self, **more: Any) -> Network:
        """The network, behind this stage's node."""
        return replace(self.network, **{"provider": self.node, **more})

    # What happens

    @property
    def head(self) -> int:
        """Number of the newest block."""
        return self.chain.head.number

    @property
    def now(self) -> int:
        """Time of the newest block."""
        return self.chain.head.timestamp

    @contextmanager
    def one_block(self) -> Iterator[None]:
        """Everything inside happens in one block."""
        self.chain.automine = False
        try:
            yield
        finally:
            self.chain.automine = True

    def send(self, sender: LocalAccount, to: bytes, data: bytes) -> int:
        """The block in which a call was mined."""
        fields = {"from": sender.address, "to": "0x" + to.hex(), "data": "0x" + data.hex()}
        tx_hash = self.ask("eth_sendTransaction", {**fields, "gas": hex(GAS)})
        if not self.chain.automine:
            return self.head + 1
        receipt = self.ask("eth_getTransactionReceipt", tx_hash)
        assert receipt["status"] == "0x1"
        return int(receipt["blockNumber"], 16)

    def ask(self, method: str, *params: Any) -> Any:
        """The result of a request to the chain itself."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = self.chain.handle(request)
        assert isinstance(answer, dict)
        assert "error" not in answer, answer
        return answer["result"]

    def mine(self, count: int = 1) -> int:
        """The number of the last of some empty blocks."""
        self.chain.mine(count)
        return self.head

    def set_status(
        self,
        issuer: LocalAccount,
        listed: ListId,
        index: int,
        value: int = 1,
        *,
        by: LocalAccount | None = None,
        authority: Authority = Authority.OWNER,
    ) -> int:
        """The block in which one entry was changed."""
        identity = parse_address(issuer.address)
        data = set_status_call(identity, authority, listed, index, value)
        return self.send(by or issuer, self.statuses, data)

    def set_values(self, issuer: LocalAccount, listed: ListId, values: Mapping[int, int]) -> int:
        """The block in which several entries of one list were changed together."""
        words: dict[int, WordUpdate] = {}
        mask = (1 << listed.bits) - 1
        for index, value in values.items():
            word, shift = listed.position_of(index)
            old = words.get(word) or WordUpdate(word=word, set=0, clear=0, expected=ANY_WORD)
            words[word] = replace(
                old, set=old.set | value << shift, clear=old.clear | mask << shift
            )
        update = ListUpdate(
            identity=parse_address(issuer.address),
            authority=Authority.OWNER,
            list_id=listed,
            words=tuple(words.values()),
        )
        return self.send(issuer, self.statuses, update_words_call(update))

    def set_record(self, issuer: LocalAccount, salt: bytes, digest: bytes, value: int = 1) -> int:
        """The block in which one record was changed."""
        identity = parse_address(issuer.address)
        data = set_keys_call(identity, Authority.OWNER, value, [status_key(salt, digest)])
        return self.send(issuer, self.statuses, data)

    def publish(
        self,
        issuer: LocalAccount,
        listed: ListId,
        previous: Header = NO_HEADER,
        *,
        digest: bytes = b"\x01" * 32,
        root: bytes = b"\x02" * 32,
        lifetime: int = DAY,
    ) -> Header:
        """The header of a version that was published."""
        valid_until = self.chain.next_timestamp + lifetime
        publication = Publication(
            identity=parse_address(issuer.address),
            authority=Authority.OWNER,
            list_id=listed,
            previous=previous,
            content_digest=digest,
            bitmap_root=root,
            valid_until=valid_until,
        )
        block = self.send(issuer, self.anchors, publish_call(publication))
        return Header(
            content_digest=digest,
            bitmap_root=root,
            version=previous.version + 1,
            published_at=self.now,
            valid_until=valid_until,
            block_number=block,
        )

    def change(
        self, issuer: LocalAccount, change: Change, *, by: LocalAccount | None = None
    ) -> int:
        """The block of a change of the identity."""
        data = change_call(parse_address(issuer.address), change)
        return self.send(by or issuer, parse_address(self.network.did_registry), data)

    def change_owner(
        self, issuer: LocalAccount, owner: LocalAccount, *, by: LocalAccount | None = None
    ) -> int:
        """The block in which an identity got another owner."""
        return self.change(issuer, ChangeOwner(owner=parse_address(owner.address)), by=by)

    def deactivate(self, issuer: LocalAccount, *, by: LocalAccount | None = None) -> int:
        """The block in which an identity was given up."""
        return self.change(issuer, ChangeOwner(owner=Address(bytes(20))), by=by)

    def add_delegate(
        self,
        issuer: LocalAccount,
        delegate: LocalAccount,
        authority: Authority,
        listed: ListId | None = None,
    ) -> int:
        """The block in which somebody got a status key."""
        change = AddDelegate(
            delegate_type=delegate_type_of(authority, listed),
            delegate=parse_address(delegate.address),
            validity=DAY,
        )
        return self.change(issuer, change)

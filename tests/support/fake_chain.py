"""A node without a chain: a test writes history in one line, and says how the node lies.

The node speaks JSON-RPC through the two methods of a web3 provider, so that everything from
``Chain`` upwards runs as it does in earnest. State at a block is worked out from the events up to
that block, never stored, so that reading the past and reorganising it are the same as on a chain.

Example:
    fake = FakeChain()
    fake.add_service(alice, "Hub", "https://hub.example.com")
    fake.max_range = 100
    fake.resolver().resolve(alice.did)
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from eth_abi.abi import decode
from eth_hash.auto import keccak

from ethr_did import Network, Resolver
from ethr_did.chain.artifacts import ContractName, load
from ethr_did.core.calls import selector
from ethr_did.core.erc1056 import ATTRIBUTE_TOPIC, DELEGATE_TOPIC, OWNER_TOPIC
from ethr_did.core.keys import Address, address_of_key, to_checksum_address

CHAIN_ID = 1337
REGISTRY = Address(bytes.fromhex("dca7ef03e98e0dc2b855be647c39abe984fcf21b"))
GENESIS = 1_700_000_000
SPACING = 12
DAY = 86_400
ZERO = Address(bytes(20))

_CHANGED = selector("changed(address)")
_IDENTITY_OWNER = selector("identityOwner(address)")
_OWNERS = selector("owners(address)")
_UNKNOWN = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an identity."""

    address: Address
    key: bytes | None = None
    """The compressed public key, for those whose DID names it."""

    @classmethod
    def named(cls, name: str) -> Person:
        """Always the same person for the same name."""
        return cls(Address(keccak(name.encode())[-20:]))

    @classmethod
    def with_key(cls, key: bytes) -> Person:
        """The person who holds a key."""
        return cls(address_of_key(key), key)

    @property
    def account(self) -> str:
        """The address as people write it."""
        return to_checksum_address(self.address)

    @property
    def did(self) -> str:
        """The DID on the network called dev."""
        return f"did:ethr:dev:{'0x' + self.key.hex() if self.key else self.account}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """One event of the registry."""

    identity: Address
    topic: str
    head: tuple[bytes, ...]
    """The words before ``previousChange``."""
    tail: bytes
    """What follows it: length and bytes of an attribute's value."""
    previous_change: int
    owner: Address | None = None
    """Of a change of owner."""

    @property
    def data(self) -> bytes:
        """The unindexed arguments."""
        return b"".join((*self.head, _word(self.previous_change))) + self.tail


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A block with the registry's events in it."""

    number: int
    timestamp: int
    parent_hash: bytes
    salt: int = 0
    """Tells a block from the one that replaces it."""
    logs: tuple[Log, ...] = ()

    @property
    def hash(self) -> bytes:
        """Different for different content."""
        parts = [self.parent_hash, _word(self.number), _word(self.timestamp), _word(self.salt)]
        return keccak(b"".join([*parts, *(log.data for log in self.logs)]))


@dataclass
class Ledger:
    """The history that one or more nodes tell."""

    blocks: list[Block] = field(
        default_factory=lambda: [Block(number=0, timestamp=GENESIS, parent_hash=bytes(32))]
    )
    next_time: int | None = None
    gathering: list[Log] | None = None

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    @property
    def now(self) -> int:
        """Time of the block that is being made."""
        return self.head.timestamp + SPACING if self.next_time is None else self.next_time

    def mine(self, logs: Sequence[Log] = ()) -> int:
        """The number of one more block."""
        block = Block(
            number=self.head.number + 1,
            timestamp=self.now,
            parent_hash=self.head.hash,
            logs=tuple(logs),
        )
        self.next_time = None
        self.blocks.append(block)
        return block.number

    def logs_of(self, identity: bytes, last: int) -> Iterator[tuple[int, Log]]:
        """Events up to a block, oldest first, with their blocks."""
        for block in self.blocks[: last + 1]:
            for log in block.logs:
                if log.identity == identity:
                    yield block.number, log

    def changed(self, identity: bytes, last: int) -> int:
        """The registry's ``changed`` after a block."""
        return max((number for number, _ in self.logs_of(identity, last)), default=0)

    def owner(self, identity: bytes, last: int) -> bytes:
        """The registry's ``owners`` after a block."""
        owners = [log.owner for _, log in self.logs_of(identity, last) if log.owner is not None]
        return owners[-1] if owners else bytes(20)


Hook = Callable[[], object]
RpcError = tuple[int, str]


class FakeChain:
    """A chain and its node. Attributes without underscore are the faults it has."""

    def __init__(self, ledger: Ledger | None = None, *, chain_id: int = CHAIN_ID) -> None:
        self.ledger = ledger or Ledger()
        self.chain_id = chain_id
        self.rounds = 0
        """Round trips made."""
        self.requests: list[tuple[str, Any]] = []
        """All that was asked."""

        self.with_times = True
        """Whether logs carry ``blockTimestamp``."""
        self.max_range: int | None = None
        """Most blocks of a log query."""
        self.max_logs: int | None = None
        """Most logs of an answer; more are refused."""
        self.range_error: RpcError = (-32000, "block range is too large")
        self.cut: int | None = None
        """Most logs of an answer; the later ones are left out without a word."""
        self.pruned_before = 0
        """Log queries that start below are refused."""
        self.missing_blocks: set[int] = set()
        """Blocks whose logs are not served."""
        self.missing_logs: set[tuple[int, int]] = set()
        """Events that are not served, by block and index."""
        self.changed_lies: dict[bytes, int] = {}
        self.owner_lies: dict[bytes, bytes] = {}
        self.state_lag = 0
        """By how many blocks state calls show an older block; negative for a newer one."""
        self.head_lag = 0
        """By how many blocks the node is behind."""
        self.final_depth: int | None = None
        """Blocks on top of the last finalised one; None: the node does not say what is final."""
        self.no_init_code: RpcError | None = None
        """Refusal of calls without ``to``."""
        self.code = load(ContractName.ETHEREUM_DID_REGISTRY).runtime_code
        self.deaf: tuple[bytes, ...] = ()
        """Identities for which the registry gives no sensible answer."""
        self.before: dict[int, Hook] = {}
        """What happens before the n-th request, counted from 1."""
        self.answers: dict[str, Callable[[Any], Any]] = {}
        """Results by method, in place of the right ones."""
        self.errors: dict[str, RpcError] = {}
        """JSON-RPC errors by method."""
        self.dead: Exception | None = None
        """What every round trip ends with."""

    # Writing history

    def at(self, timestamp: int) -> FakeChain:
        """The same chain, whose next block has this time."""
        self.ledger.next_time = timestamp
        return self

    def mine(self, count: int = 1) -> int:
        """The number of the last of some empty blocks."""
        for _ in range(count):
            self.ledger.mine()
        return self.head

    @contextmanager
    def one_block(self) -> Iterator[None]:
        """Everything inside happens in one block."""
        self.ledger.gathering = []
        yield
        logs, self.ledger.gathering = self.ledger.gathering, None
        self.ledger.mine(logs)

    def change_owner(self, who: Person, owner: Person | Address) -> int:
        """The block of a change of owner."""
        address = owner.address if isinstance(owner, Person) else owner
        return self._emit(who, OWNER_TOPIC, (_word_of(address),), owner=address)

    def deactivate(self, who: Person) -> int:
        """The block in which an identity is given up."""
        return self.change_owner(who, ZERO)

    def add_delegate(
        self, who: Person, kind: str | bytes, delegate: Person, validity: int = DAY
    ) -> int:
        """The block in which a delegate is added."""
        return self._delegate(who, kind, delegate, self.ledger.now + validity)

    def revoke_delegate(self, who: Person, kind: str | bytes, delegate: Person) -> int:
        """The block in which a delegate is revoked."""
        return self._delegate(who, kind, delegate, self.ledger.now)

    def set_attribute(
        self, who: Person, name: str | bytes, value: bytes | str, validity: int = DAY
    ) -> int:
        """The block in which an attribute is set."""
        return self.raw_attribute(who, name, value, self.ledger.now + validity)

    def revoke_attribute(self, who: Person, name: str | bytes, value: bytes | str) -> int:
        """The block in which an attribute is revoked."""
        return self.raw_attribute(who, name, value, 0)

    def add_service(self, who: Person, kind: str, endpoint: str, validity: int = DAY) -> int:
        """The block in which a service is published."""
        return self.set_attribute(who, f"did/svc/{kind}", endpoint, validity)

    def raw_attribute(
        self, who: Person, name: str | bytes, value: bytes | str, valid_to: int
    ) -> int:
        """The block of an attribute event with any ``validTo``."""
        data = value.encode() if isinstance(value, str) else value
        padded = data + bytes(-len(data) % 32)
        head = (_bytes32(name), _word(128), _word(valid_to))
        return self._emit(who, ATTRIBUTE_TOPIC, head, _word(len(data)) + padded)

    def reorganise(self, depth: int, *, keep_logs: bool = True) -> None:
        """Replaces the newest blocks by as many others."""
        dropped = self.ledger.blocks[-depth:]
        del self.ledger.blocks[-depth:]
        for old in dropped:
            logs = old.logs if keep_logs else ()
            parent = self.ledger.head.hash
            new = replace(old, parent_hash=parent, salt=old.salt + 1, logs=logs)
            self.ledger.blocks.append(new)

    def _delegate(self, who: Person, kind: str | bytes, delegate: Person, valid_to: int) -> int:
        head = (_bytes32(kind), _word_of(delegate.address), _word(valid_to))
        return self._emit(who, DELEGATE_TOPIC, head)

    def _emit(
        self,
        who: Person,
        topic: str,
        head: tuple[bytes, ...],
        tail: bytes = b"",
        owner: Address | None = None,
    ) -> int:
        gathered = self.ledger.gathering
        number = self.ledger.head.number + 1
        again = any(log.identity == who.address for log in gathered or ())
        log = Log(
            identity=who.address,
            topic=topic,
            head=head,
            tail=tail,
            previous_change=number if again else self.ledger.changed(who.address, number),
            owner=owner,
        )
        if gathered is None:
            return self.ledger.mine([log])
        gathered.append(log)
        return number

    # Asking for it

    @property
    def head(self) -> int:
        """Number of the newest block."""
        return self.ledger.head.number

    @property
    def now(self) -> int:
        """Time of the newest block."""
        return self.ledger.head.timestamp

    def time_of(self, number: int) -> int:
        """Time of a block."""
        return self.ledger.blocks[number].timestamp

    def sibling(self) -> FakeChain:
        """Another node of the same chain, with faults of its own."""
        return FakeChain(self.ledger, chain_id=self.chain_id)

    def network(self, **options: Any) -> Network:
        """The network that this chain is."""
        options = {"provider": self, "chain_id": CHAIN_ID, **options}
        return Network(name="dev", did_registry=to_checksum_address(REGISTRY), **options)

    def resolver(self, **options: Any) -> Resolver:
        """A resolver that asks this node and whose clock shows the time of the head."""
        return Resolver([self.network()], clock=lambda: self.now, retries=0, **options)

    # Answering

    def make_request(self, method: str, params: Any) -> dict[str, Any]:
        """The JSON-RPC response."""
        self._count()
        return self._respond(method, json.loads(json.dumps(params)))

    def make_batch_request(self, calls: Sequence[tuple[str, Any]]) -> list[dict[str, Any]]:
        """The JSON-RPC responses, in the order of the requests."""
        self._count()
        return [self._respond(method, json.loads(json.dumps(params))) for method, params in calls]

    def _count(self) -> None:
        self.rounds += 1
        if self.dead is not None:
            raise self.dead

    def _respond(self, method: str, params: Any) -> dict[str, Any]:
        self.requests.append((method, params))
        hook = self.before.pop(len(self.requests), None)
        if hook is not None:
            hook()
        response: dict[str, Any] = {"jsonrpc": "2.0", "id": len(self.requests)}
        try:
            if method in self.errors:
                raise _Refusal(*self.errors[method])
            if method in self.answers:
                return {**response, "result": self.answers[method](params)}
            return {**response, "result": self._METHODS[method](self, *params)}
        except _Refusal as refusal:
            return {**response, "error": {"code": refusal.code, "message": str(refusal)}}

    def _chain_id(self) -> str:
        return hex(self.chain_id)

    def _block_number(self) -> str:
        return hex(self._newest)

    @property
    def _newest(self) -> int:
        return self.head - self.head_lag

    def _find(self, tag: str) -> Block | None:
        if tag == "finalized":
            if self.final_depth is None:
                raise _Refusal(-32602, "unknown block tag")
            number = max(0, self._newest - self.final_depth)
        else:
            number = self._newest if tag == "latest" else int(tag, 16)
        return self.ledger.blocks[number] if number <= self._newest else None

    def _get_block(self, tag: str, _full: bool) -> dict[str, Any] | None:  # noqa: FBT001 - as the method has it
        block = self._find(tag)
        if block is None:
            return None
        return {
            "number": hex(block.number),
            "hash": _hex(block.hash),
            "parentHash": _hex(block.parent_hash),
            "timestamp": hex(block.timestamp),
            "transactions": [],
        }

    def _get_block_by_hash(self, block_hash: str, _full: bool) -> dict[str, Any] | None:  # noqa: FBT001 - as the method has it
        found = [b for b in self.ledger.blocks if _hex(b.hash) == block_hash]
        return self._get_block(hex(found[0].number), _full) if found else None

    def _get_code(self, address: str, _tag: str) -> str:
        return _hex(self.code if address == _hex(REGISTRY) else b"")

    def _get_logs(self, query: dict[str, Any]) -> list[dict[str, Any]]:
        first = 0 if query["fromBlock"] == "earliest" else int(query["fromBlock"], 16)
        last = self._newest if query["toBlock"] == "latest" else int(query["toBlock"], 16)
        if first < self.pruned_before:
            raise _Refusal(4444, "pruned history unavailable")
        if self.max_range is not None and last - first + 1 > self.max_range:
            raise _Refusal(*self.range_error)
        kinds, identities = query["topics"][0], query["topics"][1:]
        found = [
            self._log_to_json(block, index, log)
            for block in self.ledger.blocks[first : min(last, self._newest) + 1]
            for index, log in enumerate(block.logs)
            if log.topic in kinds
            and (not identities or _hex(_word_of(log.identity)) in identities[0])
            and block.number not in self.missing_blocks
            and (block.number, index) not in self.missing_logs
        ]
        if self.max_logs is not None and len(found) > self.max_logs:
            raise _Refusal(-32005, f"query returned more than {self.max_logs} results")
        return found if self.cut is None else found[: self.cut]

    def _log_to_json(self, block: Block, index: int, log: Log) -> dict[str, Any]:
        out = {
            "address": _hex(REGISTRY),
            "topics": [log.topic, _hex(_word_of(log.identity))],
            "data": _hex(log.data),
            "blockNumber": hex(block.number),
            "blockHash": _hex(block.hash),
            "logIndex": hex(index),
            "transactionHash": _hex(keccak(block.hash + _word(index))),
            "transactionIndex": hex(index),
            "removed": False,
        }
        return {**out, "blockTimestamp": hex(block.timestamp)} if self.with_times else out

    def _call(self, fields: dict[str, str], tag: str) -> str:
        block = self._find(tag)
        if block is None:
            raise _Refusal(-32000, "header not found")
        data = bytes.fromhex(fields["data"][2:])
        if "to" in fields:
            return _hex(self._call_registry(data, block))
        if self.no_init_code is not None:
            raise _Refusal(*self.no_init_code)
        seen = self.ledger.blocks[max(0, min(self.head, block.number - self.state_lag))]
        return _hex(self._probe(data, seen))

    def _call_registry(self, data: bytes, block: Block) -> bytes:
        method, identity = data[:4], data[16:36]
        if not self.code or identity in self.deaf:
            return b""
        if method == _CHANGED:
            return _word(self._changed(identity, block.number))
        if method == _IDENTITY_OWNER:
            return _word_of(self._identity_owner(identity, block.number))
        if method == _OWNERS:
            return _word_of(self.ledger.owner(identity, block.number))
        raise _Refusal(3, "execution reverted")

    def _probe(self, data: bytes, block: Block) -> bytes:
        """What the constructor of DIDRegistryProbe returns."""
        init_code = load(ContractName.DID_REGISTRY_PROBE).init_code
        if not data.startswith(init_code):
            raise _Refusal(-32000, "invalid opcode")
        registry, identities = decode(["address", "address[]"], data[len(init_code) :])
        code = self.code if registry == _hex(REGISTRY) else b""
        answer = [
            b"\x01",
            block.number.to_bytes(8),
            block.timestamp.to_bytes(8),
            block.parent_hash,
            _word(self.chain_id),
            keccak(code),
        ]
        for text in identities:
            identity = bytes.fromhex(text[2:])
            changed, owner = self._changed(identity, block.number), bytes(20)
            if not code or identity in self.deaf:
                changed = _UNKNOWN
            else:
                owner = self._identity_owner(identity, block.number)
            answer += [changed.to_bytes(8), owner]
        return b"".join(answer)

    def _changed(self, identity: bytes, last: int) -> int:
        return self.changed_lies.get(identity, self.ledger.changed(identity, last))

    def _identity_owner(self, identity: bytes, last: int) -> bytes:
        owner = self.owner_lies.get(identity, self.ledger.owner(identity, last))
        return owner if any(owner) else identity

    _METHODS: dict[str, Callable[..., Any]] = {  # noqa: RUF012 - a table, never changed
        "eth_chainId": _chain_id,
        "eth_blockNumber": _block_number,
        "eth_getBlockByNumber": _get_block,
        "eth_getBlockByHash": _get_block_by_hash,
        "eth_getCode": _get_code,
        "eth_getLogs": _get_logs,
        "eth_call": _call,
    }


class OneByOne:
    """The same node for clients that cannot send batches."""

    def __init__(self, fake: FakeChain) -> None:
        self.make_request = fake.make_request


class _Refusal(Exception):
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def _word(number: int) -> bytes:
    return number.to_bytes(32)


def _word_of(address: bytes) -> bytes:
    return address.rjust(32, b"\0")


def _bytes32(name: str | bytes) -> bytes:
    return (name.encode() if isinstance(name, str) else name).ljust(32, b"\0")


def _hex(data: bytes) -> str:
    return "0x" + data.hex()

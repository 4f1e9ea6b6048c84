"""The registry against a model of plain dicts: whatever is sent, both say the same.

The model knows nothing of the contract's code. It is the five changes of ERC-1056 over four
dicts, and the sentence "a batch is its changes one after another, or nothing".
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from web3 import Web3

from ethr_did.chain.artifacts import ContractName, load
from support.erc1056_messages import sign_call
from support.evm import ZERO, Evm, actor, b32, events
from support.typed_messages import sign_typed, typed_message

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract
    from web3.contract.contract import ContractFunction

ACTORS = [actor(number) for number in range(1, 5)]
RELAYER = actor(5)
TYPES = [b32("veriKey"), b32("sigAuth")]
LARGEST = 2**256 - 1
OWNER_CHANGE, ADD_DELEGATE, REVOKE_DELEGATE, SET_ATTRIBUTE, REVOKE_ATTRIBUTE = range(5)

Change = tuple[int, bytes, bytes, int]
Event = tuple[str, dict[str, Any]]


class RefusedError(Exception):
    """The model's word for a transaction that fails."""


def address_of(value: bytes) -> str:
    if len(value) != 20:
        raise RefusedError
    return str(Web3.to_checksum_address(value))


@dataclass
class Model:
    owners: dict[str, str] = field(default_factory=dict)
    delegates: dict[tuple[str, bytes, str], int] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)
    nonces: dict[str, int] = field(default_factory=dict)
    history: list[tuple[int, Event]] = field(default_factory=list)

    def copy(self) -> Model:
        return Model(
            dict(self.owners),
            dict(self.delegates),
            dict(self.changed),
            dict(self.nonces),
            list(self.history),
        )

    def owner(self, identity: str) -> str:
        return self.owners.get(identity, identity)

    def use_nonce(self, signer: str) -> None:
        self.nonces[signer] = self.nonces.get(signer, 0) + 1

    def apply(self, identity: str, sender: str, change: Change, block: int, time: int) -> Event:
        """The event of one change by one sender."""
        if self.owner(identity) != sender:
            raise RefusedError
        kind, name, value, validity = change
        if kind in {ADD_DELEGATE, SET_ATTRIBUTE} and time + validity > LARGEST:
            raise RefusedError
        event = self._event(identity, change, time)
        event[1]["previousChange"] = self.changed.get(identity, 0)
        if kind == OWNER_CHANGE:
            new = event[1]["owner"]
            self.owners[identity] = identity if new == ZERO else new
        if kind in {ADD_DELEGATE, REVOKE_DELEGATE}:
            self.delegates[identity, name, address_of(value)] = event[1]["validTo"]
        self.changed[identity] = block
        self.history.append((block, event))
        return event

    def _event(self, identity: str, change: Change, time: int) -> Event:
        kind, name, value, validity = change
        if kind == OWNER_CHANGE:
            return "DIDOwnerChanged", {"identity": identity, "owner": address_of(value)}
        if kind in {ADD_DELEGATE, REVOKE_DELEGATE}:
            return "DIDDelegateChanged", {
                "identity": identity,
                "delegateType": name,
                "delegate": address_of(value),
                "validTo": time + (validity if kind == ADD_DELEGATE else 0),
            }
        return "DIDAttributeChanged", {
            "identity": identity,
            "name": name,
            "value": value,
            "validTo": time + validity if kind == SET_ATTRIBUTE else 0,
        }

    def apply_batch(
        self, identity: str, sender: str, changes: list[Change], block: int, time: int
    ) -> list[Event]:
        """The events of a batch; the model is of no further use if it is refused."""
        for position, (kind, name, _, validity) in enumerate(changes):
            is_owner_change = kind == OWNER_CHANGE
            if is_owner_change and (name != bytes(32) or position != len(changes) - 1):
                raise RefusedError
            if kind not in {ADD_DELEGATE, SET_ATTRIBUTE} and validity != 0:
                raise RefusedError
            if kind > REVOKE_ATTRIBUTE:
                raise RefusedError
        if not changes:
            raise RefusedError
        return [self.apply(identity, sender, change, block, time) for change in changes]


people = st.sampled_from(ACTORS)
accounts = st.sampled_from([*(bytes.fromhex(each.address[2:]) for each in ACTORS), bytes(20)])
validities = st.sampled_from([0, 1, 86_400, LARGEST])
attribute_names = st.sampled_from([b32("did/pub/Secp256k1/veriKey/hex"), b32("did/svc/X")])
values = st.binary(max_size=70)
good_changes: st.SearchStrategy[Change] = st.one_of(
    st.tuples(st.just(OWNER_CHANGE), st.just(bytes(32)), accounts, st.just(0)),
    st.tuples(st.just(ADD_DELEGATE), st.sampled_from(TYPES), accounts, validities),
    st.tuples(st.just(REVOKE_DELEGATE), st.sampled_from(TYPES), accounts, st.just(0)),
    st.tuples(st.just(SET_ATTRIBUTE), attribute_names, values, validities),
    st.tuples(st.just(REVOKE_ATTRIBUTE), attribute_names, values, st.just(0)),
)
any_changes: st.SearchStrategy[Change] = st.tuples(
    st.integers(0, 5), st.sampled_from([bytes(32), *TYPES]), accounts | values, validities
)
batches = st.lists(good_changes, max_size=5) | st.lists(any_changes, max_size=2)


@functools.cache
def chain() -> tuple[Evm, Contract]:
    evm = Evm()
    return evm, evm.deploy(load(ContractName.ETHEREUM_DID_REGISTRY))


def setup_module() -> None:
    # py-evm raises the recursion limit when it is imported; Hypothesis objects if that happens
    # while it counts.
    chain()


def single_call(change: Change) -> tuple[str, list[Any]]:
    """Method and arguments, after the identity, of the ERC-1056 call that makes the change."""
    kind, name, value, validity = change
    if kind == OWNER_CHANGE:
        return "changeOwner", [address_of(value)]
    if kind == ADD_DELEGATE:
        return "addDelegate", [name, address_of(value), validity]
    if kind == REVOKE_DELEGATE:
        return "revokeDelegate", [name, address_of(value)]
    if kind == SET_ATTRIBUTE:
        return "setAttribute", [name, value, validity]
    return "revokeAttribute", [name, value]


class RegistryMachine(RuleBasedStateMachine):
    """Sends to both, compares what both say."""

    def __init__(self) -> None:
        super().__init__()
        self.evm, self.registry = chain()
        self.mark = self.evm.chain.snapshot()
        self.model = Model()

    def teardown(self) -> None:
        try:
            self.nonces_agree()
            self.delegates_agree()
        finally:
            self.evm.chain.revert(self.mark)

    def send(self, *calls: tuple[ContractFunction, LocalAccount]) -> list[list[Event] | None]:
        """The events of each call, all mined in one block; ``None`` where it failed."""
        with self.evm.one_block():
            hashes = [self.evm.submit(call, sender) for call, sender in calls]
        receipts = [self.evm.w3.eth.get_transaction_receipt(tx_hash) for tx_hash in hashes]
        assert {receipt["blockNumber"] for receipt in receipts} == {self.evm.block_number}
        return [
            events(self.registry, receipt) if receipt["status"] else None for receipt in receipts
        ]

    def expect_batch(
        self, identity: LocalAccount, signer: LocalAccount, changes: list[Change], *, signed: bool
    ) -> list[Event] | None:
        attempt = self.model.copy()
        try:
            found = attempt.apply_batch(
                identity.address,
                signer.address,
                changes,
                self.evm.block_number,
                self.evm.timestamp,
            )
        except RefusedError:
            return None
        if signed:
            attempt.use_nonce(signer.address)
        self.model = attempt
        return found

    @rule(identity=people, sender=people, changes=st.lists(good_changes, min_size=1, max_size=3))
    def call_one_after_another_in_a_block(
        self, identity: LocalAccount, sender: LocalAccount, changes: list[Change]
    ) -> None:
        calls = []
        for change in changes:
            method, arguments = single_call(change)
            calls.append((self.registry.functions[method](identity.address, *arguments), sender))
        found = self.send(*calls)
        block, time = self.evm.block_number, self.evm.timestamp
        for change, result in zip(changes, found, strict=True):
            try:
                event = self.model.apply(identity.address, sender.address, change, block, time)
            except RefusedError:
                assert result is None
            else:
                assert result == [event]

    @rule(identity=people, sender=people, changes=batches)
    def apply_changes(
        self, identity: LocalAccount, sender: LocalAccount, changes: list[Change]
    ) -> None:
        call = self.registry.functions.applyChanges(identity.address, changes)
        (found,) = self.send((call, sender))
        assert found == self.expect_batch(identity, sender, changes, signed=False)

    @rule(identity=people, signer=people, changes=batches)
    def apply_changes_signed(
        self, identity: LocalAccount, signer: LocalAccount, changes: list[Change]
    ) -> None:
        nonce = self.model.nonces.get(signer.address, 0)
        deadline = self.evm.timestamp + 10**6
        message = typed_message(
            registry=self.registry.address,
            chain_id=self.evm.chain.chain_id,
            identity=identity.address,
            owner=signer.address,
            changes=changes,
            nonce=nonce,
            deadline=deadline,
        )
        call = self.registry.functions.applyChangesSigned(
            identity.address, changes, nonce, deadline, sign_typed(signer, message)
        )
        (found,) = self.send((call, RELAYER))
        assert found == self.expect_batch(identity, signer, changes, signed=True)

    @rule(identity=people, signer=people, change=good_changes)
    def call_signed(self, identity: LocalAccount, signer: LocalAccount, change: Change) -> None:
        method, arguments = single_call(change)
        call = sign_call(self.registry, signer, identity.address, method, *arguments)
        (found,) = self.send((call, RELAYER))
        assert found == self.expect_batch(identity, signer, [change], signed=True)

    @rule(signer=people)
    def invalidate_nonce(self, signer: LocalAccount) -> None:
        assert self.send((self.registry.functions.invalidateNonce(), signer)) == [[]]
        self.model.use_nonce(signer.address)

    @rule(seconds=st.sampled_from([1, 86_400]))
    def time_passes(self, seconds: int) -> None:
        self.evm.chain.advance(seconds)
        self.evm.chain.mine()

    @invariant()
    def states_agree(self) -> None:
        addresses = [each.address for each in ACTORS]
        assert self.registry.functions.statesOf(addresses).call() == [
            (self.model.owner(address), self.model.changed.get(address, 0)) for address in addresses
        ]

    def nonces_agree(self) -> None:
        """Once, at the end: a nonce only rises, and a wrong one would have refused what followed."""
        for each in ACTORS:
            found = self.registry.functions.nonce(each.address).call()
            assert found == self.model.nonces.get(each.address, 0)

    def delegates_agree(self) -> None:
        """Once, at the end: what was said before was in the events, which are compared each time."""
        functions = self.registry.functions
        for (identity, name, delegate), valid_to in self.model.delegates.items():
            assert functions.delegates(identity, keccak(name), delegate).call() == valid_to
            valid = functions.validDelegate(identity, name, delegate).call()
            assert valid == (valid_to > self.evm.timestamp)

    @invariant()
    def the_pointers_lead_to_every_event(self) -> None:
        for each in ACTORS:
            identity = each.address
            own = [
                (block, event["previousChange"])
                for block, (_, event) in self.model.history
                if event["identity"] == identity
            ]
            visited = set()
            pointer = self.model.changed.get(identity, 0)
            while pointer:
                visited.add(pointer)
                pointer = min(previous for block, previous in own if block == pointer)
            assert visited == {block for block, _ in own}


TestRegistry = RegistryMachine.TestCase
TestRegistry.settings = settings(
    max_examples=12,
    stateful_step_count=20,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)

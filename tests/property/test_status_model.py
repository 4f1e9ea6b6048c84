"""The status registry against a model of plain dicts: whatever is sent, both say the same.

The model knows no words, masks or signatures. A list is a dict of values, with the block in which
each group of entries last changed; a message is a change with an owner, a deadline and an
expectation. Its rules are those of docs/credential-status.md.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from ethr_did.chain.artifacts import ContractName, load
from support.evm import Evm, actor
from support.status import (
    ALL_LISTS,
    ANY,
    FAR,
    INVALID,
    LIFECYCLE,
    ONE_LIST,
    OWNER,
    OWNER_ONLY,
    PAYLOAD_BITS,
    REVOCATION_ONLY,
    TERMINAL,
    VALID,
    delegate_type,
    list_id,
    lists_message,
    message,
    per_word,
    update,
)

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract
    from web3.contract.contract import ContractFunction

ISSUERS = [actor(number) for number in range(1, 4)]
PEOPLE = [*ISSUERS, actor(4)]
RELAYER = actor(5)
DAY = 86_400
LISTS = [
    list_id(),
    list_id(flags=TERMINAL),
    list_id(LIFECYCLE, width_log=1),
    list_id(LIFECYCLE, width_log=1, flags=TERMINAL),
    list_id(LIFECYCLE, width_log=3, flags=TERMINAL | OWNER_ONLY),
]
KEYS = [b"\x11" * 32, b"\x22" * 32]
AUTHORITIES = [OWNER, ALL_LISTS, REVOCATION_ONLY, ONE_LIST]

Word = tuple[str, bytes, int]
Entries = dict[int, int]


class RefusedError(Exception):
    """The model's word for a transaction that fails."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """Entries of one word that somebody sets, by some right, perhaps only if the word is as it was seen."""

    identity: str
    authority: int
    listed: bytes
    word: int
    values: tuple[tuple[int, int], ...]
    seen: tuple[int, tuple[tuple[int, int], ...]] | None = None
    """Block and entries of the word as the writer saw it; ``None``: does not care."""

    @property
    def width_log(self) -> int:
        return self.listed[2]

    @property
    def is_terminal(self) -> bool:
        return bool(self.listed[3] & TERMINAL)

    @property
    def expected(self) -> int:
        if self.seen is None:
            return ANY
        block, entries = self.seen
        bits = sum(value << (at << self.width_log) for at, value in entries)
        return block << PAYLOAD_BITS | bits

    def as_update(self) -> tuple[str, int, bytes, list[tuple[int, int, int]]]:
        words = [
            update(self.values, width_log=self.width_log, word=self.word, expected=self.expected)
        ]
        return self.identity, self.authority, self.listed, words


@dataclass
class Model:
    owners: dict[str, str] = field(default_factory=dict)
    delegates: dict[tuple[str, bytes, str], int] = field(default_factory=dict)
    entries: dict[Word, Entries] = field(default_factory=dict)
    changed: dict[Word, int] = field(default_factory=dict)
    records: dict[tuple[str, bytes], list[tuple[int, int, int]]] = field(default_factory=dict)
    """Value, time and block of each change."""

    def check_right(self, who: str, identity: str, authority: int, listed: bytes, now: int) -> None:
        if authority == OWNER:
            allowed = self.owners.get(identity, identity) == who
        else:
            kind = delegate_type(authority, listed)
            allowed = self.delegates.get((identity, kind, who), 0) > now
            allowed = allowed and not listed[3] & OWNER_ONLY
        if not allowed:
            raise RefusedError

    def state(self, word: Word) -> tuple[int, Entries]:
        return self.changed.get(word, 0), self.entries.get(word, {})

    def seen(self, word: Word) -> tuple[int, tuple[tuple[int, int], ...]]:
        block, entries = self.state(word)
        return block, tuple(sorted(entries.items()))

    def apply(self, change: Change, who: str, *, block: int, now: int, signed: bool) -> None:
        self.check_right(who, change.identity, change.authority, change.listed, now)
        place = (change.identity, change.listed, change.word)
        changed, old = self.state(place)
        if change.seen is not None:
            if signed and change.seen[0] >= block:
                raise RefusedError
            if change.seen != (changed, tuple(sorted(old.items()))):
                raise RefusedError
        elif signed and not (
            change.is_terminal and all(value == INVALID for _, value in change.values)
        ):
            raise RefusedError
        new = {at: value for at, value in {**old, **dict(change.values)}.items() if value != VALID}
        for at in {*old, *new}:
            was, becomes = old.get(at, VALID), new.get(at, VALID)
            if was == becomes:
                continue
            if change.is_terminal and was == INVALID:
                raise RefusedError
            if change.authority == REVOCATION_ONLY and becomes != INVALID:
                raise RefusedError
        if new != old:
            self.entries[place], self.changed[place] = new, block

    def set_key(
        self,
        identity: str,
        key: bytes,
        value: int,
        *,
        authority: int,
        who: str,
        block: int,
        now: int,
    ) -> None:
        if authority == ONE_LIST:
            raise RefusedError
        if authority == REVOCATION_ONLY and value != INVALID:
            raise RefusedError
        self.check_right(who, identity, authority, bytes(32), now)
        history = self.records.setdefault((identity, key), [])
        last = history[-1][0] if history else VALID
        if last == value:
            return
        if last == INVALID:
            raise RefusedError
        history.append((value, now, block))


@functools.cache
def chain() -> tuple[Evm, Contract, Contract]:
    evm = Evm()
    registry = evm.deploy(load(ContractName.ETHEREUM_DID_REGISTRY))
    return (
        evm,
        registry,
        evm.deploy(load(ContractName.CREDENTIAL_STATUS_REGISTRY), registry.address),
    )


def setup_module() -> None:
    # py-evm raises the recursion limit when it is imported; Hypothesis objects if that happens
    # while it counts.
    chain()


issuers = st.sampled_from(ISSUERS)
people = st.sampled_from(PEOPLE)
authorities = st.sampled_from([OWNER, OWNER, *AUTHORITIES])


@st.composite
def changes(draw: st.DrawFn) -> Change:
    listed = draw(st.sampled_from(LISTS))
    largest = min(3, (1 << (1 << listed[2])) - 1)
    positions = st.sampled_from([0, 1, 2, per_word(listed[2]) - 1])
    values = draw(st.dictionaries(positions, st.integers(0, largest), min_size=1, max_size=3))
    return Change(
        identity=draw(issuers).address,
        authority=draw(authorities),
        listed=listed,
        word=draw(st.sampled_from([0, 1])),
        values=tuple(sorted(values.items())),
    )


class StatusMachine(RuleBasedStateMachine):
    """Sends to both, compares what both say."""

    def __init__(self) -> None:
        super().__init__()
        self.evm, self.registry, self.statuses = chain()
        self.mark = self.evm.chain.snapshot()
        self.model = Model()
        self.first_block = self.evm.block_number
        self.past: list[tuple[int, dict[Word, Entries]]] = []
        self.messages: list[tuple[ContractFunction, list[Change], str]] = []

    def teardown(self) -> None:
        self.evm.chain.revert(self.mark)

    def send(self, *calls: tuple[ContractFunction, LocalAccount]) -> list[bool]:
        """Whether each call succeeded, all mined in one block."""
        with self.evm.one_block():
            hashes = [self.evm.submit(call, sender) for call, sender in calls]
        receipts = [self.evm.w3.eth.get_transaction_receipt(tx_hash) for tx_hash in hashes]
        return [receipt["status"] == 1 for receipt in receipts]

    def expect(self, changes: list[Change], who: str, *, signed: bool = False) -> bool:
        """Whether the model accepts the changes, all or none."""
        entries = {place: dict(found) for place, found in self.model.entries.items()}
        blocks = dict(self.model.changed)
        try:
            for change in changes:
                self.model.apply(
                    change,
                    who,
                    block=self.evm.block_number,
                    now=self.evm.timestamp,
                    signed=signed,
                )
        except RefusedError:
            self.model.entries, self.model.changed = entries, blocks
            return False
        return True

    @rule(who=people, change=changes())
    def set_status(self, who: LocalAccount, change: Change) -> None:
        calls = []
        singles = []
        for position, value in change.values:
            index = change.word * per_word(change.width_log) + position
            single = Change(**{**_members(change), "values": ((position, value),)})
            singles.append(single)
            call = self.statuses.functions.setStatus(
                change.identity, change.authority, change.listed, index, value
            )
            calls.append((call, who))
        found = self.send(*calls)
        assert found == [self.expect([single], who.address) for single in singles]

    @rule(who=people, change=changes(), cares=st.booleans())
    def update_words(self, who: LocalAccount, change: Change, *, cares: bool) -> None:
        if cares:
            change = self.expecting(change)
        identity, authority, listed, words = change.as_update()
        call = self.statuses.functions.updateWords(identity, authority, listed, words)
        assert self.send((call, who)) == [self.expect([change], who.address)]

    @rule(who=people, batch=st.lists(changes(), min_size=1, max_size=3))
    def update_lists(self, who: LocalAccount, batch: list[Change]) -> None:
        call = self.statuses.functions.updateLists([change.as_update() for change in batch])
        assert self.send((call, who)) == [self.expect(batch, who.address)]

    @rule(who=people, change=changes(), cares=st.booleans(), sent=st.booleans())
    def sign_one(self, who: LocalAccount, change: Change, *, cares: bool, sent: bool) -> None:
        position, value = change.values[0]
        change = Change(**{**_members(change), "values": ((position, value),)})
        if cares:
            change = self.expecting(change)
        index = change.word * per_word(change.width_log) + position
        members = (change.identity, change.authority, change.listed, index, value, change.expected)
        consent = message(self.statuses, "SetStatus", *members).consent(who, deadline=FAR)
        call = self.statuses.functions.setStatusBySig(*members, consent)
        self.relay(call, [change], who.address, sent=sent)

    @rule(
        who=people,
        batch=st.lists(changes(), min_size=1, max_size=2),
        cares=st.booleans(),
        sent=st.booleans(),
    )
    def sign_many(self, who: LocalAccount, batch: list[Change], *, cares: bool, sent: bool) -> None:
        if cares:
            batch = [self.expecting(change) for change in batch]
        lists = [change.as_update() for change in batch]
        consent = lists_message(self.statuses, lists).consent(who, deadline=FAR)
        call = self.statuses.functions.updateListsBySig(lists, consent)
        self.relay(call, batch, who.address, sent=sent)

    def expecting(self, change: Change) -> Change:
        seen = self.model.seen((change.identity, change.listed, change.word))
        return Change(**{**_members(change), "seen": seen})

    def relay(self, call: ContractFunction, batch: list[Change], who: str, *, sent: bool) -> None:
        self.messages.append((call, batch, who))
        if sent:
            assert self.send((call, RELAYER)) == [self.expect(batch, who, signed=True)]

    @precondition(lambda self: self.messages)
    @rule(data=st.data(), times=st.integers(1, 2))
    def submit_an_earlier_message_again(self, data: st.DataObject, times: int) -> None:
        call, batch, who = data.draw(st.sampled_from(self.messages))
        found = self.send(*[(call, RELAYER)] * times)
        assert found == [self.expect(batch, who, signed=True) for _ in range(times)]

    @rule(
        who=people,
        identity=issuers,
        authority=authorities,
        value=st.integers(0, 3),
        keys=st.lists(st.sampled_from(KEYS), min_size=1, max_size=2),
    )
    def set_keys(
        self,
        who: LocalAccount,
        identity: LocalAccount,
        authority: int,
        value: int,
        keys: list[bytes],
    ) -> None:
        call = self.statuses.functions.setKeys(identity.address, authority, value, keys, [])
        (found,) = self.send((call, who))
        before = {place: list(history) for place, history in self.model.records.items()}
        block, now = self.evm.block_number, self.evm.timestamp
        try:
            for key in keys:
                self.model.set_key(
                    identity.address,
                    key,
                    value,
                    authority=authority,
                    who=who.address,
                    block=block,
                    now=now,
                )
        except RefusedError:
            self.model.records = before
            assert not found
        else:
            assert found

    @rule(identity=issuers, successor=people)
    def change_owner(self, identity: LocalAccount, successor: LocalAccount) -> None:
        owner = self.model.owners.get(identity.address, identity.address)
        (sender,) = (each for each in PEOPLE if each.address == owner)
        call = self.registry.functions.changeOwner(identity.address, successor.address)
        assert self.send((call, sender)) == [True]
        self.model.owners[identity.address] = successor.address

    @rule(
        identity=issuers,
        delegate=people,
        authority=st.sampled_from(AUTHORITIES[1:]),
        listed=st.sampled_from(LISTS),
        validity=st.sampled_from([0, DAY, 100 * DAY]),
    )
    def add_delegate(
        self,
        identity: LocalAccount,
        delegate: LocalAccount,
        authority: int,
        listed: bytes,
        validity: int,
    ) -> None:
        owner = self.model.owners.get(identity.address, identity.address)
        (sender,) = (each for each in PEOPLE if each.address == owner)
        kind = delegate_type(authority, listed)
        call = self.registry.functions.addDelegate(
            identity.address, kind, delegate.address, validity
        )
        assert self.send((call, sender)) == [True]
        place = (identity.address, kind, delegate.address)
        self.model.delegates[place] = self.evm.timestamp + validity

    @rule()
    def a_day_passes(self) -> None:
        self.evm.chain.advance(DAY)
        self.evm.chain.mine()

    @invariant()
    def words_agree(self) -> None:
        block = self.evm.block_number
        found = {place: dict(entries) for place, entries in self.model.entries.items()}
        self.past.append((block, found))
        for place in found:
            changed, entries = self.model.state(place)
            stored = self.stored(place)
            assert stored >> PAYLOAD_BITS == changed
            assert read(stored, place[1][2]) == entries

    def stored(self, place: Word) -> int:
        """A word as the contract has it now."""
        identity, listed, word = place
        found: int = self.statuses.functions.wordsOf(identity, listed, word, 1).call()[0]
        return found

    @invariant()
    def records_agree(self) -> None:
        for (identity, key), history in self.model.records.items():
            found = tuple(self.statuses.functions.recordOf(identity, key).call())
            if not history:
                assert found == (0, 0, 0, 0)
                continue
            previous = history[-2][2] if len(history) > 1 else 0
            assert found == (*history[-1], previous)

    def check_the_past(self) -> None:
        """Every word at every past block, found from the chain of previous words alone."""
        steps = self.steps_back()
        newest = {place: self.stored(place) for place in self.model.entries}
        for block, then in self.past:
            for place, now in newest.items():
                stored = now
                while (last := stored >> PAYLOAD_BITS) > block:
                    stored = steps[place, last]
                assert read(stored, place[1][2]) == then.get(place, {})

    def steps_back(self) -> dict[tuple[Word, int], int]:
        """The word before the changes of a block, by word and block: the first event of each."""
        found: dict[tuple[Word, int], int] = {}
        for log in self.statuses.events.StatusWordChanged().get_logs(from_block=self.first_block):
            args: Any = log["args"]
            place = (args["identity"], bytes(args["listId"]), args["update"] >> PAYLOAD_BITS)
            found.setdefault((place, log["blockNumber"]), args["previousWord"])
        return found


class StatusMachineWithPast(StatusMachine):
    """Looks back once, at the end."""

    def teardown(self) -> None:
        self.check_the_past()
        super().teardown()


def _members(change: Change) -> dict[str, Any]:
    return {name: getattr(change, name) for name in change.__dataclass_fields__}


def read(stored: int, width_log: int) -> Entries:
    """The entries of a word that are not VALID."""
    mask = (1 << (1 << width_log)) - 1
    values = (stored >> (at << width_log) & mask for at in range(per_word(width_log)))
    return {at: value for at, value in enumerate(values) if value != VALID}


TestStatuses = StatusMachineWithPast.TestCase
TestStatuses.settings = settings(
    max_examples=15,
    stateful_step_count=25,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)

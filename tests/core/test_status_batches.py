"""Transactions: as few as fit, none above the limits, each of the plainest call."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from hypothesis import given, settings
from hypothesis import strategies as st
from web3 import Web3

from ethr_did.chain.artifacts import ContractName, load
from ethr_did.core.calls import selector
from ethr_did.core.keys import Address, parse_address, to_checksum_address
from ethr_did.core.status_batches import (
    TRANSACTION_GAS_CAP,
    TRANSACTION_SIZE_CAP,
    Batch,
    Limits,
    pack,
)
from ethr_did.core.status_calls import Consent, set_keys_by_sig_call, update_lists_by_sig_call
from ethr_did.core.status_changes import ChangePlan, plan_changes
from ethr_did.core.status_list import (
    PAYLOAD_BITS,
    Authority,
    Flag,
    ListId,
    Purpose,
    delegate_type_of,
    record_slot,
    word_slot,
)
from ethr_did.core.status_wishes import RecordWish, Wish, WishSet, gather
from ethr_did.errors import InvalidChange
from support.status import lists_message, message

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ethr_did.chain.local import LocalAccount, LocalChain
    from ethr_did.chain.networks import Network
    from support.status import ListUpdate, Message

IDENTITY = Address(bytes.fromhex("aa" * 20))
PLAIN = Flag(0)
USED = 7 << PAYLOAD_BITS
LIMITS = Limits.of_block(30_000_000)


def a_list(bits: int = 1, flags: Flag = PLAIN, *, salt: int = 0) -> ListId:
    return ListId.build(
        purpose=Purpose.LIFECYCLE,
        bits=bits,
        capacity=2**20,
        random=salt.to_bytes(27),
        flags=flags,
    )


ONE_BIT, FINAL, FINAL_TWO_BITS = a_list(), a_list(1, Flag.TERMINAL), a_list(2, Flag.TERMINAL)


def one_in_each_word(list_id: ListId, words: Iterable[int], value: int = 1) -> list[Wish]:
    per_word = list_id.entries_per_word
    return [Wish(list_id=list_id, index=word * per_word, value=value) for word in words]


def plan(
    wishes: Iterable[Wish | RecordWish],
    *,
    stored: Callable[[ListId, int], int] = lambda _, __: 0,
    record: Callable[[bytes], int] = lambda _: 0,
    identity: Address = IDENTITY,
    authority: Authority = Authority.OWNER,
) -> ChangePlan:
    wanted: WishSet = gather(wishes)
    return plan_changes(
        wanted,
        words={
            (found, word): stored(found, word) for found, w in wanted.lists.items() for word in w
        },
        records={key: record(key) for key in wanted.records},
        identity=identity,
        authority=authority,
    )


def written(batches: Iterable[Batch]) -> list[tuple[ListId, int]]:
    return [
        (update.list_id, word.word)
        for batch in batches
        for update in batch.updates
        for word in update.words
    ]


# -- limits --------------------------------------------------------------------------------------


def test_a_block_smaller_than_the_cap_is_the_limit() -> None:
    assert Limits.of_block(12_000_000, margin=0).gas == 12_000_000
    assert Limits.of_block(60_000_000, margin=0).gas == TRANSACTION_GAS_CAP


def test_the_senders_margin_stays_below_the_cap() -> None:
    assert LIMITS.gas * 120 // 100 <= TRANSACTION_GAS_CAP
    assert LIMITS.size < TRANSACTION_SIZE_CAP


def test_what_does_not_fit_even_alone_is_refused() -> None:
    with pytest.raises(InvalidChange, match=r"one word needs \d+ gas"):
        pack(plan(one_in_each_word(ONE_BIT, [0])), limits=Limits(gas=30_000))
    with pytest.raises(InvalidChange, match="one word needs"):
        pack(plan(one_in_each_word(ONE_BIT, [0])), limits=Limits(gas=10**6, size=200))
    with pytest.raises(InvalidChange, match=r"one record needs \d+ gas"):
        pack(plan([RecordWish(key=bytes(32), value=1)]), limits=Limits(gas=30_000))
    with pytest.raises(InvalidChange, match="one record needs"):
        pack(plan([RecordWish(key=bytes(32), value=1)]), limits=Limits(gas=10**6, size=100))


# -- packing -------------------------------------------------------------------------------------


@settings(deadline=None)
@given(
    used=st.integers(0, 90),
    new=st.integers(0, 90),
    lists=st.integers(1, 4),
    gas=st.integers(150_000, 600_000),
    size=st.integers(2_000, 8_000),
    signed=st.booleans(),
)
def test_every_word_is_written_once_within_the_limits_in_few_transactions(
    *,
    used: int,
    new: int,
    lists: int,
    gas: int,
    size: int,
    signed: bool,
) -> None:
    limits = Limits(gas=gas, size=size, signed=signed)
    listed = [a_list(salt=salt) for salt in range(lists)]
    wishes = [w for found in listed for w in one_in_each_word(found, range(used + new))]
    done = plan(wishes, stored=lambda _, word: USED if word < used else 0)
    batches = pack(done, limits=limits)
    assert sorted(written(batches)) == [
        (found, word) for found in listed for word in range(used + new)
    ]
    assert all(batch.gas <= gas and len(batch.call()) <= size for batch in batches)
    assert sum(batch.changes for batch in batches) == lists * (used + new)
    least = math.ceil(max(_gas_of(batches) / gas, _size_of(batches) / size))
    assert len(batches) <= least * 1.5 + lists


def _gas_of(batches: Iterable[Batch]) -> int:
    return sum(batch.gas for batch in batches)


def _size_of(batches: Iterable[Batch]) -> int:
    return sum(len(batch.call()) for batch in batches)


def test_words_that_cost_gas_go_beside_words_that_take_room() -> None:
    """1,350 used words fill a transaction's size and 540 new ones its gas: apart they need three."""
    used, new = range(1900), range(1900, 2300)

    def transactions(*words: int) -> int:
        wishes = one_in_each_word(ONE_BIT, words)
        done = plan(wishes, stored=lambda _, word: USED if word in used else 0)
        return len(pack(done, limits=LIMITS))

    assert transactions(*used) + transactions(*new) == 3
    assert transactions(*used, *new) == 2


def test_lists_of_several_identities_share_a_transaction() -> None:
    other = Address(bytes.fromhex("bb" * 20))
    plans = [plan(one_in_each_word(ONE_BIT, [3]), identity=who) for who in (IDENTITY, other)]
    (batch,) = pack(*plans, limits=LIMITS)
    assert [update.identity for update in batch.updates] == [IDENTITY, other]


def test_words_of_a_transaction_are_in_order() -> None:
    wishes = one_in_each_word(ONE_BIT, range(50))
    (batch,) = pack(plan(wishes, stored=lambda _, w: USED * (w % 2)), limits=LIMITS)
    assert written([batch]) == [(ONE_BIT, word) for word in range(50)]


def test_records_of_a_value_are_cut_into_transactions() -> None:
    wishes = [RecordWish(key=at.to_bytes(32), value=1 + at % 2) for at in range(100)]
    limits = Limits(gas=500_000)
    batches = pack(plan(wishes), limits=limits)
    found = [(key, b.records.value) for b in batches if b.records for key in b.records.keys]
    assert sorted(found) == [(wish.key, wish.value) for wish in wishes]
    assert all(batch.gas <= limits.gas and len(batch.call()) <= limits.size for batch in batches)
    assert len(batches) == 2 * 3
    assert sum(batch.changes for batch in batches) == 100


def test_records_are_cut_by_size_as_well() -> None:
    wishes = [RecordWish(key=at.to_bytes(32), value=2) for at in range(30)]
    batches = pack(plan(wishes), limits=Limits(gas=10**8, size=1_000))
    assert [batch.changes for batch in batches] == [12, 12, 6]
    assert max(len(batch.call()) for batch in batches) <= 1_000


def test_an_empty_plan_needs_no_transaction() -> None:
    assert pack(plan([]), limits=LIMITS) == ()


# -- calls ---------------------------------------------------------------------------------------

WORDS = "(uint256,uint256,uint256)[]"


@pytest.mark.parametrize(
    ("wishes", "function"),
    [
        (one_in_each_word(FINAL, [3]), "setStatus(address,uint256,bytes32,uint32,uint8)"),
        (one_in_each_word(ONE_BIT, [3]), f"updateWords(address,uint256,bytes32,{WORDS})"),
        (one_in_each_word(FINAL, [3, 4]), f"updateWords(address,uint256,bytes32,{WORDS})"),
        (
            one_in_each_word(FINAL, [3]) + one_in_each_word(ONE_BIT, [3]),
            f"updateLists((address,uint256,bytes32,{WORDS})[])",
        ),
        ([RecordWish(key=bytes(32), value=1)], "revokeKey(address,uint256,bytes32)"),
        (
            [RecordWish(key=bytes(32), value=2)],
            "setKeys(address,uint256,uint8,bytes32[],uint256[])",
        ),
        (
            [RecordWish(key=bytes([at]) * 32, value=1) for at in (1, 2)],
            "setKeys(address,uint256,uint8,bytes32[],uint256[])",
        ),
    ],
)
def test_the_plainest_function_is_called(wishes: list[Any], function: str) -> None:
    (batch,) = pack(plan(wishes), limits=LIMITS)
    assert batch.call()[:4] == selector(function)


# -- on the chain --------------------------------------------------------------------------------


class Issuer:
    """Plans with what the chain holds, sends, and says what was used."""

    def __init__(self, chain: LocalChain, network: Network, account: LocalAccount) -> None:
        assert network.status_registry
        self.chain = chain
        self.registry = network.status_registry
        self.did_registry = network.did_registry
        self.sender = account.address
        self.identity = parse_address(account.address)
        self.key = account.key
        self.contract = Web3(chain.provider).eth.contract(
            Web3.to_checksum_address(self.registry),
            abi=load(ContractName.CREDENTIAL_STATUS_REGISTRY).abi,
        )

    def ask(self, method: str, *params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = self.chain.handle(request)
        assert isinstance(answer, dict)
        assert "error" not in answer, answer
        return answer["result"]

    def consent(self, message: Message) -> Consent:
        signer, deadline, signature = message.consent(Account.from_key(self.key))
        return Consent(signer=parse_address(signer), deadline=deadline, signature=signature)

    def slot(self, slot: int) -> int:
        return int(self.ask("eth_getStorageAt", self.registry, hex(slot), "latest"), 16)

    def plan(self, wishes: Iterable[Wish | RecordWish], **more: Any) -> ChangePlan:
        return plan(
            wishes,
            stored=lambda found, word: self.slot(word_slot(self.identity, found, word)),
            record=lambda key: self.slot(record_slot(self.identity, key)),
            identity=self.identity,
            **more,
        )

    def send(self, data: bytes, *, to: str = "", sender: str = "") -> int:
        fields = {
            "from": sender or self.sender,
            "to": to or self.registry,
            "gas": hex(TRANSACTION_GAS_CAP),
            "data": "0x" + data.hex(),
        }
        receipt = self.ask("eth_getTransactionReceipt", self.ask("eth_sendTransaction", fields))
        assert receipt["status"] == "0x1"
        return int(receipt["gasUsed"], 16)


@pytest.fixture
def issuer(chain: LocalChain, status_network: Network, alice: LocalAccount) -> Issuer:
    return Issuer(chain, status_network, alice)


def _structs(batch: Batch) -> list[ListUpdate]:
    """The updates as the messages of the tests take them."""
    return [
        (
            to_checksum_address(u.identity),
            int(u.authority),
            u.list_id.value,
            [w.struct for w in u.words],
        )
        for u in batch.updates
    ]


def assert_from_above(batch: Batch, used: int) -> None:
    """The model never says less, and little more."""
    assert used <= batch.gas <= used * 1.09 + 6_000


@pytest.mark.parametrize("flags", [PLAIN, Flag.TERMINAL])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("count", [1, 40])
def test_the_model_of_words_is_right(issuer: Issuer, bits: int, flags: Flag, count: int) -> None:
    list_id = a_list(bits, flags)
    for index in (0, 1):  # words that are new, then words in use
        wishes = [
            Wish(list_id=list_id, index=word * list_id.entries_per_word + index, value=1)
            for word in range(count)
        ]
        (batch,) = pack(issuer.plan(wishes), limits=LIMITS)
        assert_from_above(batch, issuer.send(batch.call()))
        assert issuer.plan(wishes).updates == ()


def test_the_model_of_full_words_is_right(issuer: Issuer) -> None:
    list_id = a_list(2)
    for value in (3, 0):
        wishes = [Wish(list_id=list_id, index=at, value=value) for at in range(104 * 20)]
        (batch,) = pack(issuer.plan(wishes), limits=LIMITS)
        assert_from_above(batch, issuer.send(batch.call()))


@pytest.mark.parametrize("authority", Authority)
def test_the_model_of_lists_is_right(
    issuer: Issuer, bob: LocalAccount, authority: Authority
) -> None:
    lists = [a_list(salt=salt) for salt in range(20)]
    if authority is not Authority.OWNER:
        for found in lists:
            kind = delegate_type_of(authority, found)
            arguments = (issuer.sender, kind, bob.address, 10**6)
            data = encode(("address", "bytes32", "address", "uint256"), arguments)
            add = selector("addDelegate(address,bytes32,address,uint256)") + data
            issuer.send(add, to=issuer.did_registry)
    wishes = [wish for found in lists for wish in one_in_each_word(found, [1])]
    (batch,) = pack(issuer.plan(wishes, authority=authority), limits=LIMITS)
    used = issuer.send(batch.call(), sender=bob.address if authority is not Authority.OWNER else "")
    assert used <= batch.gas <= used + 5_000 * len(lists)


@pytest.mark.parametrize("count", [1, 40])
def test_the_model_of_records_is_right(issuer: Issuer, count: int) -> None:
    for value in (2, 3, 1):
        wishes = [RecordWish(key=at.to_bytes(32), value=value) for at in range(1, count + 1)]
        (batch,) = pack(issuer.plan(wishes), limits=LIMITS)
        used = issuer.send(batch.call())
        assert used <= batch.gas <= used + 6_000 + 1_200 * count


@pytest.mark.parametrize("count", [1, 40])
@pytest.mark.parametrize(("bits", "flags"), [(1, Flag.TERMINAL), (8, Flag.TERMINAL), (8, PLAIN)])
def test_the_model_of_messages_is_right(
    issuer: Issuer, bob: LocalAccount, bits: int, flags: Flag, count: int
) -> None:
    limits = Limits(gas=LIMITS.gas, signed=True)
    list_id = a_list(bits, flags)
    for index in (0, 1):
        wishes = [
            Wish(list_id=list_id, index=word * list_id.entries_per_word + index, value=1)
            for word in range(count)
        ]
        (batch,) = pack(issuer.plan(wishes), limits=limits)
        consent = issuer.consent(lists_message(issuer.contract, _structs(batch)))
        used = issuer.send(update_lists_by_sig_call(batch.updates, consent), sender=bob.address)
        assert used <= batch.gas <= used * 1.12 + 8_000
        issuer.ask("evm_mine")


@pytest.mark.parametrize("count", [1, 40])
def test_the_model_of_messages_about_records_is_right(
    issuer: Issuer, bob: LocalAccount, count: int
) -> None:
    limits = Limits(gas=LIMITS.gas, signed=True)
    for value in (2, 3, 1):
        wishes = [RecordWish(key=at.to_bytes(32), value=value) for at in range(1, count + 1)]
        (batch,) = pack(issuer.plan(wishes), limits=limits)
        assert batch.records
        keys, expected = batch.records.keys, batch.records.expected
        members = (issuer.sender, 0, value, list(keys), list(expected))
        consent = issuer.consent(message(issuer.contract, "SetKeys", *members))
        call = set_keys_by_sig_call(
            issuer.identity, Authority.OWNER, value, keys, expected, consent=consent
        )
        used = issuer.send(call, sender=bob.address)
        assert used <= batch.gas <= used + 8_000 + 1_200 * count
        issuer.ask("evm_mine")

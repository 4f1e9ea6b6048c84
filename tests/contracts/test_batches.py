"""``applyChanges``: many changes of one identity in one transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from web3 import Web3

from support.evm import ZERO, Evm, Reverted, b32, events

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract

OWNER_CHANGE, ADD_DELEGATE, REVOKE_DELEGATE, SET_ATTRIBUTE, REVOKE_ATTRIBUTE = range(5)
NONE = bytes(32)
VERI_KEY = b32("veriKey")
KEY = b32("did/pub/Secp256k1/veriKey/hex")
DAY = 86_400
OTHER = Web3.to_checksum_address("0x" + "77" * 20)
OTHER_BYTES = bytes.fromhex("77" * 20)

Change = tuple[int, bytes, bytes, int]
ALL_KINDS: list[Change] = [
    (SET_ATTRIBUTE, KEY, b"\x02" * 33, DAY),
    (SET_ATTRIBUTE, KEY, b"", 0),
    (ADD_DELEGATE, VERI_KEY, OTHER_BYTES, DAY),
    (REVOKE_ATTRIBUTE, KEY, b"\x02" * 33, 0),
    (REVOKE_DELEGATE, VERI_KEY, OTHER_BYTES, 0),
    (ADD_DELEGATE, VERI_KEY, OTHER_BYTES, 2 * DAY),
    (OWNER_CHANGE, NONE, OTHER_BYTES, 0),
]


def single_call(registry: Contract, identity: str, change: Change) -> Any:
    kind, name, value, validity = change
    functions = registry.functions
    account = Web3.to_checksum_address(value) if len(value) == 20 else ZERO
    calls = {
        OWNER_CHANGE: lambda: functions.changeOwner(identity, account),
        ADD_DELEGATE: lambda: functions.addDelegate(identity, name, account, validity),
        REVOKE_DELEGATE: lambda: functions.revokeDelegate(identity, name, account),
        SET_ATTRIBUTE: lambda: functions.setAttribute(identity, name, value, validity),
        REVOKE_ATTRIBUTE: lambda: functions.revokeAttribute(identity, name, value),
    }
    return calls[kind]()


def state(registry: Contract, identity: str) -> list[Any]:
    functions = registry.functions
    return [
        functions.owners(identity).call(),
        functions.changed(identity).call(),
        functions.delegates(identity, Web3.keccak(VERI_KEY), OTHER).call(),
        functions.nonce(identity).call(),
    ]


@pytest.mark.parametrize("changed_before", [False, True])
def test_a_batch_equals_the_single_calls_in_one_block(
    *, evm: Evm, registry: Contract, owner: LocalAccount, changed_before: bool
) -> None:
    if changed_before:
        evm.send(registry.functions.revokeAttribute(owner.address, KEY, b""), owner)
    then = evm.timestamp + 100
    with evm.undone():
        with evm.one_block():
            evm.chain.set_next_timestamp(then)
            hashes = [
                evm.submit(single_call(registry, owner.address, change), owner)
                for change in ALL_KINDS
            ]
        receipts = [evm.w3.eth.get_transaction_receipt(tx_hash) for tx_hash in hashes]
        assert len({receipt["blockNumber"] for receipt in receipts}) == 1
        singles = events(registry, *receipts), state(registry, owner.address)
    evm.chain.set_next_timestamp(then)
    receipt = evm.send(registry.functions.applyChanges(owner.address, ALL_KINDS), owner)
    assert (events(registry, receipt), state(registry, owner.address)) == singles
    assert len(receipt["logs"]) == len(ALL_KINDS)


def test_a_second_batch_in_a_block_points_at_the_block(
    evm: Evm, registry: Contract, owner: LocalAccount
) -> None:
    with evm.one_block():
        hashes = [
            evm.submit(registry.functions.applyChanges(owner.address, ALL_KINDS[:2]), owner)
            for _ in range(2)
        ]
    receipts = [evm.w3.eth.get_transaction_receipt(tx_hash) for tx_hash in hashes]
    here = evm.block_number
    previous = [arguments["previousChange"] for _, arguments in events(registry, *receipts)]
    assert previous == [0, here, here, here]


def test_a_batch_needs_no_nonce_of_the_owner(
    evm: Evm, registry: Contract, owner: LocalAccount
) -> None:
    evm.send(registry.functions.applyChanges(owner.address, ALL_KINDS), owner)
    assert registry.functions.nonce(owner.address).call() == 0


def test_an_owner_may_change_the_identities_it_was_given(
    evm: Evm, registry: Contract, owner: LocalAccount, successor: LocalAccount
) -> None:
    handover = [(OWNER_CHANGE, NONE, bytes.fromhex(successor.address[2:]), 0)]
    evm.send(registry.functions.applyChanges(owner.address, handover), owner)
    evm.send(registry.functions.applyChanges(owner.address, ALL_KINDS), successor)
    assert registry.functions.identityOwner(owner.address).call() == OTHER


GOOD = ALL_KINDS[0]
SHORT = OTHER_BYTES[:-1]
REFUSED: list[tuple[str, list[Change], Reverted]] = [
    ("empty", [], Reverted("EmptyBatch")),
    ("unknown kind", [GOOD, (5, NONE, b"", 0)], Reverted("UnknownChangeKind", (1, 5))),
    ("largest kind", [(255, NONE, b"", 0)], Reverted("UnknownChangeKind", (0, 255))),
    ("owner change first", [ALL_KINDS[-1], GOOD], Reverted("OwnerChangeNotLast", (0,))),
    (
        "owner change twice",
        [GOOD, ALL_KINDS[-1], ALL_KINDS[-1]],
        Reverted("OwnerChangeNotLast", (1,)),
    ),
    (
        "owner of 19 bytes",
        [(OWNER_CHANGE, NONE, SHORT, 0)],
        Reverted("InvalidAccountLength", (0, 19)),
    ),
    ("owner of 0 bytes", [(OWNER_CHANGE, NONE, b"", 0)], Reverted("InvalidAccountLength", (0, 0))),
    (
        "delegate of 32 bytes",
        [GOOD, (ADD_DELEGATE, VERI_KEY, bytes(32), DAY)],
        Reverted("InvalidAccountLength", (1, 32)),
    ),
    (
        "revoked delegate of 21 bytes",
        [(REVOKE_DELEGATE, VERI_KEY, bytes(21), 0)],
        Reverted("InvalidAccountLength", (0, 21)),
    ),
    (
        "owner change with a name",
        [GOOD, (OWNER_CHANGE, VERI_KEY, OTHER_BYTES, 0)],
        Reverted("UnexpectedName", (1,)),
    ),
    (
        "owner change with a validity",
        [(OWNER_CHANGE, NONE, OTHER_BYTES, 1)],
        Reverted("UnexpectedValidity", (0,)),
    ),
    (
        "revoked delegate with a validity",
        [(REVOKE_DELEGATE, VERI_KEY, OTHER_BYTES, 1)],
        Reverted("UnexpectedValidity", (0,)),
    ),
    (
        "revoked attribute with a validity",
        [GOOD, (REVOKE_ATTRIBUTE, KEY, b"", 1)],
        Reverted("UnexpectedValidity", (1,)),
    ),
    (
        "unknown kind with a validity",
        [(5, NONE, b"", 1)],
        Reverted("UnknownChangeKind", (0, 5)),
    ),
]


@pytest.mark.parametrize(
    ("changes", "error"),
    [(changes, error) for _, changes, error in REFUSED],
    ids=[name for name, _, _ in REFUSED],
)
def test_a_malformed_batch_is_refused_by_name(
    evm: Evm, registry: Contract, owner: LocalAccount, changes: list[Change], error: Reverted
) -> None:
    assert evm.failure(registry.functions.applyChanges(owner.address, changes), owner) == error


def test_a_refused_batch_leaves_nothing_behind(
    evm: Evm, registry: Contract, owner: LocalAccount
) -> None:
    before = state(registry, owner.address)
    changes = [*ALL_KINDS[:-1], (5, NONE, b"", 0)]
    tx_hash = evm.submit(registry.functions.applyChanges(owner.address, changes), owner)
    receipt = evm.w3.eth.get_transaction_receipt(tx_hash)
    assert (receipt["status"], receipt["logs"]) == (0, [])
    assert state(registry, owner.address) == before


def test_ten_attributes_in_a_batch_cost_no_more_than_a_third_of_ten_calls(
    evm: Evm, registry: Contract, owner: LocalAccount
) -> None:
    changes = [(SET_ATTRIBUTE, KEY, bytes([2 + index] * 33), DAY) for index in range(10)]
    with evm.undone():
        singles = sum(
            evm.send(single_call(registry, owner.address, change), owner)["gasUsed"]
            for change in changes
        )
    batch = evm.send(registry.functions.applyChanges(owner.address, changes), owner)["gasUsed"]
    assert 3 * batch <= singles

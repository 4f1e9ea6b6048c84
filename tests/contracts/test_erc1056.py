"""The ERC-1056 functions, called by the owner."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from web3 import Web3

from support.evm import ZERO, Reverted, b32, events

if TYPE_CHECKING:
    from collections.abc import Callable

    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract

    from support.evm import Evm

VERI_KEY = b32("veriKey")
TYPE_HASH = Web3.keccak(VERI_KEY)
NAME = b32("did/svc/HubService")
VALUE = b"https://hub.example.com/"
DAY = 86_400
LARGEST = 2**256 - 1


def calls_of(registry: Contract, identity: str, other: str) -> list[Any]:
    functions = registry.functions
    return [
        functions.changeOwner(identity, other),
        functions.addDelegate(identity, VERI_KEY, other, DAY),
        functions.revokeDelegate(identity, VERI_KEY, other),
        functions.setAttribute(identity, NAME, VALUE, DAY),
        functions.revokeAttribute(identity, NAME, VALUE),
        functions.applyChanges(identity, [(3, NAME, VALUE, DAY)]),
    ]


def test_a_fresh_identity_owns_itself(registry: Contract, owner: LocalAccount) -> None:
    functions = registry.functions
    assert functions.identityOwner(owner.address).call() == owner.address
    assert functions.owners(owner.address).call() == ZERO
    assert functions.changed(owner.address).call() == 0
    assert functions.nonce(owner.address).call() == 0


def test_change_owner_stores_the_owner_and_says_so(
    evm: Evm, registry: Contract, owner: LocalAccount, successor: LocalAccount
) -> None:
    receipt = evm.send(registry.functions.changeOwner(owner.address, successor.address), owner)
    assert events(registry, receipt) == [
        (
            "DIDOwnerChanged",
            {"identity": owner.address, "owner": successor.address, "previousChange": 0},
        )
    ]
    assert registry.functions.owners(owner.address).call() == successor.address
    assert registry.functions.identityOwner(owner.address).call() == successor.address
    assert registry.functions.changed(owner.address).call() == receipt["blockNumber"]


def test_owner_zero_gives_control_back_to_the_identity(
    evm: Evm, registry: Contract, owner: LocalAccount, successor: LocalAccount
) -> None:
    evm.send(registry.functions.changeOwner(owner.address, successor.address), owner)
    evm.send(registry.functions.changeOwner(owner.address, ZERO), successor)
    assert registry.functions.identityOwner(owner.address).call() == owner.address


def test_add_delegate_stores_the_end_and_says_so(
    evm: Evm, registry: Contract, owner: LocalAccount, successor: LocalAccount
) -> None:
    call = registry.functions.addDelegate(owner.address, VERI_KEY, successor.address, DAY)
    receipt = evm.send(call, owner)
    valid_to = evm.timestamp + DAY
    assert events(registry, receipt) == [
        (
            "DIDDelegateChanged",
            {
                "identity": owner.address,
                "delegateType": VERI_KEY,
                "delegate": successor.address,
                "validTo": valid_to,
                "previousChange": 0,
            },
        )
    ]
    stored = registry.functions.delegates(owner.address, TYPE_HASH, successor.address).call()
    assert stored == valid_to


@pytest.mark.parametrize(("validity", "valid"), [(0, False), (1, True)])
def test_a_delegate_is_valid_while_its_end_is_strictly_ahead(
    *,
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    validity: int,
    valid: bool,
) -> None:
    evm.send(
        registry.functions.addDelegate(owner.address, VERI_KEY, successor.address, validity), owner
    )
    found = registry.functions.validDelegate(owner.address, VERI_KEY, successor.address).call(
        block_identifier=evm.block_number
    )
    assert found is valid


def test_revoke_delegate_ends_it_at_the_block(
    evm: Evm, registry: Contract, owner: LocalAccount, successor: LocalAccount
) -> None:
    evm.send(registry.functions.addDelegate(owner.address, VERI_KEY, successor.address, DAY), owner)
    before = evm.block_number
    receipt = evm.send(
        registry.functions.revokeDelegate(owner.address, VERI_KEY, successor.address), owner
    )
    ((_, arguments),) = events(registry, receipt)
    assert (arguments["validTo"], arguments["previousChange"]) == (evm.timestamp, before)
    functions = registry.functions
    assert functions.delegates(owner.address, TYPE_HASH, successor.address).call() == evm.timestamp
    assert not functions.validDelegate(owner.address, VERI_KEY, successor.address).call()


@pytest.mark.parametrize("value", [b"", b"\x02" * 33, bytes(range(256)) * 5])
def test_set_attribute_says_name_value_and_end(
    evm: Evm, registry: Contract, owner: LocalAccount, value: bytes
) -> None:
    receipt = evm.send(registry.functions.setAttribute(owner.address, NAME, value, DAY), owner)
    assert events(registry, receipt) == [
        (
            "DIDAttributeChanged",
            {
                "identity": owner.address,
                "name": NAME,
                "value": value,
                "validTo": evm.timestamp + DAY,
                "previousChange": 0,
            },
        )
    ]


def test_revoke_attribute_says_end_zero(evm: Evm, registry: Contract, owner: LocalAccount) -> None:
    receipt = evm.send(registry.functions.revokeAttribute(owner.address, NAME, VALUE), owner)
    ((name, arguments),) = events(registry, receipt)
    assert (name, arguments["validTo"], arguments["value"]) == ("DIDAttributeChanged", 0, VALUE)


def test_later_events_of_a_block_point_at_their_own_block(
    evm: Evm, registry: Contract, owner: LocalAccount, successor: LocalAccount
) -> None:
    evm.send(registry.functions.revokeAttribute(owner.address, NAME, VALUE), owner)
    before = evm.block_number
    with evm.one_block():
        hashes = [
            evm.submit(call, owner)
            for call in (
                registry.functions.setAttribute(owner.address, NAME, VALUE, DAY),
                registry.functions.addDelegate(owner.address, VERI_KEY, successor.address, DAY),
                registry.functions.changeOwner(owner.address, successor.address),
            )
        ]
    receipts = [evm.w3.eth.get_transaction_receipt(tx_hash) for tx_hash in hashes]
    here = before + 1
    assert [receipt["blockNumber"] for receipt in receipts] == [here, here, here]
    previous = [arguments["previousChange"] for _, arguments in events(registry, *receipts)]
    assert previous == [before, here, here]


@pytest.mark.parametrize("position", range(6))
def test_only_the_owner_may_change_an_identity(
    *,
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    stranger: LocalAccount,
    position: int,
) -> None:
    call = calls_of(registry, owner.address, successor.address)[position]
    assert evm.failure(call, stranger) == Reverted("Error", ("bad_actor",))
    evm.send(registry.functions.changeOwner(owner.address, successor.address), owner)
    assert evm.failure(call, owner) == Reverted("Error", ("bad_actor",))
    evm.send(call, successor)


@pytest.mark.parametrize(
    "call_of",
    [
        lambda f, who: f.setAttribute(who, NAME, VALUE, LARGEST),
        lambda f, who: f.addDelegate(who, VERI_KEY, who, LARGEST),
        lambda f, who: f.applyChanges(who, [(3, NAME, VALUE, LARGEST)]),
        lambda f, who: f.applyChanges(who, [(1, VERI_KEY, bytes(20), LARGEST)]),
    ],
)
def test_a_validity_beyond_the_end_of_time_is_refused(
    evm: Evm, registry: Contract, owner: LocalAccount, call_of: Callable[[Any, str], Any]
) -> None:
    call = call_of(registry.functions, owner.address)
    assert evm.failure(call, owner) == Reverted("ValidityOverflow", (LARGEST,))


def test_the_longest_possible_validity_is_accepted(
    evm: Evm, registry: Contract, owner: LocalAccount
) -> None:
    then = evm.timestamp + 100
    evm.chain.set_next_timestamp(then)
    longest = LARGEST - then
    receipt = evm.send(registry.functions.setAttribute(owner.address, NAME, VALUE, longest), owner)
    ((_, arguments),) = events(registry, receipt)
    assert arguments["validTo"] == LARGEST

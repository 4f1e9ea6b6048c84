"""Changing an identity as its owner, on each kind of registry."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from eth_keys.datatypes import PrivateKey

from ethr_did.chain.journal import State
from ethr_did.chain.networks import Network
from ethr_did.core.changes import (
    AddDelegate,
    Change,
    ChangeOwner,
    add_key,
    add_service,
    deactivate,
    revoked,
)
from ethr_did.core.did import EthrDID
from ethr_did.core.erc1056 import AttributeChanged, DelegateChanged, OwnerChanged, encode_name
from ethr_did.core.keys import Address
from ethr_did.errors import (
    DeactivatedError,
    InvalidChange,
    NodeRefused,
    NotAuthorized,
    RegistryMissing,
    WrongChain,
)
from ethr_did.identity import Identity
from support.fault_proxy import FaultProxy, RpcError

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount

    from .conftest import Stage

HUB = add_service("Hub", "https://hub.example.com")
KEY = add_key("Ed25519", bytes(range(32)))
DELEGATE = AddDelegate(
    delegate_type=encode_name("veriKey"), delegate=Address(b"\x0d" * 20), validity=3600
)


def to(account: LocalAccount) -> ChangeOwner:
    return ChangeOwner(owner=Address(account.address_bytes))


def trips(stage: Stage) -> int:
    return stage.door.round_trips


# -- making changes ----------------------------------------------------------------------------


@pytest.mark.parametrize("change", [HUB, KEY, DELEGATE, revoked(HUB), revoked(DELEGATE)])
def test_one_change_is_made_on_every_registry(
    any_stage: Stage, alice: LocalAccount, change: Change
) -> None:
    identity = any_stage.identity(alice)

    (receipt,) = identity.apply([change], any_stage.sender(alice))

    (event,) = identity.standing().events
    assert event.tx_hash == receipt.tx_hash
    match event:
        case AttributeChanged():
            assert (event.name, event.value) == (change.name, change.value)  # type: ignore[union-attr]
        case DelegateChanged():
            assert event.delegate == change.delegate  # type: ignore[union-attr]
        case OwnerChanged():
            raise AssertionError(event)


def test_several_changes_are_one_transaction_where_the_registry_has_batches(
    stage: Stage, alice: LocalAccount, bob: LocalAccount
) -> None:
    identity = stage.identity(alice)

    receipts = identity.apply([HUB, KEY, DELEGATE, to(bob)], stage.sender(alice))

    assert len(receipts) == 1
    standing = identity.standing()
    assert len(standing.events) == 4
    assert standing.owner == bob.address_bytes


def test_several_changes_follow_one_another_elsewhere(
    plain_stage: Stage, alice: LocalAccount, bob: LocalAccount
) -> None:
    identity = plain_stage.identity(alice)

    receipts = identity.apply([HUB, KEY, to(bob)], plain_stage.sender(alice))

    assert len(receipts) == 3
    kinds = [type(event) for event in identity.standing().events]
    assert kinds == [AttributeChanged, AttributeChanged, OwnerChanged]


def test_a_change_costs_four_round_trips(stage: Stage, alice: LocalAccount) -> None:
    sender = stage.sender(alice)
    before = trips(stage)

    stage.identity(alice).apply([HUB], sender)

    assert trips(stage) - before == 1  # the checks
    assert sender.chain.round_trips == 3  # type: ignore[attr-defined]


def test_the_identity_of_a_public_key_is_its_address(stage: Stage, alice: LocalAccount) -> None:
    key = PrivateKey(alice.key).public_key.to_compressed_bytes()
    identity = stage.identity("0x" + key.hex())

    identity.apply([HUB], stage.sender(alice))

    assert identity.address == alice.address_bytes
    assert len(stage.identity(alice).standing().events) == 1


# -- the plan ----------------------------------------------------------------------------------


def test_a_plan_names_transactions_and_costs_and_sends_nothing(
    stage: Stage, alice: LocalAccount
) -> None:
    sender = stage.sender(alice)
    head = stage.chain.head.number

    plan = stage.identity(alice).plan([HUB, KEY], sender)

    assert stage.chain.head.number == head
    assert sender.journal.entries() == []
    (transaction,) = plan.to_dict()["transactions"]
    assert transaction["purpose"].endswith(": set did/svc/Hub; set did/pub/Ed25519/veriKey")
    assert 50_000 < transaction["estimatedGas"] < 100_000
    assert plan.warnings == ()
    (receipt,) = stage.identity(alice).apply([HUB, KEY], sender)
    assert transaction["estimatedGas"] >= receipt.gas_used


def test_a_plan_says_where_changes_cannot_be_made_together(
    plain_stage: Stage, alice: LocalAccount
) -> None:
    plan = plain_stage.identity(alice).plan([HUB, KEY], plain_stage.sender(alice))

    assert len(plan.intents) == 2
    assert plan.quote.expected_cost == sum(item.expected_cost for item in plan.quote.items)
    assert "2 transactions follow one another" in plan.warnings[0]


def test_what_is_perhaps_not_meant_is_a_warning(stage: Stage, alice: LocalAccount) -> None:
    identity, sender = stage.identity(alice), stage.sender(alice)

    def warnings(*changes: Change) -> str:
        return "\n".join(identity.plan(changes, sender).warnings)

    assert "revoke did/svc/Hub: it is not listed now" in warnings(revoked(HUB))
    assert "it is not listed now" in warnings(revoked(DELEGATE))
    identity.apply([HUB, DELEGATE], sender)
    assert warnings(revoked(HUB), revoked(DELEGATE)) == ""
    assert "listed already" in warnings(HUB)
    assert "listed already" in warnings(DELEGATE)
    stage.chain.advance(7200)  # blocks made in a row may be ahead of the clock
    stage.chain.mine()
    assert warnings(DELEGATE) == ""  # it has expired
    assert "owner already" in warnings(to(alice))
    assert "final" in warnings(deactivate())


# -- who may -----------------------------------------------------------------------------------


def test_a_stranger_is_named_together_with_the_owner(
    any_stage: Stage, alice: LocalAccount, mallory: LocalAccount
) -> None:
    with pytest.raises(NotAuthorized) as caught:
        any_stage.identity(alice).apply([HUB], any_stage.sender(mallory))

    assert caught.value.facts["owner"] == alice.address
    assert caught.value.facts["sender"] == mallory.address
    assert alice.address in caught.value.message
    assert mallory.address in caught.value.message


def test_after_the_change_of_owner_only_the_new_one_may(
    any_stage: Stage, alice: LocalAccount, bob: LocalAccount
) -> None:
    identity = any_stage.identity(alice)
    identity.apply([to(bob)], any_stage.sender(alice))

    with pytest.raises(NotAuthorized):
        identity.apply([HUB], any_stage.sender(alice))
    identity.apply([HUB], any_stage.sender(bob))


def test_a_deactivated_identity_is_left_alone_though_the_contract_would_allow_it(
    any_stage: Stage, alice: LocalAccount
) -> None:
    identity, sender = any_stage.identity(alice), any_stage.sender(alice)
    identity.apply([deactivate()], sender)
    assert identity.standing().owner == alice.address_bytes  # what the contract says

    for attempt in (identity.apply, identity.plan):
        with pytest.raises(DeactivatedError, match="that is final"):
            attempt([HUB], sender)


def test_a_deactivation_counts_even_if_somebody_took_the_identity_back(
    stage: Stage, alice: LocalAccount, bob: LocalAccount
) -> None:
    from ethr_did.chain.transactions import Intent
    from ethr_did.core.calls import change_call

    identity, sender = stage.identity(alice), stage.sender(alice)
    identity.apply([deactivate()], sender)
    back = change_call(identity.address, to(bob))
    sender.send(Intent(to=identity.registry, data=back, purpose="take back"))

    assert identity.standing().owner == bob.address_bytes
    with pytest.raises(DeactivatedError):
        identity.apply([HUB], stage.sender(bob))


def test_an_owner_change_in_the_middle_is_refused_before_anything_is_asked(
    stage: Stage, alice: LocalAccount, bob: LocalAccount
) -> None:
    before = trips(stage)

    with pytest.raises(InvalidChange, match="hands the identity over"):
        stage.identity(alice).apply([to(bob), HUB], stage.sender(alice))

    assert trips(stage) == before


# -- the registry ------------------------------------------------------------------------------


def elsewhere(stage: Stage, address: str, chain_id: int = 31337) -> Network:
    return Network(
        name="dev", chain_id=chain_id, provider=stage.chain.provider, did_registry=address
    )


def test_an_address_without_a_registry_is_said_to_be_one(stage: Stage, alice: LocalAccount) -> None:
    network = elsewhere(stage, "0x" + "77" * 20)
    identity = Identity(network, EthrDID.build(alice.address, "dev"))

    with pytest.raises(RegistryMissing):
        identity.apply([HUB], stage.sender(alice))


def test_another_chain_is_an_error_of_its_own(stage: Stage, alice: LocalAccount) -> None:
    network = elsewhere(stage, stage.network.did_registry, chain_id=1)
    identity = Identity(network, EthrDID.build(alice.address, "dev"))

    with pytest.raises(WrongChain):
        identity.plan([HUB], stage.sender(alice))


def test_a_node_that_refuses_a_question_is_not_taken_for_an_old_registry(
    stage: Stage, alice: LocalAccount
) -> None:
    def refuse(call: dict[str, object], result: object) -> object:
        if "84b0196e" in str(call["params"]):  # eip712Domain()
            raise RpcError(-32000, "request limit reached")
        return result

    with FaultProxy(stage.chain.handle) as proxy:
        proxy.rewrite("eth_call", refuse)
        network = Network(
            name="dev",
            chain_id=31337,
            rpc_url=proxy.url,
            did_registry=stage.network.did_registry,
        )
        identity = Identity(
            network, EthrDID.build(alice.address, "dev"), chain=network.chain(retries=0)
        )
        with pytest.raises(NodeRefused):
            identity.apply([HUB, KEY], stage.sender(alice))


# -- crashes -----------------------------------------------------------------------------------


@pytest.mark.parametrize("last", ["hands over", "deactivates"])
def test_giving_the_identity_away_is_taken_up_though_the_owner_is_another_now(
    any_stage: Stage, alice: LocalAccount, bob: LocalAccount, last: str
) -> None:
    changes: list[Change] = [HUB, to(bob) if last == "hands over" else deactivate()]
    identity, sender = any_stage.identity(alice), any_stage.sender(alice)
    plan = identity.plan(changes, sender)
    sender.submit(plan.intents)  # and the process ends here, without a receipt

    receipts = identity.apply(changes, any_stage.sender(alice))

    assert all(receipt.resumed for receipt in receipts)
    assert len(identity.standing().events) == 2
    assert {entry.state for entry in sender.journal.entries()} == {State.MINED}

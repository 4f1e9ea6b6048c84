"""Changes that the owner signs and somebody else pays for."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import _hash_eip191_message, encode_typed_data

from ethr_did.chain.local_signer import LocalSigner
from ethr_did.chain.transactions import Intent
from ethr_did.core.calls import change_call
from ethr_did.core.changes import (
    AddDelegate,
    ChangeOwner,
    add_key,
    add_service,
    change_from_dict,
    deactivate,
    revoked,
)
from ethr_did.core.erc1056 import encode_name
from ethr_did.core.keys import Address, parse_address, to_checksum_address
from ethr_did.core.relay import RelayKind, RelayMessage, recover_signer
from ethr_did.errors import (
    DeactivatedError,
    InvalidChange,
    InvalidFile,
    InvalidOption,
    NotAuthorized,
    Reverted,
    SignerError,
)
from support.evm import load_test_artifact
from support.writing import VECTORS, deploy

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount

    from .conftest import Stage

HUB = add_service("Hub", "https://hub.example.com")
KEY = add_key("Ed25519", bytes(range(32)))
DELEGATE = AddDelegate(
    delegate_type=encode_name("veriKey"), delegate=Address(b"\x0d" * 20), validity=3600
)
META = json.loads((VECTORS / "meta_transactions.json").read_text("utf-8"))


def to(account: LocalAccount) -> ChangeOwner:
    return ChangeOwner(owner=Address(account.address_bytes))


def give(stage: Stage, giver: LocalAccount, taker: LocalAccount) -> None:
    stage.identity(giver).apply([to(taker)], stage.sender(giver))


# -- signed and submitted ----------------------------------------------------------------------


def test_several_changes_are_signed_by_the_owner_and_paid_by_the_relayer(
    stage: Stage, alice: LocalAccount, relayer: LocalAccount, bob: LocalAccount
) -> None:
    identity = stage.identity(alice)
    message = identity.sign_relay([HUB, KEY, to(bob)], stage.signer(alice))

    receipt = identity.submit_relay(message, stage.sender(relayer))

    assert message.kind is RelayKind.EIP712
    assert receipt.succeeded
    assert len(identity.standing().events) == 3
    assert identity.standing().owner == bob.address_bytes
    assert stage.chain.nonce(alice.address_bytes) == 0


@pytest.mark.parametrize("change", [HUB, revoked(HUB), DELEGATE, revoked(DELEGATE), deactivate()])
def test_single_changes_in_the_old_form_work_on_every_registry(
    any_stage: Stage, alice: LocalAccount, relayer: LocalAccount, change: Any
) -> None:
    identity = any_stage.identity(alice)
    message = identity.sign_relay([change], any_stage.signer(alice), kind=RelayKind.ERC1056)

    identity.submit_relay(message, any_stage.sender(relayer))

    assert len(identity.standing().events) == 1


def test_registries_without_typed_messages_get_the_old_form_by_themselves(
    plain_stage: Stage, alice: LocalAccount
) -> None:
    identity, signer = plain_stage.identity(alice), plain_stage.signer(alice)

    assert identity.sign_relay([HUB], signer).kind is RelayKind.ERC1056
    with pytest.raises(InvalidOption, match="takes no eip712 messages"):
        identity.sign_relay([HUB], signer, kind=RelayKind.EIP712)
    with pytest.raises(InvalidChange, match="holds one change, not 2"):
        identity.sign_relay([HUB, KEY], signer)


def test_signing_takes_one_round_trip_and_submitting_four(
    stage: Stage, alice: LocalAccount, relayer: LocalAccount
) -> None:
    identity, sender = stage.identity(alice), stage.sender(relayer)
    before = stage.door.round_trips
    message = identity.sign_relay([HUB], stage.signer(alice))
    assert stage.door.round_trips - before == 1

    identity.submit_relay(message, sender)

    assert stage.door.round_trips - before == 2
    assert sender.chain.round_trips == 3  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", list(RelayKind))
def test_messages_signed_in_a_row_are_submitted_in_a_row(
    stage: Stage, alice: LocalAccount, relayer: LocalAccount, kind: RelayKind
) -> None:
    identity, sender = stage.identity(alice), stage.sender(relayer)
    first, second = (
        identity.sign_relay([change], stage.signer(alice), kind=kind, nonce_offset=offset)
        for offset, change in enumerate([HUB, KEY])
    )

    with pytest.raises(InvalidChange, match="1 other messages come first"):
        identity.submit_relay(second, sender)
    identity.submit_relay(first, sender)
    identity.submit_relay(second, sender)

    assert len(identity.standing().events) == 2


@pytest.mark.parametrize("change", [HUB, revoked(HUB), DELEGATE, revoked(DELEGATE)])
def test_the_nonce_rule_of_2018_is_kept_where_owner_and_identity_differ(
    legacy_stage: Stage,
    alice: LocalAccount,
    bob: LocalAccount,
    relayer: LocalAccount,
    change: Any,
) -> None:
    give(legacy_stage, alice, bob)
    sender = legacy_stage.sender(relayer)
    # Moves the nonces of alice's and bob's identities apart.
    other = legacy_stage.identity(bob)
    for word in "xyz":
        message = other.sign_relay([add_service("Hub", f"a:{word}")], legacy_stage.signer(bob))
        other.submit_relay(message, sender)

    identity = legacy_stage.identity(alice)
    message = identity.sign_relay([change], legacy_stage.signer(bob), allow_replay=True)
    identity.submit_relay(message, sender)

    by_identity = change in (HUB, revoked(HUB))
    assert message.nonce == (0 if by_identity else 3)
    assert len(identity.standing().events) == 2


def test_what_could_be_replayed_on_the_registry_of_2018_is_not_signed(
    legacy_stage: Stage, alice: LocalAccount, bob: LocalAccount, relayer: LocalAccount
) -> None:
    give(legacy_stage, alice, bob)
    identity, signer = legacy_stage.identity(alice), legacy_stage.signer(bob)

    with pytest.raises(InvalidChange, match="again and again") as caught:
        identity.sign_relay([DELEGATE], signer)

    assert "allow it explicitly" in caught.value.hint
    identity.sign_relay([HUB], signer)  # attributes are counted by identity: used once
    # And the danger is real:
    message = identity.sign_relay([DELEGATE], signer, allow_replay=True)
    for tag in ("1", "2"):
        call = Intent(to=identity.registry, data=message.call(), purpose="replay", tag=tag)
        legacy_stage.sender(relayer).send(call)
    assert len(identity.standing().events) == 3


# -- the signatures ----------------------------------------------------------------------------


def test_the_typed_digest_is_that_of_eth_account(stage: Stage, alice: LocalAccount) -> None:
    message = stage.identity(alice).sign_relay([HUB, KEY], stage.signer(alice))

    encoded = encode_typed_data(full_message=message.typed_data())

    assert message.digest == _hash_eip191_message(encoded)
    assert Account.recover_message(encoded, signature=message.signature) == alice.address


@pytest.mark.parametrize("vector", META["vectors"], ids=lambda vector: vector["id"])
def test_the_old_form_is_signed_as_ethers_does(vector: dict[str, Any]) -> None:
    arguments = dict(vector["arguments"])
    if "newOwner" in arguments:
        arguments["owner"] = arguments.pop("newOwner")
    identity = parse_address(META["identity"])
    message = RelayMessage(
        kind=RelayKind.ERC1056,
        chain_id=1,
        registry=parse_address(META["registry"]),
        identity=identity,
        owner=identity,
        changes=(change_from_dict({"change": vector["method"], **arguments}),),
        nonce=vector["nonce"],
        deadline=None,
        signature=b"",
    )

    signer = LocalSigner.from_key(bytes.fromhex(META["privateKey"][2:]))
    signature = signer.sign_digest(message.digest)

    assert "0x" + message.digest.hex() == vector["digest"]
    assert signature.hex() == vector["r"][2:] + vector["s"][2:] + f"{vector['v']:02x}"
    assert recover_signer(replace(message, signature=signature)) == identity


def test_a_signer_that_signs_something_else_is_found_out(
    stage: Stage, alice: LocalAccount, mallory: LocalAccount
) -> None:
    class Liar(LocalSigner):
        __slots__ = ()

        def sign_typed_data(self, message: Any) -> bytes:
            return stage.signer(mallory).sign_typed_data(message)

    with pytest.raises(SignerError, match="not one of"):
        stage.identity(alice).sign_relay([HUB], Liar.from_key(alice.key))


def test_a_contract_that_owns_an_identity_judges_signatures_itself(
    stage: Stage, alice: LocalAccount, bob: LocalAccount, relayer: LocalAccount
) -> None:
    sender = stage.sender(relayer)
    code = load_test_artifact("KeyWallet").init_code + encode(["address"], [bob.address])
    wallet = deploy(sender, code)
    identity = stage.identity(alice)
    identity.apply([ChangeOwner(owner=wallet)], stage.sender(alice))

    signed = identity.sign_relay([HUB], stage.signer(bob))
    r, s, v = signed.signature[:32], signed.signature[32:64], signed.signature[64]
    as_it_wants = encode(["bytes32", "bytes32", "uint8"], [r, s, v])

    assert signed.owner == wallet
    with pytest.raises(Reverted, match="InvalidSignature"):
        identity.submit_relay(signed, sender)
    identity.submit_relay(replace(signed, signature=as_it_wants), sender)
    assert len(identity.standing().events) == 2


# -- what is refused ---------------------------------------------------------------------------


def test_only_the_owner_s_signer_signs(
    any_stage: Stage, alice: LocalAccount, mallory: LocalAccount
) -> None:
    with pytest.raises(NotAuthorized, match="is owned by"):
        any_stage.identity(alice).sign_relay([HUB], any_stage.signer(mallory))


def test_a_message_is_used_once(stage: Stage, alice: LocalAccount, relayer: LocalAccount) -> None:
    identity, sender = stage.identity(alice), stage.sender(relayer)
    message = identity.sign_relay([HUB], stage.signer(alice))
    identity.submit_relay(message, sender)

    with pytest.raises(InvalidChange, match="used or withdrawn"):
        identity.submit_relay(message, sender)


def test_a_message_that_an_interrupted_run_sent_is_taken_up(
    stage: Stage, alice: LocalAccount, relayer: LocalAccount
) -> None:
    identity, sender = stage.identity(alice), stage.sender(relayer)
    message = identity.sign_relay([HUB], stage.signer(alice))
    sender.submit([Intent(to=identity.registry, data=message.call(), purpose="as before")])

    assert identity.submit_relay(message, sender).resumed
    assert len(identity.standing().events) == 1


def test_a_withdrawn_message_is_worthless(
    stage: Stage, alice: LocalAccount, relayer: LocalAccount
) -> None:
    identity = stage.identity(alice)
    message = identity.sign_relay([HUB], stage.signer(alice))

    identity.withdraw_relays(stage.sender(alice))
    identity.withdraw_relays(stage.sender(alice))

    with pytest.raises(InvalidChange, match="nonce 0, and the next is 2"):
        identity.submit_relay(message, stage.sender(relayer))


def test_registries_without_that_function_cannot_withdraw(
    plain_stage: Stage, alice: LocalAccount
) -> None:
    with pytest.raises(InvalidOption, match="cannot withdraw"):
        plain_stage.identity(alice).withdraw_relays(plain_stage.sender(alice))


def test_a_message_that_ends_soon_or_has_ended_is_not_sent(
    stage: Stage, alice: LocalAccount, relayer: LocalAccount
) -> None:
    identity = stage.identity(alice)
    now = identity.standing().head.timestamp
    with pytest.raises(InvalidOption, match="has passed"):
        identity.sign_relay([HUB], stage.signer(alice), deadline=now)
    message = identity.sign_relay([HUB], stage.signer(alice), deadline=now + 100)

    stage.chain.advance(70)
    stage.chain.mine()
    with pytest.raises(InvalidChange, match=r"is in \d+ seconds"):
        identity.submit_relay(message, stage.sender(relayer))
    stage.chain.advance(70)
    stage.chain.mine()
    with pytest.raises(InvalidChange, match=r"is \d+ seconds ago"):
        identity.submit_relay(message, stage.sender(relayer))


def test_an_old_message_carries_no_deadline(stage: Stage, alice: LocalAccount) -> None:
    with pytest.raises(InvalidChange, match="cannot carry a deadline"):
        stage.identity(alice).sign_relay(
            [HUB], stage.signer(alice), kind=RelayKind.ERC1056, deadline=2**40
        )


def test_a_message_of_a_former_owner_is_refused(
    stage: Stage, alice: LocalAccount, bob: LocalAccount, relayer: LocalAccount
) -> None:
    identity = stage.identity(alice)
    message = identity.sign_relay([HUB], stage.signer(alice))
    give(stage, alice, bob)

    with pytest.raises(NotAuthorized, match="owns did:ethr") as caught:
        identity.submit_relay(message, stage.sender(relayer))

    assert caught.value.facts["owner"] == bob.address


def test_nothing_is_relayed_for_a_deactivated_identity(
    stage: Stage, alice: LocalAccount, relayer: LocalAccount
) -> None:
    identity = stage.identity(alice)
    message = identity.sign_relay([HUB], stage.signer(alice), nonce_offset=0)
    identity.apply([deactivate()], stage.sender(alice))

    with pytest.raises(DeactivatedError):
        identity.submit_relay(message, stage.sender(relayer))
    with pytest.raises(DeactivatedError):
        identity.sign_relay([HUB], stage.signer(alice))


@pytest.mark.parametrize(
    "tampering",
    [
        {"changes": (KEY,)},
        {"deadline": 2**40},
        {"signature": b"\x01" * 65},
    ],
    ids=["changes", "deadline", "signature"],
)
@pytest.mark.parametrize("kind", list(RelayKind))
def test_a_message_that_was_tampered_with_is_refused_before_gas_is_spent(
    stage: Stage,
    alice: LocalAccount,
    relayer: LocalAccount,
    tampering: dict[str, Any],
    *,
    kind: RelayKind,
) -> None:
    if kind is RelayKind.ERC1056 and tampering.keys() & {"deadline"}:
        tampering = {"nonce": 0, "changes": (revoked(HUB),)}
    identity, sender = stage.identity(alice), stage.sender(relayer)
    message = identity.sign_relay([HUB], stage.signer(alice), kind=kind)

    with pytest.raises(NotAuthorized, match="says that"):
        identity.submit_relay(replace(message, **tampering), sender)

    assert sender.journal.entries() == []


@pytest.mark.parametrize(
    "other",
    [{"chain_id": 1}, {"registry": Address(b"\x01" * 20)}, {"identity": Address(b"\x02" * 20)}],
)
def test_a_message_for_another_place_is_refused_without_asking_anybody(
    stage: Stage, alice: LocalAccount, relayer: LocalAccount, other: dict[str, Any]
) -> None:
    identity = stage.identity(alice)
    message = identity.sign_relay([HUB], stage.signer(alice))
    before = stage.door.round_trips

    with pytest.raises(InvalidChange, match="the message is for"):
        identity.submit_relay(replace(message, **other), stage.sender(relayer))

    assert stage.door.round_trips == before


# -- the file ----------------------------------------------------------------------------------


def typed_message() -> RelayMessage:
    return RelayMessage(
        kind=RelayKind.EIP712,
        chain_id=5,
        registry=Address(b"\x01" * 20),
        identity=Address(b"\x02" * 20),
        owner=Address(b"\x03" * 20),
        changes=(HUB, KEY, DELEGATE, revoked(HUB), deactivate()),
        nonce=2**70,
        deadline=1_800_000_000,
        signature=b"\x04" * 65,
    )


def test_a_message_is_written_and_read_again() -> None:
    typed = typed_message()
    old = replace(typed, kind=RelayKind.ERC1056, changes=(HUB,), deadline=None)

    for message in (typed, old):
        assert RelayMessage.from_dict(json.loads(json.dumps(message.to_dict()))) == message


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        bytes(64),
        bytes(65),
        bytes(64) + b"\x1b",
        b"\xff" * 64 + b"\x1c",
        (5).to_bytes(32) * 2 + b"\x1b",
        b"\1" * 66,
    ],
)
def test_what_is_no_signature_was_signed_by_nobody(signature: bytes) -> None:
    assert recover_signer(replace(typed_message(), signature=signature)) is None


@pytest.mark.parametrize("data", [None, [], {}, {"format": "ethr-did/relay/2"}, "x"])
def test_other_json_is_no_message(data: object) -> None:
    with pytest.raises(InvalidFile, match="not a relay message"):
        RelayMessage.from_dict(data)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"chainId": "5"}, "chainId: not a whole number"),
        ({"chainId": True}, "chainId: not a whole number"),
        ({"nonce": -1}, "nonce: not a whole number"),
        ({"nonce": 2**256}, "nonce: not a whole number"),
        ({"deadline": None}, "needs a deadline"),
        ({"kind": "eip191"}, "neither eip712 nor erc1056"),
        ({"kind": "erc1056"}, "cannot carry a deadline"),
        ({"registry": "0x12"}, "registry: not an Ethereum address"),
        ({"changes": []}, "changes: a batch needs at least one"),
        ({"changes": [{"change": "no"}]}, "unknown change"),
        ({"signature": "0x"}, "signature: not bytes"),
        ({"signature": "0x" + "00" * 9000}, "longer than"),
        ({"extra": 1}, "extra is not known"),
        (
            {"kind": "erc1056", "deadline": None, "changes": [HUB.to_dict()], "signature": "0x00"},
            "has 65 bytes, not 1",
        ),
    ],
)
def test_every_fault_of_a_file_is_named(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidFile) as caught:
        RelayMessage.from_dict({**typed_message().to_dict(), **changes})

    assert said in caught.value.message


def test_all_faults_are_named_at_once() -> None:
    data = typed_message().to_dict()
    del data["nonce"]

    with pytest.raises(InvalidFile) as caught:
        RelayMessage.from_dict({**data, "kind": 5, "owner": None})

    assert len(caught.value.facts["faults"]) == 3


def test_the_addresses_of_a_file_carry_their_checksum() -> None:
    data = typed_message().to_dict()

    assert data["owner"] == to_checksum_address(b"\x03" * 20)


def test_the_plain_call_is_what_the_owner_would_send(stage: Stage, alice: LocalAccount) -> None:
    identity = stage.identity(alice)

    plan = identity.plan([HUB], stage.sender(alice))

    assert plan.intents[0].data == change_call(identity.address, HUB)

"""``applyChangesSigned``: whose signature counts, when, and for what."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from web3 import Web3

from ethr_did.chain.artifacts import ContractName, load
from support.erc1056_messages import HALF_ORDER, ORDER, sign_call
from support.evm import ZERO, Evm, Reverted, b32, events, load_test_artifact
from support.typed_messages import sign_typed, typed_message

if TYPE_CHECKING:
    from eth_account.messages import SignableMessage
    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract
    from web3.contract.contract import ContractFunction

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "typed_changes.json").read_text("utf-8")
)
KEY = b32("did/pub/Secp256k1/veriKey/hex")
VERI_KEY = b32("veriKey")
DAY = 86_400
Change = tuple[int, bytes, bytes, int]
CHANGES: tuple[Change, ...] = (
    (3, KEY, b"\x02" * 33, DAY),
    (1, VERI_KEY, bytes.fromhex("77" * 20), DAY),
)
FAR = 2**64
MAGIC = bytes.fromhex("1626ba7e")


@dataclass(frozen=True, kw_only=True)
class Batch:
    """A batch as it is sent, and as it was signed unless a test says otherwise."""

    registry: Contract
    identity: str
    changes: tuple[Change, ...] = CHANGES
    nonce: int = 0
    deadline: int = FAR

    def message(self, **other: Any) -> SignableMessage:
        members: dict[str, Any] = {
            "registry": self.registry.address,
            "chain_id": self.registry.w3.eth.chain_id,
            "identity": self.identity,
            "owner": self.registry.functions.identityOwner(self.identity).call(),
            "changes": self.changes,
            "nonce": self.nonce,
            "deadline": self.deadline,
        }
        return typed_message(**{**members, **other})

    def call(self, signature: bytes) -> ContractFunction:
        call: ContractFunction = self.registry.functions.applyChangesSigned(
            self.identity, self.changes, self.nonce, self.deadline, signature
        )
        return call

    def signed_by(self, key: LocalAccount, **other: Any) -> ContractFunction:
        return self.call(sign_typed(key, self.message(**other)))


@pytest.fixture
def batch(registry: Contract, owner: LocalAccount) -> Batch:
    return Batch(registry=registry, identity=owner.address)


def test_the_owner_s_signature_has_the_effect_of_the_owner_s_own_call(
    evm: Evm, registry: Contract, owner: LocalAccount, relayer: LocalAccount, batch: Batch
) -> None:
    then = evm.timestamp + 100
    with evm.undone():
        evm.chain.set_next_timestamp(then)
        own = evm.send(registry.functions.applyChanges(owner.address, CHANGES), owner)
    evm.chain.set_next_timestamp(then)
    signed = evm.send(batch.signed_by(owner), relayer)
    assert events(registry, signed) == events(registry, own)
    assert registry.functions.nonce(owner.address).call() == 1
    assert registry.functions.nonce(relayer.address).call() == 0


def test_a_new_owner_signs_with_its_own_nonce(
    *,
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    relayer: LocalAccount,
    batch: Batch,
) -> None:
    evm.send(registry.functions.invalidateNonce(), successor)
    evm.send(registry.functions.changeOwner(owner.address, successor.address), owner)
    refused = evm.failure(replace(batch, nonce=1).signed_by(owner), relayer)
    assert refused == Reverted("InvalidSignature", (successor.address.lower(),))
    evm.send(replace(batch, nonce=1).signed_by(successor), relayer)
    assert registry.functions.nonce(successor.address).call() == 2


def test_a_stranger_s_signature_is_refused(
    evm: Evm, owner: LocalAccount, stranger: LocalAccount, batch: Batch
) -> None:
    refused = evm.failure(batch.signed_by(stranger), stranger)
    assert refused == Reverted("InvalidSignature", (owner.address.lower(),))


OTHER_ADDRESS = Web3.to_checksum_address("0x" + "78" * 20)


@pytest.mark.parametrize(
    "other",
    [
        {"chain_id": 1},
        {"registry": OTHER_ADDRESS},
        {"identity": OTHER_ADDRESS},
        {"nonce": 1},
        {"deadline": FAR + 1},
        {"changes": CHANGES[:1]},
        {"changes": CHANGES[::-1]},
        {"changes": (*CHANGES, CHANGES[0])},
        {"changes": ((4, *CHANGES[0][1:]), CHANGES[1])},
        {"changes": ((3, VERI_KEY, *CHANGES[0][2:]), CHANGES[1])},
        {"changes": ((3, KEY, b"\x03" * 33, DAY), CHANGES[1])},
        {"changes": ((3, KEY, b"\x02" * 33, DAY + 1), CHANGES[1])},
    ],
    ids=lambda other: next(iter(other)),
)
def test_the_signature_covers_everything(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, batch: Batch, other: dict[str, Any]
) -> None:
    refused = evm.failure(batch.signed_by(owner, **other), relayer)
    assert refused == Reverted("InvalidSignature", (owner.address.lower(),))


def test_a_message_works_once(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, batch: Batch
) -> None:
    call = batch.signed_by(owner)
    evm.send(call, relayer)
    assert evm.failure(call, relayer) == Reverted("InvalidNonce", (1, 0))


def test_a_message_waits_for_its_turn(
    evm: Evm, registry: Contract, owner: LocalAccount, relayer: LocalAccount, batch: Batch
) -> None:
    early = replace(batch, nonce=1).signed_by(owner)
    assert evm.failure(early, relayer) == Reverted("InvalidNonce", (0, 1))
    evm.send(registry.functions.invalidateNonce(), owner)
    evm.send(early, relayer)


def test_a_message_is_good_until_its_deadline_and_no_longer(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, batch: Batch
) -> None:
    deadline = evm.timestamp + 100
    call = replace(batch, deadline=deadline).signed_by(owner)
    with evm.undone():
        evm.chain.set_next_timestamp(deadline)
        evm.send(call, relayer)
    evm.chain.set_next_timestamp(deadline + 1)
    evm.chain.mine()
    refused = evm.failure(call, relayer)
    assert refused == Reverted("DeadlineExpired", (deadline, deadline + 1))


def test_both_kinds_of_message_stand_in_one_queue(
    evm: Evm, registry: Contract, owner: LocalAccount, relayer: LocalAccount, batch: Batch
) -> None:
    old = sign_call(registry, owner, owner.address, "revokeAttribute", KEY, b"")
    new = batch.signed_by(owner)
    with evm.undone():
        evm.send(old, relayer)
        assert evm.failure(new, relayer) == Reverted("InvalidNonce", (1, 0))
    evm.send(new, relayer)
    assert evm.failure(old, relayer) == Reverted("Error", ("bad_signature",))


def test_invalidate_nonce_withdraws_both_kinds_of_message(
    evm: Evm, registry: Contract, owner: LocalAccount, relayer: LocalAccount, batch: Batch
) -> None:
    old = sign_call(registry, owner, owner.address, "revokeAttribute", KEY, b"")
    receipt = evm.send(registry.functions.invalidateNonce(), owner)
    assert receipt["logs"] == []
    assert registry.functions.nonce(owner.address).call() == 1
    assert evm.failure(batch.signed_by(owner), relayer) == Reverted("InvalidNonce", (1, 0))
    assert evm.failure(old, relayer) == Reverted("Error", ("bad_signature",))


def test_a_malformed_batch_is_refused_also_when_signed_and_keeps_the_nonce(
    evm: Evm, registry: Contract, owner: LocalAccount, relayer: LocalAccount, batch: Batch
) -> None:
    empty = replace(batch, changes=())
    assert evm.failure(empty.signed_by(owner), relayer) == Reverted("EmptyBatch")
    assert registry.functions.nonce(owner.address).call() == 0


# ------------------------------------------------------------------------------ form of signatures


def reshaped(signature: bytes, how: str) -> bytes:
    r, s, v = signature[:32], int.from_bytes(signature[32:64], "big"), signature[64]
    compact = s | (v - 27) << 255
    return {
        "high s": r + (ORDER - s).to_bytes(32, "big") + bytes([55 - v]),
        "v 0 or 1": signature[:64] + bytes([v - 27]),
        "other v": signature[:64] + bytes([55 - v]),
        "EIP-2098": r + compact.to_bytes(32, "big"),
        "66 bytes": signature + b"\0",
        "empty": b"",
        "all zero": bytes(65),
        "zero with v 27": bytes(64) + b"\x1b",
    }[how]


@pytest.mark.parametrize(
    "how",
    [
        "high s",
        "v 0 or 1",
        "other v",
        "EIP-2098",
        "66 bytes",
        "empty",
        "all zero",
        "zero with v 27",
    ],
)
def test_only_one_form_of_a_key_s_signature_is_accepted(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, batch: Batch, how: str
) -> None:
    good = sign_typed(owner, batch.message())
    refused = evm.failure(batch.call(reshaped(good, how)), relayer)
    assert refused == Reverted("InvalidSignature", (owner.address.lower(),))


def test_the_limit_of_s_is_half_the_order() -> None:
    # No signature with exactly this s can be made: the message names the owner, so that a key
    # cannot be computed to fit a signature. Hence a look at the code.
    code = load(ContractName.ETHEREUM_DID_REGISTRY).runtime_code
    assert HALF_ORDER.to_bytes(32) in code
    assert (HALF_ORDER - 1).to_bytes(32) not in code
    assert (HALF_ORDER + 1).to_bytes(32) not in code


@pytest.mark.parametrize(
    "signature",
    [b"", bytes(65), bytes(64) + b"\x1b", bytes(64) + b"\x1d"],
    ids=["empty", "v 0", "v 27", "v 29"],
)
def test_nobody_signs_for_the_identity_zero(
    evm: Evm, relayer: LocalAccount, batch: Batch, signature: bytes
) -> None:
    refused = evm.failure(replace(batch, identity=ZERO).call(signature), relayer)
    assert refused == Reverted("InvalidSignature", (ZERO,))


# ---------------------------------------------------------------------------- contracts as owners


def hand_over(evm: Evm, batch: Batch, owner: LocalAccount, wallet: Contract) -> None:
    call = batch.registry.functions.changeOwner(owner.address, wallet.address)
    evm.send(call, owner)


def parts(signature: bytes) -> bytes:
    values = [signature[:32], signature[32:64], signature[64]]
    return encode(["bytes32", "bytes32", "uint8"], values)


def test_a_contract_signs_by_erc_1271(
    evm: Evm, registry: Contract, owner: LocalAccount, successor: LocalAccount, batch: Batch
) -> None:
    wallet = evm.deploy(load_test_artifact("KeyWallet"), successor.address)
    hand_over(evm, batch, owner, wallet)
    message = batch.message()
    call = batch.call(parts(sign_typed(successor, message)))
    evm.send(call, owner)
    assert registry.functions.nonce(wallet.address).call() == 1
    assert evm.failure(call, owner) == Reverted("InvalidNonce", (1, 0))


def test_a_message_for_one_wallet_is_worthless_at_another_of_the_same_key(
    evm: Evm, owner: LocalAccount, successor: LocalAccount, batch: Batch
) -> None:
    first = evm.deploy(load_test_artifact("KeyWallet"), successor.address)
    second = evm.deploy(load_test_artifact("KeyWallet"), successor.address)
    hand_over(evm, batch, owner, first)
    call = batch.call(parts(sign_typed(successor, batch.message())))
    call.call({"from": owner.address})  # good where it was signed for
    move = first.functions.execute(
        batch.registry.address,
        batch.registry.encode_abi("changeOwner", [owner.address, second.address]),
    )
    evm.send(move, owner)
    assert evm.failure(call, owner) == Reverted("InvalidSignature", (second.address.lower(),))


def test_a_contract_may_sign_with_65_bytes_that_are_no_key_s(
    evm: Evm, owner: LocalAccount, batch: Batch
) -> None:
    wallet = evm.deploy(load_test_artifact("FixedAnswer"), MAGIC.ljust(32, b"\0"), False)
    hand_over(evm, batch, owner, wallet)
    evm.send(batch.call(bytes(65)), owner)


def test_a_contract_s_no_is_a_no(
    evm: Evm, owner: LocalAccount, successor: LocalAccount, batch: Batch
) -> None:
    wallet = evm.deploy(load_test_artifact("KeyWallet"), successor.address)
    hand_over(evm, batch, owner, wallet)
    refused = evm.failure(batch.call(parts(sign_typed(owner, batch.message()))), owner)
    assert refused == Reverted("InvalidSignature", (wallet.address.lower(),))


def test_a_contract_withdraws_its_messages(
    evm: Evm, registry: Contract, owner: LocalAccount, successor: LocalAccount, batch: Batch
) -> None:
    wallet = evm.deploy(load_test_artifact("KeyWallet"), successor.address)
    hand_over(evm, batch, owner, wallet)
    withdrawal = registry.encode_abi("invalidateNonce")
    evm.send(wallet.functions.execute(registry.address, withdrawal), owner)
    call = batch.call(parts(sign_typed(successor, batch.message())))
    assert evm.failure(call, owner) == Reverted("InvalidNonce", (1, 0))


@pytest.mark.parametrize(
    ("answer", "reverts"),
    [
        (b"", False),
        (MAGIC, False),
        (MAGIC.rjust(32, b"\0"), False),
        (MAGIC.ljust(32, b"\1"), False),
        (MAGIC.ljust(31, b"\0"), False),
        (MAGIC.ljust(64, b"\0"), False),
        (b"\xff" * 32, False),
        (bytes(32), False),
        (MAGIC.ljust(32, b"\0"), True),
        (b"", True),
    ],
)
def test_whatever_else_a_contract_answers_is_a_no(
    *, evm: Evm, owner: LocalAccount, batch: Batch, answer: bytes, reverts: bool
) -> None:
    wallet = evm.deploy(load_test_artifact("FixedAnswer"), answer, reverts)
    hand_over(evm, batch, owner, wallet)
    refused = evm.failure(batch.call(bytes(65)), owner)
    assert refused == Reverted("InvalidSignature", (wallet.address.lower(),))


def test_a_contract_that_writes_while_it_is_asked_is_refused(
    evm: Evm, owner: LocalAccount, batch: Batch
) -> None:
    wallet = evm.deploy(load_test_artifact("WritingWallet"))
    hand_over(evm, batch, owner, wallet)
    refused = evm.failure(batch.call(b"any"), owner)
    assert refused == Reverted("InvalidSignature", (wallet.address.lower(),))


@pytest.mark.parametrize("answer", [b"", b"\xff" * 32])
def test_an_eip_7702_account_signs_with_its_key_whatever_its_code_says(
    *,
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    relayer: LocalAccount,
    batch: Batch,
    answer: bytes,
) -> None:
    code = evm.deploy(load_test_artifact("FixedAnswer"), answer, True)
    evm.delegate_code(owner, code.address)
    evm.send(batch.signed_by(owner), relayer)
    assert registry.functions.nonce(owner.address).call() == 1


def test_an_eip_7702_account_may_also_sign_by_its_code(
    evm: Evm, registry: Contract, owner: LocalAccount, successor: LocalAccount, batch: Batch
) -> None:
    # The key of the wallet is in the wallet's code, hence also in the account that borrows it.
    wallet = evm.deploy(load_test_artifact("KeyWallet"), successor.address)
    evm.delegate_code(owner, wallet.address)
    evm.send(batch.call(parts(sign_typed(successor, batch.message()))), successor)
    assert registry.functions.nonce(owner.address).call() == 1


# ------------------------------------------------------------------------------- second opinions


def changes_of(vector: dict[str, Any]) -> tuple[Change, ...]:
    return tuple(
        (
            change["kind"],
            bytes.fromhex(change["name"][2:]),
            bytes.fromhex(change["value"][2:]),
            int(change["validity"]),
        )
        for change in vector["message"]["changes"]
    )


def test_messages_hashed_and_signed_by_ethers_are_accepted_in_order(relayer: LocalAccount) -> None:
    artifact = load(ContractName.ETHEREUM_DID_REGISTRY)
    address = VECTORS["domain"]["verifyingContract"]
    evm = Evm(alloc={address: artifact.runtime_code}, chain_id=VECTORS["domain"]["chainId"])
    registry = evm.contract(artifact, address)
    for vector in VECTORS["vectors"]:
        batch = Batch(
            registry=registry,
            identity=vector["message"]["identity"],
            changes=changes_of(vector),
            nonce=int(vector["message"]["nonce"]),
            deadline=int(vector["message"]["deadline"]),
        )
        message = batch.message()
        digest = keccak(b"\x19\x01" + message.header + message.body)
        assert "0x" + digest.hex() == vector["digest"]
        evm.send(batch.call(bytes.fromhex(vector["signature"][2:])), relayer)


# ---------------------------------------------------------------------------------- other chains


def test_a_message_of_one_chain_is_void_on_another(
    owner: LocalAccount, relayer: LocalAccount
) -> None:
    artifact = load(ContractName.ETHEREUM_DID_REGISTRY)
    address = Web3.to_checksum_address("0x" + "d1" * 20)
    here, there = (Evm(alloc={address: artifact.runtime_code}, chain_id=n) for n in (1, 100))
    batches = [
        Batch(registry=evm.contract(artifact, address), identity=owner.address)
        for evm in (here, there)
    ]
    signature = sign_typed(owner, batches[0].message())
    refused = there.failure(batches[1].call(signature), relayer)
    assert refused == Reverted("InvalidSignature", (owner.address.lower(),))
    here.send(batches[0].call(signature), relayer)

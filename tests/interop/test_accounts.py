"""Owners that are more than a key, on a node that is not ours: EIP-7702 accounts and ERC-1271 wallets."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from eth_abi.abi import encode
from eth_account import Account

from ethr_did.core import calls
from ethr_did.core.changes import AddDelegate, Change, ChangeOwner, add_key, add_service
from ethr_did.core.erc1056 import encode_name
from ethr_did.core.keys import parse_address
from support.document_forms import from_peer
from support.evm import load_test_artifact
from support.histories import call

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from support.anvil import Anvil
    from support.peers import Meeting

pytestmark = pytest.mark.interop

FAR = 10**9
DELEGATE = "0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1"
CHANGES: tuple[Change, ...] = (
    add_key("Ed25519", bytes(range(32)), validity=FAR),
    add_service("HubService", "https://hub.example", validity=FAR),
    AddDelegate(
        delegate_type=encode_name("sigAuth"), delegate=parse_address(DELEGATE), validity=FAR
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """An identity with its first owner's key, and somebody who pays."""

    anvil: Anvil
    meeting: Meeting
    key: LocalAccount
    relayer: LocalAccount

    @property
    def did(self) -> str:
        return self.meeting.did(self.key.address)

    def deploy_wallet(self) -> str:
        """A contract account that the key signs for."""
        arguments = encode(["address"], [self.key.address])
        return self.anvil.deploy(load_test_artifact("KeyWallet").init_code + arguments)

    def delegate_code(self, target: str) -> None:
        """Gives the key's account the code of the target, by an authorization of the key."""
        nonce = int(self.anvil.call("eth_getTransactionCount", self.key.address, "latest"), 16)
        authorization = self.key.sign_authorization(
            {"chainId": self.meeting.chain_id, "address": target, "nonce": nonce}
        )
        self.send_raw({"type": 4, "to": self.relayer.address, "authorizationList": [authorization]})
        code = self.anvil.call("eth_getCode", self.key.address, "latest")
        assert code == "0xef0100" + target[2:].lower()

    def send_raw(self, fields: dict[str, Any]) -> None:
        """A transaction that the relayer signs and pays for."""
        nonce = self.anvil.call("eth_getTransactionCount", self.relayer.address, "latest")
        defaults: dict[str, Any] = {
            "type": 2,
            "chainId": self.meeting.chain_id,
            "nonce": int(nonce, 16),
            "gas": 1_000_000,
            "maxFeePerGas": 10**9,
            "maxPriorityFeePerGas": 0,
            "value": 0,
            "data": b"",
        }
        signed = self.relayer.sign_transaction({**defaults, **fields})
        tx_hash = self.anvil.call("eth_sendRawTransaction", "0x" + signed.raw_transaction.hex())
        receipt = self.anvil.receipt(tx_hash)
        assert receipt["status"] == "0x1", receipt

    def signed_batch(self, owner: str, *, is_wallet: bool) -> bytes:
        """Our calldata of the changes, signed by the key for the owner."""
        identity, deadline = parse_address(self.key.address), self.anvil.timestamp + 10_000
        typed = calls.typed_changes(
            chain_id=self.meeting.chain_id,
            registry=parse_address(self.meeting.registry),
            identity=identity,
            owner=parse_address(owner),
            changes=CHANGES,
            nonce=self._nonce(owner),
            deadline=deadline,
        )
        signed = self.key.sign_typed_data(full_message=typed)
        signature = bytes(signed.signature)
        if is_wallet:
            parts = (signature[:32], signature[32:64], signature[64])
            signature = encode(["bytes32", "bytes32", "uint8"], parts)
        return calls.apply_changes_signed_call(
            identity, CHANGES, nonce=self._nonce(owner), deadline=deadline, signature=signature
        )

    def _nonce(self, owner: str) -> int:
        data = "0x" + calls.nonce_call(parse_address(owner)).hex()
        question = {"to": self.meeting.registry, "data": data}
        return int(self.anvil.call("eth_call", question, "latest"), 16)

    def check_all_is_listed(self, controller: str) -> None:
        """Both resolvers see the batch, in one block."""
        (our,), (their,) = self.meeting.ours(self.did), self.meeting.theirs(self.did)
        document = our["didDocument"]
        assert document == from_peer(their["didDocument"])
        owner = document["verificationMethod"][0]["blockchainAccountId"].rpartition(":")[2]
        assert owner.lower() == controller.lower()
        fragments = [method["id"].partition("#")[2] for method in document["verificationMethod"]]
        assert fragments == ["controller", "delegate-1", "delegate-2"]
        assert len(document["service"]) == 1
        assert our["didDocumentMetadata"] == their["didDocumentMetadata"]


@pytest.fixture
def scene(anvil: Anvil, our_registry: Meeting) -> Scene:
    key, relayer = Account.create(), Account.create()
    anvil.call("anvil_setBalance", relayer.address, hex(10**18))
    return Scene(anvil=anvil, meeting=our_registry, key=key, relayer=relayer)


def test_an_eip_7702_account_sends_a_batch_through_the_code_it_took_on(scene: Scene) -> None:
    scene.delegate_code(scene.deploy_wallet())
    batch = calls.apply_changes_call(parse_address(scene.key.address), CHANGES)
    execute = call("execute", ("address", "bytes"), (scene.meeting.registry, batch))
    scene.send_raw({"to": scene.key.address, "data": execute})
    scene.check_all_is_listed(scene.key.address)


def test_the_key_of_an_eip_7702_account_still_signs_for_it(scene: Scene) -> None:
    scene.delegate_code(scene.deploy_wallet())
    batch = scene.signed_batch(scene.key.address, is_wallet=False)
    scene.send_raw({"to": scene.meeting.registry, "data": batch})
    scene.check_all_is_listed(scene.key.address)


def test_an_erc_1271_wallet_owns_an_identity_and_signs_a_batch(scene: Scene) -> None:
    wallet = scene.deploy_wallet()
    _hand_over(scene, wallet)
    batch = scene.signed_batch(wallet, is_wallet=True)
    scene.send_raw({"to": scene.meeting.registry, "data": batch})
    scene.check_all_is_listed(wallet)


def test_an_erc_1271_wallet_sends_a_batch_itself(scene: Scene) -> None:
    wallet = scene.deploy_wallet()
    _hand_over(scene, wallet)
    batch = calls.apply_changes_call(parse_address(scene.key.address), CHANGES)
    execute = call("execute", ("address", "bytes"), (scene.meeting.registry, batch))
    scene.send_raw({"to": wallet, "data": execute})
    scene.check_all_is_listed(wallet)


def _hand_over(scene: Scene, wallet: str) -> None:
    change = ChangeOwner(owner=parse_address(wallet))
    data = calls.change_call(parse_address(scene.key.address), change)
    scene.anvil.send(scene.key.address, scene.meeting.registry, data)

"""What npm's ethr-did writes we read, and what we write npm's resolver reads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from eth_account import Account
from eth_typing import Hash32

from ethr_did.core import calls
from ethr_did.core.changes import (
    AddDelegate,
    Change,
    ChangeOwner,
    RevokeAttribute,
    RevokeDelegate,
    SetAttribute,
    add_key,
    add_service,
    deactivate,
    revoked,
)
from ethr_did.core.erc1056 import encode_name
from ethr_did.core.keys import Address, parse_address
from support.document_forms import from_peer

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount

    from support.anvil import Anvil
    from support.peers import Meeting, RunPeer

pytestmark = pytest.mark.interop

FAR = 10**9
DELEGATE = "0x1a642f0E3c3aF545E7AcBD38b07251B3990914F1"
ED25519 = "uXww3nZ/CEzjCAFo7ikwU7ozsjXXEWoyY9KfFFCTa3E="
HUB = "https://hub.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes with npm's ethr-did for one identity."""

    run: RunPeer
    anvil: Anvil
    meeting: Meeting
    account: LocalAccount
    relayer: LocalAccount

    @property
    def did(self) -> str:
        return self.meeting.did(self.account.address)

    def take(self, *steps: tuple[Any, ...], **other: Any) -> list[dict[str, Any]]:
        """What becomes of the steps; see write.mjs."""
        question = {
            **self.meeting.question,
            "identifier": self.did,
            "key": "0x" + self.account.key.hex().removeprefix("0x"),
            "relayer": "0x" + self.relayer.key.hex().removeprefix("0x"),
            "steps": steps,
        }
        results: list[dict[str, Any]] = self.run("write.mjs", {**question, **other})
        return results

    def written(self, *steps: tuple[Any, ...], **other: Any) -> list[Any]:
        """The results of steps that must all succeed."""
        results = self.take(*steps, **other)
        assert [result for result in results if "error" in result] == []
        return [result.get("result") for result in results]

    def document(self) -> dict[str, Any]:
        """The document that both sides now see."""
        return same_document(self.meeting, self.did)


def same_document(meeting: Meeting, did: str) -> dict[str, Any]:
    """The document of a DID, on which both sides agree."""
    (our,), (their,) = meeting.ours(did), meeting.theirs(did)
    document: dict[str, Any] = our["didDocument"]
    assert document == from_peer(their["didDocument"])
    assert our["didDocumentMetadata"] == their["didDocumentMetadata"]
    return document


def accounts_of(document: dict[str, Any]) -> list[str]:
    """The accounts that a document lists."""
    methods = document["verificationMethod"]
    found = [method.get("blockchainAccountId", "").rpartition(":")[2] for method in methods]
    return [account for account in found if account]


@pytest.fixture
def writer(npm_peers: RunPeer, anvil: Anvil, meeting: Meeting) -> Writer:
    """A new identity with ether, and somebody who pays for it."""
    account, relayer = Account.create(), Account.create()
    for each in (account, relayer):
        anvil.call("anvil_setBalance", each.address, hex(10**18))
    return Writer(run=npm_peers, anvil=anvil, meeting=meeting, account=account, relayer=relayer)


def test_we_read_what_the_peer_s_owner_writes(writer: Writer) -> None:
    *_, delegate = writer.written(
        ("setAttribute", "did/pub/Ed25519/veriKey/base64", ED25519, FAR),
        ("setAttribute", "did/svc/HubService", HUB, FAR),
        ("addDelegate", DELEGATE, {"delegateType": "sigAuth", "expiresIn": FAR}),
        ("createSigningDelegate", "veriKey", FAR),
    )
    document = writer.document()
    assert accounts_of(document) == [writer.account.address, DELEGATE, delegate["kp"]["address"]]
    assert [service["serviceEndpoint"] for service in document["service"]] == [HUB]
    assert document["authentication"] == [f"{writer.did}#controller", f"{writer.did}#delegate-2"]
    assert len(document["assertionMethod"]) == 4


def test_we_read_what_the_peer_s_owner_takes_back(writer: Writer) -> None:
    writer.written(
        ("setAttribute", "did/pub/Ed25519/veriKey/base64", ED25519, FAR),
        ("setAttribute", "did/svc/HubService", HUB, FAR),
        ("addDelegate", DELEGATE, {"delegateType": "sigAuth", "expiresIn": FAR}),
        ("revokeAttribute", "did/pub/Ed25519/veriKey/base64", ED25519),
        ("revokeAttribute", "did/svc/HubService", HUB),
        ("revokeDelegate", DELEGATE, "sigAuth"),
    )
    document = writer.document()
    assert accounts_of(document) == [writer.account.address]
    assert "service" not in document


def test_we_read_what_somebody_else_submits_for_the_peer_s_owner(writer: Writer) -> None:
    writer.written(
        ("setAttributeSigned", "did/svc/HubService", HUB, FAR),
        ("setAttributeSigned", "did/svc/Other", HUB, FAR),
        ("addDelegateSigned", DELEGATE, {"delegateType": "veriKey", "expiresIn": FAR}),
        ("addDelegateSigned", DELEGATE, {"delegateType": "sigAuth", "expiresIn": FAR}),
        ("revokeAttributeSigned", "did/svc/Other", HUB),
        ("revokeDelegateSigned", DELEGATE, "sigAuth"),
        ("changeOwnerSigned", writer.relayer.address),
    )
    document = writer.document()
    assert accounts_of(document) == [writer.relayer.address, DELEGATE]
    assert [service["id"] for service in document["service"]] == [f"{writer.did}#service-1"]


def test_after_a_change_of_owner_the_peer_s_new_owner_writes(writer: Writer) -> None:
    writer.written(("changeOwner", writer.relayer.address))
    key = "0x" + writer.relayer.key.hex().removeprefix("0x")
    writer.written(("setAttribute", "did/svc/HubService", HUB, FAR), key=key)
    document = writer.document()
    assert accounts_of(document) == [writer.relayer.address]
    assert [service["serviceEndpoint"] for service in document["service"]] == [HUB]


def test_the_peer_s_messages_about_attributes_need_its_new_nonce_rule_after_a_change_of_owner(
    writer: Writer,
) -> None:
    """npm's ethr-did always signs by the rule of 2018, which no registry of today has."""
    key = "0x" + writer.relayer.key.hex().removeprefix("0x")
    writer.written(("changeOwnerSigned", writer.relayer.address))
    writer.written(
        ("addDelegateSigned", DELEGATE, {"delegateType": "enc", "expiresIn": 1}), key=key
    )
    step = ("setAttributeSigned", "did/svc/HubService", HUB, FAR)
    # Both nonces are 1 now: only a further message of the owner's tells the rules apart.
    writer.written(
        ("addDelegateSigned", DELEGATE, {"delegateType": "enc", "expiresIn": 1}), key=key
    )
    (refused,) = writer.take(step, key=key, legacyNonce=True)
    assert "error" in refused
    writer.written(step, key=key, legacyNonce=False)
    assert [service["serviceEndpoint"] for service in writer.document()["service"]] == [HUB]


def test_the_peer_s_stranger_is_refused(writer: Writer) -> None:
    key = "0x" + writer.relayer.key.hex().removeprefix("0x")
    (refused,) = writer.take(("setAttribute", "did/svc/HubService", HUB, FAR), key=key)
    assert "error" in refused
    assert accounts_of(writer.document()) == [writer.account.address]


def test_deactivation_by_the_peer_is_final_for_both(writer: Writer) -> None:
    writer.written(("changeOwner", "0x" + "00" * 20))
    (our,) = writer.meeting.ours(writer.did)
    (their,) = writer.meeting.theirs(writer.did)
    assert our["didDocument"] is None
    assert from_peer(their["didDocument"]) is None
    assert our["didDocumentMetadata"] == their["didDocumentMetadata"]


# -- written by us -------------------------------------------------------------------------------

CHANGES: tuple[Change, ...] = (
    add_key("Ed25519", bytes(range(32)), purpose="sigAuth", validity=FAR),
    add_key("X25519", bytes(range(32)), purpose="enc", validity=FAR),
    add_service("HubService", HUB, validity=FAR),
    add_service("Files", {"uri": "https://files.example"}, validity=FAR),
    AddDelegate(
        delegate_type=encode_name("veriKey"), delegate=parse_address(DELEGATE), validity=FAR
    ),
    SetAttribute(name=encode_name("my/own/name"), value=b"\x00", validity=FAR),
)
TAKEN_BACK: tuple[Change, ...] = (
    revoked(add_key("Ed25519", bytes(range(32)), purpose="sigAuth")),
    RevokeDelegate(delegate_type=encode_name("veriKey"), delegate=parse_address(DELEGATE)),
    RevokeAttribute(name=encode_name("did/svc/HubService"), value=HUB.encode()),
)


@pytest.fixture
def owner() -> LocalAccount:
    """Of an identity that nobody has used."""
    account: LocalAccount = Account.create()
    return account


def _check_all_is_listed(meeting: Meeting, owner: LocalAccount, controller: str) -> None:
    document = same_document(meeting, meeting.did(owner.address))
    assert accounts_of(document) == [controller, DELEGATE]
    assert len(document["verificationMethod"]) == 4
    assert [service["serviceEndpoint"] for service in document["service"]] == [
        HUB,
        {"uri": "https://files.example"},
    ]


def _check_little_is_left(meeting: Meeting, owner: LocalAccount) -> None:
    document = same_document(meeting, meeting.did(owner.address))
    assert accounts_of(document) == [owner.address]
    assert [service["type"] for service in document["service"]] == ["Files"]


def test_the_peer_reads_our_single_changes(
    anvil: Anvil, meeting: Meeting, owner: LocalAccount
) -> None:
    identity = parse_address(owner.address)
    for change in CHANGES:
        anvil.send(owner.address, meeting.registry, calls.change_call(identity, change))
    _check_all_is_listed(meeting, owner, owner.address)
    for change in TAKEN_BACK:
        anvil.send(owner.address, meeting.registry, calls.change_call(identity, change))
    _check_little_is_left(meeting, owner)


def test_the_peer_reads_our_signed_changes(
    anvil: Anvil, meeting: Meeting, owner: LocalAccount
) -> None:
    identity, registry = parse_address(owner.address), parse_address(meeting.registry)
    given_away = ChangeOwner(owner=parse_address(DELEGATE))
    relayer = anvil.call("eth_accounts")[1]
    for nonce, change in enumerate((*CHANGES, given_away)):
        digest = calls.change_digest(registry, nonce, identity, change)
        signature = bytes(owner.unsafe_sign_hash(Hash32(digest)).signature)
        call = calls.change_signed_call(identity, change, signature)
        anvil.send(relayer, meeting.registry, call)
    _check_all_is_listed(meeting, owner, DELEGATE)


def test_the_peer_reads_our_batches(
    anvil: Anvil, our_registry: Meeting, owner: LocalAccount
) -> None:
    identity = parse_address(owner.address)
    send = (owner.address, our_registry.registry)
    anvil.send(*send, calls.apply_changes_call(identity, CHANGES))
    _check_all_is_listed(our_registry, owner, owner.address)
    anvil.send(*send, calls.apply_changes_call(identity, TAKEN_BACK))
    _check_little_is_left(our_registry, owner)
    anvil.send(*send, calls.apply_changes_call(identity, (*CHANGES, deactivate())))
    (their,) = our_registry.theirs(our_registry.did(owner.address))
    assert their["didDocumentMetadata"]["deactivated"] is True


def test_the_peer_reads_our_typed_batches(
    anvil: Anvil, our_registry: Meeting, owner: LocalAccount
) -> None:
    identity = parse_address(owner.address)
    deadline = anvil.timestamp + 10_000
    call = _signed_batch(our_registry, owner, identity, CHANGES, deadline)
    anvil.send(anvil.call("eth_accounts")[1], our_registry.registry, call)
    _check_all_is_listed(our_registry, owner, owner.address)


def _signed_batch(
    meeting: Meeting,
    signer: LocalAccount,
    identity: Address,
    changes: tuple[Change, ...],
    deadline: int,
) -> bytes:
    typed = calls.typed_changes(
        chain_id=meeting.chain_id,
        registry=parse_address(meeting.registry),
        identity=identity,
        owner=identity,
        changes=changes,
        nonce=0,
        deadline=deadline,
    )
    signature = bytes(signer.sign_typed_data(full_message=typed).signature)
    return calls.apply_changes_signed_call(
        identity, changes, nonce=0, deadline=deadline, signature=signature
    )

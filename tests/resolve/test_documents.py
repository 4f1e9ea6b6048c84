"""Resolving what somebody wrote: owners, delegates, attributes, keys in the DID."""

from __future__ import annotations

from typing import Any

import pytest

from support.fake_chain import CHAIN_ID, DAY, FakeChain, Person

ALICE, BOB, CAROL = (Person.named(name) for name in ("alice", "bob", "carol"))
KEY = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")


def resolved(fake: FakeChain, did: str = ALICE.did) -> dict[str, Any]:
    result = fake.resolver().resolve(did)
    assert result.error is None
    return result.to_dict()


def methods(fake: FakeChain, did: str = ALICE.did) -> list[str]:
    document = resolved(fake, did)["didDocument"]
    return [entry["id"].removeprefix(did) for entry in document["verificationMethod"]]


def test_never_used_address_resolves_to_the_default_document(fake: FakeChain) -> None:
    result = resolved(fake)
    assert result["didDocumentMetadata"] == {}
    assert result["didDocument"]["verificationMethod"] == [
        {
            "id": f"{ALICE.did}#controller",
            "type": "EcdsaSecp256k1RecoveryMethod2020",
            "controller": ALICE.did,
            "blockchainAccountId": f"eip155:{CHAIN_ID}:{ALICE.account}",
        }
    ]


def test_zero_address_resolves_to_the_default_document(fake: FakeChain) -> None:
    did = "did:ethr:dev:0x" + "00" * 20
    assert methods(fake, did) == ["#controller"]
    assert resolved(fake, did)["didDocumentMetadata"] == {}


def test_document_id_is_the_did_as_it_was_asked(fake: FakeChain) -> None:
    shouted = f"did:ethr:0x0539:0x{ALICE.address.hex().upper()}"
    assert resolved(fake, shouted)["didDocument"]["id"] == shouted


def test_parts_after_the_did_do_not_change_the_document(fake: FakeChain) -> None:
    plain = resolved(fake)["didDocument"]
    assert resolved(fake, f"{ALICE.did};a=b/path?x=y#controller")["didDocument"] == plain


def test_new_owner_controls(fake: FakeChain) -> None:
    fake.change_owner(ALICE, BOB)
    document = resolved(fake)["didDocument"]
    account = document["verificationMethod"][0]["blockchainAccountId"]
    assert account == f"eip155:{CHAIN_ID}:{BOB.account}"


def test_key_in_the_did_is_listed_while_its_account_owns(fake: FakeChain) -> None:
    keyed = Person.with_key(KEY)
    assert methods(fake, keyed.did) == ["#controller", "#controllerKey"]
    fake.change_owner(keyed, BOB)
    assert methods(fake, keyed.did) == ["#controller"]
    fake.change_owner(keyed, keyed)
    assert methods(fake, keyed.did) == ["#controller", "#controllerKey"]


def test_delegate_is_listed_until_it_expires(fake: FakeChain) -> None:
    fake.add_delegate(ALICE, "veriKey", BOB, validity=100)
    end = fake.now + 100
    fake.at(end - 1).mine()
    assert methods(fake) == ["#controller", "#delegate-1"]
    fake.at(end).mine()
    assert methods(fake) == ["#controller"]


def test_delegate_is_gone_in_the_block_of_its_revocation(fake: FakeChain) -> None:
    fake.add_delegate(ALICE, "veriKey", BOB)
    fake.revoke_delegate(ALICE, "veriKey", BOB)
    assert methods(fake) == ["#controller"]


def test_key_attribute_is_listed_until_it_is_revoked(fake: FakeChain) -> None:
    fake.set_attribute(ALICE, "did/pub/Secp256k1/veriKey", KEY)
    assert methods(fake) == ["#controller", "#delegate-1"]
    fake.revoke_attribute(ALICE, "did/pub/Secp256k1/veriKey", KEY)
    assert methods(fake) == ["#controller"]


def test_service_is_listed(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", "https://hub.example.com")
    assert resolved(fake)["didDocument"]["service"] == [
        {
            "id": f"{ALICE.did}#service-1",
            "type": "Hub",
            "serviceEndpoint": "https://hub.example.com",
        }
    ]


def test_everything_of_one_block_counts(fake: FakeChain) -> None:
    with fake.one_block():
        fake.add_delegate(ALICE, "veriKey", BOB)
        fake.add_delegate(BOB, "veriKey", CAROL)
        fake.add_delegate(ALICE, "sigAuth", CAROL)
        fake.revoke_delegate(ALICE, "veriKey", BOB)
    assert methods(fake) == ["#controller", "#delegate-2"]


def test_what_others_do_does_not_count(fake: FakeChain) -> None:
    fake.add_delegate(BOB, "veriKey", CAROL)
    assert methods(fake) == ["#controller"]


def test_illegible_name_does_not_stop_resolution(fake: FakeChain) -> None:
    fake.raw_attribute(ALICE, b"\xff" * 32, b"x", fake.now + DAY)
    fake.add_delegate(ALICE, b"\xfe\xff", BOB)
    fake.add_delegate(ALICE, "veriKey", BOB)
    assert methods(fake) == ["#controller", "#delegate-1"]


# -- deactivation --------------------------------------------------------------------------------


def test_deactivated_identity_has_no_document(fake: FakeChain) -> None:
    block = fake.deactivate(ALICE)
    result = resolved(fake)
    assert result["didDocument"] is None
    assert result["didDocumentMetadata"]["deactivated"] is True
    assert result["didDocumentMetadata"]["versionId"] == str(block)


def test_deactivation_is_final_whatever_the_contract_lets_happen_later(fake: FakeChain) -> None:
    block = fake.deactivate(ALICE)
    fake.change_owner(ALICE, BOB)
    fake.add_service(ALICE, "Hub", "https://hub.example.com")
    metadata = resolved(fake)["didDocumentMetadata"]
    assert (metadata["deactivated"], metadata["versionId"]) == (True, str(block))
    assert "nextVersionId" not in metadata


def test_version_before_deactivation_has_its_document(fake: FakeChain) -> None:
    before = fake.add_delegate(ALICE, "veriKey", BOB)
    after = fake.deactivate(ALICE)
    result = resolved(fake, f"{ALICE.did}?versionId={before}")
    assert result["didDocument"] is not None
    assert result["didDocumentMetadata"]["nextVersionId"] == str(after)
    assert "deactivated" not in result["didDocumentMetadata"]


# -- metadata ------------------------------------------------------------------------------------


def test_metadata_names_the_newest_change(fake: FakeChain) -> None:
    block = fake.at(1_767_225_600).change_owner(ALICE, BOB)
    fake.mine(3)
    metadata = {"versionId": str(block), "updated": "2026-01-01T00:00:00Z"}
    assert resolved(fake)["didDocumentMetadata"] == metadata


def test_answer_names_the_block_it_was_read_at(fake: FakeChain) -> None:
    read_at = resolved(fake)["didResolutionMetadata"]["readAt"]
    assert read_at["blockNumber"] == fake.head
    assert read_at["blockHash"] == "0x" + fake.ledger.head.hash.hex()
    assert read_at["chainId"] == CHAIN_ID


# -- representations -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("accept", "content_type", "has_context"),
    [
        (None, "application/did+ld+json", True),
        ("application/did+ld+json", "application/did+ld+json", True),
        ("application/did", "application/did", True),
        ("application/did+json", "application/did+json", False),
        ("application/did-resolution", "application/did+ld+json", True),
        ("text/html, application/did+json;q=0.1", "application/did+json", False),
    ],
)
def test_accept_chooses_the_representation(
    fake: FakeChain,
    accept: str | None,
    content_type: str,
    has_context: bool,  # noqa: FBT001
) -> None:
    result = fake.resolver().resolve(ALICE.did, accept=accept).to_dict()
    assert result["didResolutionMetadata"]["contentType"] == content_type
    assert ("@context" in result["didDocument"]) is has_context

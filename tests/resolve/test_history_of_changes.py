"""Every change of an identity, with the document after it."""

from __future__ import annotations

import json

import pytest

from ethr_did.errors import HistoryMissing, InvalidDID
from support.fake_chain import FakeChain, Person

ALICE, BOB = Person.named("alice"), Person.named("bob")


def test_identity_never_touched_has_no_changes(fake: FakeChain) -> None:
    history = fake.resolver().history(ALICE.did)
    assert (len(history), list(history)) == (0, [])
    assert history.read_at.block_number == fake.head


def test_changes_come_oldest_first(fake: FakeChain) -> None:
    blocks = [fake.change_owner(ALICE, BOB), fake.add_service(ALICE, "Hub", "https://h.example")]
    history = fake.resolver().history(ALICE.did)
    assert [entry.event.block_number for entry in history] == blocks


def test_each_change_shows_the_document_right_after_it(fake: FakeChain) -> None:
    with fake.one_block():
        fake.add_delegate(ALICE, "veriKey", BOB)
        fake.add_service(ALICE, "Hub", "https://h.example")
        fake.revoke_delegate(ALICE, "veriKey", BOB)
    counts = []
    for entry in fake.resolver().history(ALICE.did):
        document = entry.view.document
        assert document is not None
        counts.append((len(document.verification_method), len(document.service)))
    assert counts == [(2, 0), (2, 1), (1, 1)]


def test_change_after_deactivation_is_shown_and_changes_nothing(fake: FakeChain) -> None:
    fake.deactivate(ALICE)
    fake.change_owner(ALICE, BOB)
    entries = fake.resolver().history(ALICE.did).to_dict()["changes"]
    assert [entry["event"] for entry in entries] == ["DIDOwnerChanged"] * 2
    assert [entry["didDocument"] for entry in entries] == [None, None]
    assert entries[0]["didDocumentMetadata"] == entries[1]["didDocumentMetadata"]


def test_history_is_json(fake: FakeChain) -> None:
    fake.raw_attribute(ALICE, b"\xff" * 32, b"\0", 2**256 - 1)
    fake.change_owner(ALICE, BOB)
    history = fake.resolver().history(ALICE.did).to_dict()
    assert json.loads(json.dumps(history)) == history
    assert history["changes"][0]["validTo"] == str(2**256 - 1)
    assert history["changes"][1]["didDocumentMetadata"]["versionId"] == str(fake.head)


def test_wrong_did_raises(fake: FakeChain) -> None:
    with pytest.raises(InvalidDID):
        fake.resolver().history("did:ethr:nonsense")


def test_missing_events_raise(fake: FakeChain) -> None:
    fake.missing_blocks = {fake.change_owner(ALICE, BOB)}
    with pytest.raises(HistoryMissing):
        fake.resolver().history(ALICE.did)

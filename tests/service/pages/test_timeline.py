"""The history of an identity, as a page tells it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ethr_did.service.pages.timeline import PAGE, ChangeView, Timeline
from support.fake_chain import DAY, FakeChain, Person

if TYPE_CHECKING:
    from support.pages import Client

ALICE, BOB, CAROL = (Person.named(name) for name in ("alice", "bob", "carol"))


def told(fake: FakeChain, skip: int = 0) -> Timeline:
    """The page of Alice's history."""
    history = fake.resolver().history(ALICE.did)
    return Timeline.of(ALICE.address, [entry.event for entry in history], skip)


def newest(fake: FakeChain) -> ChangeView:
    return told(fake).changes[0]


def test_changes_are_told_newest_first_with_who_owned_it_afterwards(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", "https://hub.example.com")
    fake.change_owner(ALICE, BOB)
    fake.change_owner(ALICE, CAROL)
    assert [(change.title, change.owner) for change in told(fake).changes] == [
        ("Owner changed", CAROL.account),
        ("Owner changed", BOB.account),
        ("Service added", ALICE.account),
    ]


def test_a_change_has_its_block_its_time_and_its_transaction(fake: FakeChain) -> None:
    block = fake.change_owner(ALICE, BOB)
    change = newest(fake)
    assert (change.block, change.time) == (block, "2023-11-14T22:14:32Z")
    assert re.fullmatch("0x[0-9a-f]{64}", change.transaction)


def test_delegates_are_added_until_and_revoked(fake: FakeChain) -> None:
    fake.add_delegate(ALICE, "sigAuth", BOB, DAY)
    fake.revoke_delegate(ALICE, "sigAuth", BOB)
    revoked, added = told(fake).changes
    assert (added.title, added.what) == ("Delegate added", f"sigAuth {BOB.account}")
    assert added.until == "2023-11-15T22:14:32Z"
    assert (revoked.title, revoked.until) == ("Delegate revoked", "")


def test_rights_that_are_no_keys_are_called_otherwise(fake: FakeChain) -> None:
    fake.add_delegate(ALICE, b"\xff" * 32, BOB)
    assert newest(fake).title == "Right of another kind added"
    assert newest(fake).what.startswith("0xffff")


def test_keys_are_shown_in_hex_and_services_as_text(fake: FakeChain) -> None:
    fake.set_attribute(ALICE, "did/pub/Ed25519/veriKey", b"A" * 32)
    assert newest(fake).what == "did/pub/Ed25519/veriKey = 0x" + "41" * 32
    fake.add_service(ALICE, "Hub", f"a{chr(0x202E)}b")
    assert newest(fake).what == "did/svc/Hub = a[U+202E]b"


def test_other_attributes_are_text_where_they_are_readable(fake: FakeChain) -> None:
    fake.set_attribute(ALICE, "note", "hello")
    assert (newest(fake).title, newest(fake).what) == ("Attribute added", "note = hello")
    fake.set_attribute(ALICE, "note", b"\x00\x01")
    assert newest(fake).what == "note = 0x0001"
    fake.set_attribute(ALICE, "note", b"\xff")
    assert newest(fake).what == "note = 0xff"
    fake.revoke_attribute(ALICE, b"\xff" * 32, b"")
    assert newest(fake).title == "Attribute revoked"


def test_what_comes_after_the_end_has_no_effect(fake: FakeChain) -> None:
    fake.deactivate(ALICE)
    fake.change_owner(ALICE, BOB)
    after, end = told(fake).changes
    assert (end.title, end.owner, end.counts) == ("Identity deactivated", "", True)
    assert (after.title, after.owner, after.counts) == ("Owner changed", "", False)


def test_a_long_history_has_pages(fake: FakeChain) -> None:
    fake.change_owner(ALICE, BOB)
    for number in range(PAGE + 1):
        fake.add_service(ALICE, "Hub", f"https://{number}.example")
    first = told(fake)
    assert (len(first.changes), first.first, first.last, first.older) == (PAGE, 1, PAGE, PAGE)
    rest = told(fake, PAGE)
    assert [change.owner for change in rest.changes] == [BOB.account, BOB.account]
    assert (rest.first, rest.last, rest.older) == (PAGE + 1, PAGE + 2, None)


def test_what_is_skipped_is_never_more_than_there_is(fake: FakeChain) -> None:
    fake.change_owner(ALICE, BOB)
    assert len(told(fake, 10**8).changes) == 1


async def test_each_change_leads_to_the_document_at_its_block(
    fake: FakeChain, client: Client
) -> None:
    block = fake.change_owner(ALICE, BOB)
    text = (await client.get(did=ALICE.did)).text
    assert f'href="./?did={ALICE.did}&amp;versionId={block}">The document at block {block}' in text


async def test_pages_of_the_history_lead_to_each_other(fake: FakeChain, client: Client) -> None:
    for _ in range(PAGE + 1):
        fake.change_owner(ALICE, BOB)
    first = (await client.get(did=ALICE.did)).text
    assert f'href="./?did={ALICE.did}&amp;skip={PAGE}#history">Older changes' in first
    rest = (await client.get(did=ALICE.did, skip=PAGE)).text
    assert "Newest changes" in rest
    assert "Older changes" not in rest


async def test_a_page_that_is_no_number_is_the_first(fake: FakeChain, client: Client) -> None:
    fake.change_owner(ALICE, BOB)
    for skip in ("-1", "x", chr(0x661), "9" * 5000):
        assert "Owner changed" in (await client.get(did=ALICE.did, skip=skip)).text

"""Laws of folding events into documents, and of knowing whether all are there."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ethr_did.core.did import EthrDID
from ethr_did.core.erc1056 import OwnerChanged
from ethr_did.core.history import find_gap, fold, in_order
from ethr_did.errors import NodeInconsistent
from support.events import IDENTITY, ZERO, Story, time_of
from support.plain_model import plain_resolve
from support.strategies import OWNERS, add_event, stories

DID = EthrDID.parse(f"did:ethr:dev:0x{IDENTITY.hex()}")
blocks = st.integers(0, 40)


@settings(max_examples=300, deadline=None)
@given(st.data(), stories(finite=True), st.none() | blocks, st.integers(-1, 1))
def test_view_is_that_of_the_plain_model(
    data: st.DataObject, story: Story, limit: int | None, second: int
) -> None:
    ends = [event.valid_to for event in story.events if not isinstance(event, OwnerChanged)]
    now = data.draw(blocks.map(time_of) | st.sampled_from([story.now, *ends])) + second
    view = fold(DID, 1337, story.events, now=now, block_limit=limit)
    document = view.document and view.document.to_dict(with_context=False)
    found = {"document": document, "version": view.version_id, "next": view.next_version_id}
    assert found == plain_resolve(DID.text, IDENTITY, story.events, now=now, limit=limit)


@settings(max_examples=300, deadline=None)
@given(stories(finite=True))
def test_document_stays_the_same_until_its_next_end(story: Story) -> None:
    now = story.now
    for _ in range(20):
        view = fold(DID, 1, story.events, now=now)
        if view.next_expiry is None:
            assert fold(DID, 1, story.events, now=now + 10**12) == view
            return
        assert view.next_expiry > now
        assert fold(DID, 1, story.events, now=view.next_expiry - 1) == view
        now = view.next_expiry


@settings(max_examples=50, deadline=None)
@given(stories(finite=True), blocks, st.randoms(use_true_random=False))
def test_view_does_not_depend_on_the_order_of_logs(story: Story, when: int, rng: object) -> None:
    shuffled = [*story.events, *story.events[:3]]
    rng.shuffle(shuffled)  # type: ignore[attr-defined]  # a Random, by hypothesis
    expected = fold(DID, 1, story.events, now=time_of(when))
    assert fold(DID, 1, shuffled, now=time_of(when)) == expected


@settings(max_examples=50, deadline=None)
@given(st.data(), stories())
def test_version_is_not_changed_by_what_comes_later(data: st.DataObject, story: Story) -> None:
    block = story.changed
    before = fold(DID, 1, story.events, now=time_of(block), block_limit=block)
    story.at(block + 1).owner(OWNERS[0])
    for _ in range(data.draw(st.integers(0, 5))):
        data.draw(st.composite(lambda draw: add_event(draw, story, st.sampled_from(OWNERS)))())
    after = fold(DID, 1, story.events, now=time_of(block), block_limit=block)
    assert before.next_version_id is None
    assert after.next_version_id == block + 1
    assert dataclasses.replace(after, next_version_id=None, next_update=None) == before


@settings(max_examples=50, deadline=None)
@given(st.data(), stories(finite=True))
def test_end_is_final(data: st.DataObject, story: Story) -> None:
    story.at(story.changed + 1).owner(ZERO)
    view = fold(DID, 1, story.events, now=story.now)
    assert view.deactivated
    for _ in range(data.draw(st.integers(0, 5))):
        data.draw(st.composite(lambda draw: add_event(draw, story, st.sampled_from(OWNERS)))())
    assert fold(DID, 1, story.events, now=story.now + 1000) == view


@settings(max_examples=50, deadline=None)
@given(stories(finite=True), blocks)
def test_ids_are_unique_and_references_lead_somewhere(story: Story, when: int) -> None:
    document = fold(DID, 1, story.events, now=time_of(when)).document
    assume(document is not None)
    assert document is not None
    ids = [method.id for method in document.verification_method]
    ids += [service.id for service in document.service]
    assert len(ids) == len(set(ids))
    relationships = (document.authentication, document.assertion_method, document.key_agreement)
    for reference in (one for found in relationships for one in found or ()):
        assert isinstance(reference, str)
        assert document.find_verification_method(reference) is not None


@settings(max_examples=50, deadline=None)
@given(stories(finite=True))
def test_whole_story_has_no_gap(story: Story) -> None:
    assert find_gap(in_order(reversed(story.events)), story.changed) is None


@settings(max_examples=100, deadline=None)
@given(st.data(), stories(finite=True))
def test_missing_blocks_are_noticed(data: st.DataObject, story: Story) -> None:
    assume(story.events)
    numbers = sorted({event.block_number for event in story.events})
    gone = data.draw(st.sets(st.sampled_from(numbers), min_size=1))
    rest = [event for event in story.events if event.block_number not in gone]
    assert find_gap(rest, story.changed) == max(gone)


@settings(max_examples=100, deadline=None)
@given(st.data(), stories(finite=True))
def test_missing_first_events_of_a_block_are_noticed(data: st.DataObject, story: Story) -> None:
    assume(story.events)
    which = data.draw(st.integers(0, len(story.events) - 1))
    victim = story.events[which]
    assume(victim.log_index == 0)
    rest = [event for event in story.events if event is not victim]
    assert find_gap(rest, story.changed) == victim.block_number


@settings(max_examples=100, deadline=None)
@given(stories(), st.integers(0, 60))
def test_wrong_last_change_is_noticed(story: Story, changed: int) -> None:
    assume(changed != story.changed)
    if changed > story.changed:
        assert find_gap(story.events, changed) == changed
    else:
        with pytest.raises(NodeInconsistent):
            find_gap(story.events, changed)

"""Going back through changes: which block is looked at next, what counts, what does not fit."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ethr_did.core.keys import Address
from ethr_did.core.status_events import ListAnchored, RecordChanged, WordChanged
from ethr_did.core.status_history import (
    BlockSeen,
    Found,
    Limit,
    Point,
    entry_changes,
    follow_back,
    list_all,
    record_changes,
    version_before,
    word_changes,
)
from ethr_did.core.status_list import Flag, ListId, Purpose, StatusRecord, StatusWord
from ethr_did.errors import HistoryMissing, NodeInconsistent

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ethr_did.core.status_events import StatusEvent
    from ethr_did.core.status_history import Changes, Trail

T = TypeVar("T")

LIST = ListId.build(purpose=Purpose.LIFECYCLE, bits=2, capacity=2**17, random=b"\x5a" * 27)
ANCHORED = ListId.build(
    purpose=Purpose.REVOCATION, bits=1, capacity=2**17, random=b"\x5a" * 27, flags=Flag.ANCHORED
)
KEY = b"\x33" * 32
EVERYTHING = Limit()


def time_of(block: int) -> int:
    """Unix seconds of a block."""
    return 1000 + 12 * block


def place(block: int, index: int) -> dict[str, Any]:
    """What every event carries."""
    return {
        "contract": Address(b"\xcc" * 20),
        "identity": Address(b"\x11" * 20),
        "block_number": block,
        "block_hash": block.to_bytes(32),
        "log_index": index,
        "tx_hash": bytes(32),
        "block_timestamp": time_of(block),
    }


class Story:
    """Changes of one word and of one record, as the contract would write them."""

    def __init__(self) -> None:
        self.word = StatusWord(0)
        self.record = StatusRecord(0)
        self.version: ListAnchored | None = None
        self.blocks: dict[int, list[StatusEvent]] = {}

    def _add(self, block: int, make: Callable[[dict[str, Any]], T]) -> T:
        events = self.blocks.setdefault(block, [])
        event = make(place(block, len(events)))
        events.append(event)  # type: ignore[arg-type]
        return event

    def set(self, block: int, index: int, value: int) -> None:
        """An entry of word 0 gets a value."""
        mask = 3 << 2 * index
        payload = self.word.payload & ~mask | value << 2 * index
        event = self._add(
            block,
            lambda at: WordChanged(
                list_id=LIST, word=0, payload=payload, previous_word=self.word, **at
            ),
        )
        self.word = event.stored

    def mark(self, block: int, value: int) -> None:
        """The record gets a value."""
        before = self.record.changed_block
        stored = value | time_of(block) << 8 | block << 48 | before << 96
        self.record = StatusRecord(stored)
        self._add(block, lambda at: RecordChanged(key=KEY, record=self.record, **at))

    def publish(self, block: int) -> ListAnchored:
        """The next version of a list."""
        old = self.version
        self.version = self._add(
            block,
            lambda at: ListAnchored(
                list_id=ANCHORED,
                version=1 if old is None else old.version + 1,
                content_digest=block.to_bytes(32),
                bitmap_root=bytes(32),
                valid_until=0,
                previous_block=0 if old is None else old.block_number,
                **at,
            ),
        )
        return self.version

    def seen(self, block: int) -> BlockSeen:
        """A block as it is looked at; events come in any order."""
        events = tuple(reversed(self.blocks.get(block, ())))
        return BlockSeen(number=block, timestamp=time_of(block), events=events)

    def walk(self, trail: Trail[T]) -> tuple[T, list[int]]:
        """Where a trail leads, and the blocks it looked at."""
        looked: list[int] = []
        try:
            block = next(trail)
            while True:
                looked.append(block)
                block = trail.send(self.seen(block))
        except StopIteration as done:
            return done.value, looked

    def entry(
        self, index: int = 0, limit: Limit = EVERYTHING, *, exact: bool = False
    ) -> tuple[Found, list[int]]:
        """The status of an entry."""
        value = self.word.value_at(2 * index, bits=2)
        start = Point(block=self.word.changed_block, value=value)
        return self.walk(follow_back(entry_changes(LIST, index), start, limit, exact=exact))

    def marked(self, limit: Limit = EVERYTHING) -> tuple[Found, list[int]]:
        """The status of the record."""
        start = Point(block=self.record.changed_block, value=self.record.value)
        return self.walk(follow_back(record_changes(KEY), start, limit, exact=False))


@pytest.fixture
def story() -> Story:
    """Suspended in 5, a neighbour in 7, reinstated in 9, revoked in 12."""
    story = Story()
    story.set(5, 0, 2)
    story.set(7, 1, 1)
    story.set(9, 0, 0)
    story.set(12, 0, 1)
    return story


@pytest.fixture
def record() -> Story:
    """Suspended in 5, reinstated in 9, revoked in 12."""
    story = Story()
    for block, value in ((5, 2), (9, 0), (12, 1)):
        story.mark(block, value)
    return story


# -- entries -------------------------------------------------------------------------------------


def test_nothing_is_looked_at_where_everything_counts(story: Story) -> None:
    assert story.entry() == (Found(value=1, changed_block=12), [])
    assert story.entry(0, Limit.of_block(12)) == (Found(value=1, changed_block=12), [])


@pytest.mark.parametrize(
    ("block", "value", "changed", "looked"),
    [
        (11, 0, 9, [12]),
        (9, 0, 9, [12]),
        (8, 2, 7, [12, 9]),
        (6, 2, 5, [12, 9, 7]),
        (4, 0, None, [12, 9, 7, 5]),
    ],
)
def test_each_later_change_is_one_block(
    story: Story, block: int, value: int, changed: int | None, looked: list[int]
) -> None:
    found, blocks = story.entry(0, Limit.of_block(block))
    assert (found.value, found.changed_block) == (value, changed)
    assert blocks == looked


@pytest.mark.parametrize(
    ("moment", "value", "changed"),
    [
        (time_of(12), 1, 12),
        (time_of(12) - 1, 0, 9),
        (time_of(9), 0, 9),
        (time_of(9) - 1, 2, 7),
        (0, 0, None),
    ],
)
def test_time_decides_block_by_block(
    story: Story, moment: int, value: int, changed: int | None
) -> None:
    found, _ = story.entry(0, Limit(time=moment))
    assert (found.value, found.changed_block) == (value, changed)
    assert found.changed_at == (None if changed is None else time_of(changed))


def test_exact_change_is_that_of_the_entry_itself(story: Story) -> None:
    found, looked = story.entry(1, exact=True)
    assert found == Found(value=1, changed_block=7, changed_at=time_of(7), exact=True)
    assert looked == [12, 9, 7]
    assert story.entry(0, exact=True)[1] == [12]
    assert story.entry(5, exact=True)[0] == Found(value=0, changed_block=None, exact=True)


def test_exact_change_up_to_a_limit(story: Story) -> None:
    found, looked = story.entry(0, Limit.of_block(8), exact=True)
    assert (found.value, found.changed_block, looked) == (2, 5, [12, 9, 7, 5])


def test_place_in_a_block_decides(story: Story) -> None:
    story.set(12, 0, 3)
    story.set(12, 0, 0)
    for index, value in enumerate([0, 1, 3, 0]):
        found, _ = story.entry(0, Limit(place=(12, index)))
        assert found.value == value
        assert found.changed_block == (12 if index else 9)


def test_entry_that_was_never_written_is_valid() -> None:
    assert Story().entry() == (Found(value=0, changed_block=None, exact=True), [])


def test_changes_are_listed_from_the_oldest(story: Story) -> None:
    start = Point(block=12, value=1)
    changes, looked = story.walk(list_all(entry_changes(LIST, 0), start))
    assert [(one.block_number, one.previous, one.value) for one in changes] == [
        (5, 0, 2),
        (9, 2, 0),
        (12, 0, 1),
    ]
    assert looked == [12, 9, 7, 5]
    assert [one.timestamp for one in changes] == [time_of(5), time_of(9), time_of(12)]


def test_whole_word_is_followed_like_an_entry(story: Story) -> None:
    start = Point(block=12, value=story.word.payload, stored=story.word.stored)
    found, _ = story.walk(follow_back(word_changes(0), start, Limit.of_block(8), exact=False))
    assert (found.value, found.changed_block) == (2 | 1 << 2, 7)


# -- records -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("block", "value", "changed", "looked"),
    [
        (12, 1, 12, []),
        (11, 0, 9, [12, 9]),
        (8, 2, 5, [12, 9, 5]),
        (4, 0, None, [12, 9, 5]),
    ],
)
def test_record_is_read_at_its_change_before(
    record: Story, block: int, value: int, changed: int | None, looked: list[int]
) -> None:
    found, blocks = record.marked(Limit.of_block(block))
    assert (found.value, found.changed_block) == (value, changed)
    assert blocks == looked


def test_changes_of_a_record_in_one_block(record: Story) -> None:
    story = Story()
    for value in (2, 0, 3):
        story.mark(5, value)
    for index, value in enumerate([0, 2, 0, 3]):
        assert story.marked(Limit(place=(5, index)))[0].value == value
    changes, _ = story.walk(list_all(record_changes(KEY), Point(block=5, value=3)))
    assert [(one.previous, one.value) for one in changes] == [(0, 2), (2, 0), (0, 3)]
    older, _ = record.walk(list_all(record_changes(KEY), Point(block=12, value=1)))
    assert [(one.previous, one.value) for one in older] == [(0, 2), (None, 0), (None, 1)]


# -- what does not fit ---------------------------------------------------------------------------


def follow(story: Story, changes: Changes, start: Point) -> None:
    story.walk(follow_back(changes, start, Limit.of_block(1), exact=False))


def test_value_without_a_block_is_no_answer() -> None:
    with pytest.raises(NodeInconsistent):
        follow(Story(), entry_changes(LIST, 0), Point(block=0, value=1))
    with pytest.raises(NodeInconsistent):
        Story().walk(list_all(entry_changes(LIST, 0), Point(block=0, value=1)))


def test_events_must_lead_to_what_is_stored(story: Story, record: Story) -> None:
    with pytest.raises(NodeInconsistent, match="do not lead to"):
        follow(story, entry_changes(LIST, 0), Point(block=12, value=3))
    with pytest.raises(NodeInconsistent):
        follow(story, word_changes(0), Point(block=12, value=story.word.payload, stored=7))
    with pytest.raises(NodeInconsistent):
        follow(record, record_changes(KEY), Point(block=12, value=2))


@pytest.mark.parametrize("index", range(4))
def test_block_without_its_events_is_missing_history(story: Story, index: int) -> None:
    block = [12, 9, 7, 5][index]
    del story.blocks[block]
    with pytest.raises(HistoryMissing, match=f"block {block}"):
        follow(story, entry_changes(LIST, 0), Point(block=12, value=1))


@pytest.mark.parametrize("gone", [0, 1, 2])
def test_missing_link_of_a_block_is_noticed(gone: int) -> None:
    story = Story()
    for value in (1, 2, 3):
        story.set(5, 0, value)
    del story.blocks[5][gone]
    with pytest.raises((HistoryMissing, NodeInconsistent)):
        follow(story, entry_changes(LIST, 0), Point(block=5, value=3))


@pytest.mark.parametrize("gone", [0, 2])
def test_missing_link_of_a_record_is_noticed(gone: int) -> None:
    story = Story()
    for value in (1, 2, 3):
        story.mark(5, value)
    del story.blocks[5][gone]
    with pytest.raises((HistoryMissing, NodeInconsistent)):
        follow(story, record_changes(KEY), Point(block=5, value=3))


def test_change_that_changes_nothing_shows_that_one_is_missing() -> None:
    story = Story()
    for value in (1, 2, 1):
        story.mark(5, value)
    del story.blocks[5][1]
    with pytest.raises(HistoryMissing):
        follow(story, record_changes(KEY), Point(block=5, value=1))


def test_events_of_other_words_blocks_and_kinds_are_passed_over(story: Story) -> None:
    story.mark(12, 1)
    foreign = WordChanged(
        list_id=LIST, word=1, payload=0, previous_word=StatusWord(0), **place(12, 9)
    )
    later = WordChanged(
        list_id=LIST, word=0, payload=0, previous_word=StatusWord(0), **place(13, 0)
    )
    story.blocks[12] += [foreign, later]
    assert story.entry(0, Limit.of_block(11))[0].value == 0


def test_word_that_names_a_later_block_as_earlier_is_refused(story: Story) -> None:
    (event,) = story.blocks[12]
    assert isinstance(event, WordChanged)
    story.blocks[12] = [replace(event, previous_word=StatusWord(13 << 208))]
    with pytest.raises(HistoryMissing):
        follow(story, entry_changes(LIST, 0), Point(block=12, value=1))


def test_word_with_statuses_that_was_never_written_is_refused() -> None:
    event = WordChanged(list_id=LIST, word=0, payload=1, previous_word=StatusWord(2), **place(5, 0))
    story = Story()
    story.blocks[5] = [event]
    with pytest.raises(NodeInconsistent):
        follow(story, entry_changes(LIST, 0), Point(block=5, value=1))


# -- versions of lists ---------------------------------------------------------------------------


def test_version_that_counts_is_found_by_the_block_before() -> None:
    story = Story()
    versions = [story.publish(block) for block in (5, 5, 9, 12)]
    found = [
        story.walk(version_before(versions[-1], limit))
        for limit in (
            EVERYTHING,
            Limit.of_block(11),
            Limit.of_block(8),
            Limit(place=(5, 1)),
            Limit.of_block(4),
            Limit(time=time_of(9)),
        )
    ]
    assert found == [
        (versions[3], []),
        (versions[2], [9]),
        (versions[1], [9, 5]),
        (versions[0], [9, 5, 5]),
        (None, [9, 5, 5]),
        (versions[2], [9]),
    ]


def test_version_without_its_event_is_missing_history() -> None:
    story = Story()
    story.publish(5)
    newest = story.publish(9)
    del story.blocks[5]
    with pytest.raises(HistoryMissing):
        story.walk(version_before(newest, Limit.of_block(6)))


@pytest.mark.parametrize("previous", [0, 10])
def test_version_that_does_not_follow_is_refused(previous: int) -> None:
    story = Story()
    story.publish(5)
    newest = replace(story.publish(9), previous_block=previous)
    with pytest.raises(NodeInconsistent):
        story.walk(version_before(newest, Limit.of_block(6)))


# -- limits --------------------------------------------------------------------------------------


def test_earlier_of_two_places_is_the_limit() -> None:
    assert Limit.of_block(7).or_before((5, 3)).place == (5, 3)
    assert Limit.of_block(7).or_before((9, 3)).place == (8, 0)
    assert Limit.of_block(7).or_before(None).place == (8, 0)
    assert Limit().or_before(None).place is None
    assert Limit(time=5).or_before((1, 1)) == Limit(place=(1, 1), time=5)


def test_change_as_json(story: Story) -> None:
    changes, _ = story.walk(list_all(entry_changes(LIST, 0), Point(block=12, value=1)))
    assert changes[0].to_dict() == {
        "value": 2,
        "previousValue": 0,
        "blockNumber": 5,
        "blockTimestamp": time_of(5),
        "blockHash": "0x" + (5).to_bytes(32).hex(),
        "logIndex": 0,
        "transactionHash": "0x" + "00" * 32,
        "counts": True,
    }


@settings(deadline=None)  # other processes take their time
@given(
    changes=st.lists(
        st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(0, 3)), max_size=25
    )
)
def test_every_past_block_is_what_a_plain_model_says(
    changes: Sequence[tuple[int, int, int]],
) -> None:
    story, block = Story(), 1
    values = {0: 0, 1: 0, 2: 0}
    past = {0: dict(values)}
    for step, index, value in changes:
        block += step
        if values[index] != value:
            story.set(block, index, value)
            values[index] = value
        past[block] = dict(values)
    for number in range(block + 1):
        expected = past[max(at for at in past if at <= number)]
        for index in values:
            for limit in (Limit.of_block(number), Limit(time=time_of(number))):
                for exact in (True, False):
                    found, _ = story.entry(index, limit, exact=exact)
                    assert found.value == expected[index]

"""What is kept, for how long, and what others are told about that."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.answer import Head
from ethr_did.chain.networks import Networks
from ethr_did.service.answers import Answer, answer
from ethr_did.service.bodies import IMMUTABLE, NO_STORE, Bodies, Kept
from ethr_did.service.questions import Question, read_question
from support.fake_chain import DAY, FakeChain, Person

if TYPE_CHECKING:
    from service.conftest import Lookout

ALICE, BOB = Person.named("alice"), Person.named("bob")
RESULT = "application/did-resolution"
MAX_AGE = 12


def ask(fake: FakeChain, query: str = "", accept: str | None = None) -> tuple[Question, Answer]:
    """A question and its answer."""
    networks = Networks([fake.network()])
    question = read_question(ALICE.did.encode(), query.encode(), accept, networks)
    block = question.version.block_number
    with fake.resolver() as resolver:
        return question, answer(question, resolver.resolve(ALICE.did, version_id=block))


def keep(
    fake: FakeChain, query: str = "", accept: str | None = None, **options: Any
) -> tuple[Question, Kept]:
    """A question and its answer as it is kept."""
    question, found = ask(fake, query, accept)
    return question, Kept(found, question, **{"version": 0, "max_age": MAX_AGE, **options})


def header(kept: Kept, name: bytes, now: float = 0) -> bytes:
    return dict(kept.headers_at(now))[name]


def head_after(fake: FakeChain, seconds: int = 12) -> Head:
    return Head(
        number=fake.head + 1, hash=b"\7" * 32, parent_hash=bytes(32), timestamp=fake.now + seconds
    )


# -- how long an answer is true --------------------------------------------------------------------


def test_answer_is_true_while_the_version_is_the_same(fake: FakeChain, watch: Lookout) -> None:
    question, kept = keep(fake)
    assert kept.is_true(question, watch, fake.now)
    watch.current[ALICE.address] = 1
    assert not kept.is_true(question, watch, fake.now)


def test_answer_is_not_true_while_nothing_is_known(fake: FakeChain, watch: Lookout) -> None:
    question, kept = keep(fake, version=None)
    watch.current[ALICE.address] = None
    assert not kept.is_true(question, watch, fake.now)


@pytest.mark.parametrize(("second", "expected"), [(-1, True), (0, False)])
def test_answer_is_true_until_something_ends(
    fake: FakeChain,
    watch: Lookout,
    second: int,
    expected: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    fake.add_delegate(ALICE, "veriKey", BOB, DAY)
    question, kept = keep(fake)
    assert kept.is_true(question, watch, fake.now + DAY + second) is expected


@pytest.mark.parametrize(("second", "expected"), [(-1, True), (0, False)])
def test_newest_block_may_be_later_than_the_clock(
    fake: FakeChain,
    watch: Lookout,
    second: int,
    expected: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    fake.add_delegate(ALICE, "veriKey", BOB, DAY)
    question, kept = keep(fake)
    watch.newest = head_after(fake, DAY + second)
    assert kept.is_true(question, watch, 0) is expected


def test_fixed_version_does_not_end_with_what_is_in_it(fake: FakeChain, watch: Lookout) -> None:
    block = fake.add_delegate(ALICE, "veriKey", BOB, DAY)
    question, kept = keep(fake, f"versionId={block}")
    assert kept.is_true(question, watch, fake.now + 2 * DAY)
    assert header(kept, b"cache-control", fake.now + DAY - 1) == (
        b"public, max-age=12, must-revalidate"
    )


@pytest.mark.parametrize(
    ("left", "seconds"), [(100, 12), (12, 12), (11.9, 11), (1, 1), (0.5, 0), (-3, 0)]
)
def test_others_keep_it_until_something_ends(fake: FakeChain, left: float, seconds: int) -> None:
    fake.add_delegate(ALICE, "veriKey", BOB, DAY)
    _, kept = keep(fake)
    found = header(kept, b"cache-control", fake.now + DAY - left)
    assert found == b"public, max-age=%d, must-revalidate" % seconds


# -- what never changes ----------------------------------------------------------------------------


def two_changes(fake: FakeChain) -> tuple[int, int]:
    return fake.change_owner(ALICE, BOB), fake.change_owner(ALICE, ALICE)


@pytest.mark.parametrize("accept", [None, RESULT])
def test_version_with_a_final_successor_never_changes(
    fake: FakeChain, watch: Lookout, accept: str | None
) -> None:
    first, second = two_changes(fake)
    question, kept = keep(fake, f"versionId={first}", accept, final=second)
    assert header(kept, b"cache-control") == IMMUTABLE
    watch.current[ALICE.address] = None
    assert kept.is_true(question, watch, fake.now)


def test_version_whose_successor_may_go_again_may_change(fake: FakeChain) -> None:
    first, second = two_changes(fake)
    _, kept = keep(fake, f"versionId={first}", RESULT, final=second - 1)
    assert not kept.is_final


def test_document_of_a_final_block_never_changes(fake: FakeChain) -> None:
    first = fake.change_owner(ALICE, BOB)
    assert keep(fake, f"versionId={first}", final=first)[1].is_final
    assert not keep(fake, f"versionId={first}", final=first - 1)[1].is_final
    assert not keep(fake, f"versionId={first}", final=None)[1].is_final


def test_metadata_without_a_successor_may_change(fake: FakeChain) -> None:
    first = fake.change_owner(ALICE, BOB)
    assert not keep(fake, f"versionId={first}", RESULT, final=first)[1].is_final


def test_end_of_an_identity_never_changes(fake: FakeChain) -> None:
    block = fake.deactivate(ALICE)
    assert keep(fake, f"versionId={block}", RESULT, final=block)[1].is_final


def test_newest_version_may_change(fake: FakeChain) -> None:
    fake.deactivate(ALICE)
    assert not keep(fake, final=fake.head)[1].is_final


def test_what_was_not_there_is_kept_by_nobody_else(fake: FakeChain) -> None:
    block = fake.change_owner(ALICE, BOB)
    fake.change_owner(ALICE, ALICE)
    question, found = ask(fake, f"versionId={block}")
    refused = replace(found, status=404)
    kept = Kept(refused, question, version=0, final=fake.head, max_age=MAX_AGE)
    assert header(kept, b"cache-control") == NO_STORE
    assert not kept.etag


# -- the block that it is of -----------------------------------------------------------------------


def test_later_block_takes_the_place_of_the_earlier(fake: FakeChain, watch: Lookout) -> None:
    question, kept = keep(fake, accept=RESULT)
    before, etag = kept.body, kept.etag
    watch.newest = head_after(fake)
    assert kept.is_true(question, watch, fake.now)
    fake.mine()
    _, fresh = ask(fake, accept=RESULT)
    assert fresh.read_at is not None
    assert kept.body != before
    assert kept.body == fresh.body.replace(fresh.read_at.block_hash.hex().encode(), b"07" * 32)
    assert kept.etag == etag
    assert header(kept, b"content-length") == b"%d" % len(kept.body)


def test_look_in_between_moves_nothing(fake: FakeChain, watch: Lookout) -> None:
    question, kept = keep(fake, accept=RESULT)

    class Looking(type(watch)):  # type: ignore[misc]  # of what a fixture gives
        """Another thread looks just after the version was told."""

        def version(self, network: Any, identity: Any) -> Any:
            found = super().version(network, identity)
            self.current[ALICE.address], self.newest = 1, head_after(fake)
            return found

    told, looking = kept.body, Looking()
    assert kept.is_true(question, looking, fake.now)
    assert kept.body == told
    assert not kept.is_true(question, looking, fake.now)


def test_earlier_block_does_not(fake: FakeChain, watch: Lookout) -> None:
    question, kept = keep(fake, accept=RESULT)
    before = kept.body
    watch.newest = replace(head_after(fake), number=fake.head - 1)
    assert kept.is_true(question, watch, fake.now)
    assert kept.body == before


def test_document_names_no_block(fake: FakeChain, watch: Lookout) -> None:
    question, kept = keep(fake)
    before = kept.body
    watch.newest = head_after(fake)
    assert kept.is_true(question, watch, fake.now)
    assert kept.body is before


# -- tags ------------------------------------------------------------------------------------------


def test_tag_names_chain_and_change(fake: FakeChain) -> None:
    block = fake.change_owner(ALICE, BOB)
    assert keep(fake)[1].etag.startswith(b'W/"539-%x-' % block)


def test_tag_is_not_of_the_block_that_was_read(fake: FakeChain) -> None:
    tags = {keep(fake, accept=RESULT)[1].etag}
    fake.mine()
    tags.add(keep(fake, accept=RESULT)[1].etag)
    assert len(tags) == 1


def test_tag_is_of_what_is_said_and_how(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", "https://h.example")
    forms = (None, "application/did", "application/did+json", RESULT)
    tags = [keep(fake, accept=form)[1].etag for form in forms]
    fake.ledger.next_time = fake.now + 2 * DAY
    fake.mine()  # the service ends, and no event says so
    tags += [keep(fake, accept=form)[1].etag for form in forms]
    assert len(set(tags)) == 2 * len(forms)


# -- what is kept ----------------------------------------------------------------------------------


def entries(fake: FakeChain, count: int) -> tuple[list[str], Kept]:
    return [f"key {number}" for number in range(count)], keep(fake)[1]


def test_what_is_kept_is_found(fake: FakeChain) -> None:
    bodies = Bodies(10**6)
    keys, kept = entries(fake, 2)
    bodies.keep(keys[0], kept)
    assert bodies.find(keys[0]) is kept
    assert bodies.find(keys[1]) is None


def test_what_was_not_asked_for_longest_goes_first(fake: FakeChain) -> None:
    keys, kept = entries(fake, 4)
    bodies = Bodies(3 * (kept.size + len(keys[0])))
    for key in keys[:3]:
        bodies.keep(key, kept)
    bodies.find(keys[0])
    bodies.keep(keys[3], kept)
    assert [key for key in keys if bodies.find(key)] == [keys[0], keys[2], keys[3]]


def test_bytes_are_bounded(fake: FakeChain) -> None:
    keys, kept = entries(fake, 50)
    bodies = Bodies(10 * kept.size)
    for key in keys:
        bodies.keep(key, kept)
        assert bodies.size <= 10 * kept.size
    assert len(bodies) == 9


def test_what_is_larger_than_the_room_is_not_kept(fake: FakeChain) -> None:
    keys, kept = entries(fake, 1)
    bodies = Bodies(kept.size)
    bodies.keep(keys[0], kept)
    assert (len(bodies), bodies.size) == (0, 0)


def test_replaced_and_dropped_take_no_room(fake: FakeChain) -> None:
    keys, kept = entries(fake, 1)
    bodies = Bodies(10**6)
    bodies.keep(keys[0], kept)
    bodies.keep(keys[0], kept)
    assert bodies.size == kept.size + len(keys[0])
    bodies.drop(keys[0])
    bodies.drop(keys[0])
    assert (len(bodies), bodies.size) == (0, 0)


# -- asked at the same time ------------------------------------------------------------------------


async def test_same_question_is_asked_once(fake: FakeChain) -> None:
    bodies, kept, asked = Bodies(10**6), keep(fake)[1], []

    async def make() -> Kept:
        asked.append(1)
        await asyncio.sleep(0)
        return kept

    found = await asyncio.gather(*(bodies.share("key", 1, make) for _ in range(10)))
    assert found == [kept] * 10
    assert len(asked) == 1
    await bodies.share("key", 1, make)
    assert len(asked) == 2


async def test_question_after_a_change_is_another_one(fake: FakeChain) -> None:
    bodies, kept, asked = Bodies(10**6), keep(fake)[1], []

    async def make() -> Kept:
        asked.append(1)
        await asyncio.sleep(0)
        return kept

    await asyncio.gather(bodies.share("key", 1, make), bodies.share("key", 2, make))
    assert len(asked) == 2


async def test_who_goes_away_takes_nothing_from_others(fake: FakeChain) -> None:
    bodies, kept, gate = Bodies(10**6), keep(fake)[1], asyncio.Event()

    async def make() -> Kept:
        await gate.wait()
        return kept

    first = asyncio.create_task(bodies.share("key", 1, make))
    second = asyncio.create_task(bodies.share("key", 1, make))
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.sleep(0)
    gate.set()
    assert await second is kept
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_failure_reaches_all_and_is_not_kept() -> None:
    bodies, asked = Bodies(10**6), []

    async def fail() -> Kept:
        asked.append(1)
        await asyncio.sleep(0)
        raise ZeroDivisionError

    found = await asyncio.gather(
        *(bodies.share("key", 1, fail) for _ in range(3)), return_exceptions=True
    )
    assert [type(one) for one in found] == [ZeroDivisionError] * 3
    assert len(asked) == 1
    with pytest.raises(ZeroDivisionError):
        await bodies.share("key", 1, fail)


async def test_answer_that_is_given_up_is_given_up_for_all() -> None:
    bodies = Bodies(10**6)

    async def stop() -> Kept:
        await asyncio.sleep(0)
        raise asyncio.CancelledError

    found = await asyncio.gather(
        *(bodies.share("key", 1, stop) for _ in range(2)), return_exceptions=True
    )
    assert [type(one) for one in found] == [asyncio.CancelledError] * 2

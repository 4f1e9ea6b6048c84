"""Versions by block and by time, and the clock."""

from __future__ import annotations

import pytest

from ethr_did import Resolver
from ethr_did.core.resolution import ResolutionResult, format_time
from support.fake_chain import DAY, SPACING, FakeChain, Person

ALICE, BOB, CAROL = (Person.named(name) for name in ("alice", "bob", "carol"))


def methods(result: ResolutionResult) -> list[str]:
    return [m.id.removeprefix(ALICE.did) for m in result.require_document().verification_method]


def next_of(result: ResolutionResult) -> tuple[int | None, int | None]:
    assert result.view is not None
    return result.view.version_id, result.view.next_version_id


def test_version_id_shows_the_state_after_its_block(fake: FakeChain) -> None:
    first = fake.add_delegate(ALICE, "veriKey", BOB)
    second = fake.add_delegate(ALICE, "veriKey", CAROL)
    result = fake.resolver().resolve(ALICE.did, version_id=first)
    assert methods(result) == ["#controller", "#delegate-1"]
    assert next_of(result) == (first, second)


def test_version_between_two_changes_is_the_earlier(fake: FakeChain) -> None:
    first = fake.add_delegate(ALICE, "veriKey", BOB)
    fake.mine(10)
    second = fake.add_delegate(ALICE, "veriKey", CAROL)
    result = fake.resolver().resolve(f"{ALICE.did}?versionId={second - 1}")
    assert next_of(result) == (first, second)


def test_version_zero_is_the_genesis_view(fake: FakeChain) -> None:
    first = fake.add_delegate(ALICE, "veriKey", BOB)
    assert next_of(fake.resolver().resolve(ALICE.did, version_id=0)) == (None, first)


def test_version_at_the_head_is_the_newest(fake: FakeChain) -> None:
    first = fake.add_delegate(ALICE, "veriKey", BOB)
    assert next_of(fake.resolver().resolve(ALICE.did, version_id=fake.head)) == (first, None)


def test_version_is_judged_at_the_time_of_its_block(fake: FakeChain) -> None:
    block = fake.add_delegate(ALICE, "veriKey", BOB, validity=100)
    fake.at(fake.now + DAY).mine()
    resolver = fake.resolver()
    assert methods(resolver.resolve(ALICE.did)) == ["#controller"]
    assert methods(resolver.resolve(ALICE.did, version_id=block)) == ["#controller", "#delegate-1"]


def test_delegate_is_not_listed_at_the_block_that_revoked_it(fake: FakeChain) -> None:
    fake.add_delegate(ALICE, "veriKey", BOB)
    block = fake.revoke_delegate(ALICE, "veriKey", BOB)
    fake.mine()
    assert methods(fake.resolver().resolve(ALICE.did, version_id=block)) == ["#controller"]


def test_delegate_of_no_validity_is_not_listed_at_its_own_block(fake: FakeChain) -> None:
    block = fake.add_delegate(ALICE, "veriKey", BOB, validity=0)
    assert methods(fake.resolver().resolve(ALICE.did, version_id=block)) == ["#controller"]


@pytest.mark.parametrize("block", [100, 2**40, 10**15])
def test_version_that_is_not_mined_is_not_found(fake: FakeChain, block: int) -> None:
    result = fake.resolver().resolve(ALICE.did, version_id=block)
    assert result.error is not None
    assert result.error.code == "not_found"
    assert result.error.message == f"block {block} is not mined yet; the head is block {fake.head}"


def test_block_below_the_head_that_the_node_lacks_is_no_not_found(fake: FakeChain) -> None:
    block = fake.add_delegate(ALICE, "veriKey", BOB)
    fake.mine(3)
    whole = fake._get_block
    fake.answers["eth_getBlockByNumber"] = lambda params: (
        None if params[0] == hex(block) else whole(*params)
    )
    result = fake.resolver().resolve(ALICE.did, version_id=block)
    assert result.error is not None
    assert result.error.code == "node_inconsistent"
    assert f"does not know block {block}" in result.error.message


def test_version_time_shows_the_state_of_that_second(fake: FakeChain) -> None:
    first = fake.at(fake.now + 1000).add_delegate(ALICE, "veriKey", BOB)
    moment = fake.now
    second = fake.at(moment + 1000).add_delegate(ALICE, "veriKey", CAROL)
    resolver = fake.resolver()

    def at(time: int) -> tuple[int | None, int | None]:
        return next_of(resolver.resolve(ALICE.did, version_time=format_time(time)))

    assert at(moment - 1) == (None, first)
    assert at(moment) == at(moment + 999) == (first, second)
    assert at(moment + 1000) == (second, None)


def test_version_time_before_the_first_block_is_the_default_view(fake: FakeChain) -> None:
    first = fake.add_delegate(ALICE, "veriKey", BOB)
    result = fake.resolver().resolve(f"{ALICE.did}?versionTime=1970-01-01T00:00:00Z")
    assert next_of(result) == (None, first)
    assert methods(result) == ["#controller"]


def test_version_time_in_the_future_shows_what_will_have_expired(fake: FakeChain) -> None:
    fake.add_delegate(ALICE, "veriKey", BOB, validity=100)
    future = format_time(fake.now + 100)
    assert methods(fake.resolver().resolve(ALICE.did, version_time=future)) == ["#controller"]


@pytest.mark.parametrize(
    ("tail", "options"),
    [
        ("?versionId=abc", {}),
        ("?versionId=", {}),
        ("?versionId=-1", {}),
        ("?versionTime=now", {}),
        ("?versionId=1&versionTime=2026-01-01T00:00:00Z", {}),
        ("?versionId=1&versionId=1", {}),
        ("?versionId=1", {"version_id": 1}),
        ("", {"version_id": 1, "version_time": "2026-01-01T00:00:00Z"}),
    ],
)
def test_unclear_version_is_an_invalid_option_and_nothing_is_asked(
    fake: FakeChain, tail: str, options: dict[str, str]
) -> None:
    result = fake.resolver().resolve(ALICE.did + tail, **options)
    assert result.error is not None
    assert result.error.code == "invalid_option"
    assert fake.rounds == 0


# -- the clock -----------------------------------------------------------------------------------


def with_clock(fake: FakeChain, now: float) -> Resolver:
    return Resolver([fake.network()], clock=lambda: now)


def test_slow_clock_does_not_hide_what_is_mined(fake: FakeChain) -> None:
    fake.add_delegate(ALICE, "veriKey", BOB)
    result = with_clock(fake, fake.now - DAY).resolve(ALICE.did)
    assert methods(result) == ["#controller", "#delegate-1"]


def test_slow_clock_does_not_keep_what_has_expired(fake: FakeChain) -> None:
    fake.add_delegate(ALICE, "veriKey", BOB, validity=SPACING)
    fake.mine()
    assert methods(with_clock(fake, 0).resolve(ALICE.did)) == ["#controller"]


def test_entries_expire_also_while_no_block_is_mined(fake: FakeChain) -> None:
    fake.add_delegate(ALICE, "veriKey", BOB, validity=100)
    end = fake.now + 100
    alive = with_clock(fake, end - 0.5).resolve(ALICE.did)
    assert methods(alive) == ["#controller", "#delegate-1"]
    assert methods(with_clock(fake, end).resolve(ALICE.did)) == ["#controller"]

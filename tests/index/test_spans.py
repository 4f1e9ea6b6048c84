"""Reading spans: what one batch must show, and how wide the next one is."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.answer import Head
from ethr_did.errors import (
    ChainError,
    ChainMoved,
    InvalidAnswer,
    NodeInconsistent,
    NodeRefused,
    NodeUnreachable,
    RangeRefused,
)
from ethr_did.index.entries import Contracts
from ethr_did.index.spans import Span, Width, fill, is_too_much, parse_block, read_span
from support.fake_chain import REGISTRY, FakeChain, Person

if TYPE_CHECKING:
    from ethr_did.chain.request import Steps

CONTRACTS = Contracts(did_registry=REGISTRY)
ALICE = Person.named("alice")


def run(fake: FakeChain, steps: Steps[Any]) -> Any:
    async def go() -> Any:
        chain = fake.network().async_chain(retries=0)
        try:
            return await chain.run(steps)
        finally:
            await chain.close()

    return asyncio.run(go())


def span(fake: FakeChain, first: int, last: int, **options: Any) -> Span:
    known = {"before": None, "final": None, **options}
    found: Span = run(fake, read_span(CONTRACTS, first=first, last=last, **known))
    return found


@pytest.fixture
def busy(fake: FakeChain) -> FakeChain:
    """A chain of 25 blocks, with an event in the first of each five after the fifth."""
    for number in range(4):
        fake.add_service(ALICE, f"Hub{number}", "https://hub.example")
        fake.mine(4)
    return fake


def test_a_span_is_its_events_and_its_last_block(busy: FakeChain) -> None:
    found = span(busy, 1, 16)
    assert [entry.block_number for entry in found.entries] == [6, 11, 16]
    assert found.head.hash == busy.ledger.blocks[16].hash
    assert busy.rounds == 2


def test_finalised_spans_with_times_look_at_one_block_of_their_events(busy: FakeChain) -> None:
    span(busy, 1, 14, final=20)
    blocks = [params[0] for method, params in busy.requests if method == "eth_getBlockByNumber"]
    assert blocks == ["0xe", "0xe", "0xb"]


def test_above_finality_every_block_with_events_is_looked_at(busy: FakeChain) -> None:
    span(busy, 1, 14, final=8)
    blocks = [params[0] for method, params in busy.requests if method == "eth_getBlockByNumber"]
    assert blocks == ["0xe", "0xe", "0xb"]
    busy.requests.clear()
    span(busy, 1, 14, final=2)
    blocks = [params[0] for method, params in busy.requests if method == "eth_getBlockByNumber"]
    assert blocks == ["0xe", "0xe", "0x6", "0xb"]


def test_without_times_blocks_are_asked_for_them(busy: FakeChain) -> None:
    busy.with_times = False
    found = span(busy, 1, 25, final=25)
    assert [entry.block_timestamp for entry in found.entries] == [
        busy.time_of(entry.block_number) for entry in found.entries
    ]


@pytest.mark.parametrize("final", [None, 25])
def test_logs_of_another_chain_are_not_taken(busy: FakeChain, final: int | None) -> None:
    original = busy._get_logs
    busy.answers["eth_getLogs"] = lambda params: [
        {**log, "blockHash": "0x" + "77" * 32} for log in original(params[0])
    ]
    with pytest.raises(ChainMoved):
        span(busy, 1, 25, final=final)


def test_a_last_block_that_changes_meanwhile_is_noticed(busy: FakeChain) -> None:
    busy.before[3] = lambda: busy.reorganise(3)
    with pytest.raises(ChainMoved, match="around block 25"):
        span(busy, 1, 25)


def test_a_block_before_that_is_another_one_is_noticed(busy: FakeChain) -> None:
    before = Head(number=10, hash=b"\x99" * 32, parent_hash=bytes(32), timestamp=1)
    with pytest.raises(ChainMoved, match="around block 10"):
        span(busy, 11, 25, before=before)


@pytest.mark.parametrize("method", ["eth_getBlockByNumber"])
def test_a_node_that_does_not_have_the_block_is_not_believed(busy: FakeChain, method: str) -> None:
    busy.answers[method] = lambda _params: None
    with pytest.raises(ChainMoved):
        span(busy, 1, 25)


def test_an_event_from_outside_the_span_is_refused(busy: FakeChain) -> None:
    original = busy._get_logs
    busy.answers["eth_getLogs"] = lambda params: original({**params[0], "toBlock": "0x10"})
    with pytest.raises(NodeInconsistent, match="an event of block 16, asked for 1 to 12"):
        span(busy, 1, 12)


def test_single_blocks_are_filled_in_one_batch(busy: FakeChain) -> None:
    found = run(busy, fill(CONTRACTS, [6, 7, 16], final=None))
    assert [entry.block_number for entry in found] == [6, 16]
    assert busy.rounds == 2


# -- blocks ------------------------------------------------------------------------------------------


def block(**change: object) -> dict[str, object]:
    known = {"number": "0x5", "hash": "0x" + "ab" * 32, "parentHash": "0x", "timestamp": "0x1"}
    return {**known, **change}


def test_a_block_may_have_the_largest_numbers_that_fit() -> None:
    found = parse_block(block(number=hex(2**63 - 1), timestamp=hex(2**63 - 1)))
    assert found.number == found.timestamp == 2**63 - 1


@pytest.mark.parametrize(
    "change",
    [{"number": hex(2**63)}, {"timestamp": hex(2**63)}, {"hash": "0xab"}, {"hash": "0x"}],
    ids=str,
)
def test_a_block_that_cannot_be_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidAnswer, match="not a block"):
        parse_block(block(**change))


# -- how wide ----------------------------------------------------------------------------------------


def covered(width: Width, events: int = 0) -> Span:
    head = Head(number=width.blocks, hash=b"", parent_hash=b"", timestamp=0)
    found = Span(first=1, head=head, entries=())
    object.__setattr__(found, "entries", (None,) * events)
    return found


def test_where_little_happens_spans_grow(width: Width) -> None:
    before = width.blocks
    width.worked(covered(width))
    assert width.blocks == 2 * before


def test_where_much_happens_they_stay(width: Width) -> None:
    before = width.blocks
    width.worked(covered(width, events=5000))
    assert width.blocks == before


def test_a_span_that_was_cut_short_says_nothing_about_wider_ones(width: Width) -> None:
    before = width.blocks
    short = covered(width)
    width.blocks += 1
    width.worked(short)
    assert width.blocks == before + 1


def test_they_do_not_grow_for_ever(width: Width) -> None:
    for _ in range(30):
        width.worked(covered(width))
    assert width.blocks == 1_000_000


def test_after_a_refusal_they_are_narrower(width: Width) -> None:
    width.refused(400, NodeRefused("too much"))
    assert width.blocks == 100


def test_a_limit_that_is_named_is_kept_to(width: Width) -> None:
    width.refused(10_000, RangeRefused("at most 300", max_blocks=300))
    for _ in range(5):
        width.worked(covered(width))
    assert width.blocks == 300


@pytest.mark.parametrize("named", [0, -5, 10_000, 20_000, "many"])
def test_a_limit_that_makes_no_sense_is_not(width: Width, named: object) -> None:
    width.refused(10_000, RangeRefused("nonsense", max_blocks=named))
    assert width.blocks == 2500


def test_a_single_block_that_is_too_much_is_the_end(width: Width) -> None:
    with pytest.raises(NodeRefused, match="too much"):
        width.refused(1, NodeRefused("too much"))


@pytest.fixture
def width() -> Width:
    return Width()


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NodeRefused("no"), True),
        (RangeRefused("no"), True),
        (InvalidAnswer("long", max_bytes=10), True),
        (InvalidAnswer("nonsense"), False),
        (NodeUnreachable("gone"), False),
        (ChainMoved("moved"), False),
    ],
)
def test_what_a_narrower_span_may_help(error: ChainError, *, expected: bool) -> None:
    assert is_too_much(error) is expected

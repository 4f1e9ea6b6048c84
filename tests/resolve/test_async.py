"""The awaited resolver says what the blocking one says."""

from __future__ import annotations

import pytest

from ethr_did import AsyncResolver, Resolver
from ethr_did.errors import HistoryMissing, InvalidConfiguration
from support.fake_chain import FakeChain, OneByOne, Person

ALICE, BOB = Person.named("alice"), Person.named("bob")


def both(fake: FakeChain) -> tuple[Resolver, AsyncResolver]:
    networks = [fake.network()]
    options = {"clock": lambda: fake.now, "retries": 0}
    return Resolver(networks, **options), AsyncResolver(networks, **options)  # type: ignore[arg-type]


@pytest.fixture
def busy(fake: FakeChain) -> FakeChain:
    fake.add_delegate(ALICE, "veriKey", BOB)
    fake.mine(3)
    fake.add_service(ALICE, "Hub", "https://h.example")
    return fake


@pytest.mark.parametrize("fault", ["none", "narrow", "untimed", "plain", "missing", "dead", "cut"])
async def test_results_are_the_same_whatever_the_node_does(busy: FakeChain, fault: str) -> None:
    match fault:
        case "narrow":
            busy.max_range = 2
        case "untimed":
            busy.with_times = False
        case "plain":
            busy.no_init_code = (-32000, "no")
        case "missing":
            busy.missing_blocks = {busy.head}
        case "dead":
            busy.dead = TimeoutError("no answer")
        case "cut":
            busy.cut = 1
    blocking, awaited = both(busy)
    dids = [ALICE.did, BOB.did, "did:ethr:nonsense", f"{ALICE.did}?versionId=6"]
    expected = blocking.resolve_many(dids)
    rounds = busy.rounds
    async with awaited:
        found = await awaited.resolve_many(dids)
        assert found == expected
        assert awaited.round_trips == blocking.round_trips == rounds == busy.rounds - rounds


async def test_resolver_may_be_asked_again(busy: FakeChain) -> None:
    awaited = both(busy)[1]
    first = await awaited.resolve(ALICE.did)
    assert await awaited.resolve(ALICE.did) == first
    assert awaited.round_trips == 2


def test_resolver_gives_back_what_it_opened(busy: FakeChain) -> None:
    with busy.resolver() as resolver:
        assert resolver.resolve(ALICE.did).error is None
    assert resolver.resolve(ALICE.did).error is None  # a provider belongs to who made it


async def test_one_result_is_the_same(busy: FakeChain) -> None:
    blocking, awaited = both(busy)
    options = {"version_id": 6, "accept": "application/did+json"}
    assert await awaited.resolve(ALICE.did, **options) == blocking.resolve(ALICE.did, **options)  # type: ignore[arg-type]


async def test_dereferencing_is_the_same(busy: FakeChain) -> None:
    blocking, awaited = both(busy)
    url = f"{ALICE.did}#delegate-1"
    assert await awaited.dereference(url) == blocking.dereference(url)


async def test_history_is_the_same(busy: FakeChain) -> None:
    blocking, awaited = both(busy)
    assert await awaited.history(ALICE.did) == blocking.history(ALICE.did)


async def test_history_raises_the_same(busy: FakeChain) -> None:
    busy.missing_blocks = {busy.head}
    with pytest.raises(HistoryMissing):
        await both(busy)[1].history(ALICE.did)


async def test_network_without_a_node_is_a_configuration_error() -> None:
    result = await AsyncResolver().resolve(f"did:ethr:sepolia:{ALICE.account}")
    assert isinstance(result.error, InvalidConfiguration)


def test_node_without_batches_is_asked_one_by_one(busy: FakeChain) -> None:
    expected = busy.resolver().resolve(ALICE.did)
    resolver = Resolver([busy.network(provider=OneByOne(busy))], clock=lambda: busy.now)
    assert resolver.resolve(ALICE.did) == expected

"""Many identities at once, several networks, several nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ethr_did import Network, Resolver
from ethr_did.chain.rpc import Chain
from ethr_did.core.keys import to_checksum_address
from ethr_did.errors import (
    HistoryMissing,
    InvalidConfiguration,
    QuorumFailed,
    RangeRefused,
    UnknownNetwork,
    WrongChain,
)
from ethr_did.registries.did_registry import CHUNK, MAX_EVENTS, DIDRegistry
from support.fake_chain import CHAIN_ID, REGISTRY, FakeChain, Person

if TYPE_CHECKING:
    from ethr_did.core.resolution import ResolutionResult

ALICE, BOB, CAROL = (Person.named(name) for name in ("alice", "bob", "carol"))
HUB = "https://hub.example.com"


def crowd(count: int) -> list[Person]:
    return [Person.named(f"person {number}") for number in range(count)]


def test_no_did_gives_no_result(fake: FakeChain) -> None:
    assert fake.resolver().resolve_many([]) == []
    assert fake.rounds == 0


def test_many_identities_cost_one_round_trip(fake: FakeChain) -> None:
    people = crowd(50)
    for person in people:
        fake.add_service(person, "Hub", f"https://{person.account}")
    results = fake.resolver().resolve_many([person.did for person in people])
    endpoints = [result.require_document().service[0].service_endpoint for result in results]
    assert endpoints == [f"https://{person.account}" for person in people]
    assert fake.rounds == 1


def test_more_identities_than_one_call_holds_cost_one_round_trip(fake: FakeChain) -> None:
    people = crowd(CHUNK + 3)
    fake.add_service(people[-1], "Hub", HUB)
    results = fake.resolver().resolve_many([person.did for person in people])
    assert [len(result.require_document().service) for result in results] == [0] * (CHUNK + 2) + [1]
    assert fake.rounds == 1


def test_identity_asked_twice_is_answered_twice(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", HUB)
    first, second = fake.resolver().resolve_many([ALICE.did, ALICE.did])
    assert first == second
    assert first.require_document().service


def test_versions_of_one_identity_are_told_apart(fake: FakeChain) -> None:
    block = fake.add_service(ALICE, "Hub", HUB)
    dids = [f"{ALICE.did}?versionId={number}" for number in (block - 1, block, 0, block + 9)]
    before, after, genesis, future = fake.resolver().resolve_many(dids)
    assert [len(r.require_document().service) for r in (before, after, genesis)] == [0, 1, 0]
    assert future.error is not None
    assert future.error.code == "not_found"
    assert fake.rounds == 1


def test_wrong_did_does_not_take_the_others_along(fake: FakeChain) -> None:
    wrong, right, unknown = fake.resolver().resolve_many(
        ["did:ethr:nonsense", ALICE.did, f"did:ethr:nowhere:{BOB.account}"]
    )
    assert right.error is None
    assert wrong.error is not None
    assert wrong.error.code == "invalid_did"
    assert isinstance(unknown.error, UnknownNetwork)


def test_unsupported_accept_is_everyones_error(fake: FakeChain) -> None:
    results = fake.resolver().resolve_many([ALICE.did, BOB.did], accept="text/html")
    codes = [result.error and result.error.code for result in results]
    assert codes == ["unsupported_representation"] * 2
    assert fake.rounds == 0


@pytest.mark.parametrize("count", [2, 3, 8])
def test_broken_identity_does_not_take_the_others_along(fake: FakeChain, count: int) -> None:
    people = crowd(count)
    blocks = [fake.add_service(person, "Hub", HUB) for person in people]
    fake.missing_blocks = {blocks[1]}
    results = fake.resolver().resolve_many([person.did for person in people])
    assert isinstance(results[1].error, HistoryMissing)
    assert results[1].error.facts["block_number"] == blocks[1]
    assert all(result.error is None for i, result in enumerate(results) if i != 1)


def test_identity_whose_block_is_too_full_does_not_take_the_others_along(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", HUB)
    with fake.one_block():
        for number in range(5):
            fake.add_service(BOB, "Hub", f"{HUB}/{number}")
    fake.max_logs = 4
    alice, bob = fake.resolver().resolve_many([ALICE.did, BOB.did])
    assert alice.error is None
    assert isinstance(bob.error, RangeRefused)


def test_identity_that_lies_does_not_take_the_others_along(fake: FakeChain) -> None:
    fake.owner_lies[BOB.address] = CAROL.address
    alice, bob, carol = fake.resolver().resolve_many([ALICE.did, BOB.did, CAROL.did])
    assert (alice.error, carol.error) == (None, None)
    assert bob.error is not None
    assert bob.error.code == "node_inconsistent"


def test_error_names_the_identity_whose_events_are_missing(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", HUB)
    fake.mine(5)
    missing = fake.add_service(BOB, "Hub", HUB)
    fake.max_range = 1  # each identity is walked by itself
    fake.missing_blocks = {missing}
    registry = DIDRegistry(REGISTRY, chain_id=CHAIN_ID)
    with pytest.raises(HistoryMissing, match=BOB.account) as caught:
        Chain([fake]).run(registry.read_histories([ALICE.address, BOB.address]))
    assert caught.value.facts["block_number"] == missing


def test_many_identities_are_walked_together(fake: FakeChain) -> None:
    people = crowd(4)
    for _ in range(3):
        for person in people:
            fake.add_service(person, "Hub", HUB)
    fake.max_range = 1
    results = fake.resolver().resolve_many([person.did for person in people])
    assert all(result.error is None for result in results)
    assert fake.rounds < 15


def test_endless_history_is_not_read_to_the_end(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", HUB)
    whole = fake._get_logs
    fake.answers["eth_getLogs"] = lambda p: whole(*p) * (MAX_EVENTS + 1)
    result = fake.resolver().resolve(ALICE.did)
    assert result.error is not None
    assert result.error.message == f"more than {MAX_EVENTS} events of {ALICE.account}"


def test_reading_at_a_block_that_is_not_mined_is_not_found(fake: FakeChain) -> None:
    from ethr_did.errors import NotFoundError

    registry = DIDRegistry(REGISTRY, chain_id=CHAIN_ID)
    with pytest.raises(NotFoundError, match="block 99 is not mined yet") as caught:
        Chain([fake]).run(registry.read_histories([ALICE.address], block=99))
    assert caught.value.facts["block_number"] == 99


def test_reading_at_a_block_leaves_out_what_came_later(fake: FakeChain) -> None:
    block = fake.add_service(ALICE, "Hub", HUB)
    fake.add_service(ALICE, "Hub", HUB + "/2")
    registry = DIDRegistry(REGISTRY, chain_id=CHAIN_ID)
    reading = Chain([fake]).run(registry.read_histories([ALICE.address], block=block))
    assert [event.block_number for event in reading.events[ALICE.address]] == [block]
    assert reading.head.number == block


# -- networks ------------------------------------------------------------------------------------


def test_each_network_is_asked_once() -> None:
    chains = {"one": FakeChain(chain_id=11), "two": FakeChain(chain_id=22)}
    resolver = Resolver(
        Network(
            name=name,
            chain_id=chain.chain_id,
            did_registry=to_checksum_address(REGISTRY),
            provider=chain,
        )
        for name, chain in chains.items()
    )
    dids = [f"did:ethr:{name}:{ALICE.account}" for name in ("one", "two", "one", "two", "0xb")]
    accounts = [
        result.require_document().verification_method[0].material["blockchainAccountId"]
        for result in resolver.resolve_many(dids)
    ]
    assert [account.split(":")[1] for account in accounts] == ["11", "22", "11", "22", "11"]
    assert [chain.rounds for chain in chains.values()] == [1, 1]
    assert resolver.round_trips == 2


def test_dead_network_does_not_take_the_others_along(fake: FakeChain) -> None:
    dead = FakeChain(chain_id=22)
    dead.dead = TimeoutError("no answer")
    registry = to_checksum_address(REGISTRY)
    two = Network(name="two", chain_id=22, did_registry=registry, provider=dead)
    resolver = Resolver([fake.network(), two], retries=0)
    failed, fine = resolver.resolve_many([f"did:ethr:two:{ALICE.account}", ALICE.did])
    assert failed.error is not None
    assert failed.error.code == "node_unreachable"
    assert fine.error is None


def test_network_without_a_node_is_a_configuration_error() -> None:
    with Resolver() as resolver:
        result = resolver.resolve(f"did:ethr:sepolia:{ALICE.account}")
    assert isinstance(result.error, InvalidConfiguration)
    assert result.error.facts["network"] == "sepolia"


# -- several nodes -------------------------------------------------------------------------------


def agree(*nodes: FakeChain, quorum: int = 2, block: int | None = None) -> ResolutionResult:
    """The answer on which nodes agree, by the resolver's own steps."""
    resolver = nodes[0].resolver()
    resolver._chains[nodes[0].network()] = Chain(
        list(nodes), chain_id=CHAIN_ID, quorum=quorum, retries=0
    )
    return resolver.resolve(ALICE.did, version_id=block)


def test_nodes_that_say_the_same_agree(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", HUB)
    assert agree(fake, fake.sibling()).require_document().service


def test_liar_is_outvoted(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", HUB)
    liar = FakeChain()
    liar.mine(fake.head)
    assert agree(liar, fake, fake.sibling()).require_document().service


def test_two_nodes_that_differ_do_not_agree(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", HUB)
    liar = FakeChain()
    liar.mine(fake.head)
    assert isinstance(agree(fake, liar).error, QuorumFailed)


def test_pruned_node_is_outvoted(fake: FakeChain) -> None:
    block = fake.add_service(ALICE, "Hub", HUB)
    pruned = fake.sibling()
    pruned.missing_blocks = {block}
    assert agree(pruned, fake, fake.sibling()).require_document().service


def test_nodes_agree_at_a_block_that_enough_have_reached(fake: FakeChain) -> None:
    block = fake.add_service(ALICE, "Hub", HUB)
    late = fake.sibling()
    fake.add_service(ALICE, "Hub", HUB + "/2")
    late.head_lag = 1
    result = agree(fake, late)
    assert result.read_at is not None
    assert result.read_at.block_number == block
    assert len(result.require_document().service) == 1


def test_nodes_agree_that_a_version_is_not_there(fake: FakeChain) -> None:
    result = agree(fake, fake.sibling(), block=99)
    assert result.error is not None
    assert result.error.code == "not_found"


def test_node_of_another_chain_stops_everything(fake: FakeChain) -> None:
    other = fake.sibling()
    other.chain_id = 1
    assert isinstance(agree(fake, fake.sibling(), other).error, WrongChain)

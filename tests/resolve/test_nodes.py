"""What the node does not say, says differently, or refuses: never a shorter history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.keys import to_checksum_address
from ethr_did.errors import (
    ChainError,
    ChainMoved,
    HistoryMissing,
    InvalidAnswer,
    NodeBusy,
    NodeInconsistent,
    NodeRefused,
    NodeUnreachable,
    RangeRefused,
    RegistryMissing,
    WrongChain,
)
from support.fake_chain import REGISTRY, FakeChain, Person

if TYPE_CHECKING:
    from ethr_did.core.resolution import ResolutionResult

ALICE, BOB, CAROL = (Person.named(name) for name in ("alice", "bob", "carol"))


def write(fake: FakeChain, count: int = 6, apart: int = 3) -> list[int]:
    """The blocks of some changes with empty ones between."""
    blocks = []
    for number in range(count):
        blocks.append(fake.add_service(ALICE, "Hub", f"https://{number}.example", 10**9))
        fake.mine(apart)
    return blocks


def failure(fake: FakeChain, kind: type[ChainError]) -> ChainError:
    result = fake.resolver().resolve(ALICE.did)
    assert type(result.error) is kind, result.error
    assert isinstance(result.error, ChainError)
    assert result.view is None
    assert result.to_dict()["didResolutionMetadata"]["errorName"] == "internalError"
    return result.error


def services(result: ResolutionResult) -> int:
    return len(result.require_document().service)


def resolve_all(fake: FakeChain, count: int = 6) -> FakeChain:
    assert services(fake.resolver().resolve(ALICE.did)) == count
    return fake


# -- cost ----------------------------------------------------------------------------------------


def test_whole_history_costs_one_round_trip(fake: FakeChain) -> None:
    write(fake)
    assert resolve_all(fake).rounds == 1


def test_untouched_identity_costs_one_round_trip(fake: FakeChain) -> None:
    assert fake.resolver().resolve(ALICE.did).error is None
    assert fake.rounds == 1


def test_logs_without_times_cost_one_more(fake: FakeChain) -> None:
    write(fake)
    fake.with_times = False
    assert resolve_all(fake).rounds == 2


def test_a_thousand_changes_without_times_cost_one_more(fake: FakeChain) -> None:
    write(fake, 1000, apart=0)
    fake.with_times = False
    assert resolve_all(fake, 1000).rounds == 2


def test_version_costs_no_more(fake: FakeChain) -> None:
    block = write(fake)[2]
    assert services(fake.resolver().resolve(ALICE.did, version_id=block)) == 3
    assert fake.rounds == 1


def test_times_from_blocks_are_those_of_the_logs(fake: FakeChain) -> None:
    write(fake)
    with_times = fake.resolver().resolve(ALICE.did)
    fake.with_times = False
    assert fake.resolver().resolve(ALICE.did) == with_times


# -- range limits --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        (-32000, "block range is too large"),
        (-32005, "query exceeds max results"),
        (-32602, "eth_getLogs is limited to a 5 range"),
        (-32000, "query returned more than 10000 results"),
        (-32099, "no such thing with us"),
    ],
)
@pytest.mark.parametrize("width", [1, 2, 5, 20])
def test_narrow_node_is_asked_in_windows(
    fake: FakeChain, words: tuple[int, str], width: int
) -> None:
    write(fake)
    fake.max_range, fake.range_error = width, words
    resolve_all(fake)


def test_limit_that_the_node_names_is_used(fake: FakeChain) -> None:
    write(fake, count=3, apart=40)
    fake.max_range, fake.range_error = 50, (-32000, "maximum block range is 50")
    assert resolve_all(fake, 3).rounds <= 4


def test_full_answers_are_asked_in_windows(fake: FakeChain) -> None:
    write(fake)
    fake.max_logs = 2
    resolve_all(fake)


def test_distant_changes_are_reached_in_leaps(fake: FakeChain) -> None:
    write(fake, count=4, apart=3000)
    fake.max_range = 10_000
    assert resolve_all(fake, 4).rounds <= 5


def test_untouched_identity_needs_no_logs(fake: FakeChain) -> None:
    fake.errors["eth_getLogs"] = (-32601, "the method eth_getLogs does not exist")
    assert fake.resolver().resolve(ALICE.did).error is None


def test_node_that_refuses_even_one_block_is_an_error(fake: FakeChain) -> None:
    write(fake)
    fake.max_range = 0
    error = failure(fake, RangeRefused)
    assert error.facts["rpc_message"] == "block range is too large"


def test_node_without_logs_is_an_error(fake: FakeChain) -> None:
    write(fake)
    fake.errors["eth_getLogs"] = (-32601, "the method eth_getLogs does not exist")
    assert failure(fake, NodeRefused).facts["rpc_code"] == -32601


def test_registry_below_its_first_block_is_still_read(fake: FakeChain) -> None:
    from ethr_did import Resolver

    write(fake)
    resolver = Resolver([fake.network(first_block=fake.head)], clock=lambda: fake.now)
    assert services(resolver.resolve(ALICE.did)) == 6


def test_log_query_starts_at_the_deployment(fake: FakeChain) -> None:
    from ethr_did import Resolver

    first = write(fake)[0]
    Resolver([fake.network(first_block=first)]).resolve(ALICE.did)
    queries = [params[0] for method, params in fake.requests if method == "eth_getLogs"]
    assert [query["fromBlock"] for query in queries] == [hex(first)]


# -- pruned and truncating nodes -----------------------------------------------------------------


@pytest.mark.parametrize("which", [0, 2, 5])
def test_block_without_its_logs_is_missing_history(fake: FakeChain, which: int) -> None:
    block = write(fake)[which]
    fake.missing_blocks = {block}
    error = failure(fake, HistoryMissing)
    assert error.facts["block_number"] == block
    assert error.message.startswith(f"{ALICE.account} changed in block {block}, but the node has")


def test_pruned_node_serves_histories_that_are_newer(fake: FakeChain) -> None:
    fake.mine(50)
    blocks = write(fake)
    fake.pruned_before = blocks[0]
    resolve_all(fake)


def test_pruned_node_serves_identities_that_have_no_history(fake: FakeChain) -> None:
    fake.pruned_before = fake.head
    assert fake.resolver().resolve(ALICE.did).error is None


def test_pruned_history_is_missing(fake: FakeChain) -> None:
    blocks = write(fake)
    fake.pruned_before = blocks[1]
    assert failure(fake, HistoryMissing).facts["rpc_message"] == "pruned history unavailable"


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_answers_cut_short_are_completed(fake: FakeChain, cut: int) -> None:
    write(fake)
    fake.cut = cut
    resolve_all(fake)


def test_block_cut_short_in_front_is_missing_history(fake: FakeChain) -> None:
    with fake.one_block():
        fake.change_owner(ALICE, BOB)
        fake.add_service(ALICE, "Hub", "https://a.example")
    fake.missing_logs = {(fake.head, 0)}
    assert failure(fake, HistoryMissing).facts["block_number"] == fake.head


def test_change_of_owner_left_out_of_the_middle_of_a_block_shows(fake: FakeChain) -> None:
    with fake.one_block():
        fake.add_service(ALICE, "Hub", "https://a.example")
        fake.change_owner(ALICE, BOB)
        fake.add_service(ALICE, "Hub", "https://b.example")
    fake.missing_logs = {(fake.head, 1)}
    error = failure(fake, NodeInconsistent)
    assert f"the registry says {BOB.account}" in error.message


# -- lies ----------------------------------------------------------------------------------------


def test_change_that_no_event_shows_is_missing_history(fake: FakeChain) -> None:
    fake.changed_lies[ALICE.address] = 3
    assert failure(fake, HistoryMissing).facts["block_number"] == 3


def test_change_beyond_the_head_is_missing_history(fake: FakeChain) -> None:
    fake.changed_lies[ALICE.address] = 2**60
    assert failure(fake, HistoryMissing).facts["block_number"] == 2**60


def test_events_newer_than_the_last_change_contradict(fake: FakeChain) -> None:
    fake.changed_lies[ALICE.address] = write(fake)[2]
    assert "where the chain of changes says block" in failure(fake, NodeInconsistent).message


def test_hidden_changes_contradict(fake: FakeChain) -> None:
    write(fake)
    fake.changed_lies[ALICE.address] = 0
    failure(fake, NodeInconsistent)


def test_owner_that_no_event_made_contradicts(fake: FakeChain) -> None:
    fake.owner_lies[ALICE.address] = BOB.address
    error = failure(fake, NodeInconsistent)
    assert f"lead to owner {ALICE.account}, the registry says {BOB.account}" in error.message


def test_deactivated_identity_falls_back_to_its_own_address_on_chain(fake: FakeChain) -> None:
    fake.change_owner(ALICE, BOB)
    fake.deactivate(ALICE)
    result = fake.resolver().resolve(ALICE.did)
    assert result.error is None
    assert result.view is not None
    assert result.view.deactivated


@pytest.mark.parametrize("change", ["address", "identity"])
def test_log_that_nobody_asked_for_contradicts(fake: FakeChain, change: str) -> None:
    write(fake, 1)
    whole = fake._get_logs

    def foreign(params: list[dict[str, object]]) -> list[dict[str, object]]:
        (log,) = whole(params[0])
        if change == "address":
            return [{**log, "address": "0x" + "11" * 20}]
        return [{**log, "topics": [log["topics"][0], "0x" + BOB.address.rjust(32, b"\0").hex()]}]

    fake.answers["eth_getLogs"] = foreign
    assert "a log nobody asked for" in failure(fake, NodeInconsistent).message


@pytest.mark.parametrize("logs", [None, {}, "0x", 5])
def test_logs_that_are_no_list_are_an_invalid_answer(fake: FakeChain, logs: object) -> None:
    fake.answers["eth_getLogs"] = lambda _: logs
    assert "eth_getLogs did not return a list" in failure(fake, InvalidAnswer).message


@pytest.mark.parametrize("log", [None, {}, {"topics": []}])
def test_log_that_is_no_event_is_an_invalid_answer(fake: FakeChain, log: object) -> None:
    fake.answers["eth_getLogs"] = lambda _: [log]
    assert "no ERC-1056 event" in failure(fake, InvalidAnswer).message


@pytest.mark.parametrize("block", [None, {}, {"number": "0x1"}, "latest", 7])
def test_head_that_is_no_block_is_an_invalid_answer(fake: FakeChain, block: object) -> None:
    fake.answers["eth_getBlockByNumber"] = lambda _: block
    failure(fake, InvalidAnswer)


# -- the state call ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        (-32000, "contract creation without any data"),
        (-32601, "method not supported"),
        (3, "execution reverted"),
    ],
)
def test_node_that_runs_no_init_code_is_asked_in_plain_calls(
    fake: FakeChain, words: tuple[int, str]
) -> None:
    write(fake)
    fake.change_owner(ALICE, BOB)
    fake.no_init_code = words
    assert resolve_all(fake).rounds == 2


def test_plain_calls_are_tied_to_the_block_of_the_answer(fake: FakeChain) -> None:
    write(fake)
    fake.no_init_code = (-32000, "no")
    fake.resolver().resolve(ALICE.did)
    plain = [params for method, params in fake.requests if method == "eth_call"][1:]
    assert {params[1] for params in plain} == {hex(fake.head)}


@pytest.mark.parametrize("answer", ["0x", "0x01", "0x" + "01" * 142, "0x" + "02" * 141, None, 5])
def test_state_of_another_form_is_asked_in_plain_calls(fake: FakeChain, answer: object) -> None:
    write(fake)
    whole = fake._call
    fake.answers["eth_call"] = lambda p: answer if "to" not in p[0] else whole(*p)
    resolve_all(fake)


def test_node_that_answers_neither_way_is_an_error(fake: FakeChain) -> None:
    fake.errors["eth_call"] = (-32601, "method not supported")
    assert failure(fake, NodeRefused).facts["method"] == "eth_call"


@pytest.mark.parametrize("no_init_code", [None, (-32000, "no")])
def test_address_without_code_is_no_registry(
    fake: FakeChain, no_init_code: tuple[int, str] | None
) -> None:
    fake.code, fake.no_init_code = b"", no_init_code
    error = failure(fake, RegistryMissing)
    assert error.message.endswith("on chain 1337 there is no code")
    assert error.facts["registry"] == to_checksum_address(REGISTRY)


@pytest.mark.parametrize("no_init_code", [None, (-32000, "no")])
def test_code_that_answers_nothing_is_no_registry(
    fake: FakeChain, no_init_code: tuple[int, str] | None
) -> None:
    fake.deaf, fake.no_init_code = (ALICE.address,), no_init_code
    assert "does not answer like an ERC-1056 registry" in failure(fake, RegistryMissing).message


def test_node_of_another_chain_is_an_error(fake: FakeChain) -> None:
    fake.chain_id = 1
    error = failure(fake, WrongChain)
    assert (error.facts["actual"], error.facts["expected"]) == (1, 1337)


@pytest.mark.parametrize("no_init_code", [None, (-32000, "no")])
def test_node_that_changes_its_chain_is_an_error(
    fake: FakeChain, no_init_code: tuple[int, str] | None
) -> None:
    resolver = fake.resolver()
    assert resolver.resolve(ALICE.did).error is None
    fake.chain_id, fake.no_init_code = 1, no_init_code
    error = resolver.resolve(ALICE.did).error
    assert isinstance(error, WrongChain)
    assert error.facts["actual"] == 1


# -- failures of the connection ------------------------------------------------------------------


def test_dead_node_is_an_error(fake: FakeChain) -> None:
    fake.dead = ConnectionRefusedError("refused")
    assert "refused" in failure(fake, NodeUnreachable).message


def test_busy_node_is_an_error(fake: FakeChain) -> None:
    fake.errors["eth_getLogs"] = (429, "too many requests")
    failure(fake, NodeBusy)


# -- replicas out of step, reorganisations -------------------------------------------------------


def test_state_of_an_older_block_is_not_taken(fake: FakeChain) -> None:
    write(fake, 2, 0)
    fake.state_lag = 1
    assert resolve_all(fake, 2).rounds == 4  # in the end, plain calls at the number


def test_state_of_a_newer_block_serves_the_head(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", "https://a.example")
    fake.add_service(ALICE, "Hub", "https://b.example")
    fake.head_lag, fake.state_lag = 1, -1
    result = resolve_all(fake, 1).resolver().resolve(ALICE.did)
    assert result.read_at is not None
    assert result.read_at.block_number == fake.head - 1


def test_block_mined_while_reading_does_not_disturb(fake: FakeChain) -> None:
    write(fake)
    fake.before[3] = fake.mine
    assert resolve_all(fake).rounds == 1


def test_event_mined_while_reading_is_left_for_the_next_answer(fake: FakeChain) -> None:
    write(fake)
    fake.before[4] = lambda: fake.add_service(ALICE, "Hub", "https://new.example")
    resolve_all(fake)
    resolve_all(fake, 7)


def test_chain_that_runs_ahead_is_read_at_one_number(fake: FakeChain) -> None:
    write(fake)
    fake.before[5] = lambda: fake.mine(3)
    assert resolve_all(fake).rounds == 2


@pytest.mark.parametrize("request_number", range(2, 8))
def test_reorganisation_at_any_request_is_survived(fake: FakeChain, request_number: int) -> None:
    write(fake, 6, 0)
    fake.with_times = False
    fake.before[request_number] = lambda: fake.reorganise(3)
    result = resolve_all(fake).resolver().resolve(ALICE.did)
    assert result.read_at is not None
    assert result.read_at.block_hash == fake.ledger.head.hash


@pytest.mark.parametrize("request_number", range(2, 12))
@pytest.mark.parametrize("with_times", [True, False])
@pytest.mark.parametrize("max_range", [None, 2])
def test_answer_is_of_one_of_two_chains(
    fake: FakeChain,
    request_number: int,
    with_times: bool,  # noqa: FBT001
    max_range: int | None,
) -> None:
    write(fake, 3, 2)
    fake.change_owner(ALICE, BOB)
    before = fake.resolver().resolve(ALICE.did)
    fake.with_times, fake.max_range, fake.requests = with_times, max_range, []
    fake.before[request_number] = lambda: fake.reorganise(2, keep_logs=False)
    found = fake.resolver().resolve(ALICE.did)
    after = fake.resolver().resolve(ALICE.did)
    assert found.error is None
    assert found in (before, after)


def test_windows_of_two_chains_do_not_mix(fake: FakeChain) -> None:
    write(fake, 3, 2)
    fake.max_range = 2
    fake.before[7] = lambda: fake.reorganise(8, keep_logs=False)
    resolver = fake.resolver()
    result = resolver.resolve(ALICE.did)
    assert result == resolver.resolve(ALICE.did)
    assert services(result) < 3


def test_head_that_is_gone_at_the_second_look_is_no_not_found(fake: FakeChain) -> None:
    write(fake)
    newest = fake.head
    fake.before[5] = fake.ledger.blocks.pop
    result = resolve_all(fake).resolver().resolve(ALICE.did)
    assert result.read_at is not None
    assert result.read_at.block_number < newest


def test_head_that_goes_every_time_is_a_moving_chain(fake: FakeChain) -> None:
    whole = fake._get_block
    fake.answers["eth_getBlockByNumber"] = lambda p: whole(*p) if p[0] == "latest" else None
    fake.state_lag = 1
    error = failure(fake, ChainMoved)
    assert error.__cause__ is not None


def test_chain_that_moves_at_every_reading_is_an_error(fake: FakeChain) -> None:
    def move() -> None:
        fake.reorganise(1)
        fake.before[len(fake.requests) + 1] = move

    write(fake)
    fake.before[1] = move
    assert "at each of 4 readings" in failure(fake, ChainMoved).message


def test_version_at_a_head_that_is_two_blocks_is_read_again(fake: FakeChain) -> None:
    whole = fake._get_block

    def forked(params: list[Any]) -> Any:
        block = whole(*params)
        return {**block, "hash": "0x" + "11" * 32} if block and params[0] != "latest" else block

    fake.answers["eth_getBlockByNumber"] = forked
    result = fake.resolver().resolve(ALICE.did, version_id=fake.head)
    assert result.read_at is not None
    assert result.read_at.block_hash == b"\x11" * 32
    assert fake.rounds == 2


def test_parent_that_the_state_does_not_have_is_another_chain(fake: FakeChain) -> None:
    whole = fake._get_block

    def forked(params: list[object]) -> object:
        block = whole(*params)  # type: ignore[arg-type]
        return block and {**block, "parentHash": "0x" + "11" * 32}

    fake.answers["eth_getBlockByNumber"] = forked
    fake.errors = {"eth_getCode": (-32601, "no plain calls either")}
    failure(fake, NodeRefused)


def test_log_of_another_block_at_the_head_is_another_chain(fake: FakeChain) -> None:
    fake.add_service(ALICE, "Hub", "https://a.example")
    whole = fake._get_logs
    fake.answers["eth_getLogs"] = lambda p: [
        {**log, "blockHash": "0x" + "11" * 32} for log in whole(*p)
    ]
    failure(fake, ChainMoved)


def test_logs_of_blocks_that_the_node_does_not_have_contradict(fake: FakeChain) -> None:
    block = write(fake, 1)[0]
    whole = fake._get_block
    fake.with_times = False
    fake.answers["eth_getBlockByNumber"] = lambda p: None if p[0] == hex(block) else whole(*p)
    assert f"does not know block {block}" in failure(fake, NodeInconsistent).message


def test_logs_of_blocks_that_the_node_has_dropped_are_another_chain(fake: FakeChain) -> None:
    write(fake, 1)
    whole = fake._get_logs
    fake.with_times = False
    fake.answers["eth_getLogs"] = lambda p: [
        {**log, "blockHash": "0x" + "11" * 32} for log in whole(*p)
    ]
    failure(fake, ChainMoved)

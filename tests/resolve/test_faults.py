"""A real chain behind a line that fails: the right document or the right error, never a wrong one."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from ethr_did import Network, Resolver
from ethr_did.chain.artifacts import ContractName, load
from ethr_did.chain.local import LocalChain
from ethr_did.core.calls import change_call
from ethr_did.core.changes import ChangeOwner, add_service
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
from support.fault_proxy import (
    BatchLimit,
    Body,
    Entries,
    FaultProxy,
    Hang,
    Reset,
    RpcError,
    SingleError,
    Status,
    Truncate,
    wrong_ids,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ethr_did.core.document import DIDDocument

pytestmark = pytest.mark.usefixtures("truth")

CHANGES = 6
_UNKNOWN = b"\xff" * 8

RANGE_ERRORS = [
    "query returned more than 10000 results",
    "query exceeds max block range 10",
    "exceed maximum block range: 10",
    "block range is too wide",
    "eth_getLogs is limited to a 10 range",
    "eth_getLogs and eth_newFilter are limited to a 10 blocks range",
    "logs matched by query exceeds limit of 10",
    "range is too large, max is 10 blocks",
    "please limit the query to at most 10 blocks",
    "requested too many blocks from 0 to 100, maximum is set to 10",
    "ranges over 10 blocks are not supported on freetier",
    "Log response size exceeded.",
    "something that no provider has said so far",
]


class World:
    """A chain with one identity that changed in six blocks, some of them far apart."""

    def __init__(self) -> None:
        self.chain = LocalChain(chain_id=31337)
        account, heir = self.chain.accounts[1], self.chain.accounts[2]
        code = load(ContractName.ETHEREUM_DID_REGISTRY).init_code
        self.registry = self._mined({"from": account.address, "data": "0x" + code.hex()})
        self.did = f"did:ethr:dev:{account.address}"
        services = [add_service("Hub", f"https://{i}.example") for i in range(CHANGES - 1)]
        owner = ChangeOwner(owner=heir.address_bytes)  # type: ignore[arg-type]
        for change in (*services, owner):
            data = change_call(account.address_bytes, change)  # type: ignore[arg-type]
            self._mined({"from": account.address, "to": self.registry, "data": "0x" + data.hex()})
            self.chain.mine(7)

    def ask(self, method: str, *params: Any) -> Any:
        call = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer = self.chain.handle(call)
        assert isinstance(answer, dict)
        return answer["result"]

    def _mined(self, tx: dict[str, str]) -> str:
        receipt = self.ask("eth_getTransactionReceipt", self.ask("eth_sendTransaction", tx))
        assert receipt["status"] == "0x1"
        return str(receipt["contractAddress"])

    def resolver(self, *urls: str, **options: Any) -> Resolver:
        network = Network(name="dev", chain_id=31337, rpc_url=urls, did_registry=self.registry)
        settings: dict[str, Any] = {"timeout": 5.0, "sleep": lambda _: None, **options}
        return Resolver([network], clock=lambda: 0.0, **settings)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def truth(world: World) -> DIDDocument:
    network = Network(
        name="dev", chain_id=31337, provider=world.chain.provider, did_registry=world.registry
    )
    document = Resolver([network], clock=lambda: 0.0).resolve(world.did).require_document()
    assert len(document.service) == CHANGES - 1
    return document


@pytest.fixture
def proxy(world: World) -> Iterator[FaultProxy]:
    with FaultProxy(world.chain.handle) as proxy:
        yield proxy


Right: TypeAlias = "Callable[..., None]"


@pytest.fixture
def is_right(world: World, proxy: FaultProxy, truth: DIDDocument) -> Right:
    def check(**options: Any) -> None:
        with world.resolver(proxy.url, **options) as resolver:
            result = resolver.resolve(world.did)
        assert result.error is None
        assert result.did_document == truth

    return check


@pytest.fixture
def fails(world: World, proxy: FaultProxy) -> Callable[..., ChainError]:
    def check(kind: type[ChainError], **options: Any) -> ChainError:
        with world.resolver(proxy.url, **options) as resolver:
            result = resolver.resolve(world.did)
        assert type(result.error) is kind, repr(result.error)
        assert result.view is None
        assert isinstance(result.error, ChainError)
        return result.error

    return check


# -- the line ------------------------------------------------------------------------------------


def test_a_good_line_takes_one_round_trip(proxy: FaultProxy, is_right: Right) -> None:
    is_right()
    assert proxy.round_trips == 1


def test_a_node_that_never_answers_is_unreachable(proxy: FaultProxy, fails: Any) -> None:
    proxy.always(Hang())
    assert "did not answer" in fails(NodeUnreachable, timeout=0.2, retries=1).message


def test_one_time_out_is_tried_again(proxy: FaultProxy, is_right: Right) -> None:
    proxy.next(Hang())
    is_right(timeout=0.5)


def test_a_broken_connection_is_tried_again(proxy: FaultProxy, is_right: Right) -> None:
    proxy.next(Reset(), Reset(after=0))
    is_right()


def test_retry_after_is_waited_for(proxy: FaultProxy, is_right: Right) -> None:
    slept: list[float] = []
    proxy.next(Status(429, {"Retry-After": "7"}))
    is_right(sleep=slept.append)
    assert slept == [7.0]


def test_a_node_that_is_always_busy_says_so(proxy: FaultProxy, fails: Any) -> None:
    proxy.always(Status(429, {"Retry-After": "1"}))
    fails(NodeBusy)


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_a_server_error_is_tried_again(proxy: FaultProxy, is_right: Right, status: int) -> None:
    proxy.next(Status(status))
    is_right()


def test_a_node_that_always_fails_is_unreachable(proxy: FaultProxy, fails: Any) -> None:
    proxy.always(Status(500))
    fails(NodeUnreachable)


@pytest.mark.parametrize(
    "fault", [Truncate(), Truncate(200), Body(), Body(b""), Body(b"null"), Entries(wrong_ids)]
)
def test_what_is_no_answer_is_an_invalid_answer(proxy: FaultProxy, fails: Any, fault: Any) -> None:
    proxy.always(fault)
    fails(InvalidAnswer)


def test_entries_in_another_order_are_sorted(proxy: FaultProxy, is_right: Right) -> None:
    proxy.always(Entries(lambda replies: replies[::-1]))
    is_right()


def test_a_missing_entry_is_an_invalid_answer(proxy: FaultProxy, fails: Any) -> None:
    proxy.always(Entries(lambda replies: replies[1:]))
    fails(InvalidAnswer)


@pytest.mark.parametrize("limit", [1, 2, 3])
def test_small_batches_give_the_same_document(
    proxy: FaultProxy, is_right: Right, limit: int
) -> None:
    proxy.always(BatchLimit(limit))
    is_right()


def test_a_node_that_refuses_everything_is_an_error(proxy: FaultProxy, fails: Any) -> None:
    proxy.always(SingleError(-32000, "this key has been disabled"))
    fails(NodeRefused)


def test_the_next_node_answers_for_a_dead_one(
    world: World, proxy: FaultProxy, truth: DIDDocument
) -> None:
    proxy.always(Status(500))
    with (
        FaultProxy(world.chain.handle) as good,
        world.resolver(proxy.url, good.url, retries=0) as resolver,
    ):
        assert resolver.resolve(world.did).did_document == truth


# -- the chain -----------------------------------------------------------------------------------


def test_another_chain_is_an_error(proxy: FaultProxy, fails: Any) -> None:
    proxy.rewrite("eth_chainId", lambda _call, _result: "0x1")
    error = fails(WrongChain)
    assert (error.facts["actual"], error.facts["expected"]) == (1, 31337)


def test_a_reorganisation_between_two_looks_is_read_again(
    proxy: FaultProxy, is_right: Right
) -> None:
    looks = itertools.count()

    def moved(_call: dict[str, Any], block: Any) -> Any:
        # The first head is of a branch that is gone when the last is read.
        if next(looks) > 0:
            return block
        return {**block, "hash": "0x" + "ab" * 32, "parentHash": "0x" + "cd" * 32}

    proxy.rewrite("eth_getBlockByNumber", moved)
    is_right()
    assert proxy.round_trips == 2


def test_a_chain_that_always_moves_is_an_error(proxy: FaultProxy, fails: Any) -> None:
    looks = itertools.count()
    proxy.rewrite(
        "eth_getBlockByNumber",
        lambda _call, block: {**block, "hash": "0x" + next(looks).to_bytes(32).hex()},
    )
    fails(ChainMoved)


def test_logs_of_another_branch_are_not_believed(proxy: FaultProxy, fails: Any) -> None:
    def elsewhere(_call: dict[str, Any], logs: Any) -> Any:
        return [{**log, "blockHash": "0x" + "ab" * 32, "blockTimestamp": None} for log in logs]

    proxy.rewrite("eth_getLogs", elsewhere)
    fails(ChainMoved)


# -- the logs ------------------------------------------------------------------------------------


def is_wide(call: dict[str, Any], most: int) -> bool:
    query = call["params"][0]
    last = 10**6 if query["toBlock"] == "latest" else int(query["toBlock"], 16)
    return last - int(query["fromBlock"], 16) + 1 > most


@pytest.mark.parametrize("words", RANGE_ERRORS)
def test_a_node_with_narrow_ranges_gives_the_same_document(
    proxy: FaultProxy, is_right: Right, words: str
) -> None:
    def refuse(call: dict[str, Any], logs: Any) -> Any:
        if is_wide(call, 10):
            raise RpcError(-32005, words)
        return logs

    proxy.rewrite("eth_getLogs", refuse)
    is_right()
    assert proxy.round_trips < 12


def test_a_node_that_refuses_every_range_is_an_error(proxy: FaultProxy, fails: Any) -> None:
    def refuse(_call: dict[str, Any], _logs: Any) -> Any:
        raise RpcError(-32005, "query returned more than 10000 results")

    proxy.rewrite("eth_getLogs", refuse)
    fails(RangeRefused)


@pytest.mark.parametrize("kept", range(CHANGES))
def test_a_node_that_cuts_long_answers_gives_the_same_document(
    proxy: FaultProxy, is_right: Right, kept: int
) -> None:
    def cut(call: dict[str, Any], logs: Any) -> Any:
        return logs[:kept] if is_wide(call, 1) else logs

    proxy.rewrite("eth_getLogs", cut)
    is_right()


@pytest.mark.parametrize("lost", range(CHANGES))
def test_one_lost_log_is_noticed(proxy: FaultProxy, fails: Any, world: World, lost: int) -> None:
    query = {"address": world.registry, "fromBlock": "0x0", "toBlock": "latest"}
    gone = world.ask("eth_getLogs", query)[lost]
    proxy.rewrite("eth_getLogs", lambda _call, logs: [log for log in logs if log != gone])
    assert fails(HistoryMissing).facts["block_number"] == int(gone["blockNumber"], 16)


def test_a_node_without_any_logs_is_noticed(proxy: FaultProxy, fails: Any) -> None:
    proxy.rewrite("eth_getLogs", lambda _call, _logs: [])
    fails(HistoryMissing)


def test_logs_without_times_take_a_second_round_trip(proxy: FaultProxy, is_right: Right) -> None:
    def untimed(_call: dict[str, Any], logs: Any) -> Any:
        return [{k: v for k, v in log.items() if k != "blockTimestamp"} for log in logs]

    proxy.rewrite("eth_getLogs", untimed)
    is_right()
    assert proxy.round_trips == 2


# -- the state -----------------------------------------------------------------------------------


def lying(change: Callable[[bytes], bytes]) -> Callable[[dict[str, Any], Any], Any]:
    """Changes the entry of the identity in the answer of the state call."""

    def rewrite(_call: dict[str, Any], result: Any) -> Any:
        data = bytes.fromhex(result[2:])
        return "0x" + (data[:113] + change(data[113:])).hex()

    return rewrite


@pytest.mark.parametrize(
    ("lie", "kind"),
    [
        (lambda entry: bytes(8) + entry[8:], NodeInconsistent),
        (lambda entry: (3).to_bytes(8) + entry[8:], NodeInconsistent),
        (lambda entry: (int.from_bytes(entry[:8]) + 1).to_bytes(8) + entry[8:], HistoryMissing),
        (lambda entry: entry[:8] + bytes(19) + b"\7", NodeInconsistent),
        (lambda _entry: _UNKNOWN + bytes(20), RegistryMissing),
    ],
    ids=["never changed", "changed earlier", "changed later", "another owner", "no answer"],
)
def test_a_lie_about_the_state_is_noticed(
    proxy: FaultProxy, fails: Any, lie: Callable[[bytes], bytes], kind: type[ChainError]
) -> None:
    def also_in_plain_calls(call: dict[str, Any], result: Any) -> Any:
        if "to" not in call["params"][0]:
            return lying(lie)(call, result)
        entry = lie(bytes.fromhex(result[2:])[-8:].rjust(8, b"\0") + bytes(20))
        is_changed = call["params"][0]["data"].startswith("0xf96d0f9f")
        truth = bytes.fromhex(result[2:])
        if is_changed:
            return "0x" + entry[:8].rjust(32, b"\0").hex()
        lied = lie(bytes(8) + truth[12:])
        return "0x" + lied[8:].rjust(32, b"\0").hex()

    proxy.rewrite("eth_call", also_in_plain_calls)
    fails(kind)


def test_a_node_without_init_code_calls_gives_the_same_document(
    proxy: FaultProxy, is_right: Right
) -> None:
    def refuse(call: dict[str, Any], result: Any) -> Any:
        if "to" not in call["params"][0]:
            raise RpcError(-32602, "missing value for required argument: to")
        return result

    proxy.rewrite("eth_call", refuse)
    is_right()
    assert proxy.round_trips == 2


def test_a_registry_without_code_is_an_error(world: World, proxy: FaultProxy) -> None:
    network = Network(name="dev", chain_id=31337, rpc_url=proxy.url, did_registry="0x" + "11" * 20)
    with Resolver([network]) as resolver:
        assert isinstance(resolver.resolve(world.did).error, RegistryMissing)


def test_another_contract_at_the_address_is_an_error(world: World, proxy: FaultProxy) -> None:
    # The registry's own code is there, and the identity's key too: neither is a registry.
    code = bytes.fromhex("6001600a60003960016000f300")  # deploys one byte: STOP
    address = world._mined({"from": world.chain.accounts[3].address, "data": "0x" + code.hex()})
    network = Network(name="dev", chain_id=31337, rpc_url=proxy.url, did_registry=address)
    with Resolver([network]) as resolver:
        assert isinstance(resolver.resolve(world.did).error, RegistryMissing)

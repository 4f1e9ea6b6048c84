"""What is sent, and what becomes of answers: real sockets, a node that misbehaves."""

from __future__ import annotations

import contextlib
import gzip
import logging
import socket
import threading
import time
import traceback
import tracemalloc
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.rpc import (
    Chain,
    Request,
    Steps,
    block_number,
    call,
    chain_id,
    get_block,
    get_code,
    get_logs,
)
from ethr_did.errors import (
    ChainError,
    HistoryMissing,
    InvalidAnswer,
    InvalidConfiguration,
    InvalidInput,
    NodeBusy,
    NodeRefused,
    NodeUnreachable,
    NotFoundError,
    QuorumFailed,
    RangeRefused,
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
    answering,
    wrong_ids,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from chain.conftest import Door

ECHO = Request("echo", ("hello",))
RAW = Request("eth_sendRawTransaction", ("0x01",))
BUSY = RpcError(-32005, "Too Many Requests")


def node(**more: Any) -> FaultProxy:
    answers = {
        "eth_chainId": "0x1",
        "eth_blockNumber": "0x10",
        "echo": lambda *params: list(params),
        "eth_sendRawTransaction": "0xhash",
        "fail": RpcError(3, "execution reverted", "0x08c379a0"),
    }
    return FaultProxy(answering({**answers, **more}))


@pytest.fixture
def proxy() -> Iterator[FaultProxy]:
    with node() as one:
        yield one


@pytest.fixture
def spare() -> Iterator[FaultProxy]:
    with node(echo="spare") as one:
        yield one


@pytest.fixture
def dead_url() -> str:
    """A URL that nobody listens on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def door(open_door: Callable[..., Door], proxy: FaultProxy) -> Door:
    return open_door(proxy.url)


def echoes(count: int) -> list[Request]:
    return [Request("echo", (number,)) for number in range(count)]


# --- batches


def test_one_batch_is_one_round_trip(door: Door, proxy: FaultProxy) -> None:
    assert door.send(ECHO, chain_id(), block_number()) == [["hello"], "0x1", "0x10"]
    assert proxy.round_trips == door.round_trips == 1


def test_an_empty_batch_asks_nothing(door: Door, proxy: FaultProxy) -> None:
    assert door.send() == []
    assert proxy.round_trips == 0


def test_a_reading_is_driven_to_its_result(door: Door) -> None:
    def steps() -> Steps[list[Any]]:
        (first,) = yield [ECHO]
        second = yield [chain_id(), block_number()]
        return [first, *second]

    assert door.run(steps()) == [["hello"], "0x1", "0x10"]
    assert door.round_trips == 2


def test_a_reading_may_catch_the_failure_of_a_batch(door: Door, proxy: FaultProxy) -> None:
    proxy.next(Body())

    def steps() -> Steps[Any]:
        try:
            yield [ECHO]
        except InvalidAnswer:
            return (yield [chain_id()])

    assert door.run(steps()) == ["0x1"]


def test_answers_in_any_order_are_sorted(door: Door, proxy: FaultProxy) -> None:
    proxy.always(Entries(lambda replies: replies[::-1]))
    assert door.send(*echoes(7)) == [[number] for number in range(7)]


def test_a_request_that_fails_alone_is_answered_by_its_error(door: Door) -> None:
    first, second = door.send(Request("fail"), ECHO)
    assert type(first) is NodeRefused
    assert first.facts["rpc_code"] == 3
    assert first.facts["data"] == "0x08c379a0"
    assert first.facts["method"] == "fail"
    assert first.facts["rpc_message"] == "execution reverted"
    assert second == ["hello"]


def test_batches_above_the_limit_are_split(
    open_door: Callable[..., Door], proxy: FaultProxy
) -> None:
    door = open_door(proxy.url, batch_limit=4)
    assert door.send(*echoes(10)) == [[number] for number in range(10)]
    assert [len(batch) for batch in proxy.batches] == [4, 4, 2]


@pytest.mark.parametrize(
    "fault",
    [
        BatchLimit(3),
        BatchLimit(3, code=-32005, message="Batch size limit exceeded"),
        BatchLimit(3, code=-32005, message="limit exceeded"),
        BatchLimit(3, code=-32600, message="invalid request", status=400),
        BatchLimit(3, code=-32700, message="parse error: unexpected array"),
    ],
)
def test_a_refused_batch_is_halved_and_the_size_remembered(
    door: Door, proxy: FaultProxy, fault: BatchLimit
) -> None:
    proxy.always(fault)
    assert door.send(*echoes(8)) == [[number] for number in range(8)]
    assert [len(batch) for batch in proxy.batches] == [8, 4, 2, 2, 2, 2]
    door.send(*echoes(4))
    assert [len(batch) for batch in proxy.batches[6:]] == [2, 2]


def test_a_stated_batch_size_is_taken_at_once(door: Door, proxy: FaultProxy) -> None:
    proxy.always(BatchLimit(3, message="batch too large: the maximum is 3 calls"))
    assert door.send(*echoes(7)) == [[number] for number in range(7)]
    assert [len(batch) for batch in proxy.batches] == [7, 3, 3, 1]


def test_a_node_without_batches_is_asked_one_by_one(door: Door, proxy: FaultProxy) -> None:
    proxy.always(BatchLimit(1, message="batch requests are not supported"))
    assert door.send(*echoes(3)) == [[0], [1], [2]]


def test_a_body_too_large_for_a_gateway_is_halved(door: Door, proxy: FaultProxy) -> None:
    proxy.always(Status(413), when=lambda batch: len(batch) > 2)
    assert door.send(*echoes(4)) == [[0], [1], [2], [3]]


def test_connections_are_kept_open(door: Door, proxy: FaultProxy) -> None:
    for _ in range(5):
        door.send(ECHO)
    assert (proxy.round_trips, proxy.connections) == (5, 1)


def test_several_threads_may_share_a_chain(proxy: FaultProxy) -> None:
    results: list[Any] = []
    with Chain([proxy.url], chain_id=1) as chain:

        def work(number: int) -> None:
            mine = [Request("echo", (number, place)) for place in range(10)]
            results.extend(chain.send([one])[0] for one in mine)

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(results) == [[number, place] for number in range(8) for place in range(10)]
        assert chain.round_trips == 80


# --- answers that are none


@pytest.mark.parametrize(
    "fault",
    [
        Body(b"<html>hello</html>"),
        Body(b""),
        Body(b"[" * 100_000),
        Body(b"\xff\xfe"),
        Body(b"null"),
        Body(b'{"jsonrpc":"2.0","id":1,"result":NaN}'),
        Truncate(),
        Entries(wrong_ids),
        Entries(lambda replies: [{**replies[0], "id": True}, *replies[1:]]),
        Entries(lambda replies: [{**replies[0], "id": str(replies[0]["id"])}, *replies[1:]]),
        Entries(lambda replies: [{"jsonrpc": "2.0", "id": replies[0]["id"]}, *replies[1:]]),
        Entries(lambda replies: ["text", *replies[1:]]),
    ],
)
@pytest.mark.parametrize("size", [1, 3])
def test_what_is_not_json_rpc_is_an_invalid_answer(
    door: Door, proxy: FaultProxy, fault: Any, size: int
) -> None:
    proxy.always(fault)
    with pytest.raises(InvalidAnswer):
        door.send(*echoes(size))
    assert proxy.round_trips == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda replies: replies[1:],
        lambda _: [],
        lambda replies: [replies[0], *replies],
        lambda replies: [replies[0], *replies[:-1]],
        lambda _: "all of them",
    ],
)
def test_every_request_is_answered_exactly_once(
    door: Door, proxy: FaultProxy, change: Callable[[list[Any]], Any]
) -> None:
    proxy.always(Entries(change))
    with pytest.raises(InvalidAnswer):
        door.send(*echoes(3))


def test_an_error_without_id_answers_a_single_request(door: Door, proxy: FaultProxy) -> None:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32700, "message": "what?"}}
    proxy.always(Entries(lambda _: [error]))
    (answer,) = door.send(ECHO)
    assert type(answer) is NodeRefused


def test_a_null_error_beside_a_result_is_none(door: Door, proxy: FaultProxy) -> None:
    proxy.always(Entries(lambda replies: [{**reply, "error": None} for reply in replies]))
    assert door.send(ECHO) == [["hello"]]


def test_a_body_over_the_limit_is_not_read(
    open_door: Callable[..., Door], proxy: FaultProxy
) -> None:
    door = open_door(proxy.url, max_bytes=1000)
    assert door.send(ECHO) == [["hello"]]
    with pytest.raises(InvalidAnswer, match="more than 1000 bytes"):
        door.send(Request("echo", ("x" * 5_000_000,)))
    assert door.send(ECHO) == [["hello"]]


def test_a_body_that_unpacks_to_more_than_the_limit_is_not_unpacked(
    open_door: Callable[..., Door], proxy: FaultProxy
) -> None:
    door = open_door(proxy.url, max_bytes=100_000)
    packed = Body(gzip.compress(bytes(200_000_000), compresslevel=1))
    proxy.always(lambda exchange: exchange.headers.update({"Content-Encoding": "gzip"}))
    proxy.always(packed)
    tracemalloc.start()
    with pytest.raises(InvalidAnswer, match="more than 100000 bytes"):
        door.send(ECHO)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 20_000_000


@pytest.mark.parametrize("fault", [Body(b"not gzip"), Body(gzip.compress(b"{}")[:-9])])
def test_a_body_that_cannot_be_unpacked_is_a_broken_connection(
    open_door: Callable[..., Door], proxy: FaultProxy, fault: Body
) -> None:
    proxy.always(lambda exchange: exchange.headers.update({"Content-Encoding": "gzip"}))
    proxy.always(fault)
    with pytest.raises((NodeUnreachable, InvalidAnswer)):
        open_door(proxy.url, retries=0).send(ECHO)


def test_a_body_that_drips_is_given_up_after_the_timeout(open_door: Callable[..., Door]) -> None:
    def drip(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(1 << 16)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            for _ in range(100):
                connection.sendall(b" ")
                time.sleep(0.05)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, args=(listener,))
        thread.start()
        door = open_door(f"http://127.0.0.1:{listener.getsockname()[1]}", timeout=0.3, retries=0)
        started = time.monotonic()
        with pytest.raises(NodeUnreachable, match=r"did not answer within 0.3 s"):
            door.send(ECHO)
        assert time.monotonic() - started < 2
        thread.join()


def test_redirects_are_not_followed(door: Door, proxy: FaultProxy, spare: FaultProxy) -> None:
    proxy.always(Status(307, {"Location": spare.url}))
    with pytest.raises(InvalidAnswer, match="redirects"):
        door.send(ECHO)
    assert spare.round_trips == 0


# --- trying again


def test_a_refused_connection_is_tried_again_with_growing_pauses(
    open_door: Callable[..., Door], dead_url: str
) -> None:
    door = open_door(dead_url, retries=3)
    with pytest.raises(NodeUnreachable, match="refused") as caught:
        door.send(ECHO)
    assert door.round_trips == 4
    assert len(door.pauses) == 3
    assert 0.125 <= door.pauses[0] <= 0.25 <= door.pauses[1] <= 0.5 <= door.pauses[2] <= 1.0
    assert caught.value.facts["not_sent"] is True
    assert isinstance(caught.value.__cause__, ConnectionError)


def test_a_broken_connection_is_tried_again(door: Door, proxy: FaultProxy) -> None:
    proxy.next(Reset(), Reset(0))
    assert door.send(ECHO) == [["hello"]]
    assert door.round_trips == 3


def test_a_silent_node_is_given_up_after_the_timeout(
    open_door: Callable[..., Door], proxy: FaultProxy
) -> None:
    proxy.next(Hang())
    door = open_door(proxy.url, timeout=0.3)
    assert door.send(ECHO) == [["hello"]]
    proxy.next(Hang())
    with pytest.raises(NodeUnreachable, match=r"did not answer within 0.3 s"):
        open_door(proxy.url, timeout=0.3, retries=0).send(ECHO)


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_is_obeyed_in_seconds(door: Door, proxy: FaultProxy, status: int) -> None:
    proxy.next(Status(status, {"Retry-After": "7"}))
    assert door.send(ECHO) == [["hello"]]
    assert door.pauses == [7.0]


def test_retry_after_is_obeyed_as_a_date(door: Door, proxy: FaultProxy) -> None:
    # The proxy's own Date header is the clock to compare with.
    due = datetime.now(UTC) + timedelta(seconds=12)
    proxy.next(Status(429, {"Retry-After": format_datetime(due, usegmt=True)}))
    assert door.send(ECHO) == [["hello"]]
    assert 8 <= door.pauses[0] <= 13


@pytest.mark.parametrize(
    ("said", "pause"), [("86400", 30.0), ("Mon, 01 Jan 1990 00:00:00 GMT", 0.0)]
)
def test_retry_after_has_a_limit(door: Door, proxy: FaultProxy, said: str, pause: float) -> None:
    proxy.next(Status(429, {"Retry-After": said}))
    door.send(ECHO)
    assert door.pauses == [pause]


@pytest.mark.parametrize("said", ["", "soon", "-5", "٣"])
def test_retry_after_that_cannot_be_read_is_ignored(said: str, proxy: FaultProxy) -> None:
    pauses: list[float] = []
    headers = {"Retry-After": said.encode().decode("latin-1")}
    proxy.next(Status(429, headers))
    with Chain([proxy.url], sleep=pauses.append) as chain:
        chain.send([ECHO])
    assert 0 < pauses[0] <= 0.25


@pytest.mark.parametrize("status", [500, 502, 504])
def test_server_errors_are_tried_again(door: Door, proxy: FaultProxy, status: int) -> None:
    proxy.next(Status(status), SingleError(-32603, "internal error", status))
    assert door.send(*echoes(2)) == [[0], [1]]
    assert door.round_trips == 3


def test_an_answer_counts_whatever_its_status(door: Door, proxy: FaultProxy) -> None:
    proxy.always(lambda exchange: setattr(exchange, "status", 500))
    (answer,) = door.send(Request("fail"))
    assert answer.facts["data"] == "0x08c379a0"
    assert door.round_trips == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (-32005, "Too Many Requests"),
        (429, "Your app has exceeded its compute units per second capacity."),
        (-32005, "daily request count exceeded, request rate limited"),
        (-32016, "over rate limit"),
        (-32007, "15/second request limit reached - reduce calls per second"),
        (-32005, "limit exceeded"),
        (-32000, "server is busy, try again later"),
    ],
)
def test_only_what_met_a_busy_node_is_asked_again(
    open_door: Callable[..., Door], code: int, message: str
) -> None:
    turns = iter([RpcError(code, message), None])

    def moody() -> str:
        if (error := next(turns)) is not None:
            raise error
        return "fine"

    with node(moody=moody) as proxy:
        door = open_door(proxy.url)
        assert door.send(ECHO, Request("moody"), chain_id()) == [["hello"], "fine", "0x1"]
        assert proxy.batches == [["echo", "moody", "eth_chainId"], ["moody"]]


def test_a_busy_batch_is_tried_again_and_not_halved(door: Door, proxy: FaultProxy) -> None:
    proxy.next(SingleError(429, "Too Many Requests"))
    assert door.send(*echoes(4)) == [[0], [1], [2], [3]]
    assert [len(batch) for batch in proxy.batches] == [4, 4]


def test_a_node_that_stays_busy_raises(open_door: Callable[..., Door]) -> None:
    with node(echo=BUSY) as proxy:
        door = open_door(proxy.url, retries=2)
        with pytest.raises(NodeBusy, match="Too Many Requests"):
            door.send(ECHO)
        assert proxy.round_trips == 3


@pytest.mark.parametrize("fault", [Reset(), Hang(), Status(503), Status(429), Body()])
def test_a_transaction_is_never_sent_twice(
    open_door: Callable[..., Door], proxy: FaultProxy, spare: FaultProxy, fault: Any
) -> None:
    proxy.always(fault)
    with pytest.raises(ChainError) as caught:
        open_door(proxy.url, spare.url, timeout=0.3).send(RAW)
    assert proxy.calls["eth_sendRawTransaction"] == 1
    assert spare.round_trips == 0
    assert not caught.value.facts.get("not_sent")


def test_a_transaction_that_met_a_busy_node_is_not_repeated(open_door: Callable[..., Door]) -> None:
    with node(eth_sendRawTransaction=BUSY) as proxy:
        (answer,) = open_door(proxy.url).send(RAW)
        assert type(answer) is NodeBusy
        assert proxy.round_trips == 1


def test_a_transaction_that_was_not_received_goes_to_the_next_node(
    open_door: Callable[..., Door], dead_url: str, spare: FaultProxy
) -> None:
    door = open_door(dead_url, spare.url)
    assert door.send(RAW) == ["0xhash"]
    assert spare.round_trips == 1


def test_a_refused_connection_of_the_callers_proves_nothing(
    open_door: Callable[..., Door], proxy: FaultProxy, dead_url: str
) -> None:
    proxy.always(Reset())
    door = open_door(proxy.url)
    try:
        with socket.create_connection(("127.0.0.1", int(dead_url.rpartition(":")[2]))):
            pytest.fail("somebody listens")
    except ConnectionRefusedError:
        with pytest.raises(NodeUnreachable) as caught:
            door.send(RAW)
    assert caught.value.facts["not_sent"] is False
    assert proxy.round_trips == 1


# --- several nodes


def test_the_next_node_is_asked_and_then_kept(
    open_door: Callable[..., Door], dead_url: str, spare: FaultProxy
) -> None:
    door = open_door(dead_url, spare.url, retries=1)
    assert door.send(ECHO) == ["spare"]
    assert door.round_trips == 3
    door.send(ECHO)
    assert door.round_trips == 4


@pytest.mark.parametrize("fault", [Body(), Status(401), Status(404)])
def test_an_unusable_node_is_left_for_the_next(
    open_door: Callable[..., Door], proxy: FaultProxy, spare: FaultProxy, fault: Any
) -> None:
    proxy.always(fault)
    assert open_door(proxy.url, spare.url).send(ECHO) == ["spare"]
    assert proxy.round_trips == 1


def test_when_no_node_answers_each_is_named_with_what_it_said(
    open_door: Callable[..., Door], dead_url: str, proxy: FaultProxy, spare: FaultProxy
) -> None:
    proxy.always(Status(429))
    spare.always(Body())
    door = open_door(dead_url, proxy.url, spare.url, retries=0)
    with pytest.raises(NodeBusy) as caught:
        door.send(ECHO)
    for words in (dead_url, "refused", proxy.url, "429", spare.url, "not JSON"):
        assert words in caught.value.message
    assert len(caught.value.facts["said"]) == 3


def test_a_refusal_by_a_node_is_an_answer_and_no_reason_to_ask_the_next(
    open_door: Callable[..., Door], proxy: FaultProxy, spare: FaultProxy
) -> None:
    (answer,) = open_door(proxy.url, spare.url).send(Request("fail"))
    assert isinstance(answer, NodeRefused)
    assert spare.round_trips == 0


# --- the chain id


def test_the_chain_id_is_checked_once_and_without_a_round_trip(
    open_door: Callable[..., Door], proxy: FaultProxy
) -> None:
    door = open_door(proxy.url, chain_id=1)
    assert door.send(ECHO) == [["hello"]]
    assert door.send(ECHO) == [["hello"]]
    assert proxy.batches == [["eth_chainId", "echo"], ["echo"]]


def test_the_wrong_chain_is_an_error_and_not_a_reason_to_ask_the_next(
    open_door: Callable[..., Door], proxy: FaultProxy, spare: FaultProxy
) -> None:
    proxy.rewrite("eth_chainId", lambda _call, _result: "0x5")
    door = open_door(proxy.url, spare.url, chain_id=1)
    with pytest.raises(WrongChain, match="is on chain 5, not on chain 1"):
        door.send(ECHO)
    assert spare.round_trips == 0


def test_the_chain_id_is_known_before_a_transaction_goes_out(
    open_door: Callable[..., Door], proxy: FaultProxy
) -> None:
    assert open_door(proxy.url, chain_id=1).send(RAW) == ["0xhash"]
    assert proxy.batches == [["eth_chainId"], ["eth_sendRawTransaction"]]
    with pytest.raises(WrongChain):
        open_door(proxy.url, chain_id=2).send(RAW)
    assert proxy.calls["eth_sendRawTransaction"] == 1


@pytest.mark.parametrize("answer", ["1", None, 1, "0xzz", RpcError(-32601, "no such method")])
def test_a_chain_id_that_cannot_be_read_is_an_error(
    open_door: Callable[..., Door], answer: Any
) -> None:
    with node(eth_chainId=answer) as proxy, pytest.raises(ChainError):
        open_door(proxy.url, chain_id=1).send(ECHO)


def test_the_chain_id_check_survives_a_node_without_batches(
    open_door: Callable[..., Door], proxy: FaultProxy
) -> None:
    proxy.always(BatchLimit(1))
    assert open_door(proxy.url, chain_id=1).send(ECHO) == [["hello"]]


# --- agreement


def read_echo(block: int | None) -> Steps[Any]:
    (answer,) = yield [Request("echo", (block,))]
    if isinstance(answer, ChainError):
        raise answer
    if answer == "gone":
        raise NotFoundError("nothing there")
    return answer


def test_a_quorum_of_one_is_a_plain_run(door: Door, proxy: FaultProxy) -> None:
    assert door.agree(read_echo) == [None]
    assert proxy.round_trips == 1


def test_agreement_is_sought_at_the_highest_block_that_enough_nodes_have(
    open_door: Callable[..., Door],
) -> None:
    with (
        node(eth_blockNumber="0x10") as ahead,
        node(eth_blockNumber="0xe") as behind,
        node(eth_blockNumber="0xf") as between,
    ):
        door = open_door(ahead.url, behind.url, between.url, quorum=2, chain_id=1)
        assert door.agree(read_echo) == [0xF]
        assert behind.calls["echo"] == 0


def test_the_majority_outvotes_a_liar(open_door: Callable[..., Door]) -> None:
    with node() as one, node(echo="lie") as liar, node() as other:
        assert open_door(liar.url, one.url, other.url, quorum=2).agree(read_echo) == [16]


def test_the_majority_outvotes_a_dead_node(open_door: Callable[..., Door], dead_url: str) -> None:
    with node() as one, node() as other:
        door = open_door(dead_url, one.url, other.url, quorum=2, retries=0)
        assert door.agree(read_echo) == [16]


def test_disagreement_names_who_said_what(open_door: Callable[..., Door], dead_url: str) -> None:
    with node() as one, node(echo="lie") as liar:
        door = open_door(one.url, liar.url, dead_url, quorum=2, retries=0)
        with pytest.raises(QuorumFailed) as caught:
            door.agree(read_echo)
        for words in (one.url, liar.url, dead_url, "[16]", "'lie'", "refused"):
            assert words in caught.value.message


def test_too_few_nodes_for_a_quorum_is_a_failure(
    open_door: Callable[..., Door], dead_url: str, proxy: FaultProxy
) -> None:
    door = open_door(dead_url, proxy.url, quorum=2, retries=0)
    with pytest.raises(QuorumFailed, match="too few nodes answered"):
        door.agree(read_echo)


def test_two_groups_that_both_reach_the_quorum_are_a_failure(
    open_door: Callable[..., Door],
) -> None:
    nodes = [node(), node(), node(echo="lie"), node(echo="lie")]
    try:
        with pytest.raises(QuorumFailed, match="do not agree"):
            open_door(*(one.url for one in nodes), quorum=2).agree(read_echo)
    finally:
        for one in nodes:
            one.close()


def test_nodes_may_agree_that_there_is_nothing(open_door: Callable[..., Door]) -> None:
    with node(echo="gone") as one, node(echo="gone") as other, node() as liar:
        door = open_door(one.url, liar.url, other.url, quorum=2)
        with pytest.raises(NotFoundError):
            door.agree(read_echo)


def test_nodes_that_could_not_tell_never_win(open_door: Callable[..., Door]) -> None:
    refusing = RpcError(-32000, "no")
    with node(echo=refusing) as one, node(echo=refusing) as other, node() as third:
        door = open_door(one.url, other.url, third.url, quorum=2)
        with pytest.raises(QuorumFailed):
            door.agree(read_echo)


def test_the_wrong_chain_is_not_outvoted(open_door: Callable[..., Door]) -> None:
    with node() as one, node() as other, node(eth_chainId="0x2") as foreign:
        door = open_door(one.url, foreign.url, other.url, quorum=2, chain_id=1)
        with pytest.raises(WrongChain):
            door.agree(read_echo)


# --- what may be given


@pytest.mark.parametrize(
    "nodes",
    [[], ["localhost:8545"], ["ws://localhost:8546"], ["http://"], ["file:///x"], [object()]],
)
def test_what_is_no_node_is_refused(open_door: Callable[..., Door], nodes: list[Any]) -> None:
    with pytest.raises(InvalidConfiguration):
        open_door(*nodes)


@pytest.mark.parametrize("quorum", [0, 2])
def test_an_impossible_quorum_is_refused(open_door: Callable[..., Door], quorum: int) -> None:
    with pytest.raises(InvalidConfiguration):
        open_door("http://localhost", quorum=quorum)


def test_one_url_need_not_be_a_list(proxy: FaultProxy) -> None:
    with Chain(proxy.url) as chain:
        assert chain.send([ECHO]) == [["hello"]]


# --- secrets

KEY = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    "fault", [None, Body(f"no access for {KEY}".encode()), Status(401, body=KEY.encode()), Reset()]
)
def test_no_error_shows_the_key_in_a_url(
    open_door: Callable[..., Door], proxy: FaultProxy, dead_url: str, fault: Any
) -> None:
    url = dead_url
    if fault is not None:
        proxy.always(fault)
        url = proxy.url
    host = url.removeprefix("http://")
    secret_url = f"http://bob:{KEY}@{host}/v3/{KEY}?token={KEY}"
    door = open_door(secret_url, retries=0)
    with pytest.raises(ChainError) as caught:
        door.send(ECHO)
    error = caught.value
    shown = "".join(traceback.format_exception(error)) + repr(dict(error.facts)) + repr(door.chain)
    assert KEY not in shown
    assert "bob" not in shown
    assert f"http://…@{host}/v3/…?…" in shown
    assert error.__context__ is None or KEY not in repr(error.__context__)


def test_the_words_of_a_node_are_cleaned(open_door: Callable[..., Door]) -> None:
    with node(echo=RpcError(-32000, f"key {KEY} is not allowed, see https://x.y/{KEY}")) as proxy:
        (answer,) = open_door(f"{proxy.url}/v3/{KEY}").send(ECHO)
    assert KEY not in str(answer.to_dict())
    assert "https://x.y/…" in answer.message


def test_the_log_shows_no_key(
    open_door: Callable[..., Door], proxy: FaultProxy, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="ethr_did"):
        open_door(f"{proxy.url}/v3/{KEY}").send(ECHO, chain_id())
    (record,) = [one for one in caplog.records if one.name == "ethr_did"]
    assert record.getMessage() == f"{proxy.url}/v3/…: 2 requests (echo, eth_chainId)"


# --- what the calls look like


def test_blocks_are_written_as_number_tag_or_hash() -> None:
    block_hash = bytes(31) + b"\x01"
    spelled = {"blockHash": "0x" + block_hash.hex(), "requireCanonical": True}
    assert get_code(b"\xaa" * 20, 0).params == ("0x" + "aa" * 20, "0x0")
    assert get_code(b"\xaa" * 20, "finalized").params[1] == "finalized"
    assert get_code(b"\xaa" * 20, block_hash).params[1] == spelled
    assert get_block(255) == Request("eth_getBlockByNumber", ("0xff", False))
    assert get_block(block_hash).method == "eth_getBlockByHash"


def test_a_call_without_address_carries_init_code() -> None:
    assert call(None, b"\x60", 1).params == ({"data": "0x60"}, "0x1")
    assert call(b"\xaa" * 20, b"", 1).params[0]["to"] == "0x" + "aa" * 20


def test_logs_are_asked_by_range_or_by_block_hash() -> None:
    address, topic = b"\xaa" * 20, b"\x01" * 32
    by_range = get_logs(address=address, topics=[[topic], None, topic], from_block=5)
    assert by_range.params[0] == {
        "address": "0x" + "aa" * 20,
        "topics": [["0x" + "01" * 32], None, "0x" + "01" * 32],
        "fromBlock": "0x5",
        "toBlock": "latest",
    }
    by_hash = get_logs(address=address, block_hash=topic)
    assert by_hash.params[0] == {"address": "0x" + "aa" * 20, "blockHash": "0x" + "01" * 32}


@pytest.mark.parametrize("block", [-1, True, "newest", 1.5, b"\x01" * 31, None])
def test_what_is_no_block_is_refused(block: Any) -> None:
    with pytest.raises(InvalidInput):
        get_code(bytes(20), block)


def test_a_range_and_a_hash_exclude_each_other() -> None:
    with pytest.raises(InvalidInput):
        get_logs(address=bytes(20), from_block=1, block_hash=bytes(32))


# --- refusals in context; their spellings are in test_node_errors.py


def test_a_refused_range_is_an_answer_with_its_facts(open_door: Callable[..., Door]) -> None:
    words = "query exceeds max block range 100000"
    with node(eth_getLogs=RpcError(-32000, words)) as proxy:
        (answer,) = open_door(proxy.url).send(get_logs(address=bytes(20), from_block=0))
    assert type(answer) is RangeRefused
    assert answer.facts["max_blocks"] == 100000


def test_forgotten_history_is_an_answer(open_door: Callable[..., Door]) -> None:
    with node(eth_call=RpcError(-32000, "missing trie node 0xabc")) as proxy:
        (answer,) = open_door(proxy.url).send(call(bytes(20), b"", 5))
    assert type(answer) is HistoryMissing

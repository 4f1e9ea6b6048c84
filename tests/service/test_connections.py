"""Connections of strangers, on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import struct
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from support.served import Served, read_reply, served

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

BOUNDS: dict[str, Any] = {
    "head_seconds": 0.3,
    "body_seconds": 0.3,
    "max_head_bytes": 2048,
    "max_body_bytes": 4096,
    "max_target_bytes": 512,
    "max_headers": 20,
    "max_connections": 20,
    "idle_seconds": 1,
    "stop_seconds": 1,
    "address_rate": None,
}
GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"


async def app(scope: Scope, receive: Receive, send: Send) -> None:
    """Reads the body, waits as long as the path says, tells how much there was."""
    size, more = 0, True
    while more and scope["path"] != "/unread":
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
    if scope["path"].startswith("/wait/"):
        await asyncio.sleep(float(scope["path"][6:]))
    body = b"x" * (1 << 24) if scope["path"] == "/large" else str(size).encode()
    if scope["path"] == "/names":
        body = b" ".join(name for name, _ in scope["headers"])
    length = str(len(body)).encode()
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]}
    )
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def service() -> Iterator[Served]:
    with served(app, **BOUNDS) as one:
        yield one


@pytest.fixture(autouse=True)
def _still_there(service: Served) -> Iterator[None]:
    """Whatever a stranger did, the next one is answered."""
    yield
    until = time.monotonic() + 3
    while service.ask(GET).status != 200:  # those who have left are still being forgotten
        assert time.monotonic() < until


def test_requests_of_one_connection_are_answered_one_after_the_other(service: Served) -> None:
    with service.connect() as connection:
        for _ in range(3):
            connection.sendall(GET)
            assert read_reply(connection).status == 200
        connection.sendall(GET * 2)
        assert read_reply(connection).status == 200


def test_no_server_is_named(service: Served) -> None:
    assert "server" not in service.ask(GET).headers


# --- heads


def test_a_head_that_does_not_come_to_its_end_is_not_waited_for(service: Served) -> None:
    begun = time.monotonic()
    with service.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\n")
        reply = read_reply(connection)
        assert connection.recv(1) == b""
    assert (reply.status, reply.problem["code"]) == (408, "head_too_slow")
    assert time.monotonic() - begun < 2


def test_byte_after_byte_takes_no_longer(service: Served) -> None:
    begun = time.monotonic()
    with service.connect() as connection:
        with contextlib.suppress(OSError):
            for byte in GET * 20:
                connection.sendall(bytes([byte]))
                time.sleep(0.02)
                if time.monotonic() - begun > 1:
                    break
        assert b" 408 " in connection.recv(65536)


def test_the_second_request_of_a_connection_has_no_more_time(service: Served) -> None:
    with service.connect() as connection:
        connection.sendall(GET)
        assert read_reply(connection).status == 200
        connection.sendall(b"GET / HT")
        assert read_reply(connection).problem["code"] == "head_too_slow"


def test_who_says_nothing_is_let_go(service: Served) -> None:
    with service.connect() as connection:
        assert connection.recv(1) == b""


def test_who_has_nothing_more_to_ask_is_let_go(service: Served) -> None:
    with service.connect() as connection:
        connection.sendall(GET)
        assert read_reply(connection).status == 200
        assert connection.recv(1) == b""


def test_an_endless_head_is_not_kept(service: Served) -> None:
    with service.connect() as connection:
        connection.sendall(b"GET / HTTP/1.1\r\nX: ")
        with contextlib.suppress(OSError):
            for _ in range(100):
                connection.sendall(b"x" * 1024)
        reply = read_reply(connection)
    assert (reply.status, reply.problem["code"]) == (431, "head_too_large")


def test_an_endless_path_is_not_kept(service: Served) -> None:
    with service.connect() as connection:
        connection.sendall(b"GET /" + b"x" * 3000)
        assert read_reply(connection).status == 431


def test_a_head_within_what_is_kept_is_judged_by_the_guard(service: Served) -> None:
    reply = service.ask(b"GET /" + b"x" * 600 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
    assert (reply.status, reply.problem["code"]) == (414, "target_too_long")
    many = b"".join(b"X-%d: \r\n" % n for n in range(30))
    reply = service.ask(b"GET / HTTP/1.1\r\n" + many + b"\r\n")
    assert (reply.status, reply.problem["code"]) == (431, "too_many_headers")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX\r\n\r\n",
        b"GET / HTTP/1.1\r\n Host: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost : x\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\x00b\r\n\r\n",
        b"CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    ],
)
def test_what_is_not_http_is_one_problem_and_the_end(service: Served, data: bytes) -> None:
    with service.connect() as connection:
        connection.sendall(data)
        reply = read_reply(connection)
        assert 400 <= reply.status < 500
        assert reply.problem["title"]
        assert connection.recv(1) == b""


def test_another_protocol_is_not_spoken(service: Served) -> None:
    with service.connect() as connection:
        connection.sendall(
            b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            b"Sec-WebSocket-Key: x\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        assert read_reply(connection).status == 200
        assert connection.recv(1) == b""


# --- bodies


def test_a_body_that_does_not_come_to_its_end_is_not_waited_for(service: Served) -> None:
    with service.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nx")
        reply = read_reply(connection)
        assert (reply.status, reply.problem["code"]) == (408, "body_too_slow")
        assert connection.recv(1) == b""


def test_too_large_a_body_is_refused_before_it_comes(service: Served) -> None:
    with service.connect() as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5000\r\n\r\n"
        )
        assert read_reply(connection).problem["code"] == "body_too_large"


def test_who_sends_too_large_a_body_learns_that_it_is(service: Served) -> None:
    with service.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n")
        connection.sendall(b"x" * 1_000_000)
        assert read_reply(connection).status == 413
        connection.sendall(GET)  # all of it was read and dropped
        assert read_reply(connection).status == 200


def test_a_flood_of_chunks_is_counted_as_it_comes(service: Served) -> None:
    with service.connect() as connection:
        connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 1 << 26:
                connection.sendall(b"400\r\n" + b"x" * 1024 + b"\r\n")
                sent += 1024
    assert sent < 1 << 26
    service.wait_for('"status":413')


CHUNKED = b"POST %s HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


def test_trailers_do_not_become_headers(service: Served) -> None:
    trailers = b"0\r\nX-Forwarded-For: 192.0.2.1\r\nX-API-Key: k\r\n\r\n"
    assert service.ask(CHUNKED % b"/names" + trailers).body == b"host transfer-encoding"


@pytest.mark.parametrize("endless", [b"0\r\na: ", b"0\r\n", b"1;a="])
def test_what_stands_around_a_body_is_bounded_too(service: Served, endless: bytes) -> None:
    with service.connect() as connection:
        connection.sendall(CHUNKED % b"/" + endless)
        time.sleep(0.05)  # the application has begun to wait for the rest
        with contextlib.suppress(OSError):
            for _ in range(8):
                connection.sendall(b"b: c\r\n" * 100 if endless == b"0\r\n" else b"b" * 600)
        assert read_reply(connection).status == 431


def test_a_body_in_the_smallest_chunks_is_read(service: Served) -> None:
    assert service.ask(CHUNKED % b"/" + b"1\r\nx\r\n" * 1000 + b"0\r\n\r\n").body == b"1000"


def test_more_requests_than_may_wait_end_their_connection(service: Served) -> None:
    with service.connect() as connection:
        connection.sendall(b"GET /wait/0.2 HTTP/1.1\r\nHost: x\r\n\r\n" + GET * 100)
        answers = b""
        with contextlib.suppress(OSError):
            while data := connection.recv(65536):
                answers += data
    assert answers.count(b"HTTP/1.1 200") <= 1


def test_a_body_that_nobody_reads_is_dropped(service: Served) -> None:
    with service.connect() as connection:
        connection.sendall(b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n")
        assert read_reply(connection).status == 200
        connection.sendall(b"x" * 4000 + GET)
        assert read_reply(connection).body == b"0"


def test_a_body_that_stops_after_the_answer_ends_the_connection(service: Served) -> None:
    with service.connect() as connection:
        connection.sendall(b"POST /unread HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\nx")
        assert read_reply(connection).status == 200
        assert connection.recv(1) == b""


# --- those who leave


def test_who_leaves_while_being_answered_harms_nobody(service: Served) -> None:
    before = len(service.log.getvalue())
    for _ in range(5):
        with service.connect() as connection:
            connection.sendall(b"GET /wait/0.1 HTTP/1.1\r\nHost: x\r\n\r\n")
            linger = struct.pack("ii", 1, 0)  # a reset in place of an orderly end
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    service.wait_for('"event":"request"')
    time.sleep(0.3)
    assert "fault" not in service.log.getvalue()[before:]
    assert len(service.guard._deadlines) == 0


def test_who_leaves_in_the_middle_of_a_body_harms_nobody(service: Served) -> None:
    for end in (b"", b"x" * 50):
        with service.connect() as connection:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n" + end)
    service.wait_for('"event":"request"')


def test_who_does_not_read_the_answer_does_not_keep_the_connection(service: Served) -> None:
    with service.connect() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.sendall(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        until = time.monotonic() + 4
        while service.server.server_state.connections:
            assert time.monotonic() < until
            time.sleep(0.02)


# --- many


def test_more_connections_than_there_is_room_for_are_told_so(service: Served) -> None:
    with contextlib.ExitStack() as stack:
        kept = [stack.enter_context(service.connect()) for _ in range(20)]
        for one in kept:
            one.sendall(GET)
            assert read_reply(one).status == 200
        reply = service.ask(GET)
        assert (reply.status, reply.headers["retry-after"]) == (503, "1")
        assert reply.problem["code"] == "too_many_connections"


def test_slow_clients_do_not_keep_others_waiting(service: Served) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(15):
            stack.enter_context(service.connect()).sendall(b"GET / HTTP/1.1\r\nX: ")
        begun = time.monotonic()
        assert service.ask(GET).status == 200
        assert time.monotonic() - begun < 0.25


# --- the end


def test_what_is_being_answered_is_finished_and_nothing_new_is_taken() -> None:
    options = BOUNDS | {"stop_seconds": 5}
    with served(app, **options) as one, one.connect() as connection, one.connect() as idle:
        connection.sendall(b"GET /wait/0.4 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.1)
        one.server.should_exit = True
        assert idle.recv(1) == b""
        reply = read_reply(connection)
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        with pytest.raises(ConnectionRefusedError):
            one.connect()


def test_what_takes_longer_than_its_time_is_told_that_the_service_stops() -> None:
    with served(app, **BOUNDS) as one, one.connect() as connection:
        connection.sendall(b"GET /wait/30 HTTP/1.1\r\nHost: x\r\n\r\n")
        time.sleep(0.1)
        begun = time.monotonic()
        one.server.should_exit = True
        reply = read_reply(connection)
        assert (reply.status, reply.problem["code"]) == (503, "stopping")
        assert time.monotonic() - begun < 3


def test_under_overload_answers_are_right_or_refused() -> None:
    with served(app, **BOUNDS | {"max_requests": 4, "max_connections": 100}) as one:
        replies = []

        def ask() -> None:
            reply = one.ask(b"GET /wait/0.05 HTTP/1.1\r\nHost: x\r\n\r\n")
            replies.append((reply.status, reply.body))

        threads = [threading.Thread(target=ask) for _ in range(40)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(replies) == 40
    assert {status for status, _ in replies} == {200, 503}
    for status, body in replies:
        assert body == b"0" if status == 200 else json.loads(body)["code"] == "overloaded"

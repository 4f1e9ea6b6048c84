"""Fetching over real sockets and real TLS, blocking and awaited: every claim holds for both."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ethr_did.errors import FetchError, InvalidFile
from ethr_did.fetching import AsyncFetcher, Fetcher, FetchRules, resolve_host
from support.web_server import (
    RESET,
    Authority,
    WebServer,
    chunk,
    dripping,
    endless,
    head,
    redirect,
    whole,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fetching.conftest import Fetch

LOOPBACK = "127.0.0.1"
PUBLIC = "93.184.215.14"


def reason(call: Callable[[], object]) -> str:
    """Why that could not be fetched."""
    with pytest.raises(FetchError) as caught:
        call()
    found: str = caught.value.facts["reason"]
    return found


def header_lines(asked: bytes) -> dict[str, str]:
    lines = asked.decode("latin-1").split("\r\n")[1:-2]
    return {line.partition(":")[0].lower(): line.partition(":")[2].strip() for line in lines}


# -- what comes back -----------------------------------------------------------------------------


def test_document_comes_back_as_it_was_sent(fetch: Fetch, server: WebServer) -> None:
    body = bytes(range(256)) * 500
    server.on(
        "/1?a=b",
        whole(
            body,
            content_type="Application/VC+JWT; charset=utf-8",
            cache_control="public, max-age=300",
            age=60,
            etag='"seven"',
        ),
    )
    found = fetch("/1?a=b#part")
    assert found.content == body
    assert found.url == f"https://lists.example:{server.port}/1?a=b"
    assert (found.media_type, found.max_age, found.etag) == ("application/vc+jwt", 240, '"seven"')
    assert found.redirects == ()


def test_document_in_chunks_comes_back_whole(fetch: Fetch, server: WebServer) -> None:
    pieces = [b"a" * 10, b"b" * 70_000, b"c"]
    answer = [chunk(piece) for piece in (*pieces, b"")]
    server.on("/1", head(200, transfer_encoding="chunked"), *answer)
    assert fetch("/1").content == b"".join(pieces)


def test_empty_document_is_one(fetch: Fetch, server: WebServer) -> None:
    server.on("/1", whole(b""))
    assert fetch("/1").content == b""


def test_what_is_not_said_about_a_document_is_none(fetch: Fetch, server: WebServer) -> None:
    server.on("/1", whole(b"x"))
    found = fetch("/1")
    assert (found.media_type, found.max_age, found.etag) == (None, None, None)


def test_plain_http_where_it_is_allowed(fetch: Fetch, plain_server: WebServer) -> None:
    plain_server.on("/1", whole(b"x"))
    url = f"http://lists.example:{plain_server.port}/1"
    assert fetch(url, allow_http=True).content == b"x"
    assert reason(lambda: fetch(url)) == "forbidden"


def test_address_for_a_host_needs_a_certificate_for_the_address(
    fetch: Fetch, server: WebServer
) -> None:
    server.on("/1", whole(b"x"))
    assert fetch(f"https://{LOOPBACK}:{server.port}/1").content == b"x"


def test_document_comes_from_an_ipv6_address_too(authority: Authority, fetch: Fetch) -> None:
    if not socket.has_ipv6 or "::1" not in resolve_host("::1", 443):
        pytest.skip("no IPv6")
    with WebServer(tls=authority.serving("lists.example", "::1"), host="::1") as server:
        server.on("/1", whole(b"x"))
        assert fetch(f"https://[::1]:{server.port}/1").content == b"x"
        url = f"https://lists.example:{server.port}/1"
        assert fetch(url, resolve=lambda *_: ["::1"]).content == b"x"
        assert header_lines(server.asked[0])["host"] == f"[::1]:{server.port}"


def test_one_fetcher_serves_several_threads_and_loops(
    authority: Authority, server: WebServer
) -> None:
    server.on("/1", whole(b"x"))
    rules = FetchRules(allow_private=True, ca_file=authority.ca_file)
    url = f"https://{LOOPBACK}:{server.port}/1"
    fetcher, awaited = Fetcher(rules), AsyncFetcher(rules)
    with ThreadPoolExecutor(2) as threads:
        both = threads.map(lambda _: fetcher.fetch(url, accept="*/*").content, range(2))
        assert list(both) == [b"x", b"x"]

    async def twice() -> list[bytes]:
        both = await asyncio.gather(*(awaited.fetch(url, accept="*/*") for _ in range(2)))
        return [found.content for found in both]

    assert [asyncio.run(twice()) for _ in range(2)] == [[b"x", b"x"]] * 2


# -- what is sent --------------------------------------------------------------------------------


def test_request_says_no_more_than_it_must(fetch: Fetch, server: WebServer) -> None:
    server.on("/1?a=%7E&b", whole(b"x"))
    fetch("/1?a=%7E&b", accept="application/statuslist+jwt")
    (asked,) = server.asked
    assert asked.startswith(b"GET /1?a=%7E&b HTTP/1.1\r\n")
    assert header_lines(asked) == {
        "host": f"lists.example:{server.port}",
        "accept": "application/statuslist+jwt",
        "accept-encoding": "identity",
        "user-agent": "ethr-did",
        "connection": "close",
    }


def test_path_is_sent_as_it_is_written(fetch: Fetch, server: WebServer) -> None:
    for path in ("//a/../b", "/%2e%2E/x", "/a;b=c:d@e!$&'()*+,", "/?x=/?%00"):
        server.on(path, whole(b"x"))
        fetch(path)
        assert server.asked[-1].startswith(f"GET {path} HTTP/1.1\r\n".encode())


def test_cookies_are_not_kept(fetch: Fetch, server: WebServer) -> None:
    to = whole(b"", status=302, location="/2", set_cookie="a=b; Domain=lists.example; Path=/")
    server.on("/1", to)
    server.on("/2", whole(b"x"))
    fetch("/1")
    assert [
        name for asked in server.asked for name in header_lines(asked) if "cookie" in name
    ] == []


def test_redirect_carries_no_referrer_and_the_host_it_leads_to(
    fetch: Fetch, server: WebServer
) -> None:
    server.on("/1?secret", redirect(f"https://other.example:{server.port}/2"))
    server.on("/2", whole(b"x"))
    fetch("/1?secret")
    headers = header_lines(server.asked[1])
    assert headers["host"] == f"other.example:{server.port}"
    assert "referer" not in headers


def test_netrc_of_the_user_is_not_read(
    fetch: Fetch, server: WebServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login bob password secret\n", "utf-8")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    server.on("/1", whole(b"x"))
    fetch("/1")
    assert "authorization" not in header_lines(server.asked[0])


def test_proxies_of_the_environment_are_not_used(
    fetch: Fetch, server: WebServer, plain_server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{plain_server.port}")
    server.on("/1", whole(b"x"))
    assert fetch("/1").content == b"x"
    assert plain_server.connections == 0


# -- to where it connects ------------------------------------------------------------------------


def test_name_at_a_loopback_address_is_not_connected_to(fetch: Fetch, server: WebServer) -> None:
    with pytest.raises(FetchError, match="is at a loopback address") as caught:
        fetch("/1", allow_private=False)
    assert "allow_private" in caught.value.hint
    assert server.connections == 0


def test_literal_loopback_address_is_not_connected_to(fetch: Fetch, server: WebServer) -> None:
    for host in (LOOPBACK, "[::1]", "[::ffff:127.0.0.1]", "[64:ff9b::7f00:1]"):
        url = f"https://{host}:{server.port}/1"
        assert reason(lambda url=url: fetch(url, allow_private=False)) == "forbidden"  # type: ignore[misc]
    assert server.connections == 0


def test_one_private_address_among_public_ones_refuses_the_name(
    fetch: Fetch, server: WebServer
) -> None:
    def mixed(_host: str, _port: int) -> list[str]:
        return [PUBLIC, LOOPBACK]

    assert reason(lambda: fetch("/1", resolve=mixed, allow_private=False)) == "forbidden"
    assert server.connections == 0


def test_name_is_resolved_once_so_that_it_cannot_move_in_between(
    fetch: Fetch, server: WebServer
) -> None:
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [LOOPBACK] if len(asked) == 1 else ["169.254.169.254"]

    server.on("/1", whole(b"x"))
    assert fetch("/1", resolve=rebinding).content == b"x"
    assert asked == ["lists.example"]


def test_name_is_checked_anew_at_each_redirect(fetch: Fetch, server: WebServer) -> None:
    def rebinding(_host: str, _port: int) -> list[str]:
        return ["169.254.169.254"] if server.asked else [LOOPBACK]

    server.on("/1", redirect("/2"))
    assert reason(lambda: fetch("/1", resolve=rebinding)) == "forbidden"
    assert server.connections == 1


@pytest.mark.parametrize(
    "place",
    [
        "https://169.254.169.254/latest/meta-data",
        "https://[fd00:ec2::254]/",
        "https://0.0.0.0/",
        "https://[::]/",
        "https://[fe80::1]/",
        "https://224.0.0.1/",
    ],
)
def test_redirect_to_the_inside_is_not_followed(
    fetch: Fetch, server: WebServer, place: str
) -> None:
    server.on("/1", redirect(place))
    assert reason(lambda: fetch("/1")) == "forbidden"


def test_next_address_is_tried_where_one_takes_no_connection(
    fetch: Fetch, server: WebServer
) -> None:
    def two(_host: str, _port: int) -> list[str]:
        return ["127.0.0.9", LOOPBACK]

    server.on("/1", whole(b"x"))
    assert fetch("/1", resolve=two).content == b"x"


def test_next_address_is_not_tried_after_an_answer(fetch: Fetch, server: WebServer) -> None:
    server.on("/1", RESET)
    assert reason(lambda: fetch("/1", resolve=lambda *_: [LOOPBACK, "127.0.0.9"])) == "broken"


def test_host_that_takes_no_connection_is_named(fetch: Fetch) -> None:
    with socket.create_server((LOOPBACK, 0)) as unused:
        port = unused.getsockname()[1]
    with pytest.raises(FetchError, match=r"cannot be reached: Connection refused$") as caught:
        fetch(f"https://lists.example:{port}/1?key=secret")
    assert caught.value.facts["url"] == f"https://lists.example:{port}/1?…"
    assert "secret" not in repr(caught.value.to_dict())


def test_address_that_is_silent_is_given_up(fetch: Fetch) -> None:
    # A listener that accepts nothing: TCP connects, TLS never answers.
    with socket.create_server((LOOPBACK, 0)) as silent:
        url = f"https://lists.example:{silent.getsockname()[1]}/"
        started = time.monotonic()
        with pytest.raises(FetchError, match="cannot be reached: timed out"):
            fetch(url, connect_timeout=0.3)
    assert time.monotonic() - started < 2


def test_name_without_an_address_is_unresolved(fetch: Fetch) -> None:
    def unknown(_host: str, _port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert reason(lambda: fetch("/1", resolve=unknown)) == "unresolved"
    assert reason(lambda: fetch("/1", resolve=lambda *_: [])) == "unresolved"
    assert reason(lambda: fetch("/1", resolve=lambda *_: ["lists.example"])) == "unresolved"
    assert reason(lambda: fetch("/1", resolve=lambda *_: ["fe80::1%eth0"])) == "unresolved"


def test_fault_of_a_resolver_is_not_taken_for_a_missing_name(fetch: Fetch) -> None:
    def faulty(_host: str, _port: int) -> list[str]:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fetch("/1", resolve=faulty)


def test_system_resolves_names() -> None:
    assert set(resolve_host("localhost", 443)) & {LOOPBACK, "::1"}


# -- whom it trusts ------------------------------------------------------------------------------


def test_certificate_for_another_name_is_refused(fetch: Fetch, server: WebServer) -> None:
    with pytest.raises(FetchError, match="cannot be trusted: Hostname mismatch") as caught:
        fetch(f"https://evil.example:{server.port}/1")
    assert caught.value.facts["reason"] == "tls"
    assert server.asked == []


def test_certificate_of_an_unknown_authority_is_refused(
    fetch: Fetch, server: WebServer, tmp_path: Path
) -> None:
    other = Authority(tmp_path)
    assert reason(lambda: fetch("/1", ca_file=other.ca_file)) == "tls"
    assert reason(lambda: fetch("/1", ca_file=None)) == "tls"
    assert server.asked == []


def test_certificate_that_expired_is_refused(fetch: Fetch, authority: Authority) -> None:
    with WebServer(tls=authority.serving("lists.example", days=-1)) as server:
        url = f"https://lists.example:{server.port}/1"
        with pytest.raises(FetchError, match="expired"):
            fetch(url)


def test_server_without_tls_is_refused(fetch: Fetch) -> None:
    with socket.create_server((LOOPBACK, 0)) as listener:
        answering = threading.Thread(target=answer_plainly, args=(listener,))
        answering.start()
        url = f"https://lists.example:{listener.getsockname()[1]}/1"
        assert reason(lambda: fetch(url)) == "tls"
        answering.join()


def answer_plainly(listener: socket.socket) -> None:
    """HTTP in the clear, to whatever is asked."""
    connection, _ = listener.accept()
    with connection, contextlib.suppress(OSError):
        connection.sendall(whole(b"x"))
        while connection.recv(1 << 16):
            pass


def test_file_without_certificates_is_named_at_once(tmp_path: Path) -> None:
    empty = tmp_path / "ca.pem"
    empty.write_text("nothing", "utf-8")
    for path in (empty, tmp_path / "missing.pem"):
        for kind in (Fetcher, AsyncFetcher):
            with pytest.raises(InvalidFile, match="holds no certificates"):
                kind(FetchRules(ca_file=path))


def test_certificates_are_there_where_the_system_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "missing.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    assert len(Fetcher()._tls.get_ca_certs()) > 50


def test_certificates_are_always_checked() -> None:
    context = AsyncFetcher()._tls
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


# -- redirects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed_and_named(fetch: Fetch, server: WebServer, status: int) -> None:
    server.on("/a/1", redirect("2?x#y", status))
    server.on("/a/2?x", redirect(f"//other.example:{server.port}/3", status))
    server.on("/3", whole(b"x"))
    found = fetch("/a/1")
    assert found.url == f"https://other.example:{server.port}/3"
    assert found.redirects == (
        f"https://lists.example:{server.port}/a/1",
        f"https://lists.example:{server.port}/a/2?x",
    )


def test_redirects_in_a_circle_end(fetch: Fetch, server: WebServer) -> None:
    server.on("/1", redirect("/2"))
    server.on("/2", redirect("/1"))
    with pytest.raises(FetchError, match="redirects more than 3 times"):
        fetch("/1")
    assert len(server.asked) == 4


def test_no_redirect_where_none_is_allowed(fetch: Fetch, server: WebServer) -> None:
    server.on("/1", redirect("/2"))
    assert reason(lambda: fetch("/1", most_redirects=0)) == "redirect"


@pytest.mark.parametrize(
    "place", ["http://lists.example/", "HTTP://x.example", "file:///etc/passwd"]
)
def test_redirect_to_anything_but_https_is_refused(
    fetch: Fetch, server: WebServer, place: str
) -> None:
    server.on("/1", redirect(place))
    assert reason(lambda: fetch("/1", allow_http=True)) == "redirect"


def test_redirect_with_user_info_is_refused_and_not_shown(fetch: Fetch, server: WebServer) -> None:
    server.on("/1", redirect(f"https://bob:secret@lists.example:{server.port}/2"))
    with pytest.raises(FetchError, match="holds user info") as caught:
        fetch("/1")
    assert "secret" not in repr(caught.value.to_dict())


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("Location:",),
        ("Location: /2", "Location: /3"),
        ("Location: /a b",),
        ("Location: /\\evil",),
        ("Location: /\xe4",),
        ("Location: https://[::1",),
    ],
)
def test_redirect_that_names_no_place_is_refused(
    fetch: Fetch, server: WebServer, lines: tuple[str, ...]
) -> None:
    server.on("/1", whole(b"", *lines, status=302))
    assert reason(lambda: fetch("/1")) in {"redirect", "url"}


# -- what it takes -------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [201, 203, 204, 206, 300, 304, 400, 401, 404, 410, 500, 503])
def test_only_status_200_is_a_document(fetch: Fetch, server: WebServer, status: int) -> None:
    server.on("/1", whole(b"" if status in {204, 304} else b"x", status=status))
    with pytest.raises(FetchError, match=f"answered {status}$") as caught:
        fetch("/1")
    assert (caught.value.facts["reason"], caught.value.facts["status"]) == ("status", status)


@pytest.mark.parametrize("coding", ["gzip", "br", "x-unknown", "identity, gzip"])
def test_encoded_body_is_refused(fetch: Fetch, server: WebServer, coding: str) -> None:
    server.on("/1", whole(gzip.compress(b"x" * 1000), content_encoding=coding))
    assert reason(lambda: fetch("/1")) == "encoded"


def test_encoding_that_is_none_is_none(fetch: Fetch, server: WebServer) -> None:
    server.on("/1", whole(b"x", content_encoding="identity"))
    assert fetch("/1").content == b"x"


def test_length_above_the_limit_is_refused_before_the_body_is_read(
    fetch: Fetch, server: WebServer
) -> None:
    server.on("/1", head(200, content_length=10**9), 60.0)
    with pytest.raises(FetchError, match="is longer than 1000 bytes"):
        fetch("/1", most_bytes=1000)


def test_chunks_without_an_end_are_read_up_to_the_limit(fetch: Fetch, server: WebServer) -> None:
    server.on("/1", head(200, transfer_encoding="chunked"), endless(chunk(b"x" * 1000)))
    assert reason(lambda: fetch("/1", most_bytes=100_000)) == "too_large"


def test_limit_is_the_lower_of_the_rules_and_the_call(fetch: Fetch, server: WebServer) -> None:
    server.on("/1", whole(b"x" * 100))
    assert len(fetch("/1", most=100, most_bytes=1000).content) == 100
    assert reason(lambda: fetch("/1", most=99, most_bytes=1000)) == "too_large"
    assert reason(lambda: fetch("/1", most=1000, most_bytes=99)) == "too_large"


@pytest.mark.parametrize("ending", [(), (RESET,)], ids=["closed", "reset"])
@pytest.mark.parametrize(
    "beginning",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        head(200, content_length=3)[:-2],
        head(200, content_length=100) + b"x" * 99,
        head(200, transfer_encoding="chunked") + chunk(b"abc"),
        head(200, transfer_encoding="chunked") + b"5\r\nab",
        head(200, transfer_encoding="chunked") + b"5",
    ],
)
def test_answer_that_breaks_off_is_refused(
    fetch: Fetch, server: WebServer, beginning: bytes, ending: tuple[str, ...]
) -> None:
    server.on("/1", beginning, 0.05, *ending)
    assert reason(lambda: fetch("/1")) == "broken"


def test_redirect_that_breaks_off_is_not_followed(fetch: Fetch, server: WebServer) -> None:
    server.on("/1", b"HTTP/1.1 302 Words\r\nLocation: https://lists.exam")
    assert reason(lambda: fetch("/1")) == "broken"


@pytest.mark.parametrize(
    "lines",
    [
        (),
        ("Content-Length: -1",),
        ("Content-Length: +1",),
        ("Content-Length: 1, 2",),
        ("Content-Length: 1", "Content-Length: 2"),
        ("Content-Length: 1", "Transfer-Encoding: chunked"),
        ("Transfer-Encoding: gzip, chunked",),
        ("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    ],
)
def test_body_whose_end_is_not_clear_is_refused(
    fetch: Fetch, server: WebServer, lines: tuple[str, ...]
) -> None:
    server.on("/1", head(200, *lines), b"x")
    assert reason(lambda: fetch("/1")) == "broken"


@pytest.mark.parametrize(
    "flood",
    [
        [endless(b"X: y\r\n")],
        [endless(b"X" * 1000)],
        [b"X: ", endless(b"y" * 1000)],
    ],
    ids=["many headers", "a long name", "a long value"],
)
def test_headers_without_an_end_are_refused(
    fetch: Fetch, server: WebServer, flood: list[bytes | Iterator[bytes]]
) -> None:
    server.on("/1", b"HTTP/1.1 200 OK\r\n", *flood)
    assert reason(lambda: fetch("/1")) == "broken"


def test_other_protocols_are_refused(fetch: Fetch, server: WebServer) -> None:
    server.on("/1", b"220 mail.example ESMTP\r\n")
    assert reason(lambda: fetch("/1")) == "broken"


# -- how long it takes ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        lambda: [60.0],
        lambda: [dripping(head(200, content_length=1), every=0.1)],
        lambda: [head(200, content_length=100), dripping(b"x" * 100, every=0.1)],
        lambda: [head(200, transfer_encoding="chunked"), dripping(b"0" * 100, every=0.1)],
        lambda: [head(100), dripping(head(100) * 9, every=0.1)],
    ],
    ids=["silence", "headers", "body", "length of a chunk", "go on"],
)
def test_deadline_holds_for_everything_together(
    fetch: Fetch, server: WebServer, answer: Callable[[], list[float]]
) -> None:
    server.on("/1", *answer())
    started = time.monotonic()
    with pytest.raises(FetchError, match=r"was not there within 0\.5 s"):
        fetch("/1", timeout=0.5)
    assert time.monotonic() - started < 2


def test_deadline_holds_over_redirects(fetch: Fetch, server: WebServer) -> None:
    for here, there in (("/1", "/2"), ("/2", "/3"), ("/3", "/4"), ("/4", "/5")):
        server.on(here, 0.2, redirect(there))
    assert reason(lambda: fetch("/1", timeout=0.5)) == "timeout"


def test_deadline_holds_for_the_name_service(fetch: Fetch) -> None:
    done = threading.Event()

    def slow(_host: str, _port: int) -> list[str]:
        done.wait(30)
        return [LOOPBACK]

    started = time.monotonic()
    assert reason(lambda: fetch("/1", resolve=slow, timeout=0.3)) == "timeout"
    assert time.monotonic() - started < 2
    done.set()


def test_deadline_that_is_over_at_once_is_one(fetch: Fetch) -> None:
    assert reason(lambda: fetch("/1", timeout=1e-9)) == "timeout"


async def test_fetch_that_is_cancelled_is_cancelled(
    authority: Authority, server: WebServer
) -> None:
    server.on("/1", head(200, content_length=1), 60.0)
    fetcher = AsyncFetcher(FetchRules(allow_private=True, ca_file=authority.ca_file))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await fetcher.fetch(f"https://{LOOPBACK}:{server.port}/1", accept="*/*")


# -- whatever comes ------------------------------------------------------------------------------


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    noise=st.one_of(
        st.binary(max_size=200),
        st.binary(max_size=80).map(lambda b: b"HTTP/1.1 200 OK\r\n" + b),
        st.binary(max_size=80).map(lambda b: head(200, transfer_encoding="chunked") + b),
        st.binary(max_size=40).map(
            lambda b: b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nETag: " + b + b"\r\n\r\nx"
        ),
    )
)
def test_whatever_a_server_sends_ends_in_a_document_or_an_error_of_ours(
    fetch: Fetch, server: WebServer, noise: bytes
) -> None:
    server.on("/1", noise)
    try:
        fetch("/1", timeout=2)
    except FetchError as error:
        assert str(error).isprintable()  # noqa: PT017 - no error is fine too

"""URLs: which are fetched, and what they are taken to say."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.errors import FetchError
from ethr_did.fetching.targets import parse_target


def refusal(url: str) -> FetchError:
    with pytest.raises(FetchError) as caught:
        parse_target(url)
    return caught.value


@pytest.mark.parametrize(
    ("url", "host", "port", "path", "again"),
    [
        ("https://lists.example", "lists.example", 443, "/", "https://lists.example/"),
        ("HTTPS://LISTS.example:443/A", "lists.example", 443, "/A", "https://lists.example/A"),
        (
            "https://a-b.c_d.example:8443/x?y=/?z#w",
            "a-b.c_d.example",
            8443,
            "/x?y=/?z",
            "https://a-b.c_d.example:8443/x?y=/?z",
        ),
        ("https://lists.example?a", "lists.example", 443, "/?a", "https://lists.example/?a"),
        ("https://lists.example/?#", "lists.example", 443, "/", "https://lists.example/"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443, "/", None),
        ("https://localhost/", "localhost", 443, "/", None),
        ("https://8.8.8.8/", "8.8.8.8", 443, "/", None),
        ("https://[2606:4700:0::1111]/", "2606:4700::1111", 443, "/", "https://[2606:4700::1111]/"),
        ("https://[::FFFF:8.8.8.8]/", "8.8.8.8", 443, "/", "https://8.8.8.8/"),
        ("https://1.example/", "1.example", 443, "/", None),
        ("https://lists.example:65535/", "lists.example", 65535, "/", None),
        ("https://lists.example:80/", "lists.example", 80, "/", None),
        ("https://lists.example/a//../%2e%2E", "lists.example", 443, "/a//../%2e%2E", None),
    ],
)
def test_parts_of_a_url(url: str, host: str, port: int, path: str, again: str | None) -> None:
    target = parse_target(url)
    assert (target.scheme, target.host, target.port, target.path) == ("https", host, port, path)
    assert target.url == (again or url)
    assert (target.address is not None) == (host[-1].isdigit())


def test_http_has_another_port_of_its_own() -> None:
    target = parse_target("http://lists.example/1", allow_http=True)
    assert (target.port, target.netloc) == (80, "lists.example")
    other = parse_target("http://lists.example:443/1", allow_http=True)
    assert other.netloc == "lists.example:443"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "lists.example",
        "//lists.example/1",
        "https:lists.example",
        "https:/lists.example",
        "https://",
        "https:///1",
        "https://:443/",
        "https://lists.example:/",
        "https://lists.example:x/",
        "https://lists.example:-1/",
        "https://lists.example:443:443/",
        "https://lists.example:123456/",
        "https://lists..example/",
        "https://.lists.example/",
        "https://lists.example./",
        "https://-lists.example/",
        "https://lists-.example/",
        "https://lists%2eexample/",
        "https://lists.example%00.evil.example/",
        "https://lists.exa!mple/",
        "https://" + "a" * 64 + ".example/",
        "https://" + "a." * 127 + "example/",
        "https://lists.example/" + "a" * 2048,
        "https://lists.example/a b",
        "https://lists.example/\t",
        "https://lists.exam\nple/",
        " https://lists.example/",
        "https://lists.example/\x00",
        "https://lists.example\\@evil.example/",
        "https://lists.example/\u00e4",
        "https://b\u00fccher.example/",
        "https://\uff11\uff12\uff17.0.0.1/",
        "https://[::1/",
        "https://[::1]x/",
        "https://[::1%25eth0]/",
        "https://[v1.x]/",
        "https://[]/",
        "ftp://lists.example/",
        "file:///etc/passwd",
        "file://lists.example/etc/passwd",
        "data:text/plain,x",
        "gopher://lists.example:8080/",
        "javascript:alert(1)",
        "did:web:lists.example",
    ],
)
def test_what_is_no_https_url_is_refused(url: str) -> None:
    error = refusal(url)
    assert error.facts["reason"] == "url"
    assert str(error).isprintable()
    assert error.hint


@pytest.mark.parametrize(
    "host",
    [
        "2130706433",
        "0x7f000001",
        "0X7F.1",
        "127.1",
        "0177.0.0.1",
        "127.0.0.1.0",
        "127.0.0.256",
        "00000000177.1",
        "1.2.3.0x",
        "example.1",
        "[1.2.3.4]",
        "[::1.2.3]",
        "[1::2::3]",
    ],
)
def test_numbers_are_addresses_or_nothing(host: str) -> None:
    error = refusal(f"https://{host}/")
    assert "not written as addresses are" in error.message


@pytest.mark.parametrize("port", [0, 1, 21, 22, 25, 81, 442, 444, 1023, 65536, 99999])
def test_ports_of_other_services_are_refused(port: int) -> None:
    error = refusal(f"https://lists.example:{port}/")
    assert (error.facts["reason"], f"names port {port}" in error.message) == ("forbidden", True)


def test_http_is_refused_with_the_option_that_allows_it() -> None:
    error = refusal("http://lists.example/1")
    assert error.message == "http://lists.example/1 is not https"
    assert (error.facts["reason"], error.hint) == ("forbidden", "Plain http needs allow_http.")


@pytest.mark.parametrize("user", ["bob", "bob:secret", ":", "", "bob%40x"])
def test_user_info_is_refused_and_not_shown(user: str) -> None:
    error = refusal(f"https://{user}@lists.example/?key=secret")
    assert error.message == "https://…@lists.example/?… holds user info"
    assert "secret" not in repr(error.to_dict())


def test_url_is_shown_without_its_query() -> None:
    assert parse_target("https://lists.example/a/1?key=secret").shown == (
        "https://lists.example/a/1?…"
    )
    assert parse_target("https://lists.example/did.json").shown == "https://lists.example/did.json"
    long = parse_target("https://lists.example/" + "a" * 500).shown
    assert (len(long), long[-1]) == (201, "…")


@given(st.text() | st.text(alphabet="htps:/[]@.?#%x0123456789aAbB\\ \t-_"))
def test_any_text_is_a_target_or_an_error_of_ours(text: str) -> None:
    for url in (text, f"https://{text}"):
        try:
            target = parse_target(url)
        except FetchError as error:
            assert str(error).isprintable()  # noqa: PT017 - no error is fine too
        else:
            assert parse_target(target.url) == target

"""Which addresses may be connected to."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.fetching.addresses import (
    forbidden_kind,
    is_opened_by_allow_private,
    parse_ip_address,
)

ALLOWED = [
    "1.1.1.1",
    "8.8.8.8",
    "93.184.215.14",
    "100.63.255.255",
    "100.128.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "223.255.255.255",
    "2606:4700::1111",
    "2001:4860:4860::8888",
    "2a00::1",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
]

PRIVATE = {
    "loopback": ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1"],
    "private": [
        "10.0.0.0",
        "10.255.255.255",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.0.1",
        "fc00::1",
        "fdff::1",
        "::ffff:10.0.0.1",
        "::ffff:a00:1",
        "64:ff9b::a00:1",
        "64:ff9b::192.168.0.1",
    ],
    "shared": ["100.64.0.1", "100.127.255.255", "::ffff:100.64.0.1"],
}

NEVER = {
    "link-local": ["169.254.0.1", "169.254.169.254", "169.254.170.2", "fe80::1", "febf::1"],
    "metadata": [
        "168.63.129.16",
        "100.100.100.200",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
        "fd00:42::42",
        "fd00:c1::a9fe:a9fe",
        "64:ff9b::100.100.100.200",
    ],
    "unspecified": ["0.0.0.0", "0.1.2.3", "::", "::ffff:0.0.0.0", "64:ff9b::"],  # noqa: S104
    "multicast": ["224.0.0.1", "239.255.255.255", "ff02::1", "ff0e::1"],
    "reserved": [
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "198.18.0.1",
        "198.51.100.1",
        "203.0.113.1",
        "240.0.0.1",
        "255.255.255.255",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::1",
        "2002:808:808::1",
        "3fff::1",
        "64:ff9b:1::a00:1",
        "::127.0.0.1",
        "::ffff:0:127.0.0.1",
        "100::1",
        "fec0::1",
        "5f00::1",
        "4000::1",
    ],
}


def rows(table: dict[str, list[str]]) -> list[tuple[str, str]]:
    return [(text, kind) for kind, texts in table.items() for text in texts]


@pytest.mark.parametrize("text", ALLOWED)
def test_public_addresses_are_allowed(text: str) -> None:
    assert forbidden_kind(parse_ip_address(text)) is None


@pytest.mark.parametrize(("text", "kind"), rows(PRIVATE))
def test_private_addresses_are_allowed_only_where_that_is_asked_for(text: str, kind: str) -> None:
    assert forbidden_kind(parse_ip_address(text)) == kind
    assert forbidden_kind(parse_ip_address(text), allow_private=True) is None
    assert is_opened_by_allow_private(kind)


@pytest.mark.parametrize(("text", "kind"), rows(NEVER))
def test_others_are_never_allowed(text: str, kind: str) -> None:
    assert forbidden_kind(parse_ip_address(text)) == kind
    assert forbidden_kind(parse_ip_address(text), allow_private=True) == kind
    assert not is_opened_by_allow_private(kind)


@given(st.ip_addresses())
def test_what_python_does_not_call_global_is_forbidden(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    parsed = parse_ip_address(str(address))
    if parsed in ipaddress.IPv6Network("64:ff9b::/96"):
        return  # reserved for some releases, global for others; we look inside
    if not parsed.is_global or parsed.is_multicast or parsed.is_reserved:
        assert forbidden_kind(parsed) is not None


@given(st.ip_addresses(v=4), st.booleans())
def test_address_inside_another_is_judged_by_itself(
    inner: ipaddress.IPv4Address,
    allow_private: bool,  # noqa: FBT001
) -> None:
    kind = forbidden_kind(inner, allow_private=allow_private)
    for text in (f"::ffff:{inner}", f"64:ff9b::{inner}"):
        assert forbidden_kind(parse_ip_address(text), allow_private=allow_private) == kind
        unparsed = ipaddress.ip_address(text)
        assert forbidden_kind(unparsed, allow_private=allow_private) == kind


@pytest.mark.parametrize(
    "text",
    [
        "",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f000001",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.01",
        "127.0.0.1.",
        " 127.0.0.1",
        "127.0.0.1/8",
        "127.0.0.1:80",
        "[::1]",
        "fe80::1%eth0",
        "2606:4700::1111%1",
        "１２７.0.0.1",  # noqa: RUF001
    ],
)
def test_address_has_one_spelling(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever ipaddress says
        parse_ip_address(text)

"""The address that a request counts for."""

from __future__ import annotations

import pytest

from ethr_did.service.addresses import Proxies, counted

PROXIES = Proxies(["10.0.0.0/8", "fd00::/8"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("/run/socket", "unknown"),
    ],
)
def test_what_one_customer_is_given_counts_as_one(text: str, found: str) -> None:
    assert counted(text) == found


def test_without_a_trusted_proxy_only_the_connection_counts() -> None:
    assert Proxies().address_of("192.0.2.1", b"198.51.100.1") == "192.0.2.1"
    assert PROXIES.address_of("192.0.2.1", b"198.51.100.1") == "192.0.2.1"
    assert Proxies().address_of(None) == "unknown"


@pytest.mark.parametrize(
    ("forwarded", "found"),
    [
        (b"198.51.100.1", "198.51.100.1"),
        (b"203.0.113.9, 198.51.100.1", "198.51.100.1"),
        (b"203.0.113.9, 198.51.100.1, 10.0.0.2", "198.51.100.1"),
        (b"198.51.100.1:4711", "198.51.100.1"),
        (b"[2001:db8::1]:4711", "2001:db8::/64"),
        (b"2001:db8::1", "2001:db8::/64"),
        (b"", "10.0.0.1"),
        (b"nonsense", "10.0.0.1"),
        (b"198.51.100.1, nonsense", "10.0.0.1"),
        (b"9" * 10_000, "10.0.0.1"),
        (b"\xff\xfe", "10.0.0.1"),
    ],
)
def test_a_trusted_proxy_is_believed_as_far_as_it_is_trusted(forwarded: bytes, found: str) -> None:
    assert PROXIES.address_of("10.0.0.1", forwarded) == found


def test_a_chain_without_end_is_read_from_its_end() -> None:
    assert PROXIES.address_of("10.0.0.1", b"10.0.0.2," * 5000 + b"10.0.0.3") == "10.0.0.2"

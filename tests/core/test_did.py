"""Identifiers and DID URLs."""

from __future__ import annotations

import time
from typing import Any

import pytest

from ethr_did.core.did import DIDURL, MAX_LENGTH, EthrDID
from ethr_did.errors import (
    EthrDIDError,
    InvalidDID,
    InvalidDIDURL,
    InvalidOption,
    UnsupportedMethod,
)
from support.vectors import vectors

ADDRESS = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
KEY = "0x0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798"
DID = f"did:ethr:{ADDRESS}"


@vectors("identifiers", "valid")
def test_valid_identifier_is_taken_apart(vector: dict[str, Any]) -> None:
    did = EthrDID.parse(vector["did"])
    key = did.public_key and "0x" + did.public_key.hex()
    assert (did.network, "0x" + did.address.hex()) == (vector["network"], vector["address"])
    assert key == vector["publicKey"]


@vectors("identifiers", "valid")
def test_identifier_is_kept_as_written(vector: dict[str, Any]) -> None:
    assert str(EthrDID.parse(vector["did"])) == vector["did"]


@vectors("identifiers", "invalid")
def test_invalid_identifier_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(EthrDIDError) as caught:
        EthrDID.parse(vector["did"])
    assert caught.value.code == vector["code"]


@vectors("identifiers", "invalid")
def test_url_with_an_invalid_identifier_is_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(EthrDIDError) as caught:
        DIDURL.parse(vector["did"] + "?versionId=1#controller")
    assert caught.value.code == vector["code"]


@pytest.mark.parametrize("value", [None, 5, b"did:ethr:0x", ["did"], {}])
def test_what_is_no_text_is_no_did(value: Any) -> None:
    with pytest.raises(InvalidDID, match="not a DID"):
        EthrDID.parse(value)
    with pytest.raises(InvalidDID, match="not a DID"):
        DIDURL.parse(value)


def test_other_method_is_named() -> None:
    with pytest.raises(UnsupportedMethod, match="not did:web") as caught:
        EthrDID.parse("did:web:example.com")
    assert caught.value.facts["method"] == "web"


def test_wrong_checksum_says_what_would_fit() -> None:
    with pytest.raises(InvalidDID, match="does not fit") as caught:
        EthrDID.parse(DID.replace("E5F", "e5F"))
    assert ADDRESS in caught.value.hint


def test_forgotten_colon_is_explained() -> None:
    with pytest.raises(InvalidDID, match="not set off by a colon") as caught:
        EthrDID.parse(f"did:ethr:sepolia{ADDRESS}")
    assert "did:ethr:NETWORK:0x…" in caught.value.hint


def test_long_text_is_not_looked_at() -> None:
    network = "a" * (MAX_LENGTH - len(DID) - 1)
    assert EthrDID.parse(f"did:ethr:{network}:{ADDRESS}").network == network
    with pytest.raises(InvalidDID):
        EthrDID.parse(f"did:ethr:{network}a:{ADDRESS}")


def test_error_about_long_text_is_short() -> None:
    with pytest.raises(InvalidDID) as caught:
        DIDURL.parse("did:" + "x" * 1_000_000)
    assert len(caught.value.message) < 200


@pytest.mark.parametrize(
    "text",
    [
        "did:ethr:" + "a:" * 2000 + "!",
        "did:ethr:" + "a" * 4000 + "!",
        "did:ethr:" + "0x" * 2000,
        "did:ethr:" + ":" * 4000,
        f"{DID}?" + "&" * 3000 + " ",
        f"{DID};" + "a=b;" * 900 + " ",
        f"{DID}" + "/" * 4000 + " ",
    ],
)
def test_hostile_text_is_refused_quickly(text: str) -> None:
    start = time.perf_counter()
    with pytest.raises(EthrDIDError):
        DIDURL.parse(text)
    assert time.perf_counter() - start < 0.5


# -- building ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("", DID),
        ("mainnet", DID),
        ("sepolia", f"did:ethr:sepolia:{ADDRESS}"),
        ("rsk:testnet", f"did:ethr:rsk:testnet:{ADDRESS}"),
        ("0x539", f"did:ethr:0x539:{ADDRESS}"),
    ],
)
def test_did_is_built_for_a_network(network: str, expected: str) -> None:
    assert str(EthrDID.build(ADDRESS, network)) == expected


def test_did_is_built_for_a_key() -> None:
    assert EthrDID.build(KEY).public_key == bytes.fromhex(KEY[2:])


def test_did_of_nonsense_is_not_built() -> None:
    with pytest.raises(InvalidDID):
        EthrDID.build("0x123", "sepolia")


# -- DID URLs ------------------------------------------------------------------------------------


def test_url_is_taken_apart() -> None:
    url = DIDURL.parse(f"{DID}/path/x?service=hub&relativeRef=%2Fa%20b#frag")
    assert (url.did.text, url.path, url.fragment) == (DID, "/path/x", "frag")
    assert url.query == "service=hub&relativeRef=%2Fa%20b"
    assert url.parameters == {"service": "hub", "relativeRef": "/a b"}


def test_did_alone_is_a_url() -> None:
    url = DIDURL.parse(DID)
    assert (url.path, url.query, url.fragment, url.parameters) == ("", None, None, {})


def test_empty_parts_are_told_from_absent_ones() -> None:
    url = DIDURL.parse(f"{DID}/?#")
    assert (url.path, url.query, url.fragment, url.parameters) == ("/", "", "", {})


def test_matrix_parameters_are_read_and_ignored() -> None:
    url = DIDURL.parse(f"{DID};service=agent;foo:bar=high?versionId=5")
    assert (url.did.text, url.parameters) == (DID, {"versionId": "5"})


def test_parameters_without_value_are_empty() -> None:
    assert DIDURL.parse(f"{DID}?a&&b=&c=d=e").parameters == {"a": "", "b": "", "c": "d=e"}


def test_plus_is_a_plus() -> None:
    assert DIDURL.parse(f"{DID}?a=b+c").parameters == {"a": "b+c"}


@pytest.mark.parametrize(
    "tail", ["?a=<", "#a#b", "/a b", "?a=%", "?a=%zz", "/é", ";a", ";a=b c", "?a=\n", "\\"]
)
def test_broken_tail_is_no_did_url(tail: str) -> None:
    with pytest.raises((InvalidDIDURL, InvalidDID)) as caught:
        DIDURL.parse(DID + tail)
    assert caught.value.code == ("invalid_did" if tail == "\\" else "invalid_did_url")


@pytest.mark.parametrize("name", ["versionId", "versionTime"])
def test_version_given_twice_is_a_wrong_option(name: str) -> None:
    with pytest.raises(InvalidOption, match=f"parameter {name} is given twice"):
        DIDURL.parse(f"{DID}?{name}=1&{name}=1")


def test_other_parameter_given_twice_makes_the_url_wrong() -> None:
    with pytest.raises(InvalidDIDURL, match="parameter service is given twice") as caught:
        DIDURL.parse(f"{DID}?service=a&%73ervice=b")
    assert caught.value.facts["name"] == "service"

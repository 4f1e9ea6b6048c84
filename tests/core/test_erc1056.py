"""Events of the registry: names, logs, JSON."""

from __future__ import annotations

from typing import Any

import pytest
from eth_abi.abi import encode

from ethr_did.core.calls import selector
from ethr_did.core.erc1056 import (
    ATTRIBUTE_TOPIC,
    DELEGATE_TOPIC,
    OWNER_TOPIC,
    TOPICS,
    AttributeChanged,
    DelegateChanged,
    OwnerChanged,
    decode_log,
    decode_name,
    encode_name,
    event_to_dict,
    identity_topic,
    parse_attribute_name,
)
from ethr_did.core.keys import to_checksum_address
from ethr_did.errors import InvalidAnswer, InvalidAttribute
from support.vectors import vectors

IDENTITY = bytes(range(1, 21))
OTHER = bytes(range(101, 121))
LARGEST = 2**256 - 1


def log(topic: str, data: bytes, **more: Any) -> dict[str, Any]:
    return {
        "topics": [topic, identity_topic(IDENTITY)],
        "data": "0x" + data.hex(),
        "blockNumber": "0x10",
        "blockHash": "0x" + "ab" * 32,
        "logIndex": "0x2",
        "transactionHash": "0x" + "cd" * 32,
        "blockTimestamp": "0x65",
        **more,
    }


def attribute_data(name: bytes = b"n" * 32, value: bytes = b"v", valid_to: int = 7) -> bytes:
    data: bytes = encode(["bytes32", "bytes", "uint256", "uint256"], [name, value, valid_to, 9])
    return data


def owner_log(**more: Any) -> dict[str, Any]:
    return {**log(OWNER_TOPIC, encode(["address", "uint256"], [OTHER, 9])), **more}


PLACE = {
    "identity": IDENTITY,
    "block_number": 16,
    "block_hash": b"\xab" * 32,
    "log_index": 2,
    "tx_hash": b"\xcd" * 32,
    "block_timestamp": 101,
}


# -- constants -----------------------------------------------------------------------------------


@vectors("erc1056", "topic")
def test_topic_is_the_hash_of_its_signature(vector: dict[str, Any]) -> None:
    assert vector["expected"] in TOPICS
    assert vector["expected"].startswith("0x" + selector(vector["text"]).hex())


@vectors("erc1056", "selector")
def test_selector_is_that_of_the_registry(vector: dict[str, Any]) -> None:
    assert selector(vector["text"]).hex() == vector["expected"]


# -- names ---------------------------------------------------------------------------------------


@vectors("erc1056", "name")
def test_name_is_padded_with_zeros(vector: dict[str, Any]) -> None:
    assert encode_name(vector["text"]).hex() == vector["expected"]
    assert decode_name(bytes.fromhex(vector["expected"])) == vector["text"]


def test_name_that_is_no_utf8_has_no_text() -> None:
    assert decode_name(b"\xff" * 32) is None


def test_zero_bytes_inside_a_name_stay() -> None:
    assert decode_name(b"a\0b".ljust(32, b"\0")) == "a\0b"


@pytest.mark.parametrize("text", ["", "a\0b"])
def test_name_that_is_empty_or_holds_a_zero_byte_is_not_written(text: str) -> None:
    with pytest.raises(InvalidAttribute, match="a name is not empty and holds no zero byte"):
        encode_name(text)


def test_name_of_33_bytes_is_not_cut() -> None:
    with pytest.raises(InvalidAttribute, match="has 33 bytes") as caught:
        encode_name("é" * 16 + "x")
    assert caught.value.facts["value"] == "é" * 16 + "x"


def test_half_a_character_is_not_written() -> None:
    with pytest.raises(InvalidAttribute, match="cannot be written as UTF-8"):
        encode_name("\ud800")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("did/pub/Secp256k1", ("pub", "Secp256k1", None, None)),
        ("did/pub/Secp256k1/veriKey", ("pub", "Secp256k1", "veriKey", None)),
        ("did/pub/Secp256k1/veriKey/hex", ("pub", "Secp256k1", "veriKey", "hex")),
        ("did/svc/Hub", ("svc", "Hub", None, None)),
    ],
)
def test_attribute_name_is_taken_apart(text: str, parts: tuple[str | None, ...]) -> None:
    name = parse_attribute_name(text)
    assert name is not None
    assert (name.section, name.kind, name.purpose, name.encoding) == parts


@pytest.mark.parametrize(
    "text",
    ["", "did/pub/", "did/pub/a/b/c/d", "did/pub/a-b", "did/svc/a/", "did/foo/a", "did/pub/é"],
)
def test_other_names_are_no_attribute_names(text: str) -> None:
    assert parse_attribute_name(text) is None


# -- logs ----------------------------------------------------------------------------------------


def test_change_of_owner_is_decoded() -> None:
    assert decode_log(owner_log()) == OwnerChanged(owner=OTHER, previous_change=9, **PLACE)  # type: ignore[arg-type]


def test_change_of_delegate_is_decoded() -> None:
    data = encode(
        ["bytes32", "address", "uint256", "uint256"], [b"k" * 32, OTHER, LARGEST, LARGEST]
    )
    assert decode_log(log(DELEGATE_TOPIC, data)) == DelegateChanged(
        delegate_type=b"k" * 32,
        delegate=OTHER,  # type: ignore[arg-type]
        valid_to=LARGEST,
        previous_change=LARGEST,
        **PLACE,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize("length", [0, 1, 31, 32, 33, 64, 1000])
def test_change_of_attribute_is_decoded_whatever_its_length(length: int) -> None:
    value = b"\xfe" * length
    assert decode_log(log(ATTRIBUTE_TOPIC, attribute_data(value=value))) == AttributeChanged(
        name=b"n" * 32,
        value=value,
        valid_to=7,
        previous_change=9,
        **PLACE,  # type: ignore[arg-type]
    )


def test_time_of_the_block_may_be_missing() -> None:
    assert decode_log(owner_log(blockTimestamp=None)).block_timestamp is None


def test_topics_have_no_case() -> None:
    shouted = owner_log(topics=["0x" + OWNER_TOPIC[2:].upper(), identity_topic(IDENTITY)])
    assert decode_log(shouted).identity == IDENTITY


WORD = "00" * 32
BROKEN: dict[str, Any] = {
    "not-an-object": 5,
    "null": None,
    "list": [],
    "empty": {},
    "no-topics": owner_log(topics=None),
    "one-topic": owner_log(topics=[OWNER_TOPIC]),
    "three-topics": owner_log(topics=[OWNER_TOPIC, identity_topic(IDENTITY), "0x"]),
    "unknown-topic": owner_log(topics=["0x" + WORD, identity_topic(IDENTITY)]),
    "number-topic": owner_log(topics=[5, identity_topic(IDENTITY)]),
    "wide-identity": owner_log(topics=[OWNER_TOPIC, "0x" + "ff" * 32]),
    "short-identity": owner_log(topics=[OWNER_TOPIC, "0x" + "00" * 31]),
    "no-data": owner_log(data="0x"),
    "data-without-0x": owner_log(data=WORD * 2),
    "data-not-hex": owner_log(data="0xzz"),
    "data-odd": owner_log(data="0x0"),
    "short-data": owner_log(data="0x" + WORD),
    "long-data": owner_log(data="0x" + WORD * 3),
    "wide-owner": owner_log(data="0x" + "ff" * 32 + WORD),
    "number-null": owner_log(blockNumber=None),
    "number-int": owner_log(blockNumber=16),
    "number-empty": owner_log(blockNumber="0x"),
    "number-not-hex": owner_log(blockNumber="16"),
    "number-too-long": owner_log(blockNumber="0x1" + "0" * 16),
    "hash-short": owner_log(blockHash="0xab"),
    "hash-null": owner_log(blockHash=None),
    "index-negative": owner_log(logIndex="-0x1"),
    "tx-missing": {k: v for k, v in owner_log().items() if k != "transactionHash"},
    "time-not-hex": owner_log(blockTimestamp="soon"),
    "attribute-short": log(ATTRIBUTE_TOPIC, attribute_data()[:128]),
    "attribute-cut": log(ATTRIBUTE_TOPIC, attribute_data(value=b"v" * 40)[:-32]),
    "attribute-longer": log(ATTRIBUTE_TOPIC, attribute_data() + bytes(32)),
    "attribute-offset": log(
        ATTRIBUTE_TOPIC, attribute_data()[:32] + (160).to_bytes(32) + attribute_data()[64:]
    ),
    "attribute-padding": log(ATTRIBUTE_TOPIC, attribute_data()[:-1] + b"\1"),
    "attribute-huge-length": log(
        ATTRIBUTE_TOPIC, attribute_data()[:128] + LARGEST.to_bytes(32) + bytes(32)
    ),
    "delegate-wide": log(DELEGATE_TOPIC, b"\xff" * 128),
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN.keys())
def test_what_is_no_event_is_an_invalid_answer(broken: Any) -> None:
    with pytest.raises(InvalidAnswer, match="no ERC-1056 event") as caught:
        decode_log(broken)
    assert caught.value.code == "invalid_answer"
    assert caught.value.__cause__ is not None


# -- JSON ----------------------------------------------------------------------------------------

PLACE_JSON = {
    "blockNumber": 16,
    "blockTimestamp": 101,
    "blockHash": "0x" + "ab" * 32,
    "logIndex": 2,
    "transactionHash": "0x" + "cd" * 32,
    "previousChange": 9,
}
OTHER_TEXT = to_checksum_address(OTHER)


def test_change_of_owner_as_json() -> None:
    assert event_to_dict(decode_log(owner_log())) == {
        "event": "DIDOwnerChanged",
        "owner": OTHER_TEXT,
        **PLACE_JSON,
    }


def test_change_of_delegate_as_json() -> None:
    data = encode(
        ["bytes32", "address", "uint256", "uint256"], [encode_name("veriKey"), OTHER, LARGEST, 9]
    )
    assert event_to_dict(decode_log(log(DELEGATE_TOPIC, data))) == {
        "event": "DIDDelegateChanged",
        "delegateType": "veriKey",
        "delegate": OTHER_TEXT,
        "validTo": str(LARGEST),
        **PLACE_JSON,
    }


def test_change_of_attribute_as_json_shows_an_illegible_name_in_hex() -> None:
    event = decode_log(log(ATTRIBUTE_TOPIC, attribute_data(name=b"\xff" * 32)))
    assert event_to_dict(event) == {
        "event": "DIDAttributeChanged",
        "name": "0x" + "ff" * 32,
        "value": "0x76",
        "validTo": "7",
        **PLACE_JSON,
    }

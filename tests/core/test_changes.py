"""Changes, checked before gas is spent."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ethr_did.core.changes import (
    DEFAULT_VALIDITY,
    MAX_CHANGES,
    MAX_VALIDITY,
    MAX_VALUE_LENGTH,
    AddDelegate,
    Change,
    ChangeOwner,
    RevokeAttribute,
    RevokeDelegate,
    SetAttribute,
    add_key,
    add_service,
    change_from_dict,
    changes_from_list,
    check_batch,
    check_key,
    deactivate,
    revoked,
)
from ethr_did.core.keys import to_checksum_address
from ethr_did.errors import (
    EthrDIDError,
    InvalidAddress,
    InvalidAttribute,
    InvalidChange,
    InvalidKey,
    InvalidService,
    InvalidValidity,
)
from support.events import BOB, ZERO, b32

BOB_TEXT = to_checksum_address(BOB)
POINT = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")
ED = b"\x11" * 32
NAME = b32("did/svc/Hub")

CHANGES: list[tuple[Change, dict[str, Any]]] = [
    (ChangeOwner(owner=BOB), {"change": "changeOwner", "owner": BOB_TEXT}),
    (
        AddDelegate(delegate_type=b32("veriKey"), delegate=BOB, validity=5),
        {"change": "addDelegate", "delegateType": "veriKey", "delegate": BOB_TEXT, "validity": 5},
    ),
    (
        RevokeDelegate(delegate_type=b32("veriKey"), delegate=BOB),
        {"change": "revokeDelegate", "delegateType": "veriKey", "delegate": BOB_TEXT},
    ),
    (
        SetAttribute(name=NAME, value=b"x", validity=5),
        {"change": "setAttribute", "name": "did/svc/Hub", "value": "0x78", "validity": 5},
    ),
    (
        RevokeAttribute(name=NAME, value=b""),
        {"change": "revokeAttribute", "name": "did/svc/Hub", "value": "0x"},
    ),
]


@pytest.mark.parametrize(("change", "data"), CHANGES)
def test_change_is_written_and_read(change: Change, data: dict[str, Any]) -> None:
    assert change.to_dict() == data
    assert change_from_dict(data) == change


@pytest.mark.parametrize(
    "name",
    [b"\xff" * 32, b32("0x12"), b32("a\0b"), b32("line\n"), b32(b"\0first"), b32("\u200b")],
)
def test_name_that_text_could_not_carry_is_written_in_hex(name: bytes) -> None:
    change = RevokeAttribute(name=name, value=b"")
    assert change.to_dict()["name"] == "0x" + name.hex()
    assert change_from_dict(change.to_dict()) == change


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"change": "deactivate"}, ChangeOwner(owner=ZERO)),
        (
            {"change": "addKey", "type": "Ed25519", "publicKey": "0x" + ED.hex()},
            add_key("Ed25519", ED),
        ),
        (
            {
                "change": "revokeKey",
                "type": "Ed25519",
                "publicKey": "0x" + ED.hex(),
                "purpose": "enc",
            },
            RevokeAttribute(name=b32("did/pub/Ed25519/enc"), value=ED),
        ),
        (
            {"change": "addService", "type": "Hub", "endpoint": {"uri": "é"}, "validity": 9},
            SetAttribute(name=NAME, value='{"uri":"é"}'.encode(), validity=9),
        ),
        (
            {"change": "revokeService", "type": "Hub", "endpoint": "https://h.example"},
            RevokeAttribute(name=NAME, value=b"https://h.example"),
        ),
    ],
)
def test_short_forms_are_read(data: dict[str, Any], expected: Change) -> None:
    assert change_from_dict(data) == expected


def test_deactivation_gives_the_identity_to_nobody() -> None:
    assert deactivate() == ChangeOwner(owner=ZERO)


def test_revocation_undoes_what_was_set() -> None:
    assert revoked(add_service("Hub", "https://h.example")) == RevokeAttribute(
        name=NAME, value=b"https://h.example"
    )
    delegate = AddDelegate(delegate_type=b32("sigAuth"), delegate=BOB, validity=1)
    assert revoked(delegate) == RevokeDelegate(delegate_type=b32("sigAuth"), delegate=BOB)


# -- what is refused -----------------------------------------------------------------------------

DELEGATE = {"change": "addDelegate", "delegateType": "veriKey", "delegate": BOB_TEXT}
KEY = {"change": "addKey", "type": "Ed25519", "publicKey": "0x" + ED.hex()}
SERVICE = {"change": "addService", "type": "Hub", "endpoint": "https://h.example"}
ATTRIBUTE = {"change": "setAttribute", "name": "n", "value": "0x"}
NO_ENDPOINTS: list[Any] = [*("", "no uri", "a b:c", "é:x", 5, None), True, {}, [], [[]], [{}], [5]]


@pytest.mark.parametrize(
    ("data", "kind", "words"),
    [
        (None, InvalidChange, "not a change: None"),
        ([], InvalidChange, "not a change"),
        ({}, InvalidChange, "not a change"),
        ({"change": 5}, InvalidChange, "not a change"),
        ({"change": "addDelegat"}, InvalidChange, "unknown change 'addDelegat'"),
        ({"change": "changeOwner"}, InvalidChange, "changeOwner: owner is missing"),
        (
            {"change": "deactivate", "b": 1, "a": 2},
            InvalidChange,
            "deactivate: a is not known, b is not known",
        ),
        ({"change": "changeOwner", "owner": "0x"}, InvalidAddress, "not an Ethereum address"),
        ({**DELEGATE, "delegate": 5}, InvalidAddress, "not an Ethereum address: 5"),
        (
            {**DELEGATE, "delegate": "0x" + "00" * 20},
            InvalidChange,
            "zero address cannot be a dele",
        ),
        ({**DELEGATE, "delegateType": ""}, InvalidAttribute, "not empty"),
        ({**DELEGATE, "delegateType": 5}, InvalidAttribute, "a name is a string, not 5"),
        ({**DELEGATE, "delegateType": "0x" + "00" * 32}, InvalidAttribute, "not all zero"),
        ({**DELEGATE, "validity": 0}, InvalidValidity, "0 seconds is not between 1"),
        ({**DELEGATE, "validity": -1}, InvalidValidity, "-1 seconds"),
        ({**DELEGATE, "validity": MAX_VALIDITY + 1}, InvalidValidity, "is not between"),
        ({**DELEGATE, "validity": 1.0}, InvalidValidity, "not 1.0"),
        ({**DELEGATE, "validity": True}, InvalidValidity, "not True"),
        ({**DELEGATE, "validity": None}, InvalidValidity, "not None"),
        ({**ATTRIBUTE, "name": "n" * 33}, InvalidAttribute, "has 33 bytes"),
        ({**ATTRIBUTE, "name": "\ud800"}, InvalidAttribute, "cannot be written as UTF-8"),
        ({**ATTRIBUTE, "value": "x"}, InvalidAttribute, "not bytes in hex: 'x'"),
        ({**ATTRIBUTE, "value": "0x1"}, InvalidAttribute, "not bytes in hex"),
        ({**ATTRIBUTE, "value": None}, InvalidAttribute, "not bytes in hex: None"),
        (
            {**ATTRIBUTE, "value": "0x" + "00" * (MAX_VALUE_LENGTH + 1)},
            InvalidAttribute,
            f"the value has {MAX_VALUE_LENGTH + 1} bytes",
        ),
        ({**KEY, "type": "Ed2551"}, InvalidKey, "'Ed2551' is not a key type"),
        ({**KEY, "type": ["Ed25519"]}, InvalidKey, "is not a key type"),
        ({**KEY, "publicKey": "0x11"}, InvalidKey, "an Ed25519 key has 32 bytes, not 1"),
        ({**KEY, "purpose": "sigauth"}, InvalidAttribute, "'sigauth' is not a key purpose"),
        ({**KEY, "purpose": None}, InvalidAttribute, "None is not a key purpose"),
        ({**KEY, "type": "Secp256k1"}, InvalidKey, "33 bytes compressed or 65"),
        ({**SERVICE, "type": "Linked-Domains"}, InvalidService, "cannot be a service type"),
        ({**SERVICE, "type": ""}, InvalidService, "cannot be a service type"),
        ({**SERVICE, "type": None}, InvalidService, "cannot be a service type"),
        ({**SERVICE, "type": "x" * 25}, InvalidService, "longer than 24 characters"),
        *[
            ({**SERVICE, "endpoint": endpoint}, InvalidService, "is not a service endpoint")
            for endpoint in NO_ENDPOINTS
        ],
        ({**SERVICE, "endpoint": {"x": float("nan")}}, InvalidService, "cannot be written as JSON"),
        ({**SERVICE, "endpoint": {"x": "\ud800"}}, InvalidService, "cannot be written as JSON"),
        ({**SERVICE, "endpoint": {"x": b""}}, InvalidService, "cannot be written as JSON"),
    ],
)
def test_wrong_change_is_refused(data: Any, kind: type[EthrDIDError], words: str) -> None:
    with pytest.raises(kind, match=words) as caught:
        change_from_dict(data)
    assert type(caught.value) is kind


def test_nearest_word_is_suggested() -> None:
    with pytest.raises(InvalidChange) as change:
        change_from_dict({"change": "addDelegat"})
    with pytest.raises(InvalidKey) as key:
        add_key("Ed2551", ED)
    with pytest.raises(InvalidAttribute) as purpose:
        add_key("Ed25519", ED, purpose="sigauth")
    hints = [caught.value.hint for caught in (change, key, purpose)]
    assert hints == [f"Did you mean {word}?" for word in ("addDelegate", "Ed25519", "sigAuth")]


@pytest.mark.parametrize("length", [0, 19, 21])
def test_owner_is_an_address(length: int) -> None:
    with pytest.raises(InvalidAddress):
        ChangeOwner(owner=bytes(length))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", [b"", b"n", b"n" * 31, b"n" * 33, bytes(32)])
def test_name_on_chain_is_32_bytes(name: bytes) -> None:
    with pytest.raises(InvalidAttribute, match="32 bytes, not all zero"):
        RevokeAttribute(name=name, value=b"")


def test_longest_value_and_validity_are_taken() -> None:
    change = SetAttribute(name=NAME, value=bytes(MAX_VALUE_LENGTH), validity=MAX_VALIDITY)
    assert len(change.value) == MAX_VALUE_LENGTH


# -- keys ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("Secp256k1", POINT),
        ("Ed25519", ED),
        ("X25519", ED),
        ("Multikey", bytes.fromhex("e701") + POINT),
        ("Multikey", bytes.fromhex("ed01") + ED),
        ("Multikey", bytes.fromhex("ec01") + ED),
        ("Multikey", bytes.fromhex("9024") + bytes(1312)),
    ],
)
def test_key_of_its_kind_is_taken(kind: str, key: bytes) -> None:
    change = add_key(kind, key, purpose="sigAuth")
    assert change.name == b32(f"did/pub/{kind}/sigAuth")
    assert (change.value, change.validity) == (key, DEFAULT_VALIDITY)


@pytest.mark.parametrize(
    ("kind", "key", "words"),
    [
        ("Secp256k1", b"\x02" + bytes(31) + b"\x05", "not a point of secp256k1"),
        ("X25519", ED + b"\1", "an X25519 key has 32 bytes, not 33"),
        ("Multikey", b"\xed\1", "2 bytes are too short"),
        ("Multikey", b"\xed\1" + ED[:-1], "after the prefix ed01 come 32 bytes, not 31"),
        ("Multikey", b"\xe7\1" + b"\x02" + bytes(31) + b"\x05", "not a point of secp256k1"),
    ],
)
def test_key_of_another_form_is_refused(kind: str, key: bytes, words: str) -> None:
    with pytest.raises(InvalidKey, match=words):
        check_key(kind, key)


# -- services ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "endpoint",
    [
        {"uri": "https://h.example", "accept": ["didcomm/v2"]},
        ["https://a.example", {"uri": "did:example:1"}],
    ],
)
def test_endpoint_is_written_as_compact_json(endpoint: Any) -> None:
    value = add_service("Hub", endpoint).value
    assert json.loads(value) == endpoint
    assert b" " not in value


# -- batches -------------------------------------------------------------------------------------


def test_batch_is_read_in_order() -> None:
    data = [data for _, data in CHANGES[1:]] + [CHANGES[0][1]]
    assert list(changes_from_list(data)) == [c for c, _ in CHANGES[1:]] + [CHANGES[0][0]]


def test_every_fault_of_a_batch_is_named() -> None:
    with pytest.raises(InvalidChange) as caught:
        changes_from_list([{"change": "x"}, {"change": "deactivate"}, 5])
    faults = caught.value.facts["faults"]
    assert [fault.partition(":")[0] for fault in faults] == ["change 0", "change 2"]
    assert caught.value.message == "\n".join(faults)


@pytest.mark.parametrize("data", [None, {}, "[]", ()])
def test_batch_is_a_list(data: object) -> None:
    with pytest.raises(InvalidChange, match="a batch is a JSON list of changes"):
        changes_from_list(data)


def test_empty_batch_is_refused() -> None:
    with pytest.raises(InvalidChange, match="at least one change"):
        changes_from_list([])


def test_nothing_follows_a_change_of_owner() -> None:
    with pytest.raises(InvalidChange, match="change 0 hands the identity over, and 2 follow it"):
        check_batch([deactivate(), *(c for c, _ in CHANGES[1:3])])


def test_batch_has_an_end() -> None:
    change = add_service("Hub", "https://h.example")
    check_batch([change] * MAX_CHANGES)
    with pytest.raises(InvalidChange, match=f"{MAX_CHANGES + 1} changes are more than"):
        check_batch([change] * (MAX_CHANGES + 1))

"""Calldata, and the messages that owners sign."""

from __future__ import annotations

import json
from typing import Any

import pytest
from eth_abi.abi import decode
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak

from ethr_did.core.calls import (
    apply_changes_call,
    apply_changes_signed_call,
    change_call,
    change_digest,
    change_signed_call,
    changed_call,
    identity_owner_call,
    invalidate_nonce_call,
    nonce_call,
    selector,
    typed_changes,
)
from ethr_did.core.changes import (
    AddDelegate,
    Change,
    ChangeOwner,
    RevokeAttribute,
    RevokeDelegate,
    SetAttribute,
    change_from_dict,
    deactivate,
)
from ethr_did.core.keys import Address, parse_address, to_checksum_address
from ethr_did.errors import InvalidChange
from support.events import BOB, CAROL, IDENTITY, b32
from support.vectors import FOLDER, load_vectors, vectors

KIND, NAME = b32("veriKey"), b32("did/svc/Hub")
ADD = AddDelegate(delegate_type=KIND, delegate=BOB, validity=5)
REVOKE = RevokeDelegate(delegate_type=KIND, delegate=BOB)
SET = SetAttribute(name=NAME, value=b"value", validity=6)
UNSET = RevokeAttribute(name=NAME, value=b"value")
OWN = ChangeOwner(owner=BOB)
SIGNATURE = bytes(range(64)) + b"\x1b"
REGISTRY = Address(b"\xdc" * 20)
BOB_TEXT = "0x" + BOB.hex()

METHODS: list[tuple[Change, str, list[str], list[Any]]] = [
    (OWN, "changeOwner", ["address"], [BOB_TEXT]),
    (ADD, "addDelegate", ["bytes32", "address", "uint256"], [KIND, BOB_TEXT, 5]),
    (REVOKE, "revokeDelegate", ["bytes32", "address"], [KIND, BOB_TEXT]),
    (SET, "setAttribute", ["bytes32", "bytes", "uint256"], [NAME, b"value", 6]),
    (UNSET, "revokeAttribute", ["bytes32", "bytes"], [NAME, b"value"]),
]
STRUCTS = [
    (1, KIND, BOB, 5),
    (2, KIND, BOB, 0),
    (3, NAME, b"value", 6),
    (4, NAME, b"value", 0),
    (0, bytes(32), BOB, 0),
]
BATCH: list[Change] = [ADD, REVOKE, SET, UNSET, OWN]


def test_questions_are_a_selector_and_an_address() -> None:
    padded = bytes(12) + IDENTITY
    assert changed_call(IDENTITY) == selector("changed(address)") + padded
    assert identity_owner_call(IDENTITY) == selector("identityOwner(address)") + padded
    assert nonce_call(IDENTITY) == selector("nonce(address)") + padded
    assert invalidate_nonce_call() == selector("invalidateNonce()")


@pytest.mark.parametrize(("change", "method", "kinds", "values"), METHODS)
def test_change_is_called_by_its_owner(
    change: Change, method: str, kinds: list[str], values: list[Any]
) -> None:
    call = change_call(IDENTITY, change)
    kinds = ["address", *kinds]
    assert call[:4] == selector(f"{method}({','.join(kinds)})")
    assert list(decode(kinds, call[4:])) == ["0x" + IDENTITY.hex(), *values]


@pytest.mark.parametrize(("change", "method", "kinds", "values"), METHODS)
def test_signed_change_is_called_by_anyone(
    change: Change, method: str, kinds: list[str], values: list[Any]
) -> None:
    call = change_signed_call(IDENTITY, change, SIGNATURE)
    kinds = ["address", "uint8", "bytes32", "bytes32", *kinds]
    assert call[:4] == selector(f"{method}Signed({','.join(kinds)})")
    parts = [27, SIGNATURE[:32], SIGNATURE[32:64]]
    assert list(decode(kinds, call[4:])) == ["0x" + IDENTITY.hex(), *parts, *values]


def as_change(vector: dict[str, Any]) -> Change:
    data = dict(vector["arguments"])
    if "newOwner" in data:
        data["owner"] = data.pop("newOwner")
    return change_from_dict({"change": vector["method"], **data})


@vectors("meta_transactions")
def test_message_has_this_digest(vector: dict[str, Any]) -> None:
    head = json.loads((FOLDER / "meta_transactions.json").read_text("utf-8"))
    registry, identity = parse_address(head["registry"]), parse_address(head["identity"])
    digest = change_digest(registry, vector["nonce"], identity, as_change(vector))
    assert "0x" + digest.hex() == vector["digest"]


def test_every_method_has_a_vector() -> None:
    methods = {vector["method"] for vector in load_vectors("meta_transactions")}
    assert methods == {method for _, method, _, _ in METHODS}


STRUCT = "(uint8,bytes32,bytes,uint256)[]"


def test_batch_is_called_by_its_owner() -> None:
    call = apply_changes_call(IDENTITY, BATCH)
    assert call[:4] == selector(f"applyChanges(address,{STRUCT})")
    assert decode(["address", STRUCT], call[4:]) == ("0x" + IDENTITY.hex(), tuple(STRUCTS))


def test_signed_batch_is_called_by_anyone() -> None:
    call = apply_changes_signed_call(IDENTITY, BATCH, nonce=7, deadline=8, signature=SIGNATURE)
    kinds = ["address", STRUCT, "uint256", "uint256", "bytes"]
    assert call[:4] == selector(f"applyChangesSigned({','.join(kinds)})")
    expected = ("0x" + IDENTITY.hex(), tuple(STRUCTS), 7, 8, SIGNATURE)
    assert decode(kinds, call[4:]) == expected


def typed(changes: list[Change]) -> dict[str, Any]:
    return typed_changes(
        chain_id=1337,
        registry=REGISTRY,
        identity=IDENTITY,
        owner=CAROL,
        changes=changes,
        nonce=7,
        deadline=8,
    )


def test_typed_data_is_json() -> None:
    data = typed(BATCH)
    assert json.loads(json.dumps(data)) == data
    assert data["domain"] == {
        "name": "EthereumDIDRegistry",
        "version": "1",
        "chainId": 1337,
        "verifyingContract": to_checksum_address(REGISTRY),
    }
    assert data["message"]["changes"][0] == {
        "kind": 1,
        "name": "0x" + KIND.hex(),
        "value": BOB_TEXT,
        "validity": 5,
    }


def word(number: int) -> bytes:
    return number.to_bytes(32)


def test_typed_data_hashes_as_eip_712_says() -> None:
    change_type = b"Change(uint8 kind,bytes32 name,bytes value,uint256 validity)"
    batch_type = (
        b"ApplyChanges(address identity,address owner,Change[] changes,uint256 nonce,uint256 deadline)"
        + change_type
    )
    structs = b"".join(
        keccak(keccak(change_type) + word(kind) + name + keccak(value) + word(validity))
        for kind, name, value, validity in STRUCTS
    )
    addresses = bytes(12) + IDENTITY + bytes(12) + CAROL
    expected = keccak(keccak(batch_type) + addresses + keccak(structs) + word(7) + word(8))
    assert encode_typed_data(full_message=typed(BATCH)).body == expected


@pytest.mark.parametrize("changes", [[], [deactivate(), ADD]])
def test_batch_that_may_not_be_is_not_written(changes: list[Change]) -> None:
    with pytest.raises(InvalidChange):
        apply_changes_call(IDENTITY, changes)
    with pytest.raises(InvalidChange):
        apply_changes_signed_call(IDENTITY, changes, nonce=0, deadline=0, signature=b"")
    with pytest.raises(InvalidChange):
        typed(changes)

"""Signed changes as values and as files; ``tests/identity/test_relay.py`` signs and submits them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ethr_did.core.calls import (
    apply_changes_signed_call,
    change_digest,
    change_signed_call,
    typed_changes,
)
from ethr_did.core.changes import add_key, add_service
from ethr_did.core.keys import Address
from ethr_did.core.relay import RelayKind, RelayMessage
from ethr_did.core.signed_message import typed_digest
from ethr_did.errors import InvalidChange, InvalidFile

HUB = add_service("Hub", "https://hub.example.com")
KEY = add_key("Ed25519", bytes(range(32)))
REGISTRY, IDENTITY, OWNER = (Address(bytes([number]) * 20) for number in (1, 2, 3))
SIGNATURE = bytes(64) + b"\x1b"
TYPED = RelayMessage(
    kind=RelayKind.EIP712,
    chain_id=31337,
    registry=REGISTRY,
    identity=IDENTITY,
    owner=OWNER,
    changes=(HUB, KEY),
    nonce=4,
    deadline=1_900_000_000,
    signature=SIGNATURE,
)
OLD = replace(TYPED, kind=RelayKind.ERC1056, changes=(HUB,), deadline=None)


@pytest.mark.parametrize("message", [TYPED, OLD], ids=lambda message: message.kind.value)
def test_message_survives_its_file(message: RelayMessage) -> None:
    assert RelayMessage.from_dict(message.to_dict()) == message


def test_typed_message_signs_and_makes_all_changes() -> None:
    typed = typed_changes(
        chain_id=31337,
        registry=REGISTRY,
        identity=IDENTITY,
        owner=OWNER,
        changes=(HUB, KEY),
        nonce=4,
        deadline=1_900_000_000,
    )
    assert TYPED.typed_data() == typed
    assert TYPED.digest == typed_digest(typed)
    assert TYPED.call() == apply_changes_signed_call(
        IDENTITY, (HUB, KEY), nonce=4, deadline=1_900_000_000, signature=SIGNATURE
    )


def test_old_message_signs_and_makes_its_change() -> None:
    assert OLD.digest == change_digest(REGISTRY, 4, IDENTITY, HUB)
    assert OLD.call() == change_signed_call(IDENTITY, HUB, SIGNATURE)


@pytest.mark.parametrize(
    ("message", "change", "words"),
    [
        (TYPED, {"deadline": None}, "needs a deadline"),
        (OLD, {"deadline": 1}, "cannot carry a deadline"),
        (OLD, {"changes": (HUB, KEY)}, "holds one change, not 2"),
        (OLD, {"signature": bytes(64)}, "has 65 bytes, not 64"),
        (OLD, {"changes": ()}, "change"),
    ],
)
def test_message_that_breaks_a_rule_of_its_kind_is_none(
    message: RelayMessage, change: dict[str, Any], words: str
) -> None:
    with pytest.raises(InvalidChange, match=words):
        replace(message, **change)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ([], "not a relay message"),
        ({**TYPED.to_dict(), "format": "ethr-did/relay/2"}, "not a relay message"),
        ({**TYPED.to_dict(), "kind": "eip191"}, "neither eip712 nor erc1056"),
        ({**TYPED.to_dict(), "nonce": "4"}, "a broken relay message"),
        ({**OLD.to_dict(), "deadline": "soon"}, "a broken relay message"),
    ],
)
def test_file_that_holds_no_message_is_refused(data: object, words: str) -> None:
    with pytest.raises(InvalidFile, match=words):
        RelayMessage.from_dict(data)

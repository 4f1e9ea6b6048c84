"""DIDs taken apart."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.did_methods.identifiers import identifier_of, split_did
from ethr_did.errors import InvalidDID

DID = "did:web:example.com"


@pytest.mark.parametrize(
    ("did", "parts"),
    [
        (DID, ("web", "example.com")),
        ("did:web:example.com%3A3000:user:alice", ("web", "example.com%3A3000:user:alice")),
        ("did:3:a", ("3", "a")),
        ("did:x::a", ("x", ":a")),
        ("did:x:" + "a" * 4090, ("x", "a" * 4090)),
    ],
)
def test_did_is_taken_apart(did: str, parts: tuple[str, str]) -> None:
    assert split_did(did) == parts


@pytest.mark.parametrize(
    "did",
    [
        "",
        "did",
        "did:web",
        "did:web:",
        "did:web:a:",
        "did::a",
        "DID:web:a",
        "did:Web:a",
        "did:web:a b",
        "did:web:a%2",
        "did:web:a%zz",
        "did:web:ä",
        f" {DID}",
        f"{DID}\n",
        f"{DID}#key",
        f"{DID}/path",
        f"{DID}?versionId=1",
        f"{DID};service=a",
        "did:x:" + "a" * 4091,
        None,
        7,
        b"did:web:a",
    ],
    ids=lambda did: ascii(did)[:30],
)
def test_what_is_no_did_is_refused(did: Any) -> None:
    with pytest.raises(InvalidDID, match="not a DID: ") as caught:
        split_did(did)
    assert "without path, query and fragment" in caught.value.hint


def test_did_of_another_method_is_refused() -> None:
    with pytest.raises(InvalidDID, match=r"a did:web is no did:key: 'did:web:example\.com'"):
        identifier_of(DID, "key")


def test_text_that_may_hold_a_private_key_is_not_shown() -> None:
    for text in ("did:jwk:eyJkIjoi#0", " did:jwk:eyJkIjoi"):
        with pytest.raises(InvalidDID) as caught:
            split_did(text)
        assert "eyJ" not in str(caught.value)
    with pytest.raises(InvalidDID) as caught:
        identifier_of("did:jwk:eyJkIjoi", "key")
    assert "eyJ" not in str(caught.value)

"""Changes to a list of trusted issuers."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.chain.networks import Networks
from ethr_did.credentials.trust_edits import add_entry, remove_entries
from ethr_did.credentials.trust_lists import TrustEntry, TrustList
from ethr_did.errors import InvalidTrustList, NotFoundError

UNI = "did:ethr:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
SAME = "did:ethr:mainnet:0x7e5f4552091a69125d5dfcb7b8c2659029395bdf"
OTHER = "did:web:other.example"
NETWORKS = Networks()


def entry(*types: str, issuer: str = UNI, **more: Any) -> TrustEntry:
    return TrustEntry(issuer=issuer, types=types, **more)


def test_an_issuer_is_added_at_the_end() -> None:
    before = TrustList(entries=(entry("A", issuer=OTHER),), name="Own")
    after = add_entry(before, entry("A"), NETWORKS)
    assert after == TrustList(entries=(entry("A", issuer=OTHER), entry("A")), name="Own")


def test_what_is_added_replaces_what_was_said_about_the_same_kind() -> None:
    before = TrustList(entries=(entry("A", "B", note="old"), entry("C"), entry("A", issuer=OTHER)))
    after = add_entry(before, entry("A", "C", issuer=SAME, valid_until=7), NETWORKS)
    assert after.entries == (
        entry("B", note="old"),
        entry("A", issuer=OTHER),
        entry("A", "C", issuer=SAME, valid_until=7),
    )


def test_an_issuer_is_removed_in_every_spelling() -> None:
    before = TrustList(entries=(entry("A"), entry("A", issuer=OTHER), entry("B", issuer=SAME)))
    after = remove_entries(before, SAME, (), NETWORKS)
    assert after.entries == (entry("A", issuer=OTHER),)


def test_a_kind_is_removed_and_the_rest_stays() -> None:
    before = TrustList(entries=(entry("A", "B"), entry("A", valid_until=7)))
    assert remove_entries(before, UNI, ["A"], NETWORKS).entries == (entry("B"),)


@pytest.mark.parametrize(
    ("issuer", "types"), [(OTHER, ()), (OTHER, ("A",)), (UNI, ("C",)), (UNI, ("A", "C"))]
)
def test_what_is_not_there_cannot_be_removed(issuer: str, types: tuple[str, ...]) -> None:
    with pytest.raises(NotFoundError, match="is not in the list"):
        remove_entries(TrustList(entries=(entry("A", "B"),)), issuer, types, NETWORKS)


def test_an_issuer_of_any_kind_does_not_lose_one() -> None:
    before = TrustList(entries=(entry("*"), entry("B")))
    with pytest.raises(InvalidTrustList, match="any kind of credentials, A included"):
        remove_entries(before, UNI, ["A"], NETWORKS)
    assert remove_entries(before, UNI, ["*"], NETWORKS).entries == (entry("B"),)

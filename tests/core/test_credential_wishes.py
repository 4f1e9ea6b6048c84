"""What is to happen to a credential, from the credential itself."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.core.credential_wishes import wishes_of_credential
from ethr_did.core.keys import Address
from ethr_did.core.status_entry import (
    Anchor,
    BitstringEntry,
    ContractId,
    Entry,
    ListEntry,
    RecordEntry,
    Registry2019Entry,
    TokenEntry,
)
from ethr_did.core.status_list import Flag, ListId, Purpose, status_key
from ethr_did.core.status_wishes import RecordWish, Wish
from ethr_did.errors import InvalidStatusEntry

STATUSES = ContractId(1, Address(b"\x51" * 20))
ANCHORS = ContractId(1, Address(b"\x52" * 20))
SALT, DIGEST = b"\x01" * 32, b"\x02" * 32


def a_list(purpose: Purpose, *, bits: int = 1, flags: Flag = Flag(0)) -> ListId:  # noqa: B008
    return ListId.build(
        purpose=purpose, bits=bits, capacity=2**17, random=b"\x5a" * 27, flags=flags
    )


REVOCATIONS = a_list(Purpose.REVOCATION)
SUSPENSIONS = a_list(Purpose.SUSPENSION)
W3C = a_list(Purpose.REVOCATION, flags=Flag.ANCHORED)
IETF = a_list(Purpose.LIFECYCLE, bits=2, flags=Flag.ANCHORED | Flag.LSB_FIRST)


def entry(list_id: ListId, index: int = 7) -> ListEntry:
    return ListEntry(registry=STATUSES, list_id=list_id, index=index)


def credential(*entries: Entry) -> dict[str, Any]:
    return {"credentialStatus": [one.to_dict() for one in entries]}


def wishes(found: dict[str, Any], status: str | int, **more: Any) -> tuple[Wish | RecordWish, ...]:
    return wishes_of_credential(found, status, **{"statuses": STATUSES, "anchors": ANCHORS, **more})


def test_the_list_that_can_say_it_is_meant() -> None:
    both = credential(entry(REVOCATIONS), entry(SUSPENSIONS, 8))

    assert wishes(both, "revoked") == (Wish(list_id=REVOCATIONS, index=7, value=1),)
    assert wishes(both, "suspended") == (Wish(list_id=SUSPENSIONS, index=8, value=1),)
    assert wishes(both, "valid") == (
        Wish(list_id=REVOCATIONS, index=7, value=0),
        Wish(list_id=SUSPENSIONS, index=8, value=0),
    )


def test_a_number_is_meant_for_the_only_entry() -> None:
    assert wishes(credential(entry(REVOCATIONS)), 1) == (
        Wish(list_id=REVOCATIONS, index=7, value=1),
    )
    with pytest.raises(InvalidStatusEntry, match="may mean another thing in each"):
        wishes(credential(entry(REVOCATIONS), entry(SUSPENSIONS)), 1)


def test_what_no_list_can_say_is_refused_with_each_reason() -> None:
    both = credential(entry(REVOCATIONS), entry(SUSPENSIONS))
    with pytest.raises(InvalidStatusEntry, match="not a status: 'lost'; not a status: 'lost'"):
        wishes(both, "lost")
    with pytest.raises(InvalidStatusEntry, match="cannot say 'suspended'"):
        wishes(credential(entry(REVOCATIONS)), "suspended")


def test_a_record_is_found_by_salt_and_digest() -> None:
    found = credential(RecordEntry(registry=STATUSES, salt=SALT))

    wish = RecordWish(key=status_key(SALT, DIGEST), value=2)
    assert wishes(found, "suspended", digest=DIGEST) == (wish,)
    with pytest.raises(InvalidStatusEntry, match="digest of the credential, which is not here"):
        wishes(found, "suspended")


def test_lists_kept_off_chain_are_found_by_their_anchors() -> None:
    w3c = BitstringEntry(
        list_url="https://example.com/1",
        index=9,
        purpose=Purpose.REVOCATION,
        anchor=Anchor(registry=ANCHORS, list_id=W3C),
    )
    ietf = TokenEntry(
        uri="https://example.com/2", index=10, anchor=Anchor(registry=ANCHORS, list_id=IETF)
    )

    assert wishes(credential(w3c), "revoked") == (Wish(list_id=W3C, index=9, value=1),)
    assert wishes({"status": ietf.to_dict()}, "suspended") == (
        Wish(list_id=IETF, index=10, value=2),
    )
    with pytest.raises(InvalidStatusEntry, match="not in the contract of this network"):
        wishes(credential(w3c), "revoked", anchors=None)


@pytest.mark.parametrize(
    ("found", "what"),
    [
        ({}, "no status entry"),
        (
            credential(
                ListEntry(registry=ContractId(5, STATUSES.address), list_id=REVOCATIONS, index=7)
            ),
            "kept in eip155:5:",
        ),
        (credential(RecordEntry(registry=ANCHORS, salt=SALT)), "not in eip155:1:0x5151"),
        ({"status": TokenEntry(uri="https://e.com", index=1).to_dict()}, "anchored nowhere"),
        (
            credential(Registry2019Entry(network="", registry=Address(b"\x01" * 20))),
            "EthrStatusRegistry2019 are read, and not written",
        ),
    ],
)
def test_what_is_not_ours_to_write_is_refused(found: dict[str, Any], what: str) -> None:
    with pytest.raises(InvalidStatusEntry, match=what):
        wishes(found, "revoked", digest=DIGEST)


def test_a_broken_entry_beside_a_good_one_is_not_passed_over() -> None:
    found = credential(entry(REVOCATIONS))
    found["credentialStatus"].append({"type": "SomethingNew"})
    with pytest.raises(InvalidStatusEntry, match="not a known type"):
        wishes(found, "revoked")

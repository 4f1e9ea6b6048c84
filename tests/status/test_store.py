"""What the store remembers: lists, values, versions, and what a verifier has seen."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ethr_did.core.keys import Address
from ethr_did.core.status_calls import Header
from ethr_did.core.status_entry import ContractId, StatusMessage, entry_from_dict
from ethr_did.core.status_list import Flag, ListId, Purpose
from ethr_did.errors import InvalidStatusEntry, NotFoundError, StatusUndetermined, StoreError
from ethr_did.status.store import StatusStore
from ethr_did.status.stored import ListForm, ListVersion, NewList, StoredList, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterator

CONTRACT = ContractId(1, Address(b"\x0c" * 20))
IDENTITY, OTHER = Address(b"\xaa" * 20), Address(b"\xbb" * 20)
URL = "https://issuer.example/statuses/1"
SECRET = b"\x5e" * 32
NOW = 1_750_000_000


def a_list_id(
    *, bits: int = 1, flags: Flag = Flag.ANCHORED, salt: int = 0, purpose: Purpose | None = None
) -> ListId:
    return ListId.build(
        purpose=purpose or Purpose.REVOCATION,
        bits=bits,
        capacity=2**17,
        random=salt.to_bytes(27),
        flags=flags,
    )


def new_list(list_id: ListId | None = None, identity: Address = IDENTITY) -> NewList:
    return NewList(
        contract=CONTRACT,
        identity=identity,
        list_id=list_id or a_list_id(),
        form=ListForm.BITSTRING,
        url=URL,
        seed=SECRET,
        created_at=NOW,
    )


@pytest.fixture
def store(database_url: str) -> Iterator[StatusStore]:
    with StatusStore(database_url) as opened:
        yield opened


@pytest.fixture
def stored(store: StatusStore) -> StoredList:
    return store.add_list(new_list())


# -- lists ---------------------------------------------------------------------------------------


def test_a_list_is_found_as_it_was_added(store: StatusStore, stored: StoredList) -> None:
    assert store.find_list(CONTRACT, IDENTITY, stored.list_id) == stored
    assert (stored.series, stored.position, stored.closed) == (stored.id, 0, False)


def test_a_list_that_nobody_added_is_not_found(store: StatusStore, stored: StoredList) -> None:
    for contract, identity, list_id in (
        (ContractId(2, CONTRACT.address), IDENTITY, stored.list_id),
        (ContractId(1, OTHER), IDENTITY, stored.list_id),
        (CONTRACT, OTHER, stored.list_id),
        (CONTRACT, IDENTITY, a_list_id(salt=1)),
    ):
        with pytest.raises(NotFoundError, match=list_id.text):
            store.find_list(contract, identity, list_id)


def test_a_list_is_added_once(store: StatusStore, stored: StoredList) -> None:
    with pytest.raises(StoreError, match="is in the database already"):
        store.add_list(new_list())
    assert store.lists() == (stored,)


def test_lists_are_chosen_by_identity_and_contract(store: StatusStore, stored: StoredList) -> None:
    other = store.add_list(new_list(identity=OTHER))
    elsewhere = store.add_list(replace(new_list(), contract=ContractId(7, CONTRACT.address)))
    assert store.lists() == (stored, other, elsewhere)
    assert store.lists(identity=IDENTITY) == (stored, elsewhere)
    assert store.lists(contract=CONTRACT) == (stored, other)
    assert store.lists(identity=OTHER, contract=CONTRACT) == (other,)


def test_a_closed_list_has_no_room(store: StatusStore, stored: StoredList) -> None:
    store.close_list(stored)
    found = store.find_list(CONTRACT, IDENTITY, stored.list_id)
    assert (found.closed, found.free) == (True, 0)


def test_messages_come_back(store: StatusStore) -> None:
    messages = (StatusMessage(value=0, message="fine"), StatusMessage(value=1, message='"no"'))
    found = store.add_list(replace(new_list(), messages=messages))
    assert found.messages == messages


def test_the_secret_of_a_list_is_not_shown(stored: StoredList) -> None:
    assert SECRET.hex() not in repr(stored) + repr(new_list()) + str(stored.to_dict())
    assert repr(SECRET) not in repr(stored) + repr(new_list())


def test_a_list_tells_about_itself(stored: StoredList) -> None:
    assert stored.to_dict() == {
        "listId": stored.list_id.text,
        "registry": CONTRACT.text,
        "identity": "0xaAaAaAaaAaAaAaaAaAAAAAAAAaaaAaAaAaaAaaAa",
        "form": "w3c",
        "statusPurpose": "revocation",
        "statusSize": 1,
        "capacity": 131072,
        "flags": ["anchored"],
        "url": URL,
        "position": 0,
        "free": 131072,
        "closed": False,
        "createdAt": NOW,
    }


@pytest.mark.parametrize(
    ("form", "flags"),
    [
        (ListForm.CHAIN, Flag(0)),
        (ListForm.BITSTRING, Flag.ANCHORED),
        (ListForm.TOKEN, Flag.ANCHORED | Flag.LSB_FIRST),
    ],
)
def test_entries_are_of_the_lists_form_and_can_be_read(
    store: StatusStore, form: ListForm, flags: Flag
) -> None:
    url = "" if form is ListForm.CHAIN else URL
    list_id = a_list_id(flags=flags)
    added = store.add_list(replace(new_list(list_id), form=form, url=url))
    entry = added.entry(94567)
    assert entry_from_dict(entry.to_dict()) == entry
    assert entry.index == 94567
    for index in (-1, 131072):
        with pytest.raises(InvalidStatusEntry):
            added.entry(index)


# -- values --------------------------------------------------------------------------------------


def test_values_are_kept_and_taken_back(store: StatusStore, stored: StoredList) -> None:
    assert store.values_of(stored) == {}
    assert store.set_values(stored, {7: 1, 8: 1, 9: 0}) == 2
    assert store.set_values(stored, {7: 0, 8: 1, 131071: 1}) == 2
    assert store.values_of(stored) == {8: 1, 131071: 1}


def test_very_many_values_are_kept(store: StatusStore, stored: StoredList) -> None:
    assert store.set_values(stored, dict.fromkeys(range(3000), 1)) == 3000
    assert store.set_values(stored, dict.fromkeys(range(1, 3000), 0)) == 2999
    assert store.values_of(stored) == {0: 1}


def test_values_of_one_list_are_not_another_ones(store: StatusStore, stored: StoredList) -> None:
    other = store.add_list(new_list(identity=OTHER))
    store.set_values(stored, {7: 1})
    assert store.values_of(other) == {}


@pytest.mark.parametrize("wanted", [{8: 1, 131072: 1}, {8: 1, -1: 1}, {8: 1, 7: 2}])
def test_with_one_bad_value_none_is_kept(
    store: StatusStore, stored: StoredList, wanted: dict[int, int]
) -> None:
    with pytest.raises(InvalidStatusEntry):
        store.set_values(stored, wanted)
    assert store.values_of(stored) == {}


def test_what_is_final_stays(store: StatusStore) -> None:
    list_id = a_list_id(bits=2, flags=Flag.ANCHORED | Flag.TERMINAL)
    added = store.add_list(new_list(list_id))
    store.set_values(added, {7: 2, 8: 1})
    assert store.set_values(added, {7: 0, 8: 1}) == 1
    with pytest.raises(InvalidStatusEntry, match=r"entry 8 of .* is INVALID, which is final"):
        store.set_values(added, {9: 1, 8: 0})
    assert store.values_of(added) == {8: 1}


# -- versions ------------------------------------------------------------------------------------


def a_version(number: int = 1, *, content: bytes = b"list") -> ListVersion:
    return ListVersion(
        version=number,
        content_digest=content.ljust(32, b"\1"),
        bitmap_root=b"\2" * 32,
        content=content,
        valid_until=NOW + 86_400,
        prepared_at=NOW,
    )


def confirmed(version: ListVersion) -> ListVersion:
    return replace(
        version,
        state=VersionState.CONFIRMED,
        tx_hash=b"\3" * 32,
        published_at=NOW + 12,
        block_number=77,
    )


def test_a_version_goes_its_way(store: StatusStore, stored: StoredList) -> None:
    prepared = a_version()
    for step in (prepared, replace(prepared, state=VersionState.SENT), confirmed(prepared)):
        store.record_version(stored, step)
        store.record_version(stored, step)
        assert store.versions(stored, with_content=True) == (step,)
    assert store.latest_version(stored) == confirmed(prepared)


def test_versions_come_without_their_content_unless_it_is_asked_for(
    store: StatusStore, stored: StoredList
) -> None:
    store.record_version(stored, a_version())
    assert store.versions(stored) == (replace(a_version(), content=b""),)


def test_the_latest_version_is_that_of_a_state(store: StatusStore, stored: StoredList) -> None:
    assert store.latest_version(stored) is None
    store.record_version(stored, confirmed(a_version(1)))
    store.record_version(stored, a_version(2))
    assert store.latest_version(stored) == confirmed(a_version(1))
    assert store.latest_version(stored, None) == a_version(2)
    assert store.latest_version(stored, VersionState.SENT) is None


def test_two_drafts_of_one_number_are_kept_until_the_chain_decides(
    store: StatusStore, stored: StoredList
) -> None:
    first, second = a_version(), a_version(content=b"other")
    store.record_version(stored, first)
    store.record_version(stored, second)
    store.record_version(stored, confirmed(second))
    assert len(store.versions(stored)) == 2
    assert store.latest_version(stored) == confirmed(second)
    with pytest.raises(StoreError, match="is on chain with another digest"):
        store.record_version(stored, confirmed(first))


def test_a_state_never_goes_back(store: StatusStore, stored: StoredList) -> None:
    store.record_version(stored, confirmed(a_version()))
    with pytest.raises(StoreError, match="is confirmed already"):
        store.record_version(stored, a_version())


def test_versions_are_in_order_and_of_one_list(store: StatusStore, stored: StoredList) -> None:
    other = store.add_list(new_list(identity=OTHER))
    for number in (2, 1, 10):
        store.record_version(stored, a_version(number))
    assert [version.version for version in store.versions(stored)] == [1, 2, 10]
    assert store.versions(other) == ()


def test_only_a_confirmed_version_has_a_header() -> None:
    assert confirmed(a_version()).header == Header(
        content_digest=a_version().content_digest,
        bitmap_root=b"\2" * 32,
        version=1,
        published_at=NOW + 12,
        valid_until=NOW + 86_400,
        block_number=77,
    )
    with pytest.raises(StoreError, match="version 1 is prepared, not confirmed"):
        _ = a_version().header


def test_contents_are_not_shown() -> None:
    assert "content=" not in repr(a_version())


# -- what a verifier has seen --------------------------------------------------------------------


def test_the_highest_version_seen_is_remembered(store: StatusStore) -> None:
    list_id = a_list_id()
    assert store.seen_version(CONTRACT, IDENTITY, list_id) == 0
    for version in (3, 3, 5):
        store.note_seen_version(CONTRACT, IDENTITY, list_id, version)
    assert store.seen_version(CONTRACT, IDENTITY, list_id) == 5


def test_an_older_version_is_not_believed_any_more(store: StatusStore) -> None:
    list_id = a_list_id()
    store.note_seen_version(CONTRACT, IDENTITY, list_id, 5)
    with pytest.raises(StatusUndetermined, match="has version 4, and version 5 was seen before"):
        store.note_seen_version(CONTRACT, IDENTITY, list_id, 4)
    assert store.seen_version(CONTRACT, IDENTITY, list_id) == 5


def test_versions_are_seen_for_each_list_alone(store: StatusStore) -> None:
    list_id = a_list_id()
    store.note_seen_version(CONTRACT, IDENTITY, list_id, 5)
    for contract, identity, other in (
        (ContractId(2, CONTRACT.address), IDENTITY, list_id),
        (ContractId(1, OTHER), IDENTITY, list_id),
        (CONTRACT, OTHER, list_id),
        (CONTRACT, IDENTITY, a_list_id(salt=1)),
    ):
        store.note_seen_version(contract, identity, other, 1)


def test_of_versions_seen_at_once_the_highest_stays(database_url: str) -> None:
    list_id = a_list_id()

    def see(version: int) -> None:
        with StatusStore(database_url) as store:
            try:
                store.note_seen_version(CONTRACT, IDENTITY, list_id, version)
            except StatusUndetermined:
                assert store.seen_version(CONTRACT, IDENTITY, list_id) > version

    StatusStore(database_url).close()
    threads = [threading.Thread(target=see, args=(version,)) for version in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with StatusStore(database_url) as store:
        assert store.seen_version(CONTRACT, IDENTITY, list_id) == 8

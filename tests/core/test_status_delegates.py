"""Who may write the statuses of an identity, from its history."""

from __future__ import annotations

import pytest

from ethr_did.core.changes import AddDelegate, RevokeDelegate
from ethr_did.core.erc1056 import DelegateChanged, Event, OwnerChanged, encode_name
from ethr_did.core.keys import ZERO_ADDRESS, Address
from ethr_did.core.status_delegates import (
    DEFAULT_STATUS_VALIDITY,
    MAX_STATUS_VALIDITY,
    StatusDelegate,
    add_status_delegate,
    is_status_type,
    revoke_status_delegate,
    status_delegates,
)
from ethr_did.core.status_list import (
    ALL_LISTS,
    REVOCATION_ONLY,
    Authority,
    ListId,
    Purpose,
    delegate_type_of_list,
)
from ethr_did.errors import InvalidStatusEntry, InvalidValidity

NOW = 1_800_000_000
ISSUER = Address(b"\x11" * 20)
NEW_OWNER = Address(b"\x12" * 20)
KEY = Address(b"\x21" * 20)
OTHER_KEY = Address(b"\x22" * 20)
LIST = ListId.build(purpose=Purpose.REVOCATION, bits=1, capacity=2, random=b"\x5a" * 27)


class History:
    """Events one after another, each in a block of its own."""

    def __init__(self) -> None:
        self.events: list[Event] = []

    def _place(self) -> dict[str, object]:
        number = len(self.events) + 1
        return {
            "identity": ISSUER,
            "previous_change": number - 1,
            "block_number": number,
            "block_hash": bytes([number]) * 32,
            "log_index": 0,
            "tx_hash": bytes([number]) * 32,
            "block_timestamp": NOW + number,
        }

    def grant(self, kind: bytes, *, key: Address = KEY, valid_to: int = NOW + 1000) -> History:
        self.events.append(
            DelegateChanged(delegate_type=kind, delegate=key, valid_to=valid_to, **self._place())  # type: ignore[arg-type]
        )
        return self

    def own(self, owner: Address) -> History:
        self.events.append(OwnerChanged(owner=owner, **self._place()))  # type: ignore[arg-type]
        return self

    def delegates(self, *list_ids: ListId, at: int = NOW) -> tuple[StatusDelegate, ...]:
        return status_delegates(self.events, at=at, list_ids=list_ids)


# -- what is found -------------------------------------------------------------------------------


def test_each_right_is_told_by_its_type_and_keys_of_the_document_are_left_out() -> None:
    history = (
        History()
        .grant(ALL_LISTS)
        .grant(encode_name("veriKey"))
        .grant(REVOCATION_ONLY)
        .grant(delegate_type_of_list(LIST))
        .grant(encode_name("sigAuth"))
    )

    found = history.delegates(LIST)

    assert [(one.authority, one.list_id, one.since_block) for one in found] == [
        (Authority.ALL_LISTS, None, 1),
        (Authority.REVOCATION_ONLY, None, 3),
        (Authority.ONE_LIST, LIST, 4),
    ]
    assert [one.name for one in found] == [
        "credStatus",
        "credRevoke",
        f"credStatus of list {LIST.text}",
    ]


def test_the_type_of_a_list_that_is_not_known_is_shown_as_a_hash() -> None:
    (found,) = History().grant(delegate_type_of_list(LIST)).delegates()

    assert (found.authority, found.list_id) == (None, None)
    assert found.name.startswith("0x")
    assert "not known here" in found.name
    assert found.to_dict()["authority"] is None


def test_the_last_word_about_a_delegate_counts() -> None:
    history = History().grant(ALL_LISTS).grant(ALL_LISTS, valid_to=NOW)

    (found,) = history.delegates()

    assert (found.valid, found.valid_to, found.since_block) == (False, NOW, 2)
    assert found.since_time == NOW + 2


@pytest.mark.parametrize(("at", "valid"), [(NOW + 999, True), (NOW + 1000, False)])
def test_a_delegate_ends_in_the_second_that_is_named(at: int, *, valid: bool) -> None:
    (found,) = History().grant(ALL_LISTS).delegates(at=at)
    assert found.valid is valid


def test_the_zero_address_is_nobody() -> None:
    assert History().grant(ALL_LISTS, key=ZERO_ADDRESS).delegates() == ()


# -- changes of owner ----------------------------------------------------------------------------


def test_a_delegate_of_an_earlier_owner_has_survived() -> None:
    found = (History().grant(ALL_LISTS).own(NEW_OWNER).grant(ALL_LISTS, key=OTHER_KEY)).delegates()
    assert [(one.delegate, one.survived) for one in found] == [(KEY, True), (OTHER_KEY, False)]


def test_what_the_new_owner_granted_again_is_the_new_owner_s() -> None:
    (found,) = History().grant(ALL_LISTS).own(NEW_OWNER).grant(ALL_LISTS).delegates()
    assert not found.survived


def test_giving_an_identity_to_its_owner_is_no_change() -> None:
    assert not History().grant(ALL_LISTS).own(ISSUER).delegates()[0].survived
    history = History().own(NEW_OWNER).grant(ALL_LISTS).own(NEW_OWNER)
    assert not history.delegates()[0].survived


def test_delegates_survive_a_deactivation_and_what_follows() -> None:
    history = History().grant(ALL_LISTS).own(ZERO_ADDRESS)
    assert history.delegates()[0].survived
    # The identity's own key has it back, and is no other owner than before.
    (found,) = history.grant(ALL_LISTS).own(ISSUER).delegates()
    assert not found.survived


# -- changes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authority", "list_id", "kind"),
    [
        (Authority.ALL_LISTS, None, ALL_LISTS),
        (Authority.REVOCATION_ONLY, None, REVOCATION_ONLY),
        (Authority.ONE_LIST, LIST, delegate_type_of_list(LIST)),
    ],
)
def test_a_right_is_granted_and_taken_back(
    authority: Authority, list_id: ListId | None, kind: bytes
) -> None:
    added = add_status_delegate(KEY, authority, list_id=list_id)

    assert added == AddDelegate(delegate_type=kind, delegate=KEY, validity=DEFAULT_STATUS_VALIDITY)
    ended = RevokeDelegate(delegate_type=kind, delegate=KEY)
    assert revoke_status_delegate(KEY, authority, list_id=list_id) == ended
    (found,) = History().grant(kind).delegates()
    assert found.revocation() == ended
    assert is_status_type(kind)


def test_other_types_write_no_statuses() -> None:
    assert not is_status_type(encode_name("veriKey"))
    assert not is_status_type(bytes(32))
    assert is_status_type(b"\xff" * 32)
    assert is_status_type(b"\x01".rjust(32, b"a"))


@pytest.mark.parametrize("authority", [Authority.OWNER, Authority.ONE_LIST])
def test_the_owner_s_right_and_that_to_no_list_cannot_be_granted(authority: Authority) -> None:
    with pytest.raises(InvalidStatusEntry):
        add_status_delegate(KEY, authority)


def test_a_right_for_more_than_a_season_has_to_be_forced() -> None:
    assert add_status_delegate(KEY, validity=MAX_STATUS_VALIDITY).validity == 90 * 86_400
    with pytest.raises(InvalidValidity, match="for 91 days"):
        add_status_delegate(KEY, validity=91 * 86_400)
    assert add_status_delegate(KEY, validity=91 * 86_400, force=True).validity == 91 * 86_400


def test_a_delegate_is_told_as_json() -> None:
    (found,) = History().grant(delegate_type_of_list(LIST)).own(NEW_OWNER).delegates(LIST)
    assert found.to_dict() == {
        "delegate": "0x2121212121212121212121212121212121212121",
        "delegateType": "0x" + delegate_type_of_list(LIST).hex(),
        "authority": "one_list",
        "listId": LIST.text,
        "validTo": NOW + 1000,
        "valid": True,
        "sinceBlock": 1,
        "sinceTime": NOW + 1,
        "survived": True,
    }

"""What is left of wishes after somebody else wrote, and by which right they are carried out."""

from __future__ import annotations

import pytest

from ethr_did.core.keys import Address
from ethr_did.core.status_changes import Conflict
from ethr_did.core.status_list import (
    INVALID,
    PAYLOAD_BITS,
    SUSPENDED,
    VALID,
    Authority,
    Flag,
    ListId,
    Purpose,
)
from ethr_did.core.status_wishes import RecordWish, Wish, WishSet, gather
from ethr_did.core.status_work import Rights, Stored, by_right, left_of, only, without

ISSUER = Address(b"\x11" * 20)
KEY, OTHER_KEY = b"\x01" * 32, b"\x02" * 32


def a_list(number: int = 0, *, bits: int = 2, flags: Flag = Flag(0)) -> ListId:  # noqa: B008
    return ListId.build(
        purpose=Purpose.LIFECYCLE, bits=bits, capacity=256, random=bytes([number]) * 27, flags=flags
    )


LIST = a_list()
OTHER = a_list(1)
FINAL = a_list(2, flags=Flag.TERMINAL)
OWNERS = a_list(3, flags=Flag.OWNER_ONLY)


def word(block: int, *values: int) -> int:
    """A word of two bits for each entry."""
    return block << PAYLOAD_BITS | sum(value << 2 * place for place, value in enumerate(values))


def record(value: int, block: int = 5) -> int:
    return block << 48 | value


def wishes(*entries: tuple[ListId, int, int], **records: int) -> WishSet:
    keys = {"key": KEY, "other": OTHER_KEY}
    return gather(
        [
            *(Wish(list_id=one, index=index, value=value) for one, index, value in entries),
            *(RecordWish(key=keys[name], value=value) for name, value in records.items()),
        ]
    )


def stored(words: dict[tuple[ListId, int], int] | None = None, **records: int) -> Stored:
    keys = {"key": KEY, "other": OTHER_KEY}
    return Stored(words=words or {}, records={keys[name]: one for name, one in records.items()})


def entries(found: WishSet) -> list[tuple[ListId, int, int]]:
    return [(one, *pair) for one in sorted(found.lists) for pair in found.entries(one)]


# -- what is left --------------------------------------------------------------------------------


def test_what_nobody_touched_is_left_though_its_neighbour_changed() -> None:
    wanted = wishes((LIST, 0, SUSPENDED), (LIST, 104, INVALID))
    before = stored({(LIST, 0): word(7), (LIST, 1): 0})
    now = stored({(LIST, 0): word(8, 0, INVALID), (LIST, 1): 0})

    left, conflicts = left_of(wanted, before=before, now=now, identity=ISSUER)

    assert (left, conflicts) == (wanted, ())


def test_what_somebody_else_decided_otherwise_is_a_conflict() -> None:
    wanted = wishes((LIST, 0, SUSPENDED), (LIST, 1, SUSPENDED), (LIST, 2, INVALID))
    before = stored({(LIST, 0): word(7, VALID, VALID, SUSPENDED)})
    now = stored({(LIST, 0): word(8, INVALID, VALID, VALID)})

    left, conflicts = left_of(wanted, before=before, now=now, identity=ISSUER)

    assert entries(left) == [(LIST, 1, SUSPENDED)]
    assert conflicts == (
        Conflict(list_id=LIST, index=0, key=b"", before=VALID, found=INVALID, wanted=SUSPENDED),
        Conflict(list_id=LIST, index=2, key=b"", before=SUSPENDED, found=VALID, wanted=INVALID),
    )


def test_what_somebody_else_did_as_wished_is_no_conflict() -> None:
    wanted = wishes((LIST, 0, SUSPENDED))
    before, now = stored({(LIST, 0): 0}), stored({(LIST, 0): word(8, SUSPENDED)})
    assert left_of(wanted, before=before, now=now, identity=ISSUER) == (wanted, ())


def test_a_final_revocation_has_no_conflict_and_anything_else_in_that_list_has() -> None:
    wanted = wishes((FINAL, 0, INVALID), (FINAL, 1, SUSPENDED))
    before = stored({(FINAL, 0): word(7)})
    now = stored({(FINAL, 0): word(8, SUSPENDED, INVALID)})

    left, conflicts = left_of(wanted, before=before, now=now, identity=ISSUER)

    assert entries(left) == [(FINAL, 0, INVALID)]
    assert [conflict.index for conflict in conflicts] == [1]


def test_a_word_of_which_nothing_is_left_is_gone() -> None:
    before, now = stored({(LIST, 0): 0}), stored({(LIST, 0): word(8, INVALID)})
    left, _ = left_of(wishes((LIST, 0, SUSPENDED)), before=before, now=now, identity=ISSUER)
    assert left == WishSet(lists={}, records={})


def test_records_conflict_unless_they_are_revoked() -> None:
    wanted = wishes(key=SUSPENDED, other=INVALID)
    before = stored(key=record(VALID), other=record(VALID))
    now = stored(key=record(3, 6), other=record(SUSPENDED, 6))

    left, (conflict,) = left_of(wanted, before=before, now=now, identity=ISSUER)

    assert left.records == {OTHER_KEY: INVALID}
    assert (conflict.key, conflict.before, conflict.found, conflict.wanted) == (KEY, 0, 3, 2)


def test_a_record_that_came_back_to_its_value_is_left() -> None:
    wanted = wishes(key=SUSPENDED)
    now = stored(key=record(VALID, 9))
    assert left_of(wanted, before=stored(key=0), now=now, identity=ISSUER) == (wanted, ())
    same = stored(key=0)
    assert left_of(wanted, before=same, now=same, identity=ISSUER) == (wanted, ())


def test_whole_words_and_records_are_taken_out() -> None:
    wanted = wishes((LIST, 0, 1), (LIST, 104, 1), (OTHER, 0, 1), key=1, other=1)
    left = without(wanted, words={(LIST, 0), (OTHER, 0)}, keys={KEY})
    assert entries(left) == [(LIST, 104, 1)]
    assert left.records == {OTHER_KEY: 1}


def test_words_and_records_are_picked_out() -> None:
    wanted = wishes((LIST, 0, 1), (LIST, 104, 1), (OTHER, 0, 1), key=1, other=1)
    picked = only(wanted, words=[(LIST, 1), (OTHER, 0)], keys=[OTHER_KEY])
    assert entries(picked) == [(LIST, 104, 1), (OTHER, 0, 1)]
    assert picked.records == {OTHER_KEY: 1}


# -- by which right ------------------------------------------------------------------------------


def rights(*general: Authority, lists: tuple[ListId, ...] = ()) -> Rights:
    return Rights(general=frozenset(general), lists=frozenset(lists))


@pytest.mark.parametrize(
    ("has", "list_id", "revokes", "chosen"),
    [
        (rights(*Authority, lists=(LIST,)), LIST, False, Authority.OWNER),
        (rights(Authority.OWNER), None, False, Authority.OWNER),
        (rights(Authority.OWNER), OWNERS, False, Authority.OWNER),
        (rights(Authority.ALL_LISTS, lists=(LIST,)), LIST, False, Authority.ALL_LISTS),
        (rights(Authority.ALL_LISTS), None, False, Authority.ALL_LISTS),
        (rights(Authority.ALL_LISTS, lists=(OWNERS,)), OWNERS, True, None),
        (rights(Authority.REVOCATION_ONLY, lists=(LIST,)), LIST, True, Authority.ONE_LIST),
        (rights(Authority.REVOCATION_ONLY), LIST, True, Authority.REVOCATION_ONLY),
        (rights(Authority.REVOCATION_ONLY), None, True, Authority.REVOCATION_ONLY),
        (rights(Authority.REVOCATION_ONLY), LIST, False, None),
        (rights(lists=(LIST,)), OTHER, True, None),
        (rights(lists=(LIST,)), None, True, None),
    ],
)
def test_the_plainest_right_is_used(
    has: Rights, list_id: ListId | None, chosen: Authority | None, *, revokes: bool
) -> None:
    assert has.choose(list_id, revokes=revokes) is chosen


def test_each_list_gets_the_right_that_serves_it() -> None:
    wanted = wishes((LIST, 0, INVALID), (OTHER, 0, SUSPENDED), (OTHER, 1, INVALID), key=INVALID)
    now = stored({(LIST, 0): word(7, 0, SUSPENDED), (OTHER, 0): 0}, key=0)
    has = rights(Authority.REVOCATION_ONLY, lists=(OTHER,))

    found, missing = by_right(wanted, now, has)

    assert missing == ()
    assert list(found) == [Authority.REVOCATION_ONLY, Authority.ONE_LIST]
    assert entries(found[Authority.ONE_LIST]) == [(OTHER, 0, SUSPENDED), (OTHER, 1, INVALID)]
    assert found[Authority.ONE_LIST].records == {}
    assert entries(found[Authority.REVOCATION_ONLY]) == [(LIST, 0, INVALID)]
    assert found[Authority.REVOCATION_ONLY].records == {KEY: INVALID}


def test_lists_without_a_right_are_named() -> None:
    wanted = wishes((LIST, 0, SUSPENDED), (OTHER, 0, INVALID), key=SUSPENDED)
    now = stored({(LIST, 0): 0, (OTHER, 0): 0}, key=0)

    found, missing = by_right(wanted, now, rights(Authority.REVOCATION_ONLY))

    assert missing == (LIST, None)
    assert list(found) == [Authority.REVOCATION_ONLY]


def test_what_is_so_already_needs_no_right_to_more_than_revoke() -> None:
    wanted = wishes((LIST, 0, SUSPENDED), (LIST, 1, INVALID), key=SUSPENDED)
    now = stored({(LIST, 0): word(7, SUSPENDED)}, key=record(SUSPENDED))

    found, missing = by_right(wanted, now, rights(Authority.REVOCATION_ONLY))

    assert (found, missing) == ({Authority.REVOCATION_ONLY: wanted}, ())


def test_records_alone_have_a_right_too() -> None:
    now = stored(key=0)
    found, missing = by_right(wishes(key=SUSPENDED), now, rights(Authority.ALL_LISTS))
    assert (list(found), missing) == ([Authority.ALL_LISTS], ())

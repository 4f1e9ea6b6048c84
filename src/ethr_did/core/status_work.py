"""What is left of wishes while they are carried out, and by which right.

Rules:
  1. Wishes are kept with the words and records that were there when they were decided. What
     somebody else has changed since, to anything but the wish, is a conflict: it is left alone
     and reported. What nobody touched goes on, with the word as it is now.
  2. A revocation where that is final overrules everything: it has no conflicts.
  3. Of several rights the plainest is used: the owner's, that to all lists, that to the list, and
     for revocations the one to revoke.

Spec: docs/credential-status.md, "Words", "Authority".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ethr_did.core.status_calls import WordUpdate
from ethr_did.core.status_changes import Conflict, RecordUpdate, merge, merge_records
from ethr_did.core.status_fields import invalid, non_zero
from ethr_did.core.status_list import (
    INVALID,
    PAYLOAD_BITS,
    Authority,
    Flag,
    ListId,
    StatusRecord,
)
from ethr_did.core.status_wishes import WishSet

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from ethr_did.core.keys import Address

__all__ = ["Place", "Rights", "Stored", "by_right", "left_of", "only", "without"]

Place: TypeAlias = "tuple[ListId, int]"
"""A word: its list and its number."""

_PAYLOAD = (1 << PAYLOAD_BITS) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """Words and records as the chain stores them; 0: never written."""

    words: Mapping[Place, int]
    records: Mapping[bytes, int]


# -- somebody else was faster --------------------------------------------------------------------


def left_of(
    wishes: WishSet, *, before: Stored, now: Stored, identity: Address
) -> tuple[WishSet, tuple[Conflict, ...]]:
    """The wishes that nobody has overruled, and the others.

    Args:
        wishes: about lists on chain and records.
        before: what was there when they were decided.
        now: what is there.
        identity: whose statuses they are.
    """
    conflicts: list[Conflict] = []
    lists: dict[ListId, dict[int, tuple[int, int]]] = {}
    for list_id, words in wishes.lists.items():
        left = lists[list_id] = dict(words)
        for word, (mask, value) in words.items():
            was, is_now = before.words[list_id, word], now.words[list_id, word]
            if was != is_now:
                found = _conflicts_of_word(list_id, word, mask, value, was=was, now=is_now)
                left[word] = _dropped(mask, value, _fields_of(found, list_id))
                conflicts += found
    overruled = _conflicts_of_records(wishes.records, before, now, identity)
    conflicts += overruled
    return without(
        WishSet(lists=lists, records=wishes.records),
        keys={conflict.key for conflict in overruled},
    ), tuple(conflicts)


def _conflicts_of_word(
    list_id: ListId, word: int, mask: int, value: int, *, was: int, now: int
) -> list[Conflict]:
    update = WordUpdate(word=word, set=value, clear=mask & ~value, expected=was)
    return [
        conflict
        for conflict in merge(list_id, update, now).conflicts
        if not (list_id.is_terminal and conflict.wanted == INVALID)
    ]


def _conflicts_of_records(
    records: Mapping[bytes, int], before: Stored, now: Stored, identity: Address
) -> tuple[Conflict, ...]:
    found: list[Conflict] = []
    for key, value in records.items():
        if value == INVALID or before.records[key] == now.records[key]:
            continue
        update = RecordUpdate(
            identity=identity,
            authority=Authority.OWNER,
            value=value,
            keys=(key,),
            expected=(before.records[key],),
        )
        found += merge_records(update, now.records).conflicts
    return tuple(found)


def _fields_of(conflicts: Iterable[Conflict], list_id: ListId) -> int:
    """The bits of the entries in conflict, in their word."""
    top = (1 << list_id.bits) - 1
    shifts = (conflict.index % list_id.entries_per_word * list_id.bits for conflict in conflicts)
    return sum(top << shift for shift in shifts)


def _dropped(mask: int, value: int, fields: int) -> tuple[int, int]:
    return mask & ~fields, value & ~fields


def without(
    wishes: WishSet, *, words: Collection[Place] = (), keys: Collection[bytes] = ()
) -> WishSet:
    """The wishes but for whole words and records, and for words in which nothing is wished."""
    lists = {
        list_id: {
            word: (mask, value)
            for word, (mask, value) in wanted.items()
            if mask and (list_id, word) not in words
        }
        for list_id, wanted in wishes.lists.items()
    }
    return WishSet(
        lists={list_id: wanted for list_id, wanted in lists.items() if wanted},
        records={key: value for key, value in wishes.records.items() if key not in keys},
    )


def only(wishes: WishSet, *, words: Iterable[Place], keys: Iterable[bytes]) -> WishSet:
    """The wishes about some words and records, all of which must be among them."""
    lists: dict[ListId, dict[int, tuple[int, int]]] = {}
    for list_id, word in words:
        lists.setdefault(list_id, {})[word] = wishes.lists[list_id][word]
    return WishSet(lists=lists, records={key: wishes.records[key] for key in keys})


# -- by which right ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """What an account may do with the statuses of an identity, as the contract says."""

    general: frozenset[Authority]
    """Of the rights that name no list."""
    lists: frozenset[ListId]
    """Lists for which it has the right to one list."""

    def choose(self, list_id: ListId | None, *, revokes: bool) -> Authority | None:
        """The right by which a list, or for None the records, may be changed; None: no right.

        Args:
            list_id: of the list.
            revokes: whether all that changes becomes INVALID.
        """
        if Authority.OWNER in self.general:
            return Authority.OWNER
        if list_id is not None and Flag.OWNER_ONLY in list_id.flags:
            return None
        if Authority.ALL_LISTS in self.general:
            return Authority.ALL_LISTS
        if list_id in self.lists:
            return Authority.ONE_LIST
        if revokes and Authority.REVOCATION_ONLY in self.general:
            return Authority.REVOCATION_ONLY
        return None


def by_right(
    wishes: WishSet, stored: Stored, rights: Rights
) -> tuple[dict[Authority, WishSet], tuple[ListId | None, ...]]:
    """The wishes by the right that serves them, and the lists for which there is none.

    Args:
        wishes: about lists on chain and records.
        stored: what the chain stores.
        rights: of whoever writes.

    Returns:
        Wishes by right; lists without one, None for records.
    """
    lists: dict[Authority, dict[ListId, Mapping[int, tuple[int, int]]]] = {}
    missing: list[ListId | None] = []
    for list_id, words in wishes.lists.items():
        chosen = rights.choose(list_id, revokes=_revokes_only(list_id, words, stored))
        if chosen is None:
            missing.append(list_id)
        else:
            lists.setdefault(chosen, {})[list_id] = words
    right = rights.choose(None, revokes=_revokes_records_only(wishes.records, stored))
    if wishes.records and right is None:
        missing.append(None)
    found = {
        authority: WishSet(
            lists=lists.get(authority, {}), records=wishes.records if authority is right else {}
        )
        for authority in Authority
        if authority in lists or (wishes.records and authority is right)
    }
    return found, tuple(missing)


def _revokes_only(list_id: ListId, words: Mapping[int, tuple[int, int]], stored: Stored) -> bool:
    bits = list_id.bits
    for word, (mask, value) in words.items():
        old = stored.words[list_id, word] & _PAYLOAD
        new = old & ~mask | value
        if non_zero(old ^ new, bits) & ~invalid(new, bits):
            return False
    return True


def _revokes_records_only(records: Mapping[bytes, int], stored: Stored) -> bool:
    return all(
        value == INVALID or StatusRecord(stored.records[key]).value == value
        for key, value in records.items()
    )

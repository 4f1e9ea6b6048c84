"""Planned changes packed into few transactions.

Rules:
  1. A word is the unit: it is changed once, in one transaction, whatever number of entries in it
     changes.
  2. Words count against the gas and against the size of a transaction. Those that need more of one
     go beside those that need more of the other.
  3. Records of one transaction get one value; the contract wants it so.

Spec: docs/credential-status.md, "`CredentialStatusRegistry`"; EIP-7825 (the cap of a transaction).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from ethr_did.core.status_calls import (
    ListUpdate,
    WordUpdate,
    revoke_key_call,
    set_keys_call,
    set_status_call,
    update_lists_call,
    update_words_call,
)
from ethr_did.core.status_fields import non_zero
from ethr_did.core.status_list import ANY_WORD, INVALID
from ethr_did.errors import InvalidChange

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from ethr_did.core.status_changes import ChangePlan, RecordUpdate

__all__ = ["TRANSACTION_GAS_CAP", "TRANSACTION_SIZE_CAP", "Batch", "GasModel", "Limits", "pack"]

TRANSACTION_GAS_CAP: Final = 16_777_216
"""Most gas of one transaction, whatever a block holds. Spec: EIP-7825."""

TRANSACTION_SIZE_CAP: Final = 128 * 1024
"""Bytes: larger transactions are passed on by hardly any node."""

_WORD = 32
_CALL_SIZE = 4 + 2 * _WORD
_LIST_SIZE = 6 * _WORD
"""Where it stands, identity, authority, list id, where its words stand, and how many."""
_WORD_SIZE = 3 * _WORD
_RECORDS_SIZE = 4 + 7 * _WORD


@dataclass(frozen=True, slots=True, kw_only=True)
class GasModel:
    """What changes cost, from above: for packing. The price of a plan is asked of the node.

    Measured on the in-process chain under the Prague rules; the test of this class measures again.
    """

    transaction: int = 21_000
    zero_byte: int = 4
    other_byte: int = 16
    call: int = 5_400
    """The call itself, and the first question about the owner."""
    list: int = 4_300
    """Each list; the dearest case, a delegate for one list."""
    word: int = 8_050
    """Each word in use: load, store, log."""
    wide: int = 900
    """On top, where an entry has several bits: the rules are checked."""
    new_word: int = 17_100
    """On top for a word that was never written."""
    record: int = 7_250
    """Each record in use."""
    expected_record: int = 620
    """On top for a record with an expectation."""
    new_record: int = 17_100
    """On top for a record that was never written."""
    signed: int = 9_900
    """On top for a message: its digest, and one signature."""
    signed_word: int = 1_750
    """On top for each word in a message."""

    def bytes_of(self, numbers: Iterable[int]) -> int:
        """Gas for numbers in call data, a word each."""
        total = 0
        for number in numbers:
            used = _WORD - number.to_bytes(_WORD).count(0)
            total += _WORD * self.zero_byte + used * (self.other_byte - self.zero_byte)
        return total


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one transaction may use."""

    gas: int
    size: int = TRANSACTION_SIZE_CAP - 1024
    """Bytes of call data; the rest is for the envelope and a signature."""
    signed: bool = False
    """Whether somebody else sends it, with a signature inside."""

    @classmethod
    def of_block(cls, gas_limit: int, *, margin: int = 20, signed: bool = False) -> Limits:
        """The limits on a chain.

        Args:
            gas_limit: of a block.
            margin: per cent that the sender adds to the estimate: the sum must stay below the cap.
            signed: see ``Limits.signed``.

        Example:
            >>> Limits.of_block(60_000_000).gas
            13981013
        """
        most = min(gas_limit, TRANSACTION_GAS_CAP)
        return cls(gas=most * 100 // (100 + margin), signed=signed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """One transaction: words of lists, or records that get one value."""

    updates: tuple[ListUpdate, ...] = ()
    records: RecordUpdate | None = None
    gas: int
    """From above, by the model."""

    @property
    def changes(self) -> int:
        """Entries or records that it changes."""
        if self.records is not None:
            return len(self.records.keys)
        return sum(
            non_zero(word.set | word.clear, update.list_id.bits).bit_count()
            for update in self.updates
            for word in update.words
        )

    def call(self) -> bytes:
        """Its call data: of the plainest function that does it."""
        if self.records is not None:
            return _records_call(self.records)
        if len(self.updates) > 1:
            return update_lists_call(self.updates)
        (update,) = self.updates
        if self.changes == 1 and update.words[0].expected == ANY_WORD:
            word = update.words[0]
            place = (word.set & -word.set).bit_length() - 1
            index = word.word * update.list_id.entries_per_word + place // update.list_id.bits
            return set_status_call(
                update.identity, update.authority, update.list_id, index, INVALID
            )
        return update_words_call(update)


def _records_call(update: RecordUpdate) -> bytes:
    if len(update.keys) == 1 and update.value == INVALID and not update.expected:
        return revoke_key_call(update.identity, update.authority, update.keys[0])
    return set_keys_call(
        update.identity, update.authority, update.value, update.keys, update.expected
    )


def pack(
    *plans: ChangePlan,
    limits: Limits,
    model: GasModel = GasModel(),
) -> tuple[Batch, ...]:
    """The transactions that carry out plans, as few as fit under the limits.

    Args:
        plans: of one or several identities; all are changed by the same sender.
        limits: of one transaction.
        model: what changes cost.

    Raises:
        InvalidChange: not even one word fits.
    """
    words = (item for plan in plans for item in _word_items(plan, limits, model))
    records = [
        batch
        for plan in plans
        for update in plan.records
        for batch in _pack_records(update, plan.new_records, limits, model)
    ]
    return (*_pack_words(words, limits, model), *records)


@dataclass(frozen=True, slots=True)
class _Item:
    """A word on its way into a transaction."""

    home: ListUpdate
    update: WordUpdate
    gas: int
    is_new: bool


def _word_items(plan: ChangePlan, limits: Limits, model: GasModel) -> Iterator[_Item]:
    for home in plan.updates:
        each = model.word + model.wide * (home.list_id.bits > 1) + model.signed_word * limits.signed
        for update in home.words:
            is_new = (home.list_id, update.word) in plan.new_words
            gas = each + model.new_word * is_new + model.bytes_of(update.struct)
            yield _Item(home, update, gas, is_new)


def _pack_words(items: Iterable[_Item], limits: Limits, model: GasModel) -> Iterator[Batch]:
    queues: tuple[deque[_Item], deque[_Item]] = (deque(), deque())
    for item in items:
        queues[item.is_new].append(item)
    while any(queues):
        filling = _Filling(limits, model)
        while queue := filling.choose(*queues):
            filling.add(queue.popleft())
        yield filling.batch()


class _Filling:
    """A transaction that is being filled with words."""

    def __init__(self, limits: Limits, model: GasModel) -> None:
        self.gas = model.transaction + model.call + model.signed * limits.signed
        self.size = _CALL_SIZE
        self._limits = limits
        self._list_gas = model.list + _LIST_SIZE * model.other_byte
        self._lists: dict[int, tuple[ListUpdate, list[WordUpdate]]] = {}

    def choose(self, used: deque[_Item], new: deque[_Item]) -> deque[_Item] | None:
        """The queue to take the next word from; None if it is full.

        New words take more gas for the same size: they are taken while there is relatively more
        gas left than room.
        """
        gas_left = (self._limits.gas - self.gas) * self._limits.size
        size_left = (self._limits.size - self.size) * self._limits.gas
        order = (new, used) if gas_left > size_left else (used, new)
        found = next((queue for queue in order if queue and self._fits(queue[0])), None)
        if found is None and not self._lists and (queue := used or new):
            raise InvalidChange(
                f"one word needs {self._cost(queue[0])} gas and {self.size} bytes, and a "
                f"transaction may have {self._limits.gas} and {self._limits.size}",
                hint="Raise the limits.",
            )
        return found

    def _fits(self, item: _Item) -> bool:
        size = self.size + _WORD_SIZE + _LIST_SIZE * (id(item.home) not in self._lists)
        return self._cost(item) <= self._limits.gas and size <= self._limits.size

    def _cost(self, item: _Item) -> int:
        return self.gas + item.gas + self._list_gas * (id(item.home) not in self._lists)

    def add(self, item: _Item) -> None:
        self.gas = self._cost(item)
        if id(item.home) not in self._lists:
            self._lists[id(item.home)] = (item.home, [])
            self.size += _LIST_SIZE
        self._lists[id(item.home)][1].append(item.update)
        self.size += _WORD_SIZE

    def batch(self) -> Batch:
        return Batch(
            updates=tuple(
                replace(home, words=tuple(sorted(words, key=lambda update: update.word)))
                for home, words in self._lists.values()
            ),
            gas=self.gas,
        )


def _pack_records(
    update: RecordUpdate, new: frozenset[bytes], limits: Limits, model: GasModel
) -> Iterator[Batch]:
    """Records of one value, cut into transactions."""
    base = model.transaction + model.call + _RECORDS_SIZE * model.other_byte
    base += model.signed * limits.signed
    size = _WORD * (1 + bool(update.expected))
    most = (limits.size - _RECORDS_SIZE) // size
    start, gas = 0, base
    for at, key in enumerate(update.keys):
        cost = model.record + model.new_record * (key in new) + size * model.other_byte
        cost += model.expected_record * bool(update.expected)
        if base + cost > limits.gas or most < 1:
            raise InvalidChange(
                f"one record needs {base + cost} gas and {size} bytes, and a transaction may have "
                f"{limits.gas} and {limits.size}",
                hint="Raise the limits.",
            )
        if gas + cost > limits.gas or at - start == most:
            yield Batch(records=_part(update, start, at), gas=gas)
            start, gas = at, base
        gas += cost
    yield Batch(records=_part(update, start, len(update.keys)), gas=gas)


def _part(update: RecordUpdate, start: int, end: int) -> RecordUpdate:
    return replace(update, keys=update.keys[start:end], expected=update.expected[start:end])

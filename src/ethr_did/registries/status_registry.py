"""The status registry: words, records, rights and events, as the contract gives them.

How a list is read: all its words in one call, or in several calls of one batch where it is larger.
How the past is read: the events of single blocks; which blocks, the events themselves say (see
core/status_history.py).

An answer that is none of the contract's is an error of its own class; it is never "valid".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ethr_did.chain.answer import data_of, result_of
from ethr_did.chain.request import ask, call, get_logs
from ethr_did.chain.reverts import is_revert
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.core.status_calls import (
    did_registry_call,
    is_authorized_call,
    parse_address_result,
    parse_bool_result,
    parse_list_result,
    parse_record_result,
    parse_status_result,
    record_call,
    records_call,
    status_call,
    words_call,
)
from ethr_did.core.status_events import (
    RECORD_TOPIC,
    WORD_TOPIC,
    StatusEvent,
    decode_status_logs,
)
from ethr_did.core.status_list import StatusRecord, StatusWord
from ethr_did.errors import InvalidStatusList, RegistryMissing

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ethr_did.chain.request import Answer, Block, Steps
    from ethr_did.core.status_list import Authority, ListId

__all__ = ["MAX_LIST_WORDS", "StatusRegistry"]

WORDS_CHUNK = 5000
"""Words of one call: 12 million gas and 320 KB of hex, under every limit known."""

RECORDS_CHUNK = 2000
"""Records of one call."""

MAX_LIST_WORDS = 200_000
"""Most words of a list that is read whole: some 40 million entries of one bit, 13 MB."""


class StatusRegistry:
    """The reading client of one ``CredentialStatusRegistry``.

    Args:
        address: of the contract.
    """

    def __init__(self, address: Address) -> None:
        self.address = address

    def read_did_registry(self, block: Block = "latest") -> Steps[Address]:
        """The DID registry that the contract asks who may write.

        Raises:
            RegistryMissing: there is no such contract.
            ChainError: it could not be found out.
        """
        return parse_address_result((yield from self._call(did_registry_call(), block)))

    def read_status(
        self, identity: Address, list_id: ListId, index: int, block: Block = "latest"
    ) -> Steps[tuple[int, int]]:
        """Value of an entry, and block of the last change of its word; 0: never.

        Raises: as ``read_did_registry``.
        """
        data = status_call(identity, list_id, index)
        return parse_status_result((yield from self._call(data, block)))

    def read_record(
        self, identity: Address, key: bytes, block: Block = "latest"
    ) -> Steps[StatusRecord]:
        """One record.

        Raises: as ``read_did_registry``.
        """
        return parse_record_result((yield from self._call(record_call(identity, key), block)))

    def read_words(
        self, identity: Address, list_id: ListId, block: Block = "latest"
    ) -> Steps[tuple[StatusWord, ...]]:
        """All words of a list, in one round trip.

        Raises:
            InvalidStatusList: it is too large to be read whole.
            RegistryMissing, ChainError: as ``read_did_registry``.
        """
        count = list_id.word_count
        if count > MAX_LIST_WORDS:
            raise InvalidStatusList(
                f"{list_id.text} has {count} words; at most {MAX_LIST_WORDS} are read at once",
                hint="Read the entries you need.",
                words=count,
            )
        starts = range(0, count, WORDS_CHUNK)
        sizes = [min(WORDS_CHUNK, count - start) for start in starts]
        calls = [
            words_call(identity, list_id, start, size)
            for start, size in zip(starts, sizes, strict=True)
        ]
        found = yield from self._lists(calls, sizes, block)
        return tuple(map(StatusWord, found))

    def read_records(
        self, identity: Address, keys: Sequence[bytes], block: Block = "latest"
    ) -> Steps[tuple[StatusRecord, ...]]:
        """Some records, in the order of their keys, in one round trip.

        Raises: as ``read_did_registry``.
        """
        chunks = [keys[at : at + RECORDS_CHUNK] for at in range(0, len(keys), RECORDS_CHUNK)]
        calls = [records_call(identity, chunk) for chunk in chunks]
        found = yield from self._lists(calls, [len(chunk) for chunk in chunks], block)
        return tuple(map(StatusRecord, found))

    def is_authorized(
        self,
        identity: Address,
        authority: Authority,
        list_id: ListId | None,
        actor: Address,
        block: Block = "latest",
    ) -> Steps[bool]:
        """Whether a change would be allowed.

        Args:
            identity: whose statuses.
            authority: by which right.
            list_id: of the list; None for records.
            actor: who would change them.
            block: to ask at.

        Raises: as ``read_did_registry``.
        """
        data = is_authorized_call(identity, authority, list_id, actor)
        return parse_bool_result((yield from self._call(data, block)))

    def read_word_events(
        self, identity: Address, list_id: ListId, block: int
    ) -> Steps[tuple[StatusEvent, ...]]:
        """The changes of a list in one block.

        Raises:
            ChainError: it could not be found out.
        """
        return (yield from self._events(WORD_TOPIC, identity, list_id.value, block))

    def read_record_events(
        self, identity: Address, key: bytes, block: int
    ) -> Steps[tuple[StatusEvent, ...]]:
        """The changes of a record in one block.

        Raises:
            ChainError: it could not be found out.
        """
        return (yield from self._events(RECORD_TOPIC, identity, key, block))

    def _events(
        self, topic: bytes, identity: Address, id_: bytes, block: int
    ) -> Steps[tuple[StatusEvent, ...]]:
        topics = [topic, identity.rjust(32, b"\0"), id_]
        (logs,) = yield from ask(
            get_logs(address=self.address, topics=topics, from_block=block, to_block=block)
        )
        return decode_status_logs(result_of(logs), contract=self.address, places={(identity, id_)})

    def _call(self, data: bytes, block: Block) -> Steps[bytes]:
        (answer,) = yield from ask(call(self.address, data, block))
        return self._data(answer)

    def _lists(
        self, calls: Sequence[bytes], sizes: Sequence[int], block: Block
    ) -> Steps[list[int]]:
        answers = yield from ask(*(call(self.address, data, block) for data in calls))
        return [
            stored
            for answer, size in zip(answers, sizes, strict=True)
            for stored in parse_list_result(self._data(answer), size)
        ]

    def _data(self, answer: Answer) -> bytes:
        data = b"" if is_revert(answer) else data_of(answer)
        if not data:
            address = to_checksum_address(self.address)
            raise RegistryMissing(
                f"{address} does not answer like a status registry",
                hint="Check status_registry of this network.",
                registry=address,
            )
        return data

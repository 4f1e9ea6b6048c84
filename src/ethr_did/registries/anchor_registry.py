"""The anchor registry: which version of a list kept off chain is the current one.

How the current version is found: the contract stores one hash, the head. The header behind it is
in the event of the block that wrote it, and the hash does not say which block that was:
  1. One log query over all blocks brings the events of any number of lists; it fits into the batch
     that asks for the heads.
  2. Where the node refuses so wide a query, windows that begin at the newest block are asked for,
     going back until an event is there: lists are published again before they expire, so that
     the newest one is seldom far.
  3. The header that the event and the time of its block make must hash to the head. Then it is the
     current one, whoever said so.
Earlier versions follow from the events, block by block (see core/status_history.py).
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ethr_did.chain.answer import Head, data_of, parse_head, result_of
from ethr_did.chain.request import ask, call, get_block, get_logs
from ethr_did.chain.reverts import is_revert
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.core.status_calls import (
    did_registry_call,
    head_call,
    is_authorized_call,
    is_current_call,
    parse_address_result,
    parse_bool_result,
)
from ethr_did.core.status_events import ANCHORED_TOPIC, ListAnchored, decode_status_logs
from ethr_did.errors import (
    ChainError,
    ChainMoved,
    HistoryMissing,
    InvalidAnswer,
    NodeInconsistent,
    NodeRefused,
    RangeRefused,
    RegistryMissing,
)

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ethr_did.chain.request import Answer, Block, Request, Steps
    from ethr_did.core.status_calls import Header
    from ethr_did.core.status_list import Authority, ListId

__all__ = ["AnchorRegistry"]

FIRST_WINDOW = 10_000
"""Blocks of the first window when a node refuses the whole range without naming a limit."""

MAX_SPREAD = 16
"""Most windows asked for at once."""

MAX_ROUNDS = 400
"""Round trips after which a version counts as not found."""

MAX_CANDIDATES = 32
"""Newest versions of those found among which the current one must be."""

_TOO_MUCH = (NodeRefused, HistoryMissing)
"""Refusals of a log query that a narrower one may not meet: pruned nodes still have newer logs."""


class AnchorRegistry:
    """The reading client of one ``StatusListAnchorRegistry``.

    Args:
        address: of the contract.
        first_block: a block not later than its deployment, where log queries start.
    """

    def __init__(self, address: Address, *, first_block: int = 0) -> None:
        self.address = address
        self.first_block = first_block

    def read_did_registry(self, block: Block = "latest") -> Steps[Address]:
        """The DID registry that the contract asks who may publish.

        Raises:
            RegistryMissing: there is no such contract.
            ChainError: it could not be found out.
        """
        return parse_address_result((yield from self._call(did_registry_call(), block)))

    def read_head(
        self, identity: Address, list_id: ListId, block: Block = "latest"
    ) -> Steps[bytes]:
        """The head of a list, 32 bytes; zero before the first version.

        Raises: as ``read_did_registry``.
        """
        data = yield from self._call(head_call(identity, list_id), block)
        if len(data) != 32:  # noqa: PLR2004 - one ABI word
            raise InvalidAnswer(f"{len(data)} bytes where a head has 32")
        return data

    def is_current(
        self, identity: Address, list_id: ListId, header: Header, block: Block = "latest"
    ) -> Steps[bool]:
        """Whether a header is the current one and not past its time.

        Raises: as ``read_did_registry``.
        """
        data = is_current_call(identity, list_id, header)
        return parse_bool_result((yield from self._call(data, block)))

    def is_authorized(
        self,
        identity: Address,
        authority: Authority,
        list_id: ListId,
        actor: Address,
        block: Block = "latest",
    ) -> Steps[bool]:
        """Whether a publication would be allowed.

        Raises: as ``read_did_registry``.
        """
        data = is_authorized_call(identity, authority, list_id, actor)
        return parse_bool_result((yield from self._call(data, block)))

    def read_versions(
        self, lists: Collection[tuple[Address, ListId]], *, first: int, last: int | str
    ) -> Steps[tuple[ListAnchored, ...]]:
        """The versions of some lists that were published in a range of blocks, in order.

        Args:
            lists: identities and list ids.
            first: number of the first block.
            last: of the last block, or a tag.

        Raises:
            RangeRefused: the range is too wide for the node.
            ChainError: it could not be found out.
        """
        (answer,) = yield [self._logs(lists, first, last)]
        return self._versions(lists, answer)

    def find_version(
        self,
        identity: Address,
        list_id: ListId,
        *,
        head: bytes,
        at: Head,
        known: Sequence[ListAnchored] | None = None,
    ) -> Steps[ListAnchored]:
        """The version behind a head, with the time of its block.

        Args:
            identity: whose list.
            list_id: which list.
            head: as it is stored at a block.
            at: that block.
            known: its versions of all blocks; None: not known, they have to be searched.

        Raises:
            HistoryMissing: there is no such event.
            ChainMoved: the chain was reorganised meanwhile.
            ChainError: it could not be found out.
        """
        if known is None:
            found = yield from self._search(identity, list_id, head, at)
        else:
            found = yield from _behind(head, [v for v in known if _is_of(v, identity, list_id)])
        if found is None:
            raise HistoryMissing(
                f"list {list_id.text} was published, but the node has no event of that version",
                hint="The node has pruned or not indexed its logs. Use an archive node.",
                list_id=list_id.text,
            )
        return found

    def _search(
        self, identity: Address, list_id: ListId, head: bytes, at: Head
    ) -> Steps[ListAnchored | None]:
        lists = [(identity, list_id)]
        last, width, spread = at.number, FIRST_WINDOW, 1
        for _ in range(MAX_ROUNDS):
            spans = self._windows(last, width, spread)
            queries = [self._logs(lists, *span) for span in spans]
            # The head again, in the same round trip: windows of two chains must not mix.
            *answers, again = yield [*queries, get_block(at.number)]
            _check_same(at, again)
            refusals = [answer for answer in answers if isinstance(answer, _TOO_MUCH)]
            if refusals and width == 1:
                raise refusals[0]
            if refusals:
                width, spread = _narrower(width, refusals[0]), 1
                continue
            seen = [one for answer in answers for one in self._versions(lists, answer)]
            found = yield from _behind(head, seen)
            last, spread = spans[-1][0] - 1, min(MAX_SPREAD, spread * 2)
            if found is not None or last < self.first_block:
                return found
        return None

    def _windows(self, last: int, width: int, count: int) -> list[tuple[int, int]]:
        """Ranges of blocks, the first of which ends at a block, going back in time."""
        floor = min(self.first_block, last)
        lasts = range(last, max(floor - 1, last - count * width), -width)
        return [(max(floor, end - width + 1), end) for end in lasts]

    def _logs(
        self, lists: Collection[tuple[Address, ListId]], first: int, last: int | str
    ) -> Request:
        identities = dict.fromkeys(identity.rjust(32, b"\0") for identity, _ in lists)
        ids = dict.fromkeys(list_id.value for _, list_id in lists)
        return get_logs(
            address=self.address,
            topics=[ANCHORED_TOPIC, list(identities), list(ids)],
            from_block=first,
            to_block=last,
        )

    def _versions(
        self, lists: Collection[tuple[Address, ListId]], answer: Answer
    ) -> tuple[ListAnchored, ...]:
        identities = {identity for identity, _ in lists}
        # The query asks for each list of each identity.
        places = {(identity, list_id.value) for identity in identities for _, list_id in lists}
        events = decode_status_logs(result_of(answer), contract=self.address, places=places)
        versions = [event for event in events if isinstance(event, ListAnchored)]
        return tuple(sorted(versions, key=_place))

    def _call(self, data: bytes, block: Block) -> Steps[bytes]:
        (answer,) = yield from ask(call(self.address, data, block))
        found = b"" if is_revert(answer) else data_of(answer)
        if not found:
            address = to_checksum_address(self.address)
            raise RegistryMissing(
                f"{address} does not answer like an anchor registry",
                hint="Check anchor_registry of this network.",
                registry=address,
            )
        return found


def _behind(head: bytes, versions: Sequence[ListAnchored]) -> Steps[ListAnchored | None]:
    """The newest of some versions that has this head, with its time."""
    newest = sorted(versions, key=_place)[-MAX_CANDIDATES:]
    untimed = sorted({one.block_number for one in newest if one.block_timestamp is None})
    answers = (yield [get_block(number) for number in untimed]) if untimed else ()
    blocks = {
        number: _block(number, answer) for number, answer in zip(untimed, answers, strict=True)
    }
    for version in reversed(newest):
        block = blocks.get(version.block_number)
        timed = version if block is None else replace(version, block_timestamp=block.timestamp)
        if timed.header.head == head:
            return timed
    return None


def _block(number: int, answer: Answer) -> Head:
    if answer is None:
        raise NodeInconsistent(
            f"the node has an event of block {number}, and does not know that block",
            hint="Its replicas may be out of step, or it has dropped old blocks: ask another node.",
            block_number=number,
        )
    return parse_head(answer, number)


def _is_of(version: ListAnchored, identity: Address, list_id: ListId) -> bool:
    return (version.identity, version.list_id) == (identity, list_id)


def _place(version: ListAnchored) -> tuple[int, int]:
    return version.block_number, version.log_index


def _check_same(at: Head, again: Answer) -> None:
    if again is None or parse_head(again, at.number).hash != at.hash:
        raise ChainMoved(
            f"the chain was reorganised around block {at.number} while it was read",
            hint="Try again in a moment, or ask for a finalised block.",
            block_number=at.number,
        )


def _narrower(width: int, error: ChainError) -> int:
    """The width to try next after a refusal: what the node named, or a tenth."""
    named = error.facts.get("max_blocks") if isinstance(error, RangeRefused) else None
    if isinstance(named, int) and 0 < named < width:
        return named
    return max(1, width // 10)

"""Whether events are all there: each must say what the index holds as the one before it.

Rules:
  * An event of an identity, and one of a record, name the block of the event before; in the second
    and later events of a block that is the block itself.
  * An event of a word holds the word as it was stored before.
  * A version of an anchored list is the next one, and names the block of the version before.
  * Where the chain is broken, something is missing, and the event says in which block.

Spec: ERC-1056, "Events"; docs/credential-status.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from ethr_did.errors import IndexBroken

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ethr_did.index.entries import Entry

__all__ = ["Gap", "Subject", "find_gaps", "tips_after"]

Subject: TypeAlias = "tuple[int, bytes]"
"""Kind and key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """An event that must be there, and is not."""

    subject: Subject
    block_number: int
    """Where it must be."""
    follower: Entry
    """The event that says so."""

    def error(self) -> IndexBroken:
        """What it means if nobody has the event."""
        entry = self.follower
        return IndexBroken(
            f"the event {entry.log_index} of block {entry.block_number} says that one of block "
            f"{self.block_number} came before it, and no node has that one",
            hint="The node has pruned or not indexed its logs, or first_block of the network is "
            "later than the deployment of its contracts. Use an archive node.",
            block_number=self.block_number,
        )


def find_gaps(entries: Iterable[Entry], tips: Mapping[Subject, bytes]) -> list[Gap]:
    """The first gap in the chain of each subject; none for entries that are complete.

    Args:
        entries: in the order of the chain.
        tips: of the subjects, before the first of the entries; missing: nothing happened yet.

    Raises:
        IndexBroken: an event contradicts those before it, and nothing that is missing explains it.
    """
    now = dict(tips)
    gaps: dict[Subject, Gap] = {}
    for entry in entries:
        subject = (int(entry.kind), entry.key)
        if now.get(subject, b"") == entry.before or subject in gaps:
            now[subject] = entry.after
            continue
        if not 0 < entry.missing <= entry.block_number:
            raise IndexBroken(
                f"the event {entry.log_index} of block {entry.block_number} says that nothing came "
                "before it, and the index holds something that did",
                hint="Ask another node, or begin anew: `ethr-did index rebuild`.",
                block_number=entry.block_number,
            )
        gaps[subject] = Gap(subject=subject, block_number=entry.missing, follower=entry)
        now[subject] = entry.after
    return list(gaps.values())


def tips_after(entries: Iterable[Entry]) -> dict[Subject, bytes]:
    """The tips of the subjects of some entries, after the last of them."""
    return {(int(entry.kind), entry.key): entry.after for entry in entries}

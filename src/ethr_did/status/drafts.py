"""Versions of lists kept off chain before and after they are published, as values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ethr_did.chain.fees import format_wei
from ethr_did.core.keys import to_checksum_address
from ethr_did.core.status_calls import Publication

if TYPE_CHECKING:
    from ethr_did.chain.answer import Head
    from ethr_did.chain.preparation import Quote
    from ethr_did.chain.receipts import Receipt
    from ethr_did.core.keys import Address
    from ethr_did.core.status_calls import Header
    from ethr_did.core.status_list import Authority, ListId
    from ethr_did.status.stored import ListVersion, StoredList

__all__ = [
    "Draft",
    "PublishPlan",
    "PublishReport",
    "Published",
    "Why",
    "counted",
    "version_to_dict",
]


class Why(StrEnum):
    """Why a list is published."""

    FIRST = "first"
    """It never was."""
    CHANGED = "changed"
    """Statuses changed."""
    HEARTBEAT = "heartbeat"
    """Less than half of its time is left."""
    FORCED = "forced"
    """It was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The next version of a list."""

    stored: StoredList
    version: ListVersion
    """With the bytes to serve."""
    previous: Header
    """The version that the chain names now."""
    authority: Authority
    """The right by which it is published."""
    why: Why
    counts: tuple[tuple[int, int], ...]
    """Each value that is not VALID, and how many entries have it."""

    @property
    def list_id(self) -> ListId:
        """Of which list."""
        return self.stored.list_id

    @property
    def publication(self) -> Publication:
        """As the contract takes it."""
        return Publication(
            identity=self.stored.identity,
            authority=self.authority,
            list_id=self.list_id,
            previous=self.previous,
            content_digest=self.version.content_digest,
            bitmap_root=self.version.bitmap_root,
            valid_until=self.version.valid_until,
        )

    def to_dict(self) -> dict[str, Any]:
        """The draft as JSON."""
        return {
            **version_to_dict(self.list_id, self.version),
            "url": self.stored.url,
            "form": self.stored.form.value,
            "authority": self.authority.name.lower(),
            "why": self.why.value,
            "counts": {str(value): count for value, count in self.counts},
            "bytes": len(self.version.content),
        }


def version_to_dict(list_id: ListId, version: ListVersion) -> dict[str, Any]:
    """What a version is known by, as JSON."""
    return {
        "listId": list_id.text,
        "version": version.version,
        "contentDigest": "0x" + version.content_digest.hex(),
        "bitmapRoot": "0x" + version.bitmap_root.hex(),
        "validUntil": version.valid_until,
    }


def counted(values: dict[int, int]) -> tuple[tuple[int, int], ...]:
    """Each value of some entries, and how many have it."""
    return tuple(sorted(Counter(values.values()).items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishPlan:
    """What would be published, and what it would cost. Nothing was sent or written."""

    identity: Address
    head: Head
    """The block that was looked at."""
    drafts: tuple[Draft, ...]
    up_to_date: tuple[ListId, ...]
    """Lists that need no new version."""
    quote: Quote

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {
            "identity": to_checksum_address(self.identity),
            "sender": to_checksum_address(self.quote.sender),
            "blockNumber": self.head.number,
            "blockHash": "0x" + self.head.hash.hex(),
            "publications": [draft.to_dict() for draft in self.drafts],
            "upToDate": [list_id.text for list_id in self.up_to_date],
            "transactions": [
                {"purpose": item.intent.purpose, "estimatedGas": item.estimated_gas}
                for item in self.quote.items
            ],
            "expectedCostWei": self.quote.expected_cost,
            "expectedCost": format_wei(self.quote.expected_cost),
            "highestCostWei": self.quote.highest_cost,
            "highestCost": format_wei(self.quote.highest_cost),
            "balanceWei": self.quote.balance,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """A version that the chain has."""

    stored: StoredList
    version: ListVersion
    """Without its bytes."""

    def to_dict(self) -> dict[str, Any]:
        """The version as JSON."""
        tx_hash = self.version.tx_hash
        return {
            **version_to_dict(self.stored.list_id, self.version),
            "url": self.stored.url,
            "publishedAt": self.version.published_at,
            "blockNumber": self.version.block_number,
            "txHash": None if tx_hash is None else "0x" + tx_hash.hex(),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishReport:
    """What was published."""

    published: tuple[Published, ...]
    """By this run, and by earlier ones that were cut off before they knew."""
    up_to_date: tuple[ListId, ...]
    """Lists that needed no new version."""
    receipts: tuple[Receipt, ...]
    """Of the transactions of this run."""

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        cost = sum(receipt.cost_wei for receipt in self.receipts)
        return {
            "published": [one.to_dict() for one in self.published],
            "upToDate": [list_id.text for list_id in self.up_to_date],
            "transactions": [receipt.to_dict() for receipt in self.receipts],
            "gasUsed": sum(receipt.gas_used for receipt in self.receipts),
            "costWei": cost,
            "cost": format_wei(cost),
        }

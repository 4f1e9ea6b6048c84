"""What a change of statuses would do and cost, what it did, and where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ethr_did.chain.fees import format_wei
from ethr_did.core.keys import to_checksum_address
from ethr_did.errors import StatusConflict

if TYPE_CHECKING:
    from ethr_did.chain.preparation import Quote
    from ethr_did.chain.receipts import Receipt
    from ethr_did.core.status_batches import Batch
    from ethr_did.core.status_changes import ChangePlan, Conflict
    from ethr_did.status.current import Current

__all__ = ["StatusPlan", "StatusProgress", "StatusReport"]

_SHOWN = 5
"""Conflicts that the sentence of an error names."""

_LISTED = 1000
"""Conflicts that its facts name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusPlan:
    """What would be sent, and what it would cost. Nothing was signed."""

    current: Current
    """What the chain said."""
    changes: tuple[ChangePlan, ...]
    """One for each right that is used."""
    batches: tuple[Batch, ...]
    """One for each transaction."""
    unchanged: int
    """Entries and records that are so already."""
    quote: Quote
    """Of the first transactions, from the node."""
    warnings: tuple[str, ...]
    """What is allowed and perhaps not meant."""

    @property
    def change_count(self) -> int:
        """Entries and records that get another value."""
        return sum(plan.changes for plan in self.changes)

    @property
    def expected_cost(self) -> int:
        """Wei in the next blocks. Of those that the node was not asked about, from above."""
        asked = self.quote.items
        return self.quote.expected_cost + sum(
            batch.gas * asked[-1].fees.expected_per_gas for batch in self.batches[len(asked) :]
        )

    @property
    def highest_cost(self) -> int:
        """Wei at worst."""
        asked = self.quote.items
        return self.quote.highest_cost + sum(
            batch.gas * asked[-1].fees.max_fee_per_gas for batch in self.batches[len(asked) :]
        )

    def to_dict(self) -> dict[str, Any]:
        """The plan as JSON."""
        return {
            "identity": to_checksum_address(self.current.identity),
            "owner": to_checksum_address(self.current.owner),
            "sender": to_checksum_address(self.quote.sender),
            "blockNumber": self.current.head.number,
            "blockHash": "0x" + self.current.head.hash.hex(),
            "changes": self.change_count,
            "unchanged": self.unchanged,
            "words": sum(plan.word_count for plan in self.changes),
            "newWords": sum(len(plan.new_words) for plan in self.changes),
            "lists": [
                {
                    "listId": update.list_id.text,
                    "authority": update.authority.name.lower(),
                    "words": len(update.words),
                }
                for plan in self.changes
                for update in plan.updates
            ],
            "records": [
                {
                    "value": update.value,
                    "authority": update.authority.name.lower(),
                    "count": len(update.keys),
                }
                for plan in self.changes
                for update in plan.records
            ],
            "transactions": [
                {
                    "changes": batch.changes,
                    "gas": batch.gas,
                    "estimatedGas": self.quote.items[place].estimated_gas
                    if place < len(self.quote.items)
                    else None,
                }
                for place, batch in enumerate(self.batches)
            ],
            "expectedCostWei": self.expected_cost,
            "expectedCost": format_wei(self.expected_cost),
            "highestCostWei": self.highest_cost,
            "highestCost": format_wei(self.highest_cost),
            "balanceWei": self.quote.balance,
            "warnings": list(self.warnings),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusProgress:
    """Where a change of statuses stands, for those who wait."""

    stage: str
    """``planned``, ``sent``, ``mined``, or ``again`` where somebody else was faster."""
    done: int
    """Entries and records of the transactions that are mined."""
    total: int
    """Those that get another value, as far as it is known."""
    transactions_done: int
    transactions_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusReport:
    """What a change of statuses did."""

    job: str
    """Name of the job."""
    wished: int
    """Entries and records that were named."""
    changed: int
    """Those in transactions that were mined, the ones of an interrupted run included."""
    conflicts: tuple[Conflict, ...]
    """Those that somebody else changed to something else at the same time; they were left alone."""
    receipts: tuple[Receipt, ...]
    """Of the transactions of this run that were mined, in their order."""
    reverted: tuple[Receipt, ...] = ()
    """Of those that came too late: they cost gas and changed nothing. All were made again."""

    @property
    def unchanged(self) -> int:
        """Entries and records that were so already."""
        return self.wished - self.changed - len(self.conflicts)

    @property
    def gas_used(self) -> int:
        """Of this run."""
        return sum(receipt.gas_used for receipt in (*self.receipts, *self.reverted))

    @property
    def cost_wei(self) -> int:
        """Of this run, gas only."""
        return sum(receipt.cost_wei for receipt in (*self.receipts, *self.reverted))

    def check(self) -> StatusReport:
        """The report itself, if every wish was fulfilled.

        Raises:
            StatusConflict: somebody else changed some entries to something else.
        """
        if self.conflicts:
            told = "; ".join(conflict.describe() for conflict in self.conflicts[:_SHOWN])
            more = len(self.conflicts) - _SHOWN
            raise StatusConflict(
                f"{len(self.conflicts)} statuses were changed by somebody else at the same time, "
                f"and left as they are: {told}" + (f"; and {more} more" if more > 0 else ""),
                hint="Decide again, and change those that are still to be changed.",
                conflicts=[conflict.describe() for conflict in self.conflicts[:_LISTED]],
                changed=self.changed,
            )
        return self

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON."""
        return {
            "job": self.job,
            "wished": self.wished,
            "changed": self.changed,
            "unchanged": self.unchanged,
            "conflicts": [conflict.to_dict() for conflict in self.conflicts],
            "transactions": [receipt.to_dict() for receipt in self.receipts],
            "reverted": [receipt.to_dict() for receipt in self.reverted],
            "gasUsed": self.gas_used,
            "costWei": self.cost_wei,
            "cost": format_wei(self.cost_wei),
        }

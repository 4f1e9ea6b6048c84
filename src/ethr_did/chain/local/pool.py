"""Transactions that wait for a block.

A value: adding and dropping give another pool, so that a snapshot just keeps the old one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethr_did.chain.local.params import RpcError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.chain.local.block import SignedTransaction

__all__ = ["Pool"]

_PRICE_BUMP = 110
"""Percent of the old fees that a replacement has to offer, as in geth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """Waiting transactions, in the order they came."""

    waiting: tuple[SignedTransaction, ...] = ()

    def find(self, tx_hash: bytes) -> SignedTransaction | None:
        """The waiting transaction of that hash."""
        return next((each for each in self.waiting if each.hash == tx_hash), None)

    def added(self, new: SignedTransaction) -> Pool:
        """This pool with one more transaction, or with the one of its nonce replaced.

        Raises:
            RpcError: It is there already, or does not pay enough more than the one it replaces.
        """
        if self.find(new.hash) is not None:
            raise RpcError("already known")
        old = next((each for each in self.waiting if _same_slot(each, new)), None)
        if old is None:
            return Pool(waiting=(*self.waiting, new))
        if not _outbids(new, old):
            raise RpcError("replacement transaction underpriced")
        return Pool(waiting=tuple(new if each is old else each for each in self.waiting))

    def ready(self, nonce_of: Callable[[bytes], int]) -> list[SignedTransaction]:
        """Those whose turn has come: each sender's run of nonces without a gap, in order.

        Args:
            nonce_of: The next nonce of an address in the state.
        """
        expected: dict[bytes, int] = {}
        left, chosen = list(self.waiting), []
        progress = True
        while progress:  # a nonce may have come before the one it waits for
            progress = False
            for each in tuple(left):
                nonce = expected.setdefault(each.sender, nonce_of(each.sender))
                if each.body.nonce == nonce:
                    expected[each.sender] = nonce + 1
                    chosen.append(each)
                    left.remove(each)
                    progress = True
        return chosen

    def pruned(self, nonce_of: Callable[[bytes], int]) -> Pool:
        """This pool without those whose nonce is used up."""
        return Pool(
            waiting=tuple(each for each in self.waiting if each.body.nonce >= nonce_of(each.sender))
        )


def _same_slot(one: SignedTransaction, other: SignedTransaction) -> bool:
    return one.sender == other.sender and one.body.nonce == other.body.nonce


def _outbids(new: SignedTransaction, old: SignedTransaction) -> bool:
    # Both fees, or a rich tip with an unpayable cap would push a good transaction out.
    return all(
        getattr(new.body, fee) * 100 >= getattr(old.body, fee) * _PRICE_BUMP
        for fee in ("max_fee_per_gas", "max_priority_fee_per_gas")
    )

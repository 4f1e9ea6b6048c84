"""What a node's answer to ``eth_sendRawTransaction`` means.

Nodes have no codes for this, only words. Where the words are not known the transaction may be in
the pool: that is ``UNKNOWN``, and looked up instead of guessed.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from typing import TYPE_CHECKING

from ethr_did.errors import ChainError, NodeRefused

if TYPE_CHECKING:
    from ethr_did.chain.request import Answer

__all__ = ["Taken", "read_taken"]


class Taken(Enum):
    """Whether a node has a transaction now."""

    YES = auto()
    NO = auto()
    """Refused for good: it is in no pool, its nonce is free."""
    NONCE_USED = auto()
    """Its nonce was mined: with this transaction, or with another."""
    NOT_SENT = auto()
    """It never left this machine."""
    UNKNOWN = auto()


def _any(*spellings: str) -> re.Pattern[str]:
    return re.compile("|".join(spellings), re.IGNORECASE)


# geth, reth, Erigon, Nethermind, Besu, OpenEthereum, anvil, hardhat
_KNOWN = _any(
    r"already known",
    r"\bknown transaction",
    r"already (?:imported|exists|in (?:mem)?pool|in the pool|in cache)",
    r"transaction already",
    r"alreadyknown",
)
_NONCE_USED = _any(
    r"nonce (?:is )?too low",
    r"nonce has already been used",
    r"old ?nonce",
    r"nonce.{0,20}(?:already used|lower than|below)",
)
_REFUSED = _any(
    r"insufficient (?:funds|balance)",
    r"intrinsic gas",
    r"exceeds block gas limit",
    r"gas limit (?:is )?(?:too|reached|exceed)",
    r"underpriced",
    r"fee (?:cap |per gas )?(?:is )?(?:too low|less than)",
    r"feetoolow|gas price (?:is )?(?:too low|below)",
    r"tip.{0,20}(?:above|higher|greater|exceed)",
    r"exceeds the configured cap",
    r"invalid (?:sender|signature|chain ?id|transaction)",
    r"chain ?id (?:does not|mismatch)|wrong chain",
    r"(?:transaction )?type not supported",
    r"pool is full|too many pending|oversized|initcode size",
)


def read_taken(answer: Answer) -> Taken:
    """Whether the node has the transaction."""
    if not isinstance(answer, ChainError):
        return Taken.YES
    if answer.facts.get("not_sent"):
        return Taken.NOT_SENT
    if not isinstance(answer, NodeRefused):
        return Taken.UNKNOWN
    words = str(answer.facts.get("rpc_message", ""))
    # A revert on sending (hardhat) comes from a node that has mined it all the same.
    if "revert" in words.lower():
        return Taken.UNKNOWN
    meanings = ((_KNOWN, Taken.YES), (_NONCE_USED, Taken.NONCE_USED), (_REFUSED, Taken.NO))
    return next((taken for known, taken in meanings if known.search(words)), Taken.UNKNOWN)

"""Gas of status changes, ours beside the peers', on one node.

* An operation is measured as `scripts/gas_report` measures it, see docs/gas.md.
* A batch of ours is planned and packed as the package does it, under the cap of a transaction. The
  entries are chosen at random; *used* pages were written before, *new* ones were not.
* A batch of a peer is cut into equal transactions, as few as the cap allows.
"""

from __future__ import annotations

import random
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode
from web3 import HTTPProvider, Web3

from ethr_did.core.calls import selector
from ethr_did.core.keys import parse_address
from ethr_did.core.status_batches import TRANSACTION_GAS_CAP, Limits, pack
from ethr_did.core.status_calls import parse_list_result, words_call
from ethr_did.core.status_changes import plan_changes
from ethr_did.core.status_list import INVALID, Authority, Flag, ListId, Purpose
from ethr_did.core.status_wishes import RecordWish, Wish, gather
from status_gas import StatusMeter

from .status_chain import ISSUER, Spent, open_chain
from .status_peers import deploy_peers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ethr_did.core.status_wishes import WishSet

    from .status_chain import StatusChain
    from .status_peers import Peer

    Tell = Callable[[str], None]

RULES = ("osaka", "prague")
COUNTS = (1, 10, 100, 1_000, 10_000)
CAPACITY = 2**17
PAGE_WORDS = 20
OF_PAGE = 1_000
"""Revocations in a page of 4,160 entries; more of them take more pages."""
OPERATIONS = (
    "one status, new word",
    "one status, word in use",
    "reinstate",
    "by delegate for all lists",
    "by delegate for revocation",
    "by delegate for one list",
    "relayed, signed by the owner's key",
    "relayed, signed by the owner's contract",
    "key record",
    "list anchor, first",
    "list anchor, update",
    "read one status (execution)",
    "prove one bit of 131,072 (execution)",
)
_ONE = ("one status, new word", "one status, word in use", "key record")
"""To all peers these are the same: a new slot."""
_READ = "read one status (execution)"
_FIRST_TOUCH = 2_500


def measure_gas(rules: str, *, counts: Sequence[int], with_peers: bool, tell: Tell) -> Costs:
    """Gas under the rules of a hard fork."""
    with open_chain(rules) as chain:
        tell(f"gas of operations, {rules}")
        meter = StatusMeter(Web3(HTTPProvider(chain.url)))
        ours = meter.measure()
        peers = deploy_peers(chain) if with_peers else []
        costs = Costs(chain, peers, rules)
        costs.add_operations(ours, meter.meter.address)
        for count in counts:
            tell(f"gas of {count:,} revocations, {rules}")
            costs.add_batches(count)
        return costs


class Costs:
    """What was found on one chain."""

    def __init__(self, chain: StatusChain, peers: Sequence[Peer], rules: str) -> None:
        self.operations: list[dict[str, Any]] = []
        self.batches: list[dict[str, Any]] = []
        self._chain = chain
        self._peers = peers
        self._rules = rules

    def add_operations(self, ours: dict[str, int], meter: str) -> None:
        """One row for each operation; a peer that has nothing like it is not in the row."""
        found = {peer.name: self._operations_of(peer, meter) for peer in self._peers}
        for operation in OPERATIONS:
            peers = {name: used[operation] for name, used in found.items() if operation in used}
            self.operations.append(
                {
                    "rules": self._rules,
                    "operation": operation,
                    "ours": ours[operation],
                    "peers": peers,
                }
            )

    def _operations_of(self, peer: Peer, meter: str) -> dict[str, int]:
        key = _dice(peer.name).randbytes(32)
        revoked = self._chain.spend(peer.address, [peer.revoke(key)]).gas
        arguments = encode(["address", "bytes"], [peer.address, peer.view.call(key)])
        read = self._chain.ask(parse_address(meter), selector("measure(address,bytes)") + arguments)
        return {
            **dict.fromkeys(_ONE, revoked),
            _READ: int.from_bytes(read) - _FIRST_TOUCH,
            **peer.operations(self._chain, peer),
        }

    # -- batches ----------------------------------------------------------------------------------

    def add_batches(self, count: int) -> None:
        """One row: that many revocations in each way."""
        words = PAGE_WORDS * max(1, count // OF_PAGE)
        ours = {
            "used pages": self._in_list(count, words, is_used=True),
            "new pages": self._in_list(count, words, is_used=False),
            "whole new list": self._in_list(count, None, is_used=False),
            "key records": self._records(count),
        }
        peers = {peer.name: self._by_peer(peer, count) for peer in self._peers}
        self.batches.append(
            {
                "rules": self._rules,
                "count": count,
                "ours": {name: _row(spent, count) for name, spent in ours.items()},
                "peers": {name: _row(spent, count) for name, spent in peers.items()},
            }
        )

    def _in_list(self, count: int, words: int | None, *, is_used: bool) -> Spent:
        """Revocations at random in the first words of a list, or anywhere in it."""
        dice = _dice(f"{count} in {words} words, {is_used}")
        list_id = ListId.build(
            purpose=Purpose.REVOCATION,
            bits=1,
            capacity=CAPACITY,
            random=dice.randbytes(27),
            flags=Flag.TERMINAL,
        )
        words = words or list_id.word_count
        size = list_id.entries_per_word
        if is_used:
            self._revoke(list_id, range(0, words * size, size))
        # The first entry of each word is what made it used.
        free = [index for index in range(min(words * size, CAPACITY)) if index % size]
        return self._revoke(list_id, dice.sample(free, count))

    def _revoke(self, list_id: ListId, indexes: Sequence[int]) -> Spent:
        wishes = gather(Wish(list_id=list_id, index=index, value=INVALID) for index in indexes)
        return carry_out(self._chain, wishes)

    def _records(self, count: int) -> Spent:
        wishes = gather(RecordWish(key=key, value=INVALID) for key in _keys(count))
        return carry_out(self._chain, wishes)

    def _by_peer(self, peer: Peer, count: int) -> Spent:
        keys = _keys(count)
        if peer.revoke_many is None or count == 1:
            return self._chain.spend(peer.address, [peer.revoke(key) for key in keys])
        for transactions in range(1, count + 1):
            size = -(-count // transactions)
            parts = [keys[at : at + size] for at in range(0, count, size)]
            first = self._chain.try_once(peer.address, peer.revoke_many(parts[0]))
            if first is not None:
                calls = [peer.revoke_many(part) for part in parts[1:]]
                rest = self._chain.spend(peer.address, calls)
                return Spent(gas=first + rest.gas, transactions=1 + rest.transactions)
        raise AssertionError(f"{peer.name} cannot even revoke one")


def carry_out(chain: StatusChain, wishes: WishSet) -> Spent:
    """What it costs the issuer to fulfil wishes, none of which is fulfilled yet."""
    stored = {}
    for list_id in wishes.lists:
        answer = chain.ask(chain.statuses, words_call(ISSUER, list_id, 0, list_id.word_count))
        for word, value in enumerate(parse_list_result(answer, list_id.word_count)):
            stored[list_id, word] = value
    plan = plan_changes(
        wishes,
        words=stored,
        records=dict.fromkeys(wishes.records, 0),
        identity=ISSUER,
        authority=Authority.OWNER,
    )
    if plan.unchanged:
        raise AssertionError(f"{plan.unchanged} of {wishes.count} are as wished already")
    batches = pack(plan, limits=Limits(gas=TRANSACTION_GAS_CAP))
    return chain.spend(chain.statuses, [batch.call() for batch in batches])


def _row(spent: Spent, count: int) -> dict[str, Any]:
    return {**asdict(spent), "each": round(spent.gas / count, 1)}


def _keys(count: int) -> list[bytes]:
    """As many, and others for each count: none is revoked twice."""
    dice = _dice(f"{count} keys")
    return [dice.randbytes(32) for _ in range(count)]


def _dice(seed: str) -> random.Random:
    return random.Random(seed)  # noqa: S311 - the same gas every time is the point

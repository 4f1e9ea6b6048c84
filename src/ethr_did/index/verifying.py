"""Comparing an index with a node: what the contracts store, against what the events lead to.

Rules:
  * Both are looked at after the block that the index ends at. A node that has another block there
    is no witness.
  * Every subject of the index is compared: of identities the last change and the owner, of words,
    records and lists kept off chain what is stored.

What the index has never heard of cannot be found this way: only a node knows who else there is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from sqlalchemy import select

from ethr_did.chain.answer import data_of, parse_head
from ethr_did.chain.request import Request, call, get_block
from ethr_did.core.calls import changed_call, identity_owner_call
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.core.status_calls import head_call, records_call, words_call
from ethr_did.core.status_list import ListId
from ethr_did.errors import NodeInconsistent
from ethr_did.index import tables
from ethr_did.index.answers import answer_batch
from ethr_did.index.entries import Kind, word_number
from ethr_did.index.following import contracts_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ethr_did.chain.networks import Network
    from ethr_did.chain.rpc import Chain
    from ethr_did.index.entries import Contracts
    from ethr_did.index.index import Index
    from ethr_did.index.snapshot import Snapshot

__all__ = ["Comparison", "Difference", "compare"]

_CHUNK = 400
"""Subjects of one round trip."""

_Question: TypeAlias = "tuple[str, Request]"
"""What is compared, in words, and how it is asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing on which index and node differ."""

    subject: str
    """In words."""
    index: str
    """What the index says, in hex."""
    node: str
    """What the node says, in hex."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What came of comparing one network."""

    block_number: int
    block_hash: bytes
    compared: int
    """Subjects."""
    differences: tuple[Difference, ...]


def compare(
    index: Index,
    network: Network,
    chain: Chain,
    *,
    tell: Callable[[int], object] = lambda _: None,
) -> Comparison:
    """Where an index and a node differ.

    Args:
        index: that is compared.
        network: of the index.
        chain: to the node.
        tell: is told how many subjects were compared.

    Raises:
        IndexBehind: the network is not in the index.
        NodeInconsistent: the node has another block where the index ends.
        ChainError: it could not be found out.
        StoreError: the database cannot be read.
    """
    contracts = contracts_of(network)
    found: list[Difference] = []
    count = 0
    with index.holding(network, contracts) as snapshot:
        for subjects in _subjects(snapshot):
            questions = [one for kind, key in subjects for one in _questions(contracts, kind, key)]
            found += _differences(snapshot, chain, questions)
            count += len(subjects)
            tell(count)
        if count == 0:
            _differences(snapshot, chain, [])
        head = snapshot.head
    return Comparison(
        block_number=head.number,
        block_hash=head.hash,
        compared=count,
        differences=tuple(found),
    )


def _subjects(snapshot: Snapshot) -> Iterator[list[tuple[int, bytes]]]:
    table, last = tables.subjects.c, 0
    while True:
        rows = snapshot.connection.execute(
            select(table.id, table.kind, table.key)
            .where(table.network == snapshot.standing.id, table.id > last)
            .order_by(table.id)
            .limit(_CHUNK)
        ).all()
        if not rows:
            return
        last = rows[-1].id
        yield [(row.kind, bytes(row.key)) for row in rows]


def _questions(contracts: Contracts, kind: int, key: bytes) -> list[_Question]:
    identity, id_ = Address(key[:20]), key[20:52]
    if kind == Kind.LOCATION:
        return []
    to, who = contracts.of_kind(kind), to_checksum_address(identity)
    assert to is not None  # noqa: S101 - its events are here
    match kind:
        case Kind.IDENTITY:
            return [
                (f"last change of {who}", call(to, changed_call(identity))),
                (f"owner of {who}", call(to, identity_owner_call(identity))),
            ]
        case Kind.WORD:
            number = word_number(key)
            data = words_call(identity, ListId(id_), number, 1)
            return [(f"word {number} of list 0x{id_.hex()} of {who}", call(to, data))]
        case Kind.RECORD:
            return [(f"record 0x{id_.hex()} of {who}", call(to, records_call(identity, [id_])))]
        case _:
            data = head_call(identity, ListId(id_))
            return [(f"version of list 0x{id_.hex()} of {who}", call(to, data))]


def _differences(
    snapshot: Snapshot, chain: Chain, questions: Sequence[_Question]
) -> list[Difference]:
    number = snapshot.head.number
    at = [Request(one.method, (one.params[0], hex(number))) for _, one in questions]
    *said, block = chain.send([*at, get_block(number)])
    if block is None or parse_head(block, number).hash != snapshot.head.hash:
        raise NodeInconsistent(
            f"the node does not have the block {number} at which the index ends",
            hint="It is behind, or the chain was reorganised: follow it first, `ethr-did index sync`.",
            block_number=number,
        )
    held = answer_batch(snapshot, at)
    return [
        Difference(subject=subject, index=data_of(ours).hex(), node=data_of(theirs).hex())
        for (subject, _), ours, theirs in zip(questions, held, said, strict=True)
        if data_of(ours) != data_of(theirs)
    ]

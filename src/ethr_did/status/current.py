"""What the chain says about an issuer before its statuses are changed: one batch.

The identity with its whole history, the block, the words and records that are to change, who may
change them, and whether the status registry asks the DID registry of the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from ethr_did.chain.answer import Head, data_of, parse_head, quantity_of
from ethr_did.chain.request import ask, call, combine, get_block, get_code
from ethr_did.core.calls import identity_owner_call
from ethr_did.core.erc1056 import OwnerChanged
from ethr_did.core.keys import ZERO_ADDRESS, Address, parse_address, to_checksum_address
from ethr_did.core.status_calls import parse_address_result, parse_list_result, words_call
from ethr_did.core.status_list import Authority
from ethr_did.core.status_work import Rights, Stored
from ethr_did.errors import DeactivatedError, InvalidConfiguration
from ethr_did.registries.did_registry import DIDRegistry, Reading
from ethr_did.registries.status_registry import StatusRegistry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ethr_did.chain.networks import Network
    from ethr_did.chain.request import Steps
    from ethr_did.core.erc1056 import Event
    from ethr_did.core.status_list import ListId
    from ethr_did.core.status_wishes import WishSet

__all__ = ["Current", "IssuerReader"]

_GAP = 16
"""Words that are read though nobody needs them, rather than asked around: 35,000 gas of the node."""

_LONGEST = 5000
"""Words of one call: 12 million gas of the node."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Current:
    """An issuer and the statuses that are to change, as of the newest block."""

    head: Head
    gas_limit: int
    """Of that block."""
    identity: Address
    owner: Address
    """As the DID registry says."""
    actor_has_code: bool
    """Whether the account whose rights were asked for is a contract, or has one's code."""
    events: tuple[Event, ...]
    """The whole history of the identity."""
    rights: Rights
    """Of the actor."""
    stored: Stored
    """The words and records that were asked for."""

    def check_active(self) -> None:
        """Raises ``DeactivatedError`` if the identity was ever given up: that is final.

        The contracts would go on taking what its first key writes; no verifier counts it.
        """
        given_up = [
            event
            for event in self.events
            if isinstance(event, OwnerChanged) and event.owner == ZERO_ADDRESS
        ]
        if given_up:
            identity = to_checksum_address(self.identity)
            raise DeactivatedError(
                f"the identity {identity} was deactivated in block {given_up[0].block_number}; "
                "that is final",
                hint="Verifiers count none of its statuses that is written later.",
                identity=identity,
            )


class IssuerReader:
    """Reads what a change of statuses depends on."""

    def __init__(self, network: Network, identity: Address) -> None:
        """A reader; nothing is asked yet.

        Args:
            network: with a status registry.
            identity: of the issuer.

        Raises:
            InvalidConfiguration: the network has no status registry.
        """
        if network.status_registry is None:
            raise InvalidConfiguration(
                f"network {network.name} has no status_registry",
                hint="Name its address in the configuration, or deploy one: `ethr-did deploy`.",
            )
        self.address = parse_address(network.status_registry)
        self.identity = identity
        self._did_registry = parse_address(network.did_registry)
        self._network = network
        self._registry = StatusRegistry(self.address)
        self._history = DIDRegistry(
            self._did_registry, chain_id=network.chain_id, first_block=network.first_block
        )

    def read(
        self, wishes: WishSet, *, actor: Address, authorities: Sequence[Authority]
    ) -> Steps[Current]:
        """The whole state. One batch, more where nodes are limited.

        Args:
            wishes: whose words and records are read.
            actor: whose rights are asked for.
            authorities: that come into question.

        Raises:
            RegistryMissing, WrongChain, ChainError: it could not be found out.
            InvalidConfiguration: the status registry believes another DID registry.
        """
        reading: Reading
        reading, trusted, basics, rights, stored = yield from combine(
            self._history.read_histories([self.identity]),
            self._registry.read_did_registry(),
            self._read_basics(actor),
            self._read_rights(wishes, actor, authorities),
            self.read_stored(wishes),
        )
        self._check_trusted(trusted)
        gas_limit, owner, has_code = basics
        return Current(
            head=reading.head,
            gas_limit=gas_limit,
            identity=self.identity,
            owner=owner,
            actor_has_code=has_code,
            events=reading.events[self.identity],
            rights=rights,
            stored=stored,
        )

    def read_stored(self, wishes: WishSet) -> Steps[Stored]:
        """The words and records that wishes are about. One batch."""
        spans = [
            (list_id, first, count)
            for list_id, words in wishes.lists.items()
            for first, count in _spans(words)
        ]
        calls = [
            call(self.address, words_call(self.identity, list_id, first, count))
            for list_id, first, count in spans
        ]
        keys = list(wishes.records)
        answers, records = yield from combine(
            ask(*calls), self._registry.read_records(self.identity, keys)
        )
        words: dict[tuple[ListId, int], int] = {}
        for (list_id, first, count), answer in zip(spans, answers, strict=True):
            found = parse_list_result(data_of(answer), count)
            words |= {(list_id, first + place): word for place, word in enumerate(found)}
        stored = (record.stored for record in records)
        return Stored(words=words, records=dict(zip(keys, stored, strict=True)))

    def _read_basics(self, actor: Address) -> Steps[tuple[int, Address, bool]]:
        block, owner, code = yield from ask(
            get_block("latest"),
            call(self._did_registry, identity_owner_call(self.identity)),
            get_code(actor),
        )
        parse_head(block)
        return (
            quantity_of(block.get("gasLimit")),
            parse_address_result(data_of(owner)),
            len(data_of(code)) > 0,
        )

    def _read_rights(
        self, wishes: WishSet, actor: Address, authorities: Sequence[Authority]
    ) -> Steps[Rights]:
        general = [one for one in authorities if one is not Authority.ONE_LIST]
        lists = list(wishes.lists) if Authority.ONE_LIST in authorities else []
        questions = [(one, None) for one in general]
        questions += [(Authority.ONE_LIST, list_id) for list_id in lists]  # type: ignore[misc]
        found = yield from combine(
            *(
                self._registry.is_authorized(self.identity, authority, list_id, actor)
                for authority, list_id in questions
            )
        )
        return Rights(
            general=frozenset(one for one, yes in zip(general, found, strict=False) if yes),
            lists=frozenset(
                one for one, yes in zip(lists, found[len(general) :], strict=True) if yes
            ),
        )

    def _check_trusted(self, trusted: Address) -> None:
        if trusted != self._did_registry:
            theirs, ours = to_checksum_address(trusted), to_checksum_address(self._did_registry)
            raise InvalidConfiguration(
                f"the status registry {to_checksum_address(self.address)} asks the DID registry "
                f"{theirs} who may write, and network {self._network.name} has {ours}",
                hint="Check status_registry and did_registry of this network.",
                expected=ours,
                actual=theirs,
            )


def _spans(words: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Ranges of words that hold the wanted ones: first and count, in few calls."""
    wanted = sorted(words)
    first = wanted[0]
    for last, following in pairwise([*wanted, wanted[-1] + _LONGEST + _GAP]):
        if following - last > _GAP or following - first >= _LONGEST:
            yield first, last - first + 1
            first = following

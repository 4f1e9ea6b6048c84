"""What the chain says about the lists of one issuer that are kept off chain: one batch.

Which version of each is the current one, who may publish the next, whether the identity was given
up, and whether the anchor registry asks the DID registry of the network.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from ethr_did.chain.request import combine
from ethr_did.core.keys import Address, parse_address, to_checksum_address
from ethr_did.core.status_calls import NO_HEADER
from ethr_did.core.status_list import Authority
from ethr_did.errors import DeactivatedError, InvalidConfiguration, NotAuthorized
from ethr_did.registries.anchor_registry import AnchorRegistry
from ethr_did.registries.did_registry import DIDRegistry, Reading
from ethr_did.status.verdicts import end_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ethr_did.chain.answer import Head
    from ethr_did.chain.networks import Network
    from ethr_did.chain.request import Steps
    from ethr_did.core.status_calls import Header
    from ethr_did.core.status_list import ListId

__all__ = ["HeadReader", "Heads"]

_RIGHTS: Final = (Authority.OWNER, Authority.ALL_LISTS, Authority.ONE_LIST)
"""Those by which a list is published; keys for revocations cannot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heads:
    """What the chain says about some lists, as of one block."""

    head: Head
    """The block."""
    identity: Address
    headers: Mapping[ListId, Header]
    """Of the current versions; ``NO_HEADER``: never published."""
    actor: Address
    """Who was asked about."""
    rights: Mapping[ListId, Authority]
    """The first by which the actor may publish; lists without are missing."""

    def right(self, list_id: ListId) -> Authority:
        """The right by which the actor may publish a list.

        Raises:
            NotAuthorized: there is none.
        """
        if list_id not in self.rights:
            who, whose = to_checksum_address(self.actor), to_checksum_address(self.identity)
            raise NotAuthorized(
                f"{who} has no right to publish list {list_id.text} of {whose}",
                hint="Use the owner's signer, or a status key: `ethr-did status delegate list` "
                "shows them. Keys for revocations cannot publish.",
                sender=who,
                identity=whose,
            )
        return self.rights[list_id]


class HeadReader:
    """Reads what a publication depends on."""

    def __init__(self, network: Network, identity: Address) -> None:
        """A reader; nothing is asked yet.

        Args:
            network: with an anchor registry.
            identity: of the issuer.

        Raises:
            InvalidConfiguration: the network has no anchor registry.
        """
        if network.anchor_registry is None:
            raise InvalidConfiguration(
                f"network {network.name} has no anchor_registry",
                hint="Name its address in the configuration, or deploy one: `ethr-did deploy`.",
            )
        self.address = parse_address(network.anchor_registry)
        self.identity = identity
        self._network = network
        self._anchors = AnchorRegistry(self.address, first_block=network.first_block)
        self._did_registry = parse_address(network.did_registry)
        self._history = DIDRegistry(
            self._did_registry, chain_id=network.chain_id, first_block=network.first_block
        )

    def read(self, known: Mapping[ListId, Sequence[Header]], *, actor: Address) -> Steps[Heads]:
        """The state of some lists. One batch; more where a current version is not known.

        Args:
            known: the lists, each with headers that may be the current one.
            actor: whose rights are asked for.

        Raises:
            DeactivatedError: the identity was given up.
            RegistryMissing, WrongChain, ChainError: it could not be found out.
            InvalidConfiguration: the anchor registry believes another DID registry.
        """
        ids = list(known)
        reading: Reading
        reading, trusted, heads, rights = yield from combine(
            self._history.read_histories([self.identity]),
            self._anchors.read_did_registry(),
            combine(*(self._anchors.read_head(self.identity, one) for one in ids)),
            combine(
                *(
                    self._anchors.is_authorized(self.identity, right, one, actor)
                    for one in ids
                    for right in _RIGHTS
                )
            ),
        )
        self._check_trusted(trusted)
        self._check_active(reading)
        headers = yield from combine(
            *(
                self._header(one, head, known[one], reading.head)
                for one, head in zip(ids, heads, strict=True)
            )
        )
        found = iter(rights)
        allowed = {one: [right for right in _RIGHTS if next(found)] for one in ids}
        return Heads(
            head=reading.head,
            identity=self.identity,
            headers=dict(zip(ids, headers, strict=True)),
            actor=actor,
            rights={one: some[0] for one, some in allowed.items() if some},
        )

    def _header(
        self, list_id: ListId, head: bytes, known: Iterable[Header], at: Head
    ) -> Steps[Header]:
        for header in (NO_HEADER, *known):
            if header.head == head:
                return header
        version = yield from self._anchors.find_version(self.identity, list_id, head=head, at=at)
        return version.header

    def _check_trusted(self, trusted: Address) -> None:
        if trusted != self._did_registry:
            theirs, ours = to_checksum_address(trusted), to_checksum_address(self._did_registry)
            raise InvalidConfiguration(
                f"the anchor registry {to_checksum_address(self.address)} asks the DID registry "
                f"{theirs} who may publish, and network {self._network.name} has {ours}",
                hint="Check anchor_registry and did_registry of this network.",
                expected=ours,
                actual=theirs,
            )

    def _check_active(self, reading: Reading) -> None:
        end = end_of(reading.events[self.identity])
        if end is not None:
            identity = to_checksum_address(self.identity)
            raise DeactivatedError(
                f"the identity {identity} was deactivated in block {end.place[0]}; that is final",
                hint="Verifiers count none of its lists that is published later.",
                identity=identity,
            )

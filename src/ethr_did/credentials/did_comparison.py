"""Whether two DIDs name the same subject, although they are written differently.

Rules:
  1. A did:ethr is an identity on a network. Letter case of the address, ``mainnet`` left out, a
     chain id in place of a name, and the public key in place of the address make no other one.
  2. Two networks are the same if they are the same chain with the same registry. A name that is not
     known is compared as text: it equals itself only.
  3. DIDs of other methods are the same if their texts are. So are those that break the rules.

Spec: did:ethr method specification, "Method Specific Identifier"; DID Core 1.0 section 3.1.
"""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING

from ethr_did.core.did import DEFAULT_NETWORK, MAX_LENGTH, EthrDID
from ethr_did.did_methods.identifiers import split_did
from ethr_did.errors import InvalidInput, UnknownNetwork

if TYPE_CHECKING:
    from ethr_did.chain.networks import Networks

__all__ = ["did_fault", "is_same_did", "is_same_network", "spelling_free"]


def _ethr(did: str) -> EthrDID | None:
    # Subjects of credentials are texts of any length, and not to be remembered.
    return _parsed(did) if len(did) <= MAX_LENGTH else None


@functools.lru_cache(maxsize=4096)
def _parsed(did: str) -> EthrDID | None:
    try:
        return EthrDID.parse(did)
    except InvalidInput:
        return None


def did_fault(value: object) -> str | None:
    """What is wrong with a DID; None for a good one of any method."""
    try:
        method, _ = split_did(value)  # type: ignore[arg-type]  # it looks itself
        if method == "ethr":
            EthrDID.parse(str(value))
    except InvalidInput as error:
        return error.message
    return None


def spelling_free(did: str) -> str | bytes:
    """What DIDs of the same subject have in common, for a first look: an identity, or the text."""
    ethr = _ethr(did)
    return did if ethr is None else ethr.address


def is_same_did(first: str, second: str, networks: Networks) -> bool:
    """Whether two DIDs name the same subject.

    Args:
        first: a DID.
        second: another one.
        networks: that names and chain ids stand for.

    Example:
        >>> from ethr_did.chain.networks import Networks
        >>> address = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
        >>> mainnet = f"did:ethr:{address}"
        >>> is_same_did(mainnet, f"did:ethr:0x1:{address.lower()}", Networks())
        True
        >>> is_same_did(mainnet, f"did:ethr:sepolia:{address}", Networks())
        False
    """
    if first == second:
        return True
    one, other = _ethr(first), _ethr(second)
    if one is None or other is None or one.address != other.address:
        return False
    return is_same_network(one.network, other.network, networks)


def is_same_network(first: str, second: str, networks: Networks) -> bool:
    """Whether two network parts of a did:ethr stand for the same registry on the same chain."""
    return _place(first, networks) == _place(second, networks)


def _place(name: str, networks: Networks) -> tuple[int, str] | str:
    try:
        network = networks.find(name)
    except UnknownNetwork:
        return name or DEFAULT_NETWORK
    return network.chain_id, network.did_registry

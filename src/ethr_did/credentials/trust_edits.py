"""Changes to a list of trusted issuers.

Rules:
  * An issuer stands once for each kind of credentials: what is added takes the place of what was
    said about the same issuer and kind, however its DID was written.
  * What is not there cannot be removed: whoever believes it was would go on trusting it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from ethr_did.credentials.credential_types import ANY_TYPE
from ethr_did.credentials.did_comparison import is_same_did
from ethr_did.errors import InvalidTrustList, NotFoundError, shown

if TYPE_CHECKING:
    from collections.abc import Collection

    from ethr_did.chain.networks import Networks
    from ethr_did.credentials.trust_lists import TrustEntry, TrustList

__all__ = ["add_entry", "remove_entries"]


def add_entry(trust_list: TrustList, entry: TrustEntry, networks: Networks) -> TrustList:
    """The list with an entry added.

    Args:
        trust_list: as it is.
        entry: the new one.
        networks: that names and chain ids in DIDs stand for.

    Raises:
        InvalidTrustList: there would be too many.
    """
    kept = _without(trust_list, entry.issuer, entry.types, networks)
    return replace(trust_list, entries=(*kept, entry))


def remove_entries(
    trust_list: TrustList, issuer: str, types: Collection[str], networks: Networks
) -> TrustList:
    """The list without an issuer, or without some kinds of its credentials.

    Args:
        trust_list: as it is.
        issuer: a DID, in any spelling.
        types: kinds for which it is not trusted any more; none for all.
        networks: that names and chain ids in DIDs stand for.

    Raises:
        NotFoundError: there is no such entry.
        InvalidTrustList: the issuer would stay trusted, since it is for any kind.
    """
    mine = trust_list.entries_of(issuer, networks)
    there = {kind for entry in mine for kind in entry.types}
    missing = sorted(set(types) - there)
    if mine and missing and ANY_TYPE in there:
        raise InvalidTrustList(
            f"{shown(issuer)} is trusted for any kind of credentials, {missing[0]} included",
            hint=f"Remove {ANY_TYPE!r}, then add the kinds that it is trusted for.",
        )
    if not mine or missing:
        what = f" for {', '.join(missing)}" if mine else ""
        raise NotFoundError(f"{shown(issuer)} is not in the list{what}", issuer=issuer)
    kept = _without(trust_list, issuer, types or there, networks)
    return replace(trust_list, entries=kept)


def _without(
    trust_list: TrustList, issuer: str, types: Collection[str], networks: Networks
) -> tuple[TrustEntry, ...]:
    """The entries, without what they say about an issuer and some kinds."""
    kept = []
    for entry in trust_list.entries:
        if not is_same_did(entry.issuer, issuer, networks):
            kept.append(entry)
        elif left := tuple(kind for kind in entry.types if kind not in types):
            kept.append(replace(entry, types=left))
    return tuple(kept)

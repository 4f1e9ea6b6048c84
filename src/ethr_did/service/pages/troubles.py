"""What went wrong, for people: what happened, what it means, what to do next.

Rules:
  * Each kind of trouble has a sentence of its own. That a node did not answer says nothing about the
    identity, and the page says that.
  * The HTTP status is that of the table in ``errors``, as everywhere in the service.
  * Which nodes are asked is not told.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ethr_did.errors import (
    ChainError,
    EthrDIDError,
    FetchError,
    InvalidConfiguration,
    InvalidCredential,
    InvalidDID,
    InvalidDIDURL,
    InvalidInput,
    InvalidOption,
    InvalidStatusEntry,
    InvalidStatusList,
    NotFoundError,
    UnknownNetwork,
    UnsupportedMethod,
    outcome_of,
)
from ethr_did.service.pages.texts import harmless
from ethr_did.service.problems import outside_words

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Trouble"]

_KINDS: tuple[tuple[type[EthrDIDError], str, str], ...] = (
    (
        UnsupportedMethod,
        "A DID of another method",
        "This page looks up did:ethr. A credential whose issuer has such a DID can be checked here.",
    ),
    (
        UnknownNetwork,
        "This network is not known here",
        "The identity may well exist; this service does not know its network.",
    ),
    (
        InvalidConfiguration,
        "This network is not served here",
        "The identity may well exist; this service has no node on its network.",
    ),
    (
        InvalidDIDURL,
        "That is not a DID",
        "It breaks the grammar of DIDs, so there is nothing to ask.",
    ),
    (InvalidDID, "That is not a DID", "It breaks the grammar of DIDs, so there is nothing to ask."),
    (InvalidOption, "That version cannot be asked for", ""),
    (InvalidCredential, "That cannot be read as a credential", ""),
    (InvalidStatusEntry, "That status cannot be read", ""),
    (InvalidStatusList, "That status cannot be read", ""),
    (InvalidInput, "That cannot be read", ""),
    (NotFoundError, "There is no such thing", ""),
    (
        ChainError,
        "The chain could not be read",
        "This says nothing about what you asked for, neither good nor bad.",
    ),
    (
        FetchError,
        "A document could not be fetched",
        "This says nothing about what you asked for, neither good nor bad.",
    ),
)
_OTHER = ("That did not work", "")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An error as the page tells it."""

    status: int
    """Of HTTP."""
    title: str
    what: str
    """What happened, a sentence."""
    meaning: str
    """What follows from it; may be empty."""
    next: str
    """What to do now."""
    code: str
    """Of the error, for a report."""
    networks: tuple[str, ...] = ()
    """Those that could be asked instead."""

    @classmethod
    def of(cls, error: EthrDIDError, networks: Sequence[str] = ()) -> Trouble:
        """What there is to say about an error.

        Args:
            error: what was raised.
            networks: names of those that are served.
        """
        title, meaning = next(
            ((title, meaning) for kind, title, meaning in _KINDS if isinstance(error, kind)),
            _OTHER,
        )
        message, hint = outside_words(error)
        about_network = isinstance(error, (UnknownNetwork, InvalidConfiguration))
        return cls(
            status=outcome_of(error).http_status,
            title=title,
            what=f"{harmless(message[:1].upper() + message[1:], 600)}.",
            meaning=meaning,
            next=harmless(hint, 600) or "Look at what was pasted, and try again.",
            code=error.code,
            networks=tuple(networks) if about_network else (),
        )

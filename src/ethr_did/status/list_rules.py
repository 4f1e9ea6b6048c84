"""What is asked of a list kept off chain before its statuses count; for readers and reports.

Rules:
  * The header in force must be known, and not past its time.
  * Versions only rise: from the last final block to the newest one, and from what was seen before.
    A version that was final has one content.
  * A document names the issuer under whose identity the list is anchored.
  * The root on chain is that of the statuses in the document.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

from ethr_did.core.did import EthrDID
from ethr_did.core.list_checks import Expected
from ethr_did.core.list_documents import DocumentForm, StatusError, form_of, list_error
from ethr_did.core.status_entry import BitstringEntry, TokenEntry
from ethr_did.core.status_tree import tree_root
from ethr_did.errors import (
    ChainError,
    InvalidInput,
    InvalidStatusEntry,
    NodeInconsistent,
    StatusUndetermined,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.core.bitstring import Bitstring
    from ethr_did.core.keys import Address
    from ethr_did.core.status_calls import Header
    from ethr_did.core.status_list import ListId
    from ethr_did.status.verdicts import AnchoredList, AnchorView

__all__ = [
    "AnchoredEntry",
    "check_content",
    "check_entry",
    "check_root",
    "check_seen",
    "check_succession",
    "check_time",
    "expected_of",
    "header_of",
    "issuer_check",
    "known_header",
]

AnchoredEntry: TypeAlias = BitstringEntry | TokenEntry


def known_header(view: AnchorView | ChainError) -> Header | None:
    """The header of the version that counts; None if it is not known."""
    if isinstance(view, ChainError) or isinstance(view.header, ChainError):
        return None
    return view.header


def check_entry(entry: AnchoredEntry, anchored: AnchoredList) -> None:
    """Raises ``InvalidStatusEntry`` unless the entry's words are those of the list id."""
    list_id = anchored.anchor.list_id
    is_bitstring = isinstance(entry, BitstringEntry)
    if is_bitstring is not (form_of(list_id) is DocumentForm.W3C):
        raise InvalidStatusEntry(f"{list_id.text} is the id of a list of the other standard")
    if isinstance(entry, BitstringEntry) and entry.purpose is not list_id.purpose:
        raise InvalidStatusEntry(
            f"the entry is for {entry.purpose.text}, and the list {list_id.text} for "
            f"{list_id.purpose.text}"
        )


def header_of(view: AnchorView, list_id: ListId) -> Header:
    """The header of the version that counts.

    Raises:
        StatusUndetermined: there is none.
        ChainError: it could not be found.
    """
    if isinstance(view.header, ChainError):
        raise view.header
    if view.header.version == 0:
        raise StatusUndetermined(
            f"the list {list_id.text} was not published until block {view.read_at.number}",
            hint="Its issuer has to publish it: `ethr-did status publish`. Is it the right network?",
            list_id=list_id.text,
        )
    return view.header


def check_time(header: Header, list_id: ListId, now: int) -> None:
    """Raises ``StatusUndetermined`` for a version whose time has passed."""
    if now > header.valid_until:
        raise StatusUndetermined(
            f"version {header.version} of list {list_id.text} was good until {header.valid_until}, "
            f"and it is {now}",
            hint="Its issuer has to publish it again.",
            list_id=list_id.text,
            valid_until=header.valid_until,
        )


def check_succession(list_id: ListId, newest: Header, final: Header) -> None:
    """Raises ``NodeInconsistent`` unless one of two headers can have followed the other."""
    if newest.version > final.version or newest == final:
        return
    raise NodeInconsistent(
        f"list {list_id.text} has version {newest.version} in the newest block and version "
        f"{final.version} in the last final one"
        + (", with another content" if newest.version == final.version else ""),
        hint="The node contradicts itself: ask another one.",
        list_id=list_id.text,
    )


def check_seen(list_id: ListId, newest: Header, seen: int) -> None:
    """Raises ``StatusUndetermined`` for a version older than one seen before."""
    if newest.version < seen:
        raise StatusUndetermined(
            f"list {list_id.text} has version {newest.version}, and version {seen} was seen before",
            hint="The node is behind, or shows an old state: ask another one.",
            list_id=list_id.text,
            version=newest.version,
            seen=seen,
        )


def check_content(list_id: ListId, header: Header, final_digest: bytes | None) -> None:
    """Raises ``NodeInconsistent`` for another content than a version had when it was final."""
    if final_digest not in (None, header.content_digest):
        raise NodeInconsistent(
            f"version {header.version} of list {list_id.text} was final with another content: "
            "somebody shows different lists to different people",
            hint="One of the nodes lies. Ask others, and keep what they said.",
            list_id=list_id.text,
            version=header.version,
        )


def expected_of(list_id: ListId, identity: Address, *, url: str | None, now: int) -> Expected:
    """What the document of a list has to say."""
    return Expected(
        now=now,
        url=url,
        purpose=list_id.purpose,
        bits=list_id.bits,
        entries=list_id.capacity,
        is_issuer=issuer_check(identity, form_of(list_id)),
    )


def issuer_check(identity: Address, form: DocumentForm) -> Callable[[str], bool]:
    """Whether a document may name somebody as the issuer of a list of an identity.

    The digest on chain says whose list it is. A document that names another issuer would be
    verified against another key by those who do not look at the chain. In a token the name means
    nothing, unless it is a DID that is somebody else's.
    """

    def is_issuer(named: str) -> bool:
        try:
            return EthrDID.parse(named).address == identity
        except InvalidInput:
            return form is DocumentForm.IETF and not named.startswith("did:")

    return is_issuer


def check_root(statuses: Bitstring, list_id: ListId, header: Header) -> None:
    """Raises ``InvalidStatusList`` unless the root on chain is that of the statuses.

    Contracts go by the root and readers by the digest: both must say the same.
    """
    if tree_root(statuses.data, list_id.leaf_count) != header.bitmap_root:
        raise list_error(
            StatusError.VERIFICATION,
            f"version {header.version} of list {list_id.text} has other statuses than its root on "
            "chain commits to",
            hint="Its issuer has to publish it again.",
        )

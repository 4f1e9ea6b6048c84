"""Status lists and their versions as the database keeps them.

Rules:
  * A list is known by chain, registry, identity and list id. Its seed is no part of what is shown.
  * Versions of a list kept off chain are prepared, sent, and confirmed by the chain.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ethr_did.core.keys import to_checksum_address
from ethr_did.core.status_calls import Header
from ethr_did.core.status_entry import Anchor, BitstringEntry, ListEntry, TokenEntry
from ethr_did.errors import StoreError

if TYPE_CHECKING:
    from ethr_did.core.keys import Address
    from ethr_did.core.status_entry import ContractId, StatusMessage
    from ethr_did.core.status_list import ListId

__all__ = ["ListForm", "ListVersion", "NewList", "StoredList", "VersionState"]


class ListForm(StrEnum):
    """How the statuses of a list get to verifiers."""

    CHAIN = "chain"
    """On chain, word by word."""
    BITSTRING = "w3c"
    """Kept off chain, as a W3C Bitstring Status List."""
    TOKEN = "ietf"  # noqa: S105  # the name of a form
    """Kept off chain, as an IETF Token Status List."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredList:
    """A list that statuses are handed out from."""

    id: int
    """Of the database."""
    series: int
    """The first of the lists that follow each other when they are full."""
    contract: ContractId
    """The status registry, or the anchor registry of a list kept off chain."""
    identity: Address
    """Whose list it is."""
    list_id: ListId
    form: ListForm
    url: str
    """Where a list kept off chain is served; empty for one on chain."""
    messages: tuple[StatusMessage, ...]
    """What the values mean, for a W3C list with several bits for each entry."""
    position: int
    """Entries handed out, or skipped."""
    closed: bool
    """Whether nothing more is handed out."""
    created_at: int
    """Unix seconds."""

    @property
    def free(self) -> int:
        """Entries that are left; those that came from elsewhere are not taken off."""
        return 0 if self.closed else self.list_id.capacity - self.position

    def entry(self, index: int) -> ListEntry | BitstringEntry | TokenEntry:
        """What a credential says that has the entry of that index."""
        if self.form is ListForm.CHAIN:
            return ListEntry(registry=self.contract, list_id=self.list_id, index=index)
        self.list_id.check_index(index)
        anchor = Anchor(registry=self.contract, list_id=self.list_id)
        if self.form is ListForm.TOKEN:
            return TokenEntry(uri=self.url, index=index, anchor=anchor)
        return BitstringEntry(
            list_url=self.url,
            index=index,
            purpose=self.list_id.purpose,
            bits=self.list_id.bits,
            messages=self.messages,
            anchor=anchor,
        )

    def to_dict(self) -> dict[str, Any]:
        """The list as JSON."""
        members = {
            "listId": self.list_id.text,
            "registry": self.contract.text,
            "identity": to_checksum_address(self.identity),
            "form": self.form.value,
            "statusPurpose": self.list_id.purpose.text,
            "statusSize": self.list_id.bits,
            "capacity": self.list_id.capacity,
            "flags": [flag.name.lower() for flag in self.list_id.flags if flag.name],
            "url": self.url or None,
            "position": self.position,
            "free": self.free,
            "closed": self.closed,
            "createdAt": self.created_at,
        }
        return {name: value for name, value in members.items() if value is not None}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewList:
    """A list that is about to be kept."""

    contract: ContractId
    identity: Address
    list_id: ListId
    form: ListForm
    url: str = ""
    messages: tuple[StatusMessage, ...] = ()
    seed: bytes = field(repr=False)
    """Secret, 32 bytes: the order in which entries are handed out."""
    created_at: int
    """Unix seconds."""


class VersionState(StrEnum):
    """How far a version of a list has come."""

    PREPARED = "prepared"
    """Built, perhaps signed; nothing was sent."""
    SENT = "sent"
    """A transaction may be on its way."""
    CONFIRMED = "confirmed"
    """The chain has it."""

    @property
    def rank(self) -> int:
        """Position in that order."""
        return list(VersionState).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class ListVersion:
    """A version of a list kept off chain."""

    version: int
    """From 1."""
    content_digest: bytes
    """SHA-256 of ``content``."""
    bitmap_root: bytes
    content: bytes = field(repr=False)
    """What is served; empty where only the rest was asked for."""
    valid_until: int
    """Unix seconds."""
    prepared_at: int
    """Unix seconds."""
    state: VersionState = VersionState.PREPARED
    tx_hash: bytes | None = None
    published_at: int | None = None
    """Unix seconds of its block."""
    block_number: int | None = None

    @property
    def header(self) -> Header:
        """What the chain commits to.

        Raises:
            StoreError: the version is not on chain, or not known to be.
        """
        if self.published_at is None or self.block_number is None:
            raise StoreError(
                f"version {self.version} is {self.state.value}, not confirmed: it has no header",
                hint="Ask the chain for the current head first.",
            )
        return Header(
            content_digest=self.content_digest,
            bitmap_root=self.bitmap_root,
            version=self.version,
            published_at=self.published_at,
            valid_until=self.valid_until,
            block_number=self.block_number,
        )

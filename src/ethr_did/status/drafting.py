"""Whether a list kept off chain needs a new version, and the version that it gets.

Rules:
  * It needs one if its statuses are others than those of the current version, if less than half of
    that version's time is left, or if that is asked for.
  * What an earlier run prepared is taken up, byte for byte, as long as it says the same and is good
    for half its time: then the same transaction comes of it. That holds for its signature too, which
    is made once. One that was prepared unsigned is none if it is to be signed now, or the reverse.
  * A current version that came from elsewhere may say what this database does not know. Unless its
    statuses are the same, or those of a version published from here, that is a conflict.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from ethr_did.core.bitstring import Bitstring
from ethr_did.core.list_checks import read_document
from ethr_did.core.list_documents import ListTerms, build_document, form_of, order_of, serve
from ethr_did.core.status_tree import tree_root
from ethr_did.errors import StatusConflict
from ethr_did.status.drafts import Draft, Why, counted
from ethr_did.status.stored import ListVersion, VersionState

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ethr_did.core.list_documents import Sign
    from ethr_did.core.status_calls import Header
    from ethr_did.status.heads import Heads
    from ethr_did.status.store import StatusStore
    from ethr_did.status.stored import StoredList

__all__ = ["Drafting", "is_running_out", "version_of"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Drafting:
    """Makes the next versions of lists."""

    store: StatusStore
    """With the statuses."""
    issuer: str
    """The DID that the documents name."""
    sign: Sign | None
    """Signs them; None leaves them unsigned."""
    validity: int
    """Seconds for which a version is good."""
    ttl: int
    """Seconds for which readers may keep it."""
    now: int
    """Unix seconds."""
    force: bool = False
    """Whether every list gets a new version."""
    overwrite: bool = False
    """Whether a version that came from elsewhere is no conflict."""

    def drafts(self, lists: Sequence[StoredList], heads: Heads) -> tuple[Draft, ...]:
        """The next versions of those lists that need one.

        Raises:
            StatusConflict: a current version came from elsewhere, with other statuses.
            NotAuthorized: the actor may not publish one of them.
        """
        found = (self._draft(one, heads) for one in lists)
        return tuple(draft for draft in found if draft is not None)

    def _draft(self, stored: StoredList, heads: Heads) -> Draft | None:
        header, list_id = heads.headers[stored.list_id], stored.list_id
        values = self.store.values_of(stored)
        bitstring = Bitstring.of_values(
            values, bits=list_id.bits, capacity=list_id.capacity, order=order_of(form_of(list_id))
        )
        root = tree_root(bitstring.data, list_id.leaf_count)
        if not self.overwrite:
            self._check_known(stored, header, root)
        why = self._why(header, root)
        if why is None:
            return None
        return Draft(
            stored=stored,
            version=self._prepared(stored, header, root)
            or self._built(stored, bitstring, header, root),
            previous=header,
            authority=heads.right(list_id),
            why=why,
            counts=counted(values),
        )

    def _check_known(self, stored: StoredList, header: Header, root: bytes) -> None:
        versions = self.store.versions(stored)
        ours = {root, *(v.bitmap_root for v in versions if v.state is VersionState.CONFIRMED)}
        if not header.version or header.bitmap_root in ours or version_of(header, versions):
            return
        raise StatusConflict(
            f"version {header.version} of list {stored.list_id.text} was published from elsewhere, "
            "with other statuses than this database has",
            hint="Use the database that it came from. To publish over it, and undo what only it "
            "says, ask for that: overwrite.",
            list_id=stored.list_id.text,
            version=header.version,
            content_digest=header.content_digest,
        )

    def _why(self, header: Header, root: bytes) -> Why | None:
        """Why a list has to be published; None if it has not."""
        if header.version == 0:
            return Why.FIRST
        if header.bitmap_root != root:
            return Why.CHANGED
        if is_running_out(header, self.now):
            return Why.HEARTBEAT
        return Why.FORCED if self.force else None

    def _prepared(self, stored: StoredList, header: Header, root: bytes) -> ListVersion | None:
        """The version that an earlier run prepared, if it will still do."""
        found = self.store.latest_version(stored, VersionState.PREPARED)
        if found is None or self.force:
            return None
        same = (found.version, found.bitmap_root) == (header.version + 1, root)
        if not same or found.valid_until < self.now + self.validity // 2:
            return None
        document = read_document(found.content, form_of(stored.list_id))
        return found if document.is_signed is (self.sign is not None) else None

    def _built(
        self, stored: StoredList, bitstring: Bitstring, header: Header, root: bytes
    ) -> ListVersion:
        terms = ListTerms(
            url=stored.url,
            issuer=self.issuer,
            valid_from=self.now,
            valid_until=self.now + self.validity,
            purpose=stored.list_id.purpose,
            ttl=self.ttl,
            messages=stored.messages,
        )
        document = build_document(bitstring, terms, form_of(stored.list_id))
        content = serve(document, self.sign).content
        return ListVersion(
            version=header.version + 1,
            content_digest=sha256(content).digest(),
            bitmap_root=root,
            content=content,
            valid_until=self.now + self.validity,
            prepared_at=self.now,
        )


def is_running_out(header: Header, now: int) -> bool:
    """Whether less than half of a version's time is left."""
    return header.version > 0 and 2 * now > header.published_at + header.valid_until


def version_of(header: Header, versions: Iterable[ListVersion]) -> ListVersion | None:
    """The version that a header is about."""
    wanted = (header.version, header.content_digest)
    return next((v for v in versions if (v.version, v.content_digest) == wanted), None)

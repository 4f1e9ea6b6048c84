"""One list kept off chain, looked at from all sides: for people who want to know what is wrong.

Everything that a reader asks of a list, one by one, and all faults at once. Beside it what can be
made of a list that anybody holds: a proof of one entry, which the contract verifies.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ethr_did.chain.answer import data_of
from ethr_did.chain.request import ask, call
from ethr_did.chain.reverts import is_revert, revert_error
from ethr_did.core.keys import ZERO_ADDRESS, Address, parse_address, to_checksum_address
from ethr_did.core.list_checks import CHECKS, Expected, ListDocument, expand, read_document
from ethr_did.core.list_documents import (
    DocumentForm,
    StatusError,
    form_of,
    list_error,
    order_of,
)
from ethr_did.core.status_calls import LensKind, LensQuestion, status_from_proof_call
from ethr_did.core.status_entry import Anchor, BitstringEntry, ContractId, TokenEntry
from ethr_did.core.status_tree import TreeProof, tree_proof
from ethr_did.errors import (
    ChainError,
    EthrDIDError,
    FetchError,
    InvalidAnswer,
    InvalidConfiguration,
    InvalidStatusList,
    StatusUndetermined,
)
from ethr_did.status.list_rules import (
    check_root,
    check_seen,
    check_succession,
    check_time,
    expected_of,
    header_of,
    known_header,
)
from ethr_did.status.verdicts import AnchoredList, AnchorView, Asking, Target, read_verdicts

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.chain.networks import Network
    from ethr_did.chain.request import Steps
    from ethr_did.core.bitstring import Bitstring
    from ethr_did.core.status_calls import Header
    from ethr_did.core.status_list import ListId

__all__ = [
    "Finding",
    "ListReport",
    "prove_entry",
    "read_anchored_list",
    "read_proven_status",
    "verify_list",
    "w3c_error_of",
]

_WORD = 32


def w3c_error_of(error: EthrDIDError) -> StatusError | None:
    """The name that the W3C has for an error about a list; None if it is about something else."""
    if isinstance(error, FetchError):
        return StatusError.RETRIEVAL
    name = error.facts.get("status_error")
    return StatusError(name) if name is not None else None


# -- reports -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at."""

    name: str
    error: EthrDIDError | None
    """What is wrong; None: nothing."""

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON."""
        members: dict[str, Any] = {"check": self.name, "good": self.error is None}
        if self.error is not None:
            name = w3c_error_of(self.error)
            members["error"] = self.error.to_dict()
            members |= {"w3cError": name.value} if name else {}
        return members


@dataclass(frozen=True, slots=True, kw_only=True)
class ListReport:
    """A list kept off chain and what the chain says about it."""

    anchored: AnchoredList
    content_digest: bytes
    """SHA-256 of what was looked at."""
    header: Header | None
    """Of the current version; None if there is none, or it is not known."""
    document: ListDocument | None
    """None if it is no such document."""
    statuses: Bitstring | None
    """None if they could not be read."""
    findings: tuple[Finding, ...]
    """Everything that was looked at, in order. What depends on something that failed is missing."""

    @property
    def is_good(self) -> bool:
        """Whether nothing is wrong."""
        return all(finding.error is None for finding in self.findings)

    @property
    def counts(self) -> dict[int, int]:
        """Each value, and how many entries have it."""
        return dict(Counter(self.statuses.values())) if self.statuses else {}

    def check(self) -> ListReport:
        """The report itself, if nothing is wrong.

        Raises:
            EthrDIDError: the first thing that is.
        """
        for finding in self.findings:
            if finding.error is not None:
                raise finding.error
        return self

    def to_dict(self) -> dict[str, Any]:
        """The report as JSON; members that are not known are left out."""
        list_id, view = self.anchored.anchor.list_id, self.anchored.latest
        members = {
            "good": self.is_good,
            "identity": to_checksum_address(self.anchored.identity),
            "registry": self.anchored.anchor.registry.text,
            "listId": list_id.text,
            "form": form_of(list_id).value,
            "statusPurpose": list_id.purpose.text,
            "statusSize": list_id.bits,
            "entries": list_id.capacity,
            "contentDigest": "0x" + self.content_digest.hex(),
            "current": None if self.header is None else _header_to_dict(self.header),
            "readAt": view.read_at.to_dict() if isinstance(view, AnchorView) else None,
            "url": self.document.url if self.document else None,
            "issuer": self.document.issuer if self.document else None,
            "signed": self.document.is_signed if self.document else None,
            "validFrom": self.document.valid_from if self.document else None,
            "validUntil": self.document.valid_until if self.document else None,
            "ttl": self.document.ttl if self.document else None,
            "counts": {str(value): count for value, count in sorted(self.counts.items())} or None,
            "checks": [finding.to_dict() for finding in self.findings],
        }
        return {name: value for name, value in members.items() if value is not None}


def _header_to_dict(header: Header) -> dict[str, Any]:
    return {
        "version": header.version,
        "contentDigest": "0x" + header.content_digest.hex(),
        "bitmapRoot": "0x" + header.bitmap_root.hex(),
        "publishedAt": header.published_at,
        "validUntil": header.valid_until,
        "blockNumber": header.block_number,
    }


def verify_list(
    content: bytes, anchored: AnchoredList, *, now: int, url: str | None = None, seen: int = 0
) -> ListReport:
    """Everything about a list that anybody holds, compared with what the chain says.

    Args:
        content: the list, as it was served or handed over.
        anchored: see ``read_anchored_list``.
        now: Unix seconds.
        url: where it should be served; None if that does not matter.
        seen: highest version that was ever seen.
    """
    inspection = _Inspection(content, anchored, now=now, url=url, seen=seen)
    inspection.run()
    return ListReport(
        anchored=anchored,
        content_digest=sha256(content).digest(),
        header=inspection.header,
        document=inspection.document,
        statuses=inspection.statuses,
        findings=tuple(inspection.findings),
    )


class _Inspection:
    """Looks at one thing after the other, and goes on after a fault."""

    def __init__(
        self, content: bytes, anchored: AnchoredList, *, now: int, url: str | None, seen: int
    ) -> None:
        self.findings: list[Finding] = []
        self.header: Header | None = None
        self.document: ListDocument | None = None
        self.statuses: Bitstring | None = None
        self._content = content
        self._anchored = anchored
        self._list_id = anchored.anchor.list_id
        self._now = now
        self._seen = seen
        self._expected = expected_of(self._list_id, anchored.identity, url=url, now=now)

    def run(self) -> None:
        """Fills the findings."""
        self._look("published", self._find_header)
        if (header := self.header) is not None:
            self._look("version", lambda: check_seen(self._list_id, header, self._seen))
            self._look("in force", lambda: check_time(header, self._list_id, self._now))
            self._look("final", lambda: self._check_final(header))
            self._look("digest", lambda: self._check_digest(header))
        self._look("document", self._read)
        if (document := self.document) is not None:
            for check in CHECKS:
                self._look(check.name, partial(check.run, document, self._expected))
            self._look("statuses", lambda: self._expand(document))
        if header is not None and (statuses := self.statuses) is not None:
            self._look("root", lambda: check_root(statuses, self._list_id, header))

    def _look(self, name: str, check: Callable[[], None]) -> None:
        error: EthrDIDError | None = None
        try:
            check()
        except EthrDIDError as failure:
            error = failure
        self.findings.append(Finding(name=name, error=error))

    def _find_header(self) -> None:
        view = self._anchored.latest
        if isinstance(view, ChainError):
            raise view
        self.header = header_of(view, self._list_id)

    def _check_final(self, header: Header) -> None:
        final = self._anchored.finalized
        if isinstance(final, ChainError):
            raise final
        found = known_header(final)
        if found is None:
            header_of(final, self._list_id)
        elif found.version:
            check_succession(self._list_id, header, found)
        if found != header:
            raise StatusUndetermined(
                f"version {header.version} of list {self._list_id.text} is newer than the last "
                f"final block, {final.read_at.number}",
                hint="A reorganisation may take it back; until it is final, what it says in "
                "anybody's favour does not count.",
            )

    def _check_digest(self, header: Header) -> None:
        found = sha256(self._content).digest()
        if found != header.content_digest:
            raise list_error(
                StatusError.VERIFICATION,
                f"the SHA-256 of the list is 0x{found.hex()}, and that of version "
                f"{header.version}, the current one, 0x{header.content_digest.hex()}",
                hint="It is an old version, one that is not published yet, or false.",
            )

    def _read(self) -> None:
        self.document = read_document(self._content, form_of(self._list_id))

    def _expand(self, document: ListDocument) -> None:
        self.statuses = expand(document, self._expected)


def read_anchored_list(
    network: Network, identity: Address, list_id: ListId, block: int | None = None
) -> Steps[AnchoredList]:
    """What the chain says about a list kept off chain.

    Args:
        network: with an anchor registry.
        identity: whose list it is.
        list_id: of the list.
        block: number of the block that counts as the newest; None: the newest.

    Raises:
        InvalidConfiguration: the network has no anchor registry.
        InvalidStatusEntry: the list is kept on chain.
        ChainError: it could not be found out.
    """
    if network.anchor_registry is None:
        raise InvalidConfiguration(
            f"network {network.name} has no anchor_registry",
            hint="Name its address in the configuration.",
        )
    registry = parse_address(network.anchor_registry)
    anchor = Anchor(registry=ContractId(network.chain_id, registry), list_id=list_id)
    question = LensQuestion(
        registry=registry, kind=LensKind.ANCHOR, identity=identity, id=list_id.value
    )
    target = Target(entry=_entry_of(anchor), identity=identity, question=question)
    (found,) = yield from read_verdicts(network, [target], Asking(), block)
    if not isinstance(found, AnchoredList):
        raise found.reason or InvalidAnswer("nothing was found out about the list")
    return found


def _entry_of(anchor: Anchor) -> BitstringEntry | TokenEntry:
    """Any entry of a list: what is asked is about the list."""
    list_id = anchor.list_id
    if form_of(list_id) is DocumentForm.IETF:
        return TokenEntry(uri="", index=0, anchor=anchor)
    return BitstringEntry(
        list_url="", index=0, purpose=list_id.purpose, bits=list_id.bits, anchor=anchor
    )


# -- proofs --------------------------------------------------------------------------------------


def prove_entry(content: bytes, list_id: ListId, index: int) -> TreeProof:
    """The proof of one entry, from a list that anybody holds; good while it is the current one.

    Args:
        content: the list, as it was served.
        list_id: of the list.
        index: of the entry.

    Raises:
        InvalidStatusEntry: the list has no such entry.
        InvalidStatusList: it is no such list.
    """
    list_id.check_index(index)
    document = read_document(content, form_of(list_id))
    # Whether its time has come or gone is for the contract to say.
    expected = Expected(now=0, bits=list_id.bits, entries=list_id.capacity)
    data = expand(document, expected).in_order(order_of(form_of(list_id))).data
    return tree_proof(data, index * list_id.bits // 256, list_id.leaf_count)


def read_proven_status(
    registry: Address,
    identity: Address,
    list_id: ListId,
    *,
    header: Header,
    index: int,
    proof: TreeProof,
) -> Steps[int]:
    """The value of an entry, as the anchor registry itself finds it in a proof.

    Args:
        registry: the contract.
        identity: whose list it is.
        list_id: of the list.
        header: the current one.
        index: of the entry.
        proof: of the word that holds it.

    Raises:
        InvalidStatusList: the contract refuses: the header is not the current one, its time has
            passed, or the proof is wrong.
        ChainError: it could not be asked.
    """
    data = status_from_proof_call(
        identity, list_id, header, index, word=proof.word, siblings=proof.siblings
    )
    (answer,) = yield from ask(call(registry, data))
    if is_revert(answer):
        refusal = revert_error(answer, purpose="the proof", sender=ZERO_ADDRESS)
        raise InvalidStatusList(
            f"the anchor registry refuses the proof: {refusal.facts['error'] or 'without a reason'}",
            hint="Is it made from the current version of the list?",
            **dict(refusal.facts),
        ) from refusal
    found = data_of(answer)
    if len(found) != _WORD:
        raise InvalidAnswer(f"{len(found)} bytes where a status was expected")
    return int.from_bytes(found)

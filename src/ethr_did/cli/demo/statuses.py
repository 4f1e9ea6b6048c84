"""The chapters about credentials: handed out, suspended, revoked, checked by a stranger."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from ethr_did.cli.output import columns

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from contextlib import ExitStack

    from ethr_did.chain.local import LocalAccount
    from ethr_did.cli.demo.stage import Stage
    from ethr_did.core.status_answer import Status
    from ethr_did.fetching import Fetched
    from ethr_did.identity import Identity
    from ethr_did.status.allocation import Allocation
    from ethr_did.status.reading import StatusReader

__all__ = ["Statuses"]

_DAY = 86_400
_URL = "https://lists.university.example/1/current"
_STUDENTS = ("Alice", "Boris", "Chen")


class Statuses:
    """What the university does with its credentials, and what a verifier learns of it."""

    def __init__(self, stage: Stage, school: Identity, stack: ExitStack) -> None:
        """Nothing is told yet; the database is closed when the stack is left."""
        from ethr_did.status.allocation import Allocator
        from ethr_did.status.issuing import StatusIssuer
        from ethr_did.status.list_files import ListFiles
        from ethr_did.status.store import StatusStore

        self._stage = stage
        self._school = school
        self._store = stack.enter_context(StatusStore(f"sqlite:///{stage.folder}/status.db"))
        self._allocator = Allocator(self._store, random=secrets.token_bytes)
        self._files = ListFiles(stage.folder / "www")
        self._issuer = StatusIssuer(stage.network, school.did, chain=stage.door)
        self._reader = self._open_reader(lambda url: self._files.current(url) or b"")

    # -- the chapters ----------------------------------------------------------------------------

    def hand_out(self) -> None:
        """A list, and entries for credentials."""
        from ethr_did.core.status_list import Purpose

        stage = self._stage
        stage.chapter("The university opens a status list and issues three diplomas")
        made = self._allocator.create_list(
            contract=self._issuer.registry,
            identity=self._school.address,
            purpose=Purpose.LIFECYCLE,
            bits=2,
            now=int(stage.now()),
        )
        stage.say(f"A list needs no transaction. Its id holds its rules:\n  {made.list_id.text}")
        handed = self._allocator.allocate(made, len(_STUDENTS), now=int(stage.now()))
        self._diplomas = dict(zip(_STUDENTS, handed, strict=True))
        stage.say("Each diploma gets an entry at random, so that an index tells nothing:")
        for name, one in self._diplomas.items():
            stage.say(f"  {name}: {one.index}")
        stage.say("What goes into Alice's diploma, as its credentialStatus:")
        stage.say("  " + json.dumps(self._diplomas["Alice"].entry.to_dict()))

    def change(self) -> None:
        """Statuses change on chain."""
        stage = self._stage
        stage.chapter("Alice's diploma is suspended, Boris's revoked; then Alice's is reinstated")
        sender = stage.sender(stage.university)
        suspended = self._issuer.suspend([_entry(self._diplomas["Alice"])], sender)
        stage.receipts(suspended.receipts, "Suspended")
        self._suspended_at = stage.chain.head.number
        stage.chain.advance(_DAY)
        revoked = self._issuer.revoke([_entry(self._diplomas["Boris"])], sender)
        stage.receipts(revoked.receipts, "Revoked")
        stage.chain.advance(_DAY)
        reinstated = self._issuer.reinstate([_entry(self._diplomas["Alice"])], sender)
        stage.receipts(reinstated.receipts, "Reinstated")

    def verify(self) -> None:
        """What a stranger learns of them, now and of the past."""
        stage = self._stage
        stage.chapter("A verifier asks the chain, not the university")
        before = self._reader.round_trips
        self._show_statuses()
        trips = self._reader.round_trips - before
        stage.say(f"Three statuses of one block, in {trips} round trips, times included.")
        stage.say(f"At block {self._suspended_at}, without an archive node:")
        self._show_statuses(at_block=self._suspended_at)
        stage.say("Every change of Alice's diploma:")
        history = self._reader.history(_entry(self._diplomas["Alice"]), self._school.did)
        for change in history:
            word = "suspended" if change.value else "reinstated"
            stage.say(f"  block {change.block_number}  {word}")

    def delegate(self) -> None:
        """Somebody else may revoke."""
        from ethr_did.core.status_list import Authority
        from ethr_did.errors import NotAuthorized
        from ethr_did.status.delegates import add_status_delegate

        stage = self._stage
        stage.chapter("A key of the registrar's office may revoke, and nothing else")
        key = stage.registrar.address_bytes
        grant = add_status_delegate(key, Authority.REVOCATION_ONLY)  # type: ignore[arg-type]  # an address of bytes
        stage.receipts(self._school.apply([grant], stage.sender(stage.university)), "Granted")
        sender = stage.sender(stage.registrar)
        revoked = self._issuer.revoke([_entry(self._diplomas["Chen"])], sender)
        stage.receipts(revoked.receipts, "Chen's diploma revoked")
        try:
            self._issuer.suspend([_entry(self._diplomas["Alice"])], sender)
        except NotAuthorized as error:
            stage.say(f"It may not suspend, which is found out before gas is spent:\n  {error}")

    def anchor(self) -> None:
        """A list kept off chain."""
        from ethr_did.cli.status.lists import contract_of
        from ethr_did.core.status_list import Purpose
        from ethr_did.status.stored import ListForm

        stage = self._stage
        stage.chapter("A W3C status list is kept off chain, and anchored in one slot")
        made = self._allocator.create_list(
            contract=contract_of(stage.network, anchored=True),
            identity=self._school.address,
            purpose=Purpose.REVOCATION,
            now=int(stage.now()),
            form=ListForm.BITSTRING,
            url=_URL,
        )
        (card,) = self._allocator.allocate(made, now=int(stage.now()))
        self._publish(stage.university)
        old = self._files.current(_URL) or b""
        self._show({"student card": self._read(self._reader, card)})
        self._store.set_values(made, {card.index: 1})
        self._publish(stage.university)
        self._show({"student card": self._read(self._reader, card)})
        stage.say("A server that goes on with the old version is found out by its digest:")
        liar = self._open_reader(lambda _url: old)
        status = self._read(liar, card)
        self._show({"student card": status})
        stage.say(f"  {status.reason.message if status.reason else ''}")

    def find_survivors(self) -> None:
        """After the change of owner."""
        from ethr_did.status.delegates import list_status_delegates, revocations

        stage = self._stage
        stage.chapter("The registrar's key has survived the change of owner; the new owner ends it")
        found = list_status_delegates(self._school)
        for key in found.survivors:
            stage.say(f"  {key.name} {key.to_dict()['delegate']}")
        for changes in revocations(found.survivors):
            receipts = self._school.apply(changes, stage.sender(stage.successor))
            stage.receipts(receipts, "Revoked")

    def look_back(self) -> None:
        """After the end of the identity."""
        from ethr_did.errors import DeactivatedError

        stage = self._stage
        stage.chapter("What the university said of its diplomas still stands, and nothing is added")
        self._show_statuses()
        try:
            self._issuer.suspend([_entry(self._diplomas["Alice"])], stage.sender(stage.university))
        except DeactivatedError as error:
            stage.say(
                f"The first key rules the contract again, and no verifier heeds it:\n  {error}"
            )

    # -- what is done in them --------------------------------------------------------------------

    def _publish(self, account: LocalAccount) -> None:
        from ethr_did.status.publishing import Publisher

        stage = self._stage
        publisher = Publisher(
            stage.network,
            self._school.did,
            self._store,
            self._files,
            chain=stage.door,
            clock=stage.now,
        )
        report = publisher.publish(sender=stage.sender(account))
        for one in report.published:
            stage.receipts(report.receipts, f"Version {one.version.version} published")

    def _open_reader(self, served: Callable[[str], bytes]) -> StatusReader:
        """A verifier that is served lists in some way."""
        from ethr_did.status.lists import AnchoredListReader
        from ethr_did.status.reading import StatusReader
        from ethr_did.status.seen import SeenFile

        lists = AnchoredListReader(
            _Web(served),
            seen=SeenFile(self._stage.folder / "seen.json"),
            clock=self._stage.now,
        )
        return StatusReader([self._stage.network], lists=lists, clock=self._stage.now)

    def _show_statuses(self, **options: Any) -> None:
        from ethr_did.status.reading import StatusQuestion

        questions = [
            StatusQuestion(entry=one.entry, issuer=self._school.did)
            for one in self._diplomas.values()
        ]
        found = self._reader.read_statuses(questions, times=True, **options)
        self._show(dict(zip(self._diplomas, found, strict=True)))

    def _read(self, reader: StatusReader, one: Allocation) -> Status:
        return reader.read_status(one.entry, self._school.did)

    def _show(self, statuses: Mapping[str, Status]) -> None:
        rows = [_row(name, status) for name, status in statuses.items()]
        headings = ("", "status", "since", "read at", "finality")
        data = {name: status.to_dict() for name, status in statuses.items()}
        self._stage.keep("statuses", data, columns(rows, headings))


class _Web:
    """Serves status lists, as https would."""

    def __init__(self, served: Callable[[str], bytes]) -> None:
        self._served = served

    def fetch(self, url: str, *, accept: str, most: int | None = None) -> Fetched:
        """What is served at an address."""
        from ethr_did.fetching import Fetched

        _ = accept, most
        return Fetched(url=url, content=self._served(url))


def _entry(one: Allocation) -> Any:
    return one.entry


def _row(name: str, status: Status) -> tuple[object, ...]:
    return (
        name,
        status.describe(),
        "" if status.changed_block is None else f"block {status.changed_block}",
        "" if status.read_at is None else f"block {status.read_at.number}",
        status.finality.value,
    )

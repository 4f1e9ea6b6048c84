"""Publishing lists kept off chain: built from the database, written as files, anchored on chain.

Rules:
  1. A version goes through the database: prepared with its bytes, sent, confirmed by the chain. Its
     file is there before it is sent, and becomes the current one after it is mined. Wherever a run
     is cut off, the next one finds out what became of it first, and publishes nothing twice.
  2. Every publication shows the header of the version before. If that is no longer the current
     one, the chain is read again. Another process with the same database does no harm: all changes
     are in the new version. A version that this database does not know is a conflict: it may hold
     changes that would be undone. It is reported, and replaced only when that is asked for.
  3. A list is published when its statuses changed, or when less than half of its time is left:
     then silence means that something is wrong.
  4. The owner, a key for all lists or one for this list publishes; keys for revocations do not.
  5. A deactivated identity publishes nothing: verifiers count none of it.

Round trips: one to look at the lists, then those of ``Sender``; one more for each list whose
current version this database does not know.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Protocol

from ethr_did.chain.preparation import Intent
from ethr_did.core.keys import to_checksum_address
from ethr_did.core.signed_status import Publish
from ethr_did.core.status_calls import (
    Header,
    locate_call,
    publish_call,
    publish_many_call,
)
from ethr_did.core.status_entry import ContractId
from ethr_did.core.status_message import (
    StatusRelayMessage,
    choose_status_deadline,
    recover_status_signer,
)
from ethr_did.errors import (
    InvalidOption,
    NotFoundError,
    Reverted,
    SignerError,
    StatusConflict,
    TransactionReplaced,
)
from ethr_did.status.drafting import Drafting, is_running_out, version_of
from ethr_did.status.drafts import Draft, Published, PublishPlan, PublishReport
from ethr_did.status.heads import HeadReader, Heads
from ethr_did.status.stored import ListForm, VersionState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

    from ethr_did.chain.networks import Network
    from ethr_did.chain.receipts import Receipt
    from ethr_did.chain.request import Steps
    from ethr_did.chain.signer import Signer
    from ethr_did.chain.transactions import Sender
    from ethr_did.core.did import EthrDID
    from ethr_did.core.keys import Address
    from ethr_did.core.list_documents import Sign
    from ethr_did.core.status_list import ListId
    from ethr_did.status.list_files import ListFiles
    from ethr_did.status.store import StatusStore
    from ethr_did.status.stored import StoredList

__all__ = ["DEFAULT_TTL", "DEFAULT_VALIDITY", "Publisher"]

DEFAULT_VALIDITY: Final = 7 * 86_400
"""Seconds for which a version is good."""

DEFAULT_TTL: Final = 900
"""Seconds for which readers may keep it without asking again."""

_SHORTEST: Final = 120
"""Seconds: half of it has to be enough for a transaction."""

_GROUP = 100
"""Lists of one transaction: some five million gas."""

_ATTEMPTS = 5
"""Readings after others were faster."""

_RACES = ("", "StaleHeader")
"""Errors of the contract that mean that somebody else was faster; or it is not known what."""


class Door(Protocol):
    """The part of ``Chain`` that is used here."""

    def run(self, steps: Steps[Any]) -> Any:
        """The result of a reading."""


class Publisher:
    """Publishes the lists of one identity that are kept off chain."""

    def __init__(
        self,
        network: Network,
        did: EthrDID,
        store: StatusStore,
        files: ListFiles,
        *,
        chain: Door | None = None,
        sign: Sign | None = None,
        validity: int = DEFAULT_VALIDITY,
        ttl: int = DEFAULT_TTL,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """A publisher; nothing is asked yet.

        Args:
            network: with an anchor registry; that of the DID.
            did: of the issuer.
            store: the database with the statuses.
            files: where the lists are written.
            chain: the way to the nodes; None for that of the network.
            sign: signs the documents; None leaves them unsigned.
            validity: seconds for which a version is good.
            ttl: seconds for which readers may keep it.
            clock: Unix seconds.

        Raises:
            InvalidConfiguration: the network has no anchor registry.
            InvalidOption: a time too short.
        """
        if validity < _SHORTEST or not 0 < ttl <= validity:
            raise InvalidOption(
                f"a list is good for {_SHORTEST} seconds or more, and kept for no longer than that;"
                f" not for {validity} and {ttl}",
                hint="A week and a quarter of an hour are usual.",
            )
        self.did = did
        self.identity = did.address
        self._reader = HeadReader(network, self.identity)
        self.registry = self._reader.address
        self.contract = ContractId(network.chain_id, self.registry)
        self._network = network
        self._store = store
        self._files = files
        self._chain: Door = network.chain() if chain is None else chain
        self._sign = sign
        self._validity = validity
        self._ttl = ttl
        self._clock = clock

    def lists(self, list_ids: Collection[ListId] = ()) -> tuple[StoredList, ...]:
        """The lists of the issuer that are kept off chain, or those of them that are named.

        Raises:
            NotFoundError: one of them is not in the database.
        """
        found = {
            one.list_id: one
            for one in self._store.lists(identity=self.identity, contract=self.contract)
            if one.form is not ListForm.CHAIN
        }
        for list_id in list_ids:
            if list_id not in found:
                raise NotFoundError(
                    f"the list {list_id.text} is none of the lists kept off chain of "
                    f"{self.did.text} in the database",
                    hint="`ethr-did status list show` names them.",
                    list_id=list_id.text,
                )
        return tuple(one for key, one in found.items() if not list_ids or key in set(list_ids))

    # -- what would be done ----------------------------------------------------------------------

    def plan(
        self,
        list_ids: Collection[ListId] = (),
        *,
        sender: Sender,
        force: bool = False,
        overwrite: bool = False,
    ) -> PublishPlan:
        """What ``publish`` would publish now, and its cost. Nothing is sent or written.

        Arguments and errors as ``publish``.
        """
        lists = self.lists(list_ids)
        state = self._read(lists, sender.address)
        drafts = self._drafting(force=force, overwrite=overwrite).drafts(lists, state)
        wanted = {draft.list_id for draft in drafts}
        return PublishPlan(
            identity=self.identity,
            head=state.head,
            drafts=drafts,
            up_to_date=tuple(one.list_id for one in lists if one.list_id not in wanted),
            quote=sender.quote([self._intent(group) for group in _groups(drafts)]),
        )

    # -- publishing ------------------------------------------------------------------------------

    def publish(
        self,
        list_ids: Collection[ListId] = (),
        *,
        sender: Sender,
        force: bool = False,
        overwrite: bool = False,
    ) -> PublishReport:
        """Publishes what has to be: statuses that changed, lists whose time is running out.

        Args:
            list_ids: of the lists; none means all.
            sender: of the transactions.
            force: also lists that need no new version.
            overwrite: also over a version that this database does not know.

        Raises:
            NotFoundError: a list is not in the database.
            NotAuthorized: the sender may not publish one of them.
            DeactivatedError: the identity was given up.
            StatusConflict: somebody else published one of them, with other statuses.
            StoreError: a version could not be kept, or its file not be written.
            TransactionError, SignerError, ChainError: as ``Sender.send``.
        """
        drafting = self._drafting(force=force, overwrite=overwrite)
        return self._publish(self.lists(list_ids), sender, drafting)

    def heartbeat(self, *, sender: Sender, list_ids: Collection[ListId] = ()) -> PublishReport:
        """Publishes the lists of whose time less than half is left; they were published before.

        Arguments and errors as ``publish``.
        """
        lists = self.lists(list_ids)
        drafting = self._drafting()
        state = self._read(lists, sender.address)
        due = [one for one in lists if is_running_out(state.headers[one.list_id], drafting.now)]
        return self._publish(due, sender, drafting)

    def settle(
        self, list_ids: Collection[ListId] = (), *, sender: Sender | None = None
    ) -> tuple[Published, ...]:
        """What the chain has taken since the database last heard of it; files are put right.

        ``publish`` begins with it. Call it where others submit what was signed here.

        Args:
            list_ids: of the lists; none means all.
            sender: whose unfinished transactions are waited for.
        """
        if sender is not None:
            self._await_open(sender)
        lists = self.lists(list_ids)
        return tuple(self._confirm_all(lists, self._read(lists, self.identity)))

    def locate(self, list_id: ListId, *, sender: Sender) -> Receipt:
        """Says on chain where a list is served: a hint for those who know only its id.

        Raises:
            NotAuthorized, NotFoundError, TransactionError, SignerError, ChainError: as ``publish``.
        """
        (stored,) = self.lists([list_id])
        state = self._read([stored], sender.address)
        authority = state.right(list_id)
        data = locate_call(self.identity, authority, list_id, stored.url)
        purpose = f"{to_checksum_address(self.identity)}: list {list_id.text} is at {stored.url}"
        return sender.send(Intent(to=self.registry, data=data, purpose=purpose))

    # -- for a relayer ---------------------------------------------------------------------------

    def sign_relay(
        self,
        signer: Signer,
        list_ids: Collection[ListId] = (),
        *,
        account: Address | None = None,
        deadline: int | None = None,
        lifetime: int | None = None,
        force: bool = False,
        overwrite: bool = False,
    ) -> tuple[StatusRelayMessage, ...]:
        """The publications that are due, each signed for anyone to submit; no gas is needed.

        The versions are prepared and their files written. After they were submitted, ``settle``
        makes them the current ones.

        Args:
            signer: of the owner or of a status key.
            list_ids: of the lists; none means all.
            account: a contract that has the right and accepts the signer's signature; None: the
                signer has the right.
            deadline: Unix seconds of the last block that may take them.
            lifetime: instead, seconds from the newest block; an hour if neither is given.
            force: also lists that need no new version.
            overwrite: also over a version that this database does not know.

        Raises:
            InvalidOption: the deadline has passed or is more than a day away.
            SignerError: it was not signed.
            NotFoundError, NotAuthorized, DeactivatedError, StatusConflict, StoreError, ChainError:
                as ``publish``.
        """
        lists = self.lists(list_ids)
        actor = account or signer.address
        state = self._read(lists, actor)
        self._confirm_all(lists, state)
        chosen = choose_status_deadline(state.head.timestamp, deadline=deadline, lifetime=lifetime)
        drafts = self._drafting(force=force, overwrite=overwrite).drafts(lists, state)
        self._prepare(drafts)
        return tuple(self._signed(draft, signer, actor, chosen) for draft in drafts)

    def _signed(
        self, draft: Draft, signer: Signer, actor: Address, deadline: int
    ) -> StatusRelayMessage:
        message = StatusRelayMessage(
            chain_id=self._network.chain_id,
            contract=self.registry,
            change=Publish(publication=draft.publication),
            signer=actor,
            deadline=deadline,
            signature=b"",
        )
        signed = replace(message, signature=signer.sign_typed_data(message.typed_data()))
        if recover_status_signer(signed) != signer.address:
            raise SignerError(
                f"the signature is not one of {to_checksum_address(signer.address)} over the "
                "publication",
                hint="Check the signer: it used another key, or signed something else.",
            )
        return signed

    # -- in steps --------------------------------------------------------------------------------

    def _drafting(self, *, force: bool = False, overwrite: bool = False) -> Drafting:
        return Drafting(
            store=self._store,
            issuer=self.did.text,
            sign=self._sign,
            validity=self._validity,
            ttl=self._ttl,
            now=int(self._clock()),
            force=force,
            overwrite=overwrite,
        )

    def _publish(
        self, lists: Sequence[StoredList], sender: Sender, drafting: Drafting
    ) -> PublishReport:
        self._await_open(sender)
        left = {one.list_id: one for one in lists}
        done: list[Published] = []
        receipts: list[Receipt] = []
        for _ in range(_ATTEMPTS):
            state = self._read(tuple(left.values()), sender.address)
            done += self._confirm_all(tuple(left.values()), state)
            drafts = drafting.drafts(tuple(left.values()), state)
            wanted = {draft.list_id for draft in drafts}
            for group in _groups(drafts):
                receipt = self._send(group, sender)
                if receipt is None:
                    break
                receipts.append(receipt)
                done += [self._confirm_mined(draft, receipt) for draft in group]
                for draft in group:
                    wanted.remove(draft.list_id)
                    del left[draft.list_id]
            if not wanted:
                return PublishReport(
                    published=tuple(done), up_to_date=tuple(left), receipts=tuple(receipts)
                )
        raise StatusConflict(
            f"others published the same lists {_ATTEMPTS} times in a row, each time a moment "
            "earlier",
            hint="Publish from one place at a time.",
            lists=[list_id.text for list_id in wanted],
        )

    def _send(self, group: Sequence[Draft], sender: Sender) -> Receipt | None:
        """The receipt of one transaction; None if another version came first."""
        self._prepare(group)
        try:
            ((entry, _),) = sender.submit([self._intent(group)])
            for draft in group:
                sent = replace(draft.version, state=VersionState.SENT, tx_hash=entry.tx_hash)
                self._store.record_version(draft.stored, sent)
            return sender.wait(entry.tx_hash)
        except Reverted as failure:
            if failure.facts.get("error", "") not in _RACES:
                raise
            return None

    def _prepare(self, drafts: Sequence[Draft]) -> None:
        for draft in drafts:
            known = {
                (one.version, one.content_digest) for one in self._store.versions(draft.stored)
            }
            if (draft.version.version, draft.version.content_digest) not in known:
                self._store.record_version(draft.stored, draft.version)
            self._files.keep(draft.stored.url, draft.version.content)

    def _intent(self, group: Sequence[Draft]) -> Intent:
        first = group[0]
        if len(group) == 1:
            data = publish_call(first.publication)
            what = f"version {first.version.version} of list {first.list_id.text}"
        else:
            data = publish_many_call([draft.publication for draft in group])
            what = f"{len(group)} lists, {first.list_id.text} first"
        purpose = f"{to_checksum_address(self.identity)}: publish {what}"
        return Intent(to=self.registry, data=data, purpose=purpose)

    def _await_open(self, sender: Sender) -> None:
        """Nothing; what earlier runs sent to the registry is mined, or will never be."""
        address = to_checksum_address(self.registry)
        ours = [e for e in sender.journal.open_entries() if e.tx.get("to") == address]
        if not ours:
            return
        sender.recover()
        for entry in ours:
            try:
                sender.wait(entry.tx_hash)
            except (Reverted, TransactionReplaced):
                continue  # what became of the list, the chain says

    # -- what the chain has ----------------------------------------------------------------------

    def _read(self, lists: Sequence[StoredList], actor: Address) -> Heads:
        known = {
            one.list_id: [
                version.header
                for version in self._store.versions(one)
                if version.state is VersionState.CONFIRMED
            ]
            for one in lists
        }
        heads: Heads = self._chain.run(self._reader.read(known, actor=actor))
        return heads

    def _confirm_all(self, lists: Sequence[StoredList], state: Heads) -> list[Published]:
        found = (self._confirm(one, state.headers[one.list_id]) for one in lists)
        return [one for one in found if one is not None]

    def _confirm(self, stored: StoredList, header: Header) -> Published | None:
        """What is news of a list: its current version, if the database did not know that it is."""
        version = version_of(header, self._store.versions(stored))
        if version is None:
            return None
        confirmed = replace(
            version,
            state=VersionState.CONFIRMED,
            published_at=header.published_at,
            block_number=header.block_number,
        )
        if version.state is not VersionState.CONFIRMED:
            self._store.record_version(stored, confirmed)
        latest = self._store.latest_version(stored)
        if latest is not None and latest.content_digest == header.content_digest:
            self._files.make_current(stored.url, latest.content)
        if version.state is VersionState.CONFIRMED:
            return None
        return Published(stored=stored, version=confirmed)

    def _confirm_mined(self, draft: Draft, receipt: Receipt) -> Published:
        confirmed = replace(
            draft.version,
            state=VersionState.CONFIRMED,
            tx_hash=receipt.tx_hash,
            published_at=receipt.block_timestamp,
            block_number=receipt.block_number,
        )
        self._store.record_version(draft.stored, confirmed)
        self._files.make_current(draft.stored.url, draft.version.content)
        return Published(stored=draft.stored, version=replace(confirmed, content=b""))


def _groups(drafts: Sequence[Draft]) -> Iterator[Sequence[Draft]]:
    """The drafts of each transaction."""
    for start in range(0, len(drafts), _GROUP):
        yield drafts[start : start + _GROUP]

"""Issuers at work for a long time: everything that happens to statuses, at random, with kills.

Writers are processes of their own and are killed by signals in the middle of what they do; owners
and status keys change; others write at the same time; messages are relayed, and tried again. A
plain model of dicts says what has to come of it, and every event on chain is held against it:

* nobody changes what nobody asked for, and nobody without the right changes anything;
* of one job no entry is changed twice, whatever was killed on the way;
* when a job is done, each of its wishes is fulfilled, or reported as a conflict that there is;
* no index is handed out twice, and asking again after a crash gives the same ones;
* in the end chain, database and model agree on every entry.
"""

from __future__ import annotations

import random
import secrets
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from threading import Thread
from typing import TYPE_CHECKING, Any, Self, TypeAlias

from ethr_did.chain.local import LocalAccount, LocalChain, serve
from ethr_did.chain.rpc import Chain
from ethr_did.core.keys import Address
from ethr_did.core.status_delegates import add_status_delegate, revoke_status_delegate
from ethr_did.core.status_entry import ContractId
from ethr_did.core.status_events import RecordChanged, WordChanged, decode_status_log
from ethr_did.core.status_list import INVALID, Authority, ListId, Purpose
from ethr_did.core.status_wishes import RecordWish, Wish
from ethr_did.errors import InvalidOption, InvalidStatusEntry, NotAuthorized, StatusConflict
from ethr_did.status.allocation import Allocator
from ethr_did.status.store import StatusStore
from support.crashing_issuer import Crashes, Ending
from support.issuing import Office
from support.status_chain import deploy_status

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.chain.local.block import Mined
    from ethr_did.core.status_message import StatusRelayMessage
    from ethr_did.status.stored import StoredList

Entry: TypeAlias = "tuple[bytes, ListId | None, int | bytes]"
"""Identity, list and index; or identity, nothing and the key of a record."""

_RULES: tuple[dict[str, Any], ...] = (
    {"purpose": Purpose.SUSPENSION, "bits": 1},
    {"purpose": Purpose.REVOCATION, "bits": 1, "terminal": True},
    {"purpose": Purpose.LIFECYCLE, "bits": 2},
    {"purpose": Purpose.LIFECYCLE, "bits": 2, "terminal": True, "owner_only": True},
)
_CAPACITY = 2048
_KEYS = 6
_STAGES = ("issuer:planned", "issuer:sent", "issuer:mined", "issuer:again")
_SENDER_STAGES = ("sender:signed", "sender:sent", "sender:mined")
_LONGEST_LIFE = 0.4
"""Seconds: most changes take longer than some of this, and less than all of it."""


@dataclass(slots=True, kw_only=True)
class Task:
    """A job of one writer, as the model sees it."""

    identity: LocalAccount
    writer: LocalAccount
    wishes: dict[Entry, int]
    begun: dict[Entry, int]
    """What the entries were when it was decided on them."""
    done: set[Entry] = field(default_factory=set)
    """What the chain says that this job has changed."""
    seen: dict[Entry, set[int]] = field(default_factory=dict)
    """Values that each entry had since."""

    def as_wishes(self) -> list[Wish | RecordWish]:
        """What the issuer is asked for."""
        return [
            RecordWish(key=where, value=value)
            if isinstance(where, bytes)
            else Wish(list_id=list_id, index=where, value=value)  # type: ignore[arg-type]
            for (_, list_id, where), value in self.wishes.items()
        ]


def is_final(entry: Entry, value: int) -> bool:
    """Whether a value of an entry is there for good."""
    list_id = entry[1]
    return value == INVALID and (list_id is None or list_id.is_terminal)


class Soak:
    """One run: a chain, a database, people, a model."""

    def __init__(self, root: Path, *, seed: int) -> None:
        """A run that has not begun.

        Args:
            root: an empty folder.
            seed: of all chances but those of the clock.
        """
        self.dice = random.Random(seed)  # noqa: S311  # repeats itself
        self.counts: dict[str, int] = {}
        """What happened, how often."""
        self.values: dict[Entry, int] = {}
        """The model: entries that are not VALID."""
        self.entries: list[Entry] = []
        """All that were handed out, and the records."""
        self.references: dict[str, tuple[ListId, int]] = {}
        self.owners: dict[bytes, LocalAccount] = {}
        self.grants: set[tuple[bytes, LocalAccount, Authority, ListId | None]] = set()
        self._root = root
        self._stack = ExitStack()
        self._block = 0
        self._tasks: dict[bytes, Task] = {}
        """What each account is doing."""

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        chain = LocalChain()
        server = enter(serve(chain, port=0))
        network = deploy_status(chain)
        door = Chain([server.url], chain_id=chain.chain_id, retries=0)
        self.office = Office(
            chain=chain, network=network, door=enter(door), root=self._root, node=server.url
        )
        self.database = f"sqlite:///{self._root}/status.db"
        self.store = enter(StatusStore(self.database))
        self.allocator = Allocator(self.store, random=secrets.token_bytes)
        self.crashes = [enter(Crashes()), enter(Crashes())]
        self.people = chain.accounts[:6]
        self.lists: list[StoredList] = []
        for identity in self.people[:2]:
            self.owners[identity.address_bytes] = identity
            self._open_lists(identity)
            # One more writer of everything, so that there is always somebody to meet.
            self._grant(identity, self.people[2], Authority.ALL_LISTS, None)
        self._observe()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _open_lists(self, identity: LocalAccount) -> None:
        registry = ContractId(31337, self.office.issuer(identity).reader.address)
        for rules in _RULES:
            made = self.allocator.create_list(
                contract=registry,
                identity=Address(identity.address_bytes),
                now=0,
                capacity=_CAPACITY,
                **rules,
            )
            self.lists.append(made)
        self.entries += [
            (identity.address_bytes, None, bytes([number]) * 32) for number in range(1, _KEYS + 1)
        ]

    # -- steps -----------------------------------------------------------------------------------

    def run(self, steps: int) -> None:
        """Nothing; so many things have happened, and all of them as they have to."""
        acts = [
            (3, self.issue),
            (9, self.change),
            (3, self.duel),
            (2, self.relay),
            (1, self.rotate),
            (1, self.grant),
            (1, self.end_grant),
            (1, self.trespass),
        ]
        self.issue()
        for _ in range(steps):
            (act,) = self.dice.choices([act for _, act in acts], [weight for weight, _ in acts])
            act()
            self._count(act.__name__)

    def _count(self, what: str) -> None:
        self.counts[what] = self.counts.get(what, 0) + 1

    def issue(self) -> None:
        """Hands out entries; whoever is killed asks for the same ones again."""
        stored = self.dice.choice(self.lists)
        first = len(self.references)
        names = [f"credential-{number}" for number in range(first, first + self.dice.randint(1, 8))]
        kill = self.dice.random() < 0.5
        life = self.dice.uniform(0.001, 0.1) if kill else 0
        ending = self.crashes[0].allocate(self.database, stored.list_id, names, die_after=life)
        self._count("killed while issuing" if ending.killed else "issued")
        committed = [self.allocator.find(stored, name) for name in names]
        if ending.killed:
            ending = self.crashes[0].allocate(self.database, stored.list_id, names)
        for name, index, before in zip(names, ending.report, committed, strict=True):
            assert before is None or before.index == index, "another index for the same reference"
            assert (stored.list_id, index) not in self.references.values(), "handed out twice"
            self.references[name] = stored.list_id, index
            self.entries.append((bytes(stored.identity), stored.list_id, index))

    def change(self) -> None:
        """A writer changes statuses, is killed perhaps, others come between, and it goes on."""
        identity = self._issuer()
        task = self._task(identity, self.dice.choice(self._writers(identity)))
        if task is None:
            return
        self._tasks[task.writer.address_bytes] = task
        ending, attempts = self._attempt(task), 1
        while ending.killed and ending.report is None:
            is_open = self._is_open(task)
            if task.done and not is_open:  # it was finished, and could not say so any more
                break
            self._come_between(task)
            if not is_open:  # it is begun only now
                task.begun = {entry: self._value(entry) for entry in task.wishes}
                task.seen.clear()
            attempts += 1
            ending = self._attempt(task, safely=attempts > 4)
        self._conclude(task, ending)
        del self._tasks[task.writer.address_bytes]

    def duel(self) -> None:
        """Two writers change the same statuses at the same time."""
        identity = self._issuer()
        owner = self.owners[identity.address_bytes]
        others = [
            account
            for whose, account, authority, _ in self.grants
            if (whose, authority) == (identity.address_bytes, Authority.ALL_LISTS)
            and account != owner
        ]
        if not others:
            return
        first = self._task(identity, owner)
        if first is None:
            return
        writer = self.dice.choice(sorted(others, key=lambda account: account.address))
        second = self._task(identity, writer, beside=first)
        if second is None:
            return
        tasks = [first, second]
        for task in tasks:
            self._tasks[task.writer.address_bytes] = task
        endings: dict[int, Ending] = {}

        def fight(number: int) -> None:
            endings[number] = self._ask(tasks[number], self.crashes[number])

        threads = [Thread(target=fight, args=(number,)) for number in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self._observe()
        for number, task in enumerate(tasks):
            ending = endings[number]
            if ending.error is not None:
                assert ending.error["code"] == StatusConflict.code, ending.error
                self._count("gave way")
                ending = self._attempt(task, safely=True)
            self._check_report(task, ending)
            del self._tasks[task.writer.address_bytes]

    def relay(self) -> None:
        """Somebody signs, somebody else submits, and somebody tries it again."""
        identity = self._issuer()
        task = self._task(identity, self.dice.choice(self._writers(identity)))
        if task is None:
            return
        issuer = self.office.issuer(identity)
        messages = issuer.sign(task.as_wishes(), self.office.signer(task.writer))
        self.dice.shuffle(found := list(messages))
        relayer = self.people[5]
        self.office.chain.mine()  # what a message expects has to be of an earlier block
        task.writer = relayer
        self._tasks[relayer.address_bytes] = task
        for message in found:
            issuer.submit(message, self.office.sender(relayer))
            self._observe()
            self.office.chain.mine()
        for entry, value in task.wishes.items():
            assert self._value(entry) == value
        if found and self.dice.random() < 0.5:
            self._replay(self.dice.choice(found), identity)
        del self._tasks[relayer.address_bytes]

    def _replay(self, message: StatusRelayMessage, identity: LocalAccount) -> None:
        before = dict(self.values)
        try:
            self.office.issuer(identity).submit(message, self.office.sender(self.people[4]))
        except StatusConflict:
            self._count("replay refused")
        else:
            self._count("replay without effect")
        self._observe()
        assert self.values == before

    def rotate(self) -> None:
        """An identity gets another owner."""
        identity = self._issuer()
        owner = self.owners[identity.address_bytes]
        taker = self.dice.choice([one for one in self.people[:4] if one != owner])
        self.office.give(identity, Address(taker.address_bytes), by=owner)
        self.owners[identity.address_bytes] = taker

    def grant(self) -> None:
        """The owner makes somebody a status key."""
        identity = self._issuer()
        authority = self.dice.choice([Authority.ALL_LISTS, *list(Authority)[1:]])
        mine = [one.list_id for one in self.lists if one.identity == identity.address_bytes]
        list_id = self.dice.choice(mine) if authority is Authority.ONE_LIST else None
        self._grant(identity, self.dice.choice(self.people[:4]), authority, list_id)

    def _grant(
        self,
        identity: LocalAccount,
        account: LocalAccount,
        authority: Authority,
        list_id: ListId | None,
    ) -> None:
        change = add_status_delegate(Address(account.address_bytes), authority, list_id=list_id)
        self.office.change(identity, change, by=self.owners[identity.address_bytes])
        self.grants.add((identity.address_bytes, account, authority, list_id))

    def end_grant(self) -> None:
        """The owner takes a status key back."""
        if not self.grants:
            return
        grant = self.dice.choice(sorted(self.grants, key=repr))
        whose, account, authority, list_id = grant
        identity = next(one for one in self.people if one.address_bytes == whose)
        change = revoke_status_delegate(Address(account.address_bytes), authority, list_id=list_id)
        self.office.change(identity, change, by=self.owners[whose])
        self.office.chain.mine()  # it ends in the second of its block, not before it
        self.grants.remove(grant)

    def trespass(self) -> None:
        """Somebody without a right tries."""
        identity = self._issuer()
        stranger = self.people[4]
        task = self._task(identity, stranger)
        if task is None:
            return
        before = self.office.chain.head.number
        try:
            self.office.issuer(identity).apply(task.as_wishes(), self.office.sender(stranger))
        except NotAuthorized:
            assert self.office.chain.head.number == before
        else:
            raise AssertionError("a stranger wrote")

    # -- writers ---------------------------------------------------------------------------------

    def _issuer(self) -> LocalAccount:
        return self.dice.choice(self.people[:2])

    def _writers(self, identity: LocalAccount) -> list[LocalAccount]:
        """Whoever may write something, the owner most often."""
        owner = self.owners[identity.address_bytes]
        keys = {who for whose, who, *_ in self.grants if whose == identity.address_bytes}
        return [owner, owner, *sorted(keys, key=lambda account: account.address)]

    def _task(
        self, identity: LocalAccount, writer: LocalAccount, *, beside: Task | None = None
    ) -> Task | None:
        """Wishes that the writer has the right to, or that nobody gave it; None: there are none.

        Args:
            identity: of the issuer.
            writer: who is to carry them out.
            beside: of another writer, whose entries are wished for, too.
        """
        whose = identity.address_bytes
        mine = [entry for entry in self.entries if entry[0] == whose]
        chosen = self.dice.sample(mine, min(len(mine), self.dice.randint(1, 14)))
        if beside is not None:
            chosen = [*dict.fromkeys([*chosen[:3], *beside.wishes])]
        wishes = {entry: self._wish(entry) for entry in chosen}
        is_stranger = writer == self.people[4]
        allowed = {
            entry: value
            for entry, value in wishes.items()
            if not is_final(entry, self._value(entry))
            and value != self._value(entry)
            and (is_stranger or self._may(writer, entry, value))
        }
        begun = {entry: self._value(entry) for entry in allowed}
        if not allowed:
            return None
        return Task(identity=identity, writer=writer, wishes=allowed, begun=begun)

    def _wish(self, entry: Entry) -> int:
        list_id = entry[1]
        values = range(2) if list_id is not None and list_id.bits == 1 else range(4)
        return self.dice.choice(values)

    def _may(self, writer: LocalAccount, entry: Entry, value: int) -> bool:
        whose, list_id, _ = entry
        if self.owners[whose] == writer:
            return True
        if list_id is not None and self._is_owners(list_id):
            return False
        held = {
            (authority, one)
            for who, account, authority, one in self.grants
            if (who, account) == (whose, writer)
        }
        return (
            (Authority.ALL_LISTS, None) in held
            or (list_id is not None and (Authority.ONE_LIST, list_id) in held)
            # A key for revocations serves a list only if nothing else is wished there: the model
            # leaves that to records and lists where INVALID is all there is to wish.
            or ((Authority.REVOCATION_ONLY, None) in held and self._only_revokes(entry, value))
        )

    def _only_revokes(self, entry: Entry, value: int) -> bool:
        list_id = entry[1]
        return (
            value == INVALID and list_id is not None and list_id.bits == 1 and list_id.is_terminal
        )

    def _is_owners(self, list_id: ListId) -> bool:
        return bool(list_id.value[3] & 2)

    # -- attempts --------------------------------------------------------------------------------

    def _attempt(self, task: Task, *, safely: bool = False) -> Ending:
        """One process at the task, killed perhaps; and what the chain says afterwards."""
        options: dict[str, Any] = {}
        if not safely:
            chance = self.dice.random()
            if chance < 0.4:
                options["die_at"] = self.dice.choice(_STAGES + _SENDER_STAGES)
                options["times"] = self.dice.randint(1, 2)
            elif chance < 0.8:
                options["die_after"] = self.dice.uniform(0.005, _LONGEST_LIFE)
            options["in_flight"] = self.dice.randint(1, 3)
        ending = self._ask(task, self.crashes[0], **options)
        self._count("killed while changing" if ending.killed else "changed")
        self._observe()
        return ending

    def _ask(self, task: Task, crashes: Crashes, **options: Any) -> Ending:
        return crashes.run(self.office, task.identity, task.writer, task.as_wishes(), **options)

    def _is_open(self, task: Task) -> bool:
        issuer = self.office.issuer(task.identity)
        return bool(issuer.open_jobs(self.office.sender(task.writer)))

    def _come_between(self, task: Task) -> None:
        """Others write, or the owner changes, while a job lies there."""
        chance = self.dice.random()
        if chance < 0.2 and task.writer == self.owners[task.identity.address_bytes]:
            before = self.owners[task.identity.address_bytes]
            taker = self.dice.choice([one for one in self.people[:4] if one != before])
            # Sent by another account's hand only: the writer's own transactions wait for their turn.
            if not self.office.sender(before).journal.open_entries():
                self.office.give(task.identity, Address(taker.address_bytes), by=before)
                self.owners[task.identity.address_bytes] = taker
                self._count("owner changed between")
        elif chance < 0.8:
            others = [who for who in self._writers(task.identity) if who != task.writer]
            if not others:
                return
            other = self._task(task.identity, self.dice.choice(others), beside=task)
            if other is None:
                return
            self._tasks[other.writer.address_bytes] = other
            self._conclude(other, self._attempt(other, safely=True))
            del self._tasks[other.writer.address_bytes]
            self._count("others came between")

    # -- what has to come of it ------------------------------------------------------------------

    def _conclude(self, task: Task, ending: Ending) -> None:
        """Holds the end of a job against the model."""
        if ending.error is not None and ending.error["code"] == InvalidStatusEntry.code:
            # It was killed before it had decided on anything, and then others revoked for good.
            assert task.done == set()
            assert any(
                is_final(entry, self._value(entry)) and self._value(entry) != wished
                for entry, wished in task.wishes.items()
            )
            self._count("could not be any more")
            return
        if ending.error is not None:
            self._give_up(task, ending.error)
            return
        conflicts, either = set(), set()
        for entry, wished in task.wishes.items():
            # What the job changed is settled; what happened to it since is somebody else's matter.
            now = self._value(entry)
            if entry in task.done or now == wished:
                continue
            if wished in task.seen.get(entry, ()):
                either.add(entry)  # others did as wished, and something else later
                continue
            assert not is_final(entry, wished), f"{entry} was not revoked"
            assert now != task.begun[entry], (f"{entry} was lost", task, ending)
            conflicts.add(entry)
        self._count("with conflicts" if conflicts else "without conflicts")
        if ending.report is not None:
            assert conflicts <= self._conflicts_of(task, ending.report) <= conflicts | either
            # A final revocation that was on its way when others made the same counts as changed.
            same = {
                entry
                for entry, wished in task.wishes.items()
                if entry not in task.done and is_final(entry, wished)
            }
            more = ending.report["changed"] - len(task.done)
            assert 0 <= more <= len(same), (more, same, task, ending.report)
            assert ending.report["unchanged"] >= 0

    def _check_report(self, task: Task, ending: Ending) -> None:
        """Holds a report against what others did at the same time."""
        assert ending.report is not None, ending
        conflicts = self._conflicts_of(task, ending.report)
        for entry, wished in task.wishes.items():
            had = task.seen.get(entry, set()) | {task.begun[entry]}
            if entry in conflicts:
                assert entry not in task.done
                assert had - {wished}, f"{entry} is no conflict"
                self._count("conflict in a duel")
            else:
                assert entry in task.done or wished in had, f"{entry} was lost"

    def _conflicts_of(self, task: Task, report: dict[str, Any]) -> set[Entry]:
        by_name = {
            (None if list_id is None else list_id.text, where): (whose, list_id, where)
            for whose, list_id, where in task.wishes
        }
        return {
            by_name[one["listId"], one["index"]]
            if "listId" in one
            else by_name[None, bytes.fromhex(one["key"][2:])]
            for one in report["conflicts"]
        }

    def _give_up(self, task: Task, error: dict[str, Any]) -> None:
        """The owner changed under the writer's hands: what was done stays, the rest is left."""
        assert error["code"] == NotAuthorized.code, error
        self._count("lost its right")
        issuer, sender = self.office.issuer(task.identity), self.office.sender(task.writer)
        for name in issuer.open_jobs(sender):
            with suppress(InvalidOption):  # a job of the other identity
                issuer.abandon(name, sender)
        self._observe()

    # -- the chain -------------------------------------------------------------------------------

    def _value(self, entry: Entry) -> int:
        return self.values.get(entry, 0)

    def _observe(self) -> None:
        """Takes every event since the last time into the model, and checks whose it is."""
        blocks = self.office.chain.ledger.blocks
        for block in blocks[self._block :]:
            for mined in block.transactions:
                for event in self._events(block.number, block.hash, mined):
                    self._take(event, mined.transaction.sender)
        self._block = len(blocks)

    def _events(self, number: int, block_hash: bytes, mined: Mined) -> list[Any]:
        address = self.office.issuer(self.people[0]).reader.address
        return [
            decode_status_log(
                {
                    "address": "0x" + log.address.hex(),
                    "topics": ["0x" + topic.hex() for topic in log.topics],
                    "data": "0x" + log.data.hex(),
                    "blockNumber": hex(number),
                    "blockHash": "0x" + block_hash.hex(),
                    "transactionHash": "0x" + mined.transaction.hash.hex(),
                    "logIndex": hex(log.index),
                }
            )
            for log in mined.logs
            if log.address == address
        ]

    def _take(self, event: WordChanged | RecordChanged, sender: bytes) -> None:
        for entry, value in self._changes(event).items():
            task = self._tasks.get(sender)
            assert task is not None, f"{sender.hex()} was not asked to write"
            assert task.wishes.get(entry) == value, f"nobody asked for {entry} to be {value}"
            assert entry not in task.done, f"{entry} was changed twice"
            assert not is_final(entry, self._value(entry)), f"{entry} was final"
            task.done.add(entry)
            for other in self._tasks.values():
                if entry in other.wishes:
                    other.seen.setdefault(entry, set()).add(value)
            self.values[entry] = value
            if not value:
                del self.values[entry]

    def _changes(self, event: WordChanged | RecordChanged) -> dict[Entry, int]:
        """Entries and records that an event changes, with their new values."""
        whose = bytes(event.identity)
        if isinstance(event, RecordChanged):
            entry: Entry = (whose, None, event.key)
            return {entry: event.record.value}
        list_id = event.list_id
        first = event.word * list_id.entries_per_word
        found: dict[Entry, int] = {}
        for place in range(list_id.entries_per_word):
            shift = place * list_id.bits
            before = event.previous_word.value_at(shift, bits=list_id.bits)
            after = event.stored.value_at(shift, bits=list_id.bits)
            entry = (whose, list_id, first + place)
            assert before == self._value(entry)
            if before != after:
                found[entry] = after
        return found

    # -- the end ---------------------------------------------------------------------------------

    def check(self) -> None:
        """Chain, database and model agree; nothing is left undone."""
        for stored in self.lists:
            self._check_list(stored)
        for identity in self.people[:2]:
            for number in range(1, _KEYS + 1):
                key = bytes([number]) * 32
                value = self.office.record(identity, key).value
                assert value == self._value((identity.address_bytes, None, key))
        for account in self.people:
            sender = self.office.sender(account)
            assert sender.recover() == []
            issuer = self.office.issuer(self.people[0])
            assert issuer.open_jobs(sender) == []
        handed_out = list(self.references.values())
        assert len(set(handed_out)) == len(handed_out)

    def _check_list(self, stored: StoredList) -> None:
        identity = next(one for one in self.people if one.address_bytes == stored.identity)
        list_id = stored.list_id
        words = self.office.words(identity, list_id)
        for index in range(list_id.capacity):
            word, shift = list_id.position_of(index)
            value = words[word].value_at(shift, bits=list_id.bits)
            assert value == self._value((identity.address_bytes, list_id, index))
        mine = {name: index for name, (one, index) in self.references.items() if one == list_id}
        for name, index in mine.items():
            found = self.allocator.find(stored, name)
            assert found is not None
            assert found.index == index
        (now,) = [one for one in self.store.lists() if one.list_id == list_id]
        assert now.position >= len(mine)
        assert all(index in mine.values() for _, one, index in self.values if one == list_id)

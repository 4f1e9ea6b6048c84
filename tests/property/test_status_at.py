"""Whatever issuers and their delegates did, a verifier finds the status of every past block.

Random changes of two issuers, of their delegates and of their owners are written to a real chain
and to a plain model: a dict of values for each block. At the end the verifier's reader is asked
for every entry and record at every block, by number and by time, through a node that keeps no
old state. Issuers give up their identity on the way and go on writing; that does not count.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from ethr_did.chain.local import LocalChain
from ethr_did.core.changes import AddDelegate
from ethr_did.core.keys import parse_address
from ethr_did.core.status_list import ALL_LISTS, Authority, Flag, Purpose
from ethr_did.status.reading import StatusQuestion
from support.status_chain import deploy_status
from support.status_node import Refusal, StatusNode
from support.status_stage import DAY, StatusStage, list_id

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from ethr_did.core.status_list import ListId
    from ethr_did.status.reading import StatusOptions

LISTS = [
    list_id(),
    list_id(Purpose.LIFECYCLE, bits=2),
    list_id(Purpose.LIFECYCLE, bits=8, flags=Flag.TERMINAL),
]
INDEXES = [0, 25, 26, 103, 207, 208]
"""The last entries of a word and the first of the next one, for each width."""
SALTS = [b"\x11" * 32, b"\x22" * 32]
DIGEST = b"\x0d" * 32
DELEGATE = 5
"""Number of an account that owns nothing."""

Place = tuple[str, bytes, int]
"""Identity, list id or salt, index."""


@functools.cache
def stage() -> StatusStage:
    chain = LocalChain()
    return StatusStage(chain=chain, network=deploy_status(chain))


def setup_module() -> None:
    # py-evm raises the recursion limit when it is imported; Hypothesis objects if that happens
    # while it counts.
    stage()


@dataclass
class Model:
    """What holds now, and after each block."""

    values: dict[Place, int] = field(default_factory=dict)
    given_up: set[str] = field(default_factory=set)
    past: list[tuple[int, int, dict[Place, int]]] = field(default_factory=list)
    """Number and time of a block, and the values after it."""

    def set(self, place: Place, value: int) -> None:
        if place[0] not in self.given_up:
            self.values[place] = value


values = st.integers(0, 3)
places = st.tuples(st.sampled_from(LISTS), st.sampled_from(INDEXES))
issuers = st.sampled_from([0, 1])


class PastMachine(RuleBasedStateMachine):
    """Writes to both; compares every block at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.stage = stage()
        self.mark = self.stage.chain.snapshot()
        self.model = Model()
        self.owners = {0: 0, 1: 1}
        self.close()

    @property
    def accounts(self) -> tuple[LocalAccount, ...]:
        return self.stage.chain.accounts

    def close(self) -> None:
        """Writes down what holds after the newest block."""
        found = dict(self.model.values)
        self.model.past.append((self.stage.head, self.stage.now, found))

    def write(self, issuer: int, listed: ListId, index: int, value: int, *, by: int) -> None:
        """One change; the contract may refuse it, and then nothing changes."""
        who = self.accounts[issuer]
        value %= 1 << listed.bits
        place = (who.address, listed.value, index)
        before = self.on_chain(place)
        final = listed.is_terminal and before == 1 and value != 1
        if final:
            return
        authority = Authority.OWNER if by == self.owners[issuer] else Authority.ALL_LISTS
        self.stage.set_status(who, listed, index, value, by=self.accounts[by], authority=authority)
        self.stored[place] = value
        self.model.set(place, value)

    @functools.cached_property
    def stored(self) -> dict[Place, int]:
        """What the contract has, whether it counts or not."""
        return {}

    def on_chain(self, place: Place) -> int:
        return self.stored.get(place, 0)

    @rule(issuer=issuers, place=places, value=values)
    def set_status(self, issuer: int, place: tuple[ListId, int], value: int) -> None:
        self.write(issuer, *place, value, by=self.owners[issuer])
        self.close()

    @rule(issuer=issuers, place=places, value=values)
    def set_status_as_delegate(self, issuer: int, place: tuple[ListId, int], value: int) -> None:
        who = self.accounts[issuer]
        change = AddDelegate(
            delegate_type=ALL_LISTS,
            delegate=parse_address(self.accounts[DELEGATE].address),
            validity=DAY,
        )
        self.stage.change(who, change, by=self.accounts[self.owners[issuer]])
        self.close()
        self.write(issuer, *place, value, by=DELEGATE)
        self.close()

    @rule(
        issuer=issuers,
        changes=st.lists(st.tuples(places, values), min_size=2, max_size=4),
        ends=st.booleans(),
    )
    def many_in_one_block(
        self, issuer: int, changes: list[tuple[tuple[ListId, int], int]], *, ends: bool
    ) -> None:
        """Several changes of one block; perhaps the issuer gives up in the midst of them."""
        middle = len(changes) // 2
        owner = self.owners[issuer]
        with self.stage.one_block():
            for number, (place, value) in enumerate(changes):
                if ends and number == middle:
                    self.give_up(issuer)
                    if owner != issuer:
                        break  # who gave it up cannot write any more
                self.write(issuer, *place, value, by=self.owners[issuer])
            self.stage.chain.mine()
        self.close()

    def give_up(self, issuer: int) -> None:
        who = self.accounts[issuer]
        self.stage.deactivate(who, by=self.accounts[self.owners[issuer]])
        self.owners[issuer] = issuer
        self.model.given_up.add(who.address)

    @rule(
        issuer=issuers, salt=st.sampled_from(SALTS), wanted=st.lists(values, min_size=1, max_size=3)
    )
    def set_record(self, issuer: int, salt: bytes, wanted: list[int]) -> None:
        who = self.accounts[issuer]
        if self.owners[issuer] != issuer:
            return
        place = (who.address, salt, 0)
        with self.stage.one_block():
            for value in wanted:
                if self.on_chain(place) != 1:
                    self.stage.set_record(who, salt, DIGEST, value)
                    self.stored[place] = value
                    self.model.set(place, value)
            self.stage.chain.mine()
        self.close()

    @rule(issuer=issuers, heir=st.sampled_from([2, 3]))
    def change_owner(self, issuer: int, heir: int) -> None:
        self.stage.change_owner(
            self.accounts[issuer], self.accounts[heir], by=self.accounts[self.owners[issuer]]
        )
        self.owners[issuer] = heir
        self.close()

    @rule(seconds=st.integers(1, 1000))
    def time_passes(self, seconds: int) -> None:
        self.stage.chain.advance(seconds)
        self.stage.chain.mine()
        self.close()

    # Looking back

    def teardown(self) -> None:
        try:
            self.compare()
        finally:
            self.stage.chain.revert(self.mark)

    def compare(self) -> None:
        self.stage.node = node = StatusNode(self.stage.chain)
        node.remember = True
        node.rewrite["eth_call"] = self.without_old_state
        touched = {place for _, _, found in self.model.past for place in found} | {
            (self.accounts[0].address, LISTS[0].value, 5)
        }
        asked = sorted(touched)
        with self.stage.reader() as reader:
            questions = [self.question(place) for place in asked]
            for number, time, found in self.model.past:
                expected = [found.get(place, 0) for place in asked]
                for options in self.moments(number, time):
                    statuses = reader.read_statuses(questions, **options)
                    assert [status.value for status in statuses] == expected, options
            assert [s.value for s in reader.read_statuses(questions)] == expected

    def moments(self, number: int, time: int) -> list[StatusOptions]:
        """The same moment, said in both ways; of blocks of one second the last one's."""
        found: list[StatusOptions] = [{"at_block": number}]
        if number == max(n for n, at, _ in self.model.past if at == time):
            found.append({"at_time": time})
        return found

    def question(self, place: Place) -> StatusQuestion:
        address, id_, index = place
        listed = next((one for one in LISTS if one.value == id_), None)
        entry: Any = self.stage.record(id_)
        if listed is not None:
            entry = self.stage.entry(listed, index)
        issuer = f"did:ethr:{self.stage.network.name}:{address}"
        return StatusQuestion(entry=entry, issuer=issuer, digest=DIGEST)

    def without_old_state(self, params: Any, result: Any) -> Any:
        at = params[-1]
        if isinstance(at, str) and at.startswith("0x") and int(at, 16) < self.stage.head - 2:
            raise Refusal("missing trie node")
        return result


TestPast = PastMachine.TestCase
TestPast.settings = settings(
    max_examples=15,
    stateful_step_count=20,
    deadline=None,
    report_multiple_bugs=False,
    suppress_health_check=[HealthCheck.too_slow],
)

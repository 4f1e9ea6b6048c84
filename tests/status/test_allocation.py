"""Indexes are handed out once: by threads, by processes, after a kill, on both databases."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ethr_did.core.keys import Address
from ethr_did.core.status_entry import (
    Anchor,
    BitstringEntry,
    ContractId,
    ListEntry,
    StatusMessage,
    TokenEntry,
)
from ethr_did.core.status_list import Flag, ListId, Purpose
from ethr_did.errors import InvalidOption, InvalidStatusEntry, InvalidStatusList, StoreError
from ethr_did.status.allocation import Allocation, Allocator
from ethr_did.status.store import StatusStore
from ethr_did.status.stored import ListForm, StoredList

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CONTRACT = ContractId(1, Address(b"\x0c" * 20))
IDENTITY = Address(b"\xaa" * 20)
URL = "https://issuer.example/statuses/1"
NOW = 1_750_000_000
TESTS = Path(__file__).parent.parent


def dice(seed: int = 0) -> Callable[[int], bytes]:
    """Chance that repeats itself."""
    return random.Random(seed).randbytes  # noqa: S311  # tests repeat


@pytest.fixture
def store(database_url: str) -> Iterator[StatusStore]:
    with StatusStore(database_url) as opened:
        yield opened


@pytest.fixture
def allocator(store: StatusStore) -> Allocator:
    return Allocator(store, random=dice())


def create(allocator: Allocator, **rules: Any) -> StoredList:
    """A list on chain for revocation, unless other rules are named."""
    usual: dict[str, Any] = {"purpose": Purpose.REVOCATION, "capacity": 8192}
    return allocator.create_list(
        contract=CONTRACT, identity=IDENTITY, now=NOW, **{**usual, **rules}
    )


def anchored(allocator: Allocator, **rules: Any) -> StoredList:
    usual: dict[str, Any] = {"form": ListForm.BITSTRING, "url": URL, "capacity": 2**17}
    return create(allocator, **{**usual, **rules})


def names(made: list[Allocation]) -> list[tuple[ListId, int]]:
    return [(found.list.list_id, found.index) for found in made]


# -- lists ---------------------------------------------------------------------------------------


def test_a_list_has_the_rules_that_were_asked_for(allocator: Allocator) -> None:
    made = create(allocator, purpose=Purpose.LIFECYCLE, bits=2, terminal=True, owner_only=True)
    assert made.list_id.purpose is Purpose.LIFECYCLE
    assert (made.list_id.bits, made.list_id.capacity) == (2, 8192)
    assert made.list_id.flags == Flag.TERMINAL | Flag.OWNER_ONLY
    assert (made.form, made.url, made.created_at) == (ListForm.CHAIN, "", NOW)


@pytest.mark.parametrize(
    ("form", "flags"),
    [
        (ListForm.BITSTRING, Flag.ANCHORED),
        (ListForm.TOKEN, Flag.ANCHORED | Flag.LSB_FIRST),
    ],
)
def test_lists_kept_off_chain_have_the_bit_order_of_their_form(
    allocator: Allocator, form: ListForm, flags: Flag
) -> None:
    assert anchored(allocator, form=form).list_id.flags == flags


def test_lists_have_ids_of_their_own(allocator: Allocator) -> None:
    assert create(allocator).list_id != create(allocator).list_id


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"bits": 3}, "an entry has 1, 2, 4 or 8 bits"),
        ({"capacity": 1000}, "a power of two"),
        ({"url": URL}, "a list on chain has no address"),
        ({"messages": [StatusMessage(value=0, message="")]}, "only W3C lists carry messages"),
        ({"form": ListForm.TOKEN}, "not an address for a status list: ''"),
        ({"form": ListForm.TOKEN, "url": "http://a.example/1"}, "not an address"),
        ({"form": ListForm.TOKEN, "url": "https://" + "a" * 2041}, "not an address"),
        ({"form": ListForm.BITSTRING, "url": URL}, "131,072 entries at least, not 8,192"),
    ],
)
def test_rules_that_cannot_be_are_refused(
    allocator: Allocator, store: StatusStore, rules: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidStatusList, match=message):
        create(allocator, **rules)
    assert store.lists() == ()


def test_w3c_lists_of_several_bits_say_what_their_values_mean(allocator: Allocator) -> None:
    made = anchored(allocator, bits=2, purpose=Purpose.LIFECYCLE)
    assert [(found.value, found.message) for found in made.messages] == [
        (0, "valid"),
        (1, "revoked"),
        (2, "suspended"),
        (3, "status 3"),
    ]
    assert anchored(allocator).messages == ()


def test_messages_of_a_w3c_list_are_the_issuers(allocator: Allocator) -> None:
    given = [StatusMessage(value=value, message=word) for value, word in enumerate(("on", "off"))]
    assert anchored(allocator, messages=given).messages == tuple(given)
    with pytest.raises(InvalidStatusList, match="1 messages do not say what each of the 2 values"):
        anchored(allocator, messages=given[:1])


def test_a_list_made_elsewhere_can_be_adopted(allocator: Allocator) -> None:
    list_id = ListId.build(purpose=Purpose.REVOCATION, bits=1, capacity=256, random=bytes(27))
    where: dict[str, Any] = {"contract": CONTRACT, "identity": IDENTITY, "now": NOW}
    assert allocator.adopt_list(list_id, form=ListForm.CHAIN, **where).list_id == list_id
    for form in (ListForm.BITSTRING, ListForm.TOKEN):
        with pytest.raises(InvalidStatusList, match=f"not the id of a list of the form {form}"):
            allocator.adopt_list(list_id, form=form, url=URL, **where)


# -- entries -------------------------------------------------------------------------------------


def test_an_entry_is_ready_for_the_credential(allocator: Allocator) -> None:
    stored = create(allocator)
    (made,) = allocator.allocate(stored, now=NOW)
    assert made.entry == ListEntry(registry=CONTRACT, list_id=stored.list_id, index=made.index)
    assert made.to_dict() == {
        "listId": stored.list_id.text,
        "index": made.index,
        "entry": made.entry.to_dict(),
    }


def test_entries_of_lists_kept_off_chain_name_their_anchor(allocator: Allocator) -> None:
    stored = anchored(allocator)
    (made,) = allocator.allocate(stored, now=NOW, references=["credential 7"])
    anchor = Anchor(registry=CONTRACT, list_id=stored.list_id)
    assert made.entry == BitstringEntry(
        list_url=URL, index=made.index, purpose=Purpose.REVOCATION, anchor=anchor
    )
    assert made.to_dict()["reference"] == "credential 7"
    token = anchored(allocator, form=ListForm.TOKEN)
    (made,) = allocator.allocate(token, now=NOW)
    anchor = Anchor(registry=CONTRACT, list_id=token.list_id)
    assert made.entry == TokenEntry(uri=URL, index=made.index, anchor=anchor)


def test_no_entry_is_handed_out_twice(allocator: Allocator) -> None:
    stored = create(allocator)
    made = [found for at in (1, 7, 500, 1) for found in allocator.allocate(stored, at, now=NOW)]
    assert len({found.index for found in made}) == 509
    assert max(found.index for found in made) < 20 * 208


def test_the_page_is_filled_before_the_next_one_is_begun(allocator: Allocator) -> None:
    stored = create(allocator)
    first = {found.index for found in allocator.allocate(stored, 4160, now=NOW)}
    assert first == set(range(4160))
    (after,) = allocator.allocate(stored, now=NOW)
    assert after.index >= 4160


def test_what_an_outsider_sees_does_not_tell_the_next(store: StatusStore) -> None:
    orders = []
    for seed in (1, 2):
        allocator = Allocator(store, random=dice(seed))
        made = allocator.allocate(create(allocator), 50, now=NOW)
        orders.append([found.index for found in made])
    assert orders[0] != orders[1]


def test_ten_thousand_are_handed_out_at_once(allocator: Allocator) -> None:
    made = allocator.allocate(create(allocator, capacity=2**17), 10_000, now=NOW)
    assert len({found.index for found in made}) == 10_000


@pytest.mark.parametrize("wanted", [0, -1, 1_000_001])
def test_impossible_counts_are_refused(allocator: Allocator, wanted: int) -> None:
    with pytest.raises(InvalidOption, match="cannot be handed out at once"):
        allocator.allocate(create(allocator), wanted, now=NOW)


# -- references ----------------------------------------------------------------------------------


def test_the_same_reference_is_the_same_entry(allocator: Allocator) -> None:
    stored = create(allocator)
    first = allocator.allocate(stored, now=NOW, references=["a", "b"])
    again = allocator.allocate(stored, now=NOW, references=["c", "b", "a"])
    assert [names(again)[at] for at in (2, 1)] == names(first)
    assert len(set(names(again))) == 3
    assert (found := allocator.find(stored, "b")) is not None
    assert names([found]) == names(again)[1:2]
    assert allocator.find(stored, "d") is None


def test_in_a_transaction_of_the_callers_entries_are_handed_out_with_it_or_not_at_all(
    store: StatusStore, allocator: Allocator
) -> None:
    stored = create(allocator)
    with pytest.raises(RuntimeError), store.writing() as connection:  # noqa: PT012 - ends with it
        lost = allocator.allocate_in(connection, stored, ["a", "b"], now=NOW)
        raise RuntimeError
    assert allocator.find(stored, "a") is None
    with store.writing() as connection:
        made = allocator.allocate_in(connection, stored, ["b", "c"], now=NOW)
        again = allocator.allocate_in(connection, stored, ["c"], now=NOW)
    assert names(again) == names(made)[1:]
    assert names(made) == names(lost)
    assert names(allocator.allocate(stored, now=NOW, references=["b", "c"])) == names(made)
    with store.writing() as connection, pytest.raises(InvalidOption, match="given twice"):
        allocator.allocate_in(connection, stored, ["d", "d"], now=NOW)


def test_very_many_references_are_known_again(allocator: Allocator) -> None:
    stored = create(allocator)
    references = [f"credential {number}" for number in range(1500)]
    first = allocator.allocate(stored, now=NOW, references=references)
    again = allocator.allocate(stored, now=NOW, references=references[::-1])
    assert names(again) == names(first)[::-1]
    assert [found.reference for found in first] == references


def test_a_credential_has_an_entry_in_each_row_of_lists(allocator: Allocator) -> None:
    revocation, suspension = create(allocator), create(allocator, purpose=Purpose.SUSPENSION)
    (first,) = allocator.allocate(revocation, now=NOW, references=["a"])
    (second,) = allocator.allocate(suspension, now=NOW, references=["a"])
    assert first.list.list_id != second.list.list_id


@pytest.mark.parametrize("reference", ["", "a" * 513, "a\nb", "a\0"])
def test_what_is_no_reference_is_refused(allocator: Allocator, reference: str) -> None:
    stored = create(allocator)
    with pytest.raises(InvalidOption, match="not a reference"):
        allocator.allocate(stored, now=NOW, references=["good", reference])
    assert allocator.find(stored, "good") is None


def test_a_reference_given_twice_at_once_is_a_mistake(allocator: Allocator) -> None:
    with pytest.raises(InvalidOption, match="the reference 'b' is given twice"):
        allocator.allocate(create(allocator), now=NOW, references=["a", "b", "b"])


# -- full lists ----------------------------------------------------------------------------------


def test_a_full_list_hands_out_nothing(allocator: Allocator, store: StatusStore) -> None:
    stored = create(allocator, capacity=16)
    with pytest.raises(StoreError, match="is full") as caught:
        allocator.allocate(stored, 17, now=NOW)
    assert "roll_over" in caught.value.hint
    assert store.lists()[0].position == 0
    assert len(allocator.allocate(stored, 16, now=NOW)) == 16
    with pytest.raises(StoreError, match="is full"):
        allocator.allocate(stored, now=NOW)


def test_a_full_list_is_followed_by_another_of_its_rules(
    allocator: Allocator, store: StatusStore
) -> None:
    stored = create(allocator, capacity=16, terminal=True, bits=2, purpose=Purpose.LIFECYCLE)
    made = allocator.allocate(stored, 40, now=NOW, roll_over=True)
    assert len(set(names(made))) == 40
    lists = store.lists()
    assert [found.position for found in lists] == [16, 16, 8]
    assert {found.list_id.value[:5] for found in lists} == {stored.list_id.value[:5]}
    assert len({found.list_id for found in lists}) == 3
    assert {found.series for found in lists} == {stored.id}
    assert names(allocator.allocate(stored, now=NOW))[0][0] == lists[2].list_id


def test_references_are_known_in_the_lists_that_follow(allocator: Allocator) -> None:
    stored = create(allocator, capacity=4)
    references = [f"{number}" for number in range(10)]
    first = allocator.allocate(stored, now=NOW, references=references, roll_over=True)
    last = first[-1].list
    assert names(allocator.allocate(last, now=NOW, references=references)) == names(first)


def test_a_list_with_an_address_is_not_followed_by_itself(allocator: Allocator) -> None:
    stored = anchored(allocator, form=ListForm.TOKEN, capacity=4)
    with pytest.raises(StoreError, match="the next one needs an address of its own"):
        allocator.allocate(stored, 5, now=NOW, roll_over=True)
    assert len(allocator.allocate(stored, 4, now=NOW)) == 4


def test_a_closed_list_hands_out_nothing(allocator: Allocator, store: StatusStore) -> None:
    stored = create(allocator)
    store.close_list(stored)
    with pytest.raises(StoreError, match="is closed"):
        allocator.allocate(stored, now=NOW)
    (made,) = allocator.allocate(stored, now=NOW, roll_over=True)
    assert made.list.list_id != stored.list_id


# -- entries that somebody has already -----------------------------------------------------------


def test_entries_in_use_elsewhere_are_passed_over(allocator: Allocator, store: StatusStore) -> None:
    stored = create(allocator, capacity=64)
    used = [0, 1, 5, 5, 63]
    assert allocator.import_used(stored, used, now=NOW) == 4
    assert allocator.import_used(stored, used, now=NOW) == 0
    made = allocator.allocate(stored, 60, now=NOW)
    assert {found.index for found in made} == set(range(64)) - set(used)
    with pytest.raises(StoreError, match="is full"):
        allocator.allocate(stored, now=NOW)
    assert store.lists()[0].free == 0


def test_importing_what_was_handed_out_here_changes_nothing(allocator: Allocator) -> None:
    stored = create(allocator)
    made = allocator.allocate(stored, 5, now=NOW)
    assert allocator.import_used(stored, [found.index for found in made], now=NOW) == 0


def test_a_list_whose_rest_is_in_use_is_followed_by_another(allocator: Allocator) -> None:
    stored = create(allocator, capacity=8)
    allocator.import_used(stored, range(8), now=NOW)
    (made,) = allocator.allocate(stored, now=NOW, roll_over=True)
    assert made.list.list_id != stored.list_id


def test_entries_outside_the_list_are_not_imported(allocator: Allocator) -> None:
    stored = create(allocator, capacity=8)
    with pytest.raises(InvalidStatusEntry, match="index 8 is not in a list of 8 entries"):
        allocator.import_used(stored, [1, 8], now=NOW)
    assert allocator.import_used(stored, [1], now=NOW) == 1


def test_after_a_backup_was_restored_skipping_avoids_what_was_handed_out_since(
    tmp_path: Path,
) -> None:
    path, backup = tmp_path / "status.db", tmp_path / "backup.db"
    with StatusStore(f"sqlite:///{path}") as store:
        allocator = Allocator(store, random=dice())
        stored = create(allocator)
        allocator.allocate(stored, 100, now=NOW)
        with store.writing() as connection:
            connection.exec_driver_sql("select 1")
        subprocess.run(
            [sys.executable, "-c", _BACKUP, str(path), str(backup)], check=True, timeout=60
        )
        lost = {found.index for found in allocator.allocate(stored, 50, now=NOW)}
    with StatusStore(f"sqlite:///{backup}") as store:
        allocator = Allocator(store, random=dice())
        again = {found.index for found in allocator.allocate(stored, 1, now=NOW)}
        assert again <= lost, "this is the danger"
        allocator.skip(stored, 49)
        fresh = {found.index for found in allocator.allocate(stored, 500, now=NOW)}
        assert not fresh & lost


_BACKUP = (
    "import sqlite3, sys; a, b = map(sqlite3.connect, sys.argv[1:]); a.backup(b); a.close(); "
    "b.close()"
)


@pytest.mark.parametrize("wanted", [-1, 65])
def test_more_than_is_left_is_not_skipped(allocator: Allocator, wanted: int) -> None:
    stored = create(allocator, capacity=64)
    with pytest.raises(InvalidOption, match="64 are left"):
        allocator.skip(stored, wanted)
    allocator.skip(stored, 64)
    with pytest.raises(StoreError, match="is full"):
        allocator.allocate(stored, now=NOW)


# -- at the same time, and after a kill ----------------------------------------------------------


def test_threads_never_get_the_same_entry(database_url: str) -> None:
    with StatusStore(database_url) as store:
        stored = create(Allocator(store, random=dice()), capacity=128)
        found: list[tuple[ListId, int]] = []
        failures: list[Exception] = []

        def run(seed: int) -> None:
            allocator = Allocator(store, random=dice(seed))
            try:
                for _ in range(15):
                    found.extend(names(allocator.allocate(stored, 3, now=NOW, roll_over=True)))
            except Exception as error:  # noqa: BLE001  # any failure is the test's
                failures.append(error)

        threads = [threading.Thread(target=run, args=(seed,)) for seed in range(1, 7)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(set(found)) == len(found) == 6 * 15 * 3
        assert sum(listed.position for listed in store.lists()) == len(found)


def start(url: str, list_id: ListId, at_once: int, prefix: str = "") -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "support.allocating", url, list_id.text, str(at_once)]
    return subprocess.Popen(
        [*command, *([prefix] if prefix else [])],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )


def kill(process: subprocess.Popen[str], *, after: int) -> list[str]:
    """What a process was given before it was killed, some lines into its work.

    A line that was cut off was not told.
    """
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(after)]
    process.send_signal(signal.SIGKILL)
    rest, _ = process.communicate(timeout=60)
    lines += rest.splitlines(keepends=True)
    return [word for line in lines if line.endswith("\n") for word in line.split()]


def test_processes_that_are_killed_never_get_the_same_entry(database_url: str) -> None:
    chance = random.Random(7)  # noqa: S311  # tests repeat
    with StatusStore(database_url) as store:
        stored = create(Allocator(store, random=dice()), capacity=2048)
        running = [start(database_url, stored.list_id, at) for at in (1, 3, 40)]
        told: list[str] = []
        for _ in range(4):
            told += kill(running.pop(0), after=chance.randint(1, 10))
            running.append(start(database_url, stored.list_id, chance.choice([1, 7, 90])))
        for process in running:
            told += kill(process, after=5)
        allocator = Allocator(store, random=dice(9))
        made = allocator.allocate(stored, 100, now=NOW, roll_over=True)
        told += [f"{found.list.list_id.text}/{found.index}" for found in made]
        assert len(set(told)) == len(told)
        assert 100 < len(told) <= sum(found.position for found in store.lists())


def test_after_a_kill_the_same_references_get_the_same_entries(database_url: str) -> None:
    with StatusStore(database_url) as store:
        stored = create(Allocator(store, random=dice()), capacity=2**17)
        told: dict[int, str] = {}
        for lines in (3, 8, 5):
            process = start(database_url, stored.list_id, 5, "credential-")
            for number, index in enumerate(kill(process, after=lines)):
                assert told.setdefault(number, index) == index
        assert len(told) >= 40
        assert len(set(told.values())) == len(told)


# -- a law ---------------------------------------------------------------------------------------

_paths = count()


@settings(
    deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("allocate"), st.integers(1, 12)),
            st.tuples(st.just("references"), st.integers(1, 6)),
            st.tuples(st.just("import"), st.integers(0, 15)),
            st.tuples(st.just("skip"), st.integers(0, 3)),
        ),
        max_size=12,
    )
)
def test_whatever_is_done_no_credential_shares_an_entry(
    tmp_path: Path, steps: list[tuple[str, int]]
) -> None:
    with StatusStore(f"sqlite:///{tmp_path}/{next(_paths)}.db") as store:
        allocator = Allocator(store, random=dice())
        stored = create(allocator, capacity=16)
        taken: dict[tuple[ListId, int], str] = {}
        unnamed = count()
        for step, number in steps:
            if step == "import":
                if (stored.list_id, number) not in taken:
                    taken[stored.list_id, number] = "imported"
                allocator.import_used(stored, [number], now=NOW)
                continue
            if step == "skip":
                (first, *_) = store.lists()
                allocator.skip(first, min(number, first.list_id.capacity - first.position))
                continue
            references = [f"r{at}" for at in range(number)] if step == "references" else None
            made = allocator.allocate(
                stored, number, now=NOW, references=references, roll_over=True
            )
            for found in made:
                name = (found.list.list_id, found.index)
                owner = found.reference or f"unnamed {next(unnamed)}"
                assert taken.setdefault(name, owner) == owner

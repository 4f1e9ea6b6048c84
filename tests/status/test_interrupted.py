"""Changes that end in the middle: by SIGKILL, by a node that goes away, by a full disk.

What was begun is finished by doing the same again; nothing happens twice, and nothing is lost.
"""

from __future__ import annotations

import json
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.journal import State
from ethr_did.chain.transactions import Waiting
from ethr_did.core.keys import Address
from ethr_did.core.status_list import INVALID, SUSPENDED, VALID
from ethr_did.core.status_wishes import gather
from ethr_did.core.status_work import Stored
from ethr_did.errors import (
    DeactivatedError,
    InvalidFile,
    InvalidOption,
    NodeUnreachable,
    NotFoundError,
    TransactionError,
    TransactionPending,
)
from ethr_did.status.jobs import Job, Jobs, Part
from support.crashing_issuer import Crashes
from support.fault_proxy import FaultProxy, Reset
from support.issuing import FINAL, LIFE, PLAIN, Office, record, wish
from support.writing import make_sender

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ethr_did.chain.local import LocalAccount, LocalServer
    from ethr_did.core.status_wishes import RecordWish, Wish
    from ethr_did.status.issuing import StatusProgress

    Wanted = Wish | RecordWish

KEYS = [bytes([number]) * 32 for number in range(1, 5)]
WISHES: list[Wanted] = [
    wish(LIFE, 0, SUSPENDED),
    wish(LIFE, 200, 3),
    wish(FINAL, 7, INVALID),
    record(KEYS[0], INVALID),
    record(KEYS[1], SUSPENDED),
    record(KEYS[2], 3),
]
"""Four transactions: one for the lists, and one for each value of the records."""


@pytest.fixture(scope="module")
def crashes() -> Iterator[Crashes]:
    with Crashes() as running:
        yield running


@pytest.fixture
def desk(office: Office, server: LocalServer) -> Office:
    """The office, with the chain behind a URL for other processes."""
    return replace(office, node=server.url)


def assert_done_once(office: Office, alice: LocalAccount) -> None:
    assert [office.value(alice, LIFE, index) for index in (0, 200)] == [SUSPENDED, 3]
    assert office.value(alice, FINAL, 7) == INVALID
    assert [office.record(alice, key).value for key in KEYS] == [1, 2, 3, 0]
    assert len(office.events()) == 6  # one for each word and record


# -- killed --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("die_at", "times", "events"),
    [
        ("issuer:planned", 1, 0),
        ("sender:signed", 1, 0),
        ("sender:signed", 4, 0),
        ("sender:sent", 1, 6),  # all are in the node's hands by then
        ("sender:mined", 1, 6),
        ("sender:mined", 3, 6),
        ("issuer:sent", 1, 6),
        ("issuer:mined", 1, 6),
        ("issuer:mined", 4, 6),
    ],
)
def test_a_killed_change_is_finished_and_nothing_of_it_repeated(
    *,
    desk: Office,
    crashes: Crashes,
    alice: LocalAccount,
    die_at: str,
    times: int,
    events: int,
) -> None:
    assert crashes.run(desk, alice, alice, WISHES, die_at=die_at, times=times).killed
    assert len(desk.events()) == events

    sender = desk.sender(alice)
    issuer = desk.issuer(alice)
    assert len(issuer.open_jobs(sender)) == 1
    report = issuer.apply(WISHES, sender)

    assert_done_once(desk, alice)
    assert (report.wished, report.changed, report.conflicts) == (6, 6, ())
    assert issuer.open_jobs(sender) == []
    assert {entry.state for entry in sender.journal.entries()} == {State.MINED}
    assert len(sender.journal.entries()) == 4


@pytest.mark.parametrize("times", [1, 2, 3])
def test_a_change_killed_between_its_transactions_goes_on_with_the_next(
    desk: Office, crashes: Crashes, alice: LocalAccount, times: int
) -> None:
    assert crashes.run(
        desk, alice, alice, WISHES, die_at="issuer:mined", times=times, in_flight=1
    ).killed
    assert len(desk.sender(alice).journal.entries()) == times

    report = desk.issuer(alice).apply(WISHES, desk.sender(alice))

    assert_done_once(desk, alice)
    assert (report.changed, len(report.receipts)) == (6, 4 - times)


def test_what_was_on_its_way_is_in_the_report_of_the_next_run(
    desk: Office, crashes: Crashes, alice: LocalAccount
) -> None:
    assert crashes.run(desk, alice, alice, WISHES, die_at="sender:sent", times=1).killed

    report = desk.issuer(alice).apply(WISHES, desk.sender(alice))

    assert [receipt.resumed for receipt in report.receipts] == [True] * 4


@pytest.mark.parametrize("die_at", ["sender:signed", "sender:mined", "issuer:mined"])
def test_what_others_decided_meanwhile_is_not_undone(
    desk: Office, crashes: Crashes, alice: LocalAccount, bob: LocalAccount, die_at: str
) -> None:
    """Without the job a second run would suspend again what was reinstated after the first."""
    desk.grant(alice, bob)
    wishes = [wish(LIFE, 0, SUSPENDED), wish(LIFE, 1, SUSPENDED)]
    assert crashes.run(desk, alice, alice, wishes, die_at=die_at).killed
    if die_at == "sender:signed":
        # Signed, and never sent: what bob does comes first, and is a conflict.
        desk.issuer(alice).apply([wish(LIFE, 0, INVALID)], desk.sender(bob))
    else:
        desk.issuer(alice).apply([wish(LIFE, 0, VALID)], desk.sender(bob))

    report = desk.issuer(alice).apply(wishes, desk.sender(alice))

    if die_at == "sender:signed":
        assert (report.changed, len(report.conflicts)) == (1, 1)
        assert [desk.value(alice, LIFE, index) for index in (0, 1)] == [INVALID, SUSPENDED]
    else:
        assert (report.changed, report.conflicts) == (2, ())
        assert [desk.value(alice, LIFE, index) for index in (0, 1)] == [VALID, SUSPENDED]


def test_a_change_of_the_owner_ends_what_was_begun_under_the_old_one(
    desk: Office, crashes: Crashes, alice: LocalAccount, bob: LocalAccount
) -> None:
    assert crashes.run(desk, alice, alice, WISHES, die_at="issuer:mined", in_flight=1).killed
    desk.give(alice, Address(bob.address_bytes))

    issuer = desk.issuer(alice)
    with pytest.raises(TransactionError, match="has no right"):
        issuer.apply(WISHES, desk.sender(alice))
    report = issuer.apply(WISHES, desk.sender(bob))

    assert (report.changed, report.unchanged) == (3, 3)
    assert_done_once(desk, alice)
    (name,) = issuer.open_jobs(desk.sender(alice))
    issuer.abandon(name, desk.sender(alice))
    assert issuer.open_jobs(desk.sender(alice)) == []


def test_two_processes_do_not_work_on_one_job(desk: Office, alice: LocalAccount) -> None:
    issuer, sender = desk.issuer(alice), desk.sender(alice)
    seen: list[str] = []

    def meddle(progress: StatusProgress) -> None:
        if progress.stage == "planned":
            with pytest.raises(TransactionError, match="another process works on the job"):
                desk.issuer(alice).apply(WISHES, desk.sender(alice))
            seen.append("refused")

    issuer.apply(WISHES, sender, on_progress=meddle)
    assert seen == ["refused"]
    assert_done_once(desk, alice)


# -- named jobs ----------------------------------------------------------------------------------


def test_a_named_job_is_resumed_by_its_name(
    desk: Office, crashes: Crashes, alice: LocalAccount
) -> None:
    assert crashes.run(
        desk, alice, alice, WISHES, die_at="issuer:mined", job="june-2026", in_flight=1
    ).killed
    issuer, sender = desk.issuer(alice), desk.sender(alice)
    assert issuer.open_jobs(sender) == ["june-2026"]

    with pytest.raises(InvalidOption, match="about other wishes"):
        issuer.apply(WISHES[:3], sender, job="june-2026")
    with pytest.raises(NotFoundError, match="no unfinished job june-2025"):
        issuer.resume("june-2025", sender)
    report = issuer.resume("june-2026", sender)

    assert (report.job, report.changed) == ("june-2026", 6)
    assert_done_once(desk, alice)


def test_a_plan_says_that_a_job_is_taken_up(
    desk: Office, crashes: Crashes, alice: LocalAccount
) -> None:
    assert crashes.run(desk, alice, alice, WISHES, die_at="issuer:planned").killed
    (warning,) = desk.issuer(alice).plan(WISHES, desk.sender(alice)).warnings
    assert "taken up" in warning


@pytest.mark.parametrize("name", ["", "../up", ".hidden", "a/b", "x" * 65, "ü"])
def test_a_name_that_is_no_file_name_is_refused(
    office: Office, alice: LocalAccount, name: str
) -> None:
    sender = office.sender(alice)
    jobs = Jobs(sender.journal, registry=Address(b"\1" * 20), identity=Address(b"\2" * 20))
    with pytest.raises(InvalidOption, match="not a name"):
        jobs.find(name)


def test_a_job_of_another_issuer_is_refused(
    desk: Office, crashes: Crashes, alice: LocalAccount, bob: LocalAccount
) -> None:
    assert crashes.run(desk, alice, alice, WISHES, die_at="issuer:planned", job="mine").killed
    with pytest.raises(InvalidOption, match="another issuer's"):
        desk.issuer(bob).resume("mine", desk.sender(alice))
    assert desk.issuer(alice).resume("mine", desk.sender(alice)).changed == 6


def test_a_deactivated_issuer_s_job_is_not_carried_on(
    desk: Office, crashes: Crashes, alice: LocalAccount
) -> None:
    assert crashes.run(desk, alice, alice, WISHES, die_at="issuer:planned").killed
    desk.give(alice, Address(bytes(20)))
    with pytest.raises(DeactivatedError):
        desk.issuer(alice).apply(WISHES, desk.sender(alice))


# -- nodes that go away --------------------------------------------------------------------------


def test_a_node_that_goes_away_leaves_a_job_that_can_be_taken_up(
    office: Office, alice: LocalAccount
) -> None:
    with FaultProxy(office.chain.handle) as proxy:
        sender = make_sender(
            proxy.url, alice.key, office.root, waiting=Waiting(timeout=0.2, poll=0.05)
        )

        def cut(progress: StatusProgress) -> None:
            if progress.stage == "sent":
                proxy.always(Reset())

        issuer = office.issuer(alice)
        with pytest.raises(TransactionPending):
            issuer.apply(WISHES, sender, on_progress=cut)
    report = issuer.apply(WISHES, office.sender(alice))

    assert report.changed == 6
    assert_done_once(office, alice)


def test_a_node_that_is_away_before_it_began_changes_nothing(
    office: Office, alice: LocalAccount
) -> None:
    issuer = office.issuer(alice)
    nowhere = make_sender("http://127.0.0.1:1", alice.key, office.root)
    with pytest.raises(NodeUnreachable):
        issuer.apply(WISHES, nowhere)
    assert office.events() == []
    assert issuer.apply(WISHES, office.sender(alice)).changed == 6
    assert_done_once(office, alice)


def test_what_is_still_on_its_way_is_waited_for_before_anything_new_is_planned(
    office: Office, alice: LocalAccount
) -> None:
    issuer = office.issuer(alice)
    office.chain.automine = False
    impatient = office.sender(alice, waiting=Waiting(timeout=0.1, poll=0.05))
    with pytest.raises(TransactionPending):
        issuer.apply([wish(LIFE, 0, SUSPENDED)], impatient)

    with pytest.raises(TransactionPending):
        issuer.apply([wish(LIFE, 0, SUSPENDED), wish(LIFE, 1, SUSPENDED)], impatient)
    office.chain.automine = True

    report = issuer.apply(
        [wish(LIFE, 0, SUSPENDED), wish(LIFE, 1, SUSPENDED)], office.sender(alice)
    )
    assert (report.changed, report.unchanged) == (1, 1)
    assert len(office.changes_of(LIFE)) == 2


def test_what_is_mined_and_reverts_between_two_runs_is_planned_again(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    office.grant(alice, bob)
    issuer = office.issuer(alice)
    impatient = office.sender(alice, waiting=Waiting(timeout=0.1, poll=0.05))
    office.chain.automine = False

    def overtake(progress: StatusProgress) -> None:
        if progress.stage == "planned":
            with pytest.raises(TransactionPending):
                issuer.apply([wish(LIFE, 1, 3)], office.sender(bob, waiting=impatient.waiting))

    with pytest.raises(TransactionPending):
        issuer.apply([wish(LIFE, 0, SUSPENDED)], impatient, on_progress=overtake)
    office.chain.mine()
    office.chain.automine = True

    report = issuer.apply([wish(LIFE, 0, SUSPENDED)], office.sender(alice))

    assert report.changed == 1
    assert [office.value(alice, LIFE, index) for index in (0, 1)] == [SUSPENDED, 3]
    states = [entry.state for entry in office.sender(alice).journal.entries()]
    assert states == [State.MINED, State.FAILED, State.MINED]  # the grant, too late, again


# -- the file ------------------------------------------------------------------------------------


def make_jobs(office: Office, alice: LocalAccount) -> Jobs:
    issuer, sender = office.issuer(alice), office.sender(alice)
    return Jobs(sender.journal, registry=issuer.reader.address, identity=issuer.identity)


def make_job(jobs: Jobs, name: str = "job") -> Job:
    wishes = gather(WISHES)
    before = Stored(
        words={(one, word): word + 7 for one, words in wishes.lists.items() for word in words},
        records=dict.fromkeys(wishes.records, 5),
    )
    return jobs.create(name, wishes, before)


PARTS = [
    Part(number=0, intent=b"\1" * 32, words=((LIFE, 0), (LIFE, 1), (FINAL, 0)), changes=3),
    Part(number=1, intent=b"\2" * 32, keys=(KEYS[0],), changes=1),
    Part(number=2, intent=b"\3" * 32, keys=(KEYS[1],), changes=1),
]


def test_a_job_is_read_as_it_was_written(office: Office, alice: LocalAccount) -> None:
    jobs = make_jobs(office, alice)
    job = make_job(jobs)
    job.note(PARTS)
    job.settle(PARTS[0], mined=True)
    job.settle(PARTS[1], mined=False)
    job.close()

    again = jobs.find("job")

    assert again is not None
    assert (again.wishes, again.before, again.run) == (job.wishes, job.before, job.run)
    assert (again.parts, again.done, again.lost) == (PARTS, {0}, {1})
    assert again.doubtful == [PARTS[2]]
    assert again.changes_done == 3
    assert again.left.lists == {}
    assert again.left.records == {KEYS[0]: 1, KEYS[1]: 2, KEYS[2]: 3}
    again.note([replace(PARTS[0], number=3)])
    again.finish()
    assert jobs.find("job") is None


def test_nobody_else_can_read_a_job(office: Office, alice: LocalAccount) -> None:
    job = make_job(make_jobs(office, alice))
    assert job.path.stat().st_mode & 0o777 == 0o600
    job.close()


def test_a_line_that_was_cut_off_does_not_count(office: Office, alice: LocalAccount) -> None:
    jobs = make_jobs(office, alice)
    job = make_job(jobs)
    job.note(PARTS[:1])
    job.close()
    whole = job.path.read_bytes()
    for cut in (1, 40):
        job.path.write_bytes(whole[:-cut])
        again = jobs.find("job")
        assert again is not None
        assert again.parts == []
        again.note(PARTS[1:2])
        again.close()
        found = jobs.find("job")
        assert found is not None
        assert found.parts == PARTS[1:2]
        found.close()


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_text("{}\n"),
        lambda path: path.write_text(""),
        lambda path: path.write_text("not json\n"),
        lambda path: path.write_text("[]\n"),
        lambda path: path.write_text(path.read_text() + '{"part": "x"}\n'),
        lambda path: path.write_text(path.read_text() + '{"end": 1}\n'),
        lambda path: path.write_text(path.read_text() + '{"done": 1, "lost": 2}\n'),
    ],
)
def test_a_damaged_job_is_named_and_nothing_sent(
    office: Office, alice: LocalAccount, damage: object
) -> None:
    jobs = make_jobs(office, alice)
    job = make_job(jobs)
    job.close()
    damage(job.path)  # type: ignore[operator]

    with pytest.raises(InvalidFile, match="cannot be used") as caught:
        jobs.find("job")

    assert caught.value.facts["path"] == str(job.path)
    with pytest.raises(InvalidFile):  # the lock was given back
        jobs.find("job")


def test_one_of_two_that_begin_the_same_job_is_refused(office: Office, alice: LocalAccount) -> None:
    jobs = make_jobs(office, alice)
    first = make_job(jobs)
    with pytest.raises(TransactionError, match="another process works"):
        make_job(jobs)
    with pytest.raises(TransactionError, match="another process works"):
        jobs.find("job")
    first.finish()
    assert jobs.names() == []
    assert list(jobs.folder.iterdir()) == []  # no drafts either


def test_a_job_that_is_finished_while_it_is_opened_is_gone_and_never_half_there(
    office: Office, alice: LocalAccount
) -> None:
    jobs, found = make_jobs(office, alice), []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            try:
                job = jobs.find("job")
            except TransactionError as busy:
                found.append(busy.message)
            else:
                assert job is None

    looking = threading.Thread(target=look)
    looking.start()
    for _ in range(100):
        make_job(jobs).finish()
    over.set()
    looking.join()
    assert set(found) <= {"another process works on the job job"}


def test_without_room_for_the_job_nothing_is_signed(office: Office, alice: LocalAccount) -> None:
    jobs = make_jobs(office, alice)
    jobs.folder.parent.mkdir(parents=True, exist_ok=True)
    jobs.folder.write_text("a file in the way")

    with pytest.raises(TransactionError, match="cannot be written"):
        office.issuer(alice).apply(WISHES, office.sender(alice))

    assert office.events() == []
    assert office.sender(alice).journal.entries() == []


def test_a_disk_that_fills_up_stops_before_the_next_transaction(
    office: Office, alice: LocalAccount
) -> None:
    job = make_job(make_jobs(office, alice))
    job.close()
    full = Job(
        name="full",
        run="r",
        wishes=job.wishes,
        before=job.before,
        path=job.path,
        file=Path("/dev/full").open("r+b", buffering=0),  # noqa: SIM115 - closed below
    )
    with pytest.raises(TransactionError, match="No space left on device"):
        full.note(PARTS)
    assert full.parts == []
    full.close()


def test_the_name_of_a_job_follows_from_its_wishes(office: Office, alice: LocalAccount) -> None:
    jobs = make_jobs(office, alice)
    name = jobs.name_of(gather(WISHES))
    assert name == jobs.name_of(gather(reversed(WISHES)))
    assert name != jobs.name_of(gather([*WISHES, wish(PLAIN, 1, 1)]))
    assert name != jobs.name_of(gather(WISHES[1:]))


def test_jobs_of_many_words_take_several_lines(office: Office, alice: LocalAccount) -> None:
    jobs = make_jobs(office, alice)
    wishes = gather(
        [
            *(wish(LIFE, 104 * word, 2) for word in range(1200)),
            *(record(number.to_bytes(32), 2) for number in range(1200)),
        ]
    )
    before = Stored(
        words={(LIFE, word): 0 for word in range(1261)},
        records=dict.fromkeys(wishes.records, 0),
    )
    job = jobs.create("large", wishes, before)
    job.close()

    lines = [json.loads(line) for line in job.path.read_text().splitlines()]
    again = jobs.find("large")

    assert len(lines) == 1 + 3 + 3
    assert again is not None
    assert again.wishes == wishes
    again.finish()

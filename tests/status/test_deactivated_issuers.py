"""Issuers who gave up their identity: on chain the first key has control again, and does not count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ethr_did.core.status_answer import FinalityPolicy, StatusKind
from ethr_did.core.status_list import Authority
from ethr_did.status.reading import StatusQuestion
from support.status_stage import LIFECYCLE, LIST

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from support.status_stage import StatusStage

DIGEST = b"\x0d" * 32
SALT = b"\x5a" * 32


def test_key_that_regained_control_cannot_reinstate(
    stage: StatusStage, alice: LocalAccount
) -> None:
    revoked = stage.set_status(alice, LIFECYCLE, 1, 2)
    given_up = stage.deactivate(alice)
    stage.set_status(alice, LIFECYCLE, 1, 0)  # the contract takes it
    status = stage.reader().read_status(stage.entry(LIFECYCLE, 1), stage.did(alice))
    assert (status.kind, status.changed_block) == (StatusKind.SUSPENDED, revoked)
    assert status.issuer_deactivated == given_up


def test_key_that_was_stolen_and_regained_control_cannot_reinstate(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount
) -> None:
    # Alice's first key leaks, so she moves on to another one, revokes, and closes the identity.
    stage.change_owner(alice, bob)
    revoked = stage.set_status(alice, LIST, 1, by=bob)
    stage.deactivate(alice, by=bob)
    stage.set_status(alice, LIST, 1, 0)  # the thief
    stage.set_status(alice, LIST, 2)
    reader, did = stage.reader(), stage.did(alice)
    one, two = reader.read_statuses(
        StatusQuestion(entry=stage.entry(LIST, index), issuer=did) for index in (1, 2)
    )
    assert (one.kind, one.changed_block) == (StatusKind.REVOKED, revoked)
    assert two.is_valid  # the thief cannot revoke either


def test_owner_that_the_key_appoints_afterwards_does_not_count_either(
    stage: StatusStage, alice: LocalAccount, mallory: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 1)
    stage.deactivate(alice)
    stage.change_owner(alice, mallory)
    stage.set_status(alice, LIST, 1, 0, by=mallory)
    status = stage.reader().read_status(stage.entry(LIST, 1), stage.did(alice))
    assert status.kind is StatusKind.REVOKED


def test_delegate_of_before_does_not_count_afterwards(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount
) -> None:
    stage.add_delegate(alice, bob, Authority.ALL_LISTS)
    stage.set_status(alice, LIST, 1, by=bob, authority=Authority.ALL_LISTS)
    stage.deactivate(alice)
    stage.set_status(alice, LIST, 1, 0, by=bob, authority=Authority.ALL_LISTS)
    status = stage.reader().read_status(stage.entry(LIST, 1), stage.did(alice))
    assert status.kind is StatusKind.REVOKED


def test_record_is_that_of_before(stage: StatusStage, alice: LocalAccount) -> None:
    suspended = stage.set_record(alice, SALT, DIGEST, 2)
    stage.deactivate(alice)
    stage.set_record(alice, SALT, DIGEST, 0)
    status = stage.reader().read_status(stage.record(SALT), stage.did(alice), digest=DIGEST)
    assert (status.kind, status.changed_block) == (StatusKind.SUSPENDED, suspended)


def test_status_that_was_never_written_before_is_valid_as_of_before(
    stage: StatusStage, alice: LocalAccount
) -> None:
    given_up = stage.deactivate(alice)
    stage.set_status(alice, LIST, 1)
    stage.set_record(alice, SALT, DIGEST)
    for entry in (stage.entry(LIST, 1), stage.record(SALT)):
        status = stage.reader().read_status(entry, stage.did(alice), digest=DIGEST)
        assert (status.kind, status.changed_block) == (StatusKind.VALID, None)
        assert status.issuer_deactivated == given_up


def test_nothing_more_is_asked_where_nothing_was_written_afterwards(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 1)
    given_up = stage.deactivate(alice)
    status = stage.reader().read_status(stage.entry(LIST, 1), stage.did(alice))
    assert (status.kind, status.issuer_deactivated) == (StatusKind.REVOKED, given_up)
    assert stage.node.rounds == 1


def test_in_the_block_of_the_end_the_order_of_events_decides(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.mine()
    with stage.one_block():
        stage.set_status(alice, LIFECYCLE, 1, 2)
        stage.set_record(alice, SALT, DIGEST, 2)
        stage.deactivate(alice)
        stage.set_status(alice, LIFECYCLE, 1, 0)
        stage.set_record(alice, SALT, DIGEST, 0)
        stage.mine()
    block = stage.head
    for entry in (stage.entry(LIFECYCLE, 1), stage.record(SALT)):
        status = stage.reader().read_status(entry, stage.did(alice), digest=DIGEST)
        assert (status.kind, status.changed_block) == (StatusKind.SUSPENDED, block)
        assert status.issuer_deactivated == block


def test_in_the_block_of_the_end_what_came_later_does_not_count(
    stage: StatusStage, alice: LocalAccount
) -> None:
    before = stage.set_status(alice, LIFECYCLE, 1, 2)
    with stage.one_block():
        stage.deactivate(alice)
        stage.set_status(alice, LIFECYCLE, 1, 0)
        stage.mine()
    status = stage.reader().read_status(stage.entry(LIFECYCLE, 1), stage.did(alice))
    assert (status.kind, status.changed_block) == (StatusKind.SUSPENDED, before)


def test_only_the_first_end_counts(stage: StatusStage, alice: LocalAccount) -> None:
    given_up = stage.deactivate(alice)
    stage.set_status(alice, LIST, 1)
    stage.deactivate(alice)
    status = stage.reader().read_status(stage.entry(LIST, 1), stage.did(alice))
    assert (status.kind, status.issuer_deactivated) == (StatusKind.VALID, given_up)


def test_before_the_end_the_issuer_was_active(stage: StatusStage, alice: LocalAccount) -> None:
    then = stage.set_status(alice, LIST, 1)
    stage.mine()
    moment = stage.now
    stage.chain.advance(100)
    given_up = stage.deactivate(alice)
    reader, entry, did = stage.reader(), stage.entry(LIST, 1), stage.did(alice)
    assert reader.read_status(entry, did, at_block=then).issuer_deactivated is None
    assert reader.read_status(entry, did, at_time=moment).issuer_deactivated is None
    assert reader.read_status(entry, did, at_block=given_up).issuer_deactivated == given_up
    assert reader.read_status(entry, did, at_time=stage.now).issuer_deactivated == given_up


@pytest.mark.parametrize(
    ("policy", "kind", "ended"),
    [
        (FinalityPolicy.STRICTEST, StatusKind.SUSPENDED, False),
        (FinalityPolicy.LATEST, StatusKind.VALID, True),
        (FinalityPolicy.FINALIZED, StatusKind.SUSPENDED, False),
    ],
)
def test_end_that_is_not_final_is_part_of_the_newest_view_only(
    stage: StatusStage,
    alice: LocalAccount,
    policy: FinalityPolicy,
    kind: StatusKind,
    ended: bool,  # noqa: FBT001 - parametrised
) -> None:
    stage.set_status(alice, LIFECYCLE, 1, 2)
    stage.node.final = stage.head
    stage.set_status(alice, LIFECYCLE, 1, 0)
    stage.deactivate(alice)
    stage.set_status(alice, LIFECYCLE, 1, 3)
    status = stage.reader(policy=policy).read_status(stage.entry(LIFECYCLE, 1), stage.did(alice))
    assert status.kind is kind
    assert (status.issuer_deactivated is not None) is ended


def test_history_says_which_changes_do_not_count(stage: StatusStage, alice: LocalAccount) -> None:
    stage.set_status(alice, LIST, 1)
    stage.deactivate(alice)
    stage.set_status(alice, LIST, 1, 0)
    changes = stage.reader().history(stage.entry(LIST, 1), stage.did(alice))
    assert [(change.value, change.counts) for change in changes] == [(1, True), (0, False)]


def test_whole_list_is_that_of_before(stage: StatusStage, alice: LocalAccount) -> None:
    stage.set_values(alice, LIST, {1: 1, 300: 1})
    given_up = stage.deactivate(alice)
    stage.set_values(alice, LIST, {1: 0, 2: 1, 5000: 1})
    found = stage.reader().read_list(LIST, stage.did(alice))
    assert [i for i, value in enumerate(found.statuses.values()) if value] == [1, 300]
    assert found.issuer_deactivated == given_up

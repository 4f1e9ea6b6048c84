"""The status of credentials as verifiers read it, on the real chain."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ethr_did.core.status_answer import Finality, FinalityPolicy, StatusKind
from ethr_did.core.status_list import Flag, Purpose
from ethr_did.errors import InvalidOption, StatusNotValid, StatusUndetermined
from ethr_did.status.reading import StatusQuestion, StatusReader
from support.status_stage import LIFECYCLE, LIST, list_id

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from ethr_did.core.status_entry import Entry
    from ethr_did.status.reading import StatusOptions
    from support.status_stage import StatusStage

DIGEST = b"\x0d" * 32
SALT = b"\x5a" * 32


def test_entry_that_was_never_written_is_valid(stage: StatusStage, alice: LocalAccount) -> None:
    status = stage.reader().read_status(stage.entry(LIST, 7), stage.did(alice))
    assert status.kind is StatusKind.VALID
    assert (status.value, status.changed_block) == (0, None)
    assert status.read_at is not None
    assert status.read_at.number == stage.head


def test_revoked_entry_is_revoked_since_its_block(stage: StatusStage, alice: LocalAccount) -> None:
    block = stage.set_status(alice, LIST, 7)
    stage.mine(3)
    status = stage.reader().read_status(stage.entry(LIST, 7), stage.did(alice))
    assert (status.kind, status.changed_block) == (StatusKind.REVOKED, block)
    assert status.finality is Finality.FINAL


def test_neighbours_in_the_word_change_nothing_but_the_block(
    stage: StatusStage, alice: LocalAccount
) -> None:
    block = stage.set_status(alice, LIST, 8)
    status = stage.reader().read_status(stage.entry(LIST, 7), stage.did(alice))
    assert (status.kind, status.changed_block, status.since_exact) == (
        StatusKind.VALID,
        block,
        False,
    )


def test_whole_presentation_is_one_round_trip(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 1)
    stage.set_status(bob, LIFECYCLE, 2, 2)
    stage.set_record(alice, SALT, DIGEST)
    entries: list[Entry] = [stage.entry(LIST, 1), stage.entry(LIST, 2), stage.record(SALT)]
    questions = [
        StatusQuestion(entry=entry, issuer=stage.did(alice), digest=DIGEST) for entry in entries
    ]
    questions.append(StatusQuestion(entry=stage.entry(LIFECYCLE, 2), issuer=stage.did(bob)))
    statuses = stage.reader().read_statuses(questions)
    assert [status.kind for status in statuses] == [
        StatusKind.REVOKED,
        StatusKind.VALID,
        StatusKind.REVOKED,
        StatusKind.SUSPENDED,
    ]
    assert stage.node.rounds == 1


def test_presentation_without_a_lens_is_one_round_trip_too(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 1)
    stage.set_record(alice, SALT, DIGEST, 2)
    network = stage.asked(status_lens=None)
    entries: list[Entry] = [stage.entry(LIST, 1), stage.entry(LIST, 2), stage.record(SALT)]
    with StatusReader([network], retries=0) as reader:
        statuses = reader.read_statuses(
            StatusQuestion(entry=entry, issuer=stage.did(alice), digest=DIGEST) for entry in entries
        )
        assert reader.round_trips == stage.node.rounds == 1
    assert [status.kind for status in statuses] == [
        StatusKind.REVOKED,
        StatusKind.VALID,
        StatusKind.SUSPENDED,
    ]


@pytest.mark.parametrize(
    ("purpose", "bits", "value", "kind"),
    [
        (Purpose.REVOCATION, 1, 1, StatusKind.REVOKED),
        (Purpose.SUSPENSION, 1, 1, StatusKind.SUSPENDED),
        (Purpose.REFRESH, 1, 1, StatusKind.OTHER),
        (Purpose.MESSAGE, 8, 200, StatusKind.OTHER),
        (Purpose.LIFECYCLE, 2, 1, StatusKind.REVOKED),
        (Purpose.LIFECYCLE, 2, 2, StatusKind.SUSPENDED),
        (Purpose.LIFECYCLE, 4, 9, StatusKind.OTHER),
    ],
)
def test_value_means_what_the_list_says(  # noqa: PLR0917 - a table
    stage: StatusStage,
    alice: LocalAccount,
    purpose: Purpose,
    bits: int,
    value: int,
    kind: StatusKind,
) -> None:
    listed = list_id(purpose, bits=bits)
    stage.set_status(alice, listed, 131_071, value)
    status = stage.reader().read_status(stage.entry(listed, 131_071), stage.did(alice))
    assert (status.kind, status.value) == (kind, value)


def test_invalid_is_final_where_the_list_says_so(stage: StatusStage, alice: LocalAccount) -> None:
    final, other = list_id(flags=Flag.TERMINAL), LIST
    for listed in (final, other):
        stage.set_status(alice, listed, 3)
    stage.set_record(alice, SALT, DIGEST)
    reader, did = stage.reader(), stage.did(alice)
    assert reader.read_status(stage.entry(final, 3), did).terminal
    assert not reader.read_status(stage.entry(final, 4), did).terminal
    assert not reader.read_status(stage.entry(other, 3), did).terminal
    assert reader.read_status(stage.record(SALT), did, digest=DIGEST).terminal


def test_check_raises_unless_the_status_is_valid(stage: StatusStage, alice: LocalAccount) -> None:
    stage.set_status(alice, LIST, 1)
    reader, did = stage.reader(), stage.did(alice)
    assert reader.check_status(stage.entry(LIST, 2), did).is_valid
    with pytest.raises(StatusNotValid, match="the credential is revoked"):
        reader.check_status(stage.entry(LIST, 1), did)
    stage.node.dead = TimeoutError("no answer")
    with pytest.raises(StatusUndetermined, match="could not be determined"):
        reader.check_status(stage.entry(LIST, 2), did)


def test_statuses_are_those_of_the_issuer_and_of_nobody_else(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 1)
    entry = stage.entry(LIST, 1)
    assert stage.reader().read_status(entry, stage.did(bob)).is_valid
    assert not stage.reader().read_status(entry, stage.did(alice)).is_valid


def test_status_stays_with_the_identity_when_its_owner_changes(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 1)
    stage.change_owner(alice, bob)
    stage.set_status(alice, LIST, 2, by=bob)
    for index in (1, 2):
        status = stage.reader().read_status(stage.entry(LIST, index), stage.did(alice))
        assert status.kind is StatusKind.REVOKED


# -- which block counts --------------------------------------------------------------------------


def test_what_is_not_final_yet_is_said_to_be_pending(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.node.final = stage.head
    stage.set_status(alice, LIST, 1)
    status = stage.reader().read_status(stage.entry(LIST, 1), stage.did(alice))
    assert (status.kind, status.finality) == (StatusKind.REVOKED, Finality.PENDING)
    assert stage.node.rounds == 1


@pytest.mark.parametrize(
    ("policy", "kind", "finality"),
    [
        (FinalityPolicy.STRICTEST, StatusKind.SUSPENDED, Finality.FINAL),
        (FinalityPolicy.LATEST, StatusKind.VALID, Finality.PENDING),
        (FinalityPolicy.FINALIZED, StatusKind.SUSPENDED, Finality.FINAL),
    ],
)
def test_reinstatement_counts_once_it_is_final(
    stage: StatusStage,
    alice: LocalAccount,
    policy: FinalityPolicy,
    kind: StatusKind,
    finality: Finality,
) -> None:
    stage.set_status(alice, LIFECYCLE, 1, 2)
    stage.node.final = stage.head
    stage.set_status(alice, LIFECYCLE, 1, 0)
    entry, did = stage.entry(LIFECYCLE, 1), stage.did(alice)
    status = stage.reader().read_status(entry, did, policy=policy)
    assert (status.kind, status.finality) == (kind, finality)
    assert status.read_at is not None
    assert status.read_at.number == (stage.head if kind is StatusKind.VALID else stage.node.final)
    stage.node.final = stage.head
    assert stage.reader(policy=policy).read_status(entry, did).is_valid


def test_revocation_that_is_not_final_is_not_seen_by_those_who_want_final_blocks_only(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.node.final = stage.head
    stage.set_status(alice, LIST, 1)
    reader = stage.reader(policy=FinalityPolicy.FINALIZED)
    assert reader.read_status(stage.entry(LIST, 1), stage.did(alice)).is_valid


def test_node_that_does_not_say_what_is_final_shows_nothing_valid(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 1)
    stage.node.final = None
    did = stage.did(alice)
    valid = stage.reader().read_status(stage.entry(LIST, 2), did)
    revoked = stage.reader().read_status(stage.entry(LIST, 1), did)
    assert valid.kind is StatusKind.UNDETERMINED
    assert valid.reason is not None
    assert "which block is final" in valid.reason.message
    assert (revoked.kind, revoked.finality) == (StatusKind.REVOKED, Finality.UNKNOWN)
    latest = stage.reader(policy=FinalityPolicy.LATEST).read_status(stage.entry(LIST, 2), did)
    assert (latest.kind, latest.finality) == (StatusKind.VALID, Finality.UNKNOWN)


def test_node_that_answers_null_for_the_final_block_does_not_say_it(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.node.rewrite["eth_getBlockByNumber"] = lambda params, block: (
        None if params[0] == "finalized" else block
    )
    status = stage.reader().read_status(stage.entry(LIST, 2), stage.did(alice))
    assert status.kind is StatusKind.UNDETERMINED


def test_registry_that_is_younger_than_the_final_block_is_not_trusted_to_be_final(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 1)
    stage.node.final = 1  # nothing but the DID registry stands there
    did = stage.did(alice)
    assert not stage.reader().read_status(stage.entry(LIST, 2), did).is_valid
    revoked = stage.reader().read_status(stage.entry(LIST, 1), did)
    assert revoked.kind is StatusKind.REVOKED


def test_old_head_shows_nothing_valid_where_an_age_is_set(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 1)
    did = stage.did(alice)
    late = stage.reader(max_age=60, clock=lambda: stage.now + 61)
    assert late.read_status(stage.entry(LIST, 2), did).kind is StatusKind.UNDETERMINED
    assert late.read_status(stage.entry(LIST, 1), did).kind is StatusKind.REVOKED
    assert late.read_status(stage.entry(LIST, 2), did, at_block=stage.head).is_valid
    soon = stage.reader(max_age=60, clock=lambda: stage.now + 60)
    assert soon.read_status(stage.entry(LIST, 2), did).is_valid


# -- since when ----------------------------------------------------------------------------------


def test_record_says_its_time_at_once(stage: StatusStage, alice: LocalAccount) -> None:
    block = stage.set_record(alice, SALT, DIGEST)
    at = stage.now
    stage.mine()
    status = stage.reader().read_status(stage.record(SALT), stage.did(alice), digest=DIGEST)
    assert (status.changed_block, status.changed_at, status.since_exact) == (block, at, True)
    assert stage.node.rounds == 1


def test_time_of_an_entry_takes_one_more_round_trip_for_all(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 1)
    first = stage.now
    stage.set_status(alice, LIFECYCLE, 1, 2)
    second = stage.now
    questions = [
        StatusQuestion(entry=stage.entry(listed, 1), issuer=stage.did(alice))
        for listed in (LIST, LIFECYCLE, list_id(salt=b"\x77"))
    ]
    statuses = stage.reader().read_statuses(questions, times=True)
    assert [status.changed_at for status in statuses] == [first, second, None]
    assert stage.node.rounds == 2


def test_nothing_is_asked_for_times_where_nothing_ever_changed(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.reader().read_status(stage.entry(LIST, 1), stage.did(alice), times=True)
    assert stage.node.rounds == 1


def test_status_is_good_without_its_time(stage: StatusStage, alice: LocalAccount) -> None:
    block = stage.set_status(alice, LIST, 1)
    stage.mine()
    stage.node.rewrite["eth_getBlockByNumber"] = lambda params, found: (
        None if params[0] == hex(block) else found
    )
    status = stage.reader().read_status(stage.entry(LIST, 1), stage.did(alice), times=True)
    assert (status.kind, status.changed_at) == (StatusKind.REVOKED, None)


def test_exact_since_passes_over_the_changes_of_neighbours(
    stage: StatusStage, alice: LocalAccount
) -> None:
    block = stage.set_status(alice, LIST, 1)
    at = stage.now
    for neighbour in (2, 3, 4):
        stage.set_status(alice, LIST, neighbour)
    status = stage.reader().read_status(stage.entry(LIST, 1), stage.did(alice), exact_since=True)
    assert (status.changed_block, status.changed_at, status.since_exact) == (block, at, True)
    assert stage.node.rounds == 1 + 4


def test_exact_since_of_an_entry_that_never_changed_is_never(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 2)
    status = stage.reader().read_status(stage.entry(LIST, 1), stage.did(alice), exact_since=True)
    assert (status.kind, status.changed_block) == (StatusKind.VALID, None)


# -- what is asked -------------------------------------------------------------------------------


def test_entry_may_be_given_as_the_credential_has_it(
    stage: StatusStage, alice: LocalAccount
) -> None:
    stage.set_status(alice, LIST, 5)
    status = stage.reader().read_status(stage.entry(LIST, 5).to_dict(), stage.did(alice).text)
    assert status.kind is StatusKind.REVOKED


def test_credential_has_a_status_for_each_entry(stage: StatusStage, alice: LocalAccount) -> None:
    stage.set_status(alice, LIFECYCLE, 6, 2)
    credential = {
        "issuer": {"id": stage.did(alice).text},
        "credentialStatus": [
            stage.entry(LIST, 5).to_dict(),
            stage.entry(LIFECYCLE, 6).to_dict(),
            {"type": "SomethingElse"},
            "nonsense",
        ],
    }
    statuses = stage.reader().read_credential(credential)
    assert [status.kind for status in statuses] == [
        StatusKind.VALID,
        StatusKind.SUSPENDED,
        StatusKind.UNDETERMINED,
        StatusKind.UNDETERMINED,
    ]
    assert stage.node.rounds == 1


def test_credential_without_status_has_none(stage: StatusStage) -> None:
    assert stage.reader().read_credential({"issuer": "did:web:example.com"}) == ()
    assert stage.node.rounds == 0


@pytest.mark.parametrize("nothing", [{}, {"credentialStatus": []}, {"credentialStatus": None}])
def test_credential_that_says_nothing_is_not_taken_for_valid(
    stage: StatusStage, alice: LocalAccount, nothing: dict[str, object]
) -> None:
    credential = {"issuer": stage.did(alice).text, **nothing}
    assert stage.reader().read_credential(credential) == ()
    with pytest.raises(StatusUndetermined, match="says nothing about its status"):
        stage.reader().check_credential(credential)


def test_credential_is_as_good_as_its_worst_status(stage: StatusStage, alice: LocalAccount) -> None:
    stage.set_status(alice, LIST, 1)

    def credential(*entries: object) -> dict[str, object]:
        return {"issuer": stage.did(alice).text, "credentialStatus": list(entries)}

    good, bad = (stage.entry(LIST, index).to_dict() for index in (2, 1))
    reader = stage.reader()
    (status,) = reader.check_credential(credential(good))
    assert status.is_valid
    with pytest.raises(StatusUndetermined):
        reader.check_credential(credential(good, "nonsense"))
    with pytest.raises(StatusNotValid):
        reader.check_credential(credential(good, "nonsense", bad))


def test_issuer_may_be_named_for_a_credential(stage: StatusStage, alice: LocalAccount) -> None:
    credential = {"credentialStatus": stage.entry(LIST, 5).to_dict()}
    (unknown,) = stage.reader().read_credential(credential)
    assert unknown.kind is StatusKind.UNDETERMINED
    (known,) = stage.reader().read_credential(credential, stage.did(alice))
    assert known.is_valid


def test_credential_that_names_two_issuers_is_undetermined(
    stage: StatusStage, alice: LocalAccount, bob: LocalAccount
) -> None:
    credential = {
        "iss": stage.did(alice).text,
        "vc": {"issuer": stage.did(bob).text, "credentialStatus": stage.entry(LIST, 5).to_dict()},
    }
    (status,) = stage.reader().read_credential(credential)
    assert status.kind is StatusKind.UNDETERMINED


def test_record_without_the_digest_of_its_credential_is_undetermined(
    stage: StatusStage, alice: LocalAccount
) -> None:
    status = stage.reader().read_status(stage.record(SALT), stage.did(alice))
    assert status.reason is not None
    assert "digest" in status.reason.message
    assert stage.node.rounds == 0


@pytest.mark.parametrize(
    "options",
    [{"at_block": 1, "at_time": 1}, {"at_block": -1}, {"at_time": -1}, {"at_block": True}],
)
def test_options_that_contradict_each_other_are_refused(
    stage: StatusStage, alice: LocalAccount, options: StatusOptions
) -> None:
    with pytest.raises(InvalidOption):
        stage.reader().read_status(stage.entry(LIST, 1), stage.did(alice), **options)

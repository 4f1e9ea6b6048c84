"""What a verifier learns: only valid is valid, and the stricter of two views counts."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest

from ethr_did.core.status_answer import (
    Finality,
    FinalityPolicy,
    Moment,
    Status,
    StatusKind,
    choose,
    kind_of,
    stricter,
    stricter_value,
    undetermined,
    with_finality,
)
from ethr_did.core.status_list import Purpose
from ethr_did.errors import NodeUnreachable, StatusNotValid, StatusUndetermined

LATEST = Moment(chain_id=1, number=20, hash=b"\x01" * 32, timestamp=1_750_000_240)
FINALIZED = Moment(chain_id=1, number=10, hash=b"\x02" * 32, timestamp=1_750_000_120)
REASON = NodeUnreachable("nobody answers", hint="Ask another node.")
VALUES = {StatusKind.VALID: 0, StatusKind.REVOKED: 1, StatusKind.SUSPENDED: 2, StatusKind.OTHER: 3}


def seen(kind: StatusKind, at: Moment = LATEST, **more: object) -> Status:
    if kind is StatusKind.UNDETERMINED:
        return undetermined(REASON, read_at=at)
    made = Status(kind=kind, value=VALUES[kind], read_at=at)
    return replace(made, **more)  # type: ignore[arg-type]


# -- values --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("purpose", "bits", "kinds"),
    [
        (Purpose.REVOCATION, 1, ["valid", "revoked"]),
        (Purpose.SUSPENSION, 1, ["valid", "suspended"]),
        (Purpose.LIFECYCLE, 1, ["valid", "revoked"]),
        (Purpose.REFRESH, 1, ["valid", "other"]),
        (Purpose.MESSAGE, 1, ["valid", "other"]),
        (Purpose.REVOCATION, 2, ["valid", "revoked", "suspended", "other"]),
        (Purpose.SUSPENSION, 2, ["valid", "revoked", "suspended", "other"]),
        (Purpose.LIFECYCLE, 8, ["valid", "revoked", "suspended", "other", "other"]),
        (Purpose.REFRESH, 2, ["valid", "other", "other", "other"]),
        (Purpose.MESSAGE, 8, ["valid", "other", "other", "other"]),
    ],
)
def test_values_mean_what_the_list_is_for(purpose: Purpose, bits: int, kinds: list[str]) -> None:
    found = [kind_of(value, purpose=purpose, bits=bits).value for value in range(len(kinds))]
    assert found == kinds


def test_a_value_that_nobody_defined_is_never_valid() -> None:
    for purpose, bits in itertools.product(Purpose, (2, 4, 8)):
        for value in range(1, 1 << bits):
            assert kind_of(value, purpose=purpose, bits=bits) is not StatusKind.VALID


# -- checks --------------------------------------------------------------------------------------


def test_only_valid_is_valid() -> None:
    assert [kind for kind in StatusKind if seen(kind).is_valid] == [StatusKind.VALID]


def test_a_valid_status_passes_the_check() -> None:
    status = seen(StatusKind.VALID)
    assert status.check() is status


@pytest.mark.parametrize("kind", [StatusKind.REVOKED, StatusKind.SUSPENDED, StatusKind.OTHER])
def test_every_other_status_fails_the_check(kind: StatusKind) -> None:
    with pytest.raises(StatusNotValid) as caught:
        seen(kind, changed_block=7).check()
    assert caught.value.facts == {"kind": kind.value, "value": VALUES[kind], "changed_block": 7}


def test_what_could_not_be_found_out_fails_the_check_for_its_reason() -> None:
    with pytest.raises(
        StatusUndetermined, match=r"could not be determined: nobody answers$"
    ) as caught:
        undetermined(REASON).check()
    assert caught.value.hint == "Ask another node."
    assert caught.value.facts["reason"] == "node_unreachable"
    assert caught.value.__cause__ is REASON


def test_without_a_reason_it_fails_all_the_same() -> None:
    with pytest.raises(StatusUndetermined, match="for no known reason") as caught:
        Status(kind=StatusKind.UNDETERMINED).check()
    assert caught.value.hint == "Do not accept it; ask again."


def test_a_reason_without_a_hint_gets_one() -> None:
    with pytest.raises(StatusUndetermined) as caught:
        undetermined(NodeUnreachable("nobody answers")).check()
    assert caught.value.hint == "Do not accept it; ask again."


@pytest.mark.parametrize(
    ("status", "words"),
    [
        (seen(StatusKind.REVOKED), "revoked"),
        (seen(StatusKind.SUSPENDED), "suspended"),
        (seen(StatusKind.VALID), "valid"),
        (undetermined(REASON), "undetermined"),
        (seen(StatusKind.OTHER), "of status 3"),
        (seen(StatusKind.OTHER, message="moved"), "of status 3 (moved)"),
    ],
)
def test_a_status_can_be_said(status: Status, words: str) -> None:
    assert status.describe() == words


# -- JSON ----------------------------------------------------------------------------------------


def test_an_answer_as_json_says_what_is_known() -> None:
    assert undetermined(REASON).to_dict() == {
        "status": "undetermined",
        "valid": False,
        "reason": REASON.to_dict(),
        "terminal": False,
        "finality": "unknown",
    }


def test_a_whole_answer_as_json() -> None:
    status = Status(
        kind=StatusKind.OTHER,
        value=3,
        message="moved",
        changed_block=7,
        changed_at=1_750_000_000,
        since_exact=True,
        terminal=True,
        read_at=LATEST,
        finality=Finality.PENDING,
        issuer_deactivated=9,
    )
    assert status.to_dict() == {
        "status": "other",
        "valid": False,
        "value": 3,
        "message": "moved",
        "changedBlock": 7,
        "changedAt": 1_750_000_000,
        "sinceExact": True,
        "terminal": True,
        "readAt": {
            "chainId": 1,
            "blockNumber": 20,
            "blockHash": "0x" + "01" * 32,
            "blockTimestamp": 1_750_000_240,
        },
        "finality": "pending",
        "issuerDeactivatedBlock": 9,
    }


def test_valid_as_json_says_so_with_its_value() -> None:
    found = seen(StatusKind.VALID).to_dict()
    assert (found["valid"], found["value"], found["status"]) == (True, 0, "valid")


# -- the stricter of two views -------------------------------------------------------------------

VALID, OTHER, UNKNOWN, SUSPENDED, REVOKED = StatusKind


@pytest.mark.parametrize(
    ("latest", "finalized", "counts", "finality"),
    [
        (VALID, VALID, VALID, Finality.FINAL),
        (REVOKED, REVOKED, REVOKED, Finality.FINAL),
        (SUSPENDED, SUSPENDED, SUSPENDED, Finality.FINAL),
        (OTHER, OTHER, OTHER, Finality.FINAL),
        # A "no" that was seen is worth knowing at once.
        (REVOKED, VALID, REVOKED, Finality.PENDING),
        (SUSPENDED, VALID, SUSPENDED, Finality.PENDING),
        (REVOKED, SUSPENDED, REVOKED, Finality.PENDING),
        (OTHER, VALID, OTHER, Finality.PENDING),
        # What softens it is newer, and does not count yet.
        (VALID, REVOKED, REVOKED, Finality.FINAL),
        (VALID, SUSPENDED, SUSPENDED, Finality.FINAL),
        (SUSPENDED, REVOKED, REVOKED, Finality.FINAL),
        (VALID, OTHER, OTHER, Finality.FINAL),
        # What is not known is no "yes", and takes back no "no".
        (VALID, UNKNOWN, UNKNOWN, Finality.UNKNOWN),
        (OTHER, UNKNOWN, UNKNOWN, Finality.UNKNOWN),
        (REVOKED, UNKNOWN, REVOKED, Finality.UNKNOWN),
        (SUSPENDED, UNKNOWN, SUSPENDED, Finality.UNKNOWN),
        (UNKNOWN, VALID, UNKNOWN, Finality.UNKNOWN),
        (UNKNOWN, REVOKED, REVOKED, Finality.FINAL),
        (UNKNOWN, SUSPENDED, SUSPENDED, Finality.FINAL),
        (UNKNOWN, UNKNOWN, UNKNOWN, Finality.UNKNOWN),
    ],
)
def test_the_stricter_of_two_views_counts(
    latest: StatusKind, finalized: StatusKind, counts: StatusKind, finality: Finality
) -> None:
    found = stricter(seen(latest), seen(finalized, FINALIZED))
    assert (found.kind, found.finality) == (counts, finality)


@pytest.mark.parametrize(("latest", "finalized"), list(itertools.product(StatusKind, repeat=2)))
def test_valid_needs_both_views(latest: StatusKind, finalized: StatusKind) -> None:
    found = stricter(seen(latest), seen(finalized, FINALIZED))
    assert found.is_valid is (latest is finalized is StatusKind.VALID)


def test_the_answer_says_which_block_it_is_of() -> None:
    assert stricter(seen(REVOKED), seen(VALID, FINALIZED)).read_at == LATEST
    assert stricter(seen(VALID), seen(REVOKED, FINALIZED)).read_at == FINALIZED
    assert stricter(seen(REVOKED), seen(REVOKED, FINALIZED)).read_at == LATEST
    assert stricter(seen(UNKNOWN), seen(UNKNOWN, FINALIZED)).read_at == LATEST


def test_of_two_values_of_one_kind_the_final_one_counts() -> None:
    found = stricter(seen(OTHER, value=3), seen(OTHER, FINALIZED, value=4))
    assert (found.value, found.finality) == (4, Finality.FINAL)


@pytest.mark.parametrize(
    ("policy", "kind", "finality", "at"),
    [
        (FinalityPolicy.STRICTEST, SUSPENDED, Finality.FINAL, FINALIZED),
        (FinalityPolicy.LATEST, VALID, Finality.PENDING, LATEST),
        (FinalityPolicy.FINALIZED, SUSPENDED, Finality.FINAL, FINALIZED),
    ],
)
def test_the_policy_says_which_view_counts(
    policy: FinalityPolicy, kind: StatusKind, finality: Finality, at: Moment
) -> None:
    found = choose(policy, latest=seen(VALID), finalized=seen(SUSPENDED, FINALIZED))
    assert (found.kind, found.finality, found.read_at) == (kind, finality, at)


@pytest.mark.parametrize(
    ("latest", "finalized", "finality"),
    [
        (VALID, VALID, Finality.FINAL),
        (VALID, REVOKED, Finality.PENDING),
        (VALID, UNKNOWN, Finality.UNKNOWN),
        (UNKNOWN, VALID, Finality.UNKNOWN),
    ],
)
def test_the_finalized_view_says_whether_the_newest_is_final(
    latest: StatusKind, finalized: StatusKind, finality: Finality
) -> None:
    found = with_finality(seen(latest), seen(finalized, FINALIZED))
    assert (found.kind, found.finality) == (latest, finality)


@pytest.mark.parametrize(
    ("latest", "finalized", "value"),
    [(0, 0, 0), (1, 0, 1), (0, 1, 1), (2, 1, 1), (1, 2, 1), (0, 3, 3), (3, 0, 3), (4, 3, 3)],
)
def test_values_are_chosen_as_views_are(latest: int, finalized: int, value: int) -> None:
    found = stricter_value(latest, finalized, purpose=Purpose.LIFECYCLE, bits=8)
    assert found == value

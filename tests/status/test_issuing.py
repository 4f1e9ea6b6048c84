"""Changing statuses as their issuer: on a real chain, with other writers, strangers and crashes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.artifacts import ContractName
from ethr_did.chain.fees import FeeRules
from ethr_did.chain.transactions import Intent
from ethr_did.core.calls import selector
from ethr_did.core.changes import ChangeOwner, deactivate
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.core.status_calls import revoke_key_call, set_status_call
from ethr_did.core.status_delegates import revoke_status_delegate
from ethr_did.core.status_entry import ContractId, ListEntry
from ethr_did.core.status_list import (
    INVALID,
    SUSPENDED,
    VALID,
    Authority,
    Flag,
    ListId,
    status_key,
)
from ethr_did.core.status_wishes import gather
from ethr_did.errors import (
    DeactivatedError,
    InvalidConfiguration,
    InvalidStatusEntry,
    NotAuthorized,
    RegistryMissing,
    Reverted,
    StatusConflict,
    WrongChain,
)
from ethr_did.status.issuing import StatusIssuer, StatusProgress
from support.fault_proxy import FaultProxy, RpcError
from support.issuing import (
    FINAL,
    FINAL_LIFE,
    LIFE,
    OWNERS,
    PLAIN,
    Office,
    a_list,
    record,
    wish,
)
from support.status_chain import create
from support.writing import make_sender

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ethr_did.chain.local import LocalAccount
    from ethr_did.chain.transactions import Sender
    from ethr_did.core.status_wishes import RecordWish, Wish

    Wanted = Wish | RecordWish

KEY, OTHER_KEY = status_key(b"\1" * 32, b"\2" * 32), status_key(b"\3" * 32, b"\4" * 32)
ANCHORED = a_list(9, flags=Flag.ANCHORED)


def trips(office: Office) -> int:
    return office.door.round_trips


def revocations(list_id: ListId, indexes: Sequence[int]) -> list[Wish]:
    return [wish(list_id, index, INVALID) for index in indexes]


# -- changes -------------------------------------------------------------------------------------


def test_one_status_is_changed_and_read_back(office: Office, alice: LocalAccount) -> None:
    report = office.issuer(alice).apply([wish(FINAL, 300, INVALID)], office.sender(alice))

    assert (report.changed, report.unchanged, report.conflicts) == (1, 0, ())
    assert office.value(alice, FINAL, 300) == INVALID
    assert office.value(alice, FINAL, 301) == VALID
    (receipt,) = report.receipts
    assert (report.gas_used, report.cost_wei) == (receipt.gas_used, receipt.cost_wei)
    assert report.check() is report


def test_lists_and_records_are_changed_together(office: Office, alice: LocalAccount) -> None:
    wishes: list[Wanted] = [
        wish(FINAL, 0, INVALID),
        wish(FINAL, 131_071, INVALID),
        wish(LIFE, 7, SUSPENDED),
        wish(LIFE, 8, 3),
        record(KEY, INVALID),
        record(OTHER_KEY, SUSPENDED),
    ]

    report = office.issuer(alice).apply(wishes, office.sender(alice))

    # One for all lists, and one for each value of the records.
    assert (report.changed, len(report.receipts)) == (6, 3)
    assert [office.value(alice, FINAL, index) for index in (0, 1, 131_071)] == [1, 0, 1]
    assert [office.value(alice, LIFE, index) for index in (6, 7, 8)] == [0, 2, 3]
    assert office.record(alice, KEY).value == INVALID
    assert office.record(alice, OTHER_KEY).value == SUSPENDED


def test_entries_are_revoked_suspended_and_reinstated_by_name(
    office: Office, alice: LocalAccount
) -> None:
    issuer, sender = office.issuer(alice), office.sender(alice)
    entries: list[ListEntry | bytes] = [
        ListEntry(registry=issuer.registry, list_id=LIFE, index=5),
        ListEntry(registry=issuer.registry, list_id=PLAIN, index=6),
        KEY,
    ]

    def values() -> list[int]:
        return [
            office.value(alice, LIFE, 5),
            office.value(alice, PLAIN, 6),
            office.record(alice, KEY).value,
        ]

    issuer.suspend(entries, sender)
    assert values() == [SUSPENDED, 1, SUSPENDED]
    issuer.reinstate(entries, sender)
    assert values() == [VALID, VALID, VALID]
    issuer.revoke([entries[0], KEY], sender)
    assert values() == [INVALID, VALID, INVALID]
    issuer.set_value([entries[0]], 3, sender)
    assert values() == [3, VALID, INVALID]
    with pytest.raises(InvalidStatusEntry, match="cannot say 'revoked'"):
        issuer.revoke([entries[1]], sender)


def test_an_entry_of_another_contract_is_refused(office: Office, alice: LocalAccount) -> None:
    issuer = office.issuer(alice)
    elsewhere = ContractId(1, issuer.registry.address)
    with pytest.raises(InvalidStatusEntry, match="the entry is of eip155:1:"):
        issuer.revoke([ListEntry(registry=elsewhere, list_id=FINAL, index=5)], office.sender(alice))


def test_what_is_so_already_is_left_alone(office: Office, alice: LocalAccount) -> None:
    issuer, sender = office.issuer(alice), office.sender(alice)
    issuer.apply(revocations(FINAL, [1, 2]), sender)
    head = office.chain.head.number

    again = issuer.apply(revocations(FINAL, [1, 2]), sender)

    assert (again.changed, again.unchanged, again.receipts) == (0, 2, ())
    assert office.chain.head.number == head
    more = issuer.apply(revocations(FINAL, [1, 2, 3]), sender)
    assert (more.changed, more.unchanged) == (1, 2)


def test_a_thousand_in_a_page_are_one_transaction(office: Office, alice: LocalAccount) -> None:
    report = office.issuer(alice).apply(revocations(FINAL, range(0, 4000, 4)), office.sender(alice))

    assert (report.changed, len(report.receipts)) == (1000, 1)
    assert report.gas_used < 700_000


def test_what_is_too_much_for_one_transaction_is_several(
    office: Office, alice: LocalAccount
) -> None:
    sparse = a_list(20, bits=8)  # 26 entries in a word
    indexes = range(0, 26 * 150, 26)  # 150 new words
    seen: list[StatusProgress] = []
    with office.small_blocks(1_000_000) as small:
        report = small.issuer(alice, in_flight=4).apply(
            revocations(sparse, indexes), small.sender(alice), on_progress=seen.append
        )

    assert (report.changed, len(report.receipts)) == (150, 5)
    assert all(receipt.gas_used < 1_000_000 for receipt in report.receipts)
    assert {word.payload for word in office.words(alice, sparse)[:150]} == {1}
    assert len(office.changes_of(sparse)) == 150
    stages = ["planned", "sent", *["mined"] * 4, "sent", "mined"]
    assert [one.stage for one in seen] == stages
    assert {one.total for one in seen} == {150}
    assert (seen[-1].done, seen[-1].transactions_done, seen[-1].transactions_left) == (150, 5, 0)


def test_a_transaction_stays_below_the_cap_where_blocks_hold_more(
    office: Office, alice: LocalAccount
) -> None:
    sparse = a_list(22, bits=8)
    plan = office.issuer(alice).plan(
        revocations(sparse, range(0, 26 * 560, 26)), office.sender(alice)
    )

    assert office.chain.head.header.gas_limit > 16_777_216
    assert len(plan.batches) == 2
    assert all(item.gas <= 16_777_216 for item in plan.quote.items)


def test_a_change_costs_four_round_trips(office: Office, alice: LocalAccount) -> None:
    sender = office.sender(alice)
    before = trips(office)

    office.issuer(alice).apply(revocations(FINAL, [1, 2, 90_000]), sender)

    assert trips(office) - before == 1  # the checks
    assert sender.chain.round_trips == 3  # type: ignore[attr-defined]


# -- the plan ------------------------------------------------------------------------------------


def test_a_plan_names_changes_and_costs_and_sends_nothing(
    office: Office, alice: LocalAccount
) -> None:
    issuer, sender = office.issuer(alice), office.sender(alice)
    issuer.apply(revocations(FINAL, [1]), sender)
    head, before = office.chain.head.number, trips(office)
    wishes: list[Wanted] = [*revocations(FINAL, [1, 2, 3, 500]), record(KEY, SUSPENDED)]

    plan = issuer.plan(wishes, sender)

    assert trips(office) - before == 1
    assert office.chain.head.number == head
    found = plan.to_dict()
    assert (found["changes"], found["unchanged"]) == (4, 1)
    assert (found["words"], found["newWords"]) == (2, 1)
    assert [one["changes"] for one in found["transactions"]] == [3, 1]
    assert found["lists"] == [{"listId": FINAL.text, "authority": "owner", "words": 2}]
    assert found["records"] == [{"value": 2, "authority": "owner", "count": 1}]
    assert found["warnings"] == []
    report = issuer.apply(wishes, sender)
    for planned, receipt in zip(found["transactions"], report.receipts, strict=True):
        assert receipt.gas_used <= planned["estimatedGas"] <= planned["gas"]
    assert plan.expected_cost <= plan.highest_cost < plan.quote.balance


def test_a_plan_of_nothing_costs_nothing(office: Office, alice: LocalAccount) -> None:
    issuer, sender = office.issuer(alice), office.sender(alice)
    issuer.apply(revocations(FINAL, [1]), sender)

    plan = issuer.plan(revocations(FINAL, [1]), sender)

    assert (plan.batches, plan.change_count, plan.expected_cost) == ((), 0, 0)


def test_of_a_large_plan_the_node_prices_a_part(office: Office, alice: LocalAccount) -> None:
    sparse = a_list(21, bits=8)
    issuer, sender = office.issuer(alice), office.sender(alice)
    wishes: list[Wanted] = [
        *revocations(sparse, range(0, 26, 26)),
        *(record(bytes([n]) * 32, n) for n in range(2, 8)),
    ]

    plan = issuer.plan(wishes, sender)

    assert (len(plan.batches), len(plan.quote.items)) == (7, 4)
    assert [one["estimatedGas"] is None for one in plan.to_dict()["transactions"]][3:] == [
        False,
        True,
        True,
        True,
    ]
    assert plan.expected_cost > plan.quote.expected_cost
    assert plan.highest_cost > plan.quote.highest_cost


def test_a_plan_warns_of_keys_of_earlier_owners(
    office: Office, alice: LocalAccount, bob: LocalAccount, mallory: LocalAccount
) -> None:
    office.grant(alice, mallory)
    office.give(alice, Address(bob.address_bytes))

    (warning,) = office.issuer(alice).plan(revocations(FINAL, [1]), office.sender(bob)).warnings

    assert mallory.address in warning
    assert "earlier owner" in warning


# -- what is refused -----------------------------------------------------------------------------


def assert_refused(
    office: Office,
    alice: LocalAccount,
    wishes: Sequence[Wanted],
    kind: type[Exception],
    match: str,
    *,
    sender: Sender | None = None,
    **options: Any,
) -> None:
    """Refused by plan and by apply, with nothing sent and no job left."""
    sender = sender or office.sender(alice)
    head = office.chain.head.number
    issuer = office.issuer(alice, **options)
    for attempt in (issuer.plan, issuer.apply):
        with pytest.raises(kind, match=match):
            attempt(wishes, sender)
    assert office.chain.head.number == head
    assert issuer.open_jobs(sender) == []


def test_with_one_wish_that_cannot_be_fulfilled_none_is(
    office: Office, alice: LocalAccount
) -> None:
    issuer, sender = office.issuer(alice), office.sender(alice)
    issuer.apply([wish(FINAL, 1, INVALID), wish(FINAL_LIFE, 2, INVALID)], sender)
    issuer.apply([record(KEY, INVALID)], sender)

    wishes: list[Wanted] = [
        wish(FINAL, 0, INVALID),
        wish(FINAL, 1, VALID),
        wish(FINAL_LIFE, 2, SUSPENDED),
        record(KEY, VALID),
    ]
    with pytest.raises(InvalidStatusEntry) as caught:
        issuer.apply(wishes, sender)

    assert len(caught.value.facts["faults"]) == 3
    assert office.value(alice, FINAL, 0) == VALID


@pytest.mark.parametrize(
    ("wishes", "match"),
    [
        ([], "nothing to change"),
        ([wish(FINAL, 131_072, 1)], "index 131072 is not in a list"),
        ([wish(FINAL, 1, 2)], "status 2 does not fit"),
        ([wish(FINAL, 1, 1), wish(FINAL, 1, 0)], "in an earlier row"),
        ([wish(ANCHORED, 1, 1)], "kept off chain"),
        ([record(b"\1" * 31, 1)], "a key has 32 bytes"),
    ],
)
def test_wishes_that_mean_nothing_are_refused_before_anything_is_asked(
    office: Office, alice: LocalAccount, wishes: list[Wish], match: str
) -> None:
    before = trips(office)
    assert_refused(office, alice, wishes, InvalidStatusEntry, match)
    assert trips(office) == before


def test_a_network_without_a_status_registry_is_said_to_have_none(
    office: Office, alice: LocalAccount
) -> None:
    bare = replace(office.network, status_registry=None)
    with pytest.raises(InvalidConfiguration, match="has no status_registry"):
        StatusIssuer(bare, office.did(alice), chain=office.door)


def test_a_contract_that_is_no_status_registry_is_said_to_be_none(
    office: Office, alice: LocalAccount
) -> None:
    wrong = replace(office.network, status_registry="0x" + "77" * 20)
    issuer = StatusIssuer(wrong, office.did(alice), chain=office.door)
    with pytest.raises(RegistryMissing):
        issuer.apply(revocations(FINAL, [1]), office.sender(alice))


def test_another_chain_is_refused(office: Office, alice: LocalAccount) -> None:
    wrong = replace(office.network, chain_id=1)
    issuer = StatusIssuer(wrong, office.did(alice), chain=office.door)
    with pytest.raises(WrongChain):
        issuer.plan(revocations(FINAL, [1]), office.sender(alice))


def test_a_status_registry_that_believes_another_did_registry_is_refused(
    office: Office, alice: LocalAccount
) -> None:
    other = create(office.chain, ContractName.ETHEREUM_DID_REGISTRY)
    foreign = create(office.chain, ContractName.CREDENTIAL_STATUS_REGISTRY, did_registry=other)
    wrong = replace(office.network, status_registry=to_checksum_address(foreign))
    issuer = StatusIssuer(wrong, office.did(alice), chain=office.door)
    with pytest.raises(InvalidConfiguration, match="asks the DID registry"):
        issuer.apply(revocations(FINAL, [1]), office.sender(alice))


# -- who may -------------------------------------------------------------------------------------


def test_a_stranger_is_refused_before_gas_is_spent(
    office: Office, alice: LocalAccount, mallory: LocalAccount
) -> None:
    assert_refused(
        office,
        alice,
        [wish(FINAL, 1, INVALID), record(KEY, INVALID)],
        NotAuthorized,
        f"{mallory.address} has no right to change list .* and 1 more of {alice.address}",
        sender=office.sender(mallory),
    )


def test_nobody_takes_a_list_by_writing_first(
    office: Office, alice: LocalAccount, mallory: LocalAccount
) -> None:
    # The same list id and key, under mallory's own identity.
    office.issuer(mallory).apply(
        [*revocations(FINAL, range(50)), record(KEY, INVALID)], office.sender(mallory)
    )
    # And under alice's, straight to the contract.
    address = Address(alice.address_bytes)
    for data in (
        set_status_call(address, Authority.OWNER, FINAL, 3, INVALID),
        revoke_key_call(address, Authority.REVOCATION_ONLY, KEY),
    ):
        with pytest.raises(NotAuthorized):
            office.call(mallory, data)

    assert [office.value(alice, FINAL, index) for index in range(50)] == [VALID] * 50
    assert office.record(alice, KEY).value == VALID
    report = office.issuer(alice).apply([wish(FINAL, 3, INVALID)], office.sender(alice))
    assert report.changed == 1


def test_only_the_new_owner_may_after_a_change(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    office.give(alice, Address(bob.address_bytes))

    assert_refused(office, alice, [wish(FINAL, 1, INVALID)], NotAuthorized, "has no right")
    report = office.issuer(alice).apply([wish(FINAL, 1, INVALID)], office.sender(bob))
    assert report.changed == 1
    assert office.value(alice, FINAL, 1) == INVALID  # still under alice's identity


@pytest.mark.parametrize(
    ("authority", "list_id", "can", "cannot"),
    [
        (
            Authority.ALL_LISTS,
            None,
            [wish(LIFE, 1, SUSPENDED), wish(FINAL, 1, INVALID), record(KEY, SUSPENDED)],
            [wish(OWNERS, 1, INVALID)],
        ),
        (
            Authority.REVOCATION_ONLY,
            None,
            [wish(LIFE, 1, INVALID), wish(FINAL, 1, INVALID), record(KEY, INVALID)],
            [wish(LIFE, 2, SUSPENDED), record(OTHER_KEY, SUSPENDED)],
        ),
        (
            Authority.ONE_LIST,
            LIFE,
            [wish(LIFE, 1, SUSPENDED), wish(LIFE, 2, INVALID)],
            [wish(FINAL, 1, INVALID), record(KEY, INVALID)],
        ),
    ],
)
def test_a_status_key_does_what_it_has_the_right_to(
    *,
    office: Office,
    alice: LocalAccount,
    bob: LocalAccount,
    authority: Authority,
    list_id: ListId | None,
    can: list[Wanted],
    cannot: list[Wanted],
) -> None:
    office.grant(alice, bob, authority, list_id=list_id)
    sender = office.sender(bob)

    report = office.issuer(alice).apply(can, sender)

    assert report.changed == len(can)
    for one in cannot:
        with pytest.raises(NotAuthorized, match="has no right"):
            office.issuer(alice).apply([one], sender)


def test_several_keys_of_one_account_serve_each_its_list(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    office.grant(alice, bob, Authority.REVOCATION_ONLY)
    office.grant(alice, bob, Authority.ONE_LIST, list_id=LIFE)
    wishes: list[Wanted] = [wish(LIFE, 1, SUSPENDED), wish(FINAL, 1, INVALID), record(KEY, INVALID)]

    plan = office.issuer(alice).plan(wishes, office.sender(bob))
    report = office.issuer(alice).apply(wishes, office.sender(bob))

    rights = {one["listId"]: one["authority"] for one in plan.to_dict()["lists"]}
    assert rights == {LIFE.text: "one_list", FINAL.text: "revocation_only"}
    assert (report.changed, len(report.receipts)) == (3, 2)


def test_the_right_that_is_named_is_claimed_and_no_other(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    office.grant(alice, bob, Authority.ALL_LISTS)
    sender = office.sender(bob)

    with pytest.raises(NotAuthorized):
        office.issuer(alice, authority=Authority.OWNER).plan([wish(LIFE, 1, 1)], sender)
    plan = office.issuer(alice, authority=Authority.ALL_LISTS).plan([wish(LIFE, 1, 1)], sender)
    assert plan.to_dict()["lists"][0]["authority"] == "all_lists"


def test_a_key_that_has_ended_is_none(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    office.grant(alice, bob, validity=100)
    office.pass_time(101)
    with pytest.raises(NotAuthorized):
        office.issuer(alice).apply([wish(LIFE, 1, 1)], office.sender(bob))


def test_a_key_of_the_earlier_owner_goes_on_until_it_is_revoked(
    office: Office, alice: LocalAccount, bob: LocalAccount, mallory: LocalAccount
) -> None:
    office.grant(alice, mallory)
    office.give(alice, Address(bob.address_bytes))

    office.issuer(alice).apply([wish(LIFE, 1, SUSPENDED)], office.sender(mallory))
    assert_refused(
        office,
        alice,
        [wish(OWNERS, 1, INVALID)],
        NotAuthorized,
        "has no right",
        sender=office.sender(mallory),
    )
    ended = revoke_status_delegate(Address(mallory.address_bytes))
    office.change(alice, ended, by=bob)
    office.chain.mine()
    assert_refused(
        office,
        alice,
        [wish(LIFE, 1, VALID)],
        NotAuthorized,
        "has no right",
        sender=office.sender(mallory),
    )


def test_a_right_that_ends_on_the_way_is_named(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    office.grant(alice, bob, validity=1000)
    sender = office.sender(bob)
    issuer = office.issuer(alice, in_flight=1)

    def end(progress: StatusProgress) -> None:
        if progress.stage == "planned":
            office.pass_time(1001)

    with pytest.raises(NotAuthorized, match="the contract refuses this"):
        issuer.apply([wish(LIFE, 1, SUSPENDED)], sender, on_progress=end)


# -- deactivated ---------------------------------------------------------------------------------


@pytest.mark.parametrize("back", [False, True])
def test_a_deactivated_identity_changes_nothing_though_the_contract_would_take_it(
    office: Office, alice: LocalAccount, bob: LocalAccount, *, back: bool
) -> None:
    office.change(alice, deactivate())
    if back:
        office.give(alice, Address(bob.address_bytes))
    who = bob if back else alice
    # The contract would take it: the zero owner gives control back to the identity's own key.
    data = set_status_call(Address(alice.address_bytes), Authority.OWNER, FINAL, 9, INVALID)
    office.call(who, data)

    assert_refused(
        office,
        alice,
        [wish(FINAL, 1, INVALID)],
        DeactivatedError,
        "that is final",
        sender=office.sender(who),
    )


# -- others write at the same time ---------------------------------------------------------------


@pytest.fixture
def two(office: Office, alice: LocalAccount, bob: LocalAccount) -> tuple[Sender, Sender]:
    """Two that write alice's statuses: the owner, and a key for all lists."""
    office.grant(alice, bob)
    return office.sender(alice), office.sender(bob)


def once(stage: str, act: Callable[[], object]) -> Callable[[StatusProgress], None]:
    """Acts when a change reaches that stage for the first time."""
    done: list[bool] = []

    def see(progress: StatusProgress) -> None:
        if progress.stage == stage and not done:
            done.append(True)
            act()

    return see


@pytest.mark.parametrize("first", [0, 1], ids=["the owner plans first", "the key plans first"])
def test_changes_of_neighbours_are_merged(
    office: Office, alice: LocalAccount, two: tuple[Sender, Sender], first: int
) -> None:
    issuer, other = office.issuer(alice), office.issuer(alice)
    ours, theirs = two[first], two[1 - first]
    issuer.apply([wish(LIFE, 3, 3)], ours)

    seen: list[str] = []

    def see(progress: StatusProgress) -> None:
        seen.append(progress.stage)
        if seen == ["planned"]:
            other.apply([wish(LIFE, 1, SUSPENDED), wish(LIFE, 3, VALID)], theirs)

    report = issuer.apply([wish(LIFE, 0, INVALID), wish(LIFE, 2, SUSPENDED)], ours, on_progress=see)

    assert seen == ["planned", "again", "sent", "mined"]
    assert (report.changed, report.conflicts, report.reverted) == (2, (), ())
    assert [office.value(alice, LIFE, index) for index in range(4)] == [1, 2, 2, 0]
    assert issuer.open_jobs(ours) == []


def test_what_the_other_decided_otherwise_is_left_and_reported(
    office: Office, alice: LocalAccount, two: tuple[Sender, Sender]
) -> None:
    issuer = office.issuer(alice)
    theirs: list[Wanted] = [wish(LIFE, 1, INVALID), wish(LIFE, 2, SUSPENDED), record(KEY, 3)]
    ours: list[Wanted] = [
        wish(LIFE, 0, SUSPENDED),
        wish(LIFE, 1, SUSPENDED),
        wish(LIFE, 2, SUSPENDED),
        record(KEY, SUSPENDED),
        record(OTHER_KEY, SUSPENDED),
    ]

    report = issuer.apply(
        ours, two[0], on_progress=once("planned", lambda: issuer.apply(theirs, two[1]))
    )

    assert (report.changed, report.unchanged) == (2, 1)
    assert [(one.list_id, one.index, one.key, one.found) for one in report.conflicts] == [
        (LIFE, 1, b"", INVALID),
        (None, 0, KEY, 3),
    ]
    assert [office.value(alice, LIFE, index) for index in range(3)] == [2, 1, 2]
    assert office.record(alice, KEY).value == 3
    assert office.record(alice, OTHER_KEY).value == SUSPENDED
    with pytest.raises(StatusConflict, match="2 statuses were changed by somebody else") as caught:
        report.check()
    assert len(caught.value.facts["conflicts"]) == 2
    assert len(report.to_dict()["conflicts"]) == 2


def test_final_revocations_never_conflict(
    office: Office, alice: LocalAccount, two: tuple[Sender, Sender]
) -> None:
    issuer = office.issuer(alice)
    theirs: list[Wanted] = [
        wish(FINAL_LIFE, 0, SUSPENDED),
        wish(FINAL_LIFE, 1, INVALID),
        record(KEY, SUSPENDED),
    ]
    ours: list[Wanted] = [
        wish(FINAL_LIFE, 0, INVALID),
        wish(FINAL_LIFE, 1, INVALID),
        record(KEY, INVALID),
    ]
    seen: list[str] = []

    def see(progress: StatusProgress) -> None:
        seen.append(progress.stage)
        if seen == ["planned"]:
            issuer.apply(theirs, two[1])

    report = issuer.apply(ours, two[0], on_progress=see)

    assert seen == ["planned", "sent", "mined", "mined"]
    assert report.conflicts == ()
    assert [office.value(alice, FINAL_LIFE, index) for index in (0, 1)] == [1, 1]
    assert office.record(alice, KEY).value == INVALID


def test_what_comes_too_late_in_a_block_is_done_again(
    office: Office, alice: LocalAccount, two: tuple[Sender, Sender]
) -> None:
    issuer = office.issuer(alice)
    address = Address(alice.address_bytes)
    # Theirs is mined in the same block, before ours: a higher tip.
    rich = office.sender(office.chain.accounts[1], rules=FeeRules(max_priority_fee_per_gas=10**11))
    data = set_status_call(address, Authority.ALL_LISTS, LIFE, 1, SUSPENDED)
    intent = Intent(to=issuer.reader.address, data=data, purpose="faster")

    office.chain.automine = False
    seen: list[str] = []

    def see(progress: StatusProgress) -> None:
        seen.append(progress.stage)
        if seen == ["planned"]:
            rich.submit([intent])
        if progress.stage == "sent" and not office.chain.automine:
            office.chain.automine = True

    report = issuer.apply([wish(LIFE, 0, INVALID)], two[0], on_progress=see)

    assert seen == ["planned", "sent", "again", "sent", "mined"]
    assert (len(report.receipts), len(report.reverted)) == (1, 1)
    assert not report.reverted[0].succeeded
    assert report.gas_used == report.receipts[0].gas_used + report.reverted[0].gas_used
    assert [office.value(alice, LIFE, index) for index in (0, 1)] == [1, 2]


def test_whoever_is_always_too_late_is_told_and_can_go_on(
    office: Office, alice: LocalAccount, two: tuple[Sender, Sender]
) -> None:
    issuer = office.issuer(alice)
    values = iter(range(100))

    def interfere(progress: StatusProgress) -> None:
        if progress.stage in ("planned", "again"):
            issuer.apply([wish(LIFE, 50, next(values) % 3 + 1)], two[1])

    with pytest.raises(StatusConflict, match="in 6 attempts") as caught:
        issuer.apply([wish(LIFE, 0, SUSPENDED)], two[0], on_progress=interfere)

    assert caught.value.facts["entries"] == [f"entry 0 of {LIFE.text}"]
    assert len(issuer.open_jobs(two[0])) == 1
    report = issuer.apply([wish(LIFE, 0, SUSPENDED)], two[0])
    assert (report.changed, issuer.open_jobs(two[0])) == (1, [])


def test_a_node_that_does_not_say_why_is_asked_again_and_believed_in_the_end(
    office: Office, alice: LocalAccount
) -> None:
    """A refusal without a reason may be a race; if nothing changes, it is none."""

    def refuse(_call: dict[str, Any], _result: object) -> object:
        raise RpcError(3, "execution reverted")

    slept: list[float] = []
    with FaultProxy(office.chain.handle) as proxy:
        proxy.rewrite("eth_estimateGas", refuse)
        sender = make_sender(proxy.url, alice.key, office.root)
        issuer = office.issuer(alice, sleep=slept.append)
        with pytest.raises(StatusConflict):
            issuer.apply([wish(LIFE, 0, SUSPENDED)], sender)
    assert slept == [0.05] * 5


def test_a_refusal_that_is_no_race_ends_it(office: Office, alice: LocalAccount) -> None:
    def refuse(_call: dict[str, Any], _result: object) -> object:
        raise RpcError(3, "execution reverted", data="0x" + selector("EmptyBatch()").hex())

    with FaultProxy(office.chain.handle) as proxy:
        proxy.rewrite("eth_estimateGas", refuse)
        sender = make_sender(proxy.url, alice.key, office.root)
        with pytest.raises(Reverted, match="EmptyBatch"):
            office.issuer(alice).apply([wish(LIFE, 0, SUSPENDED)], sender)


# -- credentials ---------------------------------------------------------------------------------


def credential(
    office: Office, issuer: str, list_id: ListId = LIFE, index: int = 5
) -> dict[str, Any]:
    registry = ContractId.parse(f"eip155:31337:{office.network.status_registry}")
    entry = ListEntry(registry=registry, list_id=list_id, index=index)
    return {"issuer": {"id": issuer}, "credentialStatus": entry.to_dict()}


def test_a_credential_is_revoked_by_what_it_says(office: Office, alice: LocalAccount) -> None:
    issuer = office.issuer(alice)
    found = credential(office, office.did(alice).text)

    issuer.apply(issuer.wishes_of(found, "revoked"), office.sender(alice))

    assert office.value(alice, LIFE, 5) == INVALID


def test_the_chain_id_names_the_network_too(office: Office, alice: LocalAccount) -> None:
    issuer = office.issuer(alice)
    assert issuer.wishes_of(credential(office, f"did:ethr:0x7A69:{alice.address}"), 1)
    for other in ("", "0x1:", "sepolia:"):
        with pytest.raises(InvalidStatusEntry, match="not did:ethr:dev:"):
            issuer.wishes_of(credential(office, f"did:ethr:{other}{alice.address}"), 1)


def test_the_credential_of_another_issuer_is_refused(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    found = credential(office, office.did(bob).text)
    with pytest.raises(InvalidStatusEntry, match=f"{bob.address}'s, not"):
        office.issuer(alice).wishes_of(found, "revoked")


def test_wishes_may_be_gathered_before(office: Office, alice: LocalAccount) -> None:
    gathered = gather([wish(LIFE, 1, SUSPENDED)])
    assert office.issuer(alice).apply(gathered, office.sender(alice)).changed == 1


def test_the_owner_may_be_given_in_the_same_breath(
    office: Office, alice: LocalAccount, bob: LocalAccount
) -> None:
    """An identity changes hands between plan and apply: the second reading sees it."""
    issuer = office.issuer(alice)
    issuer.plan([wish(LIFE, 1, 1)], office.sender(alice))
    office.identity(alice).apply(
        [ChangeOwner(owner=Address(bob.address_bytes))], office.sender(alice)
    )
    with pytest.raises(NotAuthorized):
        issuer.apply([wish(LIFE, 1, 1)], office.sender(alice))

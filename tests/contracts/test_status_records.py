"""Key records: statuses of credentials that are in no list."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.evm import Evm, Reverted, b32, events
from support.status import (
    ALL_LISTS,
    INVALID,
    OWNER,
    REVOCATION_ONLY,
    SUSPENDED,
    VALID,
    Message,
    list_id,
    message,
    record_slot,
    word_slot,
)

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract

KEY = b"\x11" * 32
KEYS = [bytes([number]) * 32 for number in range(1, 4)]


def record(value: int, time: int, block: int, previous: int = 0) -> int:
    return value | time << 8 | block << 48 | previous << 96


def test_a_record_holds_value_time_block_and_the_block_before(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    functions = statuses.functions
    evm.send(functions.setKeys(owner.address, OWNER, SUSPENDED, [KEY], []), owner)
    first = evm.block_number
    evm.chain.mine(2)
    receipt = evm.send(functions.revokeKey(owner.address, OWNER, KEY), owner)
    found = functions.recordOf(owner.address, KEY).call()
    assert found == [INVALID, evm.timestamp, evm.block_number, first]
    stored = record(INVALID, evm.timestamp, evm.block_number, first)
    assert functions.recordsOf(owner.address, [KEY, KEYS[1]]).call() == [stored, 0]
    slot = record_slot(owner.address, KEY)
    assert int.from_bytes(evm.w3.eth.get_storage_at(statuses.address, slot), "big") == stored
    assert events(statuses, receipt) == [
        ("StatusRecordChanged", {"identity": owner.address, "key": KEY, "record": stored})
    ]


def test_suspends_reinstates_and_sets_any_value(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    for value in (SUSPENDED, VALID, 255, 3):
        evm.send(statuses.functions.setKeys(owner.address, OWNER, value, KEYS, []), owner)
        for key in KEYS:
            assert statuses.functions.recordOf(owner.address, key).call()[0] == value


@pytest.mark.parametrize("value", [VALID, SUSPENDED, 255])
def test_invalid_is_final(evm: Evm, statuses: Contract, owner: LocalAccount, value: int) -> None:
    evm.send(statuses.functions.revokeKey(owner.address, OWNER, KEYS[1]), owner)
    call = statuses.functions.setKeys(owner.address, OWNER, value, KEYS, [])
    assert evm.failure(call, owner) == Reverted("RecordIsFinal", (KEYS[1],))


@pytest.mark.parametrize("value", [VALID, INVALID])
def test_what_changes_nothing_writes_nothing(
    evm: Evm, statuses: Contract, owner: LocalAccount, value: int
) -> None:
    call = statuses.functions.setKeys(owner.address, OWNER, value, [KEY], [])
    evm.send(call, owner)
    before = statuses.functions.recordsOf(owner.address, [KEY]).call()
    assert events(statuses, evm.send(call, owner)) == []
    assert statuses.functions.recordsOf(owner.address, [KEY]).call() == before


def test_surplus_keys_or_expectations_are_refused_not_ignored(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    # In ERC-5539 the longer array's surplus is silently dropped: nothing was revoked, nobody knew.
    for keys, expected in ((KEYS, [0]), (KEYS[:1], [0, 0]), (KEYS, [0, 0, 0, 0])):
        call = statuses.functions.setKeys(owner.address, OWNER, INVALID, keys, expected)
        assert evm.failure(call, owner) == Reverted("LengthMismatch", (len(keys), len(expected)))


def test_a_stale_expected_record_is_refused(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    functions = statuses.functions
    evm.send(functions.setKeys(owner.address, OWNER, SUSPENDED, [KEY], [0]), owner)
    now = functions.recordsOf(owner.address, [KEY]).call()[0]
    call = functions.setKeys(owner.address, OWNER, VALID, [KEY], [0])
    assert evm.failure(call, owner) == Reverted("StaleRecord", (KEY, 0, now))
    evm.send(functions.setKeys(owner.address, OWNER, VALID, [KEY], [now]), owner)


def test_an_empty_batch_is_refused(evm: Evm, statuses: Contract, owner: LocalAccount) -> None:
    call = statuses.functions.setKeys(owner.address, OWNER, INVALID, [], [])
    assert evm.failure(call, owner) == Reverted("EmptyBatch")


def test_strangers_write_no_records(
    evm: Evm, statuses: Contract, owner: LocalAccount, stranger: LocalAccount
) -> None:
    refused = Reverted("NotAuthorized", (owner.address.lower(), stranger.address.lower()))
    functions = statuses.functions
    assert evm.failure(functions.revokeKey(owner.address, OWNER, KEY), stranger) == refused
    call = functions.setKeys(owner.address, ALL_LISTS, INVALID, [KEY], [])
    assert evm.failure(call, stranger) == refused


def test_delegates_write_records_by_their_rights(
    *,
    evm: Evm,
    registry: Contract,
    statuses: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    stranger: LocalAccount,
) -> None:
    for kind, delegate in (("credStatus", successor), ("credRevoke", stranger)):
        call = registry.functions.addDelegate(owner.address, b32(kind), delegate.address, 86_400)
        evm.send(call, owner)
    functions = statuses.functions
    evm.send(functions.setKeys(owner.address, ALL_LISTS, SUSPENDED, KEYS, []), successor)
    for value in (VALID, SUSPENDED, 3):
        call = functions.setKeys(owner.address, REVOCATION_ONLY, value, KEYS, [])
        assert evm.failure(call, stranger) == Reverted("RevocationOnly", (0,))
    evm.send(functions.revokeKey(owner.address, REVOCATION_ONLY, KEYS[0]), stranger)
    evm.send(functions.setKeys(owner.address, REVOCATION_ONLY, INVALID, KEYS, []), stranger)


def test_a_key_is_never_taken_for_a_list(evm: Evm, statuses: Contract, owner: LocalAccount) -> None:
    listed = list_id()
    evm.send(statuses.functions.revokeKey(owner.address, OWNER, listed), owner)
    assert statuses.functions.statusOf(owner.address, listed, 0).call() == [VALID, 0]
    assert word_slot(owner.address, listed, 0) != record_slot(owner.address, listed)


# ----------------------------------------------------------------------------------------- messages


def keys_message(
    statuses: Contract, who: LocalAccount, value: int, keys: list[bytes], expected: list[int]
) -> Message:
    return message(statuses, "SetKeys", who.address, OWNER, value, keys, expected)


def test_a_message_has_the_effect_of_the_call(
    evm: Evm, statuses: Contract, owner: LocalAccount, relayer: LocalAccount
) -> None:
    consent = keys_message(statuses, owner, SUSPENDED, KEYS, [0, 0, 0]).consent(owner)
    call = statuses.functions.setKeysBySig(
        owner.address, OWNER, SUSPENDED, KEYS, [0, 0, 0], consent
    )
    evm.send(call, relayer)
    assert statuses.functions.recordOf(owner.address, KEYS[2]).call()[0] == SUSPENDED


def test_the_signature_covers_every_member(
    evm: Evm, statuses: Contract, owner: LocalAccount, relayer: LocalAccount
) -> None:
    consent = keys_message(statuses, owner, INVALID, KEYS, []).consent(owner)
    functions = statuses.functions
    for call in (
        functions.setKeysBySig(relayer.address, OWNER, INVALID, KEYS, [], consent),
        functions.setKeysBySig(owner.address, ALL_LISTS, INVALID, KEYS, [], consent),
        functions.setKeysBySig(owner.address, OWNER, SUSPENDED, KEYS, [], consent),
        functions.setKeysBySig(owner.address, OWNER, INVALID, KEYS[::-1], [], consent),
        functions.setKeysBySig(owner.address, OWNER, INVALID, KEYS[:2], [], consent),
        functions.setKeysBySig(owner.address, OWNER, INVALID, KEYS, [0, 0, 0], consent),
    ):
        assert evm.failure(call, relayer) == Reverted("InvalidSignature", (owner.address.lower(),))
    evm.send(functions.setKeysBySig(owner.address, OWNER, INVALID, KEYS, [], consent), relayer)


def test_a_suspension_does_not_replay_after_the_reinstatement(
    evm: Evm, statuses: Contract, owner: LocalAccount, relayer: LocalAccount
) -> None:
    functions = statuses.functions
    consent = keys_message(statuses, owner, SUSPENDED, [KEY], [0]).consent(owner)
    call = functions.setKeysBySig(owner.address, OWNER, SUSPENDED, [KEY], [0], consent)
    evm.send(call, relayer)
    evm.send(functions.setKeys(owner.address, OWNER, VALID, [KEY], []), owner)
    now = functions.recordsOf(owner.address, [KEY]).call()[0]
    assert evm.failure(call, relayer) == Reverted("StaleRecord", (KEY, 0, now))


def test_a_reversible_message_must_say_what_it_expects(
    evm: Evm, statuses: Contract, owner: LocalAccount, relayer: LocalAccount
) -> None:
    consent = keys_message(statuses, owner, SUSPENDED, KEYS, []).consent(owner)
    call = statuses.functions.setKeysBySig(owner.address, OWNER, SUSPENDED, KEYS, [], consent)
    assert evm.failure(call, relayer) == Reverted("ExpectationRequired", (0,))


def test_a_message_may_not_expect_a_record_of_its_own_block(
    evm: Evm, statuses: Contract, owner: LocalAccount, relayer: LocalAccount
) -> None:
    expected = [record(VALID, evm.timestamp, evm.block_number + 5)]
    consent = keys_message(statuses, owner, SUSPENDED, [KEY], expected).consent(owner)
    call = statuses.functions.setKeysBySig(
        owner.address, OWNER, SUSPENDED, [KEY], expected, consent
    )
    assert evm.failure(call, relayer).name == "ExpectedTooRecent"


def test_a_message_cannot_expect_whatever_there_is_by_the_words_of_lists(
    evm: Evm, statuses: Contract, owner: LocalAccount, relayer: LocalAccount
) -> None:
    # 1 means ANY where a word is expected. For a record it must not, or suspensions would replay.
    consent = keys_message(statuses, owner, SUSPENDED, [KEY], [1]).consent(owner)
    call = statuses.functions.setKeysBySig(owner.address, OWNER, SUSPENDED, [KEY], [1], consent)
    assert evm.failure(call, relayer) == Reverted("StaleRecord", (KEY, 1, 0))

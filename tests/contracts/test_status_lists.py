"""Status lists on chain: entries, words, rules of the list's id, history."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.artifacts import ContractName, load
from support.evm import Evm, Reverted, events
from support.status import (
    ANCHORED,
    ANY,
    INVALID,
    LIFECYCLE,
    LSB_FIRST,
    OTHER,
    OWNER,
    PAYLOAD,
    PAYLOAD_BITS,
    SUSPENDED,
    TERMINAL,
    VALID,
    dice,
    list_id,
    per_word,
    update,
    word_slot,
)

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract

PLAIN = list_id()
FINAL = list_id(flags=TERMINAL)
TWO_BITS = list_id(LIFECYCLE, width_log=1)
FINAL_TWO_BITS = list_id(LIFECYCLE, width_log=1, flags=TERMINAL)
WIDTHS = range(4)


def set_status(evm: Evm, statuses: Contract, who: LocalAccount, listed: bytes, *entry: int) -> None:
    """Sets an entry, given by index and value."""
    evm.send(statuses.functions.setStatus(who.address, OWNER, listed, *entry), who)


def status(statuses: Contract, who: LocalAccount, listed: bytes, index: int) -> tuple[int, int]:
    value, block = statuses.functions.statusOf(who.address, listed, index).call()
    return value, block


def test_an_entry_nobody_wrote_is_valid_and_never_changed(
    statuses: Contract, owner: LocalAccount
) -> None:
    assert status(statuses, owner, PLAIN, 94567) == (VALID, 0)


@pytest.mark.parametrize("width_log", WIDTHS)
def test_sets_one_entry_and_no_other(
    evm: Evm, statuses: Contract, owner: LocalAccount, width_log: int
) -> None:
    listed = list_id(LIFECYCLE, width_log=width_log)
    largest = (1 << (1 << width_log)) - 1
    entries = per_word(width_log)
    for index in (0, entries - 1, entries, 94567, 2**17 - 1):
        with evm.undone():
            set_status(evm, statuses, owner, listed, index, largest)
            assert status(statuses, owner, listed, index) == (largest, evm.block_number)
            near = [at for at in (index - 1, index + 1) if 0 <= at < 2**17]
            assert [status(statuses, owner, listed, at)[0] for at in near] == [VALID] * len(near)


def test_the_word_is_where_and_what_the_specification_says(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    index = 94567
    set_status(evm, statuses, owner, TWO_BITS, index, SUSPENDED)
    word, position = divmod(index, 104)
    slot = word_slot(owner.address, TWO_BITS, word)
    stored = int.from_bytes(evm.w3.eth.get_storage_at(statuses.address, slot), "big")
    assert stored == evm.block_number << PAYLOAD_BITS | SUSPENDED << 2 * position
    assert statuses.functions.wordsOf(owner.address, TWO_BITS, word, 1).call() == [stored]


def test_the_event_says_what_is_and_what_was(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    set_status(evm, statuses, owner, PLAIN, 208, INVALID)
    before = evm.block_number << PAYLOAD_BITS | 1
    call = statuses.functions.setStatus(owner.address, OWNER, PLAIN, 210, INVALID)
    assert events(statuses, evm.send(call, owner)) == [
        (
            "StatusWordChanged",
            {
                "identity": owner.address,
                "listId": PLAIN,
                "update": 1 << PAYLOAD_BITS | 0b101,
                "previousWord": before,
            },
        )
    ]


def test_reinstates_where_the_list_is_not_terminal(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    set_status(evm, statuses, owner, PLAIN, 7, INVALID)
    set_status(evm, statuses, owner, PLAIN, 7, VALID)
    assert status(statuses, owner, PLAIN, 7) == (VALID, evm.block_number)


@pytest.mark.parametrize("listed", [PLAIN, FINAL, FINAL_TWO_BITS], ids=["plain", "final", "two"])
def test_what_changes_nothing_leaves_the_last_change_alone(
    evm: Evm, statuses: Contract, owner: LocalAccount, listed: bytes
) -> None:
    set_status(evm, statuses, owner, listed, 7, INVALID)
    then = evm.block_number
    call = statuses.functions.setStatus(owner.address, OWNER, listed, 7, INVALID)
    assert events(statuses, evm.send(call, owner)) == []
    assert status(statuses, owner, listed, 7) == (INVALID, then)


# ------------------------------------------------------------------------------------- terminal lists


@pytest.mark.parametrize("width_log", WIDTHS)
def test_invalid_is_never_undone_in_a_terminal_list(
    evm: Evm, statuses: Contract, owner: LocalAccount, width_log: int
) -> None:
    listed = list_id(LIFECYCLE, width_log=width_log, flags=TERMINAL)
    index = per_word(width_log) + 5
    set_status(evm, statuses, owner, listed, index, INVALID)
    for value in {VALID, SUSPENDED, OTHER} & set(range(1 << (1 << width_log))):
        for call in (
            statuses.functions.setStatus(owner.address, OWNER, listed, index, value),
            statuses.functions.updateWords(
                owner.address,
                OWNER,
                listed,
                [update([(4, INVALID), (5, value)], width_log=width_log, word=1)],
            ),
        ):
            assert evm.failure(call, owner) == Reverted("StatusIsFinal", (index,))


@pytest.mark.parametrize("width_log", WIDTHS[1:])
def test_setting_bits_above_invalid_is_undoing_it(
    evm: Evm, statuses: Contract, owner: LocalAccount, width_log: int
) -> None:
    # A rule that only looks for cleared bits would let 01 become 11.
    listed = list_id(LIFECYCLE, width_log=width_log, flags=TERMINAL)
    set_status(evm, statuses, owner, listed, 3, INVALID)
    words = [(0b10 << (3 << width_log), 0, ANY)]
    call = statuses.functions.updateWords(owner.address, OWNER, listed, words)
    assert evm.failure(call, owner) == Reverted("StatusIsFinal", (3,))


def test_a_terminal_list_suspends_and_reinstates_and_then_revokes(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    for value in (SUSPENDED, VALID, OTHER, SUSPENDED, INVALID):
        set_status(evm, statuses, owner, FINAL_TWO_BITS, 9, value)
        assert status(statuses, owner, FINAL_TWO_BITS, 9) == (value, evm.block_number)


@pytest.mark.parametrize("width_log", WIDTHS)
def test_finality_holds_for_words_full_of_anything(
    evm: Evm, statuses: Contract, owner: LocalAccount, width_log: int
) -> None:
    listed = list_id(LIFECYCLE, width_log=width_log, flags=TERMINAL)
    rng = dice(width_log)
    entries, largest = per_word(width_log), (1 << (1 << width_log)) - 1
    for _ in range(8):
        old = [rng.choice([VALID, INVALID, rng.randint(0, largest)]) for _ in range(entries)]
        new = [
            value if rng.random() < 0.99 else rng.randint(0, largest)
            for value in (rng.randint(0, largest) if was != INVALID else was for was in old)
        ]
        with evm.undone():
            first = update(enumerate(old), width_log=width_log)
            evm.send(statuses.functions.updateWords(owner.address, OWNER, listed, [first]), owner)
            second = update(enumerate(new), width_log=width_log)
            call = statuses.functions.updateWords(owner.address, OWNER, listed, [second])
            undone = [
                at
                for at, (was, now) in enumerate(zip(old, new, strict=True))
                if was == INVALID != now
            ]
            if undone:
                assert evm.failure(call, owner) == Reverted("StatusIsFinal", (undone[0],))
            else:
                evm.send(call, owner)
                found = statuses.functions.statusesOf(
                    owner.address, listed, list(range(entries))
                ).call()
                assert list(found) == new


# ------------------------------------------------------------------------------------------- batches


def test_changes_many_words_at_once(evm: Evm, statuses: Contract, owner: LocalAccount) -> None:
    words = [update([(at, INVALID), (at + 1, INVALID)], word=at) for at in range(20)]
    receipt = evm.send(statuses.functions.updateWords(owner.address, OWNER, PLAIN, words), owner)
    assert [args["update"] for _, args in events(statuses, receipt)] == [
        word << PAYLOAD_BITS | 0b11 << word for word in range(20)
    ]


def test_changes_lists_of_several_issuers_their_delegate_writes_for(
    *,
    evm: Evm,
    registry: Contract,
    statuses: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
) -> None:
    evm.send(registry.functions.changeOwner(owner.address, successor.address), owner)
    lists = [
        (owner.address, OWNER, PLAIN, [update([(1, INVALID)])]),
        (successor.address, OWNER, TWO_BITS, [update([(2, SUSPENDED)], width_log=1)]),
    ]
    evm.send(statuses.functions.updateLists(lists), successor)
    assert status(statuses, owner, PLAIN, 1)[0] == INVALID
    assert status(statuses, successor, TWO_BITS, 2)[0] == SUSPENDED


def test_a_batch_happens_as_a_whole_or_not_at_all(
    evm: Evm, statuses: Contract, owner: LocalAccount, stranger: LocalAccount
) -> None:
    lists = [
        (owner.address, OWNER, PLAIN, [update([(1, INVALID)])]),
        (stranger.address, OWNER, PLAIN, [update([(1, INVALID)])]),
    ]
    refused = evm.failure(statuses.functions.updateLists(lists), owner)
    assert refused == Reverted("NotAuthorized", (stranger.address.lower(), owner.address.lower()))
    assert status(statuses, owner, PLAIN, 1) == (VALID, 0)


def test_an_empty_batch_is_refused(evm: Evm, statuses: Contract, owner: LocalAccount) -> None:
    functions = statuses.functions
    for call in (
        functions.updateLists([]),
        functions.updateLists([(owner.address, OWNER, PLAIN, [])]),
        functions.updateWords(owner.address, OWNER, PLAIN, []),
    ):
        assert evm.failure(call, owner) == Reverted("EmptyBatch")


def test_the_same_word_twice_in_a_batch_changes_twice(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    words = [update([(1, INVALID)]), update([(1, VALID), (2, INVALID)])]
    receipt = evm.send(statuses.functions.updateWords(owner.address, OWNER, PLAIN, words), owner)
    first, second = (args for _, args in events(statuses, receipt))
    assert first["previousWord"] == 0
    assert second["previousWord"] == evm.block_number << PAYLOAD_BITS | 0b10
    assert second["update"] == 0b100


# ---------------------------------------------------------------------------------- compare and swap


def test_a_stale_expected_word_is_refused(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    set_status(evm, statuses, owner, PLAIN, 3, INVALID)
    seen = statuses.functions.wordsOf(owner.address, PLAIN, 0, 1).call()[0]
    set_status(evm, statuses, owner, PLAIN, 4, INVALID)
    now = statuses.functions.wordsOf(owner.address, PLAIN, 0, 1).call()[0]
    words = [update([(5, INVALID)], expected=seen)]
    call = statuses.functions.updateWords(owner.address, OWNER, PLAIN, words)
    assert evm.failure(call, owner) == Reverted("StaleWord", (0, seen, now))


def test_the_same_statuses_of_another_block_are_another_word(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    # Comparing statuses alone would not see that somebody revoked and reinstated in between.
    set_status(evm, statuses, owner, PLAIN, 3, INVALID)
    seen = statuses.functions.wordsOf(owner.address, PLAIN, 0, 1).call()[0]
    set_status(evm, statuses, owner, PLAIN, 4, INVALID)
    set_status(evm, statuses, owner, PLAIN, 4, VALID)
    now = statuses.functions.wordsOf(owner.address, PLAIN, 0, 1).call()[0]
    assert now & PAYLOAD == seen & PAYLOAD
    words = [update([(5, INVALID)], expected=seen)]
    call = statuses.functions.updateWords(owner.address, OWNER, PLAIN, words)
    assert evm.failure(call, owner) == Reverted("StaleWord", (0, seen, now))


def test_zero_expects_a_word_that_was_never_used(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    call = statuses.functions.updateWords(
        owner.address, OWNER, PLAIN, [update([(5, INVALID)], expected=0)]
    )
    evm.send(call, owner)
    word = statuses.functions.wordsOf(owner.address, PLAIN, 0, 1).call()[0]
    assert evm.failure(call, owner) == Reverted("StaleWord", (0, 0, word))


# ----------------------------------------------------------------------------------- ids, ranges


@pytest.mark.parametrize(
    "listed",
    [
        list_id(layout=0),
        list_id(layout=2),
        list_id(5),
        list_id(253, layout=0),
        list_id(255),
        list_id(width_log=4),
        list_id(width_log=255),
        list_id(flags=ANCHORED),
        list_id(flags=LSB_FIRST),
        list_id(flags=16),
        list_id(flags=128),
        list_id(capacity_log=32),
        list_id(capacity_log=255),
        bytes(32),
    ],
    ids=lambda listed: listed[:5].hex(),
)
def test_an_id_of_another_layout_is_refused_everywhere(
    evm: Evm, statuses: Contract, owner: LocalAccount, listed: bytes
) -> None:
    functions, who = statuses.functions, owner.address
    for call in (
        functions.setStatus(who, OWNER, listed, 0, INVALID),
        functions.updateWords(who, OWNER, listed, [update([(0, INVALID)])]),
        functions.updateLists([(who, OWNER, listed, [update([(0, INVALID)])])]),
        functions.statusOf(who, listed, 0),
        functions.statusesOf(who, listed, [0]),
        functions.wordsOf(who, listed, 0, 1),
    ):
        assert evm.failure(call, owner) == Reverted("InvalidListId", (listed,))


@pytest.mark.parametrize("purpose", range(5))
def test_every_known_purpose_is_taken(
    evm: Evm, statuses: Contract, owner: LocalAccount, purpose: int
) -> None:
    set_status(evm, statuses, owner, list_id(purpose), 1, INVALID)


def test_ids_that_differ_in_anything_are_different_lists(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    set_status(evm, statuses, owner, PLAIN, 1, INVALID)
    for other in (FINAL, list_id(1), list_id(capacity_log=16), list_id(salt=b"\x01" * 27)):
        assert status(statuses, owner, other, 1) == (VALID, 0)


@pytest.mark.parametrize("capacity_log", [0, 3, 8, 17, 31])
def test_an_index_behind_the_end_is_refused_everywhere(
    evm: Evm, statuses: Contract, owner: LocalAccount, capacity_log: int
) -> None:
    listed = list_id(capacity_log=capacity_log)
    functions, who, end = statuses.functions, owner.address, 2**capacity_log
    set_status(evm, statuses, owner, listed, end - 1, INVALID)
    word, position = divmod(end, 208)
    for call in (
        functions.setStatus(who, OWNER, listed, end, INVALID),
        functions.statusOf(who, listed, end),
        functions.statusOf(who, listed, 2**256 - 1),
        functions.statusesOf(who, listed, [0, end]),
        functions.updateWords(who, OWNER, listed, [update([(position, INVALID)], word=word)]),
        functions.updateWords(who, OWNER, listed, [update([(0, VALID)], word=word + 1)]),
        functions.updateWords(who, OWNER, listed, [update([(0, INVALID)], word=2**48 - 1)]),
    ):
        refused = evm.failure(call, owner)
        assert refused in {
            Reverted("IndexOutOfRange", (end,)),
            Reverted("IndexOutOfRange", (2**256 - 1,)),
        }


def test_a_mask_may_not_touch_the_block_number(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    words = [(0, 1 << PAYLOAD_BITS, ANY)]
    call = statuses.functions.updateWords(owner.address, OWNER, PLAIN, words)
    assert evm.failure(call, owner) == Reverted("IndexOutOfRange", (2**17,))


@pytest.mark.parametrize("width_log", WIDTHS[:3])
def test_a_value_over_the_width_is_refused(
    evm: Evm, statuses: Contract, owner: LocalAccount, width_log: int
) -> None:
    listed, bits = list_id(LIFECYCLE, width_log=width_log), 1 << width_log
    call = statuses.functions.setStatus(owner.address, OWNER, listed, 1, 1 << bits)
    assert evm.failure(call, owner) == Reverted("StatusOutOfRange", (1 << bits, bits))


# ------------------------------------------------------------------------------------------- reading


def test_reads_many_entries_and_the_whole_list_in_one_call(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    revoked = sorted(dice(1).sample(range(2**17), 60))
    words: dict[int, list[tuple[int, int]]] = {}
    for index in revoked:
        words.setdefault(index // 208, []).append((index % 208, INVALID))
    updates = [update(values, word=word) for word, values in words.items()]
    evm.send(statuses.functions.updateWords(owner.address, OWNER, PLAIN, updates), owner)
    asked = [index + offset for index in revoked[::7] for offset in (0, 1)] + [revoked[0]]
    found = statuses.functions.statusesOf(owner.address, PLAIN, asked).call()
    assert list(found) == [int(index in revoked) for index in asked]
    whole = statuses.functions.wordsOf(owner.address, PLAIN, 0, 631).call()
    assert len(whole) == 631
    bits = [index for index in range(2**17) if whole[index // 208] >> index % 208 & 1]
    assert bits == revoked


def test_words_behind_the_end_are_left_out(statuses: Contract, owner: LocalAccount) -> None:
    words = statuses.functions.wordsOf
    assert len(words(owner.address, PLAIN, 630, 5).call()) == 1
    assert words(owner.address, PLAIN, 631, 5).call() == []
    assert words(owner.address, PLAIN, 2**256 - 1, 2**256 - 1).call() == []


def test_the_chain_of_previous_words_leads_to_every_earlier_status(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    rng = dice(3)
    history: dict[int, int] = {}
    state = 0
    for _ in range(12):
        with evm.one_block():
            for _ in range(rng.randint(0, 3)):
                position, value = rng.randrange(6), rng.randrange(2)
                call = statuses.functions.setStatus(owner.address, OWNER, PLAIN, position, value)
                evm.submit(call, owner)
                state = state & ~(1 << position) | value << position
        evm.chain.mine()
        history[evm.block_number] = state
        history.setdefault(evm.block_number - 1, state)
    for block, expected in history.items():
        assert status_word_at(statuses, owner.address, block) & PAYLOAD == expected


def status_word_at(statuses: Contract, identity: str, block: int) -> int:
    """Word 0 as it was after a block: the walk of the specification."""
    word: int = statuses.functions.wordsOf(identity, PLAIN, 0, 1).call()[0]
    while (last := word >> PAYLOAD_BITS) > block:
        logs = statuses.events.StatusWordChanged().get_logs(
            from_block=last, to_block=last, argument_filters={"identity": identity, "listId": PLAIN}
        )
        # The first event of the block is the one whose previous word is of an earlier block.
        (word,) = (
            log["args"]["previousWord"]
            for log in logs
            if log["args"]["update"] >> PAYLOAD_BITS == 0
            and log["args"]["previousWord"] >> PAYLOAD_BITS < last
        )
    return word


def test_keeps_nothing_but_words_and_records() -> None:
    assert load(ContractName.CREDENTIAL_STATUS_REGISTRY).storage_layout["storage"] == []

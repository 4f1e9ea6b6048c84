"""``transaction``, and commands that are interrupted on the way."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from conftest import Rpc
    from support.command_line import CommandLine

ON_DEV = ("--network", "dev")


@pytest.fixture
def adding(did: str) -> tuple[str, ...]:
    """A change."""
    return ("service", "add", did, "Hub", "https://hub.example.com")


@pytest.fixture
def slow(rpc: Rpc) -> Rpc:
    """A chain that mines only when it is told to."""
    rpc("evm_setAutomine", False)
    return rpc


def test_what_is_not_mined_in_time_is_pending_and_taken_up_later(
    ethr_did: CommandLine, slow: Rpc, adding: tuple[str, ...]
) -> None:
    late = ethr_did(*adding, "--timeout", "0.1", "--json")
    assert (late.status, late.error["code"]) == (5, "transaction_pending")
    slow("evm_mine")
    again = ethr_did(*adding, "--json")
    assert again.json["txHash"] == late.error["facts"]["tx_hash"]
    assert again.json["resumed"] is True
    assert "An earlier run sent" in again.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_while_waiting_says_what_to_do_next(
    ethr_did: CommandLine, slow: Rpc, adding: tuple[str, ...], number: signal.Signals
) -> None:
    with ethr_did.spawn(*adding, "--json") as process:
        process.wait_for_words("Sent 0x")
        done = process.end(number)
    assert done.status == 130
    assert done.error["code"] == "interrupted"
    assert "Run the same command again" in done.err
    assert "Traceback" not in done.err
    slow("evm_mine")
    assert ethr_did(*adding, "--json").json["resumed"] is True


def test_a_killed_command_is_taken_up_by_the_next_one_and_nothing_happens_twice(
    ethr_did: CommandLine, slow: Rpc, adding: tuple[str, ...], did: str
) -> None:
    with ethr_did.spawn(*adding) as process:
        process.wait_for_words("Sent 0x")
        assert process.end(signal.SIGKILL).status == -signal.SIGKILL
    slow("evm_mine")
    done = ethr_did(*adding, "--json")
    assert (done.status, done.json["resumed"]) == (0, True)
    assert len(ethr_did("history", did).out.splitlines()) == 2


def test_the_list_shows_where_each_transaction_stands(
    ethr_did: CommandLine, slow: Rpc, adding: tuple[str, ...]
) -> None:
    assert ethr_did("transaction", "list", *ON_DEV).err.startswith("Nothing was sent")
    ethr_did(*adding, "--timeout", "0")
    (entry,) = ethr_did("transaction", "list", *ON_DEV, "--json").json
    assert (entry["state"], entry["blockNumber"]) == ("sent", None)
    assert "raw" not in entry
    slow("evm_mine")
    (heading, row) = ethr_did("transaction", "list", *ON_DEV).out.splitlines()
    assert heading.split()[:3] == ["nonce", "state", "block"]
    assert row.split()[1] == "mined"
    assert row.endswith(entry["txHash"])


def test_without_a_node_the_list_is_that_of_the_journal_and_says_so(
    ethr_did: CommandLine, slow: Rpc, adding: tuple[str, ...]
) -> None:
    ethr_did(*adding, "--timeout", "0")
    done = ethr_did("transaction", "list", "--network", "dead", "--json")
    assert (done.status, done.json[0]["state"]) == (4, "sent")
    assert "not brought up to date" in done.err
    slow("evm_mine")


def test_a_stuck_transaction_is_waited_for_replaced_or_cancelled(
    ethr_did: CommandLine, slow: Rpc, adding: tuple[str, ...], did: str
) -> None:
    quick = (*ON_DEV, "--timeout", "0.1", "--json")
    first = ethr_did(*adding, "--timeout", "0", "--json").error["facts"]["tx_hash"]
    assert ethr_did("transaction", "wait", first, *quick).error["code"] == "transaction_pending"
    second = ethr_did("transaction", "replace", first, *quick, "--bump", "25").error["facts"][
        "tx_hash"
    ]
    assert second != first
    ethr_did("transaction", "cancel", second, *quick)
    slow("evm_mine")
    rows = ethr_did("transaction", "list", *ON_DEV, "--json").json
    assert sorted(row["state"] for row in rows) == ["mined", "replaced", "replaced"]
    (mined,) = [row for row in rows if row["state"] == "mined"]
    assert mined["purpose"].startswith("cancel: ")
    assert len(ethr_did("history", did).out.splitlines()) == 1
    lost = ethr_did("transaction", "wait", first, *quick)
    assert (lost.status, lost.error["code"]) == (5, "transaction_replaced")
    again = ethr_did("transaction", "replace", mined["txHash"], *quick)
    assert (again.status, "no longer waits" in again.error["message"]) == (5, True)


def test_a_mined_transaction_can_be_waited_for_again(
    ethr_did: CommandLine, adding: tuple[str, ...]
) -> None:
    made = ethr_did(*adding, "--json").json
    done = ethr_did("transaction", "wait", made["txHash"], *ON_DEV, "--json")
    assert done.json["blockHash"] == made["blockHash"]


@pytest.mark.parametrize("command", ["wait", "replace", "cancel"])
def test_a_transaction_of_somebody_else_is_not_found(ethr_did: CommandLine, command: str) -> None:
    done = ethr_did("transaction", command, "0x" + "12" * 32, *ON_DEV, "--json")
    assert (done.status, done.error["code"]) == (3, "not_found")
    wrong = ethr_did("transaction", command, "0x12", *ON_DEV)
    assert (wrong.status, "0x and 64 hex digits" in wrong.err) == (2, True)


def test_confirmations_are_waited_for_and_told_once_each(
    ethr_did: CommandLine, slow: Rpc, adding: tuple[str, ...]
) -> None:
    with ethr_did.spawn(*adding, "--confirmations", "3", "--json") as process:
        process.wait_for_words("Sent 0x")
        slow("evm_mine")
        process.wait_for_words("1 of 3 blocks deep")
        slow("evm_mine")
        process.wait_for_words("2 of 3 blocks deep")
        slow("evm_mine")
        assert process.read_json()["succeeded"] is True


def test_a_journal_that_cannot_be_written_keeps_everything_from_being_sent(
    ethr_did: CommandLine, adding: tuple[str, ...], tmp_path: Path, rpc: Rpc
) -> None:
    head = rpc("eth_blockNumber")
    (tmp_path / "state").write_text("not a folder")
    done = ethr_did(*adding, "--json")
    assert (done.status, done.error["code"]) == (5, "transaction_error")
    assert "ETHR_DID_STATE_DIR" in done.error["hint"]
    assert rpc("eth_blockNumber") == head

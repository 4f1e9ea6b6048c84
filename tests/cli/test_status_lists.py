"""``status list`` and ``status allocate``."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount
    from support.command_line import CommandLine

URL = "https://lists.example/1/current"


def test_a_new_list_is_its_id_and_needs_no_transaction(
    ethr_did: CommandLine, did: str, alice: LocalAccount
) -> None:
    made = ethr_did("status", "list", "new", f"did:ethr:dead:{alice.address}")
    assert (made.status, made.err.startswith("Entries for credentials: ")) == (0, True)
    assert re.fullmatch(r"0x01000000110{0}[0-9a-f]{54}\n", made.out)
    as_json = ethr_did("status", "list", "new", did, "--purpose", "lifecycle", "--json").json
    assert (as_json["statusSize"], as_json["capacity"]) == (2, 131_072)
    assert as_json["flags"] == []


def test_the_options_of_a_list_are_in_its_id(
    ethr_did: CommandLine, did: str, new_list: Callable[..., str]
) -> None:
    made = new_list("--purpose", "suspension", "--bits", "4", "--terminal", "--owner-only")
    assert made.startswith("0x0101020311")
    assert new_list("--capacity", "1024").startswith("0x010000000a")
    assert new_list("--kind", "w3c", "--url", URL).startswith("0x01000004")
    assert new_list("--kind", "ietf", "--url", URL + "2").startswith("0x0100000c")
    shown = ethr_did("status", "list", "show", made)
    assert "terminal, owner only" in shown.out
    everything = ethr_did("status", "list", "show", "--json").json
    assert [one["form"] for one in everything] == ["chain", "chain", "w3c", "ietf"]
    table = ethr_did("status", "list", "show")
    assert table.out.count("0x01") == 4
    assert table.err == "4 lists in the database.\n"
    assert ethr_did("status", "list", "show", "--issuer", did, "--json").json == everything


def test_without_a_database_there_are_no_lists_and_none_is_made(
    ethr_did: CommandLine, tmp_path: Path
) -> None:
    done = ethr_did("status", "list", "show")
    assert (done.status, done.out, done.err) == (0, "", "No lists in the database.\n")
    assert ethr_did("status", "list", "show", "--json").json == []
    assert not (tmp_path / "state").exists()


def test_a_list_is_shown_with_its_statuses_of_the_chain(
    ethr_did: CommandLine, did: str, lifecycle: str, entry: Path
) -> None:
    assert ethr_did("status", "suspend", did, entry).status == 0
    shown = ethr_did("status", "list", "show", lifecycle)
    assert re.search(r"^handed out +1$", shown.out, re.MULTILINE)
    assert re.search(r"^suspended +1$", shown.out, re.MULTILINE)
    assert re.search(r"^valid +131071$", shown.out, re.MULTILINE)
    assert re.search(r"^as of +block \d+, ", shown.out, re.MULTILINE)
    found = ethr_did("status", "list", "show", lifecycle, "--json").json
    assert (found["counts"], found["readAt"]["chainId"]) == ({"0": 131_071, "2": 1}, 31337)


def test_a_foreign_list_is_shown_by_its_id_and_counted_for_an_issuer(
    ethr_did: CommandLine, did: str, bob: LocalAccount
) -> None:
    list_id = "0x0100000011" + "5a" * 27
    shown = ethr_did("status", "list", "show", list_id)
    assert "--issuer tells whose list" in shown.err
    assert "valid" not in shown.out
    counted = ethr_did("status", "list", "show", list_id, "--issuer", did, "--json").json
    assert counted["counts"] == {"0": 131_072}
    dead = f"did:ethr:dead:{bob.address}"
    assert ethr_did("status", "list", "show", list_id, "--issuer", dead).status == 4


def test_the_messages_of_a_list_go_into_its_entries(
    ethr_did: CommandLine, did: str, new_list: Callable[..., str]
) -> None:
    kind = ("--kind", "w3c", "--purpose", "lifecycle", "--url", URL)
    new_list(*kind, "--message", "3=reported lost")
    entry = ethr_did("status", "allocate", did).json
    assert [one["message"] for one in entry["statusMessage"]] == [
        "valid",
        "revoked",
        "suspended",
        "reported lost",
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--capacity", "1000"], "power of two"),
        (["--capacity", "0"], "--capacity"),
        (["--bits", "3"], "--bits"),
        (["--purpose", "revoke"], "--purpose"),
        (["--kind", "w3c"], "not an address for a status list"),
        (["--kind", "w3c", "--url", "http://lists.example/1"], "https://"),
        (["--kind", "w3c", "--url", URL, "--capacity", "1024"], "131,072 entries at least"),
        (["--kind", "ietf", "--url", URL, "--bits", "2", "--message", "3=x"], "only W3C lists"),
        (["--kind", "w3c", "--url", URL, "--message", "lost"], "write 3=lost"),
        (["--kind", "w3c", "--url", URL, "--message", "2=lost"], "has no value 2"),
        (["--url", URL], "no address to be fetched from"),
    ],
)
def test_a_list_that_cannot_be_is_refused_with_the_reason(
    ethr_did: CommandLine, did: str, options: list[str], words: str
) -> None:
    done = ethr_did("status", "list", "new", did, *options)
    assert (done.status, done.out) == (2, "")
    assert words in done.err
    assert ethr_did("status", "list", "new", did, *options, "--json").error["message"]
    assert ethr_did("status", "list", "show", "--json").json == []


def test_a_network_without_status_contracts_has_no_lists(
    ethr_did: CommandLine, alice: LocalAccount
) -> None:
    done = ethr_did("status", "list", "new", f"did:ethr:empty:{alice.address}", "--json")
    assert (done.status, done.error["code"]) == (7, "invalid_configuration")
    assert "ethr-did deploy" in done.error["hint"]


# -- allocating ----------------------------------------------------------------------------------


def test_one_entry_is_what_goes_into_the_credential(
    ethr_did: CommandLine, did: str, lifecycle: str
) -> None:
    entry = ethr_did("status", "allocate", did).json
    assert (entry["type"], entry["listId"]) == ("EthereumStatusListEntry", lifecycle)
    assert entry == ethr_did("status", "allocate", did, "--reference", "a").json | {
        "statusListIndex": entry["statusListIndex"]
    }


def test_several_entries_are_lines_or_a_list_and_none_comes_twice(
    ethr_did: CommandLine, did: str, lifecycle: str
) -> None:
    lines = ethr_did("status", "allocate", did, "--count", "50").out.splitlines()
    listed = ethr_did("status", "allocate", did, "--count", "50", "--json").json
    found = [*map(json.loads, lines), *listed]
    assert len({one["index"] for one in found}) == 100
    assert {one["listId"] for one in found} == {lifecycle}
    assert all(one["entry"]["statusListIndex"] == str(one["index"]) for one in found)
    (only,) = ethr_did("status", "allocate", did, "--count", "1", "--json").json
    assert only["index"] not in {one["index"] for one in found}


def test_a_reference_gives_the_same_entry_again(
    ethr_did: CommandLine, did: str, lifecycle: str
) -> None:
    _ = lifecycle
    pair = ("--reference", "diploma-1", "--reference", "diploma-2", "--json")
    first = ethr_did("status", "allocate", did, *pair).json
    assert ethr_did("status", "allocate", did, *pair).json == first
    again = ethr_did("status", "allocate", did, "--reference", "diploma-2").json
    assert again == first[1]["entry"]


def test_of_several_lists_one_has_to_be_chosen(
    ethr_did: CommandLine, did: str, new_list: Callable[..., str]
) -> None:
    first, second = new_list(), new_list("--purpose", "suspension")
    done = ethr_did("status", "allocate", did)
    assert (done.status, done.out) == (2, "")
    assert f"{first} (revocation)" in done.err
    entry = ethr_did("status", "allocate", did, "--list", second).json
    assert entry["listId"] == second


def test_a_full_list_is_told_and_followed_by_another_if_that_is_asked_for(
    ethr_did: CommandLine, did: str, new_list: Callable[..., str]
) -> None:
    list_id = new_list("--capacity", "2")
    assert ethr_did("status", "allocate", did, "--count", "2").status == 0
    full = ethr_did("status", "allocate", did, "--json")
    assert (full.status, full.error["code"]) == (11, "store_error")
    assert "--roll-over" in full.error["hint"]
    following = ethr_did("status", "allocate", did, "--roll-over").json
    assert following["listId"] != list_id
    # The list that follows is chosen by itself from now on.
    assert ethr_did("status", "allocate", did).json["listId"] == following["listId"]


@pytest.mark.parametrize(
    ("options", "status", "words"),
    [
        (["--count", "0"], 2, "--count"),
        (["--count", "2", "--reference", "a"], 2, "--count is for entries"),
        (["--reference", "a", "--reference", "a"], 2, "given twice"),
        (["--reference", ""], 2, "not a reference"),
        (["--list", "0x12"], 2, "64 hexadecimal digits"),
        (["--list", "0x0100000011" + "77" * 27], 3, "is not in the database"),
    ],
)
def test_wrong_wishes_for_entries_are_told(
    *,
    ethr_did: CommandLine,
    did: str,
    lifecycle: str,
    options: list[str],
    status: int,
    words: str,
) -> None:
    _ = lifecycle
    done = ethr_did("status", "allocate", did, *options)
    assert (done.status, done.out) == (status, "")
    assert words in done.err
    assert "message" in ethr_did("status", "allocate", did, *options, "--json").error


def test_an_issuer_without_lists_is_told_how_to_make_one(ethr_did: CommandLine, did: str) -> None:
    done = ethr_did("status", "allocate", did)
    assert (done.status, f"ethr-did status list new {did}" in done.err) == (3, True)


# -- the database --------------------------------------------------------------------------------


def test_the_database_is_where_the_settings_say(
    ethr_did: CommandLine, did: str, lifecycle: str, tmp_path: Path
) -> None:
    assert (tmp_path / "state" / "status.db").exists()
    other = {"ETHR_DID_STATUS_DATABASE_URL": f"sqlite:///{tmp_path / 'other.db'}"}
    assert ethr_did("status", "list", "show", "--json", **other).json == []
    ethr_did("status", "list", "new", did, **other)
    (found,) = ethr_did("status", "list", "show", "--json", **other).json
    assert found["listId"] != lifecycle


@pytest.mark.parametrize(
    ("url", "status", "words"),
    [
        ("mysql://bob:secretsecret@db.example/status", 7, "sqlite:///PATH"),
        ("sqlite:////proc/nowhere/status.db", 11, "cannot be used"),
        ("postgresql://bob:secretsecret@127.0.0.1:1/status", 11, "cannot be used"),
    ],
)
def test_a_database_that_cannot_be_used_is_told_without_its_password(
    ethr_did: CommandLine, did: str, url: str, status: int, words: str
) -> None:
    for options in ([], ["--json"]):
        done = ethr_did("status", "list", "new", did, *options, ETHR_DID_STATUS_DATABASE_URL=url)
        assert done.status == status
        assert words in done.out + done.err
        assert "secretsecret" not in done.out + done.err


def test_a_database_of_something_else_is_left_alone(
    ethr_did: CommandLine, did: str, tmp_path: Path
) -> None:
    path = tmp_path / "notes.db"
    path.write_text("not a database, but something dear to somebody")
    done = ethr_did("status", "list", "new", did, ETHR_DID_STATUS_DATABASE_URL=f"sqlite:///{path}")
    assert done.status == 11
    assert path.read_text().startswith("not a database")

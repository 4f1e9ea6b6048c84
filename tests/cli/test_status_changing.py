"""``status set``, ``revoke``, ``suspend`` and ``reinstate``."""

from __future__ import annotations

import base64
import json
import signal
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from conftest import Rpc
    from ethr_did.chain.local import LocalAccount, LocalChain
    from support.command_line import CommandLine

KEY = "0x" + "ab" * 32


def status_of(ethr_did: CommandLine, did: str, entry: Path | str) -> str:
    checked = ethr_did("status", "check", entry, "--issuer", did, "--json").json
    found: str = checked["status"]
    return found


def indexes_of(path: Path) -> list[str]:
    return [str(json.loads(line)["index"]) for line in path.read_text().splitlines()]


@pytest.fixture
def many(ethr_did: CommandLine, did: str, lifecycle: str, tmp_path: Path) -> Path:
    """A file with five entries, as they are handed out."""
    path = tmp_path / "many.jsonl"
    path.write_text(ethr_did("status", "allocate", did, "--list", lifecycle, "--count", "5").out)
    return path


def test_a_credential_is_suspended_reinstated_and_revoked(
    ethr_did: CommandLine, did: str, credential: Path
) -> None:
    for command, expected in [
        ("suspend", "suspended"),
        ("reinstate", "valid"),
        ("revoke", "revoked"),
        ("reinstate", "valid"),
    ]:
        done = ethr_did("status", command, did, credential)
        assert (done.status, "Sent 0x" in done.err) == (0, True)
        assert done.out.splitlines()[0].split() == ["changed", "1"]
        assert ethr_did("status", "check", credential, "--json").json["status"] == expected


def test_a_list_and_indexes_name_entries_as_well_as_files_do(
    ethr_did: CommandLine, did: str, lifecycle: str, many: Path
) -> None:
    first, second, third, *_ = indexes_of(many)
    pair = ("--list", lifecycle, "--index", first, "--index", second)
    done = ethr_did("status", "revoke", did, *pair, "--json")
    assert (done.json["changed"], len(done.json["transactions"])) == (2, 1)
    counted = ethr_did("status", "list", "show", lifecycle, "--json").json["counts"]
    assert counted["1"] == 2
    again = ethr_did("status", "set", did, "1", *pair, "--index", third, "--json").json
    assert (again["wished"], again["changed"], again["unchanged"]) == (3, 1, 2)
    nothing = ethr_did("status", "revoke", did, *pair, "--json").json
    assert (nothing["changed"], nothing["transactions"]) == (0, [])


def test_entries_come_from_files_from_arguments_and_from_standard_input(
    ethr_did: CommandLine, did: str, entry: Path, many: Path
) -> None:
    assert ethr_did("status", "suspend", did, entry.read_text(), "--json").json["changed"] == 1
    done = ethr_did("status", "suspend", did, entry, "-", "--json", stdin=many.read_text())
    assert (done.json["wished"], done.json["changed"]) == (6, 5)


def test_a_token_is_a_credential_too(
    ethr_did: CommandLine, did: str, entry: Path, tmp_path: Path
) -> None:
    claims = {"iss": did, "vc": {"credentialStatus": json.loads(entry.read_text())}}
    path = tmp_path / "credential.jwt"
    path.write_text(token(claims))
    assert ethr_did("status", "revoke", did, path).status == 0
    assert ethr_did("status", "check", path, "--json").json["status"] == "revoked"


def token(claims: dict[str, Any]) -> str:
    parts = ({"alg": "ES256K", "typ": "JWT"}, claims)
    texts = [base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=") for part in parts]
    return b".".join([*texts, b"c2ln"]).decode()


def test_records_are_named_by_their_key_and_their_end_is_final(
    ethr_did: CommandLine, did: str
) -> None:
    asked = ethr_did("status", "revoke", did, "--key", KEY)
    assert (asked.status, "This is final." in asked.err) == (2, True)
    assert ethr_did("status", "suspend", did, "--key", KEY).status == 0
    assert ethr_did("status", "revoke", did, "--key", KEY, "--yes").status == 0
    undone = ethr_did("status", "reinstate", did, "--key", KEY, "--json")
    assert (undone.status, undone.error["code"]) == (2, "invalid_status_entry")


# -- files of changes ----------------------------------------------------------------------------


def test_a_table_says_what_each_entry_becomes(
    ethr_did: CommandLine, did: str, lifecycle: str, many: Path, tmp_path: Path
) -> None:
    first, second, third, *_ = indexes_of(many)
    path = tmp_path / "changes.csv"
    rows = [(first, "revoked"), (second, "suspended"), (third, "3")]
    lines = [f"{lifecycle},{index},{status}" for index, status in rows]
    path.write_text("\n".join(["listId,index,status", *lines]))
    done = ethr_did("status", "set", did, "--file", path, "--json")
    assert done.json["changed"] == 3
    counted = ethr_did("status", "list", "show", lifecycle, "--json").json["counts"]
    assert {value: counted[value] for value in ("1", "2", "3")} == {"1": 1, "2": 1, "3": 1}


def test_a_table_comes_through_a_pipe_and_without_statuses_all_become_the_same(
    ethr_did: CommandLine, did: str, lifecycle: str, many: Path
) -> None:
    rows = "".join(f"{lifecycle};{index}\n" for index in indexes_of(many))
    table = "listId;index\n" + rows
    done = ethr_did("status", "suspend", did, "--file", "-", "--json", stdin=table)
    assert done.json["changed"] == 5


BAD_ROWS = """listId,index,status
LIST,7,revoked
LIST,01,revoked
LIST,1e3,revoked
LIST,131072,revoked
LIST,8,gone
LIST,8,4
0x00,8,revoked
LIST,7,suspended
"""


def test_all_bad_rows_are_named_and_none_is_carried_out(
    ethr_did: CommandLine, did: str, lifecycle: str, chain: LocalChain
) -> None:
    head = chain.head.number
    table = BAD_ROWS.replace("LIST", lifecycle)
    done = ethr_did("status", "set", did, "--file", "-", "--yes", stdin=table)
    assert (done.status, done.out) == (2, "")
    for line in (3, 4, 5, 6, 7, 8, 9):
        assert f"standard input line {line}: " in done.err
    as_json = ethr_did("status", "set", did, "--file", "-", "--json", stdin=table)
    assert (as_json.error["code"], as_json.error["facts"]["fault_count"]) == ("invalid_file", 7)
    assert chain.head.number == head


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["revoke", "DID"], "Name credentials"),
        (["revoke", "DID", "--index", "7"], "--list LIST_ID"),
        (["revoke", "DID", "--list", "LIST"], "--index NUMBER"),
        (["revoke", "DID", "--list", "LIST", "--index", "+1"], "not an index"),
        (["revoke", "DID", "--list", "LIST", "--index", "131072"], "not in a list of 131072"),
        (["revoke", "DID", "--list", "0x12", "--index", "1"], "not a list id"),
        (["revoke", "DID", "--key", "0x12"], "not 32 bytes"),
        (["revoke", "DID", "--key", KEY, "--digest", "0x12"], "not 32 bytes"),
        (["revoke", "DID", "nowhere.json"], "No such file"),
        (["revoke", "DID", "-", "--file", "-"], "once only"),
        (["revoke", "DID", "{}"], "has no status"),
        (["revoke", "DID", '{"type": "Other"}'], "no status entry"),
        (["set", "DID"], "Say which status"),
        (["set", "DID", "revokd", "--list", "LIST", "--index", "1"], "not a status"),
        (["set", "DID", "4", "--list", "LIST", "--index", "1"], "does not fit into 2 bits"),
        (["set", "DID", "01", "--list", "LIST", "--index", "1"], "not a status"),
        (["set", "DID", "-1", "--list", "LIST", "--index", "1"], "No such option"),
    ],
)
def test_wrong_input_is_told_and_nothing_is_sent(
    *,
    ethr_did: CommandLine,
    did: str,
    lifecycle: str,
    chain: LocalChain,
    arguments: list[str],
    words: str,
) -> None:
    head = chain.head.number
    names = {"DID": did, "LIST": lifecycle}
    given = ["status", *(names.get(word, word) for word in arguments)]
    done = ethr_did(*given)
    assert (done.status, done.out) == (2, "")
    assert words in done.err
    assert "Traceback" not in done.err
    assert ethr_did(*given, "--json").error["message"]
    assert chain.head.number == head


def test_a_credential_of_somebody_else_is_left_alone(
    ethr_did: CommandLine, bob: LocalAccount, credential: Path
) -> None:
    theirs = f"did:ethr:dev:{bob.address}"
    done = ethr_did("status", "revoke", theirs, credential, "--json")
    assert (done.status, "not did:ethr:dev:" in done.error["message"]) == (2, True)


def test_a_purpose_that_cannot_say_it_is_told(
    ethr_did: CommandLine, did: str, new_list: Callable[..., str]
) -> None:
    only_revocation = new_list("--purpose", "revocation")
    done = ethr_did("status", "suspend", did, "--list", only_revocation, "--index", "1")
    assert (done.status, "cannot say 'suspended'" in done.err) == (2, True)


# -- asking --------------------------------------------------------------------------------------


def test_what_is_final_is_asked_about(
    ethr_did: CommandLine, did: str, new_list: Callable[..., str], chain: LocalChain
) -> None:
    head = chain.head.number
    revoke = ("status", "revoke", did, "--list", new_list("--terminal"), "--index", "7")
    unasked = ethr_did(*revoke)
    assert (unasked.status, "add --yes" in unasked.err) == (2, True)
    refused = ethr_did.typed(*revoke, answers=[("[y/N]", "n\n")])
    assert (refused.status, "This is final. [y/N]" in refused.out) == (130, True)
    assert chain.head.number == head
    agreed = ethr_did.typed(*revoke, answers=[("[y/N]", "y\n")])
    assert (agreed.status, "changed" in agreed.out) == (0, True)
    undone = ethr_did("status", "reinstate", did, *revoke[3:], "--json")
    assert (undone.status, undone.error["code"]) == (2, "invalid_status_entry")


def test_many_changes_are_asked_about(
    ethr_did: CommandLine, did: str, lifecycle: str, chain: LocalChain
) -> None:
    head = chain.head.number
    table = "listId,index\n" + "".join(f"{lifecycle},{index}\n" for index in range(100))
    done = ethr_did("status", "suspend", did, "--file", "-", stdin=table)
    assert (done.status, "Change 100 statuses of" in done.err) == (2, True)
    assert chain.head.number == head


def test_a_dry_run_shows_the_plan_and_sends_nothing(
    ethr_did: CommandLine, did: str, many: Path, chain: LocalChain
) -> None:
    head = chain.head.number
    done = ethr_did("status", "revoke", did, many, "--dry-run")
    assert done.out.splitlines()[0].split() == ["to", "change", "5"]
    assert "Nothing was sent or changed." in done.err
    plan = ethr_did("status", "revoke", did, many, "--dry-run", "--json").json
    assert (plan["changes"], len(plan["transactions"])) == (5, 1)
    assert plan["expectedCostWei"] > 0
    assert chain.head.number == head


def test_a_plan_warns_of_keys_that_an_earlier_owner_left_behind(
    *,
    ethr_did: CommandLine,
    did: str,
    bob: LocalAccount,
    carol: LocalAccount,
    signers: dict[str, str],
    entry: Path,
) -> None:
    ethr_did("status", "delegate", "add", did, bob.address)
    ethr_did("owner", "change", did, carol.address, "--yes")
    with_carol = ("--signer", signers[carol.address], "--dry-run")
    done = ethr_did("status", "suspend", did, entry, *with_carol)
    assert (done.status, f"Note: {bob.address} may still write statuses" in done.err) == (0, True)


# -- who may -------------------------------------------------------------------------------------


def test_a_status_key_revokes_in_place_of_the_owner(
    ethr_did: CommandLine,
    did: str,
    bob: LocalAccount,
    signers: dict[str, str],
    credential: Path,
) -> None:
    with_bob = ("--signer", signers[bob.address])
    alone = ethr_did("status", "revoke", did, credential, *with_bob, "--json")
    assert (alone.status, alone.error["code"]) == (5, "not_authorized")
    ethr_did("status", "delegate", "add", did, bob.address, "--revocation-only")
    assert ethr_did("status", "suspend", did, credential, *with_bob).status == 5
    assert ethr_did("status", "revoke", did, credential, *with_bob).status == 0
    assert ethr_did("status", "check", credential).status == 10


def test_without_a_signer_one_is_asked_for_when_it_comes_to_it(
    ethr_did: CommandLine, did: str, entry: Path
) -> None:
    del ethr_did.environment["ETHR_DID_SIGNER"]
    done = ethr_did("status", "suspend", did, entry)
    assert (done.status, "--signer" in done.err) == (2, True)


def test_nothing_of_a_deactivated_identity_is_changed(
    ethr_did: CommandLine, did: str, entry: Path
) -> None:
    assert ethr_did("deactivate", did, "--yes").status == 0
    done = ethr_did("status", "suspend", did, entry, "--json")
    assert (done.status, done.error["code"]) == (3, "deactivated")


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("dead", (4, "node_unreachable")),
        ("other", (4, "wrong_chain")),
        ("empty", (7, "invalid_configuration")),
    ],
)
def test_a_network_that_cannot_be_used_is_told_apart(
    ethr_did: CommandLine, alice: LocalAccount, network: str, expected: tuple[int, str]
) -> None:
    theirs = f"did:ethr:{network}:{alice.address}"
    pair = ("--list", "0x0104010011" + "5a" * 27, "--index", "1")
    done = ethr_did("status", "suspend", theirs, *pair)
    assert (done.status, done.out) == (expected[0], "")
    as_json = ethr_did("status", "suspend", theirs, *pair, "--json")
    assert (as_json.status, as_json.error["code"]) == expected


# -- interrupted ---------------------------------------------------------------------------------


@pytest.fixture
def slow(rpc: Rpc) -> Rpc:
    """A chain that mines only when it is told to."""
    rpc("evm_setAutomine", False)
    return rpc


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_what_was_interrupted_is_taken_up_and_nothing_happens_twice(
    ethr_did: CommandLine, did: str, many: Path, slow: Rpc, number: signal.Signals
) -> None:
    revoke = ("status", "revoke", did, many, "--json")
    with ethr_did.spawn(*revoke) as process:
        process.wait_for_words("Sent 0x")
        done = process.end(number)
    if number is not signal.SIGKILL:
        assert (done.status, done.error["code"]) == (130, "interrupted")
        assert "Run the same command again" in done.err
    slow("evm_mine")
    again = ethr_did(*revoke)
    assert (again.status, again.json["changed"]) == (0, 5)
    (change,) = ethr_did(
        "status", "history", many.read_text().splitlines()[0], "--issuer", did, "--json"
    ).json["changes"]
    assert change["value"] == 1


def test_what_somebody_else_changed_at_the_same_time_is_left_alone_and_told(
    *,
    ethr_did: CommandLine,
    did: str,
    bob: LocalAccount,
    signers: dict[str, str],
    entry: Path,
    rpc: Rpc,
) -> None:
    ethr_did("status", "delegate", "add", did, bob.address)
    rpc("evm_setAutomine", False)
    first = ("status", "suspend", did, entry, "--signer", signers[bob.address])
    second = ("status", "set", did, "3", entry, "--json")
    with ethr_did.spawn(*first) as theirs:
        theirs.wait_for_words("Sent 0x")
        with ethr_did.spawn(*second) as ours:
            ours.wait_for_words("Sent 0x")
            rpc("evm_mine")
            report = ours.read_json()
            done = ours.finish()
        assert theirs.finish().status == 0
    assert (report["changed"], len(report["conflicts"]), len(report["reverted"])) == (0, 1, 1)
    assert (done.status, "changed by somebody else" in done.err) == (5, True)
    assert status_of(ethr_did, did, entry) == "suspended"


@pytest.mark.usefixtures("chain")
def test_progress_is_told_where_it_takes_several_transactions(
    ethr_did: CommandLine, did: str, lifecycle: str
) -> None:
    # A word for each: more words than one transaction has gas for.
    rows = "".join(f"{lifecycle},{index * 104}\n" for index in range(700))
    revoke = ("status", "revoke", did, "--file", "-", "--yes", "--json")
    done = ethr_did(*revoke, stdin="listId,index\n" + rows)
    assert (done.status, done.json["changed"]) == (0, 700)
    assert len(done.json["transactions"]) > 1
    assert " of 700 changed\n" in done.err


# -- what people see -----------------------------------------------------------------------------


def test_a_narrow_terminal_breaks_no_hash(
    ethr_did: CommandLine, did: str, credential: Path
) -> None:
    made = ethr_did("status", "suspend", did, credential, "--json").json
    narrow = ethr_did.typed("status", "history", credential, columns=60)
    assert made["transactions"][0]["txHash"] in narrow.out
    wide = ethr_did.typed("status", "history", credential, columns=250)
    assert "┃" in wide.out


def test_json_is_all_there_is_on_stdout(
    ethr_did: CommandLine, did: str, lifecycle: str, entry: Path
) -> None:
    for command in commands(did, lifecycle, entry):
        assert ethr_did("status", *command, "--json").json is not None


def commands(did: str, list_id: str, entry: Path) -> Sequence[tuple[object, ...]]:
    return [
        ("suspend", did, entry),
        ("reinstate", did, entry, "--dry-run"),
        ("check", entry, "--issuer", did),
        ("history", entry, "--issuer", did),
        ("list", "show"),
        ("list", "show", list_id),
        ("allocate", did),
        ("delegate", "list", did),
        ("publish", did),
        ("relay", "sign", did, entry, "--status", "valid"),
    ]

"""``trust``: lists in files, signed lists, accreditations on chain."""

from __future__ import annotations

import json
import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ethr_did.core.resolution import format_time
from ethr_did.credentials.keys import KeyKind
from ethr_did.credentials.signing_keys import new_key_file
from ethr_did.settings import load_settings, write_config
from support.fault_proxy import FaultProxy

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount, LocalChain
    from support.command_line import CommandLine

UNI = "did:web:uni.example"
DIPLOMA, CARD = "DiplomaCredential", "LibraryCard"


@pytest.fixture
def issuer(bob: LocalAccount) -> str:
    """Bob's DID."""
    return f"did:ethr:dev:{bob.address}"


def entries(ethr_did: CommandLine, *options: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = ethr_did("trust", "list", "--json", *options).json["entries"]
    return found


def shown(ethr_did: CommandLine, did: str, *options: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = ethr_did("trust", "show", did, "--json", *options).json[
        "accreditations"
    ]
    return found


# -- lists in files ------------------------------------------------------------------------------


def test_an_issuer_is_added_listed_and_removed(ethr_did: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "state" / "trusted-issuers.json"
    empty = ethr_did("trust", "list")
    assert (empty.status, empty.out, empty.err) == (0, "", f"No entries in {path}\n")

    end = "2099-12-31T23:59:59.5Z"
    added = ethr_did("trust", "add", UNI, "--type", DIPLOMA, "--type", CARD, "--valid-until", end)
    assert (added.status, added.out) == (0, "")
    assert added.err == (f"{UNI} is trusted for {DIPLOMA}, {CARD} by {path}, one entry.\n")
    assert entries(ethr_did) == [
        {"issuer": UNI, "types": [DIPLOMA, CARD], "validUntil": "2099-12-31T23:59:59Z"}
    ]
    listed = ethr_did("trust", "list")
    assert UNI in listed.out
    assert "2099-12-31T23:59:59Z" in listed.out
    assert listed.err == f"One entry in {path}\n"

    assert ethr_did("trust", "remove", UNI, "--type", CARD).err == (
        f"{UNI} is no longer trusted for {CARD} by {path}, one entry.\n"
    )
    assert ethr_did("trust", "remove", UNI).err == (
        f"{UNI} is no longer trusted by {path}, no entries.\n"
    )
    assert entries(ethr_did) == []


def test_json_is_the_list_and_its_file(ethr_did: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "own.json"
    named = ("--file", path, "--json")
    added = ethr_did("trust", "add", UNI, "--type", "*", "--note", "by hand", *named).json
    assert added == {
        "file": str(path),
        "format": "ethr-did/trust-list/1",
        "entries": [{"issuer": UNI, "types": ["*"], "note": "by hand"}],
    }
    assert ethr_did("trust", "list", *named).json == added
    assert ethr_did("trust", "remove", UNI, *named).json["entries"] == []


def test_windows_are_told_as_they_stand_now(ethr_did: CommandLine) -> None:
    ethr_did("trust", "add", UNI, "--type", "A", "--valid-from", "2999-01-01T00:00:00.5Z")
    ethr_did("trust", "add", UNI, "--type", "B", "--valid-until", "2001-01-01T00:00:00Z")
    ethr_did("trust", "add", UNI, "--type", "*")
    rows = [line for line in ethr_did("trust", "list").out.splitlines() if UNI in line]
    states = ["not yet", "over", "trusted"]
    assert [state in row for state, row in zip(states, rows, strict=True)] == [True] * 3
    assert "2999-01-01T00:00:01Z" in rows[0]
    assert "any type" in rows[2]


def test_a_list_whose_time_is_over_says_so(ethr_did: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "old.json"
    data = {
        "format": "ethr-did/trust-list/1",
        "validUntil": "2001-01-01T00:00:00Z",
        "entries": [{"issuer": UNI, "types": ["A"]}],
    }
    path.write_text(json.dumps(data))
    assert "nobody is trusted by it" in ethr_did("trust", "list", "--file", path).err
    checked = ethr_did("trust", "check", UNI, "--type", "A", "--file", path)
    assert (checked.status, "trust_list_expired" in checked.out) == (10, True)


def test_an_issuer_of_this_chain_is_known_by_its_chain_id(
    ethr_did: CommandLine, issuer: str
) -> None:
    ethr_did("trust", "add", issuer, "--type", "A")
    other = issuer.replace("dev", "0x7a69").lower()
    assert ethr_did("trust", "check", other, "--type", "A").status == 0
    assert ethr_did("trust", "remove", other).status == 0


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["add", "uni", "--type", "A"], 2, "not a DID: 'uni'"),
        (["add", UNI, "--type", "VerifiableCredential"], 2, "every W3C credential"),
        (["add", UNI, "--type", "A", "--type", "*"], 2, "stands for all, and alone"),
        (["add", UNI, "--type", "A", "--valid-until", "tomorrow"], 2, "not a time"),
        (["add", UNI], 2, "Missing option '--type'"),
        (["remove", UNI], 3, "is not in the list"),
        (["list", "--file", "/nowhere/x.json"], 2, "cannot be read: No such file"),
        (["check", UNI, "--type", "A"], 2, "cannot be read: No such file"),
    ],
)
def test_what_cannot_be_done_is_told(
    ethr_did: CommandLine, arguments: list[str], status: int, words: str
) -> None:
    done = ethr_did("trust", *arguments)
    assert (done.status, words in done.err) == (status, True), done.err


# -- checking ------------------------------------------------------------------------------------


def test_an_issuer_is_checked_against_the_list(ethr_did: CommandLine) -> None:
    ethr_did("trust", "add", UNI, "--type", DIPLOMA)
    good = ethr_did("trust", "check", UNI, "--type", "VerifiableCredential", "--type", DIPLOMA)
    assert (good.status, good.err) == (0, "Trusted.\n")
    bad = ethr_did("trust", "check", UNI, "--type", CARD)
    assert (bad.status, bad.err) == (10, "Not trusted.\n")
    assert "issuer_not_trusted_for_type" in bad.out
    as_json = ethr_did("trust", "check", UNI, "--type", CARD, "--json")
    assert as_json.status == 10
    assert (as_json.json["outcome"], as_json.json["issuer"]) == ("failed", UNI)


def test_a_time_in_the_past_may_be_asked_about(ethr_did: CommandLine) -> None:
    ethr_did("trust", "add", UNI, "--type", "A", "--valid-until", "2020-01-01T00:00:00Z")
    asked = ("trust", "check", UNI, "--type", "A")
    assert ethr_did(*asked).status == 10
    assert ethr_did(*asked, "--at-time", "2019-01-01T00:00:00Z").status == 0


# -- signed lists --------------------------------------------------------------------------------


@pytest.fixture
def token(ethr_did: CommandLine, did: str, tmp_path: Path) -> Path:
    """A list that alice signed, with a university."""
    ethr_did("trust", "add", UNI, "--type", DIPLOMA)
    signed = ethr_did("trust", "sign", "--issuer", did)
    assert (signed.status, "Good until" in signed.err) == (0, True), signed.err
    path = tmp_path / "list.jwt"
    path.write_text(signed.out)
    return path


def test_a_signed_list_is_believed_if_it_is_its_signer_s(
    ethr_did: CommandLine, did: str, issuer: str, token: Path
) -> None:
    asked = ("trust", "check", UNI, "--type", DIPLOMA)
    assert ethr_did(*asked, "--signed", token, did).status == 0
    of_another = ethr_did(*asked, "--signed", token, issuer)
    assert (of_another.status, "the list is that of" in of_another.err) == (2, True)


def test_a_signed_list_that_was_changed_is_not_believed(
    ethr_did: CommandLine, did: str, token: Path
) -> None:
    start, _, signature = token.read_text().strip().rpartition(".")
    middle = len(signature) // 2
    swapped = "A" if signature[middle] != "A" else "B"
    token.write_text(f"{start}.{signature[:middle]}{swapped}{signature[middle + 1 :]}")
    checked = ethr_did("trust", "check", UNI, "--type", DIPLOMA, "--signed", token, did)
    assert (checked.status, "trust_list_not_genuine" in checked.out) == (10, True)


def test_a_list_signed_by_who_owns_the_did_no_longer_is_not_believed(
    ethr_did: CommandLine, did: str, token: Path, carol: LocalAccount
) -> None:
    assert ethr_did("owner", "change", did, carol.address, "--yes").status == 0
    checked = ethr_did("trust", "check", UNI, "--type", DIPLOMA, "--signed", token, did)
    assert (checked.status, "trust_list_not_genuine" in checked.out) == (10, True)


def test_a_signer_that_cannot_be_resolved_leaves_it_open(ethr_did: CommandLine, did: str) -> None:
    ethr_did("trust", "add", UNI, "--type", DIPLOMA)
    dead = did.replace("dev", "dead")
    signed = ethr_did("trust", "sign", "--issuer", dead, "--json").json
    assert (signed["issuer"], signed["kid"]) == (dead, f"{dead}#controller")
    checked = ethr_did(
        *("trust", "check", UNI, "--type", DIPLOMA, "--signed", "-", dead), stdin=signed["token"]
    )
    assert (checked.status, checked.err) == (4, "Not known.\n")


def test_a_list_of_another_method_names_its_key(ethr_did: CommandLine, tmp_path: Path) -> None:
    path = tmp_path / "key.jwk"
    multikey = new_key_file(path, KeyKind.ED25519, random=secrets.token_bytes).to_multikey()
    whose = f"did:key:{multikey}"
    ethr_did("trust", "add", UNI, "--type", DIPLOMA)

    without = ethr_did("trust", "sign", "--issuer", whose)
    signed = ethr_did(
        "trust", "sign", "--issuer", whose, "--kid", f"#{multikey}", "--signer", f"jwkfile:{path}"
    )

    assert (without.status, "Name the verification method" in without.err) == (2, True)
    (tmp_path / "list.jwt").write_text(signed.out)
    named = ("--signed", tmp_path / "list.jwt", whose)
    assert ethr_did("trust", "check", UNI, "--type", DIPLOMA, *named).status == 0


# -- on chain ------------------------------------------------------------------------------------


def test_an_issuer_is_accredited_shown_and_withdrawn(
    ethr_did: CommandLine, did: str, issuer: str, bob: LocalAccount
) -> None:
    named = ("--type", DIPLOMA, "--type", CARD)
    made = ethr_did("trust", "accredit", did, issuer, *named, "--validity", "30d")
    assert (made.status, made.out.count("Mined in block ")) == (0, 1), made.err
    first, second = shown(ethr_did, did, *named)
    assert (first["issuer"], first["type"], second["type"]) == (bob.address, DIPLOMA, CARD)
    assert (first["valid"], first["survived"]) == (True, False)
    asked = ("trust", "check", issuer, "--type", "VerifiableCredential", *named)
    assert ethr_did(*asked, "--authority", did).status == 0

    ended = ethr_did("trust", "withdraw", did, issuer, "--type", CARD, "--json")
    assert (ended.status, len(ended.json)) == (0, 1)
    assert [one["valid"] for one in shown(ethr_did, did, *named)] == [True, False]
    checked = ethr_did(*asked, "--authority", did)
    assert (checked.status, "issuer_no_longer_trusted" in checked.out) == (10, True)
    told = ethr_did("trust", "show", did, *named)
    assert DIPLOMA in told.out
    assert CARD not in told.out
    assert told.err.startswith("One accreditation as of block ")
    assert "ended" in ethr_did("trust", "show", did, *named, "--all").out


def test_types_that_are_not_named_are_shown_as_hashes(
    ethr_did: CommandLine, did: str, issuer: str
) -> None:
    ethr_did("trust", "accredit", did, issuer, "--type", DIPLOMA)
    told = ethr_did("trust", "show", did)
    assert "not known here" in told.out
    assert "--type tells those" in told.err
    assert shown(ethr_did, did)[0]["type"] is None


def test_a_dry_run_tells_that_it_outlives_owners_and_sends_nothing(
    ethr_did: CommandLine, did: str, issuer: str
) -> None:
    planned = ethr_did("trust", "accredit", did, issuer, "--type", "*", "--dry-run")
    assert planned.status == 0
    assert "it counts for 365 days, whoever owns the identity by then" in planned.err
    assert shown(ethr_did, did) == []
    assert ethr_did("trust", "show", did).err.startswith("No accreditations as of block ")


def test_what_an_earlier_owner_accredited_is_told_as_such(
    ethr_did: CommandLine, did: str, issuer: str, carol: LocalAccount
) -> None:
    ethr_did("trust", "accredit", did, issuer, "--type", DIPLOMA)
    ethr_did("owner", "change", did, carol.address, "--yes")
    assert "an earlier owner" in ethr_did("trust", "show", did, "--type", DIPLOMA).out
    assert ethr_did("trust", "check", issuer, "--type", DIPLOMA, "--authority", did).status == 0


def test_the_past_of_a_deactivated_authority_is_shown(
    ethr_did: CommandLine, did: str, issuer: str, chain: LocalChain
) -> None:
    ethr_did("trust", "accredit", did, issuer, "--type", DIPLOMA)
    then = format_time(chain.head.timestamp)
    assert ethr_did("deactivate", did, "--yes").status == 0
    now = ethr_did("trust", "show", did, "--type", DIPLOMA)
    assert "The authority was deactivated" in now.err
    assert now.out == ""
    assert [one["valid"] for one in shown(ethr_did, did, "--at-time", then)] == [True]
    checked = ethr_did("trust", "check", issuer, "--type", DIPLOMA, "--authority", did)
    assert (checked.status, "trust_authority_deactivated" in checked.out) == (10, True)


def test_an_issuer_of_another_network_is_not_accredited(
    ethr_did: CommandLine, did: str, issuer: str
) -> None:
    done = ethr_did("trust", "accredit", did, issuer.replace("dev", "sepolia"), "--type", "A")
    assert (done.status, "is on another network" in done.err) == (2, True)


def test_a_dead_node_is_neither_yes_nor_no(ethr_did: CommandLine, did: str, issuer: str) -> None:
    dead, there = did.replace("dev", "dead"), issuer.replace("dev", "dead")
    checked = ethr_did("trust", "check", there, "--type", "A", "--authority", dead, "--json")
    assert (checked.status, checked.json["code"]) == (4, "trust_not_read")
    assert ethr_did("trust", "show", dead).status == 4


def test_a_history_with_a_gap_shows_nobody(
    *,
    ethr_did: CommandLine,
    did: str,
    issuer: str,
    chain: LocalChain,
    config: Path,
    tmp_path: Path,
) -> None:
    ethr_did("trust", "accredit", did, issuer, "--type", DIPLOMA)
    network = next(one for one in load_settings(config).networks if one.name == "dev")
    with FaultProxy(chain.handle) as proxy:
        proxy.rewrite("eth_getLogs", lambda *_: [])
        write_config(tmp_path / "config.toml", [replace(network, rpc_url=proxy.url)])
        named = ("--config", tmp_path / "config.toml")
        told = ethr_did("trust", "show", did, *named)
        asked = ("trust", "check", issuer, "--type", DIPLOMA, "--authority", did)
        checked = ethr_did(*asked, *named)
    assert (told.status, told.out) == (4, "")
    assert (checked.status, "trust_not_read" in checked.out) == (4, True)

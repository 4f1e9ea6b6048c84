"""``status check`` and ``status history``."""

from __future__ import annotations

import base64
import json
import os
import re
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.command_line import PROGRAM

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount, LocalChain
    from support.command_line import CommandLine

NEVER = "0x0100000011" + "5a" * 27
CONTRACT = "eip155:31337:0x" + "11" * 20


def token_of(claims: object) -> str:
    """A token with these claims, signed by nobody."""
    payload = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"e30.{payload}.c2ln"


def test_a_new_credential_is_valid_and_the_block_is_named(
    ethr_did: CommandLine, credential: Path, chain: LocalChain
) -> None:
    done = ethr_did("status", "check", credential)
    assert (done.status, done.err) == (0, "")
    heading, row = done.out.splitlines()
    assert heading.split() == ["credential", "status", "since", "read", "at", "finality"]
    assert re.search(rf"  valid +always +block {chain.head.number}, .* +final$", row)


@pytest.mark.parametrize(("command", "status"), [("revoke", "revoked"), ("suspend", "suspended")])
def test_a_credential_that_is_not_valid_ends_with_10(
    *,
    ethr_did: CommandLine,
    did: str,
    credential: Path,
    chain: LocalChain,
    command: str,
    status: str,
) -> None:
    ethr_did("status", command, did, credential)
    done = ethr_did("status", "check", credential, "--exact-since", "--json")
    assert (done.status, done.json["status"], done.json["valid"]) == (10, status, False)
    assert (done.json["changedBlock"], done.json["sinceExact"]) == (chain.head.number, True)
    assert done.json["changedAt"] == chain.head.timestamp
    assert done.json["entry"] == json.loads(credential.read_text())["credentialStatus"]


def test_an_application_s_own_value_is_not_valid_either(
    ethr_did: CommandLine, did: str, credential: Path
) -> None:
    ethr_did("status", "set", did, "3", credential)
    done = ethr_did("status", "check", credential)
    assert (done.status, "of status 3" in done.out) == (10, True)


def test_the_past_is_asked_about_by_block_and_by_time(
    ethr_did: CommandLine, did: str, credential: Path, chain: LocalChain
) -> None:
    before = chain.head
    chain.advance(1000)
    ethr_did("status", "revoke", did, credential)
    check = ("status", "check", credential)
    assert ethr_did(*check).status == 10
    assert ethr_did(*check, "--at-block", before.number).status == 0
    from ethr_did.core.resolution import format_time

    assert ethr_did(*check, "--at-time", format_time(before.timestamp)).status == 0
    later = ethr_did(*check, "--at-block", chain.head.number + 5, "--json")
    assert (later.status, later.json["reason"]["code"]) == (4, "not_found")
    both = ethr_did(*check, "--at-block", 1, "--at-time", "2026-01-31T23:59:59Z", "--json")
    assert (both.status, both.error["code"]) == (2, "invalid_option")


@pytest.mark.parametrize("finality", ["strictest", "latest", "finalized"])
def test_the_policy_is_chosen(ethr_did: CommandLine, credential: Path, finality: str) -> None:
    done = ethr_did("status", "check", credential, "--finality", finality, "--json")
    assert (done.status, done.json["finality"]) == (0, "final")


def test_several_are_answered_at_once_and_the_worst_decides(
    ethr_did: CommandLine, did: str, lifecycle: str, tmp_path: Path
) -> None:
    path = tmp_path / "entries.jsonl"
    path.write_text(ethr_did("status", "allocate", did, "--count", "3").out)
    second = json.loads(path.read_text().splitlines()[1])["entry"]
    ethr_did("status", "suspend", did, json.dumps(second))
    done = ethr_did("status", "check", path, "--issuer", did, "--json")
    assert [one["status"] for one in done.json] == ["valid", "suspended", "valid"]
    assert done.status == 10
    shown = ethr_did("status", "check", "-", "--issuer", did, stdin=path.read_text())
    assert "standard input, line 2  suspended" in shown.out
    assert {one["entry"]["listId"] for one in done.json} == {lifecycle}


def test_a_presentation_is_all_of_its_credentials(ethr_did: CommandLine, credential: Path) -> None:
    claims = json.loads(credential.read_text())
    presentation = {"type": "VerifiablePresentation", "verifiableCredential": [claims, claims]}
    found = ethr_did("status", "check", json.dumps(presentation), "--json")
    assert (found.status, len(found.json)) == (0, 2)
    for inside in (claims, token_of(claims), f"{token_of(claims)}~"):
        single = json.dumps({**presentation, "verifiableCredential": inside})
        assert ethr_did("status", "check", single).status == 0


def test_a_presentation_in_a_token_is_all_of_its_credentials(
    ethr_did: CommandLine, did: str, credential: Path
) -> None:
    claims = json.loads(credential.read_text())
    token = token_of({"iss": did, "vc": {"credentialStatus": claims["credentialStatus"]}})
    kind = {"type": ["VerifiablePresentation"]}
    envelopes = [
        {"type": "EnvelopedVerifiableCredential", "id": f"data:application/{media}"}
        for media in (f"vc+jwt,{token}", f"vc+sd-jwt,{token}~", f"dc+sd-jwt,{token}~{token}")
    ]
    older = token_of({"iss": "did:example:holder", "vp": {**kind, "verifiableCredential": [token]}})
    newer = token_of({"iss": "did:example:holder", **kind, "verifiableCredential": envelopes})
    wrapped = {
        "type": ["EnvelopedVerifiablePresentation"],
        "id": f"data:application/vp+jwt,{newer}",
    }
    ethr_did("status", "suspend", did, credential)
    for given, count in ((older, 1), (newer, 3), (wrapped, 3)):
        done = ethr_did("status", "check", json.dumps([given]), "--json")
        found = done.json if count > 1 else [done.json]
        assert (done.status, [one["status"] for one in found]) == (10, ["suspended"] * count)
        assert {one["issuer"] for one in found} == {did}
    assert ethr_did("status", "check", older).status == 10
    history = ethr_did("status", "history", older, "--json").json
    assert [change["value"] for change in history["changes"]] == [2]


def test_what_is_written_after_deactivation_does_not_count(
    ethr_did: CommandLine, did: str, credential: Path, chain: LocalChain
) -> None:
    ethr_did("status", "suspend", did, credential)
    ethr_did("deactivate", did, "--yes")
    done = ethr_did("status", "check", credential)
    assert (done.status, "suspended" in done.out) == (10, True)
    assert f"gave up its identity in block {chain.head.number}" in done.err


# -- not found out -------------------------------------------------------------------------------


def test_what_cannot_be_found_out_is_never_valid(
    ethr_did: CommandLine, entry: Path, alice: LocalAccount
) -> None:
    dead = ethr_did("status", "check", entry, "--issuer", f"did:ethr:dead:{alice.address}")
    assert (dead.status, "undetermined" in dead.out) == (4, True)
    assert "Hint: Check the RPC URL" in dead.err
    as_json = ethr_did(
        "status", "check", entry, "--issuer", f"did:ethr:other:{alice.address}", "--json"
    )
    assert (as_json.status, as_json.json["status"]) == (4, "undetermined")
    assert as_json.json["valid"] is False


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"type": "SomethingElse"}, "not a known type of status"),
        ({"registry": CONTRACT}, "names the contract"),
        ({"statusListIndex": "01"}, "not an index"),
        ({"statusListIndex": "131072"}, "not in a list of"),
        ({"statusSize": 8}, "statusSize is 8"),
        ({"listId": NEVER[:-2]}, "not a list id"),
    ],
)
def test_a_broken_entry_is_undetermined_and_spoils_no_other(
    ethr_did: CommandLine, did: str, entry: Path, change: dict[str, object], words: str
) -> None:
    good = json.loads(entry.read_text())
    both = json.dumps([good, {**good, **change}])
    done = ethr_did("status", "check", both, "--issuer", did)
    assert done.status == 4
    assert [row.split()[4] for row in done.out.splitlines()[1:]] == ["valid", "undetermined"]
    assert words in done.err


def test_older_registries_have_to_be_believed_by_name(
    ethr_did: CommandLine, did: str, tmp_path: Path
) -> None:
    entry = json.dumps({"type": "EthrStatusRegistry2019", "id": f"dev:0x{'11' * 20}"})
    unknown = ethr_did("status", "check", entry, "--issuer", did)
    assert (unknown.status, "legacy_registries" in unknown.err) == (4, True)
    believed = ("--issuer", did, "--legacy-registry", CONTRACT)
    without = ethr_did("status", "check", entry, *believed)
    assert (without.status, "the text of the token" in without.err) == (4, True)
    path = tmp_path / "credential.jwt"
    path.write_text("e30.e30.c2ln")
    done = ethr_did("status", "check", entry, *believed, "--token", path)
    assert (done.status, "undetermined" in done.out) == (4, True)


# -- wrong input ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.json", "--issuer", "DID"], "No such file"),
        (["ENTRY"], "add --issuer DID"),
        (["-", "--issuer", "DID"], "there is nothing in it"),
        (["{", "--issuer", "DID"], "not JSON"),
        (['{"entry": 7}', "--issuer", "DID"], "not a status entry"),
        (["[7]", "--issuer", "DID"], "neither a credential nor a status entry"),
        (["a.b.c", "--issuer", "DID"], "base64url"),
        (["WzFd.WzFd.x", "--issuer", "DID"], "no JSON object"),
        (['{"issuer": "DID"}'], "the credential has no status"),
        (['{"issuer": {}, "credentialStatus": {}}'], "names no single issuer"),
        (["CREDENTIAL", "--issuer", "did:ethr:0x1"], "not did:ethr:0x1's"),
        (["ENTRY", "--issuer", "DID", "--at-time", "yesterday"], "yesterday"),
        (["ENTRY", "--issuer", "DID", "--at-block", "-1"], "--at-block"),
        (["ENTRY", "--issuer", "DID", "--digest", "0x"], "not 32 bytes"),
        (["ENTRY", "--issuer", "DID", "--legacy-registry", "0x12"], "CAIP-10"),
        (["ENTRY", "--issuer", "DID", "--finality", "soon"], "--finality"),
        (["ENTRY", "--issuer", "DID", "--ca-file", "nowhere.pem"], "nowhere.pem"),
    ],
)
def test_wrong_input_is_told(
    *,
    ethr_did: CommandLine,
    did: str,
    entry: Path,
    credential: Path,
    arguments: list[str],
    words: str,
) -> None:
    names = {"DID": did, "ENTRY": entry, "CREDENTIAL": credential}
    given = [names.get(word, word) for word in arguments]
    done = ethr_did("status", "check", *given)
    assert (done.status, done.out) == (2, "")
    assert words in done.err
    assert "Traceback" not in done.err
    assert ethr_did("status", "check", *given, "--json").error["message"]


@pytest.mark.parametrize("command", ["check", "history"])
@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "an empty list"),
        ([[]], "an empty list"),
        ({"verifiableCredential": []}, "a presentation without credentials"),
        ({"verifiableCredential": None}, "a presentation without credentials"),
        ({"verifiableCredential": [[]]}, "an empty list"),
        ({"type": "VerifiablePresentation"}, "a presentation without credentials"),
        ({"vp": {}}, "a presentation without credentials"),
        ({"vp": []}, "vp is not a presentation"),
        (token_of({"vp": {"verifiableCredential": []}}), "a presentation without credentials"),
        (token_of({"verifiableCredential": []}), "a presentation without credentials"),
    ],
)
def test_nothing_to_ask_about_is_not_all_valid(
    ethr_did: CommandLine, command: str, given: object, words: str
) -> None:
    argument = given if isinstance(given, str) else json.dumps(given)
    done = ethr_did("status", command, argument)
    assert (done.status, done.out) == (2, "")
    assert words in done.err


def test_a_presentation_hides_no_status(ethr_did: CommandLine, did: str, credential: Path) -> None:
    claims = json.loads(credential.read_text())
    other = {**claims, "credentialStatus": {**claims["credentialStatus"], "statusListIndex": "7"}}
    envelope = {
        "type": "EnvelopedVerifiableCredential",
        "id": f"data:application/vc+jwt,{token_of(other)}",
    }
    ethr_did("status", "revoke", did, credential)
    for hiding in (
        {**claims, "verifiableCredential": []},
        {**claims, "verifiableCredential": [other]},
        token_of({**claims, "vp": {"verifiableCredential": [other]}}),
        token_of({"vp": {**claims, "verifiableCredential": [other]}}),
        token_of({"iss": did, "vc": claims, "vp": {"verifiableCredential": [other]}}),
        token_of({"iss": did, "vct": "card", "status": {}, "verifiableCredential": [other]}),
        {**claims, **envelope},
    ):
        done = ethr_did("status", "check", json.dumps([hiding]))
        assert (done.status, "looks like one itself" in done.err) == (2, True)
    beside = {"vp": {"verifiableCredential": [other]}, "verifiableCredential": [claims]}
    assert "which are presented?" in ethr_did("status", "check", json.dumps(beside)).err
    assert ethr_did("status", "check", json.dumps(envelope)).status == 0


@pytest.mark.parametrize(
    "named",
    [
        None,
        "https://example.com/1.jwt",
        "data:application/vc+cose,e30.e30.c2ln",
        "data:application/vc+jwt;base64,e30.e30.c2ln",
        "data:application/vc+jwt,e30",
    ],
)
def test_an_envelope_that_cannot_be_opened_is_told(
    ethr_did: CommandLine, named: str | None
) -> None:
    envelope = {"type": ["EnvelopedVerifiableCredential"], "id": named}
    done = ethr_did("status", "check", json.dumps({"verifiableCredential": envelope}))
    assert (done.status, done.out) == (2, "")
    assert "data: URL" in done.err or "nor a token" in done.err


def test_all_faults_are_named_at_once(
    ethr_did: CommandLine, did: str, entry: Path, tmp_path: Path
) -> None:
    path = tmp_path / "entries.jsonl"
    good = json.dumps(json.loads(entry.read_text()))
    path.write_text(f"{good}\n7\n{good}\n{{}}}}\n")
    done = ethr_did("status", "check", path, "--issuer", did, "--json")
    assert (done.status, done.error["facts"]["fault_count"]) == (2, 2)
    assert "entries.jsonl, line 2: " in done.error["message"]
    assert "entries.jsonl, line 4: " in done.error["message"]


def test_a_file_without_end_is_not_read_to_its_end(ethr_did: CommandLine, did: str) -> None:
    done = ethr_did("status", "check", "/dev/zero", "--issuer", did)
    assert (done.status, "is longer than" in done.err) == (2, True)


def test_what_others_wrote_cannot_steer_the_terminal(
    ethr_did: CommandLine, did: str, entry: Path
) -> None:
    wrong = {**json.loads(entry.read_text()), "type": "\x1b[2J\x07"}
    done = ethr_did.typed("status", "check", json.dumps(wrong), "--issuer", did, columns=200)
    assert "\x1b[2J" not in done.out


def test_a_reader_that_leaves_early_is_no_error(ethr_did: CommandLine, credential: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", f'{PROGRAM} status check {credential} | true; echo "${{PIPESTATUS[@]}}"'],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"], **ethr_did.environment},
        check=True,
    )
    assert done.stdout.split()[0] in {"0", "141"}
    assert done.stderr == ""


# -- history -------------------------------------------------------------------------------------


def test_the_history_has_every_change_in_words(
    ethr_did: CommandLine, did: str, credential: Path, chain: LocalChain
) -> None:
    first = chain.head.number + 1
    for command in ("suspend", "reinstate", "revoke"):
        ethr_did("status", command, did, credential)
    ethr_did("status", "set", did, "3", credential)
    shown = ethr_did("status", "history", credential)
    rows = shown.out.splitlines()[1:]
    assert [int(row.split()[1]) for row in rows] == list(range(first, first + 4))
    words = ["suspended", "reinstated", "revoked", "status 3"]
    assert all(word in row for word, row in zip(words, rows, strict=True))
    found = ethr_did("status", "history", credential, "--json").json
    assert [change["value"] for change in found["changes"]] == [2, 0, 1, 3]
    assert found["changes"][-1]["blockTimestamp"] == chain.head.timestamp


def test_what_never_changed_has_no_history(ethr_did: CommandLine, credential: Path) -> None:
    done = ethr_did("status", "history", credential)
    assert (done.status, done.out) == (0, "")
    assert "never changed, hence valid" in done.err
    assert ethr_did("status", "history", credential, "--json").json["changes"] == []


def test_a_history_that_cannot_be_read_is_an_error(
    ethr_did: CommandLine, entry: Path, alice: LocalAccount
) -> None:
    dead = f"did:ethr:dead:{alice.address}"
    done = ethr_did("status", "history", entry, "--issuer", dead, "--json")
    assert (done.status, done.error["code"]) == (4, "node_unreachable")
    list_entry = json.dumps({"status_list": {"idx": 1, "uri": "https://lists.example/1"}})
    off_chain = ethr_did("status", "history", list_entry, "--issuer", dead, "--json")
    assert off_chain.status in {2, 4}

"""``status relay``: signed by one, submitted by another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount, LocalChain
    from support.command_line import CommandLine


@pytest.fixture
def relaying(signers: dict[str, str], relayer: LocalAccount) -> tuple[str, str]:
    """The options of somebody else, who pays."""
    return ("--signer", signers[relayer.address])


@pytest.fixture
def message(ethr_did: CommandLine, did: str, credential: Path, tmp_path: Path) -> Path:
    """What alice signed, in a file."""
    path = tmp_path / "message.json"
    sign = ("status", "relay", "sign", did, credential, "--status", "suspended")
    done = ethr_did(*sign, "--out", path)
    assert (done.status, done.out) == (0, "")
    assert f"ethr-did status relay submit {path}" in done.err
    return path


def test_what_one_signs_another_submits_once(
    *, ethr_did: CommandLine, credential: Path, message: Path, relaying: tuple[str, str]
) -> None:
    done = ethr_did("status", "relay", "submit", message, *relaying)
    assert (done.status, done.out.startswith("Mined in block ")) == (0, True)
    assert ethr_did("status", "check", credential, "--json").json["status"] == "suspended"
    again = ethr_did("status", "relay", "submit", message, *relaying, "--json")
    assert (again.status, again.error["code"]) == (5, "status_conflict")


def test_a_dry_run_checks_the_message_and_sends_nothing(
    ethr_did: CommandLine, chain: LocalChain, message: Path, relaying: tuple[str, str]
) -> None:
    head = chain.head.number
    done = ethr_did("status", "relay", "submit", message, "--dry-run", *relaying)
    assert (done.status, "Nothing was sent." in done.err) == (0, True)
    assert done.out.startswith("what")
    plan = ethr_did("status", "relay", "submit", message, "--dry-run", *relaying, "--json").json
    assert plan["estimatedGas"] > 21_000
    message.write_text(message.read_text().replace('"value": 2', '"value": 1'))
    forged = ethr_did("status", "relay", "submit", message, "--dry-run", *relaying, "--json")
    assert (forged.status, forged.error["code"]) == (5, "not_authorized")
    assert chain.head.number == head


def test_a_message_goes_through_a_pipe_and_several_are_a_list(
    *,
    ethr_did: CommandLine,
    did: str,
    lifecycle: str,
    credential: Path,
    relaying: tuple[str, str],
) -> None:
    sign = ("status", "relay", "sign", did)
    one = ethr_did(*sign, credential, "--status", "revoked")
    assert one.json["kind"] == "SetStatus"
    records = ("--key", "0x" + "ab" * 32, "--list", lifecycle, "--index", "9")
    several = ethr_did(*sign, *records, "--status", "revoked")
    assert {message["kind"] for message in several.json} == {"SetStatus", "SetKeys"}
    for signed in (one, several):
        done = ethr_did("status", "relay", "submit", "-", *relaying, "--json", stdin=signed.out)
        assert done.status == 0, done.out
    assert [receipt["succeeded"] for receipt in done.json] == [True, True]


def test_a_file_of_changes_is_signed_as_a_whole(
    ethr_did: CommandLine, did: str, lifecycle: str, relaying: tuple[str, str]
) -> None:
    rows = "".join(f"{lifecycle},{index},revoked\n" for index in range(300))
    sign = ("status", "relay", "sign", did, "--file", "-")
    signed = ethr_did(*sign, stdin="listId,index,status\n" + rows)
    assert signed.json["kind"] == "UpdateLists"
    assert ethr_did("status", "relay", "submit", "-", *relaying, stdin=signed.out).status == 0
    shown = ethr_did("status", "list", "show", lifecycle, "--json").json
    assert shown["counts"]["1"] == 300
    nothing = ethr_did(*sign, stdin="listId,index,status\n" + rows)
    assert (nothing.json, "nothing was signed" in nothing.err) == ([], True)


def test_a_publication_is_signed_here_and_submitted_there(
    *,
    ethr_did: CommandLine,
    did: str,
    new_list: Callable[..., str],
    relaying: tuple[str, str],
    tmp_path: Path,
) -> None:
    list_id = new_list("--kind", "w3c", "--url", "https://lists.example/1/current")
    out = tmp_path / "lists"
    publish = ("--publish", list_id, "--lists-out", out)
    signed = ethr_did("status", "relay", "sign", did, *publish)
    assert signed.json["kind"] == "Publish"
    assert "becomes the current one" in signed.err
    assert not (out / "1" / "current").exists()
    done = ethr_did("status", "relay", "submit", "-", *relaying, stdin=signed.out)
    assert done.status == 0, done.err
    report = ethr_did("status", "publish", did, "--out", out, "--json").json
    assert [one["version"] for one in report["published"]] == [1]
    assert (out / "1" / "current").exists()


def test_the_lifetime_is_bounded(ethr_did: CommandLine, did: str, credential: Path) -> None:
    sign = ("status", "relay", "sign", did, credential, "--status", "revoked", "--json")
    assert ethr_did(*sign, "--lifetime", "2h").json["deadline"] > 0
    long = ethr_did(*sign, "--lifetime", "2d")
    assert (long.status, long.error["code"]) == (2, "invalid_option")


def test_nobody_signs_for_an_identity_of_somebody_else(
    ethr_did: CommandLine, bob: LocalAccount, lifecycle: str
) -> None:
    theirs = f"did:ethr:dev:{bob.address}"
    pair = ("--list", lifecycle, "--index", "1", "--status", "revoked")
    done = ethr_did("status", "relay", "sign", theirs, *pair, "--json")
    assert (done.status, done.error["code"]) == (5, "not_authorized")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["ENTRY"], "--status revoked"),
        (["--status", "revoked"], "Name credentials"),
        (["ENTRY", "--status", "revokd"], "not a status"),
        (["ENTRY", "--status", "revoked", "--lifetime", "soon"], "m, h, d or y"),
        (["ENTRY", "--status", "revoked", "--out", "MESSAGE"], "it exists already"),
        (["ENTRY", "--publish", "0x" + "01" * 32], "--publish stands alone"),
        (["--publish", "0x12"], "64 hexadecimal digits"),
    ],
)
def test_what_cannot_be_signed_is_told(
    *,
    ethr_did: CommandLine,
    did: str,
    entry: Path,
    message: Path,
    options: list[str],
    words: str,
) -> None:
    names = {"ENTRY": entry, "MESSAGE": message}
    before = message.read_text()
    given = [names.get(option, option) for option in options]
    done = ethr_did("status", "relay", "sign", did, *given)
    assert (done.status, done.out) == (2, "")
    assert words in done.err
    assert message.read_text() == before


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "is not JSON"),
        ("[]", "no message"),
        ("[7]", "ethr-did/status-relay/1"),
        ('{"format": "ethr-did/relay/1"}', "ethr-did/status-relay/1"),
        ('{"format": "ethr-did/status-relay/1"}', "broken status message"),
    ],
)
def test_what_is_no_message_is_not_submitted(
    ethr_did: CommandLine, relaying: tuple[str, str], content: str, words: str
) -> None:
    done = ethr_did("status", "relay", "submit", "-", *relaying, stdin=content)
    assert (done.status, words in done.err) == (2, True)


def test_a_message_for_another_chain_needs_its_network(
    ethr_did: CommandLine, message: Path, relaying: tuple[str, str]
) -> None:
    data = json.loads(message.read_text())
    message.write_text(json.dumps({**data, "chainId": 31338}))
    assert ethr_did("status", "relay", "submit", message, *relaying).status == 7
    other = ethr_did("status", "relay", "submit", message, "--network", "dev", *relaying)
    assert (other.status, "on chain 31338" in other.err) == (2, True)

"""``index``: follow, look, compare, begin anew; and reading from what was indexed."""

from __future__ import annotations

import signal
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ethr_did.settings import load_settings, write_config
from support.command_line import DEAD, CommandLine

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.chain.local import LocalChain

HUB = "https://hub.example.com"


@pytest.fixture
def indexed(ethr_did: CommandLine, did: str) -> str:
    """Alice's DID with a service, and an index of it."""
    assert ethr_did("service", "add", did, "Hub", HUB).status == 0
    done = ethr_did("index", "sync", "dev")
    assert done.status == 0, done.err
    return did


@pytest.fixture
def deaf(ethr_did: CommandLine, config: Path, tmp_path: Path) -> CommandLine:
    """The same, whose node is gone."""
    path = tmp_path / "dead.toml"
    found = load_settings(config).table().find("dev")
    write_config(path, [replace(found, rpc_url=DEAD)])
    return CommandLine({**ethr_did.environment, "ETHR_DID_CONFIG": str(path)})


def test_a_network_is_followed_to_its_head(
    ethr_did: CommandLine, indexed: str, chain: LocalChain
) -> None:
    (found,) = ethr_did("index", "status", "dev", "--json").json
    assert found["head"]["blockNumber"] == chain.head.number
    assert (found["blocksBehind"], found["fault"], found["takenBack"]) == (0, None, 0)
    assert found["events"] >= 1
    table = ethr_did("index", "status", "dev").out.splitlines()
    assert table[0].split() == [
        "network",
        "block",
        "behind",
        "final",
        "events",
        "compared",
        "fault",
    ]
    assert table[1].split()[:3] == ["dev", str(chain.head.number), "0"]
    assert indexed


def test_what_was_never_followed_is_said_to_be(ethr_did: CommandLine) -> None:
    assert ethr_did("index", "status", "dev", "--json").json == [
        {"network": "dev", "chainId": 31337, "head": None, "fault": None}
    ]
    assert "never followed" in ethr_did("index", "status", "dev").out


def test_resolving_needs_no_node_any_more(
    ethr_did: CommandLine, indexed: str, deaf: CommandLine
) -> None:
    asked = ethr_did("resolve", indexed).json
    found = deaf("resolve", indexed, "--index")
    assert found.status == 0, found.out
    assert found.json["didResolutionMetadata"]["readAt"].pop("blocksBehind") == 0
    assert found.json["didDocument"] == asked["didDocument"]
    assert deaf("history", indexed, "--index").out == ethr_did("history", indexed).out
    part = deaf("dereference", f"{indexed}?service=service-1", "--index")
    assert part.json["content"] == HUB
    assert deaf("resolve", indexed).status == 4


def test_what_the_index_lacks_is_asked_of_the_node(
    ethr_did: CommandLine, did: str, deaf: CommandLine
) -> None:
    assert ethr_did("resolve", did, "--index").status == 0
    assert deaf("resolve", did, "--index").status == 4


def test_an_index_that_is_right_agrees_with_its_node(ethr_did: CommandLine, indexed: str) -> None:
    done = ethr_did("index", "verify", "dev", "--json")
    assert done.status == 0
    assert done.json["compared"] >= 1
    assert done.json["differences"] == []
    assert "different  0" in ethr_did("index", "verify", "dev").out
    assert indexed


def test_a_chain_that_went_on_is_no_difference(
    ethr_did: CommandLine, indexed: str, chain: LocalChain
) -> None:
    chain.mine()
    assert ethr_did("index", "verify", "dev").status == 0
    assert indexed


def test_verifying_without_an_index_says_what_to_do(ethr_did: CommandLine) -> None:
    done = ethr_did("index", "verify", "dev")
    assert done.status == 4
    assert "not in the index yet" in done.err
    assert "ethr-did index sync" in done.err


def test_a_network_can_be_read_anew(ethr_did: CommandLine, indexed: str) -> None:
    before = ethr_did("index", "status", "dev", "--json").json[0]["head"]
    assert ethr_did("index", "rebuild", "dev").status == 130  # nobody said yes
    done = ethr_did("index", "rebuild", "dev", "--yes", "--json")
    assert done.status == 0
    assert done.json[0]["head"] == before
    assert indexed


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (("sync", "dve"), 7, "Did you mean dev?"),
        (("sync", "sepolia"), 7, "no RPC URL is configured"),
        (("sync", "dead"), 4, "cannot be reached"),
        (("sync", "other"), 4, "not on chain 5"),
        (("sync", "empty"), 4, "there is no code"),
        (("verify", "sepolia"), 7, "no RPC URL"),
    ],
)
def test_what_cannot_be_followed_says_why(
    ethr_did: CommandLine, arguments: tuple[str, ...], status: int, words: str
) -> None:
    done = ethr_did("index", *arguments)
    assert (done.status, done.out) == (status, "")
    assert words in done.err


@pytest.mark.parametrize("command", ["sync", "status"])
def test_without_a_network_there_is_nothing_to_do(
    ethr_did: CommandLine, tmp_path: Path, command: str
) -> None:
    path = tmp_path / "empty.toml"
    path.touch()
    done = ethr_did("index", command, "--config", path)
    assert (done.status, done.out) == (7, "")
    assert "no network with a node is configured" in done.err


def test_only_one_process_writes_and_a_signal_ends_it_tidily(
    ethr_did: CommandLine, did: str
) -> None:
    with ethr_did.spawn("index", "sync", "dev", "--follow", "--interval", "0.1") as follower:
        follower.wait_for_words("Following dev")
        while (found := ethr_did("index", "status", "dev", "--json").json)[0]["head"] is None:
            pass
        refused = ethr_did("index", "sync", "dev")
        assert (refused.status, "another process follows" in refused.err) == (11, True)
        assert ethr_did("service", "add", did, "Hub", HUB).status == 0
        while ethr_did("index", "status", "dev", "--json").json[0]["events"] == found[0]["events"]:
            pass
        ended = follower.end(signal.SIGTERM)
    assert (ended.status, ended.out) == (0, "")
    assert ethr_did("index", "sync", "dev").status == 0


def test_a_follower_ends_with_whoever_started_it(ethr_did: CommandLine) -> None:
    done = ethr_did.piped("index", "sync", "dev", "--follow", "--until-eof", stdin=b"")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_progress_is_shown_on_a_terminal(ethr_did: CommandLine, did: str) -> None:
    assert ethr_did("service", "add", did, "Hub", HUB).status == 0
    shown = ethr_did.typed("index", "sync", "dev", columns=120)
    assert shown.status == 0
    assert "events" in shown.out


def test_a_database_that_cannot_be_used_says_so(ethr_did: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    url = f"sqlite:///{tmp_path / 'file' / 'index.db'}"
    done = ethr_did("index", "sync", "dev", ETHR_DID_DATABASE_URL=url)
    assert done.status == 11
    assert "cannot be used" in done.err

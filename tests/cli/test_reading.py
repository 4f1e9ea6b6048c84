"""``resolve``, ``dereference``, ``history``, ``networks``, ``owner show``."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ethr_did.chain.networks import Network
from ethr_did.settings import write_config
from support.command_line import DEAD

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount
    from support.command_line import CommandLine

HUB = "https://hub.example.com"


@pytest.fixture
def published(ethr_did: CommandLine, did: str) -> str:
    """Alice's DID with a service."""
    assert ethr_did("service", "add", did, "Hub", HUB).status == 0
    return did


def test_resolving_prints_the_resolution_result(ethr_did: CommandLine, published: str) -> None:
    done = ethr_did("resolve", published)
    assert (done.status, done.err) == (0, "")
    assert done.json["didDocument"]["service"][0]["serviceEndpoint"] == HUB
    assert ethr_did("resolve", published, "--json").json == done.json


def test_several_dids_give_a_list(ethr_did: CommandLine, published: str, bob: LocalAccount) -> None:
    done = ethr_did("resolve", published, f"did:ethr:dev:{bob.address}")
    assert [one["didDocument"]["id"] for one in done.json] == [
        published,
        f"did:ethr:dev:{bob.address}",
    ]


def test_an_older_version_is_shown_as_it_was(ethr_did: CommandLine, published: str) -> None:
    first = ethr_did("resolve", published).json["didDocumentMetadata"]["versionId"]
    assert ethr_did("service", "add", published, "Two", HUB).status == 0
    before = ethr_did("resolve", published, "--version-id", first).json
    assert [one["type"] for one in before["didDocument"]["service"]] == ["Hub"]
    assert before["didDocumentMetadata"]["nextVersionId"] == str(int(first) + 1)


@pytest.mark.parametrize(
    ("given", "status", "code"),
    [
        ("did:ethr:dev:0x12", 2, "invalid_did"),
        ("did:web:example.com", 2, "unsupported_method"),
        ("did:ethr:dve:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", 7, "unknown_network"),
        ("did:ethr:sepolia:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", 7, "invalid_configuration"),
        ("did:ethr:dead:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", 4, "node_unreachable"),
        ("did:ethr:other:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", 4, "wrong_chain"),
        ("did:ethr:empty:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf", 4, "registry_missing"),
    ],
)
def test_what_cannot_be_resolved_says_why_in_the_result_and_the_exit_code(
    ethr_did: CommandLine, given: str, status: int, code: str
) -> None:
    done = ethr_did("resolve", given)
    assert done.status == status
    assert done.json["didResolutionMetadata"]["error"]["code"] == code
    assert done.json["didDocument"] is None


def test_nothing_shows_the_key_in_an_rpc_url(ethr_did: CommandLine) -> None:
    secret = DEAD.rpartition("/")[2]
    anyone = "did:ethr:dead:0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
    for arguments in (
        ["resolve", anyone],
        ["history", anyone, "--json"],
        ["networks"],
        ["networks", "--json"],
        ["service", "add", anyone, "Hub", HUB],
    ):
        done = ethr_did(*arguments)
        assert "127.0.0.1:1/v3/…" in done.out + done.err
        assert secret not in done.out + done.err


def test_dereferencing_prints_what_the_url_names(ethr_did: CommandLine, published: str) -> None:
    done = ethr_did("dereference", f"{published}?service=service-1")
    assert (done.status, done.json["content"]) == (0, HUB)
    gone = ethr_did("dereference", f"{published}#key-9")
    assert gone.status == 3
    assert gone.json["dereferencingMetadata"]["error"]["code"] == "not_found"


def test_history_lists_each_change_with_its_transaction(
    ethr_did: CommandLine, published: str
) -> None:
    made = ethr_did("key", "add", published, "Ed25519", "0x" + "c6" * 32, "--json").json
    done = ethr_did("history", published)
    heading, service, key = done.out.splitlines()
    assert heading.split() == ["block", "time", "change", "what", "valid", "until", "transaction"]
    assert f"did/svc/Hub = {HUB}" in service
    assert "did/pub/Ed25519/veriKey = 0xc6c6" in key
    assert key.endswith(made["txHash"])
    assert "2 changes as of block" in done.err


def test_history_as_json_has_the_document_after_each_change(
    ethr_did: CommandLine, published: str
) -> None:
    done = ethr_did("history", published, "--json")
    text = json.dumps(done.json)
    assert done.status == 0
    assert HUB in text


def test_what_others_wrote_on_chain_does_not_steer_the_terminal(
    ethr_did: CommandLine, did: str
) -> None:
    evil = "\x1b]0;owned\x07\x9b31m\u202e"
    name = "0x" + b"did/svc/\x1b[2JX".ljust(32, b"\0").hex()
    changes = [
        {"change": "addService", "type": "Hub", "endpoint": {"uri": evil}},
        {"change": "setAttribute", "name": name, "value": "0x" + evil.encode().hex()},
    ]
    assert ethr_did("batch", did, "-", stdin=json.dumps(changes)).status == 0
    for arguments in (["resolve", did], ["history", did], ["history", did, "--json"]):
        done = ethr_did(*arguments)
        assert done.status == 0
        assert all(char.isprintable() or char == "\n" for char in done.out + done.err)
    assert (
        ethr_did("resolve", did).json["didDocument"]["service"][0]["serviceEndpoint"]["uri"] == evil
    )


def test_the_owner_is_shown(ethr_did: CommandLine, did: str, alice: LocalAccount) -> None:
    assert ethr_did("owner", "show", did).out == f"{alice.address}\n"
    shown = ethr_did("owner", "show", did, "--json").json
    assert (shown["owner"], shown["deactivated"]) == (alice.address, False)


def test_networks_lists_those_of_the_file_first(ethr_did: CommandLine, config: Path) -> None:
    done = ethr_did("networks", "--json")
    assert done.json["source"] == str(config)
    names = [network["name"] for network in done.json["networks"]]
    assert names[:5] == ["dev", "dead", "other", "empty", "mainnet"]
    assert str(config) in ethr_did("networks").err


def test_networks_shows_the_status_contracts_that_are_known(
    ethr_did: CommandLine, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    status = "0x" + "a1" * 20
    bare = Network(name="bare", chain_id=5, did_registry="0x" + "c3" * 20)
    whole = replace(bare, name="whole", status_registry=status, status_lens="0x" + "b2" * 20)
    write_config(path, [whole, bare])
    one, other = ethr_did("networks", "--json", ETHR_DID_CONFIG=str(path)).json["networks"][:2]
    assert one["statusRegistry"] == whole.status_registry != status
    assert (one["anchorRegistry"], other["statusLens"]) == (None, None)
    rows = ethr_did("networks", ETHR_DID_CONFIG=str(path)).out.splitlines()[1:5]
    assert [row.split()[0] for row in rows] == ["whole", "status", "status", "bare"]
    assert [one["statusRegistry"] in row for row in rows] == [False, True, False, False]


def test_without_a_configuration_the_built_in_networks_are_there(
    ethr_did: CommandLine, tmp_path: Path
) -> None:
    done = ethr_did(
        "networks", "--json", ETHR_DID_CONFIG="", HOME=str(tmp_path), XDG_CONFIG_HOME=""
    )
    assert done.json["source"] is None
    assert done.json["networks"][0]["name"] == "mainnet"

"""``relay``: signed by one, submitted by another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount, LocalChain
    from support.command_line import CommandLine

CHANGES = json.dumps(
    [
        {"change": "addService", "type": "Hub", "endpoint": "https://hub.example.com"},
        {"change": "addDelegate", "delegateType": "veriKey", "delegate": "0x" + "12" * 20},
    ]
)


@pytest.fixture
def message(ethr_did: CommandLine, did: str, tmp_path: Path) -> Path:
    """What alice signed, in a file."""
    path = tmp_path / "message.json"
    done = ethr_did("relay", "sign", did, "-", "--out", path, stdin=CHANGES)
    assert (done.status, done.out) == (0, "")
    assert f"ethr-did relay submit {path}" in done.err
    return path


@pytest.fixture
def relaying(signers: dict[str, str], relayer: LocalAccount) -> list[str]:
    """The options of somebody else, who pays."""
    return ["--signer", signers[relayer.address]]


def test_what_one_signs_another_submits_once(
    ethr_did: CommandLine, did: str, message: Path, relaying: list[str]
) -> None:
    done = ethr_did("relay", "submit", message, *relaying)
    assert done.status == 0
    document = ethr_did("resolve", did).json["didDocument"]
    assert document["service"][0]["serviceEndpoint"] == "https://hub.example.com"
    again = ethr_did("relay", "submit", message, *relaying, "--json")
    assert (again.status, again.error["code"]) == (2, "invalid_change")
    assert "used or withdrawn" in again.error["message"]


def test_a_dry_run_checks_the_message_and_sends_nothing(
    ethr_did: CommandLine, chain: LocalChain, message: Path, relaying: list[str]
) -> None:
    head = chain.head.number
    done = ethr_did("relay", "submit", message, "--dry-run", *relaying)
    assert (done.status, "relayed: set did/svc/Hub" in done.out) == (0, True)
    changed = message.read_text().replace('"validity": 315360000', '"validity": 315360001')
    message.write_text(changed)
    refused = ethr_did("relay", "submit", message, "--dry-run", *relaying, "--json")
    assert (refused.status, refused.error["code"]) == (5, "not_authorized")
    assert chain.head.number == head


def test_a_message_goes_through_a_pipe(
    ethr_did: CommandLine, did: str, relaying: list[str]
) -> None:
    signed = ethr_did("relay", "sign", did, "-", stdin=CHANGES)
    assert ethr_did("relay", "submit", "-", *relaying, stdin=signed.out).status == 0


def test_the_lifetime_counts_from_the_newest_block(
    ethr_did: CommandLine, did: str, chain: LocalChain, relaying: list[str]
) -> None:
    chain.advance(1_000_000)
    chain.mine()
    signed = ethr_did("relay", "sign", did, "-", "--lifetime", "2h", stdin=CHANGES)
    assert signed.json["deadline"] == chain.head.timestamp + 7200
    chain.advance(7200)
    chain.mine()
    late = ethr_did("relay", "submit", "-", *relaying, "--json", stdin=signed.out)
    assert (late.status, "deadline" in late.error["message"]) == (2, True)


def test_an_erc1056_message_has_no_lifetime(ethr_did: CommandLine, did: str) -> None:
    one = json.dumps(json.loads(CHANGES)[:1])
    signing = ("relay", "sign", did, "-", "--kind", "erc1056")
    assert ethr_did(*signing, stdin=one).json["deadline"] is None
    refused = ethr_did(*signing, "--lifetime", "1h", "--json", stdin=one)
    assert (refused.status, refused.error["code"]) == (2, "invalid_option")


def test_nobody_signs_for_an_identity_of_somebody_else(
    ethr_did: CommandLine, bob: LocalAccount
) -> None:
    done = ethr_did("relay", "sign", f"did:ethr:dev:{bob.address}", "-", "--json", stdin=CHANGES)
    assert (done.status, done.error["code"]) == (5, "not_authorized")


def test_a_withdrawn_message_is_worthless(
    ethr_did: CommandLine, did: str, message: Path, relaying: list[str]
) -> None:
    assert ethr_did("relay", "withdraw", did).status == 0
    assert ethr_did("relay", "submit", message, *relaying).status == 2


@pytest.mark.parametrize(("name", "words"), [("message.json", "it exists already"), ("no/m", "No")])
def test_a_message_never_overwrites_a_file(
    ethr_did: CommandLine, did: str, tmp_path: Path, name: str, words: str
) -> None:
    (tmp_path / "message.json").write_text("precious")
    done = ethr_did("relay", "sign", did, "-", "--out", tmp_path / name, stdin=CHANGES)
    assert (done.status, done.out) == (2, "")
    assert words in done.err
    assert "leave --out away" in done.err
    assert (tmp_path / "message.json").read_text() == "precious"


@pytest.mark.parametrize(
    ("content", "words"), [("{", "is not JSON"), ("[]", "ethr-did/relay/1"), ("{}", "format")]
)
def test_what_is_no_message_is_not_submitted(
    ethr_did: CommandLine, relaying: list[str], content: str, words: str
) -> None:
    done = ethr_did("relay", "submit", "-", *relaying, stdin=content)
    assert (done.status, words in done.err) == (2, True)


def test_a_message_for_an_unknown_chain_needs_its_network(
    ethr_did: CommandLine, message: Path, relaying: list[str]
) -> None:
    message.write_text(message.read_text().replace('"chainId": 31337', '"chainId": 31338'))
    assert ethr_did("relay", "submit", message, *relaying).status == 7
    other = ethr_did("relay", "submit", message, "--network", "dev", *relaying)
    assert (other.status, "on chain 31338" in other.err) == (2, True)

"""``key``, ``delegate``, ``service``, ``owner change``, ``deactivate``, ``batch``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.command_line import CommandLine

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount, LocalChain
    from support.command_line import Outcome

KEY = "0x" + "c6" * 32
HUB = "https://hub.example.com"


def document(ethr_did: CommandLine, did: str) -> dict[str, Any]:
    found: dict[str, Any] = ethr_did("resolve", did).json["didDocument"]
    return found


@pytest.mark.parametrize(
    ("add", "revoke", "shown"),
    [
        (
            ["key", "add", "DID", "Ed25519", KEY, "--purpose", "sigAuth"],
            ["key", "revoke", "DID", "Ed25519", KEY, "--purpose", "sigAuth"],
            "Ed25519VerificationKey2020",
        ),
        (
            ["delegate", "add", "DID", "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"],
            ["delegate", "revoke", "DID", "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"],
            "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf",
        ),
        (
            ["service", "add", "DID", "Hub", HUB],
            ["service", "revoke", "DID", "Hub", HUB],
            HUB,
        ),
        (
            ["service", "add", "DID", "Hub", '{"uri": "https://hub.example.com", "n": [1]}'],
            ["service", "revoke", "DID", "Hub", '{"uri":"https://hub.example.com","n":[1]}'],
            HUB,
        ),
    ],
)
def test_what_is_added_is_in_the_document_until_it_is_revoked(
    ethr_did: CommandLine, did: str, add: list[str], revoke: list[str], shown: str
) -> None:
    made = ethr_did(*(did if word == "DID" else word for word in add))
    assert made.status == 0
    assert made.out.startswith("Mined in block ")
    assert made.err.startswith("Sent 0x")
    assert shown in json.dumps(document(ethr_did, did))
    assert ethr_did(*(did if word == "DID" else word for word in revoke)).status == 0
    assert shown not in json.dumps(document(ethr_did, did))


def test_json_is_the_receipt_and_talk_goes_to_stderr(ethr_did: CommandLine, did: str) -> None:
    done = ethr_did("service", "add", did, "Hub", HUB, "--json")
    assert done.json["succeeded"] is True
    assert done.json["txHash"] in done.err


@pytest.mark.parametrize(
    ("text", "seconds"), [("3600", 3600), ("90m", 5400), ("2h", 7200), ("30d", 2592000)]
)
def test_a_validity_is_in_seconds_or_has_a_unit(
    ethr_did: CommandLine, did: str, text: str, seconds: int
) -> None:
    plan = ethr_did("service", "add", did, "A", HUB, "--validity", text, "--dry-run", "--json").json
    assert f"{seconds:064x}" in plan["transactions"][0]["data"]


def test_a_dry_run_shows_the_cost_and_sends_nothing(
    ethr_did: CommandLine, did: str, chain: LocalChain, tmp_path: Path
) -> None:
    head = chain.head.number
    done = ethr_did("service", "add", did, "Hub", HUB, "--dry-run")
    assert done.status == 0
    assert "set did/svc/Hub" in done.out
    assert "Nothing was sent." in done.err
    plan = ethr_did("service", "add", did, "Hub", HUB, "--dry-run", "--json").json
    assert plan["transactions"][0]["estimatedGas"] > 21_000
    for arguments in (["deactivate", did], ["owner", "change", did, "0x" + "12" * 20]):
        assert ethr_did(*arguments, "--dry-run").status == 0
    assert chain.head.number == head
    assert not list((tmp_path / "state").rglob("*.json"))


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["key", "add", "DID", "Ed25519", "0xc642"], "32 bytes, not 2"),
        (["key", "add", "DID", "Ed25519", "c642"], "Write 0x and pairs of hex digits"),
        (["key", "add", "DID", "Secp256k1", "0x02" + "00" * 31 + "05"], "not a point of secp256k1"),
        (["key", "add", "DID", "Ed2551", KEY], "Did you mean Ed25519?"),
        (["key", "add", "DID", "Ed25519", KEY, "--purpose", "sigAut"], "sigAuth"),
        (["service", "add", "DID", "Hub Svc", HUB], "letters, digits and underscores"),
        (["service", "add", "DID", "H" * 40, HUB], "longer than 24 characters"),
        (["service", "add", "DID", "Hub", "hub"], "Give a URI"),
        (["service", "add", "DID", "Hub", '{"uri":'], "is not JSON"),
        (["service", "add", "DID", "Hub", HUB, "--validity", "3w"], "m, h, d or y"),
        (["service", "add", "DID", "Hub", HUB, "--validity", "0"], "not between 1 and"),
        (["service", "add", "DID", "Hub", HUB, "--max-fee", "1e999999"], "amount in gwei"),
        (["service", "add", "DID", "Hub", HUB, "--max-fee", "0.0000000001"], "amount in gwei"),
        (["service", "add", "DID", "Hub", HUB, "--timeout", "-1"], "--timeout"),
        (["service", "add", "DID", "Hub", HUB, "--jsn"], "--json"),
        (["delegate", "add", "DID", "0x12"], "40 hexadecimal digits"),
        (["delegate", "add", "DID", "0x7e5F4552091A69125d5DfCb7b8C2659029395Bdf"], "EIP-55"),
        (["delegate", "add", "DID", "0x" + "00" * 20], "nobody holds its key"),
        (["owner", "change", "DID", "0x" + "00" * 20], "ethr-did deactivate"),
        (["key", "add", "did:ethr:dev:0x12", "Ed25519", KEY], "40 hex digits"),
        (["resolv", "DID"], "Did you mean resolve?"),
        (["key", "ad", "DID"], "Did you mean 'add'?"),
    ],
)
def test_wrong_input_is_told_with_what_is_right(
    ethr_did: CommandLine, did: str, chain: LocalChain, arguments: list[str], words: str
) -> None:
    head = chain.head.number
    given = [did if word == "DID" else word for word in arguments]
    done = ethr_did(*given)
    assert (done.status, done.out) == (2, "")
    assert words in done.err
    assert "Traceback" not in done.err
    as_json = ethr_did(*given, "--json")
    assert as_json.status == 2
    assert as_json.error["message"]
    assert chain.head.number == head


@pytest.mark.parametrize(
    ("network", "expected", "words"),
    [
        ("dead", (4, "node_unreachable"), "Check the RPC URL"),
        ("other", (4, "wrong_chain"), "is on chain 31337, not on chain 5"),
        ("empty", (4, "registry_missing"), "there is no code"),
        ("sepolia", (7, "invalid_configuration"), "[networks.sepolia] rpc_url"),
        ("dve", (7, "unknown_network"), "Did you mean dev?"),
    ],
)
def test_a_network_that_cannot_be_used_is_told_apart(
    ethr_did: CommandLine,
    alice: LocalAccount,
    network: str,
    expected: tuple[int, str],
    words: str,
) -> None:
    arguments = ["service", "add", f"did:ethr:{network}:{alice.address}", "Hub", HUB]
    done = ethr_did(*arguments)
    assert (done.status, done.out) == (expected[0], "")
    assert words in done.err
    as_json = ethr_did(*arguments, "--json")
    assert (as_json.status, as_json.error["code"]) == expected


def test_only_the_owner_may_change_an_identity(ethr_did: CommandLine, bob: LocalAccount) -> None:
    done = ethr_did("service", "add", f"did:ethr:dev:{bob.address}", "Hub", HUB)
    assert done.status == 5
    assert f"is owned by {bob.address}" in done.err
    assert "Hint: Use the owner's signer" in done.err


def test_too_dear_is_not_sent(ethr_did: CommandLine, did: str) -> None:
    done = ethr_did("service", "add", did, "Hub", HUB, "--cap-cost", "0.000001", "--json")
    assert (done.status, done.error["code"]) == (5, "fee_too_high")


def test_a_sender_without_ether_is_told_how_much_is_missing(
    ethr_did: CommandLine, tmp_path: Path
) -> None:
    key = tmp_path / "poor.key"
    key.write_text("77" * 32)
    key.chmod(0o600)
    poor = ethr_did("create", "--network", "dev", "--signer", f"keyfile:{key}").out.strip()
    done = ethr_did("service", "add", poor, "Hub", HUB, "--signer", f"keyfile:{key}", "--json")
    assert (done.status, done.error["code"]) == (5, "insufficient_funds")
    assert "Send at least" in done.error["hint"]


# -- what is final -------------------------------------------------------------------------------

FINAL = [{"change": "deactivate"}]


def final_changes(ethr_did: CommandLine, did: str, *options: str) -> list[Outcome]:
    return [
        ethr_did("deactivate", did, *options),
        ethr_did("owner", "change", did, "0x" + "12" * 20, *options),
        ethr_did("batch", did, "-", *options, stdin=json.dumps(FINAL)),
    ]


def test_what_is_final_needs_a_yes_where_nobody_can_be_asked(
    ethr_did: CommandLine, did: str, chain: LocalChain
) -> None:
    head = chain.head.number
    for done in final_changes(ethr_did, did):
        assert (done.status, done.out) == (2, "")
        assert "add --yes" in done.err
    for done in final_changes(ethr_did, did, "--json"):
        assert done.error["code"] == "usage"
    assert chain.head.number == head


def test_a_person_is_asked_before_what_is_final_and_may_say_no(
    ethr_did: CommandLine, did: str, chain: LocalChain
) -> None:
    head = chain.head.number
    done = ethr_did.typed("deactivate", did, answers=[("[y/N]", "n\n")])
    assert done.status == 130
    assert "This is final. [y/N]" in done.out
    assert "nothing was sent" in done.out
    assert chain.head.number == head


def test_a_deactivated_identity_stays_so(ethr_did: CommandLine, did: str) -> None:
    assert ethr_did("deactivate", did, "--yes").status == 0
    resolved = ethr_did("resolve", did)
    assert resolved.status == 3
    assert resolved.json["didDocumentMetadata"]["deactivated"] is True
    assert ethr_did("owner", "show", did).out == "deactivated\n"
    again = ethr_did("service", "add", did, "Hub", HUB, "--json")
    assert (again.status, again.error["code"]) == (3, "deactivated")


def test_a_new_owner_takes_over(
    ethr_did: CommandLine, did: str, bob: LocalAccount, signers: dict[str, str]
) -> None:
    assert ethr_did("owner", "change", did, bob.address, "--yes").status == 0
    assert ethr_did("owner", "show", did).out == f"{bob.address}\n"
    assert ethr_did("service", "add", did, "Hub", HUB).status == 5
    assert ethr_did("service", "add", did, "Hub", HUB, "--signer", signers[bob.address]).status == 0


# -- batches -------------------------------------------------------------------------------------


def test_a_batch_is_one_transaction(
    ethr_did: CommandLine, did: str, chain: LocalChain, tmp_path: Path
) -> None:
    head = chain.head.number
    changes = [
        {"change": "addKey", "type": "Ed25519", "publicKey": KEY, "purpose": "sigAuth"},
        {"change": "addService", "type": "Hub", "endpoint": HUB},
        {"change": "addDelegate", "delegateType": "veriKey", "delegate": "0x" + "12" * 20},
    ]
    path = tmp_path / "changes.json"
    path.write_text(json.dumps(changes), "utf-8")
    done = ethr_did("batch", did, path, "--json")
    assert len(done.json) == 1
    assert chain.head.number == head + 1
    assert len(document(ethr_did, did)["verificationMethod"]) == 3


def test_a_batch_comes_from_stdin_in_utf_8_whatever_the_locale(
    ethr_did: CommandLine, did: str
) -> None:
    changes = [{"change": "addService", "type": "Hub", "endpoint": {"name": "Zürich 😀"}}]
    text = json.dumps(changes, ensure_ascii=False).encode()
    ascii_only = CommandLine(
        {**ethr_did.environment, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}
    )
    assert ascii_only.piped("batch", did, "-", stdin=text).status == 0
    shown = ascii_only.piped("resolve", did)
    assert shown.out.isascii()
    assert shown.json["didDocument"]["service"][0]["serviceEndpoint"] == {"name": "Zürich 😀"}


def test_all_faults_of_a_batch_are_named_at_once(ethr_did: CommandLine, did: str) -> None:
    faulty = [{"change": "addSrv"}, 7, {"change": "addKey", "type": 5, "publicKey": "0x00"}]
    done = ethr_did("batch", did, "-", "--json", stdin=json.dumps(faulty))
    assert (done.status, done.error["code"]) == (2, "invalid_change")
    assert len(done.error["facts"]["faults"]) == 3


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"[", "is not JSON"),
        (b"\xff\xfe", "is not UTF-8"),
        (b" " * (4 * 1024 * 1024 + 1), "is longer than"),
        (b'{"change": "deactivate"}', "a batch is a JSON list"),
        (b"[]", "at least one change"),
    ],
)
def test_a_batch_that_cannot_be_read_is_told(
    ethr_did: CommandLine, did: str, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "changes.json"
    path.write_bytes(content)
    for done in (ethr_did("batch", did, path), ethr_did("batch", did, "-", stdin=content)):
        assert done.status == 2
        assert words in done.err
    assert ethr_did("batch", did, tmp_path / "missing.json").status == 2


def test_a_batch_nested_without_end_is_told_too(ethr_did: CommandLine, did: str) -> None:
    # In a process of its own: the chain of these tests lifts Python's limit of recursion.
    done = ethr_did.piped("batch", did, "-", stdin=b"[" * 100_000)
    assert (done.status, "is not JSON" in done.err) == (2, True)

"""``devnet`` and ``demo``, in processes of their own."""

from __future__ import annotations

import signal
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from web3 import Web3

from ethr_did.chain.artifacts import ContractName, load
from ethr_did.chain.local import LocalChain
from ethr_did.core.keys import parse_address
from ethr_did.deployment import deployable
from support.command_line import CommandLine

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.chain.local import LocalServer

HUB = "https://hub.example.com"
BOUND = {
    "statusRegistry": ContractName.CREDENTIAL_STATUS_REGISTRY,
    "anchorRegistry": ContractName.STATUS_LIST_ANCHOR_REGISTRY,
}


@pytest.fixture
def fresh(tmp_path: Path) -> CommandLine:
    """A user who has set up nothing."""
    return CommandLine({"ETHR_DID_STATE_DIR": str(tmp_path / "state"), "HOME": str(tmp_path)})


def test_a_devnet_is_ready_when_it_says_so_and_ends_tidily(fresh: CommandLine) -> None:
    with fresh.spawn("devnet", "--port", "0", "--accounts", "3", "--json") as process:
        ready = process.read_json()
        assert len(ready["accounts"]) == 3
        w3 = Web3(Web3.HTTPProvider(ready["url"]))
        assert w3.eth.chain_id == ready["chainId"] == 31337
        abi = abi_of(ContractName.ETHEREUM_DID_REGISTRY)
        registry = w3.eth.contract(Web3.to_checksum_address(ready["didRegistry"]), abi=abi)
        alice, bob = (Web3.to_checksum_address(a["address"]) for a in ready["accounts"][:2])
        registry.functions.changeOwner(alice, bob).transact({"from": alice})
        exported = {
            "ETHR_DID_CONFIG": ready["config"],
            "ETHR_DID_SIGNER": ready["accounts"][1]["signer"],
        }
        did = f"did:ethr:dev:{alice}"
        assert fresh("owner", "show", did, **exported).out == f"{bob}\n"
        assert fresh("service", "add", did, "Hub", HUB, **exported).status == 0
        done = process.end(signal.SIGINT)
    assert (done.status, done.out, done.err) == (0, "", "\nStopping.\n")


def test_a_devnet_has_the_status_contracts_and_configures_them(fresh: CommandLine) -> None:
    with fresh.spawn("devnet", "--port", "0", "--json") as process:
        ready = process.read_json()
        w3 = Web3(Web3.HTTPProvider(ready["url"]))
        for key, name in BOUND.items():
            contract = w3.eth.contract(Web3.to_checksum_address(ready[key]), abi=abi_of(name))
            assert contract.functions.didRegistry().call() == ready["didRegistry"]
        lens = bytes(w3.eth.get_code(Web3.to_checksum_address(ready["statusLens"])))
        assert lens == load(ContractName.CREDENTIAL_STATUS_LENS).runtime_code
        configured = fresh("networks", "--json", ETHR_DID_CONFIG=ready["config"]).json
        network = configured["networks"][0]
        keys = ("didRegistry", *BOUND, "statusLens")
        assert {key: network[key] for key in keys} == {key: ready[key] for key in keys}
        process.end(signal.SIGINT)


def test_a_chain_of_before_gets_the_contracts_that_it_lacks_and_keeps_the_rest(
    fresh: CommandLine, tmp_path: Path
) -> None:
    state, config = tmp_path / "chain.gz", tmp_path / "config.toml"
    options = ("--port", "0", "--state", state, "--write-config", config, "--json")
    with fresh.spawn("devnet", *options) as process:
        ready = process.read_json()
        account = ready["accounts"][1]
        did = f"did:ethr:dev:{account['address']}"
        exported = {"ETHR_DID_CONFIG": str(config), "ETHR_DID_SIGNER": account["signer"]}
        assert fresh("service", "add", did, "Hub", HUB, **exported).status == 0
        process.end(signal.SIGTERM)
    before = LocalChain.load(state)
    status_contracts = (*BOUND, "statusLens")
    for key in status_contracts:
        before.patch(parse_address(ready[key]), code=b"", nonce=0)
    before.save(state)
    with fresh.spawn("devnet", *options) as process:
        again = process.read_json()
        assert {key: again[key] for key in status_contracts} == {
            key: ready[key] for key in status_contracts
        }
        w3 = Web3(Web3.HTTPProvider(again["url"]))
        assert w3.eth.block_number == before.head.number + len(status_contracts)
        assert all(w3.eth.get_code(again[key]) for key in status_contracts)
        resolved = fresh("resolve", did, **exported).json
        assert resolved["didDocument"]["service"][0]["serviceEndpoint"] == HUB
        sent = fresh("transaction", "list", "--network", "dev", "--json", **exported).json
        assert [entry["state"] for entry in sent] == ["mined"]
        process.end(signal.SIGTERM)


def abi_of(name: ContractName) -> list[dict[str, Any]]:
    return [dict(entry) for entry in load(name).abi]


def test_a_state_file_carries_the_chain_into_the_next_run(
    fresh: CommandLine, tmp_path: Path
) -> None:
    state, config = tmp_path / "chain.gz", tmp_path / "config.toml"
    options = ("--port", "0", "--state", state, "--write-config", config)
    with fresh.spawn("devnet", *options, "--json", "--chain-id", "1234") as process:
        ready = process.read_json()
        account = ready["accounts"][0]
        did = f"did:ethr:dev:{account['address']}"
        exported = {"ETHR_DID_CONFIG": str(config), "ETHR_DID_SIGNER": account["signer"]}
        assert fresh("service", "add", did, "Hub", HUB, **exported).status == 0
        assert process.end(signal.SIGTERM).err.endswith(f"The chain is saved in {state}.\n")
    other = fresh("devnet", "--port", "0", "--state", state, "--chain-id", "5", "--json")
    assert (other.status, "holds chain 1234" in other.error["message"]) == (2, True)
    with fresh.spawn("devnet", *options, "--json") as process:
        again = process.read_json()
        assert (again["chainId"], again["didRegistry"]) == (1234, ready["didRegistry"])
        resolved = fresh("resolve", did, **exported).json
        assert resolved["didDocument"]["service"][0]["serviceEndpoint"] == HUB
        sent = fresh("transaction", "list", "--network", "dev", "--json", **exported).json
        assert [entry["state"] for entry in sent] == ["mined"]
        assert process.end(signal.SIGINT).status == 0


def test_a_port_that_is_taken_is_told_and_nothing_is_overwritten(
    fresh: CommandLine, server: LocalServer, tmp_path: Path
) -> None:
    port = server.url.rpartition(":")[2]
    done = fresh("devnet", "--port", port)
    assert (done.status, done.out) == (2, "")
    assert "Choose another with --port" in done.err
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--host", "192.0.2.1"], "not a loopback address"),
        (["--state", "missing/chain.gz"], "cannot be saved in missing/chain.gz"),
        (["--state", __file__], "It was left as it is"),
        (["--chain-id", "0"], "--chain-id"),
        (["--port", "65536"], "--port"),
    ],
)
def test_a_devnet_that_cannot_start_says_why(
    fresh: CommandLine, options: list[str], words: str
) -> None:
    for extra in ([], ["--json"]):
        done = fresh("devnet", "--port", "0", *options, *extra)
        assert done.status == 2
        assert words in done.out + done.err


def test_a_new_chain_forgets_what_was_sent_on_an_older_one(
    fresh: CommandLine, tmp_path: Path
) -> None:
    for _ in range(2):
        with fresh.spawn("devnet", "--port", "0") as process:
            for name in deployable():
                process.wait_for_output(name)
            process.wait_for_output("Ctrl-C ends it.")
            config = tmp_path / "state" / "devnet" / "config.toml"
            assert tomllib.loads(config.read_text())["networks"]["dev"]["chain_id"] == 31337
            exported = {
                "ETHR_DID_CONFIG": str(config),
                "ETHR_DID_SIGNER": f"keyfile:{config.with_name('account-1.key')}",
            }
            did = fresh("create", "--network", "dev", **exported).out.strip()
            made = fresh("service", "add", did, "Hub", HUB, "--json", **exported)
            assert made.json["resumed"] is False
            sent = fresh("transaction", "list", "--network", "dev", "--json", **exported).json
            assert len(sent) == 1
            process.end(signal.SIGTERM)


def test_the_demo_tells_its_story(fresh: CommandLine, tmp_path: Path) -> None:
    told = fresh.piped("demo")
    assert (told.status, told.err) == (0, "")
    chapters = fresh("demo", "--json").json
    assert [chapter["chapter"] for chapter in chapters] == list(range(1, len(chapters) + 1))
    for chapter in chapters:
        assert f"{chapter['chapter']}. {chapter['title']}" in told.out
    assert not (tmp_path / "state").exists()

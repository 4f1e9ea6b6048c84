"""``deploy`` and ``deployments``."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.chain.local import LocalChain
    from support.command_line import CommandLine


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Where the records go."""
    return tmp_path / "deployments"


@pytest.fixture
def deployed(ethr_did: CommandLine, records: Path) -> Path:
    """The record of a fresh deployment."""
    done = ethr_did("deploy", "dev", "--records", records, "--yes")
    assert done.status == 0, done.err
    return records / "dev" / "EthereumDIDRegistry.json"


def test_a_dry_run_shows_the_plan_and_leaves_no_trace(
    ethr_did: CommandLine, records: Path, chain: LocalChain
) -> None:
    head = chain.head.number
    done = ethr_did("deploy", "dev", "--records", records, "--dry-run")
    assert (done.status, "EthereumDIDRegistry" in done.out) == (0, True)
    assert "deployment proxy" in done.out
    plan = ethr_did("deploy", "dev", "--records", records, "--dry-run", "--json").json
    assert plan["contracts"][0]["standing"] == "absent"
    assert chain.head.number == head
    assert not records.exists()


def test_stdout_is_what_the_configuration_of_others_needs(
    ethr_did: CommandLine, records: Path
) -> None:
    done = ethr_did("deploy", "dev", "--records", records, "--yes")
    network = tomllib.loads(done.out)["networks"]["dev"]
    record = json.loads((records / "dev" / "EthereumDIDRegistry.json").read_text())
    assert network["did_registry"] == record["address"]
    assert network["first_block"] == record["blockNumber"]


def test_deploying_needs_a_yes(ethr_did: CommandLine, records: Path, chain: LocalChain) -> None:
    head = chain.head.number
    done = ethr_did("deploy", "dev", "--records", records)
    assert (done.status, "Deploy to dev (chain 31337)?" in done.err) == (2, True)
    assert chain.head.number == head


def test_deploying_twice_sends_nothing_the_second_time(
    ethr_did: CommandLine, deployed: Path, records: Path, chain: LocalChain
) -> None:
    head, content = chain.head.number, deployed.read_bytes()
    done = ethr_did("deploy", "dev", "--records", records, "--json")
    assert done.json["plan"]["contracts"][0]["standing"] == "deployed"
    assert done.json["records"][0]["contractName"] == "EthereumDIDRegistry"
    assert (chain.head.number, deployed.read_bytes()) == (head, content)


def test_a_plain_deployment_has_an_address_of_its_own(ethr_did: CommandLine, records: Path) -> None:
    done = ethr_did("deploy", "dev", "--records", records, "--plain", "--yes", "--json")
    assert done.json["records"][0]["factory"] is None


def test_the_list_names_what_is_recorded(
    ethr_did: CommandLine, deployed: Path, records: Path
) -> None:
    address = json.loads(deployed.read_text())["address"]
    assert address in ethr_did("deployments", "list", "--records", records).out
    (listed,) = ethr_did("deployments", "list", "--records", records, "--json").json
    assert (listed["network"], listed["address"]) == ("dev", address)
    nothing = ethr_did("deployments", "list", "--records", records / "none")
    assert (nothing.status, nothing.out, "Nothing is recorded" in nothing.err) == (0, "", True)


def test_a_good_deployment_is_verified(
    ethr_did: CommandLine, deployed: Path, records: Path, tmp_path: Path
) -> None:
    done = ethr_did("deployments", "verify", "dev", "--records", records)
    assert done.status == 0
    assert "failed" not in done.out
    inputs = tmp_path / "inputs"
    with_inputs = ethr_did(
        "deployments", "verify", "dev", "--records", records, "--input-dir", inputs, "--json"
    )
    assert with_inputs.json[0]["outcome"] == "ok"
    assert (inputs / f"{deployed.stem}.standard-input.json").exists()


def test_a_tampered_record_ends_with_8(
    ethr_did: CommandLine, deployed: Path, records: Path
) -> None:
    record = json.loads(deployed.read_text())
    deployed.write_text(json.dumps({**record, "codeHash": "0x" + "12" * 32}))
    done = ethr_did("deployments", "verify", "dev", "--records", records, "--json")
    assert (done.status, done.json[0]["outcome"]) == (8, "failed")


def test_a_dead_node_ends_with_4_and_is_unknown_not_ok(
    ethr_did: CommandLine, deployed: Path, records: Path
) -> None:
    deployed.parent.rename(records / "dead")
    done = ethr_did("deployments", "verify", "dead", "--records", records, "--json")
    assert (done.status, done.json[0]["outcome"]) == (4, "unknown")


def test_what_is_not_recorded_cannot_be_verified(ethr_did: CommandLine, records: Path) -> None:
    done = ethr_did("deployments", "verify", "dev", "--records", records, "--json")
    assert (done.status, done.error["code"]) == (8, "deployment_error")
    assert ethr_did("deployments", "verify", "dve", "--records", records).status == 7


def test_records_of_another_chain_are_not_overwritten(
    ethr_did: CommandLine, deployed: Path, records: Path
) -> None:
    (deployed.parent / ".chainId").write_text("5\n")
    done = ethr_did("deploy", "dev", "--records", records, "--yes", "--json")
    assert (done.status, done.error["code"]) == (8, "deployment_error")

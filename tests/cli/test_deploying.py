"""``deploy`` and ``deployments``."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.chain.artifacts import ContractName, load
from ethr_did.core.keys import parse_address, to_checksum_address
from ethr_did.deployment import create2_address, deployable, salt_of
from support.writing import deploy, make_sender, world_registry

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount, LocalChain, LocalServer
    from support.command_line import CommandLine, Outcome

NAMES = [name.value for name in deployable()]


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """Where the records go."""
    return tmp_path / "deployments"


@pytest.fixture
def operate(ethr_did: CommandLine, records: Path, server: LocalServer) -> Callable[..., Outcome]:
    """A command about ``mychain``, which is in no configuration."""

    def run(*words: object, network: str = "mychain") -> Outcome:
        command = (words[0],) if words[0] == "deploy" else ("deployments", words[0])
        node = ("--rpc-url", server.url) if network == "mychain" else ()
        return ethr_did(*command, network, *node, "--records", records, *words[1:])

    return run


@pytest.fixture
def deployed(operate: Callable[..., Outcome], records: Path) -> Path:
    """The record of the DID registry of a fresh deployment."""
    done = operate("deploy", "--yes")
    assert done.status == 0, done.err
    return records / "mychain" / "EthereumDIDRegistry.json"


@pytest.fixture
def legacy(chain: LocalChain, relayer: LocalAccount, tmp_path: Path) -> str:
    """Address of a registry of 2018."""
    sender = make_sender(chain.provider, relayer.key, tmp_path / "journal")
    return str(to_checksum_address(deploy(sender, world_registry("legacy-2018"))))


def test_a_dry_run_shows_the_plan_and_leaves_no_trace(
    operate: Callable[..., Outcome], records: Path, chain: LocalChain
) -> None:
    head = chain.head.number
    done = operate("deploy", "--dry-run")
    assert done.status == 0
    lines = done.out.splitlines()
    assert lines[1].startswith("deployment proxy")
    assert [line.split()[0] for line in lines[2:]] == NAMES
    assert ["  about " in line for line in lines[2:]] == [False, True, True, False]
    plan = operate("deploy", "--dry-run", "--json").json
    assert [one["standing"] for one in plan["contracts"]] == ["absent"] * 4
    assert chain.head.number == head
    assert not records.exists()


def test_stdout_is_what_the_configuration_of_others_needs(
    operate: Callable[..., Outcome], records: Path
) -> None:
    done = operate("deploy", "--yes")
    network = tomllib.loads(done.out)["networks"]["mychain"]
    found = {name: json.loads((records / "mychain" / f"{name}.json").read_text()) for name in NAMES}
    did_registry, status_registry, anchor_registry, status_lens = (
        found[name]["address"] for name in NAMES
    )
    assert network == {
        "chain_id": 31337,
        "did_registry": did_registry,
        "first_block": found["EthereumDIDRegistry"]["blockNumber"],
        "status_registry": status_registry,
        "anchor_registry": anchor_registry,
        "status_lens": status_lens,
    }


def test_deploying_needs_a_yes(operate: Callable[..., Outcome], chain: LocalChain) -> None:
    head = chain.head.number
    done = operate("deploy")
    assert (done.status, "Deploy to mychain (chain 31337)?" in done.err) == (2, True)
    assert chain.head.number == head


def test_deploying_twice_sends_nothing_the_second_time(
    operate: Callable[..., Outcome], deployed: Path, chain: LocalChain
) -> None:
    head, content = chain.head.number, deployed.read_bytes()
    done = operate("deploy", "--json")
    assert [one["standing"] for one in done.json["plan"]["contracts"]] == ["deployed"] * 4
    assert [one["contractName"] for one in done.json["records"]] == NAMES
    assert (chain.head.number, deployed.read_bytes()) == (head, content)


def test_a_plain_deployment_has_addresses_of_its_own_and_is_found_again(
    operate: Callable[..., Outcome], chain: LocalChain
) -> None:
    made = operate("deploy", "--plain", "--yes", "--json").json["records"]
    assert [one["factory"] for one in made] == [None] * 4
    head = chain.head.number
    assert operate("deploy", "--plain", "--yes", "--json").json["records"] == made
    assert chain.head.number == head


# -- which DID registry --------------------------------------------------------------------------


def served(done: Outcome) -> tuple[list[str], set[str]]:
    """The contracts that were planned, and the registries that they are bound to."""
    contracts = done.json["contracts"]
    bound = {one["didRegistry"] for one in contracts} - {None}
    return [one["contract"] for one in contracts], bound


def test_the_status_contracts_of_a_configured_network_serve_its_registry(
    operate: Callable[..., Outcome], registry: str
) -> None:
    done = operate("deploy", "--yes", network="dev")
    assert done.status == 0, done.err
    assert f"The identities of dev are in {registry}: " in done.err
    network = tomllib.loads(done.out)["networks"]["dev"]
    assert network["did_registry"] == registry
    assert {"status_registry", "anchor_registry", "status_lens"} < set(network)
    assert operate("verify", network="dev").status == 0


def test_an_older_registry_can_be_named(operate: Callable[..., Outcome], legacy: str) -> None:
    done = operate("deploy", "--did-registry", legacy, "--dry-run", "--json")
    assert served(done) == (NAMES[1:], {legacy})
    assert done.json["didRegistry"] == legacy
    assert "EthereumDIDRegistry is not deployed" in done.err
    lines = operate("deploy", "--did-registry", legacy, "--yes").out
    assert tomllib.loads(lines)["networks"]["mychain"]["did_registry"] == legacy


def test_the_lines_for_a_known_older_registry_have_its_nonce_rule(
    operate: Callable[..., Outcome], chain: LocalChain, legacy: str
) -> None:
    known = "0xdCa7EF03e98e0DC2B855bE647C39ABe984fcF21B"
    code = chain.handle(
        {"jsonrpc": "2.0", "id": 1, "method": "eth_getCode", "params": [legacy, "latest"]}
    )
    assert isinstance(code, dict)
    chain.patch(parse_address(known), code=bytes.fromhex(code["result"][2:]))
    lines = operate("deploy", "--did-registry", known, "--yes").out
    assert tomllib.loads(lines)["networks"]["mychain"]["legacy_nonce"] is True


def test_ours_is_deployed_where_it_is_asked_for_by_its_address(
    operate: Callable[..., Outcome],
) -> None:
    artifact = load(ContractName.ETHEREUM_DID_REGISTRY)
    ours = str(to_checksum_address(create2_address(artifact.init_code, salt_of(artifact.name))))
    done = operate("deploy", "--did-registry", ours, "--dry-run", "--json", network="dev")
    assert served(done) == (NAMES, {ours})


def test_with_plain_a_named_registry_is_one_that_is_there(
    operate: Callable[..., Outcome], deployed: Path
) -> None:
    ours = json.loads(deployed.read_text())["address"]
    dry = ("--plain", "--dry-run", "--json")
    named = operate("deploy", "--did-registry", ours, *dry, network="dev")
    assert served(named) == (NAMES[1:], {ours})
    recorded = operate("deploy", "--did-registry", ours, *dry)
    assert served(recorded) == (NAMES, {ours})


@pytest.mark.parametrize(
    ("address", "status", "code"),
    [("0x" + "11" * 20, 8, "deployment_error"), ("0x12", 2, "invalid_address")],
)
def test_what_is_no_registry_is_refused(
    operate: Callable[..., Outcome], address: str, status: int, code: str
) -> None:
    done = operate("deploy", "--did-registry", address, "--yes", "--json")
    assert (done.status, done.error["code"]) == (status, code)


# -- what is recorded ----------------------------------------------------------------------------


def test_the_list_names_what_is_recorded_and_what_it_serves(
    ethr_did: CommandLine, deployed: Path, records: Path
) -> None:
    address = json.loads(deployed.read_text())["address"]
    lines = ethr_did("deployments", "list", "--records", records).out.splitlines()[1:]
    assert [line.count(address) for line in lines] == [0, 1, 1, 1]
    listed = ethr_did("deployments", "list", "--records", records, "--json").json
    assert {one["contractName"] for one in listed} == set(NAMES)
    assert {one["network"] for one in listed} == {"mychain"}
    nothing = ethr_did("deployments", "list", "--records", records / "none")
    assert (nothing.status, nothing.out, "Nothing is recorded" in nothing.err) == (0, "", True)


def test_a_good_deployment_is_verified_and_can_be_published(
    operate: Callable[..., Outcome], deployed: Path, tmp_path: Path
) -> None:
    done = operate("verify")
    assert done.status == 0, done.out
    assert "failed" not in done.out
    inputs = tmp_path / "inputs"
    with_inputs = operate("verify", "--input-dir", inputs, "--json")
    assert {one["outcome"] for one in with_inputs.json} == {"ok"}
    address = json.loads(deployed.read_text())["address"]
    assert arguments(inputs) == {
        "EthereumDIDRegistry": "",
        f"CredentialStatusRegistry.{address}": f"{address[2:].lower():0>64}",
        f"StatusListAnchorRegistry.{address}": f"{address[2:].lower():0>64}",
        "CredentialStatusLens": "",
    }
    assert len(list(inputs.glob("*.standard-input.json"))) == 4


def arguments(folder: Path) -> dict[str, Any]:
    """The constructor arguments in the requests of a folder, by name of the file."""
    ending = ".verification.json"
    return {
        path.name.removesuffix(ending): json.loads(path.read_text())["constructorArguments"]
        for path in folder.glob(f"*{ending}")
    }


def test_what_can_be_published_is_that_of_the_records_for_each_registry(
    operate: Callable[..., Outcome],
    ethr_did: CommandLine,
    records: Path,
    tmp_path: Path,
    legacy: str,
) -> None:
    operate("deploy", "--did-registry", legacy, "--yes")
    operate("verify", "--input-dir", tmp_path / "inputs")
    assert set(arguments(tmp_path / "inputs")) == {
        f"CredentialStatusRegistry.{legacy}",
        f"StatusListAnchorRegistry.{legacy}",
        "CredentialStatusLens",
    }
    none = ("--records", records / "none", "--input-dir", tmp_path / "ours")
    assert ethr_did("deployments", "verify", *none).status == 0
    assert len(arguments(tmp_path / "ours")) == 4


def test_a_tampered_record_ends_with_8(operate: Callable[..., Outcome], deployed: Path) -> None:
    record = json.loads(deployed.read_text())
    deployed.write_text(json.dumps({**record, "codeHash": "0x" + "12" * 32}))
    done = operate("verify", "--json")
    found = {one["contract"]: one["outcome"] for one in done.json}
    assert (done.status, found.pop("EthereumDIDRegistry")) == (8, "failed")
    assert set(found.values()) == {"ok"}


def test_a_dead_node_ends_with_4_and_is_unknown_not_ok(
    ethr_did: CommandLine, deployed: Path, records: Path
) -> None:
    deployed.parent.rename(records / "dead")
    done = ethr_did("deployments", "verify", "dead", "--records", records, "--json")
    assert done.status == 4
    assert {one["outcome"] for one in done.json} == {"unknown"}


def test_what_is_not_recorded_cannot_be_verified(ethr_did: CommandLine, records: Path) -> None:
    done = ethr_did("deployments", "verify", "dev", "--records", records, "--json")
    assert (done.status, done.error["code"]) == (8, "deployment_error")
    assert ethr_did("deployments", "verify", "dve", "--records", records).status == 7


def test_records_of_another_chain_are_not_overwritten(
    operate: Callable[..., Outcome], deployed: Path
) -> None:
    (deployed.parent / ".chainId").write_text("5\n")
    done = operate("deploy", "--yes", "--json")
    assert (done.status, done.error["code"]) == (8, "deployment_error")

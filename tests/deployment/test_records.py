"""Records are read strictly, written whole, and the same on every run."""

from __future__ import annotations

import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.chain.networks import is_network_name
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.deployment import PROXY, Record, RecordFolder, network_lines, salt_of
from ethr_did.deployment.records import canonical_input
from ethr_did.errors import DeploymentError, InvalidFile, InvalidInput
from ethr_did.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ethr_did.chain.artifacts import Artifact

NAME = "EthereumDIDRegistry"


@pytest.fixture
def record(registry: Artifact) -> Record:
    return Record(
        contract_name=NAME,
        address=Address(b"\x11" * 20),
        abi=tuple(dict(entry) for entry in registry.abi),
        tx_hash=b"\x22" * 32,
        block_number=1234,
        block_hash=b"\x33" * 32,
        deployer=Address(b"\x44" * 20),
        factory=PROXY,
        salt=salt_of(NAME),
        init_code_hash=keccak(registry.init_code),
        code_hash=registry.code_hash,
        compiler=registry.compiler,
        evm_version=registry.evm_version,
        source_hash=registry.source_hash,
    )


@pytest.fixture
def folder(tmp_path: Path) -> RecordFolder:
    return RecordFolder(tmp_path / "deployments")


@pytest.fixture
def damage(folder: RecordFolder, record: Record, registry: Artifact) -> Callable[..., Path]:
    """Writes a record with other values for some fields; Ellipsis takes a field away."""

    def change(**changes: Any) -> Path:
        path = folder.write("dev", 31337, record, registry)
        data = {**json.loads(path.read_text("utf-8")), **changes}
        kept = {name: value for name, value in data.items() if value is not ...}
        path.write_text(json.dumps(kept), "utf-8")
        return path

    return change


def test_what_is_written_is_what_is_read(
    folder: RecordFolder, record: Record, registry: Artifact
) -> None:
    folder.write("dev", 31337, record, registry)
    assert folder.read("dev", NAME) == record
    assert folder.read_all("dev") == [record]
    assert folder.read_chain_id("dev") == 31337
    assert folder.networks() == ["dev"]


def test_what_is_not_recorded_is_none(folder: RecordFolder) -> None:
    assert folder.read("dev", NAME) is None
    assert folder.read_all("dev") == []
    assert folder.read_chain_id("dev") is None
    assert folder.read_input(bytes(32)) is None
    assert folder.networks() == []


def test_a_record_may_know_no_transaction(record: Record) -> None:
    data = record.to_dict()
    data |= dict.fromkeys(("transactionHash", "blockNumber", "blockHash", "deployer"))
    assert not Record.from_dict(data).is_complete


def test_the_compiler_input_has_its_hash_as_its_name(
    folder: RecordFolder, record: Record, registry: Artifact
) -> None:
    folder.write("dev", 31337, record, registry)
    data = folder.read_input(record.source_hash)
    assert data is not None
    assert keccak(data) == record.source_hash
    assert json.loads(data) == registry.standard_json_input


def test_two_networks_share_one_compiler_input(
    folder: RecordFolder, record: Record, registry: Artifact
) -> None:
    folder.write("dev", 31337, record, registry)
    folder.write("other", 5, record, registry)
    assert len(list((folder.root / "solc-inputs").iterdir())) == 1
    assert folder.networks() == ["dev", "other"]


def test_an_artifact_whose_input_has_another_hash_is_refused(registry: Artifact) -> None:
    data = registry.to_dict() | {"sourceHash": "0x" + "00" * 32}
    with pytest.raises(DeploymentError, match="does not have the hash 0x0000"):
        canonical_input(type(registry).from_dict(data))


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({"address": "0x12"}, "address: '0x12' is not an address"),
        ({"address": ...}, "address is missing"),
        ({"codeHash": "0xAB"}, "codeHash: '0xAB' is not 0x and 64 lower-case hex digits"),
        ({"codeHash": 7}, "codeHash: 7 is not 0x and 64"),
        ({"blockNumber": -1}, "blockNumber: -1 is not a number or null"),
        ({"blockNumber": True}, "blockNumber: True is not a number or null"),
        ({"abi": {}}, "abi: {} is not a list of objects"),
        ({"compiler": ""}, "compiler: '' is not a compiler version"),
        ({"salt": None}, "factory and salt must be there both or neither"),
        ({"deployer": None}, "transactionHash and deployer must be there both or neither"),
        ({"blockNumber": None, "blockHash": None}, "transactionHash without blockNumber"),
        ({"adress": "0x"}, "'adress' is not a field of a record. Did you mean address?"),
    ],
)
def test_a_damaged_record_is_refused_with_the_fault_named(
    folder: RecordFolder, damage: Callable[..., Path], changes: dict[str, Any], fault: str
) -> None:
    path = damage(**changes)
    with pytest.raises(InvalidFile) as caught:
        folder.read("dev", NAME)
    assert caught.value.message.startswith(f"{path}: ")
    assert fault in caught.value.message
    assert "not deployed twice" in caught.value.hint


def test_all_faults_of_a_record_are_named_at_once(
    folder: RecordFolder, damage: Callable[..., Path]
) -> None:
    damage(address=1, codeHash=2, abi=...)
    with pytest.raises(InvalidFile) as caught:
        folder.read_all("dev")
    assert len(caught.value.facts["faults"]) == 3


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "is not JSON"), ("[]", r"\[\] is not a JSON object"), (b"\xff", "cannot be read")],
)
def test_a_file_that_is_no_record_is_refused(
    folder: RecordFolder, damage: Callable[..., Path], text: str | bytes, said: str
) -> None:
    damage().write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InvalidFile, match=said):
        folder.read("dev", NAME)


def test_a_record_must_be_named_after_its_contract(
    folder: RecordFolder, damage: Callable[..., Path]
) -> None:
    damage().rename(folder.path("dev") / "Other.json")
    with pytest.raises(InvalidFile, match="is the record of 'EthereumDIDRegistry'"):
        folder.read("dev", "Other")


def test_a_chain_id_that_is_none_is_refused(
    folder: RecordFolder, damage: Callable[..., Path]
) -> None:
    damage()
    (folder.path("dev") / ".chainId").write_text("0x7a69")
    with pytest.raises(InvalidFile, match="'0x7a69' is not a chain id in decimal"):
        folder.read_chain_id("dev")


def test_an_unwritable_folder_is_named(
    folder: RecordFolder, record: Record, registry: Artifact
) -> None:
    folder.root.write_text("a file, not a folder")
    with pytest.raises(DeploymentError, match="cannot be written"):
        folder.write("dev", 31337, record, registry)


def test_nothing_but_the_files_is_left_behind(
    folder: RecordFolder, record: Record, registry: Artifact
) -> None:
    folder.write("dev", 31337, record, registry)
    names = {path.name for path in folder.path("dev").iterdir()}
    assert names == {".chainId", f"{NAME}.json"}


# -- names of folders ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("network", "name"),
    [
        ("sepolia", "sepolia"),
        ("rsk:testnet", "rsk%3Atestnet"),
        ("..", "%2E."),
        (".git", "%2Egit"),
        ("solc-inputs", "%73olc-inputs"),
    ],
)
def test_every_network_name_gives_a_safe_folder(
    folder: RecordFolder, record: Record, registry: Artifact, network: str, name: str
) -> None:
    assert folder.path(network) == folder.root / name
    folder.write(network, 30, record, registry)
    assert folder.networks() == [network]


@given(names=st.sets(st.from_regex(r"[a.:%_]{1,6}", fullmatch=True).filter(is_network_name)))
def test_no_two_networks_share_a_folder(names: set[str], tmp_path_factory: Any) -> None:
    folder = RecordFolder(tmp_path_factory.getbasetemp())
    paths = {folder.path(name) for name in names}
    assert len(paths) == len(names)
    assert all(path.parent == folder.root for path in paths)


@pytest.mark.parametrize("text", ["../etc", "a/b", "", "0x1", "a%3Ab"])
def test_what_is_no_network_name_is_no_folder(folder: RecordFolder, text: str) -> None:
    with pytest.raises(InvalidInput, match="not a network name"):
        folder.path(text)


# -- configuration -------------------------------------------------------------------------------


@pytest.mark.parametrize("network", ["dev", "my.net", "rsk:testnet", "a-b_c"])
def test_the_lines_for_others_are_a_configuration(
    record: Record, tmp_path: Path, network: str
) -> None:
    path = tmp_path / "config.toml"
    path.write_text(network_lines(network, 31337, record), "utf-8")
    found = load_settings(path, {}).table().find(network)
    assert found.did_registry == to_checksum_address(record.address)
    assert (found.chain_id, found.first_block) == (31337, 1234)


def test_an_unknown_first_block_is_left_out(record: Record) -> None:
    data = record.to_dict()
    data |= dict.fromkeys(("transactionHash", "blockNumber", "blockHash", "deployer"))
    lines = network_lines("dev", 1, Record.from_dict(data))
    assert "first_block" not in tomllib.loads(lines)["networks"]["dev"]

"""Records are read strictly, written whole, and the same on every run."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.chain.networks import Network, Networks, is_network_name
from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.deployment import PROXY, Record, RecordFolder, network_with, salt_of
from ethr_did.deployment.records import canonical_input
from ethr_did.errors import DeploymentError, InvalidFile, InvalidInput
from ethr_did.settings import load_settings, network_lines

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ethr_did.chain.artifacts import Artifact

NAME = "EthereumDIDRegistry"
DID_REGISTRY = Address(b"\x55" * 20)


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
        ({"constructorArguments": "0x"}, "constructorArguments: '0x' is not 0x and lower-case hex"),
        ({"constructorArguments": "AB"}, "constructorArguments: 'AB' is not 0x and lower-case"),
        ({"constructorArguments": None}, "constructorArguments: None is not"),
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


# -- constructor arguments -----------------------------------------------------------------------


def test_constructor_arguments_are_kept_and_name_the_did_registry(
    folder: RecordFolder, record: Record, registry: Artifact
) -> None:
    bound = dataclasses.replace(record, constructor_arguments=DID_REGISTRY.rjust(32, b"\0"))
    folder.write("dev", 31337, bound, registry)
    assert folder.read("dev", NAME) == bound
    assert bound.to_dict()["constructorArguments"] == f"0x{'00' * 12}{'55' * 20}"
    assert bound.did_registry == DID_REGISTRY


def test_a_record_from_before_there_were_arguments_is_read_and_written_as_it_is(
    damage: Callable[..., Path], folder: RecordFolder, record: Record, registry: Artifact
) -> None:
    path = damage()
    assert "constructorArguments" not in json.loads(path.read_text())
    found = folder.read("dev", NAME)
    assert found == record
    assert (found.constructor_arguments, found.did_registry) == (b"", None)
    path = folder.write("dev", 31337, record, registry)
    content = path.read_bytes()
    folder.write("dev", 31337, found, registry)
    assert path.read_bytes() == content


@pytest.mark.parametrize("arguments", [b"", b"\x01", DID_REGISTRY, b"\x01" * 32, bytes(64)])
def test_arguments_that_are_not_one_address_name_no_did_registry(
    record: Record, arguments: bytes
) -> None:
    assert dataclasses.replace(record, constructor_arguments=arguments).did_registry is None


# -- configuration -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["dev", "my.net", "rsk:testnet", "a-b_c"])
def test_the_lines_for_others_are_a_configuration(
    record: Record, tmp_path: Path, name: str
) -> None:
    path = tmp_path / "config.toml"
    network = network_with(_network(name, rpc_url="https://node.example/v3/secret"), [record])
    path.write_text(network_lines(network), "utf-8")
    found = load_settings(path, {}).table().find(name)
    assert found.did_registry == to_checksum_address(record.address)
    assert (found.chain_id, found.first_block, found.legacy_nonce) == (31337, 1234, False)
    assert "secret" not in path.read_text()


def test_the_status_contracts_of_a_network_are_those_of_its_records(record: Record) -> None:
    names = {
        "status_registry": "CredentialStatusRegistry",
        "anchor_registry": "StatusListAnchorRegistry",
        "status_lens": "CredentialStatusLens",
    }
    records = [
        dataclasses.replace(record, contract_name=name, address=Address(bytes([number] * 20)))
        for number, name in enumerate(names.values(), 1)
    ]
    before = _network("dev", first_block=7, legacy_nonce=True)
    found = network_with(before, records)
    assert [getattr(found, field) for field in names] == [
        to_checksum_address(one.address) for one in records
    ]
    assert found == dataclasses.replace(before, **{field: getattr(found, field) for field in names})
    assert network_with(found, []) == found


def test_an_unknown_first_block_is_left_out_unless_it_was_known_of_that_registry(
    record: Record,
) -> None:
    data = record.to_dict()
    data |= dict.fromkeys(("transactionHash", "blockNumber", "blockHash", "deployer"))
    unknown = Record.from_dict(data)
    lines = network_lines(network_with(_network("dev", first_block=7), [unknown]))
    assert "first_block" not in tomllib.loads(lines)["networks"]["dev"]
    same = _network("dev", did_registry=to_checksum_address(unknown.address), first_block=7)
    assert network_with(same, [unknown]).first_block == 7


def test_a_registry_of_ours_does_not_count_nonces_as_the_built_in_one_did(
    record: Record, tmp_path: Path
) -> None:
    path = tmp_path / "config.toml"
    mainnet = Networks().find("mainnet")
    assert mainnet.legacy_nonce
    path.write_text(network_lines(network_with(mainnet, [record])), "utf-8")
    assert not load_settings(path, {}).table().find("mainnet").legacy_nonce


def _network(name: str, **more: Any) -> Network:
    return Network(**{"name": name, "chain_id": 31337, "did_registry": "0x" + "99" * 20, **more})

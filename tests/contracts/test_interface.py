from __future__ import annotations

import pytest
from eth_hash.auto import keccak

from ethr_did.chain.artifacts import Artifact, ContractName, load
from support.evm import signatures

ERC1056_SELECTORS = {
    "changed(address)": "f96d0f9f",
    "identityOwner(address)": "8733d4e8",
    "owners(address)": "022914a7",
    "nonce(address)": "70ae92d2",
    "validDelegate(address,bytes32,address)": "622b2a3c",
    "delegates(address,bytes32,address)": "0d44625b",
    "changeOwner(address,address)": "f00d4b5d",
    "changeOwnerSigned(address,uint8,bytes32,bytes32,address)": "240cf1fa",
    "addDelegate(address,bytes32,address,uint256)": "a7068d66",
    "addDelegateSigned(address,uint8,bytes32,bytes32,bytes32,address,uint256)": "9c2c1b2b",
    "revokeDelegate(address,bytes32,address)": "80b29f7c",
    "revokeDelegateSigned(address,uint8,bytes32,bytes32,bytes32,address)": "93072684",
    "setAttribute(address,bytes32,bytes,uint256)": "7ad4b0a4",
    "setAttributeSigned(address,uint8,bytes32,bytes32,bytes32,bytes,uint256)": "123b5e98",
    "revokeAttribute(address,bytes32,bytes)": "00c023da",
    "revokeAttributeSigned(address,uint8,bytes32,bytes32,bytes32,bytes)": "e476af5c",
}
OWN_FUNCTIONS = {
    "applyChanges(address,(uint8,bytes32,bytes,uint256)[])",
    "applyChangesSigned(address,(uint8,bytes32,bytes,uint256)[],uint256,uint256,bytes)",
    "invalidateNonce()",
    "statesOf(address[])",
    "eip712Domain()",
}
TOPICS = {
    "DIDOwnerChanged(address,address,uint256)": (
        "38a5a6e68f30ed1ab45860a4afb34bcb2fc00f22ca462d249b8a8d40cda6f7a3"
    ),
    "DIDDelegateChanged(address,bytes32,address,uint256,uint256)": (
        "5a5084339536bcab65f20799fcc58724588145ca054bd2be626174b27ba156f7"
    ),
    "DIDAttributeChanged(address,bytes32,bytes,uint256,uint256)": (
        "18ab6b2ae3d64306c00ce663125f2bd680e441a098de1635bd7ad8b0d44965e4"
    ),
}
ERRORS = {
    "ValidityOverflow(uint256)",
    "EmptyBatch()",
    "UnknownChangeKind(uint256,uint8)",
    "OwnerChangeNotLast(uint256)",
    "InvalidAccountLength(uint256,uint256)",
    "UnexpectedName(uint256)",
    "UnexpectedValidity(uint256)",
    "DeadlineExpired(uint256,uint256)",
    "InvalidNonce(uint256,uint256)",
    "InvalidSignature(address)",
}


@pytest.fixture
def artifact() -> Artifact:
    return load(ContractName.ETHEREUM_DID_REGISTRY)


def test_has_the_selectors_of_the_deployed_contracts_and_five_of_its_own(
    artifact: Artifact,
) -> None:
    found = {
        text: digest[:4].hex() for text, digest in signatures(artifact.abi, "function").items()
    }
    assert {text: found.get(text) for text in ERC1056_SELECTORS} == ERC1056_SELECTORS
    assert found.keys() - ERC1056_SELECTORS.keys() == OWN_FUNCTIONS


def test_has_the_events_of_the_deployed_contracts_and_no_other(artifact: Artifact) -> None:
    found = {text: digest.hex() for text, digest in signatures(artifact.abi, "event").items()}
    assert found == TOPICS


def test_indexes_the_identity_and_nothing_else(artifact: Artifact) -> None:
    for entry in artifact.abi:
        if entry["type"] == "event":
            indexed = [argument["name"] for argument in entry["inputs"] if argument["indexed"]]
            assert indexed == ["identity"]


def test_names_every_error(artifact: Artifact) -> None:
    assert signatures(artifact.abi, "error").keys() == ERRORS


def test_keeps_the_storage_slots_of_the_deployed_contracts(artifact: Artifact) -> None:
    found = [(entry["label"], entry["slot"]) for entry in artifact.storage_layout["storage"]]
    assert found == [("owners", "0"), ("delegates", "1"), ("changed", "2"), ("nonce", "3")]


def test_has_no_constructor_and_no_way_to_receive_ether(artifact: Artifact) -> None:
    assert {entry["type"] for entry in artifact.abi} == {"function", "event", "error"}
    mutability = {entry["stateMutability"] for entry in artifact.abi if entry["type"] == "function"}
    assert mutability == {"view", "nonpayable"}


def test_type_strings_of_the_source_hash_to_what_the_code_uses(artifact: Artifact) -> None:
    change = "Change(uint8 kind,bytes32 name,bytes value,uint256 validity)"
    message = "ApplyChanges(address identity,address owner,Change[] changes,uint256 nonce,uint256 deadline)"
    domain = "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    for text in (change, message + change, domain):
        assert keccak(text.encode()) in artifact.runtime_code


@pytest.mark.parametrize("name", list(ContractName))
def test_artifacts_survive_a_round_trip(name: ContractName) -> None:
    assert Artifact.from_dict(load(name).to_dict()) == load(name)


@pytest.mark.parametrize("name", list(ContractName))
def test_artifacts_name_compiler_target_and_source(name: ContractName) -> None:
    artifact = load(name)
    assert artifact.name == name
    assert artifact.compiler == "0.8.37+commit.f401782d"
    assert (artifact.evm_version, artifact.optimizer_runs) == ("paris", 1000)
    takes_the_did_registry_s_address = name in {
        ContractName.CREDENTIAL_STATUS_REGISTRY,
        ContractName.STATUS_LIST_ANCHOR_REGISTRY,
    }
    assert bool(artifact.immutable_references) == takes_the_did_registry_s_address
    assert artifact.source_name in artifact.standard_json_input["sources"]

"""Explorers get the very input from which the code on chain was compiled."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.deployment import verification_input, write_verification_input
from ethr_did.errors import DeploymentError

if TYPE_CHECKING:
    from pathlib import Path

    from ethr_did.chain.artifacts import Artifact

DID_REGISTRY = Address(b"\xab" * 20)


def test_a_request_names_contract_compiler_and_input(registry: Artifact) -> None:
    assert verification_input(registry) == {
        "contractIdentifier": "src/EthereumDIDRegistry.sol:EthereumDIDRegistry",
        "compilerVersion": registry.compiler,
        "constructorArguments": "",
        "stdJsonInput": registry.standard_json_input,
    }
    assert "+commit." in registry.compiler


def test_the_input_holds_the_settings_that_make_the_address(registry: Artifact) -> None:
    settings = verification_input(registry)["stdJsonInput"]["settings"]
    assert settings["evmVersion"] == registry.evm_version
    assert settings["metadata"] == {"bytecodeHash": "ipfs"}


def test_files_hold_the_request_and_the_input_alone(registry: Artifact, tmp_path: Path) -> None:
    request, alone = write_verification_input(registry, tmp_path / "new")
    whole = json.loads(request.read_text("utf-8"))
    assert whole == verification_input(registry)
    assert json.loads(alone.read_text("utf-8")) == whole["stdJsonInput"]


def test_a_bound_contract_names_its_constructor_arguments(
    status_contracts: list[Artifact], tmp_path: Path
) -> None:
    bound = status_contracts[0].bound(DID_REGISTRY)
    assert verification_input(bound) == {
        "contractIdentifier": "src/CredentialStatusRegistry.sol:CredentialStatusRegistry",
        "compilerVersion": bound.compiler,
        "constructorArguments": "00" * 12 + "ab" * 20,
        "stdJsonInput": bound.standard_json_input,
    }
    request, alone = write_verification_input(bound, tmp_path)
    address = to_checksum_address(DID_REGISTRY)
    assert request.name == f"CredentialStatusRegistry.{address}.verification.json"
    assert alone.name == "CredentialStatusRegistry.standard-input.json"


def test_a_contract_that_is_not_bound_cannot_be_verified(status_contracts: list[Artifact]) -> None:
    with pytest.raises(DeploymentError, match="is not bound to any"):
        verification_input(status_contracts[0])


def test_a_folder_that_cannot_be_made_is_named(registry: Artifact, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DeploymentError, match="file cannot be written"):
        write_verification_input(registry, tmp_path / "file")

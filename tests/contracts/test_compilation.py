from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ethr_did import compilation
from ethr_did.chain.artifacts import ContractName, load
from ethr_did.errors import CompilationError

if TYPE_CHECKING:
    from ethr_did.compilation import Target

ROOT = Path(__file__).parent.parent.parent
CONTRACTS = ROOT / "contracts"
PACKAGE = ROOT / "src" / "ethr_did" / "chain" / "artifacts"
SHIPPED = compilation.find_targets(CONTRACTS, sources="src", artifacts=PACKAGE)
FOR_TESTS = tuple(
    target
    for folder in ("src/test", "src/examples")
    for target in compilation.find_targets(
        CONTRACTS, sources=folder, artifacts=Path(__file__).parent / "artifacts"
    )
)


@pytest.fixture(scope="session")
def compiler() -> Path:
    if shutil.which("node") is None and "CI" not in os.environ:
        pytest.skip("recompiling needs a compiler: native, or node for the npm one")
    return compilation.find_compiler(CONTRACTS)


@pytest.mark.parametrize("target", [*SHIPPED, *FOR_TESTS], ids=lambda target: target.contract)
def test_committed_artifacts_are_what_the_sources_compile_to(
    compiler: Path, target: Target
) -> None:
    artifact = compilation.compile_contract(CONTRACTS, target, compiler=compiler)
    assert compilation.differences(artifact, target.artifact) == []
    assert compilation.format_artifact(artifact) == target.artifact.read_text("utf-8")


def test_every_contract_has_a_name_and_an_artifact() -> None:
    assert {target.contract for target in SHIPPED} == set(ContractName)
    assert {path.stem for path in PACKAGE.glob("*.json")} == set(ContractName)


def test_the_input_holds_the_sources_the_contract_needs_and_no_other() -> None:
    (probe,) = (target for target in SHIPPED if target.contract == ContractName.DID_REGISTRY_PROBE)
    sources = compilation.build_input(CONTRACTS, probe)["sources"]
    assert list(sources) == ["src/DIDRegistryProbe.sol", "src/interfaces/IERC1056.sol"]


def test_the_lock_file_pins_the_compiler_and_names_no_host() -> None:
    lock = json.loads((CONTRACTS / "package-lock.json").read_text("utf-8"))
    assert lock["packages"]["node_modules/solc"]["version"] == compilation.SOLC_VERSION
    assert all("resolved" not in package for package in lock["packages"].values())


def test_differences_name_the_field_and_both_values(tmp_path: Path) -> None:
    artifact = load(ContractName.DID_REGISTRY_PROBE)
    committed = tmp_path / "DIDRegistryProbe.json"
    assert compilation.differences(artifact, committed) == [
        f"DIDRegistryProbe: {committed} is missing"
    ]
    data = {**artifact.to_dict(), "codeHash": "0x00"}
    committed.write_text(json.dumps(data), "utf-8")
    (line,) = compilation.differences(artifact, committed)
    assert line.startswith('DIDRegistryProbe: codeHash differs: "0x00" committed, "0x')


def test_a_warning_of_the_compiler_is_an_error(compiler: Path, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    source = "pragma solidity 0.8.37; contract Thing { function f(uint256 unused) external {} }"
    (tmp_path / "src" / "Thing.sol").write_text(source, "utf-8")
    (target,) = compilation.find_targets(tmp_path, sources="src", artifacts=tmp_path)
    with pytest.raises(CompilationError, match="SPDX"):
        compilation.compile_contract(tmp_path, target, compiler=compiler)


def test_an_error_of_the_compiler_names_the_source(compiler: Path, tmp_path: Path) -> None:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "Thing.sol").write_text("contract Thing { nonsense }", "utf-8")
    (target,) = compilation.find_targets(tmp_path, sources="src", artifacts=tmp_path)
    with pytest.raises(CompilationError, match=r"src/Thing\.sol"):
        compilation.compile_contract(tmp_path, target, compiler=compiler)

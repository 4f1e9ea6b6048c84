"""Compiles the Solidity sources and compares the result with the committed artifacts.

The rules:

* One exact compiler. A native one where there is one, else the npm build of the same version, whose
  output is the same bytes: what is installed is used before anything is downloaded.
* Each contract is compiled on its own, from an input that holds just the sources it needs, so that
  an edit elsewhere changes neither its code nor the input that proves it.
* A warning of the compiler is an error.
* The status contracts go through the compiler's intermediate representation: measured, a change of
  one status costs some 700 gas less and the code is a quarter smaller. The DID registry does not.
"""

from __future__ import annotations

import json
import posixpath
import re
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from ethr_did.chain.artifacts import Artifact
from ethr_did.errors import CompilationError, MissingExtra

try:
    import solcx
except ModuleNotFoundError as error:
    raise MissingExtra(
        "compiling contracts needs py-solc-x",
        hint="Install the extra: pip install 'ethr-did[compile]'",
    ) from error

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = [
    "EVM_VERSION",
    "OPTIMIZER_RUNS",
    "SOLC_VERSION",
    "VIA_IR",
    "Target",
    "build_input",
    "compile_contract",
    "differences",
    "find_compiler",
    "find_targets",
    "format_artifact",
]

SOLC_VERSION = "0.8.37"
EVM_VERSION = "paris"  # also runs on chains without PUSH0; the in-process EVM knows it too
OPTIMIZER_RUNS = 1000
VIA_IR = frozenset({"CredentialStatusRegistry", "StatusListAnchorRegistry", "CredentialStatusLens"})
"""The contracts that are measurably better off with the newer code generator."""

_OUTPUTS = (
    "abi",
    "evm.bytecode.object",
    "evm.deployedBytecode.object",
    "evm.deployedBytecode.immutableReferences",
    "storageLayout",
)
_IMPORT = re.compile(r"^import\s[^;]*?\"([^\"]+)\"\s*;", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One contract to compile: it has the name of its file."""

    source_name: str
    """Path of the source below the folder of the contracts, e.g. ``src/Thing.sol``."""

    artifact: Path
    """Where its artifact belongs."""

    @property
    def contract(self) -> str:
        """Name of the contract."""
        return posixpath.basename(self.source_name).removesuffix(".sol")


def find_targets(contracts: Path, *, sources: str, artifacts: Path) -> list[Target]:
    """The contracts of one folder, without those of its subfolders, by name.

    Args:
        contracts: The folder that holds ``package.json``; names of sources start below it.
        sources: The folder of the sources, relative to it, e.g. ``src``.
        artifacts: Where their artifacts belong.
    """
    return [
        Target(source_name=f"{sources}/{path.name}", artifact=artifacts / f"{path.stem}.json")
        for path in sorted((contracts / sources).glob("*.sol"))
    ]


def find_compiler(contracts: Path) -> Path:
    """The path of a compiler of exactly ``SOLC_VERSION``, installed if need be.

    Args:
        contracts: The folder that holds ``package.json`` and ``solc.mjs``.

    Raises:
        CompilationError: neither the native nor the npm compiler is here or can be had.
    """
    if SOLC_VERSION in map(str, solcx.get_installed_solc_versions()):
        return _native()
    shim = contracts / "solc.mjs"
    if (contracts / "node_modules" / "solc").is_dir():
        return shim
    try:
        solcx.install_solc(SOLC_VERSION)
    # Whatever stood in the way (no network, no build for this machine), npm may still know a way.
    except Exception as native:  # noqa: BLE001
        try:
            subprocess.run(["npm", "ci", "--no-audit", "--no-fund"], cwd=contracts, check=True)
        except (OSError, subprocess.CalledProcessError) as npm:
            raise CompilationError(
                f"no solc {SOLC_VERSION}: the native one failed ({native}), npm as well ({npm})",
                hint=f"Put node and npm on the PATH, or let py-solc-x install {SOLC_VERSION}.",
            ) from npm
        return shim
    return _native()


def _native() -> Path:
    path: Path = solcx.install.get_executable(SOLC_VERSION)
    return path


def build_input(contracts: Path, target: Target) -> dict[str, Any]:
    """The standard-JSON input of one contract: its source, what that imports, the settings."""
    return {
        "language": "Solidity",
        "sources": _sources(contracts, target.source_name),
        "settings": {
            "optimizer": {"enabled": True, "runs": OPTIMIZER_RUNS},
            "evmVersion": EVM_VERSION,
            **({"viaIR": True} if target.contract in VIA_IR else {}),
            # The code ends in the hash of its sources' metadata: the address commits to them.
            "metadata": {"bytecodeHash": "ipfs"},
            "outputSelection": {target.source_name: {target.contract: list(_OUTPUTS)}},
        },
    }


def _sources(contracts: Path, first: str) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    waiting = [first]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        text = (contracts / name).read_text("utf-8")
        found[name] = {"content": text}
        folder = posixpath.dirname(name)
        waiting += [posixpath.normpath(f"{folder}/{path}") for path in _IMPORT.findall(text)]
    return dict(sorted(found.items()))


def compile_contract(contracts: Path, target: Target, *, compiler: Path) -> Artifact:
    """The artifact of one contract, freshly compiled.

    Raises:
        CompilationError: the compiler has errors or warnings to report, or another version.
    """
    standard_json_input = build_input(contracts, target)
    try:
        version = solcx.wrapper.get_solc_version(compiler, with_commit_hash=True)
        output = solcx.compile_standard(standard_json_input, solc_binary=compiler)
    except solcx.exceptions.SolcError as error:
        raise CompilationError(f"{target.source_name}: {error.message}") from error
    complaints = [entry["formattedMessage"] for entry in output.get("errors", ())]
    if complaints:
        raise CompilationError("\n".join(complaints), hint="Warnings count as errors here.")
    if version.base_version != SOLC_VERSION:
        raise CompilationError(f"{compiler} is solc {version}, not {SOLC_VERSION}")
    compiled = output["contracts"][target.source_name][target.contract]
    return _artifact(target, str(version), standard_json_input, compiled)


def _artifact(
    target: Target,
    version: str,
    standard_json_input: Mapping[str, Any],
    compiled: Mapping[str, Any],
) -> Artifact:
    runtime = compiled["evm"]["deployedBytecode"]
    return Artifact(
        name=target.contract,
        source_name=target.source_name,
        abi=tuple(compiled["abi"]),
        init_code=bytes.fromhex(compiled["evm"]["bytecode"]["object"]),
        runtime_code=bytes.fromhex(runtime["object"]),
        immutable_references=runtime.get("immutableReferences", {}),
        storage_layout=_storage_layout(compiled["storageLayout"]),
        compiler=version,
        evm_version=EVM_VERSION,
        optimizer_runs=OPTIMIZER_RUNS,
        source_hash=_hash(standard_json_input),
        standard_json_input=standard_json_input,
    )


def _storage_layout(layout: Mapping[str, Any]) -> dict[str, Any]:
    """The layout without the numbers of the syntax tree, which say nothing about the code."""
    return {
        "storage": [
            {key: variable[key] for key in ("label", "slot", "offset", "type")}
            for variable in layout["storage"]
        ],
        "types": layout["types"] or {},
    }


def _hash(standard_json_input: Mapping[str, Any]) -> bytes:
    canonical = json.dumps(
        standard_json_input, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    return keccak(canonical.encode())


def format_artifact(artifact: Artifact) -> str:
    """The text of an artifact's file."""
    return json.dumps(artifact.to_dict(), indent=2, ensure_ascii=False) + "\n"


def differences(artifact: Artifact, committed: Path) -> list[str]:
    """What a committed artifact has other than the fresh one: one sentence for each field."""
    if not committed.is_file():
        return [f"{artifact.name}: {committed} is missing"]
    fresh = json.loads(format_artifact(artifact))
    old = json.loads(committed.read_text("utf-8"))
    return [
        f"{artifact.name}: {key} differs: {_shown(old.get(key))} committed,"
        f" {_shown(fresh.get(key))} compiled"
        for key in sorted({*fresh, *old})
        if fresh.get(key) != old.get(key)
    ]


def _shown(value: Any) -> str:
    text = json.dumps(value)
    limit = 60
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text)} characters)"

"""The compiled contracts, as committed beside this file by ``scripts/compile_contracts``.

Each ``<Contract>.json`` holds what a chain and a block explorer need: ABI, init code, runtime code,
storage layout, the compiler and the exact standard-JSON input the code was built from.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eth_typing import ABI

__all__ = ["Artifact", "ContractName", "load"]


class ContractName(StrEnum):
    """The contracts of this package; a misspelt one is a type error."""

    ETHEREUM_DID_REGISTRY = "EthereumDIDRegistry"
    DID_REGISTRY_PROBE = "DIDRegistryProbe"
    CREDENTIAL_STATUS_REGISTRY = "CredentialStatusRegistry"
    STATUS_LIST_ANCHOR_REGISTRY = "StatusListAnchorRegistry"
    CREDENTIAL_STATUS_LENS = "CredentialStatusLens"


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """One compiled contract. The mappings inside are shared: read them, do not change them."""

    name: str
    """Name of the contract."""

    source_name: str
    """Name of its source in the compiler input, e.g. ``src/EthereumDIDRegistry.sol``."""

    abi: ABI = field(hash=False, repr=False)
    """The ABI, as the compiler wrote it."""

    init_code: bytes = field(repr=False)
    """What a deployment sends, before constructor arguments."""

    runtime_code: bytes = field(repr=False)
    """What stands on chain afterwards, apart from immutables."""

    immutable_references: Mapping[str, Any] = field(hash=False, repr=False)
    """Where the constructor writes into the runtime code; empty: nowhere, the code is the same on
    every chain."""

    storage_layout: Mapping[str, Any] = field(hash=False, repr=False)
    """Slot, offset and type of each state variable."""

    compiler: str
    """Version and commit of the compiler, e.g. ``0.8.37+commit.…``."""

    evm_version: str
    """Oldest EVM the code runs on, e.g. ``paris``."""

    optimizer_runs: int
    """The optimizer's guess how often each opcode will run."""

    source_hash: bytes
    """keccak256 of the standard-JSON input in its canonical form: sorted keys, no spaces, UTF-8."""

    standard_json_input: Mapping[str, Any] = field(hash=False, repr=False)
    """Everything the compiler was told: sources and settings."""

    @property
    def code_hash(self) -> bytes:
        """keccak256 of the runtime code: what EXTCODEHASH says of a deployment."""
        return keccak(self.runtime_code)

    def to_dict(self) -> dict[str, Any]:
        """The artifact as JSON, with the field names that Hardhat's tools know."""
        return {
            "contractName": self.name,
            "sourceName": self.source_name,
            "abi": list(self.abi),
            "bytecode": _hex(self.init_code),
            "deployedBytecode": _hex(self.runtime_code),
            "codeHash": _hex(self.code_hash),
            "immutableReferences": self.immutable_references,
            "storageLayout": self.storage_layout,
            "compiler": {
                "version": self.compiler,
                "evmVersion": self.evm_version,
                "optimizerRuns": self.optimizer_runs,
            },
            "sourceHash": _hex(self.source_hash),
            "standardJsonInput": self.standard_json_input,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Artifact:
        """The artifact that ``to_dict`` wrote. The file is ours: it is read, not checked."""
        compiler = data["compiler"]
        return cls(
            name=data["contractName"],
            source_name=data["sourceName"],
            abi=tuple(data["abi"]),
            init_code=_bytes(data["bytecode"]),
            runtime_code=_bytes(data["deployedBytecode"]),
            immutable_references=data["immutableReferences"],
            storage_layout=data["storageLayout"],
            compiler=compiler["version"],
            evm_version=compiler["evmVersion"],
            optimizer_runs=compiler["optimizerRuns"],
            source_hash=_bytes(data["sourceHash"]),
            standard_json_input=data["standardJsonInput"],
        )


@cache
def load(name: ContractName) -> Artifact:
    """The committed artifact of a contract, read once per process.

    Example:
        >>> registry = load(ContractName.ETHEREUM_DID_REGISTRY)
        >>> registry.evm_version
        'paris'
    """
    path = resources.files(__name__).joinpath(f"{name}.json")
    return Artifact.from_dict(json.loads(path.read_text("utf-8")))


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))

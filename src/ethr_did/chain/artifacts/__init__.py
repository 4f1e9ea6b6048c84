"""The compiled contracts, as committed beside this file by ``scripts/compile_contracts``.

Each ``<Contract>.json`` holds what a chain and a block explorer need: ABI, init code, runtime code,
storage layout, the compiler and the exact standard-JSON input the code was built from.

Rules:
  * A contract that takes the DID registry's address is committed without it. ``bound`` fills it
    in: as the argument behind the init code, and at the places in the runtime code that its
    constructor writes to. Only then do its hashes and its CREATE2 address say anything.

Spec: Solidity, "Contract ABI Specification" (arguments) and "Compiler Input and Output"
(``immutableReferences``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from ethr_did.core.keys import Address, to_checksum_address
from ethr_did.errors import DeploymentError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from eth_typing import ABI

__all__ = ["Artifact", "ContractName", "load"]

_WORD = 32


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
    """What a deployment sends; constructor arguments are at its end once they are bound."""

    runtime_code: bytes = field(repr=False)
    """What stands on chain afterwards; zeros for the immutables until they are bound."""

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

    constructor_arguments: bytes = b""
    """ABI-encoded, as they end the init code; empty for the artifacts as committed."""

    @property
    def code_hash(self) -> bytes:
        """keccak256 of the runtime code: what EXTCODEHASH says of a deployment."""
        return keccak(self.runtime_code)

    @property
    def init_code_hash(self) -> bytes:
        """keccak256 of the init code: what a CREATE2 address follows from."""
        return keccak(self.init_code)

    @property
    def takes_arguments(self) -> bool:
        """Whether its constructor takes arguments, bound or not."""
        return bool(self._constructor_types())

    @property
    def takes_did_registry(self) -> bool:
        """Whether its constructor takes one address: that of the DID registry."""
        return self._constructor_types() == ("address",)

    @property
    def is_complete(self) -> bool:
        """Whether it can be deployed as it is: nothing has to be bound, or it was."""
        return bool(self.constructor_arguments) or not (
            self.takes_arguments or self.immutable_references
        )

    @property
    def did_registry(self) -> Address | None:
        """The address that it is bound to; None if it is not."""
        if not self.constructor_arguments:
            return None
        return Address(self.constructor_arguments[_WORD - 20 :])

    def bound(self, did_registry: Address) -> Artifact:
        """The same contract for one DID registry: with the argument, and the code it leads to.

        Args:
            did_registry: address of the ERC-1056 registry whose identities it serves.

        Raises:
            DeploymentError: its constructor does not take one address, it is bound already, or
                it has immutables that are not that address.
            InvalidAddress: not 20 bytes.

        Example:
            >>> lists = load(ContractName.CREDENTIAL_STATUS_REGISTRY)
            >>> bound = lists.bound(Address(bytes.fromhex("03d5003bf0e79c5f5223588f347eba39afbc3818")))
            >>> bound.constructor_arguments.hex()
            '00000000000000000000000003d5003bf0e79c5f5223588f347eba39afbc3818'
            >>> bound.init_code == lists.init_code + bound.constructor_arguments
            True
        """
        shown_address = to_checksum_address(did_registry)
        if not self.takes_did_registry:
            raise DeploymentError(
                f"{self.name} cannot be bound to {shown_address}: its constructor does not take "
                "one address",
                contract=self.name,
            )
        if self.did_registry is not None:
            raise DeploymentError(
                f"{self.name} is bound to {to_checksum_address(self.did_registry)} already, and "
                f"cannot be bound to {shown_address}",
                hint="Bind the artifact as it was loaded.",
                contract=self.name,
            )
        word = did_registry.rjust(_WORD, b"\0")
        return replace(
            self,
            init_code=self.init_code + word,
            runtime_code=self._written(word),
            constructor_arguments=word,
        )

    def unbound(self) -> Artifact:
        """The same contract without its argument: as it was before ``bound``."""
        if not self.constructor_arguments:
            return self
        return replace(
            self,
            init_code=self.init_code.removesuffix(self.constructor_arguments),
            runtime_code=self._written(bytes(_WORD)),
            constructor_arguments=b"",
        )

    def _written(self, word: bytes) -> bytes:
        """The runtime code with the word wherever the constructor writes its argument."""
        code = bytearray(self.runtime_code)
        for start in self._places():
            code[start : start + _WORD] = word
        return bytes(code)

    def _places(self) -> list[int]:
        # Of two immutables the artifact does not say which of them is the argument.
        places = [place for found in self.immutable_references.values() for place in found]
        fits = all(
            place["length"] == _WORD and place["start"] + _WORD <= len(self.runtime_code)
            for place in places
        )
        if len(self.immutable_references) > 1 or not fits:
            raise DeploymentError(
                f"{self.name} has immutables that one address does not fill",
                hint="Compile the contracts again: scripts/compile_contracts",
                contract=self.name,
            )
        return [place["start"] for place in places]

    def _constructor_types(self) -> tuple[str, ...]:
        constructors = (entry for entry in self.abi if entry["type"] == "constructor")
        return tuple(one["type"] for entry in constructors for one in entry.get("inputs", ()))

    def to_dict(self) -> dict[str, Any]:
        """The artifact as JSON, with the field names that Hardhat's tools know."""
        arguments = self.constructor_arguments
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
            **({"constructorArguments": _hex(arguments)} if arguments else {}),
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
            constructor_arguments=_bytes(data.get("constructorArguments", "")),
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

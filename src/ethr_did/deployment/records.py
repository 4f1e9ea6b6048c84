"""What is deployed where, in files that are kept with the sources.

::

    deployments/
      solc-inputs/0x….json            what the compiler was told, once for each source hash
      sepolia/.chainId                the chain id, in decimal
      sepolia/EthereumDIDRegistry.json

Rules:
  * One file for each network and contract, named as hardhat-deploy names them, with its words.
  * Nothing in a file depends on when or where it was written: two runs give the same bytes.
  * A file is replaced whole or not at all, and left alone where nothing changed.
  * ``solc-inputs/<hash>.json`` is the compiler input in canonical form (sorted keys, no spaces,
    UTF-8), so that ``keccak256`` of the file is its name.
  * A name that is no plain folder name is percent-encoded: ``rsk:testnet`` is ``rsk%3Atestnet``.
"""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from eth_hash.auto import keccak

from ethr_did.chain.artifacts import ContractName
from ethr_did.chain.networks import is_network_name
from ethr_did.chain.secret_files import flush_directory
from ethr_did.core.keys import Address, parse_address, to_checksum_address
from ethr_did.errors import DeploymentError, InvalidFile, InvalidInput, nearest, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from ethr_did.chain.artifacts import Artifact
    from ethr_did.chain.networks import Network

__all__ = ["Record", "RecordFolder", "canonical_input", "network_with"]

_SOLC_INPUTS = "solc-inputs"
_CHAIN_ID = ".chainId"
_HASH_LENGTH = 32
_NETWORK_FIELDS = {
    ContractName.CREDENTIAL_STATUS_REGISTRY: "status_registry",
    ContractName.STATUS_LIST_ANCHOR_REGISTRY: "anchor_registry",
    ContractName.CREDENTIAL_STATUS_LENS: "status_lens",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One contract on one network."""

    contract_name: str
    address: Address
    abi: tuple[Mapping[str, Any], ...] = field(hash=False, repr=False)
    """Of the code that was deployed, which may not be today's."""
    tx_hash: bytes | None
    """Of the transaction that deployed it; None where it is not known."""
    block_number: int | None
    """Where it was mined: the first block that a reader has to look at."""
    block_hash: bytes | None
    deployer: Address | None
    """Who sent the transaction."""
    factory: Address | None
    """Who ran CREATE2; None for a plain creation."""
    salt: bytes | None
    """32 bytes; None for a plain creation."""
    init_code_hash: bytes
    """keccak256 of the init code."""
    code_hash: bytes
    """keccak256 of the runtime code, as EXTCODEHASH says."""
    compiler: str
    """Version and commit."""
    evm_version: str
    source_hash: bytes
    """keccak256 of the compiler input, and its name in ``solc-inputs``."""
    constructor_arguments: bytes = b""
    """ABI-encoded, as they end the init code."""

    @property
    def did_registry(self) -> Address | None:
        """The DID registry that the contract is bound to; None: it takes no address."""
        pad, address = self.constructor_arguments[:-20], self.constructor_arguments[-20:]
        return Address(address) if pad == bytes(_HASH_LENGTH - len(address)) else None

    @property
    def is_complete(self) -> bool:
        """Whether it is known when and by whom it was deployed."""
        return self.tx_hash is not None

    def to_dict(self) -> dict[str, Any]:
        """The record as JSON."""
        return {
            name: write(getattr(self, attribute))
            for name, (attribute, _, write, _) in _FIELDS.items()
            if name not in _OPTIONAL or getattr(self, attribute)
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Record:
        """The record that ``to_dict`` wrote.

        Raises:
            InvalidFile: it has faults; all of them are named.
        """
        values: dict[str, Any] = {}
        needed = (name for name in _FIELDS if name not in _OPTIONAL)
        faults = [f"{name} is missing" for name in needed if name not in data]
        for name, value in data.items():
            if name not in _FIELDS:
                faults.append(f"{shown(name)} is not a field of a record. {nearest(name, _FIELDS)}")
                continue
            attribute, read, _, rule = _FIELDS[name]
            try:
                values[attribute] = read(value)
            except (TypeError, ValueError, AttributeError, InvalidInput):
                faults.append(f"{name}: {shown(value)} is not {rule}")
        faults = faults or _contradictions(values)
        if faults:
            raise InvalidFile("; ".join(faults), faults=tuple(faults))
        return cls(**values)


def _contradictions(values: Mapping[str, Any]) -> list[str]:
    together = (("factory", "salt"), ("block_number", "block_hash"), ("tx_hash", "deployer"))
    faults = [
        f"{_spelled(one)} and {_spelled(other)} must be there both or neither"
        for one, other in together
        if (values[one] is None) != (values[other] is None)
    ]
    if values["tx_hash"] is not None and values["block_number"] is None:
        faults.append("transactionHash without blockNumber")
    return faults


def _spelled(attribute: str) -> str:
    return next(name for name, row in _FIELDS.items() if row[0] == attribute)


# -- fields: attribute, reader, writer, rule -----------------------------------------------------


def _read_text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _read_abi(value: Any) -> tuple[Mapping[str, Any], ...]:
    if not isinstance(value, list) or not all(isinstance(one, dict) for one in value):
        raise ValueError
    return tuple(value)


def _read_number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError
    return value


def _read_hash(value: Any) -> bytes:
    data = bytes.fromhex(value.removeprefix("0x"))
    if value != "0x" + data.hex() or len(data) != _HASH_LENGTH:
        raise ValueError
    return data


def _read_data(value: Any) -> bytes:
    data = bytes.fromhex(value.removeprefix("0x"))
    if value != "0x" + data.hex() or not data:
        raise ValueError
    return data


def _or_null(read: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else read(value)


def _hex(value: bytes) -> str:
    return "0x" + value.hex()


def _as_it_is(value: Any) -> Any:
    return value


_ADDRESS = "an address"
_HASH = "0x and 64 lower-case hex digits"
_Row = tuple[str, "Callable[[Any], Any]", "Callable[[Any], Any]", str]

_FIELDS: Mapping[str, _Row] = {
    "contractName": ("contract_name", _read_text, _as_it_is, "a name"),
    "address": ("address", parse_address, to_checksum_address, _ADDRESS),
    "abi": ("abi", _read_abi, list, "a list of objects"),
    "transactionHash": ("tx_hash", _or_null(_read_hash), _or_null(_hex), _HASH),
    "blockNumber": ("block_number", _or_null(_read_number), _as_it_is, "a number or null"),
    "blockHash": ("block_hash", _or_null(_read_hash), _or_null(_hex), _HASH),
    "deployer": ("deployer", _or_null(parse_address), _or_null(to_checksum_address), _ADDRESS),
    "factory": ("factory", _or_null(parse_address), _or_null(to_checksum_address), _ADDRESS),
    "salt": ("salt", _or_null(_read_hash), _or_null(_hex), _HASH),
    "initCodeHash": ("init_code_hash", _read_hash, _hex, _HASH),
    "codeHash": ("code_hash", _read_hash, _hex, _HASH),
    "compiler": ("compiler", _read_text, _as_it_is, "a compiler version"),
    "evmVersion": ("evm_version", _read_text, _as_it_is, "an EVM version"),
    "sourceHash": ("source_hash", _read_hash, _hex, _HASH),
    "constructorArguments": ("constructor_arguments", _read_data, _hex, "0x and lower-case hex"),
}
_OPTIONAL = ("constructorArguments",)
"""Absent where there are none, as in records from before there were contracts with any."""


# -- the folder ----------------------------------------------------------------------------------


class RecordFolder:
    """The records of all networks below one folder."""

    def __init__(self, root: Path) -> None:
        """A folder of records; nothing is read or written yet."""
        self.root = root

    def path(self, network: str) -> Path:
        """The folder of a network.

        Raises:
            InvalidInput: not the name of a network.
        """
        if not is_network_name(network):
            raise InvalidInput(
                f"not a network name: {shown(network)}",
                hint="Letters, digits, '.', '_' and '-'; a colon between segments; not a hex number.",
            )
        # A percent sign is in no network name, so that two names never share a folder.
        plain = network.replace(":", "%3A")
        if plain.startswith(".") or plain == _SOLC_INPUTS:
            plain = f"%{ord(plain[0]):02X}{plain[1:]}"
        return self.root / plain

    def networks(self) -> list[str]:
        """The names of the networks that have records, sorted."""
        folders = (path.parent.name for path in self.root.glob(f"*/{_CHAIN_ID}"))
        return sorted(unquote(name) for name in folders)

    def read(self, network: str, contract: str) -> Record | None:
        """The record of a contract; None where there is none.

        Raises:
            InvalidFile: the file has faults.
        """
        path = self.path(network) / f"{contract}.json"
        return _read_record(path) if path.exists() else None

    def read_all(self, network: str) -> list[Record]:
        """The records of a network, by name.

        Raises:
            InvalidFile: a file has faults.
        """
        return [_read_record(path) for path in sorted(self.path(network).glob("*.json"))]

    def read_chain_id(self, network: str) -> int | None:
        """The chain id of a network; None where nothing is recorded.

        Raises:
            InvalidFile: the file holds something else.
        """
        path = self.path(network) / _CHAIN_ID
        if not path.exists():
            return None
        text = _read_text_file(path).strip()
        if not (text.isascii() and text.isdigit()):
            raise InvalidFile(f"{path}: {shown(text)} is not a chain id in decimal", path=str(path))
        return int(text)

    def read_input(self, source_hash: bytes) -> bytes | None:
        """The compiler input of that hash as it lies there; None where it is missing."""
        path = self._input_path(source_hash)
        return path.read_bytes() if path.exists() else None

    def check_chain_id(self, network: str, chain_id: int) -> None:
        """Raises unless what is recorded for the network, if anything, is of that chain.

        Raises:
            DeploymentError: it is of another chain.
        """
        recorded = self.read_chain_id(network)
        if recorded not in (None, chain_id):
            raise DeploymentError(
                f"the records of {network} in {self.path(network)} are of chain {recorded}, "
                f"not of chain {chain_id}",
                hint="Choose another name for this network, or the RPC URL of that one.",
                recorded=recorded,
                chain_id=chain_id,
            )

    def write(self, network: str, chain_id: int, record: Record, artifact: Artifact) -> Path:
        """The path of the record, after it was written; what it refers to is there before it.

        Raises:
            DeploymentError: the folder is of another chain, or cannot be written.
        """
        self.check_chain_id(network, chain_id)
        folder = self.path(network)
        _write(self._input_path(artifact.source_hash), canonical_input(artifact))
        _write(folder / _CHAIN_ID, f"{chain_id}\n".encode())
        text = json.dumps(record.to_dict(), indent=2, ensure_ascii=False) + "\n"
        return _write(folder / f"{record.contract_name}.json", text.encode())

    def _input_path(self, source_hash: bytes) -> Path:
        return self.root / _SOLC_INPUTS / f"{_hex(source_hash)}.json"


def canonical_input(artifact: Artifact) -> bytes:
    """The compiler input in the form whose keccak256 is the source hash.

    Raises:
        DeploymentError: it is not; the artifact was damaged.
    """
    text = json.dumps(
        artifact.standard_json_input, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )
    data = text.encode()
    if keccak(data) != artifact.source_hash:
        raise DeploymentError(
            f"the compiler input of {artifact.name} does not have the hash "
            f"{_hex(artifact.source_hash)}",
            hint="Compile the contracts again: scripts/compile_contracts",
        )
    return data


def network_with(network: Network, records: Iterable[Record]) -> Network:
    """The network with the addresses that the records hold.

    Args:
        network: as it was known; of what no record speaks, it keeps its own.
        records: of this network.
    """
    by_name = {record.contract_name: record for record in records}
    found: dict[str, Any] = {
        field: to_checksum_address(by_name[name].address)
        for name, field in _NETWORK_FIELDS.items()
        if name in by_name
    }
    own = by_name.get(ContractName.ETHEREUM_DID_REGISTRY)
    if own is None:
        return replace(network, **found)
    address = to_checksum_address(own.address)
    known = network.first_block if address == network.did_registry else 0
    return replace(
        network,
        did_registry=address,
        first_block=own.block_number or known,
        legacy_nonce=False,
        **found,
    )


def _read_record(path: Path) -> Record:
    try:
        data = json.loads(_read_text_file(path))
    except json.JSONDecodeError as cause:
        raise InvalidFile(f"{path} is not JSON: {cause}", path=str(path)) from cause
    if not isinstance(data, dict):
        raise InvalidFile(f"{path}: {shown(data)} is not a JSON object", path=str(path))
    try:
        record = Record.from_dict(data)
    except InvalidFile as cause:
        raise InvalidFile(
            f"{path}: {cause.message}",
            hint="Restore the file from version control, or remove it and deploy again: what is on "
            "chain is found and recorded, not deployed twice.",
            path=str(path),
            **cause.facts,
        ) from cause
    if record.contract_name != path.stem:
        raise InvalidFile(
            f"{path} is the record of {shown(record.contract_name)}: it must be named after it",
            path=str(path),
        )
    return record


def _read_text_file(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as cause:
        raise InvalidFile(f"{path} cannot be read: {cause}", path=str(path)) from cause


def _write(path: Path, data: bytes) -> Path:
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        if path.exists() and path.read_bytes() == data:
            return path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with draft.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        finally:
            draft.unlink(missing_ok=True)
        flush_directory(path.parent)
    except OSError as cause:
        raise DeploymentError(
            f"{path} cannot be written: {cause.strerror or cause}", path=str(path)
        ) from cause
    return path

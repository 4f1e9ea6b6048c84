"""A real EVM inside the process, for tests of contracts: deploy, send, ask, decode what comes back."""

from __future__ import annotations

import json
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from eth_abi.abi import decode
from eth_account import Account
from eth_hash.auto import keccak
from web3 import Web3
from web3._utils.events import get_event_data
from web3.exceptions import ContractLogicError

from ethr_did.chain.artifacts import Artifact
from ethr_did.chain.local import LocalChain
from ethr_did.chain.local.account import dev_accounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from eth_account.signers.local import LocalAccount
    from eth_typing import ABI, ChecksumAddress
    from hexbytes import HexBytes
    from web3.contract import Contract
    from web3.contract.contract import ContractFunction
    from web3.types import TxReceipt

TEST_ARTIFACTS = Path(__file__).parent.parent / "contracts" / "artifacts"
ERROR_STRING = keccak(b"Error(string)")[:4]
GAS = 8_000_000
ZERO = "0x" + "00" * 20
_NOT_NEEDED = ("validation", "ens_name_to_address", "gas_price_strategy")
"""What web3 does about each request besides: a fifth of the time of a call, for nothing here."""


@cache
def actor(number: int) -> LocalAccount:
    """One of the ten accounts that hold ether on every test chain, from 0."""
    account: LocalAccount = Account.from_key(dev_accounts(10)[number].key)
    return account


def load_test_artifact(name: str) -> Artifact:
    """The artifact of a contract that exists for tests only."""
    text = (TEST_ARTIFACTS / f"{name}.json").read_text("utf-8")
    return Artifact.from_dict(json.loads(text))


def b32(text: str) -> bytes:
    """Text as ERC-1056 writes it into 32 bytes."""
    return text.encode().ljust(32, b"\0")


@dataclass(frozen=True, slots=True)
class Reverted:
    """An error of a contract: its name and its arguments."""

    name: str
    args: tuple[Any, ...] = ()


class Evm:
    """A chain of its own; every transaction is a block unless ``one_block`` says otherwise."""

    def __init__(
        self, *, alloc: Mapping[str | bytes, str | bytes] | None = None, chain_id: int = 31337
    ) -> None:
        self.chain = LocalChain(alloc=alloc, chain_id=chain_id)
        self.w3 = Web3(self.chain.provider)
        for name in _NOT_NEEDED:
            self.w3.middleware_onion.remove(name)

    @property
    def block_number(self) -> int:
        """Number of the latest block."""
        return self.chain.head.number

    @property
    def timestamp(self) -> int:
        """Timestamp of the latest block."""
        return self.chain.head.timestamp

    def contract(self, artifact: Artifact, address: ChecksumAddress | str) -> Contract:
        """The contract of this artifact at an address."""
        return self.w3.eth.contract(Web3.to_checksum_address(address), abi=artifact.abi)

    def deploy(self, artifact: Artifact, *args: Any) -> Contract:
        """A new contract of this artifact."""
        factory = self.w3.eth.contract(abi=artifact.abi, bytecode=artifact.init_code)
        tx_hash = factory.constructor(*args).transact({"from": actor(0).address, "gas": GAS})
        address = self.w3.eth.wait_for_transaction_receipt(tx_hash)["contractAddress"]
        assert address is not None
        return self.contract(artifact, address)

    def send(self, call: ContractFunction, sender: LocalAccount) -> TxReceipt:
        """The receipt of a call that must succeed."""
        receipt = self.w3.eth.wait_for_transaction_receipt(self.submit(call, sender))
        assert receipt["status"] == 1
        return receipt

    def submit(self, call: ContractFunction, sender: LocalAccount) -> HexBytes:
        """The hash of a transaction that need not be mined yet."""
        return call.transact({"from": sender.address, "gas": GAS})

    @contextmanager
    def one_block(self) -> Iterator[None]:
        """Whatever is submitted inside is mined together at the end."""
        self.chain.automine = False
        try:
            yield
        finally:
            self.chain.automine = True

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Whatever happens inside is forgotten at the end."""
        snapshot = self.chain.snapshot()
        try:
            yield
        finally:
            self.chain.revert(snapshot)

    def wait(self, seconds: int = 0) -> None:
        """Mines a block that many seconds after the latest one; 0: of about now, whatever was undone.

        The chain's clock runs ahead of ours when blocks follow each other within a second.
        """
        if seconds:
            self.chain.set_next_timestamp(self.timestamp + seconds)
        self.chain.mine()

    def delegate_code(self, account: LocalAccount, target: str) -> None:
        """Gives the account the code of another, with a real EIP-7702 transaction."""
        sponsor = actor(0)
        authorization: Any = account.sign_authorization(
            {
                "chainId": self.w3.eth.chain_id,
                "address": Web3.to_checksum_address(target),
                "nonce": self.w3.eth.get_transaction_count(account.address),
            }
        )
        transaction = sponsor.sign_transaction(
            {
                "type": 4,
                "chainId": self.w3.eth.chain_id,
                "nonce": self.w3.eth.get_transaction_count(sponsor.address),
                "gas": 200_000,
                "maxFeePerGas": 10**10,
                "maxPriorityFeePerGas": 10**9,
                "to": actor(9).address,
                "value": 0,
                "data": b"",
                "authorizationList": [authorization],
            }
        )
        self.w3.eth.send_raw_transaction(transaction.raw_transaction)
        assert self.w3.eth.get_code(account.address)[:3] == bytes.fromhex("ef0100")

    def failure(self, call: ContractFunction, sender: LocalAccount) -> Reverted:
        """The error of a call that must fail."""
        with pytest.raises(ContractLogicError) as caught:
            call.call({"from": sender.address, "gas": GAS})
        data = caught.value.data
        assert isinstance(data, str)
        return _decode_error(bytes.fromhex(data.removeprefix("0x")), call.contract_abi)


def events(contract: Contract, *receipts: TxReceipt) -> list[tuple[str, dict[str, Any]]]:
    """Name and arguments of each event of the contract, in order."""
    by_topic = {
        keccak(_signature(entry).encode()): entry
        for entry in contract.abi
        if entry["type"] == "event"
    }
    found = []
    for receipt in receipts:
        for log in receipt["logs"]:
            if log["address"] != contract.address:
                continue
            data = get_event_data(contract.w3.codec, by_topic[bytes(log["topics"][0])], log)
            found.append((data["event"], dict(data["args"])))
    return found


def _signature(entry: Any) -> str:
    return f"{entry['name']}({','.join(_type(argument) for argument in entry['inputs'])})"


def _type(argument: Any) -> str:
    if not argument["type"].startswith("tuple"):
        return str(argument["type"])
    inside = ",".join(_type(component) for component in argument["components"])
    return f"({inside}){argument['type'].removeprefix('tuple')}"


def signatures(abi: ABI, kind: str) -> dict[str, bytes]:
    """keccak256 of the signature of each function, event or error, by signature."""
    entries = [_signature(entry) for entry in abi if entry["type"] == kind]
    return {text: keccak(text.encode()) for text in entries}


def _decode_error(data: bytes, abi: ABI) -> Reverted:
    if data[:4] == ERROR_STRING:
        return Reverted("Error", decode(["string"], data[4:]))
    for signature, digest in signatures(abi, "error").items():
        if digest[:4] == data[:4]:
            name, _, arguments = signature.removesuffix(")").partition("(")
            return Reverted(name, decode([kind for kind in arguments.split(",") if kind], data[4:]))
    return Reverted("0x" + data.hex())

"""What the status contracts cost, operation by operation, beside ceilings and peers."""

from __future__ import annotations

import hashlib
import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data
from eth_hash.auto import keccak
from web3 import Web3

from ethr_did.chain.artifacts import Artifact, ContractName, load

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract
    from web3.contract.contract import ContractConstructor, ContractFunction

TEST_ARTIFACTS = Path(__file__).resolve().parent.parent / "tests" / "contracts" / "artifacts"

OWNER, ALL_LISTS, REVOCATION_ONLY, ONE_LIST = range(4)
INVALID = 1
ANY = 1
PAYLOAD_BITS = 208
PAGE_WORDS = 20
DAY = 86_400
FAR = 2**33
NO_HEADER = (bytes(32), bytes(32), 0, 0, 0, 0)
STATUS_TYPES = {
    "SetStatus": [
        {"name": "identity", "type": "address"},
        {"name": "authority", "type": "uint256"},
        {"name": "listId", "type": "bytes32"},
        {"name": "index", "type": "uint32"},
        {"name": "value", "type": "uint8"},
        {"name": "expectedWord", "type": "uint256"},
        {"name": "signer", "type": "address"},
        {"name": "deadline", "type": "uint256"},
    ]
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of the table."""

    label: str
    """What is done."""

    ceiling: int = 0
    """What it may cost; 0: no ceiling is set."""

    bound: int = 0
    """What it may cost where decision 0004 says that the ceiling is missed; 0: it is not."""

    peer: str = ""
    """The nearest operation of others, measured on a JavaScript EVM under the Osaka rules."""


ROWS = (
    Row(
        label="deploy CredentialStatusRegistry",
        ceiling=1_600_000,
        bound=1_780_000,
        peer="ERC-5539 3,520,353; EAS 4,799,485",
    ),
    Row(label="deploy StatusListAnchorRegistry"),
    Row(label="deploy CredentialStatusLens"),
    Row(
        label="one status, new word",
        ceiling=53_100,
        peer="ERC-5539 57,366; EAS 46,361; uport 45,484",
    ),
    Row(
        label="one status, word in use",
        ceiling=36_000,
        peer="EAS 46,361; uport 45,484; ERC-5539 57,366; RL2020-on-EVM 34,572 without a DID or a history",
    ),
    Row(label="one status of two bits, word in use"),
    Row(label="reinstate", ceiling=36_800, peer="ERC-5539 35,454, and 57,366 to revoke again"),
    Row(label="by delegate for all lists", ceiling=36_500, peer="ERC-5539 about 57,000"),
    Row(label="by delegate for revocation", ceiling=36_500),
    Row(label="by delegate for one list", ceiling=36_500),
    Row(
        label="100 in a warm page",
        ceiling=197_000,
        peer="EAS 2,525,950; ERC-5539 2,594,600; RL2020-on-EVM 417,300",
    ),
    Row(
        label="1,000 in a warm page",
        ceiling=202_000,
        peer="above the transaction cap in EAS and ERC-5539; RL2020-on-EVM 3,860,000",
    ),
    Row(
        label="relayed, signed by the owner's key",
        ceiling=46_000,
        peer="EAS 75,058, first 92,158; ERC-5539 75,513, first 92,625",
    ),
    Row(label="relayed, signed by the owner's contract", ceiling=49_200),
    Row(label="key record", ceiling=52_300, peer="EAS 46,361 without a DID or reinstatement"),
    Row(
        label="100 key records, each",
        ceiling=25_000,
        bound=25_100,
        peer="EAS 25,260; ERC-5539 25,946; ERC-7506 25,703",
    ),
    Row(
        label="list anchor, first",
        ceiling=56_100,
        peer="ERC-7506 57,572 without version, validity, proof",
    ),
    Row(
        label="list anchor, update",
        ceiling=40_300,
        peer="ERC-7506 40,472 without version, validity, proof",
    ),
    Row(label="read one status (execution)", peer="uport 2,529; EAS 2,688; ERC-5539 10,226"),
    Row(label="read one key record (execution)"),
    Row(label="read 1,000 statuses of a page (execution)", ceiling=900_000, peer="1,000 calls"),
    Row(label="prove one bit of 131,072 (execution)", ceiling=8_000, peer="iden3 197,519"),
)


def list_id(*rules: int) -> bytes:
    """A list id of these five bytes; the salt is always the same, so that the gas is."""
    return bytes(rules) + hashlib.sha256(bytes(rules)).digest()[:27]


FINAL = list_id(1, 0, 0, 1, 17)
PLAIN = list_id(1, 1, 0, 0, 17)
TWO_BITS = list_id(1, 4, 1, 1, 17)
ANCHORED = list_id(1, 0, 0, 4, 17)


class StatusMeter:
    """Sends each call once and writes down what it used."""

    def __init__(self, w3: Web3) -> None:
        self.w3 = w3
        self.used: dict[str, int] = {}
        accounts = [Web3.to_checksum_address(account) for account in w3.eth.accounts]
        self.payer, self.issuer, self.delegate = accounts[5:8]
        self.signer: LocalAccount = Account.from_key(b"\x08" * 32)
        self.registry = self.deploy("", load(ContractName.ETHEREUM_DID_REGISTRY))
        self.statuses, self.anchors, self.lens = (
            self.deploy(f"deploy {name}", load(name), *arguments)
            for name, arguments in (
                (ContractName.CREDENTIAL_STATUS_REGISTRY, [self.registry.address]),
                (ContractName.STATUS_LIST_ANCHOR_REGISTRY, [self.registry.address]),
                (ContractName.CREDENTIAL_STATUS_LENS, []),
            )
        )
        self.meter = self.deploy("", test_artifact("GasMeter"))
        self.random = random.Random(2021)  # noqa: S311  # the same gas every time is the point

    def deploy(self, label: str, artifact: Artifact, *arguments: Any) -> Contract:
        """A new contract."""
        factory = self.w3.eth.contract(abi=artifact.abi, bytecode=artifact.init_code)
        address = self.send(label, factory.constructor(*arguments), self.payer)
        contract: Contract = self.w3.eth.contract(address, abi=artifact.abi)
        return contract

    def send(
        self, label: str, call: ContractFunction | ContractConstructor, sender: str = ""
    ) -> Any:
        """The address of the contract that was made, if any; without a label nothing is kept."""
        sent = Web3.to_checksum_address(sender or self.issuer)
        receipt = self.w3.eth.wait_for_transaction_receipt(
            call.transact({"from": sent, "gas": 8_000_000})
        )
        if receipt["status"] != 1:
            raise SystemExit(f"{label} failed")
        if label:
            self.used[label] = receipt["gasUsed"]
        return receipt["contractAddress"]

    def execution(self, label: str, call: ContractFunction) -> None:
        """What a contract pays for the call, the callee's address being warm."""
        data = call.build_transaction({"gas": 0, "gasPrice": Web3.to_wei(1, "gwei")})["data"]
        measure = self.meter.functions.measure(call.address, data)
        # The first touch of the address is the caller's affair: 2,600 less 100.
        self.used[label] = measure.call({"gas": 16_000_000}) - 2_500

    def measure(self) -> dict[str, int]:
        """Gas by label."""
        self.single_statuses()
        self.delegates()
        self.pages()
        self.messages()
        self.key_records()
        self.anchored_lists()
        return {row.label: self.used[row.label] for row in ROWS}

    def set_status(self, label: str, listed: bytes, index: int, value: int, **by: Any) -> None:
        """One entry, by the issuer unless said otherwise."""
        call = self.statuses.functions.setStatus(
            self.issuer, by.get("authority", OWNER), listed, index, value
        )
        self.send(label, call, by.get("sender", ""))

    def single_statuses(self) -> None:
        """One entry at a time."""
        self.set_status("one status, new word", FINAL, 94_567, INVALID)
        self.set_status("one status, word in use", FINAL, 94_568, INVALID)
        for index in (94_567, 94_568):
            self.set_status("", PLAIN, index, INVALID)
            self.set_status("one status of two bits, word in use", TWO_BITS, index, INVALID)
        self.set_status("reinstate", PLAIN, 94_567, 0)
        read = self.statuses.functions.statusOf(self.issuer, FINAL, 94_567)
        self.execution("read one status (execution)", read)

    def delegates(self) -> None:
        """By each kind of delegate."""
        for at, (authority, name, kind) in enumerate(
            (
                (ALL_LISTS, "all lists", b"credStatus".ljust(32, b"\0")),
                (REVOCATION_ONLY, "revocation", b"credRevoke".ljust(32, b"\0")),
                (
                    ONE_LIST,
                    "one list",
                    keccak(encode(["bytes32", "bytes32"], [b"credStatus", FINAL])),
                ),
            )
        ):
            call = self.registry.functions.addDelegate(self.issuer, kind, self.delegate, DAY)
            self.send("", call)
            by = {"authority": authority, "sender": self.delegate}
            self.set_status(f"by delegate for {name}", FINAL, 94_570 + at, INVALID, **by)

    def pages(self) -> None:
        """Many entries at random in twenty words that are in use."""
        self.send("", self.update([1] * PAGE_WORDS))
        for count in (100, 1000):
            masks = [0] * PAGE_WORDS
            for index in self.random.sample(range(PAGE_WORDS * PAYLOAD_BITS), count):
                masks[index // PAYLOAD_BITS] |= 1 << index % PAYLOAD_BITS
            self.send(f"{count:,} in a warm page", self.update(masks))
        indexes = sorted(self.random.sample(range(PAGE_WORDS * PAYLOAD_BITS), 1000))
        read = self.statuses.functions.statusesOf(self.issuer, FINAL, indexes)
        self.execution("read 1,000 statuses of a page (execution)", read)

    def update(self, masks: list[int]) -> ContractFunction:
        """Revocations by words from the first on."""
        words = [(word << PAYLOAD_BITS | mask, 0, ANY) for word, mask in enumerate(masks)]
        call: ContractFunction = self.statuses.functions.updateWords(
            self.issuer, OWNER, FINAL, words
        )
        return call

    def messages(self) -> None:
        """One entry in a word in use, signed by the owner and sent by another."""
        wallet = self.deploy("", test_artifact("KeyWallet"), self.signer.address)
        owned = Web3.to_checksum_address(wallet.address)
        for label, identity, is_wallet in (
            ("relayed, signed by the owner's key", self.signer.address, False),
            ("relayed, signed by the owner's contract", owned, True),
        ):
            self.send("", self.signed(identity, 94_566, 0, is_wallet=is_wallet), self.payer)
            word = self.statuses.functions.wordsOf(identity, FINAL, 94_566 // 208, 1).call()[0]
            call = self.signed(identity, 94_567, word, is_wallet=is_wallet)
            self.send(label, call, self.payer)

    def signed(
        self, identity: str, index: int, expected: int, *, is_wallet: bool
    ) -> ContractFunction:
        """A message of the identity, which owns itself."""
        members = (identity, OWNER, FINAL, index, INVALID, expected)
        domain = {
            "name": "CredentialStatusRegistry",
            "version": "1",
            "chainId": self.w3.eth.chain_id,
            "verifyingContract": self.statuses.address,
        }
        names = [member["name"] for member in STATUS_TYPES["SetStatus"]]
        message = dict(zip(names, (*members, identity, FAR), strict=True))
        signature = bytes(
            self.signer.sign_message(encode_typed_data(domain, STATUS_TYPES, message)).signature
        )
        if is_wallet:
            parts = [signature[:32], signature[32:64], signature[64]]
            signature = encode(["bytes32", "bytes32", "uint8"], parts)
        call: ContractFunction = self.statuses.functions.setStatusBySig(
            *members, (identity, FAR, signature)
        )
        return call

    def key_records(self) -> None:
        """Credentials that are in no list."""
        functions = self.statuses.functions
        keys = [self.random.randbytes(32) for _ in range(101)]
        self.send("key record", functions.revokeKey(self.issuer, OWNER, keys[0]))
        batch = functions.setKeys(self.issuer, OWNER, INVALID, keys[1:], [])
        self.send("100 key records, each", batch)
        self.used["100 key records, each"] //= 100
        read = functions.recordOf(self.issuer, keys[0])
        self.execution("read one key record (execution)", read)

    def anchored_lists(self) -> None:
        """Two versions of a list, and one bit of the second."""
        words = [self.random.randbytes(32) for _ in range(512)]
        levels = [[keccak(b"\0" + word) for word in words]]
        while len(levels[-1]) > 1:
            below = levels[-1]
            levels.append(
                [keccak(b"\1" + below[at] + below[at + 1]) for at in range(0, len(below), 2)]
            )
        root, content = levels[-1][0], hashlib.sha256(b"".join(words)).digest()
        header: tuple[Any, ...] = NO_HEADER
        for version, label in enumerate(("list anchor, first", "list anchor, update"), start=1):
            new = (self.issuer, OWNER, ANCHORED, header, content, root, FAR)
            self.send(label, self.anchors.functions.publish(new))
            # Every few minutes a byte of the time in the header is zero, and costs 12 less.
            self.used[label] += 12 * header[3].to_bytes(4).count(0) if version > 1 else 0
            block = self.w3.eth.get_block("latest")
            header = (content, root, version, block["timestamp"], FAR, block["number"])
        at = 369
        proof = [level[(at >> depth) ^ 1] for depth, level in enumerate(levels[:-1])]
        read = self.anchors.functions.statusFromProof(
            self.issuer, ANCHORED, header, at * 256 + 103, words[at], proof
        )
        self.execution("prove one bit of 131,072 (execution)", read)


def test_artifact(name: str) -> Artifact:
    """The artifact of a contract for tests and measurements."""
    return Artifact.from_dict(json.loads((TEST_ARTIFACTS / f"{name}.json").read_text("utf-8")))


def overruns(used: dict[str, int], where: str) -> list[str]:
    """What costs more than it may, a line for each.

    Args:
        used: gas by label; labels that are missing were not measured.
        where: the chain, for people.
    """
    return [
        f"{row.label}: {used[row.label]:,} gas {where}, and {row.bound or row.ceiling:,} are allowed"
        for row in ROWS
        if row.ceiling and used.get(row.label, 0) > (row.bound or row.ceiling)
    ]


def section(ours: dict[str, int], anvil: dict[str, int]) -> str:
    """The part of the page about the status contracts."""
    rows = [
        f"| {row.label} | {ours[row.label]:,} | {shown(anvil.get(row.label, 0))}"
        f" | {shown(row.ceiling)} | {row.peer or '-'} |"
        for row in ROWS
    ]
    each = ours["1,000 in a warm page"] // 1000
    bounds = "; ".join(f"{row.label}, {row.bound:,}" for row in ROWS if row.bound)
    return f"""## Credential status

The whole transaction, `gasUsed` of its receipt; where *execution* is said, what the call costs a
contract that has called the registry before. *Ceiling* is what each was to cost at most when the
contracts were designed; `scripts/gas_report --check` fails where either column is above it. *Peers*
were measured as whole transactions on a JavaScript EVM under the Osaka rules, with random 32-byte
keys: uport's `EthrStatusRegistry2019` contract, EAS 1.4, ERC-5539 and ERC-7506 through their
proxies with the optimizer on, RL2020-on-EVM, iden3's state contract.

| Operation | in-process | anvil | ceiling | peers |
|---|---:|---:|---:|---|
{chr(10).join(rows)}

[Decision 0004](decisions/0004-credential-status-contracts.md) says which ceilings are missed, and
why. Checked there instead: {bounds}.

A page is 20 words, 4,160 entries of one bit, all in use; 1,000 revocations in it cost {each} gas
each. None of the peers but RL2020-on-EVM can revoke 1,000 credentials in one transaction: at one
storage slot each, that is above the cap of 16,777,216 gas.
"""


def shown(used: int) -> str:
    """A number for people; 0 is "none"."""
    return f"{used:,}" if used else "-"

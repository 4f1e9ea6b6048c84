"""Senders for tests: real signers, real journals, a chain that is really there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ethr_did.chain.artifacts import ContractName, load
from ethr_did.chain.journal import Journal
from ethr_did.chain.local_signer import LocalSigner
from ethr_did.chain.rpc import Chain
from ethr_did.chain.transactions import Intent, Sender, Waiting

if TYPE_CHECKING:
    from ethr_did.core.keys import Address

CHAIN_ID = 31337
VECTORS = Path(__file__).parent.parent / "vectors"


class Clock:
    """Time that passes only while somebody sleeps; what happens meanwhile can be planned."""

    def __init__(self, now: float = 1_800_000_000) -> None:
        self.now = now
        self.plans: list[Any] = []

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds
        if self.plans:
            self.plans.pop(0)()


def make_sender(node: object, key: bytes, root: Path, **options: Any) -> Sender:
    """A sender that does not wait longer than a test may."""
    signer = options.pop("signer", None) or LocalSigner.from_key(key)
    options.setdefault("waiting", Waiting(timeout=5, poll=0.05))
    return Sender(
        Chain([node], chain_id=CHAIN_ID, timeout=5, retries=0),
        chain_id=CHAIN_ID,
        signer=signer,
        journal=Journal(root, chain_id=CHAIN_ID, sender=signer.address),
        **options,
    )


def deploy(sender: Sender, init_code: bytes | None = None) -> Address:
    """The address of a contract, deployed now; our registry if no code is given."""
    code = init_code or load(ContractName.ETHEREUM_DID_REGISTRY).init_code
    receipt = sender.send(Intent(to=None, data=code, purpose="deploy"))
    assert receipt.contract_address is not None
    return receipt.contract_address


def world_registry(name: str) -> bytes:
    """The init code of a registry as others deployed it."""
    entries = json.loads((VECTORS / "registries.json").read_text("utf-8"))["registries"]
    return next(bytes.fromhex(one["initCode"][2:]) for one in entries if one["id"] == name)

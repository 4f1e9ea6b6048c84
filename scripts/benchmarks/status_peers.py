"""Contracts of others that keep the status of credentials, from the bytecode their npm packages hold.

All of them keep one storage slot for each credential, under a key of 32 bytes:

* EAS, version 1.4.0: revocations "off chain". By the revoker's account alone, and final.
* ERC-5539, the reference implementation: lists of keys under an address, with delegates. Called
  directly; those that are deployed stand behind a proxy, which costs some thousand gas more for
  each transaction. The bytecode in the package was compiled without the optimizer.
* EthrStatusRegistry2019: by the revoker's account alone, and final. It takes one at a time.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode
from eth_account import Account
from eth_account.messages import encode_typed_data

from ethr_did.core.calls import selector
from ethr_did.core.keys import Address, to_checksum_address

from .status_chain import CHAIN_ID, ISSUER

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from .status_chain import StatusChain

PACKAGES = Path(__file__).parent / "node_modules"
_EAS = PACKAGES / "@ethereum-attestation-service" / "eas-contracts"
_ERC5539 = PACKAGES / "@spherity" / "ethr-revocation-registry"
_REGISTRY_2019 = PACKAGES / "revocation-registry"
FOLDERS = (_EAS, _ERC5539, _REGISTRY_2019)
LIST = b"\x11" * 32
"""ERC-5539 keeps keys in lists."""
_FAR = 2**33

_CHANGE_STATUS = {
    "ChangeStatus": [
        {"name": "revoked", "type": "bool"},
        {"name": "namespace", "type": "address"},
        {"name": "revocationList", "type": "bytes32"},
        {"name": "revocationKey", "type": "bytes32"},
        {"name": "signer", "type": "address"},
        {"name": "nonce", "type": "uint256"},
    ]
}


def why_no_contracts() -> str | None:
    """What is missing to deploy the contracts of others, or None."""
    if all((folder / "package.json").exists() for folder in FOLDERS):
        return None
    return "the contracts of others are not installed: npm ci --prefix scripts/benchmarks"


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """How a status is read."""

    name: str
    kinds: tuple[str, ...]
    result: str
    arguments: Callable[[bytes], tuple[Any, ...]]
    """Of a key."""

    def call(self, key: bytes) -> bytes:
        """Calldata."""
        return _call(self.name, self.kinds, self.arguments(key))

    @property
    def abi(self) -> list[dict[str, Any]]:
        """What web3 wants to know."""
        inputs = [{"name": f"_{at}", "type": kind} for at, kind in enumerate(self.kinds)]
        outputs = [{"name": "", "type": self.result}]
        return [
            {
                "type": "function",
                "name": self.name,
                "stateMutability": "view",
                "inputs": inputs,
                "outputs": outputs,
            }
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A contract of others, deployed."""

    name: str
    address: Address
    revoke: Callable[[bytes], bytes]
    """Calldata for one key."""
    revoke_many: Callable[[Sequence[bytes]], bytes] | None
    """Calldata for many; None if it takes one at a time."""
    view: View
    operations: Callable[[StatusChain, Peer], dict[str, int]]
    """Gas of further operations, by our name for them."""


def deploy_peers(chain: StatusChain) -> list[Peer]:
    """All of them."""
    return [_deploy_eas(chain), _deploy_erc5539(chain), _deploy_registry_2019(chain)]


def _deploy_eas(chain: StatusChain) -> Peer:
    folder = _EAS / "artifacts" / "contracts"
    schemas = chain.deploy(_code(_json(folder / "SchemaRegistry.sol" / "SchemaRegistry.json")))
    code = _code(_json(folder / "EAS.sol" / "EAS.json"))
    return Peer(
        name="EAS",
        address=chain.deploy(code + encode(["address"], [schemas])),
        revoke=lambda key: _call("revokeOffchain", ("bytes32",), (key,)),
        revoke_many=lambda keys: _call("multiRevokeOffchain", ("bytes32[]",), (list(keys),)),
        view=View(
            name="getRevokeOffchain",
            kinds=("address", "bytes32"),
            result="uint64",
            arguments=lambda key: (to_checksum_address(ISSUER), key),
        ),
        operations=lambda *_: {},
    )


def _deploy_erc5539(chain: StatusChain) -> Peer:
    factory = _ERC5539 / "types" / "ethers-v6" / "factories" / "RevocationRegistry__factory.js"
    found = re.search(r'const _bytecode = "0x([0-9a-f]+)"', factory.read_text("utf-8"))
    if found is None:
        raise AssertionError(f"no bytecode in {factory}")
    kinds = ("bool[]", "address", "bytes32", "bytes32[]")
    return Peer(
        name="ERC-5539",
        address=chain.deploy(bytes.fromhex(found[1])),
        revoke=lambda key: _change_status(True, key),
        revoke_many=lambda keys: _call(
            "changeStatusesInList", kinds, ([True] * len(keys), ISSUER, LIST, list(keys))
        ),
        view=View(
            name="isRevoked",
            kinds=("address", "bytes32", "bytes32"),
            result="bool",
            arguments=lambda key: (to_checksum_address(ISSUER), LIST, key),
        ),
        operations=_operations_of_erc5539,
    )


def _deploy_registry_2019(chain: StatusChain) -> Peer:
    artifact = _json(_REGISTRY_2019 / "build" / "contracts" / "RevocationRegistry.json")
    return Peer(
        name="EthrStatusRegistry2019",
        address=chain.deploy(_code(artifact)),
        revoke=lambda key: _call("revoke", ("bytes32",), (key,)),
        revoke_many=None,
        view=View(
            name="revoked",
            kinds=("address", "bytes32"),
            result="uint256",
            arguments=lambda key: (to_checksum_address(ISSUER), key),
        ),
        operations=lambda *_: {},
    )


# -- what ERC-5539 can do besides -----------------------------------------------------------------


def _operations_of_erc5539(chain: StatusChain, peer: Peer) -> dict[str, int]:
    key = b"\x77" * 32
    delegate = Address(b"\xde" * 20)
    chain.spend(peer.address, [peer.revoke(key)])
    reinstated = chain.spend(peer.address, [_change_status(False, key)])
    added = ("addListDelegate", ("address", "address", "bytes32", "uint256"))
    chain.spend(peer.address, [_call(*added, (ISSUER, delegate, LIST, _FAR))])
    call = _change_status(True, key, method="changeStatusDelegated")
    delegated = chain.spend(peer.address, [call], sender=delegate)
    # The second message: the first pays for the slot of the nonce.
    messages = [_signed_by_owner(peer, bytes([0x80 + nonce]) * 32, nonce) for nonce in range(2)]
    first, second = (
        chain.spend(peer.address, [message], sender=delegate).gas for message in messages
    )
    assert second < first  # noqa: S101 - else it was not the slot
    return {
        "reinstate": reinstated.gas,
        "by delegate for all lists": delegated.gas,
        "relayed, signed by the owner's key": second,
    }


def _change_status(revoked: bool, key: bytes, *, method: str = "changeStatus") -> bytes:  # noqa: FBT001 - as the contract has it
    return _call(method, ("bool", "address", "bytes32", "bytes32"), (revoked, ISSUER, LIST, key))


def _signed_by_owner(peer: Peer, key: bytes, nonce: int) -> bytes:
    owner = Account.from_key(b"\x08" * 32)
    domain = {
        "name": "Revocation Registry",
        "version": "1.0.0",
        "chainId": CHAIN_ID,
        "verifyingContract": to_checksum_address(peer.address),
    }
    members = (True, owner.address, LIST, key, owner.address)
    names = [member["name"] for member in _CHANGE_STATUS["ChangeStatus"]]
    message = dict(zip(names, (*members, nonce), strict=True))
    signed = owner.sign_message(encode_typed_data(domain, _CHANGE_STATUS, message))
    kinds = ("bool", "address", "bytes32", "bytes32", "address", "bytes")
    return _call("changeStatusSigned", kinds, (*members, bytes(signed.signature)))


# -- packages and calls ---------------------------------------------------------------------------


def _json(path: Path) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def _code(artifact: Mapping[str, Any]) -> bytes:
    return bytes.fromhex(artifact["bytecode"].removeprefix("0x"))


def _call(name: str, kinds: Sequence[str], values: Sequence[Any]) -> bytes:
    data: bytes = encode(kinds, values)
    return selector(f"{name}({','.join(kinds)})") + data

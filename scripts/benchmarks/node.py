"""The node that is measured on: anvil where npm has installed it, else the chain in this process."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from eth_keys.datatypes import PrivateKey

from ethr_did.chain.artifacts import ContractName, load
from ethr_did.core import calls
from ethr_did.core.changes import Change, add_key, add_service
from ethr_did.core.keys import parse_address
from support.anvil import Anvil, find_anvil, sending
from support.peers import NODE_MODULES, why_no_peers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ethr_did.chain.local import LocalChain

CHANGES_OF_MANY = 3
"""Of each of the many DIDs that are resolved at once."""
_BLOCK = 100
"""Changes to a block while those are written."""
_FAR = 10**9


class Node(Protocol):
    """A node with a registry, and a way to write to it."""

    url: str
    label: str
    registry: str
    chain_id: int

    def write_identity(self, changes: int) -> str:
        """The address of a new identity with so many changes, one to a block."""

    def write_many(self, count: int) -> list[str]:
        """The addresses of so many identities with ``CHANGES_OF_MANY`` each; none if it cannot."""


def attribute(number: int, kind: str) -> bytes:
    """The value of the n-th attribute of its kind; a key is a real one."""
    if kind == "services":
        return f"https://service.example/{number}".encode()
    if kind == "Ed25519 keys":
        return number.to_bytes(32)
    return PrivateKey(number.to_bytes(32)).public_key.to_compressed_bytes()


def change(number: int) -> Change:
    """The n-th change of an identity: services, Ed25519 and secp256k1 keys in turn."""
    match number % 3:
        case 0:
            return add_service("Hub", attribute(number, "services").decode(), validity=_FAR)
        case 1:
            return add_key("Ed25519", attribute(number, "Ed25519 keys"), validity=_FAR)
        case _:
            return add_key("Secp256k1", attribute(number, "secp256k1 keys"), validity=_FAR)


def _call(identity: str, number: int) -> bytes:
    return calls.change_call(parse_address(identity), change(number))


def _init_code() -> bytes:
    return load(ContractName.ETHEREUM_DID_REGISTRY).init_code


@contextmanager
def open_node() -> Iterator[Node]:
    """A node for as long as the context lasts."""
    binary = None if why_no_peers() else find_anvil(NODE_MODULES)
    if binary is not None:
        with Anvil(binary) as anvil:
            yield AnvilNode(anvil)
        return
    from ethr_did.chain.local import LocalChain, serve  # needs the extra

    chain = LocalChain(accounts=20)
    with serve(chain, port=0) as server:
        yield LocalNode(chain, server.url)


class AnvilNode:
    """anvil, where every address may send."""

    label = "anvil"
    chain_id = 31337

    def __init__(self, anvil: Anvil) -> None:
        self.url = anvil.url
        self.registry = anvil.deploy(_init_code())
        self._anvil = anvil
        self._used = 0

    def _new_identity(self) -> str:
        self._used += 1
        return f"0x1d{self._used:038x}"

    def write_identity(self, changes: int) -> str:
        """See ``Node``."""
        identity = self._new_identity()
        self._anvil.call("evm_setAutomine", False)
        for number in range(1, changes + 1):
            data = _call(identity, number)
            self._anvil.call(*sending(identity, self.registry, data, gas=1_000_000))
            self._anvil.call("evm_mine")
        self._anvil.call("evm_setAutomine", True)
        return identity

    def write_many(self, count: int) -> list[str]:
        """See ``Node``."""
        identities = [self._new_identity() for _ in range(count)]
        for number in range(1, CHANGES_OF_MANY + 1):
            for place in range(0, count, _BLOCK):
                self._anvil.mine(
                    (identity, self.registry, _call(identity, number))
                    for identity in identities[place : place + _BLOCK]
                )
        return identities


class LocalNode:
    """The chain in this process; only its own accounts can send."""

    label = "the in-process chain"

    def __init__(self, chain: LocalChain, url: str) -> None:
        self.url = url
        self.chain_id = chain.chain_id
        self._chain = chain
        self._accounts = [account.address for account in chain.accounts]
        self.registry = self._send(self._accounts[0], None, _init_code())["contractAddress"]

    def _send(self, sender: str, to: str | None, data: bytes) -> dict[str, Any]:
        fields = {"from": sender, "data": "0x" + data.hex(), "gas": hex(8_000_000)}
        tx_hash = self._ask("eth_sendTransaction", {**fields, "to": to} if to else fields)
        receipt: dict[str, Any] = self._ask("eth_getTransactionReceipt", tx_hash)
        return receipt

    def _ask(self, method: str, *params: Any) -> Any:
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        answer: Any = self._chain.handle(request)
        return answer["result"]

    def write_identity(self, changes: int) -> str:
        """See ``Node``."""
        identity = self._accounts.pop()
        for number in range(1, changes + 1):
            self._send(identity, self.registry, _call(identity, number))
        return identity

    def write_many(self, count: int) -> list[str]:  # noqa: ARG002 - see ``Node``
        """None: there are not so many accounts."""
        return []

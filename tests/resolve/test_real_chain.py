"""The same on a real EVM: contract, probe and logs as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from ethr_did import AsyncResolver, Network, Resolver
from ethr_did.chain.artifacts import ContractName, load
from ethr_did.core.calls import apply_changes_call, change_call
from ethr_did.core.changes import (
    AddDelegate,
    Change,
    ChangeOwner,
    add_key,
    add_service,
    deactivate,
    revoked,
)
from ethr_did.core.erc1056 import encode_name
from ethr_did.core.keys import Address

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount, LocalChain

    Rpc = Any


class Send(Protocol):
    """Sends changes of an identity from its owner's account, each a block of its own."""

    def __call__(
        self, owner: LocalAccount, *changes: Change, of: LocalAccount | None = None
    ) -> int:
        """The block of the last change."""
        ...


@pytest.fixture
def registry(rpc: Rpc, relayer: LocalAccount) -> str:
    code = load(ContractName.ETHEREUM_DID_REGISTRY).init_code
    sent = rpc(
        "eth_sendTransaction",
        {"from": relayer.address, "data": "0x" + code.hex(), "gas": hex(3_000_000)},
    )
    address: str = rpc("eth_getTransactionReceipt", sent)["contractAddress"]
    return address


@pytest.fixture
def transact(rpc: Rpc, registry: str) -> Any:
    def run(owner: LocalAccount, data: bytes) -> int:
        fields = {"from": owner.address, "to": registry, "data": "0x" + data.hex()}
        sent = rpc("eth_sendTransaction", {**fields, "gas": hex(1_000_000)})
        receipt = rpc("eth_getTransactionReceipt", sent)
        assert receipt["status"] == "0x1"
        return int(receipt["blockNumber"], 16)

    return run


@pytest.fixture
def send(transact: Any) -> Send:
    def run(owner: LocalAccount, *changes: Change, of: LocalAccount | None = None) -> int:
        identity = Address((of or owner).address_bytes)
        blocks = [transact(owner, change_call(identity, change)) for change in changes]
        return int(blocks[-1])

    return run


@pytest.fixture
def network(chain: LocalChain, registry: str) -> Network:
    return Network(name="dev", chain_id=31337, did_registry=registry, provider=chain.provider)


@pytest.fixture
def resolver(network: Network) -> Resolver:
    return Resolver([network])


def did_of(account: LocalAccount) -> str:
    return f"did:ethr:dev:{account.address}"


def delegate(account: LocalAccount, validity: int = 10_000) -> AddDelegate:
    return AddDelegate(
        delegate_type=encode_name("veriKey"),
        delegate=Address(account.address_bytes),
        validity=validity,
    )


def test_identity_never_touched(resolver: Resolver, alice: LocalAccount) -> None:
    document = resolver.resolve(did_of(alice)).require_document()
    assert [method.id for method in document.verification_method] == [f"{did_of(alice)}#controller"]
    assert resolver.round_trips == 1


def test_all_kinds_of_changes(
    resolver: Resolver, send: Send, alice: LocalAccount, bob: LocalAccount, carol: LocalAccount
) -> None:
    key = add_key("Ed25519", b"\x11" * 32)
    send(alice, delegate(bob), key, add_service("Hub", "https://h.example"), revoked(key))
    last = send(alice, ChangeOwner(owner=Address(carol.address_bytes)))
    result = resolver.resolve(did_of(alice)).to_dict()
    document = result["didDocument"]
    accounts = [method["blockchainAccountId"] for method in document["verificationMethod"]]
    assert accounts == [f"eip155:31337:{carol.address}", f"eip155:31337:{bob.address}"]
    assert document["service"][0]["serviceEndpoint"] == "https://h.example"
    assert result["didDocumentMetadata"]["versionId"] == str(last)
    assert resolver.round_trips <= 2


def test_batch_in_one_block(
    resolver: Resolver, transact: Any, alice: LocalAccount, bob: LocalAccount
) -> None:
    hub = add_service("Hub", "https://h.example")
    batch: list[Change] = [
        delegate(bob),
        hub,
        revoked(delegate(bob)),
        add_key("X25519", b"\x22" * 32),
    ]
    transact(alice, apply_changes_call(Address(alice.address_bytes), batch))
    document = resolver.resolve(did_of(alice)).require_document()
    fragments = [method.id.partition("#")[2] for method in document.verification_method]
    assert fragments == ["controller", "delegate-3"]
    assert len(document.service) == 1


def test_older_version(
    resolver: Resolver, send: Send, alice: LocalAccount, bob: LocalAccount
) -> None:
    added = send(alice, delegate(bob))
    gone = send(alice, revoked(delegate(bob)))
    old = resolver.resolve(did_of(alice), version_id=added)
    assert len(old.require_document().verification_method) == 2
    assert old.view is not None
    assert old.view.next_version_id == gone
    assert len(resolver.resolve(did_of(alice)).require_document().verification_method) == 1


def test_delegate_is_gone_in_the_block_that_revoked_it(
    resolver: Resolver, send: Send, alice: LocalAccount, bob: LocalAccount
) -> None:
    send(alice, delegate(bob))
    gone = send(alice, revoked(delegate(bob)))
    old = resolver.resolve(did_of(alice), version_id=gone)
    assert len(old.require_document().verification_method) == 1


def test_deactivation_outlasts_what_the_contract_allows(
    resolver: Resolver, send: Send, alice: LocalAccount, bob: LocalAccount
) -> None:
    send(alice, ChangeOwner(owner=Address(bob.address_bytes)))
    ended = send(bob, deactivate(), of=alice)
    send(alice, add_service("Hub", "https://h.example"))  # the original key rules again on chain
    result = resolver.resolve(did_of(alice)).to_dict()
    assert result["didDocument"] is None
    assert result["didDocumentMetadata"]["deactivated"] is True
    assert result["didDocumentMetadata"]["versionId"] == str(ended)


def test_many_identities(
    resolver: Resolver, send: Send, alice: LocalAccount, bob: LocalAccount, carol: LocalAccount
) -> None:
    send(alice, add_service("Hub", "https://a.example"))
    send(bob, add_service("Hub", "https://b.example"))
    results = resolver.resolve_many([did_of(who) for who in (alice, bob, carol)])
    assert [len(result.require_document().service) for result in results] == [1, 1, 0]


async def test_awaited_is_the_same(
    chain: LocalChain, registry: str, resolver: Resolver, send: Send, alice: LocalAccount
) -> None:
    send(alice, add_service("Hub", "https://a.example"))
    network = Network(
        name="dev", chain_id=31337, did_registry=registry, provider=chain.async_provider
    )
    found = await AsyncResolver([network]).resolve(did_of(alice))
    assert found == resolver.resolve(did_of(alice))


def test_address_without_a_registry(chain: LocalChain, alice: LocalAccount) -> None:
    network = Network(
        name="dev", chain_id=31337, did_registry=alice.address, provider=chain.provider
    )
    error = Resolver([network]).resolve(did_of(alice)).error
    assert error is not None
    assert error.code == "registry_missing"


def test_contract_that_is_no_registry(chain: LocalChain, rpc: Rpc, alice: LocalAccount) -> None:
    sent = rpc("eth_sendTransaction", {"from": alice.address, "data": "0x60016000f3"})
    other = rpc("eth_getTransactionReceipt", sent)["contractAddress"]
    network = Network(name="dev", chain_id=31337, did_registry=other, provider=chain.provider)
    error = Resolver([network]).resolve(did_of(alice)).error
    assert error is not None
    assert error.code == "registry_missing"

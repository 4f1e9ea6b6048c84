"""The in-process chain over HTTP, to clients that know nothing of it: ethers, npm, web3.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from web3 import AsyncWeb3, Web3
from web3.exceptions import ContractLogicError
from web3.providers import AsyncHTTPProvider, HTTPProvider

from ethr_did.chain.artifacts import ContractName, load
from support.document_forms import from_peer
from support.histories import bytes32
from support.peers import Meeting

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount, LocalChain, LocalServer
    from support.peers import RunPeer

pytestmark = pytest.mark.interop

NAME = bytes32(b"did/svc/HubService")
FAR = 10**9


@pytest.fixture
def web3(server: LocalServer) -> Web3:
    """web3.py over HTTP."""
    return Web3(HTTPProvider(server.url))


def test_ethers_deploys_writes_reads_listens_and_is_refused(
    npm_peers: RunPeer, server: LocalServer, chain: LocalChain, alice: LocalAccount
) -> None:
    artifact = load(ContractName.ETHEREUM_DID_REGISTRY)
    question = {"abi": artifact.abi, "bytecode": "0x" + artifact.init_code.hex()}
    said = npm_peers("client.mjs", {"url": server.url, **question})
    assert said["chainId"] == str(chain.chain_id)
    assert (said["type"], said["status"]) == (2, 1)
    value = "0x" + b"https://hub.example".hex()
    assert said["events"] == [{"block": said["block"], "value": value}]
    assert said["heard"] == said["owner"] == said["identity"]
    assert said["refusal"] == {"code": "CALL_EXCEPTION", "reason": "bad_actor"}
    assert said["transactions"] == [said["hash"]]
    assert said["delegate"] == alice.address
    assert 0 < int(said["balance"]) < 10**18
    assert said["nonce"] == 2
    assert said["code"] == "0x" + artifact.runtime_code.hex()
    assert said["missing"] is None
    _check_both_read(Meeting(url=server.url, registry=said["registry"]), said["identity"])


def _check_both_read(meeting: Meeting, identity: str) -> None:
    did = meeting.did(identity)
    (our,), (their,) = meeting.ours(did), meeting.theirs(did)
    assert our["didDocument"] == from_peer(their["didDocument"])
    assert our["didDocumentMetadata"] == their["didDocumentMetadata"]
    assert len(our["didDocument"]["verificationMethod"]) == 2
    assert our["didDocument"]["service"][0]["serviceEndpoint"] == "https://hub.example"


def _deploy(web3: Web3, sender: str) -> Any:
    artifact = load(ContractName.ETHEREUM_DID_REGISTRY)
    factory = web3.eth.contract(abi=artifact.abi, bytecode=artifact.init_code)
    receipt = web3.eth.wait_for_transaction_receipt(
        factory.constructor().transact({"from": sender})
    )
    return web3.eth.contract(receipt["contractAddress"], abi=artifact.abi)


@pytest.mark.usefixtures("npm_peers")
def test_web3_py_deploys_and_writes_and_npm_reads(
    server: LocalServer, web3: Web3, alice: LocalAccount, bob: LocalAccount
) -> None:
    registry = _deploy(web3, bob.address)
    for call in (
        registry.functions.setAttribute(alice.address, NAME, b"https://hub.example", FAR),
        registry.functions.addDelegate(alice.address, bytes32(b"sigAuth"), bob.address, FAR),
    ):
        tx_hash = call.transact({"from": alice.address})
        assert web3.eth.wait_for_transaction_receipt(tx_hash)["status"] == 1
    _check_both_read(Meeting(url=server.url, registry=registry.address), alice.address)


def test_web3_py_sends_what_it_signed_itself(
    server: LocalServer, web3: Web3, alice: LocalAccount
) -> None:
    assert server
    registry = _deploy(web3, alice.address)
    account = web3.eth.account.from_key(alice.key)
    call = registry.functions.setAttribute(alice.address, NAME, b"{}", FAR)
    nonce = web3.eth.get_transaction_count(alice.address)
    signed = account.sign_transaction(
        call.build_transaction({"from": alice.address, "nonce": nonce})
    )
    tx_hash = web3.eth.send_raw_transaction(signed.raw_transaction)
    (event,) = registry.events.DIDAttributeChanged().process_receipt(
        web3.eth.wait_for_transaction_receipt(tx_hash)
    )
    assert (event["args"]["identity"], event["args"]["value"]) == (alice.address, b"{}")


def test_web3_py_learns_why_it_is_refused(
    server: LocalServer, web3: Web3, alice: LocalAccount, mallory: LocalAccount
) -> None:
    assert server
    registry = _deploy(web3, alice.address)
    call = registry.functions.changeOwner(alice.address, mallory.address)
    with pytest.raises(ContractLogicError, match="bad_actor"):
        call.transact({"from": mallory.address})


def test_web3_py_batches(server: LocalServer, web3: Web3, chain: LocalChain) -> None:
    assert server
    with web3.batch_requests() as batch:
        batch.add(web3.eth.get_block("latest"))
        batch.add(web3.eth.get_balance(chain.accounts[0].address))
        found: Any = batch.execute()
    block, balance = found
    assert bytes(block["hash"]) == chain.head.hash
    assert balance > 0


async def test_asynchronous_web3_py_reads(server: LocalServer, chain: LocalChain) -> None:
    provider = AsyncHTTPProvider(server.url)
    web3 = AsyncWeb3(provider)
    try:
        assert await web3.eth.chain_id == chain.chain_id
        assert (await web3.eth.get_block("latest"))["number"] == chain.head.number
    finally:
        await provider.disconnect()

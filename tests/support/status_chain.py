"""A chain on which everything that credential status needs is deployed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ethr_did.chain.artifacts import ContractName, load
from ethr_did.chain.networks import Network
from ethr_did.core.keys import Address, parse_address, to_checksum_address

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalChain

_GAS = 3_000_000
_FIELDS = {
    "status_registry": ContractName.CREDENTIAL_STATUS_REGISTRY,
    "anchor_registry": ContractName.STATUS_LIST_ANCHOR_REGISTRY,
    "status_lens": ContractName.CREDENTIAL_STATUS_LENS,
}


def deploy_status(
    chain: LocalChain,
    *,
    name: str = "dev",
    account: int = 3,
    did_registry: Address | None = None,
    **more: Any,
) -> Network:
    """The network of a chain, after all four contracts were deployed; four blocks.

    They are plain creations: where the proxy would put them stays free, for tests of deployments.

    Args:
        chain: where they go.
        name: of the network.
        account: number of the account that pays; the relayer's unless another is named.
        did_registry: of the identities; a new one of ours if none is named.
        more: further fields of the network.
    """
    registry = did_registry or create(chain, ContractName.ETHEREUM_DID_REGISTRY, account=account)
    made = {
        field: create(chain, contract, account=account, did_registry=registry)
        for field, contract in _FIELDS.items()
    }
    addresses = {field: to_checksum_address(address) for field, address in made.items()}
    return Network(
        name=name,
        chain_id=chain.chain_id,
        did_registry=to_checksum_address(registry),
        **{"provider": chain.provider, **addresses, **more},
    )


def create(
    chain: LocalChain,
    contract: ContractName,
    *,
    account: int = 3,
    did_registry: Address | None = None,
) -> Address:
    """The address of one contract, created now; bound to the DID registry if it takes one."""
    artifact = load(contract)
    if artifact.takes_did_registry:
        assert did_registry is not None
        artifact = artifact.bound(did_registry)
    sender = chain.accounts[account].address
    data = "0x" + artifact.init_code.hex()
    tx_hash = _ask(chain, "eth_sendTransaction", {"from": sender, "gas": hex(_GAS), "data": data})
    receipt = _ask(chain, "eth_getTransactionReceipt", tx_hash)
    assert receipt["status"] == "0x1", f"{contract} was not created"
    address = parse_address(receipt["contractAddress"])
    code = _ask(chain, "eth_getCode", "0x" + address.hex(), "latest")
    assert code == "0x" + artifact.runtime_code.hex()
    return address


def _ask(chain: LocalChain, method: str, *params: Any) -> Any:
    answer = chain.handle({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)})
    assert isinstance(answer, dict)
    assert "error" not in answer, answer
    return answer["result"]

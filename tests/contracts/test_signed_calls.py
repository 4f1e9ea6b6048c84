"""The ERC-1056 functions, with the owner's signature sent by somebody else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from eth_account import Account
from web3 import Web3

from ethr_did.chain.artifacts import ContractName, load
from support.erc1056_messages import Signature, digest, sign, sign_call, signed_call
from support.evm import ZERO, Evm, Reverted, b32, events

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract

VECTORS = json.loads(
    (Path(__file__).parent.parent / "vectors" / "meta_transactions.json").read_text("utf-8")
)
BAD_SIGNATURE = Reverted("Error", ("bad_signature",))
VERI_KEY = b32("veriKey")
NAME = b32("did/svc/HubService")
VALUE = b"https://hub.example.com/"
DAY = 86_400
CALLS: list[tuple[str, Sequence[Any]]] = [
    ("changeOwner", ("0x" + "77" * 20,)),
    ("addDelegate", (VERI_KEY, "0x" + "77" * 20, DAY)),
    ("revokeDelegate", (VERI_KEY, "0x" + "77" * 20)),
    ("setAttribute", (NAME, VALUE, DAY)),
    ("revokeAttribute", (NAME, VALUE)),
]
NAMES = [method for method, _ in CALLS]


def arguments_of(vector: dict[str, Any]) -> list[Any]:
    shapes: dict[str, Callable[[Any], Any]] = {
        "delegateType": b32,
        "name": b32,
        "value": lambda text: bytes.fromhex(text[2:]),
        "delegate": str,
        "newOwner": str,
        "validity": int,
    }
    return [shapes[name](value) for name, value in vector["arguments"].items()]


@pytest.mark.parametrize("vector", VECTORS["vectors"], ids=lambda vector: vector["id"])
def test_vectors_are_what_the_layout_says(vector: dict[str, Any]) -> None:
    message = digest(
        VECTORS["registry"],
        nonce=vector["nonce"],
        identity=VECTORS["identity"],
        method=vector["method"],
        arguments=arguments_of(vector),
    )
    assert "0x" + message.hex() == vector["digest"]
    signature = sign(Account.from_key(VECTORS["privateKey"]), message)
    assert (signature.v, signature.r, signature.s) == (
        vector["v"],
        int(vector["r"], 16),
        int(vector["s"], 16),
    )


def test_vectors_are_accepted_in_order_at_the_registry_they_were_signed_for(
    relayer: LocalAccount,
) -> None:
    artifact = load(ContractName.ETHEREUM_DID_REGISTRY)
    evm = Evm(alloc={VECTORS["registry"]: artifact.runtime_code})
    registry = evm.contract(artifact, VECTORS["registry"])
    names = []
    for vector in VECTORS["vectors"]:
        signature = Signature(v=vector["v"], r=int(vector["r"], 16), s=int(vector["s"], 16))
        call = signed_call(
            registry, VECTORS["identity"], vector["method"], arguments_of(vector), signature
        )
        names += [name for name, _ in events(registry, evm.send(call, relayer))]
    assert names == ["DIDDelegateChanged"] * 2 + ["DIDAttributeChanged"] * 2 + ["DIDOwnerChanged"]
    assert registry.functions.nonce(VECTORS["identity"]).call() == len(VECTORS["vectors"])


@pytest.mark.parametrize(("method", "arguments"), CALLS, ids=NAMES)
def test_has_the_effect_of_the_owner_s_own_call(
    *,
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    relayer: LocalAccount,
    method: str,
    arguments: Sequence[Any],
) -> None:
    then = evm.timestamp + 100
    with evm.undone():
        evm.chain.set_next_timestamp(then)
        call = registry.functions[method](owner.address, *arguments)
        own = events(registry, evm.send(call, owner))
    evm.chain.set_next_timestamp(then)
    signed = evm.send(sign_call(registry, owner, owner.address, method, *arguments), relayer)
    assert events(registry, signed) == own
    assert registry.functions.nonce(owner.address).call() == 1


@pytest.mark.parametrize(("method", "arguments"), CALLS, ids=NAMES)
def test_a_message_works_once(
    *,
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    relayer: LocalAccount,
    method: str,
    arguments: Sequence[Any],
) -> None:
    call = sign_call(registry, owner, owner.address, method, *arguments)
    evm.send(call, relayer)
    assert evm.failure(call, relayer) == BAD_SIGNATURE


@pytest.mark.parametrize(("method", "arguments"), CALLS, ids=NAMES)
def test_only_the_owner_s_signature_counts(
    *,
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    stranger: LocalAccount,
    method: str,
    arguments: Sequence[Any],
) -> None:
    call = sign_call(registry, stranger, owner.address, method, *arguments)
    assert evm.failure(call, stranger) == BAD_SIGNATURE


@pytest.mark.parametrize(("method", "arguments"), CALLS, ids=NAMES)
def test_the_signature_covers_every_argument(
    *,
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    relayer: LocalAccount,
    method: str,
    arguments: Sequence[Any],
) -> None:
    message = digest(
        registry.address, nonce=0, identity=owner.address, method=method, arguments=arguments
    )
    signature = sign(owner, message)
    for position, argument in enumerate(arguments):
        changed = list(arguments)
        changed[position] = tampered(argument)
        call = signed_call(registry, owner.address, method, changed, signature)
        assert evm.failure(call, relayer) == BAD_SIGNATURE


def tampered(argument: Any) -> Any:
    if isinstance(argument, int):
        return argument + 1
    if isinstance(argument, bytes):
        return argument[:-1] + bytes([argument[-1] ^ 1])
    return Web3.to_checksum_address("0x" + "78" * 20)


def test_the_nonce_is_the_owner_s_and_serves_all_identities_of_the_owner(
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    relayer: LocalAccount,
) -> None:
    evm.send(registry.functions.changeOwner(owner.address, successor.address), owner)
    evm.send(sign_call(registry, successor, owner.address, "revokeAttribute", NAME, b""), relayer)
    evm.send(
        sign_call(registry, successor, successor.address, "revokeAttribute", NAME, b""), relayer
    )
    assert registry.functions.nonce(successor.address).call() == 2
    assert registry.functions.nonce(owner.address).call() == 0


def test_the_high_s_is_accepted_as_in_the_deployed_contracts_but_only_once_with_the_low(
    evm: Evm, registry: Contract, owner: LocalAccount, relayer: LocalAccount
) -> None:
    message = digest(
        registry.address,
        nonce=0,
        identity=owner.address,
        method="revokeAttribute",
        arguments=(NAME, VALUE),
    )
    low = sign(owner, message)
    calls = [
        signed_call(registry, owner.address, "revokeAttribute", (NAME, VALUE), signature)
        for signature in (low.other, low)
    ]
    evm.send(calls[0], relayer)
    assert evm.failure(calls[1], relayer) == BAD_SIGNATURE


@pytest.mark.parametrize("v", [0, 1, 26, 29])
def test_v_is_27_or_28(
    evm: Evm, registry: Contract, owner: LocalAccount, relayer: LocalAccount, v: int
) -> None:
    signature = Signature(v=v, r=1, s=1)
    call = signed_call(registry, owner.address, "revokeAttribute", (NAME, VALUE), signature)
    assert evm.failure(call, relayer) == BAD_SIGNATURE


def test_anybody_may_act_for_the_identity_zero_as_in_the_deployed_contracts(
    evm: Evm, registry: Contract, stranger: LocalAccount
) -> None:
    broken = Signature(v=0, r=0, s=0)
    evm.send(signed_call(registry, ZERO, "changeOwner", (stranger.address,), broken), stranger)
    assert registry.functions.identityOwner(ZERO).call() == stranger.address


@pytest.mark.parametrize(("method", "arguments"), [CALLS[1], CALLS[3]], ids=[NAMES[1], NAMES[3]])
def test_a_validity_beyond_the_end_of_time_is_refused_and_keeps_the_nonce(
    *,
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    relayer: LocalAccount,
    method: str,
    arguments: Sequence[Any],
) -> None:
    longest = 2**256 - 1
    call = sign_call(registry, owner, owner.address, method, *arguments[:-1], longest)
    assert evm.failure(call, relayer) == Reverted("ValidityOverflow", (longest,))
    assert registry.functions.nonce(owner.address).call() == 0

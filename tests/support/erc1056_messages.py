"""ERC-1056 messages, packed and signed by hand: a second opinion, independent of the package."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_abi.packed import encode_packed
from eth_typing import Hash32
from web3 import Web3

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract
    from web3.contract.contract import ContractFunction

HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
TYPES = {
    "changeOwner": ("address",),
    "addDelegate": ("bytes32", "address", "uint256"),
    "revokeDelegate": ("bytes32", "address"),
    "setAttribute": ("bytes32", "bytes", "uint256"),
    "revokeAttribute": ("bytes32", "bytes"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """The three parts, as the contract takes them."""

    v: int
    r: int
    s: int

    @property
    def other(self) -> Signature:
        """The second signature of the same message that anybody can compute, with the high s."""
        return Signature(v=55 - self.v, r=self.r, s=ORDER - self.s)

    @property
    def packed(self) -> bytes:
        """r, s and v in 65 bytes."""
        return self.r.to_bytes(32, "big") + self.s.to_bytes(32, "big") + bytes([self.v])


def digest(registry: str, *, nonce: int, identity: str, method: str, arguments: Any) -> bytes:
    """What the owner signs."""
    head = encode_packed(
        ["bytes2", "address", "uint256", "address", "string"],
        [b"\x19\x00", registry, nonce, identity, method],
    )
    return bytes(Web3.keccak(head + encode_packed(TYPES[method], arguments)))


def sign(key: LocalAccount, message: bytes) -> Signature:
    """The signature of a raw digest."""
    signed = key.unsafe_sign_hash(Hash32(message))
    return Signature(v=signed.v, r=signed.r, s=signed.s)


def signed_call(
    registry: Contract, identity: str, method: str, arguments: Any, signature: Signature
) -> ContractFunction:
    """The call of the method's Signed variant."""
    r, s = signature.r.to_bytes(32, "big"), signature.s.to_bytes(32, "big")
    call: ContractFunction = registry.functions[f"{method}Signed"](
        identity, signature.v, r, s, *arguments
    )
    return call


def sign_call(
    registry: Contract, signer: LocalAccount, identity: str, method: str, *arguments: Any
) -> ContractFunction:
    """The call with the signer's signature for the signer's next nonce."""
    message = digest(
        registry.address,
        nonce=registry.functions.nonce(signer.address).call(),
        identity=identity,
        method=method,
        arguments=arguments,
    )
    return signed_call(registry, identity, method, arguments, sign(signer, message))

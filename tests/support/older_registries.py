"""The older registries of revoked credentials, and tokens that point at them.

The registry of 2019 is the one that is deployed. That of ERC-5539 is a stand-in, since the
reference implementation is under the GPL: the two functions that matter to a reader, assembled
here from the interface.
"""

from __future__ import annotations

import base64
import json
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any

from eth_abi.abi import encode
from eth_hash.auto import keccak
from eth_keys.datatypes import PrivateKey

from ethr_did.core.calls import selector
from ethr_did.core.keys import Address, parse_address

if TYPE_CHECKING:
    from ethr_did.chain.local import LocalAccount
    from support.status_stage import StatusStage

VECTORS = Path(__file__).parent.parent / "vectors" / "older_registries.json"
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_IS_REVOKED = selector("isRevoked(address,bytes32,bytes32)")
_CHANGE_STATUS = selector("changeStatus(bool,address,bytes32,bytes32)")
_GAS = 1_000_000


# -- contracts -----------------------------------------------------------------------------------

_OPCODES = {
    "stop": 0x00, "eq": 0x14, "shr": 0x1C, "sha3": 0x20, "caller": 0x33, "calldataload": 0x35,
    "calldatacopy": 0x37, "codecopy": 0x39, "mstore": 0x52, "sload": 0x54, "sstore": 0x55,
    "jumpi": 0x57, "jumpdest": 0x5B, "dup1": 0x80, "return": 0xF3, "revert": 0xFD,
}  # fmt: skip


def _assemble(text: str) -> bytes:
    """Code from words: mnemonics, numbers to push, ``@name`` to push a place, ``name:`` to be one."""
    places: dict[str, int] = {}
    for _ in range(2):  # the first time to find the places
        code = b""
        for word in text.split():
            if word.endswith(":"):
                places[word[:-1]] = len(code)
                code += bytes([_OPCODES["jumpdest"]])
            elif word.startswith("@"):
                code += bytes([0x60, places.get(word[1:], 0)])
            elif word in _OPCODES:
                code += bytes([_OPCODES[word]])
            else:
                data = bytes.fromhex(word.removeprefix("0x")) if "x" in word else bytes([int(word)])
                code += bytes([0x5F + len(data)]) + data
    return code


_LIST_REGISTRY = _assemble(
    # A slot is the hash of the last three arguments.
    f"""
    0 calldataload 224 shr
    dup1 0x{_IS_REVOKED.hex()} eq @isRevoked jumpi
    dup1 0x{_CHANGE_STATUS.hex()} eq @changeStatus jumpi
    no: 0 0 revert
    isRevoked: 96 4 0 calldatacopy 96 0 sha3 sload 0 mstore 32 0 return
    changeStatus: 36 calldataload caller eq @allowed jumpi 0 0 revert
    allowed: 4 calldataload 96 36 0 calldatacopy 96 0 sha3 sstore stop
    """
)
_LENGTH = len(_LIST_REGISTRY)
_START = _assemble(f"{_LENGTH} 13 0 codecopy {_LENGTH} 0 return stop")


def create_2019(stage: StatusStage) -> Address:
    """The registry of 2019, deployed now."""
    (entry,) = json.loads(VECTORS.read_text("utf-8"))["registries"]
    return _create(stage, entry["initCode"])


def create_2022(stage: StatusStage) -> Address:
    """A registry of ERC-5539, deployed now."""
    assert len(_START) == 13
    return _create(stage, "0x" + (_START + _LIST_REGISTRY).hex())


def _create(stage: StatusStage, init_code: str) -> Address:
    sender = stage.chain.accounts[3].address
    fields = {"from": sender, "data": init_code, "gas": hex(_GAS)}
    tx_hash = stage.ask("eth_sendTransaction", fields)
    receipt = stage.ask("eth_getTransactionReceipt", tx_hash)
    assert receipt["status"] == "0x1"
    return parse_address(receipt["contractAddress"])


def revoke_token(stage: StatusStage, registry: Address, who: LocalAccount, token: str) -> int:
    """The block in which somebody revoked a token, as the peer does it."""
    data = selector("revoke(bytes32)") + keccak(token.encode())
    return stage.send(who, registry, data)


def change_status(
    stage: StatusStage,
    registry: Address,
    namespace: LocalAccount,
    list_id: bytes,
    key: bytes,
    *,
    revoked: bool = True,
) -> int:
    """The block in which a key of a list was changed."""
    kinds = ["bool", "address", "bytes32", "bytes32"]
    data = encode(kinds, [revoked, namespace.address, list_id, key])
    return stage.send(namespace, registry, _CHANGE_STATUS + data)


# -- tokens --------------------------------------------------------------------------------------


def base64url(data: bytes) -> str:
    """Without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make_token(account: LocalAccount, claims: dict[str, Any], *, algorithm: str = "ES256K") -> str:
    """A JWT, signed as did-jwt does it."""
    header = {"typ": "JWT", "alg": algorithm}
    parts = [base64url(json.dumps(part).encode()) for part in (header, claims)]
    digest = sha256(".".join(parts).encode()).digest()
    signature = PrivateKey(account.key).sign_msg_hash(digest)
    data = signature.r.to_bytes(32) + signature.s.to_bytes(32)
    if algorithm == "ES256K-R":
        data += bytes([signature.v])
    return ".".join([*parts, base64url(data)])


def with_signature(token: str, signature: bytes) -> str:
    """The token with another signature."""
    return f"{token.rpartition('.')[0]}.{base64url(signature)}"


def signature_of(token: str) -> bytes:
    """The bytes of a token's signature."""
    text = token.rpartition(".")[2]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def flipped(token: str) -> str:
    """The token as its holder can change it: s becomes n - s, and it still verifies."""
    data = signature_of(token)
    s = ORDER - int.from_bytes(data[32:64])
    recovery = bytes([data[64] ^ 1]) if len(data) > 64 else b""
    return with_signature(token, data[:32] + s.to_bytes(32) + recovery)

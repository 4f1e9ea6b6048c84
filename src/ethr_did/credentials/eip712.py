"""Credentials with an EthereumEip712Signature2021: signed by an Ethereum wallet as typed data.

Rules:
  1. What is signed is the document together with its proof, without ``proofValue`` and ``eip712``;
     both must be covered by the types, see ``typed_documents``.
  2. The proof carries domain, types and primary type as ``eip712``, so that nobody needs to guess.
     A proof without them, or with the address of the types, is not read: that would be a guess, or
     a download chosen by whoever wrote the document. Earlier drafts name the members
     ``eip712Domain`` and ``messageSchema``.
  3. The types are written out with ``EIP712Domain``: wallets take a missing one for empty, others
     for that of the domain's members. Where one that is read has it, it is exactly that.
  4. ``proofValue`` is ``0x`` and 65 bytes in lower case, with the low s and v 27 or 28: one spelling
     of one signature. The account is recovered, and compared with that of the key.

Spec: EthereumEip712Signature2021 (W3C Credentials Community Group, draft), "Proof Representation";
EIP-712, "Definition of domainSeparator".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from ethr_did.core.keys import to_checksum_address
from ethr_did.core.resolution import format_time
from ethr_did.core.signed_message import recover_account, typed_digest
from ethr_did.credentials.credential import Credential, CredentialFormat
from ethr_did.credentials.keys import Algorithm, PublicKey
from ethr_did.credentials.proofs import (
    PURPOSE,
    ProvenDocument,
    canonical,
    check_issuable,
    credential_in,
    take_apart,
)
from ethr_did.credentials.typed_documents import Types, check_types, generate_types
from ethr_did.errors import InvalidCredential, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ethr_did.credentials.signing_keys import TypedDataKey

__all__ = [
    "DEFAULT_DOMAIN",
    "EIP712_TYPE",
    "TypedDataProof",
    "read_eip712",
    "read_typed_data_proof",
    "sign_eip712",
    "typed_data",
]

EIP712_TYPE: Final = "EthereumEip712Signature2021"
SUITE_CONTEXT: Final = "https://w3id.org/security/suites/eip712sig-2021/v1"
PRIMARY_TYPE: Final = "VerifiableCredential"
DEFAULT_DOMAIN: Final[Mapping[str, Any]] = {"name": EIP712_TYPE}
"""Says what is signed, and on no chain: a wallet need not be switched to one."""

MAX_TYPED: Final = 1 << 17
"""Bytes: each struct is hashed together with all types within it, and people read what they sign."""

_LOCATIONS = ("eip712", "eip712Domain")
_SCHEMAS = ("types", "messageSchema")
_NOT_SIGNED = ("proofValue", *_LOCATIONS)
_DOMAIN_TYPE = "EIP712Domain"
_VALUE = re.compile(r"0x[0-9a-f]{128}(?:1b|1c)")
_SALT = re.compile(r"0x[0-9a-f]{64}")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
_HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0
"""Of the secp256k1 group (SEC 2, section 2.4.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TypedDataProof:
    """The signature of typed data."""

    method_id: str
    typed_data: Mapping[str, Any] = field(repr=False)
    """Types, domain, primary type and message, as wallets take them."""
    signature: bytes = field(repr=False)

    @property
    def algorithm(self) -> Algorithm:
        """See ``Proof``: of all names, the one that says that the key is recovered."""
        return Algorithm.ES256K_R

    def check(self, key: PublicKey) -> None:
        """See ``Proof``."""
        if key.address is None:
            raise InvalidCredential(
                f"a {EIP712_TYPE} does not go with a {key.kind.value} key",
                hint="It is made with the key of an Ethereum account.",
            )
        if recover_account(typed_digest(self.typed_data), self.signature) != key.address:
            raise InvalidCredential(
                "the proof was not made with the key",
                hint="The document was changed, or signed with another key.",
            )


def sign_eip712(
    document: Mapping[str, Any], key: TypedDataKey, *, method_id: str, now: int
) -> dict[str, Any]:
    """The credential with its proof.

    Args:
        document: of the Data Model 2.0, without a proof.
        key: the issuer's, of an Ethereum account.
        method_id: of the issuer's document, a whole DID URL.
        now: Unix seconds.

    Raises:
        InvalidCredential: it is no such document, a part of it has no type, or the method is not
            its issuer's.
        SignerError: it was not signed.
    """
    check_issuable(document, method_id=method_id)
    proof = {
        "@context": SUITE_CONTEXT,
        "type": EIP712_TYPE,
        "created": format_time(now),
        "verificationMethod": method_id,
        "proofPurpose": PURPOSE,
    }
    message = {**document, "proof": proof}
    canonical(message, limit=MAX_TYPED)
    types = generate_types(message, PRIMARY_TYPE)
    check_types(types, PRIMARY_TYPE, message)
    data = typed_data(message, types, domain=DEFAULT_DOMAIN, primary_type=PRIMARY_TYPE)
    value = f"0x{key.sign_typed_data(data).hex()}"
    shape = {"domain": data["domain"], "types": data["types"], "primaryType": PRIMARY_TYPE}
    signed = {**document, "proof": {**proof, "proofValue": value, "eip712": shape}}
    read_eip712(signed)  # so that nothing is given out that is not read again
    return signed


def read_eip712(signed: Mapping[str, Any]) -> Credential:
    """The credential; its proof is not verified.

    Raises:
        InvalidCredential: it breaks a rule.
    """
    parts, proof = read_typed_data_proof(signed)
    return credential_in(parts, proof, CredentialFormat.EIP712, signed)


def read_typed_data_proof(signed: Mapping[str, Any]) -> tuple[ProvenDocument, TypedDataProof]:
    """What is signed, and the proof, of any document: it need not be a credential.

    Raises:
        InvalidCredential: it breaks a rule.
    """
    parts = take_apart(signed, EIP712_TYPE, members={*_LOCATIONS}, limit=MAX_TYPED)
    shape = _shape(parts.proof)
    options = {name: one for name, one in parts.proof.items() if name not in _NOT_SIGNED}
    message = {**parts.document, "proof": options}
    domain = _read_domain(shape["domain"])
    types = check_types(_message_types(shape, domain), shape["primaryType"], message)
    data = typed_data(message, types, domain=domain, primary_type=shape["primaryType"])
    return parts, TypedDataProof(
        method_id=parts.method, typed_data=data, signature=_signature(parts.value)
    )


def typed_data(
    message: Mapping[str, Any], types: Types, *, domain: Mapping[str, Any], primary_type: str
) -> dict[str, Any]:
    """What a wallet signs.

    Args:
        message: the document with its proof, without what is not signed.
        types: of the message.
        domain: its members by name.
        primary_type: which of the types the message is of.
    """
    return {
        "types": {_DOMAIN_TYPE: _domain_type(domain), **types},
        "domain": dict(domain),
        "primaryType": primary_type,
        "message": dict(message),
    }


# -- parts of the proof --------------------------------------------------------------------------


def _shape(proof: Mapping[str, Any]) -> dict[str, Any]:
    """Domain, types and primary type, under their present names."""
    found = [proof[name] for name in _LOCATIONS if name in proof]
    if len(found) != 1 or not isinstance(found[0], dict):
        raise InvalidCredential(
            "the proof does not say once what was signed, as eip712",
            hint="Types and domain must stand in the proof; they are not guessed.",
        )
    shape = dict(found[0])
    schemas = [shape.pop(name) for name in _SCHEMAS if name in shape]
    if len(schemas) != 1 or shape.keys() != {"domain", "primaryType"}:
        raise InvalidCredential("eip712 of the proof is not domain, types and primaryType")
    if isinstance(schemas[0], str):
        raise InvalidCredential(
            f"the types are somewhere else, and are not fetched: {shown(schemas[0])}",
            hint="They must stand in the proof.",
        )
    return {**shape, "types": schemas[0]}


def _message_types(shape: Mapping[str, Any], domain: Mapping[str, Any]) -> object:
    """The types without that of the domain, which is the right one if it is there."""
    types = shape["types"]
    if not isinstance(types, dict) or _DOMAIN_TYPE not in types:
        return types
    if types[_DOMAIN_TYPE] != _domain_type(domain):
        raise InvalidCredential(
            f"{_DOMAIN_TYPE} is not the type of the domain",
            hint="It names the members of the domain, in the order of EIP-712, and no other.",
        )
    return {name: fields for name, fields in types.items() if name != _DOMAIN_TYPE}


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_chain(value: object) -> bool:
    return type(value) is int and value >= 0


def _is_address(value: object) -> bool:
    if not isinstance(value, str) or not _ADDRESS.fullmatch(value):
        return False
    return value == to_checksum_address(bytes.fromhex(value[2:]))


def _is_salt(value: object) -> bool:
    return isinstance(value, str) and _SALT.fullmatch(value) is not None


_DOMAIN: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    "name": ("string", _is_text),
    "version": ("string", _is_text),
    "chainId": ("uint256", _is_chain),
    "verifyingContract": ("address", _is_address),
    "salt": ("bytes32", _is_salt),
}
"""Members of a domain in their order: their types, and what they look like, in one spelling."""


def _domain_type(domain: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"name": name, "type": kind} for name, (kind, _) in _DOMAIN.items() if name in domain]


def _read_domain(domain: object) -> Mapping[str, Any]:
    if not isinstance(domain, dict) or not domain or domain.keys() - _DOMAIN.keys():
        raise InvalidCredential(
            f"domain of the proof is not one of EIP-712: {shown(domain)}",
            hint=f"It has one or more of {', '.join(_DOMAIN)}.",
        )
    for name, value in domain.items():
        if not _DOMAIN[name][1](value):
            raise InvalidCredential(
                f"{name} of the domain is {shown(value)}",
                hint="An address has its checksum, a salt 32 bytes in lower case, a chain a number.",
            )
    return domain


def _signature(value: str) -> bytes:
    if not _VALUE.fullmatch(value):
        raise InvalidCredential(
            f"proofValue is not a signature: {shown(value)}",
            hint="It is 0x and 65 bytes in lower case, of which the last is 1b or 1c.",
        )
    signature = bytes.fromhex(value[2:])
    if int.from_bytes(signature[32:64]) > _HALF_ORDER:
        raise InvalidCredential(
            "proofValue has the high s", hint="Wallets make signatures with the low one."
        )
    return signature

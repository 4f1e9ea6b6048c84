"""The two older registries of revoked credentials, read only.

``EthrStatusRegistry2019`` (uport): ``revoked(issuer, digest)`` is the block in which an address
said so, or 0; the digest is keccak-256 over the text of the whole token. Rules:
  1. A signature has more than one form that verifiers take, and each makes another digest: with s
     and n - s, and for ES256K-R with and without its last byte. A holder can change one into the
     other. All forms are asked for.
  2. The text has one form only: what is not canonical base64url is refused.
  3. The token must be the one that says this about its status, of this issuer.
  4. Whoever may speak for the identity, or ever might, may have revoked: the identity, all its
     owners, all its delegates of any type, all its secp256k1 keys, at any time, current or not. A
     revocation by somebody who lost the right is one too many; one that is overlooked because its
     author lost the right later would be worse. It cannot be taken back.

``EthrRevocationRegistry2022`` (ERC-5539): ``isRevoked(namespace, list, key)``. Rules:
  5. The namespace belongs to the issuer: it is its identity, or one of its owners at any time.
     Anybody else's is no answer about this credential.
  6. It can be taken back, and nothing says when it was written. Of an issuer who gave up its
     identity only "revoked" is believed. The past is asked for at that block, which takes a node
     that keeps it.

Both contracts are believed only if the verifier lists them: anybody can deploy one that says what
he likes, and operators of the second kind can replace its code.

Spec: npm revocation-registry 0.1.0 and ethr-status-registry 2.1.3; ERC-5539; RFC 7515 section 2.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from eth_hash.auto import keccak

from ethr_did.chain.answer import Head, data_of, parse_head
from ethr_did.chain.request import ask, call, get_block
from ethr_did.chain.reverts import is_revert
from ethr_did.core.base64url import decode_base64url, encode_base64url
from ethr_did.core.calls import selector
from ethr_did.core.did import EthrDID
from ethr_did.core.erc1056 import (
    AttributeChanged,
    DelegateChanged,
    OwnerChanged,
    decode_name,
    parse_attribute_name,
)
from ethr_did.core.keys import ZERO_ADDRESS, Address, address_of_key, to_checksum_address
from ethr_did.core.status_calls import parse_bool_result
from ethr_did.core.status_entry import (
    Registry2019Entry,
    Registry2022Entry,
    entry_from_dict,
    issuer_of,
    status_members,
)
from ethr_did.core.status_history import Found
from ethr_did.core.status_list import INVALID, VALID
from ethr_did.core.strict_json import read_json
from ethr_did.errors import (
    DeactivatedError,
    InvalidInput,
    InvalidKey,
    InvalidOption,
    InvalidStatusEntry,
    NodeInconsistent,
    RegistryMissing,
    StatusUndetermined,
    shown,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from ethr_did.chain.request import Answer, Block, Steps
    from ethr_did.core.erc1056 import Event
    from ethr_did.core.status_history import Limit

__all__ = [
    "Past",
    "digests_of",
    "owners_of",
    "read_registry_2019",
    "read_registry_2022",
    "writers_of",
]

MAX_TOKEN = 1 << 20
"""Most characters of a token."""

MAX_WRITERS = 500
"""Most addresses that are asked about."""

_PART = re.compile(r"[A-Za-z0-9_-]+")
_PARTS = 3
_SCALAR = 32
_SECP256K1 = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
_P256 = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
_WORD = 32
_REVOKED = selector("revoked(address,bytes32)")
_IS_REVOKED = selector("isRevoked(address,bytes32,bytes32)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What decides which revocations count."""

    identity: Address
    events: tuple[Event, ...]
    """The whole history of the identity."""
    limit: Limit
    """Up to where changes count."""
    deactivated: int | None
    """Block in which the identity was given up, if that was before the limit."""
    at_block: int | None
    """The past that is asked about; None: the present."""


# -- EthrStatusRegistry2019 ----------------------------------------------------------------------


def digests_of(token: str, entry: Registry2019Entry, identity: Address) -> tuple[bytes, ...]:
    """The digests under which a token may be revoked: one for each form of its signature.

    Args:
        token: a JWT in its compact form.
        entry: that it must contain.
        identity: of the issuer that it must name.

    Raises:
        InvalidInput: it is no such token, or written in another way than the only right one.
    """
    parts = token.split(".") if len(token) <= MAX_TOKEN else []
    if len(parts) != _PARTS or not all(map(_PART.fullmatch, parts)):
        raise InvalidStatusEntry(
            f"not a signed token in compact form: {shown(token)}",
            hint="Give the JWT as it was issued: three parts of base64url with dots between them.",
        )
    head, body, signature = (_decode(part) for part in parts)
    _check_claims(_object(body, "payload"), entry, identity)
    forms = _signature_forms(_object(head, "header").get("alg"), signature)
    signed = f"{parts[0]}.{parts[1]}."
    presented = [signature, *forms]
    return tuple(
        keccak((signed + encode_base64url(form)).encode()) for form in dict.fromkeys(presented)
    )


def _signature_forms(algorithm: object, signature: bytes) -> list[bytes]:
    """All signatures that verify where one does."""
    match algorithm, len(signature):
        case "ES256K", 64:
            return _mirrored(signature, _SECP256K1)
        case "ES256", 64:
            return _mirrored(signature, _P256)
        case "ES256K-R", 64 | 65:
            short = _mirrored(signature[:64], _SECP256K1)
            return short + [one + bytes([recovery]) for one in short for recovery in (0, 1)]
        case "EdDSA" | "Ed25519", 64:
            return [signature]  # RFC 8032 section 5.1.7 leaves one form
        case _:
            raise InvalidStatusEntry(
                f"a token with {len(signature)} bytes of signature by {shown(algorithm)}",
                hint="Known: ES256K, ES256K-R, ES256 and EdDSA. What other forms signatures of "
                "other algorithms have is not known here.",
            )


def _mirrored(signature: bytes, order: int) -> list[bytes]:
    r, s = signature[:_SCALAR], int.from_bytes(signature[_SCALAR:])
    if not 0 < s < order:
        raise InvalidStatusEntry("the signature of the token is none of its curve")
    return [signature, r + (order - s).to_bytes(_SCALAR)]


def _check_claims(claims: Mapping[str, Any], entry: Registry2019Entry, identity: Address) -> None:
    found = []
    for member in status_members(claims):
        try:
            found.append(entry_from_dict(member))
        except InvalidInput:
            continue  # another entry; whoever reads all of them hears of it there
    if entry not in found or EthrDID.parse(issuer_of(claims)).address != identity:
        raise InvalidStatusEntry(
            "the token is not the one that names this registry, or of another issuer",
            hint="Give the token that the entry was read from.",
        )


def writers_of(identity: Address, events: Iterable[Event]) -> tuple[Address, ...]:
    """Everybody whose revocation counts; see rule 4."""
    found = dict.fromkeys(owners_of(identity, events))
    for event in events:
        match event:
            case DelegateChanged():
                found[event.delegate] = None
            case AttributeChanged():
                if (address := _address_of(event)) is not None:
                    found[address] = None
            case OwnerChanged():  # pragma: no branch - there is no other kind
                pass
    return tuple(found)


def owners_of(identity: Address, events: Iterable[Event]) -> tuple[Address, ...]:
    """The identity, and all its owners so far."""
    owners = [event.owner for event in events if isinstance(event, OwnerChanged)]
    return tuple(one for one in dict.fromkeys([identity, *owners]) if one != ZERO_ADDRESS)


def _address_of(event: AttributeChanged) -> Address | None:
    name = parse_attribute_name(decode_name(event.name) or "")
    if name is None or (name.section, name.kind) != ("pub", "Secp256k1"):
        return None
    try:
        return address_of_key(event.value)
    except InvalidKey:
        return None


def read_registry_2019(
    registry: Address, digests: Sequence[bytes], past: Past, block: Head
) -> Steps[Found]:
    """Whether anybody who counts has revoked a token, and since which block.

    Args:
        registry: the contract.
        digests: of the token.
        past: which revocations count.
        block: to ask at; on the chain whose blocks the contract numbers.

    Raises:
        RegistryMissing: there is no such contract.
        StatusUndetermined: too many might have revoked it.
        ChainError: it could not be found out.
    """
    writers = writers_of(past.identity, past.events)
    if len(writers) > MAX_WRITERS:
        raise StatusUndetermined(
            f"{len(writers)} addresses may have revoked the token; at most {MAX_WRITERS} are asked",
            writers=len(writers),
        )
    calls = [
        _REVOKED + writer.rjust(_WORD, b"\0") + digest for writer in writers for digest in digests
    ]
    answers = yield from ask(*(call(registry, data, block.number) for data in calls))
    blocks = {int.from_bytes(_word(registry, answer)) for answer in answers} - {0}
    counted = yield from _counted(sorted(blocks), past.limit)
    if not counted:
        return Found(value=VALID, changed_block=None, exact=True)
    return Found(value=INVALID, changed_block=counted[0], exact=True)


def _counted(blocks: Sequence[int], limit: Limit) -> Steps[list[int]]:
    """The blocks whose revocations count.

    The contract does not say where in a block it was called: in the block of the limit the doubt
    is the holder's.
    """
    if limit.time is None:
        return [one for one in blocks if limit.counts(one, 0, timestamp=0)]
    answers = yield from ask(*map(get_block, blocks))
    heads = [_known(number, answer) for number, answer in zip(blocks, answers, strict=True)]
    return [one.number for one in heads if limit.counts(one.number, 0, timestamp=one.timestamp)]


def _known(number: int, answer: Answer) -> Head:
    if answer is None:
        raise NodeInconsistent(
            f"a token was revoked in block {number}, which the node does not know",
            hint="Ask another node.",
            block_number=number,
        )
    return parse_head(answer, number)


# -- EthrRevocationRegistry2022 ------------------------------------------------------------------


def read_registry_2022(entry: Registry2022Entry, past: Past, block: Head) -> Steps[Found]:
    """Whether a key is revoked; since when is not known.

    Args:
        entry: what to ask.
        past: whose word counts, and at which block.
        block: to ask at.

    Raises:
        InvalidStatusEntry: the namespace is somebody else's.
        InvalidOption: it is asked about a time.
        DeactivatedError: it is not revoked, and the issuer gave up its identity.
        RegistryMissing: there is no such contract.
        ChainError: it could not be found out.
    """
    _check_namespace(entry, past)
    if past.limit.time is not None:
        raise InvalidOption("this registry cannot be asked about a time", hint="Ask about a block.")
    number: Block = block.number if past.at_block is None else min(past.at_block, block.number)
    data = _IS_REVOKED + entry.namespace.rjust(_WORD, b"\0") + entry.list_id + entry.key
    (answer,) = yield from ask(call(entry.registry.address, data, number))
    if parse_bool_result(_word(entry.registry.address, answer)):
        return Found(value=INVALID, changed_block=None)
    if past.deactivated is not None:
        raise DeactivatedError(
            f"the issuer gave up its identity in block {past.deactivated}, and the registry does "
            "not say whether the status was changed later",
            hint="Do not accept the credential.",
            block_number=past.deactivated,
        )
    return Found(value=VALID, changed_block=None)


def _check_namespace(entry: Registry2022Entry, past: Past) -> None:
    if entry.namespace not in owners_of(past.identity, past.events):
        raise InvalidStatusEntry(
            f"the namespace {to_checksum_address(entry.namespace)} is not one of the issuer's",
            hint="It is the issuer's identity, or one of its owners.",
            namespace=to_checksum_address(entry.namespace),
        )


# -- common --------------------------------------------------------------------------------------


def _word(registry: Address, answer: Answer) -> bytes:
    data = b"" if is_revert(answer) else data_of(answer)
    if len(data) != _WORD:
        address = to_checksum_address(registry)
        raise RegistryMissing(
            f"{address} does not answer like a registry of revoked credentials",
            hint="Check the address that the credential names.",
            registry=address,
        )
    return data


def _object(data: bytes, part: str) -> Mapping[str, Any]:
    found = read_json(data)
    if not isinstance(found, dict):
        raise InvalidStatusEntry(f"the {part} of the token is no JSON object")
    return found


def _decode(part: str) -> bytes:
    try:
        return decode_base64url(part)
    except InvalidInput as cause:
        raise InvalidStatusEntry(
            f"a part of the token is not canonical base64url: {shown(part)}",
            hint="Give the token as it was issued.",
        ) from cause

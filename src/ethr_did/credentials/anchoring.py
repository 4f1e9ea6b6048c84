"""Anchors of existence: that a credential existed at a block, proven later, without telling what it says.

Rules:
  1. An anchor is a record of the network's status registry under the issuer's identity. Its key is
     keccak256(abi.encode(tag, salt, digest)), its value ``ANCHOR_VALUE``. The tag is other than that
     of statuses: an anchor is no status, and no status is an anchor.
  2. The salt is 32 random bytes. The chain holds no hash that anybody could guess the contents of,
     and says nothing to whoever has not got both salt and credential.
  3. For a batch the digest is the root of a tree over its leaves, keccak256(abi.encode(tag, salt,
     digest)), each with a salt of its own. A leaf is proven at its position: ``core.status_tree``.
  4. The block of the first change of the record is when the digest existed. What its value became
     later means nothing. Changes after the issuer gave up its identity do not count.
  5. Only the registry that the configuration names is believed, under the identity of the issuer.

Spec: docs/decisions/0008-existence-anchors.md; docs/credential-status.md, "Records".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from eth_hash.auto import keccak

from ethr_did.core.keys import Address, parse_address
from ethr_did.core.status_answer import Finality, Moment
from ethr_did.core.status_calls import LensKind, LensQuestion
from ethr_did.core.status_entry import ContractId
from ethr_did.core.status_list import parse_key
from ethr_did.core.status_tree import TreeProof, root_of_proof, tree_proofs
from ethr_did.core.status_wishes import RecordWish
from ethr_did.errors import (
    InvalidConfiguration,
    InvalidCredential,
    InvalidInput,
    InvalidOption,
    NotFoundError,
    shown,
)
from ethr_did.status.listing import StatusHistory, read_history

if TYPE_CHECKING:
    from collections.abc import Callable

    from ethr_did.chain.networks import Network
    from ethr_did.chain.request import Steps
    from ethr_did.core.status_history import Change

__all__ = [
    "ANCHOR_VALUE",
    "MAX_BATCH",
    "PROOF_TYPE",
    "AnchorPlan",
    "BatchPlace",
    "Existence",
    "ExistenceProof",
    "plan_anchor",
    "read_existence",
]

ANCHOR_VALUE: Final = 3
"""Of the record: neither valid, nor revoked, nor suspended. A record of 0 could not be written."""

MAX_BATCH: Final = 1 << 16
"""Most digests under one anchor."""

PROOF_TYPE: Final = "EthereumExistenceProof"

_LENGTH = 32
_KEY_TAG: Final = b"ethr-did/anchor-key/1".ljust(_LENGTH, b"\0")
_LEAF_TAG: Final = b"ethr-did/anchor-leaf/1".ljust(_LENGTH, b"\0")
_MAX_SIBLINGS = MAX_BATCH.bit_length() - 1
_EMPTY = bytes(_LENGTH)
"""The word of a place in the tree that no credential has. Nothing hashes to it."""


def _hashed(tag: bytes, salt: bytes, digest: bytes) -> bytes:
    if len(salt) != _LENGTH or len(digest) != _LENGTH:
        raise InvalidInput(
            f"salt and digest have {_LENGTH} bytes, not {len(salt)} and {len(digest)}"
        )
    found: bytes = keccak(tag + salt + digest)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlace:
    """Where a credential is among those that share an anchor.

    Raises:
        InvalidInput: a hash of another length, a position that the tree has not, or a tree that is
            larger than any that is made.
    """

    leaf_salt: bytes = field(repr=False)
    """32 random bytes, of this credential alone."""
    position: int
    siblings: tuple[bytes, ...] = field(repr=False)
    """One hash for each level, those of the leaves first."""

    def __post_init__(self) -> None:
        if len(self.siblings) > _MAX_SIBLINGS:
            raise InvalidInput(f"a proof of {len(self.siblings)} levels; at most {_MAX_SIBLINGS}")
        self._proof(bytes(_LENGTH))

    def root(self, digest: bytes) -> bytes:
        """The root of the batch, if the digest is at this place of it."""
        return root_of_proof(self._proof(_hashed(_LEAF_TAG, self.leaf_salt, digest)))

    def _proof(self, word: bytes) -> TreeProof:
        return TreeProof(word=word, position=self.position, siblings=self.siblings)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistenceProof:
    """What its holder shows beside a credential to prove since when it has existed.

    Without the credential it says nothing, and it is signed by nobody: the chain is what proves.
    """

    registry: ContractId
    salt: bytes = field(repr=False)
    """32 random bytes."""
    place: BatchPlace | None = None
    """None: the anchor is this credential's alone."""

    def key(self, digest: bytes) -> bytes:
        """The key of the record on chain.

        Args:
            digest: ``Credential.digest``, 32 bytes.

        Raises:
            InvalidInput: salt or digest is of another length.
        """
        anchored = digest if self.place is None else self.place.root(digest)
        return _hashed(_KEY_TAG, self.salt, anchored)

    def to_dict(self) -> dict[str, Any]:
        """The proof as JSON."""
        members = {
            "type": PROOF_TYPE,
            "registry": self.registry.text,
            "salt": "0x" + self.salt.hex(),
        }
        if self.place is None:
            return members
        return {
            **members,
            "leafSalt": "0x" + self.place.leaf_salt.hex(),
            "position": self.place.position,
            "siblings": ["0x" + one.hex() for one in self.place.siblings],
        }

    @classmethod
    def from_dict(cls, data: object) -> Self:
        """The proof in a JSON object.

        Raises:
            InvalidCredential: it is none.

        Example:
            >>> registry = "eip155:1:0x03d5003bf0e79c5f5223588f347eba39afbc3818"
            >>> text = {"type": "EthereumExistenceProof", "registry": registry, "salt": "0x" + "5a" * 32}
            >>> ExistenceProof.from_dict(text).key(bytes(32)).hex()[:8]
            '3c117227'
        """
        if not isinstance(data, Mapping) or data.get("type") != PROOF_TYPE:
            raise InvalidCredential(
                f"not a proof of existence: {shown(data)}",
                hint=f"A JSON object of the type {PROOF_TYPE}.",
            )
        known = {"type", "registry", "salt"}
        in_batch = {"leafSalt", "position", "siblings"}
        if set(data) not in (known, known | in_batch):
            raise InvalidCredential(
                f"a proof of existence has the members {', '.join(sorted(known))}, and "
                f"{', '.join(sorted(in_batch))} or none of them; these are {shown(sorted(data))}"
            )
        try:
            return cls(
                registry=ContractId.parse(data["registry"]),
                salt=parse_key(data["salt"]),
                place=_place(data) if "leafSalt" in data else None,
            )
        except InvalidInput as cause:
            raise InvalidCredential(
                f"the proof of existence is broken: {cause.message}", hint=cause.hint
            ) from cause


def _place(data: Mapping[str, Any]) -> BatchPlace:
    position, siblings = data["position"], data["siblings"]
    if type(position) is not int or not isinstance(siblings, list):
        raise InvalidCredential("position is a whole number, siblings a list")
    return BatchPlace(
        leaf_salt=parse_key(data["leafSalt"]),
        position=position,
        siblings=tuple(parse_key(one) for one in siblings[: _MAX_SIBLINGS + 1]),
    )


# -- making --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class AnchorPlan:
    """One anchor for any number of credentials, not written yet."""

    key: bytes
    """Of the record."""
    proofs: tuple[ExistenceProof, ...]
    """One for each digest, in order."""

    @property
    def wish(self) -> RecordWish:
        """What ``StatusIssuer.apply`` writes. Written twice, it changes nothing."""
        return RecordWish(key=self.key, value=ANCHOR_VALUE)


def plan_anchor(
    digests: Sequence[bytes], *, registry: ContractId, random: Callable[[int], bytes]
) -> AnchorPlan:
    """The anchor of some credentials: of one, or as a tree of several.

    The proofs have to be kept before the anchor is written: nobody can make them again.

    Args:
        digests: ``Credential.digest`` of each, 32 bytes.
        registry: the status registry of the issuer's network.
        random: as many secret random bytes as it is asked for: ``secrets.token_bytes``.

    Raises:
        InvalidOption: none, or more than ``MAX_BATCH``.
        InvalidInput: a digest of another length.
    """
    if not 1 <= len(digests) <= MAX_BATCH:
        raise InvalidOption(
            f"{len(digests)} credentials cannot share an anchor",
            hint=f"One at least, {MAX_BATCH:,} at most: anchor them in parts.",
        )
    salt = random(_LENGTH)
    if len(digests) == 1:
        alone = ExistenceProof(registry=registry, salt=salt)
        return AnchorPlan(key=alone.key(digests[0]), proofs=(alone,))
    salts = [random(_LENGTH) for _ in digests]
    words = [_hashed(_LEAF_TAG, *pair) for pair in zip(salts, digests, strict=True)]
    leaves = 1 << (len(words) - 1).bit_length()
    tree = tree_proofs(b"".join(words) + _EMPTY * (leaves - len(words)), leaves)
    proofs = tuple(
        ExistenceProof(
            registry=registry,
            salt=salt,
            place=BatchPlace(leaf_salt=own, position=proof.position, siblings=proof.siblings),
        )
        for own, proof in zip(salts, tree, strict=False)
    )
    return AnchorPlan(key=proofs[0].key(digests[0]), proofs=proofs)


# -- reading -------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Existence:
    """Since when a credential has provably existed."""

    block_number: int
    block_hash: bytes
    timestamp: int
    """Unix seconds of the block."""
    tx_hash: bytes
    read_at: Moment
    finality: Finality
    """Whether a reorganisation can still take the block back."""

    def to_dict(self) -> dict[str, Any]:
        """The finding as JSON."""
        return {
            "blockNumber": self.block_number,
            "blockHash": "0x" + self.block_hash.hex(),
            "blockTimestamp": self.timestamp,
            "transactionHash": "0x" + self.tx_hash.hex(),
            "finality": self.finality.value,
            "readAt": self.read_at.to_dict(),
        }


def read_existence(
    network: Network,
    identity: Address,
    proof: ExistenceProof,
    digest: bytes,
    *,
    block: int | None = None,
) -> Steps[Existence]:
    """The block at which a credential is known to have existed.

    Args:
        network: of the issuer.
        identity: of the issuer; it is never read from the proof.
        proof: that came with the credential.
        digest: ``Credential.digest``, 32 bytes.
        block: number of the block that counts as the newest; None: the newest.

    Raises:
        NotFoundError: there is no such anchor: of another credential, issuer, salt or place; or it
            was made after the issuer gave up its identity.
        InvalidCredential: the proof names a registry that the configuration does not.
        InvalidConfiguration: the network has no status registry.
        ChainError: it could not be found out.
    """
    _check_registry(network, proof.registry)
    question = LensQuestion(
        registry=proof.registry.address,
        kind=LensKind.RECORD,
        identity=identity,
        id=proof.key(digest),
    )
    history = yield from read_history(network, question, block)
    return _existence(_first(history.changes), history)


def _first(changes: Sequence[Change]) -> Change:
    for change in changes:
        if change.counts:
            return change
    if changes:
        raise NotFoundError(
            "the credential was anchored after its issuer had given up its identity",
            hint="Whoever had the key then could have made the credential.",
            block_number=changes[0].block_number,
        )
    raise NotFoundError(
        "no anchor on chain fits this credential and this proof",
        hint="Credential and proof must belong together, and be of this issuer.",
    )


def _existence(first: Change, history: StatusHistory) -> Existence:
    final = history.final_block
    is_final = final is not None and first.block_number <= final
    unknown = Finality.UNKNOWN if final is None else Finality.PENDING
    return Existence(
        block_number=first.block_number,
        block_hash=first.block_hash,
        timestamp=first.timestamp,
        tx_hash=first.tx_hash,
        read_at=history.read_at,
        finality=Finality.FINAL if is_final else unknown,
    )


def _check_registry(network: Network, named: ContractId) -> None:
    address = network.status_registry
    if address is None:
        raise InvalidConfiguration(
            f"network {network.name} has no status_registry",
            hint="Name its address in the configuration.",
            network=network.name,
        )
    expected = ContractId(network.chain_id, parse_address(address))
    if named != expected:
        raise InvalidCredential(
            f"the proof of existence names the contract {named.text}; that of network "
            f"{network.name} is {expected.text}",
            hint="Anybody can deploy a contract that says what he likes. If you trust this one, "
            "configure it.",
            registry=named.text,
        )

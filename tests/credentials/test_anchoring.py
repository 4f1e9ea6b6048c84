"""Anchors of existence: made, written and read on a real chain."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from ethr_did.core.did import EthrDID
from ethr_did.core.keys import Address, parse_address
from ethr_did.core.status_answer import Finality
from ethr_did.core.status_calls import set_keys_call
from ethr_did.core.status_entry import ContractId
from ethr_did.core.status_list import Authority, status_key
from ethr_did.credentials.anchoring import (
    ANCHOR_VALUE,
    MAX_BATCH,
    AnchorPlan,
    BatchPlace,
    Existence,
    ExistenceProof,
    plan_anchor,
    read_existence,
)
from ethr_did.errors import (
    InvalidConfiguration,
    InvalidCredential,
    InvalidInput,
    InvalidOption,
    NotFoundError,
    RegistryMissing,
)
from ethr_did.status.issuing import StatusIssuer
from support.status_chain import deploy_status
from support.status_stage import StatusStage
from support.writing import make_sender

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ethr_did.chain.local import LocalAccount, LocalChain
    from ethr_did.chain.networks import Network

DIGEST = b"\x0d" * 32
DIGESTS = [bytes([number]) * 32 for number in range(1, 6)]
REGISTRY = ContractId(1, Address(b"\x0c" * 20))


def dice(seed: int = 0) -> Callable[[int], bytes]:
    """Chance that repeats itself."""
    return random.Random(seed).randbytes  # noqa: S311  # tests repeat


def plan(*digests: bytes, registry: ContractId = REGISTRY) -> AnchorPlan:
    return plan_anchor(digests or (DIGEST,), registry=registry, random=dice())


# -- proofs as values ----------------------------------------------------------------------------


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5])
def test_each_proof_leads_to_the_one_anchor_and_no_other_digest_does(count: int) -> None:
    made = plan(*DIGESTS[:count])
    keys = {proof.key(digest) for proof, digest in zip(made.proofs, DIGESTS, strict=False)}
    assert (len(made.proofs), keys) == (count, {made.key})
    assert (made.wish.key, made.wish.value) == (made.key, ANCHOR_VALUE)
    for proof, digest in zip(made.proofs, DIGESTS[1:], strict=False):
        assert proof.key(digest) != made.key


@pytest.mark.parametrize("count", [1, 2, 5])
def test_proofs_are_read_as_they_are_written(count: int) -> None:
    for proof in plan(*DIGESTS[:count]).proofs:
        assert ExistenceProof.from_dict(proof.to_dict()) == proof


def test_salts_are_of_one_credential_each() -> None:
    made = plan(*DIGESTS)
    salts = {made.proofs[0].salt, *(one.place.leaf_salt for one in made.proofs if one.place)}
    assert len(salts) == 6


def test_an_anchor_is_no_status() -> None:
    (proof,) = plan().proofs
    assert proof.key(DIGEST) != status_key(proof.salt, DIGEST)


def test_salts_are_in_no_representation() -> None:
    for proof in plan(*DIGESTS).proofs:
        assert proof.salt.hex() not in repr(proof)
        assert repr(proof.salt) not in repr(proof)


@pytest.mark.parametrize("count", [0, MAX_BATCH + 1])
def test_an_anchor_is_for_some_credentials_and_not_for_too_many(count: int) -> None:
    with pytest.raises(InvalidOption, match=f"{count} credentials cannot share an anchor"):
        plan_anchor([DIGEST] * count, registry=REGISTRY, random=dice())


def test_digests_have_their_length() -> None:
    with pytest.raises(InvalidInput, match="32 bytes, not 32 and 31"):
        plan(bytes(31))
    with pytest.raises(InvalidInput, match="32 bytes, not 32 and 31"):
        plan().proofs[0].key(bytes(31))


def changed(**members: Any) -> dict[str, Any]:
    """A proof of a batch with other members; those that are None are left out."""
    data = {**plan(*DIGESTS).proofs[1].to_dict(), **members}
    return {name: value for name, value in data.items() if value is not None}


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("0x00", "not a proof of existence"),
        ({"type": "EthereumStatusRecordEntry"}, "not a proof of existence"),
        (changed(more=1), "has the members"),
        (changed(salt=None), "has the members"),
        (changed(position=None), "has the members"),
        (changed(registry="eip155:1"), "not a contract"),
        (changed(salt="0x00"), "broken"),
        (changed(leafSalt=7), "broken"),
        (changed(position="1"), "position is a whole number"),
        (changed(position=True), "position is a whole number"),
        (changed(position=8), "no position 8"),
        (changed(position=-1), "no position -1"),
        (changed(siblings="0x00"), "siblings a list"),
        (changed(siblings=["0x00"]), "broken"),
        (changed(siblings=["0x" + "00" * 32] * 10_000), "a proof of 17 levels"),
    ],
)
def test_what_is_no_proof_is_refused(data: Any, message: str) -> None:
    with pytest.raises(InvalidCredential, match=message):
        ExistenceProof.from_dict(data)


def test_a_place_without_levels_is_the_whole_tree() -> None:
    place = BatchPlace(leaf_salt=bytes(32), position=0, siblings=())
    assert len(place.root(DIGEST)) == 32


# -- on chain ------------------------------------------------------------------------------------


class Anchors(StatusStage):
    """Anchors, written and read."""

    def plan(self, *digests: bytes) -> AnchorPlan:
        """The anchor of some credentials, in the registry of the stage."""
        return plan(*digests, registry=self.registry)

    def write(
        self, made: AnchorPlan, issuer: LocalAccount, value: int = ANCHOR_VALUE, **by: LocalAccount
    ) -> int:
        """The block in which a record was changed."""
        data = set_keys_call(parse_address(issuer.address), Authority.OWNER, value, [made.key])
        return self.send(by.get("by", issuer), self.statuses, data)

    def read(
        self,
        issuer: LocalAccount,
        proof: ExistenceProof,
        digest: bytes = DIGEST,
        *,
        network: Network | None = None,
        **options: Any,
    ) -> Existence:
        """Since when a credential has existed."""
        asked = network or self.asked()
        steps = read_existence(asked, parse_address(issuer.address), proof, digest, **options)
        with asked.chain(retries=0) as door:
            return door.run(steps)


@pytest.fixture
def anchors(chain: LocalChain, status_network: Network) -> Anchors:
    return Anchors(chain=chain, network=status_network)


@pytest.mark.parametrize("count", [1, 5])
def test_the_block_of_the_anchor_is_when_each_credential_existed(
    anchors: Anchors, alice: LocalAccount, count: int
) -> None:
    made = anchors.plan(*DIGESTS[:count])
    block, time = anchors.write(made, alice), anchors.now
    anchors.mine(3)
    for proof, digest in zip(made.proofs, DIGESTS, strict=False):
        found = anchors.read(alice, proof, digest)
        assert (found.block_number, found.timestamp) == (block, time)
        assert found.block_hash == anchors.chain.ledger.blocks[block].hash
        assert found.read_at.number == anchors.head
        assert found.to_dict()["blockNumber"] == block


def test_a_status_issuer_writes_it_and_writes_it_once(
    anchors: Anchors, alice: LocalAccount, chain: LocalChain, tmp_path: Path
) -> None:
    made = anchors.plan(*DIGESTS)
    did = EthrDID.build(alice.address, anchors.network.name)
    with anchors.network.chain(retries=0) as door:
        issuer = StatusIssuer(anchors.network, did, chain=door)
        sender = make_sender(chain.provider, alice.key, tmp_path)
        assert issuer.apply([made.wish], sender).changed == 1
        block = anchors.head
        assert issuer.apply([made.wish], sender).changed == 0
    assert anchors.read(alice, made.proofs[4], DIGESTS[4]).block_number == block


@pytest.mark.parametrize("values", [(2,), (0,), (1,), (0, 2, 0, 1)])
def test_later_changes_of_the_record_move_nothing(
    anchors: Anchors, alice: LocalAccount, values: tuple[int, ...]
) -> None:
    made = anchors.plan(DIGEST)
    block = anchors.write(made, alice)
    for value in values:
        anchors.write(made, alice, value)
    assert anchors.read(alice, made.proofs[0]).block_number == block


def test_changes_in_the_same_block_move_nothing(anchors: Anchors, alice: LocalAccount) -> None:
    made = anchors.plan(DIGEST)
    with anchors.one_block():
        anchors.write(made, alice)
        anchors.write(made, alice, 0)
        anchors.write(made, alice, 2)
    found = anchors.read(alice, made.proofs[0])
    assert (found.block_number, len(anchors.chain.ledger.blocks[-1].transactions)) == (
        anchors.head,
        3,
    )


def test_the_record_of_another_identity_does_not_count(
    anchors: Anchors, alice: LocalAccount, mallory: LocalAccount
) -> None:
    made = anchors.plan(DIGEST)
    anchors.write(made, mallory)
    with pytest.raises(NotFoundError, match="no anchor on chain fits"):
        anchors.read(alice, made.proofs[0])


def test_a_wrong_salt_digest_place_or_path_fits_no_anchor(
    anchors: Anchors, alice: LocalAccount
) -> None:
    made = anchors.plan(*DIGESTS)
    anchors.write(made, alice)
    good, digest = made.proofs[1], DIGESTS[1]
    assert good.place is not None
    other = bytes(32)
    place = good.place
    bad = [
        replace(good, salt=other),
        replace(good, place=None),
        replace(good, place=replace(place, leaf_salt=other)),
        replace(good, place=replace(place, position=0)),
        replace(good, place=replace(place, siblings=(other, *place.siblings[1:]))),
        replace(good, place=BatchPlace(leaf_salt=good.place.leaf_salt, position=0, siblings=())),
    ]
    for proof in bad:
        with pytest.raises(NotFoundError):
            anchors.read(alice, proof, digest)
    with pytest.raises(NotFoundError):
        anchors.read(alice, good, DIGESTS[2])
    assert anchors.read(alice, good, digest).block_number == anchors.head


def test_a_root_is_not_taken_for_a_credential(anchors: Anchors, alice: LocalAccount) -> None:
    # The issuer itself could show it; what it proves is the existence of the root, no more.
    made = anchors.plan(*DIGESTS)
    anchors.write(made, alice)
    proof = made.proofs[0]
    assert proof.place is not None
    root = proof.place.root(DIGESTS[0])
    with pytest.raises(NotFoundError):
        anchors.read(alice, proof, root)


def test_what_was_anchored_after_the_issuer_gave_up_does_not_count(
    anchors: Anchors, alice: LocalAccount
) -> None:
    before, after = anchors.plan(DIGESTS[0]), anchors.plan(DIGESTS[1])
    block = anchors.write(before, alice)
    anchors.deactivate(alice)
    anchors.write(after, alice)  # the contract takes it: the first key has control again
    assert anchors.read(alice, before.proofs[0], DIGESTS[0]).block_number == block
    with pytest.raises(NotFoundError, match="after its issuer had given up"):
        anchors.read(alice, after.proofs[0], DIGESTS[1])


def test_an_anchor_of_an_earlier_owner_counts(
    anchors: Anchors, alice: LocalAccount, bob: LocalAccount
) -> None:
    made = anchors.plan(DIGEST)
    block = anchors.write(made, alice)
    anchors.change_owner(alice, bob)
    assert anchors.read(alice, made.proofs[0]).block_number == block


def test_it_is_read_as_of_any_block(anchors: Anchors, alice: LocalAccount) -> None:
    made = anchors.plan(DIGEST)
    block = anchors.write(made, alice)
    anchors.mine(2)
    assert anchors.read(alice, made.proofs[0], block=block).read_at.number == block
    with pytest.raises(NotFoundError):
        anchors.read(alice, made.proofs[0], block=block - 1)


def test_it_is_told_whether_the_block_is_final(anchors: Anchors, alice: LocalAccount) -> None:
    made = anchors.plan(DIGEST)
    block = anchors.write(made, alice)
    anchors.mine(2)
    (proof,) = made.proofs
    anchors.node.final = block
    assert anchors.read(alice, proof).finality is Finality.FINAL
    anchors.node.final = block - 1
    assert anchors.read(alice, proof).finality is Finality.PENDING


def test_a_node_that_does_not_know_what_is_final_says_so(
    anchors: Anchors, alice: LocalAccount
) -> None:
    made = anchors.plan(DIGEST)
    block = anchors.write(made, alice)
    anchors.node.final = None
    found = anchors.read(alice, made.proofs[0])
    assert (found.block_number, found.finality) == (block, Finality.UNKNOWN)


def test_a_registry_that_is_not_configured_is_not_believed(
    anchors: Anchors, alice: LocalAccount
) -> None:
    (proof,) = anchors.plan(DIGEST).proofs
    for named in (
        ContractId(anchors.registry.chain_id, Address(b"\x0c" * 20)),
        ContractId(1, anchors.registry.address),
    ):
        with pytest.raises(InvalidCredential, match="names the contract"):
            anchors.read(alice, replace(proof, registry=named))
    with pytest.raises(InvalidConfiguration, match="has no status_registry"):
        anchors.read(alice, proof, network=anchors.asked(status_registry=None))


def test_a_registry_of_another_did_registry_is_not_believed(
    anchors: Anchors, alice: LocalAccount, chain: LocalChain
) -> None:
    other = deploy_status(chain)
    network = anchors.asked(status_registry=other.status_registry)
    named = ContractId(network.chain_id, parse_address(other.status_registry or ""))
    (proof,) = plan(DIGEST, registry=named).proofs
    with pytest.raises(RegistryMissing, match="belongs to the DID registry"):
        anchors.read(alice, proof, network=network)

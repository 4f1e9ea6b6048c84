"""An artifact is bound to a DID registry as its constructor would bind it."""

from __future__ import annotations

import dataclasses
import json
from importlib import resources
from typing import TYPE_CHECKING, Any

import pytest
from eth_hash.auto import keccak
from hypothesis import given
from hypothesis import strategies as st

from ethr_did.chain.artifacts import Artifact, ContractName, load
from ethr_did.core.keys import Address
from ethr_did.errors import DeploymentError, InvalidAddress

if TYPE_CHECKING:
    from collections.abc import Mapping

BINDABLE = [ContractName.CREDENTIAL_STATUS_REGISTRY, ContractName.STATUS_LIST_ANCHOR_REGISTRY]
OTHERS = [name for name in ContractName if name not in BINDABLE]
REGISTRY = Address(b"\xab" * 20)
WORD = REGISTRY.rjust(32, b"\0")

addresses = st.binary(min_size=20, max_size=20).map(Address)


def starts(artifact: Artifact) -> list[int]:
    return [one["start"] for places in artifact.immutable_references.values() for one in places]


@given(name=st.sampled_from(BINDABLE), registry=addresses)
def test_the_argument_ends_the_init_code_and_fills_the_immutables(
    name: ContractName, registry: Address
) -> None:
    artifact, word = load(name), registry.rjust(32, b"\0")
    bound = artifact.bound(registry)
    assert bound.init_code == artifact.init_code + word
    assert (bound.constructor_arguments, bound.did_registry) == (word, registry)
    places = {at for start in starts(artifact) for at in range(start, start + 32)}
    assert {bound.runtime_code[start : start + 32] for start in starts(artifact)} == {word}
    assert len(places) == 3 * 32
    assert all(
        one == two
        for at, (one, two) in enumerate(zip(artifact.runtime_code, bound.runtime_code, strict=True))
        if at not in places
    )


@given(name=st.sampled_from(BINDABLE), registry=addresses)
def test_unbinding_takes_back_what_binding_did(name: ContractName, registry: Address) -> None:
    assert load(name).bound(registry).unbound() == load(name)
    assert load(name).unbound() is load(name)


@pytest.mark.parametrize("name", BINDABLE)
def test_the_hashes_of_a_bound_artifact_follow_from_its_code(name: ContractName) -> None:
    artifact, bound = load(name), load(name).bound(REGISTRY)
    assert bound.init_code_hash == keccak(artifact.init_code + WORD) != artifact.init_code_hash
    assert bound.code_hash == keccak(bound.runtime_code) != artifact.code_hash
    assert bound.source_hash == artifact.source_hash


@pytest.mark.parametrize("name", OTHERS)
def test_a_contract_that_takes_no_address_is_not_bound(name: ContractName) -> None:
    assert not load(name).takes_did_registry
    with pytest.raises(DeploymentError, match=f"{name} cannot be bound to 0xABaB"):
        load(name).bound(REGISTRY)


def test_what_is_bound_is_not_bound_again() -> None:
    bound = load(BINDABLE[0]).bound(REGISTRY)
    with pytest.raises(DeploymentError, match=r"is bound to 0xABaB\w* already") as caught:
        bound.bound(Address(bytes(20)))
    assert caught.value.hint == "Bind the artifact as it was loaded."


@pytest.mark.parametrize("length", [0, 19, 21, 32])
def test_only_an_address_is_bound(length: int) -> None:
    with pytest.raises(InvalidAddress, match=f"an address is 20 bytes, these are {length}"):
        load(BINDABLE[0]).bound(Address(bytes(length)))


@pytest.mark.parametrize(
    "references",
    [
        {"1": [{"start": 0, "length": 32}], "2": [{"start": 32, "length": 32}]},
        {"1": [{"start": 0, "length": 20}]},
        {"1": [{"start": 8_000, "length": 32}]},
    ],
)
def test_immutables_that_one_address_does_not_fill_are_refused(
    references: Mapping[str, Any],
) -> None:
    artifact = dataclasses.replace(load(BINDABLE[0]), immutable_references=references)
    with pytest.raises(DeploymentError, match="immutables that one address does not fill"):
        artifact.bound(REGISTRY)


@pytest.mark.parametrize("name", ContractName)
def test_what_can_be_deployed_as_it_is_says_so(name: ContractName) -> None:
    artifact = load(name)
    takes = name in (*BINDABLE, ContractName.DID_REGISTRY_PROBE)
    assert (artifact.takes_arguments, artifact.is_complete) == (takes, not takes)
    assert (artifact.constructor_arguments, artifact.did_registry) == (b"", None)
    if artifact.takes_did_registry:
        assert artifact.bound(REGISTRY).is_complete


@pytest.mark.parametrize("name", ContractName)
def test_a_committed_artifact_is_written_as_it_was_read(name: ContractName) -> None:
    text = resources.files("ethr_did.chain.artifacts").joinpath(f"{name}.json").read_text("utf-8")
    assert load(name).to_dict() == json.loads(text)


def test_a_bound_artifact_is_read_as_it_was_written() -> None:
    bound = load(BINDABLE[0]).bound(REGISTRY)
    again = Artifact.from_dict(json.loads(json.dumps(bound.to_dict())))
    assert again.to_dict() == bound.to_dict()
    assert again.did_registry == REGISTRY

"""did:pkh."""

from __future__ import annotations

from typing import Any

import pytest

from ethr_did.did_methods.pkh import resolve_pkh
from ethr_did.errors import InvalidAddress, InvalidDID
from support.vectors import load_vectors, vectors

ADDRESS = "0xb9c5714089478a327f09197987f16f9e5d936e8a"
CHECKSUM = "0xB9C5714089478a327F09197987f16f9E5d936E8a"


def test_document_is_that_of_the_specification() -> None:
    vector = load_vectors("did_methods", "pkh")[0]
    assert resolve_pkh(vector["did"]).to_dict() == vector["document"]


@vectors("did_methods", "pkh")
def test_account_is_the_one_method(vector: dict[str, Any]) -> None:
    (method,) = resolve_pkh(vector["did"]).verification_method
    assert method.id == vector["did"] + "#blockchainAccountId"
    assert method.material["blockchainAccountId"] == vector["did"].removeprefix("did:pkh:")


def test_contexts_of_documents_are_their_own() -> None:
    first, second = (resolve_pkh(f"did:pkh:eip155:1:{ADDRESS}") for _ in range(2))
    first.context[1].clear()
    assert second.context[1]


def test_spelling_of_the_address_is_kept() -> None:
    did = f"did:pkh:eip155:1:{CHECKSUM}"
    document = resolve_pkh(did)
    assert document.id == did
    assert document.verification_method[0].material["blockchainAccountId"].endswith(CHECKSUM)


def test_wrong_checksum_is_refused_with_the_right_one() -> None:
    wrong = CHECKSUM.replace("B9", "b9")
    with pytest.raises(InvalidDID, match="the EIP-55 checksum of 0xb9C5") as caught:
        resolve_pkh(f"did:pkh:eip155:1:{wrong}")
    assert CHECKSUM in caught.value.hint
    assert isinstance(caught.value.__cause__, InvalidAddress)


@pytest.mark.parametrize("address", ["0x", ADDRESS[2:], ADDRESS + "0", ADDRESS[:-1], "vitalik.eth"])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(InvalidDID, match="not an Ethereum address"):
        resolve_pkh(f"did:pkh:eip155:1:{address}")


@vectors("did_methods", "pkh-unused")
def test_other_chains_are_refused(vector: dict[str, Any]) -> None:
    with pytest.raises(InvalidDID, match="not the did:pkh of an Ethereum account") as caught:
        resolve_pkh(vector["did"])
    assert "eip155" in caught.value.hint


@pytest.mark.parametrize("number", ["", "0", "01", "0x1", "1.0", "-1", "a", "1" * 33])
def test_chain_id_is_decimal(number: str) -> None:
    with pytest.raises(InvalidDID, match="not the did:pkh of an Ethereum account"):
        resolve_pkh(f"did:pkh:eip155:{number}:{ADDRESS}")


def test_longest_chain_id_is_that_of_caip_2() -> None:
    assert resolve_pkh(f"did:pkh:eip155:{'1' * 32}:{ADDRESS}").id.endswith(ADDRESS)


@pytest.mark.parametrize(
    "did", [f"did:ethr:{ADDRESS}", f"did:pkh:eip155:1:{ADDRESS}#blockchainAccountId", ADDRESS]
)
def test_what_is_no_did_pkh_is_refused(did: str) -> None:
    with pytest.raises(InvalidDID):
        resolve_pkh(did)

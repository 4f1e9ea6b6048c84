"""The probe: one ``eth_call`` that says block, chain, code and states."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak

from ethr_did.chain.artifacts import ContractName, load
from support.evm import ZERO, Evm, actor, load_test_artifact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract
    from web3.types import BlockIdentifier

UNKNOWN = (2**64 - 1, ZERO)
HEADER = 113
ENTRY = 28
CODE_LIMIT = 24_576


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The probe's answer, taken apart."""

    layout: int
    block_number: int
    block_timestamp: int
    parent_hash: bytes
    chain_id: int
    code_hash: bytes
    states: list[tuple[int, str]]


def ask(
    evm: Evm, registry: str, identities: Sequence[str], block: BlockIdentifier = "latest"
) -> Answer:
    probe = load(ContractName.DID_REGISTRY_PROBE)
    data = probe.init_code + encode(["address", "address[]"], [registry, identities])
    answer = bytes(evm.w3.eth.call({"data": data}, block))
    assert len(answer) == HEADER + ENTRY * len(identities)
    return Answer(
        layout=answer[0],
        block_number=int.from_bytes(answer[1:9], "big"),
        block_timestamp=int.from_bytes(answer[9:17], "big"),
        parent_hash=answer[17:49],
        chain_id=int.from_bytes(answer[49:81], "big"),
        code_hash=answer[81:113],
        states=[
            (
                int.from_bytes(answer[at : at + 8], "big"),
                evm.w3.to_checksum_address(answer[at + 8 : at + ENTRY]),
            )
            for at in range(HEADER, len(answer), ENTRY)
        ],
    )


def test_says_block_chain_code_and_states(
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    stranger: LocalAccount,
) -> None:
    evm.send(registry.functions.changeOwner(owner.address, successor.address), owner)
    changed = evm.block_number
    evm.chain.mine(3)
    block = evm.w3.eth.get_block("latest")
    assert ask(evm, registry.address, [stranger.address, owner.address]) == Answer(
        layout=1,
        block_number=block["number"],
        block_timestamp=block["timestamp"],
        parent_hash=bytes(block["parentHash"]),
        chain_id=evm.w3.eth.chain_id,
        code_hash=load(ContractName.ETHEREUM_DID_REGISTRY).code_hash,
        states=[(0, stranger.address), (changed, successor.address)],
    )


def test_says_the_state_of_an_older_block_when_asked_there(
    evm: Evm, registry: Contract, owner: LocalAccount, successor: LocalAccount
) -> None:
    before = evm.block_number
    evm.send(registry.functions.changeOwner(owner.address, successor.address), owner)
    answer = ask(evm, registry.address, [owner.address], before)
    assert (answer.block_number, answer.states) == (before, [(0, owner.address)])


def test_works_in_the_first_block() -> None:
    answer = ask(Evm(), ZERO, [])
    assert (answer.block_number, answer.parent_hash) == (0, bytes(32))


def test_asks_about_nobody(evm: Evm, registry: Contract) -> None:
    assert ask(evm, registry.address, []).states == []


@pytest.mark.parametrize(
    ("registry", "code_hash"),
    [
        ("0x" + "99" * 20, bytes(32)),
        (actor(0).address, keccak(b"")),
        # A precompiled contract answers any call, and is no registry.
        ("0x" + "00" * 19 + "02", None),
    ],
)
def test_does_not_know_where_there_is_no_code(
    evm: Evm, owner: LocalAccount, registry: str, code_hash: bytes | None
) -> None:
    answer = ask(evm, registry, [owner.address, ZERO])
    assert answer.states == [UNKNOWN, UNKNOWN]
    assert code_hash is None or answer.code_hash == code_hash


@pytest.mark.parametrize(
    ("words", "reverts"),
    [
        (b"", False),
        (bytes(31), False),
        (bytes(33), False),
        (bytes(64), False),
        (b"\xff" * 32, False),
        ((2**64 - 1).to_bytes(32, "big"), False),
        ((2**64).to_bytes(32, "big"), False),
        (bytes(32), True),
        (b"", True),
    ],
)
def test_does_not_know_where_foreign_code_makes_no_sense(
    *, evm: Evm, owner: LocalAccount, words: bytes, reverts: bool
) -> None:
    foreign = evm.deploy(load_test_artifact("FixedAnswer"), words, reverts)
    answer = ask(evm, foreign.address, [owner.address])
    assert answer.states == [UNKNOWN]
    assert answer.code_hash == keccak(bytes(evm.w3.eth.get_code(foreign.address)))


def test_takes_any_registry_that_answers_in_words(evm: Evm, owner: LocalAccount) -> None:
    foreign = evm.deploy(load_test_artifact("FixedAnswer"), (7).to_bytes(32, "big"), False)
    seven = "0x" + "00" * 19 + "07"
    assert ask(evm, foreign.address, [owner.address]).states == [(7, seven)]


def test_asks_about_800_identities_at_once(evm: Evm, registry: Contract) -> None:
    identities = ["0x" + (2**100 + number).to_bytes(20, "big").hex() for number in range(800)]
    answer = ask(evm, registry.address, identities)
    assert [owner.lower() for _, owner in answer.states] == identities


def test_fills_the_largest_possible_answer(evm: Evm) -> None:
    most = (CODE_LIMIT - HEADER) // ENTRY
    assert most == 873
    assert len(ask(evm, ZERO, [ZERO] * most).states) == most

"""How contracts and verifiers read: the interface, the base for contracts, the lens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from web3.exceptions import ContractLogicError

from ethr_did.chain.artifacts import ContractName, load
from support.evm import ZERO, Evm, Reverted, actor, events, load_test_artifact, signatures
from support.status import (
    ANCHORED,
    FAR,
    INVALID,
    LIFECYCLE,
    NO_HEADER,
    OWNER,
    SUSPENDED,
    VALID,
    list_id,
)

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract

PLAIN = list_id()
LIFE = list_id(LIFECYCLE, width_log=1)
LISTED = list_id(flags=ANCHORED)
KEY = b"\x11" * 32
ENTRY, RECORD, ANCHOR = range(3)
NO_ANSWER = (False, False, 0, 0, 0, ZERO, bytes(32))


def test_implements_erc_165_and_the_status_interface(statuses: Contract) -> None:
    found = signatures(statuses.abi, "function")
    selectors = {text.partition("(")[0]: digest[:4] for text, digest in found.items()}
    own = bytes(
        a ^ b ^ c
        for a, b, c in zip(selectors["statusOf"], selectors["recordOf"], bytes(4), strict=True)
    )
    supports = statuses.functions.supportsInterface
    assert supports(bytes.fromhex("01ffc9a7")).call()
    assert supports(own).call()
    assert not supports(b"\xff" * 4).call()
    assert not supports(bytes(4)).call()


# ------------------------------------------------------------------------------------------ contracts


@pytest.fixture
def door(evm: Evm, statuses: Contract, owner: LocalAccount) -> Contract:
    return evm.deploy(load_test_artifact("MembersDoor"), statuses.address, owner.address)


def test_the_door_opens_while_the_credential_is_valid(
    *,
    evm: Evm,
    statuses: Contract,
    door: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    stranger: LocalAccount,
) -> None:
    functions = door.functions
    assert evm.failure(functions.enter(), successor) == Reverted(
        "NotAMember", (successor.address.lower(),)
    )
    enrol = functions.enrol(successor.address, LIFE, 5)
    assert evm.failure(enrol, stranger) == Reverted("NotTheClub", (stranger.address.lower(),))
    evm.send(enrol, owner)
    assert events(door, evm.send(functions.enter(), successor)) == [
        ("Entered", {"member": successor.address})
    ]
    setting = statuses.functions.setStatus
    for value in (SUSPENDED, VALID, INVALID):
        evm.send(setting(owner.address, OWNER, LIFE, 5, value), owner)
        if value == VALID:
            evm.send(functions.enter(), successor)
        else:
            refused = evm.failure(functions.enter(), successor)
            assert refused == Reverted(
                "CredentialNotValid", (owner.address.lower(), LIFE, 5, value)
            )


def test_nobody_is_enrolled_with_a_credential_that_is_not_valid(
    evm: Evm, statuses: Contract, door: Contract, owner: LocalAccount
) -> None:
    evm.send(statuses.functions.setStatus(owner.address, OWNER, PLAIN, 5, INVALID), owner)
    refused = evm.failure(door.functions.enrol(owner.address, PLAIN, 5), owner)
    assert refused == Reverted("CredentialNotValid", (owner.address.lower(), PLAIN, 5, INVALID))


def test_a_status_that_cannot_be_read_opens_no_door(door: Contract, owner: LocalAccount) -> None:
    call = door.functions.enrol(owner.address, list_id(layout=9), 5)
    with pytest.raises(ContractLogicError) as caught:
        call.call({"from": owner.address})
    assert str(caught.value.data).startswith("0x" + keccak(b"InvalidListId(bytes32)")[:4].hex())


@pytest.mark.parametrize("kind", ["account", "silent", "other"])
def test_a_consumer_refuses_a_registry_that_does_not_answer_for_credentials(
    evm: Evm, registry: Contract, owner: LocalAccount, kind: str
) -> None:
    address = {
        "account": owner.address,
        "silent": evm.deploy(load_test_artifact("FixedAnswer"), bytes(32), False).address,
        "other": registry.address,
    }[kind]
    artifact = load_test_artifact("MembersDoor")
    factory = evm.w3.eth.contract(abi=artifact.abi, bytecode=artifact.init_code)
    with pytest.raises(ContractLogicError):
        factory.constructor(address, owner.address).estimate_gas({"from": actor(0).address})


# ---------------------------------------------------------------------------------------------- lens


@pytest.fixture
def lens(evm: Evm) -> Contract:
    return evm.deploy(load(ContractName.CREDENTIAL_STATUS_LENS))


def answers(lens: Contract, *queries: tuple[str, int, str, bytes, int]) -> list[Any]:
    found: list[Any] = lens.functions.query(list(queries)).call()[1]
    return found


def test_answers_for_many_issuers_lists_and_keys_in_one_call(
    *,
    evm: Evm,
    registry: Contract,
    statuses: Contract,
    anchors: Contract,
    lens: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
) -> None:
    evm.send(statuses.functions.setStatus(owner.address, OWNER, LIFE, 5, SUSPENDED), owner)
    at_entry = evm.block_number
    evm.send(statuses.functions.revokeKey(successor.address, OWNER, KEY), successor)
    at_record, then = evm.block_number, evm.timestamp
    new = (owner.address, OWNER, LISTED, NO_HEADER, b"\1" * 32, b"\2" * 32, FAR)
    evm.send(anchors.functions.publish(new), owner)
    head = anchors.functions.headOf(owner.address, LISTED).call()
    evm.send(registry.functions.changeOwner(owner.address, successor.address), owner)
    here, there = statuses.address, anchors.address
    first, second = owner.address, successor.address
    assert answers(
        lens,
        (here, ENTRY, first, LIFE, 5),
        (here, ENTRY, first, LIFE, 6),
        (here, ENTRY, second, LIFE, 5),
        (here, RECORD, second, KEY, 0),
        (here, RECORD, first, KEY, 0),
        (there, ANCHOR, first, LISTED, 0),
        (there, ANCHOR, second, LISTED, 0),
    ) == [
        (True, True, SUSPENDED, at_entry, 0, second, bytes(32)),
        (True, True, VALID, at_entry, 0, second, bytes(32)),
        (True, False, VALID, 0, 0, second, bytes(32)),
        (True, True, INVALID, at_record, then, second, bytes(32)),
        (True, False, VALID, 0, 0, second, bytes(32)),
        (True, True, VALID, 0, 0, second, head),
        (True, False, VALID, 0, 0, second, bytes(32)),
    ]


def test_says_of_which_block_the_answers_are(evm: Evm, lens: Contract) -> None:
    evm.chain.mine(3)
    moment, found = lens.functions.query([]).call()
    assert found == []
    assert moment[:2] == (31337, evm.block_number)
    parent = evm.w3.eth.get_block(evm.block_number)["parentHash"]
    assert moment[3] == parent


def test_a_question_without_an_answer_is_unanswered_and_disturbs_no_other(
    *,
    evm: Evm,
    statuses: Contract,
    anchors: Contract,
    registry: Contract,
    lens: Contract,
    owner: LocalAccount,
    stranger: LocalAccount,
) -> None:
    who = owner.address
    reverting = evm.deploy(load_test_artifact("FixedAnswer"), b"no", True).address
    short = evm.deploy(load_test_artifact("FixedAnswer"), b"\0" * 31, False).address
    zeroes = evm.deploy(load_test_artifact("FixedAnswer"), bytes(64), False).address
    evm.send(statuses.functions.setStatus(who, OWNER, PLAIN, 5, INVALID), owner)
    good = (statuses.address, ENTRY, who, PLAIN, 5)
    bad = [
        (stranger.address, ENTRY, who, PLAIN, 5),
        (registry.address, ENTRY, who, PLAIN, 5),
        (reverting, ENTRY, who, PLAIN, 5),
        (short, RECORD, who, KEY, 0),
        (zeroes, ENTRY, who, PLAIN, 5),
        (anchors.address, ENTRY, who, PLAIN, 5),
        (statuses.address, ANCHOR, who, LISTED, 0),
        (statuses.address, ENTRY, who, LISTED, 5),
        (statuses.address, ENTRY, who, PLAIN, 2**17),
        (statuses.address, ENTRY, ZERO, PLAIN, 5),
    ]
    found = answers(lens, good, *bad, good)
    assert found[1:-1] == [NO_ANSWER] * len(bad)
    assert found[0] == found[-1]
    assert found[0][:3] == (True, True, INVALID)


def test_an_answer_of_zeroes_from_nowhere_is_not_valid(evm: Evm, lens: Contract) -> None:
    # What a lenient reader takes for "not revoked".
    liar = evm.deploy(load_test_artifact("FixedAnswer"), bytes(32), False).address
    assert answers(lens, (liar, ANCHOR, ZERO, LISTED, 0)) == [NO_ANSWER]


def test_the_lens_is_the_same_code_everywhere() -> None:
    artifact = load(ContractName.CREDENTIAL_STATUS_LENS)
    assert artifact.immutable_references == {}
    assert {entry["type"] for entry in artifact.abi} == {"function"}


@pytest.mark.parametrize(
    "name", [ContractName.CREDENTIAL_STATUS_REGISTRY, ContractName.STATUS_LIST_ANCHOR_REGISTRY]
)
def test_only_the_did_registry_s_address_differs_between_deployments(
    evm: Evm, registry: Contract, name: ContractName
) -> None:
    artifact = load(name)
    deployed = evm.deploy(artifact, registry.address)
    code = bytearray(evm.w3.eth.get_code(deployed.address))
    (places,) = artifact.immutable_references.values()
    word = encode(["address"], [registry.address])
    for place in places:
        start = place["start"]
        assert code[start : start + 32] == word
        code[start : start + 32] = bytes(32)
    assert bytes(code) == artifact.runtime_code

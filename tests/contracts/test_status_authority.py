"""Who may write a status: the owner, three kinds of delegates, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from web3 import Web3
from web3.exceptions import ContractLogicError

from ethr_did.chain.artifacts import ContractName, load
from support.evm import ZERO, Evm, Reverted, actor, b32, load_test_artifact
from support.status import (
    ALL_LISTS,
    INVALID,
    LIFECYCLE,
    ONE_LIST,
    OTHER,
    OWNER,
    OWNER_ONLY,
    REVOCATION_ONLY,
    SUSPENDED,
    TERMINAL,
    VALID,
    delegate_type,
    list_id,
    update,
)

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract
    from web3.contract.contract import ContractFunction

PLAIN = list_id()
LIFE = list_id(LIFECYCLE, width_log=1)
DAY = 86_400
DELEGATES = [ALL_LISTS, REVOCATION_ONLY, ONE_LIST]


def add_delegate(
    evm: Evm,
    registry: Contract,
    identity: LocalAccount,
    delegate: LocalAccount,
    *,
    authority: int,
    listed: bytes = PLAIN,
) -> None:
    kind = delegate_type(authority, listed)
    call = registry.functions.addDelegate(identity.address, kind, delegate.address, DAY)
    evm.send(call, identity)


def revoke(
    statuses: Contract, identity: LocalAccount, authority: int, listed: bytes = PLAIN
) -> ContractFunction:
    call: ContractFunction = statuses.functions.setStatus(
        identity.address, authority, listed, 1, INVALID
    )
    return call


def refused(identity: LocalAccount, sender: LocalAccount) -> Reverted:
    return Reverted("NotAuthorized", (identity.address.lower(), sender.address.lower()))


def test_a_stranger_writes_nothing_of_somebody_else(
    evm: Evm, statuses: Contract, owner: LocalAccount, stranger: LocalAccount
) -> None:
    for authority in (OWNER, *DELEGATES):
        call = revoke(statuses, owner, authority)
        assert evm.failure(call, stranger) == refused(owner, stranger)
        lists = [(owner.address, authority, PLAIN, [update([(1, INVALID)])])]
        assert evm.failure(statuses.functions.updateLists(lists), stranger) == refused(
            owner, stranger
        )


def test_squatting_an_issuer_s_list_id_says_nothing_about_the_issuer(
    evm: Evm, statuses: Contract, owner: LocalAccount, stranger: LocalAccount
) -> None:
    # A list belongs to the identity it is written under: whoever takes the id first takes it from nobody.
    evm.send(revoke(statuses, stranger, OWNER), stranger)
    evm.send(statuses.functions.revokeKey(stranger.address, OWNER, b"\x11" * 32), stranger)
    assert statuses.functions.statusOf(owner.address, PLAIN, 1).call() == [VALID, 0]
    assert statuses.functions.recordOf(owner.address, b"\x11" * 32).call() == [VALID, 0, 0, 0]
    evm.send(revoke(statuses, owner, OWNER), owner)


def test_authority_moves_with_the_identity_and_the_list_stays(
    *,
    evm: Evm,
    registry: Contract,
    statuses: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
) -> None:
    evm.send(revoke(statuses, owner, OWNER), owner)
    evm.send(registry.functions.changeOwner(owner.address, successor.address), owner)
    assert evm.failure(revoke(statuses, owner, OWNER), owner) == refused(owner, owner)
    assert statuses.functions.statusOf(owner.address, PLAIN, 1).call()[0] == INVALID
    call = statuses.functions.setStatus(owner.address, OWNER, PLAIN, 1, VALID)
    evm.send(call, successor)


@pytest.mark.parametrize("authority", DELEGATES)
def test_a_delegate_writes_until_its_validity_ends(
    *,
    evm: Evm,
    registry: Contract,
    statuses: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    authority: int,
) -> None:
    add_delegate(evm, registry, owner, successor, authority=authority)
    with evm.undone():
        evm.send(revoke(statuses, owner, authority), successor)
    evm.wait(DAY)
    call = revoke(statuses, owner, authority)
    assert evm.failure(call, successor) == refused(owner, successor)


@pytest.mark.parametrize("authority", DELEGATES)
def test_a_delegate_has_the_authority_of_its_type_and_no_other(
    *,
    evm: Evm,
    registry: Contract,
    statuses: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    authority: int,
) -> None:
    add_delegate(evm, registry, owner, successor, authority=authority)
    allowed = statuses.functions.isAuthorized
    for claimed in (OWNER, *DELEGATES):
        call = revoke(statuses, owner, claimed)
        is_its_own = claimed == authority
        assert allowed(owner.address, claimed, PLAIN, successor.address).call() == is_its_own
        if not is_its_own:
            assert evm.failure(call, successor) == refused(owner, successor)


def test_the_delegate_of_one_list_writes_no_other(
    *,
    evm: Evm,
    registry: Contract,
    statuses: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
) -> None:
    add_delegate(evm, registry, owner, successor, authority=ONE_LIST)
    evm.send(revoke(statuses, owner, ONE_LIST), successor)
    call = revoke(statuses, owner, ONE_LIST, LIFE)
    assert evm.failure(call, successor) == refused(owner, successor)


def test_a_key_of_the_did_document_is_no_status_delegate(
    *,
    evm: Evm,
    registry: Contract,
    statuses: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
) -> None:
    for kind in ("veriKey", "sigAuth", "enc"):
        call = registry.functions.addDelegate(owner.address, b32(kind), successor.address, DAY)
        evm.send(call, owner)
    for authority in DELEGATES:
        call = revoke(statuses, owner, authority)
        assert evm.failure(call, successor) == refused(owner, successor)


def test_a_revocation_delegate_makes_entries_invalid_and_nothing_else(
    *,
    evm: Evm,
    registry: Contract,
    statuses: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
) -> None:
    add_delegate(evm, registry, owner, successor, authority=REVOCATION_ONLY)
    for index, value in enumerate((VALID, SUSPENDED, OTHER)):
        evm.send(statuses.functions.setStatus(owner.address, OWNER, LIFE, index, value), owner)
        for wanted in {VALID, SUSPENDED, OTHER} - {value}:
            call = statuses.functions.setStatus(owner.address, REVOCATION_ONLY, LIFE, index, wanted)
            assert evm.failure(call, successor) == Reverted("RevocationOnly", (index,))
        call = statuses.functions.setStatus(owner.address, REVOCATION_ONLY, LIFE, index, INVALID)
        evm.send(call, successor)
    call = statuses.functions.setStatus(owner.address, REVOCATION_ONLY, LIFE, 0, VALID)
    assert evm.failure(call, successor) == Reverted("RevocationOnly", (0,))


def test_a_revocation_delegate_cannot_reinstate_in_a_list_of_bits(
    *,
    evm: Evm,
    registry: Contract,
    statuses: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
) -> None:
    add_delegate(evm, registry, owner, successor, authority=REVOCATION_ONLY)
    evm.send(revoke(statuses, owner, REVOCATION_ONLY), successor)
    words = [update([(1, VALID), (2, INVALID)])]
    call = statuses.functions.updateWords(owner.address, REVOCATION_ONLY, PLAIN, words)
    assert evm.failure(call, successor) == Reverted("RevocationOnly", (1,))


@pytest.mark.parametrize("authority", DELEGATES)
def test_a_list_of_the_owner_alone_knows_no_delegate(
    *,
    evm: Evm,
    registry: Contract,
    statuses: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    authority: int,
) -> None:
    listed = list_id(flags=OWNER_ONLY | TERMINAL)
    add_delegate(evm, registry, owner, successor, authority=authority, listed=listed)
    call = revoke(statuses, owner, authority, listed)
    assert evm.failure(call, successor) == refused(owner, successor)
    evm.send(revoke(statuses, owner, OWNER, listed), owner)


@pytest.mark.parametrize("authority", [4, 255, 2**256 - 1])
def test_an_unknown_authority_is_named(
    evm: Evm, statuses: Contract, owner: LocalAccount, authority: int
) -> None:
    unknown = Reverted("UnknownAuthority", (authority,))
    assert evm.failure(revoke(statuses, owner, authority), owner) == unknown
    call = statuses.functions.isAuthorized(owner.address, authority, PLAIN, owner.address)
    assert evm.failure(call, owner) == unknown


def test_records_know_no_delegate_of_one_list(
    evm: Evm, statuses: Contract, owner: LocalAccount
) -> None:
    call = statuses.functions.revokeKey(owner.address, ONE_LIST, b"\x11" * 32)
    assert evm.failure(call, owner) == Reverted("UnknownAuthority", (ONE_LIST,))


# --------------------------------------------------------- what ERC-1056 hands down; see the documentation


def test_a_delegate_survives_a_change_of_owner_until_somebody_ends_it(
    *,
    evm: Evm,
    registry: Contract,
    statuses: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    stranger: LocalAccount,
) -> None:
    add_delegate(evm, registry, owner, stranger, authority=ALL_LISTS)
    evm.send(registry.functions.changeOwner(owner.address, successor.address), owner)
    with evm.undone():
        evm.send(revoke(statuses, owner, ALL_LISTS), stranger)
    kind = b32("credStatus")
    ended = registry.functions.revokeDelegate(owner.address, kind, stranger.address)
    evm.send(ended, successor)
    call = revoke(statuses, owner, ALL_LISTS)
    assert evm.failure(call, stranger) == refused(owner, stranger)


def test_owner_zero_gives_control_back_to_the_identity_s_own_key(
    *,
    evm: Evm,
    registry: Contract,
    statuses: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
) -> None:
    evm.send(registry.functions.changeOwner(owner.address, successor.address), owner)
    evm.send(registry.functions.changeOwner(owner.address, ZERO), successor)
    assert evm.failure(revoke(statuses, owner, OWNER), successor) == refused(owner, successor)
    evm.send(revoke(statuses, owner, OWNER), owner)


def test_identity_zero_belongs_to_nobody(evm: Evm, statuses: Contract) -> None:
    call = statuses.functions.isAuthorized(ZERO, OWNER, PLAIN, ZERO)
    assert call.call() is False
    someone = actor(4)
    attempt = statuses.functions.setStatus(ZERO, OWNER, PLAIN, 1, INVALID)
    assert evm.failure(attempt, someone) == Reverted(
        "NotAuthorized", (ZERO, someone.address.lower())
    )


# ---------------------------------------------------------------------------------- the DID registry


def test_names_its_did_registry(statuses: Contract, registry: Contract) -> None:
    assert statuses.functions.didRegistry().call() == registry.address


@pytest.mark.parametrize(
    "name", [ContractName.CREDENTIAL_STATUS_REGISTRY, ContractName.STATUS_LIST_ANCHOR_REGISTRY]
)
def test_refuses_a_did_registry_that_is_not_there(evm: Evm, name: ContractName) -> None:
    artifact = load(name)
    nowhere = Web3.to_checksum_address("0x" + "77" * 20)
    call = evm.w3.eth.contract(abi=artifact.abi, bytecode=artifact.init_code).constructor(nowhere)
    with pytest.raises(ContractLogicError) as caught:
        call.estimate_gas({"from": actor(0).address})
    expected = keccak(b"NoDIDRegistry(address)")[:4] + encode(["address"], [nowhere])
    assert caught.value.data == "0x" + expected.hex()


@pytest.mark.parametrize(
    ("answer", "reverts"),
    [
        (b"", False),
        (b"\x01", False),
        (b"\xff" * 32, False),
        (encode(["address", "uint256"], [actor(1).address, 1]), False),
        (encode(["uint256", "uint256"], [1, 1]), False),
        (encode(["address"], [actor(1).address]), True),
        (encode(["uint256"], [1]), True),
    ],
    ids=["nothing", "byte", "dirty", "owner and more", "yes and more", "revert", "revert yes"],
)
def test_a_did_registry_without_a_sensible_answer_gives_nobody_a_right(
    evm: Evm, owner: LocalAccount, answer: bytes, *, reverts: bool
) -> None:
    broken = evm.deploy(load_test_artifact("FixedAnswer"), answer, reverts)
    statuses = evm.deploy(load(ContractName.CREDENTIAL_STATUS_REGISTRY), broken.address)
    for authority in (OWNER, *DELEGATES):
        call = revoke(statuses, owner, authority)
        assert evm.failure(call, owner) == refused(owner, owner)

"""Messages of issuers that anybody may submit: whose counts, until when, and how often."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest
from eth_abi.abi import encode
from eth_hash.auto import keccak
from web3 import Web3

from ethr_did.chain.artifacts import ContractName, load
from support.evm import ZERO, Evm, Reverted, b32, events, load_test_artifact
from support.status import (
    ANY,
    FAR,
    INVALID,
    LIFECYCLE,
    ONE_LIST,
    ORDER,
    OTHER,
    OWNER,
    PAYLOAD_BITS,
    REVOCATION_ONLY,
    SUSPENDED,
    TERMINAL,
    VALID,
    Message,
    Update,
    list_id,
    lists_message,
    message,
    type_of_list,
    update,
)

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract
    from web3.contract.contract import ContractFunction

PLAIN = list_id()
FINAL = list_id(flags=TERMINAL)
FINAL_LIFE = list_id(LIFECYCLE, width_log=1, flags=TERMINAL)
OTHER_ADDRESS = Web3.to_checksum_address("0x" + "78" * 20)
Consent = tuple[str, int, bytes]


@dataclass(frozen=True, kw_only=True)
class Change:
    """A change of one entry as it is sent, and as it was signed unless a test says otherwise."""

    statuses: Contract
    identity: str
    authority: int = OWNER
    listed: bytes = FINAL
    index: int = 1
    value: int = INVALID
    expected: int = ANY

    def message(self, **other: Any) -> Message:
        members = {
            "identity": self.identity,
            "authority": self.authority,
            "listId": self.listed,
            "index": self.index,
            "value": self.value,
            "expectedWord": self.expected,
        }
        return message(self.statuses, "SetStatus", *{**members, **other}.values())

    def call(self, consent: Consent) -> ContractFunction:
        call: ContractFunction = self.statuses.functions.setStatusBySig(
            self.identity,
            self.authority,
            self.listed,
            self.index,
            self.value,
            self.expected,
            consent,
        )
        return call

    def signed_by(self, key: LocalAccount, **consent: Any) -> ContractFunction:
        return self.call(self.message().consent(key, **consent))

    def status(self) -> int:
        value: int = self.statuses.functions.statusOf(
            self.identity, self.listed, self.index
        ).call()[0]
        return value

    def word(self) -> int:
        word = self.index // (PAYLOAD_BITS >> self.listed[2])
        found: int = self.statuses.functions.wordsOf(self.identity, self.listed, word, 1).call()[0]
        return found


@pytest.fixture
def change(statuses: Contract, owner: LocalAccount) -> Change:
    return Change(statuses=statuses, identity=owner.address)


def relayed_lists(
    statuses: Contract, key: LocalAccount, listed: bytes, words: list[Update]
) -> ContractFunction:
    lists = [(key.address, OWNER, listed, words)]
    call: ContractFunction = statuses.functions.updateListsBySig(
        lists, lists_message(statuses, lists).consent(key)
    )
    return call


def test_a_message_has_the_effect_of_the_call(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, change: Change
) -> None:
    with evm.undone():
        call = change.statuses.functions.setStatus(owner.address, OWNER, FINAL, 1, INVALID)
        own = events(change.statuses, evm.send(call, owner))
    assert events(change.statuses, evm.send(change.signed_by(owner), relayer)) == own
    assert change.status() == INVALID


def test_a_batch_has_the_effect_of_the_call(
    *,
    evm: Evm,
    registry: Contract,
    statuses: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    relayer: LocalAccount,
) -> None:
    evm.send(registry.functions.changeOwner(owner.address, successor.address), owner)
    lists = [
        (owner.address, OWNER, PLAIN, [update([(1, INVALID)], expected=0)]),
        (successor.address, OWNER, FINAL, [update([(2, INVALID)]), update([(3, 1)], word=1)]),
    ]
    with evm.undone():
        own = events(statuses, evm.send(statuses.functions.updateLists(lists), successor))
    consent = lists_message(statuses, lists).consent(successor)
    relayed = evm.send(statuses.functions.updateListsBySig(lists, consent), relayer)
    assert events(statuses, relayed) == own
    assert len(own) == 3


def test_a_delegate_s_message_counts_by_the_right_it_names(
    *,
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    relayer: LocalAccount,
    change: Change,
) -> None:
    kind = type_of_list(FINAL)
    evm.send(registry.functions.addDelegate(owner.address, kind, successor.address, 86_400), owner)
    named = replace(change, authority=ONE_LIST)
    evm.send(named.signed_by(successor), relayer)
    assert named.status() == INVALID
    refused = Reverted("NotAuthorized", (owner.address.lower(), successor.address.lower()))
    assert evm.failure(change.signed_by(successor), relayer) == refused


def test_a_revocation_delegate_s_message_revokes_only(
    *,
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    relayer: LocalAccount,
    change: Change,
) -> None:
    kind = b32("credRevoke")
    evm.send(registry.functions.addDelegate(owner.address, kind, successor.address, 86_400), owner)
    suspension = replace(
        change, authority=REVOCATION_ONLY, listed=FINAL_LIFE, value=SUSPENDED, expected=0
    )
    assert evm.failure(suspension.signed_by(successor), relayer) == Reverted("RevocationOnly", (1,))
    evm.send(replace(suspension, value=INVALID).signed_by(successor), relayer)


# ------------------------------------------------------------------------------------ whose signature


@pytest.mark.parametrize(
    "other",
    [
        {"identity": OTHER_ADDRESS},
        {"authority": 1},
        {"listId": PLAIN},
        {"index": 2},
        {"value": 0},
        {"expectedWord": 0},
    ],
    ids=lambda other: next(iter(other)),
)
def test_the_signature_covers_every_member(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, change: Change, other: dict[str, Any]
) -> None:
    call = change.call(change.message(**other).consent(owner))
    assert evm.failure(call, relayer) == Reverted("InvalidSignature", (owner.address.lower(),))


@pytest.mark.parametrize(
    "other", [{"chain_id": 1}, {"contract": OTHER_ADDRESS}], ids=["chain", "contract"]
)
def test_a_message_for_another_chain_or_contract_is_worthless_here(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, change: Change, other: dict[str, Any]
) -> None:
    call = change.signed_by(owner, **other)
    assert evm.failure(call, relayer) == Reverted("InvalidSignature", (owner.address.lower(),))


def test_the_same_message_fails_at_the_same_address_on_a_second_chain(
    owner: LocalAccount, relayer: LocalAccount
) -> None:
    calls = []
    for chain_id in (31337, 31338):
        evm = Evm(chain_id=chain_id)
        registry = evm.deploy(load(ContractName.ETHEREUM_DID_REGISTRY))
        statuses = evm.deploy(load(ContractName.CREDENTIAL_STATUS_REGISTRY), registry.address)
        calls.append((evm, Change(statuses=statuses, identity=owner.address)))
    (here, ours), (there, theirs) = calls
    assert ours.statuses.address == theirs.statuses.address
    consent = ours.message().consent(owner)
    here.send(ours.call(consent), relayer)
    refused = Reverted("InvalidSignature", (owner.address.lower(),))
    assert there.failure(theirs.call(consent), relayer) == refused


def test_the_signer_named_must_be_the_one_who_signed(
    evm: Evm, owner: LocalAccount, stranger: LocalAccount, change: Change
) -> None:
    # ERC-5539 counts nonces of the signer named, and so lets a signature replay under another name.
    refused = Reverted("InvalidSignature", (owner.address.lower(),))
    assert evm.failure(change.signed_by(stranger, signer=owner.address), stranger) == refused
    _, deadline, signature = change.message().consent(owner)
    call = change.call((stranger.address, deadline, signature))
    refused = Reverted("InvalidSignature", (stranger.address.lower(),))
    assert evm.failure(call, stranger) == refused


def test_a_stranger_s_own_signature_gives_no_right(
    evm: Evm, owner: LocalAccount, stranger: LocalAccount, change: Change
) -> None:
    refused = Reverted("NotAuthorized", (owner.address.lower(), stranger.address.lower()))
    assert evm.failure(change.signed_by(stranger), stranger) == refused


def test_the_high_s_is_refused(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, change: Change
) -> None:
    who, deadline, signature = change.message().consent(owner)
    s = ORDER - int.from_bytes(signature[32:64], "big")
    flipped = signature[:32] + s.to_bytes(32, "big") + bytes([55 - signature[64]])
    refused = Reverted("InvalidSignature", (owner.address.lower(),))
    assert evm.failure(change.call((who, deadline, flipped)), relayer) == refused


def test_the_compact_form_is_accepted_with_either_parity(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, change: Change
) -> None:
    parities = set()
    for index in range(12):
        one = replace(change, index=index)
        who, deadline, signature = one.message().consent(owner)
        parity = signature[64] - 27
        parities.add(parity)
        s = int.from_bytes(signature[32:64], "big") | parity << 255
        evm.send(one.call((who, deadline, signature[:32] + s.to_bytes(32, "big"))), relayer)
        wrong = (s ^ 1 << 255).to_bytes(32, "big")
        refused = Reverted("InvalidSignature", (owner.address.lower(),))
        assert evm.failure(one.call((who, deadline, signature[:32] + wrong)), relayer) == refused
    assert parities == {0, 1}


@pytest.mark.parametrize("length", [0, 1, 63, 66, 96])
def test_a_signature_of_another_length_is_refused(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, change: Change, length: int
) -> None:
    who, deadline, signature = change.message().consent(owner)
    call = change.call((who, deadline, signature.ljust(length, b"\0")[:length]))
    assert evm.failure(call, relayer) == Reverted("InvalidSignature", (owner.address.lower(),))


@pytest.mark.parametrize("signature", [b"", b"\0" * 65, b"\xff" * 65, b"\1" * 64 + b"\0"])
def test_a_broken_signature_is_nobody_s_not_even_for_identity_zero(
    evm: Evm, statuses: Contract, stranger: LocalAccount, signature: bytes
) -> None:
    change = Change(statuses=statuses, identity=ZERO)
    refused = Reverted("InvalidSignature", (ZERO,))
    assert evm.failure(change.call((ZERO, FAR, signature)), stranger) == refused


def test_a_contract_that_owns_the_identity_signs_by_erc_1271(
    *,
    evm: Evm,
    registry: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    relayer: LocalAccount,
    change: Change,
) -> None:
    wallet = evm.deploy(load_test_artifact("KeyWallet"), successor.address)
    evm.send(registry.functions.changeOwner(owner.address, wallet.address), owner)
    _, deadline, signature = change.message().consent(successor, signer=wallet.address)
    in_its_form = encode(
        ["bytes32", "bytes32", "uint8"], [signature[:32], signature[32:64], signature[64]]
    )
    other = (wallet.address, deadline, encode(["bytes32", "bytes32", "uint8"], [b"", b"", 27]))
    refused = Reverted("InvalidSignature", (wallet.address.lower(),))
    assert evm.failure(change.call(other), relayer) == refused
    evm.send(change.call((wallet.address, deadline, in_its_form)), relayer)
    assert change.status() == INVALID


def test_a_contract_that_answers_anything_but_the_word_for_yes_says_no(
    *, evm: Evm, registry: Contract, owner: LocalAccount, relayer: LocalAccount, change: Change
) -> None:
    magic = bytes.fromhex("1626ba7e")
    for answer, reverts in (
        (magic, False),
        (magic.ljust(32, b"\1"), False),
        (magic.ljust(64, b"\0"), False),
        (b"", False),
        (magic.ljust(32, b"\0"), True),
    ):
        with evm.undone():
            wallet = evm.deploy(load_test_artifact("FixedAnswer"), answer, reverts)
            evm.send(registry.functions.changeOwner(owner.address, wallet.address), owner)
            refused = Reverted("InvalidSignature", (wallet.address.lower(),))
            call = change.call((wallet.address, FAR, b""))
            assert evm.failure(call, relayer) == refused


def test_a_contract_cannot_write_while_it_is_asked(
    *, evm: Evm, registry: Contract, owner: LocalAccount, relayer: LocalAccount, change: Change
) -> None:
    wallet = evm.deploy(load_test_artifact("WritingWallet"))
    evm.send(registry.functions.changeOwner(owner.address, wallet.address), owner)
    refused = Reverted("InvalidSignature", (wallet.address.lower(),))
    assert evm.failure(change.call((wallet.address, FAR, b"")), relayer) == refused


def test_the_key_of_an_account_with_delegated_code_still_signs(
    *, evm: Evm, owner: LocalAccount, successor: LocalAccount, relayer: LocalAccount, change: Change
) -> None:
    wallet = evm.deploy(load_test_artifact("KeyWallet"), successor.address)
    evm.delegate_code(owner, wallet.address)
    evm.send(change.signed_by(owner), relayer)
    assert change.status() == INVALID


# ---------------------------------------------------------------------------------------- how long


def test_a_message_is_good_up_to_its_deadline_and_not_after(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, change: Change
) -> None:
    evm.wait()
    deadline = evm.timestamp + 100
    call = change.signed_by(owner, deadline=deadline)
    with evm.undone():
        evm.chain.set_next_timestamp(deadline)
        evm.send(call, relayer)
    evm.chain.set_next_timestamp(deadline + 1)
    evm.chain.mine()
    refused = evm.failure(call, relayer)
    assert refused.name == "DeadlineExpired"
    assert refused.args[0] == deadline < refused.args[1]


def test_there_is_no_message_without_a_deadline(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, change: Change
) -> None:
    refused = evm.failure(change.signed_by(owner, deadline=0), relayer)
    assert (refused.name, refused.args[0]) == ("DeadlineExpired", 0)


def test_the_deadline_is_signed(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, change: Change
) -> None:
    who, deadline, signature = change.message().consent(owner)
    call = change.call((who, deadline + 1, signature))
    assert evm.failure(call, relayer) == Reverted("InvalidSignature", (owner.address.lower(),))


# ---------------------------------------------------------------------------------------- how often


def test_repeating_a_final_revocation_does_nothing(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, change: Change
) -> None:
    call = change.signed_by(owner)
    evm.send(call, relayer)
    word = change.word()
    evm.chain.mine(3)
    # "Revoked since" must not move, either.
    assert events(change.statuses, evm.send(call, relayer)) == []
    assert change.word() == word


@pytest.mark.parametrize("listed", [PLAIN, list_id(1), FINAL_LIFE], ids=["plain", "1", "life"])
def test_a_suspension_does_not_replay_after_the_reinstatement(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, change: Change, listed: bytes
) -> None:
    value = SUSPENDED if listed == FINAL_LIFE else INVALID
    change = replace(change, listed=listed, value=value, expected=0)
    call = change.signed_by(owner)
    evm.send(call, relayer)
    evm.send(change.statuses.functions.setStatus(owner.address, OWNER, listed, 1, VALID), owner)
    refused = evm.failure(call, relayer)
    assert refused == Reverted("StaleWord", (0, 0, change.word()))
    assert change.status() == VALID


def test_a_reversible_message_without_an_expectation_is_refused(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, change: Change
) -> None:
    for one in (
        replace(change, listed=PLAIN),
        replace(change, value=VALID),
        replace(change, listed=FINAL_LIFE, value=SUSPENDED),
        replace(change, listed=FINAL_LIFE, value=OTHER),
    ):
        assert evm.failure(one.signed_by(owner), relayer) == Reverted("ExpectationRequired", (1,))


@pytest.mark.parametrize(
    ("listed", "word"),
    [
        (PLAIN, update([(1, INVALID)])),
        (FINAL, update([(1, VALID)])),
        (FINAL, update([(1, INVALID), (2, VALID)])),
        (FINAL_LIFE, update([(1, SUSPENDED)], width_log=1)),
        (FINAL_LIFE, update([(1, INVALID), (5, VALID)], width_log=1)),
        # The lower half of an entry alone: SUSPENDED would become OTHER instead of INVALID.
        (FINAL_LIFE, (0b01, 0, ANY)),
        (FINAL_LIFE, (0b01, 0b01, ANY)),
        (FINAL_LIFE, (0, 0b10, ANY)),
    ],
)
def test_every_entry_of_a_word_without_expectation_must_become_invalid(
    *,
    evm: Evm,
    statuses: Contract,
    owner: LocalAccount,
    relayer: LocalAccount,
    listed: bytes,
    word: Update,
) -> None:
    call = relayed_lists(statuses, owner, listed, [word])
    assert evm.failure(call, relayer) == Reverted("ExpectationRequired", (0,))


@pytest.mark.parametrize("width_log", range(4))
def test_words_of_final_revocations_need_no_expectation(
    evm: Evm, statuses: Contract, owner: LocalAccount, relayer: LocalAccount, width_log: int
) -> None:
    listed = list_id(LIFECYCLE, width_log=width_log, flags=TERMINAL)
    word = update([(0, INVALID), (3, INVALID), (25, INVALID)], width_log=width_log, word=2)
    call = relayed_lists(statuses, owner, listed, [word])
    assert len(events(statuses, evm.send(call, relayer))) == 1
    assert events(statuses, evm.send(call, relayer)) == []


def test_a_message_does_not_replay_inside_one_block(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, change: Change
) -> None:
    # Both words are of the block: revoke, reinstate, and the first message would fit again.
    functions = change.statuses.functions
    block = evm.block_number + 1
    at_first = block << PAYLOAD_BITS | 0b1000
    suspend = replace(change, listed=PLAIN, expected=at_first).signed_by(owner)
    with evm.one_block():
        evm.submit(functions.setStatus(owner.address, OWNER, PLAIN, 3, INVALID), owner)
        suspended = evm.submit(suspend, relayer)
        evm.submit(functions.setStatus(owner.address, OWNER, PLAIN, 1, VALID), owner)
        again = evm.submit(suspend, relayer)
    assert evm.block_number == block
    for tx_hash in (suspended, again):
        assert evm.w3.eth.get_transaction_receipt(tx_hash)["status"] == 0
    assert change.statuses.functions.wordsOf(owner.address, PLAIN, 0, 1).call() == [at_first]
    evm.send(suspend, relayer)


def test_a_message_that_expects_a_word_of_its_own_block_is_too_early(
    evm: Evm, owner: LocalAccount, relayer: LocalAccount, change: Change
) -> None:
    # A call is answered in the block of the head: what this block wrote is too recent.
    functions = change.statuses.functions
    evm.send(functions.setStatus(owner.address, OWNER, PLAIN, 3, INVALID), owner)
    future = (evm.block_number + 10) << PAYLOAD_BITS
    call = replace(change, listed=PLAIN, expected=future).signed_by(owner)
    refused = evm.failure(call, relayer)
    assert refused.name == "ExpectedTooRecent"


def test_the_type_strings_of_the_specification_are_in_the_code() -> None:
    code = load(ContractName.CREDENTIAL_STATUS_REGISTRY).runtime_code
    word = "WordUpdate(uint256 set,uint256 clear,uint256 expected)"
    listed = "ListUpdate(address identity,uint256 authority,bytes32 listId,WordUpdate[] words)"
    for text in (
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
        (
            "SetStatus(address identity,uint256 authority,bytes32 listId,uint32 index,"
            "uint8 value,uint256 expectedWord,address signer,uint256 deadline)"
        ),
        f"UpdateLists(ListUpdate[] lists,address signer,uint256 deadline){listed}{word}",
        listed + word,
        word,
        (
            "SetKeys(address identity,uint256 authority,uint8 value,bytes32[] keys,"
            "uint256[] expected,address signer,uint256 deadline)"
        ),
    ):
        assert keccak(text.encode()) in code


def test_tells_its_domain(statuses: Contract) -> None:
    assert statuses.functions.eip712Domain().call() == [
        b"\x0f",
        "CredentialStatusRegistry",
        "1",
        31337,
        statuses.address,
        bytes(32),
        [],
    ]

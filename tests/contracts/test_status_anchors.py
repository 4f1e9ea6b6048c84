"""Heads of lists kept off chain: versions, freshness, proofs of single bits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from eth_hash.auto import keccak

from ethr_did.chain.artifacts import ContractName, load
from support.evm import Evm, Reverted, b32, events
from support.status import (
    ALL_LISTS,
    ANCHORED,
    FAR,
    LIFECYCLE,
    LSB_FIRST,
    NO_HEADER,
    ONE_LIST,
    OWNER,
    OWNER_ONLY,
    REVOCATION_ONLY,
    TERMINAL,
    Header,
    Message,
    Publication,
    Tree,
    dice,
    digest,
    head_of,
    list_id,
    message,
    type_of_list,
    word_slot,
)

if TYPE_CHECKING:
    from eth_account.signers.local import LocalAccount
    from web3.contract import Contract

LISTED = list_id(flags=ANCHORED)
ROOT, CONTENT = b"\x22" * 32, b"\x33" * 32


def publication(
    who: str, previous: Header = NO_HEADER, *, listed: bytes = LISTED, **other: Any
) -> Publication:
    members = {
        "identity": who,
        "authority": OWNER,
        "listId": listed,
        "previous": previous,
        "contentDigest": CONTENT,
        "bitmapRoot": ROOT,
        "validUntil": FAR,
        **other,
    }
    found: Any = tuple(members.values())
    return found  # type: ignore[no-any-return]


def publish(
    evm: Evm, anchors: Contract, who: LocalAccount, previous: Header = NO_HEADER, **other: Any
) -> Header:
    """The header of the new version."""
    new = publication(who.address, previous, **other)
    evm.send(anchors.functions.publish(new), who)
    return (new[4], new[5], previous[2] + 1, evm.timestamp, new[6], evm.block_number)


def stale(shown: Header, actual: Header) -> Reverted:
    return Reverted("StaleHeader", (head_of(shown), head_of(actual)))


def test_one_slot_commits_to_the_whole_header(
    evm: Evm, anchors: Contract, owner: LocalAccount
) -> None:
    assert anchors.functions.headOf(owner.address, LISTED).call() == bytes(32)
    header = publish(evm, anchors, owner)
    assert anchors.functions.headOf(owner.address, LISTED).call() == head_of(header)
    slot = word_slot(owner.address, LISTED, 0)
    assert evm.w3.eth.get_storage_at(anchors.address, slot) == head_of(header)
    assert load(ContractName.STATUS_LIST_ANCHOR_REGISTRY).storage_layout["storage"] == []


def test_the_event_and_its_block_are_the_header(
    evm: Evm, anchors: Contract, owner: LocalAccount
) -> None:
    first = publish(evm, anchors, owner)
    receipt = evm.send(anchors.functions.publish(publication(owner.address, first)), owner)
    assert events(anchors, receipt) == [
        (
            "StatusListAnchored",
            {
                "identity": owner.address,
                "listId": LISTED,
                "version": 2,
                "contentDigest": CONTENT,
                "bitmapRoot": ROOT,
                "validUntil": FAR,
                "previousBlock": first[5],
            },
        )
    ]
    second = (CONTENT, ROOT, 2, evm.timestamp, FAR, evm.block_number)
    assert anchors.functions.isCurrent(owner.address, LISTED, second).call()


def test_an_older_version_is_neither_current_nor_a_base_for_the_next(
    evm: Evm, anchors: Contract, owner: LocalAccount
) -> None:
    first = publish(evm, anchors, owner)
    second = publish(evm, anchors, owner, first)
    current = anchors.functions.isCurrent
    assert not current(owner.address, LISTED, first).call()
    assert current(owner.address, LISTED, second).call()
    for shown in (first, NO_HEADER):
        call = anchors.functions.publish(publication(owner.address, shown))
        assert evm.failure(call, owner) == stale(shown, second)


def test_two_versions_cannot_be_published_after_the_same_one(
    evm: Evm, anchors: Contract, owner: LocalAccount
) -> None:
    first = publish(evm, anchors, owner)
    with evm.one_block():
        hashes = [
            evm.submit(
                anchors.functions.publish(
                    publication(owner.address, first, contentDigest=bytes([number]) * 32)
                ),
                owner,
            )
            for number in (1, 2)
        ]
    found = [evm.w3.eth.get_transaction_receipt(tx_hash)["status"] for tx_hash in hashes]
    assert found == [1, 0]


@pytest.mark.parametrize("member", range(6))
def test_every_member_of_the_header_counts(
    evm: Evm, anchors: Contract, owner: LocalAccount, member: int
) -> None:
    header = publish(evm, anchors, owner)
    other: Any = list(header)
    other[member] = b"\x01" * 32 if member < 2 else other[member] + 1
    forged: Any = tuple(other)
    assert not anchors.functions.isCurrent(owner.address, LISTED, forged).call()
    call = anchors.functions.publish(publication(owner.address, forged))
    assert evm.failure(call, owner) == stale(forged, header)


def test_nothing_published_is_not_current(anchors: Contract, owner: LocalAccount) -> None:
    assert not anchors.functions.isCurrent(owner.address, LISTED, NO_HEADER).call()


def test_a_version_is_current_up_to_its_last_good_second_and_not_after(
    evm: Evm, anchors: Contract, owner: LocalAccount
) -> None:
    evm.wait()
    until = evm.timestamp + 100
    tree = Tree(bytes(16_384))
    header = publish(evm, anchors, owner, bitmapRoot=tree.root, validUntil=until)
    proof = anchors.functions.statusFromProof(
        owner.address, LISTED, header, 0, tree.words[0], tree.proof(0)
    )
    # As transactions, since these know exactly in which second they are.
    evm.chain.set_next_timestamp(until)
    evm.send(proof, owner)
    assert evm.timestamp == until
    evm.chain.set_next_timestamp(until + 1)
    late = evm.w3.eth.get_transaction_receipt(evm.submit(proof, owner))
    assert (late["status"], evm.timestamp) == (0, until + 1)
    assert not anchors.functions.isCurrent(owner.address, LISTED, header).call()


def test_what_is_over_or_empty_is_not_published(
    evm: Evm, anchors: Contract, owner: LocalAccount
) -> None:
    publishing = anchors.functions.publish
    for until in (0, evm.timestamp):
        call = publishing(publication(owner.address, validUntil=until))
        assert evm.failure(call, owner) == Reverted("ListExpired", (until,))
    for empty in ("contentDigest", "bitmapRoot"):
        other: Any = {empty: bytes(32)}
        call = publishing(publication(owner.address, **other))
        assert evm.failure(call, owner) == Reverted("ZeroDigest")


def test_publishes_several_lists_or_none(
    evm: Evm, anchors: Contract, owner: LocalAccount, stranger: LocalAccount
) -> None:
    other = list_id(1, flags=ANCHORED)
    good = [publication(owner.address), publication(owner.address, listed=other)]
    many = anchors.functions.publishMany
    refused = evm.failure(many([*good, publication(stranger.address)]), owner)
    assert refused.name == "NotAuthorized"
    assert evm.failure(many([]), owner) == Reverted("EmptyBatch")
    assert len(events(anchors, evm.send(many(good), owner))) == 2


@pytest.mark.parametrize(
    "listed",
    [
        list_id(),
        list_id(flags=LSB_FIRST),
        list_id(flags=ANCHORED | 16),
        list_id(5, flags=ANCHORED),
        list_id(flags=ANCHORED, layout=2),
        list_id(253, flags=ANCHORED, layout=0),
        list_id(flags=ANCHORED, width_log=4),
        list_id(flags=ANCHORED, capacity_log=32),
    ],
    ids=lambda listed: listed[:5].hex(),
)
def test_an_id_that_is_not_an_anchored_list_s_is_refused_everywhere(
    evm: Evm, anchors: Contract, owner: LocalAccount, listed: bytes
) -> None:
    functions, who = anchors.functions, owner.address
    for call in (
        functions.publish(publication(who, listed=listed)),
        functions.locate(who, OWNER, listed, "https://example.com/list"),
        functions.headOf(who, listed),
        functions.isCurrent(who, listed, NO_HEADER),
        functions.statusFromProof(who, listed, NO_HEADER, 0, bytes(32), []),
    ):
        assert evm.failure(call, owner) == Reverted("InvalidListId", (listed,))


def test_says_where_a_list_is(
    evm: Evm, anchors: Contract, owner: LocalAccount, stranger: LocalAccount
) -> None:
    call = anchors.functions.locate(owner.address, OWNER, LISTED, "https://example.com/list")
    assert evm.failure(call, stranger).name == "NotAuthorized"
    assert events(anchors, evm.send(call, owner)) == [
        (
            "StatusListLocated",
            {"identity": owner.address, "listId": LISTED, "uri": "https://example.com/list"},
        )
    ]


# ----------------------------------------------------------------------------------------- authority


def test_a_stranger_publishes_nothing_of_somebody_else(
    evm: Evm, anchors: Contract, owner: LocalAccount, stranger: LocalAccount
) -> None:
    call = anchors.functions.publish(publication(owner.address))
    refused = Reverted("NotAuthorized", (owner.address.lower(), stranger.address.lower()))
    assert evm.failure(call, stranger) == refused


@pytest.mark.parametrize("authority", [ALL_LISTS, ONE_LIST])
def test_delegates_publish(
    *,
    evm: Evm,
    registry: Contract,
    anchors: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
    authority: int,
) -> None:
    kind = b32("credStatus") if authority == ALL_LISTS else type_of_list(LISTED)
    evm.send(registry.functions.addDelegate(owner.address, kind, successor.address, 86_400), owner)
    allowed = anchors.functions.isAuthorized
    assert allowed(owner.address, authority, LISTED, successor.address).call()
    assert not allowed(owner.address, OWNER, LISTED, successor.address).call()
    new = publication(owner.address, authority=authority)
    evm.send(anchors.functions.publish(new), successor)
    closed = list_id(flags=ANCHORED | OWNER_ONLY)
    assert not allowed(owner.address, authority, closed, successor.address).call()


def test_a_revocation_delegate_publishes_nothing(
    *,
    evm: Evm,
    registry: Contract,
    anchors: Contract,
    owner: LocalAccount,
    successor: LocalAccount,
) -> None:
    kind = b32("credRevoke")
    evm.send(registry.functions.addDelegate(owner.address, kind, successor.address, 86_400), owner)
    functions = anchors.functions
    new = publication(owner.address, authority=REVOCATION_ONLY)
    unknown = Reverted("UnknownAuthority", (REVOCATION_ONLY,))
    assert evm.failure(functions.publish(new), successor) == unknown
    call = functions.isAuthorized(owner.address, REVOCATION_ONLY, LISTED, successor.address)
    assert call.call() is False


def publish_message(anchors: Contract, new: Publication) -> Message:
    who, authority, listed, previous, content, root, until = new
    members = (who, authority, listed, head_of(previous), content, root, until)
    return message(anchors, "Publish", *members)


def test_a_message_publishes_once(
    evm: Evm, anchors: Contract, owner: LocalAccount, relayer: LocalAccount
) -> None:
    new = publication(owner.address)
    call = anchors.functions.publishBySig(new, publish_message(anchors, new).consent(owner))
    evm.send(call, relayer)
    header = (CONTENT, ROOT, 1, evm.timestamp, FAR, evm.block_number)
    assert anchors.functions.headOf(owner.address, LISTED).call() == head_of(header)
    assert evm.failure(call, relayer) == stale(NO_HEADER, header)


def test_a_message_does_not_replay_after_its_content_came_back(
    evm: Evm, anchors: Contract, owner: LocalAccount, relayer: LocalAccount
) -> None:
    # indy-besu's check of the previous accumulator passes again once an earlier value returns.
    first = publish(evm, anchors, owner)
    new = publication(owner.address, first, contentDigest=b"\x44" * 32)
    call = anchors.functions.publishBySig(new, publish_message(anchors, new).consent(owner))
    evm.send(call, relayer)
    second = (b"\x44" * 32, ROOT, 2, evm.timestamp, FAR, evm.block_number)
    third = publish(evm, anchors, owner, second)
    assert third[:2] == first[:2]
    assert evm.failure(call, relayer) == stale(first, third)


def test_the_signature_covers_every_member(
    evm: Evm, anchors: Contract, owner: LocalAccount, relayer: LocalAccount
) -> None:
    new = publication(owner.address)
    consent = publish_message(anchors, new).consent(owner)
    header = publish(evm, anchors, owner, listed=list_id(1, flags=ANCHORED))
    for other in (
        {"identity": relayer.address},
        {"authority": 1},
        {"listed": list_id(2, flags=ANCHORED)},
        {"previous": header},
        {"contentDigest": b"\1" * 32},
        {"bitmapRoot": b"\1" * 32},
        {"validUntil": FAR + 1},
    ):
        changed = publication(**{"who": owner.address, **_who(other)})
        call = anchors.functions.publishBySig(changed, consent)
        assert evm.failure(call, relayer) == Reverted("InvalidSignature", (owner.address.lower(),))


def _who(other: dict[str, Any]) -> dict[str, Any]:
    return {("who" if name == "identity" else name): value for name, value in other.items()}


def test_the_type_string_of_the_specification_is_in_the_code(anchors: Contract) -> None:
    text = (
        "Publish(address identity,uint256 authority,bytes32 listId,bytes32 previousHead,"
        "bytes32 contentDigest,bytes32 bitmapRoot,uint256 validUntil,address signer,"
        "uint256 deadline)"
    )
    code = load(ContractName.STATUS_LIST_ANCHOR_REGISTRY).runtime_code
    assert keccak(text.encode()) in code
    assert anchors.functions.eip712Domain().call()[1] == "StatusListAnchorRegistry"


# -------------------------------------------------------------------------------------------- proofs


def read_bit_by_bit(bits: bytes, index: int, width: int, *, lsb_first: bool) -> int:
    """An entry, read as slowly as the formats describe it."""
    found = 0
    for offset in range(width):
        bit = index * width + offset
        in_byte = bit % 8
        if lsb_first:
            found |= (bits[bit // 8] >> in_byte & 1) << offset
        else:
            found = found << 1 | bits[bit // 8] >> (7 - in_byte) & 1
    return found


@pytest.mark.parametrize("lsb_first", [False, True], ids=["W3C", "IETF"])
@pytest.mark.parametrize("width_log", range(4))
@pytest.mark.parametrize("capacity_log", [0, 4, 9, 13])
def test_proves_any_entry_of_the_current_version(
    *,
    evm: Evm,
    anchors: Contract,
    owner: LocalAccount,
    capacity_log: int,
    width_log: int,
    lsb_first: bool,
) -> None:
    flags = ANCHORED | (LSB_FIRST if lsb_first else 0)
    listed = list_id(LIFECYCLE, width_log=width_log, flags=flags, capacity_log=capacity_log)
    rng = dice(capacity_log * 8 + width_log)
    width = 1 << width_log
    bits = rng.randbytes(max(1, (width << capacity_log) // 8))
    tree = Tree(bits)
    header = publish(
        evm, anchors, owner, listed=listed, contentDigest=digest(bits), bitmapRoot=tree.root
    )
    last = 2**capacity_log - 1
    for index in {0, last, *(rng.randint(0, last) for _ in range(6))}:
        at = index * width // 256
        call = anchors.functions.statusFromProof(
            owner.address, listed, header, index, tree.words[at], tree.proof(at)
        )
        assert call.call() == read_bit_by_bit(bits, index, width, lsb_first=lsb_first)


@pytest.fixture
def tree() -> Tree:
    return Tree(dice(5).randbytes(16_384))


@pytest.fixture
def header(evm: Evm, anchors: Contract, owner: LocalAccount, tree: Tree) -> Header:
    return publish(evm, anchors, owner, bitmapRoot=tree.root)


def test_the_proof_of_another_place_is_refused(
    *, evm: Evm, anchors: Contract, owner: LocalAccount, tree: Tree, header: Header
) -> None:
    # Where siblings are sorted, every word's proof passes for every other place.
    for at, index in ((0, 256), (1, 0), (511, 130_000), (3, 2 * 256)):
        call = anchors.functions.statusFromProof(
            owner.address, LISTED, header, index, tree.words[at], tree.proof(at)
        )
        assert evm.failure(call, owner) == Reverted("InvalidProof")


def test_another_word_or_a_swapped_sibling_is_refused(
    *, evm: Evm, anchors: Contract, owner: LocalAccount, tree: Tree, header: Header
) -> None:
    proof = tree.proof(4)
    forged = [proof[1], proof[0], *proof[2:]]
    for word, siblings in ((tree.words[5], proof), (bytes(32), proof), (tree.words[4], forged)):
        call = anchors.functions.statusFromProof(
            owner.address, LISTED, header, 4 * 256, word, siblings
        )
        assert evm.failure(call, owner) == Reverted("InvalidProof")


def test_a_node_is_not_taken_for_a_word(
    *, evm: Evm, anchors: Contract, owner: LocalAccount, tree: Tree, header: Header
) -> None:
    # The proof is one level shorter if an inner node is passed off as the word.
    node = tree.levels[1][0]
    siblings = [level[at ^ 1] for level, at in zip(tree.levels[1:-1], [0] * 8, strict=True)]
    call = anchors.functions.statusFromProof(owner.address, LISTED, header, 0, node, siblings)
    assert evm.failure(call, owner) == Reverted("ProofLengthMismatch", (9, 8))


@pytest.mark.parametrize("length", [0, 8, 10])
def test_a_proof_of_another_length_is_refused(
    *, evm: Evm, anchors: Contract, owner: LocalAccount, tree: Tree, header: Header, length: int
) -> None:
    siblings = [*tree.proof(0), bytes(32)][:length]
    call = anchors.functions.statusFromProof(
        owner.address, LISTED, header, 0, tree.words[0], siblings
    )
    assert evm.failure(call, owner) == Reverted("ProofLengthMismatch", (9, length))


def test_an_index_behind_the_end_is_refused(
    *, evm: Evm, anchors: Contract, owner: LocalAccount, tree: Tree, header: Header
) -> None:
    for index in (2**17, 2**256 - 1):
        call = anchors.functions.statusFromProof(
            owner.address, LISTED, header, index, tree.words[0], tree.proof(0)
        )
        assert evm.failure(call, owner) == Reverted("IndexOutOfRange", (index,))


def test_a_replaced_version_proves_nothing_any_more(
    *, evm: Evm, anchors: Contract, owner: LocalAccount, tree: Tree, header: Header
) -> None:
    call = anchors.functions.statusFromProof(
        owner.address, LISTED, header, 0, tree.words[0], tree.proof(0)
    )
    call.call()
    newer = publish(evm, anchors, owner, header, bitmapRoot=tree.root)
    assert evm.failure(call, owner) == stale(header, newer)


def test_a_version_past_its_time_proves_nothing(
    *, evm: Evm, anchors: Contract, owner: LocalAccount, tree: Tree
) -> None:
    evm.wait()
    header = publish(evm, anchors, owner, bitmapRoot=tree.root, validUntil=evm.timestamp + 100)
    call = anchors.functions.statusFromProof(
        owner.address, LISTED, header, 0, tree.words[0], tree.proof(0)
    )
    call.call()
    evm.wait(200)
    assert evm.failure(call, owner) == Reverted("ListExpired", (header[4],))


def test_a_list_without_a_version_proves_nothing(
    evm: Evm, anchors: Contract, owner: LocalAccount
) -> None:
    listed = list_id(flags=ANCHORED | TERMINAL, capacity_log=8)
    call = anchors.functions.statusFromProof(owner.address, listed, NO_HEADER, 0, bytes(32), [])
    assert evm.failure(call, owner) == stale(NO_HEADER, NO_HEADER)
